//! One run of a recording's steps, and what was seen of it.

use super::super::bench::{World, Written, node_name};
use super::super::specs::Image;
use super::read::{Recording, entries, int, service_spec, text};
use crate::engine::{Duration, Seed};
use crate::swarm::api;
use crate::swarm::component::{Ids, Writer};
use crate::swarm::control::{nodes, services};
use crate::swarm::object::{Availability, Labels, NodeDescription, NodeKey, Role, Task, TaskState};
use crate::swarm::store::{Change, Transaction, Why};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a write costs.
const WRITE: Duration = Duration::from_micros(700);
/// What preparing, starting and stopping take: the recordings' 100 ms and what the real timers cost, so that crash loops
/// are in the same phase after ten seconds.
const STEP: Duration = Duration::from_millis(101);

/// What was seen of a run.
#[derive(Debug, Default)]
pub struct Seen {
    /// Forms by checkpoint, as in the recording.
    pub checkpoints: Vec<(String, BTreeMap<&'static str, Value>)>,
    pub step_results: Vec<String>,
    /// By the recording's names.
    pub metrics: BTreeMap<String, Value>,
    /// When each state of an update came first.
    pub times: BTreeMap<String, i64>,
    /// (states, desired states) of each task, in their order.
    pub timelines: BTreeSet<(String, String)>,
    /// (state, message, err)
    pub messages: BTreeSet<(String, String, String)>,
}

/// A run under way.
pub struct Replay<'a> {
    recording: &'a Recording,
    world: World,
    /// Lines of the world's log that were looked at, and the service of each.
    looked: usize,
    /// Of the whole recording.
    service_names: BTreeSet<String>,
    /// Tasks of each service that run, and how few and how many did in this window; how many were made in it.
    windows: BTreeMap<String, Window>,
    running: BTreeMap<String, BTreeSet<String>>,
    seen: Seen,
    timelines: BTreeMap<String, Timeline>,
    sequences: BTreeMap<String, Vec<String>>,
}

#[derive(Clone, Copy, Default)]
struct Window {
    least: usize,
    most: usize,
    made: usize,
}

#[derive(Default)]
struct Timeline {
    states: Vec<String>,
    desired: Vec<String>,
}

impl<'a> Replay<'a> {
    pub fn run(recording: &'a Recording, seed: u64) -> Seen {
        Self::run_at_pace(recording, seed, STEP)
    }

    /// The same with steps of agents that take this long.
    pub fn run_at_pace(recording: &'a Recording, seed: u64, pace: Duration) -> Seen {
        let mut world = World::new(0).by_chance(Seed(seed));
        // Real stores answer in less than a millisecond; a little time between writes keeps the loops from being in lock
        // step.
        world.latency = WRITE;
        for image in &recording.images {
            world = world.image(text(image, "image"), image_of(image, pace));
        }
        world.plain = Image { prepare: pace, start: pace, stop: pace, ..Image::default() };
        let mut replay = Self {
            recording,
            world,
            looked: 0,
            service_names: recording
                .steps
                .iter()
                .filter(|step| text(step, "action") == "create_service")
                .map(|step| text(step, "service").to_owned())
                .collect(),
            windows: BTreeMap::new(),
            running: BTreeMap::new(),
            seen: Seen::default(),
            timelines: BTreeMap::new(),
            sequences: BTreeMap::new(),
        };
        replay.set_history_limit();
        for node in &recording.nodes {
            replay.add_node(node);
        }
        // The recording's clock begins when the nodes are there and everything is quiet.
        replay.world.begin();
        for step in &recording.steps {
            replay.world.until(int(step, "at_ms"));
            replay.look();
            replay.step(step);
            replay.look();
        }
        replay.conclude()
    }

    fn set_history_limit(&mut self) {
        let limit = self.recording.history_limit;
        self.world.write_now(|tx| {
            let mut cluster = (**tx.state().cluster.as_ref().expect("the bench has one")).clone();
            cluster.task_history_limit = limit;
            tx.put_cluster(cluster, Why::Request);
        });
    }

