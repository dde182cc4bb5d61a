//! `why`: of each situation a student may ask about, the chain down to what began it; read as snapshots.

use super::*;
use crate::observe::tests::settings;

/// Asks in a lab of its own, and keeps what is answered; every chain must lead to what began it.
fn asked(name: &str, managers: usize, workers: usize, lines: &str, subjects: &[(&str, &str)]) {
    let mut lab = Lab::of(&DataCentre::swarm(7, managers, workers));
    for line in lines.lines() {
        lab.run(line);
    }
    let mut all = format!("$ {}\n", lines.trim());
    for (subject, beginning) in subjects {
        let text = lab.out(&format!("why {subject}"));
        let chain: Vec<&str> = text.lines().take_while(|line| !line.starts_with("what the scheduler")).collect();
        assert!(
            chain.iter().skip(1).any(|line| line.contains(beginning)),
            "why {subject} does not name `{beginning}`:\n{text}"
        );
        for line in text.lines().skip_while(|line| !line.starts_with("what the scheduler")) {
            assert!(line.chars().count() <= 80, "too wide: {line}");
        }
        all += &format!("\n$ why {subject}\n{text}");
    }
    settings().bind(|| insta::assert_snapshot!(format!("why_{name}"), all));
}

#[test]
fn of_an_image_or_a_registry() {
    asked(
        "image",
        1,
        2,
        "docker service create -d --name web nginx; wait 10s\n\
         image gone:1 missing\n\
         image bad:1 exits=3 after=1s\n\
         docker service create -d --name gone gone:1\n\
         docker service create -d --name bad --restart-max-attempts 1 bad:1\n\
         wait 40s",
        &[
            ("gone.1", "the fault `image gone:1 missing` (typed at m1)"),
            ("gone", "the fault `image gone:1 missing` (typed at m1)"),
            ("bad.1", "the fault `image bad:1 exits=3 after=1s` (typed at m1)"),
        ],
    );
    asked(
        "registry_down",
        1,
        2,
        "registry down\ndocker service create -d --name late redis:7\nwait 20s\nregistry up\nwait 20s",
        &[("late.1", "the fault `registry down` (typed at m1)"), ("late", "the fault `registry down`")],
    );
}

#[test]
fn of_a_registry_that_is_slow() {
    asked(
        "registry_slow",
        1,
        2,
        "registry slow=5m\ndocker service create -d --name late redis:7\nwait 30s",
        &[("late.1", "the fault `registry slow=5m` (typed at m1)")],
    );
}

#[test]
fn of_nodes_that_leave_or_are_changed() {
    asked(
        "nodes",
        1,
        5,
        "docker service create -d --name web --replicas 5 --constraint node.role==worker nginx; wait 20s\n\
         on w1\ndocker swarm leave\non m1\n\
         docker node update --availability drain w2\n\
         docker node update --availability pause w3\n\
         docker node promote w4\n\
         on w5\ndocker swarm leave\non m1\nwait 30s\ndocker node rm w5\nwait 30s",
        &[
            ("w1", "w1$ docker swarm leave"),
            ("w2", "m1$ docker node update --availability drain w2"),
            ("w3", "m1$ docker node update --availability pause w3"),
            ("w4", "m1$ docker node promote w4"),
            ("w5", "m1$ docker node rm w5"),
        ],
    );
}

/// Many things happen at the same time; one of them let the task in.
#[test]
fn of_a_task_that_waited_names_what_let_it_in() {
    let busy = "docker service create -d --name noise --replicas 8 --restart-delay 1s --with-registry-auth crash:1";
    asked(
        "waited",
        1,
        3,
        &format!(
            "image crash:1 exits=1 after=2s\n{busy}\n\
             docker service create -d --name label --constraint node.labels.zone==east nginx\n\
             docker service create -d --name port --publish mode=host,published=80,target=80 --constraint node.hostname==w2 nginx\n\
             wait 5s\n\
             docker service create -d --name port2 --publish mode=host,published=80,target=80 --constraint node.hostname==w2 nginx\n\
             docker service create -d --name cpu --reserve-cpu 3 --constraint node.hostname==w3 nginx\n\
             wait 5s\n\
             docker service create -d --name cpu2 --reserve-cpu 3 --constraint node.hostname==w3 nginx\n\
             docker service create -d --name up --constraint node.hostname==w1 --reserve-cpu 1 nginx\n\
             wait 10s\nZ=w1\ndocker node update --label-add zone=east $Z\n\
             wait 4s\ndocker service rm port\nwait 3s\ndocker service scale -d cpu=0\nwait 30s"
        ),
        &[
            ("label.1", "docker node update --label-add zone=east $Z"),
            ("port2.1", "docker service rm port"),
            ("cpu2.1", "docker service scale -d cpu=0"),
        ],
    );
}

