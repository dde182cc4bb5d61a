//! Containers that people make themselves, on the engine of one host: `docker run` and its kin, commands inside of containers,
//! images, volumes, networks, events, and the engine's words about itself.
//!
//! Expected texts are those of the recordings docker-29/01, 03, 05, 07, 12 and 14 and of the command line reference, with what
//! differs from run to run (ids, times) taken out.

use crate::lab::{Lab, Ran};
use swarmlab::engine::Duration;
use swarmlab::swarm::object::Role;
use swarmlab::swarm::world::{DataCentre, HostSpec};

/// One bare host.
fn bare() -> Lab {
    Lab::of(DataCentre::of(0, vec![HostSpec::new("solo", None)]))
}

fn swarm() -> Lab {
    let host = |name: &str, last: u8, role| HostSpec {
        address: Some([10, 90, 0, last].into()),
        ..HostSpec::new(name, Some(role))
    };
    Lab::of(DataCentre::of(0, vec![host("solo", 31, Role::Manager), host("spare", 32, Role::Worker)]))
}

#[track_caller]
fn good(ran: &Ran) -> &str {
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{}", ran.out);
    &ran.out
}

#[track_caller]
fn refused(ran: &Ran, status: i32, err: &str) {
    assert_eq!((ran.err.as_str(), ran.status), (err, status), "{}", ran.out);
}

const HELP: &str = "\nRun 'docker run --help' for more information\n";

#[test]
fn a_container_is_run_in_the_background_and_stopped() {
    let mut lab = bare();
    let ran = lab.run("solo", "docker run -d --name web -p 8080:80 -e A=b nginx");
    assert_eq!(ran.status, 0);
    assert!(
        ran.err.starts_with(
            "Unable to find image 'nginx:latest' locally\nlatest: Pulling from library/nginx\nDigest: sha256:"
        ),
        "{}",
        ran.err
    );
    assert!(ran.err.ends_with("\nStatus: Downloaded newer image for nginx:latest\n"), "{}", ran.err);
    let id = ran.out.trim().to_owned();
    assert_eq!((id.len(), ran.out.lines().count()), (64, 1));
    let ps = lab.run("solo", "docker ps --format '{{.ID}} {{.Image}} {{.State}} {{.Ports}} {{.Names}}'").out;
    let ports = "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp";
    assert_eq!(ps, format!("{} nginx running {ports} web\n", &id[..12]));
    assert_eq!(good(&lab.run("solo", "docker port web")), "80/tcp -> 0.0.0.0:8080\n80/tcp -> [::]:8080\n");
    assert_eq!(good(&lab.run("solo", "docker port web 80")), "0.0.0.0:8080\n[::]:8080\n");
    refused(&lab.run("solo", "docker port web 81"), 1, "no public port '81/tcp' published for web\n");
    let address = "docker inspect -f '{{.NetworkSettings.Networks.bridge.IPAddress}} {{.State.Status}} {{.Name}}' web";
    assert_eq!(good(&lab.run("solo", address)), "172.17.0.2 running /web\n");
    assert_eq!(
        lab.run("solo", "docker rm web").err,
        "Error response from daemon: cannot remove container \"web\": container is running: stop the container before removing or force remove\n"
    );
    assert_eq!(good(&lab.run("solo", "docker stop web")), "web\n");
    assert!(lab.run("solo", "docker ps -a").out.contains("Exited (0)"));
    assert_eq!(good(&lab.run("solo", "docker wait web")), "0\n");
    assert_eq!(good(&lab.run("solo", "docker start web")), "web\n");
    assert_eq!(good(&lab.run("solo", "docker rm -f web")), "web\n");
    refused(
        &lab.run("solo", "docker start web"),
        1,
        "Error response from daemon: No such container: web\nfailed to start containers: web\n",
    );
    assert_eq!(lab.run("solo", "docker ps -aq").out, "");
}

