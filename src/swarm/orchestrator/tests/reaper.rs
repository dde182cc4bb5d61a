//! The task reaper: acceptance cases 55, 56, 59 of control-plane.md §13, recordings 42 and 43.

use super::{Image, World, spec};
use crate::engine::{Duration, Time};
use crate::swarm::component::{Alarm, Outbox, Writer};
use crate::swarm::object::{Cluster, Task, TaskState};
use crate::swarm::orchestrator::{Mutant, Reaper};
use crate::swarm::store::{Change, Event, Transaction, Why};
use std::sync::Arc;

fn limit(world: &mut World, limit: i64) {
    let mut cluster = Cluster::clone(world.state.cluster.as_ref().expect("made"));
    cluster.task_history_limit = limit;
    world.write_now(|tx| tx.put_cluster(cluster, Why::Request));
}

/// A store with one slot of tasks in these states, and what a reaper with this limit leaves of it.
fn left(history: i64, tasks: &[(TaskState, TaskState)]) -> (usize, bool) {
    let mut world = World::new(0);
    limit(&mut world, history);
    world.create(&spec("web", 1, "app:v1"));
    let template = Task::clone(world.state.tasks.values().next().expect("made"));
    let mut reaper = Reaper::start(&world.state, Time::ZERO, &mut Outbox::default());
    let first = template.key;
    world.state.apply(&Change::RemoveTask(first));
    for (index, &(desired, state)) in tasks.iter().enumerate() {
        let mut task = Task { key: world.state.tasks.next_key(), desired, ..template.clone() };
        task.status.state = state;
        task.status.applied_at = Time::ZERO + Duration::from_secs(index as i64);
        let event = world.state.apply(&Change::Task(Arc::new(task)));
        reaper.watch(&event, &world.state, Time::ZERO, &mut Outbox::default());
    }
    let mut tx = Transaction::new(&world.state, Time::ZERO);
    reaper.write(&mut tx);
    let left = tx.state().tasks.len();
    (left, reaper.is_clean())
}

/// TestTick (55): history beyond the limit goes.
#[test]
fn test_tick() {
    let (run, stop) = (TaskState::Running, TaskState::Shutdown);
    assert_eq!(left(1, &[(stop, stop), (run, run)]), (1, true));
    assert_eq!(left(2, &[(stop, stop), (run, run)]), (2, true));
    assert_eq!(left(-1, &[(stop, stop), (stop, stop), (run, run)]), (3, true), "a negative limit keeps all");
    assert_eq!(left(0, &[(stop, stop), (stop, stop), (run, run)]), (1, true));
    assert_eq!(left(1, &[(run, run), (run, run), (stop, stop)]), (2, false), "it looks again when two could not go");
}

/// TestTickHistoryCleanup (56): what will never run or has ended goes and what may run stays.
#[test]
fn test_tick_history_cleanup() {
    use TaskState::{
        Accepted, Assigned, Complete, Failed, New, Orphaned, Pending, Preparing, Ready, Rejected, Running, Starting,
    };
    let (run, stop) = (Running, TaskState::Shutdown);
    for state in [New, Pending, Complete, stop, Failed, Rejected, Orphaned] {
        assert_eq!(left(1, &[(stop, state), (run, run)]).0, 1, "{state:?}");
    }
    for state in [Assigned, Accepted, Preparing, Ready, Starting, Running] {
        assert_eq!(left(1, &[(stop, state), (run, run)]).0, 2, "{state:?}");
    }
    for state in [New, Pending] {
        assert_eq!(left(1, &[(run, state), (run, run)]).0, 2, "it will run: {state:?}");
    }
}

