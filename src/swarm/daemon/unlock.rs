//! `swarm unlock` at the daemon that is asked (raft-and-security.md §5.6).
//!
//! Which hosts come up locked, and what a right key sets going, is not decided here: no host locks by itself yet.

use super::{NOT_A_MANAGER, NOT_IN_SWARM};
use crate::swarm::api::{Answer, ApiError};
use crate::swarm::world::Host;

impl Host {
    /// Only a locked manager takes a key; every other state says what it is instead.
    pub(super) fn swarm_unlock(&self, _key: &str) -> Answer {
        let (status, text) = match () {
            () if self.disk.node.is_none() => (503, NOT_IN_SWARM),
            () if self.manager.is_none() => (503, NOT_A_MANAGER),
            () => (409, "swarm is not locked"),
        };
        Err(ApiError::new(status, text).into())
    }
}
