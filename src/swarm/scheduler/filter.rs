//! The filters: whether a node may have a task, and the words that say why not.
//!
//! A node is checked in the order of [`Filter`] and stops at the first failure, which that filter counts. When a node
//! passes, **all counts go back to zero**: after a partial success an explanation tells only of the nodes checked since.
//! The plugin filter has its place and passes everything, since every modelled node has the plugins of a fresh engine; so has
//! the platform filter, since every modelled image is built for every platform.
//!
//! Source: control-plane.md §3.4; SwarmKit's `filter.go`, `pipeline.go`.

use super::node_info::{NodeInfo, host_ports};
use crate::swarm::object::{Availability, NodeState, Resources, Task};
use std::fmt::Write as _;
use std::sync::Arc;

/// A filter, in the order in which they are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Filter {
    /// The node is READY and ACTIVE.
    Ready,
    /// The node has free what the task reserves.
    Resource,
    /// The node has the plugins for the task's networks, volumes and log driver.
    Plugin,
    /// The node satisfies the task's constraints.
    Constraint,
    /// The image is built for the node's platform.
    Platform,
    /// No other task holds a host-mode port of this one.
    HostPort,
    /// The service has fewer tasks on the node than it allows.
    MaxReplicas,
}

impl Filter {
    /// All, in order.
    pub const ALL: [Filter; 7] = [
        Filter::Ready,
        Filter::Resource,
        Filter::Plugin,
        Filter::Constraint,
        Filter::Platform,
        Filter::HostPort,
        Filter::MaxReplicas,
    ];

    /// What a reader calls it.
    pub fn name(self) -> &'static str {
        match self {
            Filter::Ready => "ready",
            Filter::Resource => "resource",
            Filter::Plugin => "plugin",
            Filter::Constraint => "constraint",
            Filter::Platform => "platform",
            Filter::HostPort => "host port",
            Filter::MaxReplicas => "max replicas",
        }
    }

    /// SwarmKit's words for so many nodes that it stopped.
    pub fn explain(self, nodes: u32) -> String {
        let (one, many) = match self {
            Filter::Ready => ("1 node not available for new tasks", " nodes not available for new tasks"),
            Filter::Resource => ("insufficient resources on 1 node", "insufficient resources on "),
            Filter::Plugin => ("missing plugin on 1 node", "missing plugin on "),
            Filter::Constraint => {
                ("scheduling constraints not satisfied on 1 node", "scheduling constraints not satisfied on ")
            }
            Filter::Platform => ("unsupported platform on 1 node", "unsupported platform on "),
            Filter::HostPort => ("host-mode port already in use on 1 node", "host-mode port already in use on "),
            // The wording is theirs; it has no count.
            Filter::MaxReplicas => return "max replicas per node limit exceed".to_owned(),
        };
        match (self, nodes) {
            (_, 1) => one.to_owned(),
            (Filter::Ready, _) => format!("{nodes}{many}"),
            _ => format!("{many}{nodes} nodes"),
        }
    }
}

/// The filters that a task needs, and how many nodes each has stopped.
#[derive(Clone, Debug)]
pub(super) struct Pipeline {
    task: Arc<Task>,
    /// By [`Filter`].
    enabled: [bool; 7],
    /// By [`Filter`].
    stopped: [u32; 7],
    /// By [`Filter`], never set back: what a decision is remembered by.
    seen: [u16; 7],
    /// A deliberate fault: down nodes count as ready.
    #[cfg(any(test, feature = "mutants"))]
    pub(super) ignores_down: bool,
}

impl Pipeline {
    /// Loads a task; nothing is counted yet.
    pub(super) fn new(task: Arc<Task>) -> Self {
        let spec = &task.spec;
        let enabled = Filter::ALL.map(|filter| match filter {
            Filter::Ready => true,
            Filter::Resource => spec.reserved.nano_cpus != 0 || spec.reserved.memory_bytes != 0,
            Filter::Plugin | Filter::Platform => false,
            Filter::Constraint => !spec.constraints.is_empty(),
            Filter::HostPort => host_ports(&task.ports).next().is_some(),
            Filter::MaxReplicas => spec.max_replicas > 0,
        });
        Self {
            task,
            enabled,
            stopped: [0; 7],
            seen: [0; 7],
            #[cfg(any(test, feature = "mutants"))]
            ignores_down: false,
        }
    }

    /// The first filter that a node fails. `of_service`: active tasks of the task's service on the node.
    #[inline]
    pub(super) fn first_failing(&self, node: &NodeInfo, of_service: u32) -> Option<Filter> {
        let passes = |filter| match filter {
            Filter::Ready => self.is_ready(node),
            Filter::Resource => node.has_free(&self.task.spec.reserved),
            Filter::Plugin | Filter::Platform => true,
            Filter::Constraint => self.task.spec.constraints.iter().all(|constraint| constraint.matches(&node.node)),
            Filter::HostPort => !node.holds_any(&self.task.ports),
            Filter::MaxReplicas => of_service < self.task.spec.max_replicas,
        };
        Filter::ALL.into_iter().find(|&filter| self.enabled[filter as usize] && !passes(filter))
    }

    fn is_ready(&self, node: &NodeInfo) -> bool {
        #[cfg(any(test, feature = "mutants"))]
        if self.ignores_down && node.node.status.state == NodeState::Down {
            return node.node.spec.availability == Availability::Active;
        }
        node.node.status.state == NodeState::Ready && node.node.spec.availability == Availability::Active
    }

    /// Whether a node passes all filters; counts.
    #[inline]
    pub(super) fn process(&mut self, node: &NodeInfo, of_service: u32) -> bool {
        let failing = self.first_failing(node, of_service);
        match failing {
            Some(filter) => {
                self.stopped[filter as usize] += 1;
                let seen = &mut self.seen[filter as usize];
                *seen = seen.saturating_add(1);
            }
            None => self.stopped = [0; 7],
        }
        failing.is_none()
    }

    /// What the task reserves.
    #[inline]
    pub(super) fn reserved(&self) -> Resources {
        self.task.spec.reserved
    }

    /// How many nodes each filter has stopped in all, in the order of the filters.
    pub(super) fn seen(&self) -> [u16; 7] {
        self.seen
    }

    /// Why no node was found: the filters that stopped some, the most effective first; empty if none did.
    pub(super) fn explain(&self) -> String {
        let mut counts = Filter::ALL.map(|filter| (filter, self.stopped[filter as usize]));
        // A stable sort: among equals the order of asking stays.
        counts.sort_by_key(|&(_, stopped)| std::cmp::Reverse(stopped));
        let mut text = String::new();
        for (filter, stopped) in counts.into_iter().filter(|&(_, stopped)| stopped > 0) {
            let separator = if text.is_empty() { "" } else { "; " };
            let _ = write!(text, "{separator}{}", filter.explain(stopped));
        }
        text
    }
}
