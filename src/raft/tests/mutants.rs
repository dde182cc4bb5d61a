//! Each deliberate fault is caught by an invariant, in the shortest story that shows it.
//!
//! Every story is told twice: with honest members it breaks no rule, with the mutant it breaks the one it names. The
//! table at the end is the list of all mutants, each with its test. That random histories find them as well is in
//! `properties`; that another library notices them is in `differential`.

use std::sync::Arc;

use super::group::{Crash, Draws, Group, Text};
use crate::raft::{
    ConfChangeKind, Config, Entry, EntryKind, HardState, Log, MemberId, Message, MessageKind, Mutant, Snapshot, Stored,
    Term,
};

/// One line of the table.
struct Story {
    test: &'static str,
    mutant: Mutant,
    /// The rule of the ledger that the mutant breaks.
    rule: &'static str,
    group: fn() -> Group,
    tale: fn(&mut Group),
}

impl Story {
    /// Tells the story with honest members and with mutants.
    fn catches(&self) {
        for fault in [None, Some(self.mutant)] {
            let mut group = (self.group)();
            for node in group.nodes.values_mut() {
                node.raft.as_mut().expect("all members start up").set_mutant(fault);
            }
            (self.tale)(&mut group);
            let broken = group.ledger.broken.map(|broken| broken.rule);
            assert_eq!(broken, fault.map(|_| self.rule), "{}: the members' fault: {fault:?}", self.test);
        }
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

fn vote(from: MemberId, to: MemberId, term: Term, transfer: bool) -> Message<Text> {
    Message { from, term, campaign_transfer: transfer, ..Message::new(MessageKind::Vote, to) }
}

/// Three members, the first of which leads.
fn led_by_1() -> Group {
    let mut group = Group::of(3);
    group.raft(1).campaign();
    group.settle();
    group
}

/// Figure 8 of the paper: member 1 leads again and copies its entry of term 2 to member 2. Member 3 holds one of term 3
/// and can still win: nothing of term 2 may be committed by counting.
fn figure_8() -> Group {
    let mut group = Group::default();
    holding(&mut group, 1, 3, &[1, 2], 3, 1);
    holding(&mut group, 2, 3, &[1], 3, 1);
    holding(&mut group, 3, 3, &[1, 3], 3, 1);
    group
}

/// Member 2 holds entries of a leader that is forgotten.
fn diverged() -> Group {
    let mut group = Group::default();
    holding(&mut group, 1, 3, &[1, 3, 3], 3, 1);
    holding(&mut group, 2, 3, &[1, 2, 2, 2, 2], 3, 1);
    holding(&mut group, 3, 3, &[1, 3, 3], 3, 1);
    group
}

fn count_copies_of_an_old_term(group: &mut Group) {
    group.raft(1).campaign();
    // One entry per message: the old one is acknowledged before the leader's own is even sent.
    while group.raft(1).progress_of(2).is_some_and(|progress| progress.matched < 2) {
        work(group, 1);
        arrive(group, 2);
        work(group, 2);
        arrive(group, 1);
    }
}

fn a_vote_of_the_term_before_comes_late(group: &mut Group) {
    group.raft(1).campaign();
    work(group, 1);
    arrive(group, 2);
    work(group, 2);
    let late = group.take(&[1]);
    group.raft(1).campaign();
    work(group, 1);
    late.into_iter().for_each(|vote| group.deliver(vote));
}

fn an_old_snapshot_arrives(group: &mut Group) {
    group.propose(1, "a");
    group.settle();
    let snapshot = Snapshot { index: 1, term: 1, voters: vec![1, 2, 3], data: Vec::new() };
    let message =
        Message { from: 1, term: 1, snapshot: Some(Arc::new(snapshot)), ..Message::new(MessageKind::Snapshot, 2) };
    group.deliver(message);
}

macro_rules! stories {
    ($($test:ident: $mutant:ident breaks $rule:literal, $group:expr, $tale:expr;)*) => {
        /// Which test catches which mutant, and by which rule.
        const TABLE: &[Story] = &[$(Story {
            test: stringify!($test),
            mutant: Mutant::$mutant,
            rule: $rule,
            group: $group,
            tale: $tale,
        }),*];

        $(
            #[test]
            fn $test() {
                let story = TABLE.iter().find(|story| story.test == stringify!($test));
                story.expect("the table has it").catches();
            }
        )*
    };
}

stories! {
    a_leader_that_commits_with_a_minority_breaks_the_commit_rule:
        CommitWithMinority breaks "commit rule", || Group::of(5), |group| {
            group.raft(1).campaign();
            group.stabilize(&[1, 2, 3], &mut |_, _| {});
            group.propose(1, "on two of five disks");
            group.stabilize(&[1, 2], &mut |_, _| {});
        };
    a_member_that_votes_twice_breaks_one_vote_per_term:
        VoteTwice breaks "one vote per term", || Group::of(3), |group| {
            group.deliver(vote(1, 3, 1, false));
            work(group, 3);
            group.deliver(vote(2, 3, 1, false));
        };
    a_leader_that_counts_copies_of_old_terms_breaks_the_commit_rule:
        CommitOldTerm breaks "commit rule", figure_8, count_copies_of_an_old_term;
    a_member_that_ignores_the_lease_breaks_it:
        IgnoreLease breaks "lease", led_by_1, |group| {
            let (term, index) = (group.raft(2).last_term(), group.raft(2).last_index());
            group.deliver(Message { log_term: term, index, ..vote(3, 2, 9, false) });
        };
    a_vote_that_is_not_written_breaks_durability:
        ForgetVote breaks "durability", || Group::of(3), |group| {
            group.deliver(vote(1, 3, 1, false));
            work(group, 3);
        };
    a_member_that_appends_blindly_breaks_log_matching:
        SkipConflictCheck breaks "log matching", diverged, |group| {
            group.raft(1).campaign();
            group.settle();
        };
    a_follower_that_keeps_what_conflicts_breaks_the_match:
        KeepConflicting breaks "match is durable", diverged, |group| {
            group.raft(1).campaign();
            // With the fault they never agree.
            for id in (1..=3).cycle().take(60) {
                work(group, id);
                (1..=3).for_each(|to| arrive(group, to));
            }
        };
    a_member_that_applies_before_the_commit_breaks_the_ranges:
        ApplyUncommitted breaks "ranges", || Group::of(3), |group| {
            group.raft(1).campaign();
            group.settle();
        };
    a_reply_before_the_disk_has_it_breaks_durability:
        ReplyBeforeWrite breaks "durability", || Group::of(3), |group| {
            group.raft(1).campaign();
            group.settle();
        };
    a_candidate_that_counts_old_votes_has_no_majority:
        CountOldVotes breaks "majority of votes", || Group::of(3), a_vote_of_the_term_before_comes_late;
    a_leader_without_a_quorum_that_stays_breaks_check_quorum:
        IgnoreQuorumLoss breaks "CheckQuorum", led_by_1, |group| {
            for _ in 0..50 {
                group.tick(1);
                work(group, 1);
            }
        };
    two_changes_of_the_members_at_once_break_their_rule:
        TwoChangesAtOnce breaks "one change at a time", led_by_1, |group| {
            group.change(1, ConfChangeKind::AddMember, 4);
            group.change(1, ConfChangeKind::AddMember, 5);
        };
    a_heartbeat_beyond_the_match_commits_what_differs:
        UncappedHeartbeat breaks "committed entries agree", diverged, |group| {
            group.raft(1).campaign();
            group.stabilize(&[1, 3], &mut |_, _| {});
            // Member 2 has heard nothing but the next heartbeat.
            group.wire.clear();
            group.tick(1);
            work(group, 1);
            arrive(group, 2);
        };
    a_snapshot_that_moves_the_commit_back_breaks_monotonicity:
        RestoreOldSnapshot breaks "monotonicity", led_by_1, an_old_snapshot_arrives;
}

#[test]
fn the_table_has_every_mutant_once_and_each_is_caught() {
    let mut listed: Vec<Mutant> = TABLE.iter().map(|story| story.mutant).collect();
    listed.sort_unstable();
    assert_eq!(listed, Mutant::ALL, "each mutant has one line");
    TABLE.iter().for_each(Story::catches);
}
