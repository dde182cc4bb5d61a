//! What a scenario file may ask for at most, beside the limits of the engine.
//!
//! Each is a clear message, never a hang. It follows the house plan, rule 8.

/// Expectations in one scenario.
pub const MAX_EXPECTATIONS: usize = 1_000;
/// Checks of outputs in one scenario.
pub const MAX_OUTPUTS: usize = 1_000;
/// Named durations in one scenario.
pub const MAX_MEASURES: usize = 1_000;
/// Times that one step is repeated.
pub const MAX_REPEATS: i64 = 100_000;
/// Faults that one `[chaos]` may bring.
pub const MAX_FAULTS: i64 = 10_000;
/// Seeds in one sweep.
pub const MAX_SEEDS: u64 = 1_000_000;
/// Images described in one file.
pub const MAX_IMAGES: usize = 1_000;
/// Files put on the hosts' disks.
pub const MAX_FILES: usize = 1_000;
/// Managers in one cluster: Docker advises seven.
pub const MAX_MANAGERS: usize = 99;
/// Problems that one report shows.
pub const MAX_PROBLEMS_SHOWN: usize = 20;
