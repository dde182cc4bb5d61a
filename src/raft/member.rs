//! The machine's state, its roles, and the read access to both.
//!
//! Not its behaviour: that is in `step`, `election`, `replication`, `snapshot`, `membership` and `transfer`. Follows
//! the Raft paper, figures 2 and 4, and etcd's raft for what is reset when.

use std::sync::Arc;

use super::mutant::Mutant;
use super::ready::Outstanding;
use super::{
    Config, HardState, Index, Log, MemberId, Message, MessageKind, NONE, Payload, Progress, Snapshot, Stored, Term,
    Timeouts,
};

/// The role of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Follows a leader, or waits for one.
    Follower,
    /// Asks for votes.
    Candidate,
    /// Leads.
    Leader,
}

/// One member of a Raft group. See the room's own documentation for how its owner drives it.
#[derive(Clone, Debug)]
pub struct Raft<D: Payload, T> {
    pub(super) config: Config,
    timeouts: T,

    pub(super) term: Term,
    pub(super) vote: MemberId,
    pub(super) log: Log<D>,
    pub(super) commit: Index,
    pub(super) applied: Index,
    /// The last index that is on the disk.
    pub(super) stable: Index,
    /// The newest snapshot this member has, to send to members that are too far behind.
    pub(super) snapshot: Option<Arc<Snapshot<D>>>,
    /// A snapshot received from the leader that is not on the disk yet.
    pub(super) unstable_snapshot: Option<Arc<Snapshot<D>>>,

    pub(super) role: Role,
    pub(super) leader: MemberId,
    pub(super) election_elapsed: u32,
    pub(super) heartbeat_elapsed: u32,
    pub(super) randomized_timeout: u32,
    pub(super) lead_transferee: MemberId,
    /// No configuration change may be proposed until this index is applied.
    pub(super) pending_conf_index: Index,
    /// The answers to the running campaign, the first of each member.
    pub(super) votes: Vec<(MemberId, bool)>,
    /// All voters in ascending order of their ids. It has this member itself once it has joined.
    pub(super) members: Vec<Progress>,

    /// Messages that may leave with the next Ready.
    pub(super) messages: Vec<Message<D>>,
    /// Messages that attest what must be on the disk first, some of them to this member itself.
    pub(super) messages_after_append: Vec<Message<D>>,
    /// The hard state and the role last told to the owner.
    pub(super) told_hard_state: HardState,
    pub(super) told_soft_state: (Role, MemberId),
    /// A campaign was asked for while the owner applied a configuration change: it begins once that is done.
    pub(super) campaign_wanted: bool,
    /// The Ready that the owner is working on.
    pub(super) outstanding: Option<Outstanding<D>>,

    #[cfg(any(test, feature = "mutants"))]
    pub(super) mutant: Option<Mutant>,
}

impl<D: Payload, T: Timeouts> Raft<D, T> {
    /// A member that starts, for the first time or again, with what its disk holds. Entries after the snapshot are
    /// delivered again up to the commit index; the configuration changes among them rebuild the set of members.
    pub fn new(config: Config, timeouts: T, stored: Stored<D>) -> Self {
        let Stored { hard_state, log, snapshot, voters } = stored;
        assert!(config.id != NONE, "a member has a name other than {NONE}");
        assert!(
            0 < config.heartbeat_tick && config.heartbeat_tick < config.election_tick && config.max_inflight > 0,
            "heartbeats come more often than elections, and something may be in flight: {config:?}"
        );
        let (base, voters) = match &snapshot {
            Some(snapshot) => (snapshot.index, snapshot.voters.clone()),
            None => (log.first_index() - 1, voters),
        };
        let commit = hard_state.commit.max(base);
        assert!(
            log.first_index() <= base + 1 && commit <= log.last_index(),
            "a disk holds every entry from its snapshot ({base}) to its commit index ({commit}); its log is {}..={}",
            log.first_index(),
            log.last_index(),
        );
        let mut raft = Raft {
            config,
            timeouts,
            term: hard_state.term,
            vote: hard_state.vote,
            commit,
            applied: base,
            stable: log.last_index(),
            log,
            snapshot,
            unstable_snapshot: None,
            role: Role::Follower,
            leader: NONE,
            election_elapsed: 0,
            heartbeat_elapsed: 0,
            randomized_timeout: 0,
            lead_transferee: NONE,
            pending_conf_index: 0,
            votes: Vec::new(),
            members: Vec::new(),
            messages: Vec::new(),
            messages_after_append: Vec::new(),
            told_hard_state: hard_state,
            told_soft_state: (Role::Follower, NONE),
            campaign_wanted: false,
            outstanding: None,
            #[cfg(any(test, feature = "mutants"))]
            mutant: None,
        };
        raft.set_voters(&voters);
        raft.become_follower(hard_state.term, NONE);
        raft
    }

    /// Follows this leader (or none yet) in this term.
    pub(super) fn become_follower(&mut self, term: Term, leader: MemberId) {
        self.reset(term);
        self.role = Role::Follower;
        self.leader = leader;
    }

    /// Enters the next term and votes for itself.
    pub(super) fn become_candidate(&mut self) {
        assert!(self.role != Role::Leader, "a leader does not become a candidate: it follows first");
        self.reset(self.term + 1);
        self.role = Role::Candidate;
        self.vote = self.config.id;
    }

