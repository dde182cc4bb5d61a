//! How a world begins: hosts, wires, and perhaps a swarm that is there from the first.

use super::check::Checks;
use super::host::{Disk, Host, NodeIdentity};
use super::record::What;
use super::{Env, World};
use crate::engine::{Duration, Kernel, Limits, QueueKind, Seed, Time, Trace};
use crate::net::{HostId, LinkSpec, Net};
use crate::raft::Stored;
use crate::swarm::api::Driver;
use crate::swarm::ca::Credentials;
use crate::swarm::ca::certificate::DEFAULT_EXPIRY;
use crate::swarm::component::Ids;
use crate::swarm::control::{Setup, new_cluster, new_node};
use crate::swarm::daemon::image::Catalogue;
use crate::swarm::manager::{Input, RaftDisk, member_context};
use crate::swarm::object::{Availability, Generic, Labels, NodeDescription, NodeKey, Plugin, Role};
use crate::swarm::scheduler::Policy;
use crate::swarm::store::{Lineage, LineageId};
use std::net::Ipv4Addr;
use std::sync::Arc;

/// Timers and switches of the whole data centre; the defaults are Swarm's.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Of agents' heartbeats.
    pub heartbeat_period: Duration,
    /// Raft ticks between heartbeats of a Raft leader.
    pub heartbeat_tick: u32,
    /// Raft ticks without a leader before an election.
    pub election_tick: u32,
    /// One Raft tick.
    pub tick: Duration,
    /// Entries kept in the log behind a snapshot, for followers that are a little behind.
    pub log_entries_for_slow_followers: u64,
    /// Tasks kept a slot, the live one included.
    pub task_history_limit: i64,
    /// Where the output of tasks goes whose service does not say it; `None`: the engine's own way.
    pub task_log_driver: Option<Driver>,
    /// How long a node's certificate is valid.
    pub node_cert_expiry: Duration,
    /// From a disk write to its being safe.
    pub disk_latency: Duration,
    /// From a client to its host's daemon, one way.
    pub api_latency: Duration,
    /// How nodes are ranked at the start; only the default is what Swarm does.
    pub policy: Policy,
    /// Ties are drawn from the seed instead of taken in natural order.
    pub shuffle_ties: bool,
    /// Deliberate faults in the model.
    #[cfg(any(test, feature = "mutants"))]
    pub mutants: Mutants,
}

/// Deliberate faults in the model, to prove that tests bite.
#[cfg(any(test, feature = "mutants"))]
#[derive(Clone, Copy, Debug, Default)]
pub struct Mutants {
    /// Of consensus.
    pub raft: Option<crate::raft::Mutant>,
    /// Of placement.
    pub scheduler: Option<crate::swarm::scheduler::Mutant>,
    /// Of history.
    pub reaper: Option<crate::swarm::orchestrator::Mutant>,
    /// Of replication and updates.
    pub replicated: Option<crate::swarm::orchestrator::Mutant>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            heartbeat_period: Duration::from_secs(5),
            heartbeat_tick: 1,
            election_tick: 10,
            tick: Duration::from_secs(1),
            log_entries_for_slow_followers: 500,
            task_history_limit: 5,
            task_log_driver: None,
            node_cert_expiry: DEFAULT_EXPIRY,
            disk_latency: Duration::from_micros(500),
            api_latency: Duration::from_millis(1),
            policy: Policy::default(),
            shuffle_ties: false,
            #[cfg(any(test, feature = "mutants"))]
            mutants: Mutants::default(),
        }
    }
}

/// One host to be.
#[derive(Clone, Debug)]
pub struct HostSpec {
    /// Its name.
    pub name: String,
    /// What it is in the swarm that is there from the first; `None`: not in it.
    pub role: Option<Role>,
    /// Node labels.
    pub labels: Labels,
    /// Engine labels.
    pub engine_labels: Labels,
    /// What its daemon was told of generic resources.
    pub generic: Vec<Generic>,
    /// Billionths of a CPU.
    pub nano_cpus: i64,
    /// Bytes.
    pub memory_bytes: i64,
    /// `linux`
    pub os: String,
    /// `x86_64`
    pub arch: String,
    /// Its address; `None`: the next of 10.0.0.0/24's hosts for its role.
    pub address: Option<Ipv4Addr>,
    /// Whether it may have tasks.
    pub availability: Availability,
}

