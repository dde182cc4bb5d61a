//! Tasks as the Engine API shows them (moby `api/types/swarm/task.go`).

use super::{GenericResource, Labels, NetworkAttachment, ObjectVersion, PortConfig, TaskSpec, is_zero};
use serde::Serialize;

/// A task.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Task {
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
    /// The task's name annotations: empty in practice.
    #[serde(rename = "Labels")]
    pub labels: Labels,
    /// A copy of the service's template at the task's creation.
    #[serde(rename = "Spec")]
    pub spec: TaskSpec,
    /// The service's id.
    #[serde(rename = "ServiceID", skip_serializing_if = "String::is_empty")]
    pub service_id: String,
    /// From 1; 0 for a global service.
    #[serde(rename = "Slot", skip_serializing_if = "is_zero")]
    pub slot: u64,
    /// Empty while unassigned.
    #[serde(rename = "NodeID", skip_serializing_if = "String::is_empty")]
    pub node_id: String,
    /// What was observed.
    #[serde(rename = "Status")]
    pub status: TaskStatus,
    /// `ready`, `running`, `shutdown`, `remove`, `complete`.
    #[serde(rename = "DesiredState")]
    pub desired_state: String,
    /// Its networks and its addresses there.
    #[serde(rename = "NetworksAttachments", skip_serializing_if = "Vec::is_empty")]
    pub networks_attachments: Vec<NetworkAttachment>,
    /// What it was given of its node's generic resources.
    #[serde(rename = "GenericResources", skip_serializing_if = "Vec::is_empty")]
    pub generic_resources: Vec<GenericResource>,
    /// Of a job: for which of its executions.
    #[serde(rename = "JobIteration", skip_serializing_if = "Option::is_none")]
    pub job_iteration: Option<ObjectVersion>,
}

/// What was observed of a task.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TaskStatus {
    /// RFC 3339 with nanoseconds.
    #[serde(rename = "Timestamp")]
    pub timestamp: String,
    /// The same in nanoseconds of virtual time: what a client computes ages from.
    #[serde(skip)]
    pub timestamp_nanos: i64,
    /// `new`, `pending`, `assigned`, ... `running`, `complete`, `shutdown`, `failed`, `rejected`, `orphaned`.
    #[serde(rename = "State")]
    pub state: String,
    /// In words.
    #[serde(rename = "Message", skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Why not.
    #[serde(rename = "Err", skip_serializing_if = "String::is_empty")]
    pub err: String,
    /// Once there is a container.
    #[serde(rename = "ContainerStatus", skip_serializing_if = "Option::is_none")]
    pub container_status: Option<ContainerStatus>,
    /// Host-mode ports.
    #[serde(rename = "PortStatus")]
    pub port_status: PortStatus,
}

/// The container of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct ContainerStatus {
    /// 64 hex digits.
    #[serde(rename = "ContainerID")]
    pub container_id: String,
    /// Process id on its host, 0 when it does not run.
    #[serde(rename = "PID")]
    pub pid: i64,
    /// Once it ended.
    #[serde(rename = "ExitCode")]
    pub exit_code: i64,
}

/// Host-mode ports of a running task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct PortStatus {
    /// The ports.
    #[serde(rename = "Ports", skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<PortConfig>,
}
