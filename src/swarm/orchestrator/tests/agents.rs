//! Fake agents: they step tasks as control-plane.md §2.4 says, and report each state by itself.

use super::specs::Image;
use crate::engine::Duration;
use crate::swarm::object::{NodeKey, Task, TaskKey, TaskState};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a step of an agent gives.
#[derive(Clone, Debug)]
pub enum Output {
    Report {
        task: TaskKey,
        state: TaskState,
        message: &'static str,
        err: Option<Arc<str>>,
    },
    /// Call [`Agent::timer`] with this token after so long.
    Timer {
        task: TaskKey,
        token: u32,
        after: Duration,
    },
}

/// A node's agent.
#[derive(Clone, Debug, Default)]
pub struct Agent {
    pub connected: bool,
    pub tasks: BTreeMap<TaskKey, AgentTask>,
    /// Reports that could not be sent.
    pub unsent: BTreeMap<TaskKey, Output>,
    pub assign_armed: bool,
}

#[derive(Clone, Debug)]
pub struct AgentTask {
    pub desired: TaskState,
    pub state: TaskState,
    image: Image,
    token: u32,
    operation: Operation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    None,
    Prepare,
    Start,
    Wait,
    Retry,
    Stop,
}

impl Agent {
    /// The complete set of the node's tasks.
    pub fn assign(&mut self, tasks: &[Arc<Task>], image: impl Fn(&Task) -> Image, outputs: &mut Vec<Output>) {
        self.tasks.retain(|key, _| tasks.iter().any(|task| task.key == *key));
        for task in tasks {
            if let Some(known) = self.tasks.get_mut(&task.key) {
                known.desire(task.key, task.desired, outputs);
            } else if task.status.state <= TaskState::Running {
                let mut new = AgentTask {
                    desired: task.desired,
                    state: task.status.state,
                    image: image(task),
                    token: 0,
                    operation: Operation::None,
                };
                new.step(task.key, outputs);
                self.tasks.insert(task.key, new);
            }
        }
    }

    pub fn timer(&mut self, task: TaskKey, token: u32, outputs: &mut Vec<Output>) {
        if let Some(known) = self.tasks.get_mut(&task)
            && known.token == token
        {
            known.timer(task, outputs);
        }
    }

    /// The container ends by itself.
    pub fn exit(&mut self, task: TaskKey, code: i32, outputs: &mut Vec<Output>) {
        if let Some(known) = self.tasks.get_mut(&task)
            && known.operation == Operation::Wait
        {
            known.token += 1;
            known.ended(task, code, outputs);
        }
    }
}

impl AgentTask {
    fn report(&mut self, task: TaskKey, state: TaskState, message: &'static str, outputs: &mut Vec<Output>) {
        self.state = state;
        outputs.push(Output::Report { task, state, message, err: None });
    }

    fn begin(&mut self, task: TaskKey, operation: Operation, after: Option<Duration>, outputs: &mut Vec<Output>) {
        self.operation = operation;
        self.token += 1;
        if let Some(after) = after {
            outputs.push(Output::Timer { task, token: self.token, after });
        }
    }

    fn desire(&mut self, task: TaskKey, desired: TaskState, outputs: &mut Vec<Output>) {
        if desired <= self.desired {
            return;
        }
        self.desired = desired;
        match self.operation {
            Operation::Stop => {}
            // Told again while it pauses: it goes on at once.
            Operation::None | Operation::Retry => self.step(task, outputs),
            Operation::Prepare | Operation::Start | Operation::Wait => {
                self.begin(task, Operation::Retry, Some(Duration::from_secs(1)), outputs);
            }
        }
    }

    fn step(&mut self, task: TaskKey, outputs: &mut Vec<Output>) {
        self.operation = Operation::None;
        loop {
            if self.desired >= TaskState::Shutdown {
                if self.state < TaskState::Complete {
                    let stop = self.image.stop;
                    self.begin(task, Operation::Stop, Some(stop), outputs);
                }
                return;
            }
            if self.state > self.desired {
                return;
            }
            match self.state {
                TaskState::Preparing => return self.begin(task, Operation::Prepare, Some(self.image.prepare), outputs),
                TaskState::Starting => return self.begin(task, Operation::Start, Some(self.image.start), outputs),
                TaskState::Running => {
                    return self.begin(task, Operation::Wait, self.image.exit.map(|(after, _)| after), outputs);
                }
                state if state >= self.desired => return,
                TaskState::Assigned => self.report(task, TaskState::Accepted, "accepted", outputs),
                TaskState::Accepted => self.report(task, TaskState::Preparing, "preparing", outputs),
                TaskState::Ready => self.report(task, TaskState::Starting, "starting", outputs),
                _ => return,
            }
        }
    }

    fn timer(&mut self, task: TaskKey, outputs: &mut Vec<Output>) {
        match self.operation {
            Operation::Prepare => {
                if let Some(error) = self.image.rejected {
                    self.fail(task, TaskState::Rejected, "preparing", error.into(), outputs);
                } else {
                    self.report(task, TaskState::Ready, "prepared", outputs);
                    self.step(task, outputs);
                }
            }
            Operation::Start => {
                self.report(task, TaskState::Running, "started", outputs);
                self.step(task, outputs);
            }
            Operation::Wait => {
                let code = self.image.exit.map_or(0, |(_, code)| code);
                self.ended(task, code, outputs);
            }
            Operation::Retry => self.step(task, outputs),
            Operation::Stop => {
                self.operation = Operation::None;
                self.report(task, TaskState::Shutdown, "shutdown", outputs);
            }
            Operation::None => {}
        }
    }

    fn ended(&mut self, task: TaskKey, code: i32, outputs: &mut Vec<Output>) {
        self.operation = Operation::None;
        if code == 0 {
            self.report(task, TaskState::Complete, "finished", outputs);
        } else {
            let err = format!("task: non-zero exit ({code})").into();
            self.fail(task, TaskState::Failed, "started", err, outputs);
        }
    }

    fn fail(
        &mut self,
        task: TaskKey,
        state: TaskState,
        message: &'static str,
        err: Arc<str>,
        outputs: &mut Vec<Output>,
    ) {
        self.operation = Operation::None;
        self.state = state;
        outputs.push(Output::Report { task, state, message, err: Some(err) });
    }
}

/// Agents by node.
pub type Agents = BTreeMap<NodeKey, Agent>;
