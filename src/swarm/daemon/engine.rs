//! The container engine of one host: images and containers, whoever asked for them.
//!
//! Containers belong to the host, not to the daemon's process: they live on when dockerd is killed (the shims hold them)
//! and are stopped by the daemon that starts next. A power cut ends them all.
//!
//! Source: control-plane.md §2.1, §2.4; cli.md §5.8; the recordings' README on kills.

use super::bridge::Bridges;
use super::image::{Catalogue, ImageBehaviour, canonical, repository, without_digest};
use super::provision::{ATTACHMENT_TIMEOUT, MountedFile, NO_ATTACHMENT, Provision};
use crate::engine::{Duration, Seed, Time};
use crate::swarm::agent::{Action, Outcome};
use crate::swarm::component::Ids;
use crate::swarm::object::{ContainerId, Id, Task, TaskKey};
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
    /// Image pulled, container created.
    Prepared(TaskKey, u32),
    /// Process started.
    Started(ContainerId, u32),
    /// Process ended by itself.
    Ended(ContainerId, u32),
    /// Process stopped as told, or was killed.
    Stopped(ContainerId, u32),
}

/// A container.
#[derive(Clone, Debug)]
pub struct Container {
    /// Its id.
    pub id: ContainerId,
    /// Its name: `web.1.<task id>`.
    pub name: Arc<str>,
    /// As in the spec.
    pub image: Arc<str>,
    /// How its image behaves.
    pub behaviour: Arc<ImageBehaviour>,
    /// The task that it belongs to.
    pub task: Arc<Task>,
    /// When it was created.
    pub created_at: Time,
    /// What the host's clock showed then: what the engine writes down and `docker ps` tells.
    pub created_stamp: Time,
    /// What it does.
    pub state: ContainerState,
    /// What the host's clock showed when its process last started or ended.
    pub state_stamp: Time,
    /// Its environment's and the swarm's labels come from the task; who else knows of its node.
    pub node_id: Id,
    /// Secrets and configs in it.
    pub files: Arc<[MountedFile]>,
    /// Grows with every operation: alarms of older ones are void.
    stamp: u32,
}

/// What a container does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContainerState {
    /// Made, not started.
    Created,
    /// Being started.
    Starting,
    /// Runs.
    Running {
        /// Since when.
        since: Time,
    },
    /// Ended.
    Exited {
        /// With this code.
        code: i32,
        /// When.
        at: Time,
    },
}

impl Container {
    /// It has a process.
    pub fn runs(&self) -> bool {
        matches!(self.state, ContainerState::Running { .. })
    }
}

