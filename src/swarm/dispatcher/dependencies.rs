//! Secrets and configs that an agent has been given: only those that its tasks name, and only for as long as they do.
//!
//! Source: SwarmKit's `manager/dispatcher/assignments.go`.

use crate::swarm::object::{FileKey, StoredFile, Task, TaskKey, TaskState, Uses};
use crate::swarm::store::State;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What one agent has been given, and for which tasks.
#[derive(Clone, Debug, Default)]
pub(super) struct Dependencies {
    users: BTreeMap<FileKey, BTreeSet<TaskKey>>,
    tasks: BTreeMap<TaskKey, Arc<Uses>>,
}

impl Dependencies {
    /// A task is sent: what it needs, and the agent does not have yet, goes along.
    pub(super) fn add(&mut self, task: &Task, state: &State, new: &mut Vec<Arc<StoredFile>>) {
        let uses = &task.spec.uses;
        if uses.files.is_empty() || task.status.state > TaskState::Running || self.tasks.contains_key(&task.key) {
            return;
        }
        self.tasks.insert(task.key, uses.clone());
        for key in &uses.files {
            let users = self.users.entry(*key).or_default();
            if users.is_empty() {
                new.extend(state.files.get(*key).cloned());
            }
            users.insert(task.key);
        }
    }

    /// A task has ended or is gone. Gives what no other task of the agent needs.
    pub(super) fn release(&mut self, task: TaskKey) -> Vec<FileKey> {
        let Some(uses) = self.tasks.remove(&task) else { return Vec::new() };
        let mut gone = Vec::new();
        for key in &uses.files {
            if let Some(users) = self.users.get_mut(key) {
                users.remove(&task);
                if users.is_empty() {
                    self.users.remove(key);
                    gone.push(*key);
                }
            }
        }
        gone
    }

    /// The agent has a new session: it is given everything again.
    pub(super) fn clear(&mut self) {
        self.users.clear();
        self.tasks.clear();
    }
}
