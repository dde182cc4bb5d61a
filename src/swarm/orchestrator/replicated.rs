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
use super::dirty::DirtyTest;
use super::restart::{Supervisor, tasks_on};
use super::slot::{self, Slot};
use super::task::{self, needs_restart, replicas, replicated};
use super::update::{Context, Updater};
use super::{MAX_CHANGES, taskinit};
use crate::engine::{Seed, Time};
use crate::swarm::component::{Alarm, Ids, Outbox, Writer};
use crate::swarm::object::{Service, ServiceKey, Task, TaskKey, TaskState};
use crate::swarm::store::{Event, State, Transaction, Why};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// The replicated orchestrator of one leader, with its restart supervisor and its updaters.
#[derive(Clone, Debug)]
pub struct Replicated {
    supervisor: Supervisor,
    updaters: BTreeMap<ServiceKey, Updater>,
    /// Tells the updaters of one service apart.
    next_run: u32,
    /// Tasks to restart.
    restarts: BTreeSet<TaskKey>,
    /// Services to reconcile.
    reconciles: BTreeSet<ServiceKey>,
    /// Services that are gone and whose tasks must go.
    removed: BTreeSet<ServiceKey>,
    /// Tasks whose service was gone before this leader began.
    strays: BTreeSet<TaskKey>,
    /// What is left of the reconciliation under way.
    plan: VecDeque<(Arc<Service>, Step)>,
    /// Turns that updaters asked for while events came in. When one end of a task both restarts it and rolls the update
    /// back, the restart was measured to be written first, always.
    after_restarts: Vec<Writer>,
    /// Updates take dirty slots in an order drawn from this seed instead of by number.
    shuffle: Option<Seed>,
    #[cfg(any(test, feature = "mutants"))]
    mutant: Option<Mutant>,
}

/// One change of a reconciliation.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A task for an empty slot.
    Create { slot: u32 },
    /// A task of a dead slot.
    Delete(TaskKey),
    /// A task of a slot too many.
    Remove(TaskKey),
}

impl Replicated {
    /// Starts on a new leader.
    pub fn start(state: &State, now: Time, out: &mut Outbox) -> Self {
        let mut supervisor = Supervisor::default();
        let found = taskinit::check_tasks(state, &mut supervisor, now, out);
        let reconciles = state.services.values().filter(|s| replicas(s).is_some()).map(|s| s.key).collect();
        let orchestrator = Self {
            supervisor,
            updaters: BTreeMap::new(),
            next_run: 0,
            restarts: found.restart,
            reconciles,
            removed: BTreeSet::new(),
            strays: found.strays,
            plan: VecDeque::new(),
            after_restarts: Vec::new(),
            shuffle: None,
            #[cfg(any(test, feature = "mutants"))]
            mutant: None,
        };
        orchestrator.ask(out);
        orchestrator
    }

    /// Lets updates take dirty slots in an order drawn from `seed`: the real one's comes from a map and is random.
    /// Without it they go by slot number. After a scale-down both keep the scale-down's order.
    pub fn shuffle_slots(&mut self, seed: Seed) {
        self.shuffle = Some(seed);
    }

    /// Plants a fault.
    #[cfg(any(test, feature = "mutants"))]
    pub fn set_mutant(&mut self, mutant: Option<Mutant>) {
        self.mutant = mutant;
    }

