//! The networks that a host has for itself: `bridge`, `host` and `none` from the first, `docker_gwbridge` since it was in a
//! swarm for the first time, and bridges that users made.
//!
//! Source: networking.md §6; moby `daemon/network.go`, libnetwork's default pools.

use crate::engine::{Seed, Time};
use crate::swarm::api::{self, ApiError, Labels, NetworkCreateRequest, time::rfc3339};
use crate::swarm::control::networks::{name_taken, reserved_name};
use crate::swarm::object::{ContainerId, IpamConfig, Subnet};
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

/// The bridge that every engine has.
pub const BRIDGE: &str = "bridge";
/// The bridge through which containers on networks of the swarm reach the world.
pub const GATEWAY_BRIDGE: &str = "docker_gwbridge";

/// The bridges of a host, beside those that every engine has.
#[derive(Clone, Debug, Default)]
pub struct Bridges {
    /// `docker_gwbridge`: since when, and its subnet.
    gateway: Option<(Time, Subnet)>,
    made: Vec<Bridge>,
    /// Addresses that running containers have, by network and container.
    leases: BTreeMap<(String, ContainerId), Ipv4Addr>,
}

/// A container's place on a bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Its address.
    pub address: Ipv4Addr,
    /// The bridge's subnet.
    pub subnet: Subnet,
    /// The bridge's own address.
    pub gateway: Ipv4Addr,
}

/// A bridge that a user made.
#[derive(Clone, Debug)]
struct Bridge {
    id: String,
    created_at: Time,
    request: NetworkCreateRequest,
    ipam: IpamConfig,
}

fn options(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(key, value)| (format!("com.docker.network.{key}"), (*value).to_owned())).collect()
}

fn block(a: u8, b: u8, c: u8, length: u8) -> Subnet {
    Subnet { base: Ipv4Addr::new(a, b, c, 0), length }
}

/// The first address behind that of the network itself.
fn first_address(subnet: Subnet) -> Ipv4Addr {
    Ipv4Addr::from(if subnet.length < 31 { subnet.first() + 1 } else { subnet.first() })
}

fn ipam(config: &IpamConfig) -> api::Ipam {
    api::Ipam {
        driver: "default".into(),
        options: None,
        config: Some(vec![api::IpamConfig {
            subnet: config.subnet.to_string(),
            ip_range: config.range.map(|range| range.to_string()).unwrap_or_default(),
            gateway: config.gateway.map(|gateway| gateway.to_string()).unwrap_or_default(),
        }]),
    }
}

impl Bridges {
    /// The host is in a swarm: it has `docker_gwbridge` from now on.
    pub fn join_swarm(&mut self, now: Time) {
        if self.gateway.is_none()
            && let Some(subnet) = self.free_subnet()
        {
            self.gateway = Some((now, subnet));
        }
    }

    /// A bridge's subnet and its own address; none: there is no such bridge.
    fn block_of(&self, network: &str) -> Option<(Subnet, Ipv4Addr)> {
        if network == BRIDGE {
            let subnet = block(172, 17, 0, 16);
            return Some((subnet, first_address(subnet)));
        }
        if network == GATEWAY_BRIDGE {
            return self.gateway.map(|(_, subnet)| (subnet, first_address(subnet)));
        }
        let made = self.made.iter().find(|made| made.request.name == network)?;
        Some((made.ipam.subnet, made.ipam.gateway.unwrap_or_else(|| first_address(made.ipam.subnet))))
    }

    /// The id of a bridge that a user made.
    pub fn id_of(&self, network: &str) -> Option<String> {
        self.made.iter().find(|made| made.request.name == network).map(|made| made.id.clone())
    }

    /// The name of a bridge that a user made, whose id this is or begins so; else what was given.
    pub fn name_of(&self, reference: &str) -> String {
        let found = self.made.iter().find(|made| made.request.name == reference);
        let found =
            found.or_else(|| self.made.iter().find(|made| reference.len() > 3 && made.id.starts_with(reference)));
        found.map_or_else(|| reference.to_owned(), |made| made.request.name.clone())
    }

    /// Whether there is such a network.
    pub fn knows(&self, network: &str) -> bool {
        matches!(network, "host" | "none") || self.block_of(network).is_some()
    }

