//! Promises that hold at all times in every run, checked on what each event touches.
//!
//! A broken one is a bug in the model (or a mutant at work), unless somebody has put an older copy of a disk in its place:
//! it is reported loudly, with its name, the event and the seed, and the run stops.
//!
//! Raft's own are in `raft`, those of certificates and tokens in `security`, those that tie services, tasks and nodes
//! together in `objects`, those for which a leader's past must be known in `leader` (with `addresses`), those of a cluster at
//! rest in `rest`. Every [`LOOK_SPACING`] events the newest store is also looked at as a whole.
//!
//! Source: raft-and-security.md §10 (5), control-plane.md §12 (here 1-5, 10, 12, 26, and of 11 that the node was not long
//! down). Not here: 24 and 25, which are the consensus's (`raft`), and 23, which is a registration's (`security`).

mod addresses;
mod leader;
mod objects;
mod raft;
mod rest;
mod security;

pub use leader::LeaderChecks;
pub(in crate::swarm) use rest::{QUIET, broken_at_rest};

use super::Env;
use super::record::What;
use crate::engine::{EventId, Time};
use crate::net::HostId;
use crate::swarm::object::{Cluster, Mode, Network, Node, NodeState, Task, TaskState};
use crate::swarm::store::{Event as StoreEvent, LineageId, State, Why};
use std::fmt;
use std::sync::Arc;

/// Events between two looks at the whole: so many, ...
pub(super) const LOOK_SPACING: u64 = 2_000;
/// ... and so many more for each host.
pub(super) const LOOK_SPACING_PER_HOST: u64 = 200;

/// Changes in one proposal of a loop, at most.
const MAX_CHANGES: usize = 200;

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The promise's name.
    pub invariant: &'static str,
    /// What was seen.
    pub detail: String,
    /// During which event.
    pub event: EventId,
    /// When.
    pub at: Time,
    /// In the run of this seed.
    pub seed: u64,
    /// A host whose disk was replaced from outside before: then the model need not be wrong.
    pub restored: Option<HostId>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "invariant broken: {}\n  {}\n  at {}, event {}, seed {}",
            self.invariant, self.detail, self.at, self.event, self.seed
        )
    }
}

/// What must be remembered to check.
#[derive(Clone, Debug, Default)]
pub(super) struct Checks {
    pub(super) violation: Option<Violation>,
    raft: raft::Facts,
    security: security::Seen,
    rotating: bool,
}

impl Env {
    /// Reports a broken promise; the first one stays.
    pub fn violate(&mut self, invariant: &'static str, mut detail: String) {
        if self.checks.violation.is_none() {
            let restored = self.checks.raft.replaced();
            if let Some(host) = restored {
                detail += &format!(
                    " (a restore has replaced the disk of {} by an older copy: what Raft promises does not hold for it)",
                    self.name(host)
                );
            }
            let (event, at, seed) = (self.kernel.current(), self.kernel.now(), self.seed.0);
            Arc::make_mut(&mut self.checks).violation =
                Some(Violation { invariant, detail, event, at, seed, restored });
        }
    }

    /// State Machine Safety: no two managers apply different entries at one index.
    pub fn check_applied(&mut self, host: HostId, lineage: LineageId, index: u64, term: u64, proposal: u64) {
        if let Err((known_term, known)) = self.lineages[lineage.0 as usize].check(index, term, proposal) {
            let detail = format!(
                "{} applies proposal {proposal} of term {term} at index {index}, where another manager applied proposal {known} of term {known_term}",
                self.name(host)
            );
            self.violate("State Machine Safety", detail);
        }
    }

    /// The task model's promises about one change.
    pub fn check_change(&mut self, host: HostId, event: &StoreEvent, why: Why) {
        let StoreEvent::Task { old, new: Some(new) } = event else { return };
        if let Some(broken) = broken_by(old.as_deref(), new, why) {
            let detail = format!(
                "{}.{} ({}): {:?}/{:?} to {:?}/{:?}, written because of {why:?}, applied by {}",
                new.service_name,
                new.slot,
                new.id,
                old.as_ref().map(|old| old.status.state),
                old.as_ref().map(|old| old.desired),
                new.status.state,
                new.desired,
                self.name(host)
            );
            self.violate(broken, detail);
        }
    }

    /// Tells the trace of a root that begins to be replaced, or has been.
    fn record_rotation(&mut self, cluster: &Cluster) {
        let under_way = cluster.root_rotation.is_some();
        if std::mem::replace(&mut Arc::make_mut(&mut self.checks).rotating, under_way) != under_way {
            self.record(What::RootRotation { done: !under_way });
        }
    }

    /// A proposal of one of the leader's loops has at most so many changes (26).
    pub fn check_size(&mut self, changes: &[(crate::swarm::store::Change, Why)]) {
        let by_a_loop = !changes.iter().any(|(_, why)| matches!(why, Why::Request | Why::Setup | Why::Joined));
        if changes.len() > MAX_CHANGES && by_a_loop {
            self.violate("a batch has at most 200 changes", format!("{} changes at once", changes.len()));
        }
    }

