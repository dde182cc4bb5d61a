//! The cluster of a scenario: hosts, the wires between them, Swarm's own timers.
//!
//! It builds nothing: `swarm` makes a world of it. It follows the house plan §7.

use std::collections::BTreeMap;

use super::MAX_MANAGERS;
use super::problem::Problem;
use super::read::{File, Table};
use crate::engine::{Duration, limits::HOSTS};
use crate::session::shell::amount::Share;
use crate::swarm::object::{Generic, LOG_PLUGINS};

/// Machines, wires and timers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cluster {
    /// The machines: managers m1.., workers w1.., machines without a swarm h1.., then those described one by one.
    pub hosts: Vec<HostSpec>,
    /// How every wire behaves unless a step changes it.
    pub network: Network,
    /// Timers and limits of Swarm, where they differ from Docker's.
    pub daemon: DaemonSettings,
}

/// A machine.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostSpec {
    /// Its name.
    pub name: String,
    /// Its part in the swarm at the start.
    pub role: HostRole,
    /// Labels of its node.
    pub labels: BTreeMap<String, String>,
    /// Labels of its engine.
    pub engine_labels: BTreeMap<String, String>,
    /// What its daemon was told of generic resources (`dockerd --node-generic-resource`).
    pub generic: Vec<Generic>,
    /// Its processors in thousand-millionths; none for the default.
    pub nano_cpus: Option<i64>,
    /// Its memory in bytes; none for the default.
    pub memory: Option<i64>,
    /// Its operating system; none for `linux`.
    pub os: Option<String>,
    /// Its architecture; none for `x86_64`.
    pub arch: Option<String>,
    /// Its address; none for the next free one.
    pub address: Option<String>,
    /// `active`, `pause` or `drain`; none for active.
    pub availability: Option<String>,
}

/// A machine's part in the swarm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostRole {
    /// It has joined as a manager.
    Manager,
    /// It has joined as a worker.
    #[default]
    Worker,
    /// It is in no swarm.
    Alone,
}

/// How wires behave; what is not set is the network's own default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// How long a packet travels.
    pub latency: Option<Duration>,
    /// How much that varies.
    pub jitter: Option<Duration>,
    /// The share of packets lost.
    pub loss: Option<Share>,
}

/// Timers and limits of Swarm; what is not set is Docker's own default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DaemonSettings {
    /// The period of the nodes' heartbeats (5s).
    pub heartbeat_period: Option<Duration>,
    /// Ticks of a second without a leader before an election (10).
    pub election_tick: Option<u32>,
    /// Ticks of a second between a leader's heartbeats (1).
    pub heartbeat_tick: Option<u32>,
    /// Tasks kept for each slot, the live one included (5); below 0 all of them.
    pub task_history_limit: Option<i64>,
    /// The logging driver of tasks whose service names none: SwarmKit's `task_defaults`, which Docker cannot set.
    pub task_log_driver: Option<String>,
    /// Log entries between snapshots (10000).
    pub snapshot_interval: Option<u64>,
    /// Old snapshots kept (0).
    pub keep_old_snapshots: Option<u64>,
    /// Log entries kept for slow followers (500).
    pub log_entries_for_slow_followers: Option<u64>,
    /// How long a node's certificate is good for (90 days).
    pub node_cert_expiry: Option<Duration>,
}

impl Cluster {
    /// The host of that name.
    pub fn host(&self, name: &str) -> Option<&HostSpec> {
        self.hosts.iter().find(|host| host.name == name)
    }
}

