//! What is counted and drawn for each mode of service; of jobs in `job`.
//!
//! cli.md §6.2. Slots and nodes are gone through in ascending order (the real client: in no order).

use super::job::{GlobalJob, ReplicatedJob};
use super::screen::{Bar, Screen};
use crate::docker::format::truncate_id;
use crate::swarm::api::{Service, ServiceMode, Task};
use std::collections::{BTreeMap, BTreeSet};

/// With more tasks than this there are no bars.
pub(super) const MOST_BARS: u64 = 20;
const RUNNING: u64 = 9;
pub(super) const COMPLETE: u64 = 10;

/// The number of a state; 0 for one that is not counted.
pub(super) fn number(state: &str) -> u64 {
    match state {
        "new" => 1,
        "allocated" => 2,
        "pending" => 3,
        "assigned" => 4,
        "accepted" => 5,
        "preparing" => 6,
        "ready" => 7,
        "starting" => 8,
        "running" => RUNNING,
        "complete" => COMPLETE,
        "shutdown" => 11,
        "failed" => 12,
        "rejected" => 13,
        _ => 0,
    }
}

fn is_terminal(state: &str) -> bool {
    number(state) > RUNNING
}

fn runs(task: &Task) -> bool {
    task.status.state == "running" && !is_terminal(&task.desired_state)
}

/// The drawing of one service, from tick to tick.
#[derive(Clone, Debug)]
pub enum Updater {
    /// A replicated or a global service.
    Service(ServiceUpdater),
    /// A replicated job.
    ReplicatedJob(ReplicatedJob),
    /// A global job.
    GlobalJob(GlobalJob),
}

impl Updater {
    /// At the first look at a service.
    pub fn new(service: &Service) -> Updater {
        match service.spec.mode {
            ServiceMode::Replicated { .. } | ServiceMode::Global {} => Updater::Service(ServiceUpdater::default()),
            ServiceMode::ReplicatedJob { max_concurrent, total_completions } => {
                Updater::ReplicatedJob(ReplicatedJob::new(service, max_concurrent, total_completions))
            }
            ServiceMode::GlobalJob {} => Updater::GlobalJob(GlobalJob::default()),
        }
    }

    /// Draws a tick; whether the service is converged.
    pub fn update(
        &mut self,
        screen: &mut Screen,
        service: &Service,
        tasks: &[Task],
        active: &BTreeSet<&str>,
        rollback: bool,
    ) -> bool {
        match self {
            Updater::Service(updater) => match service.spec.mode {
                ServiceMode::Replicated { replicas } => {
                    updater.replicated(screen, replicas.unwrap_or(1), tasks, active, rollback)
                }
                _ => updater.global(screen, tasks, active, rollback),
            },
            Updater::ReplicatedJob(job) => job.update(screen, tasks),
            Updater::GlobalJob(job) => job.update(screen, service, tasks, active),
        }
    }
}

/// The drawing of a service that runs until it is told to stop.
#[derive(Clone, Debug, Default)]
pub struct ServiceUpdater {
    begun: bool,
    done: bool,
    slots: BTreeMap<u64, u64>,
}

impl ServiceUpdater {
    /// The map from a service's slots to 1, 2, ... in the order in which they are first seen.
    fn place(&mut self, slot: u64) -> u64 {
        let next = self.slots.len() as u64 + 1;
        *self.slots.entry(slot).or_insert(next)
    }

    fn replicated(
        &mut self,
        screen: &mut Screen,
        replicas: u64,
        tasks: &[Task],
        active: &BTreeSet<&str>,
        rollback: bool,
    ) -> bool {
        if !self.begun {
            overall(screen, 0, replicas, rollback);
            if replicas <= MOST_BARS {
                for i in 1..=replicas {
                    screen.update(&format!("{i}/{replicas}"), " ", None);
                }
            }
            self.begun = true;
        }
        let chosen = choose(tasks, |task| task.slot, |task| task.node_id.is_empty() || active.contains(&*task.node_id));
        self.done &= chosen.values().all(|task| task.status.state == "running");
        let mut running = 0;
        for (slot, task) in &chosen {
            let place = self.place(*slot);
            running += u64::from(runs(task));
            if !self.done && replicas <= MOST_BARS && place <= replicas {
                draw(screen, &format!("{place}/{replicas}"), task);
            }
        }
        self.end(screen, running, replicas, rollback)
    }

