//! The container engine of one host: images and containers, whoever asked for them.
//!
//! Containers belong to the host, not to the daemon's process: they live on when dockerd is killed (the shims hold them)
//! and are stopped by the daemon that starts next. A power cut ends them all.
//!
//! Every container that runs has at most one fate, the earliest of what would end it (its own end, lack of memory, a signal),
//! and one alarm for it; another one for the next change of its health. Nothing is counted or probed in between.
//!
//! Source: control-plane.md §2.1, §2.4; cli.md §5.8; the recordings' README on kills.

mod container;
mod follow;
mod happen;
mod health;
mod own;
pub mod plug;
mod process;
mod pull;

use super::bridge::Bridges;
use super::image::{Catalogue, canonical};
use super::limits;
use super::program::Program;
use super::provision::{ATTACHMENT_TIMEOUT, NO_ATTACHMENT, Provision};
use super::registry::Registry;
use crate::engine::{Duration, Seed, Time};
use crate::net::HostId;
use crate::swarm::agent::{Action, Outcome};
use crate::swarm::api::{ApiError, LogLine, Response};
use crate::swarm::component::Ids;
use crate::swarm::object::{ContainerId, Id, NodeDescription, Task, TaskKey};
use crate::swarm::world::event::ClientId;
pub use container::{Container, ContainerState, Own, Owner};
use follow::Following;
pub use happen::{Occurrence, Subject, Wire};
pub use own::{Attacher, Executing};
use pull::Pull;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Creating a container takes at least so long, and up to twice.
const CREATE: Duration = Duration::from_millis(60);
/// Killing one takes so long.
const KILL: Duration = Duration::from_millis(150);
/// Before a task on an overlay network or with an ingress port is stopped, its addresses are taken out of the others'
/// tables, and this long is left for the word to spread.
const GOSSIP_PAUSE: Duration = Duration::from_secs(2);

/// Something happens to a container. The number tells whether it is still meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EngineAlarm {
    /// A task that waits for its node's places on networks looks again.
    Attached(TaskKey, u32),
    /// The registry has answered: the image is here, or the reason why it is not.
    Pulled(TaskKey, u32),
    /// Container created.
    Prepared(TaskKey, u32),
    /// Process started.
    Started(ContainerId, u32),
    /// Process ended.
    Ended(ContainerId, u32),
    /// A container's health changes.
    Health(ContainerId, u32),
    /// An image that a client asked for is here, or the reason why it is not.
    ClientPulled(u32),
    /// A restart policy's pause is over.
    Again(ContainerId, u32),
    /// A container that was to go with its end goes.
    Gone(ContainerId),
    /// A client's container is made.
    Made(u32),
    /// A container writes its next line.
    Writes(ContainerId),
    /// A command inside a container does what it does: the whole world is looked at.
    Exec(u32),
    /// It has ended.
    ExecDone(u32),
    /// The time that a client wants events of is over.
    EventsOver,
}

/// Someone who waits for the end of an operation.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    task: TaskKey,
    operation: u32,
}

/// A client of this daemon that waits for a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitingClient {
    /// Who.
    pub client: ClientId,
    /// With which request.
    pub number: u64,
    /// The container is to be started again when it has ended.
    pub restart: bool,
}

