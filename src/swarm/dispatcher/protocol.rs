//! What agents and the dispatcher say to each other (SwarmKit's `dispatcher.proto`, cut to what the model needs).

use crate::engine::{Duration, Time};
use crate::net::HostId;
use crate::swarm::api::LogLine;
use crate::swarm::ca::{Certificate, RootCa};
use crate::swarm::logbroker::LogOrder;
use crate::swarm::object::{
    Attachment, ContainerId, FileKey, Id, NodeDescription, NodeKey, Role, StoredFile, Task, TaskKey, TaskState,
    TaskStatus,
};
use std::net::Ipv4Addr;
use std::sync::Arc;

/// How an agent is reached: directly, or through the manager that its session goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Route {
    /// The agent's host.
    pub host: HostId,
    /// The manager that relays, if it is not the leader itself.
    pub via: Option<HostId>,
}

/// From an agent.
#[derive(Clone, Debug)]
pub enum ToDispatcher {
    /// A session, please.
    Register {
        /// Who.
        node: NodeKey,
        /// Its id: after a force-new-cluster two clusters may give one row to different nodes.
        id: Id,
        /// Where.
        addr: Ipv4Addr,
        /// What it is like.
        description: Arc<NodeDescription>,
        /// The certificate that it shows.
        shown: Option<Certificate>,
    },
    /// Still here.
    Heartbeat {
        /// Who.
        node: NodeKey,
        /// Its session.
        session: u64,
    },
    /// How its tasks are.
    Reports {
        /// Who.
        node: NodeKey,
        /// Its session.
        session: u64,
        /// Of this message, to be confirmed.
        number: u64,
        /// The newest status of each task that has news.
        reports: Vec<(TaskKey, Report)>,
    },
    /// For the log broker: what containers of its tasks have written.
    Logs {
        /// Who.
        node: NodeKey,
        /// Its session.
        session: u64,
        /// Which subscription.
        subscription: u64,
        /// Task after task.
        lines: Arc<Vec<LogLine>>,
        /// That is all.
        done: bool,
    },
}

/// To an agent.
#[derive(Clone, Debug)]
pub enum ToAgent {
    /// The session stands.
    Registered {
        /// Its number.
        session: u64,
        /// When to send the next heartbeat after the first.
        period: Duration,
        /// All managers.
        managers: Vec<(NodeKey, HostId)>,
        /// What the user wants the node to be.
        role: Role,
        /// About its certificate.
        news: CertificateNews,
        /// Its places on networks.
        attachments: Arc<[Attachment]>,
    },
    /// Its places on networks are others now.
    Attachments {
        /// Of this session.
        session: u64,
        /// All of them.
        attachments: Arc<[Attachment]>,
    },
    /// There is news about its certificate, or about the root that all trust.
    Certificate {
        /// Of this session.
        session: u64,
        /// How it is now.
        news: CertificateNews,
    },
    /// The user wants the node to be this now.
    DesiredRole {
        /// Of this session.
        session: u64,
        /// Worker or manager.
        role: Role,
    },
    /// The set of managers has changed.
    Managers {
        /// Of this session.
        session: u64,
        /// All managers.
        managers: Vec<(NodeKey, HostId)>,
    },
    /// A heartbeat arrived.
    HeartbeatDone {
        /// Of this session.
        session: u64,
        /// When to send the next.
        period: Duration,
    },
    /// Reports arrived.
    ReportsDone {
        /// Of this session.
        session: u64,
        /// This message.
        number: u64,
    },
    /// What the node has to do.
    Assignments {
        /// Of this session.
        session: u64,
        /// Counts from 1; a gap makes the agent start a new session.
        sequence: u64,
        /// All there is; what is not in it is to be removed.
        complete: bool,
        /// New and changed tasks.
        tasks: Vec<Arc<Task>>,
        /// Tasks to forget.
        removed: Vec<TaskKey>,
        /// Secrets and configs that they need and the agent does not have.
        files: Vec<Arc<StoredFile>>,
        /// Secrets and configs to forget.
        gone: Vec<FileKey>,
    },
    /// From the log broker.
    Logs {
        /// Of this session.
        session: u64,
        /// What.
        order: LogOrder,
    },
    /// No.
    Refused {
        /// The session that was named (0: none).
        session: u64,
        /// Why.
        refusal: Refusal,
    },
    /// The manager ends the session.
    Closed {
        /// This one.
        session: u64,
    },
}

/// What a session tells a node about its certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CertificateNews {
    /// It should be renewed.
    pub rotate: bool,
    /// Whom to trust.
    pub root: RootCa,
}

/// Why the dispatcher refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// `node not registered`
    NotRegistered,
    /// `session invalid`
    SessionInvalid,
    /// The store has no such node.
    UnknownNode,
    /// `cannot update a task not assigned this node` (PermissionDenied)
    OtherNodesTask,
    /// `node %s exceeded rate limit count of registrations`
    RateLimit,
    /// The manager has no leader to relay to.
    NoLeader,
    /// Its certificate does not allow it.
    Denied,
}

/// An agent's word on one task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Which task, by its id: after a forced new cluster another task may have its row.
    pub id: Id,
    /// State.
    pub state: TaskState,
    /// In words.
    pub message: &'static str,
    /// What went wrong.
    pub err: Option<Arc<str>>,
    /// When the agent saw it.
    pub timestamp: Time,
    /// The container.
    pub container: Option<ContainerId>,
    /// Of an ended container.
    pub exit_code: i32,
}

impl Report {
    /// Whether the store knows all of it already.
    pub fn same_as(&self, status: &TaskStatus) -> bool {
        self.state == status.state
            && self.message == status.message
            && self.err == status.err
            && self.timestamp == status.timestamp
            && self.container == status.container
    }

    /// Writes it into a task's status.
    pub fn apply_to(&self, status: &mut TaskStatus) {
        status.state = self.state;
        status.message = self.message;
        status.err = self.err.clone();
        status.timestamp = self.timestamp;
        status.container = self.container;
        status.exit_code = self.exit_code;
    }
}
