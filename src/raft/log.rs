//! The replicated log, held in chunks that clones share.
//!
//! Used twice: as the log in a member's memory, and by the owner as the log on the member's disk. Not a store of
//! snapshots: after compaction it remembers only the index and term of the last entry that it dropped. Follows the
//! Raft paper, sections 5.3 and 7. Cloning copies one pointer per chunk; the first change after a clone copies only
//! the chunk that it touches.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Entry, Index, Payload, Term};

/// Entries per chunk. A chunk holds the indices from a multiple of this up to the next.
const CHUNK: u64 = 128;

/// The replicated log of one member, from just after its base (the last entry compacted away) to its last entry.
#[derive(Clone, Debug)]
pub struct Log<D> {
    /// The index and term of the entry just before the first one; zeros for a log that was never compacted.
    base: (Index, Term),
    /// The index and term of the last entry, or the base if there is none.
    last: (Index, Term),
    /// No chunk is empty. The first may still hold entries that compaction has dropped: they are out of reach.
    chunks: VecDeque<Arc<Vec<Entry<D>>>>,
}

impl<D> Default for Log<D> {
    fn default() -> Self {
        Log { base: (0, 0), last: (0, 0), chunks: VecDeque::new() }
    }
}

impl<D> Log<D> {
    /// An empty log that begins at index 1.
    pub fn new() -> Self {
        Log::default()
    }

    /// An empty log that begins after a snapshot of this index and term.
    pub fn after_snapshot(index: Index, term: Term) -> Self {
        Log { base: (index, term), last: (index, term), chunks: VecDeque::new() }
    }

    /// The index of the first entry still held; one past the last if there is none.
    pub fn first_index(&self) -> Index {
        self.base.0 + 1
    }

    /// The index of the last entry, or of the last one compacted away if the log is empty.
    pub fn last_index(&self) -> Index {
        self.last.0
    }

    /// The term of the entry at [`Log::last_index`].
    pub fn last_term(&self) -> Term {
        self.last.1
    }

    /// The number of entries held.
    pub fn len(&self) -> usize {
        (self.last.0 - self.base.0) as usize
    }

    /// Whether no entry is held.
    pub fn is_empty(&self) -> bool {
        self.last.0 == self.base.0
    }

    /// The term at an index. Known from `first_index - 1` to `last_index`, `None` elsewhere.
    pub fn term(&self, index: Index) -> Option<Term> {
        if index == self.last.0 {
            Some(self.last.1)
        } else if index == self.base.0 {
            Some(self.base.1)
        } else {
            self.entry(index).map(|entry| entry.term)
        }
    }

    /// Whether the log has an entry of this term at this index (the base counts).
    pub fn matches(&self, index: Index, term: Term) -> bool {
        self.term(index) == Some(term)
    }

    /// Whether a log that ends in this entry is at least as up to date as this one: the paper's section 5.4.1.
    pub fn is_up_to_date(&self, index: Index, term: Term) -> bool {
        (term, index) >= (self.last.1, self.last.0)
    }

    /// The entry at an index, if it is held.
    pub fn entry(&self, index: Index) -> Option<&Entry<D>> {
        if index <= self.base.0 || index > self.last.0 {
            return None;
        }
        let chunk = &self.chunks[self.chunk_of(index)];
        Some(&chunk[(index - chunk[0].index) as usize])
    }

    /// The entries held from an index on, in order.
    pub fn iter_from(&self, index: Index) -> impl Iterator<Item = &Entry<D>> {
        let from = index.max(self.first_index());
        let skipped = if from > self.last.0 { self.chunks.len() } else { self.chunk_of(from) };
        let chunks = self.chunks.range(skipped..);
        chunks.flat_map(|chunk| chunk.iter()).skip_while(move |entry| entry.index < from)
    }

    /// The highest index at or below `index` whose term is at most `term`, with its term; or with term 0 if the
    /// search left the log. Leader and follower use it to skip whole terms when their logs differ.
    pub fn find_conflict_by_term(&self, index: Index, term: Term) -> (Index, Term) {
        let mut at = index.min(self.last.0);
        loop {
            match self.term(at) {
                None => return (at, 0),
                Some(own) if own <= term => return (at, own),
                Some(_) => at -= 1,
            }
        }
    }

    /// Drops the entries up to and including an index. The log must hold that index.
    pub fn compact(&mut self, through: Index) {
        if through <= self.base.0 {
            return;
        }
        let term = self.term(through);
        self.base = (through, term.expect("only entries that the log holds can be compacted away"));
        while self.chunks.front().is_some_and(|chunk| chunk[chunk.len() - 1].index <= through) {
            self.chunks.pop_front();
        }
    }

    /// Forgets every entry and begins anew after a snapshot of this index and term.
    pub fn restore(&mut self, index: Index, term: Term) {
        *self = Log::after_snapshot(index, term);
    }

    /// The place of the chunk that holds an index of the log.
    fn chunk_of(&self, index: Index) -> usize {
        (index / CHUNK - self.chunks[0][0].index / CHUNK) as usize
    }
}

impl<D: Clone> Log<D> {
    /// Adds entries, consecutive and beginning at most one past the last. Where they overlap the log, they replace
    /// it from there on, as a write to a disk log does.
    pub fn append(&mut self, entries: &[Entry<D>]) {
        let Some(first) = entries.first() else { return };
        assert!(
            self.base.0 < first.index && first.index <= self.last.0 + 1,
            "a log has no gaps and compacted entries stay: cannot append at {} to the log {}..={}",
            first.index,
            self.base.0 + 1,
            self.last.0,
        );
        self.truncate_from(first.index);
        let mut rest = entries;
        while let Some(first) = rest.first() {
            let room = (CHUNK - first.index % CHUNK) as usize;
            let (now, later) = rest.split_at(room.min(rest.len()));
            match self.chunks.back_mut() {
                Some(chunk) if first.index % CHUNK != 0 => Arc::make_mut(chunk).extend_from_slice(now),
                _ => self.chunks.push_back(Arc::new(now.to_vec())),
            }
            rest = later;
        }
        let last = &entries[entries.len() - 1];
        self.last = (last.index, last.term);
    }

    /// Removes the entries at and after an index.
    pub fn truncate_from(&mut self, index: Index) {
        if index > self.last.0 {
            return;
        }
        assert!(index > self.base.0, "compacted entries stay: cannot truncate from {index}, base {}", self.base.0);
        self.last = (index - 1, self.term(index - 1).expect("the entry before a held one is known"));
        let keep = self.chunk_of(index);
        self.chunks.truncate(keep + 1);
        let chunk = &mut self.chunks[keep];
        let length = (index - chunk[0].index) as usize;
        if length == 0 {
            self.chunks.pop_back();
        } else {
            Arc::make_mut(chunk).truncate(length);
        }
    }
}

impl<D: Payload> Log<D> {
    /// The entries from `low` up to but not including `high`, stopping before `max_size` bytes are exceeded, but at
    /// least one. `None` if some of them were compacted away.
    pub fn entries(&self, low: Index, high: Index, max_size: usize) -> Option<Vec<Entry<D>>> {
        if low <= self.base.0 {
            return None;
        }
        let high = high.min(self.last.0 + 1);
        let mut count = 0;
        let mut size = 0usize;
        for entry in self.iter_from(low).take(high.saturating_sub(low) as usize) {
            size = size.saturating_add(entry.size());
            if count > 0 && size > max_size {
                break;
            }
            count += 1;
        }
        let mut entries = Vec::with_capacity(count);
        entries.extend(self.iter_from(low).take(count).cloned());
        Some(entries)
    }
}
