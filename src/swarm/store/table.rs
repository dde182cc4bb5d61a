//! A table of objects by small typed keys: cheap to clone, cheap to change in one place.
//!
//! Rows stand in chunks, chunks in blocks, both behind `Arc`. A clone copies one pointer a block; the first change after
//! it copies one block's pointers and one chunk's rows, however large the table is. Where all rows are gone nothing is
//! kept but an empty place in the block, or in the table.

use std::marker::PhantomData;
use std::sync::Arc;

/// A typed row number.
pub trait Key: Copy + Eq + Ord {
    /// The row.
    fn index(self) -> usize;
    /// The key of a row.
    fn from_index(index: usize) -> Self;
}

/// Rows in a chunk, and chunks in a block.
const FAN: usize = 16;

type Chunk<T> = [Option<T>; FAN];
type Block<T> = [Option<Arc<Chunk<T>>>; FAN];

/// Rows by key. Keys are given out in order and never used again.
#[derive(Clone, Debug)]
pub struct Table<K, T> {
    blocks: Vec<Option<Arc<Block<T>>>>,
    next: usize,
    len: usize,
    key: PhantomData<K>,
}

/// Where a row stands: its block, its chunk there, its place there.
fn place(index: usize) -> (usize, usize, usize) {
    (index / (FAN * FAN), index / FAN % FAN, index % FAN)
}

impl<K: Key, T: Clone> Default for Table<K, T> {
    fn default() -> Self {
        Self { blocks: Vec::new(), next: 0, len: 0, key: PhantomData }
    }
}

impl<K: Key, T: Clone> Table<K, T> {
    /// The key that the next new row gets.
    pub fn next_key(&self) -> K {
        K::from_index(self.next)
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The row, unless it is gone or never was.
    pub fn get(&self, key: K) -> Option<&T> {
        let (block, chunk, row) = place(key.index());
        self.blocks.get(block)?.as_ref()?[chunk].as_ref()?[row].as_ref()
    }

    /// Puts a row; the key may be a new one, but only beyond all given out.
    pub fn put(&mut self, key: K, value: T) {
        let (block, chunk, row) = place(key.index());
        if self.blocks.len() <= block {
            self.blocks.resize(block + 1, None);
        }
        let chunks = Arc::make_mut(self.blocks[block].get_or_insert_with(|| Arc::new([const { None }; FAN])));
        let rows = Arc::make_mut(chunks[chunk].get_or_insert_with(|| Arc::new([const { None }; FAN])));
        if rows[row].replace(value).is_none() {
            self.len += 1;
        }
        self.next = self.next.max(key.index() + 1);
    }

    /// Changes a row in place; copies its chunk if that is shared.
    pub fn update<R>(&mut self, key: K, change: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.get(key)?;
        let (block, chunk, row) = place(key.index());
        let chunks = Arc::make_mut(self.blocks[block].as_mut()?);
        Arc::make_mut(chunks[chunk].as_mut()?)[row].as_mut().map(change)
    }

    /// Takes a row out.
    pub fn remove(&mut self, key: K) -> Option<T> {
        self.get(key)?;
        let (block, chunk, row) = place(key.index());
        let chunks = Arc::make_mut(self.blocks[block].as_mut()?);
        let rows = Arc::make_mut(chunks[chunk].as_mut()?);
        let value = rows[row].take();
        self.len -= 1;
        if rows.iter().all(Option::is_none) {
            chunks[chunk] = None;
            if chunks.iter().all(Option::is_none) {
                self.blocks[block] = None;
            }
        }
        value
    }

    /// All rows, by key.
    pub fn iter(&self) -> impl Iterator<Item = (K, &T)> {
        self.chunks().flat_map(|(first, rows)| {
            let rows = rows.iter().enumerate();
            rows.filter_map(move |(row, value)| Some((K::from_index(first + row), value.as_ref()?)))
        })
    }

    /// All values, by key.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.chunks().flat_map(|(_, rows)| rows.iter().flatten())
    }

    /// The chunks that have rows, each with the index of its first.
    fn chunks(&self) -> impl Iterator<Item = (usize, &Chunk<T>)> {
        self.blocks.iter().enumerate().filter_map(|(place, block)| Some((place, block.as_deref()?))).flat_map(
            |(block, chunks)| {
                let chunks = chunks.iter().enumerate();
                chunks.filter_map(move |(chunk, rows)| Some(((block * FAN + chunk) * FAN, rows.as_deref()?)))
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::swarm::object::TaskKey;

    #[test]
    fn what_is_gone_leaves_nothing_behind() {
        let mut table: Table<TaskKey, u32> = Table::default();
        for value in 0..1000 {
            table.put(TaskKey(value), value);
        }
        for key in 0..999 {
            table.remove(TaskKey(key));
        }
        assert_eq!(table.iter().collect::<Vec<_>>(), [(TaskKey(999), &999)]);
        assert_eq!(table.chunks().count(), 1);
        table.remove(TaskKey(999));
        table.put(table.next_key(), 7);
        assert_eq!((table.len(), table.get(TaskKey(1000))), (1, Some(&7)));
    }

    #[test]
    fn rows_are_found_by_key_and_copies_are_independent() {
        let mut table: Table<TaskKey, u32> = Table::default();
        for value in 0..100 {
            let key = table.next_key();
            table.put(key, value);
        }
        let before = table.clone();
        table.update(TaskKey(40), |value| *value = 1000);
        assert_eq!(table.remove(TaskKey(41)), Some(41));
        assert_eq!(table.remove(TaskKey(41)), None);
        assert_eq!((table.get(TaskKey(40)), table.get(TaskKey(41)), table.len()), (Some(&1000), None, 99));
        assert_eq!((before.get(TaskKey(40)), before.get(TaskKey(41)), before.len()), (Some(&40), Some(&41), 100));
        assert_eq!(table.next_key(), TaskKey(100), "keys are not used again");
        assert_eq!(
            table.iter().map(|(key, _)| key.0).collect::<Vec<_>>(),
            (0..100).filter(|k| *k != 41).collect::<Vec<_>>()
        );
    }
}
