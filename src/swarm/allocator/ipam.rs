//! Addresses: which blocks the networks have, and which addresses of a block are given.
//!
//! A network gets the lowest free block of the cluster's pools. Inside a block addresses are given serially: the next free
//! one behind the last that was given, from the start again at the end. What is given back is not given again before that.
//! A new leader knows what is given, not where its predecessor stood.
//!
//! Source: networking.md §1.2, §1.4 (libnetwork's `ipams/defaultipam`, `bitmap`).

use crate::swarm::object::Subnet;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// Why there is no address. The real code only logs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::swarm) enum IpamError {
    /// Another network has a part of the block.
    #[error("Pool overlaps with other one on this address space")]
    Overlap,
    /// All of the pools is given.
    #[error("could not find an available predefined network")]
    NoPool,
    /// All of the block is given.
    #[error("could not find an available IP")]
    NoAddress,
    /// The address that is asked for has been given.
    #[error("Address already in use")]
    InUse,
    /// The address that is asked for is not in the block.
    #[error("Requested address is out of range")]
    OutOfRange,
}

/// The blocks that are given, by their first address.
#[derive(Clone, Debug, Default)]
pub(in crate::swarm) struct Blocks(BTreeMap<u32, Subnet>);

impl Blocks {
    /// A block that is given and has an address in common with this one.
    fn overlapping(&self, block: Subnet) -> Option<Subnet> {
        // Given blocks do not overlap each other: the last one that begins before the end of this one tells.
        let (_, last) = self.0.range(..=block.last()).next_back()?;
        last.overlaps(block).then_some(*last)
    }

    /// Takes a block.
    pub(in crate::swarm) fn take(&mut self, block: Subnet) -> Result<(), IpamError> {
        if self.overlapping(block).is_some() {
            return Err(IpamError::Overlap);
        }
        self.0.insert(block.first(), block);
        Ok(())
    }

    /// Takes the lowest free block of a length from the first pool that has one.
    pub(in crate::swarm) fn take_lowest(&mut self, pools: &[Subnet], length: u8) -> Result<Subnet, IpamError> {
        let found = pools.iter().find_map(|pool| self.lowest(*pool, length)).ok_or(IpamError::NoPool)?;
        self.0.insert(found.first(), found);
        Ok(found)
    }

    fn lowest(&self, pool: Subnet, length: u8) -> Option<Subnet> {
        let mut block = Subnet::around(pool.base, length.max(pool.length));
        while let Some(taken) = self.overlapping(block) {
            let next = taken.last().max(block.last()).checked_add(1)?;
            // Behind the block that is in the way, at the next multiple of the wanted size.
            block = Subnet::around(Ipv4Addr::from(next), block.length);
            if block.first() < next {
                let next = block.last().checked_add(1)?;
                block = Subnet::around(Ipv4Addr::from(next), block.length);
            }
        }
        (block.last() <= pool.last()).then_some(block)
    }

    /// Gives a block back.
    pub(in crate::swarm) fn free(&mut self, block: Subnet) {
        self.0.remove(&block.first());
    }
}

/// The addresses of one block.
#[derive(Clone, Debug)]
pub(in crate::swarm) struct Pool {
    /// The block.
    pub(in crate::swarm) subnet: Subnet,
    /// Addresses that are not asked for by name are from here, first and last.
    low: u32,
    high: u32,
    /// Where the search begins; 0: at the start.
    cursor: u32,
    /// Given addresses: runs of them, first to last.
    taken: BTreeMap<u32, u32>,
}

impl Pool {
    /// A block whose addresses are all free but for that of the network and that of its broadcasts.
    pub(in crate::swarm) fn new(subnet: Subnet, range: Option<Subnet>) -> Self {
        let part = range.unwrap_or(subnet);
        let mut pool = Self { subnet, low: part.first(), high: part.last(), cursor: 0, taken: BTreeMap::new() };
        if subnet.length < 31 {
            pool.insert(subnet.first());
            pool.insert(subnet.last());
        }
        pool
    }

    fn is_taken(&self, number: u32) -> bool {
        self.taken.range(..=number).next_back().is_some_and(|(_, last)| *last >= number)
    }

