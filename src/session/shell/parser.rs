//! The grammar of the lab's shell: lists, chains, pipelines, commands, redirects; and lines that start with a verb.
//!
//! It reads the whole text before anything runs, so that an error changes nothing. It follows the shell grammar of the
//! command line reference and the house plan §4.

use super::lexer::{begins_name, in_name};
use super::{
    AndOr, Assignment, Command, Connective, List, MAX_SHELL_BYTES, MAX_SHELL_DEPTH, Pipeline, Redirect, RedirectKind,
    ShellError, SimpleCommand, Span, VerbCommand, Word, verb,
};

/// Which commands a prompt knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// The lab's own prompt and scripts: programs and the lab's verbs.
    #[default]
    Lab,
    /// A shell inside a container: programs only.
    Container,
}

/// What ends the list being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Input,
    Paren,
    Backtick,
}

/// A cursor over a text.
pub(super) struct Parser<'a> {
    pub(super) source: &'a str,
    pub(super) pos: usize,
    /// Here-documents announced on the current line: its line end, and where to go on behind their bodies.
    pub(super) here_documents: Option<(usize, usize)>,
    dialect: Dialect,
    depth: usize,
}

/// Words that begin a construct of bash which this shell does not have.
const RESERVED: &[&str] = &[
    "if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case", "esac", "function", "select",
    "time", "coproc", "{", "}", "!", "[[",
];

/// Reads a text of one or more lines.
pub fn parse(source: &str, dialect: Dialect) -> Result<List, ShellError> {
    if source.len() > MAX_SHELL_BYTES {
        return Err(ShellError::new(
            Span::new(0, 0),
            format!("the text has {} bytes; at most {MAX_SHELL_BYTES} are read", source.len()),
        ));
    }
    if let Some(at) = source.find('\0') {
        return Err(ShellError::new(Span::new(at, at + 1), "a NUL character cannot stand in a command"));
    }
    let mut parser = Parser { source, pos: 0, here_documents: None, dialect, depth: 0 };
    parser.list(End::Input)
}

