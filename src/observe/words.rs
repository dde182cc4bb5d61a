//! What happened, in words: the sentences that stories and explanations share.
//!
//! It words single records of the trace. What is told together, and in which order, is decided by those who tell.

use crate::engine::Record;
use crate::net::HostId;
use crate::swarm::object::{Mode, NodeState, Task, TaskState, UpdateState};
use crate::swarm::scheduler::Policy;
use crate::swarm::store::{Decision, State, Why};
use crate::swarm::world::World;
use crate::swarm::world::record::What;

/// What is said of a task's change: a verb that tasks share, the task as it is mentioned, the reason.
pub fn task_words(what: &What) -> Option<(&'static str, String, Option<String>)> {
    let What::Task { service, slot, by_node, node, from, state, desired, err, why, .. } = what else { return None };
    let name = mention(service, *slot, *by_node, node.as_deref());
    let at = |name: &str| node.as_ref().map_or_else(|| name.to_owned(), |node| format!("{name} ({node})"));
    let failure = || err.as_ref().map(|err| err.to_string());
    match from {
        None => Some(match why {
            Why::FillSlot => ("new", name, Some("the slot is empty".into())),
            Why::FillNode => ("new", name, Some("the node has no task of the service".into())),
            Why::Restart(_) => {
                ("new replacement, waits in desired state Ready", name, Some("its predecessor ended".into()))
            }
            Why::NodeInvalid(_) => (
                "new replacement, waits in desired state Ready",
                name,
                Some("the node of its predecessor is down, drained or gone".into()),
            ),
            Why::Update => ("new, by the rolling update", name, None),
            _ => ("new", name, None),
        }),
        Some((before, wanted)) if before == state => match (wanted, desired, why) {
            (TaskState::Ready, TaskState::Running | TaskState::Complete, _) => Some((
                released(*state),
                at(&name),
                Some("its delay is over, and its predecessor has stopped or is out of reach".into()),
            )),
            (_, TaskState::Shutdown, why) if *desired != *wanted && !state.is_terminal() => {
                let reason = match why {
                    Why::NodeInvalid(_) => "its node is down, drained or gone",
                    Why::Update => "the rolling update replaces it",
                    Why::NodeUnfit => "its node may not have the service now",
                    Why::Surplus => "its node has another task of the service, or it is outdated",
                    _ => "it is no longer wanted",
                };
                Some(("told to stop", at(&name), Some(reason.into())))
            }
            (_, TaskState::Remove, why) if *desired != *wanted => {
                let reason = match why {
                    Why::ScaleDown => "the service was scaled down",
                    Why::JobAgain => "the job runs anew",
                    _ => "the service was removed",
                };
                Some(("told to stop and vanish", at(&name), Some(reason.into())))
            }
            _ if *state == TaskState::Pending && err.is_some() => Some(("waits for a node", name, failure())),
            _ => None,
        },
        Some(_) => match state {
            TaskState::Assigned => Some(("placed", at(&name), placement(why))),
            TaskState::Running => Some(("runs", at(&name), None)),
            TaskState::Complete => Some(("ended with 0", at(&name), None)),
            TaskState::Shutdown => Some(("stopped", at(&name), None)),
            TaskState::Failed => Some(("failed", at(&name), failure())),
            TaskState::Rejected => Some(("rejected", at(&name), failure())),
            TaskState::Orphaned => Some(("orphaned", at(&name), None)),
            _ => None,
        },
    }
}

/// What it means for a task in this state that it is let start.
fn released(state: TaskState) -> &'static str {
    match state {
        TaskState::Ready => "may start now",
        TaskState::New | TaskState::Pending => "let start, though still without a node",
        TaskState::Assigned | TaskState::Accepted | TaskState::Preparing => "may start as soon as prepared",
        _ if state.is_terminal() => "let start, though ended already",
        _ => "let start",
    }
}

fn placement(why: &Why) -> Option<String> {
    match why {
        Why::Placed(Decision { policy: Policy::Swarm, .. }) => {
            Some("of the nodes that pass all filters: fewest tasks of the service, then fewest tasks".into())
        }
        Why::Placed(Decision { policy, .. }) => Some(format!("by the policy {}", policy.about())),
        _ => None,
    }
}