/// Reads `[cluster]`.
pub(super) fn read(file: &File, table: Table) -> Cluster {
    let mut cluster = Cluster::default();
    // A number that could not be read is told once, not again as a host too few.
    let mut unread = false;
    for (key, prefix, role) in
        [("managers", 'm', HostRole::Manager), ("workers", 'w', HostRole::Worker), ("hosts", 'h', HostRole::Alone)]
    {
        let most = if role == HostRole::Manager { MAX_MANAGERS } else { HOSTS };
        let count = table.number(key, 0, most as i64);
        unread |= count.is_none() && table.has(key);
        let count = count.unwrap_or(0);
        let name = |number| HostSpec { name: format!("{prefix}{number}"), role, ..HostSpec::default() };
        cluster.hosts.extend((1..=count).map(name));
    }
    for entry in table.tables("host") {
        if let Some(host) = host(file, entry, &cluster.hosts) {
            cluster.hosts.push(host);
        }
    }
    if cluster.hosts.len() > HOSTS {
        let message = format!("the cluster has {} hosts; at most {HOSTS} are simulated", cluster.hosts.len());
        file.problem(Problem::new(table.span, message).label("too many hosts"));
        cluster.hosts.truncate(HOSTS);
    }
    let managers = cluster.hosts.iter().filter(|host| host.role == HostRole::Manager).count();
    let workers = cluster.hosts.iter().any(|host| host.role == HostRole::Worker);
    if managers > MAX_MANAGERS {
        let message = format!("the cluster has {managers} managers; at most {MAX_MANAGERS} are simulated");
        file.problem(Problem::new(table.span, message).label("too many managers"));
    }
    if unread {
        // What is missing now may have been meant by it.
    } else if cluster.hosts.is_empty() {
        let problem = Problem::new(table.span, "the cluster has no hosts").label("empty");
        file.problem(problem.help("write managers = 3 and workers = 3, or hosts = 3 for machines without a swarm"));
    } else if managers == 0 && workers {
        let problem = Problem::new(table.span, "the cluster has workers and no manager").label("no manager");
        file.problem(problem.help("write managers = 1, or hosts = N for machines without a swarm"));
    }
    if let Some(network) = table.table("network") {
        cluster.network = Network {
            latency: network.duration("latency").map(|(latency, _)| latency),
            jitter: network.duration("jitter").map(|(jitter, _)| jitter),
            loss: network.text("loss").and_then(|loss| {
                let share = Share::parse(&loss.text);
                if share.is_none() {
                    let message = format!("`loss` is {:?}, which is not a share", loss.text);
                    let problem = Problem::new(loss.span, message).label("expected a share");
                    file.problem(problem.help("write a share from \"0%\" to \"100%\", such as \"0.5%\""));
                }
                share
            }),
        };
        network.done();
    }
    if let Some(daemon) = table.table("daemon") {
        cluster.daemon = settings(file, daemon);
    }
    table.done();
    cluster
}

fn settings(file: &File, table: Table) -> DaemonSettings {
    let ticks = |key| table.number(key, 1, 1_000).and_then(|ticks| u32::try_from(ticks).ok());
    let entries = |key| table.number(key, 0, 10_000_000).and_then(|count| u64::try_from(count).ok());
    let settings = DaemonSettings {
        heartbeat_period: table.duration("heartbeat_period").map(|(period, _)| period),
        election_tick: ticks("election_tick"),
        heartbeat_tick: ticks("heartbeat_tick"),
        task_history_limit: table.number("task_history_limit", -1, 10_000),
        task_log_driver: log_driver(file, &table),
        snapshot_interval: entries("snapshot_interval"),
        keep_old_snapshots: entries("keep_old_snapshots"),
        log_entries_for_slow_followers: entries("log_entries_for_slow_followers"),
        node_cert_expiry: table.duration("node_cert_expiry").map(|(expiry, _)| expiry),
    };
    let (election, heartbeat) = (settings.election_tick.unwrap_or(10), settings.heartbeat_tick.unwrap_or(1));
    if election <= heartbeat {
        let message = format!("`election_tick` is {election} and `heartbeat_tick` is {heartbeat}");
        let problem = Problem::new(table.span, message).label("no leader could keep its place");
        file.problem(problem.help("an election must take more ticks than a heartbeat; Docker has 10 and 1"));
    }
    table.done();
    settings
}

/// A driver that every engine has: one that none has would be found out only on the nodes.
fn log_driver(file: &File, table: &Table) -> Option<String> {
    let driver = table.text("task_log_driver")?;
    let known: Vec<&str> = LOG_PLUGINS.into_iter().chain(["none"]).collect();
    if !known.contains(&driver.text.as_str()) {
        let problem = Problem::new(driver.span, format!("no engine has the logging driver {:?}", driver.text));
        file.problem(problem.label("expected a driver").help(format!("write one of {}", known.join(", "))));
        return None;
    }
    Some(driver.text)
}

