//! How a host gets its images: preparing a task, pulls under way, and what becomes of those that fail.
//!
//! An image that is here is used, whatever the registry does. What the registry refuses ends the task; a registry that
//! cannot be reached does not: the task's preparation is tried again each second, but its image is asked for only once, so
//! that it stays so when the registry is back. Another task asks anew.
//!
//! Source: control-plane.md §2.1 (table of images that cannot be pulled); recordings docker-29/01, 04 and 11.

use super::{CREATE, Duration, Engine, EngineAlarm, EngineOutbox, Surroundings};
use crate::engine::Time;
use crate::swarm::agent::Outcome;
use crate::swarm::api::{ApiError, Response};
use crate::swarm::daemon::image::{ImageBehaviour, canonical};
use crate::swarm::daemon::registry::{PullError, digest};
use crate::swarm::object::{Task, TaskKey};
use crate::swarm::world::event::ClientId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// An image on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pull {
    ends: Time,
    /// How often the registry had been lost from here when it began.
    outages: u64,
}

impl Engine {
    /// An image is here, by whatever reference it is asked for.
    pub fn has_image(&self, reference: &str) -> bool {
        self.images.contains(&canonical(reference))
    }

    /// Whether a task's image was asked for in vain, so that its preparation repeats that error and asks no more.
    pub fn repeats_pull_error(&self, task: TaskKey) -> bool {
        self.pull_errors.contains_key(&task)
    }

    pub(super) fn prepare(
        &mut self,
        task: Arc<Task>,
        operation: u32,
        around: &Surroundings<'_>,
        out: &mut EngineOutbox,
    ) {
        let reference = canonical(&task.spec.image);
        let here = self.images.contains(&reference);
        if around.disk_full {
            let place = match here {
                true => "mkdir /var/lib/docker/containers",
                false => "write /var/lib/containerd/io.containerd.content.v1.content/ingest",
            };
            let err = format!("{place}: no space left on device");
            out.outcomes.push((task.key, operation, Outcome::Refused(err.into())));
            return;
        }
        if here {
            // A tag is looked up again each time; a digest that is here needs no registry.
            let pinned = task.spec.image.contains('@');
            let asked =
                if pinned || !around.registry.reaches(around.host) { Duration::ZERO } else { around.registry.delay() };
            return self.create_after(task, operation, asked, around, out);
        }
        if let Some(err) = self.pull_errors.get(&task.key) {
            out.outcomes.push((task.key, operation, Outcome::Temporary(err.clone())));
            return;
        }
        let behaviour = around.catalogue.behaviour(&task.spec.image);
        match self.begin_pull(&reference, &behaviour, around) {
            Ok(ends) => {
                out.alarms.push((ends, EngineAlarm::Pulled(task.key, operation)));
                self.preparing.insert(task.key, (operation, task));
            }
            Err(error) => self.pull_failed(task.key, operation, &reference, error, around, out),
        }
    }

    /// Joins a pull that is under way, or begins one; when it ends.
    fn begin_pull(
        &mut self,
        reference: &str,
        image: &ImageBehaviour,
        around: &Surroundings<'_>,
    ) -> Result<Time, PullError> {
        if let Some(pull) = self.pulls.get(reference) {
            return Ok(pull.ends.max(around.now));
        }
        around.registry.gives(image, around.host, &around.description.hostname)?;
        let (ends, outages) = (around.now + image.pull + around.registry.delay(), around.registry.outages(around.host));
        self.pulls.insert(reference.to_owned(), Pull { ends, outages });
        Ok(ends)
    }

    /// The end of a pull: the image is here, unless the registry was lost meanwhile.
    fn end_pull(&mut self, reference: &str, around: &Surroundings<'_>) -> Result<(), PullError> {
        if let Some(pull) = self.pulls.remove(reference) {
            if pull.outages != around.registry.outages(around.host) {
                return Err(PullError::Broken);
            }
            self.images.insert(reference.to_owned());
        }
        if self.images.contains(reference) { Ok(()) } else { Err(PullError::Broken) }
    }

