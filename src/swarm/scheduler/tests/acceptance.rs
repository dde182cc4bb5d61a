//! SwarmKit's own cases (control-plane.md §13, cases 1 to 23), each named after its source.

use super::lab::*;
use crate::engine::Duration;
use crate::swarm::object::*;
use crate::swarm::scheduler::{Mutant, Ties, Verdict};
use crate::swarm::store::Why;

/// Cases 1 to 4.
#[test]
fn test_scheduler() {
    for mut lab in labs() {
        let [n1, n2, n3] = lab.nodes();
        let services: Vec<_> = (0..6).map(|i| lab.service(&format!("s{i}"), |_| {})).collect();
        let first = lab.add_with(services[0], 1, |task| {
            task.node = Some(n1);
            task.status.state = TaskState::Assigned;
        });
        // 1: one-off tasks (each of a service of its own) go where there are fewest.
        let (a, b) = (lab.add(services[1], 1)[0], lab.add(services[2], 1)[0]);
        lab.run();
        let mut nodes = [lab.node_of(a), lab.node_of(b)];
        nodes.sort_unstable();
        assert_eq!(nodes, [Some(n2), Some(n3)]);
        assert_eq!(lab.task(a).status.message, "scheduler assigned task to node");
        assert_eq!(lab.task(a).status.state, TaskState::Assigned);
        // 2: the emptied node is the least loaded one.
        lab.delete(&first);
        let c = lab.add(services[3], 1)[0];
        lab.run();
        assert_eq!(lab.node_of(c), Some(n1));
        // 3: a node that came and went in one transaction is not used.
        lab.commit(|tx| {
            let key = tx.state().nodes.next_key();
            tx.put_node(plain_node(key, "n4"), Why::Joined);
            tx.remove_node(key, Why::Request);
        });
        let d = lab.add(services[4], 1)[0];
        lab.run();
        assert!(lab.node_of(d).is_some_and(|node| [n1, n2, n3].contains(&node)));
        // 4: a node that is not ready gets nothing, until it is.
        let n5 = lab.node("n5", |node| node.status.state = NodeState::Down);
        let e = lab.add(services[5], 1)[0];
        lab.run();
        assert_ne!(lab.node_of(e), Some(n5));
        lab.change_node(n5, |node| node.status.state = NodeState::Ready);
        let f = lab.add(services[5], 1)[0];
        lab.run();
        assert_eq!(lab.node_of(f), Some(n5));
    }
}

/// Cases 5 and 5b.
#[test]
fn test_ha() {
    for mut lab in labs() {
        let nodes: [NodeKey; 5] = lab.nodes();
        let (a, b) = (lab.service("a", |_| {}), lab.service("b", |_| {}));
        lab.add(a, 18);
        lab.run();
        assert_eq!(lab.shape(a), [4, 4, 4, 3, 3]);
        lab.add(b, 2);
        lab.run();
        let with_b: Vec<_> = nodes.iter().copied().filter(|&node| !lab.tasks_on(b, node).is_empty()).collect();
        assert!(with_b.iter().all(|&node| lab.tasks_on(a, node).len() == 3) && with_b.len() == 2);
        lab.add(a, 3);
        lab.run();
        assert_eq!(lab.shape(a), [5, 4, 4, 4, 4]);
        assert!(with_b.iter().all(|&node| lab.tasks_on(a, node).len() == 4));
        lab.add(b, 1);
        lab.run();
        assert_eq!(lab.shape(b), [1, 1, 1, 0, 0]);
        assert!(nodes.iter().all(|&node| lab.tasks_on(a, node).len() < 5 || lab.tasks_on(b, node).is_empty()));
        // 5b: a node that has lost everything.
        let gone: Vec<_> = [a, b].iter().flat_map(|&service| lab.tasks_on(service, nodes[0])).collect();
        lab.delete(&gone);
        lab.add(a, 4);
        lab.add(b, 2);
        lab.run();
        assert_eq!((lab.tasks_on(a, nodes[0]).len(), lab.tasks_on(b, nodes[0]).len()), (4, 1));
    }
}

/// Case 5c.
#[test]
fn test_preferences() {
    for mut lab in labs() {
        for i in 0..5 {
            lab.node(&format!("n{i}"), |node| label(node, "az", if i == 0 { "az1" } else { "az2" }));
        }
        let service = lab.service("web", |spec| spec.preferences = vec!["node.labels.az".into()]);
        lab.add(service, 8);
        lab.run();
        assert_eq!(lab.spread(service), [4, 1, 1, 1, 1]);
    }
}

