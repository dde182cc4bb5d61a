//! The single door for change: terminals and their shell, inputs, time travel, recordings.
//!
//! It is not the world (that is `swarm`) and not the screens. It follows the house plan §4.

pub mod shell;
