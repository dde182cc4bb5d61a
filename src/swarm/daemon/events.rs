//! `docker events`: what a daemon tells of what happens at it. The last 256 are kept, in memory only; what happens to objects
//! of the swarm only managers tell.
//!
//! Source: cli.md §5.9; recording docker-29/03; moby `daemon/events`, `daemon/cluster/` (`watchClusterEvents`).

use super::containers::labels_of;
use super::engine::{Occurrence, Subject, Wire};
use crate::engine::{Duration, Time};
use crate::swarm::api::{Answer, EventMessage, Events, EventsRequest, Filters, Labels, Response};
use crate::swarm::object::{FileKind, Id};
use crate::swarm::store::{Change, Event as Stored, ProposalKind, State};
use crate::swarm::world::event::{ClientId, Event};
use crate::swarm::world::{Env, Host};
use std::collections::VecDeque;
use std::sync::Arc;

/// So many are kept.
const KEPT: usize = 256;

/// What a daemon remembers of what happened, and who waits for more.
#[derive(Clone, Debug, Default)]
pub struct EventLog {
    kept: VecDeque<(u64, Arc<Occurrence>)>,
    last: u64,
    waiting: Vec<(ClientId, u64, EventsRequest)>,
}

impl EventLog {
    /// The daemon's process is gone: nothing is remembered. Gives those who waited.
    pub fn forget(&mut self) -> Vec<(ClientId, u64)> {
        self.kept.clear();
        std::mem::take(&mut self.waiting).into_iter().map(|(client, number, _)| (client, number)).collect()
    }
}

impl Host {
    /// Things happened at this daemon: they are kept, and told to those who wait for them.
    pub fn events_happened(&mut self, happened: Vec<Occurrence>, env: &mut Env) {
        if happened.is_empty() || self.daemon != crate::swarm::world::DaemonState::Running {
            return;
        }
        let log = &mut self.events;
        for occurrence in happened {
            log.last += 1;
            log.kept.push_back((log.last, Arc::new(occurrence)));
        }
        let surplus = log.kept.len().saturating_sub(KEPT);
        log.kept.drain(..surplus);
        if log.waiting.is_empty() {
            return;
        }
        let waiting = std::mem::take(&mut self.events.waiting);
        for (client, number, request) in waiting {
            self.events_wanted(client, number, request, env);
        }
    }

    /// A client asks for events: it is answered when there are some, or when its time is over.
    pub(super) fn events_wanted(&mut self, client: ClientId, number: u64, request: EventsRequest, env: &mut Env) {
        let known = [
            "config",
            "container",
            "daemon",
            "event",
            "image",
            "label",
            "network",
            "node",
            "plugin",
            "scope",
            "secret",
            "service",
            "type",
            "volume",
        ];
        if let Some(key) = request.filters.0.keys().find(|key| !known.contains(&key.as_str())) {
            let error = crate::swarm::api::ApiError::new(400, format!("invalid filter '{key}'"));
            return env.answer(client, number, Err(error.into()));
        }
        let shown = self.wall(env.kernel.now());
        let over = request.until.is_some_and(|until| shown.nanos() >= until);
        let first = match (request.after, request.since) {
            (Some(after), _) => after,
            (None, Some(_)) => 0,
            (None, None) => self.events.last,
        };
        let since = request.since.unwrap_or(i64::MIN);
        let until = request.until.unwrap_or(i64::MAX);
        let told = self
            .events
            .kept
            .iter()
            .filter(|(number, occurrence)| *number > first && (since..=until).contains(&occurrence.at.nanos()));
        let events: Vec<EventMessage> = told
            .map(|(_, occurrence)| self.message(occurrence, env))
            .filter(|event| wanted(event, &request.filters))
            .collect();
        if events.is_empty() && !over {
            let after = request.after.or(Some(self.events.last));
            if let Some(until) = request.until {
                let rest = Duration::from_nanos(until - shown.nanos());
                env.kernel.schedule_in(self.clock.timer(rest), Event::Engine(self.id, super::EngineAlarm::EventsOver));
            }
            self.events.waiting.push((client, number, EventsRequest { after, ..request }));
            return;
        }
        let answer = Events { events, last: self.events.last, over };
        env.answer(client, number, Ok(Response::Events(Arc::new(answer))) as Answer);
    }

