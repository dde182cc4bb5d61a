//! Promises for which one must remember what one leader has done: delays, attempts, the order and the width of updates,
//! history that is trimmed, addresses that are given out.
//!
//! Looked at in every proposal of a leader, on what the proposal touches. The memory lives and dies with the leader, as that
//! of its loops does: what SwarmKit itself forgets at a change of leaders (control-plane.md §4.6) nobody is held to.
//!
//! Where the real one makes an exception, so does the check:
//! * a replacement that an update takes over follows the update's rules, not the restart delay (§6.2);
//! * an update that overtakes another leaves that one's slots in flight alone (§6.1), so only slots of the spec in force
//!   count for the parallelism, and only of one request;
//! * an old task whose node is down or gone, or that has had its minute, is not waited for (§5);
//! * global jobs are not held to their attempts (§5), jobs' history is not trimmed (§4.5).
//!
//! Source: control-plane.md §12 (8, 9, 14, 19-22).

use super::addresses::Addresses;
use super::objects::{Broken, broken, name};
use crate::engine::{Duration, Time};
use crate::swarm::component::Writer;
use crate::swarm::object::{
    Availability, Mode, NodeKey, NodeState, RestartCondition, RestartPolicy, Service, ServiceKey, Task, TaskKey,
    TaskState, UpdateOrder, UpdateState,
};
use crate::swarm::orchestrator::Orchestrators;
use crate::swarm::store::{Change, Event, State, Transaction, Why};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// How long an old task is waited for.
const MINUTE: Duration = Duration::from_minutes(1);
/// A transaction with so many changes is full: the rest comes later.
const FULL: usize = 200;

/// A slot: its number, and of services with one task a node that node.
type Place = (ServiceKey, u32, Option<NodeKey>);

/// What must be remembered of one leader.
#[derive(Clone, Debug, Default)]
pub struct LeaderChecks {
    /// Replacements that wait for their release.
    releases: BTreeMap<TaskKey, Release>,
    /// When a service's update last had the turn.
    updated: BTreeMap<ServiceKey, Time>,
    /// Replacements made in a slot under one version of its spec.
    restarts: BTreeMap<Place, Restarts>,
    /// Tasks that an update has made and that do not run yet, with the version of their spec.
    under_way: BTreeMap<ServiceKey, BTreeMap<TaskKey, u64>>,
    /// The last task that an update made in a slot, and the version of the service object then.
    newest: BTreeMap<Place, (TaskKey, u64)>,
    /// Slots with a new task since the reaper's last turn.
    grown: BTreeSet<Place>,
    /// The reaper's last turn left something over.
    reaper_full: bool,
    addresses: Addresses,
    /// When it last proposed anything.
    changed: Time,
}

/// A task that may not start before...
#[derive(Clone, Copy, Debug)]
struct Release {
    service: ServiceKey,
    spec_version: u64,
    /// ... then, ...
    not_before: Time,
    /// ... and not before this one has stopped.
    waits: Option<TaskKey>,
    since: Time,
    /// An update made it.
    by_update: bool,
}

#[derive(Clone, Debug, Default)]
struct Restarts {
    spec_version: u64,
    total: u64,
    /// When, if the policy has a window.
    times: VecDeque<Time>,
}

impl LeaderChecks {
    /// A leader's loops begin on this store; and what is wrong with its addresses.
    pub(in crate::swarm) fn start(state: &State, now: Time) -> (Self, Option<Broken>) {
        let (addresses, wrong) = Addresses::of(state);
        (Self { addresses, changed: now, ..Self::default() }, wrong)
    }

    /// When the leader last proposed anything.
    pub(in crate::swarm) fn changed(&self) -> Time {
        self.changed
    }

