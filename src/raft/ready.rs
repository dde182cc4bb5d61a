//! The contract with the owner: what to write, send and apply, and that it is done.
//!
//! Not the doing. Follows etcd's raft (its synchronous mode): everything in a Ready is done before the next one, and
//! what a member says of itself counts only after that.

use std::sync::Arc;

use super::mutant::Mutant;
use super::{Entry, HardState, Index, MemberId, Message, Payload, Raft, Role, Snapshot, Term, Timeouts};

/// What the owner has to do next: write (the snapshot first, if there is one), send, restore, apply; then it calls
/// [`Raft::advance`].
#[derive(Clone, Debug)]
pub struct Ready<D: Payload> {
    /// The role and the known leader, if one of them changed. For information.
    pub soft_state: Option<(Role, MemberId)>,
    /// To write to the disk, if it changed.
    pub hard_state: Option<HardState>,
    /// To append to the log on the disk, replacing what overlaps. After the snapshot, if there is one.
    pub entries: Vec<Entry<D>>,
    /// A snapshot from the leader: to write to the disk in place of the whole log, and to restore from.
    pub snapshot: Option<Arc<Snapshot<D>>>,
    /// To send, once all of the above is on the disk. A snapshot among them names the voters that this member knows
    /// now, not those of the snapshot's index, as SwarmKit has it: a member that joined after the snapshot was made
    /// would refuse one that does not name it. This asks that no id is ever used twice.
    pub messages: Vec<Message<D>>,
    /// To apply, in order.
    pub committed: Vec<Entry<D>>,
    /// Whether the disk must have flushed the write before anything is sent: a term, a vote, an entry or a snapshot
    /// is new. A mere advance of the commit index may be lost.
    pub must_sync: bool,
}

/// What will be true once the owner has done what the Ready asked for.
#[derive(Clone, Debug)]
pub(super) struct Outstanding<D: Payload> {
    last_entry: Option<(Index, Term)>,
    snapshot: Option<Index>,
    applied: Index,
    /// What this member says to itself: its vote, its copies of its own entries.
    own_answers: Vec<Message<D>>,
}

impl<D: Payload, T: Timeouts> Raft<D, T> {
    /// Whether there is something to do. Never while a Ready is being worked on.
    pub fn has_ready(&self) -> bool {
        self.outstanding.is_none()
            && (!self.messages.is_empty()
                || !self.messages_after_append.is_empty()
                || self.stable < self.log.last_index()
                || self.can_apply()
                || self.unstable_snapshot.is_some()
                || self.hard_state() != self.told_hard_state
                || (self.role, self.leader) != self.told_soft_state)
    }

    /// Whether committed entries wait to be applied and may be: a snapshot goes first.
    fn can_apply(&self) -> bool {
        self.unstable_snapshot.is_none() && self.applied < self.may_apply_to()
    }

    fn may_apply_to(&self) -> Index {
        if self.has(Mutant::ApplyUncommitted) { self.log.last_index() } else { self.commit }
    }

    /// Hands out everything there is to do.
    pub fn ready(&mut self) -> Ready<D> {
        assert!(self.outstanding.is_none(), "one Ready at a time: advance comes before the next");
        let max_size = self.config.max_message_size;
        let late = self.has(Mutant::ReplyBeforeWrite) && !self.messages_after_append.is_empty();
        let news = if late { self.log.last_index() } else { self.stable } + 1;
        let entries = self.log.iter_from(news).cloned().collect::<Vec<_>>();
        let committed = if self.can_apply() {
            let committed = self.log.entries(self.applied + 1, self.may_apply_to() + 1, max_size);
            committed.expect("entries stay in the log until they are applied")
        } else {
            Vec::new()
        };
        let (hard_state, soft_state) = (self.hard_state(), (self.role, self.leader));
        let told = self.told_hard_state;
        let mut messages = std::mem::take(&mut self.messages);
        let mut own_answers = Vec::new();
        for message in self.messages_after_append.drain(..) {
            if message.to == self.config.id { own_answers.push(message) } else { messages.push(message) }
        }
        for snapshot in messages.iter_mut().filter_map(|message| message.snapshot.as_mut()) {
            if !self.voters().eq(snapshot.voters.iter().copied()) {
                Arc::make_mut(snapshot).voters = self.voters().collect();
            }
        }
        let ready = Ready {
            soft_state: (soft_state != self.told_soft_state).then_some(soft_state),
            hard_state: (hard_state != told).then_some(hard_state),
            must_sync: !entries.is_empty()
                || self.unstable_snapshot.is_some()
                || (hard_state.term, hard_state.vote) != (told.term, told.vote),
            snapshot: self.unstable_snapshot.clone(),
            entries,
            messages,
            committed,
        };
        self.told_hard_state = hard_state;
        self.told_soft_state = soft_state;
        self.outstanding = Some(Outstanding {
            last_entry: ready.entries.last().map(|entry| (entry.index, entry.term)),
            snapshot: ready.snapshot.as_ref().map(|snapshot| snapshot.index),
            applied: ready.committed.last().map_or(0, |entry| entry.index),
            own_answers,
        });
        ready
    }

    /// The owner has done all that the last Ready asked for.
    pub fn advance(&mut self) {
        let done = self.outstanding.take().expect("advance follows a Ready");
        for answer in done.own_answers {
            self.step(answer);
        }
        if let Some((index, term)) = done.last_entry
            && self.log.matches(index, term)
        {
            // If it does not match, the entry was replaced while it was being written.
            self.stable = self.stable.max(index);
        }
        if let Some(index) = done.snapshot {
            if self.unstable_snapshot.as_ref().is_some_and(|snapshot| snapshot.index == index) {
                self.snapshot = self.unstable_snapshot.take();
            }
            self.applied = self.applied.max(index);
        }
        self.applied = self.applied.max(done.applied);
        if std::mem::take(&mut self.campaign_wanted) {
            self.hup(false);
        }
    }
}