    /// The time of some who wait is over.
    pub fn events_over(&mut self, env: &mut Env) {
        for (client, number, request) in std::mem::take(&mut self.events.waiting) {
            self.events_wanted(client, number, request, env);
        }
    }

    fn message(&self, occurrence: &Occurrence, env: &Env) -> EventMessage {
        let at = occurrence.at.nanos();
        let event = |kind, action: &str, id: String, attributes, scope| EventMessage {
            kind,
            action: action.to_owned(),
            id,
            attributes,
            scope,
            at,
        };
        let one = |key: &str, value: String| Labels::from([(key.to_owned(), value)]);
        match &occurrence.subject {
            Subject::Container { action, id, name, image, owner, node_id, more } => {
                let mut attributes = labels_of(owner, name, *node_id);
                attributes.insert("image".into(), super::image::without_digest(image).to_owned());
                attributes.insert("name".into(), name.to_string());
                attributes.extend(more.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
                event("container", action, id.text(), attributes, "local")
            }
            Subject::Network { action, network, container } => {
                let (id, name, driver) = match network {
                    Wire::Local { name, id, driver } => {
                        let builtin = || self.engine.bridges.list(env.seed, &self.name);
                        let id = id.clone().or_else(|| builtin().into_iter().find(|n| n.name == **name).map(|n| n.id));
                        (id.unwrap_or_default(), name.to_string(), (*driver).to_owned())
                    }
                    Wire::Swarm(network) => (network.id.text(), network.name().to_string(), "overlay".to_owned()),
                };
                let mut attributes = one("name", name);
                attributes.insert("type".into(), driver);
                if let Some(container) = container {
                    attributes.insert("container".into(), container.text());
                }
                event("network", action, id, attributes, "local")
            }
            Subject::Image { action, id, name } => {
                event("image", action, id.clone(), one("name", name.clone()), "local")
            }
            Subject::Volume { action, name, container } => {
                let mut attributes = one("driver", "local".into());
                if let Some(container) = container {
                    attributes.insert("container".into(), container.text());
                }
                event("volume", action, name.clone(), attributes, "local")
            }
            Subject::Swarm { kind, action, id, attributes } => {
                let attributes = attributes.iter().map(|(key, value)| ((*key).to_owned(), value.to_string())).collect();
                event(kind, action, id.text(), attributes, "swarm")
            }
        }
    }
}

/// Whether an event meets all conditions.
fn wanted(event: &EventMessage, filters: &Filters) -> bool {
    let any = |key: &str, test: &dyn Fn(&str) -> bool| {
        filters.get(key).is_empty() || filters.get(key).iter().any(|value| test(value))
    };
    let named = |value: &str| {
        event.id == value
            || (value.len() >= 4 && event.id.starts_with(value))
            || event.attributes.get("name").is_some_and(|name| name == value)
    };
    let of = |kind: &'static str| {
        any(kind, &|value| {
            (event.kind == kind && named(value))
                || (kind == "container" && event.attributes.get("container").is_some_and(|own| own.starts_with(value)))
                || (kind == "image"
                    && event
                        .attributes
                        .get("image")
                        .is_some_and(|own| own == value || own.split(':').next() == Some(value)))
        })
    };
    any("type", &|kind| event.kind == kind)
        && any("scope", &|scope| event.scope == scope)
        && any("event", &|action| event.action == action || event.action.split(':').next() == Some(action))
        && ["container", "network", "image", "volume", "node", "service", "secret", "config"].into_iter().all(of)
        && any("daemon", &|_| event.kind == "daemon")
        && any("plugin", &|_| event.kind == "plugin")
        && filters.get("label").iter().all(|wanted| match wanted.split_once('=') {
            Some((key, value)) => event.attributes.get(key).is_some_and(|own| own == value),
            None => event.attributes.contains_key(wanted),
        })
}

