//! `docker service update`: reads the spec, edits what the flags name, sends it with the version it read.
//!
//! cli.md §8. The image is not resolved at a registry: so the real client 29 forgets it, too.

use super::service_create::{ROLLBACK, UPDATE, finish, name_of, restart_policy, set_resources, update_config, warn};
use super::{health, service_carried, service_generic, service_references};
use crate::docker::flags::Parsed;
use crate::docker::format;
use crate::docker::script::{Context, Finish, Stop};
use crate::swarm::api::{EndpointSpec, Labels, Mount, PortConfig, Request, Response, ServiceMode, ServiceSpec};
use std::collections::BTreeMap;

/// Changes a service, or goes back to its previous specification.
pub fn update(context: &mut Context) -> Result<Finish, Stop> {
    let flags = context.flags;
    let name = context.arguments()[0].as_str();
    let service = context.service(name, false)??;
    let mut spec = service.spec.clone();
    let rollback = flags.is_set("rollback");
    if rollback {
        if flags.given().any(|name| !matches!(name, "rollback" | "detach" | "quiet")) {
            return Err(Stop::Failed("other flags may not be combined with --rollback".into()));
        }
    } else {
        edit(context, &mut spec)?;
        service_references::update_networks(context, &mut spec.task_template)?;
        service_references::update_files(context, &mut spec.task_template.container_spec)?;
    }
    let request = Request::ServiceUpdate {
        id: service.id.clone(),
        version: service.version.index,
        spec: Box::new(spec),
        rollback,
        query_registry: false,
    };
    send(context, &request)?;
    context.out(format!("{name}\n"));
    finish(context, name)
}

/// Sends an update and prints its warnings.
pub fn send(context: &mut Context, request: &Request) -> Result<(), Stop> {
    if let Response::ServiceUpdated { warnings } = context.ask(request)?? {
        warn(context, &warnings);
    }
    Ok(())
}

fn edit(context: &Context, spec: &mut ServiceSpec) -> Result<(), Stop> {
    let flags = context.flags;
    let set = |field: &mut String, name: &str| {
        if let Some(text) = flags.text(name) {
            text.clone_into(field);
        }
    };
    labels(flags, &mut spec.labels, "label-add", "label-rm");
    let task = &mut spec.task_template;
    let container = &mut task.container_spec;
    labels(flags, &mut container.labels, "container-label-add", "container-label-rm");
    set(&mut container.image, "image");
    container.image = format::with_default_tag(&container.image);
    if let Some(args) = flags.words("args") {
        container.args = args;
    }
    if let Some(command) = flags.words("entrypoint") {
        container.command = command;
    }
    environment(flags, &mut container.env);
    mounts(context, &mut container.mounts)?;
    set(&mut container.dir, "workdir");
    set(&mut container.user, "user");
    set(&mut container.hostname, "hostname");
    set(&mut container.isolation, "isolation");
    set(&mut container.stop_signal, "stop-signal");
    container.init = flags.boolean("init").or(container.init);
    health::set_container(flags, container);
    service_carried::update(flags, container)?;
    container.stop_grace_period = flags.duration("stop-grace-period").or(container.stop_grace_period);
    if flags.any_changed(&["limit-cpu", "limit-memory", "limit-pids", "reserve-cpu", "reserve-memory"]) {
        set_resources(flags, task.resources.get_or_insert_default());
    }
    if flags.any_changed(&["memory-swap", "memory-swappiness"]) {
        health::set_swap(flags, task.resources.get_or_insert_default());
    }
    service_generic::update(flags, task)?;
    task.log_driver = service_carried::log_driver(flags).or(task.log_driver.take());
    task.restart_policy = restart_policy(flags, task.restart_policy.take());
    placement(flags, task);
    if let Some(wanted) = flags.unsigned("replicas") {
        match &mut spec.mode {
            ServiceMode::Replicated { replicas } => *replicas = Some(wanted),
            _ => return Err(Stop::Failed("replicas can only be used with replicated mode".into())),
        }
    }
    spec.update_config = update_config(flags, UPDATE, spec.update_config.take());
    spec.rollback_config = update_config(flags, ROLLBACK, spec.rollback_config.take());
    endpoint(flags, &mut spec.endpoint_spec);
    if flags.is_set("force") {
        spec.task_template.force_update = spec.task_template.force_update.saturating_add(1);
    }
    Ok(())
}

