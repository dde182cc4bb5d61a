//! Random networks: whatever happens, the invariants hold; and when the trouble ends, work goes on.
//!
//! Members tick, crash at any point of their work and restart from their disks; messages are lost, doubled, delayed
//! and reordered; the wire is parted; members join and leave; logs are compacted. The ledger checks after each step.

use std::panic::catch_unwind;

use proptest::prelude::*;

use super::group::{Group, Machine};
use super::history::{Action, History, actions};
use super::ledger::Broken;
use crate::raft::{MemberId, Mutant};

/// All members that can ever exist; those above the first voters join later, if at all.
const MEMBERS: MemberId = 5;

impl History {
    /// The trouble ends: all are up, the wire is whole, and whoever was removed is stopped in the end. Soon somebody leads and
    /// a proposal reaches everybody.
    fn recovers(&mut self) -> bool {
        self.parted = 0;
        (1..=MEMBERS).for_each(|id| self.group.restart(id));
        for step in 0..600 {
            (1..=MEMBERS).for_each(|id| self.group.tick(id));
            (0..4).for_each(|_| self.round());
            let ahead = self.group.nodes.values().filter_map(|node| node.raft.as_ref());
            let Some(ahead) = ahead.max_by_key(|raft| raft.applied()) else { return false };
            let voters: Vec<MemberId> = ahead.voters().collect();
            for id in 1..=MEMBERS {
                // Not before every voter knows of the removal: in a group of two, the one that stays may still need
                // the vote of the one that leaves.
                let counts = |member| self.group.nodes[member].raft.as_ref().is_some_and(|raft| knows(raft, id));
                if knows_any(&self.group, id) && !voters.contains(&id) && !voters.iter().any(counts) {
                    self.group.crash(id);
                }
            }
            let agreed = self.group.nodes[&voters[0]].state.clone();
            let done = agreed.last().is_some_and(|last| last == "the end")
                && voters.iter().all(|id| self.group.nodes[id].state == agreed);
            if done {
                return true;
            }
            if step % 50 == 49
                && let Some(leader) = self.leader()
            {
                self.group.propose(leader, "the end");
            }
        }
        false
    }
}

/// Whether a member takes this id for a voter.
fn knows(raft: &Machine, id: MemberId) -> bool {
    raft.progress_of(id).is_some()
}

/// Whether a member has learned of a group at all.
fn knows_any(group: &Group, id: MemberId) -> bool {
    group.nodes[&id].raft.as_ref().is_some_and(|raft| raft.voters().len() > 0)
}

/// Runs a history and tells the first rule that it broke.
fn run(voters: MemberId, seed: u64, actions: &[Action], mutant: Option<Mutant>) -> Result<(), Broken> {
    let mut history = History::new(MEMBERS, voters, seed, false);
    for action in actions {
        for node in history.group.nodes.values_mut() {
            if let Some(raft) = &mut node.raft {
                raft.set_mutant(mutant);
            }
        }
        history.act(action);
        if let Some(broken) = history.group.ledger.broken.take() {
            return Err(broken);
        }
    }
    let recovers = history.recovers();
    match history.group.ledger.broken.take() {
        Some(broken) => Err(broken),
        None if !recovers => Err(Broken { rule: "recovery", how: "no proposal reached everybody".to_string() }),
        None => Ok(()),
    }
}

proptest! {
    #[test]
    fn the_invariants_hold_in_any_history(voters in 3..=MEMBERS, seed in any::<u64>(), actions in actions(MEMBERS, 8..40)) {
        prop_assert_eq!(run(voters, seed, &actions, None), Ok(()));
    }
}

/// The same histories find the faults that chance can find: the search itself is worth something.
#[test]
fn random_histories_find_broken_members() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::{Config as Runs, RngAlgorithm, TestRng, TestRunner};

    for mutant in Mutant::ALL {
        let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let mut runner = TestRunner::new_with_rng(Runs::default(), rng);
        let found = (0..300).any(|seed| {
            let actions =
                actions(MEMBERS, 8..40).new_tree(&mut runner).expect("the strategy rejects nothing").current();
            // A member may also stop at an assertion of its own.
            !matches!(catch_unwind(|| run(3, seed, &actions, Some(mutant))), Ok(Ok(())))
        });
        assert!(found, "300 random histories did not find {mutant:?}");
    }
}
