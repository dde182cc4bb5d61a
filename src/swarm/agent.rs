//! The agent: a node's side of its session, and what it does with its tasks.
//!
//! It finds a manager, registers, sends heartbeats, takes assignments, steps each task towards what is desired of it and
//! reports. It never decides anything: a failed container is not started again here, and losing every manager stops no
//! task. What it does with containers it asks of its host's engine (`swarm::daemon`), as [`Action`]s.
//!
//! Source: control-plane.md §2.4, §7.7; raft-and-security.md §8.

mod remotes;
mod task;

pub use remotes::Remotes;
pub use task::{Action, AgentTask, Outcome};

use super::dispatcher::{Refusal, Report, ToAgent, ToDispatcher};
use super::logbroker::LogOrder;
use super::object::{Id, NodeDescription, NodeKey, Role, Task, TaskKey};
use crate::engine::{Duration, Stream, Time};
use crate::net::HostId;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

/// A call to a manager, a heartbeat among them, may take so long.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// After a failed session: this much more than twice the last wait...
const BACKOFF_STEP: Duration = Duration::from_millis(100);
/// ... and at most this.
const BACKOFF_MAX: Duration = Duration::from_secs(8);

/// An alarm of the agent's; the number tells whether it is still meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AgentAlarm {
    /// Try to get a session.
    Connect(u32),
    /// The registration has taken too long.
    RegisterTimeout(u32),
    /// Send a heartbeat.
    Heartbeat(u32),
    /// A heartbeat or a report had no answer.
    CallTimeout(u32),
    /// Step a task again.
    Task(TaskKey, u32),
}

/// What the agent wants done.
#[derive(Clone, Debug, Default)]
pub struct AgentOutbox {
    /// Messages, each to the manager on this host.
    pub sends: Vec<(HostId, ToDispatcher)>,
    /// Alarms to set.
    pub alarms: Vec<(Time, AgentAlarm)>,
    /// For the engine.
    pub actions: Vec<Action>,
    /// The managers changed (the daemon shows them in `docker info`).
    pub managers_changed: bool,
    /// The user wants the node to be this: told with every session and with every change.
    pub desired_role: Option<Role>,
    /// Logs that are wanted, or not any more.
    pub logs: Vec<LogOrder>,
}

/// The agent of one node, while its daemon runs.
#[derive(Clone, Debug)]
pub struct Agent {
    /// Which node this is.
    pub node: NodeKey,
    id: Id,
    addr: Ipv4Addr,
    description: Arc<NodeDescription>,
    /// The managers it knows. A manager's own agent asks its own manager only.
    pub remotes: Remotes,
    own_manager: Option<HostId>,
    stream: Stream,
    session: Session,
    /// It has had a session since its daemon started.
    registered: bool,
    backoff: Duration,
    /// Grows with each session and each try: alarms of older ones are void.
    stamp: u32,
    /// Tasks that it was given and has not been told to forget.
    pub tasks: BTreeMap<TaskKey, AgentTask>,
    news: BTreeMap<TaskKey, Report>,
    reporting: Option<(u64, Vec<(TaskKey, Report)>)>,
    report_number: u64,
    /// Subscriptions to logs that it has been told of: never twice, though the stream of the first time may have broken.
    subscriptions: BTreeSet<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Session {
    Waiting,
    Registering { manager: HostId },
    Open { manager: HostId, id: u64, sequence: u64, beating: bool },
}

impl Agent {
    /// An agent whose daemon has just started, with the tasks that its disk has kept.
    #[allow(clippy::too_many_arguments, reason = "all of them are facts of the node")]
    pub fn start(
        node: NodeKey,
        id: Id,
        addr: Ipv4Addr,
        description: Arc<NodeDescription>,
        remotes: Remotes,
        own_manager: Option<HostId>,
        stream: Stream,
        tasks: BTreeMap<TaskKey, AgentTask>,
        now: Time,
        out: &mut AgentOutbox,
    ) -> Self {
        let mut agent = Self {
            node,
            id,
            addr,
            description,
            remotes,
            own_manager,
            stream,
            session: Session::Waiting,
            registered: false,
            backoff: Duration::ZERO,
            stamp: 0,
            tasks,
            news: BTreeMap::new(),
            reporting: None,
            report_number: 0,
            subscriptions: BTreeSet::new(),
        };
        out.alarms.push((now, AgentAlarm::Connect(0)));
        let keys: Vec<_> = agent.tasks.keys().copied().collect();
        for key in keys {
            agent.step_task(key, now, out);
        }
        agent
    }

