//! The rolling update of one service: hands dirty slots to workers, counts failures, keeps the update's status.
//!
//! An updater keeps a copy of the service as of its start and works towards that. It is a small machine of two kinds of
//! parts, as in the real code: the *run*, which hands out slots and judges failures, and up to `parallelism` *workers*
//! (`update_worker`), one a slot. Their writes queue for the turn one by one.
//!
//! Failures are judged when they are handled, not when they happen: the run looks at them only while a slot waits for a
//! worker and in the final monitoring. So a failure during the last slots is judged late, and may be missed.
//!
//! A cancelled updater is dropped; writes that it still wanted are dropped with it.
//!
//! Source: control-plane.md §6.1-§6.4, §1.4; `manager/orchestrator/update/updater.go`.

#[cfg(any(test, feature = "mutants"))]
use super::Mutant;
use super::restart::Supervisor;
use super::slot::Slot;
use super::update_worker::Workers;
use crate::engine::{Duration, Time};
use crate::swarm::component::{Alarm, Ids, Outbox, Writer};
use crate::swarm::object::{FailureAction, Id, Service, Task, TaskKey, UpdateConfig, UpdateState, UpdateStatus};
use crate::swarm::store::{Transaction, Why};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// Now, and where to ask for what follows.
pub(super) struct Context<'a> {
    pub(super) now: Time,
    pub(super) out: &'a mut Outbox,
}

/// The rolling update of one service.
#[derive(Clone, Debug)]
pub(super) struct Updater {
    /// Tells the updates of one service apart.
    pub(super) run: u32,
    /// The service as of the update's start.
    pub(super) service: Arc<Service>,
    pub(super) config: UpdateConfig,
    /// Dirty slots, as they were at the start.
    pub(super) slots: Arc<[Slot]>,
    /// The next slot to hand out.
    next: usize,
    pub(super) workers: Workers,
    /// Writes that wait for the turn.
    pub(super) wanted: VecDeque<Write>,
    /// The write that is not committed yet.
    writing: Option<Write>,
    /// Ends of tasks of this update that nobody has judged yet.
    ends: VecDeque<(TaskKey, Id)>,
    /// Tasks already counted.
    failed: BTreeSet<TaskKey>,
    /// How long after its start the end of a task is a failure.
    monitor: Duration,
    phase: Phase,
    /// Paused or rolled back: ends without being completed.
    stopped: bool,
    #[cfg(any(test, feature = "mutants"))]
    mutant: Option<Mutant>,
}

/// How far the run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The status "updating" is being written.
    Starting,
    /// Slots wait for workers.
    Handing,
    /// All are handed out, or no more will be; workers finish.
    Finishing,
    /// The last tasks are watched until then.
    Monitoring(Time),
    /// The status "completed" is being written.
    Completing,
    Done,
}

/// A write that an update wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Write {
    /// Status "updating".
    Start,
    /// The new task of a slot in, and in stop-first order the old ones down.
    Slot(usize),
    /// Start-first: the old ones down.
    StopOld(usize),
    /// Status "paused", because of this task.
    Pause(Id),
    /// A rollback that wants to roll back is paused, because of this task.
    PauseRollback(Id),
    /// The previous spec is put back, because of this task.
    Rollback(Id),
    /// Status "completed".
    Complete,
}

impl Updater {
    /// Begins; `None` if there is nothing to do.
    pub(super) fn start(run: u32, service: &Arc<Service>, dirty: Vec<Slot>, out: &mut Outbox) -> Option<Self> {
        let state = service.update_status.as_ref().map(|status| status.state);
        if matches!(state, Some(UpdateState::Paused | UpdateState::RollbackPaused)) {
            return None;
        }
        let rolling_back = state == Some(UpdateState::RollbackStarted);
        let config = if rolling_back { service.spec.rollback } else { service.spec.update };
        let first = match state {
            _ if dirty.is_empty() => {
                if !rolling_back && state != Some(UpdateState::Updating) {
                    return None;
                }
                Some(Write::Complete)
            }
            None => Some(Write::Start),
            Some(_) => None,
        };
        let parallelism = match usize::try_from(config.parallelism) {
            Ok(0) | Err(_) => dirty.len(),
            Ok(parallelism) => parallelism,
        };
        let mut updater = Self {
            run,
            service: service.clone(),
            config,
            slots: dirty.into(),
            next: 0,
            workers: Workers::new(parallelism),
            wanted: VecDeque::new(),
            writing: None,
            ends: VecDeque::new(),
            failed: BTreeSet::new(),
            monitor: config.monitor,
            phase: Phase::Starting,
            stopped: false,
            #[cfg(any(test, feature = "mutants"))]
            mutant: None,
        };
        match first {
            Some(write) => {
                if write == Write::Complete {
                    updater.phase = Phase::Completing;
                }
                updater.want(write, out);
            }
            None => {
                updater.phase = Phase::Handing;
                updater.hand_out(out);
            }
        }
        Some(updater)
    }

