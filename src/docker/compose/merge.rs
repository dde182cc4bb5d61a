//! Several compose files into one: what a later file says goes over what an earlier one said.
//!
//! cli.md §10.1. Services are merged key by key: lists grow, mappings are joined, texts and numbers are replaced unless
//! the later one is empty. Networks, volumes, secrets and configs are replaced whole.

use super::Project;
use super::keys::{Form, Keys, SERVICE};
use super::normal::whole;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Puts `over` onto `base`.
pub fn merge(base: &mut Project, over: Project) {
    for (name, service) in over.services {
        match base.services.get_mut(&name) {
            Some(known) => *known = table(known, &service, &SERVICE),
            None => drop(base.services.insert(name, service)),
        }
    }
    // What is sorted in a merge is sorted for every service.
    for service in base.services.values_mut() {
        for key in ["ports", "secrets", "configs", "volumes"] {
            if let Some(Value::Array(items)) = service.get_mut(key) {
                sort(key, items);
            }
        }
    }
    base.networks.extend(over.networks);
    base.volumes.extend(over.volumes);
    base.secrets.extend(over.secrets);
    base.configs.extend(over.configs);
}

fn table(base: &Map<String, Value>, over: &Map<String, Value>, keys: &Keys) -> Map<String, Value> {
    let mut out = Map::new();
    for key in keys.keys {
        let value = match (base.get(key.name), over.get(key.name)) {
            (Some(base), Some(over)) => Some(value(key.name, base, over, key.form)),
            (base, over) => over.or(base).cloned(),
        };
        out.extend(value.map(|value| (key.name.to_owned(), value)));
    }
    let extras = [base, over].into_iter().flatten().filter(|(key, _)| key.starts_with("x-"));
    let extras: BTreeMap<&String, &Value> = extras.collect();
    out.extend(extras.into_iter().map(|(key, value)| (key.clone(), value.clone())));
    out
}

fn value(name: &str, base: &Value, over: &Value, form: Form) -> Value {
    match (form, base, over) {
        (Form::Table(keys) | Form::TableKept(keys), Value::Object(base), Value::Object(over)) if name == "logging" => {
            let driver = |map: &Map<String, Value>| map.get("driver").cloned();
            match (driver(base), driver(over)) {
                (Some(one), Some(other)) if one != other => Value::Object(over.clone()),
                _ => Value::Object(table(base, over, keys)),
            }
        }
        (Form::Table(keys) | Form::TableKept(keys), Value::Object(base), Value::Object(over)) => {
            Value::Object(table(base, over, keys))
        }
        (Form::Build, Value::Object(base), Value::Object(over)) => {
            Value::Object(table(base, over, &super::keys::BUILD))
        }
        (
            Form::Texts | Form::OneOrMore | Form::Hosts | Form::Test | Form::Rows(_),
            Value::Array(base),
            Value::Array(over),
        ) => Value::Array([base.as_slice(), over].concat()),
        (Form::Ports, Value::Array(base), Value::Array(over)) => by(base, over, |port| port.to_string()),
        (Form::Files, Value::Array(base), Value::Array(over)) => by(base, over, |file| file["source"].to_string()),
        (Form::Volumes, Value::Array(base), Value::Array(over)) => by(base, over, |mount| mount["target"].to_string()),
        (Form::Pairs | Form::Ulimits, Value::Object(base), Value::Object(over)) => {
            joined(base, over, |_, over| over.clone())
        }
        (Form::Variables, Value::Object(base), Value::Object(over)) => joined(base, over, |base, over| match over {
            Value::Null => base.clone(),
            Value::String(text) if text.is_empty() && !base.is_null() => base.clone(),
            over => over.clone(),
        }),
        (Form::Networks, Value::Object(base), Value::Object(over)) => {
            joined(base, over, |base, over| match (base, over) {
                (base, Value::Null) => base.clone(),
                (Value::Object(base), Value::Object(over)) => {
                    let mut both = base.clone();
                    both.remove("aliases");
                    let mut out = Map::new();
                    for key in ["aliases", "driver_opts", "ipv4_address", "ipv6_address"] {
                        out.extend(over.get(key).or(both.get(key)).map(|value| (key.to_owned(), value.clone())));
                    }
                    Value::Object(out)
                }
                (_, over) => over.clone(),
            })
        }
        // What was only said to be false or nothing does not go over what was said before.
        (Form::Switch, base, Value::Bool(false)) => base.clone(),
        (Form::SpanKept, base, Value::String(over)) if over == "0s" => base.clone(),
        (_, _, over) => over.clone(),
    }
}

/// Lists whose items have a name: of one name the later holds.
fn by(base: &[Value], over: &[Value], name: impl Fn(&Value) -> String) -> Value {
    let all: BTreeMap<String, &Value> = base.iter().chain(over).map(|item| (name(item), item)).collect();
    Value::Array(all.into_values().cloned().collect())
}

fn joined(base: &Map<String, Value>, over: &Map<String, Value>, both: impl Fn(&Value, &Value) -> Value) -> Value {
    let mut all: BTreeMap<&String, Value> = base.iter().map(|(key, value)| (key, value.clone())).collect();
    for (key, value) in over {
        let value = base.get(key).map_or_else(|| value.clone(), |known| both(known, value));
        all.insert(key, value);
    }
    Value::Object(all.into_iter().map(|(key, value)| (key.clone(), value)).collect())
}

fn sort(key: &str, items: &mut [Value]) {
    match key {
        "ports" => items.sort_by_key(|port| whole(&port["published"])),
        "volumes" => items.sort_by_key(|mount| mount["target"].to_string()),
        _ => items.sort_by_key(|file| file["source"].to_string()),
    }
}
