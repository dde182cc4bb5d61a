//! A decision of the scheduler's, node by node: who was stopped by what, who ranked where, and who was chosen; of a service
//! that has one task on every node, who may have one.
//!
//! The trace remembers of a decision only when it was made, who was chosen, and how many nodes each filter stopped. The rest
//! is worked out again: whoever asks goes back to the moment before the decision and asks the scheduler of then. What a task
//! that has no node is waiting for is asked of the scheduler of now.

use super::Observed;
use super::look::table;
use super::why::{Named, Stopped};
use super::words::{docker_name, docker_name_of};
use crate::engine::Time;
use crate::net::HostId;
use crate::swarm::object::{Availability, NodeKey, NodeState, Service, Task, TaskKey, TaskState, TaskStatus};
use crate::swarm::scheduler::{Filter, NodeVerdict, Policy, Verdict};
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

/// A decision in words.
#[derive(Clone, Debug)]
pub struct Told {
    /// The table, with what its columns mean.
    pub text: String,
    /// The nodes that a filter stopped.
    pub stopped: Vec<Stopped>,
}

/// The newest placement of a slot, or of a node's task, of the live one if there is one; none where the trace no longer
/// knows of it.
pub fn newest(world: &World, named: &Named) -> Option<Placement> {
    let (_, manager) = Observed(world).leader()?;
    let state = &manager.state;
    let on = |task: &Task| Some(world.env.name(state.nodes.get(task.node?)?.host));
    let task = manager
        .state
        .tasks
        .values()
        .filter(|task| match named {
            Named::Slot(service, slot) => *task.service_name == **service && task.slot == *slot,
            Named::OnNode(service, node) => {
                *task.service_name == **service && on(task).is_some_and(|own| **own == **node)
            }
        })
        .max_by_key(|task| (task.desired <= TaskState::Complete, task.key))?;
    // One that is to go, or that its node may not have now, is not explained by how it was placed.
    let by_node = matches!(named, Named::OnNode(..));
    if task.desired == TaskState::Remove || (by_node && task.desired > TaskState::Complete) {
        return None;
    }
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
pub fn explain(world: &World, placement: &Placement) -> Option<Told> {
    let (_, manager) = Observed(world).leader()?;
    let state = &manager.state;
    let task = state.tasks.get(placement.task)?;
    let mut earlier = Vec::new();
    if let Some(made) = &placement.made {
        for (task, node) in &made.earlier {
            let key = state.nodes.values().find(|other| **world.env.name(other.host) == **node).map(|node| node.key);
            earlier.extend(key.map(|key| (*task, key)));
        }
    }
    let service = state.services.get(task.service);
    match (service.is_some_and(|service| service.spec.mode.is_by_node()), &placement.made) {
        (true, None) => eligible(world, task, &earlier, "now"),
        (true, Some(made)) => eligible(world, task, &earlier, &format!("at {}", made.decision.at)),
        (false, _) => ranked(world, task, &earlier, placement.made.as_ref()),
    }
}

/// The same, as of now, of a service that has one task on every node; none of another service.
pub fn everywhere(world: &World, service: &str) -> Option<Told> {
    let (_, manager) = Observed(world).leader()?;
    let state = &manager.state;
    let service = state.services.values().find(|other| **other.name() == *service)?;
    if !service.spec.mode.is_by_node() {
        return None;
    }
    let current = |task: &&Arc<Task>| task.spec_version == service.spec_version && task.desired <= TaskState::Complete;
    match state.tasks_of_service(service.key).find(current) {
        Some(task) => eligible(world, task, &[], "now"),
        None => eligible(world, &Arc::new(would_be(service, world.now())), &[], "now"),
    }
}

/// The task that a service without any would have.
fn would_be(service: &Service, now: Time) -> Task {
    Task {
        key: TaskKey(u32::MAX),
        id: service.id,
        meta: service.meta,
        service: service.key,
        service_id: service.id,
        service_name: service.name().clone(),
        slot: 0,
        node: None,
        node_id: None,
        job_iteration: service.job_status.map(|status| status.iteration),
        spec: service.spec.task.clone(),
        spec_version: service.spec_version,
        ports: service.endpoint.ports.clone().unwrap_or_default(),
        networks: Arc::default(),
        assigned_generic: Arc::default(),
        log_driver: None,
        status: TaskStatus {
            state: TaskState::Pending,
            timestamp: now,
            applied_at: now,
            message: "",
            err: None,
            container: None,
            exit_code: 0,
        },
        desired: TaskState::Running,
    }
}

/// Nodes that are not compared: each may have a task, or may not.
fn eligible(world: &World, task: &Arc<Task>, earlier: &[(TaskKey, NodeKey)], when: &str) -> Option<Told> {
    let (verdicts, stopped) = verdicts(world, task, earlier)?;
    let mut rows = vec![["NODE", "TASKS", "FILTER", "VERDICT"].map(str::to_owned).to_vec()];
    let shown = pick(&verdicts, |_| false);
    let left_out = verdicts.len() - shown.len();
    for verdict in shown {
        // Where it has its task already, that is what takes the place, the port or the resources.
        let by_itself = matches!(
            verdict.verdict,
            Verdict::Rank(_) | Verdict::Stopped(Filter::Resource | Filter::HostPort | Filter::MaxReplicas)
        );
        let (filter, words) = match verdict.verdict {
            _ if by_itself && verdict.of_service > 0 => ("-".to_owned(), "has its task".to_owned()),
            Verdict::Rank(_) => ("all passed".to_owned(), "may have one".to_owned()),
            Verdict::Stopped(_) => words(verdict),
        };
        rows.push(vec![node_name(world, verdict.node).to_string(), verdict.total.to_string(), filter, words]);
    }
    let mut text = format!("what the scheduler thinks of each node for a task of {}, {when}:\n", task.service_name);
    for line in table(&rows).lines() {
        wrap(line, verdict_column(&rows), &mut text);
    }
    let mut legend = legend(&verdicts, task, world);
    legend.truncate(usize::from(!stopped.is_empty()));
    legend.push("the service has one task on every node that passes; nodes are not compared".to_owned());
    for line in legend {
        wrap(&line, 0, &mut text);
    }
    if left_out > 0 {
        text += &format!("  and {left_out} more\n");
    }
    Some(Told { text, stopped })
}

fn node_name(world: &World, key: NodeKey) -> Arc<str> {
    let name = || {
        let (_, manager) = Observed(world).leader()?;
        Some(world.env.name(manager.state.nodes.get(key)?.host).clone())
    };
    name().unwrap_or_default()
}

/// What the scheduler of this world thinks of each node, and which it stops.
fn verdicts(
    world: &World,
    task: &Arc<Task>,
    earlier: &[(TaskKey, NodeKey)],
) -> Option<(Vec<NodeVerdict>, Vec<Stopped>)> {
    let (_, manager) = Observed(world).leader()?;
    let verdicts = manager.leader.as_ref()?.scheduler()?.explain_after(earlier, &manager.state, task, world.now());
    let mut stopped = Vec::new();
    for verdict in &verdicts {
        let (Verdict::Stopped(filter), Some(node)) = (verdict.verdict, manager.state.nodes.get(verdict.node)) else {
            continue;
        };
        let failing = task.spec.constraints.iter().find(|constraint| !constraint.matches(node));
        let label = failing.filter(|_| filter == Filter::Constraint);
        stopped.push(Stopped {
            node: world.env.name(node.host).clone(),
            filter,
            unavailable: node.spec.availability != Availability::Active,
            unheard: node.status.state != NodeState::Ready,
            label: label.and_then(|constraint| constraint.key.strip_prefix("node.labels.").map(str::to_owned)),
        });
    }
    Some((verdicts, stopped))
}

/// Nodes that are compared.
fn ranked(world: &World, task: &Arc<Task>, earlier: &[(TaskKey, NodeKey)], made: Option<&Made>) -> Option<Told> {
    let (_, manager) = Observed(world).leader()?;
    let (verdicts, stopped) = verdicts(world, task, earlier)?;
    let called = match made {
        Some(made) => docker_name(world, &task.service_name, task.slot, Some(&made.node)),
        None => docker_name_of(world, &manager.state, task),
    };
    let mut out = match made {
        None => format!("what the scheduler sees for {called}:\n"),
        Some(made) => format!("what the scheduler saw for {called} at {}:\n", made.decision.at),
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
    let chosen = made.map(|made| &*made.node);
    let shown = pick(&verdicts, |key| chosen == Some(&*node_name(world, key)));
    let left_out = verdicts.len() - shown.len();
    for verdict in shown {
        let node = node_name(world, verdict.node);
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
    let tie = best.clone().count() > 1 && best.clone().any(|verdict| chosen == Some(&*node_name(world, verdict.node)));
    if tie && !branches {
        out += match world.env.settings.shuffle_ties {
            true => "  of equals one was drawn, as the real Swarm leaves it to chance\n",
            false => "  of equals the first by name (the real Swarm leaves it to chance)\n",
        };
    }
    if left_out > 0 {
        out += &format!("  and {left_out} more\n");
    }
    Some(Told { text: out, stopped })
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
