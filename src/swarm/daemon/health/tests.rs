//! The health machine alone: the recorded case, the engine's rules one by one, and that arithmetic agrees with probing.

use super::*;
use proptest::prelude::*;

fn at(millis: i64) -> Time {
    Time::ZERO + Duration::from_millis(millis)
}

fn check(interval: i64, retries: u64) -> HealthCheck {
    HealthCheck {
        test: vec!["CMD-SHELL".into(), "false".into()],
        interval: Duration::from_millis(interval),
        timeout: Duration::from_secs(1),
        start_period: Duration::ZERO,
        start_interval: Duration::from_secs(5),
        retries,
    }
}

fn answers(good_from: Option<i64>, bad_from: Option<i64>) -> Answers {
    Answers { good_from: good_from.map(at), bad_from: bad_from.map(at), takes: Duration::from_millis(60) }
}

/// docker-29, topic 04: interval 1s, retries 2, a test that fails: unhealthy after two intervals and two probes.
#[test]
fn two_failures_in_a_row_are_unhealthy_as_recorded() {
    let mut health = Health::new(check(1000, 2), answers(None, None), at(0));
    assert_eq!(health.next_change(), Some(at(2120)));
    health.advance(at(2119));
    assert_eq!((health.status(), health.failing_streak()), (HealthStatus::Starting, 1));
    health.advance(at(2120));
    assert_eq!((health.status(), health.failing_streak()), (HealthStatus::Unhealthy, 2));
    assert_eq!(health.next_change(), None, "it stays so");
    health.advance(at(1_000_000));
    assert_eq!(health.log().count(), LOG);
}

#[test]
fn one_success_is_healthy_and_forgets_the_failures() {
    let mut health = Health::new(check(1000, 3), answers(Some(2500), None), at(0));
    health.advance(at(2200));
    assert_eq!(health.failing_streak(), 2);
    assert_eq!(health.next_change(), Some(at(3180)));
    health.advance(at(3180));
    assert_eq!((health.status(), health.failing_streak()), (HealthStatus::Healthy, 0));
    assert_eq!(health.next_change(), None, "a healthy container needs no event");
}

#[test]
fn in_the_start_period_failures_do_not_count_and_probes_come_by_its_own_interval() {
    let check = HealthCheck {
        start_period: Duration::from_secs(10),
        start_interval: Duration::from_secs(2),
        interval: Duration::from_secs(30),
        ..check(0, 1)
    };
    let mut health = Health::new(check.clone(), answers(None, None), at(0));
    health.advance(at(9000));
    assert_eq!((health.failing_streak(), health.log().count()), (0, 4));
    // The fifth begins at 10.24 s: it counts.
    assert_eq!(health.next_change(), Some(at(10_300)));
    let healthy = Health::new(check, answers(Some(3000), None), at(0));
    assert_eq!(healthy.next_change(), Some(at(4120)), "the start interval finds it early");
}

#[test]
fn a_probe_that_takes_too_long_has_failed() {
    let slow = Answers { takes: Duration::from_secs(3), ..answers(Some(0), None) };
    let mut health = Health::new(check(1000, 1), slow, at(0));
    assert_eq!(health.next_change(), Some(at(2000)));
    health.advance(at(2000));
    assert!(health.log().all(|result| result.timed_out && !result.good));
}

#[test]
fn a_pause_makes_it_unhealthy_until_the_next_success() {
    let mut health = Health::new(check(1000, 3), answers(Some(0), None), at(0));
    health.advance(at(5000));
    assert_eq!(health.status(), HealthStatus::Healthy);
    health.unwatch();
    assert_eq!((health.status(), health.next_change()), (HealthStatus::Unhealthy, None));
    health.watch(at(8000));
    assert_eq!(health.next_change(), Some(at(9060)));
}

