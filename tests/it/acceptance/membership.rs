//! Who is a member: forced new clusters, removals that are refused, demotions, joins and leaves.

use super::{LOSS, known};
use crate::lab::Lab;
use swarmlab::engine::Duration;
use swarmlab::observe::{Observed, View};
use swarmlab::swarm::world::{DataCentre, HostSpec};

/// Managers and workers, and machines x1, x2 that are in no swarm.
fn with_machines(seed: u64, managers: usize, workers: usize) -> Lab {
    let mut centre = DataCentre::swarm(seed, managers, workers);
    centre.hosts.extend(["x1", "x2"].map(|name| HostSpec::new(name, None)));
    Lab::of(centre)
}

fn join(lab: &mut Lab, role: &str) -> String {
    let token = lab.ok("m1", &format!("docker swarm join-token -q {role}"));
    format!("docker swarm join --token {} 10.0.0.11:2377", token.trim())
}

/// Case 16.
#[test]
fn a_survivor_goes_on_alone_and_two_new_ones_join() {
    let mut lab = with_machines(1, 3, 0);
    lab.create("m1", "web");
    lab.direct("kill m2; kill m3; wait 45s");
    lab.ok("m1", "docker swarm init --force-new-cluster");
    assert_eq!(known(&lab, "m1"), (1, 1));
    let join = join(&mut lab, "manager");
    lab.ok("x1", &join);
    lab.ok("x2", &join);
    lab.pass(Duration::from_secs(1));
    assert_eq!(["m1", "x1", "x2"].map(|host| known(&lab, host)), [(3, 1); 3]);
    assert_eq!(lab.services("x2"), "web");
}

/// Case 17.
#[test]
fn nobody_is_taken_out_while_two_of_three_are_silent() {
    let mut lab = Lab::swarm(2, 3, 0);
    lab.direct("kill m2 daemon; kill m3 daemon");
    lab.until("nodes['m2'].reachability == 'unreachable' && nodes['m3'].reachability == 'unreachable'", 3);
    for name in ["m1", "m2", "m3"] {
        lab.no("m1", &format!("docker node demote {name}"), LOSS);
    }
    assert_eq!(known(&lab, "m1").0, 3);
}

/// Case 18, and the first part of 20.
#[test]
fn with_one_of_three_down_only_that_one_may_go() {
    let mut lab = Lab::swarm(3, 3, 0);
    lab.direct("kill m3 daemon");
    lab.until("nodes['m3'].reachability == 'unreachable'", 3);
    lab.no("m1", "docker node demote m2", LOSS);
    lab.no("m1", "docker node demote m1", LOSS);
    lab.ok("m1", "docker node demote m3");
    lab.until("raft.members.size() == 2", 5);
    lab.pass(Duration::from_secs(1));
    assert_eq!([known(&lab, "m1").0, known(&lab, "m2").0], [2, 2]);
}

/// Cases 19 and 32, and the rest of 20.
#[test]
fn two_of_three_may_go_one_after_the_other_and_the_last_may_not() {
    let mut lab = Lab::swarm(4, 3, 0);
    lab.direct("kill m3 daemon");
    lab.until("nodes['m3'].reachability == 'unreachable'", 3);
    lab.no("m1", "docker node demote m2", LOSS);
    lab.direct("boot m3");
    lab.until("nodes['m3'].reachability == 'reachable'", 40);
    lab.ok("m1", "docker node demote m2");
    lab.until("raft.members.size() == 2 && nodes['m2'].role == 'worker'", 15);
    lab.ok("m1", "docker node demote m3");
    lab.until("raft.members.size() == 1 && nodes['m3'].role == 'worker'", 15);
    lab.no(
        "m1",
        "docker node demote m1",
        "code = FailedPrecondition desc = attempting to demote the last manager of the swarm",
    );
    lab.until("raft.leader == 'm1'", 1);
}

/// Case 22, for a killed daemon and for one that was frozen.
#[test]
fn a_manager_that_was_demoted_while_it_was_away_becomes_a_worker() {
    for (away, back) in [("kill m3 daemon; wait 2s", "boot m3"), ("pause m3; wait 15s", "resume m3")] {
        let mut lab = Lab::swarm(5, 3, 0);
        lab.direct(away);
        lab.ok("m1", "docker node demote m3");
        lab.until("raft.members.size() == 2", 10);
        lab.direct(back);
        lab.until("nodes['m3'].role == 'worker' && nodes['m3'].status == 'ready'", 120);
        lab.pass(Duration::from_secs(40));
        lab.no("m3", "docker node ls", "Worker nodes can't be used to view or modify cluster state.");
        assert_eq!(known(&lab, "m3"), (0, 0), "{away}");
    }
}

/// Case 23.
#[test]
fn while_a_leader_is_frozen_nobody_else_is_believed_down() {
    for seed in 0..10 {
        let mut lab = Lab::swarm(seed, 3, 5);
        lab.direct("pause m1");
        for _ in 0..60 {
            lab.pass(Duration::from_secs(1));
            let nodes = Observed(lab.session.world()).nodes();
            let down: Vec<_> = nodes.iter().flat_map(|n| n.iter()).filter(|n| &*n.status == "down").collect();
            assert!(down.iter().all(|node| &*node.name == "m1"), "seed {seed}: {down:?}");
        }
        lab.direct("resume m1");
        lab.until("raft.leader != '' && nodes.all(n, n.status == 'ready' && n.reachability != 'unreachable')", 60);
    }
}

