//! Ranges and shares of seeds, and results merged in any order.

use super::*;
use proptest::prelude::*;

#[test]
fn ranges_of_seeds() {
    let range = |first, last| Ok(Seeds { first, last });
    assert_eq!(Seeds::parse("1..200"), range(1, 200));
    assert_eq!(Seeds::parse("1..=200"), range(1, 200));
    assert_eq!(Seeds::parse("7"), range(7, 7));
    assert_eq!(Seeds::parse("7..7").map(Seeds::count), Ok(1));
    for (text, said) in [
        ("", "\"\" is no seed; write a range such as 1..200"),
        ("1-200", "\"1-200\" is no seed; write a range such as 1..200"),
        ("1..", "\"\" is no seed; write a range such as 1..200"),
        ("9..3", "the last seed, 3, is below the first, 9; write the smaller one first"),
        ("0..1000000", "more than 1000000 seeds; sweep them in parts"),
        ("0..18446744073709551615", "more than 1000000 seeds; sweep them in parts"),
    ] {
        assert_eq!(Seeds::parse(text).unwrap_err(), said, "{text}");
    }
}

#[test]
fn shares_of_seeds() {
    let seeds = Seeds { first: 10, last: 20 };
    let mut all: Vec<u64> = Vec::new();
    for share in ["1/3", "2/3", "3/3"] {
        all.extend(Shard::parse(share).unwrap().seeds(seeds));
    }
    assert_eq!(Shard::parse("2/3").unwrap().seeds(seeds), [11, 14, 17, 20]);
    all.sort_unstable();
    assert_eq!(all, (10..=20).collect::<Vec<_>>());
    for bad in ["", "3", "0/3", "4/3", "1/0", "a/b"] {
        assert!(Shard::parse(bad).is_err(), "{bad}");
    }
}

fn result(seed: u64, ending: Ending, millis: Option<i64>) -> SeedResult {
    let measured = match millis {
        Some(millis) => Measured::Took { from: Time::ZERO, took: Duration::from_millis(millis) },
        None => Measured::NotReached { from: Time::ZERO },
    };
    SeedResult { seed, ending, faults: Vec::new(), measured: vec![measured], fingerprint: None }
}

#[test]
fn the_lowest_failing_seed_and_the_exit_status() {
    let mut sweep = Sweep::default();
    sweep.add(result(3, Ending::Held, None));
    assert_eq!(sweep.exit_status(), 0);
    sweep.add(result(9, Ending::Unknown, None));
    assert_eq!(sweep.exit_status(), 3);
    sweep.add(SeedResult::panicked(7, "index out of bounds".into()));
    sweep.add(result(5, Ending::LimitReached, None));
    assert_eq!((sweep.exit_status(), sweep.failing().next().map(|result| result.seed)), (1, Some(5)));
    assert_eq!(Ending::ALL.map(|ending| sweep.count(ending)), [1, 0, 1, 0, 1, 1]);
}

#[test]
fn distributions() {
    let mut sweep = Sweep::default();
    assert_eq!(sweep.distribution(0).percentile(50), None);
    (1..=100).for_each(|seed| sweep.add(result(seed, Ending::Held, Some(seed as i64 * 100))));
    sweep.add(result(101, Ending::Failed, None));
    sweep.add(SeedResult::panicked(102, String::new()));
    let of = sweep.distribution(0);
    assert_eq!((of.count(), of.not_reached, of.not_begun), (100, 1, 0));
    assert_eq!(of.range(), Some((Duration::from_millis(100), Duration::from_secs(10))));
    for hundredths in [5, 50, 95, 99, 100] {
        let exact = f64::from(hundredths) * 1e8;
        let value = of.percentile(hundredths).map_or(0.0, |value| value.as_nanos() as f64);
        assert!((value - exact).abs() <= exact * 0.001, "{hundredths}: {value}");
    }
    assert_eq!(of.percentile(100), Some(Duration::from_secs(10)), "never more than the longest");
    assert_eq!(of.percentile(0), Some(Duration::from_millis(100)));
}

proptest! {
    #[test]
    fn the_order_of_coming_does_not_matter(order in Just((0..30u64).collect::<Vec<_>>()).prop_shuffle()) {
        let make = |seed: u64| result(seed, Ending::ALL[seed as usize % 6], (!seed.is_multiple_of(7)).then_some(seed as i64));
        let (mut one, mut other) = (Sweep::default(), Sweep::default());
        (0..30).for_each(|seed| one.add(make(seed)));
        order.into_iter().for_each(|seed| other.add(make(seed)));
        prop_assert_eq!(one, other);
    }
}
