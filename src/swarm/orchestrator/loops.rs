//! All orchestrators of one leader and the constraint enforcer, as one: each a loop of its own over the same store.
//!
//! Source: control-plane.md §0.

#[cfg(any(test, feature = "mutants"))]
use super::Mutant;
use super::constraintenforcer::Enforcer;
use super::global::Global;
use super::jobs::Jobs;
use super::replicated::Replicated;
use super::restart::Waits;
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
    pub fn start(state: &State, now: Time, wall: Time, out: &mut Outbox) -> Self {
        Self {
            enforcer: Enforcer::start(state, out),
            replicated: Replicated::start(state, now, wall, out),
            jobs: Jobs::start(state, now, wall, out),
            global: Global::start(state, now, wall, out),
        }
    }

    /// Lets updates take dirty slots in an order drawn from `seed`, and the enforcer look at tasks by their ids, as the real
    /// ones do.
    pub fn shuffle_slots(&mut self, seed: Seed) {
        self.enforcer.go_by_id();
        self.replicated.replacement.shuffle_slots(seed);
        self.global.replacement.shuffle_slots(seed);
    }

    /// Plants a fault.
    #[cfg(any(test, feature = "mutants"))]
    pub fn set_mutant(&mut self, mutant: Option<Mutant>) {
        self.replicated.replacement.set_mutant(mutant);
        self.global.replacement.set_mutant(mutant);
    }

    /// Whether a service's rolling update is under way.
    pub fn is_updating(&self, service: ServiceKey) -> bool {
        self.replicated.replacement.is_updating(service) || self.global.replacement.is_updating(service)
    }

    /// Whether the task's delayed start is under way.
    pub fn is_delayed(&self, task: TaskKey) -> bool {
        let replaced = [&self.replicated.replacement, &self.global.replacement];
        replaced.iter().any(|one| one.supervisor.is_delayed(task)) || self.jobs.supervisor.is_delayed(task)
    }

    /// What the task's delayed start waits for; none where none is under way.
    pub fn waits(&self, task: TaskKey) -> Option<Waits> {
        let replaced = [&self.replicated.replacement, &self.global.replacement];
        let waits = replaced.iter().find_map(|one| one.supervisor.waits(task));
        waits.or_else(|| self.jobs.supervisor.waits(task))
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
        self.replicated.replacement.alarm(alarm, now, out);
        self.jobs.supervisor.alarm(alarm, now, out);
        self.global.replacement.alarm(alarm, now, out);
    }

    /// It is the turn of one of these writers.
    pub fn write(&mut self, writer: Writer, tx: &mut Transaction, ids: &mut Ids, out: &mut Outbox) {
        match writer {
            Writer::Enforcer => self.enforcer.write(tx, out),
            Writer::Orchestrator(Kind::Replicated) => self.replicated.write(tx, ids, out),
            Writer::Orchestrator(Kind::Jobs) => self.jobs.write(tx, ids, out),
            Writer::Orchestrator(Kind::Global) => self.global.write(tx, ids, out),
            Writer::Restart(Kind::Replicated) => self.replicated.replacement.write(writer, tx, ids, out),
            Writer::Restart(Kind::Jobs) => self.jobs.supervisor.write(tx, ids, out),
            Writer::Restart(Kind::Global) => self.global.replacement.write(writer, tx, ids, out),
            Writer::Update(service) if self.global.replacement.is_updating(service) => {
                self.global.replacement.write(writer, tx, ids, out);
            }
            Writer::Update(_) => self.replicated.replacement.write(writer, tx, ids, out),
            _ => {}
        }
    }

    /// The write is committed, or there was nothing to write.
    pub fn written(&mut self, writer: Writer, now: Time, out: &mut Outbox) {
        match writer {
            Writer::Restart(Kind::Replicated) => self.replicated.replacement.written(writer, now, out),
            Writer::Restart(Kind::Jobs) => {
                self.jobs.supervisor.written(out);
            }
            Writer::Restart(Kind::Global) => self.global.replacement.written(writer, now, out),
            Writer::Update(_) => {
                self.replicated.replacement.written(writer, now, out);
                self.global.replacement.written(writer, now, out);
            }
            _ => {}
        }
    }

    /// The slot that a replicated service's update takes next.
    #[cfg(test)]
    pub(super) fn next_slot(&self, service: ServiceKey) -> Option<u32> {
        self.replicated.replacement.updaters.next_slot(service)
    }

    /// Tasks whose delayed start is under way.
    #[cfg(test)]
    pub(super) fn delayed(&self) -> std::collections::BTreeSet<TaskKey> {
        let replaced = self.replicated.replacement.delayed().chain(self.global.replacement.delayed());
        replaced.chain(self.jobs.supervisor.delayed()).collect()
    }
}
