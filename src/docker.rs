//! The docker client, version 29.7.2: words in, Engine API requests out to the daemon of its host, Docker's exact
//! tables, texts and exit codes back.
//!
//! A [`Client`] is one `docker ...` process as a resumable machine: it is started with its words, says what it wants
//! ([`Effect`]), and is stepped with what happened ([`Input`]) until it exits. It is plain data and may be cloned at
//! any moment. It never reads a store, a file or a clock: what the API does not tell, it does not know.
//!
//! How it works inside: a command's body (`command`) is straight-line code over the answers received so far; on each
//! new answer it runs again from the start and stops where an answer is still missing (`script`). The progress of an
//! attached create, update, scale or rollback polls for minutes, so it is an explicit machine of its own
//! (`progress`). Words are read, checked, explained and completed from one table (`table`).
//!
//! Source: cli.md; what it says of version 29.7.2 was recorded.

mod command;
mod complete;
mod compose;
mod digest;
mod flags;
mod format;
mod help;
mod invocation;
mod json;
mod lookup;
mod mount;
mod port;
mod progress;
mod rows;
mod script;
mod table;
mod tabwriter;
mod template;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod value;

pub use complete::{Completion, complete};
pub use script::TERMINAL;

use crate::swarm::api::{Answer, Request};
use invocation::{Invocation, Resolved};
use progress::{Event, Machine, Then};
use script::{Context, Fact, Finish, OnInterrupt, Output, Recorded, Stop, Wait, Wanted};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// The version of client that is imitated.
pub const VERSION: &str = "29.7.2";

/// So many times Ctrl-C ends a client whatever the program that it is attached to makes of it.
const FORCED: u32 = 3;

/// What a client process is told when it starts.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// The host that it runs on.
    pub host: String,
    /// Columns of the terminal; `None`: stdout is not a terminal.
    pub terminal_width: Option<u16>,
    /// Stdin is a terminal.
    pub terminal_input: bool,
    /// The folder that it runs in, for relative paths.
    pub directory: String,
    /// Its environment variables.
    pub variables: Arc<BTreeMap<String, String>>,
    /// How much the host's clock is ahead of virtual time, in nanoseconds: ages are told by it.
    pub clock_offset: i64,
}

/// What happened to a client.
#[derive(Clone, Debug)]
pub enum Input {
    /// The daemon answered, or did not.
    Answer {
        /// The number of the request.
        request: u64,
        /// What came back.
        answer: Answer,
    },
    /// The time that was asked for has passed.
    Timer,
    /// Ctrl-C.
    Interrupt,
    /// A file that was asked for.
    File {
        /// The path as it was asked for.
        path: String,
        /// Its content, or the error's words (`no such file or directory`).
        content: Result<Arc<[u8]>, String>,
    },
}

/// What a client wants.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Ask the daemon of its host.
    Request {
        /// Quoted by the answer.
        request: u64,
        /// What to ask.
        body: Request,
    },
    /// Wake it after so long.
    Timer {
        /// Nanoseconds.
        after: i64,
    },
    /// Read a file of its host.
    ReadFile {
        /// As typed.
        path: String,
    },
    /// Write to stdout.
    Stdout(String),
    /// Write to stderr.
    Stderr(String),
    /// The process ends with this status. Nothing follows.
    Exit(i32),
}

/// What the client refuses about these words before it asks any daemon (an unknown command or flag, a bad value, a wrong
/// number of arguments, something that is not modelled): the first line of its complaint.
pub fn refusal(args: &[String]) -> Option<String> {
    match invocation::resolve(args) {
        Resolved::Print { stderr, status, .. } if status != 0 => stderr.lines().next().map(str::to_owned),
        _ => None,
    }
}

/// One `docker ...` process.
#[derive(Clone, Debug)]
pub struct Client {
    environment: Environment,
    invocation: Option<Arc<Invocation>>,
    started: i64,
    history: Vec<Recorded>,
    printed: usize,
    requests: u64,
    /// The request whose answer is waited for.
    awaited: u64,
    /// What Ctrl-C asks the daemon for.
    interrupt: Option<OnInterrupt>,
    /// How often Ctrl-C was pressed.
    interrupts: u32,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Script { wanted: Option<Wanted> },
    Progress(Box<Waiting>),
    Ended,
}

