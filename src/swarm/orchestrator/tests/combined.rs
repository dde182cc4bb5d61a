//! Everything at once: random clusters, random services of all four modes with whatever constrains their placement, and
//! random users, faults and changes of leaders.
//!
//! After every commit the promises of control-plane.md §12 hold (those of the bench and those that a world is held to). When
//! the disturbances end, programs cease to crash and time has passed, each service is as its spec says, or the `oracle`
//! knows why it cannot be, and the tasks that wait say so in the right words. Nodes stay as they are then: lost, drained,
//! paused, too small; an image that is missing stays missing; an update that was paused stays so.

use super::bench::{Line, Written};
use super::oracle::{self, MISSING, NO_SUCH_IMAGE, Past};
use super::specs::Spec;
use super::{Image, World, spec};
use crate::engine::{Duration, Seed};
use crate::swarm::object::{
    Availability, FailureAction, Generic, Id, Mode, Network, NetworkKey, NetworkSpec, Node, NodeKey, RestartCondition,
    UpdateConfig, UpdateOrder,
};
use crate::swarm::store::Why;
use crate::swarm::world::check;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const IMAGES: [&str; 7] = ["app:v1", "app:v1", "app:v2", "app:crash", "app:flaky", "app:ends", MISSING];
const JOB_IMAGES: [&str; 4] = ["job:done", "job:fails", "app:v1", MISSING];
const CONSTRAINTS: [&str; 5] = [
    "node.labels.zone==a",
    "node.labels.zone!=b",
    "node.labels.rack==1",
    "node.platform.arch==x86_64",
    "node.labels.none!=x",
];
const CPU: i64 = 1_000_000_000;
const GIB: i64 = 1 << 30;
/// So many of the first and of the last lines of what happened are told with what is wrong.
const STORY: usize = 60;

/// A node as it is made.
#[derive(Clone, Debug)]
struct Machine {
    cpus: i64,
    memory: i64,
    gpus: usize,
    zone: usize,
    rack: usize,
    arm: bool,
}

fn machine() -> impl Strategy<Value = Machine> {
    (1i64..5, 1i64..5, 0usize..3, 0usize..3, 0usize..3, prop::bool::weighted(0.2))
        .prop_map(|(cpus, memory, gpus, zone, rack, arm)| Machine { cpus, memory, gpus, zone, rack, arm })
}

impl Machine {
    fn shape(&self, node: &mut Node) {
        let description = Arc::make_mut(&mut node.description);
        description.nano_cpus = self.cpus * CPU;
        description.memory_bytes = self.memory * GIB;
        description.architecture = if self.arm { "aarch64" } else { "x86_64" }.into();
        let named = |number: usize| Generic::Named { kind: "GPU".into(), name: number.to_string().into() };
        description.generic = (0..self.gpus).map(named).collect();
        label(node, "zone", ["", "a", "b"][self.zone]);
        label(node, "rack", ["", "1", "2"][self.rack]);
    }
}

/// Nothing for the empty value: the label is not there at all.
fn label(node: &mut Node, key: &str, value: &str) {
    let labels = Arc::make_mut(&mut node.spec.labels);
    match value {
        "" => labels.remove(key),
        value => labels.insert(key.to_owned(), value.to_owned()),
    };
}

/// What constrains a service's placement.
#[derive(Clone, Debug)]
struct Demands {
    constraint: Option<usize>,
    preferences: usize,
    half_cpus: i64,
    half_gib: i64,
    gpus: i64,
    port: Option<u16>,
    max_replicas: u32,
    built_for: Option<bool>,
    networked: bool,
}

fn demands() -> impl Strategy<Value = Demands> {
    let rarely = |values: std::ops::Range<i64>| prop_oneof![3 => Just(0i64), 2 => values];
    (
        prop::option::weighted(0.3, 0..CONSTRAINTS.len()),
        0usize..3,
        rarely(1..5),
        rarely(1..4),
        prop_oneof![5 => Just(0i64), 1 => 1i64..3],
        prop::option::weighted(0.15, 8080u16..8082),
        prop_oneof![4 => Just(0u32), 1 => 1u32..3],
        prop::option::weighted(0.15, any::<bool>()),
        prop::bool::weighted(0.3),
    )
        .prop_map(
            |(constraint, preferences, half_cpus, half_gib, gpus, port, max_replicas, built_for, networked)| Demands {
                constraint,
                preferences,
                half_cpus,
                half_gib,
                gpus,
                port,
                max_replicas,
                built_for,
                networked,
            },
        )
}

