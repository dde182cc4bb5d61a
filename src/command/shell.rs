//! `swarmlab shell`: docker commands and faults on a simulated swarm, from a prompt, a script or a pipe.

use crate::args::ShellArgs;
use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;
use swarmlab::docker::TERMINAL;
use swarmlab::engine::{Duration, Time, limits};
use swarmlab::scenario::MAX_MANAGERS;
use swarmlab::scenario::run::built_in_images;
use swarmlab::session::shell::{Dialect, parse};
use swarmlab::session::{Chunk, Entered, Session, Stop, TerminalId, Timeline, TravelError};
use swarmlab::swarm::world::DataCentre;

/// Runs the commands, or a prompt; the exit status is that of the last command.
pub fn shell(args: &ShellArgs) -> u8 {
    let (hosts, first) = match args.hosts {
        Some(hosts) => (hosts, "h1"),
        None => (args.managers.saturating_add(args.workers), if args.managers > 0 { "m1" } else { "w1" }),
    };
    if hosts == 0 || hosts > limits::HOSTS {
        complain_line!("a lab has 1 to {} hosts, not {hosts}", limits::HOSTS);
        return 2;
    }
    if args.hosts.is_none() && !(1..=MAX_MANAGERS).contains(&args.managers) {
        let bare = if args.managers == 0 { " (--hosts N makes machines without a swarm)" } else { "" };
        complain_line!("a swarm has 1 to {MAX_MANAGERS} managers, not {}{bare}", args.managers);
        return 2;
    }
    let mut centre = match args.hosts {
        Some(hosts) => DataCentre::machines(args.seed, hosts),
        None => DataCentre::swarm(args.seed, args.managers, args.workers),
    };
    centre.catalogue = built_in_images();
    let script = match (&args.commands, &args.script) {
        (Some(commands), _) => Some(commands.clone()),
        (None, Some(path)) => match std::fs::read_to_string(path) {
            Ok(text) => Some(text),
            Err(error) => {
                complain_line!("{}: cannot be read: {error}", path.display());
                return 2;
            }
        },
        (None, None) => None,
    };
    let mut timeline = Timeline::new(Session::new(&centre));
    let host = timeline.session().world().host_named(first).expect("the first host was just made");
    let interactive = script.is_none() && std::io::stdin().is_terminal();
    let terminal = timeline.open(host, None);
    let from_stdin = script.is_none();
    let mut front = Front { timeline, terminal, interactive, echo: args.echo, from_stdin, read: 0, status: None };
    let status = match script {
        Some(text) => front.lines(&text),
        None => front.prompt(),
    };
    match &args.record {
        Some(path) if !front.save(path) => 2,
        _ => status,
    }
}

/// An attached command that can never be satisfied would run for ever, as it does in life: someone presses Ctrl-C then.
const COMMAND_LIMIT: Duration = Duration::from_minutes(30);

/// The person or the script in front of a lab.
struct Front {
    timeline: Timeline,
    terminal: TerminalId,
    interactive: bool,
    echo: bool,
    /// Commands are read from stdin: so are the lines that they ask for.
    from_stdin: bool,
    /// Lines that have been read from stdin.
    read: usize,
    /// Of the last line, where that did not run in the present.
    status: Option<i32>,
}

impl Front {
    /// Runs a text of commands. Each line is read and run in turn, so that what came before an error has happened.
    fn lines(&mut self, text: &str) -> u8 {
        if let Err(error) = parse(text, Dialect::Lab) {
            complain!("swarmlab: {}", error.render(text));
            return 2;
        }
        let mut pending = String::new();
        for line in text.lines() {
            pending.push_str(line);
            pending.push('\n');
            match parse(&pending, Dialect::Lab) {
                Err(error) if error.incomplete => continue,
                _ => {}
            }
            if !self.enter(&std::mem::take(&mut pending)) {
                break;
            }
        }
        self.status()
    }

