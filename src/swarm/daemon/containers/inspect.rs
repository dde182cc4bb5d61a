//! `docker inspect` of a container, as far as a lab reads it (cli.md §5.8).

use super::labels;
use crate::engine::Time;
use crate::swarm::api::{
    Answer, ContainerConfig, ContainerHealth, ContainerHostConfig, ContainerInspect, EndpointSettings,
    HealthcheckResult, HostPort, HostRestartPolicy, Labels, LogConfig, MountPoint, MountRequest, NetworkSettings,
    Response, time::rfc3339,
};
use crate::swarm::daemon::bridge::{BRIDGE, GATEWAY_BRIDGE};
use crate::swarm::daemon::engine::plug::bound_ports;
use crate::swarm::daemon::engine::{Container, ContainerState};
use crate::swarm::daemon::health::{Health, ProbeResult};
use crate::swarm::daemon::networks::{endpoint_id, mac, sandbox_id};
use crate::swarm::daemon::registry::digest;
use crate::swarm::world::{Env, Host};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The driver of an engine that was told of none.
const USUAL_DRIVER: &str = "json-file";

/// What a container was granted by its host.
fn host_config(container: &Container) -> ContainerHostConfig {
    let (spec, limits, own) = (container.spec(), container.limits(), container.own());
    let logs = container.task().and_then(|task| task.log_driver.as_ref());
    let list = |items: &[String]| (!items.is_empty()).then(|| items.to_vec());
    let dns = spec.dns_config.clone().unwrap_or_default();
    // Aliases behind the first name are dropped.
    let extra_hosts: Vec<String> = spec
        .hosts
        .iter()
        .filter_map(|entry| {
            let mut parts = entry.split_whitespace();
            let (address, name) = (parts.next()?, parts.next()?);
            Some(format!("{name}:{address}"))
        })
        .collect();
    let driver = logs.filter(|driver| !driver.name.is_empty());
    let network_mode = match own {
        Some(own) => own.endpoints.first().map_or("bridge", |endpoint| &endpoint.network).to_owned(),
        None => container
            .task()
            .and_then(|task| task.networks.first())
            .map_or_else(|| "default".to_owned(), |place| place.network.id.text()),
    };
    ContainerHostConfig {
        log_config: LogConfig {
            driver: driver.map_or_else(|| USUAL_DRIVER.into(), |driver| driver.name.clone()),
            config: logs.map(|driver| driver.options.clone()).unwrap_or_default(),
        },
        network_mode,
        restart_policy: HostRestartPolicy {
            name: own.map_or_else(String::new, |own| own.order.restart.clone()),
            maximum_retry_count: own.map_or(0, |own| own.order.restart_limit),
        },
        auto_remove: own.is_some_and(|own| own.order.auto_remove),
        cap_add: list(&spec.capability_add),
        cap_drop: list(&spec.capability_drop),
        dns: list(&dns.nameservers),
        dns_options: list(&dns.options),
        dns_search: list(&dns.search),
        extra_hosts: list(&extra_hosts),
        group_add: list(&spec.groups),
        oom_score_adj: spec.oom_score_adj,
        privileged: own.is_some_and(|own| own.order.privileged),
        readonly_rootfs: spec.read_only || own.is_some_and(|own| own.order.read_only),
        sysctls: spec.sysctls.clone(),
        memory: limits.map_or(0, |limits| limits.memory_bytes),
        nano_cpus: limits.map_or(0, |limits| limits.nano_cpus),
        ulimits: Some(spec.ulimits.clone()).filter(|limits| !limits.is_empty()),
        init: spec.init,
    }
}

