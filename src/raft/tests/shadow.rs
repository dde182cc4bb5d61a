//! Members of another library that follow ours: for each of ours one of the `raft` crate, told the same, expected to be
//! in the same state.
//!
//! Our members make the messages and decide when their disk has what. A [`Shadow`] gets every input that its member
//! gets, is made to draw the same election timeout, writes when its member writes, and after each step the two are
//! compared: role, term, vote, leader, commit, applied, every entry of the log, the voters, the counters, what a leader
//! knows of its followers, what is on the disk, and the answers and heartbeats that leave. What a shadow sends is
//! compared and thrown away.
//!
//! # Where the two libraries differ
//!
//! The crate is a port of an older etcd raft. Nothing that is compared is loosened for that; an input that the crate
//! would treat otherwise than etcd does now is translated or withheld, and only for these reasons:
//!
//! | the `raft` crate                                                | here                                         |
//! |-----------------------------------------------------------------|----------------------------------------------|
//! | counts a candidate's own vote before it is written: a member    | such a member's Readys are worked off at     |
//! | alone in its group leads at once                                | once, and compared when none is left         |
//! | asked to campaign, does so even if it is no voter               | withheld from one that may not lead          |
//! | campaigns while a received snapshot is not written yet          | such a tick only counts                      |
//! | passes on a transfer request only if it is a local one          | its term is taken off                        |
//! | has no progress of its own to update as a removed leader, and   | the shadow leaves with the removal and comes |
//! | stops with a panic                                              | back when its member follows somebody        |
//! | hands proposals on to the leader                                | withheld from those that do not lead         |
//! | knows no change of a member's address                           | a change that concerns no member             |
//! | learns commit indices from vote messages                        | ours carry none                              |
//! | sends appends by older rules of flow control (a full window     | appends, snapshots and `TimeoutNow`s are not |
//! | loses one place per heartbeat; no empty append repairs it)      | compared; what comes of them is              |

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use raft_rs::eraftpb::{
    ConfState, Entry as TheirEntry, Message as TheirMessage, MessageType, Snapshot as TheirSnapshot,
};
use raft_rs::{GetEntriesContext, Raft as Theirs, RaftState, StateRole, Storage, StorageError};

use super::group::{Input, Machine, Node, Text};
use super::translation::{
    our_words, proposal, says, their_change, their_entry, their_message, their_snapshot, their_words, words,
};
use crate::raft::{
    ConfChangeKind, EntryKind, HardState, Index, MemberId, MessageKind, NONE, Ready, Role, Stored, Term,
};

/// The shadows of a group, and the first difference that was found.
#[derive(Default)]
pub struct Shadows {
    shadows: BTreeMap<MemberId, Shadow>,
    /// What differed, in words.
    pub broken: Option<String>,
}

/// One member of the other library.
struct Shadow {
    raft: Theirs<Shelf>,
    shelf: Shelf,
}

/// A shadow's disk.
#[derive(Clone, Default)]
struct Shelf(Rc<RefCell<Kept>>);

#[derive(Default)]
struct Kept {
    base: (Index, Term),
    entries: Vec<TheirEntry>,
    snapshot: TheirSnapshot,
    hard_state: HardState,
    voters: Vec<MemberId>,
}

impl Shadows {
    /// A shadow for a member that starts, or that follows again after it was a removed leader: it holds nothing then
    /// that is not on its disk.
    pub fn adopt(&mut self, node: &Node) {
        let Some(ours) = &node.raft else { return };
        let disk = &node.disk;
        let kept = Kept {
            base: base(disk),
            entries: disk.log.iter_from(1).map(their_entry).collect(),
            snapshot: disk.snapshot.as_ref().map_or_else(TheirSnapshot::default, |kept| their_snapshot(kept)),
            hard_state: ours.hard_state(),
            voters: ours.voters().collect(),
        };
        let shelf = Shelf(Rc::new(RefCell::new(kept)));
        let config = raft_rs::Config {
            id: ours.id(),
            election_tick: node.config.election_tick as usize,
            heartbeat_tick: node.config.heartbeat_tick as usize,
            applied: ours.applied(),
            max_size_per_msg: node.config.max_message_size as u64,
            max_inflight_msgs: node.config.max_inflight,
            check_quorum: node.config.check_quorum,
            ..raft_rs::Config::default()
        };
        let logger = slog::Logger::root(slog::Discard, slog::o!());
        let mut raft = Theirs::new(&config, shelf.clone(), &logger).expect("what our member starts from is sound");
        raft.leader_id = ours.leader();
        raft.election_elapsed = ours.election_elapsed() as usize;
        raft.set_randomized_election_timeout(ours.randomized_timeout() as usize);
        self.shadows.insert(ours.id(), Shadow { raft, shelf });
        self.compare(node);
    }

