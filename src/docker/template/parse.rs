//! Reads a template into a tree; errors carry Go's words and the place.

use super::functions;
use serde_json::Value;

/// A piece of a template.
#[derive(Clone, Debug)]
pub enum Node {
    /// As it stands.
    Text(String),
    /// `{{ pipeline }}`
    Action(Pipeline),
    /// `{{if}}`
    If { pipeline: Pipeline, then: Vec<Node>, otherwise: Vec<Node> },
    /// `{{with}}`
    With { pipeline: Pipeline, then: Vec<Node>, otherwise: Vec<Node> },
    /// `{{range}}`
    Range { pipeline: Pipeline, body: Vec<Node>, otherwise: Vec<Node> },
}

/// Commands joined by `|`, perhaps assigned to variables.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// `$x` or `$i, $x`.
    pub variables: Vec<String>,
    /// `:=` rather than `=`.
    pub declares: bool,
    /// One behind the other.
    pub commands: Vec<Command>,
    /// Where it begins.
    pub place: Place,
}

/// A function or value with arguments.
#[derive(Clone, Debug)]
pub struct Command {
    /// The function or value, then the arguments.
    pub terms: Vec<Term>,
}

/// One operand.
#[derive(Clone, Debug)]
pub enum Term {
    /// `.`
    Dot,
    /// `.A.B`
    Field(Vec<String>, Place),
    /// `$x.A`
    Variable(String, Vec<String>, Place),
    /// A literal.
    Literal(Value),
    /// `( pipeline ).A`
    Parenthesis(Box<Pipeline>, Vec<String>, Place),
    /// A function's name.
    Function(String, Place),
}

/// Where something stands, for errors.
#[derive(Clone, Debug)]
pub struct Place {
    line: usize,
    column: usize,
    text: String,
}

