//! Slots of a service: what tells them apart, which are occupied, which are dead, which go first when there are too many.
//! Reading only. Source: control-plane.md §2.5, §4.1.

use super::restart::Supervisor;
use crate::swarm::object::{Mode, NodeKey, Service, Task, TaskState, UpdateState};
use crate::swarm::store::State;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What tells the slots of a service apart: a number, or a node where each has one task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SlotId {
    /// From 1; 0 with a node; of a job from 0.
    pub(super) number: u32,
    /// Of global services and global jobs.
    pub(super) node: Option<NodeKey>,
}

impl SlotId {
    /// A slot of a replicated service or job.
    pub(super) fn numbered(number: u32) -> Self {
        Self { number, node: None }
    }

    /// The slot that a node is.
    pub(super) fn on(node: NodeKey) -> Self {
        Self { number: 0, node: Some(node) }
    }

    /// A task's slot.
    pub(super) fn of(task: &Task, mode: Mode) -> Self {
        Self { number: task.slot, node: task.node.filter(|_| mode.is_by_node()) }
    }
}

/// The tasks that stand for a slot, oldest first. Never empty.
pub(super) type Slot = Vec<Arc<Task>>;

/// A service's slots.
#[derive(Debug, Default)]
pub(super) struct Slots {
    /// Occupied ones, by number, with the tasks that an update may replace.
    pub(super) updatable: BTreeMap<u32, Slot>,
    /// The others, with all their tasks.
    pub(super) dead: BTreeMap<u32, Slot>,
}

/// Sorts a service's tasks into slots.
pub(super) fn of_service(service: &Service, state: &State, supervisor: &mut Supervisor) -> Slots {
    let rolling_back = is_rolling_back(service);
    let mut by_number: BTreeMap<u32, Slot> = BTreeMap::new();
    for task in state.tasks_of_service(service.key) {
        by_number.entry(task.slot).or_default().push(task.clone());
    }
    let mut slots = Slots::default();
    for (number, tasks) in by_number {
        let updatable = updatable_tasks(&tasks, rolling_back, supervisor);
        if updatable.is_empty() {
            slots.dead.insert(number, tasks);
        } else {
            slots.updatable.insert(number, updatable);
        }
    }
    slots
}

/// A rollback of the service is under way.
pub(super) fn is_rolling_back(service: &Service) -> bool {
    service.update_status.as_ref().is_some_and(|status| status.state == UpdateState::RollbackStarted)
}

/// Tasks of a slot that an update may replace: those that should run; else, unless a rollback is under way, its newest
/// one if that must not be restarted, so that an update revives what its policy gave up. Empty: the slot is dead.
pub(super) fn updatable_tasks(tasks: &[Arc<Task>], rolling_back: bool, supervisor: &mut Supervisor) -> Slot {
    let live: Slot = tasks.iter().filter(|task| task.desired <= TaskState::Running).cloned().collect();
    if !live.is_empty() || rolling_back {
        return live;
    }
    let mut newest: Option<&Arc<Task>> = None;
    for task in tasks {
        // Of two with the same stamp the first stays.
        if newest.is_none_or(|newest| newest.age_stamp() < task.age_stamp()) {
            newest = Some(task);
        }
    }
    newest.filter(|task| !supervisor.should_restart(task)).cloned().into_iter().collect()
}

/// The lowest `count` slot numbers, from 1, that are not occupied.
pub(super) fn free_numbers(updatable: &BTreeMap<u32, Slot>, count: usize) -> Vec<u32> {
    (1..).filter(|number| !updatable.contains_key(number)).take(count).collect()
}

/// Slots in the order in which a scale-down keeps them, best first: the first copy on each node, then the second, and
/// so on; in one rank those with a running task, then by number; slots without a node or with several tasks last.
///
/// The real code sorts without keeping the order of equals; with more than 12 slots it keeps any of them. We keep ours.
pub(super) fn in_keeping_order(updatable: BTreeMap<u32, Slot>) -> Vec<Slot> {
    let mut slots: Vec<Slot> = updatable.into_values().collect();
    slots.sort_by_key(|slot| !slot.iter().any(|task| task.status.state == TaskState::Running));
    let mut copies: BTreeMap<NodeKey, u32> = BTreeMap::new();
    let mut ranked: Vec<(u32, Slot)> = slots
        .into_iter()
        .map(|slot| match (slot.as_slice(), slot[0].node) {
            ([_], Some(node)) => {
                let copy = copies.entry(node).or_insert(0);
                *copy += 1;
                (*copy, slot)
            }
            _ => (u32::MAX, slot),
        })
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, slot)| slot).collect()
}
