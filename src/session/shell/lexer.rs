//! The characters of the lab's shell: blanks, comments, words, quotes, variables, here-documents.
//!
//! It knows nothing of commands; `parser` does, and is called back for what stands inside `$(...)`. It follows the shell
//! grammar of the command line reference; whatever that grammar lacks is an error with its name, never silently ignored.

use std::sync::Arc;

use super::parser::{End, Parser};
use super::{Piece, PieceKind, ShellError, Span, Word};

/// Whether a byte ends an unquoted word.
fn ends_word(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')')
}

/// Whether a byte may begin a variable's name.
pub(super) fn begins_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

/// Whether a byte may go on in a variable's name.
pub(super) fn in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The pieces of a word while it is being read.
#[derive(Default)]
struct Pieces {
    done: Vec<Piece>,
}

impl Pieces {
    fn text(&mut self, text: &str, quoted: bool, span: Span) {
        if let Some(Piece { kind: PieceKind::Text(last), quoted: q, span: s }) = self.done.last_mut()
            && *q == quoted
        {
            last.push_str(text);
            *s = s.to(span);
            return;
        }
        self.done.push(Piece { kind: PieceKind::Text(text.to_string()), quoted, span });
    }

    fn push(&mut self, kind: PieceKind, quoted: bool, span: Span) {
        self.done.push(Piece { kind, quoted, span });
    }
}

impl<'a> Parser<'a> {
    /// The byte `ahead` of the cursor.
    pub(super) fn peek_at(&self, ahead: usize) -> Option<u8> {
        self.source.as_bytes().get(self.pos + ahead).copied()
    }

    /// The byte at the cursor.
    pub(super) fn peek(&self) -> Option<u8> {
        self.peek_at(0)
    }

    pub(super) fn starts_with(&self, text: &str) -> bool {
        self.source.as_bytes()[self.pos..].starts_with(text.as_bytes())
    }

    /// The range of the character at the cursor (empty at the end).
    pub(super) fn here(&self) -> Span {
        let width = self.source.get(self.pos..).and_then(|s| s.chars().next()).map_or(0, char::len_utf8);
        Span::new(self.pos, self.pos + width)
    }

