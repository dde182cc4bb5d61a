//! What an orchestrator has decided and not yet written: one change after the other, over as many transactions as it
//! takes, without being decided anew.
//!
//! Source: control-plane.md §11 (batches), §4.1, §4.2, §4.5 (service removal).

use super::MAX_CHANGES;
use super::restart::Supervisor;
use super::slot::SlotId;
use super::task;
use crate::swarm::component::{Ids, Outbox};
use crate::swarm::object::{Service, ServiceKey, Task, TaskKey, TaskState};
use crate::swarm::store::{Transaction, Why};
use std::collections::VecDeque;
use std::sync::Arc;

/// One change.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// A task for this slot.
    Create { place: SlotId, desired: TaskState, why: Why },
    /// The task goes from the store.
    Delete(TaskKey, Why),
    /// The task is told to stop, and to vanish if that is desired, unless it was told so already.
    Tell(TaskKey, TaskState, Why),
    /// The restart supervisor looks at the task.
    Restart(TaskKey),
}

/// Changes in order, each with the service as it was when they were decided.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    steps: VecDeque<(Arc<Service>, Step)>,
}

impl Plan {
    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    pub(super) fn extend(&mut self, service: &Arc<Service>, steps: impl IntoIterator<Item = Step>) {
        self.steps.extend(steps.into_iter().map(|step| (service.clone(), step)));
    }

    /// As many of the changes as one transaction takes.
    pub(super) fn carry_out(
        &mut self,
        tx: &mut Transaction,
        ids: &mut Ids,
        supervisor: &mut Supervisor,
        out: &mut Outbox,
    ) {
        while tx.len() < MAX_CHANGES
            && let Some((service, step)) = self.steps.pop_front()
        {
            match step {
                Step::Create { place, desired, why } => {
                    if tx.state().services.get(service.key).is_some() {
                        task::create(&service, place, desired, why, tx, ids);
                    }
                }
                Step::Delete(key, why) => {
                    if tx.state().tasks.get(key).is_some() {
                        tx.remove_task(key, why);
                    }
                }
                Step::Tell(key, desired, why) => {
                    let found: Option<&Arc<Task>> = tx.state().tasks.get(key);
                    if let Some(task) = found.filter(|task| task.desired < desired) {
                        let task = task.with_desired(desired);
                        tx.put_task(task, why);
                    }
                }
                Step::Restart(key) => {
                    let old = tx.state().tasks.get(key).filter(|task| task.desired <= TaskState::Complete).cloned();
                    let service = tx.state().services.get(service.key).cloned();
                    if let (Some(old), Some(service)) = (old, service) {
                        supervisor.restart(&service, &old, tx, ids, out);
                    }
                }
            }
        }
    }
}

/// All tasks of a service that is gone are told to stop and vanish; true if there are more than one transaction takes.
pub(super) fn remove_tasks(service: ServiceKey, tx: &mut Transaction) -> bool {
    let tasks: Vec<_> = tx
        .state()
        .tasks_of_service(service)
        .filter(|task| task.desired < TaskState::Remove)
        .take(MAX_CHANGES + 1)
        .cloned()
        .collect();
    for task in tasks.iter().take(MAX_CHANGES) {
        tx.put_task(task.with_desired(TaskState::Remove), Why::ServiceRemoved);
    }
    tasks.len() > MAX_CHANGES
}
