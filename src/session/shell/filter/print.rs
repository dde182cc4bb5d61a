//! Filters that print or pick out parts of lines: awk, cut, tr, cat, echo, printf.
//!
//! awk knows one form only, `{print ...}` of fields and texts. It follows the list of the command line reference.

use super::{Filtered, MOST_BYTES, Options, Outcome, ReadFile, too_much};

pub(super) fn cat(args: &[String], stdin: &str, files: ReadFile) -> Filtered {
    let options = Options::read("cat", args, "n", "")?;
    let mut outcome = Outcome::default();
    if options.operands.is_empty() {
        outcome.stdout = stdin.to_string();
    }
    // A file that is not there does not keep the others from being shown.
    for name in &options.operands {
        match files(name).or_else(|| (*name == "-").then(|| stdin.to_string())) {
            Some(text) => outcome.stdout += &text,
            None => {
                outcome.stderr += &format!("cat: {name}: No such file or directory\n");
                outcome.status = 1;
            }
        }
        if outcome.stdout.len() > MOST_BYTES {
            return Err(too_much("cat"));
        }
    }
    if options.has('n') {
        let lines = outcome.stdout.split_inclusive('\n').enumerate();
        outcome.stdout = lines.map(|(index, line)| format!("{:>6}\t{line}", index + 1)).collect();
    }
    Ok(outcome)
}

pub(super) fn echo(args: &[String]) -> Outcome {
    let mut words = args;
    let (mut newline, mut escapes) = (true, false);
    while let Some((first, rest)) = words.split_first() {
        match first.as_str() {
            "-n" => newline = false,
            "-e" => escapes = true,
            "-E" => escapes = false,
            "-ne" | "-en" => (newline, escapes) = (false, true),
            _ => break,
        }
        words = rest;
    }
    let text = words.join(" ");
    let text = if escapes { unescaped(&text) } else { text };
    Outcome::ok(if newline { text + "\n" } else { text })
}

/// `\n`, `\t` and their kin.
fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('\\') => out.push('\\'),
            Some('"') => out.push('"'),
            Some(other) => {
                out.push('\\');
                out.push(other);
            }
            None => out.push('\\'),
        }
    }
    out
}

/// `printf FORMAT [ARG..]` with %s %d %b %% and a width; the format is used again while arguments are left.
pub(super) fn printf(args: &[String]) -> Filtered {
    let args = if args.first().is_some_and(|arg| arg == "--") { &args[1..] } else { args };
    let Some((format, values)) = args.split_first() else {
        return Err(Outcome::fail(2, "printf: usage: printf [-v var] format [arguments]"));
    };
    let format = unescaped(format);
    let mut values = values.iter();
    let mut out = String::new();
    loop {
        let left = values.len();
        let mut chars = format.chars().peekable();
        while let Some(c) = chars.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            let mut flags = String::new();
            while let Some(&c) = chars.peek()
                && (c == '-' || c.is_ascii_digit())
            {
                flags.push(c);
                chars.next();
            }
            let width: usize = flags.trim_start_matches('-').parse().unwrap_or(0);
            let value = match chars.next() {
                Some('%') => "%".to_string(),
                Some('s') => values.next().cloned().unwrap_or_default(),
                Some('b') => unescaped(values.next().map_or("", String::as_str)),
                Some('d' | 'i') => match values.next().map_or("0", String::as_str) {
                    "" => "0".to_string(),
                    text => match text.parse::<i64>() {
                        Ok(number) => number.to_string(),
                        Err(_) => return Err(Outcome::fail(1, format!("bash: printf: {text}: invalid number"))),
                    },
                },
                Some(other) => {
                    return Err(Outcome::fail(1, format!("bash: printf: `{other}': invalid format character")));
                }
                None => return Err(Outcome::fail(1, "bash: printf: `%': missing format character")),
            };
            let width = width.min(1_000);
            let zero = flags.starts_with('0');
            out += &match flags.starts_with('-') {
                true => format!("{value:<width$}"),
                false if zero => format!("{value:0>width$}"),
                false => format!("{value:>width$}"),
            };
        }
        if out.len() > MOST_BYTES {
            return Err(too_much("printf"));
        }
        if values.len() == 0 || values.len() == left {
            return Ok(Outcome::ok(out));
        }
    }
}

/// One part of what awk prints.
enum Item {
    Field(usize),
    LastField,
    LineNumber,
    Fields,
    Text(String),
}

