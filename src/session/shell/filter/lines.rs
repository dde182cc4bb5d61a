//! Filters that count, choose and order whole lines: wc, head, tail, sort, uniq.
//!
//! Lines are ordered by their bytes, as in the C locale. It follows the list of the command line reference.

use std::cmp::Ordering;

use super::{Filtered, MOST_BYTES, Options, Outcome, ReadFile, joined};

pub(super) fn wc(args: &[String], stdin: &str, files: ReadFile) -> Filtered {
    let options = Options::read("wc", args, "lwc", "")?;
    let text = options.input(&options.operands, stdin, files)?;
    let counts = [
        ('l', text.bytes().filter(|&byte| byte == b'\n').count()),
        ('w', text.split_whitespace().count()),
        ('c', text.len()),
    ];
    let all = options.found.is_empty();
    let chosen: Vec<usize> =
        counts.iter().filter(|(flag, _)| all || options.has(*flag)).map(|(_, count)| *count).collect();
    let mut out = match chosen.as_slice() {
        [count] => count.to_string(),
        counts => counts.iter().map(|count| format!("{count:>7}")).collect::<Vec<_>>().join(" "),
    };
    if let [file] = options.operands.as_slice() {
        out = format!("{out} {file}");
    }
    Ok(Outcome::ok(out + "\n"))
}

/// `-5` is an old way to write `-n 5`.
fn with_count(args: &[String]) -> Vec<String> {
    let old = |arg: &String| arg.len() > 1 && arg.starts_with('-') && arg[1..].bytes().all(|b| b.is_ascii_digit());
    let mut value = false;
    let rewritten = |arg: &String| {
        let value = std::mem::replace(&mut value, arg == "-n");
        if old(arg) && !value { format!("-n{}", &arg[1..]) } else { arg.clone() }
    };
    args.iter().map(rewritten).collect()
}

pub(super) fn head(args: &[String], stdin: &str, files: ReadFile) -> Filtered {
    let args = with_count(args);
    let options = Options::read("head", &args, "q", "nc")?;
    if let Some(count) = options.value('c') {
        return first_bytes(&options, count, stdin, files);
    }
    let text = options.input(&options.operands, stdin, files)?;
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let wrong = |text| Outcome::fail(1, format!("head: invalid number of lines: '{text}'"));
    let count = match options.value('n') {
        None => 10,
        Some(value) => match value.strip_prefix('-') {
            Some(all_but) => lines.len().saturating_sub(all_but.parse().map_err(|_| wrong(value))?),
            None => value.parse().map_err(|_| wrong(value))?,
        },
    };
    Ok(Outcome::ok(lines[..count.min(lines.len())].concat()))
}

/// `head -c 600000 /dev/zero`
fn first_bytes(options: &Options, count: &str, stdin: &str, files: ReadFile) -> Filtered {
    let wrong = || Outcome::fail(1, format!("head: invalid number of bytes: '{count}'"));
    let wanted: usize = count.parse().map_err(|_| wrong())?;
    if wanted > MOST_BYTES {
        return Err(Outcome::fail(1, format!("head: {wanted} bytes are more than are kept here ({MOST_BYTES})")));
    }
    let mut text = match options.operands.as_slice() {
        ["/dev/zero"] => "\0".repeat(wanted),
        operands => options.input(operands, stdin, files)?,
    };
    let end = (0..=wanted.min(text.len())).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    text.truncate(end);
    Ok(Outcome::ok(text))
}

pub(super) fn tail(args: &[String], stdin: &str, files: ReadFile) -> Filtered {
    let args = with_count(args);
    let options = Options::read("tail", &args, "q", "n")?;
    let text = options.input(&options.operands, stdin, files)?;
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let wrong = |text| Outcome::fail(1, format!("tail: invalid number of lines: '{text}'"));
    let from = match options.value('n') {
        None => lines.len().saturating_sub(10),
        Some(value) => match value.strip_prefix('+') {
            Some(first) => first.parse::<usize>().map_err(|_| wrong(value))?.saturating_sub(1),
            None => lines.len().saturating_sub(value.parse().map_err(|_| wrong(value))?),
        },
    };
    Ok(Outcome::ok(lines[from.min(lines.len())..].concat()))
}

