//! What a node's daemon does about the node's role: has a certificate of the wanted role asked for, becomes a manager by
//! joining the Raft members, and ceases to be one when it was taken out.
//!
//! Certificates themselves are `swarm::ca`'s and their renewal is `credentials`'.
//!
//! Source: raft-and-security.md §3.2, §3.4, §6.3.

use super::call::CallKind;
use crate::engine::{Duration, Time};
use crate::net::HostId;
use crate::raft::Stored;
use crate::swarm::api::{ApiError, Code};
use crate::swarm::manager::RaftDisk;
use crate::swarm::object::Role;
use crate::swarm::world::event::{Body, ClientId, Event, MemberGrant};
use crate::swarm::world::record::What;
use crate::swarm::world::{Env, Host};

/// The request for a place among the Raft members must be answered within so long.
const JOIN_LIMIT: Duration = Duration::from_secs(25);
/// When a manager could not start, the swarm part of the daemon starts again after this, twice as long each time...
const RESTART: Duration = Duration::from_millis(200);
/// ... up to this.
const RESTART_MAX: Duration = Duration::from_secs(30);
/// A manager that was taken out waits so long for a worker's certificate, and so long again.
const ROLE_WAIT: Duration = Duration::from_secs(16);
/// Stopping a manager whose streams are still open takes so long.
const GRACEFUL_STOP: Duration = Duration::from_secs(8);
/// How often a node that starts looks whether its manager's socket is there.
const SOCKET_POLL: Duration = Duration::from_millis(500);
/// A daemon that starts serves its API when its node is in, but after so long at the latest.
pub(super) const SERVE_LIMIT: Duration = Duration::from_secs(20);

/// An alarm of what this file does; numbers tell whether it is still meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RoleAlarm {
    /// Ask for a place among the Raft members.
    Join(u64),
    /// No place was given.
    JoinTimeout(u64),
    /// A manager that was taken out has waited for a worker's certificate.
    RoleWait(u32),
    /// A manager that was taken out has stopped.
    Stopped,
    /// The API is served at the latest now.
    Serve,
    /// The own manager's socket is there: the agent goes by it from now on.
    OwnManager,
    /// A force-new-cluster goes on: the old node has stopped.
    Recover(u64),
}

/// What a node's daemon has under way about its role: memory, gone with the process.
#[derive(Clone, Debug, Default)]
pub struct RoleChange {
    /// The role that the user wants, while the certificate says another.
    expected: Option<Role>,
    /// It asks for a place among the Raft members: number of the try, and how many have failed.
    joining: Option<(u64, u32)>,
    /// Waits for a worker's certificate since it was taken out: how many are over.
    waits: Option<u32>,
    /// Its manager is being stopped; requests are held until then.
    stopping: bool,
    held: Vec<(ClientId, u64)>,
}

impl RoleChange {
    /// It is to be a manager and is not a Raft member yet.
    pub fn is_joining(&self) -> bool {
        self.joining.is_some()
    }

    /// Requests are held until its manager has stopped.
    pub(super) fn holds_calls(&self) -> bool {
        !self.held.is_empty()
    }
}

impl Host {
    /// The socket of the manager that starts will be there in a moment.
    pub fn own_manager_later(&self, env: &mut Env) {
        env.kernel.schedule_in(SOCKET_POLL, Event::Role(self.id, self.boot, RoleAlarm::OwnManager));
    }

    /// Whether Raft is served here: by a manager, or by one that is about to join.
    pub fn serves_raft(&self) -> bool {
        self.manager.is_some() || self.role.is_joining()
    }

    /// The dispatcher says what the user wants this node to be.
    pub fn role_wanted(&mut self, wanted: Role, env: &mut Env) {
        let Some(node) = &self.disk.node else { return };
        if node.role == wanted {
            if self.role.expected.take().is_some() {
                self.renewal_called_off();
            }
        } else if self.role.expected != Some(wanted) {
            self.role.expected = Some(wanted);
            self.renewal_ordered(Some(wanted), env);
        }
    }

