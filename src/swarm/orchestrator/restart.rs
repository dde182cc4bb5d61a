//! The restart supervisor: replaces a task that ended, when its policy says so, and lets replacements start in time.
//!
//! A replacement is made at once, with desired state READY, so that it is placed and prepared during the delay; a
//! *delayed start* then moves it to RUNNING. The updater uses the same delayed starts without a delay.
//! Not here: who calls for a restart (`replicated`), and rolling updates (`update`).
//!
//! Source: control-plane.md §5; `manager/orchestrator/restart/restart.go`.

use super::MAX_CHANGES;
use super::slot::SlotId;
use super::task::{self, is_of};
use crate::engine::{Duration, Time};
use crate::swarm::component::{Alarm, Ids, Kind, Outbox, Writer};
use crate::swarm::object::{
    Availability, NodeKey, NodeState, RestartCondition, Service, ServiceKey, Task, TaskKey, TaskState,
};
use crate::swarm::store::{Event, State, Transaction, Why};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// How long a delayed start waits for the old task to stop, counted from the start of the delay.
const OLD_TASK_TIMEOUT: Duration = Duration::from_minutes(1);

/// The restart supervisor of one orchestrator.
#[derive(Clone, Debug)]
pub(super) struct Supervisor {
    /// Whose.
    kind: Kind,
    /// Delayed starts, by the task that is to start.
    delays: BTreeMap<TaskKey, Delay>,
    /// (the old task, the task that waits for it to stop)
    waits_for_task: BTreeSet<(TaskKey, TaskKey)>,
    /// (the old task's node, the task that waits)
    waits_for_node: BTreeSet<(NodeKey, TaskKey)>,
    /// Delayed starts that are over and wait for the turn to write.
    due: BTreeSet<TaskKey>,
    /// Those being written.
    starting: Vec<TaskKey>,
    /// Tasks that failed before they were released; their delay is over now.
    retries: BTreeSet<TaskKey>,
    /// Restarts of each service's slots. Only for policies with a limit.
    history: BTreeMap<ServiceKey, BTreeMap<SlotId, History>>,
}

/// One delayed start.
#[derive(Clone, Debug)]
struct Delay {
    service: ServiceKey,
    /// The restart delay is over then.
    until: Time,
    wait: Option<Wait>,
    /// The task has failed meanwhile: restart it when this is over.
    waiter: bool,
}

/// What a delayed start waits for, for readers. Times are those of the leader's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// The restart delay is over then.
    pub until: Time,
    /// The older task that has to stop first, and when that is no longer waited for.
    pub old: Option<(TaskKey, Time)>,
    /// The task has ended before it was let start: when the delay is over it is replaced.
    pub replaced: bool,
}

/// A delayed start waits for this task to stop.
#[derive(Clone, Copy, Debug)]
struct Wait {
    old: TaskKey,
    node: Option<NodeKey>,
    stopped: bool,
    give_up: Time,
}

/// The restarts of one slot under one version of its spec.
#[derive(Clone, Debug)]
struct History {
    spec_version: u64,
    total: u64,
    /// When the replacements were made; kept only if the policy has a window.
    times: VecDeque<Time>,
}

impl Delay {
    fn is_over(&self, now: Time) -> bool {
        now >= self.until && self.wait.is_none_or(|wait| wait.stopped || now >= wait.give_up)
    }
}

