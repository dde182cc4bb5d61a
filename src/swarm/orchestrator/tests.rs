//! Tests of the orchestrators on a small world without Raft, wires or daemons: one store, the leader's loops over it,
//! and a fake agent a node.

mod agents;
mod bench;
mod conformance;
mod enforcer;
mod global;
mod invariants;
mod jobs;
mod look;
mod properties;
mod reaper;
mod recordings;
mod recordings_of_failures;
mod restarts;
mod services;
mod specs;
mod updates;
mod users;

use bench::World;
use specs::{Image, global as global_spec, spec};
