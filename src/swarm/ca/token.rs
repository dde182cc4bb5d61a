//! Join tokens: `SWMTKN-1-<digest of the root, 50 characters>-<secret, 25 characters>` (raft-and-security.md §5.4).
//!
//! The role is not in it: the leader compares the whole text with its two tokens. Clusters that demand FIPS (version 2)
//! are not modelled; their tokens are malformed here.

use super::root::RootCa;
use crate::swarm::object::Id;

const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// The token for a cluster with this root and this secret.
pub fn token(root: &RootCa, secret: Id) -> String {
    format!("SWMTKN-1-{}-{secret}", base36(root.digest()))
}

/// 256 bits as 50 digits of base 36, left-padded with zeros.
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
        *digit = DIGITS[rest as usize];
    }
    digits.iter().map(|&digit| char::from(digit)).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Time;
    use crate::swarm::ca::RootId;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_digest_survives_the_way_through_a_token(id: u128, secret: u128) {
            let root = RootCa::new(RootId(id), Time::ZERO);
            let text = token(&root, Id(secret));
            prop_assert_eq!(text.len(), 85);
            prop_assert_eq!(token_digest(&text), Some(root.digest_hex()));
        }

        #[test]
        fn no_text_is_a_surprise(text in ".{0,100}") {
            let _ = token_digest(&text);
        }
    }

    #[test]
    fn what_is_not_a_token() {
        let good = token(&RootCa::new(RootId(7), Time::ZERO), Id(7));
        let bads = [
            "".to_owned(),
            "notatoken".into(),
            "foobaz".into(),
            "SWMTKN-1-foo".into(),
            good.replace("-1-", "-0-"),
            good.replace("-1-", "-2-"),
            good.replace("SWMTKN", "SWMKEY"),
            good.to_uppercase(),
            good[..84].into(),
            format!("{good}0"),
            format!("{good}-"),
        ];
        for bad in bads {
            assert_eq!(token_digest(&bad), None, "{bad}");
        }
    }
}
