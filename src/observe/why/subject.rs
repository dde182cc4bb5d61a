//! Who may be asked about, by which names, and how it stands: the first line of an explanation.
//!
//! Docker names a task by its slot, and where the slot is 0 (global services and jobs, the first slot of a replicated job)
//! by its node's id; both that and the node's name are understood, and what is printed is what `docker service ps` shows
//! (control-plane.md §2.5, cli.md).

use super::History;
use crate::observe::words::docker_name;
use crate::observe::{Observed, View, nearest};
use crate::swarm::control;
use crate::swarm::object::{NetworkKey, RestartCondition, TaskState, UpdateState};
use crate::swarm::store::Why;
use crate::swarm::world::World;
use crate::swarm::world::record::What;
use std::collections::BTreeSet;

/// Who is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// A slot: a number, or a node's name.
    Task {
        service: String,
        slot: u32,
        node: Option<String>,
    },
    Service(String),
    Node(String),
    Leader,
}

impl Subject {
    pub(super) fn find(history: &History<'_>, name: &str) -> Result<Self, String> {
        if name == "leader" {
            return Ok(Self::Leader);
        }
        let (world, records) = (history.world, &history.records);
        if world.host_named(name).is_some() {
            return Ok(Self::Node(name.to_owned()));
        }
        let mut services: Vec<String> = records
            .iter()
            .filter_map(|record| match &record.what {
                What::Service { name, .. } | What::ServiceRemoved { name } => Some(name.to_string()),
                _ => None,
            })
            .collect();
        services.sort_unstable();
        services.dedup();
        if services.iter().any(|service| service == name) {
            return Ok(Self::Service(name.to_owned()));
        }
        if let Some(task) = records.iter().rev().find_map(|record| Self::called(world, &record.what, name)) {
            return Ok(task);
        }
        let has_id = |id: &str| name.len() >= 4 && id.starts_with(name);
        let by_id = |what: &What| matches!(what, What::Task { id, .. } if has_id(&id.text()));
        if let Some(task) = records.iter().rev().find(|record| by_id(&record.what)) {
            return Self::of_task(&task.what).ok_or_else(String::new);
        }
        if let Some(manager) = Observed(world).leader().map(|(_, manager)| manager) {
            if let Some(service) = manager.state.services.values().find(|service| has_id(&service.id.text())) {
                return Ok(Self::Service(service.name().to_string()));
            }
            if let Some(node) = manager.state.nodes.values().find(|node| has_id(&node.id.text())) {
                return Ok(Self::Node(world.env.name(node.host).to_string()));
            }
        }
        if let Some((place, line)) = tried(history, name) {
            let at = history.records[place].at;
            return Err(format!(
                "nothing is called {name}: `{line}` at {at} did not make it, and what it printed says why not"
            ));
        }
        let mut names = services;
        names.extend(records.iter().filter_map(|record| Some(Self::of_task(&record.what)?.plain())));
        names.extend(world.hosts().iter().map(|host| host.name.to_string()));
        let hint = nearest(name, names.iter().map(String::as_str)).map_or_else(
            || "; name a task as in web.1, a service, a node, or leader".into(),
            |near| format!("; did you mean {near}?"),
        );
        Err(format!("nothing is called {name}{hint}"))
    }

    /// The task of a record, if it may be called so: `web.1`, `agent.w1`, `agent.ID-OF-W1`, and with the task's id behind.
    fn called(world: &World, what: &What, name: &str) -> Option<Self> {
        let What::Task { service, slot, id, node, .. } = what else { return None };
        let rest = name.strip_prefix(&**service)?.strip_prefix('.')?;
        let rest = rest.split_once('.').map_or(rest, |(first, own)| if own == id.text() { first } else { rest });
        let task = Self::of_task(what)?;
        let numbered = matches!(task, Self::Task { node: None, .. });
        let by_node = |node: &str| {
            let id = docker_node(world, node);
            rest == node || id.is_some_and(|id| id == rest || (rest.len() >= 4 && id.starts_with(rest)))
        };
        let fits = (numbered && rest == slot.to_string())
            || ((*slot == 0 || !numbered) && node.as_deref().is_some_and(by_node));
        fits.then_some(task)
    }

    pub(super) fn of_task(what: &What) -> Option<Self> {
        let What::Task { service, slot, by_node, node, .. } = what else { return None };
        let node = node.as_deref().filter(|_| *by_node).map(str::to_owned);
        Some(Self::Task { service: service.to_string(), slot: *slot, node })
    }

    /// Its name where nobody knows ids.
    fn plain(&self) -> String {
        match self {
            Self::Task { service, node: Some(node), .. } => format!("{service}.{node}"),
            Self::Task { service, slot, .. } => format!("{service}.{slot}"),
            Self::Service(name) | Self::Node(name) => name.clone(),
            Self::Leader => "leader".into(),
        }
    }

