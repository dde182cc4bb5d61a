//! Creating, updating, rolling back and removing services (control-plane.md §1.4, §1.5).

use super::{references, spec};
use crate::engine::Seed;
use crate::swarm::api::{self, ApiError, Code, Response};
use crate::swarm::component::Ids;
use crate::swarm::object::{Endpoint, JobStatus, PortConfig, Service, ServiceKey, UpdateState, UpdateStatus};
use crate::swarm::store::{State, Transaction, Why};
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
pub fn create(spec: &api::ServiceSpec, tx: &mut Transaction, ids: &mut Ids, seed: Seed) -> Result<Response, ApiError> {
    let mut spec = spec.clone();
    if spec.name.is_empty() {
        spec.name = random_name(tx.state(), seed);
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
    let id = ids.service(&spec.name);
    let key = tx.state().services.next_key();
    let job_status = spec.mode.is_job().then(|| JobStatus { iteration: 0, last_execution: tx.wall() });
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
            job_status,
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
    if !spec.mode.is_same_kind(service.spec.mode) {
        return Err(ApiError::grpc(Code::Unimplemented, "service mode change is not allowed"));
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
    run_again(&mut updated, tx);
    tx.put_service(updated, Why::Request);
    Ok(Response::ServiceUpdated { warnings: Vec::new() })
}

/// Whatever is written of a job makes it run once more.
fn run_again(service: &mut Service, tx: &Transaction) {
    if let Some(status) = &mut service.job_status {
        *status = JobStatus { iteration: status.iteration + 1, last_execution: tx.wall() };
    }
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
    run_again(&mut back, tx);
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
fn random_name(state: &State, seed: Seed) -> String {
    const FIRST: [&str; 16] = [
        "brave", "calm", "clever", "eager", "fair", "gentle", "happy", "keen", "kind", "lively", "modest", "nimble",
        "patient", "quiet", "steady", "witty",
    ];
    const SECOND: [&str; 16] = [
        "anchor", "beacon", "bridge", "compass", "dolphin", "harbor", "island", "lantern", "mast", "otter", "pelican",
        "raft", "reef", "sailor", "tide", "whale",
    ];
    let key = seed.key("service.name", &0u8);
    (0u64..)
        .map(|draw| {
            let first = FIRST[key.below(draw * 2, 16) as usize];
            let second = SECOND[key.below(draw * 2 + 1, 16) as usize];
            if draw < 256 { format!("{first}_{second}") } else { format!("{first}_{second}{draw}") }
        })
        .find(|name| !state.services.values().any(|service| **service.name() == **name))
        .expect("numbers never run out")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::swarm::store::{Change, State};

    fn spec(mode: api::ServiceMode) -> api::ServiceSpec {
        let container_spec = api::ContainerSpec { image: "app:v1".into(), ..api::ContainerSpec::default() };
        let task_template = api::TaskSpec { container_spec, ..api::TaskSpec::default() };
        api::ServiceSpec { name: "web".into(), task_template, mode, ..api::ServiceSpec::default() }
    }

    fn job(max_concurrent: Option<u64>, total_completions: Option<u64>) -> api::ServiceMode {
        api::ServiceMode::ReplicatedJob { max_concurrent, total_completions }
    }

    /// Writes, and says what the answer was.
    fn write(
        state: &mut State,
        ask: impl FnOnce(&mut Transaction, &mut Ids) -> Result<Response, ApiError>,
    ) -> Result<(), String> {
        let mut tx = Transaction::new(state, crate::engine::Time::ZERO);
        let answer = ask(&mut tx, &mut Ids::new(Seed(1)));
        let changes: Vec<(Change, Why)> = tx.into_changes();
        let answer = answer.map(|_| ()).map_err(|error| error.message);
        if answer.is_ok() {
            state.index += 1;
            changes.iter().for_each(|(change, _)| drop(state.apply(change)));
        }
        answer
    }

    fn made(mode: api::ServiceMode) -> Result<State, String> {
        let mut state = State::default();
        write(&mut state, |tx, ids| create(&spec(mode), tx, ids, Seed(1)))?;
        Ok(state)
    }

    fn the(state: &State) -> Arc<Service> {
        state.services.values().next().expect("it was made").clone()
    }

    #[test]
    fn the_engine_fills_in_a_jobs_numbers() {
        for (asked, filled) in
            [((None, None), (1, 1)), ((Some(3), None), (3, 3)), ((None, Some(5)), (1, 5)), ((Some(2), Some(7)), (2, 7))]
        {
            let state = made(job(asked.0, asked.1)).expect("a job");
            assert_eq!(the(&state).spec.api.mode, job(Some(filled.0), Some(filled.1)));
            assert_eq!(the(&state).job_status.map(|status| status.iteration), Some(0));
        }
        assert!(the(&made(api::ServiceMode::Global {}).expect("a service")).job_status.is_none());
    }

    #[test]
    fn what_a_mode_forbids_is_refused_in_swarmkits_words() {
        let refused = |mode| made(mode).map(|_| ()).unwrap_err();
        let invalid = |text: &str| format!("rpc error: code = InvalidArgument desc = {text}");
        assert_eq!(refused(job(Some(1 << 63), Some(1))), invalid("Maximum concurrent jobs must not be negative"));
        assert_eq!(refused(job(Some(1), Some(1 << 63))), invalid("Total completed jobs must not be negative"));
        let replicas = Some(1 << 63);
        let text = invalid("Number of replicas must be non-negative");
        assert_eq!(refused(api::ServiceMode::Replicated { replicas }), text);
        let mut with_update = spec(api::ServiceMode::GlobalJob {});
        with_update.update_config = Some(api::UpdateConfig {
            parallelism: 1,
            delay: 0,
            failure_action: "pause".into(),
            monitor: 0,
            max_failure_ratio: 0.0,
            order: "stop-first".into(),
        });
        let answer = write(&mut State::default(), |tx, ids| create(&with_update, tx, ids, Seed(1)));
        assert_eq!(answer, Err(invalid("Jobs may not have an update config")));
    }

    #[test]
    fn a_mode_never_changes() {
        let mut state = made(api::ServiceMode::Replicated { replicas: Some(2) }).expect("a service");
        let text = "rpc error: code = Unimplemented desc = service mode change is not allowed";
        for mode in [api::ServiceMode::Global {}, job(None, None), api::ServiceMode::GlobalJob {}] {
            // Whatever else is wrong with the update: the mode comes first.
            let mut changed = spec(mode);
            changed.name = "other".into();
            assert_eq!(write(&mut state, |tx, _| update("web", 99, &changed, false, tx)), Err(text.to_owned()));
        }
    }

    /// §1.4: each write of a job makes it run once more, a rollback too.
    #[test]
    fn an_update_of_a_job_counts_its_iteration() {
        let mut state = made(job(Some(1), Some(1))).expect("a job");
        for (iteration, total) in [(1, 2), (2, 3)] {
            let version = the(&state).meta.version;
            let next = spec(job(Some(1), Some(total)));
            assert_eq!(write(&mut state, |tx, _| update("web", version, &next, false, tx)), Ok(()));
            assert_eq!(the(&state).job_status.map(|status| status.iteration), Some(iteration));
        }
        let version = the(&state).meta.version;
        let same = spec(job(None, None));
        assert_eq!(write(&mut state, |tx, _| update("web", version, &same, true, tx)), Ok(()));
        assert_eq!(the(&state).spec.api.mode, job(Some(1), Some(2)));
        assert_eq!(the(&state).job_status.map(|status| status.iteration), Some(3));
    }
}
