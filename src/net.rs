//! The wires between hosts: how long a packet takes, whether it arrives, and who notices when somebody is gone.
//!
//! It carries no payloads and knows no Docker words. The world asks [`Net::stream`] or [`Net::datagram`] what becomes
//! of a packet sent now and schedules the arrival itself; the wires only keep the books. Three things are told apart as
//! in life:
//!
//! - a packet that **vanishes** (cut wire, closed port, dead host): nobody is told, the sender waits for its time-out;
//! - a process that **dies** on a living host: its kernel resets the connections, peers know within one latency;
//! - a host that **vanishes**: no reset, and peers keep half-open connections.
//!
//! What is already on its way when a wire is cut still arrives; a world that wants otherwise asks [`Net::passable`] on
//! arrival.
//!
//! Chance is drawn without state, at (seed, "link", the two ends, the packet's number on that link): more traffic on
//! one link moves no other, and raising the loss of a link leaves its latencies as they were.

mod address;
mod connection;
mod fault;
mod wire;

use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::engine::{Duration, Seed, Time};
use address::Addresses;
use connection::Connections;
pub use connection::{Boot, Ends};
use fault::Faults;
pub use wire::LinkSpec;
use wire::{Links, Wire, Wires};

/// A host, by its index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct HostId(pub u16);

impl HostId {
    /// As an index into a vector.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a host's kernel does, as far as the wires can tell.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum HostState {
    /// It runs: it takes packets and answers for dead processes.
    #[default]
    Up,
    /// It is off: what is sent to it vanishes.
    Off,
    /// Its processes stand still but its kernel takes what arrives. When they read it is for the world to say.
    Paused,
}

/// What becomes of a segment of an ordered byte stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transit {
    /// It arrives then.
    Arrives(Time),
    /// It never arrives, and nobody is told.
    Vanishes,
}

/// What becomes of a datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Datagram {
    /// It never arrives, and nobody is told.
    Lost,
    /// It arrives then.
    Arrives(Time),
    /// It arrives twice; the two moments are in no particular order.
    Twice(Time, Time),
}

/// A port that no rule can name: the client's end of a connection. Replies are addressed to it.
pub const EPHEMERAL: u16 = 0;

/// How long a host takes to reach itself.
pub const LOOPBACK: Duration = Duration::from_micros(20);

/// All hosts' wires, faults and connections. A copy is cheap: what is big stands behind `Arc`.
#[derive(Clone, Debug)]
pub struct Net {
    seed: Seed,
    states: Vec<HostState>,
    addresses: Addresses,
    links: Links,
    faults: Faults,
    /// By the sending host.
    wires: Vec<Arc<Wires>>,
    connections: Arc<Connections>,
}

impl Net {
    /// So many hosts, all up, every pair linked as `default` says.
    pub fn new(seed: Seed, hosts: usize, default: LinkSpec) -> Net {
        let mut net = Net {
            seed,
            states: Vec::new(),
            addresses: Addresses::default(),
            links: Links::new(default),
            faults: Faults::default(),
            wires: Vec::new(),
            connections: Arc::default(),
        };
        for _ in 0..hosts {
            net.add_host();
        }
        net
    }

    /// Adds a host, up and linked to all others as the default says.
    ///
    /// # Panics
    /// Above 65,536 hosts; [`crate::engine::limits::HOSTS`] is far below.
    pub fn add_host(&mut self) -> HostId {
        let id = HostId(u16::try_from(self.states.len()).expect("a host's index fits 16 bits"));
        self.states.push(HostState::Up);
        self.wires.push(Arc::default());
        self.addresses.add();
        id
    }

    /// How many hosts there are.
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    /// Says what a host's kernel does from now on. Connections are told apart: see [`Net::process_died`],
    /// [`Net::host_vanished`].
    pub fn set_host(&mut self, host: HostId, state: HostState) {
        self.states[host.index()] = state;
    }

    /// What a host's kernel does.
    pub fn host(&self, host: HostId) -> HostState {
        self.states[host.index()]
    }

    /// The pairs whose link is not the default's, in order, each way by itself.
    pub fn own_links(&self) -> impl Iterator<Item = (HostId, HostId, LinkSpec)> {
        self.links.own()
    }

    /// The link of every pair that has none of its own.
    pub fn default_link(&self) -> LinkSpec {
        self.links.default_link()
    }

