//! The global orchestrator's loop: one task of each global service on every node that may have it.
//!
//! It keeps its own picture of the nodes that count (not drained, not down) and handles one event after the other, each
//! with a write of its own where there is something to write; it does not wait for commits. After each event it restarts
//! what has ended. So it may find a node in its picture that the store has already lost: then it replaces a task on it,
//! and deletes both when it comes to the event of the node's removal.
//!
//! Not here: how a task is replaced (`restart`), how an update goes (`update`), and what happens to tasks whose node no
//! longer meets the constraints (`constraintenforcer` rejects them, and the attempt to restart them finds them unfit).
//!
//! Source: control-plane.md §4.2, §4.6; `manager/orchestrator/global/global.go`.

use super::dirty::{DirtyTest, node_matches};
use super::plan::{Plan, Step, remove_tasks};
use super::replacement::Replacement;
use super::restart::Supervisor;
use super::slot::{Slot, SlotId, is_rolling_back, updatable_tasks};
use super::taskinit;
use crate::engine::Time;
use crate::swarm::component::{Ids, Kind, Outbox, Writer};
use crate::swarm::object::{Availability, Mode, Node, NodeKey, Service, ServiceKey, Task, TaskKey, TaskState};
use crate::swarm::store::{Event, State, Table, Transaction, Why};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// The global orchestrator of one leader, with its restart supervisor and its updaters.
#[derive(Clone, Debug)]
pub struct Global {
    pub(super) replacement: Replacement,
    /// Nodes that are not drained and not down, as of the last event handled.
    nodes: Table<NodeKey, Arc<Node>>,
    /// The global services as of the last event handled.
    services: BTreeMap<ServiceKey, Arc<Service>>,
    /// What has happened and is not handled.
    happened: VecDeque<Happened>,
    /// Tasks to restart after the event that is being handled.
    restarts: BTreeSet<TaskKey>,
    /// What is left of the last event.
    plan: Plan,
}

/// An event that may ask for work.
#[derive(Clone, Debug)]
enum Happened {
    /// A service was created or updated; at the start: was found.
    Service(Arc<Service>),
    /// A service is gone.
    ServiceGone(ServiceKey),
    /// A node was created or updated.
    Node(Arc<Node>),
    /// A node is gone.
    NodeGone(NodeKey),
    /// A task was updated and is at its end.
    TaskEnded(TaskKey, ServiceKey),
    /// A new leader has found these tasks.
    Found(Vec<Arc<Task>>),
}

fn is_global(service: &Service) -> bool {
    service.spec.mode == Mode::Global
}

impl Global {
    /// Starts on a new leader.
    pub fn start(state: &State, now: Time, wall: Time, out: &mut Outbox) -> Self {
        let mut supervisor = Supervisor::new(Kind::Global);
        taskinit::check_tasks(state, Kind::Global, &mut supervisor, now, wall, out);
        let mut global = Self {
            replacement: Replacement::new(supervisor),
            nodes: Table::default(),
            services: BTreeMap::new(),
            happened: VecDeque::new(),
            restarts: BTreeSet::new(),
            plan: Plan::default(),
        };
        for node in state.nodes.values() {
            global.see(node);
        }
        let services: Vec<_> = state.services.values().filter(|service| is_global(service)).cloned().collect();
        global.services = services.iter().map(|service| (service.key, service.clone())).collect();
        let of_ours = |task: &&Arc<Task>| global.services.contains_key(&task.service);
        let found: Vec<_> = state.tasks.values().filter(of_ours).cloned().collect();
        if !found.is_empty() {
            global.happened.push_back(Happened::Found(found));
        }
        global.happened.extend(services.into_iter().map(Happened::Service));
        global.ask(out);
        global
    }

    fn ask(&self, out: &mut Outbox) {
        if !self.plan.is_empty() || !self.happened.is_empty() || !self.restarts.is_empty() {
            out.turn(Writer::Orchestrator(Kind::Global));
        }
    }

