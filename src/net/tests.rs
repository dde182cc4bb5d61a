//! What the wires promise, seen from outside.

use super::*;
use proptest::prelude::*;

const A: HostId = HostId(0);
const B: HostId = HostId(1);
const C: HostId = HostId(2);
const PORT: u16 = 2377;

fn spec(latency: i64, jitter: i64, loss: u32, duplicate: u32) -> LinkSpec {
    LinkSpec {
        latency: Duration::from_micros(latency),
        jitter: Duration::from_micros(jitter),
        loss_per_million: loss,
        duplicate_per_million: duplicate,
    }
}

fn net(default: LinkSpec) -> Net {
    Net::new(Seed(1), 4, default)
}

fn arrival(transit: Transit) -> Time {
    match transit {
        Transit::Arrives(at) => at,
        Transit::Vanishes => panic!("it vanished"),
    }
}

fn micros(n: i64) -> Time {
    Time::ZERO + Duration::from_micros(n)
}

proptest! {
    #[test]
    fn a_stream_keeps_its_order(
        gaps in prop::collection::vec(0i64..3_000, 1..200), jitter in 0i64..50_000, loss in 0u32..300_000,
    ) {
        let mut net = net(spec(1_000, jitter, loss, 0));
        let (mut now, mut last) = (Time::ZERO, Time::MIN);
        for gap in gaps {
            now += Duration::from_micros(gap);
            let at = arrival(net.stream(now, A, B, PORT));
            prop_assert!(at >= last && at >= now + Duration::from_millis(1));
            last = at;
        }
    }

    #[test]
    fn partitions_cut_just_between_the_groups(
        groups in prop::collection::vec(prop::collection::vec(0u16..100, 0..6), 0..5),
    ) {
        let groups: Vec<Vec<HostId>> = groups.into_iter().map(|g| g.into_iter().map(HostId).collect()).collect();
        let mut net = Net::new(Seed(0), 100, LinkSpec::default());
        net.partition(&groups);
        for a in (0..100).map(HostId) {
            for b in (0..100).map(HostId) {
                let named = |h| groups.iter().any(|g| g.contains(&h));
                let together = a == b || groups.iter().any(|g| g.contains(&a) && g.contains(&b));
                prop_assert_eq!(net.passable(a, b, PORT), together || !named(a) || !named(b));
            }
        }
        net.heal();
        prop_assert!(net.cuts().is_empty());
    }
}

#[test]
fn latency_lies_between_its_bounds_and_follows_the_seed() {
    let mut same = (net(spec(1_000, 200, 0, 0)), net(spec(1_000, 200, 0, 0)));
    let mut seen = Vec::new();
    for i in 0..1_000 {
        let now = micros(i * 10_000);
        let at = arrival(same.0.stream(now, A, B, PORT));
        assert_eq!(at, arrival(same.1.stream(now, A, B, PORT)));
        assert!(at - now >= Duration::from_micros(1_000) && at - now < Duration::from_micros(1_200));
        seen.push(at - now);
    }
    seen.sort_unstable();
    assert!((seen[500] - Duration::from_micros(1_100)).as_nanos().abs() < 15_000, "{}", seen[500]);
}

