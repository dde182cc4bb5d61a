//! The rolling updates of one orchestrator's services: at most one a service (control-plane.md §6.1).

#[cfg(any(test, feature = "mutants"))]
use super::Mutant;
use super::dirty::DirtyTest;
use super::restart::Supervisor;
use super::slot::Slot;
use super::update::{Context, Updater};
use crate::engine::{Seed, Time};
use crate::swarm::component::{Alarm, Ids, Outbox, Writer};
use crate::swarm::object::{Service, ServiceKey, Task};
use crate::swarm::store::{State, Transaction};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The updates under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Updaters {
    running: BTreeMap<ServiceKey, Updater>,
    /// Tells the updaters of one service apart.
    next_run: u32,
    /// Turns that updaters asked for while events came in. When one end of a task both restarts it and rolls the update
    /// back, the restart was measured to be written first, always.
    after_restarts: Vec<Writer>,
    /// Updates take dirty slots in an order drawn from this seed instead of by number.
    shuffle: Option<Seed>,
    #[cfg(any(test, feature = "mutants"))]
    pub(super) mutant: Option<Mutant>,
}

impl Updaters {
    /// Lets updates take dirty slots in an order drawn from `seed`.
    pub(super) fn shuffle_slots(&mut self, seed: Seed) {
        self.shuffle = Some(seed);
    }

    /// Whether no service's update is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Whether a service's update is under way.
    pub(super) fn contains(&self, service: ServiceKey) -> bool {
        self.running.contains_key(&service)
    }

    /// The slot that a service's update takes next.
    #[cfg(test)]
    pub(super) fn next_slot(&self, service: ServiceKey) -> Option<u32> {
        self.running.get(&service)?.next_slot()
    }

    /// The service is gone.
    pub(super) fn forget(&mut self, service: ServiceKey) {
        self.running.remove(&service);
    }

    /// Puts slots in the order in which an update takes them, where it is not given.
    pub(super) fn in_order(&self, service: &Service, mut slots: Vec<Slot>) -> Vec<Slot> {
        if let Some(seed) = self.shuffle {
            seed.stream("update.slots", &(&**service.name(), service.spec_version)).shuffle(&mut slots);
        }
        slots
    }

    /// Starts a rolling update over these slots, unless one is under way to the same spec.
    pub(super) fn start(&mut self, service: &Arc<Service>, slots: Vec<Slot>, state: &State, out: &mut Outbox) {
        if let Some(running) = self.running.get(&service.key)
            && (Arc::ptr_eq(&running.service.spec, &service.spec) || running.service.spec.api == service.spec.api)
        {
            return;
        }
        self.running.remove(&service.key);
        let mut test = DirtyTest::new(service, state);
        let dirty: Vec<Slot> = slots.into_iter().filter(|slot| test.slot(slot)).collect();
        let run = self.next_run;
        self.next_run += 1;
        if let Some(updater) = Updater::start(run, service, dirty, out) {
            #[cfg(any(test, feature = "mutants"))]
            let updater = updater.with_mutant(self.mutant);
            self.running.insert(service.key, updater);
        }
    }

    /// A task was written. What the update asks for waits until [`Self::committed`].
    pub(super) fn task_written(&mut self, task: &Task, now: Time, out: &mut Outbox) {
        if self.contains(task.service) {
            let mut asked = Outbox::default();
            self.drive(task.service, now, &mut asked, |updater, cx| updater.task_updated(task, cx));
            self.after_restarts.append(&mut asked.turns);
            out.alarms.append(&mut asked.alarms);
        }
    }

    /// All events of a transaction have been told, and restarts have asked for their turn.
    pub(super) fn committed(&mut self, out: &mut Outbox) {
        out.turns.append(&mut self.after_restarts);
    }

    /// An alarm of an update.
    pub(super) fn alarm(&mut self, alarm: Alarm, now: Time, out: &mut Outbox) {
        if let Alarm::Update(service, run) = alarm {
            self.drive(service, now, out, |updater, cx| {
                if updater.run == run {
                    updater.alarm(cx);
                }
            });
        }
    }

    /// It is the turn of a service's update.
    pub(super) fn write(
        &mut self,
        service: ServiceKey,
        tx: &mut Transaction,
        ids: &mut Ids,
        supervisor: &mut Supervisor,
        out: &mut Outbox,
    ) {
        if let Some(updater) = self.running.get_mut(&service) {
            updater.write(tx, ids, supervisor, out);
        }
    }

    /// Lets a service's update go on, and forgets it when it is done.
    pub(super) fn drive(
        &mut self,
        service: ServiceKey,
        now: Time,
        out: &mut Outbox,
        step: impl FnOnce(&mut Updater, &mut Context<'_>),
    ) {
        let Some(updater) = self.running.get_mut(&service) else { return };
        step(updater, &mut Context { now, out });
        if updater.is_done() {
            self.running.remove(&service);
        }
    }
}
