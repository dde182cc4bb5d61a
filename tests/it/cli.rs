//! The program at its front door: exit statuses, what it prints where, and every kind of bad input.
//!
//! Follows the house plan §6 ("Exit status everywhere") and issue 2 ("Bad input").

use crate::common::{Ended, ended, program, settings};
use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;

/// A file of this test, in a folder of its own.
fn file(name: &str, content: impl AsRef<[u8]>) -> String {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cli");
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    let path = folder.join(name);
    std::fs::write(&path, content).expect("a file can be written");
    path.display().to_string()
}

fn scenario(tail: &str) -> String {
    format!(
        "format = 1\nname = \"x\"\nduration = \"40s\"\n[cluster]\nmanagers = 1\nworkers = 1\n\
         [[step]]\nat = \"1s\"\nrun = \"docker service create --name web --replicas 2 --detach nginx\"\n{tail}"
    )
}

/// What the program complained, with the folder of the test's files cut out.
fn shown(ended: &Ended) -> String {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cli");
    ended.stderr.replace(&format!("{}/", folder.display()), "").replace(&folder.display().to_string(), "FOLDER")
}

#[test]
fn a_good_file_holds() {
    let path = file("good.toml", scenario("[[expect]]\nat = \"30s\"\ncheck = 'services[\"web\"].running == 2'\n"));
    let run = ended(&["run", &path]);
    assert_eq!((run.status, run.stderr.as_str()), (Some(0), ""), "{}", run.stdout);
    let last = run.stdout.lines().last().expect("it prints");
    let hex = last.strip_prefix("fingerprint ").expect(last);
    assert!(hex.len() == 16 && hex.chars().all(|c| c.is_ascii_hexdigit()), "{last}");
    settings().bind(|| insta::assert_snapshot!("run_good", run.stdout));
}

#[test]
fn every_outcome_has_its_status() {
    let held = file("held.toml", scenario("[[expect]]\nat = \"30s\"\ncheck = 'raft.quorum'\n"));
    let failing = file(
        "failing.toml",
        scenario(
            "[[expect]]\nname = \"three run\"\nfrom = \"20s\"\nuntil = \"30s\"\nalways = 'services[\"web\"].running == 3'\n",
        ),
    );
    let unknown =
        file("unknown.toml", scenario("[[expect]]\nat = \"30s\"\ncheck = 'services[\"wbe\"].running == 2'\n"));
    let printed = file("printed.toml", scenario("[[output]]\nstep = 1\ncontains = [\"converged\"]\n"));
    for (status, path) in [(0, &held), (1, &failing), (3, &unknown), (1, &printed)] {
        let run = ended(&["run", path]);
        assert_eq!((run.status, run.stderr.as_str()), (Some(status), ""), "{path}\n{}", run.stdout);
        assert!(run.stdout.lines().last().is_some_and(|line| line.starts_with("fingerprint ")), "{}", run.stdout);
    }
    // Of several files the worst counts; failed is worse than unknown.
    assert_eq!(ended(&["run", &held, &unknown]).status, Some(3));
    assert_eq!(ended(&["run", &unknown, &failing, &held]).status, Some(1));
    let wrong = file("wrong.toml", "format = 2\n");
    let mixed = ended(&["run", &failing, &wrong]);
    assert_eq!(mixed.status, Some(2));
    assert_eq!(mixed.stdout, "", "nothing runs when a file cannot be used");

    let mut text = ended(&["run", &failing]).stdout;
    text += &ended(&["run", &unknown]).stdout;
    text += &ended(&["run", &printed]).stdout;
    settings().bind(|| insta::assert_snapshot!("run_failing", text));
}

