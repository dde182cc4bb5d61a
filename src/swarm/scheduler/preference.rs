//! Placement preferences: the tree of branches over which the tasks of a group are spread, and the candidates in its leaves.
//!
//! A node hangs below the values that it has of the labels, outermost first; a label that it lacks is a branch of its own.
//! A branch counts the service's active tasks on *all* nodes below it, also on those that fail the filters.
//! Without preferences the tree is one leaf.
//!
//! Source: control-plane.md §3.5, "Candidate collection"; SwarmKit's `nodeset.go`, `nodeheap.go`, `decision_tree.go`.

use super::constraint::label_of;
use super::natural::natural;
use super::policy::Rank;
use crate::swarm::object::{Node, NodeKey};
use std::cmp::Ordering;
use std::sync::Arc;

/// The tree; its root is the first branch.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) branches: Vec<Branch>,
}

/// One branch: inner with children, or a leaf with candidates.
#[derive(Debug, Default)]
pub(super) struct Branch {
    value: Box<str>,
    /// Active tasks of the service below; *not* raised by what is placed in this tick.
    pub(super) tasks: u32,
    /// Branches below, by value in natural order.
    pub(super) children: Vec<usize>,
    pub(super) leaf: Leaf,
}

/// The best nodes of a leaf: a heap with the worst on top while they are collected, best first once it has been used.
///
/// How the heap is kept shows where nodes are equal: who was looked at first is not first in the end. So it is kept step by
/// step as Go's `container/heap` does.
#[derive(Debug, Default)]
pub(super) struct Leaf {
    pub(super) nodes: Vec<Candidate>,
    used: bool,
}

/// A node that passed the filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) rank: Rank,
    /// Breaks ties in the natural order: the place in it. All 0 where ties fall as they do in the real scheduler.
    place: u32,
    pub(super) node: NodeKey,
    /// It has failed a filter since.
    pub(super) full: bool,
}

impl Candidate {
    /// A node as it was looked at; `place` breaks ties.
    pub(super) fn new(rank: Rank, place: usize, node: NodeKey) -> Self {
        let place = u32::try_from(place).expect("limits keep every table below 2^32 rows");
        Self { rank, place, node, full: false }
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.rank, self.place).cmp(&(other.rank, other.place))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Leaf {
    /// How many nodes it keeps.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The worst node while they are collected.
    pub(super) fn worst(&self) -> Option<&Candidate> {
        self.nodes.first()
    }

    /// Keeps one more.
    pub(super) fn push(&mut self, candidate: Candidate) {
        self.nodes.push(candidate);
        let mut at = self.nodes.len() - 1;
        while at > 0 && self.nodes[(at - 1) / 2] < self.nodes[at] {
            self.nodes.swap(at, (at - 1) / 2);
            at = (at - 1) / 2;
        }
    }

    /// Keeps a better one instead of the worst.
    pub(super) fn replace_worst(&mut self, candidate: Candidate) {
        self.nodes[0] = candidate;
        self.sink(0, self.nodes.len());
    }

    /// Puts the nodes in order, best first. What was used before is looked at again, and `passes` says who may stay and with
    /// what rank.
    pub(super) fn order(&mut self, mut passes: impl FnMut(NodeKey) -> Option<Rank>) {
        if std::mem::replace(&mut self.used, true) {
            let mut at = 0;
            while let Some(candidate) = self.nodes.get_mut(at) {
                candidate.full = false;
                match passes(candidate.node) {
                    Some(rank) => {
                        candidate.rank = rank;
                        at += 1;
                    }
                    None => {
                        self.nodes.swap_remove(at);
                    }
                }
            }
            for at in (0..self.nodes.len() / 2).rev() {
                self.sink(at, self.nodes.len());
            }
        }
        for end in (1..self.nodes.len()).rev() {
            self.nodes.swap(0, end);
            self.sink(0, end);
        }
    }

    /// Lets a node of the heap's first `end` sink below those that are worse.
    fn sink(&mut self, mut at: usize, end: usize) {
        loop {
            let mut below = 2 * at + 1;
            if below >= end {
                return;
            }
            if below + 1 < end && self.nodes[below] < self.nodes[below + 1] {
                below += 1;
            }
            if self.nodes[at] >= self.nodes[below] {
                return;
            }
            self.nodes.swap(at, below);
            at = below;
        }
    }
}

impl Tree {
    /// A tree without nodes.
    pub(super) fn new() -> Self {
        Self { branches: vec![Branch::default()] }
    }

    /// Walks down to a node's leaf, making branches on the way and counting its tasks on each.
    pub(super) fn descend(&mut self, preferences: &[Arc<str>], node: &Node, of_service: u32) -> &mut Leaf {
        let mut at = 0;
        self.branches[at].tasks += of_service;
        for value in preferences.iter().filter_map(|descriptor| label_of(descriptor, node)) {
            at = self.child(at, value);
            self.branches[at].tasks += of_service;
        }
        &mut self.branches[at].leaf
    }

    fn child(&mut self, parent: usize, value: &str) -> usize {
        let children = &self.branches[parent].children;
        match children.binary_search_by(|&child| natural(&self.branches[child].value, value)) {
            Ok(place) => children[place],
            Err(place) => {
                let child = self.branches.len();
                self.branches.push(Branch { value: value.into(), ..Branch::default() });
                self.branches[parent].children.insert(place, child);
                child
            }
        }
    }
}
