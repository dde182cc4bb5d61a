//! The log broker: what the leader does for `docker service logs`.
//!
//! Whoever wants a log subscribes; every node that has tasks of it is asked, each over the stream that its agent keeps open,
//! and what the nodes send is passed on as it comes. A subscription ends when all of them are done. A node that does not
//! listen, and a task that is on no node, are told of when it ends. One that is followed does not end, and finds new tasks
//! and nodes by the store's watch queue.
//!
//! A node's stream stands and falls with its session's connection, not with the session: a node that has become silent
//! listens until its kernel's peer gives it up.
//!
//! Source: moby/swarmkit `manager/logbroker` (broker.go, subscription.go), `agent/worker.go`; grpc-go's server transport,
//! which has the kernel give up on a peer that acknowledges nothing for 20 s.

use super::api::{ApiError, LogLine, LogOptions, LogPart, Request};
use super::component::{Alarm, Outbox};
use super::control::{find_service, find_task};
use super::dispatcher::{Route, ToAgent};
use super::object::{Id, NodeKey, Task, TaskKey, TaskState};
use super::store::{Event, State};
use crate::engine::{Duration, Time};
use crate::net::HostId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How long a kernel waits for a peer to acknowledge what it was sent.
const USER_TIMEOUT: Duration = Duration::from_secs(20);

/// Whose log is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LogSelector {
    /// Of all tasks of a service.
    Service(Id),
    /// Of one task.
    Task(Id),
}

impl LogSelector {
    /// Whether a task is meant.
    pub fn selects(self, task: &Task) -> bool {
        match self {
            LogSelector::Service(id) => task.service_id == id,
            LogSelector::Task(id) => task.id == id,
        }
    }
}

/// What a node is told of a subscription.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SubscriptionMessage {
    /// Its number.
    pub id: u64,
    /// Whose log.
    pub selector: LogSelector,
    /// Which lines.
    pub options: LogOptions,
}

/// Something that a node's agent is told about a subscription.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LogOrder {
    /// It is wanted.
    Subscribe(Arc<SubscriptionMessage>),
    /// It is wanted no more.
    Close(u64),
}

/// Who wants a log: a stream at a manager's daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subscriber {
    /// The manager's host.
    pub host: HostId,
    /// The stream there.
    pub stream: u64,
}

/// The log broker of one leader.
#[derive(Clone, Debug, Default)]
pub struct LogBroker {
    /// Nodes whose agents listen.
    listening: BTreeMap<NodeKey, Listener>,
    subscriptions: BTreeMap<u64, Subscription>,
    last: u64,
    /// For agents.
    pub outgoing: Vec<(Route, ToAgent)>,
    /// For subscribers.
    pub parts: Vec<(Subscriber, LogPart)>,
}

/// A node's agent that listens.
#[derive(Clone, Copy, Debug)]
struct Listener {
    session: u64,
    route: Route,
    /// Since when something that it was sent may be unacknowledged.
    doubted: Option<Time>,
}

impl Listener {
    fn next(self) -> HostId {
        self.route.via.unwrap_or(self.route.host)
    }
}

#[derive(Clone, Debug)]
struct Subscription {
    message: Arc<SubscriptionMessage>,
    subscriber: Subscriber,
    /// Nodes that are not done; when it is followed, all that there have been.
    nodes: BTreeMap<NodeKey, Id>,
    errors: Vec<String>,
    /// Tasks that are on no node.
    pending: BTreeMap<TaskKey, Id>,
}

impl Subscription {
    fn follows(&self) -> bool {
        self.message.options.follow
    }

    /// Takes a task in; says whether its node is a new one.
    fn add(&mut self, task: &Task, state: &State) -> Option<NodeKey> {
        let Some(node) = task.node else {
            self.pending.insert(task.key, task.id);
            return None;
        };
        self.pending.remove(&task.key);
        // Also of a node that has been removed.
        let id = state.node_id(node).unwrap_or_default();
        self.nodes.insert(node, id).is_none().then_some(node)
    }

