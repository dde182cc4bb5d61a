//! Random histories: what can happen to a group of members, one step after the other.
//!
//! Not the judgement, which is in `properties` (the invariants) and `differential` (another library).

use std::collections::BTreeSet;
use std::ops::Range;

use proptest::prelude::*;

use super::group::{Crash, Draws, Group, Input, Text};
use super::shadow::Shadows;
use crate::raft::{ConfChangeKind, Config, MemberId, Message, Role, Stored};

/// One step of a random history. Members are named from 1 on, messages by any number.
#[derive(Clone, Debug)]
pub enum Action {
    Tick(MemberId, u32),
    TickAll(u32),
    Ready(MemberId, Crash),
    Deliver(usize),
    /// Somebody keeps a copy of a message.
    Duplicate(usize),
    /// One of the copies comes, however late.
    Late(usize),
    Lose(usize),
    /// Everybody works, and nothing arrives yet.
    Work,
    /// Everybody works and every message arrives, so often.
    Rounds(u32),
    Propose(MemberId),
    /// Whoever leads proposes.
    ProposeToLeader,
    Add(MemberId),
    Remove(MemberId),
    /// Something about it changes, but not the voters.
    Update(MemberId),
    Campaign(MemberId),
    Transfer(MemberId, MemberId),
    /// Members whose bit is set cannot talk to the others.
    Part(u8),
    Crash(MemberId),
    /// A crash in which the disk loses what it had not flushed.
    PowerCut(MemberId),
    Restart(MemberId),
    Compact(MemberId),
    Unreachable(MemberId, MemberId),
}

/// Histories of so many members and so many episodes. An episode is a single step of any kind, or a few that together
/// lead somewhere: chance alone would seldom elect, cut off, write, compact and heal in this order.
pub fn actions(members: MemberId, episodes: Range<usize>) -> impl Strategy<Value = Vec<Action>> {
    let id = move || 1..=members;
    let episode = prop_oneof![
        14 => step(members).prop_map(|step| vec![step]),
        3 => (id(), 1..4u32).prop_map(|(id, rounds)| vec![Action::Campaign(id), Action::Rounds(rounds)]),
        3 => (10..25u32).prop_map(|ticks| vec![Action::TickAll(ticks), Action::Rounds(3)]),
        3 => (1..4u32).prop_map(|ticks| vec![Action::TickAll(ticks), Action::Rounds(1)]),
        4 => (1..8usize, 0..3u32).prop_map(|(count, rounds)| {
            let mut steps = vec![Action::ProposeToLeader; count];
            steps.push(Action::Rounds(rounds));
            steps
        }),
        2 => (id(), 0..3usize, 10..25u32).prop_map(|(id, lost, ticks)| {
            // One is cut off; if it leads, it writes what nobody will hear of, and the others elect another.
            let mut steps = vec![Action::Part(1 << (id - 1))];
            steps.extend(std::iter::repeat_n(Action::Propose(id), lost));
            steps.extend([Action::Rounds(1), Action::TickAll(ticks), Action::Rounds(3), Action::ProposeToLeader]);
            steps
        }),
        2 => (1..12u32).prop_map(|ticks| vec![Action::Part(0), Action::Rounds(1), Action::TickAll(ticks), Action::Rounds(3)]),
        2 => Just(()).prop_map(move |()| (1..=members).map(Action::Restart).collect()),
        2 => Just(()).prop_map(move |()| (1..=members).map(Action::Compact).collect()),
        2 => (id(), 3..9usize, any::<usize>(), 0..4u32).prop_map(move |(id, count, at, rounds)| {
            // One misses entries that the others then compact away: it needs a snapshot.
            let mut steps = vec![Action::Part(1 << (id - 1))];
            steps.extend(std::iter::repeat_n(Action::ProposeToLeader, count));
            steps.push(Action::Rounds(3));
            steps.extend((1..=members).map(Action::Compact));
            steps.extend([Action::Part(0), Action::TickAll(1), Action::Rounds(2), Action::Work]);
            steps.extend([Action::Duplicate(at), Action::Rounds(rounds)]);
            steps
        }),
        1 => (id(), id()).prop_map(|(id, to)| vec![Action::Transfer(id, to), Action::Rounds(3)]),
        1 => (id(), 0..3u32).prop_map(|(id, rounds)| vec![Action::Remove(id), Action::Rounds(rounds)]),
        1 => (id(), 0..3u32).prop_map(|(id, rounds)| vec![Action::Add(id), Action::Rounds(rounds)]),
    ];
    proptest::collection::vec(episode, episodes).prop_map(|episodes| episodes.concat())
}

