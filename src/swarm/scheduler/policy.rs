//! Which of two nodes is better: the rule that spreads tasks, behind a seam where other rules stand beside it.
//!
//! Only [`Policy::Swarm`] is what Docker Swarm does. The others are what the first Swarm, the proxy before Docker 1.12, could be
//! told to do; whoever chooses one is told that it is not today's Swarm. All of them come after the filters and within the
//! branches of a placement preference.
//!
//! Not here: whether a node may have the task at all (`filter`), and how branches of labels are evened (`preference`).
//!
//! Source: control-plane.md §3.5, "Node comparison"; for the others the first Swarm's `scheduler/strategy`.

use super::node_info::NodeInfo;
use crate::swarm::object::Resources;

/// From so many failures on a node is avoided.
const MAX_FAILURES: u32 = 5;
/// What the first Swarm gives a node for a resource that is not asked for, and the most that it lets a node have of one.
const FULL: i64 = 100;

/// How nodes are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Hash)]
pub enum Policy {
    /// SwarmKit's: fewest tasks of the service, then fewest tasks; nodes on which it keeps failing come last.
    #[default]
    Swarm,
    /// The first Swarm's default: the node with the smallest share of its resources reserved, then with the fewest tasks.
    /// It knows no services: their tasks may lie together.
    Spread,
    /// The first Swarm's: the node with the largest share reserved that still has room, then with the most tasks.
    Binpack,
    /// The first Swarm's: any node that passes the filters.
    Random,
}

/// How many tasks a node has that are not told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Load {
    /// Of the task's service.
    pub(super) of_service: u32,
    /// Of all.
    pub(super) active: u32,
}

/// What a node is worth for one task: the smaller, the better. Equal ranks are a tie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank([u64; 3]);

impl Policy {
    /// All, the real one first.
    pub const ALL: [Policy; 4] = [Policy::Swarm, Policy::Spread, Policy::Binpack, Policy::Random];

    /// Its name in a scenario and at the prompt.
    pub fn name(self) -> &'static str {
        match self {
            Policy::Swarm => "swarm",
            Policy::Spread => "spread",
            Policy::Binpack => "binpack",
            Policy::Random => "random",
        }
    }

    /// The policy of that name.
    pub fn named(name: &str) -> Option<Policy> {
        Policy::ALL.into_iter().find(|policy| policy.name() == name)
    }

    /// What a reader must know of it: what it prefers, and that it is not what Swarm does, where it is not.
    pub fn about(self) -> &'static str {
        match self {
            Policy::Swarm => "swarm: fewest tasks of the service, then fewest tasks, as Docker Swarm does it",
            Policy::Spread => {
                "spread: the smallest share of resources reserved, then fewest tasks (NOT today's Swarm: the first Swarm's rule)"
            }
            Policy::Binpack => "binpack: the fullest node that has room (NOT today's Swarm: the first Swarm's rule)",
            Policy::Random => "random: any node that passes the filters (NOT today's Swarm: the first Swarm's rule)",
        }
    }

    /// A rank that no node of this load is better than, whatever else there is to say of it; `None`: the load alone says nothing.
    #[inline]
    pub(super) fn at_best(self, load: Load) -> Option<Rank> {
        match self {
            Policy::Swarm => Some(Rank([0, u64::from(load.of_service), u64::from(load.active)])),
            Policy::Spread | Policy::Binpack | Policy::Random => None,
        }
    }

    /// Ranks a node that has this load and saw `failures` of the service recently, for a task that reserves `wanted`.
    #[inline]
    pub(super) fn rank(self, node: &NodeInfo, wanted: &Resources, load: Load, failures: u32) -> Rank {
        match self {
            // "If either has five failures, the one with fewer such failures is better" is the same as counting none below five.
            Policy::Swarm => {
                let failures = if failures >= MAX_FAILURES { failures } else { 0 };
                Rank([u64::from(failures), u64::from(load.of_service), u64::from(load.active)])
            }
            Policy::Spread => Rank([weight(node, wanted), u64::from(load.active), 0]),
            Policy::Binpack => Rank([2 * FULL as u64 - weight(node, wanted), u64::from(u32::MAX - load.active), 0]),
            Policy::Random => Rank([0; 3]),
        }
    }
}

/// The first Swarm's weight of a node: per cent of its CPUs and of its memory that are reserved once the task is there, together;
/// a resource that the task does not reserve counts as full.
fn weight(node: &NodeInfo, wanted: &Resources) -> u64 {
    let description = &node.node.description;
    let free = node.free();
    let share = |wanted: i64, free: i64, total: i64| {
        if wanted <= 0 || total <= 0 {
            return FULL;
        }
        let used = i128::from(total) - i128::from(free) + i128::from(wanted);
        i64::try_from(used * i128::from(FULL) / i128::from(total)).unwrap_or(FULL).clamp(0, FULL)
    };
    let cpu = share(wanted.nano_cpus, free.nano_cpus, description.nano_cpus);
    let memory = share(wanted.memory_bytes, free.memory_bytes, description.memory_bytes);
    (cpu + memory) as u64
}
