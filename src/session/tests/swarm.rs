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

/// control-plane.md §8.3: a removed node goes on as before until its daemon starts anew, and is then let in no more. Its
/// node is ready with its first session, which it never gets.
#[test]
fn a_removed_node_is_pending_once_its_daemon_starts_again() {
    let mut lab = Lab::new();
    let state = |lab: &mut Lab, host: &str| {
        lab.out(&format!("on {host}; docker info -f '{{{{.Swarm.LocalNodeState}}}} {{{{.Swarm.NodeID}}}}'; on m1"))
    };
    let before = state(&mut lab, "w1");
    assert!(before.starts_with("active "), "{before}");
    lab.out("docker node rm --force w1 > /dev/null; wait 1m");
    assert_eq!(state(&mut lab, "w1"), before);
    lab.out("stop w1 daemon; boot w1 daemon; wait 2m");
    assert_eq!(state(&mut lab, "w1"), before.replace("active", "pending"));
    assert_eq!(
        lab.out("on w1; docker swarm leave; docker info | grep Swarm; on m1"),
        "Node left the swarm.\n Swarm: inactive\n"
    );
    // A worker that finds no manager when it starts is pending until it does; one that loses them later is active.
    lab.out("stop w2 daemon; kill m1; boot w2 daemon; wait 1m");
    let waits = lab.out("on w2; docker info -f '{{.Swarm.LocalNodeState}}'");
    assert_eq!(waits, "pending\n");
    lab.out("boot m1; wait 1m");
    assert_eq!(
        lab.out(
            "docker info -f '{{.Swarm.LocalNodeState}}'; kill m1; wait 1m; docker info -f '{{.Swarm.LocalNodeState}}'"
        ),
        "active\nactive\n"
    );
}

#[test]
fn a_join_advertises_what_it_is_told_to() {
    let mut lab = Lab::of(&DataCentre::machines(7, 5));
    lab.out("docker swarm init > /dev/null");
    let join = |lab: &mut Lab, host: &str, flags: &str| {
        let token = lab.out("on h1; docker swarm join-token -q manager").trim().to_owned();
        lab.run(&format!("on {host}; docker swarm join --token {token} {flags} h1"))
    };
    for (host, flags) in [
        ("h2", "--advertise-addr 10.9.8.7"),
        ("h3", "--advertise-addr eth0:2377"),
        // What is no address is passed over in silence, as by the engine.
        ("h4", "--advertise-addr nowhere"),
    ] {
        assert_eq!(join(&mut lab, host, flags).0, "This node joined a swarm as a manager.\n", "{host}");
    }
    lab.out("on h1; wait 5s");
    let addrs = |lab: &mut Lab, node: &str| {
        lab.out(&format!("docker node inspect {node} -f '{{{{.Status.Addr}}}} {{{{.ManagerStatus.Addr}}}}'"))
    };
    let own = |lab: &Lab, host: u16| lab.session.world().host(HostId(host)).addr.to_string();
    assert_eq!(addrs(&mut lab, "h2"), "10.9.8.7 10.9.8.7:2377\n");
    assert_eq!(lab.out("on h2; docker info -f '{{.Swarm.NodeAddr}}'; on h1"), "10.9.8.7\n");
    for (node, host) in [("h3", 2), ("h4", 3)] {
        let addr = own(&lab, host);
        assert!(addr.starts_with("10.0.0."), "{addr}");
        assert_eq!(addrs(&mut lab, node), format!("{addr} {addr}:2377\n"));
    }
    // The others reach it there: it can be the leader's only follower.
    assert_eq!(
        lab.out("docker node ls --format '{{.ManagerStatus}}' | sort | uniq -c | tr -s ' '"),
        " 1 Leader\n 3 Reachable\n"
    );
    // Another host's address would be two hosts'.
    let (taken, not_yet) = (own(&lab, 0), "Error response from daemon: swarmlab: ");
    let (_, err, status) = join(&mut lab, "h5", &format!("--advertise-addr {taken}"));
    assert!(err.starts_with(&format!("{not_yet}{taken} is the address of h1: ")) && status == 1, "{err}");
    let (_, err, status) = join(&mut lab, "h5", "--advertise-addr ::1");
    assert!(err.starts_with(not_yet) && err.contains("version 6") && status == 1, "{err}");
}

/// cli.md §5.1, §6.5: in a pipe every text without a bar is a line of its own, each time that it is written.
#[test]
fn an_attached_rotation_shows_how_far_it_is_and_the_new_root() {
    let mut lab = Lab::new();
    let before = lab.out("docker swarm ca");
    let text = lab.out("docker swarm ca --rotate");
    let (progress, root) = text.split_at(text.find("-----BEGIN").expect("the root is printed"));
    assert_eq!(root, lab.out("docker swarm ca"));
    assert_ne!(root, before);
    let mut lines: Vec<&str> = progress.lines().collect();
    assert_eq!(lines[..3], ["desired root digest: ", "  rotated TLS certificates: ", "  rotated CA certificates:  "]);
    assert!(
        lines[3..].iter().all(|line| line.starts_with("desired root digest: sha256:")) && lines.len() > 5,
        "{text}"
    );
    // The old one until the new one is in force: two in all.
    lines.dedup();
    assert_eq!(lines.len(), 5, "{text}");
    assert_eq!(lab.out("docker swarm ca --rotate -q"), "");
    // Ctrl-C leaves it to itself.
    lab.session.type_lines(lab.terminal, "docker swarm ca --rotate").unwrap();
    lab.pass(1);
    lab.session.interrupt(lab.terminal);
    let (out, err, status) = lab.finish(lab.terminal);
    let end = "Operation continuing in background.\nUse `swarmctl cluster inspect default` to check progress.\n";
    assert!(out.ends_with(end) && status == 0, "{out}{err}");
}

/// Recorded, docker-29/05: an address is advertised for as long as the node is in that swarm.
#[test]
fn an_advertised_address_is_forgotten_on_leaving() {
    let mut lab = machine();
    assert!(lab.out("docker swarm init --advertise-addr 1.2.3.4").contains(" 1.2.3.4:2377\n"));
    let again = lab.out("docker swarm leave --force; docker swarm init");
    assert!(again.contains(":2377\n") && !again.contains("1.2.3.4"), "{again}");
}

/// Recorded, docker-29/05: the engine has bound a port of the host twice, for IPv4 and IPv6, and the task tells of both.
#[test]
fn a_port_of_the_host_is_told_twice() {
    let mut lab = Lab::of(&DataCentre::swarm(7, 1, 0));
    lab.out("docker service create -q --name web --publish mode=host,published=8050,target=80 nginx:1.25; wait 1s");
    assert!(lab.out("docker service ps web").contains("*:8050->80/tcp,*:8050->80/tcp"));
}

/// Recording 12: the endpoint's mode is a part of every task.
#[test]
fn another_endpoint_mode_replaces_the_tasks() {
    let mut lab = Lab::new();
    lab.out("docker service create -d --name web nginx; wait 10s; docker service update -d --endpoint-mode dnsrr web");
    assert!(lab.out("docker service inspect --pretty web").contains(" State:\t\tupdating\n"));
    lab.pass(30);
    assert_eq!(lab.out("docker service ps -q web | wc -l"), "2\n");
    // What is the same again replaces nothing.
    lab.out("docker service update -d --endpoint-mode dnsrr web; wait 10s");
    assert_eq!(lab.out("docker service ps -q web | wc -l"), "2\n");
}
