//! What can go wrong, injected from outside. Different faults have different symptoms: a power cut is silent, a killed
//! daemon's kernel answers with resets, a partition swallows packets, a paused process comes back and believes that no
//! time has passed.

mod backup;
mod flap;

pub use backup::Backup;
pub use flap::Flaps;

use super::event::Event;
use super::host::DaemonState;
use super::record::What;
use super::{Clock, World};
use crate::engine::Duration;
use crate::net::{HostId, HostState, LinkSpec};
use crate::swarm::daemon::image::{ImageBehaviour, canonical};
use crate::swarm::daemon::registry::RegistryChange;
use crate::swarm::object::ContainerId;
use crate::swarm::scheduler::Policy;
use std::sync::Arc;

/// A fault, or its end.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The host loses its power.
    PowerCut(HostId),
    /// SIGKILL of the daemon: its containers live on, its connections are reset.
    KillDaemon(HostId),
    /// The host is shut down in order.
    StopHost(HostId),
    /// The daemon is stopped in order, its containers with it.
    StopDaemon(HostId),
    /// Power on, or the daemon started again.
    Boot(HostId),
    /// The host's processes stand still.
    Pause(HostId),
    /// They go on.
    Resume(HostId),
    /// The container of a task ends with this code.
    Crash {
        /// Where.
        host: HostId,
        /// Which.
        container: ContainerId,
        /// How.
        code: i32,
    },
    /// Groups that cannot reach each other.
    Partition(Vec<Vec<HostId>>),
    /// All cuts are mended.
    Heal,
    /// The cuts around these hosts are mended.
    HealHosts(Vec<HostId>),
    /// One way.
    Cut {
        /// From here...
        from: HostId,
        /// ... nothing arrives there.
        to: HostId,
    },
    /// A port is closed to packets.
    Block {
        /// Of this host.
        host: HostId,
        /// Which.
        port: u16,
    },
    /// All ports of a host are open again, or of all hosts.
    Unblock(Option<HostId>),
    /// One port of a host is open again.
    UnblockPort {
        /// Of this host.
        host: HostId,
        /// Which.
        port: u16,
    },
    /// A host's disk needs so long until a write is safe.
    Disk {
        /// Whose.
        host: HostId,
        /// How long.
        latency: Duration,
    },
    /// Another quality of a link, both ways.
    Link {
        /// One end.
        a: HostId,
        /// The other.
        b: HostId,
        /// Quality.
        spec: LinkSpec,
    },
    /// A link loses everything, both ways, or carries again.
    LinkDown {
        /// One end.
        a: HostId,
        /// The other.
        b: HostId,
        /// It loses everything.
        down: bool,
    },
    /// A link goes down and up by itself.
    LinkFlaps {
        /// One end.
        a: HostId,
        /// The other.
        b: HostId,
        /// So long down, then so long up; absent: no more, and the link is up.
        every: Option<Duration>,
    },
    /// A host's clock is set forward, or back.
    ClockJump {
        /// Whose.
        host: HostId,
        /// How far.
        by: Duration,
    },
    /// A host's clock runs too fast, or too slow.
    ClockDrift {
        /// Whose.
        host: HostId,
        /// Parts in 10⁹.
        drift: i64,
    },
    /// A host's disk is full.
    DiskFull(HostId),
    /// Nodes are ranked by another rule.
    Policy(Policy),
    /// The registries answer, or do not: for these hosts, or for all if none are named.
    Registry {
        /// How they are from now on.
        change: RegistryChange,
        /// For whom.
        hosts: Vec<HostId>,
    },
    /// From now on a container's health check fails.
    Unhealthy {
        /// Where.
        host: HostId,
        /// Which.
        container: ContainerId,
    },
    /// The swarm directory of a host whose daemon does not run is copied.
    Backup {
        /// Whose.
        host: HostId,
        /// What the copy is called.
        name: String,
    },
    /// It is replaced by such a copy.
    Restore {
        /// Whose.
        host: HostId,
        /// Which copy.
        name: String,
    },
    /// Another behaviour of an image, for containers to come; hosts that it names as having the image from the start get
    /// it now.
    Image(String, Box<ImageBehaviour>),
}

