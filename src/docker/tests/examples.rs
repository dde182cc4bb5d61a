//! Verbatim examples of cli.md §12; the numbers are those of the section.

use crate::docker::testing::{cluster, refuse, run, run_with, services};
use crate::swarm::api::{Request, Response};
use std::sync::Arc;

fn stdout(line: &str) -> String {
    let ran = run(line);
    assert_eq!((ran.stderr.as_str(), ran.status), ("", Some(0)), "docker {line}");
    ran.stdout
}

#[test]
fn swarm_init_says_how_to_join() {
    assert_eq!(
        stdout("swarm init --advertise-addr 192.168.65.3"),
        "Swarm initialized: current node (uhxm9o0nuhtez09snald3c4wl) is now a manager.

To add a worker to this swarm, run the following command:

    docker swarm join --token SWMTKN-1-ufatznbce0hlbf0w2f7nyw91kh7exwuvmgsasi2hlwsdixg101-8zhq8fcru3zg2qr5pczmnoa19 192.168.65.3:2377

To add a manager to this swarm, run 'docker swarm join-token manager' and follow the instructions.
"
    );
}

#[test]
fn join_tokens() {
    let worker = "To add a worker to this swarm, run the following command:

    docker swarm join --token SWMTKN-1-ufatznbce0hlbf0w2f7nyw91kh7exwuvmgsasi2hlwsdixg101-8zhq8fcru3zg2qr5pczmnoa19 192.168.65.3:2377

";
    assert_eq!(stdout("swarm join-token worker"), worker);
    assert_eq!(
        stdout("swarm join-token manager"),
        "To add a manager to this swarm, run the following command:

    docker swarm join --token SWMTKN-1-ufatznbce0hlbf0w2f7nyw91kh7exwuvmgsasi2hlwsdixg101-124qyco6mcjhyv7dypf4qmk5l 192.168.65.3:2377

"
    );
    assert_eq!(
        stdout("swarm join-token -q worker"),
        "SWMTKN-1-ufatznbce0hlbf0w2f7nyw91kh7exwuvmgsasi2hlwsdixg101-8zhq8fcru3zg2qr5pczmnoa19\n"
    );
    assert_eq!(
        stdout("swarm join-token --rotate worker"),
        format!("Successfully rotated worker join token.\n\n{worker}")
    );
    assert_eq!(run("swarm join-token boss").all(), ("", "unknown role boss\n", Some(1)));
}

#[test]
fn joining_and_leaving() {
    assert_eq!(stdout("swarm join --token SWMTKN-1-x-y 192.168.65.3:2377"), "This node joined a swarm as a manager.\n");
    assert_eq!(stdout("swarm leave --force"), "Node left the swarm.\n");
}

#[test]
fn node_lists() {
    // 12.18 to 12.20
    assert_eq!(
        stdout("node ls"),
        "\
ID                            HOSTNAME   STATUS    AVAILABILITY   MANAGER STATUS   ENGINE VERSION
uhxm9o0nuhtez09snald3c4wl *   node1      Ready     Active         Leader           29.7.2
p513we5rs7r8ykza3zaw5pquu     node2      Ready     Active                          29.7.2
oy15cgmnoj7gflnnwwb1or2x1     node3      Ready     Drain                           29.7.2
"
    );
    assert_eq!(
        stdout("node ls -q"),
        "uhxm9o0nuhtez09snald3c4wl\np513we5rs7r8ykza3zaw5pquu\noy15cgmnoj7gflnnwwb1or2x1\n"
    );
    assert_eq!(
        stdout("node ls --format '{{.Hostname}} {{.Status}}/{{.ManagerStatus}}'"),
        "node1 Ready/Leader\nnode2 Ready/\nnode3 Ready/\n"
    );
}

#[test]
fn node_inspect() {
    // 12.23, 12.24
    assert_eq!(
        stdout("node inspect --pretty node3"),
        "ID:\t\t\toy15cgmnoj7gflnnwwb1or2x1
Hostname:              \tnode3
Joined at:             \t2026-01-05 09:00:00.000000001 +0000 utc
Status:
 State:\t\t\tReady
 Availability:         \tDrain
 Address:\t\t192.168.65.5
Platform:
 Operating System:\tlinux
 Architecture:\t\tx86_64
Resources:
 CPUs:\t\t\t4
 Memory:\t\t7.759GiB
Plugins:
 Log:\t\tjson-file, local
 Network:\t\tbridge, host, overlay
 Volume:\t\tlocal
Engine Version:\t\t29.7.2
TLS Info:
 TrustRoot:
-----BEGIN CERTIFICATE-----
MIIBajCCARCgAwIBAgIUXXXX
-----END CERTIFICATE-----

 Issuer Subject:\tMBMxETAPBgNVBAMTCHN3YXJtLWNh
 Issuer Public Key:\tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
"
    );
    assert_eq!(stdout("node inspect -f '{{.Spec.Availability}}' node3"), "drain\n");
    assert_eq!(stdout("node inspect -f '{{.ManagerStatus.Leader}}' self"), "true\n");
    assert_eq!(run("node inspect nope").all(), ("[]\n", "Error response from daemon: node nope not found\n", Some(1)));
}

