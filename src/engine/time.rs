//! Virtual time: a moment ([`Time`]) and a length ([`Duration`]), both whole nanoseconds.
//!
//! `Duration` reads and writes text exactly as Go's `time.Duration` does, error texts included, because that is what
//! every flag of Docker takes and shows. Neither type is a date: the calendar of a simulated host is the host's affair.
//! Follows Go 1.25, `src/time/format.go` (ParseDuration) and `src/time/time.go` (Duration.String).

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

/// The form used when a run is told as a story: `12.345s`, `1m03.250s`, `2h00m03.250s`, `-0.500s`. Milliseconds are cut off, not rounded.
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
        parse(text)
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

impl std::str::FromStr for Duration {
    type Err = ParseDurationError;
    fn from_str(text: &str) -> Result<Duration, ParseDurationError> {
        parse(text)
    }
}

/// Go's `Duration.String()`: `5s`, `1m0s`, `2160h0m0s`, `1.5s`, `100ms`, `1.5µs`, `0s`.
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let n = self.0.unsigned_abs();
        let text = match n {
            0 => "0s".to_owned(),
            1..1_000 => format!("{sign}{n}ns"),
            1_000..1_000_000 => format!("{sign}{}µs", decimal(n, 1_000)),
            1_000_000..1_000_000_000 => format!("{sign}{}ms", decimal(n, 1_000_000)),
            _ => {
                let minutes = n / 60_000_000_000;
                let seconds = decimal(n % 60_000_000_000, 1_000_000_000);
                match (minutes / 60, minutes % 60) {
                    (0, 0) => format!("{sign}{seconds}s"),
                    (0, m) => format!("{sign}{m}m{seconds}s"),
                    (h, m) => format!("{sign}{h}h{m}m{seconds}s"),
                }
            }
        };
        f.pad(&text)
    }
}

/// `n / unit` as a decimal without trailing zeros; `unit` is a power of ten.
fn decimal(n: u64, unit: u64) -> String {
    let fraction = n % unit;
    if fraction == 0 {
        return (n / unit).to_string();
    }
    // The unit added in front keeps the leading zeros of the fraction.
    let digits = (unit + fraction).to_string();
    format!("{}.{}", n / unit, digits[1..].trim_end_matches('0'))
}

/// Why a text is no duration. The sentences are Go's, because Docker shows them as they are.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ParseDurationError {
    /// Not a duration at all, or too long for 64 bits.
    #[error("time: invalid duration {}", quote(.0))]
    Invalid(String),
    /// A number that no unit follows.
    #[error("time: missing unit in duration {}", quote(.0))]
    MissingUnit(String),
    /// A unit other than ns, us, µs, ms, s, m, h.
    #[error("time: unknown unit {} in duration {}", quote(.unit), quote(.text))]
    UnknownUnit {
        /// What stood in the unit's place.
        unit: String,
        /// The whole text.
        text: String,
    },
}

/// Go's `time.quote`: control characters and everything outside ASCII become `\x` and the bytes in hex.
fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        if c < ' ' || !c.is_ascii() {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                out.push_str(&format!("\\x{byte:02x}"));
            }
        } else {
            if c == '"' || c == '\\' {
                out.push('\\');
            }
            out.push(c);
        }
    }
    out.push('"');
    out
}

/// The magnitude of the most negative duration: one more than the most positive.
const OVER: u64 = 1 << 63;

fn parse(text: &str) -> Result<Duration, ParseDurationError> {
    let invalid = || ParseDurationError::Invalid(text.to_owned());
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total = 0u64;
    while !rest.is_empty() {
        let (whole, after) = digits(rest);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => digits(after),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
        let whole = leading_int(whole).ok_or_else(invalid)?;
        let end = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        if unit.is_empty() {
            return Err(ParseDurationError::MissingUnit(text.to_owned()));
        }
        let Some(nanos) = unit_nanos(unit) else {
            return Err(ParseDurationError::UnknownUnit { unit: unit.to_owned(), text: text.to_owned() });
        };
        if whole > OVER / nanos {
            return Err(invalid());
        }
        let value = whole * nanos + fraction_nanos(fraction, nanos);
        if value > OVER {
            return Err(invalid());
        }
        total = total.checked_add(value).filter(|total| *total <= OVER).ok_or_else(invalid)?;
        rest = after;
    }
    match (negative, total) {
        (true, OVER) => Ok(Duration(i64::MIN)),
        (true, n) => Ok(Duration(-(n as i64))),
        (false, OVER) => Err(invalid()),
        (false, n) => Ok(Duration(n as i64)),
    }
}