/// The engine of one host.
#[derive(Clone, Debug, Default)]
pub struct Engine {
    /// Images on this host, as canonical references.
    pub images: BTreeSet<String>,
    /// How far the host's clock is ahead; its host sets it before it lets the engine do something.
    pub ahead: Duration,
    /// All containers, ended ones included.
    pub containers: BTreeMap<ContainerId, Container>,
    /// The container of a task.
    by_task: BTreeMap<TaskKey, ContainerId>,
    /// Preparations under way: operation, and whose.
    preparing: BTreeMap<TaskKey, (u32, Arc<Task>)>,
    /// Images on their way, as canonical references.
    pulls: BTreeMap<String, Pull>,
    /// Why a task's image could not be had: it is asked for once.
    pull_errors: BTreeMap<TaskKey, Arc<str>>,
    /// `docker pull`s under way, by number.
    client_pulls: BTreeMap<u32, (ClientId, u64, String)>,
    starting: BTreeMap<ContainerId, Waiting>,
    waiting: BTreeMap<ContainerId, Waiting>,
    stopping: BTreeMap<ContainerId, Waiting>,
    clients: BTreeMap<ContainerId, Vec<WaitingClient>>,
    /// Clients that wait for a container's end, or for its being gone.
    waiters: BTreeMap<ContainerId, Vec<(ClientId, u64, bool)>>,
    /// Who sees what containers write.
    following: Following,
    /// Containers that clients have asked for and that are being made.
    making: BTreeMap<u32, (ClientId, u64, Box<Container>)>,
    /// Commands that run inside containers.
    executing: BTreeMap<u32, Executing>,
    /// Volumes.
    pub volumes: super::volumes::Volumes,
    /// To be removed as soon as they have stopped.
    condemned: BTreeSet<ContainerId>,
    numbers: u32,
    /// What the swarm gave this host.
    pub provision: Provision,
    /// The host's own networks.
    pub bridges: Bridges,
}

/// What the engine wants done or said.
#[derive(Clone, Debug, Default)]
pub struct EngineOutbox {
    /// Alarms to set.
    pub alarms: Vec<(Time, EngineAlarm)>,
    /// For the agent: task, operation, what came of it.
    pub outcomes: Vec<(TaskKey, u32, Outcome)>,
    /// For the trace.
    pub happened: Vec<Happened>,
    /// Clients' requests that are done, or why not.
    pub answers: Vec<(ClientId, u64, Result<Response, ApiError>)>,
    /// For `docker events`.
    pub events: Vec<Occurrence>,
    /// For the log broker: subscription, lines, and whether that is all.
    pub published: Vec<(u64, Vec<LogLine>, bool)>,
}

/// Something that the trace tells of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// It started.
    Started(Arc<str>),
    /// It ended with this code; the kernel killed it for its memory.
    Ended(Arc<str>, i32, bool),
    /// It is healthy, or unhealthy.
    Health(Arc<str>, bool),
}

/// What the engine needs to know of the world.
pub struct Surroundings<'a> {
    /// Virtual time.
    pub now: Time,
    /// Draws.
    pub seed: Seed,
    /// Ids.
    pub ids: &'a mut Ids,
    /// How images behave.
    pub catalogue: &'a Catalogue,
    /// How the registries answer.
    pub registry: &'a Registry,
    /// The host.
    pub host: HostId,
    /// The host's size and name.
    pub description: &'a NodeDescription,
    /// The node's id.
    pub node_id: Id,
    /// Nothing more can be written to the disk.
    pub disk_full: bool,
    /// The daemon runs, and starts again what is to be started again.
    pub daemon: bool,
}

impl Engine {
    /// The container of a task.
    pub fn container_of(&self, task: TaskKey) -> Option<&Container> {
        self.containers.get(self.by_task.get(&task)?)
    }

    /// The agent asks for something.
    pub fn act(&mut self, action: Action, around: &mut Surroundings<'_>, out: &mut EngineOutbox) {
        match action {
            Action::Prepare { task, operation } => {
                let key = task.key;
                match self.provision.admit(task, operation, around.now) {
                    Some(task) => self.prepare(task, operation, around, out),
                    None => {
                        let alarm = EngineAlarm::Attached(key, operation);
                        out.alarms.push((around.now + ATTACHMENT_TIMEOUT, alarm));
                    }
                }
            }
            Action::Attach(attachments) => {
                for (at, task, operation) in self.provision.attach(attachments, around.now) {
                    out.alarms.push((at, EngineAlarm::Attached(task, operation)));
                }
            }
            Action::Provide { complete, files, gone } => self.provision.provide(complete, files, &gone),
            Action::Start { task, operation } => self.start_task(&task, operation, around, out),
            Action::Wait { task, operation } => self.wait(task, operation, out),
            Action::Stop { task, operation } => self.stop_task(&task, operation, around, out),
            Action::Cancel { task } => self.cancel(task),
            Action::Remove { task } => self.remove_task(&task, around, out),
        }
    }

