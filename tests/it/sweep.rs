//! Sweeps at the front door: what they print, that threads change nothing, measures, repeated steps and chaos.
//!
//! Follows the house plan §6.

use crate::common::{Ended, ended, parsed, settings};
use std::path::{Path, PathBuf};
use swarmlab::engine::{Duration, Fingerprint};
use swarmlab::scenario::run::{Options, data_centre, run, typed};
use swarmlab::scenario::sweep::SeedResult;
use swarmlab::scenario::{Measured, Scenario};
use swarmlab::session::{Recording, Session};

fn folder() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("sweep");
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    folder
}

/// A file of this test.
fn file(name: &str, text: &str) -> String {
    let path = folder().join(name);
    std::fs::write(&path, text).expect("a file can be written");
    path.display().to_string()
}

/// Three managers whose first dies; a new leader is not always there within the time given.
const TINY: &str = r#"
format = 1
name = "tiny"
duration = "1m"
[cluster]
managers = 3
[[step]]
at = "10s"
run = "kill m1"
[[expect]]
name = "a new leader soon"
from = "10s"
within = "15s"
eventually = 'raft.leader != "" && raft.leader != "m1"'
[[measure]]
name = "time to a new leader"
from = "10s"
until = 'raft.leader != "" && raft.leader != "m1"'
[[measure]]
name = "until the dead one is believed down"
from_when = 'raft.leader != "" && raft.leader != "m1"'
until = 'nodes["m1"].status == "down"'
"#;

/// What a sweep printed, with the folder of the test's files cut out.
fn shown(ended: &Ended) -> String {
    ended.stdout.replace(&format!("{}/", folder().display()), "")
}

#[test]
fn a_tiny_sweep_is_the_same_with_any_number_of_jobs() {
    let path = file("tiny.toml", TINY);
    let sweep = |more: &[&str]| ended(&[&["sweep", &path, "--seeds", "1..40"], more].concat());
    let one = sweep(&["--jobs", "1"]);
    assert_eq!((one.status, one.stderr.as_str()), (Some(1), ""), "{}", one.stdout);
    settings().bind(|| insta::assert_snapshot!("sweep_tiny", shown(&one)));
    let four = sweep(&["--jobs", "4"]);
    assert_eq!((four.status, four.stdout), (one.status, one.stdout.clone()));
    let json = sweep(&["--jobs", "1", "--json", "-"]);
    assert_eq!(json.stdout, sweep(&["--jobs", "3", "--json", "-"]).stdout);
    let told: serde_json::Value = serde_json::from_str(&json.stdout).expect("one JSON value");
    let first = told["first_failing"]["seed"].as_u64().expect("some fail");
    assert_eq!(told["measures"][1]["values"].as_array().map(Vec::len), Some(40));
    // The command that is named shows the failure again.
    let line = format!("replay:  swarmlab run {path} --seed {first}");
    assert!(one.stdout.contains(&line), "{}", one.stdout);
    let again = ended(&["run", &path, "--seed", &first.to_string()]);
    assert_eq!(again.status, Some(1));
    let name = told["first_failing"]["faults"][0]["name"].as_str().expect("a name");
    assert!(again.stdout.contains(&format!("FAILED   {name}")), "{}", again.stdout);
    // Two shares are the whole.
    let share = |share: &str| {
        let ended = sweep(&["--shard", share, "--json", "-"]);
        let told: serde_json::Value = serde_json::from_str(&ended.stdout).expect("one JSON value");
        told["seeds"].as_array().cloned().unwrap_or_default()
    };
    let mut both = [share("1/2"), share("2/2")].concat();
    both.sort_by_key(|seed| seed[0].as_u64());
    assert_eq!(Some(&both), told["seeds"].as_array());
}