    fn insert(&mut self, number: u32) {
        let mut run = (number, number);
        if let Some((&first, &last)) = self.taken.range(..number).next_back()
            && last.checked_add(1) == Some(number)
        {
            run.0 = first;
        }
        if let Some(next) = number.checked_add(1)
            && let Some(last) = self.taken.remove(&next)
        {
            run.1 = last;
        }
        self.taken.insert(run.0, run.1);
    }

    /// The first free address from a place on, up to the end of the range.
    fn free_from(&self, from: u32) -> Option<u32> {
        let free = match self.taken.range(..=from).next_back() {
            Some((_, last)) if *last >= from => last.checked_add(1)?,
            _ => from,
        };
        (free <= self.high).then_some(free)
    }

    /// Gives the next address.
    pub(in crate::swarm) fn take_any(&mut self) -> Result<Ipv4Addr, IpamError> {
        let from_cursor = if self.cursor > self.low { self.free_from(self.cursor) } else { None };
        let number = from_cursor.or_else(|| self.free_from(self.low)).ok_or(IpamError::NoAddress)?;
        self.insert(number);
        self.cursor = number.saturating_add(1);
        Ok(number.into())
    }

    /// Gives this address. The search for others is not moved by it.
    pub(in crate::swarm) fn take(&mut self, address: Ipv4Addr) -> Result<(), IpamError> {
        if !self.subnet.contains(address) {
            return Err(IpamError::OutOfRange);
        }
        let number = u32::from(address);
        if self.is_taken(number) {
            return Err(IpamError::InUse);
        }
        self.insert(number);
        Ok(())
    }

    /// Gives an address back; whether it was given.
    pub(in crate::swarm) fn free(&mut self, address: Ipv4Addr) -> bool {
        let number = u32::from(address);
        let Some((&first, &last)) = self.taken.range(..=number).next_back() else { return false };
        if last < number {
            return false;
        }
        self.taken.remove(&first);
        if first < number {
            self.taken.insert(first, number - 1);
        }
        if number < last {
            self.taken.insert(number + 1, last);
        }
        true
    }

    /// How many addresses are given, those that nobody can have included.
    #[cfg(test)]
    pub(in crate::swarm) fn in_use(&self) -> u64 {
        self.taken.iter().map(|(first, last)| u64::from(last - first) + 1).sum()
    }
}

/// The VXLAN ids that are given, and where the search begins.
#[derive(Clone, Debug)]
pub(in crate::swarm) struct VxlanIds {
    taken: std::collections::BTreeSet<u32>,
    next: u32,
}

/// The first VXLAN id that is chosen for a network, and the last one there is.
const VXLAN: std::ops::RangeInclusive<u32> = 4096..=(1 << 24) - 1;

impl Default for VxlanIds {
    fn default() -> Self {
        Self { taken: Default::default(), next: *VXLAN.start() }
    }
}

impl VxlanIds {
    /// The next free id behind the last that was chosen.
    pub(in crate::swarm) fn take_any(&mut self) -> Option<u32> {
        let found = (self.next..=*VXLAN.end()).chain(*VXLAN.start()..self.next).find(|id| !self.taken.contains(id))?;
        self.taken.insert(found);
        self.next = found + 1;
        Some(found)
    }

    /// This id; whether it was free.
    pub(in crate::swarm) fn take(&mut self, id: u32) -> bool {
        self.taken.insert(id)
    }

