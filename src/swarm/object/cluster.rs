//! The cluster object and the Raft members that come with it (control-plane.md §1.2, raft-and-security.md §3.1).

use super::{Id, Meta, NodeKey};
use crate::engine::Duration;
use crate::net::HostId;
use crate::raft::MemberId;
use crate::swarm::ca::{RootCa, RootId};

/// The cluster object, named `default`.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Id.
    pub id: Id,
    /// Version and times.
    pub meta: Meta,
    /// Tasks kept a slot, the live one included; negative: all.
    pub task_history_limit: i64,
    /// What agents are told, give or take half a second.
    pub heartbeat_period: Duration,
    /// Raft entries between snapshots.
    pub snapshot_interval: u64,
    /// Digest of the root CA, as the middle part of a token shows it (50 characters).
    pub ca_digest: Id,
    /// Secret part of the worker token.
    pub worker_secret: Id,
    /// Secret part of the manager token.
    pub manager_secret: Id,
    /// Leadership has changed since the cluster was made; `docker info` shows the address pool only then.
    pub leadership_changed: bool,
}

impl Cluster {
    /// `SWMTKN-1-<50>-<25>`
    pub fn token(&self, manager: bool) -> String {
        let secret = if manager { self.manager_secret } else { self.worker_secret };
        crate::swarm::ca::token::token(&self.root(), secret)
    }

    /// The root that everybody trusts.
    pub fn root(&self) -> RootCa {
        RootCa::new(RootId(self.ca_digest.0), self.meta.created_at)
    }
}

/// A Raft member: identity in Raft, and the node that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// In Raft.
    pub raft: MemberId,
    /// The node.
    pub node: NodeKey,
    /// Where it listens on 2377.
    pub host: HostId,
}