    /// An alarm.
    pub fn role_alarm(&mut self, alarm: RoleAlarm, env: &mut Env) {
        match alarm {
            RoleAlarm::Join(number) if self.role.joining.is_some_and(|(known, _)| known == number) => {
                self.member_try(None, env);
            }
            RoleAlarm::JoinTimeout(number) if self.role.joining.is_some_and(|(known, _)| known == number) => {
                self.member_failed("rpc error: code = DeadlineExceeded desc = context deadline exceeded", env);
            }
            RoleAlarm::RoleWait(waits) if self.role.waits == Some(waits) => self.role_wait_over(waits, env),
            RoleAlarm::Stopped => self.manager_stopped(env),
            RoleAlarm::Serve => self.serve(env),
            RoleAlarm::OwnManager if self.manager.is_some() => {
                let own = self.id;
                self.agent_do(env, |agent, now, out| agent.set_own_manager(Some(own), now, out));
            }
            RoleAlarm::Recover(call) => self.recover_restart(call, env),
            _ => {}
        }
    }

    /// A manager to ask: the own one, or one that the agent knows.
    fn some_manager(&mut self) -> Option<HostId> {
        if self.manager.is_some() {
            return Some(self.id);
        }
        let own = self.id;
        let chosen = self.agent.as_mut().and_then(|agent| agent.manager().or_else(|| agent.choose_manager()));
        chosen.filter(|host| *host != own).or_else(|| {
            let node = self.disk.node.as_ref()?;
            node.managers.iter().map(|(_, host)| *host).find(|host| *host != own)
        })
    }

    /// The node has a certificate of another role.
    pub(super) fn certified(&mut self, role: Role, env: &mut Env) {
        let Some(node) = &mut self.disk.node else { return };
        node.role = role;
        self.role.expected = None;
        env.record(What::Certified { host: self.id, role });
        match role {
            Role::Manager if self.manager.is_none() => self.member_join(None, env),
            Role::Worker => self.role.waits = None,
            Role::Manager => {}
        }
    }

    /// The node is certified as a manager: it asks for a place among the Raft members.
    pub fn member_join(&mut self, remote: Option<HostId>, env: &mut Env) {
        self.role.joining = Some((0, 0));
        self.member_try(remote, env);
    }

    fn member_try(&mut self, remote: Option<HostId>, env: &mut Env) {
        let Some((_, failed)) = self.role.joining else { return };
        let (own, boot) = (self.id, self.boot);
        // Unique in the world: an answer to what this host asked in another life must not be taken for this one's.
        let number = env.next_call();
        self.role.joining = Some((number, failed));
        env.kernel.schedule_in(self.clock.timer(JOIN_LIMIT), Event::Role(own, boot, RoleAlarm::JoinTimeout(number)));
        let remote = remote.or_else(|| self.some_manager());
        let (Some(remote), Some(node)) = (remote, &self.disk.node) else { return };
        let body = Body::MemberJoin { number, host: own, node: node.node, id: node.id, via: None };
        env.send(own, boot, remote, None, body);
    }

    /// What came of asking for a place among the Raft members.
    pub fn member_joined(&mut self, number: u64, result: Result<MemberGrant, String>, env: &mut Env) {
        if self.role.joining.is_none_or(|(known, _)| known != number) {
            return;
        }
        match result {
            Ok(grant) => {
                let Some(node) = &mut self.disk.node else { return };
                node.lineage = grant.lineage;
                self.role.joining = None;
                let (member, lineage) = (grant.member, grant.lineage);
                self.disk.raft = Some(RaftDisk { member, lineage, stored: Stored::joining() });
                self.start_manager(&grant.members, env);
                let own = self.id;
                self.agent_do(env, |agent, now, out| agent.set_own_manager(Some(own), now, out));
                self.node_is_in(env);
            }
            Err(text) => self.member_failed(&text, env),
        }
    }

