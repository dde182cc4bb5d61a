//! The read-only picture of a world at a moment.

mod nearest;

pub use nearest::nearest;
