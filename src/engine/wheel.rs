//! A hierarchical timing wheel with exact nanoseconds: eleven levels of 64 slots cover all of 64 bits.
//!
//! Unlike the wheels of operating systems it does not tick and does not round: it jumps to the next entry, and entries
//! due at the same nanosecond leave in the order in which they came. After Varghese and Lauck, "Hashed and Hierarchical
//! Timing Wheels".
//!
//! A moment is read as eleven digits in base 64. An entry stands at the level of the highest digit in which it differs
//! from `current` (the last moment popped), in the slot of that digit. So all of a lower level comes before all of a
//! higher one, slots of a level come in order, and a slot of the lowest level holds one single moment. When the first
//! entry stands higher, `current` moves to it and its slot is dealt out to the levels below, in order, which is why
//! equal moments stay first in, first out: two entries of one moment stand in the same slot at any time.

use super::queue::{Entry, EventQueue, key, time};
use super::time::Time;

const DIGIT_BITS: u32 = 6;
const SLOTS: usize = 1 << DIGIT_BITS;
const LEVELS: usize = 64_usize.div_ceil(DIGIT_BITS as usize);
/// The end of a list.
const NONE: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
struct Node {
    key: u64,
    sequence: u64,
    slot: u32,
    next: u32,
}

/// A list of nodes, first in, first out.
#[derive(Clone, Copy, Debug)]
struct List {
    head: u32,
    tail: u32,
}

const EMPTY: List = List { head: NONE, tail: NONE };

/// The wheel.
#[derive(Clone, Debug)]
pub struct Wheel {
    /// Every entry, wherever it stands, and the free nodes: flat, so that a copy is two runs of memory.
    nodes: Vec<Node>,
    free: u32,
    /// `LEVELS` times `SLOTS` lists.
    lists: Vec<List>,
    /// Of each level, which slots hold something.
    occupied: [u64; LEVELS],
    /// Which levels hold something.
    levels: u32,
    /// The moment that everything is placed relative to: the last one popped.
    current: u64,
    /// The first moment, when it is known.
    first: Option<u64>,
    len: usize,
}

impl Default for Wheel {
    fn default() -> Wheel {
        Wheel {
            nodes: Vec::new(),
            free: NONE,
            lists: vec![EMPTY; LEVELS * SLOTS],
            occupied: [0; LEVELS],
            levels: 0,
            current: 0,
            first: None,
            len: 0,
        }
    }
}

impl Wheel {
    /// Puts a node at the end of the list where its key belongs.
    #[inline]
    fn place(&mut self, index: u32, key: u64) {
        // `| 1` puts a difference of nothing on the lowest level.
        let level = ((key ^ self.current) | 1).ilog2() / DIGIT_BITS;
        let digit = (key >> (level * DIGIT_BITS)) as usize % SLOTS;
        let level = level as usize;
        let list = &mut self.lists[level * SLOTS + digit];
        if list.head == NONE {
            list.head = index;
            self.occupied[level] |= 1 << digit;
            self.levels |= 1 << level;
        } else {
            self.nodes[list.tail as usize].next = index;
        }
        list.tail = index;
    }

    /// The level and slot of the first entry. The queue is not empty.
    #[inline]
    fn front(&self) -> (usize, usize) {
        let level = self.levels.trailing_zeros() as usize;
        (level, self.occupied[level].trailing_zeros() as usize)
    }

    #[inline]
    fn vacate(&mut self, level: usize, slot: usize) {
        self.lists[level * SLOTS + slot] = EMPTY;
        self.occupied[level] &= !(1 << slot);
        if self.occupied[level] == 0 {
            self.levels &= !(1 << level);
        }
    }

    /// The first key in the list that starts at `head`.
    fn least(&self, head: u32) -> u64 {
        let (mut least, mut next) = (u64::MAX, head);
        while next != NONE {
            let node = &self.nodes[next as usize];
            least = least.min(node.key);
            next = node.next;
        }
        least
    }

    /// Moves `current` to `to`, the first key of that slot, and deals its entries out to the levels below.
    fn deal(&mut self, level: usize, slot: usize, to: u64) {
        let mut next = self.lists[level * SLOTS + slot].head;
        self.vacate(level, slot);
        self.current = to;
        while next != NONE {
            let index = next;
            let node = &mut self.nodes[index as usize];
            next = node.next;
            node.next = NONE;
            let key = node.key;
            self.place(index, key);
        }
    }
}

impl EventQueue for Wheel {
    #[inline]
    fn push(&mut self, entry: Entry) {
        let key = key(entry.at);
        debug_assert!(key >= self.current, "an entry before the last one popped");
        let node = Node { key, sequence: entry.sequence, slot: entry.slot, next: NONE };
        let index = self.free;
        let index = if index == NONE {
            self.nodes.push(node);
            (self.nodes.len() - 1) as u32
        } else {
            self.free = self.nodes[index as usize].next;
            self.nodes[index as usize] = node;
            index
        };
        self.place(index, key);
        self.first = match self.first {
            Some(first) => Some(first.min(key)),
            None if self.len == 0 => Some(key),
            None => None,
        };
        self.len += 1;
    }

    #[inline]
    fn pop(&mut self) -> Option<Entry> {
        if self.len == 0 {
            return None;
        }
        let (mut level, mut slot) = self.front();
        if level > 0 {
            let list = self.lists[level * SLOTS + slot];
            // One alone leaves from where it stands.
            if list.head != list.tail {
                let to = self.first.unwrap_or_else(|| self.least(list.head));
                self.deal(level, slot, to);
                (level, slot) = (0, to as usize % SLOTS);
            }
        }
        let list = &mut self.lists[level * SLOTS + slot];
        let index = list.head;
        let node = self.nodes[index as usize];
        if node.next == NONE {
            self.vacate(level, slot);
            self.first = None;
        } else {
            list.head = node.next;
            self.first = Some(node.key);
        }
        self.nodes[index as usize].next = self.free;
        self.free = index;
        self.current = node.key;
        self.len -= 1;
        Some(Entry { at: time(node.key), sequence: node.sequence, slot: node.slot })
    }

    #[inline]
    fn peek(&mut self) -> Option<Time> {
        if self.len == 0 {
            return None;
        }
        if self.first.is_none() {
            // It looks without dealing: `current` must not pass a moment for which something may still be pushed.
            let (level, slot) = self.front();
            self.first = Some(self.least(self.lists[level * SLOTS + slot].head));
        }
        self.first.map(time)
    }

    #[inline]
    fn len(&self) -> usize {
        self.len
    }

    fn weight(&self) -> usize {
        self.nodes.len() * size_of::<Node>() + self.lists.len() * size_of::<List>()
    }
}
