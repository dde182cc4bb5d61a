//! `docker service logs` from the prompt: through the client, the daemons, the leader's log broker and the agents.

use super::*;
use crate::swarm::daemon::image::ImageBehaviour;
use std::sync::Arc;

const TIMECHECK: &str = "docker service create -d --name web --replicas 4 timecheck; wait 12s";

/// Managers, workers, and an image that tells the time every five seconds.
fn lab(managers: usize, workers: usize) -> Lab {
    let mut centre = DataCentre::swarm(7, managers, workers);
    let line: Arc<str> = "time check: {time}".into();
    let image = ImageBehaviour {
        stop: None,
        log: vec![line.clone()],
        log_every: Some((Duration::from_secs(5), line)),
        ..ImageBehaviour::default()
    };
    centre.catalogue.add("timecheck", image);
    Lab::of(&centre)
}

fn timecheck() -> Lab {
    let mut lab = lab(1, 2);
    lab.out(TIMECHECK);
    lab
}

/// Lines of tasks by their slots, without what is drawn.
fn slots(text: &str) -> Vec<&str> {
    let mut slots: Vec<&str> = text.lines().filter_map(|line| line.split('.').nth(1)).collect();
    slots.sort_unstable();
    slots
}

#[test]
fn every_task_is_read_wherever_it_is() {
    let mut lab = timecheck();
    let all = lab.out("docker service logs web");
    assert_eq!(slots(&all), ["1", "1", "2", "2", "3", "3", "4", "4"], "{all}");
    assert!(all.contains("@m1    | time check: ") && all.contains("@w2    | time"), "{all}");
    assert_eq!(slots(&lab.out("docker service logs --tail 1 web")), ["1", "2", "3", "4"]);
    let task = lab.out("docker service ps -q web | head -1");
    assert_eq!(lab.out(&format!("docker service logs -n 1 --no-task-ids {}", task.trim())).lines().count(), 1);
    let raw = lab.out("docker service logs --raw --details --tail 1 web");
    assert!(raw.starts_with("com.docker.swarm.node.id="), "{raw}");
    let (_, err, status) = lab.run("docker service logs --tail 1x web");
    assert_eq!(
        (err.as_str(), status),
        ("Error response from daemon: tail value must be a positive integer or \"all\"\n", 1)
    );
}

#[test]
fn the_log_driver_keeps_what_it_was_told_to() {
    let mut lab = lab(1, 0);
    lab.out(
        "docker service create -d --name web --container-label team=a --env STAGE=live --log-driver json-file --log-opt labels=team \
         --log-opt env=STAGE,NONE timecheck; wait 5s",
    );
    let line = lab.out("docker service logs --details --tail 1 web");
    assert!(line.contains("    | STAGE=live,team=a time check"), "{line}");
    lab.out("docker service create -d --name mute --log-driver none timecheck; wait 5s");
    assert_eq!(lab.out("docker service logs mute"), "");
}

#[test]
fn a_terminals_log_is_printed_raw_or_not_at_all() {
    let mut lab = lab(1, 0);
    lab.out("docker service create -d --tty --name web timecheck; wait 5s");
    let (_, err, _) = lab.run("docker service logs web");
    assert_eq!(err, "tty service logs only supported with --raw\n");
    assert!(lab.out("docker service logs --raw --tail 1 web").ends_with("\r\n"));
}

/// Types a line that does not end, lets it run, and interrupts it.
fn interrupted(lab: &mut Lab, line: &str, seconds: i64, meanwhile: Option<&str>) -> (String, String, i32) {
    lab.session.type_lines(lab.terminal, line).expect("the line parses");
    if let Some(meanwhile) = meanwhile {
        lab.pass(2);
        let other = lab.session.open(HostId(0), None);
        lab.session.type_lines(other, meanwhile).expect("the line parses");
    }
    lab.pass(seconds);
    lab.session.interrupt(lab.terminal);
    let (mut out, mut err) = (String::new(), String::new());
    for chunk in lab.session.take_output(lab.terminal) {
        if chunk.stderr { err += &chunk.text } else { out += &chunk.text }
    }
    (out, err, lab.session.terminal(lab.terminal).status)
}

