//! Health checks: the state machine of one container, as the engine runs it.
//!
//! A probe runs every interval, counted from the end of the one before. The answer of every probe is known beforehand
//! (see [`Answers`]), so none of them is an event: the machine is asked when its status changes next, and is brought up to
//! date by arithmetic when somebody looks at it. What comes out is the same as if each probe had been run
//! (`tests::the_outcome_is_that_of_probing_each_time`).
//!
//! Source: the engine's own rules (defaults 30 s, 30 s, 3, 0 s, 5 s); control-plane.md §2.1; recording docker-29/04.

use crate::engine::{Duration, Time};
use crate::swarm::api::HealthConfig;
use std::collections::VecDeque;

/// The engine keeps so many results.
const LOG: usize = 5;

/// A health check with the engine's defaults in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// `["CMD-SHELL", "curl -f http://localhost/"]`: the first word says how the others are run.
    pub test: Vec<String>,
    /// From the end of a probe to the next.
    pub interval: Duration,
    /// A probe that takes longer has failed.
    pub timeout: Duration,
    /// So long after the start failures do not count, until one probe has succeeded.
    pub start_period: Duration,
    /// From the end of a probe to the next while that is so.
    pub start_interval: Duration,
    /// So many failures in a row mean unhealthy.
    pub retries: u64,
}

impl HealthCheck {
    /// What the image's own check and the service's make together: each value that the service leaves out is the image's,
    /// and what both leave out is the engine's default. `None`: nothing is checked.
    pub fn merged(image: Option<&HealthConfig>, service: Option<&HealthConfig>) -> Option<Self> {
        let both = [service, image];
        let test = both.iter().flatten().map(|config| &config.test).find(|test| !test.is_empty())?.clone();
        if test[0] == "NONE" {
            return None;
        }
        let number = |of: fn(&HealthConfig) -> i64| both.iter().flatten().map(|config| of(config)).find(|n| *n != 0);
        let span = |of, usual| number(of).map_or(Duration::from_secs(usual), Duration::from_nanos);
        Some(Self {
            test,
            interval: span(|config| config.interval, 30),
            timeout: span(|config| config.timeout, 30),
            start_period: span(|config| config.start_period, 0),
            start_interval: span(|config| config.start_interval, 5),
            retries: number(|config| config.retries).and_then(|n| u64::try_from(n).ok()).unwrap_or(3),
        })
    }
}

/// How probes answer, by the moment at which they begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answers {
    /// They succeed from here on; `None`: never.
    pub good_from: Option<Time>,
    /// They fail again from here on; `None`: never.
    pub bad_from: Option<Time>,
    /// A probe takes so long.
    pub takes: Duration,
}

impl Answers {
    /// Whether a probe that begins now succeeds, and until when the answer stays the same (`None`: for ever).
    fn at(&self, time: Time) -> (bool, Option<Time>) {
        match (self.good_from, self.bad_from) {
            (_, Some(bad)) if time >= bad => (false, None),
            (None, _) => (false, None),
            // What turns bad before it was ever good never turns good.
            (Some(good), Some(bad)) if bad <= good => (false, None),
            (Some(good), _) if time < good => (false, Some(good)),
            (Some(_), bad) => (true, bad),
        }
    }

    /// What had not happened yet when its container was frozen happens so much later.
    pub fn shift(&mut self, frozen_at: Time, by: Duration) {
        for moment in [&mut self.good_from, &mut self.bad_from].into_iter().flatten() {
            if *moment > frozen_at {
                *moment = moment.saturating_add(by);
            }
        }
    }
}

/// A container's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HealthStatus {
    /// No probe has succeeded yet, and not enough have failed.
    Starting,
    /// The last probe that counted succeeded.
    Healthy,
    /// Too many failed in a row.
    Unhealthy,
}

impl HealthStatus {
    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            HealthStatus::Starting => "starting",
            HealthStatus::Healthy => "healthy",
            HealthStatus::Unhealthy => "unhealthy",
        }
    }
}

/// What one probe found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeResult {
    /// When it began.
    pub start: Time,
    /// When it ended.
    pub end: Time,
    /// It succeeded.
    pub good: bool,
    /// It was given up for taking too long.
    pub timed_out: bool,
}

/// The health of a container that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    check: HealthCheck,
    started: Time,
    /// How probes answer from now on.
    pub answers: Answers,
    status: HealthStatus,
    streak: u64,
    /// The next probe begins; `None`: there are no more (the container has ended or stands still).
    next: Option<Time>,
    log: VecDeque<ProbeResult>,
}

impl Health {
    /// Of a container that starts now.
    pub fn new(check: HealthCheck, answers: Answers, now: Time) -> Self {
        let mut health = Self {
            check,
            started: now,
            answers,
            status: HealthStatus::Starting,
            streak: 0,
            next: None,
            log: VecDeque::new(),
        };
        health.watch(now);
        health
    }

    /// Its status, as of the last time that it was brought up to date.
    pub fn status(&self) -> HealthStatus {
        self.status
    }

