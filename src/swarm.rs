//! The model of Docker Engine in Swarm mode.
//!
//! The folders carry SwarmKit's own names, so that a reader can move between this model and the real code:
//! `object` (what a swarm knows), `store` (where it is kept and how it is written), `control` (what users ask for),
//! `allocator`, `scheduler`, `orchestrator`, `dispatcher`, `logbroker` (the leader's loops, with `component` for what they share),
//! `ca` (certificates, tokens and keys), `manager` (a Raft member and its loops), `agent` (a node's side), `daemon` (the engine on one host, its API, which is
//! `api`), and `world` (all hosts, their wires and their clock).

pub mod agent;
pub mod allocator;
pub mod api;
pub mod ca;
pub mod component;
pub mod control;
pub mod daemon;
pub mod dispatcher;
pub mod logbroker;
pub mod manager;
pub mod object;
pub mod orchestrator;
pub mod scheduler;
pub mod store;
pub mod world;
