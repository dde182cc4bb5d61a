//! Random clusters and random histories: every decision keeps the invariants (`lab::check`), the picture of the nodes
//! stays that of the store, tasks wait only where nothing fits, and equal nodes get equally many.

use super::super::{Scheduler, Ties};
use super::lab::*;
use crate::engine::Seed;
use crate::swarm::component::Outbox;
use crate::swarm::object::*;
use proptest::prelude::*;

/// One thing that happens, with draws that pick the objects.
#[derive(Clone, Debug)]
enum Step {
    Node { cpus: i64, memory: i64, zone: u8 },
    Service { cpus: i64, memory: i64, zone: Option<u8>, spread: bool, port: Option<u16>, limit: u32 },
    Tasks { service: usize, count: usize },
    Report { task: usize, state: TaskState },
    Stop { task: usize },
    Delete { task: usize },
    Flip { node: usize, down: bool },
    Drain { node: usize, drain: bool },
    RemoveNode { node: usize },
    Global { service: usize, node: usize },
}

fn step() -> impl Strategy<Value = Step> {
    use TaskState::*;
    let states = prop::sample::select(vec![Preparing, Running, Running, Complete, Failed, Failed, Rejected, Shutdown]);
    prop_oneof![
        4 => (0..5i64, 0..5i64, 0..3u8).prop_map(|(cpus, memory, zone)| Step::Node { cpus, memory, zone }),
        3 => (0..3i64, 0..3i64, prop::option::of(0..3u8), any::<bool>(), prop::option::of(80..82u16), 0..3u32).prop_map(
            |(cpus, memory, zone, spread, port, limit)| Step::Service { cpus, memory, zone, spread, port, limit }
        ),
        6 => (any::<usize>(), 1..6usize).prop_map(|(service, count)| Step::Tasks { service, count }),
        8 => (any::<usize>(), states).prop_map(|(task, state)| Step::Report { task, state }),
        3 => any::<usize>().prop_map(|task| Step::Stop { task }),
        2 => any::<usize>().prop_map(|task| Step::Delete { task }),
        2 => (any::<usize>(), any::<bool>()).prop_map(|(node, down)| Step::Flip { node, down }),
        2 => (any::<usize>(), any::<bool>()).prop_map(|(node, drain)| Step::Drain { node, drain }),
        1 => any::<usize>().prop_map(|node| Step::RemoveNode { node }),
        2 => (any::<usize>(), any::<usize>()).prop_map(|(service, node)| Step::Global { service, node }),
    ]
}

fn pick<T: Copy>(items: &[T], draw: usize) -> Option<T> {
    (!items.is_empty()).then(|| items[draw % items.len()])
}

fn take(lab: &mut Lab, step: &Step) {
    let nodes: Vec<_> = lab.state.nodes.iter().map(|(key, _)| key).collect();
    let services: Vec<_> = lab.state.services.iter().map(|(key, _)| key).collect();
    let tasks: Vec<_> = lab.state.tasks.iter().map(|(key, _)| key).collect();
    match *step {
        Step::Node { cpus, memory, zone } => {
            lab.node(&format!("n{}", nodes.len()), |node| {
                capacity(node, cpus * CPU, memory * GIB);
                if zone > 0 {
                    label(node, "zone", &zone.to_string());
                }
            });
        }
        Step::Service { cpus, memory, zone, spread, port, limit } => {
            lab.service(&format!("s{}", services.len()), |spec| {
                spec.reserved = Resources { nano_cpus: cpus * CPU, memory_bytes: memory * GIB };
                if let Some(zone) = zone {
                    spec.constraints = constraint(&format!("node.labels.zone != {zone}"));
                }
                if spread {
                    spec.preferences = vec!["node.labels.zone".into()];
                }
                if let Some(port) = port {
                    spec.ports = host_port(port);
                }
                spec.max_replicas = limit;
            });
        }
        Step::Tasks { service, count } => {
            if let Some(service) = pick(&services, service) {
                lab.add(service, count);
            }
        }
        Step::Report { task, state } => {
            if let Some(task) = pick(&tasks, task)
                && lab.node_of(task).is_some()
                && (TaskState::Assigned..state).contains(&lab.task(task).status.state)
            {
                lab.report(&[task], state);
            }
        }
        Step::Stop { task } => {
            if let Some(task) = pick(&tasks, task) {
                lab.change(&[task], |task| task.desired = TaskState::Shutdown);
            }
        }
        Step::Delete { task } => {
            if let Some(task) = pick(&tasks, task) {
                lab.delete(&[task]);
            }
        }
        Step::Flip { node, down } => {
            if let Some(node) = pick(&nodes, node) {
                let state = if down { NodeState::Down } else { NodeState::Ready };
                lab.change_node(node, |node| node.status.state = state);
            }
        }
        Step::Drain { node, drain } => {
            if let Some(node) = pick(&nodes, node) {
                let availability = if drain { Availability::Drain } else { Availability::Active };
                lab.change_node(node, |node| node.spec.availability = availability);
            }
        }
        Step::RemoveNode { node } => {
            if let Some(node) = pick(&nodes, node) {
                lab.commit(|tx| tx.remove_node(node, crate::swarm::store::Why::Request));
            }
        }
        Step::Global { service, node } => {
            if let (Some(service), Some(node)) = (pick(&services, service), pick(&nodes, node)) {
                lab.add_with(service, 1, |task| (task.node, task.slot) = (Some(node), 0));
            }
        }
    }
}

