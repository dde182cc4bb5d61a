//! The allocator: gives services their published ports, and lets new tasks go on to the scheduler.
//!
//! Services are allocated first, each in a write of its own; tasks follow at the commit after their creation, when
//! their service is allocated. What cannot be allocated stays as it is, without a reason that a user could see.
//!
//! Not here yet: networks. Virtual addresses of services, addresses of tasks and the nodes' own attachments join
//! [`Allocator::allocate_service`] and [`Allocator::allocate_task`] when networks exist.
//!
//! Source: control-plane.md §9.

mod port;

#[cfg(test)]
mod tests;

use super::component::{Outbox, Writer};
use super::object::{Endpoint, PortConfig, Service, ServiceKey, TaskKey, TaskState};
use super::store::{Event, State, Transaction, Why};
use crate::engine::{Duration, Time};
use port::Ports;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What could not be allocated is tried again after so long, or when something was freed.
const RETRY: Duration = Duration::from_minutes(5);
/// SwarmKit packs a batch into transactions of at most so many changes.
const MAX_CHANGES: usize = 200;
const MESSAGE_PENDING: &str = "pending task scheduling";

/// The allocator of one leader.
#[derive(Clone, Debug)]
pub struct Allocator {
    ports: Ports,
    /// Services to look at.
    services: BTreeSet<ServiceKey>,
    /// Services whose ports are not to be had.
    unallocated: BTreeSet<ServiceKey>,
    /// New tasks.
    tasks: BTreeSet<TaskKey>,
    /// Tasks of services that are not allocated.
    kept_aside: BTreeSet<TaskKey>,
    freed: bool,
    last_retry: Time,
}

impl Allocator {
    /// Starts on a new leader: takes note of the ports that are given, and finds what is still to be done.
    pub fn start(state: &State, now: Time, out: &mut Outbox) -> Self {
        let mut allocator = Self {
            ports: Ports::default(),
            services: BTreeSet::new(),
            unallocated: BTreeSet::new(),
            tasks: BTreeSet::new(),
            kept_aside: BTreeSet::new(),
            freed: false,
            last_retry: now,
        };
        for service in state.services.values() {
            for port in service.endpoint.ports.iter().flat_map(|ports| ports.iter()) {
                allocator.ports.take(port);
            }
            if !port::is_allocated(service) {
                allocator.services.insert(service.key);
            }
        }
        // Tasks are looked at once, at the start.
        allocator.tasks =
            state.tasks.values().filter(|task| task.status.state == TaskState::New).map(|task| task.key).collect();
        allocator.ask(out);
        allocator
    }

    fn ask(&self, out: &mut Outbox) {
        if !self.services.is_empty() || !self.tasks.is_empty() {
            out.turn(Writer::Allocator);
        }
    }

    /// The store has changed.
    pub fn watch(&mut self, event: &Event, _state: &State, now: Time, out: &mut Outbox) {
        match event {
            Event::Service { old: Some(old), new: None } => {
                self.services.remove(&old.key);
                self.unallocated.remove(&old.key);
                self.free(&old.endpoint);
            }
            Event::Service { new: Some(service), .. } if !port::is_allocated(service) => {
                self.services.insert(service.key);
            }
            Event::Task { old: None, new: Some(task) } if task.status.state == TaskState::New => {
                self.tasks.insert(task.key);
            }
            Event::Task { old: Some(task), new: None } => {
                self.tasks.remove(&task.key);
                self.kept_aside.remove(&task.key);
            }
            Event::Commit => {
                let kept = !self.unallocated.is_empty() || !self.kept_aside.is_empty();
                if kept && (self.freed || now - self.last_retry > RETRY) {
                    self.last_retry = now;
                    self.freed = false;
                    self.services.append(&mut self.unallocated);
                    self.tasks.append(&mut self.kept_aside);
                }
                self.ask(out);
            }
            _ => {}
        }
    }

    fn free(&mut self, endpoint: &Endpoint) {
        for port in endpoint.ports.iter().flat_map(|ports| ports.iter()) {
            self.freed |= self.ports.free(port);
        }
    }

    /// It is the allocator's turn to write: one service, or else the tasks.
    pub fn write(&mut self, tx: &mut Transaction) {
        while tx.is_empty()
            && let Some(service) = self.services.pop_first()
        {
            self.allocate_service(service, tx);
        }
        if self.services.is_empty() && tx.is_empty() {
            while tx.len() < MAX_CHANGES
                && let Some(task) = self.tasks.pop_first()
            {
                self.allocate_task(task, tx);
            }
        }
        // What is left is asked for at the commit event of this write: it is not empty then.
    }

    fn allocate_service(&mut self, key: ServiceKey, tx: &mut Transaction) {
        let Some(service) = tx.state().services.get(key).filter(|service| !port::is_allocated(service)) else { return };
        let mut service = Service::clone(service);
        let wanted = port::reconcile(&service);
        // Its old ports are free before the new ones are taken: it may want the same again.
        let freed = self.freed;
        self.free(&service.endpoint);
        match self.ports.take_all(wanted) {
            Ok(ports) => {
                service.endpoint.ports = Some(ports);
                tx.put_service(service, Why::Allocated);
            }
            // The real code logs the error and leaves the service as it was stored. What it was given before is kept for
            // it here (there it is free, though the store still shows it).
            Err(_) => {
                for port in service.endpoint.ports.iter().flat_map(|ports| ports.iter()) {
                    self.ports.take(port);
                }
                self.freed = freed;
                self.unallocated.insert(key);
            }
        }
    }

    fn allocate_task(&mut self, key: TaskKey, tx: &mut Transaction) {
        let Some(task) = tx.state().tasks.get(key).filter(|task| task.status.state == TaskState::New) else { return };
        let Some(service) = tx.state().services.get(task.service) else { return };
        if !port::is_allocated(service) {
            self.kept_aside.insert(key);
            return;
        }
        let ports: Arc<[PortConfig]> = service.endpoint.ports.clone().unwrap_or_default();
        let mut task = task.with_state(TaskState::Pending, MESSAGE_PENDING, tx.now());
        task.ports = ports;
        tx.put_task(task, Why::Allocated);
    }
}