    /// Whether some manager has let it in since its daemon started. Until then the node is not ready; afterwards it does not
    /// notice by itself when it is let in no more.
    pub fn has_registered(&self) -> bool {
        self.registered
    }

    /// The manager that its session goes by, and the session's number.
    pub fn session(&self) -> Option<(HostId, u64)> {
        match self.session {
            Session::Open { manager, id, .. } => Some((manager, id)),
            _ => None,
        }
    }

    /// The manager that its session goes by, while it has one.
    pub fn manager(&self) -> Option<HostId> {
        self.session().map(|(manager, _)| manager)
    }

    /// Whether its session, or the one it tries to get, goes by this manager.
    pub fn speaks_with(&self, host: HostId) -> bool {
        matches!(self.session, Session::Registering { manager } | Session::Open { manager, .. } if manager == host)
    }

    /// The manager on the agent's own host began or ceased to serve: an agent asks its own manager only, while it has one. A
    /// session that went by it is over when it is gone.
    pub fn set_own_manager(&mut self, own: Option<HostId>, now: Time, out: &mut AgentOutbox) {
        let before = std::mem::replace(&mut self.own_manager, own);
        if let (Some(before), None) = (before, own)
            && self.speaks_with(before)
        {
            self.end_session(before, now, out);
        }
    }

    /// A manager that the agent would try next: its own, or one that it knows.
    pub fn choose_manager(&mut self) -> Option<HostId> {
        self.own_manager.or_else(|| self.remotes.choose(&mut self.stream))
    }

    /// An alarm.
    pub fn alarm(&mut self, alarm: AgentAlarm, now: Time, out: &mut AgentOutbox) {
        match alarm {
            AgentAlarm::Connect(stamp) if stamp == self.stamp && self.session == Session::Waiting => {
                self.connect(now, out);
            }
            AgentAlarm::RegisterTimeout(stamp) if stamp == self.stamp => {
                if let Session::Registering { manager } = self.session {
                    self.end_session(manager, now, out);
                }
            }
            AgentAlarm::Heartbeat(stamp) if stamp == self.stamp => self.beat(now, out),
            AgentAlarm::CallTimeout(stamp) if stamp == self.stamp => {
                if let Session::Open { manager, beating: true, .. } = self.session {
                    self.end_session(manager, now, out);
                }
            }
            AgentAlarm::Task(key, stamp) if self.tasks.get_mut(&key).is_some_and(|task| task.wake(stamp)) => {
                self.step_task(key, now, out);
            }
            _ => {}
        }
    }

    fn connect(&mut self, now: Time, out: &mut AgentOutbox) {
        let Some(manager) = self.choose_manager() else {
            return self.retry(now, out);
        };
        self.stamp += 1;
        self.session = Session::Registering { manager };
        out.alarms.push((now + CALL_TIMEOUT, AgentAlarm::RegisterTimeout(self.stamp)));
        out.sends.push((
            manager,
            ToDispatcher::Register {
                node: self.node,
                id: self.id,
                addr: self.addr,
                description: self.description.clone(),
                shown: None,
            },
        ));
    }

    fn retry(&mut self, now: Time, out: &mut AgentOutbox) {
        self.stamp += 1;
        self.session = Session::Waiting;
        self.backoff = (BACKOFF_STEP + self.backoff * 2).min(BACKOFF_MAX);
        let wait = self.stream.between(Duration::ZERO, self.backoff);
        out.alarms.push((now + wait, AgentAlarm::Connect(self.stamp)));
    }

