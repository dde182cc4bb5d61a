//! Global services: acceptance cases 39 (for them) and 40-46 of control-plane.md §13, each named after its source, and what the loop does
//! when its nodes come, go and change.

use super::{Image, World, global_spec};
use crate::swarm::object::{Availability, NodeKey, RestartCondition, Task, TaskState};
use crate::swarm::store::Why;
use std::sync::Arc;

const AGENT: &str = "agent";

fn tasks(world: &World, node: u32) -> Vec<&Arc<Task>> {
    let service = world.service(AGENT).key;
    world.state.tasks_of_service(service).filter(|task| task.node == Some(NodeKey(node))).collect()
}

/// Tasks on a node that should run, and all of them.
fn counts(world: &World, node: u32) -> (usize, usize) {
    let tasks = tasks(world, node);
    (tasks.iter().filter(|task| task.desired <= TaskState::Running).count(), tasks.len())
}

/// Cases 40: TestAddNode, TestDeleteNode.
#[test]
fn test_add_node_test_delete_node() {
    let mut world = World::new(1);
    world.create(&global_spec(AGENT, "app:v1"));
    world.until(1000);
    assert_eq!(world.running(AGENT), 1);
    let added = world.add_node();
    world.until(2000);
    assert_eq!((world.running(AGENT), counts(&world, 1)), (2, (1, 1)));
    world.remove_node(added);
    world.until(3000);
    assert_eq!((world.running(AGENT), counts(&world, 1)), (1, (0, 0)), "its task is deleted, not kept as an orphan");
}

/// Cases 41 and 42: TestNodeAvailability.
#[test]
fn test_node_availability() {
    let mut world = World::new(1);
    let service = global_spec(AGENT, "app:v1");
    world.create(&service);
    world.until(1000);
    // 41
    world.availability(NodeKey(0), Availability::Drain);
    assert_eq!(counts(&world, 0), (0, 1));
    world.until(4000);
    assert_eq!(tasks(&world, 0)[0].status.state, TaskState::Shutdown);
    world.update(&service.clone().image("app:v2"));
    world.until(5000);
    assert_eq!(counts(&world, 0), (0, 1), "nothing comes while it is drained");
    world.availability(NodeKey(0), Availability::Active);
    world.until(6000);
    assert_eq!((counts(&world, 0), world.running(AGENT)), ((1, 2), 1));
    // 42
    world.availability(NodeKey(0), Availability::Pause);
    world.until(7000);
    assert_eq!(world.running(AGENT), 1, "a paused node keeps its task");
    assert!(world.exit_where(AGENT, 1, |_| true));
    world.until(9000);
    assert_eq!(counts(&world, 0), (0, 2), "and does not replace it");
    world.update(&service.image("app:v3"));
    world.until(10_000);
    assert_eq!(counts(&world, 0), (0, 2));
}

/// Case 43: TestNodeState.
#[test]
fn test_node_state() {
    let mut world = World::new(2);
    world.create(&global_spec(AGENT, "app:v1"));
    world.until(1000);
    world.node_down(NodeKey(1));
    world.until(3000);
    let lost = tasks(&world, 1)[0];
    assert_eq!((lost.desired, lost.status.state), (TaskState::Shutdown, TaskState::Running), "it runs on, unseen");
    assert_eq!(world.made(AGENT), 2, "no other node takes it over");
    world.node_up(NodeKey(1));
    world.until(6000);
    assert_eq!((counts(&world, 1), world.running(AGENT)), ((1, 2), 2));
}

