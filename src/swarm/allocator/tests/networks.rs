//! Subnets, virtual addresses, tasks' and nodes' addresses: recording 04 of the data plane, the acceptance cases 1, 2, 4,
//! 6-8 and 46 of networking.md §11, and the invariants 1-6 of its §10.

use super::*;
use crate::swarm::api;
use crate::swarm::object::testing::plain_node;
use crate::swarm::object::{IpamConfig, NodeDescription, Subnet, Uses, VXLAN_IDS};
use std::net::Ipv4Addr;

fn overlay(name: &str) -> NetworkSpec {
    NetworkSpec { name: name.into(), driver: "overlay".into(), ..NetworkSpec::default() }
}

fn with_subnets(name: &str, subnets: &[&str]) -> NetworkSpec {
    let ipam = |text: &&str| IpamConfig { subnet: text.parse().expect("a subnet"), range: None, gateway: None };
    NetworkSpec { ipam: subnets.iter().map(ipam).collect(), ..overlay(name) }
}

fn show(places: &[Attachment]) -> Vec<String> {
    places.iter().map(|place| place.cidr().unwrap_or_else(|| place.network.name().to_string())).collect()
}

/// A service's spec with its networks, ports and endpoint mode.
fn shape(networks: &[NetworkKey], ports: &[PortConfig], mode: &str) -> Arc<ServiceSpec> {
    let plain = spec(ports);
    let uses = Uses { networks: networks.to_vec(), files: Vec::new() };
    let endpoint = api::EndpointSpec { mode: mode.into(), ports: Vec::new() };
    Arc::new(ServiceSpec {
        api: Arc::new(api::ServiceSpec { endpoint_spec: Some(endpoint), ..api::ServiceSpec::default() }),
        task: Arc::new(TaskSpec { uses: Arc::new(uses), dnsrr: mode == "dnsrr", ..TaskSpec::clone(&plain.task) }),
        ..ServiceSpec::clone(&plain)
    })
}

impl Bench {
    fn create_on(&mut self, networks: &[NetworkKey], ports: &[PortConfig]) -> ServiceKey {
        let key = self.create(&[]);
        self.reshape(key, networks, ports, "vip");
        key
    }

    fn reshape(&mut self, key: ServiceKey, networks: &[NetworkKey], ports: &[PortConfig], mode: &str) {
        let mut service = Service::clone(self.state.services.get(key).expect("made"));
        service.spec = shape(networks, ports, mode);
        self.write(|tx| tx.put_service(service, Why::Request));
    }

    fn node(&mut self) -> NodeKey {
        let key = self.state.nodes.next_key();
        let description = Arc::new(NodeDescription::default());
        let node = Node { id: Id(u128::from(key.0) + 3000), description, ..plain_node(key, "") };
        self.write(|tx| tx.put_node(node, Why::Joined));
        key
    }

    /// So many tasks in one write, by slot.
    fn tasks(&mut self, service: ServiceKey, count: u32) -> Vec<TaskKey> {
        let owner = self.state.services.get(service).expect("made").clone();
        let first = self.state.tasks.next_key().0;
        let keys: Vec<TaskKey> = (0..count).map(|slot| TaskKey(first + slot)).collect();
        let tasks: Vec<Task> = keys.iter().map(|key| new_task(*key, &owner, self.now)).collect();
        self.write(|tx| tasks.into_iter().for_each(|task| tx.put_task(task, Why::FillSlot)));
        keys
    }

    fn change(&mut self, keys: &[TaskKey], why: Why, change: impl Fn(&mut Task)) {
        let changed = keys.iter().map(|key| {
            let mut task = Task::clone(self.state.tasks.get(*key).expect("made"));
            change(&mut task);
            task
        });
        let changed: Vec<Task> = changed.collect();
        self.write(|tx| changed.into_iter().for_each(|task| tx.put_task(task, why)));
    }

    fn assign(&mut self, task: TaskKey, node: NodeKey) {
        self.change(&[task], Why::Reported, |task| {
            (task.node, task.status.state) = (Some(node), TaskState::Assigned);
        });
    }

    fn end(&mut self, tasks: &[TaskKey]) {
        self.change(tasks, Why::Reported, |task| task.status.state = TaskState::Shutdown);
    }

