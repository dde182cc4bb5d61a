//! Holds what was seen of the replays against a recording.

use super::read::{Recording, entries, int, text};
use super::replay::Seen;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// States and desired states of tasks, each in its order.
type Timelines = BTreeSet<(String, String)>;
/// States with their messages and errors.
type Messages = BTreeSet<(String, String, String)>;

/// What has come out of the replays of one recording so far.
pub struct Judge<'a> {
    recording: &'a Recording,
    /// Each with the number of seeds that show it; all of them for what concerns the printed run.
    pub differences: BTreeMap<String, u64>,
    seeds: u64,
    timelines: Timelines,
    messages: Messages,
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
            differences: BTreeMap::new(),
            seeds: 0,
            timelines: BTreeSet::new(),
            messages: BTreeSet::new(),
        }
    }

    fn differs(&mut self, text: String) {
        *self.differences.entry(text).or_default() += 1;
    }

    /// Another replay.
    pub fn hear(&mut self, seen: &Seen) {
        self.seeds += 1;
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
        self.listen(seen);
    }

    /// A replay of which only tasks' ways and messages count.
    pub fn listen(&mut self, seen: &Seen) {
        self.timelines.extend(seen.timelines.iter().cloned());
        self.messages.extend(seen.messages.iter().cloned());
    }

    /// Whether all that the printed run did was done by some seed.
    pub fn has_met_the_printed_run(&self) -> bool {
        let (timelines, messages) = self.printed();
        timelines.is_subset(&self.timelines) && messages.is_subset(&self.messages)
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
        if !list.contains(&found) && STRICT.contains(&form) {
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

    /// The ways of tasks and the messages of the run that the recording prints.
    fn printed(&self) -> (Timelines, Messages) {
        let (mut timelines, mut messages) = (Timelines::new(), Messages::new());
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
        (timelines, messages)
    }

    /// After the last replay: what the printed run did is done by some seed, and what is said was said there.
    pub fn conclude(&mut self) {
        let (timelines, messages) = self.printed();
        let mut different = Vec::new();
        for (states, desired) in timelines.difference(&self.timelines) {
            different.push(format!("no task went through {states}; desired {desired}"));
        }
        for said in messages.difference(&self.messages) {
            different.push(format!("never said: {said:?}"));
        }
        let explained: Vec<_> = messages.iter().filter_map(|said| Explanation::read(&said.2)).collect();
        // After a partial success only the nodes that were looked at since are counted, in whatever order that was.
        let in_part =
            |err: &str| Explanation::read(err).is_some_and(|part| explained.iter().any(|whole| part.is_part_of(whole)));
        for said in self.messages.difference(&messages).filter(|said| !in_part(&said.2)) {
            different.push(format!("said only here: {said:?}"));
        }
        self.differences.extend(different.into_iter().map(|text| (text, self.seeds)));
    }
}

/// Why no node would do: nodes by the reason, in any number.
#[derive(Debug)]
struct Explanation(BTreeMap<String, u64>);

impl Explanation {
    /// `None`: it is something else.
    fn read(err: &str) -> Option<Self> {
        let reasons = err.strip_prefix("no suitable node (")?.strip_suffix(')')?.split("; ");
        let counted = reasons.map(|reason| {
            let count = reason.split(' ').find_map(|word| word.parse().ok()).unwrap_or(1);
            let words = reason.split(' ').filter(|word| word.parse::<u64>().is_err());
            (words.map(|word| word.trim_end_matches('s')).collect::<Vec<_>>().join(" "), count)
        });
        Some(Self(counted.collect()))
    }

    /// It counts some of the nodes that the other one counts.
    fn is_part_of(&self, whole: &Self) -> bool {
        self.0.iter().all(|(reason, count)| whole.0.get(reason).is_some_and(|all| count <= all))
    }
}

#[test]
fn an_explanation_in_part() {
    let read = |err: &str| Explanation::read(err).expect("an explanation");
    let whole =
        read("no suitable node (scheduling constraints not satisfied on 3 nodes; insufficient resources on 2 nodes)");
    assert!(read("no suitable node (insufficient resources on 1 node)").is_part_of(&whole));
    assert!(
        read("no suitable node (insufficient resources on 2 nodes; scheduling constraints not satisfied on 1 node)")
            .is_part_of(&whole)
    );
    assert!(!read("no suitable node (insufficient resources on 3 nodes)").is_part_of(&whole));
    assert!(!read("no suitable node (1 node not available for new tasks)").is_part_of(&whole));
    assert!(Explanation::read("task: non-zero exit (1)").is_none());
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