/// Why a fault cannot be injected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// It is off or has no daemon that runs.
    #[error("{host} is not running: there is nothing to {verb}")]
    NotRunning {
        /// The host.
        host: String,
        /// What was to be done.
        verb: &'static str,
    },
    /// It stands still as it is.
    #[error("{host} is paused already: `resume {host}` lets it go on")]
    Paused {
        /// The host.
        host: String,
    },
    /// Nobody closed that.
    #[error("{0}")]
    NotBlocked(String),
    /// Its clock would be further off than clocks go.
    #[error("the clock of {host} is off by {offset} already, and a clock is set by 876000h (100 years) at most in all")]
    TooFar {
        /// The host.
        host: String,
        /// So far it was set.
        offset: Duration,
    },
    /// It is not paused.
    #[error("{host} is not paused: there is nothing to resume")]
    NotPaused {
        /// The host.
        host: String,
    },
    /// It runs.
    #[error("{host} is running already")]
    Running {
        /// The host.
        host: String,
    },
    /// Files that are being written cannot be copied whole.
    #[error("the docker daemon of {host} runs and writes there: `stop {host} daemon` first")]
    DaemonRuns {
        /// The host.
        host: String,
    },
    /// Nothing looks at how well it is.
    #[error("{name} has no health check: nothing would notice (service create --health-cmd, or an image with one)")]
    NoHealthCheck {
        /// The container.
        name: String,
    },
    /// There is no swarm directory.
    #[error("{host} is in no swarm: there is nothing to back up")]
    NothingThere {
        /// The host.
        host: String,
    },
    /// No copy has that name.
    #[error("there is no backup called {name}{hint}")]
    NoBackup {
        /// The name asked for.
        name: String,
        /// Those that there are.
        hint: String,
    },
    /// The copy is another host's.
    #[error(
        "the backup {name} was taken from {from}: to bring it back on another machine is not modelled, only on {from}"
    )]
    OtherHost {
        /// The copy.
        name: String,
        /// Where it was taken.
        from: String,
    },
}

/// A daemon takes at least so long to come up, and up to half as much more.
const START: Duration = Duration::from_millis(800);

