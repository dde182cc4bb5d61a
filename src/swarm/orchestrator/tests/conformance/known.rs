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
    #[allow(dead_code, reason = "for those who read the list")]
    evidence: &'static str,
}

/// What comes with so many of the sixteen seeds is missed by all of ten runs once in a hundred times.
pub const MOST_TIMES: u64 = 5;

const KNOWN: &[Known] = &[
    Known {
        recording: "19-explain-mixed",
        contains: "never said",
        evidence: "The first explanation after a partial success counts only the nodes looked at since (§3.2), so it \
                   depends on the order of a Go map; of the first message only the run that is printed is known. What \
                   it settles to is the same in all runs and here.",
    },
    Known {
        recording: "19-explain-mixed",
        contains: "said only here",
        evidence: "The same: other orders of the nodes give other first explanations.",
    },
    Known {
        recording: "30-update-fails-rollback",
        contains: "mid: state_multiset",
        evidence: "The checkpoint falls into the 50 ms in which the rollback has just begun. Which of two new tasks is told \
                   to stop depends on the order of slots; the recording shows one order before their placement and the \
                   other after it, here both orders come up before it.",
    },
    Known {
        recording: "33-max-failure-ratio",
        contains: " e",
        evidence: "Service e fails in slot 1 only. In none of the ten runs was that slot the first that the update took, \
                   which has a chance of 0.75^10 = 6 %; some seeds here do, and pause one slot earlier.",
    },
    Known {
        recording: "33-max-failure-ratio",
        contains: "no task went through pending; desired ready",
        evidence: "Service f goes on crashing in slot 1; when the update came to that slot decides in which phase of the \
                   loop the end of the run finds it. The printed run ends within the 50 ms before a placement.",
    },
    Known {
        recording: "42-task-history",
        contains: "placement",
        evidence: "After five failures on each of the two nodes they tie at every other placement. A Go map of two \
                   entries begins with the first of them seven times in eight (checkpoint 3s: 9 of 10), so the same \
                   node was seen in all ten runs. Here the order is drawn evenly.",
    },
];

/// The place in the list of a difference, if it is known.
pub fn find(recording: &str, difference: &str) -> Option<usize> {
    KNOWN.iter().position(|known| known.recording == recording && difference.contains(known.contains))
}

/// Entries that no difference has met.
pub fn unmet(met: &BTreeSet<usize>) -> impl Iterator<Item = &'static Known> {
    KNOWN.iter().enumerate().filter(|(place, _)| !met.contains(place)).map(|(_, known)| known)
}
