//! A store and a scheduler without anything around them: commits are told at once, turns are granted at once, and every
//! decision is held against the invariants 11 to 13 of control-plane.md §12.

use super::super::{Scheduler, Ties};
use crate::engine::{Duration, Seed, Time};
use crate::swarm::component::{Alarm, Outbox, Writer};
pub(in crate::swarm::scheduler) use crate::swarm::object::testing::plain_node;
pub(super) use crate::swarm::object::testing::{plain_service, plain_task, plain_task_spec};
use crate::swarm::object::*;
use crate::swarm::scheduler::Constraint;
use crate::swarm::store::{Change, Event, State, Transaction, Why};
use std::collections::BTreeSet;
use std::sync::Arc;

pub(super) const GIB: i64 = 1 << 30;
pub(super) const CPU: i64 = 1_000_000_000;

pub(super) struct Lab {
    pub(super) state: State,
    pub(super) scheduler: Scheduler,
    pub(super) now: Time,
    ties: Ties,
    pub(super) out: Outbox,
    /// Writes that the scheduler made.
    pub(super) writes: usize,
}

/// A laboratory for each way of breaking ties: what does not depend on ties must hold in all.
pub(super) fn labs() -> impl Iterator<Item = Lab> {
    std::iter::once(Ties::Natural)
        .chain((0..8).map(|seed| Ties::Shuffled(Seed(seed).stream("scheduler", &()))))
        .map(Lab::new)
}

impl Lab {
    pub(super) fn new(ties: Ties) -> Self {
        let mut out = Outbox::default();
        let scheduler = Scheduler::start(ties.clone(), &State::default(), Time::ZERO, &mut out);
        Self { state: State::default(), scheduler, now: Time::ZERO, ties, out, writes: 0 }
    }

    /// Another leader takes over.
    pub(super) fn restart(&mut self) {
        self.out = Outbox::default();
        self.scheduler = Scheduler::start(self.ties.clone(), &self.state, self.now, &mut self.out);
    }

    /// Commits a transaction and tells the scheduler.
    pub(super) fn commit<R>(&mut self, write: impl FnOnce(&mut Transaction) -> R) -> R {
        let mut tx = Transaction::new(&self.state, self.now);
        let result = write(&mut tx);
        self.apply(tx.into_changes());
        result
    }

    fn apply(&mut self, changes: Vec<(Change, Why)>) {
        if changes.is_empty() {
            return;
        }
        self.state.index += 1;
        let events: Vec<_> = changes.iter().map(|(change, _)| self.state.apply(change)).collect();
        for event in events.iter().chain([&Event::Commit]) {
            self.scheduler.watch(event, &self.state, self.now, &mut self.out);
        }
    }

    /// One step: grants a turn, or rings the next alarm; false if there is neither.
    pub(super) fn step(&mut self) -> bool {
        if let Some(writer) = self.out.turns.pop() {
            assert_eq!(writer, Writer::Scheduler);
            self.out.turns.clear();
            let mut tx = Transaction::new(&self.state, self.now);
            self.scheduler.write(&mut tx);
            let changes = tx.into_changes();
            self.writes += changes.len();
            check(&self.state, &changes);
            self.apply(changes);
            return true;
        }
        let Some(next) = self.out.alarms.iter().map(|&(at, _)| at).min() else { return false };
        assert_eq!(self.out.alarms.len(), 1, "one alarm at a time");
        assert_eq!(self.out.alarms.pop(), Some((next, Alarm::Scheduler)));
        self.now = self.now.max(next);
        self.scheduler.alarm(&self.state, self.now, &mut self.out);
        true
    }

    /// Steps until nothing is left to do.
    pub(super) fn run(&mut self) {
        for _ in 0..100 {
            if !self.step() {
                return;
            }
        }
        panic!("the scheduler does not come to rest");
    }

    pub(super) fn wait(&mut self, time: Duration) {
        self.now += time;
    }

    /// A ready node of 4 CPUs and 8 GiB, but for what `change` says.
    pub(super) fn node(&mut self, hostname: &str, change: impl FnOnce(&mut Node)) -> NodeKey {
        self.commit(|tx| {
            let key = tx.state().nodes.next_key();
            let mut node = plain_node(key, hostname);
            change(&mut node);
            tx.put_node(node, Why::Joined);
            key
        })
    }

    pub(super) fn nodes<const N: usize>(&mut self) -> [NodeKey; N] {
        std::array::from_fn(|i| self.node(&format!("n{}", i + 1), |_| {}))
    }

    pub(super) fn change_node(&mut self, key: NodeKey, change: impl FnOnce(&mut Node)) {
        self.commit(|tx| {
            let mut node = Node::clone(tx.state().nodes.get(key).unwrap());
            change(&mut node);
            tx.put_node(node, Why::Request);
        });
    }

    pub(super) fn service(&mut self, name: &str, change: impl FnOnce(&mut TaskSpec)) -> ServiceKey {
        self.commit(|tx| {
            let key = tx.state().services.next_key();
            let mut task = plain_task_spec();
            change(&mut task);
            tx.put_service(plain_service(key, name, task), Why::Request);
            key
        })
    }

    /// New pending tasks of a service, all in one commit.
    pub(super) fn add(&mut self, service: ServiceKey, count: usize) -> Vec<TaskKey> {
        self.add_with(service, count, |_| {})
    }

    pub(super) fn add_with(&mut self, service: ServiceKey, count: usize, change: impl Fn(&mut Task)) -> Vec<TaskKey> {
        self.commit(|tx| {
            (0..count)
                .map(|_| {
                    let service = tx.state().services.get(service).unwrap().clone();
                    let slot = tx.state().tasks_of_service(service.key).map(|task| task.slot).max().unwrap_or(0) + 1;
                    let mut task = plain_task(tx.state().tasks.next_key(), &service, slot);
                    change(&mut task);
                    let key = task.key;
                    tx.put_task(task, Why::Allocated);
                    key
                })
                .collect()
        })
    }

