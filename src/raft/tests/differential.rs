//! The same schedules for our members and for members of another library, compared after every step.
//!
//! What is compared, and how the two libraries differ, is in [`Shadows`](super::shadow::Shadows). A schedule is a
//! [`History`] of one to seven members: ticks, messages lost, doubled and out of order, partitions, crashes at any
//! point of a Ready, power cuts, proposals, members that come and go, transfers, compaction and snapshots. Everything
//! follows from the number of the schedule; one that fails is told by its number, shrunk, step by step.
//!
//! `SWARMLAB_CASES` raises (or lowers) the number of schedules.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config as Runs, RngAlgorithm, TestRng, TestRunner};

use super::history::{Action, History, actions};
use crate::raft::{MemberId, Message, MessageKind, Mutant, NONE, ProgressState, Role};

/// Schedules in one run of the tests.
const CASES: u64 = 10_000;

/// One schedule in so many is a long one.
const LONG: u64 = 250;

/// Members, voters at first, and what happens.
type Schedule = (MemberId, MemberId, Vec<Action>);

/// Groups of three to five members most of the time.
fn schedules(episodes: Range<usize>) -> impl Strategy<Value = Schedule> {
    let members =
        prop_oneof![1 => Just(1), 1 => Just(2), 4 => Just(3), 3 => Just(4), 4 => Just(5), 1 => Just(6), 1 => Just(7)];
    members.prop_flat_map(move |members: MemberId| (Just(members), 1..=members, actions(members, episodes.clone())))
}

/// Plays a schedule and tells the first difference, with the step at which it showed.
fn play(seed: u64, (members, voters, actions): &Schedule, mutant: Option<Mutant>) -> Result<(), String> {
    let mut history = History::new(*members, *voters, seed, true);
    for (step, action) in actions.iter().enumerate() {
        for node in history.group.nodes.values_mut() {
            if let Some(raft) = &mut node.raft {
                raft.set_mutant(mutant);
            }
        }
        history.act(action);
        let difference = history.group.shadows.as_mut().and_then(|shadows| shadows.broken.take());
        if let Some(difference) = difference {
            return Err(format!("after step {}, {difference}", step + 1));
        }
        if let (None, Some(broken)) = (mutant, &history.group.ledger.broken) {
            return Err(format!("after step {}, the ledger: {broken:?}", step + 1));
        }
    }
    Ok(())
}

/// As [`play`]; a panic is told like a difference.
fn watch(seed: u64, schedule: &Schedule, mutant: Option<Mutant>) -> Result<(), String> {
    let played = catch_unwind(AssertUnwindSafe(|| play(seed, schedule, mutant)));
    played.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        Err(format!("panic: {}", text.unwrap_or("of another kind")))
    })
}

/// The tree from which a schedule is taken and by which it shrinks.
fn tree(seed: u64) -> impl ValueTree<Value = Schedule> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut runner = TestRunner::new_with_rng(Runs::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let episodes = if seed % LONG == LONG - 1 { 200..300 } else { 8..60 };
    schedules(episodes).new_tree(&mut runner).expect("the strategy rejects nothing")
}

/// Makes a failing schedule shorter as long as it fails, and writes it down.
fn shrunk(seed: u64, mut tree: impl ValueTree<Value = Schedule>, mutant: Option<Mutant>) -> String {
    let mut worst = (tree.current(), String::new());
    let mut moved = true;
    for _ in 0..3000 {
        let schedule = tree.current();
        match watch(seed, &schedule, mutant) {
            Err(how) => {
                worst = (schedule, how);
                moved = tree.simplify();
            }
            Ok(()) => moved = tree.complicate(),
        }
        if !moved {
            break;
        }
    }
    let ((members, voters, actions), how) = worst;
    let steps = actions.iter().enumerate().map(|(nth, action)| format!("{:4}  {action:?}\n", nth + 1));
    let (steps, more) = (steps.collect::<String>(), if moved { " (not yet the shortest)" } else { "" });
    format!("schedule {seed}{more}: {members} members, the first {voters} voters at first\n{steps}{how}")
}

