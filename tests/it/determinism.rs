//! Same seed, same bytes: whatever queue, trace, thread, process or checkpoint, a run is the same run.
//!
//! Follows the house plan §8, rule 1.

use crate::common::{cases, ended, fingerprint, parsed, root, shipped};
use proptest::prelude::*;
use std::sync::Arc;
use swarmlab::engine::{Checkpoints, QueueKind, Replay, Seed, Time};
use swarmlab::scenario::Scenario;
use swarmlab::scenario::run::{Options, data_centre, run, typed};
use swarmlab::session::{Session, Stop};

/// A scenario that uses chance wherever there is some: loss, jitter, duplicates, ties, pulls, crashes, elections.
const STORM: &str = r#"
format = 1
name = "storm"
duration = "3m"
seed = 11
ties = "shuffled"
[cluster]
managers = 3
workers = 3
[cluster.network]
latency = "3ms"
jitter = "2ms"
loss = "1%"
[[step]]
at = "1s"
run = "docker service create --name web --replicas 7 nginx:1.25; docker service ps web"
[[step]]
at = "2s"
on = "m2"
run = "docker service create --name late --replicas 3 --detach swarmlab/exits-late"
[[step]]
at = "20s"
run = "docker service update --image nginx:1.26 web"
[[step]]
at = "30s"
run = "wait until raft.term > 1 for up to 1m; docker node ls"
on = "w1"
[[step]]
at = "31s"
on = "w2"
run = "kill m1; docker rm -f $(docker ps -q)"
[[step]]
at = "1m5s"
on = "m3"
run = """
partition m2 w1 | m3 w2 w3
docker service scale web=9
heal
docker service ps web | grep -c Running
"""
[[step]]
at = "1m30s"
on = "m3"
run = "boot m1; pause w3; wait 20s; resume w3; crash late.1 exit 3"
[[step]]
at = "2m30s"
on = "m2"
run = "docker node ls; docker service ls; docker info"
[[expect]]
at = "3m"
check = "raft.quorum"
"#;

fn scenarios() -> Vec<(String, Scenario)> {
    let shipped = shipped().into_iter().map(|(path, scenario)| (path.display().to_string(), scenario));
    shipped.chain([(storm_file(), parsed(STORM))]).collect()
}

/// The storm as a file, for a process of its own.
fn storm_file() -> String {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("storm.toml");
    if std::fs::read_to_string(&path).ok().as_deref() != Some(STORM) {
        std::fs::write(&path, STORM).expect("a file can be written");
    }
    path.display().to_string()
}

fn print_of(scenario: &Scenario, options: &Options) -> String {
    let run = run(scenario, options);
    assert_eq!(run.broken, None, "{}", scenario.name);
    fingerprint(run.session.world())
}

/// A scenario that is played input by input and event by event, so that it can be copied anywhere.
#[derive(Clone)]
struct Story {
    session: Session,
    scenario: Arc<Scenario>,
    order: Arc<[usize]>,
    next: usize,
}

impl Story {
    fn new(scenario: &Scenario, options: &Options) -> Self {
        let centre = data_centre(scenario, options);
        let mut session = Session::new(&centre);
        session.keep_trace(options.trace);
        for (path, content) in &scenario.files {
            session.put_file(path, content.as_bytes());
        }
        // The lines of chaos are steps like others.
        let scenario = Scenario { steps: typed(scenario, &centre), ..scenario.clone() };
        let mut order: Vec<usize> = (0..scenario.steps.len()).collect();
        order.sort_by_key(|&step| scenario.steps[step].at);
        Self { session, scenario: Arc::new(scenario), order: order.into(), next: 0 }
    }

    /// The number of events and what they were.
    fn state(&self) -> (u64, Time, String) {
        (self.number(), self.now(), fingerprint(self.session.world()))
    }

    fn finish(mut self) -> String {
        while self.step() {}
        assert_eq!(self.session.broken(), None);
        fingerprint(self.session.world())
    }
}

impl Replay for Story {
    /// One event, or the inputs of one instant.
    fn step(&mut self) -> bool {
        let due = self.order.get(self.next).map(|&step| Time::ZERO + self.scenario.steps[step].at);
        let before = self.number();
        let until = due.unwrap_or(Time::ZERO + self.scenario.duration);
        if let Stop::Broken(text) = self.session.run(until, |_| false) {
            panic!("{text}");
        }
        if self.number() != before {
            return true;
        }
        let Some(due) = due else { return false };
        // Steps of one instant begin before anything that they bring about, as a run begins them.
        while let Some(step) = self.order.get(self.next).map(|&step| &self.scenario.steps[step])
            && Time::ZERO + step.at == due
        {
            let host = self.session.world().host_named(&step.on).expect("the scenario was checked");
            let terminal = self.session.open(host, None);
            self.session.begin(terminal, &step.run, step.list.clone());
            self.next += 1;
        }
        true
    }

    fn number(&self) -> u64 {
        Replay::number(&self.session)
    }

    fn now(&self) -> Time {
        Replay::now(&self.session)
    }

