//! The bench: one store, the leader's loops, virtual time, fake agents. Turns are granted at once or cost a latency.

use super::agents::{Agents, Output};
use super::invariants::Invariants;
use super::specs::Image;
use crate::engine::{Duration, Seed, Time};
use crate::swarm::allocator::Allocator;
use crate::swarm::component::{Alarm, Ids, Outbox, Writer};
use crate::swarm::object::{
    Cluster, Id, Network, NetworkKey, NetworkSpec, NodeKey, ServiceKey, Task, TaskKey, TaskState,
};
use crate::swarm::orchestrator::{Mutant, Reaper, Replicated};
use crate::swarm::scheduler::{Scheduler, Ties};
use crate::swarm::store::{Change, Event, State, Transaction, Why};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// How long after a change an agent hears of it.
const ASSIGN: Duration = Duration::from_millis(20);

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
}

#[derive(Clone, Debug)]
pub struct Loops {
    pub allocator: Allocator,
    pub scheduler: Scheduler,
    pub reaper: Reaper,
    pub replicated: Replicated,
}

#[derive(Clone, Debug)]
pub struct World {
    pub now: Time,
    pub state: State,
    pub ids: Ids,
    pub loops: Loops,
    pub latency: Duration,
    pub images: BTreeMap<&'static str, Vec<Image>>,
    pub agents: Agents,
    pub log: Vec<Line>,
    pub invariants: Invariants,
    /// Number of proposals so far.
    pub proposals: usize,
    pub names: BTreeMap<TaskKey, String>,
    names_by_id: BTreeMap<String, String>,
    pub made: BTreeMap<(ServiceKey, u32), usize>,
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
        let loops = Loops {
            allocator: Allocator::start(&state, now, &mut out),
            scheduler: Scheduler::start(Ties::Natural, &state, now, &mut out),
            reaper: Reaper::start(&state, now, &mut out),
            replicated: Replicated::start(&state, now, &mut out),
        };
        let mut world = Self {
            now,
            state,
            ids: Ids::new(Seed(0)),
            loops,
            latency: Duration::ZERO,
            images: BTreeMap::new(),
            agents: Agents::new(),
            log: Vec::new(),
            invariants: Invariants::default(),
            proposals: 0,
            names: BTreeMap::new(),
            names_by_id: BTreeMap::new(),
            made: BTreeMap::new(),
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

    /// Says how an image's containers behave; said twice: the first that applies.
    pub fn image(mut self, name: &'static str, image: Image) -> Self {
        self.images.entry(name).or_default().push(image);
        self
    }

    pub fn mutant(mut self, mutant: Mutant) -> Self {
        self.loops.replicated.set_mutant(Some(mutant));
        self.loops.reaper.set_mutant(Some(mutant));
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
        let (state, now) = (&self.state, self.now);
        self.loops = Loops {
            allocator: Allocator::start(state, now, &mut out),
            scheduler: Scheduler::start(Ties::Natural, state, now, &mut out),
            reaper: Reaper::start(state, now, &mut out),
            replicated: Replicated::start(state, now, &mut out),
        };
        self.invariants.new_leader();
        self.take(out);
        self.grant();
    }

    /// Lets time pass up to this many milliseconds from the start.
    pub fn until(&mut self, millis: i64) -> &mut Self {
        let end = Time::ZERO + Duration::from_millis(millis);
        self.grant();
        while let Some((&(at, _), _)) = self.queue.first_key_value()
            && at <= end
        {
            let ((at, _), happening) = self.queue.pop_first().expect("there is one");
            self.now = at;
            self.handle(happening);
            self.grant();
        }
        self.now = end;
        self
    }

    pub fn pass(&mut self, millis: i64) -> &mut Self {
        let end = self.millis() + millis;
        self.until(end)
    }

    pub fn millis(&self) -> i64 {
        (self.now - Time::ZERO).as_millis()
    }

    fn handle(&mut self, happening: Happening) {
        let mut out = Outbox::default();
        match happening {
            Happening::Alarm(Alarm::Scheduler) => self.loops.scheduler.alarm(&self.state, self.now, &mut out),
            Happening::Alarm(Alarm::Reaper) => self.loops.reaper.alarm(&self.state, self.now, &mut out),
            Happening::Alarm(alarm) => self.loops.replicated.alarm(alarm, &self.state, self.now, &mut out),
            Happening::Commit => {
                if let Some((writer, changes)) = self.holding.take() {
                    self.commit(writer, changes);
                }
            }
            Happening::Assign(node) => self.assign(node),
            Happening::Agent(node, task, token) => {
                let mut outputs = Vec::new();
                if let Some(agent) = self.agents.get_mut(&node) {
                    agent.timer(task, token, &mut outputs);
                }
                self.agent_outputs(node, outputs);
            }
        }
        self.take(out);
    }

    pub fn grant(&mut self) {
        while self.holding.is_none()
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
                writer => self.loops.replicated.write(writer, &mut tx, &mut self.ids, &mut out),
            }
            assert!(tx.len() <= 201 || writer == Writer::Dispatcher || writer == Writer::Scheduler, "{writer:?}");
            let changes = tx.into_changes();
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

    fn written(&mut self, writer: Writer) {
        let mut out = Outbox::default();
        self.loops.replicated.written(writer, &self.state, self.now, &mut out);
        self.take(out);
    }

    /// Changes become visible, all loops are told.
    pub fn commit(&mut self, writer: Writer, changes: Vec<(Change, Why)>) {
        self.proposals += 1;
        self.state.index += 1;
        let before = self.state.clone();
        let mut events: Vec<_> = changes.iter().map(|(change, _)| self.state.apply(change)).collect();
        for event in &events {
            self.note(event);
        }
        self.invariants.commit(&before, &self.state, &changes, writer, self.now, &self.loops.replicated);
        events.push(Event::Commit);
        let mut out = Outbox::default();
        for event in &events {
            self.loops.allocator.watch(event, &self.state, self.now, &mut out);
            self.loops.scheduler.watch(event, &self.state, self.now, &mut out);
            self.loops.reaper.watch(event, &self.state, self.now, &mut out);
            self.loops.replicated.watch(event, &self.state, self.now, &mut out);
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
                    let count = self.made.entry((task.service, task.slot)).or_insert(0);
                    *count += 1;
                    let name = format!("{}.{}#{count}", task.service_name, task.slot);
                    self.names_by_id.insert(task.id.text(), name.clone());
                    self.names.insert(task.key, name);
                }
                let text = match new {
                    Some(task) => format!("{} {}", task.desired.as_str(), task.status.state.as_str()),
                    None => "deleted".to_owned(),
                };
                self.log.push(Line { at, name: self.names[&task.key].clone(), text });
                if let Some(node) = task.node {
                    self.arm_assign(node);
                }
            }
            Event::Service { new: Some(service), .. } => {
                let versions = self.versions.entry(service.key).or_default();
                if !versions.contains(&service.spec_version) {
                    versions.push(service.spec_version);
                }
                let text = match &service.update_status {
                    Some(status) => format!("{} ({})", status.state.as_str(), self.with_names(&status.message)),
                    None => "none".to_owned(),
                };
                self.log.push(Line { at, name: service.name().to_string(), text });
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
        let (images, names) = (&self.images, &self.names);
        let behaviour = |task: &Task| {
            let nth: usize = names[&task.key].rsplit('#').next().and_then(|n| n.parse().ok()).unwrap_or(1);
            let images = images.get(&*task.spec.image).map_or(&[][..], |images| images);
            let applies = |image: &&Image| {
                image.slots.as_ref().is_none_or(|slots| slots.contains(&task.slot))
                    && nth > image.after
                    && nth - image.after <= image.first
            };
            images.iter().find(applies).cloned().unwrap_or_default()
        };
        agent.assign(&tasks, behaviour, &mut outputs);
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

fn write_reports(reports: &[Output], tx: &mut Transaction) {
    for report in reports {
        let Output::Report { task, state, message, err } = report else { continue };
        let Some(stored) = tx.state().tasks.get(*task) else { continue };
        if *state < stored.status.state {
            continue;
        }
        let mut task = stored.with_state(*state, message, tx.now());
        task.status.err.clone_from(err);
        task.status.applied_at = tx.now();
        tx.put_task(task, Why::Reported);
    }
}
