//! The replicated orchestrator's loop: restarts what ended, reconciles services that were written, and drives each
//! service's rolling update.
//!
//! It is one sequential process. Events only fill its queues; at the commit event it asks for the turn. A plan of more
//! than [`MAX_CHANGES`] changes is carried out over several turns without being made anew.
//!
//! Not here: how a task is replaced (`restart`) and how an update goes (`update`).
//!
//! Source: control-plane.md §4.1, §4.5 (service removal), §4.7, §6.1.

#[cfg(any(test, feature = "mutants"))]
use super::Mutant;
use super::plan::{Plan, Step, remove_tasks};
use super::replacement::Replacement;
use super::restart::{Supervisor, tasks_on};
use super::slot::{self, Slot, SlotId};
use super::task::{needs_restart, replicas, replicated};
use super::{MAX_CHANGES, taskinit};
use crate::engine::Time;
use crate::swarm::component::{Ids, Kind, Outbox, Writer};
use crate::swarm::object::{ServiceKey, TaskKey, TaskState};
use crate::swarm::store::{Event, State, Transaction, Why};
use std::collections::BTreeSet;

/// The replicated orchestrator of one leader, with its restart supervisor and its updaters.
#[derive(Clone, Debug)]
pub struct Replicated {
    pub(super) replacement: Replacement,
    /// Tasks to restart.
    restarts: BTreeSet<TaskKey>,
    /// Services to reconcile.
    reconciles: BTreeSet<ServiceKey>,
    /// Services that are gone and whose tasks must go.
    removed: BTreeSet<ServiceKey>,
    /// Tasks whose service was gone before this leader began.
    strays: BTreeSet<TaskKey>,
    /// What is left of the reconciliation under way.
    plan: Plan,
}

impl Replicated {
    /// Starts on a new leader.
    pub fn start(state: &State, now: Time, wall: Time, out: &mut Outbox) -> Self {
        let mut supervisor = Supervisor::new(Kind::Replicated);
        taskinit::check_tasks(state, Kind::Replicated, &mut supervisor, now, wall, out);
        let restarts = state
            .tasks
            .values()
            .filter(|task| needs_restart(state, task) && replicated(state, task.service).is_some())
            .map(|task| task.key)
            .collect();
        let reconciles = state.services.values().filter(|s| replicas(s).is_some()).map(|s| s.key).collect();
        let orchestrator = Self {
            replacement: Replacement::new(supervisor),
            restarts,
            reconciles,
            removed: BTreeSet::new(),
            strays: taskinit::strays(state),
            plan: Plan::default(),
        };
        orchestrator.ask(out);
        orchestrator
    }

    /// Nothing is queued, waits for its time or is being updated.
    pub(super) fn is_at_rest(&self) -> bool {
        !self.has_work() && self.replacement.is_at_rest()
    }

    /// Whether anything is queued.
    fn has_work(&self) -> bool {
        !(self.plan.is_empty()
            && self.strays.is_empty()
            && self.removed.is_empty()
            && self.restarts.is_empty()
            && self.reconciles.is_empty())
    }

    fn ask(&self, out: &mut Outbox) {
        if self.has_work() {
            out.turn(Writer::Orchestrator(Kind::Replicated));
        }
    }

    /// The store has changed.
    pub fn watch(&mut self, event: &Event, state: &State, now: Time, out: &mut Outbox) {
        self.replacement.supervisor.watch(event, now, out);
        match event {
            Event::Service { old: Some(old), new: None } if replicas(old).is_some() => {
                self.removed.insert(old.key);
                self.reconciles.remove(&old.key);
                self.replacement.forget(old.key);
            }
            Event::Service { new: Some(new), .. } if replicas(new).is_some() => {
                self.reconciles.insert(new.key);
            }
            Event::Task { old, new: Some(new) } => {
                if needs_restart(state, new) && replicated(state, new.service).is_some() {
                    self.restarts.insert(new.key);
                }
                if old.is_some() {
                    self.replacement.updaters.task_written(new, now, out);
                }
            }
            Event::Task { old: Some(old), new: None } => {
                if old.desired <= TaskState::Running && replicated(state, old.service).is_some() {
                    self.reconciles.insert(old.service);
                }
                self.replacement.task_gone(old, now, out);
            }
            Event::Node { old, new } => {
                let lost = new.as_ref().or(old.as_ref()).filter(|_| new.as_ref().is_none_or(|new| new.is_invalid()));
                for key in lost.into_iter().flat_map(|node| tasks_on(node.key, state)) {
                    if state.tasks.get(key).is_some_and(|task| replicated(state, task.service).is_some()) {
                        self.restarts.insert(key);
                    }
                }
                #[cfg(any(test, feature = "mutants"))]
                self.rebalance(old.as_deref(), new.as_deref(), state);
            }
            Event::Commit => {
                self.ask(out);
                self.replacement.updaters.committed(out);
            }
            _ => {}
        }
    }

