//! Compose files, as `docker stack` reads them: version 3 of the format, by the client's own loader.
//!
//! A file goes through `yaml` (text into values), `interpolate` (variables), `schema` (its shape, by the table of `keys`)
//! and `normal` (each value into its one form); several files are merged (`merge`). What comes of it is a [`Project`],
//! which `print` writes as YAML again (`stack config`) and `convert` turns into what the Engine API takes.
//!
//! Source: cli.md §10. Where Docker's own order is that of a Go map, here it is the alphabet's.

pub mod convert;
mod interpolate;
mod keys;
mod merge;
mod normal;
mod print;
mod scalar;
mod schema;
#[cfg(test)]
mod tests;
mod yaml;

use super::command::service_create::environment_file;
use super::port;
use super::script::Stop;
pub use interpolate::Variables;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
pub use yaml::{Document, parse};

/// Named mappings of one kind.
pub type Section = BTreeMap<String, Map<String, Value>>;

/// What the files say, put together; each value in its one form.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Project {
    /// `3.8`
    pub version: String,
    /// Services.
    pub services: Section,
    /// Networks.
    pub networks: Section,
    /// Volumes.
    pub volumes: Section,
    /// Secrets.
    pub secrets: Section,
    /// Configs.
    pub configs: Section,
    /// Keys that begin with `x-`.
    pub extras: Map<String, Value>,
}

/// A project, and what the user is told of the files besides.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// What they say.
    pub project: Project,
    /// Warnings.
    pub warnings: Vec<String>,
}

/// Why files cannot be loaded.
#[derive(Debug)]
pub enum Trouble {
    /// Another file has to be read first, or the command ends.
    Stop(Stop),
    /// Keys that a stack refuses, and what to do instead.
    Forbidden(BTreeMap<&'static str, &'static str>),
    /// In Docker's words.
    Text(String),
}

impl From<Stop> for Trouble {
    fn from(stop: Stop) -> Self {
        Trouble::Stop(stop)
    }
}

impl From<String> for Trouble {
    fn from(text: String) -> Self {
        Trouble::Text(text)
    }
}

/// Where files are loaded.
pub struct Place<'a> {
    /// The folder of the first file.
    pub directory: &'a str,
    /// The client's environment.
    pub variables: &'a Variables,
    /// Leave variables as they stand.
    pub skip_interpolation: bool,
    /// Reads a file of variables.
    pub read: &'a mut dyn FnMut(&str) -> Result<Content, Stop>,
}

/// What a file holds, or the error's words.
pub type Content = Result<Arc<[u8]>, String>;

/// How many ports all services of a file come to.
fn ports(config: &Map<String, Value>) -> usize {
    let services = config.get("services").and_then(Value::as_object).into_iter().flatten();
    let lists = services.filter_map(|(_, service)| service.get("ports")?.as_array());
    lists.flatten().map(|item| item.as_str().map_or(1, port::count)).sum()
}

/// Loads files; later ones go over earlier ones.
///
/// # Errors
/// The first thing that is wrong.
pub fn load(documents: &[Document], place: &mut Place) -> Result<Loaded, Trouble> {
    let mut loaded: Option<Loaded> = None;
    for document in documents {
        let version = version(&document.config);
        if let Some(first) = loaded.as_ref().map(|loaded| &loaded.project.version).filter(|first| **first != version) {
            return Err(format!("version mismatched between two composefiles : {first} and {version}").into());
        }
        let forbidden = properties(document, &FORBIDDEN);
        if !forbidden.is_empty() {
            return Err(Trouble::Forbidden(forbidden));
        }
        let interpolated = match place.skip_interpolation {
            true => document.config.clone(),
            false => interpolate::interpolate(&document.config, place.variables)?,
        };
        let minor = minor(&version).ok_or_else(|| format!("unsupported Compose file version: {version}"))?;
        if document.odd_key {
            return Err(String::from("json: unsupported type: map[interface {}]interface {}").into());
        }
        schema::check(&interpolated, &keys::TOP, minor)?;
        if ports(&interpolated) > port::MOST {
            return Err(format!("swarmlab: the compose file asks for more than {} ports", port::MOST).into());
        }
        let one = sections(&interpolated, version, minor, place)?;
        match &mut loaded {
            Some(loaded) => {
                merge::merge(&mut loaded.project, one.project);
                loaded.warnings.extend(one.warnings);
            }
            None => loaded = Some(one),
        }
    }
    loaded.ok_or_else(|| String::from("no files specified").into())
}

/// The version that a file says it has; the newest where it says nothing, or only `3`.
fn version(config: &Map<String, Value>) -> String {
    match config.get("version").map(scalar::text).as_deref() {
        None | Some("" | "3") => "3.13".into(),
        Some(version) => version.to_owned(),
    }
}

/// The number behind the point, of a version that is known.
fn minor(version: &str) -> Option<u32> {
    (0..=13).find(|minor| format!("3.{minor}") == version)
}

