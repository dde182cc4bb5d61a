//! Whatever was done to a cluster: once everything is mended, it comes back by itself.
//!
//! Liveness as control-plane.md §12 (27) has it: no fault, no user, no timer pending; then every service runs what it should,
//! no surplus container lives, every node is ready, and nothing is written any more.

use crate::common::{cases, parsed};
use crate::determinism::chaos;
use crate::lab::Lab;
use proptest::prelude::*;
use swarmlab::observe::{Observed, Task, View};
use swarmlab::scenario::run::{Options, run};
use swarmlab::session::Session;
use swarmlab::swarm::world::DataCentre;

const HOSTS: [&str; 5] = ["m1", "m2", "m3", "w1", "w2"];

/// The chaos, then at three minutes everything mended, and seven minutes of peace.
fn mended(chaos: &str) -> String {
    let mut lines = "heal\nunblock\nregistry up\ndisk m1 ok\n".to_owned();
    for (place, host) in HOSTS.iter().enumerate() {
        lines += &format!("resume {host}\nboot {host}\n");
        for other in &HOSTS[place + 1..] {
            lines += &format!("link {host} {other} latency=1ms jitter=200us loss=0%\n");
        }
    }
    let text = chaos.replace("duration = \"3m\"", "duration = \"10m\"");
    format!("{text}[[step]]\nat = \"3m\"\non = \"m1\"\nrun = '''\n{lines}'''\n")
}

/// What is not as it should be at the end.
fn ailments(session: &Session) -> Vec<String> {
    let view = Observed(session.world());
    let mut ailments = Vec::new();
    let raft = view.raft();
    let (Some(services), Some(nodes), Some(tasks)) = (view.services(), view.nodes(), view.tasks()) else {
        return vec![format!("nobody leads: {raft:?}")];
    };
    for member in raft.members.iter().filter(|member| !member.up || member.applied != raft.commit) {
        ailments.push(format!("{member:?} of {}", raft.commit));
    }
    ailments.extend(
        nodes.iter().filter(|node| &*node.status != "ready").map(|node| format!("{} is {}", node.name, node.status)),
    );
    let containers = view.containers();
    for service in services.iter().filter(|service| service.image.starts_with("nginx")) {
        let mine = tasks.iter().filter(|task| task.service == service.name);
        let running =
            mine.clone().filter(|task| &*task.state == "running" && &*task.desired == "running").count() as u64;
        let real = containers.iter().filter(|c| c.running && c.service == service.name).count() as u64;
        // A task whose image could not be had while the registry was away never asks for it again, as in the real Swarm.
        let hangs = |task: &&Task| {
            &*task.desired == "running" && &*task.state == "preparing" && task.error.contains("failed to do request")
        };
        let hanging = mine.clone().filter(hangs).count() as u64;
        let expected = service.replicas.saturating_sub(hanging);
        if (running, service.running, real) != (expected, expected, expected) {
            let seen: Vec<_> =
                mine.map(|t| format!("{} {} {}/{} {}", t.name, t.node, t.desired, t.state, t.error)).collect();
            ailments.push(format!(
                "{}: {} wanted, {running} run and should, {} counted, {real} containers; update {:?}\n{}",
                service.name,
                service.replicas,
                service.running,
                service.update,
                seen.join("\n")
            ));
        }
        for slot in 1..=service.replicas {
            let kept = tasks.iter().filter(|task| task.service == service.name && task.slot == slot).count();
            if kept > 5 {
                ailments.push(format!("{}.{slot} keeps {kept} tasks", service.name));
            }
        }
    }
    ailments
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 500, ..ProptestConfig::with_cases(cases(25)) })]

    #[test]
    fn everything_comes_back(text in chaos()) {
        // Who leaves the swarm for good, or runs what cannot run, does not come back; a container that is restarted by hand
        // goes on beside its task's successor.
        let text: String = text.replace("docker swarm leave --force", "hosts").replace("swarmlab/exits-at-once", "nginx:1.27");
        let text = text.replace("docker restart", "docker stop");
        let scenario = parsed(&mended(&text));
        let run = run(&scenario, &Options { trace: false, ..Options::default() });
        prop_assert_eq!(&run.broken, &None);
        let ailments = ailments(&run.session);
        prop_assert!(ailments.is_empty(), "{}", ailments.join("\n"));
    }
}

/// The role manager's ticker runs by its host's clock: with one that had gained more than a tick it rang without end.
#[test]
fn a_demotion_that_cannot_be_done_waits_on_a_fast_clock_too() {
    let mut lab = Lab::of(DataCentre::swarm(7, 2, 1));
    for line in ["clock m1 drift=100000ppm", "wait 5m"] {
        assert_eq!(lab.run("m1", line).status, 0, "{line}");
    }
    assert_eq!(lab.run("m1", "docker node demote m2; kill m2 daemon; wait 1m").status, 0);
    assert_eq!(lab.session.broken(), None);
}

/// A disk that takes minutes for a write lets an old vote out behind newer ones: each of its term, and no term has two.
#[test]
fn old_votes_behind_newer_ones_break_nothing() {
    let mut lab = Lab::of(DataCentre::swarm(0, 3, 3));
    let lines = "disk m3 slow=10m; docker service create --name a --detach nginx; kill m2";
    assert_eq!(lab.run("m1", lines).status, 0);
    lab.pass(swarmlab::engine::Duration::from_hours(1));
    assert_eq!(lab.session.broken(), None);
}
