//! A decision of the scheduler's, node by node: who was stopped by what, who ranked where, and who was chosen.
//!
//! The trace remembers of a decision only when it was made, who was chosen, and how many nodes each filter stopped. The rest
//! is worked out again: whoever asks goes back to the moment before the decision and asks the scheduler of then. What a task
//! that has no node is waiting for is asked of the scheduler of now.

use super::Observed;
use super::look::table;
use crate::engine::Time;
use crate::net::HostId;
use crate::swarm::object::{NodeKey, Task, TaskKey, TaskState};
use crate::swarm::scheduler::{NodeVerdict, Policy, Verdict};
use crate::swarm::store::{Decision, Why};
use crate::swarm::world::World;
use crate::swarm::world::record::What;
use std::sync::Arc;

/// A terminal's width.
const WIDTH: usize = 80;

/// A service's name that is longer than this stands in no head of a column.
const WIDEST: usize = 10;

/// Clusters of more nodes are told in part: whoever passed and was near the best, and some of each kind that was stopped.
const ROWS: usize = 24;

/// What is known of a task's placement without going back.
#[derive(Clone, Debug)]
pub struct Placement {
    /// The task.
    pub task: TaskKey,
    /// What was decided; none while it waits for a node.
    pub made: Option<Made>,
}

/// A decision that was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// What the trace remembers.
    pub decision: Decision,
    /// The node that was chosen.
    pub node: Arc<str>,
    /// Since when it had waited for a node; none where it did not.
    pub waited: Option<Time>,
    /// Tasks that were placed before it in the same turn, and where.
    pub earlier: Vec<(TaskKey, Arc<str>)>,
}

/// The newest placement of a slot, of its live task if there is one; none where the trace no longer knows of it.
pub fn newest(world: &World, service: &str, slot: u32) -> Option<Placement> {
    let (_, manager) = Observed(world).leader()?;
    let task = manager
        .state
        .tasks
        .values()
        .filter(|task| *task.service_name == *service && task.slot == slot)
        .max_by_key(|task| (task.desired <= TaskState::Complete, task.key))?;
    if task.node.is_none() || task.status.state == TaskState::Pending {
        let waits = task.status.state == TaskState::Pending;
        return waits.then_some(Placement { task: task.key, made: None });
    }
    let placed = |what: &What| match what {
        What::Task { task, node: Some(node), why: Why::Placed(decision), .. } => Some((*task, *decision, node.clone())),
        _ => None,
    };
    let decisions: Vec<_> = world.env.trace.iter().filter_map(|record| placed(&record.what)).collect();
    let at = decisions.iter().rposition(|(key, ..)| *key == task.key)?;
    let (key, decision, node) = decisions[at].clone();
    let earlier = decisions[..at].iter().filter(|(_, other, _)| other.at == decision.at);
    let earlier = earlier.map(|(key, _, node)| (*key, node.clone())).collect();
    let waited = world.env.trace.iter().find_map(|record| match &record.what {
        What::Task { task, state: TaskState::Pending, err: Some(_), .. } if *task == key => Some(record.at),
        _ => None,
    });
    Some(Placement { task: key, made: Some(Made { decision, node, waited, earlier }) })
}

/// Whether a scheduler has just begun to write what it decided at that moment: the world of one event ago is the one in
/// which it decided.
pub fn is_made(world: &World, at: Time) -> bool {
    world.hosts().iter().any(|host| leads(world, host.id).is_some_and(|leader| leader.scheduler_writes(at)))
}

/// A number that changes with the store of the leader's.
pub fn stored(world: &World) -> u64 {
    Observed(world).leader().map_or(0, |(_, manager)| manager.state.index)
}

/// Whether a node passes all filters for a task, as the scheduler of this world sees it.
pub fn passes(world: &World, task: TaskKey, node: &str) -> bool {
    let passes = || {
        let (_, manager) = Observed(world).leader()?;
        let scheduler = manager.leader.as_ref()?.scheduler()?;
        let node = manager.state.nodes.values().find(|other| **world.env.name(other.host) == *node)?;
        Some(scheduler.passes(&manager.state, task, node.key))
    };
    passes().unwrap_or(false)
}

fn leads(world: &World, host: HostId) -> Option<&crate::swarm::manager::Leader> {
    world.host(host).manager.as_ref()?.leader.as_deref()
}