impl HostSpec {
    /// A usual machine: 4 CPUs, 8 GB.
    pub fn new(name: impl Into<String>, role: Option<Role>) -> Self {
        Self {
            name: name.into(),
            role,
            labels: Labels::new(),
            engine_labels: Labels::new(),
            generic: Vec::new(),
            nano_cpus: 4_000_000_000,
            memory_bytes: 8_331_333_632,
            os: "linux".into(),
            arch: "x86_64".into(),
            address: None,
            availability: Availability::Active,
        }
    }
}

/// Everything that a world begins with.
#[derive(Clone, Debug)]
pub struct DataCentre {
    /// Seed of all chance.
    pub seed: Seed,
    /// Hosts, in order.
    pub hosts: Vec<HostSpec>,
    /// Between any two of them.
    pub link: LinkSpec,
    /// Timers and switches.
    pub settings: Settings,
    /// How images behave.
    pub catalogue: Catalogue,
    /// Which event queue; the run is the same with either.
    pub queue: QueueKind,
    /// Records that the trace keeps whole.
    pub trace_window: usize,
    /// Where the run has to stop.
    pub limits: Limits,
}

impl DataCentre {
    /// Managers m1, m2, .. and workers w1, w2, .. of one swarm.
    pub fn swarm(seed: u64, managers: usize, workers: usize) -> Self {
        let named = |letter: char, count: usize, role: Role| {
            (1..=count).map(move |number| HostSpec::new(format!("{letter}{number}"), Some(role)))
        };
        Self::of(seed, named('m', managers, Role::Manager).chain(named('w', workers, Role::Worker)).collect())
    }

    /// Machines h1, h2, .. with no swarm yet.
    pub fn machines(seed: u64, hosts: usize) -> Self {
        Self::of(seed, (1..=hosts).map(|number| HostSpec::new(format!("h{number}"), None)).collect())
    }

    /// These hosts, with the usual wires.
    pub fn of(seed: u64, hosts: Vec<HostSpec>) -> Self {
        Self {
            seed: Seed(seed),
            hosts,
            link: LinkSpec {
                latency: Duration::from_micros(500),
                jitter: Duration::from_micros(200),
                loss_per_million: 0,
                duplicate_per_million: 0,
            },
            settings: Settings::default(),
            catalogue: Catalogue::default(),
            queue: QueueKind::default(),
            trace_window: 1 << 16,
            limits: Limits::default(),
        }
    }
}

/// The data centre is switched on so long before the story begins, so that a swarm stands when it does.
const BOOT: Duration = Duration::from_secs(30);

impl World {
    /// Switches a data centre on and lets it come to rest; the clock then shows zero.
    pub fn new(spec: &DataCentre) -> Self {
        let mut world = Self::at_boot(spec);
        world.run_until(Time::ZERO);
        world
    }

    /// A data centre at the moment when it is switched on.
    fn at_boot(spec: &DataCentre) -> Self {
        let mut net = Net::new(spec.seed, spec.hosts.len(), spec.link);
        let names: Arc<[Arc<str>]> = spec.hosts.iter().map(|host| Arc::from(host.name.as_str())).collect();
        let mut hosts = Vec::new();
        let mut numbers = [11u8, 101, 31];
        for (number, host) in spec.hosts.iter().enumerate() {
            let id = HostId(u16::try_from(number).expect("hosts are limited"));
            let group = match host.role {
                Some(Role::Manager) => 0,
                Some(Role::Worker) => 1,
                None => 2,
            };
            let addr = host.address.unwrap_or_else(|| next_address(&mut numbers[group], number));
            net.set_address(id, addr);
            let description = NodeDescription {
                hostname: host.name.as_str().into(),
                os: host.os.as_str().into(),
                architecture: host.arch.as_str().into(),
                nano_cpus: host.nano_cpus,
                memory_bytes: host.memory_bytes,
                engine_version: "29.7.2".into(),
                engine_labels: host.engine_labels.clone(),
                generic: host.generic.clone(),
                plugins: Some(Plugin::of_every_engine()),
            };
            let mut made =
                Host::new(id, names[number].clone(), addr, Arc::new(description), spec.settings.disk_latency);
            made.engine.images.extend(spec.catalogue.preloaded(&host.name));
            hosts.push(made);
        }
        let env = Env {
            kernel: Kernel::new(Time::ZERO - BOOT, spec.queue, spec.limits),
            net,
            trace: Trace::new(spec.trace_window, What::is_notable),
            seed: spec.seed,
            ids: Ids::new(spec.seed),
            lineages: vec![Lineage::default()],
            settings: Arc::new(spec.settings.clone()),
            catalogue: Arc::new(spec.catalogue.clone()),
            policy: spec.settings.policy,
            registry: Default::default(),
            stalled: Default::default(),
            flaps: Default::default(),
            backups: Default::default(),
            boots: vec![1; hosts.len()],
            names,
            told: Vec::new(),
            changes: super::Changes::default(),
            outbox: Default::default(),
            agent_outbox: Default::default(),
            engine_outbox: Default::default(),
            checks: Arc::new(Checks::default()),
            proposals: 0,
            calls: 0,
            asked_by: None,
        };
        let mut world = Self { env, hosts: Vec::new() };
        world.found_swarm(spec, &mut hosts);
        world.hosts = hosts.into_iter().map(Arc::new).collect();
        world.start();
        world
    }

