//! Handing the leadership to a chosen member.
//!
//! Follows the dissertation's section 3.10 and etcd's raft: the leader stops taking proposals, brings the member up
//! to date, and tells it to campaign at once.

use super::{MemberId, Message, MessageKind, NONE, Payload, Raft, Role, Timeouts};

impl<D: Payload, T: Timeouts> Raft<D, T> {
    /// Begins to hand the leadership to a member. A follower passes the wish on to its leader. It is given up after
    /// one election timeout.
    pub fn transfer_leader(&mut self, to: MemberId) {
        match self.role {
            Role::Leader => self.begin_transfer(to),
            Role::Follower => self.forward_transfer(to),
            Role::Candidate => {}
        }
    }

    fn begin_transfer(&mut self, to: MemberId) {
        let Some(at) = self.position(to) else { return };
        if self.lead_transferee == to {
            return;
        }
        self.abort_leader_transfer();
        if to == self.config.id {
            return;
        }
        self.election_elapsed = 0;
        self.lead_transferee = to;
        if self.members[at].matched == self.log.last_index() {
            self.send_timeout_now(to);
        } else {
            self.maybe_send_append(at, true);
        }
    }

    pub(super) fn send_timeout_now(&mut self, to: MemberId) {
        self.send(Message::new(MessageKind::TimeoutNow, to));
    }

    pub(super) fn abort_leader_transfer(&mut self) {
        self.lead_transferee = NONE;
    }
}
