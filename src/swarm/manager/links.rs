//! What a manager hears from the other members and how it reaches them: messages, votes that are checked, peers that fail.
//!
//! Source: raft-and-security.md §1.5, §1.6.

use super::{Input, Manager};
use crate::engine::{Duration, Time};
use crate::net::HostId;
use crate::raft::{Message, MessageKind, Role};
use crate::swarm::object::NodeKey;
use crate::swarm::store::Proposal;
use crate::swarm::world::event::Body;
use crate::swarm::world::record::What;
use crate::swarm::world::{Env, Host};
use std::sync::Arc;

/// Whoever asks for a vote must answer a health check within so long.
const VOTE_CHECK: Duration = Duration::from_secs(2);

/// A request for a vote whose sender is being checked.
#[derive(Clone, Debug)]
pub(super) struct VoteCheck {
    number: u64,
    until: Time,
    message: Message<Arc<Proposal>>,
}

impl Host {
    /// Sends a Raft message on its way. While the pause after a failed dial lasts, it fails at once.
    pub(super) fn manager_send(&mut self, message: Message<Arc<Proposal>>, env: &mut Env) {
        let now = env.kernel.now();
        let Some(manager) = &mut self.manager else { return };
        let Some(peer) = manager.peers.get(message.to) else { return };
        let connected = env.net.holds(self.id, self.boot, peer.host);
        if !peer.may_send(connected, now) {
            if message.kind == MessageKind::Snapshot {
                manager.inbox.push_back(Input::SnapshotSent(message.to, false));
            }
            return;
        }
        if let Some(snapshot) = &message.snapshot {
            env.record(What::SnapshotSent { host: self.id, peer: peer.host, index: snapshot.index });
        }
        let host = peer.host;
        if let Some(disk) = &self.disk.raft {
            env.check_sent(self.id, disk.member, &message, &disk.stored);
        }
        env.send(self.id, self.boot, host, None, Body::Raft(message));
    }

    /// A Raft message arrived.
    pub fn manager_receive(&mut self, message: Message<Arc<Proposal>>, from: HostId, env: &mut Env) {
        let Some(manager) = &mut self.manager else { return };
        if manager.state.removed_members.contains(&message.from) {
            let body = Body::RemovedMember { member: message.from };
            return env.send(self.id, self.boot, from, None, body);
        }
        if message.to != manager.member {
            return;
        }
        if message.kind == MessageKind::Vote {
            return self.manager_check_vote(message, env);
        }
        let last = manager.raft.last_index();
        if message.kind == MessageKind::Heartbeat && message.term >= manager.raft.term() && message.commit > last {
            return self.raft_behind(message.commit, last, env);
        }
        self.manager_input(Input::Message(message), env);
    }

    /// Raft takes a message; the lease is watched from outside.
    pub(super) fn manager_step(&mut self, message: Message<Arc<Proposal>>, env: &mut Env) {
        let Some(manager) = &mut self.manager else { return };
        let ticks = manager.ticks;
        if let Some(peer) = manager.peers.get_mut(message.from) {
            peer.heard = ticks;
        }
        let raft = &manager.raft;
        let (elapsed, term) = (raft.election_elapsed(), raft.term());
        let leased = message.kind == MessageKind::Vote
            && !message.campaign_transfer
            && raft.leader() != crate::raft::NONE
            && elapsed < raft.config().election_tick;
        manager.raft.step(message);
        if leased && manager.raft.term() != term {
            env.check_lease(self.id, elapsed);
        }
    }

    /// A vote is given only to a known member that answers a health check: one that can speak but not hear would win
    /// elections and lead nobody.
    fn manager_check_vote(&mut self, message: Message<Arc<Proposal>>, env: &mut Env) {
        let now = env.kernel.now();
        let Some(manager) = &mut self.manager else { return };
        let Some(peer) = manager.peers.get(message.from) else { return };
        let host = peer.host;
        if !peer.may_send(env.net.holds(self.id, self.boot, host), now) {
            return;
        }
        manager.checks += 1;
        let number = manager.checks;
        manager.vote_checks.retain(|check| check.until > now);
        manager.vote_checks.push(VoteCheck { number, until: now + VOTE_CHECK, message });
        env.send(self.id, self.boot, host, None, Body::HealthCheck { number });
    }

