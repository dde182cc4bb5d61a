//! A transaction on the leader, and the proposal that it becomes.
//!
//! The writer sees its own writes at once on a private copy of the state, made at the first of them; the world sees them when Raft has committed
//! the proposal. A transaction without changes makes no proposal.

use super::state::{Change, State};
use crate::engine::Time;
use crate::raft::Payload;
use crate::swarm::object::{
    Cluster, FileKey, Network, NetworkKey, Node, NodeKey, Service, ServiceKey, StoredFile, Task, TaskKey,
};
use crate::swarm::scheduler::Policy;
use std::sync::Arc;

/// What a Raft entry of the swarm carries.
#[derive(Debug)]
pub struct Proposal {
    /// Unique in a world: tells the proposer which of its proposals was committed.
    pub id: u64,
    /// What it does.
    pub kind: ProposalKind,
}

/// What a proposal does.
#[derive(Debug)]
pub enum ProposalKind {
    /// Changes objects, in order; each with the reason, for the trace.
    Changes(Vec<(Change, Why)>),
}

impl Payload for Arc<Proposal> {
    type State = Arc<State>;

    fn size(&self) -> usize {
        // SwarmKit's objects in protobuf: a task is about half a kilobyte. Only flow control looks at it.
        match &self.kind {
            ProposalKind::Changes(changes) => 64 + 512 * changes.len(),
        }
    }
}

/// What is remembered of a decision of the scheduler's. It is small on purpose: the table per node is worked out again on
/// demand, by going back to the moment and asking there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Decision {
    /// When the scheduler decided; the write follows when the consensus has it.
    pub at: Time,
    /// Nodes that passed all filters when they were looked at.
    pub candidates: u32,
    /// Active tasks of the service on the chosen node before.
    pub of_service: u32,
    /// Active tasks on the chosen node before.
    pub active: u32,
    /// Nodes that each filter stopped, in the order of the filters.
    pub stopped: [u16; 7],
    /// The rule by which nodes were ranked.
    pub policy: Policy,
}

/// Why an object was written: carried into the trace, never stored, so that "why?" has an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// The cluster was made, or a leader completes what is missing.
    Setup,
    /// A user's request.
    Request,
    /// The allocator gave what was asked for.
    Allocated,
    /// The scheduler chose the node.
    Placed(Decision),
    /// No node passed.
    Unplaceable,
    /// A slot was empty.
    FillSlot,
    /// A node that should have a task of a global service had none.
    FillNode,
    /// The node may not have a task of this service: it is drained, down or gone, or does not meet the constraints.
    NodeUnfit,
    /// A node had a task too many of a global service, or an outdated one when it came back.
    Surplus,
    /// The job runs again: this task is of an older execution.
    JobAgain,
    /// The node no longer meets the constraints, or has no longer what the task reserves.
    NonCompliant,
    /// The slot is one too many.
    ScaleDown,
    /// The service is gone.
    ServiceRemoved,
    /// The task ended and its policy restarts it.
    Restart(TaskKey),
    /// The task's node is down, drained or gone.
    NodeInvalid(TaskKey),
    /// The restart delay is over and the predecessor has stopped.
    DelayOver,
    /// A rolling update replaces this task.
    Update,
    /// A rolling update goes on, ends, pauses or rolls back.
    UpdateProgress,
    /// The agent reported it.
    Reported,
    /// Registered, or heartbeats failed, or leadership changed.
    Heartbeats,
    /// More history than the limit allows.
    History,
    /// Told to go, and gone.
    Gone,
    /// Its node was down for a day.
    Orphaned,
    /// A node joined.
    Joined,
    /// A node has another certificate.
    Renewed,
    /// The root is being replaced.
    RootRotation,
    /// The role manager made a node what the user wants it to be.
    Role,
}

/// A transaction under construction.
#[derive(Debug)]
pub struct Transaction<'a> {
    before: &'a State,
    /// A copy, from the first write on.
    after: Option<State>,
    now: Time,
    wall: Time,
    version: u64,
    changes: Vec<(Change, Why)>,
}

impl<'a> Transaction<'a> {
    /// Opens one on the state as it is now. The first write copies `state` (a few pointers).
    pub fn new(state: &'a State, now: Time) -> Self {
        Self { before: state, after: None, now, wall: now, version: state.index, changes: Vec::new() }
    }

