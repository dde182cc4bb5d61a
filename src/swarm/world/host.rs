//! One host: its disk, its daemon's process, its containers; and who on it handles which event.

use super::Env;
use super::clock::Clock;
use super::event::{Body, ClientId, Event, Packet};
use super::record::What;
use crate::engine::{Duration, Time};
use crate::net::{Boot, HostId};
use crate::raft::Config;
use crate::swarm::agent::{Agent, AgentAlarm, AgentOutbox, AgentTask, Remotes};
use crate::swarm::api::Request;
use crate::swarm::ca::{Credentials, Renewer};
use crate::swarm::control::Setup;
use crate::swarm::daemon::{
    Call, Engine, EngineAlarm, EngineOutbox, EventLog, Happened, LogStream, NotStarted, RoleChange, Surroundings,
};
use crate::swarm::dispatcher::{Refusal, Route, ToAgent, ToDispatcher};
use crate::swarm::logbroker::Subscriber;
use crate::swarm::manager::{Broken, ElectionDraws, Input, Manager, RaftDisk, ReplyTo};
use crate::swarm::object::{Id, Member, NodeDescription, NodeKey, Role, TaskKey};
use crate::swarm::store::LineageId;
use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::sync::Arc;

/// What a paused host's kernel holds for its processes, at most: events, alarms and packets together.
const DEFERRED: usize = 10_000;

/// A host.
#[derive(Clone, Debug)]
pub struct Host {
    /// Its number.
    pub id: HostId,
    /// Its name.
    pub name: Arc<str>,
    /// The address that others know it by.
    pub addr: Ipv4Addr,
    /// Of its `eth0`: what it is known by unless another address is advertised.
    pub interface: Ipv4Addr,
    /// What its engine reports of it.
    pub description: Arc<NodeDescription>,
    /// Counts the starts of its daemon: what belongs to an earlier process is void.
    pub boot: Boot,
    /// How its daemon is.
    pub daemon: DaemonState,
    /// Its processes stand still.
    paused: bool,
    /// When its processes last went on after a pause.
    pub(super) resumed: Time,
    /// What waits for the processes to go on.
    deferred: Vec<Event>,
    /// A Raft tick is among it.
    tick_waits: bool,
    /// Its clock.
    pub clock: Clock,
    /// Its swarm part ended with an error and has not been well since.
    pub broken: Option<Broken>,
    /// What survives a crash.
    pub disk: Disk,
    /// Its containers and images.
    pub engine: Engine,
    /// Its manager, if it is one and its daemon runs.
    pub manager: Option<Manager>,
    /// Its agent, if it is a node and its daemon runs.
    pub agent: Option<Agent>,
    /// What a first leader puts into the store of the cluster that this host was made for.
    pub setup: Option<Arc<Setup>>,
    /// Looks after its certificate, if it is a node and its daemon runs.
    pub renewer: Option<Box<Renewer>>,
    /// Why its daemon runs without its swarm.
    pub not_started: Option<NotStarted>,
    /// Managers whose handshakes with this host have failed since one worked.
    pub(crate) refused_by: BTreeMap<HostId, bool>,
    /// Hosts that this leader has refused, with the certificate that they showed: told once each.
    pub(crate) denied: BTreeMap<HostId, u64>,
    /// What is under way about its node's role.
    pub role: RoleChange,
    /// API calls under way.
    pub calls: BTreeMap<u64, Call>,
    /// Logs of services that clients read.
    pub(crate) log_streams: BTreeMap<u64, LogStream>,
    /// Swarm requests that wait for calls under way to end, or behind one that does.
    pub line: VecDeque<(ClientId, u64, Arc<Request>)>,
    /// The daemon serves its API: one that starts does so only when its node is in.
    pub serves: bool,
    /// Requests that came before that.
    pub early: Vec<(ClientId, u64, Arc<Request>)>,
    /// What its daemon tells of what happens.
    pub events: EventLog,
}

/// How a host's daemon is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DaemonState {
    /// The host is off.
    Off,
    /// The host is on, the daemon was killed: its socket's file is still there.
    Killed,
    /// The host is on, the daemon was stopped in order.
    Stopped,
    /// It has been started and does not serve yet.
    Starting,
    /// It serves.
    Running,
}

/// What survives a crash of the host.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    /// From a write to its being safe.
    pub latency: Duration,
    /// Nothing more can be written.
    pub full: bool,
    /// The commit index as it was last flushed, where it has been written without a flush since.
    pub unsynced_commit: Option<u64>,
    /// A manager's log and hard state.
    pub raft: Option<RaftDisk>,
    /// Who this host is in its swarm.
    pub node: Option<NodeIdentity>,
    /// By what it is known there.
    pub credentials: Option<Credentials>,
    /// The agent's tasks, while its daemon is not running.
    pub tasks: BTreeMap<TaskKey, AgentTask>,
}

