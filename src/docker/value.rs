//! Values of flags: how Go and Docker read numbers, durations, sizes, lists, and the words they refuse them with.
//!
//! cli.md §3.2, §4.6, §4.7, §7.3 to §7.5; published ports are in `port`. Each reader returns the text that stands
//! after `invalid argument "V" for "--flag" flag: `.

use super::format;
use crate::swarm::api::{ExternalCa, PlacementPreference, SpreadOver, Ulimit};

/// Go's `strconv.ParseBool`.
pub fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!("strconv.ParseBool: parsing {}: invalid syntax", format::quote(text))),
    }
}

/// Why Go could not read a number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum NumberError {
    /// Not a number.
    Syntax,
    /// Too large or too small.
    Range,
}

impl NumberError {
    /// Go's words.
    pub fn text(self) -> &'static str {
        match self {
            NumberError::Syntax => "invalid syntax",
            NumberError::Range => "value out of range",
        }
    }
}

/// Digits with Go's prefixes for base 0 (`0x`, `0o`, `0b`, a leading 0).
pub fn magnitude(text: &str) -> Result<u64, NumberError> {
    let lower = text.to_ascii_lowercase();
    let (radix, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, &lower[..]),
    };
    decimal_digits(digits, radix)
}

/// Digits of one base, without a sign.
pub fn decimal_digits(digits: &str, radix: u32) -> Result<u64, NumberError> {
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return Err(NumberError::Syntax);
    }
    u64::from_str_radix(digits, radix).map_err(|_| NumberError::Range)
}

/// `strconv.ParseUint(text, 0, bits)`.
pub fn unsigned(text: &str, bits: u32) -> Result<u64, String> {
    magnitude(text)
        .and_then(|value| if bits < 64 && value >> bits != 0 { Err(NumberError::Range) } else { Ok(value) })
        .map_err(|error| format!("strconv.ParseUint: parsing {}: {}", format::quote(text), error.text()))
}

/// `strconv.ParseInt(text, 0, 64)`.
pub fn signed(text: &str) -> Result<i64, String> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    magnitude(digits)
        .and_then(|value| {
            let value = i128::from(value) * if negative { -1 } else { 1 };
            i64::try_from(value).map_err(|_| NumberError::Range)
        })
        .map_err(|error| format!("strconv.ParseInt: parsing {}: {}", format::quote(text), error.text()))
}

/// `strconv.ParseFloat(text, 32)`.
pub fn float(text: &str) -> Result<f32, String> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    match text.parse::<f32>() {
        Ok(value) if plain && value.is_finite() => Ok(value),
        Ok(_) if plain => Err(format!("strconv.ParseFloat: parsing {}: value out of range", format::quote(text))),
        _ => Err(format!("strconv.ParseFloat: parsing {}: invalid syntax", format::quote(text))),
    }
}

/// Go's `time.ParseDuration`, in nanoseconds.
pub fn duration(text: &str) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {}", format::quote(text));
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let end = rest.bytes().position(|b| !b.is_ascii_digit() && b != b'.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return Err(invalid());
        }
        let unit_end = after.bytes().position(|b| b.is_ascii_digit() || b == b'.').unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_end);
        let scale: i128 = match unit {
            "" => return Err(format!("time: missing unit in duration {}", format::quote(text))),
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            other => {
                let (unit, text) = (format::quote(other), format::quote(text));
                return Err(format!("time: unknown unit {unit} in duration {text}"));
            }
        };
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| invalid())? };
        let fraction: String = fraction.chars().take(18).collect();
        let part = match fraction.len() {
            0 => 0,
            digits => {
                fraction.parse::<i128>().map_err(|_| invalid())? * scale
                    / 10_i128.pow(u32::try_from(digits).unwrap_or(0))
            }
        };
        total = whole.checked_mul(scale).and_then(|v| v.checked_add(part + total)).ok_or_else(invalid)?;
        rest = next;
    }
    i64::try_from(if negative { -total } else { total }).map_err(|_| invalid())
}

