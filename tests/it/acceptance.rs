//! The acceptance cases of raft-and-security.md §11, each played in a session as someone at a terminal would.
//!
//! Held elsewhere, and not played again here:
//!
//! | case | by |
//! | --- | --- |
//! | 21 | `scenarios/demote-leader.toml` (`stories`), `quorum` (the leader of three demotes itself) |
//! | 24 | `quorum` ([39.836], [368.038]) |
//! | 28 | `ca::token::tests::what_is_not_a_token` |
//! | 38 | `scenarios/autolock-restart.toml` (`stories`) |
//! | 39 | `security::the_lock_goes_with_the_role` |
//! | 41 | `session::tests::swarm`: nobody is asked for a key.., an init that is refused early.. |
//! | 43 | `session::tests::swarm::an_init_that_is_refused_early_leaves_nothing` |
//! | 44 | `ca::server::tests` |
//! | 46 | `ca::rotation::tests::thirty_nodes_are_told_at_once` |
//! | 47 | `security::a_new_leader_completes_the_replacement_of_the_root` |
//! | 50 | `agent::remotes::tests` |
//!
//! Not to be played: 11 (nothing in the lab wipes a manager's Raft state and leaves its certificate), 12 (a host keeps its
//! address while its swarm lives), 48 (nothing puts foreign certificates on a disk), 49 (live-restore is not modelled).

mod membership;
mod security;

use crate::lab::Lab;
use swarmlab::engine::Duration;
use swarmlab::swarm::world::{DataCentre, HostSpec};

/// Of what a manager knows: how many members and how many services.
fn known(lab: &Lab, host: &str) -> (usize, usize) {
    let world = lab.session.world();
    let host = world.host(world.host_named(host).expect("there is such a host"));
    host.manager.as_ref().map_or((0, 0), |manager| (manager.state.members.len(), manager.state.services.len()))
}

impl Lab {
    /// Runs a line that must work; what it prints.
    fn ok(&mut self, host: &str, line: &str) -> String {
        let ran = self.run(host, line);
        assert_eq!((ran.err.as_str(), ran.status), ("", 0), "on {host}: {line}\n{}", ran.out);
        ran.out
    }

    /// Runs a line that must fail, with this in its complaint.
    fn no(&mut self, host: &str, line: &str, complaint: &str) {
        let ran = self.run(host, line);
        assert!(ran.status != 0 && ran.err.contains(complaint), "on {host}: {line}\n{ran:?}");
    }

    /// Lets time pass until this holds, but no longer than so many seconds.
    fn until(&mut self, condition: &str, seconds: u32) {
        let ran = self.direct(&format!("wait until {condition} for up to {seconds}s"));
        assert_eq!(ran.status, 0, "{}", ran.err);
    }

    fn create(&mut self, host: &str, service: &str) {
        self.ok(host, &format!("docker service create -d --name {service} nginx:1.25"));
    }

    fn services(&mut self, host: &str) -> String {
        self.ok(host, "docker service ls --format '{{.Name}}' | sort").trim().replace('\n', " ")
    }

    /// A service is being made; without a quorum that is refused at once, or hangs for 20 s first.
    fn refuses_to_write(&mut self, host: &str) {
        let ran = self.run(host, "docker service create -d --name never nginx:1.25");
        assert_eq!(ran.status, 1, "{ran:?}");
        assert!(ran.err.contains("does not have a leader") || ran.err.contains("DeadlineExceeded"), "{ran:?}");
    }
}

const LOST: &str = "Make sure more than half of the managers are online.";
const LOSS: &str =
    "code = FailedPrecondition desc = can't remove member from the raft: this would result in a loss of quorum";

/// Case 1.
#[test]
fn one_makes_a_swarm_and_two_join_it() {
    let mut lab = Lab::of(DataCentre::machines(1, 3));
    lab.ok("h1", "docker swarm init");
    let token = lab.ok("h1", "docker swarm join-token -q manager");
    for host in ["h2", "h3"] {
        lab.ok(host, &format!("docker swarm join --token {} 10.0.0.31:2377", token.trim()));
    }
    lab.until("raft.leader == 'h1' && raft.members.all(m, m.up)", 5);
    assert_eq!(["h1", "h2", "h3"].map(|host| known(&lab, host)), [(3, 0); 3]);
}

