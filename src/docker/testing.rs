//! A scripted daemon for tests: the fixed cluster of cli.md §12 (node1 leads, node2 works, node3 is drained).
//!
//! Not a model: it answers from constants, and changes nothing.

use super::{Client, Effect, Environment, Input, value};
use crate::swarm::api::*;
use std::sync::Arc;

/// The moment of the examples.
pub const NOW: i64 = 10_000 * SECOND;
/// A second of virtual time.
pub const SECOND: i64 = 1_000_000_000;

/// What a command did.
#[derive(Debug, Default)]
pub struct Ran {
    /// All of stdout.
    pub stdout: String,
    /// All of stderr.
    pub stderr: String,
    /// The exit status; `None`: it still waits.
    pub status: Option<i32>,
    /// What it asked, in order.
    pub requests: Vec<Request>,
    /// How long it took, in nanoseconds.
    pub took: i64,
}

impl Ran {
    /// Stdout, stderr and status at once.
    pub fn all(&self) -> (&str, &str, Option<i32>) {
        (&self.stdout, &self.stderr, self.status)
    }
}

/// Words of a line, split as a shell does.
pub fn words(line: &str) -> Vec<String> {
    value::shell_words(line).expect("a line of a test")
}

/// Runs `docker LINE` on the fixed cluster, stdout no terminal.
pub fn run(line: &str) -> Ran {
    run_with(line, |request, _| cluster(request))
}

/// Runs `docker LINE` against a daemon that takes no time to answer.
pub fn run_with(line: &str, daemon: impl FnMut(&Request, i64) -> Answer) -> Ran {
    run_in(&words(line), Environment { host: "node1".into(), ..Environment::default() }, daemon)
}

/// The same in any environment. Gives up after 100,000 steps.
pub fn run_in(words: &[String], environment: Environment, mut daemon: impl FnMut(&Request, i64) -> Answer) -> Ran {
    let mut ran = Ran::default();
    let mut now = NOW;
    let (mut client, mut effects) = Client::start(words, environment, now);
    for _ in 0..100_000 {
        let mut input = None;
        for effect in effects {
            match effect {
                Effect::Stdout(text) => ran.stdout.push_str(&text),
                Effect::Stderr(text) => ran.stderr.push_str(&text),
                Effect::Exit(status) => ran.status = Some(status),
                Effect::Timer { after } => {
                    now += after;
                    input = Some(Input::Timer);
                }
                Effect::ReadFile { path } => {
                    let content = match path.as_str() {
                        "-" => Ok(Arc::from(format!("{KEY}\n").as_bytes())),
                        "ca.pem" => Ok(Arc::from(tls_info().trust_root.as_bytes())),
                        "env" => Ok(Arc::from(&b"# a comment\nA=1\nB=2\n"[..])),
                        _ => Err("no such file or directory".to_owned()),
                    };
                    input = Some(Input::File { path, content });
                }
                Effect::Request { request, body } => {
                    input = Some(Input::Answer { request, answer: daemon(&body, now) });
                    ran.requests.push(body);
                }
            }
        }
        match input {
            Some(input) if ran.status.is_none() => effects = client.step(input, now),
            _ => break,
        }
    }
    ran.took = now - NOW;
    ran
}

/// An error of the daemon.
pub fn refuse(status: u16, message: &str) -> Answer {
    Err(ApiError::new(status, message).into())
}