    /// Its name as docker shows it.
    pub(super) fn name(&self, world: &World) -> String {
        match self {
            Self::Task { service, node: Some(node), .. } => docker_name(world, service, 0, Some(node)),
            _ => self.plain(),
        }
    }

    /// The newest record about it, from which its chain begins.
    pub(super) fn newest(&self, history: &History<'_>) -> Option<usize> {
        self.halted(history).or_else(|| history.newest(|what| self.concerns(history.world, what)))
    }

    /// Of a service whose update has halted: the record of that, which matters more than what goes on beside it.
    fn halted(&self, history: &History<'_>) -> Option<usize> {
        let Self::Service(service) = self else { return None };
        let newest = history.newest(|what| match what {
            What::Service { name, update, spec_changed, .. } => {
                **name == **service && (update.is_some() || *spec_changed)
            }
            What::ServiceRemoved { name } => **name == **service,
            _ => false,
        })?;
        let What::Service { update: Some((state, _)), .. } = history.what(newest) else { return None };
        match state {
            UpdateState::Paused | UpdateState::RollbackPaused | UpdateState::RollbackStarted => Some(newest),
            // Why it was rolled back at all.
            UpdateState::RollbackCompleted => history.before(newest, |what| {
                matches!(what, What::Service { name, update: Some((UpdateState::RollbackStarted, _)), .. }
                    if **name == **service)
            }),
            _ => None,
        }
    }

    /// Why a slot whose task has ended stays empty, as far as its restart policy says so.
    fn not_replaced(world: &World, id: &str) -> Option<String> {
        let (_, manager) = Observed(world).leader()?;
        let task = manager.state.tasks.values().find(|task| task.id.text() == id)?;
        let ended = task.status.state.is_terminal() && task.desired == TaskState::Shutdown;
        manager.state.services.get(task.service).filter(|_| ended)?;
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
        Some(format!("it is not replaced: {reason}\n"))
    }

    /// How it stands, as the leader believes.
    pub(super) fn headline(&self, history: &History<'_>) -> String {
        let world = history.world;
        let view = Observed(world);
        let name = self.name(world);
        let unknown = || format!("{name}: nobody leads, so nobody knows how it is now\n");
        match self {
            Self::Task { service, .. } => {
                if view.tasks().is_none() {
                    return unknown();
                }
                self.of_slot(history, &name).unwrap_or_else(|| Self::gone(history, service, &name))
            }
            Self::Service(service) => {
                let Some(services) = view.services() else { return unknown() };
                match services.iter().any(|other| *other.name == **service) {
                    true => counted(world, service),
                    false => Self::gone(history, service, &name),
                }
            }
            Self::Node(_) => {
                let Some(nodes) = view.nodes() else { return unknown() };
                match nodes.iter().find(|node| *node.name == *name) {
                    Some(node) => {
                        let role = match &*node.reachability {
                            "" => node.role.to_string(),
                            reachability => format!("{} ({reachability})", node.role),
                        };
                        format!("{name} is believed {} and {}, a {role}\n", node.status, node.availability)
                    }
                    None => format!("{name} is no node of the swarm\n"),
                }
            }
            Self::Leader => {
                let raft = view.raft();
                if raft.leader.is_empty() { "nobody leads\n".into() } else { format!("{} leads\n", raft.leader) }
            }
        }
    }

    /// Of a task that the store no longer has, or a service: since when, and why in a word.
    fn gone(history: &History<'_>, service: &str, name: &str) -> String {
        let removed = history.newest(|what| matches!(what, What::ServiceRemoved { name } if **name == *service));
        let created =
            history.newest(|what| matches!(what, What::Service { name, created: true, .. } if **name == *service));
        match removed.filter(|removed| created.is_none_or(|created| created < *removed)) {
            Some(removed) if service == name => {
                format!("{name} is no more: it was removed at {}\n", history.records[removed].at)
            }
            Some(removed) => {
                let at = history.records[removed].at;
                let node = history.records[..removed].iter().rev().find_map(|record| match &record.what {
                    What::Task { state, node: Some(node), .. }
                        if Self::of_task(&record.what).is_some_and(|task| task.name(history.world) == name) =>
                    {
                        Some(format!("was {} on {node}", state.as_str()))
                    }
                    _ => None,
                });
                let was = node.unwrap_or_else(|| "was there".into());
                format!("{name} is no more: it {was} when its service was removed at {at}\n")
            }
            None => format!("{name} is no more\n"),
        }
    }