/// Splits the leading ASCII digits off.
fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// The number that the digits write; none above 2^63.
fn leading_int(digits: &str) -> Option<u64> {
    digits.bytes().try_fold(0u64, |n, c| {
        let n = n.checked_mul(10)?.checked_add(u64::from(c - b'0'))?;
        (n <= OVER).then_some(n)
    })
}

fn unit_nanos(unit: &str) -> Option<u64> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// The nanoseconds of the digits behind a point, as Go reckons them: `uint64(float64(f) * (float64(unit) / scale))`.
///
/// Go rounds to a double twice on the way, so that a third of an hour written with twenty digits is 20 minutes and not a
/// nanosecond less. The two roundings are done here in integers, which keeps floats out of the engine.
fn fraction_nanos(digits: &str, unit: u64) -> u64 {
    let (mut f, mut scale) = (0u64, 1u64);
    for c in digits.bytes() {
        // Digits that no longer fit are dropped, all of them from the first on.
        if f > (OVER - 1) / 10 || f * 10 + u64::from(c - b'0') > OVER {
            break;
        }
        f = f * 10 + u64::from(c - b'0');
        scale = scale.saturating_mul(10);
    }
    if f == 0 {
        return 0;
    }
    // unit / scale, with the dividend pushed up to the top so that no bit of the double is lost.
    let shift = u128::from(unit).leading_zeros();
    let dividend = u128::from(unit) << shift;
    let (quotient, remainder) = (dividend / u128::from(scale), dividend % u128::from(scale));
    let (ratio, ratio_exponent) = to_double(quotient, remainder != 0);
    let (f, f_exponent) = to_double(u128::from(f), false);
    let (product, exponent) = to_double(u128::from(f) * u128::from(ratio), false);
    let exponent = exponent + f_exponent + ratio_exponent - shift as i32;
    // Always below one unit, so that a shift to the left cannot overflow.
    if exponent >= 0 { product << exponent } else { product.checked_shr(exponent.unsigned_abs()).unwrap_or(0) }
}

