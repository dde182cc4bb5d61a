//! What happens inside a container when a command is carried out there (`docker exec`, `docker run IMAGE COMMAND`): a small
//! shell and the little programs that every image is taken to have, with busybox's texts.
//!
//! No program is ever run. A command is a pure question about the model as it stands: its output, its status, and how long it
//! takes. What a shell keeps between two lines (its folder, its variables) travels with the request.
//!
//! Source: cli.md §2, §5.8, §13; networking.md §3.4; recordings docker-29/01, 05 and 07, docker/10, dataplane/02.

mod files;
mod line;
mod network;
mod tools;

use super::directory::Directory;
use crate::engine::Duration;
use crate::net::HostId;
use crate::swarm::api::{ExecRequest, Executed, ShellState};
use crate::swarm::world::{Env, Host};
use line::{Join, Pipeline};
use std::sync::Arc;

/// Programs that every image is taken to have.
const PROGRAMS: [&str; 34] = [
    "cat",
    "curl",
    "date",
    "echo",
    "env",
    "false",
    "getent",
    "grep",
    "head",
    "hostname",
    "id",
    "ip",
    "ls",
    "nslookup",
    "ping",
    "printenv",
    "printf",
    "ps",
    "pwd",
    "sleep",
    "sort",
    "tail",
    "true",
    "uname",
    "uptime",
    "wc",
    "wget",
    "whoami",
    "sh",
    "ash",
    "bash",
    "/bin/sh",
    "/bin/bash",
    "/bin/ash",
];
/// What a shell does itself.
const BUILTINS: [&str; 6] = [":", "cd", "exit", "export", "set", "unset"];

/// What a program leaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Left {
    pub out: String,
    pub err: String,
    pub status: i32,
    pub took: Duration,
}

impl Left {
    pub fn said(out: impl Into<String>) -> Self {
        Self { out: out.into(), ..Self::default() }
    }

    pub fn failed(status: i32, err: impl Into<String>) -> Self {
        Self { err: err.into(), status, ..Self::default() }
    }

    pub fn after(self, took: Duration) -> Self {
        Self { took, ..self }
    }
}

/// A shell at work.
struct Shell<'a> {
    directory: Directory<'a>,
    state: ShellState,
    terminal: bool,
    out: String,
    err: String,
    took: Duration,
    /// `exit` was typed.
    ended: bool,
}

/// Programs that every image with a shell really has (busybox, coreutils) and that are not played here: to say that they are
/// not there would be wrong.
const ELSEWHERE: [&str; 45] = [
    "awk",
    "base64",
    "basename",
    "chmod",
    "chown",
    "clear",
    "cmp",
    "cp",
    "cut",
    "dd",
    "df",
    "diff",
    "dirname",
    "dmesg",
    "du",
    "expr",
    "find",
    "free",
    "gunzip",
    "gzip",
    "kill",
    "ln",
    "md5sum",
    "mkdir",
    "mknod",
    "mktemp",
    "mount",
    "mv",
    "nice",
    "od",
    "printenv",
    "rm",
    "rmdir",
    "sed",
    "sha256sum",
    "stat",
    "stty",
    "sync",
    "tar",
    "tee",
    "touch",
    "tr",
    "umount",
    "xargs",
    "yes",
];

/// What is not played of a command that a real container of an image with a shell would carry out: its words for the user.
pub fn not_modelled(words: &[String]) -> Option<String> {
    let name = words.first()?;
    let plain = name.rsplit('/').next().unwrap_or(name);
    let shell = matches!(plain, "sh" | "bash" | "ash") && words.get(1).is_some_and(|flag| flag == "-c");
    if shell && !is_script(words) {
        let script = words.get(2).map_or("", |script| script.as_str());
        return Some(format!("swarmlab: the script '{script}' inside a container is not modelled yet"));
    }
    ELSEWHERE.contains(&plain).then(|| format!("swarmlab: '{plain}' inside a container is not modelled yet"))
}

