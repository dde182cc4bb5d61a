//! A recording: the inputs of a session with their time and event number. With the seed and the start it rebuilds every
//! event.

use crate::engine::{Replay, Time};
use crate::swarm::world::World;

/// An input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Lines typed at a terminal.
    Typed {
        /// The terminal's number.
        terminal: usize,
        /// The lines.
        text: String,
    },
    /// Ctrl-C at a terminal.
    Interrupt {
        /// The terminal's number.
        terminal: usize,
    },
}

/// The inputs of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recording {
    /// When (virtual time, and events handled before), and what.
    pub inputs: Vec<(Time, u64, Input)>,
}

impl Recording {
    pub(super) fn note(&mut self, world: &World, input: Input) {
        self.inputs.push((world.now(), Replay::number(world), input));
    }
}