    /// An alarm of a container.
    pub fn alarm(&mut self, alarm: EngineAlarm, around: &mut Surroundings<'_>, out: &mut EngineOutbox) {
        match alarm {
            EngineAlarm::Attached(task, operation) => match self.provision.look(task, operation, around.now) {
                Some((task, true)) => self.prepare(task, operation, around, out),
                Some((task, false)) => {
                    out.outcomes.push((task.key, operation, Outcome::Refused(NO_ATTACHMENT.into())));
                }
                None => {}
            },
            EngineAlarm::Pulled(task, operation) => self.pulled(task, operation, around, out),
            EngineAlarm::ClientPulled(number) => self.client_pulled(number, around, out),
            EngineAlarm::Prepared(task, operation) => {
                if self.preparing.get(&task).is_some_and(|(current, _)| *current == operation) {
                    let (_, task) = self.preparing.remove(&task).expect("looked up just now");
                    let outcome = match limits::refused(&task.spec.api, around.description) {
                        None => Outcome::Prepared(self.create(&task, around, out)),
                        Some(err) => Outcome::Refused(err.into()),
                    };
                    out.outcomes.push((task.key, operation, outcome));
                }
            }
            EngineAlarm::Started(id, stamp) => self.started(id, stamp, around, out),
            EngineAlarm::Ended(id, stamp) => self.ended(id, stamp, around, out),
            EngineAlarm::Health(id, stamp) => self.health_changes(id, stamp, around, out),
            EngineAlarm::Again(id, stamp) => self.again(id, stamp, around, out),
            EngineAlarm::Gone(id) => self.gone(id, around, out),
            EngineAlarm::Made(number) => self.made(number, around, out),
            EngineAlarm::Writes(id) => self.writes(id, around, out),
            // What it does depends on more than this host: the host looks first.
            EngineAlarm::Exec(_) | EngineAlarm::EventsOver => {}
            EngineAlarm::ExecDone(number) => self.exec_done(number, around, out),
        }
    }

    fn meant(&mut self, id: ContainerId, stamp: u32) -> Option<&mut Container> {
        self.containers.get_mut(&id).filter(|container| container.stamp == stamp)
    }

    fn create(&mut self, task: &Arc<Task>, around: &mut Surroundings<'_>, out: &mut EngineOutbox) -> ContainerId {
        let id = around.ids.container(task.id);
        let behaviour = around.catalogue.behaviour(&task.spec.image);
        let program = Program::of(&behaviour, &task.spec.api.container_spec);
        let name = format!("{}.{}", task.name(), task.id).into();
        let owner = Owner::Task(task.clone());
        let mut container = Container::new(id, name, &task.spec.image, behaviour, program, owner, around.node_id);
        (container.created_at, container.created_stamp) = (around.now, around.now + self.ahead);
        container.state_stamp = container.created_stamp;
        container.files = self.provision.mounted(task);
        happen::container(&container, "create", &[], self.ahead, around, out);
        self.containers.insert(id, container);
        self.by_task.insert(task.key, id);
        id
    }

    fn start_task(&mut self, task: &Arc<Task>, operation: u32, around: &Surroundings<'_>, out: &mut EngineOutbox) {
        let Some(&id) = self.by_task.get(&task.key) else {
            let err = format!("No such container: {}.{}", task.name(), task.id);
            out.outcomes.push((task.key, operation, Outcome::StartFailed(err.into())));
            return;
        };
        let container = &self.containers[&id];
        match container.state {
            ContainerState::Exited { code, .. } => out.outcomes.push((task.key, operation, exit(code, false))),
            ContainerState::Running { .. } => {
                self.starting.insert(id, Waiting { task: task.key, operation });
                self.answer_start(id, out);
            }
            ContainerState::Created | ContainerState::Starting => {
                self.starting.insert(id, Waiting { task: task.key, operation });
                if container.state == ContainerState::Created {
                    self.begin_start(id, around, out);
                }
            }
        }
    }

