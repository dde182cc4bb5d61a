//! The other members of the cluster's consensus, as one manager sees them.
//!
//! A handful: a flat list is quicker to look through than any map, and it is asked with every Raft message.
//!
//! Source: raft-and-security.md §1.2, §1.6.

use crate::engine::{Duration, Key, Time};
use crate::net::HostId;
use crate::raft::MemberId;

/// The pause after the first failed dial; each further failure makes it longer by three fifths...
const BACKOFF: Duration = Duration::from_secs(1);
/// ... up to this, give or take a fifth.
const BACKOFF_MAX: Duration = Duration::from_secs(8);

/// Another member.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// Where.
    pub host: HostId,
    /// The last send worked.
    pub active: bool,
    /// Dials that failed one after the other.
    failed: u32,
    /// In which tick of the manager's it was heard of last.
    pub(super) heard: u64,
    /// Until then nothing is dialled: what is sent fails at once.
    dial_at: Time,
}

impl Peer {
    /// A peer that is met in this tick, and not reached yet.
    pub fn new(host: HostId, heard: u64) -> Self {
        Self { host, active: false, failed: 0, heard, dial_at: Time::MIN }
    }

    /// Whether a message may be sent: there is a connection, or one may be dialled.
    pub fn may_send(&self, connected: bool, now: Time) -> bool {
        connected || now >= self.dial_at
    }

    /// A message was taken.
    pub fn reached(&mut self) {
        self.failed = 0;
        self.dial_at = Time::MIN;
        self.active = true;
    }

    /// A connection that stood was reset: it is dialled anew at once. Says whether the peer was active.
    pub fn lost(&mut self) -> bool {
        std::mem::replace(&mut self.active, false)
    }

    /// Nobody listened: the next dial waits, longer each time.
    pub fn refused(&mut self, now: Time, key: Key) {
        let mut pause = BACKOFF.as_nanos();
        for _ in 0..self.failed.min(8) {
            pause = (pause * 8 / 5).min(BACKOFF_MAX.as_nanos());
        }
        let spread = key.below(u64::from(self.failed), (pause / 5 * 2) as u64) as i64;
        self.failed += 1;
        self.dial_at = now + Duration::from_nanos(pause - pause / 5 + spread);
    }
}

/// The other members, by their names in Raft.
#[derive(Clone, Debug, Default)]
pub struct Peers(Vec<(MemberId, Peer)>);

impl Peers {
    /// Adds a member, or replaces what was known of it.
    pub fn put(&mut self, member: MemberId, peer: Peer) {
        match self.0.binary_search_by_key(&member, |(known, _)| *known) {
            Ok(place) => self.0[place].1 = peer,
            Err(place) => self.0.insert(place, (member, peer)),
        }
    }

    /// Takes a member away.
    pub fn remove(&mut self, member: MemberId) {
        self.0.retain(|(known, _)| *known != member);
    }

    /// Keeps those members only.
    pub fn retain(&mut self, keep: impl Fn(MemberId) -> bool) {
        self.0.retain(|(known, _)| keep(*known));
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (MemberId, &Peer)> {
        self.0.iter().map(|(member, peer)| (*member, peer))
    }

    /// A member.
    pub fn get(&self, member: MemberId) -> Option<&Peer> {
        self.0.iter().find(|(known, _)| *known == member).map(|(_, peer)| peer)
    }

    /// The members on a host: more than one where one has left and joined anew.
    pub fn on(&self, host: HostId) -> impl Iterator<Item = &Peer> {
        self.0.iter().map(|(_, peer)| peer).filter(move |peer| peer.host == host)
    }

    /// The members on a host, to be changed.
    pub fn on_mut(&mut self, host: HostId) -> impl Iterator<Item = (MemberId, &mut Peer)> {
        self.0.iter_mut().filter(move |(_, peer)| peer.host == host).map(|(member, peer)| (*member, peer))
    }

    /// A member, to be changed.
    pub fn get_mut(&mut self, member: MemberId) -> Option<&mut Peer> {
        self.0.iter_mut().find(|(known, _)| *known == member).map(|(_, peer)| peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Seed;

    #[test]
    fn dials_that_fail_come_less_often_up_to_every_eight_seconds() {
        let mut peer = Peer::new(HostId(1), 0);
        let key = Seed(1).key("test", &0u8);
        let mut pauses = Vec::new();
        for _ in 0..8 {
            peer.refused(Time::ZERO, key);
            pauses.push((peer.dial_at - Time::ZERO).as_nanos() as f64 / 1e9);
        }
        for (pause, expected) in pauses.iter().zip([1.0, 1.6, 2.56, 4.096, 6.5536, 8.0, 8.0, 8.0]) {
            assert!((pause / expected - 1.0).abs() <= 0.2, "{pause} is not about {expected}");
        }
        peer.reached();
        assert!(peer.active && peer.may_send(false, Time::ZERO));
    }
}