/// Whether words are a command that is carried out here: a program of the list, or a script of such programs.
pub fn is_script(words: &[String]) -> bool {
    let Some(name) = words.first() else { return false };
    let plain = name.rsplit('/').next().unwrap_or(name);
    match (plain, &words[1..]) {
        ("sh" | "bash" | "ash", [flag, script, ..]) if flag == "-c" => match line::read(script) {
            Ok(list) => list.iter().flat_map(|(_, pipeline)| pipeline.commands()).all(knows),
            Err(_) => false,
        },
        ("sh" | "bash" | "ash", _) => false,
        _ => PROGRAMS.contains(&plain),
    }
}

fn knows(name: &str) -> bool {
    let plain = name.rsplit('/').next().unwrap_or(name);
    PROGRAMS.contains(&plain) || BUILTINS.contains(&name)
}

/// Carries out a command that an engine has taken; none: it is over already.
pub fn run(hosts: &[Arc<Host>], env: &Env, host: HostId, number: u32) -> Option<(Executed, Duration)> {
    let exec = hosts.get(host.index())?.engine.executing(number)?;
    let directory = Directory::of(hosts, env, host, exec.container)?;
    Some(carry_out(directory, &exec.request))
}

/// What a command does in a container.
pub fn carry_out(directory: Directory<'_>, request: &ExecRequest) -> (Executed, Duration) {
    let container = directory.container;
    let typed = request.shell.is_some();
    let state = request.shell.clone().unwrap_or_else(|| beginning(&directory, request));
    let mut shell = Shell {
        directory,
        state,
        terminal: request.tty,
        out: String::new(),
        err: String::new(),
        took: Duration::ZERO,
        ended: false,
    };
    let words: Vec<&str> = request.command.iter().map(String::as_str).collect();
    let name = words.first().copied().unwrap_or_default();
    let plain = name.rsplit('/').next().unwrap_or(name);
    let lacks = |name: &str| container.behaviour.lacks.iter().any(|lacked| &**lacked == name);
    let bare = lacks(name) || lacks(plain);
    if typed {
        shell.script(words.get(2).copied().unwrap_or_default());
    } else if let Some(text) = not_modelled(&request.command).filter(|_| !bare && !PROGRAMS.contains(&plain)) {
        shell.err = text + "\n";
        shell.state.status = 126;
        shell.ended = true;
    } else if bare || !PROGRAMS.contains(&plain) {
        // The runtime's words come on the stream of the command's own output.
        let reason = match name.starts_with('/') {
            true => format!("stat {name}: no such file or directory"),
            false => "executable file not found in $PATH".to_owned(),
        };
        shell.out = format!(
            "OCI runtime exec failed: exec failed: unable to start container process: exec: \"{name}\": {reason}\n"
        );
        shell.state.status = 127;
        shell.ended = true;
    } else if request.tty && matches!(plain, "sh" | "bash" | "ash") && words.len() == 1 {
        // Its lines come one by one.
        return (Executed { shell: Some(shell.state), ..Executed::default() }, Duration::ZERO);
    } else {
        let left = shell.program(&words, &request.stdin);
        shell.take(left);
        shell.ended = true;
    }
    let left = if shell.ended { None } else { Some(shell.state.clone()) };
    let result = Executed { stdout: shell.out, stderr: shell.err, status: shell.state.status, shell: left };
    (result, shell.took)
}