/// Who a host is in its swarm.
#[derive(Clone, Debug)]
pub struct NodeIdentity {
    /// Its row.
    pub node: NodeKey,
    /// Its id.
    pub id: Id,
    /// What its certificate says.
    pub role: Role,
    /// On which line of history its cluster is.
    pub lineage: LineageId,
    /// The managers that it knew last.
    pub managers: Vec<(NodeKey, HostId)>,
}

impl Host {
    /// A host that is on, with a daemon that serves and no swarm.
    pub fn new(id: HostId, name: Arc<str>, addr: Ipv4Addr, description: Arc<NodeDescription>, disk: Duration) -> Self {
        Self {
            id,
            name,
            addr,
            interface: addr,
            description,
            boot: 1,
            daemon: DaemonState::Running,
            paused: false,
            resumed: Time::ZERO,
            deferred: Vec::new(),
            tick_waits: false,
            clock: Clock::default(),
            broken: None,
            disk: Disk { latency: disk, ..Disk::default() },
            engine: Engine::default(),
            manager: None,
            agent: None,
            setup: None,
            renewer: None,
            not_started: None,
            refused_by: BTreeMap::new(),
            denied: BTreeMap::new(),
            role: RoleChange::default(),
            calls: BTreeMap::new(),
            log_streams: BTreeMap::new(),
            line: VecDeque::new(),
            serves: true,
            early: Vec::new(),
            events: EventLog::default(),
        }
    }

    /// Its processes stand still.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// Its swarm part has ended with an error and waits to be started again.
    pub fn has_ended(&self) -> bool {
        self.broken.as_ref().is_some_and(|broken| broken.waits)
    }

    /// Its processes stand still, or go on; says what has waited.
    pub fn set_paused(&mut self, paused: bool) -> Vec<Event> {
        self.paused = paused;
        self.tick_waits = false;
        if paused { Vec::new() } else { std::mem::take(&mut self.deferred) }
    }

    /// Keeps an event until the processes go on. A clock that stood still rings once, and what does not fit into the
    /// buffers any more is lost to its sender's time-out.
    pub fn defer(&mut self, event: Event) {
        let tick = matches!(event, Event::Tick(..));
        if (tick && self.tick_waits) || self.deferred.len() >= DEFERRED {
            return;
        }
        self.tick_waits |= tick;
        self.deferred.push(event);
    }

    /// Whether the daemon's process of this boot is there.
    fn runs(&self, boot: Boot) -> bool {
        self.boot == boot && self.daemon == DaemonState::Running
    }

    /// Handles an event of this host.
    pub fn handle(&mut self, event: Event, env: &mut Env) {
        if self.paused {
            return self.defer(event);
        }
        match event {
            Event::Tick(_, boot) if self.runs(boot) && self.manager.is_some() => {
                env.kernel.schedule_in(self.clock.timer(env.settings.tick), Event::Tick(self.id, boot));
                self.manager_input(Input::Tick, env);
            }
            Event::DiskDone(_, boot) if self.runs(boot) => self.manager_disk_done(env),
            Event::Leader(_, term, alarm, at) if self.daemon == DaemonState::Running => {
                self.leader_alarm(term, alarm, at, env);
            }
            Event::SwarmUp(_, boot) if self.runs(boot) => self.swarm_up(env),
            Event::Renewer(_, boot, alarm) if self.runs(boot) => self.renewer_alarm(alarm, env),
            Event::TlsFailed { boot, peer, failure, .. } if self.runs(boot) => self.tls_failed(peer, &failure, env),
            Event::Agent(_, boot, alarm) if self.runs(boot) => self.agent_alarm(alarm, env),
            Event::Engine(_, EngineAlarm::EventsOver) => self.events_over(env),
            Event::Engine(_, alarm) => self.engine_do(env, |engine, around, out| engine.alarm(alarm, around, out)),
            Event::Call(_, boot, call, alarm) if self.runs(boot) => self.call_alarm(call, alarm, env),
            Event::Role(_, boot, alarm) if self.runs(boot) => self.role_alarm(alarm, env),
            Event::DaemonUp(_, boot) if self.boot == boot && self.daemon == DaemonState::Starting => {
                self.daemon_up(env);
            }
            Event::Reset { boot, peer, refused, .. } if self.runs(boot) => {
                // A connection that nothing was sent on is dialled anew with the next message; only that may fail.
                if refused {
                    self.manager_peer_failed(peer, true, env);
                }
                self.close_relayed(Some(peer), env);
                self.call_reset(peer, refused, env);
                self.logs_reset(peer, env);
                self.leader_log_reset(peer, env);
                self.credentials_reset(env);
                self.agent_do(env, |agent, now, out| agent.reset(peer, now, out));
            }
            Event::SendFailed { boot, peer, .. } if self.runs(boot) => self.manager_peer_failed(peer, false, env),
            Event::SendDone { boot, peer, snapshot, .. } if self.runs(boot) => {
                self.manager_peer_reached(peer, snapshot, env);
            }
            Event::Request { client, number, body, .. } => self.api_request(client, number, &body, env),
            _ => {}
        }
    }

