//! Random networks: whatever happens, the invariants hold; and when the trouble ends, work goes on.
//!
//! Members tick, crash at any point of their work and restart from their disks; messages are lost, doubled, delayed
//! and reordered; the wire is parted; members join and leave; logs are compacted. The ledger checks after each step.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::group::{Crash, Draws, Group, Machine};
use super::ledger::Broken;
use crate::raft::{ConfChangeKind, Config, MemberId, Mutant, Role, Stored};

/// All members that can ever exist; those above the first voters join later, if at all.
const MEMBERS: MemberId = 5;

/// One step of a random history. Members are named from 1 to [`MEMBERS`], messages by any number.
#[derive(Clone, Debug)]
pub enum Action {
    Tick(MemberId, u32),
    TickAll(u32),
    Ready(MemberId, Crash),
    Deliver(usize),
    Duplicate(usize),
    Lose(usize),
    /// Everybody works and every message arrives, so often.
    Rounds(u32),
    Propose(MemberId),
    /// Whoever leads proposes.
    ProposeToLeader,
    Add(MemberId),
    Remove(MemberId),
    Campaign(MemberId),
    Transfer(MemberId, MemberId),
    /// Members whose bit is set cannot talk to the others.
    Part(u8),
    Crash(MemberId),
    Restart(MemberId),
    Compact(MemberId),
    Unreachable(MemberId, MemberId),
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let id = || 1..=MEMBERS;
    let crash = prop_oneof![
        6 => Just(Crash::No),
        1 => Just(Crash::BeforeWrite),
        1 => Just(Crash::AfterWrite),
        1 => Just(Crash::AfterSend),
    ];
    let action = prop_oneof![
        4 => (id(), 1..25u32).prop_map(|(id, ticks)| Action::Tick(id, ticks)),
        4 => (1..12u32).prop_map(Action::TickAll),
        6 => (id(), crash).prop_map(|(id, crash)| Action::Ready(id, crash)),
        6 => any::<usize>().prop_map(Action::Deliver),
        1 => any::<usize>().prop_map(Action::Duplicate),
        2 => any::<usize>().prop_map(Action::Lose),
        6 => (1..5u32).prop_map(Action::Rounds),
        2 => id().prop_map(Action::Propose),
        6 => Just(Action::ProposeToLeader),
        2 => id().prop_map(Action::Add),
        1 => id().prop_map(Action::Remove),
        2 => id().prop_map(Action::Campaign),
        1 => (id(), id()).prop_map(|(id, to)| Action::Transfer(id, to)),
        1 => (0..32u8).prop_map(Action::Part),
        1 => Just(Action::Part(0)),
        1 => id().prop_map(Action::Crash),
        3 => id().prop_map(Action::Restart),
        2 => id().prop_map(Action::Compact),
        1 => (id(), id()).prop_map(|(id, peer)| Action::Unreachable(id, peer)),
    ];
    proptest::collection::vec(action, 20..150)
}

/// A group in a random history.
struct History {
    group: Group,
    parted: u8,
    proposals: u32,
    /// Members whose removal was ever proposed: as in Swarm, an id that left does not come back.
    removed: BTreeSet<MemberId>,
}

impl History {
    fn new(voters: MemberId, seed: u64) -> Self {
        let mut group = Group::default();
        for id in 1..=MEMBERS {
            // Small windows and messages, so that short histories reach their limits.
            let config = Config { max_inflight: 3, max_message_size: 60, ..Config::swarm(id) };
            let voters: Vec<_> = (1..=voters).map(|id| (id, 0)).collect();
            let stored = if id <= voters.len() as MemberId { Stored::bootstrap(&voters) } else { Stored::joining() };
            group.start(config, Draws::Spread(seed.wrapping_add(id)), stored);
        }
        History { group, parted: 0, proposals: 0, removed: BTreeSet::new() }
    }

    fn leader(&self) -> Option<MemberId> {
        let live = self.group.nodes.values().filter_map(|node| node.raft.as_ref());
        live.filter(|raft| raft.role() == Role::Leader).max_by_key(|raft| raft.term()).map(|raft| raft.id())
    }

