//! A group of members with disks and one wire, driven by hand.
//!
//! Not a simulator: there is no time and no chance here. The caller says who ticks, which message arrives and whose
//! Ready is worked on; after each such step the [`Ledger`] checks the invariants, and the [`Shadows`] follow if there
//! are any.

use std::collections::BTreeMap;

use super::ledger::Ledger;
use super::shadow::Shadows;
use crate::raft::{
    ConfChange, ConfChangeKind, Config, EntryKind, HardState, Index, MemberId, Message, MessageKind, Payload,
    ProposeError, Raft, Ready, Stored, Timeouts,
};

/// The command of the tests: a text. The state is the list of all texts applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text(pub String);

impl Payload for Text {
    type State = Vec<String>;

    fn size(&self) -> usize {
        self.0.len()
    }
}

/// Draws of election timeouts that a test can foresee.
#[derive(Clone, Debug)]
pub enum Draws {
    /// Always so many ticks above the lowest.
    Fixed(u32),
    /// From a small generator with this state.
    Spread(u64),
}

impl Timeouts for Draws {
    fn draw(&mut self, low: u32, high: u32) -> u32 {
        match self {
            Draws::Fixed(above) => (low + *above).min(high),
            Draws::Spread(state) => {
                *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                low + ((*state >> 33) as u32) % (high - low + 1)
            }
        }
    }
}

/// The machine under test.
pub type Machine = Raft<Text, Draws>;

/// One member with what surrounds it.
#[derive(Clone, Debug)]
pub struct Node {
    pub config: Config,
    pub draws: Draws,
    /// `None` while it is crashed.
    pub raft: Option<Machine>,
    pub disk: Stored<Text>,
    /// The hard state that the disk has certainly kept: a later one was written without a flush.
    pub flushed: HardState,
    /// The state machine: the texts applied.
    pub state: Vec<String>,
    /// Ticks this member has lived through.
    pub ticks: u64,
}

/// What a member is told, other than by its own Ready.
#[derive(Clone, Debug)]
pub enum Input {
    Tick,
    Step(Message<Text>),
    Propose(Text),
    Change(ConfChange),
    Campaign,
    Transfer(MemberId),
    Unreachable(MemberId),
    SnapshotArrived(MemberId, bool),
}

/// When a member crashes while it works on a Ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    No,
    BeforeWrite,
    AfterWrite,
    AfterSend,
}

/// Members, their disks, and the messages on their way.
#[derive(Default)]
pub struct Group {
    pub nodes: BTreeMap<MemberId, Node>,
    pub wire: Vec<Message<Text>>,
    pub ledger: Ledger,
    /// Nobody tells the sender of a snapshot what became of it.
    pub no_reports: bool,
    /// The members of the other library that follow these, if a test wants them.
    pub shadows: Option<Shadows>,
}

impl Group {
    /// A group of members 1 to `count`, all of them voters, with empty logs.
    pub fn of(count: MemberId) -> Self {
        let mut group = Group::default();
        for id in 1..=count {
            let stored = Stored { voters: (1..=count).collect(), ..Stored::default() };
            group.start(Config::swarm(id), Draws::Fixed(id as u32 - 1), stored);
        }
        group
    }

    /// Starts a member for the first time.
    pub fn start(&mut self, config: Config, draws: Draws, disk: Stored<Text>) {
        let id = config.id;
        let flushed = disk.hard_state;
        let node = Node { config, draws, raft: None, disk, flushed, state: Vec::new(), ticks: 0 };
        self.nodes.insert(id, node);
        self.restart(id);
    }

    /// Starts a crashed member from its disk.
    pub fn restart(&mut self, id: MemberId) {
        let node = self.node(id);
        if node.raft.is_none() {
            node.raft = Some(Raft::new(node.config.clone(), node.draws.clone(), node.disk.clone()));
            node.state = node.disk.snapshot.as_ref().map_or_else(Vec::new, |snapshot| snapshot.data.clone());
            node.flushed = node.disk.hard_state;
            self.ledger.restarted(&self.nodes[&id]);
            self.check(id);
            if let Some(shadows) = &mut self.shadows {
                shadows.adopt(&self.nodes[&id]);
            }
            self.work_alone(id);
        }
    }

