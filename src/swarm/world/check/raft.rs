//! Raft's promises, checked on what each event touches: a write, a message, an election, a commit.
//!
//! What must be remembered for that is little: who led which term, who voted for whom last, which entries were written at
//! the last few thousand places of each line of history, and how far each member has come.
//!
//! Not here: State Machine Safety, which the shared history of the stores holds (`store::Lineage`).
//!
//! Source: raft-and-security.md §10 (1-4, 6-16).

use super::super::{Env, World};
use crate::net::{Boot, HostId};
use crate::raft::{
    ConfChangeKind, EntryKind, Index, Log, MemberId, Message, MessageKind, ProgressState, Role, Stored, Term,
};
use crate::swarm::manager::Manager;
use crate::swarm::store::{LineageId, Proposal};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Places of the log in one part of the memory; copies share the parts.
const PART: Index = 64;
/// Votes that are remembered of each member.
const VOTES: usize = 64;
/// Parts that are remembered of each line of history.
const PARTS: usize = 64;

type Payload = Arc<Proposal>;

/// An entry that some member has written: place, term, term of the entry before, and what it says.
type Written = (Index, Term, Term, u64);

/// What must be remembered.
#[derive(Clone, Debug, Default)]
pub(in crate::swarm::world) struct Facts {
    leaders: BTreeMap<(LineageId, Term), HostId>,
    voted: BTreeMap<MemberId, BTreeMap<Term, MemberId>>,
    reached: BTreeMap<MemberId, Reached>,
    replaced: BTreeMap<MemberId, HostId>,
    written: BTreeMap<LineageId, BTreeMap<Index, Arc<Vec<Written>>>>,
}

impl Facts {
    /// A host whose disk was replaced from outside.
    pub(super) fn replaced(&self) -> Option<HostId> {
        self.replaced.values().next().copied()
    }
}

/// How far a member's process has come.
#[derive(Clone, Copy, Debug, Default)]
struct Reached {
    boot: Boot,
    term: Term,
    commit: Index,
    applied: Index,
    /// While it leads this term: the last index of its log.
    leading: Option<(Term, Index)>,
}

/// What an entry says, as a number.
fn identity(kind: &EntryKind<Payload>) -> u64 {
    match kind {
        EntryKind::Empty => 0,
        EntryKind::Normal(proposal) => proposal.id,
        EntryKind::ConfChange(change) => change.member ^ 1 << 63,
    }
}

impl Env {
    /// The disk of a member was replaced from outside by an older copy, which may have forgotten votes that the member gave and
    /// entries that it had. Raft's promises do not hold for such a member: what is remembered of its votes and what the leader
    /// believes of its log is not held against it. If the others suffer by it, the run ends and says of whose disk.
    pub fn disk_replaced(&mut self, host: HostId, member: MemberId) {
        let facts = &mut Arc::make_mut(&mut self.checks).raft;
        facts.voted.remove(&member);
        facts.reached.remove(&member);
        facts.replaced.insert(member, host);
    }

    /// Election Safety: at most one leader a term. Leader Completeness: whoever is elected has every entry that was
    /// committed in an older term.
    pub fn check_election(&mut self, lineage: LineageId, term: Term, host: HostId, log: &Log<Payload>) {
        let facts = &mut Arc::make_mut(&mut self.checks).raft;
        let first = *facts.leaders.entry((lineage, term)).or_insert(host);
        if first != host {
            let detail = format!("{} and {} both lead term {term}", self.name(first), self.name(host));
            self.violate("Election Safety", detail);
        }
        // A leader of an older term, elected behind the back of a newer one, need not have what that one commits.
        let Some((index, committed)) = self.lineages[lineage.0 as usize].last_before(term) else { return };
        let missing = log.last_index() < index || log.term(index).is_some_and(|own| own != committed);
        if missing {
            let detail = format!(
                "{} leads term {term} without entry {index} of term {committed}, which is committed; its log ends at {} of term {}",
                self.name(host),
                log.last_index(),
                log.last_term()
            );
            self.violate("Leader Completeness", detail);
        }
    }

