//! Jobs: acceptance cases 63-68 of control-plane.md §13 (`jobs/replicated/reconciler_test.go` and
//! `jobs/global/reconciler_test.go`), and the quirks of §4.3.

use super::{Image, World, spec};
use crate::swarm::object::{Availability, Mode, NodeKey, NodeState, RestartCondition, Task, TaskState};
use crate::swarm::store::Why;
use std::sync::Arc;

const JOB: &str = "job";

fn replicated(max_concurrent: u32, total: u32) -> super::specs::Spec {
    spec(JOB, 0, "job:v1").mode(Mode::ReplicatedJob { max_concurrent, total }).condition(RestartCondition::OnFailure)
}

fn global() -> super::specs::Spec {
    spec(JOB, 0, "job:v1").mode(Mode::GlobalJob).condition(RestartCondition::OnFailure)
}

fn tasks(world: &World) -> Vec<&Arc<Task>> {
    world.state.tasks_of_service(world.service(JOB).key).collect()
}

fn in_state(world: &World, state: TaskState) -> usize {
    tasks(world).iter().filter(|task| task.status.state == state).count()
}

/// Case 63, `jobs/replicated/reconciler_test.go`.
#[test]
fn replicated_reconciler_begins_with_as_many_tasks_as_may_run() {
    for (max_concurrent, total, made) in [(2, 5, 2), (7, 3, 3), (4, 4, 4), (3, 0, 0)] {
        let mut world = World::new(3);
        world.create(&replicated(max_concurrent, total));
        world.until(700);
        let slots: Vec<_> = tasks(&world).iter().map(|task| task.slot).collect();
        assert_eq!(slots, (0..made).collect::<Vec<_>>());
        assert!(tasks(&world).iter().all(|task| task.desired == TaskState::Complete && task.job_iteration == Some(0)));
        assert_eq!(in_state(&world, TaskState::Running), made as usize);
    }
}

/// Case 64, `jobs/replicated/reconciler_test.go`: a task that failed is replaced by the restart supervisor in its slot; no
/// other task is made for it, and what is begun meanwhile has a slot of its own.
#[test]
fn replicated_reconciler_leaves_failed_tasks_to_the_restart_supervisor() {
    let mut world = World::new(2).image("job:v1", Image::exits(300, 1).first(1).slots(&[0]));
    world.create(&replicated(2, 2));
    world.until(1100);
    assert_eq!(world.task("job.0#1").map(|task| task.status.state), Some(TaskState::Failed));
    let second = world.task("job.0#2").expect("it is replaced");
    assert_eq!((second.desired, second.status.state), (TaskState::Ready, TaskState::Ready), "it waits out its delay");
    assert_eq!(tasks(&world).len(), 3);
    world.until(3000);
    assert_eq!(world.task("job.0#2").map(|task| task.desired), Some(TaskState::Complete));
    assert_eq!(in_state(&world, TaskState::Running), 2);

    let mut world = World::new(2).image("job:v1", Image::exits(300, 1).first(1).slots(&[0]));
    world.create(&replicated(2, 3));
    world.until(1100);
    assert!(world.exit(JOB, 1, 0), "while slot 0 waits to be restarted, slot 1 completes");
    world.until(1500);
    let mut slots: Vec<_> = tasks(&world).iter().map(|task| task.slot).collect();
    slots.sort_unstable();
    assert_eq!(slots, [0, 0, 1, 2], "slot 0 is not used again for what is begun next");
}

/// Case 65, `jobs/replicated/reconciler_test.go`.
#[test]
fn replicated_reconciler_never_begins_more_than_is_left_to_do() {
    let mut world = World::new(3).image("job:v1", Image::exits(200, 0));
    world.create(&replicated(4, 6));
    for at in (50..20_000).step_by(50) {
        world.until(at);
        let complete = in_state(&world, TaskState::Complete);
        let live = tasks(&world).len() - complete;
        assert!(live <= 4 && live <= 6 - complete, "{live} live and {complete} complete after {at} ms");
    }
    assert_eq!((tasks(&world).len(), in_state(&world, TaskState::Complete)), (6, 6));
    let mut slots: Vec<_> = tasks(&world).iter().map(|task| task.slot).collect();
    slots.sort_unstable();
    assert_eq!(slots, [0, 1, 2, 3, 4, 5]);
}

/// Case 66, `jobs/replicated/reconciler_test.go`.
#[test]
fn replicated_reconciler_begins_a_new_execution_and_removes_what_still_runs_of_the_old() {
    let mut world = World::new(2);
    let job = replicated(2, 4);
    world.create(&job);
    world.until(1000);
    let old: Vec<_> = tasks(&world).iter().map(|task| task.key).collect();
    world.update(&job.image("job:v2"));
    let desired: Vec<_> = old.iter().filter_map(|key| Some(world.state.tasks.get(*key)?.desired)).collect();
    assert_eq!(desired, [TaskState::Remove; 2]);
    world.until(6000);
    assert_eq!(tasks(&world).len(), 2, "the old ones are gone");
    assert!(tasks(&world).iter().all(|task| task.job_iteration == Some(1) && &*task.spec.image == "job:v2"));
}

