//! Flags that are carried in a service's spec, generic resources and logging drivers: what `service create` and
//! `service update` send, what they refuse, and how `inspect` shows it. cli.md §7.5, §8, §5.3.

use super::pretty::{has, service};
use super::specs::{created, updated};
use crate::docker::testing::{cluster, run, run_with, services};
use crate::swarm::api::{
    ContainerSpec, CredentialSpec, DnsConfig, Driver, GenericResource, Labels, Request, ResourceRequirements,
    Resources, Response, ServiceSpec, Ulimit,
};
use std::sync::Arc;

fn texts(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn ulimit(name: &str, soft: i64, hard: i64) -> Ulimit {
    Ulimit { name: name.to_owned(), hard, soft }
}

fn wanted(pairs: &[(&str, i64)]) -> Vec<GenericResource> {
    pairs.iter().map(|(kind, value)| GenericResource::discrete(kind, *value)).collect()
}

fn generic(spec: &ServiceSpec) -> Vec<GenericResource> {
    let resources = spec.task_template.resources.as_ref().and_then(|resources| resources.reservations.as_ref());
    resources.expect("reservations").generic_resources.clone()
}

fn reserve(spec: &mut ServiceSpec, pairs: &[(&str, i64)]) {
    let resources = spec.task_template.resources.get_or_insert_default();
    resources.reservations.get_or_insert_default().generic_resources = wanted(pairs);
}

#[test]
fn generic_resources_are_asked_for_by_number() {
    assert_eq!(
        generic(&created("--generic-resource ssd=2 --generic-resource gpu=1 nginx")),
        wanted(&[("gpu", 1), ("ssd", 2)])
    );
    assert_eq!(generic(&created("--reserve-cpu 1 nginx")), []);
    let refused = |line: &str, text: &str| {
        assert_eq!(
            run(&format!("service create -d {line} nginx")).all(),
            ("", &*format!("{text}\n"), Some(1)),
            "{line}"
        );
    };
    refused(
        "--generic-resource gpu=a",
        "invalid generic-resource request `gpu=a`, Named Generic Resources is not supported for service create or update",
    );
    refused(
        "--generic-resource gpu=1 --generic-resource gpu=2",
        "invalid generic resource specification: could not parse GenericResource: mixed discrete and named resources in \
         expression 'gpu=[1 2]'",
    );
    refused(
        "--generic-resource gpu=-1",
        "invalid generic resource specification: could not parse GenericResource: cannot ask for negative resource gpu",
    );
    let usage = run("service create --generic-resource gpu nginx");
    assert!(
        usage.stderr.starts_with(
            "invalid argument \"gpu\" for \"--generic-resource\" flag: invalid generic-resource format `gpu` expected \
             `name=value`\n"
        ),
        "{}",
        usage.stderr
    );
    assert_eq!(usage.status, Some(125));
}

#[test]
fn generic_resources_are_added_by_kind_then_removed() {
    let spec = updated("--generic-resource-add gpu=3 --generic-resource-add tpu=1 --generic-resource-rm ssd", |spec| {
        reserve(spec, &[("gpu", 1), ("ssd", 2)]);
    });
    assert_eq!(generic(&spec), wanted(&[("gpu", 3), ("tpu", 1)]));
    let spec = updated("--generic-resource-add gpu=3", |spec| spec.task_template.resources = None);
    assert_eq!(generic(&spec), wanted(&[("gpu", 3)]));
    let spec = updated("--generic-resource-rm gpu", |spec| reserve(spec, &[("gpu", 1)]));
    assert_eq!(generic(&spec), []);
    assert_eq!(
        run("service update -d --generic-resource-rm fpga web").all(),
        ("", "could not find generic-resource `fpga` to remove it\n", Some(1))
    );
}

#[test]
fn a_logging_driver_comes_with_its_options() {
    let driver = |name: &str, options: &[(&str, &str)]| Some(Driver { name: name.into(), options: labels(options) });
    let created = |line: &str| created(line).task_template.log_driver;
    assert_eq!(created("--log-opt tag=x nginx"), None, "options alone are nothing");
    assert_eq!(
        created("--log-driver syslog --log-opt tag=x --log-opt mode nginx"),
        driver("syslog", &[("mode", ""), ("tag", "x")])
    );
    let known = driver("syslog", &[("tag", "x")]);
    let updated =
        |line: &str| updated(line, |spec| spec.task_template.log_driver = known.clone()).task_template.log_driver;
    assert_eq!(updated("--log-opt tag=y"), known);
    assert_eq!(updated("--log-driver ''"), known);
    assert_eq!(updated("--log-driver none"), driver("none", &[]), "the old one's options go with it");
    assert_eq!(updated("--log-driver local --log-opt max-size=1m"), driver("local", &[("max-size", "1m")]));
    let usage = run("service create --log-opt =x nginx").stderr;
    assert!(
        usage.starts_with("invalid argument \"=x\" for \"--log-opt\" flag: invalid environment variable: =x\n"),
        "{usage}"
    );
}

#[test]
fn a_new_container_carries_what_was_given() {
    let spec = created(
        "--group b --group a --tty --read-only --host db:10.0.0.9 --host 'x=[::1]' --dns 8.8.8.8 --dns ' 1.1.1.1' \
         --dns-search example.org --dns-option ndots:2 --sysctl net.core.somaxconn=9 --sysctl a --ulimit nofile=10:20 \
         --ulimit core=-1 --ulimit nofile=30 --cap-add net_admin --cap-add CAP_CHOWN --cap-drop chown --cap-drop kill \
         --credential-spec file://a.json --with-registry-auth nginx",
    );
    let container = spec.task_template.container_spec;
    assert_eq!((container.tty, container.read_only), (true, true));
    assert_eq!(container.groups, ["b", "a"]);
    assert_eq!(container.hosts, ["10.0.0.9 db", "::1 x"]);
    let dns = DnsConfig {
        nameservers: texts(&["8.8.8.8", "1.1.1.1"]),
        search: texts(&["example.org"]),
        options: texts(&["ndots:2"]),
    };
    assert_eq!(container.dns_config, Some(dns));
    assert_eq!(container.sysctls, labels(&[("a", ""), ("net.core.somaxconn", "9")]));
    assert_eq!(container.ulimits, [ulimit("core", -1, -1), ulimit("nofile", 30, 30)]);
    assert_eq!(
        (container.capability_add, container.capability_drop),
        (texts(&["CAP_CHOWN", "CAP_NET_ADMIN"]), texts(&["CAP_KILL"]))
    );
    let account = container.privileges.and_then(|privileges| privileges.credential_spec);
    assert_eq!(account, Some(CredentialSpec { file: "a.json".into(), ..CredentialSpec::default() }));
    let all =
        created("--cap-add all --cap-add kill --cap-drop kill --cap-drop RESET nginx").task_template.container_spec;
    assert_eq!((all.capability_add, all.capability_drop), (texts(&["ALL"]), texts(&["CAP_KILL"])));
}

#[test]
fn what_is_no_limit_and_no_account_is_refused() {
    for (value, text) in [
        ("nofile", "invalid ulimit argument: nofile"),
        ("files=1", "invalid ulimit type: files"),
        ("nofile=a", "strconv.ParseInt: parsing \"a\": invalid syntax"),
        ("nofile=1:2:3", "too many limit value arguments - 1:2:3, can only have up to two, `soft[:hard]`"),
        ("nofile=3:2", "ulimit soft limit must be less than or equal to hard limit: 3 > 2"),
        ("nofile=-1:2", "ulimit soft limit must be less than or equal to hard limit: soft: -1 (unlimited), hard: 2"),
    ] {
        let ran = run(&format!("service create --ulimit {value} nginx"));
        let expected = format!("invalid argument \"{value}\" for \"--ulimit\" flag: {text}\n");
        assert!(ran.stderr.starts_with(&expected), "{}", ran.stderr);
    }
    assert_eq!(
        run("service create -d --credential-spec config://a nginx").all(),
        ("", "swarmlab: --credential-spec config:// is not modelled yet\n", Some(1))
    );
}

fn edited(line: &str, change: impl Fn(&mut ContainerSpec)) -> ContainerSpec {
    updated(line, |spec| change(&mut spec.task_template.container_spec)).task_template.container_spec
}

#[test]
fn lists_are_edited_each_by_its_own_rule() {
    let groups = edited("--group-add c --group-add a --group-rm b", |container| container.groups = texts(&["b", "d"]));
    assert_eq!(groups.groups, ["a", "c", "d"]);
    let dns = edited(
        "--dns-add 9.9.9.9 --dns-add 1.1.1.1 --dns-rm 8.8.8.8 --dns-search-add b.org --dns-option-rm x",
        |container| {
            container.dns_config = Some(DnsConfig {
                nameservers: texts(&["8.8.8.8", "1.1.1.1"]),
                search: texts(&["c.org"]),
                options: texts(&["x", "y"]),
            });
        },
    );
    let expected = DnsConfig {
        nameservers: texts(&["1.1.1.1", "9.9.9.9"]),
        search: texts(&["b.org", "c.org"]),
        options: texts(&["y"]),
    };
    assert_eq!(dns.dns_config, Some(expected));
    let hosts = |line: &str| {
        edited(line, |container| {
            container.hosts = texts(&["127.0.0.2 h3 h1 h2", "127.0.0.1 h1 h4", "127.0.0.3 h1"]);
        })
        .hosts
    };
    assert_eq!(hosts("--host-rm h1"), ["127.0.0.2 h3 h2", "127.0.0.1 h4"]);
    assert_eq!(hosts("--host-rm h1:127.0.0.1"), ["127.0.0.2 h3 h1 h2", "127.0.0.1 h4", "127.0.0.3 h1"]);
    assert_eq!(
        hosts("--host-rm h1 --host-add h1:10.0.0.1 --host-add h1:10.0.0.1"),
        ["127.0.0.2 h3 h2", "127.0.0.1 h4", "10.0.0.1 h1"]
    );
    let limits = edited(
        "--ulimit-rm core --ulimit-add nofile=5 --ulimit-add cpu=1 --sysctl-rm a --sysctl-add b=2",
        |container| {
            container.ulimits = vec![ulimit("core", 1, 1), ulimit("nofile", 1, 2)];
            container.sysctls = labels(&[("a", "1"), ("b", "1")]);
        },
    );
    assert_eq!(limits.ulimits, [ulimit("cpu", 1, 1), ulimit("nofile", 5, 5)]);
    assert_eq!(limits.sysctls, labels(&[("b", "2")]));
    let switches = edited("--tty=false --read-only", |container| container.tty = true);
    assert_eq!((switches.tty, switches.read_only), (false, true));
    let account = |line: &str| {
        let container = edited(line, |container| {
            let spec = CredentialSpec { file: "a".into(), ..CredentialSpec::default() };
            container.privileges.get_or_insert_default().credential_spec = Some(spec);
        });
        container.privileges.and_then(|privileges| privileges.credential_spec).map(|spec| (spec.file, spec.registry))
    };
    assert_eq!(account("--credential-spec registry://b"), Some((String::new(), "b".into())));
    assert_eq!((account("--credential-spec ''"), account("--tty")), (None, Some(("a".into(), String::new()))));
}

#[test]
fn a_capability_first_cancels_its_opposite() {
    let capabilities = |line: &str| {
        let container = edited(line, |container| {
            container.capability_add = texts(&["CAP_KILL"]);
            container.capability_drop = texts(&["CAP_CHOWN"]);
        });
        (container.capability_add, container.capability_drop)
    };
    assert_eq!(capabilities("--cap-add chown"), (texts(&["CAP_KILL"]), texts(&[])));
    assert_eq!(capabilities("--cap-drop kill"), (texts(&[]), texts(&["CAP_CHOWN"])));
    assert_eq!(capabilities("--cap-add net_raw"), (texts(&["CAP_KILL", "CAP_NET_RAW"]), texts(&["CAP_CHOWN"])));
    assert_eq!(capabilities("--cap-add net_raw --cap-drop net_raw").1, texts(&["CAP_CHOWN"]), "adding wins");
    assert_eq!(capabilities("--cap-add RESET --cap-drop RESET"), (texts(&[]), texts(&[])));
    assert_eq!(capabilities("--cap-add ALL"), (texts(&["ALL"]), texts(&["CAP_CHOWN"])));
}

#[test]
fn inspect_shows_them_in_their_places() {
    let change = |task: &mut crate::swarm::api::TaskSpec| {
        let container = &mut task.container_spec;
        container.capability_add = texts(&["CAP_CHOWN", "CAP_KILL"]);
        container.capability_drop = texts(&["CAP_NET_RAW"]);
        container.sysctls = labels(&[("a.b", "1"), ("c", "")]);
        container.ulimits = vec![ulimit("nofile", 1, 2)];
        let options = labels(&[("max-size", "1m"), ("mode", "")]);
        task.log_driver = Some(Driver { name: "local".into(), options });
        let reservations = Some(Resources { generic_resources: wanted(&[("gpu", 2)]), ..Resources::default() });
        task.resources = Some(ResourceRequirements { reservations, ..ResourceRequirements::default() });
    };
    let text = service(|service| change(&mut service.spec.task_template));
    has(
        &text,
        " Init:\t\tfalse\nCapabilities:\n Add: CAP_CHOWN, CAP_KILL\n Drop: CAP_NET_RAW\nSysCtls:\n a.b: 1\n c\nUlimits:\n nofile: \
         1:2\nLog Driver:\n Name:\t\tlocal\n LogOpts:\n  max-size:       1m\n  mode\n\nResources:\nEndpoint Mode:\tvip\n",
    );
    let ran = run_with("service inspect --format '{{json .Spec.TaskTemplate}}' web", |request, _| match request {
        Request::ServiceInspect { .. } => {
            let mut web = services().into_iter().find(|service| service.spec.name == "web").expect("web");
            change(&mut web.spec.task_template);
            Ok(Response::Service(Arc::new(web)))
        }
        other => cluster(other),
    });
    has(
        &ran.stdout,
        r#""Isolation":"default","Sysctls":{"a.b":"1","c":""},"CapabilityAdd":["CAP_CHOWN","CAP_KILL"],"CapabilityDrop":["CAP_NET_RAW"],"Ulimits":[{"Name":"nofile","Hard":2,"Soft":1}]}"#,
    );
    has(
        &ran.stdout,
        r#""Resources":{"Reservations":{"GenericResources":[{"DiscreteResourceSpec":{"Kind":"gpu","Value":2}}]}}"#,
    );
    has(&ran.stdout, r#""LogDriver":{"Name":"local","Options":{"max-size":"1m","mode":""}},"ForceUpdate":0"#);
}