    fn add_node(&mut self, def: &Value) {
        let labels = |key: &str| -> Arc<Labels> {
            Arc::new(entries(&def[key]).map(|(k, v)| (k.clone(), v.as_str().unwrap_or("").to_owned())).collect())
        };
        let description = NodeDescription {
            hostname: text(def, "hostname").into(),
            os: text(def, "os").into(),
            architecture: text(def, "arch").into(),
            nano_cpus: int(def, "nano_cpus"),
            memory_bytes: int(def, "memory_bytes"),
            engine_labels: (*labels("engine_labels")).clone(),
            ..NodeDescription::default()
        };
        let key = self.world.add_node_as(|node| {
            node.spec.labels = labels("labels");
            node.spec.availability = availability(text(def, "availability"));
            node.role = if text(def, "role") == "manager" { Role::Manager } else { Role::Worker };
            node.spec.role = node.role;
            node.description = Arc::new(description);
        });
        assert_eq!(node_name(key), text(def, "id"), "nodes come in the order of their names");
    }

    fn node(&self, name: &str) -> NodeKey {
        let number: u32 = name.strip_prefix("node-").and_then(|number| number.parse().ok()).expect("node-N");
        NodeKey(number - 1)
    }

    fn node_id(&self, name: &str) -> Option<String> {
        let number: u32 = name.strip_prefix("node-")?.parse().ok()?;
        self.world.state.node_id(NodeKey(number - 1)).map(|id| id.text())
    }

    fn step(&mut self, step: &Value) {
        let service = text(step, "service").to_owned();
        let code = int(step, "exit_code") as i32;
        match text(step, "action") {
            "create_service" => {
                let spec = service_spec(&step["service_spec"], &|name| self.node_id(name));
                let result = self.request(|tx, ids| services::create(&spec, tx, ids, Seed(0)));
                self.result(step, result);
            }
            "update_service" => {
                let spec = service_spec(&step["service_spec"], &|name| self.node_id(name));
                self.update(step, &service, spec, false);
            }
            "scale_service" => {
                let mut spec = (*self.world.service(&service).spec.api).clone();
                spec.mode = api::ServiceMode::Replicated { replicas: step["n"].as_u64() };
                self.update(step, &service, spec, false);
            }
            "rollback_service" => {
                let spec = (*self.world.service(&service).spec.api).clone();
                self.update(step, &service, spec, true);
            }
            "remove_service" => {
                let result = self.request(|tx, _| services::remove(&service, tx));
                self.result(step, result);
            }
            "task_exit" => {
                let slot = step["slot"].as_u64();
                let node = step["node"].as_str().map(|name| self.node(name));
                let ended = self.world.exit_where(&service, code, |task| {
                    slot.is_none_or(|slot| u64::from(task.slot) == slot)
                        && node.is_none_or(|node| task.node == Some(node))
                });
                assert!(ended, "{step}: there is such a task");
            }
            "crash_old" => {
                let image = text(step, "label").to_owned();
                // In all ten runs it was a task of the slot that the update took next: no other choice leaves six tasks
                // at the first checkpoint.
                let next = self.world.loops.orchestrators.next_slot(self.world.service(&service).key);
                let old = |task: &Task| Some(task.slot) == next && *task.spec.image == *image;
                assert!(self.world.exit_where(&service, code, old), "{step}: there is such a task");
            }
            "node_down" => self.world.node_down(self.node(text(step, "node"))),
            "node_up" => self.world.node_up(self.node(text(step, "node"))),
            "node_availability" => {
                self.world.availability(self.node(text(step, "node")), availability(text(step, "value")));
            }
            "node_label_set" => {
                let (label, value) = (text(step, "key").to_owned(), text(step, "value").to_owned());
                self.world.change_node(self.node(text(step, "node")), |node| {
                    Arc::make_mut(&mut node.spec.labels).insert(label, value);
                });
            }
            "node_label_rm" => {
                self.world.change_node(self.node(text(step, "node")), |node| {
                    Arc::make_mut(&mut node.spec.labels).remove(text(step, "key"));
                });
            }
            "node_resources" => {
                self.world.change_node(self.node(text(step, "node")), |node| {
                    Arc::make_mut(&mut node.description).nano_cpus = int(step, "n");
                });
            }
            "node_add" => self.add_node(&step["node_def"]),
            "node_remove" => {
                let key = self.node(text(step, "node"));
                let id = self.world.state.nodes.get(key).expect("it is there").id.text();
                self.world.agents.remove(&key);
                let result = self.request(|tx, _| nodes::remove(&id, true, tx));
                self.result(step, result);
            }
            "leader_failover" => self.world.failover(),
            "checkpoint" => self.checkpoint(text(step, "label")),
            other => panic!("no such step: {other}"),
        }
    }

