//! The verb `image`: what it changes of an image's behaviour, by the same words as the keys of a scenario's `[images]`.

use super::read::{Read, Reader};
use super::{Span, Verb};
use crate::engine::Duration;
use crate::swarm::api::HealthConfig;
use crate::swarm::daemon::image::{Hosts, ImageBehaviour, ImageExit};

/// One way in which an image behaves from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageChange {
    /// Its containers end with this status so long after their start; without one they do not end by themselves.
    Exits(Option<(u8, Duration)>),
    /// The registry does not have it.
    Missing,
    /// The registry wants a login.
    NeedsLogin,
    /// The registry has it for everybody, and its containers are well.
    Ok,
    /// A pull takes so long.
    Pull(Duration),
    /// A start takes so long.
    Start(Duration),
    /// They end so long after their stop signal.
    Stop(Duration),
    /// With this status.
    StopCode(u8),
    /// They do not heed their stop signal.
    IgnoresSigterm,
    /// Its health check succeeds so long after the start.
    HealthyAfter(Duration),
    /// It fails again so long after the start.
    UnhealthyAfter(Duration),
    /// It never succeeds.
    NeverHealthy,
    /// It brings a health check with this interval.
    Healthcheck(Duration),
    /// Bytes that a container uses when it has started.
    Memory(i64),
    /// Bytes that it uses more each second.
    MemoryGrowth(i64),
    /// A program that it does not have.
    Lacks(String),
    /// Hosts that have it already.
    Preloaded(Vec<String>),
    /// Hosts that reach a registry with it; empty for all.
    ReachableFrom(Vec<String>),
}

impl ImageChange {
    /// The hosts that it names.
    pub fn hosts(&self) -> &[String] {
        match self {
            Self::Preloaded(hosts) | Self::ReachableFrom(hosts) => hosts,
            _ => &[],
        }
    }

    /// Changes a behaviour.
    pub fn apply(&self, image: &mut ImageBehaviour) {
        let named = |hosts: &[String]| Hosts::Named(hosts.iter().map(|host| host.as_str().into()).collect());
        match self {
            Self::Exits(exit) => {
                image.exit = exit.map(|(code, after)| ImageExit { after, code: i32::from(code) });
            }
            Self::Missing => image.missing = true,
            Self::NeedsLogin => image.needs_login = true,
            Self::Ok => {
                let keep = image.clone();
                *image = ImageBehaviour {
                    pull: keep.pull,
                    listen: keep.listen,
                    command: keep.command,
                    log: keep.log,
                    log_errors: keep.log_errors,
                    log_every: keep.log_every,
                    healthcheck: keep.healthcheck,
                    ..ImageBehaviour::default()
                };
            }
            Self::Pull(span) => image.pull = *span,
            Self::Start(span) => image.start = *span,
            Self::Stop(span) => image.stop = Some(*span),
            Self::StopCode(code) => image.stop_code = i32::from(*code),
            Self::IgnoresSigterm => image.stop = None,
            Self::HealthyAfter(span) => (image.healthy_after, image.never_healthy) = (*span, false),
            Self::UnhealthyAfter(span) => image.unhealthy_after = Some(*span),
            Self::NeverHealthy => image.never_healthy = true,
            Self::Healthcheck(interval) => {
                image.healthcheck = Some(HealthConfig {
                    test: vec!["CMD-SHELL".into(), "curl -f http://localhost/ || exit 1".into()],
                    interval: interval.as_nanos(),
                    ..HealthConfig::default()
                });
            }
            Self::Memory(bytes) => image.memory = *bytes,
            Self::MemoryGrowth(bytes) => image.memory_growth = *bytes,
            Self::Lacks(program) => image.lacks.push(program.as_str().into()),
            Self::Preloaded(hosts) => image.preloaded = named(hosts),
            Self::ReachableFrom(hosts) if hosts.is_empty() => image.reachable_from = Hosts::All,
            Self::ReachableFrom(hosts) => image.reachable_from = named(hosts),
        }
    }
}

