//! A world: a whole simulated data centre, and the loop that moves it from event to event.
//!
//! Plain data with one owner. Handling an event is one component's step plus what it asks for (messages, alarms,
//! proposals, records); nothing in here can see the real machine, and a clone of a world is a world.

pub mod check;
mod clock;
pub mod event;
pub mod fault;
mod host;
pub mod record;
mod setup;
mod tls;
mod wires;

pub use check::Violation;
pub use clock::Clock;
pub use fault::Flaps;
pub use fault::{Backup, Fault, FaultError};
pub use host::{DaemonState, Disk, Host, NodeIdentity};
#[cfg(any(test, feature = "mutants"))]
pub use setup::Mutants;
pub use setup::{DataCentre, HostSpec, Settings};

use crate::engine::{Duration, EventId, Kernel, LimitReached, Origin, Replay, Seed, Time, Trace};
use crate::net::{Boot, EPHEMERAL, HostId, HostState, Net, Transit};
use crate::raft::Role;
use crate::swarm::agent::{AgentAlarm, AgentOutbox};
use crate::swarm::api::{Answer, Request};
use crate::swarm::component::{Ids, Outbox};
use crate::swarm::daemon::image::Catalogue;
use crate::swarm::daemon::registry::Registry;
use crate::swarm::daemon::{EngineAlarm, EngineOutbox, inside};
use crate::swarm::dispatcher::ToAgent;
use crate::swarm::manager::Manager;
use crate::swarm::scheduler::Policy;
use crate::swarm::store::Lineage;
use check::Checks;
use event::{Body, ClientId, Event, Packet, SEND_TIMEOUT};
use record::What;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One direction of a connection: from, to, and whether it goes to the server's port.
pub type StreamKey = (HostId, HostId, bool);
/// Segments in their order.
type Segments = Arc<Vec<Arc<Packet>>>;

/// Swarm's own port.
pub const SWARM_PORT: u16 = 2377;

/// A simulated data centre at one moment.
#[derive(Clone, Debug)]
pub struct World {
    /// Everything that is not a host.
    pub env: Env,
    hosts: Vec<Arc<Host>>,
}

/// Everything of a world but its hosts: time, chance, wires, history, trace.
#[derive(Clone, Debug)]
pub struct Env {
    /// Time and events.
    pub kernel: Kernel<Event>,
    /// Wires.
    pub net: Net,
    /// What happened.
    pub trace: Trace<What>,
    /// Where chance comes from.
    pub seed: Seed,
    /// Where ids come from.
    pub ids: Ids,
    /// The stores' shared histories, by [`crate::swarm::store::LineageId`].
    pub lineages: Vec<Lineage>,
    /// Timers and switches.
    pub settings: Arc<Settings>,
    /// How images behave.
    pub catalogue: Arc<Catalogue>,
    /// How nodes are ranked.
    pub policy: Policy,
    /// The registries.
    pub registry: Registry,
    /// Links that go down and up by themselves.
    pub flaps: Flaps,
    /// What vanished on a stream and waits to be sent again, with what was sent behind it.
    stalled: BTreeMap<StreamKey, Segments>,
    /// Copies of hosts' swarm directories, by name.
    pub backups: BTreeMap<String, Backup>,
    /// Names of the hosts.
    pub names: Arc<[Arc<str>]>,
    /// What clients are to be told; the session takes it after every event.
    pub told: Vec<Told>,
    /// What may have changed, for those who look on.
    pub changes: Changes,
    /// Empty between events: their memory serves again.
    pub(crate) outbox: Outbox,
    agent_outbox: AgentOutbox,
    engine_outbox: EngineOutbox,
    checks: Arc<Checks>,
    boots: Vec<Boot>,
    proposals: u64,
    calls: u64,
    /// While what a user asked for is applied: the notable event that led to the asking.
    pub(crate) asked_by: Option<EventId>,
}

/// Numbers that grow when what they stand for may have changed: whoever looks on need not look again before.
#[derive(Clone, Copy, Debug, Default)]
pub struct Changes {
    /// The leader's store, or who leads, or whom it reaches.
    pub belief: u64,
    /// Terms, roles, commit indexes, reachability of managers.
    pub raft: u64,
    /// Hosts and daemons.
    pub hosts: u64,
    /// Containers.
    pub containers: u64,
}

