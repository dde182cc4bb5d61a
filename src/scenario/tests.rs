//! A scenario that is right, and every kind of wrong one with the report that a person sees.

use super::*;
use crate::observe::tests::settings;

/// The example of the house plan.
const EXAMPLE: &str = r#"format = 1
name = "lose-quorum"
about = "Two of three managers die; the service goes on; recovery"
seed = 42
duration = "5m"
ties = "shuffled"

[cluster]
managers = 3
workers = 3
[[cluster.host]]
name = "gpu-1"
role = "worker"
labels = { zone = "b" }
cpus = 1.5
memory = "4g"
availability = "drain"
[cluster.network]
latency = "1ms"
jitter = "200us"
loss = "0.5%"
[cluster.daemon]
heartbeat_period = "5s"
task_history_limit = 5

[images."nginx:1.25"]
pull = "2s"
start = "300ms"
listen = [80]
[images."bad:1"]
exits = { code = 137, after = "3s" }
[images."bad:2"]
crash_after = "1s"

[files]
"stack.yml" = "compose/gallery.yml"

[[step]]
name = "create"
at = "10s"
on = "m1"
run = "docker service create --name web --replicas 6 --publish 8080:80 nginx:1.25"

[[step]]
at = "1m"
run = """
kill m2
kill m3; wait until !raft.quorum for up to 1m
docker service scale web=7 | grep -c web
"""

[[expect]]
name = "no quorum, no leader"
from = "1m30s"
until = "2m"
always = "!raft.quorum"

[[expect]]
name = "a leader again"
from = "3m"
within = "30s"
eventually = 'raft.leader != ""'

[[expect]]
at = "5m"
check = 'truth.containers.filter(c, c.service == "web" && c.running).size() >= 2'

[[output]]
step = "create"
contains = ["converged", "web"]
status = 0

[[output]]
step = 2
matches = '^\d+$'
"#;

#[test]
fn the_example_of_the_house_plan() {
    let scenario = Scenario::parse("lose-quorum.toml", EXAMPLE).unwrap_or_else(|errors| panic!("{}", errors.render()));
    let hosts: Vec<&str> = scenario.cluster.hosts.iter().map(|host| host.name.as_str()).collect();
    assert_eq!(hosts, ["m1", "m2", "m3", "w1", "w2", "w3", "gpu-1"]);
    let gpu = scenario.cluster.host("gpu-1").unwrap();
    assert_eq!((gpu.nano_cpus, gpu.memory), (Some(1_500_000_000), Some(4 << 30)));
    assert_eq!((scenario.seed, scenario.duration, scenario.ties), (42, Duration::from_minutes(5), Ties::Shuffled));
    assert_eq!(scenario.images["bad:1"].exit, Some(ImageExit { code: 137, after: Duration::from_secs(3) }));
    assert_eq!(scenario.images["bad:2"].exit, Some(ImageExit { code: 1, after: Duration::from_secs(1) }));
    assert_eq!(scenario.steps[1].list.items.len(), 4);
    assert_eq!((scenario.steps[1].on.as_str(), scenario.steps[1].at), ("m1", Duration::from_minutes(1)));
    assert_eq!(scenario.expectations[0].when, When::Always(Duration::from_secs(90), Duration::from_minutes(2)));
    assert_eq!(scenario.expectations[1].when, When::Eventually(Duration::from_minutes(3), Duration::from_secs(210)));
    assert_eq!(scenario.expectations[2].name, scenario.expectations[2].condition.source());
    assert_eq!(scenario.outputs[0].step, StepRef { index: 0, shown: "create".into() });
    assert_eq!(scenario.outputs[0].faults("web converged\n", 0), Vec::<String>::new());
    let faults = ["expected: contains \"converged\"; printed: \"web\"", "expected status 0; it was 1"];
    assert_eq!(scenario.outputs[0].faults("web", 1), faults);
    assert_eq!(scenario.outputs[1].faults("a\n7\n", 0), Vec::<String>::new());
}

/// A scenario that is right but for what is put in.
fn with(head: &str, tail: &str) -> String {
    format!("format = 1\nname = \"x\"\nduration = \"5m\"\n{head}[cluster]\nmanagers = 3\nworkers = 2\n{tail}")
}

fn step(line: &str) -> String {
    with("", &format!("[[step]]\nat = \"10s\"\nrun = '''\ndocker node ls\n{line}'''\n"))
}

fn expect(lines: &str) -> String {
    with("", &format!("[[expect]]\n{lines}\n"))
}

