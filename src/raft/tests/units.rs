//! The log, the window of a follower, and the contract with the owner, each by itself.

use proptest::prelude::*;

use super::group::{Crash, Draws, Group, Machine, Text};
use crate::raft::{Config, Entry, EntryKind, Index, Log, MessageKind, Progress, Raft, Role, Stored, Term};

fn entries(from: Index, terms: &[Term]) -> Vec<Entry<Text>> {
    let kind = |term| EntryKind::Normal(Text(format!("t{term}")));
    terms.iter().zip(from..).map(|(&term, index)| Entry { term, index, kind: kind(term) }).collect()
}

#[test]
fn a_log_answers_for_its_base_and_for_nothing_beyond() {
    let mut log = Log::new();
    log.append(&entries(1, &[1, 1, 2, 2, 3]));
    log.compact(3);
    assert_eq!((log.first_index(), log.last_index(), log.len()), (4, 5, 2));
    let terms: Vec<_> = (2..=6).map(|index| log.term(index)).collect();
    assert_eq!(terms, [None, Some(2), Some(2), Some(3), None]);
    assert_eq!(log.entries(3, 6, usize::MAX), None, "entry 3 is gone");
    assert_eq!(log.entries(4, 6, usize::MAX).map(|found| found.len()), Some(2));
    assert_eq!(log.entries(4, 6, 1).map(|found| found.len()), Some(1), "one entry always fits");
    log.restore(300, 7);
    assert_eq!((log.first_index(), log.last_index(), log.last_term(), log.is_empty()), (301, 300, 7, true));
}

#[test]
fn a_conflict_hint_skips_whole_terms() {
    let mut log = Log::new();
    log.append(&entries(1, &[1, 1, 4, 4, 6, 6]));
    assert_eq!(log.find_conflict_by_term(9, 5), (4, 4), "no entry of term 6 can match");
    assert_eq!(log.find_conflict_by_term(4, 3), (2, 1));
    assert_eq!(log.find_conflict_by_term(2, 0), (0, 0));
    log.compact(3);
    assert_eq!(log.find_conflict_by_term(4, 3), (2, 0), "below the base nothing is known");
}

#[test]
fn clones_of_a_log_share_chunks_and_yet_go_their_own_ways() {
    let mut one = Log::new();
    one.append(&entries(1, &[1; 1000]));
    let mut other = one.clone();
    other.truncate_from(500);
    other.append(&entries(500, &[2, 2]));
    assert_eq!((one.last_index(), one.term(500)), (1000, Some(1)));
    assert_eq!((other.last_index(), other.term(500)), (501, Some(2)));
    assert_eq!(one.iter_from(1).count(), 1000);
    assert_eq!(other.iter_from(400).map(|entry| entry.index).collect::<Vec<_>>(), (400..=501).collect::<Vec<_>>());
}

/// What happens to a log.
#[derive(Clone, Debug)]
enum Edit {
    Append(usize),
    Truncate(usize),
    Compact(usize),
    Restore(u64),
}

proptest! {
    /// The log in chunks does what a plain list would do.
    #[test]
    fn a_log_is_a_list(edits in proptest::collection::vec(prop_oneof![
        4 => (0..300usize).prop_map(Edit::Append),
        2 => (0..300usize).prop_map(Edit::Truncate),
        2 => (0..300usize).prop_map(Edit::Compact),
        1 => (0..1000u64).prop_map(Edit::Restore),
    ], 1..30)) {
        let mut log = Log::new();
        let (mut base, mut list) = ((0, 0), Vec::<Entry<Text>>::new());
        for (edit, term) in edits.into_iter().zip(1..) {
            match edit {
                Edit::Append(count) => {
                    let more = entries(base.0 + list.len() as Index + 1, &vec![term; count]);
                    log.append(&more);
                    list.extend(more);
                }
                Edit::Truncate(back) => {
                    list.truncate(list.len().saturating_sub(back));
                    log.truncate_from(base.0 + list.len() as Index + 1);
                }
                Edit::Compact(count) => {
                    let dropped: Vec<_> = list.drain(..count.min(list.len())).collect();
                    base = dropped.last().map_or(base, |entry| (entry.index, entry.term));
                    log.compact(base.0);
                }
                Edit::Restore(further) => {
                    base = (base.0 + list.len() as Index + further, term);
                    list.clear();
                    log.restore(base.0, base.1);
                }
            }
            prop_assert_eq!(log.first_index(), base.0 + 1);
            prop_assert_eq!(log.term(base.0), Some(base.1));
            prop_assert_eq!((log.len(), log.last_index()), (list.len(), base.0 + list.len() as Index));
            prop_assert_eq!(log.last_term(), list.last().map_or(base.1, |entry| entry.term));
            prop_assert!(log.iter_from(0).eq(list.iter()));
            let middle = base.0 + list.len() as Index / 2 + 1;
            prop_assert_eq!(log.entry(middle), list.get(list.len() / 2));
        }
    }
}

