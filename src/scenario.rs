//! Scenarios: a cluster, what is done to it and when, and what must hold; one TOML file each.
//!
//! This room reads the file ([`Scenario::parse`]), checks every name and every line in it before anything runs, and judges
//! expectations ([`Judge`]) and takes the time of measures ([`Gauge`]). Running is the session's business. It follows the house plan §7.
//!
//! ```
//! use swarmlab::scenario::Scenario;
//!
//! let text = r#"
//! format = 1
//! name = "one-node-dies"
//! duration = "2m"
//! [cluster]
//! managers = 1
//! workers = 2
//! [[step]]
//! at = "1m"
//! run = "kill w3"
//! "#;
//! let errors = Scenario::parse("one.toml", text).unwrap_err();
//! assert_eq!(errors.problems[0].message, "there is no host `w3`");
//! assert_eq!(errors.problems[0].line_and_column(text), (10, 13));
//! ```

pub mod chaos;
mod check;
mod cluster;
mod expect;
mod gauge;
mod image;
mod judge;
mod limits;
mod measure;
mod problem;
mod read;
pub mod run;
pub mod sweep;
mod text;

use crate::swarm::scheduler::Policy;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::engine::Duration;
use crate::session::shell::List;

pub use crate::swarm::daemon::image::{Catalogue, ImageBehaviour, ImageExit};
pub use chaos::Chaos;
pub use cluster::{Cluster, DaemonSettings, HostRole, HostSpec, Network};
pub use expect::{Expectation, OutputCheck, OutputRule, StepRef, When};
pub use gauge::{Gauge, Measured, Side, StepRun};
pub use image::{built_in_images, parse_images};
pub use judge::{Judge, Judgement};
pub use limits::*;
pub use measure::{Finish, Measure, Of, RunRule};
pub use problem::{Problem, ScenarioErrors};

/// The version of the format that this program reads.
pub const FORMAT: i64 = 1;

/// A scenario that has been read and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// The file it was read from, as it was named.
    pub path: String,
    /// Its name.
    pub name: String,
    /// What it shows, in a sentence.
    pub about: String,
    /// The seed, unless the command line gives another.
    pub seed: u64,
    /// How long it runs.
    pub duration: Duration,
    /// How ties are broken.
    pub ties: Ties,
    /// How nodes are ranked; only the default is what Swarm does.
    pub policy: Policy,
    /// The machines and what is between them.
    pub cluster: Cluster,
    /// How images behave, beside the built-in catalogue.
    pub images: BTreeMap<String, ImageBehaviour>,
    /// Files on the hosts' disks: their path there, and the real file beside the scenario.
    pub files: BTreeMap<String, String>,
    /// What is done, in the order of the file.
    pub steps: Vec<Step>,
    /// What must hold.
    pub expectations: Vec<Expectation>,
    /// What commands must print.
    pub outputs: Vec<OutputCheck>,
    /// What is measured.
    pub measures: Vec<Measure>,
    /// Random faults.
    pub chaos: Option<Chaos>,
}

/// How ties are broken that the real Swarm leaves to chance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ties {
    /// By slot, then name, then id.
    #[default]
    Natural,
    /// In an order drawn from the seed.
    Shuffled,
}

/// Lines typed at a terminal of their own, at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Its name, if it has one; an output refers to it.
    pub name: Option<String>,
    /// When the first line is typed, at the earliest.
    pub at: Duration,
    /// It is typed up to, but without, this much later: the seed says when.
    pub jitter: Duration,
    /// The host on which it begins.
    pub on: String,
    /// The lines as written.
    pub run: Arc<str>,
    /// The lines as understood.
    pub list: Arc<List>,
    /// Whether they are typed again and again.
    pub repeat: Option<Repeat>,
}

/// Lines that are typed again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeat {
    /// From one typing to the next; when the lines take longer, they are typed again as soon as they have ended.
    pub every: Duration,
    /// The last moment at which they are typed.
    pub until: Duration,
}

impl Scenario {
    /// Reads and checks a scenario; every problem that can be found is reported at once.
    pub fn parse(path: &str, text: &str) -> Result<Self, ScenarioErrors> {
        check::scenario(path, text)
    }
}

#[cfg(test)]
mod tests;
