//! What the model costs: `cargo bench --bench world`. Invariants are on and the trace is kept, as in every run.
//!
//! Read `items/s` as what the function's name counts: events, virtual seconds, seeds.

use divan::Bencher;
use divan::counter::ItemsCount;
use std::hint::black_box;
use swarmlab::engine::{Duration, Replay, Time};
use swarmlab::scenario::Scenario;
use swarmlab::scenario::run::{Options, built_in_images, run};
use swarmlab::session::Session;
use swarmlab::swarm::daemon::image::{ImageBehaviour, ImageExit};
use swarmlab::swarm::world::{DataCentre, World};

fn main() {
    divan::main();
}

/// A swarm that stands, with an image that ends after five seconds.
fn swarm(seed: u64, managers: usize, workers: usize) -> Session {
    let mut centre = DataCentre::swarm(seed, managers, workers);
    centre.catalogue = built_in_images();
    let exit = Some(ImageExit { after: Duration::from_secs(5), code: 1 });
    centre.catalogue.add("crash:1", ImageBehaviour { exit, ..ImageBehaviour::default() });
    Session::new(&centre)
}

/// Types lines on the first manager and lets time pass until `until` seconds.
fn act(session: &mut Session, lines: &str, until: i64) {
    let terminal = session.open(session.world().hosts()[0].id, None);
    session.type_lines(terminal, lines).expect("the lines are of the shell's grammar");
    session.run(Time::ZERO + Duration::from_secs(until), |_| true);
}

/// 5 managers and 100 workers with 1,000 tasks in all, a minute after the command.
fn cluster(image: &str, services: usize) -> Session {
    let mut session = swarm(1, 5, 100);
    let replicas = 1_000 / services;
    let create = |number| {
        format!(
            "docker service create --name s{number} --replicas {replicas} --detach --update-parallelism 10 --update-delay 1s {image}\n"
        )
    };
    act(&mut session, &(0..services).map(create).collect::<String>(), 60);
    session
}

/// The clusters that are measured. *idle*: nothing but heartbeats. *update*: a rolling update of one service of 1,000
/// replicas, ten at a time. *crash*: 1,000 tasks that end after five seconds and are replaced, for ever: about a hundred
/// replacements a second, each of ten writes to the store.
fn world(name: &str) -> World {
    let session = match name {
        "idle" => cluster("nginx", 10),
        "crash" => cluster("crash:1", 10),
        "update" => {
            let mut session = cluster("nginx", 1);
            act(&mut session, "docker service update --detach --image redis s0", 65);
            session
        }
        other => panic!("no cluster {other}"),
    };
    session.world().clone()
}

/// Lets so many seconds pass; nobody listens to what clients are told.
fn pass(world: &mut World, seconds: i64) {
    let end = world.now() + Duration::from_secs(seconds);
    while !world.run_until(end) {
        assert_eq!(world.violation(), None);
        world.take_told();
    }
}

#[divan::bench(args = [("idle", 600), ("update", 60), ("crash", 30)], sample_count = 20, sample_size = 1)]
fn events(bencher: Bencher<'_, '_>, (name, seconds): (&str, i64)) {
    let world = world(name);
    let mut after = world.clone();
    pass(&mut after, seconds);
    bencher
        .counter(ItemsCount::new(after.number() - world.number()))
        .with_inputs(|| world.clone())
        .bench_local_refs(|world| pass(world, seconds));
}

/// An hour of 5 managers, 100 workers and 1,000 tasks; five hours a second are 18,000 items/s.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn idle_virtual_seconds(bencher: Bencher<'_, '_>) {
    let world = world("idle");
    bencher
        .counter(ItemsCount::new(3_600u64))
        .with_inputs(|| world.clone())
        .bench_local_refs(|world| pass(world, 3_600));
}