    fn wait(&mut self, task: TaskKey, operation: u32, out: &mut EngineOutbox) {
        match self.by_task.get(&task).and_then(|id| self.containers.get(id)) {
            Some(Container { state: ContainerState::Exited { code, .. }, .. }) => {
                out.outcomes.push((task, operation, exit(*code, false)));
            }
            Some(container) => {
                self.waiting.insert(container.id, Waiting { task, operation });
            }
            // Removed behind the swarm's back: the real engine reports a container that ended by SIGKILL.
            None => out.outcomes.push((task, operation, exit(137, false))),
        }
    }

    fn stop_task(&mut self, task: &Arc<Task>, operation: u32, around: &Surroundings<'_>, out: &mut EngineOutbox) {
        self.cancel(task.key);
        self.give_up_pull(task);
        let Some(&id) = self.by_task.get(&task.key) else {
            out.outcomes.push((task.key, operation, Outcome::Stopped { code: 0 }));
            return;
        };
        match self.containers[&id].state {
            ContainerState::Exited { code, .. } => {
                // It ended before the word to stop came: the task shows how, not that it was told to.
                out.outcomes.push((task.key, operation, exit(code, false)));
            }
            ContainerState::Created => out.outcomes.push((task.key, operation, Outcome::Stopped { code: 0 })),
            ContainerState::Running { .. } | ContainerState::Starting => {
                self.stopping.insert(id, Waiting { task: task.key, operation });
                self.begin_stop(id, gossip_pause(task), task.spec.stop_grace_period, None, around, out);
            }
        }
    }

    fn cancel(&mut self, task: TaskKey) {
        self.provision.cancel(task);
        if let Some((_, prepared)) = self.preparing.remove(&task) {
            self.provision.leave(&prepared);
        }
        self.starting.retain(|_, waiting| waiting.task != task);
        self.waiting.retain(|_, waiting| waiting.task != task);
    }

    fn remove_task(&mut self, task: &Arc<Task>, around: &Surroundings<'_>, out: &mut EngineOutbox) {
        self.cancel(task.key);
        self.give_up_pull(task);
        let Some(&id) = self.by_task.get(&task.key) else { return };
        self.stopping.remove(&id);
        match self.containers[&id].state {
            ContainerState::Running { .. } | ContainerState::Starting => {
                self.condemned.insert(id);
                self.begin_stop(id, Duration::ZERO, task.spec.stop_grace_period, None, around, out);
            }
            _ => self.delete(id, around, out),
        }
    }

    fn delete(&mut self, id: ContainerId, around: &Surroundings<'_>, out: &mut EngineOutbox) {
        if let Some(container) = self.containers.remove(&id) {
            self.bridges.release(id);
            happen::container(&container, "destroy", &[], self.ahead, around, out);
            if let Some(task) = container.task() {
                self.provision.take_down(task);
                if self.by_task.get(&task.key) == Some(&id) {
                    self.by_task.remove(&task.key);
                }
            }
            self.farewell(&container, around, out);
        }
        self.condemned.remove(&id);
    }

    /// An agent has told a container to stop.
    pub fn is_stopping(&self, id: ContainerId) -> bool {
        self.stopping.contains_key(&id)
    }

    /// Whether the image is in use by some container: the newest of them.
    pub fn user_of(&self, reference: &str) -> Option<&Container> {
        let uses = |container: &&Container| canonical(&container.image) == reference;
        self.containers.values().filter(uses).max_by_key(|container| (container.created_at, container.id))
    }

    /// Nothing is done for tasks any more.
    fn forget_swarm(&mut self) {
        self.provision.forget_daemon();
        self.preparing.clear();
        self.pull_errors.clear();
        self.starting.clear();
        self.waiting.clear();
        self.stopping.clear();
        self.close_logs();
    }

