//! One direction between two hosts: its quality, how many packets it has carried, and when they arrive.
//!
//! A wire keeps no random state: the chance of its n-th packet is a pure function of the ends and n.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Datagram, HostId, Transit};
use crate::engine::{Duration, Key, Time};

/// The quality of a link in one direction.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct LinkSpec {
    /// The least that a packet takes.
    pub latency: Duration,
    /// What chance adds to it: from nothing up to, but without, this.
    pub jitter: Duration,
    /// Of a million packets, how many are lost.
    pub loss_per_million: u32,
    /// Of a million datagrams, how many arrive twice. A stream hides its duplicates.
    pub duplicate_per_million: u32,
}

const MILLION: u64 = 1_000_000;
/// Linux's TCP_RTO_MIN: the first retransmission of a segment on a quick link.
const RETRANSMISSION: Duration = Duration::from_millis(200);
/// Linux's TCP_RTO_MAX, where the doubling ends.
const RETRANSMISSION_MAX: Duration = Duration::from_secs(120);
/// Linux's net.ipv4.tcp_retries2.
const RETRIES: u64 = 15;
/// Numbers reserved for the draws of one packet: so that one draw more for a packet moves none of the next.
const DRAWS: u64 = 32;

/// The default quality and the pairs that differ from it.
#[derive(Clone, Debug)]
pub(super) struct Links {
    default: LinkSpec,
    special: Arc<BTreeMap<(HostId, HostId), LinkSpec>>,
}

impl Links {
    pub(super) fn new(default: LinkSpec) -> Links {
        Links { default, special: Arc::default() }
    }

    pub(super) fn default_link(&self) -> LinkSpec {
        self.default
    }

    pub(super) fn own(&self) -> impl Iterator<Item = (HostId, HostId, LinkSpec)> {
        self.special.iter().map(|(&(a, b), &spec)| (a, b, spec))
    }

    pub(super) fn set_default(&mut self, spec: LinkSpec) {
        self.default = spec;
    }

    pub(super) fn set(&mut self, a: HostId, b: HostId, spec: LinkSpec) {
        let special = Arc::make_mut(&mut self.special);
        special.insert((a, b), spec);
        special.insert((b, a), spec);
    }

    pub(super) fn reset(&mut self, a: HostId, b: HostId) {
        let special = Arc::make_mut(&mut self.special);
        special.remove(&(a, b));
        special.remove(&(b, a));
    }

    #[inline]
    pub(super) fn get(&self, a: HostId, b: HostId) -> LinkSpec {
        if self.special.is_empty() {
            return self.default;
        }
        self.special.get(&(a, b)).copied().unwrap_or(self.default)
    }
}

/// The wires that leave one host: those that have carried something, by the receiver.
#[derive(Clone, Default, Debug)]
pub(super) struct Wires {
    /// Sorted, and apart from the wires: a search for one in a hundred touches two or three cache lines.
    peers: Vec<HostId>,
    wires: Vec<Wire>,
}

impl Wires {
    #[inline]
    pub(super) fn to(&mut self, peer: HostId, key: impl FnOnce() -> Key) -> &mut Wire {
        let at = match self.peers.binary_search(&peer) {
            Ok(at) => at,
            Err(at) => {
                self.peers.insert(at, peer);
                self.wires.insert(at, Wire { segments: 0, datagrams: 0, last: Time::MIN, key: key() });
                at
            }
        };
        &mut self.wires[at]
    }

    pub(super) fn weight(&self) -> usize {
        self.wires.len() * (size_of::<Wire>() + size_of::<HostId>())
    }
}

/// One direction between two hosts.
#[derive(Clone, Debug)]
pub(super) struct Wire {
    segments: u64,
    datagrams: u64,
    /// When the last segment sent arrives.
    last: Time,
    /// The chance of segments.
    key: Key,
}

fn one_in_a_million(key: &Key, counter: u64, per_million: u32) -> bool {
    per_million > 0 && key.below(counter, MILLION) < u64::from(per_million)
}

fn latency(key: &Key, counter: u64, spec: &LinkSpec) -> Duration {
    let jitter = spec.jitter.max(Duration::ZERO).as_nanos() as u64;
    spec.latency + Duration::from_nanos(key.below(counter, jitter) as i64)
}

impl Wire {
    /// A segment.
    #[inline]
    pub(super) fn stream(&mut self, now: Time, spec: &LinkSpec) -> Transit {
        let draw = self.segments * DRAWS;
        self.segments += 1;
        let mut delay = spec.latency;
        if spec.jitter > Duration::ZERO || spec.loss_per_million > 0 {
            let key = self.key;
            delay = latency(&key, draw, spec);
            let (mut again, mut tries) = (RETRANSMISSION, 0);
            while one_in_a_million(&key, draw + 1 + tries, spec.loss_per_million) {
                delay += again;
                again = (again * 2).min(RETRANSMISSION_MAX);
                tries += 1;
                if tries > RETRIES {
                    return Transit::Vanishes;
                }
            }
        }
        self.last = self.last.max(now + delay);
        Transit::Arrives(self.last)
    }

    /// A datagram: `key` gives the link's chance, and is asked only when there is any.
    #[inline]
    pub(super) fn datagram(&mut self, now: Time, spec: &LinkSpec, key: impl FnOnce() -> Key) -> Datagram {
        let draw = self.datagrams * DRAWS;
        self.datagrams += 1;
        if spec.jitter <= Duration::ZERO && spec.loss_per_million == 0 && spec.duplicate_per_million == 0 {
            return Datagram::Arrives(now + spec.latency);
        }
        let key = key();
        if one_in_a_million(&key, draw + 1, spec.loss_per_million) {
            return Datagram::Lost;
        }
        let at = now + latency(&key, draw, spec);
        if one_in_a_million(&key, draw + 2, spec.duplicate_per_million) {
            return Datagram::Twice(at, now + latency(&key, draw + 3, spec));
        }
        Datagram::Arrives(at)
    }
}
