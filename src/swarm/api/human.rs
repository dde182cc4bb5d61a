//! Durations in words, as Docker's engine and client both write them (cli.md §4.5).

/// `5 seconds`, `About a minute`, `2 hours`: whole units, the largest that fits. Nanoseconds in.
pub fn human_duration(nanos: i64) -> String {
    const SECOND: i64 = 1_000_000_000;
    let seconds = nanos / SECOND;
    let minutes = seconds / 60;
    // Hours are rounded, not cut: half an hour counts as one more.
    let hours = (nanos.max(0) + 1800 * SECOND) / (3600 * SECOND);
    match () {
        () if seconds < 1 => "Less than a second".into(),
        () if seconds == 1 => "1 second".into(),
        () if seconds < 60 => format!("{seconds} seconds"),
        () if minutes == 1 => "About a minute".into(),
        () if minutes < 60 => format!("{minutes} minutes"),
        () if hours == 1 => "About an hour".into(),
        () if hours < 48 => format!("{hours} hours"),
        () if hours < 24 * 7 * 2 => format!("{} days", hours / 24),
        () if hours < 24 * 30 * 2 => format!("{} weeks", hours / 24 / 7),
        () if hours < 24 * 365 * 2 => format!("{} months", hours / 24 / 30),
        () => format!("{} years", nanos / (3600 * SECOND) / 24 / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::human_duration;

    #[test]
    fn units_change_where_dockers_do() {
        let seconds = |s: i64| human_duration(s * 1_000_000_000);
        assert_eq!(human_duration(999_999_999), "Less than a second");
        assert_eq!(
            (seconds(1), seconds(59), seconds(60)),
            ("1 second".into(), "59 seconds".into(), "About a minute".into())
        );
        assert_eq!(
            (seconds(120), seconds(3599), seconds(3600)),
            ("2 minutes".into(), "59 minutes".into(), "About an hour".into())
        );
        assert_eq!((seconds(5399), seconds(5400)), ("About an hour".into(), "2 hours".into()));
        assert_eq!((seconds(47 * 3600 + 29 * 60), seconds(47 * 3600 + 1800)), ("47 hours".into(), "2 days".into()));
        assert_eq!((seconds(14 * 86400), seconds(90 * 86400)), ("2 weeks".into(), "3 months".into()));
        assert_eq!(seconds(-5), "Less than a second");
    }
}