#[test]
fn another_seed_and_machine_readable_reports() {
    let path = file("seeds.toml", scenario("[[expect]]\nat = \"30s\"\ncheck = 'raft.quorum'\n"));
    let fingerprint = |args: &[&str]| ended(args).stdout.lines().last().unwrap_or_default().to_owned();
    assert_eq!(fingerprint(&["run", &path]), fingerprint(&["run", &path, "--seed", "0"]));
    assert_ne!(fingerprint(&["run", &path]), fingerprint(&["run", &path, "--seed", "1"]));

    let json = ended(&["run", &path, "--json", "-"]);
    assert_eq!(json.status, Some(0));
    let report: serde_json::Value = serde_json::from_str(&json.stdout).expect("one JSON value");
    assert_eq!(format!("fingerprint {}", report["fingerprint"].as_str().unwrap_or("")), fingerprint(&["run", &path]));
    let both = ended(&["run", &path, &path, "--json", "-"]);
    let reports: serde_json::Value = serde_json::from_str(&both.stdout).expect("one JSON value");
    assert_eq!(reports.as_array().map(Vec::len), Some(2));

    let trace = file("trace.jsonl", "");
    assert_eq!(ended(&["run", &path, "--trace", &trace]).status, Some(0));
    let lines = std::fs::read_to_string(&trace).expect("it was written");
    let mut last = i64::MIN;
    for (number, line) in lines.lines().enumerate() {
        let record: serde_json::Value = serde_json::from_str(line).expect("one JSON value a line");
        if number == 0 {
            assert_eq!(record["format"], 1);
            continue;
        }
        let (event, cause) = (record["event"].as_u64().expect("a number"), record["cause"].as_u64().expect("a number"));
        assert!(cause < event || event == 0, "a cause comes before: {line}");
        // Events are numbered when they are planned: only time goes forward from line to line.
        let at = record["at"].as_i64().expect("a number");
        assert!(at >= last, "in order: {line}");
        last = at;
    }
    let nowhere = ended(&["run", &path, "--json", "/nowhere/at/all.json"]);
    assert_eq!(nowhere.status, Some(2));
    assert!(nowhere.stderr.starts_with("/nowhere/at/all.json: cannot be written: "), "{}", nowhere.stderr);
}

/// Each bad input: its name, the file, and what the complaint must contain.
fn bad() -> Vec<(&'static str, String, Vec<&'static str>)> {
    let step = |line: &str| scenario(&format!("[[step]]\nat = \"2s\"\nrun = '''{line}'''\n"));
    vec![
        ("a syntax error", scenario("seed = = 1\n"), vec!["10:8", "seed = = 1"]),
        ("an unknown key", scenario("[[step]]\nat = \"2s\"\nrnu = \"hosts\"\n"), vec!["12:1", "rnu", "run"]),
        ("an unknown host", step("kill w2"), vec!["12:15", "w2", "w1"]),
        (
            "an unknown host of a step",
            scenario("[[step]]\nat = \"2s\"\non = \"m7\"\nrun = \"hosts\"\n"),
            vec!["12:6", "m7", "m1"],
        ),
        ("a malformed command", step("docker ps | | grep web"), vec!["12:", "|"]),
        ("an unterminated quote", step("docker ps --filter \"name=web"), vec!["12:", "\""]),
        ("a malformed verb", step("link m1 w1 latency=fast"), vec!["12:", "fast"]),
        (
            "an unknown name in a condition",
            scenario("[[expect]]\nat = \"3s\"\ncheck = 'service[\"web\"].running == 2'\n"),
            vec!["12:", "service", "services"],
        ),
        (
            "an unknown field in a condition",
            scenario("[[expect]]\nat = \"3s\"\ncheck = 'services[\"web\"].runing == 2'\n"),
            vec!["12:", "runing", "running"],
        ),
        ("a step in the past", scenario("[[step]]\nat = \"-1s\"\nrun = \"hosts\"\n"), vec!["11:", "-1s"]),
        ("a step after the end", scenario("[[step]]\nat = \"2m\"\nrun = \"hosts\"\n"), vec!["11:", "2m", "40s"]),
        ("a thousand years", scenario("").replace("40s", "8766000h"), vec!["3:12", "8766000h", "720h"]),
        ("more time than a number holds", scenario("").replace("40s", "99999999999999999999h"), vec!["3:12"]),
        (
            "a million replicas",
            step("docker service create --replicas 1000000 nginx"),
            vec!["12:", "1000000", "100000"],
        ),
        ("a million replicas by scale", step("docker service scale web=1000000"), vec!["12:", "1000000", "100000"]),
        (
            "a million replicas by update",
            step("docker service update --replicas=1000000 web"),
            vec!["12:", "1000000", "100000"],
        ),
        (
            "a million workers",
            scenario("").replace("workers = 1", "workers = 1000000"),
            vec!["6:11", "1000000", "5000"],
        ),
        ("an empty file", String::new(), vec!["1:1", "format"]),
    ]
}

