//! Health checks as the Engine API shows them (moby `api/types/container`: `HealthConfig`, `Health`).

use super::is_zero;
use serde::Serialize;

/// A health check as a user or an image asks for it; what is zero is left to the image or to the engine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct HealthConfig {
    /// `["NONE"]`, `["CMD", WORD..]`, `["CMD-SHELL", LINE]`; empty: the image's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub test: Vec<String>,
    /// Nanoseconds between probes.
    #[serde(skip_serializing_if = "is_zero")]
    pub interval: i64,
    /// Nanoseconds that a probe may take.
    #[serde(skip_serializing_if = "is_zero")]
    pub timeout: i64,
    /// Nanoseconds from the start in which failures do not count.
    #[serde(skip_serializing_if = "is_zero")]
    pub start_period: i64,
    /// Nanoseconds between probes in that time.
    #[serde(skip_serializing_if = "is_zero")]
    pub start_interval: i64,
    /// Failures in a row that mean unhealthy.
    #[serde(skip_serializing_if = "is_zero")]
    pub retries: i64,
}

/// A container's health.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContainerHealth {
    /// `starting`, `healthy`, `unhealthy`.
    pub status: String,
    /// Failures in a row that count.
    pub failing_streak: u64,
    /// The last five results.
    pub log: Vec<HealthcheckResult>,
}

/// What one probe found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct HealthcheckResult {
    /// RFC 3339 with nanoseconds.
    pub start: String,
    /// RFC 3339 with nanoseconds.
    pub end: String,
    /// 0: healthy; 1: unhealthy; -1: it took too long.
    pub exit_code: i64,
    /// What the test wrote.
    pub output: String,
}
