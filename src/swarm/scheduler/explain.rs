//! Why a node was chosen or passed over: asked for by a reader, worked out then, never stored.
//!
//! To see a decision of the past, go back to the moment before it and ask there.
//!
//! Source: control-plane.md §3.4, §3.5.

use super::Scheduler;
use super::constraint::label_of;
use super::filter::Filter;
use super::node_info::{NodeInfo, host_ports};
use super::policy::{Load, Rank};
use crate::engine::Time;
use crate::swarm::object::{Availability, Generic, NodeKey, Task, TaskKey, TaskSpec, TaskState};
use crate::swarm::store::State;
use std::sync::Arc;

/// What the scheduler thinks of one node for one task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeVerdict {
    /// The node.
    pub node: NodeKey,
    /// Its values of the labels that the task is spread over, outermost first.
    pub branch: Vec<String>,
    /// Active tasks of the service on it.
    pub of_service: u32,
    /// Active tasks on it.
    pub total: u32,
    /// Failures of this spec on it that are remembered.
    pub failures: u32,
    /// Stopped by a filter, or its rank.
    pub verdict: Verdict,
    /// Of a node that was stopped: what exactly is in the way, in a student's words.
    pub detail: Option<String>,
}

/// Whether a node may have a task, and how good it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// This filter stopped it; later ones were not asked.
    Stopped(Filter),
    /// It passed; 1 is the best, nodes that tie have the same rank. Branches are evened before ranks count.
    Rank(u32),
}

impl Scheduler {
    /// As [`explain`](Self::explain), once these tasks have their nodes: of many tasks that are placed in one turn, each
    /// finds the nodes as those before it have left them.
    pub fn explain_after(
        &self,
        placed: &[(TaskKey, NodeKey)],
        state: &State,
        task: &Arc<Task>,
        now: Time,
    ) -> Vec<NodeVerdict> {
        let mut later = self.clone();
        for &(key, node) in placed {
            if let Some(task) = state.tasks.get(key) {
                let mut task = (**task).clone();
                task.node = Some(node);
                task.status.state = TaskState::Assigned;
                later.mirror.hold(&task);
            }
        }
        later.explain_with(placed, state, task, now)
    }

    /// Whether a node passes all filters for a task now.
    pub fn passes(&self, state: &State, task: TaskKey, node: NodeKey) -> bool {
        let (Some(task), Some(info)) = (state.tasks.get(task), self.mirror.nodes.get(node)) else { return false };
        let of_service = self.mirror.of_service(task.service).get(node.0 as usize).copied().unwrap_or(0);
        self.load(task.clone()).first_failing(info, of_service).is_none()
    }

    /// Every node in its natural order with what speaks for or against it, as the scheduler sees the cluster now.
    /// Empty if there is no such task.
    pub fn explain(&self, state: &State, task: TaskKey, now: Time) -> Vec<NodeVerdict> {
        state.tasks.get(task).map_or_else(Vec::new, |task| self.explain_with(&[], state, task, now))
    }

    fn explain_with(
        &self,
        placed: &[(TaskKey, NodeKey)],
        state: &State,
        task: &Arc<Task>,
        now: Time,
    ) -> Vec<NodeVerdict> {
        let pipeline = self.load(task.clone());
        let counts = self.mirror.of_service(task.service);
        let mut ranks: Vec<Rank> = Vec::new();
        let mut verdicts = Vec::new();
        for info in self.mirror.order.iter().filter_map(|&key| self.mirror.nodes.get(key)) {
            let of_service = counts.get(info.node.key.0 as usize).copied().unwrap_or(0);
            let load = Load { of_service, active: self.mirror.active(info.node.key) };
            let failures = info.recent_failures(task.service, task.spec_version, now);
            let rank = self.policy.rank(info, &task.spec.reserved, load, failures);
            let stopped = pipeline.first_failing(info, of_service);
            if stopped.is_none() {
                ranks.push(rank);
            }
            let label = |descriptor| label_of(descriptor, &info.node).map(str::to_owned);
            verdicts.push((
                rank,
                NodeVerdict {
                    node: info.node.key,
                    branch: task.spec.preferences.iter().filter_map(|descriptor| label(descriptor)).collect(),
                    of_service,
                    total: load.active,
                    failures,
                    verdict: stopped.map_or(Verdict::Rank(0), Verdict::Stopped),
                    detail: stopped.map(|filter| {
                        detail(filter, info, task, of_service) + &holders(filter, info, task, state, placed)
                    }),
                },
            ));
        }
        ranks.sort_unstable();
        ranks.dedup();
        for (rank, verdict) in &mut verdicts {
            if let Verdict::Rank(place) = &mut verdict.verdict {
                *place = ranks.partition_point(|better| better < rank) as u32 + 1;
            }
        }
        verdicts.into_iter().map(|(_, verdict)| verdict).collect()
    }
}