    /// A member loses everything but its disk.
    pub fn crash(&mut self, id: MemberId) {
        self.node(id).raft = None;
        if let Some(shadows) = &mut self.shadows {
            shadows.gone(id);
        }
    }

    /// A member loses its memory, and its disk what it had not flushed: an advance of the commit index.
    pub fn cut_power(&mut self, id: MemberId) {
        self.crash(id);
        let node = self.node(id);
        node.disk.hard_state = node.flushed;
    }

    pub fn node(&mut self, id: MemberId) -> &mut Node {
        self.nodes.get_mut(&id).expect("the test names a member of the group")
    }

    /// A living member's machine; a test that asks for a crashed one is wrong.
    pub fn raft(&mut self, id: MemberId) -> &mut Machine {
        self.node(id).raft.as_mut().expect("the member is up")
    }

    pub fn is_up(&self, id: MemberId) -> bool {
        self.nodes.get(&id).is_some_and(|node| node.raft.is_some())
    }

    /// Does something to a living member, then checks the invariants.
    pub fn with<R>(&mut self, id: MemberId, act: impl FnOnce(&mut Machine) -> R) -> Option<R> {
        let result = act(self.node(id).raft.as_mut()?);
        self.check(id);
        Some(result)
    }

    pub fn check(&mut self, id: MemberId) {
        self.ledger.check(&self.nodes, id);
    }

    /// Tells a living member something, and its shadow the same.
    pub fn give(&mut self, id: MemberId, input: Input) -> Result<(), ProposeError> {
        let Some(raft) = self.nodes.get(&id).and_then(|node| node.raft.as_ref()) else { return Ok(()) };
        let before = self.shadows.is_some().then(|| (raft.role(), raft.promotable(), input.clone()));
        let mut result = Ok(());
        self.with(id, |raft| match input {
            Input::Tick => raft.tick(),
            Input::Step(message) => raft.step(message),
            Input::Propose(text) => result = raft.propose(text).map(drop),
            Input::Change(change) => result = raft.propose_conf_change(change).map(drop),
            Input::Campaign => raft.campaign(),
            Input::Transfer(to) => raft.transfer_leader(to),
            Input::Unreachable(peer) => raft.report_unreachable(peer),
            Input::SnapshotArrived(peer, ok) => raft.report_snapshot(peer, ok),
        });
        if let (Some(shadows), Some((role, promotable, input))) = (&mut self.shadows, before) {
            shadows.give(&self.nodes[&id], role, promotable, input);
        }
        self.work_alone(id);
        result
    }

    /// With shadows, a member that is alone in its group works at once: see [`Shadows`].
    fn work_alone(&mut self, id: MemberId) {
        if self.shadows.is_some() {
            while self.is_up(id) && self.raft(id).voters().eq([id]) && self.ready(id, Crash::No).is_some() {}
        }
    }

    pub fn tick(&mut self, id: MemberId) {
        self.node(id).ticks += 1;
        let _ = self.give(id, Input::Tick);
    }

    pub fn propose(&mut self, id: MemberId, text: &str) -> bool {
        self.give(id, Input::Propose(Text(text.to_string()))).is_ok()
    }

    pub fn change(&mut self, id: MemberId, kind: ConfChangeKind, member: MemberId) -> bool {
        self.give(id, Input::Change(ConfChange { kind, member, context: 0 })).is_ok()
    }

    /// Brings a message to its receiver, and a snapshot's success to its sender.
    pub fn deliver(&mut self, message: Message<Text>) {
        let (from, to, kind) = (message.from, message.to, message.kind);
        if !self.is_up(to) {
            self.lose(message);
            return;
        }
        self.ledger.before_step(&self.nodes[&to], &message);
        let _ = self.give(to, Input::Step(message));
        if kind == MessageKind::Snapshot && !self.no_reports && self.is_up(from) {
            let _ = self.give(from, Input::SnapshotArrived(to, true));
        }
    }

    /// Loses a message; the sender of a snapshot learns of it.
    pub fn lose(&mut self, message: Message<Text>) {
        if message.kind == MessageKind::Snapshot && !self.no_reports && self.is_up(message.from) {
            let _ = self.give(message.from, Input::SnapshotArrived(message.to, false));
        }
    }

    /// Takes the messages to these members off the wire.
    pub fn take(&mut self, to: &[MemberId]) -> Vec<Message<Text>> {
        let all = std::mem::take(&mut self.wire);
        let (taken, left) = all.into_iter().partition(|message| to.contains(&message.to));
        self.wire = left;
        taken
    }