    /// Whether a service's rolling update is under way, for those who look for quiescence.
    pub fn is_updating(&self, service: ServiceKey) -> bool {
        self.updaters.contains_key(&service)
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
            out.turn(Writer::Replicated);
        }
    }

    /// The store has changed.
    pub fn watch(&mut self, event: &Event, state: &State, now: Time, out: &mut Outbox) {
        self.supervisor.watch(event, now, out);
        match event {
            Event::Service { old: Some(old), new: None } if replicas(old).is_some() => {
                self.removed.insert(old.key);
                self.reconciles.remove(&old.key);
                self.updaters.remove(&old.key);
                self.supervisor.forget_service(old.key);
            }
            Event::Service { new: Some(new), .. } if replicas(new).is_some() => {
                self.reconciles.insert(new.key);
            }
            Event::Task { old, new: Some(new) } => {
                if needs_restart(state, new) && replicated(state, new.service).is_some() {
                    self.restarts.insert(new.key);
                }
                if old.is_some() && self.updaters.contains_key(&new.service) {
                    let mut asked = Outbox::default();
                    self.drive(new.service, now, &mut asked, |updater, cx| updater.task_updated(new, cx));
                    self.after_restarts.append(&mut asked.turns);
                    out.alarms.append(&mut asked.alarms);
                }
            }
            Event::Task { old: Some(old), new: None } => {
                if old.desired <= TaskState::Running && replicated(state, old.service).is_some() {
                    self.reconciles.insert(old.service);
                }
                if let Some(service) = self.supervisor.cancel(old.key) {
                    self.drive(service, now, out, |updater, cx| updater.released(old.key, cx));
                }
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
                out.turns.append(&mut self.after_restarts);
            }
            _ => {}
        }
    }

    /// An alarm of the restart supervisor's or of an updater's.
    pub fn alarm(&mut self, alarm: Alarm, _state: &State, now: Time, out: &mut Outbox) {
        match alarm {
            Alarm::RestartDelay(task) | Alarm::RestartGiveUp(task) => self.supervisor.alarm(task, now, out),
            Alarm::Update(service, run) => {
                self.drive(service, now, out, |updater, cx| {
                    if updater.run == run {
                        updater.alarm(cx);
                    }
                });
            }
            _ => {}
        }
    }

    /// It is the turn of one of this loop's writers.
    pub fn write(&mut self, writer: Writer, tx: &mut Transaction, ids: &mut Ids, out: &mut Outbox) {
        match writer {
            Writer::Replicated => {
                self.write_next(tx, ids, out);
                self.ask(out);
            }
            Writer::Restart => self.supervisor.write(tx, ids, out),
            Writer::Update(service) => {
                if let Some(updater) = self.updaters.get_mut(&service) {
                    updater.write(tx, ids, &mut self.supervisor, out);
                }
            }
            _ => {}
        }
    }

    /// The write is committed, or there was nothing to write.
    pub fn written(&mut self, writer: Writer, _state: &State, now: Time, out: &mut Outbox) {
        match writer {
            Writer::Restart => {
                for (task, service) in self.supervisor.written(out) {
                    self.drive(service, now, out, |updater, cx| updater.released(task, cx));
                }
            }
            Writer::Update(service) => self.drive(service, now, out, |updater, cx| updater.written(cx)),
            _ => {}
        }
    }

    /// Lets a service's updater go on, and forgets it when it is done.
    fn drive(
        &mut self,
        service: ServiceKey,
        now: Time,
        out: &mut Outbox,
        step: impl FnOnce(&mut Updater, &mut Context<'_>),
    ) {
        let Some(updater) = self.updaters.get_mut(&service) else { return };
        step(updater, &mut Context { now, out });
        if updater.is_done() {
            self.updaters.remove(&service);
        }
    }

    fn write_next(&mut self, tx: &mut Transaction, ids: &mut Ids, out: &mut Outbox) {
        if !self.plan.is_empty() {
            self.carry_out(tx, ids);
        } else if !self.strays.is_empty() {
            while tx.len() < MAX_CHANGES
                && let Some(key) = self.strays.pop_first()
            {
                if tx.state().tasks.get(key).is_some() {
                    tx.remove_task(key, Why::ServiceRemoved);
                }
            }
        } else if let Some(service) = self.removed.pop_first() {
            self.remove_tasks(service, tx);
        } else if !self.restarts.is_empty() {
            while tx.len() < MAX_CHANGES
                && let Some(key) = self.restarts.pop_first()
            {
                self.restart(key, tx, ids, out);
            }
        } else if let Some(service) = self.reconciles.pop_first() {
            self.reconcile(service, tx, out);
            self.carry_out(tx, ids);
        }
    }

    /// All tasks of a service that is gone: told to stop and vanish.
    fn remove_tasks(&mut self, service: ServiceKey, tx: &mut Transaction) {
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
        if tasks.len() > MAX_CHANGES {
            self.removed.insert(service);
        }
    }

    fn restart(&mut self, key: TaskKey, tx: &mut Transaction, ids: &mut Ids, out: &mut Outbox) {
        let Some(old) = tx.state().tasks.get(key).filter(|task| task.desired <= TaskState::Running).cloned() else {
            return;
        };
        if let Some(service) = replicated(tx.state(), old.service).cloned() {
            self.supervisor.restart(&service, &old, tx, ids, out);
        }
    }

    /// Compares a service with its slots: plans the changes and hands the slots that stay to the update.
    fn reconcile(&mut self, key: ServiceKey, tx: &Transaction, out: &mut Outbox) {
        let Some(service) = replicated(tx.state(), key).cloned() else { return };
        let wanted = replicas(&service).unwrap_or_default() as usize;
        let mut slots = slot::of_service(&service, tx.state(), &self.supervisor);
        let occupied = slots.updatable.len();
        let mut steps = Vec::new();
        let mut surplus = Vec::new();
        let staying: Vec<Slot>;
        if wanted >= occupied {
            for slot in slot::free_numbers(&slots.updatable, wanted - occupied) {
                // Its number is used again and keeps its history.
                slots.dead.remove(&slot);
                steps.push(Step::Create { slot });
            }
            staying = self.in_update_order(&service, slots.updatable.into_values().collect());
        } else {
            let mut order = slot::in_keeping_order(slots.updatable);
            surplus = order.split_off(wanted);
            staying = order;
        }
        steps.extend(slots.dead.values().flatten().map(|task| Step::Delete(task.key)));
        // Should a surplus slot be kept alive only by a task that ended for good, that one goes too.
        steps.extend(surplus.iter().flatten().map(|task| Step::Remove(task.key)));
        self.plan.extend(steps.into_iter().map(|step| (service.clone(), step)));
        self.update(&service, staying, tx.state(), out);
    }

    fn in_update_order(&self, service: &Service, mut slots: Vec<Slot>) -> Vec<Slot> {
        if let Some(seed) = self.shuffle {
            seed.stream("update.slots", &(&**service.name(), service.spec_version)).shuffle(&mut slots);
        }
        slots
    }

    /// Starts a rolling update over these slots, unless one is under way to the same spec.
    fn update(&mut self, service: &Arc<Service>, slots: Vec<Slot>, state: &State, out: &mut Outbox) {
        if let Some(running) = self.updaters.get(&service.key)
            && (Arc::ptr_eq(&running.service.spec, &service.spec) || running.service.spec.api == service.spec.api)
        {
            return;
        }
        self.updaters.remove(&service.key);
        let mut test = DirtyTest::new(service, state);
        let dirty: Vec<Slot> = slots.into_iter().filter(|slot| test.slot(slot)).collect();
        let run = self.next_run;
        self.next_run += 1;
        if let Some(updater) = Updater::start(run, service, dirty, out) {
            #[cfg(any(test, feature = "mutants"))]
            let updater = updater.with_mutant(self.mutant);
            self.updaters.insert(service.key, updater);
        }
    }

    fn carry_out(&mut self, tx: &mut Transaction, ids: &mut Ids) {
        while tx.len() < MAX_CHANGES
            && let Some((service, step)) = self.plan.pop_front()
        {
            match step {
                Step::Create { slot } => {
                    if tx.state().services.get(service.key).is_some() {
                        task::create(&service, slot, TaskState::Running, Why::FillSlot, tx, ids);
                    }
                }
                Step::Delete(key) => {
                    if tx.state().tasks.get(key).is_some() {
                        tx.remove_task(key, Why::History);
                    }
                }
                Step::Remove(key) => {
                    let found: Option<&Arc<Task>> = tx.state().tasks.get(key);
                    if let Some(task) = found.filter(|task| task.desired < TaskState::Remove) {
                        let task = task.with_desired(TaskState::Remove);
                        tx.put_task(task, Why::ScaleDown);
                    }
                }
            }
        }
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
        if self.mutant != Some(Mutant::Rebalances) || !became_ready {
            return;
        }
        let fullest =
            state.nodes.values().max_by_key(|node| (tasks_on(node.key, state).count(), std::cmp::Reverse(node.key)));
        if let Some(task) = fullest.and_then(|node| tasks_on(node.key, state).next()) {
            self.restarts.insert(task);
        }
    }

    /// Tasks whose delayed start is under way.
    #[cfg(test)]
    pub(super) fn delayed(&self) -> BTreeSet<TaskKey> {
        self.supervisor.delayed().collect()
    }
}