    /// What a proposal breaks. `before` is the store that its writer found.
    pub(in crate::swarm) fn look(
        &mut self,
        before: &State,
        tx: &Transaction<'_>,
        writer: Writer,
        orchestrators: &Orchestrators,
    ) -> Option<Broken> {
        let now = tx.now();
        if let Writer::Update(service) = writer {
            self.updated.insert(service, now);
        }
        let mut wrong = if writer == Writer::Reaper { self.reaped(tx) } else { None };
        if tx.is_empty() {
            return wrong;
        }
        self.changed = now;
        let mut made = BTreeMap::new();
        for (change, why) in tx.changes() {
            match change {
                Change::Task(new) => {
                    let old = before.tasks.get(new.key);
                    let found = match old {
                        None => self.made(new, *why, before, tx, &mut made),
                        Some(old) => self.written(old, new, *why, before, tx, &made),
                    };
                    let event = Event::Task { old: old.cloned(), new: Some(new.clone()) };
                    wrong = wrong
                        .or(found)
                        .or_else(|| unheld(new, tx.state(), orchestrators))
                        .or(self.addresses.look(&event, tx.state()));
                }
                Change::RemoveTask(key) => {
                    self.releases.remove(key);
                    let service = before.tasks.get(*key).map(|task| task.service);
                    if let Some(under_way) = service.and_then(|service| self.under_way.get_mut(&service)) {
                        under_way.remove(key);
                    }
                }
                Change::Service(new) => {
                    let old = before.services.get(new.key);
                    if old.is_some_and(|old| !Arc::ptr_eq(&old.spec, &new.spec)) {
                        self.under_way.remove(&new.key);
                        // The next update may keep a task of this one, and let it wait for another (§6.2).
                        self.releases.retain(|_, release| release.service != new.key || !release.by_update);
                    }
                    let event = Event::Service { old: old.cloned(), new: Some(new.clone()) };
                    wrong = wrong.or(self.addresses.look(&event, tx.state()));
                }
                Change::RemoveService(key) => self.forget(*key),
                Change::Node(new) => {
                    let old = before.nodes.get(new.key);
                    if new.status.state == NodeState::Down {
                        self.lost(new.key, before);
                    }
                    let event = Event::Node { old: old.cloned(), new: Some(new.clone()) };
                    wrong = wrong.or(self.addresses.look(&event, tx.state()));
                }
                Change::RemoveNode(key) => self.lost(*key, before),
                Change::Cluster(_) | Change::Network(_) | Change::RemoveNetwork(_) => {}
                Change::File(_) | Change::RemoveFile(_) => {}
            }
        }
        wrong
    }

    fn forget(&mut self, service: ServiceKey) {
        self.updated.remove(&service);
        self.under_way.remove(&service);
        self.restarts.retain(|place, _| place.0 != service);
        self.newest.retain(|place, _| place.0 != service);
    }

    /// Whoever waits for a task of this node waits no more.
    fn lost(&mut self, node: NodeKey, before: &State) {
        for release in self.releases.values_mut() {
            let of_node = |old: TaskKey| before.tasks.get(old).is_some_and(|task| task.node == Some(node));
            if release.waits.is_some_and(of_node) {
                release.waits = None;
            }
        }
    }

    fn made(
        &mut self,
        new: &Task,
        why: Why,
        before: &State,
        tx: &Transaction<'_>,
        made: &mut BTreeMap<Place, TaskKey>,
    ) -> Option<Broken> {
        let service = tx.state().services.get(new.service)?;
        let place = place_of(new, service);
        self.grown.insert(place);
        match why {
            Why::Restart(old) | Why::NodeInvalid(old) => {
                self.replaced(before.tasks.get(old)?, new, service, before, tx)
            }
            Why::Update => {
                made.insert(place, new.key);
                let release = Release {
                    service: new.service,
                    spec_version: new.spec_version,
                    not_before: tx.now(),
                    waits: None,
                    since: tx.now(),
                    by_update: true,
                };
                self.releases.insert(new.key, release);
                // Of an update that was overtaken a moment ago.
                if new.spec_version != service.spec_version {
                    return None;
                }
                self.newest.insert(place, (new.key, service.meta.version));
                let under_way = self.under_way.entry(new.service).or_default();
                under_way.insert(new.key, new.spec_version);
                let count = under_way.values().filter(|&&version| version == new.spec_version).count() as u64;
                let limit = config_of(service).parallelism;
                if limit == 0 || count <= limit {
                    return None;
                }
                broken("an update keeps its parallelism", format!("{}: {count} slots, {limit} at a time", name(new)))
            }
            _ => None,
        }
    }

