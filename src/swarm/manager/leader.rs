//! What only the leader runs: its loops, and the one turn to write that they share.
//!
//! A loop that wants to write asks for the turn and is re-entered with the store as it is when its turn comes; what it
//! writes becomes proposals, one after the other, and the turn is held until they are committed or leadership is lost.
//! All of this is memory: a leader that stops takes it along.
//!
//! Source: control-plane.md §0, §11; raft-and-security.md §1.4, §7.

mod call;
mod logs;

use call::lost_leadership;
pub use call::{LeaderCall, ReplyTo};

use super::Input;
use super::members::{Members, MembersView};
use super::roles::Roles;
use crate::engine::{EventId, Time};
use crate::net::{Boot, HostId};
use crate::raft::Term;
use crate::swarm::allocator::Allocator;
use crate::swarm::ca::{CaServer, RenewCall};
use crate::swarm::component::{Alarm, Ids, Outbox, Writer};
use crate::swarm::control;
use crate::swarm::dispatcher::{Dispatcher, Route, ToAgent, ToDispatcher};
use crate::swarm::logbroker::LogBroker;
use crate::swarm::object::TaskKey;
use crate::swarm::orchestrator::{Orchestrators, Reaper, Waits};
use crate::swarm::scheduler::{Scheduler, Ties};
use crate::swarm::store::{Change, Event as StoreEvent, Proposal, ProposalKind, State, Transaction, Why};
use crate::swarm::world::check::{LeaderChecks, broken_at_rest};
use crate::swarm::world::event::{Body, Event};
use crate::swarm::world::record::What;
use crate::swarm::world::{Env, Host};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Changes in one proposal of a batch writer, at most.
const BATCH: usize = 200;

/// The leader's loops.
#[derive(Clone, Debug)]
pub struct Leader {
    /// In which term it leads: alarms of another term are void.
    pub term: Term,
    /// Since when.
    pub since: Time,
    waiting: VecDeque<Writer>,
    queued: BTreeSet<Writer>,
    turn: Option<Turn>,
    /// Every agent's other end.
    pub dispatcher: Dispatcher,
    /// Who passes on what tasks have written.
    broker: LogBroker,
    /// Who signs certificates.
    ca: CaServer,
    /// The loops that SwarmKit starts with the leader.
    loops: Option<Loops>,
    calls: BTreeMap<u64, LeaderCall>,
    next_call: u64,
    /// Changes of the set of Raft members.
    pub(super) members: Members,
    /// What it must keep to.
    checks: LeaderChecks,
    /// When it last handed its leadership on because a writer was stuck.
    pub(super) unwedged: Option<Time>,
}

#[derive(Clone, Debug)]
struct Loops {
    roles: Roles,
    allocator: Allocator,
    scheduler: Scheduler,
    reaper: Reaper,
    orchestrators: Orchestrators,
}

#[derive(Clone, Debug)]
struct Turn {
    writer: Writer,
    /// The proposal that is being committed.
    proposal: u64,
    since: Time,
    /// For a request: the notable event that led to it.
    asked_by: Option<EventId>,
    /// What is to be proposed after it.
    rest: VecDeque<Vec<(Change, Why)>>,
}

impl Leader {
    /// Since when somebody has held the turn.
    pub(super) fn turn_since(&self) -> Option<Time> {
        self.turn.as_ref().map(|turn| turn.since)
    }

    /// Of a request's proposal: the notable event that led to it.
    pub(super) fn asked_by(&self, proposal: u64) -> Option<EventId> {
        self.turn.as_ref().filter(|turn| turn.proposal == proposal).and_then(|turn| turn.asked_by)
    }

    /// What it breaks if it is at rest.
    pub fn broken_at_rest(&self, state: &State, ids: &Ids, now: Time) -> Option<(&'static str, String)> {
        let loops = self.loops.as_ref().filter(|_| self.turn.is_none() && self.waiting.is_empty())?;
        broken_at_rest(state, &loops.orchestrators, ids, self.checks.changed(), now)
    }

    pub(super) fn roles_mut(&mut self) -> Option<&mut Roles> {
        self.loops.as_mut().map(|loops| &mut loops.roles)
    }

    fn ask(&mut self, writer: Writer) {
        if self.queued.insert(writer) {
            self.waiting.push_back(writer);
        }
    }
}

