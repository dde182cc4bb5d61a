//! Reading a TOML table key by key: types, spans, unknown keys with the nearest known one, and no stop at the first error.
//!
//! It knows nothing of scenarios.

use std::cell::{Cell, RefCell};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::Problem;
use super::text::Placed;
use crate::engine::limits::MAX_DURATION;
use crate::engine::{Duration, ParseDurationError};
use crate::observe::nearest;

/// A file being read: its text and what is wrong with it so far.
pub(super) struct File<'a> {
    pub(super) source: &'a str,
    problems: RefCell<Vec<Problem>>,
    /// Whether it is TOML at all; if not, only that is reported.
    sound: Cell<bool>,
}

/// The bytes of a file.
pub(super) type Range = (usize, usize);

impl<'a> File<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        Self { source, problems: RefCell::default(), sound: Cell::new(true) }
    }

    /// Notes a problem. What follows from a file that is not TOML is not worth a word.
    pub(super) fn problem(&self, problem: Problem) {
        if !self.sound.get() {
            return;
        }
        self.problems.borrow_mut().push(problem);
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems.into_inner()
    }

    /// The whole file as a table; what can be read of it is, even if some of it is not TOML.
    pub(super) fn table(&self) -> Spanned<DeTable<'a>> {
        let (table, errors) = DeTable::parse_recoverable(self.source);
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            let message = error.message().trim().replace('\n', "; ");
            let what = match message.split_once(", expected ") {
                Some((what, expected)) => Problem::new((span.start, span.end), format!("not TOML: {what}"))
                    .help(format!("expected here: {expected}")),
                None => Problem::new((span.start, span.end), format!("not TOML: {message}")),
            };
            self.problem(what);
        }
        self.sound.set(self.problems.borrow().is_empty());
        table
    }
}

/// What a value is, with its article.
fn noun(value: &DeValue) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Whether a text is a number and a unit, however large.
fn magnitude(text: &str) -> bool {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    digits > 0 && Duration::parse(&format!("1{}", &text[digits..])).is_ok()
}

fn range<T>(value: &Spanned<T>) -> Range {
    (value.span().start, value.span().end)
}

/// A table and the keys that have been asked for.
pub(super) struct Table<'t, 'a> {
    file: &'t File<'a>,
    table: &'t DeTable<'a>,
    /// Where it begins.
    pub(super) span: Range,
    /// What it is called in messages: `[cluster]`.
    name: String,
    known: RefCell<Vec<&'static str>>,
}

impl<'t, 'a> Table<'t, 'a> {
    pub(super) fn new(file: &'t File<'a>, table: &'t DeTable<'a>, span: Range, name: impl Into<String>) -> Self {
        Self { file, table, span, name: name.into(), known: RefCell::default() }
    }

    /// Reports every key that nobody asked for.
    pub(super) fn done(self) {
        let known = self.known.into_inner();
        for key in self.table.keys() {
            let name: &str = key.get_ref();
            if known.contains(&name) {
                continue;
            }
            let problem = Problem::new(range(key), format!("unknown key `{name}` in {}", self.name));
            let help = match nearest(name, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known here: {}", known.join(", ")),
            };
            self.file.problem(problem.label("not known").help(help));
        }
    }

    pub(super) fn value(&self, key: &'static str) -> Option<&'t Spanned<DeValue<'a>>> {
        self.known.borrow_mut().push(key);
        self.table.get(key)
    }

    /// Whether a key is written, whatever its value.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Whether a key is written as a whole number.
    pub(super) fn is_number(&self, key: &str) -> bool {
        self.table.get(key).is_some_and(|value| matches!(value.get_ref(), DeValue::Integer(_)))
    }

    /// Where the value of a key is written; the table's own place without it.
    pub(super) fn span_of(&self, key: &str) -> Range {
        self.table.get(key).map_or(self.span, range)
    }

