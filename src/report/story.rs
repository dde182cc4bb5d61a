//! The story of a run: what happened, in order, with times and reasons, in sentences.
//!
//! It reads the trace and nothing else; what is small (a task being prepared, a packet lost) is left out, and what
//! happened to several tasks of a service at one moment is one sentence.

use super::StoryLine;
use crate::engine::{EventId, Record, Time};
use crate::scenario::run::Run;
use crate::swarm::object::{NodeState, TaskState, UpdateState};
use crate::swarm::store::Why;
use crate::swarm::world::World;
use crate::swarm::world::record::What;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The story of a run, from its first step on.
pub fn story(run: &Run) -> Vec<StoryLine> {
    let world = run.session.world();
    let mut lines: Vec<(Time, usize, StoryLine)> = Vec::new();
    // What happened to tasks during one event, sentence by sentence.
    let mut gathering: Vec<Gathered> = Vec::new();
    for record in world.env.trace.iter().filter(|record| record.at >= Time::ZERO) {
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
    for printed in &run.printed {
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

/// What is said of a task's change: a verb that tasks share, the task as it is mentioned, the reason.
fn task_words(what: &What) -> Option<(&'static str, String, Option<String>)> {
    let What::Task { service, slot, node, from, state, desired, err, why, .. } = what else { return None };
    let name = format!("{service}.{slot}");
    let at = |name: &str| node.as_ref().map_or_else(|| name.to_owned(), |node| format!("{name} ({node})"));
    let failure = || err.as_ref().map(|err| err.to_string());
    match from {
        None => Some(match why {
            Why::FillSlot => ("new", name, Some("the slot is empty".into())),
            Why::Restart(_) => {
                ("new replacement, waits in desired state Ready", name, Some("its predecessor ended".into()))
            }
            Why::NodeInvalid(_) => (
                "new replacement, waits in desired state Ready",
                name,
                Some("the node of its predecessor is down, drained or gone".into()),
            ),
            Why::Update => ("new, by the rolling update", name, None),
            _ => ("new", name, None),
        }),
        Some((before, wanted)) if before == state => match (wanted, desired, why) {
            (TaskState::Ready, TaskState::Running, _) => Some((
                "may start now",
                at(&name),
                Some("its delay is over, and its predecessor has stopped or is out of reach".into()),
            )),
            (_, TaskState::Shutdown, why) if *desired != *wanted && !state.is_terminal() => {
                let reason = match why {
                    Why::NodeInvalid(_) => "its node is down, drained or gone",
                    Why::Update => "the rolling update replaces it",
                    _ => "it is no longer wanted",
                };
                Some(("told to stop", at(&name), Some(reason.into())))
            }
            (_, TaskState::Remove, why) if *desired != *wanted => {
                let reason = match why {
                    Why::ScaleDown => "the service was scaled down",
                    _ => "the service was removed",
                };
                Some(("told to stop and vanish", at(&name), Some(reason.into())))
            }
            _ if *state == TaskState::Pending && err.is_some() => Some(("waits for a node", name, failure())),
            _ => None,
        },
        Some(_) => match state {
            TaskState::Assigned => Some(("placed", at(&name), placement(why))),
            TaskState::Running => Some(("runs", at(&name), None)),
            TaskState::Complete => Some(("ended with 0", at(&name), None)),
            TaskState::Shutdown => Some(("stopped", at(&name), None)),
            TaskState::Failed => Some(("failed", at(&name), failure())),
            TaskState::Rejected => Some(("rejected", at(&name), failure())),
            TaskState::Orphaned => Some(("orphaned", at(&name), None)),
            _ => None,
        },
    }
}

fn placement(why: &Why) -> Option<String> {
    match why {
        Why::Placed { candidates: 1 } => Some("the only node that passed all filters".into()),
        Why::Placed { candidates } => {
            Some(format!("fewest tasks of the service, then fewest tasks, among {candidates} nodes"))
        }
        _ => None,
    }
}

fn words(world: &World, record: &Record<What>) -> Option<(String, Option<String>)> {
    let host = |host: &crate::net::HostId| world.env.name(*host).to_string();
    Some(match &record.what {
        What::Typed { host: on, line } => (format!("{}$ {line}", host(on)), None),
        What::Fault { .. } => return None,
        What::DaemonUp { host: on } => (format!("the daemon of {} is up", host(on)), None),
        What::Candidate { host: who, term } => (
            format!("{} asks for votes in term {term}", host(who)),
            Some("it has heard of no leader for its election time-out".into()),
        ),
        What::Elected { host: who, term } => (format!("{} is elected in term {term}", host(who)), None),
        What::Leads { host: who, term } => {
            (format!("{} leads", host(who)), Some(format!("it has applied its whole log in term {term}")))
        }
        What::SteppedDown { host: who, no_quorum, .. } => (
            format!("{} steps down", host(who)),
            Some(if *no_quorum { "it heard from no majority" } else { "there is a newer term" }.into()),
        ),
        What::Reachable { host: who, peer, active } => {
            if world.host(*who).manager.as_ref().is_none_or(|manager| !manager.leads()) && record.at == world.now() {
                return None;
            }
            let verb = if *active { "reaches" } else { "no longer reaches" };
            (format!("{} {verb} {}", host(who), host(peer)), None)
        }
        What::Node { name, joined: true, .. } => (format!("{name} has a node object"), None),
        What::Node { name, availability: Some(availability), .. } => (format!("{name} is now {availability}"), None),
        What::Node { name, state, message, .. } => {
            let cause = (!message.is_empty()).then(|| (*message).to_owned());
            match state {
                NodeState::Down => (format!("{name} is believed down"), cause),
                NodeState::Unknown => (format!("{name} is unknown"), cause),
                NodeState::Ready => (format!("{name} is ready"), cause),
                NodeState::Disconnected => (format!("{name} is disconnected"), cause),
            }
        }
        What::NodeRemoved { name } => (format!("{name} is removed from the swarm"), None),
        What::Service { name, created: true, replicas, image, .. } => {
            (format!("service {name} is created: {replicas} x {}", short(image)), None)
        }
        What::Service { name, spec_changed, replicas, image, update, .. } => match update {
            Some((state, message)) => (format!("service {name}: {}", update_words(*state)), Some(message.to_string())),
            None if *spec_changed => (format!("service {name} is wanted as {replicas} x {}", short(image)), None),
            None => return None,
        },
        What::ServiceRemoved { name } => (format!("service {name} is removed"), None),
        What::ContainerEnded { host: on, name, code } if *code != 0 => {
            let name = name.rsplit_once('.').map_or(&**name, |(name, _)| name);
            (format!("on {}, the container of {name} ended with {code}", host(on)), None)
        }
        What::Note { text } => (format!("# {text}"), None),
        What::TaskRemoved { .. }
        | What::Task { .. }
        | What::ContainerStarted { .. }
        | What::ContainerEnded { .. }
        | What::Dropped { .. } => return None,
    })
}

fn short(image: &str) -> &str {
    image.split_once('@').map_or(image, |(name, _)| name)
}

fn update_words(state: UpdateState) -> &'static str {
    match state {
        UpdateState::Updating => "the update begins",
        UpdateState::Paused => "the update is paused",
        UpdateState::Completed => "the update is complete",
        UpdateState::RollbackStarted => "the rollback begins",
        UpdateState::RollbackPaused => "the rollback is paused",
        UpdateState::RollbackCompleted => "the rollback is complete",
    }
}
