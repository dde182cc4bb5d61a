//! Networks as the Engine API shows them: once as the engine's (moby `api/types/network`), and once as parts of services
//! and tasks (`api/types/swarm/network.go`).

use super::{Driver, Labels, ObjectVersion, is_zero};
use serde::Serialize;
use std::collections::BTreeMap;

/// A network, of a host or of the swarm.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Network {
    /// Its name.
    #[serde(rename = "Name")]
    pub name: String,
    /// 64 hex digits, or 25 characters for a network of the swarm.
    #[serde(rename = "Id")]
    pub id: String,
    /// RFC 3339 with nanoseconds.
    #[serde(rename = "Created")]
    pub created: String,
    /// `local` or `swarm`.
    #[serde(rename = "Scope")]
    pub scope: String,
    /// `bridge`, `host`, `null`, `overlay`; empty for one that could not be allocated.
    #[serde(rename = "Driver")]
    pub driver: String,
    /// Always.
    #[serde(rename = "EnableIPv4")]
    pub enable_ipv4: bool,
    /// Never here.
    #[serde(rename = "EnableIPv6")]
    pub enable_ipv6: bool,
    /// Its addresses.
    #[serde(rename = "IPAM")]
    pub ipam: Ipam,
    /// No way out.
    #[serde(rename = "Internal")]
    pub internal: bool,
    /// Containers that no service owns may join it.
    #[serde(rename = "Attachable")]
    pub attachable: bool,
    /// It carries the routing mesh.
    #[serde(rename = "Ingress")]
    pub ingress: bool,
    /// Empty here.
    #[serde(rename = "ConfigFrom")]
    pub config_from: ConfigFrom,
    /// Never here.
    #[serde(rename = "ConfigOnly")]
    pub config_only: bool,
    /// Of the driver.
    #[serde(rename = "Options")]
    pub options: Option<Labels>,
    /// Labels; null where the engine has none at all.
    #[serde(rename = "Labels")]
    pub labels: Option<Labels>,
    /// Nodes that gossip about it; absent where it is not in use.
    #[serde(rename = "Peers", skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<NetworkPeer>,
    /// Those of this host's containers that are on it, by id.
    #[serde(rename = "Containers")]
    pub containers: BTreeMap<String, NetworkEndpoint>,
    /// How many addresses are in use; only where a manager tells.
    #[serde(rename = "Status", skip_serializing_if = "Option::is_none")]
    pub status: Option<NetworkStatus>,
}

/// The addresses of a network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Ipam {
    /// `default`
    pub driver: String,
    /// Of the driver.
    pub options: Option<Labels>,
    /// Subnets.
    pub config: Option<Vec<IpamConfig>>,
}

/// A subnet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct IpamConfig {
    /// `10.0.1.0/24`
    #[serde(rename = "Subnet", skip_serializing_if = "String::is_empty")]
    pub subnet: String,
    /// The part of it that addresses come from.
    #[serde(rename = "IPRange", skip_serializing_if = "String::is_empty")]
    pub ip_range: String,
    /// `10.0.1.1`
    #[serde(rename = "Gateway", skip_serializing_if = "String::is_empty")]
    pub gateway: String,
}

/// Where a network's settings come from: nowhere else, here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ConfigFrom {
    /// A network's name.
    pub network: String,
}

/// A node that gossips about a network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct NetworkPeer {
    /// 12 hex digits, drawn anew with each start of its daemon.
    #[serde(rename = "Name")]
    pub name: String,
    /// Its address.
    #[serde(rename = "IP")]
    pub ip: String,
}

/// A container on a network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct NetworkEndpoint {
    /// The container's name.
    #[serde(rename = "Name")]
    pub name: String,
    /// 64 hex digits.
    #[serde(rename = "EndpointID")]
    pub endpoint_id: String,
    /// `02:42:0a:00:01:03`
    #[serde(rename = "MacAddress")]
    pub mac_address: String,
    /// With its prefix length.
    #[serde(rename = "IPv4Address")]
    pub ipv4_address: String,
    /// Empty.
    #[serde(rename = "IPv6Address")]
    pub ipv6_address: String,
}

