//! The scheduler: gives pending tasks their nodes.
//!
//! It watches the store, keeps its own picture of the nodes (`mirror`) and two sets of tasks: those without a node, and
//! those that came with one (of global services) and must be confirmed. When commits have paused for 50 ms it asks for its
//! turn and decides on all of them: in groups of one service and spec, filters first (`filter`), then preferences
//! (`preference`), then the comparison of nodes (`policy`). A task once assigned is never moved.
//!
//! Not here: creating, restarting and stopping tasks (`orchestrator`), and running them (`agent`). Volumes are not modelled.
//!
//! One difference from the real code, which decides on its copy and may find, when it writes, that a task has changed; it then
//! undoes the decision and tries again. Here it decides while it holds the turn, so no decision fails.
//!
//! Source: control-plane.md §3; SwarmKit's `manager/scheduler/`.

mod constraint;
mod explain;
mod filter;
mod mirror;
#[cfg(any(test, feature = "mutants"))]
mod mutant;
mod natural;
mod node_info;
mod placement;
mod policy;
mod preference;
#[cfg(test)]
mod tests;
mod ties;

pub use constraint::Constraint;
pub use explain::{NodeVerdict, Verdict};
pub use filter::Filter;
#[cfg(any(test, feature = "mutants"))]
pub use mutant::Mutant;
use policy::Load;
pub use policy::Policy;
pub use ties::Ties;

use super::component::{Alarm, Outbox, Writer};
use super::object::{ServiceKey, Task, TaskKey, TaskState};
use super::store::{Decision, Event, State, Transaction, Why};
use crate::engine::{Duration, Stream, Time};
use filter::Pipeline;
use mirror::Mirror;
use natural::natural;
use placement::Placement;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// How long commits must have paused before it decides...
const DEBOUNCE: Duration = Duration::from_millis(50);
/// ... unless they have gone on for so long.
const MAX_LATENCY: Duration = Duration::from_secs(1);

const ASSIGNED: &str = "scheduler assigned task to node";
const CONFIRMED: &str = "scheduler confirmed task can run on preassigned node";

/// States in which a task takes up resources or waits to.
const ALIVE: RangeInclusive<TaskState> = TaskState::Pending..=TaskState::Running;

/// The scheduler of one leader.
#[derive(Clone, Debug)]
pub struct Scheduler {
    ties: Ties,
    policy: Policy,
    draws: Option<Stream>,
    mirror: Mirror,
    /// Tasks without a node, as they came and perhaps twice: a tick sorts them and drops what has changed.
    unassigned: Vec<TaskKey>,
    /// The real one's map of them has held so many that it is ordered by hash, for good.
    crowded: bool,
    /// Tasks that came with their node and are not confirmed.
    preassigned: BTreeSet<TaskKey>,
    /// Something has happened that may let a task be placed.
    tick_required: bool,
    /// The turn that was asked for is to place tasks, not only to confirm some.
    tick_granted: bool,
    debounce: Option<Debounce>,
    /// An alarm is set. It rings at or before the end of the debounce, which only moves away.
    armed: bool,
    #[cfg(any(test, feature = "mutants"))]
    mutant: Option<Mutant>,
}

/// Commits are coming in.
#[derive(Clone, Copy, Debug)]
struct Debounce {
    started_at: Time,
    due: Time,
}

/// Tasks of one service and spec.
struct Group {
    service: ServiceKey,
    spec_version: u64,
    name: Arc<str>,
    tasks: Vec<TaskKey>,
}

impl Group {
    /// That of a task, without any.
    fn of(task: &Task) -> Self {
        let name = task.service_name.clone();
        Self { service: task.service, spec_version: task.spec_version, name, tasks: Vec::new() }
    }
}

impl Scheduler {
    /// Starts on a new leader: loads what is stored and asks for its turn if there is something to decide.
    pub fn start(ties: Ties, state: &State, _now: Time, out: &mut Outbox) -> Self {
        let mut scheduler = Self {
            ties,
            policy: Policy::default(),
            draws: None,
            mirror: Mirror::default(),
            unassigned: Vec::new(),
            crowded: false,
            preassigned: BTreeSet::new(),
            tick_required: true,
            tick_granted: false,
            debounce: None,
            armed: false,
            #[cfg(any(test, feature = "mutants"))]
            mutant: None,
        };
        let mut nodes: Vec<_> = state.nodes.values().collect();
        // As they come from the store.
        nodes.sort_by_key(|node| node.id);
        for node in nodes {
            scheduler.mirror.put_node(node);
        }
        for task in state.tasks.values() {
            // One that was told to stop before it had a node is left to the reaper. (While running, such are not left out.)
            let abandoned = task.status.state == TaskState::Pending && task.desired > TaskState::Complete;
            if ALIVE.contains(&task.status.state) && !abandoned {
                scheduler.accept(task);
            }
        }
        scheduler.schedule(out);
        scheduler
    }