/// The fixed cluster's answer.
pub fn cluster(request: &Request) -> Answer {
    let node = |id: &str| nodes().into_iter().find(|node| node.id == id || node.description.hostname == id);
    let service = |id: &str| services().into_iter().find(|service| service.id == id || service.spec.name == id);
    Ok(match request {
        Request::Info => Response::Info(Arc::new(info())),
        Request::Version => Response::Version(Arc::new(Version {
            version: "29.7.2".into(),
            api_version: "1.55".into(),
            min_api_version: "1.40".into(),
        })),
        Request::SwarmInit(_) => Response::SwarmInit("uhxm9o0nuhtez09snald3c4wl".into()),
        Request::SwarmInspect => Response::Swarm(Arc::new(Swarm {
            cluster: cluster_info(),
            join_tokens: JoinTokens {
                worker: format!("{TOKEN}-8zhq8fcru3zg2qr5pczmnoa19"),
                manager: format!("{TOKEN}-124qyco6mcjhyv7dypf4qmk5l"),
            },
        })),
        Request::SwarmUnlockKey => Response::UnlockKey(KEY.into()),
        Request::NodeList(_) => Response::Nodes(Arc::new(nodes())),
        Request::NodeInspect(id) => match node(id) {
            Some(node) => Response::Node(Arc::new(node)),
            None => return refuse(404, &format!("node {id} not found")),
        },
        Request::ServiceList { .. } => Response::Services(Arc::new(services())),
        Request::ServiceInspect { id, .. } => match service(id) {
            Some(service) => Response::Service(Arc::new(service)),
            None => return refuse(404, &format!("service {id} not found")),
        },
        Request::ServiceCreate { .. } => {
            Response::ServiceCreated { id: "qh8oh4a2z50v5cbvu0icl51j0".into(), warnings: vec![] }
        }
        Request::ServiceUpdate { .. } => Response::ServiceUpdated { warnings: vec![] },
        Request::ServiceRemove(id) | Request::ContainerRemove { id, .. } if id == "nope" => {
            let kind = if matches!(request, Request::ServiceRemove(_)) { "service nope not found" } else { "" };
            return refuse(404, if kind.is_empty() { "No such container: nope" } else { kind });
        }
        Request::TaskList(_) => Response::Tasks(Arc::new(tasks())),
        Request::TaskInspect(id) => match tasks().into_iter().find(|task| task.id == *id) {
            Some(task) => Response::Task(Arc::new(task)),
            None => return refuse(404, &format!("task {id} not found")),
        },
        Request::ContainerList { limit, .. } => {
            Response::Containers(Arc::new(containers().into_iter().take(limit.unwrap_or(9)).collect()))
        }
        Request::ContainerInspect(id) | Request::ContainerKill { id, .. } | Request::ContainerStop { id, .. }
            if id == "nope" =>
        {
            return refuse(404, "No such container: nope");
        }
        Request::ContainerInspect(id) => Response::Container(Arc::new(ContainerInspect {
            id: id.clone(),
            created: time::rfc3339(0),
            name: "/run1".into(),
            ..ContainerInspect::default()
        })),
        Request::ContainerLogs { .. } => Response::Logs(Arc::new(lines())),
        Request::ServiceLogs { .. } => {
            Response::LogPart(LogPart { stream: 1, lines: Arc::new(lines()), ended: Some(Ok(())) })
        }
        Request::NetworkList(_) => Response::Networks(Arc::new(networks())),
        Request::NetworkInspect { id, .. } => match networks().into_iter().find(|n| n.id == *id || n.name == *id) {
            Some(network) => Response::Network(Arc::new(network)),
            None => return refuse(404, &format!("network {id} not found")),
        },
        Request::NetworkCreate(_) => Response::Created("e633vug6u678dugyxnnomevv9".into()),
        Request::NetworkPrune(_) => Response::Deleted(vec!["iotd-net".into()]),
        Request::FileCreate { .. } => Response::Created("1nrad6a6dgwge09iswy5todw2".into()),
        Request::FileList { kind, .. } => Response::Files(Arc::new(files(*kind))),
        Request::FileInspect { kind, id } => match files(*kind).into_iter().find(|file| file.spec.name == *id) {
            Some(file) => Response::File(Arc::new(file)),
            None => return refuse(404, &format!("{} {id} not found", kind.noun())),
        },
        Request::FileRemove { kind, id }
            if files(*kind).iter().any(|f| f.spec.name == *id && f.spec.labels.is_empty()) =>
        {
            let text = format!("{} '{id}' is in use by the following service: web", kind.noun());
            return Err(ApiError::grpc(Code::InvalidArgument, text).into());
        }
        _ => Response::Done,
    })
}

/// What unlocks the cluster's managers.
pub const KEY: &str = "SWMKEY-1-j77HE8cHqbwpLrbvJYBtwdmxTIlP48/FOJZ6X9sXfhs";

const TOKEN: &str = "SWMTKN-1-ufatznbce0hlbf0w2f7nyw91kh7exwuvmgsasi2hlwsdixg101";

/// The cluster.
pub fn cluster_info() -> ClusterInfo {
    ClusterInfo {
        id: "er2od6zeb4h2rhvm3wtndlitu".into(),
        version: ObjectVersion { index: 10 },
        created_at: time::rfc3339(0),
        updated_at: time::rfc3339(0),
        spec: ClusterSpec {
            name: "default".into(),
            labels: Labels::new(),
            task_history_retention_limit: 5,
            snapshot_interval: 10_000,
            keep_old_snapshots: 0,
            heartbeat_tick: 1,
            election_tick: 10,
            heartbeat_period: 5 * SECOND,
            node_cert_expiry: 2160 * 3600 * SECOND,
            ..ClusterSpec::default()
        },
        tls_info: tls_info(),
        default_addr_pool: Some(vec!["10.0.0.0/8".into()]),
        subnet_size: 24,
        data_path_port: 4789,
        root_rotation_in_progress: false,
    }
}

