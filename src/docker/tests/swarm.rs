//! The swarm and node commands against a scripted daemon: texts of cli.md §5.1, §5.2 and of the recordings 01, 03, 05, 14.

use crate::docker::Environment;
use crate::docker::testing::{
    KEY, Ran, cluster, cluster_info, info, nodes, refuse, run, run_in, run_with, tls_info, words,
};
use crate::swarm::api::{Answer, ExternalCa, JoinTokens, Request, Response, RotateFlags, Swarm, SwarmInitRequest};
use std::sync::Arc;

const BLOCK: &str = "To unlock a swarm manager after it restarts, run the `docker swarm unlock`
command and provide the following key:

    SWMKEY-1-j77HE8cHqbwpLrbvJYBtwdmxTIlP48/FOJZ6X9sXfhs

Remember to store this key in a password manager, since without it you
will not be able to restart the manager.
";

fn init_request(line: &str) -> SwarmInitRequest {
    let requests = run(line).requests;
    match requests.into_iter().next() {
        Some(Request::SwarmInit(init)) => *init,
        other => panic!("{line}: {other:?}"),
    }
}

fn error(line: &str, text: &str) {
    assert_eq!(run(line).all(), ("", format!("{text}\n").as_str(), Some(1)), "{line}");
}

/// The usage error of a flag.
fn flag_error(line: &str, text: &str) {
    let ran = run(line);
    assert_eq!((ran.stdout.as_str(), ran.status), ("", Some(125)), "{line}");
    assert!(ran.stderr.starts_with(&format!("{text}\n\nUsage:  docker swarm ")), "{line}: {}", ran.stderr);
    assert!(ran.stderr.ends_with(" --help' for more information\n"), "{line}: {}", ran.stderr);
}

#[test]
fn all_flags_of_init_reach_the_daemon() {
    let plain = SwarmInitRequest {
        listen_addr: "0.0.0.0:2377".into(),
        availability: "active".into(),
        subnet_size: 24,
        ..SwarmInitRequest::default()
    };
    assert_eq!(init_request("swarm init"), plain);
    let all = "swarm init --listen-addr eth0 --advertise-addr 10.1.1.1:99 --data-path-addr eth0 --data-path-port 5000 \
               --default-addr-pool 10.1.0.0/16,10.2.0.0/16 --default-addr-pool 10.3.0.0/16 \
               --default-addr-pool-mask-length 26 --force-new-cluster --autolock --availability DRAIN \
               --cert-expiry 48h --task-history-limit -1 --dispatcher-heartbeat 7s --snapshot-interval 5 \
               --max-snapshots 2 --external-ca protocol=CFSSL,url=https://ca:8888,k=v";
    let pool = ["10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"].map(str::to_owned).to_vec();
    let ca = ExternalCa {
        protocol: "cfssl".into(),
        url: "https://ca:8888".into(),
        options: [("k".to_owned(), "v".to_owned())].into(),
        ca_cert: String::new(),
    };
    let wanted = SwarmInitRequest {
        listen_addr: "eth0:2377".into(),
        advertise_addr: "10.1.1.1:99".into(),
        data_path_addr: "eth0".into(),
        data_path_port: 5000,
        default_addr_pool: pool,
        subnet_size: 26,
        force_new_cluster: true,
        autolock: true,
        availability: "drain".into(),
        cert_expiry: Some(48 * 3_600_000_000_000),
        task_history_limit: Some(-1),
        heartbeat_period: Some(7_000_000_000),
        snapshot_interval: Some(5),
        max_snapshots: Some(2),
        external_cas: vec![ca],
    };
    assert_eq!(init_request(all), wanted);
}

#[test]
fn init_with_autolock_shows_the_key() {
    let text = run("swarm init --autolock").stdout;
    let tail = "\nTo add a manager to this swarm, run 'docker swarm join-token manager' and follow the instructions.\n";
    assert!(text.ends_with(&format!("{tail}{BLOCK}")), "{text}");
}

