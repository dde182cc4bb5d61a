//! What a member has on its disk, and so what it knows after a restart.
//!
//! Not the disk: how long a write takes and what a crash loses is the owner's. Follows the Raft paper, figure 2
//! ("persistent state"), section 7 on snapshots, and SwarmKit for what is read from a disk before a start and for the
//! forced new cluster.

use std::sync::Arc;

use super::{ConfChange, ConfChangeKind, Entry, EntryKind, Index, Log, MemberId, NONE, Payload, Ready, Term};

/// The small part of a member's state that must survive a crash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HardState {
    /// The latest term the member has seen.
    pub term: Term,
    /// Whom it voted for in that term.
    pub vote: MemberId,
    /// The highest index it knows to be committed.
    pub commit: Index,
}

/// The state of the owner's state machine at one index, in place of the log up to there.
#[derive(Clone, Debug)]
pub struct Snapshot<D: Payload> {
    /// The last entry that the snapshot includes.
    pub index: Index,
    /// That entry's term.
    pub term: Term,
    /// The members at that index. In a snapshot that was received: the members that its sender knew, perhaps newer;
    /// applying the entries after it once more changes nothing then.
    pub voters: Vec<MemberId>,
    /// The state itself; the machine hands it on unread.
    pub data: D::State,
}

/// Everything a member finds on its disk when it starts.
#[derive(Clone, Debug)]
pub struct Stored<D: Payload> {
    /// The last hard state written.
    pub hard_state: HardState,
    /// The log as far as it was written.
    pub log: Log<D>,
    /// The newest snapshot, if there is one. The log may still hold some entries from before it.
    pub snapshot: Option<Arc<Snapshot<D>>>,
    /// The members before the first entry that will be delivered again. A snapshot's own list goes first.
    pub voters: Vec<MemberId>,
}

impl<D: Payload> Default for Stored<D> {
    fn default() -> Self {
        Stored { hard_state: HardState::default(), log: Log::new(), snapshot: None, voters: Vec::new() }
    }
}

impl<D: Payload> Stored<D> {
    /// The disk of a member that joins a cluster: empty. It learns everything from the leader.
    pub fn joining() -> Self {
        Stored::default()
    }

    /// The disk of the first members of a new cluster: one committed configuration change of term 1 for each of
    /// them. The context of each is the owner's own.
    pub fn bootstrap(members: &[(MemberId, u64)]) -> Self {
        let entries: Vec<Entry<D>> = members
            .iter()
            .zip(1..)
            .map(|(&(member, context), index)| {
                let change = ConfChange { kind: ConfChangeKind::AddMember, member, context };
                Entry { term: 1, index, kind: EntryKind::ConfChange(change) }
            })
            .collect();
        let mut log = Log::new();
        log.append(&entries);
        let hard_state = HardState { term: 1, vote: NONE, commit: log.last_index() };
        Stored { hard_state, log, snapshot: None, voters: members.iter().map(|&(member, _)| member).collect() }
    }

    /// Writes all that a [`Ready`] asks for: its snapshot in place of the whole log, its entries, its hard state.
    pub fn write(&mut self, ready: &Ready<D>) {
        if let Some(snapshot) = &ready.snapshot {
            self.log.restore(snapshot.index, snapshot.term);
            self.snapshot = Some(snapshot.clone());
        }
        self.log.append(&ready.entries);
        if let Some(hard_state) = ready.hard_state {
            self.hard_state = hard_state;
        }
    }

    /// Keeps a snapshot that the member made of its own state: what [`Raft::create_snapshot`](super::Raft) returned.
    /// The log stays as it is.
    pub fn put_snapshot(&mut self, snapshot: Arc<Snapshot<D>>) {
        assert!(
            self.snapshot.as_ref().is_none_or(|newest| newest.index < snapshot.index)
                && self.log.matches(snapshot.index, snapshot.term),
            "a disk keeps snapshots of its own log, newer ones only: {}/{}",
            snapshot.term,
            snapshot.index,
        );
        self.snapshot = Some(snapshot);
    }