/// How a service's tasks are replaced.
#[derive(Clone, Debug)]
struct Policy {
    condition: RestartCondition,
    attempts: u64,
    window: i64,
    delay: i64,
    parallelism: u64,
    order: UpdateOrder,
    action: FailureAction,
    update_delay: i64,
}

fn policy() -> impl Strategy<Value = Policy> {
    let condition = prop_oneof![
        4 => Just(RestartCondition::Any),
        1 => Just(RestartCondition::OnFailure),
        1 => Just(RestartCondition::None),
    ];
    let order = prop::sample::select(vec![UpdateOrder::StopFirst, UpdateOrder::StopFirst, UpdateOrder::StartFirst]);
    let action = prop::sample::select(vec![FailureAction::Pause, FailureAction::Continue, FailureAction::Rollback]);
    (
        condition,
        prop_oneof![4 => Just(0u64), 1 => 1u64..4],
        prop::sample::select(vec![0i64, 0, 3000]),
        prop::sample::select(vec![1000i64, 5000, 5000]),
        0u64..4,
        order,
        action,
        prop::sample::select(vec![0i64, 0, 300, 1200]),
    )
        .prop_map(|(condition, attempts, window, delay, parallelism, order, action, update_delay)| Policy {
            condition,
            attempts,
            window,
            delay,
            parallelism,
            order,
            action,
            update_delay,
        })
}

#[derive(Clone, Debug)]
enum Deed {
    /// Makes the service, in a mode that is drawn, or replaces its whole spec.
    Spec(usize, usize, usize, u32, Demands, Policy),
    Demands(usize, Demands),
    Policy(usize, Policy),
    Image(usize, usize),
    Replicas(usize, u32),
    Force(usize),
    Rollback(usize),
    Remove(usize),
    Exit(usize, u32, i32),
    Down(u32),
    Up(u32),
    Availability(u32, Availability),
    Reshape(u32, Machine),
    RemoveNode(u32),
    AddNode(Machine),
    Failover,
}

fn service() -> impl Strategy<Value = Deed> {
    (0..NAMES.len(), 0usize..6, 0usize..7, 0u32..7, demands(), policy()).prop_map(
        |(which, mode, image, replicas, demands, policy)| Deed::Spec(which, mode, image, replicas, demands, policy),
    )
}

fn deed() -> impl Strategy<Value = Deed> {
    let which = 0..NAMES.len();
    let node = 0u32..6;
    let availability = prop::sample::select(vec![
        Availability::Active,
        Availability::Active,
        Availability::Pause,
        Availability::Drain,
    ]);
    prop_oneof![
        4 => service(),
        2 => (which.clone(), demands()).prop_map(|(s, d)| Deed::Demands(s, d)),
        2 => (which.clone(), policy()).prop_map(|(s, p)| Deed::Policy(s, p)),
        5 => (which.clone(), 0usize..7).prop_map(|(s, i)| Deed::Image(s, i)),
        4 => (which.clone(), 0u32..7).prop_map(|(s, n)| Deed::Replicas(s, n)),
        1 => which.clone().prop_map(Deed::Force),
        2 => which.clone().prop_map(Deed::Rollback),
        1 => which.clone().prop_map(Deed::Remove),
        4 => (which, 0u32..7, 0i32..2).prop_map(|(s, slot, code)| Deed::Exit(s, slot, code)),
        2 => node.clone().prop_map(Deed::Down),
        3 => node.clone().prop_map(Deed::Up),
        3 => (node.clone(), availability).prop_map(|(n, a)| Deed::Availability(n, a)),
        2 => (node.clone(), machine()).prop_map(|(n, m)| Deed::Reshape(n, m)),
        1 => node.prop_map(Deed::RemoveNode),
        1 => machine().prop_map(Deed::AddNode),
        2 => Just(Deed::Failover),
    ]
}

