//! An API request that only the leader can carry out, from the daemon that received it (raft-and-security.md §1.5, §4.2).

use super::membership::{JoinCall, LeaveCall};
use super::recover::RecoverCall;
use super::service_logs::LogStream;
use crate::engine::{Duration, Time};
use crate::net::HostId;
use crate::swarm::api::{Answer, ApiError, Code, Failure, Request, Response};
use crate::swarm::manager::ReplyTo;
use crate::swarm::world::event::{Body, ClientId, ControlRequest, Event};
use crate::swarm::world::{Env, Host};
use std::sync::Arc;

/// The daemon gives up on a request after so long.
const LIMIT: Duration = Duration::from_secs(20);
/// How often it looks for a leader meanwhile.
const POLL: Duration = Duration::from_secs(1);

/// How often it looks for another leader when the one that it knew does not take its call.
const RETRY_POLL: Duration = Duration::from_millis(500);

pub(super) const NO_LEADER: &str = "The swarm does not have a leader. It's possible that too few managers are online. Make sure more than half of the managers are online.";

/// A call under way at a daemon.
#[derive(Clone, Debug)]
pub struct Call {
    pub(super) client: ClientId,
    pub(super) number: u64,
    pub(super) started: Time,
    pub(super) kind: CallKind,
}

#[derive(Clone, Debug)]
pub(super) enum CallKind {
    /// For the leader.
    Control {
        request: Arc<ControlRequest>,
        warnings: Vec<String>,
        /// At this leader now.
        at: Option<HostId>,
    },
    /// `swarm join`.
    Join(JoinCall),
    /// `swarm init`: waits for the node to be ready; then it is said what of its settings was refused.
    Init { refused: Option<ApiError> },
    /// `swarm init --force-new-cluster`: waits for the old node to stop and for the new one to be ready.
    Recover(RecoverCall),
    /// `swarm leave`.
    Leave(LeaveCall),
    /// `swarm unlock`: waits for the manager to be started.
    Unlock,
    /// `network create` with a driver that is searched for in vain; then this is said.
    Search(Answer),
}

/// An alarm of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallAlarm {
    /// Look for a leader again.
    Poll,
    /// The limit is reached.
    Deadline,
    /// Try to join again.
    Retry,
    /// What takes its time is done.
    Finish,
    /// Calls have ended: those who waited for that may go on. It is no one call's.
    Line,
}

impl Host {
    pub(super) fn call_open(&mut self, client: ClientId, number: u64, kind: CallKind, env: &mut Env) -> u64 {
        let call = env.next_call();
        self.calls.insert(call, Call { client, number, started: env.kernel.now(), kind });
        call
    }

    pub(super) fn call_alarm_in(&self, call: u64, after: Duration, alarm: CallAlarm, env: &mut Env) {
        env.kernel.schedule_in(self.clock.timer(after), Event::Call(self.id, self.boot, call, alarm));
    }

    /// Takes a request for the leader.
    pub(super) fn call_start(
        &mut self,
        client: ClientId,
        number: u64,
        request: Arc<ControlRequest>,
        warnings: Vec<String>,
        env: &mut Env,
    ) {
        let kind = CallKind::Control { request, warnings, at: None };
        let call = self.call_open(client, number, kind, env);
        if self.manager.as_ref().is_some_and(|manager| manager.has_lost_quorum()) {
            return self.call_done(call, Err(ApiError::grpc(Code::Unknown, NO_LEADER).into()), env);
        }
        self.call_try(call, env);
        // Most are answered at once by the leader's own daemon.
        if self.calls.contains_key(&call) {
            self.call_alarm_in(call, LIMIT, CallAlarm::Deadline, env);
        }
    }

    fn call_try(&mut self, number: u64, env: &mut Env) {
        let own = self.id;
        let Some(manager) = &self.manager else { return };
        let leader = manager.leader_host(own);
        let reachable = leader.is_some_and(|leader| leader == own || manager.is_active(leader));
        let leads = manager.leads();
        let Some(Call { kind: CallKind::Control { request, at, .. }, .. }) = self.calls.get_mut(&number) else {
            return;
        };
        let request = request.clone();
        match leader {
            Some(leader) if leader == own && leads => {
                *at = Some(own);
                self.leader_call(request, ReplyTo::Own { call: number }, env);
            }
            Some(leader) if leader != own && reachable => {
                *at = Some(leader);
                env.send(own, self.boot, leader, None, Body::Call { call: number, request });
            }
            _ => self.call_alarm_in(number, POLL, CallAlarm::Poll, env),
        }
    }

    /// An alarm of a call.
    pub fn call_alarm(&mut self, call: u64, alarm: CallAlarm, env: &mut Env) {
        if alarm == CallAlarm::Line {
            return self.line_moves(env);
        }
        if !self.calls.contains_key(&call) {
            return;
        }
        match alarm {
            CallAlarm::Poll => self.call_try(call, env),
            CallAlarm::Deadline => self.call_deadline(call, env),
            CallAlarm::Retry => self.join_try(call, env),
            CallAlarm::Finish => self.call_finish(call, env),
            CallAlarm::Line => {}
        }
    }

