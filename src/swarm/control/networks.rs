//! Networks of the swarm: made, listed, shown, removed (networking.md §1.8, control-plane.md §1.5).
//!
//! A network is only *wanted* here: the allocator gives it its subnets afterwards, or fails to, without a word.

use super::present::{moment, version};
use super::{ipam, spec};
use crate::swarm::api::{self, ApiError, Code, Filters, NetworkCreateRequest, Response};
use crate::swarm::component::Ids;
use crate::swarm::object::{Attachment, Network, NetworkSpec, NetworkState, PREDEFINED, Service, Subnet, TaskState};
use crate::swarm::store::{State, Transaction, Why};
use crate::swarm::world::Env;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Finds a network as the engine does: by id, by name, by unique prefix of an id. The predefined ones are found too.
///
/// # Errors
/// Not found, or ambiguous, in the engine's words.
pub fn find(state: &State, name: &str) -> Result<Arc<Network>, ApiError> {
    let all = || state.networks.values();
    let exact = all().find(|network| network.id.text() == name).or_else(|| all().find(|n| **n.name() == *name));
    if let Some(network) = exact {
        return Ok(network.clone());
    }
    let mut matches = all().filter(|network| !name.is_empty() && network.id.text().starts_with(name));
    match (matches.next(), matches.count()) {
        (Some(network), 0) => Ok(network.clone()),
        (Some(_), more) => {
            let text = format!("network {name} is ambiguous ({} matches found based on ID prefix)", more + 1);
            Err(ApiError::new(400, text))
        }
        (None, _) => Err(ApiError::new(404, format!("network {name} not found"))),
    }
}

/// The networks that a new cluster has from the first: the routing mesh's, and two that stand for the hosts' own.
pub fn first_networks(tx: &mut Transaction, ids: &mut Ids) {
    let network = |spec: NetworkSpec, tx: &Transaction, ids: &mut Ids| Network {
        key: tx.state().networks.next_key(),
        id: ids.network(&spec.name),
        meta: Default::default(),
        spec: Arc::new(spec),
        allocated: None,
    };
    let ingress = NetworkSpec { name: "ingress".into(), ingress: true, ..NetworkSpec::default() };
    tx.put_network(network(ingress, tx, ids), Why::Setup);
    for name in ["bridge", "host"] {
        let labels = [(PREDEFINED.to_owned(), "true".to_owned())].into();
        let spec = NetworkSpec { name: name.into(), driver: name.into(), labels, ..NetworkSpec::default() };
        tx.put_network(network(spec, tx, ids), Why::Setup);
    }
}

/// Makes a network of the swarm.
pub fn create(request: &NetworkCreateRequest, tx: &mut Transaction, env: &mut Env) -> Result<Response, ApiError> {
    if tx.state().networks.values().any(|network| **network.name() == *request.name) {
        return Err(name_taken(&request.name));
    }
    if request.driver != "overlay" {
        // A network of the host's own: it makes it itself, now that the name is known to be free in the swarm.
        return Ok(Response::Done);
    }
    reserved_name(&request.name)?;
    if request.enable_ipv4 == Some(false) {
        return Err(ApiError::new(400, "IPv4 cannot be disabled in a Swarm scoped network"));
    }
    let ipam = ipam::read(&request.ipam)?;
    // From here on it is SwarmKit that refuses.
    if request.attachable && request.ingress {
        return Err(spec::invalid("ingress network cannot be attachable"));
    }
    spec::name(&request.name)?;
    if request.labels.contains_key(PREDEFINED) {
        let text =
            format!("label {PREDEFINED} is for internally created predefined networks and cannot be applied by users");
        return Err(ApiError::grpc(Code::PermissionDenied, text));
    }
    if let Some(present) = tx.state().ingress().filter(|_| request.ingress) {
        let text = format!("ingress network ({}) is already present", present.id);
        return Err(ApiError::grpc(Code::AlreadyExists, text));
    }
    if tx.state().networks.values().any(|network| network.name().eq_ignore_ascii_case(&request.name)) {
        return Err(ApiError::grpc(Code::Unknown, "name conflicts with an existing object"));
    }
    let id = env.ids.network(&request.name);
    let spec = NetworkSpec {
        name: request.name.as_str().into(),
        labels: request.labels.clone(),
        driver: request.driver.as_str().into(),
        options: request.options.clone(),
        internal: request.internal,
        attachable: request.attachable,
        ingress: request.ingress,
        ipam,
    };
    let key = tx.state().networks.next_key();
    tx.put_network(Network { key, id, meta: Default::default(), spec: Arc::new(spec), allocated: None }, Why::Request);
    Ok(Response::Created(id.text()))
}

