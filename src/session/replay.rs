//! Replaying: rebuilding a session from its recording, input by input and event by event.
//!
//! With the version of the model that made the recording the replay is exact, and whatever differs is a damaged file.
//! With another version inputs are given at their virtual times, and what follows may differ.

use super::recording::MODEL;
use super::{Entry, Input, Moment, Recording, Session};
use crate::engine::Time;
use std::sync::Arc;

/// A session that was rebuilt.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// The session at the end of the recording.
    pub session: Session,
    /// What its user should know: the model has changed since.
    pub warning: Option<String>,
}

/// A recording that does not rebuild what it recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// An input cannot be given at its moment.
    #[error("the recording is damaged: input {number}, at {at}, {problem}")]
    Input {
        /// Which, from 1.
        number: usize,
        /// When it was recorded.
        at: Time,
        /// What is wrong.
        problem: String,
    },
    /// The end is not where the recording says.
    #[error("the recording is damaged: {0}")]
    End(String),
}

/// The inputs of a run and where it ends: what leads a session along a way that is known.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub inputs: Arc<Vec<Entry>>,
    pub end: Moment,
    /// Inputs are given after exactly so many events; otherwise, at their times.
    pub exact: bool,
}

impl Script {
    /// The next input, if it comes before the next event.
    fn due(&self, session: &mut Session) -> Option<&Entry> {
        let entry = self.inputs.get(session.inputs.len())?;
        let due = if self.exact {
            session.moment().event >= entry.at.event
        } else {
            session.world.next_time().is_none_or(|next| next > entry.at.at)
        };
        due.then_some(entry)
    }

    /// When the next thing happens; none at the end.
    pub fn next_at(&self, session: &mut Session) -> Option<Time> {
        if let Some(entry) = self.due(session) {
            return Some(entry.at.at);
        }
        let next = session.world.next_time()?;
        let over = session.inputs.len() >= self.inputs.len()
            && if self.exact { session.moment().event >= self.end.event } else { next > self.end.at };
        (!over).then_some(next)
    }

    /// Gives the next input or handles the next event; false at the end.
    pub fn step(&self, session: &mut Session) -> Result<bool, ReplayError> {
        if let Some(entry) = self.due(session) {
            let number = session.inputs.len() + 1;
            let wrong = |problem: String| ReplayError::Input { number, at: entry.at.at, problem };
            return session.give(entry, self.exact).map(|()| true).map_err(wrong);
        }
        if self.next_at(session).is_none() {
            return Ok(false);
        }
        Ok(session.step())
    }

    /// Lets the clock show the end, where nothing is left to happen before it.
    pub fn rest(&self, session: &mut Session) -> Result<(), ReplayError> {
        let lost = |what: &str| Err(ReplayError::End(format!("{what}, which should be at {}", self.end.at)));
        if self.exact && session.moment().event != self.end.event {
            return lost("another number of events comes before its end");
        }
        if session.world.now() > self.end.at || session.world.next_time().is_some_and(|next| next < self.end.at) {
            return lost("the clock does not show its end");
        }
        session.world.env.kernel.advance_to(self.end.at);
        Ok(())
    }
}

impl Session {
    /// Rebuilds a session from its recording.
    ///
    /// # Errors
    /// When the recording does not lead where it says: it is damaged.
    pub fn replay(recording: &Recording) -> Result<Replayed, ReplayError> {
        let exact = recording.model == MODEL;
        let script = Script { inputs: recording.inputs.clone(), end: recording.end, exact };
        let mut session = Self::new(&recording.start);
        while script.next_at(&mut session).is_some_and(|at| at <= recording.end.at) && script.step(&mut session)? {}
        if session.inputs.len() < script.inputs.len() {
            let number = session.inputs.len() + 1;
            let at = script.inputs[session.inputs.len()].at.at;
            let problem = "never has its turn: another number of events comes before it".into();
            return Err(ReplayError::Input { number, at, problem });
        }
        script.rest(&mut session)?;
        session.forget_output();
        session.marks = recording.marks.clone();
        let warning = (!exact).then(|| {
            format!(
                "this recording was made with model {}, and this is model {MODEL}: its inputs were given at their times, \
                 and what followed may differ",
                recording.model
            )
        });
        match recording.fingerprint {
            Some(recorded) if exact && recorded != session.fingerprint() => {
                Err(ReplayError::End(format!("it leads to fingerprint {} and says {recorded}", session.fingerprint())))
            }
            _ => Ok(Replayed { session, warning }),
        }
    }

    /// Gives it an input of another run of itself.
    fn give(&mut self, entry: &Entry, exact: bool) -> Result<(), String> {
        let now = self.moment();
        if exact && now.event != entry.at.event {
            return Err(format!("should come after {} events, and {} have happened", entry.at.event, now.event));
        }
        if now.at > entry.at.at || self.world.next_time().is_some_and(|next| next < entry.at.at) {
            return Err(format!("does not stand at its moment: it is {}", now.at));
        }
        self.world.env.kernel.advance_to(entry.at.at);
        match &entry.input {
            Input::Open { host, width } => {
                self.open(*host, *width);
            }
            Input::Typed { terminal, text } => {
                self.type_lines(*terminal, text).map_err(|error| format!("is no line of the shell: {error}"))?;
            }
            Input::Interrupt { terminal } => self.interrupt(*terminal),
            Input::Put { path, content } => self.put_file(path, content),
            Input::HandIn { terminal, content } => self.hand_in(*terminal, content.clone()),
        }
        Ok(())
    }
}