/// Cases 2, 29 and 30.
#[test]
fn a_killed_leader_is_replaced_and_does_not_lead_again_when_it_returns() {
    for seed in 0..10 {
        let mut lab = Lab::swarm(seed, 3, 0);
        lab.direct("kill m1 daemon");
        lab.until("raft.leader == 'm2' || raft.leader == 'm3'", 20);
        assert_eq!([known(&lab, "m2").0, known(&lab, "m3").0], [3, 3]);
        lab.create("m2", "web");
        lab.pass(Duration::from_secs(1));
        assert_eq!([known(&lab, "m2").1, known(&lab, "m3").1], [1, 1]);
        lab.direct("boot m1");
        lab.until("raft.members['m1'].up && raft.members['m1'].commit == raft.commit", 40);
        lab.pass(Duration::from_secs(30));
        lab.until("raft.leader != 'm1' && raft.members.filter(m, m.role == 'follower').size() == 2", 1);
        assert_eq!(known(&lab, "m1"), (3, 1));
    }
}

/// Case 3.
#[test]
fn a_killed_follower_changes_nothing() {
    let mut lab = Lab::swarm(2, 3, 0);
    lab.direct("kill m3 daemon");
    for service in ["a", "b", "c"] {
        lab.create("m2", service);
        lab.pass(Duration::from_secs(10));
        lab.until("raft.leader == 'm1' && raft.term == 2", 1);
    }
    assert_eq!([known(&lab, "m1").1, known(&lab, "m2").1], [3, 3]);
}

/// Case 4: of two managers the leader stops; the other takes no write.
#[test]
fn a_follower_without_a_leader_stores_nothing() {
    let mut lab = Lab::swarm(3, 2, 0);
    lab.direct("kill m1 daemon");
    lab.refuses_to_write("m2");
    lab.refuses_to_write("m2");
    assert_eq!(known(&lab, "m2"), (2, 0));
    lab.direct("boot m1");
    lab.until("raft.leader != ''", 60);
    assert_eq!(lab.services("m2"), "");
}

/// Cases 5 and 6.
#[test]
fn two_of_five_store_nothing_and_three_do() {
    let mut lab = Lab::swarm(4, 5, 0);
    lab.direct("kill m1 daemon; kill m2 daemon; kill m3 daemon");
    for host in ["m4", "m5"] {
        lab.refuses_to_write(host);
        assert_eq!(known(&lab, host), (5, 0));
    }
    lab.direct("boot m2");
    lab.until("raft.leader != ''", 60);
    lab.create("m2", "web");
    lab.pass(Duration::from_secs(1));
    assert_eq!(["m2", "m4", "m5"].map(|host| known(&lab, host)), [(5, 1); 3]);
}

/// Case 7.
#[test]
fn a_follower_of_five_is_taken_out() {
    let mut lab = Lab::swarm(5, 5, 0);
    lab.ok("m1", "docker node demote m3");
    lab.until("raft.members.size() == 4 && raft.leader == 'm1'", 5);
    lab.create("m1", "web");
    lab.pass(Duration::from_secs(1));
    assert_eq!(["m1", "m2", "m4", "m5"].map(|host| known(&lab, host)), [(4, 1); 4]);
}

/// Case 8.
#[test]
fn the_leader_of_three_is_taken_out() {
    let mut lab = Lab::swarm(6, 3, 0);
    lab.ok("m2", "docker node demote m1");
    lab.until("(raft.leader == 'm2' || raft.leader == 'm3') && raft.members.size() == 2", 20);
    lab.pass(Duration::from_secs(1));
    assert_eq!([known(&lab, "m2").0, known(&lab, "m3").0], [2, 2]);
}

/// Case 9.
#[test]
fn a_follower_that_was_away_learns_everything() {
    let mut lab = Lab::swarm(7, 3, 0);
    lab.direct("kill m3 daemon");
    for service in ["a", "b", "c"] {
        lab.create("m1", service);
    }
    lab.direct("boot m3");
    lab.until("raft.members['m3'].up && raft.members['m3'].applied == raft.commit", 40);
    assert_eq!(known(&lab, "m3"), (3, 3));
    assert_eq!(lab.services("m3"), "a b c");
}

/// Case 10, at the same time and one after the other, and after a power cut.
#[test]
fn all_managers_restart_and_keep_what_they_had() {
    for restart in [
        "stop m1 daemon; stop m2 daemon; stop m3 daemon; wait 5s; boot m1; boot m2; boot m3",
        "stop m1 daemon; wait 3s; stop m2 daemon; wait 3s; stop m3 daemon; boot m1; wait 7s; boot m2; wait 4s; boot m3",
        "kill m1; kill m2; kill m3; wait 1s; boot m3; wait 30s; boot m2; boot m1",
    ] {
        let mut lab = Lab::swarm(8, 3, 0);
        lab.create("m1", "old");
        lab.direct(restart);
        lab.until("raft.leader != '' && raft.members.all(m, m.up)", 90);
        lab.create("m2", "young");
        assert_eq!(lab.services("m3"), "old young", "{restart}");
    }
}

