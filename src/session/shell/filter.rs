//! The text filters behind a pipe: grep, wc, head, tail, sort, uniq, awk, cut, tr, sed, cat, echo, printf.
//!
//! Each is a pure function from arguments and input to outputs and status: no files but those the caller can read, no
//! clock. The list is closed and each knows a few flags; any other flag is an error as the real program would word it.
//! It follows the list of the command line reference.

mod grep;
mod lines;
mod print;
mod sed;

/// What a filter leaves behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What it writes to its output.
    pub stdout: String,
    /// What it writes to the errors.
    pub stderr: String,
    /// Its exit status.
    pub status: i32,
}

impl Outcome {
    fn ok(stdout: String) -> Self {
        Self { stdout, ..Self::default() }
    }

    fn fail(status: i32, stderr: impl Into<String>) -> Self {
        Self { stdout: String::new(), stderr: format!("{}\n", stderr.into()), status }
    }
}

/// Reads a file of the host; none if there is no such file.
pub type ReadFile<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The names of the filters, in the order of the documentation.
pub const FILTERS: &[&str] =
    &["grep", "wc", "head", "tail", "sort", "uniq", "awk", "cut", "tr", "sed", "cat", "echo", "printf"];

/// Runs a filter; none if `argv` does not name one.
///
/// ```
/// use swarmlab::session::shell::filter;
///
/// let argv = ["grep", "-c", "Running"].map(String::from);
/// let outcome = filter::run(&argv, "web.1 Running\nweb.2 Shutdown\n", &|_| None).unwrap();
/// assert_eq!((outcome.stdout.as_str(), outcome.status), ("1\n", 0));
/// ```
pub fn run(argv: &[String], stdin: &str, files: ReadFile) -> Option<Outcome> {
    let (name, args) = argv.split_first()?;
    let result = match name.as_str() {
        "grep" => grep::grep(args, stdin, files),
        "wc" => lines::wc(args, stdin, files),
        "head" => lines::head(args, stdin, files),
        "tail" => lines::tail(args, stdin, files),
        "sort" => lines::sort(args, stdin, files),
        "uniq" => lines::uniq(args, stdin, files),
        "awk" => print::awk(args, stdin, files),
        "cut" => print::cut(args, stdin, files),
        "tr" => print::tr(args, stdin),
        "sed" => sed::sed(args, stdin, files),
        "cat" => print::cat(args, stdin, files),
        "echo" => Ok(print::echo(args)),
        "printf" => print::printf(args),
        _ => return None,
    };
    Some(result.unwrap_or_else(|failure| failure))
}

/// The most that a filter reads or writes, in bytes: one that repeats its input could fill any machine.
const MOST_BYTES: usize = 16 << 20;

/// That it is more than [`MOST_BYTES`].
fn too_much(name: &str) -> Outcome {
    Outcome::fail(1, format!("{name}: more than {MOST_BYTES} bytes: no more is kept here"))
}

/// A filter's result; the error is an outcome as well: a message and a status.
type Filtered = Result<Outcome, Outcome>;

/// Flags and operands of a filter: `flags` that stand alone, `valued` that take a value; grouped and joined as usual.
struct Options<'a> {
    name: &'static str,
    found: Vec<(char, Option<&'a str>)>,
    operands: Vec<&'a str>,
}

impl<'a> Options<'a> {
    fn read(name: &'static str, args: &'a [String], flags: &str, valued: &str) -> Result<Self, Outcome> {
        let mut options = Self { name, found: Vec::new(), operands: Vec::new() };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            if arg == "--" {
                options.operands.extend(args.map(String::as_str));
                break;
            }
            if let Some(long) = arg.strip_prefix("--") {
                return Err(Outcome::fail(2, format!("{name}: unrecognized option '--{long}'")));
            }
            let Some(group) = arg.strip_prefix('-').filter(|group| !group.is_empty()) else {
                options.operands.push(arg);
                continue;
            };
            for (at, flag) in group.char_indices() {
                if flags.contains(flag) {
                    options.found.push((flag, None));
                } else if valued.contains(flag) {
                    let joined = &group[at + flag.len_utf8()..];
                    let value = if joined.is_empty() { args.next().map(String::as_str) } else { Some(joined) };
                    let Some(value) = value else {
                        return Err(Outcome::fail(2, format!("{name}: option requires an argument -- '{flag}'")));
                    };
                    options.found.push((flag, Some(value)));
                    break;
                } else {
                    return Err(Outcome::fail(2, format!("{name}: invalid option -- '{flag}'")));
                }
            }
        }
        Ok(options)
    }

    fn has(&self, flag: char) -> bool {
        self.found.iter().any(|(other, _)| *other == flag)
    }

    fn value(&self, flag: char) -> Option<&'a str> {
        self.found.iter().rev().find(|(other, _)| *other == flag).and_then(|(_, value)| *value)
    }

    fn number(&self, flag: char) -> Result<Option<usize>, Outcome> {
        let Some(text) = self.value(flag) else { return Ok(None) };
        let number = text.parse().map_err(|_| Outcome::fail(1, format!("{}: invalid number: '{text}'", self.name)))?;
        Ok(Some(number))
    }

    /// The contents of the files named, or the standard input.
    fn input(&self, files: &[&str], stdin: &str, read: ReadFile) -> Result<String, Outcome> {
        if files.is_empty() {
            return Ok(stdin.to_string());
        }
        let mut text = String::new();
        for file in files {
            match *file {
                "-" => text.push_str(stdin),
                file => match read(file) {
                    Some(contents) => text.push_str(&contents),
                    None => {
                        return Err(Outcome::fail(
                            if matches!(self.name, "grep" | "sed" | "sort" | "awk") { 2 } else { 1 },
                            format!("{}: {file}: No such file or directory", self.name),
                        ));
                    }
                },
            }
            if text.len() > MOST_BYTES {
                return Err(too_much(self.name));
            }
        }
        Ok(text)
    }
}

/// Lines, each ended by a line end.
fn joined<'a>(lines: impl IntoIterator<Item = &'a str>) -> String {
    let mut out = String::new();
    for line in lines {
        out.push_str(line);
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests;