/// The table of a decision, as the scheduler of this world sees the nodes; `world` is the one before the decision, or the
/// present one for a task that waits. None if nobody schedules in it.
pub fn explain(world: &World, placement: &Placement) -> Option<String> {
    let (_, manager) = Observed(world).leader()?;
    let scheduler = manager.leader.as_ref()?.scheduler()?;
    let state = &manager.state;
    let task = state.tasks.get(placement.task)?;
    let name = |key: NodeKey| state.nodes.get(key).map(|node| world.env.name(node.host).clone()).unwrap_or_default();
    let mut earlier = Vec::new();
    if let Some(made) = &placement.made {
        for (task, node) in &made.earlier {
            let key = state.nodes.values().find(|other| **world.env.name(other.host) == **node).map(|node| node.key);
            earlier.extend(key.map(|key| (*task, key)));
        }
    }
    let verdicts = scheduler.explain_after(&earlier, state, placement.task, world.now());
    let mut out = match &placement.made {
        None => format!("what the scheduler sees for {}:\n", task.name()),
        Some(made) => format!("what the scheduler saw for {} at {}:\n", task.name(), made.decision.at),
    };
    let branches = !task.spec.preferences.is_empty();
    let mut head = vec!["NODE".to_owned()];
    head.extend(branches.then(|| "BRANCH".to_owned()));
    head.extend([
        match task.service_name.chars().count() {
            0..=WIDEST => format!("OF {}", task.service_name.to_uppercase()),
            _ => "OF IT".into(),
        },
        "TASKS".into(),
        "FAILED".into(),
        "FILTER".into(),
        "VERDICT".into(),
    ]);
    let mut rows = vec![head];
    let chosen = placement.made.as_ref().map(|made| &*made.node);
    let shown = pick(&verdicts, |key| chosen == Some(&*name(key)));
    let left_out = verdicts.len() - shown.len();
    for verdict in shown {
        let node = name(verdict.node);
        let mut cells = vec![node.to_string()];
        cells.extend(branches.then(|| verdict.branch.join("/")));
        cells.extend([verdict.of_service, verdict.total, verdict.failures].map(|count| count.to_string()));
        let (filter, verdict) = words(verdict);
        cells.push(filter);
        cells.push(if chosen == Some(&*node) { format!("{verdict}: chosen") } else { verdict });
        rows.push(cells);
    }
    for line in table(&rows).lines() {
        wrap(line, verdict_column(&rows), &mut out);
    }
    for line in legend(&verdicts, task, world) {
        wrap(&line, 0, &mut out);
    }
    let best = verdicts.iter().filter(|verdict| verdict.verdict == Verdict::Rank(1));
    let tie = best.clone().count() > 1 && best.clone().any(|verdict| chosen == Some(&*name(verdict.node)));
    if tie && !branches {
        out += match world.env.settings.shuffle_ties {
            true => "  of equals one was drawn, as the real Swarm leaves it to chance\n",
            false => "  of equals the first by name (the real Swarm leaves it to chance)\n",
        };
    }
    if left_out > 0 {
        out += &format!("  and {left_out} more\n");
    }
    Some(out)
}

/// Where the last column begins.
fn verdict_column(rows: &[Vec<String>]) -> usize {
    let columns = rows.first().map_or(0, |head| head.len().saturating_sub(1));
    let widest = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    (0..columns).map(|column| widest(column) + 2).sum()
}

/// Adds a line, broken between words where it is too long for a terminal; what follows stands below `column`.
fn wrap(line: &str, column: usize, out: &mut String) {
    let column = if column + 30 > WIDTH { 8 } else { column };
    let mut rest: Vec<char> = line.chars().collect();
    let mut indent = 2;
    loop {
        let room = WIDTH - indent;
        let fits = rest.len() <= room;
        let blank =
            rest.iter().take(room + 1).rposition(|c| *c == ' ').filter(|at| *at > column.saturating_sub(indent - 2));
        let (now, then) = match blank {
            Some(at) if !fits => (rest[..at].iter().collect::<String>(), rest[at + 1..].to_vec()),
            _ => (rest.iter().collect(), Vec::new()),
        };
        *out += &format!("{:indent$}{}\n", "", now.trim_end());
        if then.is_empty() {
            return;
        }
        (rest, indent) = (then, column + 4);
    }
}

/// What the columns and the ranks mean, as far as the table has them.
fn legend(verdicts: &[NodeVerdict], task: &Task, world: &World) -> Vec<String> {
    let stopped = verdicts.iter().any(|verdict| matches!(verdict.verdict, Verdict::Stopped(_)));
    let passed = verdicts.iter().filter(|verdict| matches!(verdict.verdict, Verdict::Rank(_))).count();
    let mut lines = Vec::new();
    if stopped {
        lines.push(
            "FILTER is the first that stops the node, of ready, resource, plugin, constraint, platform, host port, \
             max replicas"
                .to_owned(),
        );
    }
    if passed > 1 {
        let rule = match world.env.policy {
            Policy::Swarm => format!(
                "fewest tasks of {}, then fewest tasks in all; 5 failures of it within 5 minutes put a node last",
                task.service_name
            ),
            policy => policy.about().to_owned(),
        };
        lines.push(format!("rank 1 is the best: {rule}"));
    }
    lines
}

/// The filter that stopped a node and what is in the way, or its rank.
fn words(verdict: &NodeVerdict) -> (String, String) {
    match (verdict.verdict, &verdict.detail) {
        (Verdict::Rank(rank), _) => ("all passed".into(), format!("rank {rank}")),
        (Verdict::Stopped(filter), detail) => (filter.name().to_owned(), detail.clone().unwrap_or_default()),
    }
}

/// Those worth showing: all of a few nodes; of many, the chosen one, the best, and some of each kind that was stopped.
fn pick(verdicts: &[NodeVerdict], chosen: impl Fn(NodeKey) -> bool) -> Vec<&NodeVerdict> {
    if verdicts.len() <= ROWS {
        return verdicts.iter().collect();
    }
    let mut best: Vec<_> = verdicts.iter().collect();
    let class = |verdict: &NodeVerdict| match verdict.verdict {
        Verdict::Rank(rank) => (0, rank),
        Verdict::Stopped(filter) => (1 + filter as u32, 0),
    };
    best.sort_by_key(|verdict| (!chosen(verdict.node), class(verdict)));
    let mut seen = std::collections::BTreeMap::new();
    best.retain(|verdict| {
        let kind = if matches!(verdict.verdict, Verdict::Rank(_)) { 0 } else { class(verdict).0 };
        let count: &mut usize = seen.entry(kind).or_default();
        *count += 1;
        *count <= if kind == 0 { ROWS / 2 } else { 3 }
    });
    best
}