    /// Reads lines from a prompt or a pipe until its end.
    fn prompt(&mut self) -> u8 {
        let mut pending = String::new();
        loop {
            if self.interactive {
                let ready = if pending.is_empty() { self.ready() } else { "> ".to_owned() };
                say!("{ready}");
                let _ = std::io::stdout().flush();
            }
            let ended = match self.read_line() {
                Ok(None) => true,
                Ok(Some(line)) => {
                    pending.push_str(&line);
                    false
                }
                Err(problem) => {
                    complain_line!("swarmlab: {problem}");
                    pending.clear();
                    if !self.interactive {
                        return 2;
                    }
                    continue;
                }
            };
            if ended && pending.is_empty() {
                break;
            }
            match parse(&pending, Dialect::Lab) {
                Err(error) if error.incomplete && !ended => continue,
                Err(error) => {
                    let first = self.read + 1 - pending.split_inclusive('\n').count().min(self.read);
                    complain!("swarmlab: {}", error.render_from(&pending, first));
                    pending.clear();
                    if !self.interactive || ended {
                        return 2;
                    }
                    continue;
                }
                Ok(_) => {}
            }
            if !self.enter(&std::mem::take(&mut pending)) {
                break;
            }
        }
        self.status()
    }

    /// The next line of stdin; nothing at its end.
    fn read_line(&mut self) -> Result<Option<String>, String> {
        let mut line = Vec::new();
        let number = self.read + 1;
        match std::io::stdin().lock().read_until(b'\n', &mut line) {
            Ok(0) => return Ok(None),
            Ok(_) => self.read = number,
            Err(error) => return Err(format!("line {number} cannot be read: {error}")),
        }
        let text = String::from_utf8(line);
        let at = |error: &std::string::FromUtf8Error| error.utf8_error().valid_up_to() + 1;
        text.map(Some).map_err(|error| format!("line {number} is no text in UTF-8: its byte {} is none", at(&error)))
    }

    /// The prompt: the host, and the moment where that is past.
    fn ready(&self) -> String {
        let session = self.timeline.present();
        let host = session.world().env.name(session.terminal(self.terminal).host);
        match self.timeline.is_past() {
            true => format!("{host} ({})$ ", self.timeline.now()),
            false => format!("{host}$ "),
        }
    }

    fn status(&self) -> u8 {
        let own = || self.timeline.present().terminal(self.terminal).status;
        self.status.unwrap_or_else(own).rem_euclid(256) as u8
    }

    /// One command line: runs until the prompt is back. False when the session is over.
    fn enter(&mut self, text: &str) -> bool {
        if self.echo && !text.trim().is_empty() {
            say!("$ {text}");
        }
        self.status = None;
        match self.timeline.enter(self.terminal, text.trim_end_matches('\n')) {
            Ok(Entered::Begun) => return self.wait(),
            Ok(Entered::Told(text)) => {
                // What a command that was given up by it had to say.
                show(self.timeline.take_output(self.terminal));
                say!("{text}");
                self.status = Some(0);
            }
            Ok(Entered::Aside { session, terminal }) => self.aside(*session, terminal),
            Ok(Entered::Asks) => {
                if self.agrees() {
                    say_line!("the other future is kept as {}", self.timeline.fork_at(self.terminal).kept);
                    show(self.timeline.take_output(self.terminal));
                    return self.enter(text);
                }
                let past = TravelError::Past(self.timeline.now());
                complain_line!("swarmlab: {past}");
                self.status = Some(1);
            }
            Err(TravelError::Shell(error)) => {
                complain!("swarmlab: {}", error.render(text));
                self.status = Some(2);
            }
            Err(error) => {
                complain_line!("swarmlab: {error}");
                self.status = Some(1);
            }
        }
        true
    }

