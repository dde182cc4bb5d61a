//! Tasks (control-plane.md §2).

use super::{Attachment, Generic, Id, Meta, NodeKey, PortConfig, ServiceKey, TaskKey, TaskSpec};
use crate::engine::Time;
use crate::swarm::api::Driver;
use std::sync::Arc;

/// A task: one slot's container on one node, from its creation to its end. It never moves and never runs twice.
#[derive(Clone, Debug)]
pub struct Task {
    /// Row.
    pub key: TaskKey,
    /// Id.
    pub id: Id,
    /// Version and times.
    pub meta: Meta,
    /// Its service's row.
    pub service: ServiceKey,
    /// Its service's id (the service may be gone).
    pub service_id: Id,
    /// Its service's name.
    pub service_name: Arc<str>,
    /// From 1; 0 for global services; from 0 for jobs.
    pub slot: u32,
    /// Set once: by the scheduler, or at the creation of a task that belongs to a node.
    pub node: Option<NodeKey>,
    /// That node's id.
    pub node_id: Option<Id>,
    /// Of a job: for which of its executions it was made.
    pub job_iteration: Option<u64>,
    /// A copy of the service's template at creation.
    pub spec: Arc<TaskSpec>,
    /// Of the service at creation: tells tasks of the current spec from older ones.
    pub spec_version: u64,
    /// The service's ports as allocated when this task was.
    pub ports: Arc<[PortConfig]>,
    /// Its networks and its addresses there, the ingress network first; empty until it is allocated.
    pub networks: Arc<[Attachment]>,
    /// What it was given of its node's generic resources.
    pub assigned_generic: Arc<[Generic]>,
    /// Where its output goes: as its spec says, or as the cluster said when it was made. None: the engine's own way.
    pub log_driver: Option<Arc<Driver>>,
    /// What was observed.
    pub status: TaskStatus,
    /// What is wanted.
    pub desired: TaskState,
}

/// What was observed of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskStatus {
    /// Its state.
    pub state: TaskState,
    /// When the writer saw it (the agent's clock, or the manager's).
    pub timestamp: Time,
    /// When the leader stored it.
    pub applied_at: Time,
    /// Which step it is at, in words.
    pub message: &'static str,
    /// What went wrong.
    pub err: Option<Arc<str>>,
    /// The container, once there is one.
    pub container: Option<ContainerId>,
    /// Of an ended container.
    pub exit_code: i32,
}

/// The id of a container: 64 hex digits are drawn from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerId(pub u128);

impl ContainerId {
    /// 64 hex digits.
    pub fn text(self) -> String {
        // Two halves of different look: the second is a fixed mix of the first, which keeps an id two words long.
        format!(
            "{:032x}{:032x}",
            self.0,
            self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835) ^ (self.0 >> 64)
        )
    }
}

/// States of a task in the order that they can be reached; also what can be desired of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u16)]
pub enum TaskState {
    /// Created.
    New = 0,
    /// Allocated, waits for a node.
    Pending = 64,
    /// Has a node.
    Assigned = 192,
    /// Its agent has it.
    Accepted = 256,
    /// Its image is being pulled and its container made.
    Preparing = 320,
    /// Could start.
    Ready = 384,
    /// Starts.
    Starting = 448,
    /// Runs.
    Running = 512,
    /// Ended with 0.
    Complete = 576,
    /// Was told to stop and did.
    Shutdown = 640,
    /// Ended otherwise.
    Failed = 704,
    /// Could not be prepared, or was refused.
    Rejected = 768,
    /// Only desired: stop, then vanish.
    Remove = 800,
    /// Its node was lost for too long.
    Orphaned = 832,
}

impl TaskState {
    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            TaskState::New => "new",
            TaskState::Pending => "pending",
            TaskState::Assigned => "assigned",
            TaskState::Accepted => "accepted",
            TaskState::Preparing => "preparing",
            TaskState::Ready => "ready",
            TaskState::Starting => "starting",
            TaskState::Running => "running",
            TaskState::Complete => "complete",
            TaskState::Shutdown => "shutdown",
            TaskState::Failed => "failed",
            TaskState::Rejected => "rejected",
            TaskState::Remove => "remove",
            TaskState::Orphaned => "orphaned",
        }
    }

    /// It has ended.
    pub fn is_terminal(self) -> bool {
        self > TaskState::Running
    }
}

impl Task {
    /// `web.3`, as users name it. Where the slot is 0 the node's id stands in its place; so it does for the first slot of
    /// a replicated job [quirk].
    pub fn name(&self) -> String {
        match self.node_id {
            Some(node) if self.slot == 0 => format!("{}.{node}", self.service_name),
            _ => format!("{}.{}", self.service_name, self.slot),
        }
    }

    /// What orders the tasks of a slot by age: the leader's time where there is one (control-plane.md §2.5).
    pub fn age_stamp(&self) -> Time {
        if self.status.applied_at > Time::from_nanos(i64::MIN) { self.status.applied_at } else { self.status.timestamp }
    }

    /// The task with another observed state and the message that goes with it; what went wrong is cleared.
    pub fn with_state(&self, state: TaskState, message: &'static str, now: Time) -> Task {
        let mut task = self.clone();
        task.status.state = state;
        task.status.message = message;
        task.status.err = None;
        task.status.timestamp = now;
        task
    }

    /// The task with another desired state.
    pub fn with_desired(&self, desired: TaskState) -> Task {
        Task { desired, ..self.clone() }
    }
}
