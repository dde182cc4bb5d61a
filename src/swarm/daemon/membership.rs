//! `swarm init`, `join` and `leave` at the daemon that is asked (raft-and-security.md §3.6, §5; cli.md §5.1).

use super::RoleChange;
use super::call::{CallAlarm, CallKind};
use super::checks;
use super::credentials::LOCKED_LEAVE;
use crate::engine::Duration;
use crate::net::HostId;
use crate::raft::Stored;
use crate::swarm::api::{ApiError, Code, Node, Response, SwarmInitRequest, SwarmJoinRequest};
use crate::swarm::ca::Credentials;
use crate::swarm::control::{Setup, at_init, check_at_init, new_cluster, new_node};
use crate::swarm::manager::{Input, RaftDisk, ReplyTo, member_context};
use crate::swarm::object::{Availability, Labels, NodeDescription, NodeKey, Role, token_digest};
use crate::swarm::store::{Lineage, LineageId};
use crate::swarm::world::event::{Body, ClientId, ControlRequest, JoinError, JoinGrant, JoinRequest};
use crate::swarm::world::record::What;
use crate::swarm::world::{Env, Host, NodeIdentity};
use std::net::Ipv4Addr;
use std::sync::Arc;

const ALREADY_IN: &str =
    "This node is already part of a swarm. Use \"docker swarm leave\" to leave this swarm and join another one.";
const TIMEOUT: &str = "Timeout was reached before node joined. The attempt to join the swarm will continue in the background. Use the \"docker info\" command to see the current swarm status of your node.";

/// The daemon waits so long for a node to be in.
const JOIN_LIMIT: Duration = Duration::from_secs(20);
/// A refused certificate is asked for again, so many times in all...
const JOIN_TRIES: u32 = 5;
/// ... so far apart; the last refusal is reported after one more pause.
const JOIN_PAUSE: Duration = Duration::from_secs(2);
/// What `swarm init` takes beyond what is modelled: certificates, networks.
const INIT: Duration = Duration::from_millis(560);
/// What `swarm join` takes beyond what is modelled.
const JOIN: Duration = Duration::from_millis(60);
/// What leaving takes, and with containers to remove.
const LEAVE: Duration = Duration::from_millis(260);
const LEAVE_BUSY: Duration = Duration::from_millis(850);
/// `swarm leave` asks the leader for the managers' state, but not for longer than this.
const STATS_LIMIT: Duration = Duration::from_secs(5);

/// A join under way.
#[derive(Clone, Debug)]
pub(super) struct JoinCall {
    request: Arc<JoinRequest>,
    /// As typed, with its port.
    pub(super) remote_addr: String,
    /// The host that has the address, if any has.
    pub(super) remote: Option<HostId>,
    tries: u32,
    refusal: String,
    /// The client has been told that it goes on in the background.
    answered: bool,
    /// The grant has come; the agent's session is waited for.
    granted: bool,
}

impl JoinCall {
    /// The host is certified; its node is being started.
    pub(super) fn is_granted(&self) -> bool {
        self.granted
    }
}

/// A leave under way: what comes of it is known, or the managers' state is waited for.
#[derive(Clone, Debug)]
pub(super) struct LeaveCall {
    refusing: bool,
}

impl Host {
    pub(super) fn pending_join(&self) -> Option<String> {
        self.calls.values().find_map(|call| match &call.kind {
            CallKind::Join(join) if join.answered => Some(join.remote_addr.clone()),
            _ => None,
        })
    }

