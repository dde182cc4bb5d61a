//! The time that a measure takes, told verdict by verdict.

use super::*;
use crate::predicate::Condition;
use crate::scenario::{OutputRule, RunRule, StepRef};

const T: Verdict = Verdict::True;
const F: Verdict = Verdict::False;

fn unknown() -> Verdict {
    Verdict::Unknown { reason: "there is no leader".into() }
}

fn seconds(seconds: i64) -> Duration {
    Duration::from_secs(seconds)
}

fn at(second: i64) -> Time {
    Time::ZERO + seconds(second)
}

fn holds() -> Condition {
    Condition::parse("raft.quorum").expect("a condition")
}

fn measure(from: i64, from_when: bool, within: Option<i64>) -> Measure {
    Measure {
        name: "it".into(),
        from: seconds(from),
        from_when: from_when.then(holds),
        until: Finish::Holds(holds()),
        within: within.map(seconds),
    }
}

/// Tells both conditions at seconds: (second, beginning, end).
fn taken(measure: Measure, told: &[(i64, Verdict, Verdict)]) -> Measured {
    let mut gauge = Gauge::new(measure);
    for (second, begin, end) in told {
        while let Some(side) = gauge.wants(at(*second)) {
            if !gauge.observe(at(*second), if side == Side::Begin { begin } else { end }) {
                break;
            }
        }
    }
    gauge.finish()
}

fn took(from: i64, length: i64) -> Measured {
    Measured::Took { from: at(from), took: seconds(length) }
}

#[test]
fn from_a_moment_to_the_first_at_which_it_holds() {
    let plain = || measure(10, false, None);
    assert_eq!(taken(plain(), &[(0, F, T), (10, F, F), (17, F, T), (20, F, F), (30, F, T)]), took(10, 7));
    assert_eq!(taken(plain(), &[(10, F, T)]), took(10, 0), "what holds at once takes no time");
    assert_eq!(taken(plain(), &[(10, F, unknown()), (12, F, T)]), took(10, 2), "unknown does not hold");
    assert_eq!(taken(plain(), &[(10, F, F)]), Measured::NotReached { from: at(10) });
    let short = || measure(10, false, Some(5));
    assert_eq!(taken(short(), &[(10, F, F), (15, F, T)]), took(10, 5));
    assert_eq!(taken(short(), &[(10, F, F), (16, F, T)]), Measured::NotReached { from: at(10) });
}

#[test]
fn from_the_first_moment_at_which_something_holds() {
    let both = || measure(10, true, Some(5));
    assert_eq!(taken(both(), &[(0, T, T), (10, F, T), (12, T, F), (13, F, F), (14, F, T)]), took(12, 2));
    assert_eq!(taken(both(), &[(12, T, T)]), took(12, 0), "both at one moment");
    assert_eq!(taken(both(), &[(12, T, F), (18, T, T)]), Measured::NotReached { from: at(12) });
    assert_eq!(taken(both(), &[(12, F, T)]), Measured::NotBegun);
}

#[test]
fn runs_of_a_step() {
    let rule = |of| RunRule {
        step: StepRef { index: 1, shown: "ask".into() },
        rules: vec![OutputRule::Contains("refused".into())],
        status: Some(1),
        faster_than: Some(seconds(1)),
        slower_than: None,
        of,
    };
    let took_of = |of| {
        let mut gauge = Gauge::new(Measure { until: Finish::Ran(rule(of)), ..measure(10, false, Some(60)) });
        assert_eq!(gauge.wants(at(20)), None, "no condition is looked at");
        let mut tell = |step, begun, millis, output, status| {
            let (begun, ended) = (at(begun), at(begun) + Duration::from_millis(millis));
            gauge.ran(&StepRun { step, begun, ended, output, status });
        };
        tell(1, 9, 100, "refused", 1);
        tell(0, 20, 100, "refused", 1);
        tell(1, 21, 100, "granted", 1);
        tell(1, 22, 100, "refused", 0);
        tell(1, 23, 20_000, "refused", 1);
        tell(1, 43, 500, "it was refused\n", 1);
        tell(1, 44, 100, "refused", 1);
        gauge.finish().took().expect("it was seen")
    };
    assert_eq!(took_of(Of::End), Duration::from_millis(33_500));
    assert_eq!(took_of(Of::Begin), seconds(33));
    assert_eq!(took_of(Of::Duration), Duration::from_millis(500));
    let mut late = Gauge::new(Measure { until: Finish::Ran(rule(Of::End)), ..measure(10, false, Some(60)) });
    late.ran(&StepRun { step: 1, begun: at(70), ended: at(71), output: "refused", status: 1 });
    assert_eq!(late.finish(), Measured::NotReached { from: at(10) });
}

#[test]
fn an_expectation_that_held() {
    let mut gauge = Gauge::new(Measure { until: Finish::Expectation(0), ..measure(10, false, Some(60)) });
    assert_eq!(gauge.wants(at(20)), None);
    gauge.held(at(25));
    gauge.held(at(26));
    assert_eq!(gauge.finish(), took(10, 15));
}