/// What all of its nodes trust.
pub fn tls_info() -> TlsInfo {
    TlsInfo {
        trust_root: "-----BEGIN CERTIFICATE-----\nMIIBajCCARCgAwIBAgIUXXXX\n-----END CERTIFICATE-----\n".into(),
        cert_issuer_subject: "MBMxETAPBgNVBAMTCHN3YXJtLWNh".into(),
        cert_issuer_public_key: "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE".into(),
    }
}

/// node1's engine.
pub fn info() -> Info {
    Info {
        id: "6df5e102-d2e0-4205-a8ed-4b95bb8b49d4".into(),
        containers: 3,
        containers_running: 2,
        containers_paused: 0,
        containers_stopped: 1,
        images: 7,
        ncpu: 4,
        mem_total: 8_331_333_632,
        generic_resources: None,
        name: "node1".into(),
        architecture: "x86_64".into(),
        os_type: "linux".into(),
        server_version: "29.7.2".into(),
        labels: vec![],
        swarm: SwarmInfo {
            node_id: "uhxm9o0nuhtez09snald3c4wl".into(),
            node_addr: "192.168.65.3".into(),
            local_node_state: "active".into(),
            control_available: true,
            error: String::new(),
            remote_managers: Some(vec![Peer {
                node_id: "uhxm9o0nuhtez09snald3c4wl".into(),
                addr: "192.168.65.3:2377".into(),
            }]),
            nodes: 3,
            managers: 1,
            cluster: Some(cluster_info()),
            warnings: vec![],
        },
        warnings: vec![],
    }
}

/// The three nodes, not in the order of their names.
pub fn nodes() -> Vec<Node> {
    let node = |id: &str, name: &str, last: &str, availability: &str| Node {
        id: id.into(),
        version: ObjectVersion { index: 9 },
        created_at: time::rfc3339(1),
        updated_at: time::rfc3339(1),
        spec: NodeSpec { role: "worker".into(), availability: availability.into(), ..NodeSpec::default() },
        description: NodeDescription {
            hostname: name.into(),
            platform: Platform { architecture: "x86_64".into(), os: "linux".into() },
            resources: NodeResources {
                nano_cpus: 4_000_000_000,
                memory_bytes: 8_331_333_632,
                generic_resources: vec![],
            },
            engine: EngineDescription {
                engine_version: "29.7.2".into(),
                plugins: [
                    ("Log", "json-file"),
                    ("Log", "local"),
                    ("Network", "bridge"),
                    ("Network", "host"),
                    ("Network", "overlay"),
                    ("Volume", "local"),
                ]
                .map(|(kind, name)| Plugin { kind: kind.into(), name: name.into() })
                .to_vec(),
                ..EngineDescription::default()
            },
            tls_info: tls_info(),
        },
        status: NodeStatus { state: "ready".into(), message: String::new(), addr: format!("192.168.65.{last}") },
        manager_status: None,
    };
    let mut first = node("uhxm9o0nuhtez09snald3c4wl", "node1", "3", "active");
    first.spec.role = "manager".into();
    first.manager_status =
        Some(ManagerStatus { leader: true, reachability: "reachable".into(), addr: "192.168.65.3:2377".into() });
    vec![
        node("oy15cgmnoj7gflnnwwb1or2x1", "node3", "5", "drain"),
        first,
        node("p513we5rs7r8ykza3zaw5pquu", "node2", "4", "active"),
    ]
}

const DIGEST: &str = "@sha256:42995db506fef51ae7a370bb86d974a5ec7ee17dce139b0afb954f748f1db9d9";

