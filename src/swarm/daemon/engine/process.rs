//! A container's process: how it starts, what ends it, and what people do to it by hand.
//!
//! Source: control-plane.md §2.4; cli.md §5.8; recordings docker-29/04 and 12.

use super::{
    Container, ContainerState, Engine, EngineAlarm, EngineOutbox, Happened, KILL, Owner, Surroundings, Waiting,
    WaitingClient, exit, happen,
};
use crate::engine::{Duration, Time};
use crate::swarm::agent::Outcome;
use crate::swarm::api::{ApiError, Response};
use crate::swarm::object::ContainerId;

/// How and when a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fate {
    pub at: Time,
    pub code: i32,
    /// The kernel kills it for its memory.
    pub oom: bool,
    /// The daemon kills it: a daemon that is gone does not.
    pub by_daemon: bool,
}

/// From the first page too many to the end of the process.
const OOM: Duration = Duration::from_millis(100);

impl Engine {
    /// The process is being started.
    pub(super) fn begin_start(&mut self, id: ContainerId, around: &Surroundings<'_>, out: &mut EngineOutbox) {
        let container = self.containers.get_mut(&id).expect("callers have looked it up");
        container.state = ContainerState::Starting;
        container.stamp += 1;
        container.error = None;
        // A fifth more or less, as machines are.
        let base = container.behaviour.start.as_nanos().max(0);
        if let Some(own) = container.own_mut() {
            own.again = None;
        }
        let key = match &container.owner {
            Owner::Task(task) => around.seed.key("container.start", &task.id.0),
            Owner::User(_) => around.seed.key("container.start.own", &id.0),
        };
        let spread = key.below(u64::from(container.stamp), (base / 5 * 2).max(1) as u64) as i64;
        let takes = Duration::from_nanos(base - base / 5 + spread);
        out.alarms.push((around.now + takes, EngineAlarm::Started(id, container.stamp)));
    }

    pub(super) fn started(&mut self, id: ContainerId, stamp: u32, around: &Surroundings<'_>, out: &mut EngineOutbox) {
        let shown = around.now + self.ahead;
        if self.meant(id, stamp).is_none() {
            return;
        }
        if let Err(error) = self.plug_in(id, around, out) {
            if let Some(container) = self.containers.get_mut(&id) {
                container.state = ContainerState::Created;
                container.error = Some(error.message.as_str().into());
            }
            return self.not_started(id, &error, around, out);
        }
        let ahead = self.ahead;
        let Some(container) = self.meant(id, stamp) else { return };
        if let Some(missing) = &container.program.missing {
            let error = format!(
                "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: {missing}"
            );
            container.state = ContainerState::Created;
            container.error = Some(error.as_str().into());
            if let Some(waiting) = self.starting.remove(&id) {
                let err = format!("starting container failed: {error}");
                out.outcomes.push((waiting.task, waiting.operation, Outcome::StartFailed(err.into())));
            }
            self.unplug(id, around, out);
            return self.not_started(id, &ApiError::new(400, error), around, out);
        }
        (container.state, container.state_stamp) = (ContainerState::Running { since: around.now }, shown);
        (container.started_at, container.started_stamp) = (Some(around.now), Some(shown));
        (container.oom_killed, container.unhealthy) = (false, false);
        container.own_fate = own_fate(container, around);
        container.fate = container.own_fate;
        out.happened.push(Happened::Started(container.name.clone()));
        happen::container(container, "start", &[], ahead, around, out);
        if let Some(task) = container.task().cloned() {
            self.provision.join(&task, around.now);
        }
        self.arm(id, out);
        self.begin_main(id, around, out);
        self.begin_health(id, around, out);
        self.answer_start(id, out);
        self.tell_clients(id, Ok(Response::Done), out);
    }

    /// The start that an agent waits for is over, if the container is well.
    pub(super) fn answer_start(&mut self, id: ContainerId, out: &mut EngineOutbox) {
        if !self.containers.get(&id).is_some_and(Container::is_well) {
            return;
        }
        if let Some(waiting) = self.starting.remove(&id) {
            out.outcomes.push((waiting.task, waiting.operation, Outcome::Started));
        }
    }

