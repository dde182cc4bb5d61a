//! The integration tests: what holds of the whole house rather than of one room.
//!
//! One binary, so that it links once. Each module is one promise; `common` holds what several of them need.

mod acceptance;
mod cli;
mod common;
mod conformance;
mod containers;
mod determinism;
mod flags;
mod house;
mod lab;
mod leader_killed;
mod modes;
mod mutants;
mod own_containers;
mod quirks;
mod quorum;
mod random_lines;
mod recorded;
mod recovery;
mod replay;
mod security;
mod shell;
mod stack;
mod stories;
mod sweep;
mod why;
