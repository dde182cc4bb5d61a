//! What runs in a container: the image's own program, or the command that the service gives in its place.
//!
//! No program is ever run. Of the image's own the catalogue says how it behaves; of a command the few forms are understood
//! that people use to try things out: `sleep 5`, `true`, `false`, `sh -c "sleep 1; exit 3"`, a `trap`, an endless loop.
//! Whatever else is given behaves like the image's program. A program that no image has cannot be started: one below a
//! directory that no Linux has (`/no/such`), or one that the image is said to lack.
//!
//! As process 1 a program that does not handle a signal ignores it, so a shell or a `sleep` ends by SIGKILL only, unless the
//! service asks for an init process.
//!
//! Source: recordings docker-29/04, 08 and 12; control-plane.md §2.1; signal(7).

use super::image::ImageBehaviour;
use crate::engine::Duration;
use crate::swarm::api::ContainerSpec;
use std::sync::Arc;

/// What runs in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Program and arguments, as `docker ps` shows them.
    pub command: Arc<str>,
    /// Why it cannot be started.
    pub missing: Option<Arc<str>>,
    /// It ends by itself.
    pub ends: Option<Ending>,
    /// Signals that end it.
    pub handles: Handles,
    /// So long after such a signal, with this code (none: 128 and the signal's number).
    pub stops: (Duration, Option<i32>),
    /// It is the image's own: the catalogue's words of logs, ports, health and memory are about it.
    pub own: bool,
    /// Lines that it writes, where it is not.
    pub says: Vec<Arc<str>>,
}

/// A process that ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// So long after its start.
    pub after: Duration,
    /// With this code.
    pub code: i32,
}

/// Which signals end a process (SIGKILL always does).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handles {
    /// None.
    Nothing,
    /// Those that are meant to: HUP, INT, QUIT, TERM.
    Usual,
    /// One of them.
    Only(i32),
}

/// SIGKILL.
pub const KILL: i32 = 9;
/// SIGTERM.
pub const TERM: i32 = 15;

const SIGNALS: [(&str, i32); 18] = [
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ILL", 4),
    ("TRAP", 5),
    ("ABRT", 6),
    ("BUS", 7),
    ("FPE", 8),
    ("KILL", KILL),
    ("USR1", 10),
    ("SEGV", 11),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", TERM),
    ("CHLD", 17),
    ("CONT", 18),
    ("STOP", 19),
];

/// The number of a signal: `SIGTERM`, `term`, `15`.
pub fn signal(text: &str) -> Option<i32> {
    if let Ok(number) = text.parse::<i32>() {
        return (1..=64).contains(&number).then_some(number);
    }
    let name = text.to_ascii_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    SIGNALS.iter().find(|(known, _)| *known == name).map(|(_, number)| *number)
}

impl Program {
    /// What runs in a container of this image with this spec.
    pub fn of(image: &ImageBehaviour, spec: &ContainerSpec) -> Self {
        let given: Vec<&str> = spec.command.iter().chain(&spec.args).map(String::as_str).collect();
        let own = Self {
            command: image.command.clone(),
            missing: None,
            ends: image.exit.map(|exit| Ending { after: exit.after, code: exit.code }),
            handles: if image.stop.is_some() { Handles::Usual } else { Handles::Nothing },
            stops: (image.stop.unwrap_or_default(), Some(image.stop_code)),
            own: true,
            says: Vec::new(),
        };
        let mut program = match given.first() {
            // What begins with a dash is an argument of the image's own program.
            None => own,
            Some(first) if first.starts_with('-') => {
                let command = format!("{} {}", image.command, line(&given));
                Self { command: command.into(), ..own }
            }
            Some(_) => match understood(&given) {
                Some(script) => script.program(line(&given).into()),
                None => Self { command: line(&given).into(), ..own },
            },
        };
        let name = given.first().copied().filter(|first| !first.starts_with('-')).unwrap_or(&image.command);
        let name = name.split(' ').next().unwrap_or(name);
        program.missing = missing(name, image);
        if spec.init == Some(true) && program.handles == Handles::Nothing {
            // The init process is process 1: the program's signals do what they usually do.
            (program.handles, program.stops) = (Handles::Usual, (Duration::from_millis(10), None));
        }
        program
    }

