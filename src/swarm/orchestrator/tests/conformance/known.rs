//! Where a replay differs from a recording, and why. The list may only shrink: what is in it and no longer differs fails
//! the test.

use std::collections::BTreeSet;

/// One known difference.
#[derive(Debug)]
pub struct Known {
    /// The recording's file.
    recording: &'static str,
    /// In the words of the difference.
    contains: &'static str,
    /// Why it is the recording that is the exception, or chance.
    pub evidence: &'static str,
}

const KNOWN: &[Known] = &[];

/// The place in the list of a difference, if it is known.
pub fn find(recording: &str, difference: &str) -> Option<usize> {
    KNOWN.iter().position(|known| known.recording == recording && difference.contains(known.contains))
}

/// Entries that no difference has met.
pub fn unmet(met: &BTreeSet<usize>) -> impl Iterator<Item = &'static Known> {
    KNOWN.iter().enumerate().filter(|(place, _)| !met.contains(place)).map(|(_, known)| known)
}
