//! The unlock key, and how a manager's keys lie on its disk (raft-and-security.md §1.8, §5.6).
//!
//! The unlock key (KEK) is in the cluster object. Each manager encrypts with it what its disk holds: the TLS key and the
//! key of its Raft log (DEK). It does so when it *applies* the change, so a manager that was down has an older key, or
//! none, and needs that one at its next start. Modelled: "encrypted" is a note of the key, compared as a whole.

use super::der;
use std::fmt;

const PREFIX: &str = "SWMKEY-1-";

/// A key that locks managers: 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct UnlockKey(pub [u8; 32]);

impl UnlockKey {
    /// From two numbers.
    pub fn from_words(words: [u128; 2]) -> Self {
        let mut bytes = [0; 32];
        for (chunk, word) in bytes.chunks_exact_mut(16).zip(words) {
            chunk.copy_from_slice(&word.to_be_bytes());
        }
        Self(bytes)
    }

    /// Reads what a user typed.
    pub fn parse(text: &str) -> Result<Self, UnlockError> {
        let bytes = text.strip_prefix(PREFIX).and_then(der::unbase64).ok_or(UnlockError::Malformed)?;
        Ok(Self(bytes.try_into().map_err(|_| UnlockError::Malformed)?))
    }
}

impl fmt::Display for UnlockKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", der::base64(&self.0, false))
    }
}

impl fmt::Debug for UnlockKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Why `swarm unlock` fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum UnlockError {
    /// There is nothing to unlock.
    #[error("swarm is not locked")]
    NotLocked,
    /// Another key.
    #[error("swarm could not be unlocked: invalid key provided")]
    WrongKey,
    /// Not a key at all.
    #[error("invalid key string")]
    Malformed,
}

impl UnlockError {
    /// HTTP status of the answer.
    pub fn status(self) -> u16 {
        match self {
            UnlockError::NotLocked => 409,
            UnlockError::WrongKey => 401,
            UnlockError::Malformed => 400,
        }
    }
}

/// What the cluster object says about locking: a key or none, and which version of the object said so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Kek {
    /// Version index of the cluster object.
    pub version: u64,
    /// The key; none: managers start by themselves.
    pub key: Option<UnlockKey>,
}

/// The key of a manager's Raft log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DekState {
    /// One key for all of it.
    #[default]
    Settled,
    /// Wanted: what lay open on the disk until now must not stay readable with the key that lay beside it.
    NeedsRotation,
    /// New entries use the new key; old files go when a snapshot covers this index.
    Pending {
        /// The snapshot's least index.
        until: u64,
    },
}

/// The keys on a node's disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DiskKeys {
    kek: Kek,
    /// The log's key.
    pub dek: DekState,
    /// How many keys the log has had.
    pub dek_generation: u32,
}

impl DiskKeys {
    /// As a new node gets them: with its certificate a manager gets the cluster's key, a worker's lie open.
    pub fn new(manager: bool, kek: Kek) -> Self {
        let kek = if manager { kek } else { Kek { key: None, ..kek } };
        Self { kek, ..Self::default() }
    }

    /// They are encrypted: a daemon that starts here must be unlocked first.
    pub fn is_locked(&self) -> bool {
        self.kek.key.is_some()
    }

    /// With which version of the key they are written.
    pub fn version(&self) -> u64 {
        self.kek.version
    }

    /// What a manager does when it applies a cluster object: nothing for one that is not newer, else its keys are written
    /// again. Says whether they changed. Only from open to locked is the log's key replaced, too.
    pub fn apply(&mut self, kek: Kek) -> bool {
        if kek.version <= self.kek.version {
            return false;
        }
        let before = self.kek.key;
        self.kek = kek;
        if before.is_none() && kek.key.is_some() && self.dek == DekState::Settled {
            self.dek = DekState::NeedsRotation;
        }
        before != kek.key
    }

    /// The node has a worker's certificate now: its keys lie open.
    pub fn demoted(&mut self) {
        self.kek.key = None;
        self.dek = DekState::Settled;
    }

    /// The Raft loop comes by: where a new key of the log is wanted it is taken into use from this index on. Says whether a
    /// snapshot is to be taken here for its sake: at the index where that began, or the next where there was one already.
    pub fn wants_snapshot(&mut self, applied: u64, snapshot: u64) -> bool {
        if self.dek == DekState::NeedsRotation {
            let until = if snapshot >= applied { applied + 1 } else { applied };
            self.dek = DekState::Pending { until };
            self.dek_generation += 1;
        }
        matches!(self.dek, DekState::Pending { until } if applied >= until)
    }

    /// A snapshot at this index is on the disk; true when that ends a rotation, so that older files are to be deleted.
    pub fn snapshot_taken(&mut self, index: u64) -> bool {
        match self.dek {
            DekState::Pending { until } if index >= until => {
                self.dek = DekState::Settled;
                true
            }
            _ => false,
        }
    }

