//! The task reaper: deletes tasks that are only history, and those that were told to vanish and have stopped.
//!
//! It looks at a slot only after a task was made in it, and at a task only when it was written; it works in batches.
//! Source: control-plane.md §4.5; `manager/orchestrator/taskreaper/task_reaper.go`.

use super::MAX_CHANGES;
#[cfg(any(test, feature = "mutants"))]
use super::Mutant;
use super::slot::SlotId;
use crate::engine::{Duration, Time};
use crate::swarm::component::{Alarm, Outbox, Writer};
use crate::swarm::object::{Service, ServiceKey, Task, TaskKey, TaskState};
use crate::swarm::store::{Event, State, Transaction, Why};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How long after the first event of a batch it works.
const BATCH: Duration = Duration::from_millis(250);
/// With more than so much to look at it does not wait.
const MAX_DIRTY: usize = 1000;
/// Where there is no cluster object yet.
const DEFAULT_LIMIT: i64 = 5;

/// The task reaper of one leader.
#[derive(Clone, Debug)]
pub struct Reaper {
    /// Tasks kept in a slot; negative: all.
    limit: i64,
    /// Slots with a new task. A task that came without its node has none here, whatever its service.
    dirty: BTreeSet<(ServiceKey, SlotId)>,
    /// Tasks to delete.
    cleanup: BTreeSet<TaskKey>,
    /// History to delete that did not fit into one transaction.
    left_over: BTreeSet<TaskKey>,
    /// The last write was full and there is more.
    unfinished: bool,
    /// The batch under way ends then. Every event of a task starts one, also where there is nothing to do; the alarm is
    /// set only if there is.
    batch_ends: Time,
    armed: bool,
    /// The turn to write is asked for.
    asked: bool,
    #[cfg(any(test, feature = "mutants"))]
    mutant: Option<Mutant>,
}

impl Reaper {
    /// Starts on a new leader: what was told to vanish and has stopped goes at once.
    pub fn start(state: &State, now: Time, out: &mut Outbox) -> Self {
        let cleanup: BTreeSet<_> = state.tasks.values().filter(|task| is_gone(task)).map(|task| task.key).collect();
        let mut reaper = Self {
            limit: state.cluster.as_ref().map_or(DEFAULT_LIMIT, |cluster| cluster.task_history_limit),
            dirty: BTreeSet::new(),
            cleanup,
            left_over: BTreeSet::new(),
            unfinished: false,
            batch_ends: now,
            armed: false,
            asked: false,
            #[cfg(any(test, feature = "mutants"))]
            mutant: None,
        };
        if !reaper.cleanup.is_empty() {
            reaper.ask(out);
        }
        reaper
    }

    /// Plants a fault.
    #[cfg(any(test, feature = "mutants"))]
    pub fn set_mutant(&mut self, mutant: Option<Mutant>) {
        self.mutant = mutant;
    }

    fn ask(&mut self, out: &mut Outbox) {
        if !self.asked {
            self.asked = true;
            out.turn(Writer::Reaper);
        }
    }

    /// The store has changed.
    pub fn watch(&mut self, event: &Event, _state: &State, now: Time, out: &mut Outbox) {
        match event {
            Event::Cluster(cluster) => self.limit = cluster.task_history_limit,
            Event::Task { old: None, new: Some(task) } => {
                self.dirty.insert((task.service, SlotId { number: task.slot, node: task.node }));
            }
            Event::Task { old: Some(_), new: Some(task) } => {
                if is_gone(task) {
                    self.cleanup.insert(task.key);
                }
            }
            Event::Commit if std::mem::take(&mut self.unfinished) => return self.ask(out),
            _ => return,
        }
        let work = self.dirty.len() + self.cleanup.len();
        if work > MAX_DIRTY {
            self.batch_ends = now;
            self.ask(out);
            return;
        }
        if now >= self.batch_ends {
            self.batch_ends = now + BATCH;
        }
        if work > 0 && !self.armed {
            self.armed = true;
            out.alarm(self.batch_ends, Alarm::Reaper);
        }
    }

