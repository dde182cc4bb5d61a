//! Running a scenario: its steps typed at their times, its expectations judged at every instant.
//!
//! It tells nothing and prints nothing: what happened is in the world's trace, what came of it is in [`Run`].

use super::{Catalogue, HostRole, ImageBehaviour, Judge, Judgement, Scenario, Ties};
use crate::engine::{QueueKind, Seed, Time};
use crate::net::LinkSpec;
use crate::observe::Observed;
use crate::predicate::Watcher;
use crate::session::{Chunk, Session, Stop, TerminalId};
use crate::swarm::daemon::image as swarm_image;
use crate::swarm::object::{Availability, Role};
use crate::swarm::world::{DataCentre, HostSpec};

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
    /// How each expectation ended, in the file's order.
    pub judgements: Vec<Judgement>,
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
    /// Which step, from 0.
    pub step: usize,
    /// What.
    pub chunk: Chunk,
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
    settings.node_cert_expiry = daemon.node_cert_expiry.unwrap_or(settings.node_cert_expiry);
    settings.shuffle_ties = scenario.ties == Ties::Shuffled;
    #[cfg(any(test, feature = "mutants"))]
    {
        settings.mutants = options.mutants;
    }
    let mut catalogue = Catalogue::builtin();
    catalogue.extend(&scenario.images);
    centre.catalogue = behaviours(&catalogue);
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

/// The built-in images, as the model takes them: for worlds that no scenario describes.
pub fn built_in_images() -> swarm_image::Catalogue {
    behaviours(&Catalogue::builtin())
}

fn behaviours(catalogue: &Catalogue) -> swarm_image::Catalogue {
    let mut out = swarm_image::Catalogue::default();
    for name in catalogue.names() {
        out.add(name, behaviour(catalogue.behaviour(name)));
    }
    out
}

fn behaviour(image: &ImageBehaviour) -> swarm_image::ImageBehaviour {
    swarm_image::ImageBehaviour {
        pull: image.pull,
        start: image.start,
        stop: (!image.ignores_sigterm).then_some(image.stop),
        exit: image.exits.as_ref().map(|exit| swarm_image::ImageExit { after: exit.after, code: i32::from(exit.code) }),
        missing: image.missing,
        never_ready: image.never_ready,
        listen: image.listen.clone(),
        log: image.log.iter().map(|line| line.as_str().into()).collect(),
        log_every: image.log_every.and_then(|every| Some((every, image.log.last()?.as_str().into()))),
        ..swarm_image::ImageBehaviour::default()
    }
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
    let mut steps: Vec<usize> = (0..scenario.steps.len()).collect();
    // Steps of one instant begin in the file's order.
    steps.sort_by_key(|&step| scenario.steps[step].at);
    let mut runner = Runner {
        watchers: scenario.expectations.iter().map(|e| Watcher::new(e.condition.clone())).collect(),
        judges: scenario.expectations.iter().map(|e| Judge::new(e.when)).collect(),
        terminals: vec![None; scenario.steps.len()],
        printed: Vec::new(),
    };
    let mut broken = None;
    let end = Time::ZERO + scenario.duration;
    // Moments at which something must be looked at although no event may happen: steps, and where expectations begin.
    let mut moments: Vec<Time> = steps.iter().map(|&step| Time::ZERO + scenario.steps[step].at).collect();
    moments.extend(runner.judges.iter().map(|judge| judge.span().0));
    moments.push(end);
    moments.sort_unstable();
    moments.dedup();
    let mut next_step = 0;
    for moment in moments.into_iter().filter(|moment| *moment <= end) {
        let stop = session.run(moment, |session| {
            runner.look(session);
            runner.collect(session);
            true
        });
        if let Stop::Broken(text) = stop {
            broken = Some(text);
            break;
        }
        while let Some(&step) = steps.get(next_step).filter(|&&step| Time::ZERO + scenario.steps[step].at == moment) {
            next_step += 1;
            runner.begin(&mut session, scenario, step);
        }
        runner.look(&session);
        runner.collect(&mut session);
    }
    let now = session.world().now();
    let judgements = runner
        .judges
        .drain(..)
        .zip(&scenario.expectations)
        .map(|(judge, expectation)| judge.finish(now, || expectation.condition.explain(&Observed(session.world()))))
        .collect();
    let outputs = scenario.outputs.iter().map(|check| runner.check(&session, check)).collect();
    Run { seed, session, printed: runner.printed, judgements, outputs, broken }
}

struct Runner {
    watchers: Vec<Watcher>,
    judges: Vec<Judge>,
    terminals: Vec<Option<TerminalId>>,
    printed: Vec<Printed>,
}

impl Runner {
    fn begin(&mut self, session: &mut Session, scenario: &Scenario, step: usize) {
        let wanted = &scenario.steps[step];
        // The file was checked: its hosts are there.
        let Some(host) = session.world().host_named(&wanted.on) else { return };
        let terminal = session.open(host, None);
        self.terminals[step] = Some(terminal);
        session.begin(terminal, &wanted.run, wanted.list.clone());
    }

    /// Judges every expectation that may have changed. The last verdict of an instant counts.
    fn look(&mut self, session: &Session) {
        let view = Observed(session.world());
        let now = session.world().now();
        for (watcher, judge) in self.watchers.iter_mut().zip(&mut self.judges) {
            if judge.settled().is_some() || now > judge.span().1 {
                continue;
            }
            // Before its first moment only the last verdict matters, and that is made at the moment itself.
            if now < judge.span().0 {
                continue;
            }
            // A verdict holds until the next one: where nothing has changed there is none.
            let (verdict, true) = watcher.judge(&view) else { continue };
            let verdict = verdict.clone();
            judge.observe(now, &verdict, || watcher.condition().explain(&view));
        }
    }

    fn collect(&mut self, session: &mut Session) {
        // Real files come into a run by the scenario's own table alone.
        if session.asks_owner() {
            session.refuse_wants("a scenario puts files on the hosts' disks with [files]");
        }
        let at = session.world().now();
        for (step, terminal) in self.terminals.iter().enumerate() {
            let Some(terminal) = terminal else { continue };
            for chunk in session.take_output(*terminal) {
                self.printed.push(Printed { at, step, chunk });
            }
        }
    }

    fn check(&self, session: &Session, check: &super::OutputCheck) -> Vec<String> {
        let step = check.step.index;
        let text: String =
            self.printed.iter().filter(|printed| printed.step == step).map(|p| p.chunk.text.as_str()).collect();
        let status = self.terminals[step].map_or(0, |terminal| session.terminal(terminal).status);
        check.faults(&text, status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Duration;
    use crate::observe::{Root, View};

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
