//! The cluster object and the Raft members that come with it (control-plane.md §1.2, raft-and-security.md §3.1).

use super::{Id, Meta, NodeKey};
use crate::engine::Duration;
use crate::net::HostId;
use crate::raft::MemberId;
use crate::swarm::api::ExternalCa;
use std::sync::Arc;

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
    /// Older Raft snapshots that are kept.
    pub keep_old_snapshots: u64,
    /// How long a node certificate is valid.
    pub node_cert_expiry: Duration,
    /// Where else certificates are signed.
    pub external_cas: Arc<[ExternalCa]>,
    /// A root that the user gave: certificate and key, both PEM. The key may be missing where an external CA has it.
    pub signing_ca: Option<Arc<(String, String)>>,
    /// How often a new root has been asked for.
    pub force_rotate: u64,
    /// A new root has been asked for and is not everywhere yet. Whoever carries rotations out keeps it.
    pub root_rotation_in_progress: bool,
    /// Managers start locked.
    pub autolock: bool,
    /// What unlocks them; only while `autolock` holds.
    pub unlock_keys: Option<UnlockKey>,
    /// Networks of `--default-addr-pool`; empty: the built-in `10.0.0.0/8`.
    pub default_addr_pool: Arc<[String]>,
    /// Prefix length of a network from the pool.
    pub subnet_size: u32,
    /// VXLAN's port.
    pub data_path_port: u32,
    /// Digest of the root CA, as the middle part of a token shows it (50 characters).
    pub ca_digest: Id,
    /// Secret part of the worker token.
    pub worker_secret: Id,
    /// Secret part of the manager token.
    pub manager_secret: Id,
    /// Leadership has changed since the cluster was made; `docker info` shows the address pool only then.
    pub leadership_changed: bool,
}

impl Default for Cluster {
    /// Docker's defaults, and no secrets.
    fn default() -> Self {
        Self {
            id: Id::default(),
            meta: Meta::default(),
            task_history_limit: 5,
            heartbeat_period: Duration::from_secs(5),
            snapshot_interval: 10_000,
            keep_old_snapshots: 0,
            node_cert_expiry: Duration::from_secs(90 * 24 * 3600),
            external_cas: Arc::default(),
            signing_ca: None,
            force_rotate: 0,
            root_rotation_in_progress: false,
            autolock: false,
            unlock_keys: None,
            default_addr_pool: Arc::default(),
            subnet_size: 24,
            data_path_port: 4789,
            ca_digest: Id::default(),
            worker_secret: Id::default(),
            manager_secret: Id::default(),
            leadership_changed: false,
        }
    }
}

/// What unlocks a manager: 32 bytes, drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UnlockKey {
    /// The bytes, as two numbers.
    pub key: [u128; 2],
    /// The cluster object's version when the key was made: of two keys the newer one holds.
    pub version: u64,
}

const KEY_PREFIX: &str = "SWMKEY-1-";
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

impl UnlockKey {
    /// `SWMKEY-1-` and 43 characters of unpadded base64.
    pub fn text(&self) -> String {
        let mut bytes = self.key.iter().flat_map(|part| part.to_be_bytes()).collect::<Vec<_>>();
        // 32 bytes are ten groups of three and one of two, which takes three characters.
        bytes.push(0);
        let mut text = KEY_PREFIX.to_owned();
        for group in bytes.chunks(3) {
            let bits = group.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte));
            text.extend((0..4).map(|place| char::from(BASE64[(bits >> (18 - 6 * place) & 63) as usize])));
        }
        text.pop();
        text
    }

    /// The bytes of a key as a user typed it; `None` when it cannot be one.
    pub fn parse(text: &str) -> Option<[u128; 2]> {
        let digits = text.strip_prefix(KEY_PREFIX)?;
        if digits.len() != 43 {
            return None;
        }
        let mut bytes = Vec::with_capacity(33);
        for group in digits.as_bytes().chunks(4) {
            let mut bits = 0u32;
            for place in 0..4 {
                let digit = match group.get(place) {
                    Some(digit) => BASE64.iter().position(|known| known == digit)?,
                    None => 0,
                };
                bits = bits << 6 | digit as u32;
            }
            bytes.extend_from_slice(&bits.to_be_bytes()[1..]);
        }
        let part = |from: usize| bytes[from..from + 16].try_into().map(u128::from_be_bytes).ok();
        Some([part(0)?, part(16)?])
    }
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
    fn an_unlock_key_survives_the_way_through_its_text() {
        for key in [[0, 0], [u128::MAX, u128::MAX], [0x0123_4567_89ab_cdef_0011_2233_4455_6677, 0xff]] {
            let text = UnlockKey { key, version: 1 }.text();
            assert_eq!(text.len(), 52, "{text}");
            assert_eq!(UnlockKey::parse(&text), Some(key), "{text}");
        }
        let text = UnlockKey { key: [u128::from_be_bytes(*b"swarmlab key 123"), 0], version: 1 }.text();
        assert!(text.starts_with("SWMKEY-1-c3dhcm1sYWIga2V5IDEyM"), "{text}");
        for bad in ["", "SWMKEY-1-", "SWMKEY-2-c3dhcm1sYWIga2V5IDEyMwAAAAAAAAAAAAAAAAAAAAA", "SWMKEY-1-short"] {
            assert_eq!(UnlockKey::parse(bad), None, "{bad}");
        }
    }

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