    fn vips(&self, key: ServiceKey) -> Vec<String> {
        show(&self.state.services.get(key).expect("made").endpoint.vips)
    }

    fn addresses(&self, tasks: &[TaskKey]) -> Vec<String> {
        tasks.iter().map(|task| show(&self.state.tasks.get(*task).expect("made").networks).join(" ")).collect()
    }

    fn places(&self, nodes: &[NodeKey]) -> Vec<String> {
        nodes.iter().map(|node| show(&self.state.nodes.get(*node).expect("made").attachments).join(" ")).collect()
    }

    fn pools(&self, key: NetworkKey) -> Vec<String> {
        let state = self.state.networks.get(key).expect("made").allocated.clone().unwrap_or_default();
        let pools = state.pools.iter().zip(&state.vxlan_ids);
        pools.map(|(pool, id)| format!("{} {} {id}", pool.subnet, pool.gateway)).collect()
    }
}

/// Recording 04 of the data plane, from its start on: which address goes to whom, in the real order.
#[test]
fn addresses_go_out_as_they_were_recorded() {
    let mut bench = Bench::new();
    let ingress = bench.state.ingress().expect("there is one").key;
    assert_eq!(bench.pools(ingress), ["10.0.0.0/24 10.0.0.1 4096"]);
    let nodes: Vec<NodeKey> = (0..4).map(|_| bench.node()).collect();
    assert_eq!(bench.places(&nodes), ["10.0.0.2/24", "10.0.0.3/24", "10.0.0.4/24", "10.0.0.5/24"]);
    let net1 = bench.network(overlay("net1"));
    assert_eq!(bench.pools(net1), ["10.0.1.0/24 10.0.1.1 4097"]);
    let a = bench.create_on(&[net1], &[]);
    assert_eq!(bench.vips(a), ["10.0.1.2/24"]);
    let first = bench.tasks(a, 3);
    assert_eq!(bench.addresses(&first), ["10.0.1.3/24", "10.0.1.4/24", "10.0.1.5/24"]);
    for (task, node) in first.iter().zip([nodes[0], nodes[1], nodes[3]]) {
        bench.assign(*task, node);
    }
    let places = ["10.0.0.2/24 10.0.1.6/24", "10.0.0.3/24 10.0.1.7/24", "10.0.0.4/24", "10.0.0.5/24 10.0.1.8/24"];
    assert_eq!(bench.places(&nodes), places);
    // Scale to 5: two tasks on the node that had none.
    let more = bench.tasks(a, 2);
    more.iter().for_each(|task| bench.assign(*task, nodes[2]));
    assert_eq!(bench.addresses(&more), ["10.0.1.9/24", "10.0.1.10/24"]);
    assert_eq!(bench.places(&nodes[2..3]), ["10.0.0.4/24 10.0.1.11/24"]);
    // To 2: the two idle nodes are on the network no more.
    bench.end(&[first[2], more[0], more[1]]);
    assert_eq!(bench.places(&nodes[2..]), ["10.0.0.4/24", "10.0.0.5/24"]);
    // To 4: nothing that was given back is given again.
    let again = bench.tasks(a, 2);
    bench.assign(again[1], nodes[3]);
    bench.assign(again[0], nodes[2]);
    assert_eq!(bench.addresses(&again), ["10.0.1.12/24", "10.0.1.13/24"]);
    assert_eq!(bench.places(&nodes[2..]), ["10.0.0.4/24 10.0.1.15/24", "10.0.0.5/24 10.0.1.14/24"]);
    // A service with a port: ingress first. One without a virtual address.
    let b = bench.create_on(&[net1], &[port(80, 8011)]);
    assert_eq!(bench.vips(b), ["10.0.0.6/24", "10.0.1.16/24"]);
    let tasks = bench.tasks(b, 2);
    assert_eq!(bench.addresses(&tasks), ["10.0.0.7/24 10.0.1.17/24", "10.0.0.8/24 10.0.1.18/24"]);
    let c = bench.create(&[]);
    bench.reshape(c, &[net1], &[], "dnsrr");
    assert!(bench.vips(c).is_empty());
    let tasks = bench.tasks(c, 2);
    assert_eq!(bench.addresses(&tasks), ["10.0.1.19/24", "10.0.1.20/24"]);
    // Removed and made again: a new address.
    bench.write(|tx| tx.remove_service(b, Why::Request));
    let b = bench.create_on(&[net1], &[port(80, 8011)]);
    assert_eq!(bench.vips(b), ["10.0.0.9/24", "10.0.1.21/24"]);
}