#[test]
fn node_update_prints_the_argument() {
    assert_eq!(stdout("node update --availability drain node2"), "node2\n");
    assert_eq!(
        run("node update --label-rm zone node2").all(),
        ("", "key zone doesn't exist in node's labels\n", Some(1))
    );
}

#[test]
fn node_ps_repeats_the_tasks_of_the_first_node() {
    let once = stdout("node ps self");
    assert!(once.contains("fxvwlmpj814i   web.1       nginx:1.25   node1     Running         Running 5 seconds ago"));
    let twice = stdout("node ps node1 node2");
    assert_eq!(twice.matches("fxvwlmpj814i    \\_ web.1").count(), 2);
}

#[test]
fn service_create_prints_the_warning_before_the_id() {
    // 12.33
    let warning = "image nginx:1.25 could not be accessed on a registry to record
its digest. Each node will access nginx:1.25 independently,
possibly leading to different nodes running different
versions of the image.
";
    let ran = run_with("service create -d --name web nginx:1.25", |request, _| match request {
        Request::ServiceCreate { query_registry: true, .. } => {
            Ok(Response::ServiceCreated { id: "qh8oh4a2z50v5cbvu0icl51j0".into(), warnings: vec![warning.into()] })
        }
        _ => refuse(500, "not expected"),
    });
    let warning = format!("{warning}\n");
    assert_eq!(ran.all(), ("qh8oh4a2z50v5cbvu0icl51j0\n", warning.as_str(), Some(0)));
}

#[test]
fn service_lists() {
    // 12.41 to 12.43
    assert_eq!(
        stdout("service ls"),
        "\
ID             NAME        MODE         REPLICAS               IMAGE                       PORTS
8m3e6r530f17   agent       global       2/2                    busybox:latest              
6x08pwvitmoq   timecheck   replicated   1/1                    diamol/ch12-timecheck:1.0   
ok98g2oqrglq   web         replicated   3/3                    nginx:1.25                  *:8080->80/tcp
wt4bpdknm9il   web2        replicated   0/0                    nginx                       *:7000-7001->80/tcp
3n9j7v8h0ce7   web10       replicated   1/2 (max 1 per node)   nginx:1.25                  *:9080-9081->80-81/tcp, *:5353->53/udp
"
    );
    assert_eq!(
        stdout("service ls --format json"),
        r#"{"ID":"8m3e6r530f17","Image":"busybox:latest","Mode":"global","Name":"agent","Ports":"","Replicas":"2/2"}
{"ID":"6x08pwvitmoq","Image":"diamol/ch12-timecheck:1.0","Mode":"replicated","Name":"timecheck","Ports":"","Replicas":"1/1"}
{"ID":"ok98g2oqrglq","Image":"nginx:1.25","Mode":"replicated","Name":"web","Ports":"*:8080-\u003e80/tcp","Replicas":"3/3"}
{"ID":"wt4bpdknm9il","Image":"nginx","Mode":"replicated","Name":"web2","Ports":"*:7000-7001-\u003e80/tcp","Replicas":"0/0"}
{"ID":"3n9j7v8h0ce7","Image":"nginx:1.25","Mode":"replicated","Name":"web10","Ports":"*:9080-9081-\u003e80-81/tcp, *:5353-\u003e53/udp","Replicas":"1/2 (max 1 per node)"}
"#
    );
    assert_eq!(stdout("service ls --format '{{json .}}'"), stdout("service ls --format json"));
    let empty = run_with("service ls", |_, _| Ok(Response::Services(Arc::new(vec![]))));
    assert_eq!(empty.stdout, "ID        NAME      MODE      REPLICAS   IMAGE     PORTS\n");
    assert!(stdout("service ls --format raw").ends_with(
        "id: 3n9j7v8h0ce7\nname: web10\nmode: replicated\nreplicas: 1/2 (max 1 per node)\nimage: nginx:1.25\nports: \
         *:9080-9081->80-81/tcp, *:5353->53/udp\n\n"
    ));
}