    pub(super) fn swarm_init(&mut self, client: ClientId, number: u64, init: &SwarmInitRequest, env: &mut Env) {
        if init.force_new_cluster && self.disk.node.is_some() {
            return self.recover(client, number, init, env);
        }
        if self.disk.node.is_some() {
            return env.answer(client, number, Err(ApiError::new(503, ALREADY_IN).into()));
        }
        let addr = match checks::init(init, self.interface) {
            Ok(addr) => addr,
            Err(error) => return env.answer(client, number, Err(error.into())),
        };
        let availability = match init.availability.as_str() {
            "pause" => Availability::Pause,
            "drain" => Availability::Drain,
            _ => Availability::Active,
        };
        if let Err(error) = self.advertise(addr, env) {
            return env.answer(client, number, Err(error.into()));
        }
        let lineage = LineageId(u32::try_from(env.lineages.len()).expect("clusters are few"));
        env.lineages.push(Lineage::default());
        let wall = self.wall(env.kernel.now());
        let mut cluster = new_cluster(&mut env.ids, &self.name, &env.settings.clone(), wall);
        at_init(&mut cluster, init, &mut env.ids);
        let node = NodeKey(0);
        let id = env.ids.node(&self.name);
        let description = Arc::new(NodeDescription::default());
        let object = new_node(node, id, self.id, Role::Manager, availability, Labels::new(), self.addr, description);
        self.disk.credentials = Some(Credentials::issue(&cluster, id, Role::Manager, wall, 0));
        self.setup = Some(Arc::new(Setup { cluster, nodes: vec![object] }));
        let member = env.ids.member(&self.name);
        let stored = Stored::bootstrap(&[(member, member_context(node, self.id))]);
        self.disk.raft = Some(RaftDisk { member, lineage, stored });
        self.disk.node = Some(NodeIdentity { node, id, role: Role::Manager, lineage, managers: vec![(node, self.id)] });
        self.call_open(client, number, CallKind::Init { refused: check_at_init(init).err() }, env);
        // Whoever makes a cluster holds its key.
        if self.may_start(true, false, env) {
            self.start_swarm_unlocked(env);
        }
        // The first member of a cluster does not wait for an election.
        self.manager_input(Input::Campaign, env);
    }

    /// From now on the others know this host by that address: it becomes its own, unless it is another's.
    fn advertise(&mut self, addr: Ipv4Addr, env: &mut Env) -> Result<(), ApiError> {
        match env.net.host_at(addr) {
            Some(other) if other != self.id => Err(checks::taken(addr, env.name(other))),
            _ => {
                self.addr = addr;
                env.net.set_address(self.id, addr);
                Ok(())
            }
        }
    }

    pub(super) fn swarm_join(&mut self, client: ClientId, number: u64, join: &SwarmJoinRequest, env: &mut Env) {
        if self.disk.node.is_some() || self.pending_join().is_some() {
            return env.answer(client, number, Err(ApiError::new(503, ALREADY_IN).into()));
        }
        let addr = match checks::join(join, self.interface) {
            Ok(addr) => addr,
            Err(error) => return env.answer(client, number, Err(error.into())),
        };
        if !join.token.is_empty() && token_digest(&join.token).is_none() {
            return env.answer(client, number, Err(ApiError::new(400, "invalid join token").into()));
        }
        if let Err(error) = self.advertise(addr, env) {
            return env.answer(client, number, Err(error.into()));
        }
        let (host, port) = join.remote_addr.rsplit_once(':').unwrap_or((&join.remote_addr, "2377"));
        let remote = host
            .parse::<Ipv4Addr>()
            .ok()
            .and_then(|addr| env.net.host_at(addr))
            .or_else(|| env.names.iter().position(|name| **name == *host).map(|n| HostId(n as u16)))
            .filter(|_| port == "2377");
        let request = JoinRequest {
            token: join.token.clone(),
            addr: self.addr,
            hostname: self.name.clone(),
            availability: join.availability.clone(),
            description: self.description.clone(),
        };
        let kind = CallKind::Join(JoinCall {
            request: Arc::new(request),
            remote_addr: format!("{host}:{port}"),
            remote,
            tries: 0,
            refusal: String::new(),
            answered: false,
            granted: false,
        });
        let call = self.call_open(client, number, kind, env);
        self.call_alarm_in(call, JOIN_LIMIT, CallAlarm::Deadline, env);
        self.join_try(call, env);
    }

    pub(super) fn join_try(&mut self, number: u64, env: &mut Env) {
        let (own, boot) = (self.id, self.boot);
        let Some(call) = self.calls.get_mut(&number) else { return };
        let CallKind::Join(join) = &mut call.kind else { return };
        if join.tries == JOIN_TRIES && !join.answered {
            let (client, request, text) = (call.client, call.number, std::mem::take(&mut join.refusal));
            self.calls.remove(&number);
            return env.answer(client, request, Err(ApiError::new(500, text).into()));
        }
        join.tries += 1;
        // A host that nobody has swallows the request: only the daemon's own limit ends it.
        let Some(remote) = join.remote else { return };
        let body = Body::Join { call: number, host: own, request: join.request.clone(), via: None };
        env.send(own, boot, remote, None, body);
    }

    /// Nobody listens at the address.
    pub(super) fn join_refused(&mut self, number: u64, peer: HostId, env: &mut Env) {
        let text = format!(
            "rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing: dial tcp {}:2377: connect: connection refused\"",
            env.net.address(peer)
        );
        self.join_done(number, Err(JoinError { message: text }), env);
    }

