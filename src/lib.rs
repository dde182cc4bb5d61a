//! swarmlab: a deterministic cluster simulator and teaching lab for Docker Swarm.

pub mod observe;
pub mod raft;
pub mod session;
pub mod swarm;
