//! The programs inside a container that look at the container itself, and the filters behind a pipe; with busybox's texts.
//!
//! Source: recording docker-29/07 (`ls -l`); busybox 1.35.

use super::super::directory::Directory;
use super::Left;
use super::files::{self, Entry, absolute};
use crate::swarm::api::ShellState;
use crate::swarm::api::time::rfc1123;
use crate::swarm::daemon::program::seconds;

/// Runs a program; none: it is not one of these.
pub fn run(directory: &Directory<'_>, state: &ShellState, name: &str, args: &[&str], input: &str) -> Option<Left> {
    let container = directory.container;
    let shown = directory.host.wall(directory.now()).nanos();
    let user = state.variables.get("USER").map_or("root", String::as_str);
    Some(match name {
        "echo" => echo(args),
        "printf" => Left::said(args.first().map_or("", |text| text).replace("\\n", "\n").replace("\\t", "\t")),
        "cat" => cat(directory, state, args, input),
        "ls" => ls(directory, state, args),
        "pwd" => Left::said(format!("{}\n", state.dir)),
        "hostname" if args == ["-i"] => {
            let addresses: Vec<String> = directory
                .interfaces()
                .iter()
                .filter(|interface| &*interface.network != "docker_gwbridge" && !interface.ingress)
                .map(|interface| interface.address.to_string())
                .collect();
            Left::said(addresses.join(" ") + "\n")
        }
        "hostname" => Left::said(format!("{}\n", container.hostname())),
        "whoami" => Left::said(format!("{user}\n")),
        "id" => Left::said(match user {
            "root" | "0" => "uid=0(root) gid=0(root) groups=0(root)\n".to_owned(),
            other => match other.parse::<u32>() {
                Ok(number) => format!("uid={number} gid=0(root) groups=0(root)\n"),
                Err(_) => format!("uid=1000({other}) gid=1000({other}) groups=1000({other})\n"),
            },
        }),
        "env" | "printenv" => env(state, args),
        "date" => {
            // `Sat, 21 Nov 2026 12:42:00 UTC` as busybox has it.
            let text = rfc1123(shown);
            let parts: Vec<&str> = text.split([' ', ',']).filter(|part| !part.is_empty()).collect();
            match parts.as_slice() {
                [weekday, day, month, year, clock, zone] => {
                    let day = day.trim_start_matches('0');
                    Left::said(format!("{weekday} {month} {day:>2} {clock} {zone} {year}\n"))
                }
                _ => Left::said(format!("{text}\n")),
            }
        }
        "uname" => match args.first() {
            Some(&"-n") => Left::said(format!("{}\n", container.hostname())),
            Some(&"-a") => Left::said(format!("Linux {} 6.12.48 #1 SMP x86_64 GNU/Linux\n", container.hostname())),
            Some(&"-r") => Left::said("6.12.48\n"),
            Some(&"-m") => Left::said("x86_64\n"),
            _ => Left::said("Linux\n"),
        },
        "sleep" => match args.first().and_then(|text| seconds(text)) {
            Some(time) => Left::default().after(time),
            None => Left::failed(1, format!("sleep: invalid number '{}'\n", args.first().unwrap_or(&""))),
        },
        "ps" => {
            let mut text = "PID   USER     TIME  COMMAND\n".to_owned();
            text += &format!("    1 root      0:00 {}\n", container.program.command);
            text +=
                &format!("   42 {user:<8}  0:00 ps{}\n", args.iter().map(|arg| format!(" {arg}")).collect::<String>());
            Left::said(text)
        }
        "grep" => grep(directory, state, args, input),
        "head" | "tail" | "wc" | "sort" => lines(directory, state, name, args, input),
        _ => return None,
    })
}

fn echo(args: &[&str]) -> Left {
    let (flags, words) = match args.split_first() {
        Some((flags @ (&"-n" | &"-e" | &"-ne" | &"-en"), words)) => (*flags, words),
        _ => ("", args),
    };
    let mut text = words.join(" ");
    if flags.contains('e') {
        text = text.replace("\\n", "\n").replace("\\r", "\r").replace("\\t", "\t");
    }
    Left::said(if flags.contains('n') { text } else { text + "\n" })
}

