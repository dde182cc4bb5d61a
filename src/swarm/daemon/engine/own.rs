//! Containers that people make themselves: their creation, their restart policies, their end; who waits for them and who
//! sees what they write; and commands that run inside of containers.
//!
//! Source: moby `daemon/monitor.go` (restart manager: 100 ms, doubled up to a minute, begun anew after 10 s of life),
//! `daemon/exec.go`; cli.md §5.8.

use super::{
    CREATE, Container, ContainerState, Engine, EngineAlarm, EngineOutbox, Occurrence, Subject, Surroundings, happen,
};
use crate::engine::Duration;
use crate::swarm::agent::Outcome;
use crate::swarm::api::{ApiError, Attached, ExecRequest, Executed, Response};
use crate::swarm::daemon::program::KILL as KILL_SIGNAL;
use crate::swarm::object::ContainerId;
use crate::swarm::world::event::ClientId;
use std::sync::Arc;

/// The first pause of a restart policy.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Whoever lived so long begins anew.
const LONG_LIFE: Duration = Duration::from_secs(10);
/// A container that is removed while it runs is killed within so long.
const KILLED: Duration = Duration::from_millis(90);
/// From the end of a container to its removal, where that follows by itself.
const CLEAN_UP: Duration = Duration::from_millis(60);
/// From the order to the first step of a command inside a container.
const EXEC: Duration = Duration::from_millis(60);

/// A client that sees what a container writes.
#[derive(Clone, Copy, Debug)]
pub struct Attacher {
    pub(super) client: ClientId,
    pub(super) number: u64,
    /// Lines before this moment are known to it.
    pub(super) seen: u64,
}

/// A command that runs inside a container.
#[derive(Clone, Debug)]
pub struct Executing {
    /// Where.
    pub container: ContainerId,
    /// What.
    pub request: ExecRequest,
    /// It is the container's own program.
    pub main: bool,
    /// Who waits for its end.
    client: Option<(ClientId, u64)>,
    /// What came of it, before its time is over.
    result: Option<Arc<Executed>>,
}

impl Executing {
    /// Its id, 64 hex digits.
    fn id(&self, number: u32, around: &Surroundings<'_>) -> String {
        let key = around.seed.key("exec.id", &(self.container.0, number));
        format!("{:032x}{:032x}", key.at_u128(0), key.at_u128(1))
    }
}

impl Engine {
    /// A client asks for a container; it is answered when it is made.
    pub fn make_for(
        &mut self,
        client: ClientId,
        number: u64,
        container: Container,
        around: &Surroundings<'_>,
        out: &mut EngineOutbox,
    ) {
        let making = self.next_number();
        let key = around.seed.key("container.create.own", &container.id.0);
        let more = Duration::from_nanos(key.below(0, CREATE.as_nanos() as u64) as i64);
        out.alarms.push((around.now + (CREATE + more) / 4, EngineAlarm::Made(making)));
        self.making.insert(making, (client, number, Box::new(container)));
    }

    pub(super) fn made(&mut self, number: u32, around: &Surroundings<'_>, out: &mut EngineOutbox) {
        let Some((client, request, mut container)) = self.making.remove(&number) else { return };
        let id = container.id;
        (container.created_at, container.created_stamp) = (around.now, around.now + self.ahead);
        container.state_stamp = container.created_stamp;
        if let Some(own) = container.own() {
            for mount in own.mounts.iter().filter(|mount| mount.kind == "volume") {
                if self.volumes.add(&mount.source, around.now + self.ahead) {
                    let subject = Subject::Volume { action: "create", name: mount.source.clone(), container: None };
                    out.events.push(Occurrence { at: around.now + self.ahead, subject });
                }
            }
        }
        happen::container(&container, "create", &[], self.ahead, around, out);
        self.containers.insert(id, *container);
        out.answers.push((client, request, Ok(Response::ContainerCreated { id: id.text(), warnings: Vec::new() })));
    }

    /// A name is about to be given to a container that is being made.
    pub fn is_name_promised(&self, name: &str) -> Option<ContainerId> {
        self.making.values().find(|(_, _, container)| &*container.name == name).map(|(_, _, container)| container.id)
    }

    /// Tells of a container.
    pub(super) fn tell(
        &self,
        id: ContainerId,
        action: &'static str,
        around: &Surroundings<'_>,
        out: &mut EngineOutbox,
    ) {
        self.tell_with(id, action, &[], around, out);
    }

