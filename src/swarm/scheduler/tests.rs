//! Tests of the scheduler against SwarmKit's own cases, and by random clusters. (Recordings: `orchestrator/tests/conformance`.)

mod acceptance;
mod debounce;
mod filters;
mod lab;
mod policy;
mod properties;

pub(super) use lab::{label, plain_node};