/// Any single step.
fn step(members: MemberId) -> impl Strategy<Value = Action> {
    let id = move || 1..=members;
    let crash = prop_oneof![
        6 => Just(Crash::No),
        1 => Just(Crash::BeforeWrite),
        1 => Just(Crash::AfterWrite),
        1 => Just(Crash::AfterSend),
    ];
    prop_oneof![
        4 => (id(), 1..25u32).prop_map(|(id, ticks)| Action::Tick(id, ticks)),
        4 => (1..12u32).prop_map(Action::TickAll),
        8 => (id(), crash).prop_map(|(id, crash)| Action::Ready(id, crash)),
        10 => any::<usize>().prop_map(Action::Deliver),
        4 => any::<usize>().prop_map(Action::Duplicate),
        3 => any::<usize>().prop_map(Action::Late),
        6 => Just(Action::Work),
        3 => any::<usize>().prop_map(Action::Lose),
        6 => (1..5u32).prop_map(Action::Rounds),
        2 => id().prop_map(Action::Propose),
        6 => Just(Action::ProposeToLeader),
        2 => id().prop_map(Action::Add),
        1 => id().prop_map(Action::Remove),
        1 => id().prop_map(Action::Update),
        2 => id().prop_map(Action::Campaign),
        2 => (id(), id()).prop_map(|(id, to)| Action::Transfer(id, to)),
        1 => any::<u8>().prop_map(Action::Part),
        1 => Just(Action::Part(0)),
        1 => id().prop_map(Action::Crash),
        1 => id().prop_map(Action::PowerCut),
        4 => id().prop_map(Action::Restart),
        2 => id().prop_map(Action::Compact),
        1 => (id(), id()).prop_map(|(id, peer)| Action::Unreachable(id, peer)),
    ]
}

/// Copies of messages that are kept.
const COPIES: usize = 6;

/// A group in a random history.
pub struct History {
    pub group: Group,
    members: MemberId,
    pub parted: u8,
    proposals: u32,
    /// Copies of messages, at most [`COPIES`].
    copies: Vec<Message<Text>>,
    /// Members whose removal was ever proposed: as in Swarm, an id that left does not come back.
    removed: BTreeSet<MemberId>,
}

impl History {
    /// A group of so many members, the first of them voters; the others join later, if at all.
    pub fn new(members: MemberId, voters: MemberId, seed: u64, shadows: bool) -> Self {
        let mut group = Group { shadows: shadows.then(Shadows::default), ..Group::default() };
        for id in 1..=members {
            // Small windows and messages, so that short histories reach their limits; in every third group those of
            // a swarm, so that much goes at once.
            let small = Config { max_inflight: 3, max_message_size: 60, ..Config::swarm(id) };
            let config = if seed.is_multiple_of(3) { Config::swarm(id) } else { small };
            let voters: Vec<_> = (1..=voters).map(|id| (id, 0)).collect();
            let stored = if id <= voters.len() as MemberId { Stored::bootstrap(&voters) } else { Stored::joining() };
            group.start(config, Draws::Spread(seed.wrapping_add(id)), stored);
        }
        History { group, members, parted: 0, proposals: 0, copies: Vec::new(), removed: BTreeSet::new() }
    }

    pub fn leader(&self) -> Option<MemberId> {
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

    fn work(&mut self) {
        for id in 1..=self.members {
            while self.group.ready(id, Crash::No).is_some() {}
        }
    }

    pub fn round(&mut self) {
        self.work();
        for _ in 0..self.group.wire.len() {
            self.deliver(0);
        }
    }

    pub fn act(&mut self, action: &Action) {
        let waiting = self.group.wire.len();
        match *action {
            Action::Tick(id, ticks) => (0..ticks).for_each(|_| self.group.tick(id)),
            Action::TickAll(ticks) => {
                for _ in 0..ticks {
                    (1..=self.members).for_each(|id| self.group.tick(id));
                }
            }
            Action::Ready(id, crash) => drop(self.group.ready(id, crash)),
            Action::Deliver(at) if waiting > 0 => self.deliver(at % waiting),
            Action::Duplicate(at) if waiting > 0 => {
                self.copies.truncate(COPIES - 1);
                self.copies.insert(0, self.group.wire[at % waiting].clone());
            }
            Action::Late(at) if !self.copies.is_empty() => {
                let copy = self.copies.remove(at % self.copies.len());
                self.group.wire.push(copy);
            }
            Action::Work => self.work(),
            Action::Lose(at) if waiting > 0 => {
                let message = self.group.wire.remove(at % waiting);
                self.group.lose(message);
            }
            Action::Deliver(_) | Action::Duplicate(_) | Action::Late(_) | Action::Lose(_) => {}
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
            Action::Update(member) => {
                if let Some(leader) = self.leader() {
                    self.group.change(leader, ConfChangeKind::UpdateMember, member);
                }
            }
            Action::Campaign(id) => drop(self.group.give(id, Input::Campaign)),
            Action::Transfer(id, to) => drop(self.group.give(id, Input::Transfer(to))),
            Action::Part(mask) => self.parted = mask,
            Action::Crash(id) => self.group.crash(id),
            Action::PowerCut(id) => self.group.cut_power(id),
            Action::Restart(id) => self.group.restart(id),
            Action::Compact(id) => {
                let applied = self.group.nodes[&id].raft.as_ref().map_or(0, |raft| raft.applied());
                self.group.compact(id, applied.saturating_sub(2));
            }
            Action::Unreachable(id, peer) => drop(self.group.give(id, Input::Unreachable(peer))),
        }
    }
}
