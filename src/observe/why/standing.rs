//! How a task or a service stands now, beyond its state: what it waits for, and when that is over; who is counted and who
//! is missing; how its update stands.
//!
//! What nobody can know is left out: the leader's delays are told while its clock is right.
//!
//! Source: control-plane.md §2.1 (image that cannot be pulled), §4 (allocator), §5 (restart delays), §6.4.

use super::History;
use super::blame::concerns;
use crate::observe::words::{docker_name, docker_name_of};
use crate::observe::{Observed, Task, View};
use crate::swarm::control;
use crate::swarm::object::{NetworkKey, RestartCondition, Service, TaskKey, TaskState, UpdateState};
use crate::swarm::orchestrator::Waits;
use crate::swarm::world::World;
use crate::swarm::world::record::What;
use std::collections::BTreeSet;

/// All that is to be said of a task.
pub(super) fn of_task(history: &History<'_>, task: &Task) -> String {
    let world = history.world;
    let said = [not_replaced(world, &task.id), unheard(world, task), addressless(world, &task.id)];
    let waits = held_up(history, task).map(|text| format!("{text}\n"));
    said.into_iter().flatten().chain(waits).collect()
}

/// What a task that does not run waits for, as far as it waits for a time or in vain.
fn held_up(history: &History<'_>, task: &Task) -> Option<String> {
    pull_given_up(history, task).or_else(|| delayed(history.world, &task.id))
}

/// Of a task whose image could not be asked for: that its node will not ask again, whatever the registry does.
fn pull_given_up(history: &History<'_>, task: &Task) -> Option<String> {
    let world = history.world;
    let (_, manager) = Observed(world).leader()?;
    let key: TaskKey = manager.state.tasks.values().find(|other| other.id.text() == *task.id)?.key;
    let (node, host) = (&task.node, world.host_named(&task.node)?);
    if &*task.state != "preparing" || task.error.is_empty() || !world.host(host).engine.repeats_pull_error(key) {
        return None;
    }
    if !world.env.registry.reaches(host) {
        return Some(format!(
            "{node} does not reach the registry; it asked for the image once, and repeats that error each second"
        ));
    }
    let up = history.newest(|what| match what {
        What::Fault { text } => {
            (text.starts_with("registry up") || text.starts_with("registry slow")) && concerns(text, Some(node))
        }
        _ => false,
    });
    let since = up.map_or_else(String::new, |up| {
        let What::Fault { text } = history.what(up) else { return String::new() };
        format!(" (`{text}` at {})", history.records[up].at)
    });
    Some(format!(
        "{node} reaches the registry again{since}, but for this task it asked only once, and repeats that error each \
         second; a new task would ask anew: docker service update --force {}",
        task.service
    ))
}

/// Of a replacement that may not start yet: what it waits for.
fn delayed(world: &World, id: &str) -> Option<String> {
    let (host, manager) = Observed(world).leader()?;
    let state = &manager.state;
    let task = state.tasks.values().find(|task| task.id.text() == id)?;
    let Waits { until, old, replaced } = manager.leader.as_ref()?.waits(task.key)?;
    // Times are the leader's; where its clock is wrong they are not ours.
    if task.desired != TaskState::Ready || !world.host(host).clock.is_right() {
        return None;
    }
    let now = world.now();
    let old = old.and_then(|(old, give_up)| Some((state.tasks.get(old)?, give_up)));
    Some(match old {
        _ if replaced && task.spec.restart.max_attempts > 0 => format!(
            "it has ended before it was let start; when its restart delay is over, at {until}, its restart policy decides \
             whether a new task takes its place"
        ),
        _ if replaced => format!(
            "it has ended before it was let start; when its restart delay is over, at {until}, a new task takes its place"
        ),
        Some((old, give_up)) => {
            let delay =
                if until > now { format!(", and until its restart delay is over at {until}") } else { String::new() };
            format!(
                "it may not start until the older task {} ({}) has stopped, or {give_up} has come{delay}",
                docker_name_of(world, state, old),
                old.status.state.as_str(),
            )
        }
        None if until > now => format!("it may start at {until}: then its restart delay is over"),
        None => return None,
    })
}

