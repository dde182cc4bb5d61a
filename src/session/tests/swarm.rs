//! The swarm's own settings, from init to unlock key, through client, daemon and leader. Texts: recordings 01, 05, 14.

use super::*;

fn machine() -> Lab {
    Lab::of(&DataCentre::machines(7, 1))
}

fn error(lab: &mut Lab, line: &str, text: &str) {
    let (out, err, status) = lab.run(line);
    assert_eq!((out.as_str(), err.as_str(), status), ("", format!("Error response from daemon: {text}\n").as_str(), 1));
}

#[test]
fn an_init_that_is_refused_late_leaves_a_swarm_behind() {
    let mut lab = machine();
    let before = lab.session.world().now();
    error(
        &mut lab,
        "docker swarm init --cert-expiry 5m",
        "error updating cluster settings: rpc error: code = InvalidArgument desc = minimum certificate expiry time is: 1h0m0s",
    );
    let took = lab.session.world().now() - before;
    assert!(took > Duration::from_millis(500) && took < Duration::from_millis(800), "{took}");
    error(
        &mut lab,
        "docker swarm init",
        "This node is already part of a swarm. Use \"docker swarm leave\" to leave this swarm and join another one.",
    );
    assert_eq!(
        lab.out("docker info -f '{{.Swarm.LocalNodeState}} {{.Swarm.Cluster.Spec.CAConfig.NodeCertExpiry}}'"),
        "active 7776000000000000\n"
    );
}

#[test]
fn an_init_that_is_refused_early_leaves_nothing() {
    let mut lab = machine();
    error(
        &mut lab,
        "docker swarm init --data-path-port 80",
        "Datapath port number is not in valid range (1024-49151) : 80",
    );
    error(&mut lab, "docker swarm init --default-addr-pool-mask-length 33", "subnet size is out of range: 33");
    error(
        &mut lab,
        "docker swarm init --advertise-addr 0.0.0.0",
        "advertise address must be a non-zero IP address or network interface (with optional port number)",
    );
    assert_eq!(lab.out("docker info | grep Swarm"), " Swarm: inactive\n");
    let (_, err, _) = lab.run("docker swarm unlock");
    assert_eq!(err, "error: this node is not part of a swarm\n");
    // An address that no interface has is taken, as recorded.
    assert!(lab.out("docker swarm init --advertise-addr 1.2.3.4").contains(" 1.2.3.4:2377\n"));
}

#[test]
fn what_an_init_sets_is_shown() {
    let mut lab = machine();
    let text = lab.out(
        "docker swarm init --default-addr-pool 10.20.0.0/16 --default-addr-pool-mask-length 26 --data-path-port 5000 \
         --task-history-limit 3 --snapshot-interval 500 --max-snapshots 2 --cert-expiry 48h --dispatcher-heartbeat 7s \
         --external-ca protocol=cfssl,url=https://ca --autolock",
    );
    let key = lab.out("docker swarm unlock-key -q");
    assert!(key.starts_with("SWMKEY-1-") && key.trim().len() == 52, "{key}");
    assert!(text.contains(&format!("\n    {key}\nRemember")), "{text}");
    let info = lab.out("docker info");
    let shown = "  Default Address Pool: 10.20.0.0/16  \n  SubnetSize: 26\n  Data Path Port: 5000\n  Orchestration:\n   Task \
                 History Retention Limit: 3\n  Raft:\n   Snapshot Interval: 500\n   Number of Old Snapshots to Retain: 2\n   \
                 Heartbeat Tick: 1\n   Election Tick: 10\n  Dispatcher:\n   Heartbeat Period: 7 seconds\n  CA \
                 Configuration:\n   Expiry Duration: 2 days\n   Force Rotate: 0\n   External CAs:\n     cfssl: \
                 https://ca\n  Autolock Managers: true\n";
    assert!(info.contains(shown), "{info}");
}