impl World {
    /// Injects a fault. `text` is what the trace says.
    ///
    /// # Errors
    /// When the host is not in a state in which the fault makes sense.
    pub fn fault(&mut self, fault: Fault, text: &str) -> Result<(), FaultError> {
        self.check_fault(&fault)?;
        self.input(What::Fault { text: text.into() });
        match fault {
            Fault::PowerCut(host) => self.power_off(host),
            Fault::StopHost(host) => {
                self.stop_daemon(host, DaemonState::Off);
                let now = self.now();
                self.host_mut(host).0.containers_lost(now);
                self.env.net.set_host(host, HostState::Off);
            }
            Fault::KillDaemon(host) => {
                let (dying, env) = self.host_mut(host);
                dying.engine_do(env, |engine, _, out| engine.spare_condemned(out));
                self.end_daemon(host, DaemonState::Killed);
            }
            Fault::StopDaemon(host) => self.stop_daemon(host, DaemonState::Stopped),
            Fault::Boot(host) => self.boot(host),
            Fault::Pause(host) => {
                self.host_mut(host).0.set_paused(true);
                self.env.net.set_host(host, HostState::Paused);
            }
            Fault::Resume(host) => self.resume(host),
            Fault::Crash { host, container, code } => {
                let (host, env) = self.host_mut(host);
                host.engine_do(env, |engine, around, out| engine.end(container, code, around, out));
            }
            Fault::Partition(groups) => self.env.net.partition(&groups),
            Fault::Heal => self.env.net.heal(),
            Fault::HealHosts(hosts) => {
                for host in hosts {
                    self.env.net.heal_host(host);
                }
            }
            Fault::UnblockPort { host, port } => self.env.net.unblock(host, port),
            // Never nothing at all: a write that takes no time would be read in the middle of its own pass.
            Fault::Disk { host, latency } => {
                let disk = &mut self.host_mut(host).0.disk;
                (disk.latency, disk.full) = (latency.max(Duration::from_micros(1)), false);
            }
            Fault::DiskFull(host) => self.host_mut(host).0.disk.full = true,
            Fault::ClockJump { host, by } => self.host_mut(host).0.clock.jump(by),
            Fault::ClockDrift { host, drift } => {
                let now = self.now();
                self.host_mut(host).0.clock.set_drift(drift, now);
            }
            Fault::LinkDown { a, b, down } => {
                self.stop_flapping(a, b);
                self.set_link_down(a, b, down);
            }
            Fault::LinkFlaps { a, b, every } => self.set_flapping(a, b, every),
            Fault::Cut { from, to } => self.env.net.cut(from, to),
            Fault::Block { host, port } => self.env.net.block_port(host, port),
            Fault::Unblock(Some(host)) => self.env.net.unblock_all(host),
            Fault::Unblock(None) => {
                for host in 0..self.hosts.len() {
                    self.env.net.unblock_all(HostId(u16::try_from(host).expect("hosts are limited")));
                }
            }
            Fault::Link { a, b, spec } => self.env.net.set_link(a, b, spec),
            Fault::Policy(policy) => self.env.policy = policy,
            Fault::Registry { change, hosts } => self.env.registry.change(change, &hosts),
            Fault::Unhealthy { host, container } => {
                let (host, env) = self.host_mut(host);
                host.engine_do(env, |engine, around, out| {
                    engine.make_unhealthy(container, around, out);
                });
            }
            Fault::Backup { host, name } => self.backup(host, name),
            Fault::Restore { host, name } => self.restore(host, &name),
            Fault::Image(reference, behaviour) => {
                for host in 0..self.hosts.len() {
                    let (host, _) = self.host_mut(HostId(u16::try_from(host).expect("hosts are limited")));
                    if behaviour.preloaded.contain(&host.name) {
                        host.engine.images.insert(canonical(&reference));
                    }
                }
                Arc::make_mut(&mut self.env.catalogue).add(&reference, *behaviour);
            }
        }
        self.env.changes.all();
        Ok(())
    }

    fn check_fault(&self, fault: &Fault) -> Result<(), FaultError> {
        let (host, verb) = match fault {
            Fault::PowerCut(host) | Fault::StopHost(host) if self.host(*host).daemon == DaemonState::Off => {
                (*host, "power off")
            }
            Fault::KillDaemon(host) | Fault::StopDaemon(host)
                if !matches!(self.host(*host).daemon, DaemonState::Running | DaemonState::Starting) =>
            {
                (*host, "kill")
            }
            Fault::Pause(host) if self.host(*host).is_paused() => {
                return Err(FaultError::Paused { host: self.host(*host).name.to_string() });
            }
            Fault::Unblock(Some(host)) => return self.check_unblock(*host, None),
            Fault::UnblockPort { host, port } => return self.check_unblock(*host, Some(*port)),
            Fault::ClockJump { host, by } => {
                let offset = self.host(*host).clock.offset();
                let (sum, name) = (offset + *by, &self.host(*host).name);
                return match sum <= Clock::FURTHEST && -sum <= Clock::FURTHEST {
                    true => Ok(()),
                    false => Err(FaultError::TooFar { host: name.to_string(), offset }),
                };
            }
            Fault::Pause(host) if self.host(*host).daemon != DaemonState::Running => (*host, "pause"),
            Fault::Resume(host) if !self.host(*host).is_paused() => {
                return Err(FaultError::NotPaused { host: self.host(*host).name.to_string() });
            }
            Fault::Boot(host) if matches!(self.host(*host).daemon, DaemonState::Running | DaemonState::Starting) => {
                return Err(FaultError::Running { host: self.host(*host).name.to_string() });
            }
            Fault::Unhealthy { host, container } => {
                let container = self.host(*host).engine.containers.get(container);
                return match container {
                    Some(container) if container.health.is_none() => {
                        Err(FaultError::NoHealthCheck { name: container.name.to_string() })
                    }
                    _ => Ok(()),
                };
            }
            Fault::Backup { host, .. } => return self.check_backup(*host),
            Fault::Restore { host, name } => return self.check_restore(*host, name),
            _ => return Ok(()),
        };
        Err(FaultError::NotRunning { host: self.host(host).name.to_string(), verb })
    }

