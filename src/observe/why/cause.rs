//! What brought a record about: for each kind of record, what kind of thing can have done that.
//!
//! A write that a user asked for knows the line that asked ([`Env::remark`](crate::swarm::world::Env::remark)). What the
//! leader's loops write is followed by its reason ([`Why`]): a replacement names its predecessor, a node that is believed
//! down fell silent because of something that was done to it. Where several things could have been it, it is the newest
//! that concerns the same node, task or service; never one that merely happened at the same time.

use super::{History, is_of, lets_start, mends, mentions};
use crate::engine::EventId;
use crate::net::HostId;
use crate::swarm::object::{Id, NodeState, TaskKey, TaskState, UpdateState};
use crate::swarm::store::Why;
use crate::swarm::world::record::What;

impl History<'_> {
    /// The record that led to the one at `at`; none where something begins.
    pub(super) fn cause(&self, at: usize) -> Option<usize> {
        match self.what(at) {
            What::Typed { .. } | What::Command { .. } => None,
            What::Fault { .. } => self.of_fault(at),
            What::Task { .. } => self.of_task(at),
            What::ContainerStarted { .. } | What::ContainerEnded { .. } | What::ContainerHealth { .. } => {
                self.of_container(at)
            }
            What::Node { .. } | What::DaemonUp { .. } | What::SwarmStopped { .. } | What::NotStarted { .. } => {
                self.of_node(at)
            }
            What::Service { .. } => self.of_service(at),
            What::NodeRemoved { .. } | What::NodeWanted { .. } | What::Left { .. } | What::ServiceRemoved { .. } => {
                self.asked(at)
            }
            What::Candidate { .. } | What::Elected { .. } | What::Leads { .. } | What::SteppedDown { .. } => {
                self.of_election(at).or_else(|| self.by_event(at))
            }
            What::Reachable { .. } | What::MemberAdded { .. } | What::MemberRemoved { .. } => self.of_member(at),
            What::LeftRaft { .. } | What::Certified { .. } => self.of_member(at).or_else(|| self.by_event(at)),
            _ => self.asked(at).or_else(|| self.by_event(at)),
        }
    }

    /// The command or the fault that asked for what was written: the notable cause, over the answers to earlier requests of
    /// the same command.
    pub(super) fn asked(&self, at: usize) -> Option<usize> {
        let mut at = at;
        loop {
            let landmark = self.records[at].landmark;
            at = self.noted(at, landmark)?;
            if matches!(self.what(at), What::Typed { .. } | What::Command { .. } | What::Fault { .. }) {
                return Some(at);
            }
        }
    }

    /// The newest record of an event before a place; of a fault, behind which it is noted where it was typed, the fault.
    fn noted(&self, at: usize, event: EventId) -> Option<usize> {
        let newest = self.records[..at].iter().rposition(|record| record.event == event)?;
        let own = (0..=newest).rev().take_while(|place| self.records[*place].event == event);
        Some(own.filter(|place| matches!(self.what(*place), What::Fault { .. })).last().unwrap_or(newest))
    }

    /// Of a link that goes down and up by itself: the fault that let it do so.
    fn of_fault(&self, at: usize) -> Option<usize> {
        let before = |at: usize| {
            let place = self.noted(at, self.records[at].landmark)?;
            matches!(self.what(place), What::Fault { .. }).then_some(place)
        };
        std::iter::successors(before(at), |place| before(*place)).last()
    }

    /// Whether the line that asked for what was written is known for sure.
    fn is_asked(&self, at: usize) -> bool {
        let record = self.records[at];
        record.cause == record.landmark && self.asked(at).is_some()
    }

    /// The record of the event that caused this one's.
    fn by_event(&self, at: usize) -> Option<usize> {
        let known = |event| {
            let tells = |what: &What| !matches!(what, What::Dropped { .. });
            self.records[..at].iter().position(|other| other.event == event && tells(&other.what))
        };
        known(self.records[at].cause).or_else(|| known(self.records[at].landmark))
    }

    fn same_task(&self, at: usize, own: TaskKey) -> Option<usize> {
        self.before(at, |what| matches!(what, What::Task { task, .. } if *task == own))
    }

    fn of_task(&self, at: usize) -> Option<usize> {
        let What::Task { task, id, service, node, from, state, desired, why, .. } = self.what(at) else { return None };
        let (own, id) = (*task, *id);
        let told = match (from, why) {
            // What is wanted of one that has ended adds nothing to its end.
            (Some((before, _)), _) if before == state && state.is_terminal() => None,
            // It was let start: that is told between its place and its start.
            _ if lets_start(self.what(at)) => self
                .before(at, |what| matches!(what, What::Task { task, state: TaskState::Assigned, .. } if *task == own)),
            (None, Why::Restart(old)) => self.ended(at, *old),
            (None, Why::NodeInvalid(old)) => self.node_of(at, *old).and_then(|node| self.node_changed(at, node)),
            (None, Why::FillNode) => {
                let node = node.as_deref().and_then(|node| self.node_fit(at, node));
                self.wanted(at, service).max(node)
            }
            (None, _) => self.wanted(at, service),
            (Some((before, _)), Why::NodeInvalid(_) | Why::NodeUnfit | Why::NonCompliant)
                if *before == *state || *state == TaskState::Rejected =>
            {
                node.as_deref().and_then(|node| self.node_changed(at, node))
            }
            (Some((before, wanted)), _) if before == state && desired != wanted => match why {
                Why::Update | Why::ScaleDown | Why::JobAgain | Why::Surplus => self.wanted(at, service),
                Why::ServiceRemoved => self.service_removed(at, service),
                // An orchestrator that finds tasks without their service removes them, whatever it calls that.
                _ if *desired == TaskState::Remove => self.service_removed(at, service),
                _ => None,
            },
            (_, Why::Placed(_)) if *state == TaskState::Assigned => self.placed(at),
            (Some(_), _) if *state == TaskState::Running => {
                self.before(at, |what| matches!(what, What::ContainerStarted { name, .. } if is_of(name, id)))
            }
            // Whoever removes a node gives its tasks up.
            (Some(_), Why::Orphaned) if self.is_asked(at) => self.asked(at),
            (Some(_), Why::Orphaned) => node.as_deref().and_then(|node| self.node_changed(at, node)),
            (Some((before, _)), _) if state.is_terminal() && state != before => {
                self.before(at, |what| matches!(what, What::ContainerEnded { name, .. } if is_of(name, id)))
            }
            _ => None,
        };
        told.or_else(|| self.same_task(at, own))
    }

    /// The task that was replaced, at its end.
    fn ended(&self, at: usize, wanted: TaskKey) -> Option<usize> {
        self.before(at, |what| {
            matches!(what, What::Task { task, state, from: Some((before, _)), .. }
                if *task == wanted && state.is_terminal() && !before.is_terminal())
        })
    }

    fn node_of(&self, at: usize, wanted: TaskKey) -> Option<&str> {
        self.records[..at].iter().rev().find_map(|record| match &record.what {
            What::Task { task, node: Some(node), .. } if *task == wanted => Some(&**node),
            _ => None,
        })
    }

    /// What is wanted of a service: its creation, or the last change of its specification.
    pub(super) fn wanted(&self, at: usize, service: &str) -> Option<usize> {
        self.before(at, |what| {
            matches!(what, What::Service { name, created, spec_changed, .. }
                if **name == *service && (*created || *spec_changed))
        })
    }

    fn service_removed(&self, at: usize, service: &str) -> Option<usize> {
        self.before(at, |what| matches!(what, What::ServiceRemoved { name } if **name == *service))
    }

    /// What made a node unfit: it is down, drained, paused, gone, or its labels or role are others.
    fn node_changed(&self, at: usize, node: &str) -> Option<usize> {
        self.before(at, |what| match what {
            What::Node { name, state, availability, joined: false, .. } => {
                **name == *node && (*state != NodeState::Ready || availability.is_some())
            }
            What::NodeRemoved { name } | What::NodeWanted { name, .. } => **name == *node,
            _ => false,
        })
    }

    /// What made a node fit: it is there, ready, active, or its labels or role are others.
    fn node_fit(&self, at: usize, node: &str) -> Option<usize> {
        self.before(at, |what| match what {
            What::Node { name, state: NodeState::Ready, availability: None | Some("active"), .. } => **name == *node,
            What::NodeWanted { name, .. } => **name == *node,
            _ => false,
        })
    }

    /// One that had to wait was placed because of what changed since; else because it is there.
    fn placed(&self, at: usize) -> Option<usize> {
        let (first, last) = self.waited(at)?;
        let What::Task { task: own, service: wanted_service, node: Some(chosen), .. } = self.what(at) else {
            return None;
        };
        let What::Task { err: Some(err), .. } = self.what(last) else { return None };
        // What may have let the task in, and which word of what it was told speaks of that.
        let frees = |what: &What| match what {
            What::Node { name, state, availability, .. } if name == chosen => {
                let there = *state == NodeState::Ready && matches!(availability, None | Some("active"));
                there.then_some("available")
            }
            What::NodeWanted { name, .. } if name == chosen => Some("constraints"),
            What::Task { task, node: Some(node), service, from: Some((before, _)), state, .. }
                if node == chosen && task != own && state.is_terminal() && !before.is_terminal() =>
            {
                // A place below the limit of a service is freed by that service alone.
                let limit = err.contains("max replicas") && service == wanted_service;
                Some(if limit {
                    "max replicas"
                } else if err.contains("host-mode port") {
                    "host-mode port"
                } else {
                    "resources"
                })
            }
            _ => None,
        };
        let exact = self.unlocked.filter(|unlocked| unlocked.task == *own).and_then(|unlocked| {
            let of_event = |place: &usize| self.records[*place].event == unlocked.event;
            let places: Vec<usize> = (first..at).filter(of_event).collect();
            let about = places.iter().copied().find(|place| frees(self.what(*place)).is_some());
            about.or_else(|| {
                // A task that was deleted, or the node as its daemon describes it.
                places.into_iter().find(|place| !matches!(self.what(*place), What::Task { task, .. } if task == own))
            })
        });
        let newest = |fits: &dyn Fn(&'static str) -> bool| {
            (first..at).rev().find(|place| frees(self.what(*place)).is_some_and(fits))
        };
        // With no node at all nothing is said of filters.
        exact.or_else(|| newest(&|word| err.contains(word))).or_else(|| newest(&|_| true))
    }

    fn of_container(&self, at: usize) -> Option<usize> {
        let assigned = |container: &str| {
            self.before(
                at,
                |what| matches!(what, What::Task { id, state: TaskState::Assigned, .. } if is_of(container, *id)),
            )
        };
        let started = |container: &str| {
            self.before(at, |what| matches!(what, What::ContainerStarted { name, .. } if **name == *container))
        };
        match self.what(at) {
            What::ContainerStarted { name, .. } => {
                let released =
                    |what: &What| lets_start(what) && matches!(what, What::Task { id, .. } if is_of(name, *id));
                self.before(at, released).max(assigned(name))
            }
            What::ContainerHealth { name, .. } => {
                let made = |text: &str| {
                    let target = text.strip_prefix("unhealthy ").map(str::trim);
                    target.is_some_and(|target| is_called(name, target))
                };
                let begun = started(name);
                let fault = self.before(at, |what| matches!(what, What::Fault { text } if made(text)));
                fault.filter(|fault| begun.is_none_or(|begun| begun < *fault)).or(begun)
            }
            What::ContainerEnded { host, name, oom, .. } => {
                let record = self.records[at];
                let fault = self.records[..at].iter().rposition(|other| {
                    (other.event == record.event || other.event == record.cause)
                        && matches!(other.what, What::Fault { .. })
                });
                // One that is unhealthy is stopped for that, and may heed the signal and end well.
                let sick = || self.unhealthy(at, name).filter(|_| !oom);
                let told_to_stop = || {
                    self.before(at, |what| {
                        matches!(what, What::Task { id, desired, .. } if *desired > TaskState::Complete && is_of(name, *id))
                    })
                };
                let begun = started(name);
                let own = self.world.env.name(*host);
                let lost = || {
                    let fault = self.before(
                        at,
                        |what| matches!(what, What::Fault { text } if mentions(text, own) && silences(text)),
                    );
                    fault.filter(|fault| begun.is_none_or(|begun| begun < *fault))
                };
                fault.or_else(sick).or_else(told_to_stop).or_else(lost).or(begun).or_else(|| assigned(name))
            }
            _ => None,
        }
    }

    /// The record that says that a container is unhealthy, if that was the last word on its health.
    fn unhealthy(&self, at: usize, container: &str) -> Option<usize> {
        let place =
            self.before(at, |what| matches!(what, What::ContainerHealth { name, .. } if **name == *container))?;
        matches!(self.what(place), What::ContainerHealth { healthy: false, .. }).then_some(place)
    }

    fn of_node(&self, at: usize) -> Option<usize> {
        match self.what(at) {
            What::Node { joined: true, .. } | What::Node { availability: Some(_), .. } => self.asked(at),
            // A new leader has heard from nobody yet.
            What::Node { message, .. } if message.contains("leadership") => {
                self.before(at, |what| matches!(what, What::Leads { .. }))
            }
            What::Node { name, state: NodeState::Ready, .. } => self.returned(at, name),
            What::Node { name, .. } => self.silenced(at, name),
            What::DaemonUp { host } => {
                let name = self.world.env.name(*host);
                self.before(at, |what| matches!(what, What::Fault { text } if mends(text) && mentions(text, name)))
            }
            What::SwarmStopped { host, .. } | What::NotStarted { host, .. } => {
                let name = self.world.env.name(*host);
                let fault = self.before(at, |what| matches!(what, What::Fault { text } if mentions(text, name)));
                fault.or_else(|| self.by_event(at))
            }
            _ => None,
        }
    }

    /// Why nothing was heard of a node any more.
    fn silenced(&self, at: usize, name: &str) -> Option<usize> {
        let own = |host: HostId| **self.world.env.name(host) == *name;
        let newest = self.before(at, |what| match what {
            What::Fault { text } => silences(text) && mentions(text, name),
            What::Left { host } | What::SwarmStopped { host, .. } | What::NotStarted { host, .. } => own(*host),
            _ => false,
        });
        let parted = || self.before(at, |what| matches!(what, What::Fault { text } if text.starts_with("partition")));
        let clock =
            || self.before(at, |what| matches!(what, What::Fault { text } if !mends(text) && mentions(text, name)));
        let unknown = || {
            let unknown = |what: &What| match what {
                What::Node { name: own, state: NodeState::Unknown, .. } => **own == *name,
                _ => false,
            };
            self.before(at, unknown)
        };
        newest.or_else(parted).or_else(clock).or_else(unknown)
    }

    /// What ended the fault that had silenced a node, or brought it in.
    fn returned(&self, at: usize, own: &str) -> Option<usize> {
        let lost = self.before(at, |what| match what {
            What::Node { name, state: NodeState::Down | NodeState::Unknown, joined, .. } => **name == *own && !joined,
            _ => false,
        });
        let joined = self.before(at, |what| matches!(what, What::Node { name, joined: true, .. } if **name == *own));
        // What a leader believed and could not commit is not in the trace: then what was done to the host says more.
        let lost = lost.filter(|lost| joined.is_none_or(|joined| joined < *lost));
        let since = lost.map(|lost| self.cause(lost).unwrap_or(lost)).or(joined).unwrap_or(0);
        if matches!(self.what(since), What::Leads { .. }) {
            return Some(since);
        }
        let mended = |whose: &dyn Fn(&str) -> bool| {
            let newest = self.before(at, |what| matches!(what, What::Fault { text } if mends(text) && whose(text)));
            newest.filter(|place| *place > since)
        };
        let everybody = |text: &str| !text.trim().contains(' ');
        let up =
            self.before(at, |what| matches!(what, What::DaemonUp { host } if **self.world.env.name(*host) == *own));
        mended(&|text| mentions(text, own) || everybody(text))
            .or_else(|| mended(&|_| true).filter(|_| lost.is_some()))
            .or_else(|| up.filter(|up| *up > since))
            .or(lost)
            .or(joined)
    }

    fn of_service(&self, at: usize) -> Option<usize> {
        let What::Service { name, created, spec_changed, update, .. } = self.what(at) else { return None };
        // "update paused due to failure or early termination of task ID"
        let failed = update.as_ref().and_then(|(_, message)| message.rsplit_once(" task ")).and_then(|(_, wanted)| {
            self.before(at, |what| {
                matches!(what, What::Task { id, state, from: Some((before, _)), .. }
                    if state.is_terminal() && !before.is_terminal() && id.text() == wanted)
            })
        });
        if failed.is_some() {
            return failed;
        }
        if *created || *spec_changed {
            let textual = || self.before(at, |what| matches!(what, What::Command { line, .. } if is_about(line, name)));
            return self.asked(at).or_else(textual);
        }
        // An end leads to its beginning.
        let begun = |state: UpdateState| {
            let begun = self.before(at, |what| {
                matches!(what, What::Service { name: other, update: Some((begun, _)), .. } if other == name && *begun == state)
            });
            begun.filter(|begun| self.wanted(at, name).is_none_or(|wanted| wanted <= *begun))
        };
        let begun = match update {
            Some((UpdateState::RollbackCompleted, _)) => begun(UpdateState::RollbackStarted),
            Some((UpdateState::Completed, _)) => begun(UpdateState::Updating),
            _ => None,
        };
        begun.or_else(|| self.wanted(at, name))
    }
}