/// Words that no shell here knows can never do what the author meant.
#[test]
fn a_misspelt_command_is_refused() {
    for (line, wrong) in [
        ("dokcer ps", "dokcer"),
        ("docker servcie ls", "servcie"),
        ("docker service create --replica 3 nginx", "--replica"),
    ] {
        let path = file("misspelt.toml", scenario(&format!("[[step]]\nat = \"2s\"\nrun = '''{line}'''\n")));
        let run = ended(&["run", &path]);
        assert_eq!(run.status, Some(2), "{line}\n{}", run.stdout);
        assert!(run.stderr.contains("misspelt.toml:12:") && run.stderr.contains(wrong), "{}", run.stderr);
    }
}

#[test]
fn every_bad_scenario_is_refused_with_its_place() {
    let mut text = String::new();
    for (number, (name, content, parts)) in bad().into_iter().enumerate() {
        let base = format!("bad-{number}.toml");
        let path = file(&base, content);
        let run = ended(&["run", &path]);
        assert_eq!((run.status, run.stdout.as_str()), (Some(2), ""), "{name}\n{}", run.stderr);
        let said = shown(&run);
        assert!(!said.contains("panicked"), "{name}\n{said}");
        assert!(said.contains(&format!("{base}:")), "{name}: where?\n{said}");
        for part in parts {
            assert!(said.contains(part), "{name}: {part:?} is not in\n{said}");
        }
        let check = ended(&["check", &path]);
        assert_eq!((check.status, shown(&check)), (Some(2), said.clone()), "check and run say the same: {name}");
        text += &format!("## {name}\n\n{said}\n");
    }
    settings().bind(|| insta::assert_snapshot!("bad_scenarios", text));
}