#[test]
fn service_ps() {
    // 12.44 to 12.48
    assert_eq!(
        stdout("service ps web"),
        "\
ID             NAME        IMAGE        NODE      DESIRED STATE   CURRENT STATE                      ERROR                              PORTS
fxvwlmpj814i   web.1       nginx:1.25   node1     Running         Running 5 seconds ago                                                 
79498wyabzme   web.2       nginx:1.25   node2     Running         Running about a minute ago                                            
sx5rpcab95ya    \\_ web.2   nginx:1.24   node2     Shutdown        Shutdown about a minute ago                                           
ul075p0aesvy   web.3       nginx:1.25   node3     Running         Preparing less than a second ago                                      
31u33wfk0jay    \\_ web.3   nginx:1.25   node2     Shutdown        Failed 9 seconds ago               \"task: non-zero exit (137)\"        
cp6hzhozcpdk    \\_ web.3   nginx:1.25             Running         Pending about an hour ago          \"no suitable node (scheduling …\"   
"
    );
    let whole = stdout("service ps --no-trunc web");
    let digest = "nginx:1.25@sha256:42995db506fef51ae7a370bb86d974a5ec7ee17dce139b0afb954f748f1db9d9";
    assert!(whole.lines().last().is_some_and(|line| {
        line == format!(
            "cp6hzhozcpdkf6advtca7y359    \\_ web.3   {digest}             Running         Pending about an hour ago      \
             \u{20}   \"no suitable node (scheduling constraints not satisfied on 3 nodes)\"   "
        )
    }));
    assert_eq!(
        stdout("service ps -q web"),
        "fxvwlmpj814ioiu9xqkbgrq39\n79498wyabzmep19ittkag0irr\nsx5rpcab95yaka2euv8a5tzze\nul075p0aesvypo45asasjzjf3\n\
         31u33wfk0jayqq4l72v63urjx\ncp6hzhozcpdkf6advtca7y359\n"
    );
    assert_eq!(run("service ps nope").all(), ("", "no such service: nope\n", Some(1)));
    assert_eq!(
        stdout("service ps --format 'table {{.Name}}\\t{{.CurrentState}}' web"),
        "\
NAME        CURRENT STATE
web.1       Running 5 seconds ago
web.2       Running about a minute ago
 \\_ web.2   Shutdown about a minute ago
web.3       Preparing less than a second ago
 \\_ web.3   Failed 9 seconds ago
 \\_ web.3   Pending about an hour ago
"
    );
    assert!(stdout("service ps --format '{{.Name}}' web").starts_with("web.1\nweb.2\nweb.2\n"));
}

#[test]
fn service_ps_prints_what_it_found_and_then_the_errors() {
    let ran = run("service ps -q web nope");
    assert!(ran.stdout.starts_with("fxvwlmpj814ioiu9xqkbgrq39\n"));
    assert_eq!((ran.stderr.as_str(), ran.status), ("no such service: nope\n", Some(1)));
}

#[test]
fn service_inspect_pretty() {
    // 12.49
    assert_eq!(
        stdout("service inspect --pretty web"),
        "
ID:\t\tok98g2oqrglqovopbadg7hx3m
Name:\t\tweb
Service Mode:\tReplicated
 Replicas:\t3
Placement:
UpdateConfig:
 Parallelism:\t1
 On failure:\tpause
 Monitoring Period: 5s
 Max failure ratio: 0
 Update order:      stop-first
RollbackConfig:
 Parallelism:\t1
 On failure:\tpause
 Monitoring Period: 5s
 Max failure ratio: 0
 Rollback order:    stop-first
ContainerSpec:
 Image:\t\tnginx:1.25@sha256:42995db506fef51ae7a370bb86d974a5ec7ee17dce139b0afb954f748f1db9d9
 Init:\t\tfalse
Resources:
Endpoint Mode:\tvip
Ports:
 PublishedPort = 8080
  Protocol = tcp
  TargetPort = 80
  PublishMode = ingress 

"
    );
}

