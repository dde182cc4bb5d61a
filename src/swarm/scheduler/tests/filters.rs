//! The filters that look at engines and images: acceptance cases 13 and 16 of control-plane.md §13, and generic resources
//! (§3.4, filter 2).

use super::lab::*;
use crate::swarm::object::*;
use std::sync::Arc;

fn platform(os: &str, architecture: &str) -> Platform {
    Platform { os: os.into(), architecture: architecture.into() }
}

fn describe(node: &mut Node) -> &mut NodeDescription {
    Arc::make_mut(&mut node.description)
}

/// Case 13: TestSchedulerCompatiblePlatform.
#[test]
fn test_scheduler_compatible_platform() {
    for mut lab in labs() {
        let n1 = lab.node("n1", |node| describe(node).architecture = "x86_64".into());
        let n2 = lab.node("n2", |node| {
            describe(node).architecture = "aarch64".into();
        });
        let n3 = lab.node("n3", |node| {
            describe(node).os = "windows".into();
            describe(node).architecture = "amd64".into();
        });
        let mut place = |name: &str, platforms: Vec<Platform>| {
            let service = lab.service(name, |spec| spec.platforms = platforms);
            let task = lab.add(service, 1)[0];
            lab.run();
            (lab.node_of(task), lab.err(task).to_owned())
        };
        assert_eq!(place("a", vec![platform("linux", "amd64")]).0, Some(n1), "x86_64 is amd64");
        assert_eq!(place("b", vec![platform("linux", "arm64")]).0, Some(n2), "aarch64 is arm64");
        assert_eq!(place("c", vec![platform("windows", "")]).0, Some(n3), "any architecture");
        assert_eq!(
            place("d", vec![platform("plan9", "mips"), platform("windows", "amd64")]).0,
            Some(n3),
            "one suffices"
        );
        assert!(place("e", vec![platform("", "")]).0.is_some(), "anything");
        assert_eq!(
            place("f", vec![platform("linux", "mips")]),
            (None, "no suitable node (unsupported platform on 3 nodes)".into())
        );
    }
}

/// Case 16: TestSchedulerPluginConstraint.
#[test]
fn test_scheduler_plugin_constraint() {
    for mut lab in labs() {
        let with = |kind, names: &[&str]| -> Option<Arc<[Plugin]>> {
            Some(names.iter().map(|name| Plugin { kind, name: (*name).into() }).collect())
        };
        let service = lab.service("web", |spec| {
            spec.plugins = vec![Plugin { kind: PluginKind::Volume, name: "plugin1".into() }];
        });
        let task = lab.add(service, 1)[0];
        lab.node("n1", |node| describe(node).plugins = with(PluginKind::Volume, &[]));
        lab.run();
        assert_eq!(lab.err(task), "no suitable node (missing plugin on 1 node)");
        lab.node("n2", |node| describe(node).plugins = with(PluginKind::Volume, &["local"]));
        lab.run();
        assert_eq!(lab.err(task), "no suitable node (missing plugin on 2 nodes)");
        lab.node("n3", |node| describe(node).plugins = with(PluginKind::Network, &["plugin1"]));
        lab.run();
        assert_eq!(lab.err(task), "no suitable node (missing plugin on 3 nodes)");
        let n4 = lab.node("n4", |node| describe(node).plugins = with(PluginKind::Volume, &["local", "plugin1:latest"]));
        lab.run();
        assert_eq!(lab.node_of(task), Some(n4));
        // A node that has not told of its engine passes.
        let n5 = lab.node("n5", |node| describe(node).plugins = None);
        let other = lab.add(service, 1)[0];
        lab.run();
        assert_eq!(lab.node_of(other), Some(n5));
    }
}

/// Generic resources are given out, held until the task has stopped, and given back.
#[test]
fn generic_resources_are_held_by_their_tasks() {
    for mut lab in labs() {
        let gpu = |name: &str| Generic::Named { kind: "GPU".into(), name: name.into() };
        lab.node("n1", |node| {
            describe(node).generic = vec![gpu("a"), gpu("b"), Generic::Discrete { kind: "SSD".into(), amount: 3 }];
        });
        lab.node("n2", |_| {});
        let request = |kind: &str, amount| GenericRequest { kind: kind.into(), amount };
        let gpus = lab.service("gpus", |spec| spec.generic = vec![request("GPU", 2)]);
        let disks = lab.service("disks", |spec| spec.generic = vec![request("SSD", 2)]);
        let (first, disk) = (lab.add(gpus, 1)[0], lab.add(disks, 2));
        lab.run();
        assert_eq!(lab.task(first).assigned_generic[..], [gpu("a"), gpu("b")]);
        let placed: Vec<_> = disk.iter().filter(|&&task| lab.node_of(task).is_some()).collect();
        assert_eq!(placed.len(), 1, "three are enough for one of two");
        let second = lab.add(gpus, 1)[0];
        lab.run();
        assert_eq!(lab.err(second), "no suitable node (insufficient resources on 2 nodes)");
        lab.report(&[first], TaskState::Failed);
        lab.run();
        assert_eq!(lab.task(second).assigned_generic[..], [gpu("a"), gpu("b")]);
    }
}

/// Quirk 3 (control-plane.md §14): a task that is told to stop weighs nothing any more at once; what it reserves and its
/// host port are free when it has stopped.
#[test]
fn quirk_03_a_stopping_task_weighs_nothing_and_still_holds_what_it_reserved() {
    for mut lab in labs() {
        let [n1, n2] = lab.nodes();
        let plain = lab.service("plain", |_| {});
        let first = lab.add(plain, 2);
        lab.run();
        let on_first = first.iter().copied().find(|&task| lab.node_of(task) == Some(n1)).expect("one on each");
        lab.change(&[on_first], |task| task.desired = TaskState::Shutdown);
        let next = lab.add(plain, 1)[0];
        lab.run();
        assert_eq!(lab.node_of(next), Some(n1), "its place in the spread is free at once");
        // Both nodes' CPUs are reserved; one of the two tasks is told to stop.
        let big = lab.service("big", |spec| {
            spec.reserved.nano_cpus = 3 * CPU;
            spec.ports = host_port(8080);
        });
        let held = lab.add(big, 2);
        lab.run();
        let stopping = held.iter().copied().find(|&task| lab.node_of(task) == Some(n2)).expect("one on each");
        lab.change(&[stopping], |task| task.desired = TaskState::Shutdown);
        let waits = lab.add(big, 1)[0];
        lab.run();
        assert_eq!(lab.err(waits), "no suitable node (insufficient resources on 2 nodes)");
        lab.report(&[stopping], TaskState::Shutdown);
        lab.run();
        assert_eq!(lab.node_of(waits), Some(n2));
    }
}
