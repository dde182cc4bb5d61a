//! Restarts: acceptance cases 32-39 of control-plane.md §13, recordings 40, 41, 45, 56 (the delay), and the rules of §5
//! that no recording reaches.

use super::{Image, World, spec};
use crate::engine::{Duration, Time};
use crate::swarm::component::{Alarm, Outbox};
use crate::swarm::object::{Availability, NodeKey, RestartCondition, TaskState};
use crate::swarm::orchestrator::{Mutant, Orchestrators};
use crate::swarm::store::Why;

const FAILED: &str = "task: non-zero exit (1)";

/// TestOrchestratorRestartOnAny, OnFailure, OnNone (32-34), and recording 40: which ends are followed by a restart.
#[test]
fn test_orchestrator_restart_on_any() {
    let mut world = World::new(1).image("app:exit0", Image::exits(500, 0)).image("app:exit1", Image::exits(500, 1));
    let cases = [
        ("none-exit0", RestartCondition::None, "app:exit0", false),
        ("none-exit1", RestartCondition::None, "app:exit1", false),
        ("on-failure-exit0", RestartCondition::OnFailure, "app:exit0", false),
        ("on-failure-exit1", RestartCondition::OnFailure, "app:exit1", true),
        ("any-exit0", RestartCondition::Any, "app:exit0", true),
        ("any-exit1", RestartCondition::Any, "app:exit1", true),
    ];
    for (name, condition, image, _) in cases {
        world.create(&spec(name, 1, image).condition(condition));
    }
    world.until(6000);
    for (name, _, image, restarted) in cases {
        let end = if image == "app:exit0" {
            "shutdown/complete app:exit0 v1".to_owned()
        } else {
            format!("shutdown/failed app:exit1 v1 {FAILED}")
        };
        if restarted {
            assert_eq!(world.made(name), 5, "{name}");
            assert_eq!(world.counts(name), [format!("1 x ready/ready {image} v1"), format!("4 x {end}")], "{name}");
        } else {
            assert_eq!(world.counts(name), [format!("1 x {end}")], "{name}");
        }
    }
    // 32: the replacement comes at once with desired state READY and later gets RUNNING.
    let story: Vec<_> =
        world.log.iter().filter(|line| line.name == "any-exit1.1#2").map(|line| line.text.as_str()).collect();
    assert_eq!(
        story[..11],
        [
            "ready new",
            "ready pending",
            "ready assigned",
            "ready accepted",
            "ready preparing",
            "ready ready",
            "running ready",
            "running starting",
            "running running",
            "running failed",
            "shutdown failed"
        ]
    );
}

/// TestOrchestratorRestartDelay (35): a replacement starts when the delay is over.
#[test]
fn test_orchestrator_restart_delay() {
    let mut world = World::new(1);
    world.create(&spec("web", 1, "app:v1").restart_delay(700));
    world.until(1000);
    assert!(world.exit("web", 1, 1));
    world.until(5000);
    assert_eq!(world.when("web.1#1", "shutdown failed"), Some(1000));
    assert_eq!(world.when("web.1#2", "ready new"), Some(1000));
    assert_eq!(world.when("web.1#2", "running ready"), Some(1700));
    // An explicit delay of nothing is honoured.
    let mut world = World::new(1);
    world.create(&spec("web", 1, "app:v1").restart_delay(0));
    world.until(1000);
    assert!(world.exit("web", 1, 1));
    assert_eq!(world.when("web.1#2", "running new"), Some(1000));
}

/// TestOrchestratorRestartMaxAttempts (36): attempts are counted a slot and begin anew with a new spec.
#[test]
fn test_orchestrator_restart_max_attempts() {
    let mut world = World::new(2);
    let service = spec("web", 2, "app:v1").attempts(1, 0).restart_delay(300);
    world.create(&service);
    world.until(1000);
    for (slot, time) in [(1, 2000), (2, 3000)] {
        assert!(world.exit("web", slot, 1));
        world.until(time);
    }
    assert_eq!(world.made("web"), 4);
    assert!(world.exit("web", 1, 1) && world.exit("web", 2, 1));
    world.until(5000);
    assert_eq!((world.made("web"), world.running("web")), (4, 0), "the second failure is the last");
    world.update(&service.image("app:v2").parallelism(0));
    world.until(8000);
    assert_eq!((world.made("web"), world.running("web")), (6, 2));
    assert!(world.exit("web", 1, 1) && world.exit("web", 2, 1));
    world.until(10_000);
    assert_eq!((world.made("web"), world.running("web")), (8, 2), "one more restart a slot");
    assert!(world.exit("web", 1, 1) && world.exit("web", 2, 1));
    world.until(12_000);
    assert_eq!((world.made("web"), world.running("web")), (8, 0));
}

