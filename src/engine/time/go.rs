//! A duration as text, exactly as Go reads and writes it.
//!
//! Follows Go 1.25, `src/time/format.go` (ParseDuration) and `src/time/time.go` (Duration.String). It reads no dates
//! and no Docker sizes.

use std::fmt;

use super::Duration;

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

pub(super) fn parse(text: &str) -> Result<Duration, ParseDurationError> {
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
/// Go rounds to a double twice on the way, so that a third of an hour written with twenty digits is 20 minutes and not
/// a nanosecond less. The two roundings are done here in integers, which keeps floats out of the engine.
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

/// Rounds to the 53 bits of a double, half to even: (mantissa, exponent of two). `more` says that `value` was itself
/// cut off.
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
        fn fractions_are_those_of_doubles(
            f in 1u64..1_000_000_000_000_000_000, unit in prop::sample::select(vec!["ns", "us", "ms", "s", "m", "h"]),
        ) {
            let (text, unit) = (format!("{f:018}"), unit_nanos(unit).unwrap());
            let double = (f as f64 * (unit as f64 / 1e18)) as u64;
            prop_assert_eq!(fraction_nanos(&text, unit), double);
        }
    }
}
