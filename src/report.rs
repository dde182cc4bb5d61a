//! What a run leaves behind for people and machines: its story, what was expected and seen, its fingerprint.
//!
//! It renders what it is given and reads no world. Nothing that a simulated program printed reaches the terminal raw. It
//! follows the house plan §6 ("`run` ends with a line `fingerprint <hex>`").

mod json;
mod story;
pub mod sweep;
mod text;
mod trace;

use crate::engine::Time;
use crate::scenario::run::Run;
use crate::scenario::{Judgement, Measured, Scenario};

pub use story::story;
pub use text::escaped;
pub use trace::trace_lines;

/// A run, told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// The scenario's name.
    pub scenario: String,
    /// What it shows.
    pub about: String,
    /// The seed of this run.
    pub seed: u64,
    /// What happened, in order.
    pub story: Vec<StoryLine>,
    /// What was expected.
    pub expectations: Vec<ExpectationResult>,
    /// What steps had to print.
    pub outputs: Vec<OutputResult>,
    /// What was measured.
    pub measures: Vec<MeasureResult>,
    /// What ended the run before its time: an invariant that was broken, or a limit.
    pub violations: Vec<StoryLine>,
    /// Where the cause of that lies.
    pub blame: Blame,
    /// The fingerprint, in hex.
    pub fingerprint: String,
    /// How many events were handled.
    pub events: u64,
    /// When the run ended.
    pub ended_at: Time,
}

/// Where the cause lies of a run that ended before its time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Blame {
    /// In the model: nothing that is done to a cluster may break an invariant.
    #[default]
    Model,
    /// In what was done to the cluster: a disk was replaced by an older copy, and no promise holds for its owner.
    Restore,
    /// In the limits: the run would have gone on.
    Limit,
}

impl Blame {
    fn of(run: &Run) -> Self {
        match run.session.world().violation() {
            Some(violation) if violation.restored.is_some() => Self::Restore,
            None if run.broken.is_some() => Self::Limit,
            _ => Self::Model,
        }
    }

    /// The line above what is told of it.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Model => "broken invariants (the model itself is wrong; please report this):",
            Self::Restore => {
                "broken promises (by the backup that was restored, not by the model: such a member may have forgotten \
                 what it had promised):"
            }
            Self::Limit => "the run was stopped:",
        }
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoryLine {
    /// When.
    pub at: Time,
    /// What, in one sentence or several lines.
    pub text: String,
    /// Why, if it is worth telling.
    pub cause: Option<String>,
}

/// An expectation and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectationResult {
    /// Its name.
    pub name: String,
    /// How it ended.
    pub judgement: Judgement,
}

/// A step whose output was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputResult {
    /// The step's name or number.
    pub step: String,
    /// What is wrong with it; nothing if it is as expected.
    pub faults: Vec<String>,
}

/// A named duration and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeasureResult {
    /// Its name.
    pub name: String,
    /// How long it took, if it came to its end.
    pub measured: Measured,
}

/// How a run ended as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// All held.
    Held,
    /// Something could not be decided, and nothing failed.
    Unknown,
    /// Something failed.
    Failed,
}

impl Outcome {
    /// The exit status that says so.
    pub fn exit_status(self) -> i32 {
        match self {
            Self::Held => 0,
            Self::Failed => 1,
            Self::Unknown => 3,
        }
    }
}

impl Report {
    /// The report of a run.
    pub fn of(scenario: &Scenario, run: &Run) -> Self {
        let world = run.session.world();
        let broken = |text: &String| StoryLine { at: world.now(), text: text.clone(), cause: None };
        Self {
            scenario: scenario.name.clone(),
            about: scenario.about.clone(),
            seed: run.seed,
            story: story(run),
            expectations: scenario
                .expectations
                .iter()
                .zip(&run.judgements)
                .map(|(expectation, judgement)| ExpectationResult {
                    name: expectation.name.clone(),
                    judgement: judgement.clone(),
                })
                .collect(),
            outputs: scenario
                .outputs
                .iter()
                .zip(&run.outputs)
                .map(|(check, faults)| OutputResult { step: check.step.shown.clone(), faults: faults.clone() })
                .collect(),
            measures: scenario
                .measures
                .iter()
                .zip(&run.measured)
                .map(|(measure, measured)| MeasureResult { name: measure.name.clone(), measured: *measured })
                .collect(),
            violations: run.broken.iter().map(broken).collect(),
            blame: Blame::of(run),
            fingerprint: world.env.kernel.fingerprint().to_string(),
            events: world.env.kernel.handled(),
            ended_at: world.now(),
        }
    }

    /// How the run ended as a whole: the worst of its parts.
    pub fn outcome(&self) -> Outcome {
        let expectations = self.expectations.iter().map(|expectation| match expectation.judgement {
            Judgement::Held => Outcome::Held,
            Judgement::Failed { .. } => Outcome::Failed,
            Judgement::Unknown { .. } => Outcome::Unknown,
        });
        let failed = |failed: bool| if failed { Outcome::Failed } else { Outcome::Held };
        let outputs = self.outputs.iter().map(|output| failed(!output.faults.is_empty()));
        expectations.chain(outputs).chain([failed(!self.violations.is_empty())]).max().unwrap_or(Outcome::Held)
    }

    /// The report for people; its last line is the fingerprint.
    pub fn to_text(&self) -> String {
        text::text(self)
    }

    /// The report for machines: one JSON object, its keys in a fixed order.
    pub fn to_json(&self) -> String {
        json::json(self)
    }
}

#[cfg(test)]
mod tests;