    /// Ranks nodes by another rule from now on.
    pub fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    /// What a policy that draws draws from; without it the first node is taken.
    pub fn set_draws(&mut self, draws: Stream) {
        self.draws = Some(draws);
    }

    /// The store has changed.
    pub fn watch(&mut self, event: &Event, _state: &State, now: Time, out: &mut Outbox) {
        match event {
            Event::Task { new: Some(task), .. } => self.task_written(task, now),
            Event::Task { old: Some(task), new: None } => {
                self.preassigned.remove(&task.key);
                if self.mirror.release(task) {
                    self.tick_required = true;
                }
            }
            Event::Node { new: Some(node), .. } => {
                self.mirror.put_node(node);
                self.tick_required = true;
            }
            // No tick: a node less lets no task be placed. Pending messages that counted it stay as they are.
            Event::Node { old: Some(node), new: None } => self.mirror.remove_node(node.key),
            Event::Commit => self.committed(now, out),
            _ => {}
        }
    }

    fn task_written(&mut self, task: &Task, now: Time) {
        let state = task.status.state;
        if state < TaskState::Pending {
            return;
        }
        if ALIVE.contains(&state) {
            if self.accept(task) {
                self.tick_required = true;
            }
        } else if self.mirror.knows(task.key) {
            if matches!(state, TaskState::Failed | TaskState::Rejected) {
                self.mirror.failed(task, now);
            }
            self.preassigned.remove(&task.key);
            self.mirror.release(task);
            self.tick_required = true;
        }
    }

    /// Takes in a task that is alive; says whether it wants a node.
    fn accept(&mut self, task: &Task) -> bool {
        match (task.node, task.status.state) {
            (None, _) => {
                self.mirror.learn(task.key, false);
                self.unassigned.push(task.key);
                true
            }
            (Some(_), TaskState::Pending) => {
                self.mirror.learn(task.key, true);
                self.preassigned.insert(task.key);
                false
            }
            (Some(_), _) => {
                self.mirror.hold(task);
                false
            }
        }
    }

    fn committed(&mut self, now: Time, out: &mut Outbox) {
        match &mut self.debounce {
            None => {
                let due = now + DEBOUNCE;
                self.debounce = Some(Debounce { started_at: now, due });
                self.arm(due, out);
            }
            Some(debounce) if now - debounce.started_at > MAX_LATENCY => {
                self.debounce = None;
                self.schedule(out);
            }
            Some(debounce) => debounce.due = now + DEBOUNCE,
        }
    }

    fn arm(&mut self, at: Time, out: &mut Outbox) {
        if !self.armed {
            self.armed = true;
            out.alarm(at, Alarm::Scheduler);
        }
    }

    /// Its alarm has rung.
    pub fn alarm(&mut self, _state: &State, now: Time, out: &mut Outbox) {
        self.armed = false;
        match self.debounce {
            Some(debounce) if debounce.due > now => self.arm(debounce.due, out),
            Some(_) => {
                self.debounce = None;
                self.schedule(out);
            }
            None => {}
        }
    }

    /// Asks for the turn if there is something to decide.
    fn schedule(&mut self, out: &mut Outbox) {
        if std::mem::take(&mut self.tick_required) && !self.unassigned.is_empty() {
            self.tick_granted = true;
        }
        if self.tick_granted || !self.preassigned.is_empty() {
            out.turn(Writer::Scheduler);
        }
    }

    /// It is the scheduler's turn to write: one tick, tasks that came with their node first.
    pub fn write(&mut self, tx: &mut Transaction) {
        self.confirm(tx);
        if std::mem::take(&mut self.tick_granted) {
            for group in self.groups(tx.state()) {
                self.place(&group, tx);
            }
        }
    }

    /// A task's filters.
    fn load(&self, task: Arc<Task>) -> Pipeline {
        #[cfg_attr(not(any(test, feature = "mutants")), allow(unused_mut))]
        let mut pipeline = Pipeline::new(task);
        #[cfg(any(test, feature = "mutants"))]
        {
            pipeline.ignores_down = self.mutant == Some(Mutant::IgnoresDown);
        }
        pipeline
    }