fn section<'a>(config: &'a Map<String, Value>, name: &str) -> impl Iterator<Item = (&'a String, Map<String, Value>)> {
    let members = config.get(name).and_then(Value::as_object).into_iter().flatten();
    members.map(|(name, value)| (name, value.as_object().cloned().unwrap_or_default()))
}

fn sections(config: &Map<String, Value>, version: String, minor: u32, place: &mut Place) -> Result<Loaded, Trouble> {
    let mut loaded = Loaded::default();
    for (name, given) in section(config, "services") {
        let (mut service, warnings) = normal::table(&given, &keys::SERVICE)?;
        loaded.warnings.extend(warnings);
        environment(&mut service, place)?;
        if let Some(Value::Array(mounts)) = service.get_mut("volumes") {
            mounts.iter_mut().try_for_each(|mount| bind_source(mount, place))?;
        }
        loaded.project.services.insert(name.clone(), service);
    }
    for (name, given) in section(config, "networks") {
        let (mut network, _) = normal::table(&given, &keys::NETWORK)?;
        external("network", name, &mut network, &keys::NETWORK, minor >= 5, &mut loaded.warnings)?;
        loaded.project.networks.insert(name.clone(), network);
    }
    for (name, given) in section(config, "volumes") {
        let (mut volume, _) = normal::table(&given, &keys::VOLUME)?;
        if volume.contains_key("external")
            && let Some(key) = ["driver", "driver_opts", "labels"].into_iter().find(|key| volume.contains_key(*key))
        {
            let text = format!("conflicting parameters \"external\" and \"{key}\" specified for volume \"{name}\"");
            return Err(text.into());
        }
        external("volume", name, &mut volume, &keys::VOLUME, minor >= 4, &mut loaded.warnings)?;
        loaded.project.volumes.insert(name.clone(), volume);
    }
    for (kind, plural, keys) in [("secret", "secrets", &keys::SECRET), ("config", "configs", &keys::CONFIG)] {
        for (name, given) in section(config, plural) {
            let (mut file, _) = normal::table(&given, keys)?;
            if file.contains_key("external") {
                external(kind, name, &mut file, keys, minor >= 5, &mut loaded.warnings)?;
            } else if file.contains_key("driver") {
                if file.contains_key("file") {
                    let text = format!("{kind} {name}: {kind}.driver and {kind}.file conflict; only use {kind}.driver");
                    return Err(text.into());
                }
            } else {
                let path = file.get("file").map(scalar::text).unwrap_or_default();
                file.insert("file".into(), absolute(place.directory, &path).into());
                file = ordered(file, keys);
            }
            let section = if kind == "secret" { &mut loaded.project.secrets } else { &mut loaded.project.configs };
            section.insert(name.clone(), file);
        }
    }
    let extras = config.iter().filter(|(key, _)| key.starts_with("x-"));
    loaded.project.extras = extras.map(|(key, value)| (key.clone(), value.clone())).collect();
    loaded.project.version = version;
    Ok(loaded)
}

/// Variables from files, and over them those of the service; one without a value takes that of the client's environment.
fn environment(service: &mut Map<String, Value>, place: &mut Place) -> Result<(), Trouble> {
    let mut all: BTreeMap<String, Value> = BTreeMap::new();
    let mut set = |name: String, value: Option<String>| {
        let own = place.variables.get(&name).filter(|_| value.as_ref().is_none_or(String::is_empty));
        let value = own.cloned().or(value).map_or(Value::Null, Value::from);
        all.insert(name, value);
    };
    for file in service.get("env_file").and_then(Value::as_array).into_iter().flatten() {
        let path = absolute(place.directory, &scalar::text(file));
        let content = (place.read)(&path)?.map_err(|error| format!("open {path}: {error}"))?;
        for line in environment_file(&path, &content)? {
            match line.split_once('=') {
                Some((name, value)) => set(name.to_owned(), Some(value.to_owned())),
                // Without a value it is the client's own, or nothing at all.
                None if place.variables.contains_key(&line) => set(line, None),
                None => {}
            }
        }
    }
    for (name, value) in service.get("environment").and_then(Value::as_object).into_iter().flatten() {
        set(name.clone(), value.as_str().map(str::to_owned));
    }
    if !all.is_empty() {
        service.insert("environment".into(), Value::Object(all.into_iter().collect()));
        *service = ordered(std::mem::take(service), &keys::SERVICE);
    }
    Ok(())
}

/// The source of a bind mount as a whole path.
fn bind_source(mount: &mut Value, place: &mut Place) -> Result<(), Trouble> {
    if mount["type"] != "bind" {
        return Ok(());
    }
    let source = scalar::text(&mount["source"]);
    if source.is_empty() {
        return Err(String::from("invalid mount config for type \"bind\": field Source must not be empty").into());
    }
    let source = match (source.strip_prefix('~'), place.variables.get("HOME")) {
        (Some(rest), Some(home)) => format!("{home}{rest}"),
        _ => source,
    };
    let windows = source.get(1..3).is_some_and(|part| matches!(part, ":\\" | ":/")) || source.starts_with('\\');
    mount["source"] = if windows { source } else { absolute(place.directory, &source) }.into();
    Ok(())
}