/// TestOrchestratorRestartWindow (37): attempts outside the window are forgiven.
#[test]
fn test_orchestrator_restart_window() {
    let mut world = World::new(1);
    world.create(&spec("web", 1, "app:v1").attempts(1, 1500).restart_delay(300));
    world.until(1000);
    assert!(world.exit("web", 1, 1));
    world.until(4000);
    assert!(world.exit("web", 1, 1), "outside: restarted again");
    world.until(5000);
    assert_eq!((world.made("web"), world.running("web")), (3, 1));
    assert!(world.exit("web", 1, 1), "inside: no more");
    world.until(9000);
    assert_eq!((world.made("web"), world.running("web")), (3, 0));
}

/// TestInitializationDelayStart (38): a new leader goes on with a delay.
#[test]
fn test_initialization_delay_start() {
    let mut world = World::new(1);
    world.create(&spec("web", 1, "app:v1").restart_delay(3000));
    world.until(1000);
    assert!(world.exit("web", 1, 1));
    world.until(2000);
    world.failover();
    world.until(6000);
    let ready = world.when("web.1#2", "ready ready").expect("prepared during the delay");
    // It is counted from the replacement's last status now.
    assert_eq!(world.when("web.1#2", "running ready"), Some(ready + 3000));
    assert!((1150..1200).contains(&ready));

    // A delay that has run out meanwhile: at once.
    let mut world = World::new(1);
    world.create(&spec("web", 1, "app:v1").restart_delay(3000));
    world.until(1000);
    assert!(world.exit("web", 1, 1));
    world.until(2000);
    world.turns.clear();
    let mut silent = world.clone();
    silent.queue.retain(|_, happening| !matches!(happening, super::bench::Happening::Alarm(_)));
    silent.until(20_000);
    silent.failover();
    assert_eq!(silent.when("web.1#2", "running ready"), Some(20_000));
}

/// TestInitializationRestartHistory (39), for a replicated service: a new leader counts the attempts it can see.
#[test]
fn test_initialization_restart_history() {
    let mut world = World::new(1);
    let service = spec("web", 1, "app:v0").restart_delay(300).attempts(3, 20_000);
    world.create(&service);
    world.until(1000);
    world.update(&service.image("app:v1"));
    world.until(5000);
    // One restart that falls out of the window, one that does not.
    for (at, until) in [(5000, 30_000), (30_000, 32_000)] {
        assert_eq!(world.millis(), at);
        assert!(world.exit("web", 1, 1));
        world.until(until);
    }
    assert_eq!(world.made("web"), 4);
    world.failover();
    for made in [5, 6] {
        assert!(world.exit("web", 1, 1));
        world.pass(1000);
        assert_eq!(world.made("web"), made);
    }
    assert!(world.exit("web", 1, 1));
    world.pass(1000);
    assert_eq!((world.made("web"), world.running("web")), (6, 0), "three restarts in 20 s");
}

#[test]
fn recording_41_max_attempts() {
    let mut world = World::new(2).image("app:exit1", Image::exits(300, 1));
    world.create(&spec("a", 1, "app:exit1").restart_delay(200).attempts(3, 0));
    world.create(&spec("b", 1, "app:exit1").restart_delay(200).attempts(3, 3000));
    world.create(&spec("c", 1, "app:exit1").restart_delay(500).attempts(3, 1500));
    let d = spec("d", 2, "app:exit1").restart_delay(200).attempts(2, 0).condition(RestartCondition::OnFailure);
    world.create(&d);
    world.until(12_000);
    let failed = format!("shutdown/failed app:exit1 v1 {FAILED}");
    assert_eq!(world.counts("a"), [format!("4 x {failed}")]);
    assert_eq!(world.counts("b"), [format!("4 x {failed}")]);
    assert_eq!(world.counts("c").last(), Some(&format!("3 x {failed}")), "it goes on for ever");
    assert!(world.made("c") > 10, "{}", world.made("c"));
    assert_eq!(world.counts("d"), [format!("6 x {failed}")]);
    assert_eq!(world.story("a"), [(0, "none".to_owned())]);
    // A new spec revives an exhausted slot by an update.
    world.until(12_100);
    world.update(&spec("a", 1, "app:v2").restart_delay(200).attempts(3, 0));
    world.until(16_000);
    assert_eq!(world.counts("a"), ["1 x running/running app:v2 v2".to_owned(), format!("3 x {failed}")]);
    let completed = world.when("a", "completed (update completed)").expect("the update ends");
    assert!((13_370..13_400).contains(&completed), "{completed}");
    // Scaling up does not revive slots 1 and 2.
    world.until(16_100);
    world.update(&d.replicas(3));
    world.until(20_000);
    assert_eq!(world.slots("d")[..2], [1, 2].map(|slot| format!("{slot}: {failed}, {failed}, {failed}")));
    assert_eq!(world.slots("d").len(), 3);
    assert_eq!(world.status("d"), "none");
}