    /// Leads the current term and opens it with an empty entry, whose commit will commit everything before it.
    pub(super) fn become_leader(&mut self) {
        assert!(self.role == Role::Candidate, "only a candidate becomes a leader");
        self.reset(self.term);
        self.role = Role::Leader;
        self.leader = self.config.id;
        if let Some(own) = self.position(self.config.id) {
            self.members[own].become_replicate();
            self.members[own].recent_active = true;
        }
        self.pending_conf_index = self.log.last_index();
        self.append_entry(super::EntryKind::Empty);
    }

    /// Enters a term (or the same one again) with nothing left of what belonged to the former role.
    fn reset(&mut self, term: Term) {
        if self.term != term {
            self.term = term;
            self.vote = NONE;
        }
        self.leader = NONE;
        self.election_elapsed = 0;
        self.heartbeat_elapsed = 0;
        self.votes.clear();
        self.lead_transferee = NONE;
        self.pending_conf_index = 0;
        let low = self.config.election_tick;
        self.randomized_timeout = self.timeouts.draw(low, 2 * low - 1);
        let last = self.log.last_index();
        for progress in &mut self.members {
            let matched = if progress.id == self.config.id { last } else { 0 };
            progress.reset(matched, last + 1);
        }
    }
}

impl<D: Payload, T> Raft<D, T> {
    /// Puts a message into the queue for the next Ready. Answers that attest something go behind the disk write.
    pub(super) fn send(&mut self, mut message: Message<D>) {
        if message.from == NONE {
            message.from = self.config.id;
        }
        if message.term == 0 {
            message.term = self.term;
        }
        match message.kind {
            MessageKind::AppendResponse | MessageKind::VoteResponse => self.messages_after_append.push(message),
            _ => self.messages.push(message),
        }
    }

    /// The place of a member in the list.
    pub(super) fn position(&self, id: MemberId) -> Option<usize> {
        self.members.binary_search_by_key(&id, |progress| progress.id).ok()
    }

    /// The number of voters that make a majority.
    pub(super) fn quorum(&self) -> usize {
        self.members.len() / 2 + 1
    }

    /// Whether the member may campaign: it belongs to the group and is not in the middle of a snapshot.
    pub fn promotable(&self) -> bool {
        self.unstable_snapshot.is_none() && self.position(self.config.id).is_some()
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The member's own name.
    pub fn id(&self) -> MemberId {
        self.config.id
    }

    /// The role.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The leader as far as this member knows, or [`NONE`].
    pub fn leader(&self) -> MemberId {
        self.leader
    }

    /// The current term.
    pub fn term(&self) -> Term {
        self.term
    }

    /// Whom the member voted for in the current term, or [`NONE`].
    pub fn vote(&self) -> MemberId {
        self.vote
    }

    /// The highest index known to be committed.
    pub fn commit(&self) -> Index {
        self.commit
    }

    /// The highest index that the owner has applied.
    pub fn applied(&self) -> Index {
        self.applied
    }

    /// The last index that is on the disk.
    pub fn stable(&self) -> Index {
        self.stable
    }

    /// The index of the last entry of the log.
    pub fn last_index(&self) -> Index {
        self.log.last_index()
    }

    /// The term of the last entry of the log.
    pub fn last_term(&self) -> Term {
        self.log.last_term()
    }

    /// The log, with entries that are not on the disk yet.
    pub fn log(&self) -> &Log<D> {
        &self.log
    }

    /// The newest snapshot this member has.
    pub fn snapshot(&self) -> Option<&Arc<Snapshot<D>>> {
        self.snapshot.as_ref()
    }

    /// The hard state as it is now.
    pub fn hard_state(&self) -> HardState {
        let vote = if self.has(Mutant::ForgetVote) { NONE } else { self.vote };
        HardState { term: self.term, vote, commit: self.commit }
    }

    /// What this member knows of all members, in ascending order of ids. Only a leader's view is up to date.
    pub fn progress(&self) -> impl ExactSizeIterator<Item = &Progress> {
        self.members.iter()
    }

    /// What this member knows of one member.
    pub fn progress_of(&self, id: MemberId) -> Option<&Progress> {
        self.position(id).map(|at| &self.members[at])
    }

    /// The voters of the configuration in force, in ascending order.
    pub fn voters(&self) -> impl ExactSizeIterator<Item = MemberId> {
        self.members.iter().map(|progress| progress.id)
    }

    /// The votes of the running campaign: who answered, and whether it was a yes.
    pub fn votes(&self) -> &[(MemberId, bool)] {
        &self.votes
    }

    /// Ticks since the last word from a leader; on a leader, since its CheckQuorum window began.
    pub fn election_elapsed(&self) -> u32 {
        self.election_elapsed
    }

    /// The number of ticks after which this member campaigns.
    pub fn randomized_timeout(&self) -> u32 {
        self.randomized_timeout
    }

    /// The member that the leadership is being handed to, or [`NONE`].
    pub fn lead_transferee(&self) -> MemberId {
        self.lead_transferee
    }

    /// The index that must be applied before another configuration change may be proposed.
    pub fn pending_conf_index(&self) -> Index {
        self.pending_conf_index
    }
}