#[test]
fn an_old_rejection_does_not_move_a_follower_back() {
    let mut probing = Progress::new(2, 10);
    assert!(!probing.maybe_decrement(5, 3), "the last probe was after 9, not after 5");
    assert!(probing.maybe_decrement(9, 4));
    assert_eq!(probing.next, 5);
    let mut streaming = Progress::new(2, 10);
    streaming.maybe_update(6);
    streaming.become_replicate();
    assert!(!streaming.maybe_decrement(6, 2), "it is known to match up to 6");
    assert!(streaming.maybe_decrement(8, 2));
    assert_eq!(streaming.next, 7);
}

#[test]
fn a_snapshot_that_arrives_or_not_decides_where_probing_begins() {
    for (arrived, next) in [(true, 21), (false, 4)] {
        let mut progress = Progress::new(2, 4);
        progress.maybe_update(3);
        progress.become_snapshot(20);
        assert!(progress.is_paused());
        if !arrived {
            progress.pending_snapshot = 0;
        }
        progress.become_probe();
        assert_eq!(progress.next, next);
    }
}

#[test]
fn nothing_is_outstanding_twice_and_an_own_vote_counts_after_the_write() {
    let stored = Stored { voters: vec![1], ..Stored::default() };
    let mut alone: Machine = Raft::new(Config::swarm(1), Draws::Fixed(0), stored);
    assert!(!alone.has_ready(), "a member that starts has nothing to say");
    alone.campaign();
    let ready = alone.ready();
    assert_eq!(ready.soft_state, Some((Role::Candidate, 0)));
    assert!(ready.must_sync && ready.messages.is_empty());
    assert!(!alone.has_ready(), "one Ready at a time");
    assert_eq!(alone.role(), Role::Candidate, "its vote is not on the disk yet");
    alone.advance();
    assert_eq!(alone.role(), Role::Leader);
    let ready = alone.ready();
    assert_eq!((ready.entries.len(), ready.committed.len()), (1, 0));
    alone.advance();
    let ready = alone.ready();
    assert_eq!((ready.entries.len(), ready.committed.len(), ready.must_sync), (0, 1, false));
    alone.advance();
    assert!(!alone.has_ready());
    assert_eq!((alone.commit(), alone.applied()), (1, 1));
}

#[test]
fn an_entry_replaced_while_it_was_written_is_not_taken_for_stable() {
    let mut group = Group::of(3);
    let append = |from, term, count: usize| {
        let mut message = crate::raft::Message::new(MessageKind::Append, 3);
        (message.from, message.term, message.entries) = (from, term, entries(1, &vec![term; count]));
        message
    };
    let raft = group.raft(3);
    raft.step(append(1, 1, 3));
    let first = raft.ready();
    assert_eq!(first.entries.len(), 3);
    raft.step(append(2, 2, 2));
    raft.advance();
    assert_eq!((raft.stable(), raft.last_index()), (0, 2));
    let second = raft.ready();
    assert_eq!(second.entries, entries(1, &[2, 2]));
    raft.advance();
    assert_eq!(raft.stable(), 2);
    let mut disk = Log::new();
    disk.append(&first.entries);
    disk.append(&second.entries);
    assert!(disk.iter_from(1).eq(raft.log().iter_from(1)), "the later write replaces the earlier one on the disk");
}

#[test]
fn after_a_restart_what_was_committed_is_applied_again() {
    let mut group = Group::of(3);
    group.raft(1).campaign();
    group.settle();
    for text in ["a", "b", "c"] {
        group.propose(1, text);
    }
    group.settle();
    group.crash(2);
    group.restart(2);
    assert_eq!(group.raft(2).applied(), 0);
    assert!(group.node(2).state.is_empty());
    while group.ready(2, Crash::No).is_some() {}
    assert_eq!(group.node(2).state, ["a", "b", "c"]);
    group.compact(2, 2);
    group.crash(2);
    group.restart(2);
    assert_eq!((group.raft(2).applied(), group.raft(2).log().first_index()), (4, 3));
    assert_eq!(group.node(2).state, ["a", "b", "c"], "from the snapshot");
    assert_eq!(group.ledger.broken, None);
}

#[test]
fn a_new_group_bootstraps_and_a_joining_member_learns_all_from_a_snapshot() {
    let mut group = Group::default();
    group.start(Config::swarm(7), Draws::Fixed(0), Stored::bootstrap(&[(7, 70)]));
    group.raft(7).campaign();
    assert_eq!(group.raft(7).role(), Role::Follower, "its own admission is not applied yet");
    group.settle();
    group.raft(7).campaign();
    group.settle();
    assert_eq!((group.raft(7).role(), group.raft(7).term(), group.raft(7).commit()), (Role::Leader, 2, 2));
    group.propose(7, "a");
    group.settle();
    group.start(Config::swarm(9), Draws::Fixed(0), Stored::joining());
    assert!(!group.raft(9).promotable());
    group.change(7, crate::raft::ConfChangeKind::AddMember, 9);
    group.settle();
    group.compact(7, 4);
    group.propose(7, "b");
    group.settle();
    assert_eq!(group.node(9).state, ["a", "b"]);
    assert_eq!(group.raft(9).voters().collect::<Vec<_>>(), [7, 9]);
    assert_eq!(group.ledger.broken, None);
}
