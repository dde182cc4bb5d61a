//! The daemon and the swarm as the Engine API shows them (moby `api/types/system`, `api/types/swarm/swarm.go`).

use super::{Labels, ObjectVersion, is_zero};
use serde::Serialize;

/// `docker info`, as far as the model has it; the client fills in the constant rest.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Info {
    /// A UUID.
    #[serde(rename = "ID")]
    pub id: String,
    /// All containers.
    pub containers: u64,
    /// Those that run.
    pub containers_running: u64,
    /// Those that are paused.
    pub containers_paused: u64,
    /// Those that ended.
    pub containers_stopped: u64,
    /// Images on this host.
    pub images: u64,
    /// CPUs.
    #[serde(rename = "NCPU")]
    pub ncpu: u64,
    /// Bytes.
    pub mem_total: i64,
    /// The host's name.
    pub name: String,
    /// `x86_64`
    pub architecture: String,
    /// `linux`
    #[serde(rename = "OSType")]
    pub os_type: String,
    /// `29.7.2`
    pub server_version: String,
    /// Engine labels, `key=value`.
    pub labels: Vec<String>,
    /// The swarm's part.
    pub swarm: SwarmInfo,
}

/// The swarm's part of `docker info`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SwarmInfo {
    /// Empty outside of a swarm.
    #[serde(rename = "NodeID")]
    pub node_id: String,
    /// The address that others use for this node.
    #[serde(rename = "NodeAddr")]
    pub node_addr: String,
    /// `inactive`, `pending`, `active`, `error`, `locked`.
    #[serde(rename = "LocalNodeState")]
    pub local_node_state: String,
    /// It is a manager.
    #[serde(rename = "ControlAvailable")]
    pub control_available: bool,
    /// Why the cluster's part is missing.
    #[serde(rename = "Error")]
    pub error: String,
    /// Known managers, sorted by address.
    #[serde(rename = "RemoteManagers")]
    pub remote_managers: Option<Vec<Peer>>,
    /// Nodes in the store.
    #[serde(rename = "Nodes", skip_serializing_if = "is_zero")]
    pub nodes: u64,
    /// Raft members.
    #[serde(rename = "Managers", skip_serializing_if = "is_zero")]
    pub managers: u64,
    /// Only on a manager that has a leader.
    #[serde(rename = "Cluster", skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterInfo>,
}

/// A manager that a node knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Peer {
    /// Its node id.
    #[serde(rename = "NodeID")]
    pub node_id: String,
    /// `ADDRESS:2377`
    #[serde(rename = "Addr")]
    pub addr: String,
}

/// The cluster object.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClusterInfo {
    /// 25 characters.
    #[serde(rename = "ID")]
    pub id: String,
    /// Of the object.
    #[serde(rename = "Version")]
    pub version: ObjectVersion,
    /// RFC 3339 with nanoseconds.
    #[serde(rename = "CreatedAt")]
    pub created_at: String,
    /// RFC 3339 with nanoseconds.
    #[serde(rename = "UpdatedAt")]
    pub updated_at: String,
    /// Its settings.
    #[serde(rename = "Spec")]
    pub spec: ClusterSpec,
    /// Empty until leadership has changed once, as in Docker.
    #[serde(rename = "DefaultAddrPool")]
    pub default_addr_pool: Option<Vec<String>>,
    /// Prefix length of a network from the pool.
    #[serde(rename = "SubnetSize")]
    pub subnet_size: u32,
    /// VXLAN's port.
    #[serde(rename = "DataPathPort")]
    pub data_path_port: u32,
    /// A root rotation is under way.
    #[serde(rename = "RootRotationInProgress")]
    pub root_rotation_in_progress: bool,
}

/// The cluster's settings, those that `docker info` shows.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ClusterSpec {
    /// `default`
    pub name: String,
    /// Labels.
    pub labels: Labels,
    /// Tasks kept a slot, the live one included.
    pub task_history_retention_limit: i64,
    /// Raft: entries between snapshots.
    pub snapshot_interval: u64,
    /// Raft: old snapshots kept.
    pub keep_old_snapshots: u64,
    /// Raft: ticks.
    pub heartbeat_tick: u32,
    /// Raft: ticks.
    pub election_tick: u32,
    /// Nanoseconds.
    pub heartbeat_period: i64,
    /// Nanoseconds that a node certificate is valid.
    pub node_cert_expiry: i64,
    /// Managers start locked.
    pub auto_lock_managers: bool,
}

/// `GET /swarm`: the cluster and its tokens.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Swarm {
    /// The cluster object.
    #[serde(flatten)]
    pub cluster: ClusterInfo,
    /// The secrets that let nodes join.
    #[serde(rename = "JoinTokens")]
    pub join_tokens: JoinTokens,
}

/// The two join tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct JoinTokens {
    /// `SWMTKN-1-...`
    pub worker: String,
    /// `SWMTKN-1-...`
    pub manager: String,
}

/// `POST /swarm/init`
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SwarmInitRequest {
    /// As typed; empty: the host's own address.
    pub advertise_addr: String,
    /// Start a new cluster of one from this manager's state.
    pub force_new_cluster: bool,
    /// Of this node: `active`, `pause`, `drain`.
    pub availability: String,
    /// Absent: 5.
    pub task_history_limit: Option<i64>,
    /// Nanoseconds; absent: 5 s.
    pub heartbeat_period: Option<i64>,
    /// Absent: 10,000.
    pub snapshot_interval: Option<u64>,
}

/// `POST /swarm/join`
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SwarmJoinRequest {
    /// `HOST[:PORT]` of a manager.
    pub remote_addr: String,
    /// As typed; empty: the address that the manager sees.
    pub advertise_addr: String,
    /// As typed.
    pub token: String,
    /// Of this node: `active`, `pause`, `drain`.
    pub availability: String,
}

/// `GET /version`
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Version {
    /// `29.7.2`
    pub version: String,
    /// `1.55`
    pub api_version: String,
    /// `1.40`
    pub min_api_version: String,
}