    /// A manager asks whether Raft is served here.
    pub fn health_checked(&mut self, from: HostId, number: u64, env: &mut Env) {
        if self.serves_raft() {
            env.send(self.id, self.boot, from, None, Body::Healthy { number });
        }
    }

    /// The one that was asked is well.
    pub fn healthy(&mut self, number: u64, env: &mut Env) {
        let now = env.kernel.now();
        let Some(manager) = &mut self.manager else { return };
        match manager.vote_checks.iter().position(|check| check.number == number) {
            Some(place) => {
                let check = manager.vote_checks.remove(place);
                if check.until > now {
                    self.manager_input(Input::Message(check.message), env);
                }
            }
            None => self.member_healthy(number, env),
        }
    }

    /// A peer says that this manager, or the member that it once was, is a member no more.
    pub fn manager_told_removed(&mut self, member: u64, env: &mut Env) {
        let Some(manager) = &mut self.manager else { return };
        if manager.member == member {
            manager.removed = true;
            self.manager_pass(env);
        }
    }

    /// A send to a peer failed: refused, reset or silent for the send time-out.
    pub fn manager_peer_failed(&mut self, host: HostId, refused: bool, env: &mut Env) {
        let (own, now) = (self.id, env.kernel.now());
        let key = env.seed.key("raft.dial", &(own.0, self.boot, host.0));
        let Some(manager) = &mut self.manager else { return };
        // A broken connection is given up; the next message dials anew. One that is only silent stays: whatever else
        // goes over it will hear of it when the other end dies.
        if refused || env.net.connection(own, host).is_some_and(|ends| ends.server.is_none()) {
            env.net.close(own, host);
        }
        let mut members = Vec::new();
        let mut news = false;
        for (member, peer) in manager.peers.on_mut(host) {
            news |= peer.lost();
            if refused {
                peer.refused(now, key);
            }
            members.push(member);
        }
        if news {
            env.changes.belief += 1;
            env.record(What::Reachable { host: own, peer: host, active: false });
        }
        for member in members {
            self.manager_input(Input::Unreachable(member), env);
        }
    }

    /// A peer took a message.
    pub fn manager_peer_reached(&mut self, host: HostId, snapshot: bool, env: &mut Env) {
        let Some(manager) = &mut self.manager else { return };
        let Some(member) = manager.served_on(host) else { return };
        let Some(peer) = manager.peers.get_mut(member) else { return };
        let news = !peer.active;
        peer.reached();
        if news {
            env.changes.belief += 1;
            env.record(What::Reachable { host: self.id, peer: host, active: true });
        }
        if snapshot {
            self.manager_input(Input::SnapshotSent(member, true), env);
        }
    }

    /// Whether this manager thinks that it cannot reach a peer: then a message that gets through is news.
    pub fn manager_misses(&self, host: HostId) -> bool {
        let Some(manager) = &self.manager else { return false };
        manager.peers.on(host).any(|peer| !peer.active)
            && manager.served_on(host).and_then(|member| manager.peers.get(member)).is_some_and(|peer| !peer.active)
    }
}

impl Manager {
    /// While it leads: for how many ticks it has not heard from a majority, if that is longer than Raft allows.
    pub(super) fn silent_majority(&self) -> Option<u64> {
        if self.raft.role() != Role::Leader {
            return None;
        }
        let limit = 2 * u64::from(self.raft.config().election_tick);
        let mut silent: Vec<_> = self
            .raft
            .voters()
            .map(|member| {
                let heard = self.peers.get(member).map_or(self.ticks, |peer| peer.heard);
                self.ticks - heard.max(self.leads_since)
            })
            .collect();
        silent.sort_unstable();
        // The longest silence among the best majority.
        silent.get(silent.len() / 2).copied().filter(|&ticks| ticks > limit)
    }

    /// The member that a host serves: the newest node of those that it has been. (What was on the host before is a member
    /// still, until it is demoted, and unreachable.)
    fn served_on(&self, host: HostId) -> Option<u64> {
        let node = |member: u64| {
            let known = self.state.members.iter().find(|known| known.raft == member);
            known.map_or(NodeKey(u32::MAX), |known| known.node)
        };
        self.peers.iter().filter(|(_, peer)| peer.host == host).map(|(member, _)| member).max_by_key(|&m| node(m))
    }
}