    fn propose(&mut self, id: MemberId) {
        self.proposals += 1;
        self.group.propose(id, &format!("p{}", self.proposals));
    }

    fn parts(&self, a: MemberId, b: MemberId) -> bool {
        (self.parted >> (a - 1) & 1) != (self.parted >> (b - 1) & 1)
    }

    /// Takes one message off the wire and delivers it, unless the wire is parted there.
    fn deliver(&mut self, at: usize) {
        let message = self.group.wire.remove(at);
        if self.parts(message.from, message.to) {
            self.group.lose(message);
        } else {
            self.group.deliver(message);
        }
    }

    fn round(&mut self) {
        for id in 1..=MEMBERS {
            while self.group.ready(id, Crash::No).is_some() {}
        }
        for _ in 0..self.group.wire.len() {
            self.deliver(0);
        }
    }

    fn act(&mut self, action: &Action) {
        let waiting = self.group.wire.len();
        match *action {
            Action::Tick(id, ticks) => (0..ticks).for_each(|_| self.group.tick(id)),
            Action::TickAll(ticks) => {
                for _ in 0..ticks {
                    (1..=MEMBERS).for_each(|id| self.group.tick(id));
                }
            }
            Action::Ready(id, crash) => drop(self.group.ready(id, crash)),
            Action::Deliver(at) if waiting > 0 => self.deliver(at % waiting),
            Action::Duplicate(at) if waiting > 0 => {
                let again = self.group.wire[at % waiting].clone();
                self.group.wire.push(again);
            }
            Action::Lose(at) if waiting > 0 => {
                let message = self.group.wire.remove(at % waiting);
                self.group.lose(message);
            }
            Action::Deliver(_) | Action::Duplicate(_) | Action::Lose(_) => {}
            Action::Rounds(count) => (0..count).for_each(|_| self.round()),
            Action::Propose(id) => self.propose(id),
            Action::ProposeToLeader => {
                if let Some(leader) = self.leader() {
                    self.propose(leader);
                }
            }
            Action::Add(member) => {
                if let Some(leader) = self.leader()
                    && !self.removed.contains(&member)
                {
                    self.group.change(leader, ConfChangeKind::AddMember, member);
                }
            }
            Action::Remove(member) => {
                if let Some(leader) = self.leader()
                    && self.group.raft(leader).voters().len() > 1
                {
                    self.removed.insert(member);
                    self.group.change(leader, ConfChangeKind::RemoveMember, member);
                }
            }
            Action::Campaign(id) => drop(self.group.with(id, |raft| raft.campaign())),
            Action::Transfer(id, to) => drop(self.group.with(id, |raft| raft.transfer_leader(to))),
            Action::Part(mask) => self.parted = mask,
            Action::Crash(id) => self.group.crash(id),
            Action::Restart(id) => self.group.restart(id),
            Action::Compact(id) => {
                let applied = self.group.nodes[&id].raft.as_ref().map_or(0, |raft| raft.applied());
                self.group.compact(id, applied.saturating_sub(2));
            }
            Action::Unreachable(id, peer) => drop(self.group.with(id, |raft| raft.report_unreachable(peer))),
        }
    }

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
    let mut history = History::new(voters, seed);
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
    fn the_invariants_hold_in_any_history(voters in 3..=MEMBERS, seed in any::<u64>(), actions in actions()) {
        prop_assert_eq!(run(voters, seed, &actions, None), Ok(()));
    }
}

/// The same histories find the faults that chance can find: the search itself is worth something.
#[test]
fn random_histories_find_broken_members() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::{Config as Runs, RngAlgorithm, TestRng, TestRunner};

    for mutant in [Mutant::CommitWithMinority, Mutant::VoteTwice, Mutant::IgnoreLease, Mutant::ForgetVote] {
        let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let mut runner = TestRunner::new_with_rng(Runs::default(), rng);
        let found = (0..300).any(|seed| {
            let actions = actions().new_tree(&mut runner).expect("the strategy rejects nothing").current();
            run(3, seed, &actions, Some(mutant)).is_err()
        });
        assert!(found, "300 random histories did not find {mutant:?}");
    }
}
