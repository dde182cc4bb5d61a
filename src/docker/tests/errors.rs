//! Usage errors (cli.md §3.2), client-side refusals (§7), what is not modelled, and a daemon that does not answer.

use crate::docker::testing::{refuse, run, run_with};
use crate::swarm::api::{Failure, NoAnswer};

const CREATE: &str = "\n\nUsage:  docker service create [OPTIONS] IMAGE [COMMAND] [ARG...]\n\n";

/// The first line of a flag error of `service create`; checks the rest of its shape.
fn flag_error(line: &str) -> String {
    let ran = run(line);
    assert_eq!((ran.stdout.as_str(), ran.status), ("", Some(125)), "{line}: {}", ran.stderr);
    let rest = format!("{CREATE}Run 'docker service create --help' for more information\n");
    ran.stderr.strip_suffix(&rest).unwrap_or_else(|| panic!("{line}: {}", ran.stderr)).to_owned()
}

#[test]
fn flag_errors() {
    for (line, error) in [
        ("--foo nginx", "unknown flag: --foo"),
        ("--name", "flag needs an argument: --name"),
        ("-p", "flag needs an argument: 'p' in -p"),
        ("-Z", "unknown shorthand flag: 'Z' in -Z"),
        ("-dZ", "unknown shorthand flag: 'Z' in -Z"),
        (
            "--replicas x nginx",
            r#"invalid argument "x" for "--replicas" flag: strconv.ParseUint: parsing "x": invalid syntax"#,
        ),
        (
            "--replicas -1 nginx",
            r#"invalid argument "-1" for "--replicas" flag: strconv.ParseUint: parsing "-1": invalid syntax"#,
        ),
        (
            "--update-delay 5 nginx",
            r#"invalid argument "5" for "--update-delay" flag: time: missing unit in duration "5""#,
        ),
        (
            "--detach=x nginx",
            r#"invalid argument "x" for "-d, --detach" flag: strconv.ParseBool: parsing "x": invalid syntax"#,
        ),
        (
            "-p 1.2.3.4:8080:80 nginx",
            r#"invalid argument "1.2.3.4:8080:80" for "-p, --publish" flag: hostip is not supported"#,
        ),
        ("--limit-memory lots nginx", r#"invalid argument "lots" for "--limit-memory" flag: invalid size: 'lots'"#),
        ("--env '' nginx", r#"invalid argument "" for "-e, --env" flag: invalid environment variable: "#),
        (
            "--mount bogus nginx",
            r#"invalid argument "bogus" for "--mount" flag: invalid field 'bogus' must be a key=value pair"#,
        ),
        (
            "--placement-pref bogus nginx",
            r#"invalid argument "bogus" for "--placement-pref" flag: placement preference must be of the format "<strategy>=<arg>""#,
        ),
        (
            "--dns notanip nginx",
            r#"invalid argument "notanip" for "--dns" flag: IP address is not correctly formatted: notanip"#,
        ),
        ("--host bad nginx", r#"invalid argument "bad" for "--host" flag: bad format for add-host: "bad""#),
        ("--publish 80:80:80 nginx", r#"invalid argument "80:80:80" for "-p, --publish" flag: invalid IP address: 80"#),
    ] {
        assert_eq!(flag_error(&format!("service create {line}")), error);
    }
    let ran = run("service ls -f foo");
    assert!(
        ran.stderr.starts_with(
            r#"invalid argument "foo" for "-f, --filter" flag: bad format of filter (expected name=value)"#
        )
    );
    assert_eq!(ran.status, Some(125));
}

#[test]
fn argument_counts() {
    let error = |line: &str, usage: &str, problem: &str, see: &str| {
        let path = line.split(" --").next().unwrap_or(line).trim_end_matches(" x").to_owned();
        let text = format!(
            "docker: 'docker {path}' {problem}\n\nUsage:  docker {usage}\n\n{see} 'docker {path} --help' for more information\n"
        );
        assert_eq!(run(line).all(), ("", text.as_str(), Some(1)));
    };
    error("service create", "service create [OPTIONS] IMAGE [COMMAND] [ARG...]", "requires at least 1 argument", "See");
    error("service rm", "service rm SERVICE [SERVICE...]", "requires at least 1 argument", "See");
    error("swarm init x", "swarm init [OPTIONS]", "accepts no arguments", "Run");
    error("swarm join --token x", "swarm join [OPTIONS] HOST:PORT", "requires 1 argument", "Run");
    error("swarm join-token", "swarm join-token [OPTIONS] (worker|manager)", "requires 1 argument", "Run");
    error("node ls x", "node ls [OPTIONS]", "accepts no arguments", "Run");
    error("node update", "node update [OPTIONS] NODE", "requires 1 argument", "Run");
    error("stop", "stop [OPTIONS] CONTAINER [CONTAINER...]", "requires at least 1 argument", "See");
    error("rm", "rm [OPTIONS] CONTAINER [CONTAINER...]", "requires at least 1 argument", "See");
}

#[test]
fn unknown_commands() {
    assert_eq!(
        run("service foo").all(),
        (
            "",
            "docker: unknown command: docker service foo\n\nUsage:  docker service\n\nRun 'docker service --help' for \
             more information\n",
            Some(1)
        )
    );
    assert_eq!(
        run("foo").all(),
        ("", "docker: unknown command: docker foo\n\nRun 'docker --help' for more information\n", Some(1))
    );
}

#[test]
fn what_is_not_modelled_says_so() {
    assert_eq!(run("compose up").all(), ("", "swarmlab: docker compose is not modelled yet\n", Some(1)));
    assert_eq!(run("network create --ipv6 n").all(), ("", "swarmlab: --ipv6 is not modelled yet\n", Some(1)));
    assert_eq!(run("-H x ps").all(), ("", "swarmlab: --host is not modelled yet\n", Some(1)));
}

#[test]
fn refusals_of_the_client() {
    for (line, error) in [
        (
            "service create --mode global --replicas 2 nginx",
            "replicas can only be used with replicated or replicated-job mode",
        ),
        ("service create --mode bogus nginx", "unknown mode: bogus, only replicated and global supported"),
        (
            "service create --mode global --replicas-max-per-node 1 nginx",
            "replicas-max-per-node can only be used with replicated or replicated-job mode",
        ),
        ("service create --health-cmd a --no-healthcheck nginx", "--no-healthcheck conflicts with --health-* options"),
        (
            "service create --mode replicated-job --update-delay 1s nginx",
            "update and rollback configuration is not supported for jobs",
        ),
        ("service update --rollback --image x web", "other flags may not be combined with --rollback"),
        ("service update --replicas 3 agent", "replicas can only be used with replicated mode"),
        ("service inspect --pretty --format x web", "--format is incompatible with human friendly format"),
        ("swarm init --availability x", r#"invalid availability "x", only active, pause and drain are supported"#),
        (
            "service ls --format '{{.Foo}}'",
            r#"template parsing error: template: :1:2: executing "" at <.Foo>: can't evaluate field Foo in type *service.serviceContext"#,
        ),
        ("service ls --format '{{.Name'", "template parsing error: template: :1: unclosed action"),
        ("service logs --tail x web", r#"Error response from daemon: tail value must be a positive integer or "all""#),
        ("service update -d nope --force", "Error response from daemon: service nope not found"),
        ("service rollback nope", "Error response from daemon: service nope not found"),
    ] {
        assert_eq!(run(line).all(), ("", format!("{error}\n").as_str(), Some(1)), "{line}");
    }
    assert_eq!(run("service inspect -f '{{.Name' web").status, Some(64));
}

#[test]
fn help_goes_to_stdout_and_a_bare_group_to_stderr() {
    let help = run("service create --help");
    assert_eq!((help.stderr.as_str(), help.status), ("", Some(0)));
    assert!(help.stdout.starts_with("Usage:  docker service create [OPTIONS] IMAGE [COMMAND] [ARG...]\n\n"));
    assert!(help.stdout.contains("\n  -p, --publish port "));
    assert!(help.stdout.lines().all(|line| line.chars().count() <= 85), "{}", help.stdout);
    let group = run("service");
    assert_eq!((group.stdout.as_str(), group.status), ("", Some(0)));
    assert!(
        group.stderr.starts_with("Usage:  docker service COMMAND\n\nManage Swarm services\n\nCommands:\n  create ")
    );
    assert_eq!(run("service --help").stdout, group.stderr);
    assert!(run("service ls -h").stderr.starts_with("Flag shorthand -h has been deprecated, use --help\n"));
    assert!(run("service rm web nosuch --help").stdout.starts_with("Usage:  docker service rm SERVICE [SERVICE...]\n"));
}

#[test]
fn a_daemon_that_does_not_answer() {
    let with = |no_answer: NoAnswer| {
        let ran = run_with("service ls", |_, _| Err(Failure::NoAnswer(no_answer.clone())));
        assert_eq!((ran.stdout.as_str(), ran.status), ("", Some(1)));
        ran.stderr
    };
    assert_eq!(
        with(NoAnswer::NoSocket),
        "failed to connect to the docker API at unix:///var/run/docker.sock; check if the path is correct and if the \
         daemon is running: dial unix /var/run/docker.sock: connect: no such file or directory\n"
    );
    assert_eq!(
        with(NoAnswer::Refused),
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n"
    );
    assert_eq!(
        with(NoAnswer::Died),
        "error during connect: Get \"http://%2Fvar%2Frun%2Fdocker.sock/v1.55/services\": EOF\n"
    );
    let info = run_with("info", |_, _| Err(Failure::NoAnswer(NoAnswer::NoSocket)));
    assert_eq!(info.stdout, "Client:\n Version:    29.7.2\n Context:    default\n Debug Mode: false\n\nServer:\n");
    assert_eq!(info.status, Some(1));
}

#[test]
fn not_a_manager() {
    let text = "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this node to swarm and try again.";
    let error = format!("Error response from daemon: {text}\n");
    for line in ["node ls", "service ls", "swarm join-token worker", "service ps web", "service rm web"] {
        assert_eq!(run_with(line, |_, _| refuse(503, text)).all(), ("", error.as_str(), Some(1)), "{line}");
    }
    assert_eq!(run_with("service inspect web", |_, _| refuse(503, text)).all(), ("[]\n", error.as_str(), Some(1)));
    let scale = run_with("service scale web=2", |_, _| refuse(503, text));
    assert_eq!(scale.stderr, format!("web: {error}"));
}
