//! A host with one image and nothing else: its engine, its alarms, and the time that passes.

use super::*;
use crate::swarm::control::service_spec;
use crate::swarm::object::{Meta, ServiceKey, TaskState, TaskStatus};
use crate::swarm::world::event::ClientId;

pub(super) struct Bench {
    engine: Engine,
    catalogue: Catalogue,
    registry: Registry,
    description: NodeDescription,
    ids: Ids,
    now: Time,
    alarms: Vec<(Time, usize, EngineAlarm)>,
    outcomes: Vec<(Time, Outcome)>,
    answered: usize,
    health_alarms: usize,
    task: Option<Arc<Task>>,
    current: u32,
    operation: u32,
    set: usize,
}

impl Bench {
    pub fn new(image: ImageBehaviour) -> Self {
        let mut catalogue = Catalogue::default();
        catalogue.add("app:1", image);
        let mut engine = Engine::default();
        engine.images.extend(catalogue.preloaded("h1"));
        Self {
            engine,
            catalogue,
            registry: Registry::default(),
            description: NodeDescription {
                hostname: "h1".into(),
                nano_cpus: 4_000_000_000,
                memory_bytes: 8 << 30,
                ..NodeDescription::default()
            },
            ids: Ids::new(Seed(1)),
            now: Time::ZERO,
            alarms: Vec::new(),
            outcomes: Vec::new(),
            answered: 0,
            health_alarms: 0,
            task: None,
            current: 1,
            operation: 0,
            set: 0,
        }
    }

    /// With a container that runs and is waited for.
    pub fn running(image: ImageBehaviour, spec: TaskSpec) -> Self {
        let mut bench = Self::new(image);
        bench.prepare(spec);
        bench.next_outcome();
        assert_eq!(bench.start().1, Outcome::Started);
        bench.wait();
        bench
    }

    pub fn now(&self) -> Time {
        self.now
    }

    pub fn another_task(&mut self) {
        self.current += 1;
    }

    pub fn first_task(&mut self) {
        self.current = 1;
    }

    fn task(&self, spec: TaskSpec) -> Arc<Task> {
        let mut spec = crate::swarm::api::ServiceSpec {
            name: "web".into(),
            task_template: spec,
            ..crate::swarm::api::ServiceSpec::default()
        };
        spec.task_template.container_spec.image = "app:1".into();
        let spec = service_spec(&spec).expect("a test writes specs well");
        Arc::new(Task {
            key: TaskKey(self.current),
            id: Id(u128::from(self.current)),
            meta: Meta { version: 1, created_at: Time::ZERO, updated_at: Time::ZERO },
            service: ServiceKey(0),
            service_id: Id(7),
            service_name: "web".into(),
            slot: self.current,
            node: None,
            spec: spec.task,
            spec_version: 1,
            ports: Arc::new([]),
            networks: Arc::default(),
            status: TaskStatus {
                state: TaskState::Assigned,
                timestamp: Time::ZERO,
                applied_at: Time::ZERO,
                message: "",
                err: None,
                container: None,
                exit_code: 0,
            },
            node_id: None,
            job_iteration: None,
            assigned_generic: Arc::default(),
            log_driver: None,
            desired: TaskState::Running,
        })
    }

