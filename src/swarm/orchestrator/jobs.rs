//! The jobs orchestrator's loop: services whose tasks run to completion, so many in all (replicated jobs) or one on each
//! node (global jobs).
//!
//! It looks at a job when the job was written and when one of its tasks has ended while it should still go on. It does
//! not look at nodes [quirk]: a node that is lost or drained keeps its tasks of a replicated job, and a node that joins
//! gets none of a global job until something else makes the loop look.
//!
//! Not here: how a task is replaced (`restart`).
//!
//! Source: control-plane.md §4.3; `manager/orchestrator/jobs/`.

use super::dirty::node_matches;
use super::plan::{Plan, Step, remove_tasks};
use super::restart::Supervisor;
use super::slot::SlotId;
use super::task::is_of;
use super::taskinit;
use crate::engine::Time;
use crate::swarm::component::{Ids, Kind, Outbox, Writer};
use crate::swarm::object::{Mode, NodeKey, Service, ServiceKey, TaskKey, TaskState};
use crate::swarm::store::{Event, State, Transaction, Why};
use std::collections::{BTreeSet, VecDeque};

/// The jobs orchestrator of one leader, with its restart supervisor.
#[derive(Clone, Debug)]
pub struct Jobs {
    pub(super) supervisor: Supervisor,
    /// What has happened and is not handled.
    happened: VecDeque<Happened>,
    /// What is left of the last reconciliation.
    plan: Plan,
}

/// An event that asks for work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Happened {
    /// A job was written, or a task of it has ended.
    Look(ServiceKey),
    /// A job is gone.
    Gone(ServiceKey),
}

fn is_job(service: &Service) -> bool {
    is_of(service, Kind::Jobs)
}

impl Jobs {
    /// Starts on a new leader.
    pub fn start(state: &State, now: Time, wall: Time, out: &mut Outbox) -> Self {
        let mut supervisor = Supervisor::new(Kind::Jobs);
        taskinit::check_tasks(state, Kind::Jobs, &mut supervisor, now, wall, out);
        let jobs = state.services.values().filter(|service| is_job(service));
        let happened = jobs.map(|service| Happened::Look(service.key)).collect();
        let jobs = Self { supervisor, happened, plan: Plan::default() };
        jobs.ask(out);
        jobs
    }

    fn ask(&self, out: &mut Outbox) {
        if !self.plan.is_empty() || !self.happened.is_empty() {
            out.turn(Writer::Orchestrator(Kind::Jobs));
        }
    }

    /// The store has changed.
    pub fn watch(&mut self, event: &Event, state: &State, now: Time, out: &mut Outbox) {
        self.supervisor.watch(event, now, out);
        let happened = match event {
            Event::Service { old: Some(old), new: None } if is_job(old) => Happened::Gone(old.key),
            Event::Service { new: Some(new), .. } if is_job(new) => Happened::Look(new.key),
            Event::Task { old: Some(_), new: Some(new) }
                if new.job_iteration.is_some()
                    && new.status.state.is_terminal()
                    && new.desired <= TaskState::Complete
                    && state.services.get(new.service).is_some() =>
            {
                Happened::Look(new.service)
            }
            Event::Commit => return self.ask(out),
            _ => return,
        };
        // Looking twice in a row finds nothing the second time.
        if self.happened.back() != Some(&happened) {
            self.happened.push_back(happened);
        }
    }

    /// It is this loop's turn to write.
    pub fn write(&mut self, tx: &mut Transaction, ids: &mut Ids, out: &mut Outbox) {
        while tx.is_empty() {
            if !self.plan.is_empty() {
                self.plan.carry_out(tx, ids, &mut self.supervisor, out);
                continue;
            }
            match self.happened.pop_front() {
                Some(Happened::Look(key)) => self.reconcile(key, tx.state()),
                Some(Happened::Gone(key)) => {
                    self.supervisor.forget_service(key);
                    if remove_tasks(key, tx) {
                        self.happened.push_front(Happened::Gone(key));
                    }
                }
                None => return,
            }
        }
        self.ask(out);
    }

