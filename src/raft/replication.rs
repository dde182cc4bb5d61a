//! Proposals, appends, heartbeats, and the commit rule.
//!
//! Follows the Raft paper, sections 5.3 and 5.4.2, and etcd's raft for flow control and for the conflict hints by
//! which leader and follower skip whole terms when their logs differ.

use std::fmt;

use super::mutant::Mutant;
use super::{
    ConfChange, Entry, EntryKind, Index, MemberId, Message, MessageKind, NONE, Payload, ProgressState, Raft, Role,
    Term, Timeouts,
};

/// Why a proposal was not taken. Nothing was written anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProposeError {
    /// The member does not lead; this is the leader it knows, or [`NONE`].
    NotLeader(MemberId),
    /// The leadership is being handed to this member.
    Transferring(MemberId),
    /// The member leads, but was removed from the group.
    Removed,
}

impl fmt::Display for ProposeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProposeError::NotLeader(NONE) => write!(f, "this member does not lead and knows of no leader"),
            ProposeError::NotLeader(leader) => write!(f, "this member does not lead: member {leader:x} does"),
            ProposeError::Transferring(to) => write!(f, "the leadership is being handed to member {to:x}"),
            ProposeError::Removed => write!(f, "this leader was removed from the group"),
        }
    }
}

impl std::error::Error for ProposeError {}

impl<D: Payload, T: Timeouts> Raft<D, T> {
    /// Proposes a command. Says where in the log it stands if nothing goes wrong: it is committed when an entry of
    /// this term is delivered at this index, and lost when another is.
    pub fn propose(&mut self, data: D) -> Result<(Term, Index), ProposeError> {
        self.may_propose()?;
        Ok(self.append_and_send(EntryKind::Normal(data)))
    }

    /// Proposes a configuration change. While an earlier one may still be unapplied, an empty entry takes its place
    /// in the log: the place returned is then that of the empty entry.
    pub fn propose_conf_change(&mut self, change: ConfChange) -> Result<(Term, Index), ProposeError> {
        self.may_propose()?;
        if self.pending_conf_index > self.applied && !self.has(Mutant::TwoChangesAtOnce) {
            return Ok(self.append_and_send(EntryKind::Empty));
        }
        self.pending_conf_index = self.log.last_index() + 1;
        Ok(self.append_and_send(EntryKind::ConfChange(change)))
    }

    fn may_propose(&self) -> Result<(), ProposeError> {
        if self.role != Role::Leader {
            Err(ProposeError::NotLeader(self.leader))
        } else if self.position(self.config.id).is_none() {
            Err(ProposeError::Removed)
        } else if self.lead_transferee != NONE {
            Err(ProposeError::Transferring(self.lead_transferee))
        } else {
            Ok(())
        }
    }

    fn append_and_send(&mut self, kind: EntryKind<D>) -> (Term, Index) {
        let index = self.append_entry(kind);
        self.bcast_append();
        (self.term, index)
    }

    /// Appends an entry of the leader's own. Its own copy counts once it is on the disk.
    pub(super) fn append_entry(&mut self, kind: EntryKind<D>) -> Index {
        let index = self.log.last_index() + 1;
        self.log.append(&[Entry { term: self.term, index, kind }]);
        self.send(Message { index, ..Message::new(MessageKind::AppendResponse, self.config.id) });
        index
    }

    /// Sends an append to every other member that may get one.
    pub(super) fn bcast_append(&mut self) {
        for at in 0..self.members.len() {
            if self.members[at].id != self.config.id {
                self.maybe_send_append(at, true);
            }
        }
    }

    /// Sends a heartbeat to every other member.
    pub(super) fn bcast_heartbeat(&mut self) {
        let capped = !self.has(Mutant::UncappedHeartbeat);
        for at in 0..self.members.len() {
            let progress = &mut self.members[at];
            if progress.id != self.config.id {
                // Beyond its match the member may hold entries of another leader: it must not commit those.
                let commit = if capped { progress.matched.min(self.commit) } else { self.commit };
                progress.sent_commit(commit);
                let to = progress.id;
                self.send(Message { commit, ..Message::new(MessageKind::Heartbeat, to) });
            }
        }
    }

    /// Sends the next append, or a snapshot if the entries are gone, if flow control allows. With `even_if_empty`
    /// it may carry no entries, only the commit index. Returns whether something was sent.
    pub(super) fn maybe_send_append(&mut self, at: usize, even_if_empty: bool) -> bool {
        let max_inflight = self.config.max_inflight;
        let progress = &self.members[at];
        if progress.is_paused() {
            return false;
        }
        let next = progress.next;
        let Some(log_term) = self.log.term(next - 1) else { return self.maybe_send_snapshot(at) };
        // With a full window only an empty append goes out: if all that filled it was lost, its answer says so.
        let full = progress.state == ProgressState::Replicate && progress.is_full(max_inflight);
        let entries = if full || next > self.log.last_index() {
            Vec::new()
        } else {
            let Some(entries) = self.log.entries(next, Index::MAX, self.config.max_message_size) else {
                return self.maybe_send_snapshot(at);
            };
            entries
        };
        if entries.is_empty() && !even_if_empty {
            return false;
        }
        let commit = self.commit;
        let progress = &mut self.members[at];
        progress.sent_entries(entries.len(), max_inflight);
        progress.sent_commit(commit);
        let append = Message::new(MessageKind::Append, progress.id);
        self.send(Message { index: next - 1, log_term, commit, entries, ..append });
        true
    }

