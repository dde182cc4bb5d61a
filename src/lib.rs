//! swarmlab: a deterministic cluster simulator and teaching lab for Docker Swarm.

pub mod docker;
pub mod engine;
pub mod net;
pub mod observe;
pub mod predicate;
pub mod raft;
pub mod report;
pub mod scenario;
pub mod session;
pub mod swarm;