    fn fail(&mut self, node: NodeKey, what: &str) {
        let id = self.nodes.get(&node).copied().unwrap_or_default();
        self.errors.push(format!("node {} {what}", id.text()));
        if !self.follows() {
            self.nodes.remove(&node);
        }
    }

    fn outcome(&self) -> Result<(), String> {
        let pending = self.pending.values().map(|task| format!("task {} has not been scheduled", task.text()));
        let reasons: Vec<String> = self.errors.iter().cloned().chain(pending).collect();
        if reasons.is_empty() {
            return Ok(());
        }
        Err(format!(
            "rpc error: code = Unknown desc = warning: incomplete log stream. some logs could not be retrieved for the \
             following reasons: {}",
            reasons.join(", ")
        ))
    }
}

impl LogBroker {
    /// A node's agent has a session now, and listens.
    pub fn connect(&mut self, node: NodeKey, session: u64, route: Route) {
        self.disconnect(node);
        self.listening.insert(node, Listener { session, route, doubted: None });
        let wanted = self.subscriptions.values().filter(|subscription| subscription.nodes.contains_key(&node));
        let orders: Vec<_> = wanted.map(|subscription| LogOrder::Subscribe(subscription.message.clone())).collect();
        orders.into_iter().for_each(|order| self.send(node, order));
    }

    /// A node's stream has broken.
    fn disconnect(&mut self, node: NodeKey) {
        if self.listening.remove(&node).is_none() {
            return;
        }
        for subscription in self.subscriptions.values_mut().filter(|known| known.nodes.contains_key(&node)) {
            subscription.fail(node, "disconnected unexpectedly");
        }
        self.complete();
    }

    /// The connection to a host was reset: with it the streams that go by it break.
    pub fn reset(&mut self, host: HostId) {
        let broken = self.listening.iter().filter(|(_, listener)| listener.next() == host);
        let broken: Vec<_> = broken.map(|(node, _)| *node).collect();
        broken.into_iter().for_each(|node| self.disconnect(node));
    }

    /// The end of its session was said to a node that may not be there to hear it.
    pub fn doubt(&mut self, node: NodeKey, now: Time) {
        if let Some(listener) = self.listening.get_mut(&node) {
            listener.doubted.get_or_insert(now);
        }
    }

    /// Nodes that have been in doubt for so long that their streams may have been given up, each with the next host on the
    /// way to it.
    pub fn overdue(&self, now: Time) -> Vec<(NodeKey, HostId)> {
        let overdue = |listener: &Listener| listener.doubted.is_some_and(|since| now - since >= USER_TIMEOUT);
        let all = self.listening.iter().filter(|(_, listener)| overdue(listener));
        all.map(|(node, listener)| (*node, listener.next())).collect()
    }

    /// The next host on the way to a node whose stream is in doubt, if it is still the same stream.
    pub fn doubted(&self, node: NodeKey, session: u64) -> Option<HostId> {
        self.listening.get(&node).filter(|listener| listener.session == session).map(|listener| listener.next())
    }

    /// The kernel has given a node up.
    pub fn given_up(&mut self, node: NodeKey) {
        self.disconnect(node);
    }

    fn send(&mut self, node: NodeKey, order: LogOrder) {
        if let Some(Listener { session, route, .. }) = self.listening.get(&node) {
            self.outgoing.push((*route, ToAgent::Logs { session: *session, order }));
        }
    }

