//! How Docker writes ages, sizes, identifiers, image names and numbers. Text in, text out; knows no command.
//!
//! cli.md §4.4 to §4.7, and the natural order of §4.2.

use std::cmp::Ordering;

pub use crate::swarm::api::human_duration;

/// Go's `Duration.String`: `5s`, `1m0s`, `1.5s`, `100ms`.
pub fn go_duration(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let total = nanos.unsigned_abs();
    if total == 0 {
        return "0s".into();
    }
    let scaled = |unit: u64, name: &str| {
        let fraction = format!("{:09}", (total % unit) * (1_000_000_000 / unit));
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{sign}{}{point}{fraction}{name}", total / unit)
    };
    if total < 1_000 {
        return format!("{sign}{total}ns");
    }
    if total < 1_000_000 {
        return scaled(1_000, "µs");
    }
    if total < 1_000_000_000 {
        return scaled(1_000_000, "ms");
    }
    let seconds = total / 1_000_000_000;
    let fraction = format!("{:09}", total % 1_000_000_000);
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let head = match (hours, minutes) {
        (0, 0) => String::new(),
        (0, minutes) => format!("{minutes}m"),
        (hours, minutes) => format!("{hours}h{minutes}m"),
    };
    format!("{sign}{head}{}{point}{fraction}s", seconds % 60)
}

/// Binary sizes with four significant digits: `7.759GiB`.
pub fn bytes_size(bytes: i64) -> String {
    let mut size = bytes as f64;
    let mut unit = 0;
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"];
    while size >= 1024.0 && unit + 1 < units.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{}{}", significant(size, 4), units[unit])
}

