//! When the scheduler acts (control-plane.md §3.2).

use super::lab::*;
use crate::engine::{Duration, Time};
use crate::swarm::object::*;
use crate::swarm::scheduler::Ties;

fn ms(millis: i64) -> Time {
    Time::ZERO + Duration::from_millis(millis)
}

#[test]
fn it_waits_until_commits_have_paused_for_50_ms() {
    let mut lab = Lab::new(Ties::Natural);
    lab.node("n1", |_| {});
    let service = lab.service("web", |_| {});
    lab.run();
    let start = lab.now;
    let mut last = start;
    for _ in 0..5 {
        lab.now = last + Duration::from_millis(30);
        // Alarms that ring early change nothing.
        while lab.out.alarms.first().is_some_and(|&(at, _)| at <= lab.now) {
            lab.out.alarms.clear();
            lab.scheduler.alarm(&lab.state, lab.now, &mut lab.out);
        }
        last = lab.now;
        lab.add(service, 1);
        assert!(lab.out.turns.is_empty());
    }
    while lab.out.turns.is_empty() {
        assert!(lab.step());
    }
    assert_eq!(lab.now, last + Duration::from_millis(50));
}

#[test]
fn it_waits_no_longer_than_a_second() {
    let mut lab = Lab::new(Ties::Natural);
    lab.node("n1", |_| {});
    let service = lab.service("web", |_| {});
    lab.run();
    let start = lab.now;
    for i in 1.. {
        lab.now = start + Duration::from_millis(40 * i);
        if lab.out.alarms.first().is_some_and(|&(at, _)| at <= lab.now) {
            lab.out.alarms.clear();
            lab.scheduler.alarm(&lab.state, lab.now, &mut lab.out);
        }
        lab.add(service, 1);
        if !lab.out.turns.is_empty() {
            break;
        }
    }
    // The first commit was at 40 ms, and the first commit more than a second later at 1080 ms.
    assert_eq!(lab.now - start, Duration::from_millis(1080));
}

/// Quirk 4 (control-plane.md §14).
#[test]
fn quirk_04_an_unschedulable_task_is_retried_once_and_then_left_in_peace() {
    let mut lab = Lab::new(Ties::Natural);
    let service = lab.service("web", |_| {});
    let task = lab.add(service, 1)[0];
    lab.run();
    assert_eq!((lab.writes, lab.now), (1, ms(100)));
    assert_eq!(lab.task(task).status.timestamp, ms(50));
    // Nothing that happens to others calls for another try.
    lab.commit(|tx| {
        let service = Service::clone(tx.state().services.get(service).unwrap());
        tx.put_service(service, crate::swarm::store::Why::Request);
    });
    lab.run();
    assert_eq!(lab.writes, 1);
}

#[test]
fn a_deleted_node_asks_for_no_tick_and_an_updated_one_does() {
    let mut lab = Lab::new(Ties::Natural);
    let [n1, n2] = lab.nodes();
    let service = lab.service("web", |spec| spec.constraints = constraint("node.labels.x==y"));
    let task = lab.add(service, 1)[0];
    lab.run();
    assert_eq!(lab.err(task), "no suitable node (scheduling constraints not satisfied on 2 nodes)");
    lab.commit(|tx| tx.remove_node(n2, crate::swarm::store::Why::Request));
    lab.run();
    assert_eq!(lab.err(task), "no suitable node (scheduling constraints not satisfied on 2 nodes)");
    lab.change_node(n1, |node| node.spec.availability = Availability::Pause);
    lab.run();
    assert_eq!(lab.err(task), "no suitable node (1 node not available for new tasks)");
}

#[test]
fn a_new_leader_asks_at_once() {
    let mut lab = Lab::new(Ties::Natural);
    lab.node("n1", |_| {});
    lab.restart();
    assert!(lab.out.turns.is_empty());
    let service = lab.service("web", |_| {});
    let task = lab.add(service, 1)[0];
    lab.restart();
    assert_eq!(lab.out.turns.len(), 1);
    let before = lab.now;
    lab.step();
    assert_eq!((lab.now, lab.task(task).status.state), (before, TaskState::Assigned));
    assert_eq!(lab.task(task).status.applied_at, before);
}

/// Quirk 5 (control-plane.md §14), recording 19 in slow motion: after a partial success only what was looked at since is
/// counted; quirk 4: so its text is written twice.
#[test]
fn quirk_05_the_first_message_after_a_partial_success_is_incomplete() {
    let mut lab = Lab::new(Ties::Natural);
    for i in 1..=3 {
        lab.node(&format!("n{i}"), |node| capacity(node, if i == 1 { CPU } else { 4 * CPU }, GIB));
    }
    let web = lab.service("web", |spec| spec.reserved.nano_cpus = 3 * CPU);
    let tasks = lab.add(web, 3);
    while lab.task(tasks[2]).status.err.is_none() {
        assert!(lab.step());
    }
    assert_eq!(lab.err(tasks[2]), "no suitable node (insufficient resources on 2 nodes)");
    lab.run();
    assert_eq!(lab.err(tasks[2]), "no suitable node (insufficient resources on 3 nodes)");
}
