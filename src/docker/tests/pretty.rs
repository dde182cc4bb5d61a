//! Blocks of `inspect --pretty` that the plain examples do not have. cli.md §5.2, §5.3; values as recorded.

use crate::docker::testing::{NOW, SECOND, cluster, nodes, run_with, services};
use crate::swarm::api::{
    EndpointSpec, HealthConfig, Placement, PlacementPreference, PortConfig, Request, ResourceRequirements, Resources,
    Response, Service, ServiceMode, SpreadOver, UpdateStatus, time,
};
use std::sync::Arc;

pub fn service(change: impl Fn(&mut Service)) -> String {
    let ran = run_with("service inspect --pretty web", |request, _| match request {
        Request::ServiceInspect { insert_defaults: true, .. } => {
            let mut web = services().into_iter().find(|service| service.spec.name == "web").expect("web");
            change(&mut web);
            Ok(Response::Service(Arc::new(web)))
        }
        other => cluster(other),
    });
    assert_eq!((ran.stderr.as_str(), ran.status), ("", Some(0)));
    ran.stdout
}

pub fn has(text: &str, part: &str) {
    assert!(text.contains(part), "{part}\nis not in\n{text}");
}

#[test]
fn update_status() {
    let status = |state: &str| {
        service(|service| {
            service.update_status = Some(UpdateStatus {
                state: state.into(),
                started_at: Some(time::rfc3339(NOW - 17 * SECOND)),
                completed_at: Some(time::rfc3339(NOW)),
                message: "update completed".into(),
            });
        })
    };
    has(
        &status("completed"),
        " Replicas:\t3\nUpdateStatus:\n State:\t\tcompleted\n Started:\t17 seconds ago\n Completed:\tLess than a second \
         ago\n Message:\tupdate completed\nPlacement:\n",
    );
    has(&status("rollback_completed"), " Started:\t17 seconds ago\n Message:\tupdate completed\n");
}

#[test]
fn what_was_set_is_shown() {
    let text = service(|service| {
        service.spec.labels.insert("tier".into(), "front".into());
        service.spec.mode = ServiceMode::Global {};
        let task = &mut service.spec.task_template;
        task.placement = Some(Placement {
            constraints: vec!["node.role==worker".into(), "node.labels.a==1".into()],
            preferences: vec![PlacementPreference {
                spread: SpreadOver { spread_descriptor: "node.labels.az".into() },
            }],
            max_replicas: 2,
            ..Placement::default()
        });
        task.container_spec.args = vec!["sleep".into(), "2000".into()];
        task.container_spec.env = vec!["A=1".into(), "B=2".into()];
        task.container_spec.dir = "/x".into();
        task.container_spec.user = "u".into();
        task.resources = Some(ResourceRequirements {
            limits: Some(Resources {
                nano_cpus: 1_000_000_000,
                memory_bytes: 536_870_912,
                pids: 20,
                ..Resources::default()
            }),
            reservations: Some(Resources { nano_cpus: 1_500_000_000, ..Resources::default() }),
            ..ResourceRequirements::default()
        });
        let update = service.spec.update_config.as_mut().expect("update");
        update.delay = 3 * SECOND;
        update.max_failure_ratio = 0.25;
        service.spec.endpoint_spec = Some(EndpointSpec { mode: "dnsrr".into(), ports: vec![] });
        let port = PortConfig {
            protocol: "tcp".into(),
            target_port: 80,
            publish_mode: "ingress".into(),
            ..PortConfig::default()
        };
        service.endpoint.ports =
            vec![PortConfig { published_port: 8021, ..port.clone() }, PortConfig { published_port: 8022, ..port }];
    });
    has(
        &text,
        "Name:\t\tweb\nLabels:\n tier=front\nService Mode:\tGlobal\nPlacement:\n Constraints:\t[node.role==worker \
         node.labels.a==1]\n Preferences:   [spread=node.labels.az]\n Max Replicas Per Node:   2\nUpdateConfig:\n \
         Parallelism:\t1\n Delay:\t\t3s\n On failure:\tpause\n Monitoring Period: 5s\n Max failure ratio: 0.25\n",
    );
    has(&text, "\n Args:\t\tsleep 2000 \n Env:\t\tA=1 B=2 \n Dir:\t\t/x\n Init:\t\tfalse\n User: u\n");
    has(
        &text,
        "Resources:\n Reservations:\n  CPU:\t\t1.5\n Limits:\n  CPU:\t\t1\n  Memory:\t512MiB\n  PIDs:\t\t20\nEndpoint \
         Mode:\tdnsrr\n",
    );
    assert!(text.ends_with(
        "Ports:\n PublishedPort = 8021\n  Protocol = tcp\n  TargetPort = 80\n  PublishMode = ingress\n PublishedPort = \
         8022\n  Protocol = tcp\n  TargetPort = 80\n  PublishMode = ingress \n\n"
    ));
}

#[test]
fn a_manager_with_labels_that_is_down() {
    let ran = run_with("node inspect --pretty node1", |request, _| match request {
        Request::NodeInspect(_) => {
            let mut node = nodes().remove(1);
            node.spec.labels = [("region", "east"), ("bare", "")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
            node.description.engine.labels = [("engine".to_owned(), "label".to_owned())].into();
            node.status.state = "down".into();
            node.status.message = "heartbeat failure".into();
            Ok(Response::Node(Arc::new(node)))
        }
        other => cluster(other),
    });
    has(
        &ran.stdout,
        "ID:\t\t\tuhxm9o0nuhtez09snald3c4wl\nLabels:\n - bare\n - region=east\nHostname:              \tnode1\n",
    );
    has(
        &ran.stdout,
        " State:\t\t\tDown\n Message:              \tHeartbeat failure\n Availability:         \tActive\n \
         Address:\t\t192.168.65.3\nManager Status:\n Address:\t\t192.168.65.3:2377\n Raft Status:\t\tReachable\n \
         Leader:\t\tYes\nPlatform:\n",
    );
    has(&ran.stdout, "Engine Version:\t\t29.7.2\nEngine Labels:\n - engine=label\nTLS Info:\n");
}

/// cli.md 12.99: the line of the last test ends with a blank.
#[test]
fn health_checks_stand_at_the_end() {
    let text = service(|service| {
        service.spec.task_template.container_spec.healthcheck = Some(HealthConfig {
            test: vec!["CMD-SHELL".into(), "curl".into()],
            interval: 4,
            timeout: 1,
            start_period: 2,
            retries: 3,
            ..HealthConfig::default()
        });
    });
    assert!(
        text.ends_with(
            " Healthcheck:\n  Interval = 4ns\n  Retries = 3\n  StartPeriod =\t2ns\n  Timeout =\t1ns\n  Tests:\n\t Test = CMD-SHELL\n\t Test = curl \n\n"
        ),
        "{text:?}"
    );
}
