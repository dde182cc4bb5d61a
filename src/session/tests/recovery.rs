//! Leaving a swarm that hangs, backups that come back, and certificates on hosts whose clock jumps.

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

/// A swarm with a service, a backup of its second manager, and then another service and another node.
fn backed_up(lab: &mut Lab) {
    lab.out("wait 10s; docker service create -d --name before --replicas 3 nginx; wait 20s");
    lab.out("stop m2 daemon; backup m2 as monday; boot m2; wait 20s");
    lab.out("docker service create -d --name after --replicas 3 nginx; wait 20s");
}

#[test]
fn a_backup_comes_back_as_a_new_cluster() {
    let mut lab = swarm(3, 2);
    backed_up(&mut lab);
    lab.out("kill m1; kill m3; on m2; stop m2 daemon; restore m2 from monday; boot m2; wait 2s");
    lab.run("docker swarm init --force-new-cluster");
    lab.out("wait 1m");
    // Copies on hosts that are lost count along, as in life.
    assert_eq!(lab.out("docker service ls --format '{{.Name}}'"), "before\n");
    let nodes = lab.out("docker node ls --format '{{.Hostname}} {{.Status}} {{.ManagerStatus}}'");
    assert_eq!(nodes, "m1 Down \nm2 Ready Leader\nm3 Down \nw1 Ready \nw2 Ready \n");
    // The numbers that were given out in the time that never was are given out again.
    lab.out("docker service create -d --name other --replicas 5 nginx; wait 30s");
    assert_eq!(lab.out("docker service ls --format '{{.Name}} {{.Replicas}}'"), "before 5/3\nother 5/5\n");
    assert_eq!(lab.session.broken(), None);
}

#[test]
fn a_manager_alone_goes_on_from_its_backup_by_itself() {
    let mut lab = swarm(1, 2);
    lab.out("docker service create -d --name before --replicas 2 nginx; wait 20s");
    lab.out(
        "stop m1 daemon; backup m1 as one; boot m1; wait 20s; docker service create -d --name after nginx; wait 20s",
    );
    lab.out("stop m1 daemon; restore m1 from one; boot m1; wait 1m");
    assert_eq!(lab.out("docker service ls --format '{{.Name}} {{.Replicas}}'"), "before 2/2\n");
    // Twice from the same copy, and a new cluster from it.
    lab.out(
        "docker service create -d --name again nginx; wait 10s; stop m1 daemon; restore m1 from one; boot m1; wait 20s",
    );
    lab.out("docker swarm init --force-new-cluster; wait 1m; docker service create -d --name last nginx; wait 20s");
    assert_eq!(lab.out("docker service ls --format '{{.Name}} {{.Replicas}}'"), "before 2/2\nlast 1/1\n");
    assert_eq!(lab.session.broken(), None);
}

#[test]
fn who_joined_after_the_backup_is_unknown() {
    let mut spec = DataCentre::swarm(7, 1, 1);
    spec.hosts.push(crate::swarm::world::HostSpec::new("late", None));
    let mut lab = Lab::of(&spec);
    lab.out("stop m1 daemon; backup m1 as one; boot m1; wait 10s");
    let token = lab.out("docker swarm join-token -q worker").trim().to_owned();
    lab.out(&format!("on late; docker swarm join --token {token} m1:2377; on m1; wait 5s"));
    assert_eq!(lab.out("docker node ls -q | wc -l").trim(), "3");
    lab.out("stop m1 daemon; restore m1 from one; boot m1; wait 20s");
    lab.out("docker swarm init --force-new-cluster; wait 1m");
    assert_eq!(lab.out("docker node ls --format '{{.Hostname}} {{.Status}}'"), "m1 Ready\nw1 Ready\n");
    lab.out(&format!("on late; docker swarm leave; docker swarm join --token {token} m1:2377; on m1; wait 5s"));
    assert_eq!(lab.out("docker node ls --format '{{.Hostname}} {{.Status}}'"), "late Ready\nm1 Ready\nw1 Ready\n");
    assert_eq!(lab.session.broken(), None);
}

