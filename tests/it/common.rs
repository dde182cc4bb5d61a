//! What several modules need: the shipped scenarios, the binary, where snapshots go, how many cases to run.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use swarmlab::scenario::Scenario;
use swarmlab::scenario::run::Run;
use swarmlab::swarm::world::World;

/// The project's folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The scenarios that the project ships, by path.
pub fn shipped() -> Vec<(PathBuf, Scenario)> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(root().join("scenarios"))
        .expect("there is a folder of scenarios")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    paths.sort();
    assert!(paths.len() >= 3, "the project ships scenarios: {paths:?}");
    paths.into_iter().map(|path| (path.clone(), scenario_at(&path))).collect()
}

/// A shipped scenario.
pub fn scenario(name: &str) -> Scenario {
    scenario_at(&root().join("scenarios").join(name))
}

fn scenario_at(path: &Path) -> Scenario {
    let text = std::fs::read_to_string(path).expect("readable");
    let read = Scenario::parse(&path.display().to_string(), &text);
    let mut scenario = read.unwrap_or_else(|errors| panic!("{}", errors.render()));
    let folder = path.parent().expect("it lies in a folder");
    for local in scenario.files.values_mut() {
        *local = std::fs::read_to_string(folder.join(&*local)).expect("readable");
    }
    scenario
}

/// A scenario written in a test.
pub fn parsed(text: &str) -> Scenario {
    Scenario::parse("test.toml", text).unwrap_or_else(|errors| panic!("{}", errors.render()))
}

/// The fingerprint of a world, as reports print it.
pub fn fingerprint(world: &World) -> String {
    world.env.kernel.fingerprint().to_string()
}

/// Everything that a run says is wrong: its failed and undecided expectations, its outputs, its broken invariants.
pub fn complaints(scenario: &Scenario, run: &Run) -> Vec<String> {
    use swarmlab::scenario::Judgement;
    let expected =
        scenario.expectations.iter().zip(&run.judgements).filter_map(|(expectation, judgement)| match judgement {
            Judgement::Held => None,
            Judgement::Failed { at, explanation } => Some(format!("{} (at {at}): {explanation}", expectation.name)),
            Judgement::Unknown { reason } => Some(format!("{}: {reason}", expectation.name)),
        });
    let printed = scenario
        .outputs
        .iter()
        .zip(&run.outputs)
        .flat_map(|(check, faults)| faults.iter().map(|fault| format!("output of {}: {fault}", check.step.shown)));
    expected.chain(printed).chain(run.broken.clone()).collect()
}

/// The program, to be run in the project's folder.
pub fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_swarmlab"));
    command.args(args).current_dir(root()).stdin(Stdio::null());
    command
}

/// What a run of the program left.
pub struct Ended {
    /// Its exit status; a signal has none.
    pub status: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained.
    pub stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }
}

/// Runs the program to its end.
pub fn ended(args: &[&str]) -> Ended {
    program(args).output().expect("the program starts").into()
}

/// Snapshots go to the top of the project.
pub fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(root().join("snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}

/// How many cases of a property: the few that are asked for here, or what `PROPTEST_CASES` says.
#[allow(clippy::disallowed_methods, reason = "tests are an edge: CI raises the number of cases by the environment")]
pub fn cases(few: u32) -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(few)
}