#[test]
fn the_lock_has_a_key_while_it_is_on() {
    let mut lab = Lab::new();
    let (_, err, _) = lab.run("docker swarm unlock-key");
    assert_eq!(err, "no unlock key is set\n");
    let (_, err, _) = lab.run("docker swarm unlock-key --rotate");
    assert_eq!(err, "cannot rotate because autolock is not turned on\n");
    let text = lab.out("docker swarm update --autolock=true");
    assert!(text.starts_with("Swarm updated.\nTo unlock a swarm manager after it restarts"), "{text}");
    let first = lab.out("docker swarm unlock-key -q");
    // On again is on still.
    assert_eq!(lab.out("docker swarm update --autolock=true"), "Swarm updated.\n");
    assert_eq!(lab.out("docker swarm unlock-key -q"), first);
    let second = lab.out("docker swarm unlock-key --rotate -q");
    assert!(second != first && lab.out("docker swarm unlock-key").contains(&second));
    assert_eq!(lab.run("docker swarm unlock").1, "error: swarm is not locked\n");
    assert_eq!(lab.out("docker swarm update --autolock=false"), "Swarm updated.\n");
    assert_eq!(lab.run("docker swarm unlock-key").1, "no unlock key is set\n");
}

#[test]
fn an_update_is_checked_by_the_leader() {
    let mut lab = Lab::new();
    for (flag, text) in [
        ("--cert-expiry 5m", "minimum certificate expiry time is: 1h0m0s"),
        ("--dispatcher-heartbeat -1s", "heartbeat time period cannot be a negative duration"),
    ] {
        let text = format!("rpc error: code = InvalidArgument desc = {text}");
        error(&mut lab, &format!("docker swarm update {flag}"), &text);
    }
    lab.out("docker swarm update --task-history-limit -5 --snapshot-interval 0 --dispatcher-heartbeat 9s");
    let info = lab.out("docker info");
    for line in ["Retention Limit: -5\n", "Snapshot Interval: 0\n", "Heartbeat Period: 9 seconds\n"] {
        assert!(info.contains(line), "{line}: {info}");
    }
    assert!(lab.out("docker swarm ca").starts_with("-----BEGIN CERTIFICATE-----\n"));
    assert_eq!(lab.out("docker swarm ca --rotate -d"), "");
    assert!(lab.out("docker info").contains("   Force Rotate: 1\n"));
}

#[test]
fn a_rotated_token_lets_nobody_in_with_the_old_one() {
    let mut lab = Lab::new();
    let (worker, manager) =
        (lab.out("docker swarm join-token -q worker"), lab.out("docker swarm join-token -q manager"));
    let text = lab.out("docker swarm join-token --rotate worker");
    assert!(text.starts_with("Successfully rotated worker join token.\n\nTo add a worker to this swarm"), "{text}");
    let rotated = lab.out("docker swarm join-token -q worker");
    assert!(rotated != worker && rotated[..59] == worker[..59], "{worker}{rotated}");
    assert_eq!(lab.out("docker swarm join-token -q manager"), manager);
    assert_ne!(lab.out("docker swarm join-token --rotate -q manager"), manager);
}

#[test]
fn two_managers_are_warned_of() {
    let mut lab = Lab::of(&DataCentre::swarm(7, 2, 0));
    lab.run("wait 5s");
    let (out, err, status) = lab.run("docker info");
    assert!(out.contains("  Managers: 2\n") && status == 0, "{out}");
    assert!(
        err.starts_with("WARNING: Running Swarm in a two-manager configuration. This configuration provides\n"),
        "{err}"
    );
    assert!(err.ends_with("         Swarm for fault-tolerance.\n"), "{err}");
}

#[test]
fn nobody_is_asked_for_a_key_while_the_swarm_is_not_locked() {
    let mut lab = Lab::new();
    for line in ["docker swarm unlock", "echo key | docker swarm unlock"] {
        assert_eq!(lab.run(line).1, "error: swarm is not locked\n", "{line}");
        assert!(lab.session.wants().is_empty());
    }
}