    /// Log Matching: entries of the same place and term say the same, and follow an entry of the same term.
    pub fn check_written(&mut self, host: HostId, lineage: LineageId, first: Index, log: &Log<Payload>) {
        let mut before = log.term(first - 1).unwrap_or(0);
        for entry in log.iter_from(first) {
            let written = (entry.index, entry.term, before, identity(&entry.kind));
            before = entry.term;
            let parts = Arc::make_mut(&mut self.checks).raft.written.entry(lineage).or_default();
            let part = parts.entry(entry.index / PART).or_default();
            let same = part.iter().find(|known| (known.0, known.1) == (entry.index, entry.term)).copied();
            match same {
                Some(known) if known != written => {
                    let detail = format!(
                        "{} writes entry {} of term {} after one of term {}, where another member has {:?}",
                        self.name(host),
                        entry.index,
                        entry.term,
                        written.2,
                        known
                    );
                    return self.violate("Log Matching", detail);
                }
                Some(_) => {}
                None => {
                    Arc::make_mut(part).push(written);
                    if parts.len() > PARTS {
                        parts.pop_first();
                    }
                }
            }
        }
    }

    /// Durability before reply: what a message says of its sender is on the sender's disk. And one vote a term, restarts
    /// included.
    pub fn check_sent(&mut self, host: HostId, member: MemberId, message: &Message<Payload>, disk: &Stored<Payload>) {
        let vote = match message.kind {
            MessageKind::VoteResponse if !message.reject => Some(message.to),
            MessageKind::Vote => Some(member),
            _ => None,
        };
        let hard = disk.hard_state;
        let lost = match message.kind {
            _ if message.term > hard.term => Some(format!("term {}", message.term)),
            _ if vote.is_some_and(|vote| hard.term == message.term && hard.vote != vote) => Some("its vote".into()),
            MessageKind::AppendResponse if !message.reject && message.index > disk.log.last_index() => {
                Some(format!("entry {}", message.index))
            }
            _ => None,
        };
        if let Some(what) = lost {
            let detail = format!("{} sends a {:?} before {what} is on its disk", self.name(host), message.kind);
            self.violate("what is answered is on the disk", detail);
        }
        let Some(vote) = vote else { return };
        // A slow disk lets out an old vote behind a newer one: what counts is that each term has one.
        let known = Arc::make_mut(&mut self.checks).raft.voted.entry(member).or_default();
        let before = *known.entry(message.term).or_insert(vote);
        if known.len() > VOTES {
            known.pop_first();
        }
        if before != vote {
            let detail = format!(
                "{} votes for member {vote:x} in term {}, after a vote for {before:x} in the same",
                self.name(host),
                message.term
            );
            self.violate("one vote a term", detail);
        }
    }

    /// Terms, commit and applied indexes of a process never go back and keep their order; a leader's log only grows.
    pub fn check_reached(&mut self, host: HostId, boot: Boot, manager: &Manager) {
        let raft = &manager.raft;
        let (term, commit, applied, last) = (raft.term(), raft.commit(), raft.applied(), raft.last_index());
        let leads = raft.role() == Role::Leader;
        let facts = &mut Arc::make_mut(&mut self.checks).raft;
        let before = facts.reached.get(&manager.member).copied().unwrap_or_default();
        let leading = leads.then_some((term, last));
        facts.reached.insert(manager.member, Reached { boot, term, commit, applied, leading });
        let broken = if applied > commit || commit > last {
            Some(("applied, committed and last entry keep their order", format!("{applied}, {commit}, {last}")))
        } else if before.boot == boot && (term < before.term || commit < before.commit || applied < before.applied) {
            let seen = format!("{before:?}, then term {term}, commit {commit}, applied {applied}");
            Some(("terms and indexes never go back", seen))
        } else if before.boot == boot && before.leading.is_some_and(|(led, end)| leads && led == term && last < end) {
            Some(("Leader Append-Only", format!("its log ended at {:?}, now at {last}", before.leading)))
        } else {
            None
        };
        if let Some((invariant, seen)) = broken {
            let detail = format!("{}: {seen}", self.name(host));
            self.violate(invariant, detail);
        }
    }

    /// Ids of members are used once, a node is one member, and Raft counts the same voters as the store shows.
    pub fn check_members(&mut self, host: HostId, manager: &Manager) {
        let members = &manager.state.members;
        let voters: Vec<_> = manager.raft.voters().collect();
        let listed: Vec<_> = members.iter().map(|member| member.raft).collect();
        let again = listed.iter().find(|member| manager.state.removed_members.contains(member));
        let mut nodes: Vec<_> = members.iter().map(|member| member.node).collect();
        nodes.sort_unstable();
        let twice = nodes.windows(2).any(|pair| pair[0] == pair[1]);
        let detail = match (again, twice) {
            (Some(member), _) => format!("member {member:x} was removed once and is listed by {}", self.name(host)),
            (None, true) => format!("a node is two members in the store of {}", self.name(host)),
            (None, false) if voters != listed => {
                format!("the store of {} lists {listed:x?}, Raft counts {voters:x?}", self.name(host))
            }
            (None, false) => return,
        };
        self.violate("members are unique and counted alike", detail);
    }

