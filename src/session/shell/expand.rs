//! Expansion of one command: variables, substitutions, word splitting.
//!
//! It runs nothing. The interpreter asks for the [`substitutions`] of a command, runs each list, and hands their outputs
//! to [`expand`]; so that it can stop in the middle of one and be cloned with the world. No globbing, no arithmetic. It
//! follows the semantics of the command line reference, which are those of bash.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{List, Piece, PieceKind, RedirectKind, SimpleCommand, Word};

/// A command with nothing left to expand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expanded {
    /// Variables to set: of the session if `argv` is empty, else for this command alone.
    pub assignments: Vec<(String, String)>,
    /// The program and its arguments; empty if every word expanded to nothing.
    pub argv: Vec<String>,
    /// Where input and output go.
    pub redirects: Vec<ExpandedRedirect>,
}

/// A redirect whose file name or text is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpandedRedirect {
    /// `> FILE`
    Out(String),
    /// `>> FILE`
    Append(String),
    /// `< FILE`
    In(String),
    /// The text of a here-document.
    Here(String),
    /// `2>&1`
    ErrToOut,
    /// `2> FILE`
    Err(String),
}

/// The most that a command may come to with its variables and substitutions written out, in bytes: what Linux hands to a
/// program at most. Without a limit `X=$X$X`, written forty times, would fill any machine.
pub const MAX_EXPANDED: usize = 2 << 20;

/// Why a command cannot be expanded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpandError {
    /// A file name that became no word or several.
    #[error("bash: {word}: ambiguous redirect")]
    AmbiguousRedirect {
        /// The word as it was written, without its quotes.
        word: String,
    },
    /// More than [`MAX_EXPANDED`].
    #[error(
        "bash: Argument list too long (more than {MAX_EXPANDED} bytes with variables and substitutions written out)"
    )]
    TooLong,
}

/// The words of a command in the order in which they are expanded.
fn expanded_words(command: &SimpleCommand) -> impl Iterator<Item = &Word> {
    let redirects = command.redirects.iter().filter_map(|redirect| match &redirect.kind {
        RedirectKind::Out(word)
        | RedirectKind::Append(word)
        | RedirectKind::In(word)
        | RedirectKind::Here(word)
        | RedirectKind::Err(word) => Some(word),
        RedirectKind::ErrToOut => None,
    });
    command.words.iter().chain(redirects).chain(command.assignments.iter().map(|assignment| &assignment.value))
}

/// The lists whose outputs a command needs, in the order in which to run them.
///
/// ```
/// use swarmlab::session::shell::{Command, Dialect, expand, parse};
///
/// let list = parse("docker rm -f $(docker ps --last 1 -q) \"$(hostname)\"", Dialect::Lab).unwrap();
/// let Command::Simple(command) = &list.items[0].first.commands[0] else { panic!() };
/// assert_eq!(expand::substitutions(command).len(), 2);
///
/// let outputs = ["0123456789ab\n".to_string(), "m 1\n".to_string()];
/// let done = expand::expand(command, &Default::default(), 0, &outputs).unwrap();
/// assert_eq!(done.argv, ["docker", "rm", "-f", "0123456789ab", "m 1"]);
/// ```
pub fn substitutions(command: &SimpleCommand) -> Vec<Arc<List>> {
    expanded_words(command)
        .flat_map(|word| &word.pieces)
        .filter_map(|piece| match &piece.kind {
            PieceKind::Substitution(list) => Some(Arc::clone(list)),
            _ => None,
        })
        .collect()
}

/// Expands a command; `outputs` are those of its [`substitutions`], in their order (a missing one counts as empty).
pub fn expand(
    command: &SimpleCommand,
    variables: &BTreeMap<String, String>,
    status: i32,
    outputs: &[String],
) -> Result<Expanded, ExpandError> {
    let mut outputs = outputs.iter();
    let mut values = Values { variables, set: Vec::new(), status, outputs: &mut outputs, bytes: 0 };
    let mut done = Expanded::default();
    for word in &command.words {
        values.fields(word, &mut done.argv);
    }
    for redirect in &command.redirects {
        let mut file = |word: &Word| {
            let mut fields = Vec::new();
            values.fields(word, &mut fields);
            match <[String; 1]>::try_from(fields) {
                Ok([file]) => Ok(file),
                Err(_) => Err(ExpandError::AmbiguousRedirect { word: written(word) }),
            }
        };
        done.redirects.push(match &redirect.kind {
            RedirectKind::Out(word) => ExpandedRedirect::Out(file(word)?),
            RedirectKind::Append(word) => ExpandedRedirect::Append(file(word)?),
            RedirectKind::In(word) => ExpandedRedirect::In(file(word)?),
            RedirectKind::Err(word) => ExpandedRedirect::Err(file(word)?),
            RedirectKind::Here(body) => ExpandedRedirect::Here(values.joined(body)),
            RedirectKind::ErrToOut => ExpandedRedirect::ErrToOut,
        });
    }
    for assignment in &command.assignments {
        let value = values.joined(&assignment.value);
        values.set.push((assignment.name.clone(), value));
    }
    done.assignments = values.set;
    if values.bytes > MAX_EXPANDED { Err(ExpandError::TooLong) } else { Ok(done) }
}

