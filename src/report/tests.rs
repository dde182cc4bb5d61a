//! The two forms of one report.

use super::*;
use crate::engine::Duration;
use crate::observe::tests::settings;

fn report() -> Report {
    let at = |millis| Time::ZERO + Duration::from_millis(millis);
    let line = |millis, text: &str, cause: Option<&str>| StoryLine {
        at: at(millis),
        text: text.into(),
        cause: cause.map(str::to_string),
    };
    let result = |name: &str, judgement| ExpectationResult { name: name.into(), judgement };
    Report {
        scenario: "lose-quorum".into(),
        about: "Two of three managers die".into(),
        seed: 42,
        story: vec![
            line(10_000, "m1$ docker service create nginx\nid\u{1b}[2J\noverall progress", None),
            line(60_000, "m2 loses power", None),
            line(71_250, "m3 is the new leader", Some("it heard nothing of m1 for 11s")),
        ],
        expectations: vec![
            result("no quorum", Judgement::Held),
            result(
                "a leader again",
                Judgement::Failed { at: at(210_000), explanation: "raft.leader != \"\": false".into() },
            ),
            result("it answers", Judgement::Unknown { reason: "answer() is not modelled yet".into() }),
        ],
        outputs: vec![
            OutputResult { step: "create".into(), faults: Vec::new() },
            OutputResult { step: "2".into(), faults: vec!["expected status 0; it was 1".into()] },
        ],
        measures: vec![
            MeasureResult {
                name: "time to a new leader".into(),
                measured: Measured::Took { from: at(60_000), took: Duration::from_nanos(11_250_400_000) },
            },
            MeasureResult { name: "time to two".into(), measured: Measured::NotReached { from: at(60_000) } },
            MeasureResult { name: "time to three".into(), measured: Measured::NotBegun },
        ],
        violations: Vec::new(),
        blame: Blame::default(),
        fingerprint: "0123456789abcdef".into(),
        events: 1234,
        ended_at: at(300_000),
    }
}

#[test]
fn for_people() {
    settings().bind(|| insta::assert_snapshot!("report_text", report().to_text()));
}

#[test]
fn for_machines() {
    settings().bind(|| insta::assert_snapshot!("report_json", report().to_json()));
}

#[test]
fn the_worst_part_decides() {
    let mut report = report();
    assert_eq!(report.outcome().exit_status(), 1);
    report.expectations.remove(1);
    report.outputs.pop();
    assert_eq!(report.outcome().exit_status(), 3);
    report.expectations.pop();
    assert_eq!(report.outcome().exit_status(), 0);
    report.violations.push(StoryLine { at: Time::ZERO, text: "two leaders in term 3".into(), cause: None });
    assert_eq!(report.outcome().exit_status(), 1);
    assert!(report.to_text().contains("two leaders in term 3"));
    let headings: Vec<String> = [Blame::Model, Blame::Restore, Blame::Limit]
        .into_iter()
        .map(|blame| Report { blame, ..report.clone() }.to_text())
        .map(|text| text.lines().rev().nth(4).unwrap_or_default().to_owned())
        .collect();
    assert!(headings[0].starts_with("broken invariants (the model itself is wrong"), "{headings:?}");
    assert!(headings[1].contains("by the backup that was restored, not by the model"), "{headings:?}");
    assert_eq!(headings[2], "the run was stopped:");
    assert!(report.to_text().ends_with("\nfingerprint 0123456789abcdef\n"));
}

proptest::proptest! {
    #[test]
    fn nothing_commands_the_terminal(text in "(?s).{0,40}") {
        assert!(escaped(&text).chars().all(|c| c == '\n' || !c.is_control()));
    }
}
