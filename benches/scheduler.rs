//! What the scheduler costs: `cargo bench --bench scheduler`. The cost of a task must not grow with their number.

use divan::Bencher;
use divan::counter::ItemsCount;
use std::net::Ipv4Addr;
use std::sync::Arc;
use swarmlab::engine::{Duration, Seed, Time};
use swarmlab::net::HostId;
use swarmlab::swarm::api;
use swarmlab::swarm::component::Outbox;
use swarmlab::swarm::object::*;
use swarmlab::swarm::scheduler::{Constraint, Scheduler, Ties};
use swarmlab::swarm::store::{Change, Event, State, Transaction};

fn main() {
    divan::main();
}

/// What a cluster holds: tasks that wait, evenly of all services.
#[derive(Clone, Copy)]
struct Shape {
    nodes: u32,
    services: u32,
    tasks: u32,
    /// Spread over two levels of labels, or plain.
    spread: bool,
}

impl Shape {
    /// The usual one.
    fn of(tasks: u32) -> Shape {
        Shape { nodes: 1_000, services: 100, tasks, spread: false }
    }
}

fn cluster(shape: Shape) -> State {
    let Shape { nodes, services, tasks, spread } = shape;
    let mut state = State::default();
    for i in 0..nodes {
        let labels = [("zone", i % 3), ("rack", i % 30)].map(|(key, value)| (key.to_owned(), value.to_string()));
        state.apply(&Change::Node(Arc::new(Node {
            key: NodeKey(i),
            id: Id(u128::from(i)),
            meta: Meta::default(),
            spec: NodeSpec {
                name: "".into(),
                labels: Arc::new(labels.into_iter().collect()),
                role: Role::Worker,
                availability: Availability::Active,
            },
            role: Role::Worker,
            description: Arc::new(NodeDescription {
                hostname: format!("w{}", i + 1).into(),
                nano_cpus: 1_000_000_000_000,
                memory_bytes: 1 << 50,
                ..NodeDescription::default()
            }),
            certificate: Default::default(),
            attachments: Default::default(),
            status: NodeStatus { state: NodeState::Ready, message: "", addr: Ipv4Addr::LOCALHOST },
            host: HostId(1),
        })));
    }
    for i in 0..services {
        let task = Arc::new(TaskSpec {
            api: Arc::new(api::TaskSpec::default()),
            image: "app".into(),
            constraints: vec![Constraint::parse("node.role==worker").unwrap()],
            preferences: if spread { vec!["node.labels.zone".into(), "node.labels.rack".into()] } else { Vec::new() },
            max_replicas: 0,
            reserved: Resources { nano_cpus: 1_000_000, memory_bytes: 1 << 20 },
            generic: Vec::new(),
            platforms: Vec::new(),
            plugins: Vec::new(),
            uses: Arc::default(),
            restart: RestartPolicy::default(),
            stop_grace_period: Duration::from_secs(10),
            ports: [].into(),
            dnsrr: false,
        });
        state.apply(&Change::Service(Arc::new(Service {
            key: ServiceKey(i),
            id: Id(u128::from(i)),
            meta: Meta::default(),
            spec: Arc::new(ServiceSpec {
                api: Arc::new(api::ServiceSpec::default()),
                name: format!("s{i}").into(),
                task,
                mode: Mode::Replicated { replicas: tasks / services },
                update: UpdateConfig::default(),
                rollback: UpdateConfig::default(),
            }),
            spec_version: 0,
            previous_spec: None,
            previous_spec_version: 0,
            endpoint: Endpoint::default(),
            update_status: None,
            job_status: None,
        })));
    }
    for i in 0..tasks {
        state.apply(&Change::Task(Arc::new(pending(&state, services, i))));
    }
    state
}

