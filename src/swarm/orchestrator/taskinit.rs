//! What the replicated orchestrator of a new leader finds out from the store before its loop begins: the memory of the
//! leader before it is lost. Source: control-plane.md §4.6; `manager/orchestrator/taskinit/init.go`.

use super::restart::Supervisor;
use super::task::{needs_restart, replicated};
use crate::engine::{Duration, Time};
use crate::swarm::component::Outbox;
use crate::swarm::object::{ServiceKey, Task, TaskKey, TaskState};
use crate::swarm::store::State;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is to be done first.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Tasks to restart.
    pub(super) restart: BTreeSet<TaskKey>,
    /// Tasks whose service vanished while no leader ran: deleted outright.
    pub(super) strays: BTreeSet<TaskKey>,
}

/// Looks at every task once; rebuilds delayed starts and the history of restarts.
pub(super) fn check_tasks(state: &State, supervisor: &mut Supervisor, now: Time, out: &mut Outbox) -> Found {
    let mut found = Found::default();
    let mut slots: BTreeMap<(ServiceKey, u32), Vec<&Arc<Task>>> = BTreeMap::new();
    for task in state.tasks.values() {
        if state.services.get(task.service).is_none() {
            found.strays.insert(task.key);
            continue;
        }
        if replicated(state, task.service).is_none() {
            continue;
        }
        slots.entry((task.service, task.slot)).or_default().push(task);
        if needs_restart(state, task) {
            found.restart.insert(task.key);
        }
        if task.desired == TaskState::Ready && task.status.state <= TaskState::Complete {
            // Counted from its last status, and no longer waiting for its predecessor: who that was is forgotten.
            let delay = task.spec.restart.delay;
            let left = delay.min(task.age_stamp() + delay - now).max(Duration::ZERO);
            supervisor.delay_start(task, None, left, now, out);
        }
    }
    for tasks in slots.values() {
        rebuild_history(tasks, supervisor);
    }
    found
}

/// Of the tasks with the newest spec in a slot, all but the oldest are taken for restarts. They come in the order of
/// their creation.
fn rebuild_history(tasks: &[&Arc<Task>], supervisor: &mut Supervisor) {
    let newest = tasks.iter().map(|task| task.spec_version).max();
    for task in tasks.iter().filter(|task| Some(task.spec_version) == newest).skip(1) {
        supervisor.record(task, task.meta.created_at);
    }
}
