//! What the leader's loops have in common: what they are told, what they may ask for, and where ids come from.
//!
//! Each loop (allocator, scheduler, orchestrators, dispatcher, reaper) is a sequential process fed by the store's watch
//! queue. It never writes by itself: it asks for the turn ([`Outbox::turn`]); when granted it is re-entered with a
//! [`super::store::Transaction`] on the store as it is *then*; the turn is held until the write commits or leadership
//! is lost. So proposals of one leader are strictly serial, and everything stops when the quorum is gone.
//!
//! Source: control-plane.md §0, §11.

use super::object::{ContainerId, FileKind, Id, NodeKey, ServiceKey, TaskKey};
use crate::engine::{Seed, Time};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Who may ask for the turn to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Writer {
    /// What a new leader completes before its loops start.
    Setup,
    /// A user's request that came in as this call.
    Api(u64),
    /// A node that wants to join, as this call.
    Join(u64),
    /// The dispatcher's batch of status and node updates.
    Dispatcher,
    /// New tasks become pending, services get their ports.
    Allocator,
    /// Decisions of one tick.
    Scheduler,
    /// Renewed certificates, and a root that is replaced.
    Authority,
    /// Deletions.
    Reaper,
    /// What an orchestrator has queued: restarts, then reconciliations.
    Orchestrator(Kind),
    /// Delayed starts of an orchestrator that are due.
    Restart(Kind),
    /// The rolling update of one service.
    Update(ServiceKey),
    /// Tasks on nodes that no longer meet their constraints.
    Enforcer,
    /// Roles that follow what users want.
    Roles,
}

/// The orchestrators, each with its own restart supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Of replicated services.
    Replicated,
    /// Of jobs, replicated and global.
    Jobs,
    /// Of global services.
    Global,
}

/// Alarms that the leader's loops set. One that comes too late finds nothing to do: nothing is ever searched for and
/// taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Alarm {
    /// The scheduler's debounce.
    Scheduler,
    /// A look at how far the replacement of the root is.
    RootRotation,
    /// The reaper's batch.
    Reaper,
    /// A delayed start: the restart delay of this (new) task is over.
    RestartDelay(TaskKey),
    /// A delayed start: this (new) task has waited long enough for its predecessor to stop.
    RestartGiveUp(TaskKey),
    /// A rolling update: a worker has slept its delay, or the monitoring is over. The number tells updates of one
    /// service apart.
    Update(ServiceKey, u32),
    /// The dispatcher's batch of status and node updates.
    DispatcherFlush,
    /// A node's heartbeat may have failed.
    Heartbeat(NodeKey),
    /// A node's assignments are due.
    Assignments(NodeKey),
    /// A node has been down for a day.
    Orphan(NodeKey),
    /// The role manager's ticker.
    Roles,
    /// A prospective Raft member should have answered this health check.
    MemberCheck(u64),
    /// What was sent to a node's agent, in this session, is acknowledged by now or never.
    LogStream(NodeKey, u64),
}

/// What a loop asks for while it handles something.
#[derive(Clone, Debug, Default)]
pub struct Outbox {
    /// Turns wanted, in the order of asking. A writer that already waits is not queued twice.
    pub turns: Vec<Writer>,
    /// Alarms to set.
    pub alarms: Vec<(Time, Alarm)>,
}

impl Outbox {
    /// Asks for the turn to write.
    pub fn turn(&mut self, writer: Writer) {
        self.turns.push(writer);
    }

    /// Sets an alarm.
    pub fn alarm(&mut self, at: Time, alarm: Alarm) {
        self.alarms.push((at, alarm));
    }
}

/// Where ids come from: drawn from the seed by what the object *is* (a service's name, a slot and its how manieth task),
/// never by an order of creation, so that one object more moves no other's id.
#[derive(Clone, Debug)]
pub struct Ids {
    seed: Seed,
    /// How often an id was drawn for the same thing: by the thing's hash, in [`SHARDS`] parts by the hash's first bits, so
    /// that the first draw after a copy copies only a small part.
    drawn: Arc<Vec<Arc<BTreeMap<u64, u32>>>>,
}

/// Parts of what was drawn.
const SHARDS: usize = 256;

impl Ids {
    /// A source for a world.
    pub fn new(seed: Seed) -> Self {
        Self { seed, drawn: Arc::new(vec![Arc::default(); SHARDS]) }
    }

    fn draw(&mut self, purpose: &'static str, owner: &impl std::hash::Hash) -> u128 {
        let key = self.seed.key(purpose, owner);
        let thing = key.at(u64::MAX);
        let shard = &mut Arc::make_mut(&mut self.drawn)[(thing >> 56) as usize];
        let count = Arc::make_mut(shard).entry(thing).or_insert(0);
        let draw = key.at_u128(u64::from(*count));
        *count += 1;
        draw
    }

    /// For a service of this name.
    pub fn service(&mut self, name: &str) -> Id {
        Id(self.draw("id.service", &name))
    }

    /// For a network of this name.
    pub fn network(&mut self, name: &str) -> Id {
        Id(self.draw("id.network", &name))
    }

    /// For a network that only one host has: 64 hex digits.
    pub fn local_network(&mut self, host: &str, name: &str) -> String {
        let draw = self.draw("id.network.local", &(host, name));
        ContainerId(draw).text()
    }

    /// For a secret or a config of this name.
    pub fn file(&mut self, kind: FileKind, name: &str) -> Id {
        Id(self.draw("id.file", &(kind, name)))
    }

    /// For the next task of a slot.
    pub fn task(&mut self, service_name: &str, slot: u32) -> Id {
        Id(self.draw("id.task", &(service_name, slot)))
    }

    /// For the next task of a service that belongs to this node.
    pub fn task_on(&mut self, service_name: &str, node: Id) -> Id {
        Id(self.draw("id.task", &(service_name, node.0)))
    }

    /// For a host that becomes a node.
    pub fn node(&mut self, host: &str) -> Id {
        Id(self.draw("id.node", &host))
    }

    /// For a cluster begun on a host, its tokens, its root.
    pub fn secret(&mut self, what: &'static str, host: &str) -> Id {
        Id(self.draw(what, &host))
    }

    /// 32 bytes that unlock the managers of a cluster.
    pub fn unlock_key(&mut self, cluster: Id) -> [u128; 2] {
        [self.draw("secret.unlock", &cluster.0), self.draw("secret.unlock", &cluster.0)]
    }

    /// For the container of a task.
    pub fn container(&mut self, task: Id) -> ContainerId {
        ContainerId(self.draw("id.container", &task.0))
    }

    /// For a container that somebody makes on a host, under this name or without one.
    pub fn own_container(&mut self, host: &str, name: &str) -> ContainerId {
        ContainerId(self.draw("id.container.own", &(host, name)))
    }

    /// A Raft id for a member: never zero.
    pub fn member(&mut self, host: &str) -> u64 {
        (self.draw("id.member", &host) as u64 >> 1) | 1
    }
}
