//! The nodes' own places on networks: one load balancer's address for each network that is in use there.
//!
//! A node is on the ingress network always, and on an overlay network while a task that has not ended uses it there. Who
//! uses what is counted as tasks come and go, so no task is looked at twice.
//!
//! Source: networking.md §1.4, control-plane.md §9 (`allocator/network.go`, `reallocateNode`).

use super::network::Networks;
use crate::swarm::object::{Attachment, NetworkKey, Node, NodeKey, Task, TaskState};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Who uses which network where.
#[derive(Clone, Debug, Default)]
pub(super) struct Users {
    /// Tasks that have not ended, by node and network; in the order in which they first came.
    counts: BTreeMap<NodeKey, Vec<(NetworkKey, u32)>>,
    /// Nodes that did not get an address: they are looked at again with the next event of theirs.
    wanting: BTreeSet<NodeKey>,
}

/// Where a task uses networks that a node must be on for it, while it has not ended.
fn used(task: &Task) -> Option<(NodeKey, &Arc<[Attachment]>)> {
    let node = task.node.filter(|_| task.status.state <= TaskState::Running)?;
    (!task.networks.is_empty()).then_some((node, &task.networks))
}

/// Only overlays need a load balancer; the ingress network has one everywhere.
fn counts(attachment: &Attachment) -> bool {
    !attachment.network.is_node_local() && !attachment.network.spec.ingress
}

impl Users {
    /// A task was written. Gives its node if that must be looked at.
    pub(super) fn task(&mut self, old: Option<&Task>, new: Option<&Task>) -> Option<NodeKey> {
        let (before, after) = (old.and_then(used), new.and_then(used));
        let mut changed = None;
        match (before, after) {
            (None, Some((node, networks))) => {
                let known = self.counts.entry(node).or_default();
                for attachment in networks.iter().filter(|attachment| counts(attachment)) {
                    let key = attachment.network.key;
                    match known.iter_mut().find(|(network, _)| *network == key) {
                        Some((_, users)) => *users += 1,
                        None => {
                            known.push((key, 1));
                            changed = Some(node);
                        }
                    }
                }
            }
            (Some((node, networks)), None) => {
                let known = self.counts.entry(node).or_default();
                for attachment in networks.iter().filter(|attachment| counts(attachment)) {
                    let Some(place) = known.iter().position(|(network, _)| *network == attachment.network.key) else {
                        continue;
                    };
                    known[place].1 -= 1;
                    if known[place].1 == 0 {
                        known.remove(place);
                        changed = Some(node);
                    }
                }
                if known.is_empty() {
                    self.counts.remove(&node);
                }
            }
            _ => {}
        }
        let node = new.or(old)?.node?;
        changed.or_else(|| self.wanting.contains(&node).then_some(node))
    }

    /// A network is gone: nobody needs a place on it any more, tasks that still die there included.
    pub(super) fn forget_network(&mut self, network: NetworkKey) {
        for known in self.counts.values_mut() {
            known.retain(|(key, _)| *key != network);
        }
    }

    /// A node is gone.
    pub(super) fn forget(&mut self, node: NodeKey) {
        self.wanting.remove(&node);
    }

    fn networks(&self, node: NodeKey) -> impl Iterator<Item = NetworkKey> {
        self.counts.get(&node).into_iter().flatten().map(|(network, _)| *network)
    }

    /// Whether a node's places are those that it should have.
    pub(super) fn is_allocated(&self, node: &Node, ingress: Option<NetworkKey>) -> bool {
        let has = |key: NetworkKey| node.attachments.iter().any(|attachment| attachment.network.key == key);
        let wanted = |key: NetworkKey| Some(key) == ingress || self.networks(node.key).any(|used| used == key);
        self.networks(node.key).chain(ingress).all(has)
            && node.attachments.iter().all(|attachment| wanted(attachment.network.key))
    }

    /// The places that a node should have: those that it has and needs, then new ones, then the ingress network's if that is
    /// new. What it needs no more is given back. Gives the new list if it is another, and whether something became free.
    pub(super) fn allocate(
        &mut self,
        node: &Node,
        ingress: Option<NetworkKey>,
        networks: &mut Networks,
    ) -> (Option<Arc<[Attachment]>>, bool) {
        let wanted: Vec<NetworkKey> = self.networks(node.key).chain(ingress).collect();
        let (kept, given_back): (Vec<_>, Vec<_>) =
            node.attachments.iter().cloned().partition(|attachment| wanted.contains(&attachment.network.key));
        let mut places = kept;
        let before = places.len();
        self.wanting.remove(&node.key);
        for key in wanted {
            if places.iter().any(|attachment| attachment.network.key == key) {
                continue;
            }
            match networks.attach(key) {
                Ok(attachment) => places.push(attachment),
                // The real code logs it; the tasks there wait for half a minute and are rejected.
                Err(_) => {
                    self.wanting.insert(node.key);
                }
            }
        }
        for attachment in &given_back {
            networks.detach(attachment);
        }
        let changed = places.len() != before || !given_back.is_empty();
        (changed.then(|| places.into()), !given_back.is_empty())
    }
}
