//! What a scenario file may ask for at most, beside the limits of the engine.
//!
//! Each is a clear message, never a hang. It follows the house plan, rule 8.

/// Expectations in one scenario.
pub const MAX_EXPECTATIONS: usize = 1_000;
/// Checks of outputs in one scenario.
pub const MAX_OUTPUTS: usize = 1_000;
/// Images described in one file.
pub const MAX_IMAGES: usize = 1_000;
/// Files put on the hosts' disks.
pub const MAX_FILES: usize = 1_000;
/// Managers in one cluster: Docker advises seven.
pub const MAX_MANAGERS: usize = 99;
/// Problems that one report shows.
pub const MAX_PROBLEMS_SHOWN: usize = 20;
