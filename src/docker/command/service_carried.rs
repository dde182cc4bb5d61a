//! Flags of `service create` and `service update` that are carried in the spec and shown by `inspect`, of the task and of
//! its container; nothing of the swarm depends on them.
//!
//! Credentials of a registry (`--with-registry-auth`) need nothing: the registries of this world ask for none.
//! cli.md §7.5, §8.

use crate::docker::flags::Parsed;
use crate::docker::invocation::unmodelled;
use crate::docker::script::Stop;
use crate::docker::value;
use crate::swarm::api::{ContainerSpec, CredentialSpec, DnsConfig, Driver, Ulimit};
use std::collections::{BTreeMap, BTreeSet};

/// Fills in what was given of a new service's container.
///
/// # Errors
/// Credentials that stand in a config.
pub fn create(flags: &Parsed, container: &mut ContainerSpec) -> Result<(), Stop> {
    let all = |flag: &str| flags.all(flag).map(str::to_owned).collect::<Vec<_>>();
    container.groups = all("group");
    container.tty = flags.is_set("tty");
    container.read_only = flags.is_set("read-only");
    container.hosts = flags.all("host").map(value::host_line).collect();
    container.dns_config = Some(DnsConfig {
        nameservers: addresses(flags, "dns"),
        search: domains(flags, "dns-search"),
        options: all("dns-option"),
    });
    container.sysctls = flags.labels("sysctl");
    container.ulimits = ulimits(flags, "ulimit", &[], "");
    // `RESET` means something to updates only.
    let wanted = |flag: &str| {
        let mut names = capabilities(flags.all(flag));
        names.remove(RESET);
        list(names)
    };
    (container.capability_add, container.capability_drop) = (wanted("cap-add"), wanted("cap-drop"));
    // What is given is not taken.
    container.capability_drop.retain(|capability| !container.capability_add.contains(capability));
    credentials(flags, container)
}

/// Edits them.
///
/// # Errors
/// Credentials that stand in a config.
pub fn update(flags: &Parsed, container: &mut ContainerSpec) -> Result<(), Stop> {
    let all = |flag: &str| flags.all(flag).map(str::to_owned).collect::<Vec<_>>();
    if flags.any_changed(&["group-add", "group-rm"]) {
        container.groups.extend(all("group-add"));
        container.groups.retain(|group| !flags.all("group-rm").any(|removed| removed == group));
        container.groups.sort();
    }
    container.tty = flags.boolean("tty").unwrap_or(container.tty);
    container.read_only = flags.boolean("read-only").unwrap_or(container.read_only);
    if flags.any_changed(&["host-add", "host-rm"]) {
        container.hosts = hosts(flags, &container.hosts);
    }
    let dns = ["dns-add", "dns-rm", "dns-search-add", "dns-search-rm", "dns-option-add", "dns-option-rm"];
    if flags.any_changed(&dns) {
        let config = container.dns_config.get_or_insert_default();
        merge(&mut config.nameservers, addresses(flags, "dns-add"), all("dns-rm"));
        merge(&mut config.search, domains(flags, "dns-search-add"), all("dns-search-rm"));
        merge(&mut config.options, all("dns-option-add"), all("dns-option-rm"));
    }
    for key in flags.labels("sysctl-rm").keys() {
        container.sysctls.remove(key);
    }
    container.sysctls.extend(flags.labels("sysctl-add"));
    container.ulimits = ulimits(flags, "ulimit-add", &container.ulimits, "ulimit-rm");
    if flags.any_changed(&["cap-add", "cap-drop"]) {
        update_capabilities(flags, container);
    }
    credentials(flags, container)
}

/// The logging driver with its options; options alone are nothing.
pub fn log_driver(flags: &Parsed) -> Option<Driver> {
    let name = flags.text("log-driver").filter(|name| !name.is_empty())?;
    Some(Driver { name: name.to_owned(), options: flags.labels("log-opt") })
}

fn addresses(flags: &Parsed, flag: &str) -> Vec<String> {
    let address = |text: &str| text.trim().parse::<std::net::IpAddr>().map(|address| address.to_string());
    flags.all(flag).filter_map(|text| address(text).ok()).collect()
}

fn domains(flags: &Parsed, flag: &str) -> Vec<String> {
    flags.all(flag).map(|text| text.trim().to_owned()).collect()
}

