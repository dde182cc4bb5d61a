//! One scenario over many seeds: what is kept of each run, and what they come to together.
//!
//! It starts no threads: whoever does hands in each [`SeedResult`] as it comes, in any order, and the sweep is the same. It
//! follows the house plan §6.

use super::run::{Options, Run, run};
use super::{Judgement, MAX_SEEDS, Measured, Scenario};
use crate::engine::{Duration, Time};
use hdrhistogram::Histogram;

/// Seeds from the first to the last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seeds {
    /// The first.
    pub first: u64,
    /// The last.
    pub last: u64,
}

impl Seeds {
    /// Reads `1..200`, `1..=200` (the same: the last is included), or one seed.
    ///
    /// # Errors
    /// What is wrong, in a sentence with an example.
    pub fn parse(text: &str) -> Result<Self, String> {
        let number = |text: &str| {
            text.trim().parse::<u64>().map_err(|_| format!("{text:?} is no seed; write a range such as 1..200"))
        };
        let (first, last) = match text.split_once("..") {
            Some((first, last)) => (number(first)?, number(last.strip_prefix('=').unwrap_or(last))?),
            None => (number(text)?, number(text)?),
        };
        if last < first {
            return Err(format!("the last seed, {last}, is below the first, {first}; write the smaller one first"));
        }
        if last - first >= MAX_SEEDS {
            return Err(format!("more than {MAX_SEEDS} seeds; sweep them in parts"));
        }
        Ok(Self { first, last })
    }

    /// How many there are.
    pub fn count(self) -> u64 {
        self.last - self.first + 1
    }
}

/// One of several machines that share a sweep: the I-th of N takes every N-th seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which, from 1.
    pub index: u64,
    /// Of how many.
    pub count: u64,
}

impl Shard {
    /// Reads `2/4`.
    ///
    /// # Errors
    /// What is wrong, in a sentence with an example.
    pub fn parse(text: &str) -> Result<Self, String> {
        let read = || {
            let (index, count) = text.split_once('/')?;
            let shard = Self { index: index.trim().parse().ok()?, count: count.trim().parse().ok()? };
            (shard.index >= 1 && shard.index <= shard.count).then_some(shard)
        };
        read().ok_or_else(|| format!("{text:?} is no share; write 1/4 for the first of four, up to 4/4"))
    }

    /// Its seeds.
    pub fn seeds(self, seeds: Seeds) -> Vec<u64> {
        (seeds.first..=seeds.last).filter(|seed| (seed - seeds.first) % self.count == self.index - 1).collect()
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// Everything expected held.
    Held,
    /// Something expected did not.
    Failed,
    /// Something could not be decided, and nothing failed.
    Unknown,
    /// The model broke one of its promises.
    Broken,
    /// It came to a limit of the engine.
    LimitReached,
    /// The model panicked: a bug of ours.
    Panicked,
}

impl Ending {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 6] =
        [Self::Held, Self::Failed, Self::Unknown, Self::Broken, Self::LimitReached, Self::Panicked];

    /// Its words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Broken => "invariant broken",
            Self::LimitReached => "limit reached",
            Self::Panicked => "panicked",
        }
    }

    /// Whether it is a failure: neither held nor undecided.
    pub fn is_failure(self) -> bool {
        !matches!(self, Self::Held | Self::Unknown)
    }
}

/// One thing that was wrong with a run, or that could not be decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which expectation, or what else.
    pub name: String,
    /// When, if that is known.
    pub at: Option<Time>,
    /// The values seen, or why it could not be decided.
    pub explanation: String,
}

/// What is kept of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedResult {
    /// Its seed.
    pub seed: u64,
    /// How it ended.
    pub ending: Ending,
    /// What was wrong: failures only where something failed, else what could not be decided.
    pub faults: Vec<Fault>,
    /// What came of each measure, in the scenario's order; nothing after a panic.
    pub measured: Vec<Measured>,
    /// The run's fingerprint; none after a panic.
    pub fingerprint: Option<String>,
}

impl SeedResult {
    /// Runs one seed.
    pub fn of(scenario: &Scenario, seed: u64) -> Self {
        // Nobody reads the trace, and the run is the same without it.
        Self::told(scenario, &run(scenario, &Options { seed: Some(seed), trace: false, ..Options::default() }))
    }

