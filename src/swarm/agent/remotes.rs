//! The managers that an agent knows, and how it chooses one (raft-and-security.md §8).

use crate::engine::Stream;
use crate::net::HostId;
use crate::swarm::object::NodeKey;
use std::collections::BTreeMap;

/// A good observation; a bad one is its negative.
const OBSERVATION: i32 = 10;
/// What a manager from the state file starts with.
const WEIGHT_FROM_DISK: i32 = 5;

/// Known managers with the weight that experience gave them.
#[derive(Clone, Debug, Default)]
pub struct Remotes {
    weights: BTreeMap<HostId, (NodeKey, i32)>,
}

impl Remotes {
    /// As a state file or a join gives them.
    pub fn new(managers: impl IntoIterator<Item = (NodeKey, HostId)>) -> Self {
        Self { weights: managers.into_iter().map(|(node, host)| (host, (node, WEIGHT_FROM_DISK))).collect() }
    }

    /// The managers, by host.
    pub fn managers(&self) -> impl Iterator<Item = (NodeKey, HostId)> {
        self.weights.iter().map(|(&host, &(node, _))| (node, host))
    }

    /// The list that a manager sent replaces what was known; each of them is a good observation.
    pub fn replace(&mut self, managers: &[(NodeKey, HostId)]) {
        self.weights.retain(|host, _| managers.iter().any(|(_, listed)| listed == host));
        for &(node, host) in managers {
            self.weights.entry(host).or_insert((node, 0));
            self.observe(host, true);
        }
    }

    /// A session with it worked, or did not.
    pub fn observe(&mut self, host: HostId, good: bool) {
        if let Some((_, weight)) = self.weights.get_mut(&host) {
            let sum = *weight + if good { OBSERVATION } else { -OBSERVATION };
            // The mean of old and new, rounded up.
            *weight = (sum + 1).div_euclid(2).clamp(-256, 256);
        }
    }

    /// One of them, the better ones more often: by max(weight, 0) plus a thousandth.
    pub fn choose(&self, stream: &mut Stream) -> Option<HostId> {
        let share = |weight: i32| u64::try_from(weight.max(0)).unwrap_or(0) * 1000 + 1;
        let total: u64 = self.weights.values().map(|&(_, weight)| share(weight)).sum();
        if total == 0 {
            return None;
        }
        let mut draw = stream.below(total);
        for (&host, &(_, weight)) in &self.weights {
            match draw.checked_sub(share(weight)) {
                Some(rest) => draw = rest,
                None => return Some(host),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_follow_the_averages_of_the_real_ones() {
        let mut remotes = Remotes::default();
        let manager = (NodeKey(0), HostId(0));
        let weight = |remotes: &Remotes| remotes.weights[&HostId(0)].1;
        let mut seen = Vec::new();
        for _ in 0..5 {
            remotes.replace(&[manager]);
            seen.push(weight(&remotes));
        }
        assert_eq!(seen, [5, 8, 9, 10, 10]);
        seen.clear();
        for _ in 0..6 {
            remotes.observe(HostId(0), false);
            seen.push(weight(&remotes));
        }
        assert_eq!(seen, [0, -5, -7, -8, -9, -9]);
    }
}
