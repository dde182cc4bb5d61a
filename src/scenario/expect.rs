//! What a scenario expects: conditions over a span of time, and what commands print.
//!
//! It reads and checks them; `judge` decides. It follows the house plan §7.

use regex::{Regex, RegexBuilder};

use super::problem::Problem;
use super::read::{File, Range, Table};
use super::text::Placed;
use super::{MAX_EXPECTATIONS, MAX_OUTPUTS, Step};
use crate::engine::Duration;
use crate::observe::nearest;
use crate::predicate::Condition;

/// A condition that must hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// What is expected, in words.
    pub name: String,
    /// When.
    pub when: When,
    /// What.
    pub condition: Condition,
}

/// When a condition must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At every instant from the first to the second, both included.
    Always(Duration, Duration),
    /// At some instant between.
    Eventually(Duration, Duration),
    /// At this instant.
    At(Duration),
}

impl When {
    /// The first and the last instant that matter.
    pub fn span(self) -> (Duration, Duration) {
        match self {
            Self::Always(from, until) | Self::Eventually(from, until) => (from, until),
            Self::At(at) => (at, at),
        }
    }
}

/// What a step must print.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputCheck {
    /// Which step.
    pub step: StepRef,
    /// What its output must be like; all of them.
    pub rules: Vec<OutputRule>,
    /// The status its last command must have.
    pub status: Option<i32>,
}

/// A step by its place in the file (from 0), and as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepRef {
    /// Its place among the steps.
    pub index: usize,
    /// Its name, or its number from 1.
    pub shown: String,
}

/// What an output must be like.
#[derive(Clone, Debug)]
pub enum OutputRule {
    /// A text stands in it.
    Contains(String),
    /// A regular expression is found in it.
    Matches(Regex),
    /// It is this text, but for line ends at its end.
    Equals(String),
}

impl PartialEq for OutputRule {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Contains(a), Self::Contains(b)) | (Self::Equals(a), Self::Equals(b)) => a == b,
            (Self::Matches(a), Self::Matches(b)) => a.as_str() == b.as_str(),
            _ => false,
        }
    }
}

impl OutputRule {
    /// Whether an output is like this.
    pub fn fits(&self, output: &str) -> bool {
        match self {
            Self::Contains(text) => output.contains(text.as_str()),
            Self::Matches(regex) => regex.is_match(output),
            Self::Equals(text) => output.trim_end_matches('\n') == text.trim_end_matches('\n'),
        }
    }

    /// What is expected, in words.
    pub fn expected(&self) -> String {
        match self {
            Self::Contains(text) => format!("contains {text:?}"),
            Self::Matches(regex) => format!("matches {:?}", regex.as_str()),
            Self::Equals(text) => format!("is {text:?}"),
        }
    }
}

impl OutputCheck {
    /// What is wrong with the output and the status of its step; nothing if both are as expected.
    pub fn faults(&self, output: &str, status: i32) -> Vec<String> {
        let mut faults: Vec<String> = Vec::new();
        for rule in self.rules.iter().filter(|rule| !rule.fits(output)) {
            faults.push(format!("expected: {}; printed: {output:?}", rule.expected()));
        }
        if let Some(expected) = self.status.filter(|expected| *expected != status) {
            faults.push(format!("expected status {expected}; it was {status}"));
        }
        faults
    }
}

/// Reads `[[expect]]`.
pub(super) fn expectations(file: &File, top: &Table, duration: Duration) -> Vec<Expectation> {
    let mut out = Vec::new();
    for table in top.tables("expect") {
        if out.len() >= MAX_EXPECTATIONS {
            let problem = Problem::new(table.span, format!("more than {MAX_EXPECTATIONS} expectations"));
            file.problem(problem.label("one too many"));
            break;
        }
        out.extend(expectation(file, table, duration));
    }
    out
}

/// A moment of the scenario; a later one is refused.
pub(super) fn moment(file: &File, table: &Table, key: &'static str, duration: Duration) -> Option<(Duration, Range)> {
    let (at, span) = table.duration(key)?;
    if at > duration {
        let problem = Problem::new(span, format!("`{key}` is {at}, but the scenario lasts {duration}"));
        file.problem(problem.label("after the end").help("make it earlier, or `duration` longer"));
        return None;
    }
    Some((at, span))
}