/// Case 13: a firewall keeps the managers from calling the joining one back.
#[test]
fn a_manager_that_cannot_be_reached_at_its_address_does_not_join() {
    let mut centre = DataCentre::swarm(9, 1, 0);
    centre.hosts.push(HostSpec::new("x1", None));
    let mut lab = Lab::of(centre);
    let token = lab.ok("m1", "docker swarm join-token -q manager");
    lab.direct("block x1 2377");
    let line = format!("docker swarm join --token {} 10.0.0.11:2377", token.trim());
    lab.no("x1", &line, "could not connect to prospective new cluster member using its advertised address");
    assert_eq!(known(&lab, "m1").0, 1);
}

/// Case 14: a write that takes longer than 30 s costs the leader its place.
#[test]
fn a_leader_that_cannot_write_hands_its_place_on() {
    let mut lab = Lab::swarm(10, 3, 0);
    lab.direct("disk m1 slow=45s");
    lab.begin("m1", "docker service create -d --name web nginx:1.25");
    lab.until("raft.leader == 'm2' || raft.leader == 'm3'", 60);
    lab.create("m2", "other");
}

/// Case 15.
#[test]
fn a_newcomer_converges_from_a_snapshot() {
    let mut centre = DataCentre::machines(11, 4);
    centre.settings.log_entries_for_slow_followers = 0;
    let mut lab = Lab::of(centre);
    lab.ok("h1", "docker swarm init --snapshot-interval 9");
    let token = lab.ok("h1", "docker swarm join-token -q manager");
    let join = format!("docker swarm join --token {} 10.0.0.31:2377", token.trim());
    lab.ok("h2", &join);
    lab.ok("h3", &join);
    for number in 0..12 {
        lab.create("h2", &format!("s{number}"));
    }
    lab.ok("h4", &join);
    lab.pass(Duration::from_secs(5));
    let world = lab.session.world();
    for host in world.hosts() {
        let disk = host.disk.raft.as_ref().expect("it is a member");
        let snapshot = disk.stored.snapshot.as_ref().expect("it has a snapshot");
        assert!(snapshot.index >= 9, "{}: {}", host.name, snapshot.index);
        assert!(disk.stored.log.first_index() > 9, "{}", host.name);
        assert_eq!(known(&lab, &host.name), (4, 12));
    }
}

/// Case 31.
#[test]
fn a_write_may_be_asked_of_any_manager() {
    let mut lab = Lab::swarm(12, 3, 0);
    for (host, service) in [("m1", "a"), ("m2", "b"), ("m3", "c")] {
        lab.create(host, service);
    }
    for host in ["m1", "m2", "m3"] {
        assert_eq!(lab.services(host), "a b c");
    }
}

/// Case 29.
#[test]
fn services_are_made_while_there_is_a_quorum() {
    let mut lab = Lab::swarm(13, 3, 0);
    lab.create("m1", "a");
    lab.direct("kill m2");
    lab.create("m1", "b");
    lab.direct("kill m3; wait 45s");
    lab.no("m1", "docker service create -d --name c nginx:1.25", LOST);
    lab.direct("boot m2");
    lab.until("raft.leader != ''", 60);
    lab.create("m1", "d");
    assert_eq!(lab.services("m1"), "a b d");
}

/// Case 35.
#[test]
fn everything_is_switched_off_and_on() {
    let mut lab = Lab::swarm(14, 5, 1);
    for verb in ["stop", "boot"] {
        for host in ["m1", "m2", "m3", "m4", "m5", "w1"] {
            lab.direct(&format!("{verb} {host}"));
        }
        lab.pass(Duration::from_secs(20));
    }
    lab.until(
        "raft.leader != '' && nodes.all(n, n.status == 'ready') && nodes.all(n, n.reachability != 'unreachable')",
        90,
    );
    lab.until("nodes.filter(n, n.role == 'manager').size() == 5 && nodes.filter(n, n.role == 'worker').size() == 1", 1);
    lab.until("nodes.filter(n, n.leader).size() == 1", 1);
}
