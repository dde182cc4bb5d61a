//! The functions of templates: Docker's own and those of Go that `--format` documents.
//!
//! cli.md §4.3.

use super::{display, truth};
use crate::docker::{format, json};
use serde_json::Value;
use std::cmp::Ordering;

const NAMES: [&str; 24] = [
    "and", "or", "not", "eq", "ne", "lt", "le", "gt", "ge", "json", "join", "split", "upper", "lower", "title",
    "truncate", "pad", "len", "index", "printf", "print", "println", "html", "slice",
];

/// Whether there is a function of this name.
pub fn exists(name: &str) -> bool {
    NAMES.contains(&name)
}

/// Calls a function. `row` says that the argument is a whole row of a list (its JSON is escaped as Go does it there).
pub fn call(name: &str, arguments: &[Value], row: bool) -> Result<Value, String> {
    let argument = |index: usize| {
        let missing =
            || format!("wrong number of args for {name}: want at least {}, got {}", index + 1, arguments.len());
        arguments.get(index).ok_or_else(missing)
    };
    let text = |index: usize| argument(index).map(display);
    let number = |index: usize| -> Result<usize, String> {
        let value = argument(index)?;
        let number = value.as_i64().ok_or_else(|| format!("expected integer; found {}", display(value)))?;
        usize::try_from(number).map_err(|_| format!("index out of range: {number}"))
    };
    Ok(match name {
        "not" => Value::Bool(!truth(argument(0)?)),
        "eq" => {
            let first = argument(0)?;
            argument(1)?;
            Value::Bool(arguments[1..].iter().any(|other| compare(first, other) == Some(Ordering::Equal)))
        }
        "ne" => Value::Bool(compare(argument(0)?, argument(1)?) != Some(Ordering::Equal)),
        "lt" | "le" | "gt" | "ge" => {
            let order = compare(argument(0)?, argument(1)?).ok_or("incompatible types for comparison")?;
            Value::Bool(match name {
                "lt" => order.is_lt(),
                "le" => order.is_le(),
                "gt" => order.is_gt(),
                _ => order.is_ge(),
            })
        }
        "json" => Value::String(json::compact(argument(0)?, row)),
        "join" => {
            let items = argument(0)?.as_array().ok_or("expected a list")?;
            Value::String(items.iter().map(display).collect::<Vec<_>>().join(&text(1)?))
        }
        "split" => {
            let (text, separator) = (text(0)?, text(1)?);
            Value::Array(text.split(separator.as_str()).map(|part| Value::String(part.to_owned())).collect())
        }
        "upper" => Value::String(text(0)?.to_uppercase()),
        "lower" => Value::String(text(0)?.to_lowercase()),
        "title" => {
            let words: Vec<String> = text(0)?.split(' ').map(capitalised).collect();
            Value::String(words.join(" "))
        }
        "truncate" => Value::String(text(0)?.chars().take(number(1)?).collect()),
        "pad" => {
            let text = text(0)?;
            let (before, after) = (number(1)?.min(WIDEST), number(2)?.min(WIDEST));
            let padded = format!("{}{text}{}", " ".repeat(before), " ".repeat(after));
            Value::String(if text.is_empty() { text } else { padded })
        }
        "len" => Value::from(match argument(0)? {
            Value::String(text) => text.len(),
            Value::Array(items) => items.len(),
            Value::Object(fields) => fields.len(),
            other => return Err(format!("len of type {}", display(other))),
        }),
        "index" => {
            let mut value = argument(0)?;
            for key in &arguments[1..] {
                value = match (value, key) {
                    (Value::Array(items), key) => {
                        let index = key.as_i64().and_then(|index| usize::try_from(index).ok());
                        let found = index.and_then(|index| items.get(index));
                        found.ok_or_else(|| format!("index out of range: {}", display(key)))?
                    }
                    (Value::Object(fields), key) => fields.get(&display(key)).unwrap_or(&Value::Null),
                    (other, _) => return Err(format!("can't index item of type {}", display(other))),
                };
            }
            value.clone()
        }
        "slice" => {
            let (from, to) = (number(1)?, arguments.get(2).map(|_| number(2)).transpose()?);
            match argument(0)? {
                Value::Array(items) => {
                    let part = items.get(from..to.unwrap_or(items.len()));
                    Value::Array(part.ok_or(format!("index out of range: {from}"))?.to_vec())
                }
                other => {
                    let text = display(other);
                    let part = text.get(from..to.unwrap_or(text.len()));
                    Value::String(part.ok_or(format!("index out of range: {from}"))?.to_owned())
                }
            }
        }
        "print" => Value::String(arguments.iter().map(display).collect::<Vec<_>>().join(" ")),
        "println" => Value::String(arguments.iter().map(display).collect::<Vec<_>>().join(" ") + "\n"),
        "printf" => Value::String(printf(&text(0)?, &arguments[1..])),
        "html" => {
            let text = text(0)?.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            Value::String(text.replace('"', "&#34;").replace('\'', "&#39;"))
        }
        _ => return Err("no such function".into()),
    })
}

/// Padding and widths stop here, so that a template cannot ask for more memory than there is.
const WIDEST: usize = 10_000;

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.as_f64()?.partial_cmp(&right.as_f64()?),
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::Null, Value::Null) => Some(Ordering::Equal),
        _ => None,
    }
}

/// Go's verbs `%s %v %d %q %t %x %f %%`, with `-`, `0` and a width.
fn printf(pattern: &str, arguments: &[Value]) -> String {
    let mut out = String::new();
    let mut arguments = arguments.iter();
    let mut letters = pattern.chars().peekable();
    while let Some(c) = letters.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let (mut left, mut zero, mut width) = (false, false, 0_usize);
        while let Some(flag @ ('-' | '0' | '+' | '#' | ' ')) = letters.peek().copied() {
            left |= flag == '-';
            zero |= flag == '0';
            letters.next();
        }
        while let Some(digit) = letters.peek().and_then(|c| c.to_digit(10)) {
            width = (width * 10 + digit as usize).min(WIDEST);
            letters.next();
        }
        let mut precision = None;
        if letters.peek() == Some(&'.') {
            letters.next();
            let mut digits = 0_usize;
            while let Some(digit) = letters.peek().and_then(|c| c.to_digit(10)) {
                digits = (digits * 10 + digit as usize).min(WIDEST);
                letters.next();
            }
            precision = Some(digits);
        }
        let Some(verb) = letters.next() else {
            out.push_str("%!(NOVERB)");
            break;
        };
        if verb == '%' {
            out.push('%');
            continue;
        }
        let Some(value) = arguments.next() else {
            out.push_str(&format!("%!{verb}(MISSING)"));
            continue;
        };
        let text = match verb {
            'q' => format::quote(&display(value)),
            'x' => value.as_i64().map_or_else(
                || display(value).bytes().map(|byte| format!("{byte:02x}")).collect(),
                |number| format!("{number:x}"),
            ),
            'f' => format!("{:.*}", precision.unwrap_or(6), value.as_f64().unwrap_or_default()),
            's' | 'v' => match precision {
                Some(digits) => display(value).chars().take(digits).collect(),
                None => display(value),
            },
            'd' if value.is_number() => display(value),
            't' if value.is_boolean() => display(value),
            _ => format!("%!{verb}({})", display(value)),
        };
        let fill = width.saturating_sub(text.chars().count());
        match (left, zero) {
            (true, _) => out.push_str(&(text + &" ".repeat(fill))),
            (false, true) => out.push_str(&("0".repeat(fill) + &text)),
            (false, false) => out.push_str(&(" ".repeat(fill) + &text)),
        }
    }
    out
}