#[test]
fn flags_that_cannot_be_read() {
    flag_error(
        "swarm init --default-addr-pool bogus",
        r#"invalid argument "bogus" for "--default-addr-pool" flag: invalid string being converted to CIDR: bogus"#,
    );
    let external = |value: &str, why: &str| {
        let text = format!("invalid argument \"{value}\" for \"--external-ca\" flag: {why}");
        flag_error(&format!("swarm init --external-ca {value}"), &text);
    };
    external("url=x", "the external-ca option needs a protocol= parameter");
    external("protocol=cfssl", "the external-ca option needs a url= parameter");
    external("protocol=other,url=x", "unrecognized external CA protocol other");
    external("x", "invalid field 'x' must be a key=value pair");
    external("protocol=cfssl,url=x,cacert=env", "CA cert for external CA must be in PEM format");
    external(
        "protocol=cfssl,url=x,cacert=no",
        "unable to read CA cert for external CA: open no: no such file or directory",
    );
    flag_error(
        "swarm ca --rotate --ca-cert nope",
        r#"invalid argument "nope" for "--ca-cert" flag: open nope: no such file or directory"#,
    );
    flag_error(
        "swarm ca --rotate --ca-key env",
        r#"invalid argument "env" for "--ca-key" flag: file contents must be in PEM format"#,
    );
    flag_error(
        "swarm join --listen-addr udp://x 10.0.0.1",
        r#"invalid argument "udp://x" for "--listen-addr" flag: invalid proto, expected tcp: udp://x"#,
    );
    flag_error(
        "swarm update --cert-expiry 5",
        r#"invalid argument "5" for "--cert-expiry" flag: time: missing unit in duration "5""#,
    );
}

#[test]
fn update_sends_the_whole_spec() {
    let ran = run("swarm update --task-history-limit 3 --snapshot-interval 0 --max-snapshots 1 --cert-expiry 2h \
                   --dispatcher-heartbeat 9s");
    assert_eq!(ran.all(), ("Swarm updated.\n", "", Some(0)));
    let mut spec = cluster_info().spec;
    (spec.task_history_retention_limit, spec.snapshot_interval, spec.keep_old_snapshots) = (3, 0, 1);
    (spec.node_cert_expiry, spec.heartbeat_period) = (2 * 3_600_000_000_000, 9_000_000_000);
    let wanted = Request::SwarmUpdate { version: 10, spec: Box::new(spec), rotate: RotateFlags::default() };
    assert_eq!(ran.requests, [Request::SwarmInspect, wanted]);
    // The key is shown when the lock is turned on, not when it was on or is turned off.
    assert_eq!(run("swarm update --autolock").stdout, format!("Swarm updated.\n{BLOCK}"));
    assert_eq!(run("swarm update --autolock=false").stdout, "Swarm updated.\n");
}

#[test]
fn update_without_flags_is_help() {
    let help = run("swarm update --help");
    let bare = run("swarm update");
    assert_eq!((bare.all(), bare.requests.len()), ((help.stdout.as_str(), "", Some(0)), 0));
    assert!(help.stdout.starts_with("Usage:  docker swarm update [OPTIONS]\n\n"), "{}", help.stdout);
    for flag in ["--autolock ", "--cert-expiry duration ", "--external-ca external-ca ", "--max-snapshots uint "] {
        assert!(help.stdout.contains(flag), "{flag}: {}", help.stdout);
    }
    assert!(!help.stdout.contains("not modelled"), "{}", help.stdout);
}

fn autolocked(request: &Request) -> Answer {
    match request {
        Request::SwarmInspect => {
            let mut cluster = cluster_info();
            cluster.spec.auto_lock_managers = true;
            Ok(Response::Swarm(Arc::new(Swarm { cluster, join_tokens: JoinTokens::default() })))
        }
        other => cluster(other),
    }
}