/// CPUs as a rational number, in billionths.
pub fn cpus(text: &str) -> Result<i64, String> {
    let failed = || format!("failed to parse {text} as a rational number");
    let (numerator, denominator) = match text.split_once('/') {
        Some((top, bottom)) => {
            let integer = |text: &str| text.parse::<i64>().map(i128::from).map_err(|_| failed());
            (integer(top)?, integer(bottom)?)
        }
        None => {
            let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
            let exponent: i32 = exponent.parse().map_err(|_| failed())?;
            let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
            if !fraction.bytes().all(|b| b.is_ascii_digit()) || fraction.len() > 15 || !(-15..=15).contains(&exponent) {
                return Err(failed());
            }
            let digits: i128 = format!("{whole}{fraction}").parse().map_err(|_| failed())?;
            let shift = exponent - i32::try_from(fraction.len()).unwrap_or(0);
            let power = 10_i128.pow(shift.unsigned_abs());
            if shift >= 0 { (digits.checked_mul(power).ok_or_else(failed)?, 1) } else { (digits, power) }
        }
    };
    if denominator == 0 {
        return Err(failed());
    }
    let nano = numerator.checked_mul(1_000_000_000).ok_or_else(failed)?;
    if nano % denominator != 0 {
        return Err("value is too precise".into());
    }
    i64::try_from(nano / denominator).map_err(|_| failed())
}

/// A size with a binary suffix: `20m`, `1.5 GiB`.
pub fn bytes(text: &str) -> Result<i64, String> {
    let invalid = || format!("invalid size: '{text}'");
    let Some(end) = text.rfind(|c: char| c.is_ascii_digit() || c == '.' || c == ' ') else {
        return Err(invalid());
    };
    let (number, suffix) = text.split_at(end + 1);
    let number = number.strip_suffix(' ').unwrap_or(number);
    let value: f64 = number.parse().map_err(|_| invalid())?;
    if value < 0.0 || !value.is_finite() {
        return Err(invalid());
    }
    let lower = suffix.to_ascii_lowercase();
    let bad = || format!("invalid suffix: '{suffix}'");
    let mut letters = lower.chars();
    let power = match letters.next() {
        None | Some('b') => 0,
        Some('k') => 1,
        Some('m') => 2,
        Some('g') => 3,
        Some('t') => 4,
        Some('p') => 5,
        Some(_) => return Err(bad()),
    };
    match (letters.as_str(), lower.starts_with('b')) {
        ("", _) | ("b" | "ib", false) => Ok((value * 1024_f64.powi(power)) as i64),
        _ => Err(bad()),
    }
}

/// `--env`: a name, with or without a value.
pub fn environment(text: &str) -> Result<(), String> {
    if text.is_empty() || text.starts_with('=') {
        return Err(format!("invalid environment variable: {text}"));
    }
    Ok(())
}

/// `--label`: a key without spaces, with or without a value.
pub fn label(text: &str) -> Result<(), String> {
    let key = text.split_once('=').map_or(text, |(key, _)| key).trim_start();
    if key.is_empty() {
        return Err(format!("invalid label '{text}': empty name"));
    }
    if key.contains(char::is_whitespace) {
        return Err(format!("label '{key}' contains whitespaces"));
    }
    Ok(())
}

/// `--filter`: lower-cased key and trimmed value.
pub fn filter(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("bad format of filter (expected name=value)")?;
    Ok((key.trim().to_lowercase(), value.trim().to_owned()))
}