/// A network of this name is there.
pub fn name_taken(name: &str) -> ApiError {
    ApiError::new(409, format!("network with name {name} already exists"))
}

/// Names that every engine has for its own networks.
///
/// # Errors
/// It is one of them.
pub fn reserved_name(name: &str) -> Result<(), ApiError> {
    if matches!(name, "bridge" | "host" | "none" | "default") {
        // The space at the end is Docker's.
        return Err(ApiError::new(403, format!("operation is not permitted on predefined {name} network ")));
    }
    Ok(())
}

/// The services that name a network, in SwarmKit's order: by id.
fn services_on<'a>(network: &Network, state: &'a State) -> Vec<&'a Arc<Service>> {
    let on_it = |service: &&Arc<Service>| service.spec.task.uses.networks.contains(&network.key);
    let mut services: Vec<_> = state.services.values().filter(on_it).collect();
    services.sort_by_key(|service| service.id.text());
    services
}

/// Why a network cannot be removed now.
fn check_unused(network: &Network, state: &State) -> Result<(), ApiError> {
    let refuse = |text: String| Err(ApiError::grpc(Code::FailedPrecondition, text));
    let id = network.id;
    if network.is_predefined() {
        return refuse(format!(
            "network {id} ({}) is a swarm predefined network and cannot be removed",
            network.name()
        ));
    }
    if network.spec.ingress {
        let mut services: Vec<_> = state.services.values().filter(|service| service.needs_ingress()).collect();
        services.sort_by_key(|service| service.id.text());
        return match services.first() {
            Some(service) => {
                refuse(format!("ingress network cannot be removed because service {} depends on it", service.id))
            }
            None => Ok(()),
        };
    }
    if let Some(service) = services_on(network, state).first() {
        return refuse(format!("network {id} is in use by service {}", service.id));
    }
    // Tasks that have been told to stop do not hold it.
    let task = state.tasks.values().find(|task| {
        task.desired <= TaskState::Running
            && task.status.state <= TaskState::Running
            && task.spec.uses.networks.contains(&network.key)
    });
    match task {
        Some(task) => refuse(format!("network {id} is in use by task {}", task.id)),
        None => Ok(()),
    }
}

/// Removes a network.
pub fn remove(name: &str, tx: &mut Transaction) -> Result<Response, ApiError> {
    let network = find(tx.state(), name)?;
    check_unused(&network, tx.state())?;
    tx.remove_network(network.key, Why::Request);
    Ok(Response::Done)
}

/// Removes what nobody uses; the routing mesh's stays.
pub fn prune(filters: &Filters, tx: &mut Transaction) -> Result<Response, ApiError> {
    super::list::check_keys(filters, &["label", "label!", "until"])?;
    let mut unused: Vec<Arc<Network>> = tx
        .state()
        .networks
        .values()
        .filter(|network| !network.spec.ingress && !network.is_predefined())
        .filter(|network| {
            super::list::labels(filters, "label", &network.spec.labels)
                && (filters.get("label!").is_empty() || !super::list::labels(filters, "label!", &network.spec.labels))
        })
        .filter(|network| check_unused(network, tx.state()).is_ok())
        .cloned()
        .collect();
    unused.sort_by_key(|network| network.id.text());
    for network in &unused {
        tx.remove_network(network.key, Why::Request);
    }
    Ok(Response::Deleted(unused.iter().map(|network| network.name().to_string()).collect()))
}

/// The networks of the swarm that a list shows: not those that stand for the hosts' own.
pub fn list(state: &State) -> Vec<api::Network> {
    state.networks.values().filter(|network| !network.is_predefined()).map(|network| present(network)).collect()
}

/// A network as the engine shows one of the swarm.
pub fn present(network: &Network) -> api::Network {
    let spec = &network.spec;
    let state = network.allocated.as_deref();
    let labels = (!spec.labels.is_empty()).then(|| spec.labels.clone());
    api::Network {
        name: spec.name.to_string(),
        id: network.id.text(),
        created: moment(network.meta.created_at),
        scope: "swarm".into(),
        driver: state.map(|state| state.driver.to_string()).unwrap_or_default(),
        enable_ipv4: true,
        ipam: state.map(ipam_of).unwrap_or_default(),
        internal: spec.internal,
        attachable: spec.attachable,
        ingress: spec.ingress,
        options: state.map(|state| state.options.clone()).filter(|options| !options.is_empty()),
        labels,
        ..api::Network::default()
    }
}

