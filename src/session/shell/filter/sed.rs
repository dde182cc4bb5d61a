//! sed, in the two forms of the lab: `-n '/A/,/B/p'` and `-n 'N,Mp'`.
//!
//! It edits nothing. It follows the house plan §4.

use regex::Regex;

use super::grep::{Kind, compile};
use super::{Filtered, Options, Outcome, ReadFile, joined};

/// Where a range begins or ends.
enum Address {
    Line(usize),
    Last,
    Match(Regex),
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
    let (from, rest) = address(script.trim(), kind).ok_or_else(unknown)?;
    let (to, rest) = match rest.trim_start().strip_prefix(',') {
        Some(rest) => {
            let (to, rest) = address(rest.trim_start(), kind).ok_or_else(unknown)?;
            (Some(to), rest)
        }
        None => (None, rest),
    };
    if rest.trim() != "p" {
        return Err(unknown());
    }
    let text = options.input(operands, stdin, files)?;
    let lines: Vec<&str> = text.lines().collect();
    let count = lines.len();
    let hit = |address: &Address, index: usize| match address {
        Address::Line(number) => index + 1 == *number,
        Address::Last => index + 1 == count,
        Address::Match(regex) => regex.is_match(lines[index]),
    };
    let mut chosen = Vec::new();
    let mut inside = false;
    for (index, line) in lines.iter().enumerate() {
        if inside {
            chosen.push(*line);
            inside = !to.as_ref().is_some_and(|to| hit(to, index));
        } else if hit(&from, index) {
            chosen.push(*line);
            // A line number at or before the first line ends the range at once; a pattern is looked for from the next.
            inside = match &to {
                None => false,
                Some(Address::Line(number)) => *number > index + 1,
                Some(Address::Last) => index + 1 < count,
                Some(Address::Match(_)) => true,
            };
        }
    }
    Ok(Outcome::ok(joined(chosen)))
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