impl Changes {
    pub(crate) fn all(&mut self) {
        self.belief += 1;
        self.raft += 1;
        self.hosts += 1;
        self.containers += 1;
    }
}

/// Something for a client.
#[derive(Clone, Debug)]
pub enum Told {
    /// The answer to one of its requests.
    Answer {
        /// Whom.
        client: ClientId,
        /// Which request.
        number: u64,
        /// What.
        answer: Arc<Answer>,
    },
    /// Its timer.
    Timer {
        /// Whom.
        client: ClientId,
        /// Which.
        number: u64,
    },
}

impl Env {
    /// Writes a record into the trace and the fingerprint.
    pub fn record(&mut self, what: What) {
        self.kernel.fold(&what);
        self.remark(what);
    }

    /// Writes a record into the trace alone, for its readers. What is written for somebody who asked for it and waited
    /// behind other writers is caused by the asking, not by what those did.
    pub fn remark(&mut self, what: What) {
        let mut origin = self.kernel.origin();
        if let Some(asked) = self.asked_by {
            (origin.cause, origin.landmark) = (asked, asked);
        }
        if self.trace.push(origin, what) {
            self.kernel.mark_notable();
        }
    }

    /// Writes into the trace alone that a command begins now, which goes on with this event (one that was just scheduled, or
    /// is being handled): what that event brings about leads to this record.
    pub fn remark_command(&mut self, goes_on: EventId, host: HostId, line: Arc<str>) {
        let Origin { event, at, .. } = self.kernel.origin();
        self.trace.push(Origin { event: goes_on, cause: event, landmark: event, at }, What::Command { host, line });
    }

    /// A number for a proposal, unique in this world.
    pub fn next_proposal(&mut self) -> u64 {
        self.proposals += 1;
        self.proposals
    }

    /// A number for a call, unique in this world.
    pub fn next_call(&mut self) -> u64 {
        self.calls += 1;
        self.calls
    }

    /// The number of the next process of a host.
    pub fn next_boot(&mut self, host: HostId) -> Boot {
        self.boots[host.index()] += 1;
        self.boots[host.index()]
    }

    /// A host's name.
    pub fn name(&self, host: HostId) -> &Arc<str> {
        &self.names[host.index()]
    }

    /// Answers a client, a moment later.
    pub fn answer(&mut self, client: ClientId, number: u64, answer: Answer) {
        let after = self.settings.api_latency;
        self.kernel.schedule_in(after, Event::Answer { client, number, answer: Arc::new(answer) });
    }
}

impl Body {
    /// It tells an agent what to do.
    fn assigns(&self) -> bool {
        matches!(self, Body::ToAgent { message, .. } if matches!(message, ToAgent::Assignments { .. }))
    }
}

impl World {
    /// Virtual time.
    pub fn now(&self) -> Time {
        self.env.kernel.now()
    }

    /// When the next event is due.
    pub fn next_time(&mut self) -> Option<Time> {
        self.env.kernel.next_time()
    }

    /// Hosts, by number.
    pub fn hosts(&self) -> &[Arc<Host>] {
        &self.hosts
    }

    /// A host.
    pub fn host(&self, host: HostId) -> &Host {
        &self.hosts[host.index()]
    }

    /// The host of this name.
    pub fn host_named(&self, name: &str) -> Option<HostId> {
        self.hosts.iter().find(|host| &*host.name == name).map(|host| host.id)
    }

    /// What broke a promise of the model, if anything did: a bug in the model (or a mutant).
    pub fn violation(&self) -> Option<&Violation> {
        self.env.checks.violation.as_ref()
    }

    /// What the newest store breaks when it is looked at as a whole, for those who stop at a moment; events are held to
    /// their own promises as they come.
    pub fn broken_whole(&self) -> Option<String> {
        let managers = self.hosts().iter().filter_map(|host| host.manager.as_ref());
        let newest = managers.max_by_key(|manager| manager.state.index)?;
        check::broken_whole(&newest.state)
    }

    /// The limit at which the run has to stop, if it is reached.
    pub fn limit_reached(&self) -> Option<LimitReached> {
        self.env.kernel.limit_reached()
    }

