//! Placement of one group: tasks of the same spec, spread over branches and then over nodes.
//!
//! A group is placed in one go: the nodes are looked at once, and the cost of a task does not grow with their number.
//! The decisions are written at once and taken on the mirror, where the next group sees them.
//!
//! Source: control-plane.md §3.5, §3.7; SwarmKit's `scheduleTaskGroup` and what it calls.

use super::filter::Pipeline;
use super::mirror::Mirror;
use super::policy::{Load, Policy, Rank};
use super::preference::{Candidate, Leaf, Tree};
use super::{ASSIGNED, Ties};
use crate::engine::{Stream, Time};
use crate::swarm::object::{NodeKey, ServiceKey, Task, TaskKey, TaskState};
use crate::swarm::store::{Decision, Key, Transaction, Why};
use std::cmp::Reverse;
use std::collections::binary_heap::PeekMut;
use std::collections::{BTreeSet, BinaryHeap};
use std::sync::Arc;

/// The placement of one group.
pub(super) struct Placement<'a, 'b, 's> {
    pub(super) mirror: &'a mut Mirror,
    pub(super) tx: &'a mut Transaction<'s>,
    pub(super) ties: &'a mut Ties,
    pub(super) policy: Policy,
    /// For a policy that draws.
    pub(super) draws: &'a mut Option<Stream>,
    /// Loaded with one task that stands for all.
    pub(super) pipeline: Pipeline,
    /// The group: all of one service and one version of its spec.
    pub(super) tasks: &'b [TaskKey],
    /// How many of them have their node.
    pub(super) placed: usize,
    pub(super) service: ServiceKey,
    pub(super) spec_version: u64,
    /// Nodes that passed the filters when they were looked at.
    pub(super) candidates: u32,
    /// Nodes that each filter stopped then.
    pub(super) stopped: [u16; 7],
}

