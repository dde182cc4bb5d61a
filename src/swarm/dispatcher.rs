//! The dispatcher: the leader's side of every agent's session.
//!
//! It believes in heartbeats only: a broken connection changes nothing. Reports of tasks and nodes are collected and
//! written in one batch every 100 ms, where the last write wins, so states in between are often never stored.
//! Everything here is lost with leadership; the next leader starts from the store and calls every node that was not
//! down "unknown" until it registers again.
//!
//! Not here: what an agent does (`swarm::agent`), and how messages travel (`swarm::world`).
//!
//! Source: control-plane.md §7.1-§7.6.

mod dependencies;
mod outgoing;
mod protocol;
#[cfg(test)]
mod tests;

pub use protocol::{CertificateNews, Refusal, Report, Route, ToAgent, ToDispatcher};

use super::ca::{IssuanceState, RootCa, RootId};
use super::component::{Alarm, Outbox, Writer};
use super::object::{FileKey, Node, NodeDescription, NodeKey, NodeState, Role, Task, TaskKey, TaskState};
use super::store::{Event, State, Transaction, Why};
use crate::engine::{Duration, Key, Seed, Time};
use crate::net::HostId;
use dependencies::Dependencies;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

/// How long reports are collected before they are written.
const BATCH: Duration = Duration::from_millis(100);
/// How long after the latest change of a node's tasks they are sent to it.
const ASSIGNMENT_WAIT: Duration = Duration::from_millis(100);
/// A node's expiry is so many of its periods after its last heartbeat...
const GRACE: i64 = 3;
/// ... and so many after a change of leader, until it has registered.
const UNKNOWN_GRACE: i64 = 6;
/// After so long in "down" a node's tasks are given up.
const ORPHAN_AFTER: Duration = Duration::from_hours(24);
/// Registrations of a known node that are accepted without a pause of [`RATE_PAUSE`] between them.
const RATE_LIMIT: u32 = 3;
const RATE_PAUSE: Duration = Duration::from_secs(8);

const MESSAGE_UNKNOWN: &str = "Node moved to \"unknown\" state due to leadership change in cluster";
const MESSAGE_DOWN: &str = "heartbeat failure";
const MESSAGE_DOWN_FROM_UNKNOWN: &str = "heartbeat failure for node in \"unknown\" state";

/// The dispatcher of one leader.
#[derive(Clone, Debug)]
pub struct Dispatcher {
    seed: Seed,
    term: u64,
    period: Duration,
    /// When batches are cut: every [`BATCH`] from the start of leadership on.
    started_at: Time,
    flush_armed: bool,
    next_session: u64,
    sessions: BTreeMap<NodeKey, Session>,
    /// Nodes are to be marked "unknown" first of all.
    mark_unknown: bool,
    node_updates: BTreeMap<NodeKey, NodeUpdate>,
    task_updates: BTreeMap<TaskKey, Report>,
    /// Registrations that wait for the batch with their node's update to be written.
    registering: Vec<NodeKey>,
    /// Those whose batch is being written.
    registered: Vec<NodeKey>,
    orphaned: Vec<NodeKey>,
    /// Since when nodes are down, as far as this leader knows.
    down: BTreeMap<NodeKey, Time>,
    /// Whom all trust.
    root: RootCa,
    /// To be sent.
    pub outgoing: Vec<(Route, ToAgent)>,
}

#[derive(Clone, Debug)]
struct Session {
    /// 0: none yet (the node is "unknown" since leadership changed).
    id: u64,
    route: Route,
    /// The node is down when nothing was heard until then.
    deadline: Time,
    /// How many periods were drawn for this node.
    draws: u64,
    draw_key: Key,
    registrations: u32,
    last_registration: Time,
    /// Changes that the agent must hear of; `None`: forget the task.
    pending: BTreeMap<TaskKey, Option<Arc<Task>>>,
    /// Secrets and configs that it has.
    dependencies: Dependencies,
    /// Those that it is to forget.
    gone: Vec<FileKey>,
    due: Time,
    armed: bool,
    sequence: u64,
}

