//! The event queue as the kernel sees it: what an entry is, what every queue promises, and the choice between the two.
//!
//! A queue holds when and where, not what: payloads stand apart, in the kernel's slab.

use super::heap::Heap;
use super::time::Time;
use super::wheel::Wheel;

/// One waiting event: 24 bytes, small so that moving it about stays cheap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// When it is due.
    pub at: Time,
    /// Its sequence number: the order among events due at the same moment.
    pub sequence: u64,
    /// Where its payload lies in the slab.
    pub slot: u32,
}

impl Entry {
    /// The whole order in one number, so that a comparison is one instruction or two and no branch.
    #[inline]
    pub(super) const fn order(&self) -> u128 {
        (key(self.at) as u128) << 64 | self.sequence as u128
    }
}

/// A moment as an unsigned number in the same order.
#[inline]
pub(super) const fn key(at: Time) -> u64 {
    (at.nanos() as u64) ^ (1 << 63)
}

/// The way back from [`key`].
#[inline]
pub(super) const fn time(key: u64) -> Time {
    Time::from_nanos((key ^ (1 << 63)) as i64)
}

/// A queue of entries in the order (time, sequence).
///
/// It may rely on two things that the kernel ensures: no entry is pushed for a moment before the last one popped, and
/// sequence numbers grow from push to push.
pub trait EventQueue: Clone {
    /// Adds an entry.
    fn push(&mut self, entry: Entry);
    /// Takes the first entry.
    fn pop(&mut self) -> Option<Entry>;
    /// When the first entry is due. It changes nothing that can be seen; a queue may take note of what it found.
    fn peek(&mut self) -> Option<Time>;
    /// How many entries wait.
    fn len(&self) -> usize;
    /// Whether none waits.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Bytes held, roughly.
    fn weight(&self) -> usize;
}

/// Which queue a kernel uses. A run is the same with either, only its speed differs.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum QueueKind {
    /// [`Heap`]: the simpler one.
    Heap,
    /// [`Wheel`]: the faster one.
    #[default]
    Wheel,
}

/// Either queue.
#[derive(Clone, Debug)]
pub enum Queue {
    /// A heap.
    Heap(Heap),
    /// A wheel.
    Wheel(Wheel),
}

impl Queue {
    /// An empty queue of that kind.
    pub fn new(kind: QueueKind) -> Queue {
        match kind {
            QueueKind::Heap => Queue::Heap(Heap::default()),
            QueueKind::Wheel => Queue::Wheel(Wheel::default()),
        }
    }
}

macro_rules! either {
    ($self:ident, $queue:ident => $call:expr) => {
        match $self {
            Queue::Heap($queue) => $call,
            Queue::Wheel($queue) => $call,
        }
    };
}

impl EventQueue for Queue {
    #[inline]
    fn push(&mut self, entry: Entry) {
        either!(self, queue => queue.push(entry));
    }

    #[inline]
    fn pop(&mut self) -> Option<Entry> {
        either!(self, queue => queue.pop())
    }

    #[inline]
    fn peek(&mut self) -> Option<Time> {
        either!(self, queue => queue.peek())
    }

    #[inline]
    fn len(&self) -> usize {
        either!(self, queue => queue.len())
    }

    fn weight(&self) -> usize {
        either!(self, queue => queue.weight())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// What a test does to the queues: push so far ahead of now, push at an absolute extreme, look, or pop.
    #[derive(Clone, Debug)]
    enum Act {
        Push(i64),
        PushAt(i64),
        Peek,
        Pop,
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            2 => Just(Act::Push(0)),
            3 => (0i64..5).prop_map(Act::Push),
            3 => (0i64..2_000_000).prop_map(Act::Push),
            3 => (0i64..10_000_000_000).prop_map(Act::Push),
            2 => (0i64..40_000_000_000_000).prop_map(Act::Push),
            1 => (1u32..62).prop_map(|bit| Act::Push(1 << bit)),
            1 => (1u32..62).prop_map(|bit| Act::Push((1 << bit) - 1)),
            1 => prop::sample::select(vec![i64::MAX, i64::MAX - 1, 0, i64::MIN, i64::MIN + 1]).prop_map(Act::PushAt),
            3 => Just(Act::Peek),
            9 => Just(Act::Pop),
        ]
    }

    fn agree(start: i64, acts: &[Act]) {
        let (mut heap, mut wheel) = (Queue::new(QueueKind::Heap), Queue::new(QueueKind::Wheel));
        // The meaning of a queue, in the plainest form.
        let mut model = BTreeMap::new();
        let (mut now, mut sequence) = (start, 0);
        let pop = |heap: &mut Queue, wheel: &mut Queue, model: &mut BTreeMap<(i64, u64), u32>, now: &mut i64| {
            let expected =
                model.pop_first().map(|((at, sequence), slot)| Entry { at: Time::from_nanos(at), sequence, slot });
            assert_eq!(heap.pop(), expected);
            assert_eq!(wheel.pop(), expected);
            *now = expected.map_or(*now, |e| e.at.nanos());
        };
        for act in acts {
            let at = match act {
                Act::Push(ahead) => now.saturating_add(*ahead),
                Act::PushAt(at) => now.max(*at),
                Act::Peek => {
                    let expected = model.first_key_value().map(|((at, _), _)| Time::from_nanos(*at));
                    assert_eq!((heap.peek(), wheel.peek()), (expected, expected));
                    continue;
                }
                Act::Pop => {
                    pop(&mut heap, &mut wheel, &mut model, &mut now);
                    continue;
                }
            };
            let entry = Entry { at: Time::from_nanos(at), sequence, slot: (sequence * 7) as u32 };
            sequence += 1;
            heap.push(entry);
            wheel.push(entry);
            model.insert((at, entry.sequence), entry.slot);
            assert_eq!((heap.len(), wheel.len()), (model.len(), model.len()));
        }
        for _ in 0..=model.len() {
            pop(&mut heap, &mut wheel, &mut model, &mut now);
        }
        assert!(heap.is_empty() && wheel.is_empty());
    }

    proptest! {
        #[test]
        fn heap_and_wheel_agree_with_a_sorted_map(acts in prop::collection::vec(act(), 0..400)) {
            agree(0, &acts);
        }

        #[test]
        fn they_agree_from_any_start(start: i64, acts in prop::collection::vec(act(), 0..100)) {
            agree(start, &acts);
        }
    }

    #[test]
    fn an_entry_is_small() {
        assert_eq!(size_of::<Entry>(), 24);
    }

    #[test]
    fn looking_far_ahead_does_not_forbid_the_near() {
        for kind in [QueueKind::Heap, QueueKind::Wheel] {
            let mut queue = Queue::new(kind);
            let entry = |at, sequence| Entry { at: Time::from_nanos(at), sequence, slot: 0 };
            queue.push(entry(7_776_000_000_000_000, 0));
            assert_eq!(queue.peek(), Some(Time::from_nanos(7_776_000_000_000_000)));
            queue.push(entry(5, 1));
            assert_eq!(queue.peek(), Some(Time::from_nanos(5)));
            assert_eq!(queue.pop(), Some(entry(5, 1)));
        }
    }
}
