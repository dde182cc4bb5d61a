//! Values of a compose file into their one form: short forms written out, lists into mappings and back, durations and
//! sizes as Go writes them, keys in Docker's order, what is zero left out.
//!
//! cli.md §10.2, §10.4. Errors carry the field's name as Go's decoder names it.

use super::keys::{self, Form, Key, Keys};
use super::scalar::text;
use crate::docker::format::go_duration;
use crate::docker::mount::PROPAGATIONS;
use crate::docker::{port, value};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Turns the values below a mapping's keys into their forms. What is wrong goes to `errors`, what is worth a warning to
/// `warnings`.
pub struct Normal {
    errors: Vec<String>,
    /// What the user is told besides.
    pub warnings: Vec<String>,
}

/// Brings a mapping into its form.
///
/// # Errors
/// All that is wrong in it, in Docker's words.
pub fn table(map: &Map<String, Value>, keys: &Keys) -> Result<(Map<String, Value>, Vec<String>), String> {
    let mut normal = Normal { errors: Vec::new(), warnings: Vec::new() };
    let table = normal.table(map, keys, "");
    if normal.errors.is_empty() {
        return Ok((table, normal.warnings));
    }
    Err(format!("decoding failed due to the following error(s):\n\n{}", normal.errors.join("\n")))
}

impl Normal {
    fn table(&mut self, map: &Map<String, Value>, keys: &Keys, path: &str) -> Map<String, Value> {
        let mut out = Map::new();
        for key in keys.keys {
            let Some(value) = map.get(key.name) else { continue };
            if let Some(value) = self.value(value, key, path) {
                out.insert(key.name.to_owned(), value);
            }
        }
        if keys.extra == keys::Extra::Extensions {
            let extras = map.iter().filter(|(key, _)| key.starts_with("x-"));
            out.extend(extras.map(|(key, value)| (key.clone(), value.clone())));
        }
        out
    }

    fn fault(&mut self, path: &str, error: &str) {
        self.errors.push(format!("'{path}' {error}"));
    }