fn labels(flags: &Parsed, labels: &mut Labels, add: &str, remove: &str) {
    for key in flags.all(remove) {
        labels.remove(key);
    }
    labels.extend(flags.labels(add));
}

/// Additions replace what stands at their target; then removals by target; sorted by source, then target.
fn mounts(context: &Context, mounts: &mut Vec<Mount>) -> Result<(), Stop> {
    let flags = context.flags;
    if !flags.any_changed(&["mount-add", "mount-rm"]) {
        return Ok(());
    }
    let added = flags.mounts("mount-add", &context.environment.directory);
    for (place, mount) in added.iter().enumerate() {
        if added[..place].iter().any(|other| other.target == mount.target) {
            return Err(Stop::Failed("duplicate mount target".into()));
        }
    }
    mounts.retain(|known| !added.iter().any(|mount| mount.target == known.target));
    mounts.extend(added);
    mounts.retain(|known| !flags.all("mount-rm").any(|target| target == known.target));
    mounts.sort_by(|a, b| (&a.source, &a.target).cmp(&(&b.source, &b.target)));
    Ok(())
}

/// Removals by name, then additions: in place where the name is known, else at the end.
fn environment(flags: &Parsed, env: &mut Vec<String>) {
    for name in flags.all("env-rm") {
        env.retain(|variable| name_of(variable) != name_of(name));
    }
    for variable in flags.all("env-add") {
        match env.iter_mut().find(|known| name_of(known) == name_of(variable)) {
            Some(known) => variable.clone_into(known),
            None => env.push(variable.to_owned()),
        }
    }
}

fn placement(flags: &Parsed, task: &mut crate::swarm::api::TaskSpec) {
    if flags.any_changed(&["constraint-add", "constraint-rm"]) {
        let constraints = &mut task.placement.get_or_insert_default().constraints;
        for added in flags.all("constraint-add") {
            if !constraints.iter().any(|known| known == added) {
                constraints.push(added.to_owned());
            }
        }
        constraints.retain(|known| !flags.all("constraint-rm").any(|removed| removed == known));
        constraints.sort();
    }
    if flags.any_changed(&["placement-pref-add", "placement-pref-rm"]) {
        let preferences = &mut task.placement.get_or_insert_default().preferences;
        let removed = flags.preferences("placement-pref-rm");
        preferences.retain(|known| !removed.contains(known));
        preferences.extend(flags.preferences("placement-pref-add"));
    }
    if let Some(most) = flags.unsigned("replicas-max-per-node") {
        task.placement.get_or_insert_default().max_replicas = most;
    }
}

fn endpoint(flags: &Parsed, endpoint: &mut Option<EndpointSpec>) {
    if let Some(mode) = flags.text("endpoint-mode") {
        mode.clone_into(&mut endpoint.get_or_insert_default().mode);
    }
    if flags.any_changed(&["publish-add", "publish-rm"]) {
        let ports = &mut endpoint.get_or_insert_default().ports;
        *ports = published(flags, ports);
    }
}

/// Removals match target, protocol and mode; additions that were there already are not added again.
fn published(flags: &Parsed, ports: &[PortConfig]) -> Vec<PortConfig> {
    let protocol = |port: &PortConfig| if port.protocol.is_empty() { "tcp".into() } else { port.protocol.clone() };
    let mode = |port: &PortConfig| {
        if port.publish_mode.is_empty() { "ingress".into() } else { port.publish_mode.clone() }
    };
    let key =
        |port: &PortConfig| format!("{}:{}/{}/{}", port.published_port, port.target_port, protocol(port), mode(port));
    let known: BTreeMap<String, &PortConfig> = ports.iter().rev().map(|port| (key(port), port)).collect();
    let removed = flags.ports("publish-rm");
    let is_removed = |port: &PortConfig| {
        let same = |other: &PortConfig| {
            port.target_port == other.target_port && protocol(port) == protocol(other) && mode(port) == mode(other)
        };
        removed.iter().any(same)
    };
    let mut kept: Vec<PortConfig> =
        known.values().filter(|port| !is_removed(port)).map(|port| (*port).clone()).collect();
    kept.extend(flags.ports("publish-add").into_iter().filter(|port| !known.contains_key(&key(port))));
    kept.sort_by_key(key);
    kept
}