/// How a shell in a container begins.
fn beginning(directory: &Directory<'_>, request: &ExecRequest) -> ShellState {
    let container = directory.container;
    let spec = container.spec();
    let dir = [&request.dir, &spec.dir].into_iter().find(|dir| !dir.is_empty()).map_or("/", |dir| dir);
    let mut state = ShellState { dir: dir.to_owned(), ..ShellState::default() };
    let mut set = |key: &str, value: String| state.variables.insert(key.to_owned(), value);
    set("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into());
    set("HOSTNAME", container.hostname());
    set("HOME", "/root".into());
    if request.tty || container.own().is_some_and(|own| own.order.tty) {
        set("TERM", "xterm".into());
    }
    for variable in container.env().iter().chain(&request.env) {
        if let Some((key, value)) = variable.split_once('=') {
            set(key, directory.filled_in(value));
        }
    }
    let user = [&request.user, &spec.user].into_iter().find(|user| !user.is_empty()).map_or("root", |user| user);
    set("USER", user.split(':').next().unwrap_or(user).to_owned());
    state
}

impl Shell<'_> {
    /// What a program left goes where the shell's own output goes.
    fn take(&mut self, left: Left) {
        self.out += &left.out;
        self.err += &left.err;
        self.took += left.took;
        self.state.status = left.status;
    }

    /// Carries out a script.
    fn script(&mut self, text: &str) {
        let list = match line::read(text) {
            Ok(list) => list,
            Err(error) => return self.take(Left::failed(2, format!("sh: {error}\n"))),
        };
        for (join, pipeline) in list {
            let goes = match join {
                Join::Always => true,
                Join::And => self.state.status == 0,
                Join::Or => self.state.status != 0,
            };
            if goes {
                self.pipeline(&pipeline);
            }
            if self.ended {
                return;
            }
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline) {
        let mut input = String::new();
        let last = pipeline.len().saturating_sub(1);
        for (place, words) in pipeline.words(&self.state).into_iter().enumerate() {
            let (words, joined) = match words.split_last() {
                Some((last, rest)) if last == "2>&1" => (rest.to_vec(), true),
                _ => (words, false),
            };
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let mut left = self.program(&words, &input);
            if joined {
                left.out = std::mem::take(&mut left.err) + &left.out;
            }
            if place < last {
                input = std::mem::take(&mut left.out);
            }
            self.take(left);
        }
    }

    /// One program, or what the shell does itself.
    fn program(&mut self, words: &[&str], input: &str) -> Left {
        let Some((name, args)) = words.split_first() else {
            return Left { status: self.state.status, ..Left::default() };
        };
        let plain = name.rsplit('/').next().unwrap_or(name);
        let container = self.directory.container;
        if container.behaviour.lacks.iter().any(|lacked| **lacked == **name || &**lacked == plain) {
            return Left::failed(127, format!("sh: {name}: not found\n"));
        }
        match plain {
            ":" | "true" | "set" => Left::default(),
            "false" => Left { status: 1, ..Left::default() },
            "exit" => {
                self.ended = true;
                let status = args.first().map_or(Ok(self.state.status), |code| code.parse::<i32>());
                Left { status: status.unwrap_or(2).rem_euclid(256), ..Left::default() }
            }
            "cd" => self.cd(args),
            "export" => {
                for (key, value) in args.iter().filter_map(|pair| pair.split_once('=')) {
                    self.state.variables.insert(key.to_owned(), value.to_owned());
                }
                Left::default()
            }
            "unset" => {
                for key in args {
                    self.state.variables.remove(*key);
                }
                Left::default()
            }
            "sh" | "bash" | "ash" => match args {
                ["-c", script, ..] => {
                    let mut inner = Shell {
                        directory: self.directory,
                        state: self.state.clone(),
                        terminal: self.terminal,
                        out: String::new(),
                        err: String::new(),
                        took: Duration::ZERO,
                        ended: false,
                    };
                    inner.script(script);
                    Left { out: inner.out, err: inner.err, status: inner.state.status, took: inner.took }
                }
                [] => {
                    let mut inner = Shell {
                        directory: self.directory,
                        state: self.state.clone(),
                        terminal: false,
                        out: String::new(),
                        err: String::new(),
                        took: Duration::ZERO,
                        ended: false,
                    };
                    for line in input.lines() {
                        if !inner.ended {
                            inner.script(line);
                        }
                    }
                    Left { out: inner.out, err: inner.err, status: inner.state.status, took: inner.took }
                }
                [file, ..] => Left::failed(2, format!("sh: can't open '{file}': No such file or directory\n")),
            },
            _ => tools::run(&self.directory, &self.state, plain, args, input)
                .or_else(|| network::run(&self.directory, plain, args))
                .unwrap_or_else(|| Left::failed(127, format!("sh: {name}: not found\n"))),
        }
    }

    fn cd(&mut self, args: &[&str]) -> Left {
        let wanted = args.first().copied().unwrap_or("/root");
        let path = files::absolute(&self.state.dir, wanted);
        if files::is_folder(&self.directory, &path) {
            self.state.dir = path;
            return Left::default();
        }
        let why = if files::content(&self.directory, &path).is_some() {
            "Not a directory"
        } else {
            "No such file or directory"
        };
        Left::failed(2, format!("sh: cd: can't cd to {wanted}: {why}\n"))
    }
}