/// Case 6.
#[test]
fn test_scheduler_no_ready_nodes() {
    for mut lab in labs() {
        let service = lab.service("web", |_| {});
        let task = lab.add(service, 1)[0];
        lab.run();
        assert_eq!(lab.err(task), "no suitable node");
        assert_eq!(lab.task(task).status.state, TaskState::Pending);
        assert_eq!(lab.task(task).status.message, "pending task scheduling");
        let node = lab.node("n1", |_| {});
        lab.run();
        assert_eq!((lab.node_of(task), lab.err(task)), (Some(node), ""));
    }
}

/// Cases 7 and 9.
#[test]
fn test_scheduler_faulty_node() {
    for mut lab in labs() {
        let [n1, n2] = lab.nodes();
        let service = lab.service("web", |_| {});
        for version in [0, 7] {
            lab.commit(|tx| {
                let mut service = Service::clone(tx.state().services.get(service).unwrap());
                service.spec_version = version;
                tx.put_service(service, Why::Request);
            });
            lab.add_with(service, 1, |task| {
                task.node = Some(n1);
                task.status.state = TaskState::Running;
            });
            let attempts = |lab: &mut Lab| -> Vec<_> {
                (0..8)
                    .map(|_| {
                        let task = lab.add(service, 1);
                        lab.run();
                        lab.report(&task, TaskState::Failed);
                        lab.node_of(task[0]).unwrap()
                    })
                    .collect()
            };
            assert_eq!(attempts(&mut lab), [n2, n2, n2, n2, n2, n1, n1, n1]);
            // The memory ends after five minutes.
            lab.wait(Duration::from_minutes(6));
            assert_eq!(attempts(&mut lab)[..5], [n2; 5]);
            lab.wait(Duration::from_minutes(6));
        }
    }
}

/// Case 8.
#[test]
fn test_scheduler_faulty_node_preassigned() {
    let mut lab = Lab::new(Ties::Natural);
    let [n1, n2] = lab.nodes();
    let service = lab.service("web", |_| {});
    for _ in 0..8 {
        let task = lab.add_with(service, 1, |task| task.node = Some(n2));
        lab.run();
        assert_eq!(lab.task(task[0]).status.message, "scheduler confirmed task can run on preassigned node");
        lab.report(&task, TaskState::Failed);
    }
    lab.add_with(service, 1, |task| {
        task.node = Some(n1);
        task.status.state = TaskState::Running;
    });
    let task = lab.add(service, 1)[0];
    lab.run();
    assert_eq!(lab.node_of(task), Some(n2), "the failures were not counted");
}

/// Case 10.
#[test]
fn test_scheduler_resource_constraint() {
    for mut lab in labs() {
        lab.node("small", |node| capacity(node, 2 * CPU, 2 * GIB));
        lab.node("down1", |node| node.status.state = NodeState::Unknown);
        lab.node("down2", |node| node.status.state = NodeState::Unknown);
        let service = lab.service("web", |spec| spec.reserved = Resources { nano_cpus: CPU, memory_bytes: 3 * GIB });
        let task = lab.add(service, 1)[0];
        lab.run();
        let err = "no suitable node (2 nodes not available for new tasks; insufficient resources on 1 node)";
        assert_eq!(lab.err(task), err);
        let big = lab.node("big", |_| {});
        lab.run();
        assert_eq!(lab.node_of(task), Some(big));
    }
}

/// Case 11.
#[test]
fn test_scheduler_resource_constraint_dead_task() {
    for mut lab in labs() {
        lab.node("n1", |node| capacity(node, CPU, GIB));
        let service = lab.service("web", |spec| spec.reserved.memory_bytes = GIB);
        let first = lab.add(service, 1);
        lab.run();
        lab.change(&first, |task| task.desired = TaskState::Shutdown);
        let second = lab.add(service, 1)[0];
        lab.run();
        assert_eq!(lab.err(second), "no suitable node (insufficient resources on 1 node)");
        lab.report(&first, TaskState::Failed);
        lab.run();
        assert_eq!(lab.node_of(second), lab.node_of(first[0]));
    }
}

/// Case 12.
#[test]
fn test_scheduler_preexisting_dead_task() {
    let mut lab = Lab::new(Ties::Natural);
    let node = lab.node("n1", |node| capacity(node, CPU, GIB));
    let service = lab.service("web", |spec| spec.reserved.memory_bytes = GIB);
    lab.add_with(service, 1, |task| {
        task.node = Some(node);
        task.status.state = TaskState::Failed;
        task.desired = TaskState::Shutdown;
    });
    let task = lab.add(service, 1)[0];
    lab.restart();
    lab.run();
    assert_eq!(lab.node_of(task), Some(node));
}

