//! The client against a scripted daemon, byte for byte: the verbatim examples of cli.md §12, the usage errors of
//! §3.2, the progress of §6, and random words.

mod carried;
mod errors;
mod examples;
mod objects;
mod pretty;
mod progress;
mod random;
mod specs;
mod stack;
mod swarm;