/// A shipped scenario, from the data centre's first moment to the verdicts.
#[divan::bench(args = ["kill-node", "lose-quorum", "update-rollback"], sample_count = 50, sample_size = 1)]
fn scenario(bencher: Bencher<'_, '_>, name: &str) {
    let path = format!("{}/scenarios/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect("the scenario is shipped");
    let scenario = Scenario::parse(&path, &text).expect("a shipped scenario is free of faults");
    bencher.bench_local(|| run(black_box(&scenario), &Options::default()));
}

/// A checkpoint of 105 hosts and 1,000 tasks.
#[divan::bench(args = ["idle", "update", "crash"])]
fn clone(bencher: Bencher<'_, '_>, name: &str) {
    let world = world(name);
    bencher.bench_local(|| black_box(&world).clone());
}

/// What a clone really costs: it shares what it can, and copies at the first write.
#[divan::bench(args = ["idle", "update", "crash"])]
fn clone_and_100_events(bencher: Bencher<'_, '_>, name: &str) {
    let world = world(name);
    bencher.bench_local(|| {
        let mut copy = black_box(&world).clone();
        for _ in 0..100 {
            copy.step();
        }
        copy
    });
}

/// Three of five managers lose their power for 20 of 60 seconds: made anew and run, once a seed. (workers, tasks)
#[divan::bench(args = [(3, 10), (100, 1_000)], sample_count = 20, sample_size = 1)]
fn quorum_loss_seeds(bencher: Bencher<'_, '_>, (workers, tasks): (usize, usize)) {
    let mut seed = 0;
    bencher.counter(ItemsCount::new(1u64)).bench_local(|| {
        seed += 1;
        let mut session = swarm(seed, 5, workers);
        act(&mut session, &format!("docker service create --name web --replicas {tasks} --detach nginx"), 25);
        act(&mut session, "kill m1\nkill m2\nkill m3", 45);
        act(&mut session, "boot m1\nboot m2\nboot m3", 60);
        session
    });
}

/// Five managers and three workers with partitions every five seconds for ten minutes, every invariant on.
const STORM: &str = r#"
format = 1
name = "partition-storm"
duration = "10m"
[cluster]
managers = 5
workers = 3
[chaos]
from = "10s"
every = "5s"
lasts = "8s"
faults = ["partition"]
targets = "managers"
at_most = 3
[[step]]
at = "1s"
run = "docker service create --name web --replicas 6 --detach nginx"
"#;

/// Virtual seconds of the storm for each real one; a new seed each time.
#[divan::bench(sample_count = 50, sample_size = 1)]
fn partition_storm_virtual_seconds(bencher: Bencher<'_, '_>) {
    let scenario = Scenario::parse("storm.toml", STORM).expect("the storm is a scenario");
    let mut seed = 0;
    bencher.counter(ItemsCount::new(600u64)).bench_local(|| {
        seed += 1;
        let run = run(black_box(&scenario), &Options { seed: Some(seed), ..Options::default() });
        assert_eq!(run.broken, None, "seed {seed}");
        run
    });
}

/// Containers that run, whatever the swarm believes.
fn running(world: &World) -> usize {
    world.hosts().iter().map(|host| host.engine.containers.values().filter(|c| c.runs()).count()).sum()
}

/// Lets time pass until so many containers run.
fn until_running(session: &mut Session, wanted: usize) {
    let limit = session.world().now() + Duration::from_minutes(10);
    while running(session.world()) < wanted {
        let next = session.world().now() + Duration::from_secs(1);
        session.run(next, |_| true);
        assert!(session.world().now() < limit, "{} of {wanted} run", running(session.world()));
        assert_eq!(session.broken(), None);
    }
}

/// 3 managers and 997 workers; twenty services with so many tasks in all, from the commands until all of them run.
fn large(tasks: usize) -> Session {
    let mut session = swarm(1, 3, 997);
    let create = |number| format!("docker service create --name s{number} --replicas {} --detach nginx\n", tasks / 20);
    act(&mut session, &(0..20).map(create).collect::<String>(), 1);
    until_running(&mut session, tasks);
    session
}

/// From creation to all running on 1,000 nodes. Read `items/s` as tasks: the cost of a task must not grow with their number.
#[divan::bench(args = [1_000, 5_000, 20_000, 100_000], sample_count = 3, sample_size = 1)]
fn large_cluster(bencher: Bencher<'_, '_>, tasks: usize) {
    bencher.counter(ItemsCount::new(tasks)).bench_local(|| large(tasks));
}

/// A hundred of these nodes lose their power: until all that they ran runs elsewhere.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn a_hundred_nodes_killed(bencher: Bencher<'_, '_>) {
    let session = large(20_000);
    let kills: String = (1..=100).map(|number| format!("kill w{number}\n")).collect();
    bencher.with_inputs(|| session.clone()).bench_local_refs(|session| {
        let now = session.world().now();
        let terminal = session.open(session.world().hosts()[0].id, None);
        session.type_lines(terminal, &kills).expect("the lines are of the shell's grammar");
        session.run(now + Duration::from_secs(1), |_| true);
        until_running(session, 20_000);
    });
}