    /// Works on one Ready of a member, if it has one, as the owner's contract says. Returns what it was.
    pub fn ready(&mut self, id: MemberId, crash: Crash) -> Option<Ready<Text>> {
        let ready = self.work(id, crash)?;
        if let Some(shadows) = &mut self.shadows
            && self.nodes[&id].raft.is_some()
        {
            shadows.work(&self.nodes[&id], &ready);
            self.work_alone(id);
        }
        Some(ready)
    }

    fn work(&mut self, id: MemberId, crash: Crash) -> Option<Ready<Text>> {
        let raft = self.node(id).raft.as_mut()?;
        if !raft.has_ready() {
            return None;
        }
        let ready = raft.ready();
        if crash == Crash::BeforeWrite {
            self.crash(id);
            return Some(ready);
        }
        let node = self.node(id);
        node.disk.write(&ready);
        if ready.must_sync {
            node.flushed = node.disk.hard_state;
        }
        self.check(id);
        if crash == Crash::AfterWrite {
            self.crash(id);
            return Some(ready);
        }
        for message in &ready.messages {
            self.ledger.sent(&self.nodes[&id], message);
        }
        self.wire.extend(ready.messages.iter().cloned());
        if crash == Crash::AfterSend {
            self.crash(id);
            return Some(ready);
        }
        self.apply(id, &ready);
        self.with(id, Machine::advance);
        Some(ready)
    }

    /// Applies what a Ready brings. As SwarmKit wants it, nobody waits for a leader that has left.
    fn apply(&mut self, id: MemberId, ready: &Ready<Text>) {
        if let Some(snapshot) = &ready.snapshot {
            self.node(id).state = snapshot.data.clone();
        }
        for entry in &ready.committed {
            self.ledger.applied(id, entry);
            match &entry.kind {
                EntryKind::Empty => {}
                EntryKind::Normal(Text(text)) => self.node(id).state.push(text.clone()),
                EntryKind::ConfChange(change) => {
                    let leader = self.raft(id).leader();
                    self.with(id, |raft| raft.apply_conf_change(change));
                    if change.kind == ConfChangeKind::RemoveMember && change.member == leader && leader != id {
                        self.with(id, Machine::campaign);
                    }
                }
            }
        }
        let applied = ready.committed.last().map(|entry| entry.index);
        if let Some(applied) = applied.or(ready.snapshot.as_ref().map(|snapshot| snapshot.index)) {
            self.ledger.state_at(id, applied, &self.nodes[&id].state);
        }
    }

    /// Makes a snapshot of what a member has applied and drops the log up to `through` (at most).
    pub fn compact(&mut self, id: MemberId, through: Index) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let Some(raft) = node.raft.as_mut() else { return };
        let voters = raft.voters().collect();
        if raft.applied() > 0
            && let Some(snapshot) = raft.create_snapshot(raft.applied(), voters, node.state.clone())
        {
            node.disk.put_snapshot(snapshot);
        }
        let covered = raft.snapshot().map_or(0, |snapshot| snapshot.index);
        raft.compact(through.min(covered));
        node.disk.compact(through.min(covered));
        if let Some(shadows) = &mut self.shadows {
            shadows.compacted(&self.nodes[&id]);
        }
        self.check(id);
    }

    /// Lets these members work and talk to each other until nothing is left to do. Messages to others stay on the
    /// wire. Everything done is told to `see`.
    pub fn stabilize(&mut self, ids: &[MemberId], see: &mut dyn FnMut(MemberId, &Ready<Text>)) {
        for _ in 0..1000 {
            let mut quiet = true;
            for &id in ids {
                while let Some(ready) = self.ready(id, Crash::No) {
                    see(id, &ready);
                    quiet = false;
                }
            }
            for message in self.take(ids) {
                self.deliver(message);
                quiet = false;
            }
            if quiet {
                return;
            }
        }
        panic!("the members talk without end: {:?}", self.wire);
    }

    /// Lets everybody work and talk, unseen.
    pub fn settle(&mut self) {
        let ids: Vec<MemberId> = self.nodes.keys().copied().collect();
        self.stabilize(&ids, &mut |_, _| {});
    }
}
