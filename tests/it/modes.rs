//! Services of every mode in a whole swarm, as users see them: global services that follow the nodes, jobs that run to
//! completion, tasks that move when their node no longer meets their constraints.
//!
//! The rules are control-plane.md §2.6, §4.2-§4.4, §8.1; the words are cli.md §5.3, §8, §9.

use crate::lab::{Lab, cells};
use swarmlab::engine::Duration;
use swarmlab::swarm::world::DataCentre;

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

/// The cells of the one service in `service ls`.
fn listed(lab: &mut Lab) -> Vec<String> {
    let ran = lab.run("m1", "docker service ls");
    cells(&lines(&ran.out)).swap_remove(1)
}

fn ok(lab: &mut Lab, line: &str) -> String {
    let ran = lab.run("m1", line);
    assert_eq!((ran.err.as_str(), ran.status), ("", 0), "{line}\n{}", ran.out);
    ran.out
}

fn no(lab: &mut Lab, line: &str, complaint: &str) {
    let ran = lab.run("m1", line);
    assert_eq!((ran.err.trim_end(), ran.status), (complaint, 1), "{line}");
}

/// The promises of §12 hold, also those of the whole.
fn check(lab: &Lab) {
    assert_eq!(lab.session.world().violation(), None);
    assert_eq!(lab.session.world().broken_whole(), None);
}

#[test]
fn a_global_service_follows_the_nodes() {
    let mut lab = Lab::swarm(1, 1, 3);
    ok(&mut lab, "docker service create -d --name agent --mode global nginx:1.25");
    lab.pass(Duration::from_secs(10));
    assert_eq!(listed(&mut lab)[2..4], ["global", "4/4"]);
    // A task's name has its node's id.
    let id = ok(&mut lab, "docker node inspect w1 --format '{{.ID}}'");
    let name = ok(&mut lab, "docker service ps agent -f node=w1 --format '{{.Name}}'");
    assert_eq!(name.trim(), format!("agent.{}", id.trim()));
    // A drained node's task stops and is made nowhere else; while it stops it still counts as running.
    ok(&mut lab, "docker node update --availability drain w1");
    assert_eq!(listed(&mut lab)[3], "4/3");
    lab.pass(Duration::from_secs(15));
    assert_eq!(listed(&mut lab)[3], "3/3");
    ok(&mut lab, "docker node update --availability active w1");
    lab.pass(Duration::from_secs(10));
    assert_eq!(listed(&mut lab)[3], "4/4");
    // A node that is lost keeps its row, and gets a new task when it returns.
    lab.direct("kill w2 daemon; wait 30s");
    assert_eq!(listed(&mut lab)[3], "4/3");
    lab.direct("boot w2; wait 60s");
    assert_eq!(listed(&mut lab)[3], "4/4");
    check(&lab);
}

