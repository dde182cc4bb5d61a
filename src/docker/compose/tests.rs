//! Whole compose files through the loader: what is printed of them again, what is refused, how several become one.

use super::*;

/// Files that are read besides, by path.
type Files<'a> = &'a [(&'a str, &'a str)];

fn loaded(texts: &[&str], files: Files) -> Result<Loaded, Trouble> {
    let documents: Vec<Document> =
        texts.iter().map(|text| parse("x.yml", text.as_bytes()).expect("it is YAML")).collect();
    let variables = [("HOME", "/home/lab"), ("SET", "yes")].map(|(name, value)| (name.into(), value.into())).into();
    let mut place = Place {
        directory: "/home/lab",
        variables: &variables,
        skip_interpolation: false,
        read: &mut |path| {
            let found = files.iter().find(|(name, _)| *name == path);
            Ok(found.map(|(_, text)| Arc::from(text.as_bytes())).ok_or("no such file or directory".into()))
        },
    };
    load(&documents, &mut place)
}

fn printed(texts: &[&str]) -> String {
    loaded(texts, &[]).expect("it is well").project.print()
}

fn refused(text: &str) -> String {
    match loaded(&[text], &[]).expect_err("it is not well") {
        Trouble::Text(text) => text,
        Trouble::Forbidden(keys) => keys.into_iter().map(|(key, why)| format!("{key}: {why}; ")).collect(),
        Trouble::Stop(stop) => panic!("{stop:?}"),
    }
}

#[test]
fn a_file_with_most_keys_is_printed_in_its_one_form() {
    let text = r#"
version: "3.13"
services:
  web:
    working_dir: /code
    image: redis
    build: ./dir
    cap_add: [ALL]
    command: bundle exec -p 3000
    configs: [one, {source: two, target: /two, uid: "103", mode: 0440}]
    deploy:
      endpoint_mode: dnsrr
      labels: [A=1]
      mode: replicated
      placement: {constraints: ["node.role==worker"], preferences: [{spread: node.labels.az}], max_replicas_per_node: 5}
      replicas: 6
      resources:
        limits: {cpus: '0.001', memory: 50M, pids: 100}
        reservations: {generic_resources: [{discrete_resource_spec: {kind: gpu, value: 2}}]}
      restart_policy: {condition: on-failure, delay: 5s, window: 120s}
      update_config: {parallelism: 0, delay: 10s, max_failure_ratio: 0.3, order: start-first}
    environment: {B: 2, A: , C: ""}
    expose: ["3000", 8000]
    extra_hosts: {b: "::1", a: 10.0.0.1}
    healthcheck: {test: echo "hello", interval: 90s, retries: 5, start_interval: 1s}
    init: false
    labels: {n: 42, empty: }
    logging: {driver: syslog, options: {tag: 1}}
    networks: {front: {aliases: [x]}, back: }
    ports: ["8080-8081:80-81", 3000, {target: 5, published: 6, mode: host}]
    stop_grace_period: 20s
    sysctls: {net.core.somaxconn: 1024}
    ulimits: {nproc: 65535, nofile: {soft: 1, hard: 2}}
    volumes: [data:/data, "./static:/www:ro", {type: tmpfs, target: /t, tmpfs: {size: 10000}}]
    x-own: {a: 1}
networks: {front: , back: {external: true}, old: {external: {name: older}}}
volumes: {data: {driver: nfs, driver_opts: {o: 1}}}
secrets: {s: {file: ./s.txt}}
configs: {one: {external: true}, two: {file: /two, name: deux}}
x-more: [1]
"#;
    let expected = r#"version: "3.13"
services:
  web:
    build:
      context: ./dir
    cap_add:
      - ALL
    command:
      - bundle
      - exec
      - -p
      - "3000"
    configs:
      - source: one
      - source: two
        target: /two
        uid: "103"
        mode: 288
    deploy:
      mode: replicated
      replicas: 6
      labels:
        A: "1"
      update_config:
        parallelism: 0
        delay: 10s
        max_failure_ratio: 0.3
        order: start-first
      resources:
        limits:
          cpus: "0.001"
          memory: "52428800"
          pids: 100
        reservations:
          generic_resources:
            - discrete_resource_spec:
                kind: gpu
                value: 2
      restart_policy:
        condition: on-failure
        delay: 5s
        window: 2m0s
      placement:
        constraints:
          - node.role==worker
        preferences:
          - spread: node.labels.az
        max_replicas_per_node: 5
      endpoint_mode: dnsrr
    environment:
      A: null
      B: "2"
      C: ""
    expose:
      - "3000"
      - "8000"
    extra_hosts:
      - a:10.0.0.1
      - b:::1
    healthcheck:
      test:
        - CMD-SHELL
        - echo "hello"
      interval: 1m30s
      retries: 5
      start_interval: 1s
    image: redis
    init: false
    labels:
      empty: ""
      "n": "42"
    logging:
      driver: syslog
      options:
        tag: "1"
    networks:
      back: null
      front:
        aliases:
          - x
    ports:
      - mode: ingress
        target: 80
        published: 8080
        protocol: tcp
      - mode: ingress
        target: 81
        published: 8081
        protocol: tcp
      - mode: ingress
        target: 3000
        protocol: tcp
      - mode: host
        target: 5
        published: 6
    stop_grace_period: 20s
    sysctls:
      net.core.somaxconn: "1024"
    ulimits:
      nofile:
        soft: 1
        hard: 2
      nproc: 65535
    volumes:
      - type: volume
        source: data
        target: /data
      - type: bind
        source: /home/lab/static
        target: /www
        read_only: true
      - type: tmpfs
        target: /t
        tmpfs:
          size: 10000
    working_dir: /code
    x-own:
      a: 1
networks:
  back:
    name: back
    external: true
  front: {}
  old:
    name: older
    external: true
volumes:
  data:
    driver: nfs
    driver_opts:
      o: "1"
secrets:
  s:
    file: /home/lab/s.txt
configs:
  one:
    name: one
    external: true
  two:
    name: deux
    file: /two
x-more:
  - 1
"#;
    let loaded = loaded(&[text], &[]).expect("it is well");
    assert_eq!(loaded.project.print(), expected);
    assert_eq!(loaded.warnings, ["network old: network.external.name is deprecated in favor of network.name"]);
}

