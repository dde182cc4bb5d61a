//! Policies that are not today's Swarm: what the first Swarm's strategies would choose, and that they leave the filters alone.

use super::lab::{CPU, GIB, Lab, capacity};
use crate::engine::Seed;
use crate::swarm::object::ServiceKey;
use crate::swarm::scheduler::{Policy, Ties};

/// Three nodes of four CPUs.
fn lab(policy: Policy, seed: u64) -> Lab {
    let mut lab = Lab::new(Ties::Natural);
    lab.scheduler.set_policy(policy);
    lab.scheduler.set_draws(Seed(seed).stream("test.random", &()));
    for name in ["n1", "n2", "n3"] {
        lab.node(name, |node| capacity(node, 4 * CPU, 64 * GIB));
    }
    lab
}

/// A service whose tasks reserve so many CPUs, with so many tasks, scheduled.
fn service(lab: &mut Lab, name: &str, tasks: usize, cpus: i64) -> ServiceKey {
    let service = lab.service(name, |spec| spec.reserved.nano_cpus = cpus * CPU);
    lab.add(service, tasks);
    lab.run();
    service
}

#[test]
fn binpack_fills_one_node_before_it_touches_the_next() {
    let mut lab = lab(Policy::Binpack, 1);
    let a = service(&mut lab, "a", 6, 1);
    assert_eq!(lab.spread(a), [4, 2, 0]);
    // Another service joins the fuller node that has room.
    let b = service(&mut lab, "b", 2, 1);
    assert_eq!(lab.spread(b), [0, 2, 0]);
}

#[test]
fn the_first_swarms_spread_looks_at_reservations_and_not_at_services() {
    let mut lab = lab(Policy::Spread, 1);
    let big = service(&mut lab, "big", 1, 3);
    assert_eq!(lab.spread(big), [1, 0, 0]);
    // n1 has three quarters reserved, the others end with half.
    let small = service(&mut lab, "small", 4, 1);
    assert_eq!(lab.spread(small), [0, 2, 2]);
}

#[test]
fn random_takes_any_node_that_passes_the_same_for_the_same_seed() {
    let place = |seed| {
        let mut lab = lab(Policy::Random, seed);
        let a = service(&mut lab, "a", 6, 1);
        lab.spread(a)
    };
    assert_eq!(place(7), place(7));
    let mut seen = [0; 3];
    let mut shapes = std::collections::BTreeSet::new();
    for seed in 0..90 {
        let counts = place(seed);
        assert_eq!(counts.iter().sum::<usize>(), 6);
        assert!(counts.iter().all(|&count| count <= 4), "{counts:?}: no node has room for more");
        seen.iter_mut().zip(&counts).for_each(|(sum, count)| *sum += count);
        shapes.insert(counts);
    }
    // Three nodes share 540 tasks, and not evenly each time.
    assert!(seen.iter().all(|count| (140..=220).contains(count)), "{seen:?}");
    assert!(shapes.len() > 8, "{shapes:?}");
}

#[test]
fn no_policy_passes_over_a_filter() {
    for policy in Policy::ALL {
        let mut lab = lab(policy, 3);
        let a = service(&mut lab, "a", 20, 1);
        assert_eq!(lab.spread(a), [4, 4, 4], "{policy:?}: twelve fit");
    }
}
