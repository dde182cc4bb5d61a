//! A cluster's root certificate: whom its nodes trust (raft-and-security.md §6.1).
//!
//! A number stands for the key pair; digest, public key and the text of the certificate are derived from it. The text has
//! the real one's fields and lengths, so that it looks like one; its signature is drawn, not made.

use super::der;
use crate::engine::{Duration, Key, Seed, Time};
use std::fmt;

/// A root is valid for twenty years of 365 days.
const VALIDITY: Duration = Duration::from_hours(20 * 365 * 24);
/// Against clocks that are behind.
const BACKDATE: Duration = Duration::from_minutes(5);

/// A root's key pair, as a number drawn from the seed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RootId(pub u128);

impl fmt::Debug for RootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "root {:08x}", self.0 >> 96)
    }
}

impl RootId {
    fn key(self) -> Key {
        Seed(self.0 as u64).key("ca.root", &self.0)
    }

    /// The issuer's public key in base 64, as `node inspect` shows it.
    pub fn public_key(self) -> String {
        der::base64(&der::public_key(&self.key()), true)
    }

    /// The issuer's subject, `CN=swarm-ca`, in base 64, as `node inspect` shows it: the same for every root.
    pub fn subject() -> String {
        der::base64(&der::NAME, true)
    }
}

/// A root certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RootCa {
    /// Its key pair.
    pub id: RootId,
    /// Valid from.
    pub not_before: Time,
}

impl RootCa {
    /// A root made at this moment: valid from five minutes before the nearest minute.
    pub fn new(id: RootId, wall: Time) -> Self {
        let minute = Duration::from_minutes(1).as_nanos();
        let rounded = (wall.nanos() + minute / 2).div_euclid(minute) * minute;
        Self { id, not_before: Time::from_nanos(rounded) - BACKDATE }
    }

    /// Valid until.
    pub fn not_after(&self) -> Time {
        self.not_before + VALIDITY
    }

    /// The digest in join tokens: 32 bytes as two numbers. Drawn, not computed.
    pub fn digest(&self) -> [u128; 2] {
        [self.id.0, self.id.0.rotate_left(61) ^ 0x5bd1_e995_97f4_a7c1_9e37_79b9_7f4a_7c15]
    }

    /// The digest in hexadecimal, as the text about a foreign cluster names it.
    pub fn digest_hex(&self) -> String {
        let digest = self.digest();
        format!("{:032x}{:032x}", digest[0], digest[1])
    }

    /// The text of the certificate, as `docker swarm ca` prints it. A certificate in shape only.
    pub fn pem(&self) -> String {
        der::pem(&der::root(&self.id.key(), self.not_before, self.not_after()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::swarm::api::time::rfc3339;

    fn at(seconds: i64) -> Time {
        Time::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn a_root_is_back_dated_from_the_nearest_minute() {
        let start = |seconds| RootCa::new(RootId(1), at(seconds)).not_before;
        assert_eq!(start(0), at(-300));
        assert_eq!(start(29), at(-300));
        assert_eq!(start(31), at(-240));
        assert_eq!(start(-29), at(-300));
        let root = RootCa::new(RootId(1), at(0));
        assert_eq!(rfc3339(root.not_before.nanos()), "2026-01-05T08:55:00Z");
        assert_eq!(rfc3339(root.not_after().nanos()), "2045-12-31T08:55:00Z");
    }

    #[test]
    fn its_text_has_the_real_shape() {
        let root = RootCa::new(RootId(0x1234_5678_9abc_def0_0fed_cba9_8765_4321), at(0));
        let text = root.pem();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "-----BEGIN CERTIFICATE-----");
        assert!(lines[1].starts_with("MIIBajCCARCgAwIBAgIU"), "{text}");
        assert_eq!(lines.last(), Some(&"-----END CERTIFICATE-----"));
        // As many lines as recorded ones have.
        assert_eq!(lines.len(), 10);
        assert!(lines[1..lines.len() - 1].iter().all(|line| line.len() <= 64));
        let key = root.id.public_key();
        assert!(key.starts_with("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE") && key.ends_with("=="), "{key}");
        assert_eq!(text, root.pem());
        assert_ne!(text, RootCa::new(RootId(2), at(0)).pem());
    }
}