#[derive(Clone, Debug)]
struct NodeUpdate {
    state: NodeState,
    message: &'static str,
    registration: Option<(Ipv4Addr, Arc<NodeDescription>, Option<RootId>)>,
}

impl Session {
    /// The period that the node is told now: the cluster's, give or take half a second.
    fn draw_period(&mut self, period: Duration) -> Duration {
        let half = Duration::from_millis(500);
        self.draws += 1;
        let spread = (half.as_nanos() * 2) as u64;
        let drawn = self.draw_key.below(self.draws, spread) as i64;
        period - half + Duration::from_nanos(drawn)
    }

    /// The node was heard of.
    fn beat(&mut self, node: NodeKey, now: Time, grace: Duration, out: &mut Outbox) {
        // One alarm a node is under way at any time; it looks at the deadline when it rings.
        let ringing = self.deadline > now;
        self.deadline = now + grace;
        if !ringing {
            out.alarm(self.deadline, Alarm::Heartbeat(node));
        }
    }
}

impl Dispatcher {
    /// Starts on the new leader of this term.
    pub fn start(seed: Seed, term: u64, state: &State, now: Time, out: &mut Outbox) -> Self {
        let mut dispatcher = Self {
            seed,
            term,
            period: state.cluster.as_ref().map_or(Duration::from_secs(5), |cluster| cluster.heartbeat_period),
            started_at: now,
            flush_armed: false,
            next_session: 1,
            sessions: BTreeMap::new(),
            mark_unknown: false,
            node_updates: BTreeMap::new(),
            task_updates: BTreeMap::new(),
            registering: Vec::new(),
            registered: Vec::new(),
            orphaned: Vec::new(),
            down: BTreeMap::new(),
            root: state.cluster.as_ref().map(|cluster| cluster.root).unwrap_or_default(),
            outgoing: Vec::new(),
        };
        for node in state.nodes.values() {
            if node.status.state == NodeState::Down {
                dispatcher.down.insert(node.key, now);
                out.alarm(now + ORPHAN_AFTER, Alarm::Orphan(node.key));
            } else {
                dispatcher.mark_unknown = true;
                dispatcher.expect(node, now, UNKNOWN_GRACE, out);
            }
        }
        if dispatcher.mark_unknown {
            out.turn(Writer::Dispatcher);
        }
        dispatcher
    }

    /// Arms the expiry of a node that has no session yet.
    fn expect(&mut self, node: &Node, now: Time, grace: i64, out: &mut Outbox) {
        let draw_key = self.seed.key("dispatcher.heartbeat", &(node.host.0, self.term));
        let session = self.sessions.entry(node.key).or_insert_with(|| Session {
            id: 0,
            route: Route { host: node.host, via: None },
            deadline: now,
            draws: 0,
            draw_key,
            registrations: 0,
            last_registration: Time::MIN,
            pending: BTreeMap::new(),
            dependencies: Dependencies::default(),
            gone: Vec::new(),
            due: now,
            armed: false,
            sequence: 0,
        });
        let period = session.draw_period(self.period);
        session.beat(node.key, now, period * grace, out);
    }

    fn arm_flush(&mut self, now: Time, out: &mut Outbox) {
        if !self.flush_armed {
            self.flush_armed = true;
            let batches = (now - self.started_at).as_nanos() / BATCH.as_nanos() + 1;
            out.alarm(self.started_at + BATCH * batches, Alarm::DispatcherFlush);
        }
    }

