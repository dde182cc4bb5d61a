//! The report for machines, as JSON.
//!
//! Times are whole nanoseconds since the start. Keys are only ever added. It follows the house plan §6.

use serde_json::{Value, json};

use super::{Outcome, Report, StoryLine};
use crate::scenario::{Judgement, Measured};

/// The version of this form.
const FORMAT: u32 = 1;

fn story(lines: &[StoryLine]) -> Vec<Value> {
    lines.iter().map(|line| json!({"at": line.at.nanos(), "text": line.text, "cause": line.cause})).collect()
}

pub(super) fn json(report: &Report) -> String {
    let expectations: Vec<Value> = report
        .expectations
        .iter()
        .map(|expectation| match &expectation.judgement {
            Judgement::Held => json!({"name": expectation.name, "verdict": "held"}),
            Judgement::Failed { at, explanation } => json!({
                "name": expectation.name, "verdict": "failed", "at": at.nanos(), "explanation": explanation,
            }),
            Judgement::Unknown { reason } => {
                json!({"name": expectation.name, "verdict": "unknown", "reason": reason})
            }
        })
        .collect();
    let outputs: Vec<Value> = report
        .outputs
        .iter()
        .map(|output| {
            let verdict = if output.faults.is_empty() { "held" } else { "failed" };
            json!({"step": output.step, "verdict": verdict, "faults": output.faults})
        })
        .collect();
    let measures: Vec<Value> = report
        .measures
        .iter()
        .map(|measure| match measure.measured {
            Measured::Took { from, took } => {
                json!({"name": measure.name, "from": from.nanos(), "took": took.as_nanos()})
            }
            Measured::NotReached { from } => json!({"name": measure.name, "from": from.nanos(), "took": null}),
            Measured::NotBegun => json!({"name": measure.name, "from": null, "took": null}),
        })
        .collect();
    let outcome = match report.outcome() {
        Outcome::Held => "held",
        Outcome::Failed => "failed",
        Outcome::Unknown => "unknown",
    };
    let whole = json!({
        "format": FORMAT,
        "scenario": report.scenario,
        "about": report.about,
        "seed": report.seed,
        "outcome": outcome,
        "story": story(&report.story),
        "expectations": expectations,
        "outputs": outputs,
        "measures": measures,
        "violations": story(&report.violations),
        "events": report.events,
        "ended_at": report.ended_at.nanos(),
        "fingerprint": report.fingerprint,
    });
    format!("{whole:#}\n")
}
