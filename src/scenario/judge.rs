//! Judges one expectation while a scenario runs: a machine that is told each verdict and when it was made.
//!
//! It asks nothing and knows no world. A verdict holds from the moment it was made until the next one, so that a condition needs
//! to be judged only when what it reads has changed; verdicts of the same instant replace each other, the last one counts.

use super::When;
use crate::engine::Time;
use crate::predicate::Verdict;

/// How an expectation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It held.
    Held,
    /// It did not.
    Failed {
        /// When that was certain.
        at: Time,
        /// The values that were seen.
        explanation: String,
    },
    /// It could not be decided.
    Unknown {
        /// Why not.
        reason: String,
    },
}

/// One expectation and what has been seen of it.
#[derive(Clone, Debug)]
pub struct Judge {
    when: When,
    /// The last verdict, when it was made, and its explanation if it may be needed.
    last: Option<(Time, Verdict, String)>,
    seen_true: bool,
    seen_false: bool,
    unknown: Option<String>,
    settled: Option<Judgement>,
    held_at: Option<Time>,
}

impl Judge {
    /// Nothing has been seen yet.
    pub fn new(when: When) -> Self {
        Self { when, last: None, seen_true: false, seen_false: false, unknown: None, settled: None, held_at: None }
    }

    /// The first and the last moment that matter. A verdict made before the first counts from the first on; the judge should be
    /// told one at the first, and be [finished](Self::finish) when all of the last has happened.
    pub fn span(&self) -> (Time, Time) {
        let (from, until) = self.when.span();
        (Time::ZERO + from, Time::ZERO + until)
    }

    /// How it ended, if that is certain already: nothing more need be told.
    pub fn settled(&self) -> Option<&Judgement> {
        self.settled.as_ref()
    }

    /// The condition was judged. The explanation is asked for only where it may be shown.
    pub fn observe(&mut self, now: Time, verdict: &Verdict, explanation: impl FnOnce() -> String) {
        if self.settled.is_some() || now > self.span().1 {
            self.count_until(now);
            return;
        }
        if self.last.as_ref().is_some_and(|(since, ..)| *since < now) {
            self.count_until(now);
        }
        let shown = match (verdict, self.when) {
            (Verdict::False, When::Always(..) | When::At(_)) => explanation(),
            _ => String::new(),
        };
        self.last = Some((now, verdict.clone(), shown));
        // What some instant must be is settled as soon as it is.
        if matches!(self.when, When::Eventually(..)) && *verdict == Verdict::True && now >= self.span().0 {
            self.settled = Some(Judgement::Held);
            self.held_at = Some(now);
        }
    }

    /// When an `eventually` first held.
    pub fn held_at(&self) -> Option<Time> {
        self.held_at
    }

    /// Counts the last verdict for the time from when it was made until just before `end`.
    fn count_until(&mut self, end: Time) {
        if let Some((since, ..)) = self.last
            && end > since
            && end > self.span().0
        {
            self.count();
        }
    }

    /// Counts the last verdict, which held at some moment that matters.
    fn count(&mut self) {
        let (from, until) = self.span();
        let Some((since, verdict, explanation)) = &self.last else { return };
        if self.settled.is_some() || *since > until {
            return;
        }
        match verdict {
            Verdict::True => self.seen_true = true,
            Verdict::False => self.seen_false = true,
            Verdict::Unknown { reason } => {
                self.unknown.get_or_insert_with(|| reason.clone());
            }
        }
        match (self.when, verdict) {
            (When::Always(..), Verdict::False) => {
                let at = (*since).max(from);
                self.settled = Some(Judgement::Failed { at, explanation: explanation.clone() });
            }
            (When::Eventually(..), Verdict::True) => {
                self.held_at = Some((*since).max(from));
                self.settled = Some(Judgement::Held);
            }
            _ => {}
        }
    }

