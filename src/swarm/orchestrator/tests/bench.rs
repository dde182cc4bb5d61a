//! The bench: one store, the leader's loops, virtual time, fake agents. Turns are granted at once or cost a latency.

use super::agents::{Agents, Output, write_reports};
use super::invariants::Invariants;
use super::specs::Image;
use crate::engine::{Duration, Seed, Time};
use crate::swarm::allocator::Allocator;
use crate::swarm::component::{Alarm, Ids, Outbox, Writer};
use crate::swarm::object::{
    Cluster, Id, Network, NetworkKey, NetworkSpec, NodeKey, Service, ServiceKey, Task, TaskKey, TaskState,
};
use crate::swarm::orchestrator::{Mutant, Orchestrators, Reaper};
use crate::swarm::scheduler::{Scheduler, Ties};
use crate::swarm::store::{Change, Event, State, Transaction, Why};
use crate::swarm::world::check::{LeaderChecks, broken_by_change};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// How long after a change an agent hears of it.
const ASSIGN: Duration = Duration::from_millis(20);

/// With so many proposals at one moment loops go round in a circle, where each write asks for the next; with so many in all
/// they have done so for long. The real ones do it as fast as they can write: what the enforcer rejects for a node that an
/// attachment has just changed is made again at once by a rollback of a global service that restarts nothing, and by a global
/// job (§4.2-§4.4, §9).
const HOT: usize = 2000;
const MANY: usize = 20_000;
/// Then writes take longer, and the circle is gone round less often.
const SLOW: Duration = Duration::from_millis(50);
/// More proposals than even that leaves room for: then it is broken off.
const ENDLESS: usize = 40_000;

#[derive(Clone, Debug)]
pub enum Happening {
    Alarm(Alarm),
    Commit,
    Assign(NodeKey),
    Agent(NodeKey, TaskKey, u32),
}

/// One write of a task or a service's update status, as it was committed.
#[derive(Clone, Debug)]
pub struct Line {
    pub at: i64,
    /// `web.3#2`: the second task of slot 3; or a service's name.
    pub name: String,
    pub text: String,
    pub what: Written,
}