fn env(state: &ShellState, args: &[&str]) -> Left {
    let shown = |key: &str| key != "USER";
    if let Some(name) = args.first() {
        return match state.variables.get(*name) {
            Some(value) => Left::said(format!("{value}\n")),
            None => Left { status: 1, ..Left::default() },
        };
    }
    // As the engine gives them: path, hostname, what was asked for, home.
    let first = ["PATH", "HOSTNAME", "TERM"];
    let mut keys: Vec<&str> = first.into_iter().filter(|key| state.variables.contains_key(*key)).collect();
    keys.extend(
        state.variables.keys().map(String::as_str).filter(|key| shown(key) && !first.contains(key) && *key != "HOME"),
    );
    keys.extend(state.variables.contains_key("HOME").then_some("HOME"));
    Left::said(keys.iter().map(|key| format!("{key}={}\n", state.variables[*key])).collect::<String>())
}

/// What the operands of a filter say, one after the other; its input where there are none.
fn read(
    directory: &Directory<'_>,
    state: &ShellState,
    name: &str,
    paths: &[&str],
    input: &str,
) -> (Vec<(String, String)>, String) {
    if paths.is_empty() || paths == ["-"] {
        return (vec![(String::new(), input.to_owned())], String::new());
    }
    let (mut texts, mut errors) = (Vec::new(), String::new());
    for path in paths {
        let whole = absolute(&state.dir, path);
        match files::content(directory, &whole) {
            Some(content) => texts.push(((*path).to_owned(), String::from_utf8_lossy(&content).into_owned())),
            None if files::is_folder(directory, &whole) => {
                errors += &match name {
                    "cat" => "cat: read error: Is a directory\n".to_owned(),
                    name => format!("{name}: {path}: Is a directory\n"),
                };
            }
            None => {
                errors += &match name {
                    "cat" | "head" | "tail" | "sort" => {
                        format!("{name}: can't open '{path}': No such file or directory\n")
                    }
                    name => format!("{name}: {path}: No such file or directory\n"),
                };
            }
        }
    }
    (texts, errors)
}

fn cat(directory: &Directory<'_>, state: &ShellState, args: &[&str], input: &str) -> Left {
    let (texts, err) = read(directory, state, "cat", args, input);
    let status = i32::from(!err.is_empty());
    Left { out: texts.into_iter().map(|(_, text)| text).collect(), err, status, ..Left::default() }
}

fn grep(directory: &Directory<'_>, state: &ShellState, args: &[&str], input: &str) -> Left {
    let flags: String = args.iter().filter(|arg| arg.len() > 1 && arg.starts_with('-')).map(|arg| &arg[1..]).collect();
    let operands: Vec<&str> = args.iter().copied().filter(|arg| arg.len() < 2 || !arg.starts_with('-')).collect();
    let Some((pattern, paths)) = operands.split_first() else {
        return Left::failed(1, "grep: no pattern\n");
    };
    if let Some(unknown) = flags.chars().find(|flag| !"ivcqEFw".contains(*flag)) {
        return Left::failed(2, format!("grep: unrecognized option: {unknown}\n"));
    }
    let pattern = if flags.contains('i') { pattern.to_lowercase() } else { (*pattern).to_owned() };
    let alternatives: Vec<&str> = pattern
        .split("\\|")
        .flat_map(|part| if flags.contains('E') { part.split('|').collect() } else { vec![part] })
        .collect();
    let hit = |line: &str| {
        let line = if flags.contains('i') { line.to_lowercase() } else { line.to_owned() };
        let found = alternatives.iter().any(|part| match (part.strip_prefix('^'), part.strip_suffix('$')) {
            (Some(start), _) => line.starts_with(start.trim_end_matches('$')),
            (None, Some(end)) => line.ends_with(end),
            (None, None) => line.contains(part),
        });
        found != flags.contains('v')
    };
    let (texts, err) = read(directory, state, "grep", paths, input);
    let many = texts.len() > 1;
    let mut found: Vec<String> = Vec::new();
    for (path, text) in &texts {
        let head = if many { format!("{path}:") } else { String::new() };
        found.extend(text.lines().filter(|line| hit(line)).map(|line| format!("{head}{line}\n")));
    }
    let status = if !err.is_empty() { 2 } else { i32::from(found.is_empty()) };
    let out = match () {
        () if flags.contains('q') => String::new(),
        () if flags.contains('c') => format!("{}\n", found.len()),
        () => found.concat(),
    };
    Left { out, err, status, ..Left::default() }
}