/// Whether a container (`web.1.ID`) is meant by what was typed: its task, its task's id, or its own name.
fn is_called(container: &str, target: &str) -> bool {
    let (task, id) = container.rsplit_once('.').unwrap_or((container, ""));
    // The id of a container is not in its name: one that looks like an id may be its.
    container == target || task == target || (!target.is_empty() && (id.starts_with(target) || !target.contains('.')))
}

/// Whether a fault's line can silence a host, as far as its verb says.
pub(super) fn silences(text: &str) -> bool {
    let verb = text.split_whitespace().next().unwrap_or_default();
    match verb {
        "link" => !mends(text),
        "disk" => !text.ends_with(" ok"),
        verb => matches!(verb, "kill" | "stop" | "pause" | "partition" | "cut" | "block"),
    }
}

/// Whether a line creates or changes this service.
fn is_about(line: &str, service: &str) -> bool {
    let mut words = line.split(|c: char| c.is_whitespace() || c == ';' || c == '=');
    words.any(|word| word == "service")
        && words.any(|word| matches!(word, "create" | "update" | "scale" | "rollback"))
        && words.any(|word| word == service)
}

/// The image that a service's tasks of that time were to run.
pub(super) fn image_of<'h>(history: &'h History<'_>, at: usize, id: Id) -> Option<&'h str> {
    let created =
        history.before(at + 1, |what| matches!(what, What::Task { id: own, from: None, .. } if *own == id))?;
    let What::Task { service, .. } = history.what(created) else { return None };
    let place = history.wanted(created, service)?;
    match history.what(place) {
        What::Service { image, .. } => Some(image),
        _ => None,
    }
}