    /// The newest task of a slot, the live one if there is one.
    fn of_slot(&self, history: &History<'_>, name: &str) -> Option<String> {
        let Self::Task { service, slot, node } = self else { return None };
        let (world, view) = (history.world, Observed(history.world));
        let services = view.services()?;
        let service_is_there = services.iter().any(|other| *other.name == **service);
        let tasks = view.tasks()?;
        let live = |desired: &str| matches!(desired, "running" | "ready" | "complete");
        let newest = tasks.iter().rev().filter(|task| {
            *task.service == **service
                && task.slot == u64::from(*slot)
                && node.as_deref().is_none_or(|node| *task.node == *node)
        });
        let task = newest.clone().find(|task| live(&task.desired)).or_else(|| newest.clone().next())?;
        if !service_is_there {
            return None;
        }
        let shown = if task.slot == 0 && !task.node.is_empty() {
            format!("{} [{}]", docker_name(world, service, 0, Some(&*task.node)), task.node)
        } else {
            name.to_owned()
        };
        let on = if task.node.is_empty() { String::new() } else { format!(" on {}", task.node) };
        let error = if task.error.is_empty() { String::new() } else { format!(": {}", task.error) };
        let mut text = format!("{shown} is {}{on}, should be {}{error}\n", task.state, task.desired);
        text.extend(Self::not_replaced(world, &task.id));
        text.extend(unheard(world, task));
        text.extend(addressless(world, &task.id));
        Some(text)
    }

    /// Whether a record tells what a node is in the consensus.
    pub(super) fn concerns_role(&self, world: &World, what: &What) -> bool {
        let Self::Node(node) = self else { return false };
        match what {
            What::Certified { host, .. } | What::LeftRaft { host } => **world.env.name(*host) == **node,
            What::MemberAdded { peer, .. } | What::MemberRemoved { peer, .. } | What::Reachable { peer, .. } => {
                **world.env.name(*peer) == **node
            }
            _ => false,
        }
    }

    fn concerns(&self, world: &World, what: &What) -> bool {
        match (self, what) {
            (Self::Task { .. }, What::Task { .. }) => Self::of_task(what).as_ref() == Some(self),
            (Self::Service(service), What::Service { name, .. } | What::ServiceRemoved { name }) => **name == **service,
            (Self::Service(service), What::Task { service: other, state, err, from, why, .. }) => {
                let replaces = from.is_none() && matches!(why, Why::Restart(_) | Why::NodeInvalid(_));
                **other == **service && (state.is_terminal() || err.is_some() || replaces)
            }
            (Self::Node(node), What::Node { name, .. } | What::NodeRemoved { name }) => **name == **node,
            (Self::Node(node), What::DaemonUp { host } | What::SwarmStopped { host, .. } | What::Left { host }) => {
                **world.env.name(*host) == **node
            }
            (Self::Node(node), What::Fault { text }) => super::mentions(text, node),
            // Who led before may step down after the new one leads.
            (Self::Leader, What::Leads { host, .. }) => {
                Observed(world).leader().is_none_or(|(leader, _)| leader == *host)
            }
            (Self::Leader, What::SteppedDown { .. }) => Observed(world).leader().is_none(),
            _ => false,
        }
    }
}

/// The line that was to create a service of this name.
fn tried<'h>(history: &'h History<'_>, name: &str) -> Option<(usize, &'h str)> {
    let creates = |line: &str| {
        let mut words = line.split(|c: char| c.is_whitespace() || c == '=' || c == ';');
        words.any(|word| word == "create") && words.any(|word| word == name)
    };
    let typed = |what: &What| matches!(what, What::Typed { line, .. } if line.contains("service") && creates(line));
    let place = history.newest(typed)?;
    match history.what(place) {
        What::Typed { line, .. } => Some((place, line)),
        _ => None,
    }
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

/// What docker calls the node of this name, if it is known.
fn docker_node(world: &World, node: &str) -> Option<String> {
    docker_name(world, "", 0, Some(node)).strip_prefix('.').map(str::to_owned)
}

/// Of a task on a node that is not heard of: what its container really does.
fn unheard(world: &World, task: &crate::observe::Task) -> Option<String> {
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
fn counted(world: &World, name: &str) -> String {
    let view = Observed(world);
    let Some((_, manager)) = view.leader() else { return String::new() };
    let Some(service) = manager.state.services.values().find(|service| **service.name() == *name) else {
        return String::new();
    };
    let counts = control::counts(service, &manager.state);
    let mut text = match service.job_status {
        Some(_) => format!(
            "{name} is a job: {} of its tasks run now, {} have completed\n",
            counts.running_tasks, counts.completed_tasks
        ),
        None => format!("{name} runs {} of {} tasks\n", counts.running_tasks, counts.desired_tasks),
    };
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
            unwanted.push(format!("{}{on}", task.name()));
        } else if state < TaskState::Running && task.desired <= TaskState::Complete {
            missing.push(format!("{}{on} ({})", task.name(), state.as_str()));
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
    }
    let containers = view.containers();
    let real = containers.iter().filter(|container| *container.service == *name && container.running).count() as u64;
    if real != counts.running_tasks {
        text += &format!("  really running: {real} containers\n");
    }
    text
}
