//! Finding, updating and removing nodes (control-plane.md §8).

use crate::swarm::api::{self, ApiError, Code, Response};
use crate::swarm::manager::MembersView;
use crate::swarm::object::{Availability, Node, NodeSpec, NodeState, Role, TaskState};
use crate::swarm::store::{State, Transaction, Why};
use std::sync::Arc;

/// Finds a node as the engine does: by id, by name, by unique prefix of an id.
///
/// # Errors
/// Not found, or ambiguous, in the engine's words.
pub fn find(state: &State, name: &str) -> Result<Arc<Node>, ApiError> {
    let by_id = state.nodes.values().find(|node| node.id.text() == name);
    if let Some(node) = by_id {
        return Ok(node.clone());
    }
    for matches in [
        state.nodes.values().filter(|node| node.display_name() == name).collect::<Vec<_>>(),
        state.nodes.values().filter(|node| !name.is_empty() && node.id.text().starts_with(name)).collect(),
    ] {
        match matches.as_slice() {
            [] => {}
            [node] => return Ok((*node).clone()),
            several => {
                return Err(ApiError::new(400, format!("node {name} is ambiguous ({} matches found)", several.len())));
            }
        }
    }
    Err(ApiError::new(404, format!("node {name} not found")))
}

/// Replaces a node's spec.
pub fn update(
    id: &str,
    version: u64,
    spec: &api::NodeSpec,
    members: &MembersView,
    tx: &mut Transaction,
) -> Result<Response, ApiError> {
    let role = role(&spec.role)?;
    let availability = availability(&spec.availability)?;
    let node = find(tx.state(), id)?;
    if role == Role::Worker && node.spec.role == Role::Manager {
        may_demote(&node, members, tx.state())?;
    }
    if node.meta.version != version {
        return Err(ApiError::grpc(Code::Unknown, "update out of sequence"));
    }
    let mut node = (*node).clone();
    node.spec = NodeSpec { name: spec.name.as_str().into(), labels: Arc::new(spec.labels.clone()), role, availability };
    tx.put_node(node, Why::Request);
    Ok(Response::Done)
}

/// Whether a manager may become a worker: not the last, a Raft member, and one that the others can do without.
fn may_demote(node: &Node, members: &MembersView, state: &State) -> Result<(), ApiError> {
    let refused = |text| Err(ApiError::grpc(Code::FailedPrecondition, text));
    let mut managers = state.nodes.values().filter(|node| node.role == Role::Manager);
    if managers.next().is_some_and(|first| first.key == node.key) && managers.next().is_none() {
        return refused("attempting to demote the last manager of the swarm");
    }
    let Some(member) = members.of_node(node.key) else {
        return Err(ApiError::grpc(Code::NotFound, "can't find manager in raft memberlist"));
    };
    if !members.can_remove(member) {
        return refused("can't remove member from the raft: this would result in a loss of quorum");
    }
    Ok(())
}

fn role(text: &str) -> Result<Role, ApiError> {
    match text {
        "worker" => Ok(Role::Worker),
        "manager" => Ok(Role::Manager),
        other => Err(ApiError::new(400, format!("invalid Role: \"{other}\""))),
    }
}

/// Reads an availability as the engine does.
pub fn availability(text: &str) -> Result<Availability, ApiError> {
    match text {
        "active" | "" => Ok(Availability::Active),
        "pause" => Ok(Availability::Pause),
        "drain" => Ok(Availability::Drain),
        other => Err(ApiError::new(400, format!("invalid Availability: \"{other}\""))),
    }
}

/// Removes a node that is down, or any worker by force.
pub fn remove(id: &str, force: bool, tx: &mut Transaction) -> Result<Response, ApiError> {
    let node = find(tx.state(), id)?;
    if node.spec.role == Role::Manager && tx.state().member_of_node(node.key).is_some() {
        return Err(ApiError::grpc(
            Code::FailedPrecondition,
            format!(
                "node {} is a cluster manager and is a member of the raft cluster. It must be demoted to worker before removal",
                node.id
            ),
        ));
    }
    if !force && node.status.state == NodeState::Ready {
        return Err(ApiError::grpc(
            Code::FailedPrecondition,
            format!("node {} is not down and can't be removed", node.id),
        ));
    }
    let tasks: Vec<_> = tx.state().tasks_of_node(node.key).cloned().collect();
    for task in tasks {
        if task.status.state < TaskState::Complete {
            let mut orphan =
                task.with_state(TaskState::Orphaned, "Task belonged to a node that has been deleted", tx.now());
            orphan.status.err = None;
            tx.put_task(orphan, Why::Orphaned);
        }
    }
    tx.remove_node(node.key, Why::Request);
    super::cluster::blacklist(node.id, tx);
    Ok(Response::Done)
}
