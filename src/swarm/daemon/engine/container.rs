//! A container of a host: whose it is, what runs in it, how it stands.
//!
//! Source: control-plane.md §2.1; cli.md §5.8.

use super::process::Fate;
use crate::engine::{Duration, Time};
use crate::swarm::api::{ContainerCreate, ContainerSpec, EndpointRequest, PortRequest, Resources};
use crate::swarm::daemon::health::Health;
use crate::swarm::daemon::image::ImageBehaviour;
use crate::swarm::daemon::program::{Program, TERM, signal};
use crate::swarm::daemon::provision::MountedFile;
use crate::swarm::object::{ContainerId, Generic, Id, Task};
use std::sync::Arc;

/// A container.
#[derive(Clone, Debug)]
pub struct Container {
    /// Its id.
    pub id: ContainerId,
    /// Its name: `web.1.<task id>`, or what its owner called it.
    pub name: Arc<str>,
    /// As in the spec.
    pub image: Arc<str>,
    /// How its image behaves.
    pub behaviour: Arc<ImageBehaviour>,
    /// What runs in it.
    pub program: Arc<Program>,
    /// Whose it is.
    pub owner: Owner,
    /// When it was created.
    pub created_at: Time,
    /// What the host's clock showed then: what the engine writes down and `docker ps` tells.
    pub created_stamp: Time,
    /// What it does.
    pub state: ContainerState,
    /// What that clock showed when its process last started or ended.
    pub state_stamp: Time,
    /// When it last started.
    pub started_at: Option<Time>,
    /// What the host's clock showed then.
    pub started_stamp: Option<Time>,
    /// It stands still since then (`docker pause`).
    pub paused: Option<Time>,
    /// The kernel killed it for its memory, the last time that it ended.
    pub oom_killed: bool,
    /// Why it could not be started.
    pub error: Option<Arc<str>>,
    /// How well it is, if that is checked and it has been started.
    pub health: Option<Box<Health>>,
    /// Its environment's and the swarm's labels come from the task; who else knows of its node.
    pub node_id: Id,
    /// Secrets and configs in it.
    pub files: Arc<[MountedFile]>,
    /// Grows with every operation: alarms of older ones are void.
    pub(super) stamp: u32,
    /// The same for alarms of its health.
    pub(super) health_stamp: u32,
    /// How its process would end by itself.
    pub(super) own_fate: Option<Fate>,
    /// How it ends as things stand.
    pub(super) fate: Option<Fate>,
    /// It is being stopped because its health check failed.
    pub(super) unhealthy: bool,
}

/// Whose a container is.
#[derive(Clone, Debug)]
pub enum Owner {
    /// A task's: Swarm's agent looks after it.
    Task(Arc<Task>),
    /// Of somebody who made it on this host: Swarm leaves it alone.
    User(Box<Own>),
}

/// A container that somebody made on its host.
#[derive(Clone, Debug)]
pub struct Own {
    /// What was asked for.
    pub order: Arc<ContainerCreate>,
    /// The networks that it is on when it runs; the first was given at its creation.
    pub endpoints: Vec<EndpointRequest>,
    /// Its published ports, with the numbers that they have while it runs.
    pub ports: Vec<PortRequest>,
    /// What is mounted into it: volumes by their names.
    pub mounts: Vec<crate::swarm::api::MountRequest>,
    /// How often its restart policy has started it again since somebody did.
    pub restarts: u32,
    /// So long its restart policy waits the next time.
    pub backoff: Duration,
    /// Somebody has stopped it by hand.
    pub stopped: bool,
    /// Its restart policy starts it then.
    pub again: Option<Time>,
    /// Its program is a command that is carried out as one typed at a shell inside would be.
    pub script: bool,
    /// What that wrote: to the errors or not, and the line.
    pub said: Arc<[(bool, Arc<str>)]>,
}