    /// What is kept of a run.
    pub fn told(scenario: &Scenario, run: &Run) -> Self {
        let world = run.session.world();
        let (mut faults, mut unknown) = (Vec::new(), Vec::new());
        for (expectation, judgement) in scenario.expectations.iter().zip(&run.judgements) {
            let name = expectation.name.clone();
            match judgement {
                Judgement::Held => {}
                Judgement::Failed { at, explanation } => {
                    faults.push(Fault { name, at: Some(*at), explanation: explanation.clone() });
                }
                Judgement::Unknown { reason } => unknown.push(Fault { name, at: None, explanation: reason.clone() }),
            }
        }
        for (check, wrong) in scenario.outputs.iter().zip(&run.outputs) {
            if !wrong.is_empty() {
                let name = format!("output of step {}", check.step.shown);
                faults.push(Fault { name, at: None, explanation: wrong.join("\n") });
            }
        }
        let mut ending = match (faults.is_empty(), unknown.is_empty()) {
            (true, true) => Ending::Held,
            (true, false) => Ending::Unknown,
            (false, _) => Ending::Failed,
        };
        if let Some(text) = &run.broken {
            ending = if world.violation().is_some() { Ending::Broken } else { Ending::LimitReached };
            let fault = Fault { name: ending.words().into(), at: Some(world.now()), explanation: text.clone() };
            faults.insert(0, fault);
        }
        Self {
            seed: run.seed,
            ending,
            faults: if ending.is_failure() { faults } else { unknown },
            measured: run.measured.clone(),
            fingerprint: Some(world.env.kernel.fingerprint().to_string()),
        }
    }

    /// A run in which the model panicked with these words.
    pub fn panicked(seed: u64, words: String) -> Self {
        let fault = Fault { name: "the model panicked; please report this".into(), at: None, explanation: words };
        Self { seed, ending: Ending::Panicked, faults: vec![fault], measured: Vec::new(), fingerprint: None }
    }
}

/// The runs of one scenario, together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    /// In the order of seeds.
    results: Vec<SeedResult>,
}

impl Sweep {
    /// Takes one more; they may come in any order.
    pub fn add(&mut self, result: SeedResult) {
        let place = self.results.partition_point(|other| other.seed < result.seed);
        self.results.insert(place, result);
    }

    /// The results in the order of seeds.
    pub fn results(&self) -> &[SeedResult] {
        &self.results
    }

    /// How many ended so.
    pub fn count(&self, ending: Ending) -> usize {
        self.results.iter().filter(|result| result.ending == ending).count()
    }

    /// Those that failed, the lowest seed first.
    pub fn failing(&self) -> impl Iterator<Item = &SeedResult> {
        self.results.iter().filter(|result| result.ending.is_failure())
    }

    /// Those that could not be decided, the lowest seed first.
    pub fn unknown(&self) -> impl Iterator<Item = &SeedResult> {
        self.results.iter().filter(|result| result.ending == Ending::Unknown)
    }

    /// The exit status that says how it went: 0 all held, 1 something failed, 3 something could not be decided.
    pub fn exit_status(&self) -> u8 {
        match (self.failing().next(), self.unknown().next()) {
            (Some(_), _) => 1,
            (None, Some(_)) => 3,
            (None, None) => 0,
        }
    }

    /// How a measure (from 0, in the scenario's order) is distributed.
    pub fn distribution(&self, measure: usize) -> Distribution {
        let mut distribution = Distribution::default();
        for result in &self.results {
            match result.measured.get(measure) {
                Some(Measured::Took { took, .. }) => distribution.add(*took),
                Some(Measured::NotReached { .. }) => distribution.not_reached += 1,
                Some(Measured::NotBegun) => distribution.not_begun += 1,
                None => {}
            }
        }
        distribution
    }
}

/// How a duration is distributed over seeds, to three digits.
#[derive(Clone, Debug)]
pub struct Distribution {
    histogram: Histogram<u64>,
    least: Duration,
    most: Duration,
    /// Seeds in which it began and did not come to its end.
    pub not_reached: u64,
    /// Seeds in which it never began.
    pub not_begun: u64,
}

impl Default for Distribution {
    fn default() -> Self {
        let histogram = Histogram::new(3).expect("three digits can be kept");
        Self { histogram, least: Duration::MAX, most: Duration::ZERO, not_reached: 0, not_begun: 0 }
    }
}

impl Distribution {
    fn add(&mut self, took: Duration) {
        self.histogram.record(took.as_nanos().max(0) as u64).expect("a histogram grows with what it is given");
        self.least = self.least.min(took);
        self.most = self.most.max(took);
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// The shortest and the longest, exactly; none of nothing.
    pub fn range(&self) -> Option<(Duration, Duration)> {
        (self.count() > 0).then_some((self.least, self.most))
    }

    /// The duration that so many hundredths of all do not exceed; none of nothing.
    pub fn percentile(&self, hundredths: u32) -> Option<Duration> {
        let value = || self.histogram.value_at_percentile(f64::from(hundredths));
        let within = |value: u64| Duration::from_nanos(value as i64).clamp(self.least, self.most);
        (self.count() > 0).then(|| within(value()))
    }
}

#[cfg(test)]
mod tests;
