//! Reads a line of the small shell inside a container: words and quotes, `$NAME`, `$?`, `|`, `;`, `&&`, `||`. Whatever else a
//! shell knows is refused in words, never passed over.
//!
//! Source: cli.md §2 (as far as a container needs it).

use crate::swarm::api::ShellState;

/// How a pipeline hangs on the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// It is carried out whatever came before.
    Always,
    /// Only after success.
    And,
    /// Only after failure.
    Or,
}

/// A piece of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// A variable; whether its value is split into words.
    Variable(String, bool),
}

/// Commands whose outputs are the next ones' inputs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pipeline(Vec<Vec<Vec<Piece>>>);

impl Pipeline {
    /// How many commands.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The commands' names, as far as they are plain text.
    pub fn commands(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|command| match command.first()?.as_slice() {
            [Piece::Text(name)] => Some(name.as_str()),
            _ => None,
        })
    }

    /// The words of each command, with variables filled in.
    pub fn words(&self, state: &ShellState) -> Vec<Vec<String>> {
        let value = |name: &str| match name {
            "?" => state.status.to_string(),
            "PWD" => state.dir.clone(),
            name => state.variables.get(name).cloned().unwrap_or_default(),
        };
        let command = |words: &Vec<Vec<Piece>>| {
            let mut all: Vec<String> = Vec::new();
            for word in words {
                let mut open: Option<String> = None;
                for piece in word {
                    match piece {
                        Piece::Text(text) => open.get_or_insert_default().push_str(text),
                        Piece::Variable(name, false) => open.get_or_insert_default().push_str(&value(name)),
                        Piece::Variable(name, true) => {
                            for (place, part) in value(name).split_whitespace().enumerate() {
                                if place > 0 {
                                    all.extend(open.take());
                                }
                                open.get_or_insert_default().push_str(part);
                            }
                        }
                    }
                }
                all.extend(open);
            }
            all
        };
        self.0.iter().map(command).collect()
    }
}

/// Reads a script.
///
/// # Errors
/// What in it is not understood.
pub fn read(text: &str) -> Result<Vec<(Join, Pipeline)>, String> {
    let mut reader = Reader { letters: text.chars().collect(), at: 0 };
    let mut list = Vec::new();
    let mut join = Join::Always;
    let mut pipeline = Pipeline::default();
    let mut command: Vec<Vec<Piece>> = Vec::new();
    loop {
        reader.skip_blanks();
        let end = |pipeline: &mut Pipeline, command: &mut Vec<Vec<Piece>>| {
            if !command.is_empty() {
                pipeline.0.push(std::mem::take(command));
            }
            std::mem::take(pipeline)
        };
        let two = reader.two();
        match (reader.peek(), two.as_str()) {
            (None, _) => {
                let last = end(&mut pipeline, &mut command);
                if last.len() > 0 {
                    list.push((join, last));
                }
                return Ok(list);
            }
            (_, "&&" | "||") => {
                reader.at += 2;
                let done = end(&mut pipeline, &mut command);
                if done.len() == 0 {
                    return Err(format!("syntax error: unexpected \"{two}\""));
                }
                list.push((join, done));
                join = if two == "&&" { Join::And } else { Join::Or };
            }
            (Some(';' | '\n'), _) => {
                reader.at += 1;
                let done = end(&mut pipeline, &mut command);
                if done.len() > 0 {
                    list.push((join, done));
                }
                join = Join::Always;
            }
            (Some('|'), _) => {
                reader.at += 1;
                if command.is_empty() {
                    return Err("syntax error: unexpected \"|\"".into());
                }
                pipeline.0.push(std::mem::take(&mut command));
            }
            (Some('#'), _) => reader.skip_line(),
            (Some(c @ ('&' | '<' | '>' | '(' | ')' | '`')), _) => {
                return Err(format!("swarmlab: '{c}' inside a container is not modelled yet"));
            }
            _ => {
                let word = reader.word()?;
                if let ([Piece::Text(first)], true) = (word.as_slice(), command.is_empty())
                    && ["for", "while", "until", "if", "case", "function", "{"].contains(&first.as_str())
                {
                    return Err(format!("swarmlab: '{first}' inside a container is not modelled yet"));
                }
                command.push(word);
            }
        }
    }
}