    fn update(&mut self, step: &Value, service: &str, spec: api::ServiceSpec, rollback: bool) {
        let version = self.world.service(service).meta.version;
        let result = self.request(|tx, _| services::update(service, version, &spec, rollback, tx));
        self.result(step, result);
    }

    /// A request is written only if it is granted.
    fn request(
        &mut self,
        ask: impl FnOnce(&mut Transaction, &mut Ids) -> Result<api::Response, api::ApiError>,
    ) -> Result<(), String> {
        self.world.wait_for_turn();
        let mut tx = Transaction::new(&self.world.state, self.world.now);
        let mut ids = self.world.ids.clone();
        let result = ask(&mut tx, &mut ids);
        let changes: Vec<(Change, Why)> = tx.into_changes();
        self.world.ids = ids;
        match result {
            Ok(_) => {
                self.world.commit(Writer::Api(0), changes);
                self.world.grant();
                Ok(())
            }
            Err(error) => Err(error.message),
        }
    }

    fn result(&mut self, step: &Value, result: Result<(), String>) {
        let Err(message) = result else { return };
        // The engine wraps plain errors, the recordings show them bare; ids stand there as names.
        let bare = message.strip_prefix("rpc error: code = Unknown desc = ").unwrap_or(&message);
        let mut bare = bare.to_owned();
        for service in self.world.state.services.values() {
            bare = bare.replace(&service.id.text(), &format!("{{{}}}", service.name()));
        }
        self.seen.step_results.push(format!("at_ms={} {}: error: {bare}", int(step, "at_ms"), text(step, "action")));
    }

    /// Takes note of what was written since the last look.
    fn look(&mut self) {
        for line in &self.world.log[self.looked..] {
            let (task, new, gone) = match &line.what {
                Written::Task { task, new, gone } => (task, *new, *gone),
                Written::Made => continue,
                Written::Service { version, state, message } => {
                    let text = format!("v{version} {state} ({message})");
                    let sequence = self.sequences.entry(line.name.clone()).or_default();
                    if sequence.last() != Some(&text) {
                        sequence.push(text);
                    }
                    self.seen.times.entry(format!("{} v{version} {state}", line.name)).or_insert(line.at);
                    continue;
                }
            };
            let service = line.name.split('.').next().expect("web.1#1").to_owned();
            let running = self.running.entry(service.clone()).or_default();
            let timeline = self.timelines.entry(line.name.clone()).or_default();
            if gone {
                running.remove(&line.name);
            } else {
                if new {
                    self.windows.entry(service.clone()).or_default().made += 1;
                }
                let status = &task.status;
                if status.state == TaskState::Running {
                    running.insert(line.name.clone());
                } else {
                    running.remove(&line.name);
                }
                let (state, desired) = (status.state.as_str().to_owned(), task.desired.as_str().to_owned());
                if status.state > TaskState::New && !timeline.states.contains(&state) {
                    timeline.states.push(state.clone());
                }
                if !timeline.desired.contains(&desired) {
                    timeline.desired.push(desired);
                }
                if !new {
                    let err = status.err.as_deref().unwrap_or_default().to_owned();
                    self.seen.messages.insert((state, status.message.to_owned(), err));
                }
            }
            let count = running.len();
            let window = self.windows.entry(service).or_default();
            window.least = window.least.min(count);
            window.most = window.most.max(count);
        }
        self.looked = self.world.log.len();
    }