/// Someone who waits for the end of an operation.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    task: TaskKey,
    operation: u32,
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
    starting: BTreeMap<ContainerId, Waiting>,
    waiting: BTreeMap<ContainerId, Waiting>,
    stopping: BTreeMap<ContainerId, Waiting>,
    /// To be removed as soon as they have stopped.
    condemned: BTreeSet<ContainerId>,
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
    /// For the trace: containers that started, or ended with a code.
    pub started: Vec<Arc<str>>,
    /// For the trace.
    pub ended: Vec<(Arc<str>, i32)>,
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
    /// The registry answers.
    pub registry: bool,
    /// So much longer takes every pull.
    pub registry_delay: Duration,
    /// The node's id.
    pub node_id: Id,
    /// Nothing more can be written to the disk.
    pub disk_full: bool,
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
            Action::Start { task, operation } => self.start(&task, operation, around, out),
            Action::Wait { task, operation } => self.wait(task, operation, out),
            Action::Stop { task, operation } => self.stop_task(&task, operation, around, out),
            Action::Cancel { task } => self.cancel(task),
            Action::Remove { task } => self.remove_task(&task, around, out),
        }
    }

    fn prepare(&mut self, task: Arc<Task>, operation: u32, around: &mut Surroundings<'_>, out: &mut EngineOutbox) {
        let image = task.spec.image.clone();
        let behaviour = around.catalogue.behaviour(&image);
        let reference = canonical(&image);
        let mut takes = Duration::ZERO;
        if around.disk_full {
            let place = match self.images.contains(&reference) {
                true => "mkdir /var/lib/docker/containers",
                false => "write /var/lib/containerd/io.containerd.content.v1.content/ingest",
            };
            let err = format!("{place}: no space left on device");
            out.outcomes.push((task.key, operation, Outcome::Refused(err.into())));
            return;
        }
        if !self.images.contains(&reference) {
            if !around.registry {
                let name = repository(without_digest(&reference)).trim_start_matches("docker.io/").to_owned();
                let tag = reference.rsplit(':').next().unwrap_or("latest");
                let err = format!(
                    "failed to resolve reference \"{reference}\": failed to do request: Head \"https://registry-1.docker.io/v2/{name}/manifests/{tag}\": dial tcp: lookup registry-1.docker.io: network is unreachable"
                );
                out.outcomes.push((task.key, operation, Outcome::Temporary(err.into())));
                return;
            }
            if behaviour.missing {
                let err = format!("failed to resolve reference \"{reference}\": {reference}: not found");
                out.outcomes.push((task.key, operation, Outcome::Refused(err.into())));
                return;
            }
            takes += behaviour.pull + around.registry_delay;
        }
        let key = around.seed.key("container.create", &task.id.0);
        takes += CREATE + Duration::from_nanos(key.below(u64::from(operation), CREATE.as_nanos() as u64) as i64);
        out.alarms.push((around.now + takes, EngineAlarm::Prepared(task.key, operation)));
        self.preparing.insert(task.key, (operation, task));
    }

    fn start(&mut self, task: &Arc<Task>, operation: u32, around: &mut Surroundings<'_>, out: &mut EngineOutbox) {
        let Some(&id) = self.by_task.get(&task.key) else {
            let err = format!("No such container: {}.{}", task.name(), task.id);
            out.outcomes.push((task.key, operation, Outcome::StartFailed(err.into())));
            return;
        };
        let container = self.containers.get_mut(&id).expect("the index of tasks follows the containers");
        match container.state {
            ContainerState::Running { .. } => {
                self.starting.insert(id, Waiting { task: task.key, operation });
                self.answer_start(id, out);
            }
            ContainerState::Exited { code, .. } => {
                out.outcomes.push((task.key, operation, exit(code)));
            }
            ContainerState::Created | ContainerState::Starting => {
                self.starting.insert(id, Waiting { task: task.key, operation });
                if container.state == ContainerState::Created {
                    container.state = ContainerState::Starting;
                    container.stamp += 1;
                    // A fifth more or less, as machines are.
                    let base = container.behaviour.start.as_nanos().max(0);
                    let key = around.seed.key("container.start", &task.id.0);
                    let spread = key.below(u64::from(container.stamp), (base / 5 * 2).max(1) as u64) as i64;
                    let takes = Duration::from_nanos(base - base / 5 + spread);
                    out.alarms.push((around.now + takes, EngineAlarm::Started(id, container.stamp)));
                }
            }
        }
    }

    fn answer_start(&mut self, id: ContainerId, out: &mut EngineOutbox) {
        let Some(container) = self.containers.get(&id) else { return };
        // A container whose health check never succeeds runs, and its task stays "starting".
        if container.behaviour.never_ready {
            return;
        }
        if let Some(waiting) = self.starting.remove(&id) {
            out.outcomes.push((waiting.task, waiting.operation, Outcome::Started));
        }
    }

    fn wait(&mut self, task: TaskKey, operation: u32, out: &mut EngineOutbox) {
        match self.by_task.get(&task).and_then(|id| self.containers.get(id)) {
            Some(Container { state: ContainerState::Exited { code, .. }, .. }) => {
                out.outcomes.push((task, operation, exit(*code)));
            }
            Some(container) => {
                self.waiting.insert(container.id, Waiting { task, operation });
            }
            // Removed behind the swarm's back: the real engine reports a container that ended by SIGKILL.
            None => out.outcomes.push((task, operation, exit(137))),
        }
    }

    fn stop_task(&mut self, task: &Arc<Task>, operation: u32, around: &mut Surroundings<'_>, out: &mut EngineOutbox) {
        self.cancel(task.key);
        let Some(&id) = self.by_task.get(&task.key) else {
            out.outcomes.push((task.key, operation, Outcome::Stopped { code: 0 }));
            return;
        };
        let container = &self.containers[&id];
        match container.state {
            ContainerState::Exited { code, .. } => {
                // It ended before the word to stop came: the task shows how, not that it was told to.
                out.outcomes.push((task.key, operation, exit(code)));
            }
            ContainerState::Created => out.outcomes.push((task.key, operation, Outcome::Stopped { code: 0 })),
            ContainerState::Running { .. } | ContainerState::Starting => {
                self.stopping.insert(id, Waiting { task: task.key, operation });
                // Its backends are taken out of the tables of all networks but the host's own default one.
                let known = task.networks.iter().any(|place| &**place.network.name() != "bridge");
                let pause = if known { GOSSIP_PAUSE } else { Duration::ZERO };
                self.begin_stop(id, pause, task.spec.stop_grace_period, around, out);
            }
        }
    }

    fn begin_stop(
        &mut self,
        id: ContainerId,
        pause: Duration,
        grace: Duration,
        around: &Surroundings<'_>,
        out: &mut EngineOutbox,
    ) {
        let container = self.containers.get_mut(&id).expect("callers have looked it up");
        let takes = container.behaviour.stop.map_or(grace + KILL, |stop| stop.min(grace + KILL));
        container.stamp += 1;
        out.alarms.push((around.now + pause + takes, EngineAlarm::Stopped(id, container.stamp)));
    }

    fn cancel(&mut self, task: TaskKey) {
        self.provision.cancel(task);
        if let Some((_, prepared)) = self.preparing.remove(&task) {
            self.provision.leave(&prepared);
        }
        self.starting.retain(|_, waiting| waiting.task != task);
        if let Some(id) = self.by_task.get(&task) {
            self.waiting.remove(id);
        }
    }

    fn remove_task(&mut self, task: &Arc<Task>, around: &mut Surroundings<'_>, out: &mut EngineOutbox) {
        self.cancel(task.key);
        let Some(&id) = self.by_task.get(&task.key) else { return };
        self.stopping.remove(&id);
        match self.containers[&id].state {
            ContainerState::Running { .. } | ContainerState::Starting => {
                self.condemned.insert(id);
                self.begin_stop(id, Duration::ZERO, task.spec.stop_grace_period, around, out);
            }
            _ => self.delete(id),
        }
    }

    fn delete(&mut self, id: ContainerId) {
        if let Some(container) = self.containers.remove(&id) {
            self.provision.take_down(&container.task);
            self.by_task.remove(&container.task.key);
        }
        self.condemned.remove(&id);
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
            EngineAlarm::Prepared(task, operation) => {
                if self.preparing.get(&task).is_some_and(|(current, _)| *current == operation) {
                    let (_, task) = self.preparing.remove(&task).expect("looked up just now");
                    let id = self.create(&task, around);
                    out.outcomes.push((task.key, operation, Outcome::Prepared(id)));
                }
            }
            EngineAlarm::Started(id, stamp) => {
                let shown = around.now + self.ahead;
                let Some(container) = self.meant(id, stamp) else { return };
                (container.state, container.state_stamp) = (ContainerState::Running { since: around.now }, shown);
                out.started.push(container.name.clone());
                if let Some(exit) = container.behaviour.exit {
                    out.alarms.push((around.now + exit.after, EngineAlarm::Ended(id, stamp)));
                }
                self.answer_start(id, out);
            }
            EngineAlarm::Ended(id, stamp) => {
                let Some(container) = self.meant(id, stamp) else { return };
                let code = container.behaviour.exit.map_or(0, |exit| exit.code);
                self.end(id, code, around.now, out);
            }
            EngineAlarm::Stopped(id, stamp) => {
                let Some(container) = self.meant(id, stamp) else { return };
                // Killed after the grace period, or gone as asked.
                let code = if container.behaviour.stop.is_some() { 0 } else { 137 };
                let task = container.task.clone();
                self.provision.take_down(&task);
                if let Some(waiting) = self.stopping.remove(&id) {
                    self.waiting.remove(&id);
                    out.outcomes.push((waiting.task, waiting.operation, Outcome::Stopped { code }));
                }
                self.end(id, code, around.now, out);
            }
        }
    }

    fn meant(&mut self, id: ContainerId, stamp: u32) -> Option<&mut Container> {
        self.containers.get_mut(&id).filter(|container| container.stamp == stamp)
    }

    fn create(&mut self, task: &Arc<Task>, around: &mut Surroundings<'_>) -> ContainerId {
        let id = around.ids.container(task.id);
        self.images.insert(canonical(&task.spec.image));
        let container = Container {
            id,
            name: format!("{}.{}", task.name(), task.id).into(),
            image: task.spec.image.clone(),
            behaviour: around.catalogue.behaviour(&task.spec.image),
            task: task.clone(),
            created_at: around.now,
            created_stamp: around.now + self.ahead,
            state: ContainerState::Created,
            state_stamp: around.now + self.ahead,
            node_id: around.node_id,
            files: self.provision.mounted(task),
            stamp: 0,
        };
        self.containers.insert(id, container);
        self.by_task.insert(task.key, id);
        id
    }

    /// A container's process ends with a code, whatever ended it.
    pub fn end(&mut self, id: ContainerId, code: i32, now: Time, out: &mut EngineOutbox) {
        let Some(container) = self.containers.get_mut(&id) else { return };
        if matches!(container.state, ContainerState::Exited { .. } | ContainerState::Created) {
            return;
        }
        (container.state, container.state_stamp) = (ContainerState::Exited { code, at: now }, now + self.ahead);
        container.stamp += 1;
        self.provision.leave(&container.task);
        out.ended.push((container.name.clone(), code));
        for waiting in [self.starting.remove(&id), self.waiting.remove(&id)].into_iter().flatten() {
            out.outcomes.push((waiting.task, waiting.operation, exit(code)));
        }
        if self.condemned.contains(&id) {
            self.delete(id);
        }
    }

    /// `docker rm -f`: killed and gone. Says whether it was there.
    pub fn remove(&mut self, id: ContainerId, now: Time, out: &mut EngineOutbox) {
        self.end(id, 137, now, out);
        self.delete(id);
    }

    /// `docker stop` and the stop of leftover containers: the stop signal, and SIGKILL after the grace period.
    pub fn stop(&mut self, id: ContainerId, grace: Duration, around: &Surroundings<'_>, out: &mut EngineOutbox) {
        if self.containers.get(&id).is_some_and(Container::runs) {
            self.begin_stop(id, Duration::ZERO, grace, around, out);
        }
    }

    /// How long a daemon that starts needs to stop what its predecessor left running, and what ends how.
    pub fn stop_leftovers(&self) -> Duration {
        let grace = Duration::from_secs(10);
        self.containers
            .values()
            .filter(|container| container.runs())
            .map(|container| container.behaviour.stop.map_or(grace + KILL, |stop| stop.min(grace + KILL)))
            .max()
            .unwrap_or(Duration::ZERO)
    }

    /// The daemon's process is gone: nothing is waited for any more, preparations are lost, containers live on.
    pub fn forget_daemon(&mut self) {
        self.provision.forget_daemon();
        self.preparing.clear();
        self.starting.clear();
        self.waiting.clear();
        self.stopping.clear();
        self.condemned.clear();
    }

    /// The leftovers have been stopped by the daemon that starts: SIGTERM-aware ones ended with 0, others were killed.
    pub fn end_leftovers(&mut self, now: Time, out: &mut EngineOutbox) {
        let running: Vec<_> = self
            .containers
            .values()
            .filter(|container| matches!(container.state, ContainerState::Running { .. } | ContainerState::Starting))
            .map(|container| (container.id, if container.behaviour.stop.is_some() { 0 } else { 137 }))
            .collect();
        for (id, code) in running {
            self.end(id, code, now, out);
        }
    }

    /// The power is cut: everything ends at once, and nobody sees it. Docker shows 255 for such containers later.
    pub fn power_cut(&mut self, now: Time) {
        self.forget_daemon();
        let mut unseen = EngineOutbox::default();
        let running: Vec<_> = self.containers.keys().copied().collect();
        for id in running {
            self.end(id, 255, now, &mut unseen);
        }
    }

    /// The node leaves its swarm: its containers go at once.
    pub fn remove_all(&mut self, now: Time, out: &mut EngineOutbox) {
        let all: Vec<_> = self.containers.keys().copied().collect();
        self.forget_daemon();
        for id in all {
            self.remove(id, now, out);
        }
        self.provision = Provision::default();
    }
}

fn exit(code: i32) -> Outcome {
    Outcome::Exited { code, detail: "" }
}
