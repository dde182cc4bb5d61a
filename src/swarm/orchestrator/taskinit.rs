//! What a new leader's orchestrators make out from the store before their loops begin: the memory of the leader before
//! is lost. Source: control-plane.md §4.6; `manager/orchestrator/taskinit/init.go`.

use super::restart::Supervisor;
use super::slot::SlotId;
use super::task::is_of;
use crate::engine::{Duration, Time};
use crate::swarm::component::{Kind, Outbox};
use crate::swarm::object::{ServiceKey, Task, TaskKey, TaskState};
use crate::swarm::store::State;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Looks once at every task of one orchestrator: begins its delayed starts again, and rebuilds the history of restarts.
/// (Which tasks must be restarted is its own business.)
///
/// `wall` is what the leader's clock shows: the stamps on tasks are of clocks that show the time, be they wrong.
pub(super) fn check_tasks(
    state: &State,
    kind: Kind,
    supervisor: &mut Supervisor,
    now: Time,
    wall: Time,
    out: &mut Outbox,
) {
    let mut slots: BTreeMap<(ServiceKey, SlotId), Vec<&Arc<Task>>> = BTreeMap::new();
    for task in state.tasks.values() {
        let Some(service) = state.services.get(task.service).filter(|service| is_of(service, kind)) else { continue };
        slots.entry((task.service, SlotId::of(task, service.spec.mode))).or_default().push(task);
        if task.desired == TaskState::Ready && task.status.state <= TaskState::Complete {
            // Counted from its last status, and no longer waiting for its predecessor: who that was is forgotten.
            let delay = task.spec.restart.delay;
            let left = delay.min(task.age_stamp() + delay - wall).max(Duration::ZERO);
            supervisor.delay_start(task, None, left, now, out);
        }
    }
    for ((_, place), tasks) in slots {
        rebuild_history(&tasks, place, supervisor);
    }
}

/// Tasks whose service vanished while no leader ran: deleted outright, by whichever orchestrator comes first.
pub(super) fn strays(state: &State) -> BTreeSet<TaskKey> {
    state.tasks.values().filter(|task| state.services.get(task.service).is_none()).map(|task| task.key).collect()
}

/// Of the tasks with the newest spec in a slot, all but the oldest are taken for restarts. They come in the order of
/// their creation.
fn rebuild_history(tasks: &[&Arc<Task>], place: SlotId, supervisor: &mut Supervisor) {
    let newest = tasks.iter().map(|task| task.spec_version).max();
    for task in tasks.iter().filter(|task| Some(task.spec_version) == newest).skip(1) {
        supervisor.record(task, place, task.meta.created_at);
    }
}
