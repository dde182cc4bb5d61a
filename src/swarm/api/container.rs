//! Containers of one host as the Engine API shows them (moby `api/types/container`).

use super::{ContainerHealth, Labels, Ulimit, is_zero};
use serde::Serialize;

/// A row of `docker ps`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContainerSummary {
    /// 64 hex digits.
    #[serde(rename = "ID")]
    pub id: String,
    /// Without the leading slash of the real API.
    pub names: Vec<String>,
    /// As stored.
    pub image: String,
    /// What runs in it, as one line.
    pub command: String,
    /// Nanoseconds of virtual time.
    pub created: i64,
    /// `created`, `running`, `paused`, `exited`, `dead`.
    pub state: String,
    /// `Up 5 seconds`, `Exited (137) 3 seconds ago`, `Created`: the daemon writes it.
    pub status: String,
    /// `none`, `starting`, `healthy`, `unhealthy`.
    pub health: String,
    /// `80/tcp`, `0.0.0.0:8080->80/tcp`: as the client shows them, joined with `, `.
    pub ports: String,
    /// Labels, those of the swarm included.
    pub labels: Labels,
}

/// `docker inspect` of a container, as far as a lab reads it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContainerInspect {
    /// 64 hex digits.
    pub id: String,
    /// RFC 3339 with nanoseconds.
    pub created: String,
    /// With the leading slash.
    pub name: String,
    /// How it is.
    pub state: ContainerState,
    /// The reference's digest.
    pub image: String,
    /// What its host grants it.
    pub host_config: ContainerHostConfig,
    /// What it was made from.
    pub config: ContainerConfig,
}

/// How a container is.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContainerState {
    /// `created`, `running`, `paused`, `exited`, `dead`.
    pub status: String,
    /// It runs.
    pub running: bool,
    /// It stands still.
    pub paused: bool,
    /// It is being started again.
    pub restarting: bool,
    /// The kernel killed it for its memory.
    #[serde(rename = "OOMKilled")]
    pub oom_killed: bool,
    /// It could not be removed.
    pub dead: bool,
    /// Process id on its host, 0 when it does not run.
    pub pid: i64,
    /// Once it ended.
    pub exit_code: i64,
    /// Why it could not be started.
    pub error: String,
    /// RFC 3339 with nanoseconds.
    pub started_at: String,
    /// RFC 3339 with nanoseconds.
    pub finished_at: String,
    /// How well it is, if that is checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<ContainerHealth>,
}

/// What its host grants a container, as far as a service can ask for it; in moby's order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContainerHostConfig {
    /// Where its output goes.
    pub log_config: LogConfig,
    /// Capabilities given; null for none.
    pub cap_add: Option<Vec<String>>,
    /// Capabilities taken; null for none.
    pub cap_drop: Option<Vec<String>>,
    /// Name servers; null for the network's.
    pub dns: Option<Vec<String>>,
    /// Options of the resolver; null for none.
    pub dns_options: Option<Vec<String>>,
    /// Domains in which bare names are looked up; null for none.
    pub dns_search: Option<Vec<String>>,
    /// Further lines of `/etc/hosts`, `NAME:ADDRESS`; null for none.
    pub extra_hosts: Option<Vec<String>>,
    /// Further groups; null for none.
    pub group_add: Option<Vec<String>>,
    /// How readily the host kills it for memory.
    pub oom_score_adj: i64,
    /// Its root file system cannot be written to.
    pub readonly_rootfs: bool,
    /// Kernel settings.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub sysctls: Labels,
    /// Bytes; 0: without limit.
    pub memory: i64,
    /// Billionths of a CPU; 0: without limit.
    pub nano_cpus: i64,
    /// Limits of its process; null for the daemon's.
    pub ulimits: Option<Vec<Ulimit>>,
    /// Run an init process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<bool>,
}

/// Where a container's output goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct LogConfig {
    /// The driver.
    #[serde(rename = "Type")]
    pub driver: String,
    /// Its options.
    pub config: Labels,
}

/// What a container was made from.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContainerConfig {
    /// Its hostname.
    pub hostname: String,
    /// It has a terminal.
    pub tty: bool,
    /// `KEY=VALUE`
    pub env: Vec<String>,
    /// The reference.
    pub image: String,
    /// How its health is checked, if the image or the service says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<super::HealthConfig>,
    /// Labels, those of the swarm included.
    pub labels: Labels,
    /// The signal that asks it to stop, where it is not SIGTERM.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stop_signal: String,
}

/// A row of `docker images`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ImageSummary {
    /// `nginx:1.25`, as people write it.
    pub reference: String,
    /// `sha256:` and 64 hex digits.
    pub id: String,
    /// Unpacked, in bytes.
    pub size: i64,
    /// As the registry gives it, in bytes.
    pub content_size: i64,
    /// Containers here that were made from it.
    #[serde(skip_serializing_if = "is_zero")]
    pub containers: i64,
}