    /// Gives a container a place on a bridge: the address that it wants, else the lowest that is free.
    ///
    /// # Errors
    /// There is no such network, the address is taken, or there is none left.
    pub fn lease(&mut self, network: &str, container: ContainerId, wanted: Option<Ipv4Addr>) -> Result<(), ApiError> {
        if matches!(network, "host" | "none") {
            return Ok(());
        }
        let Some((subnet, gateway)) = self.block_of(network) else {
            return Err(ApiError::new(404, format!("network {network} not found")));
        };
        let taken: BTreeSet<Ipv4Addr> = self
            .leases
            .iter()
            .filter(|((name, owner), _)| name == network && *owner != container)
            .map(|(_, a)| *a)
            .collect();
        let address = match wanted {
            Some(address) if taken.contains(&address) || address == gateway => {
                return Err(ApiError::new(403, "Address already in use"));
            }
            Some(address) => address,
            None => {
                // The second address of the swarm's bridge is the routing mesh's.
                let first = subnet.first() + if network == GATEWAY_BRIDGE { 3 } else { 1 };
                let free = (first..subnet.last()).map(Ipv4Addr::from);
                let free = free.filter(|address| *address != gateway).find(|address| !taken.contains(address));
                free.ok_or_else(|| ApiError::new(500, "no available IPv4 addresses on this network's address pools"))?
            }
        };
        self.leases.insert((network.to_owned(), container), address);
        Ok(())
    }

    /// A container's place on a bridge.
    pub fn leased(&self, network: &str, container: ContainerId) -> Option<Lease> {
        let address = *self.leases.get(&(network.to_owned(), container))?;
        let (subnet, gateway) = self.block_of(network)?;
        Some(Lease { address, subnet, gateway })
    }

    /// Who is on a bridge.
    pub fn users<'a>(&'a self, network: &'a str) -> impl Iterator<Item = (ContainerId, Lease)> + 'a {
        let of = self.leases.keys().filter(move |(name, _)| name == network).map(|(_, container)| *container);
        of.filter_map(move |container| Some((container, self.leased(network, container)?)))
    }

    /// A container has ended.
    pub fn release(&mut self, container: ContainerId) {
        self.leases.retain(|(_, owner), _| *owner != container);
    }

    /// A container has left a bridge.
    pub fn release_one(&mut self, network: &str, container: ContainerId) {
        self.leases.remove(&(network.to_owned(), container));
    }

    /// Nothing runs any more.
    pub fn release_all(&mut self) {
        self.leases.clear();
    }

    fn subnets(&self) -> impl Iterator<Item = Subnet> {
        let first = [block(172, 17, 0, 16)];
        let gateway = self.gateway.map(|(_, subnet)| subnet);
        first.into_iter().chain(gateway).chain(self.made.iter().map(|bridge| bridge.ipam.subnet))
    }

    /// The first of the engine's pools that no bridge has.
    fn free_subnet(&self) -> Option<Subnet> {
        let large = (17..=31).map(|second| block(172, second, 0, 16));
        let small = (0..16).map(|part| block(192, 168, part * 16, 20));
        large.chain(small).find(|pool| self.subnets().all(|taken| !taken.overlaps(*pool)))
    }

    /// All of the host's own networks.
    pub fn list(&self, seed: Seed, host: &str) -> Vec<api::Network> {
        let key = seed.key("network.local", host);
        let network = |number: u64, name: &str, driver: &str, created_at: Time| api::Network {
            name: name.into(),
            id: format!("{:032x}{:032x}", key.at_u128(2 * number), key.at_u128(2 * number + 1)),
            created: rfc3339(created_at.nanos()),
            scope: "local".into(),
            driver: driver.into(),
            enable_ipv4: true,
            ipam: api::Ipam { driver: "default".into(), options: None, config: None },
            options: Some(Labels::new()),
            labels: Some(Labels::new()),
            ..api::Network::default()
        };
        let default = IpamConfig {
            subnet: block(172, 17, 0, 16),
            range: None,
            gateway: Some(first_address(block(172, 17, 0, 16))),
        };
        let bridge = api::Network {
            ipam: ipam(&default),
            options: Some(options(&[
                ("bridge.default_bridge", "true"),
                ("bridge.enable_icc", "true"),
                ("bridge.enable_ip_masquerade", "true"),
                ("bridge.host_binding_ipv4", "0.0.0.0"),
                ("bridge.name", "docker0"),
                ("driver.mtu", "1500"),
            ])),
            ..network(0, "bridge", "bridge", Time::ZERO)
        };
        let mut all = vec![bridge, network(1, "host", "host", Time::ZERO), network(2, "none", "null", Time::ZERO)];
        if let Some((since, subnet)) = self.gateway {
            all.push(api::Network {
                ipam: ipam(&IpamConfig { subnet, range: None, gateway: Some(first_address(subnet)) }),
                options: Some(options(&[
                    ("bridge.enable_icc", "false"),
                    ("bridge.enable_ip_masquerade", "true"),
                    ("bridge.name", GATEWAY_BRIDGE),
                ])),
                ..network(3, GATEWAY_BRIDGE, "bridge", since)
            });
        }
        all.extend(self.made.iter().map(|made| api::Network {
            id: made.id.clone(),
            ipam: ipam(&made.ipam),
            internal: made.request.internal,
            attachable: made.request.attachable,
            options: Some(made.request.options.clone()),
            labels: Some(made.request.labels.clone()),
            ..network(0, &made.request.name, "bridge", made.created_at)
        }));
        all
    }

