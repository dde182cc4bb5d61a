//! `docker ps` and `docker logs`: what containers show of themselves (cli.md §5.8).

mod create;
mod inspect;
mod orders;

use super::engine::plug::bound_ports;
use super::engine::{Container, ContainerState, Owner};
use super::health::HealthStatus;
use crate::engine::{Duration, Time};
use crate::swarm::api::{
    Answer, ApiError, ContainerSummary, Filters, Labels, LogLine, LogOptions, Response, human_duration, time::rfc3339,
};
use crate::swarm::object::Id;
use crate::swarm::world::{Env, Host};
use std::sync::Arc;

impl Host {
    pub(super) fn find_container(&self, name: &str) -> Result<&Container, ApiError> {
        let all = || self.engine.containers.values();
        if let Some(container) = all().find(|c| c.id.text() == name || &*c.name == name) {
            return Ok(container);
        }
        let mut by_prefix = all().filter(|c| !name.is_empty() && c.id.text().starts_with(name));
        match (by_prefix.next(), by_prefix.next()) {
            (Some(container), None) => Ok(container),
            (Some(_), Some(_)) => Err(ApiError::new(400, format!("multiple IDs found with provided prefix: {name}"))),
            (None, _) => Err(ApiError::new(404, format!("No such container: {name}"))),
        }
    }

    pub(super) fn container_list(&self, all: bool, limit: Option<usize>, filters: &Filters, env: &Env) -> Answer {
        let known = [
            "ancestor",
            "id",
            "is-task",
            "label",
            "name",
            "status",
            "exited",
            "network",
            "publish",
            "expose",
            "health",
            "volume",
            "before",
            "since",
            "isolation",
        ];
        if let Some(key) = filters.0.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(ApiError::new(400, format!("invalid filter '{key}'")).into());
        }
        let now = env.kernel.now();
        let shown = self.wall(now);
        // Newest first; what is equally old by name.
        let mut containers: Vec<_> = self.engine.containers.values().collect();
        containers.sort_by(|a, b| b.created_stamp.cmp(&a.created_stamp).then_with(|| a.name.cmp(&b.name)));
        let any_state =
            all || limit.is_some() || !filters.get("status").is_empty() || !filters.get("exited").is_empty();
        let listed = containers
            .into_iter()
            .filter(|container| any_state || container.runs() || container.is_restarting())
            .filter(|container| self.shown(container, filters))
            .map(|container| summary(container, now, shown))
            .filter(|row| {
                let any = |key: &str, test: &dyn Fn(&str) -> bool| {
                    filters.get(key).is_empty() || filters.get(key).iter().any(|value| test(value))
                };
                any("id", &|id| row.id.starts_with(id))
                    && any("name", &|name| row.names.iter().any(|own| own.contains(name.trim_start_matches('/'))))
                    && any("status", &|status| row.state == status)
                    && any("ancestor", &|image| row.image == image || row.image.starts_with(&format!("{image}:")))
                    && any("health", &|health| row.health == health)
                    && any("is-task", &|value| {
                        matches!(value, "true" | "1" | "t" | "T" | "True" | "TRUE")
                            == row.labels.contains_key("com.docker.swarm.task")
                    })
                    && any("exited", &|code| row.status.starts_with(&format!("Exited ({code})")))
                    && filters.get("label").iter().all(|wanted| match wanted.split_once('=') {
                        Some((key, value)) => row.labels.get(key).is_some_and(|own| own == value),
                        None => row.labels.contains_key(wanted),
                    })
            });
        let rows: Vec<_> = match limit {
            Some(limit) => listed.take(limit).collect(),
            None => listed.collect(),
        };
        Ok(Response::Containers(Arc::new(rows)))
    }

    /// Whether a container meets those conditions that its row does not tell.
    fn shown(&self, container: &Container, filters: &Filters) -> bool {
        let any = |key: &str, test: &dyn Fn(&str) -> bool| {
            filters.get(key).is_empty() || filters.get(key).iter().any(|value| test(value))
        };
        let age = |name: &str| {
            let other = self.find_container(name).ok();
            other.map(|other| (other.created_stamp, other.id))
        };
        let places = container.task().map_or(&[] as &[_], |task| &task.networks);
        let exposed = || container.behaviour.listen.iter().map(|port| format!("{port}/tcp"));
        let port = |value: &str| if value.contains('/') { value.to_owned() } else { format!("{value}/tcp") };
        any("network", &|wanted| {
            self.engine.local_networks(container).iter().any(|name| name == wanted)
                || self.engine.bridges.name_of(wanted) != wanted
                    && self.engine.local_networks(container).contains(&self.engine.bridges.name_of(wanted))
                || places
                    .iter()
                    .any(|place| &**place.network.name() == wanted || place.network.id.text().starts_with(wanted))
        }) && any("publish", &|wanted| {
            bound_ports(container).any(|bound| format!("{}/{}", bound.published, bound.protocol) == port(wanted))
        }) && any("expose", &|wanted| exposed().any(|own| own == port(wanted)))
            && any("volume", &|wanted| {
                container.own().is_some_and(|own| own.mounts.iter().any(|m| m.source == wanted || m.target == wanted))
            })
            && any("before", &|name| age(name).is_some_and(|other| (container.created_stamp, container.id) < other))
            && any("since", &|name| age(name).is_some_and(|other| (container.created_stamp, container.id) > other))
    }

    pub(super) fn container_logs(&self, name: &str, options: &LogOptions, env: &Env) -> Answer {
        let container = self.find_container(name)?;
        if !container.has_log() {
            return Err(ApiError::new(501, "configured logging driver does not support reading").into());
        }
        Ok(Response::Logs(Arc::new(chosen(log_of(container, env.kernel.now()), options))))
    }
}

