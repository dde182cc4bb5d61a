//! The scheduler: gives pending tasks their nodes.

mod constraint;

pub use constraint::Constraint;
