//! Ids: the long ones that users see, and the small typed ones that index the store's tables.

use std::fmt;

/// The id of a swarm object: 25 lower-case base-36 characters. Drawn from the seed, never from an order of creation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Id(pub u128);

/// Twelve digits of base 36.
const PART: u128 = 36u128.pow(12);

impl Id {
    /// How many characters an id has.
    pub const LENGTH: usize = 25;

    /// The characters.
    pub fn text(self) -> String {
        let mut digits = [b'0'; Self::LENGTH];
        // The low digit comes first, so that the first characters, which users see and type, are the most random ones.
        let mut rest = self.0;
        // Twelve digits at a time: they fit 64 bits, whose division is many times quicker than that of 128.
        for part in digits.chunks_mut(12) {
            let mut low = (rest % PART) as u64;
            rest /= PART;
            for digit in part {
                let value = (low % 36) as u8;
                low /= 36;
                *digit = if value < 10 { b'0' + value } else { b'a' + value - 10 };
            }
        }
        digits.iter().map(|&digit| digit as char).collect()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text())
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.text())
    }
}

macro_rules! key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub u32);

        impl $crate::swarm::store::Key for $name {
            fn index(self) -> usize {
                self.0 as usize
            }
            fn from_index(index: usize) -> Self {
                Self(u32::try_from(index).expect("limits keep every table below 2^32 rows"))
            }
        }
    };
}

key!(
    /// Row of a service in its store.
    ServiceKey
);
key!(
    /// Row of a task in its store.
    TaskKey
);
key!(
    /// Row of a node in its store.
    NodeKey
);
key!(
    /// Row of a network in its store.
    NetworkKey
);
key!(
    /// Row of a secret or a config in its store.
    FileKey
);

#[cfg(test)]
mod tests {
    use super::Id;

    #[test]
    fn the_low_digit_comes_first() {
        let (id, mut rest) =
            (Id(0x0123_4567_89ab_cdef_fedc_ba98_7654_3210), 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210u128);
        for digit in id.text().chars() {
            assert_eq!(digit.to_digit(36), Some((rest % 36) as u32));
            rest /= 36;
        }
    }

    #[test]
    fn an_id_has_25_characters_of_base_36() {
        for id in [Id(0), Id(35), Id(36), Id(u128::MAX)] {
            let text = id.text();
            assert_eq!(text.len(), 25, "{text}");
            assert!(text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase()), "{text}");
        }
        assert_ne!(Id(1).text(), Id(36).text());
    }
}
