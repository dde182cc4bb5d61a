//! What a leader knows of one follower, and how fast it may send to it.
//!
//! Not the sending, which is in `replication`. Follows the Raft paper's `nextIndex` and `matchIndex` (section 5.3)
//! and etcd's raft, which adds three states: *Probe* finds where the logs agree, one message at a time; *Replicate*
//! streams without waiting for answers; *Snapshot* waits for a snapshot to arrive.

use std::collections::VecDeque;

use super::{Index, MemberId};

/// How the leader sends to a follower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgressState {
    /// One append per heartbeat interval, until the place where the logs agree is found.
    Probe,
    /// Appends follow each other without waiting.
    Replicate,
    /// A snapshot is on its way; nothing else is sent.
    Snapshot,
}

/// What the leader knows of one member (also of itself).
#[derive(Clone, Debug)]
pub struct Progress {
    /// The member.
    pub id: MemberId,
    /// The highest index known to be on its disk as it is in the leader's log.
    pub matched: Index,
    /// The next index to send.
    pub next: Index,
    /// How the leader sends.
    pub state: ProgressState,
    /// In the Snapshot state: the index of the snapshot sent.
    pub pending_snapshot: Index,
    /// Whether the member was heard from in the current CheckQuorum window.
    pub recent_active: bool,
    /// Whether appends wait for the next answer.
    pub paused: bool,
    /// The highest commit index that was sent to it.
    sent_commit: Index,
    /// The last index of each append that was sent and not yet answered, oldest first.
    inflight: VecDeque<Index>,
}

impl Progress {
    /// A member of whom nothing is known yet.
    pub(super) fn new(id: MemberId, next: Index) -> Self {
        Progress {
            id,
            matched: 0,
            next,
            state: ProgressState::Probe,
            pending_snapshot: 0,
            recent_active: false,
            paused: false,
            sent_commit: 0,
            inflight: VecDeque::new(),
        }
    }

    /// The number of appends sent and not yet answered.
    pub fn inflight(&self) -> usize {
        self.inflight.len()
    }

    /// Forgets everything at a change of term or role, keeping the memory of the window.
    pub(super) fn reset(&mut self, matched: Index, next: Index) {
        self.reset_state(ProgressState::Probe);
        self.matched = matched;
        self.next = next;
        self.recent_active = false;
        self.sent_commit = 0;
    }

    fn reset_state(&mut self, state: ProgressState) {
        self.paused = false;
        self.pending_snapshot = 0;
        self.state = state;
        self.inflight.clear();
    }

    /// Goes back to probing: after the last match or, if a snapshot was sent, after that.
    pub(super) fn become_probe(&mut self) {
        let after = self.matched.max(self.pending_snapshot);
        self.reset_state(ProgressState::Probe);
        self.next = after + 1;
        self.sent_commit = self.sent_commit.min(self.next - 1);
    }

    /// Begins to stream from the last match.
    pub(super) fn become_replicate(&mut self) {
        self.reset_state(ProgressState::Replicate);
        self.next = self.matched + 1;
    }

    /// A snapshot of this index was sent.
    pub(super) fn become_snapshot(&mut self, index: Index) {
        self.reset_state(ProgressState::Snapshot);
        self.pending_snapshot = index;
        self.next = index + 1;
        self.sent_commit = index;
    }

    /// Whether nothing may be sent now.
    pub(super) fn is_paused(&self) -> bool {
        self.paused || self.state == ProgressState::Snapshot
    }

    /// Whether as many appends are on their way as are allowed.
    pub(super) fn is_full(&self, max_inflight: usize) -> bool {
        self.inflight.len() >= max_inflight
    }

    /// An append with so many entries was sent.
    pub(super) fn sent_entries(&mut self, count: usize, max_inflight: usize) {
        match self.state {
            ProgressState::Probe => self.paused |= count > 0,
            ProgressState::Replicate => {
                if count > 0 {
                    self.next += count as Index;
                    self.inflight.push_back(self.next - 1);
                }
                self.paused = self.is_full(max_inflight);
            }
            ProgressState::Snapshot => panic!("nothing is appended to a member while a snapshot is on its way"),
        }
    }

    /// This commit index was sent.
    pub(super) fn sent_commit(&mut self, commit: Index) {
        self.sent_commit = commit;
    }

    /// Whether sending this commit index could tell the member anything new.
    pub(super) fn can_bump_commit(&self, commit: Index) -> bool {
        commit > self.sent_commit && self.sent_commit < self.next - 1
    }

    /// The member holds everything up to this index. Whether that is news.
    pub(super) fn maybe_update(&mut self, index: Index) -> bool {
        if index <= self.matched {
            return false;
        }
        self.matched = index;
        self.next = self.next.max(index + 1);
        self.paused = false;
        true
    }

    /// The appends up to this index were answered.
    pub(super) fn free_inflight(&mut self, index: Index) {
        while self.inflight.front().is_some_and(|&last| last <= index) {
            self.inflight.pop_front();
        }
    }

    /// The member refused an append after `rejected` and the logs may agree at `hint`. Moves `next` back, unless the
    /// answer is an old one; returns whether it moved.
    pub(super) fn maybe_decrement(&mut self, rejected: Index, hint: Index) -> bool {
        match self.state {
            // An answer to an append from before the snapshot: what follows the snapshot decides.
            ProgressState::Snapshot => return false,
            ProgressState::Replicate => {
                if rejected <= self.matched {
                    return false;
                }
                self.next = self.matched + 1;
            }
            ProgressState::Probe => {
                if self.next - 1 != rejected {
                    return false;
                }
                self.next = rejected.min(hint + 1).max(self.matched + 1);
                self.paused = false;
            }
        }
        self.sent_commit = self.sent_commit.min(self.next - 1);
        true
    }
}
