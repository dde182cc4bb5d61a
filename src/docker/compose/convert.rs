//! A project into what the Engine API takes: names with the stack's in front, its label on everything, networks, secrets
//! and configs to be made, and the services' specs (`service`, `mount`).
//!
//! cli.md §10.3, §10.4.

mod mount;
mod service;

use super::{Project, read};
use crate::swarm::api::{Driver, FileKind, FileSpec, FileTarget, IpamConfig, Labels, NetworkCreateRequest};
use serde::Deserialize;
use serde_json::{Map, Value};
pub use service::service;
use std::collections::{BTreeMap, BTreeSet};

/// The label that says to which stack something belongs.
pub const NAMESPACE: &str = "com.docker.stack.namespace";
/// The label of services that keeps the image as the file names it.
pub const IMAGE: &str = "com.docker.stack.image";

/// A name with the stack's in front.
pub fn scoped(stack: &str, name: &str) -> String {
    format!("{stack}_{name}")
}

fn labelled(stack: &str, mut labels: Labels) -> Labels {
    labels.insert(NAMESPACE.into(), stack.to_owned());
    labels
}

/// Whether a network is the user's own, rather than one that every host has.
pub fn is_user_defined(network: &str) -> bool {
    !matches!(network, "" | "default" | "bridge" | "host" | "none") && !network.starts_with("container:")
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Network {
    name: String,
    driver: String,
    driver_opts: Labels,
    ipam: Ipam,
    external: bool,
    internal: bool,
    attachable: bool,
    labels: Labels,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Ipam {
    config: Vec<Pool>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Pool {
    subnet: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Object {
    name: String,
    file: String,
    external: bool,
    labels: Labels,
    driver: String,
    template_driver: String,
}

/// The networks that the services use: those to be made, by name, and those that have to be there already.
pub fn networks(stack: &str, project: &Project) -> (BTreeMap<String, NetworkCreateRequest>, BTreeSet<String>) {
    let mut used: BTreeSet<&str> = BTreeSet::new();
    for service in project.services.values() {
        match service.get("networks").and_then(Value::as_object) {
            Some(networks) => used.extend(networks.keys().map(String::as_str)),
            None => drop(used.insert("default")),
        }
    }
    let (mut made, mut external) = (BTreeMap::new(), BTreeSet::new());
    for key in used {
        let network: Network = project.networks.get(key).map(read).unwrap_or_default();
        if network.external {
            external.insert(network.name);
            continue;
        }
        let name = if network.name.is_empty() { scoped(stack, key) } else { network.name };
        let request = NetworkCreateRequest {
            name: name.clone(),
            driver: if network.driver.is_empty() { "overlay".into() } else { network.driver },
            ipam: network
                .ipam
                .config
                .into_iter()
                .map(|pool| IpamConfig { subnet: prefix(&pool.subnet), ..IpamConfig::default() })
                .collect(),
            internal: network.internal,
            attachable: network.attachable,
            options: network.driver_opts,
            labels: labelled(stack, network.labels),
            ..NetworkCreateRequest::default()
        };
        made.insert(name, request);
    }
    (made, external)
}

/// A subnet; a single address is a subnet of its own, and what is neither is left out, as the client does.
fn prefix(text: &str) -> String {
    let (address, length) = text.split_once('/').unwrap_or((text, ""));
    match (address.parse::<std::net::IpAddr>(), length) {
        (Ok(address), "") if !text.contains('/') => format!("{address}/{}", if address.is_ipv4() { 32 } else { 128 }),
        (Ok(_), length) if length.parse::<u8>().is_ok() => text.to_owned(),
        _ => String::new(),
    }
}

/// A secret or a config to be made, and the file that has its content.
pub struct Made {
    /// Without its content.
    pub spec: FileSpec,
    /// Where the content is; none: a driver has it.
    pub path: Option<String>,
}

/// The secrets or the configs that are to be made, by key.
pub fn files(kind: FileKind, stack: &str, project: &Project) -> Vec<Made> {
    let section = if kind == FileKind::Secret { &project.secrets } else { &project.configs };
    let objects = section.iter().map(|(key, map)| (key, read::<Object>(map)));
    let made = objects.filter(|(_, object)| !object.external).map(|(key, object)| Made {
        spec: FileSpec {
            name: if object.name.is_empty() { scoped(stack, key) } else { object.name },
            labels: labelled(stack, object.labels),
            data: Vec::new(),
            templating: (!object.template_driver.is_empty())
                .then(|| Driver { name: object.template_driver, ..Driver::default() }),
        },
        path: object.driver.is_empty().then_some(object.file),
    });
    made.collect()
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct FileUse {
    source: String,
    target: String,
    uid: String,
    gid: String,
    mode: Option<u32>,
}

/// The secrets or the configs that a service is given: the name of each in the swarm, and its place.
///
/// # Errors
/// One is not in the file, or two go to one place.
pub fn uses(
    kind: FileKind,
    stack: &str,
    service: &Map<String, Value>,
    project: &Project,
) -> Result<Vec<(String, FileTarget)>, String> {
    let (noun, plural, section) = match kind {
        FileKind::Secret => ("secret", "secrets", &project.secrets),
        FileKind::Config => ("config", "configs", &project.configs),
    };
    let given = service.get(plural).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object);
    let mut uses: Vec<(String, FileTarget)> = Vec::new();
    for wanted in given.map(read::<FileUse>) {
        let key = wanted.source;
        let object: Object = section.get(&key).map(read).ok_or_else(|| format!("undefined {noun} \"{key}\""))?;
        let or = |text: String, other: &str| if text.is_empty() { other.to_owned() } else { text };
        let target = FileTarget {
            name: or(wanted.target, &key),
            uid: or(wanted.uid, "0"),
            gid: or(wanted.gid, "0"),
            mode: wanted.mode.unwrap_or(0o444),
        };
        uses.push((or(object.name, &scoped(stack, &key)), target));
    }
    for (place, (name, target)) in uses.iter().enumerate() {
        if uses[..place].iter().any(|(_, other)| other.name == target.name) {
            return Err(format!("duplicate {noun} target for {name} not allowed"));
        }
    }
    Ok(uses)
}