#[test]
fn every_kind_of_bad_input_is_shown_with_its_place() {
    let cases: Vec<(&str, String)> = vec![
        ("an empty file", String::new()),
        ("not TOML", with("seed = \n", "")),
        ("not TOML, a quote", with("about = \"x\n", "")),
        ("an unknown key", with("durations = \"5m\"\n", "")),
        ("an unknown key of a step", with("", "[[step]]\nat = \"1s\"\nrn = \"hosts\"\n")),
        ("an unknown key of the daemon", with("", "[cluster.daemon]\nhartbeat_period = \"5s\"\n")),
        ("an unknown host", with("", "[[step]]\nat = \"1s\"\non = \"m4\"\nrun = \"hosts\"\n")),
        ("an unknown host in a verb", step("partition m1 m2 | m3 w9")),
        ("an unknown host that is killed", step("kill w3")),
        ("a malformed command", step("docker ps | | grep web")),
        ("a malformed verb", step("link m1 m2 latency=fast")),
        ("a quote in a basic string", with("", "[[step]]\nat = \"1s\"\nrun = \"echo \\\"é\\\" 'x\"\n")),
        ("a condition over an unknown name", expect("always = 'service[\"web\"].running == 1'")),
        ("a condition over an unknown field", expect("always = \"services[\\\"web\\\"].runing == 1\"")),
        ("a condition of a wait", step("wait until raft.leder != \"\" for up to 1m")),
        ("a step in the past", with("", "[[step]]\nat = \"-5s\"\nrun = \"hosts\"\n")),
        ("a step after the end", with("", "[[step]]\nat = \"6m\"\nrun = \"hosts\"\n")),
        ("a thousand years", with("", "").replace("\"5m\"", "\"8760000h\"")),
        ("two months", with("", "").replace("\"5m\"", "\"1440h\"")),
        ("a duration without a unit", with("", "").replace("\"5m\"", "300")),
        ("a million replicas", step("docker service create --replicas 1000000 nginx")),
        ("a million replicas by scale", step("docker service scale db=2 web=1000000")),
        ("too many hosts", with("", "").replace("workers = 2", "workers = 1000000")),
        ("time travel", step("undo")),
        ("no hosts", with("", "").replace("managers = 3\nworkers = 2", "")),
        ("no manager", with("", "").replace("managers = 3", "")),
        ("a host twice", with("", "[[cluster.host]]\nname = \"w1\"\n[[cluster.host]]\nrole = \"boss\"\n")),
        ("an image", with("", "[images.\"a b\"]\nlisten = [0]\nexits = { after = \"1s\" }\nmising = true\n")),
        (
            "an image's health and hosts",
            with(
                "",
                "[images.\"a\"]\nhealthcheck = { interval = \"10us\", retry = 3 }\nmemory = \"much\"\npreloaded = [\"w9\"]\nreachable_from = 3\nunhealthy_after = 30\n",
            ),
        ),
        ("no condition", expect("from = \"1m\"")),
        ("two conditions", expect("always = 'raft.quorum'\neventually = 'raft.quorum'")),
        ("a window the wrong way round", expect("from = \"2m\"\nuntil = \"1m\"\nalways = 'raft.quorum'")),
        ("a window after the end", expect("from = \"4m\"\nwithin = \"2m\"\neventually = 'raft.quorum'")),
        ("a measure without an end", with("", "[[measure]]\nfrom = \"1m\"\n")),
        ("a measure until a time", with("", "[[measure]]\nname = \"a\"\nuntil = \"2m\"\n")),
        (
            "a measure with two ends",
            with(
                "",
                "[[step]]\nat = \"1s\"\nrun = \"hosts\"\n[[measure]]\nname = \"a\"\nstep = 1\nof = \"start\"\nuntil = 'raft.quorum'\n",
            ),
        ),
        (
            "a measure of a step's run without a step",
            with("", "[[measure]]\nname = \"a\"\nfaster_than = \"1s\"\nuntil = 'raft.qorum'\n"),
        ),
        (
            "a measure after the end",
            with("", "[[measure]]\nname = \"a\"\nfrom = \"4m\"\nwithin = \"2m\"\nuntil = 'raft.quorum'\n"),
        ),
        ("two measures of a name", with("", &"[[measure]]\nname = \"a\"\nuntil = 'raft.quorum'\n".repeat(2))),
        ("a step typed too often", with("", "[[step]]\nat = \"1s\"\nevery = \"1us\"\nrun = \"hosts\"\n")),
        ("a step that may be too late", with("", "[[step]]\nat = \"4m\"\njitter = \"2m\"\nrun = \"hosts\"\n")),
        ("a step with an end and no repetition", with("", "[[step]]\nat = \"1s\"\nuntil = \"2s\"\nrun = \"hosts\"\n")),
        ("chaos of no kind", with("", "[chaos]\nfaults = [\"kil\", \"flood\"]\ntargets = [\"m4\", \"wrkers\"]\n")),
        ("chaos too often", with("", "[chaos]\nfrom = \"2m\"\nuntil = \"4m\"\nevery = \"1ms\"\nlasts = \"0s\"\n")),
        ("chaos backwards", with("", "[chaos]\nfrom = \"2m\"\nuntil = \"1m\"\nat_most = 0\nfaults = []\n")),
        ("chaos for nobody", with("", "[chaos]\ntargets = []\nat_most = 99\n")),
        ("chaos for more than there are", with("", "[chaos]\ntargets = \"managers\"\nat_most = 99\n")),
        ("chaos for more than the one", with("", "[chaos]\ntargets = [\"m1\"]\nat_most = 2\n")),
        ("an output of no step", with("", "[[output]]\nstep = \"craete\"\n[[output]]\nstep = 3\nstatus = 0\n")),
        ("a file outside", with("", "[files]\n\"a\" = \"../../etc/passwd\"\n")),
        ("another format", with("", "").replace("format = 1", "format = 2")),
    ];
    let mut shown = String::new();
    for (name, text) in cases {
        let errors = Scenario::parse("bad.toml", &text).expect_err(name);
        shown += &format!("## {name}\n\n{}", errors.render());
    }
    settings().bind(|| insta::assert_snapshot!("scenario_errors", shown));
}