/// Go's `%.Ng`, for the sizes that occur here (no exponents).
fn significant(value: f64, digits: usize) -> String {
    let whole = value.abs().trunc();
    let before = if whole < 1.0 { 1 } else { format!("{whole}").len() };
    let text = format!("{value:.*}", digits.saturating_sub(before));
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A float as Go's `%v` of the shortest form: `0.25`, `0`, `1e-05`.
pub fn go_float(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-4..1e21).contains(&magnitude) {
        let text = format!("{value:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    format!("{value}")
}

/// A size in decimal units with three digits that count, as image lists show it: `4.15MB`.
pub fn decimal_size(bytes: i64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let (mut size, mut unit) = (bytes as f64, 0);
    while size >= 1000.0 && unit + 1 < UNITS.len() {
        size /= 1000.0;
        unit += 1;
    }
    format!("{}{}", significant(size, 3), UNITS[unit])
}

/// CPUs of billionths: `0.5`, `4`.
pub fn cpus(nano_cpus: i64) -> String {
    go_float(nano_cpus as f64 / 1e9)
}

/// The short form of an id: what follows the first `:`, 12 characters of it.
pub fn truncate_id(id: &str) -> &str {
    let id = id.split_once(':').map_or(id, |(_, rest)| rest);
    id.char_indices().nth(12).map_or(id, |(end, _)| &id[..end])
}

/// Cuts to `width` columns, the last of which is `…`. Wide East Asian characters take two.
pub fn ellipsis(text: &str, width: usize) -> String {
    let columns = |c: char| if is_wide(c) { 2 } else { 1 };
    if width == 0 {
        return String::new();
    }
    if width == 1 {
        return text.chars().take(1).collect();
    }
    if text.chars().map(columns).sum::<usize>() <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        used += columns(c);
        if used > width - 1 {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}

fn is_wide(c: char) -> bool {
    matches!(u32::from(c), 0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f
        | 0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x20000..=0x3fffd)
}

/// Docker's `PrettyPrint`: first letter large, the rest small (a single letter becomes small).
pub fn pretty(text: &str) -> String {
    let lower = text.to_lowercase();
    if lower.chars().count() < 2 {
        return lower;
    }
    let mut letters = lower.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Go's `%q`.
pub fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if u32::from(c) < 0x20 || c == '\u{7f}' => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A parsed image reference.
pub struct Reference {
    /// The familiar name: without `docker.io/library/` or `docker.io/`.
    pub name: String,
    /// After the colon.
    pub tag: Option<String>,
    /// After the `@`.
    pub digest: Option<String>,
}

/// Reads an image reference; `None` where Docker's parser would refuse it.
pub fn reference(image: &str) -> Option<Reference> {
    let (rest, digest) = match image.split_once('@') {
        Some((rest, digest)) if digest.contains(':') => (rest, Some(digest.to_owned())),
        Some(_) => return None,
        None => (image, None),
    };
    let (name, tag) = match rest.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag.to_owned())),
        _ => (rest, None),
    };
    let tag_ok = |tag: &String| {
        (1..=128).contains(&tag.len())
            && !tag.starts_with(['.', '-'])
            && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
    };
    let (domain, path) = match name.split_once('/') {
        Some((first, path)) if first.contains(['.', ':']) || first == "localhost" => (first, path),
        _ => ("", name),
    };
    let component_ok = |part: &str| {
        let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        ends(part.chars().next())
            && ends(part.chars().last())
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.-".contains(&b))
    };
    let domain_ok = domain.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:".contains(&b));
    if !domain_ok || !path.split('/').all(component_ok) || !tag.as_ref().is_none_or(tag_ok) {
        return None;
    }
    let name = name.strip_prefix("index.docker.io/").or_else(|| name.strip_prefix("docker.io/")).unwrap_or(name);
    let name = match name.strip_prefix("library/") {
        Some(rest) if domain.is_empty() || domain.ends_with("docker.io") => rest,
        _ => name,
    };
    Some(Reference { name: name.to_owned(), tag, digest })
}

/// What the client sends: the familiar name, `:latest` added where there is neither tag nor digest.
pub fn with_default_tag(image: &str) -> String {
    match reference(image) {
        None => image.to_owned(),
        Some(Reference { name, tag, digest }) => match (tag, digest) {
            (None, None) => format!("{name}:latest"),
            (tag, digest) => {
                let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
                let digest = digest.map(|digest| format!("@{digest}")).unwrap_or_default();
                format!("{name}{tag}{digest}")
            }
        },
    }
}

/// An IMAGE cell of services and tasks: with a tag the familiar form without digest, else as stored.
pub fn image_cell(image: &str) -> String {
    match reference(image) {
        Some(Reference { name, tag: Some(tag), .. }) => format!("{name}:{tag}"),
        _ => image.to_owned(),
    }
}

/// Natural order: runs of digits compare as numbers, a digit comes before any other character.
pub fn natural(left: &str, right: &str) -> Ordering {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    let (mut i, mut j) = (0, 0);
    while i < left.len() && j < right.len() {
        match (left[i].is_ascii_digit(), right[j].is_ascii_digit()) {
            (true, false) => return Ordering::Less,
            (false, true) => return Ordering::Greater,
            (false, false) => {
                if left[i] != right[j] {
                    return left[i].cmp(&right[j]);
                }
                i += 1;
                j += 1;
            }
            (true, true) => {
                let run = |text: &[u8], from: usize| {
                    let zeros = text[from..].iter().take_while(|b| **b == b'0').count();
                    let digits = text[from + zeros..].iter().take_while(|b| b.is_ascii_digit()).count();
                    (zeros, from + zeros, from + zeros + digits)
                };
                let (left_zeros, from, end) = run(left, i);
                let (right_zeros, other_from, other_end) = run(right, j);
                let order = (end - from)
                    .cmp(&(other_end - other_from))
                    .then_with(|| left[from..end].cmp(&right[other_from..other_end]))
                    .then_with(|| left_zeros.cmp(&right_zeros));
                if order != Ordering::Equal {
                    return order;
                }
                i = end;
                j = other_end;
            }
        }
    }
    (left.len() - i).cmp(&(right.len() - j))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NANOS: i64 = 1_000_000_000;

    #[test]
    fn human_durations_are_those_of_the_table() {
        let seconds = |s: i64| human_duration(s * NANOS);
        let minutes = |m: i64| seconds(m * 60);
        assert_eq!(human_duration(999_999_999), "Less than a second");
        assert_eq!(human_duration(-5 * NANOS), "Less than a second");
        assert_eq!(human_duration(1_999_999_999), "1 second");
        assert_eq!(human_duration(59_900_000_000), "59 seconds");
        assert_eq!(seconds(60), "About a minute");
        assert_eq!(seconds(119), "About a minute");
        assert_eq!(minutes(2), "2 minutes");
        assert_eq!(seconds(59 * 60 + 59), "59 minutes");
        assert_eq!(minutes(60), "About an hour");
        assert_eq!(seconds(89 * 60 + 59), "About an hour");
        assert_eq!(minutes(90), "2 hours");
        assert_eq!(minutes(47 * 60 + 29), "47 hours");
        assert_eq!(minutes(47 * 60 + 30), "2 days");
        assert_eq!(minutes(14 * 24 * 60), "2 weeks");
        assert_eq!(minutes(60 * 24 * 60), "2 months");
        assert_eq!(minutes(90 * 24 * 60), "3 months");
        assert_eq!(minutes(730 * 24 * 60), "2 years");
    }

    #[test]
    fn go_durations() {
        for (nanos, text) in [
            (0, "0s"),
            (5 * NANOS, "5s"),
            (60 * NANOS, "1m0s"),
            (3600 * NANOS, "1h0m0s"),
            (1_500_000_000, "1.5s"),
            (100_000_000, "100ms"),
            (1_500_000, "1.5ms"),
            (2, "2ns"),
            (-3 * NANOS, "-3s"),
            (2160 * 3600 * NANOS, "2160h0m0s"),
        ] {
            assert_eq!(go_duration(nanos), text);
        }
    }

    #[test]
    fn sizes_and_numbers() {
        assert_eq!(bytes_size(8_331_333_632), "7.759GiB");
        assert_eq!(bytes_size(20_971_520), "20MiB");
        assert_eq!(bytes_size(536_870_912), "512MiB");
        assert_eq!(bytes_size(0), "0B");
        assert_eq!(cpus(500_000_000), "0.5");
        assert_eq!(cpus(10_000), "1e-05");
        assert_eq!(cpus(-1_000_000_000), "-1");
    }

    #[test]
    fn texts() {
        assert_eq!(ellipsis("no suitable node (scheduling constraints", 30), "no suitable node (scheduling …");
        assert_eq!(ellipsis("task: non-zero exit (137)", 30), "task: non-zero exit (137)");
        assert_eq!(quote(&ellipsis("sh -c 'trap 'exit 0' TERM", 20)), "\"sh -c 'trap 'exit 0…\"");
        assert_eq!(pretty("HEARTBEAT failure"), "Heartbeat failure");
        assert_eq!(pretty("X"), "x");
        assert_eq!(truncate_id("sha256:0123456789abcdef"), "0123456789ab");
    }

    #[test]
    fn images() {
        assert_eq!(with_default_tag("nginx"), "nginx:latest");
        assert_eq!(with_default_tag("docker.io/library/nginx:1"), "nginx:1");
        assert_eq!(with_default_tag("10.0.0.1:5000/a/b"), "10.0.0.1:5000/a/b:latest");
        assert_eq!(with_default_tag("UPPER/Image"), "UPPER/Image");
        assert_eq!(image_cell("nginx:1.25@sha256:42"), "nginx:1.25");
        assert_eq!(image_cell("nginx@sha256:42"), "nginx@sha256:42");
        assert_eq!(image_cell("nginx"), "nginx");
    }

    #[test]
    fn natural_order() {
        let mut names = ["x.1", "web10", "x2.1", "web2", "a", "web02", "x"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["a", "web2", "web02", "web10", "x", "x2.1", "x.1"]);
    }
}