    /// Sets the alarm of a container's fate; older ones are void.
    fn arm(&mut self, id: ContainerId, out: &mut EngineOutbox) {
        let Some(container) = self.containers.get_mut(&id) else { return };
        container.stamp += 1;
        if let (Some(fate), None) = (container.fate, container.paused) {
            out.alarms.push((fate.at, EngineAlarm::Ended(id, container.stamp)));
        }
    }

    /// A stop signal after `pause`, and SIGKILL after the grace period. One that is being stopped already keeps its fate if
    /// that comes earlier.
    pub(super) fn begin_stop(
        &mut self,
        id: ContainerId,
        pause: Duration,
        grace: Duration,
        signal: Option<i32>,
        around: &Surroundings<'_>,
        out: &mut EngineOutbox,
    ) {
        // A process that stands still takes no signal: it is let go on first.
        self.unfreeze(id, around, out);
        let container = self.containers.get_mut(&id).expect("callers have looked it up");
        let signal = signal.unwrap_or_else(|| container.stop_signal());
        let asked = around.now + pause;
        let stopped = match container.program.ended_by(signal) {
            Some((after, code)) if after <= grace => Fate { at: asked + after, code, oom: false, by_daemon: false },
            _ => Fate { at: asked + grace + KILL, code: 137, oom: false, by_daemon: true },
        };
        if container.fate.is_none_or(|fate| stopped.at < fate.at) {
            container.fate = Some(stopped);
        }
        if container.state == ContainerState::Starting {
            // There is no process yet: its start is called off.
            container.state = ContainerState::Running { since: around.now };
        }
        self.arm(id, out);
    }

    /// The alarm of a fate.
    pub(super) fn ended(&mut self, id: ContainerId, stamp: u32, around: &Surroundings<'_>, out: &mut EngineOutbox) {
        let Some(container) = self.meant(id, stamp) else { return };
        let Some(fate) = container.fate else { return };
        container.oom_killed = fate.oom;
        self.end(id, fate.code, around, out);
    }