fn expectation(file: &File, table: Table, duration: Duration) -> Option<Expectation> {
    let from = moment(file, &table, "from", duration);
    let until = moment(file, &table, "until", duration);
    let within = table.duration("within");
    let at = moment(file, &table, "at", duration);
    let kinds =
        [("always", table.text("always")), ("eventually", table.text("eventually")), ("check", table.text("check"))];
    let name = table.text("name");
    let refuse = |span: Range, message: &str, help: &str| {
        file.problem(Problem::new(span, message).label("not here").help(help));
    };
    let written: Vec<_> = kinds.into_iter().filter_map(|(kind, text)| text.map(|text| (kind, text))).collect();
    let some_kind = ["always", "eventually", "check"].iter().any(|kind| table.has(kind));
    let (kind, text) = match written.as_slice() {
        [(kind, text)] => (*kind, text.clone()),
        [] => {
            if !some_kind {
                let problem = Problem::new(table.span, "[[expect]] has no condition").label("missing here");
                file.problem(
                    problem.help("write always = '...', eventually = '...', or at = \"1m\" with check = '...'"),
                );
            }
            table.done();
            return None;
        }
        [_, (kind, text), ..] => {
            let message = format!("[[expect]] has a second condition, `{kind}`");
            refuse(text.span, &message, "write one [[expect]] for each condition");
            table.done();
            return None;
        }
    };
    if let (Some((_, span)), true) = (at, kind != "check") {
        refuse(span, "`at` belongs to `check`", "write from and until, or check = '...'");
    }
    if let (Some((_, span)), true) = (within, kind != "eventually") {
        refuse(span, "`within` belongs to `eventually`", "write until = \"...\"");
    }
    if let (Some(_), Some((_, span))) = (within, until) {
        refuse(span, "`within` and `until` both say when it ends", "write one of them");
    }
    if let (Some((_, span)), true) = (from.or(until), kind == "check") {
        refuse(span, "a `check` happens at one moment", "write at = \"...\"");
    }
    let start = from.map_or(Duration::ZERO, |(from, _)| from);
    let end = match (within, until) {
        (Some((within, span)), _) => {
            let end = start + within;
            if end > duration {
                let message = format!("`within` goes on until {end}, but the scenario lasts {duration}");
                let problem = Problem::new(span, message).label("after the end");
                file.problem(problem.help("make it shorter, or `duration` longer"));
            }
            end
        }
        (None, Some((until, span))) => {
            if until < start {
                let message = format!("`until` is {until}, before `from`, which is {start}");
                file.problem(Problem::new(span, message).label("too early"));
            }
            until
        }
        (None, None) => duration,
    };
    let when = match kind {
        "always" => When::Always(start, end),
        "eventually" => When::Eventually(start, end),
        _ => {
            if at.is_none() && !table.has("at") {
                table.missing("at", "at = \"1m\"");
            }
            When::At(at.map_or(Duration::ZERO, |(at, _)| at))
        }
    };
    table.done();
    let condition = condition(file, &text)?;
    let name = name.map_or_else(|| text.text.trim().to_string(), |name| name.text);
    Some(Expectation { name, when, condition })
}

/// Reads a condition, or reports why it is none.
pub(super) fn condition(file: &File, text: &Placed) -> Option<Condition> {
    match Condition::parse(&text.text) {
        Ok(condition) => Some(condition),
        Err(error) => {
            let problem =
                Problem::new(text.range(error.span.0, error.span.1), error.message).label("in this condition");
            file.problem(match error.help {
                Some(help) => problem.help(help),
                None => problem,
            });
            None
        }
    }
}

/// Reads `[[output]]`.
pub(super) fn outputs(file: &File, top: &Table, steps: &[Step]) -> Vec<OutputCheck> {
    let mut out = Vec::new();
    for table in top.tables("output") {
        if out.len() >= MAX_OUTPUTS {
            let problem = Problem::new(table.span, format!("more than {MAX_OUTPUTS} outputs")).label("one too many");
            file.problem(problem);
            break;
        }
        out.extend(output(file, table, steps));
    }
    out
}

/// What an output must be like, and the status behind it: keys that `[[output]]` and `[[measure]]` share.
pub(super) fn rules(file: &File, table: &Table) -> (Vec<OutputRule>, Option<i32>) {
    let mut rules = Vec::new();
    rules.extend(table.list_of_texts("contains").into_iter().map(|text| OutputRule::Contains(text.text)));
    for pattern in table.list_of_texts("matches") {
        let built =
            RegexBuilder::new(&pattern.text).multi_line(true).size_limit(1 << 20).dfa_size_limit(1 << 20).build();
        match built {
            Ok(regex) => rules.push(OutputRule::Matches(regex)),
            Err(_) => {
                let problem = Problem::new(pattern.span, "this is not a regular expression").label("in this pattern");
                file.problem(problem.help("write `contains` for a plain text"));
            }
        }
    }
    rules.extend(table.text("equals").map(|text| OutputRule::Equals(text.text)));
    let status = table.number("status", 0, 255).and_then(|status| i32::try_from(status).ok());
    (rules, status)
}

fn output(file: &File, table: Table, steps: &[Step]) -> Option<OutputCheck> {
    let (rules, status) = rules(file, &table);
    let step = step_of(file, &table, steps);
    if !["contains", "matches", "equals", "status"].iter().any(|key| table.has(key)) {
        let problem = Problem::new(table.span, "[[output]] expects nothing").label("missing here");
        file.problem(problem.help("write contains, matches, equals or status"));
    }
    table.done();
    Some(OutputCheck { step: step?, rules, status })
}

/// The step that `step` names.
pub(super) fn step_of(file: &File, table: &Table, steps: &[Step]) -> Option<StepRef> {
    if table.is_number("step") {
        let number = table.number("step", 1, i64::try_from(steps.len()).unwrap_or(i64::MAX).max(1))?;
        let index = usize::try_from(number - 1).ok().filter(|index| *index < steps.len())?;
        return Some(StepRef { index, shown: number.to_string() });
    }
    let Some(name) = table.text("step") else {
        if !table.has("step") {
            table.missing("step", "step = 1 for the first, or the name of a step");
        }
        return None;
    };
    let index = steps.iter().position(|step| step.name.as_deref() == Some(name.text.as_str()));
    if index.is_none() {
        let problem = Problem::new(name.span, format!("no step is called {:?}", name.text)).label("not known");
        file.problem(match nearest(&name.text, steps.iter().filter_map(|step| step.name.as_deref())) {
            Some(near) => problem.help(format!("did you mean {near:?}?")),
            None => problem.help("give the step a name = \"...\", or write its number, from 1"),
        });
    }
    Some(StepRef { index: index?, shown: name.text })
}
