//! The single door for change: a world and its terminals.
//!
//! A session changes in one way only: an input (a line typed at a terminal, Ctrl-C, a passing of time) applied at a
//! virtual time. It is plain data and a clone of it is a session, so a checkpoint can stand in the middle of an attached
//! `service create`. It is not the world (that is `swarm`) and not the screens. It follows the house plan §4.

mod interpreter;
mod recording;
pub mod shell;
mod terminal;
mod verbs;

pub use recording::{Input, Recording};
pub use terminal::{Chunk, Terminal, TerminalId};

use crate::engine::{Replay, Time};
use crate::net::HostId;
use crate::swarm::world::event::ClientId;
use crate::swarm::world::record::What;
use crate::swarm::world::{DataCentre, Told, World};
use shell::{Dialect, ShellError};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A world and its terminals.
#[derive(Clone, Debug)]
pub struct Session {
    world: World,
    terminals: Vec<Terminal>,
    /// Files on the hosts' disks, by host and path.
    files: Arc<BTreeMap<(HostId, String), Arc<[u8]>>>,
    /// Whose process a client is.
    clients: BTreeMap<ClientId, TerminalId>,
    next_client: u32,
    recording: Arc<Recording>,
}

/// Why a session stopped before the time that it was to reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It did not: the time is reached.
    Reached,
    /// Every terminal is at its prompt.
    Idle,
    /// An invariant of the model is broken, or a limit reached: the text says which.
    Broken(String),
}

impl Session {
    /// A session on a new data centre.
    pub fn new(spec: &DataCentre) -> Self {
        Self {
            world: World::new(spec),
            terminals: Vec::new(),
            files: Arc::default(),
            clients: BTreeMap::new(),
            next_client: 1,
            recording: Arc::new(Recording::default()),
        }
    }

    /// The world, to be looked at.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The inputs so far.
    pub fn recording(&self) -> &Recording {
        &self.recording
    }

    /// Keeps or drops the trace; the run is the same either way.
    pub fn keep_trace(&mut self, on: bool) {
        self.world.env.trace.switch(on);
    }

    /// Puts a file on the disk of every host.
    pub fn put_file(&mut self, path: &str, content: &[u8]) {
        let content: Arc<[u8]> = content.into();
        let files = Arc::make_mut(&mut self.files);
        for host in self.world.hosts() {
            files.insert((host.id, absolute(path)), content.clone());
        }
    }

    /// Opens a terminal on a host; `width` is that of a real one, and `None` prints as into a pipe.
    pub fn open(&mut self, host: HostId, width: Option<u16>) -> TerminalId {
        let id = TerminalId(self.terminals.len());
        self.terminals.push(Terminal::new(id, host, width));
        id
    }

    /// A terminal.
    pub fn terminal(&self, id: TerminalId) -> &Terminal {
        &self.terminals[id.0]
    }

    /// What a terminal has printed since the last time of asking.
    pub fn take_output(&mut self, id: TerminalId) -> Vec<Chunk> {
        std::mem::take(&mut self.terminals[id.0].output)
    }

    /// Types lines at a terminal's prompt.
    ///
    /// # Errors
    /// When the text is not of the shell's grammar; nothing has happened then.
    pub fn type_lines(&mut self, id: TerminalId, text: &str) -> Result<(), ShellError> {
        let list = shell::parse(text, Dialect::Lab)?;
        self.begin(id, text, Arc::new(list));
        Ok(())
    }

    /// Types lines that have been parsed before.
    pub fn begin(&mut self, id: TerminalId, text: &str, list: Arc<shell::List>) {
        let host = self.terminals[id.0].host;
        Arc::make_mut(&mut self.recording).note(&self.world, Input::Typed { terminal: id.0, text: text.into() });
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            self.world.input(What::Typed { host, line: line.into() });
        }
        self.terminals[id.0].start(list);
        self.run_terminals();
    }

    /// Ctrl-C at a terminal.
    pub fn interrupt(&mut self, id: TerminalId) {
        Arc::make_mut(&mut self.recording).note(&self.world, Input::Interrupt { terminal: id.0 });
        self.interrupt_terminal(id);
        self.run_terminals();
    }

    /// Whether a terminal is at its prompt.
    pub fn is_idle(&self, id: TerminalId) -> bool {
        self.terminals[id.0].is_idle()
    }

    /// Handles the next event, and lets the terminals go on. False when nothing is left to happen.
    pub fn step(&mut self) -> bool {
        if !self.world.step() {
            return false;
        }
        for told in self.world.take_told() {
            self.tell(told);
        }
        self.run_terminals();
        true
    }

    /// Lets events happen up to `until`. `each` looks on after every event and says whether to go on.
    pub fn run(&mut self, until: Time, mut each: impl FnMut(&mut Self) -> bool) -> Stop {
        self.run_terminals();
        loop {
            if let Some(broken) = self.broken() {
                return Stop::Broken(broken);
            }
            match self.world.next_time() {
                Some(next) if next <= until => {
                    self.step();
                }
                _ => {
                    self.world.run_until(until);
                    return Stop::Reached;
                }
            }
            if !each(self) {
                return Stop::Reached;
            }
        }
    }

    /// Lets time pass until a terminal is at its prompt again, but not beyond `until`.
    pub fn run_terminal(&mut self, id: TerminalId, until: Time) -> Stop {
        if self.is_idle(id) {
            return Stop::Idle;
        }
        let stop = self.run(until, |session| !session.is_idle(id));
        if stop == Stop::Reached && self.is_idle(id) { Stop::Idle } else { stop }
    }

    /// What is wrong with the run, if anything is.
    pub fn broken(&self) -> Option<String> {
        let violation = self.world.violation().map(ToString::to_string);
        violation.or_else(|| self.world.limit_reached().map(|limit| limit.to_string()))
    }

    fn tell(&mut self, told: Told) {
        let client = match &told {
            Told::Answer { client, .. } | Told::Timer { client, .. } => *client,
        };
        if let Some(&terminal) = self.clients.get(&client) {
            self.terminals[terminal.0].told.push_back(told);
        }
    }
}

impl Replay for Session {
    fn step(&mut self) -> bool {
        Session::step(self)
    }

    fn number(&self) -> u64 {
        Replay::number(&self.world)
    }

    fn now(&self) -> Time {
        self.world.now()
    }

    fn weight(&self) -> usize {
        Replay::weight(&self.world) + self.terminals.len() * 1024
    }
}

/// Paths are of the hosts' simulated disks; a relative one is in the home folder.
fn absolute(path: &str) -> String {
    let path = path.strip_prefix("./").unwrap_or(path);
    if path.starts_with('/') { path.to_owned() } else { format!("/root/{path}") }
}