    /// A message from an agent.
    pub fn receive(&mut self, message: &ToDispatcher, route: Route, state: &State, now: Time, out: &mut Outbox) {
        match message {
            ToDispatcher::Register { node, id, addr, description, shown } => {
                if state.nodes.get(*node).is_some_and(|known| known.id == *id) {
                    let issuer = shown.map(|shown| shown.issuer);
                    self.register(*node, *addr, description, issuer, route, state, now, out);
                } else {
                    self.refuse(route, 0, Refusal::UnknownNode);
                }
            }
            ToDispatcher::Heartbeat { node, session } => match self.sessions.get_mut(node) {
                Some(known) if known.id == *session && *session != 0 => {
                    known.route = route;
                    let period = known.draw_period(self.period);
                    known.beat(*node, now, period * GRACE, out);
                    self.outgoing.push((route, ToAgent::HeartbeatDone { session: *session, period }));
                }
                Some(_) => self.refuse(route, *session, Refusal::SessionInvalid),
                None => self.refuse(route, *session, Refusal::NotRegistered),
            },
            ToDispatcher::Reports { node, session, number, reports } => {
                if !self.sessions.get(node).is_some_and(|known| known.id == *session && *session != 0) {
                    self.refuse(route, *session, Refusal::NotRegistered);
                    return;
                }
                // A task that is gone is passed over; one of another node spoils the whole report.
                let stored = |(task, report): &(TaskKey, Report)| {
                    let stored = state.tasks.get(*task).filter(|stored| stored.id == report.id)?;
                    Some((stored.clone(), report.clone()))
                };
                let known: Vec<_> = reports.iter().filter_map(stored).collect();
                if known.iter().any(|(stored, _)| stored.node != Some(*node)) {
                    self.refuse(route, *session, Refusal::OtherNodesTask);
                    return;
                }
                self.task_updates.extend(known.into_iter().map(|(stored, report)| (stored.key, report)));
                self.arm_flush(now, out);
                self.outgoing.push((route, ToAgent::ReportsDone { session: *session, number: *number }));
            }
            // The log broker takes them.
            ToDispatcher::Logs { .. } => {}
        }
    }

    fn refuse(&mut self, route: Route, session: u64, refusal: Refusal) {
        self.outgoing.push((route, ToAgent::Refused { session, refusal }));
    }

    #[allow(clippy::too_many_arguments, reason = "a registration is what it is")]
    fn register(
        &mut self,
        key: NodeKey,
        addr: Ipv4Addr,
        description: &Arc<NodeDescription>,
        issuer: Option<RootId>,
        route: Route,
        state: &State,
        now: Time,
        out: &mut Outbox,
    ) {
        let Some(node) = state.nodes.get(key).cloned() else {
            return self.refuse(route, 0, Refusal::UnknownNode);
        };
        let known = self.sessions.get(&key).is_some_and(|session| session.id != 0);
        if known {
            let session = self.sessions.get_mut(&key).expect("looked up just now");
            if now - session.last_registration > RATE_PAUSE {
                session.registrations = 0;
            }
            session.registrations += 1;
            if session.registrations > RATE_LIMIT {
                return self.refuse(route, 0, Refusal::RateLimit);
            }
        }
        self.down.remove(&key);
        self.expect(&node, now, GRACE, out);
        let id = self.next_session;
        self.next_session += 1;
        let session = self.sessions.get_mut(&key).expect("expected just now");
        session.id = id;
        session.route = route;
        session.last_registration = now;
        session.pending.clear();
        session.gone.clear();
        session.dependencies.clear();
        session.sequence = 0;
        self.node_updates.insert(
            key,
            NodeUpdate {
                state: NodeState::Ready,
                message: "",
                registration: Some((addr, description.clone(), issuer)),
            },
        );
        if !self.registering.contains(&key) {
            self.registering.push(key);
        }
        self.arm_flush(now, out);
    }

    /// An alarm of the dispatcher's.
    pub fn alarm(&mut self, alarm: Alarm, state: &State, now: Time, out: &mut Outbox) {
        match alarm {
            Alarm::DispatcherFlush => {
                self.flush_armed = false;
                if !self.node_updates.is_empty() || !self.task_updates.is_empty() {
                    out.turn(Writer::Dispatcher);
                }
            }
            Alarm::Heartbeat(node) => self.heartbeat_due(node, state, now, out),
            Alarm::Assignments(node) => self.assignments_due(node, state, now, out),
            // An alarm of an earlier time that it was down is void.
            Alarm::Orphan(node)
                if state.nodes.get(node).is_some_and(|node| node.status.state == NodeState::Down)
                    && self.down.get(&node).is_some_and(|since| now - *since >= ORPHAN_AFTER) =>
            {
                self.orphaned.push(node);
                out.turn(Writer::Dispatcher);
            }
            _ => {}
        }
    }

