//! A node's renewal of its own certificate (raft-and-security.md §6.3).
//!
//! One alarm, weeks ahead, at a whole minute drawn from the second half of the certificate's life; nothing ticks. An
//! order to renew (the role changed, the root is being replaced) comes before it. What fails is tried again, later and
//! later, for as long as the daemon runs: also with a certificate that has expired, which no peer accepts any more.

use super::certificate::{CertStatus, Certificate};
use crate::engine::{Duration, Stream, Time};
use crate::swarm::object::Role;

/// An ordered renewal waits a moment first, so that the leader can write the role that it is about.
const PAUSE: Duration = Duration::from_millis(500);
/// One request may take so long.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Requests of one try; the second and later ones never go to the node's own manager.
const ATTEMPTS: u32 = 5;
/// Waits between tries: the first is drawn below this, later ones below this more than a doubled step...
const BACKOFF: Duration = Duration::from_secs(5);
/// ... and at most below this.
const BACKOFF_MAX: Duration = Duration::from_hours(1);

/// An alarm; the number tells whether it is still meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RenewerAlarm {
    /// Ask for a new certificate.
    Wake(u32),
    /// A request had no answer.
    Timeout(u32),
}

/// What the renewer wants done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RenewerOutbox {
    /// Ask a manager: the number that the answer must carry, and whether it must be another host's manager.
    pub ask: Option<(u32, bool)>,
    /// The alarm to set, this long from now.
    pub alarm: Option<(Duration, RenewerAlarm)>,
    /// The certificate to use from now on.
    pub install: Option<Certificate>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Sleeping,
    /// An order came; a moment passes.
    Pausing,
    Asking {
        attempt: u32,
    },
}

/// A node's renewal, while its daemon runs.
#[derive(Clone, Debug)]
pub struct Renewer {
    certificate: Certificate,
    draws: Stream,
    doing: Doing,
    /// Grows with whatever begins: alarms and answers of what is over are void.
    stamp: u32,
    /// An order has not been followed yet.
    ordered: bool,
    /// The role that the new certificate must have.
    expected: Option<Role>,
    failures: u32,
}

impl Renewer {
    /// A renewer for the certificate that is in use.
    pub fn start(certificate: Certificate, draws: Stream, wall: Time, out: &mut RenewerOutbox) -> Self {
        let mut renewer =
            Self { certificate, draws, doing: Doing::Sleeping, stamp: 0, ordered: false, expected: None, failures: 0 };
        renewer.sleep(wall, out);
        renewer
    }

    /// The certificate in use.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Tries that have failed since the last that succeeded.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// A renewal is wanted now; with a role, only a certificate of that role will do.
    pub fn order(&mut self, role: Option<Role>, out: &mut RenewerOutbox) {
        if role.is_some() {
            self.expected = role;
        }
        self.ordered = true;
        // Who asks already, or is about to, or waits because it failed, needs no second order.
        if self.doing == Doing::Sleeping {
            self.doing = Doing::Pausing;
            self.alarm(PAUSE, out);
        }
    }

    /// What was ordered is not wanted any more. What is under way goes on, as a renewal like any other.
    pub fn call_off(&mut self) {
        self.ordered = false;
        self.expected = None;
        self.failures = 0;
    }

    /// An alarm.
    pub fn alarm_rings(&mut self, alarm: RenewerAlarm, wall: Time, out: &mut RenewerOutbox) {
        match alarm {
            RenewerAlarm::Wake(stamp) if stamp == self.stamp => self.ask(0, out),
            RenewerAlarm::Timeout(stamp) if stamp == self.stamp => self.attempt_failed(wall, out),
            _ => {}
        }
    }

    /// The answer to the request of this number: a certificate, or none (refused, reset, nobody there).
    pub fn answer(&mut self, number: u32, certificate: Option<Certificate>, wall: Time, out: &mut RenewerOutbox) {
        if number != self.stamp || !matches!(self.doing, Doing::Asking { .. }) {
            return;
        }
        let Some(certificate) = certificate else { return self.attempt_failed(wall, out) };
        if certificate.status(wall) != CertStatus::Valid {
            // By this node's clock it is of another time: it is not taken, and another one would be no better.
            self.failures += 1;
            return self.sleep(wall, out);
        }
        out.install = Some(certificate);
        self.certificate = certificate;
        if self.expected.is_some_and(|role| role != certificate.role) {
            // The leader does not know of the role yet: the certificate is in use, but the order stands.
            self.ordered = true;
            self.failures += 1;
        } else {
            self.ordered = false;
            self.expected = None;
            self.failures = 0;
        }
        self.sleep(wall, out);
    }

    /// The manager that was asked can not be reached any more.
    pub fn connection_lost(&mut self, wall: Time, out: &mut RenewerOutbox) {
        if matches!(self.doing, Doing::Asking { .. }) {
            self.attempt_failed(wall, out);
        }
    }

    fn ask(&mut self, attempt: u32, out: &mut RenewerOutbox) {
        self.doing = Doing::Asking { attempt };
        self.stamp += 1;
        out.ask = Some((self.stamp, attempt > 0));
        out.alarm = Some((TIMEOUT, RenewerAlarm::Timeout(self.stamp)));
    }

