//! Calls that only the leader carries out: of its own daemon, of other managers' and of hosts that want to join. Each waits
//! for its turn and is answered when it is committed, or when leadership is lost.
//!
//! Source: control-plane.md §11; raft-and-security.md §1.4, §7.

use crate::engine::EventId;
use crate::net::HostId;
use crate::swarm::api::{Answer, ApiError, Code, Failure};
use crate::swarm::component::Writer;
use crate::swarm::control;
use crate::swarm::manager::members::MembersView;
use crate::swarm::store::Transaction;
use crate::swarm::world::event::{Body, ControlRequest, JoinError, JoinGrant, JoinRequest};
use crate::swarm::world::{Env, Host};
use std::sync::Arc;

/// A request that waits for its turn or for its commit.
#[derive(Clone, Debug)]
pub struct LeaderCall {
    pub(super) kind: CallKind,
    /// The notable event that led to it.
    pub(super) asked_by: EventId,
    pub(super) reply: ReplyTo,
    /// What is answered once it is committed.
    pub(super) answer: Option<Arc<Answer>>,
    pub(super) grant: Option<Box<JoinGrant>>,
}

#[derive(Clone, Debug)]
pub(super) enum CallKind {
    Api(Arc<ControlRequest>),
    Join(Arc<JoinRequest>, HostId),
}

/// Where an answer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyTo {
    /// To a call of this host's daemon.
    Own {
        /// The call.
        call: u64,
    },
    /// To a call of another manager's daemon.
    Follower {
        /// Where.
        host: HostId,
        /// The call.
        call: u64,
    },
    /// To a host that wants to join.
    Joiner {
        /// Where.
        host: HostId,
        /// The call.
        call: u64,
        /// Through this manager.
        via: Option<HostId>,
    },
}

impl Host {
    /// A manager's daemon asks for something that only the leader can do.
    pub fn leader_call(&mut self, request: Arc<ControlRequest>, reply: ReplyTo, env: &mut Env) {
        let own = self.id;
        let Some(manager) = &mut self.manager else { return };
        if manager.leader.is_none() {
            return self.leader_reply(reply, Err(lost_leadership()), None, env);
        }
        let view = control::View { manager, own, env };
        if let Some(answer) = control::read(&request, &view) {
            return self.leader_reply(reply, answer, None, env);
        }
        self.leader_queue(CallKind::Api(request), reply, env);
    }

    /// A host wants to join.
    pub fn leader_join(&mut self, request: Arc<JoinRequest>, host: HostId, reply: ReplyTo, env: &mut Env) {
        self.leader_queue(CallKind::Join(request, host), reply, env);
    }

    fn leader_queue(&mut self, kind: CallKind, reply: ReplyTo, env: &mut Env) {
        let Some(leader) = self.manager.as_mut().and_then(|manager| manager.leader.as_mut()) else { return };
        let number = leader.next_call;
        leader.next_call += 1;
        let writer = match kind {
            CallKind::Api(_) => Writer::Api(number),
            CallKind::Join(..) => Writer::Join(number),
        };
        leader.calls.insert(
            number,
            LeaderCall { kind, asked_by: env.kernel.origin().landmark, reply, answer: None, grant: None },
        );
        leader.ask(writer);
        self.leader_grant(env);
    }

    pub(super) fn leader_reply(
        &mut self,
        reply: ReplyTo,
        answer: Answer,
        grant: Option<Box<JoinGrant>>,
        env: &mut Env,
    ) {
        match reply {
            ReplyTo::Own { call } => self.call_done(call, answer, env),
            ReplyTo::Follower { host, call } => {
                env.send(self.id, self.boot, host, None, Body::CallDone { call, answer: Arc::new(answer) });
            }
            ReplyTo::Joiner { host, call, via } => {
                let result = match (grant, answer) {
                    (Some(grant), Ok(_)) => {
                        let lineage = self.manager.as_ref().map_or(grant.lineage, |manager| manager.lineage);
                        Ok(JoinGrant { lineage, ..*grant })
                    }
                    (_, Err(Failure::Api(error))) => Err(JoinError { message: error.message }),
                    _ => Err(JoinError { message: lost_leadership_text() }),
                };
                let body = Body::JoinDone { call, host, result: Arc::new(result), via };
                env.send(self.id, self.boot, via.unwrap_or(host), None, body);
            }
        }
    }
}

impl LeaderCall {
    pub(super) fn carry_out(&mut self, tx: &mut Transaction, members: &MembersView, env: &mut Env) {
        match &self.kind {
            CallKind::Api(request) => self.answer = Some(Arc::new(control::write(request, tx, members, env))),
            CallKind::Join(request, host) => match control::join(request, *host, tx, env) {
                Ok(grant) => {
                    self.grant = Some(Box::new(grant));
                    self.answer = Some(Arc::new(Ok(crate::swarm::api::Response::Done)));
                }
                Err(error) => self.answer = Some(Arc::new(Err(error.into()))),
            },
        }
    }
}

fn lost_leadership_text() -> String {
    "raft: failed to process the request: node lost leader status".to_owned()
}

pub(super) fn lost_leadership() -> Failure {
    Failure::Api(ApiError::grpc(Code::Unknown, lost_leadership_text()))
}
