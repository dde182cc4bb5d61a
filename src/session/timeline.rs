//! A session and its past: going to any moment of it, taking inputs back, going on in a second world.
//!
//! The past is made of checkpoints and exact re-simulation and is read-only. A dropped future is kept as a branch. It
//! asks nobody and prints nothing; see [`Entered`] for what its owner must ask. It follows the house plan §3.

mod travel;

use super::replay::Script;
use super::shell::{self, Command, Dialect, List, ShellError, Verb};
use super::{Chunk, Moment, Recording, ReplayError, Session, Stop, TerminalId, is_reading};
use crate::engine::{Checkpoints, Duration, Time};
use crate::net::HostId;
use std::sync::Arc;

/// Events between two checkpoints: so many, and so many more for each host. Measured: a checkpoint costs as much time as
/// 20 to 30 events for each host (the copy itself a few, the first changes after it the rest) and as 400 in any case, so
/// that a run grows by less than a twentieth.
pub const SPACING: u64 = 8_000;
/// See [`SPACING`].
pub const SPACING_PER_HOST: u64 = 600;

/// Where `seek` finds the present.
pub(super) const NOW: &str = "now";

/// How far before a moment that is gone to a copy is left behind, at least: the next step back begins there.
const NEAR: u64 = 512;

/// What checkpoints may weigh together, in bytes.
pub const BUDGET: usize = 256 << 20;

/// Branches that are kept; the oldest go first.
pub const BRANCHES: usize = 64;

/// A session with its past and its other futures.
#[derive(Clone, Debug)]
pub struct Timeline {
    /// The present.
    head: Session,
    /// The past that is looked at.
    view: Option<Session>,
    checkpoints: Checkpoints<Session>,
    spacing: u64,
    /// The position of the present before which no checkpoint is due.
    due: u64,
    /// The last copy that was left behind in passing the past.
    near: Option<Session>,
    branches: Vec<Branch>,
    made: usize,
    printed: Vec<Printed>,
}

/// A future that was left.
#[derive(Clone, Debug)]
pub struct Branch {
    /// Its name: `branch-1`, `branch-2`, ..
    pub name: String,
    /// Where it left the way that was then gone on.
    pub left: Moment,
    head: Session,
}

impl Branch {
    /// How far it had come.
    pub fn end(&self) -> Moment {
        self.head.moment()
    }
}

#[derive(Clone, Debug)]
struct Printed {
    position: u64,
    terminal: TerminalId,
    chunk: Chunk,
}

/// What came of going on in a second world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forked {
    /// The name under which the world that was left is kept.
    pub kept: String,
    /// The first line of what was running at the terminal, and was given up.
    pub given_up: Option<String>,
}

/// What became of a line typed at the prompt.
#[derive(Debug)]
pub enum Entered {
    /// It runs: let the terminal come back to its prompt.
    Begun,
    /// It was about the timeline itself and is done; this is to be told.
    Told(String),
    /// The past is looked at, and the line only reads: it runs aside, in a copy to be thrown away. Let this copy's
    /// terminal come back to its prompt and show what it printed.
    Aside {
        /// The copy.
        session: Box<Session>,
        /// Its terminal.
        terminal: TerminalId,
    },
    /// The past is looked at, and the line would change it: ask whether to go on from there; if so, [`Timeline::fork_at`]
    /// and enter the line again.
    Asks,
}