    fn heartbeat_due(&mut self, node: NodeKey, state: &State, now: Time, out: &mut Outbox) {
        let Some(session) = self.sessions.get(&node) else { return };
        if session.deadline > now {
            out.alarm(session.deadline, Alarm::Heartbeat(node));
            return;
        }
        let message = if session.id == 0 { MESSAGE_DOWN_FROM_UNKNOWN } else { MESSAGE_DOWN };
        self.sessions.remove(&node);
        self.registering.retain(|&key| key != node);
        if state.nodes.get(node).is_some() {
            self.node_updates.insert(node, NodeUpdate { state: NodeState::Down, message, registration: None });
            self.arm_flush(now, out);
            self.down.insert(node, now);
            out.alarm(now + ORPHAN_AFTER, Alarm::Orphan(node));
        }
    }

    /// The store has changed.
    pub fn watch(&mut self, event: &Event, now: Time, out: &mut Outbox) {
        match event {
            Event::Cluster(cluster) => {
                self.period = cluster.heartbeat_period;
                let changed = std::mem::replace(&mut self.root, cluster.root) != cluster.root;
                for session in self.sessions.values().filter(|session| changed && session.id != 0) {
                    let news = CertificateNews { rotate: false, root: cluster.root };
                    self.outgoing.push((session.route, ToAgent::Certificate { session: session.id, news }));
                }
            }
            Event::Node { old: Some(old), new: Some(new) }
                if old.role != new.role || old.certificate.state != new.certificate.state =>
            {
                self.tell_news(new);
            }
            Event::Node { old: Some(old), new: None } => {
                self.sessions.remove(&old.key);
                self.down.remove(&old.key);
                self.registering.retain(|&key| key != old.key);
                self.node_updates.remove(&old.key);
            }
            Event::Node { old: Some(old), new: Some(new) } if old.spec.role != new.spec.role => {
                if let Some(session) = self.sessions.get(&new.key).filter(|session| session.id != 0) {
                    let message = ToAgent::DesiredRole { session: session.id, role: new.spec.role };
                    self.outgoing.push((session.route, message));
                }
            }
            // A node that has joined and does not register is down after the usual grace.
            Event::Node { old: None, new: Some(node) }
                if node.status.state != NodeState::Down && !self.sessions.contains_key(&node.key) =>
            {
                self.expect(node, now, GRACE, out);
            }
            Event::Node { old: Some(old), new: Some(new) } if !Arc::ptr_eq(&old.attachments, &new.attachments) => {
                if let Some(session) = self.sessions.get(&new.key).filter(|session| session.id != 0) {
                    let attachments = new.attachments.clone();
                    let message = ToAgent::Attachments { session: session.id, attachments };
                    self.outgoing.push((session.route, message));
                }
            }
            Event::Task { old, new } => {
                self.release(old.as_deref(), new.as_deref(), now, out);
                let relevant = match (old, new) {
                    (_, Some(new)) => new.node.filter(|_| {
                        new.status.state >= TaskState::Assigned
                            && old.as_ref().is_none_or(|old| {
                                old.node != new.node
                                    || old.desired != new.desired
                                    || new.status.state <= TaskState::Assigned
                                    || !Arc::ptr_eq(&old.spec, &new.spec)
                            })
                    }),
                    (Some(old), None) => old.node,
                    (None, None) => None,
                };
                if let Some(node) = relevant {
                    let key = old.as_ref().or(new.as_ref()).expect("a task event has a task").key;
                    self.assign(node, key, new.clone(), now, out);
                }
            }
            _ => {}
        }
    }