/// The five services.
pub fn services() -> Vec<Service> {
    let service = |id: &str, name: &str, image: &str, running: u64, desired: u64| {
        let config = UpdateConfig {
            parallelism: 1,
            delay: 0,
            failure_action: "pause".into(),
            monitor: 5 * SECOND,
            max_failure_ratio: 0.0,
            order: "stop-first".into(),
        };
        Service {
            id: id.into(),
            version: ObjectVersion { index: 21 },
            created_at: "2026-01-05T09:10:00.123456789Z".into(),
            updated_at: "2026-01-05T09:10:00.223456789Z".into(),
            spec: ServiceSpec {
                name: name.into(),
                labels: Labels::new(),
                task_template: TaskSpec {
                    container_spec: ContainerSpec {
                        image: image.into(),
                        init: Some(false),
                        stop_grace_period: Some(10 * SECOND),
                        dns_config: Some(DnsConfig::default()),
                        isolation: "default".into(),
                        ..ContainerSpec::default()
                    },
                    resources: Some(ResourceRequirements {
                        limits: Some(Resources::default()),
                        reservations: Some(Resources::default()),
                        ..ResourceRequirements::default()
                    }),
                    restart_policy: Some(RestartPolicy {
                        condition: "any".into(),
                        delay: Some(5 * SECOND),
                        max_attempts: Some(0),
                        window: None,
                    }),
                    placement: Some(Placement::default()),
                    runtime: "container".into(),
                    ..TaskSpec::default()
                },
                mode: ServiceMode::Replicated { replicas: Some(desired) },
                update_config: Some(config.clone()),
                rollback_config: Some(config),
                endpoint_spec: Some(EndpointSpec { mode: "vip".into(), ports: vec![] }),
            },
            previous_spec: None,
            endpoint: Endpoint::default(),
            update_status: None,
            service_status: Some(ServiceStatus { running_tasks: running, desired_tasks: desired, completed_tasks: 0 }),
            job_status: None,
        }
    };
    let port = |published_port, target_port, protocol: &str| PortConfig {
        name: String::new(),
        protocol: protocol.into(),
        target_port,
        published_port,
        publish_mode: "ingress".into(),
    };
    let mut web = service("ok98g2oqrglqovopbadg7hx3m", "web", &format!("nginx:1.25{DIGEST}"), 3, 3);
    web.endpoint.ports = vec![port(8080, 80, "tcp")];
    let mut agent = service("8m3e6r530f17r0vyh8ov1z0sx", "agent", "busybox:latest", 2, 2);
    agent.spec.mode = ServiceMode::Global {};
    let timecheck =
        service("6x08pwvitmoqx1h19vn6rzpn4", "timecheck", &format!("diamol/ch12-timecheck:1.0{DIGEST}"), 1, 1);
    let mut web2 = service("wt4bpdknm9il3q9bd9s5r8hr4", "web2", "nginx", 0, 0);
    web2.endpoint.ports = vec![port(7001, 80, "tcp"), port(7000, 80, "tcp")];
    let mut web10 = service("3n9j7v8h0ce7rf6d8yqo9ufvd", "web10", "nginx:1.25", 1, 2);
    web10.spec.task_template.placement = Some(Placement { max_replicas: 1, ..Placement::default() });
    web10.endpoint.ports = vec![port(5353, 53, "udp"), port(9080, 80, "tcp"), port(9081, 81, "tcp")];
    vec![web10, web, agent, web2, timecheck]
}

/// The tasks of `web`.
pub fn tasks() -> Vec<Task> {
    let task =
        |id: &str, slot: u64, node: usize, image: &str, states: (&str, &str), age: i64, created: i64, err: &str| {
            let nodes = ["", "uhxm9o0nuhtez09snald3c4wl", "p513we5rs7r8ykza3zaw5pquu", "oy15cgmnoj7gflnnwwb1or2x1"];
            Task {
                id: id.into(),
                version: ObjectVersion { index: 30 },
                created_at: time::rfc3339(created * SECOND),
                updated_at: time::rfc3339(created * SECOND),
                labels: Labels::new(),
                spec: TaskSpec {
                    container_spec: ContainerSpec { image: format!("{image}{DIGEST}"), ..ContainerSpec::default() },
                    ..TaskSpec::default()
                },
                service_id: "ok98g2oqrglqovopbadg7hx3m".into(),
                slot,
                node_id: nodes[node].into(),
                status: TaskStatus {
                    timestamp: time::rfc3339(NOW - age),
                    timestamp_nanos: NOW - age,
                    state: states.1.into(),
                    err: err.into(),
                    ..TaskStatus::default()
                },
                desired_state: states.0.into(),
                networks_attachments: vec![],
                generic_resources: vec![],
                job_iteration: None,
            }
        };
    let pending = "no suitable node (scheduling constraints not satisfied on 3 nodes)";
    let (new, old) = ("nginx:1.25", "nginx:1.24");
    let minute = 60 * SECOND;
    vec![
        task("sx5rpcab95yaka2euv8a5tzze", 2, 2, old, ("shutdown", "shutdown"), minute, 10, ""),
        task("cp6hzhozcpdkf6advtca7y359", 3, 0, new, ("running", "pending"), 60 * minute, 20, pending),
        task(
            "31u33wfk0jayqq4l72v63urjx",
            3,
            2,
            new,
            ("shutdown", "failed"),
            9 * SECOND,
            30,
            "task: non-zero exit (137)",
        ),
        task("ul075p0aesvypo45asasjzjf3", 3, 3, new, ("running", "preparing"), 0, 40, ""),
        task("79498wyabzmep19ittkag0irr", 2, 2, new, ("running", "running"), 61 * SECOND, 50, ""),
        task("fxvwlmpj814ioiu9xqkbgrq39", 1, 1, new, ("running", "running"), 5 * SECOND, 60, ""),
    ]
}

