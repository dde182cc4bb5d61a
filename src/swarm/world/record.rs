//! What the trace says: the notable and the small things that happened, as data. Words are made of them elsewhere.

use crate::engine::Time;
use crate::net::HostId;
use crate::swarm::object::{Id, Mode, NodeKey, NodeState, Role, ServiceKey, TaskKey, TaskState, UpdateState};
use crate::swarm::store::Why;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// What happened. Names are carried along, so that a record can be read when its object is long gone.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A line was typed at a terminal, or a scenario's step gave it.
    Typed {
        /// On this host.
        host: HostId,
        /// The line.
        line: Arc<str>,
    },
    /// A fault was injected, or mended.
    Fault {
        /// In words, as the verb was given.
        text: Arc<str>,
    },
    /// A daemon serves again.
    DaemonUp {
        /// Whose.
        host: HostId,
    },
    /// A Raft member asks for votes.
    Candidate {
        /// Who.
        host: HostId,
        /// In which term.
        term: u64,
    },
    /// A Raft member was elected.
    Elected {
        /// Who.
        host: HostId,
        /// In which term.
        term: u64,
    },
    /// A leader has applied its log and starts its loops.
    Leads {
        /// Who.
        host: HostId,
        /// In which term.
        term: u64,
    },
    /// A leader is one no more.
    SteppedDown {
        /// Who.
        host: HostId,
        /// In which term it is now.
        term: u64,
        /// Because it heard from no majority, rather than of a higher term.
        no_quorum: bool,
    },
    /// The leader began or ceased to reach another manager.
    Reachable {
        /// Who says so.
        host: HostId,
        /// Of whom.
        peer: HostId,
        /// What.
        active: bool,
    },
    /// A Raft member was taken in (or its address changed), as the leader applied it.
    MemberAdded {
        /// The leader.
        host: HostId,
        /// Who.
        peer: HostId,
        /// Members now.
        members: usize,
    },
    /// A Raft member was taken out, as the leader applied it.
    MemberRemoved {
        /// The leader.
        host: HostId,
        /// Who.
        peer: HostId,
        /// Members now.
        members: usize,
    },
    /// A manager has learned that it is no Raft member any more; it has stopped.
    LeftRaft {
        /// Who.
        host: HostId,
    },
    /// A node was certified for another role.
    Certified {
        /// Whose node.
        host: HostId,
        /// The role.
        role: Role,
    },
    /// A manager began a new cluster of one from its own state.
    NewCluster {
        /// Who.
        host: HostId,
    },
    /// A manager took a snapshot of its store.
    SnapshotTaken {
        /// Who.
        host: HostId,
        /// Up to this entry.
        index: u64,
    },
    /// A leader sends its snapshot to a member that is too far behind for its log.
    SnapshotSent {
        /// Who.
        host: HostId,
        /// To whom.
        peer: HostId,
        /// Up to this entry.
        index: u64,
    },
    /// A manager took over a snapshot from its leader.
    SnapshotRestored {
        /// Who.
        host: HostId,
        /// Up to this entry.
        index: u64,
    },
    /// A node object was written with another state or availability.
    Node {
        /// Which.
        node: NodeKey,
        /// Its name.
        name: Arc<str>,
        /// New state.
        state: NodeState,
        /// Why.
        message: &'static str,
        /// The availability changed to this.
        availability: Option<&'static str>,
        /// It is new.
        joined: bool,
    },
    /// A node object is gone.
    NodeRemoved {
        /// Its name.
        name: Arc<str>,
    },
    /// A service was created, updated, or had its update's state changed.
    Service {
        /// Which.
        service: ServiceKey,
        /// Its name.
        name: Arc<str>,
        /// It is new.
        created: bool,
        /// What kind, and how many tasks.
        mode: Mode,
        /// Image wanted.
        image: Arc<str>,
        /// The spec changed.
        spec_changed: bool,
        /// The update's state, if it changed.
        update: Option<(UpdateState, Arc<str>)>,
    },
    /// A service is gone.
    ServiceRemoved {
        /// Its name.
        name: Arc<str>,
    },
    /// A task was created or changed.
    Task {
        /// Which.
        task: TaskKey,
        /// Its id.
        id: Id,
        /// It belongs to its node rather than to a numbered slot: a global service's, or a global job's.
        by_node: bool,
        /// Its service's name.
        service: Arc<str>,
        /// Its slot.
        slot: u32,
        /// Its node's name, once it has one.
        node: Option<Arc<str>>,
        /// State before; `None` for a new task.
        from: Option<(TaskState, TaskState)>,
        /// Observed state.
        state: TaskState,
        /// Desired state.
        desired: TaskState,
        /// What went wrong.
        err: Option<Arc<str>>,
        /// Why it was written.
        why: Why,
    },
    /// A task's row was deleted.
    TaskRemoved {
        /// Its service's name.
        service: Arc<str>,
        /// Its slot.
        slot: u32,
        /// Why.
        why: Why,
    },
    /// A container started.
    ContainerStarted {
        /// On this host.
        host: HostId,
        /// Its name.
        name: Arc<str>,
    },
    /// A container ended.
    ContainerEnded {
        /// On this host.
        host: HostId,
        /// Its name.
        name: Arc<str>,
        /// Exit code.
        code: i32,
        /// The kernel killed it for its memory.
        oom: bool,
    },
    /// A container's health check has changed its mind.
    ContainerHealth {
        /// On this host.
        host: HostId,
        /// Its name.
        name: Arc<str>,
        /// What it says now.
        healthy: bool,
    },
    /// A packet vanished: cut, blocked, or nobody there.
    Dropped {
        /// From.
        from: HostId,
        /// To.
        to: HostId,
    },
    /// A certificate was not good enough.
    Refused {
        /// Whose manager refused.
        host: HostId,
        /// Whom.
        peer: HostId,
        /// In the words of the error that it got.
        text: Arc<str>,
    },
    /// A daemon runs, but not its swarm.
    NotStarted {
        /// Whose.
        host: HostId,
        /// Why.
        text: Arc<str>,
    },
    /// A node has another certificate.
    Certificate {
        /// Which host's.
        host: HostId,
        /// For this role.
        role: Role,
        /// Valid until then.
        until: Time,
    },
    /// The cluster's root is being replaced, or has been (or that was given up).
    RootRotation {
        /// It is over.
        done: bool,
    },
    /// A network, a secret or a config was made, allocated or removed.
    Object {
        /// `network`, `secret` or `config`.
        kind: &'static str,
        /// Its name.
        name: Arc<str>,
        /// `created`, `allocated`, `updated` or `removed`.
        change: &'static str,
        /// Of a network that is allocated: its subnets.
        detail: Arc<str>,
    },
    /// A word of the scenario's author.
    Note {
        /// The word.
        text: Arc<str>,
    },
    /// The swarm part of a node ended with an error; its daemon starts it again later.
    SwarmStopped {
        /// Whose.
        host: HostId,
        /// Why.
        error: Arc<str>,
    },
    /// A user wants a node otherwise: its labels, its role. For readers alone; it is not in the fingerprint.
    NodeWanted {
        /// Its name.
        name: Arc<str>,
        /// What is wanted now that was not: `label zone=east`, `no label zone`, `role manager`, `engine label ssd=yes`.
        change: Arc<str>,
    },
    /// A host has left its swarm, as its daemon did it. For readers alone; it is not in the fingerprint.
    Left {
        /// Which.
        host: HostId,
    },
    /// A shell began one docker command of a line, or has just carried out a verb that is a fault. For readers alone; it is
    /// not in the fingerprint.
    Command {
        /// On this host.
        host: HostId,
        /// Its words as they were typed.
        line: Arc<str>,
    },
}