/// What a line is about.
#[derive(Clone, Debug)]
pub enum Written {
    /// A task was made, changed or deleted.
    Task { task: Arc<Task>, new: bool, gone: bool },
    /// A service was made.
    Made,
    /// A service was changed: its spec's ordinal, its update's state, and the message with the task's id left out.
    Service { version: usize, state: &'static str, message: String },
}

#[derive(Clone, Debug)]
pub struct Loops {
    pub allocator: Allocator,
    pub scheduler: Scheduler,
    pub reaper: Reaper,
    pub orchestrators: Orchestrators,
}

impl Loops {
    fn start(chance: Option<Seed>, state: &State, now: Time, out: &mut Outbox) -> Self {
        let ties = match chance {
            Some(seed) => Ties::Shuffled(seed.stream("ties", &now)),
            None => Ties::Natural,
        };
        let mut loops = Self {
            allocator: Allocator::start(state, now, out),
            scheduler: Scheduler::start(ties, state, now, out),
            reaper: Reaper::start(state, now, out),
            orchestrators: Orchestrators::start(state, now, now, out),
        };
        if let Some(seed) = chance {
            loops.orchestrators.shuffle_slots(seed);
        }
        loops
    }
}

/// `node-1`, as the recordings call it.
pub fn node_name(node: NodeKey) -> String {
    format!("node-{}", node.0 + 1)
}

#[derive(Clone, Debug)]
pub struct World {
    pub now: Time,
    /// Where its clock begins.
    origin: Time,
    pub state: State,
    pub ids: Ids,
    pub loops: Loops,
    pub latency: Duration,
    /// How images behave of which nothing else is said.
    pub plain: Image,
    pub images: BTreeMap<String, Vec<Image>>,
    pub agents: Agents,
    pub log: Vec<Line>,
    pub invariants: Invariants,
    /// What a leader is held to in every world.
    pub checks: LeaderChecks,
    /// What it broke; only mutants may.
    pub broken: Option<(&'static str, String)>,
    /// So long was the log then.
    pub broken_at: usize,
    mutated: bool,
    /// The bench's own invariants say nothing.
    forgives: bool,
    /// Each change is held to what a world's is: not in tests that write the store by hand.
    pub strict: bool,
    /// Number of proposals so far.
    pub proposals: usize,
    /// How many of them at this moment.
    at_once: (Time, usize),
    pub names: BTreeMap<TaskKey, String>,
    names_by_id: BTreeMap<String, String>,
    /// How many tasks each slot had; of global services the slot is the node.
    pub made: BTreeMap<(ServiceKey, u32, Option<NodeKey>), usize>,
    /// The same of each image, and the how manieth a task was.
    made_of_image: BTreeMap<(ServiceKey, u32, Arc<str>), usize>,
    nth_of_image: BTreeMap<TaskKey, usize>,
    /// Where choices are drawn that the real Swarm leaves to chance; without it they follow a fixed order.
    chance: Option<Seed>,
    pub versions: BTreeMap<ServiceKey, Vec<u64>>,
    pub turns: VecDeque<Writer>,
    pub holding: Option<(Writer, Vec<(Change, Why)>)>,
    pub queue: BTreeMap<(Time, u64), Happening>,
    sequence: u64,
    reports: Vec<Output>,
    reports_under_way: Vec<Output>,
}

impl World {
    /// So many nodes, ready, of 4 CPUs; task history of 5.
    pub fn new(nodes: u32) -> Self {
        let mut state = State::default();
        let cluster = Cluster { id: Id(1), worker_secret: Id(3), manager_secret: Id(4), ..Cluster::default() };
        state.apply(&Change::Cluster(Arc::new(cluster)));
        let ingress = Network {
            key: NetworkKey(0),
            id: Id(5),
            meta: Default::default(),
            spec: Arc::new(NetworkSpec { name: "ingress".into(), ingress: true, ..NetworkSpec::default() }),
            // Without subnets it has no addresses to give, and nodes need none: these tests are not about networks.
            allocated: Some(Arc::default()),
        };
        state.apply(&Change::Network(Arc::new(ingress)));
        let mut out = Outbox::default();
        let now = Time::ZERO;
        let loops = Loops::start(None, &state, now, &mut out);
        let mut world = Self {
            now,
            origin: now,
            state,
            ids: Ids::new(Seed(0)),
            loops,
            latency: Duration::ZERO,
            plain: Image::default(),
            images: BTreeMap::new(),
            agents: Agents::new(),
            log: Vec::new(),
            invariants: Invariants::default(),
            checks: LeaderChecks::default(),
            broken: None,
            broken_at: 0,
            mutated: false,
            forgives: false,
            strict: false,
            proposals: 0,
            at_once: (now, 0),
            names: BTreeMap::new(),
            names_by_id: BTreeMap::new(),
            made: BTreeMap::new(),
            made_of_image: BTreeMap::new(),
            nth_of_image: BTreeMap::new(),
            chance: None,
            versions: BTreeMap::new(),
            turns: VecDeque::new(),
            holding: None,
            queue: BTreeMap::new(),
            sequence: 0,
            reports: Vec::new(),
            reports_under_way: Vec::new(),
        };
        world.take(out);
        for _ in 0..nodes {
            world.add_node();
        }
        world
    }

    /// Draws from a seed what the real Swarm leaves to chance.
    pub fn by_chance(mut self, seed: Seed) -> Self {
        self.chance = Some(seed);
        self.ids = Ids::new(seed);
        let mut out = Outbox::default();
        self.loops = Loops::start(self.chance, &self.state, self.now, &mut out);
        self.take(out);
        self
    }

    /// Says how an image's containers behave; said twice: the first that applies.
    pub fn image(mut self, name: &str, image: Image) -> Self {
        self.images.entry(name.to_owned()).or_default().push(image);
        self
    }

    pub fn mutant(mut self, mutant: Mutant) -> Self {
        self.loops.orchestrators.set_mutant(Some(mutant));
        self.loops.reaper.set_mutant(Some(mutant));
        self.mutated = true;
        self
    }

