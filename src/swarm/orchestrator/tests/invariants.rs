//! What must hold after every commit (control-plane.md §12), by number.

use crate::engine::{Duration, Time};
use crate::swarm::component::Writer;
use crate::swarm::object::{
    Availability, Mode, NodeKey, NodeState, Service, ServiceKey, Task, TaskKey, TaskState, UpdateState, UpdateStatus,
};
use crate::swarm::orchestrator::Orchestrators;
use crate::swarm::store::{Change, State, Why};
use std::collections::{BTreeMap, BTreeSet};

/// A slot: its number, or of global services its node.
type Place = (ServiceKey, u32, Option<NodeKey>);

/// What the checks remember.
#[derive(Clone, Debug, Default)]
pub struct Invariants {
    /// Replacements that the restart supervisor made: not before then, and not before this task has stopped.
    releases: BTreeMap<TaskKey, Release>,
    /// Replacements of each slot under its latest version, by the same leader.
    restarts: BTreeMap<Place, (u64, Vec<Time>)>,
    ids: BTreeSet<u128>,
}

#[derive(Clone, Debug)]
struct Release {
    service: ServiceKey,
    not_before: Time,
    waits: Option<TaskKey>,
    since: Time,
}

impl Invariants {
    pub fn new_leader(&mut self) {
        self.releases.clear();
        self.restarts.clear();
    }

    pub fn commit(
        &mut self,
        before: &State,
        after: &State,
        changes: &[(Change, Why)],
        writer: Writer,
        now: Time,
        orchestrators: &Orchestrators,
    ) {
        // An update may take a waiting task over and release it by its own rules.
        self.releases.retain(|_, release| !orchestrators.is_updating(release.service));
        // A node that was down for a moment has let those go that waited for its tasks.
        for release in self.releases.values_mut() {
            let node = release.waits.and_then(|old| before.tasks.get(old)).and_then(|old| old.node);
            if node.is_some_and(|key| after.nodes.get(key).is_none_or(|node| node.status.state == NodeState::Down)) {
                release.waits = None;
            }
        }
        for (change, why) in changes {
            match change {
                Change::Task(new) => match before.tasks.get(new.key) {
                    None => self.made(before, new, *why, writer, now),
                    Some(old) => {
                        written(old, new, writer);
                        if old.desired == TaskState::Ready
                            && matches!(new.desired, TaskState::Running | TaskState::Complete)
                        {
                            self.released(before, new, now);
                        }
                    }
                },
                Change::RemoveTask(_) => {
                    assert!(
                        matches!(writer, Writer::Reaper | Writer::Orchestrator(_) | Writer::Api(_)),
                        "2: {writer:?}"
                    );
                }
                Change::Service(new) => {
                    if let Some(old) = before.services.get(new.key) {
                        status_changed(old, new, writer);
                    }
                }
                _ => {}
            }
        }
        // 8: a task that may not start yet has something that will let it; of a service that is gone it is deleted (§4.6).
        for (change, _) in changes {
            if let Change::Task(new) = change
                && let Some(task) = after.tasks.get(new.key)
                && task.desired == TaskState::Ready
                && !task.status.state.is_terminal()
                && after.services.get(task.service).is_some()
            {
                assert!(orchestrators.delayed().contains(&task.key), "8: {task:?}");
            }
        }
    }

