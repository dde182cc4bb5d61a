//! Lists with their filters (cli.md §5.2, §5.3, §9).

use super::{View, nodes, present, services};
use crate::swarm::api::{self, ApiError, Filters};
use crate::swarm::object::{Mode, Role, Service, Task, TaskState};
use crate::swarm::orchestrator::DirtyTest;
use crate::swarm::store::State;
use std::sync::Arc;

/// Refuses what cannot be filtered by.
pub(super) fn check_keys(filters: &Filters, known: &[&str]) -> Result<(), ApiError> {
    match filters.0.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(ApiError::new(400, format!("invalid filter '{key}'"))),
        None => Ok(()),
    }
}

/// Any of the accepted values, or no filter at all.
pub(super) fn any(filters: &Filters, key: &str, test: impl Fn(&str) -> bool) -> bool {
    let values = filters.get(key);
    values.is_empty() || values.iter().any(|value| test(value))
}

/// All of the wanted labels (`key` or `key=value`).
pub(super) fn labels(filters: &Filters, key: &str, labels: &api::Labels) -> bool {
    filters.get(key).iter().all(|wanted| match wanted.split_once('=') {
        Some((name, value)) => labels.get(name).is_some_and(|found| found == value),
        None => labels.contains_key(wanted),
    })
}

/// Refuses what `node ls` cannot filter by.
pub fn check_node_filters(filters: &Filters) -> Result<(), ApiError> {
    check_keys(filters, &["id", "label", "node.label", "membership", "name", "role"])?;
    for role in filters.get("role") {
        if !matches!(role.as_str(), "worker" | "manager") {
            return Err(ApiError::new(400, format!("Invalid role filter: '{role}'")));
        }
    }
    for membership in filters.get("membership") {
        if !matches!(membership.as_str(), "accepted" | "pending") {
            return Err(ApiError::new(400, format!("Invalid membership filter: '{membership}'")));
        }
    }
    Ok(())
}

/// Nodes.
pub fn nodes(filters: &Filters, view: &View<'_>) -> Vec<api::Node> {
    let state = view.state();
    state
        .nodes
        .values()
        .filter(|node| {
            any(filters, "id", |id| node.id.text().starts_with(id))
                && any(filters, "name", |name| node.display_name().starts_with(name))
                && any(filters, "role", |role| match node.role {
                    Role::Worker => role == "worker",
                    Role::Manager => role == "manager",
                })
                && any(filters, "membership", |membership| membership == "accepted")
                && labels(filters, "node.label", &node.spec.labels)
                && labels(filters, "label", &node.description.engine_labels)
        })
        .map(|node| present::node(node, view))
        .collect()
}

/// Refuses what `service ls` cannot filter by.
pub fn check_service_filters(filters: &Filters) -> Result<(), ApiError> {
    check_keys(filters, &["id", "label", "mode", "name", "runtime"])
}

/// Services.
pub fn services(filters: &Filters, status: bool, state: &State) -> Vec<api::Service> {
    state
        .services
        .values()
        .filter(|service| {
            any(filters, "id", |id| service.id.text().starts_with(id))
                && any(filters, "name", |name| service.name().starts_with(name))
                && labels(filters, "label", &service.spec.api.labels)
                && any(filters, "mode", |mode| mode == service.spec.mode.as_str())
        })
        .map(|service| {
            let mut shown = present::service(service, false);
            if status {
                shown.service_status = Some(counts(service, state));
            }
            shown
        })
        .collect()
}

/// The numbers of `service ls`: what runs, whatever is desired of it and wherever it is (control-plane.md §2.6).
pub fn counts(service: &Service, state: &State) -> api::ServiceStatus {
    let iteration = service.job_status.map(|status| status.iteration);
    let tasks = || state.tasks_of_service(service.key).filter(|task| task.job_iteration == iteration);
    let count = |test: &dyn Fn(&Task) -> bool| tasks().filter(|task| test(task)).count() as u64;
    let desired_tasks = match service.spec.mode {
        Mode::Replicated { replicas } => u64::from(replicas),
        Mode::Global => count(&|task| task.desired == TaskState::Running),
        Mode::ReplicatedJob { max_concurrent, .. } => u64::from(max_concurrent),
        Mode::GlobalJob => {
            count(&|task| task.desired == TaskState::Complete && task.status.state != TaskState::Complete)
        }
    };
    api::ServiceStatus {
        running_tasks: count(&|task| task.status.state == TaskState::Running),
        desired_tasks,
        completed_tasks: if iteration.is_some() { count(&|task| task.status.state == TaskState::Complete) } else { 0 },
    }
}

/// Tasks.
///
/// # Errors
/// A filter that does not exist, or a service or node that does not.
pub fn tasks(filters: &Filters, state: &State) -> Result<Vec<api::Task>, ApiError> {
    check_keys(filters, &["name", "id", "label", "service", "node", "desired-state", "_up-to-date", "runtime"])?;
    for desired in filters.get("desired-state") {
        if !matches!(desired.to_ascii_lowercase().as_str(), "running" | "shutdown" | "accepted") {
            return Err(ApiError::new(400, format!("Invalid desired-state filter: '{desired}'")));
        }
    }
    let mut wanted_services = Vec::new();
    for name in filters.get("service") {
        wanted_services.push(services::find(state, name)?.key);
    }
    let mut wanted_nodes = Vec::new();
    for name in filters.get("node") {
        wanted_nodes.push(nodes::find(state, name)?.key);
    }
    let up_to_date = filters.get("_up-to-date").iter().any(|value| value == "true");
    let wanted = |task: &Arc<Task>| {
        (wanted_services.is_empty() || wanted_services.contains(&task.service))
            && (wanted_nodes.is_empty() || task.node.is_some_and(|node| wanted_nodes.contains(&node)))
            && any(filters, "id", |id| task.id.text().starts_with(id))
            && any(filters, "name", |name| format!("{}.{}", task.name(), task.id).starts_with(name))
            && labels(filters, "label", &task.spec.api.container_spec.labels)
            && any(filters, "desired-state", |desired| match desired.to_ascii_lowercase().as_str() {
                "running" => task.desired == TaskState::Running,
                "shutdown" => task.desired == TaskState::Shutdown,
                _ => task.desired == TaskState::Accepted,
            })
            // What an update need not replace; after a scale that is every old task, though of an older version.
            && (!up_to_date
                || state.services.get(task.service).is_some_and(|service| !DirtyTest::new(service, state).task(task)))
    };
    let all: Box<dyn Iterator<Item = &Arc<Task>>> = match wanted_services.as_slice() {
        [service] => Box::new(state.tasks_of_service(*service)),
        _ => Box::new(state.tasks.values()),
    };
    Ok(all.filter(|task| wanted(task)).map(|task| present::task(task, state)).collect())
}

/// Finds a task by its id or a unique prefix.
///
/// # Errors
/// Not found, or ambiguous, in the engine's words.
pub fn find_task(state: &State, name: &str) -> Result<Arc<Task>, ApiError> {
    let mut matches = state.tasks.values().filter(|task| !name.is_empty() && task.id.text().starts_with(name));
    match (matches.next(), matches.count()) {
        (Some(task), 0) => Ok(task.clone()),
        (Some(_), more) => Err(ApiError::new(400, format!("task {name} is ambiguous ({} matches found)", more + 1))),
        (None, _) => Err(ApiError::new(404, format!("task {name} not found"))),
    }
}