pub(super) fn sort(args: &[String], stdin: &str, files: ReadFile) -> Filtered {
    let options = Options::read("sort", args, "nruf", "kt")?;
    let text = options.input(&options.operands, stdin, files)?;
    let key = options.value('k').map(Key::read).transpose()?;
    let separator = options.value('t').and_then(|text| text.chars().next());
    let mut lines: Vec<&str> = text.lines().collect();
    let numeric = options.has('n') || key.as_ref().is_some_and(|key| key.numeric);
    let reverse = options.has('r') || key.as_ref().is_some_and(|key| key.reverse);
    let fold = options.has('f');
    let by_key = |a: &&str, b: &&str| {
        let part = |line| key.as_ref().map_or(line, |key| key.of(line, separator));
        let (a, b) = (part(a), part(b));
        match (numeric, fold) {
            (true, _) => number(a).total_cmp(&number(b)),
            (false, true) => a.to_uppercase().cmp(&b.to_uppercase()),
            (false, false) => a.cmp(b),
        }
    };
    let turned = |order: Ordering| if reverse { order.reverse() } else { order };
    if options.has('u') {
        lines.sort_by(|a, b| turned(by_key(a, b)));
        lines.dedup_by(|a, b| by_key(a, b).is_eq());
    } else {
        lines.sort_by(|a, b| turned(by_key(a, b).then_with(|| a.cmp(b))));
    }
    Ok(Outcome::ok(joined(lines)))
}

/// `-k N[,M][nr]`: fields from 1, the end included.
struct Key {
    from: usize,
    to: usize,
    numeric: bool,
    reverse: bool,
}

impl Key {
    fn read(text: &str) -> Result<Self, Outcome> {
        let digits = text.trim_end_matches(['n', 'r', 'b']);
        let options = &text[digits.len()..];
        let (from, to) = digits.split_once(',').unwrap_or((digits, ""));
        let from = from.trim_end_matches(['n', 'r', 'b']).parse::<usize>().ok().filter(|&from| from > 0);
        let to = if to.is_empty() { Some(usize::MAX) } else { to.parse().ok() };
        let (Some(from), Some(to)) = (from, to) else {
            return Err(Outcome::fail(
                2,
                format!("sort: invalid number at field start: invalid count at start of '{text}'"),
            ));
        };
        Ok(Self { from, to, numeric: options.contains('n'), reverse: options.contains('r') })
    }

    fn of<'a>(&self, line: &'a str, separator: Option<char>) -> &'a str {
        let mut starts = Vec::new();
        match separator {
            Some(separator) => {
                starts.push(0);
                starts.extend(line.match_indices(separator).map(|(at, found)| at + found.len()));
            }
            None => {
                // A field begins with the blanks before it.
                let mut blank = true;
                for (at, c) in line.char_indices() {
                    let now = c == ' ' || c == '\t';
                    if at == 0 || (now && !blank) {
                        starts.push(at);
                    }
                    blank = now;
                }
            }
        }
        let Some(&from) = starts.get(self.from - 1) else { return "" };
        let to = if self.to < starts.len() { starts[self.to] } else { line.len() };
        line.get(from..to.max(from)).unwrap_or("")
    }
}

/// The number that a text begins with, as `sort -n` reads it; 0 without one.
fn number(text: &str) -> f64 {
    let text = text.trim_start();
    let sign = usize::from(text.starts_with('-'));
    let digits = text[sign..].bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
    text[..sign + digits].parse().unwrap_or(0.0)
}

pub(super) fn uniq(args: &[String], stdin: &str, files: ReadFile) -> Filtered {
    let options = Options::read("uniq", args, "cdui", "")?;
    let text = options.input(&options.operands, stdin, files)?;
    let mut groups: Vec<(usize, &str)> = Vec::new();
    for line in text.lines() {
        let same = |other: &str| match options.has('i') {
            true => other.eq_ignore_ascii_case(line),
            false => other == line,
        };
        match groups.last_mut() {
            Some((count, other)) if same(other) => *count += 1,
            _ => groups.push((1, line)),
        }
    }
    groups.retain(|(count, _)| (!options.has('d') || *count > 1) && (!options.has('u') || *count == 1));
    let mut out = String::new();
    for (count, line) in groups {
        if options.has('c') {
            out += &format!("{count:>7} ");
        }
        out.push_str(line);
        out.push('\n');
    }
    Ok(Outcome::ok(out))
}