    pub(super) fn tell_with(
        &self,
        id: ContainerId,
        action: &'static str,
        more: &[(&'static str, &str)],
        around: &Surroundings<'_>,
        out: &mut EngineOutbox,
    ) {
        if let Some(container) = self.containers.get(&id) {
            happen::container(container, action, more, self.ahead, around, out);
        }
    }

    /// A start has failed: whoever wanted it is told why.
    pub(super) fn not_started(
        &mut self,
        id: ContainerId,
        error: &ApiError,
        around: &Surroundings<'_>,
        out: &mut EngineOutbox,
    ) {
        if let Some(waiting) = self.starting.remove(&id) {
            let err = format!("starting container failed: {}", error.message);
            out.outcomes.push((waiting.task, waiting.operation, Outcome::StartFailed(err.into())));
        }
        self.tell_clients(id, Err(error.clone()), out);
        for attacher in self.following.attachers.remove(&id).unwrap_or_default() {
            out.answers.push((attacher.client, attacher.number, Err(error.clone())));
        }
        self.removed_with_end(id, around, out);
    }

    /// A container's process has ended.
    pub(super) fn died(&mut self, id: ContainerId, code: i32, around: &Surroundings<'_>, out: &mut EngineOutbox) {
        let Some(container) = self.containers.get(&id) else { return };
        if container.oom_killed {
            happen::container(container, "oom", &[], self.ahead, around, out);
        }
        let lived = container.started_at.map_or(0, |started| (around.now - started).as_nanos() / 1_000_000_000);
        let more = [("execDuration", lived.to_string()), ("exitCode", code.to_string())];
        let more = [("execDuration", more[0].1.as_str()), ("exitCode", more[1].1.as_str())];
        happen::container(container, "die", &more, self.ahead, around, out);
        self.show(id, around.now, out);
        let (gone, ended): (Vec<_>, Vec<_>) =
            self.waiters.remove(&id).unwrap_or_default().into_iter().partition(|(_, _, removed)| *removed);
        if !gone.is_empty() {
            self.waiters.insert(id, gone);
        }
        for (client, number, _) in ended {
            out.answers.push((client, number, Ok(Response::ContainerEnded(code))));
        }
        let inside: Vec<u32> =
            self.executing.iter().filter(|(_, exec)| exec.container == id).map(|(number, _)| *number).collect();
        for number in inside {
            if let Some(Executing { client: Some((client, request)), .. }) = self.executing.remove(&number) {
                let killed = Executed { status: 137, ..Executed::default() };
                out.answers.push((client, request, Ok(Response::Executed(Arc::new(killed)))));
            }
        }
    }

    /// A restart policy does what it is for.
    pub(super) fn restart_by_policy(
        &mut self,
        id: ContainerId,
        code: i32,
        around: &Surroundings<'_>,
        out: &mut EngineOutbox,
    ) {
        let Some(container) = self.containers.get_mut(&id) else { return };
        let lived = container.started_at.map_or(Duration::ZERO, |started| around.now - started);
        let stamp = container.stamp;
        let Some(own) = container.own_mut() else { return };
        // Whoever stops it by hand while it runs means it, whatever its policy.
        if !around.daemon || own.stopped || !own.wants_restart(code) {
            return;
        }
        own.backoff = match own.backoff {
            Duration::ZERO => FIRST_PAUSE,
            _ if lived >= LONG_LIFE => FIRST_PAUSE,
            before => (before * 2).min(LONGEST_PAUSE),
        };
        own.restarts += 1;
        let at = around.now + own.backoff;
        own.again = Some(at);
        out.alarms.push((at, EngineAlarm::Again(id, stamp)));
    }

    pub(super) fn again(&mut self, id: ContainerId, stamp: u32, around: &Surroundings<'_>, out: &mut EngineOutbox) {
        let wanted =
            self.containers.get(&id).is_some_and(|container| container.stamp == stamp && container.is_restarting());
        if wanted && around.daemon {
            self.begin_start(id, around, out);
        }
    }

    /// The daemon has come up: what a restart policy wants to run is started, what was to go with its end goes.
    pub fn resume_own(&mut self, around: &Surroundings<'_>, out: &mut EngineOutbox) {
        let mut start = Vec::new();
        let mut gone = Vec::new();
        for container in self.containers.values() {
            let (Some(own), ContainerState::Exited { code, .. }) = (container.own(), container.state) else { continue };
            if own.order.auto_remove {
                gone.push(container.id);
            } else if own.wants_restart(code) && !(own.stopped && own.order.restart == "on-failure") {
                start.push(container.id);
            }
        }
        for id in gone {
            self.delete(id, around, out);
        }
        for id in start {
            self.begin_start(id, around, out);
        }
    }

    /// A container that is to go with its end goes a moment later.
    pub fn removed_with_end(&mut self, id: ContainerId, around: &Surroundings<'_>, out: &mut EngineOutbox) {
        let goes = self.containers.get(&id).is_some_and(|container| {
            container.own().is_some_and(|own| own.order.auto_remove)
                && matches!(container.state, ContainerState::Created | ContainerState::Exited { .. })
        });
        if goes && around.daemon {
            out.alarms.push((around.now + CLEAN_UP, EngineAlarm::Gone(id)));
        }
    }

    /// A client wants a container gone, whether it runs or not.
    pub fn remove_for(
        &mut self,
        id: ContainerId,
        client: (ClientId, u64),
        around: &Surroundings<'_>,
        out: &mut EngineOutbox,
    ) {
        if !self.containers.get(&id).is_some_and(Container::runs) {
            self.remove(id, around, out);
            return out.answers.push((client.0, client.1, Ok(Response::Done)));
        }
        self.condemned.insert(id);
        self.waiters.entry(id).or_default().push((client.0, client.1, true));
        self.tell_with(id, "kill", &[("signal", "9")], around, out);
        self.begin_stop(id, KILLED, Duration::ZERO, Some(KILL_SIGNAL), around, out);
    }

    /// One that was to be removed has ended: it goes a moment later if somebody waits for that.
    pub(super) fn condemned_ended(&mut self, id: ContainerId, around: &Surroundings<'_>, out: &mut EngineOutbox) {
        match self.waiters.get(&id) {
            Some(waiters) if waiters.iter().any(|(_, _, removed)| *removed) => {
                out.alarms.push((around.now + CLEAN_UP, EngineAlarm::Gone(id)));
            }
            _ => self.delete(id, around, out),
        }
    }

    pub(super) fn gone(&mut self, id: ContainerId, around: &Surroundings<'_>, out: &mut EngineOutbox) {
        let ended = self.containers.get(&id).is_some_and(|container| {
            matches!(container.state, ContainerState::Created | ContainerState::Exited { .. })
        });
        if ended && around.daemon {
            self.delete(id, around, out);
        }
    }

    /// A container is gone: whoever still waits for something of it is told.
    pub(super) fn farewell(&mut self, container: &Container, _around: &Surroundings<'_>, out: &mut EngineOutbox) {
        let code = match container.state {
            ContainerState::Exited { code, .. } => code,
            _ => 0,
        };
        for (client, number, _) in self.waiters.remove(&container.id).unwrap_or_default() {
            out.answers.push((client, number, Ok(Response::ContainerEnded(code))));
        }
        for attacher in self.following.attachers.remove(&container.id).unwrap_or_default() {
            let nothing = Attached { lines: Arc::default(), seen: attacher.seen, ended: Some(code) };
            out.answers.push((attacher.client, attacher.number, Ok(Response::Attached(nothing))));
        }
    }

    pub(super) fn take_own_clients(&mut self) -> Vec<(ClientId, u64)> {
        let waiters = std::mem::take(&mut self.waiters).into_values().flatten();
        let attachers = std::mem::take(&mut self.following.attachers).into_values().flatten();
        let making = std::mem::take(&mut self.making).into_values();
        let inside = std::mem::take(&mut self.executing).into_values().filter_map(|exec| exec.client);
        waiters
            .map(|(client, number, _)| (client, number))
            .chain(attachers.map(|attacher| (attacher.client, attacher.number)))
            .chain(making.map(|(client, number, _)| (client, number)))
            .chain(inside)
            .collect()
    }

    /// A client waits for a container's end, or for its being gone.
    pub fn wait_for(&mut self, id: ContainerId, client: ClientId, number: u64, removed: bool, out: &mut EngineOutbox) {
        let Some(container) = self.containers.get(&id) else { return };
        match container.state {
            ContainerState::Exited { code, .. } if !removed && !container.is_restarting() => {
                out.answers.push((client, number, Ok(Response::ContainerEnded(code))));
            }
            ContainerState::Created if !removed => {
                out.answers.push((client, number, Ok(Response::ContainerEnded(0))));
            }
            _ => self.waiters.entry(id).or_default().push((client, number, removed)),
        }
    }

    /// A client wants to see what a container writes, from its start on if it is started for that.
    #[allow(clippy::too_many_arguments, reason = "one order with all that it says")]
    pub fn attach_for(
        &mut self,
        id: ContainerId,
        client: ClientId,
        number: u64,
        seen: u64,
        start: bool,
        around: &Surroundings<'_>,
        out: &mut EngineOutbox,
    ) {
        self.following.attachers.entry(id).or_default().push(Attacher { client, number, seen });
        if start {
            self.tell(id, "attach", around, out);
            if let Some(own) = self.containers.get_mut(&id).and_then(Container::own_mut) {
                (own.stopped, own.restarts, own.backoff) = (false, 0, Duration::ZERO);
            }
            return self.begin_start(id, around, out);
        }
        self.show(id, around.now, out);
        self.show_later(id, around, out);
    }

    /// A container runs: if its program is carried out as a command inside, that begins; who looks on sees its first lines.
    pub(super) fn begin_main(&mut self, id: ContainerId, around: &Surroundings<'_>, out: &mut EngineOutbox) {
        let Some(container) = self.containers.get_mut(&id) else { return };
        if let Some(own) = container.own_mut().filter(|own| own.script) {
            own.said = Arc::default();
            let spec = &own.order.spec;
            let command = spec.command.iter().chain(&spec.args).cloned().collect();
            let request = ExecRequest { command, ..ExecRequest::default() };
            let exec = Executing { container: id, request, main: true, client: None, result: None };
            let number = self.next_number();
            self.executing.insert(number, exec);
            out.alarms.push((around.now + Duration::from_millis(10), EngineAlarm::Exec(number)));
        }
        self.show(id, around.now, out);
        self.show_later(id, around, out);
    }

    /// A client wants a command carried out inside a container.
    pub fn exec_for(
        &mut self,
        id: ContainerId,
        request: ExecRequest,
        client: (ClientId, u64),
        around: &Surroundings<'_>,
        out: &mut EngineOutbox,
    ) {
        let number = self.next_number();
        let detach = request.detach;
        // The lines of one shell are one command.
        let line = request.shell.is_some().then(String::new).unwrap_or_else(|| request.command.join(" "));
        let exec =
            Executing { container: id, request, main: false, client: Some(client).filter(|_| !detach), result: None };
        if let Some(container) = self.containers.get(&id).filter(|_| exec.request.shell.is_none()) {
            let own = exec.id(number, around);
            for action in ["exec_create", "exec_start"] {
                let more = [("execID", own.as_str())];
                happen::container(container, format!("{action}: {line}"), &more, self.ahead, around, out);
            }
        }
        let takes = if exec.request.shell.is_some() { Duration::from_millis(1) } else { EXEC };
        self.executing.insert(number, exec);
        out.alarms.push((around.now + takes, EngineAlarm::Exec(number)));
        if detach {
            out.answers.push((client.0, client.1, Ok(Response::Executed(Arc::default()))));
        }
    }

    /// A command that is about to do what it does.
    pub fn executing(&self, number: u32) -> Option<&Executing> {
        self.executing.get(&number).filter(|exec| exec.result.is_none())
    }

    /// What a command does has been found out; it takes so long.
    pub fn executed(
        &mut self,
        number: u32,
        result: Executed,
        takes: Duration,
        around: &Surroundings<'_>,
        out: &mut EngineOutbox,
    ) {
        let Some(exec) = self.executing.get_mut(&number) else { return };
        exec.result = Some(Arc::new(result));
        out.alarms.push((around.now + takes, EngineAlarm::ExecDone(number)));
    }

    pub(super) fn exec_done(&mut self, number: u32, around: &Surroundings<'_>, out: &mut EngineOutbox) {
        let Some(exec) = self.executing.remove(&number) else { return };
        let result = exec.result.clone().unwrap_or_default();
        let id = exec.container;
        if exec.main {
            let lines = |text: &str, errors: bool| {
                text.lines().map(|line| (errors, Arc::from(line))).collect::<Vec<(bool, Arc<str>)>>()
            };
            let said = [lines(&result.stdout, false), lines(&result.stderr, true)].concat();
            if let Some(own) = self.containers.get_mut(&id).and_then(Container::own_mut) {
                own.said = said.into();
            }
            return self.end(id, result.status, around, out);
        }
        if let Some(container) = self.containers.get(&id).filter(|_| exec.request.shell.is_none()) {
            let own = exec.id(number, around);
            let code = result.status.to_string();
            let more = [("execID", own.as_str()), ("exitCode", code.as_str())];
            happen::container(container, "exec_die", &more, self.ahead, around, out);
        }
        if let Some((client, request)) = exec.client {
            out.answers.push((client, request, Ok(Response::Executed(result.clone()))));
        }
        if exec.request.main && result.shell.is_none() {
            self.end(id, result.status, around, out);
        }
    }
}
