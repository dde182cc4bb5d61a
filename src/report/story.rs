//! The story of a run: what happened, in order, with times and reasons, in sentences.
//!
//! It reads the trace and nothing else; what is small (a task being prepared, a packet lost) is left out, and what
//! happened to several tasks of a service at one moment is one sentence.

use super::StoryLine;
use crate::engine::{EventId, Time};
use crate::observe::words::{task_words, words};
use crate::scenario::run::Run;
use crate::swarm::world::record::What;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The story of a run, from its first step on.
pub fn story(run: &Run) -> Vec<StoryLine> {
    let world = run.session.world();
    let mut lines: Vec<(Time, usize, StoryLine)> = Vec::new();
    // What happened to tasks during one event, sentence by sentence.
    let mut gathering: Vec<Gathered> = Vec::new();
    let quiet: BTreeSet<(Time, &str)> =
        run.quiet.iter().flat_map(|(at, run)| lines_of(run).map(|l| (*at, l))).collect();
    for record in world.env.trace.iter().filter(|record| record.at >= Time::ZERO) {
        if let What::Typed { line, .. } = &record.what
            && quiet.contains(&(record.at, &**line))
        {
            // A step that asks again and again, and is told what it was told before, tells nothing new.
            continue;
        }
        if let What::Task { .. } = record.what {
            let Some((verb, mention, reason)) = task_words(&record.what) else { continue };
            let service = task_service(&record.what);
            if gathering.first().is_some_and(|first| first.event != record.event) {
                flush(&mut gathering, &mut lines);
            }
            let same = |g: &&mut Gathered| g.verb == verb && g.service == service && g.reason == reason;
            match gathering.iter_mut().find(same) {
                Some(gathered) => gathered.mentions.push(mention),
                None => gathering.push(Gathered {
                    event: record.event,
                    at: record.at,
                    service,
                    verb,
                    mentions: vec![mention],
                    reason,
                }),
            }
            continue;
        }
        flush(&mut gathering, &mut lines);
        if let Some((text, cause)) = words(world, record) {
            lines.push((record.at, lines.len(), StoryLine { at: record.at, text, cause }));
        }
    }
    flush(&mut gathering, &mut lines);
    // What the steps printed stands behind what happened up to then.
    let mut last_printed: BTreeMap<usize, &str> = BTreeMap::new();
    for printed in run.printed.iter().filter(|printed| !printed.again) {
        let text = printed.chunk.text.trim_end_matches('\n');
        if text.is_empty() || last_printed.get(&printed.step).is_some_and(|last| *last == text) {
            // A progress line that says again what it said 200 ms ago tells nothing new.
            continue;
        }
        last_printed.insert(printed.step, text);
        let text = text.lines().map(|line| format!("    {}", tabs(line))).collect::<Vec<_>>().join("\n");
        let line = StoryLine { at: printed.at, text, cause: None };
        lines.push((printed.at, usize::MAX / 2 + lines.len(), line));
    }
    lines.sort_by_key(|(at, place, _)| (*at, *place));
    merge_prints(lines.into_iter().map(|(_, _, line)| line).collect())
}

/// The lines of what is typed, as the trace has them.
fn lines_of(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

/// Tabs as a terminal shows them.
fn tabs(line: &str) -> String {
    let mut out = String::new();
    let mut column = 0;
    for c in line.chars() {
        let width = if c == '\t' { 8 - column % 8 } else { 1 };
        if c == '\t' {
            out.extend(std::iter::repeat_n(' ', width))
        } else {
            out.push(c)
        }
        column += width;
    }
    out
}

/// What one command printed piece by piece at one moment is one line of the story.
fn merge_prints(lines: Vec<StoryLine>) -> Vec<StoryLine> {
    let mut merged: Vec<StoryLine> = Vec::new();
    for line in lines {
        match merged.last_mut() {
            Some(last) if last.at == line.at && last.text.starts_with("    ") && line.text.starts_with("    ") => {
                last.text.push('\n');
                last.text.push_str(&line.text);
            }
            _ => merged.push(line),
        }
    }
    merged
}

struct Gathered {
    event: EventId,
    at: Time,
    service: Arc<str>,
    verb: &'static str,
    mentions: Vec<String>,
    reason: Option<String>,
}

fn flush(gathering: &mut Vec<Gathered>, lines: &mut Vec<(Time, usize, StoryLine)>) {
    for Gathered { at, verb, mentions, reason, .. } in gathering.drain(..) {
        let text = format!("{}: {verb}", mentions.join(", "));
        lines.push((at, lines.len(), StoryLine { at, text, cause: reason }));
    }
}

fn task_service(what: &What) -> Arc<str> {
    match what {
        What::Task { service, .. } => service.clone(),
        _ => "".into(),
    }
}