    /// Whether there is a rule to be taken away.
    fn check_unblock(&self, host: HostId, port: Option<u16>) -> Result<(), FaultError> {
        let name = &self.host(host).name;
        let blocked: Vec<u16> =
            self.env.net.blocked().filter(|(other, _)| *other == host).map(|(_, port)| port).collect();
        if port.map_or(!blocked.is_empty(), |port| blocked.contains(&port)) {
            return Ok(());
        }
        let ports: Vec<String> = blocked.iter().map(u16::to_string).collect();
        Err(FaultError::NotBlocked(match port {
            Some(port) if !ports.is_empty() => {
                format!("port {port} of {name} is not blocked; blocked there: {}", ports.join(", "))
            }
            _ => format!("no port of {name} is blocked: there is nothing to take away"),
        }))
    }

    fn power_off(&mut self, host: HostId) {
        let now = self.now();
        let (state, _) = self.host_mut(host);
        state.set_paused(false);
        state.raft_unflushed_lost();
        state.daemon_gone(DaemonState::Off);
        state.containers_lost(now);
        self.env.boots[host.index()] += 1;
        self.env.net.host_vanished(host);
        self.env.net.set_host(host, HostState::Off);
        self.fail_requests(host);
    }

    /// The process ends without a word; its kernel resets what it held.
    fn end_daemon(&mut self, host: HostId, state: DaemonState) {
        let (dying, _) = self.host_mut(host);
        dying.set_paused(false);
        dying.raft_flushed();
        dying.daemon_gone(state);
        self.env.boots[host.index()] += 1;
        self.fail_requests(host);
        for peer in self.env.net.process_died(host) {
            let boot = self.hosts[peer.index()].boot;
            self.env.reset(host, peer, boot, false);
        }
    }

    fn stop_daemon(&mut self, host: HostId, state: DaemonState) {
        let (stopping, env) = self.host_mut(host);
        let grace = Duration::from_secs(10);
        stopping.engine_do(env, |engine, around, out| {
            let running: Vec<_> = engine.containers.values().filter(|c| c.runs()).map(|c| c.id).collect();
            for id in running {
                engine.stop(id, grace, around, out);
            }
        });
        self.end_daemon(host, state);
    }

    /// Clients whose request the daemon took with it learn of a closed connection.
    fn fail_requests(&mut self, host: HostId) {
        let (state, env) = self.host_mut(host);
        let mut of_engine = state.engine.take_clients();
        of_engine.extend(state.events.forget());
        for (client, number) in state.take_clients().into_iter().chain(of_engine) {
            let answer = Err(crate::swarm::api::Failure::NoAnswer(crate::swarm::api::NoAnswer::Died));
            env.answer(client, number, answer);
        }
    }

    fn boot(&mut self, host: HostId) {
        self.env.net.set_host(host, HostState::Up);
        let boot = {
            let (state, _) = self.host_mut(host);
            state.boot += 1;
            state.daemon = DaemonState::Starting;
            state.boot
        };
        self.env.boots[host.index()] = boot;
        let name = self.host(host).name.clone();
        let half = (START.as_nanos() / 2) as u64;
        let spread = self.env.seed.key("daemon.start", &(&*name, boot)).below(0, half);
        let takes = START + Duration::from_nanos(spread as i64) + self.host(host).engine.stop_leftovers();
        self.env.kernel.schedule_in(takes, Event::DaemonUp(host, boot));
    }

    fn resume(&mut self, host: HostId) {
        self.env.net.set_host(host, HostState::Up);
        let now = self.now();
        self.host_mut(host).0.resumed = now;
        let waited = self.host_mut(host).0.set_paused(false);
        for event in waited {
            match event {
                Event::Packet(packet) => {
                    let at = self.now();
                    self.env.kernel.schedule(at, Event::Packet(packet));
                }
                other => {
                    self.env.kernel.schedule_in(Duration::ZERO, other);
                }
            }
        }
    }
}