impl Supervisor {
    /// One that remembers nothing.
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            kind,
            delays: BTreeMap::new(),
            waits_for_task: BTreeSet::new(),
            waits_for_node: BTreeSet::new(),
            due: BTreeSet::new(),
            starting: Vec::new(),
            retries: BTreeSet::new(),
            history: BTreeMap::new(),
        }
    }

    /// Replaces a task under its policy, in this transaction. The replacement has the service's spec of now.
    pub(super) fn restart(
        &mut self,
        service: &Arc<Service>,
        old: &Arc<Task>,
        tx: &mut Transaction,
        ids: &mut Ids,
        out: &mut Outbox,
    ) {
        // It failed before it was released (an image that is not there): no tight loop, its delay is waited for.
        if let Some(delay) = self.delays.get_mut(&old.key) {
            delay.waiter = true;
            return;
        }
        if old.desired > TaskState::Complete {
            return;
        }
        let why = if old.status.state.is_terminal() { Why::Restart(old.key) } else { Why::NodeInvalid(old.key) };
        tx.put_task(old.with_desired(TaskState::Shutdown), why);
        if !self.should_restart(old) {
            return;
        }
        let place = SlotId::of(old, service.spec.mode);
        let new = task::create(service, place, TaskState::Ready, why, tx, ids);
        let node = old.node.and_then(|node| tx.state().nodes.get(node));
        let drained = node.is_some_and(|node| node.spec.availability == Availability::Drain);
        let delay = if drained { Duration::ZERO } else { old.spec.restart.delay };
        let wait =
            old.status.state <= TaskState::Running && node.is_none_or(|node| node.status.state != NodeState::Down);
        let task = tx.state().tasks.get(new).expect("it was made just now").clone();
        self.record(&task, place, task.meta.created_at);
        self.delay_start(&task, wait.then_some(old), delay, tx.now(), out);
    }

    /// Whether the task's policy lets it be replaced.
    pub(super) fn should_restart(&mut self, task: &Task) -> bool {
        let policy = &task.spec.restart;
        match policy.condition {
            RestartCondition::None => return false,
            RestartCondition::OnFailure if task.status.state == TaskState::Complete => return false,
            // A job is done when it is done.
            RestartCondition::Any if task.job_iteration.is_some() && task.status.state == TaskState::Complete => {
                return false;
            }
            RestartCondition::OnFailure | RestartCondition::Any => {}
        }
        if policy.max_attempts == 0 {
            return true;
        }
        // [quirk] What is noted of a global job's node is looked up without the node, and so never found.
        let place = SlotId { number: task.slot, node: task.node.filter(|_| self.kind == Kind::Global) };
        let Some(history) = self.history.get_mut(&task.service).and_then(|slots| slots.get_mut(&place)) else {
            return true;
        };
        if history.spec_version != task.spec_version {
            return true;
        }
        if policy.window == Duration::ZERO {
            return history.total < policy.max_attempts;
        }
        let end = task.age_stamp();
        let lookback = end - policy.window;
        // [quirk] Forgotten for good, though of two tasks in a slot the one that ended first may be asked for later.
        while history.times.front().is_some_and(|&time| time <= lookback) {
            history.times.pop_front();
        }
        // Only restarts before this task's end count: its own replacement, if there is one already, does not.
        let count = history.times.len() - history.times.iter().rev().take_while(|&&time| time >= end).count();
        (count as u64) < policy.max_attempts
    }

    /// Notes that this task is a replacement in its slot, made at `time`.
    pub(super) fn record(&mut self, task: &Task, place: SlotId, time: Time) {
        let policy = &task.spec.restart;
        if policy.max_attempts == 0 {
            return;
        }
        let fresh = || History { spec_version: task.spec_version, total: 0, times: VecDeque::new() };
        let history = self.history.entry(task.service).or_default().entry(place).or_insert_with(fresh);
        if history.spec_version != task.spec_version {
            // Failures of another spec do not count against this one.
            *history = fresh();
        }
        history.total += 1;
        if policy.window > Duration::ZERO {
            history.times.push_back(time);
        }
    }

    /// Lets `new` go from READY to RUNNING after `delay` and, if `old` is given and still runs, after it has stopped.
    pub(super) fn delay_start(&mut self, new: &Task, old: Option<&Task>, delay: Duration, now: Time, out: &mut Outbox) {
        // One that is under way is cancelled; what waited for its end waits for this one's.
        let waiter = self.remove(new.key).is_some_and(|delay| delay.waiter);
        let wait = old.filter(|old| !old.status.state.is_terminal()).map(|old| Wait {
            old: old.key,
            node: old.node,
            stopped: false,
            give_up: now + OLD_TASK_TIMEOUT,
        });
        let entry = Delay { service: new.service, until: now + delay, wait, waiter };
        if let Some(wait) = wait {
            self.waits_for_task.insert((wait.old, new.key));
            if let Some(node) = wait.node {
                self.waits_for_node.insert((node, new.key));
            }
            out.alarm(wait.give_up, Alarm::RestartGiveUp(new.key));
        }
        if delay > Duration::ZERO {
            out.alarm(entry.until, Alarm::RestartDelay(new.key));
        }
        self.delays.insert(new.key, entry);
        self.look(new.key, now, out);
    }

    /// Asks for the turn if a delayed start is over.
    fn look(&mut self, key: TaskKey, now: Time, out: &mut Outbox) {
        if self.delays.get(&key).is_some_and(|delay| delay.is_over(now)) {
            self.due.insert(key);
            out.turn(Writer::Restart(self.kind));
        }
    }

    /// What a task's delayed start waits for.
    pub(super) fn waits(&self, key: TaskKey) -> Option<Waits> {
        let delay = self.delays.get(&key)?;
        let old = delay.wait.filter(|wait| !wait.stopped).map(|wait| (wait.old, wait.give_up));
        Some(Waits { until: delay.until, old, replaced: delay.waiter })
    }

    fn remove(&mut self, key: TaskKey) -> Option<Delay> {
        let delay = self.delays.remove(&key)?;
        if let Some(wait) = delay.wait {
            self.waits_for_task.remove(&(wait.old, key));
            if let Some(node) = wait.node {
                self.waits_for_node.remove(&(node, key));
            }
        }
        self.due.remove(&key);
        Some(delay)
    }

    /// The task is gone: its delayed start is over without a start. The service whose updater may wait for it.
    pub(super) fn cancel(&mut self, key: TaskKey) -> Option<ServiceKey> {
        self.remove(key).map(|delay| delay.service)
    }

    /// The service is gone.
    pub(super) fn forget_service(&mut self, service: ServiceKey) {
        self.history.remove(&service);
    }

    /// An old task has stopped, or its node is down or gone.
    pub(super) fn watch(&mut self, event: &Event, now: Time, out: &mut Outbox) {
        match event {
            Event::Task { old: Some(_), new: Some(task) } if task.status.state.is_terminal() => {
                let range = (task.key, TaskKey(0))..=(task.key, TaskKey(u32::MAX));
                let waiting: Vec<_> = self.waits_for_task.range(range).map(|&(_, new)| new).collect();
                self.stopped(waiting, now, out);
            }
            Event::Node { old: Some(old), new } if new.as_ref().is_none_or(|n| n.status.state == NodeState::Down) => {
                let range = (old.key, TaskKey(0))..=(old.key, TaskKey(u32::MAX));
                let waiting: Vec<_> = self.waits_for_node.range(range).map(|&(_, new)| new).collect();
                self.stopped(waiting, now, out);
            }
            _ => {}
        }
    }

    fn stopped(&mut self, waiting: Vec<TaskKey>, now: Time, out: &mut Outbox) {
        for key in waiting {
            if let Some(wait) = self.delays.get_mut(&key).and_then(|delay| delay.wait.as_mut()) {
                wait.stopped = true;
            }
            self.look(key, now, out);
        }
    }

    /// A delay is over, or the old task has had its minute.
    pub(super) fn alarm(&mut self, alarm: Alarm, now: Time, out: &mut Outbox) {
        if let Alarm::RestartDelay(key) | Alarm::RestartGiveUp(key) = alarm {
            self.look(key, now, out);
        }
    }

    /// Starts what is due; if nothing is, restarts what failed while it waited.
    pub(super) fn write(&mut self, tx: &mut Transaction, ids: &mut Ids, out: &mut Outbox) {
        if self.due.is_empty() {
            self.write_retries(tx, ids, out);
        } else {
            while tx.len() < MAX_CHANGES
                && let Some(key) = self.due.pop_first()
            {
                start_now(key, tx);
                self.starting.push(key);
            }
        }
        if !self.due.is_empty() || !self.retries.is_empty() {
            out.turn(Writer::Restart(self.kind));
        }
    }

    fn write_retries(&mut self, tx: &mut Transaction, ids: &mut Ids, out: &mut Outbox) {
        while tx.len() < MAX_CHANGES
            && let Some(key) = self.retries.pop_first()
        {
            let found = tx.state().tasks.get(key).filter(|task| task.desired <= TaskState::Running).cloned();
            if let Some(old) = found
                && let Some(service) =
                    tx.state().services.get(old.service).filter(|service| is_of(service, self.kind)).cloned()
            {
                self.restart(&service, &old, tx, ids, out);
            }
        }
    }

    /// The starts are committed. Those that are over, with the services whose updaters may wait for them.
    pub(super) fn written(&mut self, out: &mut Outbox) -> Vec<(TaskKey, ServiceKey)> {
        let mut released = Vec::new();
        for key in std::mem::take(&mut self.starting) {
            let Some(delay) = self.remove(key) else { continue };
            if delay.waiter {
                self.retries.insert(key);
            }
            released.push((key, delay.service));
        }
        if !self.retries.is_empty() {
            out.turn(Writer::Restart(self.kind));
        }
        released
    }

    /// Whether the task's delayed start is under way.
    pub(super) fn is_delayed(&self, task: TaskKey) -> bool {
        self.delays.contains_key(&task)
    }

    /// Nothing waits for its time.
    pub(super) fn is_at_rest(&self) -> bool {
        self.delays.is_empty() && self.due.is_empty() && self.retries.is_empty()
    }

    /// Tasks whose delayed start is under way.
    #[cfg(test)]
    pub(super) fn delayed(&self) -> impl Iterator<Item = TaskKey> {
        self.delays.keys().copied()
    }
}

fn start_now(key: TaskKey, tx: &mut Transaction) {
    if let Some(task) = tx.state().tasks.get(key)
        && task.desired < TaskState::Running
    {
        let job = task.job_iteration.is_some();
        let task = task.with_desired(if job { TaskState::Complete } else { TaskState::Running });
        tx.put_task(task, Why::DelayOver);
    }
}

/// Tasks that should be restarted on a node that was lost, for the queue.
pub(super) fn tasks_on(node: NodeKey, state: &State) -> impl Iterator<Item = TaskKey> {
    state.tasks_of_node(node).filter(|task| task.desired <= TaskState::Running).map(|task| task.key)
}