#[test]
fn names_and_ports_that_somebody_has_are_refused() {
    let mut lab = bare();
    let first = lab.run("solo", "docker run -d --name web -p 8080:80 nginx").out;
    let text = format!(
        "docker: Error response from daemon: Conflict. The container name \"/web\" is already in use by container \"{}\". You have to remove (or rename) that container to be able to reuse that name.\n{HELP}",
        first.trim()
    );
    refused(&lab.run("solo", "docker run -d --name web nginx"), 125, &text);
    let taken = lab.run("solo", "docker run -d --name web2 -p 8080:80 nginx");
    assert_eq!((taken.status, taken.out.trim().len()), (125, 64));
    let head = "docker: Error response from daemon: failed to set up container networking: driver failed programming external connectivity on endpoint web2 (";
    assert!(taken.err.starts_with(head), "{}", taken.err);
    assert!(
        taken.err.ends_with(&format!("): Bind for 0.0.0.0:8080 failed: port is already allocated\n{HELP}")),
        "{}",
        taken.err
    );
    // It is there all the same.
    assert!(lab.run("solo", "docker ps -a --filter name=web2").out.contains("Created"));
    assert_eq!(lab.run("solo", "docker run -d -p 80 nginx").status, 0);
    assert!(lab.run("solo", "docker ps --latest").out.contains("0.0.0.0:32768->80/tcp"));
    refused(
        &lab.run("solo", "docker create --name web nginx"),
        1,
        &text.trim_start_matches("docker: ").replace(HELP, ""),
    );
}

#[test]
fn the_exit_status_is_the_containers() {
    let mut lab = bare();
    assert_eq!(good(&lab.run("solo", "docker pull -q diamol/base")), "docker.io/diamol/base:latest\n");
    // Recording docker-29/03.
    assert_eq!(good(&lab.run("solo", "docker run --rm diamol/base:latest echo hello")), "hello\n");
    assert_eq!(lab.run("solo", "docker ps -aq").out, "");
    assert_eq!(lab.run("solo", "docker run --rm diamol/base sh -c 'exit 3'").status, 3);
    assert_eq!(lab.run("solo", "docker run --rm diamol/base false").status, 1);
    let missing = lab.run("solo", "docker run --rm diamol/base /no/such");
    refused(
        &missing,
        127,
        &format!(
            "docker: Error response from daemon: failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: exec: \"/no/such\": stat /no/such: no such file or directory\n{HELP}"
        ),
    );
    refused(
        &lab.run("solo", "docker run --bogus nginx"),
        125,
        "unknown flag: --bogus\n\nUsage:  docker run [OPTIONS] IMAGE [COMMAND] [ARG...]\n\nRun 'docker run --help' for more information\n",
    );
    refused(
        &lab.run("solo", "docker run"),
        1,
        "docker: 'docker run' requires at least 1 argument\n\nUsage:  docker run [OPTIONS] IMAGE [COMMAND] [ARG...]\n\nSee 'docker run --help' for more information\n",
    );
    refused(&lab.run("solo", "docker run UPPER"), 125, &format!("docker: invalid reference format\n{HELP}"));
}

#[test]
fn an_image_that_cannot_be_had_is_told_of() {
    let mut lab = bare();
    lab.direct("image ghost missing");
    refused(
        &lab.run("solo", "docker run ghost"),
        125,
        &format!(
            "Unable to find image 'ghost:latest' locally\ndocker: Error response from daemon: failed to resolve reference \"docker.io/library/ghost:latest\": docker.io/library/ghost:latest: not found\n{HELP}"
        ),
    );
    refused(
        &lab.run("solo", "docker run --pull never ghost"),
        125,
        &format!("docker: Error response from daemon: No such image: ghost:latest\n{HELP}"),
    );
}

/// A program that the image really has and that is not played is not said to be missing.
#[test]
fn what_is_not_played_is_told_as_such() {
    let mut lab = bare();
    good(&lab.run("solo", "docker pull -q alpine"));
    let daemon = |text: &str| format!("docker: Error response from daemon: {text}\n{HELP}");
    refused(
        &lab.run("solo", "docker run alpine touch /x"),
        125,
        &daemon("swarmlab: 'touch' inside a container is not modelled yet"),
    );
    refused(
        &lab.run("solo", "docker run alpine sh -c 'touch /x; sleep 1'"),
        125,
        &daemon("swarmlab: the script 'touch /x; sleep 1' inside a container is not modelled yet"),
    );
    refused(
        &lab.run("solo", "docker run --network container:box alpine true"),
        125,
        &daemon("swarmlab: the network of another container is not modelled yet"),
    );
    let box_ = lab.run("solo", "docker run -d --name box alpine sleep 1d");
    assert_eq!(box_.status, 0, "{}", box_.err);
    refused(
        &lab.run("solo", "docker exec box touch /x"),
        126,
        "swarmlab: 'touch' inside a container is not modelled yet\n",
    );
    let nope = lab.run("solo", "docker exec box nope");
    assert_eq!(nope.status, 127, "{}{}", nope.out, nope.err);
}