#[test]
fn a_backup_has_the_lock_of_its_moment() {
    let mut lab = swarm(1, 0);
    lab.out("docker swarm update --autolock=true > /dev/null");
    let old = lab.out("docker swarm unlock-key -q").trim().to_owned();
    lab.out("wait 2s; stop m1 daemon; backup m1 as locked; boot m1; wait 5s");
    lab.out(&format!(
        "echo {old} | docker swarm unlock; wait 30s; docker swarm unlock-key --rotate > /dev/null; wait 2s"
    ));
    let new = lab.out("docker swarm unlock-key -q").trim().to_owned();
    assert_ne!(old, new);
    lab.out("stop m1 daemon; restore m1 from locked; boot m1; wait 5s");
    let (_, err, _) = lab.run(&format!("echo {new} | docker swarm unlock"));
    assert!(err.contains("invalid key provided"), "{err}");
    lab.out(&format!("echo {old} | docker swarm unlock; wait 30s"));
    assert_eq!(lab.out("docker swarm unlock-key -q").trim(), old);
}

#[test]
fn an_old_copy_among_its_old_peers_breaks_no_check() {
    let mut lab = swarm(3, 2);
    backed_up(&mut lab);
    lab.out("stop m2 daemon; restore m2 from monday; on m3; boot m2; wait 1m");
    // Its leader counts on entries that it has forgotten: it falls over them again and again, until somebody else leads.
    let broken = lab.session.world().host(HostId(1)).broken.as_ref().map(|broken| broken.error.to_string());
    let error = broken.expect("its swarm part has ended");
    assert!(
        error.starts_with("manager stopped: tocommit(") && error.contains(") is out of range [lastIndex("),
        "{error}"
    );
    lab.out("on m3; kill m1; wait 90s; boot m1; wait 2m");
    assert_eq!(lab.out("docker node ls --format '{{.Status}}' | sort | uniq -c | tr -s ' '"), " 5 Ready\n");
    lab.out("docker service update -d --replicas 4 after > /dev/null; wait 40s");
    assert_eq!(lab.out("docker service ls --format '{{.Name}} {{.Replicas}}'"), "after 4/4\nbefore 3/3\n");
    assert_eq!(lab.session.broken(), None);
}

#[test]
fn a_copy_is_refused_where_it_makes_no_sense() {
    let mut spec = DataCentre::swarm(7, 1, 1);
    spec.hosts.push(crate::swarm::world::HostSpec::new("h1", None));
    let mut lab = Lab::of(&spec);
    for (line, text) in [
        ("backup m1 as x", "the docker daemon of m1 runs and writes there: `stop m1 daemon` first"),
        ("restore m1 from x", "the docker daemon of m1 runs and writes there: `stop m1 daemon` first"),
        ("stop h1 daemon; backup h1 as x", "h1 is in no swarm: there is nothing to back up"),
        ("stop m1 daemon; restore m1 from x", "there is no backup called x"),
        (
            "backup m1 as y; restore h1 from y",
            "the backup y was taken from m1: to bring it back on another machine is not modelled, only on m1",
        ),
        ("restore m1 from x", "there is no backup called x; there is y"),
    ] {
        let (_, err, status) = lab.run(line);
        assert_eq!((err, status), (format!("swarmlab: {text}\n"), 1), "{line}");
    }
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

#[test]
fn a_promise_that_breaks_after_a_restore_names_the_restore() {
    let restored = |lab: &mut Lab| {
        lab.session.world.env.violate("Leader Completeness", "an entry is missing".into());
        let violation = lab.session.world().violation().expect("it was reported").clone();
        (violation.restored, violation.detail.contains("a restore has replaced the disk of m2"))
    };
    let mut lab = swarm(3, 0);
    lab.out("stop m2 daemon; backup m2 as monday; boot m2; wait 10s");
    assert_eq!(restored(&mut lab.clone()), (None, false));
    lab.out("stop m2 daemon; restore m2 from monday");
    assert_eq!(restored(&mut lab), (Some(HostId(1)), true));
}
