//! swarmlab: a deterministic cluster simulator and teaching lab for Docker Swarm.

pub mod engine;
pub mod net;
pub mod raft;
pub mod swarm;