#[test]
fn limits_that_the_host_cannot_keep_are_refused() {
    let mut lab = bare();
    good(&lab.run("solo", "docker pull -q alpine"));
    let daemon = |text: &str| format!("docker: Error response from daemon: {text}\n{HELP}");
    refused(
        &lab.run("solo", "docker run --cpus 99 alpine true"),
        125,
        &daemon("range of CPUs is from 0.01 to 4.00, as there are only 4 CPUs available"),
    );
    refused(&lab.run("solo", "docker run -m 5m alpine true"), 125, &daemon("Minimum memory limit allowed is 6MB"));
}

#[test]
fn the_first_container_of_every_course_says_hello() {
    let mut lab = bare();
    let ran = lab.run("solo", "docker run hello-world");
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(ran.out.contains("Hello from Docker!\n"), "{}", ran.out);
}

#[test]
fn restart_policies_do_what_they_say() {
    let mut lab = bare();
    lab.run("solo", "docker run -d --name again --restart on-failure:2 diamol/base sh -c 'sleep 1; exit 4'");
    lab.pass(Duration::from_secs(30));
    let count = "docker inspect -f '{{.RestartCount}} {{.State.Status}} {{.State.ExitCode}}' again";
    assert_eq!(good(&lab.run("solo", count)), "2 exited 4\n");
    lab.run("solo", "docker run -d --name always --restart always nginx");
    lab.run("solo", "docker run -d --name once nginx");
    lab.run("solo", "docker run -d --name stopped --restart unless-stopped nginx");
    lab.run("solo", "docker stop stopped");
    let names = "docker ps --format '{{.Names}}'";
    assert_eq!(lab.run("solo", names).out, "once\nalways\n");
    // A daemon that starts again ends what its predecessor left, and starts what is to run.
    lab.direct("kill solo daemon");
    lab.direct("boot solo daemon");
    lab.pass(Duration::from_secs(30));
    assert_eq!(lab.run("solo", names).out, "always\n");
    lab.direct("kill solo");
    lab.direct("boot solo");
    lab.pass(Duration::from_secs(60));
    assert_eq!(lab.run("solo", names).out, "always\n");
    lab.run("solo", "docker stop always");
    lab.pass(Duration::from_secs(90));
    assert_eq!(lab.run("solo", names).out, "");
}

#[test]
fn the_swarm_leaves_containers_of_others_alone() {
    let mut lab = swarm();
    lab.run("solo", "docker run -d --name mine nginx");
    lab.run("solo", "docker service create -q --name web --mode global nginx");
    assert_eq!(lab.run("solo", "docker ps -q").out.lines().count(), 2);
    assert_eq!(lab.run("solo", "docker ps --filter is-task=false --format '{{.Names}}'").out, "mine\n");
    lab.run("solo", "docker service rm web");
    lab.pass(Duration::from_secs(30));
    assert_eq!(lab.run("solo", "docker ps --format '{{.Names}}'").out, "mine\n");
    lab.run("solo", "docker swarm leave --force");
    assert_eq!(lab.run("solo", "docker ps --format '{{.Names}}'").out, "mine\n");
}

/// The lab that the introduction has: three services on one network.
fn names() -> Lab {
    let mut lab = swarm();
    lab.run("solo", "docker network create --driver overlay iotd-net");
    let solo = "--constraint node.hostname==solo --network iotd-net";
    lab.run("solo", &format!("docker service create -q --replicas 2 --name accesslog {solo} nginx"));
    lab.run("solo", "docker service create -q --name iotd --network name=iotd-net,alias=day --constraint node.hostname==spare nginx");
    lab.run("solo", &format!("docker service create -q --name rr --endpoint-mode dnsrr --replicas 2 {solo} nginx"));
    lab.run("solo", "docker service create -q --name alone nginx");
    lab
}

