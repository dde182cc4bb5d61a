//! One terminal: where its prompt is, what it runs, what it has printed. Its shell is run by the interpreter.

use crate::docker::Client;
use crate::engine::{EventId, Time};
use crate::net::HostId;
use crate::predicate::Watcher;
use crate::session::shell::{List, Pipeline, SimpleCommand, Span};
use crate::swarm::world::Told;
use crate::swarm::world::event::ClientId;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// A terminal, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TerminalId(pub usize);

/// Something printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// On stderr.
    pub stderr: bool,
    /// What.
    pub text: String,
}

/// A terminal.
#[derive(Clone, Debug)]
pub struct Terminal {
    /// Its number.
    pub id: TerminalId,
    /// Where its commands run.
    pub host: HostId,
    /// Columns; `None`: its output goes into a pipe.
    pub width: Option<u16>,
    /// Variables.
    pub variables: BTreeMap<String, String>,
    /// The names of those that programs are told, too.
    pub exported: BTreeSet<String>,
    /// Exit status of the last command.
    pub status: i32,
    /// Someone typed `exit`.
    pub exited: bool,
    pub(super) output: Vec<Chunk>,
    pub(super) stack: Vec<Frame>,
    pub(super) told: VecDeque<Told>,
}

/// What the shell is in the middle of.
#[derive(Clone, Debug)]
pub(super) enum Frame {
    /// A list, in the text that was typed: which chain, and which pipeline of it comes next.
    /// Typed lines also carry where each ends in the text, and which event it is.
    List { list: Arc<List>, source: Arc<str>, item: usize, next: usize, lines: Arc<[(usize, EventId)]> },
    /// A pipeline: which command comes next, with what on its stdin.
    Pipeline { pipeline: Arc<Pipeline>, next: usize, input: String, buffer: String },
    /// A command whose substitutions are being run.
    Command { command: Arc<SimpleCommand>, waiting: VecDeque<Arc<List>>, outputs: Vec<String> },
    /// A substitution: what is printed goes into a string, and what is set inside is forgotten behind it.
    Capture { text: String, host: HostId, variables: BTreeMap<String, String> },
    /// What is printed goes into files.
    Redirect(Redirect),
    /// Something that takes time.
    Process(Process),
}

/// One of the two streams that a command writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Out,
    Err,
}

/// Where a stream of one command goes: to one of the streams around it, or into a file.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sink {
    Around(Stream),
    File(usize),
}

/// Where the output of one command goes.
#[derive(Clone, Debug)]
pub(super) struct Redirect {
    pub out: Sink,
    pub err: Sink,
    /// The files that were opened, each with its path and what is to be added to it.
    pub files: Vec<(String, String)>,
}

impl Default for Redirect {
    fn default() -> Self {
        Self { out: Sink::Around(Stream::Out), err: Sink::Around(Stream::Err), files: Vec::new() }
    }
}

impl Redirect {
    /// The next file of the command's redirects.
    pub(super) fn open(&mut self, path: String) -> Sink {
        self.files.push((path, String::new()));
        Sink::File(self.files.len() - 1)
    }
}

/// Something that takes time.
#[derive(Clone, Debug)]
pub(super) enum Process {
    /// The client's program is being started.
    Starting {
        client: ClientId,
        args: Vec<String>,
        stdin: Arc<str>,
        piped: bool,
        environment: Arc<BTreeMap<String, String>>,
    },
    /// A docker client.
    Docker { client: ClientId, machine: Box<Client>, stdin: Arc<str> },
    /// `wait 30s`, `sleep 5`.
    Sleep { client: ClientId },
    /// `wait until CONDITION`.
    Until { watcher: Box<Watcher>, deadline: Option<Time>, client: ClientId },
    /// `put LOCALFILE as PATH`: the owner of real files is asked.
    Put { local: String, path: String },
}

/// The most bytes that wait in a pipe, a substitution, a redirect, or for whoever reads what a terminal prints.
const MOST_CAUGHT: usize = 32 << 20;

impl Terminal {
    pub(super) fn new(id: TerminalId, host: HostId, width: Option<u16>) -> Self {
        Self {
            id,
            host,
            width,
            variables: BTreeMap::new(),
            exported: BTreeSet::new(),
            status: 0,
            exited: false,
            output: Vec::new(),
            stack: Vec::new(),
            told: VecDeque::new(),
        }
    }