    /// The member has crashed.
    pub fn gone(&mut self, id: MemberId) {
        self.shadows.remove(&id);
    }

    /// The member was told something; `role` and `promotable` are what it was before.
    pub fn give(&mut self, node: &Node, role: Role, promotable: bool, input: Input) {
        if let Some(shadow) = self.shadows.get_mut(&node.config.id) {
            shadow.take(role, promotable, input);
        }
        self.compare(node);
    }

    /// The member has worked on a Ready.
    pub fn work(&mut self, node: &Node, ready: &Ready<Text>) {
        let Some(shadow) = self.shadows.get_mut(&node.config.id) else {
            self.take_back(node);
            return;
        };
        match shadow.work(node, ready) {
            Err(difference) => self.note(node.config.id, difference),
            Ok(true) => self.compare(node),
            Ok(false) => self.gone(node.config.id),
        }
    }

    /// The member has compacted its log.
    pub fn compacted(&mut self, node: &Node) {
        let Some(shadow) = self.shadows.get_mut(&node.config.id) else { return };
        let mut kept = shadow.shelf.0.borrow_mut();
        let (disk, old) = (&node.disk, kept.base.0);
        kept.base = base(disk);
        let gone = (kept.base.0 - old) as usize;
        kept.entries.drain(..gone);
        kept.snapshot = disk.snapshot.as_ref().map_or_else(TheirSnapshot::default, |kept| their_snapshot(kept));
    }

    /// A removed leader that has become a follower gets a shadow again.
    fn take_back(&mut self, node: &Node) {
        if node.raft.as_ref().is_some_and(|ours| ours.role() == Role::Follower && !ours.has_ready()) {
            self.adopt(node);
        }
    }

    fn compare(&mut self, node: &Node) {
        let id = node.config.id;
        let (Some(ours), Some(shadow)) = (&node.raft, self.shadows.get_mut(&id)) else { return };
        shadow.raft.set_randomized_election_timeout(ours.randomized_timeout() as usize);
        if ours.voters().eq([id]) && ours.has_ready() {
            return;
        }
        if let Err(difference) = shadow.compare(ours) {
            self.note(id, difference);
        }
    }

    fn note(&mut self, id: MemberId, difference: String) {
        self.broken.get_or_insert_with(|| format!("member {id}: {difference}"));
    }
}

impl Shadow {
    fn take(&mut self, role: Role, promotable: bool, input: Input) {
        let raft = &mut self.raft;
        let local = |kind, from| {
            let mut message = TheirMessage { from, ..TheirMessage::default() };
            message.set_msg_type(kind);
            message
        };
        let message = match input {
            // Its own promotable ignores a snapshot that waits to be written.
            Input::Tick if role != Role::Leader && !promotable => {
                raft.election_elapsed += 1;
                return;
            }
            Input::Tick => {
                raft.tick();
                return;
            }
            Input::Campaign if !promotable => return,
            Input::Campaign => local(MessageType::MsgHup, 0),
            Input::Step(message) if message.is_response() && raft.prs().get(message.from).is_none() => return,
            Input::Step(message)
                if message.kind == MessageKind::TimeoutNow && message.term >= raft.term && !promotable =>
            {
                if message.term > raft.term {
                    raft.become_follower(message.term, NONE);
                }
                return;
            }
            Input::Step(message) => {
                let again = message.kind == MessageKind::TransferLeader && message.term == raft.term;
                TheirMessage { term: if again { 0 } else { message.term }, ..their_message(&message) }
            }
            Input::Propose(_) | Input::Change(_) if role != Role::Leader => return,
            Input::Propose(text) => proposal(&EntryKind::Normal(text)),
            Input::Change(change) => proposal(&EntryKind::ConfChange(change)),
            Input::Transfer(to) => local(MessageType::MsgTransferLeader, to),
            Input::Unreachable(peer) => local(MessageType::MsgUnreachable, peer),
            Input::SnapshotArrived(peer, ok) => TheirMessage { reject: !ok, ..local(MessageType::MsgSnapStatus, peer) },
        };
        // A refused proposal is an error of theirs; the comparison shows whether ours refused it as well.
        let _ = raft.step(message);
    }