    /// It is this loop's turn to write.
    pub fn write(&mut self, tx: &mut Transaction, ids: &mut Ids, out: &mut Outbox) {
        self.write_next(tx, ids, out);
        self.ask(out);
    }

    fn write_next(&mut self, tx: &mut Transaction, ids: &mut Ids, out: &mut Outbox) {
        if !self.plan.is_empty() {
            self.plan.carry_out(tx, ids, &mut self.replacement.supervisor, out);
        } else if !self.strays.is_empty() {
            while tx.len() < MAX_CHANGES
                && let Some(key) = self.strays.pop_first()
            {
                if tx.state().tasks.get(key).is_some() {
                    tx.remove_task(key, Why::ServiceRemoved);
                }
            }
        } else if let Some(service) = self.removed.pop_first() {
            if remove_tasks(service, tx) {
                self.removed.insert(service);
            }
        } else if !self.restarts.is_empty() {
            while tx.len() < MAX_CHANGES
                && let Some(key) = self.restarts.pop_first()
            {
                self.restart(key, tx, ids, out);
            }
        } else if let Some(service) = self.reconciles.pop_first() {
            self.reconcile(service, tx, out);
            self.plan.carry_out(tx, ids, &mut self.replacement.supervisor, out);
        }
    }

    fn restart(&mut self, key: TaskKey, tx: &mut Transaction, ids: &mut Ids, out: &mut Outbox) {
        let Some(old) = tx.state().tasks.get(key).filter(|task| task.desired <= TaskState::Running).cloned() else {
            return;
        };
        if let Some(service) = replicated(tx.state(), old.service).cloned() {
            self.replacement.supervisor.restart(&service, &old, tx, ids, out);
        }
    }

    /// Compares a service with its slots: plans the changes and hands the slots that stay to the update.
    fn reconcile(&mut self, key: ServiceKey, tx: &Transaction, out: &mut Outbox) {
        let Some(service) = replicated(tx.state(), key).cloned() else { return };
        let wanted = replicas(&service).unwrap_or_default() as usize;
        let mut slots = slot::of_service(&service, tx.state(), &mut self.replacement.supervisor);
        let occupied = slots.updatable.len();
        let mut steps = Vec::new();
        let mut surplus = Vec::new();
        let staying: Vec<Slot>;
        if wanted >= occupied {
            for slot in slot::free_numbers(&slots.updatable, wanted - occupied) {
                // Its number is used again and keeps its history.
                slots.dead.remove(&slot);
                let place = SlotId::numbered(slot);
                steps.push(Step::Create { place, desired: TaskState::Running, why: Why::FillSlot });
            }
            staying = self.replacement.updaters.in_order(&service, slots.updatable.into_values().collect());
        } else {
            let mut order = slot::in_keeping_order(slots.updatable);
            surplus = order.split_off(wanted);
            staying = order;
        }
        steps.extend(slots.dead.values().flatten().map(|task| Step::Delete(task.key, Why::History)));
        // Should a surplus slot be kept alive only by a task that ended for good, that one goes too.
        steps.extend(surplus.iter().flatten().map(|task| Step::Tell(task.key, TaskState::Remove, Why::ScaleDown)));
        self.plan.extend(&service, steps);
        self.replacement.updaters.start(&service, staying, tx.state(), out);
    }

    /// The mutant that moves tasks to nodes that become ready.
    #[cfg(any(test, feature = "mutants"))]
    fn rebalance(
        &mut self,
        old: Option<&crate::swarm::object::Node>,
        new: Option<&crate::swarm::object::Node>,
        state: &State,
    ) {
        let became_ready = new.is_some_and(|new| new.is_ready()) && !old.is_some_and(|old| old.is_ready());
        if self.replacement.updaters.mutant != Some(Mutant::Rebalances) || !became_ready {
            return;
        }
        let fullest =
            state.nodes.values().max_by_key(|node| (tasks_on(node.key, state).count(), std::cmp::Reverse(node.key)));
        if let Some(task) = fullest.and_then(|node| tasks_on(node.key, state).next()) {
            self.restarts.insert(task);
        }
    }
}