/// Something that is there already: its name, and what is said of the old way to name it.
fn external(
    kind: &str,
    key: &str,
    object: &mut Map<String, Value>,
    keys: &keys::Keys,
    deprecated: bool,
    warnings: &mut Vec<String>,
) -> Result<(), Trouble> {
    let Some(external) = object.insert("external".into(), true.into()) else {
        object.shift_remove("external");
        return Ok(());
    };
    match external.get("name").map(scalar::text).filter(|name| !name.is_empty()) {
        Some(_) if object.contains_key("name") => {
            let text = format!("{kind} {key}: {kind}.external.name and {kind}.name conflict; only use {kind}.name");
            return Err(text.into());
        }
        Some(name) => {
            if deprecated {
                warnings.push(format!("{kind} {key}: {kind}.external.name is deprecated in favor of {kind}.name"));
            }
            object.insert("name".into(), name.into());
        }
        None => drop(object.entry("name").or_insert_with(|| key.into())),
    }
    *object = ordered(std::mem::take(object), keys);
    Ok(())
}

/// A mapping's keys in Docker's order.
fn ordered(mut map: Map<String, Value>, keys: &keys::Keys) -> Map<String, Value> {
    let mut out = Map::new();
    for key in keys.keys {
        out.extend(map.shift_remove(key.name).map(|value| (key.name.to_owned(), value)));
    }
    out.extend(map);
    out
}

/// A path from a folder, cleaned; an absolute one stays as it is.
pub fn absolute(directory: &str, path: &str) -> String {
    if path.starts_with('/') {
        return path.to_owned();
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in directory.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// Keys that a stack refuses, each with what to do instead.
const FORBIDDEN: [(&str, &str); 8] = [
    ("extends", "Support for `extends` is not implemented yet."),
    (
        "volume_driver",
        "Instead of setting the volume driver on the service, define a volume using the top-level `volumes` option and \
         specify the driver there.",
    ),
    (
        "volumes_from",
        "To share a volume between services, define it using the top-level `volumes` option and reference it from each \
         service that shares it using the service-level `volumes` option.",
    ),
    ("cpu_quota", LIMITS),
    ("cpu_shares", LIMITS),
    ("cpuset", LIMITS),
    ("mem_limit", LIMITS),
    ("memswap_limit", LIMITS),
];
const LIMITS: &str = "Set resource limits using deploy.resources";

/// Keys without effect in a swarm.
const UNSUPPORTED: [&str; 16] = [
    "build",
    "cgroup_parent",
    "cgroupns_mode",
    "devices",
    "domainname",
    "external_links",
    "ipc",
    "links",
    "mac_address",
    "network_mode",
    "pid",
    "privileged",
    "restart",
    "security_opt",
    "shm_size",
    "userns_mode",
];

/// Keys that are passed over, each with the reason.
const DEPRECATED: [(&str, &str); 2] = [
    ("container_name", "Setting the container name is not supported."),
    (
        "expose",
        "Exposing ports is unnecessary - services on the same network can access each other's containers on any port.",
    ),
];

fn services(document: &Document) -> impl Iterator<Item = &Map<String, Value>> {
    let services = document.config.get("services").and_then(Value::as_object);
    services.into_iter().flat_map(|services| services.values().filter_map(Value::as_object))
}

fn properties(document: &Document, known: &[(&'static str, &'static str)]) -> BTreeMap<&'static str, &'static str> {
    let found = services(document).flat_map(|service| known.iter().filter(|(key, _)| service.contains_key(*key)));
    found.copied().collect()
}

/// Keys in use that have no effect in a swarm.
pub fn unsupported(documents: &[Document]) -> Vec<&'static str> {
    let used = |key: &&&str| documents.iter().flat_map(services).any(|service| service.contains_key(**key));
    let found: BTreeSet<&str> = UNSUPPORTED.iter().filter(used).copied().collect();
    found.into_iter().collect()
}

/// Keys in use that are passed over, each with the reason.
pub fn deprecated(documents: &[Document]) -> BTreeMap<&'static str, &'static str> {
    documents.iter().flat_map(|document| properties(document, &DEPRECATED)).collect()
}

impl Project {
    /// As `stack config` prints it.
    pub fn print(&self) -> String {
        let mut config = Map::new();
        let section = |section: &Section| {
            Value::Object(section.iter().map(|(name, map)| (name.clone(), Value::Object(map.clone()))).collect())
        };
        config.insert("version".into(), self.version.as_str().into());
        config.insert("services".into(), section(&self.services));
        let others = [
            ("networks", &self.networks),
            ("volumes", &self.volumes),
            ("secrets", &self.secrets),
            ("configs", &self.configs),
        ];
        for (name, members) in others {
            if !members.is_empty() {
                config.insert(name.into(), section(members));
            }
        }
        config.extend(self.extras.clone());
        print::print(&config)
    }
}

/// What stands below a key of a mapping, read into a type; nothing where it is not there.
fn read<T: serde::de::DeserializeOwned + Default>(map: &Map<String, Value>) -> T {
    serde_json::from_value(json!(map)).unwrap_or_default()
}
