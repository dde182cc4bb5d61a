//! swarmlab's own command line (never docker's).

use clap::{Args, Parser, Subcommand};
use std::num::NonZeroU16;
use std::path::PathBuf;
use swarmlab::engine::Duration;
use swarmlab::scenario::sweep::{Seeds, Shard};

/// A deterministic cluster simulator and teaching lab for Docker Swarm.
#[derive(Debug, Parser)]
#[command(name = "swarmlab", version, about, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Replay scenarios and say whether their expectations hold.
    Run(RunArgs),
    /// Run scenarios with many seeds, and say how often they hold and how long things take.
    Sweep(SweepArgs),
    /// A lab at the prompt: docker commands and faults on a simulated swarm.
    Shell(ShellArgs),
    /// Play a scenario or a recording, and tell why something is as it is at its end.
    Why(WhyArgs),
    /// Check scenarios without running them.
    Check {
        /// Files, or folders of scenarios.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Scenario files.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Seed instead of the scenario's own.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Write the trace, one JSON object a line.
    #[arg(long, value_name = "F.jsonl")]
    pub trace: Option<PathBuf>,
    /// Write the report as JSON (`-`: to stdout instead of the text).
    #[arg(long, value_name = "F|-")]
    pub json: Option<PathBuf>,
}

/// Arguments of `sweep`.
#[derive(Debug, Args)]
pub struct SweepArgs {
    /// Scenario files.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Seeds from A to B, both included (`A..=B` means the same).
    #[arg(long, value_name = "A..B", value_parser = Seeds::parse)]
    pub seeds: Seeds,
    /// Worlds at the same time; what comes out is the same [default: one for each core].
    #[arg(long, value_name = "N", value_parser = jobs)]
    pub jobs: Option<NonZeroU16>,
    /// Run the I-th of N shares of the seeds only.
    #[arg(long, value_name = "I/N", value_parser = Shard::parse)]
    pub shard: Option<Shard>,
    /// Write the counts and every measured value as JSON (`-`: to stdout instead of the text).
    #[arg(long, value_name = "F|-")]
    pub json: Option<PathBuf>,
    /// A folder for the report and the trace of each failing seed.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Arguments of `why`.
#[derive(Debug, Args)]
pub struct WhyArgs {
    /// A scenario (.toml), or a recording of a shell.
    pub file: PathBuf,
    /// A task (web.1, or its id), a service, a node, or `leader`.
    pub subject: String,
    /// At this moment instead of the end, such as 45s.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub at: Option<Duration>,
    /// Seed instead of the scenario's own.
    #[arg(long)]
    pub seed: Option<u64>,
}

/// A moment as it is typed: `45s`.
fn moment(text: &str) -> Result<Duration, String> {
    Duration::parse(text).map_err(|_| "a moment was expected, such as 45s or 2m10s".to_owned())
}

/// How many worlds may run at the same time.
fn jobs(text: &str) -> Result<NonZeroU16, String> {
    text.parse().map_err(|_| format!("a whole number from 1 to {} was expected, such as 4", u16::MAX))
}

/// Arguments of `shell`.
#[derive(Debug, Args)]
pub struct ShellArgs {
    /// Managers m1, m2, .. of the swarm.
    #[arg(long, default_value_t = 3, conflicts_with = "hosts")]
    pub managers: usize,
    /// Workers w1, w2, .. of the swarm.
    #[arg(long, default_value_t = 3, conflicts_with = "hosts")]
    pub workers: usize,
    /// Machines h1, h2, .. with no swarm yet, instead.
    #[arg(long)]
    pub hosts: Option<usize>,
    /// Seed of all chance.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Write the recording at the end: it rebuilds this session, event by event.
    #[arg(long, value_name = "F")]
    pub record: Option<PathBuf>,
    /// Print each command line behind `$ ` before its output.
    #[arg(long)]
    pub echo: bool,
    /// Commands to run, then exit.
    #[arg(short = 'c', value_name = "LINES")]
    pub commands: Option<String>,
    /// A file of commands to run, then exit.
    #[arg(value_name = "SCRIPT", conflicts_with = "commands")]
    pub script: Option<PathBuf>,
}