/// `awk [-F SEP] [/REGEX/ or NR>N] '{print ITEM, ITEM ..}'`.
pub(super) fn awk(args: &[String], stdin: &str, files: ReadFile) -> Filtered {
    let options = Options::read("awk", args, "", "F")?;
    let Some((program, operands)) = options.operands.split_first() else {
        return Err(Outcome::fail(2, "usage: awk [-F fs] '{print $N}' [file ...]"));
    };
    let unknown =
        || Outcome::fail(2, format!("awk: only the form '{{print $N}}' is known in this lab, not: {program}"));
    let program = program.trim();
    let (condition, body) = program.split_at(program.find('{').ok_or_else(unknown)?);
    let condition = match condition.trim() {
        "" => None,
        text => Some(condition_of(text).ok_or_else(unknown)?),
    };
    let body = body.strip_prefix('{').and_then(|body| body.strip_suffix('}')).ok_or_else(unknown)?;
    let body = body.trim().trim_end_matches(';').strip_prefix("print").ok_or_else(unknown)?;
    let items = items(body).ok_or_else(unknown)?;
    let text = options.input(operands, stdin, files)?;
    let separator = options.value('F').map(unescaped);
    let mut out = String::new();
    for (index, line) in text.lines().enumerate() {
        let hit = match &condition {
            None => true,
            Some(Condition::Matches(regex)) => regex.is_match(line),
            Some(Condition::From(first)) => index + 1 >= *first,
            Some(Condition::Only(number)) => index + 1 == *number,
        };
        if !hit {
            continue;
        }
        let fields: Vec<&str> = match separator.as_deref() {
            None | Some(" ") | Some("") => line.split_whitespace().collect(),
            Some(separator) => line.split(separator).collect(),
        };
        for group in &items {
            for item in group {
                match item {
                    Item::Field(0) => out.push_str(line),
                    Item::Field(number) => out.push_str(fields.get(number - 1).copied().unwrap_or("")),
                    Item::LastField => out.push_str(fields.last().copied().unwrap_or("")),
                    Item::LineNumber => out += &(index + 1).to_string(),
                    Item::Fields => out += &fields.len().to_string(),
                    Item::Text(text) => out.push_str(text),
                }
            }
            out.push(' ');
            if out.len() > MOST_BYTES {
                return Err(too_much("awk"));
            }
        }
        if !items.is_empty() {
            out.pop();
        } else {
            out.push_str(line);
        }
        out.push('\n');
    }
    Ok(Outcome::ok(out))
}

enum Condition {
    Matches(regex::Regex),
    From(usize),
    Only(usize),
}

fn condition_of(text: &str) -> Option<Condition> {
    if let Some(pattern) = text.strip_prefix('/').and_then(|text| text.strip_suffix('/')) {
        return super::grep::compile(pattern, super::grep::Kind::Extended, false, false).ok().map(Condition::Matches);
    }
    let rest = text.strip_prefix("NR")?.trim_start();
    if let Some(number) = rest.strip_prefix("==") {
        return number.trim().parse().ok().map(Condition::Only);
    }
    if let Some(number) = rest.strip_prefix(">=") {
        return number.trim().parse().ok().map(Condition::From);
    }
    let number: usize = rest.strip_prefix('>')?.trim().parse().ok()?;
    number.checked_add(1).map(Condition::From)
}

/// The items of a print, in groups that a comma parts.
fn items(text: &str) -> Option<Vec<Vec<Item>>> {
    let mut groups: Vec<Vec<Item>> = Vec::new();
    let mut rest = text.trim_start();
    if rest.is_empty() {
        return Some(groups);
    }
    groups.push(Vec::new());
    while let Some(c) = rest.chars().next() {
        let item = match c {
            ',' => {
                groups.push(Vec::new());
                rest = rest[1..].trim_start();
                continue;
            }
            '"' => {
                let length = super::super::verb::quoted_length(&rest[1..], b'"')?;
                let text = unescaped(&rest[1..1 + length]);
                rest = &rest[length + 2..];
                Item::Text(text)
            }
            '$' => {
                rest = &rest[1..];
                if let Some(behind) = rest.strip_prefix("NF") {
                    rest = behind;
                    Item::LastField
                } else {
                    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
                    let number = rest[..digits].parse().ok()?;
                    rest = &rest[digits..];
                    Item::Field(number)
                }
            }
            _ if rest.starts_with("NR") || rest.starts_with("NF") => {
                let item = if rest.starts_with("NR") { Item::LineNumber } else { Item::Fields };
                rest = &rest[2..];
                item
            }
            _ => return None,
        };
        groups.last_mut()?.push(item);
        rest = rest.trim_start();
    }
    if groups.iter().any(Vec::is_empty) { None } else { Some(groups) }
}

