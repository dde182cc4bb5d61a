//! Where each character of a TOML string stands in its file, so that an error inside a string points at the file.
//!
//! It decodes nothing itself: it walks along the written string and the decoded one.

/// A string and the place of each of its bytes.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    /// The decoded text.
    pub(super) text: String,
    /// The string as written, its quotes included.
    pub(super) span: (usize, usize),
    /// For each byte of the text, and for its end, its place in the file; empty if they could not be matched.
    places: Vec<usize>,
}

impl Placed {
    /// A decoded string that was written at `span` of `source`.
    pub(super) fn new(source: &str, span: (usize, usize), text: &str) -> Self {
        let places = places(source, span, text).unwrap_or_default();
        Self { text: text.to_string(), span, places }
    }

    /// The bytes of the file that hold a range of the text.
    pub(super) fn range(&self, start: usize, end: usize) -> (usize, usize) {
        match (self.places.get(start), self.places.get(end)) {
            (Some(&start), Some(&end)) => (start, end.max(start)),
            _ => self.span,
        }
    }
}

fn places(source: &str, (start, end): (usize, usize), text: &str) -> Option<Vec<usize>> {
    let written = source.get(start..end)?;
    let quote = written.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let triple: String = [quote; 3].iter().collect();
    let long = written.len() >= 6 && written.starts_with(&triple) && written.ends_with(&triple);
    let width = if long { 3 } else { 1 };
    let stop = end.checked_sub(width).filter(|&stop| stop >= start + width)?;
    let mut at = start + width;
    if long {
        let rest = &source[at..stop];
        at += if rest.starts_with("\r\n") { 2 } else { usize::from(rest.starts_with('\n')) };
    }
    let mut places = Vec::with_capacity(text.len() + 1);
    for c in text.chars() {
        if quote == '"' {
            // A backslash at the end of a line swallows the blanks up to the next letter.
            while let Some(rest) = source.get(at..stop).and_then(|rest| rest.strip_prefix('\\')) {
                if !rest.trim_start_matches([' ', '\t', '\r']).starts_with('\n') {
                    break;
                }
                at = stop - rest.trim_start().len();
            }
        }
        let rest = source.get(at..stop)?;
        let written = rest.chars().next()?;
        let step = match (quote, written) {
            ('"', '\\') => match rest[1..].chars().next()? {
                'u' => 6,
                'U' => 10,
                'x' => 4,
                escape => 1 + escape.len_utf8(),
            },
            (_, '\r') if c == '\n' => 2,
            (_, written) if written == c => c.len_utf8(),
            _ => return None,
        };
        places.extend(std::iter::repeat_n(at, c.len_utf8()));
        at += step;
    }
    places.push(at);
    Some(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_the_file() {
        for (source, text, at, place) in [
            ("x = \"a\\\"b\"", "a\"b", 2, 8),
            ("x = 'ab'", "ab", 1, 6),
            ("x = \"\"\"\nab\ncd\"\"\"", "ab\ncd", 3, 11),
            ("x = \"\"\"a\\\n   b\"\"\"", "ab", 1, 13),
            ("x = \"\\u00e9b\"", "éb", 2, 11),
        ] {
            let span = (4, source.len());
            assert_eq!(Placed::new(source, span, text).range(at, at), (place, place), "{source}");
        }
        assert_eq!(Placed::new("x = 5", (4, 5), "5").range(0, 1), (4, 5));
    }
}