impl What {
    /// Whether the record outlives the recent window of the trace.
    pub fn is_notable(&self) -> bool {
        match self {
            What::Dropped { .. } => false,
            What::Task { state, from, .. } => {
                from.is_none()
                    || state.is_terminal()
                    || matches!(state, TaskState::Running | TaskState::Assigned | TaskState::Pending)
            }
            _ => true,
        }
    }

    /// Name of the kind, as the JSON-lines trace has it.
    pub fn kind(&self) -> &'static str {
        match self {
            What::Typed { .. } => "typed",
            What::Command { .. } => "command",
            What::Fault { .. } => "fault",
            What::DaemonUp { .. } => "daemon_up",
            What::Candidate { .. } => "candidate",
            What::Elected { .. } => "elected",
            What::Leads { .. } => "leads",
            What::SteppedDown { .. } => "stepped_down",
            What::Reachable { .. } => "reachable",
            What::Node { .. } => "node",
            What::NodeWanted { .. } => "node_wanted",
            What::Left { .. } => "left",
            What::NodeRemoved { .. } => "node_removed",
            What::Service { .. } => "service",
            What::ServiceRemoved { .. } => "service_removed",
            What::Task { .. } => "task",
            What::TaskRemoved { .. } => "task_removed",
            What::ContainerStarted { .. } => "container_started",
            What::ContainerEnded { .. } => "container_ended",
            What::ContainerHealth { .. } => "container_health",
            What::MemberAdded { .. } => "member_added",
            What::MemberRemoved { .. } => "member_removed",
            What::LeftRaft { .. } => "left_raft",
            What::Certified { .. } => "certified",
            What::NewCluster { .. } => "new_cluster",
            What::SnapshotTaken { .. } => "snapshot_taken",
            What::SnapshotSent { .. } => "snapshot_sent",
            What::SnapshotRestored { .. } => "snapshot_restored",
            What::Dropped { .. } => "dropped",
            What::Refused { .. } => "refused",
            What::NotStarted { .. } => "not_started",
            What::Certificate { .. } => "certificate",
            What::RootRotation { .. } => "root_rotation",
            What::Object { .. } => "object",
            What::Note { .. } => "note",
            What::SwarmStopped { .. } => "swarm_stopped",
        }
    }
}