    fn weight(&self) -> usize {
        Replay::weight(&self.session)
    }
}

#[test]
fn twice_with_either_queue_and_any_trace() {
    for (name, scenario) in scenarios() {
        let first = print_of(&scenario, &Options::default());
        assert_eq!(print_of(&scenario, &Options::default()), first, "{name} a second time");
        let heap = Options { queue: QueueKind::Heap, ..Options::default() };
        let wheel = Options { queue: QueueKind::Wheel, ..Options::default() };
        assert_eq!(print_of(&scenario, &heap), first, "{name} with the heap");
        assert_eq!(print_of(&scenario, &wheel), first, "{name} with the wheel");
        let silent = Options { trace: false, ..Options::default() };
        assert_eq!(print_of(&scenario, &silent), first, "{name} without a trace");
        let narrow = Options { trace_window: 16, ..Options::default() };
        assert_eq!(print_of(&scenario, &narrow), first, "{name} with a narrow trace");
        let bare = Scenario { expectations: Vec::new(), outputs: Vec::new(), ..scenario.clone() };
        assert_eq!(print_of(&bare, &Options::default()), first, "{name} with nobody looking");
    }
}

#[test]
fn another_seed_is_another_run() {
    for (name, scenario) in scenarios() {
        let options = Options { seed: Some(scenario.seed + 1), ..Options::default() };
        assert_ne!(print_of(&scenario, &options), print_of(&scenario, &Options::default()), "{name}");
    }
}

#[test]
#[allow(clippy::disallowed_methods, reason = "what is tested is that threads change nothing")]
fn four_threads_at_once() {
    for (name, scenario) in scenarios() {
        let alone = print_of(&scenario, &Options::default());
        let together: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| print_of(&scenario, &Options::default()))).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        assert_eq!(together, vec![alone; 4], "{name}");
    }
}

#[test]
fn a_fresh_process_and_another_one() {
    for (path, scenario) in scenarios() {
        let here = print_of(&scenario, &Options::default());
        let there = ended(&["run", &path]);
        assert_eq!(there.stdout.lines().last(), Some(format!("fingerprint {here}").as_str()), "{path}");
        let again = ended(&["run", &path]);
        assert_eq!(again.stdout, there.stdout, "{path}");
    }
}

#[test]
fn through_checkpoints() {
    // A step that is typed again when it has ended is no input of a fixed time; what it typed is replayed in `sweep`.
    let fixed = |scenario: &Scenario| scenario.steps.iter().all(|step| step.repeat.is_none());
    for (name, scenario) in scenarios().into_iter().filter(|(_, scenario)| fixed(scenario)) {
        let whole = print_of(&scenario, &Options::default());
        let mut story = Story::new(&scenario, &Options::default());
        let mut checkpoints = Checkpoints::new(64 << 20, 500);
        let mut states = vec![story.state()];
        checkpoints.offer(&story);
        while story.step() {
            states.push(story.state());
            checkpoints.offer(&story);
        }
        assert_eq!(fingerprint(story.session.world()), whole, "{name}, input by input");
        assert!(
            checkpoints.len() > (states.len() / 500).min(5),
            "{name}: {} checkpoints in {} steps",
            checkpoints.len(),
            states.len()
        );

        let mut draw = Seed(scenario.seed).stream("test.seek", &0u8);
        for round in 0..25 {
            let state = &states[draw.below(states.len() as u64) as usize];
            let there = checkpoints.seek(state.0).expect("the first checkpoint is kept");
            assert_eq!(&there.state(), state, "{name}, event {}", state.0);
            if round % 5 == 0 {
                assert_eq!(there.clone().finish(), whole, "{name}, on from event {}", state.0);
                // A copy that goes elsewhere leaves no trace in the one that it was taken from.
                let mut other = there.clone();
                let host = other.session.world().host_named("m1").expect("every scenario has one");
                let terminal = other.session.open(host, None);
                other.session.type_lines(terminal, "kill m1; docker ps").expect("a line");
                for _ in 0..200 {
                    other.step();
                }
                assert_eq!(there.finish(), whole, "{name}, on from event {}, after a fork", state.0);
            }
        }
        // And by time: a fresh run up to that moment.
        for _ in 0..3 {
            let nanos = draw.below(scenario.duration.as_nanos() as u64) as i64;
            let t = Time::from_nanos(nanos);
            let there = checkpoints.seek_time(t).expect("the first checkpoint is kept");
            let expected = states.iter().rev().find(|state| state.1 <= t).expect("the first one is");
            assert_eq!(there.number(), expected.0, "{name} at {t}");
            assert_eq!(there.state().2, expected.2, "{name} at {t}");
        }
    }
}