/// Case 44: TestTaskFailure.
#[test]
fn test_task_failure() {
    let mut world = World::new(1).image("app:v1", Image::exits(200, 0));
    let service = global_spec(AGENT, "app:v1").condition(RestartCondition::None);
    world.create(&service);
    world.until(2000);
    assert_eq!(counts(&world, 0), (0, 1), "it has ended for good");
    let same = world.service(AGENT).key;
    world.write_now(|tx| {
        let service = (**tx.state().services.get(same).expect("it is there")).clone();
        tx.put_service(service, Why::Request);
    });
    world.until(3000);
    assert_eq!(counts(&world, 0), (0, 1), "a service written unchanged revives nothing");
    world.update(&service.image("app:v2"));
    world.until(5000);
    assert_eq!((counts(&world, 0), world.running(AGENT)), ((1, 2), 1), "another spec does");
}

/// Case 45: TestInitializationExtraTask.
#[test]
fn test_initialization_extra_task() {
    let mut world = World::new(2);
    world.create(&global_spec(AGENT, "app:v1"));
    world.until(1000);
    let twin = Task::clone(tasks(&world, 0)[0]);
    world.while_no_leader_looks(|tx| {
        let key = tx.state().tasks.next_key();
        tx.put_task(Task { key, id: crate::swarm::object::Id(77), ..twin }, Why::Request);
    });
    world.failover();
    world.until(4000);
    assert_eq!((counts(&world, 0).0, counts(&world, 1).0), (1, 1), "exactly one survives");
}

/// Case 46: TestInitializationTaskOnDrainedNode, TestInitializationTaskOnNonexistentNode.
#[test]
fn test_initialization_task_on_drained_and_nonexistent_node() {
    let mut world = World::new(3);
    world.create(&global_spec(AGENT, "app:v1"));
    world.until(1000);
    let (drained, gone) = (tasks(&world, 0)[0].key, tasks(&world, 1)[0].key);
    world.while_no_leader_looks(|tx| {
        let mut node = (**tx.state().nodes.get(NodeKey(0)).expect("there")).clone();
        node.spec.availability = Availability::Drain;
        tx.put_node(node, Why::Request);
        tx.remove_node(NodeKey(1), Why::Request);
    });
    world.failover();
    world.until(4000);
    let desired = |key| world.state.tasks.get(key).map(|task| task.desired);
    assert_eq!((desired(drained), desired(gone)), (Some(TaskState::Shutdown), Some(TaskState::Shutdown)));
    assert_eq!(world.running(AGENT), 1, "the third node's");
}

/// Case 46: TestInitializationTaskWithoutService.
#[test]
fn test_initialization_task_without_service() {
    let mut world = World::new(2);
    let key = world.create(&global_spec(AGENT, "app:v1"));
    world.until(1000);
    world.while_no_leader_looks(|tx| tx.remove_service(key, Why::Request));
    world.failover();
    world.until(2000);
    assert!(world.state.tasks.is_empty());
}

/// Case 39: TestInitializationRestartHistory. A new leader counts the restarts of the current version within the window:
/// not the task of the old version, not the first of the new one, not a restart that is too long ago. One of two and the
/// one that runs leave one more of three.
#[test]
fn test_initialization_restart_history() {
    let mut world = World::new(2);
    let service = global_spec(AGENT, "app:v0").restart_delay(300).attempts(3, 20_000);
    world.create(&service);
    world.until(1000);
    world.update(&service.image("app:v1"));
    world.until(5000);
    let old =
        Task::clone(tasks(&world, 0).into_iter().min_by_key(|task| task.spec_version).expect("the old version's"));
    assert_eq!((&*old.spec.image, old.desired), ("app:v0", TaskState::Shutdown));
    let on_first = |task: &Task| task.node == Some(NodeKey(0));
    for until in [30_000, 32_000, 34_000] {
        assert!(world.exit_where(AGENT, 1, on_first));
        world.until(until);
    }
    assert_eq!(counts(&world, 0), (1, 4), "the first, a restart outside of the window, two inside");
    // The reaper keeps one more than there are attempts: the old version's task is put back by hand.
    world.while_no_leader_looks(|tx| {
        let key = tx.state().tasks.next_key();
        tx.put_task(Task { key, ..old }, Why::Request);
    });
    world.failover();
    let made = world.made(AGENT);
    assert!(world.exit_where(AGENT, 1, on_first));
    world.pass(1000);
    assert_eq!((counts(&world, 0).0, world.made(AGENT)), (1, made + 1), "one more restart");
    assert!(world.exit_where(AGENT, 1, on_first));
    world.pass(5000);
    assert_eq!((counts(&world, 0).0, world.made(AGENT)), (0, made + 1), "and no other");
    assert_eq!(counts(&world, 1), (1, 2), "the other node is not concerned");
}

