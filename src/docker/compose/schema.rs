//! Checks that a compose file has the right shape, and says what is wrong in Docker's words.
//!
//! Docker checks with a JSON schema and then picks one error out of many: the one that lies deepest in the file, and
//! among equally deep ones the first that is about a type. Shapes here are made of the same parts as that schema, so that
//! the same errors come up in the same order. Which keys there are: `keys`.

use super::keys::{Extra, Key, Keys};
use serde_json::{Map, Value};

/// A type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the types of JSON")]
pub enum Type {
    Text,
    Number,
    Integer,
    Flag,
    Null,
    List,
    Mapping,
}

impl Type {
    /// As Docker's errors call it.
    fn name(self) -> &'static str {
        match self {
            Type::Text => "string",
            Type::Number => "number",
            Type::Integer => "integer",
            Type::Flag => "boolean",
            Type::Null => "null",
            Type::List => "list",
            Type::Mapping => "mapping",
        }
    }

    fn fits(self, value: &Value) -> bool {
        match self {
            Type::Text => value.is_string(),
            Type::Number => value.is_number(),
            Type::Integer => match value {
                Value::Number(number) => number.as_f64().is_some_and(|value| value.fract().abs() < f64::MIN_POSITIVE),
                _ => false,
            },
            Type::Flag => value.is_boolean(),
            Type::Null => value.is_null(),
            Type::List => value.is_array(),
            Type::Mapping => value.is_object(),
        }
    }
}