    fn end_session(&mut self, manager: HostId, now: Time, out: &mut AgentOutbox) {
        self.remotes.observe(manager, false);
        // What was on its way may not have arrived: it is news again, unless there is newer.
        if let Some((_, reports)) = self.reporting.take() {
            for (key, report) in reports {
                self.news.entry(key).or_insert(report);
            }
        }
        self.retry(now, out);
    }

    fn beat(&mut self, now: Time, out: &mut AgentOutbox) {
        if let Session::Open { manager, id, ref mut beating, .. } = self.session {
            *beating = true;
            out.sends.push((manager, ToDispatcher::Heartbeat { node: self.node, session: id }));
            out.alarms.push((now + CALL_TIMEOUT, AgentAlarm::CallTimeout(self.stamp)));
        }
    }

    /// A connection to a manager was reset or refused.
    pub fn reset(&mut self, host: HostId, now: Time, out: &mut AgentOutbox) {
        match self.session {
            Session::Registering { manager } | Session::Open { manager, .. } if manager == host => {
                self.end_session(manager, now, out);
            }
            _ => {}
        }
    }

    /// A message from the dispatcher.
    pub fn receive(&mut self, message: &ToAgent, now: Time, out: &mut AgentOutbox) {
        match message {
            ToAgent::Registered { session, managers, role, attachments, .. } => {
                let Session::Registering { manager } = self.session else { return };
                self.stamp += 1;
                self.backoff = Duration::ZERO;
                self.session = Session::Open { manager, id: *session, sequence: 0, beating: false };
                self.registered = true;
                self.remotes.replace(managers);
                out.managers_changed = true;
                out.desired_role = Some(*role);
                out.actions.push(Action::Attach(attachments.clone()));
                // Every task that it holds is reported anew.
                for (&key, task) in &self.tasks {
                    self.news.insert(key, task.report());
                }
                self.beat(now, out);
                self.report(out);
            }
            ToAgent::HeartbeatDone { session, period } => {
                if let Session::Open { id, ref mut beating, .. } = self.session
                    && id == *session
                {
                    *beating = false;
                    self.stamp += 1;
                    out.alarms.push((now + *period, AgentAlarm::Heartbeat(self.stamp)));
                }
            }
            ToAgent::ReportsDone { session, number } => {
                if matches!(self.session, Session::Open { id, .. } if id == *session)
                    && self.reporting.as_ref().is_some_and(|(current, _)| current == number)
                {
                    self.reporting = None;
                    self.report(out);
                }
            }
            ToAgent::Attachments { session, attachments } => {
                if matches!(self.session, Session::Open { id, .. } if id == *session) {
                    out.actions.push(Action::Attach(attachments.clone()));
                }
            }
            ToAgent::Assignments { session, sequence, complete, tasks, removed, files, gone } => {
                let Session::Open { manager, id, sequence: ref mut last, .. } = self.session else { return };
                if id != *session {
                    return;
                }
                if *sequence != *last + 1 {
                    return self.end_session(manager, now, out);
                }
                *last = *sequence;
                // A task finds its secrets there when it comes.
                if *complete || !files.is_empty() || !gone.is_empty() {
                    let (complete, files, gone) = (*complete, files.clone(), gone.clone());
                    out.actions.push(Action::Provide { complete, files, gone });
                }
                self.assign(*complete, tasks, removed, now, out);
            }
            // It concerns the node's certificate: its host sees to it.
            ToAgent::Certificate { .. } => {}
            ToAgent::DesiredRole { session, role } => {
                if matches!(self.session, Session::Open { id, .. } if id == *session) {
                    out.desired_role = Some(*role);
                }
            }
            ToAgent::Managers { session, managers } => {
                if matches!(self.session, Session::Open { id, .. } if id == *session) {
                    self.remotes.replace(managers);
                    out.managers_changed = true;
                }
            }
            ToAgent::Logs { session, order } => {
                let known = match order {
                    LogOrder::Subscribe(message) => !self.subscriptions.insert(message.id),
                    LogOrder::Close(id) => !self.subscriptions.remove(id),
                };
                if !known && self.session().is_some_and(|(_, id)| id == *session) {
                    out.logs.push(order.clone());
                }
            }
            ToAgent::Refused { session, refusal } => self.refused(*session, *refusal, now, out),
            ToAgent::Closed { session } => {
                if let Session::Open { manager, id, .. } = self.session
                    && id == *session
                {
                    self.end_session(manager, now, out);
                }
            }
        }
    }