/// `--placement-pref spread=DESCRIPTOR`.
pub fn preference(text: &str) -> Result<PlacementPreference, String> {
    let (strategy, argument) =
        text.split_once('=').ok_or(r#"placement preference must be of the format "<strategy>=<arg>""#)?;
    if strategy != "spread" {
        return Err(format!("unsupported placement preference {strategy} (only spread is supported)"));
    }
    Ok(PlacementPreference { spread: SpreadOver { spread_descriptor: argument.to_owned() } })
}

/// `--dns`.
pub fn ip_address(text: &str) -> Result<(), String> {
    let ok = text.trim().parse::<std::net::IpAddr>().is_ok();
    if ok { Ok(()) } else { Err(format!("IP address is not correctly formatted: {text}")) }
}

/// `--dns-search`.
pub fn domain(text: &str) -> Result<(), String> {
    let name = text.trim();
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    if name == "." || (plain && !name.is_empty() && name.split('.').all(|part| !part.is_empty())) {
        Ok(())
    } else {
        Err(format!("{text} is not a valid domain"))
    }
}

/// `--host NAME:ADDRESS` or `NAME=ADDRESS`.
pub fn extra_host(text: &str) -> Result<(), String> {
    let (name, address) = text.split_once('=').or_else(|| text.split_once(':')).unwrap_or((text, ""));
    if name.is_empty() || address.is_empty() {
        return Err(format!("bad format for add-host: {}", format::quote(text)));
    }
    let address = address.trim_start_matches('[').trim_end_matches(']');
    if address != "host-gateway" && address.parse::<std::net::IpAddr>().is_err() {
        return Err(format!("invalid IP address in add-host: {}", format::quote(address)));
    }
    Ok(())
}

/// The line of `/etc/hosts` of a `--host` that is well formed: the address, then the name.
pub fn host_line(text: &str) -> String {
    let (name, address) = text.split_once('=').or_else(|| text.split_once(':')).unwrap_or((text, ""));
    let bare = address.strip_prefix('[').and_then(|address| address.strip_suffix(']'));
    format!("{} {name}", bare.unwrap_or(address))
}

/// What a process can be limited in.
const ULIMITS: [&str; 15] = [
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

/// `--ulimit NAME=SOFT[:HARD]`; -1 is without limit.
pub fn ulimit(text: &str) -> Result<Ulimit, String> {
    let (name, values) = text.split_once('=').ok_or_else(|| format!("invalid ulimit argument: {text}"))?;
    if !ULIMITS.contains(&name) {
        return Err(format!("invalid ulimit type: {name}"));
    }
    let number = |text: &str| {
        text.parse::<i64>().map_err(|error| {
            let why = match error.kind() {
                std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow => NumberError::Range,
                _ => NumberError::Syntax,
            };
            format!("strconv.ParseInt: parsing {}: {}", format::quote(text), why.text())
        })
    };
    let (soft, hard) = match values.split(':').collect::<Vec<_>>()[..] {
        [soft, hard] => {
            let hard = number(hard)?;
            (number(soft)?, hard)
        }
        [both] => number(both).map(|both| (both, both))?,
        _ => {
            return Err(format!("too many limit value arguments - {values}, can only have up to two, `soft[:hard]`"));
        }
    };
    let wrong = "ulimit soft limit must be less than or equal to hard limit";
    match (soft, hard) {
        (_, -1) => {}
        (-1, hard) => return Err(format!("{wrong}: soft: -1 (unlimited), hard: {hard}")),
        (soft, hard) if soft > hard => return Err(format!("{wrong}: {soft} > {hard}")),
        _ => {}
    }
    Ok(Ulimit { name: name.to_owned(), hard, soft })
}

/// Fields of the CSV forms: each `key=value`.
pub fn key_values(text: &str) -> Result<Vec<(String, String)>, String> {
    if text.trim().is_empty() {
        return Err("value is empty".into());
    }
    csv(text)
        .into_iter()
        .map(|field| match field.split_once('=') {
            Some((key, value)) => Ok((key.to_lowercase(), value.to_owned())),
            None => Err(format!("invalid field '{field}' must be a key=value pair")),
        })
        .collect()
}

/// One line of CSV; a field may be quoted as in RFC 4180.
pub fn csv(text: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut letters = text.chars().peekable();
    while let Some(c) = letters.next() {
        let field = fields.last_mut();
        match c {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                field.into_iter().for_each(|field| field.push('"'));
            }
            '"' if quoted => quoted = false,
            '"' if field.as_ref().is_some_and(|field| field.is_empty()) => quoted = true,
            ',' if !quoted => fields.push(String::new()),
            c => field.into_iter().for_each(|field| field.push(c)),
        }
    }
    fields
}

/// `--secret` and `--config`: a name, or fields.
pub fn file_reference(text: &str, kind: &str) -> Result<(), String> {
    if !text.contains('=') && !text.contains(',') {
        return if text.is_empty() { Err("source is required".into()) } else { Ok(()) };
    }
    let mut source = false;
    for (key, value) in key_values(text)? {
        match key.as_str() {
            "source" | "src" => source = !value.is_empty(),
            "target" | "uid" | "gid" => {}
            "mode" => {
                let text = format!("strconv.ParseUint: parsing {}: invalid syntax", format::quote(&value));
                magnitude(&value).map_err(|_| format!("invalid mode specified: {text}"))?;
            }
            key => return Err(format!("invalid field in {kind} request: {key}")),
        }
    }
    if source { Ok(()) } else { Err("source is required".into()) }
}

/// `--network NAME` or `name=NAME,alias=..`.
pub fn network(text: &str) -> Result<(), String> {
    if !text.contains('=') {
        return Ok(());
    }
    let mut named = false;
    for (key, value) in key_values(text)? {
        match key.as_str() {
            "name" => named = !value.is_empty(),
            "alias" | "ip" | "ip6" | "mac-address" | "link-local-ip" | "gw-priority" => {}
            "driver-opt" if value.contains('=') => {}
            "driver-opt" => return Err("invalid key value pair format in driver options".into()),
            key => return Err(format!("invalid field key {key}")),
        }
    }
    if named { Ok(()) } else { Err("network name/id is not specified".into()) }
}

/// Splits a command line as a shell does: quotes and backslashes, nothing else.
pub fn shell_words(text: &str) -> Result<Vec<String>, String> {
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut letters = text.chars();
    while let Some(c) = letters.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('\''), c) => word.get_or_insert_default().push(c),
            (_, '\\') => match letters.next() {
                Some(next) => word.get_or_insert_default().push(next),
                None => return Err("EOF found after escape character".into()),
            },
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err("EOF found when expecting closing quote".into());
    }
    words.extend(word);
    Ok(words)
}

