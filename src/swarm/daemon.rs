//! The daemon of one host: what answers the Engine API there.
//!
//! What concerns the host (containers, images, info) it answers itself. What concerns the swarm only the leader can do:
//! a manager's daemon hands it on, waits for a leader where there is none, and gives up after 20 s; a worker's refuses.
//!
//! Source: raft-and-security.md §1.5, §4.2; cli.md §3.4, §5.1, §5.7, §5.8.

pub mod bridge;
mod call;
mod checks;
mod containers;
mod credentials;
mod directory;
pub mod engine;
pub mod events;
pub mod health;
pub mod image;
mod images;
mod info;
pub mod inside;
mod limits;
mod line;
mod membership;
mod mounts;
mod networks;
pub mod program;
pub mod provision;
mod recover;
pub mod registry;
mod role;
mod service_logs;
pub mod volumes;

pub use call::{Call, CallAlarm};
pub use credentials::NotStarted;
pub use engine::{Container, ContainerState, Engine, EngineAlarm, EngineOutbox, Happened, Surroundings};
pub use events::EventLog;
pub use role::{RoleAlarm, RoleChange};
pub use service_logs::LogStream;

use crate::swarm::api::{Answer, ApiError, Failure, NoAnswer, Request, Response, Version};
use crate::swarm::world::event::{ClientId, ControlRequest};
use crate::swarm::world::{DaemonState, Env, Host};
use std::sync::Arc;

const NOT_IN_SWARM: &str = "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this node to swarm and try again.";
const PREPARED: &str =
    "This node is not a swarm manager. Manager is being prepared or has trouble connecting to the cluster.";
const NOT_A_MANAGER: &str = "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state. Please run this command on a manager node or promote the current node to a manager.";

impl Host {
    /// A client's request has reached this host.
    pub fn api_request(&mut self, client: ClientId, number: u64, request: &Arc<Request>, env: &mut Env) {
        match self.daemon {
            DaemonState::Running if self.serves => {}
            // A host that is off has no terminal either; whoever still asks finds nothing.
            DaemonState::Off | DaemonState::Stopped => {
                return env.answer(client, number, Err(Failure::NoAnswer(NoAnswer::NoSocket)));
            }
            // The socket is there before the daemon answers on it: whoever asks waits.
            DaemonState::Starting | DaemonState::Running => return self.early.push((client, number, request.clone())),
            DaemonState::Killed => {
                return env.answer(client, number, Err(Failure::NoAnswer(NoAnswer::Refused)));
            }
        }
        if self.api_later(client, number, request, env) {
            return;
        }
        match self.api_here(request, env) {
            Some(answer) => env.answer(client, number, answer),
            None => self.api_swarm(client, number, request, env),
        }
    }

    /// What the host answers by itself.
    fn api_here(&mut self, request: &Request, env: &mut Env) -> Option<Answer> {
        Some(match request {
            Request::Version => Ok(Response::Version(Arc::new(Version {
                version: "29.7.2".into(),
                api_version: "1.55".into(),
                min_api_version: "1.40".into(),
            }))),
            Request::Info if self.manager.is_none() => Ok(Response::Info(Arc::new(self.info(None, env)))),
            Request::ContainerList { all, limit, filters } => self.container_list(*all, *limit, filters, env),
            Request::ContainerInspect(id) => self.container_inspect(id, env),
            Request::ContainerPause(id) => self.container_pause(id, env),
            Request::ContainerUnpause(id) => self.container_unpause(id, env),
            Request::ContainerRename { id, name } => self.container_rename(id, name, env),
            Request::ContainerTop { options, .. } if !options.is_empty() && options != &["-ef"] => {
                Err(ApiError::new(501, "swarmlab: docker top with options of ps is not modelled yet").into())
            }
            Request::ContainerTop { id, .. } => self.container_top(id),
            Request::ContainerPrune(filters) => self.container_prune(filters, env),
            Request::ImageInspect(name) => self.image_inspect(name, env),
            Request::NetworkConnect { container, endpoint } => self.network_connect(container, endpoint, env),
            Request::NetworkDisconnect { network, container, .. } => self.network_disconnect(network, container, env),
            Request::VolumeCreate(wanted) => self.volume_create(wanted, env),
            Request::VolumeList(filters) => self.volume_list(filters),
            Request::VolumeInspect(name) => self.volume_inspect(name),
            Request::VolumeRemove { name, force } => self.volume_remove(name, *force, env),
            Request::VolumePrune(filters) => self.volume_prune(filters, env),
            Request::ImageList => self.image_list(env),
            Request::ImageRemove { name, force } => self.image_remove(name, *force, env),
            Request::ContainerKill { id, signal } => self.container_kill(id, signal.as_deref(), env),
            Request::ContainerLogs { id, options } => self.container_logs(id, options, env),
            _ => return None,
        })
    }

