//! Why something is as it is: the chain of causes from the newest record about it back to a typed command or a fault.
//!
//! It walks the trace by meaning, not by neighbourhood: each record says what kind of thing brings it about (`cause`), and
//! the newest of that kind before it is the cause. Where a failure is an image's or a registry's doing, the line that made
//! it so is named at the end (`blame`). A node is two things, and a manager may be ready and unreachable at once: what it
//! is in the consensus has a chain of its own; so has each node that could not have a task (`nodes`), and the update that
//! was left unfinished before the one that is told (`update`). Who may be asked about is `subject`, how it stands `standing`,
//! and the words for a record are in `plain`.

mod blame;
mod cause;
mod managers;
mod nodes;
mod plain;
mod standing;
mod subject;
mod surplus;
mod update;

use crate::engine::{EventId, Record, Time};
use crate::swarm::object::{TaskKey, TaskState};
use crate::swarm::scheduler::Filter;
use crate::swarm::store::Why;
use crate::swarm::world::World;
use crate::swarm::world::record::What;
use std::sync::Arc;
use subject::Subject;

/// The longest chain that is followed; of its restarts only the newest and the first round are told.
const LONGEST: usize = 10_000;

/// The event that let a task be placed that had waited, as was found by going back to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unlocked {
    /// The task.
    pub task: TaskKey,
    /// The event after which its node passed all filters.
    pub event: EventId,
}

/// A node that cannot have a task, as its decision found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// Its name.
    pub node: Arc<str>,
    /// The filter that stopped it.
    pub filter: Filter,
    /// It is drained or paused.
    pub unavailable: bool,
    /// It is not ready.
    pub unheard: bool,
    /// The label that a constraint asks for and that it does not have so.
    pub label: Option<String>,
}

/// What was found out beside the trace.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// What let a task in that had waited.
    pub unlocked: Option<Unlocked>,
    /// The nodes that could not have it.
    pub stopped: Vec<Stopped>,
    /// When the decision was made; none where it is not made, and the nodes are those of now.
    pub decided: Option<Time>,
}

/// The tasks of a service that are meant by a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// Those of a slot.
    Slot(String, u32),
    /// Those of a node, of a service that has one on each.
    OnNode(String, String),
}

/// Tells why a task (`web.3`, or its id), a service, a node or `leader` is as it is.
///
/// # Errors
/// When nothing bears the name, or the trace knows nothing of it.
pub fn explain(world: &World, subject: &str, found: &Found) -> Result<String, String> {
    let history = History { unlocked: found.unlocked, ..History::of(world) };
    let subject = Subject::find(&history, subject)?;
    let mut out = subject.headline(&history);
    let newest = subject.newest(&history);
    let role = history.newest(|what| subject.concerns_role(world, what));
    if newest.is_none() && role.is_none() && found.stopped.is_empty() {
        return Err(format!("{}: the trace tells nothing of it", subject.name(world)));
    }
    let mut told = Vec::new();
    if let Some(newest) = newest {
        told = history.chain(newest);
        history.tell(&told, &mut out);
        if let Some(blame) = history.blame(&told) {
            out += &blame;
        }
        let own = |place: &usize| Subject::of_task(history.what(*place)).as_ref() == Some(&subject);
        out.extend(told.iter().copied().filter(own).find_map(|place| history.surplus(place)));
    }
    if let Subject::Service(service) = &subject {
        history.tell_updates(service, &mut told, &mut out);
    }
    if let Some(role) = role.filter(|role| !told.contains(role)) {
        out += &format!("the role of {}:\n", subject.name(world));
        history.tell(&history.chain(role), &mut out);
    }
    // Of a task that belongs to a node only that one matters.
    let own = |stopped: &&Stopped| match &subject {
        Subject::Task { node: Some(node), .. } => *stopped.node == **node,
        _ => true,
    };
    history.tell_nodes(found.stopped.iter().filter(own), found.decided, &told, &mut out);
    if out.lines().any(|line| line.starts_with(' ') && line.trim_start().starts_with('-')) {
        out += "times below 0 are from the setting up of the swarm, before the lab began\n";
    }
    Ok(out)
}

/// The task that is meant; none for another subject.
pub fn task_named(world: &World, subject: &str) -> Option<Named> {
    match Subject::find(&History::of(world), subject) {
        Ok(Subject::Task { service, node: Some(node), .. }) => Some(Named::OnNode(service, node)),
        Ok(Subject::Task { service, slot, node: None }) => Some(Named::Slot(service, slot)),
        _ => None,
    }
}

/// The service that is meant, by its own name or by one of its tasks.
pub fn service_named(world: &World, subject: &str) -> Option<String> {
    match Subject::find(&History::of(world), subject) {
        Ok(Subject::Task { service, .. } | Subject::Service(service)) => Some(service),
        _ => None,
    }
}

/// What the trace holds, oldest first; a place is an index into it.
struct History<'a> {
    world: &'a World,
    records: Vec<&'a Record<What>>,
    unlocked: Option<Unlocked>,
}

impl<'a> History<'a> {
    fn of(world: &'a World) -> Self {
        Self { world, records: world.env.trace.iter().collect(), unlocked: None }
    }

