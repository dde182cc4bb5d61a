//! The leader's log broker and its ways: to the agents, and to the daemons whose clients read a log.
//!
//! Source: moby/swarmkit `manager/logbroker`; raft-and-security.md §7.

use super::call::lost_leadership;
use super::send_to_agent;
use crate::net::{EPHEMERAL, HostId};
use crate::swarm::api::{Failure, LogPart, Request};
use crate::swarm::component::Outbox;
use crate::swarm::dispatcher::ToDispatcher;
use crate::swarm::logbroker::{LogBroker, Subscriber};
use crate::swarm::object::NodeKey;
use crate::swarm::world::event::Body;
use crate::swarm::world::{Env, Host};
use std::sync::Arc;

impl Host {
    /// A manager's daemon wants a log for its client, or (without a request) no more of it.
    pub fn leader_logs(&mut self, subscriber: Subscriber, request: Option<&Request>, env: &mut Env) {
        let Some(manager) = &mut self.manager else { return };
        let (state, now) = (&*manager.state, self.clock.monotonic(env.kernel.now()));
        for (node, next) in manager.leader.as_ref().map(|leader| leader.broker.overdue(now)).unwrap_or_default() {
            if let Some(leader) = manager.leader.as_mut().filter(|_| !env.net.passable(self.id, next, EPHEMERAL)) {
                leader.broker.given_up(node);
            }
        }
        let Some(leader) = &mut manager.leader else {
            return self.leader_log_answer(subscriber, Err(lost_leadership()), env);
        };
        let mut out = Outbox::default();
        let refused = match request {
            Some(request) => leader.broker.subscribe(request, subscriber, state, now, &mut out).err(),
            None => {
                leader.broker.leave(subscriber);
                None
            }
        };
        if let Some(error) = refused {
            self.leader_log_answer(subscriber, Err(error.into()), env);
        }
        self.leader_drain(out, env);
        self.leader_log_drain(env);
    }

    /// Lines that an agent has sent.
    pub(super) fn leader_log_lines(&mut self, message: &ToDispatcher, env: &mut Env) {
        let ToDispatcher::Logs { node, session, subscription, lines, done } = message else { return };
        self.leader_broker(env, |broker| broker.publish(*node, *session, *subscription, lines, *done));
    }

    /// A connection was reset.
    pub fn leader_log_reset(&mut self, peer: HostId, env: &mut Env) {
        self.leader_broker(env, |broker| broker.reset(peer));
    }

    /// What was sent to a node has had its time to be acknowledged.
    pub(super) fn leader_log_doubt(&mut self, node: NodeKey, session: u64, env: &mut Env) {
        let Some(leader) = self.manager.as_ref().and_then(|manager| manager.leader.as_ref()) else { return };
        let next = leader.broker.doubted(node, session);
        if next.is_some_and(|next| !env.net.passable(self.id, next, EPHEMERAL)) {
            self.leader_broker(env, |broker| broker.given_up(node));
        }
    }

    fn leader_broker(&mut self, env: &mut Env, act: impl FnOnce(&mut LogBroker)) {
        let Some(leader) = self.manager.as_mut().and_then(|manager| manager.leader.as_mut()) else { return };
        act(&mut leader.broker);
        self.leader_log_drain(env);
    }

    /// Sends what the broker has to say.
    pub(super) fn leader_log_drain(&mut self, env: &mut Env) {
        let Some(leader) = self.manager.as_mut().and_then(|manager| manager.leader.as_mut()) else { return };
        if leader.broker.outgoing.is_empty() && leader.broker.parts.is_empty() {
            return;
        }
        let (outgoing, parts) = (std::mem::take(&mut leader.broker.outgoing), std::mem::take(&mut leader.broker.parts));
        for (route, message) in outgoing {
            send_to_agent(self.id, self.boot, route, message, env);
        }
        for (subscriber, part) in parts {
            self.leader_log_answer(subscriber, Ok(part), env);
        }
    }

    pub(super) fn leader_log_answer(&mut self, subscriber: Subscriber, part: Result<LogPart, Failure>, env: &mut Env) {
        if subscriber.host == self.id {
            return self.log_part(subscriber.stream, part, env);
        }
        let body = Body::LogsPart { stream: subscriber.stream, part: Arc::new(part) };
        env.send(self.id, self.boot, subscriber.host, None, body);
    }
}
