//! How ties are broken that the real Swarm leaves to the order of Go's maps.
//!
//! Source: control-plane.md §3.3-§3.5, every "[unspecified]"; §15.

use crate::engine::Stream;
use crate::swarm::object::NodeKey;
use std::sync::Arc;

/// How ties that real Swarm leaves to Go's map order are broken.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one a leader")]
pub enum Ties {
    /// The natural order: nodes by hostname (digit runs as numbers), then id; tasks by service name, slot, then age;
    /// branches by label value.
    Natural,
    /// An order drawn anew each time, as Go does.
    Shuffled(Stream),
}

impl Ties {
    /// Puts what stands in its natural order in the order in which it is to be looked at.
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        if let Ties::Shuffled(stream) = self {
            stream.shuffle(items);
        }
    }

    /// The same for the nodes, which are not copied unless they must be.
    pub(super) fn nodes(&mut self, natural: &Arc<Vec<NodeKey>>) -> Arc<Vec<NodeKey>> {
        let mut nodes = natural.clone();
        if let Ties::Shuffled(_) = self {
            self.shuffle(Arc::make_mut(&mut nodes).as_mut_slice());
        }
        nodes
    }
}