    /// Confirms the tasks that came with their node where that passes the filters.
    fn confirm(&mut self, tx: &mut Transaction) {
        let mut tasks: Vec<_> = self.preassigned.iter().copied().collect();
        self.ties.walk(&mut tasks, false);
        for key in tasks {
            let Some(task) = tx.state().tasks.get(key).cloned() else { continue };
            // A node that is not known gets no verdict.
            let Some((node, info)) = task.node.and_then(|node| Some((node, self.mirror.nodes.get(node)?))) else {
                continue;
            };
            let Load { of_service, active } = self.mirror.load(task.service, node);
            let mut pipeline = self.load(task.clone());
            if pipeline.process(info, of_service) {
                self.preassigned.remove(&key);
                let mut confirmed = task.with_state(TaskState::Assigned, CONFIRMED, tx.now());
                confirmed.status.applied_at = tx.now();
                confirmed.assigned_generic = info.claim(&task.spec).unwrap_or_default().into();
                let decision = Decision {
                    at: tx.now(),
                    candidates: 1,
                    of_service,
                    active,
                    stopped: [0; 7],
                    policy: Policy::Swarm,
                };
                self.mirror.hold(&confirmed);
                tx.put_task(confirmed, Why::Placed(decision));
            } else {
                put_unplaceable(&task, &pipeline.explain().into(), tx);
            }
        }
    }

    /// Takes all tasks without a node, by service and spec: services by name, tasks by slot, then oldest first; or as the real
    /// one ranges over its maps of tasks, of groups, and of a group's tasks.
    fn groups(&mut self, state: &State) -> Vec<Group> {
        let mut waiting: Vec<_> = std::mem::take(&mut self.unassigned)
            .into_iter()
            .filter_map(|key| state.tasks.get(key))
            .filter(|task| task.node.is_none() && ALIVE.contains(&task.status.state))
            .collect();
        if self.ties.are_natural() {
            waiting.sort_unstable_by_key(|task| (task.service, task.spec_version, task.slot, task.key));
            waiting.dedup_by_key(|task| task.key);
        } else {
            let mut seen = BTreeSet::new();
            waiting.retain(|task| seen.insert(task.key));
            self.crowded |= waiting.len() > 8;
            self.ties.walk(&mut waiting, self.crowded);
        }
        let mut groups: Vec<Group> = Vec::new();
        let mut places = BTreeMap::new();
        for task in waiting {
            let place = *places.entry((task.service, task.spec_version)).or_insert_with(|| {
                groups.push(Group::of(task));
                groups.len() - 1
            });
            groups[place].tasks.push(task.key);
        }
        if self.ties.are_natural() {
            groups.sort_by(|a, b| natural(&a.name, &b.name));
        } else {
            self.ties.walk(&mut groups, false);
            for group in &mut groups {
                self.ties.walk(&mut group.tasks, false);
            }
        }
        groups
    }

    /// Places one group, and says of the rest why there is no node for it.
    fn place(&mut self, group: &Group, tx: &mut Transaction) {
        // Any task of the group: SwarmKit takes them to be equal in all that filters look at. (Their ports are not always.)
        let Some(first) = group.tasks.first().and_then(|&key| tx.state().tasks.get(key)).cloned() else { return };
        let mut placement = Placement {
            pipeline: self.load(first.clone()),
            mirror: &mut self.mirror,
            tx,
            ties: &mut self.ties,
            policy: self.policy,
            draws: &mut self.draws,
            tasks: &group.tasks,
            placed: 0,
            service: group.service,
            spec_version: group.spec_version,
            candidates: 0,
            stopped: [0; 7],
        };
        placement.run(&first);
        let (placed, pipeline) = (placement.placed, placement.pipeline);
        let rest = &group.tasks[placed..];
        // Without its service a task is forgotten.
        let Some(service) = tx.state().services.get(group.service).filter(|_| !rest.is_empty()) else { return };
        if service.spec_version > group.spec_version {
            // Of an older spec: nobody waits for them any more, and those that were told to stop have now stopped.
            for &key in rest {
                let Some(task) = tx.state().tasks.get(key) else { continue };
                if task.status.state == TaskState::Pending && task.desired >= TaskState::Shutdown {
                    let stopped = task.with_state(TaskState::Shutdown, task.status.message, tx.now());
                    tx.put_task(stopped, Why::Unplaceable);
                }
            }
            return;
        }
        let explanation = pipeline.explain();
        let err: Arc<str> = if explanation.is_empty() {
            "no suitable node".into()
        } else {
            format!("no suitable node ({explanation})").into()
        };
        for &key in rest {
            let Some(task) = tx.state().tasks.get(key).cloned() else { continue };
            put_unplaceable(&task, &err, tx);
        }
        self.unassigned.extend_from_slice(rest);
    }
}

/// Writes why a task has no node, unless that is what it says already.
fn put_unplaceable(task: &Task, err: &Arc<str>, tx: &mut Transaction) {
    if task.status.err.as_ref() != Some(err) {
        let mut unplaceable = task.clone();
        unplaceable.status.err = Some(err.clone());
        unplaceable.status.timestamp = tx.now();
        tx.put_task(unplaceable, Why::Unplaceable);
    }
}
