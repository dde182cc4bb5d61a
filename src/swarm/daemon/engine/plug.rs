//! A container that starts gets its places on this host's own networks and its published ports, and gives them back when it
//! ends. (Its addresses on networks of the swarm come with its task.)
//!
//! Source: networking.md §5.5, §6; recordings docker-29/03 and 05.

use super::{Container, Engine, EngineOutbox, Occurrence, Owner, Subject, Surroundings, happen::Wire};
use crate::swarm::api::{ApiError, PortRequest};
use crate::swarm::daemon::bridge::{BRIDGE, GATEWAY_BRIDGE};
use crate::swarm::object::ContainerId;
use std::collections::BTreeSet;

/// Where free ports of a host begin.
const EPHEMERAL: u16 = 32_768;

/// `network` and its driver, for those that every host has.
fn builtin(name: &str) -> &'static str {
    match name {
        "host" => "host",
        "none" => "null",
        _ => "bridge",
    }
}

impl Engine {
    /// The networks of this host's own that a container is on while it runs.
    pub fn local_networks(&self, container: &Container) -> Vec<String> {
        match &container.owner {
            Owner::Task(task) => {
                let overlay = |place: &&crate::swarm::object::Attachment| !place.network.is_node_local();
                let mut names: Vec<String> = task
                    .networks
                    .iter()
                    .filter(|p| p.network.is_node_local())
                    .map(|p| p.network.name().to_string())
                    .collect();
                if task.networks.iter().any(|place| overlay(&place) && !place.network.spec.internal) {
                    names.push(GATEWAY_BRIDGE.into());
                } else if task.networks.is_empty() {
                    names.push(BRIDGE.into());
                }
                names
            }
            Owner::User(own) => own.endpoints.iter().map(|endpoint| endpoint.network.clone()).collect(),
        }
    }

    /// The ports of this host that running containers have, with whose they are.
    fn taken_ports(&self, but: ContainerId) -> BTreeSet<(String, u16)> {
        let others = self.containers.values().filter(|container| container.id != but && container.runs());
        others.flat_map(bound_ports).map(|port| (port.protocol, port.published)).collect()
    }

    /// A container is about to run: it gets its addresses and ports.
    ///
    /// # Errors
    /// A port that somebody else has, a network that is not there.
    pub(super) fn plug_in(
        &mut self,
        id: ContainerId,
        around: &Surroundings<'_>,
        out: &mut EngineOutbox,
    ) -> Result<(), ApiError> {
        let Some(container) = self.containers.get(&id) else { return Ok(()) };
        let networks = self.local_networks(container);
        let name = container.name.clone();
        let endpoints = container.own().map(|own| own.endpoints.clone()).unwrap_or_default();
        let task = container.task().cloned();
        let mut ports = match &container.owner {
            Owner::User(own) => own.order.ports.clone(),
            Owner::Task(_) => bound_ports(container).collect(),
        };
        if !ports.is_empty() {
            let mut taken = self.taken_ports(id);
            for port in &mut ports {
                if port.published == 0 {
                    let free = (EPHEMERAL..=u16::MAX).find(|number| !taken.contains(&(port.protocol.clone(), *number)));
                    port.published = free.unwrap_or(EPHEMERAL);
                } else if taken.contains(&(port.protocol.clone(), port.published)) {
                    let endpoint = around.seed.key("network.endpoint.own", &id.0);
                    let endpoint = format!("{:032x}{:032x}", endpoint.at_u128(0), endpoint.at_u128(1));
                    let address = if port.address.is_empty() { "0.0.0.0" } else { &port.address };
                    return Err(ApiError::new(
                        500,
                        format!(
                            "failed to set up container networking: driver failed programming external connectivity on endpoint {name} ({endpoint}): Bind for {address}:{} failed: port is already allocated",
                            port.published
                        ),
                    ));
                }
                taken.insert((port.protocol.clone(), port.published));
            }
        }
        for network in &networks {
            let endpoint = endpoints.iter().find(|endpoint| endpoint.network == *network);
            let wanted = endpoint.and_then(|endpoint| endpoint.address.parse().ok());
            // A task is not kept from running by what its host has for itself.
            if let Err(error) = self.bridges.lease(network, id, wanted)
                && task.is_none()
            {
                self.bridges.release(id);
                let text = format!("failed to set up container networking: {}", error.message);
                return Err(ApiError::new(error.status, text));
            }
        }
        if let Some(own) = self.containers.get_mut(&id).and_then(Container::own_mut) {
            own.ports = ports;
        }
        if let Some(task) = task {
            for place in task.networks.iter().filter(|place| !place.network.is_node_local()) {
                self.tell_wire("connect", Wire::Swarm(place.network.clone()), id, around, out);
            }
        }
        for network in networks {
            self.tell_wire("connect", self.wire(&network), id, around, out);
        }
        Ok(())
    }

