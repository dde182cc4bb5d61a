//! What the allocator gives on networks: their blocks and VXLAN ids, and the addresses on them.
//!
//! It is memory only: what it gives is written by [`super::Allocator`], and a new leader takes note of what is written.
//!
//! Source: networking.md §1.2-§1.4; libnetwork's `cnmallocator`, `drivers/overlay/ovmanager`.

use super::ipam::{Blocks, IpamError, Pool, VxlanIds};
use crate::swarm::object::{AllocatedPool, Attachment, Cluster, Network, NetworkKey, NetworkState, Subnet, VXLAN_IDS};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

/// The pool that a cluster without one of its own has.
const BUILT_IN_POOL: Subnet = Subnet { base: Ipv4Addr::new(10, 0, 0, 0), length: 8 };

/// The networks of the swarm that are allocated, and what is given on each.
#[derive(Clone, Debug, Default)]
pub(super) struct Networks {
    blocks: Blocks,
    vxlan_ids: VxlanIds,
    known: BTreeMap<NetworkKey, Known>,
}

/// An allocated network.
#[derive(Clone, Debug)]
struct Known {
    /// As it was allocated: what attachments hold.
    network: Arc<Network>,
    pools: Vec<Pool>,
}

/// The blocks that networks are cut from, and their length.
fn cluster_pools(cluster: Option<&Cluster>) -> (Vec<Subnet>, u8) {
    let texts = cluster.map(|cluster| &*cluster.default_addr_pool).unwrap_or_default();
    let mut pools: Vec<Subnet> = texts.iter().filter_map(|text| text.parse().ok()).collect();
    if pools.is_empty() {
        pools.push(BUILT_IN_POOL);
    }
    let length = cluster.map_or(24, |cluster| cluster.subnet_size);
    (pools, u8::try_from(length).unwrap_or(24))
}

impl Networks {
    /// Takes note of a network that is allocated.
    pub(super) fn restore(&mut self, network: &Arc<Network>) {
        let Some(state) = &network.allocated else { return };
        let mut pools = Vec::new();
        for allocated in &state.pools {
            // They did not overlap when they were given.
            let _ = self.blocks.take(allocated.subnet);
            let mut pool = Pool::new(allocated.subnet, allocated.range);
            let _ = pool.take(allocated.gateway);
            pools.push(pool);
        }
        for id in &state.vxlan_ids {
            self.vxlan_ids.take(*id);
        }
        self.known.insert(network.key, Known { network: network.clone(), pools });
    }

    /// Takes note of an address that is given.
    pub(super) fn restore_address(&mut self, attachment: &Attachment) {
        let Some(known) = self.known.get_mut(&attachment.network.key) else { return };
        if let Some(address) = attachment.address {
            let _ = known.pools.iter_mut().any(|pool| pool.take(address).is_ok());
        }
    }

    /// Gives a network its subnets, gateways and VXLAN ids: all of them, or nothing.
    pub(super) fn allocate(&mut self, network: &Network, cluster: Option<&Cluster>) -> Result<NetworkState, IpamError> {
        if network.is_node_local() {
            return Ok(NetworkState { driver: network.spec.driver.clone(), ..NetworkState::default() });
        }
        let mut state = NetworkState { driver: "overlay".into(), ..NetworkState::default() };
        let done = self.allocate_pools(network, cluster, &mut state);
        let done = done.and_then(|()| self.allocate_vxlan_ids(network, &mut state));
        if let Err(error) = done {
            self.release(&state);
            return Err(error);
        }
        state.options = network.spec.options.clone();
        let ids: Vec<String> = state.vxlan_ids.iter().map(u32::to_string).collect();
        state.options.insert(VXLAN_IDS.into(), ids.join(","));
        Ok(state)
    }

    fn allocate_pools(
        &mut self,
        network: &Network,
        cluster: Option<&Cluster>,
        state: &mut NetworkState,
    ) -> Result<(), IpamError> {
        if network.spec.ipam.is_empty() {
            let (pools, length) = cluster_pools(cluster);
            let subnet = self.blocks.take_lowest(&pools, length)?;
            // Recorded before the gateway is asked for: a failure gives it back.
            state.pools.push(AllocatedPool { subnet, range: None, gateway: subnet.base });
            state.pools[0].gateway = Pool::new(subnet, None).take_any()?;
            return Ok(());
        }
        for config in &network.spec.ipam {
            self.blocks.take(config.subnet)?;
            let place = state.pools.len();
            state.pools.push(AllocatedPool { subnet: config.subnet, range: config.range, gateway: config.subnet.base });
            let mut pool = Pool::new(config.subnet, config.range);
            state.pools[place].gateway = match config.gateway {
                Some(gateway) => pool.take(gateway).map(|()| gateway)?,
                None => pool.take_any()?,
            };
        }
        Ok(())
    }