/// An address to listen on, completed by host and port; the error is Docker's.
pub fn node_address(text: &str) -> Result<String, String> {
    let bare = text.strip_prefix("tcp://").unwrap_or(text);
    if bare.is_empty() {
        return Ok("0.0.0.0:2377".into());
    }
    if bare.contains("://") {
        return Err(format!("invalid proto, expected tcp: {text}"));
    }
    // Colons without brackets are of an address of version 6, which has no port.
    let (host, port) = match bare.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port),
        _ => (bare, ""),
    };
    let (host, port) = (if host.is_empty() { "0.0.0.0" } else { host }, if port.is_empty() { "2377" } else { port });
    match port.parse::<u16>() {
        Ok(_) => Ok(format!("{host}:{port}")),
        Err(_) => Err(format!("invalid bind address format: {text}")),
    }
}

/// `protocol=cfssl,url=URL[,cacert=FILE][,OPTION=VALUE..]`, and the file that is yet to be read.
pub fn external_ca(text: &str) -> Result<(ExternalCa, Option<String>), String> {
    let (mut ca, mut file) = (ExternalCa::default(), None);
    let (mut protocol, mut url) = (false, false);
    for field in csv(text) {
        let (key, value) = field.split_once('=').ok_or(format!("invalid field '{field}' must be a key=value pair"))?;
        match key.to_lowercase().as_str() {
            "protocol" if value.to_lowercase() == "cfssl" => (protocol, ca.protocol) = (true, "cfssl".into()),
            "protocol" => return Err(format!("unrecognized external CA protocol {value}")),
            "url" => (url, ca.url) = (true, value.to_owned()),
            "cacert" => file = Some(value.to_owned()),
            _ => drop(ca.options.insert(key.to_owned(), value.to_owned())),
        }
    }
    match (protocol, url) {
        (false, _) => Err("the external-ca option needs a protocol= parameter".into()),
        (true, false) => Err("the external-ca option needs a url= parameter".into()),
        (true, true) => Ok((ca, file)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_go_reads_them() {
        assert_eq!(duration("1h30m"), Ok(5_400_000_000_000));
        assert_eq!(duration("1.5s"), Ok(1_500_000_000));
        assert_eq!(duration("-5s"), Ok(-5_000_000_000));
        assert_eq!(duration("0"), Ok(0));
        assert_eq!(duration("5").unwrap_err(), r#"time: missing unit in duration "5""#);
        assert_eq!(duration("x").unwrap_err(), r#"time: invalid duration "x""#);
        assert_eq!(duration("5x").unwrap_err(), r#"time: unknown unit "x" in duration "5x""#);
    }

    #[test]
    fn sizes_and_cpus() {
        assert_eq!(bytes("1k"), Ok(1024));
        assert_eq!(bytes("20MiB"), Ok(20_971_520));
        assert_eq!(bytes("1.5 g"), Ok(1_610_612_736));
        assert_eq!(bytes("lots").unwrap_err(), "invalid size: 'lots'");
        assert_eq!(bytes("5x").unwrap_err(), "invalid suffix: 'x'");
        assert_eq!(cpus("0.5"), Ok(500_000_000));
        assert_eq!(cpus("1/2"), Ok(500_000_000));
        assert_eq!(cpus("-1"), Ok(-1_000_000_000));
        assert_eq!(cpus("abc").unwrap_err(), "failed to parse abc as a rational number");
        assert_eq!(cpus("0.0000000001").unwrap_err(), "value is too precise");
    }

    #[test]
    fn words_of_an_entrypoint() {
        assert_eq!(
            shell_words(r#"sh -c "sleep 1; exit 0" 'a b' c\ d"#).unwrap(),
            ["sh", "-c", "sleep 1; exit 0", "a b", "c d"]
        );
        assert_eq!(shell_words("  ").unwrap(), Vec::<String>::new());
        assert!(shell_words("'x").is_err());
    }
}