#[test]
fn unlock_keys() {
    assert_eq!(run("swarm unlock-key").all(), (BLOCK, "", Some(0)));
    assert_eq!(run("swarm unlock-key -q").stdout, format!("{KEY}\n"));
    error("swarm unlock-key --rotate", "cannot rotate because autolock is not turned on");
    let rotated = run_with("swarm unlock-key --rotate", |request, _| autolocked(request));
    assert_eq!(rotated.stdout, format!("Successfully rotated manager unlock key.\n{BLOCK}"));
    assert!(
        rotated
            .requests
            .iter()
            .any(|request| matches!(request, Request::SwarmUpdate { rotate, .. } if rotate.unlock_key))
    );
    assert_eq!(run_with("swarm unlock-key --rotate -q", |request, _| autolocked(request)).stdout, format!("{KEY}\n"));
    let none = run_with("swarm unlock-key", |request, _| match request {
        Request::SwarmUnlockKey => Ok(Response::UnlockKey(String::new())),
        other => cluster(other),
    });
    assert_eq!(none.all(), ("", "no unlock key is set\n", Some(1)));
}

fn in_state(state: &'static str) -> impl FnMut(&Request, i64) -> Answer {
    move |request, _| match request {
        Request::Info => {
            let mut info = info();
            info.swarm.local_node_state = state.into();
            Ok(Response::Info(Arc::new(info)))
        }
        Request::SwarmUnlock { key } if key == KEY => Ok(Response::Done),
        Request::SwarmUnlock { .. } => refuse(401, "swarm could not be unlocked: invalid key provided"),
        other => cluster(other),
    }
}

#[test]
fn unlock_takes_the_key_from_a_pipe_or_a_terminal() {
    let outside = run_with("swarm unlock", in_state("inactive"));
    assert_eq!(outside.all(), ("", "error: this node is not part of a swarm\n", Some(1)));
    for state in ["active", "pending", "error"] {
        assert_eq!(run_with("swarm unlock", in_state(state)).stderr, "error: swarm is not locked\n", "{state}");
    }
    assert_eq!(run_with("swarm unlock", in_state("locked")).all(), ("", "", Some(0)));
    // At a terminal; the one of the tests has nobody who types.
    let environment = Environment { terminal_input: true, ..Environment::default() };
    let ran: Ran = run_in(&words("swarm unlock"), environment, in_state("locked"));
    let wrong = "Error response from daemon: swarm could not be unlocked: invalid key provided\n";
    assert_eq!(ran.all(), ("Enter unlock key: \n", wrong, Some(1)));
}

#[test]
fn ca_prints_the_root_or_says_which_flag_is_missing() {
    let root = tls_info().trust_root;
    assert_eq!(run("swarm ca").all(), (root.as_str(), "", Some(0)));
    for flag in ["ca-cert ca.pem", "ca-key ca.pem", "cert-expiry 2h", "external-ca protocol=cfssl,url=x"] {
        let name = flag.split(' ').next().unwrap_or(flag);
        let text = format!("`--{name}` flag requires the `--rotate` flag to update the CA");
        error(&format!("swarm ca --{flag}"), &text);
    }
    error(
        "swarm ca --rotate --external-ca protocol=cfssl,url=x",
        "rotating to an external CA requires the `--ca-cert` flag to specify the external CA's cert - to add an external \
         CA with the current root CA certificate, use the `update` command instead",
    );
    error(
        "swarm ca --rotate --ca-cert ca.pem",
        "the --ca-cert flag requires that a --ca-key flag and/or --external-ca flag be provided as well",
    );
    let spec = |line: &str| match run(line).requests.last() {
        Some(Request::SwarmUpdate { spec, .. }) => spec.clone(),
        other => panic!("{line}: {other:?}"),
    };
    let forced = spec("swarm ca --rotate -d --cert-expiry 2h");
    assert_eq!((forced.force_rotate, forced.node_cert_expiry), (1, 2 * 3_600_000_000_000));
    let given = spec("swarm ca --rotate --detach --ca-cert ca.pem --ca-key ca.pem");
    assert_eq!((given.force_rotate, &given.signing_ca_cert, &given.signing_ca_key), (0, &root, &root));
}

