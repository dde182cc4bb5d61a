//! Amounts in a line of the lab that are no durations: shares in percent, rates.
//!
//! A share or a drift is kept as an integer: nothing that a world computes with is a float. It follows the house plan §4
//! ("durations and sizes are written as Docker writes them").

use std::fmt;

use crate::engine::Duration;

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
        let per = Duration::parse(per).ok().filter(|per| *per > Duration::ZERO)?;
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
    fn shares_and_rates_are_whole_numbers() {
        assert_eq!(Share::parse("5%"), Some(Share(50_000)));
        assert_eq!(Share::parse("0.25%").map(|s| s.to_string()), Some("0.25%".into()));
        assert_eq!(Share::parse("101%"), None);
        assert_eq!(Share::parse("5"), None);
        assert_eq!(Rate::parse("200/s"), Some(Rate { count: 200, per: Duration::from_secs(1) }));
        assert_eq!(Rate::parse("0/s"), None);
    }
}
