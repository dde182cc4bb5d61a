//! The trace: what happened, each record with the event that caused it.
//!
//! A recent window is kept whole; of what is older only the notable records stay, each then naming its nearest notable
//! cause. It never influences a run, and switched off it stores nothing. It is no log of text: a record is plain data,
//! and its prose is made by whoever shows it.
//!
//! Records stand in chunks behind `Arc`, so that a copy of a trace costs a few hundred reference counts at most.

use std::collections::VecDeque;
use std::sync::Arc;

use super::kernel::{EventId, Origin};
use super::time::Time;

/// Records in a chunk.
const CHUNK: usize = 1024;

/// One thing that happened while an event was handled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record<R> {
    /// The event being handled.
    pub event: EventId,
    /// Its cause; in a thinned part of the trace, its nearest notable cause.
    pub cause: EventId,
    /// Its nearest notable cause.
    pub landmark: EventId,
    /// When.
    pub at: Time,
    /// What happened.
    pub what: R,
}

/// A place in a trace: after so many records had been pushed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Mark(u64);

/// Records of a stretch of time, in the order in which they were pushed.
#[derive(Clone, Debug)]
struct Chunk<R> {
    records: Vec<Record<R>>,
    /// Of each record, how many were pushed before it; empty while none is missing, for then it is `first` and up.
    numbers: Vec<u64>,
    first: u64,
    /// The least and the greatest event id within. Ids are not in order, but a stretch of time has a stretch of ids.
    ids: (EventId, EventId),
}

impl<R> Chunk<R> {
    fn new(first: u64, capacity: usize) -> Chunk<R> {
        let records = Vec::with_capacity(capacity);
        Chunk { records, numbers: Vec::new(), first, ids: (EventId(u64::MAX), EventId(0)) }
    }

    fn push(&mut self, record: Record<R>) {
        self.ids = (self.ids.0.min(record.event), self.ids.1.max(record.event));
        self.records.push(record);
    }

    /// The records pushed at or after `mark`.
    fn since(&self, mark: Mark) -> &[Record<R>] {
        let skip = if self.numbers.is_empty() {
            mark.0.saturating_sub(self.first).min(self.records.len() as u64) as usize
        } else {
            self.numbers.partition_point(|n| *n < mark.0)
        };
        &self.records[skip..]
    }

    /// The last record of that event.
    fn find(&self, event: EventId) -> Option<usize> {
        if event < self.ids.0 || event > self.ids.1 {
            return None;
        }
        self.records.iter().rposition(|record| record.event == event)
    }
}

/// The trace of a run, of records of type `R`.
#[derive(Clone, Debug)]
pub struct Trace<R> {
    /// What has left the window, thinned: full chunks of notable records, then one that still fills.
    old: Arc<Vec<Arc<Chunk<R>>>>,
    recent: VecDeque<Arc<Chunk<R>>>,
    tail: Arc<Chunk<R>>,
    /// Chunks in the window.
    window: usize,
    notable: fn(&R) -> bool,
    on: bool,
    pushed: u64,
    len: usize,
}

impl<R: Clone> Trace<R> {
    /// An empty trace, switched on, that keeps the last `window` records whole (rounded up to chunks of 1024) and of
    /// older ones those that are `notable`.
    pub fn new(window: usize, notable: fn(&R) -> bool) -> Trace<R> {
        Trace {
            old: Arc::default(),
            recent: VecDeque::new(),
            tail: Arc::new(Chunk::new(0, 0)),
            window: window.div_ceil(CHUNK),
            notable,
            on: true,
            pushed: 0,
            len: 0,
        }
    }

    /// Switches it on or off. What it holds stays.
    pub fn switch(&mut self, on: bool) {
        self.on = on;
    }

