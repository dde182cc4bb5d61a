//! How the tasks of replicated and of global services are replaced: by the restart supervisor when they end by themselves,
//! by the service's rolling update when their spec is outdated. Both let the replacement go by the same delayed start, so
//! each of the two orchestrators has a pair of them.
//!
//! Source: control-plane.md §5, §6.

#[cfg(any(test, feature = "mutants"))]
use super::Mutant;
use super::restart::Supervisor;
use super::updaters::Updaters;
use crate::engine::{Seed, Time};
use crate::swarm::component::{Alarm, Ids, Outbox, Writer};
#[cfg(test)]
use crate::swarm::object::TaskKey;
use crate::swarm::object::{ServiceKey, Task};
use crate::swarm::store::Transaction;

/// The restart supervisor and the updates of one orchestrator.
#[derive(Clone, Debug)]
pub(super) struct Replacement {
    pub(super) supervisor: Supervisor,
    pub(super) updaters: Updaters,
}

impl Replacement {
    /// Without updates; `supervisor` knows what a new leader has found.
    pub(super) fn new(supervisor: Supervisor) -> Self {
        Self { supervisor, updaters: Updaters::default() }
    }

    /// Lets updates take dirty slots in an order drawn from `seed`: the real one's comes from a map and is random. Without
    /// it they go by slot number or by node. After a scale-down both keep the scale-down's order.
    pub(super) fn shuffle_slots(&mut self, seed: Seed) {
        self.updaters.shuffle_slots(seed);
    }

    /// Plants a fault.
    #[cfg(any(test, feature = "mutants"))]
    pub(super) fn set_mutant(&mut self, mutant: Option<Mutant>) {
        self.updaters.mutant = mutant;
    }

    /// Whether a service's rolling update is under way.
    pub(super) fn is_updating(&self, service: ServiceKey) -> bool {
        self.updaters.contains(service)
    }

    /// Nothing waits for its time or is being updated.
    pub(super) fn is_at_rest(&self) -> bool {
        self.supervisor.is_at_rest() && self.updaters.is_empty()
    }

    /// A service is gone.
    pub(super) fn forget(&mut self, service: ServiceKey) {
        self.updaters.forget(service);
        self.supervisor.forget_service(service);
    }

    /// A task is gone: its delayed start is over for the update that waits for it.
    pub(super) fn task_gone(&mut self, task: &Task, now: Time, out: &mut Outbox) {
        if let Some(service) = self.supervisor.cancel(task.key) {
            self.updaters.drive(service, now, out, |updater, cx| updater.released(task.key, cx));
        }
    }

    /// An alarm of one of them.
    pub(super) fn alarm(&mut self, alarm: Alarm, now: Time, out: &mut Outbox) {
        self.supervisor.alarm(alarm, now, out);
        self.updaters.alarm(alarm, now, out);
    }

    /// It is the turn of one of them.
    pub(super) fn write(&mut self, writer: Writer, tx: &mut Transaction, ids: &mut Ids, out: &mut Outbox) {
        match writer {
            Writer::Restart(_) => self.supervisor.write(tx, ids, out),
            Writer::Update(service) => self.updaters.write(service, tx, ids, &mut self.supervisor, out),
            _ => {}
        }
    }

    /// The write is committed, or there was nothing to write.
    pub(super) fn written(&mut self, writer: Writer, now: Time, out: &mut Outbox) {
        match writer {
            Writer::Restart(_) => {
                for (task, service) in self.supervisor.written(out) {
                    self.updaters.drive(service, now, out, |updater, cx| updater.released(task, cx));
                }
            }
            Writer::Update(service) => self.updaters.drive(service, now, out, |updater, cx| updater.written(cx)),
            _ => {}
        }
    }

    /// Tasks whose delayed start is under way.
    #[cfg(test)]
    pub(super) fn delayed(&self) -> impl Iterator<Item = TaskKey> {
        self.supervisor.delayed()
    }
}