/// TestTaskReaperBatching (59): it works in batches of a quarter second or of a thousand.
#[test]
fn test_task_reaper_batching() {
    let mut world = World::new(0);
    world.create(&spec("web", 1, "app:v1"));
    let template = Task::clone(world.state.tasks.values().next().expect("made"));
    let mut out = Outbox::default();
    let mut reaper = Reaper::start(&world.state, Time::ZERO, &mut out);
    assert!(out.turns.is_empty() && out.alarms.is_empty());
    let at = |millis| Time::ZERO + Duration::from_millis(millis);
    let mut made = |reaper: &mut Reaper, slot: u32, now: Time, out: &mut Outbox| {
        let task = Task { key: world.state.tasks.next_key(), slot, ..template.clone() };
        let event = world.state.apply(&Change::Task(Arc::new(task)));
        reaper.watch(&event, &world.state, now, out);
    };
    made(&mut reaper, 1, at(0), &mut out);
    made(&mut reaper, 1, at(200), &mut out);
    assert_eq!(out.alarms, [(at(250), Alarm::Reaper)], "one timer, which a second event does not move");
    let mut out = Outbox::default();
    reaper.alarm(&world.state, at(250), &mut out);
    assert_eq!(out.turns, [Writer::Reaper]);
    let mut tx = Transaction::new(&world.state, at(250));
    reaper.write(&mut tx);

    let mut out = Outbox::default();
    let mut made = |reaper: &mut Reaper, slot: u32, now: Time, out: &mut Outbox| {
        let task = Task { key: world.state.tasks.next_key(), slot, ..template.clone() };
        let event = world.state.apply(&Change::Task(Arc::new(task)));
        reaper.watch(&event, &world.state, now, out);
    };
    for slot in 1..=1000 {
        made(&mut reaper, slot, at(300), &mut out);
    }
    assert_eq!((out.turns.len(), out.alarms.len()), (0, 1));
    made(&mut reaper, 1001, at(300), &mut out);
    assert_eq!(out.turns, [Writer::Reaper], "at once");
    let mut tx = Transaction::new(&world.state, at(300));
    reaper.write(&mut tx);
    let mut out = Outbox::default();
    reaper.alarm(&world.state, at(550), &mut out);
    assert!(out.turns.is_empty(), "and not again");
}

/// An event that needs no work starts the batch's clock all the same: a run comes 0 to 250 ms after a creation.
#[test]
fn any_event_of_a_task_starts_the_clock() {
    let mut world = World::new(0);
    world.create(&spec("web", 1, "app:v1"));
    let task = world.state.tasks.values().next().expect("made").clone();
    let mut out = Outbox::default();
    let mut reaper = Reaper::start(&world.state, Time::ZERO, &mut out);
    let at = |millis| Time::ZERO + Duration::from_millis(millis);
    let update = Event::Task { old: Some(task.clone()), new: Some(task.clone()) };
    reaper.watch(&update, &world.state, at(1000), &mut out);
    assert!(out.alarms.is_empty(), "no alarm for nothing");
    reaper.watch(&Event::Task { old: None, new: Some(task) }, &world.state, at(1100), &mut out);
    assert_eq!(out.alarms, [(at(1250), Alarm::Reaper)]);
}

/// Quirk 24 (control-plane.md §14).
#[test]
fn quirk_24_recording_42_five_tasks_a_slot_stay_the_live_one_included() {
    let mut world = World::new(2).image("app:exit1", Image::exits(100, 1));
    world.create(&spec("web", 1, "app:exit1").restart_delay(200));
    let mut most = 0;
    for _ in 0..900 {
        world.pass(10);
        let tasks = world.state.tasks.len();
        most = most.max(tasks);
    }
    assert_eq!(most, 6, "the sixth is seen until the reaper has run");
    assert!(world.made("web") >= 20);
    assert!((5..=6).contains(&world.state.tasks.len()));
}

#[test]
fn recording_43_a_limit_of_attempts_takes_the_place_of_the_history_limit() {
    let mut world = World::new(2).image("app:exit1", Image::exits(100, 1));
    limit(&mut world, 2);
    world.create(&spec("web", 1, "app:exit1").restart_delay(200));
    world.create(&spec("ma", 1, "app:exit1").restart_delay(200).attempts(7, 0));
    world.until(9000);
    assert_eq!(world.made("ma"), 8);
    assert_eq!(world.counts("ma"), ["8 x shutdown/failed app:exit1 v1 task: non-zero exit (1)"]);
    let tasks = world.state.tasks_of_service(world.service("web").key).count();
    assert!((2..=3).contains(&tasks), "{tasks}");
}

/// A changed limit takes effect at the next creation in a slot.
#[test]
fn a_new_limit_waits_for_the_next_task() {
    let mut world = World::new(1);
    world.create(&spec("web", 1, "app:v1").restart_delay(0));
    world.until(1000);
    for _ in 0..6 {
        assert!(world.exit("web", 1, 1));
        world.pass(2000);
    }
    assert_eq!(world.state.tasks.len(), 5);
    limit(&mut world, 2);
    world.pass(5000);
    assert_eq!(world.state.tasks.len(), 5);
    assert!(world.exit("web", 1, 1));
    world.pass(2000);
    assert_eq!(world.state.tasks.len(), 2);
}

#[test]
fn a_reaper_that_forgets_is_noticed() {
    let mut world = World::new(1).image("app:exit1", Image::exits(100, 1)).mutant(Mutant::ReaperForgets);
    world.create(&spec("web", 1, "app:exit1").restart_delay(200));
    world.until(9000);
    assert!(world.state.tasks.len() > 6);
    assert_eq!(world.broken.map(|broken| broken.0), Some("the reaper leaves as much history as the limit says"));
}
