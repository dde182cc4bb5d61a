//! Deliberate faults: each breaks one rule of Raft, so that the tests can prove that they would notice.
//!
//! Not part of a released program: without `cfg(test)` or the feature `mutants` no member can carry one, and
//! [`Raft::has`] is the constant `false`.

#[cfg(any(test, feature = "mutants"))]
use super::Timeouts;
use super::{Payload, Raft};

/// A rule of Raft that a member can be made to break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mutant {
    /// A leader commits with one copy less than a majority.
    CommitWithMinority,
    /// A member votes for whoever asks, even a second time in one term.
    VoteTwice,
    /// A leader commits entries of former terms by counting their copies (the paper's figure 8).
    CommitOldTerm,
    /// A follower votes although it heard from its leader a moment ago.
    IgnoreLease,
    /// The vote is not written to the disk.
    ForgetVote,
    /// A follower appends without comparing the entry before.
    SkipConflictCheck,
    /// A follower keeps entries that conflict with its leader's, and appends only what is beyond its own.
    KeepConflicting,
    /// A member hands out entries to apply that are not committed yet.
    ApplyUncommitted,
    /// A member acknowledges entries in one Ready and writes them in the next.
    ReplyBeforeWrite,
    /// A candidate counts votes that it was given in earlier terms.
    CountOldVotes,
    /// A leader that hears from no majority goes on leading.
    IgnoreQuorumLoss,
    /// A leader takes a configuration change while another is under way.
    TwoChangesAtOnce,
    /// A heartbeat tells the leader's commit index to members that may not hold so much.
    UncappedHeartbeat,
    /// A member restores from a snapshot that is older than what it has committed.
    RestoreOldSnapshot,
}

#[cfg(any(test, feature = "mutants"))]
impl Mutant {
    /// All of them.
    pub const ALL: [Mutant; 14] = [
        Mutant::CommitWithMinority,
        Mutant::VoteTwice,
        Mutant::CommitOldTerm,
        Mutant::IgnoreLease,
        Mutant::ForgetVote,
        Mutant::SkipConflictCheck,
        Mutant::KeepConflicting,
        Mutant::ApplyUncommitted,
        Mutant::ReplyBeforeWrite,
        Mutant::CountOldVotes,
        Mutant::IgnoreQuorumLoss,
        Mutant::TwoChangesAtOnce,
        Mutant::UncappedHeartbeat,
        Mutant::RestoreOldSnapshot,
    ];
}

#[cfg(any(test, feature = "mutants"))]
impl<D: Payload, T: Timeouts> Raft<D, T> {
    /// Makes this member break a rule, or keep them all again.
    pub fn set_mutant(&mut self, mutant: Option<Mutant>) {
        self.mutant = mutant;
    }
}

impl<D: Payload, T> Raft<D, T> {
    /// Whether this member breaks this rule.
    #[cfg(any(test, feature = "mutants"))]
    pub(super) fn has(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// Whether this member breaks this rule: never.
    #[cfg(not(any(test, feature = "mutants")))]
    pub(super) const fn has(&self, _: Mutant) -> bool {
        false
    }
}