/// A world under random deeds.
struct Play {
    world: World,
    network: NetworkKey,
    specs: BTreeMap<usize, Spec>,
    /// Nodes have changed since these were last written.
    nodes_changed: BTreeMap<&'static str, bool>,
}

impl Play {
    fn new(chance: Option<u64>, latency: i64, machines: &[Machine]) -> Self {
        let mut world = World::new(0)
            .keeping()
            .image("app:crash", Image::exits(300, 1))
            .image("app:flaky", Image::exits(300, 1).first(2))
            .image("app:ends", Image::exits(600, 0))
            .image("job:done", Image::exits(400, 0))
            .image("job:fails", Image::exits(400, 1))
            .image(MISSING, Image::rejected(NO_SUCH_IMAGE));
        if let Some(seed) = chance {
            world = world.by_chance(Seed(seed));
        }
        world.strict = true;
        let network = world.state.networks.next_key();
        let overlay = NetworkSpec { name: "net".into(), driver: "overlay".into(), ..NetworkSpec::default() };
        world.write_now(|tx| {
            let made = Network {
                key: network,
                id: Id(77),
                meta: Default::default(),
                spec: Arc::new(overlay),
                allocated: None,
            };
            tx.put_network(made, Why::Request);
        });
        world.latency = Duration::from_millis(latency);
        let mut play = Self { world, network, specs: BTreeMap::new(), nodes_changed: BTreeMap::new() };
        for machine in machines {
            play.add_node(machine);
        }
        play
    }

    fn add_node(&mut self, machine: &Machine) {
        self.world.add_node_as(|node| machine.shape(node));
    }

    fn write(&mut self, which: usize, next: Spec) {
        match self.specs.contains_key(&which) {
            true => self.world.update(&next),
            false => {
                self.world.create(&next);
            }
        }
        self.nodes_changed.insert(NAMES[which], false);
        self.specs.insert(which, next);
    }

    fn change(&mut self, which: usize, change: impl FnOnce(&mut Spec)) {
        if let Some(mut next) = self.specs.get(&which).cloned() {
            change(&mut next);
            self.write(which, next);
        }
    }

    fn node(&mut self, number: u32) -> Option<NodeKey> {
        let key = self.world.state.nodes.get(NodeKey(number)).map(|node| node.key)?;
        self.nodes_changed.values_mut().for_each(|changed| *changed = true);
        Some(key)
    }

    fn act(&mut self, deed: &Deed) {
        match deed {
            Deed::Spec(s, mode, image, replicas, demands, policy) => {
                let known = self.specs.get(s).and_then(|spec| spec.mode);
                let drawn = match mode {
                    0..=2 => None,
                    3 => Some(Mode::Global),
                    4 => Some(Mode::ReplicatedJob { max_concurrent: 1 + *replicas / 2, total: *replicas }),
                    _ => Some(Mode::GlobalJob),
                };
                let mut next = spec(NAMES[*s], *replicas, "app:v1");
                // The mode of a service never changes.
                next.mode = if self.specs.contains_key(s) { known } else { drawn };
                self.set_image(&mut next, *image);
                self.demand(&mut next, demands);
                set_policy(&mut next, policy);
                self.write(*s, next);
            }
            Deed::Demands(s, demands) => {
                if let Some(mut next) = self.specs.get(s).cloned() {
                    self.demand(&mut next, demands);
                    self.write(*s, next);
                }
            }
            Deed::Policy(s, policy) => self.change(*s, |spec| set_policy(spec, policy)),
            Deed::Image(s, image) => {
                if let Some(mut next) = self.specs.get(s).cloned() {
                    self.set_image(&mut next, *image);
                    self.write(*s, next);
                }
            }
            Deed::Replicas(s, replicas) => self.change(*s, |spec| {
                spec.replicas = *replicas;
                if let Some(Mode::ReplicatedJob { total, .. }) = &mut spec.mode {
                    *total = *replicas;
                }
            }),
            Deed::Force(s) => self.change(*s, |spec| spec.force += 1),
            Deed::Rollback(s) => {
                if self.specs.contains_key(s) && self.world.rollback(NAMES[*s]) {
                    self.nodes_changed.insert(NAMES[*s], false);
                }
            }
            Deed::Remove(s) => {
                if self.specs.remove(s).is_some() {
                    self.world.remove(NAMES[*s]);
                }
            }
            Deed::Exit(s, slot, code) => {
                if self.specs.contains_key(s) {
                    self.world.exit_where(NAMES[*s], *code, |task| {
                        task.slot == *slot || (task.slot == 0 && task.node == Some(NodeKey(*slot)))
                    });
                }
            }
            Deed::Down(n) => {
                if let Some(node) = self.node(*n) {
                    self.world.node_down(node);
                }
            }
            Deed::Up(n) => {
                if let Some(node) = self.node(*n) {
                    self.world.node_up(node);
                }
            }
            Deed::Availability(n, availability) => {
                if let Some(node) = self.node(*n) {
                    self.world.availability(node, *availability);
                }
            }
            Deed::Reshape(n, machine) => {
                if let Some(node) = self.node(*n) {
                    self.world.change_node(node, |node| machine.shape(node));
                }
            }
            Deed::RemoveNode(n) => {
                if let Some(node) = self.node(*n) {
                    self.world.remove_node(node);
                }
            }
            Deed::AddNode(machine) => {
                self.nodes_changed.values_mut().for_each(|changed| *changed = true);
                self.add_node(machine);
            }
            Deed::Failover => self.world.failover(),
        }
    }