/// Case 25.
#[test]
fn a_worker_that_was_removed_by_force_does_not_come_back() {
    let mut lab = Lab::swarm(6, 1, 2);
    lab.ok("m1", "docker node rm --force w1");
    lab.direct("stop w1 daemon; wait 5s; boot w1; wait 1m");
    assert_eq!(lab.ok("m1", "docker node ls --format '{{.Hostname}}'"), "m1\nw2\n");
}

/// Case 26.
#[test]
fn only_a_token_that_is_good_lets_a_host_in() {
    let mut lab = with_machines(7, 1, 0);
    let old = join(&mut lab, "worker");
    lab.ok("m1", "docker swarm join-token --rotate worker");
    let necessary = "A valid join token is necessary to join this cluster";
    for (line, complaint) in [
        ("docker swarm join 10.0.0.11:2377", necessary),
        ("docker swarm join --token foobaz 10.0.0.11:2377", "invalid join token"),
        (&*old, necessary),
    ] {
        lab.no("x1", line, complaint);
        assert_eq!(lab.ok("x1", "docker info --format '{{.Swarm.LocalNodeState}}'"), "inactive\n", "{line}");
    }
    let line = join(&mut lab, "worker");
    lab.ok("x1", &line);
    assert_eq!(lab.ok("x1", "docker info --format '{{.Swarm.LocalNodeState}}'"), "active\n");
}

/// Case 27.
#[test]
fn a_token_of_another_swarm_is_refused() {
    let mut lab = with_machines(8, 1, 0);
    lab.ok("x2", "docker swarm init");
    let token = lab.ok("x2", "docker swarm join-token -q worker");
    let line = format!("docker swarm join --token {} 10.0.0.11:2377", token.trim());
    lab.no("x1", &line, "remote CA does not match fingerprint. Expected: ");
}

/// Case 33.
#[test]
fn a_join_to_an_address_that_nobody_has_goes_on_until_it_is_given_up() {
    let mut lab = with_machines(9, 1, 0);
    let line = join(&mut lab, "worker").replace("10.0.0.11", "10.9.9.9");
    for end in ["docker swarm leave", ""] {
        lab.no("x1", &line, "Timeout was reached before node joined.");
        assert_eq!(lab.ok("x1", "docker info --format '{{.Swarm.LocalNodeState}}'"), "pending\n");
        if end.is_empty() {
            lab.direct("kill x1 daemon; boot x1; wait 20s");
        } else {
            assert_eq!(lab.ok("x1", end), "Node left the swarm.\n");
        }
        assert_eq!(lab.ok("x1", "docker info --format '{{.Swarm.LocalNodeState}}'"), "inactive\n");
    }
}

/// Case 34.
#[test]
fn the_first_of_two_goes_on_alone_with_what_it_ran() {
    let mut lab = with_machines(10, 2, 0);
    lab.ok("m1", "docker service create --name web --replicas 3 nginx:1.25");
    lab.ok("m1", "docker node update --availability drain m2");
    lab.until("tasks.filter(t, t.state == 'running' && t.desired == 'running' && t.node == 'm1').size() == 3", 60);
    let before = lab.ok("m1", "docker ps -q | sort");
    lab.direct("stop m2 daemon; wait 45s");
    lab.ok("m1", "docker swarm init --force-new-cluster");
    lab.pass(Duration::from_secs(10));
    assert_eq!(lab.ok("m1", "docker ps -q | sort"), before);
    let line = join(&mut lab, "manager");
    lab.ok("x1", &line);
    lab.ok("x1", "docker service scale web=6");
    lab.until("services['web'].running == 6 && tasks.exists(t, t.node == 'x1' && t.state == 'running')", 30);
}

/// Case 51; that its certificate opens no session any more: `crate::security`.
#[test]
fn a_node_that_is_ready_is_removed_by_force_only() {
    let mut lab = Lab::swarm(11, 1, 2);
    lab.no("m1", "docker node rm w1", " is not down and can't be removed");
    lab.ok("m1", "docker node rm --force w1");
    lab.direct("kill w2");
    lab.until("nodes['w2'].status == 'down'", 30);
    lab.ok("m1", "docker node rm w2");
    assert_eq!(lab.ok("m1", "docker node ls --format '{{.Hostname}}'"), "m1\n");
}

/// Case 52: two people change the same node at the same time; the one who read it before the other wrote is refused.
#[test]
fn a_change_of_what_has_changed_meanwhile_is_refused() {
    let mut lab = Lab::swarm(12, 2, 1);
    lab.begin("m1", "docker node update --label-add a=1 w1");
    lab.begin("m2", "docker node update --label-add b=2 w1");
    let ran = ["m1", "m2"].map(|host| lab.end(host, Duration::from_secs(5)).expect("it ends"));
    let refused: Vec<_> = ran.iter().filter(|ran| ran.status != 0).collect();
    assert_eq!(refused.len(), 1, "{ran:?}");
    assert_eq!(refused[0].err, "Error response from daemon: rpc error: code = Unknown desc = update out of sequence\n");
    let labels = lab.ok("m1", "docker node inspect w1 --format '{{len .Spec.Labels}}'");
    assert_eq!(labels, "1\n");
}
