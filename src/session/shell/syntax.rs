//! The tree of a text of the lab's shell: plain data, each node with the bytes it was read from.
//!
//! It is not the parser and does not run. It follows the shell grammar of the command line reference, name for name:
//! a list of and-or chains, of pipelines, of commands, of words, of pieces.

use std::sync::Arc;

use super::{Span, Verb};

/// Commands one after another: what is between `;` and line ends.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct List {
    /// The chains in their order.
    pub items: Vec<AndOr>,
    /// Where it stands.
    pub span: Span,
}

/// Pipelines joined by `&&` and `||`, which bind equally and to the left.
#[derive(Clone, Debug, PartialEq)]
pub struct AndOr {
    /// The pipeline that runs first.
    pub first: Pipeline,
    /// The others, each with what must have happened before.
    pub rest: Vec<(Connective, Pipeline)>,
    /// Where it stands.
    pub span: Span,
}

/// What joins two pipelines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connective {
    /// `&&`: go on if the last status was 0.
    And,
    /// `||`: go on if the last status was not 0.
    Or,
}

/// Commands whose outputs feed each other; its status is that of the last.
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    /// At least one command; a verb stands alone.
    pub commands: Vec<Command>,
    /// Where it stands.
    pub span: Span,
}

/// One command.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// A program with its words, as in any shell.
    Simple(SimpleCommand),
    /// One of the lab's own verbs, already understood.
    Verb(VerbCommand),
}

impl Command {
    /// Where it stands.
    pub fn span(&self) -> Span {
        match self {
            Self::Simple(command) => command.span,
            Self::Verb(command) => command.span,
        }
    }
}

/// A line that started with a verb of the lab.
#[derive(Clone, Debug, PartialEq)]
pub struct VerbCommand {
    /// What it says.
    pub verb: Verb,
    /// The line as it was written.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// Assignments, words and redirects; without words it sets variables of the session.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SimpleCommand {
    /// `NAME=word` before the first word.
    pub assignments: Vec<Assignment>,
    /// The program and its arguments, not yet expanded.
    pub words: Vec<Word>,
    /// Redirects in their order.
    pub redirects: Vec<Redirect>,
    /// Where it stands.
    pub span: Span,
}

impl SimpleCommand {
    /// The program's name, if it is written plainly.
    pub fn name(&self) -> Option<&str> {
        self.words.first().and_then(Word::literal)
    }
}

/// `NAME=word`.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// The variable.
    pub name: String,
    /// Its value; never split.
    pub value: Word,
    /// Where it stands.
    pub span: Span,
}

/// A redirect of a command's input or output.
#[derive(Clone, Debug, PartialEq)]
pub struct Redirect {
    /// What goes where.
    pub kind: RedirectKind,
    /// Where it stands (for a here-document: its operator and delimiter).
    pub span: Span,
}

/// The kinds of redirect.
#[derive(Clone, Debug, PartialEq)]
pub enum RedirectKind {
    /// `> word`
    Out(Word),
    /// `>> word`
    Append(Word),
    /// `< word`
    In(Word),
    /// `<< DELIMITER`: its body, with the pieces that are expanded in it.
    Here(Word),
    /// `2>&1`
    ErrToOut,
    /// `2> word`
    Err(Word),
}

/// A word: pieces written without a space between them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Word {
    /// Its pieces; none only for the empty value of an assignment.
    pub pieces: Vec<Piece>,
    /// Where it stands.
    pub span: Span,
}

impl Word {
    /// The word's text if nothing in it is expanded.
    pub fn literal(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [Piece { kind: PieceKind::Text(text), .. }] => Some(text),
            _ => None,
        }
    }
}

/// A part of a word.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// What it is.
    pub kind: PieceKind,
    /// Whether it stands in quotes, which keeps it from being split.
    pub quoted: bool,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of piece.
#[derive(Clone, Debug, PartialEq)]
pub enum PieceKind {
    /// Text, with its quotes and backslashes already taken off.
    Text(String),
    /// `$NAME` or `${NAME}`
    Variable(String),
    /// `$?`
    Status,
    /// `$(list)` or `` `list` ``: what the commands print.
    Substitution(Arc<List>),
}