/// An exhausted slot is occupied; when it is one too many, it goes.
#[test]
fn an_exhausted_slot_can_be_scaled_away() {
    let mut world = World::new(3);
    let service = spec("web", 3, "app:v1").condition(RestartCondition::None);
    world.create(&service);
    world.until(1000);
    assert!(world.exit("web", 2, 0));
    world.until(2000);
    assert_eq!(world.slots("web")[1], "2: shutdown/complete app:v1 v1");
    world.update(&service.replicas(2));
    world.until(4000);
    assert_eq!(world.slots("web"), ["1: running/running app:v1 v1", "3: running/running app:v1 v1"]);
}

#[test]
fn recording_02_the_replacement_waits_for_the_delay_while_the_old_one_is_out_of_reach() {
    let mut world = World::new(4);
    world.create(&spec("web", 4, "app:v1"));
    world.until(2000);
    let lost = world.task("web.1#1").and_then(|task| task.node).expect("placed");
    world.node_down(lost);
    assert_eq!(world.when("web.1#2", "ready new"), Some(2000), "made at once");
    world.until(2900);
    assert_eq!(world.slots("web")[0], "1: shutdown/running app:v1 v1, ready/ready app:v1 v1");
    world.until(5000);
    assert_eq!(world.when("web.1#2", "running ready"), Some(3000), "its old task is not waited for");
    assert_eq!(world.slots("web")[0], "1: shutdown/running app:v1 v1, running/running app:v1 v1");
    world.node_up(lost);
    world.until(8000);
    assert_eq!(world.slots("web")[0], "1: shutdown/shutdown app:v1 v1, running/running app:v1 v1");
    assert_eq!(world.state.tasks_of_node(lost).filter(|task| task.desired <= TaskState::Running).count(), 0);
}

#[test]
fn recording_09_a_drained_nodes_tasks_move_without_delay_but_one_after_the_other() {
    let mut world = World::new(2);
    world.create(&spec("web", 2, "app:v1").restart_delay(8000));
    world.until(2000);
    let node = world.task("web.1#1").and_then(|task| task.node).expect("placed");
    world.availability(node, Availability::Drain);
    world.until(6000);
    assert_eq!(world.when("web.1#2", "ready new"), Some(2000));
    let stopped = world.when("web.1#1", "shutdown shutdown").expect("it stops");
    assert_eq!(stopped, 3120, "20 ms until its agent knows, a second's pause, 100 ms to stop");
    assert_eq!(world.when("web.1#2", "running ready"), Some(stopped));
    world.availability(node, Availability::Active);
    world.until(10_000);
    assert_eq!(world.state.tasks_of_node(node).filter(|task| task.desired <= TaskState::Running).count(), 0, "stays");
}

/// §5: the predecessor that never stops is waited for a minute from the start of the delay.
#[test]
fn a_predecessor_that_does_not_stop_has_a_minute() {
    for (delay, released) in [(8000, 62_000), (90_000, 92_000)] {
        let stubborn = Image::default().stop(1_000_000);
        // This mutant restarts a task that runs on a sound node: nothing else makes both the delay and the wait long.
        let mut world = World::new(1).image("app:v1", stubborn).mutant(Mutant::Rebalances);
        world.create(&spec("web", 1, "app:v1").restart_delay(delay));
        world.until(2000);
        world.add_node();
        world.until(100_000);
        assert_eq!(world.when("web.1#2", "running ready"), Some(released));
    }
    let mut world = World::new(2).image("app:v1", Image::default().stop(1_000_000));
    world.create(&spec("web", 1, "app:v1").restart_delay(8000));
    world.until(2000);
    let node = world.task("web.1#1").and_then(|task| task.node).expect("placed");
    world.availability(node, Availability::Drain);
    world.until(63_000);
    assert_eq!(world.when("web.1#2", "running ready"), Some(62_000));
}

/// §5: the wait also ends when the old task's node goes down or is deleted.
#[test]
fn a_predecessor_whose_node_is_lost_is_not_waited_for() {
    for removed in [false, true] {
        let mut world = World::new(2).image("app:v1", Image::default().stop(1_000_000));
        world.create(&spec("web", 1, "app:v1"));
        world.until(2000);
        let node = world.task("web.1#1").and_then(|task| task.node).expect("placed");
        world.availability(node, Availability::Drain);
        world.until(5000);
        assert_eq!(world.slots("web"), ["1: shutdown/running app:v1 v1, ready/ready app:v1 v1"]);
        if removed {
            world.remove_node(node);
        } else {
            world.node_down(node);
        }
        assert_eq!(world.when("web.1#2", "running ready"), Some(5000), "removed: {removed}");
    }
}