    /// At its prompt.
    pub fn is_idle(&self) -> bool {
        self.stack.is_empty()
    }

    /// The number of the docker client that runs now, if one does: two looks that see the same number see the same
    /// command still running.
    pub fn docker_client(&self) -> Option<u32> {
        match self.stack.last() {
            Some(Frame::Process(Process::Docker { client, .. })) => Some(client.0),
            _ => None,
        }
    }

    /// Begins what was typed; `lines` are the ends of its lines in the text, and the events that they are in the trace.
    pub(super) fn start(&mut self, list: Arc<List>, source: Arc<str>, lines: Arc<[(usize, EventId)]>) {
        // Lines that are typed while others run wait behind them.
        self.stack.insert(0, Frame::List { list, source, item: 0, next: 0, lines });
    }

    /// The text that the commands running now stand in.
    pub(super) fn source(&self) -> Arc<str> {
        let of_list = |frame: &Frame| match frame {
            Frame::List { source, .. } => Some(source.clone()),
            _ => None,
        };
        self.stack.iter().rev().find_map(of_list).unwrap_or_else(|| "".into())
    }

    /// The words of a command of that text as they were typed, on one line.
    pub(super) fn typed(&self, span: Span) -> Arc<str> {
        let source = self.source();
        let words = source.get(span.start..span.end).unwrap_or_default();
        let lines: Vec<&str> = words.split("\\\n").flat_map(str::lines).map(str::trim).collect();
        lines.join(" ").into()
    }

    /// Prints to stdout.
    pub(super) fn print(&mut self, text: &str) {
        self.write(Stream::Out, text);
    }

    /// Prints to stderr.
    pub(super) fn complain(&mut self, text: &str) {
        self.write(Stream::Err, text);
    }

    /// A command fails with these words.
    pub(super) fn fail(&mut self, text: &str) {
        self.complain(text);
        self.status = 1;
    }

    /// Writes to a stream, as far up as something catches it: the redirects of the command, the pipe that it stands
    /// in, the substitution around it.
    fn write(&mut self, mut stream: Stream, text: &str) {
        if text.is_empty() {
            return;
        }
        let mut caught = None;
        for frame in self.stack.iter_mut().rev() {
            match frame {
                Frame::Redirect(redirect) => match if stream == Stream::Out { redirect.out } else { redirect.err } {
                    Sink::Around(around) => stream = around,
                    Sink::File(file) => caught = Some(&mut redirect.files[file].1),
                },
                Frame::Capture { text: buffer, .. } if stream == Stream::Out => caught = Some(buffer),
                Frame::Pipeline { pipeline, next, buffer, .. }
                    if stream == Stream::Out && *next < pipeline.commands.len() =>
                {
                    caught = Some(buffer);
                }
                _ => {}
            }
            if caught.is_some() {
                break;
            }
        }
        // Small pieces are as many as the events that print them; whole files can be printed over and over in no time.
        let small = text.len() < MOST_CAUGHT / 1_000;
        let held = match &caught {
            Some(buffer) => buffer.len(),
            None if small => 0,
            None => self.output.iter().map(|chunk| chunk.text.len()).sum(),
        };
        if held + text.len() > MOST_CAUGHT {
            let lost = format!("swarmlab: {} bytes are lost: at most {MOST_CAUGHT} are kept at once\n", text.len());
            // Once is enough.
            if self.output.last().is_none_or(|last| last.text != lost) {
                self.output.push(Chunk { stderr: true, text: lost });
            }
            return;
        }
        match caught {
            Some(buffer) => buffer.push_str(text),
            None => self.output.push(Chunk { stderr: stream == Stream::Err, text: text.to_owned() }),
        }
    }

    /// Whether stdout is a terminal for the command that runs now.
    pub(super) fn stdout_width(&self) -> Option<u16> {
        let caught = self.stack.iter().any(|frame| match frame {
            Frame::Capture { .. } | Frame::Redirect(Redirect { out: Sink::File(_), .. }) => true,
            Frame::Pipeline { pipeline, next, .. } => *next < pipeline.commands.len(),
            _ => false,
        });
        if caught { None } else { self.width }
    }
}