#[test]
fn the_services_values_win_and_the_images_fill_the_gaps() {
    let image = HealthConfig { test: vec!["CMD".into(), "ok".into()], interval: 5, retries: 9, ..Default::default() };
    let service = HealthConfig { interval: 7, ..Default::default() };
    let merged = HealthCheck::merged(Some(&image), Some(&service)).expect("the image has a test");
    assert_eq!((merged.interval, merged.retries), (Duration::from_nanos(7), 9));
    assert_eq!(merged.timeout, Duration::from_secs(30));
    // Recorded (docker-29, topic 14): a service that sets only the start interval has no check.
    assert_eq!(HealthCheck::merged(None, Some(&service)), None);
    let none = HealthConfig { test: vec!["NONE".into()], ..Default::default() };
    assert_eq!(HealthCheck::merged(Some(&image), Some(&none)), None);
}

/// The engine's loop, one probe at a time.
struct Naive {
    check: HealthCheck,
    answers: Answers,
    status: HealthStatus,
    streak: u64,
    log: Vec<ProbeResult>,
    changes: Vec<(Time, HealthStatus)>,
    timer: Time,
}

impl Naive {
    fn new(check: HealthCheck, answers: Answers) -> Self {
        let (status, log, changes) = (HealthStatus::Starting, Vec::new(), Vec::new());
        let mut naive = Self { check, answers, status, streak: 0, log, changes, timer: Time::ZERO };
        naive.reset(Time::ZERO);
        naive
    }

    fn reset(&mut self, now: Time) {
        let starting = now - Time::ZERO < self.check.start_period && self.status == HealthStatus::Starting;
        self.timer = now + if starting { self.check.start_interval } else { self.check.interval };
    }

    fn advance(&mut self, now: Time) {
        loop {
            let start = self.timer;
            let timed_out = self.answers.takes > self.check.timeout;
            let end = start + if timed_out { self.check.timeout } else { self.answers.takes };
            if end > now {
                return;
            }
            let good = !timed_out
                && self.answers.good_from.is_some_and(|good| start >= good)
                && self.answers.bad_from.is_none_or(|bad| start < bad);
            self.log.push(ProbeResult { start, end, good, timed_out });
            let before = self.status;
            if good {
                (self.streak, self.status) = (0, HealthStatus::Healthy);
            } else if self.status != HealthStatus::Starting || start - Time::ZERO >= self.check.start_period {
                self.streak += 1;
                if self.streak >= self.check.retries {
                    self.status = HealthStatus::Unhealthy;
                }
            }
            if self.status != before {
                self.changes.push((end, self.status));
            }
            self.reset(end);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever the check, the answers and the moments at which somebody looks: status, streak, log and every moment of
    /// change are those of probing each time.
    #[test]
    fn the_outcome_is_that_of_probing_each_time(
        interval in 1i64..4000, timeout in 1i64..300, period in 0i64..9000, start_interval in 1i64..3000,
        retries in 1u64..6, takes in 0i64..320, good in proptest::option::of(0i64..15_000),
        bad in proptest::option::of(0i64..30_000), mut looks in proptest::collection::vec(0i64..60_000, 1..12),
    ) {
        let check = HealthCheck {
            test: vec!["CMD".into()],
            interval: Duration::from_millis(interval),
            timeout: Duration::from_millis(timeout),
            start_period: Duration::from_millis(period),
            start_interval: Duration::from_millis(start_interval),
            retries,
        };
        let answers = Answers { takes: Duration::from_millis(takes), ..answers(good, bad) };
        looks.sort_unstable();
        let mut naive = Naive::new(check.clone(), answers);
        let mut quick = Health::new(check.clone(), answers, Time::ZERO);
        for look in looks {
            naive.advance(at(look));
            quick.advance(at(look));
            prop_assert_eq!((quick.status(), quick.failing_streak()), (naive.status, naive.streak), "at {} ms", look);
            let last = naive.log.len().saturating_sub(LOG);
            let log: Vec<_> = quick.log().copied().collect();
            prop_assert_eq!(&log[..], &naive.log[last..], "at {} ms", look);
        }
        // The alarms: one a change, at the very moments, and none after the last.
        let mut naive = Naive::new(check.clone(), answers);
        naive.advance(at(200_000));
        let mut quick = Health::new(check, answers, Time::ZERO);
        let mut changes = Vec::new();
        while let Some(change) = quick.next_change().filter(|change| *change <= at(200_000)) {
            quick.advance(change);
            changes.push((change, quick.status()));
        }
        prop_assert_eq!(changes, naive.changes);
    }
}