    /// Drops the entries up to and including an index; the snapshot must include them. To be called together with
    /// [`Raft::compact`](super::Raft::compact).
    pub fn compact(&mut self, through: Index) {
        let covered = self.snapshot.as_ref().map_or(0, |snapshot| snapshot.index);
        assert!(through <= covered, "only what a snapshot holds leaves a disk: {through}, snapshot {covered}");
        self.log.compact(through);
    }

    /// The highest index known to be committed: the hard state's or, if that is newer, the snapshot's.
    pub fn commit(&self) -> Index {
        self.hard_state.commit.max(self.snapshot.as_ref().map_or(0, |snapshot| snapshot.index))
    }

    /// The members at the commit index, in ascending order: those of the snapshot (or those before the log), and the
    /// committed configuration changes since.
    pub fn voters_at_commit(&self) -> Vec<MemberId> {
        let (after, voters) = match &self.snapshot {
            Some(snapshot) => (snapshot.index, &snapshot.voters),
            None => (0, &self.voters),
        };
        let mut voters = voters.clone();
        for change in self.committed_changes(after + 1) {
            match change.kind {
                ConfChangeKind::AddMember => voters.push(change.member),
                ConfChangeKind::RemoveMember => voters.retain(|&voter| voter != change.member),
                ConfChangeKind::UpdateMember => {}
            }
        }
        voters.sort_unstable();
        voters.dedup();
        voters
    }

    /// The members that committed configuration changes in the log have removed, in ascending order. Removals that
    /// were compacted away are not among them: the owner keeps those in its state.
    pub fn removed(&self) -> Vec<MemberId> {
        let changes = self.committed_changes(self.log.first_index());
        let removed = changes.filter(|change| change.kind == ConfChangeKind::RemoveMember);
        let mut removed: Vec<MemberId> = removed.map(|change| change.member).collect();
        removed.sort_unstable();
        removed.dedup();
        removed
    }

    /// Makes this disk that of the only member of a cluster, as `--force-new-cluster` does: entries that are not
    /// committed are gone, and committed entries that nobody voted for remove all others. Returns whom they remove.
    /// A member that was no voter is added first, with this context, because a group is never empty.
    ///
    /// The members left behind know nothing of this: from here on the two histories are different ones. The member
    /// leads as soon as it is asked to campaign after it has worked off the Readys of its start.
    pub fn force_new_cluster(&mut self, own: MemberId, context: u64) -> Vec<MemberId> {
        let commit = self.commit();
        let voters = self.voters_at_commit();
        let others: Vec<MemberId> = voters.iter().copied().filter(|&voter| voter != own).collect();
        self.log.truncate_from(commit + 1);
        let change = |kind, member, context| ConfChange { kind, member, context };
        let mut changes = Vec::new();
        if !voters.contains(&own) {
            changes.push(change(ConfChangeKind::AddMember, own, context));
        }
        changes.extend(others.iter().map(|&other| change(ConfChangeKind::RemoveMember, other, 0)));
        let term = self.hard_state.term.max(self.log.last_term());
        let entries = changes.into_iter().zip(commit + 1..);
        let entries: Vec<Entry<D>> =
            entries.map(|(change, index)| Entry { term, index, kind: EntryKind::ConfChange(change) }).collect();
        self.log.append(&entries);
        self.hard_state = HardState { term, commit: self.log.last_index(), ..self.hard_state };
        others
    }

    /// The committed configuration changes in the log from an index on.
    fn committed_changes(&self, from: Index) -> impl Iterator<Item = &ConfChange> {
        let commit = self.commit();
        self.log.iter_from(from).take_while(move |entry| entry.index <= commit).filter_map(|entry| match &entry.kind {
            EntryKind::ConfChange(change) => Some(change),
            _ => None,
        })
    }
}
