//! The objects of the store: what a swarm knows. Plain data; nothing here acts.
//!
//! An object that a user specifies keeps the request as it was sent (`api`, for `inspect`) beside what SwarmKit makes of
//! it (defaults applied, text parsed), so that no loop parses text again. Everything that does not change after creation
//! sits behind `Arc`: a world is cloned often.
//!
//! Source: control-plane.md §1, §2.

mod cluster;
mod file;
mod id;
mod network;
mod node;
mod resource;
mod service;
mod spec;
mod task;
#[cfg(test)]
pub(crate) mod testing;

pub use super::ca::token_digest;
pub use cluster::*;
pub use file::*;
pub use id::*;
pub use network::*;
pub use node::*;
pub use resource::*;
pub use service::*;
pub use spec::*;
pub use task::*;

use crate::engine::Time;

/// What every object has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Meta {
    /// The Raft commit index that was read when the transaction which wrote it last was opened.
    pub version: u64,
    /// Set once.
    pub created_at: Time,
    /// Set on every write.
    pub updated_at: Time,
}