    /// The form of a value; nothing where it is zero and need not be kept.
    fn value(&mut self, given: &Value, key: &Key, path: &str) -> Option<Value> {
        let path = &field(path, key);
        match (key.form, given) {
            (Form::Variables, Value::Null) | (_, Value::Null) => None,
            (Form::Text, given) => filled(text(given)),
            (Form::Flag, given) => (*given == Value::Bool(true)).then_some(Value::Bool(true)),
            (Form::Switch, given) => Some(given.clone()),
            (Form::Number, given) => Some(whole(given)).filter(|number| *number != 0).map(Value::from),
            (Form::Count(bits), given) => {
                let number = whole(given);
                if number < 0 {
                    self.fault(path, &format!("cannot parse value as 'uint{bits}': {number} overflows uint"));
                }
                Some(number.max(0).into())
            }
            (Form::Ratio, given) => Some(given.clone()).filter(|ratio| ratio.as_f64() != Some(0.0)),
            (Form::Span, given) => self.span(given, path).filter(|span| *span != "0s").map(Value::from),
            (Form::SpanKept, given) => self.span(given, path).map(Value::from),
            (Form::Size, given) => match value::bytes(&text(given)) {
                Ok(0) => None,
                Ok(size) => Some(size.to_string().into()),
                Err(error) => {
                    self.fault(path, &error);
                    None
                }
            },
            (Form::Words, Value::String(line)) => match value::shell_words(line) {
                Ok(words) => listed(words),
                Err(error) => {
                    self.fault(path, &error);
                    None
                }
            },
            (Form::Test, Value::String(line)) => Some(json!(["CMD-SHELL", line])),
            (Form::OneOrMore, Value::String(one)) => Some(json!([one])),
            (Form::Words | Form::Test | Form::Texts | Form::OneOrMore, given) => {
                listed(given.as_array()?.iter().map(text).collect())
            }
            (Form::Pairs, given) => {
                mapped(pairs(given).into_iter().map(|(name, value)| (name, value.unwrap_or_default().into())))
            }
            (Form::Variables, given) => {
                mapped(pairs(given).into_iter().map(|(name, value)| (name, value.map_or(Value::Null, Value::from))))
            }
            (Form::Hosts, Value::Object(map)) => {
                let named = map.iter().filter(|(_, address)| !address.is_null());
                let mut lines: Vec<String> = named.map(|(name, address)| format!("{name}:{}", text(address))).collect();
                lines.sort();
                listed(lines)
            }
            (Form::Hosts, given) => listed(given.as_array()?.iter().map(text).collect()),
            (Form::Table(keys), given) => {
                Some(self.table(given.as_object()?, keys, path)).filter(|table| !table.is_empty()).map(Value::Object)
            }
            (Form::TableKept(keys), given) => Some(Value::Object(self.table(given.as_object()?, keys, path))),
            (Form::Rows(keys), given) => {
                let mut rows = Vec::new();
                for (place, row) in given.as_array()?.iter().enumerate() {
                    let path = format!("{path}[{place}]");
                    rows.push(Value::Object(
                        row.as_object().map(|row| self.table(row, keys, &path)).unwrap_or_default(),
                    ));
                }
                some(rows)
            }
            (Form::Build, Value::String(context)) => Some(json!({ "context": context })),
            (Form::Build, given) => Some(Value::Object(self.table(given.as_object()?, &keys::BUILD, path))),
            (Form::Ports, given) => self.ports(given.as_array()?, path),
            (Form::Volumes, given) => self.volumes(given.as_array()?, path),
            (Form::Files, given) => {
                let mut files = Vec::new();
                for (place, file) in given.as_array()?.iter().enumerate() {
                    files.push(match file {
                        Value::Object(map) => Value::Object(self.table(map, &keys::FILE, &format!("{path}[{place}]"))),
                        name => json!({ "source": text(name) }),
                    });
                }
                some(files)
            }
            (Form::Networks, Value::Array(names)) => {
                mapped(names.iter().map(|name| (text(name), Value::Null)).collect::<BTreeMap<_, _>>())
            }
            (Form::Networks, given) => {
                let mut networks = BTreeMap::new();
                for (name, network) in given.as_object()? {
                    let path = format!("{path}[{name}]");
                    let table = network.as_object().map(|map| self.table(map, &keys::SERVICE_NETWORK, &path));
                    networks.insert(name.clone(), table.map_or(Value::Null, Value::Object));
                }
                mapped(networks)
            }
            (Form::Ulimits, given) => mapped(given.as_object()?.iter().map(|(name, limit)| {
                let both =
                    |map: &Map<String, Value>| json!({ "soft": whole(&map["soft"]), "hard": whole(&map["hard"]) });
                (
                    name.clone(),
                    limit
                        .as_object()
                        .filter(|map| map.contains_key("soft") && map.contains_key("hard"))
                        .map_or_else(|| whole(limit).into(), both),
                )
            })),
            (Form::External, Value::Object(map)) => {
                Some(json!({ "name": map.get("name").map(text).unwrap_or_default() }))
            }
            (Form::External, given) => (*given == Value::Bool(true)).then_some(Value::Bool(true)),
        }
    }

    fn span(&mut self, given: &Value, path: &str) -> Option<String> {
        match value::duration(&text(given)) {
            Ok(nanos) => Some(go_duration(nanos)),
            Err(error) => {
                self.fault(path, &error);
                None
            }
        }
    }

    fn ports(&mut self, given: &[Value], path: &str) -> Option<Value> {
        let mut ports = Vec::new();
        for item in given {
            if let Value::Object(map) = item {
                ports.push(Value::Object(self.table(map, &keys::PORT, path)));
                continue;
            }
            let (ranges, ignored) = match port::compose(&text(item)) {
                Ok(read) => read,
                Err(error) => {
                    self.fault(path, &error);
                    continue;
                }
            };
            self.warnings.extend(ignored);
            for port in ranges {
                let mut table = Map::new();
                table.insert("mode".into(), "ingress".into());
                table.insert("target".into(), port.target_port.into());
                if port.published_port != 0 {
                    table.insert("published".into(), port.published_port.into());
                }
                table.insert("protocol".into(), port.protocol.into());
                ports.push(Value::Object(table));
            }
        }
        some(ports)
    }

    fn volumes(&mut self, given: &[Value], path: &str) -> Option<Value> {
        let mut volumes = Vec::new();
        for (place, item) in given.iter().enumerate() {
            let path = format!("{path}[{place}]");
            match item {
                Value::Object(map) => volumes.push(Value::Object(self.table(map, &keys::MOUNT, &path))),
                item => match short_volume(&text(item)) {
                    Ok(volume) => volumes.push(Value::Object(volume)),
                    Err(error) => self.fault(&path, &error),
                },
            }
        }
        some(volumes)
    }
}