    /// The daemon's process is gone: nothing is waited for any more, preparations are lost, nobody probes. Containers live
    /// on, also those that it was about to kill.
    pub fn forget_daemon(&mut self) {
        self.provision.forget_daemon();
        self.preparing.clear();
        self.making.clear();
        self.pulls.clear();
        self.pull_errors.clear();
        self.client_pulls.clear();
        self.starting.clear();
        self.waiting.clear();
        self.stopping.clear();
        self.condemned.clear();
        self.close_logs();
        for container in self.containers.values_mut() {
            if let Some(own) = container.own_mut() {
                own.again = None;
            }
            container.unhealthy = false;
            container.health_stamp += 1;
            if let Some(health) = &mut container.health {
                health.unwatch();
            }
        }
    }

    /// The clients that wait for a container or an image: whoever asks must answer them.
    pub fn take_clients(&mut self) -> Vec<(ClientId, u64)> {
        let own = self.take_own_clients();
        let pulls = std::mem::take(&mut self.client_pulls).into_values().map(|(client, number, _)| (client, number));
        let waiting = std::mem::take(&mut self.clients).into_values().flatten();
        pulls.chain(waiting.map(|waiting| (waiting.client, waiting.number))).chain(own).collect()
    }

    /// How long a daemon that starts needs to stop what its predecessor left running.
    pub fn stop_leftovers(&self) -> Duration {
        let grace = Duration::from_secs(10);
        let running = self.containers.values().filter(|container| container.runs());
        running.map(|container| leftover(container, grace).0).max().unwrap_or(Duration::ZERO)
    }

    /// The leftovers have been stopped by the daemon that starts: those that heed the signal in their own way, others were
    /// killed.
    pub fn end_leftovers(&mut self, around: &Surroundings<'_>, out: &mut EngineOutbox) {
        let grace = Duration::from_secs(10);
        let running: Vec<_> = self
            .containers
            .values()
            .filter(|container| matches!(container.state, ContainerState::Running { .. } | ContainerState::Starting))
            .map(|container| (container.id, leftover(container, grace).1))
            .collect();
        for (id, code) in running {
            self.end(id, code, around, out);
        }
    }

    /// The power is cut: everything ends at once, and nobody sees it. Docker shows 255 for such containers later.
    pub fn power_cut(&mut self, now: Time) {
        self.forget_daemon();
        self.provision = Provision::default();
        let shown = now + self.ahead;
        for container in self.containers.values_mut() {
            if matches!(container.state, ContainerState::Running { .. } | ContainerState::Starting) {
                (container.state, container.state_stamp) = (ContainerState::Exited { code: 255, at: now }, shown);
                container.stamp += 1;
                (container.paused, container.fate, container.own_fate) = (None, None, None);
            }
        }
        self.bridges.release_all();
    }

    /// The node leaves its swarm: its tasks' containers go at once.
    pub fn remove_all(&mut self, around: &Surroundings<'_>, out: &mut EngineOutbox) {
        let of_tasks = self.containers.values().filter(|container| container.task().is_some());
        let all: Vec<_> = of_tasks.map(|container| container.id).collect();
        self.forget_swarm();
        for id in all {
            self.remove(id, around, out);
        }
        self.provision = Provision::default();
    }

    fn next_number(&mut self) -> u32 {
        self.numbers += 1;
        self.numbers
    }
}

/// How long a container takes to be stopped by a daemon that finds it, and its code.
fn leftover(container: &Container, grace: Duration) -> (Duration, i32) {
    match container.program.ended_by(container.stop_signal()) {
        Some((after, code)) if after <= grace => (after, code),
        _ => (grace + KILL, 137),
    }
}

/// What is left for the word to spread that a task's addresses are no longer its.
fn gossip_pause(task: &Task) -> Duration {
    // Whoever is on the host's own default bridge alone is in nobody's tables.
    let known = task.networks.iter().any(|place| &**place.network.name() != "bridge");
    if known || task.ports.iter().any(|port| port.ingress) { GOSSIP_PAUSE } else { Duration::ZERO }
}

fn exit(code: i32, unhealthy: bool) -> Outcome {
    let detail = if unhealthy && code != 0 { ": dockerexec: unhealthy container" } else { "" };
    Outcome::Exited { code, detail }
}

#[cfg(test)]
mod tests;