    /// Gives an id back.
    pub(in crate::swarm) fn free(&mut self, id: u32) {
        self.taken.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn subnet(text: &str) -> Subnet {
        text.parse().expect("a subnet")
    }

    fn next(pool: &mut Pool) -> String {
        pool.take_any().map_or_else(|error| error.to_string(), |address| address.to_string())
    }

    #[test]
    fn the_lowest_free_block_is_given() {
        let mut blocks = Blocks::default();
        let pools = [subnet("10.0.0.0/8")];
        let take = |blocks: &mut Blocks| blocks.take_lowest(&pools, 24).map(|block| block.to_string());
        assert_eq!(take(&mut blocks), Ok("10.0.0.0/24".into()));
        assert_eq!(take(&mut blocks), Ok("10.0.1.0/24".into()));
        assert_eq!(take(&mut blocks), Ok("10.0.2.0/24".into()));
        blocks.free(subnet("10.0.1.0/24"));
        assert_eq!(take(&mut blocks), Ok("10.0.1.0/24".into()), "29.7.2 gives a block again at once");
        assert_eq!(blocks.take(subnet("10.0.2.128/25")), Err(IpamError::Overlap));
        assert_eq!(blocks.take(subnet("10.0.0.0/16")), Err(IpamError::Overlap));
        assert_eq!(blocks.take(subnet("10.0.3.128/25")), Ok(()));
        assert_eq!(take(&mut blocks), Ok("10.0.4.0/24".into()), "a block must be free as a whole");
        assert_eq!(blocks.take(subnet("10.77.0.0/24")), Ok(()));
    }

    #[test]
    fn pools_are_used_up_in_their_order() {
        let mut blocks = Blocks::default();
        let pools = [subnet("20.20.0.0/28"), subnet("255.255.255.240/28")];
        let all: Vec<_> =
            (0..5).map(|_| blocks.take_lowest(&pools, 29).map_or_else(|e| e.to_string(), |b| b.to_string())).collect();
        let none = "could not find an available predefined network";
        assert_eq!(all, ["20.20.0.0/29", "20.20.0.8/29", "255.255.255.240/29", "255.255.255.248/29", none]);
    }

    #[test]
    fn addresses_are_given_serially() {
        let mut pool = Pool::new(subnet("10.0.1.0/29"), None);
        assert_eq!([next(&mut pool), next(&mut pool), next(&mut pool)], ["10.0.1.1", "10.0.1.2", "10.0.1.3"]);
        assert!(pool.free("10.0.1.2".parse().expect("an address")));
        assert!(!pool.free("10.0.1.2".parse().expect("an address")), "it was given back already");
        assert_eq!([next(&mut pool), next(&mut pool), next(&mut pool)], ["10.0.1.4", "10.0.1.5", "10.0.1.6"]);
        assert_eq!(next(&mut pool), "10.0.1.2", "from the start again");
        assert_eq!(next(&mut pool), "could not find an available IP");
        assert_eq!(pool.in_use(), 8);
    }

    #[test]
    fn an_address_may_be_asked_for() {
        let mut pool = Pool::new(subnet("10.0.1.0/24"), Some(subnet("10.0.1.128/25")));
        assert_eq!(pool.take("10.0.1.7".parse().expect("an address")), Ok(()));
        assert_eq!(pool.take("10.0.1.7".parse().expect("an address")), Err(IpamError::InUse));
        assert_eq!(pool.take("10.0.2.7".parse().expect("an address")), Err(IpamError::OutOfRange));
        assert_eq!(next(&mut pool), "10.0.1.128", "the others are from the range");
        let mut one = Pool::new(subnet("10.0.1.9/32"), None);
        assert_eq!([next(&mut one), next(&mut one)], ["10.0.1.9", "could not find an available IP"]);
    }

    #[test]
    fn vxlan_ids_are_not_used_again_at_once() {
        let mut ids = VxlanIds::default();
        assert_eq!([ids.take_any(), ids.take_any(), ids.take_any()], [Some(4096), Some(4097), Some(4098)]);
        ids.free(4098);
        assert_eq!(ids.take_any(), Some(4099));
        assert!(ids.take(4100) && !ids.take(4100));
        assert_eq!(ids.take_any(), Some(4101));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// The runs of a pool say the same as a set of its addresses.
        #[test]
        fn a_pool_is_a_set(steps in prop::collection::vec((any::<bool>(), 0u32..32), 1..200)) {
            let block = subnet("10.9.0.0/27");
            let mut pool = Pool::new(block, None);
            let mut known: BTreeSet<u32> = [block.first(), block.last()].into();
            for (give, offset) in steps {
                let number = block.first() + offset;
                if give {
                    let given = pool.take_any().map(u32::from);
                    prop_assert_eq!(given.is_err(), known.len() == 32);
                    if let Ok(given) = given {
                        prop_assert!(known.insert(given), "{given} was given twice");
                    }
                } else if offset != 0 && offset != 31 {
                    prop_assert_eq!(pool.free(number.into()), known.remove(&number));
                }
                prop_assert_eq!(pool.in_use(), known.len() as u64);
                for number in block.first()..=block.last() {
                    prop_assert_eq!(pool.is_taken(number), known.contains(&number));
                }
            }
        }
    }
}