    /// A container's process ends with a code, whatever ended it.
    pub fn end(&mut self, id: ContainerId, code: i32, around: &Surroundings<'_>, out: &mut EngineOutbox) {
        let shown = around.now + self.ahead;
        let Some(container) = self.containers.get_mut(&id) else { return };
        if matches!(container.state, ContainerState::Exited { .. } | ContainerState::Created) {
            return;
        }
        (container.state, container.state_stamp) = (ContainerState::Exited { code, at: around.now }, shown);
        container.stamp += 1;
        container.health_stamp += 1;
        (container.paused, container.fate, container.own_fate) = (None, None, None);
        if let Some(health) = &mut container.health {
            health.advance(around.now);
            health.unwatch();
        }
        let unhealthy = std::mem::take(&mut container.unhealthy);
        let stopped = container.task().cloned();
        out.happened.push(Happened::Ended(container.name.clone(), code, container.oom_killed));
        self.unplug(id, around, out);
        self.died(id, code, around, out);
        if let Some(task) = &stopped {
            self.provision.leave(task);
        }
        if let Some(Waiting { task, operation }) = self.stopping.remove(&id) {
            self.waiting.remove(&id);
            if let Some(task) = &stopped {
                self.provision.take_down(task);
            }
            out.outcomes.push((task, operation, Outcome::Stopped { code }));
        }
        if let Some(Waiting { task, operation }) = self.starting.remove(&id) {
            // What ends well before it was healthy was up, as the agent sees it.
            let outcome = if code == 0 { Outcome::Started } else { exit(code, unhealthy) };
            out.outcomes.push((task, operation, outcome));
        }
        if let Some(Waiting { task, operation }) = self.waiting.remove(&id) {
            out.outcomes.push((task, operation, exit(code, unhealthy)));
        }
        let waiting = self.clients.remove(&id).unwrap_or_default();
        let (restart, stop): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|waiting| waiting.restart);
        if !stop.is_empty() {
            self.tell(id, "stop", around, out);
        }
        out.answers.extend(stop.iter().map(|waiting| (waiting.client, waiting.number, Ok(Response::Done))));
        if self.condemned.contains(&id) {
            out.answers.extend(restart.iter().map(|waiting| (waiting.client, waiting.number, Ok(Response::Done))));
            return self.condemned_ended(id, around, out);
        }
        if !restart.is_empty() {
            self.clients.insert(id, restart);
            self.begin_start(id, around, out);
        } else if stop.is_empty() {
            self.restart_by_policy(id, code, around, out);
        }
        self.removed_with_end(id, around, out);
    }

    pub(super) fn tell_clients(&mut self, id: ContainerId, result: Result<Response, ApiError>, out: &mut EngineOutbox) {
        for waiting in self.clients.remove(&id).unwrap_or_default() {
            out.answers.push((waiting.client, waiting.number, result.clone()));
        }
    }

    /// `docker rm -f`: killed and gone.
    pub fn remove(&mut self, id: ContainerId, around: &Surroundings<'_>, out: &mut EngineOutbox) {
        self.condemned.insert(id);
        if self.containers.get(&id).is_some_and(Container::runs) {
            self.tell_with(id, "kill", &[("signal", "9")], around, out);
        }
        self.end(id, 137, around, out);
        self.delete(id, around, out);
    }

    /// `docker stop` and `docker restart`: the client is answered when it is done, at once if there is nothing to do.
    pub fn stop_for(
        &mut self,
        id: ContainerId,
        grace: Duration,
        signal: Option<i32>,
        waiting: WaitingClient,
        around: &Surroundings<'_>,
        out: &mut EngineOutbox,
    ) {
        let runs = self.containers.get(&id).is_some_and(Container::runs);
        if !runs && !waiting.restart {
            if let Some(own) = self.containers.get_mut(&id).and_then(Container::own_mut) {
                (own.stopped, own.again) = (true, None);
            }
            out.answers.push((waiting.client, waiting.number, Ok(Response::Done)));
            return;
        }
        self.clients.entry(id).or_default().push(waiting);
        if let Some(own) = self.containers.get_mut(&id).and_then(Container::own_mut) {
            own.stopped = !waiting.restart;
            own.again = None;
            if waiting.restart {
                (own.restarts, own.backoff) = (0, Duration::ZERO);
            }
        }
        if runs {
            let number = self.containers[&id].stop_signal();
            let number = signal.unwrap_or(number).to_string();
            self.tell_with(id, "kill", &[("signal", &number)], around, out);
            self.begin_stop(id, Duration::ZERO, grace, signal, around, out);
        } else {
            self.begin_start(id, around, out);
        }
    }

    /// The stop of what runs here, before its daemon ends.
    pub fn stop(&mut self, id: ContainerId, grace: Duration, around: &Surroundings<'_>, out: &mut EngineOutbox) {
        if self.containers.get(&id).is_some_and(Container::runs) {
            self.begin_stop(id, Duration::ZERO, grace, None, around, out);
        }
    }

    /// A signal, as `docker kill` sends it.
    pub fn signal(&mut self, id: ContainerId, signal: i32, around: &Surroundings<'_>, out: &mut EngineOutbox) {
        self.unfreeze(id, around, out);
        self.tell_with(id, "kill", &[("signal", &signal.to_string())], around, out);
        let Some(container) = self.containers.get_mut(&id).filter(|container| container.runs()) else { return };
        if let Some(own) = container.own_mut() {
            own.stopped = true;
        }
        match container.program.ended_by(signal) {
            Some((after, code)) if after > Duration::ZERO => {
                let fate = Fate { at: around.now + after, code, oom: false, by_daemon: false };
                if container.fate.is_none_or(|known| fate.at < known.at) {
                    container.fate = Some(fate);
                    self.arm(id, out);
                }
            }
            Some((_, code)) => self.end(id, code, around, out),
            None => {}
        }
    }

    /// `docker pause`: the processes stand still; nobody probes.
    pub fn freeze(&mut self, id: ContainerId, around: &Surroundings<'_>, out: &mut EngineOutbox) {
        self.tell(id, "pause", around, out);
        let Some(container) = self.containers.get_mut(&id) else { return };
        container.paused = Some(around.now);
        container.stamp += 1;
        container.health_stamp += 1;
        if let Some(health) = &mut container.health {
            health.advance(around.now);
            health.unwatch();
        }
    }

    /// `docker unpause`
    pub fn thaw(&mut self, id: ContainerId, around: &Surroundings<'_>, out: &mut EngineOutbox) {
        self.unfreeze(id, around, out);
        self.tell(id, "unpause", around, out);
    }

    /// What was to come comes later by as much as it stood still.
    pub fn unfreeze(&mut self, id: ContainerId, around: &Surroundings<'_>, out: &mut EngineOutbox) {
        let Some(container) = self.containers.get_mut(&id) else { return };
        let Some(since) = container.paused.take() else { return };
        let by = around.now - since;
        for fate in [&mut container.fate, &mut container.own_fate].into_iter().flatten() {
            fate.at += by;
        }
        if let Some(health) = &mut container.health {
            health.answers.shift(since, by);
            health.watch(around.now);
        }
        self.arm(id, out);
        self.arm_health(id, out);
    }

    /// `docker rename`. The swarm finds its container by name: it has lost this one, unless it is waiting for its end.
    pub fn rename(
        &mut self,
        id: ContainerId,
        old: &str,
        name: &str,
        around: &Surroundings<'_>,
        out: &mut EngineOutbox,
    ) {
        let ahead = self.ahead;
        let Some(container) = self.containers.get_mut(&id) else { return };
        container.name = name.into();
        happen::container(container, "rename", &[("oldName", &format!("/{old}"))], ahead, around, out);
        if let Some(task) = container.task().map(|task| task.key) {
            self.by_task.remove(&task);
        }
    }

    /// The daemon is gone: who was to be killed by it lives on.
    pub fn spare_condemned(&mut self, out: &mut EngineOutbox) {
        let spared: Vec<_> = self
            .containers
            .values()
            .filter(|container| container.fate.is_some_and(|fate| fate.by_daemon))
            .map(|container| container.id)
            .collect();
        for id in spared {
            let container = self.containers.get_mut(&id).expect("listed just now");
            container.fate = container.own_fate;
            self.arm(id, out);
        }
    }
}