/// Additions at the end, doubles away, removals, sorted.
fn merge(items: &mut Vec<String>, added: Vec<String>, removed: Vec<String>) {
    items.extend(added);
    items.retain(|item| !removed.contains(item));
    items.sort();
    items.dedup();
}

/// Removals of `NAME` from every line and of `NAME:ADDRESS` from the lines of that address; then additions.
fn hosts(flags: &Parsed, lines: &[String]) -> Vec<String> {
    let removed: Vec<(&str, &str)> =
        flags.all("host-rm").map(|entry| entry.split_once(':').unwrap_or((entry, ""))).collect();
    let kept = lines.iter().filter_map(|line| {
        let (address, names) = line.split_once(char::is_whitespace)?;
        let is_removed =
            |name: &&str| removed.iter().any(|(gone, at)| gone == name && (at.is_empty() || *at == address));
        let names: Vec<&str> = names.split_whitespace().filter(|name| !is_removed(name)).collect();
        (!names.is_empty()).then(|| format!("{address} {}", names.join(" ")))
    });
    let mut result: Vec<String> = Vec::new();
    for line in kept.chain(flags.all("host-add").map(value::host_line)) {
        if !result.contains(&line) {
            result.push(line);
        }
    }
    result
}

/// Limits by name; the last of a name holds.
fn ulimits(flags: &Parsed, add: &str, known: &[Ulimit], remove: &str) -> Vec<Ulimit> {
    let mut limits: BTreeMap<String, Ulimit> = known.iter().map(|limit| (limit.name.clone(), limit.clone())).collect();
    for name in flags.labels(remove).keys() {
        limits.remove(name);
    }
    let added = flags.all(add).filter_map(|text| value::ulimit(text).ok());
    limits.extend(added.map(|limit| (limit.name.clone(), limit)));
    limits.into_values().collect()
}

/// Every capability there is.
const ALL: &str = "ALL";
/// Of updates: away with what the spec has.
const RESET: &str = "RESET";

/// Upper case, with `CAP_`.
fn capabilities<'a>(names: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    names
        .map(|name| match name.trim().to_uppercase() {
            name if name == ALL || name == RESET || name.starts_with("CAP_") => name,
            name => format!("CAP_{name}"),
        })
        .collect()
}

/// `ALL` absorbs the others.
fn list(capabilities: BTreeSet<String>) -> Vec<String> {
    if capabilities.contains(ALL) { vec![ALL.into()] } else { capabilities.into_iter().collect() }
}

/// What is added or dropped first cancels the opposite that stands in the spec, and takes effect itself only where there
/// was nothing to cancel. Adding wins over dropping.
fn update_capabilities(flags: &Parsed, container: &mut ContainerSpec) {
    let known = |names: &[String]| capabilities(names.iter().map(String::as_str));
    let (mut add, mut drop) = (known(&container.capability_add), known(&container.capability_drop));
    let (mut to_add, mut to_drop) = (capabilities(flags.all("cap-add")), capabilities(flags.all("cap-drop")));
    if to_add.remove(RESET) {
        add.clear();
    }
    if to_drop.remove(RESET) {
        drop.clear();
    }
    for capability in to_drop.difference(&to_add) {
        if !add.remove(capability) {
            drop.insert(capability.clone());
        }
    }
    for capability in to_add {
        if !drop.remove(&capability) {
            add.insert(capability);
        }
    }
    (container.capability_add, container.capability_drop) = (list(add), list(drop));
}

/// A managed account's credentials; an empty value takes them away.
fn credentials(flags: &Parsed, container: &mut ContainerSpec) -> Result<(), Stop> {
    let Some(text) = flags.text("credential-spec") else { return Ok(()) };
    let after = |prefix: &str| text.strip_prefix(prefix).map(str::to_owned);
    if after("config://").is_some() {
        return Err(Stop::Failed(unmodelled("--credential-spec config://")));
    }
    let spec = CredentialSpec {
        file: after("file://").unwrap_or_default(),
        registry: after("registry://").unwrap_or_default(),
        ..CredentialSpec::default()
    };
    if text.is_empty() {
        if let Some(privileges) = &mut container.privileges {
            privileges.credential_spec = None;
        }
    } else {
        container.privileges.get_or_insert_default().credential_spec = Some(spec);
    }
    Ok(())
}
