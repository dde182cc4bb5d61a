//! From words to a command: finds it in the table, reads its flags, counts its arguments; else the usage error.
//!
//! cli.md §3.1 to §3.3. What Docker has and the model has not is refused here, by name.

use super::flags::{self, Flag, Kind, Parsed};
use super::help;
use super::table::{Arguments, COMMANDS, Command, GROUPS, UNMODELLED};

/// A command with its flags and arguments.
#[derive(Clone)]
pub struct Invocation {
    /// Which.
    pub command: &'static Command,
    /// How.
    pub flags: Parsed,
}

impl std::fmt::Debug for Invocation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(formatter, "docker {} {:?}", self.command.path, self.flags)
    }
}

/// What becomes of the words.
pub enum Resolved {
    /// A command to run.
    Run(Invocation),
    /// Help, a usage error, or the refusal of what is not modelled.
    Print {
        /// For stdout.
        stdout: String,
        /// For stderr.
        stderr: String,
        /// The exit status.
        status: i32,
    },
}

fn out(stdout: String) -> Resolved {
    Resolved::Print { stdout, stderr: String::new(), status: 0 }
}

fn error(stderr: String, status: i32) -> Resolved {
    Resolved::Print { stdout: String::new(), stderr, status }
}

/// `swarmlab: WHAT is not modelled yet`: the only words of our own on stderr.
pub fn unmodelled(what: &str) -> String {
    format!("swarmlab: {what} is not modelled yet")
}

const GLOBAL: &[Flag] = &[
    Flag::new("config", Kind::Text, "").unmodelled(),
    Flag::new("context", Kind::Text, "").short('c').unmodelled(),
    Flag::new("debug", Kind::Bool, "").short('D').unmodelled(),
    Flag::new("help", Kind::Bool, ""),
    Flag::new("host", Kind::Text, "").short('H').unmodelled(),
    Flag::new("log-level", Kind::Text, "").short('l').unmodelled(),
    Flag::new("tls", Kind::Bool, "").unmodelled(),
    Flag::new("tlscacert", Kind::Text, "").unmodelled(),
    Flag::new("tlscert", Kind::Text, "").unmodelled(),
    Flag::new("tlskey", Kind::Text, "").unmodelled(),
    Flag::new("tlsverify", Kind::Bool, "").unmodelled(),
    Flag::new("version", Kind::Bool, "").short('v'),
];

const DEPRECATED_HELP: &str = "Flag shorthand -h has been deprecated, use --help\n";

/// Reads the words behind `docker`.
pub fn resolve(words: &[String]) -> Resolved {
    let global = match flags::parse(GLOBAL, false, words) {
        Ok(global) => global,
        Err(problem) => return error(usage(&problem, "docker", "docker [OPTIONS] COMMAND [ARG...]", "Run"), 125),
    };
    if global.is_set("help") || global.short_help {
        let stderr = if global.short_help { DEPRECATED_HELP.into() } else { String::new() };
        return Resolved::Print { stdout: help::root(), stderr, status: 0 };
    }
    if global.is_set("version") {
        return out(format!("Docker version {}, build a7dcaa6\n", super::VERSION));
    }
    if let Some(flag) = GLOBAL.iter().find(|flag| !flag.modelled && global.changed(flag.long)) {
        return error(unmodelled(&format!("--{}", flag.long)) + "\n", 1);
    }
    let Some((first, rest)) = global.arguments.split_first() else { return error(help::root(), 0) };
    if let Some(group) = GROUPS.iter().find(|group| group.name == first) {
        return in_group(group.name, rest);
    }
    match find(first) {
        Some(command) => read(command, rest),
        None if UNMODELLED.contains(&first.as_str()) => error(unmodelled(&format!("docker {first}")) + "\n", 1),
        None => {
            error(format!("docker: unknown command: docker {first}\n\nRun 'docker --help' for more information\n"), 1)
        }
    }
}