impl Place {
    /// Go's words for an error while filling in.
    pub fn error(&self, problem: &str) -> String {
        format!(r#"template: :{}:{}: executing "" at <{}>: {problem}"#, self.line, self.column, self.text)
    }

    /// The same for a function that failed.
    pub fn call_error(&self, name: &str, problem: &str) -> String {
        self.error(&format!("error calling {name}: {problem}"))
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Field(String),
    Dot,
    Variable(String),
    Word(String),
    Literal(Value),
    Pipe,
    Comma,
    Declare,
    Assign,
    Open,
    Close,
    Space,
}

#[derive(Clone, Debug)]
struct Lexed {
    token: Token,
    line: usize,
    column: usize,
}

enum Part {
    Text(String),
    Action { tokens: Vec<Lexed>, line: usize },
}

/// Reads a whole template.
pub fn parse(text: &str) -> Result<Vec<Node>, String> {
    let parts = split(text)?;
    let mut parser = Parser { parts, next: 0, line: 1, variables: vec!["$".into()] };
    let (nodes, end) = parser.block(0)?;
    match end {
        Terminator::Eof => Ok(nodes),
        Terminator::End => Err(at(parser.line, "unexpected {{end}}")),
        Terminator::Else(_) => Err(at(parser.line, "unexpected {{else}}")),
    }
}

fn at(line: usize, problem: &str) -> String {
    format!("template: :{line}: {problem}")
}

/// Texts and actions; trim markers applied, comments dropped.
fn split(text: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = 0;
    let mut trim = false;
    while let Some(open) = text[rest..].find("{{").map(|at| at + rest) {
        let mut before = &text[rest..open];
        if trim {
            before = before.trim_start();
        }
        let mut inside = open + 2;
        if text[inside..].starts_with("- ") {
            before = before.trim_end();
            inside += 1;
        }
        if !before.is_empty() {
            parts.push(Part::Text(before.to_owned()));
        }
        let line = text[..open].matches('\n').count() + 1;
        let column = |at: usize| at - text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        if text[inside..].trim_start().starts_with("/*") {
            let close = text[inside..].find("*/").map(|at| at + inside).ok_or(at(line, "unclosed comment"))?;
            let end = text[close..]
                .find("}}")
                .map(|at| at + close)
                .ok_or(at(line, "comment ends before closing delimiter"))?;
            trim = text[close + 2..end].ends_with('-');
            rest = end + 2;
            continue;
        }
        let (tokens, end, trimmed) = lex(text, inside, line, &column)?;
        trim = trimmed;
        rest = end;
        parts.push(Part::Action { tokens, line });
    }
    let last = if trim { text[rest..].trim_start() } else { &text[rest..] };
    if !last.is_empty() {
        parts.push(Part::Text(last.to_owned()));
    }
    Ok(parts)
}

/// The tokens of one action, from behind `{{`; then where the text goes on and whether it is trimmed.
fn lex(
    text: &str,
    start: usize,
    line: usize,
    column: &dyn Fn(usize) -> usize,
) -> Result<(Vec<Lexed>, usize, bool), String> {
    let mut tokens: Vec<Lexed> = Vec::new();
    let mut here = start;
    loop {
        let rest = &text[here..];
        if rest.starts_with("}}") {
            return Ok((tokens, here + 2, false));
        }
        if rest.starts_with("-}}") || rest.starts_with(" -}}") {
            return Ok((tokens, here + rest.find("}}").unwrap_or(0) + 2, true));
        }
        let Some(c) = rest.chars().next() else { return Err(at(line, "unclosed action")) };
        let name = |from: usize| {
            text[from..].find(|c: char| !c.is_alphanumeric() && c != '_').map_or(text.len(), |end| end + from)
        };
        let (token, end) = match c {
            c if c.is_whitespace() => {
                (Token::Space, rest.find(|c: char| !c.is_whitespace()).map_or(text.len(), |end| end + here))
            }
            '|' => (Token::Pipe, here + 1),
            ',' => (Token::Comma, here + 1),
            '(' => (Token::Open, here + 1),
            ')' => (Token::Close, here + 1),
            '=' => (Token::Assign, here + 1),
            ':' if rest.starts_with(":=") => (Token::Declare, here + 2),
            '.' => match name(here + 1) {
                end if end == here + 1 => (Token::Dot, end),
                end => (Token::Field(text[here + 1..end].to_owned()), end),
            },
            '$' => {
                let end = name(here + 1);
                (Token::Variable(text[here..end].to_owned()), end)
            }
            '"' => {
                let mut out = String::new();
                let mut letters = rest.char_indices().skip(1);
                let end = loop {
                    match letters.next() {
                        None | Some((_, '\n')) => return Err(at(line, "unterminated quoted string")),
                        Some((end, '"')) => break here + end + 1,
                        Some((_, '\\')) => match letters.next() {
                            Some((_, 'n')) => out.push('\n'),
                            Some((_, 't')) => out.push('\t'),
                            Some((_, 'r')) => out.push('\r'),
                            Some((_, c)) => out.push(c),
                            None => return Err(at(line, "unterminated quoted string")),
                        },
                        Some((_, c)) => out.push(c),
                    }
                };
                (Token::Literal(Value::String(out)), end)
            }
            '`' => {
                let end = text[here + 1..].find('`').ok_or(at(line, "unterminated raw quoted string"))? + here + 1;
                (Token::Literal(Value::String(text[here + 1..end].to_owned())), end + 1)
            }
            c if c.is_ascii_digit() || c == '-' || c == '+' => {
                let end = text[here + 1..]
                    .find(|c: char| !c.is_alphanumeric() && c != '.' && c != '_')
                    .map_or(text.len(), |end| end + here + 1);
                let number = &text[here..end];
                let value = match (number.parse::<i64>(), number.parse::<f64>()) {
                    (Ok(integer), _) => Value::from(integer),
                    (_, Ok(float)) => Value::from(float),
                    _ => return Err(at(line, &format!("bad number syntax: {number:?}"))),
                };
                (Token::Literal(value), end)
            }
            c if c.is_alphabetic() || c == '_' => {
                let end = name(here);
                let token = match &text[here..end] {
                    "true" => Token::Literal(Value::Bool(true)),
                    "false" => Token::Literal(Value::Bool(false)),
                    "nil" => Token::Literal(Value::Null),
                    word => Token::Word(word.to_owned()),
                };
                (token, end)
            }
            c => return Err(at(line, &format!("unexpected {c:?} in command"))),
        };
        tokens.push(Lexed { token, line, column: column(here) });
        here = end;
    }
}

enum Terminator {
    Eof,
    End,
    Else(Option<Vec<Lexed>>),
}

/// Nesting that is still understood; deeper templates are refused rather than followed.
const DEPTH: usize = 100;

struct Parser {
    parts: Vec<Part>,
    next: usize,
    line: usize,
    variables: Vec<String>,
}

impl Parser {
    fn block(&mut self, depth: usize) -> Result<(Vec<Node>, Terminator), String> {
        if depth > DEPTH {
            return Err(at(self.line, "exceeded maximum template depth"));
        }
        let mut nodes = Vec::new();
        while let Some(part) = self.parts.get(self.next) {
            self.next += 1;
            let tokens = match part {
                Part::Text(text) => {
                    nodes.push(Node::Text(text.clone()));
                    continue;
                }
                Part::Action { tokens, line } => {
                    self.line = *line;
                    tokens.clone()
                }
            };
            let words: Vec<Lexed> = trim(&tokens).to_vec();
            let keyword = match words.first().map(|lexed| &lexed.token) {
                Some(Token::Word(word)) => word.clone(),
                _ => String::new(),
            };
            match keyword.as_str() {
                "end" => return Ok((nodes, Terminator::End)),
                "else" => {
                    let rest = trim(&words[1..]).to_vec();
                    return Ok((nodes, Terminator::Else((!rest.is_empty()).then_some(rest))));
                }
                "if" | "with" | "range" => nodes.push(self.control(&keyword, &words[1..], depth)?),
                "define" | "template" | "block" | "break" | "continue" => {
                    return Err(at(self.line, &format!("{{{{{keyword}}}}} is not in swarmlab's subset of templates")));
                }
                _ => nodes.push(Node::Action(self.pipeline(&words, depth)?)),
            }
        }
        Ok((nodes, Terminator::Eof))
    }

    fn control(&mut self, keyword: &str, words: &[Lexed], depth: usize) -> Result<Node, String> {
        let scope = self.variables.len();
        let pipeline = self.pipeline(trim(words), depth)?;
        let (then, mut end) = self.block(depth + 1)?;
        let mut otherwise = Vec::new();
        if let Terminator::Else(rest) = end {
            match rest {
                None => (otherwise, end) = self.block(depth + 1)?,
                Some(words) if matches!(&words[0].token, Token::Word(word) if word == "if" || word == "with") => {
                    let Token::Word(word) = &words[0].token else { return Err(at(self.line, "unexpected else")) };
                    otherwise = vec![self.control(word, &words[1..], depth + 1)?];
                    end = Terminator::End;
                }
                Some(_) => return Err(at(self.line, "unexpected token in else")),
            }
        }
        match end {
            Terminator::Eof => return Err(at(self.line, "unexpected EOF")),
            Terminator::Else(_) => return Err(at(self.line, "expected end; found {{else}}")),
            Terminator::End => {}
        }
        self.variables.truncate(scope);
        Ok(match keyword {
            "if" => Node::If { pipeline, then, otherwise },
            "with" => Node::With { pipeline, then, otherwise },
            _ => Node::Range { pipeline, body: then, otherwise },
        })
    }

    fn pipeline(&mut self, words: &[Lexed], depth: usize) -> Result<Pipeline, String> {
        if depth > DEPTH {
            return Err(at(self.line, "exceeded maximum template depth"));
        }
        let Some(first) = words.first() else { return Err(at(self.line, "missing value for command")) };
        let place = Place { line: first.line, column: first.column, text: String::new() };
        let mut variables = Vec::new();
        let mut declares = false;
        let mut body = words;
        let sign = words.iter().position(|lexed| matches!(lexed.token, Token::Declare | Token::Assign));
        if let Some(sign) = sign {
            declares = words[sign].token == Token::Declare;
            for lexed in &words[..sign] {
                match &lexed.token {
                    Token::Variable(name) => variables.push(name.clone()),
                    Token::Comma | Token::Space => {}
                    _ => return Err(at(self.line, "unexpected assignment")),
                }
            }
            if declares {
                self.variables.extend(variables.iter().cloned());
            }
            body = trim(&words[sign + 1..]);
        }
        let mut commands = Vec::new();
        let mut level = 0_usize;
        let mut from = 0;
        for (index, lexed) in body.iter().enumerate() {
            match lexed.token {
                Token::Open => level += 1,
                Token::Close => level = level.saturating_sub(1),
                Token::Pipe if level == 0 => {
                    commands.push(self.command(&body[from..index], depth)?);
                    from = index + 1;
                }
                _ => {}
            }
        }
        commands.push(self.command(&body[from..], depth)?);
        Ok(Pipeline { variables, declares, commands, place })
    }

    fn command(&mut self, words: &[Lexed], depth: usize) -> Result<Command, String> {
        let words = trim(words);
        let mut terms = Vec::new();
        let mut index = 0;
        while let Some(lexed) = words.get(index) {
            index += 1;
            let mut place = Place { line: lexed.line, column: lexed.column, text: String::new() };
            let mut term = match &lexed.token {
                Token::Space => continue,
                Token::Dot => Term::Dot,
                Token::Field(name) => Term::Field(vec![name.clone()], place.clone()),
                Token::Variable(name) if self.variables.contains(name) => {
                    Term::Variable(name.clone(), Vec::new(), place.clone())
                }
                Token::Variable(name) => return Err(at(self.line, &format!("undefined variable {name:?}"))),
                Token::Literal(value) => Term::Literal(value.clone()),
                Token::Word(name) if functions::exists(name) => {
                    place.text = name.clone();
                    Term::Function(name.clone(), place.clone())
                }
                Token::Word(name) => return Err(at(self.line, &format!("function {name:?} not defined"))),
                Token::Open => {
                    let close = closing(words, index).ok_or_else(|| at(self.line, "unclosed left paren"))?;
                    let inner = self.pipeline(trim(&words[index..close]), depth + 1)?;
                    index = close + 1;
                    Term::Parenthesis(Box::new(inner), Vec::new(), place.clone())
                }
                Token::Close => return Err(at(self.line, "unexpected right paren")),
                _ => return Err(at(self.line, "unexpected token in operand")),
            };
            let mut more = Vec::new();
            while let Some(Lexed { token: Token::Field(name), column, .. }) = words.get(index) {
                if more.is_empty() {
                    place.column = *column;
                }
                more.push(name.clone());
                index += 1;
            }
            if let Term::Field(names, at) | Term::Variable(_, names, at) | Term::Parenthesis(_, names, at) = &mut term {
                names.extend(more);
                place.text = names.iter().map(|name| format!(".{name}")).collect();
                *at = place;
            }
            terms.push(term);
        }
        if terms.is_empty() {
            return Err(at(self.line, "missing value for command"));
        }
        Ok(Command { terms })
    }
}

fn closing(words: &[Lexed], from: usize) -> Option<usize> {
    let mut level = 1_usize;
    for (index, lexed) in words.iter().enumerate().skip(from) {
        match lexed.token {
            Token::Open => level += 1,
            Token::Close => level -= 1,
            _ => {}
        }
        if level == 0 {
            return Some(index);
        }
    }
    None
}

fn trim(words: &[Lexed]) -> &[Lexed] {
    let is_space = |lexed: &Lexed| lexed.token == Token::Space;
    let from = words.iter().position(|lexed| !is_space(lexed)).unwrap_or(words.len());
    let to = words.iter().rposition(|lexed| !is_space(lexed)).map_or(from, |last| last + 1);
    &words[from..to]
}
