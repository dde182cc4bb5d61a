//! Running a scenario: its steps typed at their times, its expectations judged at every instant.
//!
//! It tells nothing and prints nothing: what happened is in the world's trace, what came of it is in [`Run`].

mod runner;

use super::{HostRole, Judgement, Measured, Scenario, Step, Ties, chaos};
use crate::engine::{Duration, QueueKind, Seed, Time};
use crate::net::LinkSpec;
use crate::session::shell::{self, Dialect};
use crate::session::{Chunk, Session};
use crate::swarm::api::Driver;
use crate::swarm::object::{Availability, Role};
use crate::swarm::world::{DataCentre, HostSpec};
use runner::Runner;
use std::sync::Arc;

/// How a run is to be done; what comes out is the same whatever is chosen here but the seed.
#[derive(Clone, Debug)]
pub struct Options {
    /// Instead of the scenario's own.
    pub seed: Option<u64>,
    /// Which event queue.
    pub queue: QueueKind,
    /// Keep the trace.
    pub trace: bool,
    /// Records of the trace that are kept whole.
    pub trace_window: usize,
    /// Deliberate faults in the model.
    #[cfg(any(test, feature = "mutants"))]
    pub mutants: crate::swarm::world::Mutants,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: None,
            queue: QueueKind::default(),
            trace: true,
            trace_window: 1 << 20,
            #[cfg(any(test, feature = "mutants"))]
            mutants: Default::default(),
        }
    }
}

/// A run that has ended.
#[derive(Clone, Debug)]
pub struct Run {
    /// The seed that was used.
    pub seed: u64,
    /// The session as it stands at the end.
    pub session: Session,
    /// What each step printed, in order of printing, with the time and the terminal.
    pub printed: Vec<Printed>,
    /// Lines that a step typed again, and when, with nothing new to see: they printed what they had printed before.
    pub quiet: Vec<(Time, Arc<str>)>,
    /// How each expectation ended, in the file's order.
    pub judgements: Vec<Judgement>,
    /// What came of each measure, in the order of [`Scenario::measures`].
    pub measured: Vec<Measured>,
    /// Faults of each output check, in the file's order.
    pub outputs: Vec<Vec<String>>,
    /// The model broke one of its promises, or a limit was reached.
    pub broken: Option<String>,
}

/// Something that a step printed.
#[derive(Clone, Debug)]
pub struct Printed {
    /// When.
    pub at: Time,
    /// Which step, from 0; those of chaos come behind the file's.
    pub step: usize,
    /// What.
    pub chunk: Chunk,
    /// A step that is typed again and again printed all this the time before, too.
    pub again: bool,
}

/// The data centre that a scenario describes.
pub fn data_centre(scenario: &Scenario, options: &Options) -> DataCentre {
    let mut centre = DataCentre::of(options.seed.unwrap_or(scenario.seed), hosts(scenario));
    let network = &scenario.cluster.network;
    centre.link = LinkSpec {
        latency: network.latency.unwrap_or(centre.link.latency),
        jitter: network.jitter.unwrap_or(centre.link.jitter),
        loss_per_million: network.loss.map_or(0, |share| share.0),
        duplicate_per_million: 0,
    };
    let daemon = &scenario.cluster.daemon;
    let settings = &mut centre.settings;
    settings.heartbeat_period = daemon.heartbeat_period.unwrap_or(settings.heartbeat_period);
    settings.election_tick = daemon.election_tick.unwrap_or(settings.election_tick);
    settings.heartbeat_tick = daemon.heartbeat_tick.unwrap_or(settings.heartbeat_tick);
    settings.task_history_limit = daemon.task_history_limit.unwrap_or(settings.task_history_limit);
    settings.task_log_driver = daemon.task_log_driver.clone().map(|name| Driver { name, ..Driver::default() });
    settings.node_cert_expiry = daemon.node_cert_expiry.unwrap_or(settings.node_cert_expiry);
    settings.policy = scenario.policy;
    settings.shuffle_ties = scenario.ties == Ties::Shuffled;
    #[cfg(any(test, feature = "mutants"))]
    {
        settings.mutants = options.mutants;
    }
    centre.catalogue = built_in_images();
    for (name, behaviour) in &scenario.images {
        centre.catalogue.add(name, behaviour.clone());
    }
    centre.queue = options.queue;
    centre.trace_window = options.trace_window;
    centre
}

