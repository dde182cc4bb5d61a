//! Rolling updates: acceptance cases 47-54 of control-plane.md §13, and the rules of §6 that no recording reaches.

use super::{Image, World, global_spec, spec};
use crate::engine::{Duration, Seed};
use crate::swarm::api::Driver;
use crate::swarm::object::{Availability, Cluster, FailureAction, Mode, NodeKey, Task, TaskState};
use crate::swarm::orchestrator::Mutant;
use crate::swarm::store::Why;
use std::sync::Arc;

const COMPLETED: &str = "completed (update completed)";

/// Has the cluster name a logging driver for tasks whose service names none.
fn default_driver(world: &mut World, name: &str) {
    let mut cluster = Cluster::clone(world.state.cluster.as_ref().expect("made"));
    cluster.task_log_driver = Some(Arc::new(Driver { name: name.to_owned(), ..Driver::default() }));
    world.write_now(|tx| tx.put_cluster(cluster, Why::Request));
}

/// TestUpdater (47), the cluster's logging driver: a service's own goes first, the cluster's takes its place where there is
/// none; a change of the cluster's replaces no task, and the next ones have it.
#[test]
fn test_updater_log_driver() {
    let mut world = World::new(3);
    let live = |world: &World| -> Vec<(String, String)> {
        let tasks = world.state.tasks.values().filter(|task| task.desired <= TaskState::Running);
        let driver = |task: &Task| task.log_driver.as_ref().map(|driver| driver.name.clone()).unwrap_or_default();
        tasks.map(|task| (task.spec.image.to_string(), driver(task))).collect()
    };
    let all = |image: &str, driver: &str| vec![(image.to_owned(), driver.to_owned()); 3];
    let mut service = spec("web", 3, "app:v1");
    world.create(&service);
    world.until(1000);
    assert_eq!(live(&world), all("app:v1", ""), "left alone");
    service = service.image("app:v2");
    service.log_driver = "tasklogdriver";
    world.update(&service);
    world.pass(20_000);
    assert_eq!(live(&world), all("app:v2", "tasklogdriver"));
    default_driver(&mut world, "clusterlogdriver");
    service = service.image("app:v3").parallelism(1);
    world.update(&service);
    world.pass(20_000);
    assert_eq!(live(&world), all("app:v3", "tasklogdriver"), "still its own");
    service = service.image("app:v4").delay(10);
    service.log_driver = "";
    world.update(&service);
    world.pass(20_000);
    assert_eq!(live(&world), all("app:v4", "clusterlogdriver"));
    service = service.image("app:v5").start_first();
    world.update(&service);
    world.pass(20_000);
    assert_eq!(live(&world), all("app:v5", "clusterlogdriver"));
    let made = world.made("web");
    default_driver(&mut world, "another");
    world.pass(20_000);
    assert_eq!((live(&world), world.made("web")), (all("app:v5", "clusterlogdriver"), made), "nothing is replaced");
    assert!(world.exit("web", 2, 1));
    world.pass(5000);
    let mut drivers: Vec<_> = live(&world).into_iter().map(|(_, driver)| driver).collect();
    drivers.sort();
    assert_eq!(drivers, ["another", "clusterlogdriver", "clusterlogdriver"], "a restarted task has the new one");
    // Tasks that belong to nodes, and a job's, are made in the same way.
    world.create(&global_spec("agent", "app:v1"));
    world.create(&spec("job", 0, "app:v1").mode(Mode::ReplicatedJob { max_concurrent: 2, total: 2 }));
    world.pass(5000);
    for name in ["agent", "job"] {
        let tasks = world.state.tasks_of_service(world.service(name).key);
        let drivers: Vec<_> = tasks.map(|task| task.log_driver.as_ref().map(|driver| driver.name.clone())).collect();
        assert!(drivers.len() >= 2 && drivers.iter().all(|driver| driver.as_deref() == Some("another")), "{drivers:?}");
    }
}

