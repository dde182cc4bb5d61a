//! Promises of services, tasks and nodes, checked as each change is committed, on what the change touches, and as a whole
//! where somebody asks for it.
//!
//! Not here: what needs a memory of its own (delayed starts, attempts, parallelism: `leader`), and the liveness of a cluster
//! at rest (`rest`). 8, 15 and 16 are of the whole: while an update, a repair or a queued event is under way they need not
//! hold, and each change would ask for a look at all tasks of its service.
//!
//! Source: control-plane.md §12 (6-8, 11, 13-18).

use crate::swarm::object::{
    Mode, Node, NodeKey, PortConfig, Protocol, Service, ServiceSpec, Task, TaskState, UpdateOrder, UpdateState,
    UpdateStatus,
};
use crate::swarm::store::{Event, State, Why};
use std::collections::BTreeSet;

/// Ports that the allocator chooses by itself.
const AUTOMATIC: std::ops::RangeInclusive<u16> = 30_000..=32_767;

/// A promise and how it was broken.
pub(super) type Broken = (&'static str, String);

/// What a change breaks; `state` has it already.
pub(super) fn broken_by(event: &Event, why: Why, state: &State) -> Option<Broken> {
    match event {
        Event::Task { old: None, new: Some(new) } => made(new, state),
        Event::Task { old: Some(old), new: Some(new) } => written(old, new, why, state),
        Event::Service { old: Some(old), new: Some(new) } => {
            service_written(old, new, why).or_else(|| ports_taken(old, new, state))
        }
        Event::Service { old: None, new: Some(new) } => ports_taken(new, new, state),
        _ => None,
    }
}

pub(super) fn broken(promise: &'static str, detail: String) -> Option<Broken> {
    Some((promise, detail))
}

pub(super) fn name(task: &Task) -> String {
    format!("{} ({})", task.name(), task.id)
}

/// 6, 7
fn made(task: &Task, state: &State) -> Option<Broken> {
    let Some(service) = state.services.get(task.service) else {
        return broken("a task is made for a service that exists", name(task));
    };
    let fits = match service.spec.mode {
        Mode::Replicated { .. } => task.slot >= 1 && task.node.is_none(),
        // An update may have changed the total since the plan was made; then the iteration differs too.
        Mode::ReplicatedJob { .. } => task.node.is_none() && task.job_iteration.is_some(),
        Mode::Global => task.slot == 0 && task.node.is_some(),
        Mode::GlobalJob => task.slot == 0 && task.node.is_some() && task.job_iteration.is_some(),
    };
    if fits { None } else { broken("a task has the slot or the node that its service's mode asks for", name(task)) }
}

/// 11, 13
fn written(old: &Task, new: &Task, why: Why, state: &State) -> Option<Broken> {
    if matches!(why, Why::Placed(_)) && new.status.state == TaskState::Assigned {
        let node = new.node.and_then(|node| state.nodes.get(node))?;
        return placed(new, node, state);
    }
    let told_anew = old.desired == new.desired && old.status == new.status && old.node == new.node;
    let from_here = matches!(why, Why::Restart(_) | Why::NodeInvalid(_) | Why::Update | Why::ScaleDown);
    if told_anew && from_here { broken("nobody writes what is written already", name(new)) } else { None }
}

/// 11, 13: at the moment of a placement. The scheduler decides while it holds the turn, so nothing has changed since.
fn placed(task: &Task, node: &Node, state: &State) -> Option<Broken> {
    let on = |what: &'static str| broken(what, format!("{} on {}", name(task), node.display_name()));
    if !task.spec.constraints.iter().all(|constraint| constraint.matches(node)) {
        return on("tasks go to nodes that satisfy their constraints");
    }
    let description = &node.description;
    let platforms = &task.spec.platforms;
    let runs_here =
        |platform: &crate::swarm::object::Platform| platform.runs_on(&description.os, &description.architecture);
    if !platforms.is_empty() && !platforms.iter().any(runs_here) {
        return on("tasks go to nodes of a platform that their image is built for");
    }
    let there = || {
        state.tasks_of_node(node.key).filter(|other| {
            other.key != task.key && (TaskState::Assigned..=TaskState::Running).contains(&other.status.state)
        })
    };
    let mine: Vec<_> = host_ports(&task.ports).collect();
    let clashes = || there().any(|other| host_ports(&other.ports).any(|port| mine.contains(&port)));
    if !mine.is_empty() && clashes() && !has_uneven_ports(task, state) {
        return on("no two tasks hold one host port of a node");
    }
    let siblings =
        |other: &&std::sync::Arc<Task>| other.service == task.service && other.desired <= TaskState::Complete;
    if task.spec.max_replicas > 0 && there().filter(siblings).count() >= task.spec.max_replicas as usize {
        return on("a node has no more tasks of a service than the service allows");
    }
    None
}

/// SwarmKit filters nodes for one task of a service's spec and takes the others to be its equals. Their ports are not, where
/// the service was updated or rolled back while some of them were not allocated yet: a task is given the ports that its
/// service has then (control-plane.md §3.5, §9). Such tasks may clash; looked at only when they do.
fn has_uneven_ports(task: &Task, state: &State) -> bool {
    let mut group = state.tasks_of_service(task.service).filter(|other| other.spec_version == task.spec_version);
    task.ports != task.spec.ports || group.any(|other| other.ports != task.ports)
}

fn host_ports(ports: &[PortConfig]) -> impl Iterator<Item = (Protocol, u16)> {
    ports.iter().filter(|port| !port.ingress && port.published != 0).map(|port| (port.protocol, port.published))
}

/// 17, 18
fn service_written(old: &Service, new: &Service, why: Why) -> Option<Broken> {
    let iteration = |service: &Service| service.job_status.map(|status| status.iteration);
    if iteration(new) < iteration(old) {
        return broken("a job's iteration never goes back", old.name().to_string());
    }
    let (from, to) = (state_of(&old.update_status), state_of(&new.update_status));
    let rolled_back = to == Some(UpdateState::RollbackStarted) || why == Why::Request;
    if new.spec_version < old.spec_version && !rolled_back {
        return broken("a spec's version goes back by a rollback only", old.name().to_string());
    }
    if !may_become(from, to, why) {
        return broken("an update goes its way", format!("{}: {from:?} to {to:?} by {why:?}", old.name()));
    }
    None
}

fn state_of(status: &Option<UpdateStatus>) -> Option<UpdateState> {
    status.as_ref().map(|status| status.state)
}

fn may_become(from: Option<UpdateState>, to: Option<UpdateState>, why: Why) -> bool {
    use UpdateState::{Completed, Paused, RollbackCompleted, RollbackPaused, RollbackStarted, Updating};
    match (from, to) {
        _ if why == Why::Request => matches!(to, None | Some(RollbackStarted)),
        _ if from == to => true,
        (None, Some(Updating)) | (Some(Updating), Some(Completed | Paused | RollbackStarted)) => true,
        (Some(RollbackStarted), Some(RollbackCompleted | RollbackPaused)) => true,
        // A second pass, and what may happen in it (§6.2).
        (Some(Completed | RollbackCompleted), Some(Completed | Paused | RollbackStarted)) => true,
        // A rollback that wants to roll back is paused and then completed all the same.
        (Some(RollbackPaused), Some(Completed | Paused)) => true,
        _ => false,
    }
}

/// 14: looked at only where a service's ports have changed.
fn ports_taken(old: &Service, new: &Service, state: &State) -> Option<Broken> {
    let ports = new.endpoint.ports.as_deref().unwrap_or_default();
    if ports.is_empty() || (!std::ptr::eq(old, new) && old.endpoint.ports == new.endpoint.ports) {
        return None;
    }
    for (port, asked) in ports.iter().zip(new.spec.task.ports.iter()) {
        if port.ingress && asked.published == 0 && !AUTOMATIC.contains(&port.published) {
            return broken("ports that the allocator chooses lie between 30000 and 32767", format!("{port:?}"));
        }
    }
    let ingress = |service: &Service| -> Vec<(Protocol, u16)> {
        let ports = service.endpoint.ports.as_deref().unwrap_or_default();
        ports.iter().filter(|port| port.ingress).map(|port| (port.protocol, port.published)).collect()
    };
    let mine = ingress(new);
    let other = state.services.values().filter(|other| other.key != new.key);
    let clash = other.filter(|other| ingress(other).iter().any(|port| mine.contains(port))).map(|other| other.name());
    let clash = clash.last()?;
    broken("a published port belongs to one service", format!("{} and {clash}", new.name()))
}

/// What the whole of a store breaks, whatever was written last: 8, 13-16. A look at everything.
pub(super) fn broken_whole(state: &State) -> Option<Broken> {
    let (_, addresses) = super::addresses::Addresses::of(state);
    addresses
        .or_else(|| state.nodes.values().find_map(|node| clashing(node, state)))
        .or_else(|| state.services.values().find_map(|service| doubled(service, state)))
}

/// While an update is under way a slot may have two tasks that should run; so it may where a start-first update
/// was interrupted by another one, until that comes to the slot. An update has no status where the request was sent again
/// (§6.1); then the specs of its tasks tell of it.
fn is_changing(service: &Service, state: &State) -> bool {
    let starts_first =
        |spec: &ServiceSpec| [spec.update, spec.rollback].iter().any(|config| config.order == UpdateOrder::StartFirst);
    let outdated =
        |task: &std::sync::Arc<Task>| task.desired <= TaskState::Running && task.spec_version != service.spec_version;
    let at_rest = match state_of(&service.update_status) {
        None => !state.tasks_of_service(service.key).any(outdated),
        Some(status) => matches!(status, UpdateState::Completed | UpdateState::RollbackCompleted),
    };
    !at_rest || starts_first(&service.spec) || service.previous_spec.as_deref().is_some_and(starts_first)
}

/// 13. (12 has excuses that only a memory of the node knows; the scheduler is held to it at each placement.)
fn clashing(node: &Node, state: &State) -> Option<Broken> {
    let mut held = BTreeSet::new();
    for task in state.tasks_of_node(node.key) {
        if (TaskState::Assigned..=TaskState::Running).contains(&task.status.state) {
            for port in host_ports(&task.ports) {
                let mut holders =
                    state.tasks_of_node(node.key).filter(|other| host_ports(&other.ports).any(|p| p == port));
                if !held.insert(port) && !holders.any(|other| has_uneven_ports(other, state)) {
                    let detail = format!("{} on {}", name(task), node.display_name());
                    return broken("no two tasks hold one host port of a node", detail);
                }
            }
        }
    }
    None
}

/// 8, 15, 16
fn doubled(service: &Service, state: &State) -> Option<Broken> {
    let mut live: BTreeSet<(u32, Option<NodeKey>)> = BTreeSet::new();
    let (mut complete, mut seen) = (BTreeSet::new(), 0u32);
    let iteration = service.job_status.map(|status| status.iteration);
    let changing = is_changing(service, state);
    for task in state.tasks_of_service(service.key).filter(|task| task.job_iteration == iteration) {
        let node = task.node.filter(|_| service.spec.mode.is_by_node());
        if task.desired == TaskState::Running && !live.insert((task.slot, node)) && !changing {
            return broken("a slot has one task that should run", name(task));
        }
        if let Mode::ReplicatedJob { total, .. } = service.spec.mode {
            let done = task.status.state == TaskState::Complete;
            if done && !complete.insert(task.slot) {
                return broken("a slot of a job completes once", name(task));
            }
            seen += u32::from(done || task.desired <= TaskState::Complete);
            if seen > total {
                return broken("a job begins no more tasks than it needs", name(task));
            }
        }
    }
    None
}