/// Why a line was not entered, or a moment not gone to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TravelError {
    /// Not a line of the shell.
    #[error(transparent)]
    Shell(#[from] ShellError),
    /// No input is left to take back.
    #[error("there is nothing to take back: nothing has been changed yet")]
    NothingToUndo,
    /// The past is looked at.
    #[error(
        "this is the past ({0}), and it stays as it was: `fork` goes on from here, `seek now` returns to the present"
    )]
    Past(Time),
    /// To wait in the past brings nothing.
    #[error(
        "this is the past ({at}), where waiting alone changes nothing: {hint} goes to a later moment of it, `fork` goes on from here"
    )]
    Waits {
        /// Which moment is looked at.
        at: Time,
        /// How to come to the one that was meant.
        hint: String,
    },
    /// That has not happened.
    #[error(
        "nothing is known of {to} yet: the present is {present} (`seek now` goes there, and there `wait` lets time pass)"
    )]
    Future {
        /// As asked.
        to: Time,
        /// How far it goes.
        present: Time,
    },
    /// No such mark.
    #[error("no moment is called {name}{hint}")]
    NoMark {
        /// As typed.
        name: String,
        /// What else could be meant.
        hint: String,
    },
    /// The past cannot be rebuilt: a bug of the model.
    #[error(transparent)]
    Replay(#[from] ReplayError),
}

impl Timeline {
    /// The timeline of a session whose past is not known: it begins here.
    pub fn new(session: Session) -> Self {
        let hosts = session.world().hosts().len() as u64;
        let spacing = SPACING + SPACING_PER_HOST * hosts;
        let mut checkpoints = Checkpoints::new(BUDGET, spacing);
        checkpoints.offer(&session);
        let due = session.position() + spacing;
        Self {
            head: session,
            view: None,
            checkpoints,
            spacing,
            due,
            near: None,
            branches: Vec::new(),
            made: 0,
            printed: Vec::new(),
        }
    }

    /// The timeline of a recording, from its beginning to its end; and a warning, if the model has changed since.
    ///
    /// # Errors
    /// When the recording does not lead where it says.
    pub fn replay(recording: &Recording) -> Result<(Self, Option<String>), ReplayError> {
        let replayed = Session::replay(recording)?;
        let mut timeline = Self::new(Session::new(&recording.start));
        timeline.head = replayed.session;
        Ok((timeline, replayed.warning))
    }

    /// The session at the moment that is looked at: the present, or the past.
    pub fn session(&self) -> &Session {
        self.view.as_ref().unwrap_or(&self.head)
    }

    /// The session at the present.
    pub fn present(&self) -> &Session {
        &self.head
    }

    /// Whether the past is looked at.
    pub fn is_past(&self) -> bool {
        self.view.is_some()
    }

    /// The moment that is looked at.
    pub fn now(&self) -> Time {
        self.session().world().now()
    }

    /// Everything that rebuilds the present.
    pub fn recording(&self) -> Recording {
        self.head.recording()
    }

    /// The futures that were left, oldest first.
    pub fn branches(&self) -> &[Branch] {
        &self.branches
    }

    /// Opens a terminal, in the present.
    pub fn open(&mut self, host: HostId, width: Option<u16>) -> TerminalId {
        self.head.open(host, width)
    }

    /// Puts a file on the disk of every host, in the present.
    pub fn put_file(&mut self, path: &str, content: &[u8]) {
        self.head.put_file(path, content);
    }

    /// Gives a terminal the real file that it waits for.
    pub fn hand_in(&mut self, id: TerminalId, content: Result<Arc<[u8]>, String>) {
        self.head.hand_in(id, content);
    }

    /// Real files into which the recording is to be written, since the last time of asking.
    pub fn take_saves(&mut self) -> Vec<String> {
        self.head.take_saves()
    }

    /// Ctrl-C at a terminal of the present.
    pub fn interrupt(&mut self, id: TerminalId) {
        self.head.interrupt(id);
    }

