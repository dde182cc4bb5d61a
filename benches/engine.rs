//! What the engine costs: `cargo bench --bench engine`. Speed is held here and never by a timed assertion in a test.

use divan::Bencher;
use divan::counter::ItemsCount;
use swarmlab::engine::{
    Checkpoints, Duration, EventId, Fingerprint, Kernel, Limits, Origin, QueueKind, Replay, Seed, Time, Trace,
};
use swarmlab::net::{HostId, LinkSpec, Net};

fn main() {
    divan::main();
}

/// 16 bytes, as a small event of a model.
#[derive(Clone, Copy, Hash)]
struct Event {
    kind: u32,
    owner: u32,
    value: u64,
}

/// A cheap generator, so that the bench measures the kernel: SplitMix64.
#[derive(Clone)]
struct Cheap(u64);

impl Cheap {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let n = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        n ^ (n >> 31)
    }

    /// Even up to two seconds.
    fn even(&mut self) -> Duration {
        Duration::from_nanos((self.next() >> 33) as i64)
    }

    /// Like a swarm: 80 % hops of 0.3 to 1.3 ms, 15 % one second, 5 % five seconds.
    fn swarm(&mut self) -> Duration {
        let n = self.next();
        match n % 100 {
            0..80 => Duration::from_nanos(300_000 + ((n >> 44) as i64)),
            80..95 => Duration::from_secs(1),
            _ => Duration::from_secs(5),
        }
    }
}

fn full(kind: QueueKind, pending: usize, gap: fn(&mut Cheap) -> Duration) -> (Kernel<Event>, Cheap) {
    let (mut kernel, mut chance) = (Kernel::new(Time::ZERO, kind, Limits::default()), Cheap(1));
    for i in 0..pending {
        kernel.schedule_in(gap(&mut chance), Event { kind: 1, owner: i as u32, value: i as u64 });
    }
    // One whole turn, so that the queue has its settled shape.
    hold(&mut kernel, &mut chance, gap, 2 * pending);
    (kernel, chance)
}

fn hold(kernel: &mut Kernel<Event>, chance: &mut Cheap, gap: fn(&mut Cheap) -> Duration, events: usize) {
    for _ in 0..events {
        let happening = kernel.pop().expect("the number of pending events is constant");
        kernel.schedule_in(gap(chance), happening.event);
    }
}

const BATCH: usize = 100_000;

fn bench_hold(bencher: Bencher, kind: QueueKind, pending: usize, gap: fn(&mut Cheap) -> Duration) {
    let (mut kernel, mut chance) = full(kind, pending, gap);
    bencher.counter(ItemsCount::new(BATCH)).bench_local(|| hold(&mut kernel, &mut chance, gap, BATCH));
}

const PENDING: [usize; 4] = [1_000, 2_500, 100_000, 1_000_000];

#[divan::bench(args = PENDING)]
fn hold_even_heap(bencher: Bencher, pending: usize) {
    bench_hold(bencher, QueueKind::Heap, pending, Cheap::even);
}

#[divan::bench(args = PENDING)]
fn hold_even_wheel(bencher: Bencher, pending: usize) {
    bench_hold(bencher, QueueKind::Wheel, pending, Cheap::even);
}

#[divan::bench(args = PENDING)]
fn hold_swarm_heap(bencher: Bencher, pending: usize) {
    bench_hold(bencher, QueueKind::Heap, pending, Cheap::swarm);
}

#[divan::bench(args = PENDING)]
fn hold_swarm_wheel(bencher: Bencher, pending: usize) {
    bench_hold(bencher, QueueKind::Wheel, pending, Cheap::swarm);
}

/// As a session drives it: it looks before each event whether the moment to stop has come.
#[divan::bench(args = [QueueKind::Heap, QueueKind::Wheel])]
fn hold_swarm_2500_looking_ahead(bencher: Bencher, kind: QueueKind) {
    let (mut kernel, mut chance) = full(kind, 2_500, Cheap::swarm);
    bencher.counter(ItemsCount::new(BATCH)).bench_local(|| {
        for _ in 0..BATCH {
            assert!(kernel.next_time().is_some_and(|at| at < Time::MAX) && kernel.limit_reached().is_none());
            hold(&mut kernel, &mut chance, Cheap::swarm, 1);
        }
    });
}

#[divan::bench(args = [QueueKind::Heap, QueueKind::Wheel])]
fn clone_kernel_with_2500_pending(bencher: Bencher, kind: QueueKind) {
    let (kernel, _) = full(kind, 2_500, Cheap::swarm);
    bencher.bench_local(|| kernel.clone());
}

