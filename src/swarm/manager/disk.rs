//! A manager's disk: what the kernel has been given, and what is safe.
//!
//! A Raft write goes to the kernel first and is safe once the disk has flushed it; the member's answers leave only then. So
//! a killed process loses nothing that it has written, since the kernel writes it out later; a power cut loses the write
//! that was not flushed yet, and any mere advance of the commit index since the last flush, which Raft does not wait for.
//! Neither was attested to anybody. A full disk ends the manager with an error; its daemon starts it again after a while.
//!
//! Source: raft-and-security.md §1.3, §1.8; the engine's `daemon/cluster/noderunner.go` for the delays.

use super::Ready;
use crate::engine::Duration;
use crate::swarm::api::{ApiError, Failure};
use crate::swarm::store::Proposal;
use crate::swarm::world::event::Event;
use crate::swarm::world::record::What;
use crate::swarm::world::{Env, Host};
use std::sync::Arc;

/// The first pause before a node that ended with an error is started again; each one is twice as long...
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// ... up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

const FULL: &str = "manager stopped: failed to save entries to storage: write /var/lib/docker/swarm/raft/wal-v3-encrypted: no space left on device";

/// Why a node's swarm part does not run, and how often it has ended so in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// As `docker info` shows it.
    pub error: Arc<str>,
    /// It waits to be started again.
    pub waits: bool,
    times: u32,
}

impl Broken {
    /// How long the daemon waits before it starts the node again.
    fn pause(&self) -> Duration {
        let pause = FIRST_PAUSE.as_nanos() << (self.times - 1).min(20);
        Duration::from_nanos(pause.min(LONGEST_PAUSE.as_nanos()))
    }
}

impl Host {
    /// A Ready's write is in the kernel, and safe if it was flushed.
    pub(super) fn raft_keep(&mut self, ready: &Ready<Arc<Proposal>>, env: &mut Env) {
        let Some(disk) = &mut self.disk.raft else { return };
        if ready.must_sync {
            self.disk.unsynced_commit = None;
        } else if ready.hard_state.is_some() {
            self.disk.unsynced_commit.get_or_insert(disk.stored.hard_state.commit);
        }
        disk.stored.write(ready);
        if let Some(first) = ready.entries.first() {
            env.check_written(self.id, disk.lineage, first.index, &disk.stored.log);
        }
    }

    /// The process ends and its kernel lives: what it had been given to write is written.
    pub fn raft_flushed(&mut self) {
        let writing = self.manager.as_mut().and_then(|manager| manager.writing.take());
        if let (Some(ready), Some(disk), false) = (writing, &mut self.disk.raft, self.disk.full) {
            disk.stored.write(&ready);
        }
        self.disk.unsynced_commit = None;
    }

    /// The power goes: what was not flushed is lost.
    pub fn raft_unflushed_lost(&mut self) {
        if let (Some(commit), Some(disk)) = (self.disk.unsynced_commit.take(), &mut self.disk.raft) {
            disk.stored.hard_state.commit = commit.min(disk.stored.hard_state.commit);
        }
    }

    /// The disk took the write: whatever was wrong is over.
    pub(super) fn raft_written(&mut self) {
        self.broken = None;
    }

    /// The disk is full: the node's swarm part ends with an error, and is started again later. Its containers live on.
    pub(super) fn raft_refused(&mut self, env: &mut Env) {
        self.swarm_ended(FULL.into(), env);
    }

    /// The leader has the word of this member for entries that its disk does not hold: the disk was replaced by an older
    /// copy. The real engine panics; here the node's swarm part ends, and is started again later.
    pub(super) fn raft_behind(&mut self, commit: u64, last: u64, env: &mut Env) {
        let text = format!(
            "manager stopped: tocommit({commit}) is out of range [lastIndex({last})]. Was the raft log corrupted, truncated, or lost?"
        );
        self.swarm_ended(text.into(), env);
    }

    fn swarm_ended(&mut self, error: Arc<str>, env: &mut Env) {
        let times = self.broken.as_ref().map_or(1, |broken| broken.times + 1);
        let broken = Broken { error, waits: true, times };
        // A first start that fails leaves nothing behind, and `swarm init` says why.
        let first = self.initialises();
        for (client, number) in self.take_clients() {
            if first {
                env.answer(client, number, Err(Failure::Api(ApiError::new(500, &*broken.error))));
                continue;
            }
            let text =
                "This node is not a swarm manager. Manager is being prepared or has trouble connecting to the cluster.";
            env.answer(client, number, Err(Failure::Api(ApiError::new(503, text))));
        }
        self.manager = None;
        self.role = Default::default();
        self.renewer = None;
        if let Some(agent) = self.agent.take() {
            self.disk.tasks = agent.tasks;
        }
        self.engine.forget_daemon();
        // What belongs to the ended part is void, as after a restart of the daemon.
        self.boot = env.next_boot(self.id);
        for peer in env.net.process_died(self.id) {
            env.reset_by(self.id, peer);
        }
        env.record(What::SwarmStopped { host: self.id, error: broken.error.clone() });
        env.changes.all();
        if first {
            return self.forget_swarm(env);
        }
        env.kernel.schedule_in(self.clock.timer(broken.pause()), Event::SwarmUp(self.id, self.boot));
        self.broken = Some(broken);
    }

    /// The pause is over.
    pub(crate) fn swarm_up(&mut self, env: &mut Env) {
        if let Some(broken) = self.broken.as_mut().filter(|broken| broken.waits) {
            broken.waits = false;
            env.changes.all();
            self.start_swarm(env);
        }
    }
}
