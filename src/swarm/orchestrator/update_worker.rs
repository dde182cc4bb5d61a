//! The workers of a rolling update: what happens to one slot, step by step.
//!
//! A worker keeps a task that is already as it should be, or makes a new one (desired READY), tells the old ones to
//! stop in the order that the configuration asks for, waits without any time-out until the new one runs or has ended,
//! and sleeps the delay. It works on the slot as it was listed when the update began.
//!
//! Source: control-plane.md §6.2; `manager/orchestrator/update/updater.go`.

use super::dirty::DirtyTest;
use super::restart::Supervisor;
use super::slot::SlotId;
use super::task;
use super::update::{Context, Updater, Write};
use crate::engine::{Duration, Time};
use crate::swarm::component::{Alarm, Ids, Outbox};
use crate::swarm::object::{Task, TaskKey, TaskState, UpdateOrder};
use crate::swarm::store::{Transaction, Why};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The workers of one update.
#[derive(Clone, Debug)]
pub(super) struct Workers {
    parallelism: usize,
    /// Slots being worked on, by their place in the update's list.
    busy: BTreeMap<usize, Step>,
    /// Which slot waits for this task.
    by_task: BTreeMap<TaskKey, usize>,
    sleeping: BTreeSet<(Time, usize)>,
    /// Tasks made by this update, and when a worker saw them run or end.
    made: BTreeMap<TaskKey, Option<Time>>,
}

/// How far a slot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Waits for a write to be granted or committed.
    Writing,
    /// When its write is committed, nothing is left to do but to sleep.
    Written,
    /// The task's delayed start is awaited. `seen`: how it ended meanwhile, if it did.
    Release { task: TaskKey, seen: Option<TaskState>, made: bool },
    /// The new task must run, or end.
    Up { task: TaskKey },
    /// The delay after each slot.
    Sleeping,
}

impl Workers {
    pub(super) fn new(parallelism: usize) -> Self {
        Self {
            parallelism,
            busy: BTreeMap::new(),
            by_task: BTreeMap::new(),
            sleeping: BTreeSet::new(),
            made: BTreeMap::new(),
        }
    }

    /// Gives the slot to a worker if one is free.
    pub(super) fn take(&mut self, index: usize) -> bool {
        let free = self.busy.len() < self.parallelism;
        if free {
            self.busy.insert(index, Step::Writing);
        }
        free
    }

    /// None works.
    pub(super) fn is_idle(&self) -> bool {
        self.busy.is_empty()
    }

    /// When a worker saw this task run or end (`Some(None)`: not yet); `None` if it is no task of this update.
    pub(super) fn started(&self, task: TaskKey) -> Option<Option<Time>> {
        self.made.get(&task).copied()
    }

    /// Workers whose delay is over are free.
    pub(super) fn wake(&mut self, now: Time) {
        while let Some(&(until, index)) = self.sleeping.first()
            && until <= now
        {
            self.sleeping.pop_first();
            self.busy.remove(&index);
        }
    }
}

/// What became of the old tasks of a slot.
enum Stopped {
    /// These can be told to stop, and the last of the slot's that were dealt with is this one.
    Yes { stop: Vec<Arc<Task>>, last: Arc<Task> },
    /// None of them: something else has taken the slot over, and the whole batch fails.
    No,
}

impl Updater {
    fn sleep(&mut self, index: usize, cx: &mut Context<'_>) {
        if self.config.delay > Duration::ZERO {
            let until = cx.now + self.config.delay;
            self.workers.busy.insert(index, Step::Sleeping);
            self.workers.sleeping.insert((until, index));
            cx.out.alarm(until, Alarm::Update(self.service.key, self.run));
        } else {
            self.workers.busy.remove(&index);
        }
    }

    /// A task was written: whether a worker went on.
    pub(super) fn worker_sees(&mut self, task: &Task, cx: &mut Context<'_>) -> bool {
        let state = task.status.state;
        if state < TaskState::Running {
            return false;
        }
        let Some(&index) = self.workers.by_task.get(&task.key) else { return false };
        match self.workers.busy.get_mut(&index) {
            Some(Step::Release { seen, .. }) => {
                seen.get_or_insert(state);
                false
            }
            Some(&mut Step::Up { task }) => {
                self.came_up(index, task, state, cx);
                true
            }
            _ => false,
        }
    }

    /// The new task runs or has ended.
    fn came_up(&mut self, index: usize, task: TaskKey, state: TaskState, cx: &mut Context<'_>) {
        self.workers.by_task.remove(&task);
        self.workers.made.insert(task, Some(cx.now));
        if self.config.order == UpdateOrder::StartFirst && state == TaskState::Running {
            self.workers.busy.insert(index, Step::Writing);
            self.want(Write::StopOld(index), cx.out);
        } else {
            self.sleep(index, cx);
        }
    }

    /// A delayed start is over: whether a worker went on.
    pub(super) fn worker_released(&mut self, task: TaskKey, cx: &mut Context<'_>) -> bool {
        let Some(&index) = self.workers.by_task.get(&task) else { return false };
        let Some(&Step::Release { seen, made, .. }) = self.workers.busy.get(&index) else { return false };
        match seen {
            _ if !made => {
                self.workers.by_task.remove(&task);
                self.sleep(index, cx);
            }
            Some(state) => self.came_up(index, task, state, cx),
            None => {
                self.workers.busy.insert(index, Step::Up { task });
            }
        }
        true
    }

