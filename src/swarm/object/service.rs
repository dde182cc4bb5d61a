//! Services (control-plane.md §1.2-§1.4).

use super::{Attachment, Id, Meta, PortConfig, ServiceKey, ServiceSpec};
use crate::engine::Time;
use std::sync::Arc;

/// A service.
#[derive(Clone, Debug)]
pub struct Service {
    /// Row.
    pub key: ServiceKey,
    /// Id.
    pub id: Id,
    /// Version and times.
    pub meta: Meta,
    /// What the user wants.
    pub spec: Arc<ServiceSpec>,
    /// 0 on creation, then the version of the object that the update quoted.
    pub spec_version: u64,
    /// What a rollback goes back to.
    pub previous_spec: Option<Arc<ServiceSpec>>,
    /// Of `previous_spec`.
    pub previous_spec_version: u64,
    /// What the allocator gave.
    pub endpoint: Endpoint,
    /// The update under way or the last one.
    pub update_status: Option<UpdateStatus>,
    /// Of jobs: how often they were asked for.
    pub job_status: Option<JobStatus>,
}

/// How often a job was asked for. Each update of a job runs it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobStatus {
    /// From 0; one more with each update.
    pub iteration: u64,
    /// When it was created or last updated.
    pub last_execution: Time,
}

/// What the allocator gave a service.
#[derive(Clone, Debug, Default)]
pub struct Endpoint {
    /// The spec's ports with their numbers; `None` until the allocator has seen the service's spec.
    pub ports: Option<Arc<[PortConfig]>>,
    /// Its virtual addresses, one a network, the ingress network's first.
    pub vips: Arc<[Attachment]>,
}

/// How an update stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateStatus {
    /// State.
    pub state: UpdateState,
    /// When it began.
    pub started_at: Time,
    /// When it was completed.
    pub completed_at: Option<Time>,
    /// In words.
    pub message: Arc<str>,
}

/// State of an update (control-plane.md §6.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "SwarmKit's own names")]
pub enum UpdateState {
    Updating,
    Paused,
    Completed,
    RollbackStarted,
    RollbackPaused,
    RollbackCompleted,
}

impl UpdateState {
    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            UpdateState::Updating => "updating",
            UpdateState::Paused => "paused",
            UpdateState::Completed => "completed",
            UpdateState::RollbackStarted => "rollback_started",
            UpdateState::RollbackPaused => "rollback_paused",
            UpdateState::RollbackCompleted => "rollback_completed",
        }
    }
}

impl Service {
    /// Its name.
    pub fn name(&self) -> &Arc<str> {
        &self.spec.name
    }

    /// It publishes a port on the routing mesh, so it and its tasks are on the ingress network.
    pub fn needs_ingress(&self) -> bool {
        self.spec.task.ports.iter().any(|port| port.ingress)
    }

    /// Its name resolves to its tasks' addresses rather than to one virtual address.
    pub fn is_dnsrr(&self) -> bool {
        self.spec.task.dnsrr
    }
}
