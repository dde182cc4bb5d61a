//! What members say to each other.
//!
//! Not the local events (a tick, a proposal, a report from the network): those are methods of the machine. Follows
//! the Raft paper's RPCs, taken apart into requests and responses as etcd's raft does. One flat record serves all
//! kinds; each kind says below which fields it uses, the others are zero.

use std::sync::Arc;

use super::{Entry, Index, MemberId, NONE, Payload, Snapshot, Term};

/// The kind of a message. A PreVote pair would stand beside `Vote` if this configuration used it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MessageKind {
    /// Entries to append. `index` and `log_term` name the entry before them; `commit` is the leader's.
    Append,
    /// The answer. `index` is the last index now known to match or, with `reject`, the index that did not; then
    /// `reject_hint` and `log_term` name a place where the logs may agree.
    AppendResponse,
    /// A candidate asks for a vote. `index` and `log_term` name its last entry.
    Vote,
    /// The answer: granted, or not if `reject`.
    VoteResponse,
    /// The leader is alive. `commit` is capped at what the receiver is known to hold.
    Heartbeat,
    /// The answer.
    HeartbeatResponse,
    /// A snapshot, in place of entries that the leader no longer has.
    Snapshot,
    /// The leader asks for its leadership to pass to the receiver: campaign now.
    TimeoutNow,
    /// A follower hands a transfer request on to its leader; `from` is the member that should lead.
    TransferLeader,
}

/// A message from one member to another.
#[derive(Clone, Debug)]
pub struct Message<D: Payload> {
    /// What it is.
    pub kind: MessageKind,
    /// The receiver.
    pub to: MemberId,
    /// The sender.
    pub from: MemberId,
    /// The sender's term (of a granted vote: the term of the request).
    pub term: Term,
    /// The term of the entry at `index`, or at `reject_hint` in a rejection.
    pub log_term: Term,
    /// A place in the log; its meaning depends on the kind.
    pub index: Index,
    /// The entries of an append, consecutive from `index + 1`.
    pub entries: Vec<Entry<D>>,
    /// A commit index.
    pub commit: Index,
    /// Whether the answer is no.
    pub reject: bool,
    /// In a rejected append: where to try next.
    pub reject_hint: Index,
    /// In a vote request: the campaign was asked for by the old leader, so the lease does not apply.
    pub campaign_transfer: bool,
    /// The snapshot of a snapshot message.
    pub snapshot: Option<Arc<Snapshot<D>>>,
}

impl<D: Payload> Message<D> {
    /// A message of this kind to this member, everything else zero. The machine fills in sender and term on sending.
    pub fn new(kind: MessageKind, to: MemberId) -> Self {
        Message {
            kind,
            to,
            from: NONE,
            term: 0,
            log_term: 0,
            index: 0,
            entries: Vec::new(),
            commit: 0,
            reject: false,
            reject_hint: 0,
            campaign_transfer: false,
            snapshot: None,
        }
    }

    /// Whether this answers something that the receiver said.
    pub fn is_response(&self) -> bool {
        matches!(self.kind, MessageKind::AppendResponse | MessageKind::VoteResponse | MessageKind::HeartbeatResponse)
    }
}
