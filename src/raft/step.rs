//! A message arrives: its term is compared first, then the role decides.
//!
//! Not the handling itself, only the choice of it. Follows the Raft paper's "rules for servers" (figure 2) and
//! etcd's raft: the lease, and the answer by which a member with a higher term makes an old leader notice.

use super::mutant::Mutant;
use super::{MemberId, Message, MessageKind, NONE, Payload, Raft, Role, Timeouts};

impl<D: Payload, T: Timeouts> Raft<D, T> {
    /// Takes a message that was sent to this member.
    pub fn step(&mut self, message: Message<D>) {
        if message.is_response() && self.position(message.from).is_none() {
            return;
        }
        if message.term > self.term {
            if self.is_leased_against(&message) {
                return;
            }
            let leader = if speaks_as_leader(message.kind) { message.from } else { NONE };
            self.become_follower(message.term, leader);
        } else if message.term < self.term && !self.counts_anyway(&message) {
            let late_leader = matches!(message.kind, MessageKind::Append | MessageKind::Heartbeat);
            if late_leader && self.config.check_quorum {
                // The sender leads an older term. It hears of the newer one by this answer and steps down; without
                // it, a member whose lonely campaigns have raised its term could never rejoin a group that holds
                // its lease against it.
                self.send(Message::new(MessageKind::AppendResponse, message.from));
            }
            return;
        }
        if message.kind == MessageKind::Vote {
            self.handle_vote(&message);
            return;
        }
        match self.role {
            Role::Leader => self.step_leader(message),
            Role::Candidate => self.step_candidate(message),
            Role::Follower => self.step_follower(message),
        }
    }

    fn counts_anyway(&self, message: &Message<D>) -> bool {
        message.kind == MessageKind::VoteResponse && self.has(Mutant::CountOldVotes)
    }

    fn step_leader(&mut self, message: Message<D>) {
        match message.kind {
            MessageKind::AppendResponse => self.handle_append_response(&message),
            MessageKind::HeartbeatResponse => self.handle_heartbeat_response(message.from),
            MessageKind::TransferLeader => self.transfer_leader(message.from),
            _ => {}
        }
    }

    fn step_candidate(&mut self, message: Message<D>) {
        match message.kind {
            kind if speaks_as_leader(kind) => {
                self.become_follower(message.term, message.from);
                self.hear_leader(message);
            }
            MessageKind::VoteResponse => self.handle_vote_response(message.from, !message.reject),
            _ => {}
        }
    }

    fn step_follower(&mut self, message: Message<D>) {
        match message.kind {
            kind if speaks_as_leader(kind) => {
                self.election_elapsed = 0;
                self.leader = message.from;
                self.hear_leader(message);
            }
            MessageKind::TransferLeader => self.forward_transfer(message.from),
            MessageKind::TimeoutNow => self.hup(true),
            _ => {}
        }
    }

    fn hear_leader(&mut self, message: Message<D>) {
        match message.kind {
            MessageKind::Append => self.handle_append_entries(message),
            MessageKind::Heartbeat => self.handle_heartbeat(message.from, message.commit),
            _ => self.handle_snapshot(message),
        }
    }

    /// Hands a transfer request on to the leader, if one is known.
    pub(super) fn forward_transfer(&mut self, to: MemberId) {
        if self.leader != NONE {
            self.send(Message { from: to, ..Message::new(MessageKind::TransferLeader, self.leader) });
        }
    }
}

/// Whether only the leader of the message's term can have sent this.
fn speaks_as_leader(kind: MessageKind) -> bool {
    matches!(kind, MessageKind::Append | MessageKind::Heartbeat | MessageKind::Snapshot)
}
