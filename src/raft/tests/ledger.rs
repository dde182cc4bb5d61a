//! The invariants of Raft, checked after every step of a group.
//!
//! The ledger remembers what must stay true for ever: who led which term, what was committed, what was applied, who
//! voted for whom. It follows the Raft paper, figure 3, and adds the lease, CheckQuorum, durability and the rules of
//! membership. It does not stop the test: the first broken rule stays in [`Ledger::broken`].

use std::collections::BTreeMap;

use super::group::{Machine, Node, Text};
use crate::raft::{Entry, EntryKind, Index, Log, MemberId, Message, MessageKind, NONE, ProgressState, Role, Term};

/// A rule that did not hold, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    pub rule: &'static str,
    pub how: String,
}

/// What is remembered of one incarnation of a member.
#[derive(Clone, Debug, Default)]
struct Seen {
    term: Term,
    vote: MemberId,
    commit: Index,
    applied: Index,
    /// If it leads: the term, and its log when last seen.
    leading: Option<(Term, Log<Text>)>,
    /// The member's tick at which each other member was last heard by it as a leader.
    heard: BTreeMap<MemberId, u64>,
    lead_since: u64,
    voters: Vec<MemberId>,
    /// The members as it last knew them.
    config: Option<Vec<MemberId>>,
}

/// The history of a group.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    pub broken: Option<Broken>,
    leaders: BTreeMap<Term, MemberId>,
    /// Entries known to be committed, with the term in which that was first seen.
    committed: BTreeMap<Index, (Entry<Text>, Term)>,
    applied: BTreeMap<Index, Entry<Text>>,
    states: BTreeMap<Index, Vec<String>>,
    /// The term of each snapshot ever seen, and what was in it.
    snapshots: BTreeMap<Index, (Term, Vec<String>)>,
    votes: BTreeMap<(MemberId, Term), MemberId>,
    seen: BTreeMap<MemberId, Seen>,
    /// The step in progress: term of the receiver before, and whether its lease forbids the vote it is asked for.
    leased: Option<(MemberId, MemberId, Term)>,
}

impl Ledger {
    fn hold(&mut self, rule: &'static str, holds: bool, how: impl FnOnce() -> String) {
        if !holds && self.broken.is_none() {
            self.broken = Some(Broken { rule, how: how() });
        }
    }

    /// The highest index known to be committed.
    fn highest_commit(&self) -> Index {
        self.committed.keys().next_back().copied().unwrap_or(0)
    }

    /// A member starts from its disk: what it knew in memory may be gone, its votes and its term may not.
    pub fn restarted(&mut self, node: &Node) {
        self.seen.remove(&node.config.id);
        let Some(raft) = &node.raft else { return };
        let (state, disk) = (raft.hard_state(), &node.disk);
        let kept = (state.term, state.vote) == (disk.hard_state.term, disk.hard_state.vote)
            && raft.log().iter_from(1).eq(disk.log.iter_from(1));
        self.hold("durability", kept, || format!("{} began with {state:?}, not with what its disk has", raft.id()));
    }

    /// A message is about to be stepped.
    pub fn before_step(&mut self, node: &Node, message: &Message<Text>) {
        let Some(raft) = &node.raft else { return };
        let asked = message.kind == MessageKind::Vote && !message.campaign_transfer && message.term > raft.term();
        let leased = raft.leader() != NONE && raft.election_elapsed() < node.config.election_tick;
        self.leased = (asked && leased && node.config.check_quorum).then_some((raft.id(), message.from, message.term));
        if message.is_response()
            && message.term == raft.term()
            && let Some(seen) = self.seen.get_mut(&raft.id())
        {
            seen.heard.insert(message.from, node.ticks);
        }
    }