    /// Compares by forms; a service that is gone is there as long as it has tasks.
    fn checkpoint(&mut self, label: &str) {
        let state = &self.world.state;
        let mut by_service: BTreeMap<String, Vec<Arc<Task>>> = BTreeMap::new();
        for service in state.services.values() {
            by_service.entry(service.name().to_string()).or_default();
        }
        for task in state.tasks.values() {
            by_service.entry(task.service_name.to_string()).or_default().push(task.clone());
        }
        let mut forms: BTreeMap<&'static str, serde_json::Map<String, Value>> = BTreeMap::new();
        for (name, tasks) in &by_service {
            let found = state.services.values().find(|service| **service.name() == **name);
            let by_node = found.is_some_and(|service| service.spec.mode.is_by_node());
            let mut per_node: BTreeMap<String, u64> =
                state.nodes.values().map(|node| (node_name(node.key), 0)).collect();
            let (mut placement, mut slots) = (serde_json::Map::new(), BTreeMap::<String, Vec<String>>::new());
            let mut multiset: BTreeMap<String, u64> = BTreeMap::new();
            for task in tasks {
                let node = task.node.map(node_name);
                let slot = match &node {
                    Some(node) if by_node => node.clone(),
                    _ => task.slot.to_string(),
                };
                if task.status.state == TaskState::Running && task.desired <= TaskState::Complete {
                    let node = node.clone().expect("what runs has a node");
                    *per_node.entry(node).or_default() += 1;
                }
                if task.desired <= TaskState::Running {
                    placement.insert(slot.clone(), json!(node.unwrap_or_default()));
                }
                let text = self.describe(task);
                *multiset.entry(text.clone()).or_default() += 1;
                slots.entry(slot).or_default().push(text);
            }
            let mut sorted: Vec<u64> = per_node.values().copied().collect();
            sorted.sort_unstable_by(|a, b| b.cmp(a));
            let update = found.and_then(|service| service.update_status.as_ref());
            let mut put = |form, value| {
                forms.entry(form).or_default().insert(name.clone(), value);
            };
            put("sorted_running_per_node", json!(sorted));
            put("running_per_node", json!(per_node));
            put("placement", Value::Object(placement));
            put("slot_states", json!(slots));
            put("state_multiset", json!(multiset));
            put("update_state", json!(update.map_or("none", |status| status.state.as_str())));
        }
        // These also tell of services that are not made yet, or gone.
        for name in &self.service_names {
            let window = self.windows.entry(name.clone()).or_default();
            let range = format!("{}..{}", window.least, window.most);
            let key = |what| format!("{label}: {name}: {what} in the window ending here");
            self.seen.metrics.insert(key("tasks created"), json!(window.made));
            self.seen.metrics.insert(key("tasks in state RUNNING min..max"), json!(range));
            let count = self.running.get(name).map_or(0, BTreeSet::len);
            *window = Window { least: count, most: count, made: 0 };
        }
        let names = [
            "sorted_running_per_node",
            "running_per_node",
            "placement",
            "slot_states",
            "state_multiset",
            "update_state",
        ];
        let forms = names.map(|form| (form, Value::Object(forms.remove(form).unwrap_or_default())));
        self.seen.checkpoints.push((label.to_owned(), forms.into_iter().collect()));
    }

    fn describe(&self, task: &Task) -> String {
        let versions = &self.world.versions[&task.service];
        let version = versions.iter().position(|version| *version == task.spec_version).map_or(0, |place| place + 1);
        let err = task.status.err.as_ref().map_or(String::new(), |err| format!(" err={err}"));
        let (desired, state) = (task.desired.as_str(), task.status.state.as_str());
        format!("desired={desired} state={state} image={} v{version}{err}", task.spec.image)
    }

    fn conclude(mut self) -> Seen {
        for timeline in self.timelines.values() {
            self.seen.timelines.insert((timeline.states.join(" "), timeline.desired.join(" ")));
        }
        for (name, sequence) in &self.sequences {
            let key = format!("{name}: sequence of (spec version, update state, message)");
            self.seen.metrics.insert(key, json!(sequence));
        }
        self.seen
    }
}

fn availability(text: &str) -> Availability {
    match text {
        "drain" => Availability::Drain,
        "pause" => Availability::Pause,
        _ => Availability::Active,
    }
}

fn image_of(image: &Value, pace: Duration) -> Image {
    let exit =
        image["exit_after_ms"].as_i64().map(|after| (Duration::from_millis(after + 1), int(image, "exit_code") as i32));
    let slots = image["only_in_slots"].as_array();
    Image {
        prepare: pace,
        start: pace,
        stop: pace,
        slots: slots.map(|slots| slots.iter().filter_map(|slot| slot.as_u64().map(|slot| slot as u32)).collect()),
        first: image["only_first_n_tasks_of_slot"].as_u64().map_or(usize::MAX, |first| first as usize),
        of_image: true,
        rejected: image["prepare_error"].as_str().map(Into::into),
        exit,
        ..Image::default()
    }
}
