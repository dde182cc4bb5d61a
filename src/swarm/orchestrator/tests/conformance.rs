//! Every recording of the real SwarmKit, replayed on our loops.
//!
//! `tests/recordings/swarmkit/*.json` hold what the real scheduler, orchestrators, updater, restart supervisor, reaper,
//! constraint enforcer and allocator did with the same steps (one process, one store, containers that prepare, start and
//! stop in 100 ms each; a step of a second there is one here). Each was run ten times. A form of a checkpoint that was
//! the same in all ten is an *invariant*, the others *vary*: there the values that were seen are listed.
//!
//! Each is replayed here with several seeds, which draw what the real one leaves to chance: ties between nodes, the
//! order of slots in an update, which of two equal branches gets the odd task. Held against the recording are
//! (`judge`): invariants, exactly; varying forms, by the listed values or by the form that is left when chance is taken
//! out; step results; the update's states with their messages, and when they came; how many tasks were made and how many
//! ran at least and at most in each window; each task's states in their order; and all messages and errors. For what the one
//! run did that a recording prints, further seeds are tried until one does the same.
//!
//! `snapshots/conformance_reach.snap` shows which recorded values 200 seeds reach (`reach`). What it says is beyond chance:
//! phases of crash loops after many seconds, where a real clock drifts by some milliseconds a round, and in 10 which of a
//! node's tasks is made to end, which is the first one here.
//!
//! Not compared: times of single tasks (the real clock costs a few milliseconds a step) but for the update's states.

mod judge;
mod known;
mod reach;
mod read;
mod replay;

use crate::engine::Duration;
use judge::Judge;
use reach::Reach;
use read::Recording;
use replay::Replay;

/// Replays of each recording.
const SEEDS: u64 = 16;
/// Replays at the most until one has done what the one run did that a recording prints in full.
const MOST_SEEDS: u64 = 512;

/// Every recording, in the order of their numbers.
fn recordings() -> Vec<Recording> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/swarmkit");
    let entries = std::fs::read_dir(folder).expect("the recordings lie there");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.sort();
    paths.iter().map(|path| Recording::read(path)).collect()
}

fn replay_and_judge(recording: &Recording) -> Judge<'_> {
    let mut judge = Judge::new(recording);
    (0..SEEDS).for_each(|seed| judge.hear(&Replay::run(recording, seed)));
    for seed in SEEDS..MOST_SEEDS {
        if judge.has_met_the_printed_run() {
            break;
        }
        // What a step costs on a real clock varies: 100 to 103 ms.
        let pace = Duration::from_micros(100_000 + 250 * (seed % 13) as i64);
        judge.listen(&Replay::run_at_pace(recording, seed, pace));
    }
    judge.conclude();
    judge
}

/// The conformance test: every recording, every seed. What differs and is not in the list of known differences fails;
/// so does a known difference that is one no longer, or that is too frequent to have been missed in ten runs.
#[test]
fn every_recording_is_replayed() {
    let recordings = recordings();
    assert_eq!(recordings.len(), 50);
    let mut problems = Vec::new();
    let mut met = std::collections::BTreeSet::new();
    for recording in &recordings {
        for (difference, times) in replay_and_judge(recording).differences {
            match known::find(&recording.name, &difference) {
                Some(known) if times <= known::MOST_TIMES => {
                    met.insert(known);
                }
                _ => problems.push(format!("{}: with {times} of {SEEDS} seeds: {difference}", recording.name)),
            }
        }
    }
    problems.extend(known::unmet(&met).map(|known| format!("no longer a difference: {known:?}")));
    assert!(problems.is_empty(), "{} differences\n{}\n", problems.len(), problems.join("\n"));
}

/// What chance reaches with so many seeds: recorded values that are never reached, and values beyond chance.
fn told(seeds: u64) -> (String, usize, usize) {
    let recordings = recordings();
    let mut reaches = Vec::new();
    let mut text = String::new();
    for recording in &recordings {
        let mut reach = Reach::default();
        (0..seeds).for_each(|seed| reach.hear(&Replay::run(recording, seed)));
        reach.tell(recording, &mut text);
        reaches.push(reach);
    }
    let (listed, reached) = reach::totals(&recordings, &reaches);
    (
        format!("of {listed} recorded values of varying forms {reached} are reached with {seeds} seeds\n\n{text}"),
        listed,
        reached,
    )
}

/// For the reader of the recordings, and to see that the seeds do something. Where both sides have many values of a form
/// (which slot is on which node), few meet; where they have few, all should.
#[test]
fn the_seeds_reach_most_of_what_was_seen() {
    let (text, listed, reached) = told(SEEDS);
    assert!(reached * 10 > listed * 4, "{text}");
}

/// The same with many seeds, for whoever changes the model: takes minutes.
#[test]
#[ignore = "takes minutes: run it by name"]
fn what_two_hundred_seeds_reach() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("conformance_reach", told(200).0));
}