    /// Advances the commit index to the highest index of the current term that a majority holds. Whether it moved.
    /// Entries of former terms are never committed by counting: a later leader could still replace them.
    pub(super) fn maybe_commit(&mut self) -> bool {
        let index = self.quorum_index();
        if index <= self.commit {
            return false;
        }
        if self.log.term(index) != Some(self.term) && !self.has(Mutant::CommitOldTerm) {
            return false;
        }
        self.commit = index;
        true
    }

    /// The highest index that a majority of the voters holds.
    fn quorum_index(&self) -> Index {
        let mut quorum = self.quorum();
        if self.has(Mutant::CommitWithMinority) {
            quorum = (quorum - 1).max(1);
        }
        let held_by = |index: Index| self.members.iter().filter(|progress| progress.matched >= index).count();
        let matches = self.members.iter().map(|progress| progress.matched);
        matches.filter(|&index| held_by(index) >= quorum).max().unwrap_or(0)
    }

    /// Commits up to an index that the leader has told.
    pub(super) fn commit_to(&mut self, index: Index) {
        if index > self.commit {
            assert!(
                index <= self.log.last_index(),
                "a leader never tells a member to commit what it does not hold: {index}, the log ends at {}",
                self.log.last_index()
            );
            self.commit = index;
        }
    }

    /// A follower takes entries, or says where its log differs.
    pub(super) fn handle_append_entries(&mut self, message: Message<D>) {
        let answer = Message::new(MessageKind::AppendResponse, message.from);
        if message.index < self.commit {
            self.send(Message { index: self.commit, ..answer });
            return;
        }
        let agrees = self.log.matches(message.index, message.log_term)
            || (self.has(Mutant::SkipConflictCheck) && message.index <= self.log.last_index());
        if !agrees {
            // The leader's log has no entry of a higher term up to here, so no higher term of ours can match.
            let (reject_hint, log_term) = self.log.find_conflict_by_term(message.index, message.log_term);
            self.send(Message { index: message.index, reject: true, reject_hint, log_term, ..answer });
            return;
        }
        let last_new = message.index + message.entries.len() as Index;
        let known = message.entries.iter().take_while(|entry| self.log.matches(entry.index, entry.term)).count();
        let mut new = &message.entries[known..];
        if self.has(Mutant::KeepConflicting) {
            let own = new.iter().take_while(|entry| entry.index <= self.log.last_index()).count();
            new = &new[own..];
        }
        if let Some(first) = new.first() {
            assert!(
                first.index > self.commit,
                "committed entries are never replaced: {} conflicts, the commit index is {}",
                first.index,
                self.commit
            );
            self.stable = self.stable.min(first.index - 1);
            self.log.append(new);
        }
        self.commit_to(message.commit.min(last_new));
        self.send(Message { index: last_new, ..answer });
    }

    /// A follower hears that its leader lives, and how far it may commit.
    pub(super) fn handle_heartbeat(&mut self, from: MemberId, commit: Index) {
        self.commit_to(commit);
        self.send(Message::new(MessageKind::HeartbeatResponse, from));
    }

    /// The leader hears how a member took an append.
    pub(super) fn handle_append_response(&mut self, message: &Message<D>) {
        let Some(at) = self.position(message.from) else { return };
        self.members[at].recent_active = true;
        if message.reject {
            self.handle_rejection(at, message);
            return;
        }
        let progress = &mut self.members[at];
        let found = progress.state == ProgressState::Probe && progress.matched == message.index;
        if !progress.maybe_update(message.index) && !found {
            return;
        }
        match progress.state {
            ProgressState::Probe => progress.become_replicate(),
            ProgressState::Replicate => progress.free_inflight(message.index),
            // It holds enough to go on from the log, whatever became of the snapshot.
            ProgressState::Snapshot if progress.matched + 1 >= self.log.first_index() => progress.become_replicate(),
            ProgressState::Snapshot => {}
        }
        let other = message.from != self.config.id;
        if self.maybe_commit() {
            self.bcast_append();
        } else if other && self.members[at].can_bump_commit(self.commit) {
            self.maybe_send_append(at, true);
        }
        if other {
            while self.maybe_send_append(at, false) {}
        }
        if message.from == self.lead_transferee && self.members[at].matched == self.log.last_index() {
            self.send_timeout_now(message.from);
        }
    }

    fn handle_rejection(&mut self, at: usize, message: &Message<D>) {
        let mut probe = message.reject_hint;
        if message.log_term > 0 {
            // The member's log has no entry of a higher term up to the hint, so no higher term of ours can match.
            (probe, _) = self.log.find_conflict_by_term(message.reject_hint, message.log_term);
        }
        let progress = &mut self.members[at];
        if progress.maybe_decrement(message.index, probe) {
            if progress.state == ProgressState::Replicate {
                progress.become_probe();
            }
            self.maybe_send_append(at, true);
        }
    }

    /// The leader hears that a member lives: it may send to it again.
    pub(super) fn handle_heartbeat_response(&mut self, from: MemberId) {
        let Some(at) = self.position(from) else { return };
        let last = self.log.last_index();
        let progress = &mut self.members[at];
        progress.recent_active = true;
        progress.paused = false;
        // A member that has everything but is being probed gets an empty append: its answer ends the probing.
        if progress.matched < last || progress.state == ProgressState::Probe {
            self.maybe_send_append(at, true);
        }
    }

    /// The owner could not deliver to a member. If appends were streaming, some may be lost: probe again.
    pub fn report_unreachable(&mut self, id: MemberId) {
        if self.role != Role::Leader {
            return;
        }
        if let Some(at) = self.position(id)
            && self.members[at].state == ProgressState::Replicate
        {
            self.members[at].become_probe();
        }
    }
}
