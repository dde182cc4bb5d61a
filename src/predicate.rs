//! Conditions over the picture of a world, written in CEL.
//!
//! The text is parsed by the `cel` crate; the rest is ours: names are checked against the table of
//! [`observe`](crate::observe::roots) when the text is read, and the tree is evaluated by a small machine of our own, which has a
//! budget of steps, a fixed order, three values (true, false, unknown), and can say what it saw. It reads a
//! [`View`] and changes nothing. It follows the house plan §5.
//!
//! Two things differ from CEL, on purpose: `services`, `nodes`, `truth.hosts` and `raft.members` are lists of objects that can
//! also be indexed by name, so that a macro over them is given the objects (CEL's own maps give their keys); and what cannot be
//! known makes the verdict unknown where CEL has an error. As in CEL, `false && unknown` is false and `true || unknown` is true.
//!
//! ```
//! use swarmlab::predicate::Condition;
//!
//! assert!(Condition::parse(r#"services["web"].running == 6 && nodes["w1"].status == "down""#).is_ok());
//!
//! let error = Condition::parse(r#"services["web"].runing == 6"#).unwrap_err();
//! assert_eq!(error.message, "a service has no field `runing`");
//! assert_eq!(error.help.as_deref(), Some("did you mean `running`?"));
//! ```

mod check;
mod evaluate;
mod explain;
mod parse;
mod syntax;
mod value;
mod watch;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::observe::{Root, View};

pub use syntax::{FUNCTIONS, FunctionDoc};
pub use watch::Watcher;

/// The longest condition, in bytes.
pub const MAX_CONDITION_BYTES: usize = 4096;

/// The most operators, dots and brackets in one condition.
pub const MAX_CONDITION_OPERATORS: usize = 400;

/// The most steps that judging a condition once may take; beyond them it is unknown.
pub const MAX_CONDITION_STEPS: u64 = 2_000_000;

/// A text that is not a condition: where, why, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionError {
    /// The offending bytes.
    pub span: (usize, usize),
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What was expected, or the nearest name.
    pub help: Option<String>,
}

impl fmt::Display for ConditionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ConditionError {}

/// What a condition is at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It cannot be known.
    Unknown {
        /// Why not.
        reason: String,
    },
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::True => f.write_str("true"),
            Self::False => f.write_str("false"),
            Self::Unknown { reason } => write!(f, "unknown ({reason})"),
        }
    }
}

/// A condition that has been read and checked; cheap to clone.
#[derive(Clone)]
pub struct Condition {
    source: Arc<str>,
    tree: Arc<syntax::Node>,
    roots: BTreeSet<Root>,
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Condition").field(&self.source).finish()
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Condition {
    /// Reads a condition and checks every name in it that is not an object's.
    pub fn parse(source: &str) -> Result<Self, ConditionError> {
        let tree = check::checked(source)?;
        let mut roots = BTreeSet::new();
        syntax::roots(&tree, &mut roots);
        Ok(Self { source: source.into(), tree: Arc::new(tree), roots })
    }

    /// The text it was read from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The parts of the picture that it reads.
    pub fn roots(&self) -> &BTreeSet<Root> {
        &self.roots
    }

    /// What it is now.
    pub fn judge(&self, view: &dyn View) -> Verdict {
        evaluate::verdict(&self.tree, view)
    }

    /// What each part of it is now, with the values it saw: `services["web"].running == 6: false (5)`.
    pub fn explain(&self, view: &dyn View) -> String {
        explain::explain(&self.tree, &self.source, view)
    }
}

#[cfg(test)]
mod tests;
