//! Placement preferences: the tree of branches over which the tasks of a group are spread, and the candidates in its leaves.
//!
//! A node hangs below the values that it has of the labels, outermost first; a label that it lacks is a branch of its own.
//! A branch counts the service's active tasks on *all* nodes below it, also on those that fail the filters.
//! Without preferences the tree is one leaf.
//!
//! Source: control-plane.md §3.5, "Candidate collection"; SwarmKit's `nodeset.go`, `decision_tree.go`.

use super::constraint::label_of;
use super::natural::natural;
use super::policy::Rank;
use crate::swarm::object::{Node, NodeKey};
use std::cmp::Ordering;
use std::collections::BinaryHeap;
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

/// The best nodes of a leaf.
#[derive(Debug)]
pub(super) enum Leaf {
    /// As they are collected: the worst on top.
    Collecting(BinaryHeap<Candidate>),
    /// Best first, once the leaf has been used.
    Ordered(Vec<Candidate>),
}

/// A node that passed the filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) rank: Rank,
    /// Breaks ties: the place in the order in which nodes were looked at.
    pub(super) place: u32,
    pub(super) node: NodeKey,
    /// It has failed a filter since.
    pub(super) full: bool,
}

impl Candidate {
    /// A node as it was looked at.
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

impl Default for Leaf {
    fn default() -> Self {
        Leaf::Collecting(BinaryHeap::new())
    }
}

impl Tree {
    /// A tree without nodes.
    pub(super) fn new() -> Self {
        Self { branches: vec![Branch::default()] }
    }

    /// Walks down to a node's leaf, making branches on the way and counting its tasks on each.
    pub(super) fn descend(
        &mut self,
        preferences: &[Arc<str>],
        node: &Node,
        of_service: u32,
    ) -> &mut BinaryHeap<Candidate> {
        let mut at = 0;
        self.branches[at].tasks += of_service;
        for value in preferences.iter().filter_map(|descriptor| label_of(descriptor, node)) {
            at = self.child(at, value);
            self.branches[at].tasks += of_service;
        }
        match &mut self.branches[at].leaf {
            Leaf::Collecting(heap) => heap,
            Leaf::Ordered(_) => unreachable!("leaves are used after all nodes are collected"),
        }
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
