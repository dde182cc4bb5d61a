//! One task on its node: stepped towards what is desired, one operation at a time (control-plane.md §2.4).
//!
//! Three operations block: preparing (pull, create), starting, and waiting for the container's end. A change of what is
//! desired cancels the operation under way, and a cancelled operation is tried again one second later: that is why
//! stopping a running task costs a second more than the container takes.

use super::{AgentAlarm, AgentOutbox};
use crate::engine::{Duration, Time};
use crate::swarm::dispatcher::Report;
use crate::swarm::object::{Attachment, ContainerId, FileKey, StoredFile, Task, TaskKey, TaskState};
use std::sync::Arc;

/// After a cancelled operation or a temporary error.
const RETRY: Duration = Duration::from_secs(1);

/// What the engine is asked to do for a task. `operation` comes back with the outcome.
#[derive(Clone, Debug)]
pub enum Action {
    /// Pull the image and create the container.
    Prepare {
        /// For this task.
        task: Arc<Task>,
        /// Number of the operation.
        operation: u32,
    },
    /// Start the container.
    Start {
        /// Of this task.
        task: Arc<Task>,
        /// Number of the operation.
        operation: u32,
    },
    /// Say when the container ends (at once if it has).
    Wait {
        /// Of this task.
        task: TaskKey,
        /// Number of the operation.
        operation: u32,
    },
    /// Stop the container, if there is one.
    Stop {
        /// Of this task.
        task: Arc<Task>,
        /// Number of the operation.
        operation: u32,
    },
    /// The operation is no longer waited for.
    Cancel {
        /// Of this task.
        task: TaskKey,
    },
    /// Stop and remove whatever there is of it.
    Remove {
        /// The task.
        task: Arc<Task>,
    },
    /// The node's places on networks are these.
    Attach(Arc<[Attachment]>),
    /// Keep these secrets and configs for tasks that come, forget those.
    Provide {
        /// Forget all others.
        complete: bool,
        /// To be kept.
        files: Vec<Arc<StoredFile>>,
        /// To be forgotten.
        gone: Vec<FileKey>,
    },
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The container exists.
    Prepared(ContainerId),
    /// It cannot be made.
    Refused(Arc<str>),
    /// It cannot be made now.
    Temporary(Arc<str>),
    /// The container runs.
    Started,
    /// It cannot be started.
    StartFailed(Arc<str>),
    /// The container ended with this code.
    Exited {
        /// Exit code.
        code: i32,
        /// More words after the code (`: dockerexec: unhealthy container`).
        detail: &'static str,
    },
    /// The container stopped as it was told to.
    Stopped {
        /// Exit code.
        code: i32,
    },
}

/// A task as its agent sees it.
#[derive(Clone, Debug)]
pub struct AgentTask {
    task: Arc<Task>,
    desired: TaskState,
    state: TaskState,
    message: &'static str,
    err: Option<Arc<str>>,
    timestamp: Time,
    container: Option<ContainerId>,
    exit_code: i32,
    /// An operation is under way.
    busy: bool,
    /// Number of the operation under way or of the alarm that is waited for.
    operation: u32,
    /// Waits for its alarm.
    sleeping: bool,
    news: bool,
}

impl AgentTask {
    /// A task that was just assigned.
    pub fn new(task: Arc<Task>, now: Time) -> Self {
        Self {
            desired: task.desired,
            state: task.status.state,
            message: task.status.message,
            err: task.status.err.clone(),
            timestamp: now,
            container: task.status.container,
            exit_code: task.status.exit_code,
            busy: false,
            operation: 0,
            sleeping: false,
            news: false,
            task,
        }
    }

    /// As the disk kept it: the daemon has restarted, nothing is under way.
    pub fn resumed(mut self) -> Self {
        self.busy = false;
        self.sleeping = false;
        self.operation += 1;
        self
    }

    /// What is wanted of it.
    pub fn desired(&self) -> TaskState {
        self.desired
    }

    /// What the agent observes.
    pub fn state(&self) -> TaskState {
        self.state
    }

    /// The task as assigned.
    pub fn task(&self) -> &Arc<Task> {
        &self.task
    }

    /// The agent's word.
    pub fn report(&self) -> Report {
        Report {
            id: self.task.id,
            state: self.state,
            message: self.message,
            err: self.err.clone(),
            timestamp: self.timestamp,
            container: self.container,
            exit_code: self.exit_code,
        }
    }