/// Cases 2 and 4, and the re-use of subnets and VXLAN ids.
#[test]
fn subnets_and_vxlan_ids() {
    let mut bench = Bench::new();
    let two = bench.network(with_subnets("two", &["10.77.0.0/24", "10.78.0.0/24"]));
    assert_eq!(bench.pools(two), ["10.77.0.0/24 10.77.0.1 4097", "10.78.0.0/24 10.78.0.1 4098"]);
    let a = bench.network(overlay("a"));
    assert_eq!(bench.pools(a), ["10.0.1.0/24 10.0.1.1 4099"]);
    bench.write(|tx| tx.remove_network(a, Why::Request));
    let b = bench.network(overlay("b"));
    assert_eq!(bench.pools(b), ["10.0.1.0/24 10.0.1.1 4100"], "the subnet at once, the id not");
    let options = [(VXLAN_IDS.to_owned(), "5000,5001,5002".to_owned())].into();
    let named = bench.network(NetworkSpec { options, ..with_subnets("named", &["10.79.0.0/24", "10.80.0.0/24"]) });
    let pools = ["10.79.0.0/24 10.79.0.1 5000", "10.80.0.0/24 10.80.0.1 5001"];
    assert_eq!(bench.pools(named), pools, "ids beyond the subnets are dropped");
}

/// Case 1, with another length.
#[test]
fn the_clusters_own_pool_is_used() {
    let mut bench = Bench::new();
    let pool = ["20.20.0.0/16".to_owned()].into();
    let known = Cluster::clone(bench.state.cluster.as_ref().expect("made"));
    let cluster = Cluster { default_addr_pool: pool, subnet_size: 26, ..known };
    bench.write(|tx| tx.put_cluster(cluster, Why::Request));
    let (one, two) = (bench.network(overlay("one")), bench.network(overlay("two")));
    assert_eq!(bench.pools(one), ["20.20.0.0/26 20.20.0.1 4097"]);
    assert_eq!(bench.pools(two), ["20.20.0.64/26 20.20.0.65 4098"]);
}

/// A subnet that overlaps another: the network is there and has nothing, its services wait, and so do their tasks, until the
/// other is removed.
#[test]
fn an_overlapping_subnet_leaves_everything_waiting() {
    let mut bench = Bench::new();
    let net1 = bench.network(overlay("net1"));
    let clash = bench.network(with_subnets("clash", &["10.0.1.0/25"]));
    assert!(bench.state.networks.get(clash).expect("made").allocated.is_none());
    let service = bench.create_on(&[clash], &[]);
    let task = bench.tasks(service, 1)[0];
    assert_eq!((bench.vips(service).len(), bench.state_of(task)), (0, TaskState::New));
    bench.write(|tx| tx.remove_network(net1, Why::Request));
    assert_eq!(bench.pools(clash), ["10.0.1.0/25 10.0.1.1 4098"]);
    assert_eq!((bench.vips(service), bench.state_of(task)), (vec!["10.0.1.2/25".into()], TaskState::Pending));
}

/// Networks, ports and endpoint mode of a spec, and the addresses that follow.
type Wanted<'a> = (&'a [NetworkKey], &'a [PortConfig], &'a str, &'a [&'a str]);

/// Cases 6 and 7: addresses follow the spec, and those that stay are the same.
#[test]
fn virtual_addresses_follow_the_spec() {
    let mut bench = Bench::new();
    let (a, b) = (bench.network(overlay("a")), bench.network(overlay("b")));
    let service = bench.create_on(&[a], &[]);
    let mesh = [port(80, 8080)];
    let steps: [Wanted; 7] = [
        (&[a, b], &[], "vip", &["10.0.1.2/24", "10.0.2.2/24"]),
        (&[b], &[], "vip", &["10.0.2.2/24"]),
        (&[b], &mesh, "vip", &["10.0.2.2/24", "10.0.0.2/24"]),
        (&[b], &[], "vip", &["10.0.2.2/24"]),
        (&[b], &[], "dnsrr", &[]),
        (&[b], &[], "vip", &["10.0.2.3/24"]),
        (&[], &[], "vip", &[]),
    ];
    for (networks, ports, mode, vips) in steps {
        bench.reshape(service, networks, ports, mode);
        assert_eq!(bench.vips(service), vips, "{networks:?} {mode}");
    }
}