#[test]
fn limits_are_messages() {
    let steps = "[[step]]\nat = \"1s\"\nrun = \"hosts\"\n".repeat(10_001);
    let errors = Scenario::parse("x.toml", &with("", &steps)).unwrap_err();
    assert_eq!(errors.problems[0].message, "the scenario has 10001 steps; at most 10000 are run");
    let errors = Scenario::parse("x.toml", &" ".repeat(2 << 20)).unwrap_err();
    assert_eq!(errors.problems[0].message, "the file has 2097152 bytes; at most 1048576 are read");
    let many = with("", &"[[step]]\n".repeat(50));
    let errors = Scenario::parse("x.toml", &many).unwrap_err();
    assert_eq!(errors.problems.len(), 100);
    assert!(errors.render().ends_with("x.toml: and 80 more problems\n"));
}

#[test]
fn one_line_a_problem_for_machines() {
    let text = with("colour = 1\n", "[[step]]\nat = \"1s\"\nrun = \"kill w3\"\n");
    let errors = Scenario::parse("a.toml", &text).unwrap_err();
    let expected = "a.toml:4:1: unknown key `colour` in the file\na.toml:10:13: there is no host `w3`";
    assert_eq!(errors.to_string(), expected);
}

#[test]
fn the_built_in_catalogue_is_right() {
    let text = include_str!("../swarm/daemon/catalogue.toml");
    let catalogue = parse_images("catalogue.toml", text).unwrap_or_else(|errors| panic!("{}", errors.render()));
    assert_eq!(catalogue, built_in_images());
    assert!(catalogue.entries().count() >= 15);
    assert_eq!(catalogue.behaviour("swarmlab/exits-late:latest").exit.map(|exit| exit.code), Some(1));
    assert!(catalogue.behaviour("swarmlab/missing").missing);
    assert!(catalogue.behaviour("localhost:5000/nginx").exit.is_none());
    let late = catalogue.behaviour("swarmlab/unhealthy-late");
    assert_eq!(late.healthcheck.as_ref().map(|check| (check.interval, check.retries)), Some((2_000_000_000, 2)));
    assert_eq!(late.unhealthy_after, Some(Duration::from_secs(30)));
    assert_eq!(catalogue.behaviour("swarmlab/leaks-memory").memory_growth, 16 << 20);
    assert!(parse_images("x.toml", "[image.\"a\"]\n").is_err());
}

proptest::proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "(?s).{0,120}") {
        if let Err(errors) = Scenario::parse("x.toml", &text) {
            errors.render();
        }
    }

    /// The example with a piece cut out, or a letter put in, is read or refused.
    #[test]
    fn a_damaged_example_never_panics(at in 0usize..1900, length in 0usize..40, letter in "[\"'\\[\\]=\n\\\\é$`|0]?") {
        let mut at = at.min(EXAMPLE.len());
        while !EXAMPLE.is_char_boundary(at) { at -= 1; }
        let mut end = (at + length).min(EXAMPLE.len());
        while !EXAMPLE.is_char_boundary(end) { end -= 1; }
        let text = format!("{}{letter}{}", &EXAMPLE[..at], &EXAMPLE[end.max(at)..]);
        if let Err(errors) = Scenario::parse("x.toml", &text) {
            errors.render();
            let _ = errors.to_string();
        }
    }
}
