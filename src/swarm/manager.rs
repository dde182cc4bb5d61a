//! A manager: a Raft member, the store that it has applied, and, while it leads, the leader's loops.
//!
//! One pass follows SwarmKit's: take what Raft has ready, write it to the disk, send, apply, advance. While the disk
//! writes, nothing else is handled: what arrives waits. A member that Raft calls leader announces itself only when its
//! whole log is applied; until then it accepts no proposal.
//!
//! Source: raft-and-security.md §1.3-§1.6, §7.

mod apply;
mod authority;
mod disk;
mod leader;
mod links;
mod members;
mod peers;
mod roles;

pub use disk::Broken;
pub use leader::{Leader, LeaderCall, ReplyTo};
pub use members::MembersView;
pub use peers::{Peer, Peers};

use super::store::{LineageId, Proposal, State};
use super::world::event::Event;
use super::world::record::What;
use super::world::{Env, Host};
use crate::engine::{Duration, Stream, Time};
use crate::net::HostId;
use crate::raft::{
    ConfChange, ConfChangeKind, Config, EntryKind, Index, MemberId, Message, Raft, Ready, Role, Stored, Term, Timeouts,
};
use crate::swarm::object::{Member, NodeKey};
use links::VoteCheck;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// After more ticks than this without a known leader, requests fail at once instead of waiting for one.
const LEADERLESS_TICKS: u32 = 10;

/// Election timeouts, from the manager's own stream.
#[derive(Clone, Debug)]
pub struct ElectionDraws(pub Stream);

impl Timeouts for ElectionDraws {
    fn draw(&mut self, low: u32, high: u32) -> u32 {
        low + u32::try_from(self.0.below(u64::from(high - low) + 1)).expect("below a 32-bit bound")
    }
}

/// What a manager keeps on its disk.
#[derive(Clone, Debug)]
pub struct RaftDisk {
    /// Its own name in Raft.
    pub member: MemberId,
    /// Which line of history it is on.
    pub lineage: LineageId,
    /// Log and hard state.
    pub stored: Stored<Arc<Proposal>>,
}

/// What a manager's loop takes in, one thing at a time.
#[derive(Clone, Debug)]
pub enum Input {
    /// A second has passed.
    Tick,
    /// From a peer.
    Message(Message<Arc<Proposal>>),
    /// From the leader's loops.
    Propose(Arc<Proposal>),
    /// A change of the set of members, from the leader's loops.
    ProposeMember(ConfChange),
    /// A send to this member failed.
    Unreachable(MemberId),
    /// A snapshot reached this member, or did not.
    SnapshotSent(MemberId, bool),
    /// Hand the leadership to this member.
    Transfer(MemberId),
    /// Stand for election now.
    Campaign,
}

/// What others may see of a manager: while it stays the same, so do the pictures that are made of it. (Whom it reaches
/// is told apart: that changes in one place.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// It leads.
    pub leads: bool,
    role: Role,
    term: Term,
    commit: Index,
    applied: (Index, Index),
}

impl Outlook {
    /// The commit index.
    pub fn commit(&self) -> Index {
        self.commit
    }
}

/// A running manager.
#[derive(Clone, Debug)]
pub struct Manager {
    /// Its name in Raft.
    pub member: MemberId,
    /// The Raft machine.
    pub raft: Raft<Arc<Proposal>, ElectionDraws>,
    /// Which line of history it is on.
    pub lineage: LineageId,
    /// What it has applied.
    pub state: Arc<State>,
    /// The other members.
    pub peers: Peers,
    /// Ticks since a leader was known.
    pub leaderless_ticks: u32,
    /// The loops, while it leads.
    pub leader: Option<Box<Leader>>,
    /// Sessions of agents that it relays: agent's host to leader's host.
    pub relayed: BTreeMap<HostId, HostId>,
    writing: Option<Ready<Arc<Proposal>>>,
    inbox: VecDeque<Input>,
    role: Role,
    known_leader: MemberId,
    known_term: u64,
    ticks: u64,
    /// The tick in which it was elected, or last began to hand its leadership on.
    leads_since: u64,
    /// Requests for a vote whose senders are being checked.
    vote_checks: Vec<VoteCheck>,
    checks: u64,
    /// Until when it led last.
    pub led_until: Option<Time>,
    /// It has learned that it is no member any more.
    removed: bool,
}

