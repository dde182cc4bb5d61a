//! The orchestrators: what keeps the tasks of every service as its spec wants them.
//!
//! [`Orchestrators`] are three loops side by side. The replicated one (`replicated`) does two things around each commit:
//! it restarts tasks that ended or lost their node (through its restart supervisor, `restart`), and it reconciles
//! services that were written: fills empty slots, takes surplus ones away, and hands the rest to the service's rolling
//! update (`updaters`, `update`, and `update_worker` for one slot). The global one (`global`) does the same for services
//! with one task a node, event by event; the third (`jobs`) runs services to completion. A new leader begins with
//! `taskinit`. Beside them the constraint enforcer (`constraintenforcer`) rejects tasks that their node may no longer
//! have, and [`Reaper`] (`taskreaper`) deletes what is only history.
//!
//! Which of the two owns a slot at a moment is the heart of it: the restart supervisor replaces a task that ended by
//! itself, the updater one whose spec is outdated, and both let the replacement go from READY to RUNNING by the same
//! delayed start.
//!
//! Not here: placement, and what an agent does with a task.
//!
//! Source: control-plane.md §2.5, §4-§6.

mod constraintenforcer;
mod dirty;
mod global;
mod jobs;
mod loops;
mod plan;
mod replacement;
mod replicated;
mod restart;
mod slot;
mod task;
mod taskinit;
mod taskreaper;
mod update;
mod update_worker;
mod updaters;

#[cfg(test)]
mod tests;

pub(crate) use dirty::DirtyTest;
pub use loops::Orchestrators;
pub use restart::Waits;
pub use taskreaper::Reaper;

/// SwarmKit packs a batch into transactions of at most so many changes and lets other writers in between.
pub(crate) const MAX_CHANGES: usize = 200;

/// Deliberate faults, to prove that the tests bite.
#[cfg(any(test, feature = "mutants"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// The reaper never deletes.
    ReaperForgets,
    /// No failure ever pauses an update or rolls it back.
    UpdaterIgnoresFailures,
    /// When a node becomes ready, a task of the fullest node is restarted, so that it may move there.
    Rebalances,
}
