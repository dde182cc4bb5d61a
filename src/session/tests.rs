//! Sessions, played from the prompt.

mod faults;
mod limits;
mod logs;
mod recording;
mod recovery;
mod shell;
mod swarm;
mod timeline;
mod verbs;
mod why;

use super::*;
use crate::engine::Duration;

/// A small swarm and a terminal on its first manager.
#[derive(Clone)]
pub(super) struct Lab {
    pub session: Session,
    pub terminal: TerminalId,
}

impl Lab {
    pub fn new() -> Self {
        Self::of(&DataCentre::swarm(7, 1, 2))
    }

    pub fn of(centre: &DataCentre) -> Self {
        let mut session = Session::new(centre);
        let terminal = session.open(HostId(0), None);
        Self { session, terminal }
    }

    /// Runs lines to their end; gives what they printed to stdout and to stderr, and their status.
    pub fn run(&mut self, text: &str) -> (String, String, i32) {
        self.session.type_lines(self.terminal, text).expect("the lines parse");
        self.finish(self.terminal)
    }

    pub fn finish(&mut self, terminal: TerminalId) -> (String, String, i32) {
        let until = self.session.world().now() + Duration::from_hours(1);
        let stop = self.session.run_terminal(terminal, until);
        assert!(matches!(stop, Stop::Idle | Stop::Wants), "{stop:?}");
        let (mut out, mut err) = (String::new(), String::new());
        for chunk in self.session.take_output(terminal) {
            if chunk.stderr { err += &chunk.text } else { out += &chunk.text }
        }
        (out, err, self.session.terminal(terminal).status)
    }

    /// What lines print to stdout; nothing may go wrong.
    pub fn out(&mut self, text: &str) -> String {
        let (out, err, status) = self.run(text);
        assert_eq!((err.as_str(), status), ("", 0), "{text}\n{out}");
        out
    }

    /// Lets time pass.
    pub fn pass(&mut self, seconds: i64) {
        let until = self.session.world().now() + Duration::from_secs(seconds);
        assert_eq!(self.session.run(until, |_| true), Stop::Reached);
    }
}
