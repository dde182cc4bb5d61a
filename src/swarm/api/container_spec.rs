//! What a service says of its containers, as the Engine API shows it (moby `api/types/swarm/container.go`).
//!
//! Fields stand in moby's order: `inspect` prints them so.

use super::{ConfigReference, HealthConfig, Labels, Mount, SecretReference, is_zero};
use serde::Serialize;

/// The container of a task.
#[derive(Clone, Debug, Default, PartialEq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContainerSpec {
    /// Reference, with its digest once pinned.
    pub image: String,
    /// Container labels.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// Entrypoint.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Arguments (they replace the image's command).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// The container's hostname.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hostname: String,
    /// `KEY=VALUE`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// Working directory.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub dir: String,
    /// User.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// Further groups of the user.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Rights beyond the usual.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privileges: Option<Privileges>,
    /// Run an init process; `service inspect` shows false where it was left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<bool>,
    /// The signal that asks it to stop.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stop_signal: String,
    /// It has a terminal.
    #[serde(rename = "TTY", skip_serializing_if = "std::ops::Not::not")]
    pub tty: bool,
    /// Its stdin stays open.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub open_stdin: bool,
    /// Its root file system cannot be written to.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// What else stands in its file system.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<Mount>,
    /// Nanoseconds between the stop signal and SIGKILL; absent means 10 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_grace_period: Option<i64>,
    /// How its health is checked; what is left out is the image's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<HealthConfig>,
    /// Lines of `/etc/hosts`: address, then names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// Always there in the API's JSON.
    #[serde(rename = "DNSConfig", skip_serializing_if = "Option::is_none")]
    pub dns_config: Option<DnsConfig>,
    /// Secrets to be given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretReference>,
    /// Configs to be given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub configs: Vec<ConfigReference>,
    /// `default`
    #[serde(skip_serializing_if = "String::is_empty")]
    pub isolation: String,
    /// Kernel settings.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub sysctls: Labels,
    /// Capabilities given: `CAP_..` or `ALL`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub capability_add: Vec<String>,
    /// Capabilities taken.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub capability_drop: Vec<String>,
    /// Limits of the process, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ulimits: Vec<Ulimit>,
    /// How readily the host kills it for memory, from -1000 to 1000.
    #[serde(skip_serializing_if = "is_zero")]
    pub oom_score_adj: i64,
}

/// What `/etc/resolv.conf` says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DnsConfig {
    /// Addresses of name servers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nameservers: Vec<String>,
    /// Domains in which bare names are looked up.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub search: Vec<String>,
    /// Options of the resolver.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

/// Rights of a container beyond the usual. Only the first is asked for here; the others stand in the JSON as moby has
/// them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Privileges {
    /// A managed account (Windows).
    #[serde(rename = "CredentialSpec")]
    pub credential_spec: Option<CredentialSpec>,
    /// Labels of SELinux.
    #[serde(rename = "SELinuxContext")]
    pub selinux_context: Option<()>,
    /// Nothing may gain privileges.
    #[serde(rename = "NoNewPrivileges")]
    pub no_new_privileges: bool,
}

/// Where a managed account's credentials are; one of the three.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CredentialSpec {
    /// Id of a config.
    pub config: String,
    /// A file on the node.
    pub file: String,
    /// A value in the node's registry.
    pub registry: String,
}

/// A limit of a process; -1: without limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Ulimit {
    /// `nofile`
    pub name: String,
    /// What the process may raise it to.
    pub hard: i64,
    /// What holds.
    pub soft: i64,
}
