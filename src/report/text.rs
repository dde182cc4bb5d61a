//! The report for people.
//!
//! Control characters, and those that turn the direction of writing, are written out. It follows the house plan §6.

use super::{Report, StoryLine};
use crate::engine::Duration;
use crate::scenario::{Judgement, Measured};

/// A text whose control characters are written out, so that it cannot command a terminal. Line ends stay.
///
/// ```
/// assert_eq!(swarmlab::report::escaped("a\u{1b}[31mb\r\n"), "a\\x1b[31mb\\r\n");
/// ```
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push('\n'),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_ascii_control() => out += &format!("\\x{:02x}", u32::from(c)),
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => {
                out += &format!("\\u{{{:x}}}", u32::from(c));
            }
            c if c.is_control() => out += &format!("\\u{{{:x}}}", u32::from(c)),
            c => out.push(c),
        }
    }
    out
}

/// Lines under a head: the first behind it, the others below the first.
pub(super) fn under(head: &str, text: &str) -> String {
    let indent = " ".repeat(head.chars().count());
    let mut out = String::new();
    for (index, line) in escaped(text.trim_end_matches('\n')).split('\n').enumerate() {
        let lead = if index == 0 { head } else { &indent };
        out += format!("{lead}{line}").trim_end();
        out.push('\n');
    }
    out
}

/// A duration as Docker writes it, to a thousandth of a second above one and of a millisecond below.
pub(super) fn rounded(duration: Duration) -> String {
    let unit = if duration.as_nanos() >= 1_000_000_000 { 1_000_000 } else { 1_000 };
    Duration::from_nanos((duration.as_nanos() + unit / 2) / unit * unit).to_string()
}

fn story(lines: &[StoryLine]) -> String {
    let width = lines.iter().map(|line| line.at.to_string().len()).max().unwrap_or(0).max(8);
    let mut out = String::new();
    for line in lines {
        out += &under(&format!("{:>width$}  ", line.at.to_string()), &line.text);
        if let Some(cause) = &line.cause {
            out += &under(&format!("{:>width$}  because ", ""), cause);
        }
    }
    out
}

pub(super) fn text(report: &Report) -> String {
    let mut out = format!("{}, seed {}\n", escaped(&report.scenario), report.seed);
    if !report.about.is_empty() {
        out += &under("", &report.about);
    }
    if !report.story.is_empty() {
        out.push('\n');
        out += &story(&report.story);
    }
    if !report.expectations.is_empty() {
        out += "\nexpected:\n";
    }
    for expectation in &report.expectations {
        match &expectation.judgement {
            Judgement::Held => out += &under("  held     ", &expectation.name),
            Judgement::Failed { at, explanation } => {
                out += &under("  FAILED   ", &format!("{} (at {at})", expectation.name));
                out += &under("           ", explanation);
            }
            Judgement::Unknown { reason } => {
                out += &under("  unknown  ", &expectation.name);
                out += &under("           ", reason);
            }
        }
    }
    if !report.outputs.is_empty() {
        out += "\nprinted:\n";
    }
    for output in &report.outputs {
        let head = if output.faults.is_empty() { "  held     step " } else { "  FAILED   step " };
        out += &under(head, &output.step);
        for fault in &output.faults {
            out += &under("           ", fault);
        }
    }
    if !report.measures.is_empty() {
        out += "\nmeasured:\n";
    }
    for measure in &report.measures {
        let (took, note) = match measure.measured {
            Measured::Took { took, .. } => (rounded(took), ""),
            Measured::NotReached { .. } => ("-".into(), " (not reached)"),
            Measured::NotBegun => ("-".into(), " (never began)"),
        };
        out += &under(&format!("  {took:>9}  "), &format!("{}{note}", measure.name));
    }
    if !report.violations.is_empty() {
        out += &format!("\n{}\n", report.blame.heading());
        out += &story(&report.violations);
    }
    out += &format!("\n{} events, ended at {}\n", report.events, report.ended_at);
    out += &format!("fingerprint {}\n", report.fingerprint);
    out
}