    /// Somebody wants a log.
    pub fn subscribe(
        &mut self,
        request: &Request,
        subscriber: Subscriber,
        state: &State,
        now: Time,
        out: &mut Outbox,
    ) -> Result<(), ApiError> {
        let Request::ServiceLogs { id, task, options } = request else {
            return Err(ApiError::new(400, "not a request for a log"));
        };
        let selector = match task {
            true => LogSelector::Task(find_task(state, id)?.id),
            false => LogSelector::Service(find_service(state, id)?.id),
        };
        self.last += 1;
        let message = Arc::new(SubscriptionMessage { id: self.last, selector, options: options.clone() });
        let mut subscription = Subscription {
            message: message.clone(),
            subscriber,
            nodes: BTreeMap::new(),
            errors: Vec::new(),
            pending: BTreeMap::new(),
        };
        let of_service = matches!(selector, LogSelector::Service(_));
        for task in state.tasks.values().filter(|task| selector.selects(task)) {
            // Of a service's tasks those that do not run yet have no log to wait for.
            if options.follow || !of_service || task.status.state >= TaskState::Running {
                subscription.add(task, state);
            }
        }
        let nodes: Vec<_> = subscription.nodes.keys().copied().collect();
        for node in nodes {
            if let Some(listener) = self.listening.get(&node) {
                let given_up = listener.doubted.unwrap_or(now) + USER_TIMEOUT;
                out.alarm(given_up.max(now), Alarm::LogStream(node, listener.session));
                self.send(node, LogOrder::Subscribe(message.clone()));
            } else {
                subscription.fail(node, "is not available");
            }
        }
        self.subscriptions.insert(message.id, subscription);
        self.complete();
        Ok(())
    }

    /// A subscriber has gone away.
    pub fn leave(&mut self, subscriber: Subscriber) {
        let by = |(_, known): &(&u64, &Subscription)| known.subscriber == subscriber;
        let left: Vec<u64> = self.subscriptions.iter().filter(by).map(|(id, _)| *id).collect();
        for id in left {
            self.close(id);
        }
    }

    fn close(&mut self, id: u64) -> Option<Subscription> {
        let subscription = self.subscriptions.remove(&id)?;
        let nodes: Vec<_> = subscription.nodes.keys().copied().collect();
        nodes.into_iter().for_each(|node| self.send(node, LogOrder::Close(id)));
        Some(subscription)
    }

    /// Ends the subscriptions that all nodes are done with.
    fn complete(&mut self) {
        let done = |(_, known): &(&u64, &Subscription)| !known.follows() && known.nodes.is_empty();
        let done: Vec<u64> = self.subscriptions.iter().filter(done).map(|(id, _)| *id).collect();
        for id in done {
            if let Some(subscription) = self.close(id) {
                let ended = Some(subscription.outcome());
                let part = LogPart { stream: subscription.subscriber.stream, ended, ..LogPart::default() };
                self.parts.push((subscription.subscriber, part));
            }
        }
    }

    /// Lines that a node has sent.
    pub fn publish(&mut self, node: NodeKey, session: u64, id: u64, lines: &Arc<Vec<LogLine>>, done: bool) {
        if self.doubted(node, session).is_none() {
            return;
        }
        let Some(subscription) = self.subscriptions.get_mut(&id) else { return };
        if !lines.is_empty() {
            let stream = subscription.subscriber.stream;
            let part = LogPart { stream, lines: lines.clone(), ended: None };
            self.parts.push((subscription.subscriber, part));
        }
        if done && !subscription.follows() {
            subscription.nodes.remove(&node);
            self.complete();
        }
    }

    /// The store has changed: what is followed may have a task on another node.
    pub fn watch(&mut self, event: &Event, state: &State) {
        let Event::Task { new: Some(task), .. } = event else { return };
        let mut orders = Vec::new();
        for subscription in self.subscriptions.values_mut() {
            if subscription.follows()
                && subscription.message.selector.selects(task)
                && let Some(node) = subscription.add(task, state)
            {
                orders.push((node, LogOrder::Subscribe(subscription.message.clone())));
            }
        }
        orders.into_iter().for_each(|(node, order)| self.send(node, order));
    }

    /// Leadership is lost, and every stream with it.
    pub fn stop(&mut self) {
        for (_, subscription) in std::mem::take(&mut self.subscriptions) {
            let ended = Some(Err("rpc error: code = Canceled desc = context canceled".to_owned()));
            let part = LogPart { stream: subscription.subscriber.stream, ended, ..LogPart::default() };
            self.parts.push((subscription.subscriber, part));
        }
        self.listening.clear();
        self.outgoing.clear();
    }
}

#[cfg(test)]
mod tests;
