//! The single door for change: a world and its terminals.
//!
//! A session changes in one way only: an input (a line typed at a terminal, Ctrl-C, a passing of time) applied at a
//! virtual time. It is plain data and a clone of it is a session, so a checkpoint can stand in the middle of an attached
//! `service create`. It is not the world (that is `swarm`) and not the screens. It follows the house plan §4.

mod decision;
mod files;
mod interpreter;
mod reading;
mod recording;
mod replay;
pub mod shell;
mod terminal;
mod timeline;
mod verbs;

pub use reading::is_reading;
pub use recording::{Entry, Input, MAX_RECORDING_BYTES, MODEL, Mark, Moment, Recording, RecordingError};
pub use replay::{ReplayError, Replayed};
pub use terminal::{Chunk, Terminal, TerminalId};
pub use timeline::{Branch, Entered, Forked, Timeline, TravelError};

use crate::docker::TERMINAL;
use crate::engine::{Fingerprint, Replay, Time};
use crate::net::HostId;
use crate::swarm::world::event::ClientId;
use crate::swarm::world::record::What;
use crate::swarm::world::{DataCentre, Told, World};
use shell::{Dialect, ShellError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use terminal::{Frame, Process};

/// Contents of files, by host and path.
type Files = BTreeMap<(HostId, String), Arc<[u8]>>;

/// A world and its terminals.
#[derive(Clone, Debug)]
pub struct Session {
    world: World,
    terminals: Vec<Terminal>,
    /// Terminals that are not at their prompt.
    busy: BTreeSet<TerminalId>,
    /// Files on the hosts' disks, by host and path.
    files: Arc<Files>,
    /// Whose process a client is.
    clients: BTreeMap<ClientId, TerminalId>,
    next_client: u32,
    start: Arc<DataCentre>,
    inputs: Arc<Vec<Entry>>,
    marks: Arc<Vec<Mark>>,
    /// Real files into which someone asked for the recording to be written.
    saves: Vec<String>,
    /// A copy of its own past from which whoever asks why goes on, instead of from the beginning.
    near: Option<Arc<Session>>,
}

/// Why a session stopped before the time that it was to reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It did not: the time is reached.
    Reached,
    /// Every terminal is at its prompt.
    Idle,
    /// A terminal waits for its owner: see [`Session::wants`].
    Wants,
    /// An invariant of the model is broken, or a limit reached: the text says which.
    Broken(String),
}

/// A real file that a terminal waits for: `put LOCALFILE as PATH`. No session touches real files; whoever owns it reads
/// the file and [hands it in](Session::hand_in). The file [`TERMINAL`] stands for the next line that is typed there: a
/// command asks for it (`docker swarm unlock`), and it is not shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// Which terminal.
    pub terminal: TerminalId,
    /// The real file, as typed.
    pub local: String,
}

impl Session {
    /// A session on a new data centre.
    pub fn new(spec: &DataCentre) -> Self {
        Self {
            world: World::new(spec),
            terminals: Vec::new(),
            busy: BTreeSet::new(),
            files: Arc::default(),
            clients: BTreeMap::new(),
            next_client: 1,
            start: Arc::new(spec.clone()),
            inputs: Arc::default(),
            marks: Arc::default(),
            saves: Vec::new(),
            near: None,
        }
    }

    /// The world, to be looked at.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Everything that rebuilds this session: how it began, its inputs so far, and where it stands.
    pub fn recording(&self) -> Recording {
        Recording {
            model: MODEL.into(),
            start: self.start.clone(),
            inputs: self.inputs.clone(),
            marks: self.marks.clone(),
            end: self.moment(),
            fingerprint: Some(self.world.env.kernel.fingerprint()),
        }
    }

    /// The inputs so far.
    pub fn inputs(&self) -> &[Entry] {
        &self.inputs
    }

    /// The moments that were given a name, in the order of naming.
    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// Where it stands.
    pub fn moment(&self) -> Moment {
        Moment { at: self.world.now(), event: self.world.env.kernel.handled() }
    }

    /// Events handled and inputs taken, together: it grows with every step of a session.
    pub fn position(&self) -> u64 {
        self.world.env.kernel.handled() + self.inputs.len() as u64
    }

    /// The fingerprint of everything up to now.
    pub fn fingerprint(&self) -> Fingerprint {
        self.world.env.kernel.fingerprint()
    }

    fn note(&mut self, input: Input) {
        let at = self.moment();
        Arc::make_mut(&mut self.inputs).push(Entry { at, input });
    }

    /// Keeps or drops the trace; the run is the same either way.
    pub fn keep_trace(&mut self, on: bool) {
        self.world.env.trace.switch(on);
    }

    /// Puts a file on the disk of every host.
    pub fn put_file(&mut self, path: &str, content: &[u8]) {
        let content: Arc<[u8]> = content.into();
        self.note(Input::Put { path: path.into(), content: content.clone() });
        let files = Arc::make_mut(&mut self.files);
        for host in self.world.hosts() {
            files.insert((host.id, absolute(path)), content.clone());
        }
    }