#[test]
fn a_log_is_followed_until_somebody_presses_control_c() {
    let mut lab = timecheck();
    let (out, err, status) = interrupted(&mut lab, "docker service logs -f --tail 1 web", 9, None);
    assert_eq!((err.as_str(), status), ("", 130));
    assert_eq!(slots(&out), ["1", "1", "1", "2", "2", "2", "3", "3", "3", "4", "4", "4"], "{out}");
    // Nobody writes for a reader who has gone.
    lab.pass(30);
    let world = lab.session.world();
    assert!(world.hosts().iter().all(|host| host.log_streams.is_empty()));
}

#[test]
fn new_tasks_are_followed_too() {
    let mut lab = timecheck();
    let (out, ..) =
        interrupted(&mut lab, "docker service logs -f --tail 0 web", 15, Some("docker service scale -d web=6"));
    let slots = slots(&out);
    assert!(slots.contains(&"5") && slots.contains(&"6"), "{out}");
}

#[test]
fn a_node_that_was_lost_leaves_the_log_incomplete() {
    let mut lab = timecheck();
    let node = lab.out("docker node ls -f name=w2 -q");
    let reason = |what: &str| {
        format!(
            "error from daemon in stream: Error grabbing logs: rpc error: code = Unknown desc = warning: incomplete \
             log stream. some logs could not be retrieved for the following reasons: node {} {what}\n\n",
            node.trim()
        )
    };
    lab.out("kill w2; wait 3s");
    let asked = lab.session.world().now();
    let (out, err, status) = lab.run("docker service logs --tail 1 web");
    // It is asked, and its silence is noticed in the end.
    assert_eq!((err, status), (reason("disconnected unexpectedly"), 1));
    assert!(lab.session.world().now() - asked >= Duration::from_secs(20));
    assert!(!out.contains("@w2") && out.contains("@w1"), "{out}");
    lab.pass(40);
    let (_, err, _) = lab.run("docker service logs --tail 1 web");
    assert_eq!(err, reason("is not available"));
}

#[test]
fn a_daemon_that_is_killed_is_noticed_at_once() {
    let mut lab = timecheck();
    lab.out("kill w1 daemon; wait 1s");
    let (_, err, _) = lab.run("docker service logs --tail 1 web");
    assert!(err.contains(" is not available"), "{err}");
}

#[test]
fn followers_log_breaks_when_its_leader_is_gone() {
    let mut lab = lab(3, 1);
    lab.out(TIMECHECK);
    let leader = lab.out("docker node ls -f role=manager --format '{{.Hostname}} {{.ManagerStatus}}' | grep Leader");
    let leader = leader.split_whitespace().next().expect("there is one").to_owned();
    let other = if leader == "m2" { "m3" } else { "m2" };
    lab.out(&format!("on {other}"));
    let kill = format!("kill {leader} daemon");
    let (out, err, status) = interrupted(&mut lab, "docker service logs -f --tail 1 web", 5, Some(&kill));
    assert_eq!((slots(&out).len() >= 4, status), (true, 1), "{out}");
    assert!(
        err.starts_with("error from daemon in stream: Error grabbing logs: rpc error: code = Unavailable desc = ")
            && err.ends_with("connection reset by peer\n\n"),
        "{err}"
    );
    // Without a quorum there is nobody to ask.
    let third = ["m1", "m2", "m3"].into_iter().find(|host| *host != leader && *host != other).expect("three");
    lab.out(&format!("kill {third} daemon; wait 60s"));
    let (_, err, _) = lab.run("docker service logs web");
    assert!(err.contains("The swarm does not have a leader."), "{err}");
}