    #[cfg(any(test, feature = "mutants"))]
    pub(super) fn with_mutant(mut self, mutant: Option<Mutant>) -> Self {
        self.mutant = mutant;
        self
    }

    /// The slot that it hands out next.
    #[cfg(test)]
    pub(super) fn next_slot(&self) -> Option<u32> {
        Some(self.slots.get(self.next)?.first()?.slot)
    }

    /// It has ended.
    pub(super) fn is_done(&self) -> bool {
        self.phase == Phase::Done
    }

    fn rolling_back(&self) -> bool {
        self.service.update_status.as_ref().is_some_and(|status| status.state == UpdateState::RollbackStarted)
    }

    pub(super) fn want(&mut self, write: Write, out: &mut Outbox) {
        self.wanted.push_back(write);
        out.turn(Writer::Update(self.service.key));
    }

    /// Gives slots to workers as long as there are both.
    fn hand_out(&mut self, out: &mut Outbox) {
        while self.next < self.slots.len() && self.workers.take(self.next) {
            self.want(Write::Slot(self.next), out);
            self.next += 1;
        }
        if self.next == self.slots.len() {
            self.phase = Phase::Finishing;
        }
    }

    /// Goes on as far as it can.
    pub(super) fn advance(&mut self, cx: &mut Context<'_>) {
        if self.phase == Phase::Handing {
            // Both wait for the run at once: a failure is taken before a free worker, so that it can still stop it.
            if self.judge_all(cx) {
                self.phase = Phase::Finishing;
            } else {
                self.hand_out(cx.out);
            }
        }
        if self.phase == Phase::Finishing && self.workers.is_idle() {
            if self.stopped {
                if self.wanted.is_empty() && self.writing.is_none() {
                    self.phase = Phase::Done;
                }
                return;
            }
            if self.config.delay >= self.monitor {
                self.monitor = self.config.delay + Duration::from_secs(1);
            }
            let until = cx.now + self.monitor;
            self.phase = Phase::Monitoring(until);
            cx.out.alarm(until, Alarm::Update(self.service.key, self.run));
        }
        if let Phase::Monitoring(until) = self.phase {
            let ended = self.judge_all(cx);
            if self.stopped {
                self.phase = Phase::Finishing;
            } else if ended || cx.now >= until {
                self.phase = Phase::Completing;
                self.want(Write::Complete, cx.out);
            }
        }
    }

    /// Judges the ends seen so far; true if the run must stop handing out or watching.
    fn judge_all(&mut self, cx: &mut Context<'_>) -> bool {
        while let Some((task, id)) = self.ends.pop_front() {
            if self.judge(task, id, cx) {
                return true;
            }
        }
        false
    }

    fn judge(&mut self, task: TaskKey, id: Id, cx: &mut Context<'_>) -> bool {
        #[cfg(any(test, feature = "mutants"))]
        if self.mutant == Some(Mutant::UpdaterIgnoresFailures) {
            return false;
        }
        let Some(started) = self.workers.started(task) else { return false };
        let in_time = started.is_none_or(|started| cx.now - started <= self.monitor);
        if self.failed.contains(&task) || !in_time {
            return false;
        }
        self.failed.insert(task);
        if self.config.tolerates(self.failed.len() as u32, self.slots.len() as u32) {
            return false;
        }
        match self.config.failure_action {
            FailureAction::Continue => return false,
            FailureAction::Pause => {
                self.stopped = true;
                self.want(Write::Pause(id), cx.out);
            }
            // [quirk] Never back and forth; but then the update is not stopped, and in the end it completes.
            FailureAction::Rollback if self.rolling_back() => self.want(Write::PauseRollback(id), cx.out),
            FailureAction::Rollback => {
                self.stopped = true;
                self.want(Write::Rollback(id), cx.out);
            }
        }
        true
    }