    /// Something is new about the node that only a new session makes known.
    pub fn register_again(&mut self, now: Time, out: &mut AgentOutbox) {
        if let Session::Open { .. } = self.session {
            if let Some((_, reports)) = self.reporting.take() {
                for (key, report) in reports {
                    self.news.entry(key).or_insert(report);
                }
            }
            self.stamp += 1;
            self.session = Session::Waiting;
            out.alarms.push((now, AgentAlarm::Connect(self.stamp)));
        }
    }

    fn refused(&mut self, session: u64, refusal: Refusal, now: Time, out: &mut AgentOutbox) {
        match self.session {
            Session::Registering { manager } if session == 0 => self.end_session(manager, now, out),
            Session::Open { manager, id, .. } if session == id || refusal == Refusal::NoLeader => {
                self.end_session(manager, now, out);
            }
            _ => {}
        }
    }

    fn assign(&mut self, complete: bool, tasks: &[Arc<Task>], removed: &[TaskKey], now: Time, out: &mut AgentOutbox) {
        for task in tasks {
            // After a force-new-cluster one row may hold another task than the one known.
            if self.tasks.get(&task.key).is_some_and(|known| known.task().id != task.id)
                && let Some(known) = self.tasks.remove(&task.key)
            {
                self.news.remove(&task.key);
                known.forget(out);
            }
            match self.tasks.get_mut(&task.key) {
                Some(known) => {
                    if known.update(task, now, out) {
                        self.step_task(task.key, now, out);
                    }
                }
                // What has ended before this node ever knew of it needs no attention.
                None if task.status.state.is_terminal() => {}
                None => {
                    self.tasks.insert(task.key, AgentTask::new(task.clone(), now));
                    self.news_of(task.key);
                    self.step_task(task.key, now, out);
                }
            }
        }
        let gone: Vec<TaskKey> = if complete {
            self.tasks.keys().filter(|key| !tasks.iter().any(|task| task.key == **key)).copied().collect()
        } else {
            removed.to_vec()
        };
        for key in gone {
            if let Some(task) = self.tasks.remove(&key) {
                self.news.remove(&key);
                task.forget(out);
            }
        }
        self.report(out);
    }

    /// An operation on a task's container has come to an end, or the container has.
    pub fn outcome(&mut self, key: TaskKey, operation: u32, outcome: Outcome, now: Time, out: &mut AgentOutbox) {
        let Some(task) = self.tasks.get_mut(&key) else { return };
        if task.outcome(operation, outcome, now, out) {
            self.step_task(key, now, out);
        }
        self.news_of(key);
        self.report(out);
    }

    fn step_task(&mut self, key: TaskKey, now: Time, out: &mut AgentOutbox) {
        if let Some(task) = self.tasks.get_mut(&key)
            && task.step(now, out)
        {
            self.news_of(key);
        }
        self.report(out);
    }

    fn news_of(&mut self, key: TaskKey) {
        if let Some(task) = self.tasks.get_mut(&key)
            && task.take_news()
        {
            self.news.insert(key, task.report());
        }
    }

    fn report(&mut self, out: &mut AgentOutbox) {
        let Session::Open { manager, id, .. } = self.session else { return };
        if self.reporting.is_some() || self.news.is_empty() {
            return;
        }
        let reports: Vec<_> = std::mem::take(&mut self.news).into_iter().collect();
        self.report_number += 1;
        self.reporting = Some((self.report_number, reports.clone()));
        out.sends.push((
            manager,
            ToDispatcher::Reports { node: self.node, session: id, number: self.report_number, reports },
        ));
    }
}
