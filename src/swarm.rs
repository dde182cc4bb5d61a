//! The model of Docker Engine in Swarm mode.
//!
//! The folders carry SwarmKit's own names, so that a reader can move between this model and the real code.

pub mod allocator;
pub mod api;
pub mod component;
pub mod object;
pub mod orchestrator;
pub mod scheduler;
pub mod store;