    /// How a signal ends it, if it does: so long after, with this code.
    pub fn ended_by(&self, signal: i32) -> Option<(Duration, i32)> {
        let handled = match self.handles {
            Handles::Nothing => false,
            Handles::Usual => matches!(signal, 1 | 2 | 3 | TERM),
            Handles::Only(own) => own == signal,
        };
        match signal {
            KILL => Some((Duration::ZERO, 137)),
            _ if handled => Some((self.stops.0, self.stops.1.unwrap_or(128 + signal))),
            _ => None,
        }
    }
}

/// Program and arguments on one line: what holds a blank is put between quotes, whatever it holds.
fn line(words: &[&str]) -> String {
    let words: Vec<String> = words
        .iter()
        .enumerate()
        .map(|(place, word)| if place > 0 && word.contains(' ') { format!("'{word}'") } else { (*word).to_owned() })
        .collect();
    words.join(" ")
}

/// The directories at the root of a Linux system, and those that images commonly add.
const DIRECTORIES: [&str; 20] = [
    "app", "bin", "code", "data", "dev", "docker", "etc", "home", "lib", "lib64", "media", "mnt", "opt", "proc",
    "root", "run", "sbin", "srv", "usr", "var",
];

/// What the runtime says of a program that the image has not.
fn missing(name: &str, image: &ImageBehaviour) -> Option<Arc<str>> {
    let lacks = image.lacks.iter().any(|lacked| &**lacked == name);
    if let Some(rest) = name.strip_prefix('/') {
        let elsewhere = rest.split_once('/').is_some_and(|(first, _)| !DIRECTORIES.contains(&first));
        return (lacks || elsewhere)
            .then(|| format!("exec: \"{name}\": stat {name}: no such file or directory").into());
    }
    lacks.then(|| format!("exec: \"{name}\": executable file not found in $PATH").into())
}

/// What a command does, as far as it is understood.
#[derive(Debug, PartialEq, Eq)]
struct Script {
    /// It ends by itself so long after its start, with this code; `None`: never.
    ends: Option<Ending>,
    /// It handles this signal: so long after, with this code.
    trap: Option<(i32, Duration, i32)>,
    says: Vec<Arc<str>>,
}

impl Script {
    fn program(self, command: Arc<str>) -> Program {
        let (handles, stops) = match self.trap {
            Some((signal, after, code)) => (Handles::Only(signal), (after, Some(code))),
            None => (Handles::Nothing, (Duration::ZERO, None)),
        };
        Program { command, missing: None, ends: self.ends, handles, stops, own: false, says: self.says }
    }
}

/// Reads a command: a shell with a script, or one of the little programs that every image is taken to have.
fn understood(words: &[&str]) -> Option<Script> {
    let name = words[0].rsplit('/').next().unwrap_or(words[0]);
    match (name, &words[1..]) {
        ("sh" | "bash" | "ash", ["-c", script, ..]) => shell(script),
        // A shell without a terminal and without a script has nothing to read.
        ("sh" | "bash" | "ash", []) => simple(&["true"]).map(|step| step.alone()),
        _ => simple(words).map(|step| step.alone()),
    }
}

/// What a health check's test does by itself: how long it takes and whether it succeeds; `None`: that depends on what runs in
/// the container.
pub fn test(words: &[String]) -> Option<(Duration, bool)> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let script = match words.split_first()? {
        (&"CMD-SHELL", [line]) => shell(line)?,
        (&"CMD", words) if !words.is_empty() => understood(words)?,
        _ => return None,
    };
    // One that never ends is given up in the end.
    Some(script.ends.map_or((Duration::from_hours(24), false), |ending| (ending.after, ending.code == 0)))
}

/// One command of a script.
enum Step {
    /// It takes so long and leaves this status.
    Takes(Duration, i32),
    /// It writes a line.
    Says(String),
    /// It never ends.
    Forever,
}