    /// Gives a host its address, in place of the one it had.
    pub fn set_address(&mut self, host: HostId, address: Ipv4Addr) {
        self.addresses.set(host, address);
    }

    /// A host's address; 0.0.0.0 until it is given one.
    pub fn address(&self, host: HostId) -> Ipv4Addr {
        self.addresses.of(host)
    }

    /// The host that has this address; of several, the one that took it last.
    pub fn host_at(&self, address: Ipv4Addr) -> Option<HostId> {
        self.addresses.find(address)
    }

    /// Changes the link of every pair that has none of its own.
    pub fn set_default_link(&mut self, spec: LinkSpec) {
        self.links.set_default(spec);
    }

    /// Changes the link between two hosts, both ways.
    pub fn set_link(&mut self, a: HostId, b: HostId, spec: LinkSpec) {
        self.links.set(a, b, spec);
    }

    /// Makes the link between two hosts like all others again, both ways.
    pub fn reset_link(&mut self, a: HostId, b: HostId) {
        self.links.reset(a, b);
    }

    /// The link that packets from `a` to `b` take.
    pub fn link(&self, a: HostId, b: HostId) -> LinkSpec {
        self.links.get(a, b)
    }

    /// Cuts, both ways, every pair of named hosts that share no group. Hosts not named keep all their links; a host
    /// named in two groups reaches both. Cuts that were there before stay.
    pub fn partition(&mut self, groups: &[Vec<HostId>]) {
        self.faults.partition(self.states.len(), groups);
    }

    /// Cuts one way: what `a` sends to `b` vanishes.
    pub fn cut(&mut self, a: HostId, b: HostId) {
        self.faults.cut(self.states.len(), a, b);
    }

    /// Mends every cut and partition. Blocked ports stay blocked, links keep their quality.
    pub fn heal(&mut self) {
        self.faults.heal();
    }

    /// Mends what is cut between two hosts, both ways.
    pub fn heal_between(&mut self, a: HostId, b: HostId) {
        self.faults.mend(a, b);
        self.faults.mend(b, a);
    }

    /// Mends every cut that touches a host.
    pub fn heal_host(&mut self, host: HostId) {
        self.faults.mend_host(host);
    }

    /// Closes a port of a host: packets addressed to it vanish, as behind a firewall that drops. What the host sends,
    /// and the replies to it, pass.
    pub fn block_port(&mut self, host: HostId, port: u16) {
        self.faults.block(host, port);
    }

    /// Opens a port again.
    pub fn unblock(&mut self, host: HostId, port: u16) {
        self.faults.unblock(host, port);
    }

    /// Opens all ports of a host again.
    pub fn unblock_all(&mut self, host: HostId) {
        self.faults.unblock_all(host);
    }

    /// The cuts in force, as (from, to), in order.
    pub fn cuts(&self) -> Vec<(HostId, HostId)> {
        self.faults.cuts()
    }

    /// The closed ports, in order.
    pub fn blocked(&self) -> impl Iterator<Item = (HostId, u16)> {
        self.faults.blocked()
    }

    /// Whether a packet from `a` can reach that port of `b`: both hosts on, no cut, the port open. Loss is not asked.
    ///
    /// `port` is what the packet is addressed to: the server's port for a request, [`EPHEMERAL`] for a reply.
    #[inline]
    pub fn passable(&self, a: HostId, b: HostId, port: u16) -> bool {
        self.states[a.index()] != HostState::Off
            && self.states[b.index()] != HostState::Off
            && (a == b || self.faults.pass(a, b, port))
    }

    /// What becomes of a segment sent now on the ordered byte stream from `a` to `b`.
    ///
    /// Loss on a stream is retransmission: the segment comes later by 200 ms, 400 ms, 800 ms, ... and vanishes only
    /// after Linux's fifteen tries. It never overtakes what was sent before it between the same two hosts. To itself a
    /// host takes 20 µs and no chance. For `port` see [`Net::passable`].
    #[inline]
    pub fn stream(&mut self, now: Time, a: HostId, b: HostId, port: u16) -> Transit {
        if !self.passable(a, b, port) {
            return Transit::Vanishes;
        }
        if a == b {
            return Transit::Arrives(now + LOOPBACK);
        }
        let spec = self.links.get(a, b);
        self.wire(a, b).stream(now, &spec)
    }

