//! The daemon as the Engine API shows it (moby `api/types/system`).

use super::{ClusterInfo, GenericResource, is_zero};
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
    /// What the daemon was told of kinds that users name; null for nothing.
    pub generic_resources: Option<Vec<GenericResource>>,
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
    /// What people should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
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
    /// What people should know of it.
    #[serde(rename = "Warnings", skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
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