#[test]
fn of_a_task_that_waited_for_its_node() {
    asked(
        "waited_for_node",
        1,
        3,
        "docker service create -d --name noise --replicas 6 nginx; wait 20s\n\
         kill w2; wait 30s\n\
         docker service create -d --name here --constraint node.hostname==w2 nginx; wait 10s\n\
         docker service scale -d noise=9\nboot w2; docker service scale -d noise=12\nwait 40s",
        &[("here.1", "the repair `boot w2`")],
    );
}

#[test]
fn of_a_service_that_was_removed() {
    asked(
        "removed",
        1,
        2,
        "docker service create -d --name w --replicas 2 nginx; wait 20s\ndocker service rm w; wait 30s",
        &[("w", "m1$ docker service rm w"), ("w.1", "m1$ docker service rm w")],
    );
    let mut lab = Lab::new();
    lab.run("docker service create -d --name w nginx; wait 20s; docker service rm w; wait 30s");
    let text = lab.out("why w.1");
    assert!(text.starts_with("w.1 is no more: it was "), "{text}");
}

#[test]
fn of_how_many_run() {
    asked(
        "counts",
        1,
        3,
        "docker service create -d --name web --replicas 3 --constraint node.role==worker nginx; wait 20s\n\
         registry down\nkill w1; wait 25s\ndocker service create -d --name late redis:7; wait 5s",
        &[("web", "the fault `kill w1`"), ("late", "docker service create -d --name late redis:7")],
    );
}

/// A task is called by its node's name, by its node's id, and as docker calls it.
#[test]
fn of_tasks_without_a_slot() {
    let mut lab = Lab::new();
    lab.run("docker service create -d --name agent --mode global nginx");
    lab.run("docker service create -d --name rj --mode replicated-job --replicas 2 nginx");
    lab.run("docker service create -d --name gj --mode global-job nginx; wait 20s");
    for (service, other) in [("agent", "agent.w1"), ("gj", "gj.w1"), ("rj", "rj.0")] {
        let listed = lab.out(&format!("docker service ps {service} --no-trunc --format '{{{{.Name}}}} {{{{.Node}}}}'"));
        let slot = |line: &&str| if service == "rj" { !line.starts_with("rj.1 ") } else { line.ends_with(" w1") };
        let line = listed.lines().find(slot).unwrap_or_else(|| panic!("{listed}"));
        let (name, node) = line.split_once(' ').expect("a name and a node");
        let text = lab.out(&format!("why {name}"));
        assert!(text.starts_with(&format!("{name} [{node}] is ")), "{name}: {text}");
        assert_eq!(lab.out(&format!("why {other}")), text);
        assert!(text.contains(&format!("docker service create -d --name {service} ")), "{text}");
    }
}

#[test]
fn of_updates_that_halt() {
    asked(
        "updates",
        1,
        2,
        "image bad:1 exits=1 after=1s\n\
         docker service create -d --name paused --replicas 2 nginx\n\
         docker service create -d --name back --replicas 2 --update-failure-action rollback nginx; wait 20s\n\
         docker service update -d --image bad:1 paused\n\
         docker service update -d --image bad:1 back\nwait 60s",
        &[
            ("paused", "m1$ docker service update -d --image bad:1 paused"),
            ("back", "m1$ docker service update -d --image bad:1 back"),
            ("back", "the fault `image bad:1 exits=1 after=1s` (typed at m1)"),
        ],
    );
}

#[test]
fn of_leaders() {
    asked("leader", 3, 1, "wait 30s\nkill w1; kill m1\non m2\nimage x:1 missing\nwait 30s", &[("leader", "`kill m1`")]);
}

#[test]
fn of_a_placement() {
    asked(
        "placement",
        1,
        4,
        "docker node update --label-add disk=ssd w1; docker node update --label-add disk=ssd w2\n\
         docker node update --availability drain w4\n\
         docker service create -d --name api --replicas 3 --constraint node.labels.disk==ssd --reserve-cpu 1.5 nginx\n\
         wait 20s",
        &[("api.1", "docker service create -d --name api"), ("api.3", "docker service create -d --name api")],
    );
}

