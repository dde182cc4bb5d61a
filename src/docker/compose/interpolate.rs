//! Variables in a compose file: `$NAME`, `${NAME}`, defaults, demands, and `$$`.
//!
//! cli.md §10.1. Every text of the file is looked at, keys are not. Where a number or a boolean belongs, a text that was
//! put together is turned into one. Oddities of the real client are kept: a default may follow `$NAME` without braces,
//! `-` is looked for before `?`, and a later variable that is well takes back the error of an earlier one.

use super::yaml::{LONGEST, too_long};
use crate::docker::format::quote;
use serde_json::{Map, Number, Value};
use std::cell::Cell;
use std::collections::BTreeMap;

/// The environment.
pub type Variables = BTreeMap<String, String>;

/// Puts the variables' values into all texts.
///
/// # Errors
/// As Docker words them, with the place.
pub fn interpolate(config: &Map<String, Value>, variables: &Variables) -> Result<Map<String, Value>, String> {
    let spent = Cell::new(0);
    config.iter().map(|(key, value)| Ok((key.clone(), place(value, key, variables, &spent)?))).collect()
}

fn place(value: &Value, path: &str, variables: &Variables, spent: &Cell<usize>) -> Result<Value, String> {
    match value {
        Value::String(text) => {
            let longest = variables.values().map(String::len).max().unwrap_or(0);
            if text.matches('$').count().saturating_mul(longest) > 4 * LONGEST {
                return Err(too_long("the compose file"));
            }
            let new = substitute(text, variables).map_err(|template| {
                let template = quote(&template);
                format!(
                    "invalid interpolation format for {path}: {template}; you may need to escape any $ with another $"
                )
            })?;
            // One long variable may stand in many places.
            spent.set(spent.get() + new.len());
            if spent.get() > LONGEST {
                return Err(too_long("the compose file"));
            }
            if new == *text {
                return Ok(value.clone());
            }
            cast(path, &new)
                .map_err(|error| format!("error while interpolating {path}: failed to cast to expected type: {error}"))
        }
        Value::Array(items) => {
            let path = format!("{path}.[]");
            items.iter().map(|item| place(item, &path, variables, spent)).collect::<Result<_, _>>().map(Value::Array)
        }
        Value::Object(map) => {
            let below = map
                .iter()
                .map(|(key, value)| Ok((key.clone(), place(value, &format!("{path}.{key}"), variables, spent)?)));
            below.collect::<Result<_, String>>().map(Value::Object)
        }
        other => Ok(other.clone()),
    }
}

/// A text with its variables replaced; on an error what the real client calls the template.
fn substitute(text: &str, variables: &Variables) -> Result<String, String> {
    let mut out = String::new();
    let mut error = None;
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        let braced = rest.strip_prefix('{').and_then(|inner| {
            let length = substitution(inner);
            (length > 0 && inner[length..].starts_with('}')).then(|| (&inner[..length], &inner[length + 1..]))
        });
        let length = substitution(rest);
        let (inside, after) = match braced {
            Some(found) => found,
            None if length > 0 => rest.split_at(length),
            None => {
                error = Some(text.to_owned());
                continue;
            }
        };
        rest = after;
        match value(inside, variables) {
            Ok(value) => {
                error = None;
                out.push_str(&value);
            }
            Err(template) => error = Some(template),
        }
    }
    out.push_str(rest);
    error.map_or(Ok(out), Err)
}

/// How long a name with its default or demand is; 0 where there is no name.
fn substitution(text: &str) -> usize {
    let name = text.bytes().position(|b| !b.is_ascii_alphanumeric() && b != b'_').unwrap_or(text.len());
    if name == 0 || text.as_bytes()[0].is_ascii_digit() {
        return 0;
    }
    let rest = &text[name..];
    let marked = rest.strip_prefix(':').unwrap_or(rest).starts_with(['-', '?']);
    if marked { name + rest.find('}').unwrap_or(rest.len()) } else { name }
}

fn value(inside: &str, variables: &Variables) -> Result<String, String> {
    let set = |name: &str| variables.get(name).cloned();
    if let Some((name, default)) = inside.split_once(":-") {
        return Ok(set(name).filter(|value| !value.is_empty()).unwrap_or_else(|| default.to_owned()));
    }
    if let Some((name, default)) = inside.split_once('-') {
        return Ok(set(name).unwrap_or_else(|| default.to_owned()));
    }
    let missing = |name: &str, message: &str| format!("required variable {name} is missing a value: {message}");
    if let Some((name, message)) = inside.split_once(":?") {
        return set(name).filter(|value| !value.is_empty()).ok_or_else(|| missing(name, message));
    }
    if let Some((name, message)) = inside.split_once('?') {
        return set(name).ok_or_else(|| missing(name, message));
    }
    Ok(set(inside).unwrap_or_default())
}