struct Reader {
    letters: Vec<char>,
    at: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.letters.get(self.at).copied()
    }

    fn two(&self) -> String {
        self.letters[self.at.min(self.letters.len())..].iter().take(2).collect()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\r')) {
            self.at += 1;
        }
    }

    fn skip_line(&mut self) {
        while self.peek().is_some_and(|c| c != '\n') {
            self.at += 1;
        }
    }

    fn variable(&mut self, split: bool) -> Result<Piece, String> {
        // Behind the dollar sign.
        match self.peek() {
            Some('?') => {
                self.at += 1;
                Ok(Piece::Variable("?".into(), split))
            }
            Some('{') => {
                self.at += 1;
                let name: String = self.letters[self.at..].iter().take_while(|c| **c != '}').collect();
                self.at += name.chars().count() + 1;
                Ok(Piece::Variable(name, split))
            }
            Some('(') => Err("swarmlab: '$(' inside a container is not modelled yet".into()),
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                let name: String =
                    self.letters[self.at..].iter().take_while(|c| c.is_ascii_alphanumeric() || **c == '_').collect();
                self.at += name.len();
                Ok(Piece::Variable(name, split))
            }
            _ => Ok(Piece::Text("$".into())),
        }
    }

    fn word(&mut self) -> Result<Vec<Piece>, String> {
        let mut pieces: Vec<Piece> = Vec::new();
        let mut text: Option<String> = None;
        if self.letters[self.at..].iter().take(4).collect::<String>() == "2>&1" {
            self.at += 4;
            return Ok(vec![Piece::Text("2>&1".into())]);
        }
        while let Some(c) = self.peek() {
            match c {
                ' ' | '\t' | '\r' | '\n' | ';' | '|' | '&' | '<' | '>' | '(' | ')' | '`' => break,
                '\'' => {
                    self.at += 1;
                    let quoted: String = self.letters[self.at..].iter().take_while(|c| **c != '\'').collect();
                    self.at += quoted.chars().count() + 1;
                    if self.at > self.letters.len() {
                        return Err("syntax error: unterminated quoted string".into());
                    }
                    text.get_or_insert_default().push_str(&quoted);
                }
                '"' => {
                    self.at += 1;
                    text.get_or_insert_default();
                    loop {
                        match self.peek() {
                            None => return Err("syntax error: unterminated quoted string".into()),
                            Some('"') => break self.at += 1,
                            Some('\\') if matches!(self.letters.get(self.at + 1), Some('"' | '\\' | '$' | '`')) => {
                                text.get_or_insert_default().extend(self.letters.get(self.at + 1));
                                self.at += 2;
                            }
                            Some('$') => {
                                self.at += 1;
                                pieces.extend(text.take().map(Piece::Text));
                                pieces.push(self.variable(false)?);
                            }
                            Some(c) => {
                                text.get_or_insert_default().push(c);
                                self.at += 1;
                            }
                        }
                    }
                }
                '\\' => {
                    text.get_or_insert_default().extend(self.letters.get(self.at + 1));
                    self.at += 2;
                }
                '$' => {
                    self.at += 1;
                    pieces.extend(text.take().map(Piece::Text));
                    pieces.push(self.variable(true)?);
                }
                c => {
                    text.get_or_insert_default().push(c);
                    self.at += 1;
                }
            }
        }
        pieces.extend(text.map(Piece::Text));
        Ok(pieces)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Vec<Vec<String>>> {
        let mut state = ShellState { status: 3, ..ShellState::default() };
        state.variables.insert("A".into(), "x y".into());
        read(text).expect("a script").iter().map(|(_, pipeline)| pipeline.words(&state)).collect()
    }

    #[test]
    fn words_are_split_and_filled_in() {
        assert_eq!(words("echo 'a b' \"$A\" $A"), [[["echo", "a b", "x y", "x", "y"]]]);
        assert_eq!(words("echo a;echo $?"), [[["echo", "a"]], [["echo", "3"]]]);
        assert_eq!(words("cat x | grep y"), [[vec!["cat", "x"], vec!["grep", "y"]]]);
        assert_eq!(words(""), [] as [Vec<Vec<String>>; 0]);
        assert_eq!(words("echo \"\""), [[["echo", ""]]]);
    }

    #[test]
    fn what_is_not_understood_is_said() {
        assert_eq!(read("a > b"), Err("swarmlab: '>' inside a container is not modelled yet".into()));
        assert_eq!(read("echo 'a"), Err("syntax error: unterminated quoted string".into()));
        assert_eq!(read("&& a"), Err("syntax error: unexpected \"&&\"".into()));
        assert!(read("while true; do date; done").is_err());
    }
}