    /// A message leaves: what it attests is on the disk.
    pub fn sent(&mut self, node: &Node, message: &Message<Text>) {
        let (disk, from, to) = (&node.disk, message.from, message.to);
        match message.kind {
            MessageKind::VoteResponse if !message.reject => {
                // A vote need not be on the disk if a later term is: it cannot be given twice any more.
                self.votes.entry((from, message.term)).or_insert(to);
                let state = disk.hard_state;
                self.hold(
                    "durability",
                    state.term > message.term || (state.term, state.vote) == (message.term, to),
                    || format!("{from} granted {to} its vote of term {} but its disk says {state:?}", message.term),
                );
            }
            MessageKind::AppendResponse if !message.reject => {
                // In the same Ready a newer leader may already have replaced the entries. Then the old leader's term
                // is over: a majority that elected the newer one did not have them.
                let (last, over) = (disk.log.last_index(), disk.hard_state.term > message.term);
                self.hold("durability", message.index <= last || over, || {
                    format!("{from} acknowledged {} but its disk ends at {last}", message.index)
                });
            }
            _ => {}
        }
    }

    /// A member applies an entry: everybody who ever applies this index applies the same.
    pub fn applied(&mut self, id: MemberId, entry: &Entry<Text>) {
        let first = self.applied.entry(entry.index).or_insert_with(|| entry.clone()).clone();
        self.hold("state machine safety", first == *entry, || format!("{id} applied {entry:?}, another {first:?}"));
    }

    /// After the same index, everybody has the same state.
    pub fn state_at(&mut self, id: MemberId, index: Index, state: &[String]) {
        let first = self.states.entry(index).or_insert_with(|| state.to_vec()).clone();
        self.hold("state machine safety", first == state, || {
            format!("{id} has {state:?} at {index}, another {first:?}")
        });
    }

    /// Checks everything that the last step of this member can have broken.
    pub fn check(&mut self, nodes: &BTreeMap<MemberId, Node>, id: MemberId) {
        if self.broken.is_some() {
            return;
        }
        let node = &nodes[&id];
        let Some(raft) = &node.raft else { return };
        self.check_votes(node, raft);
        self.check_ranges(node, raft);
        self.check_snapshot(node, raft);
        self.check_config(raft);
        self.check_commit(nodes, raft);
        if raft.role() == Role::Leader {
            self.check_leader(nodes, node, raft);
        }
        for (&other, peer) in nodes {
            if other != id
                && let Some(peer) = &peer.raft
            {
                self.check_log_matching(raft, peer);
            }
        }
        let seen = self.seen.entry(id).or_default();
        (seen.term, seen.vote) = (raft.term(), raft.vote());
        (seen.commit, seen.applied) = (raft.commit(), raft.applied());
        seen.config = Some(raft.voters().collect());
        seen.leading = (raft.role() == Role::Leader).then(|| (raft.term(), raft.log().clone()));
    }

    /// A vote may change in memory only from none to somebody; one that reached the disk is for ever.
    fn check_votes(&mut self, node: &Node, raft: &Machine) {
        let (id, term, vote) = (raft.id(), raft.term(), raft.vote());
        let disk = node.disk.hard_state;
        if disk.vote != NONE {
            self.votes.entry((id, disk.term)).or_insert(disk.vote);
        }
        let seen = self.seen.get(&id).filter(|seen| seen.term == term && seen.vote != NONE).map(|seen| seen.vote);
        for first in [self.votes.get(&(id, term)).copied(), seen].into_iter().flatten() {
            let kept = first == vote;
            self.hold("one vote per term", kept, || format!("{id} voted for {first}, then {vote}, in {term}"));
        }
        if let Some((voter, candidate, asked)) = self.leased.take() {
            let granted = voter == id && vote == candidate && term == asked;
            self.hold("lease", !granted, || format!("{id} voted for {candidate} while it knew a live leader"));
        }
    }

    fn check_ranges(&mut self, node: &Node, raft: &Machine) {
        let seen = self.seen.get(&raft.id()).cloned().unwrap_or_default();
        let (id, term, commit, applied) = (raft.id(), raft.term(), raft.commit(), raft.applied());
        self.hold("monotonicity", seen.term <= term && seen.commit <= commit && seen.applied <= applied, || {
            format!("{id} went back from {seen:?} to term {term}, commit {commit}, applied {applied}")
        });
        let disk = node.disk.hard_state;
        self.hold("monotonicity", disk.term <= term && disk.commit <= commit, || format!("{id} is behind its disk"));
        let (base, last) = (raft.log().first_index() - 1, raft.last_index());
        // A snapshot that waits to be written stands for entries that are not applied yet.
        let covered = if raft.unstable_snapshot.is_some() { commit } else { applied };
        self.hold("ranges", base <= covered && applied <= commit && commit <= last && raft.stable() <= last, || {
            format!("{id}: base {base} <= applied {applied} <= commit {commit} <= last {last}")
        });
    }