    /// A packet for this host's daemon.
    pub fn receive(&mut self, packet: Packet, env: &mut Env) {
        let from = packet.from;
        match packet.body {
            Body::Raft(message) => self.manager_receive(message, from, env),
            Body::ToDispatcher { route, message } => self.relay_up(from, route, message, env),
            Body::ToAgent { route, message } => self.relay_down(from, route, message, env),
            Body::Call { call, request } => self.leader_call(request, ReplyTo::Follower { host: from, call }, env),
            Body::CallDone { call, answer } => self.call_done(call, Arc::unwrap_or_clone(answer), env),
            Body::Logs { stream, request } => {
                self.leader_logs(Subscriber { host: from, stream }, request.as_deref(), env)
            }
            Body::LogsPart { stream, part } => self.log_part(stream, Arc::unwrap_or_clone(part), env),
            Body::Join { call, host, request, via } => self.join_asked(call, host, request, via, from, env),
            Body::Renew { number, host, shown, via } => self.renew_asked(number, host, shown, via, from, env),
            Body::RenewDone { number, host, result } => {
                if host == self.id {
                    self.renew_done(number, &result, env);
                } else {
                    env.send(self.id, self.boot, host, None, Body::RenewDone { number, host, result });
                }
            }
            Body::MemberJoin { number, host, node, id, via } => self.member_asked(number, host, (node, id), via, env),
            Body::MemberJoined { number, host, result, via } => {
                if host == self.id {
                    self.member_joined(number, Arc::unwrap_or_clone(result), env);
                } else {
                    env.send(self.id, self.boot, host, None, Body::MemberJoined { number, host, result, via });
                }
            }
            Body::HealthCheck { number } => self.health_checked(from, number, env),
            Body::Healthy { number } => self.healthy(number, env),
            Body::RemovedMember { member } => self.manager_told_removed(member, env),
            Body::JoinDone { call, host, result, via } => {
                if host == self.id {
                    self.join_done(call, Arc::unwrap_or_clone(result), env);
                } else {
                    env.send(self.id, self.boot, host, None, Body::JoinDone { call, host, result, via });
                }
            }
        }
    }

    /// An agent's message: for this host's dispatcher, or to be handed on to the leader.
    fn relay_up(&mut self, from: HostId, route: Route, message: ToDispatcher, env: &mut Env) {
        let Some(manager) = &mut self.manager else {
            // Not a manager: whoever asks is told so by a closed door.
            return self.refuse_agent(route.host, env);
        };
        if manager.leads() {
            return self.leader_from_agent(route, &message, env);
        }
        let leader = manager.leader_host(self.id).filter(|leader| *leader != self.id && manager.is_active(*leader));
        match leader {
            Some(leader) if route.via.is_none() => {
                manager.relayed.insert(from, leader);
                let route = Route { host: from, via: Some(self.id) };
                env.send(self.id, self.boot, leader, None, Body::ToDispatcher { route, message });
            }
            _ => self.refuse_agent(route.via.unwrap_or(route.host), env),
        }
    }

    /// Tells an agent that this manager has no leader to relay to.
    pub fn refuse_agent(&mut self, agent: HostId, env: &mut Env) {
        let route = Route { host: agent, via: None };
        let message = ToAgent::Refused { session: 0, refusal: Refusal::NoLeader };
        env.send(self.id, self.boot, agent, None, Body::ToAgent { route, message });
    }

    fn relay_down(&mut self, from: HostId, route: Route, message: ToAgent, env: &mut Env) {
        if route.host != self.id {
            env.send(self.id, self.boot, route.host, None, Body::ToAgent { route, message });
            return;
        }
        // A late word of a manager that the agent has left does not concern it.
        let by = route.via.unwrap_or(from);
        if self.agent.as_ref().is_some_and(|agent| agent.speaks_with(by) || from == by) {
            self.agent_do(env, |agent, now, out| agent.receive(&message, now, out));
            if let ToAgent::Registered { news, .. } | ToAgent::Certificate { news, .. } = &message {
                self.certificate_news(news, env);
            }
        }
    }