/// How many addresses are in use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct NetworkStatus {
    /// By subnet.
    #[serde(rename = "IPAM")]
    pub ipam: IpamStatus,
}

/// How many addresses are in use, by subnet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct IpamStatus {
    /// By subnet.
    pub subnets: BTreeMap<String, SubnetStatus>,
}

/// How many addresses of a subnet are in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct SubnetStatus {
    /// Those that nobody can have included.
    #[serde(rename = "IPsInUse")]
    pub in_use: u64,
    /// The rest.
    #[serde(rename = "DynamicIPsAvailable")]
    pub available: u64,
}

/// `POST /networks/create`
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NetworkCreateRequest {
    /// Its name.
    pub name: String,
    /// `bridge` unless the user says otherwise.
    pub driver: String,
    /// Subnets; none: chosen.
    pub ipam: Vec<IpamConfig>,
    /// No way out.
    pub internal: bool,
    /// Containers that no service owns may join it.
    pub attachable: bool,
    /// It is to carry the routing mesh.
    pub ingress: bool,
    /// It shall have addresses of version 4.
    pub enable_ipv4: Option<bool>,
    /// Of the driver.
    pub options: Labels,
    /// Labels.
    pub labels: Labels,
}

/// A network that a service's tasks shall be on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NetworkAttachmentConfig {
    /// Its id, or its name.
    pub target: String,
    /// Other names of the service there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Options of the driver.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub driver_opts: Labels,
}

/// A task's place on a network.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NetworkAttachment {
    /// The network as it was when the task was allocated.
    pub network: SwarmNetwork,
    /// Its addresses there, with prefix length.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
}

/// A network of the swarm as tasks show it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SwarmNetwork {
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
    /// What the user wants.
    #[serde(rename = "Spec")]
    pub spec: SwarmNetworkSpec,
    /// What the driver was given.
    #[serde(rename = "DriverState")]
    pub driver_state: Driver,
    /// The subnets that it got.
    #[serde(rename = "IPAMOptions", skip_serializing_if = "Option::is_none")]
    pub ipam_options: Option<IpamOptions>,
}

/// What a user wants of a network, as tasks show it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SwarmNetworkSpec {
    /// Its name.
    #[serde(rename = "Name")]
    pub name: String,
    /// Labels.
    #[serde(rename = "Labels")]
    pub labels: Labels,
    /// The driver as asked for.
    #[serde(rename = "DriverConfiguration", skip_serializing_if = "Option::is_none")]
    pub driver_configuration: Option<Driver>,
    /// No way out.
    #[serde(rename = "Internal", skip_serializing_if = "is_zero")]
    pub internal: bool,
    /// Containers that no service owns may join it.
    #[serde(rename = "Attachable", skip_serializing_if = "is_zero")]
    pub attachable: bool,
    /// It carries the routing mesh.
    #[serde(rename = "Ingress", skip_serializing_if = "is_zero")]
    pub ingress: bool,
    /// Subnets as asked for.
    #[serde(rename = "IPAMOptions", skip_serializing_if = "Option::is_none")]
    pub ipam_options: Option<IpamOptions>,
    /// `swarm`
    #[serde(rename = "Scope", skip_serializing_if = "String::is_empty")]
    pub scope: String,
}

/// Subnets, as tasks show them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct IpamOptions {
    /// Who gives addresses.
    pub driver: Driver,
    /// Subnets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub configs: Vec<SwarmIpamConfig>,
}

/// A subnet, as tasks show it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SwarmIpamConfig {
    /// `10.0.1.0/24`
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subnet: String,
    /// The part of it that addresses come from.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub range: String,
    /// `10.0.1.1`
    #[serde(skip_serializing_if = "String::is_empty")]
    pub gateway: String,
}