/// Case 14.
#[test]
fn test_scheduler_host_port() {
    for mut lab in labs() {
        lab.nodes::<2>();
        let service = lab.service("web", |spec| spec.ports = host_port(58));
        let tasks = lab.add(service, 3);
        lab.run();
        assert_eq!(lab.spread(service), [1, 1]);
        let third = *tasks.iter().find(|&&task| lab.node_of(task).is_none()).unwrap();
        assert_eq!(lab.err(third), "no suitable node (host-mode port already in use on 2 nodes)");
        let node = lab.node("n3", |_| {});
        lab.run();
        assert_eq!(lab.node_of(third), Some(node));
    }
}

/// Case 15.
#[test]
fn test_scheduler_max_replicas() {
    for mut lab in labs() {
        lab.nodes::<2>();
        let service = lab.service("web", |spec| spec.max_replicas = 1);
        let tasks = lab.add(service, 3);
        lab.run();
        assert_eq!(lab.spread(service), [1, 1]);
        let third = *tasks.iter().find(|&&task| lab.node_of(task).is_none()).unwrap();
        assert_eq!(lab.err(third), "no suitable node (max replicas per node limit exceed)");
        let node = lab.node("n3", |_| {});
        lab.run();
        assert_eq!(lab.node_of(third), Some(node));
    }
}

/// Case 17.
#[test]
fn test_scheduler_constraint() {
    for mut lab in labs() {
        lab.nodes::<3>();
        let service = lab.service("web", |spec| spec.constraints = constraint("node.labels.security == high"));
        let task = lab.add(service, 1)[0];
        lab.run();
        assert_eq!(lab.err(task), "no suitable node (scheduling constraints not satisfied on 3 nodes)");
    }
}

/// Case 18.
#[test]
fn test_unscheduleable_task() {
    for mut lab in labs() {
        lab.node("n1", |_| {});
        let service = lab.service("web", |spec| spec.max_replicas = 1);
        lab.add(service, 1);
        lab.run();
        let stuck = lab.add(service, 1);
        lab.run();
        assert_eq!(lab.err(stuck[0]), "no suitable node (max replicas per node limit exceed)");
        lab.commit(|tx| {
            let mut service = Service::clone(tx.state().services.get(service).unwrap());
            service.spec_version = 5;
            tx.put_service(service, Why::Request);
        });
        lab.change(&stuck, |task| task.desired = TaskState::Shutdown);
        lab.run();
        let task = lab.task(stuck[0]);
        assert_eq!((task.status.state, task.node, &task.status.err), (TaskState::Shutdown, None, &None));
    }
}

/// Case 19.
#[test]
fn test_scheduler_unassigned_map() {
    let mut lab = Lab::new(Ties::Natural);
    let service = lab.service("web", |_| {});
    let task = lab.add(service, 1)[0];
    lab.commit(|tx| tx.remove_service(service, Why::Request));
    lab.run();
    assert_eq!(lab.err(task), "");
    assert!(lab.scheduler.unassigned.is_empty());
}

/// Case 20.
#[test]
fn test_preassigned_tasks() {
    for mut lab in labs() {
        let [n1, n2] = lab.nodes();
        let service = lab.service("web", |spec| spec.reserved.memory_bytes = 8 * GIB);
        let ordinary = lab.add(service, 1)[0];
        let first = lab.add_with(service, 1, |task| task.node = Some(n1))[0];
        let second = lab.add_with(service, 1, |task| task.node = Some(n2))[0];
        let third = lab.add_with(service, 1, |task| task.node = Some(n2))[0];
        lab.run();
        assert_eq!((lab.node_of(first), lab.node_of(second)), (Some(n1), Some(n2)));
        // One of the two on n2 does not fit; it is told so without the usual words around it.
        let errs = [lab.err(second), lab.err(third)];
        assert!(errs == ["", "insufficient resources on 1 node"] || errs == ["insufficient resources on 1 node", ""]);
        assert_eq!(lab.err(ordinary), "no suitable node (insufficient resources on 2 nodes)");
    }
}

/// Case 21.
#[test]
fn test_ignore_tasks() {
    let mut lab = Lab::new(Ties::Natural);
    let service = lab.service("web", |_| {});
    let task = lab.add_with(service, 1, |task| task.desired = TaskState::Shutdown)[0];
    lab.node("n1", |_| {});
    lab.restart();
    lab.run();
    assert_eq!((lab.node_of(task), lab.err(task)), (None, ""));
}