#[test]
fn a_later_file_goes_over_an_earlier_one() {
    let base = "services:\n  web:\n    image: nginx\n    command: a b\n    environment: {A: 1, B: 2}\n    dns: 8.8.8.8\n    ports: [\"80:80\"]\n    \
                secrets: [b, {source: a, target: x}]\n    logging: {driver: syslog, options: {a: 1}}\n    deploy: {replicas: 2, labels: {x: 1}}\n    tty: true\n\
                networks: {n: {driver: overlay, internal: true}}\n";
    let over = "services:\n  web:\n    command: c\n    environment: {B: 3, C: 4}\n    dns: 9.9.9.9\n    ports: [\"443:443\", \"80:80\"]\n    \
                secrets: [a]\n    logging: {options: {b: 2}}\n    deploy: {replicas: 0, labels: {y: 1}}\n    tty: false\n  \
                extra: {image: redis}\nnetworks: {n: {attachable: true}}\n";
    let expected = "version: \"3.13\"\nservices:\n  extra:\n    image: redis\n  web:\n    command:\n      - c\n    deploy:\n      replicas: 0\n      \
                    labels:\n        x: \"1\"\n        \"y\": \"1\"\n    dns:\n      - 8.8.8.8\n      - 9.9.9.9\n    environment:\n      A: \"1\"\n      B: \"3\"\n      \
                    C: \"4\"\n    image: nginx\n    logging:\n      driver: syslog\n      options:\n        a: \"1\"\n        b: \"2\"\n    ports:\n      \
                    - mode: ingress\n        target: 80\n        published: 80\n        protocol: tcp\n      - mode: ingress\n        target: 443\n        \
                    published: 443\n        protocol: tcp\n    secrets:\n      - source: a\n      - source: b\n    tty: true\nnetworks:\n  n:\n    \
                    attachable: true\n";
    assert_eq!(printed(&[base, over]), expected);
    let other = loaded(&["version: \"3.7\"\n", "version: \"3.8\"\n"], &[]);
    assert!(
        matches!(other, Err(Trouble::Text(text)) if text == "version mismatched between two composefiles : 3.7 and 3.8")
    );
}