    /// Opens a terminal on a host; `width` is that of a real one, and `None` prints as into a pipe.
    pub fn open(&mut self, host: HostId, width: Option<u16>) -> TerminalId {
        let id = TerminalId(self.terminals.len());
        self.note(Input::Open { host, width });
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
        self.note(Input::Typed { terminal: id, text: text.into() });
        let (mut lines, mut end) = (Vec::new(), 0);
        for whole in text.split_inclusive('\n') {
            end += whole.len();
            let line = whole.trim();
            if !line.is_empty() && !line.starts_with('#') {
                lines.push((end, self.world.input(What::Typed { host, line: line.into() })));
            }
        }
        self.terminals[id.0].start(list, text.into(), lines.into());
        self.busy.insert(id);
        self.run_terminals();
    }

    /// The real files that terminals wait for.
    pub fn wants(&self) -> Vec<Want> {
        let want = |id: &TerminalId| match self.terminals[id.0].stack.last()? {
            Frame::Process(Process::Put { local, .. }) => Some(Want { terminal: *id, local: local.clone() }),
            Frame::Process(Process::Docker { machine, .. }) if machine.asks_terminal() => {
                Some(Want { terminal: *id, local: TERMINAL.to_owned() })
            }
            _ => None,
        };
        self.busy.iter().filter_map(want).collect()
    }

    /// Whether a terminal waits for its owner, or a recording waits to be written.
    pub fn asks_owner(&self) -> bool {
        let wants = |id: &TerminalId| match self.terminals[id.0].stack.last() {
            Some(Frame::Process(Process::Put { .. })) => true,
            Some(Frame::Process(Process::Docker { machine, .. })) => machine.asks_terminal(),
            _ => false,
        };
        !self.saves.is_empty() || self.busy.iter().any(wants)
    }

    /// Gives a terminal the content of the real file that it waits for, or the words that say why there is none.
    pub fn hand_in(&mut self, id: TerminalId, content: Result<Arc<[u8]>, String>) {
        self.note(Input::HandIn { terminal: id, content: content.clone() });
        self.handed_in(id, content);
        self.run_terminals();
    }

    /// Real files into which the recording is to be written ([`Recording::to_text`]), since the last time of asking.
    pub fn take_saves(&mut self) -> Vec<String> {
        std::mem::take(&mut self.saves)
    }

    /// For owners without real files: tells every terminal that waits for one why there is none.
    pub fn refuse_wants(&mut self, why: &str) {
        self.saves.clear();
        for want in self.wants() {
            self.hand_in(want.terminal, Err(why.to_owned()));
        }
    }

    /// Forgets what the terminals have printed and nobody has taken.
    pub(super) fn forget_output(&mut self) {
        self.terminals.iter_mut().for_each(|terminal| terminal.output.clear());
        self.saves.clear();
    }

    /// Ctrl-C at a terminal.
    pub fn interrupt(&mut self, id: TerminalId) {
        self.note(Input::Interrupt { terminal: id });
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

    /// Lets time pass until a terminal is at its prompt again or the owner is asked for something, but not beyond
    /// `until`.
    pub fn run_terminal(&mut self, id: TerminalId, until: Time) -> Stop {
        self.run_terminal_and(id, until, |_| {})
    }

    /// The same, with someone who looks on after every event.
    pub fn run_terminal_and(&mut self, id: TerminalId, until: Time, mut each: impl FnMut(&Self)) -> Stop {
        let mut stop = Stop::Reached;
        if !self.is_idle(id) && !self.asks_owner() {
            stop = self.run(until, |session| {
                each(session);
                !session.is_idle(id) && !session.asks_owner()
            });
        }
        match stop {
            Stop::Reached if self.asks_owner() => Stop::Wants,
            Stop::Reached if self.is_idle(id) => Stop::Idle,
            stop => stop,
        }
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

    /// Its [position](Session::position): inputs count too, or two moments could bear the same number.
    fn number(&self) -> u64 {
        self.position()
    }

    fn now(&self) -> Time {
        self.world.now()
    }

    fn weight(&self) -> usize {
        // The chunks of a trace are shared, but for the one that still fills.
        const TRACE_TAIL: usize = 128 << 10;
        let (kernel, net) = (self.world.env.kernel.weight(), self.world.env.net.weight());
        kernel + net + self.world.hosts().len() * 4096 + self.terminals.len() * 1024 + TRACE_TAIL
    }
}

/// Where a relative path begins on every host.
const HOME: &str = "/home/lab/";

/// Paths are of the hosts' simulated disks; a relative one is in the home folder.
fn absolute(path: &str) -> String {
    let path = path.strip_prefix("./").unwrap_or(path);
    if path.starts_with('/') { path.to_owned() } else { format!("{HOME}{path}") }
}

#[cfg(test)]
mod tests;