    /// Everybody's snapshots of one index are the same, and they are what was applied up to there. The log begins
    /// where one ends, or before.
    fn check_snapshot(&mut self, node: &Node, raft: &Machine) {
        let id = raft.id();
        for (snapshot, log) in
            [(raft.unstable_snapshot.as_ref(), raft.log()), (node.disk.snapshot.as_ref(), &node.disk.log)]
        {
            let base = log.first_index() - 1;
            let covered = base <= snapshot.or(raft.snapshot()).map_or(0, |snapshot| snapshot.index);
            self.hold("ranges", covered, || {
                format!("{id} has dropped entries up to {base} without a snapshot of them")
            });
            let Some(snapshot) = snapshot else { continue };
            let now = (snapshot.term, snapshot.data.clone());
            let first = self.snapshots.entry(snapshot.index).or_insert_with(|| now.clone()).clone();
            let state = self.states.get(&snapshot.index).is_none_or(|state| *state == now.1);
            self.hold("snapshots agree", first == now && state, || {
                format!("{id} has {now:?} of {}, before {first:?}", snapshot.index)
            });
        }
    }

    /// From one set of members to the next, one comes or one goes; a snapshot may bring more.
    fn check_config(&mut self, raft: &Machine) {
        let before = self.seen.get(&raft.id()).and_then(|seen| seen.config.clone());
        let Some(before) = before.filter(|_| raft.unstable_snapshot.is_none()) else { return };
        let came = raft.voters().filter(|voter| !before.contains(voter)).count();
        let went = before.iter().filter(|&&voter| raft.progress_of(voter).is_none()).count();
        self.hold("one change at a time", came + went <= 1, || {
            format!("{} went from {before:?} to {:?}", raft.id(), raft.voters().collect::<Vec<_>>())
        });
    }

    /// What a member believes committed is committed for everybody, and the leader had the right to say so.
    fn check_commit(&mut self, nodes: &BTreeMap<MemberId, Node>, raft: &Machine) {
        let (id, term, commit) = (raft.id(), raft.term(), raft.commit());
        let seen = self.seen.get(&id).map_or(0, |seen| seen.commit);
        let news = seen.max(raft.log().first_index() - 1)..commit;
        for index in news.map(|before| before + 1) {
            let entry = raft.log().entry(index).expect("ranges were checked").clone();
            let (first, _) = self.committed.entry(index).or_insert_with(|| (entry.clone(), term)).clone();
            self.hold("committed entries agree", first == entry, || format!("{id}: {entry:?}, before {first:?}"));
        }
        let led = self.seen.get(&id).and_then(|seen| seen.leading.as_ref()).is_some_and(|&(led, _)| led == term);
        if commit > seen && led && raft.role() == Role::Leader {
            let held = |log: &Log<Text>| log.first_index() > commit || log.matches(commit, term);
            let holders = raft.voters().filter(|voter| nodes.get(voter).is_some_and(|node| held(&node.disk.log)));
            let (holders, voters) = (holders.count(), raft.voters().len());
            self.hold("commit rule", raft.log().matches(commit, term) && 2 * holders > voters, || {
                format!("leader {id} of term {term} committed {commit}: on {holders} of {voters} disks")
            });
        }
    }

