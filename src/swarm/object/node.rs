//! Nodes (control-plane.md §1.2, §7.2, §8).

use super::{Attachment, Id, Meta, NodeKey};
use crate::net::HostId;
use crate::swarm::ca::{IssuanceState, RootId};
use std::net::Ipv4Addr;
use std::sync::Arc;

/// A node of the swarm.
#[derive(Clone, Debug)]
pub struct Node {
    /// Row.
    pub key: NodeKey,
    /// Id.
    pub id: Id,
    /// Version and times.
    pub meta: Meta,
    /// What the user wants.
    pub spec: NodeSpec,
    /// The role that is certified; follows `spec.role`.
    pub role: Role,
    /// What the node reported; empty hostname until it has.
    pub description: Arc<NodeDescription>,
    /// What the managers believe.
    pub status: NodeStatus,
    /// How far its certificate is.
    pub certificate: NodeCertificate,
    /// The addresses of its load balancers, one a network that is in use there.
    pub attachments: Arc<[Attachment]>,
    /// The host whose engine it is. The real Swarm finds it by `status.addr`; the model keeps the host's number.
    pub host: HostId,
}

/// What the managers know of a node's certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeCertificate {
    /// Whether there is something to be done about it.
    pub state: IssuanceState,
    /// Who issued the one that the node showed last.
    pub issuer: Option<RootId>,
}

/// What the user wants of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSpec {
    /// Usually empty.
    pub name: Arc<str>,
    /// Node labels, sorted by key.
    pub labels: Arc<super::Labels>,
    /// Desired role.
    pub role: Role,
    /// Whether it may have tasks.
    pub availability: Availability,
}

/// Worker or manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Runs tasks.
    Worker,
    /// Runs tasks and is a Raft member.
    Manager,
}

impl Role {
    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Worker => "worker",
            Role::Manager => "manager",
        }
    }
}

/// Whether a node may have tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Availability {
    /// Yes.
    Active,
    /// Keeps those that it has, gets no new ones.
    Pause,
    /// Its tasks go elsewhere.
    Drain,
}

impl Availability {
    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Availability::Active => "active",
            Availability::Pause => "pause",
            Availability::Drain => "drain",
        }
    }
}

/// What a node reported of itself.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct NodeDescription {
    /// Empty until the node has registered once.
    pub hostname: Arc<str>,
    /// `linux`
    pub os: Arc<str>,
    /// `x86_64`
    pub architecture: Arc<str>,
    /// Billionths of a CPU.
    pub nano_cpus: i64,
    /// Bytes.
    pub memory_bytes: i64,
    /// `29.7.2`
    pub engine_version: Arc<str>,
    /// Engine labels.
    pub engine_labels: super::Labels,
    /// Resources of kinds that the user named in the engine's configuration.
    pub generic: Vec<super::Generic>,
    /// What is plugged into its engine; `None` before the engine has said so.
    pub plugins: Option<Arc<[super::Plugin]>>,
}

/// What the managers believe of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeStatus {
    /// Its state.
    pub state: NodeState,
    /// Why; empty when all is well.
    pub message: &'static str,
    /// Its address.
    pub addr: Ipv4Addr,
}

/// A node's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeState {
    /// Created and not yet seen, or leadership has changed since it was seen.
    Unknown,
    /// Its heartbeats did not come.
    Down,
    /// It has a session.
    Ready,
    /// It looks for another manager (never written in the real code of today).
    Disconnected,
}

impl NodeState {
    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            NodeState::Unknown => "unknown",
            NodeState::Down => "down",
            NodeState::Ready => "ready",
            NodeState::Disconnected => "disconnected",
        }
    }
}

impl Node {
    /// What a table shows: the spec's name, else the hostname, else the id.
    pub fn display_name(&self) -> String {
        if !self.spec.name.is_empty() {
            self.spec.name.to_string()
        } else if !self.description.hostname.is_empty() {
            self.description.hostname.to_string()
        } else {
            self.id.text()
        }
    }

    /// Tasks on it must go elsewhere: down or drained (control-plane.md §4.1, "invalid node").
    pub fn is_invalid(&self) -> bool {
        self.status.state == NodeState::Down || self.spec.availability == Availability::Drain
    }

    /// It may be given tasks.
    pub fn is_ready(&self) -> bool {
        self.status.state == NodeState::Ready && self.spec.availability == Availability::Active
    }
}
