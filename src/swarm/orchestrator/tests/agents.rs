//! Fake nodes: the agent's own machine for each task, over containers that do as their image says. Each state is
//! reported by itself, as in the recordings; a report that says nothing new is dropped.

use super::specs::Image;
use crate::engine::{Duration, Time};
use crate::swarm::agent::{Action, AgentAlarm, AgentOutbox, AgentTask, Outcome};
use crate::swarm::object::{ContainerId, NodeKey, Task, TaskKey, TaskState};
use crate::swarm::store::{Transaction, Why};
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
    pub tasks: BTreeMap<TaskKey, Held>,
    /// Reports that could not be sent.
    pub unsent: BTreeMap<TaskKey, Output>,
    pub assign_armed: bool,
}

/// A task and its container.
#[derive(Clone, Debug)]
pub struct Held {
    machine: AgentTask,
    image: Image,
    /// The operation under way.
    operation: Option<(u32, Operation)>,
    reported: (TaskState, &'static str, Option<Arc<str>>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Prepare,
    Start,
    Wait,
    Stop,
}

impl Agent {
    /// The complete set of the node's tasks.
    pub fn assign(
        &mut self,
        tasks: &[Arc<Task>],
        image: impl Fn(&Task) -> Image,
        now: Time,
        outputs: &mut Vec<Output>,
    ) {
        self.tasks.retain(|key, _| tasks.iter().any(|task| task.key == *key));
        for task in tasks {
            if let Some(known) = self.tasks.get_mut(&task.key) {
                let mut out = AgentOutbox::default();
                if known.machine.update(task, now, &mut out) {
                    known.carry_out(task.key, out, now, outputs);
                    known.go(task.key, now, outputs);
                }
            } else if task.status.state <= TaskState::Running {
                let mut new = Held {
                    machine: AgentTask::new(task.clone(), now),
                    image: image(task),
                    operation: None,
                    reported: (task.status.state, task.status.message, task.status.err.clone()),
                };
                new.go(task.key, now, outputs);
                self.tasks.insert(task.key, new);
            }
        }
    }

    pub fn timer(&mut self, task: TaskKey, token: u32, now: Time, outputs: &mut Vec<Output>) {
        let Some(known) = self.tasks.get_mut(&task) else { return };
        if known.machine.wake(token) {
            return known.go(task, now, outputs);
        }
        let Some((_, operation)) = known.operation.filter(|(number, _)| *number == token) else { return };
        let image = &known.image;
        let outcome = match operation {
            Operation::Prepare => match image.rejected.as_deref() {
                Some(error) => Outcome::Refused(error.into()),
                None => Outcome::Prepared(ContainerId(u128::from(task.0))),
            },
            Operation::Start => Outcome::Started,
            Operation::Wait => Outcome::Exited { code: image.exit.map_or(0, |(_, code)| code), detail: "" },
            Operation::Stop => Outcome::Stopped { code: 0 },
        };
        known.ended(task, token, outcome, now, outputs);
    }

    /// The container ends by itself.
    pub fn exit(&mut self, task: TaskKey, code: i32, now: Time, outputs: &mut Vec<Output>) {
        if let Some(known) = self.tasks.get_mut(&task)
            && let Some((token, Operation::Wait)) = known.operation
        {
            known.ended(task, token, Outcome::Exited { code, detail: "" }, now, outputs);
        }
    }
}

impl Held {
    fn ended(&mut self, task: TaskKey, token: u32, outcome: Outcome, now: Time, outputs: &mut Vec<Output>) {
        let mut out = AgentOutbox::default();
        self.operation = None;
        let goes_on = self.machine.outcome(token, outcome, now, &mut out);
        self.carry_out(task, out, now, outputs);
        if goes_on {
            self.go(task, now, outputs);
        }
    }

    /// Steps as far as it can, and reports each state.
    fn go(&mut self, task: TaskKey, now: Time, outputs: &mut Vec<Output>) {
        loop {
            self.report(task, outputs);
            let mut out = AgentOutbox::default();
            let more = self.machine.step_once(now, &mut out);
            self.carry_out(task, out, now, outputs);
            if !more {
                return self.report(task, outputs);
            }
        }
    }

    fn report(&mut self, task: TaskKey, outputs: &mut Vec<Output>) {
        if !self.machine.take_news() {
            return;
        }
        let report = self.machine.report();
        let news = (report.state, report.message, report.err);
        if news != self.reported {
            self.reported = news.clone();
            let (state, message, err) = news;
            outputs.push(Output::Report { task, state, message, err });
        }
    }

    fn carry_out(&mut self, task: TaskKey, out: AgentOutbox, now: Time, outputs: &mut Vec<Output>) {
        for action in out.actions {
            let (token, operation, after) = match action {
                Action::Prepare { operation, .. } => (operation, Operation::Prepare, Some(self.image.prepare)),
                Action::Start { operation, .. } => (operation, Operation::Start, Some(self.image.start)),
                Action::Wait { operation, .. } => (operation, Operation::Wait, self.image.exit.map(|(after, _)| after)),
                Action::Stop { operation, .. } => (operation, Operation::Stop, Some(self.image.stop)),
                Action::Cancel { .. } => {
                    self.operation = None;
                    continue;
                }
                Action::Remove { .. } | Action::Attach(_) | Action::Provide { .. } => continue,
            };
            self.operation = Some((token, operation));
            outputs.extend(after.map(|after| Output::Timer { task, token, after }));
        }
        for (at, alarm) in out.alarms {
            if let AgentAlarm::Task(task, token) = alarm {
                outputs.push(Output::Timer { task, token, after: at - now });
            }
        }
    }
}

/// Agents by node.
pub type Agents = BTreeMap<NodeKey, Agent>;

/// Writes what agents report; what says less than is known is dropped.
pub fn write_reports(reports: &[Output], tx: &mut Transaction) {
    for report in reports {
        let Output::Report { task, state, message, err } = report else { continue };
        let Some(stored) = tx.state().tasks.get(*task) else { continue };
        if *state < stored.status.state {
            continue;
        }
        let mut task = stored.with_state(*state, message, tx.now());
        task.status.err.clone_from(err);
        task.status.applied_at = tx.now();
        tx.put_task(task, Why::Reported);
    }
}