    fn call_deadline(&mut self, number: u64, env: &mut Env) {
        match self.calls.get(&number).map(|call| &call.kind) {
            Some(CallKind::Control { .. }) => {
                let error = ApiError::grpc(Code::DeadlineExceeded, "context deadline exceeded");
                self.call_done(number, Err(error.into()), env);
            }
            Some(CallKind::Join(_)) => self.join_deadline(number, env),
            Some(CallKind::Leave(_)) => self.leave_stats(number, None, env),
            _ => {}
        }
    }

    /// The leader's answer.
    pub fn call_done(&mut self, number: u64, answer: Answer, env: &mut Env) {
        if matches!(self.calls.get(&number), Some(Call { kind: CallKind::Leave(_), .. })) {
            let stats = match &answer {
                Ok(Response::Nodes(nodes)) => Some(nodes.clone()),
                _ => None,
            };
            return self.leave_stats(number, stats.as_deref(), env);
        }
        let Some(call) = self.calls.remove(&number) else { return };
        let CallKind::Control { request, warnings, .. } = call.kind else { return };
        if let ControlRequest::Api(
            request @ (Request::NetworkList(_)
            | Request::NetworkInspect { .. }
            | Request::NetworkCreate(_)
            | Request::NetworkPrune(_)),
        ) = &*request
        {
            let answer = self.network_answer(request, answer, env);
            self.answer_when_searched(call.client, call.number, answer, env);
            return self.line_may_move(env);
        }
        let answer = match (&*request, answer) {
            (ControlRequest::Info, answer) => Ok(Response::Info(Arc::new(self.info(Some(answer), env)))),
            (_, Ok(Response::ServiceCreated { id, .. })) => Ok(Response::ServiceCreated { id, warnings }),
            (_, Ok(Response::ServiceUpdated { .. })) => Ok(Response::ServiceUpdated { warnings }),
            (_, answer) => answer,
        };
        env.answer(call.client, call.number, answer);
        self.line_may_move(env);
    }

    /// The connection to a leader was reset: what was under way there fails once, with the words of a broken stream.
    /// A dial that was refused is tried again, perhaps at another leader.
    pub fn call_reset(&mut self, peer: HostId, refused: bool, env: &mut Env) {
        let broken: Vec<_> = self
            .calls
            .iter()
            .filter(|(_, call)| match &call.kind {
                CallKind::Control { at, .. } => *at == Some(peer),
                CallKind::Join(join) => join.remote == Some(peer),
                _ => false,
            })
            .map(|(number, call)| (*number, matches!(call.kind, CallKind::Join(_))))
            .collect();
        for (number, join) in broken {
            if join {
                self.join_refused(number, peer, env);
                continue;
            }
            if refused {
                if let Some(Call { kind: CallKind::Control { at, .. }, .. }) = self.calls.get_mut(&number) {
                    *at = None;
                }
                self.call_alarm_in(number, RETRY_POLL, CallAlarm::Poll, env);
                continue;
            }
            let error = self.connection_reset(number, peer, env);
            self.call_done(number, Err(error.into()), env);
        }
    }

    /// How gRPC speaks of a connection to a leader that broke under a call.
    pub(super) fn connection_reset(&self, call: u64, peer: HostId, env: &Env) -> ApiError {
        let (port, address) = (32768 + call % 28000, env.net.address(peer));
        let read = format!("read tcp {}:{port}->{address}:2377: read: connection reset by peer", self.addr);
        ApiError::grpc(Code::Unavailable, format!("error reading from server: {read}"))
    }

    /// The handshake of a new connection to a manager failed: what was to be asked there fails with it.
    pub fn call_refused(&mut self, peer: HostId, text: &str, env: &mut Env) {
        let at_peer = |call: &Call| matches!(&call.kind, CallKind::Control { at, .. } if *at == Some(peer));
        let broken: Vec<_> = self.calls.iter().filter(|(_, call)| at_peer(call)).map(|(number, _)| *number).collect();
        for number in broken {
            self.call_done(number, Err(ApiError::new(503, text).into()), env);
        }
    }

    /// A `swarm init` waits for its first manager to be ready.
    pub fn initialises(&self) -> bool {
        self.calls.values().any(|call| matches!(call.kind, CallKind::Init { .. }))
    }

    /// Clients whose requests die with the daemon.
    pub fn take_clients(&mut self) -> Vec<(ClientId, u64)> {
        let early = std::mem::take(&mut self.early).into_iter().map(|(client, number, _)| (client, number));
        let line = std::mem::take(&mut self.line).into_iter().map(|(client, number, _)| (client, number));
        let held = self.take_held();
        let calls = std::mem::take(&mut self.calls).into_values().map(|call| (call.client, call.number));
        let logs = std::mem::take(&mut self.log_streams).into_values().filter_map(LogStream::into_waiting);
        early.chain(held).chain(calls).chain(logs).chain(line).collect()
    }

    /// The error part of an answer, as `docker info` shows it.
    pub(super) fn error_text(answer: &Answer) -> String {
        match answer {
            Err(Failure::Api(error)) => error.message.clone(),
            _ => String::new(),
        }
    }
}