#[test]
fn service_inspect_json() {
    // 12.50 (without a registry: no Platforms), 12.51 to 12.53
    let ran = run_with("service inspect timecheck", |request, _| match cluster(request)? {
        Response::Service(service) => {
            Ok(Response::Service(Arc::new(crate::swarm::api::Service { service_status: None, ..(*service).clone() })))
        }
        other => Ok(other),
    });
    assert_eq!(
        ran.stdout,
        r#"[
    {
        "ID": "6x08pwvitmoqx1h19vn6rzpn4",
        "Version": {
            "Index": 21
        },
        "CreatedAt": "2026-01-05T09:10:00.123456789Z",
        "UpdatedAt": "2026-01-05T09:10:00.223456789Z",
        "Spec": {
            "Name": "timecheck",
            "Labels": {},
            "TaskTemplate": {
                "ContainerSpec": {
                    "Image": "diamol/ch12-timecheck:1.0@sha256:42995db506fef51ae7a370bb86d974a5ec7ee17dce139b0afb954f748f1db9d9",
                    "Init": false,
                    "StopGracePeriod": 10000000000,
                    "DNSConfig": {},
                    "Isolation": "default"
                },
                "Resources": {
                    "Limits": {},
                    "Reservations": {}
                },
                "RestartPolicy": {
                    "Condition": "any",
                    "Delay": 5000000000,
                    "MaxAttempts": 0
                },
                "Placement": {},
                "ForceUpdate": 0,
                "Runtime": "container"
            },
            "Mode": {
                "Replicated": {
                    "Replicas": 1
                }
            },
            "UpdateConfig": {
                "Parallelism": 1,
                "FailureAction": "pause",
                "Monitor": 5000000000,
                "MaxFailureRatio": 0,
                "Order": "stop-first"
            },
            "RollbackConfig": {
                "Parallelism": 1,
                "FailureAction": "pause",
                "Monitor": 5000000000,
                "MaxFailureRatio": 0,
                "Order": "stop-first"
            },
            "EndpointSpec": {
                "Mode": "vip"
            }
        },
        "Endpoint": {
            "Spec": {}
        }
    }
]
"#
    );
    assert_eq!(stdout("service inspect -f '{{.Spec.Mode.Replicated.Replicas}}' web"), "3\n");
    assert_eq!(
        stdout("service inspect -f '{{json .Endpoint.Ports}}' web"),
        "[{\"Protocol\":\"tcp\",\"TargetPort\":80,\"PublishedPort\":8080,\"PublishMode\":\"ingress\"}]\n"
    );
    assert_eq!(stdout("service inspect -f '{{json .UpdateStatus}}' web"), "null\n");
    assert_eq!(run("service inspect nope").all(), ("[]\n", "no such service: nope\n", Some(1)));
    assert_eq!(run("service inspect --pretty nope").all(), ("", "no such service: nope\n", Some(1)));
}

#[test]
fn service_rm_goes_on_after_an_error() {
    assert_eq!(
        run("service rm nope web").all(),
        ("web\n", "Error response from daemon: service nope not found\n", Some(1))
    );
}

#[test]
fn service_scale() {
    // 12.57, 12.58
    assert_eq!(
        run("service scale -d web=5 agent=2").all(),
        ("web scaled to 5\n", "agent: scale can only be used with replicated or replicated-job mode\n", Some(1))
    );
    assert_eq!(
        run("service scale web").stderr,
        "invalid scale specifier 'web'.
See 'docker service scale --help'.

Usage:  docker service scale SERVICE=REPLICAS [SERVICE=REPLICAS...]

Scale one or multiple replicated services
"
    );
    assert_eq!(
        run("service scale -d web=x nope=3").stderr,
        "web: invalid replicas value x: strconv.ParseUint: parsing \"x\": invalid syntax
nope: Error response from daemon: service nope not found
"
    );
}

#[test]
fn service_logs() {
    // 12.61 to 12.64
    let ran = run("service logs web");
    assert_eq!(
        ran.stdout,
        "web.1.fxvwlmpj814i@node1    | hello one\nweb.2.79498wyabzme@node2    | hello two\n\
         web.1.fxvwlmpj814i@node1    | \n"
    );
    assert_eq!(ran.stderr, "web.2.79498wyabzme@node2    | err line\n");
    assert!(run("service logs --no-task-ids web").stdout.starts_with("web.1@node1    | hello one\n"));
    assert!(run("service logs --details web").stdout.starts_with("web.1.fxvwlmpj814i@node1    |  hello one\n"));
    assert!(run("service logs --raw -t web").stdout.starts_with("2026-01-05T11:46:40.000000000Z hello one\n"));
    assert_eq!(run("service logs nope").all(), ("", "no such task or service: nope\n", Some(1)));
    let wide = run_with("service logs web", |request, _| match (cluster(request)?, request) {
        (Response::Service(_), Request::ServiceInspect { .. }) => {
            let mut web = services().into_iter().find(|service| service.spec.name == "web").expect("web");
            web.spec.mode = crate::swarm::api::ServiceMode::Replicated { replicas: Some(12) };
            Ok(Response::Service(Arc::new(web)))
        }
        (other, _) => Ok(other),
    });
    assert!(wide.stdout.starts_with("web.1.fxvwlmpj814i@node1     | hello one\n"));
}

