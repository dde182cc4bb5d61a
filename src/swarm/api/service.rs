//! Services as the Engine API shows them (moby `api/types/swarm/service.go`, `task.go`, `container.go`).
//!
//! What the user left out is absent (`None`), as in the real API: SwarmKit's defaults are applied at use.

use super::{
    ContainerSpec, Driver, GenericResource, Labels, NetworkAttachmentConfig, ObjectVersion, Platform, is_zero,
};
use serde::Serialize;

/// A service.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Service {
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
    pub spec: ServiceSpec,
    /// What a rollback goes back to.
    #[serde(rename = "PreviousSpec", skip_serializing_if = "Option::is_none")]
    pub previous_spec: Option<ServiceSpec>,
    /// What was allocated.
    #[serde(rename = "Endpoint")]
    pub endpoint: Endpoint,
    /// The update under way or the last one.
    #[serde(rename = "UpdateStatus", skip_serializing_if = "Option::is_none")]
    pub update_status: Option<UpdateStatus>,
    /// Only in lists that asked for it.
    #[serde(rename = "ServiceStatus", skip_serializing_if = "Option::is_none")]
    pub service_status: Option<ServiceStatus>,
    /// Of jobs.
    #[serde(rename = "JobStatus", skip_serializing_if = "Option::is_none")]
    pub job_status: Option<JobStatus>,
}

/// How often a job was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct JobStatus {
    /// From 0; one more with each update.
    pub job_iteration: ObjectVersion,
    /// RFC 3339 with nanoseconds.
    pub last_execution: String,
}

/// The numbers of `service ls`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ServiceStatus {
    /// Tasks whose state is running, whatever is desired of them.
    pub running_tasks: u64,
    /// Tasks that should run.
    pub desired_tasks: u64,
    /// Of jobs.
    pub completed_tasks: u64,
}

/// What the user wants to run.
#[derive(Clone, Debug, Default, PartialEq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ServiceSpec {
    /// Empty on creation: the engine makes one up.
    pub name: String,
    /// Service labels.
    pub labels: Labels,
    /// What each task runs.
    pub task_template: TaskSpec,
    /// How many.
    pub mode: ServiceMode,
    /// Absent: the defaults.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_config: Option<UpdateConfig>,
    /// Absent: the defaults.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollback_config: Option<UpdateConfig>,
    /// Absent: virtual IP, no ports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint_spec: Option<EndpointSpec>,
}

/// Replicated, global, or one of the two jobs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum ServiceMode {
    /// So many replicas.
    Replicated {
        /// Absent means 1.
        #[serde(rename = "Replicas", skip_serializing_if = "Option::is_none")]
        replicas: Option<u64>,
    },
    /// One on each node.
    Global {},
    /// Run to completion.
    ReplicatedJob {
        /// At most so many at once.
        #[serde(rename = "MaxConcurrent", skip_serializing_if = "Option::is_none")]
        max_concurrent: Option<u64>,
        /// So many in all.
        #[serde(rename = "TotalCompletions", skip_serializing_if = "Option::is_none")]
        total_completions: Option<u64>,
    },
    /// Run to completion, once on each node.
    GlobalJob {},
}

impl Default for ServiceMode {
    fn default() -> Self {
        ServiceMode::Replicated { replicas: None }
    }
}

/// What a task runs.
#[derive(Clone, Debug, Default, PartialEq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TaskSpec {
    /// The container.
    pub container_spec: ContainerSpec,
    /// Limits and reservations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,
    /// Absent: the defaults.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart_policy: Option<RestartPolicy>,
    /// Where it may run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placement: Option<Placement>,
    /// Networks to be on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<NetworkAttachmentConfig>,
    /// Absent: the engine's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_driver: Option<Driver>,
    /// Counts the `--force` updates.
    pub force_update: u64,
    /// `container`
    #[serde(skip_serializing_if = "String::is_empty")]
    pub runtime: String,
}

/// Limits and reservations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResourceRequirements {
    /// What it may not exceed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<Resources>,
    /// What its node must have free.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reservations: Option<Resources>,
    /// Memory and swap together, in bytes; -1: without limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swap_bytes: Option<i64>,
    /// Inclination to swap, from 0 to 100; -1: the host's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_swappiness: Option<i64>,
}