    /// CheckQuorum: nobody leads for longer than two election time-outs without a word from a majority.
    pub fn check_leads(&mut self, host: HostId, silent: u64) {
        let detail = format!("{} leads and has not heard from a majority for {silent} ticks", self.name(host));
        self.violate("a leader hears from a majority", detail);
    }

    /// The lease: whoever heard from a leader within the shortest election time-out follows no candidate.
    pub fn check_lease(&mut self, host: HostId, elapsed: u32) {
        let detail = format!("{} follows a candidate {elapsed} ticks after it heard from its leader", self.name(host));
        self.violate("the lease holds", detail);
    }

    /// One change of the set of members at a time.
    pub fn check_one_change(&mut self, host: HostId, changes: usize) {
        let detail =
            format!("the leader {} has {changes} changes of the members that are not applied", self.name(host));
        self.violate("one change of the members at a time", detail);
    }
}

impl World {
    /// The commit rule, when a leader's commit index has moved: the entry is of the leader's term and on the disks of a
    /// majority; and what the leader believes of the others' logs is so.
    pub(in crate::swarm::world) fn check_commit(&mut self, leader: HostId, before: Index) {
        let host = &self.hosts[leader.index()];
        let Some(manager) = host.manager.as_ref().filter(|manager| manager.raft.role() == Role::Leader) else { return };
        let (commit, term) = (manager.raft.commit(), manager.raft.term());
        let log = manager.raft.log();
        let of_term = log.term(commit);
        // Whoever is taken out by the entry itself counts for it, and is listed no more.
        let disk_of = |member: MemberId| {
            let listed = manager.state.members.iter().find(|known| known.raft == member);
            let host = listed.map(|known| &self.hosts[known.host.index()]);
            let disk = host.and_then(|host| host.disk.raft.as_ref()).filter(|disk| disk.member == member);
            let mut anywhere = self.hosts.iter().filter_map(|host| host.disk.raft.as_ref());
            disk.or_else(|| anywhere.find(|disk| disk.member == member))
        };
        let holds = |member: MemberId| {
            disk_of(member).is_some_and(|disk| {
                let stored = &disk.stored;
                let snapshot = stored.snapshot.as_ref().is_some_and(|snapshot| snapshot.index >= commit);
                snapshot || stored.log.term(commit) == of_term
            })
        };
        // Those who counted: the members of now or, if changes of the members were committed and applied in this very event,
        // those of before each of them.
        let mut counted = vec![manager.raft.voters().collect::<Vec<_>>()];
        let committed = log.iter_from((before + 1).max(log.first_index())).take_while(|entry| entry.index <= commit);
        let changes = committed.filter_map(|entry| match &entry.kind {
            EntryKind::ConfChange(change) => Some(*change),
            _ => None,
        });
        for change in changes.collect::<Vec<_>>().into_iter().rev() {
            let mut voters = counted.last().cloned().unwrap_or_default();
            match change.kind {
                ConfChangeKind::AddMember => voters.retain(|&voter| voter != change.member),
                ConfChangeKind::RemoveMember => voters.push(change.member),
                ConfChangeKind::UpdateMember => {}
            }
            counted.push(voters);
        }
        let held = |voters: &Vec<MemberId>| voters.iter().filter(|&&member| holds(member)).count() > voters.len() / 2;
        let mut broken = None;
        if of_term.is_some_and(|of_term| of_term != term) {
            broken = Some((
                "only entries of its own term are committed by a leader",
                format!("entry {commit} is of term {of_term:?}, the leader's is {term}"),
            ));
        } else if !counted.iter().any(held) {
            broken = Some((
                "what is committed is on the disks of a majority",
                format!("entry {commit} of term {of_term:?} is not on a majority of the disks of {counted:x?}"),
            ));
        }
        let replaced = &self.env.checks.raft.replaced;
        for progress in manager.raft.progress().filter(|progress| !replaced.contains_key(&progress.id)) {
            let last = disk_of(progress.id).map_or(progress.matched, |disk| disk.stored.log.last_index());
            let pending = progress.state == ProgressState::Snapshot && progress.next != progress.pending_snapshot + 1;
            if progress.matched >= progress.next || progress.matched > last || progress.inflight() > 256 || pending {
                broken = Some((
                    "a leader's view of the others' logs is sound",
                    format!("{progress:?}, whose log ends at {last}"),
                ));
            }
        }
        if let Some((invariant, seen)) = broken {
            let detail = format!("{}: {seen}", self.env.name(leader));
            self.env.violate(invariant, detail);
        }
    }
}
