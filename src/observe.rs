//! The read-only picture of a world at a moment: what conditions, stories and screens look at.
//!
//! It holds types, one trait ([`View`]) that a world implements, and one table ([`roots`]) that documents every name and
//! from which conditions are checked. It computes nothing and changes nothing. It follows the house plan §5: bare names
//! are *belief*, the leader's store (no leader: nothing is known); `truth` is the world itself; `raft` is truth too.

pub mod decision;
mod fields;
pub mod look;
mod nearest;
mod thing;
pub mod why;
pub mod words;
mod world;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::engine::Time;

pub use fields::{Field, Kind, Object, RootDoc, documentation, roots};
pub use nearest::nearest;
pub use thing::{Datum, Thing, Things};
pub use world::Observed;

/// A text that many objects may share.
pub type Text = Arc<str>;

/// A service, as the leader's store has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Service {
    /// Its name.
    pub name: Text,
    /// Its id.
    pub id: Text,
    /// The image its tasks should run.
    pub image: Text,
    /// `replicated`, `global`, `replicated-job` or `global-job`.
    pub mode: Text,
    /// How many replicas are asked for (global: one on each eligible node).
    pub replicas: u64,
    /// How many of its tasks are believed to run.
    pub running: u64,
    /// How many of its tasks should run.
    pub desired: u64,
    /// How far its last update or rollback has come.
    pub update: Update,
    /// Its published ports.
    pub ports: Vec<Port>,
    /// Its virtual address on its first network; empty without one.
    pub vip: Text,
    /// Its virtual addresses by network, the routing mesh's among them.
    pub vips: Arc<BTreeMap<Text, Text>>,
}

/// The state of a rolling update.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Update {
    /// Docker's word (`updating`, `paused`, `completed`, `rollback_started`, ..); empty before the first update.
    pub state: Text,
    /// Docker's sentence.
    pub message: Text,
}

/// A published port.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Port {
    /// The port on the hosts.
    pub published: u16,
    /// The port in the containers.
    pub target: u16,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: Text,
}

/// A node, as the leader's store has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// Its host's name.
    pub name: Text,
    /// Its id.
    pub id: Text,
    /// `manager` or `worker`.
    pub role: Text,
    /// `ready`, `down` or `unknown`.
    pub status: Text,
    /// `active`, `pause` or `drain`.
    pub availability: Text,
    /// Whether it leads.
    pub leader: bool,
    /// Of a manager `reachable`, `unreachable` or `unknown`; empty of a worker.
    pub reachability: Text,
    /// Its labels in the swarm.
    pub labels: Arc<BTreeMap<Text, Text>>,
    /// Its address.
    pub address: Text,
}

/// A task, as the leader's store has it; its history included.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Task {
    /// Its id.
    pub id: Text,
    /// Its service's name.
    pub service: Text,
    /// Its slot; 0 for a task of a global service.
    pub slot: u64,
    /// Its name without the id: `web.1`.
    pub name: Text,
    /// Its node's name; empty before it has one.
    pub node: Text,
    /// The state it should have, in small letters: `running`, `shutdown`, ..
    pub desired: Text,
    /// The state it is believed to have.
    pub state: Text,
    /// Docker's sentence about its state.
    pub message: Text,
    /// Why it failed; empty otherwise.
    pub error: Text,
    /// Its image.
    pub image: Text,
    /// The version of its service's specification.
    pub version: u64,
    /// Its addresses by network.
    pub addresses: Arc<BTreeMap<Text, Text>>,
}

/// A network of the swarm, as the leader's store has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Network {
    /// Its name.
    pub name: Text,
    /// Its id.
    pub id: Text,
    /// Its driver; empty while it has not been allocated.
    pub driver: Text,
    /// Its first subnet; empty without one.
    pub subnet: Text,
    /// The gateway of its first subnet.
    pub gateway: Text,
    /// The VXLAN id of its first subnet; 0 without one.
    pub vxlan: u64,
    /// Whether it carries the routing mesh.
    pub ingress: bool,
    /// The load balancers' addresses on it by node.
    pub balancers: Arc<BTreeMap<Text, Text>>,
}

/// The consensus as it is, not as anyone believes it to be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Raft {
    /// The leader of the highest term; empty if there is none.
    pub leader: Text,
    /// The highest term.
    pub term: u64,
    /// Whether a majority of the members is up and mutually reachable.
    pub quorum: bool,
    /// The highest index known to be committed.
    pub commit: u64,
    /// The members.
    pub members: Vec<Member>,
}

/// A member of the consensus.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Member {
    /// Its host's name.
    pub name: Text,
    /// `leader`, `candidate`, `follower`, or `down`.
    pub role: Text,
    /// Its term.
    pub term: u64,
    /// Its commit index.
    pub commit: u64,
    /// The index its store has applied.
    pub applied: u64,
    /// Whether its process runs.
    pub up: bool,
}

/// A machine as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Host {
    /// Its name.
    pub name: Text,
    /// Whether it has power and has booted.
    pub up: bool,
    /// Whether its docker daemon runs.
    pub daemon: bool,
    /// Whether that daemon is frozen.
    pub paused: bool,
    /// Whether a manager runs in it, of whatever cluster.
    pub manager: bool,
}

/// A container as it is, whatever the swarm believes of its task.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Container {
    /// Its id.
    pub id: Text,
    /// The service of its task; empty outside the swarm.
    pub service: Text,
    /// Its task's name: `web.1`.
    pub task: Text,
    /// The host it is on.
    pub node: Text,
    /// Its image.
    pub image: Text,
    /// Whether its program runs.
    pub running: bool,
    /// The status its program ended with, once it has.
    pub exit_code: Option<i64>,
    /// Docker's word: `created`, `running`, `paused`, `exited`.
    pub state: Text,
    /// Docker's word: `starting`, `healthy`, `unhealthy`; empty where nothing is checked.
    pub health: Text,
    /// The kernel ended its program for its memory.
    pub oom_killed: bool,
}

/// A part of the picture that is read and changes by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Root {
    /// `services`
    Services,
    /// `nodes`
    Nodes,
    /// `tasks`
    Tasks,
    /// `networks`
    Networks,
    /// `raft`
    Raft,
    /// `truth.hosts`
    Hosts,
    /// `truth.containers`
    Containers,
    /// `time`
    Time,
}

/// What a world lets itself be asked. Nothing here may change it, nor draw from its randomness.
///
/// Each list comes in the natural order: services, nodes and hosts by name, tasks by service, slot and age, containers by host
/// and age, members by name.
pub trait View {
    /// The moment.
    fn now(&self) -> Time;
    /// What the leader believes of services; none without a leader.
    fn services(&self) -> Option<Arc<Vec<Service>>>;
    /// What the leader believes of nodes; none without a leader.
    fn nodes(&self) -> Option<Arc<Vec<Node>>>;
    /// What the leader believes of tasks; none without a leader.
    fn tasks(&self) -> Option<Arc<Vec<Task>>>;
    /// What the leader believes of networks; none without a leader.
    fn networks(&self) -> Option<Arc<Vec<Network>>>;
    /// The consensus as it is.
    fn raft(&self) -> Arc<Raft>;
    /// The machines as they are.
    fn hosts(&self) -> Arc<Vec<Host>>;
    /// The containers as they are.
    fn containers(&self) -> Arc<Vec<Container>>;
    /// A number that differs whenever what `root` shows may have changed.
    fn stamp(&self, root: Root) -> u64;
}

#[cfg(test)]
pub(crate) mod tests;
