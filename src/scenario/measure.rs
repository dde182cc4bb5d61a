//! Named durations, `[[measure]]`: from a moment, or the first at which a condition holds, to the first at which
//! another does, or at which a step's command ends in a certain way.
//!
//! It reads and checks them; `gauge` takes the time. A measure never changes a verdict.

use super::expect::{condition, moment, rules, step_of};
use super::problem::Problem;
use super::read::{File, Range, Table};
use super::{Expectation, MAX_MEASURES, OutputRule, Step, StepRef, When};
use crate::engine::Duration;
use crate::predicate::Condition;

/// A duration that has a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// What is measured, in words.
    pub name: String,
    /// The time begins here at the earliest.
    pub from: Duration,
    /// It begins when this first holds; without it, at `from`.
    pub from_when: Option<Condition>,
    /// What ends it.
    pub until: Finish,
    /// How long it is looked for at most; without it, until the run ends.
    pub within: Option<Duration>,
}

/// What ends a measure.
#[derive(Clone, Debug, PartialEq)]
pub enum Finish {
    /// The first moment at which this holds.
    Holds(Condition),
    /// The first run of a step that is like this.
    Ran(RunRule),
    /// The moment at which this expectation (from 0), an `eventually`, held.
    Expectation(usize),
}

/// Which run of a step, and what is taken of it.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRule {
    /// Whose runs.
    pub step: StepRef,
    /// What it printed; all of them.
    pub rules: Vec<OutputRule>,
    /// The status of its last command.
    pub status: Option<i32>,
    /// It took less than this.
    pub faster_than: Option<Duration>,
    /// It took at least this.
    pub slower_than: Option<Duration>,
    /// What is measured.
    pub of: Of,
}

/// What is measured of a step's run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Of {
    /// From the measure's beginning until the run's end: when whoever typed it knew.
    #[default]
    End,
    /// From the measure's beginning until the run's beginning.
    Begin,
    /// The run itself.
    Duration,
}

impl RunRule {
    /// Whether a run is the one.
    pub fn fits(&self, output: &str, status: i32, took: Duration) -> bool {
        self.rules.iter().all(|rule| rule.fits(output))
            && self.status.is_none_or(|expected| expected == status)
            && self.faster_than.is_none_or(|limit| took < limit)
            && self.slower_than.is_none_or(|limit| took >= limit)
    }
}

/// Reads `[[measure]]`, and takes every `eventually` that begins at a time of its own as a measure too.
pub(super) fn measures(
    file: &File,
    top: &Table,
    duration: Duration,
    steps: &[Step],
    expectations: &[Expectation],
) -> Vec<Measure> {
    let mut out: Vec<Measure> = Vec::new();
    for table in top.tables("measure") {
        if out.len() >= MAX_MEASURES {
            let problem = Problem::new(table.span, format!("more than {MAX_MEASURES} measures"));
            file.problem(problem.label("one too many"));
            break;
        }
        let name = table.text("name");
        if let Some(name) = &name
            && out.iter().any(|other| other.name == name.text)
        {
            let problem = Problem::new(name.span, format!("two measures are called {:?}", name.text));
            file.problem(problem.label("the second"));
        }
        if name.is_none() && !table.has("name") {
            table.missing("name", "name = \"time to a new leader\"");
        }
        let measure = measure(file, table, duration, steps);
        if let (Some(name), Some(measure)) = (name, measure) {
            out.push(Measure { name: name.text, ..measure });
        }
    }
    for (index, expectation) in expectations.iter().enumerate() {
        let named = out.iter().any(|measure| measure.name == expectation.name);
        if let (When::Eventually(from, until), false) = (expectation.when, named || out.len() >= MAX_MEASURES)
            && from > Duration::ZERO
        {
            out.push(Measure {
                name: expectation.name.clone(),
                from,
                from_when: None,
                until: Finish::Expectation(index),
                within: Some(until - from),
            });
        }
    }
    out
}

/// One `[[measure]]`, but for its name.
fn measure(file: &File, table: Table, duration: Duration, steps: &[Step]) -> Option<Measure> {
    let refuse = |span: Range, message: &str, help: &str| {
        file.problem(Problem::new(span, message).label("not here").help(help));
    };
    let from = moment(file, &table, "from", duration).map_or(Duration::ZERO, |(from, _)| from);
    let from_when = table.text("from_when");
    let until = table.text("until");
    let within = table.duration("within");
    if let Some((within, span)) = within
        && from + within > duration
    {
        let message = format!("`within` goes on until {}, but the scenario lasts {duration}", from + within);
        let problem = Problem::new(span, message).label("after the end");
        file.problem(problem.help("make it shorter, or leave it out: the run's end is the end of it"));
    }
    let of_step = ["contains", "matches", "equals", "status", "faster_than", "slower_than", "of"];
    let (rules, status) = rules(file, &table);
    let faster_than = table.duration("faster_than").map(|(limit, _)| limit);
    let slower_than = table.duration("slower_than").map(|(limit, _)| limit);
    let of = table.text("of").map_or(Of::End, |of| match of.text.as_str() {
        "end" => Of::End,
        "begin" => Of::Begin,
        "duration" => Of::Duration,
        other => {
            let problem = Problem::new(of.span, format!("a run of a step has no {other:?}")).label("not known");
            file.problem(problem.help("write \"end\", \"begin\" or \"duration\""));
            Of::End
        }
    });
    let step = if table.has("step") { Some(step_of(file, &table, steps)) } else { None };
    // So that they are known keys whatever else is wrong.
    let _ = table.value("step");
    if step.is_none()
        && let Some(key) = of_step.into_iter().find(|key| table.has(key))
    {
        let message = format!("`{key}` is about a step's run");
        refuse(table.span_of(key), &message, "write step = 1 for the first, or the name of a step");
    }
    let from_when = from_when.and_then(|text| condition(file, &text));
    let finish = match (step, until) {
        (Some(_), Some(until)) => {
            let help = "write one [[measure]] with `step` and one with `until`";
            refuse(until.span, "a measure ends once: with `step` there is no `until`", help);
            None
        }
        (Some(step), None) => {
            step.map(|step| Finish::Ran(RunRule { step, rules, status, faster_than, slower_than, of }))
        }
        (None, Some(until)) if Duration::parse(&until.text).is_ok() => {
            let problem = Problem::new(until.span, "`until` of a measure is a condition, not a time");
            let help = "write until = 'raft.quorum', and within = \"2m\" for how long it is looked for";
            file.problem(problem.label("expected a condition").help(help));
            None
        }
        (None, Some(until)) => condition(file, &until).map(Finish::Holds),
        (None, None) => {
            if !table.has("until") {
                let problem = Problem::new(table.span, "[[measure]] has no end").label("missing here");
                file.problem(problem.help("write until = 'CONDITION', or step = \"NAME\" of a step"));
            }
            None
        }
    };
    table.done();
    let within = within.map(|(within, _)| within);
    Some(Measure { name: String::new(), from, from_when, until: finish?, within })
}