const KEYS: [&str; 21] = [
    "exits",
    "after",
    "missing",
    "needs_login",
    "ok",
    "slow",
    "pull",
    "start",
    "stop",
    "stop_code",
    "ignores_sigterm",
    "healthy_after",
    "unhealthy_after",
    "never_healthy",
    "healthcheck",
    "memory",
    "memory_growth",
    "lacks",
    "preloaded",
    "reachable_from",
    "crash_after",
];

/// Words without a value.
const ALONE: [(&str, ImageChange); 5] = [
    ("missing", ImageChange::Missing),
    ("needs_login", ImageChange::NeedsLogin),
    ("ok", ImageChange::Ok),
    ("ignores_sigterm", ImageChange::IgnoresSigterm),
    ("never_healthy", ImageChange::NeverHealthy),
];

/// A size as Docker writes it: `64m`, `1GiB`.
fn bytes(text: &str) -> Option<i64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: i64 = text[..digits].parse().ok()?;
    let shift = match text[digits..].to_ascii_lowercase().trim_end_matches('b').trim_end_matches('i') {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        _ => return None,
    };
    number.checked_mul(1 << shift)
}

impl Reader<'_> {
    pub(super) fn image(&mut self) -> Read<Verb> {
        let image = self.task("an image")?;
        let mut changes = Vec::new();
        let (mut exits, mut after): (Option<Option<u8>>, Option<Duration>) = (None, None);
        let from = self.next;
        loop {
            if let Some((_, change)) = ALONE.iter().find(|(word, _)| self.peek() == Some(word)) {
                self.next += 1;
                changes.push(change.clone());
                continue;
            }
            let Some((key, value, span)) = self.setting(&KEYS)? else { break };
            match key.as_str() {
                "exits" if value == "never" => exits = Some(None),
                "exits" => exits = Some(Some(self.status(&value, span)?)),
                "after" | "crash_after" => after = Some(self.duration(&value, span, true)?),
                _ => changes.push(self.image_change(&key, &value, span)?),
            }
        }
        if self.next == from {
            self.need("what it does (exits=STATUS, missing, slow=DURATION, ..)")?;
        }
        match (exits, after) {
            (Some(Some(code)), after) => {
                changes.push(ImageChange::Exits(Some((code, after.unwrap_or(Duration::ZERO)))))
            }
            (Some(None), None) => changes.push(ImageChange::Exits(None)),
            (_, Some(_)) => return Err(self.error(self.head(), "`after` needs `exits=STATUS`")),
            (None, None) => {}
        }
        Ok(Verb::Image { image, changes })
    }

    fn image_change(&self, key: &str, value: &str, span: Span) -> Read<ImageChange> {
        let size = || {
            bytes(value).ok_or_else(|| {
                self.error(span, format!("`{value}` is not a size")).help("write a number and a unit: 64MiB, 1g")
            })
        };
        let hosts = || {
            let names = value.split(',').filter(|name| !name.is_empty());
            names.map(|name| self.host_word(name, span)).collect::<Read<Vec<String>>>()
        };
        Ok(match key {
            "slow" | "pull" => ImageChange::Pull(self.duration(value, span, true)?),
            "start" => ImageChange::Start(self.duration(value, span, true)?),
            "stop" => ImageChange::Stop(self.duration(value, span, true)?),
            "stop_code" => ImageChange::StopCode(self.status(value, span)?),
            "healthy_after" => ImageChange::HealthyAfter(self.duration(value, span, true)?),
            "unhealthy_after" => ImageChange::UnhealthyAfter(self.duration(value, span, true)?),
            "healthcheck" => match self.duration(value, span, true)? {
                interval if interval >= Duration::from_millis(1) => ImageChange::Healthcheck(interval),
                _ => return Err(self.error(span, "a health check runs at most once a millisecond")),
            },
            "memory" => ImageChange::Memory(size()?),
            "memory_growth" => ImageChange::MemoryGrowth(size()?),
            "lacks" => ImageChange::Lacks(value.to_owned()),
            "preloaded" => ImageChange::Preloaded(hosts()?),
            "reachable_from" if value == "all" => ImageChange::ReachableFrom(Vec::new()),
            "reachable_from" => ImageChange::ReachableFrom(hosts()?),
            other => return Err(self.error(span, format!("`{other}` has no value"))),
        })
    }
}
