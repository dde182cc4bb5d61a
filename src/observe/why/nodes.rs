//! Why nodes cannot have a task: of those that its decision found unavailable, or that miss a label, what was done to them.

use super::{History, Stopped};
use crate::engine::Time;
use crate::swarm::object::NodeState;
use crate::swarm::scheduler::Filter;
use crate::swarm::world::record::What;

/// Of more nodes that are not available only the number is told.
const MOST: usize = 5;

impl History<'_> {
    /// The chains that led to the nodes being as the decision found them, at that moment or now; not those that are known
    /// from what was told before.
    pub(super) fn tell_nodes<'s>(
        &self,
        stopped: impl Iterator<Item = &'s Stopped>,
        until: Option<Time>,
        known: &[usize],
        out: &mut String,
    ) {
        let end = until.map_or(self.records.len(), |until| self.records.partition_point(|record| record.at <= until));
        let (mut told, mut more) = (0, 0);
        for node in stopped {
            if told == MOST {
                more += u32::from(node.filter == Filter::Ready);
                continue;
            }
            let mut found = self.made_so(node, end);
            found.retain(|place| !known.contains(place));
            if found.is_empty() {
                continue;
            }
            told += 1;
            *out += &match node.filter {
                Filter::Ready => format!("why {} takes no new tasks:\n", node.node),
                _ => format!("why {} does not meet the constraint:\n", node.node),
            };
            for place in found {
                self.tell(&self.chain(place), out);
            }
        }
        match more {
            0 => {}
            1 => *out += "1 more node takes no new tasks; `why NODE` tells why\n",
            _ => *out += &format!("{more} more nodes take no new tasks; `why NODE` tells why\n"),
        }
    }

    /// The records that made a node as it was found; none where it was so from the beginning, or the trace has forgotten.
    fn made_so(&self, node: &Stopped, end: usize) -> Vec<usize> {
        let own = |name: &str| *name == *node.node;
        let place = match node.filter {
            Filter::Ready => {
                let drained = node.unavailable.then(|| {
                    self.before(end, |what| match what {
                        What::Node { name, availability: Some(_), joined: false, .. } => own(name),
                        _ => false,
                    })
                });
                let down = node.unheard.then(|| {
                    self.before(end, |what| match what {
                        What::Node { name, state, availability: None, .. } => own(name) && *state != NodeState::Ready,
                        _ => false,
                    })
                });
                return [drained, down].into_iter().flatten().flatten().collect();
            }
            Filter::Constraint => node.label.as_ref().and_then(|label| {
                self.before(end, |what| match what {
                    What::NodeWanted { name, change } => own(name) && speaks_of(change, label),
                    _ => false,
                })
            }),
            _ => None,
        };
        place.into_iter().collect()
    }
}

/// Whether a change of a node (`label zone=east, no label disk`) is about this label.
fn speaks_of(change: &str, label: &str) -> bool {
    change.split(", ").any(|part| {
        let part = part.strip_prefix("no ").unwrap_or(part);
        part.strip_prefix("label ").is_some_and(|rest| rest.split('=').next() == Some(label))
    })
}
