//! The clock of one host. It may be wrong by an offset, and it may run too fast or too slow.
//!
//! What a host writes down bears the time of its clock ([`Clock::wall`]). Its timers follow the same crystal but know no
//! jumps ([`Clock::monotonic`], [`Clock::timer`]): setting a clock moves no timer, and a new drift only those that are set
//! from then on. Integers only.

use crate::engine::{Duration, Time};

/// A billion: what drifts are parts of.
const BILLION: i128 = 1_000_000_000;

/// The clock of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// How far it was set forward in all.
    offset: Duration,
    /// How many parts in 10⁹ it is fast; negative: slow.
    drift: i64,
    /// Since when it drifts so.
    since: Time,
    /// What it had gained until then.
    gained: Duration,
}

impl Default for Clock {
    /// A clock that is right.
    fn default() -> Self {
        Self { offset: Duration::ZERO, drift: 0, since: Time::ZERO, gained: Duration::ZERO }
    }
}

impl Clock {
    /// How far it may be set from the right time: 100 years, so that every date that it can show has a name.
    pub const FURTHEST: Duration = Duration::from_hours(876_000);

    /// How far it was set forward in all; negative: back.
    pub fn offset(&self) -> Duration {
        self.offset
    }

    /// Whether it is right and stays so.
    pub fn is_right(&self) -> bool {
        self.offset == Duration::ZERO && self.drift == 0 && self.gained == Duration::ZERO
    }

    /// Parts in 10⁹ that it is fast.
    pub fn drift(&self) -> i64 {
        self.drift
    }

    /// How much it has gained by running fast.
    fn gain(&self, now: Time) -> Duration {
        let parts = i128::from((now - self.since).as_nanos()) * i128::from(self.drift);
        self.gained + Duration::from_nanos(i64::try_from(parts.div_euclid(BILLION)).unwrap_or(i64::MAX))
    }

    /// The time by which the host's timers run: never set back or forward.
    pub fn monotonic(&self, now: Time) -> Time {
        now + self.gain(now)
    }

    /// The time that the clock shows.
    pub fn wall(&self, now: Time) -> Time {
        self.monotonic(now) + self.offset
    }

    /// How long a timer of so long really takes.
    pub fn timer(&self, span: Duration) -> Duration {
        if self.drift == 0 {
            return span;
        }
        let rate = BILLION + i128::from(self.drift);
        // Rounded up, so that it never rings before its time by this clock.
        let nanos = (i128::from(span.as_nanos()) * BILLION + rate - 1).div_euclid(rate);
        Duration::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
    }

    /// The moment when this clock's monotonic time will be `at`: not before now.
    pub fn real(&self, at: Time, now: Time) -> Time {
        if self.drift == 0 {
            return (at - self.gained).max(now);
        }
        now + self.timer((at - self.monotonic(now)).max(Duration::ZERO))
    }

    /// It is set forward, or back.
    pub fn jump(&mut self, by: Duration) {
        self.offset += by;
    }

    /// It runs so much too fast from now on.
    pub fn set_drift(&mut self, drift: i64, now: Time) {
        (self.gained, self.since, self.drift) = (self.gain(now), now, drift);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_jump_moves_what_is_shown_and_no_timer() {
        let mut clock = Clock::default();
        clock.jump(HOUR);
        clock.jump(Duration::from_secs(-600));
        let now = Time::ZERO + HOUR;
        assert_eq!(clock.wall(now) - now, Duration::from_secs(3000));
        assert_eq!((clock.monotonic(now), clock.timer(HOUR)), (now, HOUR));
        assert!(!clock.is_right());
    }

    #[test]
    fn a_drift_gains_with_time_and_keeps_what_it_gained() {
        let mut clock = Clock::default();
        let start = Time::ZERO + HOUR;
        clock.set_drift(50_000, start);
        assert_eq!(clock.wall(start), start);
        let later = start + HOUR;
        assert_eq!(clock.wall(later) - later, Duration::from_millis(180));
        clock.set_drift(-50_000, later);
        assert_eq!(clock.wall(later) - later, Duration::from_millis(180));
        let end = later + HOUR;
        assert_eq!(clock.wall(end), end);
        clock.set_drift(0, later);
        assert_eq!(clock.monotonic(end) - end, Duration::from_millis(180));
        assert_eq!(clock.real(clock.monotonic(end), later), end);
    }

    #[test]
    fn a_timer_never_rings_early_by_its_own_clock() {
        for drift in [1, -1, 50_000, -50_000, 100_000_000, -100_000_000, 333] {
            let mut clock = Clock::default();
            clock.set_drift(drift, Time::ZERO + Duration::from_nanos(12_345));
            for nanos in [1, 7, 999_999_937, 5_000_000_000, 86_400_000_000_000] {
                let (now, span) = (Time::ZERO + HOUR, Duration::from_nanos(nanos));
                let at = clock.monotonic(now) + span;
                let real = clock.real(at, now);
                assert!(clock.monotonic(real) >= at, "{drift} {nanos}");
                assert!(clock.monotonic(real) - at <= Duration::from_nanos(2), "{drift} {nanos}");
            }
        }
    }
}