const INSIDE: &str = "docker exec $(docker ps -qf name=accesslog.1)";

#[test]
fn names_are_known_inside_of_containers() {
    let mut lab = names();
    let vip = lab.run("solo", "docker service inspect -f '{{(index .Endpoint.VirtualIPs 0).Addr}}' iotd").out;
    let vip = vip.trim().trim_end_matches("/24").to_owned();
    // Recording docker-29/01: which of the two answers comes first is not said.
    let found = lab.run("solo", &format!("{INSIDE} nslookup iotd"));
    let head = "Server:\t\t127.0.0.11\nAddress:\t127.0.0.11:53\n\n";
    let answer = format!("Non-authoritative answer:\nName:\tiotd\nAddress: {vip}\n\n");
    let nothing = "Non-authoritative answer:\n\n";
    let both = [format!("{head}{answer}{nothing}"), format!("{head}{nothing}{answer}")];
    assert!(both.contains(&good(&found).to_owned()), "{}", found.out);
    let count = |lab: &mut Lab, name: &str| {
        let ran = lab.run("solo", &format!("{INSIDE} nslookup {name}"));
        ran.out.lines().filter(|line| line.starts_with("Address: ")).count()
    };
    for (name, addresses) in [
        ("tasks.accesslog", 2),
        ("day", 1),
        ("tasks.day", 1),
        ("rr", 2),
        ("IOTD", 1),
        ("iotd.iotd-net", 1),
        ("accesslog.1", 0),
        ("alone", 0),
    ] {
        assert_eq!(count(&mut lab, name), addresses, "{name}");
    }
    let unknown = lab.run("solo", &format!("{INSIDE} nslookup nosuch"));
    assert_eq!(unknown.out, format!("{head}{}", "** server can't find nosuch: NXDOMAIN\n\n".repeat(2)));
    assert_eq!(unknown.status, 1);
    lab.direct("registry down");
    let unknown = lab.run("solo", &format!("{INSIDE} nslookup nosuch"));
    assert_eq!(unknown.out, format!("{head}{}", "** server can't find nosuch: SERVFAIL\n\n".repeat(2)));
    // A service without tasks has no name.
    lab.run("solo", "docker service scale -d iotd=0");
    lab.pass(Duration::from_secs(20));
    assert_eq!(count(&mut lab, "iotd"), 0);
    let resolver = lab.run("solo", &format!("{INSIDE} cat /etc/resolv.conf")).out;
    assert_eq!(
        resolver,
        "# Generated by Docker Engine.\n# This file can be edited; Docker Engine will not make further changes once it\n# has been modified.\n\nnameserver 127.0.0.11\noptions ndots:0\n\n# Based on host file: '/etc/resolv.conf' (internal resolver)\n# ExtServers: [host(10.0.0.1)]\n# Overrides: []\n# Option ndots from: internal\n"
    );
}

#[test]
fn connections_inside_of_containers_arrive_or_not() {
    let mut lab = names();
    let page = lab.run("solo", &format!("{INSIDE} wget -qO- http://iotd"));
    assert!(good(&page).starts_with("<html><body>nginx from "), "{}", page.out);
    let loud = lab.run("solo", &format!("{INSIDE} wget -O- iotd"));
    assert!(loud.err.starts_with("Connecting to iotd (10.0."), "{}", loud.err);
    assert!(loud.err.contains("\nwriting to stdout\n") && loud.err.ends_with("written to stdout\n"), "{}", loud.err);
    refused(&lab.run("solo", &format!("{INSIDE} wget -qO- http://nosuch")), 1, "wget: bad address 'nosuch'\n");
    let closed = lab.run("solo", &format!("{INSIDE} wget -qO- http://iotd:81"));
    assert!(closed.err.starts_with("wget: can't connect to remote host (10.0."), "{}", closed.err);
    assert!(closed.err.ends_with("): Connection refused\n") && closed.status == 1, "{}", closed.err);
    refused(&lab.run("solo", &format!("{INSIDE} curl -s nosuch")), 6, "");
    refused(&lab.run("solo", &format!("{INSIDE} curl nosuch")), 6, "curl: (6) Could not resolve host: nosuch\n");
    let ping = lab.run("solo", &format!("{INSIDE} ping -c 3 iotd"));
    assert!(good(&ping).contains("3 packets transmitted, 3 packets received, 0% packet loss\n"), "{}", ping.out);
    assert!(ping.took >= Duration::from_secs(2) && ping.took < Duration::from_secs(3), "{:?}", ping.took);
    refused(&lab.run("solo", &format!("{INSIDE} ping -c 1 nosuch")), 1, "ping: bad address 'nosuch'\n");
    // The wire between the two hosts is cut: nobody says anything.
    lab.direct("partition solo | spare");
    let silent = lab.run("solo", &format!("{INSIDE} wget -T 3 -qO- http://iotd"));
    refused(&silent, 1, "wget: download timed out\n");
    assert!(silent.took >= Duration::from_secs(3) && silent.took < Duration::from_secs(4), "{:?}", silent.took);
}