impl Host {
    pub(in crate::swarm::daemon) fn container_inspect(&self, name: &str, env: &Env) -> Answer {
        let container = self.find_container(name)?;
        let spec = container.spec();
        let own = container.own();
        let health = container.health_now(env.kernel.now());
        let id = container.id.text();
        let words: Vec<String> = container.program.command.split(' ').map(str::to_owned).collect();
        let given: Vec<String> = spec.command.iter().chain(&spec.args).cloned().collect();
        let words = if given.is_empty() || given[0].starts_with('-') { words } else { given };
        let folder = format!("/var/lib/docker/containers/{id}");
        Ok(Response::Container(Arc::new(ContainerInspect {
            created: rfc3339(container.created_stamp.nanos()),
            path: words.first().cloned().unwrap_or_default(),
            args: words.get(1..).unwrap_or_default().to_vec(),
            state: self.state(container, health.as_ref()),
            image: format!("sha256:{}", digest(&container.image)),
            resolv_conf_path: format!("{folder}/resolv.conf"),
            hostname_path: format!("{folder}/hostname"),
            hosts_path: format!("{folder}/hosts"),
            log_path: format!("{folder}/{id}-json.log"),
            name: format!("/{}", container.name),
            restart_count: own.map_or(0, |own| own.restarts),
            driver: "overlayfs".into(),
            platform: "linux".into(),
            mount_label: String::new(),
            process_label: String::new(),
            app_armor_profile: String::new(),
            exec_ids: None,
            host_config: host_config(container),
            mounts: own.map(|own| own.mounts.iter().map(mount_point).collect()).unwrap_or_default(),
            config: ContainerConfig {
                hostname: container.hostname(),
                domainname: String::new(),
                user: spec.user.clone(),
                attach_stdin: own.is_some_and(|own| own.order.attached && own.order.open_stdin),
                attach_stdout: own.is_some_and(|own| own.order.attached),
                attach_stderr: own.is_some_and(|own| own.order.attached),
                exposed_ports: container
                    .behaviour
                    .listen
                    .iter()
                    .map(|port| (format!("{port}/tcp"), Labels::new()))
                    .collect(),
                tty: own.map_or(spec.tty, |own| own.order.tty),
                open_stdin: own.is_some_and(|own| own.order.open_stdin),
                stdin_once: own.is_some_and(|own| own.order.attached && own.order.open_stdin),
                env: container.env(),
                cmd: Some(spec.args.clone()).filter(|args| !args.is_empty()),
                image: container.image.to_string(),
                working_dir: spec.dir.clone(),
                entrypoint: Some(spec.command.clone()).filter(|command| !command.is_empty()),
                healthcheck: spec.healthcheck.clone().or_else(|| container.behaviour.healthcheck.clone()),
                labels: labels(container),
                stop_signal: spec.stop_signal.clone(),
            },
            network_settings: self.network_settings(container, env),
            id,
        })))
    }

    /// A container's ports, and its places on networks.
    fn network_settings(&self, container: &Container, env: &Env) -> NetworkSettings {
        let runs = container.runs();
        let sandbox_id = if runs { sandbox_id(env.seed, container.id) } else { String::new() };
        let mut ports: BTreeMap<String, Option<Vec<HostPort>>> = BTreeMap::new();
        if runs {
            ports.extend(container.behaviour.listen.iter().map(|port| (format!("{port}/tcp"), None)));
            for bound in bound_ports(container) {
                let addresses =
                    if bound.address.is_empty() { vec!["0.0.0.0", "::"] } else { vec![bound.address.as_str()] };
                let on = |address: &str| HostPort { host_ip: address.into(), host_port: bound.published.to_string() };
                let at = ports.entry(format!("{}/{}", bound.target, bound.protocol)).or_default();
                at.get_or_insert_default().extend(addresses.into_iter().map(on));
            }
        }
        let mut networks = BTreeMap::new();
        let own_networks = self.own_networks(env);
        for name in self.engine.local_networks(container) {
            let Some(network) = own_networks.iter().find(|network| network.name == name) else { continue };
            let asked = container.own().and_then(|own| own.endpoints.iter().find(|endpoint| endpoint.network == name));
            let lease = self.engine.bridges.leased(&name, container.id);
            let named = !matches!(name.as_str(), BRIDGE | GATEWAY_BRIDGE | "host" | "none");
            let aliases = asked.map(|asked| asked.aliases.clone()).filter(|aliases| !aliases.is_empty());
            networks.insert(
                name,
                EndpointSettings {
                    network_id: network.id.clone(),
                    endpoint_id: if runs { endpoint_id(env.seed, &network.id, container.id) } else { String::new() },
                    gateway: lease.map(|lease| lease.gateway.to_string()).unwrap_or_default(),
                    ip_address: lease.map(|lease| lease.address.to_string()).unwrap_or_default(),
                    mac_address: lease.map(|lease| mac(lease.address)).unwrap_or_default(),
                    ip_prefix_len: lease.map_or(0, |lease| lease.subnet.length),
                    dns_names: named.then(|| {
                        let own = [container.name.to_string(), container.id.text()[..12].to_owned()];
                        own.into_iter().chain(aliases.clone().unwrap_or_default()).collect()
                    }),
                    aliases,
                    ..EndpointSettings::default()
                },
            );
        }
        let places = container.task().map_or(&[] as &[_], |task| &task.networks);
        for place in places.iter().filter(|place| !place.network.is_node_local()) {
            let network = &place.network;
            let subnet = place.address.and_then(|address| network.subnet_of(address));
            networks.insert(
                network.name().to_string(),
                EndpointSettings {
                    network_id: network.id.text(),
                    endpoint_id: if runs {
                        endpoint_id(env.seed, &network.id.text(), container.id)
                    } else {
                        String::new()
                    },
                    ip_address: place.address.map(|address| address.to_string()).unwrap_or_default(),
                    mac_address: place.address.map(mac).unwrap_or_default(),
                    ip_prefix_len: subnet.map_or(0, |subnet| subnet.length),
                    ipam_config: place.address.map(|a| Labels::from([("IPv4Address".to_owned(), a.to_string())])),
                    dns_names: Some(vec![container.name.to_string(), container.id.text()[..12].to_owned()]),
                    ..EndpointSettings::default()
                },
            );
        }
        let sandbox_key = if runs { format!("/var/run/docker/netns/{}", &sandbox_id[..12]) } else { String::new() };
        NetworkSettings { sandbox_id, sandbox_key, ports, networks }
    }

