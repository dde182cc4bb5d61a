//! Judges a condition again only when something that it reads may have changed.
//!
//! It trusts the stamps of the view. It keeps no picture.

use super::{Condition, Verdict};
use crate::observe::View;

/// A condition and what it was when last judged.
#[derive(Clone, Debug)]
pub struct Watcher {
    condition: Condition,
    stamps: Vec<u64>,
    last: Option<Verdict>,
}

impl Watcher {
    /// Watches a condition; nothing has been judged yet.
    pub fn new(condition: Condition) -> Self {
        Self { condition, stamps: Vec::new(), last: None }
    }

    /// The condition.
    pub fn condition(&self) -> &Condition {
        &self.condition
    }

    /// What the condition is now, and whether it had to be judged again.
    pub fn judge(&mut self, view: &dyn View) -> (&Verdict, bool) {
        let stamps = self.condition.roots().iter().map(|&root| view.stamp(root));
        let again = self.last.is_none() || !stamps.clone().eq(self.stamps.iter().copied());
        if again {
            self.stamps.clear();
            self.stamps.extend(stamps);
            self.last = None;
        }
        (self.last.get_or_insert_with(|| self.condition.judge(view)), again)
    }
}