#[test]
fn the_interfaces_of_a_task_are_those_of_its_networks() {
    let mut lab = swarm();
    lab.run("solo", "docker network create -d overlay net1");
    lab.run(
        "solo",
        "docker service create -q --name web -p 8010:80 --network net1 --constraint node.hostname==solo nginx",
    );
    let ran = lab.run("solo", "docker exec $(docker ps -q) ip -o -4 a");
    let short: Vec<&str> = good(&ran).lines().map(|line| line.split("    ").nth(1).unwrap_or_default()).collect();
    let wanted = [
        "inet 127.0.0.1/8 scope host lo\\   ",
        "inet 10.0.1.3/24 brd 10.0.1.255 scope global eth0\\   ",
        "inet 172.18.0.3/16 brd 172.18.255.255 scope global eth1\\   ",
        "inet 10.0.0.5/24 brd 10.0.0.255 scope global eth2\\   ",
    ];
    for (line, wanted) in short.iter().zip(wanted) {
        assert!(line.starts_with(wanted.trim_end()), "{line} is not {wanted}");
    }
    assert_eq!(short.len(), 4);
    let usage = lab.run("solo", "docker exec $(docker ps -q) ip -br a");
    assert!(usage.status == 1 && usage.err.starts_with("BusyBox v1.35.0"), "{}", usage.err);
    assert!(
        lab.run("solo", "docker exec $(docker ps -q) ip route").out.starts_with("default via 172.18.0.1 dev eth1 \n")
    );
}