    fn reconcile(&mut self, key: ServiceKey, state: &State) {
        let Some(service) = state.services.get(key) else { return };
        let steps = match service.spec.mode {
            Mode::ReplicatedJob { max_concurrent, total } => replicated(service, max_concurrent, total, state),
            Mode::GlobalJob => global(service, state),
            Mode::Replicated { .. } | Mode::Global => return,
        };
        self.plan.extend(service, steps);
    }

    /// Nothing is queued or waits for its time.
    pub(super) fn is_at_rest(&self) -> bool {
        self.plan.is_empty() && self.happened.is_empty() && self.supervisor.is_at_rest()
    }
}

fn iteration(service: &Service) -> Option<u64> {
    service.job_status.map(|status| status.iteration)
}

fn create(place: SlotId, why: Why) -> Step {
    Step::Create { place, desired: TaskState::Complete, why }
}

/// What a replicated job lacks: no more than may run at once, no more than are still to complete.
fn replicated(service: &Service, max_concurrent: u32, total: u32, state: &State) -> Vec<Step> {
    let (mut complete, mut running) = (0u64, 0u64);
    let mut taken: BTreeSet<u32> = BTreeSet::new();
    let (mut restart, mut remove) = (Vec::new(), Vec::new());
    for task in state.tasks_of_service(service.key) {
        let observed = task.status.state;
        if task.job_iteration != iteration(service) {
            if observed <= TaskState::Running {
                remove.push(task.key);
            }
        } else if observed == TaskState::Complete {
            complete += 1;
            taken.insert(task.slot);
        } else if task.desired <= TaskState::Complete {
            // One that failed and will be replaced counts as well.
            running += 1;
            taken.insert(task.slot);
            if observed > TaskState::Complete {
                restart.push(task.key);
            }
        }
    }
    // Unsigned, as in the real code: where there are more than there should be, the numbers run over and nothing at all
    // is done.
    let (max_concurrent, total) = (u64::from(max_concurrent), u64::from(total));
    let possible = max_concurrent.wrapping_sub(running);
    let allowed = total.wrapping_sub(complete).wrapping_sub(running);
    let missing = possible.min(allowed);
    if missing > total {
        return Vec::new();
    }
    let count = usize::try_from(missing).unwrap_or(usize::MAX);
    let free = (0u32..).filter(|slot| !taken.contains(slot)).take(count);
    let mut steps: Vec<Step> = free.map(|slot| create(SlotId::numbered(slot), Why::FillSlot)).collect();
    steps.extend(restart.into_iter().map(Step::Restart));
    steps.extend(outdated(remove));
    steps
}

/// What a global job lacks.
fn global(service: &Service, state: &State) -> Vec<Step> {
    let mut has_task: BTreeSet<NodeKey> = BTreeSet::new();
    let (mut restart, mut remove) = (Vec::new(), Vec::new());
    for task in state.tasks_of_service(service.key) {
        if task.job_iteration != iteration(service) {
            remove.push(task.key);
        } else if task.desired <= TaskState::Complete {
            has_task.extend(task.node);
            if task.status.state > TaskState::Complete {
                restart.push(task.key);
            }
        }
    }
    let mut steps = Vec::new();
    let mut unfit: BTreeSet<NodeKey> = BTreeSet::new();
    for node in state.nodes.values().filter(|node| node_matches(&service.spec.task.constraints, node)) {
        if node.is_invalid() {
            unfit.insert(node.key);
        } else if node.is_ready() && !has_task.contains(&node.key) {
            steps.push(create(SlotId::on(node.key), Why::FillNode));
        }
    }
    steps.extend(restart.into_iter().map(Step::Restart));
    steps.extend(outdated(remove));
    let lost = state
        .tasks_of_service(service.key)
        .filter(|task| task.status.state <= TaskState::Running && task.node.is_some_and(|node| unfit.contains(&node)));
    steps.extend(lost.map(|task| Step::Tell(task.key, TaskState::Shutdown, Why::NodeUnfit)));
    steps
}

/// Tasks of an older execution stop and vanish.
fn outdated(tasks: Vec<TaskKey>) -> impl Iterator<Item = Step> {
    tasks.into_iter().map(|task| Step::Tell(task, TaskState::Remove, Why::JobAgain))
}