    /// Enters lines at a terminal's prompt.
    ///
    /// # Errors
    /// When the text is not of the shell's grammar, or wants to go where nothing is. Nothing has happened then.
    pub fn enter(&mut self, id: TerminalId, text: &str) -> Result<Entered, TravelError> {
        let list = shell::parse(text, Dialect::Lab)?;
        if let Some(verb) = travel_verb(&list) {
            return self.travel(id, verb).map(Entered::Told);
        }
        self.keep_near(&list);
        let Some(view) = &self.view else {
            self.head.begin(id, text, Arc::new(list));
            return Ok(Entered::Begun);
        };
        if !is_reading(&list) {
            return Ok(Entered::Asks);
        }
        match only_verb(&list) {
            Some(Verb::Wait(span)) => {
                let hint = format!("`seek {}`", view.world().now() + *span - Time::ZERO);
                return Err(TravelError::Waits { at: view.world().now(), hint });
            }
            Some(Verb::WaitUntil { .. }) => {
                return Err(TravelError::Waits { at: view.world().now(), hint: "`seek TIME`".into() });
            }
            _ => {}
        }
        // A terminal of its own: the one that was typed at may be in the middle of something then, or not be there yet.
        let mut session = Box::new(view.clone());
        let present = self.head.terminal(id);
        let then = view.terminals.get(id.0).unwrap_or(present);
        let terminal = session.open(then.host, present.width);
        session.begin(terminal, text, Arc::new(list));
        Ok(Entered::Aside { session, terminal })
    }

    /// Gives the session that is asked why a copy of its past, from which going back is short.
    fn keep_near(&mut self, list: &List) {
        let Some(asked) = self.session().asked_of(list) else { return };
        let before = asked - Duration::from_nanos(1);
        let Some(past) = self.checkpoints.nearest_time(before) else { return };
        self.view.as_mut().unwrap_or(&mut self.head).keep_near(past);
    }

    /// Lets time pass up to `until`, in the present, or along the known way while the past is looked at.
    pub fn run(&mut self, until: Time) -> Stop {
        if self.view.is_some() {
            return match self.play(until.max(self.now())) {
                Ok(()) => Stop::Reached,
                Err(error) => Stop::Broken(error.to_string()),
            };
        }
        let (checkpoints, due, spacing) = (&mut self.checkpoints, &mut self.due, self.spacing);
        self.head.run(until, |session| {
            if session.position() >= *due {
                checkpoints.offer(session);
                *due = session.position() + spacing;
            }
            true
        })
    }

    /// Lets time pass, in the present, until a terminal is at its prompt again or asks its owner for something, but not
    /// beyond `until`.
    pub fn run_terminal(&mut self, id: TerminalId, until: Time) -> Stop {
        let (checkpoints, due, spacing) = (&mut self.checkpoints, &mut self.due, self.spacing);
        self.head.run_terminal_and(id, until, |session| {
            if session.position() >= *due {
                checkpoints.offer(session);
                *due = session.position() + spacing;
            }
        })
    }

    /// What a terminal of the present has printed since the last time of asking.
    pub fn take_output(&mut self, id: TerminalId) -> Vec<Chunk> {
        let chunks = self.head.take_output(id);
        let position = self.head.position();
        self.printed.extend(chunks.iter().map(|chunk| Printed { position, terminal: id, chunk: chunk.clone() }));
        chunks
    }

    /// What had been taken of a terminal's output by the moment that is looked at: its scrollback.
    pub fn scrollback(&self, id: TerminalId) -> impl Iterator<Item = &Chunk> {
        let position = self.session().position();
        self.printed.iter().filter(move |p| p.terminal == id && p.position <= position).map(|printed| &printed.chunk)
    }

    /// How many checkpoints stand along the way.
    pub fn checkpoints(&self) -> usize {
        self.checkpoints.len()
    }

    /// The way from the beginning to the present.
    fn script(&self) -> Script {
        Script { inputs: self.head.inputs.clone(), end: self.head.moment(), exact: true }
    }
}

fn offer(checkpoints: &mut Checkpoints<Session>, session: &Session) {
    if checkpoints.due(session.position()) {
        checkpoints.offer(session);
    }
}

/// A line that consists of one verb about the timeline itself.
fn travel_verb(list: &List) -> Option<&Verb> {
    only_verb(list).filter(|verb| matches!(verb, Verb::Undo | Verb::Fork | Verb::Seek { .. }))
}

/// A line that consists of one verb.
fn only_verb(list: &List) -> Option<&Verb> {
    let [chain] = list.items.as_slice() else { return None };
    let ([Command::Verb(command)], []) = (chain.first.commands.as_slice(), chain.rest.as_slice()) else { return None };
    Some(&command.verb)
}
