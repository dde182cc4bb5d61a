//! The constraint enforcer: acceptance cases 60-62 of control-plane.md §13, and what else it enforces (§4.4).

use super::{World, spec};
use crate::swarm::object::{Availability, Generic, Mode, NodeKey, TaskState};
use crate::swarm::store::Why;
use std::sync::Arc;

fn label(world: &mut World, node: u32, value: Option<&str>) {
    world.change_node(NodeKey(node), |node| {
        let labels = Arc::make_mut(&mut node.spec.labels);
        match value {
            Some(value) => labels.insert("security".to_owned(), value.to_owned()),
            None => labels.remove("security"),
        };
    });
}

/// Case 60: TestConstraintEnforcer.
#[test]
fn test_constraint_enforcer() {
    let mut world = World::new(2);
    label(&mut world, 0, Some("high"));
    world.create(&spec("web", 1, "app:v1").constraint("node.labels.security==high"));
    world.until(1000);
    label(&mut world, 1, Some("high"));
    label(&mut world, 0, Some("low"));
    let rejected = world.task("web.1#1").expect("it stays in the history").clone();
    assert_eq!(rejected.status.state, TaskState::Rejected);
    assert_eq!(rejected.status.message, "task rejected by constraint enforcer");
    assert_eq!(rejected.status.err.as_deref(), Some("assigned node no longer meets constraints"));
    // §4.4 [quirk]: nobody waits for its container, which is being stopped meanwhile.
    world.until(2200);
    assert_eq!(
        world.task("web.1#2").map(|task| (task.node, task.status.state)),
        Some((Some(NodeKey(1)), TaskState::Running))
    );
}

/// Case 61: TestOutdatedTaskPlacementConstraints.
#[test]
fn test_outdated_task_placement_constraints() {
    let mut world = World::new(1);
    label(&mut world, 0, Some("high"));
    let service = spec("web", 1, "app:v1");
    world.create(&service);
    world.until(1000);
    world.update(&service.constraint("node.labels.security==high"));
    world.until(2000);
    let task = world.task("web.1#1").expect("it met the constraint and was not replaced");
    assert!(task.spec.constraints.is_empty() && task.status.state == TaskState::Running);
    label(&mut world, 0, None);
    assert_eq!(world.task("web.1#1").map(|task| task.status.state), Some(TaskState::Rejected), "the service's count");
}

/// Case 62: TestRejectNoncompliantTasksIgnoresCompletedJobTasksInReservations.
#[test]
fn test_reject_noncompliant_tasks_ignores_completed_job_tasks_in_reservations() {
    let mut world = World::new(1).image("job:v1", super::Image::exits(100, 0));
    let mut job = spec("job", 0, "job:v1").mode(Mode::ReplicatedJob { max_concurrent: 1, total: 1 });
    job.nano_cpus = 4_000_000_000;
    world.create(&job);
    world.until(1000);
    let mut web = spec("web", 1, "app:v1");
    web.nano_cpus = 4_000_000_000;
    world.create(&web);
    world.until(2000);
    assert_eq!(
        (world.running("web"), world.task("job.0#1").map(|task| task.status.state)),
        (1, Some(TaskState::Complete))
    );
    label(&mut world, 0, Some("any"));
    world.until(3000);
    assert_eq!(world.running("web"), 1, "the complete task takes up nothing");
}

/// §4.4: only as many go as it takes for the rest to fit.
#[test]
fn what_no_longer_fits_is_rejected_until_the_rest_does() {
    let mut world = World::new(1);
    let mut web = spec("web", 4, "app:v1");
    web.nano_cpus = 1_000_000_000;
    world.create(&web);
    world.until(1000);
    world.change_node(NodeKey(0), |node| Arc::make_mut(&mut node.description).nano_cpus = 2_500_000_000);
    let rejected = world.state.tasks.values().filter(|task| task.status.state == TaskState::Rejected).count();
    assert_eq!(rejected, 2);
}

/// §4.4: neither a paused nor a drained node is looked at.
#[test]
fn only_active_nodes_are_looked_at() {
    let mut world = World::new(1);
    label(&mut world, 0, Some("high"));
    world.create(&spec("web", 1, "app:v1").constraint("node.labels.security==high"));
    world.until(1000);
    world.availability(NodeKey(0), Availability::Pause);
    label(&mut world, 0, None);
    world.until(2000);
    assert_eq!(world.running("web"), 1);
    world.availability(NodeKey(0), Availability::Active);
    assert_eq!(world.task("web.1#1").map(|task| task.status.state), Some(TaskState::Rejected));
}

/// §4.4 [quirk]: at a generic resource that is gone the rest of the node is not looked at.
#[test]
fn a_missing_generic_resource_ends_the_look_at_a_node() {
    let mut world = World::new(1);
    label(&mut world, 0, Some("high"));
    world.create(&spec("a", 2, "app:v1").constraint("node.labels.security==high"));
    world.until(1000);
    world.write_now(|tx| {
        let first = tx.state().tasks.values().next().expect("two were made");
        let mut task = (**first).clone();
        task.assigned_generic = [Generic::Named { kind: "GPU".into(), name: "a".into() }].into();
        tx.put_task(task, Why::Request);
    });
    world.change_node(NodeKey(0), |node| Arc::make_mut(&mut node.description).nano_cpus = 5_000_000_000);
    let rejected =
        |world: &World| world.state.tasks.values().filter(|task| task.status.state == TaskState::Rejected).count();
    assert_eq!(rejected(&world), 1, "the one whose resource the node does not have");
}