impl Leader {
    /// The scheduler, while its loops run.
    pub fn scheduler(&self) -> Option<&Scheduler> {
        self.loops.as_ref().map(|loops| &loops.scheduler)
    }

    /// What a task's delayed start waits for, while its loops run.
    pub fn waits(&self, task: TaskKey) -> Option<Waits> {
        self.loops.as_ref()?.orchestrators.waits(task)
    }

    /// Whether the scheduler's turn to write began at that moment and is not over.
    pub fn scheduler_writes(&self, since: Time) -> bool {
        self.turn.as_ref().is_some_and(|turn| turn.writer == Writer::Scheduler && turn.since == since)
    }
}

impl Host {
    /// The member has been elected and has applied its log: the leader's work begins.
    pub(super) fn leader_start(&mut self, env: &mut Env) {
        let Some(manager) = &mut self.manager else { return };
        let now = self.clock.monotonic(env.kernel.now());
        let term = manager.raft.term();
        env.record(What::Leads { host: self.id, term });
        let mut out = Outbox::default();
        // The dispatcher of a leader whose cluster is not yet made has nothing to do until it is.
        let dispatcher = Dispatcher::start(env.seed, term, &manager.state, now, &mut out);
        let mut leader = Leader {
            term,
            since: now,
            waiting: VecDeque::new(),
            queued: BTreeSet::new(),
            turn: None,
            dispatcher,
            broker: LogBroker::default(),
            ca: CaServer::start(&manager.state, now, &mut out),
            loops: None,
            calls: BTreeMap::new(),
            next_call: 1,
            members: Members::default(),
            checks: LeaderChecks::default(),
            unwedged: None,
        };
        leader.ask(Writer::Setup);
        manager.leader = Some(Box::new(leader));
        self.leader_drain(out, env);
    }

    fn leader_loops(&mut self, env: &mut Env) {
        let Some(manager) = &mut self.manager else { return };
        let (state, now) = (manager.state.clone(), self.clock.monotonic(env.kernel.now()));
        env.check_whole(&state);
        let Some(leader) = &mut manager.leader else { return };
        let mut out = Outbox::default();
        let ties = if env.settings.shuffle_ties {
            Ties::Shuffled(env.seed.stream("scheduler.ties", &(self.id, leader.term)))
        } else {
            Ties::Natural
        };
        let allocator = Allocator::start(&state, now, &mut out);
        let mut scheduler = Scheduler::start(ties, &state, now, &mut out);
        scheduler.set_policy(env.policy);
        scheduler.set_draws(env.seed.stream("scheduler.random", &(self.id, leader.term)));
        let reaper = Reaper::start(&state, now, &mut out);
        let wall = self.clock.wall(env.kernel.now());
        let mut orchestrators = Orchestrators::start(&state, now, wall, &mut out);
        if env.settings.shuffle_ties {
            orchestrators.shuffle_slots(env.seed);
        }
        let roles = Roles::start(&state, now, &mut out);
        #[allow(unused_mut, reason = "only mutants change them")]
        let mut loops = Loops { roles, allocator, scheduler, reaper, orchestrators };
        #[cfg(any(test, feature = "mutants"))]
        {
            loops.scheduler.set_mutant(env.settings.mutants.scheduler);
            loops.reaper.set_mutant(env.settings.mutants.reaper);
            loops.orchestrators.set_mutant(env.settings.mutants.replicated);
        }
        leader.loops = Some(loops);
        let (checks, found) = LeaderChecks::start(&state, now);
        leader.checks = checks;
        env.check_found(found);
        self.leader_drain(out, env);
        self.leader_roles(env);
    }

    /// Leadership is lost: the loops stop, and what they had in memory is gone.
    pub fn leader_stop(&mut self, env: &mut Env) {
        let Some(manager) = &mut self.manager else { return };
        let Some(mut leader) = manager.leader.take() else { return };
        manager.led_until = Some(env.kernel.now());
        for (route, message) in leader.dispatcher.close() {
            send_to_agent(self.id, self.boot, route, message, env);
        }
        leader.broker.stop();
        for (subscriber, part) in std::mem::take(&mut leader.broker.parts) {
            self.leader_log_answer(subscriber, Ok(part), env);
        }
        for (_, call) in std::mem::take(&mut leader.calls) {
            self.leader_reply(call.reply, Err(lost_leadership()), None, env);
        }
        self.members_stop(leader.members, env);
    }

