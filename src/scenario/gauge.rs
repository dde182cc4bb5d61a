//! Takes the time of one measure while a scenario runs: a machine that is told verdicts and runs of steps, and when.
//!
//! It asks nothing and knows no world, as [`Judge`](super::Judge) does. It begins at the first moment at which its
//! beginning holds and ends at the first, that one included, at which its end does; what is unknown does not hold.

use super::{Finish, Measure, Of};
use crate::engine::{Duration, Time};
use crate::predicate::Verdict;

/// What came of a measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measured {
    /// It took so long.
    Took {
        /// When it began.
        from: Time,
        /// How long it took.
        took: Duration,
    },
    /// It began, and its end was not seen in time.
    NotReached {
        /// When it began.
        from: Time,
    },
    /// It never began.
    NotBegun,
}

impl Measured {
    /// How long it took, if it came to its end.
    pub fn took(self) -> Option<Duration> {
        match self {
            Self::Took { took, .. } => Some(took),
            _ => None,
        }
    }
}

/// Which of a measure's two conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one that begins it.
    Begin,
    /// The one that ends it.
    End,
}

/// One run of a step, ended.
#[derive(Clone, Copy, Debug)]
pub struct StepRun<'a> {
    /// Which step, from 0.
    pub step: usize,
    /// When its line was typed.
    pub begun: Time,
    /// When the prompt was back.
    pub ended: Time,
    /// What it printed.
    pub output: &'a str,
    /// The status of its last command.
    pub status: i32,
}

/// One measure and what has been seen of it.
#[derive(Clone, Debug)]
pub struct Gauge {
    measure: Measure,
    began: Option<Time>,
    took: Option<Duration>,
    /// Nothing more is looked for.
    over: bool,
}

impl Gauge {
    /// Nothing has been seen yet.
    pub fn new(measure: Measure) -> Self {
        let began = measure.from_when.is_none().then_some(Time::ZERO + measure.from);
        Self { measure, began, took: None, over: false }
    }

    /// The first moment that matters; what it looks for must be looked at then, too.
    pub fn first(&self) -> Time {
        Time::ZERO + self.measure.from
    }

    /// Which condition it waits for at this moment, if for any.
    pub fn wants(&self, now: Time) -> Option<Side> {
        let early = now < self.first();
        match self.began {
            _ if self.over || early => None,
            None => Some(Side::Begin),
            Some(_) => matches!(self.measure.until, Finish::Holds(_)).then_some(Side::End),
        }
    }

    /// The condition that it [waits for](Self::wants) was judged. True when it waits for something else now.
    pub fn observe(&mut self, now: Time, verdict: &Verdict) -> bool {
        if self.late(now) || *verdict != Verdict::True {
            return false;
        }
        match self.wants(now) {
            Some(Side::Begin) => {
                self.began = Some(now);
                true
            }
            Some(Side::End) => {
                self.end(now);
                false
            }
            None => false,
        }
    }

    /// A step has run.
    pub fn ran(&mut self, run: &StepRun) {
        let (Finish::Ran(rule), Some(began)) = (&self.measure.until, self.began) else { return };
        let took = run.ended.since(run.begun);
        let ours = run.step == rule.step.index && run.begun >= began;
        if self.over || !ours || self.measure.within.is_some_and(|within| run.ended.since(began) > within) {
            return;
        }
        if rule.fits(run.output, run.status, took) {
            self.took = Some(match rule.of {
                Of::End => run.ended.since(began),
                Of::Begin => run.begun.since(began),
                Of::Duration => took,
            });
            self.over = true;
        }
    }

    /// The expectation that it follows has held since then, as far as it matters.
    pub fn held(&mut self, at: Time) {
        if !self.over {
            self.end(at);
        }
    }

    /// How it ended: nothing more happens.
    pub fn finish(&self) -> Measured {
        match (self.began, self.took) {
            (Some(from), Some(took)) => Measured::Took { from, took },
            (Some(from), None) => Measured::NotReached { from },
            (None, _) => Measured::NotBegun,
        }
    }

    fn end(&mut self, at: Time) {
        self.took = self.began.map(|began| at.since(began));
        self.over = true;
    }

    /// Whether the time is over in which the end is looked for.
    fn late(&mut self, now: Time) -> bool {
        if let (Some(began), Some(within)) = (self.began, self.measure.within) {
            self.over |= now.since(began) > within;
        }
        self.over
    }
}

#[cfg(test)]
mod tests;
