//! What is wrong with a file, and how it is shown: the file, the line, the column, the text, what was expected.
//!
//! It is the only place that renders errors of files. It finds none itself.

use std::fmt;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, Severity, SourceCode};

use super::MAX_PROBLEMS_SHOWN;
use crate::session::shell;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The offending bytes of the file.
    pub span: (usize, usize),
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What stands under the offending text.
    pub label: String,
    /// How to mend it.
    pub help: Option<String>,
}

impl Problem {
    pub(super) fn new(span: (usize, usize), message: impl Into<String>) -> Self {
        Self { span, message: message.into(), label: "here".into(), help: None }
    }

    pub(super) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Where it begins: line and column, both from 1, columns in characters.
    pub fn line_and_column(&self, source: &str) -> (usize, usize) {
        shell::line_and_column(source, self.span.0)
    }
}

/// Everything that is wrong with one file.
#[derive(Clone, Debug, PartialEq)]
pub struct ScenarioErrors {
    /// The file as it was named.
    pub path: String,
    /// Its text.
    pub source: String,
    /// At least one problem, in the order of the file.
    pub problems: Vec<Problem>,
}

impl ScenarioErrors {
    pub(super) fn new(path: &str, source: &str, mut problems: Vec<Problem>) -> Self {
        for problem in &mut problems {
            let (start, end) = problem.span;
            let start = boundary(source, start);
            problem.span = (start, boundary(source, end).max(start));
        }
        problems.sort_by_key(|problem| problem.span);
        problems.dedup();
        Self { path: path.to_string(), source: source.to_string(), problems }
    }

    /// The report for a terminal, without colours.
    pub fn render(&self) -> String {
        self.rendered(GraphicalTheme::unicode_nocolor())
    }

    /// The report for a terminal, with colours.
    pub fn render_coloured(&self) -> String {
        self.rendered(GraphicalTheme::unicode())
    }

    fn rendered(&self, theme: GraphicalTheme) -> String {
        let handler = GraphicalReportHandler::new_themed(theme).with_width(120).with_links(false).with_context_lines(1);
        let mut out = String::new();
        for problem in self.problems.iter().take(MAX_PROBLEMS_SHOWN) {
            let shown = Shown { problem, source: NamedSource::new(&self.path, self.source.clone()) };
            if handler.render_report(&mut out, &shown).is_err() {
                out += &format!("{}: {}\n", self.path, problem.message);
            }
            out.push('\n');
        }
        let count = self.problems.len();
        if count > MAX_PROBLEMS_SHOWN {
            out += &format!("{}: and {} more problems\n", self.path, count - MAX_PROBLEMS_SHOWN);
        }
        out
    }
}

fn boundary(source: &str, at: usize) -> usize {
    let mut at = at.min(source.len());
    while !source.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// One line a problem: `file:line:column: message`.
impl fmt::Display for ScenarioErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let (line, column) = problem.line_and_column(&self.source);
            let end = if index == 0 { "" } else { "\n" };
            write!(f, "{end}{}:{line}:{column}: {}", self.path, problem.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for ScenarioErrors {}

/// One problem with its file, as miette wants it.
#[derive(Debug)]
struct Shown<'a> {
    problem: &'a Problem,
    source: NamedSource<String>,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem.message)
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn severity(&self) -> Option<Severity> {
        Some(Severity::Error)
    }

    fn help<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        self.problem.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let (start, end) = self.problem.span;
        let label = LabeledSpan::new(Some(self.problem.label.clone()), start, end - start);
        Some(Box::new(std::iter::once(label)))
    }
}
