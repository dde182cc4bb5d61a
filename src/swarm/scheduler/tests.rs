//! Tests of the scheduler against SwarmKit's own cases, against recordings of the real code, and by random clusters.

mod acceptance;
mod debounce;
mod lab;
mod policy;
mod properties;
mod recordings;

pub(super) use lab::{label, plain_node};