#[divan::bench]
fn trace_push(bencher: Bencher) {
    let mut trace = Trace::new(65_536, |event: &Event| event.kind == 0);
    let mut id = 0;
    bencher.counter(ItemsCount::new(BATCH)).bench_local(|| {
        for _ in 0..BATCH {
            id += 1;
            let origin = Origin { event: EventId(id), cause: EventId(id - 1), landmark: EventId::ROOT, at: Time::ZERO };
            trace.push(origin, Event { kind: (id % 50) as u32, owner: 7, value: id });
        }
    });
}

#[divan::bench]
fn clone_trace(bencher: Bencher) {
    let mut trace = Trace::new(65_536, |event: &Event| event.kind == 0);
    for id in 1..1_000_000 {
        let origin = Origin { event: EventId(id), cause: EventId(id - 1), landmark: EventId::ROOT, at: Time::ZERO };
        trace.push(origin, Event { kind: (id % 50) as u32, owner: 7, value: id });
    }
    bencher.bench_local(|| trace.clone());
}

#[divan::bench]
fn stream_draw(bencher: Bencher) {
    let mut stream = Seed(1).stream("bench", &1u16);
    bencher.counter(ItemsCount::new(BATCH)).bench_local(|| (0..BATCH).fold(0, |sum, _| sum ^ stream.next_u64()));
}

#[divan::bench]
fn key_draw(bencher: Bencher) {
    let key = Seed(1).key("bench", &1u16);
    bencher.counter(ItemsCount::new(BATCH)).bench_local(|| (0..BATCH as u64).fold(0, |sum, i| sum ^ key.at(sum ^ i)));
}

#[divan::bench]
fn key_of_a_link(bencher: Bencher) {
    bencher.counter(ItemsCount::new(BATCH)).bench_local(|| {
        (0..BATCH).fold(0, |sum, i| sum ^ Seed(1).key("link", &(HostId(i as u16), HostId(sum as u16))).at(0))
    });
}

#[divan::bench]
fn fingerprint_fold(bencher: Bencher) {
    let mut fingerprint = Fingerprint::new();
    bencher.counter(ItemsCount::new(BATCH)).bench_local(|| {
        (0..BATCH as u64).for_each(|i| fingerprint.fold(i));
        fingerprint
    });
}

/// 105 hosts, all talking to all.
fn wires() -> Net {
    let spec =
        LinkSpec { latency: Duration::from_millis(1), jitter: Duration::from_micros(200), ..LinkSpec::default() };
    let mut net = Net::new(Seed(1), 105, spec);
    send(&mut net, &mut Cheap(2), 200_000);
    net
}

fn send(net: &mut Net, chance: &mut Cheap, packets: usize) {
    for _ in 0..packets {
        let n = chance.next();
        let (a, b) = (HostId((n % 105) as u16), HostId((n >> 32) as u16 % 105));
        divan::black_box(net.stream(Time::ZERO, a, b, 2377));
    }
}

#[divan::bench]
fn net_send(bencher: Bencher) {
    let (mut net, mut chance) = (wires(), Cheap(3));
    bencher.counter(ItemsCount::new(BATCH)).bench_local(|| send(&mut net, &mut chance, BATCH));
}

#[divan::bench]
fn net_send_during_a_partition(bencher: Bencher) {
    let (mut net, mut chance) = (wires(), Cheap(3));
    net.partition(&[(0..10).map(HostId).collect(), (10..20).map(HostId).collect()]);
    bencher.counter(ItemsCount::new(BATCH)).bench_local(|| send(&mut net, &mut chance, BATCH));
}

#[divan::bench]
fn clone_net(bencher: Bencher) {
    let net = wires();
    bencher.bench_local(|| net.clone());
}

/// A world of 2,500 pending events with checkpoints: what a step back costs.
#[derive(Clone)]
struct Toy(Kernel<Event>, Cheap);

impl Replay for Toy {
    fn step(&mut self) -> bool {
        hold(&mut self.0, &mut self.1, Cheap::swarm, 1);
        true
    }
    fn number(&self) -> u64 {
        self.0.handled()
    }
    fn now(&self) -> Time {
        self.0.now()
    }
    fn weight(&self) -> usize {
        self.0.weight()
    }
}

#[divan::bench]
fn step_back(bencher: Bencher) {
    let (kernel, chance) = full(QueueKind::default(), 2_500, Cheap::swarm);
    let (mut world, mut checkpoints) = (Toy(kernel, chance), Checkpoints::new(64 << 20, 4_096));
    for _ in 0..1_000_000 {
        checkpoints.offer(&world);
        world.step();
    }
    bencher.bench_local(|| checkpoints.seek(world.number() - 1));
}
