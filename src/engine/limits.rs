//! The limits of a run, written down: what a world may grow to, and the sentence said when it reaches the edge.
//!
//! The constants bound what a person may write in a scenario; [`Limits`] bounds what a run may do. Reaching one is an
//! ordinary outcome with a clear message, never a hang.

use super::time::{Duration, Time};

/// Hosts in one world.
pub const HOSTS: usize = 5_000;
/// Replicas of one service.
pub const MAX_REPLICAS: u64 = 100_000;
/// Services in one world.
pub const MAX_SERVICES: usize = 10_000;
/// The longest that a scenario may last, in virtual time: 30 days.
pub const MAX_DURATION: Duration = Duration::from_hours(30 * 24);
/// The largest scenario or lesson file: 1 MiB.
pub const SCENARIO_FILE_BYTES: u64 = 1 << 20;
/// Steps in one scenario.
pub const STEPS: usize = 10_000;
/// Characters in one line typed at a terminal.
pub const LINE_BYTES: usize = 1 << 16;

/// What one run may do before it is stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Events handled in the whole run.
    pub events: u64,
    /// Events waiting at the same time.
    pub pending: usize,
    /// The last virtual moment.
    pub until: Time,
}

impl Default for Limits {
    /// Ten thousand million events, ten million pending, 30 days.
    fn default() -> Limits {
        Limits { events: 10_000_000_000, pending: 10_000_000, until: Time::ZERO.saturating_add(MAX_DURATION) }
    }
}

/// A run has come to one of its [`Limits`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LimitReached {
    /// Too many events handled.
    #[error(
        "the run stopped at {at}: it has handled {limit} events, the most that a run may. Make it shorter, \
         or look for something that repeats without end"
    )]
    Events {
        /// The limit in force.
        limit: u64,
        /// When it was reached.
        at: Time,
    },
    /// Too many events waiting.
    #[error("the run stopped at {at}: more than {limit} events are waiting. Make the cluster or its load smaller")]
    Pending {
        /// The limit in force.
        limit: usize,
        /// When it was reached.
        at: Time,
    },
    /// Too long in virtual time.
    #[error("the run stopped at {at}: a run may go on until {limit}. Make the scenario's duration shorter")]
    Until {
        /// The limit in force.
        limit: Time,
        /// When it was reached.
        at: Time,
    },
}
