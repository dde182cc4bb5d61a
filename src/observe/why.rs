//! Why something is as it is: the chain of causes from the newest record about it back to a typed line or a fault.
//!
//! It walks the trace by meaning, not by neighbourhood: each record says what kind of thing brings it about (`cause`), and
//! the newest of that kind before it is the cause. Where a failure is an image's or a registry's doing, the line that made
//! it so is named at the end (`blame`). A node is two things, and a manager may be ready and unreachable at once: what it
//! is in the consensus has a chain of its own. Who may be asked about, and how it stands, is `subject`.

mod blame;
mod cause;
mod subject;

use super::words::sentence;
use crate::engine::{EventId, Record};
use crate::swarm::object::{TaskKey, TaskState};
use crate::swarm::store::Why;
use crate::swarm::world::World;
use crate::swarm::world::record::What;
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

/// Tells why a task (`web.3`, or its id), a service, a node or `leader` is as it is.
///
/// # Errors
/// When nothing bears the name, or the trace knows nothing of it.
pub fn explain(world: &World, subject: &str, unlocked: Option<Unlocked>) -> Result<String, String> {
    let history = History { world, records: world.env.trace.iter().collect(), unlocked };
    let subject = Subject::find(&history, subject)?;
    let mut out = subject.headline(&history);
    let newest = subject.newest(&history);
    let role = history.newest(|what| subject.concerns_role(world, what));
    if newest.is_none() && role.is_none() {
        return Err(format!("{}: the trace tells nothing of it", subject.name(world)));
    }
    let mut told = Vec::new();
    if let Some(newest) = newest {
        told = history.chain(newest);
        history.tell(&told, &mut out);
        if let Some(blame) = history.blame(&told) {
            out += &blame;
        }
    }
    if let Some(role) = role.filter(|role| !told.contains(role)) {
        out += &format!("the role of {}:\n", subject.name(world));
        history.tell(&history.chain(role), &mut out);
    }
    Ok(out)
}

/// The service and the slot of the task that is meant; none for another subject.
pub fn task_named(world: &World, subject: &str) -> Option<(String, u32)> {
    let history = History { world, records: world.env.trace.iter().collect(), unlocked: None };
    match Subject::find(&history, subject) {
        // One that came with its node was not chosen by the scheduler.
        Ok(Subject::Task { service, slot, node: None }) => Some((service, slot)),
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
        let typed = self.before(place, |what| matches!(what, What::Typed { line, .. } if line.contains(&**text)))?;
        let What::Typed { host, .. } = self.what(typed) else { return None };
        Some(format!("typed at {}", self.world.env.name(*host)))
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
            if let What::Task { from: Some((state, _)), state: now, .. } = &record.what
                && state == now
                && state.is_terminal()
                && link + 1 < before.len()
            {
                continue;
            }
            let (text, reason) = sentence(self.world, record);
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