/// TestUpdater (47): all tasks are replaced whatever the parallelism.
#[test]
fn test_updater() {
    let mut world = World::new(3);
    let mut service = spec("web", 5, "app:v1");
    world.create(&service);
    world.until(1000);
    for (parallelism, image, env) in [(1, "app:v2", ""), (5, "app:v3", ""), (0, "app:v4", ""), (2, "app:v4", "A=1")] {
        service = service.parallelism(parallelism).image(image);
        service.env = env;
        world.update(&service);
        world.pass(20_000);
        assert_eq!(world.status("web"), "completed");
        let live: Vec<_> = world.state.tasks.values().filter(|task| task.desired <= TaskState::Running).collect();
        assert_eq!(live.len(), 5);
        assert!(live.iter().all(|task| task.spec.api == world.service("web").spec.task.api));
    }
}

/// TestUpdaterFailureAction (50): a paused update stays paused until the status is cleared.
#[test]
fn test_updater_failure_action() {
    let mut world = World::new(3).image("app:bad", Image::rejected("no"));
    let service = spec("web", 3, "app:v1");
    world.create(&service);
    world.until(1000);
    world.update(&service.clone().image("app:bad"));
    world.until(10_000);
    assert_eq!((world.status("web"), world.slots_with("web", "app:v1")), ("paused".to_owned(), vec![2, 3]));
    // A new leader leaves it so.
    world.failover();
    world.until(20_000);
    assert_eq!((world.status("web"), world.slots_with("web", "app:v1")), ("paused".to_owned(), vec![2, 3]));
    world.update(&service.image("app:bad").action(FailureAction::Continue));
    world.until(60_000);
    assert_eq!((world.status("web"), world.slots_with("web", "app:bad")), ("completed".to_owned(), vec![1, 2, 3]));
}

/// TestUpdaterTaskTimeout (51): an old task that never stops has a minute.
#[test]
fn test_updater_task_timeout() {
    let mut world = World::new(3).image("app:v1", Image::default().stop(1_000_000));
    let service = spec("web", 2, "app:v1").parallelism(0);
    world.create(&service);
    world.until(1000);
    world.update(&service.image("app:v2"));
    world.until(120_000);
    assert_eq!(world.when("web.1#2", "running ready"), Some(61_000));
    assert_eq!(world.status("web"), "completed");
    assert_eq!(world.counts("web"), ["2 x running/running app:v2 v2", "2 x shutdown/running app:v1 v1"]);
}

/// TestUpdaterOrder (52): start first starts all before the old ones stop.
#[test]
fn test_updater_order() {
    let mut world = World::new(3).image("app:v1", Image::default().stop(30_000));
    let service = spec("web", 3, "app:v1").start_first().parallelism(0);
    world.create(&service);
    world.until(1000);
    world.update(&service.image("app:v2"));
    world.until(5000);
    assert_eq!(world.counts("web"), ["3 x running/running app:v2 v2", "3 x shutdown/running app:v1 v1"]);
}

/// TestUpdaterRollback (53, 54): a rollback ends completed or paused.
#[test]
fn test_updater_rollback() {
    // Every other new task fails before it runs.
    let failing = || Image::rejected("no").slots(&[1, 3]);
    let service =
        spec("web", 4, "app:v1").ratio(0.4).action(FailureAction::Rollback).monitor(500).restart_delay(10_000);
    let run = |rollback_fails: bool| {
        let mut world = World::new(3).image("app:v2", failing());
        if rollback_fails {
            world = world.image("app:v1", Image::rejected("no").after(1));
        }
        world.create(&service);
        world.until(1000);
        world.update(&service.clone().image("app:v2"));
        world.until(9000);
        world
    };
    let world = run(false);
    let states: Vec<_> = world.story("web").into_iter().map(|(_, text)| text).collect();
    assert!(states[2].starts_with("rollback_started (update rolled back due to failure"), "{states:?}");
    assert_eq!(states[3..], ["rollback_completed (rollback completed)"]);
    let new = |world: &World| {
        let mut names: Vec<_> = world.names.values().filter(|name| name.ends_with("#2")).cloned().collect();
        names.sort();
        names
    };
    assert_eq!(new(&world), ["web.1#2", "web.2#2", "web.3#2"], "the second failure exceeds 0.4");
    assert_eq!(world.slots_with("web", "app:v2"), [] as [u32; 0]);
    let world = run(true);
    let last = world.story("web").pop().expect("a story");
    assert!(last.1.starts_with("rollback_paused (update paused due to failure"), "{last:?}");
}