/// How a service's update stands: `its update is paused`.
fn update_in_words(service: &Service) -> Option<&'static str> {
    Some(match service.update_status.as_ref()?.state {
        UpdateState::Updating => "its update is under way",
        UpdateState::Paused => "its update is paused",
        UpdateState::Completed => "its last update is complete",
        UpdateState::RollbackStarted => "it is being rolled back",
        UpdateState::RollbackPaused => "its rollback is paused",
        UpdateState::RollbackCompleted => "its last update was rolled back, and that is complete",
    })
}

/// Why a slot whose task has ended stays empty, as far as its restart policy says so.
fn not_replaced(world: &World, id: &str) -> Option<String> {
    let (_, manager) = Observed(world).leader()?;
    let task = manager.state.tasks.values().find(|task| task.id.text() == id)?;
    let ended = task.status.state.is_terminal() && task.desired == TaskState::Shutdown;
    let service = manager.state.services.get(task.service).filter(|_| ended)?;
    let policy = &task.spec.restart;
    let reason = match policy.condition {
        RestartCondition::None => "its restart condition is none".to_owned(),
        RestartCondition::OnFailure if task.status.state == TaskState::Complete => {
            "its restart condition is on-failure, and it did not fail".to_owned()
        }
        _ if policy.max_attempts > 0 => match policy.max_attempts {
            1 => "its restart policy allows 1 attempt, and it is used up".to_owned(),
            attempts => format!("its restart policy allows {attempts} attempts, and they are used up"),
        },
        _ => return None,
    };
    // A job counts what is complete, not who may be restarted (control-plane.md §4.3).
    Some(match service.spec.mode.is_job() {
        true if task.status.state == TaskState::Complete => return None,
        true => format!(
            "it is not restarted: {reason}; but the job still lacks it, and makes a new task in its place when it next looks: \
             whenever one of its tasks ends, or the service is changed\n"
        ),
        false => format!("it is not replaced: {reason}\n"),
    })
}

/// Of a task that waits for addresses: whose are all taken (control-plane.md §4: a task stays new until it has them, and
/// prepares until its node's load balancer has one).
fn addressless(world: &World, id: &str) -> Option<String> {
    let (_, manager) = Observed(world).leader()?;
    let state = &manager.state;
    let task = state.tasks.values().find(|task| task.id.text() == id)?;
    let (waits, place) = match task.status.state {
        TaskState::New => (None, "it waits for the allocator, which gives it its addresses"),
        TaskState::Preparing => (Some(state.nodes.get(task.node?)?), "its node's load balancer has no address yet"),
        _ => return None,
    };
    let lacks = |key: &&NetworkKey| match waits {
        Some(node) => !node.attachments.iter().any(|place| place.network.key == **key && place.address.is_some()),
        None => true,
    };
    let networks: Vec<_> = task
        .spec
        .uses
        .networks
        .iter()
        .filter(lacks)
        .filter_map(|key| state.networks.get(*key))
        .filter(|network| network.allocated.as_ref().is_some_and(|given| !given.pools.is_empty()))
        .collect();
    let full = networks.iter().find_map(|network| {
        let pool = network.allocated.as_ref()?.pools.first()?;
        let places = state.tasks.values().flat_map(|task| task.networks.iter());
        let places = places.chain(state.services.values().flat_map(|service| service.endpoint.vips.iter()));
        let places = places.chain(state.nodes.values().flat_map(|node| node.attachments.iter()));
        let own = places.filter(|place| place.network.key == network.key);
        let taken: BTreeSet<_> = own.filter_map(|place| place.address).chain([pool.gateway]).collect();
        // The first and the last address of a subnet are nobody's.
        let usable = (1u64 << (32 - u32::from(pool.subnet.length))).saturating_sub(2);
        (taken.len() as u64 >= usable)
            .then(|| format!(": {} ({}) has {usable}, and all are taken", network.name(), pool.subnet))
    });
    match (full, waits) {
        (Some(full), _) => Some(format!("{place}{full}\n")),
        (None, None) => Some(format!("{place}\n")),
        (None, Some(_)) => None,
    }
}