/// A task as it is mentioned: by its slot, or where that is its node by the node's name. (Docker shows the node's id.)
pub fn mention(service: &str, slot: u32, by_node: bool, node: Option<&str>) -> String {
    match node.filter(|_| by_node) {
        Some(node) => format!("{service}.{node}"),
        None => format!("{service}.{slot}"),
    }
}

/// What a service is to be: `3 x nginx`.
pub fn wanted(mode: Mode, image: &str) -> String {
    let image = short(image);
    match mode {
        Mode::Replicated { replicas } => format!("{replicas} x {image}"),
        Mode::Global => format!("{image} on every node"),
        Mode::ReplicatedJob { max_concurrent, total } => {
            format!("{total} x {image} to completion, {max_concurrent} at a time")
        }
        Mode::GlobalJob => format!("{image} to completion on every node"),
    }
}

/// What a story says of a record, and why, if that is worth telling; nothing of what is too small for a story, and
/// nothing of tasks, of which [`task_words`] speaks.
pub fn words(world: &World, record: &Record<What>) -> Option<(String, Option<String>)> {
    let host = |host: &HostId| world.env.name(*host).to_string();
    Some(match &record.what {
        What::Typed { host: on, line } => (format!("{}$ {line}", host(on)), None),
        What::Fault { .. } => return None,
        What::DaemonUp { host: on } => (format!("the daemon of {} is up", host(on)), None),
        What::SwarmStopped { host: on, error } => {
            (format!("the swarm part of {} stops", host(on)), Some(error.to_string()))
        }
        What::Candidate { host: who, term } => (
            format!("{} asks for votes in term {term}", host(who)),
            Some("it has heard of no leader for its election time-out".into()),
        ),
        What::Elected { host: who, term } => (format!("{} is elected in term {term}", host(who)), None),
        What::Leads { host: who, term } => {
            (format!("{} leads", host(who)), Some(format!("it has applied its whole log in term {term}")))
        }
        What::SteppedDown { host: who, no_quorum, .. } => (
            format!("{} steps down", host(who)),
            Some(if *no_quorum { "it heard from no majority" } else { "there is a newer term" }.into()),
        ),
        What::Refused { host: who, peer, text } => {
            (format!("{} refuses {}", host(who), host(peer)), Some(text.to_string()))
        }
        What::NotStarted { host: on, text } => {
            (format!("{} does not start its swarm", host(on)), Some(text.to_string()))
        }
        What::Certificate { host: on, role, .. } => {
            (format!("{} has a new certificate as {}", host(on), role.as_str()), None)
        }
        What::RootRotation { done: false } => ("the root certificate is being replaced".into(), None),
        What::RootRotation { done: true } => ("the root certificate is settled".into(), None),
        What::Reachable { host: who, peer, active } => {
            if world.host(*who).manager.as_ref().is_none_or(|manager| !manager.leads()) && record.at == world.now() {
                return None;
            }
            let verb = if *active { "reaches" } else { "no longer reaches" };
            (format!("{} {verb} {}", host(who), host(peer)), None)
        }
        What::MemberAdded { peer, members, .. } => (
            format!("{} is a Raft member", host(peer)),
            Some(format!("{members} members now: {} are a majority", members / 2 + 1)),
        ),
        What::MemberRemoved { peer, members, .. } => (
            format!("{} is no Raft member any more", host(peer)),
            Some(format!("{members} members now: {} are a majority", members / 2 + 1)),
        ),
        What::LeftRaft { host: who } => (
            format!("the manager of {} stops", host(who)),
            Some("it has learned that it is no Raft member any more, and wipes what it kept for Raft".into()),
        ),
        What::Certified { host: who, role } => {
            (format!("the node of {} is certified as a {}", host(who), role.as_str()), None)
        }
        What::NewCluster { host: who } => (
            format!("{} begins a new cluster of one", host(who)),
            Some("from the entries that it knows to be committed; the other managers are forgotten".into()),
        ),
        What::SnapshotTaken { host: who, index } => {
            (format!("{} takes a snapshot up to entry {index}", host(who)), None)
        }
        What::SnapshotSent { host: who, peer, index } => (
            format!("{} sends {} its snapshot up to entry {index}", host(who), host(peer)),
            Some("the log no longer holds the entries that are missing there".into()),
        ),
        What::SnapshotRestored { host: who, index } => {
            (format!("{} takes over a snapshot up to entry {index}", host(who)), None)
        }
        What::Node { name, joined: true, .. } => (format!("{name} has a node object"), None),
        What::Node { name, availability: Some(availability), .. } => (format!("{name} is now {availability}"), None),
        What::Node { name, state, message, .. } => {
            let cause = (!message.is_empty()).then(|| (*message).to_owned());
            match state {
                NodeState::Down => (format!("{name} is believed down"), cause),
                NodeState::Unknown => (format!("{name} is unknown"), cause),
                NodeState::Ready => (format!("{name} is ready"), cause),
                NodeState::Disconnected => (format!("{name} is disconnected"), cause),
            }
        }
        What::NodeRemoved { name } => (format!("{name} is removed from the swarm"), None),
        What::Service { name, created: true, mode, image, .. } => {
            (format!("service {name} is created: {}", wanted(*mode, image)), None)
        }
        What::Service { name, spec_changed, mode, image, update, .. } => match update {
            Some((state, message)) => (format!("service {name}: {}", update_words(*state)), Some(message.to_string())),
            None if *spec_changed => (format!("service {name} is wanted as {}", wanted(*mode, image)), None),
            None => return None,
        },
        What::ServiceRemoved { name } => (format!("service {name} is removed"), None),
        What::Object { kind, name, change: "allocated", detail } if !detail.is_empty() => {
            (format!("{kind} {name} gets {detail}"), None)
        }
        What::Object { kind, name, change, .. } => (format!("{kind} {name} is {change}"), None),
        What::ContainerEnded { host: on, name, code, oom } if *code != 0 => {
            let name = name.rsplit_once('.').map_or(&**name, |(name, _)| name);
            let reason = oom.then(|| "it used more memory than it may: the kernel killed it".to_owned());
            (format!("on {}, the container of {name} ended with {code}", host(on)), reason)
        }
        What::ContainerHealth { host: on, name, healthy } => {
            let name = name.rsplit_once('.').map_or(&**name, |(name, _)| name);
            let health = if *healthy { "healthy" } else { "unhealthy" };
            (format!("on {}, the container of {name} is {health}", host(on)), None)
        }
        What::Note { text } => (format!("# {text}"), None),
        // The line that it stands in has been told.
        What::Command { .. }
        | What::TaskRemoved { .. }
        | What::Task { .. }
        | What::ContainerStarted { .. }
        | What::ContainerEnded { .. }
        | What::NodeWanted { .. }
        | What::Left { .. }
        | What::Dropped { .. } => return None,
    })
}

