//! The cluster object and the Raft members that come with it (control-plane.md §1.2, raft-and-security.md §3.1).

use super::{Id, Meta, NodeKey};
use crate::engine::Duration;
use crate::net::HostId;
use crate::raft::MemberId;

/// The cluster object, named `default`.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Id.
    pub id: Id,
    /// Version and times.
    pub meta: Meta,
    /// Tasks kept a slot, the live one included; negative: all.
    pub task_history_limit: i64,
    /// What agents are told, give or take half a second.
    pub heartbeat_period: Duration,
    /// Raft entries between snapshots.
    pub snapshot_interval: u64,
    /// Digest of the root CA, as the middle part of a token shows it (50 characters).
    pub ca_digest: Id,
    /// Secret part of the worker token.
    pub worker_secret: Id,
    /// Secret part of the manager token.
    pub manager_secret: Id,
    /// Leadership has changed since the cluster was made; `docker info` shows the address pool only then.
    pub leadership_changed: bool,
}

impl Cluster {
    /// `SWMTKN-1-<50>-<25>`
    pub fn token(&self, manager: bool) -> String {
        let secret = if manager { self.manager_secret } else { self.worker_secret };
        format!("SWMTKN-1-{}-{secret}", base36(self.ca_digest()))
    }

    /// The digest of the root certificate: 32 bytes as two numbers. Drawn, not computed: nothing here is cryptography.
    pub fn ca_digest(&self) -> [u128; 2] {
        [self.ca_digest.0, self.ca_digest.0.rotate_left(61) ^ 0x5bd1_e995_97f4_a7c1_9e37_79b9_7f4a_7c15]
    }
}

/// 256 bits as 50 base-36 digits, left-padded with zeros.
fn base36(number: [u128; 2]) -> String {
    let mut words = [(number[0] >> 64) as u64, number[0] as u64, (number[1] >> 64) as u64, number[1] as u64];
    let mut digits = [b'0'; 50];
    for digit in digits.iter_mut().rev() {
        let mut rest = 0u128;
        for word in &mut words {
            let value = rest << 64 | u128::from(*word);
            *word = (value / 36) as u64;
            rest = value % 36;
        }
        *digit = b"0123456789abcdefghijklmnopqrstuvwxyz"[rest as usize];
    }
    digits.iter().map(|&digit| digit as char).collect()
}

/// The digest part of a token in hex, as the error about a foreign cluster names it; `None` when the token is not of the
/// real format.
pub fn token_digest(token: &str) -> Option<String> {
    let mut parts = token.split('-');
    let (prefix, version, digest, secret) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let well_formed = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase());
    if prefix != "SWMTKN" || version != "1" || parts.next().is_some() {
        return None;
    }
    if digest.len() != 50 || secret.len() != 25 || !well_formed(digest) || !well_formed(secret) {
        return None;
    }
    let mut words = [0u64; 5];
    for digit in digest.chars() {
        let mut carry = u128::from(digit.to_digit(36)?);
        for word in words.iter_mut().rev() {
            let value = u128::from(*word) * 36 + carry;
            *word = value as u64;
            carry = value >> 64;
        }
    }
    Some(format!("{:016x}{:016x}{:016x}{:016x}", words[1], words[2], words[3], words[4]))
}

/// A Raft member: identity in Raft, and the node that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// In Raft.
    pub raft: MemberId,
    /// The node.
    pub node: NodeKey,
    /// Where it listens on 2377.
    pub host: HostId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_survives_the_way_through_a_token() {
        let digest = [0x0123_4567_89ab_cdef_0011_2233_4455_6677, 0xffee_ddcc_bbaa_9988_7766_5544_3322_1100];
        let text = base36(digest);
        assert_eq!(text.len(), 50);
        let token = format!("SWMTKN-1-{text}-{}", "0".repeat(25));
        assert_eq!(token_digest(&token), Some(format!("{:032x}{:032x}", digest[0], digest[1])));
        for bad in ["", "notatoken", "SWMTKN-1-foo", "SWMTKN-2-x-y"] {
            assert_eq!(token_digest(bad), None, "{bad}");
        }
    }
}
