//! Containers of one host as the Engine API shows them (moby `api/types/container`).

use super::Labels;
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
    /// Process id on its host, 0 when it does not run.
    pub pid: i64,
    /// Once it ended.
    pub exit_code: i64,
    /// RFC 3339 with nanoseconds.
    pub started_at: String,
    /// RFC 3339 with nanoseconds.
    pub finished_at: String,
}

/// What a container was made from.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContainerConfig {
    /// Its hostname.
    pub hostname: String,
    /// `KEY=VALUE`
    pub env: Vec<String>,
    /// The reference.
    pub image: String,
    /// Labels, those of the swarm included.
    pub labels: Labels,
}
