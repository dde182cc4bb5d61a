//! swarmlab.
pub mod engine;
pub mod net;
pub mod raft;
