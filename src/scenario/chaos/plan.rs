//! The lines that chaos types, drawn from the seed: each fault from a stream of its own, each with its mending.
//!
//! It looks at no world, so that the plan can be told beforehand and nothing in a run can move it.

use super::Chaos;
use super::kinds::{Ground, KINDS, Wound};
use crate::engine::{Duration, Seed, Stream};
use crate::net::LinkSpec;

/// A line and when it is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Typed {
    /// When.
    pub at: Duration,
    /// What.
    pub line: String,
}

/// Every line of a run's chaos, in order. `hosts` are those of the cluster, `link` is how a wire is when it is well.
pub fn plan(chaos: &Chaos, seed: Seed, hosts: &[&str], link: LinkSpec) -> Vec<Typed> {
    let mut lines: Vec<Typed> = Vec::new();
    // Who is hurt, and until when.
    let mut hurt: Vec<(Duration, String)> = Vec::new();
    let mut at = chaos.from;
    for number in 0u64.. {
        let mut draw = seed.stream("chaos", &number);
        // The times come first: which kinds there are does not move them.
        at += about(chaos.every, &mut draw);
        let lasts = about(chaos.lasts, &mut draw);
        if at >= chaos.until {
            break;
        }
        let mended = (at + lasts).min(chaos.until);
        hurt.retain(|(until, _)| *until > at);
        let mut whole: Vec<&str> = chaos.targets.iter().map(String::as_str).collect();
        whole.retain(|host| !hurt.iter().any(|(_, name)| name == host));
        let room = chaos.at_most.saturating_sub(hurt.len());
        if room == 0 || whole.is_empty() || chaos.faults.is_empty() {
            continue;
        }
        let victim = whole.remove(draw.below(whole.len() as u64) as usize);
        let word = chaos.faults[draw.below(chaos.faults.len() as u64) as usize];
        let ground = Ground { victim, spare: whole, hosts: hosts.to_vec(), room, link };
        let kind = KINDS.iter().find(|kind| kind.word == word);
        let Some(Wound { line, mend, hurt: who }) = kind.and_then(|kind| (kind.draw)(&ground, &mut draw)) else {
            continue;
        };
        lines.push(Typed { at, line });
        lines.push(Typed { at: mended, line: mend });
        hurt.extend(who.into_iter().map(|host| (mended, host)));
    }
    lines.sort_by_key(|typed| typed.at);
    lines
}

/// Half to one and a half times a length, evenly, in whole milliseconds where that is not nothing.
fn about(mean: Duration, draw: &mut Stream) -> Duration {
    let length = draw.between(mean / 2, mean + mean / 2);
    let millis = Duration::from_millis(length.as_millis());
    if millis > Duration::ZERO { millis } else { length.max(Duration::from_nanos(1)) }
}
