//! `--network`, `--secret` and `--config` of `service create`, and their `-add` and `-rm` of `service update`: names into
//! ids, which the client asks the daemon for before it sends the spec.
//!
//! cli.md §7.4, §8.

use crate::docker::flags::Parsed;
use crate::docker::script::{Context, Stop};
use crate::docker::value;
use crate::swarm::api::{
    ConfigReference, ContainerSpec, FileKind, FileTarget, Filters, NetworkAttachmentConfig, SecretReference, TaskSpec,
};

/// The networks of a flag, as typed.
fn networks(flags: &Parsed, name: &str) -> Vec<NetworkAttachmentConfig> {
    let read = |text: &str| {
        let mut network = NetworkAttachmentConfig::default();
        if !text.contains('=') {
            text.clone_into(&mut network.target);
            return network;
        }
        // The real client makes small letters of the whole value, too.
        for (key, value) in value::key_values(&text.to_lowercase()).unwrap_or_default() {
            match key.as_str() {
                "name" => network.target = value,
                "alias" => network.aliases.push(value),
                "driver-opt" => {
                    let (option, value) = value.split_once('=').unwrap_or((&value, ""));
                    network.driver_opts.insert(option.trim().to_owned(), value.trim().to_owned());
                }
                // The others mean nothing to a service.
                _ => {}
            }
        }
        network
    };
    flags.all(name).map(read).collect()
}

fn network_id(context: &mut Context, name: &str) -> Result<String, Stop> {
    Ok(context.network(name, "swarm")??.id.clone())
}

/// The networks of a new service, by id.
pub fn create_networks(context: &mut Context) -> Result<Vec<NetworkAttachmentConfig>, Stop> {
    let mut wanted = networks(context.flags, "network");
    for network in &mut wanted {
        network.target = network_id(context, &network.target)?;
    }
    wanted.sort_by(|a, b| a.target.cmp(&b.target));
    Ok(wanted)
}

/// Takes networks away, then adds others.
pub fn update_networks(context: &mut Context, task: &mut TaskSpec) -> Result<(), Stop> {
    let flags = context.flags;
    if !flags.any_changed(&["network-add", "network-rm"]) {
        return Ok(());
    }
    for name in flags.all("network-rm") {
        let id = network_id(context, name)?;
        task.networks.retain(|network| network.target != id);
    }
    for mut network in networks(flags, "network-add") {
        let id = network_id(context, &network.target)?;
        if task.networks.iter().any(|known| known.target == id) {
            return Err(Stop::Failed(format!("service is already attached to network {}", network.target)));
        }
        network.target = id;
        task.networks.push(network);
    }
    task.networks.sort_by(|a, b| a.target.cmp(&b.target));
    Ok(())
}

/// A secret or a config as a flag names it.
struct Named {
    name: String,
    target: FileTarget,
}

fn named(flags: &Parsed, flag: &str) -> Vec<Named> {
    let read = |text: &str| {
        let mut named = Named {
            name: String::new(),
            target: FileTarget { name: String::new(), uid: "0".into(), gid: "0".into(), mode: 0o444 },
        };
        if !text.contains('=') && !text.contains(',') {
            text.clone_into(&mut named.name);
        } else {
            for (key, value) in value::key_values(text).unwrap_or_default() {
                match key.as_str() {
                    "source" | "src" => named.name = value,
                    "target" => named.target.name = value,
                    "uid" => named.target.uid = value,
                    "gid" => named.target.gid = value,
                    "mode" => {
                        let mode = value::unsigned(&value, 32).ok().and_then(|mode| u32::try_from(mode).ok());
                        named.target.mode = mode.unwrap_or(0o444);
                    }
                    _ => {}
                }
            }
        }
        if named.target.name.is_empty() {
            named.name.clone_into(&mut named.target.name);
        }
        named
    };
    flags.all(flag).map(read).collect()
}

/// Asks for the ids of secrets or configs.
fn find(context: &mut Context, kind: FileKind, flag: &str) -> Result<Vec<(String, Named)>, Stop> {
    let wanted = named(context.flags, flag);
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let noun = kind.noun();
    let mut filters = Filters::default();
    for (place, one) in wanted.iter().enumerate() {
        if wanted[..place].iter().any(|other| other.target.name == one.target.name) {
            return Err(Stop::Failed(format!("duplicate {noun} target for {} not allowed", one.name)));
        }
        filters.add("name", &one.name);
    }
    let files = context.files(kind, filters)??;
    let mut found = Vec::new();
    for one in wanted {
        match files.iter().find(|file| file.spec.name == one.name) {
            Some(file) => found.push((file.id.clone(), one)),
            None => return Err(Stop::Failed(format!("{noun} not found: {}", one.name))),
        }
    }
    Ok(found)
}

/// Gives a container the secrets and configs of these flags, behind those that it has.
pub fn add_files(context: &mut Context, container: &mut ContainerSpec, flags: [&str; 2]) -> Result<(), Stop> {
    let [secret, config] = flags;
    for (id, named) in find(context, FileKind::Secret, secret)? {
        container.secrets.push(SecretReference { file: named.target, id, name: named.name });
    }
    for (id, named) in find(context, FileKind::Config, config)? {
        container.configs.push(ConfigReference { file: named.target, id, name: named.name });
    }
    Ok(())
}

/// Takes secrets and configs away, then adds others.
pub fn update_files(context: &mut Context, container: &mut ContainerSpec) -> Result<(), Stop> {
    let flags = context.flags;
    container.secrets.retain(|secret| !flags.all("secret-rm").any(|name| name == secret.name));
    container.configs.retain(|config| !flags.all("config-rm").any(|name| name == config.name));
    add_files(context, container, ["secret-add", "config-add"])
}