    /// The state with this transaction's own writes.
    pub fn state(&self) -> &State {
        self.after.as_ref().unwrap_or(self.before)
    }

    /// What the host's clock shows: what is stamped with now bears this time.
    pub fn shown(mut self, wall: Time) -> Self {
        self.wall = wall;
        self
    }

    /// The time by which the host's timers run.
    pub fn now(&self) -> Time {
        self.now
    }

    /// What the leader's clock shows: certificates are signed by it.
    pub fn wall(&self) -> Time {
        self.wall
    }

    /// The version that objects written here get.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// How many changes it has so far.
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The changes so far, in order.
    pub fn changes(&self) -> &[(Change, Why)] {
        &self.changes
    }

    /// The changes, for the proposal.
    pub fn into_changes(self) -> Vec<(Change, Why)> {
        self.changes
    }

    fn record(&mut self, change: Change, why: Why) {
        self.after.get_or_insert_with(|| self.before.clone()).apply(&change);
        self.changes.push((change, why));
    }

    /// Creates or replaces the cluster object.
    pub fn put_cluster(&mut self, mut cluster: Cluster, why: Why) {
        if self.state().cluster.is_none() {
            cluster.meta.created_at = self.wall;
        }
        cluster.meta.version = self.version;
        cluster.meta.updated_at = self.wall;
        self.record(Change::Cluster(Arc::new(cluster)), why);
    }

    /// Creates (with [`super::Table::next_key`]) or replaces a node.
    pub fn put_node(&mut self, mut node: Node, why: Why) {
        if self.state().nodes.get(node.key).is_none() {
            node.meta.created_at = self.wall;
        }
        node.meta.version = self.version;
        node.meta.updated_at = self.wall;
        self.record(Change::Node(Arc::new(node)), why);
    }

    /// Deletes a node.
    pub fn remove_node(&mut self, key: NodeKey, why: Why) {
        self.record(Change::RemoveNode(key), why);
    }

    /// Creates (with [`super::Table::next_key`]) or replaces a service.
    pub fn put_service(&mut self, mut service: Service, why: Why) {
        if self.state().services.get(service.key).is_none() {
            service.meta.created_at = self.wall;
        }
        service.meta.version = self.version;
        service.meta.updated_at = self.wall;
        self.record(Change::Service(Arc::new(service)), why);
    }

    /// Deletes a service.
    pub fn remove_service(&mut self, key: ServiceKey, why: Why) {
        self.record(Change::RemoveService(key), why);
    }

    /// Creates (with [`super::Table::next_key`]) or replaces a task.
    pub fn put_task(&mut self, mut task: Task, why: Why) {
        if self.state().tasks.get(task.key).is_none() {
            task.meta.created_at = self.wall;
        }
        for stamp in [&mut task.status.timestamp, &mut task.status.applied_at] {
            if *stamp == self.now {
                *stamp = self.wall;
            }
        }
        task.meta.version = self.version;
        task.meta.updated_at = self.wall;
        self.record(Change::Task(Arc::new(task)), why);
    }

    /// Deletes a task.
    pub fn remove_task(&mut self, key: TaskKey, why: Why) {
        self.record(Change::RemoveTask(key), why);
    }

    /// Creates (with [`super::Table::next_key`]) or replaces a network.
    pub fn put_network(&mut self, mut network: Network, why: Why) {
        if self.state().networks.get(network.key).is_none() {
            network.meta.created_at = self.wall;
        }
        network.meta.version = self.version;
        network.meta.updated_at = self.wall;
        self.record(Change::Network(Arc::new(network)), why);
    }

    /// Deletes a network.
    pub fn remove_network(&mut self, key: NetworkKey, why: Why) {
        self.record(Change::RemoveNetwork(key), why);
    }

    /// Creates (with [`super::Table::next_key`]) or replaces a secret or a config.
    pub fn put_file(&mut self, mut file: StoredFile, why: Why) {
        if self.state().files.get(file.key).is_none() {
            file.meta.created_at = self.wall;
        }
        file.meta.version = self.version;
        file.meta.updated_at = self.wall;
        self.record(Change::File(Arc::new(file)), why);
    }

    /// Deletes a secret or a config.
    pub fn remove_file(&mut self, key: FileKey, why: Why) {
        self.record(Change::RemoveFile(key), why);
    }
}