#[test]
fn the_hosts_own_networks_have_no_addresses_to_give() {
    let mut bench = Bench::new();
    let node = bench.node();
    let host = bench.network(NetworkSpec { name: "host".into(), driver: "host".into(), ..NetworkSpec::default() });
    let service = bench.create_on(&[host], &[]);
    let tasks = bench.tasks(service, 1);
    bench.assign(tasks[0], node);
    assert_eq!((bench.vips(service), bench.addresses(&tasks)), (vec!["host".into()], vec!["host".into()]));
    assert_eq!(bench.places(&[node]), ["10.0.0.2/24"], "no load balancer is needed there");
}

/// Case 46 and recording 04: a /29 with five replicas. Four get addresses; no load balancer does until something is given
/// back, and then the node's own event comes before the task that waits.
#[test]
fn a_small_subnet_is_used_up() {
    let mut bench = Bench::new();
    let nodes: Vec<NodeKey> = (0..2).map(|_| bench.node()).collect();
    let tiny = bench.network(with_subnets("tiny", &["10.66.0.0/29"]));
    let service = bench.create_on(&[tiny], &[]);
    let tasks = bench.tasks(service, 5);
    assert_eq!(bench.vips(service), ["10.66.0.2/29"]);
    assert_eq!(bench.addresses(&tasks), ["10.66.0.3/29", "10.66.0.4/29", "10.66.0.5/29", "10.66.0.6/29", ""]);
    assert_eq!(bench.state_of(tasks[4]), TaskState::New, "without a reason that anybody could see");
    for (place, task) in tasks[..4].iter().enumerate() {
        bench.assign(*task, nodes[place / 2]);
    }
    assert_eq!(bench.places(&nodes), ["10.0.0.2/24", "10.0.0.3/24"], "no address left for the load balancers");
    bench.end(&[tasks[1]]);
    assert_eq!(bench.places(&nodes), ["10.0.0.2/24 10.66.0.4/29", "10.0.0.3/24"]);
    assert_eq!(bench.state_of(tasks[4]), TaskState::New);
    bench.end(&[tasks[3]]);
    assert_eq!(bench.places(&nodes), ["10.0.0.2/24 10.66.0.4/29", "10.0.0.3/24 10.66.0.6/29"]);
    bench.end(&[tasks[2]]);
    assert_eq!(bench.places(&nodes[1..]), ["10.0.0.3/24"], "nobody uses it there any more");
    assert_eq!(bench.addresses(&tasks[4..]), ["10.66.0.5/29"]);
}

/// A removed network takes every address on it along, those of tasks that still die among them.
#[test]
fn a_removed_network_is_left() {
    let mut bench = Bench::new();
    let node = bench.node();
    let net = bench.network(overlay("net"));
    let service = bench.create_on(&[net], &[]);
    let tasks = bench.tasks(service, 1);
    bench.assign(tasks[0], node);
    bench.write(|tx| tx.remove_service(service, Why::Request));
    bench.write(|tx| tx.remove_network(net, Why::Request));
    assert_eq!(bench.places(&[node]), ["10.0.0.2/24"]);
    let next = bench.network(overlay("next"));
    let other = bench.create_on(&[next], &[]);
    bench.end(&tasks);
    assert_eq!(bench.vips(other), ["10.0.1.2/24"]);
    let tasks = bench.tasks(other, 1);
    assert_eq!(bench.addresses(&tasks), ["10.0.1.3/24"], "the dead one's address was not on this network");
}