/// Rounds to the 53 bits of a double, half to even: (mantissa, exponent of two). `more` says that `value` was itself cut off.
fn to_double(value: u128, more: bool) -> (u64, i32) {
    let excess = (128 - value.leading_zeros() as i32) - 53;
    if excess <= 0 {
        return (value as u64, 0);
    }
    let mantissa = (value >> excess) as u64;
    let rest = value & ((1 << excess) - 1);
    let half = 1u128 << (excess - 1);
    let up = rest > half || (rest == half && (more || mantissa & 1 == 1));
    (mantissa + u64::from(up), excess)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shows_as_go_does() {
        for (nanos, text) in [
            (0, "0s"),
            (1, "1ns"),
            (1_100, "1.1µs"),
            (1_500, "1.5µs"),
            (2_200_000, "2.2ms"),
            (100_000_000, "100ms"),
            (1_500_000_000, "1.5s"),
            (3_300_000_000, "3.3s"),
            (5_000_000_000, "5s"),
            (60_000_000_000, "1m0s"),
            (245_000_000_000, "4m5s"),
            (245_001_000_000, "4m5.001s"),
            (3_600_000_000_000, "1h0m0s"),
            (18_367_001_000_000, "5h6m7.001s"),
            (480_000_000_001, "8m0.000000001s"),
            (7_776_000_000_000_000, "2160h0m0s"),
            (i64::MAX, "2562047h47m16.854775807s"),
            (i64::MIN, "-2562047h47m16.854775808s"),
        ] {
            assert_eq!(Duration(nanos).to_string(), text);
        }
    }

    #[test]
    fn reads_what_go_reads() {
        let (m, h) = (60_000_000_000, 3_600_000_000_000);
        for (text, nanos) in [
            ("0", 0),
            ("-0", 0),
            ("+0", 0),
            ("5s", 5_000_000_000),
            ("-5s", -5_000_000_000),
            ("+5s", 5_000_000_000),
            ("5.0s", 5_000_000_000),
            ("5.6s", 5_600_000_000),
            ("5.s", 5_000_000_000),
            (".5s", 500_000_000),
            ("1.004s", 1_004_000_000),
            ("100.00100s", 100_001_000_000),
            ("12µs", 12_000),
            ("12μs", 12_000),
            ("12us", 12_000),
            ("3h30m", 3 * h + 30 * m),
            ("-1m30.5s", -90_500_000_000),
            ("10.5s4m", 4 * m + 10_500_000_000),
            ("1h2m3s4ms5us6ns", h + 2 * m + 3_004_005_006),
            ("39h9m14.425s", 39 * h + 9 * m + 14_425_000_000),
            ("52763797000ns", 52_763_797_000),
            ("0.3333333333333333333h", 20 * m),
            ("9007199254740993ns", (1 << 53) + 1),
            ("9223372036854775807ns", i64::MAX),
            ("9223372036854775.807us", i64::MAX),
            ("9223372036s854ms775us807ns", i64::MAX),
            ("-9223372036854775808ns", i64::MIN),
            ("-9223372036854775.808us", i64::MIN),
            ("0.100000000000000000000h", 6 * m),
            ("0.830103483285477580700h", 49 * m + 48_372_539_827),
        ] {
            assert_eq!(Duration::parse(text), Ok(Duration(nanos)), "{text}");
        }
    }

    #[test]
    fn refuses_in_the_words_of_go() {
        for (text, error) in [
            ("", r#"time: invalid duration """#),
            ("3", r#"time: missing unit in duration "3""#),
            ("5", r#"time: missing unit in duration "5""#),
            ("-", r#"time: invalid duration "-""#),
            ("x", r#"time: invalid duration "x""#),
            ("s", r#"time: invalid duration "s""#),
            (".", r#"time: invalid duration ".""#),
            ("-.", r#"time: invalid duration "-.""#),
            (".s", r#"time: invalid duration ".s""#),
            ("+.s", r#"time: invalid duration "+.s""#),
            ("1d", r#"time: unknown unit "d" in duration "1d""#),
            ("5x", r#"time: unknown unit "x" in duration "5x""#),
            ("1 s", r#"time: unknown unit " s" in duration "1 s""#),
            ("1h ", r#"time: unknown unit "h " in duration "1h ""#),
            ("5\u{e9}", r#"time: unknown unit "\xc3\xa9" in duration "5\xc3\xa9""#),
            ("x\"y", r#"time: invalid duration "x\"y""#),
            ("9223372036854775810ns", r#"time: invalid duration "9223372036854775810ns""#),
            ("9223372036854775808ns", r#"time: invalid duration "9223372036854775808ns""#),
            ("-9223372036854775809ns", r#"time: invalid duration "-9223372036854775809ns""#),
            ("3000000h", r#"time: invalid duration "3000000h""#),
            ("9223372036854775.808us", r#"time: invalid duration "9223372036854775.808us""#),
        ] {
            assert_eq!(Duration::parse(text).unwrap_err().to_string(), error);
        }
    }

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

    proptest! {
        #[test]
        fn what_is_shown_reads_back(nanos: i64) {
            prop_assert_eq!(Duration::parse(&Duration(nanos).to_string()), Ok(Duration(nanos)));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[-+]?[0-9.a-zµ]{0,12}") {
            let _ = Duration::parse(&text);
        }

        #[test]
        fn fractions_are_those_of_doubles(f in 1u64..1_000_000_000_000_000_000, unit in prop::sample::select(vec![1u64, 1_000, 1_000_000, 1_000_000_000, 60_000_000_000, 3_600_000_000_000])) {
            let text = format!("{f:018}");
            let double = (f as f64 * (unit as f64 / 1e18)) as u64;
            prop_assert_eq!(fraction_nanos(&text, unit), double);
        }
    }
}
