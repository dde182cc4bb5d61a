//! `swarmlab shell`: docker commands and faults on a simulated swarm, from a prompt, a script or a pipe.

use crate::args::ShellArgs;
use std::io::{BufRead, IsTerminal, Write};
use swarmlab::engine::{Duration, Time, limits};
use swarmlab::scenario::MAX_MANAGERS;
use swarmlab::scenario::run::built_in_images;
use swarmlab::session::shell::{Dialect, parse};
use swarmlab::session::{Session, Stop, TerminalId};
use swarmlab::swarm::world::DataCentre;

/// Runs the commands, or a prompt; the exit status is that of the last command.
pub fn shell(args: &ShellArgs) -> u8 {
    let (hosts, first) = match args.hosts {
        Some(hosts) => (hosts, "h1"),
        None => (args.managers.saturating_add(args.workers), if args.managers > 0 { "m1" } else { "w1" }),
    };
    if hosts == 0 || hosts > limits::HOSTS {
        eprintln!("a lab has 1 to {} hosts, not {hosts}", limits::HOSTS);
        return 2;
    }
    if args.hosts.is_none() && args.managers > MAX_MANAGERS {
        eprintln!("a swarm has {MAX_MANAGERS} managers at most, not {}", args.managers);
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
                eprintln!("{}: cannot be read: {error}", path.display());
                return 2;
            }
        },
        (None, None) => None,
    };
    let mut session = Session::new(&centre);
    let host = session.world().host_named(first).expect("the first host was just made");
    let interactive = script.is_none() && std::io::stdin().is_terminal();
    let terminal = session.open(host, None);
    match script {
        Some(text) => lines(&mut session, terminal, &text, args.echo),
        None => prompt(&mut session, terminal, interactive, args.echo),
    }
}

/// Runs a text of commands. Each line is read and run in turn, so that what came before an error has happened.
fn lines(session: &mut Session, terminal: TerminalId, text: &str, echo: bool) -> u8 {
    if let Err(error) = parse(text, Dialect::Lab) {
        eprint!("swarmlab: {}", error.render(text));
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
        if !enter(session, terminal, &std::mem::take(&mut pending), echo) {
            break;
        }
    }
    session.terminal(terminal).status.rem_euclid(256) as u8
}

/// Reads lines from a prompt or a pipe until its end.
fn prompt(session: &mut Session, terminal: TerminalId, interactive: bool, echo: bool) -> u8 {
    let mut pending = String::new();
    let stdin = std::io::stdin();
    loop {
        if interactive {
            let host = session.world().env.name(session.terminal(terminal).host).clone();
            let ready = if pending.is_empty() { format!("{host}$ ") } else { "> ".to_owned() };
            print!("{ready}");
            let _ = std::io::stdout().flush();
        }
        let mut line = String::new();
        match stdin.lock().read_line(&mut line) {
            Ok(0) | Err(_) => break,
            Ok(_) => pending.push_str(&line),
        }
        match parse(&pending, Dialect::Lab) {
            Err(error) if error.incomplete => continue,
            Err(error) => {
                eprint!("swarmlab: {}", error.render(&pending));
                pending.clear();
                if !interactive {
                    return 2;
                }
                continue;
            }
            Ok(_) => {}
        }
        if !enter(session, terminal, &std::mem::take(&mut pending), echo) {
            break;
        }
    }
    session.terminal(terminal).status.rem_euclid(256) as u8
}

/// One command line: runs until the prompt is back. False when the session is over.
fn enter(session: &mut Session, terminal: TerminalId, text: &str, echo: bool) -> bool {
    if echo && !text.trim().is_empty() {
        print!("$ {text}");
    }
    if let Err(error) = session.type_lines(terminal, text) {
        eprint!("swarmlab: {}", error.render(text));
        return true;
    }
    let limit = Time::ZERO + limits::MAX_DURATION;
    loop {
        let stop = session.run_terminal(terminal, (session.world().now() + Duration::from_secs(1)).min(limit));
        for chunk in session.take_output(terminal) {
            // A reader that goes away early is no failure of the lab.
            let _ = if chunk.stderr {
                write!(std::io::stderr(), "{}", chunk.text)
            } else {
                write!(std::io::stdout(), "{}", chunk.text)
            };
        }
        let _ = std::io::stdout().flush();
        match stop {
            Stop::Idle => return !session.terminal(terminal).exited,
            Stop::Broken(text) => {
                eprintln!("{text}");
                return false;
            }
            Stop::Reached if session.world().now() >= limit => {
                eprintln!("swarmlab: this lab has reached its last day ({})", limits::MAX_DURATION);
                return false;
            }
            Stop::Reached => {}
        }
    }
}