    fn agent_alarm(&mut self, alarm: AgentAlarm, env: &mut Env) {
        self.agent_do(env, |agent, now, out| agent.alarm(alarm, now, out));
    }

    /// Lets the agent do something, and carries out what it asks for.
    pub fn agent_do(&mut self, env: &mut Env, act: impl FnOnce(&mut Agent, Time, &mut AgentOutbox)) {
        let Some(agent) = &mut self.agent else { return };
        let session = agent.session();
        let had_session = session.is_some();
        let mut out = std::mem::take(&mut env.agent_outbox);
        act(agent, env.kernel.now(), &mut out);
        let registered = !had_session && agent.session().is_some();
        if had_session && agent.session() != session {
            self.engine.close_logs();
        }
        self.agent_drain(out, env);
        if registered {
            self.node_is_in(env);
        }
    }

    /// Carries out what the agent asks for.
    pub fn agent_drain(&mut self, out: AgentOutbox, env: &mut Env) {
        let AgentOutbox { mut sends, mut alarms, mut actions, managers_changed, desired_role, mut logs } = out;
        let now = env.kernel.now();
        for (at, alarm) in alarms.drain(..) {
            env.kernel.schedule_in(self.clock.timer(at - now), Event::Agent(self.id, self.boot, alarm));
        }
        for (manager, mut message) in sends.drain(..) {
            if let ToDispatcher::Register { shown, .. } = &mut message {
                *shown = self.disk.credentials.as_ref().map(|credentials| credentials.certificate);
            }
            if let (ToDispatcher::Reports { reports, .. }, false) = (&mut message, self.clock.is_right()) {
                for (_, report) in reports {
                    report.timestamp = self.clock.wall(report.timestamp);
                }
            }
            let route = Route { host: self.id, via: None };
            env.send(self.id, self.boot, manager, None, Body::ToDispatcher { route, message });
        }
        if managers_changed && let (Some(agent), Some(node)) = (&self.agent, &mut self.disk.node) {
            node.managers = agent.remotes.managers().collect();
        }
        for action in actions.drain(..) {
            if let crate::swarm::agent::Action::Start { task, .. } = &action {
                env.check_start(self.id, task);
            }
            self.engine_do(env, |engine, around, out| engine.act(action, around, out));
        }
        for order in logs.drain(..) {
            self.engine_do(env, |engine, around, out| engine.log_order(&order, around, out));
        }
        // Empty again, it serves the next.
        env.agent_outbox = AgentOutbox { sends, alarms, actions, logs, ..AgentOutbox::default() };
        if let Some(role) = desired_role {
            self.role_wanted(role, env);
        }
    }

