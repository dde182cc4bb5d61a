//! Recorded updates that go well, with the times that were measured. The recordings' clock was real: theirs are up to a
//! few dozen milliseconds later, for each step costs a little there. Slots go in the order of their numbers here, in any
//! order there.

use super::{World, spec};
use crate::swarm::object::{Availability, FailureAction, NodeKey, TaskState};
use std::sync::Arc;

/// Within what was measured, less the cost of steps there.
fn close(found: Option<i64>, low: i64, high: i64) {
    let found = found.expect("it happens");
    assert!((low - 60..=high).contains(&found), "{found}, measured {low} to {high}");
}

const COMPLETED: &str = "completed (update completed)";
const UPDATING: &str = "updating (update in progress)";

#[test]
fn recording_24_parallelism_1() {
    let mut world = World::new(3);
    let service = spec("web", 4, "app:v1");
    world.create(&service);
    world.until(2000);
    world.update(&service.image("app:v2"));
    world.until(4000);
    assert_eq!(world.status("web"), "updating");
    assert_eq!(
        world.counts("web"),
        [
            "1 x ready/ready app:v2 v2",
            "2 x running/running app:v1 v1",
            "1 x running/running app:v2 v2",
            "1 x shutdown/running app:v1 v1",
            "1 x shutdown/shutdown app:v1 v1"
        ]
    );
    let mut least = 4;
    while world.millis() < 13_000 {
        least = least.min(world.running("web"));
        world.pass(10);
    }
    assert_eq!(least, 3);
    assert_eq!(world.counts("web"), ["4 x running/running app:v2 v2", "4 x shutdown/shutdown app:v1 v1"]);
    close(world.when("web", COMPLETED), 7972, 7987);
    let story: Vec<_> = world.story("web").into_iter().map(|(_, text)| text).collect();
    assert_eq!(story, ["none", UPDATING, COMPLETED]);
    // One slot: made and told in one write, released when the old one has stopped, the next one when it runs.
    let at = |name: &str, text: &str| world.when(name, text).expect("it happens");
    let (made, told) = (at("web.1#2", "ready new"), at("web.1#1", "shutdown running"));
    assert_eq!((made, told), (2000, 2000));
    assert_eq!(at("web.1#2", "ready ready"), 2170, "prepared while the old one stops");
    assert_eq!(at("web.1#1", "shutdown shutdown"), 3120);
    assert_eq!(at("web.1#2", "running ready"), 3120);
    assert_eq!(at("web.1#2", "running running"), 3240);
    assert_eq!(at("web.2#2", "ready new"), 3240, "1.24 s a slot");
}

#[test]
fn recording_25_parallelism_2_and_a_delay() {
    let mut world = World::new(3);
    let service = spec("web", 6, "app:v1").parallelism(2).delay(1000);
    world.create(&service);
    world.until(2000);
    world.update(&service.image("app:v2"));
    let mut least = 6;
    while world.millis() < 16_000 {
        least = least.min(world.running("web"));
        world.pass(10);
    }
    assert_eq!(least, 4);
    assert_eq!(world.counts("web"), ["6 x running/running app:v2 v2", "6 x shutdown/shutdown app:v1 v1"]);
    // The delay follows the last slots too, and the monitoring lasts delay + 1 s, as the delay is not below monitor.
    close(world.when("web", COMPLETED), 10_731, 10_774);
}

#[test]
fn recording_26_parallelism_0_is_all_at_once() {
    let mut world = World::new(3);
    let service = spec("web", 6, "app:v1").parallelism(0);
    world.create(&service);
    world.until(2000);
    world.update(&service.image("app:v2"));
    world.until(3200);
    assert_eq!(world.running("web"), 0);
    world.until(8000);
    assert_eq!(world.counts("web"), ["6 x running/running app:v2 v2", "6 x shutdown/shutdown app:v1 v1"]);
    close(world.when("web", COMPLETED), 4246, 4251);
}

#[test]
fn recording_27_stop_first_and_start_first() {
    let mut world = World::new(3);
    let (stop, start) = (spec("stopf", 2, "app:v1"), spec("startf", 2, "app:v1").start_first());
    world.create(&stop);
    world.create(&start);
    world.until(2000);
    world.update(&stop.image("app:v2"));
    world.update(&start.image("app:v2"));
    let (mut most, mut least) = (0, 2);
    while world.millis() < 9000 {
        most = most.max(world.running("startf"));
        least = least.min(world.running("startf"));
        world.pass(10);
    }
    assert_eq!((least, most), (2, 4), "stops are not waited for");
    for name in ["stopf", "startf"] {
        assert_eq!(world.counts(name), ["2 x running/running app:v2 v2", "2 x shutdown/shutdown app:v1 v1"]);
    }
    close(world.when("stopf", COMPLETED), 5486, 5529);
    close(world.when("startf", COMPLETED), 3548, 3577);
    // The old one is told to stop when the new one runs.
    assert_eq!(world.when("startf.1#1", "shutdown running"), world.when("startf.1#2", "running running"));
}

#[test]
fn recording_51_a_forced_update_replaces_and_spreads_all() {
    let mut world = World::new(2);
    let mut service = spec("web", 4, "app:v1");
    world.create(&service);
    world.until(1500);
    world.add_node();
    world.add_node();
    world.until(2000);
    assert_eq!(world.made("web"), 4, "no rebalancing");
    service.force = 1;
    world.update(&service);
    world.until(12_000);
    assert_eq!(world.counts("web"), ["4 x running/running app:v1 v2", "4 x shutdown/shutdown app:v1 v1"]);
    let live =
        |node: u32| world.state.tasks_of_node(NodeKey(node)).filter(|task| task.desired == TaskState::Running).count();
    assert_eq!([0, 1, 2, 3].map(live), [1, 1, 1, 1]);
    close(world.when("web", COMPLETED), 7970, 7999);
}