    /// The newest record of that kind.
    fn newest(&self, wanted: impl Fn(&What) -> bool) -> Option<usize> {
        self.before(self.records.len(), wanted)
    }

    /// The newest record of that kind before a place.
    fn before(&self, place: usize, wanted: impl Fn(&What) -> bool) -> Option<usize> {
        self.records[..place].iter().rposition(|record| wanted(&record.what))
    }

    fn what(&self, place: usize) -> &'a What {
        &self.records[place].what
    }

    /// The records from one back to what began it, by their places.
    fn chain(&self, newest: usize) -> Vec<usize> {
        // A cause may have been noticed later than its effect, so a place may not come twice.
        let mut seen = std::collections::BTreeSet::new();
        std::iter::successors(Some(newest), |&at| self.cause(at))
            .take_while(|at| seen.insert(*at))
            .take(LONGEST)
            .collect()
    }

    /// Where a fault was typed: ` (typed at m1)`.
    fn typed_at(&self, place: usize) -> Option<String> {
        let What::Fault { text } = self.what(place) else { return None };
        let event = self.records[place].event;
        let host = self.records[place..].iter().take_while(|record| record.event == event).find_map(|record| {
            if let What::Command { host, line } = &record.what { (line == text).then_some(*host) } else { None }
        })?;
        Some(format!("typed at {}", self.world.env.name(host)))
    }

    /// Of a task that was placed after it had waited for a node: when it began to wait, and what it waited for last.
    fn waited(&self, place: usize) -> Option<(usize, usize)> {
        let What::Task { task: own, state: TaskState::Assigned, from: Some((TaskState::Pending, _)), .. } =
            self.what(place)
        else {
            return None;
        };
        let waits = |what: &What| matches!(what, What::Task { task, state: TaskState::Pending, err: Some(_), .. } if task == own);
        let last = self.before(place, waits)?;
        let first = self.records[..=last].iter().position(|record| waits(&record.what))?;
        Some((first, last))
    }

    fn tell(&self, chain: &[usize], out: &mut String) {
        let (before, left_out, after) = rounds(&self.records, chain);
        let mut last = String::new();
        for (link, &at) in before.iter().chain(after).enumerate() {
            if left_out > 0 && link == before.len() {
                let since = self.records[after[0]].at.to_string();
                *out += &format!("  {since:>12}  and so on, {left_out} more times; the first time:\n");
            }
            let record = self.records[at];
            // That a task which has ended is also wanted so adds nothing to its end, which comes next.
            if let What::Task { task, from: Some((state, _)), state: now, .. } = &record.what
                && state == now
                && state.is_terminal()
                && before
                    .get(link + 1)
                    .is_some_and(|next| matches!(self.what(*next), What::Task { task: other, .. } if other == task))
            {
                continue;
            }
            let (text, reason) = self.sentence(at);
            // Several records of one step may say the same.
            if text != last {
                let because = if last.is_empty() { "" } else { "because " };
                let reason = reason.or_else(|| self.typed_at(at));
                let reason = reason.map_or_else(String::new, |reason| format!(" ({reason})"));
                *out += &format!("  {:>12}  {because}{text}{reason}\n", record.at.to_string());
                last = text;
            }
            if let Some((first, waiting)) = self.waited(at)
                && let What::Task { err: Some(err), .. } = self.what(waiting)
            {
                let since = self.records[first].at;
                *out += &format!("  {:>12}  after it had waited since then: {err}\n", since.to_string());
            }
        }
    }
}

/// Of a chain of restarts the middle is left out: the newest round and the first say it all. Gives what is told before,
/// how many rounds are not, and what is told after.
fn rounds<'c>(records: &[&Record<What>], chain: &'c [usize]) -> (&'c [usize], usize, &'c [usize]) {
    let begins = |&place: &usize| {
        matches!(&records[chain[place]].what, What::Task { from: None, why: Why::Restart(_) | Why::NodeInvalid(_), .. })
    };
    let replacements: Vec<usize> = (0..chain.len()).filter(begins).collect();
    match replacements[..] {
        [newest, .., oldest] if replacements.len() > 2 => {
            (&chain[..=newest], replacements.len() - 1, &chain[oldest + 1..])
        }
        _ => (chain, 0, &[]),
    }
}

/// Whether a record lets a task start that was held back until then.
fn lets_start(what: &What) -> bool {
    matches!(what, What::Task { from: Some((before, TaskState::Ready)), state, desired, .. }
        if before == state && matches!(desired, TaskState::Running | TaskState::Complete))
}

/// Whether a container is this task's: `web.1.ID`.
fn is_of(container: &str, task: crate::swarm::object::Id) -> bool {
    container.rsplit_once('.').is_some_and(|(_, id)| id == task.text())
}

/// Whether a line names this host.
fn mentions(text: &str, host: &str) -> bool {
    text.split(|c: char| c.is_whitespace() || c == '|' || c == ',' || c == ';').any(|word| word == host)
}

/// Whether a fault's line is the end of one.
fn mends(text: &str) -> bool {
    let verb = text.split_whitespace().next().unwrap_or_default();
    matches!(verb, "heal" | "boot" | "resume" | "unblock") || (verb == "link" && text.ends_with(" up"))
}