/// A field as Go's decoder names it: keys of more than one word by the key, others by Go's own name.
fn field(path: &str, key: &Key) -> String {
    let go = match key.name {
        "cpus" | "memory" | "pids" | "tty" => key.name.to_owned(),
        "dns" => "DNS".to_owned(),
        "healthcheck" => "HealthCheck".to_owned(),
        name if name.contains('_') => name.to_owned(),
        name => {
            let mut letters = name.chars();
            letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
        }
    };
    if path.is_empty() { go } else { format!("{path}.{go}") }
}

fn filled(text: String) -> Option<Value> {
    (!text.is_empty()).then_some(Value::String(text))
}

fn some(items: Vec<Value>) -> Option<Value> {
    (!items.is_empty()).then_some(Value::Array(items))
}

fn listed(items: Vec<String>) -> Option<Value> {
    some(items.into_iter().map(Value::String).collect())
}

fn mapped(pairs: impl IntoIterator<Item = (String, Value)>) -> Option<Value> {
    let map: Map<String, Value> = pairs.into_iter().collect();
    (!map.is_empty()).then_some(Value::Object(map))
}

/// The whole part of a number.
pub fn whole(value: &Value) -> i64 {
    value.as_i64().or_else(|| value.as_f64().map(|value| value as i64)).unwrap_or_default()
}

/// `NAME=VALUE` lists and mappings alike, by name.
fn pairs(given: &Value) -> BTreeMap<String, Option<String>> {
    match given {
        Value::Object(map) => {
            map.iter().map(|(name, value)| (name.clone(), (!value.is_null()).then(|| text(value)))).collect()
        }
        Value::Array(items) => items
            .iter()
            .map(text)
            .map(|item| match item.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (item, None),
            })
            .collect(),
        _ => BTreeMap::new(),
    }
}