    /// The store has changed.
    pub fn watch(&mut self, event: &Event, state: &State, now: Time, out: &mut Outbox) {
        self.replacement.supervisor.watch(event, now, out);
        let happened = match event {
            Event::Service { old: Some(old), new: None } if is_global(old) => Happened::ServiceGone(old.key),
            Event::Service { new: Some(new), .. } if is_global(new) => Happened::Service(new.clone()),
            Event::Node { new: Some(new), .. } => Happened::Node(new.clone()),
            Event::Node { old: Some(old), new: None } => Happened::NodeGone(old.key),
            Event::Task { old: Some(_), new: Some(new) } => {
                self.replacement.updaters.task_written(new, now, out);
                let ended = new.desired <= TaskState::Running && new.status.state.is_terminal();
                if !ended || !state.services.get(new.service).is_some_and(|service| is_global(service)) {
                    return;
                }
                Happened::TaskEnded(new.key, new.service)
            }
            Event::Commit => {
                self.ask(out);
                self.replacement.updaters.committed(out);
                return;
            }
            _ => return,
        };
        self.happened.push_back(happened);
    }

    /// It is this loop's turn to write: one event a write, for what it finds is what the one before it has left.
    pub fn write(&mut self, tx: &mut Transaction, ids: &mut Ids, out: &mut Outbox) {
        while tx.is_empty() {
            if !self.plan.is_empty() {
                self.plan.carry_out(tx, ids, &mut self.replacement.supervisor, out);
            } else if !self.restarts.is_empty() {
                self.restart(tx.state());
            } else if let Some(happened) = self.happened.pop_front() {
                self.handle(happened, tx, out);
            } else {
                return;
            }
        }
        self.ask(out);
    }

    fn handle(&mut self, happened: Happened, tx: &mut Transaction, out: &mut Outbox) {
        match happened {
            Happened::Service(service) => {
                self.services.insert(service.key, service.clone());
                self.reconcile(&service, tx.state(), out);
            }
            Happened::ServiceGone(key) => {
                self.services.remove(&key);
                self.replacement.forget(key);
                if remove_tasks(key, tx) {
                    self.happened.push_front(Happened::ServiceGone(key));
                }
            }
            Happened::Node(node) => {
                self.see(&node);
                self.reconcile_node(&node, tx.state());
            }
            Happened::NodeGone(key) => {
                self.nodes.remove(key);
                self.of_node(key, tx.state(), |task| Some(Step::Delete(task.key, Why::NodeUnfit)));
            }
            Happened::TaskEnded(task, service) => {
                if self.services.contains_key(&service) {
                    self.restarts.insert(task);
                }
            }
            Happened::Found(tasks) => self.fix(&tasks),
        }
    }

    /// Updates the picture of a node.
    fn see(&mut self, node: &Arc<Node>) {
        if node.is_invalid() {
            self.nodes.remove(node.key);
        } else {
            self.nodes.put(node.key, node.clone());
        }
    }

    /// A new leader looks at what it found: tasks of nodes that do not count stop, tasks that have ended are restarted.
    fn fix(&mut self, tasks: &[Arc<Task>]) {
        for task in tasks.iter().filter(|task| task.desired <= TaskState::Running) {
            let Some(service) = self.services.get(&task.service) else { continue };
            if task.node.is_none_or(|node| self.nodes.get(node).is_none()) {
                let step = Step::Tell(task.key, TaskState::Shutdown, Why::NodeUnfit);
                self.plan.extend(service, [step]);
            } else if task.status.state.is_terminal() {
                self.restarts.insert(task.key);
            }
        }
    }

    /// Steps for the tasks of global services on a node.
    fn of_node(&mut self, node: NodeKey, state: &State, step: impl Fn(&Task) -> Option<Step>) {
        for task in state.tasks_of_node(node) {
            if let (Some(service), Some(step)) = (self.services.get(&task.service), step(task)) {
                self.plan.extend(service, [step]);
            }
        }
    }