/// The task of this number, of one of so many services.
fn pending(state: &State, services: u32, key: u32) -> Task {
    let service = state.services.get(ServiceKey(key % services)).unwrap();
    Task {
        key: TaskKey(key),
        id: Id(u128::from(key)),
        meta: Meta::default(),
        service: service.key,
        service_id: service.id,
        service_name: service.spec.name.clone(),
        slot: key / services + 1,
        node: None,
        node_id: None,
        job_iteration: None,
        spec: service.spec.task.clone(),
        spec_version: 0,
        ports: [].into(),
        assigned_generic: [].into(),
        log_driver: None,
        networks: [].into(),
        status: TaskStatus {
            state: TaskState::Pending,
            timestamp: Time::ZERO,
            applied_at: Time::ZERO,
            message: "pending task scheduling",
            err: None,
            container: None,
            exit_code: 0,
        },
        desired: TaskState::Running,
    }
}

/// One tick that places them all.
fn place(bencher: Bencher, shape: Shape, ties: &Ties) {
    let tasks = shape.tasks;
    let state = cluster(shape);
    let scheduler = Scheduler::start(ties.clone(), &state, Time::ZERO, &mut Outbox::default());
    bencher
        .counter(ItemsCount::new(tasks))
        .with_inputs(|| (scheduler.clone(), Transaction::new(&state, Time::ZERO)))
        .bench_local_values(|(mut scheduler, mut tx)| {
            scheduler.write(&mut tx);
            assert_eq!(tx.len(), tasks as usize);
            (scheduler, tx)
        });
}

#[divan::bench(args = [1_000, 10_000, 100_000], sample_count = 10)]
fn plain(bencher: Bencher, tasks: u32) {
    place(bencher, Shape::of(tasks), &Ties::Natural);
}

#[divan::bench(args = [10_000, 100_000], sample_count = 10)]
fn shuffled(bencher: Bencher, tasks: u32) {
    place(bencher, Shape::of(tasks), &Ties::Shuffled(Seed(1).stream("scheduler", &())));
}

#[divan::bench(args = [10_000, 100_000], sample_count = 10)]
fn two_preferences(bencher: Bencher, tasks: u32) {
    place(bencher, Shape { spread: true, ..Shape::of(tasks) }, &Ties::Natural);
}

#[divan::bench(args = [10_000, 100_000], sample_count = 10)]
fn five_thousand_nodes(bencher: Bencher, tasks: u32) {
    place(bencher, Shape { nodes: 5_000, ..Shape::of(tasks) }, &Ties::Natural);
}

/// No two tasks share a group, so that each is filtered and ranked on its own.
#[divan::bench(args = [10_000, 100_000], sample_count = 10)]
fn each_its_own_group(bencher: Bencher, tasks: u32) {
    place(bencher, Shape { services: tasks, ..Shape::of(tasks) }, &Ties::Natural);
}

/// One task more, where 100,000 are placed on 1,000 nodes: told, debounced, placed.
#[divan::bench(sample_count = 100)]
fn one_more(bencher: Bencher) {
    let mut state = cluster(Shape::of(100_000));
    let mut scheduler = Scheduler::start(Ties::Natural, &state, Time::ZERO, &mut Outbox::default());
    let mut tx = Transaction::new(&state, Time::ZERO);
    scheduler.write(&mut tx);
    for (change, _) in tx.into_changes() {
        let event = state.apply(&change);
        scheduler.watch(&event, &state, Time::ZERO, &mut Outbox::default());
    }
    let task = Arc::new(pending(&state, 100, 100_000));
    let event = state.apply(&Change::Task(task));
    let now = Time::ZERO + Duration::from_millis(50);
    bencher.with_inputs(|| (scheduler.clone(), Transaction::new(&state, now))).bench_local_values(
        |(mut scheduler, mut tx)| {
            let mut out = Outbox::default();
            scheduler.watch(&event, &state, Time::ZERO, &mut out);
            scheduler.watch(&Event::Commit, &state, Time::ZERO, &mut out);
            scheduler.alarm(&state, now, &mut out);
            scheduler.write(&mut tx);
            assert_eq!(tx.len(), 1);
            (scheduler, tx)
        },
    );
}

/// What a checkpoint pays for the scheduler.
#[divan::bench]
fn clone(bencher: Bencher) {
    let state = cluster(Shape::of(10_000));
    let mut scheduler = Scheduler::start(Ties::Natural, &state, Time::ZERO, &mut Outbox::default());
    scheduler.write(&mut Transaction::new(&state, Time::ZERO));
    bencher.bench_local(|| scheduler.clone());
}
