//! Values into YAML, as Go's yaml.v3 writes them with an indent of two: `stack config`.

use super::scalar;
use serde_json::{Map, Value};

/// A mapping as a file.
pub fn print(config: &Map<String, Value>) -> String {
    let mut out = String::new();
    mapping(&mut out, config, 0, true);
    out
}

fn mapping(out: &mut String, map: &Map<String, Value>, indent: usize, mut fresh: bool) {
    for (key, value) in map {
        if fresh {
            out.push_str(&" ".repeat(indent));
        }
        fresh = true;
        out.push_str(&if key.contains('\n') { double_quoted(key) } else { scalar_text(key, indent) });
        out.push(':');
        match value {
            Value::Object(map) if !map.is_empty() => {
                out.push('\n');
                mapping(out, map, indent + 2, true);
            }
            Value::Array(items) if !items.is_empty() => {
                out.push('\n');
                list(out, items, indent + 2, true);
            }
            value => {
                out.push(' ');
                leaf(out, value, indent);
            }
        }
    }
}

fn list(out: &mut String, items: &[Value], indent: usize, mut fresh: bool) {
    for item in items {
        if fresh {
            out.push_str(&" ".repeat(indent));
        }
        fresh = true;
        out.push_str("- ");
        match item {
            Value::Object(map) if !map.is_empty() => mapping(out, map, indent + 2, false),
            Value::Array(items) if !items.is_empty() => list(out, items, indent + 2, false),
            value => leaf(out, value, indent),
        }
    }
}

fn leaf(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(_) => out.push_str("{}"),
        Value::Array(_) => out.push_str("[]"),
        Value::Null => out.push_str("null"),
        Value::String(text) => out.push_str(&scalar_text(text, indent)),
        other => out.push_str(&scalar::text(other)),
    }
    if !out.ends_with('\n') {
        out.push('\n');
    }
}

/// A text in the plainest form that reads back as a text.
fn scalar_text(text: &str, indent: usize) -> String {
    if text.contains(|c: char| !is_printable(c)) {
        return double_quoted(text);
    }
    if text.contains('\n') {
        return literal(text, indent + 2);
    }
    if !scalar::resolve(text).is_string() || is_old(text) || text == "<<" || scalar::resolve(text) != *text {
        return double_quoted(text);
    }
    if plain_is_clear(text) { text.to_owned() } else { format!("'{}'", text.replace('\'', "''")) }
}

fn is_printable(c: char) -> bool {
    matches!(c, '\n' | '\t' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..)
        && !matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}')
}

/// What older YAML reads as a boolean or as a number to the base of 60 is quoted for its sake.
fn is_old(text: &str) -> bool {
    let boolean = matches!(
        text,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF"
    );
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let mut parts = unsigned.split(':');
    let first = parts.next().unwrap_or_default();
    let rest: Vec<&str> = parts.collect();
    let sixty = |part: &str| match part.as_bytes() {
        [one] => one.is_ascii_digit(),
        [tens, one] => (b'0'..=b'5').contains(tens) && one.is_ascii_digit(),
        _ => false,
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let last_ok = |part: &str| match part.split_once('.') {
        Some((whole, fraction)) => sixty(whole) && digits(fraction),
        None => sixty(part),
    };
    let number = first.starts_with(|c: char| c.is_ascii_digit())
        && digits(first)
        && rest.split_last().is_some_and(|(last, middle)| last_ok(last) && middle.iter().all(|part| sixty(part)));
    boolean || number
}

/// Whether a text can stand bare.
fn plain_is_clear(text: &str) -> bool {
    let mut before = ' ';
    let mut letters = text.chars().peekable();
    let mut first = true;
    if text.is_empty() || text.starts_with("---") || text.starts_with("...") {
        return false;
    }
    while let Some(c) = letters.next() {
        let blank_follows = letters.peek().is_none_or(|next| next.is_whitespace());
        let marks = match c {
            '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' if first => {
                true
            }
            '-' | '?' if first => blank_follows,
            ':' => blank_follows,
            '#' => before.is_whitespace(),
            '\t' => true,
            ' ' => first || letters.peek().is_none(),
            _ => false,
        };
        if marks {
            return false;
        }
        (before, first) = (c, false);
    }
    true
}

fn double_quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\0' => out.push_str("\\0"),
            '\u{1b}' => out.push_str("\\e"),
            c if is_printable(c) => out.push(c),
            c if u32::from(c) < 0x100 => out.push_str(&format!("\\x{:02X}", u32::from(c))),
            c => out.push_str(&format!("\\u{:04X}", u32::from(c))),
        }
    }
    out + "\""
}

fn literal(text: &str, indent: usize) -> String {
    let hint = if text.starts_with([' ', '\n']) { "2" } else { "" };
    let body = text.trim_end_matches('\n');
    let chomp = match text.len() - body.len() {
        0 => "-",
        1 if !body.is_empty() => "",
        _ => "+",
    };
    let mut out = format!("|{hint}{chomp}\n");
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        if !line.is_empty() {
            out.push_str(&" ".repeat(indent));
            out.push_str(line);
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::compose::yaml::parse;
    use serde_json::json;

    fn written(value: &Value) -> String {
        print(value.as_object().expect("a mapping"))
    }

    #[test]
    fn blocks_are_indented_by_two() {
        let value = json!({"version": "3.7", "services": {"a": {"ports": [{"mode": "ingress", "target": 80}], "n": [["x"]],
            "none": null, "empty": {}, "nothing": []}}});
        let text = "version: \"3.7\"\nservices:\n  a:\n    ports:\n      - mode: ingress\n        target: 80\n    n:\n      - - x\n    \
                    none: null\n    empty: {}\n    nothing: []\n";
        assert_eq!(written(&value), text);
    }

    #[test]
    fn texts_are_quoted_only_where_they_must_be() {
        for (text, form) in [
            ("nginx:1.25", "nginx:1.25"),
            ("3000", "\"3000\""),
            ("true", "\"true\""),
            ("yes", "\"yes\""),
            ("", "\"\""),
            ("8080:80", "8080:80"),
            ("22:22", "\"22:22\""),
            ("a: b", "'a: b'"),
            ("it's # no", "'it''s # no'"),
            ("it's", "it's"),
            ("*", "'*'"),
            ("-p", "-p"),
            ("- p", "'- p'"),
            ("http://x", "http://x"),
            ("a\u{1}", "\"a\\x01\""),
            ("a\nb\n", "|\n    a\n    b"),
            ("a\nb", "|-\n    a\n    b"),
        ] {
            let whole = written(&json!({ "k": { "v": text } }));
            assert_eq!(whole, format!("k:\n  v: {form}\n"), "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_reads_back(text in "[-a-z0-9 :#'\"~.,\\[\\]{}&*!|>%@é\n\t]{0,12}") {
            let value = json!({ "k": { "v": [text.clone(), { text: 1 }] } });
            let read = parse("x", written(&value).as_bytes()).map(|document| Value::Object(document.config));
            proptest::prop_assert_eq!(read, Ok(value));
        }
    }
}