/// The picture that was kept by events is the one that a new leader would load.
fn compare_with_a_new_leader(lab: &Lab) {
    let fresh = Scheduler::start(Ties::Natural, &lab.state, lab.now, &mut Outbox::default());
    let (kept, loaded) = (&lab.scheduler.mirror, &fresh.mirror);
    assert_eq!(kept.order, loaded.order);
    for (key, info) in loaded.nodes.iter() {
        assert_eq!(kept.nodes.get(key).unwrap().taken(), info.taken(), "on {}", info.node.description.hostname);
        for (service, _) in lab.state.services.iter() {
            assert_eq!(kept.load(service, key), loaded.load(service, key));
            // All at once is the same; counts on nodes that are gone are never asked for.
            let at = |row: &[u32]| row.get(key.0 as usize).copied().unwrap_or(0);
            assert_eq!(at(&kept.of_service(service)), kept.load(service, key).of_service);
        }
    }
}

/// Tasks without a node, but for those under a limit a node: a task that is told to stop frees its place there at once, yet
/// it asks for no tick (control-plane.md §3.1), so they may wait although a node would do.
fn waiting(lab: &Lab) -> impl Iterator<Item = &Task> {
    let waits = |task: &&Task| task.status.state == TaskState::Pending && task.node.is_none();
    lab.state.tasks.values().map(AsRef::as_ref).filter(waits).filter(|task| task.spec.max_replicas == 0)
}

/// At rest a task waits only if no node passes.
fn check_waiting(lab: &Lab) {
    for task in waiting(lab) {
        let verdicts = lab.scheduler.explain(&lab.state, task.key, lab.now);
        let passing = verdicts.iter().filter(|v| matches!(v.verdict, super::super::Verdict::Rank(_))).count();
        assert_eq!(passing, 0, "{} waits though a node would do", task.name());
        assert!(lab.err(task.key).starts_with("no suitable node"));
    }
}

proptest! {
    #[test]
    fn decisions_keep_the_invariants(seed in prop::option::of(any::<u64>()), steps in prop::collection::vec((step(), any::<bool>()), 1..60)) {
        let ties = seed.map_or(Ties::Natural, |seed| Ties::Shuffled(Seed(seed).stream("scheduler", &())));
        let mut lab = Lab::new(ties);
        for (step, settle) in &steps {
            take(&mut lab, step);
            if *settle {
                lab.run();
                compare_with_a_new_leader(&lab);
                check_waiting(&lab);
            }
        }
        lab.run();
        // A new leader may word a message anew (a deleted node asks for no tick), but it finds nothing to place.
        let waiting: Vec<_> = waiting(&lab).map(|task| task.key).collect();
        lab.restart();
        lab.run();
        prop_assert!(waiting.into_iter().all(|task| lab.node_of(task).is_none()));
    }

    #[test]
    fn equal_nodes_get_equally_many(seed in prop::option::of(any::<u64>()), nodes in 1..12usize, adds in prop::collection::vec((0..4usize, 1..20usize), 1..8)) {
        let ties = seed.map_or(Ties::Natural, |seed| Ties::Shuffled(Seed(seed).stream("scheduler", &())));
        let mut lab = Lab::new(ties);
        for i in 0..nodes {
            lab.node(&format!("n{i}"), |_| {});
        }
        let services: Vec<_> = (0..4).map(|i| lab.service(&format!("s{i}"), |_| {})).collect();
        for (service, count) in adds {
            lab.add(services[service], count);
            lab.run();
            let spread = lab.shape(services[service]);
            prop_assert!(spread[0] - spread[nodes - 1] <= 1, "{:?}", spread);
        }
    }
}