/// Case 67, `jobs/replicated/reconciler_test.go`: with more running than there should be in all, unsigned numbers run over and nothing is done.
#[test]
fn replicated_reconciler_leaves_a_job_with_too_many_tasks_alone() {
    let mut world = World::new(1);
    world.create(&replicated(10, 20));
    world.until(500);
    let one = Task::clone(tasks(&world)[0]);
    world.while_no_leader_looks(|tx| {
        for number in 0..20u32 {
            let key = tx.state().tasks.next_key();
            let id = crate::swarm::object::Id(1_000 + u128::from(number));
            tx.put_task(Task { key, id, ..one.clone() }, Why::Request);
        }
    });
    assert_eq!(tasks(&world).len(), 30);
    world.failover();
    world.until(700);
    assert_eq!(tasks(&world).len(), 30, "nothing is made, nothing removed");
}

/// Case 68, `jobs/global/reconciler_test.go`.
#[test]
fn global_reconciler_goes_to_nodes_that_are_ready_and_active() {
    let mut world = World::new(5);
    world.availability(NodeKey(1), Availability::Drain);
    world.availability(NodeKey(2), Availability::Pause);
    world.change_node(NodeKey(3), |node| node.status.state = NodeState::Unknown);
    let job = global();
    world.create(&job);
    world.until(1000);
    let nodes: Vec<_> = tasks(&world).iter().filter_map(|task| task.node).collect();
    assert_eq!(nodes, [NodeKey(0), NodeKey(4)]);
    // A node that is drained later keeps its task until something makes the loop look; then it must stop.
    world.availability(NodeKey(0), Availability::Drain);
    world.until(2000);
    assert_eq!(in_state(&world, TaskState::Running), 2);
    assert!(world.exit_where(JOB, 1, |task| task.node == Some(NodeKey(4))));
    let drained = tasks(&world).into_iter().find(|task| task.node == Some(NodeKey(0))).expect("it has one");
    assert_eq!(drained.desired, TaskState::Shutdown);
}

/// §4.3, quirk 12 (control-plane.md §14): node events are not this loop's business; slots start at 0.
#[test]
fn quirk_12_a_drained_node_keeps_its_tasks_of_a_replicated_job() {
    let mut world = World::new(2);
    world.create(&replicated(2, 2));
    world.until(1000);
    world.availability(NodeKey(0), Availability::Drain);
    world.node_down(NodeKey(1));
    world.until(30_000);
    assert_eq!((tasks(&world).len(), in_state(&world, TaskState::Running)), (2, 2), "nothing is moved");
    assert_eq!(tasks(&world).iter().map(|task| task.slot).collect::<Vec<_>>(), [0, 1]);
}

/// §4.3 [quirk], recording 47: a node that joins gets no task of a global job.
#[test]
fn a_node_that_joins_gets_no_task_of_a_global_job() {
    let mut world = World::new(2).image("job:v1", Image::exits(200, 0));
    let job = global();
    world.create(&job);
    world.until(2000);
    assert_eq!(in_state(&world, TaskState::Complete), 2);
    world.add_node();
    world.until(5000);
    assert_eq!(tasks(&world).len(), 2);
    world.update(&job.image("job:v2"));
    world.until(7000);
    let newest = tasks(&world).iter().filter(|task| task.job_iteration == Some(1)).count();
    assert_eq!(newest, 3, "the next execution reaches it");
}

/// §4.3, quirk 12 (control-plane.md §14), recording 48 as its list of findings tells it: a slot that may not be restarted stops the whole job.
#[test]
fn quirk_12_a_slot_out_of_attempts_stops_the_job() {
    let mut world = World::new(2).image("job:v1", Image::exits(200, 1));
    world.create(&replicated(1, 3).attempts(1, 0));
    world.until(30_000);
    let slots: Vec<_> = tasks(&world).iter().map(|task| task.slot).collect();
    assert_eq!(slots, [0, 0], "slot 1 never begins");
    assert!(tasks(&world).iter().all(|task| task.desired == TaskState::Shutdown));
}

/// §5 [quirk], recording 48: the attempts of a global job are noted where nobody looks.
#[test]
fn a_global_job_does_not_honour_its_limit_of_attempts() {
    let mut world = World::new(1).image("job:v1", Image::exits(200, 1));
    world.create(&global().attempts(1, 0).restart_delay(0));
    world.until(9000);
    assert!((14..=24).contains(&world.made(JOB)), "{} tasks, 16 to 18 were measured", world.made(JOB));
}

/// §4.3: a job is never restarted when it is complete, whatever the condition; its history is not trimmed.
#[test]
fn a_complete_task_of_a_job_stays() {
    let mut world = World::new(1).image("job:v1", Image::exits(200, 0));
    world.create(&replicated(3, 9).condition(RestartCondition::Any));
    world.until(20_000);
    assert_eq!((tasks(&world).len(), in_state(&world, TaskState::Complete)), (9, 9));
}
