//! Virtual time as the Engine API writes it: RFC 3339 with up to nine digits of the second, always in UTC.
//!
//! One place for client and daemon. Not a clock: it converts what it is given. Go's `time.RFC3339Nano` is followed
//! (trailing zeros of the fraction are dropped, and the point with them).

/// Seconds from 1970 to virtual time 0, which is 2026-01-05T09:00:00Z.
pub const EPOCH_UNIX_SECONDS: i64 = 1_767_603_600;

const NANOS: i64 = 1_000_000_000;
const DAY: i64 = 86_400;

/// A moment in nanoseconds of virtual time as `2026-01-05T09:00:00.5Z`.
pub fn rfc3339(nanos: i64) -> String {
    let (date, clock, fraction) = parts(nanos);
    format!("{date}T{clock}{fraction}Z")
}

/// The same with all nine digits of the fraction, as `docker logs -t` and `docker events` write it.
pub fn rfc3339_fixed(nanos: i64) -> String {
    let (date, clock, _) = parts(nanos);
    format!("{date}T{clock}.{:09}Z", nanos.rem_euclid(NANOS))
}

/// As Go prints a time: `2026-01-05 09:00:00.5 +0000 UTC`.
pub fn go_string(nanos: i64) -> String {
    let (date, clock, fraction) = parts(nanos);
    format!("{date} {clock}{fraction} +0000 UTC")
}

/// As Go's RFC 1123 has it: `Mon, 05 Jan 2026 09:00:00 UTC`.
pub fn rfc1123(nanos: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let days = (EPOCH_UNIX_SECONDS + nanos.div_euclid(NANOS)).div_euclid(DAY);
    let (year, month, day) = civil_from_days(days);
    let (_, clock, _) = parts(nanos);
    let (weekday, month) = (DAYS[days.rem_euclid(7) as usize], MONTHS[month as usize - 1]);
    format!("{weekday}, {day:02} {month} {year:04} {clock} UTC")
}

/// Back to nanoseconds of virtual time; `None` for what is not RFC 3339. Offsets such as `+02:00` are understood.
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = text.get(from..to)?;
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        digits.parse().ok()
    };
    let sign = |at: usize, wanted: u8| (text.as_bytes().get(at) == Some(&wanted)).then_some(());
    sign(4, b'-')?;
    sign(7, b'-')?;
    sign(10, b'T')?;
    sign(13, b':')?;
    sign(16, b':')?;
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut rest = text.get(19..)?;
    let mut fraction = 0;
    if let Some(after) = rest.strip_prefix('.') {
        let end = after.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(after.len());
        if end == 0 {
            return None;
        }
        let digits: String = after[..end].chars().chain("000000000".chars()).take(9).collect();
        fraction = digits.parse::<i64>().ok()?;
        rest = &after[end..];
    }
    let offset = match rest.as_bytes() {
        b"Z" => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] if [h1, h2, m1, m2].iter().all(|b| b.is_ascii_digit()) => {
            let digit = |b: &u8| i64::from(*b - b'0');
            let seconds = (digit(h1) * 10 + digit(h2)) * 3600 + (digit(m1) * 10 + digit(m2)) * 60;
            if *sign == b'-' { -seconds } else { seconds }
        }
        _ => return None,
    };
    let seconds = days_from_civil(year, month, day) * DAY + hour * 3600 + minute * 60 + second - offset;
    from_unix(seconds, fraction)
}

/// Unix seconds and nanoseconds as nanoseconds of virtual time; `None` beyond what fits (some 290 years).
pub fn from_unix(seconds: i64, nanos: i64) -> Option<i64> {
    seconds.checked_sub(EPOCH_UNIX_SECONDS)?.checked_mul(NANOS)?.checked_add(nanos)
}

fn parts(nanos: i64) -> (String, String, String) {
    let unix = EPOCH_UNIX_SECONDS + nanos.div_euclid(NANOS);
    let (year, month, day) = civil_from_days(unix.div_euclid(DAY));
    let second = unix.rem_euclid(DAY);
    let fraction = match nanos.rem_euclid(NANOS) {
        0 => String::new(),
        nanos => format!(".{nanos:09}").trim_end_matches('0').to_owned(),
    };
    let clock = format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
    (format!("{year:04}-{month:02}-{day:02}"), clock, fraction)
}

/// Days since 1970-01-01 of a date (Howard Hinnant's algorithm for the proleptic Gregorian calendar).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn virtual_time_zero_is_the_epoch() {
        assert_eq!(rfc3339(0), "2026-01-05T09:00:00Z");
        assert_eq!(rfc3339(1), "2026-01-05T09:00:00.000000001Z");
        assert_eq!(rfc3339(500_000_000), "2026-01-05T09:00:00.5Z");
        assert_eq!(rfc3339(-NANOS), "2026-01-05T08:59:59Z");
        assert_eq!(rfc3339_fixed(500_000_000), "2026-01-05T09:00:00.500000000Z");
        assert_eq!(rfc1123(500_000_000), "Mon, 05 Jan 2026 09:00:00 UTC");
        assert_eq!(rfc1123(-10 * 3600 * NANOS), "Sun, 04 Jan 2026 23:00:00 UTC");
        assert_eq!(go_string(1), "2026-01-05 09:00:00.000000001 +0000 UTC");
    }

    #[test]
    fn what_is_written_is_read_back() {
        for nanos in [0, 1, -1, 123_456_789_012_345, -123_456_789_012_345, 59 * DAY * NANOS + 7] {
            assert_eq!(parse_rfc3339(&rfc3339(nanos)), Some(nanos));
            assert_eq!(parse_rfc3339(&rfc3339_fixed(nanos)), Some(nanos));
        }
        assert_eq!(parse_rfc3339("2026-01-05T11:00:00+02:00"), Some(0));
        for bad in ["", "2026-01-05", "2026-13-05T09:00:00Z", "2026-01-05T09:00:00", "2026-01-05T09:00:00.Z", "x"] {
            assert_eq!(parse_rfc3339(bad), None, "{bad}");
        }
    }
}