    /// A host asks this one to let it in.
    pub fn join_asked(
        &mut self,
        call: u64,
        host: HostId,
        request: Arc<JoinRequest>,
        via: Option<HostId>,
        from: HostId,
        env: &mut Env,
    ) {
        let refuse = |this: &Self, message: String, env: &mut Env| {
            let body = Body::JoinDone { call, host, result: Arc::new(Err(JoinError { message })), via };
            env.send(this.id, this.boot, from, None, body);
        };
        let Some(manager) = &self.manager else {
            let text = ApiError::grpc(Code::FailedPrecondition, "raft: node is not yet part of a raft cluster").message;
            return refuse(self, text, env);
        };
        if manager.leads() {
            let reply = ReplyTo::Joiner { host, call, via };
            return self.leader_join(request, host, reply, env);
        }
        match manager.leader_host(self.id).filter(|leader| *leader != self.id && manager.is_active(*leader)) {
            Some(leader) if via.is_none() => {
                env.send(self.id, self.boot, leader, None, Body::Join { call, host, request, via: Some(self.id) });
            }
            _ => {
                let text = ApiError::grpc(Code::Unknown, "The swarm does not have a leader. It's possible that too few managers are online. Make sure more than half of the managers are online.").message;
                refuse(self, text, env);
            }
        }
    }

    /// What came of asking to be let in.
    pub fn join_done(&mut self, number: u64, result: Result<JoinGrant, JoinError>, env: &mut Env) {
        let Some(call) = self.calls.get_mut(&number) else { return };
        let CallKind::Join(join) = &mut call.kind else { return };
        if join.granted {
            // The answer to an earlier try that took a long way round: the node that it made stays behind as a ghost.
            return;
        }
        match result {
            Ok(grant) => {
                join.granted = true;
                let remote = join.remote;
                self.disk.node = Some(NodeIdentity {
                    node: grant.node,
                    id: grant.id,
                    role: grant.role,
                    lineage: grant.lineage,
                    managers: grant.managers,
                });
                self.credentials_granted(grant.credentials, env);
                self.start_agent(env);
                if grant.role == Role::Manager {
                    self.member_join(remote, env);
                }
            }
            Err(error) => {
                join.refusal = error.message;
                self.call_alarm_in(number, JOIN_PAUSE, CallAlarm::Retry, env);
            }
        }
    }

    /// The node was certified and could not become a manager: the host is in no swarm again.
    pub(super) fn join_failed(&mut self, number: u64, text: &str, env: &mut Env) {
        let Some(call) = self.calls.remove(&number) else { return };
        let CallKind::Join(join) = &call.kind else { return };
        let answered = join.answered;
        self.forget_swarm(env);
        if !answered {
            env.answer(call.client, call.number, Err(ApiError::new(500, text).into()));
        }
    }

    /// The host is in no swarm any more: what it kept for one is wiped, and alarms of the node that it was must not reach the
    /// one that it may become.
    pub fn forget_swarm(&mut self, env: &mut Env) {
        self.boot = env.next_boot(self.id);
        for (client, number) in self.take_clients() {
            env.answer(client, number, Err(ApiError::new(503, "context canceled").into()));
        }
        self.manager = None;
        self.agent = None;
        self.setup = None;
        self.role = RoleChange::default();
        self.broken = None;
        self.disk.unsynced_commit = None;
        self.disk.raft = None;
        self.disk.node = None;
        self.disk.credentials = None;
        self.renewer = None;
        self.not_started = None;
        self.disk.tasks.clear();
    }

    pub(super) fn join_deadline(&mut self, number: u64, env: &mut Env) {
        let Some(call) = self.calls.get_mut(&number) else { return };
        let CallKind::Join(join) = &mut call.kind else { return };
        if !std::mem::replace(&mut join.answered, true) {
            let (client, request) = (call.client, call.number);
            env.answer(client, request, Err(ApiError::new(503, TIMEOUT).into()));
        }
    }

    /// The agent has a session: an init or a join that waited for it is done.
    pub fn node_is_in(&mut self, env: &mut Env) {
        self.serve(env);
        let now = env.kernel.now();
        let manages = self.disk.node.as_ref().is_some_and(|node| node.role == Role::Manager);
        // A manager is ready when it is a Raft member, too.
        let ready = !manages || self.manager.is_some();
        let has_session = self.agent.as_ref().is_some_and(|agent| agent.manager().is_some());
        if !ready || !has_session {
            return;
        }
        let waiting: Vec<_> = self
            .calls
            .iter()
            .filter(|(_, call)| match &call.kind {
                CallKind::Init { .. } => true,
                CallKind::Join(join) => join.granted,
                CallKind::Recover(recover) => recover.is_started(),
                _ => false,
            })
            .map(|(number, call)| {
                let least = match call.kind {
                    CallKind::Join(_) if !manages => JOIN,
                    CallKind::Init { .. } | CallKind::Join(_) => INIT,
                    _ => Duration::ZERO,
                };
                (*number, (call.started + least).max(now) - now)
            })
            .collect();
        for (number, after) in waiting {
            self.call_alarm_in(number, after, CallAlarm::Finish, env);
        }
    }

