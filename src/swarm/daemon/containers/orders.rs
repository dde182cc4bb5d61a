//! What people do to containers by hand: `docker rm`, `stop`, `kill`, `restart`, `start`, `pause`, `unpause`, `rename`. The
//! swarm notices some of it (cli.md §5.8; recording docker-29/12).

use crate::engine::Duration;
use crate::swarm::api::{Answer, ApiError, Response};
use crate::swarm::daemon::engine::WaitingClient;
use crate::swarm::daemon::program::signal;
use crate::swarm::object::ContainerId;
use crate::swarm::world::event::ClientId;
use crate::swarm::world::{Env, Host};

fn invalid_signal(text: &str) -> ApiError {
    ApiError::new(400, format!("invalid signal: {text}"))
}

impl Host {
    /// A removal; one that runs is killed first, and the client has its answer when it is gone.
    pub(in crate::swarm::daemon) fn container_remove(
        &mut self,
        name: &str,
        force: bool,
        client: (ClientId, u64),
        env: &mut Env,
    ) -> Result<(), ApiError> {
        let container = self.find_container(name)?;
        let (id, runs) = (container.id, container.runs());
        if runs && !force {
            let (state, hint) = match container.paused {
                Some(_) => ("paused", "unpause and then stop the container before removing or force remove"),
                None => ("running", "stop the container before removing or force remove"),
            };
            let text = format!("cannot remove container \"{name}\": container is {state}: {hint}");
            return Err(ApiError::new(409, text));
        }
        if container.is_restarting() && !force {
            let text = format!(
                "cannot remove container \"{name}\": container is restarting: stop the container before removing or force remove"
            );
            return Err(ApiError::new(409, text));
        }
        self.engine_do(env, |engine, around, out| engine.remove_for(id, client, around, out));
        Ok(())
    }

    /// A stop, or a stop with a start behind it: the client has its answer when it is done.
    pub(in crate::swarm::daemon) fn container_stop(
        &mut self,
        name: &str,
        timeout: Option<i64>,
        with: Option<&str>,
        (client, number, restart): (ClientId, u64, bool),
        env: &mut Env,
    ) -> Result<(), ApiError> {
        let id = self.find_container(name)?.id;
        let with = match with {
            None => None,
            Some(text) => Some(signal(text).ok_or_else(|| invalid_signal(text))?),
        };
        // A negative one waits for ever; a day is longer than any lab.
        let grace = match timeout.unwrap_or(10) {
            seconds if seconds < 0 => Duration::from_hours(24),
            seconds => Duration::from_secs(seconds.min(86_400)),
        };
        let waiting = WaitingClient { client, number, restart };
        self.engine_do(env, |engine, around, out| engine.stop_for(id, grace, with, waiting, around, out));
        Ok(())
    }

    pub(in crate::swarm::daemon) fn container_start(
        &mut self,
        name: &str,
        client: ClientId,
        number: u64,
        env: &mut Env,
    ) -> Result<(), ApiError> {
        let container = self.find_container(name)?;
        let (id, runs) = (container.id, container.runs());
        if !runs && let Err(error) = self.networks_of_own(container) {
            self.engine_do(env, |engine, around, out| engine.removed_with_end(id, around, out));
            return Err(error);
        }
        if container.paused.is_some() {
            return Err(ApiError::new(409, "cannot start a paused container, try unpause instead"));
        }
        if runs {
            env.answer(client, number, Ok(Response::Done));
        } else {
            let waiting = WaitingClient { client, number, restart: true };
            let none = Duration::ZERO;
            self.engine_do(env, |engine, around, out| engine.stop_for(id, none, None, waiting, around, out));
        }
        Ok(())
    }

    pub(in crate::swarm::daemon) fn container_kill(&mut self, name: &str, with: Option<&str>, env: &mut Env) -> Answer {
        let container = self.find_container(name)?;
        let id = container.id;
        if !container.runs() {
            let text = format!("cannot kill container: {name}: container {} is not running", id.text());
            return Err(ApiError::new(409, text).into());
        }
        let with = with.unwrap_or("KILL");
        let number = signal(with).ok_or_else(|| invalid_signal(with))?;
        self.engine_do(env, |engine, around, out| engine.signal(id, number, around, out));
        Ok(Response::Done)
    }

    /// The container of that name, which must have a process.
    fn with_process(&self, name: &str) -> Result<(ContainerId, bool), ApiError> {
        let container = self.find_container(name)?;
        match container.runs() {
            true => Ok((container.id, container.paused.is_some())),
            false => Err(ApiError::new(409, format!("container {} is not running", container.id.text()))),
        }
    }

    pub(in crate::swarm::daemon) fn container_pause(&mut self, name: &str, env: &mut Env) -> Answer {
        let (id, paused) = self.with_process(name)?;
        if paused {
            return Err(ApiError::new(409, format!("container {} is already paused", id.text())).into());
        }
        self.engine_do(env, |engine, around, out| engine.freeze(id, around, out));
        Ok(Response::Done)
    }

    pub(in crate::swarm::daemon) fn container_unpause(&mut self, name: &str, env: &mut Env) -> Answer {
        let container = self.find_container(name)?;
        let id = container.id;
        if container.paused.is_none() {
            return Err(ApiError::new(409, format!("Container {} is not paused", id.text())).into());
        }
        self.engine_do(env, |engine, around, out| engine.thaw(id, around, out));
        Ok(Response::Done)
    }

    pub(in crate::swarm::daemon) fn container_rename(&mut self, name: &str, to: &str, env: &mut Env) -> Answer {
        let id = self.find_container(name)?.id;
        let to = to.trim_start_matches('/');
        let first = |c: char| c.is_ascii_alphanumeric();
        let rest = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if to.len() < 2 || !to.starts_with(first) || !to.chars().all(rest) {
            let text = format!("Invalid container name ({to}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed");
            return Err(ApiError::new(400, text).into());
        }
        if let Some(other) = self.engine.containers.values().find(|container| &*container.name == to) {
            let text = match other.id == id {
                true => "Renaming a container with the same name as its current name".to_owned(),
                false => format!(
                    "Error when allocating new name: Conflict. The container name \"/{to}\" is already in use by container \"{}\". You have to remove (or rename) that container to be able to reuse that name.",
                    other.id.text()
                ),
            };
            return Err(ApiError::new(409, text).into());
        }
        let old = self.find_container(name)?.name.clone();
        self.engine_do(env, |engine, around, out| engine.rename(id, &old, to, around, out));
        Ok(Response::Done)
    }
}