    fn attempt_failed(&mut self, wall: Time, out: &mut RenewerOutbox) {
        let Doing::Asking { attempt } = self.doing else { return };
        if attempt + 1 < ATTEMPTS {
            return self.ask(attempt + 1, out);
        }
        self.failures += 1;
        self.sleep(wall, out);
    }

    fn sleep(&mut self, wall: Time, out: &mut RenewerOutbox) {
        self.doing = Doing::Sleeping;
        let wait = if self.ordered || self.certificate.status(wall) == CertStatus::Expired {
            self.backoff()
        } else {
            (self.moment() - wall).max(Duration::ZERO)
        };
        self.alarm(wait, out);
    }

    fn alarm(&mut self, wait: Duration, out: &mut RenewerOutbox) {
        self.stamp += 1;
        out.alarm = Some((wait, RenewerAlarm::Wake(self.stamp)));
    }

    /// A whole minute after the beginning of validity, evenly from the half to four fifths of it.
    fn moment(&mut self) -> Time {
        let minute = Duration::from_minutes(1);
        let minutes = u64::try_from(self.certificate.validity().as_nanos() / minute.as_nanos()).unwrap_or(0);
        let (low, high) = (minutes / 2, minutes * 4 / 5);
        let drawn = low + if high > low { self.draws.below(high - low) } else { 0 };
        self.certificate.not_before + minute * i64::try_from(drawn).unwrap_or(i64::MAX)
    }

    fn backoff(&mut self) -> Duration {
        if self.failures == 0 {
            return Duration::ZERO;
        }
        let doublings = (self.failures - 1).min(20);
        let limit = (BACKOFF + BACKOFF * (1i64 << doublings)).min(BACKOFF_MAX);
        self.draws.between(Duration::ZERO, limit)
    }
}

#[cfg(test)]
mod tests {
    use super::super::certificate::{BACKDATE, DEFAULT_EXPIRY};
    use super::*;
    use crate::engine::Seed;
    use crate::swarm::ca::RootId;
    use crate::swarm::object::Id;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn certificate(role: Role, wall: Time, expiry: Duration) -> Certificate {
        Certificate {
            node: Id(5),
            role,
            organization: Id(9),
            issuer: RootId(1),
            cross_signed_by: None,
            not_before: wall - BACKDATE,
            not_after: wall + expiry,
            serial: 1,
        }
    }

    fn start(expiry: Duration, wall: Time, seed: u64) -> (Renewer, RenewerOutbox) {
        let mut out = RenewerOutbox::default();
        let stream = Seed(seed).stream("renewer", &0u8);
        let renewer = Renewer::start(certificate(Role::Worker, Time::ZERO, expiry), stream, wall, &mut out);
        (renewer, out)
    }

    fn wake(out: &RenewerOutbox) -> (Duration, RenewerAlarm) {
        out.alarm.expect("an alarm is set")
    }

    /// Rings what is set, and gives back what comes of it.
    fn ring(renewer: &mut Renewer, out: &RenewerOutbox, wall: Time) -> RenewerOutbox {
        let mut next = RenewerOutbox::default();
        renewer.alarm_rings(wake(out).1, wall, &mut next);
        next
    }

    fn answer(renewer: &mut Renewer, out: &RenewerOutbox, with: Option<Certificate>, wall: Time) -> RenewerOutbox {
        let mut next = RenewerOutbox::default();
        renewer.answer(out.ask.expect("it asks").0, with, wall, &mut next);
        next
    }

    /// Lets all the attempts of one try fail.
    fn fail(renewer: &mut Renewer, mut out: RenewerOutbox, wall: Time) -> RenewerOutbox {
        for attempt in 0..ATTEMPTS {
            assert_eq!(out.ask.map(|(_, remote)| remote), Some(attempt > 0), "attempt {attempt}");
            out = answer(renewer, &out, None, wall);
        }
        assert_eq!(out.ask, None);
        out
    }

    proptest! {
        #[test]
        fn it_sleeps_until_the_second_half_of_validity(seed: u64, hours in 1i64..5000) {
            let expiry = Duration::from_hours(hours);
            let (_, out) = start(expiry, Time::ZERO, seed);
            let life = expiry + BACKDATE;
            let at = wake(&out).0 + BACKDATE;
            prop_assert!(at >= life / 2 - Duration::from_minutes(1), "{at:?} of {life:?}");
            prop_assert!(at < life / 5 * 4, "{at:?} of {life:?}");
            prop_assert_eq!(at.as_nanos() % Duration::from_minutes(1).as_nanos(), 0);
            prop_assert_eq!(out.ask, None);
        }

        /// However often it fails, the wait stays within an hour, and exactly one alarm or request is on its way.
        #[test]
        fn waits_are_bounded(seed: u64, failures in 1u32..60) {
            let wall = Time::ZERO + DEFAULT_EXPIRY + SECOND;
            let (mut renewer, mut out) = start(DEFAULT_EXPIRY, wall, seed);
            prop_assert_eq!(wake(&out).0, Duration::ZERO);
            for failure in 1..=failures {
                out = ring(&mut renewer, &out, wall);
                out = fail(&mut renewer, out, wall);
                prop_assert_eq!(renewer.failures(), failure);
                let limit = SECOND * (5 + 5 * (1i64 << (failure - 1).min(20))).min(3600);
                prop_assert!(wake(&out).0 < limit, "{:?}", wake(&out));
            }
        }
    }

