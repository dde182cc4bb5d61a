//! grep, and the regular expressions that it shares with sed.
//!
//! Patterns are POSIX in form and run on the `regex` crate, whose time is linear in the text. It follows the list of the
//! command line reference: -i -v -c -n -E -F -w -o -q -A -B -C -e.

use regex::{Regex, RegexBuilder};

use super::{Filtered, Options, Outcome, ReadFile};

/// The largest compiled pattern, in bytes.
const MAX_PATTERN: usize = 1 << 20;

pub(super) fn grep(args: &[String], stdin: &str, files: ReadFile) -> Filtered {
    let options = Options::read("grep", args, "ivcnEFwoqhs", "eABCm")?;
    let mut operands = options.operands.as_slice();
    let pattern = match options.value('e') {
        Some(pattern) => pattern,
        None => {
            let Some((first, rest)) = operands.split_first() else {
                return Err(Outcome::fail(2, "Usage: grep [OPTION]... PATTERNS [FILE]..."));
            };
            operands = rest;
            first
        }
    };
    let kind = if options.has('F') {
        Kind::Fixed
    } else if options.has('E') {
        Kind::Extended
    } else {
        Kind::Basic
    };
    let regex = compile(pattern, kind, options.has('i'), options.has('w'))
        .map_err(|message| Outcome::fail(2, format!("grep: {message}")))?;
    let around = options.number('C')?;
    let after = options.number('A')?.or(around).unwrap_or(0);
    let before = options.number('B')?.or(around).unwrap_or(0);
    let most = options.number('m')?.unwrap_or(usize::MAX);
    let text = options.input(operands, stdin, files)?;

    let lines: Vec<&str> = text.lines().collect();
    let invert = options.has('v');
    let hits: Vec<usize> =
        (0..lines.len()).filter(|&index| regex.is_match(lines[index]) != invert).take(most).collect();
    let status = i32::from(hits.is_empty());
    if options.has('q') {
        return Ok(Outcome { status, ..Outcome::default() });
    }
    if options.has('c') {
        return Ok(Outcome { stdout: format!("{}\n", hits.len()), status, ..Outcome::default() });
    }
    let mut stdout = String::new();
    let number = |index: usize, mark: char| match options.has('n') {
        true => format!("{}{mark}", index + 1),
        false => String::new(),
    };
    if options.has('o') {
        for &index in hits.iter().filter(|_| !invert) {
            for found in regex.find_iter(lines[index]).filter(|found| !found.is_empty()) {
                stdout += &format!("{}{}\n", number(index, ':'), found.as_str());
            }
        }
        return Ok(Outcome { stdout, status, ..Outcome::default() });
    }
    let context = after > 0 || before > 0;
    let mut printed = 0;
    for &index in &hits {
        let from = index.saturating_sub(before).max(printed);
        if context && printed > 0 && from > printed {
            stdout += "--\n";
        }
        let to = index.saturating_add(after).saturating_add(1).min(lines.len());
        for (line, shown) in lines.iter().enumerate().take(to).skip(from) {
            let hit = hits.binary_search(&line).is_ok();
            // The context behind a hit ends where the next hit begins.
            if line > index && hit {
                break;
            }
            stdout += &format!("{}{}\n", number(line, if hit { ':' } else { '-' }), shown);
            printed = line + 1;
        }
    }
    Ok(Outcome { stdout, status, ..Outcome::default() })
}

/// How a pattern is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Fixed,
    Basic,
    Extended,
}

/// A POSIX pattern as a regular expression of the crate.
pub(super) fn compile(pattern: &str, kind: Kind, ignore_case: bool, word: bool) -> Result<Regex, String> {
    let mut text = match kind {
        Kind::Fixed => regex::escape(pattern),
        Kind::Basic => translated(pattern, true),
        Kind::Extended => translated(pattern, false),
    };
    if word {
        text = format!(r"\b(?:{text})\b");
    }
    RegexBuilder::new(&text)
        .case_insensitive(ignore_case)
        .size_limit(MAX_PATTERN)
        .dfa_size_limit(MAX_PATTERN)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "regular expression too big".to_string(),
            _ => format!("Invalid regular expression: '{pattern}'"),
        })
}

/// Basic expressions have `\(`, `\|`, `\+` where extended ones have them bare; both have `\<` and bracket lists.
fn translated(pattern: &str, basic: bool) -> String {
    let mut out = String::new();
    let mut chars = pattern.chars().peekable();
    let mut start = true;
    while let Some(c) = chars.next() {
        let begins = std::mem::replace(&mut start, false);
        match c {
            '\\' => match chars.next() {
                None => out.push_str(r"\\"),
                Some('<') => out.push_str(r"\b{start}"),
                Some('>') => out.push_str(r"\b{end}"),
                Some(c @ ('w' | 'W' | 's' | 'S' | 'b' | 'B')) => {
                    out.push('\\');
                    out.push(c);
                }
                Some(c @ ('(' | '|')) if basic => {
                    out.push(c);
                    start = true;
                }
                Some(c @ (')' | '{' | '}' | '+' | '?')) if basic => out.push(c),
                Some(c) => out.push_str(&regex::escape(&c.to_string())),
            },
            '[' => bracket(&mut chars, &mut out),
            '*' if basic && begins => out.push_str(r"\*"),
            '(' | ')' | '|' | '{' | '}' | '+' | '?' if basic => {
                out.push('\\');
                out.push(c);
            }
            '^' if basic && !begins => out.push_str(r"\^"),
            c => out.push(c),
        }
        if begins && c == '^' {
            start = basic;
        }
    }
    out
}

/// A bracket list: a backslash in it is a letter, as POSIX has it.
fn bracket(chars: &mut std::iter::Peekable<std::str::Chars>, out: &mut String) {
    out.push('[');
    if chars.peek() == Some(&'^') {
        chars.next();
        out.push('^');
    }
    let mut first = true;
    while let Some(c) = chars.next() {
        match c {
            ']' if !first => {
                out.push(']');
                return;
            }
            '[' if chars.peek() == Some(&':') => {
                out.push('[');
                for c in chars.by_ref() {
                    out.push(c);
                    if c == ']' {
                        break;
                    }
                }
            }
            '[' | ']' | '\\' | '&' | '~' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
        first = false;
    }
}