#[test]
fn failing_seeds_leave_their_report_and_trace() {
    let path = file("leaving.toml", &TINY.replace("\"tiny\"", "\"leaving\""));
    let out = folder().join("leaving");
    let _ = std::fs::remove_dir_all(&out);
    let sweep = ended(&["sweep", &path, "--seeds", "1..40", "--out", &out.display().to_string()]);
    assert_eq!(sweep.status, Some(1));
    let mut names: Vec<String> = std::fs::read_dir(&out)
        .expect("the folder was made")
        .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert!(names.len() >= 2 && names.len().is_multiple_of(2) && names.len() < 80, "{names:?}");
    assert!(names.iter().all(|name| name.starts_with("leaving-seed-")), "{names:?}");
    let (report, trace) = (out.join(&names[0]), out.join(&names[1]));
    let read = |path: &Path| std::fs::read_to_string(path).expect("readable");
    let report: serde_json::Value = serde_json::from_str(&read(&report)).expect("one JSON value");
    assert_eq!(report["outcome"], "failed");
    let header: serde_json::Value =
        serde_json::from_str(read(&trace).lines().next().unwrap_or_default()).expect("JSON lines");
    assert_eq!(header["fingerprint"], report["fingerprint"]);
}

#[test]
fn exit_statuses_and_bad_arguments() {
    let held = file("held.toml", "format = 1\nname = \"held\"\nduration = \"20s\"\n[cluster]\nmanagers = 1\n");
    let unknown = file(
        "unknown.toml",
        "format = 1\nname = \"unknown\"\nduration = \"20s\"\n[cluster]\nmanagers = 1\n\
         [[expect]]\nat = \"9s\"\ncheck = 'nodes[\"m9\"].leader'\n",
    );
    let status = |files: &[&str]| ended(&[&["sweep", "--seeds", "1..=3"], files].concat()).status;
    assert_eq!(status(&[&held]), Some(0));
    assert_eq!(status(&[&held, &unknown]), Some(3));
    assert_eq!(status(&[&held, &file("tiny-too.toml", TINY), &unknown, "no/such/file.toml"]), Some(2));
    let mut said = String::new();
    for bad in [
        vec!["--seeds", "9..3"],
        vec!["--seeds", "1-200"],
        vec!["--seeds", "0..99999999"],
        vec!["--seeds", "1..2", "--shard", "3/2"],
        vec!["--seeds", "1..2", "--jobs", "0"],
        vec![],
    ] {
        let run = ended(&[&["sweep", &held], bad.as_slice()].concat());
        assert_eq!((run.status, run.stdout.as_str()), (Some(2), ""), "{bad:?}");
        said += &format!("## {}\n{}\n", bad.join(" "), run.stderr);
    }
    let wrong = ended(&["sweep", &held, &held, "--seeds", "1..2", "--out", &folder().display().to_string()]);
    assert_eq!(wrong.status, Some(2));
    said += &wrong.stderr;
    settings().bind(|| insta::assert_snapshot!("sweep_wrong", said));
}

#[test]
fn measures_of_a_run() {
    let path = file("tiny-run.toml", TINY);
    let run = ended(&["run", &path, "--seed", "1"]);
    let measured = run.stdout.split("\nmeasured:\n").nth(1).expect("they are told");
    assert_eq!(measured.lines().take_while(|line| line.starts_with("  ")).count(), 3, "{}", run.stdout);
    let json = ended(&["run", &path, "--seed", "1", "--json", "-"]).stdout;
    let report: serde_json::Value = serde_json::from_str(&json).expect("one JSON value");
    let took = |number: usize| report["measures"][number]["took"].as_i64();
    assert!(took(0).is_some_and(|took| (5_000_000_000..40_000_000_000).contains(&took)), "{json}");
    // The expectation is a measure by its own name, and sees the same moment unless it came too late.
    assert_eq!(report["measures"][2]["name"], "a new leader soon");
    assert!(took(2).is_none() || took(2) == took(0), "{json}");
    // They change nothing.
    let scenario = parsed(TINY);
    let bare = Scenario { measures: Vec::new(), ..scenario.clone() };
    let result = |scenario: &Scenario| SeedResult { measured: Vec::new(), ..SeedResult::of(scenario, 1) };
    assert_eq!(result(&scenario), result(&bare));
}