#[test]
fn networks_by_name() {
    // 12.66
    assert_eq!(
        stdout("network ls"),
        "\
NETWORK ID     NAME              DRIVER    SCOPE
0af2c4288be3   bridge            bridge    local
c152442010db   docker_gwbridge   bridge    local
1ea68c681dbd   host              host      local
zo78ne9cpbbn   ingress           overlay   swarm
zxi3ccdh22an   iotd-net          overlay   swarm
d5dad2ddec19   none              null      local
"
    );
}

#[test]
fn containers() {
    // 12.89 to 12.93
    let table = "\
CONTAINER ID   IMAGE                       COMMAND                  CREATED              STATUS                       PORTS                                     NAMES
64d39338df47   nginx:1.25                  \"/docker-entrypoint.…\"   7 seconds ago        Up 5 seconds                 80/tcp                                    web.1.fxvwlmpj814ioiu9xqkbgrq39
bcd4ba40b618   diamol/ch12-timecheck:1.0   \"dotnet TimeCheck.dll\"   About a minute ago   Up About a minute                                                      timecheck.1.rncw0lwk21mqtv1trxgo91xsy
6e8c44fe55a9   nginx:1.25                  \"/docker-entrypoint.…\"   2 hours ago          Exited (137) 3 seconds ago   0.0.0.0:8080->80/tcp, [::]:8080->80/tcp   hostweb.1.gkvwgexgf64dxbykmlr0o82vn
";
    assert_eq!(stdout("ps -a"), table);
    assert_eq!(stdout("container list --all"), table);
    assert_eq!(stdout("ps --last 1 -q"), "64d39338df47\n");
    assert_eq!(run("rm nope").all(), ("", "Error response from daemon: No such container: nope\n", Some(1)));
    assert_eq!(run("rm -f nope").all(), ("", "", Some(0)));
    assert_eq!(run("kill nope").all(), ("", "Error response from daemon: No such container: nope\n", Some(1)));
    assert_eq!(stdout("container rm -f run1"), "run1\n");
    assert_eq!(stdout("stop -t 1 run1 run2"), "run1\nrun2\n");
}

#[test]
fn info_shows_the_swarm() {
    let text = stdout("info");
    assert!(text.starts_with(
        "Client:\n Version:    29.7.2\n Context:    default\n Debug Mode: false\n\nServer:\n Containers: 3\n"
    ));
    assert!(text.ends_with("UserlandProxyPath: /usr/bin/docker-proxy\n\n"));
    let swarm = " Swarm: active
  NodeID: uhxm9o0nuhtez09snald3c4wl
  Is Manager: true
  ClusterID: er2od6zeb4h2rhvm3wtndlitu
  Managers: 1
  Nodes: 3
  Default Address Pool: 10.0.0.0/8  
  SubnetSize: 24
  Data Path Port: 4789
  Orchestration:
   Task History Retention Limit: 5
  Raft:
   Snapshot Interval: 10000
   Number of Old Snapshots to Retain: 0
   Heartbeat Tick: 1
   Election Tick: 10
  Dispatcher:
   Heartbeat Period: 5 seconds
  CA Configuration:
   Expiry Duration: 3 months
   Force Rotate: 0
  Autolock Managers: false
  Root Rotation In Progress: false
  Node Address: 192.168.65.3
  Manager Addresses:
   192.168.65.3:2377
 Runtimes: io.containerd.runc.v2 runc
";
    assert!(text.contains(swarm), "{text}");
    assert_eq!(stdout("system info -f '{{.Swarm.LocalNodeState}}'"), "active\n");
    assert!(stdout("info -f '{{json .Swarm}}'").contains(r#""Spec":{"Name":"default","Labels":{},"Orchestration""#));
}

#[test]
fn version() {
    let text = stdout("version");
    assert!(text.contains(
        "\nServer:\n Engine:\n  Version:          29.7.2\n  API version:      1.55 (minimum version 1.40)\n"
    ));
    assert_eq!(stdout("version --format '{{.Server.Version}}'"), "29.7.2\n");
}
