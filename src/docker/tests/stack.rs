//! `docker stack` against a scripted daemon: what it asks, what it prints, and the texts of its refusals. cli.md §10, §12.

use crate::docker::testing::{NOW, Ran, cluster, refuse, services, words};
use crate::docker::{Client, Effect, Environment, Input};
use crate::swarm::api::{
    Answer, ContainerSpec, Labels, Mount, NetworkAttachmentConfig, Request, Response, Service, ServiceMode,
    ServiceSpec, VolumeOptions,
};
use std::sync::Arc;

const NOTICE: &str = "Since --detach=false was not specified, tasks will be created in the background.\nIn a future release, \
                      --detach=false will become the default.\n";

/// Runs `docker LINE` in /home/lab, where these files lie.
fn run(line: &str, files: &[(&str, &str)], mut daemon: impl FnMut(&Request) -> Answer) -> Ran {
    let mut ran = Ran::default();
    let environment = Environment { host: "node1".into(), directory: "/home/lab".into(), ..Environment::default() };
    let (mut client, mut effects) = Client::start(&words(line), environment, NOW);
    while !effects.is_empty() {
        let mut input = None;
        for effect in effects {
            match effect {
                Effect::Stdout(text) => ran.stdout.push_str(&text),
                Effect::Stderr(text) => ran.stderr.push_str(&text),
                Effect::Exit(status) => ran.status = Some(status),
                Effect::Timer { .. } => panic!("it waits"),
                Effect::ReadFile { path } => {
                    let found = files.iter().find(|(name, _)| *name == path);
                    let content = found.map(|(_, text)| Arc::from(text.as_bytes()));
                    input = Some(Input::File { path, content: content.ok_or("no such file or directory".into()) });
                }
                Effect::Request { request, body } => {
                    input = Some(Input::Answer { request, answer: daemon(&body) });
                    ran.requests.push(body);
                }
            }
        }
        effects = input.map(|input| client.step(input, NOW)).unwrap_or_default();
    }
    ran
}

/// A swarm without anything in it.
fn empty(request: &Request) -> Answer {
    Ok(match request {
        Request::ServiceList { .. } => Response::Services(Arc::default()),
        Request::NetworkList(_) => Response::Networks(Arc::default()),
        Request::FileList { .. } => Response::Files(Arc::default()),
        Request::TaskList(_) => Response::Tasks(Arc::default()),
        Request::FileInspect { kind, id } => return refuse(404, &format!("{} {id} not found", kind.noun())),
        other => return cluster(other),
    })
}

/// Deploys a file into an empty swarm.
fn deployed(text: &str) -> Ran {
    run("stack deploy -c x.yml demo", &[("x.yml", text), ("/home/lab/f", "content")], empty)
}

/// The spec of the only service of a file.
fn spec(service: &str, rest: &str) -> ServiceSpec {
    let lines: String = service.lines().map(|line| format!("    {line}\n")).collect();
    let ran = deployed(&format!("services:\n  web:\n    image: nginx\n{lines}{rest}"));
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let created = ran.requests.into_iter().find_map(|request| match request {
        Request::ServiceCreate { spec, query_registry: true } => Some(*spec),
        _ => None,
    });
    created.expect("a service is created")
}

/// What goes wrong with a service of these keys.
fn fault(service: &str, rest: &str) -> String {
    let lines: String = service.lines().map(|line| format!("    {line}\n")).collect();
    let ran = deployed(&format!("services:\n  web:\n    image: nginx\n{lines}{rest}"));
    assert_eq!(ran.status, Some(1), "{}", ran.stdout);
    ran.stderr.strip_prefix(NOTICE).unwrap_or(&ran.stderr).trim_end_matches('\n').to_owned()
}

#[test]
fn the_first_deployment_makes_everything() {
    let text = "version: \"3.7\"\nservices:\n  web:\n    image: nginx\n    networks: [front, back]\n    secrets: [s]\n  db: {image: redis}\n\
                networks: {front: {attachable: true, ipam: {config: [{subnet: 10.9.0.0/24}]}}, back: {name: rear}, unused: }\n\
                secrets: {s: {file: ./f}}\n";
    let ran =
        run("stack deploy -c x.yml demo", &[("x.yml", text), ("/home/lab/f", "content")], |request| match request {
            Request::FileList { .. } => cluster(request),
            other => empty(other),
        });
    assert_eq!(
        ran.stdout,
        "Creating network demo_default\nCreating network demo_front\nCreating network rear\nCreating secret demo_s\n"
    );
    // The scripted swarm keeps nothing, so the secret is not found again.
    assert_eq!(ran.stderr, format!("{NOTICE}service web: secret not found: demo_s\n"));
    let networks: Vec<_> = ran
        .requests
        .iter()
        .filter_map(|request| match request {
            Request::NetworkCreate(request) => Some(request),
            _ => None,
        })
        .collect();
    assert_eq!(networks[1].ipam[0].subnet, "10.9.0.0/24");
    assert!(networks[1].attachable && networks.iter().all(|network| network.driver == "overlay"));
    assert_eq!(networks[2].labels, Labels::from([("com.docker.stack.namespace".into(), "demo".into())]));
}