    /// Lets the engine do something, and carries out what it asks for.
    pub fn engine_do(
        &mut self,
        env: &mut Env,
        act: impl FnOnce(&mut Engine, &mut Surroundings<'_>, &mut EngineOutbox),
    ) {
        let mut out = std::mem::take(&mut env.engine_outbox);
        self.engine.ahead = self.clock_ahead(env.kernel.now());
        let mut around = Surroundings {
            now: env.kernel.now(),
            seed: env.seed,
            ids: &mut env.ids,
            catalogue: &env.catalogue,
            registry: &env.registry,
            host: self.id,
            description: &self.description,
            node_id: self.disk.node.as_ref().map(|node| node.id).unwrap_or_default(),
            disk_full: self.disk.full,
            daemon: self.daemon == DaemonState::Running,
        };
        act(&mut self.engine, &mut around, &mut out);
        for (at, alarm) in out.alarms.drain(..) {
            env.kernel.schedule(at, Event::Engine(self.id, alarm));
        }
        for happened in out.happened.drain(..) {
            env.record(match happened {
                Happened::Started(name) => What::ContainerStarted { host: self.id, name },
                Happened::Ended(name, code, oom) => What::ContainerEnded { host: self.id, name, code, oom },
                Happened::Health(name, healthy) => What::ContainerHealth { host: self.id, name, healthy },
            });
        }
        for (client, number, answer) in out.answers.drain(..) {
            env.answer(client, number, answer.map_err(Into::into));
        }
        for (subscription, lines, done) in std::mem::take(&mut out.published) {
            self.publish_logs(subscription, lines, done, env);
        }
        let happened = std::mem::take(&mut out.events);
        self.events_happened(happened, env);
        for (task, operation, outcome) in out.outcomes.drain(..) {
            self.agent_do(env, |agent, now, out| agent.outcome(task, operation, outcome, now, out));
        }
        env.engine_outbox = out;
    }

    /// The power is gone, and every container's process with it.
    pub fn containers_lost(&mut self, now: Time) {
        self.engine.ahead = self.clock_ahead(now);
        self.engine.power_cut(now);
    }

    /// How far its clock is ahead of the right time; negative: behind.
    pub fn clock_ahead(&self, now: Time) -> Duration {
        self.clock.wall(now) - now
    }

    /// What the clock of this host shows.
    pub fn wall(&self, now: Time) -> Time {
        self.clock.wall(now)
    }

    /// Starts what the disk says this host is: a manager, a node, both or neither; unless its keys or its certificate do
    /// not let it.
    pub fn start_swarm(&mut self, env: &mut Env) {
        if self.may_start(false, false, env) {
            self.start_swarm_unlocked(env);
        }
    }

    /// The same once that has been looked at.
    pub fn start_swarm_unlocked(&mut self, env: &mut Env) {
        if self.disk.raft.is_some() {
            self.start_manager(&[], env);
        }
        if self.disk.node.is_some() {
            self.start_agent(env);
        }
        if self.disk.raft.is_none() && self.disk.node.as_ref().is_some_and(|node| node.role == Role::Manager) {
            // Certified as a manager, and not yet (or no more) a member: it joins the others.
            self.member_join(None, env);
        }
    }

    /// Starts the manager whose Raft state is on the disk; `members` are those that it was told of when it joined.
    pub fn start_manager(&mut self, members: &[Member], env: &mut Env) {
        let settings = env.settings.clone();
        if let Some(disk) = &self.disk.raft {
            let mut config = Config::swarm(disk.member);
            config.election_tick = settings.election_tick;
            config.heartbeat_tick = settings.heartbeat_tick;
            let draws = ElectionDraws(env.seed.stream("raft.election", &(&*self.name, self.boot)));
            #[allow(unused_mut, reason = "only mutants change it")]
            let mut manager = Manager::start(disk, draws, config);
            #[cfg(any(test, feature = "mutants"))]
            manager.raft.set_mutant(settings.mutants.raft);
            manager.meet(members);
            self.manager = Some(manager);
            // The clocks of machines do not tick together.
            let phase = env.seed.key("raft.tick", &(&*self.name, self.boot)).below(0, settings.tick.as_nanos() as u64);
            env.kernel.schedule_in(Duration::from_nanos(phase as i64), Event::Tick(self.id, self.boot));
            // What the disk knows to be committed is applied first.
            self.manager_pass(env);
        }
    }

    /// Starts the agent of the node that this host is.
    pub fn start_agent(&mut self, env: &mut Env) {
        let Some(node) = &self.disk.node else { return };
        self.engine.bridges.join_swarm(self.clock.wall(env.kernel.now()));
        // A daemon that starts again has its agent up before its own manager serves: it tries the others first.
        let again = !self.serves && self.manager.is_some();
        if again {
            self.own_manager_later(env);
        }
        let own_manager = self.manager.is_some().then_some(self.id).filter(|_| !again);
        let tasks = std::mem::take(&mut self.disk.tasks);
        let mut out = AgentOutbox::default();
        let agent = Agent::start(
            node.node,
            node.id,
            self.addr,
            self.description.clone(),
            Remotes::new(node.managers.iter().copied()),
            own_manager,
            env.seed.stream("agent", &(&*self.name, self.boot)),
            tasks.into_iter().map(|(key, task)| (key, task.resumed())).collect(),
            env.kernel.now(),
            &mut out,
        );
        self.agent = Some(agent);
        self.agent_drain(out, env);
        self.renewer_start(env);
    }

    /// The daemon's process ends, however: what was in memory is gone.
    pub fn daemon_gone(&mut self, state: DaemonState) {
        self.boot += 1;
        self.daemon = state;
        if let Some(agent) = self.agent.take() {
            self.disk.tasks = agent.tasks;
        }
        self.manager = None;
        self.renewer = None;
        self.not_started = None;
        self.refused_by.clear();
        self.denied.clear();
        self.role = RoleChange::default();
        self.serves = false;
        self.broken = None;
        self.engine.forget_daemon();
    }

    /// The daemon has come up: leftovers are stopped, then what the disk says is started.
    fn daemon_up(&mut self, env: &mut Env) {
        self.daemon = DaemonState::Running;
        env.record(What::DaemonUp { host: self.id });
        self.engine_do(env, |engine, around, out| engine.end_leftovers(around, out));
        self.engine_do(env, |engine, around, out| engine.resume_own(around, out));
        self.start_swarm(env);
        self.serve_when_in(env);
    }
}
