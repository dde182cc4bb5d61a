//! `docker ps`, `rm`, `stop`, `kill`, `logs` and `inspect` of containers (cli.md §5.8).

use super::engine::{Container, ContainerState};
use crate::engine::{Duration, Time};
use crate::swarm::api::{
    Answer, ApiError, ContainerConfig, ContainerInspect, ContainerSummary, Filters, Labels, LogLine, LogOptions,
    Response, human_duration, time::rfc3339,
};
use crate::swarm::object::ContainerId;
use crate::swarm::world::{Env, Host};
use std::sync::Arc;

impl Host {
    fn find_container(&self, name: &str) -> Result<&Container, ApiError> {
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
        let now = self.wall(env.kernel.now());
        // Newest first; what is equally old by name.
        let mut containers: Vec<_> = self.engine.containers.values().collect();
        containers.sort_by(|a, b| b.created_stamp.cmp(&a.created_stamp).then_with(|| a.name.cmp(&b.name)));
        let any_state =
            all || limit.is_some() || !filters.get("status").is_empty() || !filters.get("exited").is_empty();
        let listed = containers
            .into_iter()
            .filter(|container| any_state || container.runs())
            .map(|container| summary(container, now))
            .filter(|row| {
                let any = |key: &str, test: &dyn Fn(&str) -> bool| {
                    filters.get(key).is_empty() || filters.get(key).iter().any(|value| test(value))
                };
                any("id", &|id| row.id.starts_with(id))
                    && any("name", &|name| row.names.iter().any(|own| own.contains(name.trim_start_matches('/'))))
                    && any("status", &|status| row.state == status)
                    && any("ancestor", &|image| row.image == image || row.image.starts_with(&format!("{image}:")))
                    && any("is-task", &|value| value == "true" || value == "1")
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

    pub(super) fn container_inspect(&self, name: &str, _env: &Env) -> Answer {
        let container = self.find_container(name)?;
        let (status, code) = match container.state {
            ContainerState::Created | ContainerState::Starting => ("created", 0),
            ContainerState::Running { .. } => ("running", 0),
            ContainerState::Exited { code, .. } => ("exited", code),
        };
        let moment =
            |time: Option<Time>| time.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), |time| rfc3339(time.nanos()));
        let started = match container.state {
            ContainerState::Running { .. } => Some(container.state_stamp),
            _ => None,
        };
        let finished = match container.state {
            ContainerState::Exited { .. } => Some(container.state_stamp),
            _ => None,
        };
        Ok(Response::Container(Arc::new(ContainerInspect {
            id: container.id.text(),
            created: rfc3339(container.created_stamp.nanos()),
            name: format!("/{}", container.name),
            state: crate::swarm::api::ContainerState {
                status: status.into(),
                running: container.runs(),
                pid: if container.runs() { 1000 + i64::from(container.task.key.0) } else { 0 },
                exit_code: i64::from(code),
                started_at: moment(started),
                finished_at: moment(finished),
            },
            config: ContainerConfig {
                hostname: container.id.text()[..12].to_owned(),
                env: container.task.spec.api.container_spec.env.clone(),
                image: container.image.to_string(),
                labels: labels(container),
            },
        })))
    }

    pub(super) fn container_remove(&mut self, name: &str, force: bool, env: &mut Env) -> Answer {
        let (id, runs) = match self.find_container(name) {
            Ok(container) => (container.id, container.runs()),
            Err(error) => return Err(error.into()),
        };
        if runs && !force {
            let text = format!(
                "cannot remove container \"{name}\": container is running: stop the container before removing or force remove"
            );
            return Err(ApiError::new(409, text).into());
        }
        self.engine_do(env, |engine, around, out| engine.remove(id, around.now, out));
        Ok(Response::Done)
    }

    pub(super) fn container_stop(&mut self, name: &str, timeout: Option<i64>, env: &mut Env) -> Answer {
        let id = self.find_container(name)?.id;
        let grace = Duration::from_secs(timeout.unwrap_or(10));
        self.engine_do(env, |engine, around, out| engine.stop(id, grace, around, out));
        Ok(Response::Done)
    }

    pub(super) fn container_kill(&mut self, name: &str, signal: Option<&str>, env: &mut Env) -> Answer {
        let container = self.find_container(name)?;
        let (id, aware) = (container.id, container.behaviour.stop.is_some());
        if !container.runs() {
            let text = format!("cannot kill container: {name}: container {} is not running", container.id.text());
            return Err(ApiError::new(409, text).into());
        }
        let signal = signal.unwrap_or("KILL").trim_start_matches("SIG").to_ascii_uppercase();
        match signal.as_str() {
            "KILL" | "9" => self.kill_container(id, 137, env),
            "TERM" | "15" | "INT" | "2" | "QUIT" | "3" if aware => self.kill_container(id, 0, env),
            "TERM" | "15" | "INT" | "2" | "QUIT" | "3" | "HUP" | "1" | "USR1" | "10" | "USR2" | "12" => {}
            other => return Err(ApiError::new(400, format!("invalid signal: {other}")).into()),
        }
        Ok(Response::Done)
    }

    fn kill_container(&mut self, id: ContainerId, code: i32, env: &mut Env) {
        self.engine_do(env, |engine, around, out| engine.end(id, code, around.now, out));
    }

    pub(super) fn container_logs(&self, name: &str, options: &LogOptions, env: &Env) -> Answer {
        let container = self.find_container(name)?;
        let lines = log_of(container, env.kernel.now());
        let since = options.since.unwrap_or(i64::MIN);
        let mut lines: Vec<_> = lines.into_iter().filter(|line| line.at >= since).collect();
        if let Some(tail) = options.tail {
            let skip = lines.len().saturating_sub(usize::try_from(tail).unwrap_or(usize::MAX));
            lines.drain(..skip);
        }
        Ok(Response::Logs(Arc::new(lines)))
    }
}

/// Lines kept of one container's log, at most.
const LOG_LINES: i64 = 1000;

/// What a container has written: a pure function of its image and its times, so nothing needs to be stored.
fn log_of(container: &Container, now: Time) -> Vec<LogLine> {
    let (from, until) = match container.state {
        ContainerState::Running { since } => (since, now),
        ContainerState::Exited { at, .. } => (container.created_at, at),
        ContainerState::Created | ContainerState::Starting => return Vec::new(),
    };
    let line = |at: Time, text: &str| LogLine {
        at: at.nanos(),
        stderr: false,
        task: Some(container.task.id.text()),
        node: Some(container.node_id.text()),
        text: text.replace("{time}", &rfc3339(at.nanos())[11..19]).replace("{hostname}", &container.id.text()[..12]),
    };
    let mut lines: Vec<_> = container.behaviour.log.iter().map(|text| line(from, text)).collect();
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

fn labels(container: &Container) -> Labels {
    let task = &container.task;
    let mut labels = task.spec.api.container_spec.labels.clone();
    for (key, value) in [
        ("com.docker.swarm.task", String::new()),
        ("com.docker.swarm.task.id", task.id.text()),
        ("com.docker.swarm.task.name", container.name.to_string()),
        ("com.docker.swarm.node.id", container.node_id.text()),
        ("com.docker.swarm.service.id", task.service_id.text()),
        ("com.docker.swarm.service.name", task.service_name.to_string()),
    ] {
        labels.insert(key.to_owned(), value);
    }
    labels
}

/// As the daemon tells it, `now` being what its host's clock shows: ages are told by the clock that wrote the dates.
fn summary(container: &Container, now: Time) -> ContainerSummary {
    let age = || human_duration((now - container.state_stamp).as_nanos());
    let (state, status) = match container.state {
        ContainerState::Created | ContainerState::Starting => ("created", "Created".to_owned()),
        ContainerState::Running { .. } if container.behaviour.never_ready => {
            ("running", format!("Up {} (health: starting)", age()))
        }
        ContainerState::Running { .. } => ("running", format!("Up {}", age())),
        ContainerState::Exited { code, .. } => ("exited", format!("Exited ({code}) {} ago", age())),
    };
    let mut ports: Vec<String> = Vec::new();
    if container.runs() {
        ports.extend(container.behaviour.listen.iter().map(|port| format!("{port}/tcp")));
        for port in container.task.ports.iter().filter(|port| !port.ingress) {
            let (published, target, protocol) = (port.published, port.target, port.protocol.as_str());
            ports.retain(|exposed| *exposed != format!("{target}/{protocol}"));
            ports.push(format!("0.0.0.0:{published}->{target}/{protocol}"));
            ports.push(format!("[::]:{published}->{target}/{protocol}"));
        }
    }
    ContainerSummary {
        id: container.id.text(),
        names: vec![container.name.to_string()],
        image: crate::swarm::daemon::image::without_digest(&container.image).to_owned(),
        command: container.behaviour.command.to_string(),
        created: container.created_stamp.nanos(),
        state: state.into(),
        status,
        ports: ports.join(", "),
        labels: labels(container),
    }
}
