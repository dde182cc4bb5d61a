//! The dirty test: must an update replace this task? Reading only. Source: control-plane.md §6.5.

use crate::swarm::api;
use crate::swarm::object::{Node, Service, Task, TaskSpec};
use crate::swarm::scheduler::Constraint;
use crate::swarm::store::State;
use std::sync::Arc;

/// The test for one service. Tasks of one version share their spec, so what was found for the last spec is kept: a
/// service with thousands of old tasks costs one deep comparison.
#[derive(Debug)]
pub(crate) struct DirtyTest<'a> {
    service: &'a Service,
    state: &'a State,
    last: Option<(Arc<TaskSpec>, Difference)>,
}

/// How a task's spec differs from its service's template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Difference {
    None,
    PlacementOnly,
    Other,
}

impl<'a> DirtyTest<'a> {
    /// The test against `service`, with nodes as `state` knows them.
    pub(crate) fn new(service: &'a Service, state: &'a State) -> Self {
        Self { service, state, last: None }
    }

    /// A slot is dirty if it has several tasks, or one that is dirty.
    pub(super) fn slot(&mut self, slot: &[Arc<Task>]) -> bool {
        match slot {
            [task] => self.task(task),
            tasks => tasks.len() > 1,
        }
    }

    /// Whether the task is not what its service wants now.
    pub(crate) fn task(&mut self, task: &Task) -> bool {
        if task.spec_version == self.service.spec_version {
            return false;
        }
        let difference = self.difference(&task.spec);
        if difference == Difference::PlacementOnly {
            // [quirk] Where placement differs and is still met, ports and the endpoint's mode are not compared.
            let node = task.node.and_then(|node| self.state.nodes.get(node));
            return !node.is_some_and(|node| node_matches(&self.service.spec.task.constraints, node));
        }
        let (old, new) = (&task.spec, &self.service.spec.task);
        difference == Difference::Other || old.ports != new.ports || old.dnsrr != new.dnsrr
    }

    fn difference(&mut self, old: &Arc<TaskSpec>) -> Difference {
        if let Some((known, difference)) = &self.last
            && Arc::ptr_eq(known, old)
        {
            return *difference;
        }
        let difference = compare(&old.api, &self.service.spec.task.api);
        self.last = Some((old.clone(), difference));
        difference
    }
}

fn compare(old: &Arc<api::TaskSpec>, new: &Arc<api::TaskSpec>) -> Difference {
    if Arc::ptr_eq(old, new) || old == new {
        return Difference::None;
    }
    let without_placement = |spec: &api::TaskSpec| api::TaskSpec { placement: None, ..spec.clone() };
    if without_placement(old) == without_placement(new) { Difference::PlacementOnly } else { Difference::Other }
}

/// Whether a node meets all constraints.
pub(crate) fn node_matches(constraints: &[Constraint], node: &Node) -> bool {
    constraints.iter().all(|constraint| constraint.matches(node))
}