fn ipam_of(state: &NetworkState) -> api::Ipam {
    let config = state.pools.iter().map(|pool| api::IpamConfig {
        subnet: pool.subnet.to_string(),
        ip_range: pool.range.map(|range| range.to_string()).unwrap_or_default(),
        gateway: pool.gateway.to_string(),
    });
    // On a network that every node has for itself nobody gives addresses.
    let driver = if state.pools.is_empty() { "" } else { "default" };
    api::Ipam { driver: driver.into(), options: None, config: Some(config.collect()) }
}

/// How many addresses of a network are given, by subnet.
pub fn status(network: &Network, state: &State) -> Option<api::NetworkStatus> {
    let pools = &network.allocated.as_ref()?.pools;
    let mut used: BTreeMap<Subnet, u64> = BTreeMap::new();
    for pool in pools {
        // The gateway's, and those of the network and of its broadcasts.
        used.insert(pool.subnet, if pool.subnet.length < 31 { 3 } else { 1 });
    }
    let services = state.services.values().flat_map(|service| service.endpoint.vips.iter());
    let nodes = state.nodes.values().flat_map(|node| node.attachments.iter());
    let live = state.tasks.values().filter(|task| task.status.state <= TaskState::Running);
    let tasks = live.flat_map(|task| task.networks.iter());
    for place in services.chain(nodes).chain(tasks).filter(|place| place.network.key == network.key) {
        let subnet = place.address.and_then(|address| network.subnet_of(address));
        if let Some(count) = subnet.and_then(|subnet| used.get_mut(&subnet)) {
            *count += 1;
        }
    }
    let subnets = used.into_iter().map(|(subnet, in_use)| {
        let available = subnet.size().saturating_sub(in_use);
        (subnet.to_string(), api::SubnetStatus { in_use, available })
    });
    Some(api::NetworkStatus { ipam: api::IpamStatus { subnets: subnets.collect() } })
}

/// The network of this name, id or prefix, with how many of its addresses are given.
pub fn inspect(name: &str, state: &State) -> Result<api::Network, ApiError> {
    let network = find(state, name)?;
    Ok(api::Network { status: status(&network, state), ..present(&network) })
}

/// The addresses of the nodes that a network is in use on: those that gossip about it.
pub fn peers(network: &str, state: &State) -> Vec<(crate::net::HostId, std::net::Ipv4Addr)> {
    let on_it = |place: &Attachment| place.network.id.text() == network;
    let nodes = state.nodes.values().filter(|node| node.attachments.iter().any(on_it));
    nodes.map(|node| (node.host, node.status.addr)).collect()
}

/// A task's place on a network.
pub fn attachment(place: &Attachment) -> api::NetworkAttachment {
    let network = &place.network;
    let (spec, state) = (&network.spec, network.allocated.as_deref());
    let configs = |state: &NetworkState| {
        let configs = state.pools.iter().map(|pool| api::SwarmIpamConfig {
            subnet: pool.subnet.to_string(),
            range: pool.range.map(|range| range.to_string()).unwrap_or_default(),
            gateway: pool.gateway.to_string(),
        });
        configs.collect()
    };
    let wanted = spec.ipam.iter().map(|config| api::SwarmIpamConfig {
        subnet: config.subnet.to_string(),
        range: config.range.map(|range| range.to_string()).unwrap_or_default(),
        gateway: config.gateway.map(|gateway| gateway.to_string()).unwrap_or_default(),
    });
    let driver = |name: &str| api::Driver { name: name.into(), ..api::Driver::default() };
    let wanted = api::IpamOptions { driver: api::Driver::default(), configs: wanted.collect() };
    api::NetworkAttachment {
        network: api::SwarmNetwork {
            id: network.id.text(),
            version: version(&network.meta),
            created_at: moment(network.meta.created_at),
            updated_at: moment(network.meta.updated_at),
            spec: api::SwarmNetworkSpec {
                name: spec.name.to_string(),
                labels: spec.labels.clone(),
                driver_configuration: Some(api::Driver {
                    name: spec.driver.to_string(),
                    options: spec.options.clone(),
                }),
                internal: spec.internal,
                attachable: spec.attachable,
                ingress: spec.ingress,
                ipam_options: (!network.is_predefined()).then_some(wanted),
                scope: if network.is_predefined() || spec.ingress { "" } else { "swarm" }.into(),
            },
            driver_state: api::Driver {
                name: state.map(|state| state.driver.to_string()).unwrap_or_default(),
                options: state.map(|state| state.options.clone()).unwrap_or_default(),
            },
            ipam_options: state.map(|state| api::IpamOptions {
                driver: if network.is_node_local() { api::Driver::default() } else { driver("default") },
                configs: configs(state),
            }),
        },
        addresses: place.cidr().into_iter().collect(),
    }
}