    /// Writes onto the disks what the members of a swarm that has stood for a while have there.
    fn found_swarm(&mut self, spec: &DataCentre, hosts: &mut [Host]) {
        let env = &mut self.env;
        let members: Vec<_> = spec.hosts.iter().zip(hosts.iter()).filter(|(spec, _)| spec.role.is_some()).collect();
        let Some((_, first)) = members.iter().find(|(spec, _)| spec.role == Some(Role::Manager)) else { return };
        let mut nodes = Vec::new();
        let mut managers = Vec::new();
        let mut raft = Vec::new();
        let cluster = new_cluster(&mut env.ids, &first.name, &env.settings, first.wall(env.kernel.now()));
        for (row, (spec, host)) in members.iter().enumerate() {
            let key = NodeKey(u32::try_from(row).expect("hosts are limited"));
            let role = spec.role.expect("members have a role");
            let id = env.ids.node(&host.name);
            nodes.push(new_node(
                key,
                id,
                host.id,
                role,
                spec.availability,
                spec.labels.clone(),
                host.addr,
                Arc::new(NodeDescription::default()),
            ));
            if role == Role::Manager {
                managers.push((key, host.id));
                raft.push((env.ids.member(&host.name), member_context(key, host.id)));
            }
        }
        let setup = Arc::new(Setup { cluster, nodes: nodes.clone() });
        let stored = Stored::bootstrap(&raft);
        let now = env.kernel.now();
        for node in &nodes {
            let host = &mut hosts[node.host.index()];
            let member = managers.iter().position(|(key, _)| *key == node.key).map(|place| raft[place].0);
            host.disk = Disk {
                node: Some(NodeIdentity {
                    node: node.key,
                    id: node.id,
                    role: node.role,
                    lineage: LineageId(0),
                    managers: managers.clone(),
                }),
                credentials: Some(Credentials::issue(&setup.cluster, node.id, node.role, host.wall(now), 0)),
                raft: member.map(|member| RaftDisk { member, lineage: LineageId(0), stored: stored.clone() }),
                ..host.disk.clone()
            };
            if member.is_some() {
                host.setup = Some(setup.clone());
            }
        }
    }

    fn start(&mut self) {
        let mut first = true;
        for host in 0..self.hosts.len() {
            let id = HostId(u16::try_from(host).expect("hosts are limited"));
            let (host, env) = self.host_mut(id);
            host.start_swarm(env);
            if host.manager.is_some() && std::mem::take(&mut first) {
                // The swarm has stood for a while: its first manager leads.
                host.manager_input(Input::Campaign, env);
            }
        }
    }
}

fn next_address(number: &mut u8, host: usize) -> Ipv4Addr {
    let taken = *number;
    // Beyond a hundred of a kind the third byte counts on.
    *number = number.wrapping_add(1);
    if taken < 201 && host < 200 {
        Ipv4Addr::new(10, 0, 0, taken)
    } else {
        let host = u16::try_from(host).expect("hosts are limited");
        Ipv4Addr::new(10, 0, 1 + (host >> 8) as u8, (host & 0xff) as u8)
    }
}