    pub(super) fn change(&mut self, tasks: &[TaskKey], change: impl Fn(&mut Task)) {
        self.commit(|tx| {
            for &key in tasks {
                let mut task = Task::clone(tx.state().tasks.get(key).unwrap());
                change(&mut task);
                tx.put_task(task, Why::Reported);
            }
        });
    }

    /// The agent reports a state.
    pub(super) fn report(&mut self, tasks: &[TaskKey], state: TaskState) {
        self.change(tasks, |task| task.status.state = state);
    }

    pub(super) fn delete(&mut self, tasks: &[TaskKey]) {
        self.commit(|tx| tasks.iter().for_each(|&key| tx.remove_task(key, Why::Gone)));
    }

    pub(super) fn task(&self, key: TaskKey) -> &Task {
        self.state.tasks.get(key).unwrap()
    }

    pub(super) fn node_of(&self, key: TaskKey) -> Option<NodeKey> {
        self.task(key).node
    }

    /// What is said of a task that has no node.
    pub(super) fn err(&self, key: TaskKey) -> &str {
        self.task(key).status.err.as_deref().unwrap_or("")
    }

    /// Active tasks of a service, by node.
    pub(super) fn spread(&self, service: ServiceKey) -> Vec<usize> {
        let on = |node| {
            let counts = |task: &&Arc<Task>| {
                task.node == Some(node)
                    && task.desired <= TaskState::Complete
                    && task.status.state <= TaskState::Running
            };
            self.state.tasks_of_service(service).filter(counts).count()
        };
        self.state.nodes.iter().map(|(node, _)| on(node)).collect()
    }

    /// The same in descending order: the shape of the spread, whichever nodes were drawn.
    pub(super) fn shape(&self, service: ServiceKey) -> Vec<usize> {
        let mut spread = self.spread(service);
        spread.sort_unstable_by(|a, b| b.cmp(a));
        spread
    }

    /// The tasks of a service on a node.
    pub(super) fn tasks_on(&self, service: ServiceKey, node: NodeKey) -> Vec<TaskKey> {
        self.state.tasks_of_service(service).filter(|task| task.node == Some(node)).map(|task| task.key).collect()
    }
}

pub(in crate::swarm::scheduler) fn label(node: &mut Node, key: &str, value: &str) {
    Arc::make_mut(&mut node.spec.labels).insert(key.to_owned(), value.to_owned());
}

pub(super) fn capacity(node: &mut Node, nano_cpus: i64, memory_bytes: i64) {
    let description = Arc::make_mut(&mut node.description);
    (description.nano_cpus, description.memory_bytes) = (nano_cpus, memory_bytes);
}

pub(super) fn constraint(text: &str) -> Vec<Constraint> {
    vec![Constraint::parse(text).unwrap()]
}

pub(super) fn host_port(published: u16) -> Arc<[PortConfig]> {
    [PortConfig { protocol: Protocol::Tcp, target: 80, published, ingress: false }].into()
}

/// Holds every decision of one write against invariants 11 to 13, each on the state that the decisions before it have made.
pub(super) fn check(before: &State, changes: &[(Change, Why)]) {
    let mut state = before.clone();
    for (change, why) in changes {
        let Change::Task(task) = change else { panic!("the scheduler writes tasks only") };
        let old = state.tasks.get(task.key).expect("the scheduler creates no task").clone();
        let here = (old.status.state, task.status.state, task.node.is_some());
        match why {
            Why::Placed(_) => {
                assert_eq!(here, (TaskState::Pending, TaskState::Assigned, true));
                assert!(old.node.is_none() || old.node == task.node, "a task never moves");
                check_placement(&state, task);
            }
            Why::Unplaceable => {
                assert_eq!(old.node, task.node);
                assert_ne!(
                    (old.status.state, &old.status.err),
                    (task.status.state, &task.status.err),
                    "a needless write"
                );
            }
            other => panic!("not the scheduler's reason: {other:?}"),
        }
        state.apply(change);
    }
}

fn check_placement(state: &State, task: &Task) {
    let node = state.nodes.get(task.node.unwrap()).expect("the node exists");
    assert!(node.is_ready(), "the node is ready and active");
    assert!(task.spec.constraints.iter().all(|constraint| constraint.matches(node)), "constraints hold");
    let there: Vec<_> = state
        .tasks_of_node(node.key)
        .filter(|task| (TaskState::Assigned..=TaskState::Running).contains(&task.status.state))
        .collect();
    let sum = |of: fn(&Resources) -> i64| {
        there.iter().map(|task| of(&task.spec.reserved)).sum::<i64>() + of(&task.spec.reserved)
    };
    assert!(sum(|r| r.nano_cpus) <= node.description.nano_cpus, "CPUs suffice");
    assert!(sum(|r| r.memory_bytes) <= node.description.memory_bytes, "memory suffices");
    let ports = |task: &Task| -> BTreeSet<_> {
        let host = |port: &&PortConfig| !port.ingress && port.published != 0;
        task.ports.iter().filter(host).map(|port| (port.protocol, port.published)).collect()
    };
    assert!(there.iter().all(|other| ports(other).is_disjoint(&ports(task))), "host ports do not clash");
    let siblings =
        there.iter().filter(|other| other.service == task.service && other.desired <= TaskState::Complete).count();
    assert!(task.spec.max_replicas == 0 || siblings < task.spec.max_replicas as usize, "the limit a node holds");
}