    fn member_failed(&mut self, text: &str, env: &mut Env) {
        let waiting =
            self.calls.iter().find(|(_, call)| matches!(&call.kind, CallKind::Join(join) if join.is_granted()));
        if let Some((&number, _)) = waiting {
            // A first start that fails is not tried again: the host is in no swarm.
            return self.join_failed(number, &format!("manager stopped: can't initialize raft node: {text}"), env);
        }
        let Some((number, failed)) = &mut self.role.joining else { return };
        let pause = (RESTART.as_nanos() << (*failed).min(10)).min(RESTART_MAX.as_nanos());
        *failed += 1;
        let alarm = RoleAlarm::Join(*number);
        env.kernel.schedule_in(self.clock.timer(Duration::from_nanos(pause)), Event::Role(self.id, self.boot, alarm));
    }

    /// This manager is a Raft member no more: it stops, and what it kept for Raft is wiped. The node goes on as a worker once
    /// it is certified as one.
    pub fn manager_removed(&mut self, env: &mut Env) {
        let Some(led_at) = self.manager.as_ref().map(|manager| manager.led_until) else { return };
        let now = env.kernel.now();
        self.leader_stop(env);
        self.close_relayed(None, env);
        self.manager = None;
        self.disk.raft = None;
        env.record(What::LeftRaft { host: self.id });
        // Agents whose sessions went by this manager hold its server open.
        self.role.stopping = led_at.is_some_and(|until: Time| now - until < GRACEFUL_STOP);
        let takes = if self.role.stopping { GRACEFUL_STOP } else { Duration::from_millis(50) };
        env.kernel.schedule_in(self.clock.timer(takes), Event::Role(self.id, self.boot, RoleAlarm::Stopped));
        let control: Vec<_> = self
            .calls
            .iter()
            .filter(|(_, call)| matches!(call.kind, CallKind::Control { .. }))
            .map(|(n, _)| *n)
            .collect();
        for number in control {
            if let Some(call) = self.calls.remove(&number) {
                self.role.held.push((call.client, call.number));
            }
        }
        self.role.waits = Some(0);
        env.kernel.schedule_in(self.clock.timer(ROLE_WAIT), Event::Role(self.id, self.boot, RoleAlarm::RoleWait(0)));
        self.agent_do(env, |agent, now, out| agent.set_own_manager(None, now, out));
    }

    /// Holds a request while the manager stops; says whether it did.
    pub(super) fn held_while_stopping(&mut self, client: ClientId, number: u64) -> bool {
        // The socket of a manager that led a moment ago stays until its server has stopped; another's is gone at once.
        if self.role.stopping {
            self.role.held.push((client, number));
        }
        self.role.stopping
    }

    fn manager_stopped(&mut self, env: &mut Env) {
        self.role.stopping = false;
        for (client, number) in std::mem::take(&mut self.role.held) {
            let error = ApiError::grpc(
                Code::Unavailable,
                "closing transport due to: connection error: desc = \"error reading from server: EOF\", received prior goaway: code: NO_ERROR, debug data: \"graceful_stop\"",
            );
            env.answer(client, number, Err(error.into()));
        }
        self.line_may_move(env);
    }

    fn role_wait_over(&mut self, waits: u32, env: &mut Env) {
        if self.disk.node.as_ref().is_none_or(|node| node.role == Role::Worker) {
            self.role.waits = None;
            return;
        }
        if waits == 0 {
            self.role.waits = Some(1);
            env.kernel
                .schedule_in(self.clock.timer(ROLE_WAIT), Event::Role(self.id, self.boot, RoleAlarm::RoleWait(1)));
            self.role.expected = Some(Role::Worker);
            self.renewal_ordered(Some(Role::Worker), env);
        } else {
            // It is taken to have been promoted again.
            self.role.waits = None;
            self.role.expected = None;
            self.renewal_called_off();
            self.member_join(None, env);
        }
    }

    /// Clients whose requests are held die with the daemon, or are refused by it.
    pub(super) fn take_held(&mut self) -> Vec<(ClientId, u64)> {
        std::mem::take(&mut self.role.held)
    }
}
