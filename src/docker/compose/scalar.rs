//! Plain scalars of YAML: which value a bare word stands for, and how values are written as text.
//!
//! The words are those of Go's yaml.v3, which Docker reads compose files with: booleans and nulls of YAML 1.2's core
//! (`yes` and `on` are texts), integers in Go's prefixes (`0755` is octal), no numbers to the base of 60 (`22:22` is a text).

use crate::docker::format::go_float;
use crate::docker::value::magnitude;
use serde_json::{Number, Value};

/// What a bare word stands for.
pub fn resolve(word: &str) -> Value {
    match word {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    if let Some(day) = day(word) {
        return Value::String(day);
    }
    let number = word.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)).then(|| number(word)).flatten();
    number.map_or_else(|| Value::String(word.to_owned()), Value::Number)
}

fn number(word: &str) -> Option<Number> {
    let plain = word.replace('_', "");
    let (negative, digits) = match plain.as_bytes().first() {
        Some(b'-') => (true, &plain[1..]),
        Some(b'+') => (false, &plain[1..]),
        _ => (false, plain.as_str()),
    };
    if let Ok(magnitude) = magnitude(digits) {
        if !negative {
            return Some(magnitude.into());
        }
        if let Ok(value) = i64::try_from(-i128::from(magnitude)) {
            return Some(value.into());
        }
    }
    is_float(digits).then(|| plain.parse().ok().and_then(Number::from_f64)).flatten()
}

/// Digits with a point or an exponent, without a sign in front.
fn is_float(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.strip_prefix(['+', '-']).unwrap_or(exponent)),
        None => (text, "0"),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    digits(whole) && digits(fraction) && whole.len() + fraction.len() > 0 && digits(exponent) && !exponent.is_empty()
}

/// A bare day is a moment to YAML; Docker then writes it as Go does.
fn day(word: &str) -> Option<String> {
    let parts: Vec<&str> = word.split('-').collect();
    let [year, month, day] = parts[..] else { return None };
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    let within = |text: &str, most: u8| text.parse::<u8>().is_ok_and(|value| (1..=most).contains(&value));
    let is_day = digits(year, 4) && digits(month, 2) && digits(day, 2) && within(month, 12) && within(day, 31);
    is_day.then(|| format!("{word} 00:00:00 +0000 UTC"))
}

/// A scalar as Go prints it; nothing for null.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Number(number) => {
            match number.as_i64().map(|n| n.to_string()).or(number.as_u64().map(|n| n.to_string())) {
                Some(whole) => whole,
                None => number.as_f64().map(go_float).unwrap_or_default(),
            }
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn words_are_read_as_yaml_v3_does() {
        for (word, value) in [
            ("yes", json!("yes")),
            ("on", json!("on")),
            ("True", json!(true)),
            ("~", json!(null)),
            ("", json!(null)),
            ("0755", json!(493)),
            ("0o14", json!(12)),
            ("0x1f", json!(31)),
            ("1_000", json!(1000)),
            ("-3", json!(-3)),
            ("3.8", json!(3.8)),
            ("08", json!(8.0)),
            ("1e3", json!(1000.0)),
            ("22:22", json!("22:22")),
            ("1.2.3", json!("1.2.3")),
            ("-", json!("-")),
            (".", json!(".")),
            ("10s", json!("10s")),
            ("2026-01-05", json!("2026-01-05 00:00:00 +0000 UTC")),
        ] {
            assert_eq!(resolve(word), value, "{word}");
        }
    }

    #[test]
    fn values_are_written_as_go_prints_them() {
        for (value, written) in [(json!(8.0), "8"), (json!(2.5), "2.5"), (json!(-7), "-7"), (json!(true), "true")] {
            assert_eq!(text(&value), written);
        }
    }
}
