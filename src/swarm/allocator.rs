//! The allocator: gives networks their subnets, services their ports and virtual addresses, nodes and tasks their
//! addresses, and lets new tasks go on to the scheduler.
//!
//! Networks, nodes and services are seen to in the order of their events, each in a write of its own (nodes that wait
//! together are written together: fewer proposals, the same addresses). New tasks follow when nothing of that is left.
//! What cannot be allocated stays as it is, without a reason that a user could see, and is tried again when something was
//! given back or five minutes have passed.
//!
//! Where SwarmKit goes through new tasks in the order of a Go map, they come here by row: the order of their slots.
//!
//! Source: control-plane.md §9, networking.md §1.2-§1.4.

mod ipam;
mod network;
mod node;
mod port;
mod service;

#[cfg(test)]
mod tests;

use super::component::{Outbox, Writer};
use super::object::{
    Attachment, Network, NetworkKey, Node, NodeKey, PortConfig, Service, ServiceKey, TaskKey, TaskState,
};
use super::store::{Event, State, Transaction, Why};
use crate::engine::{Duration, Time};
use network::Networks;
use node::Users;
use port::Ports;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// What could not be allocated is tried again after so long, or when something was freed.
const RETRY: Duration = Duration::from_minutes(5);
/// SwarmKit packs a batch into transactions of at most so many changes.
const MAX_CHANGES: usize = 200;
const MESSAGE_PENDING: &str = "pending task scheduling";

/// The allocator of one leader.
#[derive(Clone, Debug)]
pub struct Allocator {
    ports: Ports,
    networks: Networks,
    users: Users,
    /// The network of the routing mesh.
    ingress: Option<NetworkKey>,
    /// Objects to look at, in the order of their events.
    work: VecDeque<Work>,
    waiting: BTreeSet<Work>,
    /// Networks whose subnets are not to be had.
    unallocated_networks: BTreeSet<NetworkKey>,
    /// Services whose ports or addresses are not to be had.
    unallocated: BTreeSet<ServiceKey>,
    /// New tasks.
    tasks: BTreeSet<TaskKey>,
    /// Tasks that wait for something, by what they wait for: when the first of them cannot go on, the others cannot.
    kept_aside: BTreeMap<Blocker, BTreeSet<TaskKey>>,
    /// By task, where it is kept.
    kept: BTreeMap<TaskKey, Blocker>,
    /// Something was given back since the last retry.
    freed: bool,
    last_retry: Time,
}

/// An object to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Work {
    Network(NetworkKey),
    Node(NodeKey),
    Service(ServiceKey),
}

/// What a task waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Blocker {
    /// Its service is not allocated.
    Service(ServiceKey),
    /// A network of its is not allocated, or has no address left.
    Network(NetworkKey),
}

impl Allocator {
    /// Starts on a new leader: takes note of what is given, and finds what is still to be done.
    pub fn start(state: &State, now: Time, out: &mut Outbox) -> Self {
        let mut allocator = Self {
            ports: Ports::default(),
            networks: Networks::default(),
            users: Users::default(),
            ingress: state.ingress().map(|network| network.key),
            work: VecDeque::new(),
            waiting: BTreeSet::new(),
            unallocated_networks: BTreeSet::new(),
            unallocated: BTreeSet::new(),
            tasks: BTreeSet::new(),
            kept_aside: BTreeMap::new(),
            kept: BTreeMap::new(),
            freed: false,
            last_retry: now,
        };
        allocator.restore(state);
        // The ingress network comes before the others.
        let mut networks: Vec<&Arc<Network>> =
            state.networks.values().filter(|network| network.allocated.is_none()).collect();
        networks.sort_by_key(|network| !network.spec.ingress);
        for network in networks {
            allocator.push(Work::Network(network.key));
        }
        for node in state.nodes.values() {
            if !allocator.users.is_allocated(node, allocator.ingress) {
                allocator.push(Work::Node(node.key));
            }
        }
        for service in state.services.values() {
            if !service::is_allocated(service, allocator.ingress) {
                allocator.push(Work::Service(service.key));
            }
        }
        // Tasks are looked at once, at the start.
        allocator.tasks =
            state.tasks.values().filter(|task| task.status.state == TaskState::New).map(|task| task.key).collect();
        allocator.ask(out);
        allocator
    }

    /// Takes note of everything that was given before.
    fn restore(&mut self, state: &State) {
        for network in state.networks.values() {
            self.networks.restore(network);
        }
        for node in state.nodes.values() {
            node.attachments.iter().for_each(|attachment| self.networks.restore_address(attachment));
        }
        for service in state.services.values() {
            service.endpoint.vips.iter().for_each(|vip| self.networks.restore_address(vip));
            for port in service.endpoint.ports.iter().flat_map(|ports| ports.iter()) {
                self.ports.take(port);
            }
        }
        for task in state.tasks.values().filter(|task| task.status.state <= TaskState::Running) {
            task.networks.iter().for_each(|attachment| self.networks.restore_address(attachment));
            self.users.task(None, Some(task));
        }
    }

    fn push(&mut self, work: Work) {
        if self.waiting.insert(work) {
            self.work.push_back(work);
        }
    }

