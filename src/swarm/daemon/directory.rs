//! Who finds whom from inside a container, as the whole model stands at this moment: what a name stands for, and what becomes
//! of a connection to an address. Pure questions about all hosts; nothing is sent and nothing is remembered.
//!
//! It answers what a daemon with up-to-date tables would: words that are still on their way between nodes are for the data
//! plane to model.
//!
//! Source: networking.md §3.2, §3.3, §4, §5.4; recording dataplane/02.

use super::engine::Container;
use super::engine::plug::bound_ports;
use super::health::HealthStatus;
use crate::engine::{Key, Time};
use crate::net::{HostId, HostState, Net};
use crate::swarm::object::{Attachment, ContainerId, Network, NetworkKey, Service, Subnet, Task};
use crate::swarm::store::State;
use crate::swarm::world::{DaemonState, Env, Host};
use std::net::Ipv4Addr;
use std::sync::Arc;

/// The port between hosts that carries what containers say to each other.
const DATA_PATH: u16 = 4789;

/// The whole model, looked at from one container.
#[derive(Clone, Copy)]
pub struct Directory<'a> {
    hosts: &'a [Arc<Host>],
    env: &'a Env,
    /// The newest store that a manager has.
    state: Option<&'a State>,
    /// Where the container is.
    pub host: &'a Host,
    /// Who asks.
    pub container: &'a Container,
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// These addresses, in an order that is drawn.
    Addresses(Vec<Ipv4Addr>),
    /// Whoever knows all names does not know this one.
    NoSuchName,
    /// Nobody who could know it can be asked.
    Failed,
}

/// What becomes of a connection.
#[derive(Clone, Copy, Debug)]
pub enum Reach<'a> {
    /// This container takes it.
    Taken(&'a Container),
    /// Nobody listens.
    Refused,
    /// Nobody says anything.
    Silence,
    /// Nobody on the same wire has that address.
    NoRoute,
    /// There is no way out.
    Unreachable,
}

/// A container's place on a network, of whichever kind.
#[derive(Clone, Debug)]
pub struct Interface {
    /// The network's name.
    pub network: Arc<str>,
    /// Of the swarm: which.
    pub key: Option<NetworkKey>,
    /// It carries the routing mesh.
    pub ingress: bool,
    /// Address.
    pub address: Ipv4Addr,
    /// The network's addresses.
    pub subnet: Subnet,
    /// The way out, if this network has it.
    pub gateway: Option<Ipv4Addr>,
}

impl<'a> Directory<'a> {
    /// The model as a container of this host sees it; none: there is no such container.
    pub fn of(hosts: &'a [Arc<Host>], env: &'a Env, host: HostId, container: ContainerId) -> Option<Self> {
        let host = &**hosts.get(host.index())?;
        let container = host.engine.containers.get(&container)?;
        let managers = hosts.iter().filter_map(|host| host.manager.as_ref());
        let state = managers.max_by_key(|manager| manager.state.index).map(|manager| &*manager.state);
        Some(Self { hosts, env, state, host, container })
    }

    /// Virtual time.
    pub fn now(&self) -> Time {
        self.env.kernel.now()
    }

    /// Draws of what is never the same twice.
    pub fn draws(&self, purpose: &'static str) -> Key {
        self.env.seed.key(purpose, &(self.container.id.0, self.now().nanos()))
    }