    /// Handles the next event; false when there is none.
    pub fn step(&mut self) -> bool {
        let Some(happening) = self.env.kernel.pop() else { return false };
        self.handle(happening.event);
        let spacing = check::LOOK_SPACING + check::LOOK_SPACING_PER_HOST * self.hosts.len() as u64;
        if self.env.kernel.handled().is_multiple_of(spacing) {
            self.look();
        }
        true
    }

    /// Looks at the newest store as a whole, and at its leader's loops if they are at rest.
    fn look(&mut self) {
        let managers = self.hosts.iter().filter_map(|host| Some((host, host.manager.as_ref()?)));
        let Some((host, manager)) = managers.max_by_key(|(_, manager)| manager.state.index) else { return };
        let state = manager.state.clone();
        let now = host.clock.monotonic(self.env.kernel.now());
        // Processes that stood still have yet to hear what happened meanwhile.
        let awake = !host.is_paused() && self.env.kernel.now() - host.resumed >= check::QUIET;
        let leader = manager.leader.as_ref().filter(|_| awake);
        let at_rest = leader.and_then(|leader| leader.broken_at_rest(&state, &self.env.ids, now));
        self.env.check_whole(&state);
        self.env.check_found(at_rest);
    }

    /// Handles everything that is due until `time`, and moves the clock there. Stops early when a client is told
    /// something, when an invariant breaks or when a limit is reached; says whether it got there.
    pub fn run_until(&mut self, time: Time) -> bool {
        while self.next_time().is_some_and(|next| next <= time) {
            self.step();
            if !self.env.told.is_empty() || self.violation().is_some() || self.limit_reached().is_some() {
                return false;
            }
        }
        self.env.kernel.advance_to(time);
        true
    }