fn short(image: &str) -> &str {
    image.split_once('@').map_or(image, |(name, _)| name)
}

fn update_words(state: UpdateState) -> &'static str {
    match state {
        UpdateState::Updating => "the update begins",
        UpdateState::Paused => "the update is paused",
        UpdateState::Completed => "the update is complete",
        UpdateState::RollbackStarted => "the rollback begins",
        UpdateState::RollbackPaused => "the rollback is paused",
        UpdateState::RollbackCompleted => "the rollback is complete",
    }
}

/// A task's name as `docker service ps` shows it: by its slot, or where that is 0 by its node's id, as far as that is known.
/// Without a node nothing stands behind the dot.
pub fn docker_name(world: &World, service: &str, slot: u32, node: Option<&str>) -> String {
    if slot != 0 {
        return format!("{service}.{slot}");
    }
    let Some(node) = node else { return format!("{service}.") };
    let stored = || {
        let (_, manager) = super::Observed(world).leader()?;
        let nodes = manager.state.nodes.values().filter(|other| **world.env.name(other.host) == *node);
        nodes.max_by_key(|other| other.key).map(|other| other.id)
    };
    let own = || world.host(world.host_named(node)?).disk.node.as_ref().map(|node| node.id);
    own().or_else(stored).map_or_else(|| format!("{service}.{node}"), |id| format!("{service}.{id}"))
}

/// The same of a stored task.
pub fn docker_name_of(world: &World, state: &State, task: &Task) -> String {
    let node = task.node.and_then(|node| state.nodes.get(node)).map(|node| world.env.name(node.host));
    docker_name(world, &task.service_name, task.slot, node.map(|node| &**node))
}
