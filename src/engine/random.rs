//! Randomness by name: every draw belongs to a seed, a purpose and a stable owner.
//!
//! A [`Stream`] is a sequence with a state (ChaCha8, 300 bytes); a [`Key`] draws statelessly at a counter, which suits
//! what exists in thousands. Integers only: uniform numbers, ratios, ranges. It is not for secrets, only for chance
//! that repeats.

use std::fmt;
use std::hash::{Hash, Hasher};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::fingerprint::Fingerprint;
use super::time::Duration;

/// The seed of a run: all its chance follows from it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Seed(pub u64);

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Seed {
    /// The key of `owner`'s chance for one `purpose`.
    ///
    /// `purpose` names the component that draws (`"link"`, `"raft election"`). `owner` is an identity that does not
    /// depend on how the run went before: a host's index and boot, the two ends of a link, a service's name, slot and
    /// attempt; never an id that was drawn, nor a count of things created so far.
    pub fn key(self, purpose: &'static str, owner: &(impl Hash + ?Sized)) -> Key {
        let mut hasher = KeyHasher { a: Fingerprint::from_start(self.0), b: Fingerprint::from_start(!mix(self.0)) };
        hasher.write(purpose.as_bytes());
        owner.hash(&mut hasher);
        let (a, b) = (hasher.a.as_u64(), hasher.b.as_u64());
        Key([mix(a), mix(b), mix(a.wrapping_add(GOLDEN_RATIO)), mix(b.wrapping_add(GOLDEN_RATIO))])
    }

    /// The stream of `owner`'s chance for one `purpose`; see [`Seed::key`].
    pub fn stream(self, purpose: &'static str, owner: &(impl Hash + ?Sized)) -> Stream {
        self.key(purpose, owner).stream()
    }
}

/// The same thing hashed twice over, independently: 128 bits, so that a million owners do not meet by chance.
struct KeyHasher {
    a: Fingerprint,
    b: Fingerprint,
}

macro_rules! both {
    ($($write:ident: $int:ty),*) => {
        $(#[inline]
        fn $write(&mut self, n: $int) {
            self.a.$write(n);
            self.b.$write(n);
        })*
    };
}

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.a.finish()
    }

    fn write(&mut self, bytes: &[u8]) {
        self.a.write(bytes);
        self.b.write(bytes);
    }

    both!(write_u8: u8, write_u16: u16, write_u32: u32, write_u64: u64, write_u128: u128, write_usize: usize,
          write_i8: i8, write_i16: i16, write_i32: i32, write_i64: i64, write_i128: i128, write_isize: isize);
}

/// 2^64 divided by the golden ratio: steps by it visit all of the range evenly.
const GOLDEN_RATIO: u64 = 0x9e37_79b9_7f4a_7c15;

