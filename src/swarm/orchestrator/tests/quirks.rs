//! The facts that a naive simulator gets wrong (control-plane.md §14), by number. Each is held by a test that names it and
//! fails if the quirk were mended; `tests/it/house.rs` checks that none is without one.
//!
//! | Quirk | Where |
//! |---|---|
//! | 1, 15, 16, 21 | `tests/it/quirks.rs`, in a whole swarm |
//! | 2, 6-11, 13, 17-20, 23 | here |
//! | 3 | `scheduler/tests/filters.rs` |
//! | 4, 5 | `scheduler/tests/debounce.rs` |
//! | 12 | `jobs`: node events, slots from 0, a slot that stops the job |
//! | 14 | `dispatcher/tests.rs` |
//! | 18 | here (the node dies), and `tests/it/containers.rs` (the registry cannot be reached) |
//! | 22 | `updates` |
//! | 24 | `reaper` |

use super::{Image, World, global_spec, spec};
use crate::swarm::object::{Availability, FailureAction, NodeKey, NodeState, TaskState, UpdateOrder};

const COMPLETED: &str = "completed (update completed)";

fn image_of(world: &World, task: &str) -> String {
    world.task(task).expect("it was made").spec.image.to_string()
}

#[test]
fn quirk_02_a_replacement_is_prepared_before_its_delay_is_over() {
    let mut world = World::new(1);
    world.create(&spec("web", 1, "app:v1").restart_delay(8000));
    world.until(2000);
    assert!(world.exit("web", 1, 1));
    world.until(2400);
    let shown = "1: shutdown/failed app:v1 v1 task: non-zero exit (1), ready/ready app:v1 v1";
    assert_eq!(world.slots("web"), [shown], "it has a node, its image and its container");
    world.until(20_000);
    assert_eq!(world.when("web.1#2", "running ready"), Some(10_000), "READY holds it until then");
}

#[test]
fn quirk_06_scaling_is_an_update_it_takes_the_previous_specs_place_and_resumes_what_is_paused() {
    let mut world = World::new(3).image("app:bad", Image::rejected("no"));
    let service = spec("web", 3, "app:v1");
    world.create(&service);
    world.until(1000);
    let bad = service.image("app:bad");
    world.update(&bad);
    world.until(10_000);
    assert_eq!((world.status("web"), world.slots_with("web", "app:v1")), ("paused".to_owned(), vec![2, 3]));
    world.update(&bad.replicas(4));
    world.until(30_000);
    assert_eq!((world.status("web"), world.slots_with("web", "app:v1")), ("paused".to_owned(), vec![3]), "one further");
    let previous = world.service("web").previous_spec.clone().expect("the update's");
    assert_eq!(&*previous.task.image, "app:bad", "a rollback would not bring the good image back");
}

#[test]
fn quirk_07_failing_old_tasks_come_back_with_the_new_spec_while_paused() {
    let mut world = World::new(3).image("app:bad", Image::rejected("no").slots(&[1]));
    let service = spec("web", 3, "app:v1");
    world.create(&service);
    world.until(1000);
    world.update(&service.image("app:bad"));
    world.until(10_000);
    assert_eq!((world.status("web"), world.slots_with("web", "app:v1")), ("paused".to_owned(), vec![2, 3]));
    assert!(world.exit("web", 3, 1));
    world.until(15_000);
    assert_eq!(image_of(&world, "web.3#2"), "app:bad");
    assert_eq!((world.status("web"), world.slots_with("web", "app:v1")), ("paused".to_owned(), vec![2]));
}

#[test]
fn quirk_08_a_rollback_by_itself_forgets_the_previous_spec_and_one_by_hand_goes_back_and_forth() {
    let mut world = World::new(3).image("app:bad", Image::exits(200, 1));
    let service = spec("web", 2, "app:v1").action(FailureAction::Rollback);
    world.create(&service);
    world.until(1000);
    world.update(&service.clone().image("app:bad"));
    world.until(30_000);
    assert_eq!((world.status("web"), world.slots_with("web", "app:v1").len()), ("rollback_completed".to_owned(), 2));
    assert!(world.service("web").previous_spec.is_none());
    assert!(!world.rollback("web"), "there is nothing to go back to");
    world.update(&service.image("app:v2"));
    world.pass(20_000);
    for image in ["app:v1", "app:v2", "app:v1"] {
        assert!(world.rollback("web"));
        world.pass(20_000);
        assert_eq!((world.status("web"), &*world.service("web").spec.task.image), ("rollback_completed".into(), image));
        assert_eq!(world.slots_with("web", image), [1, 2]);
    }
}