/// What someone sees who asks every second: first answers, then one that hangs, then refusals.
#[test]
fn a_step_that_asks_again_and_again() {
    let scenario = crate::common::scenario("ask-the-survivor.toml");
    let run = run(&scenario, &Options::default());
    let took = |name: &str| {
        let number = scenario.measures.iter().position(|measure| measure.name == name).expect("it is measured");
        run.measured[number].took().unwrap_or_else(|| panic!("{name}: {:?}", run.measured[number]))
    };
    let seconds = Duration::from_secs;
    let hang = took("how long it hangs");
    assert!(hang >= seconds(19) && hang <= seconds(21), "{hang}");
    assert_eq!(took("until a command is refused"), took("until a command hangs") + hang);
    assert!(took("until a command is refused at once") > took("until a command is refused"));
    // Each typing is an input of the recording, and what told nothing new is left out of the story.
    let recording = run.session.recording();
    assert_eq!(replayed(&recording), run.session.fingerprint());
    let typed = |text: &str| text.matches("$ docker node ls").count();
    let told = swarmlab::report::Report::of(&scenario, &run).to_text();
    assert!(recording.inputs.len() > 40 && typed(&told) < 12, "{}\n{told}", recording.inputs.len());
}

/// The fingerprint of a recording's replay, by way of its file.
fn replayed(recording: &Recording) -> Fingerprint {
    let read = Recording::parse(&recording.to_text()).expect("it is a recording");
    Session::replay(&read).expect("it can be replayed").session.fingerprint()
}

#[test]
fn chaos_moves_no_other_chance_and_is_replayed_from_its_lines() {
    let scenario = crate::common::scenario("chaos-3-managers.toml");
    let quiet = Scenario { chaos: None, ..scenario.clone() };
    // Until the first fault the two runs are one.
    let options = Options { seed: Some(4), ..Options::default() };
    let lines = typed(&scenario, &data_centre(&scenario, &options));
    let first = lines.iter().filter(|step| step.at > Duration::ZERO).map(|step| step.at).min().expect("some are drawn");
    let until = |scenario: &Scenario| {
        let short =
            Scenario { duration: first - Duration::from_millis(1), expectations: Vec::new(), ..scenario.clone() };
        let short = Scenario { measures: Vec::new(), ..short };
        run(&short, &options).session.fingerprint()
    };
    assert_eq!(until(&scenario), until(&quiet));
    // The same lines as steps of a file, without chaos, are the same run.
    let steps = Scenario { steps: lines, chaos: None, ..scenario.clone() };
    let whole = run(&scenario, &options);
    assert_eq!(run(&steps, &options).session.fingerprint(), whole.session.fingerprint());
    assert_eq!(replayed(&whole.session.recording()), whole.session.fingerprint());
    let other = Options { seed: Some(5), ..Options::default() };
    assert_ne!(typed(&scenario, &data_centre(&scenario, &other)), steps.steps);
    let story = swarmlab::report::Report::of(&scenario, &whole).to_text();
    for line in steps.steps.iter().map(|step| &step.run) {
        assert!(story.contains(&format!("m1$ {line}")), "{line}\n{story}");
    }
}

#[test]
fn after_chaos_the_swarm_is_whole_again() {
    for name in ["chaos-3-managers.toml", "chaos-4-managers.toml", "chaos-5-managers.toml"] {
        let scenario = crate::common::scenario(name);
        for seed in 1..=u64::from(crate::common::cases(20)) {
            let result = SeedResult::of(&scenario, seed);
            assert!(result.faults.is_empty(), "{name}, seed {seed}: {:?}", result.faults);
            assert!(result.measured.iter().skip(1).all(|measured| matches!(measured, Measured::Took { .. })));
        }
    }
}