    /// The batch is over.
    pub fn alarm(&mut self, _state: &State, now: Time, out: &mut Outbox) {
        self.armed = false;
        if !self.dirty.is_empty() || !self.cleanup.is_empty() {
            if now < self.batch_ends {
                // A full batch went before its time, and this is the next one's.
                self.armed = true;
                out.alarm(self.batch_ends, Alarm::Reaper);
            } else {
                self.ask(out);
            }
        }
    }

    /// It is the reaper's turn to write.
    pub fn write(&mut self, tx: &mut Transaction) {
        self.asked = false;
        #[cfg(any(test, feature = "mutants"))]
        if self.mutant == Some(Mutant::ReaperForgets) {
            self.dirty.clear();
            self.cleanup.clear();
            return;
        }
        if self.left_over.is_empty() {
            self.find_history(tx.state());
        }
        while tx.len() < MAX_CHANGES {
            let (key, why) = if let Some(key) = self.cleanup.pop_first() {
                (key, Why::Gone)
            } else if let Some(key) = self.left_over.pop_first() {
                (key, Why::History)
            } else {
                break;
            };
            if tx.state().tasks.get(key).is_some() {
                tx.remove_task(key, why);
            }
        }
        self.unfinished = !self.cleanup.is_empty() || !self.left_over.is_empty();
    }

    /// Looks at the dirty slots: one pass over the tasks of each service that has some.
    fn find_history(&mut self, state: &State) {
        let dirty: Vec<_> = std::mem::take(&mut self.dirty).into_iter().collect();
        for dirty in dirty.chunk_by(|a, b| a.0 == b.0) {
            let key = dirty[0].0;
            let Some(found) = state.services.get(key) else { continue };
            // The history of jobs is never trimmed.
            if found.spec.mode.is_job() {
                continue;
            }
            let limit = limit_of(found, self.limit);
            let Ok(limit) = usize::try_from(limit) else { continue };
            let mut slots: Vec<Vec<&Arc<Task>>> = vec![Vec::new(); dirty.len()];
            for task in state.tasks_of_service(key) {
                let own = SlotId::of(task, found.spec.mode);
                if let Ok(place) = dirty.binary_search_by_key(&own, |&(_, slot)| slot) {
                    slots[place].push(task);
                }
            }
            for (&(_, slot), mut tasks) in dirty.iter().zip(slots) {
                if tasks.len() > limit && self.trim(&mut tasks, limit) {
                    self.dirty.insert((key, slot));
                }
            }
        }
    }

    /// Marks the oldest tasks beyond the limit; true if the slot must be looked at again, because several of its tasks
    /// could not go.
    fn trim(&mut self, tasks: &mut [&Arc<Task>], limit: usize) -> bool {
        tasks.sort_by_key(|task| task.age_stamp());
        let mut kept = 0;
        let mut surplus = tasks.len() - limit;
        for task in tasks {
            if !task.status.state.is_terminal() && !will_never_run(task) {
                kept += 1;
                continue;
            }
            self.left_over.insert(task.key);
            surplus -= 1;
            if surplus == 0 {
                break;
            }
        }
        kept > 1
    }

    /// Whether slots or tasks wait to be looked at.
    #[cfg(test)]
    pub(super) fn is_clean(&self) -> bool {
        self.dirty.is_empty() && self.cleanup.is_empty() && self.left_over.is_empty()
    }
}

/// Told to vanish, and either never given to a node or stopped. (Orphans that belong to no service would go too; here
/// every task belongs to one.)
fn is_gone(task: &Task) -> bool {
    task.desired == TaskState::Remove
        && (task.status.state < TaskState::Assigned || task.status.state >= TaskState::Complete)
}

/// No node has it, and none will.
fn will_never_run(task: &Task) -> bool {
    task.status.state < TaskState::Assigned && task.desired > TaskState::Running
}

/// Enough must stay for the next leader to count the attempts.
fn limit_of(service: &Service, limit: i64) -> i64 {
    match service.spec.task.restart.max_attempts {
        0 => limit,
        attempts => i64::try_from(attempts).unwrap_or(i64::MAX).saturating_add(1),
    }
}