/// Case 8: a new leader knows what is given; its searches begin at the lowest free address.
#[test]
fn a_new_leader_gives_nothing_twice() {
    let mut bench = Bench::new();
    let node = bench.node();
    let net = bench.network(overlay("net"));
    let service = bench.create_on(&[net], &[]);
    let tasks = bench.tasks(service, 3);
    tasks.iter().for_each(|task| bench.assign(*task, node));
    bench.end(&tasks[..1]);
    let mut out = Outbox::default();
    bench.allocator = Allocator::start(&bench.state, bench.now, &mut out);
    assert!(out.turns.is_empty(), "nothing to do");
    let new = bench.tasks(service, 2);
    assert_eq!(bench.addresses(&new), ["10.0.1.3/24", "10.0.1.7/24"]);
    let other = bench.network(overlay("other"));
    assert_eq!(bench.pools(other), ["10.0.2.0/24 10.0.2.1 4098"]);
}

/// What is done to a swarm.
#[derive(Clone, Debug)]
enum Step {
    Network(usize, Option<u8>),
    RemoveNetwork(usize),
    Service(Vec<usize>, bool),
    Reshape(usize, Vec<usize>, bool, bool),
    RemoveService(usize),
    Tasks(usize, u32),
    Assign(usize, usize),
    End(usize),
    Failover,
    Wait,
}

fn step() -> impl Strategy<Value = Step> {
    let nets = || prop::collection::vec(0usize..4, 0..3);
    prop_oneof![
        2 => (0usize..6, prop::option::of(27u8..30)).prop_map(|(n, length)| Step::Network(n, length)),
        1 => (0usize..6).prop_map(Step::RemoveNetwork),
        3 => (nets(), any::<bool>()).prop_map(|(nets, port)| Step::Service(nets, port)),
        2 => (0usize..6, nets(), any::<bool>(), any::<bool>()).prop_map(|(s, n, port, rr)| Step::Reshape(s, n, port, rr)),
        1 => (0usize..6).prop_map(Step::RemoveService),
        5 => (0usize..6, 1u32..6).prop_map(|(s, count)| Step::Tasks(s, count)),
        6 => (0usize..40, 0usize..3).prop_map(|(t, n)| Step::Assign(t, n)),
        4 => (0usize..40).prop_map(Step::End),
        1 => Just(Step::Failover),
        1 => Just(Step::Wait),
    ]
}

/// A swarm that random steps are done to.
struct Walk {
    bench: Bench,
    nodes: Vec<NodeKey>,
    services: Vec<ServiceKey>,
}

impl Walk {
    fn networks(&self) -> Vec<NetworkKey> {
        self.bench.state.networks.values().filter(|n| !n.spec.ingress).map(|n| n.key).collect()
    }

    fn live(&self) -> Vec<TaskKey> {
        let tasks = self.bench.state.tasks.values();
        tasks.filter(|task| task.status.state <= TaskState::Running).map(|task| task.key).collect()
    }

    fn pick(&self, wanted: &[usize]) -> Vec<NetworkKey> {
        let networks = self.networks();
        let picked: BTreeSet<NetworkKey> = wanted.iter().filter_map(|n| networks.get(*n).copied()).collect();
        picked.into_iter().collect()
    }

    fn take(&mut self, step: &Step) {
        let number = u16::try_from(self.bench.state.services.next_key().0).expect("few");
        let ports = |wanted: bool| if wanted { vec![port(80, 8000 + number)] } else { Vec::new() };
        match step {
            Step::Network(n, Some(length)) => {
                self.bench.network(with_subnets("net", &[format!("10.0.{n}.0/{length}").as_str()]));
            }
            Step::Network(_, None) => {
                self.bench.network(overlay("net"));
            }
            Step::RemoveNetwork(n) => {
                let Some(key) = self.networks().get(*n).copied() else { return };
                if !self.bench.state.services.values().any(|s| s.spec.task.uses.networks.contains(&key)) {
                    self.bench.write(|tx| tx.remove_network(key, Why::Request));
                }
            }
            Step::Service(wanted, mesh) => {
                let networks = self.pick(wanted);
                self.services.push(self.bench.create_on(&networks, &ports(*mesh)));
            }
            Step::Reshape(s, wanted, mesh, dnsrr) => {
                let Some(key) = self.services.get(*s).copied() else { return };
                let (networks, mode) = (self.pick(wanted), if *dnsrr { "dnsrr" } else { "vip" });
                self.bench.reshape(key, &networks, &ports(*mesh && !*dnsrr), mode);
            }
            Step::RemoveService(s) if *s < self.services.len() => {
                let key = self.services.remove(*s);
                self.bench.write(|tx| tx.remove_service(key, Why::Request));
            }
            Step::RemoveService(_) => {}
            Step::Tasks(s, count) => {
                if let Some(key) = self.services.get(*s).copied() {
                    self.bench.tasks(key, *count);
                }
            }
            Step::Assign(t, n) => {
                let pending = |key: &TaskKey| self.bench.state_of(*key) == TaskState::Pending;
                let task = self.live().into_iter().filter(pending).nth(*t);
                if let Some(key) = task {
                    self.bench.assign(key, self.nodes[*n]);
                }
            }
            Step::End(t) => {
                if let Some(key) = self.live().get(*t).copied() {
                    self.bench.end(&[key]);
                }
            }
            Step::Failover => {
                let mut out = Outbox::default();
                self.bench.allocator = Allocator::start(&self.bench.state, self.bench.now, &mut out);
            }
            Step::Wait => self.bench.now += Duration::from_minutes(6),
        }
    }

