//! Virtual time: a moment ([`Time`]) and a length ([`Duration`]), both whole nanoseconds.
//!
//! `Duration` reads and writes text exactly as Go's `time.Duration` does, error texts included, because that is what
//! every flag of Docker takes and shows. Neither type is a date: the calendar of a simulated host is the host's affair.

mod go;

pub use go::ParseDurationError;
use std::fmt;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub, SubAssign};

/// A moment: nanoseconds since the start of the scenario.
///
/// The data centre boots before its scenario starts, so a time may be negative. Arithmetic saturates.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Time(i64);

/// A length of time in nanoseconds, as Go's `time.Duration`. It may be negative. Arithmetic saturates.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Duration(i64);

impl Time {
    /// The start of the scenario.
    pub const ZERO: Time = Time(0);
    /// The latest moment there is: "never".
    pub const MAX: Time = Time(i64::MAX);
    /// The earliest moment there is.
    pub const MIN: Time = Time(i64::MIN);

    /// The moment so many nanoseconds after the start (before it, when negative).
    pub const fn from_nanos(nanos: i64) -> Time {
        Time(nanos)
    }

    /// Nanoseconds since the start of the scenario.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Later by `d`, stopping at [`Time::MAX`] and [`Time::MIN`].
    pub const fn saturating_add(self, d: Duration) -> Time {
        Time(self.0.saturating_add(d.0))
    }

    /// Earlier by `d`, stopping at [`Time::MAX`] and [`Time::MIN`].
    pub const fn saturating_sub(self, d: Duration) -> Time {
        Time(self.0.saturating_sub(d.0))
    }

    /// How long after `earlier` this is; negative when it is before.
    pub const fn since(self, earlier: Time) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Time;
    fn add(self, d: Duration) -> Time {
        self.saturating_add(d)
    }
}

impl AddAssign<Duration> for Time {
    fn add_assign(&mut self, d: Duration) {
        *self = *self + d;
    }
}

impl Sub<Duration> for Time {
    type Output = Time;
    fn sub(self, d: Duration) -> Time {
        self.saturating_sub(d)
    }
}

impl SubAssign<Duration> for Time {
    fn sub_assign(&mut self, d: Duration) {
        *self = *self - d;
    }
}

impl Sub<Time> for Time {
    type Output = Duration;
    fn sub(self, earlier: Time) -> Duration {
        self.since(earlier)
    }
}

/// The form used when a run is told as a story: `12.345s`, `1m03.250s`, `2h00m03.250s`, `-0.500s`. Milliseconds are cut
/// off, not rounded.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.unsigned_abs() / 1_000_000;
        let sign = if self.0 < 0 && millis > 0 { "-" } else { "" };
        let (seconds, millis) = (millis / 1_000, millis % 1_000);
        let (minutes, s) = (seconds / 60, seconds % 60);
        let (h, m) = (minutes / 60, minutes % 60);
        let text = match (h, m) {
            (0, 0) => format!("{sign}{s}.{millis:03}s"),
            (0, _) => format!("{sign}{m}m{s:02}.{millis:03}s"),
            _ => format!("{sign}{h}h{m:02}m{s:02}.{millis:03}s"),
        };
        f.pad(&text)
    }
}

impl Duration {
    /// No time at all.
    pub const ZERO: Duration = Duration(0);
    /// The longest there is, about 292 years.
    pub const MAX: Duration = Duration(i64::MAX);

    /// So many nanoseconds.
    pub const fn from_nanos(n: i64) -> Duration {
        Duration(n)
    }

    /// So many microseconds.
    pub const fn from_micros(n: i64) -> Duration {
        Duration(n.saturating_mul(1_000))
    }

    /// So many milliseconds.
    pub const fn from_millis(n: i64) -> Duration {
        Duration(n.saturating_mul(1_000_000))
    }

    /// So many seconds.
    pub const fn from_secs(n: i64) -> Duration {
        Duration(n.saturating_mul(1_000_000_000))
    }

    /// So many minutes.
    pub const fn from_minutes(n: i64) -> Duration {
        Duration(n.saturating_mul(60_000_000_000))
    }

    /// So many hours.
    pub const fn from_hours(n: i64) -> Duration {
        Duration(n.saturating_mul(3_600_000_000_000))
    }

    /// In nanoseconds.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// In whole milliseconds, cut towards zero.
    pub const fn as_millis(self) -> i64 {
        self.0 / 1_000_000
    }

    /// In whole seconds, cut towards zero.
    pub const fn as_secs(self) -> i64 {
        self.0 / 1_000_000_000
    }

    /// Whether it is below zero.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// Reads a duration as Go's `time.ParseDuration` does: `5s`, `1h30m`, `-1.5µs`, `0`.
    ///
    /// # Errors
    /// Go's three sentences, word for word; see [`ParseDurationError`].
    pub fn parse(text: &str) -> Result<Duration, ParseDurationError> {
        go::parse(text)
    }
}

impl Add for Duration {
    type Output = Duration;
    fn add(self, other: Duration) -> Duration {
        Duration(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Duration {
    fn add_assign(&mut self, other: Duration) {
        *self = *self + other;
    }
}

impl Sub for Duration {
    type Output = Duration;
    fn sub(self, other: Duration) -> Duration {
        Duration(self.0.saturating_sub(other.0))
    }
}

impl SubAssign for Duration {
    fn sub_assign(&mut self, other: Duration) {
        *self = *self - other;
    }
}

impl Neg for Duration {
    type Output = Duration;
    fn neg(self) -> Duration {
        Duration(self.0.saturating_neg())
    }
}

impl Mul<i64> for Duration {
    type Output = Duration;
    fn mul(self, n: i64) -> Duration {
        Duration(self.0.saturating_mul(n))
    }
}

/// Cut towards zero; dividing by zero panics, as it does for integers.
impl Div<i64> for Duration {
    type Output = Duration;
    fn div(self, n: i64) -> Duration {
        Duration(self.0.saturating_div(n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_a_moment_as_a_story() {
        for (nanos, text) in [
            (0, "0.000s"),
            (12_345_678_901, "12.345s"),
            (63_250_000_000, "1m03.250s"),
            (7_203_250_000_000, "2h00m03.250s"),
            (-500_000_000, "-0.500s"),
            (-400, "0.000s"),
        ] {
            assert_eq!(Time(nanos).to_string(), text);
        }
        assert_eq!(format!("[{:>9}]", Time(500_000_000)), "[   0.500s]");
    }

    #[test]
    fn saturates() {
        assert_eq!(Time::MAX + Duration::from_secs(1), Time::MAX);
        assert_eq!(Duration::MAX * 2, Duration::MAX);
        assert_eq!(Duration::from_hours(i64::MAX), Duration::MAX);
        assert_eq!(-Duration(i64::MIN), Duration::MAX);
        assert_eq!(Time::from_nanos(-3) - Time::from_nanos(2), Duration(-5));
    }
}
