//! Each deliberate fault is caught by an invariant, in the shortest story that shows it.
//!
//! Every story is told twice: with honest members it breaks no rule, with the mutant it breaks the one it names.

use super::group::{Crash, Draws, Group};
use crate::raft::{Config, Entry, EntryKind, HardState, Log, MemberId, Message, MessageKind, Mutant, Stored, Term};

/// Tells the story with honest members and with mutants.
fn catches(mutant: Mutant, rule: &str, group: impl Fn() -> Group, story: impl Fn(&mut Group)) {
    for fault in [None, Some(mutant)] {
        let mut group = group();
        for node in group.nodes.values_mut() {
            node.raft.as_mut().expect("all members start up").set_mutant(fault);
        }
        story(&mut group);
        let broken = group.ledger.broken.map(|broken| broken.rule);
        assert_eq!(broken, fault.map(|_| rule), "the members' fault: {fault:?}");
    }
}

/// Work of one member, and the arrival of what was sent to some.
fn work(group: &mut Group, id: MemberId) {
    while group.ready(id, Crash::No).is_some() {}
}

fn arrive(group: &mut Group, to: MemberId) {
    for message in group.take(&[to]) {
        group.deliver(message);
    }
}

/// A member whose disk holds entries of these terms, and that sends one entry at a time.
fn holding(group: &mut Group, id: MemberId, voters: MemberId, terms: &[Term], term: Term, commit: u64) {
    let entries: Vec<_> =
        terms.iter().zip(1..).map(|(&term, index)| Entry { term, index, kind: EntryKind::Empty }).collect();
    let mut log = Log::new();
    log.append(&entries);
    let hard_state = HardState { term, vote: 0, commit };
    let stored = Stored { hard_state, log, snapshot: None, voters: (1..=voters).collect() };
    let config = Config { max_message_size: 0, ..Config::swarm(id) };
    group.start(config, Draws::Fixed(0), stored);
}

fn vote(from: MemberId, to: MemberId, term: Term, transfer: bool) -> Message<super::group::Text> {
    Message { from, term, campaign_transfer: transfer, ..Message::new(MessageKind::Vote, to) }
}

#[test]
fn a_leader_that_commits_with_a_minority_breaks_the_commit_rule() {
    catches(
        Mutant::CommitWithMinority,
        "commit rule",
        || Group::of(5),
        |group| {
            group.raft(1).campaign();
            group.stabilize(&[1, 2, 3], &mut |_, _| {});
            group.propose(1, "on two of five disks");
            group.stabilize(&[1, 2], &mut |_, _| {});
        },
    );
}

#[test]
fn a_member_that_votes_twice_breaks_one_vote_per_term() {
    catches(
        Mutant::VoteTwice,
        "one vote per term",
        || Group::of(3),
        |group| {
            group.deliver(vote(1, 3, 1, false));
            work(group, 3);
            group.deliver(vote(2, 3, 1, false));
        },
    );
}

#[test]
fn a_leader_that_counts_copies_of_old_terms_breaks_the_commit_rule() {
    // Figure 8 of the paper: member 1 leads again and copies its entry of term 2 to member 2. Member 3 holds one of
    // term 3 and can still win: nothing of term 2 may be committed by counting.
    let figure_8 = || {
        let mut group = Group::default();
        holding(&mut group, 1, 3, &[1, 2], 3, 1);
        holding(&mut group, 2, 3, &[1], 3, 1);
        holding(&mut group, 3, 3, &[1, 3], 3, 1);
        group
    };
    catches(Mutant::CommitOldTerm, "commit rule", figure_8, |group| {
        group.raft(1).campaign();
        // One entry per message: the old one is acknowledged before the leader's own is even sent.
        while group.raft(1).progress_of(2).is_some_and(|progress| progress.matched < 2) {
            work(group, 1);
            arrive(group, 2);
            work(group, 2);
            arrive(group, 1);
        }
    });
}

#[test]
fn a_member_that_ignores_the_lease_breaks_it() {
    catches(
        Mutant::IgnoreLease,
        "lease",
        || Group::of(3),
        |group| {
            group.raft(1).campaign();
            group.settle();
            let (term, index) = (group.raft(2).last_term(), group.raft(2).last_index());
            group.deliver(Message { log_term: term, index, ..vote(3, 2, 9, false) });
        },
    );
}

#[test]
fn a_vote_that_is_not_written_breaks_durability() {
    catches(
        Mutant::ForgetVote,
        "durability",
        || Group::of(3),
        |group| {
            group.deliver(vote(1, 3, 1, false));
            work(group, 3);
        },
    );
}

#[test]
fn a_member_that_appends_blindly_breaks_log_matching() {
    let diverged = || {
        let mut group = Group::default();
        holding(&mut group, 1, 3, &[1, 3, 3], 3, 1);
        holding(&mut group, 2, 3, &[1, 2, 2], 3, 1);
        holding(&mut group, 3, 3, &[1, 3, 3], 3, 1);
        group
    };
    catches(Mutant::SkipConflictCheck, "log matching", diverged, |group| {
        group.raft(1).campaign();
        group.settle();
    });
}
