//! What holds of a cluster at rest: every service has what it wants or says why not, and looking again writes nothing.
//!
//! By their nature these do not hold after every event: control-plane.md §12 asks for them "at quiescence". A world is looked
//! at every so many events, where also the whole store is; it counts as at rest when the leader has proposed nothing for a
//! while, no delayed start and no update is under way, and no task is between two steps.
//!
//! Exceptions, as in the real one: jobs (they do not look at nodes, and a slot that may not be restarted stops a job, §4.3);
//! for the second promise a node that is not ready and active (a label that it lost is noticed only by the next look, §4.4).
//!
//! Source: control-plane.md §12 (27, 28).

use super::objects::{Broken, broken, name};
use crate::engine::{Duration, Time};
use crate::swarm::component::{Ids, Outbox};
use crate::swarm::object::{
    Availability, Mode, NodeState, RestartCondition, Service, Task, TaskState, UpdateOrder, UpdateState,
};
use crate::swarm::orchestrator::Orchestrators;
use crate::swarm::store::{Change, Event, State, Transaction};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A leader that has proposed nothing for so long may be at rest: longer than anything takes that has no time of its own.
pub(in crate::swarm) const QUIET: Duration = Duration::from_minutes(2);

/// What a leader's store and loops break if they are at rest. `changed`: when it last proposed anything.
pub(in crate::swarm) fn broken_at_rest(
    state: &State,
    orchestrators: &Orchestrators,
    ids: &Ids,
    changed: Time,
    now: Time,
) -> Option<Broken> {
    let between = |task: &&Arc<Task>| is_between(task, state);
    if now - changed < QUIET || !orchestrators.is_at_rest() || state.tasks.values().any(|task| between(&task)) {
        return None;
    }
    state
        .services
        .values()
        .find_map(|service| wanting(service, state))
        .or_else(|| restless(state, orchestrators, ids, now))
}

fn on_a_ready_node(task: &Task, state: &State) -> bool {
    let node = task.node.and_then(|node| state.nodes.get(node));
    node.is_some_and(|node| node.status.state == NodeState::Ready)
}

/// Its agent is about to do something with it, or it has not been looked at yet.
fn is_between(task: &Task, state: &State) -> bool {
    let stops = task.desired >= TaskState::Shutdown;
    match task.status.state {
        TaskState::New | TaskState::Pending => false,
        TaskState::Running => stops && on_a_ready_node(task, state),
        // An image that cannot be had: for good.
        TaskState::Preparing if task.status.err.is_some() && !stops => false,
        state_of if state_of < TaskState::Running => on_a_ready_node(task, state),
        _ => false,
    }
}

/// 27
fn wanting(service: &Service, state: &State) -> Option<Broken> {
    if service.spec.mode.is_job() {
        return None;
    }
    let mut slots: BTreeMap<u32, Vec<&Arc<Task>>> = BTreeMap::new();
    for task in state.tasks_of_service(service.key) {
        let live = task.desired <= TaskState::Running;
        let explained = match task.status.state {
            TaskState::Running | TaskState::New => true,
            // One that found no node while its service had a newer spec is not looked at again, nor told why (§3.7).
            TaskState::Pending => task.status.err.is_some() || task.meta.created_at < service.meta.updated_at,
            TaskState::Preparing => task.status.err.is_some() || !on_a_ready_node(task, state),
            state_of => !state_of.is_terminal() && !on_a_ready_node(task, state),
        };
        if live && !explained {
            let detail = format!("{} is {:?}, {:?}", name(task), task.status.state, task.status.err);
            return broken("at rest a task runs or says why not", detail);
        }
        slots.entry(task.slot).or_default().push(task);
    }
    let Mode::Replicated { replicas } = service.spec.mode else { return None };
    let is_live = |tasks: &&Vec<&Arc<Task>>| tasks.iter().any(|task| task.desired <= TaskState::Running);
    let live = slots.values().filter(is_live).count();
    let given_up =
        slots.values().filter(|tasks| !is_live(tasks) && tasks.iter().any(|task| may_be_given_up(task))).count();
    if live > replicas as usize || live + given_up < replicas as usize {
        let detail = format!("{}: {live} slots, {given_up} given up, {replicas} wanted", service.name());
        return broken("at rest a service has the slots that it wants", detail);
    }
    None
}

/// Its policy may have said that it is not replaced.
fn may_be_given_up(task: &Task) -> bool {
    let policy = &task.spec.restart;
    match policy.condition {
        RestartCondition::None => true,
        RestartCondition::OnFailure if task.status.state == TaskState::Complete => true,
        _ => policy.max_attempts > 0,
    }
}

/// 28: looking at every service again writes nothing, but that what is left of slots which were scaled away may go.
fn restless(state: &State, orchestrators: &Orchestrators, ids: &Ids, now: Time) -> Option<Broken> {
    let sound = |node: &Arc<crate::swarm::object::Node>| {
        node.status.state == NodeState::Ready && node.spec.availability == Availability::Active
    };
    if !state.nodes.values().all(sound) {
        return None;
    }
    let (mut loops, mut ids, mut out) = (orchestrators.clone(), ids.clone(), Outbox::default());
    for service in state.services.values().filter(|service| !service.spec.mode.is_job() && is_settled(service)) {
        let event = Event::Service { old: Some(service.clone()), new: Some(service.clone()) };
        loops.watch(&event, state, now, &mut out);
    }
    loops.watch(&Event::Commit, state, now, &mut out);
    while let Some(writer) = out.turns.pop() {
        let mut tx = Transaction::new(state, now);
        loops.write(writer, &mut tx, &mut ids, &mut out);
        for (change, why) in tx.changes() {
            let goes = match change {
                Change::RemoveTask(_) => true,
                Change::Task(task) => task.desired == TaskState::Remove,
                _ => false,
            };
            if !goes {
                return broken("at rest looking again writes nothing", format!("{writer:?}, {why:?}: {change:?}"));
            }
        }
        if !tx.is_empty() {
            return None;
        }
        loops.written(writer, now, &mut out);
    }
    None
}

/// No update of it was stopped in the middle.
fn is_settled(service: &Service) -> bool {
    let status = service.update_status.as_ref().map(|status| status.state);
    let starts_first = service.spec.update.order == UpdateOrder::StartFirst;
    matches!(status, None | Some(UpdateState::Completed | UpdateState::RollbackCompleted)) && !starts_first
}