/// §5, step 1: no tight loop when an image is not there.
#[test]
fn a_task_that_fails_before_its_release_waits_for_its_delay() {
    let mut world = World::new(1).image("app:nopull", Image::rejected("No such image: app:nopull"));
    world.create(&spec("web", 1, "app:nopull").restart_delay(5000));
    world.until(11_000);
    let rejected = |name| world.when(name, "ready rejected").or_else(|| world.when(name, "running rejected"));
    // The first at once, its successor while it waits; then one every 5 s.
    let times: Vec<_> = ["web.1#1", "web.1#2", "web.1#3", "web.1#4"].iter().filter_map(|name| rejected(name)).collect();
    assert_eq!(times.len(), 4, "{times:?}");
    let first = times[0];
    assert!(first < 200 && times[1] < first + 200, "{times:?}");
    assert!((5000..5400).contains(&(times[2] - first)) && (10_000..10_600).contains(&(times[3] - first)), "{times:?}");
    world.until(10_000);
    let mut world = World::new(1).image("app:nopull", Image::rejected("No such image: app:nopull"));
    world.create(&spec("web", 1, "app:nopull").restart_delay(5000));
    world.until(3000);
    let error = "No such image: app:nopull";
    let shown = format!("1: shutdown/rejected app:nopull v1 {error}, ready/rejected app:nopull v1 {error}");
    assert_eq!(world.slots("web"), [shown]);
}

/// §5: a replacement has the service's spec of now, not its predecessor's.
#[test]
fn a_replacement_has_the_current_spec() {
    let mut world = World::new(1);
    let mut service = spec("web", 2, "app:v1").restart_delay(0);
    world.create(&service);
    world.until(1000);
    service.label = "b";
    world.update(&service);
    assert!(world.exit("web", 2, 1));
    world.until(3000);
    assert_eq!(world.slots("web")[0], "1: running/running app:v1 v1", "a label replaces nothing");
    assert!(world.slots("web")[1].ends_with("running/running app:v1 v2"));
}

#[test]
fn tasks_whose_service_vanished_while_no_leader_ran_are_deleted() {
    let mut world = World::new(1);
    let key = world.create(&spec("web", 2, "app:v1"));
    world.until(1000);
    world.while_no_leader_looks(|tx| tx.remove_service(key, Why::Request));
    world.failover();
    world.until(1001);
    assert_eq!(world.state.tasks.len(), 0);
}

/// §4.6: what is left of a restart delay is counted on the leader's own clock, from the stamp on the task, which another
/// clock may have written. Here it shows an hour more than the timers run by.
#[test]
fn a_new_leader_counts_what_is_left_of_a_delay_by_the_clock_that_shows_the_time() {
    let mut world = World::new(1);
    world.create(&spec("web", 1, "app:v1").restart_delay(5000));
    world.until(1000);
    assert!(world.exit("web", 1, 1));
    world.until(2000);
    let stamp = world.task("web.1#2").expect("a replacement waits").age_stamp();
    let hour = Duration::from_minutes(60);
    let alarm = |wall: Time| {
        let mut out = Outbox::default();
        Orchestrators::start(&world.state, Time::ZERO, wall, &mut out);
        out.alarms.iter().find(|(_, alarm)| matches!(alarm, Alarm::RestartDelay(_))).map(|(at, _)| *at)
    };
    let two_seconds_later = stamp + Duration::from_secs(2);
    assert_eq!(alarm(two_seconds_later), Some(Time::ZERO + Duration::from_secs(3)));
    assert_eq!(alarm(two_seconds_later + hour), None, "long over");
    assert_eq!(alarm(stamp - hour), Some(Time::ZERO + Duration::from_secs(5)), "never more than the delay");
}

/// Recording 45: a crashed task comes back where the service has the fewest tasks, its own node if all are equal.
#[test]
fn recording_45_a_crashed_task_comes_back_on_its_own_node_when_all_are_equal() {
    let mut world = World::new(3);
    world.create(&spec("web", 6, "app:v1"));
    world.until(2000);
    let node = world.task("web.4#1").and_then(|task| task.node);
    assert!(world.exit("web", 4, 1));
    world.until(5000);
    assert_eq!(world.task("web.4#2").and_then(|task| task.node), node);
    assert!(node.is_some_and(|node| node != NodeKey(u32::MAX)));
}

/// A mutant that moves tasks to nodes that become ready is caught by "no rebalancing" (§4.7).
#[test]
fn nothing_moves_to_a_node_that_returns() {
    let moved = |mutant: Option<Mutant>| {
        let mut world = World::new(2);
        if let Some(mutant) = mutant {
            world = world.mutant(mutant);
        }
        world.create(&spec("web", 6, "app:v1"));
        world.until(1000);
        world.add_node();
        world.until(5000);
        world.made("web") - 6
    };
    assert_eq!(moved(None), 0);
    assert_eq!(moved(Some(Mutant::Rebalances)), 1);
}