/// What exactly is in the way of a task on a node that a filter has stopped.
fn detail(filter: Filter, info: &NodeInfo, task: &Task, of_service: u32) -> String {
    let node = &info.node;
    match filter {
        Filter::Ready if node.spec.availability != Availability::Active => {
            format!("its availability is {}", node.spec.availability.as_str())
        }
        Filter::Ready => format!("it is {}", node.status.state.as_str()),
        Filter::Resource => lacking(info, &task.spec),
        Filter::Constraint => {
            let failing = task.spec.constraints.iter().find(|constraint| !constraint.matches(node));
            failing.map_or_else(String::new, |constraint| {
                let operator = if constraint.equal { "==" } else { "!=" };
                let has = match constraint.actual(node) {
                    None => format!("{} is no key that nodes have", constraint.key),
                    Some(value) if value.is_empty() => "it has none".to_owned(),
                    Some(value) => format!("it is {value}"),
                };
                format!("{}{operator}{}: {has}", constraint.key, constraint.value)
            })
        }
        Filter::HostPort => {
            let held = host_ports(&task.ports).find(|&port| info.holds(port));
            held.map_or_else(String::new, |(protocol, port)| format!("port {port}/{} is taken", protocol.as_str()))
        }
        Filter::MaxReplicas => format!("it has {of_service} of at most {}", task.spec.max_replicas),
        Filter::Plugin => "it lacks a plugin".into(),
        Filter::Platform => {
            format!("it is {}/{}", node.description.os, node.description.architecture)
        }
    }
}

/// Which of what a task reserves a node has too little of, and how much: `the task reserves 2 CPU, 1.5 of 4 are free`.
fn lacking(info: &NodeInfo, spec: &TaskSpec) -> String {
    let (has, free, wanted) = (&info.node.description, info.free(), &spec.reserved);
    let mut lacking = Vec::new();
    if free.nano_cpus < wanted.nano_cpus {
        let [wanted, free, has] = [wanted.nano_cpus, free.nano_cpus, has.nano_cpus].map(cpus);
        lacking.push(format!("{wanted} CPU, {free} of {has} are free"));
    }
    if free.memory_bytes < wanted.memory_bytes {
        let [wanted, free, has] = [wanted.memory_bytes, free.memory_bytes, has.memory_bytes].map(|bytes| bytes >> 20);
        lacking.push(format!("{wanted} MiB of memory, {free} of {has} MiB are free"));
    }
    let count = |all: &[Generic], kind: &str| -> i64 {
        let of_kind = all.iter().filter(|generic| **generic.kind() == *kind);
        of_kind.map(|generic| if let Generic::Discrete { amount, .. } = generic { *amount } else { 1 }).sum()
    };
    let free = info.free_generic();
    for request in spec.generic.iter().filter(|request| request.claim(&free).is_none()) {
        let (free, has) = (count(&free, &request.kind), count(&has.generic, &request.kind));
        lacking.push(format!("{} {}, {free} of {has} are free", request.amount, request.kind));
    }
    format!("the task reserves {}", lacking.join("; and "))
}

/// Which tasks hold what a task lacks on a node: ` (held by api.1, api.2)`; empty where nobody does.
fn holders(filter: Filter, info: &NodeInfo, task: &Task, state: &State, placed: &[(TaskKey, NodeKey)]) -> String {
    let free = info.free();
    let holds = |other: &&Arc<Task>| match filter {
        Filter::Resource => {
            let (wanted, reserved) = (&task.spec.reserved, &other.spec.reserved);
            (free.nano_cpus < wanted.nano_cpus && reserved.nano_cpus > 0)
                || (free.memory_bytes < wanted.memory_bytes && reserved.memory_bytes > 0)
                || other
                    .assigned_generic
                    .iter()
                    .any(|given| task.spec.generic.iter().any(|request| request.kind == *given.kind()))
        }
        Filter::HostPort => host_ports(&other.ports).any(|port| host_ports(&task.ports).any(|own| own == port)),
        _ => false,
    };
    let there = |other: &&Arc<Task>| (TaskState::Assigned..=TaskState::Running).contains(&other.status.state);
    let stored = state.tasks_of_node(info.node.key).filter(there);
    let new = placed.iter().filter(|(_, node)| *node == info.node.key).filter_map(|(key, _)| state.tasks.get(*key));
    let names: Vec<String> = stored.chain(new).filter(holds).map(|task| task.name()).collect();
    match &names[..] {
        [] => String::new(),
        [first, second, third, _, ..] => format!(" (held by {first}, {second}, {third} and {} more)", names.len() - 3),
        _ => format!(" (held by {})", names.join(", ")),
    }
}

/// Billionths of a CPU in decimals: `0.5`.
fn cpus(nano: i64) -> String {
    let text = format!("{}.{:09}", nano / 1_000_000_000, nano.abs() % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