    /// Who resolves names for the hosts.
    pub fn resolver(&self) -> &'static str {
        self.env.registry.resolver().split(':').next().unwrap_or_default()
    }

    /// The networks of a container: those of the swarm first, then the ingress network and this host's own, as its
    /// interfaces are numbered.
    pub fn interfaces_of(&self, host: &Host, container: &Container) -> Vec<Interface> {
        let mut all = Vec::new();
        let places = container.task().map_or(&[] as &[Attachment], |task| &task.networks);
        let of_swarm = |place: &Attachment| {
            let address = place.address?;
            Some(Interface {
                network: place.network.name().clone(),
                key: Some(place.network.key),
                ingress: place.network.spec.ingress,
                address,
                subnet: place.network.subnet_of(address)?,
                gateway: None,
            })
        };
        all.extend(places.iter().filter(|place| !place.network.spec.ingress).filter_map(of_swarm));
        for name in host.engine.local_networks(container) {
            if let Some(lease) = host.engine.bridges.leased(&name, container.id) {
                all.push(Interface {
                    network: name.as_str().into(),
                    key: None,
                    ingress: false,
                    address: lease.address,
                    subnet: lease.subnet,
                    gateway: Some(lease.gateway),
                });
            }
        }
        all.extend(places.iter().filter(|place| place.network.spec.ingress).filter_map(of_swarm));
        all
    }

    /// The networks of the container that asks.
    pub fn interfaces(&self) -> Vec<Interface> {
        self.interfaces_of(self.host, self.container)
    }

    /// It has a resolver of its own: it is on a network where names are known.
    pub fn has_names(&self) -> bool {
        self.interfaces().iter().any(named)
    }

    /// Running containers of all hosts that have power.
    fn running(&self) -> impl Iterator<Item = (&'a Host, &'a Container)> {
        let on = self.hosts.iter().filter(|host| host.daemon != DaemonState::Off);
        on.flat_map(|host| host.engine.containers.values().filter(|c| c.runs()).map(move |c| (&**host, c)))
    }

    /// A container can be found by others: it runs, it is well, and nobody has told it to stop.
    fn enabled(&self, host: &Host, container: &Container) -> bool {
        let health = container.health_now(self.now()).map(|health| health.status());
        !host.engine.is_stopping(container.id) && health.is_none_or(|health| health == HealthStatus::Healthy)
    }

    /// Its tasks' containers that can be found on a network, with their addresses there.
    fn backends(&self, service: &Service, network: NetworkKey) -> Vec<(&'a Host, &'a Container, Ipv4Addr)> {
        let of = |(host, container): (&'a Host, &'a Container)| {
            let task = container.task().filter(|task| task.service == service.key)?;
            let place = task.networks.iter().find(|place| place.network.key == network)?;
            Some((host, container, place.address?)).filter(|_| self.enabled(host, container))
        };
        self.running().filter_map(of).collect()
    }

    /// What a name stands for (networking.md §3.3).
    pub fn resolve(&self, name: &str) -> Answer {
        let name = name.strip_suffix('.').unwrap_or(name).to_lowercase();
        if let Ok(address) = name.parse() {
            return Answer::Addresses(vec![address]);
        }
        if name == "localhost" {
            return Answer::Addresses(vec![Ipv4Addr::LOCALHOST]);
        }
        let interfaces = self.interfaces();
        let nets: Vec<&Interface> = interfaces.iter().filter(|interface| named(interface)).collect();
        let mut candidates = vec![(name.as_str(), None)];
        candidates.extend(name.rmatch_indices('.').map(|(at, _)| (&name[..at], Some(&name[at + 1..]))));
        for (wanted, network) in candidates {
            for net in nets.iter().filter(|net| network.is_none_or(|network| net.network.eq_ignore_ascii_case(network)))
            {
                let mut found = self.on_network(net, wanted);
                if !found.is_empty() {
                    found.sort_unstable();
                    found.dedup();
                    self.draws("dns.order").stream().shuffle(&mut found);
                    return Answer::Addresses(found);
                }
            }
        }
        if self.env.registry.reaches(self.host.id) { Answer::NoSuchName } else { Answer::Failed }
    }

    /// What a name stands for on one network (networking.md §3.2).
    fn on_network(&self, net: &Interface, name: &str) -> Vec<Ipv4Addr> {
        let Some(network) = net.key else { return self.on_bridge(net, name) };
        let mut found = Vec::new();
        let services = self.state.map(|state| state.services.values()).into_iter().flatten();
        for service in services {
            let answers_to = |wanted: &str| {
                service.name().eq_ignore_ascii_case(wanted)
                    || self.aliases(service, network).any(|alias| alias.eq_ignore_ascii_case(wanted))
            };
            let tasks = name.strip_prefix("tasks.").is_some_and(answers_to);
            if !tasks && !answers_to(name) {
                continue;
            }
            let backends = self.backends(service, network);
            let vip = service.endpoint.vips.iter().find(|vip| vip.network.key == network).and_then(|vip| vip.address);
            match vip {
                Some(vip) if !tasks && !service.is_dnsrr() && !backends.is_empty() => found.push(vip),
                _ => found.extend(backends.iter().map(|(_, _, address)| *address)),
            }
        }
        for (host, container) in self.running() {
            let Some(task) = container.task() else { continue };
            let Some(place) = task.networks.iter().find(|place| place.network.key == network) else { continue };
            let own = [&*container.name, &container.id.text()[..12], &container.hostname()].map(str::to_lowercase);
            if own.iter().any(|own| own == name) && self.enabled(host, container) {
                found.extend(place.address);
            }
        }
        found
    }

    /// Further names of a service on a network, as its tasks have them.
    fn aliases(&self, service: &'a Service, network: NetworkKey) -> impl Iterator<Item = &'a str> {
        let of = self.state.and_then(|state| state.networks.get(network));
        let meant =
            move |target: &str| of.is_some_and(|net: &Arc<Network>| net.id.text() == target || &**net.name() == target);
        let wanted = service.spec.api.task_template.networks.iter().filter(move |wanted| meant(&wanted.target));
        wanted.flat_map(|wanted| wanted.aliases.iter().map(String::as_str))
    }

    fn on_bridge(&self, net: &Interface, name: &str) -> Vec<Ipv4Addr> {
        let mut found = Vec::new();
        for (id, lease) in self.host.engine.bridges.users(&net.network) {
            let Some(container) = self.host.engine.containers.get(&id) else { continue };
            let endpoints = container.own().map(|own| &own.endpoints[..]).unwrap_or_default();
            let aliases =
                endpoints.iter().filter(|endpoint| *endpoint.network == *net.network).flat_map(|e| &e.aliases);
            let own = [container.name.to_string(), container.id.text()[..12].to_owned(), container.hostname()];
            if own.iter().chain(aliases).any(|own| own.eq_ignore_ascii_case(name)) {
                found.push(lease.address);
            }
        }
        found
    }

    /// The name of whoever has an address on one of the container's networks (`NAME.NETWORK`).
    pub fn name_of(&self, address: Ipv4Addr) -> Option<String> {
        let (interface, _, container) = self.neighbour(address)?;
        named(&interface).then(|| format!("{}.{}", container.name, interface.network))
    }

    /// Who has an address on one of the container's networks.
    fn neighbour(&self, address: Ipv4Addr) -> Option<(Interface, &'a Host, &'a Container)> {
        for interface in self.interfaces().into_iter().filter(|interface| interface.subnet.contains(address)) {
            let found = self.running().find(|(host, container)| {
                let same_wire = |other: &Interface| {
                    other.network == interface.network && (interface.key.is_some() || host.id == self.host.id)
                };
                self.interfaces_of(host, container).iter().any(|other| same_wire(other) && other.address == address)
            });
            if let Some((host, container)) = found {
                return Some((interface, host, container));
            }
        }
        None
    }

    /// One of a service's containers takes the connection: which one is drawn.
    fn balanced(&self, backends: &[(&'a Host, &'a Container, Ipv4Addr)], port: u32) -> Reach<'a> {
        if backends.is_empty() {
            return Reach::Refused;
        }
        let drawn = self.draws("balance").below(0, backends.len() as u64);
        let (host, container, _) = backends[usize::try_from(drawn).unwrap_or(0)];
        self.arrives(host, container, port)
    }

    /// A connection reaches a container.
    fn arrives(&self, host: &Host, container: &'a Container, port: u32) -> Reach<'a> {
        let way = host.id == self.host.id || passable(&self.env.net, self.host.id, host.id);
        if !way || container.paused.is_some() {
            return Reach::Silence;
        }
        if container.listens(port) { Reach::Taken(container) } else { Reach::Refused }
    }

    /// What becomes of a connection to an address and a port; of an echo request with port 0.
    pub fn connect(&self, address: Ipv4Addr, port: u32) -> Reach<'a> {
        let interfaces = self.interfaces();
        if address.is_loopback() || interfaces.iter().any(|interface| interface.address == address) {
            return if port == 0 || self.container.listens(port) {
                Reach::Taken(self.container)
            } else {
                Reach::Refused
            };
        }
        if interfaces.is_empty() {
            return Reach::Unreachable;
        }
        for service in self.state.map(|state| state.services.values()).into_iter().flatten() {
            let vips = service.endpoint.vips.iter().filter(|vip| vip.address == Some(address));
            let mine = |vip: &&Attachment| interfaces.iter().any(|i| i.key == Some(vip.network.key) && !i.ingress);
            if let Some(vip) = vips.into_iter().find(mine) {
                // The address itself is this node's.
                if port == 0 {
                    return Reach::Taken(self.container);
                }
                return self.balanced(&self.backends(service, vip.network.key), port);
            }
        }
        if let Some((_, host, container)) = self.neighbour(address) {
            if port == 0 {
                let way = host.id == self.host.id || passable(&self.env.net, self.host.id, host.id);
                return if way && container.paused.is_none() { Reach::Taken(container) } else { Reach::Silence };
            }
            return self.arrives(host, container, port);
        }
        if let Some(interface) = interfaces.iter().find(|interface| interface.subnet.contains(address)) {
            let first = Ipv4Addr::from(interface.subnet.first() + 1);
            return match address == first || interface.gateway == Some(address) {
                true if port == 0 => Reach::Taken(self.container),
                true => Reach::Refused,
                false => Reach::NoRoute,
            };
        }
        if !interfaces.iter().any(|interface| interface.gateway.is_some()) {
            return Reach::Unreachable;
        }
        match self.env.net.host_at(address) {
            Some(host) => self.published(host, port),
            None => Reach::Silence,
        }
    }

    /// A connection to a port of a host: of the routing mesh, or of a container there.
    fn published(&self, host: HostId, port: u32) -> Reach<'a> {
        let there = &*self.hosts[host.index()];
        if self.env.net.host(host) != HostState::Up
            || (host != self.host.id && !self.env.net.passable(self.host.id, host, u16::try_from(port).unwrap_or(0)))
        {
            return Reach::Silence;
        }
        if port == 0 {
            return Reach::Taken(self.container);
        }
        for container in there.engine.containers.values().filter(|container| container.runs()) {
            if let Some(bound) = bound_ports(container).find(|bound| u32::from(bound.published) == port) {
                return self.arrives(there, container, u32::from(bound.target));
            }
        }
        if there.disk.node.is_some() {
            for service in self.state.map(|state| state.services.values()).into_iter().flatten() {
                let ports = service.endpoint.ports.as_deref().unwrap_or_default();
                let Some(wanted) = ports.iter().find(|own| own.ingress && u32::from(own.published) == port) else {
                    continue;
                };
                let ingress = service.endpoint.vips.iter().find(|vip| vip.network.spec.ingress);
                let Some(ingress) = ingress else { continue };
                return self.balanced(&self.backends(service, ingress.network.key), u32::from(wanted.target));
            }
        }
        Reach::Refused
    }

    /// The words `{{.Node.Hostname}}` and the like, as a task's environment shows them.
    pub fn filled_in(&self, text: &str) -> String {
        let Some(task) = self.container.task() else { return text.to_owned() };
        let task: &Task = task;
        let pairs = [
            ("Service.ID", task.service_id.text()),
            ("Service.Name", task.service_name.to_string()),
            ("Node.ID", self.container.node_id.text()),
            ("Node.Hostname", self.host.name.to_string()),
            ("Task.ID", task.id.text()),
            ("Task.Name", self.container.name.to_string()),
            ("Task.Slot", if task.slot == 0 { self.container.node_id.text() } else { task.slot.to_string() }),
        ];
        pairs.iter().fold(text.to_owned(), |text, (key, value)| text.replace(&format!("{{{{.{key}}}}}"), value))
    }
}

/// Names are known on a network: not on the ingress network, and not on the engine's own bridges.
fn named(interface: &Interface) -> bool {
    !interface.ingress && !matches!(&*interface.network, super::bridge::BRIDGE | super::bridge::GATEWAY_BRIDGE)
}

fn passable(net: &Net, a: HostId, b: HostId) -> bool {
    net.passable(a, b, DATA_PATH) && net.passable(b, a, DATA_PATH)
}