#[test]
fn a_service_becomes_a_spec() {
    let spec = spec(
        "command: a \"b c\"\nenvironment: {B: 1, A: }\nports: [\"8080:80\"]\nvolumes: [data:/d, /anon]\ncap_add: [net_admin]\n\
         cap_drop: [ALL, NET_ADMIN]\nextra_hosts: [\"h:10.0.0.1\"]\nrestart: on-failure:3\ndeploy: {mode: replicated, replicas: 2, labels: {a: b}, \
         update_config: {}}\nhealthcheck: {disable: true}\nulimits: {nproc: 5}\nstdin_open: true\ntty: true",
        "volumes: {data: }\n",
    );
    let container = ContainerSpec {
        image: "nginx:latest".into(),
        labels: Labels::from([("com.docker.stack.namespace".into(), "demo".into())]),
        ..ContainerSpec::default()
    };
    let sent = &spec.task_template.container_spec;
    assert_eq!((&sent.image, &sent.labels), (&container.image, &container.labels));
    assert_eq!((sent.args.join("|"), sent.env.join("|")), ("a|b c".into(), "A|B=1".into()));
    assert_eq!(
        (&sent.capability_add[..], &sent.capability_drop[..]),
        (&["CAP_NET_ADMIN".to_owned()][..], &["ALL".to_owned()][..])
    );
    assert_eq!((sent.hosts.join("|"), sent.open_stdin, sent.tty), ("10.0.0.1 h".into(), true, true));
    assert_eq!(sent.healthcheck.as_ref().unwrap().test, ["NONE"]);
    let volume = VolumeOptions { labels: container.labels.clone(), ..VolumeOptions::default() };
    let mount = |source: &str, target: &str| Mount {
        kind: "volume".into(),
        source: source.into(),
        target: target.into(),
        ..Mount::default()
    };
    assert_eq!(sent.mounts, [Mount { volume_options: Some(volume), ..mount("demo_data", "/d") }, mount("", "/anon")]);
    assert_eq!(spec.name, "demo_web");
    let labels = [("a", "b"), ("com.docker.stack.image", "nginx"), ("com.docker.stack.namespace", "demo")];
    assert_eq!(spec.labels, labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
    assert_eq!(spec.mode, ServiceMode::Replicated { replicas: Some(2) });
    let network =
        NetworkAttachmentConfig { target: "demo_default".into(), aliases: vec!["web".into()], ..Default::default() };
    assert_eq!(spec.task_template.networks, [network]);
    let restart = spec.task_template.restart_policy.unwrap();
    assert_eq!((restart.condition.as_str(), restart.max_attempts), ("on-failure", Some(3)));
    assert_eq!(spec.update_config.unwrap().parallelism, 1);
    assert_eq!(spec.endpoint_spec.unwrap().ports[0].published_port, 8080);
}

#[test]
fn what_does_not_fit_together_names_the_service() {
    for (service, rest, error) in [
        ("networks: [nope]", "", "service web: undefined network \"nope\""),
        ("secrets: [x]", "", "service web: undefined secret \"x\""),
        ("configs: [x]", "", "service web: undefined config \"x\""),
        ("volumes: [d:/d, dd:/d]", "", "service web: undefined volume \"dd\""),
        ("secrets: [x]", "secrets: {x: {external: true}}\n", "service web: secret not found: x"),
        (
            "secrets: [x, {source: y, target: x}]",
            "secrets: {x: {external: true}, y: {external: true}}\n",
            "service web: duplicate secret target for y not allowed",
        ),
        (
            "deploy: {mode: global, replicas: 1}",
            "",
            "service web: replicas can only be used with replicated or replicated-job mode",
        ),
        ("deploy: {mode: x}", "", "service web: unknown mode: x"),
        ("healthcheck: {disable: true, test: x}", "", "service web: test and disable can't be set at the same time"),
        ("deploy: {resources: {limits: {cpus: abc}}}", "", "service web: failed to parse abc as a rational number"),
        ("volumes: [{type: tmpfs, source: a}]", "", "service web: invalid tmpfs source, source must be empty"),
        (
            "volumes: [{type: bind, source: /a, volume: {}}]",
            "",
            "service web: volume options are incompatible with type bind",
        ),
        ("volumes: [{type: x}]", "", "service web: volume type must be volume, bind, tmpfs, npipe, or cluster"),
        (
            "restart: sometimes",
            "",
            "service web: invalid restart policy: unknown policy 'sometimes' (must be one of 'no', 'always', 'on-failure', \
             or 'unless-stopped')",
        ),
        ("secrets: [x]", "secrets: {x: {file: ./gone}}\n", "open /home/lab/gone: no such file or directory"),
        (
            "networks: [n]",
            "networks: {n: {external: true}}\n",
            "network \"n\" is declared as external, but could not be found. You need to create a swarm-scoped network before \
             the stack is deployed",
        ),
        (
            "networks: [n]",
            "networks: {n: {external: true, name: docker_gwbridge}}\n",
            "network \"docker_gwbridge\" is declared as external, but it is not in the right scope: \"local\" instead of \
             \"swarm\"",
        ),
    ] {
        // One letter is a drive of Windows, so the first of these volumes has no name.
        assert_eq!(fault(service, rest), error, "{service}");
    }
}

#[test]
fn what_is_ignored_is_told_and_what_cannot_be_is_refused() {
    let text =
        "services:\n  a: {image: nginx, build: ., restart: always, links: [b], container_name: foo, expose: [80]}\n";
    let told = "Ignoring unsupported options: build, links, restart\n\nIgnoring deprecated options:\n\ncontainer_name: Setting \
                the container name is not supported.\n\nexpose: Exposing ports is unnecessary - services on the same network \
                can access each other's containers on any port.\n\n";
    assert_eq!(deployed(text).stderr, format!("{told}{NOTICE}"));
    for (text, error) in [
        (
            "services:\n  a: {image: x, mem_limit: 5m, extends: b}\n",
            "compose file contains unsupported options:\n\nextends: Support for `extends` is not implemented \
             yet.\n\nmem_limit: Set resource limits using deploy.resources\n\n",
        ),
        (
            "services:\n  a: {build: .}\n",
            "Ignoring unsupported options: build\n\ninvalid image reference for service a: no image specified\n",
        ),
        ("services:\n  a: {image: \"a b\"}\n", "invalid image reference for service a: invalid reference format\n"),
        (
            "services:\n  a: {image: Nginx:1}\n",
            "invalid image reference for service a: invalid reference format: repository name (library/Nginx) must be lowercase\n",
        ),
        ("services:\n  a: {image: x, bogus: 1}\n", "services.a Additional property bogus is not allowed\n"),
        ("services:\n  a:\n    image: [\n", "yaml: line 3: did not find expected node content\n"),
    ] {
        let ran = deployed(text);
        assert_eq!((ran.stderr.as_str(), ran.status, ran.requests.len()), (error, Some(1), 0));
    }
    let ran = run("stack config -c x.yml", &[("x.yml", "services:\n  a: {extends: b}\n")], empty);
    assert_eq!(ran.all(), ("", "Configuration contains forbidden properties\n", Some(1)));
    let ran = deployed("services:\n  a: {image: x, ports: [\"127.0.0.1:8080:80\"]}\n");
    let warning =
        "level=warning msg=\"ignoring IP-address (127.0.0.1:8080:80/tcp) service will listen on '0.0.0.0'\"\n";
    assert!(ran.stderr.starts_with("time=\"20") && ran.stderr.contains(&format!("Z\" {warning}")), "{}", ran.stderr);
}

#[test]
fn words_that_are_wrong() {
    let files = [("x.yml", "services:\n  a: {image: nginx}\n")];
    for (line, error) in [
        ("stack deploy demo", "specify a Compose file (with --compose-file)\n".to_owned()),
        ("stack deploy -c no.yml demo", "open no.yml: no such file or directory\n".to_owned()),
        ("stack deploy -c x.yml \" '\"", "invalid stack name: \" '\"\n".to_owned()),
        ("stack deploy -c x.yml --resolve-image x demo", "invalid option x for flag --resolve-image\n".to_owned()),
        ("stack config", "specify a Compose file (with --compose-file)\n".to_owned()),
        ("stack ps demo", "nothing found in stack: demo\n".to_owned()),
        (
            "stack rm",
            "docker: 'docker stack rm' requires at least 1 argument\n\nUsage:  docker stack rm [OPTIONS] STACK [STACK...]\n\nSee \
             'docker stack rm --help' for more information\n"
                .to_owned(),
        ),
        (
            "stack deploy",
            "docker: 'docker stack deploy' requires 1 argument\n\nUsage:  docker stack deploy [OPTIONS] STACK\n\nRun 'docker \
             stack deploy --help' for more information\n"
                .to_owned(),
        ),
    ] {
        assert_eq!(run(line, &files, empty).all(), ("", error.as_str(), Some(1)), "{line}");
    }
    for line in ["stack rm demo", "stack down demo", "stack services demo"] {
        assert_eq!(run(line, &[], empty).all(), ("", "Nothing found in stack: demo\n", Some(0)));
    }
    assert_eq!(run("stack ls", &[], empty).all(), ("NAME      SERVICES\n", "", Some(0)));
}

fn stored(change: impl Fn(&mut Service)) -> impl FnMut(&Request) -> Answer {
    let mut web = services().into_iter().find(|service| service.spec.name == "web").expect("web");
    web.spec.name = "demo_web".into();
    web.spec.labels.insert("com.docker.stack.image".into(), "nginx:1.25".into());
    web.spec.task_template.force_update = 7;
    change(&mut web);
    move |request| match request {
        Request::ServiceList { .. } => Ok(Response::Services(Arc::new(vec![web.clone()]))),
        Request::ServiceUpdate { .. } => Ok(Response::ServiceUpdated { warnings: vec!["image is gone\n".into()] }),
        other => empty(other),
    }
}

#[test]
fn what_is_there_is_replaced_whole() {
    let text = "services:\n  web: {image: \"nginx:1.25\"}\n";
    let updated = |line: &str, text: &str| {
        let ran = run(line, &[("x.yml", text)], stored(|_| {}));
        let sent = ran.requests.iter().find_map(|request| match request {
            Request::ServiceUpdate { spec, query_registry, version: 21, .. } => {
                let task = &spec.task_template;
                assert_eq!(task.force_update, 7);
                Some((task.container_spec.image.clone(), *query_registry))
            }
            _ => None,
        });
        (ran, sent.expect("an update"))
    };
    let (ran, (image, asked)) = updated("stack deploy -d -c x.yml demo", text);
    let words = "Creating network demo_default\nUpdating service demo_web (id: ok98g2oqrglqovopbadg7hx3m)\n";
    assert_eq!(ran.all(), (words, "image is gone\n\n", Some(0)));
    assert_eq!((image.as_str(), asked), ("nginx:1.25", true));
    let (_, (image, asked)) = updated("stack deploy -d --resolve-image changed -c x.yml demo", text);
    assert!(image.starts_with("nginx:1.25@sha256:") && !asked, "{image}");
    let other = text.replace("1.25", "1.26");
    let (_, sent) = updated("stack deploy -d --resolve-image changed -c x.yml demo", &other);
    assert_eq!(sent, ("nginx:1.26".into(), true));
    let (_, sent) = updated("stack deploy -d --resolve-image never -c x.yml demo", &other);
    assert_eq!(sent, ("nginx:1.26".into(), false));
}

#[test]
fn a_prune_takes_away_what_the_files_do_not_name() {
    let text = "services:\n  other: {image: redis}\n";
    let ran = run("stack deploy -d --prune -c x.yml demo", &[("x.yml", text)], stored(|_| {}));
    let words = "Removing service demo_web\nCreating network demo_default\nCreating service demo_other\n";
    assert_eq!(ran.all(), (words, "", Some(0)));
}

#[test]
fn a_removal_that_fails_says_so_without_ending_the_line() {
    let mut daemon = stored(|_| {});
    let ran = run("stack rm demo", &[], |request| match request {
        Request::ServiceRemove(_) => refuse(500, "no"),
        other => daemon(other),
    });
    let text = "Failed to remove service ok98g2oqrglqovopbadg7hx3m: Error response from daemon: nofailed to remove some \
                resources from stack: demo\n";
    assert_eq!(ran.all(), ("Removing service demo_web\n", text, Some(1)));
}

#[test]
fn stdin_is_a_file_too_and_a_list_of_files_may_have_commas() {
    let files = [("-", "services:\n  a: {image: x}\n"), ("two.yml", "services:\n  b: {image: y}\n")];
    let ran = run("stack config -c -", &files, empty);
    assert_eq!(ran.all(), ("version: \"3.13\"\nservices:\n  a:\n    image: x\n", "", Some(0)));
    let ran = run("stack config --compose-file -,two.yml", &files, empty);
    assert!(ran.stdout.contains("  b:\n    image: \"y\"\n"), "{}", ran.stdout);
}