    /// Raft did not even take a proposal.
    pub(super) fn leader_proposal_lost(&mut self, proposal: u64, env: &mut Env) {
        let Some(leader) = self.manager.as_mut().and_then(|manager| manager.leader.as_mut()) else { return };
        let Some(turn) = leader.turn.take_if(|turn| turn.proposal == proposal) else { return };
        if let Writer::Api(call) | Writer::Join(call) = turn.writer
            && let Some(call) = leader.calls.remove(&call)
        {
            self.leader_reply(call.reply, Err(lost_leadership()), None, env);
        }
    }

    /// Sends what the dispatcher has to say.
    pub(super) fn leader_flush(&mut self, env: &mut Env) {
        let out = std::mem::take(&mut env.outbox);
        self.leader_drain(out, env);
    }

    /// Carries out what the loops ask for; the empty outbox serves again.
    pub(super) fn leader_drain(&mut self, mut out: Outbox, env: &mut Env) {
        let (own, boot) = (self.id, self.boot);
        let Some(leader) = self.manager.as_mut().and_then(|manager| manager.leader.as_mut()) else { return };
        for writer in out.turns.drain(..) {
            leader.ask(writer);
        }
        for (at, alarm) in out.alarms.drain(..) {
            let real = self.clock.real(at, env.kernel.now());
            env.kernel.schedule(real, Event::Leader(own, leader.term, alarm, at));
        }
        let outgoing = std::mem::take(&mut leader.dispatcher.outgoing);
        for (route, message) in outgoing {
            if let ToAgent::Registered { session, .. } = message
                && let Some(node) = leader.dispatcher.node_of(session)
            {
                leader.broker.connect(node, session, route);
            }
            send_to_agent(own, boot, route, message, env);
        }
        for (call, renewed) in leader.ca.outgoing.drain(..) {
            let body = Body::RenewDone { number: call.number, host: call.host, result: Arc::new(renewed) };
            env.send(own, boot, call.via.unwrap_or(call.host), None, body);
        }
        env.outbox = out;
        self.leader_log_drain(env);
    }

    /// An alarm of the leader's loops.
    pub fn leader_alarm(&mut self, term: Term, alarm: Alarm, at: Time, env: &mut Env) {
        if self.clock.monotonic(env.kernel.now()) < at {
            // The clock has been slowed since it was set.
            let real = self.clock.real(at, env.kernel.now());
            env.kernel.schedule(real, Event::Leader(self.id, term, alarm, at));
            return;
        }
        let Some(manager) = &mut self.manager else { return };
        let (state, now) = (&*manager.state, self.clock.monotonic(env.kernel.now()));
        let Some(leader) = manager.leader.as_mut().filter(|leader| leader.term == term) else { return };
        match alarm {
            Alarm::MemberCheck(number) => return self.member_check_over(number, env),
            Alarm::LogStream(node, session) => return self.leader_log_doubt(node, session, env),
            Alarm::Roles => {
                if let Some(roles) = leader.roles_mut() {
                    roles.alarm();
                    self.leader_roles(env);
                    self.leader_grant(env);
                }
                return;
            }
            _ => {}
        }
        let mut out = std::mem::take(&mut env.outbox);
        match (alarm, &mut leader.loops) {
            (Alarm::DispatcherFlush | Alarm::Heartbeat(_) | Alarm::Assignments(_) | Alarm::Orphan(_), _) => {
                leader.dispatcher.alarm(alarm, state, now, &mut out);
                // The end of its session is said to a node that may not be there to hear it.
                if let Alarm::Heartbeat(node) = alarm
                    && !leader.dispatcher.hears_from(node)
                {
                    leader.broker.doubt(node, now);
                }
            }
            (Alarm::RootRotation, _) => leader.ca.alarm(state, now, &mut out),
            (Alarm::Scheduler, Some(loops)) => loops.scheduler.alarm(state, now, &mut out),
            (Alarm::Reaper, Some(loops)) => loops.reaper.alarm(state, now, &mut out),
            (Alarm::RestartDelay(_) | Alarm::RestartGiveUp(_) | Alarm::Update(..), Some(loops)) => {
                loops.orchestrators.alarm(alarm, now, &mut out);
            }
            (Alarm::Roles | Alarm::MemberCheck(_) | Alarm::LogStream(..), _) | (_, None) => {}
        }
        self.leader_drain(out, env);
        self.leader_grant(env);
    }

