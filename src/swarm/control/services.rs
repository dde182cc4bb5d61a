//! Creating, updating, rolling back and removing services (control-plane.md §1.4, §1.5).

use super::{references, spec};
use crate::swarm::api::{self, ApiError, Code, Response};
use crate::swarm::object::{Endpoint, PortConfig, Service, ServiceKey, UpdateState, UpdateStatus};
use crate::swarm::store::{State, Transaction, Why};
use crate::swarm::world::Env;
use std::sync::Arc;

/// Finds a service as the engine does: by id, by name, by unique prefix of an id.
///
/// # Errors
/// Not found, or ambiguous, in the engine's words.
pub fn find(state: &State, name: &str) -> Result<Arc<Service>, ApiError> {
    let by_id = state.services.values().find(|service| service.id.text() == name);
    let by_name = || state.services.values().find(|service| &**service.name() == name);
    if let Some(service) = by_id.or_else(by_name) {
        return Ok(service.clone());
    }
    let mut by_prefix =
        state.services.values().filter(|service| !name.is_empty() && service.id.text().starts_with(name));
    match (by_prefix.next(), by_prefix.count()) {
        (Some(service), 0) => Ok(service.clone()),
        (Some(_), more) => Err(ApiError::new(400, format!("service {name} is ambiguous ({} matches found)", more + 1))),
        (None, _) => Err(ApiError::new(404, format!("service {name} not found"))),
    }
}

/// Creates a service.
pub fn create(spec: &api::ServiceSpec, tx: &mut Transaction, env: &mut Env) -> Result<Response, ApiError> {
    let mut spec = spec.clone();
    if spec.name.is_empty() {
        spec.name = random_name(tx.state(), env);
    }
    references::name_networks(&mut spec, tx.state())?;
    let mut spec = spec::service(&spec)?;
    references::check_networks(&spec, tx.state())?;
    check_ports(&spec.task.ports, None, tx.state())?;
    references::check_ingress(&spec, tx.state())?;
    references::resolve(&mut spec, tx.state())?;
    if tx.state().services.values().any(|service| service.name().eq_ignore_ascii_case(&spec.name)) {
        return Err(ApiError::grpc(
            Code::AlreadyExists,
            format!("name conflicts with an existing object: service {} already exists", spec.name),
        ));
    }
    let id = env.ids.service(&spec.name);
    let key = tx.state().services.next_key();
    tx.put_service(
        Service {
            key,
            id,
            meta: Default::default(),
            spec: Arc::new(spec),
            spec_version: 0,
            previous_spec: None,
            previous_spec_version: 0,
            endpoint: Endpoint::default(),
            update_status: None,
        },
        Why::Request,
    );
    Ok(Response::ServiceCreated { id: id.text(), warnings: Vec::new() })
}

/// Updates a service, or rolls it back on the manager.
pub fn update(
    id: &str,
    version: u64,
    spec: &api::ServiceSpec,
    rollback: bool,
    tx: &mut Transaction,
) -> Result<Response, ApiError> {
    let service = find(tx.state(), id)?;
    if rollback {
        return roll_back(&service, version, tx);
    }
    let mut spec = spec.clone();
    references::name_networks(&mut spec, tx.state())?;
    let mut spec = spec::service(&spec)?;
    references::check_networks(&spec, tx.state())?;
    if spec.task.ports != service.spec.task.ports {
        check_ports(&spec.task.ports, Some(service.key), tx.state())?;
    }
    references::check_ingress(&spec, tx.state())?;
    references::resolve(&mut spec, tx.state())?;
    if spec.name != *service.name() {
        return Err(ApiError::grpc(Code::Unimplemented, "renaming services is not supported"));
    }
    check_version(&service, version)?;
    let mut updated = (*service).clone();
    updated.previous_spec = Some(service.spec.clone());
    updated.previous_spec_version = service.spec_version;
    updated.spec = Arc::new(spec);
    updated.spec_version = version;
    updated.update_status = None;
    tx.put_service(updated, Why::Request);
    Ok(Response::ServiceUpdated { warnings: Vec::new() })
}

fn check_version(service: &Service, version: u64) -> Result<(), ApiError> {
    if service.meta.version == version { Ok(()) } else { Err(ApiError::grpc(Code::Unknown, "update out of sequence")) }
}

fn roll_back(service: &Service, version: u64, tx: &mut Transaction) -> Result<Response, ApiError> {
    let Some(previous) = service.previous_spec.clone() else {
        return Err(ApiError::grpc(
            Code::FailedPrecondition,
            format!("service {} does not have a previous spec", service.id),
        ));
    };
    check_version(service, version)?;
    let mut back = service.clone();
    back.previous_spec = Some(service.spec.clone());
    back.spec = previous;
    std::mem::swap(&mut back.spec_version, &mut back.previous_spec_version);
    back.update_status = Some(UpdateStatus {
        state: UpdateState::RollbackStarted,
        started_at: tx.now(),
        completed_at: None,
        message: "manually requested rollback".into(),
    });
    tx.put_service(back, Why::Request);
    Ok(Response::ServiceUpdated { warnings: Vec::new() })
}

/// Removes a service; its tasks go afterwards.
pub fn remove(id: &str, tx: &mut Transaction) -> Result<Response, ApiError> {
    let service = find(tx.state(), id)?;
    tx.remove_service(service.key, Why::Request);
    Ok(Response::Done)
}

/// A port of the routing mesh may be had by one service only; host-mode ports are the scheduler's business.
fn check_ports(ports: &[PortConfig], own: Option<ServiceKey>, state: &State) -> Result<(), ApiError> {
    for port in ports.iter().filter(|port| port.published != 0) {
        for other in state.services.values().filter(|service| Some(service.key) != own) {
            let taken = other.spec.task.ports.iter().chain(other.endpoint.ports.iter().flat_map(|ports| ports.iter()));
            for taken in taken {
                let clash = taken.published == port.published
                    && taken.protocol == port.protocol
                    && (taken.ingress || port.ingress);
                if clash {
                    let how = if taken.ingress { "an ingress port" } else { "a host-published port" };
                    return Err(ApiError::grpc(
                        Code::InvalidArgument,
                        format!(
                            "port '{}' is already in use by service '{}' ({}) as {how}",
                            port.published,
                            other.name(),
                            other.id
                        ),
                    ));
                }
            }
        }
    }
    Ok(())
}

/// A name for a service that was given none: an adjective and a noun, drawn until it is free.
fn random_name(state: &State, env: &Env) -> String {
    const FIRST: [&str; 16] = [
        "brave", "calm", "clever", "eager", "fair", "gentle", "happy", "keen", "kind", "lively", "modest", "nimble",
        "patient", "quiet", "steady", "witty",
    ];
    const SECOND: [&str; 16] = [
        "anchor", "beacon", "bridge", "compass", "dolphin", "harbor", "island", "lantern", "mast", "otter", "pelican",
        "raft", "reef", "sailor", "tide", "whale",
    ];
    let key = env.seed.key("service.name", &0u8);
    (0u64..)
        .map(|draw| {
            let first = FIRST[key.below(draw * 2, 16) as usize];
            let second = SECOND[key.below(draw * 2 + 1, 16) as usize];
            if draw < 256 { format!("{first}_{second}") } else { format!("{first}_{second}{draw}") }
        })
        .find(|name| !state.services.values().any(|service| **service.name() == **name))
        .expect("numbers never run out")
}
