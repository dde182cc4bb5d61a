//! All orchestrators of one leader and the constraint enforcer, as one: each a loop of its own over the same store.
//!
//! Source: control-plane.md §0.

#[cfg(any(test, feature = "mutants"))]
use super::Mutant;
use super::constraintenforcer::Enforcer;
use super::global::Global;
use super::jobs::Jobs;
use super::replicated::Replicated;
use crate::engine::{Seed, Time};
use crate::swarm::component::{Alarm, Ids, Kind, Outbox, Writer};
use crate::swarm::object::{ServiceKey, TaskKey};
use crate::swarm::store::{Event, State, Transaction};

/// The orchestrators.
#[derive(Clone, Debug)]
pub struct Orchestrators {
    enforcer: Enforcer,
    replicated: Replicated,
    jobs: Jobs,
    global: Global,
}

impl Orchestrators {
    /// Starts them on a new leader, in SwarmKit's order.
    pub fn start(state: &State, now: Time, out: &mut Outbox) -> Self {
        Self {
            enforcer: Enforcer::start(state, out),
            replicated: Replicated::start(state, now, out),
            jobs: Jobs::start(state, now, out),
            global: Global::start(state, now, out),
        }
    }

    /// Lets updates take dirty slots in an order drawn from `seed`, as the real ones do.
    pub fn shuffle_slots(&mut self, seed: Seed) {
        self.replicated.shuffle_slots(seed);
        self.global.shuffle_slots(seed);
    }

    /// Plants a fault.
    #[cfg(any(test, feature = "mutants"))]
    pub fn set_mutant(&mut self, mutant: Option<Mutant>) {
        self.replicated.set_mutant(mutant);
        self.global.set_mutant(mutant);
    }

    /// Whether a service's rolling update is under way.
    pub fn is_updating(&self, service: ServiceKey) -> bool {
        self.replicated.is_updating(service) || self.global.is_updating(service)
    }

    /// Whether the task's delayed start is under way.
    pub fn is_delayed(&self, task: TaskKey) -> bool {
        self.replicated.is_delayed(task) || self.global.is_delayed(task) || self.jobs.is_delayed(task)
    }

    /// Nothing is queued, waits for its time or is being updated.
    pub fn is_at_rest(&self) -> bool {
        self.replicated.is_at_rest() && self.global.is_at_rest() && self.jobs.is_at_rest()
    }

    /// The store has changed.
    pub fn watch(&mut self, event: &Event, state: &State, now: Time, out: &mut Outbox) {
        self.enforcer.watch(event, state, out);
        self.replicated.watch(event, state, now, out);
        self.jobs.watch(event, state, now, out);
        self.global.watch(event, state, now, out);
    }

    /// An alarm: it is known by the task or the service that it is about.
    pub fn alarm(&mut self, alarm: Alarm, now: Time, out: &mut Outbox) {
        self.replicated.alarm(alarm, now, out);
        self.jobs.alarm(alarm, now, out);
        self.global.alarm(alarm, now, out);
    }

    /// It is the turn of one of these writers.
    pub fn write(&mut self, writer: Writer, tx: &mut Transaction, ids: &mut Ids, out: &mut Outbox) {
        match writer {
            Writer::Enforcer => self.enforcer.write(tx, out),
            Writer::Orchestrator(Kind::Replicated) | Writer::Restart(Kind::Replicated) => {
                self.replicated.write(writer, tx, ids, out);
            }
            Writer::Orchestrator(Kind::Jobs) | Writer::Restart(Kind::Jobs) => self.jobs.write(writer, tx, ids, out),
            Writer::Update(service) if !self.global.is_updating(service) => {
                self.replicated.write(writer, tx, ids, out);
            }
            Writer::Orchestrator(Kind::Global) | Writer::Restart(Kind::Global) | Writer::Update(_) => {
                self.global.write(writer, tx, ids, out);
            }
            _ => {}
        }
    }

    /// The write is committed, or there was nothing to write.
    pub fn written(&mut self, writer: Writer, now: Time, out: &mut Outbox) {
        match writer {
            Writer::Restart(Kind::Replicated) => self.replicated.written(writer, now, out),
            Writer::Restart(Kind::Jobs) => self.jobs.written(writer, out),
            Writer::Restart(Kind::Global) => self.global.written(writer, now, out),
            Writer::Update(_) => {
                self.replicated.written(writer, now, out);
                self.global.written(writer, now, out);
            }
            _ => {}
        }
    }

    /// The slot that a replicated service's update takes next.
    #[cfg(test)]
    pub(super) fn next_slot(&self, service: ServiceKey) -> Option<u32> {
        self.replicated.next_slot(service)
    }

    /// Tasks whose delayed start is under way.
    #[cfg(test)]
    pub(super) fn delayed(&self) -> std::collections::BTreeSet<TaskKey> {
        let mut delayed = self.replicated.delayed();
        delayed.append(&mut self.jobs.delayed());
        delayed.append(&mut self.global.delayed());
        delayed
    }
}
