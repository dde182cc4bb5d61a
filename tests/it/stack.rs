//! Stacks from compose files, typed in the lab's shell.
//!
//! Follows cli.md §10; the transcripts are to be read beside recordings of a real swarm.

use crate::common::root;
use crate::shell::Lab;

/// Writes a file beside the shipped scenarios onto the host's disk.
fn put(lab: &mut Lab, name: &str) {
    let text = std::fs::read_to_string(root().join("scenarios/compose").join(name)).expect("readable");
    let (status, _, printed) = lab.line(&format!("cat > {name} <<'EOF'\n{text}EOF"));
    assert_eq!((status, printed.as_str()), (0, ""));
}

#[test]
fn a_stack_from_its_deployment_to_its_end() {
    let mut lab = Lab::swarm(1, 2);
    for file in ["shop.yml", "shop.more.yml", "password.txt", "site.conf"] {
        put(&mut lab, file);
    }
    lab.lines(
        "docker stack deploy -c shop.yml shop
         docker stack ls
         wait 30s
         docker stack services shop
         docker stack services --filter name=shop_web --format '{{.Name}}: {{.Replicas}}' shop
         docker stack services -q shop
         docker stack ps shop
         docker stack ps --filter desired-state=running --format '{{.Name}} {{.Image}}' shop
         docker service inspect --pretty shop_store
         docker service inspect --format '{{json .Spec.TaskTemplate.ContainerSpec}}' shop_store
         docker service inspect --format '{{json .Spec.Labels}}' shop_web
         docker network ls -f label=com.docker.stack.namespace=shop
         docker secret ls
         docker config ls
         docker stack deploy -c shop.yml shop
         wait 10s
         docker stack ps shop
         docker stack deploy --detach=false --quiet -c shop.yml -c shop.more.yml shop
         docker stack services shop
         docker stack deploy --prune -c shop.yml shop
         docker stack services shop
         echo other | cat > password.txt
         docker stack deploy -c shop.yml shop
         docker stack rm shop nosuch
         docker stack ls
         docker stack ps shop
         wait 30s
         docker stack rm shop
         docker stack ps shop
         docker stack services shop
         docker network ls",
    );
    lab.keep("stack_life");
}

#[test]
fn variables_come_from_the_shell() {
    let mut lab = Lab::swarm(1, 0);
    let (_, _, printed) = lab.line("export TAG=1.26; REPLICAS=2 docker stack config -c - <<'EOF'\nservices:\n  web:\n    image: nginx:${TAG}\n    deploy: {replicas: \"${REPLICAS}\"}\n    volumes: [\"~/site:/site:ro\", \"./x:/y\"]\nEOF");
    assert_eq!(
        printed,
        "version: \"3.13\"\nservices:\n  web:\n    deploy:\n      replicas: 2\n    image: nginx:1.26\n    volumes:\n      \
         - type: bind\n        source: /home/lab/site\n        target: /site\n        read_only: true\n      - type: bind\n        \
         source: /home/lab/x\n        target: /y\n"
    );
    let (_, _, printed) = lab.line(
        "LOCAL=1; TAG=2; docker stack config -c - <<'EOF'\nservices:\n  web:\n    image: nginx:${TAG}${LOCAL}\nEOF",
    );
    assert!(printed.contains("image: nginx:2\n"), "{printed}");
    assert_eq!(lab.line("export 1=2").2, "2> bash: export: `1=2': not a valid identifier\n");
    assert_eq!(lab.line("export").2, "declare -x TAG=\"2\"\n");
}

#[test]
fn a_worker_deploys_nothing() {
    let mut lab = Lab::swarm(1, 1);
    lab.line("on w1");
    let (status, _, printed) = lab.line("docker stack deploy -c nosuch.yml shop");
    assert_eq!((status, printed.as_str()), (1, "2> open nosuch.yml: no such file or directory\n"));
    let (status, _, printed) =
        lab.line("docker stack deploy -d -c - shop <<'EOF'\nservices:\n  web: {image: nginx}\nEOF");
    let text = "2> this node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this node to \
                swarm and try again\n";
    assert_eq!((status, printed.as_str()), (1, text));
}

#[test]
fn mounts_are_carried_and_checked() {
    let mut lab = Lab::swarm(1, 0);
    let mount = "type=bind,source=/nosuch,target=/data";
    lab.line(&format!("docker service create -d --name web --mount {mount} --mount src=v,dst=/v nginx"));
    lab.line("wait 5s");
    let (_, _, printed) = lab.line("docker service ps --no-trunc --format '{{.Error}}' web");
    let text = "invalid mount config for type \"bind\": bind source path does not exist: /nosuch";
    assert!(printed.contains(text), "{printed}");
    lab.line("docker service update -d --mount-rm /data --mount-add type=tmpfs,dst=/t,tmpfs-size=1m web");
    let (_, _, printed) =
        lab.line("docker service inspect --format '{{json .Spec.TaskTemplate.ContainerSpec.Mounts}}' web");
    assert_eq!(
        printed,
        "[{\"Type\":\"tmpfs\",\"Target\":\"/t\",\"TmpfsOptions\":{\"SizeBytes\":1048576}},\
         {\"Type\":\"volume\",\"Source\":\"v\",\"Target\":\"/v\"}]\n"
    );
    let (status, _, printed) = lab.line("docker service create -d --mount dst=/a --mount dst=/a nginx");
    let text = "2> Error response from daemon: rpc error: code = InvalidArgument desc = ContainerSpec: duplicate mount point: /a\n";
    assert_eq!((status, printed.as_str()), (1, text));
}