    /// 9, 22: the restart supervisor made this task in the old one's place.
    fn replaced(
        &mut self,
        old: &Task,
        new: &Task,
        service: &Service,
        before: &State,
        tx: &Transaction<'_>,
    ) -> Option<Broken> {
        let node = old.node.and_then(|node| before.nodes.get(node));
        let drained = node.is_some_and(|node| node.spec.availability == Availability::Drain);
        let down = node.is_some_and(|node| node.status.state == NodeState::Down);
        let now = tx.now();
        let release = Release {
            service: new.service,
            spec_version: new.spec_version,
            not_before: if drained { now } else { now + old.spec.restart.delay },
            waits: (!old.status.state.is_terminal() && !down).then_some(old.key),
            since: now,
            by_update: false,
        };
        self.releases.insert(new.key, release);
        if service.spec.mode == Mode::GlobalJob {
            return None;
        }
        let place = place_of(new, service);
        let policy = old.spec.restart;
        let known = self.restarts.get(&place).filter(|known| known.spec_version == old.spec_version);
        let mut wrong = None;
        if let Some(known) = known.filter(|_| policy.max_attempts > 0) {
            let end = old.age_stamp();
            let count = if policy.window == Duration::ZERO {
                known.total
            } else {
                let within = |time: &&Time| **time > end - policy.window && **time < end;
                known.times.iter().filter(within).count() as u64
            };
            if count >= policy.max_attempts {
                let detail = format!("{}: {count} of {} before", name(new), policy.max_attempts);
                wrong = broken("a slot is restarted no more often than its policy allows", detail);
            }
        }
        let policy = new.spec.restart;
        if policy.max_attempts > 0 {
            let created = tx.state().tasks.get(new.key).map_or(now, |task| task.meta.created_at);
            let known = self.restarts.entry(place).or_default();
            if known.spec_version != new.spec_version || known.total == 0 {
                *known = Restarts { spec_version: new.spec_version, ..Restarts::default() };
            }
            known.total += 1;
            if policy.window > Duration::ZERO {
                known.times.push_back(created);
                while known.times.front().is_some_and(|&time| time <= created - policy.window) {
                    known.times.pop_front();
                }
            }
        }
        wrong
    }

    fn written(
        &mut self,
        old: &Task,
        new: &Task,
        why: Why,
        before: &State,
        tx: &Transaction<'_>,
        made: &BTreeMap<Place, TaskKey>,
    ) -> Option<Broken> {
        if new.status.state >= TaskState::Running
            && let Some(under_way) = self.under_way.get_mut(&new.service)
        {
            under_way.remove(&new.key);
        }
        if old.desired == TaskState::Ready && matches!(new.desired, TaskState::Running | TaskState::Complete) {
            return self.released(new, before, tx.now());
        }
        if why == Why::Update && new.desired == TaskState::Shutdown && old.desired < TaskState::Shutdown {
            return self.told(new, tx, made);
        }
        None
    }

    /// 9, and 20 for stop-first: the old task has stopped, or need not be waited for.
    fn released(&mut self, new: &Task, before: &State, now: Time) -> Option<Broken> {
        let release = self.releases.remove(&new.key)?;
        let overtaken = if release.by_update {
            before.services.get(release.service).is_none_or(|service| service.spec_version != release.spec_version)
        } else {
            self.updated.get(&release.service).is_some_and(|&updated| updated >= release.since)
        };
        if overtaken {
            return None;
        }
        if now < release.not_before {
            let detail = format!("{} at {now}, its delay ends at {}", name(new), release.not_before);
            return broken("a replacement waits out its delay", detail);
        }
        let old = release.waits.and_then(|old| before.tasks.get(old))?;
        if old.status.state.is_terminal() || now >= release.since + MINUTE {
            return None;
        }
        let promise = if release.by_update {
            "stop-first: the new task waits for the old one"
        } else {
            "a replacement waits for its predecessor"
        };
        broken(promise, format!("{} starts while {} is {:?}", name(new), old.id, old.status.state))
    }