    /// Broken promises of a leader are kept, so that they can be told with what led to them.
    pub fn keeping(mut self) -> Self {
        self.mutated = true;
        self
    }

    /// The same of the bench's own promises.
    pub fn forgiving(mut self) -> Self {
        self.mutated = true;
        self.forgives = true;
        self
    }

    fn take(&mut self, out: Outbox) {
        for writer in out.turns {
            if !self.turns.contains(&writer) {
                self.turns.push_back(writer);
            }
        }
        for (at, alarm) in out.alarms {
            self.at(at, Happening::Alarm(alarm));
        }
    }

    fn at(&mut self, at: Time, happening: Happening) {
        self.sequence += 1;
        self.queue.insert((at.max(self.now), self.sequence), happening);
    }

    /// A new leader: all memory of the loops is lost.
    pub fn failover(&mut self) {
        self.turns.clear();
        if self.holding.take().is_some_and(|(writer, _)| writer == Writer::Dispatcher) {
            // Agents say it again to the next leader.
            self.reports.splice(0..0, std::mem::take(&mut self.reports_under_way));
        }
        if !self.reports.is_empty() {
            self.turns.push_back(Writer::Dispatcher);
        }
        self.queue.retain(|_, happening| !matches!(happening, Happening::Alarm(_) | Happening::Commit));
        let mut out = Outbox::default();
        self.loops = Loops::start(self.chance, &self.state, self.now, &mut out);
        self.invariants.new_leader();
        let (checks, found) = LeaderChecks::start(&self.state, self.now);
        self.checks = checks;
        self.found(found);
        self.take(out);
        self.grant();
    }

    /// Lets time pass up to this many milliseconds from the start.
    pub fn until(&mut self, millis: i64) -> &mut Self {
        let end = self.origin + Duration::from_millis(millis);
        self.grant();
        while let Some((&(at, _), _)) = self.queue.first_key_value()
            && at <= end
            && !self.is_endless()
        {
            let ((at, _), happening) = self.queue.pop_first().expect("there is one");
            self.now = at;
            self.handle(happening);
            self.grant();
        }
        self.now = self.now.max(end);
        self
    }

    /// What was done so far is settled; the clock begins here.
    pub fn begin(&mut self) {
        self.pass(1000);
        self.origin = self.now;
        self.log.clear();
    }

    /// Until nobody holds the turn to write.
    pub fn wait_for_turn(&mut self) {
        while self.holding.is_some()
            && let Some(((at, _), happening)) = self.queue.pop_first()
        {
            self.now = at;
            self.handle(happening);
        }
    }

    pub fn pass(&mut self, millis: i64) -> &mut Self {
        let end = self.millis() + millis;
        self.until(end)
    }

    pub fn millis(&self) -> i64 {
        (self.now - self.origin).as_millis()
    }

    fn handle(&mut self, happening: Happening) {
        let mut out = Outbox::default();
        match happening {
            Happening::Alarm(Alarm::Scheduler) => self.loops.scheduler.alarm(&self.state, self.now, &mut out),
            Happening::Alarm(Alarm::Reaper) => self.loops.reaper.alarm(&self.state, self.now, &mut out),
            Happening::Alarm(alarm) => self.loops.orchestrators.alarm(alarm, self.now, &mut out),
            Happening::Commit => {
                if let Some((writer, changes)) = self.holding.take() {
                    self.commit(writer, changes);
                }
            }
            Happening::Assign(node) => self.assign(node),
            Happening::Agent(node, task, token) => {
                let mut outputs = Vec::new();
                if let Some(agent) = self.agents.get_mut(&node) {
                    agent.timer(task, token, self.now, &mut outputs);
                }
                self.agent_outputs(node, outputs);
            }
        }
        self.take(out);
    }

