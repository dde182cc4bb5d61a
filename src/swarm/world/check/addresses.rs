//! Addresses of the swarm's networks: no two live holders share one, none is a gateway's, each lies in its network.
//!
//! Held at every proposal of a leader on what the proposal gives out, with an index that the leader's first look fills; and
//! of a whole store. An address is free again when its task has ended or is gone, or its holder has given it up.
//!
//! Source: control-plane.md §12 (14), networking.md §10 (1-6).

use super::objects::{Broken, broken};
use crate::swarm::object::{Attachment, NetworkKey, NodeKey, ServiceKey, TaskKey};
use crate::swarm::store::{Event, State};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

/// Who holds an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    /// A task, until it has ended.
    Task(TaskKey),
    /// A service, as its virtual address.
    Service(ServiceKey),
    /// A node, for its load balancer.
    Node(NodeKey),
}

/// Which address was last given to whom.
#[derive(Clone, Debug, Default)]
pub(super) struct Addresses {
    given: BTreeMap<(NetworkKey, Ipv4Addr), Holder>,
}

impl Addresses {
    /// All addresses of a store, and what is wrong with them.
    pub(super) fn of(state: &State) -> (Self, Option<Broken>) {
        let mut addresses = Self::default();
        let mut wrong = None;
        for node in state.nodes.values() {
            wrong = wrong.or(addresses.give(&node.attachments, Holder::Node(node.key), state));
        }
        for service in state.services.values() {
            wrong = wrong.or(addresses.give(&service.endpoint.vips, Holder::Service(service.key), state));
        }
        for task in state.tasks.values().filter(|task| !task.status.state.is_terminal()) {
            wrong = wrong.or(addresses.give(&task.networks, Holder::Task(task.key), state));
        }
        (addresses, wrong)
    }

    /// What a change breaks by the addresses that it gives out; `state` has the change.
    pub(super) fn look(&mut self, event: &Event, state: &State) -> Option<Broken> {
        match event {
            Event::Task { old, new: Some(new) } if !new.status.state.is_terminal() => {
                let same = old.as_ref().is_some_and(|old| Arc::ptr_eq(&old.networks, &new.networks));
                if same { None } else { self.give(&new.networks, Holder::Task(new.key), state) }
            }
            Event::Service { old, new: Some(new) } => {
                let same = old.as_ref().is_some_and(|old| Arc::ptr_eq(&old.endpoint.vips, &new.endpoint.vips));
                if same { None } else { self.give(&new.endpoint.vips, Holder::Service(new.key), state) }
            }
            Event::Node { old, new: Some(new) } => {
                let same = old.as_ref().is_some_and(|old| Arc::ptr_eq(&old.attachments, &new.attachments));
                if same { None } else { self.give(&new.attachments, Holder::Node(new.key), state) }
            }
            _ => None,
        }
    }

    fn give(&mut self, places: &[Attachment], holder: Holder, state: &State) -> Option<Broken> {
        let mut wrong = None;
        for place in places {
            let Some(address) = place.address else { continue };
            let network = &place.network;
            let before = self.given.insert((network.key, address), holder);
            let pools = network.allocated.iter().flat_map(|allocated| allocated.pools.iter());
            if let Some(other) = before.filter(|&other| other != holder && other.holds(network.key, address, state)) {
                let detail = format!("{address} of {} is {holder:?}'s and {other:?}'s", network.name());
                wrong = wrong.or(broken("an address has one holder", detail));
            } else if network.subnet_of(address).is_none() || pools.into_iter().any(|pool| pool.gateway == address) {
                let detail = format!("{address} of {}, {holder:?}'s", network.name());
                wrong = wrong.or(broken("addresses lie in their network and are not its gateway's", detail));
            }
        }
        wrong
    }
}

impl Holder {
    /// Whether the store says so too.
    fn holds(self, network: NetworkKey, address: Ipv4Addr, state: &State) -> bool {
        let among = |places: &[Attachment]| {
            places.iter().any(|place| place.network.key == network && place.address == Some(address))
        };
        match self {
            Holder::Task(key) => {
                state.tasks.get(key).is_some_and(|task| !task.status.state.is_terminal() && among(&task.networks))
            }
            Holder::Service(key) => state.services.get(key).is_some_and(|service| among(&service.endpoint.vips)),
            Holder::Node(key) => state.nodes.get(key).is_some_and(|node| among(&node.attachments)),
        }
    }
}