    pub(super) fn pulled(&mut self, task: TaskKey, operation: u32, around: &Surroundings<'_>, out: &mut EngineOutbox) {
        if self.preparing.get(&task).is_none_or(|(current, _)| *current != operation) {
            return;
        }
        let (_, task) = self.preparing.remove(&task).expect("looked up just now");
        let reference = canonical(&task.spec.image);
        match self.end_pull(&reference, around) {
            Ok(()) => self.create_after(task, operation, Duration::ZERO, around, out),
            Err(error) => self.pull_failed(task.key, operation, &reference, error, around, out),
        }
    }

    fn pull_failed(
        &mut self,
        task: TaskKey,
        operation: u32,
        reference: &str,
        error: PullError,
        around: &Surroundings<'_>,
        out: &mut EngineOutbox,
    ) {
        let text: Arc<str> = error.text(reference, around.registry.resolver()).into();
        let outcome = if error.is_temporary() {
            self.pull_errors.insert(task, text.clone());
            Outcome::Temporary(text)
        } else {
            Outcome::Refused(text)
        };
        out.outcomes.push((task, operation, outcome));
    }

    /// The container is made, which takes its time.
    fn create_after(
        &mut self,
        task: Arc<Task>,
        operation: u32,
        after: Duration,
        around: &Surroundings<'_>,
        out: &mut EngineOutbox,
    ) {
        let key = around.seed.key("container.create", &task.id.0);
        let more = Duration::from_nanos(key.below(u64::from(operation), CREATE.as_nanos() as u64) as i64);
        out.alarms.push((around.now + after + CREATE + more, EngineAlarm::Prepared(task.key, operation)));
        self.preparing.insert(task.key, (operation, task));
    }

    /// A task that is to stop no longer wants its image: a pull that nobody else waits for is given up.
    pub(super) fn give_up_pull(&mut self, task: &Task) {
        self.pull_errors.remove(&task.key);
        let reference = canonical(&task.spec.image);
        let wanted = self.preparing.values().any(|(_, other)| canonical(&other.spec.image) == reference)
            || self.client_pulls.values().any(|(_, _, other)| *other == reference);
        if !wanted {
            self.pulls.remove(&reference);
        }
    }

    /// `docker pull`: the client is answered when the image is here, or told why it is not.
    pub fn pull_for(
        &mut self,
        client: ClientId,
        number: u64,
        reference: &str,
        around: &Surroundings<'_>,
        out: &mut EngineOutbox,
    ) {
        let reference = canonical(reference);
        let behaviour = around.catalogue.behaviour(&reference);
        let ends = if self.images.contains(&reference) {
            // The registry is asked all the same.
            around
                .registry
                .gives(&behaviour, around.host, &around.description.hostname)
                .map(|()| around.now + around.registry.delay())
        } else {
            self.begin_pull(&reference, &behaviour, around)
        };
        match ends {
            Ok(ends) => {
                let pull = self.next_number();
                self.client_pulls.insert(pull, (client, number, reference));
                out.alarms.push((ends, EngineAlarm::ClientPulled(pull)));
            }
            Err(error) => {
                out.answers.push((client, number, Err(refusal(error, &reference, around))));
            }
        }
    }

    pub(super) fn client_pulled(&mut self, number: u32, around: &Surroundings<'_>, out: &mut EngineOutbox) {
        let Some((client, request, reference)) = self.client_pulls.remove(&number) else { return };
        let fetched = !self.images.contains(&reference);
        let answer = match self.end_pull(&reference, around) {
            Err(error) => Err(refusal(error, &reference, around)),
            Ok(()) => {
                let name = crate::swarm::daemon::image::familiar(&reference).to_owned();
                let subject = super::Subject::Image { action: "pull", id: name.clone(), name };
                out.events.push(super::Occurrence { at: around.now + self.ahead, subject });
                Ok(Response::ImagePulled { digest: format!("sha256:{}", digest(&reference)), fetched, reference })
            }
        };
        out.answers.push((client, request, answer));
    }

    /// Images that are on their way, and when they are here: for whoever looks at the world.
    pub fn pulls(&self) -> BTreeMap<&str, Time> {
        self.pulls.iter().map(|(reference, pull)| (reference.as_str(), pull.ends)).collect()
    }
}

fn refusal(error: PullError, reference: &str, around: &Surroundings<'_>) -> ApiError {
    let status = if error.is_temporary() { 500 } else { 404 };
    ApiError::new(status, error.text(reference, around.registry.resolver()))
}