    /// A container has ended: it is on no network any more.
    pub(super) fn unplug(&mut self, id: ContainerId, around: &Surroundings<'_>, out: &mut EngineOutbox) {
        let Some(container) = self.containers.get(&id) else { return };
        let networks = self.local_networks(container);
        let task = container.task().cloned();
        self.bridges.release(id);
        if let Some(task) = task {
            for place in task.networks.iter().filter(|place| !place.network.is_node_local()) {
                self.tell_wire("disconnect", Wire::Swarm(place.network.clone()), id, around, out);
            }
        }
        for network in networks {
            self.tell_wire("disconnect", self.wire(&network), id, around, out);
        }
    }

    /// A network of this host's own by name.
    pub(super) fn wire(&self, name: &str) -> Wire {
        Wire::Local { name: name.into(), id: self.bridges.id_of(name), driver: builtin(name) }
    }

    fn tell_wire(
        &self,
        action: &'static str,
        network: Wire,
        container: ContainerId,
        around: &Surroundings<'_>,
        out: &mut EngineOutbox,
    ) {
        let subject = Subject::Network { action, network, container: Some(container) };
        out.events.push(Occurrence { at: around.now + self.ahead, subject });
    }

    /// A container comes onto a network of this host's own (`docker network connect`).
    ///
    /// # Errors
    /// There is no address, or it is there already.
    pub fn connect(
        &mut self,
        id: ContainerId,
        endpoint: &crate::swarm::api::EndpointRequest,
        around: &Surroundings<'_>,
        out: &mut EngineOutbox,
    ) -> Result<(), ApiError> {
        let Some(container) = self.containers.get_mut(&id) else { return Ok(()) };
        let runs = container.runs();
        let Some(own) = container.own_mut() else { return Ok(()) };
        if own.endpoints.iter().any(|known| known.network == endpoint.network) {
            let name = &container.name;
            let text = format!("endpoint with name {name} already exists in network {}", endpoint.network);
            return Err(ApiError::new(403, text));
        }
        own.endpoints.push(endpoint.clone());
        if runs {
            self.bridges.lease(&endpoint.network, id, endpoint.address.parse().ok())?;
            self.tell_wire("connect", self.wire(&endpoint.network), id, around, out);
        }
        Ok(())
    }

    /// It leaves it; says whether it was there.
    pub fn disconnect(
        &mut self,
        id: ContainerId,
        network: &str,
        around: &Surroundings<'_>,
        out: &mut EngineOutbox,
    ) -> bool {
        let Some(container) = self.containers.get_mut(&id) else { return false };
        let runs = container.runs();
        let Some(own) = container.own_mut() else { return false };
        let Some(place) = own.endpoints.iter().position(|known| known.network == network) else { return false };
        own.endpoints.remove(place);
        self.bridges.release_one(network, id);
        if runs {
            self.tell_wire("disconnect", self.wire(network), id, around, out);
        }
        true
    }
}

/// The ports of its host that a running container has.
pub fn bound_ports(container: &Container) -> Box<dyn Iterator<Item = PortRequest> + '_> {
    match &container.owner {
        Owner::User(own) => Box::new(own.ports.iter().cloned()),
        Owner::Task(task) => Box::new(task.ports.iter().filter(|port| !port.ingress).map(|port| PortRequest {
            target: port.target,
            protocol: port.protocol.as_str().to_owned(),
            published: port.published,
            address: String::new(),
        })),
    }
}
