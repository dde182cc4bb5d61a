//! Whose doing a failure is that no order and no node brought about: an image's, or a registry's.
//!
//! A container that ends by itself, is killed for its memory or never gets healthy does what its image is made to do; a
//! task that is rejected, or prepares for ever, met the registry as it was then. The line that made them so is the second
//! beginning of such a chain, beside the order that asked for the image.
//!
//! Source: control-plane.md §2.1 (table of images that cannot be pulled).

use super::History;
use super::cause::image_of;
use crate::engine::Duration;
use crate::swarm::daemon::image::{canonical, familiar};
use crate::swarm::object::TaskState;
use crate::swarm::world::record::What;

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// The registry refused the image.
    Refused,
    /// The registry was not reached, or lost.
    Unreached,
    /// It takes long.
    Slow,
    /// The node's disk was full.
    Full,
    /// The program did what it does.
    Behaved,
}

impl History<'_> {
    /// The line for the first failure of a chain that an image or a registry is behind.
    pub(super) fn blame(&self, chain: &[usize]) -> Option<String> {
        let (link, trouble) = (0..chain.len()).find_map(|link| Some((link, self.trouble(chain, link)?)))?;
        let at = chain[link];
        let id = chain[..=link].iter().rev().chain(&chain[link..]).find_map(|place| match self.what(*place) {
            What::Task { id, .. } => Some(*id),
            _ => None,
        })?;
        let image = image_of(self, at, id)?;
        // A container does what its image did when it was made.
        let until = match trouble {
            Trouble::Behaved => self
                .before(
                    at + 1,
                    |what| matches!(what, What::Task { id: own, state: TaskState::Assigned, .. } if *own == id),
                )
                .and_then(|assigned| self.prepared(assigned, at, id))
                .unwrap_or(at),
            _ => at + 1,
        };
        let node = self.records[..=at].iter().rev().find_map(|record| match &record.what {
            What::Task { id: own, node: Some(node), .. } if *own == id => Some(&**node),
            _ => None,
        });
        let of_image = || self.before(until, |what| matches!(what, What::Fault { text } if is_of_image(text, image)));
        let of_registry = |word: &str| {
            self.before(until, |what| match what {
                What::Fault { text } => text.starts_with(&format!("registry {word}")) && concerns(text, node),
                _ => false,
            })
        };
        let fault = match trouble {
            Trouble::Refused | Trouble::Behaved => of_image(),
            Trouble::Unreached => {
                of_registry("down").max(of_image().filter(|fault| self.says(*fault, "reachable_from")))
            }
            Trouble::Full => self.before(until, |what| match what {
                What::Fault { text } => {
                    text.starts_with("disk ")
                        && text.contains(" full")
                        && node.is_some_and(|node| super::mentions(text, node))
                }
                _ => false,
            }),
            Trouble::Slow => of_registry("slow").max(of_image().filter(|fault| self.says(*fault, "pull="))),
        };
        let image = familiar(image);
        let Some(fault) = fault else {
            let known = matches!(trouble, Trouble::Behaved | Trouble::Refused)
                && self.world.env.catalogue.entry(image).is_some();
            return known
                .then(|| format!("  {:>12}  and because {image} is an image that does so from the beginning\n", ""));
        };
        let What::Fault { text } = self.what(fault) else { return None };
        let typed = self.typed_at(fault).map_or_else(String::new, |typed| format!(" ({typed})"));
        let at = self.records[fault].at.to_string();
        Some(format!("  {at:>12}  and because of {}{typed}\n", super::plain::fault(text)))
    }

    fn says(&self, place: usize, word: &str) -> bool {
        matches!(self.what(place), What::Fault { text } if text.contains(word))
    }

    /// Whether an image or a registry is behind this link of a chain.
    fn trouble(&self, chain: &[usize], link: usize) -> Option<Trouble> {
        match self.what(chain[link]) {
            What::Task { state, err: Some(err), from, .. }
                if *state == TaskState::Preparing || (*state == TaskState::Rejected && from.is_some()) =>
            {
                let any = |words: &[&str]| words.iter().any(|word| err.contains(word));
                if any(&["network is unreachable", "failed to copy"]) {
                    return Some(Trouble::Unreached);
                }
                if any(&["no space left on device"]) {
                    return Some(Trouble::Full);
                }
                any(&["not found", "pull access denied", "No such image"]).then_some(Trouble::Refused)
            }
            // The newest word of a task that waits for its image.
            What::Task {
                state: TaskState::Assigned | TaskState::Accepted | TaskState::Preparing, err: None, ..
            } if link == 0 => {
                let slow = self.world.env.registry.delay() > Duration::ZERO;
                let old = self.world.now() - self.records[chain[0]].at > Duration::from_secs(5);
                (slow || old).then_some(Trouble::Slow)
            }
            // By itself: neither a fault, nor an order, nor its node is next in the chain.
            What::ContainerEnded { code, oom, .. } => {
                let by_itself = chain.get(link + 1).is_none_or(|next| match self.what(*next) {
                    What::ContainerStarted { .. } => true,
                    What::Task { state, desired, .. } => {
                        *state == TaskState::Assigned && *desired <= TaskState::Complete
                    }
                    _ => false,
                });
                (by_itself && (*code != 0 || *oom)).then_some(Trouble::Behaved)
            }
            What::ContainerHealth { healthy: false, .. } => {
                let made_so = chain.get(link + 1).is_some_and(|next| matches!(self.what(*next), What::Fault { .. }));
                (!made_so).then_some(Trouble::Behaved)
            }
            _ => None,
        }
    }

    /// When a container was made, as near as the trace knows: its start, or else the end of what is looked at.
    fn prepared(&self, assigned: usize, until: usize, id: crate::swarm::object::Id) -> Option<usize> {
        (assigned..until)
            .find(|place| matches!(self.what(*place), What::ContainerStarted { name, .. } if super::is_of(name, id)))
    }
}

/// Whether a fault's line is about an image: `image bad:1 exits=1`.
fn is_of_image(text: &str, image: &str) -> bool {
    let mut words = text.split_whitespace();
    words.next() == Some("image") && words.next().is_some_and(|named| canonical(named) == canonical(image))
}

/// Whether a registry's line is about this node: about all, or about some of which it is one.
pub(super) fn concerns(text: &str, node: Option<&str>) -> bool {
    match text.split_once(" for ") {
        Some((_, hosts)) => node.is_some_and(|node| super::mentions(hosts, node)),
        None => true,
    }
}