    fn set_image(&self, spec: &mut Spec, image: usize) {
        let job = spec.mode.is_some_and(Mode::is_job);
        spec.image = if job { JOB_IMAGES[image % JOB_IMAGES.len()] } else { IMAGES[image] };
    }

    fn demand(&self, spec: &mut Spec, demands: &Demands) {
        spec.constraints = demands.constraint.map(|at| CONSTRAINTS[at]).into_iter().collect();
        spec.preferences = ["node.labels.zone", "node.labels.rack"][..demands.preferences].to_vec();
        spec.nano_cpus = demands.half_cpus * CPU / 2;
        spec.memory_bytes = demands.half_gib * GIB / 2;
        spec.gpus = demands.gpus;
        spec.ports = demands.port.map(|port| (port, false)).into_iter().collect();
        spec.max_replicas = demands.max_replicas;
        spec.built_for = demands.built_for.map(|arm| if arm { "arm64" } else { "amd64" });
        spec.networks = demands.networked.then_some(self.network).into_iter().collect();
    }

    /// Programs crash no more; everything else stays as it is, and time passes.
    fn settle(&mut self) {
        for image in ["app:crash", "app:flaky", "app:ends", "job:fails"] {
            self.world.images.remove(image);
        }
        self.world.images.insert("job:fails".to_owned(), vec![Image::exits(400, 0)]);
        self.world.pass(90_000);
        // What waits is looked at again when a node is written (§3.1), so that its words are of now.
        for node in self.world.state.nodes.values().map(|node| node.key).collect::<Vec<_>>() {
            self.world.change_node(node, |_| {});
        }
        self.world.pass(150_000);
    }

    /// What happened, as far as it has room.
    fn story(&self) -> String {
        let log = match &self.world.broken {
            Some(_) => &self.world.log[..self.world.broken_at],
            None => &self.world.log[..],
        };
        let tell = |line: &Line| {
            let err = match &line.what {
                Written::Task { task, .. } => task.status.err.as_deref().unwrap_or(""),
                Written::Made | Written::Service { .. } => "",
            };
            format!("\n{:>7} {} {} {err}", line.at, line.name, line.text)
        };
        let (head, tail) = if log.len() > 2 * STORY { (STORY, log.len() - STORY) } else { (log.len(), log.len()) };
        log[..head].iter().chain(&log[tail..]).map(tell).collect()
    }

    fn check(&self) -> Result<(), TestCaseError> {
        if let Some((promise, detail)) = &self.world.broken {
            return Err(TestCaseError::fail(format!("{promise}: {detail}{}", self.story())));
        }
        if let Some(broken) = check::broken_whole(&self.world.state) {
            return Err(TestCaseError::fail(format!("{broken}{}", self.story())));
        }
        let past = |service: &crate::swarm::object::Service| Past {
            nodes_changed: self.nodes_changed.get(&**service.name()).copied().unwrap_or(true),
        };
        if let Err(wrong) = oracle::check(&self.world, past) {
            return Err(TestCaseError::fail(format!("{wrong}{}", self.story())));
        }
        Ok(())
    }
}

