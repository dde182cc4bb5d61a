//! The language of the lab's prompt, of scenario steps, of lesson solutions and of recordings: words in, a tree out.
//!
//! Nothing here runs anything: the pure parts are the grammar ([`parse`]), the lab's own verbs ([`Verb`]), the expansion
//! of one command once its substitutions have been run ([`expand`](expand::expand)), and the text filters that stand
//! behind a pipe ([`filter`]). The session's interpreter puts them together. It follows the house plan §4 and the shell
//! grammar of the command line reference.
//!
//! ```
//! use swarmlab::session::shell::{Command, Dialect, parse};
//!
//! let list = parse("docker service ls | grep web; kill w1", Dialect::Lab).unwrap();
//! assert_eq!(list.items.len(), 2);
//! assert!(matches!(list.items[1].first.commands[0], Command::Verb(_)));
//!
//! let error = parse("kill", Dialect::Lab).unwrap_err();
//! assert_eq!(error.message, "`kill` needs a host or a task");
//! ```

pub mod amount;
pub mod expand;
pub mod filter;
mod lexer;
mod parser;
pub mod syntax;
pub mod verb;

use std::fmt;

pub use parser::{Dialect, parse};
pub use syntax::*;
pub use verb::Verb;

/// The longest text that [`parse`] accepts, in bytes.
pub const MAX_SHELL_BYTES: usize = 1 << 20;

/// Programs of every host besides docker and the [filters](filter::FILTERS).
pub const BUILTINS: &[&str] =
    &["true", ":", "clear", "false", "hostname", "date", "pwd", "ls", "rm", "sleep", "export", "exit"];

/// How deeply substitutions may stand inside each other.
pub const MAX_SHELL_DEPTH: usize = 32;

/// A range of bytes in the text that was parsed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// The range from `start` up to `end`.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// The smallest range that holds both.
    pub fn to(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// The same range in a text that begins `by` bytes later.
    pub fn shifted(self, by: usize) -> Self {
        Self { start: self.start + by, end: self.end + by }
    }
}

/// The line and the column (both from 1, columns in characters) of a byte of `source`.
pub fn line_and_column(source: &str, byte: usize) -> (usize, usize) {
    let mut byte = byte.min(source.len());
    while !source.is_char_boundary(byte) {
        byte -= 1;
    }
    let before = &source[..byte];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (line, column)
}

/// A text that is not a line of the lab's shell: where, why, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShellError {
    /// The offending bytes.
    pub span: Span,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What was expected, or how to mend it.
    pub help: Option<String>,
    /// Whether more text could make it right: a prompt asks for another line then.
    pub incomplete: bool,
}

impl ShellError {
    pub(crate) fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), help: None, incomplete: false }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn incomplete(mut self) -> Self {
        self.incomplete = true;
        self
    }

    /// The same error in a text that begins `by` bytes later.
    pub fn shifted(mut self, by: usize) -> Self {
        self.span = self.span.shifted(by);
        self
    }

    /// Two to four lines for a terminal: the message with its column, the line, a mark under it, the help.
    ///
    /// ```
    /// use swarmlab::session::shell::{Dialect, parse};
    ///
    /// let source = "docker node ls &";
    /// let error = parse(source, Dialect::Lab).unwrap_err();
    /// assert_eq!(
    ///     error.render(source),
    ///     "column 16: `&` (running in the background) is not part of this shell\n  \
    ///      docker node ls &\n                 ^\n  \
    ///      help: put `;` or a new line between commands; `docker service create --detach` returns at once\n"
    /// );
    /// ```
    pub fn render(&self, source: &str) -> String {
        match source.trim_end_matches('\n').contains('\n') {
            true => self.render_from(source, 1),
            false => self.picture(source, String::new()),
        }
    }

    /// The same for a part of a longer text: `source` begins at its line number `first`, and the line is always told.
    pub fn render_from(&self, source: &str, first: usize) -> String {
        let line = first + line_and_column(source, self.span.start).0 - 1;
        self.picture(source, format!("line {line}, "))
    }

    fn picture(&self, source: &str, place: String) -> String {
        let (line, column) = line_and_column(source, self.span.start);
        let mut out = format!("{place}column {column}: {}\n", self.message);
        let text = source.lines().nth(line - 1).unwrap_or("");
        let width = source
            .get(self.span.start..self.span.end.min(source.len()))
            .map_or(1, |s| s.split('\n').next().unwrap_or("").chars().count())
            .max(1);
        out += &format!("  {text}\n  {}{}\n", " ".repeat(column - 1), "^".repeat(width));
        if let Some(help) = &self.help {
            out += &format!("  help: {help}\n");
        }
        out
    }
}

impl fmt::Display for ShellError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ShellError {}

#[cfg(test)]
mod tests;