    /// Whether it stores what is pushed. Ask before making a costly record.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.on
    }

    /// Adds what happened in the present that `origin` tells ([`super::Kernel::origin`]). Nothing is stored while it is
    /// switched off.
    ///
    /// Returns whether it is notable, so that the world can pass that on: `if trace.push(kernel.origin(), what) {
    /// kernel.mark_notable() }`, before it schedules what follows.
    #[inline]
    pub fn push(&mut self, origin: Origin, what: R) -> bool {
        if !self.on {
            return false;
        }
        let notable = (self.notable)(&what);
        let Origin { event, cause, landmark, at } = origin;
        let tail = Arc::make_mut(&mut self.tail);
        tail.push(Record { event, cause, landmark, at, what });
        self.pushed += 1;
        self.len += 1;
        if tail.records.len() >= CHUNK {
            self.close_tail();
        }
        notable
    }

    #[cold]
    fn close_tail(&mut self) {
        let full = std::mem::replace(&mut self.tail, Arc::new(Chunk::new(self.pushed, CHUNK)));
        self.recent.push_back(full);
        while self.recent.len() > self.window {
            let chunk = self.recent.pop_front().expect("longer than the window");
            self.thin(Arc::unwrap_or_clone(chunk));
        }
    }

    /// Moves what is notable in a chunk that leaves the window to the old ones.
    fn thin(&mut self, chunk: Chunk<R>) {
        let old = Arc::make_mut(&mut self.old);
        self.len -= chunk.records.len();
        for (i, record) in chunk.records.into_iter().enumerate() {
            if !(self.notable)(&record.what) {
                continue;
            }
            let number = chunk.first + i as u64;
            if old.last().is_none_or(|last| last.records.len() >= CHUNK) {
                old.push(Arc::new(Chunk::new(number, 0)));
            }
            let last = Arc::make_mut(old.last_mut().expect("just pushed"));
            last.push(Record { cause: record.landmark, ..record });
            last.numbers.push(number);
            self.len += 1;
        }
    }

    fn chunks(&self) -> impl DoubleEndedIterator<Item = &Chunk<R>> {
        let old = self.old.iter().chain(&self.recent).map(Arc::as_ref);
        old.chain(std::iter::once(self.tail.as_ref()))
    }

    /// All records that are kept, oldest first; `.rev()` for the newest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Record<R>> {
        self.chunks().flat_map(|chunk| &chunk.records)
    }

    /// How many records are kept.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many records have ever been pushed.
    pub fn pushed(&self) -> u64 {
        self.pushed
    }

    /// The present end of the trace, for [`Trace::since`].
    pub fn mark(&self) -> Mark {
        Mark(self.pushed)
    }

    /// The records that were pushed after `mark` was taken, as far as they are kept, oldest first.
    pub fn since(&self, mark: Mark) -> impl DoubleEndedIterator<Item = &Record<R>> {
        // From the back, because a mark is mostly fresh: whole chunks before it are not even looked at.
        let mut chunks: Vec<&[Record<R>]> = Vec::new();
        for chunk in self.chunks().rev() {
            chunks.push(chunk.since(mark));
            if chunk.first <= mark.0 {
                break;
            }
        }
        chunks.into_iter().rev().flatten()
    }

    /// The records of one event, in order: none when it left none or they are forgotten.
    ///
    /// An id is given when an event is scheduled, so records do not stand in the order of ids and there is no halving;
    /// chunks are skipped by their range of ids.
    pub fn of(&self, event: EventId) -> impl Iterator<Item = &Record<R>> {
        // The records of an event stand together, at most across the edge of two chunks.
        let mut found: Vec<&Record<R>> = Vec::new();
        for chunk in self.chunks().rev() {
            let Some(last) = chunk.find(event) else {
                if found.is_empty() {
                    continue;
                }
                break;
            };
            let before = found.len();
            found.extend(chunk.records[..=last].iter().rev().take_while(|record| record.event == event));
            if found.len() - before <= last {
                break;
            }
        }
        found.into_iter().rev()
    }

    /// The first record of an event.
    pub fn get(&self, event: EventId) -> Option<&Record<R>> {
        self.of(event).next()
    }

    /// The chain of causes, from the event itself up to what has none: the first record of each. A cause that is
    /// forgotten, or left no record, is stepped over to the nearest notable one.
    pub fn causes(&self, event: EventId) -> impl Iterator<Item = &Record<R>> {
        std::iter::successors(self.get(event), |record| {
            let known = |id: EventId| if id == EventId::ROOT { None } else { self.get(id) };
            known(record.cause).or_else(|| known(record.landmark))
        })
    }

    /// Bytes held, roughly, shared or not; what records own on the heap is not counted.
    pub fn weight(&self) -> usize {
        self.len * size_of::<Record<R>>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Duration, Kernel, Limits, QueueKind};
    use proptest::prelude::*;

    /// A chain of events, each caused by the one before, of which every `every`th is notable; `records` records each.
    fn chain(events: u64, every: u64, records: u64, window: usize) -> Trace<u64> {
        let mut kernel = Kernel::new(Time::ZERO, QueueKind::Wheel, Limits::default());
        let mut trace = Trace::new(window, |n: &u64| *n != 0);
        kernel.schedule(Time::ZERO, 1u64);
        while let Some(happening) = kernel.pop() {
            for _ in 0..records {
                let notable = happening.event % every == 0;
                if trace.push(kernel.origin(), if notable { happening.event } else { 0 }) {
                    kernel.mark_notable();
                }
            }
            if happening.event < events {
                kernel.schedule_in(Duration::from_millis(1), happening.event + 1);
            }
        }
        trace
    }

    #[test]
    fn a_window_stays_whole_and_older_records_thin_to_the_notable() {
        let trace = chain(20_000, 10, 1, 2048);
        assert_eq!(trace.pushed(), 20_000);
        let whole = trace.iter().rev().take(2048).filter(|r| r.what == 0).count();
        assert!(whole >= 1800, "{whole}");
        let old: Vec<_> = trace.iter().take_while(|r| r.what != 0).collect();
        assert!(old.len() > 1_500);
        for pair in old.windows(2) {
            assert_eq!(pair[1].cause, pair[0].event, "a thinned record names its nearest notable cause");
        }
        assert_eq!(trace.len(), trace.iter().count());
    }

    #[test]
    fn a_walk_of_causes_reaches_the_beginning() {
        let trace = chain(20_000, 10, 2, 2048);
        let walk: Vec<_> = trace.causes(EventId(20_000)).map(|r| r.event.0).collect();
        assert_eq!(walk.first(), Some(&20_000));
        assert_eq!(walk.last(), Some(&10), "the oldest notable one");
        assert!(walk.windows(2).all(|w| w[1] < w[0]));
        assert_eq!(walk[1], 19_999);
    }

    #[test]
    fn a_mark_gives_what_came_after() {
        let mut trace = chain(10_000, 3, 1, 3000);
        let mark = trace.mark();
        assert_eq!(trace.since(mark).count(), 0);
        let origin = Origin { event: EventId(77_777), cause: EventId::ROOT, landmark: EventId::ROOT, at: Time::ZERO };
        for n in 0..5_000 {
            trace.push(origin, n);
        }
        assert_eq!(
            trace.since(mark).map(|r| r.what).filter(|n| *n != 0).collect::<Vec<_>>(),
            (1..5_000).collect::<Vec<_>>()
        );
        assert_eq!(trace.since(Mark(0)).count(), trace.len());
    }

    #[test]
    fn off_stores_nothing() {
        let mut trace = Trace::new(10, |_: &u8| true);
        trace.switch(false);
        let origin = Origin { event: EventId(1), cause: EventId::ROOT, landmark: EventId::ROOT, at: Time::ZERO };
        assert!(!trace.push(origin, 1));
        assert!(trace.is_empty() && trace.mark() == Mark(0));
    }

    #[test]
    fn a_copy_is_apart() {
        let mut trace = chain(3_000, 2, 1, 1024);
        let copy = trace.clone();
        let origin = Origin { event: EventId(9), cause: EventId::ROOT, landmark: EventId::ROOT, at: Time::ZERO };
        trace.push(origin, 1);
        assert_eq!(copy.len() + 1, trace.len());
    }

    proptest! {
        #[test]
        fn every_record_of_an_event_is_found(records in 1u64..1500, events in 1u64..20, window in 0usize..9000) {
            let trace = chain(events, 1, records, window);
            for id in 1..=events {
                prop_assert_eq!(trace.of(EventId(id)).count() as u64, records);
            }
            prop_assert_eq!(trace.len() as u64, records * events);
        }
    }
}