    /// 20: an update tells a task to stop.
    fn told(&mut self, old: &Task, tx: &Transaction<'_>, made: &BTreeMap<Place, TaskKey>) -> Option<Broken> {
        let service = tx.state().services.get(old.service)?;
        let place = place_of(old, service);
        if let Some(new) = made.get(&place) {
            // Stop-first: both in one write. The last that is told is waited for, if it still runs (§6.2); one whose policy
            // ended it while the update was under way may count as the last.
            let waits = !old.status.state.is_terminal() && !has_given_up(place, service, tx.state());
            if let Some(release) = self.releases.get_mut(new) {
                release.waits = waits.then_some(old.key);
            }
        } else if config_of(service).order == UpdateOrder::StartFirst
            && let Some(&(new, version)) = self.newest.get(&place)
            && version == service.meta.version
            && new != old.key
            && let Some(new) = tx.state().tasks.get(new)
            && new.status.state < TaskState::Running
        {
            let detail = format!("{} is told to stop while {} is {:?}", name(old), new.id, new.status.state);
            return broken("start-first: the old task runs until the new one does", detail);
        }
        None
    }

    /// 21: after the reaper's turn. What it may not delete may stay.
    fn reaped(&mut self, tx: &Transaction<'_>) -> Option<Broken> {
        let grown: Vec<Place> = std::mem::take(&mut self.grown).into_iter().collect();
        let full = tx.len() >= FULL;
        if std::mem::replace(&mut self.reaper_full, full) || full {
            return None;
        }
        let state = tx.state();
        let retention = state.cluster.as_ref().map_or(5, |cluster| cluster.task_history_limit);
        for grown in grown.chunk_by(|a, b| a.0 == b.0) {
            let Some(service) = state.services.get(grown[0].0).filter(|service| !service.spec.mode.is_job()) else {
                continue;
            };
            let limit = match service.spec.task.restart.max_attempts {
                0 => retention,
                attempts => i64::try_from(attempts).unwrap_or(i64::MAX).saturating_add(1),
            };
            let Ok(limit) = usize::try_from(limit) else { continue };
            let mut counts = vec![(0usize, 0usize); grown.len()];
            for task in state.tasks_of_service(service.key) {
                if let Ok(at) = grown.binary_search(&place_of(task, service)) {
                    let never_runs = task.status.state < TaskState::Assigned && task.desired > TaskState::Running;
                    counts[at].0 += 1;
                    counts[at].1 += usize::from(!task.status.state.is_terminal() && !never_runs);
                }
            }
            let over = grown.iter().zip(counts).find(|(_, (all, kept))| *all > limit.max(*kept));
            if let Some((place, (all, _))) = over {
                let detail = format!("{} tasks in slot {} of {}, {limit} are kept", all, place.1, service.name());
                return broken("the reaper leaves as much history as the limit says", detail);
            }
        }
        None
    }
}

/// 8: a task that may not start yet has something that will let it. Without its service nobody will: a new leader deletes it,
/// and another loop may write it a moment before (§4.6).
fn unheld(task: &Task, state: &State, orchestrators: &Orchestrators) -> Option<Broken> {
    let waits = task.desired == TaskState::Ready && !task.status.state.is_terminal();
    if !waits || orchestrators.is_delayed(task.key) || state.services.get(task.service).is_none() {
        return None;
    }
    broken("what may not start yet will be let", name(task))
}

/// A task of this slot has ended, and its policy may have said that nothing takes its place.
fn has_given_up(place: Place, service: &Service, state: &State) -> bool {
    let ends = |policy: &RestartPolicy| policy.condition != RestartCondition::Any || policy.max_attempts > 0;
    let has_ended = |task: &Arc<Task>| {
        place_of(task, service) == place && task.status.state.is_terminal() && ends(&task.spec.restart)
    };
    // Only then is it worth the look at all of its tasks.
    let previous = service.previous_spec.as_deref().is_some_and(|spec| ends(&spec.task.restart));
    (ends(&service.spec.task.restart) || previous) && state.tasks_of_service(service.key).any(has_ended)
}

fn place_of(task: &Task, service: &Service) -> Place {
    (task.service, task.slot, task.node.filter(|_| service.spec.mode.is_by_node()))
}

fn config_of(service: &Service) -> &crate::swarm::object::UpdateConfig {
    let rolling_back =
        service.update_status.as_ref().is_some_and(|status| status.state == UpdateState::RollbackStarted);
    if rolling_back { &service.spec.rollback } else { &service.spec.update }
}