/// [quirk] §6.3: a rollback whose own action is to roll back is paused, and completed a monitoring later.
#[test]
fn a_rollback_that_wants_to_roll_back_is_paused_and_then_completed() {
    let mut world = World::new(3).image("app:v2", Image::exits(100, 1)).image("app:v1", Image::exits(100, 1).after(1));
    let service = spec("web", 2, "app:v1").action(FailureAction::Rollback).rollback_action(FailureAction::Rollback);
    world.create(&service);
    world.until(1000);
    world.update(&service.image("app:v2"));
    world.until(60_000);
    let states: Vec<_> = world.story("web").into_iter().map(|(_, text)| text).collect();
    assert!(states[3].starts_with("rollback_paused (rollback paused due to failure or early termination of task web."));
    assert_eq!(states[4], COMPLETED, "{states:?}");
}

/// §6.1: the same spec again is ignored; another one cancels the update under way, whose slot in flight is not waited for.
#[test]
fn a_second_request_during_an_update() {
    let mut world = World::new(3).image("app:v1", Image::default().stop(5000));
    let mut service = spec("web", 3, "app:v1");
    world.create(&service);
    world.until(1000);
    world.update(&service.clone().image("app:v2"));
    world.until(1500);
    // Deep-equal: the updater goes on; the status, which the request cleared, stays cleared.
    world.update(&service.clone().image("app:v2"));
    world.until(2000);
    assert_eq!((world.status("web"), world.made("web")), ("none".to_owned(), 4));
    service = service.image("app:v3");
    world.update(&service);
    assert_eq!(world.status("web"), "updating");
    world.until(2500);
    // Slot 1's new task is shut down; its successor does not wait for the oldest, which still stops.
    assert_eq!(world.made("web"), 5);
    world.until(40_000);
    assert_eq!((world.status("web"), world.slots_with("web", "app:v3")), ("completed".to_owned(), vec![1, 2, 3]));
}

/// §6.1, §6.2: a request that overtakes a slot starts another one at once.
#[test]
fn two_slots_are_under_way_after_an_update_was_overtaken() {
    let mut world = World::new(3).image("app:v1", Image::default().stop(5000));
    let service = spec("web", 3, "app:v1");
    world.create(&service);
    world.until(1000);
    world.update(&service.clone().image("app:v2"));
    world.until(1500);
    // Only replicas differ: the task in flight is clean now.
    world.update(&service.image("app:v2").replicas(4));
    assert_eq!(world.when("web.2#2", "ready new"), Some(1500));
    assert_eq!(world.when("web.1#2", "running ready"), None, "the first is still waiting for its old task");
    world.until(60_000);
    assert_eq!((world.status("web"), world.slots_with("web", "app:v2")), ("completed".to_owned(), vec![1, 2, 3, 4]));
    assert_eq!(world.made("web"), 7);
}

/// §6.4: a new image with no replicas shows no status.
#[test]
fn nothing_to_update_shows_no_status() {
    let mut world = World::new(1);
    let service = spec("web", 0, "app:v1");
    world.create(&service);
    world.until(1000);
    world.update(&service.image("app:v2"));
    world.until(5000);
    assert_eq!(world.status("web"), "none");
}

