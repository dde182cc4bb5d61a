//! The `[[image]]` tables of a recording's file: how images behave where they are not as usual.

use super::shape::span;
use crate::engine::Duration;
use crate::swarm::api::HealthConfig;
use crate::swarm::daemon::image::{Hosts, ImageBehaviour, ImageExit};
use serde::{Deserialize, Serialize};

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FileImage {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pull: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop: Option<String>,
    #[serde(skip_serializing_if = "is_zero")]
    stop_code: i32,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    ignores_stop: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    exits: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    missing: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    needs_login: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    preloaded: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reachable_from: Option<Vec<String>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    never_ready: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    healthy_after: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unhealthy_after: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    never_healthy: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    probe: Option<String>,
    #[serde(skip_serializing_if = "is_none")]
    memory: i64,
    #[serde(skip_serializing_if = "is_none")]
    memory_growth: i64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lacks: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    listen: Option<Vec<u16>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    log: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    log_errors: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_every: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_line: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    healthcheck: Option<FileHealthcheck>,
}

/// Durations in nanoseconds, as the API has them.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FileHealthcheck {
    test: Vec<String>,
    #[serde(skip_serializing_if = "is_none")]
    interval: i64,
    #[serde(skip_serializing_if = "is_none")]
    timeout: i64,
    #[serde(skip_serializing_if = "is_none")]
    start_period: i64,
    #[serde(skip_serializing_if = "is_none")]
    start_interval: i64,
    #[serde(skip_serializing_if = "is_none")]
    retries: i64,
}

fn is_zero(number: &i32) -> bool {
    *number == 0
}

fn is_none(number: &i64) -> bool {
    *number == 0
}

impl From<&HealthConfig> for FileHealthcheck {
    fn from(config: &HealthConfig) -> Self {
        let HealthConfig { test, interval, timeout, start_period, start_interval, retries } = config.clone();
        Self { test, interval, timeout, start_period, start_interval, retries }
    }
}

impl FileHealthcheck {
    fn read(&self) -> Result<HealthConfig, String> {
        let spans = [self.interval, self.timeout, self.start_period, self.start_interval];
        let most = crate::engine::limits::MAX_DURATION.as_nanos();
        // What is left out is 0; what is there is what the API lets pass.
        if spans.iter().any(|span| *span != 0 && !(1_000_000..=most).contains(span)) || self.retries < 0 {
            return Err("expected a health check with durations of at least 1ms, in nanoseconds".into());
        }
        Ok(HealthConfig {
            test: self.test.clone(),
            interval: self.interval,
            timeout: self.timeout,
            start_period: self.start_period,
            start_interval: self.start_interval,
            retries: self.retries,
        })
    }
}

/// Hosts by name; `*` for all.
fn names(hosts: &Hosts) -> Vec<String> {
    match hosts {
        Hosts::None => Vec::new(),
        Hosts::All => vec!["*".into()],
        Hosts::Named(names) => names.iter().map(ToString::to_string).collect(),
    }
}

fn hosts(names: &[String]) -> Hosts {
    match names {
        [] => Hosts::None,
        [all] if all == "*" => Hosts::All,
        names => Hosts::Named(names.iter().map(|name| name.as_str().into()).collect()),
    }
}

impl FileImage {
    pub fn of(name: &str, behaviour: &ImageBehaviour) -> Self {
        let usual = ImageBehaviour::default();
        let differs = |own: Duration, usual: Duration| (own != usual).then(|| own.to_string());
        Self {
            name: name.to_owned(),
            pull: differs(behaviour.pull, usual.pull),
            start: differs(behaviour.start, usual.start),
            stop: behaviour.stop.filter(|_| behaviour.stop != usual.stop).map(|stop| stop.to_string()),
            stop_code: behaviour.stop_code,
            ignores_stop: behaviour.stop.is_none(),
            exits: behaviour.exit.map(|exit| exit.code),
            after: behaviour.exit.map(|exit| exit.after.to_string()),
            missing: behaviour.missing,
            needs_login: behaviour.needs_login,
            preloaded: (behaviour.preloaded != usual.preloaded).then(|| names(&behaviour.preloaded)),
            reachable_from: (behaviour.reachable_from != usual.reachable_from)
                .then(|| names(&behaviour.reachable_from)),
            never_ready: behaviour.never_ready,
            healthy_after: differs(behaviour.healthy_after, usual.healthy_after),
            unhealthy_after: behaviour.unhealthy_after.map(|after| after.to_string()),
            never_healthy: behaviour.never_healthy,
            probe: differs(behaviour.probe, usual.probe),
            memory: behaviour.memory,
            memory_growth: behaviour.memory_growth,
            lacks: behaviour.lacks.iter().map(ToString::to_string).collect(),
            listen: (behaviour.listen != usual.listen).then(|| behaviour.listen.clone()),
            command: (behaviour.command != usual.command).then(|| behaviour.command.to_string()),
            log: behaviour.log.iter().map(ToString::to_string).collect(),
            log_errors: behaviour.log_errors.iter().map(ToString::to_string).collect(),
            log_every: behaviour.log_every.as_ref().map(|(every, _)| every.to_string()),
            log_line: behaviour.log_every.as_ref().map(|(_, line)| line.to_string()),
            healthcheck: behaviour.healthcheck.as_ref().map(Into::into),
        }
    }

    pub fn behaviour(&self) -> Result<ImageBehaviour, String> {
        let usual = ImageBehaviour::default();
        let read = |text: &Option<String>, usual| text.as_ref().map_or(Ok(usual), |text| span(text, Duration::ZERO));
        let stop = match (&self.stop, self.ignores_stop) {
            (_, true) => None,
            (Some(text), _) => Some(span(text, Duration::ZERO)?),
            (None, _) => usual.stop,
        };
        let log_every = match (&self.log_every, &self.log_line) {
            (Some(every), Some(line)) => Some((span(every, Duration::from_millis(1))?, line.as_str().into())),
            _ => None,
        };
        if self.memory < 0 || self.memory_growth < 0 {
            return Err("expected memory in bytes, not a negative number".into());
        }
        let after = read(&self.after, Duration::ZERO)?;
        Ok(ImageBehaviour {
            pull: read(&self.pull, usual.pull)?,
            start: read(&self.start, usual.start)?,
            stop,
            stop_code: self.stop_code,
            exit: self.exits.map(|code| ImageExit { after, code }),
            missing: self.missing,
            needs_login: self.needs_login,
            preloaded: self.preloaded.as_ref().map_or(usual.preloaded, |names| hosts(names)),
            reachable_from: self.reachable_from.as_ref().map_or(usual.reachable_from, |names| hosts(names)),
            never_ready: self.never_ready,
            healthcheck: self.healthcheck.as_ref().map(FileHealthcheck::read).transpose()?,
            healthy_after: read(&self.healthy_after, usual.healthy_after)?,
            unhealthy_after: self.unhealthy_after.as_ref().map(|text| span(text, Duration::ZERO)).transpose()?,
            never_healthy: self.never_healthy,
            probe: read(&self.probe, usual.probe)?,
            memory: self.memory,
            memory_growth: self.memory_growth,
            lacks: self.lacks.iter().map(|program| program.as_str().into()).collect(),
            listen: self.listen.clone().unwrap_or(usual.listen),
            command: self.command.as_deref().map_or(usual.command, Into::into),
            log: self.log.iter().map(|line| line.as_str().into()).collect(),
            log_errors: self.log_errors.iter().map(|line| line.as_str().into()).collect(),
            log_every,
        })
    }
}
