//! What the wires refuse to carry: cuts between hosts, ports closed on a host.
//!
//! Quality (latency, loss) is not a fault in this sense; see `wire`. With no fault in force a question costs two
//! comparisons.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::HostId;

/// Cuts and closed ports.
#[derive(Clone, Default, Debug)]
pub(super) struct Faults {
    cuts: Option<Arc<Cuts>>,
    blocked: Arc<BTreeSet<(HostId, u16)>>,
}

/// A square of bits: the row of the sender, the column of the receiver.
#[derive(Clone, Debug)]
struct Cuts {
    hosts: usize,
    /// Words in a row.
    stride: usize,
    bits: Vec<u64>,
}

impl Cuts {
    fn new(hosts: usize) -> Cuts {
        let stride = hosts.div_ceil(64);
        Cuts { hosts, stride, bits: vec![0; hosts * stride] }
    }

    /// The same cuts among more hosts.
    fn widened(&self, hosts: usize) -> Cuts {
        let mut wide = Cuts::new(hosts);
        for row in 0..self.hosts {
            let (from, to) = (row * self.stride, row * wide.stride);
            wide.bits[to..to + self.stride].copy_from_slice(&self.bits[from..from + self.stride]);
        }
        wide
    }

    fn has(&self, a: HostId, b: HostId) -> bool {
        // A host added after the cut has no row yet and is not cut.
        a.index() < self.hosts
            && b.index() < self.hosts
            && self.bits[a.index() * self.stride + b.index() / 64] >> (b.index() % 64) & 1 == 1
    }

    fn mend(&mut self, a: HostId, b: HostId) {
        if self.has(a, b) {
            self.row(a)[b.index() / 64] &= !(1 << (b.index() % 64));
        }
    }

    fn row(&mut self, a: HostId) -> &mut [u64] {
        &mut self.bits[a.index() * self.stride..][..self.stride]
    }
}

fn set(row: &mut [u64], host: HostId) {
    row[host.index() / 64] |= 1 << (host.index() % 64);
}

impl Faults {
    #[inline]
    pub(super) fn pass(&self, a: HostId, b: HostId, port: u16) -> bool {
        self.cuts.as_ref().is_none_or(|cuts| !cuts.has(a, b))
            && (self.blocked.is_empty() || !self.blocked.contains(&(b, port)))
    }

    fn cuts_mut(&mut self, hosts: usize) -> &mut Cuts {
        let cuts = self.cuts.get_or_insert_with(|| Arc::new(Cuts::new(hosts)));
        if cuts.hosts < hosts {
            *cuts = Arc::new(cuts.widened(hosts));
        }
        Arc::make_mut(cuts)
    }

    pub(super) fn partition(&mut self, hosts: usize, groups: &[Vec<HostId>]) {
        let cuts = self.cuts_mut(hosts);
        let mut named = vec![0; cuts.stride];
        groups.iter().flatten().for_each(|host| set(&mut named, *host));
        let members: BTreeSet<HostId> = groups.iter().flatten().copied().collect();
        for host in members {
            let mut friends = vec![0; cuts.stride];
            for group in groups.iter().filter(|group| group.contains(&host)) {
                group.iter().for_each(|friend| set(&mut friends, *friend));
            }
            for ((word, named), friends) in cuts.row(host).iter_mut().zip(&named).zip(&friends) {
                *word |= named & !friends;
            }
        }
        self.forget_if_whole();
    }

    pub(super) fn cut(&mut self, hosts: usize, a: HostId, b: HostId) {
        if a != b {
            set(self.cuts_mut(hosts).row(a), b);
        }
    }

    pub(super) fn heal(&mut self) {
        self.cuts = None;
    }

    pub(super) fn mend(&mut self, a: HostId, b: HostId) {
        if let Some(cuts) = &mut self.cuts {
            Arc::make_mut(cuts).mend(a, b);
            self.forget_if_whole();
        }
    }

    pub(super) fn mend_host(&mut self, host: HostId) {
        if let Some(cuts) = &mut self.cuts {
            let cuts = Arc::make_mut(cuts);
            for other in (0..cuts.hosts as u16).map(HostId) {
                cuts.mend(host, other);
                cuts.mend(other, host);
            }
            self.forget_if_whole();
        }
    }

    /// With the last cut gone the quick answer is back.
    fn forget_if_whole(&mut self) {
        if self.cuts.as_ref().is_some_and(|cuts| cuts.bits.iter().all(|word| *word == 0)) {
            self.cuts = None;
        }
    }

    pub(super) fn block(&mut self, host: HostId, port: u16) {
        Arc::make_mut(&mut self.blocked).insert((host, port));
    }

    pub(super) fn unblock(&mut self, host: HostId, port: u16) {
        Arc::make_mut(&mut self.blocked).remove(&(host, port));
    }

    pub(super) fn unblock_all(&mut self, host: HostId) {
        Arc::make_mut(&mut self.blocked).retain(|(other, _)| *other != host);
    }

    pub(super) fn cuts(&self) -> Vec<(HostId, HostId)> {
        let Some(cuts) = &self.cuts else { return Vec::new() };
        let all = (0..cuts.hosts as u16).map(HostId);
        all.clone().flat_map(|a| all.clone().map(move |b| (a, b))).filter(|(a, b)| cuts.has(*a, *b)).collect()
    }

    pub(super) fn blocked(&self) -> impl Iterator<Item = (HostId, u16)> {
        self.blocked.iter().copied()
    }

    pub(super) fn weight(&self) -> usize {
        self.cuts.as_ref().map_or(0, |cuts| cuts.bits.len() * 8) + self.blocked.len() * 8
    }
}
