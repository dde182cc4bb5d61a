//! What is counted and drawn for jobs.
//!
//! Only tasks of the job's present iteration count: after a rollback the tasks of the iteration that first had this spec
//! are up to date too. What is expected is fixed at the first look: how many completions, or on which nodes. One quirk is
//! kept: a global job that, when its tasks are looked for, has only tasks of older iterations expects none and is complete at
//! once.
//!
//! Source: docker/cli 29, `cli/command/service/progress`; cli.md §6.2. Nodes are gone through in ascending order (the real
//! client: in no order).

use super::screen::{Bar, Screen};
use super::updater::{COMPLETE, MOST_BARS, draw_any, number};
use crate::swarm::api::{Service, Task};
use std::collections::{BTreeMap, BTreeSet};

/// The iteration that a job is in.
fn iteration(service: &Service) -> Option<u64> {
    service.job_status.as_ref().map(|status| status.job_iteration.index)
}

/// The tasks of an iteration by slot or node; of several the one in the lowest state, the first of equal ones.
fn choose<'a, K: Ord>(tasks: &'a [Task], of: Option<u64>, key: impl Fn(&'a Task) -> K) -> BTreeMap<K, &'a Task> {
    let mut chosen: BTreeMap<K, &Task> = BTreeMap::new();
    for task in of_iteration(tasks, of) {
        let known = chosen.entry(key(task)).or_insert(task);
        if number(&known.status.state) > number(&task.status.state) {
            *known = task;
        }
    }
    chosen
}

fn of_iteration(tasks: &[Task], of: Option<u64>) -> impl Iterator<Item = &Task> {
    tasks.iter().filter(move |task| task.job_iteration.as_ref().map(|iteration| iteration.index) == of)
}

fn is_complete(task: &&&Task) -> bool {
    task.status.state == "complete"
}

/// How wide a number is.
fn digits(number: u64) -> usize {
    number.to_string().len()
}

fn overall(screen: &mut Screen, completed: u64, total: u64) {
    let bar = Bar { current: completed, total, units: "" };
    let width = digits(total);
    screen.update("job progress", &format!("{completed:width$} out of {total} complete"), Some(bar));
}

/// The drawing of a replicated job.
#[derive(Clone, Debug)]
pub struct ReplicatedJob {
    iteration: Option<u64>,
    total: u64,
    concurrent: u64,
    begun: bool,
}

impl ReplicatedJob {
    /// At the first look.
    pub fn new(service: &Service, max_concurrent: Option<u64>, total_completions: Option<u64>) -> ReplicatedJob {
        let total = total_completions.unwrap_or(1);
        let concurrent = max_concurrent.unwrap_or(total);
        ReplicatedJob { iteration: iteration(service), total, concurrent, begun: false }
    }

    /// Draws a tick; whether the job is complete.
    pub fn update(&mut self, screen: &mut Screen, tasks: &[Task]) -> bool {
        if !self.begun {
            self.overall(screen, 0, 0);
            if self.total <= MOST_BARS {
                for i in 1..=self.total {
                    screen.update(&format!("{i}/{}", self.total), " ", None);
                }
            }
            self.begun = true;
        }
        let chosen = choose(tasks, self.iteration, |task| task.slot);
        if self.total <= MOST_BARS {
            // A job's slots begin at 0.
            for (slot, task) in &chosen {
                draw_any(screen, &format!("{}/{}", slot + 1, self.total), task);
            }
        }
        let active = chosen.values().filter(|task| number(&task.status.state) < COMPLETE).count() as u64;
        let completed = chosen.values().filter(is_complete).count() as u64;
        self.overall(screen, active, completed);
        completed == self.total
    }

    fn overall(&self, screen: &mut Screen, active: u64, completed: u64) {
        overall(screen, completed, self.total);
        let wanted = self.concurrent.min(self.total.saturating_sub(completed));
        let width = digits(self.concurrent);
        screen.update("active tasks", &format!("{active:width$} out of {wanted:width$} tasks"), None);
    }
}

/// The drawing of a global job.
#[derive(Clone, Debug, Default)]
pub struct GlobalJob {
    /// The nodes that had a task at the first look, once there was one.
    nodes: Option<BTreeSet<String>>,
}

impl GlobalJob {
    /// Draws a tick; whether the job is complete.
    pub fn update(&mut self, screen: &mut Screen, service: &Service, tasks: &[Task], active: &BTreeSet<&str>) -> bool {
        let nodes = match &mut self.nodes {
            Some(nodes) => nodes,
            None if tasks.is_empty() && !active.is_empty() => {
                screen.update("job progress", "waiting for tasks", None);
                return false;
            }
            unknown => {
                let nodes: BTreeSet<_> =
                    of_iteration(tasks, iteration(service)).map(|task| task.node_id.clone()).collect();
                overall(screen, 0, nodes.len() as u64);
                unknown.insert(nodes)
            }
        };
        let total = nodes.len() as u64;
        let mut chosen = choose(tasks, iteration(service), |task| task.node_id.as_str());
        chosen.retain(|node, _| nodes.contains(*node));
        if total <= MOST_BARS {
            for (node, task) in &chosen {
                draw_any(screen, node, task);
            }
        }
        let completed = chosen.values().filter(is_complete).count() as u64;
        overall(screen, completed, total);
        completed == total
    }
}