/// `[SOURCE:]TARGET[:OPTIONS]`, cut at the colons but for one behind a single letter, which is a Windows drive.
fn short_volume(spec: &str) -> Result<Map<String, Value>, String> {
    if spec.is_empty() {
        return Err("invalid empty volume spec".into());
    }
    let mut volume = Map::new();
    if spec.len() <= 2 {
        volume.insert("type".into(), "volume".into());
        volume.insert("target".into(), spec.into());
        return Ok(volume);
    }
    let mut sections = vec![String::new()];
    for c in spec.chars() {
        let Some(section) = sections.last_mut() else { break };
        let mut letters = section.chars();
        let drive = letters.next().is_some_and(char::is_alphabetic) && letters.next().is_none();
        if c == ':' && !drive { sections.push(String::new()) } else { section.push(c) }
    }
    let wrong = |why: &str| Err(format!("invalid spec: {spec}: {why}"));
    if sections.iter().any(String::is_empty) {
        return wrong("empty section between colons");
    }
    let (source, target, options) = match &sections[..] {
        [target] => ("", target.as_str(), ""),
        [source, target] => (source.as_str(), target.as_str(), ""),
        [source, target, options] => (source.as_str(), target.as_str(), options.as_str()),
        _ => return wrong("too many colons"),
    };
    let bind = source.starts_with(['.', '/', '~', '\\']) || source.get(1..2) == Some(":");
    volume.insert("type".into(), if bind { "bind" } else { "volume" }.into());
    if !source.is_empty() {
        volume.insert("source".into(), source.into());
    }
    volume.insert("target".into(), target.into());
    let options: Vec<&str> = options.split(',').collect();
    if options.iter().rfind(|option| matches!(**option, "ro" | "rw")) == Some(&"ro") {
        volume.insert("read_only".into(), true.into());
    }
    if let Some(propagation) = options.iter().rfind(|option| PROPAGATIONS.contains(option)) {
        volume.insert("bind".into(), json!({ "propagation": propagation }));
    }
    if options.contains(&"nocopy") {
        volume.insert("volume".into(), json!({ "nocopy": true }));
    }
    Ok(volume)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(text: Value) -> Value {
        let map = text.as_object().expect("a mapping").clone();
        Value::Object(table(&map, &keys::SERVICE).expect("it is well").0)
    }

    fn refused(text: Value) -> String {
        let error = table(text.as_object().expect("a mapping"), &keys::SERVICE).expect_err("it is not well");
        error.strip_prefix("decoding failed due to the following error(s):\n\n").expect("the head").to_owned()
    }

    #[test]
    fn short_forms_are_written_out() {
        for (given, form) in [
            (json!({"command": "sh -c \"a b\""}), json!({"command": ["sh", "-c", "a b"]})),
            (json!({"environment": ["A=1", "B", "C="]}), json!({"environment": {"A": "1", "B": null, "C": ""}})),
            (json!({"labels": {"a": 1, "b": null}}), json!({"labels": {"a": "1", "b": ""}})),
            (json!({"extra_hosts": {"b": "::1", "a": "10.0.0.1"}}), json!({"extra_hosts": ["a:10.0.0.1", "b:::1"]})),
            (
                json!({"healthcheck": {"test": "true", "interval": "90s"}}),
                json!({"healthcheck": {"test": ["CMD-SHELL", "true"], "interval": "1m30s"}}),
            ),
            (json!({"networks": ["b", "a"]}), json!({"networks": {"a": null, "b": null}})),
            (
                json!({"secrets": ["s", {"source": "t", "mode": 288}]}),
                json!({"secrets": [{"source": "s"}, {"source": "t", "mode": 288}]}),
            ),
            (
                json!({"ulimits": {"nproc": 5, "nofile": {"hard": 2, "soft": 1}}}),
                json!({"ulimits": {"nproc": 5, "nofile": {"soft": 1, "hard": 2}}}),
            ),
            (
                json!({"deploy": {"replicas": 0, "resources": {"limits": {"memory": "50M", "cpus": "0.5"}}}}),
                json!({"deploy": {"replicas": 0, "resources": {"limits": {"cpus": "0.5", "memory": "52428800"}}}}),
            ),
            (
                json!({"tty": false, "init": false, "dns": "8.8.8.8", "hostname": ""}),
                json!({"dns": ["8.8.8.8"], "init": false}),
            ),
        ] {
            assert_eq!(service(given.clone()).to_string(), form.to_string(), "{given}");
        }
    }

    #[test]
    fn ports_and_volumes() {
        assert_eq!(
            service(json!({"ports": ["8080-8081:80-81", 53, {"target": 5, "mode": "host"}]}))["ports"],
            json!([
                {"mode": "ingress", "target": 80, "published": 8080, "protocol": "tcp"},
                {"mode": "ingress", "target": 81, "published": 8081, "protocol": "tcp"},
                {"mode": "ingress", "target": 53, "protocol": "tcp"},
                {"mode": "host", "target": 5}
            ])
        );
        for (text, form) in [
            ("/data", json!({"type": "volume", "target": "/data"})),
            ("data:/d:ro", json!({"type": "volume", "source": "data", "target": "/d", "read_only": true})),
            ("./x:/d", json!({"type": "bind", "source": "./x", "target": "/d"})),
            ("d:/d", json!({"type": "volume", "target": "d:/d"})),
            (
                "~/x:/d:rslave",
                json!({"type": "bind", "source": "~/x", "target": "/d", "bind": {"propagation": "rslave"}}),
            ),
            ("v1:/d:nocopy", json!({"type": "volume", "source": "v1", "target": "/d", "volume": {"nocopy": true}})),
        ] {
            assert_eq!(service(json!({ "volumes": [text] }))["volumes"][0], form, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_names_the_field() {
        for (given, error) in [
            (json!({"ports": ["foo"]}), "'Ports' invalid containerPort: foo"),
            (json!({"command": "a 'b"}), "'Command' EOF found when expecting closing quote"),
            (json!({"volumes": ["data::/x"]}), "'Volumes[0]' invalid spec: data::/x: empty section between colons"),
            (
                json!({"deploy": {"resources": {"limits": {"memory": "x"}}}}),
                "'Deploy.Resources.Limits.memory' invalid size: 'x'",
            ),
            (
                json!({"deploy": {"replicas": -1}}),
                "'Deploy.Replicas' cannot parse value as 'uint64': -1 overflows uint",
            ),
        ] {
            assert_eq!(refused(given), error);
        }
    }
}
