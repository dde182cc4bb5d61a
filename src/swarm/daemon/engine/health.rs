//! The health of a host's containers, and what the swarm's side of the engine makes of it: a task starts until its container
//! is healthy, and an unhealthy container is stopped.
//!
//! Source: control-plane.md §2.1; recording docker-29/04.

use super::{Container, Duration, Engine, EngineAlarm, EngineOutbox, Happened, Surroundings, gossip_pause};
use crate::swarm::api::HealthConfig;
use crate::swarm::daemon::health::{Answers, Health, HealthCheck, HealthStatus};
use crate::swarm::daemon::program;
use crate::swarm::object::ContainerId;

/// "Never gives up" in nanoseconds: a century.
const CENTURY: i64 = 3_153_600_000_000_000_000;

impl Container {
    /// Nothing keeps its start from being over.
    pub(super) fn is_well(&self) -> bool {
        self.runs() && self.health.as_ref().is_none_or(|health| health.status() == HealthStatus::Healthy)
    }

    /// Its health at this moment.
    pub fn health_now(&self, now: crate::engine::Time) -> Option<Health> {
        let mut health = self.health.as_deref()?.clone();
        health.advance(now);
        Some(health)
    }

    /// What is checked of it.
    fn check(&self) -> Option<HealthCheck> {
        let service = self.spec().healthcheck.as_ref();
        let endless = self.behaviour.never_ready.then(|| HealthConfig {
            start_period: CENTURY,
            test: vec!["CMD-SHELL".into(), "ready".into()],
            ..HealthConfig::default()
        });
        HealthCheck::merged(self.behaviour.healthcheck.as_ref().or(endless.as_ref()), service)
    }
}

impl Engine {
    /// Probing begins with the process.
    pub(super) fn begin_health(&mut self, id: ContainerId, around: &Surroundings<'_>, out: &mut EngineOutbox) {
        let Some(container) = self.containers.get_mut(&id) else { return };
        container.health = container.check().map(|check| {
            let answers = answers(container, &check, around.now);
            Box::new(Health::new(check, answers, around.now))
        });
        self.arm_health(id, out);
    }

    /// Sets the alarm of the next change; older ones are void.
    pub(super) fn arm_health(&mut self, id: ContainerId, out: &mut EngineOutbox) {
        let Some(container) = self.containers.get_mut(&id) else { return };
        container.health_stamp += 1;
        if let Some(change) = container.health.as_ref().and_then(|health| health.next_change()) {
            out.alarms.push((change, EngineAlarm::Health(id, container.health_stamp)));
        }
    }

    pub(super) fn health_changes(
        &mut self,
        id: ContainerId,
        stamp: u32,
        around: &Surroundings<'_>,
        out: &mut EngineOutbox,
    ) {
        let Some(container) = self.containers.get_mut(&id).filter(|container| container.health_stamp == stamp) else {
            return;
        };
        let Some(health) = &mut container.health else { return };
        health.advance(around.now);
        let status = health.status();
        out.happened.push(Happened::Health(container.name.clone(), status == HealthStatus::Healthy));
        let told = if status == HealthStatus::Healthy { "health_status: healthy" } else { "health_status: unhealthy" };
        super::happen::container(container, told, &[], self.ahead, around, out);
        match status {
            HealthStatus::Healthy => self.answer_start(id, out),
            // Whoever starts it or waits for its end stops it.
            HealthStatus::Unhealthy if self.starting.contains_key(&id) || self.waiting.contains_key(&id) => {
                container.unhealthy = true;
                if let Some(task) = container.task().cloned() {
                    self.begin_stop(id, gossip_pause(&task), task.spec.stop_grace_period, None, around, out);
                }
            }
            _ => {}
        }
        self.arm_health(id, out);
    }

    /// From now on every probe fails. Says whether there is anything that probes.
    pub fn make_unhealthy(&mut self, id: ContainerId, around: &Surroundings<'_>, out: &mut EngineOutbox) -> bool {
        let Some(container) = self.containers.get_mut(&id) else { return false };
        let Some(health) = &mut container.health else { return false };
        health.advance(around.now);
        health.answers.bad_from = Some(around.now);
        self.arm_health(id, out);
        true
    }
}

/// How the probes of a container that starts now will answer.
fn answers(container: &Container, check: &HealthCheck, now: crate::engine::Time) -> Answers {
    let image = &container.behaviour;
    if let Some((takes, good)) = program::test(&check.test) {
        // The engine needs a moment for every test.
        let takes = takes + Duration::from_millis(60);
        return Answers { good_from: good.then_some(now), bad_from: None, takes };
    }
    let never = image.never_ready || image.never_healthy || !container.program.own;
    Answers {
        good_from: (!never).then(|| now + image.healthy_after),
        bad_from: image.unhealthy_after.map(|after| now + after),
        takes: image.probe,
    }
}
