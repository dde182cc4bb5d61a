//! The cluster object and the Raft members that come with it (control-plane.md §1.2, raft-and-security.md §3.1).

use super::{Id, Meta, NodeKey};
use crate::engine::Duration;
use crate::net::HostId;
use crate::raft::MemberId;

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
        format!("SWMTKN-1-{}{}-{secret}", self.ca_digest, Id(self.ca_digest.0.rotate_left(61) ^ 0x5bd1_e995_97f4_a7c1))
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