#[test]
fn a_shell_inside_of_a_container_knows_its_files() {
    let mut lab = swarm();
    lab.run("solo", "printf s3cret > pw; printf '{\"k\":1}\\n' > app.json");
    lab.run("solo", "docker secret create db-pass pw; docker config create app-config app.json");
    lab.run("solo", "docker service create -q --name sec --constraint node.hostname==solo --secret db-pass --config source=app-config,target=/etc/app.json -e A=1 nginx");
    let ran = lab.run("solo", "docker exec $(docker ps -q) sh -c \"ls -l /run/secrets; cat /run/secrets/db-pass; echo; cat /etc/app.json; ls -l /etc/app.json; grep secrets /proc/mounts\"");
    // Recording docker-29/07; the moment is the container's.
    let shown = regex::Regex::new(r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d")
        .expect("a pattern")
        .replace_all(good(&ran), "WHEN")
        .into_owned();
    assert_eq!(
        shown,
        "total 4\n-r--r--r--    1 root     0                6 WHEN db-pass\ns3cret\n{\"k\":1}\n-r--r--r--    1 root     0                8 WHEN /etc/app.json\ntmpfs /run/secrets/db-pass tmpfs ro,relatime 0 0\n"
    );
    let exec = |lab: &mut Lab, command: &str| lab.run("solo", &format!("docker exec $(docker ps -q) {command}"));
    assert_eq!(exec(&mut lab, "whoami").out, "root\n");
    assert_eq!(exec(&mut lab, "sh -c 'echo $A; exit 7'").status, 7);
    assert!(exec(&mut lab, "env").out.contains("\nA=1\n"));
    assert_eq!(exec(&mut lab, "hostname").out.trim().len(), 12);
    refused(&exec(&mut lab, "sh -c foo"), 127, "sh: foo: not found\n");
    let missing = exec(&mut lab, "foo");
    assert_eq!(
        (missing.out.as_str(), missing.status),
        (
            "OCI runtime exec failed: exec failed: unable to start container process: exec: \"foo\": executable file not found in $PATH\n",
            127
        )
    );
    refused(&lab.run("solo", "docker exec nosuch ls"), 1, "Error response from daemon: No such container: nosuch\n");
    refused(&exec(&mut lab, "cat /nosuch"), 1, "cat: can't open '/nosuch': No such file or directory\n");
}

#[test]
fn lines_typed_at_a_shell_keep_its_folder_and_its_variables() {
    let mut lab = bare();
    lab.run("solo", "docker run -d --name web nginx");
    lab.begin("solo", "docker exec -it web sh");
    for line in ["cd /etc", "export A=5", "echo $A $PWD", "false", "echo $?", "exit 3"] {
        lab.answer("solo", line);
    }
    let ran = lab.end("solo", Duration::from_secs(9)).expect("it ends");
    assert_eq!(ran.out, "/ # /etc # /etc # 5 /etc\n/etc # /etc # 1\n/etc # ");
    assert_eq!(ran.status, 3);
    // Nobody types: the shell ends as by Ctrl-D.
    let ran = lab.run("solo", "docker run --rm -it diamol/base");
    assert_eq!((ran.out.as_str(), ran.status), ("/ # \n", 0));
    assert_eq!(lab.run("solo", "docker ps -q").out.lines().count(), 1);
    refused(&lab.run("solo", "echo ls | docker exec -it web sh"), 1, "the input device is not a TTY\n");
    assert_eq!(lab.run("solo", "echo hostname | docker exec -i web sh").status, 0);
}

#[test]
fn a_network_of_ones_own_knows_names_and_gives_addresses() {
    let mut lab = bare();
    assert_eq!(good(&lab.run("solo", "docker network create net1")).trim().len(), 64);
    lab.run("solo", "docker run -d --name front1 --network net1 --network-alias front nginx");
    lab.run("solo", "docker run -d --name back1 nginx");
    assert_eq!(good(&lab.run("solo", "docker network connect --alias back net1 back1")), "");
    let own = "docker network inspect -f '{{range .Containers}}{{.Name}} {{.IPv4Address}} {{end}}' net1";
    let shown = lab.run("solo", own).out;
    assert!(shown.contains("front1 172.18.0.2/16 ") && shown.contains("back1 172.18.0.3/16 "), "{shown}");
    assert!(lab.run("solo", "docker exec front1 nslookup back").out.contains("Address: 172.18.0.3\n"));
    assert!(lab.run("solo", "docker exec back1 nslookup front").out.contains("Address: 172.18.0.2\n"));
    assert!(good(&lab.run("solo", "docker exec front1 wget -qO- back1")).starts_with("<html>"));
    let busy = lab.run("solo", "docker network rm net1");
    assert!(
        busy.err.starts_with(
            "Error response from daemon: error while removing network: network net1 has active endpoints (name:\""
        ),
        "{}",
        busy.err
    );
    assert_eq!(good(&lab.run("solo", "docker network disconnect net1 back1")), "");
    assert_eq!(lab.run("solo", "docker exec front1 nslookup back").status, 1);
    lab.run("solo", "docker rm -f front1 back1");
    assert_eq!(good(&lab.run("solo", "docker network prune -f")), "Deleted Networks:\nnet1\n\n");
    refused(
        &lab.run("solo", "docker run --rm --network nosuch diamol/base echo hi"),
        125,
        &format!(
            "Unable to find image 'diamol/base:latest' locally\nlatest: Pulling from diamol/base\nDigest: sha256:{}\nStatus: Downloaded newer image for diamol/base:latest\ndocker: Error response from daemon: failed to set up container networking: network nosuch not found\n{HELP}",
            digest(&mut lab)
        ),
    );
}

fn digest(lab: &mut Lab) -> String {
    let shown = lab.run("solo", "docker image inspect -f '{{.Id}}' diamol/base").out;
    shown.trim().trim_start_matches("sha256:").to_owned()
}

/// Recordings docker-29/05 and 14.
#[test]
fn a_network_of_the_swarm_is_not_for_everyone() {
    let mut lab = swarm();
    lab.run("solo", "docker pull diamol/base");
    lab.run("solo", "docker network create -d overlay net1");
    refused(
        &lab.run("solo", "docker run --rm --network net1 diamol/base:latest echo hi"),
        125,
        &format!(
            "docker: Error response from daemon: failed to set up container networking: Could not attach to network net1: rpc error: code = PermissionDenied desc = network net1 not manually attachable\n{HELP}"
        ),
    );
    assert_eq!(lab.run("solo", "docker ps -aq").out, "");
}

/// Recording docker-29/03: what `docker run --rm` is told of.
#[test]
fn events_tell_what_happened() {
    let mut lab = bare();
    lab.run("solo", "docker pull diamol/base");
    lab.pass(Duration::from_secs(20));
    lab.run("solo", "docker run --rm --name xx diamol/base:latest echo hello");
    lab.pass(Duration::from_secs(2));
    let ran = lab.run("solo", "docker events --since 10s --until 0s");
    let ids = regex::Regex::new(r"[0-9a-f]{64}").expect("a pattern").replace_all(good(&ran), "ID").into_owned();
    let lines: Vec<&str> = ids.lines().map(|line| &line[31..]).collect();
    let of = "(image=diamol/base:latest, name=xx)";
    let bridge = "ID (container=ID, name=bridge, type=bridge)";
    assert_eq!(
        lines,
        [
            format!("container create ID {of}"),
            format!("container attach ID {of}"),
            format!("network connect {bridge}"),
            format!("container start ID {of}"),
            format!("network disconnect {bridge}"),
            "container die ID (execDuration=0, exitCode=0, image=diamol/base:latest, name=xx)".to_owned(),
            format!("container destroy ID {of}"),
        ]
    );
    assert_eq!(&ids[10..11], "T");
    let some = "docker events --since 30s --until 0s --filter event=die --filter type=container --format '{{.Type}} {{.Action}} {{.Actor.Attributes.exitCode}}'";
    assert_eq!(good(&lab.run("solo", some)), "container die 0\n");
    // One that looks on sees them as they come, and ends with Ctrl-C.
    lab.begin("solo", "docker events");
    assert!(lab.end("solo", Duration::from_secs(5)).is_none());
    lab.interrupt("solo");
    refused(
        &lab.run("solo", "docker events --filter bogus=1 --until 0s"),
        1,
        "Error response from daemon: invalid filter 'bogus'\n",
    );
}

#[test]
fn managers_tell_of_the_swarms_objects() {
    let mut lab = swarm();
    lab.run("solo", "docker service create -q --name web nginx");
    lab.run("solo", "docker service scale -d web=3");
    lab.run("solo", "docker node update --availability drain spare");
    lab.run("solo", "docker service rm web");
    lab.pass(Duration::from_secs(2));
    let told = |lab: &mut Lab, host: &str| {
        lab.run(host, "docker events --since 1h --until 0s --filter scope=swarm --format '{{.Type}} {{.Action}} {{.Actor.Attributes}}'").out
    };
    let all = told(&mut lab, "solo");
    for line in [
        "service create map[name:web]",
        "service update map[name:web replicas.new:3 replicas.old:1]",
        "node update map[availability.new:drain availability.old:active name:spare]",
        "service remove map[name:web]",
    ] {
        assert!(all.lines().any(|told| told == line), "{line} is not in\n{all}");
    }
    assert_eq!(told(&mut lab, "spare"), "");
}

#[test]
fn volumes_are_made_used_and_removed() {
    let mut lab = bare();
    assert_eq!(good(&lab.run("solo", "docker volume create data")), "data\n");
    lab.run("solo", "docker run -d --name db -v data:/var/lib/db -v other:/x nginx");
    assert_eq!(good(&lab.run("solo", "docker volume ls")), "DRIVER    VOLUME NAME\nlocal     data\nlocal     other\n");
    let id = lab.run("solo", "docker ps -q --no-trunc").out;
    refused(
        &lab.run("solo", "docker volume rm data"),
        1,
        &format!("Error response from daemon: remove data: volume is in use - [{}]\n", id.trim()),
    );
    assert_eq!(
        good(&lab.run("solo", "docker inspect -f '{{range .Mounts}}{{.Type}} {{.Name}} {{.Destination}};{{end}}' db")),
        "volume data /var/lib/db;volume other /x;\n"
    );
    lab.run("solo", "docker rm -f db");
    assert_eq!(good(&lab.run("solo", "docker volume rm data")), "data\n");
    refused(&lab.run("solo", "docker volume rm data"), 1, "Error response from daemon: get data: no such volume\n");
    assert_eq!(
        good(&lab.run("solo", "docker volume prune -af")),
        "Deleted Volumes:\nother\n\nTotal reclaimed space: 0B\n"
    );
}

/// Recording docker-29/14.
#[test]
fn images_are_listed_as_a_tree() {
    let mut lab = bare();
    lab.run("solo", "docker pull diamol/base");
    let id = &digest(&mut lab)[..12];
    let tree = lab.run("solo", "docker image ls --tree");
    let mut lines = good(&tree).lines();
    assert!(
        lines.next().is_some_and(
            |line| line.starts_with("IMAGE                ID             DISK USAGE   CONTENT SIZE   EXTRA")
        )
    );
    assert!(lines.next().is_some_and(|line| line.starts_with(&format!("diamol/base:latest   {id}   "))));
    assert!(lines.next().is_some_and(|line| line.starts_with(&format!("└─ linux/amd64       {id}   "))));
    assert_eq!(lines.next(), Some(""));
    assert_eq!(lab.run("solo", "docker rmi nosuch").err, "Error response from daemon: No such image: nosuch:latest\n");
    lab.run("solo", "docker run -d --name xx diamol/base sleep 100");
    assert!(
        lab.run("solo", "docker rmi diamol/base")
            .err
            .contains("conflict: unable to delete diamol/base (must be forced) - container ")
    );
}

/// Recording docker-29/14: the fields and their order; the values that belong to the model's host differ.
#[test]
fn the_engine_tells_all_of_itself() {
    let recorded = include_str!("../recordings/docker-29-14-info.json");
    let recorded: serde_json::Value = serde_json::from_str(recorded).expect("JSON");
    let mut lab = swarm();
    let own = lab.run("solo", "docker system info --format '{{json .}}'").out;
    let own: serde_json::Value = serde_json::from_str(&own).expect("JSON");
    let keys = |value: &serde_json::Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&own), keys(&recorded));
    for part in ["Swarm", "Plugins", "RegistryConfig", "Runtimes", "FirewallBackend", "Containerd", "ClientInfo"] {
        assert_eq!(keys(&own[part]), keys(&recorded[part]), "{part}");
    }
    for part in [
        "Driver",
        "DriverStatus",
        "Plugins",
        "RegistryConfig",
        "Runtimes",
        "RuncCommit",
        "ServerVersion",
        "OSVersion",
        "ClientInfo",
    ] {
        assert_eq!(own[part], recorded[part], "{part}");
    }
    assert_eq!(
        good(&lab.run("solo", "docker version --format '{{.Client.Version}} {{.Client.APIVersion}} {{.Server.Version}} {{.Server.APIVersion}}'")),
        "29.7.2 1.55 29.7.2 1.55\n"
    );
}

#[test]
fn what_a_container_writes_is_followed_until_it_ends() {
    let mut lab = bare();
    lab.run("solo", "docker run -d --name tt diamol/ch12-timecheck:1.0");
    lab.begin("solo", "docker logs -f tt");
    assert!(lab.end("solo", Duration::from_secs(12)).is_none());
    lab.direct("kill tt");
    let ran = lab.end("solo", Duration::from_secs(5)).expect("it ends with the container");
    assert_eq!((ran.status, ran.out.lines().count()), (0, 3), "{}", ran.out);
    let top = lab.run("solo", "docker top tt");
    assert_eq!((top.status, top.err.starts_with("Error response from daemon: container ")), (1, true));
    assert_eq!(good(&lab.run("solo", "docker container prune -f")).lines().next(), Some("Deleted Containers:"));
}