    /// What has ended is replaced, unless its node may not have the service now.
    fn restart(&mut self, state: &State) {
        for key in std::mem::take(&mut self.restarts) {
            let Some(task) = state.tasks.get(key).filter(|task| task.desired <= TaskState::Running) else { continue };
            let (Some(service), Some(node)) =
                (self.services.get(&task.service), task.node.and_then(|node| self.nodes.get(node)))
            else {
                continue;
            };
            let unfit =
                node.spec.availability == Availability::Pause || !node_matches(&service.spec.task.constraints, node);
            let step = if unfit { Step::Tell(key, TaskState::Shutdown, Why::NodeUnfit) } else { Step::Restart(key) };
            self.plan.extend(service, [step]);
        }
    }

    /// Compares a service with all nodes; nodes that have their task are the update's slots.
    fn reconcile(&mut self, service: &Arc<Service>, state: &State, out: &mut Outbox) {
        let mut by_node: BTreeMap<Option<NodeKey>, Slot> = BTreeMap::new();
        for task in state.tasks_of_service(service.key) {
            by_node.entry(task.node).or_default().push(task.clone());
        }
        let rolling_back = is_rolling_back(service);
        for tasks in by_node.values_mut() {
            *tasks = updatable_tasks(tasks, rolling_back, &mut self.replacement.supervisor);
        }
        let mut steps = Vec::new();
        let mut slots = Vec::new();
        let stop = |why| move |task: &Arc<Task>| Step::Tell(task.key, TaskState::Shutdown, why);
        for node in self.nodes.values() {
            let tasks = by_node.remove(&Some(node.key)).unwrap_or_default();
            if !node_matches(&service.spec.task.constraints, node) {
                steps.extend(tasks.iter().map(stop(Why::NodeUnfit)));
            } else if node.spec.availability == Availability::Pause {
                // Nothing is added and nothing updated.
            } else if tasks.is_empty() {
                steps.push(create(node.key));
            } else {
                slots.push(tasks);
            }
        }
        // On nodes that do not count.
        steps.extend(by_node.values().flatten().map(stop(Why::NodeUnfit)));
        self.plan.extend(service, steps);
        // Without a slot the real updater is not called: an update under way goes on.
        if !slots.is_empty() {
            let slots = self.replacement.updaters.in_order(service, slots);
            self.replacement.updaters.start(service, slots, state, out);
        }
    }

    /// Compares a node with all services. This is no rolling update: an outdated task is replaced at once, without regard
    /// to parallelism, and no update status is written.
    fn reconcile_node(&mut self, node: &Arc<Node>, state: &State) {
        if node.is_invalid() {
            let stop = |task: &Task| Some(Step::Tell(task.key, TaskState::Shutdown, Why::NodeUnfit));
            return self.of_node(node.key, state, stop);
        }
        if node.spec.availability == Availability::Pause || self.services.is_empty() {
            return;
        }
        let mut by_service: BTreeMap<ServiceKey, Slot> = BTreeMap::new();
        for task in state.tasks_of_node(node.key).filter(|task| self.services.contains_key(&task.service)) {
            by_service.entry(task.service).or_default().push(task.clone());
        }
        for service in self.services.values() {
            if !node_matches(&service.spec.task.constraints, node) {
                // The enforcer's business.
                continue;
            }
            let tasks = by_service.get(&service.key).map_or(&[][..], |tasks| tasks);
            let tasks = updatable_tasks(tasks, is_rolling_back(service), &mut self.replacement.supervisor);
            let mut test = DirtyTest::new(service, state);
            let (mut surplus, clean): (Slot, Slot) = tasks.into_iter().partition(|task| test.task(task));
            if clean.is_empty() {
                self.plan.extend(service, [create(node.key)]);
            }
            surplus.extend(clean.into_iter().skip(1));
            let stop = surplus.iter().map(|task| Step::Tell(task.key, TaskState::Shutdown, Why::Surplus));
            self.plan.extend(service, stop);
        }
    }

    /// Nothing is queued, waits for its time or is being updated.
    pub(super) fn is_at_rest(&self) -> bool {
        let queued = !(self.plan.is_empty() && self.happened.is_empty() && self.restarts.is_empty());
        !queued && self.replacement.is_at_rest()
    }
}

fn create(node: NodeKey) -> Step {
    Step::Create { place: SlotId::on(node), desired: TaskState::Running, why: Why::FillNode }
}