    /// The promises about addresses, on the whole store.
    fn check(&self) -> Result<(), TestCaseError> {
        let state = &self.bench.state;
        let mut blocks: Vec<Subnet> = Vec::new();
        let mut ids = BTreeSet::new();
        let mut taken: BTreeSet<(NetworkKey, Ipv4Addr)> = BTreeSet::new();
        for network in state.networks.values() {
            let Some(given) = &network.allocated else { continue };
            for pool in &given.pools {
                prop_assert!(blocks.iter().all(|other| !other.overlaps(pool.subnet)), "{} overlaps", pool.subnet);
                blocks.push(pool.subnet);
                taken.insert((network.key, pool.gateway));
            }
            for id in &given.vxlan_ids {
                prop_assert!(ids.insert(*id), "VXLAN id {} twice", id);
            }
        }
        let live = || state.tasks.values().filter(|task| task.status.state <= TaskState::Running);
        let services = state.services.values().flat_map(|service| service.endpoint.vips.iter());
        let nodes = state.nodes.values().flat_map(|node| node.attachments.iter());
        for place in services.chain(nodes).chain(live().flat_map(|task| task.networks.iter())) {
            // On a removed network an address is nobody's.
            if let (Some(address), Some(_)) = (place.address, state.networks.get(place.network.key)) {
                prop_assert!(taken.insert((place.network.key, address)), "{} twice", address);
            }
        }
        for task in live().filter(|task| task.status.state > TaskState::New) {
            prop_assert!(task.networks.iter().all(|place| place.address.is_some()));
        }
        for node in state.nodes.values() {
            let tasks = state.tasks_of_node(node.key).filter(|task| task.status.state <= TaskState::Running);
            let used: BTreeSet<NetworkKey> =
                tasks.flat_map(|task| task.networks.iter().map(|place| place.network.key)).collect();
            for place in node.attachments.iter() {
                prop_assert!(place.network.spec.ingress || used.contains(&place.network.key), "an idle load balancer");
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// No two owners of one address, no overlap of subnets, and all is given back in the end; whatever comes, and whoever
    /// leads.
    #[test]
    fn nothing_is_given_twice_and_all_is_given_back(steps in prop::collection::vec(step(), 1..60)) {
        let mut bench = Bench::new();
        let nodes = (0..3).map(|_| bench.node()).collect();
        let mut walk = Walk { bench, nodes, services: Vec::new() };
        for step in &steps {
            walk.take(step);
            walk.check()?;
        }
        // Everything is taken away: what remains is the ingress network with its gateway and the nodes on it.
        let live = walk.live();
        walk.bench.end(&live);
        while !walk.services.is_empty() {
            walk.take(&Step::RemoveService(0));
        }
        while !walk.networks().is_empty() {
            walk.take(&Step::RemoveNetwork(0));
        }
        walk.check()?;
        prop_assert_eq!(walk.bench.allocator.networks.in_use(), 3 + 3, "network, gateway, broadcasts; three nodes");
        prop_assert!(walk.bench.state.nodes.values().all(|node| node.attachments.len() == 1));
    }
}