    /// What is wrong with a request for a network of this host's own.
    ///
    /// # Errors
    /// In the engine's words.
    pub fn check(&self, request: &NetworkCreateRequest) -> Result<(), ApiError> {
        reserved_name(&request.name)?;
        match request.driver.as_str() {
            "bridge" => {}
            driver @ ("host" | "null") => {
                let text = format!("only one instance of \"{driver}\" network is allowed");
                return Err(ApiError::new(403, text));
            }
            driver @ ("ipvlan" | "macvlan") => {
                return Err(ApiError::new(501, format!("swarmlab: {driver} networks are not modelled yet")));
            }
            driver => return Err(ApiError::new(404, format!("plugin \"{driver}\" not found"))),
        }
        if request.ingress {
            return Err(ApiError::new(403, "Ingress network can only be global scope network"));
        }
        let taken = self.made.iter().any(|made| made.request.name == request.name);
        if taken || (request.name == GATEWAY_BRIDGE && self.gateway.is_some()) {
            return Err(name_taken(&request.name));
        }
        if request.name.trim().is_empty() {
            return Err(ApiError::new(400, "invalid name: name is empty"));
        }
        Ok(())
    }

    /// Makes a bridge.
    ///
    /// # Errors
    /// Its subnet is another's, or there is none left.
    pub fn create(
        &mut self,
        id: String,
        request: &NetworkCreateRequest,
        wanted: &[IpamConfig],
        now: Time,
    ) -> Result<String, ApiError> {
        let mut config = match wanted.first() {
            Some(config) => config.clone(),
            None => IpamConfig {
                subnet: self
                    .free_subnet()
                    .ok_or_else(|| ApiError::new(404, "all predefined address pools have been fully subnetted"))?,
                range: None,
                gateway: None,
            },
        };
        if self.subnets().any(|taken| taken.overlaps(config.subnet)) {
            let text = "invalid pool request: Pool overlaps with other one on this address space";
            return Err(ApiError::new(403, text));
        }
        config.gateway.get_or_insert(first_address(config.subnet));
        self.made.push(Bridge { id: id.clone(), created_at: now, request: request.clone(), ipam: config });
        Ok(id)
    }

    /// Removes a network of the host's own.
    ///
    /// # Errors
    /// The engine needs it.
    pub fn remove(&mut self, network: &api::Network, in_swarm: bool) -> Result<(), ApiError> {
        if matches!(network.name.as_str(), "bridge" | "host" | "none") {
            let text = format!("{} is a pre-defined network and cannot be removed", network.name);
            return Err(ApiError::new(403, text));
        }
        let made = self.made.iter().any(|made| made.id == network.id);
        if let Some(endpoint) = network.containers.values().next().filter(|_| made) {
            let text = format!(
                "error while removing network: network {} has active endpoints (name:\"{}\" id:\"{}\")",
                network.name,
                endpoint.name,
                endpoint.endpoint_id.get(..12).unwrap_or_default()
            );
            return Err(ApiError::new(403, text));
        }
        if let Some(place) = self.made.iter().position(|made| made.id == network.id) {
            self.made.remove(place);
        } else if in_swarm {
            let id = &network.id;
            let text = format!(
                "error while removing network: network {} has active endpoints (name:\"gateway_ingress-sbox\" id:\"{}\")",
                network.name,
                &id[..12]
            );
            return Err(ApiError::new(403, text));
        } else {
            self.gateway = None;
        }
        Ok(())
    }

    /// Removes what a user made and nothing uses; gives the names.
    pub fn prune(&mut self, wanted: impl Fn(&Labels) -> bool) -> Vec<String> {
        let used: BTreeSet<String> = self.leases.keys().map(|(name, _)| name.clone()).collect();
        let (gone, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut self.made)
            .into_iter()
            .partition(|made| wanted(&made.request.labels) && !used.contains(&made.request.name));
        self.made = kept;
        gone.into_iter().map(|made| made.request.name).collect()
    }
}
