//! The words of a raw line: split at blanks, quotes taken off, nothing expanded.
//!
//! It knows no verb. It follows the house plan §4.

use super::{Span, quoted_length};

/// A word of the line, without its quotes.
#[derive(Clone, Debug)]
pub(super) struct Arg {
    pub(super) text: String,
    pub(super) span: Span,
}

/// Splits a line at blanks; quotes keep them together and are taken off; a quote that is never closed is a letter.
pub(super) fn split(line: &str) -> Vec<Arg> {
    let bytes = line.as_bytes();
    let mut args = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at].is_ascii_whitespace() {
            at += 1;
            continue;
        }
        let start = at;
        let mut text = String::new();
        while at < bytes.len() && !bytes[at].is_ascii_whitespace() {
            let quoted = matches!(bytes[at], b'\'' | b'"').then(|| quoted_length(&line[at + 1..], bytes[at])).flatten();
            if let Some(length) = quoted {
                text.push_str(&line[at + 1..at + 1 + length]);
                at += length + 2;
            } else {
                let width = line[at..].chars().next().map_or(1, char::len_utf8);
                text.push_str(&line[at..at + width]);
                at += width;
            }
        }
        args.push(Arg { text, span: Span::new(start, at) });
    }
    args
}

/// A range of the line without blanks around it, nor the one pair of quotes that holds all of it.
pub(super) fn unquoted(line: &str, start: usize, stop: usize) -> Arg {
    let text = line[start..stop].trim_end();
    let span = Span::new(start, start + text.len());
    if let Some(quote) = text.bytes().next().filter(|byte| matches!(byte, b'\'' | b'"'))
        && quoted_length(&text[1..], quote) == Some(text.len().wrapping_sub(2))
    {
        let inner = &text[1..text.len() - 1];
        return Arg { text: inner.to_string(), span: Span::new(span.start + 1, span.end - 1) };
    }
    Arg { text: text.to_string(), span }
}
