//! What `service create` and `service update` send. cli.md §7, §8.

use crate::docker::testing::{cluster, run, run_with, services};
use crate::swarm::api::{
    EndpointSpec, HealthConfig, ImageSummary, Placement, PortConfig, Request, Response, RestartPolicy, ServiceMode,
    ServiceSpec, UpdateConfig,
};
use std::sync::Arc;

pub fn created(line: &str) -> ServiceSpec {
    let ran = run(&format!("service create -d {line}"));
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    match ran.requests.into_iter().next() {
        Some(Request::ServiceCreate { spec, .. }) => *spec,
        other => panic!("{other:?}"),
    }
}

/// Updates `web` after `change`.
pub fn updated(line: &str, change: impl Fn(&mut ServiceSpec)) -> ServiceSpec {
    let ran = run_with(&format!("service update -d {line} web"), |request, _| match request {
        Request::ServiceInspect { .. } => {
            let mut web = services().into_iter().find(|service| service.spec.name == "web").expect("web");
            change(&mut web.spec);
            Ok(Response::Service(Arc::new(web)))
        }
        other => cluster(other),
    });
    assert_eq!(ran.all(), ("web\n", "", Some(0)));
    match ran.requests.into_iter().nth(1) {
        Some(Request::ServiceUpdate { spec, version: 21, rollback: false, query_registry: false, .. }) => *spec,
        other => panic!("{other:?}"),
    }
}

#[test]
fn without_flags_the_blocks_stay_out() {
    let spec = created("nginx sh -c 'sleep 1' --name web");
    assert_eq!(spec.name, "");
    assert_eq!(spec.task_template.container_spec.image, "nginx:latest");
    assert_eq!(spec.task_template.container_spec.args, ["sh", "-c", "sleep 1", "--name", "web"]);
    assert_eq!(spec.mode, ServiceMode::Replicated { replicas: None });
    assert_eq!((spec.update_config, spec.rollback_config, spec.task_template.restart_policy), (None, None, None));
    assert_eq!(spec.task_template.placement, Some(Placement::default()));
    assert_eq!(spec.endpoint_spec, Some(EndpointSpec { mode: "vip".into(), ports: vec![] }));
}

#[test]
fn a_block_that_was_touched_is_filled_from_the_defaults() {
    let spec = created("--update-parallelism 2 --rollback-order start-first --restart-max-attempts 3 nginx");
    let update = UpdateConfig {
        parallelism: 2,
        delay: 0,
        failure_action: "pause".into(),
        monitor: 5_000_000_000,
        max_failure_ratio: 0.0,
        order: "stop-first".into(),
    };
    assert_eq!(spec.update_config, Some(update.clone()));
    assert_eq!(spec.rollback_config, Some(UpdateConfig { parallelism: 1, order: "start-first".into(), ..update }));
    assert_eq!(
        spec.task_template.restart_policy,
        Some(RestartPolicy {
            condition: "any".into(),
            delay: Some(5_000_000_000),
            max_attempts: Some(3),
            window: None
        })
    );
}

#[test]
fn flags_reach_their_fields() {
    let spec = created(
        "--name web --replicas 3 -l a=1 -l b --container-label c=2 -e A=1 -e B=2 -e A=3 --constraint node.role==worker \
         --placement-pref spread=node.labels.az --replicas-max-per-node 2 --entrypoint 'sh -c' --hostname h --user u \
         -w /x --init --stop-signal SIGINT --stop-grace-period 3s --limit-cpu 0.5 --limit-memory 512m --limit-pids 20 \
         --reserve-cpu .25 --reserve-memory 20m -p 8080:80 -p mode=host,target=53,protocol=udp --endpoint-mode vip nginx:1",
    );
    assert_eq!(spec.mode, ServiceMode::Replicated { replicas: Some(3) });
    assert_eq!(spec.labels, [("a", "1"), ("b", "")].map(|(k, v)| (k.to_owned(), v.to_owned())).into());
    let container = &spec.task_template.container_spec;
    assert_eq!(container.env, ["B=2", "A=3"]);
    assert_eq!(container.command, ["sh", "-c"]);
    assert_eq!((container.hostname.as_str(), container.user.as_str(), container.dir.as_str()), ("h", "u", "/x"));
    assert_eq!((container.init, container.stop_grace_period), (Some(true), Some(3_000_000_000)));
    let resources = spec.task_template.resources.expect("resources");
    let limits = resources.limits.expect("limits");
    assert_eq!((limits.nano_cpus, limits.memory_bytes, limits.pids), (500_000_000, 536_870_912, 20));
    assert_eq!(resources.reservations.expect("reservations").nano_cpus, 250_000_000);
    let placement = spec.task_template.placement.expect("placement");
    assert_eq!((placement.constraints.as_slice(), placement.max_replicas), (&["node.role==worker".to_owned()][..], 2));
    let ports = spec.endpoint_spec.expect("endpoint").ports;
    assert_eq!(ports.iter().map(|port| port.publish_mode.as_str()).collect::<Vec<_>>(), ["ingress", "host"]);
}