#[test]
fn what_is_no_scenario_file_at_all() {
    let binary: Vec<u8> = (0..4096u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let noise = file("noise.toml", &binary);
    let nul = file("nul.toml", "format = 1\0\0\0\n");
    let big = file("big.toml", format!("# {}\n", "x".repeat(2 << 20)));
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cli").display().to_string();
    let mut text = String::new();
    for (path, parts) in [
        (noise.as_str(), vec!["noise.toml", "UTF-8"]),
        (&nul, vec!["nul.toml:1:10"]),
        (&big, vec!["big.toml", "1048576", "2097155"]),
        (&folder, vec!["folder"]),
        ("no/such/file.toml", vec!["no/such/file.toml", "No such file"]),
        ("", vec![]),
    ] {
        let run = ended(&["run", path]);
        assert_eq!((run.status, run.stdout.as_str()), (Some(2), ""), "{path}\n{}", run.stderr);
        let said = shown(&run);
        for part in parts {
            assert!(said.contains(part), "{part:?} is not in\n{said}");
        }
        assert!(!said.contains("panicked") && said.len() < 4000, "{said}");
        text += &format!("{said}\n");
    }
    settings().bind(|| insta::assert_snapshot!("no_scenario_files", text));
}

#[test]
fn check_reads_folders() {
    let all = ended(&["check", "scenarios"]);
    assert_eq!(all.status, Some(0), "{}{}", all.stdout, all.stderr);
    assert!(
        all.stdout.lines().count() >= 3 && all.stdout.lines().all(|line| line.contains(": ok (")),
        "{}",
        all.stdout
    );
    let wrong = file("check-wrong.toml", "format = 1\n");
    let mixed = ended(&["check", "scenarios/kill-node.toml", &wrong, "scenarios/lose-quorum.toml"]);
    assert_eq!(mixed.status, Some(2));
    assert_eq!(mixed.stdout.lines().count(), 2, "the good ones are told all the same: {}", mixed.stdout);
    assert_eq!(ended(&["check", "no/such/folder"]).status, Some(2));
    assert_eq!(ended(&["check", "snapshots"]).status, Some(2), "a folder without scenarios");
}

#[test]
fn the_command_line_itself() {
    assert_eq!(ended(&["run"]).status, Some(2));
    assert_eq!(ended(&["rnu", "x"]).status, Some(2));
    assert_eq!(ended(&["run", "scenarios/kill-node.toml", "--seed", "minus"]).status, Some(2));
    assert_eq!(ended(&["--version"]).status, Some(0));
    let help = ended(&["--help"]);
    assert_eq!(help.status, Some(0));
    assert!(["run", "shell", "check"].iter().all(|word| help.stdout.contains(word)), "{}", help.stdout);
    assert_eq!(ended(&["shell", "--hosts", "0"]).status, Some(2));
    assert_eq!(ended(&["shell", "--hosts", "99999999", "-c", "hosts"]).status, Some(2));
    assert_eq!(ended(&["shell", "--hosts", "2", "--managers", "1"]).status, Some(2));
    assert_eq!(ended(&["shell", "no/such/script"]).status, Some(2));
    let overflow = ended(&["shell", "--managers", "18446744073709551615", "--workers", "1", "-c", "hosts"]);
    assert_eq!(overflow.status, Some(2), "{}", overflow.stderr);
    let nobody = ended(&["shell", "--managers", "0", "--workers", "2", "-c", "hosts"]);
    assert_eq!(nobody.status, Some(2));
    assert!(nobody.stderr.starts_with("a swarm has 1 to "), "{}", nobody.stderr);
    // What is out of its limits is told once, and nothing that only follows from it.
    let many = ended(&["check", &file("many.toml", scenario("").replace("managers = 1", "managers = 100000"))]);
    assert_eq!(many.status, Some(2));
    assert_eq!(many.stderr.matches('×').count(), 1, "{}", many.stderr);
    assert!(many.stderr.contains("`managers` is 100000; it may be from 0 to "), "{}", many.stderr);
}

/// A scenario and a recording tell the same; both at their end and before.
#[test]
fn why_of_a_file() {
    let path = file("why.toml", scenario("[[step]]\nat = \"20s\"\nrun = \"docker service scale -d web=3\"\n"));
    let told = ended(&["why", &path, "web.3"]);
    assert_eq!((told.status, told.stderr.as_str()), (Some(0), ""));
    assert!(told.stdout.contains("because m1$ docker service scale -d web=3"), "{}", told.stdout);
    assert!(told.stdout.contains("what the scheduler saw for web.3"), "{}", told.stdout);
    let before = ended(&["why", &path, "web.3", "--at", "15s"]);
    assert_eq!(before.status, Some(1));
    assert!(before.stderr.contains("nothing is called web.3"), "{}", before.stderr);
    let recording = file("why.rec", "");
    let lines = "docker service create -d --name web --replicas 2 nginx; wait 20s; docker node ls";
    assert_eq!(ended(&["shell", "--record", &recording, "-c", lines]).status, Some(0));
    let told = ended(&["why", &recording, "web.2", "--at", "10s"]);
    assert_eq!((told.status, told.stderr.as_str()), (Some(0), ""));
    assert!(told.stdout.starts_with("web.2 is running on "), "{}", told.stdout);
    for (arguments, expected) in [
        (vec!["why", &recording, "web.2", "--at", "10h"], "nothing is known of that moment"),
        (vec!["why", &recording, "web.2", "--at", "soon"], "a moment was expected, such as 45s"),
        (vec!["why", &recording, "web.2", "--seed", "3"], "--seed is for scenarios"),
        (vec!["why", "no/such/file", "web.2"], "cannot be read"),
        (vec!["why", "README.md", "web.2"], "or a recording"),
    ] {
        let refused = ended(&arguments);
        assert_eq!(refused.status, Some(2), "{arguments:?}");
        assert!(refused.stderr.contains(expected), "{arguments:?}: {}", refused.stderr);
    }
}

fn shell(lines: &str) -> Ended {
    ended(&["shell", "-c", lines])
}

#[test]
fn shell_exits_with_the_last_status() {
    assert_eq!(shell("docker node ls").status, Some(0));
    assert_eq!(shell("docker node inspect nosuch").status, Some(1));
    assert_eq!(shell("docker node inspect nosuch; docker node ls").status, Some(0));
    assert_eq!(shell("docker node ls --nosuch").status, Some(125));
    assert_eq!(shell("docker node ls | grep nosuch").status, Some(1));
    assert_eq!(shell("true && exit 7; docker node ls").status, Some(7));
    assert_eq!(shell("nosuch").status, Some(127));
    assert_eq!(shell("").status, Some(0));
    let broken = shell("docker ps 'x");
    assert_eq!((broken.status, broken.stdout.as_str()), (Some(2), ""));
    assert!(!broken.stderr.is_empty());
    // What a script prints is what Docker prints, each on its own stream.
    let split = shell("docker node ls -q | wc -l; docker service ps nosuch");
    assert_eq!((split.status, split.stdout.as_str()), (Some(1), "6\n"));
    assert_eq!(split.stderr, "no such service: nosuch\n");
}

#[test]
fn shell_reads_a_pipe_a_script_and_echoes() {
    let mut child = program(&["shell", "--managers", "1", "--workers", "1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let lines = "docker node ls -q | wc -l\n\n# nothing\nkill w1; wait 20s\ndocker node ls --format '{{.Hostname}} {{.Status}}'\n";
    child.stdin.take().expect("a pipe").write_all(lines.as_bytes()).expect("it reads");
    let piped: Ended = child.wait_with_output().expect("it ends").into();
    assert_eq!((piped.status, piped.stdout.as_str()), (Some(0), "2\nm1 Ready\nw1 Down\n"), "{}", piped.stderr);

    let script = file("script.lab", lines);
    let from_file = ended(&["shell", "--managers", "1", "--workers", "1", &script]);
    assert_eq!((from_file.status, from_file.stdout), (Some(0), piped.stdout.clone()));
    let echoed = ended(&["shell", "--managers", "1", "--workers", "1", "--echo", &script]);
    assert!(echoed.stdout.starts_with("$ docker node ls -q | wc -l\n2\n"), "{}", echoed.stdout);

    let bad = file("bad.lab", "docker node ls -q | wc -l\ndocker ps | |\n");
    assert_eq!(ended(&["shell", &bad]).status, Some(2));
}

/// What a pipe feeds to the lab.
fn piped(text: &[u8]) -> Ended {
    let mut child = program(&["shell", "--managers", "1", "--workers", "1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    child.stdin.take().expect("a pipe").write_all(text).expect("it reads");
    child.wait_with_output().expect("it ends").into()
}

#[test]
fn what_is_wrong_with_a_pipe_is_said_with_its_line() {
    for (text, out, said) in [
        (
            b"hostname\n\nhostname\xff\nhostname\n".as_slice(),
            "m1\n",
            "line 3 is no text in UTF-8: its byte 9 is none\n",
        ),
        (b"hostname\ndocker ps |", "m1\n", "line 2, column 11: a command is missing behind `|`\n"),
        (b"hostname\necho \"a\nb", "m1\n", "line 2, column 6: this quote `\"` is never closed\n"),
        (b"hostname\n# nothing\ndocker ps | |\nhostname\n", "m1\n", "line 3, column 11: "),
    ] {
        let run = piped(text);
        assert_eq!((run.status, run.stdout.as_str()), (Some(2), out), "{}", run.stderr);
        assert!(run.stderr.starts_with(&format!("swarmlab: {said}")), "{}", run.stderr);
    }
    // A last line without an end, and a quote that goes over two lines, are as good as others.
    let run = piped(b"echo 'a\nb'\nhostname");
    assert_eq!((run.status, run.stdout.as_str(), run.stderr.as_str()), (Some(0), "a\nb\nm1\n", ""));
}

#[test]
fn a_recording_that_cannot_be_saved_is_a_failure() {
    let run = shell("save no/such/folder/lab.rec");
    assert_eq!((run.status, run.stdout.as_str()), (Some(1), ""));
    assert!(run.stderr.starts_with("swarmlab: no/such/folder/lab.rec: cannot be written: "), "{}", run.stderr);
    assert_eq!(shell("save no/such/folder/lab.rec\nhostname").status, Some(0));
    let run = ended(&["shell", "--record", "no/such/folder/lab.rec", "-c", "hostname"]);
    assert_eq!(run.status, Some(2));
    assert!(run.stderr.starts_with("swarmlab: no/such/folder/lab.rec: "), "{}", run.stderr);
}

#[test]
fn a_fork_in_a_script_goes_on_from_where_it_looked() {
    let run = shell("wait 2m\nseek 30s\nfork\ndate");
    assert_eq!(run.status, Some(0), "{}", run.stderr);
    assert!(run.stdout.ends_with("; the other is kept as branch-1\n2026-01-05T09:00:30Z\n"), "{}", run.stdout);
    assert_eq!(shell("wait 10s\nseek 99h").status, Some(1));
    assert_eq!(shell("wait 10s\nseek 5s\nwait 2s").status, Some(1));
}

/// From machines to a swarm, as the book does it.
#[test]
fn machines_become_a_swarm() {
    let lines = "docker node ls; docker swarm init; docker node ls --format '{{.Hostname}} {{.ManagerStatus}}'; \
                 docker swarm join-token worker";
    let one = ended(&["shell", "--hosts", "1", "-c", lines]);
    assert_eq!(one.status, Some(0), "{}", one.stderr);
    let join = one.stdout.lines().find(|line| line.contains("docker swarm join --token SWMTKN-1-")).expect(&one.stdout);
    let parts: Vec<&str> = join.split_whitespace().collect();
    assert_eq!(parts[5].split(':').nth(1), Some("2377"), "{join}");
    // The same data centre again: the token is the seed's, and a second machine joins with it.
    let lines = "docker swarm init; on h2; $(on h1)".replace("; $(on h1)", &format!("; {}; docker node ls; on h1; wait 1s; docker node ls --format '{{{{.Hostname}}}} {{{{.Status}}}} {{{{.ManagerStatus}}}}'", join.trim()));
    let two = ended(&["shell", "--hosts", "2", "-c", &lines]);
    assert_eq!(two.status, Some(0), "{}{}", two.stdout, two.stderr);
    assert!(two.stdout.contains("This node joined a swarm as a worker.\n"), "{}", two.stdout);
    assert!(two.stdout.ends_with("h1 Ready Leader\nh2 Ready \n"), "{}", two.stdout);
    assert!(two.stderr.contains("This node is not a swarm manager. Worker nodes can't be used"), "{}", two.stderr);
    settings()
        .bind(|| insta::assert_snapshot!("from_machines_to_a_swarm", format!("{}---\n{}", one.stdout, two.stdout)));
}

#[test]
fn the_last_day_is_a_message() {
    let run = ended(&["shell", "--hosts", "1", "-c", "wait 999999h; hosts"]);
    assert_eq!(run.stderr, "swarmlab: this lab has reached its last day (720h0m0s)\n");
    assert_eq!(run.stdout, "");
}

/// Huge numbers, nonsense, faults that make no sense: no panic.
#[test]
fn nothing_panics() {
    for lines in [
        "docker service create --replicas 1000000 nginx",
        "docker service create --replicas 18446744073709551616 nginx",
        "docker service create --name web --detach nginx; docker service scale web=99999999999",
        "wait 48h",
        "wait until raft.leader == 'nobody' for up to 1h",
        "docker service create --limit-memory 99999999999999999999g nginx",
        "docker service create --name web --detach --restart-delay 0s swarmlab/exits-at-once; wait 2m; docker service ls",
        "kill m1; docker node ls; boot m1; docker node ls",
        "kill w9; boot w1; kill; on; crash; partition; link m1; wait",
        "docker service create --name 'é\u{1F600}' nginx; docker service create \u{7f} nginx",
        "docker node ls --format '{{.Nope}}{{'; docker ps --filter x=y=z; docker service ls --filter =",
        "docker; docker service; docker swarm; docker node; docker help; docker service create --help",
        "pause m1; docker node ls",
        "exit 300",
    ] {
        let run = shell(lines);
        let said = format!("{}{}", run.stdout, run.stderr);
        assert!(run.status.is_some_and(|status| status != 101) && !said.contains("panicked"), "{lines}\n{said}");
    }
}
