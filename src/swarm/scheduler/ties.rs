//! How ties are broken that the real Swarm leaves to the order of Go's maps.
//!
//! That order is chance, but not even chance. A map of up to eight entries keeps them in eight slots, each new one in the
//! first that is free; who ranges over it begins at a slot drawn anew each time and walks round. So of two entries the
//! first comes first seven times in eight, and from one walk to the next only the beginning changes. (Recorded: a task
//! whose two nodes tie was put on the first of them nine times in ten.) A map that has held more than eight entries keeps
//! them by their hashes and never shrinks: then no order is likelier than another.
//!
//! Source: control-plane.md §3.3-§3.5, every "[unspecified]"; §15; Go's `internal/runtime/maps`, whose groups have eight
//! slots as the buckets before them had.

use crate::engine::Stream;
use crate::swarm::object::NodeKey;
use std::sync::Arc;

/// How many entries a Go map keeps side by side.
const GROUP: usize = 8;

/// How ties that real Swarm leaves to Go's map order are broken.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one a leader")]
pub enum Ties {
    /// The natural order: nodes by hostname (digit runs as numbers), then id; tasks by service name, slot, then age;
    /// branches by label value.
    Natural,
    /// An order drawn anew each time, as Go does.
    Shuffled(Stream),
}

impl Ties {
    /// Whether ties are broken by the natural order.
    pub(super) fn are_natural(&self) -> bool {
        matches!(self, Ties::Natural)
    }

    /// Ranges over a map into which these were put in this order, unless it is the natural order that counts. `grown`: it
    /// has held more than eight.
    pub(super) fn walk<T>(&mut self, items: &mut [T], grown: bool) {
        let Ties::Shuffled(stream) = self else { return };
        if grown || items.len() > GROUP {
            stream.shuffle(items);
        } else {
            let begin = stream.below(GROUP as u64) as usize;
            // The slots behind the last entry are empty: the walk goes on at the first.
            items.rotate_left(if begin < items.len() { begin } else { 0 });
        }
    }

    /// The same for the nodes, which are not copied unless they must be.
    pub(super) fn nodes(&mut self, natural: &Arc<Vec<NodeKey>>, slots: &Slots) -> Arc<Vec<NodeKey>> {
        let Ties::Shuffled(stream) = self else { return natural.clone() };
        let mut places = slots.0.clone();
        if places.len() > GROUP {
            stream.shuffle(&mut places);
        } else if !places.is_empty() {
            places.resize(GROUP, None);
            places.rotate_left(stream.below(GROUP as u64) as usize);
        }
        Arc::new(places.into_iter().flatten().collect())
    }
}

/// Which node is in which slot of the scheduler's map; more than eight slots: the map has grown.
#[derive(Clone, Debug, Default)]
pub(super) struct Slots(Vec<Option<NodeKey>>);

impl Slots {
    /// A node that was not there comes in.
    pub(super) fn add(&mut self, node: NodeKey) {
        match self.0.iter_mut().find(|slot| slot.is_none()) {
            Some(free) => *free = Some(node),
            None => self.0.push(Some(node)),
        }
    }

    /// A node goes and leaves its slot free.
    pub(super) fn remove(&mut self, node: NodeKey) {
        for slot in &mut self.0 {
            if *slot == Some(node) {
                *slot = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Seed;

    /// How often each order comes in so many walks over this map.
    fn orders(slots: &Slots, walks: u64) -> Vec<(Vec<u32>, usize)> {
        let natural = Arc::new(Vec::new());
        let mut ties = Ties::Shuffled(Seed(5).stream("ties", &walks));
        let mut seen: Vec<(Vec<u32>, usize)> = Vec::new();
        for _ in 0..walks {
            let order: Vec<u32> = ties.nodes(&natural, slots).iter().map(|node| node.0).collect();
            match seen.iter_mut().find(|(known, _)| *known == order) {
                Some((_, times)) => *times += 1,
                None => seen.push((order, 1)),
            }
        }
        seen.sort();
        seen
    }

    fn map(nodes: std::ops::Range<u32>) -> Slots {
        let mut slots = Slots::default();
        nodes.for_each(|node| slots.add(NodeKey(node)));
        slots
    }

    #[test]
    fn a_small_map_is_walked_round_from_anywhere() {
        let times = |slots: &Slots| -> Vec<(Vec<u32>, usize)> {
            // To the next eighth.
            orders(slots, 8000).into_iter().map(|(order, times)| (order, (times + 500) / 1000)).collect()
        };
        assert_eq!(times(&map(0..2)), [(vec![0, 1], 7), (vec![1, 0], 1)]);
        assert_eq!(
            times(&map(0..4)),
            [(vec![0, 1, 2, 3], 5), (vec![1, 2, 3, 0], 1), (vec![2, 3, 0, 1], 1), (vec![3, 0, 1, 2], 1)]
        );
        assert_eq!(orders(&map(0..8), 8000).len(), 8);
        // The next node gets the slot of the one that went.
        let mut slots = map(0..3);
        slots.remove(NodeKey(0));
        assert_eq!(times(&slots), [(vec![1, 2], 7), (vec![2, 1], 1)]);
        slots.add(NodeKey(9));
        assert_eq!(times(&slots), [(vec![1, 2, 9], 1), (vec![2, 9, 1], 1), (vec![9, 1, 2], 6)]);
    }

    #[test]
    fn a_map_that_has_grown_has_no_order() {
        let mut slots = map(0..9);
        (2..9).for_each(|node| slots.remove(NodeKey(node)));
        let seen = orders(&slots, 1000);
        assert_eq!(seen.len(), 2);
        assert!(seen.iter().all(|(_, times)| (450..550).contains(times)), "{seen:?}");
    }

    #[test]
    fn what_was_just_put_in_is_walked_the_same_way() {
        let mut ties = Ties::Shuffled(Seed(6).stream("ties", &()));
        let mut first = [0; 3];
        for _ in 0..8000 {
            let mut items = [0, 1, 2];
            ties.walk(&mut items, false);
            first[items[0]] += 1;
        }
        assert_eq!(first.map(|times| (times + 500) / 1000), [6, 1, 1]);
    }
}