/// What led to a broken promise of the bench, which panics.
impl Drop for Play {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.story());
        }
    }
}

fn set_policy(spec: &mut Spec, policy: &Policy) {
    spec.restart.condition = policy.condition;
    spec.restart.max_attempts = policy.attempts;
    spec.restart.window = Duration::from_millis(policy.window);
    spec.restart.delay = Duration::from_millis(policy.delay);
    let config = UpdateConfig {
        parallelism: policy.parallelism,
        order: policy.order,
        delay: Duration::from_millis(policy.update_delay),
        monitor: Duration::from_secs(1),
        ..UpdateConfig::default()
    };
    spec.update = UpdateConfig { failure_action: policy.action, ..config };
    spec.rollback = config;
}

/// Few cases, and the same in every run, unless the environment asks for more (`PROPTEST_CASES`) or for others
/// (`PROPTEST_RNG_SEED`).
fn config() -> ProptestConfig {
    ProptestConfig { cases: 96, rng_seed: RngSeed::Fixed(29), ..ProptestConfig::default() }
}

fn pause() -> impl Strategy<Value = i64> {
    prop::sample::select(vec![0i64, 0, 5, 150, 700, 1300, 4000, 9000])
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_spec_is_reached_or_the_reason_is_told(
        chance in prop::option::of(any::<u64>()),
        latency in prop::sample::select(vec![0i64, 0, 3]),
        machines in prop::collection::vec(machine(), 0..6),
        services in prop::collection::vec(service(), 1..4),
        deeds in prop::collection::vec((deed(), pause()), 0..18),
    ) {
        let mut play = Play::new(chance, latency, &machines);
        for service in &services {
            play.act(service);
        }
        for (deed, pause) in &deeds {
            play.world.pass(*pause);
            play.act(deed);
        }
        play.settle();
        play.check()?;
    }

    /// A service that nothing constrains is spread evenly: first over the values of each preferred label, of which "none" is
    /// one, innermost over the nodes.
    #[test]
    fn tasks_are_spread_over_branches_and_then_over_nodes(
        chance in prop::option::of(any::<u64>()),
        machines in prop::collection::vec(machine(), 1..8),
        preferences in 0usize..3,
        replicas in 0u32..25,
    ) {
        let mut play = Play::new(chance, 0, &machines);
        let mut web = spec("a", replicas, "app:v1");
        web.preferences = ["node.labels.zone", "node.labels.rack"][..preferences].to_vec();
        play.world.create(&web);
        play.world.pass(3000);
        prop_assert_eq!(play.world.running("a"), replicas as usize);
        // Each node's path of values down to itself.
        let path = |node: &Node| -> Vec<String> {
            let value = |key: &&str| node.spec.labels.get(*key).cloned().unwrap_or_default();
            let values = ["zone", "rack"][..preferences].iter().map(value);
            values.chain([node.key.0.to_string()]).collect()
        };
        let paths: BTreeSet<Vec<String>> = play.world.state.nodes.values().map(|node| path(node)).collect();
        let mut counts: BTreeMap<Vec<String>, usize> = BTreeMap::new();
        for task in play.world.state.tasks.values() {
            let node = play.world.state.nodes.get(task.node.expect("it runs")).expect("it is there");
            let path = path(node);
            (0..=path.len()).for_each(|depth| *counts.entry(path[..depth].to_vec()).or_default() += 1);
        }
        for depth in 0..=preferences {
            let parents: BTreeSet<_> = paths.iter().map(|path| path[..depth].to_vec()).collect();
            for parent in parents {
                let children: BTreeSet<_> =
                    paths.iter().filter(|path| path[..depth] == parent[..]).map(|path| path[..=depth].to_vec()).collect();
                let count = |child: &Vec<String>| counts.get(child).copied().unwrap_or(0);
                let (most, least) = (children.iter().map(count).max(), children.iter().map(count).min());
                prop_assert!(most <= least.map(|least| least + 1), "below {parent:?}: {counts:?}");
            }
        }
    }
}