    /// A message from an agent reached the leader.
    pub fn leader_from_agent(&mut self, route: Route, message: &ToDispatcher, env: &mut Env) {
        if !self.admit(route, message, env) {
            return;
        }
        if let ToDispatcher::Logs { .. } = message {
            return self.leader_log_lines(message, env);
        }
        let Some(manager) = &mut self.manager else { return };
        let (state, now) = (&*manager.state, self.clock.monotonic(env.kernel.now()));
        let Some(leader) = &mut manager.leader else { return };
        let mut out = std::mem::take(&mut env.outbox);
        leader.dispatcher.receive(message, route, state, now, &mut out);
        self.leader_drain(out, env);
        self.leader_grant(env);
    }

    /// A node asks for another certificate.
    pub fn leader_renew(&mut self, call: RenewCall, env: &mut Env) {
        let Some(leader) = self.manager.as_mut().and_then(|manager| manager.leader.as_mut()) else { return };
        let mut out = std::mem::take(&mut env.outbox);
        leader.ca.receive(call, &mut out);
        self.leader_drain(out, env);
        self.leader_grant(env);
    }

    /// Gives the turn to the next who waits for it, again and again until somebody really writes.
    pub(super) fn leader_grant(&mut self, env: &mut Env) {
        loop {
            let Some(manager) = &mut self.manager else { return };
            let Some(leader) = &mut manager.leader else { return };
            if leader.turn.is_some() || leader.waiting.is_empty() {
                return;
            }
            // Only requests look at it.
            let asks = matches!(leader.waiting.front(), Some(Writer::Api(_)));
            let view = if asks { self.members_view() } else { MembersView::default() };
            let Some(manager) = &mut self.manager else { return };
            let Some(leader) = &mut manager.leader else { return };
            let Some(writer) = leader.waiting.pop_front() else { return };
            leader.queued.remove(&writer);
            let recovery = if writer == Writer::Setup { self.recover_settings() } else { None };
            let Some(manager) = &mut self.manager else { return };
            let Some(leader) = &mut manager.leader else { return };
            let now = env.kernel.now();
            let mut tx = Transaction::new(&manager.state, self.clock.monotonic(now)).shown(self.clock.wall(now));
            let mut out = std::mem::take(&mut env.outbox);
            match (writer, &mut leader.loops) {
                (Writer::Setup, _) => control::setup(&mut tx, self.setup.as_deref(), recovery.as_deref(), &mut env.ids),
                (Writer::Dispatcher, _) => leader.dispatcher.write(&mut tx),
                (Writer::Authority, _) => {
                    leader.ca.write(&mut tx, &mut env.ids);
                    for (host, certificate) in leader.ca.signed.drain(..) {
                        let node = tx.state().nodes.values().find(|node| node.id == certificate.node);
                        env.check_signed(&certificate, node.map(|node| node.role), host);
                    }
                }
                (Writer::Api(number) | Writer::Join(number), _) => {
                    if let Some(call) = leader.calls.get_mut(&number) {
                        call.carry_out(&mut tx, &view, env);
                    }
                }
                (Writer::Roles, Some(loops)) => loops.roles.write(&mut tx),
                (Writer::Allocator, Some(loops)) => loops.allocator.write(&mut tx),
                (Writer::Scheduler, Some(loops)) => {
                    loops.scheduler.set_policy(env.policy);
                    loops.scheduler.write(&mut tx);
                }
                (Writer::Reaper, Some(loops)) => loops.reaper.write(&mut tx),
                (_, Some(loops)) => loops.orchestrators.write(writer, &mut tx, &mut env.ids, &mut out),
                (_, None) => {}
            }
            if let Some(loops) = &leader.loops {
                let found = leader.checks.look(&manager.state, &tx, writer, &loops.orchestrators);
                env.check_found(found);
            }
            let changes = tx.into_changes();
            let mut rest: VecDeque<Vec<(Change, Why)>> = VecDeque::new();
            if matches!(writer, Writer::Api(_) | Writer::Join(_) | Writer::Setup) {
                rest.push_back(changes);
            } else {
                let mut changes = changes.into_iter().peekable();
                while changes.peek().is_some() {
                    rest.push_back(changes.by_ref().take(BATCH).collect());
                }
            }
            self.leader_drain(out, env);
            match rest.pop_front().filter(|changes| !changes.is_empty()) {
                Some(first) => {
                    let asked_by = self.asked_by(writer);
                    let turn = Turn { writer, proposal: 0, since: env.kernel.now(), asked_by, rest };
                    self.leader_propose(turn, first, env);
                }
                None => self.leader_written(writer, env),
            }
        }
    }