#[test]
fn versions_of_the_format() {
    for (version, error) in [
        ("\"2\"", "unsupported Compose file version: 2"),
        ("\"3.14\"", "unsupported Compose file version: 3.14"),
        ("\"1.0\"", "unsupported Compose file version: 1.0"),
        ("3", "version must be a string"),
        ("3.8", "version must be a string"),
    ] {
        assert_eq!(refused(&format!("version: {version}\nservices: {{}}\n")), error);
    }
    for version in ["\"3\"", "\"3.0\"", "\"3.13\"", "\"\""] {
        assert!(loaded(&[&format!("version: {version}\n")], &[]).is_ok(), "{version}");
    }
}

#[test]
fn what_a_stack_refuses() {
    for (text, error) in [
        // One that goes in circles is refused like any other.
        (
            "services:\n  a: {extends: {service: b}}\n  b: {extends: {service: a}}\n",
            "extends: Support for `extends` is not implemented yet.; ",
        ),
        ("services:\n  a: {mem_limit: 1m}\n", "mem_limit: Set resource limits using deploy.resources; "),
        ("services:\n  a: {environment: {1: x}}\n", "json: unsupported type: map[interface {}]interface {}"),
        (
            "volumes: {d: {external: true, driver: x}}\n",
            "conflicting parameters \"external\" and \"driver\" specified for volume \"d\"",
        ),
        (
            "networks: {n: {name: a, external: {name: b}}}\n",
            "network n: network.external.name and network.name conflict; only use network.name",
        ),
        (
            "secrets: {s: {driver: d, file: f}}\n",
            "secret s: secret.driver and secret.file conflict; only use secret.driver",
        ),
        (
            "services:\n  a: {ports: [foo]}\n",
            "decoding failed due to the following error(s):\n\n'Ports' invalid containerPort: foo",
        ),
        ("services:\n  a: {env_file: x.env}\n", "open /home/lab/x.env: no such file or directory"),
        (
            "services:\n  a: {volumes: [{type: bind, target: /x}]}\n",
            "invalid mount config for type \"bind\": field Source must not be empty",
        ),
    ] {
        assert_eq!(refused(text), error, "{text}");
    }
}

#[test]
fn files_of_variables_lie_below_those_of_the_service() {
    let text = "services:\n  a:\n    env_file: [one.env, ../two.env]\n    environment: [A, SET=, D=4]\n";
    let files = [("/home/lab/one.env", "# first\nA=1\nB=1\nSET\nNONE\n"), ("/home/two.env", "B=2\nC=\n")];
    let loaded = loaded(&[text], &files).expect("it is well");
    assert_eq!(
        loaded.project.services["a"]["environment"],
        json!({"A": null, "B": "2", "C": "", "D": "4", "SET": "yes"})
    );
}

#[test]
fn what_has_no_effect_is_found() {
    let text = "services:\n  a: {build: ., links: [b], restart: always, container_name: x}\n  b: {privileged: true, expose: [1]}\n";
    let documents = [parse("x.yml", text.as_bytes()).expect("it is YAML")];
    assert_eq!(unsupported(&documents), ["build", "links", "privileged", "restart"]);
    assert_eq!(deprecated(&documents).into_keys().collect::<Vec<_>>(), ["container_name", "expose"]);
}