/// What may stand at a place.
#[derive(Debug)]
pub enum Shape {
    /// A value of one of these types.
    Is(&'static [Type]),
    /// A text that Go reads as a duration.
    Duration,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A whole number, not negative.
    Natural,
    /// A list; `unique`: no two items alike.
    List {
        /// Of its items.
        of: &'static Shape,
        /// No two items are alike.
        unique: bool,
    },
    /// A mapping with known keys.
    Table(&'static Keys),
    /// The same, or a value of another of these types.
    TableOr(&'static [Type], &'static Keys),
    /// A mapping with the user's own keys.
    Dict {
        /// Which keys are looked at.
        names: Names,
        /// Of their values.
        of: &'static Shape,
        /// Other keys are refused.
        closed: bool,
    },
    /// One of several.
    OneOf(&'static [Shape]),
}

/// A kind of keys.
#[derive(Clone, Copy, Debug)]
pub enum Names {
    /// Not empty.
    Any,
    /// Letters, digits, `.`, `_`, `-`.
    Object,
    /// Small letters.
    Small,
}

impl Names {
    fn fits(self, name: &str) -> bool {
        let byte = |b: u8| match self {
            Names::Any => true,
            Names::Object => b.is_ascii_alphanumeric() || b"._-".contains(&b),
            Names::Small => b.is_ascii_lowercase(),
        };
        !name.is_empty() && name.bytes().all(byte)
    }
}

struct Fault {
    path: String,
    /// It is about a type.
    typed: bool,
    /// It is about a choice: what follows says which of the choices came nearest.
    choice: bool,
    text: String,
}

/// Checks a file against the keys of a version of the format: the minor number of `3.N`.
///
/// # Errors
/// As Docker words them.
pub fn check(config: &Map<String, Value>, keys: &'static Keys, version: u32) -> Result<(), String> {
    let mut checker = Checker { version, faults: Vec::new() };
    checker.table("", config, keys);
    let faults = checker.faults;
    let Some(chosen) = most_specific(&faults) else { return Ok(()) };
    let fault = &faults[chosen];
    let text = match faults.get(chosen + 1) {
        Some(nearest) if fault.choice => &nearest.text,
        _ => &fault.text,
    };
    Err(format!("{} {text}", fault.path))
}

fn most_specific(faults: &[Fault]) -> Option<usize> {
    let depth = |fault: &Fault| fault.path.split('.').count();
    (0..faults.len()).reduce(|best, next| {
        let (deepest, other) = (&faults[best], &faults[next]);
        let deeper = depth(other) > depth(deepest);
        let typed = depth(other) == depth(deepest) && other.typed && !deepest.typed;
        if deeper || typed { next } else { best }
    })
}

struct Checker {
    version: u32,
    faults: Vec<Fault>,
}

impl Checker {
    fn fault(&mut self, path: &str, text: String) {
        self.faults.push(Fault { path: shown(path), typed: false, choice: false, text });
    }

    fn wrong_type(&mut self, path: &str, wanted: &[Type]) {
        let names: Vec<&str> = wanted.iter().map(|wanted| wanted.name()).collect();
        let wanted = match names.split_last() {
            Some((last, [])) => (*last).to_owned(),
            Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
            None => String::new(),
        };
        self.faults.push(Fault { path: shown(path), typed: true, choice: false, text: format!("must be a {wanted}") });
    }

    /// Whether the value is of the shape's type at all, whatever is wrong inside.
    fn shape(&mut self, path: &str, value: &Value, shape: &Shape) -> bool {
        let types: &[Type] = match shape {
            Shape::Is(types) => types,
            Shape::Duration | Shape::Word(_) => &[Type::Text],
            Shape::Natural => &[Type::Integer],
            Shape::List { .. } => &[Type::List],
            Shape::Table(_) | Shape::Dict { .. } => &[Type::Mapping],
            Shape::TableOr(types, _) => types,
            Shape::OneOf(shapes) => {
                self.one_of(path, value, shapes);
                return true;
            }
        };
        if !types.iter().any(|wanted| wanted.fits(value)) {
            self.wrong_type(path, types);
            return false;
        }
        match (shape, value) {
            (Shape::Duration, Value::String(text)) if crate::docker::value::duration(text).is_err() => {
                self.fault(path, "Does not match format 'duration'".into());
            }
            (Shape::Word(words), Value::String(text)) if !words.contains(&text.as_str()) => {
                let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
                self.fault(path, format!("{} must be one of the following: {}", shown(path), words.join(", ")));
            }
            (Shape::Natural, Value::Number(number)) if number.as_f64().is_some_and(|value| value < 0.0) => {
                self.fault(path, "Must be greater than or equal to 0".into());
            }
            (Shape::List { of, unique }, Value::Array(items)) => self.list(path, items, of, *unique),
            (Shape::Table(keys) | Shape::TableOr(_, keys), Value::Object(map)) => self.table(path, map, keys),
            (Shape::Dict { names, of, closed }, Value::Object(map)) => {
                for (key, value) in map {
                    if names.fits(key) {
                        self.shape(&below(path, key), value, of);
                    } else if *closed {
                        self.fault(path, format!("Additional property {key} is not allowed"));
                    }
                }
            }
            _ => {}
        }
        true
    }

    fn list(&mut self, path: &str, items: &[Value], of: &Shape, unique: bool) {
        let mut seen: Vec<(String, usize)> = Vec::new();
        if unique {
            for (place, item) in items.iter().enumerate() {
                seen.push((item.to_string(), place));
            }
            seen.sort();
            let doubles = seen.windows(2).filter(|pair| pair[0].0 == pair[1].0);
            let doubles: Vec<(usize, usize)> = doubles.map(|pair| (pair[1].1, pair[0].1)).collect();
            if let Some((second, first)) = doubles.into_iter().min() {
                self.fault(path, format!("array items[{first},{second}] must be unique"));
            }
        }
        for (place, item) in items.iter().enumerate() {
            self.shape(&below(path, &place.to_string()), item, of);
        }
    }

    fn table(&mut self, path: &str, map: &Map<String, Value>, keys: &Keys) {
        for name in keys.required {
            if !map.contains_key(*name) {
                self.fault(path, format!("{name} is required"));
            }
        }
        let extra = match keys.extra {
            Extra::Open => true,
            Extra::Extensions => self.version >= 4,
            Extra::Refused => false,
        };
        let version = self.version;
        let known = |key: &&Key| key.since <= version;
        for key in map.keys() {
            let allowed = extra && (matches!(keys.extra, Extra::Open) || key.starts_with("x-"));
            if !allowed && !keys.keys.iter().filter(known).any(|known| known.name == key) {
                self.fault(path, format!("Additional property {key} is not allowed"));
            }
        }
        for key in keys.keys.iter().filter(known) {
            if let Some(value) = map.get(key.name) {
                self.shape(&below(path, key.name), value, key.shape(version));
            }
        }
    }

    fn one_of(&mut self, path: &str, value: &Value, shapes: &[Shape]) {
        let mut nearest: Option<(bool, Vec<Fault>)> = None;
        for shape in shapes {
            let mut trial = Checker { version: self.version, faults: Vec::new() };
            let fits = trial.shape(path, value, shape);
            if trial.faults.is_empty() {
                return;
            }
            if nearest.as_ref().is_none_or(|(best, _)| fits && !best) {
                nearest = Some((fits, trial.faults));
            }
        }
        let text = "Must validate one and only one schema (oneOf)".to_owned();
        self.faults.push(Fault { path: shown(path), typed: false, choice: true, text });
        self.faults.extend(nearest.into_iter().flat_map(|(_, faults)| faults));
    }
}

fn below(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn shown(path: &str) -> String {
    if path.is_empty() { "(root)".into() } else { path.to_owned() }
}

#[cfg(test)]
mod tests {
    use crate::docker::compose::keys;
    use crate::docker::compose::yaml::parse;

    /// What is wrong with a file of version 3.13 that has this service.
    fn service(text: &str) -> String {
        let text: String = text.lines().map(|line| format!("    {line}\n")).collect();
        file(&format!("services:\n  web:\n{text}"))
    }

    fn file(text: &str) -> String {
        versioned(text, 13)
    }

    fn versioned(text: &str, version: u32) -> String {
        let document = parse("x.yml", text.as_bytes()).expect("it is YAML");
        super::check(&document.config, &keys::TOP, version).err().unwrap_or_default()
    }

    #[test]
    fn errors_name_the_deepest_place() {
        for (text, error) in [
            ("bogus: 1", "services.web Additional property bogus is not allowed"),
            ("profiles: [a]", "services.web Additional property profiles is not allowed"),
            ("image: [a, b]", "services.web.image must be a string"),
            ("depends_on: {a: b}", "services.web.depends_on must be a list"),
            ("command: {a: b}", "services.web.command must be a string"),
            ("environment: \"A=1\"", "services.web.environment must be a mapping"),
            ("environment: {A: [1]}", "services.web.environment.A must be a string, number or null"),
            ("environment: {A: true}", "services.web.environment.A must be a string, number or null"),
            ("environment: [1]", "services.web.environment.0 must be a string"),
            ("ports: [{target: x}]", "services.web.ports.0.target must be a integer"),
            ("ports: [{target: 80, foo: 1}]", "services.web.ports.0 Additional property foo is not allowed"),
            ("ports: [[80]]", "services.web.ports.0 must be a number"),
            ("ports: \"80:80\"", "services.web.ports must be a list"),
            ("ports: [80, 80]", "services.web.ports array items[0,1] must be unique"),
            ("deploy: {replicas: \"3\"}", "services.web.deploy.replicas must be a integer"),
            ("deploy: {replicas: 2.5}", "services.web.deploy.replicas must be a integer"),
            ("deploy: {foo: 1}", "services.web.deploy Additional property foo is not allowed"),
            ("deploy: {update_config: {delay: 5}}", "services.web.deploy.update_config.delay must be a string"),
            (
                "deploy: {update_config: {delay: 5x}}",
                "services.web.deploy.update_config.delay Does not match format 'duration'",
            ),
            (
                "deploy: {update_config: {order: x}}",
                "services.web.deploy.update_config.order services.web.deploy.update_config.order must be one of the \
                 following: \"start-first\", \"stop-first\"",
            ),
            ("volumes: [{source: a}]", "services.web.volumes.0 type is required"),
            ("ulimits: {nofile: {soft: 1}}", "services.web.ulimits.nofile hard is required"),
            ("networks: {a: {aliases: x}}", "services.web.networks.a.aliases must be a list"),
            ("image: x\nx-any: {thing: [1]}", ""),
        ] {
            assert_eq!(service(text), error, "{text}");
        }
    }

    #[test]
    fn sections_have_to_be_mappings_of_known_names() {
        for (text, error) in [
            ("services: [a]", "services must be a mapping"),
            ("services: {web: }", "services.web must be a mapping"),
            ("services: {a b: {}}", "services Additional property a b is not allowed"),
            ("name: x", "(root) Additional property name is not allowed"),
            ("version: 3", "version must be a string"),
            ("networks: {a: x}", "networks.a must be a mapping or null"),
            ("volumes: [a]", "volumes must be a mapping"),
            ("secrets: {a: }", "secrets.a must be a mapping"),
            ("secrets: {a: {external: x}}", "secrets.a.external must be a boolean or mapping"),
            ("networks: {a: , b: {}}\nx-any: 3", ""),
        ] {
            assert_eq!(file(text), error, "{text}");
        }
    }

    #[test]
    fn keys_come_with_versions() {
        let with = |text: &str, version| versioned(&format!("services:\n  web:\n    {text}\n"), version);
        for (text, since, key) in [
            ("init: true", 7, "services.web Additional property init is not allowed"),
            ("secrets: [a]", 1, "services.web Additional property secrets is not allowed"),
            ("configs: [a]", 3, "services.web Additional property configs is not allowed"),
            ("x-a: 1", 4, "services.web Additional property x-a is not allowed"),
            (
                "deploy: {placement: {max_replicas_per_node: 1}}",
                8,
                "services.web.deploy.placement Additional property max_replicas_per_node is not allowed",
            ),
            ("ports: [{target: 80}]", 2, "services.web.ports.0 must be a string or number"),
            ("volumes: [{type: bind}]", 2, "services.web.volumes.0 must be a string"),
        ] {
            assert_eq!((with(text, since), with(text, since - 1)), (String::new(), key.to_owned()));
        }
    }
}