impl Own {
    /// Whether its restart policy wants it to run again after it has ended so.
    pub fn wants_restart(&self, code: i32) -> bool {
        match self.order.restart.as_str() {
            "always" => true,
            "unless-stopped" => !self.stopped,
            "on-failure" => code != 0 && (self.order.restart_limit == 0 || self.restarts < self.order.restart_limit),
            _ => false,
        }
    }
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
    /// One that is being made: its dates are set when it is.
    #[allow(clippy::too_many_arguments, reason = "what a container is made from")]
    pub fn new(
        id: ContainerId,
        name: Arc<str>,
        image: &str,
        behaviour: Arc<ImageBehaviour>,
        program: Program,
        owner: Owner,
        node_id: Id,
    ) -> Self {
        Self {
            id,
            name,
            image: image.into(),
            behaviour,
            program: Arc::new(program),
            owner,
            created_at: Time::ZERO,
            created_stamp: Time::ZERO,
            state: ContainerState::Created,
            state_stamp: Time::ZERO,
            started_at: None,
            started_stamp: None,
            paused: None,
            oom_killed: false,
            error: None,
            health: None,
            node_id,
            files: Arc::default(),
            stamp: 0,
            health_stamp: 0,
            own_fate: None,
            fate: None,
            unhealthy: false,
        }
    }

    /// It has a process.
    pub fn runs(&self) -> bool {
        matches!(self.state, ContainerState::Running { .. })
    }

    /// The task that it belongs to.
    pub fn task(&self) -> Option<&Arc<Task>> {
        match &self.owner {
            Owner::Task(task) => Some(task),
            Owner::User(_) => None,
        }
    }

    /// Its log driver keeps what it writes where it can be read.
    pub fn has_log(&self) -> bool {
        self.task().and_then(|task| task.log_driver.as_ref()).is_none_or(|driver| driver.name != "none")
    }

    /// What its owner asked for, where that is no task.
    pub fn own(&self) -> Option<&Own> {
        match &self.owner {
            Owner::Task(_) => None,
            Owner::User(own) => Some(own),
        }
    }

    pub(super) fn own_mut(&mut self) -> Option<&mut Own> {
        match &mut self.owner {
            Owner::Task(_) => None,
            Owner::User(own) => Some(own),
        }
    }

    /// What runs in it, as asked for.
    pub fn spec(&self) -> &ContainerSpec {
        match &self.owner {
            Owner::Task(task) => &task.spec.api.container_spec,
            Owner::User(own) => &own.order.spec,
        }
    }

    /// Its program's environment: what was asked for, and the generic resources that its task was given.
    pub fn env(&self) -> Vec<String> {
        let given = self.task().map(|task| Generic::environment(&task.assigned_generic));
        self.spec().env.iter().cloned().chain(given.into_iter().flatten()).collect()
    }

    /// What it may not exceed.
    pub fn limits(&self) -> Option<&Resources> {
        match &self.owner {
            Owner::Task(task) => task.spec.api.resources.as_ref().and_then(|resources| resources.limits.as_ref()),
            Owner::User(own) => Some(&own.order.limits),
        }
    }

    /// The process id of its program on the host.
    pub fn pid(&self) -> i64 {
        match &self.owner {
            Owner::Task(task) => 1000 + i64::from(task.key.0),
            Owner::User(_) => 2000 + i64::try_from(self.id.0 % 30_000).unwrap_or(0),
        }
    }

    /// Its hostname: its id's first 12 digits unless told otherwise.
    pub fn hostname(&self) -> String {
        match self.spec().hostname.as_str() {
            "" => self.id.text()[..12].to_owned(),
            name => name.to_owned(),
        }
    }

    /// Its program listens on a port.
    pub fn listens(&self, port: u32) -> bool {
        self.runs() && self.program.own && self.behaviour.listen.iter().any(|own| u32::from(*own) == port)
    }

    /// The labels that it carries, without the swarm's.
    pub fn labels(&self) -> &crate::swarm::api::Labels {
        &self.spec().labels
    }

    /// Its restart policy is about to start it again.
    pub fn is_restarting(&self) -> bool {
        self.own().is_some_and(|own| own.again.is_some())
    }

    /// The signal that asks it to stop.
    pub(super) fn stop_signal(&self) -> i32 {
        match self.spec().stop_signal.as_str() {
            "" => TERM,
            text => signal(text).unwrap_or(TERM),
        }
    }
}