/// A rotation that takes three looks: the first node at the first, all at the second, the root at the third.
fn rotating() -> impl FnMut(&Request, i64) -> Answer {
    let mut looks = 0;
    move |request, _| match request {
        Request::SwarmUpdate { .. } => Ok(Response::Done),
        Request::SwarmInspect => {
            looks += 1;
            let mut cluster = cluster_info();
            cluster.root_rotation_in_progress = (2..=3).contains(&looks);
            cluster.tls_info.cert_issuer_public_key = "new".into();
            Ok(Response::Swarm(Arc::new(Swarm { cluster, join_tokens: JoinTokens::default() })))
        }
        Request::NodeList(_) => {
            let mut nodes = nodes();
            let right = if looks == 2 { 1 } else { 3 };
            nodes
                .iter_mut()
                .take(right)
                .for_each(|node| node.description.tls_info.cert_issuer_public_key = "new".into());
            Ok(Response::Nodes(Arc::new(nodes)))
        }
        other => cluster(other),
    }
}

#[test]
fn a_rotation_is_watched() {
    const DIGEST: &str = "sha256:0c8b4b8b8ffb1b7b";
    let ran = run_with("swarm ca --rotate", rotating());
    assert_eq!((ran.status, ran.took), (Some(0), 3 * 200_000_000));
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines[..3], ["desired root digest: ", "  rotated TLS certificates: ", "  rotated CA certificates:  "]);
    assert!(lines[3..6].iter().all(|line| line.starts_with("desired root digest: sha256:")), "{}", ran.stdout);
    assert_eq!(lines[3].len(), "desired root digest: ".len() + DIGEST.len() - 16 + 64);
    assert!(ran.stdout.ends_with(&tls_info().trust_root), "{}", ran.stdout);
    assert_eq!(run_with("swarm ca --rotate -q", rotating()).all(), ("", "", Some(0)));

    let environment = Environment { terminal_width: Some(130), ..Environment::default() };
    let text = run_in(&words("swarm ca --rotate"), environment, rotating()).stdout;
    let certificates = "  rotated TLS certificates:  [================>                                  ] 1/3 nodes\r";
    assert!(text.contains(certificates), "{text:?}");
    let roots = "  rotated CA certificates:   [>                                                  ] 0/3 nodes\r";
    assert!(text.contains(roots), "{text:?}");
    assert!(text.contains("=>] 3/3 nodes"), "{text:?}");
}

