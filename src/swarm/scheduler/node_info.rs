//! One node as the scheduler sees it: the object, what is taken on it, and who failed there.
//!
//! Source: control-plane.md §2.6, §3.1, §3.5 "Failure memory"; SwarmKit's `nodeinfo.go`.

use crate::engine::{Duration, Time};
use crate::swarm::object::{Generic, Node, PortConfig, Protocol, Resources, ServiceKey, Task, TaskSpec};
use std::sync::Arc;

/// How long a failure is remembered.
const MONITOR_FAILURES: Duration = Duration::from_minutes(5);

/// One node.
#[derive(Clone, Debug)]
pub(super) struct NodeInfo {
    /// As stored.
    pub(super) node: Arc<Node>,
    /// Reserved by all its tasks that have not stopped.
    reserved: Resources,
    /// Generic resources given to them; hardly ever any.
    generic: Vec<Generic>,
    /// Host ports held by them; hardly ever more than a few.
    ports: Vec<(Protocol, u16)>,
    /// Oldest first; hardly ever any.
    failures: Vec<Failure>,
}

#[derive(Clone, Copy, Debug)]
struct Failure {
    at: Time,
    service: ServiceKey,
    spec_version: u64,
}

impl NodeInfo {
    /// A node with no tasks known yet.
    pub(super) fn new(node: Arc<Node>) -> Self {
        Self { node, reserved: Resources::default(), generic: Vec::new(), ports: Vec::new(), failures: Vec::new() }
    }

    /// Takes what a task needs.
    pub(super) fn take(&mut self, task: &Task) {
        self.reserved.nano_cpus += task.spec.reserved.nano_cpus;
        self.reserved.memory_bytes += task.spec.reserved.memory_bytes;
        self.generic.extend(task.assigned_generic.iter().cloned());
        self.ports.extend(host_ports(&task.ports));
    }

    /// Gives back what a task had taken.
    pub(super) fn give_back(&mut self, task: &Task) {
        self.reserved.nano_cpus -= task.spec.reserved.nano_cpus;
        self.reserved.memory_bytes -= task.spec.reserved.memory_bytes;
        for given in task.assigned_generic.iter() {
            if let Some(place) = self.generic.iter().position(|held| held == given) {
                self.generic.swap_remove(place);
            }
        }
        for port in host_ports(&task.ports) {
            if let Some(place) = self.ports.iter().position(|&held| held == port) {
                self.ports.swap_remove(place);
            }
        }
    }

    /// Whether as much is free of each. Where a node is overbooked, not even nothing is free.
    pub(super) fn has_free(&self, spec: &TaskSpec) -> bool {
        let (description, wanted) = (&self.node.description, &spec.reserved);
        (spec.generic.is_empty() || self.claim(spec).is_some())
            && description.nano_cpus - self.reserved.nano_cpus >= wanted.nano_cpus
            && description.memory_bytes - self.reserved.memory_bytes >= wanted.memory_bytes
    }

    /// What a task of this spec would be given of the generic resources that are free; `None`: not enough.
    pub(super) fn claim(&self, spec: &TaskSpec) -> Option<Vec<Generic>> {
        let mut claimed = Vec::new();
        if !spec.generic.is_empty() {
            let free = self.free_generic();
            for request in &spec.generic {
                claimed.extend(request.claim(&free)?);
            }
        }
        Some(claimed)
    }

    /// Generic resources that no task was given.
    pub(super) fn free_generic(&self) -> Vec<Generic> {
        let mut free = self.node.description.generic.clone();
        self.generic.iter().for_each(|given| given.take_from(&mut free));
        free
    }

    /// What is not reserved; below zero where a node is overbooked.
    pub(super) fn free(&self) -> Resources {
        Resources {
            nano_cpus: self.node.description.nano_cpus - self.reserved.nano_cpus,
            memory_bytes: self.node.description.memory_bytes - self.reserved.memory_bytes,
        }
    }

    /// Whether a task on it holds this port.
    pub(super) fn holds(&self, port: (Protocol, u16)) -> bool {
        self.ports.contains(&port)
    }

    /// Whether a task on it holds one of these ports.
    pub(super) fn holds_any(&self, ports: &[PortConfig]) -> bool {
        !self.ports.is_empty() && host_ports(ports).any(|port| self.ports.contains(&port))
    }

    /// What is taken here, in a form that can be compared.
    #[cfg(test)]
    pub(super) fn taken(&self) -> (Resources, Vec<(Protocol, u16)>) {
        let mut ports = self.ports.clone();
        ports.sort_unstable();
        (self.reserved, ports)
    }

    /// Remembers that a task failed here.
    pub(super) fn failed(&mut self, service: ServiceKey, spec_version: u64, now: Time) {
        self.failures.retain(|failure| now - failure.at < MONITOR_FAILURES);
        self.failures.push(Failure { at: now, service, spec_version });
    }

    /// How often tasks of this spec failed here lately.
    pub(super) fn recent_failures(&self, service: ServiceKey, spec_version: u64, now: Time) -> u32 {
        let counts = |failure: &&Failure| {
            (failure.service, failure.spec_version) == (service, spec_version) && now - failure.at <= MONITOR_FAILURES
        };
        u32::try_from(self.failures.iter().filter(counts).count()).unwrap_or(u32::MAX)
    }
}

/// The ports that a task opens on its node itself, with a number that was asked for.
pub(super) fn host_ports(ports: &[PortConfig]) -> impl Iterator<Item = (Protocol, u16)> {
    ports.iter().filter(|port| !port.ingress && port.published != 0).map(|port| (port.protocol, port.published))
}