#[test]
fn an_env_file_is_read_from_the_host() {
    let ran = run("service create -d --env-file env -e A=2 nginx");
    let Some(Request::ServiceCreate { spec, .. }) = ran.requests.first() else { panic!("{ran:?}") };
    assert_eq!(spec.task_template.container_spec.env, ["B=2", "A=2"]);
    assert_eq!(
        run("service create -d --env-file nosuch nginx").all(),
        ("", "open nosuch: no such file or directory\n", Some(1))
    );
}

#[test]
fn update_without_flags_changes_nothing() {
    let web = services().into_iter().find(|service| service.spec.name == "web").expect("web").spec;
    assert_eq!(updated("", |_| {}), web);
}

#[test]
fn update_force_and_image() {
    let spec = updated("--force --image nginx --replicas 7", |_| {});
    assert_eq!(spec.task_template.force_update, 1);
    assert_eq!(spec.task_template.container_spec.image, "nginx:latest");
    assert_eq!(spec.mode, ServiceMode::Replicated { replicas: Some(7) });
}

#[test]
fn update_of_environment_labels_and_constraints() {
    let spec = updated(
        "--env-rm B --env-add A=2 --env-add D=4 --label-rm x --label-rm y --label-add x=2 --constraint-add b==2 \
         --constraint-add a==1 --constraint-rm c==3",
        |spec| {
            spec.task_template.container_spec.env = ["A=1", "B=2", "C=3"].map(str::to_owned).to_vec();
            spec.labels.insert("x".into(), "1".into());
            spec.task_template.placement = Some(Placement { constraints: vec!["c==3".into()], ..Placement::default() });
        },
    );
    assert_eq!(spec.task_template.container_spec.env, ["A=2", "C=3", "D=4"]);
    assert_eq!(spec.labels, [("x".to_owned(), "2".to_owned())].into());
    assert_eq!(spec.task_template.placement.expect("placement").constraints, ["a==1", "b==2"]);
}

#[test]
fn a_port_is_replaced_in_one_command() {
    let port = |published_port, target_port| PortConfig {
        name: String::new(),
        protocol: "tcp".into(),
        target_port,
        published_port,
        publish_mode: "ingress".into(),
    };
    let spec = updated("--publish-rm 80 --publish-add 9090:80 --publish-add 443:443", |spec| {
        let ports = vec![port(8080, 80), port(443, 443)];
        spec.endpoint_spec = Some(EndpointSpec { mode: "vip".into(), ports });
    });
    assert_eq!(spec.endpoint_spec.expect("endpoint").ports, [port(443, 443), port(9090, 80)]);
}

#[test]
fn rollback_is_one_request_whichever_way_it_is_asked_for() {
    for line in ["service update -d --rollback web", "service rollback -d web"] {
        let ran = run(line);
        assert_eq!(ran.all(), ("web\n", "", Some(0)));
        assert!(matches!(ran.requests.as_slice(), [_, Request::ServiceUpdate { rollback: true, .. }]));
    }
}

#[test]
fn lists_ask_with_their_filters() {
    let ran = run("service ps -f desired-state=Running -f node=self -f node=x web");
    let Some(Request::TaskList(filters)) = ran.requests.iter().find(|request| matches!(request, Request::TaskList(_)))
    else {
        panic!("{ran:?}")
    };
    assert_eq!(filters.get("node"), ["uhxm9o0nuhtez09snald3c4wl", "x"]);
    assert_eq!(filters.get("desired-state"), ["Running"]);
    assert_eq!(filters.get("service"), ["ok98g2oqrglqovopbadg7hx3m"]);
    assert!(matches!(run("ps -l").requests.as_slice(), [Request::ContainerList { all: false, limit: Some(1), .. }]));
    assert!(matches!(run("ps -an 3").requests.as_slice(), [Request::ContainerList { all: true, limit: Some(3), .. }]));
}

