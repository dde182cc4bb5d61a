//! Those facts that a naive simulator gets wrong which show in a whole swarm only (control-plane.md §14): how long a lost
//! node still looks well, what leaving says, what a new leader has forgotten, and what `service ls` counts. The others, and
//! the list of all, are in `src/swarm/orchestrator/tests/quirks.rs`.

use crate::lab::{Lab, cells};
use std::collections::BTreeSet;
use swarmlab::engine::{Duration, Time};
use swarmlab::observe::Observed;
use swarmlab::swarm::object::{Node, NodeState};
use swarmlab::swarm::world::{DataCentre, World};

fn node<'a>(world: &'a World, name: &str) -> Option<&'a Node> {
    let (_, manager) = Observed(world).leader()?;
    let host = world.host_named(name)?;
    manager.state.nodes.values().map(|node| &**node).find(|node| node.host == host)
}

/// Lets time pass in steps of 50 ms until a node's state is this one; how long that took since `since`.
fn until(lab: &mut Lab, name: &str, state: NodeState, since: Time) -> Duration {
    for _ in 0..4000 {
        if node(lab.session.world(), name).is_some_and(|node| node.status.state == state) {
            return lab.session.world().now() - since;
        }
        lab.pass(Duration::from_millis(50));
    }
    panic!("{name} is never {state:?}");
}

fn between(took: Duration, from: i64, to: i64) -> bool {
    (Duration::from_millis(from)..=Duration::from_millis(to)).contains(&took)
}

fn ok(lab: &mut Lab, host: &str, line: &str) -> String {
    let ran = lab.run(host, line);
    assert_eq!((ran.err.as_str(), ran.status), ("", 0), "{line}\n{}", ran.out);
    ran.out
}

#[test]
fn quirk_01_a_dead_node_looks_ready_until_its_heartbeats_are_missed() {
    let mut all = BTreeSet::new();
    for seed in 0..12 {
        let mut lab = Lab::swarm(seed, 1, 2);
        lab.pass(Duration::from_millis(1700 * i64::try_from(seed).expect("small")));
        let dies = lab.session.world().now();
        // A process that is gone breaks its connections at once, a cable that is pulled does not: the same either way.
        lab.direct(if seed % 2 == 0 { "kill w1 daemon" } else { "partition w1 | m1 w2" });
        let took = until(&mut lab, "w1", NodeState::Down, dies);
        assert!(between(took, 8_900, 16_800), "seed {seed}: {took:?}");
        all.insert(took);
        assert_eq!(node(lab.session.world(), "w1").map(|node| node.status.message), Some("heartbeat failure"));
    }
    assert!(all.len() > 6, "it depends on when the last heartbeat was: {all:?}");
}

#[test]
fn quirk_15_leaving_tells_nobody() {
    let mut lab = Lab::swarm(3, 1, 2);
    ok(&mut lab, "w1", "docker swarm leave");
    let left = lab.session.world().now();
    assert_eq!(node(lab.session.world(), "w1").map(|node| node.status.state), Some(NodeState::Ready));
    let took = until(&mut lab, "w1", NodeState::Down, left);
    assert!(between(took, 8_000, 16_800), "{took:?}");
    lab.pass(Duration::from_minutes(30));
    let listed = ok(&mut lab, "m1", "docker node ls --format '{{.Hostname}} {{.Status}}'");
    assert!(listed.contains("w1 Down"), "it stays in the list: {listed}");
    // Who comes back is another node of the same name.
    let join = ok(&mut lab, "m1", "docker swarm join-token worker");
    let join = join.lines().find(|line| line.contains("swarm join")).expect("it is told").trim().to_owned();
    ok(&mut lab, "w1", &join);
    let listed = ok(&mut lab, "m1", "docker node ls --format '{{.Hostname}} {{.Status}}' | sort");
    assert!(listed.contains("w1 Down\nw1 Ready\n"), "{listed}");
}

#[test]
fn quirk_16_a_new_leader_believes_nobody_at_first() {
    let mut lab = Lab::of(DataCentre::swarm(5, 3, 2));
    ok(&mut lab, "m1", "docker service create -d --name web --replicas 10 --restart-max-attempts 2 nginx:1.25");
    // A worker that is known to be down stays so.
    lab.direct("kill w2 daemon; wait 30s");
    assert_eq!(node(lab.session.world(), "w2").map(|node| node.status.state), Some(NodeState::Down));
    let (old, _) = Observed(lab.session.world()).leader().expect("there is one");
    assert_eq!(old, lab.session.world().host_named("m1").expect("it is there"));
    lab.direct("kill m1 daemon");
    let killed = lab.session.world().now();
    let took = until(&mut lab, "m1", NodeState::Unknown, killed);
    assert!(between(took, 10_000, 20_100), "an election: {took:?}");
    let elected = lab.session.world().now();
    let message = "Node moved to \"unknown\" state due to leadership change in cluster";
    for name in ["m1", "m2", "m3", "w1"] {
        let node = node(lab.session.world(), name).expect("it is there");
        assert_eq!((node.status.state, node.status.message), (NodeState::Unknown, message), "{name}");
    }
    assert_eq!(node(lab.session.world(), "w2").map(|node| node.status.state), Some(NodeState::Down));
    for name in ["m2", "m3", "w1"] {
        let took = until(&mut lab, name, NodeState::Ready, elected);
        assert!(took <= Duration::from_millis(10_500), "{name}: {took:?}");
    }
    let took = until(&mut lab, "m1", NodeState::Down, elected);
    assert!(between(took, 26_800, 33_200), "twice the grace: {took:?}");
    let dead = node(lab.session.world(), "m1").map(|node| node.status.message);
    assert_eq!(dead, Some("heartbeat failure for node in \"unknown\" state"));
}

#[test]
fn quirk_21_service_ls_counts_what_runs_whatever_is_desired() {
    let mut lab = Lab::swarm(2, 1, 2);
    ok(&mut lab, "m1", "docker service create -d --name web --replicas 8 nginx:1.25");
    lab.pass(Duration::from_secs(20));
    let mut listed = |line: &str| {
        ok(&mut lab, "m1", line);
        let table = ok(&mut lab, "m1", "docker service ls");
        cells(&table.lines().collect::<Vec<_>>())[1][3].clone()
    };
    assert_eq!(listed("docker service scale -d web=5"), "8/5");
    assert_eq!(listed("docker service scale -d web=5; wait 30s"), "5/5");
}
