//! The constraint language (control-plane.md §3.6).

/// One parsed constraint: `key == value` or `key != value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint {
    /// As typed, trimmed.
    pub key: String,
    /// `==` rather than `!=`.
    pub equal: bool,
    /// As typed, trimmed.
    pub value: String,
}
