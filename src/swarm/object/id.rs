//! Ids: the long ones that users see, and the small typed ones that index the store's tables.

use std::fmt;

/// The id of a swarm object: 25 lower-case base-36 characters. Drawn from the seed, never from an order of creation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Id(pub u128);

impl Id {
    /// How many characters an id has.
    pub const LENGTH: usize = 25;

    /// The characters.
    pub fn text(self) -> String {
        let mut digits = [b'0'; Self::LENGTH];
        // The low digit comes first, so that the first characters, which users see and type, are the most random ones.
        let mut rest = self.0;
        for digit in &mut digits {
            let value = (rest % 36) as u8;
            rest /= 36;
            *digit = if value < 10 { b'0' + value } else { b'a' + value - 10 };
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

#[cfg(test)]
mod tests {
    use super::Id;

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