/// An amount of resources.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Resources {
    /// 1 CPU = 1,000,000,000.
    #[serde(rename = "NanoCPUs", skip_serializing_if = "is_zero")]
    pub nano_cpus: i64,
    /// Bytes.
    #[serde(rename = "MemoryBytes", skip_serializing_if = "is_zero")]
    pub memory_bytes: i64,
    /// Processes (limits only).
    #[serde(rename = "Pids", skip_serializing_if = "is_zero")]
    pub pids: i64,
    /// Of kinds that users name (reservations only).
    #[serde(rename = "GenericResources", skip_serializing_if = "Vec::is_empty")]
    pub generic_resources: Vec<GenericResource>,
}

/// Whether and when an ended task is replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RestartPolicy {
    /// `none`, `on-failure` or `any`; empty means any.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub condition: String,
    /// Nanoseconds; absent means 5 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<i64>,
    /// 0 or absent: without limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_attempts: Option<u64>,
    /// Nanoseconds in which attempts are counted; absent: ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<i64>,
}

/// Where tasks may run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Placement {
    /// All must hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<String>,
    /// In order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub preferences: Vec<PlacementPreference>,
    /// 0: without limit.
    #[serde(skip_serializing_if = "is_zero")]
    pub max_replicas: u64,
    /// What the image is built for; empty: unknown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<Platform>,
}

/// `spread=LABEL`
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PlacementPreference {
    /// Spread evenly over the values of a label.
    pub spread: SpreadOver,
}

/// The label of a spread preference.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SpreadOver {
    /// `node.labels.X` or `engine.labels.X`
    pub spread_descriptor: String,
}

/// How an update or a rollback goes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateConfig {
    /// Slots at a time; 0 means all.
    pub parallelism: u64,
    /// Nanoseconds between one batch and the next.
    #[serde(skip_serializing_if = "is_zero")]
    pub delay: i64,
    /// `pause`, `continue` or `rollback`; empty means pause.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub failure_action: String,
    /// Nanoseconds in which the end of a new task counts as a failure of the update.
    #[serde(skip_serializing_if = "is_zero")]
    pub monitor: i64,
    /// Failed share that is tolerated, in millionths on the inside; JSON shows the number.
    pub max_failure_ratio: f32,
    /// `stop-first` or `start-first`.
    pub order: String,
}

impl std::hash::Hash for UpdateConfig {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.parallelism.hash(state);
        self.delay.hash(state);
        self.failure_action.hash(state);
        self.monitor.hash(state);
        self.max_failure_ratio.to_bits().hash(state);
        self.order.hash(state);
    }
}

/// How a service is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct EndpointSpec {
    /// `vip` or `dnsrr`; empty means vip.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mode: String,
    /// Published ports.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<PortConfig>,
}

/// A published port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PortConfig {
    /// A name, unused by the command line.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// `tcp`, `udp` or `sctp`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub protocol: String,
    /// In the container.
    #[serde(skip_serializing_if = "is_zero")]
    pub target_port: u32,
    /// On the nodes; 0: chosen by the allocator.
    #[serde(skip_serializing_if = "is_zero")]
    pub published_port: u32,
    /// `ingress` or `host`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub publish_mode: String,
}

/// What was allocated for a service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Endpoint {
    /// The spec that it was allocated for.
    #[serde(rename = "Spec")]
    pub spec: EndpointSpec,
    /// With the chosen numbers.
    #[serde(rename = "Ports", skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<PortConfig>,
    /// One a network.
    #[serde(rename = "VirtualIPs", skip_serializing_if = "Vec::is_empty")]
    pub virtual_ips: Vec<VirtualIp>,
}

/// A virtual address of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct VirtualIp {
    /// The network.
    #[serde(rename = "NetworkID")]
    pub network_id: String,
    /// With its prefix length; empty on a network that every node has for itself.
    #[serde(rename = "Addr", skip_serializing_if = "String::is_empty")]
    pub addr: String,
}

/// How an update stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateStatus {
    /// `updating`, `paused`, `completed`, `rollback_started`, `rollback_paused`, `rollback_completed`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub state: String,
    /// RFC 3339 with nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// RFC 3339 with nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<String>,
    /// In words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
}