impl Hash for What {
    /// Kinds and numbers, never prose.
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            What::Typed { host, .. }
            | What::Command { host, .. }
            | What::DaemonUp { host }
            | What::LeftRaft { host }
            | What::Left { host }
            | What::NewCluster { host } => host.hash(state),
            What::MemberAdded { host, peer, members } | What::MemberRemoved { host, peer, members } => {
                (host, peer, members).hash(state);
            }
            What::Certified { host, role } => (host, role).hash(state),
            What::SnapshotTaken { host, index } | What::SnapshotRestored { host, index } => (host, index).hash(state),
            What::SnapshotSent { host, peer, index } => (host, peer, index).hash(state),
            What::Fault { .. }
            | What::Note { .. }
            | What::NodeRemoved { .. }
            | What::NodeWanted { .. }
            | What::ServiceRemoved { .. } => {}
            What::Candidate { host, term } | What::Elected { host, term } | What::Leads { host, term } => {
                (host, term).hash(state);
            }
            What::SteppedDown { host, term, no_quorum } => (host, term, no_quorum).hash(state),
            What::Reachable { host, peer, active } => (host, peer, active).hash(state),
            What::Node { node, state: node_state, .. } => (node, node_state).hash(state),
            What::Service { service, mode, spec_changed, update, .. } => {
                (service, mode, spec_changed, update.as_ref().map(|(update, _)| update)).hash(state);
            }
            What::Task { task, slot, state: task_state, desired, why, .. } => {
                (task, slot, task_state, desired, why).hash(state);
            }
            What::TaskRemoved { slot, why, .. } => (slot, why).hash(state),
            What::ContainerStarted { host, .. } => host.hash(state),
            What::ContainerEnded { host, code, oom, .. } => (host, code, oom).hash(state),
            What::ContainerHealth { host, healthy, .. } => (host, healthy).hash(state),
            What::Dropped { from, to } => (from, to).hash(state),
            What::Refused { host, peer, .. } => (host, peer).hash(state),
            What::NotStarted { host, .. } => host.hash(state),
            What::Certificate { host, role, until } => (host, role, until).hash(state),
            What::RootRotation { done } => done.hash(state),
            What::Object { kind, change, .. } => (kind, change).hash(state),
            What::SwarmStopped { host, .. } => host.hash(state),
        }
    }
}
