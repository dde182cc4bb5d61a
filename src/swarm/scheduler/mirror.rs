//! The scheduler's own picture of the cluster: every node with what is taken on it, and where its tasks count.
//!
//! It is kept by the store's events and runs ahead of them by the scheduler's own decisions. It is laid out for a tick over
//! many tasks: what is looked at for every node lies apart from what is looked at for the few that are any good, and a service
//! counts only on nodes where it has tasks, so that many small services take little room.
//!
//! Source: control-plane.md §2.6, §3.1.

use super::natural::natural;
use super::node_info::NodeInfo;
use super::policy::Load;
use super::ties::Slots;
use crate::engine::Time;
use crate::swarm::object::{Node, NodeKey, ServiceKey, Task, TaskKey, TaskState};
use crate::swarm::store::{Key, Table};
use std::cmp::Ordering;
use std::sync::Arc;

/// Nodes, counts, and the tasks that the scheduler knows.
#[derive(Clone, Debug, Default)]
pub(super) struct Mirror {
    pub(super) nodes: Table<NodeKey, NodeInfo>,
    /// The nodes in their natural order: hostname, then id.
    pub(super) order: Arc<Vec<NodeKey>>,
    /// Where the real scheduler's map has them.
    pub(super) slots: Arc<Slots>,
    /// Active tasks, by node; nodes beyond the end have none.
    active: Vec<u32>,
    /// Active tasks of a service on each node that has some, in the order of their keys.
    counts: Table<ServiceKey, Arc<Vec<(NodeKey, u32)>>>,
    known: Table<TaskKey, Known>,
}

/// A task between PENDING and RUNNING.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// Where it takes resources.
    node: Option<NodeKey>,
    /// It counts there: it is not told to stop.
    active: bool,
    /// It came with a node, so its failures say nothing about the scheduler's choice.
    preassigned: bool,
}

/// Whether a task counts where tasks are spread. One that is told to stop does not, though it keeps its resources.
fn is_active(task: &Task) -> bool {
    task.desired <= TaskState::Complete
}

impl Mirror {
    /// Whether the task is known.
    pub(super) fn knows(&self, task: TaskKey) -> bool {
        self.known.get(task).is_some()
    }

    /// A task without a node is known from now on.
    pub(super) fn learn(&mut self, task: TaskKey, preassigned: bool) {
        self.known.put(task, Known { preassigned, ..Known::default() });
    }

    /// A task is on its node, or is still there and perhaps was told to stop.
    pub(super) fn hold(&mut self, task: &Task) {
        let Some(node) = task.node else { return };
        let mut known = self.known.get(task.key).copied().unwrap_or_default();
        if known.node.is_some() {
            if known.active != is_active(task) && self.nodes.get(node).is_some() {
                self.count(task.service, node, is_active(task));
            }
            known.active = is_active(task);
        } else if self.nodes.update(node, |info| info.take(task)).is_some() {
            known.node = Some(node);
            known.active = is_active(task);
            if known.active {
                self.count(task.service, node, true);
            }
        }
        self.known.put(task.key, known);
    }

    /// Forgets a task; says whether that gave something back on a node.
    pub(super) fn release(&mut self, task: &Task) -> bool {
        let Some(Known { node: Some(node), active, .. }) = self.known.remove(task.key) else { return false };
        let held = self.nodes.update(node, |info| info.give_back(task)).is_some();
        if held && active {
            self.count(task.service, node, false);
        }
        held
    }

    fn count(&mut self, service: ServiceKey, node: NodeKey, up: bool) {
        if self.active.len() <= node.index() {
            self.active.resize(node.index() + 1, 0);
        }
        let change = |count: &mut u32| if up { *count += 1 } else { *count -= 1 };
        change(&mut self.active[node.index()]);
        if self.counts.get(service).is_none() {
            self.counts.put(service, Arc::default());
        }
        let left = self.counts.update(service, |row| {
            let row = Arc::make_mut(row);
            let place = row.binary_search_by_key(&node, |&(on, _)| on).unwrap_or_else(|place| {
                row.insert(place, (node, 0));
                place
            });
            change(&mut row[place].1);
            if row[place].1 == 0 {
                row.remove(place);
            }
            row.len()
        });
        if left == Some(0) {
            self.counts.remove(service);
        }
    }

    /// Active tasks on a node.
    #[inline]
    pub(super) fn active(&self, node: NodeKey) -> u32 {
        self.active.get(node.index()).copied().unwrap_or(0)
    }

    fn row(&self, service: ServiceKey) -> &[(NodeKey, u32)] {
        self.counts.get(service).map_or(&[], |row| row)
    }

    /// How many tasks a node has, of a service and of all.
    pub(super) fn load(&self, service: ServiceKey, node: NodeKey) -> Load {
        let row = self.row(service);
        let of_service = row.binary_search_by_key(&node, |&(on, _)| on).map_or(0, |place| row[place].1);
        Load { of_service, active: self.active(node) }
    }

    /// Active tasks of a service, by node, for who asks of all of them; nodes beyond the end have none.
    pub(super) fn of_service(&self, service: ServiceKey) -> Vec<u32> {
        let row = self.row(service);
        let mut counts = vec![0; row.last().map_or(0, |&(last, _)| last.index() + 1)];
        row.iter().for_each(|&(node, count)| counts[node.index()] = count);
        counts
    }

    /// A task of the scheduler's choosing has failed on its node.
    pub(super) fn failed(&mut self, task: &Task, now: Time) {
        let preassigned = self.known.get(task.key).is_some_and(|known| known.preassigned);
        if let (Some(node), false) = (task.node, preassigned) {
            self.nodes.update(node, |info| info.failed(task.service, task.spec_version, now));
        }
    }

    /// A node was created or updated.
    pub(super) fn put_node(&mut self, node: &Arc<Node>) {
        let moved = match self.nodes.get(node.key) {
            Some(old) if old.node.description.hostname == node.description.hostname => false,
            Some(_) => {
                Arc::make_mut(&mut self.order).retain(|&key| key != node.key);
                true
            }
            None => true,
        };
        if self.nodes.update(node.key, |info| info.node = node.clone()).is_none() {
            self.nodes.put(node.key, NodeInfo::new(node.clone()));
            Arc::make_mut(&mut self.slots).add(node.key);
        }
        if moved {
            let (nodes, order) = (&self.nodes, Arc::make_mut(&mut self.order));
            let before = |key: &NodeKey| {
                nodes.get(*key).is_some_and(|other| {
                    let names = natural(&other.node.description.hostname, &node.description.hostname);
                    names.then_with(|| other.node.id.text().cmp(&node.id.text())) == Ordering::Less
                })
            };
            order.insert(order.partition_point(before), node.key);
        }
    }

    /// A node is gone, with what was known of it.
    pub(super) fn remove_node(&mut self, node: NodeKey) {
        if self.nodes.remove(node).is_some() {
            if let Some(active) = self.active.get_mut(node.index()) {
                *active = 0;
            }
            Arc::make_mut(&mut self.order).retain(|&key| key != node);
            Arc::make_mut(&mut self.slots).remove(node);
        }
    }
}
