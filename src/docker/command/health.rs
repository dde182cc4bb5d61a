//! The flags of `service create` and `service update` that say how a container is watched and what it may use: health
//! checks, swap. cli.md §7.1, §8.

use crate::docker::flags::Parsed;
use crate::swarm::api::{ContainerSpec, HealthConfig, ResourceRequirements};

const HEALTH: [&str; 6] = [
    "health-cmd",
    "health-interval",
    "health-timeout",
    "health-retries",
    "health-start-period",
    "health-start-interval",
];

/// Sets what was given of the health check, the oom score, and nothing else.
pub fn set_container(flags: &Parsed, container: &mut ContainerSpec) {
    if let Some(score) = flags.signed("oom-score-adj") {
        container.oom_score_adj = score;
    }
    if flags.is_set("no-healthcheck") {
        container.healthcheck = Some(HealthConfig { test: vec!["NONE".into()], ..HealthConfig::default() });
        return;
    }
    if !flags.any_changed(&HEALTH) {
        return;
    }
    let check = container.healthcheck.get_or_insert_default();
    if check.test.first().is_some_and(|first| first == "NONE") {
        check.test.clear();
    }
    if let Some(command) = flags.text("health-cmd") {
        check.test = if command.is_empty() { Vec::new() } else { vec!["CMD-SHELL".into(), command.into()] };
    }
    let set = |field: &mut i64, value: Option<i64>| *field = value.unwrap_or(*field);
    set(&mut check.interval, flags.duration("health-interval"));
    set(&mut check.timeout, flags.duration("health-timeout"));
    set(&mut check.start_period, flags.duration("health-start-period"));
    set(&mut check.start_interval, flags.duration("health-start-interval"));
    set(&mut check.retries, flags.signed("health-retries"));
}

/// Sets what was given of swap.
pub fn set_swap(flags: &Parsed, resources: &mut ResourceRequirements) {
    if flags.changed("memory-swap") {
        resources.swap_bytes = flags.swap("memory-swap");
    }
    if flags.changed("memory-swappiness") {
        resources.memory_swappiness = flags.signed("memory-swappiness");
    }
}