    pub fn grant(&mut self) {
        while self.holding.is_none()
            && !self.is_endless()
            && let Some(writer) = self.turns.pop_front()
        {
            let mut tx = Transaction::new(&self.state, self.now);
            let mut out = Outbox::default();
            match writer {
                Writer::Allocator => self.loops.allocator.write(&mut tx),
                Writer::Scheduler => self.loops.scheduler.write(&mut tx),
                Writer::Reaper => self.loops.reaper.write(&mut tx),
                Writer::Dispatcher => {
                    self.reports_under_way = std::mem::take(&mut self.reports);
                    write_reports(&self.reports_under_way, &mut tx);
                }
                writer => self.loops.orchestrators.write(writer, &mut tx, &mut self.ids, &mut out),
            }
            assert!(tx.len() <= 201 || writer == Writer::Dispatcher || writer == Writer::Scheduler, "{writer:?}");
            let found = self.checks.look(&self.state, &tx, writer, &self.loops.orchestrators);
            let changes = tx.into_changes();
            self.found(found);
            self.take(out);
            if changes.is_empty() {
                self.written(writer);
            } else if self.latency == Duration::ZERO {
                self.commit(writer, changes);
            } else {
                self.holding = Some((writer, changes));
                self.at(self.now + self.latency, Happening::Commit);
            }
        }
    }

    fn is_endless(&mut self) -> bool {
        if self.proposals > ENDLESS {
            self.found(Some(("it comes to an end", format!("{} proposals", self.proposals))));
        }
        self.proposals > ENDLESS
    }