    /// Takes the character at the cursor whole.
    fn take_char(&mut self) -> &'a str {
        let span = self.here();
        self.pos = span.end;
        &self.source[span.start..span.end]
    }

    /// Passes over blanks, continued lines and a comment; stops at a line's end.
    pub(super) fn skip_blanks(&mut self) {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\r') => self.pos += 1,
                Some(b'\\') if self.peek_at(1) == Some(b'\n') => self.pos += 2,
                Some(b'#') => {
                    while !matches!(self.peek(), None | Some(b'\n')) {
                        self.pos += 1;
                    }
                }
                _ => return,
            }
        }
    }

    /// Passes over the line's end at the cursor, and over the here-documents that begin behind it.
    pub(super) fn take_newline(&mut self) {
        self.pos = match self.here_documents {
            Some((newline, resume)) if newline == self.pos => resume,
            _ => self.pos + 1,
        };
    }

    /// Passes over blanks, comments and line ends.
    pub(super) fn skip_lines(&mut self) {
        loop {
            self.skip_blanks();
            if self.peek() == Some(b'\n') {
                self.take_newline();
            } else {
                return;
            }
        }
    }

    /// Whether the cursor stands at the end of the list being read.
    pub(super) fn at_end(&self, end: End) -> bool {
        matches!((end, self.peek()), (_, None) | (End::Paren, Some(b')')) | (End::Backtick, Some(b'`')))
    }

    /// Whether a word begins at the cursor.
    pub(super) fn at_word(&self, end: End) -> bool {
        !self.at_end(end) && self.peek().is_some_and(|byte| !ends_word(byte))
    }

    /// One word; the cursor must stand at its first character.
    pub(super) fn word(&mut self, end: End) -> Result<Word, ShellError> {
        let start = self.pos;
        let mut pieces = Pieces::default();
        while let Some(byte) = self.peek() {
            if ends_word(byte) || self.at_end(end) {
                break;
            }
            match byte {
                b'\'' => self.single_quoted(&mut pieces)?,
                b'"' => self.double_quoted(&mut pieces)?,
                b'\\' => self.backslash(&mut pieces)?,
                b'$' => self.dollar(&mut pieces, false)?,
                b'`' => self.backtick(&mut pieces, false)?,
                _ => {
                    let from = self.pos;
                    while let Some(byte) = self.peek() {
                        if ends_word(byte) || matches!(byte, b'\'' | b'"' | b'\\' | b'$' | b'`') {
                            break;
                        }
                        self.pos += 1;
                    }
                    pieces.text(&self.source[from..self.pos], false, Span::new(from, self.pos));
                }
            }
        }
        Ok(Word { pieces: pieces.done, span: Span::new(start, self.pos) })
    }

    /// A quote that goes over the line on which a here-document was `announced` would swallow its body.
    fn not_across(&self, announced: Option<(usize, usize)>, start: usize) -> Result<(), ShellError> {
        match announced {
            Some((newline, _)) if start < newline && newline < self.pos => Err(ShellError::new(
                Span::new(start, self.pos),
                "this quote goes over the line on which the here-document begins",
            )
            .help("put the here-document's `<<` on the last line of the command")),
            _ => Ok(()),
        }
    }

    fn backslash(&mut self, pieces: &mut Pieces) -> Result<(), ShellError> {
        let start = self.pos;
        self.pos += 1;
        match self.peek() {
            None => Err(ShellError::new(Span::new(start, self.pos), "a backslash at the end of the text")
                .help("a backslash takes the next character as it is, or goes on with the next line")
                .incomplete()),
            Some(b'\n') => {
                self.pos += 1;
                Ok(())
            }
            Some(_) => {
                let text = self.take_char();
                pieces.text(text, true, Span::new(start, self.pos));
                Ok(())
            }
        }
    }

    fn single_quoted(&mut self, pieces: &mut Pieces) -> Result<(), ShellError> {
        let start = self.pos;
        match self.source[start + 1..].find('\'') {
            None => Err(ShellError::new(Span::new(start, start + 1), "this quote `'` is never closed")
                .help("close it with another `'`")
                .incomplete()),
            Some(length) => {
                self.pos = start + 1 + length + 1;
                self.not_across(self.here_documents, start)?;
                pieces.text(&self.source[start + 1..self.pos - 1], true, Span::new(start, self.pos));
                Ok(())
            }
        }
    }

    fn double_quoted(&mut self, pieces: &mut Pieces) -> Result<(), ShellError> {
        let (start, announced) = (self.pos, self.here_documents);
        self.pos += 1;
        // An empty pair of quotes is still a word.
        pieces.text("", true, Span::new(start, start + 1));
        loop {
            match self.peek() {
                None => {
                    return Err(ShellError::new(Span::new(start, start + 1), "this quote `\"` is never closed")
                        .help("close it with another `\"`")
                        .incomplete());
                }
                Some(b'"') => {
                    self.pos += 1;
                    self.not_across(announced, start)?;
                    if let Some(last) = pieces.done.last_mut()
                        && last.quoted
                        && matches!(last.kind, PieceKind::Text(_))
                    {
                        last.span.end = self.pos;
                    }
                    return Ok(());
                }
                Some(_) => self.quoted_piece(pieces, self.source.len(), b"\"\\$`", Some(b'"'))?,
            }
        }
    }

    /// One piece of a text in which only `\`, `$` and backticks mean something, up to `limit` or the byte `stop`.
    fn quoted_piece(
        &mut self,
        pieces: &mut Pieces,
        limit: usize,
        escaped: &[u8],
        stop: Option<u8>,
    ) -> Result<(), ShellError> {
        match self.peek() {
            Some(b'\\') => {
                let start = self.pos;
                self.pos += 1;
                match self.peek() {
                    Some(b'\n') => self.pos += 1,
                    Some(byte) if escaped.contains(&byte) => {
                        let text = self.take_char();
                        pieces.text(text, true, Span::new(start, self.pos));
                    }
                    _ => pieces.text("\\", true, Span::new(start, self.pos)),
                }
                Ok(())
            }
            Some(b'$') => self.dollar(pieces, true),
            Some(b'`') => self.backtick(pieces, true),
            _ => {
                let from = self.pos;
                while self.pos < limit {
                    match self.peek() {
                        Some(b'\\' | b'$' | b'`') => break,
                        byte if byte == stop => break,
                        _ => self.pos += 1,
                    }
                }
                pieces.text(&self.source[from..self.pos], true, Span::new(from, self.pos));
                Ok(())
            }
        }
    }

    fn dollar(&mut self, pieces: &mut Pieces, quoted: bool) -> Result<(), ShellError> {
        let start = self.pos;
        self.pos += 1;
        match self.peek() {
            Some(b'(') if self.peek_at(1) == Some(b'(') => {
                Err(ShellError::new(Span::new(start, start + 3), "arithmetic `$((...))` is not part of this shell"))
            }
            Some(b'(') => {
                self.pos += 1;
                let list = self.nested(End::Paren, Span::new(start, start + 2))?;
                pieces.push(PieceKind::Substitution(Arc::new(list)), quoted, Span::new(start, self.pos));
                Ok(())
            }
            Some(b'{') => {
                let from = self.pos + 1;
                let Some(length) = self.source[from..].find('}') else {
                    return Err(ShellError::new(Span::new(start, start + 2), "this `${` is never closed")
                        .help("write ${NAME}")
                        .incomplete());
                };
                let name = &self.source[from..from + length];
                let span = Span::new(start, from + length + 1);
                self.pos = span.end;
                let bytes = name.as_bytes();
                if name == "?" {
                    pieces.push(PieceKind::Status, quoted, span);
                } else if bytes.first().is_some_and(|&b| begins_name(b)) && bytes.iter().all(|&b| in_name(b)) {
                    pieces.push(PieceKind::Variable(name.to_string()), quoted, span);
                } else {
                    return Err(ShellError::new(span, "only ${NAME} is known here")
                        .help("defaults, lengths and patterns in ${...} are not part of this shell"));
                }
                Ok(())
            }
            Some(b'?') => {
                self.pos += 1;
                pieces.push(PieceKind::Status, quoted, Span::new(start, self.pos));
                Ok(())
            }
            Some(byte) if begins_name(byte) => {
                while self.peek().is_some_and(in_name) {
                    self.pos += 1;
                }
                let name = self.source[start + 1..self.pos].to_string();
                pieces.push(PieceKind::Variable(name), quoted, Span::new(start, self.pos));
                Ok(())
            }
            Some(byte) if byte.is_ascii_digit() || b"@*#$!-".contains(&byte) => {
                let span = Span::new(start, start + 2);
                Err(ShellError::new(span, format!("`{}` is not part of this shell", &self.source[start..span.end]))
                    .help("variables have names, as in $NAME; put a dollar that means itself in '...'"))
            }
            Some(b'\'' | b'"') if !quoted => {
                let span = Span::new(start, start + 2);
                Err(ShellError::new(span, format!("`{}` is not part of this shell", &self.source[start..span.end]))
                    .help("write the quotes without the dollar"))
            }
            _ => {
                pieces.text("$", quoted, Span::new(start, self.pos));
                Ok(())
            }
        }
    }

    fn backtick(&mut self, pieces: &mut Pieces, quoted: bool) -> Result<(), ShellError> {
        let start = self.pos;
        let open = Span::new(start, start + 1);
        let Some(length) = self.source[start + 1..].find('`') else {
            return Err(ShellError::new(open, "this backtick is never closed")
                .help("close it with another one, or write $(...)")
                .incomplete());
        };
        let inside = &self.source[start + 1..start + 1 + length];
        for (at, _) in inside.match_indices('\\') {
            let next = inside.as_bytes().get(at + 1).copied().unwrap_or(b'`');
            if b"`$\\".contains(&next) {
                let at = start + 1 + at;
                return Err(ShellError::new(Span::new(at, at + 2), "a backslash like this inside backticks")
                    .help("write $(...), which may stand inside itself"));
            }
        }
        self.pos += 1;
        let list = self.nested(End::Backtick, open)?;
        pieces.push(PieceKind::Substitution(Arc::new(list)), quoted, Span::new(start, self.pos));
        Ok(())
    }

    /// The here-document announced by `<<` or `<<-` at the cursor; leaves the cursor behind its delimiter.
    pub(super) fn here_document(&mut self, end: End) -> Result<(Word, Span), ShellError> {
        let start = self.pos;
        self.pos += 2;
        let strip = self.peek() == Some(b'-');
        if strip {
            self.pos += 1;
        }
        self.skip_blanks();
        if !self.at_word(end) {
            return Err(ShellError::new(self.here(), "`<<` needs the word that ends the here-document")
                .help("for example: cat > stack.yml <<EOF, then the text, then a line EOF"));
        }
        let delimiter_word = self.word(end)?;
        let span = Span::new(start, self.pos);
        let mut delimiter = String::new();
        for piece in &delimiter_word.pieces {
            match &piece.kind {
                PieceKind::Text(text) => delimiter.push_str(text),
                _ => {
                    return Err(ShellError::new(delimiter_word.span, "the here-document's end must be a plain word")
                        .help("for example <<EOF, or <<'EOF' to keep `$` as it is"));
                }
            }
        }
        let raw = delimiter_word.pieces.iter().any(|piece| piece.quoted);
        // Where the bodies begin: behind this line, or behind the body that was announced on it before.
        let (newline, from) = match self.here_documents {
            Some((newline, resume)) if newline >= self.pos => (newline, resume),
            _ => match self.source[self.pos..].find('\n') {
                Some(length) => (self.pos + length, self.pos + length + 1),
                None => (self.source.len(), self.source.len()),
            },
        };
        let mut line = from;
        let body_end;
        loop {
            let rest = self.source.get(line..).unwrap_or("");
            if rest.is_empty() {
                return Err(ShellError::new(span, format!("the here-document is never ended by a line `{delimiter}`"))
                    .help(format!("put `{delimiter}` alone on a line behind the text"))
                    .incomplete());
            }
            let text = rest.split('\n').next().unwrap_or("");
            let bare = text.strip_suffix('\r').unwrap_or(text);
            let bare = if strip { bare.trim_start_matches('\t') } else { bare };
            let next = (line + text.len() + 1).min(self.source.len());
            if bare == delimiter {
                body_end = line;
                self.here_documents = Some((newline, next));
                break;
            }
            line = next;
        }
        let (behind, announced) = (self.pos, self.here_documents);
        let pieces = self.here_body(Span::new(from, body_end), strip, raw)?;
        (self.pos, self.here_documents) = (behind, announced);
        Ok((Word { pieces, span: Span::new(from, body_end) }, span))
    }

    fn here_body(&mut self, body: Span, strip: bool, raw: bool) -> Result<Vec<Piece>, ShellError> {
        let mut pieces = Pieces::default();
        let mut line = body.start;
        while line < body.end {
            let text = &self.source[line..body.end];
            let length = text.find('\n').map_or(text.len(), |at| at + 1);
            let end = line + length;
            self.pos = line;
            while strip && self.peek() == Some(b'\t') && self.pos < end {
                self.pos += 1;
            }
            if raw {
                pieces.text(&self.source[self.pos..end], true, Span::new(self.pos, end));
                line = end;
                continue;
            }
            while self.pos < end {
                self.quoted_piece(&mut pieces, end, b"\\$`", None)?;
            }
            if self.pos > body.end {
                return Err(ShellError::new(
                    Span::new(line, body.end),
                    "a substitution goes over the here-document's end",
                )
                .help("close `$(...)` inside the here-document, or quote its delimiter: <<'EOF'"));
            }
            line = self.pos;
        }
        Ok(pieces.done)
    }
}
