//! Flags of services in a whole swarm: generic resources from the host to the container, logging drivers, and what is
//! carried to containers.
//!
//! Facts: cli.md §5.2, §5.3, §5.8, §7.5; control-plane.md §3.4.

use crate::lab::Lab;
use swarmlab::engine::Duration;
use swarmlab::scenario::Scenario;
use swarmlab::scenario::run::{Options, data_centre};
use swarmlab::swarm::api::Driver;
use swarmlab::swarm::object::{Generic, Role};
use swarmlab::swarm::world::{DataCentre, HostSpec};

fn ok(lab: &mut Lab, line: &str) -> String {
    let ran = lab.run("m1", line);
    assert_eq!((ran.err.as_str(), ran.status), ("", 0), "{line}\n{}", ran.out);
    ran.out
}

/// m1 without anything special, w1 with two graphics cards that have names, w2 with five of something.
fn with_resources() -> Lab {
    let worker = |name: &str, terms: &[&str]| {
        let mut host = HostSpec::new(name, Some(Role::Worker));
        host.generic = Generic::parse(terms.iter().copied()).expect("they are right");
        host
    };
    let hosts = vec![
        HostSpec::new("m1", Some(Role::Manager)),
        worker("w1", &["gpu=uuid-b", "gpu=uuid-a"]),
        worker("w2", &["ssd=5"]),
    ];
    Lab::of(DataCentre::of(1, hosts))
}

#[test]
fn generic_resources_are_shown_counted_and_told_to_containers() {
    let mut lab = with_resources();
    assert_eq!(
        ok(&mut lab, "docker node inspect w1 w2 --format '{{json .Description.Resources.GenericResources}}'"),
        "[{\"NamedResourceSpec\":{\"Kind\":\"gpu\",\"Value\":\"uuid-b\"}},{\"NamedResourceSpec\":{\"Kind\":\"gpu\",\
         \"Value\":\"uuid-a\"}}]\n[{\"DiscreteResourceSpec\":{\"Kind\":\"ssd\",\"Value\":5}}]\n"
    );
    let none = ok(&mut lab, "docker node inspect m1 --format '{{json .Description.Resources}}'");
    assert_eq!(none, "{\"NanoCPUs\":4000000000,\"MemoryBytes\":8331333632}\n");
    let pretty = ok(&mut lab, "docker node inspect --pretty w1");
    assert!(pretty.contains("Resources:\n CPUs:\t\t\t4\n Memory:\t\t7.759GiB\nPlugins:\n"), "{pretty}");
    ok(&mut lab, "docker service create -d --name ai --replicas 3 --generic-resource gpu=1 nginx:1.25");
    ok(&mut lab, "docker service create -d --name db --replicas 3 --generic-resource ssd=2 nginx:1.25");
    lab.pass(Duration::from_secs(30));
    for (service, node) in [("ai", "w1"), ("db", "w2")] {
        let running = format!(
            "docker service ps {service} --filter desired-state=running --format '{{{{.Node}}}} {{{{.Error}}}}'"
        );
        let mut rows: Vec<String> = ok(&mut lab, &running).lines().map(str::to_owned).collect();
        rows.sort();
        let short = " \"no suitable node (insufficient resources on 3 nodes)\"";
        let shown: String = rows[0].clone();
        assert!(short.starts_with(shown.trim_end_matches(['…', '"'])), "{shown}");
        assert_eq!(rows[1..], [format!("{node} "), format!("{node} ")]);
    }
    let why = ok(&mut lab, "docker service ps ai --no-trunc --format '{{.Error}}' | grep suitable");
    assert_eq!(why, "\"no suitable node (insufficient resources on 3 nodes)\"\n");
    // What each task was given, in the task and in its container.
    let ids = ok(&mut lab, "docker service ps ai --filter node=w1 -q");
    let mut given: Vec<String> = Vec::new();
    for id in ids.lines() {
        given.push(ok(&mut lab, &format!("docker inspect --type task --format '{{{{json .GenericResources}}}}' {id}")));
    }
    given.sort();
    let card = |name: &str| format!("[{{\"NamedResourceSpec\":{{\"Kind\":\"gpu\",\"Value\":\"{name}\"}}}}]\n");
    assert_eq!(given, [card("uuid-a"), card("uuid-b")]);
    let env = |lab: &mut Lab, host: &str| {
        let ran = lab.run(host, "docker inspect --format '{{json .Config.Env}}' $(docker ps -q) | sort");
        assert_eq!(ran.status, 0, "{}", ran.err);
        ran.out
    };
    assert_eq!(env(&mut lab, "w1"), "[\"DOCKER_RESOURCE_GPU=uuid-a\"]\n[\"DOCKER_RESOURCE_GPU=uuid-b\"]\n");
    assert_eq!(env(&mut lab, "w2"), "[\"DOCKER_RESOURCE_SSD=2\"]\n[\"DOCKER_RESOURCE_SSD=2\"]\n");
    // Who asks for less has room.
    ok(&mut lab, "docker service update -d --generic-resource-add ssd=1 db");
    lab.pass(Duration::from_minutes(2));
    let running = "docker service ls --filter name=db --format '{{.Replicas}}'";
    assert_eq!(ok(&mut lab, running), "3/3\n");
    ok(&mut lab, "docker service update -d --generic-resource-rm gpu ai");
    lab.pass(Duration::from_minutes(2));
    assert_eq!(ok(&mut lab, &running.replace("db", "ai")), "3/3\n");
}

