//! JSON as Go writes it: the order of the fields kept, four spaces of indent for `inspect`, HTML characters escaped.
//!
//! cli.md §4.3, §14.

use super::format::go_float;
use serde_json::Value;

/// On one line, with `<`, `>` and `&` escaped or not.
pub fn compact(value: &Value, escape: bool) -> String {
    let mut out = String::new();
    write(&mut out, value, None, escape);
    out
}

/// Indented by four spaces, HTML characters escaped; no newline at the end.
pub fn indented(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, Some(0), true);
    out
}

fn write(out: &mut String, value: &Value, depth: Option<usize>, escape: bool) {
    let inner = depth.map(|depth| depth + 1);
    let line = |out: &mut String, depth: Option<usize>| {
        if let Some(depth) = depth {
            out.push('\n');
            out.extend(std::iter::repeat_n("    ", depth));
        }
    };
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&self::number(number)),
        Value::String(text) => string(out, text, escape),
        Value::Array(items) if items.is_empty() => out.push_str("[]"),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                line(out, inner);
                write(out, item, inner, escape);
            }
            line(out, depth);
            out.push(']');
        }
        Value::Object(fields) if fields.is_empty() => out.push_str("{}"),
        Value::Object(fields) => {
            out.push('{');
            for (index, (key, item)) in fields.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                line(out, inner);
                string(out, key, escape);
                out.push_str(if depth.is_some() { ": " } else { ":" });
                write(out, item, inner, escape);
            }
            line(out, depth);
            out.push('}');
        }
    }
}

/// A number as Go prints it. All floats of the API are of 32 bits; they print in the shortest form of those.
pub fn number(number: &serde_json::Number) -> String {
    match number.as_f64() {
        Some(float) if !number.is_i64() && !number.is_u64() => {
            let short = (float as f32).to_string().parse().unwrap_or(float);
            go_float(short)
        }
        _ => number.to_string(),
    }
}

fn string(out: &mut String, text: &str, escape: bool) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' if escape => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c if u32::from(c) < 0x20 || matches!(c, '\u{2028}' | '\u{2029}') => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn go_writes_it_so() {
        let value = json!({"A": "a>b", "B": [], "C": {"D": [1, 0.25_f32, 0.1_f32, 0.0_f32]}});
        assert_eq!(compact(&value, true), r#"{"A":"a\u003eb","B":[],"C":{"D":[1,0.25,0.1,0]}}"#);
        assert_eq!(compact(&value, false), r#"{"A":"a>b","B":[],"C":{"D":[1,0.25,0.1,0]}}"#);
        assert_eq!(indented(&json!([{"A": {}}])), "[\n    {\n        \"A\": {}\n    }\n]");
    }
}
