//! Raft: one consensus member as a pure machine.
//!
//! A [`Raft`] is one member's whole state. It is told of ticks, of messages and of proposals, and it answers with a
//! [`Ready`]: what to write to the disk, what to send, what to apply. It has no clock, no network, no disk and no
//! dice of its own; its owner supplies all four. Given the same calls it gives the same answers.
//!
//! # The owner's loop
//!
//! 1. Call [`Raft::tick`] once per tick and [`Raft::step`] for each message that arrives.
//! 2. While [`Raft::has_ready`], take a [`Ready`] and then, in this order:
//!    write its snapshot, entries and hard state to the disk ([`Stored::write`]; `must_sync` says whether this needs a
//!    flush); send its messages; restore from its snapshot; apply its committed entries, giving every configuration
//!    change among them to [`Raft::apply_conf_change`]. If one of them removes the leader that it follows, it may call
//!    [`Raft::campaign`] at once, as SwarmKit does.
//! 3. Call [`Raft::advance`]. Only now do the member's own vote and its own copy of an entry count, because only now
//!    are they known to be on the disk.
//! 4. Now and then, make a snapshot of what is applied: [`Raft::create_snapshot`] and [`Stored::put_snapshot`], then
//!    [`Raft::compact`] and [`Stored::compact`].
//!
//! A leader that was removed leads on without a vote, takes no proposals and sends heartbeats, until its owner stops it.
//! The owner may do so once the Ready that removed it is worked off: what tells the others left with it. If that is
//! lost in a group of two, the one that stays cannot go on, as in etcd; SwarmKit hands the leadership over first.
//!
//! # Where to look
//!
//! | part            | what it holds                                                                   |
//! |-----------------|---------------------------------------------------------------------------------|
//! | `entry`         | log entries and configuration changes                                           |
//! | `message`       | what members say to each other                                                  |
//! | `stored`        | what is on the disk: hard state, snapshot, log                                  |
//! | `log`           | the log itself, in chunks that clones share                                     |
//! | `progress`      | what a leader knows of one follower, and its flow control                       |
//! | `member`        | the machine's state, its roles, its tick, its read access                       |
//! | `step`          | a message arrives: terms first, then the role's own handling                    |
//! | `election`      | campaigns, votes, the lease, CheckQuorum                                        |
//! | `replication`   | appends, heartbeats, the commit rule                                            |
//! | `snapshot`      | snapshots sent and received, compaction                                         |
//! | `membership`    | configuration changes, one at a time                                            |
//! | `transfer`      | handing the leadership to a chosen member                                       |
//! | `ready`         | the contract with the owner                                                     |
//! | `mutant`        | deliberate faults that prove that the tests bite                                |
//!
//! It follows the Raft paper ("In Search of an Understandable Consensus Algorithm") and, where the paper leaves
//! freedom, the behaviour of etcd's raft library in the configuration that SwarmKit gives it: CheckQuorum on, no
//! PreVote, no learners, no joint consensus, no read index. This room uses no other room and no library.

mod election;
mod entry;
mod log;
mod member;
mod membership;
mod message;
mod mutant;
mod progress;
mod ready;
mod replication;
mod snapshot;
mod step;
mod stored;
#[cfg(test)]
mod tests;
mod transfer;

pub use entry::{ConfChange, ConfChangeKind, Entry, EntryKind};
pub use log::Log;
pub use member::{Raft, Role};
pub use message::{Message, MessageKind};
#[cfg(any(test, feature = "mutants"))]
pub use mutant::Mutant;
pub use progress::{Progress, ProgressState};
pub use ready::Ready;
pub use replication::ProposeError;
pub use stored::{HardState, Snapshot, Stored};

/// The name of a member. It is never reused; [`NONE`] names nobody.
pub type MemberId = u64;

/// The place of an entry in the log. The first entry has index 1.
pub type Index = u64;

/// A term: the logical time of elections. At most one leader exists in each.
pub type Term = u64;

/// The [`MemberId`] that stands for "no member".
pub const NONE: MemberId = 0;

/// What a log entry carries. The machine asks its size and otherwise never looks inside.
pub trait Payload: Clone {
    /// What a snapshot carries: usually a handle to the whole state of the owner's state machine.
    type State: Clone + std::fmt::Debug;

    /// The number of bytes this would take on the wire. It decides how many entries fit into one message.
    fn size(&self) -> usize;
}

/// Where randomised election timeouts come from: the owner supplies the draws.
pub trait Timeouts: Clone {
    /// A number of ticks in `low..=high`.
    fn draw(&mut self, low: u32, high: u32) -> u32;
}

/// How a member is set up. [`Config::swarm`] is what Docker Swarm uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The member's own name; never [`NONE`].
    pub id: MemberId,
    /// Ticks without a word from a leader before an election: the lower end of the random range, the length of the
    /// vote lease and of the leader's CheckQuorum window.
    pub election_tick: u32,
    /// Ticks between two heartbeats of a leader.
    pub heartbeat_tick: u32,
    /// Whether a leader that hears from no majority steps down, and whether followers of a live leader refuse to vote.
    pub check_quorum: bool,
    /// The most bytes of entries in one append message, and in one batch of committed entries; one entry always fits.
    pub max_message_size: usize,
    /// The most append messages on their way to one follower without an answer.
    pub max_inflight: usize,
}

impl Config {
    /// SwarmKit's configuration: a heartbeat each tick, elections after 10 to 19 ticks, CheckQuorum on, messages of
    /// 65,535 bytes, 256 of them in flight.
    pub fn swarm(id: MemberId) -> Self {
        Config {
            id,
            election_tick: 10,
            heartbeat_tick: 1,
            check_quorum: true,
            max_message_size: 65_535,
            max_inflight: 256,
        }
    }
}
