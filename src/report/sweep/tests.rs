//! The two forms of one sweep.

use super::*;
use crate::engine::Time;
use crate::observe::tests::settings;
use crate::scenario::Measured;

const SCENARIO: &str = r#"
format = 1
name = "x"
duration = "5m"
[cluster]
managers = 3
[[measure]]
name = "time to a new leader"
from = "30s"
until = 'raft.leader != "m1"'
[[measure]]
name = "time to two"
until = 'nodes.size() == 2'
"#;

fn sweep(held: u64) -> Sweep {
    let mut sweep = Sweep::default();
    for seed in 1..=held {
        let took = |millis: u64| Measured::Took { from: Time::ZERO, took: Duration::from_millis(millis as i64) };
        let measured = vec![took(10_000 + seed * 37), Measured::NotBegun];
        let fingerprint = Some(format!("{seed:016x}"));
        sweep.add(SeedResult { seed, ending: Ending::Held, faults: Vec::new(), measured, fingerprint });
    }
    sweep
}

fn fault(name: &str, explanation: &str) -> Fault {
    Fault { name: name.into(), at: Some(Time::from_nanos(90_000_000_000)), explanation: explanation.into() }
}

#[test]
fn for_people_and_for_machines() {
    let scenario = Scenario::parse("it is/x.toml", SCENARIO).unwrap_or_else(|errors| panic!("{}", errors.render()));
    let asked = Asked { seeds: Seeds { first: 1, last: 60 }, shard: None };
    let mut shown = text(&scenario, asked, &sweep(60));
    let mut some = sweep(4);
    let failed = |seed, ending, faults| SeedResult {
        seed,
        ending,
        faults,
        measured: vec![Measured::NotReached { from: Time::ZERO }; 2],
        fingerprint: None,
    };
    some.add(failed(6, Ending::Unknown, vec![fault("b", "there is no leader")]));
    shown += "\n";
    shown += &text(&scenario, asked, &some);
    some.add(failed(
        7,
        Ending::Failed,
        vec![fault("a", "1 == 2: false\n  left: 1"), fault("b", "long\n".repeat(30).as_str())],
    ));
    some.add(failed(
        9,
        Ending::Broken,
        vec![fault("invariant broken", "two leaders in term 3"), fault("a", "\u{1b}[2J")],
    ));
    some.add(SeedResult::panicked(8, "index out of bounds, at src/x.rs:3".into()));
    let share = Asked { shard: Shard::parse("1/2").ok(), ..asked };
    shown += "\n";
    shown += &text(&scenario, share, &some);
    settings().bind(|| insta::assert_snapshot!("sweep_text", shown));
    settings().bind(|| insta::assert_snapshot!("sweep_json", format!("{:#}", json(&scenario, share, &some))));
}
