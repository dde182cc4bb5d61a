//! Bytes of a certificate's text in the shape of DER, PEM and base 64. Shape only: keys and signatures are drawn, and no
//! curve knows them (RFC 5280's fields, RFC 4648's alphabet).

use crate::engine::{Key, Time};
use crate::swarm::api::time::rfc3339;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Standard base 64, padded with `=` if asked for.
pub(super) fn base64(bytes: &[u8], padded: bool) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            text.push(char::from(ALPHABET[(word >> (18 - 6 * place) & 63) as usize]));
        }
        if padded {
            text.extend(std::iter::repeat_n('=', 3 - chunk.len()));
        }
    }
    text
}

/// Unpadded base 64 back into bytes; `None` for anything that [`base64`] would not have written.
pub(super) fn unbase64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    for chunk in text.as_bytes().chunks(4) {
        let mut word = 0u32;
        for &c in chunk {
            word = word << 6 | ALPHABET.iter().position(|&a| a == c)? as u32;
        }
        let (count, spare) = match chunk.len() {
            4 => (3, 0),
            3 => (2, 2),
            2 => (1, 4),
            _ => return None,
        };
        if word & ((1 << spare) - 1) != 0 {
            return None;
        }
        word >>= spare;
        bytes.extend_from_slice(&word.to_be_bytes()[4 - count..]);
    }
    Some(bytes)
}

/// A block of PEM, 64 characters a line.
pub(super) fn pem(bytes: &[u8]) -> String {
    let body = base64(bytes, true);
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(64));
        text += line;
        text.push('\n');
        rest = more;
    }
    text + "-----END CERTIFICATE-----\n"
}

/// `CN=swarm-ca`
pub(super) const NAME: [u8; 21] = [
    0x30, 0x13, 0x31, 0x11, 0x30, 0x0f, 0x06, 0x03, 0x55, 0x04, 0x03, 0x13, 0x08, b's', b'w', b'a', b'r', b'm', b'-',
    b'c', b'a',
];

/// ECDSA with SHA-256.
const SIGNATURE_ALGORITHM: [u8; 12] = [0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];

/// A P-256 public key, up to its 64 bytes.
const PUBLIC_KEY: [u8; 27] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];

/// Extensions of a root: may sign, is a CA, and the head of its key's identifier.
const EXTENSIONS: [u8; 48] = [
    0xa3, 0x42, 0x30, 0x40, 0x30, 0x0e, 0x06, 0x03, 0x55, 0x1d, 0x0f, 0x01, 0x01, 0xff, 0x04, 0x04, 0x03, 0x02, 0x01,
    0x06, 0x30, 0x0f, 0x06, 0x03, 0x55, 0x1d, 0x13, 0x01, 0x01, 0xff, 0x04, 0x05, 0x30, 0x03, 0x01, 0x01, 0xff, 0x30,
    0x1d, 0x06, 0x03, 0x55, 0x1d, 0x0e, 0x04, 0x16, 0x04, 0x14,
];

fn drawn(key: &Key, from: u64, count: usize) -> impl Iterator<Item = u8> {
    (from..).flat_map(|at| key.at_u128(at).to_be_bytes()).take(count)
}

/// The public key that goes with a root's number, as certificates carry it.
pub(super) fn public_key(key: &Key) -> Vec<u8> {
    PUBLIC_KEY.into_iter().chain(drawn(key, 16, 64)).collect()
}

/// Wraps a body of up to 64 KiB into a sequence.
fn sequence(body: Vec<u8>) -> Vec<u8> {
    let [high, low] = u16::try_from(body.len()).expect("certificates are small").to_be_bytes();
    let mut bytes = vec![0x30];
    match body.len() {
        0..=127 => bytes.push(low),
        128..=255 => bytes.extend([0x81, low]),
        _ => bytes.extend([0x82, high, low]),
    }
    bytes.extend(body);
    bytes
}

/// UTCTime: `YYMMDDHHMMSSZ`.
fn utc(time: Time) -> Vec<u8> {
    let text = rfc3339(time.nanos());
    let digits = text[2..19].bytes().filter(u8::is_ascii_digit);
    [0x17, 13].into_iter().chain(digits).chain([b'Z']).collect()
}

/// A positive integer of 32 drawn bytes; one with its highest bit set has a zero before them.
fn integer(key: &Key, from: u64, high: bool) -> Vec<u8> {
    let mut bytes: Vec<u8> = drawn(key, from, 32).collect();
    bytes[0] = if high { bytes[0] | 0x80 } else { bytes[0] & 0x7f | 0x40 };
    let head: &[u8] = if high { &[0x02, 33, 0] } else { &[0x02, 32] };
    [head, &bytes].concat()
}

/// The certificate of a root whose chance is `key`.
pub(super) fn root(key: &Key, not_before: Time, not_after: Time) -> Vec<u8> {
    let mut serial: Vec<u8> = drawn(key, 32, 20).collect();
    serial[0] = serial[0] & 0x7f | 0x40;
    let mut body = vec![0xa0, 0x03, 0x02, 0x01, 0x02, 0x02, 20];
    body.extend(serial);
    body.extend(SIGNATURE_ALGORITHM);
    body.extend(NAME);
    body.extend(sequence([utc(not_before), utc(not_after)].concat()));
    body.extend(NAME);
    body.extend(public_key(key));
    body.extend(EXTENSIONS);
    body.extend(drawn(key, 40, 20));
    let mut whole = sequence(body);
    whole.extend(SIGNATURE_ALGORITHM);
    let signature = sequence([integer(key, 48, false), integer(key, 56, true)].concat());
    whole.extend([0x03, u8::try_from(signature.len() + 1).expect("two integers"), 0]);
    whole.extend(signature);
    sequence(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_64_is_the_standard_one() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(bytes.as_bytes(), true), text);
            let bare = text.trim_end_matches('=');
            assert_eq!(base64(bytes.as_bytes(), false), bare);
            assert_eq!(unbase64(bare).as_deref(), Some(bytes.as_bytes()));
        }
        for bad in ["Z", "Zg==", "Zh", "Z g", "Zm9"] {
            assert_eq!(unbase64(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_name_is_what_node_inspect_shows() {
        assert_eq!(base64(&NAME, true), "MBMxETAPBgNVBAMTCHN3YXJtLWNh");
    }
}