/// §4.1: with a new image, a scale-up's new slots have it at once, outside the parallelism; a scale-down's surplus goes
/// at once, and leaves no rows.
#[test]
fn scaling_with_a_new_image() {
    let mut world = World::new(3);
    let service = spec("web", 3, "app:v1");
    world.create(&service);
    world.until(1000);
    world.update(&service.clone().image("app:v2").replicas(5));
    assert_eq!(world.slots_with("web", "app:v2"), [1, 4, 5]);
    world.until(20_000);
    world.update(&service.image("app:v3").replicas(1));
    world.until(20_050);
    assert!(!world.counts("web").iter().any(|text| text.contains("remove")), "{:?}", world.counts("web"));
    world.until(30_000);
    assert_eq!(world.slots_with("web", "app:v3"), [1]);
    assert_eq!(world.status("web"), "completed");
}

/// §6.5: placement that changes and is still met hides changed ports [quirk]; ports alone are dirty.
#[test]
fn ports_are_dirty() {
    let mut world = World::new(2);
    let mut service = spec("web", 2, "app:v1").parallelism(0);
    world.create(&service);
    world.until(1000);
    service.ports = vec![(8080, true)];
    world.update(&service);
    world.until(10_000);
    assert_eq!((world.status("web"), world.made("web")), ("completed".to_owned(), 4));
    let live = world.state.tasks.values().filter(|task| task.desired == TaskState::Running);
    assert!(live.into_iter().all(|task| task.ports.first().is_some_and(|port| port.published == 8080)));
    service.ports = vec![(8081, true)];
    service.constraints = vec!["node.role==worker"];
    world.update(&service);
    world.until(20_000);
    assert_eq!(world.made("web"), 4);
}

/// A slot that its policy gave up is updated all the same, and revived by it.
#[test]
fn an_update_revives_what_ended_for_good() {
    let mut world = World::new(2);
    let service = spec("web", 2, "app:v1").attempts(1, 0).restart_delay(300);
    world.create(&service);
    world.until(1000);
    for _ in 0..2 {
        assert!(world.exit("web", 2, 1));
        world.pass(3000);
    }
    assert_eq!(world.running("web"), 1);
    world.update(&service.image("app:v2"));
    world.pass(20_000);
    assert_eq!((world.status("web"), world.slots_with("web", "app:v2")), ("completed".to_owned(), vec![1, 2]));
}

/// Quirk 22 (control-plane.md §14). The order of slots, where a run asks for chance: drawn from the seed, the same again
/// each time.
#[test]
fn quirk_22_slots_go_in_an_order_by_chance() {
    let order = |seed: Option<u64>| {
        let mut world = World::new(3);
        if let Some(seed) = seed {
            world.loops.orchestrators.shuffle_slots(Seed(seed));
        }
        let service = spec("web", 6, "app:v1").monitor(0);
        world.create(&service);
        world.until(1000);
        world.update(&service.image("app:v2"));
        world.until(30_000);
        let mut slots: Vec<_> = (1..=6).map(|slot| (world.when(&format!("web.{slot}#2"), "ready new"), slot)).collect();
        slots.sort_unstable();
        slots.into_iter().map(|(_, slot)| slot).collect::<Vec<u32>>()
    };
    assert_eq!(order(None), [1, 2, 3, 4, 5, 6]);
    assert_eq!(order(Some(1)), order(Some(1)));
    assert!((0..5).any(|seed| order(Some(seed)) != [1, 2, 3, 4, 5, 6]));
}

