//! Configuration changes: one member at a time, in force once applied.
//!
//! Not the proposing, which is in `replication`. Follows the dissertation's chapter 4 (single-server changes) as
//! etcd's raft does them: in force when the entry is applied, not already when it is appended as in the paper.

use super::{ConfChange, ConfChangeKind, MemberId, NONE, Payload, Progress, Raft, Role, Timeouts};

impl<D: Payload, T: Timeouts> Raft<D, T> {
    /// Puts a committed configuration change into force. The owner calls this for each one that it applies.
    pub fn apply_conf_change(&mut self, change: &ConfChange) {
        if change.member == NONE {
            return;
        }
        match change.kind {
            ConfChangeKind::AddMember => self.add_member(change.member),
            ConfChangeKind::RemoveMember => self.remove_member(change.member),
            ConfChangeKind::UpdateMember => {}
        }
        self.switch_to_config();
    }

    /// Replaces the whole set of members.
    pub(super) fn set_voters(&mut self, voters: &[MemberId]) {
        for &id in voters {
            self.add_member(id);
        }
    }

    fn add_member(&mut self, id: MemberId) {
        if let Err(at) = self.members.binary_search_by_key(&id, |progress| progress.id) {
            let mut progress = Progress::new(id, self.log.last_index().max(1));
            // It counts as active at first: it has had no time yet to answer.
            progress.recent_active = true;
            self.members.insert(at, progress);
        }
    }

    fn remove_member(&mut self, id: MemberId) {
        if let Some(at) = self.position(id) {
            self.members.remove(at);
            assert!(!self.members.is_empty(), "a group keeps at least one voter: {id:x} was the last");
        }
    }

    /// Does what a new set of members asks of a leader.
    fn switch_to_config(&mut self) {
        if self.role != Role::Leader || self.position(self.config.id).is_none() {
            // A leader that was removed goes on leading without a copy of its own that counts, until its owner
            // stops it or the others elect another.
            return;
        }
        if self.maybe_commit() {
            // The smaller majority holds more than the larger one did.
            self.bcast_append();
        } else {
            // A new member need not wait for the next heartbeat.
            for at in 0..self.members.len() {
                if self.members[at].id != self.config.id {
                    self.maybe_send_append(at, false);
                }
            }
        }
        if self.position(self.lead_transferee).is_none() {
            self.abort_leader_transfer();
        }
    }
}
