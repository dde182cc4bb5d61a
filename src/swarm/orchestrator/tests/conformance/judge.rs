//! Holds what was seen of the replays against a recording.

use super::read::{Recording, entries, int, text};
use super::replay::Seen;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What has come out of the replays of one recording so far.
pub struct Judge<'a> {
    recording: &'a Recording,
    /// Each once, whatever the seed.
    pub differences: BTreeSet<String>,
    /// Listed values of varying forms that some seed has reached: checkpoint, form, place in the list.
    reached: BTreeSet<(String, &'static str, usize)>,
    timelines: BTreeSet<(String, String)>,
    messages: BTreeSet<(String, String, String)>,
}

/// The forms from which chance is taken out: a value that was never seen is a difference.
const STRICT: [&str; 3] = ["sorted_running_per_node", "state_multiset", "update_state"];

fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.len() <= 700 { text } else { format!("{}...", text.chars().take(700).collect::<String>()) }
}

fn values(list: &Value) -> Vec<&Value> {
    list.as_array().into_iter().flatten().map(|entry| &entry["value"]).collect()
}

impl<'a> Judge<'a> {
    pub fn new(recording: &'a Recording) -> Self {
        Self {
            recording,
            differences: BTreeSet::new(),
            reached: BTreeSet::new(),
            timelines: BTreeSet::new(),
            messages: BTreeSet::new(),
        }
    }

    /// How many values of varying forms the recording lists.
    pub fn listed(&self) -> usize {
        entries(&self.recording.varying).flat_map(|(_, forms)| entries(forms)).map(|(_, list)| values(list).len()).sum()
    }

    /// How many of them were reached.
    pub fn reached(&self) -> usize {
        self.reached.len()
    }

    fn differs(&mut self, text: String) {
        self.differences.insert(text);
    }

    /// Another replay.
    pub fn hear(&mut self, _seed: u64, seen: &Seen) {
        for (label, forms) in &seen.checkpoints {
            for (form, found) in forms {
                self.form(label, form, found);
            }
        }
        let results = values(&self.recording.metrics["step_results"]);
        let own = if seen.step_results.is_empty() { Value::Null } else { Value::from(seen.step_results.clone()) };
        if !results.contains(&&own) {
            self.differs(format!("step results: {own}"));
        }
        for (key, list) in entries(&self.recording.metrics) {
            self.metric(key, &values(list), seen.metrics.get(key));
        }
        for key in seen.metrics.keys().filter(|key| key.contains("sequence of")) {
            if self.recording.metrics.get(key).is_none() {
                self.differs(format!("{key}: never seen: {}", seen.metrics[key]));
            }
        }
        for (name, &(low, high)) in &self.recording.times {
            // What a step costs on the real clock is known on the average only.
            let (low, high) = (low - low / 20 - 30, high + 100);
            if let Some(found) = seen.times.get(name).filter(|found| !(low..=high).contains(*found)) {
                self.differs(format!("{name}: at {found} ms, expected {low} to {high}"));
            }
        }
        self.timelines.extend(seen.timelines.iter().cloned());
        self.messages.extend(seen.messages.iter().cloned());
    }

    fn form(&mut self, label: &str, form: &'static str, found: &Value) {
        if let Some(expected) = self.recording.invariants[label].get(form) {
            if expected != found {
                self.differs(format!(
                    "{label}: {form}:\n    expected {}\n    found    {}",
                    short(expected),
                    short(found)
                ));
            }
            return;
        }
        let Some(list) = self.recording.varying[label].get(form) else { return };
        let list = values(list);
        if let Some(place) = list.iter().position(|value| *value == found) {
            self.reached.insert((label.to_owned(), form, place));
        } else if STRICT.contains(&form) {
            // Services vary independently of each other.
            for (service, found) in entries(found) {
                let seen: Vec<_> = list.iter().map(|value| &value[service.as_str()]).collect();
                if !seen.contains(&found) {
                    let seen: BTreeSet<_> = seen.iter().map(|value| format!("\n    seen  {}", short(value))).collect();
                    let seen: String = seen.into_iter().collect();
                    self.differs(format!("{label}: {form}: {service}:{seen}\n    found {}", short(found)));
                }
            }
        }
    }

