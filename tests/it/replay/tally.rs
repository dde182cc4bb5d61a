//! How many commands of a recording print here what they printed there, and which do not.

use super::recording::Row;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// How an output compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Equal, byte for byte, after replacing ids, times and addresses.
    Equal,
    /// Equal after leaving out what chance decides: which slot is on which node, how often a line of progress was seen.
    ButForChance,
    /// Equal to what is seen here up to three seconds later.
    Later,
    /// It differs.
    Differs,
}

/// What became of a recording.
#[derive(Debug)]
pub struct Tally {
    name: &'static str,
    counts: BTreeMap<Verdict, usize>,
    skipped: BTreeMap<&'static str, usize>,
    /// Moment, host, line; theirs; ours.
    differing: Vec<(String, String, String)>,
}

impl Tally {
    /// Nothing yet.
    pub fn new(name: &'static str) -> Self {
        Self { name, counts: BTreeMap::new(), skipped: BTreeMap::new(), differing: Vec::new() }
    }

    /// A command that is not asked.
    pub fn skip(&mut self, _row: &Row, why: &'static str) {
        *self.skipped.entry(why).or_default() += 1;
    }

    /// A command's verdict; where it differs with both outputs.
    pub fn judge(&mut self, row: &Row, verdict: Verdict, theirs: &str, ours: &str) {
        *self.counts.entry(verdict).or_default() += 1;
        if verdict == Verdict::Differs {
            let head = format!("[{:.3}] {}$ {}", row.at as f64 / 1000.0, row.host, row.line);
            self.differing.push((head, theirs.to_owned(), ours.to_owned()));
        }
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.counts.get(&verdict).copied().unwrap_or(0)
    }

    /// Commands that were asked.
    pub fn asked(&self) -> usize {
        self.counts.values().sum()
    }

    /// Commands that compare equal.
    pub fn equal(&self) -> usize {
        self.asked() - self.count(Verdict::Differs)
    }

    /// One line of the table.
    pub fn line(&self) -> String {
        let skipped: usize = self.skipped.values().sum();
        format!(
            "{:<24} {:>5} {:>6} {:>7} {:>6} {:>8} {:>8}",
            self.name,
            self.asked(),
            self.count(Verdict::Equal),
            self.count(Verdict::ButForChance),
            self.count(Verdict::Later),
            self.differing.len(),
            skipped
        )
    }

    /// The heads of what differs.
    pub fn heads(&self) -> impl Iterator<Item = &str> {
        self.differing.iter().map(|(head, ..)| head.as_str())
    }

    /// What differs, with both outputs.
    pub fn whole(&self) -> String {
        let mut text = String::new();
        for (head, theirs, ours) in &self.differing {
            let _ = writeln!(text, "=== {} {head}\n--- recorded {theirs}\n--- here {ours}\n", self.name);
        }
        text
    }
}

/// The heading of the table.
pub const HEADING: &str = "recording                asked  equal  chance  later  differs  skipped";
