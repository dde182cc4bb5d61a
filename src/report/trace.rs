//! The trace as JSON lines: one object a record, in order.
//!
//! Schema (`format` 1): every object has `event` (number of the event during which it happened), `cause` (number of the
//! event that caused that event; 0: the beginning), `at` (virtual nanoseconds since the start; the data centre boots at a
//! negative time) and `kind`; the other keys are the kind's own, with names of hosts, services and states as Docker and
//! SwarmKit write them. Events are numbered when they are planned, so `event` does not grow from line to line; `at` does.
//! The first line is a header: `{"format":1,"seed":N,"fingerprint":"..."}`.

use crate::scenario::run::Run;
use crate::swarm::api::time::rfc3339;
use crate::swarm::object::Mode;
use crate::swarm::world::World;
use crate::swarm::world::record::What;
use serde_json::{Value, json};
use std::fmt::Write;

/// The whole trace of a run.
pub fn trace_lines(run: &Run) -> String {
    let world = run.session.world();
    let header = json!({
        "format": 1,
        "seed": run.seed,
        "fingerprint": world.env.kernel.fingerprint().to_string(),
    });
    let mut text = format!("{header}\n");
    for record in world.env.trace.iter() {
        let mut object = json!({
            "event": record.event.0,
            "cause": record.cause.0,
            "at": record.at.nanos(),
            "kind": record.what.kind(),
        });
        if let (Some(object), Value::Object(fields)) = (object.as_object_mut(), fields(world, &record.what)) {
            object.extend(fields);
        }
        let _ = writeln!(text, "{object}");
    }
    text
}

fn fields(world: &World, what: &What) -> Value {
    let host = |host: &crate::net::HostId| world.env.name(*host).to_string();
    match what {
        What::Typed { host: on, line } | What::Command { host: on, line } => json!({"host": host(on), "line": &**line}),
        What::Fault { text } | What::Note { text } => json!({"text": &**text}),
        What::DaemonUp { host: on } => json!({"host": host(on)}),
        What::SwarmStopped { host: on, error } => json!({"host": host(on), "error": &**error}),
        What::Candidate { host: who, term } | What::Elected { host: who, term } | What::Leads { host: who, term } => {
            json!({"host": host(who), "term": term})
        }
        What::SteppedDown { host: who, term, no_quorum } => {
            json!({"host": host(who), "term": term, "no_quorum": no_quorum})
        }
        What::Refused { host: who, peer, text } => {
            json!({"host": host(who), "peer": host(peer), "text": &**text})
        }
        What::NotStarted { host: on, text } => json!({"host": host(on), "text": &**text}),
        What::Certificate { host: on, role, until } => {
            json!({"host": host(on), "role": role.as_str(), "until": rfc3339(until.nanos())})
        }
        What::RootRotation { done } => json!({"done": done}),
        What::Object { kind, name, change, detail } => {
            json!({"object": kind, "name": &**name, "change": change, "detail": &**detail})
        }
        What::Reachable { host: who, peer, active } => {
            json!({"host": host(who), "peer": host(peer), "active": active})
        }
        What::MemberAdded { host: who, peer, members } | What::MemberRemoved { host: who, peer, members } => {
            json!({"host": host(who), "peer": host(peer), "members": members})
        }
        What::LeftRaft { host: who } | What::Left { host: who } | What::NewCluster { host: who } => {
            json!({"host": host(who)})
        }
        What::Certified { host: who, role } => json!({"host": host(who), "role": role.as_str()}),
        What::SnapshotTaken { host: who, index } | What::SnapshotRestored { host: who, index } => {
            json!({"host": host(who), "index": index})
        }
        What::SnapshotSent { host: who, peer, index } => {
            json!({"host": host(who), "peer": host(peer), "index": index})
        }
        What::Node { name, state, message, availability, joined, .. } => json!({
            "node": &**name, "state": state.as_str(), "message": message, "availability": availability, "joined": joined,
        }),
        What::NodeWanted { name, change } => json!({"node": &**name, "change": &**change}),
        What::NodeRemoved { name } => json!({"node": &**name}),
        What::Service { name, created, mode, image, spec_changed, update, .. } => json!({
            "service": &**name, "created": created, "mode": mode.as_str(), "replicas": replicas(*mode), "image": &**image,
            "spec_changed": spec_changed,
            "update": update.as_ref().map(|(state, message)| json!({"state": state.as_str(), "message": &**message})),
        }),
        What::ServiceRemoved { name } => json!({"service": &**name}),
        What::Task { service, slot, node, from, state, desired, err, why, .. } => json!({
            "service": &**service, "slot": slot, "node": node.as_deref(),
            "from": from.map(|(state, desired)| json!({"state": state.as_str(), "desired": desired.as_str()})),
            "state": state.as_str(), "desired": desired.as_str(), "error": err.as_deref(), "why": format!("{why:?}"),
        }),
        What::TaskRemoved { service, slot, why } => {
            json!({"service": &**service, "slot": slot, "why": format!("{why:?}")})
        }
        What::ContainerStarted { host: on, name } => json!({"host": host(on), "container": &**name}),
        What::ContainerEnded { host: on, name, code, oom } => {
            json!({"host": host(on), "container": &**name, "exit_code": code, "oom_killed": oom})
        }
        What::ContainerHealth { host: on, name, healthy } => {
            json!({"host": host(on), "container": &**name, "healthy": healthy})
        }
        What::Dropped { from, to } => json!({"from": host(from), "to": host(to)}),
    }
}

/// How many tasks are asked for; `None` where the nodes decide.
fn replicas(mode: Mode) -> Option<u32> {
    match mode {
        Mode::Replicated { replicas } => Some(replicas),
        Mode::ReplicatedJob { total, .. } => Some(total),
        Mode::Global | Mode::GlobalJob => None,
    }
}