/// Where whole numbers, ratios and booleans belong: `*` is any key, `[]` an item of a list.
const WHOLE: [&str; 14] = [
    "services.*.configs.[].mode",
    "services.*.secrets.[].mode",
    "services.*.healthcheck.retries",
    "services.*.deploy.replicas",
    "services.*.deploy.update_config.parallelism",
    "services.*.deploy.rollback_config.parallelism",
    "services.*.deploy.restart_policy.max_attempts",
    "services.*.deploy.placement.max_replicas_per_node",
    "services.*.ports.[].target",
    "services.*.ports.[].published",
    "services.*.oom_score_adj",
    "services.*.ulimits.*",
    "services.*.ulimits.*.hard",
    "services.*.ulimits.*.soft",
];
const RATIOS: [&str; 2] =
    ["services.*.deploy.update_config.max_failure_ratio", "services.*.deploy.rollback_config.max_failure_ratio"];
const BOOLEANS: [&str; 13] = [
    "services.*.healthcheck.disable",
    "services.*.privileged",
    "services.*.read_only",
    "services.*.stdin_open",
    "services.*.tty",
    "services.*.volumes.[].read_only",
    "services.*.volumes.[].volume.nocopy",
    "networks.*.external",
    "networks.*.internal",
    "networks.*.attachable",
    "volumes.*.external",
    "secrets.*.external",
    "configs.*.external",
];

fn cast(path: &str, text: &str) -> Result<Value, String> {
    let fits = |patterns: &[&str]| {
        let parts: Vec<&str> = path.split('.').collect();
        patterns.iter().any(|pattern| {
            let wanted: Vec<&str> = pattern.split('.').collect();
            wanted.len() == parts.len()
                && wanted.iter().zip(&parts).all(|(wanted, part)| *wanted == "*" || wanted == part)
        })
    };
    if fits(&WHOLE) {
        let error = || format!("strconv.Atoi: parsing {}: invalid syntax", quote(text));
        return text.parse::<i64>().map(Value::from).map_err(|_| error());
    }
    if fits(&RATIOS) {
        let number = text.parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number);
        return number.ok_or_else(|| format!("strconv.ParseFloat: parsing {}: invalid syntax", quote(text)));
    }
    if fits(&BOOLEANS) {
        return match text.to_lowercase().as_str() {
            "y" | "yes" | "true" | "on" => Ok(Value::Bool(true)),
            "n" | "no" | "false" | "off" => Ok(Value::Bool(false)),
            _ => Err(format!("invalid boolean: {text}")),
        };
    }
    Ok(Value::String(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn variables() -> Variables {
        [("A", "1"), ("EMPTY", ""), ("T", "yes")].map(|(name, value)| (name.into(), value.into())).into()
    }

    fn told(text: &str) -> Result<String, String> {
        substitute(text, &variables())
    }

    #[test]
    fn variables_have_values_defaults_and_demands() {
        for (text, value) in [
            ("$A-x", "1"),
            ("${A}b$A", "1b1"),
            ("$NONE.", "."),
            ("a$$A", "a$A"),
            ("${NONE:-x}${EMPTY:-y}${A:-z}", "xy1"),
            ("${NONE-x}|${EMPTY-y}|", "x||"),
            ("${A:?must}", "1"),
            ("${EMPTY?must}", ""),
            ("${NONE:-a:-b}", "a:-b"),
        ] {
            assert_eq!(told(text).as_deref(), Ok(value), "{text}");
        }
        assert_eq!(told("${NONE:?set it}"), Err("required variable NONE is missing a value: set it".into()));
        assert_eq!(told("${EMPTY:?}"), Err("required variable EMPTY is missing a value: ".into()));
        for text in ["$", "${", "${A", "${}", "$1", "${A!b}", "a ${ A }"] {
            assert_eq!(told(text), Err(text.to_owned()));
        }
    }

    #[test]
    fn errors_name_the_place() {
        let config = json!({"services": {"web": {"image": "${IMG:?missing}"}}});
        assert_eq!(
            interpolate(config.as_object().unwrap(), &variables()).unwrap_err(),
            "invalid interpolation format for services.web.image: \"required variable IMG is missing a value: missing\"; \
             you may need to escape any $ with another $"
        );
        let config = json!({"services": {"web": {"deploy": {"replicas": "${T}"}}}});
        assert_eq!(
            interpolate(config.as_object().unwrap(), &variables()).unwrap_err(),
            "error while interpolating services.web.deploy.replicas: failed to cast to expected type: strconv.Atoi: \
             parsing \"yes\": invalid syntax"
        );
    }

    #[test]
    fn what_was_put_together_becomes_a_number_where_one_belongs() {
        let config = json!({"services": {"web": {"deploy": {"replicas": "$A"}, "tty": "${T}", "labels": ["a=$A"],
            "ports": [{"target": "8$A"}], "hostname": "$A"}}});
        let done = interpolate(config.as_object().unwrap(), &variables()).unwrap();
        assert_eq!(
            done["services"]["web"],
            json!({"deploy": {"replicas": 1}, "tty": true, "labels": ["a=1"], "ports": [{"target": 81}], "hostname": "1"})
        );
    }
}