impl Step {
    fn alone(self) -> Script {
        let (ends, says) = match self {
            Step::Takes(after, code) => (Some(Ending { after, code }), Vec::new()),
            Step::Says(text) => (Some(Ending { after: Duration::ZERO, code: 0 }), vec![text.into()]),
            Step::Forever => (None, Vec::new()),
        };
        Script { ends, trap: None, says }
    }
}

fn simple(words: &[&str]) -> Option<Step> {
    let name = words[0].rsplit('/').next().unwrap_or(words[0]);
    Some(match (name, &words[1..]) {
        ("true" | ":", _) => Step::Takes(Duration::ZERO, 0),
        ("false", _) => Step::Takes(Duration::ZERO, 1),
        ("sleep", ["infinity"]) | ("tail", ["-f", ..]) => Step::Forever,
        ("sleep", [amount]) => Step::Takes(seconds(amount)?, 0),
        ("echo", words) => Step::Says(words.join(" ").replace(['\'', '"'], "")),
        _ => return None,
    })
}

/// What sleep is told, as busybox reads it: `5`, `0.2`, `5s`, `2m`, `1d`.
pub fn seconds(text: &str) -> Option<Duration> {
    let (number, unit) = match text.strip_suffix('d') {
        Some(days) => (days, Duration::from_hours(24)),
        None => {
            let plain = text.ends_with(|c: char| c.is_ascii_digit());
            let with_unit = if plain { format!("{text}s") } else { text.to_owned() };
            return Duration::parse(&with_unit).ok().filter(|duration| !duration.is_negative());
        }
    };
    let days: i64 = number.parse().ok().filter(|days| (0..=10_000).contains(days))?;
    Some(unit * days)
}

fn shell(script: &str) -> Option<Script> {
    let mut read = Script { ends: None, trap: None, says: Vec::new() };
    let (mut passed, mut status) = (Duration::ZERO, 0);
    for command in commands(script) {
        let words: Vec<&str> = command.split_whitespace().collect();
        let words = words.strip_prefix(&["exec"]).unwrap_or(&words);
        match words {
            [] => {}
            ["exit", rest @ ..] => {
                let code = match rest {
                    [] => status,
                    [code] => code.parse::<i32>().ok()?.rem_euclid(256),
                    _ => return None,
                };
                read.ends = Some(Ending { after: passed, code });
                return Some(read);
            }
            ["trap", ..] => read.trap = Some(trap(&command)?),
            ["while" | "until", ..] => {
                // The shell looks at its traps between two commands: it may have to wait for a sleep to end.
                let step = script.split("sleep ").last().and_then(|rest| rest.split([';', ' ']).next());
                if let (Some(trap), Some(step)) = (&mut read.trap, step.and_then(seconds)) {
                    trap.1 = step;
                }
                return Some(read);
            }
            words => match simple(words)? {
                Step::Takes(time, code) => (passed, status) = (passed + time, code),
                Step::Says(text) => read.says.push(text.into()),
                Step::Forever => return Some(read),
            },
        }
    }
    read.ends = Some(Ending { after: passed, code: status });
    Some(read)
}

/// `trap 'exit 0' TERM INT`: the first signal, and the code of the `exit`.
fn trap(command: &str) -> Option<(i32, Duration, i32)> {
    let rest = command.trim().strip_prefix("trap")?.trim();
    let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let (body, signals) = rest[1..].split_once(quote)?;
    let number = signals.split_whitespace().next().and_then(signal)?;
    let code = match body.rsplit(';').next()?.trim().strip_prefix("exit")?.trim() {
        "" => 0,
        code => code.parse::<i32>().ok()?.rem_euclid(256),
    };
    Some((number, Duration::from_millis(10), code))
}