    /// The notable event that led to a request.
    fn asked_by(&self, writer: Writer) -> Option<EventId> {
        let (Writer::Api(call) | Writer::Join(call)) = writer else { return None };
        let leader = self.manager.as_ref()?.leader.as_ref()?;
        leader.calls.get(&call).map(|call| call.asked_by)
    }

    fn leader_propose(&mut self, mut turn: Turn, changes: Vec<(Change, Why)>, env: &mut Env) {
        let id = env.next_proposal();
        turn.proposal = id;
        let Some(leader) = self.manager.as_mut().and_then(|manager| manager.leader.as_mut()) else { return };
        leader.turn = Some(turn);
        let proposal = Arc::new(Proposal { id, kind: ProposalKind::Changes(changes) });
        self.manager_input(Input::Propose(proposal), env);
    }

    /// A proposal was committed and applied: the loops are told, and its writer goes on.
    pub(super) fn leader_committed(&mut self, proposal: u64, events: &[StoreEvent], env: &mut Env) {
        let Some(manager) = &mut self.manager else { return };
        let (state, now) = (&*manager.state, self.clock.monotonic(env.kernel.now()));
        let Some(leader) = &mut manager.leader else { return };
        let mut out = std::mem::take(&mut env.outbox);
        let mut roles_due = false;
        for event in events.iter().chain([&StoreEvent::Commit]) {
            leader.dispatcher.watch(event, now, &mut out);
            leader.broker.watch(event, state);
            leader.ca.watch(event, now, &mut out);
            if let Some(loops) = &mut leader.loops {
                roles_due |= loops.roles.watch(event, now, &mut out);
                loops.allocator.watch(event, state, now, &mut out);
                loops.scheduler.watch(event, state, now, &mut out);
                loops.reaper.watch(event, state, now, &mut out);
                loops.orchestrators.watch(event, state, now, &mut out);
            }
        }
        let turn = leader.turn.take_if(|turn| turn.proposal == proposal);
        self.leader_drain(out, env);
        if roles_due {
            self.leader_roles(env);
        }
        let Some(mut turn) = turn else { return };
        match turn.rest.pop_front() {
            Some(changes) => self.leader_propose(turn, changes, env),
            None => self.leader_written(turn.writer, env),
        }
    }

    fn leader_written(&mut self, writer: Writer, env: &mut Env) {
        let Some(manager) = &mut self.manager else { return };
        let (state, now) = (&*manager.state, self.clock.monotonic(env.kernel.now()));
        let Some(leader) = &mut manager.leader else { return };
        let mut out = std::mem::take(&mut env.outbox);
        match (writer, &mut leader.loops) {
            (Writer::Setup, None) => return self.leader_loops(env),
            (Writer::Dispatcher, _) => leader.dispatcher.written(state, now, &mut out),
            (Writer::Authority, _) => leader.ca.written(),
            (Writer::Api(number) | Writer::Join(number), _) => {
                if let Some(call) = leader.calls.remove(&number) {
                    let answer = call.answer.map_or_else(|| Err(lost_leadership()), |answer| (*answer).clone());
                    self.leader_reply(call.reply, answer, call.grant, env);
                }
                return;
            }
            (_, Some(loops)) => loops.orchestrators.written(writer, now, &mut out),
            (_, None) => {}
        }
        self.leader_drain(out, env);
    }
}

/// Sends a dispatcher's message on its way.
fn send_to_agent(own: HostId, boot: Boot, route: Route, message: ToAgent, env: &mut Env) {
    let next = route.via.unwrap_or(route.host);
    env.send(own, boot, next, None, Body::ToAgent { route, message });
}