/// Those lines of a container that are wanted.
pub(super) fn chosen(lines: Vec<LogLine>, options: &LogOptions) -> Vec<LogLine> {
    let since = options.since.unwrap_or(i64::MIN);
    let mut lines: Vec<_> = lines.into_iter().filter(|line| line.at >= since).collect();
    if let Some(tail) = options.tail {
        let skip = lines.len().saturating_sub(usize::try_from(tail).unwrap_or(usize::MAX));
        lines.drain(..skip);
    }
    lines
}

/// Lines kept of one container's log, at most.
const LOG_LINES: i64 = 1000;

/// What a container has written: a pure function of its image and its times, so nothing needs to be stored.
pub(super) fn log_of(container: &Container, now: Time) -> Vec<LogLine> {
    let (from, until) = match container.state {
        ContainerState::Running { since } => (since, now),
        ContainerState::Exited { at, .. } => (container.started_at.unwrap_or(container.created_at), at),
        ContainerState::Created | ContainerState::Starting => return Vec::new(),
    };
    let details = details_of(container);
    let line = |at: Time, text: &str| LogLine {
        at: at.nanos(),
        stderr: false,
        task: container.task().map(|task| task.id.text()),
        service: container.task().map(|task| task.service_id.text()),
        details: details.clone(),
        node: Some(container.node_id.text()),
        text: text.replace("{time}", &rfc3339(at.nanos())[11..19]).replace("{hostname}", &container.id.text()[..12]),
    };
    if let Some(own) = container.own().filter(|own| !own.said.is_empty()) {
        let said =
            own.said.iter().map(|(errors, text)| LogLine { stderr: *errors, text: text.to_string(), ..line(from, "") });
        return said.collect();
    }
    if !container.program.own {
        return container.program.says.iter().map(|text| line(from, text)).collect();
    }
    let mut lines: Vec<_> = container.behaviour.log.iter().map(|text| line(from, text)).collect();
    lines.extend(container.behaviour.log_errors.iter().map(|text| LogLine { stderr: true, ..line(from, text) }));
    if let Some((every, text)) = &container.behaviour.log_every {
        let step = every.as_nanos().max(1_000_000);
        let count = (until - from).as_nanos() / step;
        // The first time is the start, which the lines above tell.
        for number in (count - LOG_LINES).max(1)..=count {
            lines.push(line(from + Duration::from_nanos(number * step), text));
        }
    }
    lines
}