impl Manager {
    /// A manager from what its disk holds.
    pub fn start(disk: &RaftDisk, draws: ElectionDraws, config: Config) -> Self {
        let raft = Raft::new(config, draws, disk.stored.clone());
        let mut manager = Self {
            member: disk.member,
            raft,
            lineage: disk.lineage,
            state: disk.stored.snapshot.as_ref().map_or_else(Arc::default, |snapshot| snapshot.data.clone()),
            peers: Peers::default(),
            leaderless_ticks: 0,
            leader: None,
            relayed: BTreeMap::new(),
            writing: None,
            inbox: VecDeque::new(),
            role: Role::Follower,
            known_leader: crate::raft::NONE,
            known_term: 0,
            ticks: 0,
            leads_since: 0,
            vote_checks: Vec::new(),
            checks: 0,
            led_until: None,
            removed: false,
        };
        let members = manager.state.members.clone();
        manager.meet(&members);
        // Members that the log names are known before their entries are applied again: the real one loads them first.
        for entry in disk.stored.log.iter_from(disk.stored.log.first_index()) {
            let EntryKind::ConfChange(change) = &entry.kind else { continue };
            if change.kind != ConfChangeKind::RemoveMember {
                manager.meet(&[member_of(change)]);
            } else if entry.index <= disk.stored.hard_state.commit {
                manager.peers.remove(change.member);
            }
        }
        manager
    }

    /// Makes the acquaintance of other members.
    pub fn meet(&mut self, members: &[Member]) {
        for member in members.iter().filter(|member| member.raft != self.member) {
            match self.peers.get_mut(member.raft) {
                Some(peer) => peer.host = member.host,
                None => {
                    self.peers.put(member.raft, Peer::new(member.host, self.ticks));
                }
            }
        }
    }

    /// What others may see of it now.
    pub fn outlook(&self) -> Outlook {
        Outlook {
            leads: self.leads(),
            role: self.raft.role(),
            term: self.raft.term(),
            commit: self.raft.commit(),
            applied: (self.raft.applied(), self.state.index),
        }
    }

    /// It leads, and says so.
    pub fn leads(&self) -> bool {
        self.leader.is_some()
    }

    /// The leader that Raft knows and where it is, itself included.
    pub fn leader_host(&self, own: HostId) -> Option<HostId> {
        match self.raft.leader() {
            crate::raft::NONE => None,
            leader if leader == self.member => Some(own),
            leader => self.peers.get(leader).map(|peer| peer.host),
        }
    }

    /// A request may be sent to the leader on this host.
    pub fn is_active(&self, host: HostId) -> bool {
        self.peers.on(host).any(|peer| peer.active)
    }

    /// There has been no leader for so long that requests fail at once.
    pub fn has_lost_quorum(&self) -> bool {
        self.raft.leader() == crate::raft::NONE && self.leaderless_ticks > LEADERLESS_TICKS
    }
}

/// A conf change's context: the node and its host.
pub fn member_context(node: NodeKey, host: HostId) -> u64 {
    u64::from(node.0) << 32 | u64::from(host.0)
}

/// The member that a change of the set of members is about.
fn member_of(change: &ConfChange) -> Member {
    Member {
        raft: change.member,
        node: NodeKey(u32::try_from(change.context >> 32).expect("32 bits")),
        host: HostId(u16::try_from(change.context & 0xffff).expect("16 bits")),
    }
}

impl Host {
    /// Hands something to the manager's loop; it waits while the disk writes.
    pub fn manager_input(&mut self, input: Input, env: &mut Env) {
        let Some(manager) = &mut self.manager else { return };
        if manager.writing.is_some() {
            manager.inbox.push_back(input);
            return;
        }
        self.manager_take(input, env);
        self.manager_pass(env);
    }

    fn manager_take(&mut self, input: Input, env: &mut Env) {
        let Some(manager) = &mut self.manager else { return };
        match input {
            Input::Tick => {
                if manager.raft.leader() == crate::raft::NONE {
                    manager.leaderless_ticks += 1;
                } else {
                    manager.leaderless_ticks = 0;
                }
                manager.raft.tick();
                manager.ticks += 1;
                if let Some(silent) = manager.silent_majority() {
                    env.check_leads(self.id, silent);
                }
                self.leader_unwedge(env);
            }
            Input::Message(message) => self.manager_step(message, env),
            Input::Propose(proposal) => {
                if manager.raft.propose(proposal.clone()).is_err() {
                    self.leader_proposal_lost(proposal.id, env);
                }
            }
            Input::ProposeMember(change) => {
                if manager.raft.propose_conf_change(change).is_err() {
                    return self.member_change_lost(env);
                }
                let changes = manager.raft.log().iter_from(manager.raft.applied() + 1);
                let changes = changes.filter(|entry| matches!(entry.kind, EntryKind::ConfChange(_))).count();
                if changes > 1 {
                    env.check_one_change(self.id, changes);
                }
            }
            Input::Unreachable(member) => {
                manager.raft.report_unreachable(member);
                manager.raft.report_snapshot(member, false);
            }
            Input::SnapshotSent(member, done) => manager.raft.report_snapshot(member, done),
            Input::Transfer(member) => {
                // A transfer begins a new window of CheckQuorum.
                manager.leads_since = manager.ticks;
                manager.raft.transfer_leader(member);
            }
            Input::Campaign => manager.raft.campaign(),
        }
    }