impl Placement<'_, '_, '_> {
    /// Places what can be placed; `task` is one of the group.
    pub(super) fn run(&mut self, task: &Task) {
        let mut tree = self.collect(&task.spec.preferences);
        self.stopped = self.pipeline.seen();
        self.spread(&mut tree, 0, self.tasks.len() as i64);
    }

    fn now(&self) -> Time {
        self.tx.now()
    }

    /// Looks at every node once and keeps as many of the best in each leaf as there are tasks.
    fn collect(&mut self, preferences: &[Arc<str>]) -> Tree {
        let now = self.now();
        let mut tree = Tree::new();
        let order = self.ties.nodes(&self.mirror.order, &self.mirror.slots);
        let natural = self.ties.are_natural() || self.policy != Policy::Swarm;
        let counts = self.mirror.of_service(self.service);
        let reserved = self.pipeline.reserved();
        // Who draws needs all nodes, not only as many of the best as there are tasks.
        let kept = if self.policy == Policy::Random { usize::MAX } else { self.tasks.len() };
        // The worst that a tree of one leaf keeps when it is full: most nodes are no better, which their load alone tells.
        let mut bar = None;
        for (place, &key) in order.iter().enumerate() {
            let of_service = counts.get(key.index()).copied().unwrap_or(0);
            let load = Load { of_service, active: self.mirror.active(key) };
            if bar.is_some_and(|bar| self.policy.at_best(load).is_some_and(|best| best >= bar)) {
                continue;
            }
            let Some(info) = self.mirror.nodes.get(key) else { continue };
            let leaf = tree.descend(preferences, &info.node, of_service);
            let failures = info.recent_failures(self.service, self.spec_version, now);
            let rank = self.policy.rank(info, &reserved, load, failures);
            let candidate = Candidate::new(rank, if natural { place } else { 0 }, key);
            if leaf.len() < kept {
                if self.pipeline.process(info, of_service) {
                    self.candidates += 1;
                    leaf.push(candidate);
                }
            } else if leaf.worst().is_some_and(|worst| candidate.rank < worst.rank)
                && self.pipeline.process(info, of_service)
            {
                self.candidates += 1;
                leaf.replace_worst(candidate);
            }
            if preferences.is_empty() && leaf.len() >= kept {
                bar = leaf.worst().map(|worst| worst.rank);
            }
        }
        tree
    }

    /// Places about `wanted` tasks below a branch and says how many.
    ///
    /// Two quirks are kept, both where a branch has more than its share already: the others are then asked to level up to a
    /// height that the tasks do not reach, so the first of them takes too many; and an inner branch may place more than it was asked.
    fn spread(&mut self, tree: &mut Tree, branch: usize, wanted: i64) -> i64 {
        if tree.branches[branch].children.is_empty() {
            return self.fill(&mut tree.branches[branch].leaf, wanted);
        }
        let mut children = tree.branches[branch].children.clone();
        if !self.ties.are_natural() {
            // In the order in which they were met.
            children.sort_unstable();
        }
        let mut full = BTreeSet::new();
        let mut usable = i64::from(tree.branches[branch].tasks);
        let mut placed = 0;
        let mut progress = true;
        while placed != wanted && full.len() != children.len() && progress {
            let open = (children.len() - full.len()) as i64;
            // Both may be negative, as in Go, once more was placed than wanted.
            let (level, mut odd) = ((usable + wanted - placed) / open, (usable + wanted - placed) % open);
            progress = false;
            let mut round = children.clone();
            self.ties.walk(&mut round, false);
            for child in round {
                let has = i64::from(tree.branches[child].tasks);
                if full.contains(&child) || has > level || (has == level && odd <= 0) {
                    continue;
                }
                progress = true;
                let share = level - has + i64::from(odd > 0);
                let got = self.spread(tree, child, share);
                placed += got;
                if got < share {
                    usable -= has;
                    full.insert(child);
                } else {
                    odd -= i64::from(odd > 0);
                }
            }
        }
        placed
    }

    /// Fills the nodes of a leaf with up to `wanted` tasks and says with how many.
    fn fill(&mut self, leaf: &mut Leaf, wanted: i64) -> i64 {
        leaf.order(|node| self.passes(node).then(|| self.rank(node)));
        let nodes = &mut leaf.nodes;
        let count = nodes.len();
        if count == 0 {
            return 0;
        }
        match self.policy {
            Policy::Swarm => {}
            Policy::Random => return self.fill_at_random(nodes, wanted),
            Policy::Spread | Policy::Binpack => return self.fill_one_by_one(nodes, wanted),
        }
        let (mut at, mut placed) = (0, 0);
        while self.placed < self.tasks.len() {
            let node = &mut nodes[at % count];
            self.assign(self.tasks[self.placed], node.node);
            node.rank = self.rank(node.node);
            self.placed += 1;
            placed += 1;
            if placed == wanted {
                break;
            }
            // The first pass levels the nodes from the emptiest up: it stays until the next one is better. Then in turn.
            if at + 1 >= count || nodes[at + 1].rank < nodes[at].rank {
                at += 1;
            }
            let mut tried = 0;
            while nodes[at % count].full || !self.passes(nodes[at % count].node) {
                nodes[at % count].full = true;
                at += 1;
                tried += 1;
                if tried == count {
                    return placed;
                }
            }
        }
        placed
    }

    /// The same, each task on any node that still passes.
    fn fill_at_random(&mut self, nodes: &[Candidate], wanted: i64) -> i64 {
        let mut open: Vec<NodeKey> = nodes.iter().map(|candidate| candidate.node).collect();
        let mut placed = 0;
        while placed < wanted && self.placed < self.tasks.len() && !open.is_empty() {
            let drawn = self.draws.as_mut().map_or(0, |draws| draws.below(open.len() as u64) as usize);
            if self.passes(open[drawn]) {
                self.assign(self.tasks[self.placed], open[drawn]);
                self.placed += 1;
                placed += 1;
            } else {
                open.swap_remove(drawn);
            }
        }
        placed
    }

    /// The same as the first Swarm did, which knew no groups: each task on the node that is best now.
    fn fill_one_by_one(&mut self, nodes: &[Candidate], wanted: i64) -> i64 {
        let mut open: BinaryHeap<_> = nodes.iter().cloned().map(Reverse).collect();
        let mut placed = 0;
        while placed < wanted && self.placed < self.tasks.len() {
            let Some(mut best) = open.peek_mut() else { break };
            if !self.passes(best.0.node) {
                PeekMut::pop(best);
                continue;
            }
            self.assign(self.tasks[self.placed], best.0.node);
            best.0.rank = self.rank(best.0.node);
            self.placed += 1;
            placed += 1;
        }
        placed
    }

    fn load(&self, node: NodeKey) -> Load {
        self.mirror.load(self.service, node)
    }

    fn rank(&self, node: NodeKey) -> Rank {
        let info = self.mirror.nodes.get(node).expect("nodes stay while a turn is held");
        let failures = info.recent_failures(self.service, self.spec_version, self.now());
        self.policy.rank(info, &self.pipeline.reserved(), self.load(node), failures)
    }

    fn passes(&mut self, node: NodeKey) -> bool {
        let of_service = self.load(node).of_service;
        let info = self.mirror.nodes.get(node).expect("nodes stay while a turn is held");
        self.pipeline.process(info, of_service)
    }

    fn assign(&mut self, key: TaskKey, node: NodeKey) {
        let stored = self.tx.state().tasks.get(key).expect("the group was drawn from this state");
        let mut task = stored.with_state(TaskState::Assigned, ASSIGNED, self.tx.now());
        task.status.applied_at = self.tx.now();
        let info = self.mirror.nodes.get(node).expect("nodes stay while a turn is held");
        task.assigned_generic = info.claim(&task.spec).unwrap_or_default().into();
        task.node_id = Some(info.node.id);
        task.node = Some(node);
        let Load { of_service, active } = self.load(node);
        let decision = Decision {
            at: self.tx.now(),
            candidates: self.candidates,
            of_service,
            active,
            stopped: self.stopped,
            policy: self.policy,
        };
        self.mirror.hold(&task);
        self.tx.put_task(task, Why::Placed(decision));
    }
}