    /// What becomes of a datagram sent now. Datagrams may overtake each other.
    #[inline]
    pub fn datagram(&mut self, now: Time, a: HostId, b: HostId, port: u16) -> Datagram {
        if !self.passable(a, b, port) {
            return Datagram::Lost;
        }
        if a == b {
            return Datagram::Arrives(now + LOOPBACK);
        }
        let spec = self.links.get(a, b);
        let seed = self.seed;
        self.wire(a, b).datagram(now, &spec, || seed.key("link datagram", &(a, b)))
    }

    #[inline]
    fn wire(&mut self, a: HostId, b: HostId) -> &mut Wire {
        let seed = self.seed;
        Arc::make_mut(&mut self.wires[a.index()]).to(b, || seed.key("link", &(a, b)))
    }

    /// Notes a connection from a process of `client` to one of `server`, each named by its boot. It takes the place of
    /// any between the same two hosts in the same direction.
    pub fn open(&mut self, client: HostId, client_boot: Boot, server: HostId, server_boot: Boot) {
        Arc::make_mut(&mut self.connections).open((client, client_boot), (server, server_boot));
    }

    /// Whether just this connection is there with both ends alive.
    pub fn connected(&self, client: HostId, client_boot: Boot, server: HostId, server_boot: Boot) -> bool {
        self.connections
            .get(client, server)
            .is_some_and(|ends| ends.client == Some(client_boot) && ends.server == Some(server_boot))
    }

    /// Both ends of the connection from `client` to `server`; an end that is gone is `None` (the other is half-open).
    pub fn connection(&self, client: HostId, server: HostId) -> Option<Ends> {
        self.connections.get(client, server)
    }

    /// Whether this process of `client` holds an end of a connection to `server`. (What is left of one that an earlier
    /// process held is not its own.)
    pub fn holds(&self, client: HostId, client_boot: Boot, server: HostId) -> bool {
        self.connections.get(client, server).is_some_and(|ends| ends.client == Some(client_boot))
    }

    /// Both ends of the connection have made sure of each other, in whatever way: it is noted, until it is opened anew.
    pub fn secure(&mut self, client: HostId, server: HostId) {
        if self.connection(client, server).is_some_and(|ends| !ends.secured) {
            Arc::make_mut(&mut self.connections).secure(client, server, true);
        }
    }

    /// A host has something new to be known by: on all its connections both ends must make sure of each other again.
    pub fn forget_handshakes(&mut self, host: HostId) {
        for (client, server) in self.connections.of(host) {
            Arc::make_mut(&mut self.connections).secure(client, server, false);
        }
    }

    /// Forgets the connection from `client` to `server` on both ends: it was closed in order, or the last end has given
    /// up.
    pub fn close(&mut self, client: HostId, server: HostId) {
        Arc::make_mut(&mut self.connections).close(client, server);
    }

    /// The process on `host` that holds its connections has died. Returns, in order and each once, the peers whose end
    /// is reset: those that the host's kernel, being alive, can reach. To the others nothing is said: they stay
    /// half-open. The reset itself takes a segment's time.
    pub fn process_died(&mut self, host: HostId) -> Vec<HostId> {
        let mut reset = Vec::new();
        for (client, server) in self.connections.of(host) {
            let peer = if client == host { server } else { client };
            let ends = self.connections.get(client, server);
            let listens = ends.is_some_and(|ends| ends.client.is_some() && ends.server.is_some());
            if !listens {
                self.close(client, server);
            } else if self.passable(host, peer, EPHEMERAL) {
                self.close(client, server);
                reset.push(peer);
            } else {
                Arc::make_mut(&mut self.connections).leave(client, server, host);
            }
        }
        reset.sort_unstable();
        reset.dedup();
        reset
    }

    /// The whole host is gone, without a word: its peers' connections stay half-open until they find out.
    pub fn host_vanished(&mut self, host: HostId) {
        for (client, server) in self.connections.of(host) {
            Arc::make_mut(&mut self.connections).leave(client, server, host);
        }
    }

    /// Bytes that a copy may come to own, roughly.
    pub fn weight(&self) -> usize {
        let wires: usize = self.wires.iter().map(|wires| wires.weight() + size_of::<Arc<Wires>>()).sum();
        size_of::<Net>() + wires + self.states.len() + self.faults.weight() + self.connections.weight()
    }
}

#[cfg(test)]
mod tests;