#[test]
fn traffic_on_one_link_moves_no_other() {
    let arrivals = |extra: bool| {
        let mut net = net(spec(1_000, 200, 10_000, 0));
        (0..100)
            .map(|i| {
                if extra {
                    net.stream(micros(i), A, C, PORT);
                    net.stream(micros(i), B, A, PORT);
                    net.datagram(micros(i), A, B, PORT);
                }
                net.stream(micros(i * 1_000_000), A, B, PORT)
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(arrivals(false), arrivals(true));
}

#[test]
fn loss_on_a_stream_is_retransmission() {
    let (mut clean, mut lossy) = (net(spec(1_000, 200, 0, 0)), net(spec(1_000, 200, 100_000, 0)));
    let mut late = [0; 4];
    for i in 0..10_000 {
        let now = micros(i * 60_000_000);
        let delay = arrival(lossy.stream(now, A, B, PORT)) - arrival(clean.stream(now, A, B, PORT));
        let k = [0, 200, 600, 1_400].iter().position(|ms| delay == Duration::from_millis(*ms));
        if let Some(k) = k {
            late[k] += 1;
        }
    }
    // One in ten is lost each time: about 9,000, 900, 90, 9.
    assert!((8_850..9_150).contains(&late[0]) && (800..1_000).contains(&late[1]), "{late:?}");
    assert!((50..135).contains(&late[2]) && late.iter().sum::<i32>() >= 9_990, "{late:?}");
    assert_eq!(net(spec(1_000, 0, 1_000_000, 0)).stream(Time::ZERO, A, B, PORT), Transit::Vanishes);
}

#[test]
fn datagrams_are_lost_and_doubled_as_often_as_said() {
    let mut net = net(spec(1_000, 200, 250_000, 100_000));
    let (mut lost, mut twice) = (0, 0);
    for i in 0..10_000 {
        match net.datagram(micros(i), A, B, 7946) {
            Datagram::Lost => lost += 1,
            Datagram::Twice(first, second) => {
                twice += 1;
                assert!(first.min(second) >= micros(i + 1_000));
            }
            Datagram::Arrives(at) => assert!(at < micros(i + 1_200)),
        }
    }
    assert!((2_300..2_700).contains(&lost), "{lost}");
    assert!((650..850).contains(&twice), "{twice}");
}

#[test]
fn a_host_reaches_itself_whatever_happens_to_wires() {
    let mut net = net(spec(1_000, 200, 1_000_000, 0));
    net.partition(&[vec![A], vec![B, C]]);
    net.block_port(A, PORT);
    assert_eq!(net.stream(Time::ZERO, A, A, PORT), Transit::Arrives(micros(20)));
    assert_eq!(net.datagram(Time::ZERO, A, A, PORT), Datagram::Arrives(micros(20)));
    net.set_host(A, HostState::Off);
    assert_eq!(net.stream(Time::ZERO, A, A, PORT), Transit::Vanishes);
}

#[test]
fn a_cut_is_one_way() {
    let mut net = net(spec(1_000, 0, 0, 0));
    net.cut(A, B);
    assert_eq!(net.cuts(), [(A, B)]);
    assert_eq!(net.stream(Time::ZERO, A, B, PORT), Transit::Vanishes);
    assert_eq!(net.datagram(Time::ZERO, A, B, PORT), Datagram::Lost);
    assert_eq!(net.stream(Time::ZERO, B, A, PORT), Transit::Arrives(micros(1_000)));
    net.heal_between(B, A);
    assert!(net.passable(A, B, PORT));
    net.cut(C, A);
    net.cut(A, C);
    net.cut(B, C);
    net.heal_host(A);
    assert_eq!(net.cuts(), [(B, C)]);
}

#[test]
fn a_new_host_is_not_cut_and_can_be() {
    let mut net = net(LinkSpec::default());
    net.partition(&[vec![A], vec![B]]);
    let new = net.add_host();
    assert!(net.passable(A, new, PORT) && net.passable(new, B, PORT));
    for _ in 0..100 {
        net.add_host();
    }
    net.cut(A, HostId(104));
    assert!(!net.passable(A, HostId(104), PORT) && !net.passable(A, B, PORT) && net.passable(A, HostId(103), PORT));
}

#[test]
fn a_closed_port_refuses_requests_and_lets_replies_pass() {
    let mut net = net(LinkSpec::default());
    net.block_port(B, PORT);
    assert!(!net.passable(A, B, PORT));
    assert!(net.passable(A, B, 7946) && net.passable(B, A, PORT) && net.passable(A, B, EPHEMERAL));
    assert_eq!(net.blocked().collect::<Vec<_>>(), [(B, PORT)]);
    net.unblock(B, PORT);
    assert!(net.passable(A, B, PORT));
    net.block_port(B, 1);
    net.unblock_all(B);
    assert_eq!(net.blocked().count(), 0);
}

#[test]
fn a_link_can_differ_and_be_reset() {
    let mut net = net(spec(1_000, 0, 0, 0));
    net.set_link(A, B, spec(200_000, 0, 0, 0));
    assert_eq!(net.stream(Time::ZERO, B, A, PORT), Transit::Arrives(micros(200_000)));
    net.reset_link(B, A);
    // Quicker from now on, but not quicker than what is under way.
    assert_eq!(net.stream(Time::ZERO, B, A, PORT), Transit::Arrives(micros(200_000)));
    assert_eq!(net.stream(Time::ZERO, A, B, PORT), Transit::Arrives(micros(1_000)));
}

#[test]
fn a_dead_process_is_told_of_and_a_dead_host_is_not() {
    let mut net = net(LinkSpec::default());
    net.open(A, 1, B, 1);
    net.open(C, 1, B, 1);
    net.open(B, 1, C, 1);
    net.open(A, 1, C, 1);
    assert!(net.connected(A, 1, B, 1) && !net.connected(A, 2, B, 1) && !net.connected(B, 1, A, 1));
    assert_eq!(net.process_died(B), [A, C]);
    assert_eq!(net.connection(A, B), None);
    assert!(net.connected(A, 1, C, 1));

    net.set_host(C, HostState::Off);
    net.host_vanished(C);
    assert!(!net.connected(A, 1, C, 1));
    assert_eq!(net.connection(A, C), Some(Ends { client: Some(1), server: None, secured: false }));
    // Nobody can be told by a host that is off, and nothing is left to tell.
    assert_eq!(net.process_died(C), []);
    net.host_vanished(A);
    assert_eq!(net.connection(A, C), None, "no end is left");
}

#[test]
fn a_reset_does_not_cross_a_partition() {
    let mut net = net(LinkSpec::default());
    net.open(A, 1, B, 1);
    net.open(C, 1, B, 1);
    net.partition(&[vec![A], vec![B]]);
    assert_eq!(net.process_died(B), [C]);
    assert_eq!(net.connection(A, B), Some(Ends { client: Some(1), server: None, secured: false }));
    net.open(A, 1, B, 2);
    assert!(net.connected(A, 1, B, 2));
}

#[test]
fn an_end_that_is_gone_hears_no_reset() {
    let mut net = net(LinkSpec::default());
    net.open(A, 1, B, 1);
    net.host_vanished(A);
    // A is up again, but its end of the old connection is not.
    assert_eq!(net.process_died(B), []);
    assert_eq!(net.connection(A, B), None);
}

#[test]
fn addresses_lead_both_ways() {
    let mut net = net(LinkSpec::default());
    let address = Ipv4Addr::new(10, 0, 0, 11);
    assert_eq!((net.address(A), net.host_at(Ipv4Addr::UNSPECIFIED)), (Ipv4Addr::UNSPECIFIED, None));
    net.set_address(A, address);
    assert_eq!((net.address(A), net.host_at(address)), (address, Some(A)));
    net.set_address(A, Ipv4Addr::new(10, 0, 0, 12));
    assert_eq!(net.host_at(address), None);
}

#[test]
fn a_copy_is_apart() {
    let mut net = net(spec(1_000, 200, 0, 0));
    let copy = net.clone();
    let first = net.stream(Time::ZERO, A, B, PORT);
    net.cut(A, B);
    let mut copy = copy;
    assert_eq!(copy.stream(Time::ZERO, A, B, PORT), first);
}