/// Only how many schedules are played comes from the environment.
#[expect(clippy::disallowed_methods)]
fn cases() -> u64 {
    let cases = std::env::var("SWARMLAB_CASES").ok().map(|cases| cases.parse().expect("SWARMLAB_CASES is a number"));
    cases.unwrap_or(CASES)
}

fn agree(seeds: impl Iterator<Item = u64>) {
    for seed in seeds {
        let tree = tree(seed);
        if watch(seed, &tree.current(), None).is_err() {
            panic!("{}", shrunk(seed, tree, None));
        }
    }
}

#[test]
fn both_libraries_agree_in_even_schedules() {
    agree((0..cases()).step_by(2));
}

#[test]
fn both_libraries_agree_in_odd_schedules() {
    agree((1..cases()).step_by(2));
}

/// Agreement is worth what the schedules are worth: they lead to every corner, and not only once.
#[test]
fn the_schedules_lead_to_every_corner() {
    let mut reached = BTreeMap::from([
        ("a second leader", 0),
        ("a rejected append", 0),
        ("a snapshot on its way", 0),
        ("a snapshot to write", 0),
        ("a transfer", 0),
        ("a leader that was removed", 0),
        ("two voters", 0),
        ("one voter of more", 0),
        ("a full window", 0),
    ]);
    for seed in 0..400 {
        let (members, voters, actions) = tree(seed).current();
        let mut history = History::new(members, voters, seed, false);
        let (mut terms, mut seen) = (BTreeSet::new(), BTreeSet::new());
        for action in &actions {
            history.act(action);
            let group = &history.group;
            let rejected = |message: &Message<_>| message.reject && message.kind == MessageKind::AppendResponse;
            let mut see = |what: &'static str, holds: bool| holds.then(|| seen.insert(what));
            see("a rejected append", group.wire.iter().any(rejected));
            for (raft, node) in group.nodes.values().filter_map(|node| node.raft.as_ref().map(|raft| (raft, node))) {
                see("a snapshot to write", raft.unstable_snapshot.is_some());
                see("two voters", raft.voters().len() == 2 && members > 2);
                see("one voter of more", raft.voters().eq([raft.id()]) && voters > 1);
                if raft.role() == Role::Leader {
                    terms.insert(raft.term());
                    see("a second leader", terms.len() > 1);
                    see("a transfer", raft.lead_transferee() != NONE);
                    see("a leader that was removed", raft.progress_of(raft.id()).is_none());
                    see("a snapshot on its way", raft.progress().any(|to| to.state == ProgressState::Snapshot));
                    see("a full window", raft.progress().any(|to| to.inflight() == node.config.max_inflight));
                }
            }
        }
        for what in seen {
            reached.entry(what).and_modify(|count| *count += 1);
        }
    }
    println!("of 400 schedules: {reached:?}");
    assert!(reached.values().all(|&count| count >= 5), "of 400 schedules: {reached:?}");
}

/// A difference is told so that a person can follow it.
#[test]
fn a_failing_schedule_is_shrunk_and_told_step_by_step() {
    let fails = |seed: &u64| watch(*seed, &tree(*seed).current(), Some(Mutant::VoteTwice)).is_err();
    let seed = (0..100).find(fails).expect("somebody is asked for two votes");
    let told = shrunk(seed, tree(seed), Some(Mutant::VoteTwice));
    assert!(told.starts_with(&format!("schedule {seed}")), "{told}");
    assert!(told.lines().count() <= 20 && told.contains("the shadow has"), "{told}");
}

/// The comparison bites: it notices every deliberate fault, and not by a panic.
#[test]
fn the_other_library_notices_every_mutant() {
    for mutant in Mutant::ALL {
        let noticed = (0..2000).find_map(|seed| {
            let difference = watch(seed, &tree(seed).current(), Some(mutant)).err()?;
            difference.starts_with("after").then_some((seed, difference))
        });
        println!("{mutant:?}: {noticed:?}");
        assert!(noticed.is_some(), "2000 schedules do not show {mutant:?}");
    }
}