/// §4.2: a node that comes back while an update is over gets the new version at once, without an update's status.
#[test]
fn a_node_that_was_paused_during_an_update_catches_up_outside_of_it() {
    let mut world = World::new(3);
    let service = global_spec(AGENT, "app:v1");
    world.create(&service);
    world.until(1000);
    world.availability(NodeKey(2), Availability::Pause);
    world.update(&service.image("app:v2"));
    world.until(12_000);
    assert_eq!(world.status(AGENT), "completed");
    assert_eq!(&*tasks(&world, 2)[0].spec.image, "app:v1");
    let lines = world.story(AGENT).len();
    world.availability(NodeKey(2), Availability::Active);
    world.until(15_000);
    assert_eq!(world.story(AGENT).len(), lines, "nobody calls it an update");
    let live: Vec<_> = tasks(&world, 2).into_iter().filter(|task| task.desired <= TaskState::Running).collect();
    assert_eq!((live.len(), &*live[0].spec.image), (1, "app:v2"));
}

/// §4.2: a task is made for a node that is short of resources, or not known yet; it waits there and says why.
#[test]
fn a_task_waits_on_its_own_node() {
    let mut world = World::new(1);
    let mut service = global_spec(AGENT, "app:v1");
    service.nano_cpus = 5_000_000_000;
    world.create(&service);
    world.until(1000);
    let task = tasks(&world, 0)[0];
    assert_eq!(task.status.state, TaskState::Pending);
    assert_eq!(task.status.err.as_deref(), Some("insufficient resources on 1 node"), "without the usual wrapper");
    world.change_node(NodeKey(0), |node| Arc::make_mut(&mut node.description).nano_cpus = 6_000_000_000);
    world.until(2000);
    assert_eq!(world.running(AGENT), 1);
    assert_eq!(tasks(&world, 0)[0].status.message, "started");
}

/// §4.5: the history of a global service is kept for each node by itself.
#[test]
fn history_is_trimmed_by_node() {
    let mut world = World::new(2).image("app:v1", Image::exits(100, 1));
    world.create(&global_spec(AGENT, "app:v1").restart_delay(0));
    world.until(20_000);
    assert!(world.made(AGENT) > 12);
    for node in 0..2 {
        assert!((5..=6).contains(&counts(&world, node).1), "{:?}", counts(&world, node));
    }
}

/// A new constraint takes the task from the nodes that do not meet it, and only from them (§4.2, §6.5).
#[test]
fn a_constraint_takes_its_task_from_a_node() {
    let mut world = World::new(2);
    world.change_node(NodeKey(1), |node| {
        Arc::make_mut(&mut node.spec.labels).insert("disk".to_owned(), "ssd".to_owned());
    });
    let service = global_spec(AGENT, "app:v1");
    world.create(&service);
    world.until(1000);
    world.update(&service.constraint("node.labels.disk==ssd"));
    world.until(4000);
    assert_eq!((counts(&world, 0), counts(&world, 1)), ((0, 1), (1, 1)));
    // And when the label goes, the enforcer rejects the other; the attempt to restart it finds the node unfit.
    world.change_node(NodeKey(1), |node| Arc::make_mut(&mut node.spec.labels).clear());
    world.until(8000);
    assert_eq!(counts(&world, 1), (0, 1));
    assert_eq!(tasks(&world, 1)[0].status.state, TaskState::Rejected);
}