    /// Sends, writes and applies as its member did. False if the member has gone where a shadow cannot follow.
    fn work(&mut self, node: &Node, ready: &Ready<Text>) -> Result<bool, String> {
        let sent = words(ready.messages.iter().filter_map(our_words).collect());
        let theirs = words(std::mem::take(&mut self.raft.msgs).iter().filter_map(their_words).collect());
        same("messages", sent, theirs)?;
        let Some(ours) = &node.raft else { return Ok(true) };
        let written = self.write();
        if !ours.voters().eq([ours.id()]) || ready.soft_state.is_none() {
            self.compare_disks(&node.disk)?;
        }
        let mut deserted = false;
        for entry in &ready.committed {
            if entry.index > self.raft.raft_log.committed {
                return Err(format!(
                    "applies {}, the shadow's commit is {}",
                    entry.index, self.raft.raft_log.committed
                ));
            }
            let EntryKind::ConfChange(change) = &entry.kind else { continue };
            let left = change.kind == ConfChangeKind::RemoveMember && change.member == self.raft.leader_id;
            deserted |= left && change.member != self.raft.id;
            self.raft.apply_conf_change(&their_change(change)).map_err(|error| error.to_string())?;
            if left && change.member == self.raft.id {
                return Ok(false);
            }
        }
        if let Some((index, term)) = written {
            self.raft.on_persist_entries(index, term);
        }
        let applied = ready.committed.last().map(|entry| entry.index);
        if let Some(applied) = applied.or(ready.snapshot.as_ref().map(|snapshot| snapshot.index)) {
            self.raft.commit_apply(applied);
        }
        if deserted && self.raft.promotable() {
            let mut hup = TheirMessage::default();
            hup.set_msg_type(MessageType::MsgHup);
            self.raft.step(hup).map_err(|error| error.to_string())?;
        }
        Ok(true)
    }

    /// Writes what it would write itself. Returns the last entry written.
    fn write(&mut self) -> Option<(Index, Term)> {
        let log = &mut self.raft.r.raft_log;
        let mut kept = self.shelf.0.borrow_mut();
        if let Some(snapshot) = log.unstable_snapshot().clone() {
            let meta = snapshot.get_metadata();
            kept.base = (meta.index, meta.term);
            kept.entries.clear();
            kept.snapshot = snapshot;
        }
        let entries = log.unstable_entries().to_vec();
        if let Some(first) = entries.first() {
            let keep = (first.index - kept.base.0 - 1) as usize;
            kept.entries.truncate(keep);
            kept.entries.extend(entries.iter().cloned());
        }
        kept.hard_state = HardState { term: self.raft.r.term, vote: self.raft.r.vote, commit: log.committed };
        drop(kept);
        if let Some(snapshot) = log.unstable_snapshot() {
            let index = snapshot.get_metadata().index;
            log.stable_snap(index);
            self.raft.on_persist_snap(index);
        }
        let last = entries.last().map(|entry| (entry.index, entry.term));
        if let Some((index, term)) = last {
            self.raft.raft_log.stable_entries(index, term);
        }
        last
    }

    fn compare_disks(&self, disk: &Stored<Text>) -> Result<(), String> {
        let kept = self.shelf.0.borrow();
        let last = kept.entries.last().map_or(kept.base, |entry| (entry.index, entry.term));
        same("base on the disk", base(disk), kept.base)?;
        same("end on the disk", (disk.log.last_index(), disk.log.last_term()), last)?;
        same("hard state on the disk", disk.hard_state, kept.hard_state)
    }

