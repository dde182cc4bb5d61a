//! Who may be asked about, by which names, and how it stands: the first line of an explanation.
//!
//! Docker names a task by its slot, and where the slot is 0 (global services and jobs, the first slot of a replicated job)
//! by its node's id; both that and the node's name are understood, and what is printed is what `docker service ps` shows
//! (control-plane.md §2.5, cli.md).

use super::{History, standing};
use crate::observe::words::docker_name;
use crate::observe::{Observed, Task, View, nearest};
use crate::swarm::object::{Service, TaskState, UpdateState};
use crate::swarm::store::Why;
use crate::swarm::world::World;
use crate::swarm::world::record::What;

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
        if let Some(task) = Self::none_there(world, name) {
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
        // As docker calls one that is to be named by its node, and has none yet.
        let unplaced = *slot == 0 && node.is_none() && rest.is_empty();
        let fits = unplaced
            || (numbered && rest == slot.to_string())
            || ((*slot == 0 || !numbered) && node.as_deref().is_some_and(by_node));
        fits.then_some(task)
    }

    /// The task that a node might have of a service that has one on every node: `agent.w3`.
    fn none_there(world: &World, name: &str) -> Option<Self> {
        let (_, manager) = Observed(world).leader()?;
        let by_node = |service: &&std::sync::Arc<Service>| service.spec.mode.is_by_node();
        manager.state.services.values().filter(by_node).find_map(|service| {
            let rest = name.strip_prefix(&**service.name())?.strip_prefix('.')?;
            let node = manager.state.nodes.values().find(|node| {
                let id = node.id.text();
                **world.env.name(node.host) == *rest || (rest.len() >= 4 && id.starts_with(rest))
            })?;
            let node = Some(world.env.name(node.host).to_string());
            Some(Self::Task { service: service.name().to_string(), slot: 0, node })
        })
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
        let own = self.current(history.world).and_then(|current| {
            history.newest(|what| matches!(what, What::Task { id, .. } if id.text() == *current.id))
        });
        own.or_else(|| self.halted(history)).or_else(|| history.newest(|what| self.concerns(history.world, what)))
    }

    /// The task of a slot, or of a node, that is wanted now.
    fn current(&self, world: &World) -> Option<Task> {
        let Self::Task { service, slot, node } = self else { return None };
        let tasks = Observed(world).tasks()?;
        let own = |task: &&Task| {
            *task.service == **service
                && task.slot == u64::from(*slot)
                && node.as_deref().is_none_or(|node| *task.node == *node)
                && matches!(&*task.desired, "running" | "ready" | "complete")
        };
        tasks.iter().rfind(own).cloned()
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
        let later_trouble = || {
            history.records[newest..].iter().any(|record| match &record.what {
                What::Task { service: other, err, from, why, .. } => {
                    **other == **service && (err.is_some() || is_replacement(from.as_ref(), why))
                }
                _ => false,
            })
        };
        match state {
            UpdateState::Paused | UpdateState::RollbackPaused | UpdateState::RollbackStarted => Some(newest),
            UpdateState::RollbackCompleted => (!later_trouble()).then_some(newest),
            UpdateState::Updating | UpdateState::Completed => None,
        }
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
                self.of_slot(history, &name).unwrap_or_else(|| self.gone(history, service, &name))
            }
            Self::Service(service) => {
                let Some(services) = view.services() else { return unknown() };
                match services.iter().any(|other| *other.name == **service) {
                    true => standing::counted(history, service),
                    false => self.gone(history, service, &name),
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
                        let availability = match &*node.availability {
                            "drain" => "drained",
                            "pause" => "paused",
                            other => other,
                        };
                        format!("{name} is believed {} and {availability}, a {role}\n", node.status)
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
    fn gone(&self, history: &History<'_>, service: &str, name: &str) -> String {
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
            None => {
                let told = history.newest(|what| {
                    let told = matches!(what, What::Task { desired: TaskState::Remove, why: Why::ScaleDown, .. });
                    told && Self::of_task(what).as_ref() == Some(self)
                });
                let removed = told.map(|told| format!(": the service was scaled down at {}", history.records[told].at));
                match (self, removed) {
                    (Self::Task { node: Some(node), .. }, None)
                        if history.newest(|what| self.concerns(history.world, what)).is_none() =>
                    {
                        format!("{service} has no task on {node}\n")
                    }
                    (_, removed) => format!("{name} is no more{}\n", removed.unwrap_or_default()),
                }
            }
        }
    }

    /// The newest task of a slot, the live one if there is one.
    fn of_slot(&self, history: &History<'_>, name: &str) -> Option<String> {
        let Self::Task { service, slot, node } = self else { return None };
        let (world, view) = (history.world, Observed(history.world));
        let services = view.services()?;
        let service_is_there = services.iter().any(|other| *other.name == **service);
        let tasks = view.tasks()?;
        let own = |task: &&Task| {
            *task.service == **service
                && task.slot == u64::from(*slot)
                && node.as_deref().is_none_or(|node| *task.node == *node)
        };
        let task = &self.current(world).or_else(|| tasks.iter().rfind(own).cloned())?;
        if !service_is_there {
            return None;
        }
        let shown = match (task.slot, task.node.is_empty()) {
            (0, false) => format!("{} [{}]", docker_name(world, service, 0, Some(&*task.node)), task.node),
            (0, true) => format!("{service}. (its node's id will stand behind the dot)"),
            _ => name.to_owned(),
        };
        let on = if task.node.is_empty() { String::new() } else { format!(" on {}", task.node) };
        let error = if task.error.is_empty() { String::new() } else { format!(": {}", task.error) };
        let desired = match &*task.desired {
            "shutdown" => "shut down",
            "remove" => "removed",
            other => other,
        };
        let mut text = format!("{shown} is {}{on}, should be {desired}{error}\n", task.state);
        text += &standing::of_task(history, task);
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
                let told = state.is_terminal() || err.is_some() || is_replacement(from.as_ref(), why);
                **other == **service && told
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

/// Whether a task was made in the place of another, which had ended or lost its node.
fn is_replacement(from: Option<&(TaskState, TaskState)>, why: &Why) -> bool {
    from.is_none() && matches!(why, Why::Restart(_) | Why::NodeInvalid(_))
}

/// The line that was to create a service of this name.
fn tried<'h>(history: &'h History<'_>, name: &str) -> Option<(usize, &'h str)> {
    let creates = |line: &str| {
        let mut words = line.split(|c: char| c.is_whitespace() || c == '=' || c == ';');
        words.any(|word| word == "create") && words.any(|word| word == name)
    };
    let typed = |what: &What| matches!(what, What::Command { line, .. } if line.contains("service") && creates(line));
    let place = history.newest(typed)?;
    match history.what(place) {
        What::Command { line, .. } => Some((place, line)),
        _ => None,
    }
}

/// What docker calls the node of this name, if it is known.
fn docker_node(world: &World, node: &str) -> Option<String> {
    docker_name(world, "", 0, Some(node)).strip_prefix('.').map(str::to_owned)
}