    fn state(&self, container: &Container, health: Option<&Health>) -> crate::swarm::api::ContainerState {
        let (status, code) = match container.state {
            ContainerState::Created | ContainerState::Starting if container.error.is_some() => ("created", 127),
            ContainerState::Created | ContainerState::Starting => ("created", 0),
            ContainerState::Running { .. } if container.paused.is_some() => ("paused", 0),
            ContainerState::Running { .. } => ("running", 0),
            ContainerState::Exited { code, .. } if container.is_restarting() => ("restarting", code),
            ContainerState::Exited { code, .. } => ("exited", code),
        };
        // Dates are those that the host's clock showed then.
        let moment = |stamp: Option<Time>| {
            stamp.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), |stamp| rfc3339(stamp.nanos()))
        };
        let finished = matches!(container.state, ContainerState::Exited { .. }).then_some(container.state_stamp);
        crate::swarm::api::ContainerState {
            status: status.into(),
            running: container.runs() || container.is_restarting(),
            paused: container.paused.is_some(),
            restarting: container.is_restarting(),
            oom_killed: container.oom_killed,
            dead: false,
            pid: if container.runs() { container.pid() } else { 0 },
            exit_code: i64::from(code),
            error: container.error.as_deref().unwrap_or_default().to_owned(),
            started_at: moment(container.started_stamp),
            finished_at: moment(finished),
            health: health.map(|health| ContainerHealth {
                status: health.status().as_str().into(),
                failing_streak: health.failing_streak(),
                log: health.log().map(|result| self.result(result, health)).collect(),
            }),
        }
    }

    fn result(&self, result: &ProbeResult, health: &Health) -> HealthcheckResult {
        HealthcheckResult {
            start: rfc3339(self.clock.wall(result.start).nanos()),
            end: rfc3339(self.clock.wall(result.end).nanos()),
            exit_code: match result {
                ProbeResult { timed_out: true, .. } => -1,
                ProbeResult { good, .. } => i64::from(!good),
            },
            output: match result.timed_out {
                true => format!("Health check exceeded timeout ({})", health.check().timeout),
                false => String::new(),
            },
        }
    }
}

fn mount_point(mount: &MountRequest) -> MountPoint {
    let volume = mount.kind == "volume";
    MountPoint {
        kind: mount.kind.clone(),
        name: if volume { mount.source.clone() } else { String::new() },
        source: match mount.kind.as_str() {
            "volume" => format!("/var/lib/docker/volumes/{}/_data", mount.source),
            "bind" => mount.source.clone(),
            _ => String::new(),
        },
        destination: mount.target.clone(),
        driver: if volume { "local".into() } else { String::new() },
        mode: if volume && !mount.read_only { "z".into() } else { String::new() },
        rw: !mount.read_only,
        propagation: if mount.kind == "bind" { "rprivate".into() } else { String::new() },
    }
}
