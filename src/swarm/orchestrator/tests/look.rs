//! What tests look at on the bench.

use super::bench::World;
use crate::swarm::object::{Task, TaskState};
use std::collections::BTreeMap;
use std::sync::Arc;

impl World {
    fn describe(&self, task: &Task) -> String {
        let version = self.versions[&task.service].iter().position(|version| *version == task.spec_version);
        let err = task.status.err.as_ref().map_or(String::new(), |err| format!(" {err}"));
        let version = version.map_or(0, |place| place + 1);
        format!("{}/{} {} v{version}{err}", task.desired.as_str(), task.status.state.as_str(), task.spec.image)
    }

    /// `1: shutdown/failed app:v1 v1 ..., ready/ready app:v1 v1`, a line a slot.
    pub fn slots(&self, name: &str) -> Vec<String> {
        let mut slots: BTreeMap<u32, Vec<String>> = BTreeMap::new();
        for task in self.state.tasks_of_service(self.service(name).key) {
            slots.entry(task.slot).or_default().push(self.describe(task));
        }
        slots.into_iter().map(|(slot, tasks)| format!("{slot}: {}", tasks.join(", "))).collect()
    }

    /// `4 x running/running app:v1 v1`, sorted.
    pub fn counts(&self, name: &str) -> Vec<String> {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for task in self.state.tasks_of_service(self.service(name).key) {
            *counts.entry(self.describe(task)).or_insert(0) += 1;
        }
        counts.into_iter().map(|(text, count)| format!("{count} x {text}")).collect()
    }

    /// State and message of a service's update.
    pub fn status(&self, name: &str) -> String {
        let status = self.service(name).update_status.clone();
        status.map_or_else(|| "none".to_owned(), |status| status.state.as_str().to_owned())
    }

    /// Changes of the service's update status: when, and to what. A task's id is shown as its name.
    pub fn story(&self, name: &str) -> Vec<(i64, String)> {
        let mut story: Vec<(i64, String)> = Vec::new();
        for line in self.log.iter().filter(|line| line.name == name) {
            if story.last().is_none_or(|(_, text)| *text != line.text) {
                story.push((line.at, line.text.clone()));
            }
        }
        story
    }

    /// Slots whose live task runs this image, by number.
    pub fn slots_with(&self, name: &str, image: &str) -> Vec<u32> {
        let tasks = self.state.tasks_of_service(self.service(name).key);
        let live = tasks.filter(|task| task.desired <= TaskState::Running && &*task.spec.image == image);
        let mut slots: Vec<_> = live.map(|task| task.slot).collect();
        slots.sort_unstable();
        slots.dedup();
        slots
    }

    pub fn running(&self, name: &str) -> usize {
        let tasks = self.state.tasks_of_service(self.service(name).key);
        tasks.filter(|task| task.status.state == TaskState::Running).count()
    }

    /// How many tasks of a service were ever made.
    pub fn made(&self, name: &str) -> usize {
        let key = self.service(name).key;
        self.made.iter().filter(|((service, ..), _)| *service == key).map(|(_, count)| count).sum()
    }

    /// When the log shows `text` for `name` first.
    pub fn when(&self, name: &str, text: &str) -> Option<i64> {
        self.log.iter().find(|line| line.name == name && line.text == text).map(|line| line.at)
    }

    /// The task of this name (`web.3#2`), unless it is gone.
    pub fn task(&self, name: &str) -> Option<&Arc<Task>> {
        let key = self.names.iter().find(|(_, known)| *known == name).map(|(key, _)| *key)?;
        self.state.tasks.get(key)
    }
}