    fn metric(&mut self, key: &str, list: &[&Value], found: Option<&Value>) {
        // Which node a replacement gets is chance where it is not fixed by the forms.
        if key == "step_results" || key.contains("replacement tasks on the same node") {
            return;
        }
        let Some(found) = found else {
            return self.differs(format!("{key}: missing"));
        };
        let within = if key.contains("min..max") {
            let bounds = |value: &Value| -> (u64, u64) {
                let (low, high) = value.as_str().and_then(|text| text.split_once("..")).expect("a range");
                (low.parse().expect("a number"), high.parse().expect("a number"))
            };
            let all: Vec<_> = list.iter().map(|value| bounds(value)).collect();
            let found = bounds(found);
            let between = |number: u64, of: fn(&(u64, u64)) -> u64| {
                (all.iter().map(of).min() <= Some(number)) && (Some(number) <= all.iter().map(of).max())
            };
            between(found.0, |range| range.0) && between(found.1, |range| range.1)
        } else if let Some(found) = found.as_u64() {
            let all = || list.iter().filter_map(|value| value.as_u64());
            all().min() <= Some(found) && Some(found) <= all().max()
        } else {
            list.contains(&found)
        };
        if !within {
            let seen: Vec<_> = list.iter().map(|value| short(value)).collect();
            self.differs(format!("{key}: seen {}; found {}", seen.join(" | "), short(found)));
        }
    }

    /// After the last replay: what the first recorded run did is done by some seed, and what is said was said there.
    pub fn conclude(&mut self) {
        let (mut timelines, mut messages) = (BTreeSet::new(), BTreeSet::new());
        // What comes after the last step is the loops' being stopped.
        let end = self.recording.steps.iter().map(|step| int(step, "at_ms")).max().unwrap_or_default();
        for task in self.recording.first_run["task_timelines"].as_array().into_iter().flatten() {
            timelines.insert((in_order(&task["states"], end), in_order(&task["desired"], end)));
        }
        for event in self.recording.first_run["events"].as_array().into_iter().flatten() {
            if text(event, "kind") == "task_update" {
                let said = (text(event, "state"), text(event, "message"), text(event, "err"));
                messages.insert((said.0.to_owned(), said.1.to_owned(), said.2.to_owned()));
            }
        }
        for (states, desired) in timelines.difference(&self.timelines.clone()) {
            self.differs(format!("no task went through {states}; desired {desired}"));
        }
        for said in messages.difference(&self.messages.clone()) {
            self.differs(format!("never said: {said:?}"));
        }
        // Several counts in one explanation depend on the order in which nodes were looked at.
        let by_chance = |err: &str| err.contains("; ");
        for said in self.messages.clone().difference(&messages).filter(|said| !by_chance(&said.2)) {
            self.differs(format!("said only here: {said:?}"));
        }
    }
}

/// Names of states with the times when they came first: the names in their order, up to the end.
fn in_order(times: &Value, end: i64) -> String {
    const RANKS: [&str; 14] = [
        "new",
        "pending",
        "assigned",
        "accepted",
        "preparing",
        "ready",
        "starting",
        "running",
        "complete",
        "shutdown",
        "failed",
        "rejected",
        "remove",
        "orphaned",
    ];
    let rank = |name: &str| RANKS.iter().position(|known| *known == name).expect("a state of a task");
    let names = entries(times).map(|(name, _)| name.as_str()).filter(|name| int(times, name) <= end);
    let by_time: BTreeMap<_, _> = names.map(|name| ((int(times, name), rank(name)), name)).collect();
    by_time.into_values().collect::<Vec<_>>().join(" ")
}