    fn wrong(&self, key: &str, value: &Spanned<DeValue<'a>>, expected: &str) {
        let message = format!("`{key}` is {}, not {}", expected, noun(value.get_ref()));
        self.file.problem(Problem::new(range(value), message).label(format!("expected {expected}")));
    }

    /// Reports a key that must be there and is not.
    pub(super) fn missing(&self, key: &str, example: &str) {
        let problem = Problem::new(self.span, format!("{} has no `{key}`", self.name));
        self.file.problem(problem.label("missing here").help(format!("write {example}")));
    }

    pub(super) fn text(&self, key: &'static str) -> Option<Placed> {
        let value = self.value(key)?;
        match value.get_ref() {
            DeValue::String(text) => Some(Placed::new(self.file.source, range(value), text)),
            _ => {
                self.wrong(key, value, "a string");
                None
            }
        }
    }

    pub(super) fn bool(&self, key: &'static str) -> Option<bool> {
        let value = self.value(key)?;
        match value.get_ref() {
            DeValue::Boolean(b) => Some(*b),
            _ => {
                self.wrong(key, value, "true or false");
                None
            }
        }
    }

    /// A whole number from `least` to `most`.
    pub(super) fn number(&self, key: &'static str, least: i64, most: i64) -> Option<i64> {
        let value = self.value(key)?;
        self.number_of(key, value, least, most)
    }

    fn number_of(&self, key: &str, value: &Spanned<DeValue<'a>>, least: i64, most: i64) -> Option<i64> {
        let DeValue::Integer(written) = value.get_ref() else {
            self.wrong(key, value, "a whole number");
            return None;
        };
        let number = i64::from_str_radix(&written.as_str().replace('_', ""), written.radix()).ok();
        match number {
            Some(number) if (least..=most).contains(&number) => Some(number),
            _ => {
                let message = format!("`{key}` is {}; it may be from {least} to {most}", written.as_str());
                self.file.problem(Problem::new(range(value), message).label("out of its limits"));
                None
            }
        }
    }