    /// What clients are told since the last time of asking.
    pub fn take_told(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.env.told)
    }

    /// An input from outside: it becomes an event of its own, and the cause of what follows.
    pub fn input(&mut self, what: What) -> EventId {
        self.env.changes.all();
        let id = self.env.kernel.begin(&what);
        self.env.record(what);
        id
    }

    /// A client asks the daemon of its host for something.
    pub fn request(&mut self, client: ClientId, number: u64, host: HostId, body: Request) {
        let after = self.env.settings.api_latency;
        self.env.kernel.schedule_in(after, Event::Request { client, number, host, body: Arc::new(body) });
    }

    /// A client wants to be woken.
    pub fn client_timer(&mut self, client: ClientId, number: u64, after: Duration) -> EventId {
        self.env.kernel.schedule_in(after, Event::ClientTimer { client, number })
    }

    fn host_mut(&mut self, host: HostId) -> (&mut Host, &mut Env) {
        (Arc::make_mut(&mut self.hosts[host.index()]), &mut self.env)
    }

    fn handle(&mut self, event: Event) {
        match &event {
            // A request, or a call that goes on, may end or remove containers at once; what else it changes shows in its
            // host's manager.
            Event::Engine(..) | Event::Agent(_, _, AgentAlarm::Task(..)) | Event::Request { .. } | Event::Call(..) => {
                self.env.changes.containers += 1
            }
            Event::Packet(packet) if packet.body.assigns() => self.env.changes.containers += 1,
            Event::DaemonUp(..) | Event::SwarmUp(..) | Event::Flap(..) | Event::Reset { .. } => self.env.changes.all(),
            _ => {}
        }
        match event {
            Event::Packet(packet) => self.packet(packet),
            Event::Resend { stream, attempt } => self.env.resend(stream, attempt),
            Event::Answer { client, number, answer } => {
                self.env.told.push(Told::Answer { client, number, answer });
            }
            Event::ClientTimer { client, number } => self.env.told.push(Told::Timer { client, number }),
            Event::Flap(a, b, number) => self.flap(a, b, number),
            Event::Engine(host, EngineAlarm::Exec(number)) if !self.host(host).is_paused() => {
                self.inside(host, number);
            }
            Event::Tick(host, _)
            | Event::DiskDone(host, _)
            | Event::Leader(host, ..)
            | Event::Agent(host, ..)
            | Event::Renewer(host, ..)
            | Event::TlsFailed { host, .. }
            | Event::Engine(host, _)
            | Event::Call(host, ..)
            | Event::Role(host, ..)
            | Event::DaemonUp(host, _)
            | Event::SwarmUp(host, _)
            | Event::Reset { host, .. }
            | Event::SendFailed { host, .. }
            | Event::SendDone { host, .. }
            | Event::Request { host, .. } => {
                self.on_host(host, |host, env| host.handle(event, env));
            }
        }
    }

    /// A command inside a container does what it does: what it finds may lie on any host.
    fn inside(&mut self, host: HostId, number: u32) {
        let Some((result, takes)) = inside::run(&self.hosts, &self.env, host, number) else { return };
        self.on_host(host, |host, env| {
            host.engine_do(env, |engine, around, out| engine.executed(number, result, takes, around, out));
        });
    }

    /// Lets something happen on a host, and notes whether its manager looks different after it.
    fn on_host(&mut self, host: HostId, happen: impl FnOnce(&mut Host, &mut Env)) {
        let (host, env) = self.host_mut(host);
        let before = host.manager.as_ref().map(Manager::outlook);
        happen(host, env);
        let after = host.manager.as_ref().map(Manager::outlook);
        if before == after {
            return;
        }
        env.changes.raft += 1;
        if [before, after].into_iter().flatten().any(|outlook| outlook.leads) {
            env.changes.belief += 1;
        }
        if let Some(manager) = &host.manager {
            let id = host.id;
            env.check_reached(id, host.boot, manager);
            if manager.raft.role() == Role::Leader
                && before.is_none_or(|before| before.commit() != manager.raft.commit())
            {
                self.check_commit(id, before.map_or(0, |before| before.commit()));
            }
        }
    }

    fn packet(&mut self, packet: Arc<Packet>) {
        let (from, to) = (packet.from, packet.to);
        let to_server = packet.body.is_request();
        let port = if to_server { SWARM_PORT } else { EPHEMERAL };
        if !self.env.net.passable(from, to, port) {
            return self.env.vanished(packet);
        }
        let receiver = &self.hosts[to.index()];
        // A worker's daemon has nothing on Swarm's port.
        let serves = !to_server || from == to || receiver.serves_raft();
        let serves = serves && receiver.daemon == DaemonState::Running && !receiver.has_ended();
        let listens = serves && !receiver.is_paused();
        if !listens {
            if self.env.net.host(to) == HostState::Paused && serves {
                if matches!(packet.body, Body::Raft(_)) {
                    // Its kernel takes the segment and the process says nothing: the sender waits as for a dead one.
                    let failed = Event::SendFailed { host: from, boot: packet.from_boot, peer: to };
                    self.env.kernel.schedule_in(SEND_TIMEOUT, failed);
                }
                let (receiver, _) = self.host_mut(to);
                receiver.defer(Event::Packet(packet));
            } else if to_server {
                // The kernel lives, nobody listens.
                self.env.net.close(from, to);
                self.env.reset(to, from, packet.from_boot, true);
            }
            return;
        }
        if packet.to_boot.is_some_and(|boot| boot != receiver.boot) {
            return;
        }
        if to_server && from != to && self.env.net.connection(from, to).is_some_and(|ends| ends.server.is_none()) {
            // The process that held the other end is gone: the kernel of today knows nothing of this connection.
            self.env.net.close(from, to);
            self.env.reset(to, from, packet.from_boot, true);
            return;
        }
        self.check_silence(&packet);
        if to_server && !self.handshake(&packet) {
            return;
        }
        let snapshot = matches!(&packet.body, Body::Raft(message) if message.snapshot.is_some());
        if matches!(packet.body, Body::Raft(_)) && (snapshot || self.hosts[from.index()].manager_misses(to)) {
            // The acknowledgement of a send that worked. It is an event only where it changes something.
            if let Transit::Arrives(at) = self.env.net.stream(self.env.kernel.now(), to, from, EPHEMERAL) {
                let done = Event::SendDone { host: from, boot: packet.from_boot, peer: to, snapshot };
                self.env.kernel.schedule(at, done);
            }
        }
        let packet = Arc::unwrap_or_clone(packet);
        self.on_host(to, |receiver, env| receiver.receive(packet, env));
    }
}

impl Replay for World {
    fn step(&mut self) -> bool {
        World::step(self)
    }

    fn number(&self) -> u64 {
        self.env.kernel.handled()
    }

    fn now(&self) -> Time {
        World::now(self)
    }

    fn weight(&self) -> usize {
        self.env.kernel.weight() + self.env.net.weight() + self.env.trace.weight() + self.hosts.len() * 4096
    }
}