    /// The disk has written what Raft wanted kept.
    pub fn manager_disk_done(&mut self, env: &mut Env) {
        let Some(manager) = &mut self.manager else { return };
        let Some(ready) = manager.writing.take() else { return };
        if self.disk.full {
            return self.raft_refused(env);
        }
        self.raft_written();
        self.manager_finish(ready, env);
        // All that has come in meanwhile is taken before the next pass, as a busy loop does.
        while let Some(input) = self.manager.as_mut().and_then(|manager| manager.inbox.pop_front()) {
            self.manager_take(input, env);
        }
        self.manager_pass(env);
    }

    /// Passes of the loop until Raft has nothing more to do, or the disk writes.
    pub fn manager_pass(&mut self, env: &mut Env) {
        while let Some(manager) = &mut self.manager {
            if manager.removed {
                return self.manager_removed(env);
            }
            if manager.writing.is_some() || !manager.raft.has_ready() {
                break;
            }
            let ready = manager.raft.ready();
            let latency = self.disk.latency;
            if ready.must_sync && (latency > Duration::ZERO || self.disk.full) {
                manager.writing = Some(ready);
                env.kernel.schedule_in(latency, Event::DiskDone(self.id, self.boot));
                break;
            }
            self.manager_finish(ready, env);
        }
        self.leader_grant(env);
    }

    fn manager_finish(&mut self, ready: Ready<Arc<Proposal>>, env: &mut Env) {
        self.raft_keep(&ready, env);
        for message in ready.messages {
            self.manager_send(message, env);
        }
        if let Some(snapshot) = &ready.snapshot {
            self.manager_restore(snapshot, env);
        }
        self.manager_role(env);
        let cluster = |host: &Self| {
            let cluster = host.manager.as_ref().and_then(|manager| manager.state.cluster.as_ref());
            cluster.map(|cluster| cluster.meta.version)
        };
        let before = cluster(self);
        for entry in &ready.committed {
            self.manager_apply(entry, env);
        }
        if before != cluster(self) {
            self.cluster_applied();
        }
        if let Some(manager) = &mut self.manager {
            manager.raft.advance();
            if manager.raft.role() == Role::Leader
                && manager.leader.is_none()
                && manager.raft.applied() >= manager.raft.last_index()
            {
                self.leader_start(env);
            }
        }
        self.manager_snapshot(env);
    }

    fn manager_role(&mut self, env: &mut Env) {
        let Some(manager) = &mut self.manager else { return };
        let (role, leader, term) = (manager.raft.role(), manager.raft.leader(), manager.raft.term());
        if role == Role::Candidate && manager.role == Role::Candidate && term != manager.known_term {
            env.record(What::Candidate { host: self.id, term });
        }
        let same_term = std::mem::replace(&mut manager.known_term, term) == term;
        if role != manager.role {
            let before = std::mem::replace(&mut manager.role, role);
            match role {
                Role::Candidate => env.record(What::Candidate { host: self.id, term }),
                Role::Leader => {
                    manager.leads_since = manager.ticks;
                    env.record(What::Elected { host: self.id, term });
                    let log = manager.raft.log();
                    env.check_election(manager.lineage, term, self.id, log);
                }
                _ if before == Role::Leader => {
                    // A leader that hears a higher term knows whose it is or will; one without a quorum keeps its term.
                    env.record(What::SteppedDown { host: self.id, term, no_quorum: same_term });
                }
                _ => {}
            }
            if role != Role::Leader && manager.leader.is_some() {
                self.leader_stop(env);
            }
        }
        let Some(manager) = &mut self.manager else { return };
        if leader != manager.known_leader {
            manager.known_leader = leader;
            // Sessions that were relayed to the old leader are of no use with the new one.
            self.close_relayed(None, env);
        }
    }

    /// Ends the sessions that this manager relays (to one leader, or all).
    pub fn close_relayed(&mut self, leader: Option<HostId>, env: &mut Env) {
        let Some(manager) = &mut self.manager else { return };
        let agents: Vec<_> = manager
            .relayed
            .iter()
            .filter(|(_, to)| leader.is_none_or(|leader| **to == leader))
            .map(|(agent, _)| *agent)
            .collect();
        for agent in agents {
            if let Some(manager) = &mut self.manager {
                manager.relayed.remove(&agent);
            }
            self.refuse_agent(agent, env);
        }
    }
}