    /// Whether something changed since the last time of asking.
    pub fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.news)
    }

    fn set(&mut self, state: TaskState, message: &'static str, now: Time) {
        self.state = state;
        self.message = message;
        self.err = None;
        self.timestamp = now;
        self.news = true;
    }

    fn fail(&mut self, state: TaskState, err: Arc<str>, now: Time) {
        // The message of the state before is kept: it says at which step it went wrong.
        self.state = state;
        self.err = Some(err);
        self.timestamp = now;
        self.news = true;
    }

    /// The dispatcher sent the task again. Says whether it must be stepped now.
    pub fn update(&mut self, task: &Arc<Task>, now: Time, out: &mut AgentOutbox) -> bool {
        if task.desired < self.desired {
            // What is desired only goes up.
            return false;
        }
        let changed = task.desired != self.desired;
        self.desired = task.desired;
        self.task = task.clone();
        if !changed {
            return false;
        }
        if self.busy && self.state < TaskState::Complete && !self.stopping() {
            self.busy = false;
            self.operation += 1;
            self.sleeping = true;
            out.actions.push(Action::Cancel { task: self.task.key });
            out.alarms.push((now + RETRY, AgentAlarm::Task(self.task.key, self.operation)));
            // The cancelled step reports the state that it leaves unchanged, with the time of now.
            self.timestamp = now;
            self.news = true;
            return true;
        }
        // A further update wakes a task that waits for its next try.
        self.sleeping = false;
        true
    }

    /// An alarm rings: whether it is the one that is waited for.
    pub fn wake(&mut self, operation: u32) -> bool {
        let meant = self.sleeping && operation == self.operation;
        if meant {
            self.sleeping = false;
        }
        meant
    }

    fn stopping(&self) -> bool {
        self.busy && self.stop_asked()
    }

    fn stop_asked(&self) -> bool {
        // A stop under way is marked by its own message number: see `step`.
        self.operation & STOP_BIT != 0
    }

    fn begin(&mut self, stop: bool) -> u32 {
        self.operation = ((self.operation & !STOP_BIT) + 1) | if stop { STOP_BIT } else { 0 };
        self.busy = true;
        self.operation
    }

    /// Goes on as far as it can; says whether there is news.
    pub fn step(&mut self, now: Time, out: &mut AgentOutbox) -> bool {
        while self.step_once(now, out) {}
        self.news
    }

    /// Goes on by one step; says whether there may be another. What lies between two steps is reported only by those who
    /// ask in between.
    pub fn step_once(&mut self, now: Time, out: &mut AgentOutbox) -> bool {
        if self.busy || self.sleeping {
            return false;
        }
        if self.desired >= TaskState::Shutdown {
            if self.state < TaskState::Complete {
                let operation = self.begin(true);
                out.actions.push(Action::Stop { task: self.task.clone(), operation });
            }
            return false;
        }
        if self.state > self.desired {
            return false;
        }
        match self.state {
            TaskState::Preparing => {
                let operation = self.begin(false);
                out.actions.push(Action::Prepare { task: self.task.clone(), operation });
            }
            TaskState::Starting => {
                let operation = self.begin(false);
                out.actions.push(Action::Start { task: self.task.clone(), operation });
            }
            TaskState::Running => {
                let operation = self.begin(false);
                out.actions.push(Action::Wait { task: self.task.key, operation });
            }
            state if state >= self.desired => return false,
            TaskState::Assigned => self.set(TaskState::Accepted, "accepted", now),
            TaskState::Accepted => self.set(TaskState::Preparing, "preparing", now),
            TaskState::Ready => self.set(TaskState::Starting, "starting", now),
            _ => return false,
        }
        true
    }

    /// An operation has ended. Says whether it must be stepped on.
    pub fn outcome(&mut self, operation: u32, outcome: Outcome, now: Time, out: &mut AgentOutbox) -> bool {
        if !self.busy || operation != self.operation {
            return false;
        }
        self.busy = false;
        match outcome {
            Outcome::Prepared(container) => {
                self.container = Some(container);
                self.set(TaskState::Ready, "prepared", now);
            }
            Outcome::Refused(err) => self.fail(TaskState::Rejected, err, now),
            Outcome::Temporary(err) => {
                if self.err.as_ref() != Some(&err) {
                    self.err = Some(err);
                    self.timestamp = now;
                    self.news = true;
                }
                self.operation += 1;
                self.sleeping = true;
                out.alarms.push((now + RETRY, AgentAlarm::Task(self.task.key, self.operation)));
                return false;
            }
            Outcome::Started => self.set(TaskState::Running, "started", now),
            Outcome::StartFailed(err) => self.fail(TaskState::Failed, err, now),
            Outcome::Exited { code, detail } => {
                self.exit_code = code;
                if code == 0 && detail.is_empty() {
                    self.set(TaskState::Complete, "finished", now);
                } else {
                    self.fail(TaskState::Failed, format!("task: non-zero exit ({code}){detail}").into(), now);
                }
            }
            Outcome::Stopped { code } => {
                self.exit_code = code;
                self.set(TaskState::Shutdown, "shutdown", now);
            }
        }
        true
    }

    /// The task is no longer assigned: whatever there is of it goes.
    pub fn forget(self, out: &mut AgentOutbox) {
        out.actions.push(Action::Remove { task: self.task });
    }
}

/// Marks the number of a stop operation, which nothing cancels.
const STOP_BIT: u32 = 1 << 31;