#[test]
fn what_asks_for_replicas_of_a_global_service_is_refused() {
    let mut lab = Lab::swarm(1, 1, 1);
    ok(&mut lab, "docker service create -d --name agent --mode global nginx:1.25");
    no(
        &mut lab,
        "docker service scale agent=2",
        "agent: scale can only be used with replicated or replicated-job mode",
    );
    no(&mut lab, "docker service update -d --replicas 2 agent", "replicas can only be used with replicated mode");
    let pretty = ok(&mut lab, "docker service inspect --pretty agent");
    assert!(pretty.contains("Service Mode:\tGlobal\n"), "{pretty}");
    let mode = ok(&mut lab, "docker service inspect agent --format '{{json .Spec.Mode}}'");
    assert_eq!(mode.trim(), r#"{"Global":{}}"#);
}

#[test]
fn a_global_service_is_updated_node_by_node() {
    let mut lab = Lab::swarm(3, 1, 2);
    ok(&mut lab, "docker service create --quiet --name agent --mode global nginx:1.25");
    let out = ok(&mut lab, "docker service update --image nginx:1.26 agent");
    assert!(out.contains("Service agent converged") || out.contains("converged"), "{out}");
    assert_eq!(listed(&mut lab)[3..5], ["3/3", "nginx:1.26"]);
    let state = ok(&mut lab, "docker service inspect agent --format '{{.UpdateStatus.State}}'");
    lab.pass(Duration::from_secs(10));
    assert!(matches!(state.trim(), "updating" | "completed"), "{state}");
    ok(&mut lab, "docker service rollback --quiet agent");
    assert_eq!(listed(&mut lab)[3..5], ["3/3", "nginx:1.25"]);
    check(&lab);
}

#[test]
fn a_replicated_job_runs_to_completion_and_again_when_it_is_updated() {
    let mut lab = Lab::swarm(2, 1, 2);
    ok(&mut lab, "docker service create -d --name job --mode replicated-job --replicas 5 --max-concurrent 2 busybox");
    assert_eq!(listed(&mut lab)[2..4], ["replicated job", "0/2 (0/5 completed)"]);
    lab.pass(Duration::from_secs(60));
    assert_eq!(listed(&mut lab)[3], "0/2 (5/5 completed)");
    let names = ok(&mut lab, "docker service ps job --format '{{.DesiredState}} {{.CurrentState}}'");
    assert_eq!(names.lines().filter(|line| line.starts_with("Complete Complete")).count(), 5, "{names}");
    let iteration = "docker service inspect job --format '{{.JobStatus.JobIteration.Index}}'";
    assert_eq!(ok(&mut lab, iteration).trim(), "0");
    ok(&mut lab, "docker service update -d --force job");
    lab.pass(Duration::from_secs(60));
    assert_eq!(ok(&mut lab, iteration).trim(), "1");
    assert_eq!(listed(&mut lab)[3], "0/2 (5/5 completed)", "of this execution");
    // Scaling a job changes how many are to complete, not how many run at once.
    ok(&mut lab, "docker service scale -d job=7");
    lab.pass(Duration::from_secs(60));
    assert_eq!(listed(&mut lab)[3], "0/2 (7/7 completed)");
    no(
        &mut lab,
        "docker service create --mode replicated-job --update-delay 1s busybox",
        "update and rollback configuration is not supported for jobs",
    );
    check(&lab);
}

/// cli.md §6.2: after a rollback the tasks that completed before the update have the present spec again, but they are of
/// another execution: an attached client waits for the new ones.
#[test]
fn a_rolled_back_job_is_complete_when_its_new_tasks_are() {
    let mut lab = Lab::swarm(4, 1, 3);
    lab.direct("image alpine exits=0 after=20s");
    ok(&mut lab, "docker service create -d --name job --mode replicated-job --replicas 2 alpine");
    lab.pass(Duration::from_secs(60));
    ok(&mut lab, "docker service update -d --image busybox job");
    lab.pass(Duration::from_secs(60));
    let said = ok(&mut lab, "docker service rollback job");
    assert!(said.ends_with("active tasks: 0 out of 0 tasks\njob complete\n"), "{said}");
    assert_eq!(listed(&mut lab)[3], "0/2 (2/2 completed)");
    check(&lab);
}

#[test]
fn a_global_job_runs_once_on_each_node() {
    let mut lab = Lab::swarm(4, 1, 3);
    ok(&mut lab, "docker node update --availability drain w3");
    ok(&mut lab, "docker service create -d --name job --mode global-job busybox");
    lab.pass(Duration::from_secs(30));
    assert_eq!(listed(&mut lab)[2..4], ["global job", "0/0 (3/3 completed)"]);
    check(&lab);
}

/// §4.4: what loses its label loses its tasks; nobody waits for their containers.
#[test]
fn a_node_without_its_label_loses_its_tasks() {
    let mut lab = Lab::swarm(5, 1, 2);
    ok(&mut lab, "docker node update --label-add disk=ssd w1");
    ok(&mut lab, "docker service create -d --name web --constraint node.labels.disk==ssd --replicas 2 nginx:1.25");
    lab.pass(Duration::from_secs(10));
    ok(&mut lab, "docker node update --label-add disk=ssd w2");
    ok(&mut lab, "docker node update --label-rm disk w1");
    let rejected = ok(&mut lab, "docker service ps web --no-trunc --format '{{.CurrentState}} {{.Error}}'");
    let text = "\"assigned node no longer meets constraints\"";
    let gone = rejected.lines().filter(|line| line.starts_with("Rejected") && line.ends_with(text)).count();
    assert_eq!(gone, 2, "{rejected}");
    lab.pass(Duration::from_secs(15));
    let nodes = ok(&mut lab, "docker service ps web -f desired-state=running --format '{{.Node}}' | uniq");
    assert_eq!(nodes.trim(), "w2");
    let why = lab.direct("why web.1");
    assert!(why.out.contains("no longer"), "{}", why.out);
    check(&lab);
}

/// A new leader finds global services, jobs and what is under way, and goes on.
#[test]
fn a_new_leader_goes_on_with_every_mode() {
    for seed in 0..4 {
        let mut lab = Lab::of(DataCentre::swarm(seed, 3, 3));
        ok(&mut lab, "docker service create -d --name agent --mode global nginx:1.25");
        ok(&mut lab, "docker service create -d --name web --replicas 4 nginx:1.25");
        ok(
            &mut lab,
            "docker service create -d --name job --mode replicated-job --replicas 30 --max-concurrent 3 busybox",
        );
        lab.pass(Duration::from_secs(10));
        lab.direct("kill m1 daemon; wait 90s");
        let counts = lab.run("m2", "docker service ls --format '{{.Name}} {{.Replicas}}' | sort").out;
        // The dead manager's container counts as running; its global task is not wanted any more.
        assert!(counts.contains("agent 6/5"), "{counts}");
        assert!(counts.contains("job 0/3 (30/30 completed)"), "{counts}");
        check(&lab);
    }
}