/// What a manager tells of a change of its store; nothing of tasks and of the cluster itself.
pub fn of_change(event: &Stored, at: Time) -> Option<Occurrence> {
    let mut attributes: Vec<(&'static str, Arc<str>)> = Vec::new();
    let mut pair = |old: &'static str, new: &'static str, before: Option<&str>, after: Option<&str>| {
        if before != after {
            attributes.push((new, after.unwrap_or_default().into()));
            if let Some(before) = before {
                attributes.push((old, before.into()));
            }
        }
    };
    let (kind, id, name, was, is): (&'static str, Id, Arc<str>, bool, bool) = match event {
        Stored::Service { old, new } => {
            let either = new.as_ref().or(old.as_ref())?;
            if let (Some(old), Some(new)) = (old, new) {
                let image = |service: &crate::swarm::object::Service| service.spec.task.image.to_string();
                let replicas = |service: &crate::swarm::object::Service| match service.spec.api.mode {
                    crate::swarm::api::ServiceMode::Replicated { replicas } => Some(replicas.unwrap_or(1).to_string()),
                    _ => None,
                };
                let state = |service: &crate::swarm::object::Service| {
                    service.update_status.as_ref().map(|status| status.state.as_str().to_owned())
                };
                pair("image.old", "image.new", Some(&image(old)), Some(&image(new)));
                pair("replicas.old", "replicas.new", replicas(old).as_deref(), replicas(new).as_deref());
                pair("updatestate.old", "updatestate.new", state(old).as_deref(), state(new).as_deref());
            }
            ("service", either.id, either.name().clone(), old.is_some(), new.is_some())
        }
        Stored::Network { old, new } => {
            let either = new.as_ref().or(old.as_ref())?;
            ("network", either.id, either.name().clone(), old.is_some(), new.is_some())
        }
        Stored::File { old, new } => {
            let either = new.as_ref().or(old.as_ref())?;
            let kind = if either.kind == FileKind::Secret { "secret" } else { "config" };
            (kind, either.id, either.spec.name.clone(), old.is_some(), new.is_some())
        }
        Stored::Node { old, new } => {
            let either = new.as_ref().or(old.as_ref())?;
            if let (Some(old), Some(new)) = (old, new) {
                let told = |node: &crate::swarm::object::Node| {
                    (
                        node.spec.availability.as_str().to_owned(),
                        node.spec.role.as_str().to_owned(),
                        node.status.state.as_str().to_owned(),
                    )
                };
                let (before, after) = (told(old), told(new));
                pair("availability.old", "availability.new", Some(&before.0), Some(&after.0));
                pair("role.old", "role.new", Some(&before.1), Some(&after.1));
                pair("state.old", "state.new", Some(&before.2), Some(&after.2));
            }
            let name = either.description.hostname.clone();
            ("node", either.id, name, old.is_some(), new.is_some())
        }
        _ => return None,
    };
    let action = match (was, is) {
        (false, _) => "create",
        (true, true) => "update",
        (true, false) => "remove",
    };
    attributes.push(("name", name));
    if kind == "network" {
        attributes.push(("type", "overlay".into()));
    }
    Some(Occurrence { at, subject: Subject::Swarm { kind, action, id, attributes } })
}

/// What a manager tells of an entry that it applies: `old` is its store before.
pub fn of_proposal(old: &State, proposal: &ProposalKind, at: Time) -> Vec<Occurrence> {
    let ProposalKind::Changes(changes) = proposal;
    let stored = changes.iter().filter_map(|(change, _)| {
        Some(match change {
            Change::Service(new) => Stored::Service { old: old.services.get(new.key).cloned(), new: Some(new.clone()) },
            Change::RemoveService(key) => Stored::Service { old: old.services.get(*key).cloned(), new: None },
            Change::Node(new) => Stored::Node { old: old.nodes.get(new.key).cloned(), new: Some(new.clone()) },
            Change::RemoveNode(key) => Stored::Node { old: old.nodes.get(*key).cloned(), new: None },
            Change::Network(new) => Stored::Network { old: old.networks.get(new.key).cloned(), new: Some(new.clone()) },
            Change::RemoveNetwork(key) => Stored::Network { old: old.networks.get(*key).cloned(), new: None },
            Change::File(new) => Stored::File { old: old.files.get(new.key).cloned(), new: Some(new.clone()) },
            Change::RemoveFile(key) => Stored::File { old: old.files.get(*key).cloned(), new: None },
            _ => return None,
        })
    });
    stored.filter_map(|event| of_change(&event, at)).collect()
}