/// A permutation of 64 bits that lets every bit of the input touch every bit of the output (SplitMix64's finalizer).
#[inline]
const fn mix(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// A random function of a counter, small and without state: the same counter always gives the same draw.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Key([u64; 4]);

impl Key {
    /// The draw at `counter`: any of the 2^64 numbers, evenly.
    #[inline]
    pub const fn at(&self, counter: u64) -> u64 {
        Self::lane(counter, self.0[0], self.0[1])
    }

    /// The draw of 128 bits at `counter`; its low half is [`Key::at`] of the same counter.
    #[inline]
    pub const fn at_u128(&self, counter: u64) -> u128 {
        (Self::lane(counter, self.0[2], self.0[3]) as u128) << 64 | self.at(counter) as u128
    }

    /// The draw at `counter` as a number below `n` (0 when `n` is 0).
    ///
    /// Uneven by less than `n` in 2^64, since a draw without state cannot be repeated as [`Stream::below`] does.
    #[inline]
    pub const fn below(&self, counter: u64, n: u64) -> u64 {
        ((self.at(counter) as u128 * n as u128) >> 64) as u64
    }

    /// The sequence that belongs to this key.
    pub fn stream(&self) -> Stream {
        let mut bytes = [0; 32];
        for (chunk, word) in bytes.chunks_exact_mut(8).zip(self.0) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        Stream(ChaCha8Rng::from_seed(bytes))
    }

    /// Two rounds, a word of the key before each: with one, two keys would give the same numbers shifted.
    #[inline]
    const fn lane(counter: u64, first: u64, second: u64) -> u64 {
        mix(mix(counter.wrapping_mul(GOLDEN_RATIO).wrapping_add(first)) ^ second)
    }
}

/// A sequence of random numbers with a state (ChaCha8: portable, and its values never change).
#[derive(Clone, Debug)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// The next 64 bits.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `n`, all equally likely (Lemire's method).
    ///
    /// # Panics
    /// If `n` is 0: there is no such number.
    #[inline]
    pub fn below(&mut self, n: u64) -> u64 {
        assert!(n > 0, "no number is below 0");
        let mut product = u128::from(self.next_u64()) * u128::from(n);
        if (product as u64) < n {
            // Of the 2^64 draws, 2^64 mod n would favour some results: they are drawn again.
            let favoured = n.wrapping_neg() % n;
            while (product as u64) < favoured {
                product = u128::from(self.next_u64()) * u128::from(n);
            }
        }
        (product >> 64) as u64
    }

    /// A length from `lo` up to but without `hi`; `lo`, without a draw, when there is none between.
    pub fn between(&mut self, lo: Duration, hi: Duration) -> Duration {
        if hi <= lo {
            return lo;
        }
        let width = hi.as_nanos().wrapping_sub(lo.as_nanos()) as u64;
        Duration::from_nanos(lo.as_nanos().wrapping_add(self.below(width) as i64))
    }

    /// True `num` times in `den`; a `num` above `den` means always. One draw in any case.
    ///
    /// # Panics
    /// If `den` is 0.
    pub fn chance(&mut self, num: u64, den: u64) -> bool {
        self.below(den) < num
    }

    /// Puts the items in an order of which all are equally likely (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i as u64 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// These values must never change: a seed in a lesson or a bug report means the run that it meant.
    #[test]
    fn golden() {
        let key = Seed(42).key("link", &(3u16, 5u16));
        let mut stream = key.stream();
        assert_eq!([key.at(0), key.at(1), stream.next_u64(), stream.next_u64()], GOLDEN);
        let mut by_name = Seed(0).stream("task", &("web", 1u32, 2u32));
        assert_eq!(by_name.next_u64(), GOLDEN_NAME);
    }
    const GOLDEN: [u64; 4] =
        [3_657_355_727_743_374_867, 18_124_893_805_386_276_767, 4_042_902_465_988_809_283, 17_983_127_128_840_020_289];
    const GOLDEN_NAME: u64 = 3_975_705_762_445_819_218;

    #[test]
    fn a_draw_in_one_stream_moves_no_other() {
        let first = |extra: bool| {
            let (mut a, mut b) = (Seed(1).stream("raft", &1u16), Seed(1).stream("raft", &2u16));
            if extra {
                a.next_u64();
            }
            b.next_u64()
        };
        assert_eq!(first(false), first(true));
    }

    #[test]
    fn seed_purpose_and_owner_each_matter() {
        let mut all = vec![
            Seed(1).key("a", &1u8).at(0),
            Seed(2).key("a", &1u8).at(0),
            Seed(1).key("b", &1u8).at(0),
            Seed(1).key("a", &2u8).at(0),
            Seed(1).key("a", &1u8).at(1),
            Seed(1).key("a", "1").at(0),
            Seed(1).key("", "a1").at(0),
        ];
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 7);
    }

    #[test]
    fn draws_are_even() {
        let (mut stream, key) = (Seed(7).stream("even", &()), Seed(7).key("even", &()));
        let (mut by_stream, mut by_key) = ([0u32; 10], [0u32; 10]);
        for i in 0..100_000 {
            by_stream[stream.below(10) as usize] += 1;
            by_key[key.below(i, 10) as usize] += 1;
        }
        // The standard deviation is 95: five of them.
        assert!(by_stream.iter().chain(&by_key).all(|n| n.abs_diff(10_000) < 475), "{by_stream:?} {by_key:?}");
        assert_eq!((0..100_000).filter(|_| stream.chance(1, 1)).count(), 100_000);
        assert!((0..100_000).filter(|_| stream.chance(1, 4)).count().abs_diff(25_000) < 685);
        assert!(!stream.chance(0, 5));
    }

    proptest! {
        #[test]
        fn ranges_hold(seed: u64, n in 1u64.., lo: i64, hi: i64) {
            let mut stream = Seed(seed).stream("range", &());
            prop_assert!(stream.below(n) < n);
            let (lo, hi) = (Duration::from_nanos(lo), Duration::from_nanos(hi));
            let d = stream.between(lo, hi);
            prop_assert!(d >= lo && (d < hi || hi <= lo));
        }

        #[test]
        fn shuffling_loses_nothing(seed: u64, n in 0usize..50) {
            let mut items: Vec<usize> = (0..n).collect();
            Seed(seed).stream("shuffle", &()).shuffle(&mut items);
            items.sort_unstable();
            prop_assert_eq!(items, (0..n).collect::<Vec<_>>());
        }
    }
}