fn in_group(group: &'static str, words: &[String]) -> Resolved {
    let path = format!("docker {group}");
    let Some((word, rest)) = words.split_first() else { return error(help::group(group), 0) };
    if word.starts_with('-') {
        return match flags::parse(&[Flag::new("help", Kind::Bool, "")], true, words) {
            Err(problem) => error(usage(&problem, &path, &path, "Run"), 125),
            Ok(parsed) if parsed.short_help => {
                Resolved::Print { stdout: help::group(group), stderr: DEPRECATED_HELP.into(), status: 0 }
            }
            Ok(_) => out(help::group(group)),
        };
    }
    let full = format!("{group} {word}");
    match find(&full) {
        Some(command) => read(command, rest),
        None if UNMODELLED.contains(&full.as_str()) => error(unmodelled(&format!("docker {full}")) + "\n", 1),
        None if rest.iter().any(|word| word == "--help") => out(help::group(group)),
        None => error(usage(&format!("docker: unknown command: docker {full}"), &path, &path, "Run"), 1),
    }
}

/// The command of a path, aliases included.
pub fn find(path: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| {
        let (group, name) = command.path.rsplit_once(' ').unwrap_or(("", command.path));
        command.path == path
            || match path.rsplit_once(' ') {
                Some((other, word)) => other == group && command.aliases.contains(&word),
                None => group.is_empty() && name != path && command.aliases.contains(&path),
            }
    })
}

fn read(command: &'static Command, words: &[String]) -> Resolved {
    let path = format!("docker {}", command.path);
    let known = command.flags();
    let parsed = match flags::parse(&known, command.interspersed, words) {
        Ok(parsed) => parsed,
        Err(problem) => return error(usage(&problem, &path, &command.usage_line(), "Run"), 125),
    };
    if parsed.is_set("help") {
        let stderr = if parsed.short_help { DEPRECATED_HELP.into() } else { String::new() };
        return Resolved::Print { stdout: help::command(command), stderr, status: 0 };
    }
    if let Some((problem, see)) = arguments(command.arguments, parsed.arguments.len()) {
        return error(usage(&format!("docker: '{path}' {problem}"), &path, &command.usage_line(), see), 1);
    }
    let health = known.iter().any(|flag| flag.long.starts_with("health-") && parsed.changed(flag.long));
    if health && parsed.is_set("no-healthcheck") {
        return error("--no-healthcheck conflicts with --health-* options\n".into(), 1);
    }
    let unknown = parsed.given().find(|name| known.iter().any(|flag| flag.long == *name && !flag.modelled));
    if let Some(name) = unknown {
        return error(unmodelled(&format!("--{name}")) + "\n", 1);
    }
    Resolved::Run(Invocation { command, flags: parsed })
}

fn arguments(wanted: Arguments, count: usize) -> Option<(String, &'static str)> {
    let plural = |n: usize| if n == 1 { "" } else { "s" };
    match wanted {
        Arguments::Exactly(n) if n == count => None,
        Arguments::Exactly(0) => Some(("accepts no arguments".into(), "Run")),
        Arguments::Exactly(n) => Some((format!("requires {n} argument{}", plural(n)), "Run")),
        Arguments::Between(least, most) if (least..=most).contains(&count) => None,
        Arguments::Between(least, most) => {
            Some((format!("requires at least {least} and at most {most} argument{}", plural(most)), "Run"))
        }
        Arguments::AtLeast(n) if n <= count => None,
        Arguments::AtLeast(n) => Some((format!("requires at least {n} argument{}", plural(n)), "See")),
    }
}

/// A usage error about the flags of a command.
pub fn usage_error(command: &Command, problem: &str) -> String {
    usage(problem, &format!("docker {}", command.path), &command.usage_line(), "Run")
}

/// The shape of all usage errors.
fn usage(problem: &str, path: &str, line: &str, see: &str) -> String {
    format!("{problem}\n\nUsage:  {line}\n\n{see} '{path} --help' for more information\n")
}