/// The commands of a script, between `;`, `&&` and line ends outside of quotes.
fn commands(script: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut quote = None;
    for c in script.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if matches!(c, '\'' | '"') => quote = Some(c),
            _ => {}
        }
        match c {
            ';' | '\n' | '&' if quote.is_none() => all.push(String::new()),
            _ => all.last_mut().expect("there is one from the start").push(c),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(words: &[&str]) -> Program {
        let spec = ContainerSpec { args: words.iter().map(|word| (*word).to_owned()).collect(), ..Default::default() };
        Program::of(&ImageBehaviour::default(), &spec)
    }

    fn ends(words: &[&str]) -> Option<(i64, i32)> {
        run(words).ends.map(|ending| (ending.after.as_millis(), ending.code))
    }

    /// The commands of the recordings.
    #[test]
    fn recorded_commands_do_what_they_did() {
        assert_eq!(ends(&["sh", "-c", "exit 2"]), Some((0, 2)));
        assert_eq!(ends(&["/bin/sh", "-c", "exit 3"]), Some((0, 3)));
        assert_eq!(ends(&["sh", "-c", "sleep 1; exit 1"]), Some((1000, 1)));
        assert_eq!(ends(&["sh", "-c", "sleep 1; exit 0"]), Some((1000, 0)));
        assert_eq!(ends(&["sleep", "1000"]), Some((1_000_000, 0)));
        assert_eq!(ends(&["sleep", "1d"]), Some((86_400_000, 0)));
        assert_eq!(run(&["sleep", "1000"]).ended_by(TERM), None);
        let trap = run(&["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.2; done"]);
        assert_eq!((trap.ends, trap.ended_by(TERM)), (None, Some((Duration::from_millis(200), 0))));
        assert_eq!((trap.ended_by(2), trap.ended_by(KILL)), (None, Some((Duration::ZERO, 137))));
        assert_eq!(&*trap.command, "sh -c 'trap 'exit 0' TERM; while :; do sleep 0.2; done'");
        assert_eq!(
            run(&["/no/such"]).missing.as_deref(),
            Some("exec: \"/no/such\": stat /no/such: no such file or directory")
        );
    }

    #[test]
    fn what_is_not_understood_behaves_like_the_image() {
        let own = run(&["redis-server", "--appendonly", "yes"]);
        assert_eq!((own.own, own.missing.as_deref(), own.ends), (true, None, None));
        assert_eq!(&*run(&["-g", "daemon off;"]).command, "/entrypoint.sh -g 'daemon off;'");
        assert_eq!(run(&["sh", "-c", "curl x | grep y"]).ends, None);
        assert_eq!(run(&["sh", "-c", "exit 1 2"]).ends, None);
    }

    #[test]
    fn an_init_process_gives_signals_their_usual_meaning() {
        let spec = ContainerSpec { init: Some(true), args: vec!["sleep".into(), "9".into()], ..Default::default() };
        let program = Program::of(&ImageBehaviour::default(), &spec);
        assert_eq!(program.ended_by(TERM).map(|(_, code)| code), Some(143));
    }

    #[test]
    fn a_program_that_the_image_lacks_cannot_be_started() {
        let image = ImageBehaviour { lacks: vec!["curl".into(), "/entrypoint.sh".into()], ..Default::default() };
        let spec = |args: &[&str]| ContainerSpec {
            args: args.iter().map(|word| (*word).to_owned()).collect(),
            ..Default::default()
        };
        assert_eq!(
            Program::of(&image, &spec(&["curl", "x"])).missing.as_deref(),
            Some("exec: \"curl\": executable file not found in $PATH")
        );
        assert!(Program::of(&image, &spec(&[])).missing.is_some());
        assert_eq!(Program::of(&image, &spec(&["/usr/bin/x"])).missing, None);
    }

    #[test]
    fn a_test_of_health_that_needs_no_program_is_known_beforehand() {
        let shell = |line: &str| test(&["CMD-SHELL".into(), line.into()]);
        assert_eq!((shell("false"), shell("exit 0")), (Some((Duration::ZERO, false)), Some((Duration::ZERO, true))));
        assert_eq!(shell("sleep 3; exit 0"), Some((Duration::from_secs(3), true)));
        assert_eq!(shell("curl -f http://localhost/ || exit 1"), None);
        assert_eq!(test(&["CMD".into(), "true".into()]), Some((Duration::ZERO, true)));
    }

    #[test]
    fn signals_have_names_and_numbers() {
        assert_eq!((signal("SIGTERM"), signal("term"), signal("15")), (Some(15), Some(15), Some(15)));
        assert_eq!((signal("SIGNONE"), signal("0"), signal("65")), (None, None, None));
    }
}
