//! Why a node was chosen or passed over: asked for by a reader, worked out then, never stored.
//!
//! To see a decision of the past, go back to the moment before it and ask there.
//!
//! Source: control-plane.md §3.4, §3.5.

use super::Scheduler;
use super::constraint::label_of;
use super::filter::Filter;
use super::policy::Rank;
use crate::engine::Time;
use crate::swarm::object::{NodeKey, TaskKey};
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
            let failures = info.recent_failures(task.service, task.spec_version, now);
            let rank = self.policy.rank(info, of_service, failures);
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
                    total: info.active,
                    failures,
                    verdict: stopped.map_or(Verdict::Rank(0), Verdict::Stopped),
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
