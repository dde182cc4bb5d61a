//! Snapshots: made, sent, received; and the compaction of the log that they allow.
//!
//! Not what is in them: the owner makes and restores that. Follows the Raft paper, section 7 (in one message), and
//! etcd's raft.

use std::sync::Arc;

use super::mutant::Mutant;
use super::{Index, Log, MemberId, Message, MessageKind, Payload, ProgressState, Raft, Role, Snapshot, Timeouts};

impl<D: Payload, T: Timeouts> Raft<D, T> {
    /// Keeps the state at an applied index as the newest snapshot. `voters` are the members at that index. Returns
    /// what the owner must write to the disk, before any compaction; `None` if there is a newer one already,
    /// also if that has only just arrived.
    pub fn create_snapshot(&mut self, index: Index, voters: Vec<MemberId>, data: D::State) -> Option<Arc<Snapshot<D>>> {
        let newest = self.unstable_snapshot.as_ref().or(self.snapshot.as_ref());
        if newest.is_some_and(|newest| newest.index >= index) {
            return None;
        }
        assert!(index <= self.applied, "a snapshot holds applied entries only: {index}, applied {}", self.applied);
        let term = self.log.term(index).expect("an applied entry after the newest snapshot is in the log");
        let snapshot = Arc::new(Snapshot { index, term, voters, data });
        self.snapshot = Some(snapshot.clone());
        Some(snapshot)
    }

    /// Drops the entries up to and including an index; the newest snapshot must include them.
    pub fn compact(&mut self, through: Index) {
        let covered = self.snapshot.as_ref().map_or(0, |newest| newest.index);
        assert!(through <= covered, "only what a snapshot holds leaves the log: {through}, snapshot {covered}");
        self.log.compact(through);
    }

    /// Sends the newest snapshot to a member that needs entries the log no longer has. Only to one that answers:
    /// to a silent one it would be sent again and again.
    pub(super) fn maybe_send_snapshot(&mut self, at: usize) -> bool {
        let progress = &mut self.members[at];
        if !progress.recent_active {
            return false;
        }
        let Some(snapshot) = self.snapshot.clone() else {
            panic!("entries leave the log only after a snapshot was made of them");
        };
        progress.become_snapshot(snapshot.index);
        let to = progress.id;
        self.send(Message { snapshot: Some(snapshot), ..Message::new(MessageKind::Snapshot, to) });
        true
    }

    /// The owner delivered a snapshot to a member, or failed to. Either way the leader probes for what it holds now,
    /// after the next sign of life.
    pub fn report_snapshot(&mut self, id: MemberId, ok: bool) {
        if self.role != Role::Leader {
            return;
        }
        let Some(at) = self.position(id) else { return };
        let progress = &mut self.members[at];
        if progress.state == ProgressState::Snapshot {
            if !ok {
                progress.pending_snapshot = 0;
            }
            progress.become_probe();
            progress.paused = true;
        }
    }

    /// A follower receives a snapshot.
    pub(super) fn handle_snapshot(&mut self, message: Message<D>) {
        let Some(snapshot) = message.snapshot else { return };
        self.restore(snapshot);
        // After a restore this is the end of the new log; otherwise it tells the leader how far this member is.
        self.send(Message { index: self.commit, ..Message::new(MessageKind::AppendResponse, message.from) });
    }

    /// Replaces the log by a snapshot, unless it is old, does not name this member, or brings nothing new.
    fn restore(&mut self, snapshot: Arc<Snapshot<D>>) {
        let id = self.config.id;
        let old = snapshot.index <= self.commit;
        if old && !self.has(Mutant::RestoreOldSnapshot) || !snapshot.voters.contains(&id) {
            return;
        }
        if !old && self.log.matches(snapshot.index, snapshot.term) {
            self.commit_to(snapshot.index);
            return;
        }
        self.log = Log::after_snapshot(snapshot.index, snapshot.term);
        self.stable = snapshot.index;
        self.commit = snapshot.index;
        self.members.clear();
        self.set_voters(&snapshot.voters);
        self.unstable_snapshot = Some(snapshot);
    }
}
