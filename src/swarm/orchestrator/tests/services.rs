//! Filling, scaling and removing services: acceptance cases 27-31, 57, 58 of control-plane.md §13, and recordings 04,
//! 06, 07, 49, 50, 61.

use super::{World, spec};
use crate::swarm::object::{Availability, NodeKey, Task, TaskState};
use crate::swarm::store::{Decision, Why};

/// The slots that are occupied.
fn live(world: &World, name: &str) -> Vec<u32> {
    let tasks = world.state.tasks_of_service(world.service(name).key);
    let mut slots: Vec<_> = tasks.filter(|task| task.desired <= TaskState::Running).map(|task| task.slot).collect();
    slots.sort_unstable();
    slots
}

/// TestReplicatedScaleDown (27-29).
#[test]
fn scale_down_keeps_first_copies_then_running_ones_then_low_slots() {
    // The fixture is written by hand: no agent, no scheduler at work on it.
    let mut world = World::new(3);
    for agent in world.agents.values_mut() {
        agent.connected = false;
    }
    let service = spec("web", 7, "app:v1");
    world.create(&service);
    let key = world.service("web").key;
    let tasks: Vec<Task> = world.state.tasks_of_service(key).map(|task| Task::clone(task)).collect();
    world.write_now(|tx| {
        let nodes = [Some(0), Some(1), Some(1), Some(2), Some(2), Some(2), None];
        for (mut task, node) in tasks.into_iter().zip(nodes) {
            task.node = node.map(NodeKey);
            task.status.state = match task.slot {
                1 => TaskState::Starting,
                7 => TaskState::New,
                _ => TaskState::Running,
            };
            // Slot 7 stays without a node: its task asks for more than there is.
            if task.slot != 7 {
                tx.put_task(task, Why::Placed(Decision::default()));
            }
        }
    });
    assert_eq!(live(&world, "web"), [1, 2, 3, 4, 5, 6, 7]);
    world.update(&service.clone().replicas(6));
    assert_eq!(live(&world, "web"), [1, 2, 3, 4, 5, 6], "the one without a node goes first");
    world.update(&service.clone().replicas(4));
    assert_eq!(live(&world, "web"), [1, 2, 3, 4], "then the third and the second copy on the fullest node");
    world.update(&service.clone().replicas(2));
    assert_eq!(live(&world, "web"), [2, 4], "then second copies, then what does not run");
}

/// TestReplicatedOrchestrator (30).
#[test]
fn a_task_deleted_by_hand_is_made_again() {
    let mut world = World::new(2);
    world.create(&spec("web", 3, "app:v1"));
    world.until(1000);
    let key = world.task("web.2#1").expect("made").key;
    world.write_now(|tx| tx.remove_task(key, Why::Request));
    assert_eq!(live(&world, "web"), [1, 2, 3]);
    let new = world.task("web.2#2").expect("made again");
    assert_eq!((new.desired, new.status.message), (TaskState::Running, "pending task scheduling"));
    assert_eq!(world.when("web.2#2", "running new"), Some(1000));
}

/// TestDrain (31).
#[test]
fn tasks_leave_nodes_that_are_down_drained_or_deleted() {
    let mut world = World::new(4);
    world.create(&spec("web", 8, "app:v1"));
    world.until(1000);
    let on = |world: &World, node: u32| {
        world.state.tasks_of_node(NodeKey(node)).filter(|task| task.desired <= TaskState::Running).count()
    };
    assert_eq!([0, 1, 2, 3].map(|node| on(&world, node)), [2, 2, 2, 2]);
    world.node_down(NodeKey(0));
    assert_eq!(on(&world, 0), 0, "down");
    world.availability(NodeKey(1), Availability::Drain);
    assert_eq!(on(&world, 1), 0, "drained");
    world.remove_node(NodeKey(2));
    assert_eq!(on(&world, 2), 0, "deleted");
    world.until(10_000);
    assert_eq!(on(&world, 3), 8);
    assert_eq!(live(&world, "web"), [1, 2, 3, 4, 5, 6, 7, 8]);

    // The same found by a new leader.
    let mut world = World::new(3);
    world.create(&spec("web", 6, "app:v1"));
    world.until(1000);
    world.while_no_leader_looks(|tx| {
        let mut node = crate::swarm::object::Node::clone(tx.state().nodes.get(NodeKey(0)).expect("a node"));
        node.spec.availability = Availability::Drain;
        tx.put_node(node, Why::Request);
    });
    world.failover();
    world.until(5000);
    assert_eq!([0, 1, 2].map(|node| on(&world, node)), [0, 3, 3]);
}