    /// A promise was broken.
    pub fn found(&mut self, found: Option<(&'static str, String)>) {
        assert!(found.is_none() || self.mutated, "{found:?}");
        if self.broken.is_none() && found.is_some() {
            self.broken = found;
            self.broken_at = self.log.len();
        }
    }

    fn written(&mut self, writer: Writer) {
        let mut out = Outbox::default();
        self.loops.orchestrators.written(writer, self.now, &mut out);
        self.take(out);
    }

    /// Changes become visible, all loops are told.
    pub fn commit(&mut self, writer: Writer, changes: Vec<(Change, Why)>) {
        self.proposals += 1;
        self.at_once = (self.now, if self.at_once.0 == self.now { self.at_once.1 + 1 } else { 1 });
        if self.at_once.1 > HOT || self.proposals > MANY {
            self.latency = SLOW;
        }
        self.state.index += 1;
        let before = self.state.clone();
        let mut events = Vec::new();
        for (change, why) in &changes {
            let event = self.state.apply(change);
            if self.strict {
                self.found(broken_by_change(&event, *why, &self.state));
            }
            self.note(&event);
            events.push(event);
        }
        if !self.forgives {
            self.invariants.commit(&before, &self.state, &changes, writer, self.now, &self.loops.orchestrators);
        }
        events.push(Event::Commit);
        let mut out = Outbox::default();
        for event in &events {
            self.loops.allocator.watch(event, &self.state, self.now, &mut out);
            self.loops.scheduler.watch(event, &self.state, self.now, &mut out);
            self.loops.reaper.watch(event, &self.state, self.now, &mut out);
            self.loops.orchestrators.watch(event, &self.state, self.now, &mut out);
        }
        self.take(out);
        self.written(writer);
    }

    pub fn note(&mut self, event: &Event) {
        let at = self.millis();
        match event {
            Event::Task { old, new } => {
                let task = new.as_ref().or(old.as_ref()).expect("one of them").clone();
                if old.is_none() {
                    let count = self.made.entry((task.service, task.slot, task.node)).or_insert(0);
                    *count += 1;
                    let place = match task.node {
                        Some(node) => node_name(node),
                        None => task.slot.to_string(),
                    };
                    let name = format!("{}.{place}#{count}", task.service_name);
                    let of_image = (task.service, task.slot, task.spec.image.clone());
                    let nth = self.made_of_image.entry(of_image).or_insert(0);
                    *nth += 1;
                    self.nth_of_image.insert(task.key, *nth);
                    self.names_by_id.insert(task.id.text(), name.clone());
                    self.names.insert(task.key, name);
                }
                let text = match new {
                    Some(task) => format!("{} {}", task.desired.as_str(), task.status.state.as_str()),
                    None => "deleted".to_owned(),
                };
                let what = Written::Task { task: task.clone(), new: old.is_none(), gone: new.is_none() };
                self.log.push(Line { at, name: self.names[&task.key].clone(), text, what });
                if let Some(node) = task.node {
                    self.arm_assign(node);
                }
            }
            Event::Service { old, new: Some(service) } => {
                let versions = self.versions.entry(service.key).or_default();
                if !versions.contains(&service.spec_version) {
                    versions.push(service.spec_version);
                }
                let text = match &service.update_status {
                    Some(status) => format!("{} ({})", status.state.as_str(), self.with_names(&status.message)),
                    None => "none".to_owned(),
                };
                let version = versions_of(&self.versions, service);
                let status = service.update_status.as_ref();
                let what = match old {
                    None => Written::Made,
                    Some(_) => Written::Service {
                        version,
                        state: status.map_or("none", |status| status.state.as_str()),
                        message: status.map_or_else(String::new, |status| without_id(&status.message)),
                    },
                };
                self.log.push(Line { at, name: service.name().to_string(), text, what });
            }
            _ => {}
        }
    }

    /// Ids of tasks in a message, as names.
    fn with_names(&self, message: &str) -> String {
        match message.rsplit_once(' ') {
            Some((words, id)) => match self.names_by_id.get(id) {
                Some(name) => format!("{words} {name}"),
                None => message.to_owned(),
            },
            None => message.to_owned(),
        }
    }

    // Agents.

    pub fn arm_assign(&mut self, node: NodeKey) {
        if let Some(agent) = self.agents.get_mut(&node)
            && !agent.assign_armed
        {
            agent.assign_armed = true;
            self.at(self.now + ASSIGN, Happening::Assign(node));
        }
    }

    fn assign(&mut self, node: NodeKey) {
        let tasks: Vec<_> =
            self.state.tasks_of_node(node).filter(|task| task.status.state >= TaskState::Assigned).cloned().collect();
        let Some(agent) = self.agents.get_mut(&node) else { return };
        agent.assign_armed = false;
        if !agent.connected {
            return;
        }
        let mut outputs = Vec::new();
        let (images, names, nths, plain) = (&self.images, &self.names, &self.nth_of_image, &self.plain);
        let behaviour = |task: &Task| {
            let nth: usize = names[&task.key].rsplit('#').next().and_then(|n| n.parse().ok()).unwrap_or(1);
            let images = images.get(&*task.spec.image).map_or(&[][..], |images| images);
            let applies = |image: &&Image| {
                let nth = if image.of_image { nths[&task.key] } else { nth };
                image.slots.as_ref().is_none_or(|slots| slots.contains(&task.slot))
                    && nth > image.after
                    && nth - image.after <= image.first
            };
            images.iter().find(applies).unwrap_or(plain).clone()
        };
        agent.assign(&tasks, behaviour, self.now, &mut outputs);
        self.agent_outputs(node, outputs);
    }

    pub fn agent_outputs(&mut self, node: NodeKey, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Timer { task, token, after } => {
                    self.at(self.now + after, Happening::Agent(node, task, token));
                }
                Output::Report { task, .. } => {
                    let agent = self.agents.get_mut(&node).expect("it spoke");
                    if agent.connected {
                        // Each state is written by itself, as in the recordings.
                        self.reports.push(output);
                        self.report_one_by_one();
                    } else {
                        agent.unsent.insert(task, output);
                    }
                }
            }
        }
    }

    fn report_one_by_one(&mut self) {
        if self.latency == Duration::ZERO {
            let reports = std::mem::take(&mut self.reports);
            self.write_now(|tx| write_reports(&reports, tx));
        } else if !self.turns.contains(&Writer::Dispatcher) {
            self.turns.push_back(Writer::Dispatcher);
        }
    }
}

/// How manieth of the specs that the service has had is its own.
fn versions_of(versions: &BTreeMap<ServiceKey, Vec<u64>>, service: &Service) -> usize {
    versions[&service.key].iter().position(|version| *version == service.spec_version).map_or(0, |place| place + 1)
}

/// A message with `{task}` in the place of a task's id.
fn without_id(message: &str) -> String {
    match message.rsplit_once(' ') {
        Some((words, id)) if id.len() == Id::LENGTH => format!("{words} {{task}}"),
        _ => message.to_owned(),
    }
}