    /// `swarm unlock` with what the user typed.
    pub fn unlock(&self, text: &str) -> Result<(), UnlockError> {
        let Some(expected) = self.kek.key else { return Err(UnlockError::NotLocked) };
        if UnlockKey::parse(text)? == expected { Ok(()) } else { Err(UnlockError::WrongKey) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(number: u64) -> UnlockKey {
        UnlockKey::from_words([u128::from(number) << 64, !0])
    }

    fn kek(version: u64, number: Option<u64>) -> Kek {
        Kek { version, key: number.map(key) }
    }

    #[test]
    fn keys_have_their_text() {
        let text = key(0).to_string();
        assert_eq!(text.len(), 52);
        assert!(text.starts_with("SWMKEY-1-"));
        assert_eq!(UnlockKey::parse(&text), Ok(key(0)));
        let short = text[..51].to_owned();
        for bad in ["", "foo", "SWMKEY-1-", "SWMKEY-2-AAAA", "SWMTKN-1-x", &short, &format!("{text}A")] {
            assert_eq!(UnlockKey::parse(bad), Err(UnlockError::Malformed), "{bad}");
        }
    }

    #[test]
    fn what_unlock_says() {
        let mut keys = DiskKeys::new(true, Kek::default());
        assert_eq!(keys.unlock("whatever"), Err(UnlockError::NotLocked));
        keys.apply(kek(5, Some(0)));
        assert_eq!(keys.unlock("whatever"), Err(UnlockError::Malformed));
        assert_eq!(keys.unlock(&key(1).to_string()), Err(UnlockError::WrongKey));
        assert_eq!(keys.unlock(&key(0).to_string()), Ok(()));
        let texts = [UnlockError::NotLocked, UnlockError::WrongKey, UnlockError::Malformed]
            .map(|error| format!("{} {error}", error.status()));
        assert_eq!(
            texts,
            [
                "409 swarm is not locked",
                "401 swarm could not be unlocked: invalid key provided",
                "400 invalid key string"
            ]
        );
    }

    #[test]
    fn a_manager_that_was_down_needs_the_key_that_it_knew() {
        let mut keys = DiskKeys::new(true, kek(3, Some(0)));
        // Rotated at version 9 while it is down: after its start with the old key it catches up.
        assert_eq!(keys.unlock(&key(1).to_string()), Err(UnlockError::WrongKey));
        assert_eq!(keys.unlock(&key(0).to_string()), Ok(()));
        assert!(keys.apply(kek(9, Some(1))));
        assert_eq!(keys.unlock(&key(0).to_string()), Err(UnlockError::WrongKey));
        assert_eq!(keys.unlock(&key(1).to_string()), Ok(()));
    }

    #[test]
    fn locking_alone_replaces_the_key_of_the_log() {
        let mut keys = DiskKeys::new(true, Kek::default());
        keys.apply(kek(2, None));
        assert!(!keys.wants_snapshot(10, 4));
        keys.apply(kek(7, Some(0)));
        assert!(!keys.wants_snapshot(10, 10), "there is a snapshot here already");
        assert!(!keys.snapshot_taken(10));
        assert!(keys.wants_snapshot(11, 10));
        assert!(keys.snapshot_taken(11));
        keys.apply(kek(8, Some(1)));
        keys.apply(kek(9, None));
        assert!(!keys.wants_snapshot(12, 11));
        keys.apply(kek(10, Some(2)));
        assert!(keys.wants_snapshot(12, 11));
        assert_eq!(keys.dek_generation, 2);
    }

    #[test]
    fn workers_are_never_locked() {
        assert!(DiskKeys::new(true, kek(3, Some(0))).is_locked());
        let mut worker = DiskKeys::new(false, kek(3, Some(0)));
        assert!(!worker.is_locked());
        // The demoted one is open although the last object that it applied said otherwise.
        worker.apply(kek(4, Some(0)));
        worker.demoted();
        assert!(!worker.is_locked());
    }

    proptest! {
        /// Whatever the order in which objects are seen, the newest one decides.
        #[test]
        fn the_newest_version_wins(objects in prop::collection::vec((1u64..20, prop::option::of(0u64..4)), 0..20)) {
            let mut keys = DiskKeys::default();
            for (version, number) in &objects {
                // One version says one thing: the version's own number decides about the key.
                keys.apply(kek(*version, number.map(|_| *version).filter(|version| version % 3 != 0)));
                prop_assert!(keys.version() >= *version);
            }
            prop_assert_eq!(keys.version(), objects.iter().map(|(version, _)| *version).max().unwrap_or(0));
        }
    }
}
