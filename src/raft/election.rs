//! Ticks, campaigns, votes, the lease, and CheckQuorum.
//!
//! Follows the Raft paper, sections 5.2 and 5.4.1, the dissertation's sections 4.2.3 and 6.2 (a follower that hears
//! its leader refuses to vote; a leader that hears no majority steps down), and etcd's raft for the details.

use super::mutant::Mutant;
use super::{EntryKind, MemberId, Message, MessageKind, NONE, Payload, Raft, Role, Timeouts};

impl<D: Payload, T: Timeouts> Raft<D, T> {
    /// One tick of time passes.
    pub fn tick(&mut self) {
        if self.role == Role::Leader {
            self.tick_heartbeat();
        } else {
            self.tick_election();
        }
    }

    fn tick_election(&mut self) {
        self.election_elapsed += 1;
        if self.election_elapsed >= self.randomized_timeout && self.promotable() {
            self.election_elapsed = 0;
            self.hup(false);
        }
    }

    fn tick_heartbeat(&mut self) {
        self.heartbeat_elapsed += 1;
        self.election_elapsed += 1;
        if self.election_elapsed >= self.config.election_tick {
            self.election_elapsed = 0;
            if self.config.check_quorum {
                self.check_quorum();
            }
            if self.role == Role::Leader {
                self.abort_leader_transfer();
            }
        }
        if self.role == Role::Leader && self.heartbeat_elapsed >= self.config.heartbeat_tick {
            self.heartbeat_elapsed = 0;
            self.bcast_heartbeat();
        }
    }

    /// Campaigns now, without waiting for the timeout (etcd's "Hup").
    ///
    /// May be called while a Ready is being worked on, so also by an owner that applies the removal of its leader: if
    /// a configuration change is not known to be applied yet, the campaign begins with [`Raft::advance`].
    pub fn campaign(&mut self) {
        self.campaign_wanted = self.outstanding.is_some() && self.has_unapplied_conf_change();
        if !self.campaign_wanted {
            self.hup(false);
        }
    }

    /// Campaigns, if the member may. Not while a committed configuration change waits to be applied: it could make
    /// this member one that must not lead.
    pub(super) fn hup(&mut self, transfer: bool) {
        if self.role == Role::Leader || !self.promotable() || self.has_unapplied_conf_change() {
            return;
        }
        self.become_candidate();
        let (index, log_term) = (self.log.last_index(), self.log.last_term());
        for at in 0..self.members.len() {
            let to = self.members[at].id;
            if to == self.config.id {
                self.send(Message::new(MessageKind::VoteResponse, to));
            } else {
                let vote = Message::new(MessageKind::Vote, to);
                self.send(Message { index, log_term, campaign_transfer: transfer, ..vote });
            }
        }
    }

    fn has_unapplied_conf_change(&self) -> bool {
        let waiting = self.commit.saturating_sub(self.applied) as usize;
        let mut entries = self.log.iter_from(self.applied + 1).take(waiting);
        entries.any(|entry| matches!(entry.kind, EntryKind::ConfChange(_)))
    }

    /// Whether a vote request of a higher term is to be ignored, because a leader was heard from within the shortest
    /// election timeout. A campaign that the leader itself asked for is exempt.
    pub(super) fn is_leased_against(&self, message: &Message<D>) -> bool {
        message.kind == MessageKind::Vote
            && !message.campaign_transfer
            && self.config.check_quorum
            && self.leader != NONE
            && self.election_elapsed < self.config.election_tick
            && !self.has(Mutant::IgnoreLease)
    }

    /// Answers a vote request of the current term.
    pub(super) fn handle_vote(&mut self, message: &Message<D>) {
        let free =
            self.vote == message.from || (self.vote == NONE && self.leader == NONE) || self.has(Mutant::VoteTwice);
        let grant = free && self.log.is_up_to_date(message.index, message.log_term);
        let answer = Message::new(MessageKind::VoteResponse, message.from);
        if grant {
            self.send(Message { term: message.term, ..answer });
            self.election_elapsed = 0;
            self.vote = message.from;
        } else {
            self.send(Message { reject: true, ..answer });
        }
    }

    /// Counts an answer to the running campaign; the first of each member counts.
    pub(super) fn handle_vote_response(&mut self, from: MemberId, granted: bool) {
        if self.votes.iter().all(|&(voter, _)| voter != from) {
            self.votes.push((from, granted));
        }
        let voted = |yes: bool| {
            let counts = |&&(voter, vote): &&(MemberId, bool)| vote == yes && self.position(voter).is_some();
            self.votes.iter().filter(counts).count()
        };
        if voted(true) >= self.quorum() {
            self.become_leader();
            self.bcast_append();
        } else if self.members.len() - voted(false) < self.quorum() {
            self.become_follower(self.term, NONE);
        }
    }

    /// Steps down unless a majority was heard from since the last time, then begins a new window.
    fn check_quorum(&mut self) {
        let active = self.members.iter().filter(|progress| progress.recent_active).count();
        if active < self.quorum() && !self.has(Mutant::IgnoreQuorumLoss) {
            self.become_follower(self.term, NONE);
        }
        for progress in &mut self.members {
            if progress.id != self.config.id {
                progress.recent_active = false;
            }
        }
    }
}