    /// It is the dispatcher's turn to write.
    pub fn write(&mut self, tx: &mut Transaction) {
        if std::mem::take(&mut self.mark_unknown) {
            let nodes: Vec<_> =
                tx.state().nodes.values().filter(|n| n.status.state != NodeState::Down).cloned().collect();
            for node in nodes {
                let mut node = (*node).clone();
                node.status.state = NodeState::Unknown;
                node.status.message = MESSAGE_UNKNOWN;
                tx.put_node(node, Why::Heartbeats);
            }
        }
        for (key, update) in std::mem::take(&mut self.node_updates) {
            let Some(node) = tx.state().nodes.get(key) else { continue };
            let mut node = (**node).clone();
            node.status.state = update.state;
            node.status.message = update.message;
            if let Some((addr, description, issuer)) = update.registration {
                node.certificate.issuer = issuer.or(node.certificate.issuer);
                node.status.addr = addr;
                node.description = description;
            }
            tx.put_node(node, Why::Heartbeats);
        }
        let now = tx.now();
        for (key, report) in std::mem::take(&mut self.task_updates) {
            let Some(task) = tx.state().tasks.get(key).filter(|task| task.id == report.id) else { continue };
            // States only go forward; the same state with another content is accepted, an identical status is not news.
            if report.state < task.status.state || report.same_as(&task.status) {
                continue;
            }
            let mut task = (**task).clone();
            report.apply_to(&mut task.status);
            task.status.applied_at = now;
            tx.put_task(task, Why::Reported);
        }
        for node in std::mem::take(&mut self.orphaned) {
            let tasks: Vec<_> = tx.state().tasks_of_node(node).cloned().collect();
            for task in tasks {
                if (TaskState::Assigned..=TaskState::Running).contains(&task.status.state) {
                    let mut orphan = (*task).clone();
                    orphan.status.state = TaskState::Orphaned;
                    orphan.status.timestamp = now;
                    orphan.status.applied_at = now;
                    tx.put_task(orphan, Why::Orphaned);
                }
            }
        }
        self.registered.append(&mut self.registering);
    }

    /// The dispatcher's write is committed (or there was nothing to write).
    pub fn written(&mut self, state: &State, now: Time, out: &mut Outbox) {
        for key in std::mem::take(&mut self.registered) {
            let Some(session) = self.sessions.get_mut(&key).filter(|_| !self.registering.contains(&key)) else {
                continue;
            };
            let period = session.draw_period(self.period);
            let managers = managers(state);
            let role = state.nodes.get(key).map_or(Role::Worker, |node| node.spec.role);
            let tasks: Vec<_> =
                state.tasks_of_node(key).filter(|task| task.status.state >= TaskState::Assigned).cloned().collect();
            session.sequence = 1;
            let (route, id) = (session.route, session.id);
            let rotate = state.nodes.get(key).is_some_and(|node| node.certificate.state == IssuanceState::Rotate);
            let news = CertificateNews { rotate, root: self.root };
            let attachments = state.nodes.get(key).map(|node| node.attachments.clone()).unwrap_or_default();
            let registered = ToAgent::Registered { session: id, period, managers, role, news, attachments };
            let mut files = Vec::new();
            session.dependencies.clear();
            tasks.iter().for_each(|task| session.dependencies.add(task, state, &mut files));
            self.outgoing.push((route, registered));
            let (removed, gone) = (Vec::new(), Vec::new());
            let assignments =
                ToAgent::Assignments { session: id, sequence: 1, complete: true, tasks, removed, files, gone };
            self.outgoing.push((route, assignments));
        }
        if !self.node_updates.is_empty() || !self.task_updates.is_empty() {
            self.arm_flush(now, out);
        }
    }

    /// Leadership is lost: every agent's stream is closed.
    pub fn close(&mut self) -> Vec<(Route, ToAgent)> {
        let mut closing = Vec::new();
        for session in self.sessions.values() {
            if session.id != 0 {
                closing.push((session.route, ToAgent::Closed { session: session.id }));
            }
        }
        closing
    }
}

/// The managers, as agents are told of them.
fn managers(state: &State) -> Vec<(NodeKey, HostId)> {
    state.members.iter().filter(|member| state.nodes.get(member.node).is_some()).map(|m| (m.node, m.host)).collect()
}