/// TestTaskStateRemoveOnScaledown (57).
#[test]
fn a_task_told_to_vanish_goes_when_it_has_stopped() {
    let mut world = World::new(2);
    let service = spec("web", 2, "app:v1");
    world.create(&service);
    world.until(1000);
    world.update(&service.clone().replicas(1));
    assert_eq!(world.slots("web"), ["1: running/running app:v1 v1", "2: remove/running app:v1 v1"]);
    world.until(2000);
    assert_eq!(world.slots("web").len(), 2, "it still stops");
    // 20 ms until its agent knows, a second's pause, 100 ms to stop, and at most 250 ms for the reaper.
    world.until(2119);
    assert_eq!(world.slots("web").len(), 2);
    world.until(2380);
    assert_eq!(world.slots("web"), ["1: running/running app:v1 v1"]);
}

/// TestServiceRemoveUnassignedTasks (57).
#[test]
fn a_task_without_a_node_vanishes_at_once() {
    let mut world = World::new(0);
    let service = spec("web", 2, "app:v1");
    world.create(&service);
    world.until(1000);
    world.update(&service.replicas(1));
    world.until(1260);
    assert_eq!(world.counts("web"), ["1 x running/pending app:v1 v1 no suitable node"]);
}

/// TestTaskStateRemoveOnServiceRemoval (58), and recording 49: what is on a lost node stays until it is back.
#[test]
fn recording_49_service_removal() {
    let mut world = World::new(3);
    world.create(&spec("web", 6, "app:v1"));
    world.until(2000);
    world.node_down(NodeKey(2));
    world.until(5000);
    assert_eq!(world.counts("web"), ["6 x running/running app:v1 v1", "2 x shutdown/running app:v1 v1"]);
    world.remove("web");
    let count = |world: &World, state: TaskState| {
        world
            .state
            .tasks
            .values()
            .filter(|task| task.desired == TaskState::Remove && task.status.state == state)
            .count()
    };
    assert_eq!((count(&world, TaskState::Running), world.state.tasks.len()), (8, 8));
    world.until(7500);
    assert_eq!((count(&world, TaskState::Running), world.state.tasks.len()), (2, 2));
    world.until(7600);
    world.node_up(NodeKey(2));
    world.until(9500);
    assert_eq!(world.state.tasks.len(), 0);
}

#[test]
fn recording_04_scale_down_removes_second_copies_first() {
    let mut world = World::new(3);
    let service = spec("web", 7, "app:v1");
    world.create(&service);
    world.until(2000);
    let first: Vec<u32> = live(&world, "web");
    assert_eq!(first, [1, 2, 3, 4, 5, 6, 7]);
    world.update(&service.clone().replicas(3));
    world.until(4500);
    assert_eq!(world.counts("web"), ["3 x running/running app:v1 v1"], "what was removed is no history");
    let nodes: std::collections::BTreeSet<_> = world.state.tasks.values().map(|task| task.node).collect();
    assert_eq!(nodes.len(), 3, "one on each node");
    world.update(&service.replicas(1));
    world.until(7000);
    assert_eq!(world.slots("web"), ["1: running/running app:v1 v1"]);
    assert_eq!(world.story("web"), [(0, "none".to_owned())], "scaling is no update to see");
}

#[test]
fn recording_06_tasks_that_wait_for_room_go_first() {
    let mut world = World::new(3);
    let mut service = spec("web", 9, "app:v1");
    service.nano_cpus = 2_000_000_000;
    world.create(&service);
    world.until(2000);
    assert_eq!(
        world.counts("web"),
        [
            "3 x running/pending app:v1 v1 no suitable node (insufficient resources on 3 nodes)",
            "6 x running/running app:v1 v1"
        ]
    );
    world.update(&service.clone().replicas(6));
    world.until(4500);
    assert_eq!(world.counts("web"), ["6 x running/running app:v1 v1"]);
    world.update(&service.replicas(5));
    world.until(7000);
    assert_eq!(world.counts("web"), ["5 x running/running app:v1 v1"]);
}