/// Case 22.
#[test]
fn test_multiple_preferences() {
    for mut lab in labs() {
        let places = ["az1 r1", "az1 r1", "az2 r1", "az2 r1", "az2 r1", "az2 r2", "az2 r2"];
        for (i, place) in places.into_iter().enumerate() {
            let (az, rack) = place.split_once(' ').unwrap();
            lab.node(&format!("id{i}"), |node| {
                label(node, "az", az);
                label(node, "rack", rack);
                capacity(node, CPU, if i == 0 { 100_000_000 } else { 1_000_000_000 });
            });
        }
        let service = lab.service("web", |spec| {
            spec.preferences = vec!["node.labels.az".into(), "NODE.labels.rack".into(), "something.else".into()];
            spec.reserved.memory_bytes = 200_000_000;
        });
        lab.add(service, 12);
        lab.run();
        let spread = lab.spread(service);
        assert_eq!(spread[..2], [0, 5]);
        let (mut r1, mut r2) = (spread[2..5].iter().sum::<usize>(), spread[5..].iter().sum::<usize>());
        if r1 > r2 {
            (r1, r2) = (r2, r1);
        }
        assert_eq!((r1, r2), (3, 4));
        assert!(spread[2..].iter().all(|&tasks| tasks <= 2));
    }
}

/// Case 23.
#[test]
fn test_multiple_preferences_scale_up() {
    for mut lab in labs() {
        let mut nodes = Vec::new();
        for (i, place) in ["az1 r1", "az1 r1", "az2 r1", "az2 r1", "az2 r2", "az2 r2"].into_iter().enumerate() {
            let (az, rack) = place.split_once(' ').unwrap();
            nodes.push(lab.node(&format!("id{i}"), |node| {
                label(node, "az", az);
                label(node, "rack", rack);
            }));
        }
        let preferences = vec!["node.labels.az".into(), "node.labels.rack".into()];
        let service = lab.service("web", |spec| spec.preferences = preferences);
        for (node, count) in [(0, 5), (2, 1), (4, 5)] {
            lab.add_with(service, count, |task| {
                task.node = Some(nodes[node]);
                task.status.state = TaskState::Running;
            });
        }
        let new = lab.add(service, 12);
        lab.run();
        assert!(new.iter().all(|&task| lab.node_of(task).is_some()));
    }
}

/// A branch that is above its share already: the first of the others takes all, since the level that is aimed at counts what
/// the full branch has too much.
#[test]
fn an_overfull_branch_makes_the_next_one_take_too_much() {
    let mut lab = Lab::new(Ties::Natural);
    let nodes: Vec<_> = ["a", "b", "c"].into_iter().map(|az| lab.node(az, |node| label(node, "az", az))).collect();
    let service = lab.service("web", |spec| spec.preferences = vec!["node.labels.az".into()]);
    lab.add_with(service, 10, |task| {
        task.node = Some(nodes[0]);
        task.status.state = TaskState::Running;
    });
    lab.add(service, 4);
    lab.run();
    assert_eq!(lab.spread(service), [10, 4, 0]);
}

#[test]
fn a_placement_can_be_explained() {
    let mut lab = Lab::new(Ties::Natural);
    // w2 stands before w10, and both joined in the other order.
    let w10 = lab.node("w10", |node| label(node, "az", "a"));
    let w2 = lab.node("w2", |_| {});
    let w3 = lab.node("w3", |node| node.spec.availability = Availability::Drain);
    let web = lab.service("web", |spec| spec.preferences = vec!["node.labels.az".into()]);
    let db = lab.service("db", |_| {});
    lab.add_with(db, 1, |task| {
        task.node = Some(w2);
        task.status.state = TaskState::Running;
    });
    let task = lab.add(web, 1)[0];
    let verdicts = lab.scheduler.explain(&lab.state, task, lab.now);
    let told: Vec<_> = verdicts.iter().map(|v| (v.node, v.branch[0].as_str(), v.total, v.verdict)).collect();
    let stopped = Verdict::Stopped(super::super::Filter::Ready);
    assert_eq!(told, [(w2, "", 1, Verdict::Rank(2)), (w3, "", 0, stopped), (w10, "a", 0, Verdict::Rank(1))]);
}

#[test]
fn ties_go_by_hostname_and_tasks_by_slot() {
    let mut lab = Lab::new(Ties::Natural);
    for hostname in ["w10", "w2", "w1"] {
        lab.node(hostname, |_| {});
    }
    let service = lab.service("web", |_| {});
    let tasks = lab.add(service, 4);
    lab.run();
    let hostname =
        |&task: &TaskKey| lab.state.nodes.get(lab.node_of(task).unwrap()).unwrap().description.hostname.to_string();
    assert_eq!(tasks.iter().map(hostname).collect::<Vec<_>>(), ["w1", "w2", "w10", "w1"]);
}

/// The mutant is caught: the check of every decision sees a task on a node that is down.
#[test]
#[should_panic(expected = "the node is ready and active")]
fn a_scheduler_that_ignores_down_nodes_is_caught() {
    let mut lab = Lab::new(Ties::Natural);
    lab.scheduler.set_mutant(Some(Mutant::IgnoresDown));
    lab.node("n1", |node| node.status.state = NodeState::Down);
    let service = lab.service("web", |_| {});
    lab.add(service, 1);
    lab.run();
}