    /// Nothing more happens at or before `end`: how did it end? The explanation is that of the moment.
    pub fn finish(mut self, end: Time, explanation: impl FnOnce() -> String) -> Judgement {
        let (from, until) = self.span();
        let cut_off = |until: Time| Judgement::Unknown { reason: format!("the run ended at {end}, before {until}") };
        if let When::At(at) = self.when {
            let at = Time::ZERO + at;
            if end < at {
                return cut_off(at);
            }
            return match self.last {
                Some((_, Verdict::True, _)) => Judgement::Held,
                Some((_, Verdict::False, explanation)) => Judgement::Failed { at, explanation },
                Some((_, Verdict::Unknown { reason }, _)) => Judgement::Unknown { reason },
                None => Judgement::Unknown { reason: "it was never judged".into() },
            };
        }
        if end >= from {
            self.count();
        }
        if let Some(settled) = self.settled {
            return settled;
        }
        if end < until && (end < from || self.seen_true || self.seen_false) {
            return cut_off(until);
        }
        match self.when {
            When::Always(..) if self.seen_true => Judgement::Held,
            When::Eventually(..) if self.seen_false => Judgement::Failed { at: until, explanation: explanation() },
            _ => Judgement::Unknown { reason: self.unknown.unwrap_or_else(|| "it was never judged".into()) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Duration;

    const T: Verdict = Verdict::True;
    const F: Verdict = Verdict::False;

    fn unknown() -> Verdict {
        Verdict::Unknown { reason: "there is no leader".into() }
    }

    fn at(seconds: i64) -> Time {
        Time::ZERO + Duration::from_secs(seconds)
    }

    /// Tells verdicts at seconds and finishes.
    fn run(when: When, told: &[(i64, Verdict)], end: i64) -> Judgement {
        let mut judge = Judge::new(when);
        for (seconds, verdict) in told {
            judge.observe(at(*seconds), verdict, || format!("seen at {seconds}"));
        }
        judge.finish(at(end), || "seen at the end".into())
    }

    fn failed(seconds: i64, explanation: &str) -> Judgement {
        Judgement::Failed { at: at(seconds), explanation: explanation.into() }
    }

    #[test]
    fn always_holds_at_every_instant() {
        let when = When::Always(Duration::from_secs(10), Duration::from_secs(20));
        assert_eq!(run(when, &[(0, T)], 30), Judgement::Held);
        assert_eq!(run(when, &[(0, F), (10, T)], 30), Judgement::Held);
        assert_eq!(run(when, &[(0, F), (9, T), (21, F)], 30), Judgement::Held);
        assert_eq!(run(when, &[(0, F), (11, T)], 30), failed(10, "seen at 0"));
        assert_eq!(run(when, &[(0, T), (15, F), (16, T)], 30), failed(15, "seen at 15"));
        assert_eq!(run(when, &[(0, T), (20, F)], 30), failed(20, "seen at 20"));
        // Of one instant only the last verdict counts.
        assert_eq!(run(when, &[(0, T), (15, F), (15, T)], 30), Judgement::Held);
        assert_eq!(run(when, &[(0, T), (12, unknown()), (13, T)], 30), Judgement::Held);
        assert_eq!(run(when, &[(0, unknown())], 30), Judgement::Unknown { reason: "there is no leader".into() });
        assert_eq!(run(when, &[(0, unknown()), (18, F)], 30), failed(18, "seen at 18"));
        let short = Judgement::Unknown { reason: "the run ended at 15.000s, before 20.000s".into() };
        assert_eq!(run(when, &[(0, T)], 15), short);
        assert_eq!(run(when, &[(0, F)], 15), failed(10, "seen at 0"));
        assert_eq!(run(when, &[], 30), Judgement::Unknown { reason: "it was never judged".into() });
    }

    #[test]
    fn eventually_holds_at_some_instant() {
        let when = When::Eventually(Duration::from_secs(10), Duration::from_secs(20));
        assert_eq!(run(when, &[(0, T)], 30), Judgement::Held);
        assert_eq!(run(when, &[(0, F), (15, T), (16, F)], 30), Judgement::Held);
        assert_eq!(run(when, &[(0, F), (20, T)], 30), Judgement::Held);
        assert_eq!(run(when, &[(0, T), (5, F), (21, T)], 30), failed(20, "seen at the end"));
        assert_eq!(run(when, &[(0, unknown()), (15, F)], 30), failed(20, "seen at the end"));
        assert_eq!(run(when, &[(0, unknown())], 30), Judgement::Unknown { reason: "there is no leader".into() });
        assert_eq!(run(when, &[(0, T), (12, F)], 15), Judgement::Held);
    }

    #[test]
    fn a_check_looks_once() {
        let when = When::At(Duration::from_secs(10));
        assert_eq!(run(when, &[(0, F), (10, T), (11, F)], 30), Judgement::Held);
        assert_eq!(run(when, &[(0, T), (9, F)], 30), failed(10, "seen at 9"));
        assert_eq!(
            run(when, &[(0, T)], 5),
            Judgement::Unknown { reason: "the run ended at 5.000s, before 10.000s".into() }
        );
    }

    #[test]
    fn what_is_certain_is_settled_at_once() {
        let mut judge = Judge::new(When::Eventually(Duration::from_secs(1), Duration::from_secs(9)));
        judge.observe(at(0), &T, String::new);
        assert_eq!(judge.settled(), None);
        judge.observe(at(2), &F, String::new);
        assert_eq!(judge.settled(), Some(&Judgement::Held));
        let mut judge = Judge::new(When::Always(Duration::from_secs(1), Duration::from_secs(9)));
        judge.observe(at(2), &F, || "no".into());
        assert_eq!(judge.settled(), None);
        judge.observe(at(3), &T, String::new);
        assert_eq!(judge.settled(), Some(&Judgement::Failed { at: at(2), explanation: "no".into() }));
    }

    proptest::proptest! {
        /// The machine agrees with looking at every second.
        #[test]
        fn it_agrees_with_looking_everywhere(verdicts in proptest::collection::vec(0u8..3, 1..20), from in 0i64..10, length in 0i64..10) {
            let value = |second: i64| match verdicts[(second as usize).min(verdicts.len() - 1)] {
                0 => T,
                1 => F,
                _ => unknown(),
            };
            let told: Vec<(i64, Verdict)> = (0..verdicts.len() as i64)
                .filter(|&second| second == 0 || value(second) != value(second - 1))
                .map(|second| (second, value(second)))
                .collect();
            let until = from + length;
            let window: Vec<Verdict> = (from..=until).map(value).collect();
            let (any_true, any_false) = (window.contains(&T), window.contains(&F));
            let span = (Duration::from_secs(from), Duration::from_secs(until));
            let always = run(When::Always(span.0, span.1), &told, 40);
            assert_eq!(matches!(always, Judgement::Failed { .. }), any_false);
            assert_eq!(always == Judgement::Held, any_true && !any_false);
            let eventually = run(When::Eventually(span.0, span.1), &told, 40);
            assert_eq!(eventually == Judgement::Held, any_true);
            assert_eq!(matches!(eventually, Judgement::Failed { .. }), any_false && !any_true);
            let first_false = (from..=until).find(|&second| value(second) == F);
            if let Judgement::Failed { at: when, .. } = always {
                assert_eq!(Some(when), first_false.map(at));
            }
        }
    }
}
