//! What containers write, for those who look on: clients of this daemon, and subscriptions of the swarm's log broker.
//!
//! A log is never stored: what a container has written follows from its image and its times. So whoever follows one is a
//! mark of how far it has been shown, and one alarm rings when the next line is due.
//!
//! Source: moby/swarmkit `agent/worker.go` (Subscribe); moby `daemon/cluster/executor/container/controller.go` (Logs).

use super::{Attacher, Container, ContainerState, Engine, EngineAlarm, EngineOutbox, Surroundings};
use crate::engine::{Duration, Time};
use crate::swarm::api::{Attached, LogLine, Response};
use crate::swarm::daemon::containers::{chosen, log_of};
use crate::swarm::logbroker::{LogOrder, SubscriptionMessage};
use crate::swarm::object::ContainerId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Who looks on at what the containers of this host write.
#[derive(Clone, Debug, Default)]
pub struct Following {
    /// Clients that see what a container writes.
    pub(super) attachers: BTreeMap<ContainerId, Vec<Attacher>>,
    /// Subscriptions that are followed.
    followers: BTreeMap<u64, Follower>,
    /// For when the alarm of a container's next line is set.
    armed: BTreeMap<ContainerId, Time>,
}

#[derive(Clone, Debug)]
struct Follower {
    message: Arc<SubscriptionMessage>,
    /// Lines before this moment have been sent.
    seen: BTreeMap<ContainerId, u64>,
}

impl Follower {
    fn follows(&self, container: &Container) -> bool {
        container.task().is_some_and(|task| self.message.selector.selects(task))
    }
}

/// The moment behind a line.
fn stamp(at: i64) -> u64 {
    u64::try_from(at).unwrap_or(0) + 1
}

impl Engine {
    /// The log broker wants the log of this host's tasks, or no more of it.
    pub fn log_order(&mut self, order: &LogOrder, around: &Surroundings<'_>, out: &mut EngineOutbox) {
        let message = match order {
            LogOrder::Subscribe(message) => message,
            LogOrder::Close(id) => {
                self.following.followers.remove(id);
                return;
            }
        };
        let mut follower = Follower { message: message.clone(), seen: BTreeMap::new() };
        let mut wanted: Vec<&Container> = self.containers.values().filter(|c| follower.follows(c)).collect();
        let slot = |container: &Container| container.task().map_or(0, |task| task.slot);
        wanted.sort_by_key(|container| (slot(container), container.created_at, container.id));
        let mut lines = Vec::new();
        for container in &wanted {
            let written = if container.has_log() { log_of(container, around.now) } else { Vec::new() };
            if let Some(last) = written.last() {
                follower.seen.insert(container.id, stamp(last.at));
            }
            lines.extend(chosen(written, &message.options));
        }
        let wanted: Vec<ContainerId> = wanted.into_iter().map(|container| container.id).collect();
        let follow = message.options.follow;
        if !follow || !lines.is_empty() {
            out.published.push((message.id, lines, !follow));
        }
        if follow {
            self.following.followers.insert(message.id, follower);
            wanted.into_iter().for_each(|id| self.show_later(id, around, out));
        }
    }

    /// The session is over, and the streams that went by it.
    pub fn close_logs(&mut self) {
        self.following.followers.clear();
    }

    /// Gives those who look on what they have not seen yet.
    pub(super) fn show(&mut self, id: ContainerId, now: Time, out: &mut EngineOutbox) {
        let attachers = self.following.attachers.remove(&id);
        let Some(container) = self.containers.get(&id) else { return };
        let mut followers: Vec<_> =
            self.following.followers.values_mut().filter(|follower| follower.follows(container)).collect();
        if attachers.is_none() && followers.is_empty() {
            return;
        }
        let ended = match container.state {
            ContainerState::Exited { code, .. } => Some(code),
            _ => None,
        };
        let lines = log_of(container, now);
        let unseen = |seen: u64| lines.iter().filter(|line| stamp(line.at) > seen).cloned().collect::<Vec<LogLine>>();
        for follower in followers.iter_mut().filter(|_| container.has_log()) {
            let seen = follower.seen.entry(id).or_default();
            let new = unseen(*seen);
            if let Some(last) = new.last() {
                *seen = stamp(last.at);
                let since = follower.message.options.since.unwrap_or(i64::MIN);
                let new = new.into_iter().filter(|line| line.at >= since).collect();
                out.published.push((follower.message.id, new, false));
            }
        }
        let mut left = Vec::new();
        for attacher in attachers.unwrap_or_default() {
            let new = unseen(attacher.seen);
            if new.is_empty() && ended.is_none() {
                left.push(attacher);
                continue;
            }
            let seen = new.iter().map(|line| stamp(line.at)).max().unwrap_or(attacher.seen);
            let part = Attached { lines: Arc::new(new), seen, ended };
            out.answers.push((attacher.client, attacher.number, Ok(Response::Attached(part))));
        }
        if !left.is_empty() {
            self.following.attachers.insert(id, left);
        }
    }

    /// Sets the alarm for a container's next line, if somebody waits for it.
    pub(super) fn show_later(&mut self, id: ContainerId, around: &Surroundings<'_>, out: &mut EngineOutbox) {
        let Some(container) = self.containers.get(&id) else { return };
        let following = &mut self.following;
        let watched = following.attachers.contains_key(&id)
            || container.has_log() && following.followers.values().any(|follower| follower.follows(container));
        let (ContainerState::Running { since }, Some((every, _)), true) =
            (container.state, &container.behaviour.log_every, watched && container.program.own)
        else {
            return;
        };
        let step = every.as_nanos().max(1_000_000);
        let next = since + Duration::from_nanos(((around.now - since).as_nanos() / step + 1) * step);
        if following.armed.insert(id, next) != Some(next) {
            out.alarms.push((next, EngineAlarm::Writes(id)));
        }
    }

    pub(super) fn writes(&mut self, id: ContainerId, around: &Surroundings<'_>, out: &mut EngineOutbox) {
        self.following.armed.remove(&id);
        self.show(id, around.now, out);
        self.show_later(id, around, out);
    }
}
