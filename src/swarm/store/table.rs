//! A table of objects by small typed keys, in chunks behind `Arc`: cheap to clone, cheap to change in one place.

use std::marker::PhantomData;
use std::sync::Arc;

/// A typed row number.
pub trait Key: Copy + Eq + Ord {
    /// The row.
    fn index(self) -> usize;
    /// The key of a row.
    fn from_index(index: usize) -> Self;
}

const CHUNK: usize = 32;

/// Rows by key. Keys are given out in order and never used again.
#[derive(Clone, Debug)]
pub struct Table<K, T> {
    chunks: Vec<Arc<Vec<Option<T>>>>,
    next: usize,
    len: usize,
    key: PhantomData<K>,
}

impl<K: Key, T: Clone> Default for Table<K, T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), next: 0, len: 0, key: PhantomData }
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
        self.chunks.get(key.index() / CHUNK)?.get(key.index() % CHUNK)?.as_ref()
    }

    /// Puts a row; the key may be a new one, but only beyond all given out.
    pub fn put(&mut self, key: K, value: T) {
        let index = key.index();
        while self.chunks.len() <= index / CHUNK {
            self.chunks.push(Arc::new(Vec::new()));
        }
        let chunk = Arc::make_mut(&mut self.chunks[index / CHUNK]);
        if chunk.len() <= index % CHUNK {
            chunk.resize(index % CHUNK + 1, None);
        }
        let slot = &mut chunk[index % CHUNK];
        if slot.is_none() {
            self.len += 1;
        }
        *slot = Some(value);
        self.next = self.next.max(index + 1);
    }

    /// Changes a row in place; copies its chunk if that is shared.
    pub fn update<R>(&mut self, key: K, change: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.get(key)?;
        let chunk = Arc::make_mut(&mut self.chunks[key.index() / CHUNK]);
        chunk[key.index() % CHUNK].as_mut().map(change)
    }

    /// Takes a row out.
    pub fn remove(&mut self, key: K) -> Option<T> {
        self.get(key)?;
        let chunk = Arc::make_mut(&mut self.chunks[key.index() / CHUNK]);
        let value = chunk[key.index() % CHUNK].take();
        if chunk.iter().all(Option::is_none) {
            // A chunk of rows long gone keeps nothing but its place.
            self.chunks[key.index() / CHUNK] = Arc::new(Vec::new());
        }
        self.len -= 1;
        value
    }

    /// All rows, by key.
    pub fn iter(&self) -> impl Iterator<Item = (K, &T)> {
        self.chunks.iter().enumerate().flat_map(|(chunk, rows)| {
            rows.iter()
                .enumerate()
                .filter_map(move |(row, value)| Some((K::from_index(chunk * CHUNK + row), value.as_ref()?)))
        })
    }

    /// All values, by key.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flat_map(|rows| rows.iter().flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::swarm::object::TaskKey;

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
