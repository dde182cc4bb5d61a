//! swarmlab.
pub mod raft;