#[test]
fn quirk_09_a_task_that_completes_within_the_monitoring_fails_the_update() {
    let mut world = World::new(2).image("app:v2", Image::exits(500, 0));
    let service = spec("web", 2, "app:v1");
    world.create(&service);
    world.until(1000);
    world.update(&service.image("app:v2"));
    world.until(20_000);
    assert_eq!(world.status("web"), "paused");
    assert!(world.when("web.1#2", "running complete").is_some());
    assert_eq!(world.when("web.1#2", "running failed"), None);
}

#[test]
fn quirk_10_an_update_waits_for_ever_sleeps_after_the_last_slot_and_then_monitors() {
    let mut world = World::new(1).image("app:v2", Image::default().start(3_600_000));
    let service = spec("web", 1, "app:v1").delay(700);
    world.create(&service);
    world.until(1000);
    world.update(&service.image("app:v2"));
    world.until(3_600_000);
    assert_eq!(world.status("web"), "updating", "an hour without a time-out");
    world.until(3_700_000);
    let runs = world.when("web.1#2", "running running").expect("in the end");
    assert_eq!(world.when("web", COMPLETED), Some(runs + 700 + 1000));
}

#[test]
fn quirk_11_enforcement_does_not_wait_for_the_container() {
    let mut world = World::new(2).image("app:v1", Image::default().stop(30_000));
    world.create(&spec("web", 1, "app:v1").constraint("node.labels.disk!=hdd"));
    world.until(2000);
    let node = world.task("web.1#1").and_then(|task| task.node).expect("placed");
    world.change_node(node, |node| {
        std::sync::Arc::make_mut(&mut node.spec.labels).insert("disk".into(), "hdd".into());
    });
    assert_eq!(world.task("web.1#1").map(|task| task.status.state), Some(TaskState::Rejected), "observed, at once");
    world.until(5000);
    assert_eq!(world.when("web.1#2", "running ready"), Some(3000), "the delay only; the container still stops");
}

#[test]
fn quirk_13_global_tasks_wait_for_unknown_nodes_and_not_for_drained_or_lost_ones() {
    let mut world = World::new(4);
    world.change_node(NodeKey(1), |node| node.status.state = NodeState::Unknown);
    world.availability(NodeKey(2), Availability::Drain);
    world.node_down(NodeKey(3));
    world.create(&global_spec("agent", "app:v1"));
    world.until(5000);
    let nodes: Vec<_> = world.state.tasks.values().filter_map(|task| task.node).collect();
    assert_eq!(nodes, [NodeKey(0), NodeKey(1)]);
    let waiting = world.state.tasks.values().find(|task| task.node == Some(NodeKey(1))).expect("made");
    assert_eq!(waiting.status.state, TaskState::Pending);
    assert_eq!(waiting.status.err.as_deref(), Some("1 node not available for new tasks"));
    // A task that was shut down on a drained node is not made again there, whatever happens to its service.
    world.availability(NodeKey(0), Availability::Drain);
    world.update(&global_spec("agent", "app:v2"));
    world.until(9000);
    assert_eq!(world.state.tasks_of_node(NodeKey(0)).filter(|task| task.desired <= TaskState::Running).count(), 0);
    world.change_node(NodeKey(1), |node| node.status.state = NodeState::Ready);
    world.until(15_000);
    assert_eq!(world.running("agent"), 1);
}