/// What its log driver keeps with every line: the labels and variables that it was told to, and a tag.
fn details_of(container: &Container) -> Labels {
    let Some(driver) = container.task().and_then(|task| task.log_driver.as_ref()) else { return Labels::new() };
    let mut details = Labels::new();
    let wanted = |option: &str| driver.options.get(option).map(|all| all.split(',')).into_iter().flatten();
    let labels = labels(container);
    for key in wanted("labels") {
        details.extend(labels.get(key).map(|value| (key.to_owned(), value.clone())));
    }
    let variables = container.task().map_or(&[] as &[String], |task| &task.spec.api.container_spec.env);
    for key in wanted("env") {
        let set = variables.iter().filter_map(|set| set.split_once('=')).find(|(name, _)| *name == key);
        details.extend(set.map(|(_, value)| (key.to_owned(), value.to_owned())));
    }
    details.extend(driver.options.get("tag").map(|tag| ("tag".to_owned(), tag.clone())));
    details
}

/// A container's labels, the swarm's included.
pub(super) fn labels(container: &Container) -> Labels {
    labels_of(&container.owner, &container.name, container.node_id)
}

/// The same of a container that may be gone.
pub(super) fn labels_of(owner: &Owner, name: &str, node_id: Id) -> Labels {
    let task = match owner {
        Owner::User(own) => return own.order.spec.labels.clone(),
        Owner::Task(task) => task,
    };
    let mut labels = task.spec.api.container_spec.labels.clone();
    for (key, value) in [
        ("com.docker.swarm.task", String::new()),
        ("com.docker.swarm.task.id", task.id.text()),
        ("com.docker.swarm.task.name", name.to_owned()),
        ("com.docker.swarm.node.id", node_id.text()),
        ("com.docker.swarm.service.id", task.service_id.text()),
        ("com.docker.swarm.service.name", task.service_name.to_string()),
    ] {
        labels.insert(key.to_owned(), value);
    }
    labels
}

/// As the daemon tells it, `shown` being what its host's clock shows now: ages are told by the clock that wrote the dates.
fn summary(container: &Container, now: Time, shown: Time) -> ContainerSummary {
    let age = || human_duration((shown - container.state_stamp).as_nanos());
    let health = container.health_now(now).map(|health| health.status());
    let (state, status) = match container.state {
        ContainerState::Created | ContainerState::Starting => ("created", "Created".to_owned()),
        ContainerState::Running { .. } if container.paused.is_some() => ("paused", format!("Up {} (Paused)", age())),
        ContainerState::Running { .. } => ("running", format!("Up {}{}", age(), of_health(health))),
        ContainerState::Exited { code, .. } if container.is_restarting() => {
            ("restarting", format!("Restarting ({code}) {} ago", age()))
        }
        ContainerState::Exited { code, .. } => ("exited", format!("Exited ({code}) {} ago", age())),
    };
    let mut ports: Vec<String> = Vec::new();
    if container.runs() {
        ports = port_column(container);
    }
    ContainerSummary {
        id: container.id.text(),
        names: vec![container.name.to_string()],
        image: crate::swarm::daemon::image::without_digest(&container.image).to_owned(),
        command: container.program.command.to_string(),
        created: container.created_stamp.nanos(),
        state: state.into(),
        status,
        health: health.map_or("none", HealthStatus::as_str).into(),
        ports: ports.join(", "),
        labels: labels(container),
    }
}

/// The ports of a running container: those of its image, and where some are published.
fn port_column(container: &Container) -> Vec<String> {
    let on_host = container.own().is_some_and(|own| own.endpoints.iter().any(|endpoint| endpoint.network == "host"));
    if on_host {
        return Vec::new();
    }
    let mut ports: Vec<String> = container.behaviour.listen.iter().map(|port| format!("{port}/tcp")).collect();
    for bound in bound_ports(container) {
        let (published, target, protocol) = (bound.published, bound.target, bound.protocol);
        ports.retain(|exposed| *exposed != format!("{target}/{protocol}"));
        if bound.address.is_empty() {
            ports.push(format!("0.0.0.0:{published}->{target}/{protocol}"));
            ports.push(format!("[::]:{published}->{target}/{protocol}"));
        } else {
            ports.push(format!("{}:{published}->{target}/{protocol}", bound.address));
        }
    }
    ports
}

/// What `docker ps` says of a container's health, behind how long it has been up.
fn of_health(health: Option<HealthStatus>) -> &'static str {
    match health {
        None => "",
        Some(HealthStatus::Starting) => " (health: starting)",
        Some(HealthStatus::Healthy) => " (healthy)",
        Some(HealthStatus::Unhealthy) => " (unhealthy)",
    }
}
