//! Ports and new tasks: acceptance case 72 of control-plane.md §13, and the rules of §9.

mod networks;

use super::port::{PortError, Ports, is_allocated};
use super::*;
use crate::swarm::object::testing::{plain_service, plain_task, plain_task_spec, service_of};
use crate::swarm::object::{Cluster, Id, Meta, NetworkSpec, Protocol, ServiceSpec, Task, TaskSpec};
use proptest::prelude::*;

fn port(target: u16, published: u16) -> PortConfig {
    PortConfig { protocol: Protocol::Tcp, target, published, ingress: true }
}

fn host(target: u16, published: u16) -> PortConfig {
    PortConfig { ingress: false, ..port(target, published) }
}

fn spec(ports: &[PortConfig]) -> Arc<ServiceSpec> {
    plain_service(ServiceKey(0), "web", TaskSpec { ports: ports.into(), ..plain_task_spec() }).spec
}

/// A task as an orchestrator makes it.
fn new_task(key: TaskKey, service: &Service, now: Time) -> Task {
    let mut task =
        Task { id: Id(u128::from(key.0)), spec_version: 0, ports: Arc::default(), ..plain_task(key, service, 1) };
    let status = &mut task.status;
    (status.state, status.timestamp, status.applied_at, status.message) = (TaskState::New, now, Time::MIN, "created");
    task
}

/// A store and an allocator over it. Turns are granted at once.
struct Bench {
    state: State,
    allocator: Allocator,
    now: Time,
    proposals: usize,
}

impl Bench {
    fn new() -> Self {
        let state = State::default();
        let allocator = Allocator::start(&state, Time::ZERO, &mut Outbox::default());
        let mut bench = Self { state, allocator, now: Time::ZERO, proposals: 0 };
        bench.write(|tx| tx.put_cluster(Cluster { id: Id(9), ..Cluster::default() }, Why::Setup));
        bench.network(NetworkSpec { name: "ingress".into(), ingress: true, ..NetworkSpec::default() });
        bench.proposals = 0;
        bench
    }

    fn network(&mut self, spec: NetworkSpec) -> NetworkKey {
        let key = self.state.networks.next_key();
        let id = Id(1000 + u128::from(key.0));
        let network = Network { key, id, meta: Meta::default(), spec: Arc::new(spec), allocated: None };
        self.write(|tx| tx.put_network(network, Why::Request));
        key
    }

    fn write(&mut self, write: impl FnOnce(&mut Transaction)) {
        let mut tx = Transaction::new(&self.state, self.now);
        write(&mut tx);
        let mut changes = tx.into_changes();
        loop {
            let mut out = Outbox::default();
            let mut events: Vec<_> = changes.iter().map(|(change, _)| self.state.apply(change)).collect();
            events.push(Event::Commit);
            for event in &events {
                self.allocator.watch(event, &self.state, self.now, &mut out);
            }
            if out.turns.is_empty() {
                return;
            }
            let mut tx = Transaction::new(&self.state, self.now);
            self.allocator.write(&mut tx);
            changes = tx.into_changes();
            if changes.is_empty() {
                return;
            }
            self.proposals += 1;
        }
    }

    fn create(&mut self, ports: &[PortConfig]) -> ServiceKey {
        let key = self.state.services.next_key();
        let service = Service { id: Id(1), ..service_of(key, spec(ports)) };
        self.write(|tx| tx.put_service(service, Why::Request));
        key
    }

    fn update(&mut self, key: ServiceKey, ports: &[PortConfig]) {
        let mut service = Service::clone(self.state.services.get(key).expect("made"));
        service.spec = spec(ports);
        self.write(|tx| tx.put_service(service, Why::Request));
    }

    fn task(&mut self, service: ServiceKey) -> TaskKey {
        let key = self.state.tasks.next_key();
        let owner = self.state.services.get(service).expect("made").clone();
        let task = new_task(key, &owner, self.now);
        self.write(|tx| tx.put_task(task, Why::FillSlot));
        key
    }

    fn ports(&self, key: ServiceKey) -> Option<Vec<u16>> {
        let service = self.state.services.get(key)?;
        service.endpoint.ports.as_ref().map(|ports| ports.iter().map(|port| port.published).collect())
    }

    fn state_of(&self, key: TaskKey) -> TaskState {
        self.state.tasks.get(key).expect("made").status.state
    }
}

/// TestAllocate (72): a port is given once.
#[test]
fn test_allocate() {
    for number in [30_000, 10_000] {
        let mut ports = Ports::default();
        assert!(ports.take_all(vec![port(80, number)]).is_ok());
        assert_eq!(ports.take_all(vec![port(80, number)]), Err(PortError::Taken));
        let udp = PortConfig { protocol: Protocol::Udp, ..port(80, number) };
        assert!(ports.take_all(vec![udp]).is_ok(), "each protocol has its own");
        assert!(ports.take_all(vec![host(80, number)]).is_ok(), "host-mode ports are not reserved");
    }
    assert_eq!(PortError::Taken.to_string(), "requested bit is already allocated");
    assert_eq!(PortError::Exhausted.to_string(), "no bit available");
}

#[test]
fn automatic_ports_go_upwards_and_wrap() {
    let mut ports = Ports::default();
    let next = |ports: &mut Ports| ports.take_all(vec![port(80, 0)]).map(|given| given[0].published);
    assert_eq!(next(&mut ports), Ok(30_000));
    assert_eq!(next(&mut ports), Ok(30_001));
    ports.free(&port(80, 30_000));
    assert_eq!(next(&mut ports), Ok(30_002), "a freed one is not given again at once");
    assert!(ports.take_all(vec![port(80, 30_003)]).is_ok());
    assert_eq!(next(&mut ports), Ok(30_004), "one that was asked for is passed over");
    for number in 30_005..=32_767 {
        assert_eq!(next(&mut ports), Ok(number));
    }
    assert_eq!(next(&mut ports), Ok(30_000));
    assert_eq!(next(&mut ports), Err(PortError::Exhausted));
}