    fn compare(&self, ours: &Machine) -> Result<(), String> {
        let (theirs, log) = (&self.raft, &self.raft.raft_log);
        let role = match theirs.state {
            StateRole::Leader => Role::Leader,
            StateRole::Candidate | StateRole::PreCandidate => Role::Candidate,
            StateRole::Follower => Role::Follower,
        };
        same("role", ours.role(), role)?;
        same("term", ours.term(), theirs.term)?;
        same("vote", ours.vote(), theirs.vote)?;
        same("leader", ours.leader(), theirs.leader_id)?;
        same("commit", ours.commit(), log.committed)?;
        same("applied", ours.applied(), log.applied)?;
        same("last index", ours.last_index(), log.last_index())?;
        same("ticks", ours.election_elapsed() as usize, theirs.election_elapsed)?;
        same("transferee", ours.lead_transferee(), theirs.lead_transferee.unwrap_or(NONE))?;
        same("pending change", ours.pending_conf_index(), theirs.pending_conf_index)?;
        for progress in ours.progress() {
            let Some(theirs) = theirs.prs().get(progress.id) else {
                return Err(format!("{} is no voter of the shadow's", progress.id));
            };
            if role == Role::Leader {
                same("match", (progress.id, progress.matched), (progress.id, theirs.matched))?;
                let heard = progress.recent_active || progress.id == ours.id();
                same(
                    "heard from",
                    (progress.id, heard),
                    (progress.id, theirs.recent_active || progress.id == ours.id()),
                )?;
            }
        }
        same("number of voters", ours.voters().len(), theirs.prs().iter().count())?;
        self.compare_logs(ours)
    }

    /// Every entry that both still hold.
    fn compare_logs(&self, ours: &Machine) -> Result<(), String> {
        let (kept, unstable) = (self.shelf.0.borrow(), self.raft.raft_log.unstable());
        let restoring = unstable.snapshot.is_some();
        let stable = kept.entries.iter().filter(|entry| !restoring && entry.index < unstable.offset);
        let mut theirs = stable.chain(&unstable.entries).skip_while(|entry| entry.index < ours.log().first_index());
        for entry in ours.log().iter_from(1) {
            let their = theirs.next();
            let equal = their.is_some_and(|their| {
                (their.index, their.term) == (entry.index, entry.term) && says(their, &entry.kind)
            });
            if !equal {
                return Err(format!("log: {entry:?}, the shadow has {their:?}"));
            }
        }
        Ok(())
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, ours: T, theirs: T) -> Result<(), String> {
    if ours == theirs { Ok(()) } else { Err(format!("{what}: {ours:?}, the shadow has {theirs:?}")) }
}

fn base(disk: &Stored<Text>) -> (Index, Term) {
    let before = disk.log.first_index() - 1;
    (before, disk.log.term(before).expect("a log knows its base"))
}

impl Storage for Shelf {
    fn initial_state(&self) -> raft_rs::Result<RaftState> {
        let kept = self.0.borrow();
        let HardState { term, vote, commit } = kept.hard_state;
        let hard_state = raft_rs::eraftpb::HardState { term, vote, commit, ..Default::default() };
        Ok(RaftState::new(hard_state, ConfState { voters: kept.voters.clone(), ..ConfState::default() }))
    }

    fn entries(
        &self,
        low: u64,
        high: u64,
        max_size: impl Into<Option<u64>>,
        _: GetEntriesContext,
    ) -> raft_rs::Result<Vec<TheirEntry>> {
        let kept = self.0.borrow();
        if low <= kept.base.0 {
            return Err(StorageError::Compacted.into());
        }
        let from = |index: u64| (index - kept.base.0 - 1) as usize;
        let mut entries = kept.entries[from(low)..from(high)].to_vec();
        raft_rs::util::limit_size(&mut entries, max_size.into());
        Ok(entries)
    }

    fn term(&self, index: u64) -> raft_rs::Result<u64> {
        let kept = self.0.borrow();
        match index.checked_sub(kept.base.0) {
            None => Err(StorageError::Compacted.into()),
            Some(0) => Ok(kept.base.1),
            Some(nth) => {
                let entry = kept.entries.get(nth as usize - 1);
                entry.map(|entry| entry.term).ok_or_else(|| StorageError::Unavailable.into())
            }
        }
    }

    fn first_index(&self) -> raft_rs::Result<u64> {
        Ok(self.0.borrow().base.0 + 1)
    }

    fn last_index(&self) -> raft_rs::Result<u64> {
        let kept = self.0.borrow();
        Ok(kept.base.0 + kept.entries.len() as u64)
    }

    fn snapshot(&self, _: u64, _: u64) -> raft_rs::Result<TheirSnapshot> {
        Ok(self.0.borrow().snapshot.clone())
    }
}