fn lines() -> Vec<LogLine> {
    let line = |task: &str, node: &str, stderr, text: &str| LogLine {
        at: NOW,
        stderr,
        task: Some(task.into()),
        node: Some(node.into()),
        service: Some("ok98g2oqrglqovopbadg7hx3m".into()),
        text: text.into(),
        ..LogLine::default()
    };
    vec![
        line("fxvwlmpj814ioiu9xqkbgrq39", "uhxm9o0nuhtez09snald3c4wl", false, "hello one"),
        line("79498wyabzmep19ittkag0irr", "p513we5rs7r8ykza3zaw5pquu", false, "hello two"),
        line("fxvwlmpj814ioiu9xqkbgrq39", "uhxm9o0nuhtez09snald3c4wl", false, ""),
        line("79498wyabzmep19ittkag0irr", "p513we5rs7r8ykza3zaw5pquu", true, "err line"),
    ]
}

fn containers() -> Vec<ContainerSummary> {
    let container =
        |id: &str, image: &str, command: &str, age: i64, status: &str, ports: &str, name: &str| ContainerSummary {
            id: format!("{id}{}", "0".repeat(52)),
            names: vec![name.into()],
            image: image.into(),
            command: command.into(),
            created: NOW - age * SECOND,
            state: "running".into(),
            status: status.into(),
            health: "none".into(),
            ports: ports.into(),
            labels: Labels::new(),
        };
    vec![
        container(
            "64d39338df47",
            &format!("nginx:1.25{DIGEST}"),
            "/docker-entrypoint.sh nginx",
            7,
            "Up 5 seconds",
            "80/tcp",
            "web.1.fxvwlmpj814ioiu9xqkbgrq39",
        ),
        container(
            "bcd4ba40b618",
            "diamol/ch12-timecheck:1.0",
            "dotnet TimeCheck.dll",
            60,
            "Up About a minute",
            "",
            "timecheck.1.rncw0lwk21mqtv1trxgo91xsy",
        ),
        container(
            "6e8c44fe55a9",
            "nginx:1.25",
            "/docker-entrypoint.sh nginx",
            7200,
            "Exited (137) 3 seconds ago",
            "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp",
            "hostweb.1.gkvwgexgf64dxbykmlr0o82vn",
        ),
    ]
}

fn networks() -> Vec<Network> {
    let network = |id: &str, name: &str, driver: &str, scope: &str| Network {
        id: id.into(),
        name: name.into(),
        driver: driver.into(),
        scope: scope.into(),
        created: time::rfc3339(0),
        enable_ipv4: true,
        ingress: name == "ingress",
        ..Network::default()
    };
    vec![
        network("d5dad2ddec19aa", "none", "null", "local"),
        network("zo78ne9cpbbnt5k1x3q5cz7kd", "ingress", "overlay", "swarm"),
        network("0af2c4288be3aa", "bridge", "bridge", "local"),
        network("zxi3ccdh22ann3x4uszguhz61", "iotd-net", "overlay", "swarm"),
        network("c152442010dbaa", "docker_gwbridge", "bridge", "local"),
        network("1ea68c681dbdaa", "host", "host", "local"),
    ]
}

/// Two secrets and a config.
fn files(kind: FileKind) -> Vec<File> {
    let file = |id: &str, name: &str, label: Option<(&str, &str)>, age: i64, data: &[u8]| File {
        id: id.into(),
        version: ObjectVersion { index: 17 },
        created_at: time::rfc3339(NOW - age * SECOND),
        updated_at: time::rfc3339(NOW - age * SECOND),
        spec: FileSpec {
            name: name.into(),
            labels: label.map(|(key, value)| (key.to_owned(), value.to_owned())).into_iter().collect(),
            data: data.to_vec(),
            templating: None,
        },
    };
    match kind {
        FileKind::Secret => vec![
            file("yqaf76el4jgr46sgw27l9wbpk", "db_password", None, 70, b""),
            file("wixvl56zyim1kt7lfsexw38id", "app_key", Some(("env", "dev")), 3, b""),
        ],
        FileKind::Config => vec![file("kzv4jo6apq64dhkiuulqaeflh", "nginx_conf", Some(("env", "dev")), 70, b"hello\n")],
    }
}
