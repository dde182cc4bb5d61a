//! What the swarm has given a host for its tasks: its places on networks, the networks that are set up here, secrets and
//! configs.
//!
//! A network of the swarm exists on a host only while a task uses it here. A task that comes before the node has its
//! places on all of the task's overlay networks waits, and is given up after half a minute.
//!
//! Source: networking.md §1.5; moby `daemon/cluster/executor/container` (`waitNodeAttachments`, `Configure`).

use crate::engine::{Duration, Time};
use crate::swarm::object::{Attachment, FileKey, FileKind, Network, NetworkKey, StoredFile, Task, TaskKey};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A task waits so long for its node's places.
pub(super) const ATTACHMENT_TIMEOUT: Duration = Duration::from_secs(30);
/// Meanwhile it looks again so often.
const POLL: Duration = Duration::from_millis(100);
/// What is then said of it.
pub(super) const NO_ATTACHMENT: &str = "node is missing network attachments, ip addresses may be exhausted";

/// A network of the swarm that is set up on a host.
#[derive(Clone, Debug)]
pub struct Instance {
    /// The network.
    pub network: Arc<Network>,
    /// Since when.
    pub created_at: Time,
    /// Tasks whose containers are on it.
    users: BTreeSet<TaskKey>,
}

/// A secret or a config in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountedFile {
    /// Where: `/run/secrets/NAME`.
    pub path: String,
    /// Permissions.
    pub mode: u32,
    /// What it says.
    pub content: Arc<[u8]>,
}

/// What the swarm has given a host.
#[derive(Clone, Debug, Default)]
pub struct Provision {
    /// The node's places on networks, as the manager said last.
    attachments: Arc<[Attachment]>,
    instances: BTreeMap<NetworkKey, Instance>,
    files: BTreeMap<FileKey, Arc<StoredFile>>,
    /// Tasks that wait for the node's places: since when, which operation, and who.
    waiting: BTreeMap<TaskKey, (Time, u32, Arc<Task>)>,
}

impl Provision {
    /// The node's places on networks.
    pub fn attachments(&self) -> &[Attachment] {
        &self.attachments
    }

    /// The networks of the swarm that are set up here.
    pub fn instances(&self) -> impl Iterator<Item = &Instance> {
        self.instances.values()
    }

    fn has_places(&self, task: &Task) -> bool {
        let there = |key: NetworkKey| self.attachments.iter().any(|place| place.network.key == key);
        task.networks.iter().filter(|place| !place.network.is_node_local()).all(|place| there(place.network.key))
    }

    /// A task is to be prepared. Gives it back if the node has its places on all of the task's networks; else it waits.
    pub(super) fn admit(&mut self, task: Arc<Task>, operation: u32, now: Time) -> Option<Arc<Task>> {
        if self.has_places(&task) {
            self.join(&task, now);
            return Some(task);
        }
        self.waiting.insert(task.key, (now, operation, task));
        None
    }

    /// A task that waited looks again, or for the last time. Gives it with what came of that.
    pub(super) fn look(&mut self, task: TaskKey, operation: u32, now: Time) -> Option<(Arc<Task>, bool)> {
        let (since, known, waiting) = self.waiting.get(&task)?;
        let ready = self.has_places(waiting);
        if *known != operation || !(ready || now >= *since + ATTACHMENT_TIMEOUT) {
            return None;
        }
        let (_, _, task) = self.waiting.remove(&task)?;
        if ready {
            self.join(&task, now);
        }
        Some((task, ready))
    }

    /// A task is not to be prepared any more.
    pub(super) fn cancel(&mut self, task: TaskKey) {
        self.waiting.remove(&task);
    }

    /// The node's places are these. Networks that it has no place on any more are taken down unless containers hold them.
    /// Gives the tasks that can go on, each with the moment at which it looks again.
    pub(super) fn attach(&mut self, attachments: Arc<[Attachment]>, now: Time) -> Vec<(Time, TaskKey, u32)> {
        self.attachments = attachments;
        for place in self.attachments.iter().filter(|place| place.network.spec.ingress) {
            let instance = || Instance { network: place.network.clone(), created_at: now, users: BTreeSet::new() };
            self.instances.entry(place.network.key).or_insert_with(instance);
        }
        let places = self.attachments.clone();
        let kept = |key: NetworkKey| places.iter().any(|place| place.network.key == key);
        self.instances.retain(|key, instance| !instance.users.is_empty() || kept(*key));
        let ready = self.waiting.iter().filter(|(_, (_, _, task))| self.has_places(task));
        let ready = ready.map(|(key, (since, operation, _))| {
            let polls = (now - *since).as_nanos().div_euclid(POLL.as_nanos()) + 1;
            (*since + POLL * polls, *key, *operation)
        });
        ready.collect()
    }

    /// Sets up the networks of a task.
    pub(super) fn join(&mut self, task: &Task, now: Time) {
        for place in task.networks.iter().filter(|place| !place.network.is_node_local()) {
            let instance = || Instance { network: place.network.clone(), created_at: now, users: BTreeSet::new() };
            self.instances.entry(place.network.key).or_insert_with(instance).users.insert(task.key);
        }
    }

    /// A task's container has ended: it is on no network any more.
    pub(super) fn leave(&mut self, task: &Task) {
        for place in task.networks.iter() {
            if let Some(instance) = self.instances.get_mut(&place.network.key) {
                instance.users.remove(&task.key);
            }
        }
    }

    /// A task was stopped or removed in order: the agent takes its networks down where nobody else is on them.
    pub(super) fn take_down(&mut self, task: &Task) {
        self.leave(task);
        for place in task.networks.iter().filter(|place| !place.network.spec.ingress) {
            if self.instances.get(&place.network.key).is_some_and(|instance| instance.users.is_empty()) {
                self.instances.remove(&place.network.key);
            }
        }
    }

    /// Keeps secrets and configs for tasks that come, and forgets others.
    pub(super) fn provide(&mut self, complete: bool, files: Vec<Arc<StoredFile>>, gone: &[FileKey]) {
        if complete {
            self.files.clear();
        }
        for key in gone {
            self.files.remove(key);
        }
        self.files.extend(files.into_iter().map(|file| (file.key, file)));
    }

    /// The secrets and configs that a task's container finds.
    pub(super) fn mounted(&self, task: &Task) -> Arc<[MountedFile]> {
        let container = &task.spec.api.container_spec;
        let file =
            |kind: FileKind, id: &str| self.files.values().find(|file| file.kind == kind && file.id.text() == id);
        let absolute = |target: &str, folder: &str| match target.starts_with('/') {
            true => target.to_owned(),
            false => format!("{folder}{target}"),
        };
        let mounted = |kind, id: &str, path: String, mode| {
            Some(MountedFile { path, mode, content: file(kind, id)?.spec.data.clone() })
        };
        let secrets = container.secrets.iter().filter_map(|secret| {
            mounted(FileKind::Secret, &secret.id, absolute(&secret.file.name, "/run/secrets/"), secret.file.mode)
        });
        let configs = container.configs.iter().filter_map(|config| {
            mounted(FileKind::Config, &config.id, absolute(&config.file.name, "/"), config.file.mode)
        });
        if container.secrets.is_empty() && container.configs.is_empty() {
            return Arc::default();
        }
        secrets.chain(configs).collect()
    }

    /// The daemon's process is gone: what managers said is forgotten, what is set up stays.
    pub(super) fn forget_daemon(&mut self) {
        self.waiting.clear();
        self.attachments = Arc::default();
    }
}
