//! The fingerprint of a run: 64 bits into which every event is folded, the same on every platform.
//!
//! It is a `std::hash::Hasher`, so that anything that derives `Hash` can be folded in. It is not cryptographic: it
//! tells runs apart that differ by accident, not runs that somebody has forged.

use std::fmt;
use std::hash::{Hash, Hasher};

/// A rolling state of 64 bits; each word folded in costs one multiplication.
///
/// Every integer is folded as a `u64`, whatever its width, so that `usize` and the tags of enums weigh the same on 32
/// and 64 bits. One thing the standard library does not let us mend: it hands slices of integers (`[u32]`, not `[u8]`)
/// over as raw bytes of its own width and order, so do not fold those in (least of all `[usize]`) if all machines are
/// to agree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fingerprint(u64);

/// Odd, with its bits evenly spread: the first multiplier of wyhash.
const MULTIPLIER: u64 = 0xa076_1d64_78bd_642f;
/// Where a fingerprint starts: the second multiplier of wyhash, and so not zero.
const START: u64 = 0xe703_7ed1_a0b4_28db;

impl Fingerprint {
    /// The fingerprint of nothing.
    pub const fn new() -> Fingerprint {
        Fingerprint(START)
    }

    /// A fingerprint that starts elsewhere: two with different starts hash the same thing independently.
    pub(super) const fn from_start(start: u64) -> Fingerprint {
        Fingerprint(start ^ START)
    }

    /// Folds one word in.
    #[inline]
    pub const fn fold(&mut self, word: u64) {
        // The high half of the product depends on every bit and is folded back: a plain product would let high bits
        // of the input touch nothing below them.
        let product = (self.0 ^ word) as u128 * MULTIPLIER as u128;
        self.0 = (product as u64) ^ (product >> 64) as u64;
    }

    /// Folds anything hashable in.
    #[inline]
    pub fn fold_hash<T: Hash + ?Sized>(&mut self, value: &T) {
        value.hash(self);
    }

    /// As a number; [`Fingerprint::from_u64`] is the way back.
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// The fingerprint that [`Fingerprint::as_u64`] gave.
    pub const fn from_u64(state: u64) -> Fingerprint {
        Fingerprint(state)
    }
}

impl Default for Fingerprint {
    fn default() -> Fingerprint {
        Fingerprint::new()
    }
}

impl Hasher for Fingerprint {
    fn finish(&self) -> u64 {
        self.0
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            self.fold(u64::from_le_bytes(word.try_into().expect("eight bytes")));
        }
        let mut last = [0; 8];
        last[..words.remainder().len()].copy_from_slice(words.remainder());
        // The length in the top byte tells "a" from "a\0"; seven bytes at most are left, so it is free.
        last[7] = words.remainder().len() as u8;
        self.fold(u64::from_le_bytes(last));
    }

    #[inline]
    fn write_u8(&mut self, n: u8) {
        self.fold(u64::from(n));
    }

    #[inline]
    fn write_u16(&mut self, n: u16) {
        self.fold(u64::from(n));
    }

    #[inline]
    fn write_u32(&mut self, n: u32) {
        self.fold(u64::from(n));
    }

    #[inline]
    fn write_u64(&mut self, n: u64) {
        self.fold(n);
    }

    #[inline]
    fn write_u128(&mut self, n: u128) {
        self.fold(n as u64);
        self.fold((n >> 64) as u64);
    }

    #[inline]
    fn write_usize(&mut self, n: usize) {
        self.fold(n as u64);
    }

    #[inline]
    fn write_i8(&mut self, n: i8) {
        self.fold(i64::from(n) as u64);
    }

    #[inline]
    fn write_i16(&mut self, n: i16) {
        self.fold(i64::from(n) as u64);
    }

    #[inline]
    fn write_i32(&mut self, n: i32) {
        self.fold(i64::from(n) as u64);
    }

    #[inline]
    fn write_i64(&mut self, n: i64) {
        self.fold(n as u64);
    }

    #[inline]
    fn write_i128(&mut self, n: i128) {
        self.write_u128(n as u128);
    }

    #[inline]
    fn write_isize(&mut self, n: isize) {
        self.fold(n as i64 as u64);
    }
}

/// Sixteen hexadecimal digits.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A text that is no fingerprint.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0:?} is no fingerprint: sixteen hexadecimal digits are expected")]
pub struct ParseFingerprintError(String);

impl std::str::FromStr for Fingerprint {
    type Err = ParseFingerprintError;
    fn from_str(text: &str) -> Result<Fingerprint, ParseFingerprintError> {
        let hex = text.len() == 16 && text.bytes().all(|c| c.is_ascii_hexdigit());
        match u64::from_str_radix(text, 16) {
            Ok(state) if hex => Ok(Fingerprint(state)),
            _ => Err(ParseFingerprintError(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Hash)]
    enum Sample {
        Tick,
        Message { from: u16, text: &'static str, signed: i32 },
        Many(Vec<(u8, u16)>),
    }

    fn of(value: &impl Hash) -> Fingerprint {
        let mut f = Fingerprint::new();
        f.fold_hash(value);
        f
    }

    /// These values must never change: recordings and reports name them.
    #[test]
    fn golden() {
        assert_eq!(Fingerprint::new().to_string(), "e7037ed1a0b428db");
        assert_eq!(of(&0u64).to_string(), GOLDEN[0]);
        assert_eq!(of(&Sample::Tick).to_string(), GOLDEN[1]);
        assert_eq!(of(&Sample::Message { from: 3, text: "heartbeat", signed: -1 }).to_string(), GOLDEN[2]);
        assert_eq!(of(&Sample::Many(vec![(1, 2), (3, 4)])).to_string(), GOLDEN[3]);
    }
    const GOLDEN: [&str; 4] = ["1ff5c2923a788d2c", "1ff5c2923a788d2c", "62ead5fb75c53f2a", "e2891ff9cbc9296b"];

    #[test]
    fn width_does_not_matter_but_content_does() {
        assert_eq!(of(&7u8), of(&7usize));
        assert_eq!(of(&-7i8), of(&-7i64));
        assert_ne!(of(&"ab"), of(&"ab\0"));
        assert_ne!(of(&("a", "bc")), of(&("ab", "c")));
        assert_ne!(of(&(1u8, 2u8)), of(&(2u8, 1u8)));
    }

    #[test]
    fn reads_back() {
        let f = of(&"x");
        assert_eq!(f.to_string().parse(), Ok(f));
        assert!("+7037ed1a0b428db".parse::<Fingerprint>().is_err());
        assert!("1".parse::<Fingerprint>().is_err());
    }

    proptest! {
        #[test]
        fn one_flipped_bit_changes_it(
            words in prop::collection::vec(any::<u64>(), 1..50), at: prop::sample::Index, bit in 0u32..64,
        ) {
            let mut other = words.clone();
            other[at.index(words.len())] ^= 1 << bit;
            let fold = |words: &[u64]| {
                let mut f = Fingerprint::new();
                words.iter().for_each(|w| f.fold(*w));
                f
            };
            prop_assert_ne!(fold(&words), fold(&other));
        }
    }
}
