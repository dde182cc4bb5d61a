//! `docker inspect` of a container, as far as a lab reads it (cli.md §5.8).

use super::labels;
use crate::engine::Time;
use crate::swarm::api::{
    Answer, ContainerConfig, ContainerHealth, ContainerHostConfig, ContainerInspect, HealthcheckResult, LogConfig,
    Response, time::rfc3339,
};
use crate::swarm::daemon::engine::{Container, ContainerState};
use crate::swarm::daemon::health::{Health, ProbeResult};
use crate::swarm::daemon::registry::digest;
use crate::swarm::object::{Generic, Task};
use crate::swarm::world::{Env, Host};
use std::sync::Arc;

/// The driver of an engine that was told of none.
const USUAL_DRIVER: &str = "json-file";

/// What a task's spec asks of its host.
fn host_config(task: &Task) -> ContainerHostConfig {
    let spec = &task.spec.api.container_spec;
    let limits = task.spec.api.resources.as_ref().and_then(|resources| resources.limits.as_ref());
    let list = |items: &[String]| (!items.is_empty()).then(|| items.to_vec());
    let dns = spec.dns_config.clone().unwrap_or_default();
    // Aliases behind the first name are dropped.
    let extra_hosts: Vec<String> = spec
        .hosts
        .iter()
        .filter_map(|entry| {
            let mut parts = entry.split_whitespace();
            let (address, name) = (parts.next()?, parts.next()?);
            Some(format!("{name}:{address}"))
        })
        .collect();
    let driver = task.log_driver.as_ref().filter(|driver| !driver.name.is_empty());
    ContainerHostConfig {
        log_config: LogConfig {
            driver: driver.map_or_else(|| USUAL_DRIVER.into(), |driver| driver.name.clone()),
            config: task.log_driver.as_ref().map(|driver| driver.options.clone()).unwrap_or_default(),
        },
        cap_add: list(&spec.capability_add),
        cap_drop: list(&spec.capability_drop),
        dns: list(&dns.nameservers),
        dns_options: list(&dns.options),
        dns_search: list(&dns.search),
        extra_hosts: list(&extra_hosts),
        group_add: list(&spec.groups),
        oom_score_adj: spec.oom_score_adj,
        readonly_rootfs: spec.read_only,
        sysctls: spec.sysctls.clone(),
        memory: limits.map_or(0, |limits| limits.memory_bytes),
        nano_cpus: limits.map_or(0, |limits| limits.nano_cpus),
        ulimits: Some(spec.ulimits.clone()).filter(|limits| !limits.is_empty()),
        init: spec.init,
    }
}

impl Host {
    pub(in crate::swarm::daemon) fn container_inspect(&self, name: &str, env: &Env) -> Answer {
        let container = self.find_container(name)?;
        let task = &container.task.spec.api;
        let spec = &task.container_spec;
        let health = container.health_now(env.kernel.now());
        Ok(Response::Container(Arc::new(ContainerInspect {
            id: container.id.text(),
            created: rfc3339(container.created_stamp.nanos()),
            name: format!("/{}", container.name),
            state: self.state(container, health.as_ref()),
            image: format!("sha256:{}", digest(&container.image)),
            host_config: host_config(&container.task),
            config: ContainerConfig {
                hostname: container.id.text()[..12].to_owned(),
                tty: spec.tty,
                env: spec.env.iter().cloned().chain(Generic::environment(&container.task.assigned_generic)).collect(),
                image: container.image.to_string(),
                healthcheck: spec.healthcheck.clone().or_else(|| container.behaviour.healthcheck.clone()),
                labels: labels(container),
                stop_signal: spec.stop_signal.clone(),
            },
        })))
    }

    fn state(&self, container: &Container, health: Option<&Health>) -> crate::swarm::api::ContainerState {
        let (status, code) = match container.state {
            ContainerState::Created | ContainerState::Starting if container.error.is_some() => ("created", 127),
            ContainerState::Created | ContainerState::Starting => ("created", 0),
            ContainerState::Running { .. } if container.paused.is_some() => ("paused", 0),
            ContainerState::Running { .. } => ("running", 0),
            ContainerState::Exited { code, .. } => ("exited", code),
        };
        // Dates are those that the host's clock showed then.
        let moment = |stamp: Option<Time>| {
            stamp.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), |stamp| rfc3339(stamp.nanos()))
        };
        let finished = matches!(container.state, ContainerState::Exited { .. }).then_some(container.state_stamp);
        crate::swarm::api::ContainerState {
            status: status.into(),
            running: container.runs(),
            paused: container.paused.is_some(),
            restarting: false,
            oom_killed: container.oom_killed,
            dead: false,
            pid: if container.runs() { 1000 + i64::from(container.task.key.0) } else { 0 },
            exit_code: i64::from(code),
            error: container.error.as_deref().unwrap_or_default().to_owned(),
            started_at: moment(container.started_stamp),
            finished_at: moment(finished),
            health: health.map(|health| ContainerHealth {
                status: health.status().as_str().into(),
                failing_streak: health.failing_streak(),
                log: health.log().map(|result| self.result(result, health)).collect(),
            }),
        }
    }

    fn result(&self, result: &ProbeResult, health: &Health) -> HealthcheckResult {
        HealthcheckResult {
            start: rfc3339(self.clock.wall(result.start).nanos()),
            end: rfc3339(self.clock.wall(result.end).nanos()),
            exit_code: match result {
                ProbeResult { timed_out: true, .. } => -1,
                ProbeResult { good, .. } => i64::from(!good),
            },
            output: match result.timed_out {
                true => format!("Health check exceeded timeout ({})", health.check().timeout),
                false => String::new(),
            },
        }
    }
}