#[test]
fn roles() {
    let ran = run("node promote node2 node1 node3");
    let text = "Node node2 promoted to a manager in the swarm.\nNode uhxm9o0nuhtez09snald3c4wl is already a manager.\nNode \
                node3 promoted to a manager in the swarm.\n";
    assert_eq!(ran.all(), (text, "", Some(0)));
    assert_eq!(run("node demote node1").stdout, "Manager node1 demoted in the swarm.\n");
    assert_eq!(run("node demote node2").stdout, "Node p513we5rs7r8ykza3zaw5pquu is already a worker.\n");
    // The first error ends it.
    let ran = run("node promote node2 nosuch node3");
    let text = "Node node2 promoted to a manager in the swarm.\n";
    assert_eq!(ran.all(), (text, "Error response from daemon: node nosuch not found\n", Some(1)));
    match &run("node update --role manager node2").requests[1] {
        Request::NodeUpdate { id, spec, .. } => {
            assert_eq!((id.as_str(), spec.role.as_str()), ("p513we5rs7r8ykza3zaw5pquu", "manager"))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn without_a_quorum_every_command_says_so() {
    let text = "rpc error: code = Unknown desc = The swarm does not have a leader. It's possible that too few managers are online. Make sure more than half of the managers are online.";
    let error = format!("Error response from daemon: {text}\n");
    let run = |line: &str| run_with(line, |_, _| refuse(500, text));
    for line in [
        "node ls",
        "node ps",
        "node promote node2",
        "node demote node2",
        "node update --availability drain node2",
        "node rm node2",
        "service ls",
        "service create -d nginx",
        "service update -d web --force",
        "service rollback web",
        "service rm web",
        "service logs web",
        "swarm join-token worker",
        "swarm join-token --rotate worker",
        "swarm update --task-history-limit 3",
        "swarm ca",
        "swarm ca --rotate",
        "swarm unlock-key --rotate",
    ] {
        assert_eq!(run(line).all(), ("", error.as_str(), Some(1)), "{line}");
    }
    for line in ["node inspect node2", "service inspect web"] {
        assert_eq!(run(line).all(), ("[]\n", error.as_str(), Some(1)), "{line}");
    }
    assert_eq!(run("swarm unlock-key").stderr, format!("could not fetch unlock key: {error}"));
    assert_eq!(run("service scale web=3").stderr, format!("web: {error}"));
}

#[test]
fn info_in_other_states() {
    let with = |change: fn(&mut crate::swarm::api::Info)| {
        run_with("info", move |_, _| {
            let mut info = info();
            change(&mut info);
            Ok(Response::Info(Arc::new(info)))
        })
    };
    let locked = with(|info| info.swarm.local_node_state = "locked".into());
    assert!(locked.stdout.contains(" Swarm: locked\n Runtimes: "), "{}", locked.stdout);
    let pending = with(|info| {
        (info.swarm.local_node_state, info.swarm.node_id) = ("pending".into(), String::new());
        (info.swarm.control_available, info.swarm.cluster) = (false, None);
    });
    let text = " Swarm: pending\n  NodeID: \n  Is Manager: false\n  Node Address: 192.168.65.3\n";
    assert!(pending.stdout.contains(text), "{}", pending.stdout);
    let failed = with(|info| {
        (info.swarm.local_node_state, info.swarm.error) = ("error".into(), "it broke".into());
        (info.swarm.control_available, info.swarm.remote_managers) = (false, None);
    });
    let text = " Swarm: error\n  NodeID: uhxm9o0nuhtez09snald3c4wl\n  Error: it broke\n  Is Manager: false\n  Node Address: \
                192.168.65.3\n Runtimes: ";
    assert!(failed.stdout.contains(text), "{}", failed.stdout);
    let leaderless = with(|info| {
        (info.swarm.error, info.swarm.cluster) = ("rpc error: no leader".into(), None);
    });
    let text =
        "  Error: rpc error: no leader\n  Is Manager: true\n  Node Address: 192.168.65.3\n  Manager Addresses:\n";
    assert!(leaderless.stdout.contains(text), "{}", leaderless.stdout);
    let full = with(|info| {
        let cluster = info.swarm.cluster.as_mut().expect("a manager's");
        cluster.default_addr_pool = None;
        cluster.spec.force_rotate = 2;
        cluster.spec.auto_lock_managers = true;
        let ca = ExternalCa { protocol: "cfssl".into(), url: "https://ca".into(), ..ExternalCa::default() };
        cluster.spec.external_cas = vec![ca];
        info.warnings = vec!["WARNING: take care".into()];
    });
    assert_eq!(full.stderr, "WARNING: take care\n");
    assert!(full.stdout.contains("  Nodes: 3\n  Data Path Port: 4789\n"), "{}", full.stdout);
    let text = "   Force Rotate: 2\n   External CAs:\n     cfssl: https://ca\n  Autolock Managers: true\n";
    assert!(full.stdout.contains(text), "{}", full.stdout);
}