    /// Failures in a row that count, likewise.
    pub fn failing_streak(&self) -> u64 {
        self.streak
    }

    /// The last results, oldest first.
    pub fn log(&self) -> impl Iterator<Item = &ProbeResult> {
        self.log.iter()
    }

    /// What it checks.
    pub fn check(&self) -> &HealthCheck {
        &self.check
    }

    /// Probing begins, or begins anew after a pause.
    pub fn watch(&mut self, now: Time) {
        self.next = Some(now.saturating_add(self.pause(now)));
    }

    /// Probing ends: the container has ended or stands still. The engine calls such a container unhealthy.
    pub fn unwatch(&mut self) {
        self.next = None;
        self.status = HealthStatus::Unhealthy;
    }

    /// From here to the next probe.
    fn pause(&self, now: Time) -> Duration {
        let starting = self.status == HealthStatus::Starting && now - self.started < self.check.start_period;
        if starting { self.check.start_interval } else { self.check.interval }
    }

    /// A probe's length, and whether it is too long.
    fn probe(&self) -> (Duration, bool) {
        let timed_out = self.answers.takes > self.check.timeout;
        (self.answers.takes.min(self.check.timeout), timed_out)
    }

    /// Brings it up to date: every probe that has ended by now counts.
    pub fn advance(&mut self, now: Time) {
        self.run(Some(now), false);
    }

    /// When its status changes next, if nothing else happens; `None`: never.
    pub fn next_change(&self) -> Option<Time> {
        self.clone().run(None, true)
    }

    /// Runs probes that end until then; until the status changes, if so asked. Returns the moment of that change.
    fn run(&mut self, until: Option<Time>, to_change: bool) -> Option<Time> {
        loop {
            let start = self.next?;
            let (takes, timed_out) = self.probe();
            let end = start.saturating_add(takes);
            if until.is_some_and(|until| end > until) || end == Time::MAX {
                return None;
            }
            let (answers, same_until) = self.answers.at(start);
            let good = answers && !timed_out;
            let in_start_period = start - self.started < self.check.start_period;
            let uncounted = !good && self.status == HealthStatus::Starting && in_start_period;
            // How many probes in a row go like this one and leave the status as it is; without an end: `None`.
            let steady: Option<u64> = match (self.status, good) {
                (HealthStatus::Healthy, true) | (HealthStatus::Unhealthy, false) => None,
                (HealthStatus::Starting, false) if uncounted => None,
                (HealthStatus::Starting | HealthStatus::Healthy, false) => {
                    Some((self.check.retries - 1).saturating_sub(self.streak))
                }
                (HealthStatus::Starting | HealthStatus::Unhealthy, true) => Some(0),
            };
            let cycle = takes + self.pause(end);
            let fits = |limit: Time| {
                // Probes that begin before the limit, this one among them.
                let span = (limit - start).as_nanos();
                u64::try_from((span + cycle.as_nanos() - 1) / cycle.as_nanos()).unwrap_or(0)
            };
            let mut count = steady;
            let mut bound = |most: u64| count = Some(count.map_or(most, |count| count.min(most)));
            if let Some(limit) = same_until {
                bound(fits(limit));
            }
            if uncounted {
                // The pause behind a probe is chosen at its end, which must lie in the start period as well.
                let over = self.started.saturating_add(self.check.start_period);
                bound(fits(over.saturating_sub(takes)));
            }
            if let Some(until) = until {
                bound(fits(until.saturating_sub(takes) + Duration::from_nanos(1)));
            }
            let count = count?;
            if count >= 2 {
                let last = self.skip(start, takes, cycle, count, good, timed_out);
                if !good && !uncounted {
                    self.streak = self.streak.saturating_add(count);
                }
                self.next = Some(last.saturating_add(cycle));
                continue;
            }
            let before = self.status;
            self.record(ProbeResult { start, end, good, timed_out });
            if good {
                self.streak = 0;
                self.status = HealthStatus::Healthy;
            } else if !uncounted {
                self.streak = self.streak.saturating_add(1);
                if self.streak >= self.check.retries {
                    self.status = HealthStatus::Unhealthy;
                }
            }
            self.next = Some(end.saturating_add(self.pause(end)));
            if to_change && self.status != before {
                return Some(end);
            }
        }
    }

    /// Notes what the last of several equal probes found; when the very last began.
    fn skip(&mut self, start: Time, takes: Duration, cycle: Duration, count: u64, good: bool, timed_out: bool) -> Time {
        let nth = |n: u64| start.saturating_add(cycle * i64::try_from(n).unwrap_or(i64::MAX / cycle.as_nanos().max(1)));
        for n in count.saturating_sub(LOG as u64)..count {
            self.record(ProbeResult { start: nth(n), end: nth(n).saturating_add(takes), good, timed_out });
        }
        nth(count - 1)
    }

    fn record(&mut self, result: ProbeResult) {
        if self.log.len() == LOG {
            self.log.pop_front();
        }
        self.log.push_back(result);
    }
}

#[cfg(test)]
mod tests;
