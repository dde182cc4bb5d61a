//! The replicated store: what one manager has applied of the Raft log.
//!
//! A [`State`] is a value: cloning it costs a few pointers a hundred objects, so managers that have applied the same
//! history share one (`lineage`), a transaction works on its own copy, and a checkpoint holds them all.
//! Writing goes through a [`Transaction`] on the leader and a Raft proposal; followers apply the same changes.
//!
//! Source: control-plane.md §11.

mod lineage;
mod state;
mod table;
mod transaction;

pub use lineage::{Lineage, LineageId};
pub use state::{Change, Event, State};
pub use table::{Key, Table};
pub use transaction::{Decision, Proposal, ProposalKind, Transaction, Why};
