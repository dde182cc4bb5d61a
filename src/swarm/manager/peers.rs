//! The other members of the cluster's consensus, as one manager sees them.
//!
//! A handful: a flat list is quicker to look through than any map, and it is asked with every Raft message.

use crate::net::HostId;
use crate::raft::MemberId;

/// Another member.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// Where.
    pub host: HostId,
    /// The last send worked.
    pub active: bool,
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

    /// A member.
    pub fn get(&self, member: MemberId) -> Option<&Peer> {
        self.0.iter().find(|(known, _)| *known == member).map(|(_, peer)| peer)
    }

    /// The members on a host: more than one where one has left and joined anew.
    pub fn on(&self, host: HostId) -> impl Iterator<Item = &Peer> {
        self.0.iter().map(|(_, peer)| peer).filter(move |peer| peer.host == host)
    }

    /// The first member on a host, to be changed.
    pub fn on_mut(&mut self, host: HostId) -> Option<(MemberId, &mut Peer)> {
        self.0.iter_mut().find(|(_, peer)| peer.host == host).map(|(member, peer)| (*member, peer))
    }
}