/// With a latency for every write, everything ends as without.
#[test]
fn an_update_with_slow_commits() {
    let mut world = World::new(3);
    world.latency = Duration::from_millis(7);
    let service = spec("web", 4, "app:v1").parallelism(2);
    world.create(&service);
    world.until(3000);
    assert_eq!(world.running("web"), 4);
    world.update(&service.image("app:v2"));
    world.until(20_000);
    assert_eq!(world.counts("web"), ["4 x running/running app:v2 v2", "4 x shutdown/shutdown app:v1 v1"]);
    assert_eq!(world.status("web"), "completed");
    let completed = world.when("web", COMPLETED).expect("it ends");
    assert!((6000..7000).contains(&completed), "{completed}");
    world.node_down(NodeKey(0));
    world.until(30_000);
    assert_eq!(world.slots_with("web", "app:v2"), [1, 2, 3, 4]);
}

/// One report must not cost a reconciliation: only writes of services do.
#[test]
fn reports_of_tasks_cost_no_turn() {
    let mut world = World::new(2);
    world.create(&spec("web", 4, "app:v1"));
    world.until(1000);
    let proposals = world.proposals;
    let reports = world.log.len();
    assert!(world.exit("web", 1, 1));
    world.until(1001);
    // The report, and one write with the restart; then "pending".
    assert_eq!((world.proposals - proposals, world.log.len() - reports), (3, 4));
}

/// TestUpdaterPlacement (48), TestIsTaskDirty (49): placement replaces only what violates it.
#[test]
fn test_updater_placement() {
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
}

/// §6.2 [R 53, told in the list of findings only].
#[test]
fn a_start_first_update_without_room_hangs_and_the_old_ones_run_on() {
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

/// [quirk] §6.1: a paused update lives on until its slots in hand are done and their delay is slept. The same spec sent
/// again meanwhile (a user has mended the image, say) is ignored for good: the status is gone, and nothing happens. Sent
/// once more later it is taken up. Another spec is taken up at any moment.
#[test]
fn the_same_spec_again_right_after_a_pause_is_ignored_another_one_is_not() {
    let service = spec("web", 4, "app:v1");
    let crash = |delay| service.clone().image("app:crash").delay(delay);
    let paused = |delay| {
        let mut world = World::new(3).image("app:crash", Image::exits(200, 1));
        world.create(&service);
        world.until(2000);
        world.update(&crash(delay));
        world.until(3600);
        assert_eq!(world.status("web"), "paused");
        world
    };
    // The first slot has failed, the second one is in hand.
    let mut world = paused(0);
    world.update(&crash(0));
    world.until(60_000);
    assert_eq!((world.status("web"), world.slots_with("web", "app:v1")), ("none".to_owned(), vec![3, 4]));
    world.update(&crash(0).action(FailureAction::Continue));
    world.until(90_000);
    assert_eq!((world.status("web"), world.slots_with("web", "app:v1")), ("completed".to_owned(), vec![]));
    // The first slot has failed, its delay is being slept.
    for (at, status) in [(13_000, "none"), (13_500, "updating")] {
        let mut world = paused(10_000);
        world.until(at);
        world.update(&crash(10_000));
        world.pass(1000);
        assert_eq!(
            (world.status("web"), world.slots_with("web", "app:v1").len()),
            (status.to_owned(), if at == 13_000 { 3 } else { 2 })
        );
    }
    // Another spec.
    for image in ["app:v1", "app:v3"] {
        let mut world = paused(10_000);
        world.update(&service.clone().image(image));
        world.pass(1);
        assert_eq!(world.status("web"), "updating");
        world.until(60_000);
        assert_eq!((world.status("web"), world.slots_with("web", image)), ("completed".to_owned(), vec![1, 2, 3, 4]));
    }
}

#[test]
fn an_updater_that_ignores_failures_is_noticed() {
    let mut world = World::new(3).image("app:crash", Image::exits(200, 1)).mutant(Mutant::UpdaterIgnoresFailures);
    let service = spec("web", 4, "app:v1");
    world.create(&service);
    world.until(2000);
    world.update(&service.image("app:crash"));
    world.until(20_000);
    assert_eq!(world.status("web"), "completed");
}
