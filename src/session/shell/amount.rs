//! Amounts in a line of the lab: durations as Docker writes them, shares in percent, rates.
//!
//! A share or a drift is kept as an integer: nothing that a world computes with is a float. It follows the house plan §4
//! ("durations and sizes are written as Docker writes them").

use std::fmt;

/// A span of time in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(pub i64);

impl Duration {
    /// Reads a duration as Go does: `300ms`, `1m30s`, `-1.5h`, `0`.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, mut rest) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        if rest == "0" {
            return Some(Self(0));
        }
        if rest.is_empty() {
            return None;
        }
        let mut total: i128 = 0;
        while !rest.is_empty() {
            let number = rest.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
            let (digits, tail) = rest.split_at(number);
            let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
            if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') || digits.len() > 36 {
                return None;
            }
            let unit = tail.bytes().take_while(|b| !b.is_ascii_digit() && *b != b'.').count();
            let scale: i128 = match tail.get(..unit)? {
                "ns" => 1,
                "us" | "µs" | "μs" => 1_000,
                "ms" => 1_000_000,
                "s" => 1_000_000_000,
                "m" => 60_000_000_000,
                "h" => 3_600_000_000_000,
                _ => return None,
            };
            let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
            total = total.checked_add(whole.checked_mul(scale)?)?;
            if !fraction.is_empty() {
                let fraction = &fraction[..fraction.len().min(15)];
                let value: i128 = fraction.parse().ok()?;
                total = total.checked_add(value * scale / 10_i128.pow(fraction.len() as u32))?;
            }
            rest = &tail[unit..];
        }
        i64::try_from(if negative { -total } else { total }).ok().map(Self)
    }

    /// Nanoseconds.
    pub fn nanos(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let nanos = self.0.unsigned_abs();
        let decimal = |value: u64, scale: u64| {
            let text = format!("{}.{:0width$}", value / scale, value % scale, width = scale.ilog10() as usize);
            text.trim_end_matches('0').trim_end_matches('.').to_string()
        };
        match nanos {
            0 => write!(f, "0s"),
            1..1_000 => write!(f, "{sign}{nanos}ns"),
            1_000..1_000_000 => write!(f, "{sign}{}µs", decimal(nanos, 1_000)),
            1_000_000..1_000_000_000 => write!(f, "{sign}{}ms", decimal(nanos, 1_000_000)),
            _ => {
                let (hours, rest) = (nanos / 3_600_000_000_000, nanos % 3_600_000_000_000);
                let (minutes, rest) = (rest / 60_000_000_000, rest % 60_000_000_000);
                let seconds = decimal(rest, 1_000_000_000);
                match (hours, minutes) {
                    (0, 0) => write!(f, "{sign}{seconds}s"),
                    (0, _) => write!(f, "{sign}{minutes}m{seconds}s"),
                    _ => write!(f, "{sign}{hours}h{minutes}m{seconds}s"),
                }
            }
        }
    }
}

/// A share in millionths: 5% is 50,000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share(pub u32);

impl Share {
    /// Reads `5%` or `0.25%`; at most 100%.
    pub fn parse(text: &str) -> Option<Self> {
        let millionths = decimal(text.strip_suffix('%')?, 4)?;
        u32::try_from(millionths).ok().filter(|&share| share <= 1_000_000).map(Self)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:04}", self.0 / 10_000, self.0 % 10_000);
        write!(f, "{}%", text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// So many in each `per`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// In which time.
    pub per: Duration,
}

impl Rate {
    /// Reads `200/s`, `30/m` or `5/10s`.
    pub fn parse(text: &str) -> Option<Self> {
        let (count, per) = text.split_once('/')?;
        let count = count.parse().ok().filter(|&count| count > 0)?;
        let per = match per {
            "s" => "1s",
            "m" => "1m",
            "h" => "1h",
            per => per,
        };
        let per = Duration::parse(per).filter(|per| per.0 > 0)?;
        Some(Self { count, per })
    }
}

/// Reads a decimal number with at most `places` digits behind the point, times ten to the `places`.
pub(super) fn decimal(text: &str, places: usize) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > places {
        return None;
    }
    format!("{whole}{fraction:0<places$}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_go_writes_them() {
        for (text, nanos, shown) in [
            ("0", 0, "0s"),
            ("300ms", 300_000_000, "300ms"),
            ("1m30s", 90_000_000_000, "1m30s"),
            ("1.5h", 5_400_000_000_000, "1h30m0s"),
            ("-30s", -30_000_000_000, "-30s"),
            ("200us", 200_000, "200µs"),
            ("1.5ms", 1_500_000, "1.5ms"),
        ] {
            assert_eq!(Duration::parse(text), Some(Duration(nanos)), "{text}");
            assert_eq!(Duration(nanos).to_string(), shown);
        }
        for text in ["", "-", "5", "s", "1x", "1.2.3s", "1s5", "9999999h", "1000y", "é"] {
            assert_eq!(Duration::parse(text), None, "{text}");
        }
    }

    #[test]
    fn shares_and_rates_are_whole_numbers() {
        assert_eq!(Share::parse("5%"), Some(Share(50_000)));
        assert_eq!(Share::parse("0.25%").map(|s| s.to_string()), Some("0.25%".into()));
        assert_eq!(Share::parse("101%"), None);
        assert_eq!(Share::parse("5"), None);
        assert_eq!(Rate::parse("200/s"), Some(Rate { count: 200, per: Duration(1_000_000_000) }));
        assert_eq!(Rate::parse("0/s"), None);
    }
}
