//! A data centre and people who type in it: one terminal a host, and one at the controls of the lab.

use std::collections::BTreeMap;
use swarmlab::engine::Duration;
use swarmlab::scenario::run::built_in_images;
use swarmlab::session::{Session, Stop, TerminalId};
use swarmlab::swarm::world::DataCentre;

/// What became of a line.
#[derive(Clone, Debug)]
pub struct Ran {
    /// How long it took.
    pub took: Duration,
    /// Its exit status.
    pub status: i32,
    /// What it printed.
    pub out: String,
    /// What it complained.
    pub err: String,
}

/// A session with a terminal on every host.
#[derive(Clone)]
pub struct Lab {
    /// The session.
    pub session: Session,
    terminals: BTreeMap<String, TerminalId>,
    controls: TerminalId,
}

impl Lab {
    /// A lab in this data centre, with the images that come with the program.
    pub fn of(mut centre: DataCentre) -> Self {
        centre.catalogue = built_in_images();
        let mut session = Session::new(&centre);
        let hosts: Vec<_> = session.world().hosts().iter().map(|host| (host.name.to_string(), host.id)).collect();
        let controls = session.open(hosts[0].1, None);
        let terminals = hosts.into_iter().map(|(name, id)| (name, session.open(id, None))).collect();
        Self { session, terminals, controls }
    }

    /// Managers m1, m2, .. and workers w1, w2, .. of one swarm.
    pub fn swarm(seed: u64, managers: usize, workers: usize) -> Self {
        Self::of(DataCentre::swarm(seed, managers, workers))
    }

    fn terminal(&self, host: &str) -> TerminalId {
        *self.terminals.get(host).unwrap_or_else(|| panic!("there is no host {host}"))
    }

    /// Types a line at a host's terminal and lets nothing happen yet.
    pub fn begin(&mut self, host: &str, line: &str) {
        let terminal = self.terminal(host);
        self.session.type_lines(terminal, line).unwrap_or_else(|error| panic!("{}", error.render(line)));
    }

    /// Lets time pass.
    pub fn pass(&mut self, span: Duration) {
        let until = self.session.world().now() + span;
        assert_eq!(self.session.run(until, |_| true), Stop::Reached);
    }

    /// Lets a host's terminal come to its prompt, but not longer than this; what was printed since its line began, or
    /// nothing if the line goes on.
    pub fn end(&mut self, host: &str, limit: Duration) -> Option<Ran> {
        let terminal = self.terminal(host);
        self.finish(terminal, limit)
    }

    fn finish(&mut self, terminal: TerminalId, limit: Duration) -> Option<Ran> {
        let begun = self.session.world().now();
        loop {
            match self.session.run_terminal(terminal, begun + limit) {
                Stop::Idle => break,
                Stop::Reached => return None,
                // What is asked for at the terminal nobody types: the input is at its end.
                Stop::Wants => self.session.refuse_wants("nobody types here"),
                stop => panic!("{stop:?}"),
            }
        }
        let took = self.session.world().now() - begun;
        let mut ran =
            Ran { took, status: self.session.terminal(terminal).status, out: String::new(), err: String::new() };
        for chunk in self.session.take_output(terminal) {
            let text = if chunk.stderr { &mut ran.err } else { &mut ran.out };
            *text += &chunk.text;
        }
        Some(ran)
    }

    /// Answers what is asked at a host's terminal.
    pub fn answer(&mut self, host: &str, line: &str) {
        let terminal = self.terminal(host);
        let until = self.session.world().now() + Duration::from_secs(60);
        assert_eq!(self.session.run_terminal(terminal, until), Stop::Wants, "nothing is asked");
        self.session.hand_in(terminal, Ok(format!("{line}\n").into_bytes().into()));
    }

    /// Ctrl-C at a host's terminal.
    pub fn interrupt(&mut self, host: &str) {
        let terminal = self.terminal(host);
        self.session.interrupt(terminal);
        self.session.take_output(terminal);
    }

    /// Runs a line on a host to its end.
    pub fn run(&mut self, host: &str, line: &str) -> Ran {
        self.begin(host, line);
        self.end(host, Duration::from_minutes(30)).unwrap_or_else(|| panic!("on {host}: {line}: no end"))
    }

    /// Runs a line at the controls to its end.
    pub fn direct(&mut self, line: &str) -> Ran {
        self.session.type_lines(self.controls, line).unwrap_or_else(|error| panic!("{}", error.render(line)));
        self.finish(self.controls, Duration::from_hours(24)).unwrap_or_else(|| panic!("{line}: no end"))
    }
}

/// A table's cells by the places of its header's words (they are two spaces or more apart).
pub fn cells<Line: AsRef<str>>(lines: &[Line]) -> Vec<Vec<String>> {
    let header = lines[0].as_ref();
    let mut starts = vec![0];
    let bytes = header.as_bytes();
    for place in 2..bytes.len() {
        if bytes[place] != b' ' && bytes[place - 1] == b' ' && bytes[place - 2] == b' ' {
            starts.push(place);
        }
    }
    lines
        .iter()
        .map(|line| {
            let chars: Vec<char> = line.as_ref().chars().collect();
            starts
                .iter()
                .enumerate()
                .map(|(column, &from)| {
                    let until = starts.get(column + 1).copied().unwrap_or(usize::MAX).min(chars.len());
                    chars.get(from.min(until)..until).unwrap_or_default().iter().collect::<String>().trim().to_owned()
                })
                .collect()
        })
        .collect()
}
