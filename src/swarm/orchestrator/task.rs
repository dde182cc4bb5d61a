//! How a task is made (control-plane.md §2.1, §2.3). Its state from then on is the business of others.

use super::slot::SlotId;
use crate::engine::Time;
use crate::swarm::component::{Ids, Kind};
use crate::swarm::object::{Meta, Mode, Service, ServiceKey, Task, TaskKey, TaskState, TaskStatus};
use crate::swarm::store::{State, Transaction, Why};
use std::sync::Arc;

/// How many slots a replicated service has; `None` for a service of another mode, which is another orchestrator's.
pub(super) fn replicas(service: &Service) -> Option<u32> {
    match service.spec.mode {
        Mode::Replicated { replicas } => Some(replicas),
        _ => None,
    }
}

/// Whether a service is this orchestrator's business.
pub(super) fn is_of(service: &Service, kind: Kind) -> bool {
    kind == match service.spec.mode {
        Mode::Replicated { .. } => Kind::Replicated,
        Mode::Global => Kind::Global,
        Mode::ReplicatedJob { .. } | Mode::GlobalJob => Kind::Jobs,
    }
}

/// The service, if it is there and replicated.
pub(super) fn replicated(state: &State, key: ServiceKey) -> Option<&Arc<Service>> {
    state.services.get(key).filter(|service| replicas(service).is_some())
}

/// Creates a task of a slot, from the service as it is given (which may be older than the stored one).
pub(super) fn create(
    service: &Service,
    place: SlotId,
    desired: TaskState,
    why: Why,
    tx: &mut Transaction,
    ids: &mut Ids,
) -> TaskKey {
    let key = tx.state().tasks.next_key();
    let own = service.spec.task.api.log_driver.clone().map(Arc::new);
    let log_driver = own.or_else(|| tx.state().cluster.as_ref()?.task_log_driver.clone());
    let node_id = place.node.and_then(|node| tx.state().node_id(node));
    let task = Task {
        key,
        id: match node_id {
            Some(node) => ids.task_on(service.name(), node),
            None => ids.task(service.name(), place.number),
        },
        meta: Meta::default(),
        service: service.key,
        service_id: service.id,
        service_name: service.name().clone(),
        slot: place.number,
        node: place.node,
        node_id,
        job_iteration: service.job_status.map(|status| status.iteration),
        spec: service.spec.task.clone(),
        spec_version: service.spec_version,
        ports: Arc::default(),
        networks: Arc::default(),
        assigned_generic: Arc::default(),
        log_driver,
        status: TaskStatus {
            state: TaskState::New,
            timestamp: tx.now(),
            applied_at: Time::MIN,
            message: "created",
            err: None,
            container: None,
            exit_code: 0,
        },
        desired,
    };
    tx.put_task(task, why);
    key
}

/// The task must be replaced: it has ended, or its node is down, drained or gone (control-plane.md §4.1).
pub(super) fn needs_restart(state: &State, task: &Task) -> bool {
    task.desired <= TaskState::Running && (task.status.state.is_terminal() || lost_its_node(state, task))
}

/// Its node is down, drained or gone.
pub(super) fn lost_its_node(state: &State, task: &Task) -> bool {
    task.node.is_some_and(|node| state.nodes.get(node).is_none_or(|node| node.is_invalid()))
}