/// How a process that starts now would end by itself: its own end, or the kernel's for its memory, whichever comes first.
fn own_fate(container: &Container, around: &Surroundings<'_>) -> Option<Fate> {
    let ends = container.program.ends.map(|ending| Fate {
        at: around.now.saturating_add(ending.after),
        code: ending.code,
        oom: false,
        by_daemon: false,
    });
    let oom = memory_runs_out(container, around.description.memory_bytes).map(|after| Fate {
        at: around.now.saturating_add(after),
        code: 137,
        oom: true,
        by_daemon: false,
    });
    ends.into_iter().chain(oom).min_by_key(|fate| fate.at)
}

/// So long after its start a container uses more memory than it may: than its limit, else than its host has. Hosts have no
/// swap.
fn memory_runs_out(container: &Container, host: i64) -> Option<Duration> {
    if !container.program.own {
        return None;
    }
    let limit = container
        .limits()
        .map(|limits| limits.memory_bytes)
        .filter(|limit| *limit > 0)
        .map_or(host, |limit| limit.min(host));
    let (used, growth) = (container.behaviour.memory, container.behaviour.memory_growth);
    if used > limit {
        return Some(OOM);
    }
    if growth <= 0 {
        return None;
    }
    let nanos = i128::from(limit - used) * 1_000_000_000 / i128::from(growth);
    Some(Duration::from_nanos(i64::try_from(nanos).ok()?) + OOM)
}