    /// A worker's write is committed.
    pub(super) fn worker_written(&mut self, index: usize, cx: &mut Context<'_>) {
        if self.workers.busy.get(&index) == Some(&Step::Written) {
            self.sleep(index, cx);
        }
    }

    /// The slot's batch.
    pub(super) fn write_slot(
        &mut self,
        index: usize,
        tx: &mut Transaction,
        ids: &mut Ids,
        supervisor: &mut Supervisor,
        out: &mut Outbox,
    ) {
        let slots = self.slots.clone();
        let slot = &slots[index];
        let step = match self.clean_task(slot, tx) {
            Some(task) => self.keep(slot, &task, tx, supervisor, out),
            None => self.replace(slot, tx, ids, supervisor, out),
        };
        if let Step::Release { task, .. } = step {
            self.workers.by_task.insert(task, index);
        }
        self.workers.busy.insert(index, step);
    }

    /// A task of the slot that is as it should be: one that should run, or else one that should not yet.
    fn clean_task(&self, slot: &[Arc<Task>], tx: &Transaction) -> Option<Arc<Task>> {
        let mut test = DirtyTest::new(&self.service, tx.state());
        let mut waiting = None;
        for task in slot.iter().filter(|task| task.desired <= TaskState::Running) {
            if !test.task(task) {
                if task.desired == TaskState::Running {
                    return Some(task.clone());
                }
                waiting = Some(task.clone());
            }
        }
        waiting
    }

    /// The others are told to stop; a task that should not yet run is released when they have.
    fn keep(
        &mut self,
        slot: &[Arc<Task>],
        keep: &Arc<Task>,
        tx: &mut Transaction,
        supervisor: &mut Supervisor,
        out: &mut Outbox,
    ) -> Step {
        let others: Vec<_> = slot.iter().filter(|task| task.key != keep.key).cloned().collect();
        let mut last = None;
        if !others.is_empty() {
            match stoppable(&others, tx, supervisor) {
                Stopped::Yes { stop, last: old } => {
                    stop_tasks(&stop, tx);
                    last = Some(old);
                }
                Stopped::No => return Step::Written,
            }
        }
        if keep.desired == TaskState::Running {
            return Step::Written;
        }
        supervisor.delay_start(keep, last.as_deref(), Duration::ZERO, tx.now(), out);
        Step::Release { task: keep.key, seen: None, made: false }
    }

    /// A new task takes the slot.
    fn replace(
        &mut self,
        slot: &[Arc<Task>],
        tx: &mut Transaction,
        ids: &mut Ids,
        supervisor: &mut Supervisor,
        out: &mut Outbox,
    ) -> Step {
        if tx.state().services.get(self.service.key).is_none() {
            return Step::Written;
        }
        let stopped = match self.config.order {
            UpdateOrder::StartFirst => None,
            UpdateOrder::StopFirst => match stoppable(slot, tx, supervisor) {
                Stopped::Yes { stop, last } => Some((stop, last)),
                Stopped::No => return Step::Written,
            },
        };
        let place = SlotId::of(&slot[0], self.service.spec.mode);
        let new = task::create(&self.service, place, TaskState::Ready, Why::Update, tx, ids);
        self.workers.made.insert(new, None);
        let task = tx.state().tasks.get(new).expect("it was made just now").clone();
        let old = stopped.map(|(stop, last)| {
            stop_tasks(&stop, tx);
            last
        });
        supervisor.delay_start(&task, old.as_deref(), Duration::ZERO, tx.now(), out);
        Step::Release { task: new, seen: None, made: true }
    }

    /// Start-first: the new task runs, the old ones go.
    pub(super) fn write_stop_old(&mut self, index: usize, tx: &mut Transaction, supervisor: &mut Supervisor) {
        if let Stopped::Yes { stop, .. } = stoppable(&self.slots[index].clone(), tx, supervisor) {
            stop_tasks(&stop, tx);
        }
        self.workers.busy.insert(index, Step::Written);
    }
}

/// Which of a slot's listed tasks can be told to stop now. One that was shut down meanwhile is passed over if it will
/// not be restarted; otherwise its replacement has the slot.
fn stoppable(tasks: &[Arc<Task>], tx: &Transaction, supervisor: &mut Supervisor) -> Stopped {
    let mut stop = Vec::new();
    let mut last = None;
    for listed in tasks {
        let Some(task) = tx.state().tasks.get(listed.key) else { continue };
        if task.desired <= TaskState::Running {
            stop.push(task.clone());
            last = Some(task.clone());
        } else if !supervisor.should_restart(task) {
            last = Some(task.clone());
        }
    }
    match last {
        Some(last) => Stopped::Yes { stop, last },
        None => Stopped::No,
    }
}

fn stop_tasks(tasks: &[Arc<Task>], tx: &mut Transaction) {
    for task in tasks {
        tx.put_task(task.with_desired(TaskState::Shutdown), Why::Update);
    }
}