    /// A task of the service was written.
    pub(super) fn task_updated(&mut self, task: &Task, cx: &mut Context<'_>) {
        let mut news = false;
        if task.status.state.is_terminal()
            && self.config.failure_action != FailureAction::Continue
            && self.workers.started(task.key).is_some()
        {
            self.ends.push_back((task.key, task.id));
            news = true;
            if self.phase == Phase::Handing {
                // The run sees it before the worker does.
                self.advance(cx);
            }
        }
        if self.worker_sees(task, cx) || news {
            self.advance(cx);
        }
    }

    /// A delayed start is over.
    pub(super) fn released(&mut self, task: TaskKey, cx: &mut Context<'_>) {
        if self.worker_released(task, cx) {
            self.advance(cx);
        }
    }

    /// A worker has slept its delay, or the monitoring is over.
    pub(super) fn alarm(&mut self, cx: &mut Context<'_>) {
        self.workers.wake(cx.now);
        self.advance(cx);
    }

    /// It is the update's turn to write.
    pub(super) fn write(&mut self, tx: &mut Transaction, ids: &mut Ids, supervisor: &mut Supervisor, out: &mut Outbox) {
        let Some(write) = self.wanted.pop_front() else { return };
        self.writing = Some(write);
        match write {
            Write::Slot(index) => self.write_slot(index, tx, ids, supervisor, out),
            Write::StopOld(index) => self.write_stop_old(index, tx, supervisor),
            _ => self.write_status(write, tx),
        }
        if !self.wanted.is_empty() {
            out.turn(Writer::Update(self.service.key));
        }
    }

    /// Its write is committed.
    pub(super) fn written(&mut self, cx: &mut Context<'_>) {
        match self.writing.take() {
            Some(Write::Start) => self.phase = Phase::Handing,
            Some(Write::Complete) => self.phase = Phase::Done,
            Some(Write::Slot(index) | Write::StopOld(index)) => self.worker_written(index, cx),
            Some(Write::Pause(_) | Write::PauseRollback(_) | Write::Rollback(_)) | None => {}
        }
        self.advance(cx);
    }

    /// Writes the update's status, and at a rollback the spec. The status is gone when the service was updated since
    /// this update began: then another one is about to replace it.
    fn write_status(&self, write: Write, tx: &mut Transaction) {
        let Some(service) = tx.state().services.get(self.service.key) else { return };
        let mut service = Service::clone(service);
        let now = tx.now();
        if write == Write::Start {
            if service.update_status.is_some() {
                return;
            }
            service.update_status = Some(UpdateStatus {
                state: UpdateState::Updating,
                started_at: now,
                completed_at: None,
                message: "update in progress".into(),
            });
            return tx.put_service(service, Why::UpdateProgress);
        }
        let Some(status) = &mut service.update_status else { return };
        let rolling_back = status.state == UpdateState::RollbackStarted;
        let paused = if rolling_back { UpdateState::RollbackPaused } else { UpdateState::Paused };
        let (state, message) = match write {
            Write::Pause(task) => (paused, format!("update paused due to failure or early termination of task {task}")),
            Write::PauseRollback(task) => {
                (paused, format!("rollback paused due to failure or early termination of task {task}"))
            }
            Write::Rollback(task) => (
                UpdateState::RollbackStarted,
                format!("update rolled back due to failure or early termination of task {task}"),
            ),
            _ if rolling_back => (UpdateState::RollbackCompleted, "rollback completed".to_owned()),
            _ => (UpdateState::Completed, "update completed".to_owned()),
        };
        status.state = state;
        status.message = message.into();
        match write {
            Write::Complete => status.completed_at = Some(now),
            Write::Rollback(_) => {
                // Without a previous spec the real code logs an error and writes nothing.
                let Some(previous) = service.previous_spec.take() else { return };
                service.spec = previous;
                service.spec_version = std::mem::take(&mut service.previous_spec_version);
            }
            _ => {}
        }
        tx.put_service(service, Why::UpdateProgress);
    }
}
