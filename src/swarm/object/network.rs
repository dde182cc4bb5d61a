//! Networks of the swarm, and what it means to be on one (networking.md §1.1, control-plane.md §1.2).
//!
//! A network is specified by a user and *allocated* by the leader afterwards: only then has it subnets, gateways and
//! VXLAN ids. Whoever is on it (a service by its virtual address, a task, a node's load balancer) has an [`Attachment`].

use super::{Id, Labels, Meta, NetworkKey};
use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;
use std::sync::Arc;

/// The option by which an overlay shows its VXLAN ids, or is told them.
pub const VXLAN_IDS: &str = "com.docker.network.driver.overlay.vxlanid_list";
/// The label of the networks that every swarm has for the hosts' own.
pub const PREDEFINED: &str = "com.docker.swarm.predefined";

/// A network of the swarm.
#[derive(Clone, Debug)]
pub struct Network {
    /// Row.
    pub key: NetworkKey,
    /// Id.
    pub id: Id,
    /// Version and times.
    pub meta: Meta,
    /// What the user wants.
    pub spec: Arc<NetworkSpec>,
    /// What the allocator gave; none until it has.
    pub allocated: Option<Arc<NetworkState>>,
}

/// What a user wants of a network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkSpec {
    /// Unique among networks, case ignored.
    pub name: Arc<str>,
    /// Labels.
    pub labels: Labels,
    /// The driver as named; empty: `overlay`.
    pub driver: Arc<str>,
    /// Options of the driver.
    pub options: Labels,
    /// Tasks have no way out of it.
    pub internal: bool,
    /// Containers that no service owns may join it.
    pub attachable: bool,
    /// It carries the routing mesh.
    pub ingress: bool,
    /// Subnets; none: one from the pool.
    pub ipam: Vec<IpamConfig>,
}

/// A subnet as asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpamConfig {
    /// The subnet.
    pub subnet: Subnet,
    /// Addresses are taken from this part of it only.
    pub range: Option<Subnet>,
    /// The gateway's address; none: the first free one.
    pub gateway: Option<Ipv4Addr>,
}

/// What the allocator gave a network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkState {
    /// Its driver.
    pub driver: Arc<str>,
    /// Options of the driver; an overlay's VXLAN ids are among them.
    pub options: Labels,
    /// Its subnets; none where every node has its own (`bridge`, `host`).
    pub pools: Vec<AllocatedPool>,
    /// One VXLAN id a subnet.
    pub vxlan_ids: Vec<u32>,
}

/// A subnet that a network has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllocatedPool {
    /// The subnet.
    pub subnet: Subnet,
    /// Addresses are taken from this part of it only.
    pub range: Option<Subnet>,
    /// Its gateway.
    pub gateway: Ipv4Addr,
}

impl Network {
    /// Its name.
    pub fn name(&self) -> &Arc<str> {
        &self.spec.name
    }

    /// It came with the swarm and stands for the hosts' own network of that name.
    pub fn is_predefined(&self) -> bool {
        self.spec.labels.get(PREDEFINED).is_some_and(|value| value == "true")
    }

    /// Whether every node has its own: the swarm gives no addresses there.
    pub fn is_node_local(&self) -> bool {
        !matches!(&*self.spec.driver, "" | "overlay")
    }

    /// The subnet that an address of this network is in.
    pub fn subnet_of(&self, address: Ipv4Addr) -> Option<Subnet> {
        let pools = self.allocated.as_ref()?.pools.iter();
        pools.map(|pool| pool.subnet).find(|subnet| subnet.contains(address))
    }
}

/// A place on a network.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// The network as it was when the place was given.
    pub network: Arc<Network>,
    /// The address; none on a network that every node has for itself.
    pub address: Option<Ipv4Addr>,
}

impl Attachment {
    /// The address with its subnet's prefix length: `10.0.1.3/24`.
    pub fn cidr(&self) -> Option<String> {
        let address = self.address?;
        let length = self.network.subnet_of(address)?.length;
        Some(format!("{address}/{length}"))
    }
}

/// A block of addresses of version 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subnet {
    /// Its first address.
    pub base: Ipv4Addr,
    /// Prefix length, 0 to 32.
    pub length: u8,
}

impl Subnet {
    /// The block of this length that an address is in.
    pub fn around(address: Ipv4Addr, length: u8) -> Self {
        let length = length.min(32);
        let mask = u32::try_from(u64::from(u32::MAX) << (32 - length) & u64::from(u32::MAX)).unwrap_or(u32::MAX);
        Self { base: Ipv4Addr::from(u32::from(address) & mask), length }
    }

    /// Its first address as a number.
    pub fn first(self) -> u32 {
        u32::from(self.base)
    }

    /// Its last address as a number.
    pub fn last(self) -> u32 {
        let rest = self.size() - 1;
        self.first() + u32::try_from(rest).unwrap_or(u32::MAX)
    }

    /// How many addresses it has.
    pub fn size(self) -> u64 {
        1 << (32 - self.length)
    }

    /// Whether an address is in it.
    pub fn contains(self, address: Ipv4Addr) -> bool {
        (self.first()..=self.last()).contains(&u32::from(address))
    }

    /// Whether the two have an address in common.
    pub fn overlaps(self, other: Self) -> bool {
        self.first() <= other.last() && other.first() <= self.last()
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.length)
    }
}

/// A text is not a block of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected ADDRESS/LENGTH of IP version 4, such as 10.0.1.0/24")]
pub struct NotASubnet;

impl FromStr for Subnet {
    type Err = NotASubnet;

    /// Reads `10.0.1.0/24`; bits behind the prefix are dropped.
    fn from_str(text: &str) -> Result<Self, NotASubnet> {
        let (address, length) = text.split_once('/').ok_or(NotASubnet)?;
        let address: Ipv4Addr = address.parse().map_err(|_| NotASubnet)?;
        let length: u8 = length.parse().map_err(|_| NotASubnet)?;
        if length > 32 { Err(NotASubnet) } else { Ok(Self::around(address, length)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(text: &str) -> Subnet {
        text.parse().expect("a subnet")
    }

    #[test]
    fn a_subnet_is_a_block_of_addresses() {
        let block = subnet("10.0.1.77/24");
        assert_eq!(block.to_string(), "10.0.1.0/24");
        assert_eq!((block.size(), block.last() - block.first()), (256, 255));
        assert!(block.contains(Ipv4Addr::new(10, 0, 1, 255)) && !block.contains(Ipv4Addr::new(10, 0, 2, 0)));
        assert!(block.overlaps(subnet("10.0.0.0/16")) && block.overlaps(subnet("10.0.1.128/25")));
        assert!(!block.overlaps(subnet("10.0.2.0/24")));
        assert_eq!((subnet("0.0.0.0/0").last(), subnet("1.2.3.4/32").size()), (u32::MAX, 1));
        for wrong in ["", "10.0.0.0", "10.0.0.0/33", "10.0.0/8", "fd00::/64", "a/b"] {
            assert_eq!(wrong.parse::<Subnet>(), Err(NotASubnet), "{wrong}");
        }
    }
}
