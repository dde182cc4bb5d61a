//! Leaving a swarm that hangs, and certificates on hosts whose clock jumps.

use super::*;

fn swarm(managers: usize, workers: usize) -> Lab {
    Lab::of(&DataCentre::swarm(7, managers, workers))
}

/// Types a line at a terminal and says how long it took.
fn timed(lab: &mut Lab, terminal: TerminalId, line: &str) -> (Duration, String, String) {
    let before = lab.session.world().now();
    lab.session.type_lines(terminal, line).expect("it parses");
    let (out, err, _) = lab.finish(terminal);
    (lab.session.world().now() - before, out, err)
}

#[test]
fn a_leave_waits_for_the_calls_in_flight() {
    let mut lab = swarm(3, 0);
    lab.out("wait 5s; kill m2; kill m3; wait 21s");
    // No leader any more: the call hangs, its client gives up, and it goes on hanging.
    lab.session.type_lines(lab.terminal, "docker node ls").expect("it parses");
    lab.pass(4);
    assert!(!lab.session.is_idle(lab.terminal), "it hangs");
    lab.session.interrupt(lab.terminal);
    lab.finish(lab.terminal);
    // Whatever comes while the leave waits stands behind it.
    let other = lab.session.open(HostId(0), None);
    let leave = lab.terminal;
    lab.session.type_lines(leave, "docker swarm leave").expect("it parses");
    lab.session.type_lines(other, "docker node ls").expect("it parses");
    let (took, _, err) = timed(&mut lab, leave, "");
    assert!(took > Duration::from_millis(15_900) && took < Duration::from_millis(16_100), "{took} {err}");
    assert!(
        err.starts_with("Error response from daemon: You are attempting to leave the swarm on a node that is"),
        "{err}"
    );
    assert!(!err.contains("managers out of"), "{err}");
    let (took, _, err) = timed(&mut lab, other, "");
    assert!(took < Duration::from_millis(50) && err.contains("The swarm does not have a leader."), "{took} {err}");
    // With nothing in flight it is refused at once.
    let (took, _, err) = timed(&mut lab, leave, "docker swarm leave");
    assert!(took < Duration::from_millis(50) && err.contains("--force-new-cluster"), "{took} {err}");
}

#[test]
fn a_new_cluster_waits_too_and_a_killed_daemon_lets_nobody_wait() {
    let mut lab = swarm(3, 0);
    lab.out("wait 5s; kill m2; kill m3; wait 21s");
    let other = lab.session.open(HostId(0), None);
    lab.session.type_lines(other, "docker service ls").expect("it parses");
    lab.pass(8);
    let terminal = lab.terminal;
    let (took, out, err) = timed(&mut lab, terminal, "docker swarm init --force-new-cluster");
    assert!(took > Duration::from_secs(12) && took < Duration::from_secs(14), "{took} {out}{err}");
    assert!(out.starts_with("Swarm initialized: current node"), "{out}{err}");
    let mut lab = swarm(3, 0);
    lab.out("wait 5s; kill m2; kill m3; wait 21s");
    let other = lab.session.open(HostId(0), None);
    lab.session.type_lines(other, "docker service ls").expect("it parses");
    lab.session.type_lines(lab.terminal, "docker swarm leave --force").expect("it parses");
    lab.pass(1);
    let third = lab.session.open(HostId(1), None);
    lab.session.type_lines(third, "kill m1 daemon").expect("it parses");
    let (_, err, _) = lab.finish(lab.terminal);
    assert!(err.starts_with("error during connect"), "{err}");
}

/// The certificate on a host's disk: until when it is good.
fn not_after(lab: &Lab, host: u16) -> Time {
    lab.session.world().host(HostId(host)).disk.credentials.expect("it has one").certificate.not_after
}

#[test]
fn a_clock_that_jumps_a_hundred_days_is_noticed_when_the_certificate_is_looked_at() {
    let mut lab = swarm(1, 2);
    let before = not_after(&lab, 1);
    lab.out("wait 10s; clock w1 +2400h; wait 10m");
    // Timers do not jump, and a connection that stands outlives its certificate.
    assert_eq!(not_after(&lab, 1), before);
    assert_eq!(lab.out("docker node ls --format '{{.Status}}'"), "Ready\nReady\nReady\n");
    lab.out("stop w1 daemon; boot w1; wait 5s");
    let info = lab.out("on w1; docker info --format '{{.Swarm.LocalNodeState}} {{.Swarm.Error}}'");
    assert!(info.starts_with("error error while loading TLS certificate in /var/lib/docker/swarm/"), "{info}");
    assert!(
        info.contains(") not valid after Sun, 05 Apr 2026 ") && info.contains("currently Wed, 15 Apr 2026 "),
        "{info}"
    );
}

#[test]
fn a_renewal_that_is_of_another_time_is_tried_again_without_hurry() {
    let mut spec = DataCentre::swarm(7, 1, 2);
    spec.settings = crate::swarm::world::Settings { node_cert_expiry: Duration::from_hours(1), ..spec.settings };
    let mut lab = Lab::of(&spec);
    let before = (not_after(&lab, 1), not_after(&lab, 2));
    lab.out("wait 10s; clock w1 +2400h");
    let handled = lab.session.world().env.kernel.handled();
    lab.pass(2 * 3600);
    // By the clock of w1 what it is given has expired long ago: it keeps trying, as rarely as after other failures.
    assert_eq!(not_after(&lab, 1), before.0);
    assert!(not_after(&lab, 2) > before.1);
    let events = lab.session.world().env.kernel.handled() - handled;
    assert!(events < 200_000, "{events}");
    // Once it has expired by the managers' clocks, too, it is refused: a clock that is put right comes too late.
    lab.out("clock w1 -2400h");
    lab.pass(90 * 60);
    assert_eq!(not_after(&lab, 1), before.0);
    lab.out("docker swarm join-token -q worker > /dev/null; on w1; docker swarm leave; on m1; wait 20s");
    assert!(lab.out("docker node ls --format '{{.Hostname}} {{.Status}}'").contains("w1 Down\n"));
    assert_eq!(lab.session.broken(), None);
}