/// With TestUpdaterPlacement (48) and TestIsTaskDirty (49).
#[test]
fn recording_52_placement_replaces_only_what_violates_it() {
    let mut world = World::new(3);
    for node in 0..3 {
        let mut labels = vec![("all".to_owned(), "1".to_owned())];
        if node < 2 {
            labels.push(("x".to_owned(), "y".to_owned()));
        }
        world.change_node(NodeKey(node), |node| node.spec.labels = Arc::new(labels.into_iter().collect()));
    }
    let mut services = [("a", 3), ("b", 3), ("c", 3), ("d", 6)].map(|(name, replicas)| spec(name, replicas, "app:v1"));
    for service in &services {
        world.create(service);
        world.pass(100);
    }
    world.until(2000);
    services[0].constraints = vec!["node.labels.all==1"];
    services[1].constraints = vec!["node.labels.x==y"];
    services[2].preferences = vec!["node.labels.x"];
    services[3].max_replicas = 1;
    for service in &services {
        world.update(service);
    }
    world.until(7000);
    assert_eq!(world.counts("a"), ["3 x running/running app:v1 v1"]);
    assert_eq!(
        world.counts("b"),
        ["2 x running/running app:v1 v1", "1 x running/running app:v1 v2", "1 x shutdown/shutdown app:v1 v1"]
    );
    assert_eq!(world.counts("c"), ["3 x running/running app:v1 v1"]);
    assert_eq!(world.counts("d"), ["6 x running/running app:v1 v1"]);
    assert_eq!(["a", "b", "c", "d"].map(|name| world.status(name)), ["none", "completed", "none", "none"]);
    close(world.when("b", COMPLETED), 4244, 4260);
}

#[test]
fn recording_53_a_start_first_update_without_room_hangs_and_the_old_ones_run_on() {
    let mut world = World::new(2);
    let mut service = spec("web", 2, "app:v1").start_first();
    service.nano_cpus = 3_000_000_000;
    world.create(&service);
    world.until(2000);
    world.update(&service.clone().image("app:v2"));
    world.until(100_000);
    assert_eq!(world.status("web"), "updating");
    assert_eq!(
        world.counts("web"),
        [
            "2 x running/running app:v1 v1",
            "1 x running/pending app:v2 v2 no suitable node (insufficient resources on 2 nodes)"
        ]
        .map(String::from)
        .into_iter()
        .rev()
        .collect::<Vec<_>>()
    );
    // A new update ends the hang.
    world.update(&service.image("app:v1"));
    world.until(110_000);
    assert_eq!(world.running("web"), 2);
    assert_eq!(world.slots_with("web", "app:v2"), [] as [u32; 0]);
}

#[test]
fn recording_56_a_new_leader_goes_on_with_an_update_and_a_restart_delay() {
    let mut world = World::new(3);
    let service = spec("u", 4, "app:v1");
    world.create(&service);
    world.create(&spec("r", 2, "app:v1").restart_delay(4000));
    world.until(2000);
    world.update(&service.image("app:v2"));
    world.until(3000);
    assert!(world.exit("r", 1, 1));
    world.until(5000);
    let both = ["1 x ready/ready app:v2 v2", "1 x running/running app:v1 v1", "2 x running/running app:v2 v2"];
    assert_eq!(world.counts("u")[..3], both);
    world.failover();
    world.until(6000);
    // The slot in flight looks clean to the new leader (its task is released at once), so the next one begins: two are
    // under way with a parallelism of 1.
    assert_eq!(
        world.counts("u"),
        [
            "1 x ready/ready app:v2 v2",
            "3 x running/running app:v2 v2",
            "1 x shutdown/running app:v1 v1",
            "3 x shutdown/shutdown app:v1 v1"
        ]
    );
    assert_eq!(world.status("u"), "updating");
    world.until(15_000);
    assert_eq!(world.counts("u"), ["4 x running/running app:v2 v2", "4 x shutdown/shutdown app:v1 v1"]);
    close(world.when("u", COMPLETED), 7244, 7270);
    // The delay is counted from the replacement's last status.
    assert_eq!(world.when("r.1#2", "ready ready"), Some(3170));
    assert_eq!(world.when("r.1#2", "running ready"), Some(7170));
    assert_eq!(world.made("u"), 8);
}

#[test]
fn recording_60_defaults() {
    let mut world = World::new(3);
    let mut service = spec("web", 2, "app:v1");
    service.update = Default::default();
    service.restart = Default::default();
    world.create(&service);
    world.until(2000);
    world.update(&service.image("app:v2"));
    world.until(20_000);
    // Two slots of 1.24 s one after the other, and 5 s of monitoring.
    assert_eq!(world.when("web", COMPLETED), Some(2000 + 2 * 1240 + 5000));
    assert!(world.exit("web", 1, 1));
    world.until(30_000);
    assert_eq!(world.when("web.1#3", "running ready"), Some(25_000));
}

/// What a drain moves within the monitoring counts as a failure of the update: its first task ended early.
#[test]
fn a_drain_during_an_update_counts_as_a_failure() {
    for (action, status) in [(FailureAction::Continue, "completed"), (FailureAction::Pause, "paused")] {
        let mut world = World::new(3);
        let service = spec("web", 6, "app:v1").action(action).monitor(5000);
        world.create(&service);
        world.until(2000);
        world.update(&service.image("app:v2"));
        world.until(3500);
        let node = world.task("web.1#2").and_then(|task| task.node).expect("it runs");
        world.availability(node, Availability::Drain);
        world.until(60_000);
        assert_eq!(world.status("web"), status);
        assert_eq!(world.running("web"), 6);
    }
}
