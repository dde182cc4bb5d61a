//! Tests of the orchestrators on a small world without Raft, wires or daemons: one store, the leader's loops over it,
//! and a fake node with the agent's own machines.
//!
//! SwarmKit's own cases (control-plane.md §13) are tests named after their source. Where each is held:
//!
//! | Cases | Where |
//! |---|---|
//! | 1-12, 14, 15, 17-23 | `scheduler/tests/acceptance.rs` |
//! | 13, 16 | `scheduler/tests/filters.rs` |
//! | 24-26 | `scheduler/constraint.rs` |
//! | 27-31, 57, 58, 74 | `services` |
//! | 32-39 | `restarts` (39 for global services, too: `global`) |
//! | 40-46 | `global` |
//! | 47-54 | `updates` |
//! | 55, 56, 59 | `reaper` |
//! | 60-62 | `enforcer` |
//! | 63-68 | `jobs` |
//! | 69-71 | `dispatcher/tests.rs` |
//! | 72 | `allocator/tests.rs` |
//! | 73 | `manager/roles.rs` (in a whole swarm: `tests/it/acceptance/membership.rs`) |

mod agents;
mod bench;
mod combined;
mod conformance;
mod enforcer;
mod global;
mod invariants;
mod jobs;
mod look;
mod oracle;
mod promises;
mod properties;
mod quirks;
mod reaper;
mod restarts;
mod services;
mod specs;
mod updates;
mod users;

use bench::World;
use specs::{Image, global as global_spec, spec};