    /// What the host does by itself and answers when it is done; says whether it is such a thing.
    fn api_later(&mut self, client: ClientId, number: u64, request: &Request, env: &mut Env) -> bool {
        let refused = match request {
            Request::ContainerStop { id, timeout, signal } => {
                self.container_stop(id, *timeout, signal.as_deref(), (client, number, false), env)
            }
            Request::ContainerRestart { id, timeout, signal } => {
                self.container_stop(id, *timeout, signal.as_deref(), (client, number, true), env)
            }
            Request::ContainerRemove { id, force } => self.container_remove(id, *force, (client, number), env),
            Request::ContainerStart(id) => self.container_start(id, client, number, env),
            Request::ContainerCreate(order) => self.container_create(order, client, number, env),
            Request::ContainerWait { id, removed } => self.container_wait(id, *removed, (client, number), env),
            Request::ContainerAttach { id, seen, start } => {
                self.container_attach(id, *seen, *start, (client, number), env)
            }
            Request::ContainerExec(request) => self.container_exec(request, (client, number), env),
            Request::Events(wanted) => {
                self.events_wanted(client, number, wanted.clone(), env);
                Ok(())
            }
            Request::ImagePull(name) => {
                self.engine_do(env, |engine, around, out| engine.pull_for(client, number, name, around, out));
                Ok(())
            }
            _ => return false,
        };
        if let Err(error) = refused {
            env.answer(client, number, Err(error.into()));
        }
        true
    }

    /// What concerns the swarm.
    fn api_swarm(&mut self, client: ClientId, number: u64, request: &Arc<Request>, env: &mut Env) {
        if !self.waits_in_line(client, number, request) {
            self.api_swarm_now(client, number, request, env);
        }
    }

    /// The same when it need not wait.
    fn api_swarm_now(&mut self, client: ClientId, number: u64, request: &Arc<Request>, env: &mut Env) {
        match &**request {
            Request::SwarmInit(init) => return self.swarm_init(client, number, init, env),
            Request::SwarmJoin(join) => return self.swarm_join(client, number, join, env),
            Request::SwarmUnlock { key } => return self.swarm_unlock(client, number, key, env),
            Request::SwarmLeave { force } => return self.swarm_leave(client, number, *force, env),
            Request::NetworkList(_)
            | Request::NetworkInspect { .. }
            | Request::NetworkCreate(_)
            | Request::NetworkRemove(_)
            | Request::NetworkPrune(_) => return self.network_request(client, number, request, env),
            _ => {}
        }
        if self.manager.is_none() {
            if self.held_while_stopping(client, number) {
                return;
            }
            return env.answer(client, number, Err(ApiError::new(503, self.no_manager()).into()));
        }
        if let Request::ServiceLogs { .. } | Request::ServiceLogsNext(_) | Request::ServiceLogsLeave(_) = &**request {
            return self.service_logs(client, number, request, env);
        }
        let (request, warnings) = registry::resolve(request, self.id, env);
        let request = match request {
            Request::Info => ControlRequest::Info,
            other => ControlRequest::Api(other),
        };
        self.call_start(client, number, Arc::new(request), warnings, env);
    }

    /// Why a host that is no manager cannot do what only a manager can. A swarm that could not be started is none.
    fn no_manager(&self) -> &'static str {
        match (&self.not_started, &self.disk.node) {
            // An engine whose swarm part has ended speaks as if it were in none.
            _ if self.has_ended() => NOT_IN_SWARM,
            (Some(NotStarted::Locked), _) => credentials::LOCKED,
            (Some(NotStarted::Failed(_)), _) | (None, None) => NOT_IN_SWARM,
            (None, Some(_)) if self.role.is_joining() => PREPARED,
            (None, Some(_)) => NOT_A_MANAGER,
        }
    }
}