/// The wait behind the body of an attached command.
#[derive(Clone, Debug)]
struct Waiting {
    machine: Machine,
    wait: Wait,
    rest: VecDeque<Wait>,
    errors: Vec<String>,
}

impl Client {
    /// Starts a process. `args` are the words without `docker`; `now` is virtual time in nanoseconds.
    pub fn start(args: &[String], environment: Environment, now: i64) -> (Client, Vec<Effect>) {
        let mut client = Client {
            environment,
            invocation: None,
            started: now,
            history: Vec::new(),
            printed: 0,
            requests: 0,
            awaited: 0,
            interrupt: None,
            interrupts: 0,
            state: State::Ended,
        };
        let effects = match invocation::resolve(args) {
            Resolved::Run(invocation) => {
                client.invocation = Some(Arc::new(invocation));
                client.run()
            }
            Resolved::Print { stdout, stderr, status } => {
                let mut effects = Vec::new();
                write(&mut effects, Output::Out(stdout));
                write(&mut effects, Output::Err(stderr));
                effects.push(Effect::Exit(status));
                effects
            }
        };
        (client, effects)
    }

    /// Goes on after an input. One that was not asked for changes nothing; so does any after the exit.
    pub fn step(&mut self, input: Input, now: i64) -> Vec<Effect> {
        match (&mut self.state, input) {
            (State::Ended, _) => Vec::new(),
            (State::Script { wanted: Some(Wanted::Request(_)) }, Input::Interrupt) if self.interrupt.is_some() => {
                self.interrupts += 1;
                if self.interrupts == FORCED {
                    self.state = State::Ended;
                    let text = format!("\ngot {FORCED} SIGTERM/SIGINTs, forcefully exiting\n");
                    return vec![Effect::Stderr(text), Effect::Exit(1)];
                }
                // The answer to this one is of no interest: the one that is waited for tells.
                self.requests += 1;
                let request = self.requests;
                match self.interrupt.clone() {
                    Some(OnInterrupt::Stay(body)) => vec![Effect::Request { request, body }],
                    Some(OnInterrupt::Leave(body)) => {
                        self.state = State::Ended;
                        vec![Effect::Request { request, body }, Effect::Exit(130)]
                    }
                    None => Vec::new(),
                }
            }
            (State::Script { .. }, Input::Interrupt) => {
                self.state = State::Ended;
                vec![Effect::Exit(130)]
            }
            (State::Progress(waiting), Input::Interrupt) => {
                let mut effects = Vec::new();
                write(&mut effects, Output::Out(waiting.machine.interrupt()));
                effects.push(Effect::Exit(0));
                self.state = State::Ended;
                effects
            }
            (State::Script { wanted: Some(Wanted::Request(_)) }, Input::Answer { request, answer })
                if request == self.awaited =>
            {
                self.history.push(Recorded { at: now, fact: Fact::Answer(answer) });
                self.run()
            }
            (State::Script { wanted: Some(Wanted::File(wanted)) }, Input::File { path, content })
                if *wanted == path =>
            {
                self.history.push(Recorded { at: now, fact: Fact::File(content) });
                self.run()
            }
            (State::Progress(waiting), Input::Answer { request, answer })
                if request == self.awaited && waiting.machine.asks() =>
            {
                self.progress(Event::Answer(answer), now)
            }
            (State::Progress(waiting), Input::Timer) if !waiting.machine.asks() => self.progress(Event::Timer, now),
            _ => Vec::new(),
        }
    }

    /// Whether it waits for a line typed at its terminal ([`TERMINAL`]).
    pub fn asks_terminal(&self) -> bool {
        matches!(&self.state, State::Script { wanted: Some(Wanted::File(path)) } if path == TERMINAL)
    }

