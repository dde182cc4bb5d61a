//! Nodes as the Engine API shows them (moby `api/types/swarm/node.go`).

use super::{GenericResource, Labels, is_zero};
use serde::Serialize;

/// Version of an object: what an update must quote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ObjectVersion {
    /// The store's version index.
    pub index: u64,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Node {
    /// 25 characters.
    #[serde(rename = "ID")]
    pub id: String,
    /// Quoted by updates.
    #[serde(rename = "Version")]
    pub version: ObjectVersion,
    /// RFC 3339 with nanoseconds.
    #[serde(rename = "CreatedAt")]
    pub created_at: String,
    /// RFC 3339 with nanoseconds.
    #[serde(rename = "UpdatedAt")]
    pub updated_at: String,
    /// What the user wants.
    #[serde(rename = "Spec")]
    pub spec: NodeSpec,
    /// What the node reported.
    #[serde(rename = "Description")]
    pub description: NodeDescription,
    /// What the managers believe.
    #[serde(rename = "Status")]
    pub status: NodeStatus,
    /// Only of Raft members.
    #[serde(rename = "ManagerStatus", skip_serializing_if = "Option::is_none")]
    pub manager_status: Option<ManagerStatus>,
}

/// What the user wants of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NodeSpec {
    /// Unused by Docker, but may be set.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Node labels.
    pub labels: Labels,
    /// `worker` or `manager`.
    pub role: String,
    /// `active`, `pause` or `drain`.
    pub availability: String,
}

/// What a node reported of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct NodeDescription {
    /// Empty until the node has reported.
    #[serde(rename = "Hostname", skip_serializing_if = "String::is_empty")]
    pub hostname: String,
    /// Architecture and OS.
    #[serde(rename = "Platform")]
    pub platform: Platform,
    /// What it has.
    #[serde(rename = "Resources")]
    pub resources: NodeResources,
    /// Its engine.
    #[serde(rename = "Engine")]
    pub engine: EngineDescription,
    /// Its trust.
    #[serde(rename = "TLSInfo")]
    pub tls_info: TlsInfo,
}

/// Architecture (`x86_64`) and OS (`linux`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Platform {
    /// As `uname -m` says.
    #[serde(rename = "Architecture", skip_serializing_if = "String::is_empty")]
    pub architecture: String,
    /// Lower-case.
    #[serde(rename = "OS", skip_serializing_if = "String::is_empty")]
    pub os: String,
}

/// CPUs in billionths and memory in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct NodeResources {
    /// 1 CPU = 1,000,000,000.
    #[serde(rename = "NanoCPUs", skip_serializing_if = "is_zero")]
    pub nano_cpus: i64,
    /// Bytes.
    #[serde(rename = "MemoryBytes", skip_serializing_if = "is_zero")]
    pub memory_bytes: i64,
    /// Of kinds that the node's daemon was told of.
    #[serde(rename = "GenericResources", skip_serializing_if = "Vec::is_empty")]
    pub generic_resources: Vec<GenericResource>,
}

/// The engine of a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct EngineDescription {
    /// `29.7.2`
    #[serde(skip_serializing_if = "String::is_empty")]
    pub engine_version: String,
    /// Engine labels.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// Sorted by type, then name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<Plugin>,
}

/// A plugin of an engine.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Plugin {
    /// `Log`, `Network` or `Volume`.
    #[serde(rename = "Type")]
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// What a node trusts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TlsInfo {
    /// PEM text of the cluster's root certificate.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub trust_root: String,
    /// Base64.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cert_issuer_subject: String,
    /// Base64.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cert_issuer_public_key: String,
}

/// What the managers believe of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NodeStatus {
    /// `unknown`, `down`, `ready`, `disconnected`.
    pub state: String,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// The node's address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub addr: String,
}

/// A node as a Raft member.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ManagerStatus {
    /// It leads.
    #[serde(skip_serializing_if = "is_zero")]
    pub leader: bool,
    /// `reachable` or `unreachable`.
    pub reachability: String,
    /// `ADDRESS:2377`
    pub addr: String,
}
