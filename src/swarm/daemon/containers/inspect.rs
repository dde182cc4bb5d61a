//! `docker inspect` of a container, as far as a lab reads it (cli.md §5.8).

use super::labels;
use crate::engine::Time;
use crate::swarm::api::{
    Answer, ContainerConfig, ContainerHealth, ContainerHostConfig, ContainerInspect, HealthcheckResult, Response,
    time::rfc3339,
};
use crate::swarm::daemon::engine::{Container, ContainerState};
use crate::swarm::daemon::health::{Health, ProbeResult};
use crate::swarm::daemon::registry::digest;
use crate::swarm::world::{Env, Host};
use std::sync::Arc;

impl Host {
    pub(in crate::swarm::daemon) fn container_inspect(&self, name: &str, env: &Env) -> Answer {
        let container = self.find_container(name)?;
        let task = &container.task.spec.api;
        let spec = &task.container_spec;
        let limits = task.resources.as_ref().and_then(|resources| resources.limits.as_ref());
        let health = container.health_now(env.kernel.now());
        Ok(Response::Container(Arc::new(ContainerInspect {
            id: container.id.text(),
            created: rfc3339(container.created_stamp.nanos()),
            name: format!("/{}", container.name),
            state: self.state(container, health.as_ref()),
            image: format!("sha256:{}", digest(&container.image)),
            host_config: ContainerHostConfig {
                memory: limits.map_or(0, |limits| limits.memory_bytes),
                nano_cpus: limits.map_or(0, |limits| limits.nano_cpus),
                oom_score_adj: spec.oom_score_adj,
                init: spec.init,
            },
            config: ContainerConfig {
                hostname: container.id.text()[..12].to_owned(),
                env: spec.env.clone(),
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
