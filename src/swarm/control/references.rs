//! What a service's spec names: networks, secrets and configs, found in the store (control-plane.md §1.5).

use super::{networks, spec};
use crate::swarm::api::{self, ApiError, Code, FileKind};
use crate::swarm::object::{FileKey, ServiceSpec, Uses};
use crate::swarm::store::State;
use std::sync::Arc;

/// Turns the names of networks into ids, as the engine does before SwarmKit sees the spec.
///
/// # Errors
/// There is no such network.
pub fn name_networks(spec: &mut api::ServiceSpec, state: &State) -> Result<(), ApiError> {
    for wanted in &mut spec.task_template.networks {
        wanted.target = networks::find(state, &wanted.target)?.id.text();
    }
    Ok(())
}

/// Checks that need no store: each reference is whole, and no two go to one place.
///
/// # Errors
/// In SwarmKit's words.
pub fn check_targets(container: &api::ContainerSpec) -> Result<(), ApiError> {
    let secrets = container.secrets.iter().map(|secret| (&secret.id, &secret.name, &secret.file.name));
    let configs = container.configs.iter().map(|config| (&config.id, &config.name, &config.file.name));
    check(FileKind::Secret, secrets)?;
    check(FileKind::Config, configs)
}

fn check<'a>(
    kind: FileKind,
    references: impl Iterator<Item = (&'a String, &'a String, &'a String)>,
) -> Result<(), ApiError> {
    let noun = kind.noun();
    let mut targets: Vec<(&str, &str)> = Vec::new();
    for (id, name, target) in references {
        if id.is_empty() || name.is_empty() {
            return Err(spec::invalid(format!("malformed {noun} reference")));
        }
        if target.is_empty() {
            return Err(spec::invalid(format!("malformed file {noun} reference, invalid target file name provided")));
        }
        if let Some((_, other)) = targets.iter().find(|(known, _)| *known == target) {
            return Err(spec::invalid(format!(
                "{noun} references '{other}' and '{name}' have a conflicting target: '{target}'"
            )));
        }
        targets.push((target, name));
    }
    Ok(())
}

/// No service may be put onto the ingress network by name.
///
/// # Errors
/// It names it; or publishes a port on it where there is none.
pub fn check_networks(spec: &ServiceSpec, state: &State) -> Result<(), ApiError> {
    for wanted in &spec.task.api.networks {
        if let Some(network) = state.network_by_id(&wanted.target).filter(|network| network.spec.ingress) {
            let text = format!("Service cannot be explicitly attached to the ingress network \"{}\"", network.name());
            return Err(spec::invalid(text));
        }
    }
    Ok(())
}

/// A port on the routing mesh needs the network that carries it.
///
/// # Errors
/// There is none.
pub fn check_ingress(spec: &ServiceSpec, state: &State) -> Result<(), ApiError> {
    if spec.task.ports.iter().any(|port| port.ingress) && state.ingress().is_none() {
        let text = "service needs ingress network, but no ingress network is present";
        return Err(ApiError::grpc(Code::FailedPrecondition, text));
    }
    Ok(())
}

/// Finds the rows of everything that a spec names and puts them into it.
///
/// # Errors
/// A secret or a config is not there, or has another name.
pub fn resolve(spec: &mut ServiceSpec, state: &State) -> Result<(), ApiError> {
    let api = &spec.task.api;
    let container = &api.container_spec;
    if api.networks.is_empty() && container.secrets.is_empty() && container.configs.is_empty() {
        return Ok(());
    }
    let networks = api.networks.iter().filter_map(|wanted| Some(state.network_by_id(&wanted.target)?.key)).collect();
    let secrets = container.secrets.iter().map(|secret| (&secret.id, &secret.name));
    let configs = container.configs.iter().map(|config| (&config.id, &config.name));
    let mut files = find(FileKind::Secret, secrets, state)?;
    files.extend(find(FileKind::Config, configs, state)?);
    Arc::make_mut(&mut spec.task).uses = Arc::new(Uses { networks, files });
    Ok(())
}

fn find<'a>(
    kind: FileKind,
    wanted: impl Iterator<Item = (&'a String, &'a String)>,
    state: &State,
) -> Result<Vec<FileKey>, ApiError> {
    let (mut keys, mut missing) = (Vec::new(), Vec::new());
    for (id, name) in wanted {
        match state.files_of(kind).find(|file| file.id.text() == *id && **file.name() == **name) {
            Some(file) => keys.push(file.key),
            None => missing.push(name.as_str()),
        }
    }
    if missing.is_empty() {
        return Ok(keys);
    }
    let plural = if missing.len() > 1 { "s" } else { "" };
    Err(spec::invalid(format!("{}{plural} not found: {}", kind.noun(), missing.join(", "))))
}