    fn made(&mut self, before: &State, new: &Task, why: Why, writer: Writer, now: Time) {
        assert!(self.ids.insert(new.id.0), "5: {new:?}");
        let mode = before.services.get(new.service).expect("6: a task belongs to a service").spec.mode;
        let place_is_right = match mode {
            Mode::Replicated { .. } => new.slot >= 1 && new.node.is_none(),
            Mode::ReplicatedJob { total, .. } => new.slot < total && new.node.is_none(),
            Mode::Global | Mode::GlobalJob => new.slot == 0 && new.node.is_some(),
        };
        assert!(place_is_right, "7: {new:?}");
        assert_eq!(new.status.state, TaskState::New, "2");
        assert!(matches!(writer, Writer::Orchestrator(_) | Writer::Restart(_) | Writer::Update(_)), "2: {writer:?}");
        let (Why::Restart(old) | Why::NodeInvalid(old)) = why else { return };
        let Some(old) = before.tasks.get(old) else { return };
        let node = old.node.and_then(|node| before.nodes.get(node));
        let drained = node.is_some_and(|node| node.spec.availability == Availability::Drain);
        let not_before = if drained { now } else { now + old.spec.restart.delay };
        let down = node.is_some_and(|node| node.status.state == NodeState::Down);
        let waits = (!old.status.state.is_terminal() && !down).then_some(old.key);
        self.releases.insert(new.key, Release { service: new.service, not_before, waits, since: now });
        // 22; it does not hold for global jobs [quirk].
        if mode == Mode::GlobalJob {
            return;
        }
        let (version, times) = self.restarts.entry((new.service, new.slot, new.node)).or_default();
        let policy = old.spec.restart;
        if policy.max_attempts > 0 && *version == old.spec_version {
            // Not those made since the task ended: its own replacement, if there is one already, does not count (§5).
            let end = old.age_stamp();
            let unlimited = policy.window == Duration::ZERO;
            let within = |time: Time| time > end - policy.window && time < end;
            let count = times.iter().filter(|&&time| unlimited || within(time)).count() as u64;
            // What lies before the window of one task of the slot is forgotten for good; this one may have ended before it.
            let of_slot = |task: &Task| task.slot == new.slot && (new.node.is_none() || task.node == new.node);
            let later = |task: &Task| of_slot(task) && task.age_stamp() > end;
            let forgotten = !unlimited && before.tasks_of_service(new.service).any(|task| later(task));
            assert!(forgotten || count < policy.max_attempts, "22: {new:?} after {times:?}");
        }
        if new.spec.restart.max_attempts > 0 {
            if *version != new.spec_version {
                *version = new.spec_version;
                times.clear();
            }
            times.push(now);
        }
    }

    /// 9
    fn released(&mut self, before: &State, new: &Task, now: Time) {
        let Some(Release { not_before, waits, since, .. }) = self.releases.remove(&new.key) else { return };
        assert!(now >= not_before, "9: too early: {new:?}");
        if let Some(old) = waits.and_then(|old| before.tasks.get(old)) {
            let given_up = now >= since + Duration::from_secs(60);
            assert!(old.status.state.is_terminal() || given_up, "9: {old:?} still runs");
        }
    }
}

/// 1-5
fn written(old: &Task, new: &Task, writer: Writer) {
    let (from, to) = (old.status.state, new.status.state);
    assert!(to >= from, "1: {old:?} -> {new:?}");
    assert!(new.desired >= old.desired, "1: {old:?} -> {new:?}");
    assert!(to != TaskState::Remove, "3");
    assert!(old.node.is_none() || new.node == old.node, "4: {old:?} -> {new:?}");
    let early_end = matches!(to, TaskState::Shutdown | TaskState::Orphaned | TaskState::Rejected);
    assert!(to < TaskState::Assigned || new.node.is_some() || early_end, "4: {new:?}");
    let identity = |task: &Task| (task.id, task.service, task.slot, task.spec_version);
    assert_eq!(identity(old), identity(new), "5");
    assert!(std::sync::Arc::ptr_eq(&old.spec, &new.spec), "5");
    let allowed = match writer {
        Writer::Allocator => (from, to) == (TaskState::New, TaskState::Pending),
        Writer::Scheduler => from == TaskState::Pending,
        Writer::Orchestrator(_) | Writer::Restart(_) | Writer::Update(_) => from == to,
        Writer::Enforcer => from < TaskState::Complete && to == TaskState::Rejected,
        Writer::Reaper => false,
        _ => true,
    };
    assert!(allowed, "2: {writer:?} wrote {old:?} -> {new:?}");
}

/// 17, 18
fn status_changed(old: &Service, new: &Service, writer: Writer) {
    use UpdateState::{Completed, Paused, RollbackCompleted, RollbackPaused, RollbackStarted, Updating};
    if !matches!(writer, Writer::Update(_)) {
        return;
    }
    let state = |status: &Option<UpdateStatus>| status.as_ref().map(|status| status.state);
    let (from, to) = (state(&old.update_status), state(&new.update_status));
    let allowed = match (from, to) {
        (None, Some(Updating)) | (Some(Updating), Some(Completed | Paused | RollbackStarted)) => true,
        (Some(RollbackStarted), Some(RollbackCompleted | RollbackPaused)) => true,
        // A second pass, and what may happen in it.
        (Some(Completed | RollbackCompleted), Some(Completed | Paused | RollbackStarted)) => true,
        // A manual rollback to an equal spec leaves the update running (§6.1), which may then roll back by itself or end.
        (Some(RollbackStarted), Some(RollbackStarted)) => true,
        // A rollback that wants to roll back is paused and then completed all the same.
        (Some(RollbackPaused), Some(Completed | Paused)) => true,
        _ => false,
    };
    assert!(allowed, "18: {from:?} -> {to:?}");
    let rolled_back = to == Some(RollbackStarted);
    assert!(new.spec_version == old.spec_version || rolled_back, "17");
}