/// What stands in for variables and substitutions.
struct Values<'a, 'b> {
    variables: &'a BTreeMap<String, String>,
    /// Set by this command itself; a later assignment sees them.
    set: Vec<(String, String)>,
    status: i32,
    outputs: &'b mut std::slice::Iter<'a, String>,
    /// What it comes to so far; behind [`MAX_EXPANDED`] nothing more is written out.
    bytes: usize,
}

impl Values<'_, '_> {
    fn value(&mut self, piece: &Piece) -> String {
        if self.bytes > MAX_EXPANDED {
            return String::new();
        }
        let value = self.of(piece);
        self.bytes += value.len();
        value
    }

    fn of(&mut self, piece: &Piece) -> String {
        match &piece.kind {
            PieceKind::Text(text) => text.clone(),
            PieceKind::Status => self.status.to_string(),
            PieceKind::Variable(name) => {
                let set = self.set.iter().rev().find(|(other, _)| other == name).map(|(_, value)| value);
                set.or_else(|| self.variables.get(name)).cloned().unwrap_or_default()
            }
            PieceKind::Substitution(_) => {
                self.outputs.next().map(|output| output.trim_end_matches('\n').to_string()).unwrap_or_default()
            }
        }
    }

    /// The word as one text, not split.
    fn joined(&mut self, word: &Word) -> String {
        word.pieces.iter().map(|piece| self.value(piece)).collect()
    }

    /// The words that a word becomes.
    fn fields(&mut self, word: &Word, out: &mut Vec<String>) {
        let mut current: Option<String> = None;
        for piece in &word.pieces {
            let value = self.value(piece);
            if piece.quoted || matches!(piece.kind, PieceKind::Text(_)) {
                current.get_or_insert_default().push_str(&value);
                continue;
            }
            for c in value.chars() {
                if matches!(c, ' ' | '\t' | '\n') {
                    out.extend(current.take());
                } else {
                    current.get_or_insert_default().push(c);
                }
            }
        }
        out.extend(current);
    }
}

/// A word as an error shows it.
fn written(word: &Word) -> String {
    let piece = |piece: &Piece| match &piece.kind {
        PieceKind::Text(text) => text.clone(),
        PieceKind::Variable(name) => format!("${name}"),
        PieceKind::Status => "$?".to_string(),
        PieceKind::Substitution(_) => "$(...)".to_string(),
    };
    word.pieces.iter().map(piece).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Command, Dialect, parse};
    use super::*;

    fn run(line: &str, outputs: &[&str]) -> Result<Expanded, ExpandError> {
        let list = parse(line, Dialect::Lab).expect("the line parses");
        let Command::Simple(command) = &list.items[0].first.commands[0] else { panic!("not a simple command") };
        let variables = BTreeMap::from([("X".to_string(), "a  b".to_string()), ("P".to_string(), " q ".to_string())]);
        let outputs: Vec<String> = outputs.iter().map(ToString::to_string).collect();
        expand(command, &variables, 3, &outputs)
    }

    fn argv(line: &str, outputs: &[&str]) -> Vec<String> {
        run(line, outputs).expect("it expands").argv
    }

    #[test]
    fn words_are_split_as_bash_splits_them() {
        assert_eq!(argv("echo $X", &[]), ["echo", "a", "b"]);
        assert_eq!(argv("echo \"$X\"", &[]), ["echo", "a  b"]);
        assert_eq!(argv("echo '$X'", &[]), ["echo", "$X"]);
        assert_eq!(argv("echo \\$X", &[]), ["echo", "$X"]);
        assert_eq!(argv("echo pre${X}post", &[]), ["echo", "prea", "bpost"]);
        assert_eq!(argv("echo a$P-b", &[]), ["echo", "a", "q", "-b"]);
        assert_eq!(argv("echo $NONE \"\" \"$NONE\"", &[]), ["echo", "", ""]);
        assert_eq!(argv("echo $?", &[]), ["echo", "3"]);
        assert_eq!(argv("docker rm -f $(docker ps -q)", &["\n"]), ["docker", "rm", "-f"]);
        assert_eq!(argv("echo `a` x$(b)y", &["1 2\n\n", "3"]), ["echo", "1", "2", "x3y"]);
        assert_eq!(argv("$(a)", &[""]), Vec::<String>::new());
    }

    #[test]
    fn assignments_and_redirects() {
        let done = run("A=$X B=\"$A!\"", &[]).expect("it expands");
        assert_eq!(done.assignments, [("A".to_string(), "a  b".to_string()), ("B".to_string(), "a  b!".to_string())]);
        let done = run("cat > \"$X\" 2>&1 <<E\nx $X \\$X `c`\nE\n", &["out\n"]).expect("it expands");
        let here = ExpandedRedirect::Here("x a  b $X out\n".into());
        assert_eq!(done.redirects, [ExpandedRedirect::Out("a  b".into()), ExpandedRedirect::ErrToOut, here]);
        assert_eq!(run("cat > $X", &[]).unwrap_err().to_string(), "bash: $X: ambiguous redirect");
    }
}
