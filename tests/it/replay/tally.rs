//! How many commands of a recording print here what they printed there, and which do not.

use super::recording::Row;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// How an output compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Equal, byte for byte, after replacing ids, times and addresses.
    Equal,
    /// Equal after leaving out what chance decides: which slot is on which node, how often a line of progress was seen; or
    /// with other draws, which is counted here whatever else was left out.
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
    skipped: BTreeMap<&'static str, usize>,
    judged: Vec<Judged>,
    /// Commands that have compared equal with other draws.
    settled: Vec<bool>,
}

/// A command that was asked.
#[derive(Debug)]
struct Judged {
    /// Moment, host, line.
    head: String,
    verdict: Verdict,
    /// What it printed there.
    theirs: String,
    /// What it prints here.
    ours: String,
}

impl Tally {
    /// Nothing yet.
    pub fn new(name: &'static str) -> Self {
        Self { name, skipped: BTreeMap::new(), judged: Vec::new(), settled: Vec::new() }
    }

    /// Nothing yet of the same recording with other draws: what compared equal before need not be judged again.
    pub fn after(earlier: &Tally) -> Self {
        let settled = earlier.judged.iter().map(|judged| judged.verdict != Verdict::Differs).collect();
        Self { settled, ..Self::new(earlier.name) }
    }

    /// The next command that is judged has compared equal before.
    pub fn is_settled(&self) -> bool {
        self.settled.get(self.judged.len()) == Some(&true)
    }

    /// A command that is not asked.
    pub fn skip(&mut self, _row: &Row, why: &'static str) {
        *self.skipped.entry(why).or_default() += 1;
    }

    /// A command's verdict; where it differs with both outputs.
    pub fn judge(&mut self, row: &Row, verdict: Verdict, theirs: &str, ours: &str) {
        let head = format!("[{:.3}] {}$ {}", row.at as f64 / 1000.0, row.host, row.line);
        self.judged.push(Judged { head, verdict, theirs: theirs.to_owned(), ours: ours.to_owned() });
    }

    /// The same recording with other draws: what differs here and not there differs by chance.
    pub fn or(mut self, other: Self) -> Self {
        assert_eq!(self.judged.len(), other.judged.len(), "{}: the same commands are asked", self.name);
        for (mine, other) in self.judged.iter_mut().zip(other.judged) {
            assert_eq!(mine.head, other.head);
            if mine.verdict == Verdict::Differs && other.verdict != Verdict::Differs {
                mine.verdict = Verdict::ButForChance;
            }
        }
        self
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.judged.iter().filter(|judged| judged.verdict == verdict).count()
    }

    fn differing(&self) -> impl Iterator<Item = &Judged> {
        self.judged.iter().filter(|judged| judged.verdict == Verdict::Differs)
    }

    /// Commands that were asked.
    pub fn asked(&self) -> usize {
        self.judged.len()
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
            self.count(Verdict::Differs),
            skipped
        )
    }

    /// The heads of what differs.
    pub fn heads(&self) -> impl Iterator<Item = &str> {
        self.differing().map(|judged| judged.head.as_str())
    }

    /// What differs, with both outputs.
    pub fn whole(&self) -> String {
        let mut text = String::new();
        for Judged { head, theirs, ours, .. } in self.differing() {
            let _ = writeln!(text, "=== {} {head}\n--- recorded {theirs}\n--- here {ours}\n", self.name);
        }
        text
    }
}

/// The heading of the table.
pub const HEADING: &str = "recording                asked  equal  chance  later  differs  skipped";