/// `N`, `N-`, `-M`, `N-M`, parted by commas; places from 1.
fn ranges(text: &str) -> Option<Vec<(usize, usize)>> {
    let range = |part: &str| {
        let (from, to) = match part.split_once('-') {
            None => (part, part),
            Some(("", "")) => return None,
            Some(pair) => pair,
        };
        let from = if from.is_empty() { 1 } else { from.parse().ok()? };
        let to = if to.is_empty() { usize::MAX } else { to.parse().ok()? };
        (from >= 1 && from <= to).then_some((from, to))
    };
    text.split(',').map(range).collect()
}

pub(super) fn cut(args: &[String], stdin: &str, files: ReadFile) -> Filtered {
    let options = Options::read("cut", args, "s", "dfcb")?;
    let list = options.value('f').or(options.value('c')).or(options.value('b'));
    let Some(list) = list else {
        return Err(Outcome::fail(1, "cut: you must specify a list of bytes, characters, or fields"));
    };
    let Some(ranges) = ranges(list) else {
        return Err(Outcome::fail(1, format!("cut: invalid field value '{list}'")));
    };
    let chosen = |place: usize| ranges.iter().any(|&(from, to)| from <= place && place <= to);
    let delimiter = options.value('d').unwrap_or("\t");
    if delimiter.chars().count() != 1 {
        return Err(Outcome::fail(1, "cut: the delimiter must be a single character"));
    }
    let text = options.input(&options.operands, stdin, files)?;
    let mut out = String::new();
    for line in text.lines() {
        if options.value('f').is_none() {
            out.extend(line.chars().enumerate().filter(|(index, _)| chosen(index + 1)).map(|(_, c)| c));
        } else if !line.contains(delimiter) {
            if options.has('s') {
                continue;
            }
            out.push_str(line);
        } else {
            let fields = line.split(delimiter).enumerate().filter(|(index, _)| chosen(index + 1));
            out += &fields.map(|(_, field)| field).collect::<Vec<_>>().join(delimiter);
        }
        out.push('\n');
    }
    Ok(Outcome::ok(out))
}

/// The letters of a set of tr: `a-z`, `[:upper:]`, escapes.
fn letters(text: &str) -> Vec<char> {
    let text = text
        .replace("[:upper:]", "A-Z")
        .replace("[:lower:]", "a-z")
        .replace("[:digit:]", "0-9")
        .replace("[:space:]", " \t\n\r")
        .replace("[:alpha:]", "A-Za-z")
        .replace("[:alnum:]", "A-Za-z0-9");
    let chars: Vec<char> = unescaped(&text).chars().collect();
    let mut out = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        match (chars.get(at + 1), chars.get(at + 2)) {
            (Some('-'), Some(&last)) if chars[at] <= last && last.is_ascii() => {
                out.extend(chars[at]..=last);
                at += 3;
            }
            _ => {
                out.push(chars[at]);
                at += 1;
            }
        }
    }
    out
}

pub(super) fn tr(args: &[String], stdin: &str) -> Filtered {
    let options = Options::read("tr", args, "dsc", "")?;
    let sets: Vec<Vec<char>> = options.operands.iter().map(|set| letters(set)).collect();
    let Some(first) = sets.first() else { return Err(Outcome::fail(1, "tr: missing operand")) };
    let complement = options.has('c');
    let within = |c: char| first.contains(&c) != complement;
    let (delete, squeeze) = (options.has('d'), options.has('s'));
    let second = sets.get(1);
    if second.is_none() && !delete && !squeeze {
        return Err(Outcome::fail(1, format!("tr: missing operand after '{}'", options.operands[0])));
    }
    let mut out = String::new();
    let mut last: Option<char> = None;
    for c in stdin.chars() {
        let mut c = c;
        if delete && within(c) {
            continue;
        }
        let mut touched = within(c);
        if let Some(second) = second.filter(|second| !second.is_empty() && !delete)
            && within(c)
        {
            let place = if complement { usize::MAX } else { first.iter().position(|&other| other == c).unwrap_or(0) };
            c = second[place.min(second.len() - 1)];
            touched = true;
        }
        if squeeze && touched && last == Some(c) {
            continue;
        }
        last = touched.then_some(c);
        out.push(c);
    }
    Ok(Outcome::ok(out))
}
