//! A heap with four children a node: half as deep as a binary one, and four entries share two cache lines.
//!
//! The simple queue, and the one that the [wheel](super::Wheel) is held against in tests.

use super::queue::{Entry, EventQueue};
use super::time::Time;

const CHILDREN: usize = 4;

/// A 4-ary heap of entries, the first at the top.
#[derive(Clone, Default, Debug)]
pub struct Heap {
    entries: Vec<Entry>,
}

impl EventQueue for Heap {
    #[inline]
    fn push(&mut self, entry: Entry) {
        let mut hole = self.entries.len();
        self.entries.push(entry);
        while hole > 0 {
            let parent = (hole - 1) / CHILDREN;
            if self.entries[parent].order() <= entry.order() {
                break;
            }
            self.entries[hole] = self.entries[parent];
            hole = parent;
        }
        self.entries[hole] = entry;
    }

    #[inline]
    fn pop(&mut self) -> Option<Entry> {
        let last = self.entries.pop()?;
        let Some(first) = self.entries.first().copied() else {
            return Some(last);
        };
        // The last entry moves to the top and sinks to its place.
        let mut hole = 0;
        loop {
            let begin = hole * CHILDREN + 1;
            let end = (begin + CHILDREN).min(self.entries.len());
            let Some(children) = self.entries.get(begin..end).filter(|children| !children.is_empty()) else {
                break;
            };
            let (mut least, mut order) = (0, children[0].order());
            for (i, child) in children.iter().enumerate().skip(1) {
                let other = child.order();
                if other < order {
                    (least, order) = (i, other);
                }
            }
            if last.order() <= order {
                break;
            }
            self.entries[hole] = self.entries[begin + least];
            hole = begin + least;
        }
        self.entries[hole] = last;
        Some(first)
    }

    #[inline]
    fn peek(&mut self) -> Option<Time> {
        self.entries.first().map(|entry| entry.at)
    }

    #[inline]
    fn len(&self) -> usize {
        self.entries.len()
    }

    fn weight(&self) -> usize {
        self.entries.len() * size_of::<Entry>()
    }
}