#[test]
fn a_failure_takes_nothing() {
    let mut ports = Ports::default();
    assert!(ports.take_all(vec![port(80, 8080)]).is_ok());
    assert_eq!(ports.take_all(vec![port(80, 9090), port(81, 8080)]), Err(PortError::Taken));
    assert!(ports.take_all(vec![port(80, 9090)]).is_ok());
}

#[test]
fn a_service_without_ports_is_not_written() {
    let mut bench = Bench::new();
    let key = bench.create(&[]);
    assert_eq!((bench.proposals, bench.ports(key)), (0, None));
    let task = bench.task(key);
    assert_eq!((bench.proposals, bench.state_of(task)), (1, TaskState::Pending));
    assert_eq!(bench.state.tasks.get(task).expect("made").status.message, "pending task scheduling");
}

#[test]
fn a_service_gets_its_ports_and_its_tasks_get_them_too() {
    let mut bench = Bench::new();
    let key = bench.create(&[port(80, 0), port(81, 8081), host(82, 0)]);
    // What is asked for by number, and host-mode ports, come first only when a former allocation is kept.
    assert_eq!(bench.ports(key), Some(vec![30_000, 8081, 0]));
    let task = bench.task(key);
    let task = bench.state.tasks.get(task).expect("made");
    assert_eq!(Some(&task.ports), bench.state.services.get(key).expect("made").endpoint.ports.as_ref());
}

#[test]
fn automatic_ports_stay_over_updates() {
    let mut bench = Bench::new();
    let key = bench.create(&[port(80, 0), port(81, 0)]);
    assert_eq!(bench.ports(key), Some(vec![30_000, 30_001]));
    bench.update(key, &[port(81, 0), port(80, 0)]);
    assert_eq!(bench.proposals, 1, "only the order has changed");
    bench.update(key, &[port(81, 0), port(80, 8080)]);
    assert_eq!(bench.ports(key), Some(vec![8080, 30_001]));
    // Another number of ports: chosen anew.
    bench.update(key, &[port(81, 0)]);
    assert_eq!(bench.ports(key), Some(vec![30_002]));
    bench.update(key, &[]);
    assert_eq!(bench.ports(key), Some(vec![]));
    let other = bench.create(&[port(80, 8080), port(81, 30_002)]);
    assert_eq!(bench.ports(other), Some(vec![8080, 30_002]), "all were given back");
}

#[test]
fn what_cannot_be_had_is_tried_again_when_something_was_freed_or_after_five_minutes() {
    let mut bench = Bench::new();
    let first = bench.create(&[port(80, 8080)]);
    let second = bench.create(&[port(80, 8080)]);
    let task = bench.task(second);
    assert_eq!((bench.ports(second), bench.state_of(task)), (None, TaskState::New));
    bench.now += Duration::from_minutes(1);
    let other = bench.create(&[]);
    assert_eq!(bench.state_of(task), TaskState::New);
    bench.write(|tx| tx.remove_service(first, Why::Request));
    assert_eq!((bench.ports(second), bench.state_of(task)), (Some(vec![8080]), TaskState::Pending));
    // After five minutes it is tried too, in vain here.
    let third = bench.create(&[port(80, 8080)]);
    bench.now += Duration::from_minutes(6);
    bench.write(|tx| tx.remove_service(other, Why::Request));
    assert_eq!(bench.ports(third), None);
}

#[test]
fn a_new_leader_knows_what_is_given_and_searches_from_the_lowest() {
    let mut bench = Bench::new();
    let first = bench.create(&[port(80, 0)]);
    let second = bench.create(&[port(80, 0)]);
    bench.write(|tx| tx.remove_service(first, Why::Request));
    let mut out = Outbox::default();
    bench.allocator = Allocator::start(&bench.state, bench.now, &mut out);
    assert!(out.turns.is_empty(), "nothing to do");
    let third = bench.create(&[port(80, 0), port(81, 0)]);
    assert_eq!((bench.ports(second), bench.ports(third)), (Some(vec![30_001]), Some(vec![30_000, 30_002])));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Published ingress ports are unique, and automatic ones lie in their range (14 of control-plane.md §12).
    #[test]
    fn ports_are_unique(steps in prop::collection::vec((0usize..6, prop::collection::vec((80u16..84, prop::sample::select(vec![0, 0, 8080, 8081, 30_000, 30_001]), any::<bool>()), 0..4)), 1..30)) {
        let mut bench = Bench::new();
        let mut keys: Vec<ServiceKey> = Vec::new();
        for (which, ports) in steps {
            let ports: Vec<_> = ports.into_iter().map(|(target, published, ingress)| PortConfig { ingress, ..port(target, published) }).collect();
            match keys.get(which).copied() {
                None => keys.push(bench.create(&ports)),
                Some(key) if ports.is_empty() && bench.state.services.get(key).is_some() => {
                    bench.write(|tx| tx.remove_service(key, Why::Request));
                    keys.retain(|known| *known != key);
                }
                Some(key) => bench.update(key, &ports),
            }
            let mut seen = BTreeSet::new();
            for service in bench.state.services.values().filter(|service| is_allocated(service)) {
                for port in service.endpoint.ports.iter().flat_map(|ports| ports.iter()).filter(|port| port.ingress) {
                    prop_assert!(port.published != 0);
                    prop_assert!(seen.insert(port.published), "{} twice", port.published);
                }
            }
        }
    }
}
