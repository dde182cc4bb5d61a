//! A recording: how a session began, and its inputs with their time and event number. It rebuilds every event.
//!
//! It holds no world and runs nothing: replaying is [`replay`](super::replay)'s business, and the file's shape is
//! [`file`]'s. It follows the house plan §1.

mod file;

use super::TerminalId;
use crate::engine::{Fingerprint, Time};
use crate::net::HostId;
use crate::swarm::world::DataCentre;
use std::sync::Arc;

pub use file::{MAX_BYTES as MAX_RECORDING_BYTES, RecordingError};

/// The version of the model: a recording rebuilds every event exactly with the version that it was made with.
pub const MODEL: &str = env!("CARGO_PKG_VERSION");

/// A moment of a run: virtual time, and how many events had been handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// When.
    pub at: Time,
    /// After how many events.
    pub event: u64,
}

/// An input and the moment of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: Moment,
    /// What.
    pub input: Input,
}

/// An input: the only thing that changes a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A terminal is opened; they are numbered in order.
    Open {
        /// On this host.
        host: HostId,
        /// Its columns, if it is one.
        width: Option<u16>,
    },
    /// Lines typed at a terminal.
    Typed {
        /// Which.
        terminal: TerminalId,
        /// The lines.
        text: String,
    },
    /// Ctrl-C at a terminal.
    Interrupt {
        /// Which.
        terminal: TerminalId,
    },
    /// A file is put on the disk of every host.
    Put {
        /// Where.
        path: String,
        /// What.
        content: Arc<[u8]>,
    },
    /// The content of a real file that a terminal waits for, or why there is none.
    HandIn {
        /// Which.
        terminal: TerminalId,
        /// What.
        content: Result<Arc<[u8]>, String>,
    },
}

/// A moment that was given a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The name.
    pub name: String,
    /// When.
    pub at: Moment,
    /// The [position](super::Session::position).
    pub position: u64,
}

/// Everything that rebuilds a session.
#[derive(Clone, Debug)]
pub struct Recording {
    /// The version of the model that it was made with.
    pub model: String,
    /// How it began, the seed included.
    pub start: Arc<DataCentre>,
    /// The inputs in their order.
    pub inputs: Arc<Vec<Entry>>,
    /// Named moments.
    pub marks: Arc<Vec<Mark>>,
    /// Where it ends.
    pub end: Moment,
    /// The fingerprint at the end, by which a replay knows that it has rebuilt the same run.
    pub fingerprint: Option<Fingerprint>,
}

impl Recording {
    /// The recording as a text file.
    pub fn to_text(&self) -> String {
        file::write(self)
    }

    /// Reads a recording.
    ///
    /// # Errors
    /// When the text is not a recording, or not one that can be replayed: the error says what was expected.
    pub fn parse(text: &str) -> Result<Self, RecordingError> {
        file::read(text)
    }
}