impl Parser<'_> {
    /// The list inside a substitution; the cursor stands behind its opening and is left behind its closing.
    pub(super) fn nested(&mut self, end: End, open: Span) -> Result<List, ShellError> {
        if self.depth >= MAX_SHELL_DEPTH {
            return Err(ShellError::new(open, format!("more than {MAX_SHELL_DEPTH} substitutions inside each other")));
        }
        self.depth += 1;
        let list = self.list(end)?;
        self.depth -= 1;
        if self.peek().is_none() {
            return Err(ShellError::new(open, "this `$(` is never closed").help("close it with `)`").incomplete());
        }
        self.pos += 1;
        Ok(list)
    }

    fn list(&mut self, end: End) -> Result<List, ShellError> {
        let start = self.pos;
        let mut items = Vec::new();
        loop {
            self.skip_lines();
            if self.at_end(end) {
                return Ok(List { items, span: Span::new(start, self.pos) });
            }
            if self.peek() == Some(b';') {
                return Err(ShellError::new(self.here(), "a command is missing before `;`"));
            }
            items.push(self.and_or(end)?);
            self.skip_blanks();
            match self.peek() {
                Some(b';') if self.peek_at(1) == Some(b';') => {
                    return Err(ShellError::new(
                        Span::new(self.pos, self.pos + 2),
                        "`;;` is not part of this shell; one `;` goes between two commands",
                    ));
                }
                Some(b';') => self.pos += 1,
                Some(b'\n') => {}
                _ if self.at_end(end) => {}
                Some(b'&') => return Err(self.background()),
                Some(b')') => {
                    return Err(ShellError::new(self.here(), "this `)` closes nothing")
                        .help("put a `)` that means itself in quotes"));
                }
                Some(b'(') => return Err(self.parenthesis()),
                _ => {
                    return Err(ShellError::new(self.here(), "a `;`, `&&`, `||`, `|` or a new line was expected here"));
                }
            }
        }
    }

    fn background(&self) -> ShellError {
        ShellError::new(self.here(), "`&` (running in the background) is not part of this shell")
            .help("put `;` or a new line between commands; `docker service create --detach` returns at once")
    }

    fn parenthesis(&self) -> ShellError {
        ShellError::new(self.here(), "`(` (a group or a function) is not part of this shell")
            .help("put a `(` that means itself in quotes; $(...) takes what a command prints")
    }

    fn and_or(&mut self, end: End) -> Result<AndOr, ShellError> {
        let first = self.pipeline(end, None)?;
        let mut span = first.span;
        let mut rest = Vec::new();
        loop {
            self.skip_blanks();
            let connective = if self.starts_with("&&") {
                Connective::And
            } else if self.starts_with("||") {
                Connective::Or
            } else {
                return Ok(AndOr { first, rest, span });
            };
            let operator = Span::new(self.pos, self.pos + 2);
            self.pos += 2;
            self.skip_lines();
            let next = self.pipeline(end, Some(operator))?;
            span = span.to(next.span);
            rest.push((connective, next));
        }
    }

    /// A pipeline; `after` is the operator it stands behind.
    fn pipeline(&mut self, end: End, after: Option<Span>) -> Result<Pipeline, ShellError> {
        if let Some(verb) = self.verb_line(end)? {
            let span = verb.span;
            return Ok(Pipeline { commands: vec![Command::Verb(verb)], span });
        }
        let first = self.command(end, after)?;
        let mut span = first.span;
        let mut commands = vec![Command::Simple(first)];
        loop {
            self.skip_blanks();
            if self.peek() != Some(b'|') || self.peek_at(1) == Some(b'|') {
                return Ok(Pipeline { commands, span });
            }
            if self.peek_at(1) == Some(b'&') {
                return Err(ShellError::new(Span::new(self.pos, self.pos + 2), "`|&` is not part of this shell")
                    .help("write 2>&1 | to pipe the errors too"));
            }
            let operator = self.here();
            self.pos += 1;
            self.skip_lines();
            let next = self.command(end, Some(operator))?;
            span = span.to(next.span);
            commands.push(Command::Simple(next));
        }
    }

    /// The plain word at the cursor, not consumed.
    fn bare_word(&self) -> &str {
        let rest = &self.source[self.pos..];
        let length = rest.find([' ', '\t', '\r', '\n', ';', '&', '|', '<', '>', '(', ')', '`']).unwrap_or(rest.len());
        &rest[..length]
    }

    /// A line that starts with a verb, if one does here.
    fn verb_line(&mut self, end: End) -> Result<Option<VerbCommand>, ShellError> {
        if self.dialect != Dialect::Lab || !verb::begins(&self.source[self.pos..], self.bare_word()) {
            return Ok(None);
        }
        let start = self.pos;
        if end != End::Input {
            let word = self.bare_word();
            return Err(ShellError::new(
                Span::new(start, start + word.len()),
                format!("`{word}` is a verb of the lab and prints nothing that $(...) could take"),
            )
            .help("put it on a line of its own"));
        }
        let stop = raw_end(self.source, start);
        let text = self.source[start..stop].trim_end();
        let span = Span::new(start, start + text.len());
        // A continued line becomes blanks of the same length, so that every column stays right.
        let joined = text.replace("\\\r\n", "   ").replace("\\\n", "  ");
        let verb = verb::parse(&joined).map_err(|error| error.shifted(start))?;
        self.pos = stop;
        Ok(Some(VerbCommand { verb: verb.shifted(start), text: joined, span }))
    }

    fn command(&mut self, end: End, after: Option<Span>) -> Result<SimpleCommand, ShellError> {
        let start = self.pos;
        let mut command = SimpleCommand::default();
        let mut stop = start;
        loop {
            self.skip_blanks();
            if self.at_end(end) {
                break;
            }
            if let Some(redirect) = self.redirect(end)? {
                stop = self.pos;
                command.redirects.push(redirect);
                continue;
            }
            if !self.at_word(end) {
                break;
            }
            if command.words.is_empty() {
                if let Some(assignment) = self.assignment(end)? {
                    stop = self.pos;
                    command.assignments.push(assignment);
                    continue;
                }
                let word = self.bare_word();
                if RESERVED.contains(&word) {
                    let span = Span::new(self.pos, self.pos + word.len());
                    return Err(ShellError::new(
                        span,
                        format!("`{word}` is a word of bash that this shell does not have"),
                    )
                    .help("`wait until CONDITION` waits for something"));
                }
            }
            let word = self.word(end)?;
            stop = self.pos;
            command.words.push(word);
        }
        command.span = Span::new(start, stop);
        if command.words.is_empty() && command.assignments.is_empty() {
            return Err(self.missing_command(end, after, &command));
        }
        if command.words.is_empty()
            && let Some(redirect) = command.redirects.first()
        {
            return Err(ShellError::new(redirect.span, "a redirect needs a command"));
        }
        Ok(command)
    }

    fn missing_command(&self, end: End, after: Option<Span>, command: &SimpleCommand) -> ShellError {
        if let Some(redirect) = command.redirects.first() {
            return ShellError::new(redirect.span, "a redirect needs a command");
        }
        if let Some(operator) = after {
            let text = &self.source[operator.start..operator.end];
            let error = ShellError::new(operator, format!("a command is missing behind `{text}`"));
            return if self.at_end(end) && end == End::Input { error.incomplete() } else { error };
        }
        match self.peek() {
            Some(b'&') if self.peek_at(1) != Some(b'&') => self.background(),
            Some(b'(') => self.parenthesis(),
            Some(b')') => ShellError::new(self.here(), "this `)` closes nothing"),
            Some(byte @ (b'|' | b'&')) => {
                let width = if self.peek_at(1) == Some(byte) { 2 } else { 1 };
                let span = Span::new(self.pos, self.pos + width);
                ShellError::new(span, format!("a command is missing before `{}`", &self.source[span.start..span.end]))
            }
            _ => ShellError::new(self.here(), "a command was expected here"),
        }
    }

    fn assignment(&mut self, end: End) -> Result<Option<Assignment>, ShellError> {
        let bytes = &self.source.as_bytes()[self.pos..];
        let length = bytes.iter().take_while(|&&byte| in_name(byte)).count();
        if length == 0 || !begins_name(bytes[0]) || bytes.get(length) != Some(&b'=') {
            return Ok(None);
        }
        let start = self.pos;
        let name = self.source[start..start + length].to_string();
        self.pos += length + 1;
        let value = if self.at_word(end) { self.word(end)? } else { Word { span: self.here(), ..Word::default() } };
        Ok(Some(Assignment { name, value, span: Span::new(start, self.pos) }))
    }

    fn redirect(&mut self, end: End) -> Result<Option<Redirect>, ShellError> {
        let start = self.pos;
        let unknown = |length: usize, help: &str| {
            let span = Span::new(start, start + length);
            Err(ShellError::new(span, format!("`{}` is not part of this shell", &self.source[start..start + length]))
                .help(help.to_string()))
        };
        // A digit belongs to a redirect only where it stands alone before it.
        if self.starts_with("2>&1") {
            self.pos += 4;
            return Ok(Some(Redirect { kind: RedirectKind::ErrToOut, span: Span::new(start, self.pos) }));
        }
        if self.starts_with("2>>") {
            return unknown(3, "2> FILE writes the errors to a file");
        }
        if self.starts_with("2>") {
            if self.peek_at(2) == Some(b'&') {
                return unknown(3, "2>&1 sends the errors where the output goes");
            }
            self.pos += 2;
            let file = self.target(end, "2>")?;
            return Ok(Some(Redirect { kind: RedirectKind::Err(file), span: Span::new(start, self.pos) }));
        }
        if self.starts_with("1>") || self.starts_with("0<") {
            return unknown(2, "write it without the digit");
        }
        if self.starts_with("&>") {
            return unknown(2, "write > FILE 2>&1");
        }
        if self.starts_with("<<<") {
            return unknown(3, "write echo TEXT | COMMAND, or a here-document: <<EOF");
        }
        if self.starts_with("<(") || self.starts_with(">(") {
            return unknown(2, "put the output into a file first: COMMAND > FILE");
        }
        if self.starts_with(">&") || self.starts_with("<&") {
            return unknown(2, "the only joined outputs are 2>&1");
        }
        if self.starts_with(">|") || self.starts_with("<>") {
            return unknown(2, "write > FILE or < FILE");
        }
        if self.starts_with("<<") {
            let (body, span) = self.here_document(end)?;
            return Ok(Some(Redirect { kind: RedirectKind::Here(body), span }));
        }
        let (operator, width) = match self.peek() {
            Some(b'>') if self.peek_at(1) == Some(b'>') => (">>", 2),
            Some(b'>') => (">", 1),
            Some(b'<') => ("<", 1),
            _ => return Ok(None),
        };
        self.pos += width;
        let file = self.target(end, operator)?;
        let kind = match operator {
            ">>" => RedirectKind::Append(file),
            ">" => RedirectKind::Out(file),
            _ => RedirectKind::In(file),
        };
        Ok(Some(Redirect { kind, span: Span::new(start, self.pos) }))
    }

    fn target(&mut self, end: End, operator: &str) -> Result<Word, ShellError> {
        self.skip_blanks();
        if self.at_word(end) {
            return self.word(end);
        }
        Err(ShellError::new(self.here(), format!("a file name is missing behind `{operator}`")))
    }
}

/// Where a raw line ends: at a `;`, a comment or the line's end outside quotes. A quote that is not closed on its line
/// is a letter, so that `note it's done` says what it seems to say.
fn raw_end(source: &str, start: usize) -> usize {
    let bytes = source.as_bytes();
    let mut at = start;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\n' | b';' => return at,
            b'\\' if source[at + 1..].starts_with('\n') => at += 2,
            b'\\' if source[at + 1..].starts_with("\r\n") => at += 3,
            b'#' if at > start && bytes[at - 1].is_ascii_whitespace() => return at,
            b'\'' | b'"' => {
                let line = source[at + 1..].split('\n').next().unwrap_or("");
                at += 1 + verb::quoted_length(line, byte).map_or(0, |length| length + 1);
            }
            _ => at += 1,
        }
    }
    at
}