    #[test]
    fn ninety_days_are_renewed_between_day_45_and_72() {
        let day = Duration::from_hours(24);
        for seed in 0..200 {
            let (_, out) = start(DEFAULT_EXPIRY, Time::ZERO, seed);
            let wait = wake(&out).0;
            assert!(wait > day * 44 && wait < day * 72 + Duration::from_hours(1), "{wait:?}");
        }
    }

    #[test]
    fn a_renewal_that_works_sleeps_again() {
        let (mut renewer, out) = start(DEFAULT_EXPIRY, Time::ZERO, 3);
        let wall = Time::ZERO + wake(&out).0;
        let out = ring(&mut renewer, &out, wall);
        assert_eq!(out.ask, Some((2, false)));
        assert_eq!(wake(&out), (SECOND * 5, RenewerAlarm::Timeout(2)));
        let new = certificate(Role::Worker, wall, DEFAULT_EXPIRY);
        let out = answer(&mut renewer, &out, Some(new), wall);
        assert_eq!(out.install, Some(new));
        assert!(wake(&out).0 > Duration::from_hours(1000));
        // What belongs to the past is void.
        let mut late = RenewerOutbox::default();
        renewer.alarm_rings(RenewerAlarm::Timeout(2), wall, &mut late);
        renewer.answer(2, None, wall, &mut late);
        assert_eq!(late, RenewerOutbox::default());
    }

    #[test]
    fn an_order_waits_a_moment_and_stands_until_the_role_is_right() {
        let (mut renewer, _) = start(DEFAULT_EXPIRY, Time::ZERO, 4);
        let mut out = RenewerOutbox::default();
        renewer.order(Some(Role::Manager), &mut out);
        assert_eq!(wake(&out).0, PAUSE);
        // A second order while the first is under way asks for nothing more.
        let mut again = RenewerOutbox::default();
        renewer.order(Some(Role::Manager), &mut again);
        assert_eq!(again, RenewerOutbox::default());
        let out = ring(&mut renewer, &out, Time::ZERO);
        let wrong = certificate(Role::Worker, Time::ZERO, DEFAULT_EXPIRY);
        let out = answer(&mut renewer, &out, Some(wrong), Time::ZERO);
        assert_eq!(renewer.failures(), 1);
        assert!(wake(&out).0 < SECOND * 10);
        let out = ring(&mut renewer, &out, Time::ZERO);
        let right = certificate(Role::Manager, Time::ZERO, DEFAULT_EXPIRY);
        let out = answer(&mut renewer, &out, Some(right), Time::ZERO);
        assert_eq!((renewer.failures(), renewer.certificate().role), (0, Role::Manager));
        assert!(wake(&out).0 > Duration::from_hours(1000));
    }

    #[test]
    fn a_certificate_of_another_time_is_not_taken() {
        let (mut renewer, _) = start(DEFAULT_EXPIRY, Time::ZERO, 7);
        let mut out = RenewerOutbox::default();
        renewer.order(None, &mut out);
        let out = ring(&mut renewer, &out, Time::ZERO);
        // The leader's clock is two hours ahead: by this one, it begins in an hour.
        let early = certificate(Role::Worker, Time::ZERO + Duration::from_hours(2), DEFAULT_EXPIRY);
        let out = answer(&mut renewer, &out, Some(early), Time::ZERO);
        assert_eq!((out.install, out.ask, renewer.failures()), (None, None, 1));
        assert!(wake(&out).0 < SECOND * 10);
        let later = Time::ZERO + Duration::from_hours(1);
        let out = ring(&mut renewer, &out, later);
        let out = answer(&mut renewer, &out, Some(early), later);
        assert_eq!((out.install, renewer.failures()), (Some(early), 0));
    }

    #[test]
    fn silence_costs_five_seconds_an_attempt() {
        let (mut renewer, out) = start(DEFAULT_EXPIRY, Time::ZERO, 5);
        let mut out = ring(&mut renewer, &out, Time::ZERO);
        let mut waited = Duration::ZERO;
        while out.ask.is_some() {
            waited += wake(&out).0;
            out = ring(&mut renewer, &out, Time::ZERO);
        }
        assert_eq!(waited, SECOND * 25);
        // Not ordered and not expired: it draws a new minute, as the real one does.
        assert!(wake(&out).0 > Duration::from_hours(1000));
    }

    #[test]
    fn a_clock_that_is_behind_is_no_reason_to_hurry() {
        let (_, out) = start(DEFAULT_EXPIRY, Time::ZERO - Duration::from_hours(48), 6);
        assert!(wake(&out).0 > Duration::from_hours(1000));
    }
}
