//! What is counted and drawn for each mode of service.
//!
//! cli.md §6.2. Slots and nodes are gone through in ascending order (the real client: in no order).

use super::screen::{Bar, Screen};
use crate::docker::format::truncate_id;
use crate::swarm::api::{Service, ServiceMode, Task};
use std::collections::{BTreeMap, BTreeSet};

/// With more tasks than this there are no bars.
const MOST_BARS: u64 = 20;
const RUNNING: u64 = 9;
const COMPLETE: u64 = 10;

/// The number of a state; 0 for one that is not counted.
fn number(state: &str) -> u64 {
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
pub struct Updater {
    mode: Mode,
    begun: bool,
    done: bool,
    slots: BTreeMap<u64, u64>,
}

#[derive(Clone, Copy, Debug)]
enum Mode {
    Replicated,
    Global,
    ReplicatedJob,
    GlobalJob,
}

impl Updater {
    /// For a mode.
    pub fn new(mode: &ServiceMode) -> Updater {
        let mode = match mode {
            ServiceMode::Replicated { .. } => Mode::Replicated,
            ServiceMode::Global {} => Mode::Global,
            ServiceMode::ReplicatedJob { .. } => Mode::ReplicatedJob,
            ServiceMode::GlobalJob {} => Mode::GlobalJob,
        };
        Updater { mode, begun: false, done: false, slots: BTreeMap::new() }
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
        match (self.mode, &service.spec.mode) {
            (Mode::Replicated, mode) => {
                let replicas = match mode {
                    ServiceMode::Replicated { replicas } => replicas.unwrap_or(1),
                    _ => 1,
                };
                self.replicated(screen, replicas, tasks, active, rollback)
            }
            (Mode::Global, _) => self.global(screen, tasks, active, rollback),
            (Mode::ReplicatedJob, ServiceMode::ReplicatedJob { max_concurrent, total_completions }) => {
                let total = total_completions.unwrap_or(1);
                self.replicated_job(screen, total, max_concurrent.unwrap_or(total), tasks)
            }
            (Mode::ReplicatedJob, _) => false,
            (Mode::GlobalJob, _) => self.global_job(screen, tasks, active),
        }
    }

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
                draw(screen, &format!("{place}/{replicas}"), task, RUNNING);
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
                    draw(screen, truncate_id(node), task, RUNNING);
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

    fn replicated_job(&mut self, screen: &mut Screen, total: u64, concurrent: u64, tasks: &[Task]) -> bool {
        let chosen = choose(tasks, |task| task.slot, |_| true);
        let completed = chosen.values().filter(|task| task.status.state == "complete").count() as u64;
        let running = |task: &&&Task| !is_terminal(&task.status.state) && number(&task.status.state) >= 4;
        let active = chosen.values().filter(running).count() as u64;
        if !self.begun {
            job(screen, 0, total);
            screen.update("active tasks", &format!("0 out of {} tasks", concurrent.min(total)), None);
            if total <= MOST_BARS {
                for i in 1..=total {
                    screen.update(&format!("{i}/{total}"), " ", None);
                }
            }
            self.begun = true;
        }
        if total <= MOST_BARS {
            for (slot, task) in &chosen {
                let place = self.place(*slot);
                if place <= total {
                    draw(screen, &format!("{place}/{total}"), task, COMPLETE);
                }
            }
        }
        job(screen, completed, total);
        let wanted = concurrent.min(total.saturating_sub(completed));
        screen.update("active tasks", &format!("{active} out of {wanted} tasks"), None);
        completed >= total
    }

    fn global_job(&mut self, screen: &mut Screen, tasks: &[Task], active: &BTreeSet<&str>) -> bool {
        let chosen = choose(tasks, |task| task.node_id.as_str(), |task| active.contains(&*task.node_id));
        let total = chosen.len() as u64;
        if total == 0 {
            screen.update("job progress", "waiting for tasks", None);
            return false;
        }
        let completed = chosen.values().filter(|task| task.status.state == "complete").count() as u64;
        if !self.begun {
            job(screen, 0, total);
            self.begun = true;
        }
        if total <= MOST_BARS {
            for (node, task) in &chosen {
                draw(screen, node, task, COMPLETE);
            }
        }
        job(screen, completed, total);
        completed == total
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

fn job(screen: &mut Screen, completed: u64, total: u64) {
    let bar = Bar { current: completed, total, units: "" };
    screen.update("job progress", &format!("{completed} out of {total} complete"), Some(bar));
}

/// The line of one task: its error, or its state with a bar, or nothing new.
fn draw(screen: &mut Screen, id: &str, task: &Task, total: u64) {
    if !task.status.err.is_empty() {
        screen.update(id, &cut(&task.status.err), None);
    } else if total == COMPLETE || (!is_terminal(&task.desired_state) && !is_terminal(&task.status.state)) {
        let bar = Bar { current: number(&task.status.state), total, units: "" };
        screen.update(id, &format!("{:9}", task.status.state), Some(bar));
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