    fn drop_work(&mut self, work: Work) {
        if self.waiting.remove(&work) {
            self.work.retain(|waiting| *waiting != work);
        }
    }

    fn ask(&self, out: &mut Outbox) {
        if !self.work.is_empty() || !self.tasks.is_empty() {
            out.turn(Writer::Allocator);
        }
    }

    /// The store has changed.
    pub fn watch(&mut self, event: &Event, state: &State, now: Time, out: &mut Outbox) {
        match event {
            Event::Network { old, new } => self.watch_network(old.as_deref(), new.as_ref(), state),
            Event::Node { new: Some(node), .. } if !self.users.is_allocated(node, self.ingress) => {
                self.push(Work::Node(node.key));
            }
            Event::Node { old: Some(old), new: None } => {
                self.drop_work(Work::Node(old.key));
                self.users.forget(old.key);
                self.detach(&old.attachments);
            }
            Event::Service { old: Some(old), new: None } => {
                self.drop_work(Work::Service(old.key));
                self.unallocated.remove(&old.key);
                for port in old.endpoint.ports.iter().flat_map(|ports| ports.iter()) {
                    self.freed |= self.ports.free(port);
                }
                self.detach(&old.endpoint.vips);
            }
            Event::Service { new: Some(service), .. } if !service::is_allocated(service, self.ingress) => {
                self.push(Work::Service(service.key));
            }
            Event::Task { old, new } => {
                if let Some(node) = self.users.task(old.as_deref(), new.as_deref()) {
                    self.push(Work::Node(node));
                }
                let live = |state: TaskState| state <= TaskState::Running;
                if let Some(old) = old.as_ref().filter(|old| live(old.status.state))
                    && new.as_ref().is_none_or(|new| !live(new.status.state))
                {
                    self.detach(&old.networks);
                    self.tasks.remove(&old.key);
                    self.let_go(old.key);
                }
                match new {
                    Some(new) if old.is_none() && new.status.state == TaskState::New => {
                        self.tasks.insert(new.key);
                    }
                    _ => {}
                }
            }
            Event::Commit => {
                if self.freed || now - self.last_retry > RETRY {
                    self.last_retry = now;
                    self.freed = false;
                    self.retry();
                }
                self.ask(out);
            }
            _ => {}
        }
    }

    fn watch_network(&mut self, old: Option<&Network>, new: Option<&Arc<Network>>, state: &State) {
        match (old, new) {
            (Some(old), None) => {
                self.drop_work(Work::Network(old.key));
                self.unallocated_networks.remove(&old.key);
                if self.ingress == Some(old.key) {
                    self.ingress = None;
                }
                self.networks.remove(old);
                self.users.forget_network(old.key);
                self.freed = true;
                // Asked of users only: a network is removed by hand.
                let on_it = |node: &&Arc<Node>| node.attachments.iter().any(|place| place.network.key == old.key);
                let nodes: Vec<NodeKey> = state.nodes.values().filter(on_it).map(|node| node.key).collect();
                for node in nodes {
                    self.push(Work::Node(node));
                }
            }
            (_, Some(new)) if new.allocated.is_none() => self.push(Work::Network(new.key)),
            (_, Some(new)) => {
                self.networks.allocated(new);
                if new.spec.ingress && self.ingress != Some(new.key) {
                    self.ingress = Some(new.key);
                }
                // Every node joins the routing mesh as soon as there is one.
                if new.spec.ingress && old.is_some_and(|old| old.allocated.is_none()) {
                    let nodes: Vec<NodeKey> = state.nodes.values().map(|node| node.key).collect();
                    for node in nodes {
                        self.push(Work::Node(node));
                    }
                }
            }
            (None, None) => {}
        }
    }

    /// What could not be allocated is to be looked at again.
    fn retry(&mut self) {
        for network in std::mem::take(&mut self.unallocated_networks) {
            self.push(Work::Network(network));
        }
        for service in std::mem::take(&mut self.unallocated) {
            self.push(Work::Service(service));
        }
        // The first of those that wait for the same thing tells whether the others can go on.
        for tasks in self.kept_aside.values() {
            self.tasks.extend(tasks.first());
        }
    }

    fn detach(&mut self, places: &[Attachment]) {
        for attachment in places {
            self.freed |= self.networks.detach(attachment);
        }
    }

    /// A task waits no more. Gives the next of those that wait for the same thing.
    fn let_go(&mut self, task: TaskKey) -> Option<TaskKey> {
        let blocker = self.kept.remove(&task)?;
        let tasks = self.kept_aside.get_mut(&blocker)?;
        tasks.remove(&task);
        let next = tasks.first().copied();
        if next.is_none() {
            self.kept_aside.remove(&blocker);
        }
        next
    }

    fn keep(&mut self, task: TaskKey, blocker: Blocker) {
        if let Some(known) = self.kept.insert(task, blocker)
            && known != blocker
            && let Some(tasks) = self.kept_aside.get_mut(&known)
        {
            tasks.remove(&task);
            // Those behind it may wait for what it waited for no more.
            self.tasks.extend(tasks.first());
            if tasks.is_empty() {
                self.kept_aside.remove(&known);
            }
        }
        self.kept_aside.entry(blocker).or_default().insert(task);
    }

