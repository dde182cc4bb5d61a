//! Whatever people and agents do to a container, in whatever order: nothing panics, no alarm lies in the past, an agent that
//! waits is answered once, and a container that was told to stop stops within its grace period.

use super::*;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Hand {
    Pass(i64),
    Freeze,
    Unfreeze,
    Kill(i32),
    Restart(i64),
    Unhealthy,
    Cancel,
    Wait,
    DaemonDies,
    Registry(bool),
}

fn hand() -> impl Strategy<Value = Hand> {
    prop_oneof![
        (0i64..20_000).prop_map(Hand::Pass),
        Just(Hand::Freeze),
        Just(Hand::Unfreeze),
        prop_oneof![Just(9), Just(15), Just(10)].prop_map(Hand::Kill),
        (0i64..3000).prop_map(Hand::Restart),
        Just(Hand::Unhealthy),
        Just(Hand::Cancel),
        Just(Hand::Wait),
        Just(Hand::DaemonDies),
        any::<bool>().prop_map(Hand::Registry),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_container_that_is_told_to_stop_stops(
        hands in proptest::collection::vec(hand(), 0..20), stubborn in any::<bool>(), ends in proptest::option::of(0i64..30_000),
        grows in 0i64..40_000_000, checked in any::<bool>(), sick in proptest::option::of(0i64..20_000),
    ) {
        let image = ImageBehaviour {
            stop: (!stubborn).then_some(Duration::from_millis(200)),
            exit: ends.map(|after| ImageExit { after: Duration::from_millis(after), code: 1 }),
            memory_growth: grows,
            unhealthy_after: sick.map(Duration::from_millis),
            ..plain()
        };
        let spec = if checked { super::checked("curl -f http://localhost/") } else { TaskSpec::default() };
        let grace = if checked { 1000 } else { 10_000 };
        let mut bench = Bench::new(image);
        bench.prepare(spec);
        prop_assert!(matches!(bench.next_outcome().1, Outcome::Prepared(_)));
        bench.start();
        for hand in hands {
            let runs = bench.container().runs();
            let frozen = bench.container().paused.is_some();
            match hand {
                Hand::Pass(millis) => bench.pass(millis),
                Hand::Freeze if runs && !frozen => bench.freeze(),
                Hand::Unfreeze if frozen => bench.unfreeze(),
                Hand::Kill(signal) if runs => bench.kill(signal),
                Hand::Restart(grace) => bench.restart(grace),
                Hand::Unhealthy if bench.container().health.is_some() => bench.make_unhealthy(),
                Hand::Cancel => bench.cancel(),
                Hand::Wait => bench.wait(),
                Hand::DaemonDies => bench.daemon_dies(),
                Hand::Registry(up) => bench.registry(if up { RegistryChange::Up } else { RegistryChange::Down }),
                _ => {}
            }
        }
        // Whatever was under way comes to its end first.
        bench.pass(5000);
        bench.drop_outcomes();
        let (took, outcome) = bench.stop();
        prop_assert!(took <= grace + 150 || matches!(outcome, Outcome::Exited { .. }), "{} ms", took);
        bench.pass(60_000);
        prop_assert!(bench.no_outcome(), "one answer, no more");
    }
}
