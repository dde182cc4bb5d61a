//! `docker network` at one host: its own networks, those of the swarm that are set up here, and on a manager all that the
//! leader knows.
//!
//! Source: networking.md §1.8, cli.md §5.5; moby `daemon/server/router/network`.

use super::bridge::GATEWAY_BRIDGE;
use super::call::CallKind;
use super::provision::Instance;
use super::{CallAlarm, NOT_IN_SWARM};
use crate::engine::Duration;
use crate::swarm::api::{
    self, Answer, ApiError, Filters, NetworkCreateRequest, NetworkEndpoint, NetworkPeer, Request, Response,
    time::rfc3339,
};
use crate::swarm::control::networks as swarm_networks;
use crate::swarm::object::Attachment;
use crate::swarm::world::event::{ClientId, ControlRequest};
use crate::swarm::world::{Env, Host};
use std::net::Ipv4Addr;
use std::sync::Arc;

/// The engine looks for an unknown driver among its plugins so long.
const PLUGIN_SEARCH: Duration = Duration::from_secs(15);

/// The id of a container's network namespace.
pub(super) fn sandbox_id(seed: crate::engine::Seed, container: crate::swarm::object::ContainerId) -> String {
    let key = seed.key("sandbox.id", &container.0);
    format!("{:032x}{:032x}", key.at_u128(0), key.at_u128(1))
}

/// The id of a container's place on a network of its host's own.
pub(super) fn endpoint_id(
    seed: crate::engine::Seed,
    network: &str,
    container: crate::swarm::object::ContainerId,
) -> String {
    let key = seed.key("network.endpoint.own", &(network, container.0));
    format!("{:032x}{:032x}", key.at_u128(0), key.at_u128(1))
}