    /// It is the allocator's turn to write: one object (or the nodes that wait together), or else the tasks.
    pub fn write(&mut self, tx: &mut Transaction) {
        let mut nodes_only = true;
        while let Some(&work) = self.work.front() {
            nodes_only &= tx.is_empty() || matches!(work, Work::Node(_));
            let fits = tx.is_empty() || (nodes_only && tx.len() < MAX_CHANGES);
            if !fits {
                break;
            }
            nodes_only = matches!(work, Work::Node(_));
            self.work.pop_front();
            self.waiting.remove(&work);
            match work {
                Work::Network(key) => self.allocate_network(key, tx),
                Work::Node(key) => self.allocate_node(key, tx),
                Work::Service(key) => self.allocate_service(key, tx),
            }
        }
        if self.work.is_empty() && tx.is_empty() {
            while tx.len() < MAX_CHANGES
                && let Some(task) = self.tasks.pop_first()
            {
                self.allocate_task(task, tx);
            }
        }
        // What is left is asked for at the commit event of this write: it is not empty then.
    }

    fn allocate_network(&mut self, key: NetworkKey, tx: &mut Transaction) {
        let Some(network) = tx.state().networks.get(key).filter(|network| network.allocated.is_none()) else { return };
        let network = network.clone();
        // A second one is never allocated.
        if network.spec.ingress && self.ingress.is_some_and(|ingress| ingress != key) {
            return;
        }
        match self.networks.allocate(&network, tx.state().cluster.as_deref()) {
            Ok(state) => {
                tx.put_network(
                    Network { allocated: Some(Arc::new(state)), ..Network::clone(&network) },
                    Why::Allocated,
                );
            }
            Err(_) => {
                self.unallocated_networks.insert(key);
            }
        }
    }

    fn allocate_node(&mut self, key: NodeKey, tx: &mut Transaction) {
        let Some(node) = tx.state().nodes.get(key).cloned() else { return };
        let (places, freed) = self.users.allocate(&node, self.ingress, &mut self.networks);
        self.freed |= freed;
        if let Some(attachments) = places {
            tx.put_node(Node { attachments, ..Node::clone(&node) }, Why::Allocated);
        }
    }

    fn allocate_service(&mut self, key: ServiceKey, tx: &mut Transaction) {
        let Some(service) = tx.state().services.get(key) else { return };
        if service::is_allocated(service, self.ingress) {
            return;
        }
        let mut service = Service::clone(service);
        let wanted = port::reconcile(&service);
        // Its old ports are free before the new ones are taken: it may want the same again.
        let had = service.endpoint.ports.clone();
        let mut freed = false;
        for port in had.iter().flat_map(|ports| ports.iter()) {
            freed |= self.ports.free(port);
        }
        let given = self.ports.take_all(wanted).ok().and_then(|ports| {
            match service::vips(&service, self.ingress, &mut self.networks) {
                Ok(vips) => Some((ports, vips)),
                Err(()) => {
                    for port in ports.iter() {
                        self.ports.free(port);
                    }
                    None
                }
            }
        });
        match given {
            Some((ports, (vips, given_back))) => {
                self.freed |= freed;
                self.detach(&given_back);
                service.endpoint.ports = Some(ports);
                service.endpoint.vips = vips;
                tx.put_service(service, Why::Allocated);
            }
            // The real code logs the error and leaves the service as it was stored. What it was given before is kept for
            // it here (there it is free, though the store still shows it).
            None => {
                for port in had.iter().flat_map(|ports| ports.iter()) {
                    self.ports.take(port);
                }
                self.unallocated.insert(key);
            }
        }
    }

    fn allocate_task(&mut self, key: TaskKey, tx: &mut Transaction) {
        let Some(task) = tx.state().tasks.get(key).filter(|task| task.status.state == TaskState::New) else { return };
        let Some(service) = tx.state().services.get(task.service) else { return };
        if !service::is_allocated(service, self.ingress) {
            return self.keep(key, Blocker::Service(service.key));
        }
        let named = &task.spec.uses.networks;
        let networks = if !service.needs_ingress() && named.is_empty() {
            task.networks.clone()
        } else {
            let ingress = self.ingress.filter(|_| service.needs_ingress());
            let there = named.iter().copied().filter(|key| tx.state().networks.get(*key).is_some());
            let wanted: Vec<NetworkKey> = ingress.into_iter().chain(there).collect();
            match self.networks.attach_all(&wanted) {
                Ok(places) => places.into(),
                Err(full) => return self.keep(key, Blocker::Network(full)),
            }
        };
        let ports: Arc<[PortConfig]> = service.endpoint.ports.clone().unwrap_or_default();
        let mut task = task.with_state(TaskState::Pending, MESSAGE_PENDING, tx.now());
        task.ports = ports;
        task.networks = networks;
        tx.put_task(task, Why::Allocated);
        let next = self.let_go(key);
        self.tasks.extend(next);
    }
}