    /// Asks whether to go on from the past; a script must say `fork` itself.
    fn agrees(&self) -> bool {
        if !self.interactive {
            return false;
        }
        say!("this is the past ({}): go on from here, and keep its future as a branch? [y/N] ", self.timeline.now());
        let _ = std::io::stdout().flush();
        let mut answer = String::new();
        let read = std::io::stdin().lock().read_line(&mut answer);
        read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
    }

    /// Lets time pass until the prompt is back. False when the session is over.
    fn wait(&mut self) -> bool {
        let limit = Time::ZERO + limits::MAX_DURATION;
        let mut running = (None, self.timeline.now());
        loop {
            let client = self.timeline.present().terminal(self.terminal).docker_client();
            if client != running.0 {
                running = (client, self.timeline.now());
            } else if client.is_some() && self.timeline.now() - running.1 >= COMMAND_LIMIT {
                complain_line!(
                    "swarmlab: Ctrl-C after {COMMAND_LIMIT} of virtual time: the command does not end by itself"
                );
                self.timeline.interrupt(self.terminal);
                running = (None, self.timeline.now());
            }
            let until = (self.timeline.now() + Duration::from_secs(1)).min(limit);
            let stop = self.timeline.run_terminal(self.terminal, until);
            show(self.timeline.take_output(self.terminal));
            self.serve();
            match stop {
                Stop::Idle => return !self.timeline.present().terminal(self.terminal).exited,
                Stop::Broken(text) => {
                    complain_line!("{text}");
                    self.status = Some(1);
                    return false;
                }
                Stop::Reached if self.timeline.now() >= limit => {
                    complain_line!("swarmlab: this lab has reached its last day ({})", limits::MAX_DURATION);
                    self.status = Some(1);
                    return false;
                }
                Stop::Reached | Stop::Wants => {}
            }
        }
    }

    /// Reads and writes the real files that the session asks for.
    fn serve(&mut self) {
        for file in self.timeline.take_saves() {
            if !self.save(Path::new(&file)) {
                self.status = Some(1);
            }
        }
        for want in self.timeline.present().wants() {
            let content = match want.local.as_str() {
                TERMINAL => self.line(),
                file => read(Path::new(file)),
            };
            self.timeline.hand_in(want.terminal, content.map(Into::into));
        }
    }

    /// Writes the recording of this session, or says why not.
    fn save(&self, path: &Path) -> bool {
        let written = std::fs::write(path, self.timeline.recording().to_text());
        if let Err(error) = &written {
            complain_line!("swarmlab: {}: cannot be written: {error}", path.display());
        }
        written.is_ok()
    }

    /// A line for a command that asks its terminal: the next one typed, or the next of the pipe.
    fn line(&mut self) -> Result<Vec<u8>, String> {
        if !self.from_stdin {
            return Err("nobody types here".into());
        }
        self.read_line().map(|line| line.unwrap_or_default().into_bytes())
    }

    /// Runs a line that only reads in a copy of the past.
    fn aside(&mut self, mut session: Session, terminal: TerminalId) {
        let until = session.world().now() + limits::MAX_DURATION;
        let stop = session.run_terminal(terminal, until);
        show(session.take_output(terminal));
        if let Stop::Broken(text) = stop {
            complain_line!("{text}");
        }
        self.status = Some(session.terminal(terminal).status);
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let largest = limits::SCENARIO_FILE_BYTES;
    match std::fs::metadata(path) {
        Ok(meta) if meta.len() > largest => Err(format!("has {} bytes; at most {largest} are read", meta.len())),
        _ => std::fs::read(path).map_err(|error| format!("cannot be read: {error}")),
    }
}

fn show(chunks: Vec<Chunk>) {
    for chunk in chunks {
        // A reader that goes away early is no failure of the lab.
        let _ = if chunk.stderr {
            write!(std::io::stderr(), "{}", chunk.text)
        } else {
            write!(std::io::stdout(), "{}", chunk.text)
        };
    }
    let _ = std::io::stdout().flush();
}