    fn act<T>(&mut self, act: impl FnOnce(&mut Engine, &mut Surroundings<'_>, &mut EngineOutbox) -> T) -> T {
        let mut out = EngineOutbox::default();
        let mut around = Surroundings {
            now: self.now,
            seed: Seed(1),
            ids: &mut self.ids,
            catalogue: &self.catalogue,
            registry: &self.registry,
            host: HostId(0),
            description: &self.description,
            node_id: Id(9),
            disk_full: false,
            daemon: true,
        };
        let result = act(&mut self.engine, &mut around, &mut out);
        for (at, alarm) in out.alarms {
            self.set += 1;
            self.alarms.push((at, self.set, alarm));
        }
        self.outcomes.extend(out.outcomes.into_iter().map(|(_, _, outcome)| (self.now, outcome)));
        self.answered += out.answers.len();
        result
    }

    /// Rings the next alarm up to a moment; says whether there was one.
    fn ring(&mut self, until: Time) -> bool {
        let Some(next) = (0..self.alarms.len()).min_by_key(|place| (self.alarms[*place].0, self.alarms[*place].1))
        else {
            return false;
        };
        if self.alarms[next].0 > until {
            return false;
        }
        let (at, _, alarm) = self.alarms.remove(next);
        assert!(at >= self.now, "an alarm was set for the past: {alarm:?}");
        self.now = at;
        if let EngineAlarm::Health(id, stamp) = alarm {
            self.health_alarms += usize::from(self.engine.containers.get(&id).is_some_and(|c| c.health_stamp == stamp));
        }
        self.act(|engine, around, out| engine.alarm(alarm, around, out));
        true
    }

    pub fn pass(&mut self, millis: i64) {
        let until = self.now + Duration::from_millis(millis);
        while self.ring(until) {}
        self.now = until;
    }

    /// The next outcome, and how many milliseconds it took from here.
    pub fn next_outcome(&mut self) -> (i64, Outcome) {
        let from = self.now;
        while self.outcomes.is_empty() {
            assert!(self.ring(Time::MAX), "nothing happens any more");
        }
        let (at, outcome) = self.outcomes.remove(0);
        ((at - from).as_millis(), outcome)
    }

    pub fn no_outcome(&self) -> bool {
        self.outcomes.is_empty()
    }

    pub fn drop_outcomes(&mut self) {
        self.outcomes.clear();
    }

    pub fn answers(&self) -> usize {
        self.answered
    }

    pub fn health_alarms(&self) -> usize {
        self.health_alarms
    }

    fn known_task(&self) -> Arc<Task> {
        self.task.clone().expect("a task was prepared")
    }

    pub fn prepare(&mut self, spec: TaskSpec) {
        let task = self.task(spec);
        self.task = Some(task.clone());
        self.operation += 1;
        let operation = self.operation;
        self.act(|engine, around, out| engine.act(Action::Prepare { task, operation }, around, out));
    }

    pub fn start(&mut self) -> (i64, Outcome) {
        let (task, operation) = (self.known_task(), self.operation);
        self.act(|engine, around, out| engine.act(Action::Start { task, operation }, around, out));
        self.next_outcome()
    }

    pub fn wait(&mut self) {
        let (task, operation) = (self.known_task().key, self.operation);
        self.act(|engine, around, out| engine.act(Action::Wait { task, operation }, around, out));
    }

    pub fn begin_stop(&mut self) {
        let (task, operation) = (self.known_task(), self.operation);
        self.act(|engine, around, out| engine.act(Action::Stop { task, operation }, around, out));
    }

    pub fn stop(&mut self) -> (i64, Outcome) {
        self.begin_stop();
        self.next_outcome()
    }

    pub fn cancel(&mut self) {
        let task = self.known_task().key;
        self.act(|engine, around, out| engine.act(Action::Cancel { task }, around, out));
    }

    pub fn remove_task(&mut self) {
        let task = self.known_task();
        self.act(|engine, around, out| engine.act(Action::Remove { task }, around, out));
    }

    pub fn registry(&mut self, change: RegistryChange) {
        self.registry.change(change, &[]);
    }

    pub fn container(&self) -> &Container {
        self.engine.container_of(self.known_task().key).expect("the task has a container")
    }

    pub fn only_container(&self) -> &Container {
        self.engine.containers.values().next().expect("there is one")
    }

    fn id(&self) -> ContainerId {
        self.container().id
    }

    pub fn freeze(&mut self) {
        let id = self.id();
        self.act(|engine, around, out| engine.freeze(id, around, out));
    }

    pub fn unfreeze(&mut self) {
        let id = self.id();
        self.act(|engine, around, out| engine.unfreeze(id, around, out));
    }

    pub fn kill(&mut self, signal: i32) {
        let id = self.id();
        self.act(|engine, around, out| engine.signal(id, signal, around, out));
    }

    pub fn restart(&mut self, grace: i64) {
        let (id, grace) = (self.id(), Duration::from_millis(grace));
        let waiting = WaitingClient { client: ClientId(1), number: 1, restart: true };
        self.act(|engine, around, out| engine.stop_for(id, grace, None, waiting, around, out));
    }

    pub fn rename(&mut self, name: &str) {
        let id = self.id();
        self.act(|engine, around, out| engine.rename(id, "old", name, around, out));
    }

    pub fn make_unhealthy(&mut self) {
        let id = self.id();
        assert!(self.act(|engine, around, out| engine.make_unhealthy(id, around, out)));
    }

    pub fn daemon_dies(&mut self) {
        self.act(|engine, _, out| engine.spare_condemned(out));
        self.engine.forget_daemon();
    }

    /// How long the process has run, or ran.
    pub fn up_for(&self) -> i64 {
        (self.now - self.container().started_at.expect("it was started")).as_millis()
    }

    pub fn ran_for(&self) -> i64 {
        match self.container().state {
            ContainerState::Exited { at, .. } => {
                (at - self.container().started_at.expect("it was started")).as_millis()
            }
            other => panic!("it has not ended: {other:?}"),
        }
    }
}