/// One line of a random scenario.
fn line() -> impl Strategy<Value = String> {
    let host = || prop::sample::select(vec!["m1", "m2", "m3", "w1", "w2"]);
    let docker = prop::sample::select(vec![
        "docker service create --name web --replicas 4 --detach nginx:1.25",
        "docker service create --name web --replicas 3 --update-order start-first nginx:1.25",
        "docker service create --name bad --detach --restart-delay 1s --restart-max-attempts 3 swarmlab/exits-late",
        "docker service update --image nginx:1.26 --update-parallelism 2 web",
        "docker service update --image swarmlab/exits-at-once --update-failure-action rollback web",
        "docker service update --force --detach web",
        "docker service scale web=6",
        "docker service scale --detach web=1",
        "docker service rollback web",
        "docker service rm web",
        "docker service ps web; docker node ls; docker service ls; docker ps; docker info",
        "docker rm -f $(docker ps -q)",
        "docker node update --availability drain w1",
        "docker node update --availability active w1",
        "docker node update --availability pause w2",
        "docker swarm leave --force",
        "crash web.1 exit 1",
        "kill web.2",
        "heal",
        "unblock",
        "registry down",
        "registry down for w1 m2",
        "registry slow=3s",
        "registry up",
        "docker service create --name sick --detach --stop-grace-period 2s swarmlab/unhealthy-late",
        "docker service create --name leak --detach --limit-memory 64M swarmlab/leaks-memory",
        "docker service update --detach --health-cmd true --health-interval 1s --stop-signal SIGINT web",
        "unhealthy sick.1",
        "docker pause $(docker ps -q | head -1)",
        "docker unpause $(docker ps -q | head -1)",
        "docker stop -t 1 $(docker ps -q | head -1)",
        "docker restart -t 1 $(docker ps -q | head -1)",
        "docker kill -s TERM $(docker ps -q | head -1)",
        "docker pull redis:7; docker images; docker rmi redis:7",
        "image nginx:1.26 slow=7s start=2s ignores_sigterm",
        "disk m1 slow=300ms",
    ]);
    prop_oneof![
        5 => docker.prop_map(str::to_owned),
        1 => host().prop_map(|host| format!("kill {host}")),
        1 => host().prop_map(|host| format!("kill {host} daemon")),
        1 => host().prop_map(|host| format!("stop {host} daemon")),
        1 => host().prop_map(|host| format!("stop {host}")),
        3 => host().prop_map(|host| format!("boot {host}")),
        1 => host().prop_map(|host| format!("pause {host}")),
        1 => host().prop_map(|host| format!("resume {host}")),
        1 => (host(), host()).prop_filter("two", |(a, b)| a != b).prop_map(|(a, b)| format!("cut {a} -> {b}")),
        1 => (host(), host()).prop_filter("two", |(a, b)| a != b)
            .prop_map(|(a, b)| format!("link {a} {b} latency=900ms jitter=500ms loss=20%")),
        1 => Just("partition m1 w1 | m2 m3 w2".to_owned()),
        1 => host().prop_map(|host| format!("block {host} 2377")),
    ]
}

prop_compose! {
    /// A cluster to which a dozen things are done in three minutes.
    pub fn chaos()(
        seed in any::<u32>(),
        shuffled: bool,
        steps in prop::collection::vec((1u32..170, prop::sample::select(vec!["m1", "m2", "m3", "w1"]), line()), 1..12),
    ) -> String {
        let ties = if shuffled { "shuffled" } else { "natural" };
        let mut text = format!(
            "format = 1\nname = \"chaos\"\nduration = \"3m\"\nseed = {seed}\nties = \"{ties}\"\n[cluster]\nmanagers = 3\nworkers = 2\n"
        );
        for (at, on, line) in steps {
            text += &format!("[[step]]\nat = \"{at}s\"\non = \"{on}\"\nrun = '''{line}'''\n");
        }
        text
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 300, ..ProptestConfig::with_cases(cases(12)) })]

    /// Whatever is done to a cluster, no invariant breaks, nothing panics, and the run is the same with the other queue
    /// and from a copy in its middle.
    #[test]
    fn whatever_happens(text in chaos(), at in 0.0f64..1.0) {
        let scenario = parsed(&text);
        let one = run(&scenario, &Options::default());
        prop_assert_eq!(&one.broken, &None);
        let whole = fingerprint(one.session.world());
        let heap = Options { queue: QueueKind::Heap, trace: false, ..Options::default() };
        let mut story = Story::new(&scenario, &heap);
        let middle = (one.session.world().env.kernel.handled() as f64 * at) as u64;
        while story.number() < middle && story.step() {}
        let copy = story.clone();
        prop_assert_eq!(story.finish(), whole.clone());
        prop_assert_eq!(copy.finish(), whole);
    }
}

/// What a debug build and a release build both print; CI runs both.
#[test]
fn the_kill_of_a_node_is_the_same_everywhere() {
    let path = root().join("scenarios/kill-node.toml");
    let prints: Vec<String> = (1..=3)
        .map(|seed| {
            let run = ended(&["run", &path.display().to_string(), "--seed", &seed.to_string()]);
            assert_eq!(run.status, Some(0), "seed {seed}\n{}", run.stdout);
            run.stdout.lines().last().unwrap_or_default().to_owned()
        })
        .collect();
    assert!(prints.iter().all(|line| line.starts_with("fingerprint ")), "{prints:?}");
}
