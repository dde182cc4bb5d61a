//! sed, as the lab needs it: `-n '/A/,/B/p'` and `-n 'N,Mp'`, and several of these with `;` between them.
//!
//! It edits nothing. It follows the house plan §4.

use regex::Regex;

use super::grep::{Kind, compile};
use super::{Filtered, MOST_BYTES, Options, Outcome, ReadFile, joined, too_much};

/// Where a range begins or ends.
enum Address {
    Line(usize),
    Last,
    Match(Regex),
}

impl Address {
    fn hits(&self, lines: &[&str], index: usize) -> bool {
        match self {
            Address::Line(number) => index + 1 == *number,
            Address::Last => index + 1 == lines.len(),
            Address::Match(regex) => regex.is_match(lines[index]),
        }
    }
}

pub(super) fn sed(args: &[String], stdin: &str, files: ReadFile) -> Filtered {
    let options = Options::read("sed", args, "nE", "e")?;
    let mut operands = options.operands.as_slice();
    let script = match options.value('e') {
        Some(script) => script,
        None => {
            let Some((first, rest)) = operands.split_first() else {
                return Err(Outcome::fail(1, "Usage: sed -n '/FROM/,/TO/p' [input-file]..."));
            };
            operands = rest;
            first
        }
    };
    let unknown = || {
        let forms = "only sed -n '/FROM/,/TO/p' and sed -n 'N,Mp' are known in this lab";
        Outcome::fail(1, format!("sed: {forms}, not: {script}"))
    };
    if !options.has('n') {
        return Err(unknown());
    }
    let kind = if options.has('E') { Kind::Extended } else { Kind::Basic };
    let mut commands = Vec::new();
    let mut rest = script.trim();
    while !rest.is_empty() {
        let command;
        (command, rest) = Print::read(rest, kind).ok_or_else(unknown)?;
        commands.push(command);
    }
    let text = options.input(operands, stdin, files)?;
    let lines: Vec<&str> = text.lines().collect();
    let (mut chosen, mut bytes) = (Vec::new(), 0);
    for (index, line) in lines.iter().enumerate() {
        // Each command prints on its own.
        for command in &mut commands {
            if command.takes(&lines, index) {
                chosen.push(*line);
                bytes += line.len() + 1;
            }
        }
        if bytes > MOST_BYTES {
            return Err(too_much("sed"));
        }
    }
    Ok(Outcome::ok(joined(chosen)))
}

/// `FROM[,TO]p`
struct Print {
    from: Address,
    to: Option<Address>,
    /// Between the two.
    inside: bool,
}

impl Print {
    /// The command that a script begins with, and what follows behind its semicolon.
    fn read(script: &str, kind: Kind) -> Option<(Self, &str)> {
        let (from, rest) = address(script, kind)?;
        let (to, rest) = match rest.trim_start().strip_prefix(',') {
            Some(rest) => address(rest.trim_start(), kind).map(|(to, rest)| (Some(to), rest))?,
            None => (None, rest),
        };
        let rest = rest.trim_start().strip_prefix('p')?.trim_start();
        let rest = if rest.is_empty() { rest } else { rest.strip_prefix(';')?.trim_start() };
        Some((Self { from, to, inside: false }, rest))
    }

    fn takes(&mut self, lines: &[&str], index: usize) -> bool {
        if self.inside {
            self.inside = !self.to.as_ref().is_some_and(|to| to.hits(lines, index));
            return true;
        }
        let begins = self.from.hits(lines, index);
        if begins {
            // A line number at or before the first line ends the range at once; a pattern is looked for from the next.
            self.inside = match &self.to {
                None => false,
                Some(Address::Line(number)) => *number > index + 1,
                Some(Address::Last) => index + 1 < lines.len(),
                Some(Address::Match(_)) => true,
            };
        }
        begins
    }
}

/// The address that a script begins with, and what is behind it.
fn address(script: &str, kind: Kind) -> Option<(Address, &str)> {
    if let Some(rest) = script.strip_prefix('$') {
        return Some((Address::Last, rest));
    }
    if let Some(rest) = script.strip_prefix('/') {
        let mut escaped = false;
        for (at, c) in rest.char_indices() {
            match c {
                '/' if !escaped => {
                    let regex = compile(&rest[..at].replace("\\/", "/"), kind, false, false).ok()?;
                    return Some((Address::Match(regex), &rest[at + 1..]));
                }
                '\\' => escaped = !escaped,
                _ => escaped = false,
            }
        }
        return None;
    }
    let digits = script.bytes().take_while(u8::is_ascii_digit).count();
    let number = script[..digits].parse().ok()?;
    Some((Address::Line(number), &script[digits..]))
}