    fn global(&mut self, screen: &mut Screen, tasks: &[Task], active: &BTreeSet<&str>, rollback: bool) -> bool {
        let chosen = choose(tasks, |task| task.node_id.as_str(), |_| true);
        let nodes = chosen.len() as u64;
        if !self.begun {
            if nodes == 0 {
                screen.update("overall progress", "waiting for new tasks", None);
                return false;
            }
            overall(screen, 0, nodes, rollback);
            self.begun = true;
        }
        self.done &= chosen.values().all(|task| task.status.state == "running");
        let mut running = 0;
        for (node, task) in &chosen {
            if active.contains(node) {
                running += u64::from(runs(task));
                if !self.done && nodes <= MOST_BARS {
                    draw(screen, truncate_id(node), task);
                }
            }
        }
        self.end(screen, running, nodes, rollback)
    }

    fn end(&mut self, screen: &mut Screen, running: u64, wanted: u64, rollback: bool) -> bool {
        if !self.done {
            overall(screen, running, wanted, rollback);
            self.done = running == wanted;
        }
        running == wanted
    }
}

/// One task a slot or node: the lowest desired state, then the lowest observed one.
fn choose<'a, K: Ord>(
    tasks: &'a [Task],
    key: impl Fn(&'a Task) -> K,
    allowed: impl Fn(&Task) -> bool,
) -> BTreeMap<K, &'a Task> {
    let mut chosen: BTreeMap<K, &Task> = BTreeMap::new();
    let rank = |task: &Task| (number(&task.desired_state), number(&task.status.state));
    for task in tasks {
        let (desired, observed) = rank(task);
        if desired == 0 || observed == 0 || !allowed(task) {
            continue;
        }
        let key = key(task);
        match chosen.get(&key) {
            Some(known) if rank(known) <= (desired, observed) => {}
            _ => {
                chosen.insert(key, task);
            }
        }
    }
    chosen
}

fn overall(screen: &mut Screen, running: u64, wanted: u64, rollback: bool) {
    let rolling = if rollback { "rolling back update: " } else { "" };
    screen.update("overall progress", &format!("{rolling}{running} out of {wanted} tasks"), None);
}

/// The line of one task that should run: its error, or its state with a bar, or nothing new.
fn draw(screen: &mut Screen, id: &str, task: &Task) {
    if !task.status.err.is_empty() || (!is_terminal(&task.desired_state) && !is_terminal(&task.status.state)) {
        draw_line(screen, id, task, RUNNING);
    }
}

/// The line of one task of a job, also at its end.
pub(super) fn draw_any(screen: &mut Screen, id: &str, task: &Task) {
    draw_line(screen, id, task, COMPLETE);
}

fn draw_line(screen: &mut Screen, id: &str, task: &Task, total: u64) {
    if task.status.err.is_empty() {
        let bar = Bar { current: number(&task.status.state), total, units: "" };
        screen.update(id, &format!("{:9}", task.status.state), Some(bar));
    } else {
        screen.update(id, &cut(&task.status.err), None);
    }
}

/// An error on one line, cut to 74 bytes and `…`.
fn cut(error: &str) -> String {
    const LONGEST: usize = 75;
    let line = error.replace('\n', " ");
    if line.len() <= LONGEST {
        return line;
    }
    let end = (0..LONGEST).rev().find(|&end| line.is_char_boundary(end)).unwrap_or(0);
    format!("{}…", &line[..end])
}