    /// Whether the process has ended.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    fn run(&mut self) -> Vec<Effect> {
        let Some(invocation) = self.invocation.clone() else { return Vec::new() };
        let mut context = Context::new(&self.environment, &invocation, &self.history, self.started);
        let result = (invocation.command.body)(&mut context);
        let now = context.now();
        let (output, wanted, interrupt) = context.close();
        self.interrupt = interrupt;
        let mut effects = Vec::new();
        let known = self.printed.min(output.len());
        self.printed = output.len();
        output.into_iter().skip(known).for_each(|text| write(&mut effects, text));
        match (result, wanted) {
            (Err(Stop::Pending), Some(wanted)) => {
                effects.push(match &wanted {
                    Wanted::Request(body) => self.request(body.clone()),
                    Wanted::File(path) => Effect::ReadFile { path: path.clone() },
                });
                self.state = State::Script { wanted: Some(wanted) };
            }
            (Err(Stop::Pending), None) => self.exit(&mut effects, &["swarmlab: nothing to wait for".into()], 1),
            (Err(Stop::Failed(error)), _) => self.exit(&mut effects, &[error], 1),
            (Err(Stop::Status(status)), _) => self.exit(&mut effects, &[], status),
            (Ok(Finish { errors, waits }), _) => self.wait(&mut effects, waits, errors, now),
        }
        effects
    }

    /// Waits for the next service, or ends.
    fn wait(&mut self, effects: &mut Vec<Effect>, mut waits: VecDeque<Wait>, errors: Vec<String>, now: i64) {
        let Some(wait) = waits.pop_front() else {
            let status = i32::from(!errors.is_empty());
            return self.exit(effects, &errors, status);
        };
        let machine = Machine::new(&wait, self.environment.terminal_width);
        self.state = State::Progress(Box::new(Waiting { machine, wait, rest: waits, errors }));
        effects.extend(self.progress(Event::Begin, now));
    }

    fn progress(&mut self, event: Event, now: i64) -> Vec<Effect> {
        let State::Progress(waiting) = &mut self.state else { return Vec::new() };
        let mut effects = Vec::new();
        let (output, then) = waiting.machine.step(event, now);
        write(&mut effects, Output::Out(output));
        match then {
            Then::Ask(body) => {
                let request = self.request(body);
                effects.push(request);
            }
            Then::Sleep(after) => effects.push(Effect::Timer { after }),
            Then::Done(result) => {
                let mut errors = std::mem::take(&mut waiting.errors);
                let rest = std::mem::take(&mut waiting.rest);
                if let Err(error) = result {
                    errors.push(match &waiting.wait {
                        Wait::Service { service, named: true, .. } => format!("{service}: {error}"),
                        Wait::Stack { name } => {
                            format!("failed to wait on tasks of stack: {name}: failed to get tasks: {error}")
                        }
                        _ => error,
                    });
                }
                self.wait(&mut effects, rest, errors, now);
            }
        }
        effects
    }

    fn request(&mut self, body: Request) -> Effect {
        self.requests += 1;
        self.awaited = self.requests;
        Effect::Request { request: self.requests, body }
    }

    fn exit(&mut self, effects: &mut Vec<Effect>, errors: &[String], status: i32) {
        for error in errors {
            write(effects, Output::Err(format!("{error}\n")));
        }
        effects.push(Effect::Exit(status));
        self.state = State::Ended;
    }
}

/// Adds a piece of output; pieces of one stream that follow each other become one.
fn write(effects: &mut Vec<Effect>, output: Output) {
    match (effects.last_mut(), output) {
        (_, Output::Out(text) | Output::Err(text)) if text.is_empty() => {}
        (Some(Effect::Stdout(last)), Output::Out(text)) | (Some(Effect::Stderr(last)), Output::Err(text)) => {
            last.push_str(&text);
        }
        (_, Output::Out(text)) => effects.push(Effect::Stdout(text)),
        (_, Output::Err(text)) => effects.push(Effect::Stderr(text)),
    }
}