#[test]
fn quirk_17_a_stop_costs_a_second_more_and_the_replacement_stands_ready_meanwhile() {
    let mut world = World::new(1);
    let service = spec("web", 1, "app:v1");
    world.create(&service);
    world.until(2000);
    world.update(&service.image("app:v2"));
    world.until(3000);
    assert_eq!(world.slots("web"), ["1: shutdown/running app:v1 v1, ready/ready app:v2 v2"]);
    world.until(5000);
    // 20 ms until its agent knows, a second's pause, 100 ms to stop.
    assert_eq!(world.when("web.1#1", "shutdown shutdown"), Some(3120));
    assert_eq!(world.when("web.1#2", "running ready"), Some(3120));
}

#[test]
fn quirk_18_an_update_hangs_when_a_node_dies_holding_the_new_task() {
    let mut world = World::new(3).image("app:v2", Image::default().start(3_600_000).first(1).of_image());
    let service = spec("web", 3, "app:v1");
    world.create(&service);
    world.until(2000);
    world.update(&service.image("app:v2"));
    world.until(5000);
    let held = world.task("web.1#2").expect("made").clone();
    assert_eq!((held.desired, held.status.state), (TaskState::Running, TaskState::Starting));
    let node = held.node.expect("placed");
    world.node_down(node);
    world.until(400_000);
    assert_eq!(world.running("web"), 3, "the service recovers");
    assert_eq!((world.status("web"), world.slots_with("web", "app:v2")), ("updating".to_owned(), vec![1]), "it hangs");
    // Until the node is back: then the task that it waits for ends, and is blamed.
    world.node_up(node);
    world.until(420_000);
    assert_eq!(world.status("web"), "paused");
    assert!(world.service("web").update_status.as_ref().is_some_and(|s| s.message.ends_with(&held.id.text())));
}

#[test]
fn quirk_19_a_long_delay_makes_the_monitoring_a_second_longer_than_itself() {
    for (delay, monitored) in [(900, 1000), (1000, 2000), (2500, 3500)] {
        let mut world = World::new(1);
        let service = spec("web", 1, "app:v1").delay(delay);
        world.create(&service);
        world.until(1000);
        world.update(&service.image("app:v2"));
        world.until(30_000);
        let runs = world.when("web.1#2", "running running").expect("it runs");
        assert_eq!(world.when("web", COMPLETED), Some(runs + delay + monitored), "delay {delay}");
    }
}

#[test]
fn quirk_20_a_start_first_rollback_is_completed_twice() {
    let mut world = World::new(3).image("app:bad", Image::exits(200, 1));
    let mut service = spec("web", 3, "app:v1").start_first().action(FailureAction::Rollback);
    service.rollback.order = UpdateOrder::StartFirst;
    world.create(&service);
    world.until(2000);
    world.update(&service.image("app:bad"));
    world.until(60_000);
    let states: Vec<_> = world.story("web").into_iter().map(|(_, text)| text).collect();
    let end = states.len() - 2;
    assert_eq!(states[end..], ["rollback_completed (rollback completed)", COMPLETED], "{states:?}");
    assert_eq!(world.counts("web")[0], "3 x running/running app:v1 v1");
}

#[test]
fn quirk_23_failures_are_judged_when_they_are_handled() {
    // The first task runs for 300 ms. Meanwhile the last slot is being worked on, for five seconds and more.
    let ended = |monitor: i64| {
        let slow = Image::default().start(5000).slots(&[2]);
        let mut world = World::new(2).image("app:v2", Image::exits(300, 1).first(1).of_image().slots(&[1]));
        world = world.image("app:v2", slow);
        let service = spec("web", 2, "app:v1").monitor(monitor).restart_delay(30_000);
        world.create(&service);
        world.until(1000);
        world.update(&service.image("app:v2"));
        world.until(25_000);
        let failed = world.when("web.1#2", "running failed").expect("it ends");
        let last = world.when("web.2#2", "running running").expect("it runs");
        assert!(failed < last - 3000);
        let judged = world.story("web").pop().expect("it ends");
        (world.status("web"), judged.0 - failed)
    };
    let (status, _) = ended(1000);
    assert_eq!(status, "completed", "it failed within the monitoring, and by the time that anyone looks that is over");
    let (status, late) = ended(10_000);
    assert_eq!(status, "paused");
    assert!(late > 3000, "{late} ms after the failure");
}