    /// Looks at a whole store, for those who stop at a moment.
    pub fn check_whole(&mut self, state: &State) {
        if let Some((broken, detail)) = objects::broken_whole(state) {
            self.violate(broken, detail);
        }
    }

    /// What a leader's memory says of a proposal, or of its store at rest.
    pub fn check_found(&mut self, found: Option<(&'static str, String)>) {
        if let Some((broken, detail)) = found {
            self.violate(broken, detail);
        }
    }

    /// An agent starts nothing that it may not start yet, or not any more (10).
    pub fn check_start(&mut self, host: HostId, task: &Task) {
        if !matches!(task.desired, TaskState::Running | TaskState::Complete) {
            let detail = format!("{} starts {}, of which {:?} is desired", self.name(host), task.name(), task.desired);
            self.violate("an agent starts only what should run", detail);
        }
    }

    /// Tells the trace of a committed change.
    pub fn record_change(&mut self, event: &StoreEvent, why: Why, state: &State) {
        if let Some((broken, detail)) = objects::broken_by(event, why, state) {
            self.violate(broken, detail);
        }
        match event {
            StoreEvent::Cluster(cluster) => {
                self.check_root(cluster, state);
                self.record_rotation(cluster);
            }
            StoreEvent::Commit => {}
            StoreEvent::Network { old, new } => self.record_network(old.as_deref(), new.as_deref()),
            StoreEvent::File { old, new } => {
                let Some(file) = new.as_ref().or(old.as_ref()) else { return };
                self.record(What::Object {
                    kind: file.kind.noun(),
                    name: file.name().clone(),
                    change: match (old, new) {
                        (None, _) => "created",
                        (_, Some(_)) => "updated",
                        (_, None) => "removed",
                    },
                    detail: "".into(),
                });
            }
            StoreEvent::Node { old, new: Some(new) } => {
                let availability = old
                    .as_ref()
                    .filter(|old| old.spec.availability != new.spec.availability)
                    .map(|_| new.spec.availability.as_str());
                let state_changed = old.as_ref().is_none_or(|old| old.status.state != new.status.state);
                if state_changed || availability.is_some() {
                    self.record(What::Node {
                        node: new.key,
                        name: self.names[new.host.index()].clone(),
                        state: new.status.state,
                        message: new.status.message,
                        availability,
                        joined: old.is_none(),
                    });
                }
                if let Some(change) = old.as_ref().and_then(|old| wanted_of(old, new)) {
                    let name = self.names[new.host.index()].clone();
                    self.remark(What::NodeWanted { name, change: change.into() });
                }
            }
            StoreEvent::Node { old: Some(old), new: None } => {
                self.record(What::NodeRemoved { name: old.display_name().into() });
            }
            StoreEvent::Node { .. } => {}
            StoreEvent::Service { old, new: Some(new) } => {
                let update_of = |status: &Option<crate::swarm::object::UpdateStatus>| {
                    status.as_ref().map(|status| (status.state, status.message.clone()))
                };
                let before = old.as_ref().and_then(|old| update_of(&old.update_status));
                let after = update_of(&new.update_status);
                let spec_changed = old.as_ref().is_some_and(|old| !Arc::ptr_eq(&old.spec, &new.spec));
                if old.is_none() || spec_changed || before != after {
                    self.record(What::Service {
                        service: new.key,
                        name: new.name().clone(),
                        created: old.is_none(),
                        mode: new.spec.mode,
                        image: new.spec.task.image.clone(),
                        spec_changed,
                        update: after.filter(|after| before.as_ref() != Some(after)),
                    });
                }
            }
            StoreEvent::Service { old: Some(old), new: None } => {
                self.record(What::ServiceRemoved { name: old.name().clone() });
            }
            StoreEvent::Service { .. } => {}
            StoreEvent::Task { old, new: Some(new) } => {
                let node =
                    new.node.and_then(|node| state.nodes.get(node)).map(|node| self.names[node.host.index()].clone());
                let same = old.as_ref().is_some_and(|old| {
                    old.status.state == new.status.state
                        && old.desired == new.desired
                        && old.status.err == new.status.err
                });
                if !same {
                    let mode = state.services.get(new.service).map(|service| service.spec.mode);
                    self.record(What::Task {
                        task: new.key,
                        id: new.id,
                        by_node: mode.map_or(new.slot == 0 && new.job_iteration.is_none(), Mode::is_by_node),
                        service: new.service_name.clone(),
                        slot: new.slot,
                        node,
                        from: old.as_ref().map(|old| (old.status.state, old.desired)),
                        state: new.status.state,
                        desired: new.desired,
                        err: new.status.err.clone(),
                        why,
                    });
                }
                if let Why::Placed(_) = why {
                    self.check_placement(new, state);
                }
            }
            StoreEvent::Task { old: Some(old), new: None } => {
                self.record(What::TaskRemoved { service: old.service_name.clone(), slot: old.slot, why });
            }
            StoreEvent::Task { .. } => {}
        }
    }

    /// Tells the trace of a network; those that stand for the hosts' own go without a word.
    fn record_network(&mut self, old: Option<&Network>, new: Option<&Network>) {
        let Some(network) = new.or(old).filter(|network| !network.is_predefined()) else { return };
        let allocated = |network: Option<&Network>| network.is_some_and(|network| network.allocated.is_some());
        let change = match (old, new) {
            (None, _) => "created",
            (_, None) => "removed",
            _ if allocated(new) && !allocated(old) => "allocated",
            _ => "updated",
        };
        let pools = network.allocated.iter().flat_map(|state| state.pools.iter());
        let detail: Vec<String> = pools.map(|pool| pool.subnet.to_string()).collect();
        let detail = detail.join(", ").into();
        self.record(What::Object { kind: "network", name: network.name().clone(), change, detail });
    }

    /// The scheduler's promise: a task's node was ready when it was chosen, and has room.
    fn check_placement(&mut self, task: &Task, state: &State) {
        let Some(node) = task.node.and_then(|node| state.nodes.get(node)) else { return };
        // A node may have been drained or lost a moment ago; one that has been down for a second was known to be.
        let long_down = node.status.state == NodeState::Down
            && self.kernel.now() - node.meta.updated_at > crate::engine::Duration::from_secs(1);
        if long_down {
            let detail =
                format!("{}.{} was given to {}, which is down", task.service_name, task.slot, self.name(node.host));
            self.violate("tasks go to nodes that are ready", detail);
            return;
        }
        let mut free = (node.description.nano_cpus, node.description.memory_bytes);
        if task.spec.reserved == Default::default() {
            return;
        }
        for other in state.tasks_of_node(node.key) {
            if other.status.state <= TaskState::Running {
                free.0 -= other.spec.reserved.nano_cpus;
                free.1 -= other.spec.reserved.memory_bytes;
            }
        }
        if free.0 < 0 || free.1 < 0 {
            let detail = format!("{} has promised more than it has", self.name(node.host));
            self.violate("reservations fit their node", detail);
        }
    }
}

/// What a store breaks when it is looked at as a whole.
pub(in crate::swarm) fn broken_whole(state: &State) -> Option<String> {
    objects::broken_whole(state).map(|(promise, detail)| format!("{promise}: {detail}"))
}

/// What a committed change breaks; `state` has it already.
#[cfg(test)]
pub(in crate::swarm) fn broken_by_change(
    event: &StoreEvent,
    why: Why,
    state: &State,
) -> Option<(&'static str, String)> {
    let of_task = match event {
        StoreEvent::Task { old, new: Some(new) } => {
            broken_by(old.as_deref(), new, why).map(|broken| (broken, new.name()))
        }
        _ => None,
    };
    of_task.or_else(|| objects::broken_by(event, why, state))
}

/// Which promise of the task model a change breaks.
fn broken_by(old: Option<&Task>, new: &Task, why: Why) -> Option<&'static str> {
    if new.status.state == TaskState::Remove {
        return Some("\"remove\" is desired, never observed");
    }
    let Some(old) = old else {
        return (new.status.state != TaskState::New).then_some("a task begins as new");
    };
    if new.status.state < old.status.state {
        return Some("a task's state never goes back");
    }
    if new.desired < old.desired {
        return Some("what is desired of a task never goes back");
    }
    if old.node.is_some() && new.node != old.node {
        return Some("a task never moves to another node");
    }
    if new.node.is_none()
        && (TaskState::Assigned..=TaskState::Failed).contains(&new.status.state)
        && new.status.state != TaskState::Shutdown
    {
        return Some("a task that is assigned has a node");
    }
    if old.id != new.id || old.slot != new.slot || old.service != new.service || old.spec_version != new.spec_version {
        return Some("a task's identity never changes");
    }
    if old.status.state != new.status.state {
        let allowed = match why {
            Why::Allocated => old.status.state == TaskState::New && new.status.state == TaskState::Pending,
            Why::Placed(_) => old.status.state == TaskState::Pending && new.status.state == TaskState::Assigned,
            Why::Unplaceable => old.status.state == TaskState::Pending,
            Why::NonCompliant => old.status.state < TaskState::Complete && new.status.state == TaskState::Rejected,
            Why::Reported => old.status.state >= TaskState::Assigned,
            Why::Orphaned => true,
            _ => false,
        };
        if !allowed {
            return Some("each step of a task's state has one writer");
        }
    }
    None
}

/// What is wanted of a node now that was not, in words; none if that is the same. Its availability is told elsewhere.
fn wanted_of(old: &Node, new: &Node) -> Option<String> {
    let mut changes = Vec::new();
    if old.spec.role != new.spec.role {
        changes.push(format!("role {}", new.spec.role.as_str()));
    }
    let labels = [
        ("label", &*old.spec.labels, &*new.spec.labels),
        ("engine label", &old.description.engine_labels, &new.description.engine_labels),
    ];
    for (kind, old, new) in labels {
        let added = new.iter().filter(|(key, value)| old.get(*key) != Some(*value));
        changes.extend(added.map(|(key, value)| format!("{kind} {key}={value}")));
        let taken = old.keys().filter(|key| !new.contains_key(*key));
        changes.extend(taken.map(|key| format!("no {kind} {key}")));
    }
    (!changes.is_empty()).then(|| changes.join(", "))
}