    /// One a subnet: those that the user names first, then the next free ones.
    fn allocate_vxlan_ids(&mut self, network: &Network, state: &mut NetworkState) -> Result<(), IpamError> {
        let named = network.spec.options.get(VXLAN_IDS).map(String::as_str).unwrap_or_default();
        let mut named = named.split(',').filter_map(|id| id.trim().parse::<u32>().ok());
        for _ in 0..state.pools.len() {
            let id = match named.next() {
                Some(id) => self.vxlan_ids.take(id).then_some(id),
                None => self.vxlan_ids.take_any(),
            };
            state.vxlan_ids.push(id.ok_or(IpamError::InUse)?);
        }
        Ok(())
    }

    /// The network is written as allocated: addresses on it can be given.
    pub(super) fn allocated(&mut self, network: &Arc<Network>) {
        let Some(state) = &network.allocated else { return };
        if self.known.contains_key(&network.key) {
            return;
        }
        let pools = state.pools.iter().enumerate().map(|(place, allocated)| {
            let mut pool = Pool::new(allocated.subnet, allocated.range);
            // The gateway is the first that is given, and the search goes on behind it; unless it was asked for by name.
            if network.spec.ipam.get(place).is_some_and(|config| config.gateway.is_some()) {
                let _ = pool.take(allocated.gateway);
            } else {
                let _ = pool.take_any();
            }
            pool
        });
        let pools = pools.collect();
        self.known.insert(network.key, Known { network: network.clone(), pools });
    }

    fn release(&mut self, state: &NetworkState) {
        for pool in &state.pools {
            self.blocks.free(pool.subnet);
        }
        for id in &state.vxlan_ids {
            self.vxlan_ids.free(*id);
        }
    }

    /// The network is gone: its blocks and ids are free, and so is every address on it.
    pub(super) fn remove(&mut self, network: &Network) {
        self.known.remove(&network.key);
        if let Some(state) = &network.allocated {
            self.release(state);
        }
    }

    /// Gives a place on a network: an address from its first subnet that has one. A network that every node has for
    /// itself has none to give.
    ///
    /// # Errors
    /// The network is not allocated, or has no address left.
    pub(super) fn attach(&mut self, key: NetworkKey) -> Result<Attachment, IpamError> {
        let known = self.known.get_mut(&key).ok_or(IpamError::NoPool)?;
        let network = known.network.clone();
        if known.pools.is_empty() {
            return Ok(Attachment { network, address: None });
        }
        let address = known.pools.iter_mut().find_map(|pool| pool.take_any().ok()).ok_or(IpamError::NoAddress)?;
        Ok(Attachment { network, address: Some(address) })
    }

    /// Gives a place back; whether an address became free by that.
    pub(super) fn detach(&mut self, attachment: &Attachment) -> bool {
        let Some(known) = self.known.get_mut(&attachment.network.key) else { return false };
        let Some(address) = attachment.address else { return false };
        known.pools.iter_mut().any(|pool| pool.subnet.contains(address) && pool.free(address))
    }

    /// How many addresses are given on all networks.
    #[cfg(test)]
    pub(super) fn in_use(&self) -> u64 {
        self.known.values().flat_map(|known| known.pools.iter()).map(Pool::in_use).sum()
    }

    /// Gives places on all of these networks, or none.
    ///
    /// # Errors
    /// The network that has none left, or is not allocated.
    pub(super) fn attach_all(&mut self, keys: &[NetworkKey]) -> Result<Vec<Attachment>, NetworkKey> {
        let mut given: Vec<Attachment> = Vec::with_capacity(keys.len());
        for &key in keys {
            match self.attach(key) {
                Ok(attachment) => given.push(attachment),
                Err(_) => {
                    for attachment in &given {
                        self.detach(attachment);
                    }
                    return Err(key);
                }
            }
        }
        Ok(given)
    }
}