#[test]
fn recording_07_a_slot_that_does_not_run_goes_first_and_leaves_its_history() {
    let mut world = World::new(3);
    let service = spec("web", 6, "app:v1").restart_delay(8000);
    world.create(&service);
    world.until(2000);
    assert!(world.exit("web", 2, 1));
    world.until(3000);
    let failed = "2: shutdown/failed app:v1 v1 task: non-zero exit (1)";
    assert_eq!(world.slots("web")[1], format!("{failed}, ready/ready app:v1 v1"));
    world.update(&service.replicas(5));
    world.until(6000);
    assert_eq!(live(&world, "web"), [1, 3, 4, 5, 6]);
    assert_eq!(world.slots("web")[1], failed);
    assert_eq!(world.made("web"), 7);
}

#[test]
fn recording_61_a_large_scale_down_leaves_nodes_balanced() {
    let mut world = World::new(3);
    let service = spec("web", 30, "app:v1");
    world.create(&service);
    world.until(2000);
    for (replicas, end, per_node) in [(16, 5100, [6, 5, 5]), (4, 8500, [2, 1, 1])] {
        world.update(&service.clone().replicas(replicas));
        world.until(end);
        let mut counts = [0, 1, 2].map(|node| world.state.tasks_of_node(NodeKey(node)).count());
        counts.sort_unstable_by(|a, b| b.cmp(a));
        assert_eq!(counts, per_node);
    }
    // Of equal candidates the lowest slots stay (in the real one, any).
    assert_eq!(live(&world, "web"), [1, 2, 3, 4]);
}

#[test]
fn recording_50_labels_update_config_and_replicas_replace_nothing() {
    let mut world = World::new(3);
    let mut service = spec("web", 3, "app:v1");
    world.create(&service);
    world.until(2000);
    service.label = "b";
    world.update(&service);
    world.until(5100);
    service = service.parallelism(2);
    world.update(&service);
    world.until(7100);
    assert_eq!(world.counts("web"), ["3 x running/running app:v1 v1"]);
    service = service.replicas(4);
    world.update(&service);
    world.until(9500);
    assert_eq!(world.counts("web"), ["3 x running/running app:v1 v1", "1 x running/running app:v1 v4"]);
    assert_eq!(world.slots("web")[3], "4: running/running app:v1 v4");
    assert_eq!(world.story("web"), [(0, "none".to_owned())]);
}

#[test]
fn a_dead_slots_number_is_used_again_and_keeps_its_history() {
    let mut world = World::new(3);
    let service = spec("web", 3, "app:v1").restart_delay(8000);
    world.create(&service);
    world.until(1000);
    assert!(world.exit("web", 2, 1));
    world.until(1500);
    world.update(&service.clone().replicas(2));
    world.until(4000);
    assert_eq!(live(&world, "web"), [1, 3]);
    world.update(&service.replicas(3));
    world.until(6000);
    let history = "2: shutdown/failed app:v1 v1 task: non-zero exit (1), running/running app:v1 v3";
    assert_eq!(world.slots("web")[1], history);
}

#[test]
fn a_large_service_is_made_and_removed_in_transactions_of_200() {
    let mut world = World::new(0);
    let service = spec("web", 950, "app:v1");
    let before = world.proposals;
    world.create(&service);
    world.until(10);
    assert_eq!(live(&world, "web").len(), 950);
    // The service, 5 for the tasks, 5 for "pending".
    assert_eq!(world.proposals - before, 11);
    world.update(&service.replicas(100));
    assert_eq!(live(&world, "web"), (1..=100).collect::<Vec<_>>());
    let told = world.log.iter().filter(|line| line.text == "remove pending").count();
    assert_eq!(told, 850, "all were told, none was deleted as a dead slot");
    world.remove("web");
    world.until(2000);
    assert_eq!(world.state.tasks.len(), 0);
}