fn hosts(scenario: &Scenario) -> Vec<HostSpec> {
    scenario
        .cluster
        .hosts
        .iter()
        .map(|host| {
            let role = match host.role {
                HostRole::Manager => Some(Role::Manager),
                HostRole::Worker => Some(Role::Worker),
                HostRole::Alone => None,
            };
            let mut spec = HostSpec::new(&host.name, role);
            spec.labels = host.labels.clone();
            spec.engine_labels = host.engine_labels.clone();
            spec.generic = host.generic.clone();
            spec.nano_cpus = host.nano_cpus.unwrap_or(spec.nano_cpus);
            spec.memory_bytes = host.memory.unwrap_or(spec.memory_bytes);
            spec.os = host.os.clone().unwrap_or(spec.os);
            spec.arch = host.arch.clone().unwrap_or(spec.arch);
            spec.address = host.address.as_ref().and_then(|address| address.parse().ok());
            spec.availability = match host.availability.as_deref() {
                Some("pause") => Availability::Pause,
                Some("drain") => Availability::Drain,
                _ => Availability::Active,
            };
            spec
        })
        .collect()
}

pub use super::built_in_images;

/// Everything that is typed in a run with this seed, and when: the steps of the file, then the lines that chaos draws.
pub fn typed(scenario: &Scenario, centre: &DataCentre) -> Vec<Step> {
    let mut steps = scenario.steps.clone();
    for (number, step) in steps.iter_mut().enumerate() {
        let later = centre.seed.stream("step", &number).between(Duration::ZERO, step.jitter);
        step.at += Duration::from_millis(later.as_millis());
        step.jitter = Duration::ZERO;
    }
    let hosts: Vec<&str> = scenario.cluster.hosts.iter().map(|host| host.name.as_str()).collect();
    let (Some(chaos), Some(first)) = (&scenario.chaos, hosts.first()) else { return steps };
    for chaos::Typed { at, line } in chaos::plan(chaos, centre.seed, &hosts, centre.link) {
        let list = shell::parse(&line, Dialect::Lab).expect("chaos types lines of the lab");
        let (on, run) = ((*first).to_owned(), line.into());
        steps.push(Step { name: None, at, jitter: Duration::ZERO, on, run, list: Arc::new(list), repeat: None });
    }
    steps
}

/// Runs a scenario to its end.
pub fn run(scenario: &Scenario, options: &Options) -> Run {
    let centre = data_centre(scenario, options);
    let Seed(seed) = centre.seed;
    let mut session = Session::new(&centre);
    session.keep_trace(options.trace);
    for (path, content) in &scenario.files {
        session.put_file(path, content.as_bytes());
    }
    let mut runner = Runner::new(scenario, typed(scenario, &centre));
    let broken = runner.play(&mut session, Time::ZERO + scenario.duration);
    let measured = runner.measured();
    let judgements = runner.judged(&session);
    let outputs = scenario.outputs.iter().map(|check| runner.check(&session, check)).collect();
    Run { seed, session, printed: runner.printed, quiet: runner.quiet, judgements, measured, outputs, broken }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::{Observed, Root, View};

    /// Conditions are judged again only when a stamp moves: so it must, whenever what it stands for has changed.
    #[test]
    fn a_stamp_moves_whenever_its_picture_does() {
        let mut centre = DataCentre::swarm(5, 3, 3);
        centre.catalogue = built_in_images();
        let mut session = Session::new(&centre);
        let mut last: Vec<(Root, u64, String)> = Vec::new();
        let lines = [
            ("m1", "docker service create --name web --replicas 6 --detach nginx"),
            ("w1", "docker rm -f $(docker ps --last 1 -q)"),
            ("m1", "kill m1"),
            ("m2", "docker service update --detach --image redis web; kill w2 daemon"),
            ("m2", "boot m1; boot w2; docker service scale --detach web=3"),
            ("w3", "docker swarm leave"),
            ("m2", "partition m1 w1 | m2 m3 w2 w3; docker node update --availability drain w2"),
            ("m2", "heal; pause m3"),
            ("m2", "resume m3; docker service rm web"),
        ];
        for (number, (host, line)) in lines.into_iter().enumerate() {
            let host = session.world().host_named(host).expect("a host of this swarm");
            let terminal = session.open(host, None);
            session.type_lines(terminal, line).expect("the line is of the shell's grammar");
            let until = Time::ZERO + Duration::from_secs(30) * (number as i64 + 1);
            session.run(until, |session| {
                let view = Observed(session.world());
                let now = [
                    (Root::Services, format!("{:?}", view.services())),
                    (Root::Nodes, format!("{:?}", view.nodes())),
                    (Root::Tasks, format!("{:?}", view.tasks())),
                    (Root::Networks, format!("{:?}", view.networks())),
                    (Root::Raft, format!("{:?}", view.raft())),
                    (Root::Hosts, format!("{:?}", view.hosts())),
                    (Root::Containers, format!("{:?}", view.containers())),
                ];
                let now: Vec<_> = now.into_iter().map(|(root, shown)| (root, view.stamp(root), shown)).collect();
                for (before, now) in last.iter().zip(&now) {
                    let at = session.world().now();
                    assert!(before.1 != now.1 || before.2 == now.2, "{line}, {at}: {}\nbecame {}", before.2, now.2);
                }
                last = now;
                true
            });
        }
    }
}
