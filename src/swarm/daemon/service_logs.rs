//! `docker service logs` at the daemons: at a manager's, whose client reads; and at a node's, whose containers write.
//!
//! Source: moby `daemon/cluster/services.go`, `daemon/cluster/executor/container/controller.go`; cli.md §5.3.

use super::call::NO_LEADER;
use crate::net::HostId;
use crate::swarm::api::{Answer, ApiError, Code, Failure, LogLine, LogPart, NoAnswer, Request, Response};
use crate::swarm::dispatcher::{Route, ToDispatcher};
use crate::swarm::logbroker::Subscriber;
use crate::swarm::world::event::{Body, ClientId};
use crate::swarm::world::{Env, Host};
use std::sync::Arc;

/// A log that a client of this daemon reads.
#[derive(Clone, Debug)]
pub struct LogStream {
    client: ClientId,
    /// The request that waits for its next part.
    waiting: Option<u64>,
    /// The leader that it comes from.
    at: HostId,
    /// What has come and was not yet asked for.
    lines: Vec<LogLine>,
    ended: Option<Result<(), String>>,
}

impl LogStream {
    /// Its client and the request that waits, if one does.
    pub(super) fn into_waiting(self) -> Option<(ClientId, u64)> {
        self.waiting.map(|number| (self.client, number))
    }
}

impl Host {
    /// A client's request about a service's log, on a manager.
    pub(super) fn service_logs(&mut self, client: ClientId, number: u64, request: &Arc<Request>, env: &mut Env) {
        match &**request {
            Request::ServiceLogsNext(stream) => match self.log_streams.get_mut(stream) {
                Some(known) => {
                    known.waiting = Some(number);
                    self.log_deliver(*stream, env);
                }
                None => env.answer(client, number, Err(Failure::NoAnswer(NoAnswer::Died))),
            },
            Request::ServiceLogsLeave(stream) => {
                if let Some(known) = self.log_streams.remove(stream) {
                    self.log_ask(*stream, known.at, None, env);
                }
                env.answer(client, number, Ok(Response::Done));
            }
            _ => self.service_logs_open(client, number, request, env),
        }
    }

    fn service_logs_open(&mut self, client: ClientId, number: u64, request: &Arc<Request>, env: &mut Env) {
        let own = self.id;
        let Some(manager) = &self.manager else { return };
        let leader = manager
            .leader_host(own)
            .filter(|leader| if *leader == own { manager.leads() } else { manager.is_active(*leader) });
        let Some(at) = leader else {
            return env.answer(client, number, Err(ApiError::grpc(Code::Unknown, NO_LEADER).into()));
        };
        let stream = env.next_call();
        let opened = LogStream { client, waiting: Some(number), at, lines: Vec::new(), ended: None };
        self.log_streams.insert(stream, opened);
        self.log_ask(stream, at, Some(request.clone()), env);
    }

    fn log_ask(&mut self, stream: u64, at: HostId, request: Option<Arc<Request>>, env: &mut Env) {
        if at == self.id {
            return self.leader_logs(Subscriber { host: at, stream }, request.as_deref(), env);
        }
        env.send(self.id, self.boot, at, None, Body::Logs { stream, request });
    }

    /// Something has come for a log that a client of this daemon reads.
    pub fn log_part(&mut self, stream: u64, part: Result<LogPart, Failure>, env: &mut Env) {
        let Some(known) = self.log_streams.get_mut(&stream) else { return };
        match part {
            Ok(part) => {
                known.lines.extend(part.lines.iter().cloned());
                known.ended = part.ended;
                self.log_deliver(stream, env);
            }
            Err(error) => {
                let known = self.log_streams.remove(&stream).and_then(LogStream::into_waiting);
                if let Some((client, number)) = known {
                    env.answer(client, number, Err(error));
                }
            }
        }
    }

    fn log_deliver(&mut self, stream: u64, env: &mut Env) {
        let Some(known) = self.log_streams.get_mut(&stream) else { return };
        let news = !known.lines.is_empty() || known.ended.is_some();
        let Some(number) = known.waiting.take_if(|_| news) else { return };
        let (lines, ended) = (std::mem::take(&mut known.lines), known.ended.take());
        let client = known.client;
        if ended.is_some() {
            self.log_streams.remove(&stream);
        }
        let answer: Answer = Ok(Response::LogPart(LogPart { stream, lines: Arc::new(lines), ended }));
        env.answer(client, number, answer);
    }

    /// The connection to a leader was reset: the logs that came from there break off.
    pub fn logs_reset(&mut self, peer: HostId, env: &mut Env) {
        let broken: Vec<u64> =
            self.log_streams.iter().filter(|(_, known)| known.at == peer).map(|(stream, _)| *stream).collect();
        for stream in broken {
            let error = self.connection_reset(stream, peer, env);
            let part = LogPart { stream, ended: Some(Err(error.message)), ..LogPart::default() };
            self.log_part(stream, Ok(part), env);
        }
    }

    /// What the containers of a subscription's tasks have written goes to the leader.
    pub fn publish_logs(&mut self, subscription: u64, lines: Vec<LogLine>, done: bool, env: &mut Env) {
        let Some(agent) = &self.agent else { return };
        let Some((manager, session)) = agent.session() else { return };
        let message = ToDispatcher::Logs { node: agent.node, session, subscription, lines: Arc::new(lines), done };
        let route = Route { host: self.id, via: None };
        env.send(self.id, self.boot, manager, None, Body::ToDispatcher { route, message });
    }
}
