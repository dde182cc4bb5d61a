//! A service of a project into its spec. cli.md §10.2, §10.4; the texts are the client's.

use super::mount::{Wanted, mount};
use super::{IMAGE, Network, is_user_defined, labelled, scoped};
use crate::docker::compose::{Project, read};
use crate::docker::value;
use crate::swarm::api::{
    ConfigReference, ContainerSpec, CredentialSpec, DiscreteResource, DnsConfig, Driver, EndpointSpec, GenericResource,
    HealthConfig, Labels, NetworkAttachmentConfig, Placement, PlacementPreference, PortConfig, Privileges,
    ResourceRequirements, Resources, RestartPolicy, SecretReference, ServiceMode, ServiceSpec, SpreadOver, TaskSpec,
    Ulimit, UpdateConfig,
};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Service {
    cap_add: Vec<String>,
    cap_drop: Vec<String>,
    command: Vec<String>,
    credential_spec: Credentials,
    deploy: Deploy,
    dns: Vec<String>,
    dns_search: Vec<String>,
    entrypoint: Vec<String>,
    environment: BTreeMap<String, Option<String>>,
    extra_hosts: Vec<String>,
    healthcheck: Option<Healthcheck>,
    hostname: String,
    image: String,
    init: Option<bool>,
    isolation: String,
    labels: Labels,
    logging: Option<Logging>,
    networks: BTreeMap<String, Option<Attachment>>,
    oom_score_adj: i64,
    ports: Vec<Port>,
    read_only: bool,
    restart: String,
    stdin_open: bool,
    #[serde(deserialize_with = "span")]
    stop_grace_period: Option<i64>,
    stop_signal: String,
    sysctls: Labels,
    tty: bool,
    ulimits: BTreeMap<String, Limit>,
    user: String,
    volumes: Vec<Wanted>,
    working_dir: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Credentials {
    config: String,
    file: String,
    registry: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Deploy {
    mode: String,
    replicas: Option<u64>,
    labels: Labels,
    update_config: Option<Update>,
    rollback_config: Option<Update>,
    resources: Amounts,
    restart_policy: Option<Restart>,
    placement: Places,
    endpoint_mode: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Update {
    parallelism: Option<u64>,
    #[serde(deserialize_with = "span")]
    delay: Option<i64>,
    failure_action: String,
    #[serde(deserialize_with = "span")]
    monitor: Option<i64>,
    max_failure_ratio: f32,
    order: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Amounts {
    limits: Option<Amount>,
    reservations: Option<Amount>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Amount {
    cpus: String,
    memory: String,
    pids: i64,
    generic_resources: Vec<Generic>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Generic {
    discrete_resource_spec: Option<Discrete>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Discrete {
    kind: String,
    value: i64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Restart {
    condition: String,
    #[serde(deserialize_with = "span")]
    delay: Option<i64>,
    max_attempts: Option<u64>,
    #[serde(deserialize_with = "span")]
    window: Option<i64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Places {
    constraints: Vec<String>,
    preferences: Vec<Preference>,
    max_replicas_per_node: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Preference {
    spread: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Healthcheck {
    test: Vec<String>,
    #[serde(deserialize_with = "span")]
    timeout: Option<i64>,
    #[serde(deserialize_with = "span")]
    interval: Option<i64>,
    retries: i64,
    #[serde(deserialize_with = "span")]
    start_period: Option<i64>,
    #[serde(deserialize_with = "span")]
    start_interval: Option<i64>,
    disable: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Logging {
    driver: String,
    options: Labels,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Attachment {
    aliases: Vec<String>,
    driver_opts: Labels,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Port {
    mode: String,
    target: u32,
    published: u32,
    protocol: String,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged)]
enum Limit {
    Both(i64),
    Each { soft: i64, hard: i64 },
}

/// A duration in Go's words, in nanoseconds.
fn span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let text: Option<String> = Option::deserialize(deserializer)?;
    Ok(text.and_then(|text| value::duration(&text).ok()))
}

/// A service's spec; the secrets and configs that it is given have been found in the swarm.
///
/// # Errors
/// What does not fit together, in Docker's words.
pub fn service(
    stack: &str,
    name: &str,
    map: &Map<String, Value>,
    project: &Project,
    secrets: Vec<SecretReference>,
    configs: Vec<ConfigReference>,
) -> Result<ServiceSpec, String> {
    let service: Service =
        serde_json::from_value(Value::Object(map.clone())).map_err(|error| format!("swarmlab: {error}"))?;
    let deploy = &service.deploy;
    let mode = mode(&deploy.mode, deploy.replicas)?;
    let mounts = service.volumes.iter().map(|wanted| mount(wanted, stack, project)).collect::<Result<_, _>>()?;
    let resources = resources(&deploy.resources)?;
    let restart_policy = restart_policy(&service.restart, deploy.restart_policy.as_ref())?;
    let healthcheck = healthcheck(service.healthcheck.as_ref())?;
    let networks = networks(&service.networks, stack, name, project)?;
    let credential_spec = credentials(&service.credential_spec)?;
    let (capability_add, capability_drop) = capabilities(&service.cap_add, &service.cap_drop);
    let mut labels = labelled(stack, deploy.labels.clone());
    labels.insert(IMAGE.into(), service.image.clone());
    let container_spec = ContainerSpec {
        image: service.image.clone(),
        labels: labelled(stack, service.labels),
        command: service.entrypoint,
        args: service.command,
        hostname: service.hostname,
        env: environment(service.environment),
        dir: service.working_dir,
        user: service.user,
        privileges: Some(Privileges { credential_spec, ..Privileges::default() }),
        init: service.init,
        stop_signal: service.stop_signal,
        tty: service.tty,
        open_stdin: service.stdin_open,
        read_only: service.read_only,
        mounts,
        stop_grace_period: service.stop_grace_period,
        healthcheck,
        hosts: service.extra_hosts.iter().filter_map(|line| host(line)).collect(),
        dns_config: dns(&service.dns, service.dns_search),
        secrets,
        configs,
        isolation: service.isolation,
        sysctls: service.sysctls,
        capability_add,
        capability_drop,
        ulimits: service.ulimits.into_iter().map(ulimit).collect(),
        oom_score_adj: service.oom_score_adj,
        ..ContainerSpec::default()
    };
    let task_template = TaskSpec {
        container_spec,
        resources: Some(resources),
        restart_policy,
        placement: Some(placement(&deploy.placement)),
        networks,
        log_driver: service.logging.map(|logging| Driver { name: logging.driver, options: logging.options }),
        ..TaskSpec::default()
    };
    Ok(ServiceSpec {
        name: scoped(stack, name),
        labels,
        task_template,
        mode,
        update_config: deploy.update_config.as_ref().map(update_config),
        rollback_config: deploy.rollback_config.as_ref().map(update_config),
        endpoint_spec: Some(EndpointSpec { mode: deploy.endpoint_mode.to_lowercase(), ports: ports(service.ports) }),
    })
}

fn mode(mode: &str, replicas: Option<u64>) -> Result<ServiceMode, String> {
    match mode {
        "global" | "global-job" if replicas.is_some() => {
            Err("replicas can only be used with replicated or replicated-job mode".into())
        }
        "global-job" => Ok(ServiceMode::GlobalJob {}),
        "global" => Ok(ServiceMode::Global {}),
        "replicated-job" => Ok(ServiceMode::ReplicatedJob { max_concurrent: replicas, total_completions: replicas }),
        "replicated" | "" => Ok(ServiceMode::Replicated { replicas }),
        _ => Err(format!("unknown mode: {mode}")),
    }
}

fn resources(amounts: &Amounts) -> Result<ResourceRequirements, String> {
    let part = |amount: &Amount| {
        let cpus = if amount.cpus.is_empty() { 0 } else { value::cpus(&amount.cpus)? };
        let generic = |generic: &Generic| GenericResource {
            discrete_resource_spec: generic
                .discrete_resource_spec
                .as_ref()
                .map(|spec| DiscreteResource { kind: spec.kind.clone(), value: spec.value }),
            ..GenericResource::default()
        };
        Ok::<_, String>(Resources {
            nano_cpus: cpus,
            memory_bytes: amount.memory.parse().unwrap_or_default(),
            pids: amount.pids,
            generic_resources: amount.generic_resources.iter().map(generic).collect(),
        })
    };
    Ok(ResourceRequirements {
        limits: amounts.limits.as_ref().map(part).transpose()?,
        reservations: amounts.reservations.as_ref().map(part).transpose()?,
        ..ResourceRequirements::default()
    })
}

/// `deploy.restart_policy`, or else the service's `restart`.
fn restart_policy(restart: &str, policy: Option<&Restart>) -> Result<Option<RestartPolicy>, String> {
    if let Some(policy) = policy {
        return Ok(Some(RestartPolicy {
            condition: policy.condition.clone(),
            delay: policy.delay,
            max_attempts: policy.max_attempts,
            window: policy.window,
        }));
    }
    let (name, count) = match restart.split_once(':') {
        None => (restart, 0),
        Some(("", _)) => return Err("invalid restart policy format: no policy provided before colon".into()),
        Some((_, count)) if count.contains(':') => return Err("invalid restart policy format".into()),
        Some((name, count)) => {
            let count: i64 = count
                .parse()
                .map_err(|_| String::from("invalid restart policy format: maximum retry count must be an integer"))?;
            (name, count)
        }
    };
    if count < 0 {
        return Err("invalid restart policy: maximum retry count cannot be negative".into());
    }
    let condition = match name {
        "" | "no" => return Ok(None),
        "always" | "unless-stopped" => "any",
        "on-failure" => "on-failure",
        _ => {
            return Err(format!(
                "invalid restart policy: unknown policy '{name}' (must be one of 'no', 'always', 'on-failure', or \
                 'unless-stopped')"
            ));
        }
    };
    let max_attempts = u64::try_from(count).ok().filter(|count| *count > 0);
    Ok(Some(RestartPolicy { condition: condition.into(), max_attempts, ..RestartPolicy::default() }))
}

fn healthcheck(check: Option<&Healthcheck>) -> Result<Option<HealthConfig>, String> {
    let Some(check) = check else { return Ok(None) };
    if check.disable && !check.test.is_empty() {
        return Err("test and disable can't be set at the same time".into());
    }
    Ok(Some(match check.disable {
        true => HealthConfig { test: vec!["NONE".into()], ..HealthConfig::default() },
        false => HealthConfig {
            test: check.test.clone(),
            interval: check.interval.unwrap_or_default(),
            timeout: check.timeout.unwrap_or_default(),
            start_period: check.start_period.unwrap_or_default(),
            start_interval: check.start_interval.unwrap_or_default(),
            retries: check.retries,
        },
    }))
}

/// The service's networks; on those of the user's own its key is a further name of it.
fn networks(
    wanted: &BTreeMap<String, Option<Attachment>>,
    stack: &str,
    name: &str,
    project: &Project,
) -> Result<Vec<NetworkAttachmentConfig>, String> {
    let default = BTreeMap::from([("default".to_owned(), None)]);
    let wanted = if wanted.is_empty() { &default } else { wanted };
    let mut networks = Vec::new();
    for (key, attachment) in wanted {
        let known: Option<Network> = project.networks.get(key).map(read);
        if known.is_none() && key != "default" {
            return Err(format!("undefined network \"{key}\""));
        }
        let attachment = attachment.clone().unwrap_or_default();
        let own = known.map(|network| network.name).filter(|name| !name.is_empty());
        let target = own.unwrap_or_else(|| scoped(stack, key));
        let mut aliases = attachment.aliases;
        if is_user_defined(&target) {
            aliases.push(name.to_owned());
        }
        networks.push(NetworkAttachmentConfig { target, aliases, driver_opts: attachment.driver_opts });
    }
    networks.sort_by(|a, b| a.target.cmp(&b.target));
    Ok(networks)
}

fn credentials(given: &Credentials) -> Result<Option<CredentialSpec>, String> {
    let kinds = [("Config", &given.config), ("File", &given.file), ("Registry", &given.registry)];
    let named: Vec<String> =
        kinds.iter().filter(|(_, value)| !value.is_empty()).map(|(kind, _)| format!("\"{kind}\"")).collect();
    match &named[..] {
        [] => Ok(None),
        [one, other] => Err(format!("invalid credential spec: cannot specify both {one} and {other}")),
        [rest @ .., last] if rest.len() > 1 => {
            Err(format!("invalid credential spec: cannot specify both {}, and {last}", rest.join(", ")))
        }
        _ if !given.config.is_empty() => Err("swarmlab: a credential_spec in a config is not modelled".into()),
        _ => Ok(Some(CredentialSpec {
            file: given.file.clone(),
            registry: given.registry.clone(),
            ..CredentialSpec::default()
        })),
    }
}

/// Capabilities given and taken: in full, each once, by name; `ALL` stands for the others, and what is given is not taken.
fn capabilities(add: &[String], drop: &[String]) -> (Vec<String>, Vec<String>) {
    let set = |names: &[String]| {
        let names = names.iter().map(|name| name.trim().to_uppercase()).filter(|name| !name.is_empty());
        let full = names.map(|name| match name.as_str() {
            "ALL" => name,
            other if other.starts_with("CAP_") => name,
            other => format!("CAP_{other}"),
        });
        let full: BTreeSet<String> = full.collect();
        if full.contains("ALL") { BTreeSet::from(["ALL".to_owned()]) } else { full }
    };
    let (add, drop) = (set(add), set(drop));
    let dropped = drop.into_iter().filter(|name| !add.contains(name)).collect();
    (add.into_iter().collect(), dropped)
}

/// `NAME=VALUE`, sorted; a name without a value stays alone.
fn environment(variables: BTreeMap<String, Option<String>>) -> Vec<String> {
    let line = |(name, value): (String, Option<String>)| match value {
        Some(value) => format!("{name}={value}"),
        None => name,
    };
    let mut lines: Vec<String> = variables.into_iter().map(line).collect();
    lines.sort();
    lines
}

/// `NAME:ADDRESS` as a line of `/etc/hosts`.
fn host(line: &str) -> Option<String> {
    let (name, address) = line.split_once(':')?;
    Some(format!("{address} {name}"))
}

fn dns(servers: &[String], search: Vec<String>) -> Option<DnsConfig> {
    if servers.is_empty() && search.is_empty() {
        return None;
    }
    let addresses = servers.iter().filter_map(|server| server.parse::<std::net::IpAddr>().ok());
    Some(DnsConfig { nameservers: addresses.map(|address| address.to_string()).collect(), search, options: Vec::new() })
}

fn ulimit((name, limit): (String, Limit)) -> Ulimit {
    let (soft, hard) = match limit {
        Limit::Both(both) => (both, both),
        Limit::Each { soft, hard } => (soft, hard),
    };
    Ulimit { name, hard, soft }
}

fn placement(places: &Places) -> Placement {
    let spread = |preference: &Preference| PlacementPreference {
        spread: SpreadOver { spread_descriptor: preference.spread.clone() },
    };
    Placement {
        constraints: places.constraints.clone(),
        preferences: places.preferences.iter().map(spread).collect(),
        max_replicas: places.max_replicas_per_node,
        platforms: Vec::new(),
    }
}

fn update_config(update: &Update) -> UpdateConfig {
    UpdateConfig {
        parallelism: update.parallelism.unwrap_or(1),
        delay: update.delay.unwrap_or_default(),
        failure_action: update.failure_action.clone(),
        monitor: update.monitor.unwrap_or_default(),
        max_failure_ratio: update.max_failure_ratio,
        order: update.order.clone(),
    }
}

fn ports(ports: Vec<Port>) -> Vec<PortConfig> {
    let mut ports: Vec<PortConfig> = ports
        .into_iter()
        .map(|port| PortConfig {
            protocol: port.protocol,
            target_port: port.target,
            published_port: port.published,
            publish_mode: port.mode,
            ..PortConfig::default()
        })
        .collect();
    let key =
        |port: &PortConfig| (port.published_port, port.target_port, port.protocol.clone(), port.publish_mode.clone());
    ports.sort_by_key(key);
    ports
}
