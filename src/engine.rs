//! The engine: virtual time, the event queue, keyed random streams, the trace with its causes, checkpoints, limits.
//!
//! It is the floor that a simulated world stands on and it knows nothing of clusters: no host, no wire, no service. It
//! is not a framework either. It calls nobody back; the world owns a [`Kernel`], pops one event at a time and handles
//! it.
//!
//! What holds here, and what the rest of the house relies on:
//!
//! - **Integers only.** Time is an `i64` of nanoseconds ([`Time`], [`Duration`]); probabilities are ratios. No
//!   decision rests on a float, so every machine takes the same one.
//! - **A total order.** Events are handled by (time, sequence number). The sequence number is given when an event is
//!   scheduled and is its [`EventId`]. Both queues, [`Heap`] and [`Wheel`], give exactly this order.
//! - **Causes.** Whatever is scheduled while an event is handled names that event as its cause, for ever.
//! - **Randomness by name.** A [`Stream`] or a [`Key`] belongs to (seed, purpose, owner), never to an order of
//!   creation: a new draw in one place moves no other.
//! - **A fingerprint.** Every event handled is folded into one number. Two runs with the same number did the same.
//! - **Cheap copies.** Everything here is plain data and `Clone`: a copy is a checkpoint.
//!
//! ```
//! use swarmlab::engine::{Duration, Kernel, Limits, QueueKind, Time};
//!
//! let mut kernel = Kernel::new(Time::ZERO, QueueKind::default(), Limits::default());
//! kernel.schedule_in(Duration::from_secs(2), "second");
//! let first = kernel.schedule_in(Duration::from_secs(1), "first");
//!
//! let happening = kernel.pop().unwrap();
//! assert_eq!((happening.id, happening.event), (first, "first"));
//! kernel.schedule_in(Duration::from_secs(5), "caused by the first");
//! assert_eq!(kernel.pop().unwrap().event, "second");
//! assert_eq!(kernel.pop().unwrap().cause, first);
//! assert_eq!(kernel.now(), Time::ZERO + Duration::from_secs(6));
//! ```

mod checkpoint;
mod fingerprint;
mod heap;
mod kernel;
pub mod limits;
mod queue;
mod random;
mod time;
mod trace;
mod wheel;

pub use checkpoint::{Checkpoints, Replay};
pub use fingerprint::{Fingerprint, ParseFingerprintError};
pub use heap::Heap;
pub use kernel::{EventId, Happening, Kernel, Origin};
pub use limits::{LimitReached, Limits};
pub use queue::{Entry, EventQueue, Queue, QueueKind};
pub use random::{Key, Seed, Stream};
pub use time::{Duration, ParseDurationError, Time};
pub use trace::{Mark, Record, Trace};
pub use wheel::Wheel;
