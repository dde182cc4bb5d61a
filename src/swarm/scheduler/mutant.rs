//! Deliberate faults of the scheduler, to prove that the tests bite. Never in a release.

use super::Scheduler;

/// A rule that the scheduler is made to break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// The ready filter does not see that a node is down.
    IgnoresDown,
}

impl Scheduler {
    /// Breaks a rule, or none.
    pub fn set_mutant(&mut self, mutant: Option<Mutant>) {
        self.mutant = mutant;
    }
}