#[test]
fn an_unknown_logging_driver_is_on_no_node_and_the_known_reach_containers() {
    let mut centre = DataCentre::swarm(2, 1, 0);
    centre.settings.task_log_driver = Some(Driver { name: "local".into(), ..Driver::default() });
    let mut lab = Lab::of(centre);
    ok(&mut lab, "docker service create -d --name odd --log-driver loki nginx:1.25");
    ok(&mut lab, "docker service create -d --name own --log-driver syslog --log-opt tag=x nginx:1.25");
    ok(&mut lab, "docker service create -d --name usual nginx:1.25");
    ok(&mut lab, "docker service create -d --name mute --log-driver none nginx:1.25");
    lab.pass(Duration::from_secs(20));
    assert_eq!(
        ok(&mut lab, "docker service ps odd --no-trunc --format '{{.CurrentState}} {{.Error}}' | cut -d' ' -f1,5-"),
        "Pending \"no suitable node (missing plugin on 1 node)\"\n"
    );
    let config = |lab: &mut Lab, name: &str| {
        let line = "docker inspect --format '{{json .HostConfig.LogConfig}}' $(docker ps -q --filter name=";
        ok(lab, &format!("{line}{name})"))
    };
    assert_eq!(config(&mut lab, "own"), "{\"Type\":\"syslog\",\"Config\":{\"tag\":\"x\"}}\n");
    assert_eq!(config(&mut lab, "usual"), "{\"Type\":\"local\",\"Config\":{}}\n", "the cluster's");
    assert_eq!(config(&mut lab, "mute"), "{\"Type\":\"none\",\"Config\":{}}\n");
    let logs = lab.run("m1", "docker logs $(docker ps -q --filter name=mute)");
    assert_eq!(logs.err, "Error response from daemon: configured logging driver does not support reading\n");
    // The Engine API passes the cluster's driver on in neither direction.
    let info = ok(&mut lab, "docker info --format '{{json .Swarm.Cluster.Spec.TaskDefaults}}'");
    assert_eq!(info, "{}\n");
}

#[test]
fn what_a_service_carries_arrives_in_its_container() {
    let mut lab = Lab::swarm(3, 1, 0);
    ok(
        &mut lab,
        "docker service create -d --name web --group 7 --tty --read-only --host db:10.0.0.9 --dns 1.1.1.1 --sysctl a=1 \
         --ulimit nofile=5:6 --cap-add kill --with-registry-auth nginx:1.25",
    );
    lab.pass(Duration::from_secs(20));
    let host = ok(&mut lab, "docker inspect --format '{{json .HostConfig}}' $(docker ps -q)");
    for part in [
        r#""LogConfig":{"Type":"json-file","Config":{}}"#,
        r#""CapAdd":["CAP_KILL"],"CapDrop":null,"Dns":["1.1.1.1"],"DnsOptions":null"#,
        r#""ExtraHosts":["db:10.0.0.9"],"GroupAdd":["7"]"#,
        r#""ReadonlyRootfs":true,"Sysctls":{"a":"1"}"#,
        r#""Ulimits":[{"Name":"nofile","Hard":6,"Soft":5}]"#,
    ] {
        assert!(host.contains(part), "{part} is not in {host}");
    }
    assert_eq!(ok(&mut lab, "docker inspect --format '{{.Config.Tty}}' $(docker ps -q)"), "true\n");
    // An unknown capability is found out by the engine only.
    ok(&mut lab, "docker service create -d --name odd --restart-condition none --cap-add levitate nginx:1.25");
    lab.pass(Duration::from_secs(20));
    let error = "docker service ps odd --no-trunc --format '{{.Error}}'";
    assert_eq!(ok(&mut lab, error), "\"invalid CapAdd: unknown capability: \"CAP_LEVITATE\"\"\n");
    assert!(ok(&mut lab, &error.replace("Error", "CurrentState")).starts_with("Rejected "));
}

#[test]
fn a_scenario_tells_daemons_of_generic_resources() {
    let text = |daemon: &str, host: &str| {
        format!(
            "format = 1\nname = \"x\"\nduration = \"1m\"\n[cluster]\nmanagers = 1\n[cluster.daemon]\n{daemon}\n\
             [[cluster.host]]\nname = \"g1\"\n{host}\n"
        )
    };
    let good = text("task_log_driver = \"syslog\"", "generic_resources = [\"ssd=2\", \"gpu=b\", \"gpu=a\"]");
    let scenario = Scenario::parse("x.toml", &good).unwrap_or_else(|errors| panic!("{}", errors.render()));
    let centre = data_centre(&scenario, &Options::default());
    let terms: Vec<String> = centre.hosts[1].generic.iter().map(Generic::term).collect();
    assert_eq!(terms, ["gpu=b", "gpu=a", "ssd=2"]);
    assert_eq!(centre.settings.task_log_driver.map(|driver| driver.name).as_deref(), Some("syslog"));
    for (daemon, host, complaint) in [
        ("", "generic_resources = [\"gpu=a,b\"]", "\"gpu=a,b\" names several resources at once"),
        ("", "generic_resources = [\"gpu\"]", "incorrect term gpu, missing '=' or malformed expression"),
        (
            "",
            "generic_resources = [\"gpu=1\", \"gpu=a\"]",
            "mixed discrete and named resources in expression 'gpu=[1 a]'",
        ),
        ("task_log_driver = \"loki\"", "", "no engine has the logging driver \"loki\""),
    ] {
        let errors = Scenario::parse("x.toml", &text(daemon, host)).expect_err(complaint);
        assert!(errors.render().contains(complaint), "{}", errors.render());
    }
}
