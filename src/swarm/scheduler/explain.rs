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
use crate::swarm::object::{Availability, NodeKey, Task, TaskKey, TaskState};
use crate::swarm::store::State;

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
        task: TaskKey,
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
        later.explain(state, task, now)
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
        let Some(task) = state.tasks.get(task) else { return Vec::new() };
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
                    detail: stopped.map(|filter| detail(filter, info, task, of_service)),
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
        Filter::Resource => {
            let free = info.free();
            let wanted = &task.spec.reserved;
            if free.nano_cpus < wanted.nano_cpus {
                format!("{} CPUs are free, {} are reserved", cpus(free.nano_cpus), cpus(wanted.nano_cpus))
            } else if free.memory_bytes < wanted.memory_bytes {
                format!("{} are free, {} are reserved", mebibytes(free.memory_bytes), mebibytes(wanted.memory_bytes))
            } else {
                "too little of a generic resource is free".into()
            }
        }
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

/// Billionths of a CPU in decimals: `0.5`.
fn cpus(nano: i64) -> String {
    let text = format!("{}.{:09}", nano / 1_000_000_000, nano.abs() % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn mebibytes(bytes: i64) -> String {
    format!("{} MiB", bytes >> 20)
}