    /// A decimal number as an integer of its `places`-th decimals: `cpus = 1.5`.
    pub(super) fn decimal(&self, key: &'static str, places: usize) -> Option<i64> {
        let value = self.value(key)?;
        let written = match value.get_ref() {
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().to_string(),
            DeValue::Float(number) => number.as_str().to_string(),
            DeValue::String(text) => text.to_string(),
            _ => {
                self.wrong(key, value, "a number");
                return None;
            }
        };
        let text = written.replace('_', "");
        let (whole, fraction) = text.split_once('.').unwrap_or((text.as_str(), ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let sound = !whole.is_empty() && digits(whole) && digits(fraction) && fraction.len() <= places;
        let number = if sound { format!("{whole}{fraction:0<places$}").parse().ok() } else { None };
        if number.is_none() {
            let message = format!("`{key}` is {written}, not a number such as 2 or 1.5");
            self.file.problem(Problem::new(range(value), message).label("expected a number"));
        }
        number
    }

    /// A duration that is not negative.
    pub(super) fn duration(&self, key: &'static str) -> Option<(Duration, Range)> {
        let value = self.value(key)?;
        let at = range(value);
        let text = match value.get_ref() {
            DeValue::String(text) => text,
            DeValue::Integer(number) => {
                let message = format!("`{key}` is a duration and has a unit");
                let help = format!("write {key} = \"{}s\"", number.as_str());
                self.file.problem(Problem::new(at, message).label("expected a duration").help(help));
                return None;
            }
            _ => {
                self.wrong(key, value, "a duration such as \"1m30s\"");
                return None;
            }
        };
        match Duration::parse(text) {
            Ok(duration) if !duration.is_negative() => Some((duration, at)),
            Ok(_) => {
                let message = format!("`{key}` is {text}, before the start");
                self.file.problem(Problem::new(at, message).label("negative").help("durations count from the start"));
                None
            }
            Err(error) => {
                let problem = match (error, magnitude(text)) {
                    (ParseDurationError::Invalid(_), true) => {
                        let message = format!("`{key}` is {text}; a scenario lasts at most {MAX_DURATION}");
                        Problem::new(at, message).label("out of its limits")
                    }
                    (error, _) => {
                        let problem = Problem::new(at, format!("`{key}` is {text:?}, which is not a duration"))
                            .label("expected a duration");
                        problem.help(match error {
                            ParseDurationError::MissingUnit(_) => format!("write {key} = \"{text}s\""),
                            _ => "write a number and a unit: 300ms, 30s, 1m30s, 2h".to_string(),
                        })
                    }
                };
                self.file.problem(problem);
                None
            }
        }
    }

    pub(super) fn table(&self, key: &'static str) -> Option<Table<'t, 'a>> {
        let value = self.value(key)?;
        match value.get_ref() {
            DeValue::Table(table) => {
                Some(Table::new(self.file, table, range(value), format!("[{}{key}]", self.prefix())))
            }
            _ => {
                self.wrong(key, value, "a table");
                None
            }
        }
    }

    fn prefix(&self) -> String {
        match self.name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
            Some(name) => format!("{name}."),
            None => String::new(),
        }
    }

    /// The tables of `[[key]]`.
    pub(super) fn tables(&self, key: &'static str) -> Vec<Table<'t, 'a>> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let name = format!("[[{}{key}]]", self.prefix());
        let DeValue::Array(array) = value.get_ref() else {
            let message = format!("`{key}` is written [[{key}]], once for each");
            self.file.problem(Problem::new(range(value), message).label(format!("expected {name}")));
            return Vec::new();
        };
        let mut tables = Vec::new();
        for element in array.iter() {
            match element.get_ref() {
                DeValue::Table(table) => tables.push(Table::new(self.file, table, range(element), name.clone())),
                _ => self.wrong(key, element, "a table"),
            }
        }
        tables
    }

    /// The keys and values of a table whose keys are free.
    pub(super) fn entries(&self, key: &'static str) -> Vec<(String, Range, &'t Spanned<DeValue<'a>>)> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let DeValue::Table(table) = value.get_ref() else {
            self.wrong(key, value, "a table");
            return Vec::new();
        };
        // In the order of the file, not of the alphabet.
        let mut entries: Vec<_> = table.iter().map(|(name, value)| (name.to_string(), range(name), value)).collect();
        entries.sort_by_key(|(_, at, _)| *at);
        entries
    }

    /// A table of texts, such as labels.
    pub(super) fn texts(&self, key: &'static str) -> Vec<(String, Placed)> {
        let mut texts = Vec::new();
        for (name, _, value) in self.entries(key) {
            match value.get_ref() {
                DeValue::String(text) => texts.push((name, Placed::new(self.file.source, range(value), text))),
                _ => self.wrong(&name, value, "a string"),
            }
        }
        texts
    }

    /// A list of texts; one alone counts as a list of one.
    pub(super) fn list_of_texts(&self, key: &'static str) -> Vec<Placed> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let placed = |value: &Spanned<DeValue<'a>>| match value.get_ref() {
            DeValue::String(text) => Some(Placed::new(self.file.source, range(value), text)),
            _ => {
                self.wrong(key, value, "a string");
                None
            }
        };
        match value.get_ref() {
            DeValue::Array(array) => array.iter().filter_map(placed).collect(),
            _ => placed(value).into_iter().collect(),
        }
    }

    /// A list of whole numbers from `least` to `most`.
    pub(super) fn list_of_numbers(&self, key: &'static str, least: i64, most: i64) -> Option<Vec<i64>> {
        let value = self.value(key)?;
        match value.get_ref() {
            DeValue::Array(array) => {
                Some(array.iter().filter_map(|element| self.number_of(key, element, least, most)).collect())
            }
            _ => {
                self.wrong(key, value, "a list of whole numbers");
                None
            }
        }
    }
}