#[test]
fn of_a_network_without_addresses() {
    asked(
        "addresses",
        1,
        2,
        "docker network create -d overlay --subnet 10.9.0.0/29 tiny\n\
         docker service create -d --name net --network tiny --replicas 6 nginx\nwait 20s",
        &[("net.6", "docker service create -d --name net"), ("net.1", "docker service create -d --name net")],
    );
    let mut lab = Lab::new();
    lab.run("docker network create -d overlay --subnet 10.9.0.0/29 tiny");
    lab.run("docker service create -d --name net --network tiny --replicas 6 nginx; wait 20s");
    let text = lab.out("why net.6");
    assert_eq!(
        text.lines().nth(1),
        Some("it waits for the allocator, which gives it its addresses: tiny (10.9.0.0/29) has 6, and all are taken"),
    );
}

#[test]
fn of_what_was_never_made() {
    let mut lab = Lab::new();
    lab.run("docker service create -d --name sec --secret nosuch nginx");
    let (_, complaint, status) = lab.run("why sec");
    assert_eq!(status, 1);
    assert!(complaint.contains("`docker service create -d --name sec --secret nosuch nginx` at "), "{complaint}");
    assert!(complaint.contains("did not make it"), "{complaint}");
}

/// What was lost of a run while nobody led does not make a return begin at the beginning.
#[test]
fn of_a_return_and_of_tasks_that_were_given_up() {
    let mut lab = Lab::of(&DataCentre::swarm(0, 3, 2));
    lab.run("docker service create -d --name web --replicas 5 nginx; wait 20s");
    lab.run("kill m2");
    lab.run("kill m3; wait 40s");
    lab.run("boot m2; wait 30s");
    let text = lab.out("why m2");
    assert!(text.contains("because the repair `boot m2` (typed at m1)") || text.contains("because m1 leads"), "{text}");
    lab.run("docker node demote m3; wait 30s");
    lab.run("docker node rm m3");
    let text = lab.out("wait 1s; docker service ps web > /dev/null; why web");
    assert!(text.contains("orphaned") && text.contains("because m1$ docker node rm m3"), "{text}");
}

/// Who asks why at a prompt goes back from a copy near the decision, not from the beginning, and is told the same.
#[test]
fn near_a_decision_of_long_ago() {
    let mut timeline = Timeline::new(Session::new(&DataCentre::swarm(5, 1, 2)));
    let terminal = timeline.open(HostId(0), None);
    let enter = |timeline: &mut Timeline, line: &str| {
        assert!(matches!(timeline.enter(terminal, line), Ok(Entered::Begun)), "{line}");
        let until = timeline.now() + Duration::from_minutes(10);
        if timeline.run_terminal(terminal, until) != Stop::Idle {
            timeline.interrupt(terminal);
        }
        timeline.take_output(terminal).into_iter().map(|chunk| chunk.text).collect::<String>()
    };
    enter(&mut timeline, "docker service create --name never --constraint node.labels.x==1 nginx");
    enter(&mut timeline, "docker service create -d --name web nginx");
    enter(&mut timeline, "wait 30s");
    let told = enter(&mut timeline, "why web.1");
    let near = timeline.session().near.clone().expect("a copy is kept");
    assert!(near.position() > timeline.session().position() / 2, "{:?} of {:?}", near.moment(), timeline.now());
    let mut alone = timeline.session().clone();
    alone.near = None;
    assert_eq!(alone.why("web.1").as_deref(), Ok(&*told));
    assert!(told.contains("what the scheduler saw for web.1"), "{told}");
}

#[test]
fn of_partitions_and_full_disks() {
    asked(
        "partition",
        3,
        2,
        "disk w1 full\ndocker service create -d --name full --constraint node.hostname==w1 nginx\nwait 10s\n\
         partition m1 m2 w1 | m3 w2\nwait 40s\nheal\nwait 60s",
        &[
            ("full.1", "the fault `disk w1 full` (typed at m1)"),
            ("m3", "the repair `heal` (typed at m1)"),
            ("w2", "the repair `heal` (typed at m1)"),
            ("leader", "the fault `partition m1 m2 w1 | m3 w2` (typed at m1)"),
        ],
    );
}
