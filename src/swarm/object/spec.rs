//! What a user asks of a service, parsed, with SwarmKit's defaults in place (control-plane.md §1.3).

use super::{FileKey, GenericRequest, NetworkKey, Platform, Plugin};
use crate::engine::Duration;
use crate::swarm::api;
use crate::swarm::scheduler::Constraint;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Labels, in a fixed order.
pub type Labels = BTreeMap<String, String>;

/// A service's spec: as sent, and as understood.
#[derive(Clone, Debug)]
pub struct ServiceSpec {
    /// As sent: for `inspect` and for the test whether two specs are equal.
    pub api: Arc<api::ServiceSpec>,
    /// Unique among services, case ignored.
    pub name: Arc<str>,
    /// What each task runs.
    pub task: Arc<TaskSpec>,
    /// How many.
    pub mode: Mode,
    /// How an update goes.
    pub update: UpdateConfig,
    /// How a rollback goes.
    pub rollback: UpdateConfig,
}

/// What kind of service, and how many tasks. It never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// So many slots.
    Replicated {
        /// Slots wanted.
        replicas: u32,
    },
    /// One task on each node that may have it.
    Global,
    /// Tasks that run to completion.
    ReplicatedJob {
        /// At most so many at once.
        max_concurrent: u32,
        /// So many are to complete.
        total: u32,
    },
    /// A task that runs to completion on each node that may have it.
    GlobalJob,
}

impl Mode {
    /// As filters and messages name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Replicated { .. } => "replicated",
            Mode::Global => "global",
            Mode::ReplicatedJob { .. } => "replicated-job",
            Mode::GlobalJob => "global-job",
        }
    }

    /// Its tasks are told apart by their nodes, not by slot numbers.
    pub fn is_by_node(self) -> bool {
        matches!(self, Mode::Global | Mode::GlobalJob)
    }

    /// Its tasks run to completion.
    pub fn is_job(self) -> bool {
        matches!(self, Mode::ReplicatedJob { .. } | Mode::GlobalJob)
    }

    /// The same kind, whatever the numbers.
    pub fn is_same_kind(self, other: Mode) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }
}

/// A task's spec: as sent, and as understood.
#[derive(Clone, Debug)]
pub struct TaskSpec {
    /// As sent: what makes a task dirty is judged on it.
    pub api: Arc<api::TaskSpec>,
    /// Image reference as in the spec, with its digest once pinned.
    pub image: Arc<str>,
    /// All must hold.
    pub constraints: Vec<Constraint>,
    /// Labels over whose values tasks are spread, outermost first (`node.labels.X`, `engine.labels.X`).
    pub preferences: Vec<Arc<str>>,
    /// 0: without limit.
    pub max_replicas: u32,
    /// What its node must have free.
    pub reserved: Resources,
    /// The same of kinds that users name.
    pub generic: Vec<GenericRequest>,
    /// What its image is built for; empty: for every platform.
    pub platforms: Vec<Platform>,
    /// What its node's engine must have.
    pub plugins: Vec<Plugin>,
    /// When it is replaced.
    pub restart: RestartPolicy,
    /// From the stop signal to SIGKILL.
    pub stop_grace_period: Duration,
    /// Published ports as asked for.
    pub ports: Arc<[PortConfig]>,
    /// The service's name stands for its tasks' addresses rather than for one virtual address.
    pub dnsrr: bool,
    /// The networks, secrets and configs that it names.
    pub uses: Arc<Uses>,
}

/// Rows of what a task's spec names: found when the spec was taken in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// Networks, in the order of the spec.
    pub networks: Vec<NetworkKey>,
    /// Secrets, then configs.
    pub files: Vec<FileKey>,
}

/// CPU in billionths, memory in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Resources {
    /// 1 CPU = 1,000,000,000.
    pub nano_cpus: i64,
    /// Bytes.
    pub memory_bytes: i64,
}

/// A published port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortConfig {
    /// Protocol.
    pub protocol: Protocol,
    /// In the container.
    pub target: u16,
    /// On the nodes; 0 until the allocator has chosen.
    pub published: u16,
    /// On every node (the routing mesh) or on the task's node only.
    pub ingress: bool,
}

/// Transport protocol of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the protocols' own names")]
pub enum Protocol {
    Tcp,
    Udp,
    Sctp,
}

impl Protocol {
    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Sctp => "sctp",
        }
    }
}

/// Whether and when an ended task is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestartPolicy {
    /// After which ends.
    pub condition: RestartCondition,
    /// From the end to the replacement's start.
    pub delay: Duration,
    /// 0: without limit.
    pub max_attempts: u64,
    /// In which attempts are counted; zero: ever.
    pub window: Duration,
}

impl Default for RestartPolicy {
    fn default() -> Self {
        Self {
            condition: RestartCondition::Any,
            delay: Duration::from_secs(5),
            max_attempts: 0,
            window: Duration::ZERO,
        }
    }
}

/// After which ends a task is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartCondition {
    /// Never.
    None,
    /// After a failure.
    OnFailure,
    /// Always.
    Any,
}

/// How an update or a rollback goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpdateConfig {
    /// Slots at a time; 0: all.
    pub parallelism: u64,
    /// After each slot.
    pub delay: Duration,
    /// What a failure does.
    pub failure_action: FailureAction,
    /// How long the end of a new task counts as a failure of the update.
    pub monitor: Duration,
    /// Tolerated share of failed slots, as the bits of the request's `float32`: compared exactly by [`Self::tolerates`].
    pub max_failure_ratio_bits: u32,
    /// Which goes first.
    pub order: UpdateOrder,
}

impl Default for UpdateConfig {
    fn default() -> Self {
        Self {
            parallelism: 1,
            delay: Duration::ZERO,
            failure_action: FailureAction::Pause,
            monitor: Duration::from_secs(5),
            max_failure_ratio_bits: 0,
            order: UpdateOrder::StopFirst,
        }
    }
}

impl UpdateConfig {
    /// Whether `failures` of `slots` are still tolerated: the share is not above the ratio. The real code compares
    /// `float32` values; so does this, on exactly representable counts.
    pub fn tolerates(&self, failures: u32, slots: u32) -> bool {
        // IEEE division and comparison are the same on every machine; counts stay far below 2^24.
        failures as f32 / slots.max(1) as f32 <= f32::from_bits(self.max_failure_ratio_bits)
    }
}

/// What a failed update does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureAction {
    /// Stops where it is.
    Pause,
    /// Goes on.
    Continue,
    /// Goes back.
    Rollback,
}

/// Which of the old and the new task goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateOrder {
    /// The old one stops, then the new one starts.
    StopFirst,
    /// The new one runs, then the old one stops.
    StartFirst,
}
