//! One terminal: where its prompt is, what it runs, what it has printed. Its shell is run by the interpreter.

use crate::docker::Client;
use crate::engine::Time;
use crate::net::HostId;
use crate::predicate::Watcher;
use crate::session::shell::{List, Pipeline, SimpleCommand};
use crate::swarm::world::Told;
use crate::swarm::world::event::ClientId;
use std::collections::{BTreeMap, VecDeque};
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
    /// A list: which chain, and which pipeline of it comes next.
    List { list: Arc<List>, item: usize, next: usize },
    /// A pipeline: which command comes next, with what on its stdin.
    Pipeline { pipeline: Arc<Pipeline>, next: usize, input: String, buffer: String },
    /// A command whose substitutions are being run.
    Command { command: Arc<SimpleCommand>, waiting: VecDeque<Arc<List>>, outputs: Vec<String> },
    /// What is printed goes into a string.
    Capture(String),
    /// What is printed goes into files.
    Redirect(Redirect),
    /// Something that takes time.
    Process(Process),
}

/// Where the output of one command goes.
#[derive(Clone, Debug, Default)]
pub(super) struct Redirect {
    pub out: Option<Target>,
    pub err: Option<Target>,
    /// stderr follows stdout.
    pub err_to_out: bool,
}

/// A file that is being written.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub path: String,
    pub append: bool,
    pub text: String,
}

/// Something that takes time.
#[derive(Clone, Debug)]
pub(super) enum Process {
    /// The client's program is being started.
    Starting { client: ClientId, args: Vec<String> },
    /// A docker client.
    Docker { client: ClientId, machine: Box<Client> },
    /// `wait 30s`, `sleep 5`.
    Sleep { client: ClientId },
    /// `wait until CONDITION`.
    Until { watcher: Box<Watcher>, deadline: Option<Time>, client: ClientId },
}

impl Terminal {
    pub(super) fn new(id: TerminalId, host: HostId, width: Option<u16>) -> Self {
        Self {
            id,
            host,
            width,
            variables: BTreeMap::new(),
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

    pub(super) fn start(&mut self, list: Arc<List>) {
        // Lines that are typed while others run wait behind them.
        self.stack.insert(0, Frame::List { list, item: 0, next: 0 });
    }

    /// Prints to stdout, as far up as something catches it.
    pub(super) fn print(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        for frame in self.stack.iter_mut().rev() {
            match frame {
                Frame::Capture(buffer) => return buffer.push_str(text),
                Frame::Redirect(Redirect { out: Some(target), .. }) => return target.text.push_str(text),
                Frame::Pipeline { pipeline, next, buffer, .. } if *next < pipeline.commands.len() => {
                    return buffer.push_str(text);
                }
                _ => {}
            }
        }
        self.output.push(Chunk { stderr: false, text: text.to_owned() });
    }

    /// Prints to stderr.
    pub(super) fn complain(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        for frame in self.stack.iter_mut().rev() {
            match frame {
                Frame::Redirect(Redirect { err: Some(target), .. }) => return target.text.push_str(text),
                Frame::Redirect(Redirect { err_to_out: true, .. }) => return self.print_below_redirect(text),
                _ => {}
            }
        }
        self.output.push(Chunk { stderr: true, text: text.to_owned() });
    }

    /// `2>&1`: where stdout went.
    fn print_below_redirect(&mut self, text: &str) {
        self.print(text);
    }

    /// Whether stdout is a terminal for the command that runs now.
    pub(super) fn stdout_width(&self) -> Option<u16> {
        let caught = self.stack.iter().any(|frame| match frame {
            Frame::Capture(_) | Frame::Redirect(Redirect { out: Some(_), .. }) => true,
            Frame::Pipeline { pipeline, next, .. } => *next < pipeline.commands.len(),
            _ => false,
        });
        if caught { None } else { self.width }
    }
}