/// Terms as `dockerd --node-generic-resource` takes them, one a value: `"gpu=2"`, or `"fpga=a"`, `"fpga=b"`.
fn generic(file: &File, table: &Table) -> Vec<Generic> {
    let terms = table.list_of_texts("generic_resources");
    let help = "write KIND=NUMBER, or KIND=NAME for each that has a name: [\"gpu=2\", \"fpga=a\", \"fpga=b\"]";
    if let Some(list) = terms.iter().find(|term| term.text.contains(',')) {
        let problem = Problem::new(list.span, format!("{:?} names several resources at once", list.text));
        file.problem(problem.label("expected one").help(help));
        return Vec::new();
    }
    match Generic::parse(terms.iter().map(|term| term.text.as_str())) {
        Ok(generic) => generic,
        Err(text) => {
            let span = table.span_of("generic_resources");
            file.problem(Problem::new(span, text).label("expected generic resources").help(help));
            Vec::new()
        }
    }
}

fn host(file: &File, table: Table, others: &[HostSpec]) -> Option<HostSpec> {
    let mut host = HostSpec {
        labels: table.texts("labels").into_iter().map(|(key, value)| (key, value.text)).collect(),
        engine_labels: table.texts("engine_labels").into_iter().map(|(key, value)| (key, value.text)).collect(),
        generic: generic(file, &table),
        nano_cpus: table.decimal("cpus", 9),
        ..HostSpec::default()
    };
    if let Some(role) = table.text("role") {
        host.role = match role.text.as_str() {
            "manager" => HostRole::Manager,
            "worker" => HostRole::Worker,
            "none" => HostRole::Alone,
            other => {
                let problem = Problem::new(role.span, format!("a host is no {other:?}"));
                file.problem(problem.label("expected a role").help("write \"manager\", \"worker\" or \"none\""));
                HostRole::Worker
            }
        };
    }
    if let Some(availability) = table.text("availability") {
        if ["active", "pause", "drain"].contains(&availability.text.as_str()) {
            host.availability = Some(availability.text);
        } else {
            let problem = Problem::new(availability.span, format!("a host is not {:?}", availability.text));
            file.problem(problem.label("expected an availability").help("write \"active\", \"pause\" or \"drain\""));
        }
    }
    if let Some(memory) = table.text("memory") {
        host.memory = bytes(&memory.text);
        if host.memory.is_none() {
            let problem = Problem::new(memory.span, format!("`memory` is {:?}, which is not a size", memory.text));
            file.problem(problem.label("expected a size").help("write a number and a unit: \"512m\", \"4g\""));
        }
    }
    if let Some(address) = table.text("address") {
        if address.text.parse::<std::net::IpAddr>().is_ok() {
            host.address = Some(address.text);
        } else {
            let problem = Problem::new(address.span, format!("{:?} is not an address", address.text));
            file.problem(problem.label("expected an address").help("write one such as \"10.0.0.11\""));
        }
    }
    host.os = table.text("os").map(|os| os.text);
    host.arch = table.text("arch").map(|arch| arch.text);
    let name = table.text("name");
    let Some(name) = name else {
        if !table.has("name") {
            table.missing("name", "name = \"w1\"");
        }
        table.done();
        return None;
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if name.text.is_empty() || name.text.len() > 63 || !name.text.chars().all(plain) || name.text.starts_with('-') {
        let problem = Problem::new(name.span, format!("{:?} is not a host's name", name.text));
        file.problem(problem.label("expected a name").help("use letters, digits and `-`; at most 63"));
    } else if others.iter().any(|other| other.name == name.text) {
        file.problem(Problem::new(name.span, format!("two hosts are called `{}`", name.text)).label("the second"));
    }
    host.name = name.text;
    table.done();
    Some(host)
}

/// Reads a size as Docker does: `512m`, `4g`, `1GiB`.
pub(super) fn bytes(text: &str) -> Option<i64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: i64 = text[..digits].parse().ok()?;
    let shift = match text[digits..].trim().to_ascii_lowercase().trim_end_matches('b').trim_end_matches('i') {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return None,
    };
    number.checked_mul(1 << shift)
}