#[test]
fn health_flags_make_a_check() {
    let check = |line: &str| created(line).task_template.container_spec.healthcheck;
    assert_eq!(check("nginx"), None);
    let given = check(
        "--health-cmd 'curl -f http://localhost/' --health-interval 5s --health-timeout 1s --health-retries 2 \
         --health-start-period 1m --health-start-interval 500ms nginx",
    );
    let expected = HealthConfig {
        test: vec!["CMD-SHELL".into(), "curl -f http://localhost/".into()],
        interval: 5_000_000_000,
        timeout: 1_000_000_000,
        start_period: 60_000_000_000,
        start_interval: 500_000_000,
        retries: 2,
    };
    assert_eq!(given, Some(expected.clone()));
    assert_eq!(check("--no-healthcheck nginx").map(|check| check.test), Some(vec!["NONE".into()]));
    assert_eq!(
        run("service create -d --health-cmd a --no-healthcheck nginx").all(),
        ("", "--no-healthcheck conflicts with --health-* options\n", Some(1))
    );
    let wrong = run("service create -d --health-interval -1s nginx");
    assert!(
        wrong
            .stderr
            .starts_with("invalid argument \"-1s\" for \"--health-interval\" flag: duration cannot be negative")
    );
    // An update edits what was there; a given flag ends a NONE; an empty command leaves the image's.
    let update = |line: &str, before: &HealthConfig| {
        updated(line, |spec| spec.task_template.container_spec.healthcheck = Some(before.clone()))
            .task_template
            .container_spec
            .healthcheck
            .expect("it is there")
    };
    assert_eq!(update("--health-retries 7", &expected), HealthConfig { retries: 7, ..expected.clone() });
    assert_eq!(update("--health-cmd ''", &expected).test, Vec::<String>::new());
    assert_eq!(update("--no-healthcheck", &expected), HealthConfig { test: vec!["NONE".into()], ..Default::default() });
    let none = HealthConfig { test: vec!["NONE".into()], ..Default::default() };
    assert_eq!(update("--health-interval 2s", &none), HealthConfig { interval: 2_000_000_000, ..Default::default() });
}

#[test]
fn swap_and_the_oom_score_reach_their_fields() {
    let spec = created("--limit-memory 64M --memory-swap 128M --memory-swappiness 10 --oom-score-adj 100 nginx");
    let resources = spec.task_template.resources.expect("resources");
    assert_eq!((resources.swap_bytes, resources.memory_swappiness), (Some(134_217_728), Some(10)));
    assert_eq!(spec.task_template.container_spec.oom_score_adj, 100);
    let plain = created("--memory-swap -1 nginx").task_template.resources.expect("resources");
    assert_eq!((plain.swap_bytes, plain.memory_swappiness), (Some(-1), None));
}

#[test]
fn hands_on_containers_are_one_request_each() {
    let request = |line: &str| run(line).requests.into_iter().next();
    let stop = Request::ContainerStop { id: "a".into(), timeout: Some(1), signal: Some("SIGINT".into()) };
    assert_eq!(request("stop -t 1 -s SIGINT a"), Some(stop));
    let restart = Request::ContainerRestart { id: "a".into(), timeout: None, signal: None };
    assert_eq!(request("container restart a"), Some(restart));
    assert_eq!(request("pause a"), Some(Request::ContainerPause("a".into())));
    assert_eq!(request("unpause a"), Some(Request::ContainerUnpause("a".into())));
    assert_eq!(request("rename a b"), Some(Request::ContainerRename { id: "a".into(), name: "b".into() }));
    assert_eq!(run("rename a b").all(), ("", "", Some(0)));
    assert_eq!(run("pause a b").all(), ("a\nb\n", "", Some(0)));
    assert!(run("pause").stderr.contains(
        "docker: 'docker pause' requires at least 1 argument\n\nUsage:  docker pause CONTAINER [CONTAINER...]"
    ));
    assert_eq!(request("rmi -f x"), Some(Request::ImageRemove { name: "x".into(), force: true }));
}

/// docker-29, topic 14.
#[test]
fn images_are_listed_as_recorded() {
    let image = |reference: &str, id: &str, containers| ImageSummary {
        reference: reference.into(),
        id: format!("sha256:{id}{}", "0".repeat(52)),
        size: 4_150_000,
        content_size: 2_130_000,
        containers,
    };
    let ran = run_with("images", |request, _| match request {
        Request::ImageList => Ok(Response::Images(Arc::new(vec![
            image("diamol/ch12-timecheck:1.0", "83270bc5b240", 2),
            image("diamol/ch12-timecheck:3.0-bad", "9a3454a24208", 0),
        ]))),
        other => cluster(other),
    });
    assert_eq!(
        ran.stdout,
        "IMAGE                           ID             DISK USAGE   CONTENT SIZE   EXTRA\n\
         diamol/ch12-timecheck:1.0       83270bc5b240       4.15MB         2.13MB   U    \n\
         diamol/ch12-timecheck:3.0-bad   9a3454a24208       4.15MB         2.13MB        \n"
    );
}