fn lines(directory: &Directory<'_>, state: &ShellState, name: &str, args: &[&str], input: &str) -> Left {
    let mut count = 10;
    let mut flags = String::new();
    let mut paths = Vec::new();
    let mut words = args.iter();
    while let Some(word) = words.next() {
        match word.strip_prefix('-') {
            Some("n") if name != "wc" && name != "sort" => {
                count = words.next().and_then(|n| n.parse().ok()).unwrap_or(count)
            }
            Some(number) if number.parse::<usize>().is_ok() => count = number.parse().unwrap_or(count),
            Some(flag) if !flag.is_empty() => flags += flag,
            _ => paths.push(*word),
        }
    }
    let (texts, err) = read(directory, state, name, &paths, input);
    let text: String = texts.into_iter().map(|(_, text)| text).collect();
    let all: Vec<&str> = text.lines().collect();
    let joined = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    let out = match name {
        "head" => joined(&all[..count.min(all.len())]),
        "tail" => joined(&all[all.len().saturating_sub(count)..]),
        "sort" => {
            let mut sorted = all.clone();
            sorted.sort_unstable();
            if flags.contains('u') {
                sorted.dedup();
            }
            if flags.contains('r') {
                sorted.reverse();
            }
            joined(&sorted)
        }
        _ => {
            let numbers = [('l', all.len()), ('w', text.split_whitespace().count()), ('c', text.len())];
            match numbers.iter().find(|(flag, _)| flags.contains(*flag)) {
                Some((_, number)) => format!("{number}\n"),
                None => format!("{:>9} {:>9} {:>9}\n", numbers[0].1, numbers[1].1, numbers[2].1),
            }
        }
    };
    let status = i32::from(!err.is_empty());
    Left { out, err, status, ..Left::default() }
}

fn ls(directory: &Directory<'_>, state: &ShellState, args: &[&str]) -> Left {
    let flags: String = args.iter().filter(|arg| arg.len() > 1 && arg.starts_with('-')).map(|arg| &arg[1..]).collect();
    let mut paths: Vec<&str> = args.iter().copied().filter(|arg| arg.len() < 2 || !arg.starts_with('-')).collect();
    if let Some(unknown) = flags.chars().find(|flag| !"la1h".contains(*flag)) {
        return Left::failed(1, format!("ls: unrecognized option: {unknown}\n"));
    }
    if paths.is_empty() {
        paths.push(".");
    }
    let long = flags.contains('l');
    let files = files::all(directory);
    let (mut out, mut err) = (String::new(), String::new());
    let many = paths.len() > 1;
    for path in paths {
        let whole = absolute(&state.dir, path);
        if let Some(file) = files.iter().find(|file| file.path == whole) {
            out += &if long { row(file, path) } else { format!("{path}\n") };
        } else if files::is_folder(directory, &whole) {
            if many {
                out += &format!("{path}:\n");
            }
            let names = files::names(directory, &whole);
            if long {
                let of = |name: &str| files.iter().find(|file| file.path == absolute(&whole, name));
                let blocks: usize = names
                    .iter()
                    .map(|(name, _)| of(name).map_or(4, |file| file.content.len().div_ceil(4096) * 4))
                    .sum();
                out += &format!("total {blocks}\n");
                for (name, _) in &names {
                    out += &match of(name) {
                        Some(file) => row(file, name),
                        None => folder_row(directory, name),
                    };
                }
            } else {
                out.extend(names.iter().map(|(name, _)| format!("{name}\n")));
            }
        } else {
            err += &format!("ls: {path}: No such file or directory\n");
        }
    }
    let status = i32::from(!err.is_empty());
    Left { out, err, status, ..Left::default() }
}

/// `Nov 21 12:42`
fn stamp(nanos: i64) -> String {
    let text = rfc1123(nanos);
    let parts: Vec<&str> = text.split([' ', ',']).filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        [_, day, month, _, clock, _] => format!("{month} {:>2} {}", day.trim_start_matches('0'), &clock[..5]),
        _ => text,
    }
}

fn row(file: &Entry, name: &str) -> String {
    let mode: String =
        (0..9).rev().map(|bit| if file.mode >> bit & 1 == 1 { ['x', 'w', 'r'][bit % 3] } else { '-' }).collect();
    // The last of the two owners is a number: images without groups know no name for it.
    format!("-{mode} {:>4} {:<8} {:<8} {:>9} {} {name}\n", 1, "root", "0", file.content.len(), stamp(file.at.nanos()))
}

fn folder_row(directory: &Directory<'_>, name: &str) -> String {
    let at = directory.container.created_stamp.nanos();
    format!("drwxr-xr-x {:>4} {:<8} {:<8} {:>9} {} {name}\n", 2, "root", "0", 4096, stamp(at))
}
