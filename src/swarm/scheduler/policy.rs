//! Which of two nodes is better: the rule that spreads tasks, behind a seam where other rules can stand beside it.
//!
//! Not here: whether a node may have the task at all (`filter`), and how branches of labels are evened (`preference`).
//!
//! Source: control-plane.md §3.5, "Node comparison".

use super::node_info::NodeInfo;

/// From so many failures on a node is avoided.
const MAX_FAILURES: u32 = 5;

/// How nodes are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Policy {
    /// SwarmKit's: fewest tasks of the service, then fewest tasks; nodes on which it keeps failing come last.
    #[default]
    Swarm,
}

/// What a node is worth for one task: the smaller, the better. Equal ranks are a tie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank([u64; 3]);

impl Policy {
    /// Ranks a node that has `of_service` active tasks of the service and saw `failures` of it recently.
    #[inline]
    pub(super) fn rank(self, node: &NodeInfo, of_service: u32, failures: u32) -> Rank {
        match self {
            // "If either has five failures, the one with fewer such failures is better" is the same as counting none below five.
            Policy::Swarm => {
                let failures = if failures >= MAX_FAILURES { failures } else { 0 };
                Rank([u64::from(failures), u64::from(of_service), u64::from(node.active)])
            }
        }
    }
}