pub(super) fn mac(address: Ipv4Addr) -> String {
    let [a, b, c, d] = address.octets();
    format!("02:42:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
}

fn not_found(name: &str) -> ApiError {
    ApiError::new(404, format!("network {name} not found"))
}

impl Host {
    /// What is asked about networks.
    pub(super) fn network_request(&mut self, client: ClientId, number: u64, request: &Arc<Request>, env: &mut Env) {
        if let Request::NetworkRemove(name) = &**request
            && let Some(answer) = self.remove_own_network(name, env)
        {
            return env.answer(client, number, answer);
        }
        if self.manager.is_some() {
            let request = match &**request {
                // What is set up here is known by its name even when the leader has forgotten it.
                Request::NetworkRemove(name) => Request::NetworkRemove(self.swarm_network_id(name, env)),
                request => request.clone(),
            };
            return self.call_start(client, number, Arc::new(ControlRequest::Api(request)), Vec::new(), env);
        }
        let answer = match &**request {
            Request::NetworkRemove(name) if self.swarm_network_id(name, env) == *name => Err(not_found(name).into()),
            Request::NetworkRemove(_) => Err(ApiError::new(503, self.no_manager()).into()),
            request => self.network_answer(request, Err(not_found("").into()), env),
        };
        self.answer_when_searched(client, number, answer, env);
    }

    /// An unknown driver is searched for among the plugins first.
    pub(super) fn answer_when_searched(&mut self, client: ClientId, number: u64, answer: Answer, env: &mut Env) {
        match &answer {
            Err(api::Failure::Api(error)) if error.message.starts_with("plugin ") => {
                let call = self.call_open(client, number, CallKind::Search(answer), env);
                self.call_alarm_in(call, PLUGIN_SEARCH, CallAlarm::Finish, env);
            }
            _ => env.answer(client, number, answer),
        }
    }

    /// The whole answer, made of the leader's and of what this host knows by itself.
    pub(super) fn network_answer(&mut self, request: &Request, leader: Answer, env: &mut Env) -> Answer {
        match request {
            Request::NetworkList(filters) => self.network_list(filters, leader, env),
            Request::NetworkInspect { id, scope, .. } => self.network_inspect(id, scope, leader, env),
            Request::NetworkCreate(request) if request.driver == "overlay" => match leader {
                Ok(Response::Created(id)) => Ok(Response::Created(id)),
                _ if self.manager.is_none() => {
                    swarm_networks::reserved_name(&request.name)?;
                    Err(ApiError::new(403, NOT_IN_SWARM).into())
                }
                refused => refused,
            },
            Request::NetworkCreate(request) => match leader {
                Err(api::Failure::Api(error)) if error.status == 409 => Err(error.into()),
                _ => self.create_own_network(request, env),
            },
            Request::NetworkPrune(filters) => self.network_prune(filters, leader),
            _ => leader,
        }
    }

    /// The networks of this host's own, and those of the swarm that are set up here.
    fn networks_here(&self, env: &Env) -> Vec<api::Network> {
        let mut networks = self.own_networks(env);
        networks.extend(self.engine.provision.instances().map(|instance| self.instance(instance, env)));
        networks
    }

    /// The networks of this host's own, with the containers that are on them.
    pub(super) fn own_networks(&self, env: &Env) -> Vec<api::Network> {
        let mut networks = self.engine.bridges.list(env.seed, &self.name);
        for network in &mut networks {
            for (id, lease) in self.engine.bridges.users(&network.name) {
                let Some(container) = self.engine.containers.get(&id) else { continue };
                let endpoint = NetworkEndpoint {
                    // On the bridge to the world stands the place's own name.
                    name: match network.name.as_str() {
                        GATEWAY_BRIDGE => format!("gateway_{}", &sandbox_id(env.seed, id)[..12]),
                        _ => container.name.to_string(),
                    },
                    endpoint_id: endpoint_id(env.seed, &network.id, id),
                    mac_address: mac(lease.address),
                    ipv4_address: format!("{}/{}", lease.address, lease.subnet.length),
                    ipv6_address: String::new(),
                };
                network.containers.insert(id.text(), endpoint);
            }
        }
        networks
    }

    /// A network of the swarm that is set up here.
    fn instance(&self, instance: &Instance, env: &Env) -> api::Network {
        let network = &instance.network;
        let id = network.id.text();
        let key = env.seed.key("network.endpoint", &(&*self.name, &id));
        let endpoint = |name: String, owner: u64, place: &Attachment| NetworkEndpoint {
            name,
            endpoint_id: format!("{:032x}{:032x}", key.at_u128(2 * owner), key.at_u128(2 * owner + 1)),
            mac_address: place.address.map(mac).unwrap_or_default(),
            ipv4_address: place.cidr().unwrap_or_default(),
            ipv6_address: String::new(),
        };
        let here = |place: &&Attachment| place.network.key == network.key;
        let mut shown = api::Network {
            created: rfc3339(self.clock.wall(instance.created_at).nanos()),
            labels: Some(network.spec.labels.clone()),
            ..swarm_networks::present(network)
        };
        for container in self.engine.containers.values().filter(|container| container.runs()) {
            let Some(task) = container.task() else { continue };
            if let Some(place) = task.networks.iter().find(here) {
                let name = container.name.to_string();
                let owner = u64::from(task.key.0) + 1;
                shown.containers.insert(container.id.text(), endpoint(name, owner, place));
            }
        }
        if let Some(place) = self.engine.provision.attachments().iter().find(here) {
            let sandbox = if network.spec.ingress { "ingress-sbox".into() } else { format!("lb-{}", network.name()) };
            shown.containers.insert(sandbox, endpoint(format!("{}-endpoint", network.name()), 0, place));
        }
        shown.peers = self.peers(&id, env);
        shown
    }

    /// Who gossips about a network: a manager's own store tells. (A worker knows of itself only as long as gossip is not
    /// modelled.)
    fn peers(&self, network: &str, env: &Env) -> Vec<NetworkPeer> {
        let known = match &self.manager {
            Some(manager) => swarm_networks::peers(network, &manager.state),
            None => vec![(self.id, self.addr)],
        };
        let peer = |(host, addr): (crate::net::HostId, Ipv4Addr)| {
            let name = env.seed.key("networkdb.node", &**env.name(host)).at_u128(0);
            NetworkPeer { name: format!("{:032x}", name)[..12].to_owned(), ip: addr.to_string() }
        };
        known.into_iter().map(peer).collect()
    }

    fn network_list(&self, filters: &Filters, leader: Answer, env: &Env) -> Answer {
        let known = ["dangling", "driver", "id", "label", "name", "scope", "type"];
        if let Some(key) = filters.0.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(ApiError::new(400, format!("invalid filter '{key}'")).into());
        }
        for kind in filters.get("type") {
            if !matches!(kind.as_str(), "builtin" | "custom") {
                return Err(ApiError::new(400, format!("invalid filter: 'type'='{kind}'")).into());
            }
        }
        let mut networks = match leader {
            Ok(Response::Networks(networks)) => Arc::unwrap_or_clone(networks),
            _ => Vec::new(),
        };
        for network in self.networks_here(env) {
            if !networks.iter().any(|known| known.id == network.id) {
                networks.push(network);
            }
        }
        let any = |key: &str, test: &dyn Fn(&str) -> bool| {
            filters.get(key).is_empty() || filters.get(key).iter().any(|value| test(value))
        };
        networks.retain(|network| {
            let builtin = matches!(network.name.as_str(), "bridge" | "host" | "none" | "default");
            let labels = network.labels.as_ref();
            any("driver", &|driver| network.driver == driver)
                && any("id", &|id| network.id.starts_with(id))
                && any("name", &|name| network.name.contains(name))
                && any("scope", &|scope| network.scope == scope)
                && any("type", &|kind| (kind == "builtin") == builtin)
                && any("dangling", &|dangling| {
                    matches!(dangling, "true" | "1") == (!builtin && network.containers.is_empty())
                })
                && filters.get("label").iter().all(|wanted| match wanted.split_once('=') {
                    Some((key, value)) => labels.and_then(|labels| labels.get(key)).is_some_and(|own| own == value),
                    None => labels.is_some_and(|labels| labels.contains_key(wanted)),
                })
        });
        Ok(Response::Networks(Arc::new(networks)))
    }

    fn network_inspect(&self, name: &str, scope: &str, leader: Answer, env: &Env) -> Answer {
        let here = self.networks_here(env);
        let here = || here.iter().filter(|network| scope.is_empty() || network.scope == scope);
        let swarm = match &leader {
            Ok(Response::Network(network)) => Some(network),
            _ => None,
        };
        let show = |network: &api::Network| {
            let told = swarm.filter(|told| told.id == network.id);
            let status = told.and_then(|told| told.status.clone());
            Ok(Response::Network(Arc::new(api::Network { status, ..network.clone() })))
        };
        if let Some(network) = here().find(|network| network.id == name || network.name == name) {
            return show(network);
        }
        if let Some(told) = swarm {
            // A network of the swarm that stands for the hosts' own is found by that scope only.
            let local = told.name != name || !scope.is_empty() || !matches!(told.driver.as_str(), "bridge" | "host");
            if local {
                return match here().find(|network| network.id == told.id) {
                    Some(network) => show(network),
                    None => Ok(Response::Network(told.clone())),
                };
            }
        }
        let mut matches = here().filter(|network| !name.is_empty() && network.id.starts_with(name));
        match (matches.next(), matches.count(), &leader) {
            (Some(network), 0, _) => show(network),
            (Some(_), more, _) => {
                let text = format!("network {name} is ambiguous ({} matches found based on ID prefix)", more + 1);
                Err(ApiError::new(400, text).into())
            }
            (None, _, Err(api::Failure::Api(error))) if error.status == 400 => Err(error.clone().into()),
            (None, ..) => Err(not_found(name).into()),
        }
    }

    fn create_own_network(&mut self, request: &NetworkCreateRequest, env: &mut Env) -> Answer {
        self.engine.bridges.check(request)?;
        let wanted = crate::swarm::control::ipam::read(&request.ipam)?;
        let id = env.ids.local_network(&self.name, &request.name);
        let now = self.clock.wall(env.kernel.now());
        Ok(Response::Created(self.engine.bridges.create(id, request, &wanted, now)?))
    }

    /// Removes a network that only this host has, if that is meant.
    fn remove_own_network(&mut self, name: &str, env: &Env) -> Option<Answer> {
        let own = self.own_networks(env);
        let exact = own.iter().find(|network| network.id == name || network.name == name);
        let network = exact.or_else(|| {
            let mut matches = own.iter().filter(|network| !name.is_empty() && network.id.starts_with(name));
            matches.next().filter(|_| matches.next().is_none())
        })?;
        let in_swarm = self.disk.node.is_some();
        Some(self.engine.bridges.remove(network, in_swarm).map(|()| Response::Done).map_err(Into::into))
    }

    /// The id of a network of the swarm that is set up here, if that is meant; else what was typed.
    fn swarm_network_id(&self, name: &str, _env: &Env) -> String {
        let instances = || self.engine.provision.instances().map(|instance| &instance.network);
        let exact = instances().find(|network| network.id.text() == name || &**network.name() == name);
        let found = exact.or_else(|| instances().find(|n| !name.is_empty() && n.id.text().starts_with(name)));
        found.map_or_else(|| name.to_owned(), |network| network.id.text())
    }

    fn network_prune(&mut self, filters: &Filters, leader: Answer) -> Answer {
        let known = ["label", "label!", "until"];
        if let Some(key) = filters.0.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(ApiError::new(400, format!("invalid filter '{key}'")).into());
        }
        let mut names = match leader {
            Ok(Response::Deleted(names)) => names,
            _ => Vec::new(),
        };
        let has = |labels: &api::Labels, wanted: &String| match wanted.split_once('=') {
            Some((key, value)) => labels.get(key).is_some_and(|own| own == value),
            None => labels.contains_key(wanted),
        };
        names.extend(self.engine.bridges.prune(|labels| {
            filters.get("label").iter().all(|wanted| has(labels, wanted))
                && !filters.get("label!").iter().any(|wanted| has(labels, wanted))
        }));
        Ok(Response::Deleted(names))
    }
}
