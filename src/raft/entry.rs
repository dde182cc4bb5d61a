//! Log entries and the configuration changes that some of them carry.
//!
//! Not the log itself, which is in `log`. Follows the Raft paper, sections 5.3 and 6 (changes of one member at a
//! time, as in the dissertation's section 4.1).

use super::{Index, MemberId, Payload, Term};

/// One entry of the replicated log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<D> {
    /// The term of the leader that created the entry.
    pub term: Term,
    /// Its place in the log.
    pub index: Index,
    /// What it says.
    pub kind: EntryKind<D>,
}

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind<D> {
    /// Nothing: a new leader's first entry, or a configuration change that was refused.
    Empty,
    /// A command for the owner's state machine.
    Normal(D),
    /// A change of the set of members. It takes effect when it is applied.
    ConfChange(ConfChange),
}

/// A change of the set of members: one member at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfChange {
    /// What happens to the member.
    pub kind: ConfChangeKind,
    /// Who it happens to.
    pub member: MemberId,
    /// A value for the owner's own use; the machine hands it on unread.
    pub context: u64,
}

/// What a configuration change does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfChangeKind {
    /// The member joins and votes.
    AddMember,
    /// The member leaves.
    RemoveMember,
    /// Something the owner knows of the member changes (its address); the set of members stays.
    UpdateMember,
}

/// Bytes that an entry takes besides its payload: type, term and index as varints, with their tags.
const OVERHEAD: usize = 12;

/// Bytes that a configuration change takes.
const CONF_CHANGE: usize = 32;

impl<D: Payload> Entry<D> {
    /// The bytes this entry counts for in a message.
    pub fn size(&self) -> usize {
        OVERHEAD
            + match &self.kind {
                EntryKind::Empty => 0,
                EntryKind::Normal(data) => data.size(),
                EntryKind::ConfChange(_) => CONF_CHANGE,
            }
    }
}
