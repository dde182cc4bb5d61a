//! A record in words for a student who asks why: no word of the machinery that a plain word can stand for, and where
//! there is none it is explained in passing. Tasks are called as `docker service ps` calls them.
//!
//! Stories, which tell more and shorter, share the sentences of [`words`](crate::observe::words) and nothing of this.

use super::{History, lets_start, mends};
use crate::net::HostId;
use crate::observe::words::{docker_name, task_words, wanted, words};
use crate::swarm::object::{NodeState, TaskState};
use crate::swarm::store::Why;
use crate::swarm::world::record::What;

impl History<'_> {
    /// A sentence for the record at a place, and its reason.
    pub(super) fn sentence(&self, at: usize) -> (String, Option<String>) {
        let record = self.records[at];
        let host = |host: &HostId| self.world.env.name(*host).to_string();
        let because = |text: String, reason: &str| (text, Some(reason.to_owned()));
        match &record.what {
            What::Task { .. } => self.of_task_in_words(at),
            What::Command { host: on, line } => (format!("{}$ {line}", host(on)), None),
            What::Fault { text } => (fault(text), None),
            What::Node { name, joined: true, .. } => (format!("{name} joins the swarm"), None),
            What::Node { name, availability: Some(availability), .. } => {
                (format!("the availability of {name} is now {availability}"), None)
            }
            What::Node { name, state: NodeState::Down, message: "heartbeat failure", .. } => because(
                format!("{name} is believed down"),
                "heartbeat failure: the managers have heard nothing of it for too long",
            ),
            What::Candidate { host: who, term } => because(
                format!("{} asks the managers to elect it", host(who)),
                &format!("it has heard of no leader for too long; this election is term {term}"),
            ),
            What::Elected { host: who, term } => {
                (format!("{} is elected by a majority of the managers (term {term})", host(who)), None)
            }
            What::Leads { host: who, .. } => {
                because(format!("{} leads the managers", host(who)), "it knows all that they had agreed on before")
            }
            What::SteppedDown { host: who, no_quorum, .. } => because(
                format!("{} leads no more", host(who)),
                if *no_quorum {
                    "it heard from no majority of the managers"
                } else {
                    "another manager has begun a newer election"
                },
            ),
            What::MemberAdded { peer, members, .. } => because(
                format!("{} is counted among the managers", host(peer)),
                &format!("they are {members} now: {} are a majority", members / 2 + 1),
            ),
            What::MemberRemoved { peer, members, .. } => because(
                format!("{} is no longer counted among the managers", host(peer)),
                &format!("they are {members} now: {} are a majority", members / 2 + 1),
            ),
            What::LeftRaft { host: who } => because(
                format!("the manager on {} stops", host(who)),
                "it has learned that it is no longer counted among them",
            ),
            What::Certified { host: who, role } => {
                (format!("{} gets a certificate as a {}", host(who), role.as_str()), None)
            }
            What::Left { host: who } => (format!("{} leaves the swarm", host(who)), None),
            What::NodeWanted { name, change } => (format!("{name} is given: {change}"), None),
            What::Service { name, created: false, spec_changed: true, update: None, mode, image, .. } => {
                (format!("service {name} is changed to {}", wanted(*mode, image)), None)
            }
            What::Service { name, created: false, spec_changed: false, update: None, .. } => {
                (format!("service {name} is written again"), None)
            }
            What::ContainerStarted { host: on, name } => (format!("on {}, container {name} starts", host(on)), None),
            What::ContainerEnded { host: on, name, code: 0, .. } => {
                (format!("on {}, container {name} ends with 0", host(on)), None)
            }
            What::Reachable { host: who, peer, active } => {
                let verb = if *active { "reaches" } else { "no longer reaches" };
                (format!("{} {verb} {}", host(who), host(peer)), None)
            }
            What::Dropped { from, to } => (format!("a packet from {} to {} is lost", host(from), host(to)), None),
            What::TaskRemoved { service, slot, why } => {
                let reason = match why {
                    Why::History => "there is more history than the limit allows",
                    Why::ServiceRemoved => "the service was removed",
                    _ => "it was told to stop for good, and its container is gone",
                };
                because(format!("a task of {} is forgotten", docker_name(self.world, service, *slot, None)), reason)
            }
            other => words(self.world, record).unwrap_or_else(|| (other.kind().replace('_', " "), None)),
        }
    }

    /// A task's change.
    fn of_task_in_words(&self, at: usize) -> (String, Option<String>) {
        let what = self.what(at);
        let What::Task { service, slot, by_node, node, from, state, desired, err, why, .. } = what else {
            return (String::new(), None);
        };
        let node = node.as_deref();
        // One that has no node yet may have got one later: that is in its name.
        let later = || self.later_node(at);
        let name = docker_name(self.world, service, *slot, node.or_else(later));
        let on = node.map_or_else(|| name.clone(), |node| format!("{name} ({node})"));
        let failure = err.as_ref().map(|err| err.to_string());
        let waits_for = match (by_node, state) {
            (true, TaskState::Pending) => Some("the scheduler is to check whether its node can have it"),
            (false, TaskState::Pending) => Some("the scheduler is to choose a node for it"),
            (_, TaskState::Preparing) => Some("its node gets its image and makes its container"),
            (_, TaskState::Ready) => Some("it is prepared and waits until it may start"),
            _ => None,
        };
        let told = task_words(what).map(|(verb, _, reason)| match (from, state, why) {
            (None, _, Why::FillSlot) => (format!("{name}: new"), Some(format!("slot {slot} of the service is empty"))),
            (None, _, Why::Restart(_)) => {
                (format!("{name}: new, to replace one that ended"), Some(held_back(*desired).into()))
            }
            (None, _, Why::NodeInvalid(_)) => (
                format!("{name}: new, to replace one whose node is down, drained or gone"),
                Some(held_back(*desired).into()),
            ),
            // It came with its node, which was compared with no other.
            (Some((before, _)), TaskState::Assigned, _) if *by_node && before != state => {
                (format!("{on}: placed"), Some("its node passes all filters".into()))
            }
            (Some((before, _)), TaskState::Orphaned, _) if before != state => {
                (format!("{on}: orphaned"), Some("the swarm has given it up with its node".into()))
            }
            (Some(_), TaskState::Pending, Why::Unplaceable) if *by_node => {
                (format!("{on}: cannot be placed yet"), reason)
            }
            _ if lets_start(what) => (format!("{on}: {verb}"), self.released(at)),
            _ if verb == "told to stop and vanish" => (format!("{on}: told to stop for good"), reason),
            (None, ..) => (format!("{name}: {verb}"), reason),
            _ => (format!("{on}: {verb}"), reason),
        });
        told.unwrap_or_else(|| {
            let same = from.is_some_and(|(before, _)| before == *state);
            let wanted = if same { format!(", should be {}", desired.as_str()) } else { String::new() };
            let reason = failure.or_else(|| waits_for.map(str::to_owned));
            (format!("{on}: {}{wanted}", state.as_str()), reason)
        })
    }

    /// Why a task was let start: what it was held back for when it was made.
    fn released(&self, at: usize) -> Option<String> {
        let What::Task { task: own, .. } = self.what(at) else { return None };
        let made = self.before(at, |what| matches!(what, What::Task { task, from: None, .. } if task == own))?;
        let What::Task { why, .. } = self.what(made) else { return None };
        let reason = match why {
            Why::Restart(_) => "the restart delay is over",
            Why::NodeInvalid(_) => "the restart delay is over, and the older task has stopped or cannot be reached",
            Why::Update => "by the rolling update",
            _ => return None,
        };
        Some(reason.to_owned())
    }

    /// The node that the task of a record got afterwards.
    fn later_node(&self, at: usize) -> Option<&str> {
        let What::Task { task: own, .. } = self.what(at) else { return None };
        self.records[at..].iter().find_map(|record| match &record.what {
            What::Task { task, node: Some(node), .. } if task == own => Some(&**node),
            _ => None,
        })
    }
}

/// What is said of a replacement that is made before it may start.
fn held_back(desired: TaskState) -> &'static str {
    match desired {
        TaskState::Ready => "its desired state is Ready: it may be prepared, but not started yet",
        _ => "it may start at once",
    }
}

/// What was done to the lab: harm, or the end of one.
pub(super) fn fault(text: &str) -> String {
    let repairs =
        mends(text) || text.starts_with("registry up") || (text.starts_with("disk ") && text.ends_with(" ok"));
    if repairs { format!("the repair `{text}`") } else { format!("the fault `{text}`") }
}