/// Of a task on a node that is not heard of: what its container really does.
fn unheard(world: &World, task: &Task) -> Option<String> {
    let view = Observed(world);
    let nodes = view.nodes()?;
    let node = nodes.iter().find(|node| node.name == task.node)?;
    if &*node.status == "ready" || &*task.state != "running" {
        return None;
    }
    let host = world.host(world.host_named(&task.node)?);
    let runs =
        host.engine.containers.values().any(|c| c.runs() && c.task().is_some_and(|held| held.id.text() == *task.id));
    let really = if runs { "runs all the same" } else { "does not run" };
    Some(format!(
        "{} is {}, so that is the last that was heard of it; really its container {really}\n",
        task.node, node.status
    ))
}

/// How many tasks of a service run: as `docker service ls` counts, who is counted though nobody wants it any more, who is
/// wanted and does not run, and what really runs.
pub(super) fn counted(history: &History<'_>, name: &str) -> String {
    let world = history.world;
    let view = Observed(world);
    let Some((_, manager)) = view.leader() else { return String::new() };
    let Some(service) = manager.state.services.values().find(|service| **service.name() == *name) else {
        return String::new();
    };
    let counts = control::counts(service, &manager.state);
    let mut text = match service.job_status {
        Some(_) => format!(
            "{name} is a job: {} of its tasks run now, {} have completed",
            counts.running_tasks, counts.completed_tasks
        ),
        None => format!("{name} runs {} of {} tasks", counts.running_tasks, counts.desired_tasks),
    };
    if let Some(update) = update_in_words(service) {
        text += &format!("; {update}");
    }
    text += "\n";
    if matches!(
        service.update_status.as_ref().map(|status| status.state),
        Some(UpdateState::Paused | UpdateState::RollbackPaused)
    ) {
        text += "  nothing more is updated until a docker service update or docker service rollback\n";
    }
    let (mut unwanted, mut missing) = (Vec::new(), Vec::new());
    for task in manager.state.tasks_of_service(service.key) {
        let node = task.node.and_then(|node| manager.state.nodes.get(node));
        let on = node.map_or_else(String::new, |node| {
            let state = node.status.state;
            let heard =
                if state.as_str() == "ready" { String::new() } else { format!(", which is {}", state.as_str()) };
            format!(" on {}{heard}", world.env.name(node.host))
        });
        let state = task.status.state;
        if state == TaskState::Running && task.desired > TaskState::Complete {
            unwanted.push(format!("{}{on}", docker_name_of(world, &manager.state, task)));
        } else if state < TaskState::Running && task.desired <= TaskState::Complete {
            missing.push(format!("{}{on} ({})", docker_name_of(world, &manager.state, task), state.as_str()));
        }
    }
    let list = |names: &[String]| match names {
        [first, second, third, _, ..] => format!("{first}; {second}; {third}; and {} more", names.len() - 3),
        _ => names.join("; "),
    };
    if !unwanted.is_empty() {
        text += &format!("  counted, though it should be shut down: {}\n", list(&unwanted));
    }
    if !missing.is_empty() {
        text += &format!("  wanted, and not running: {}\n", list(&missing));
        let tasks = view.tasks().unwrap_or_default();
        let own = |task: &&Task| *task.service == *name && matches!(&*task.desired, "running" | "ready" | "complete");
        let mut hint = service.spec.mode.is_by_node();
        for task in tasks.iter().filter(own).filter(|task| &*task.state != "running").take(3) {
            let called = docker_name(world, name, u32::try_from(task.slot).unwrap_or(0), Some(&*task.node));
            if let Some(held_up) = held_up(history, task) {
                text += &format!("  {called}: {held_up}\n");
            } else if &*task.state == "pending" && !task.error.is_empty() && !std::mem::replace(&mut hint, true) {
                text += &format!("  what is in the way on each node: `why {called}`\n");
            }
        }
    }
    let containers = view.containers();
    let real = containers.iter().filter(|container| *container.service == *name && container.running).count() as u64;
    if real != counts.running_tasks {
        let containers = if real == 1 { "container" } else { "containers" };
        text += &format!("  really running: {real} {containers}\n");
    }
    text
}
