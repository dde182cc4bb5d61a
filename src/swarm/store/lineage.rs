//! The shared history of the stores: managers that have applied the same log share one state.
//!
//! The first manager to apply an index computes the state; the others take it. That is sound because Raft lets no two
//! members apply different entries at one index (State Machine Safety), and it is where that promise is checked: the
//! history remembers which proposal stood at each index, for as long as any member may still apply it.
//! A cluster that is begun anew from one manager's state starts a new line of history.

use super::state::State;
use std::collections::VecDeque;
use std::sync::Arc;

/// Which line of history: one a cluster, and one more for each force-new-cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineageId(pub u32);

/// States kept for members that lag; one that lags further computes its own.
const KEPT: usize = 64;

/// One line of history.
#[derive(Clone, Debug, Default)]
pub struct Lineage {
    /// Newest last; indexes without a gap.
    states: VecDeque<Arc<State>>,
    /// Identity of the entry at each index from 1: its term and its proposal (0: none).
    entries: EntryLog,
}

/// An entry's term and its proposal.
type Identity = (u64, u64);

/// Identities of all entries ever applied, in chunks that copies share.
#[derive(Clone, Debug, Default)]
struct EntryLog {
    full: Arc<Vec<Arc<Vec<Identity>>>>,
    last: Vec<Identity>,
}

const CHUNK: usize = 512;

impl EntryLog {
    fn len(&self) -> usize {
        self.full.len() * CHUNK + self.last.len()
    }

    fn get(&self, place: usize) -> Option<(u64, u64)> {
        match self.full.get(place / CHUNK) {
            Some(chunk) => chunk.get(place % CHUNK).copied(),
            None => self.last.get(place - self.full.len() * CHUNK).copied(),
        }
    }

    fn truncate(&mut self, len: usize) {
        if len >= self.len() {
            return;
        }
        let full = len / CHUNK;
        if full < self.full.len() {
            self.last = self.full[full].to_vec();
            Arc::make_mut(&mut self.full).truncate(full);
        }
        self.last.truncate(len % CHUNK);
    }

    fn push(&mut self, entry: (u64, u64)) {
        self.last.push(entry);
        if self.last.len() == CHUNK {
            Arc::make_mut(&mut self.full).push(Arc::new(std::mem::take(&mut self.last)));
        }
    }
}

impl Lineage {
    /// Records that a member applies the entry (`term`, `proposal`) at `index`.
    ///
    /// # Errors
    /// The entry that another member applied at this index, if it is a different one: State Machine Safety is broken.
    pub fn check(&mut self, index: u64, term: u64, proposal: u64) -> Result<(), (u64, u64)> {
        let place = usize::try_from(index - 1).expect("limits keep the log short");
        match self.entries.get(place) {
            Some(known) if known == (term, proposal) => Ok(()),
            Some(known) => Err(known),
            None => {
                assert_eq!(place, self.entries.len(), "members apply entries in order");
                self.entries.push((term, proposal));
                Ok(())
            }
        }
    }

    /// The line of history that a cluster begins which goes on alone from this one's committed entries (force-new-cluster, or a
    /// backup that is restored): the same up to that index.
    pub fn fork(&self, commit: u64) -> Self {
        let mut fork = self.clone();
        fork.entries.truncate(usize::try_from(commit).expect("limits keep the log short"));
        fork.states.retain(|state| state.index <= commit);
        fork
    }

    /// The last entry before a term that any member has applied: its index and its term.
    pub fn last_before(&self, term: u64) -> Option<(u64, u64)> {
        let places = (0..self.entries.len()).rev();
        let mut entries = places.filter_map(|place| Some((place as u64 + 1, self.entries.get(place)?.0)));
        entries.find(|(_, committed)| *committed < term)
    }

    /// The state after an index, if it is still kept.
    pub fn state_at(&self, index: u64) -> Option<&Arc<State>> {
        let first = self.states.front()?.index;
        self.states.get(usize::try_from(index.checked_sub(first)?).ok()?)
    }

    /// Keeps a state that follows the newest one.
    pub fn keep(&mut self, state: Arc<State>) {
        if self.states.back().is_some_and(|newest| state.index != newest.index + 1) {
            return;
        }
        self.states.push_back(state);
        if self.states.len() > KEPT {
            self.states.pop_front();
        }
    }
}
