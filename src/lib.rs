//! swarmlab: a deterministic cluster simulator and teaching lab for Docker Swarm.

pub mod docker;
pub mod raft;
pub mod swarm;
