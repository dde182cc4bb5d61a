//! What a member has on its disk, and so what it knows after a restart.
//!
//! Not the disk: the owner writes there what a `Ready` tells it to. Follows the Raft paper, figure 2 ("persistent
//! state"), and section 7 on snapshots.

use std::sync::Arc;

use super::{ConfChange, ConfChangeKind, Entry, EntryKind, Index, Log, MemberId, NONE, Payload, Term};

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
    /// The members at that index.
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
}