    pub(super) fn call_finish(&mut self, number: u64, env: &mut Env) {
        let Some(call) = self.calls.remove(&number) else { return };
        let answer = match call.kind {
            CallKind::Init { refused: Some(error) } => Err(error.into()),
            CallKind::Recover(_) | CallKind::Init { refused: None } => {
                Ok(Response::SwarmInit(self.disk.node.as_ref().map(|n| n.id.text()).unwrap_or_default()))
            }
            CallKind::Join(join) if join.answered => return,
            CallKind::Search(answer) => answer,
            _ => Ok(Response::Done),
        };
        env.answer(call.client, call.number, answer);
    }

    pub(super) fn swarm_leave(&mut self, client: ClientId, number: u64, force: bool, env: &mut Env) {
        let pending: Vec<_> =
            self.calls.iter().filter(|(_, call)| matches!(call.kind, CallKind::Join(_))).map(|(n, _)| *n).collect();
        if self.disk.node.is_none() {
            if pending.is_empty() {
                return env.answer(client, number, Err(ApiError::new(503, "This node is not part of a swarm").into()));
            }
            for call in pending {
                self.calls.remove(&call);
            }
            return env.answer(client, number, Ok(Response::Done));
        }
        if self.is_locked() && !force {
            return env.answer(client, number, Err(ApiError::new(503, LOCKED_LEAVE).into()));
        }
        if self.manager.is_some() && !force {
            let call = self.call_open(client, number, CallKind::Leave(LeaveCall { refusing: true }), env);
            self.call_alarm_in(call, STATS_LIMIT, CallAlarm::Deadline, env);
            let own = self.id;
            let leader = self.manager.as_ref().and_then(|manager| manager.leader_host(own));
            let request = Arc::new(ControlRequest::ManagerStats);
            match leader {
                Some(leader) if leader == own => self.leader_call(request, ReplyTo::Own { call }, env),
                Some(leader) => env.send(own, self.boot, leader, None, Body::Call { call, request }),
                None => self.leave_stats(call, None, env),
            }
            return;
        }
        let busy = self.engine.containers.values().any(|container| container.task().is_some());
        env.remark(What::Left { host: self.id });
        self.forget_swarm(env);
        self.engine_do(env, |engine, around, out| engine.remove_all(around, out));
        let call = self.call_open(client, number, CallKind::Leave(LeaveCall { refusing: false }), env);
        self.call_alarm_in(call, if busy { LEAVE_BUSY } else { LEAVE }, CallAlarm::Finish, env);
    }

    /// The managers' state, or none within the limit: a manager is told why it should not leave.
    pub(super) fn leave_stats(&mut self, number: u64, nodes: Option<&Vec<Node>>, env: &mut Env) {
        let refusing = matches!(
            self.calls.get(&number).map(|call| &call.kind),
            Some(CallKind::Leave(LeaveCall { refusing: true }))
        );
        if !refusing {
            return;
        }
        let Some(call) = self.calls.remove(&number) else { return };
        let mut text =
            "You are attempting to leave the swarm on a node that is participating as a manager. ".to_owned();
        let managers = nodes.into_iter().flatten().filter_map(|node| node.manager_status.as_ref());
        let (mut reachable, mut unreachable) = (0i64, 0i64);
        for manager in managers {
            if manager.reachability == "reachable" { reachable += 1 } else { unreachable += 1 }
        }
        if nodes.is_some() && reachable == 1 && unreachable == 0 {
            text += "Removing the last manager erases all current state of the swarm. Use `--force` to ignore this message. ";
        } else {
            if nodes.is_some() && reachable - 2 <= unreachable {
                text += &format!(
                    "Removing this node leaves {} managers out of {}. Without a Raft quorum your swarm will be inaccessible. ",
                    reachable - 1,
                    reachable + unreachable
                );
            }
            text += "The only way to restore a swarm that has lost consensus is to reinitialize it with `--force-new-cluster`. Use `--force` to suppress this message.";
        }
        env.answer(call.client, call.number, Err(ApiError::new(503, text.trim_end()).into()));
    }
}
