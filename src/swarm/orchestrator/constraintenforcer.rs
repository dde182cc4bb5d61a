//! The constraint enforcer: rejects tasks on a node that no longer meets their constraints, or no longer has what they
//! reserve.
//!
//! It looks at a node when the node was written, and at all of them when it starts. It writes what is *observed* of a
//! task, not what is desired, so that the restart supervisor replaces the task; and since the task then counts as ended,
//! nobody waits for its container, which is still being stopped [quirk].
//!
//! Source: control-plane.md §4.4; `manager/orchestrator/constraintenforcer/constraint_enforcer.go`.

use super::MAX_CHANGES;
use super::dirty::node_matches;
use crate::swarm::component::{Outbox, Writer};
use crate::swarm::object::{Availability, Node, NodeKey, Task, TaskKey, TaskState};
use crate::swarm::store::{Event, State, Transaction, Why};
use std::collections::BTreeSet;
use std::sync::Arc;

const MESSAGE: &str = "task rejected by constraint enforcer";
const ERR: &str = "assigned node no longer meets constraints";

/// The constraint enforcer of one leader.
#[derive(Clone, Debug)]
pub struct Enforcer {
    /// Nodes to look at.
    nodes: BTreeSet<NodeKey>,
    /// Tasks to reject.
    rejects: BTreeSet<TaskKey>,
    /// Looks at a node's tasks in the order of their ids instead of their creation.
    by_id: bool,
}

impl Enforcer {
    /// Starts on a new leader.
    pub fn start(state: &State, out: &mut Outbox) -> Self {
        let nodes = state.nodes.values().filter(|node| has_tasks(node.key, state)).map(|node| node.key).collect();
        let enforcer = Self { nodes, rejects: BTreeSet::new(), by_id: false };
        enforcer.ask(out);
        enforcer
    }

    /// Looks at a node's tasks as the real one does, in the order of their ids: that is chance.
    pub fn go_by_id(&mut self) {
        self.by_id = true;
    }

    fn ask(&self, out: &mut Outbox) {
        if !self.nodes.is_empty() || !self.rejects.is_empty() {
            out.turn(Writer::Enforcer);
        }
    }

    /// The store has changed.
    pub fn watch(&mut self, event: &Event, state: &State, out: &mut Outbox) {
        match event {
            Event::Node { old: Some(_), new: Some(node) } if has_tasks(node.key, state) => {
                self.nodes.insert(node.key);
            }
            Event::Commit => self.ask(out),
            _ => {}
        }
    }

    /// It is the enforcer's turn to write.
    pub fn write(&mut self, tx: &mut Transaction, out: &mut Outbox) {
        for key in std::mem::take(&mut self.nodes) {
            if let Some(node) = tx.state().nodes.get(key) {
                self.rejects.extend(noncompliant(node, tx.state(), self.by_id));
            }
        }
        while tx.len() < MAX_CHANGES
            && let Some(key) = self.rejects.pop_first()
        {
            let Some(task) = tx.state().tasks.get(key).filter(|task| task.desired <= TaskState::Complete) else {
                continue;
            };
            let mut rejected = task.with_state(TaskState::Rejected, MESSAGE, tx.now());
            rejected.status.err = Some(ERR.into());
            tx.put_task(rejected, Why::NonCompliant);
        }
        self.ask(out);
    }
}

fn has_tasks(node: NodeKey, state: &State) -> bool {
    state.tasks_of_node(node).next().is_some()
}

/// Tasks that an active node may no longer have. The order in which they are looked at decides which of several goes when
/// they no longer fit together.
fn noncompliant(node: &Node, state: &State, by_id: bool) -> Vec<TaskKey> {
    if node.spec.availability != Availability::Active {
        return Vec::new();
    }
    let mut nano_cpus = node.description.nano_cpus;
    let mut memory_bytes = node.description.memory_bytes;
    let mut generic = node.description.generic.clone();
    let mut found = Vec::new();
    let mut tasks: Vec<_> = state.tasks_of_node(node.key).filter(|task| is_enforced(task)).collect();
    if by_id {
        tasks.sort_by_key(|task| task.id);
    }
    for task in tasks {
        // Those of the service as it is now: a task that met a change of the placement keeps its old spec.
        let constraints = match state.services.get(task.service) {
            Some(service) => &service.spec.task.constraints,
            None => &task.spec.constraints,
        };
        let reserved = &task.spec.reserved;
        if !node_matches(constraints, node) || reserved.memory_bytes > memory_bytes || reserved.nano_cpus > nano_cpus {
            found.push(task.key);
            continue;
        }
        if task.assigned_generic.iter().any(|assigned| !assigned.is_in(&generic)) {
            // [quirk] The rest of the node is not looked at.
            found.push(task.key);
            break;
        }
        memory_bytes -= reserved.memory_bytes;
        nano_cpus -= reserved.nano_cpus;
        for assigned in task.assigned_generic.iter() {
            assigned.take_from(&mut generic);
        }
    }
    found
}

fn is_enforced(task: &Arc<Task>) -> bool {
    (TaskState::Assigned..=TaskState::Complete).contains(&task.desired) && task.status.state < TaskState::Complete
}
