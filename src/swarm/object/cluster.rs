//! The cluster object and the Raft members that come with it (control-plane.md §1.2, raft-and-security.md §3.1).

use super::{Id, Meta, NodeKey};
use crate::engine::Duration;
use crate::net::HostId;
use crate::raft::MemberId;
use crate::swarm::api::{Driver, ExternalCa};
use crate::swarm::ca::{Blacklist, Kek, RootCa, RootRotation, Signer, UnlockKey};
use std::sync::Arc;

/// The cluster object, named `default`.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Id.
    pub id: Id,
    /// Version and times.
    pub meta: Meta,
    /// Tasks kept a slot, the live one included; negative: all.
    pub task_history_limit: i64,
    /// Where the output of tasks goes whose service does not say it: `task_defaults.log_driver`. The Engine API drops it
    /// both ways, so that Docker's users can neither set nor see it.
    pub task_log_driver: Option<Arc<Driver>>,
    /// What agents are told, give or take half a second.
    pub heartbeat_period: Duration,
    /// Raft entries between snapshots.
    pub snapshot_interval: u64,
    /// Older Raft snapshots that are kept.
    pub keep_old_snapshots: u64,
    /// How long a node certificate is valid.
    pub node_cert_expiry: Duration,
    /// Where else certificates are signed.
    pub external_cas: Arc<[ExternalCa]>,
    /// A root that the user gave: certificate and key, both PEM. The key may be missing where an external CA has it.
    pub signing_ca: Option<Arc<(String, String)>>,
    /// How often a new root has been asked for.
    pub force_rotate: u64,
    /// Whom all nodes trust.
    pub root: RootCa,
    /// A new root has been asked for and is not everywhere yet.
    pub root_rotation: Option<RootRotation>,
    /// Certificates of removed nodes.
    pub blacklist: Arc<Blacklist>,
    /// Managers start locked.
    pub autolock: bool,
    /// What unlocks them; only while `autolock` holds.
    pub unlock_keys: Option<UnlockKey>,
    /// Networks of `--default-addr-pool`; empty: the built-in `10.0.0.0/8`.
    pub default_addr_pool: Arc<[String]>,
    /// Prefix length of a network from the pool.
    pub subnet_size: u32,
    /// VXLAN's port.
    pub data_path_port: u32,
    /// Secret part of the worker token.
    pub worker_secret: Id,
    /// Secret part of the manager token.
    pub manager_secret: Id,
    /// Leadership has changed since the cluster was made; `docker info` shows the address pool only then.
    pub leadership_changed: bool,
}

impl Default for Cluster {
    /// Docker's defaults, and no secrets.
    fn default() -> Self {
        Self {
            id: Id::default(),
            meta: Meta::default(),
            task_history_limit: 5,
            task_log_driver: None,
            heartbeat_period: Duration::from_secs(5),
            snapshot_interval: 10_000,
            keep_old_snapshots: 0,
            node_cert_expiry: Duration::from_secs(90 * 24 * 3600),
            external_cas: Arc::default(),
            signing_ca: None,
            force_rotate: 0,
            root: RootCa::default(),
            root_rotation: None,
            blacklist: Arc::default(),
            autolock: false,
            unlock_keys: None,
            default_addr_pool: Arc::default(),
            subnet_size: 24,
            data_path_port: 4789,
            worker_secret: Id::default(),
            manager_secret: Id::default(),
            leadership_changed: false,
        }
    }
}

impl Cluster {
    /// `SWMTKN-1-<50>-<25>`
    pub fn token(&self, manager: bool) -> String {
        let secret = if manager { self.manager_secret } else { self.worker_secret };
        crate::swarm::ca::token::token(&self.root, secret)
    }

    /// What locks its managers, as of this version of the object.
    pub fn kek(&self) -> Kek {
        Kek { version: self.meta.version, key: self.unlock_keys }
    }

    /// Who signs its certificates now.
    pub fn signer(&self) -> Signer {
        let (issuer, cross_signed_by) = match self.root_rotation {
            Some(rotation) => (rotation.next.id, Some(self.root.id)),
            None => (self.root.id, None),
        };
        Signer { organization: self.id, issuer, cross_signed_by, expiry: self.node_cert_expiry }
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