    fn check_leader(&mut self, nodes: &BTreeMap<MemberId, Node>, node: &Node, raft: &Machine) {
        let (id, term, log) = (raft.id(), raft.term(), raft.log());
        let first = *self.leaders.entry(term).or_insert(id);
        self.hold("election safety", first == id, || format!("both {first} and {id} led term {term}"));
        let before = self.seen.entry(id).or_default().leading.take().filter(|&(led, _)| led == term);
        if let Some((_, before)) = before {
            let mut held = before.iter_from(log.first_index());
            let changed = held.find(|entry| log.entry(entry.index) != Some(entry)).map(|entry| entry.index);
            self.hold("leader append-only", changed.is_none(), || {
                format!("leader {id} of {term} changed its log at {changed:?}")
            });
        } else {
            let chose = |voter: &MemberId| self.votes.get(&(*voter, term)) == Some(&id);
            let (chosen, voters) = (raft.voters().filter(chose).count(), raft.voters().len());
            self.hold("majority of votes", 2 * chosen > voters, || {
                format!("{id} leads term {term} with {chosen} votes of {voters}")
            });
            let seen = self.seen.get_mut(&id).expect("it was entered above");
            seen.lead_since = node.ticks;
            seen.heard.clear();
        }
        let missing = self.committed.values().find(|(entry, in_term)| {
            *in_term < term && entry.index >= log.first_index() && log.entry(entry.index) != Some(entry)
        });
        let missing = missing.map(|(entry, _)| entry.clone());
        self.hold("leader completeness", missing.is_none(), || format!("leader {id} of {term} lacks {missing:?}"));
        let highest = self.highest_commit();
        let open = log.iter_from(highest + 1).filter(|entry| matches!(entry.kind, EntryKind::ConfChange(_))).count();
        self.hold("one change at a time", open <= 1, || format!("leader {id} has {open} open changes"));
        self.check_followers(nodes, node, raft);
    }

    fn check_followers(&mut self, nodes: &BTreeMap<MemberId, Node>, node: &Node, raft: &Machine) {
        let (id, config) = (raft.id(), raft.config());
        for progress in raft.progress().filter(|progress| progress.id != id) {
            let waiting = progress.state == ProgressState::Snapshot;
            let sane = progress.matched < progress.next
                && progress.inflight() <= config.max_inflight
                && (!waiting || progress.next > progress.pending_snapshot);
            self.hold("ranges", sane, || format!("leader {id} knows {progress:?}"));
            let Some(peer) = nodes.get(&progress.id) else { continue };
            let same_term = peer.raft.as_ref().is_some_and(|peer| peer.term() == raft.term());
            if same_term && let Some(term) = raft.log().term(progress.matched) {
                let disk = &peer.disk.log;
                let holds = disk.first_index() > progress.matched || disk.matches(progress.matched, term);
                self.hold("match is durable", holds, || format!("leader {id} knows {progress:?}"));
            }
        }
        if !config.check_quorum {
            return;
        }
        let seen = self.seen.get_mut(&id).expect("check_leader entered it");
        let voters: Vec<MemberId> = raft.voters().collect();
        if raft.lead_transferee() != NONE || voters != seen.voters {
            // A transfer begins a new window; another set of members counts from now on.
            seen.lead_since = node.ticks;
            seen.voters = voters;
        }
        let window = 2 * u64::from(config.election_tick);
        let fresh = raft.voters().filter(|voter| {
            // A voter never heard counts from the moment it is first looked for.
            let heard = *seen.heard.entry(*voter).or_insert(node.ticks);
            *voter == id || node.ticks - heard.max(seen.lead_since) <= window
        });
        let fresh = fresh.count();
        self.hold("CheckQuorum", 2 * fresh > raft.voters().len(), || {
            format!("leader {id} heard only {fresh} voters in {window} ticks")
        });
    }

    fn check_log_matching(&mut self, one: &Machine, other: &Machine) {
        let (a, b) = (one.log(), other.log());
        let low = a.first_index().max(b.first_index());
        let high = a.last_index().min(b.last_index());
        let agree = (low..=high).rev().find(|&index| a.term(index) == b.term(index));
        let differ = agree.and_then(|agree| (low..=agree).find(|&index| a.entry(index) != b.entry(index)));
        self.hold("log matching", differ.is_none(), || {
            format!("{} and {} agree at {agree:?} but not at {differ:?}", one.id(), other.id())
        });
    }
}
