//! Virtual addresses of services: which are wanted, and whether what is given is that.
//!
//! Source: networking.md §1.4; SwarmKit's `allocator/network.go` and libnetwork's `cnmallocator` (`AllocateService`,
//! `IsServiceAllocated`).

use super::network::Networks;
use super::port;
use crate::swarm::object::{Attachment, NetworkKey, Service};
use std::sync::Arc;

/// Whether a service has what its spec asks for: ports, and a virtual address on each of its networks.
pub(super) fn is_allocated(service: &Service, ingress: Option<NetworkKey>) -> bool {
    let networks = &service.spec.task.uses.networks;
    let vips = &service.endpoint.vips;
    if service.is_dnsrr() {
        if !vips.is_empty() {
            return false;
        }
    } else {
        let has = |key: &NetworkKey| vips.iter().any(|vip| vip.network.key == *key);
        let meant = |vip: &Attachment| {
            networks.contains(&vip.network.key) || (Some(vip.network.key) == ingress && service.needs_ingress())
        };
        if !networks.iter().all(has) || !vips.iter().all(meant) {
            return false;
        }
    }
    port::is_allocated(service)
}

/// The addresses that a service is to have, those that it keeps in their places; and those that it gives back.
///
/// # Errors
/// A network has none left or is not allocated, or there is no ingress network though a port is published on it. Nothing is
/// taken then.
pub(super) fn vips(
    service: &Service,
    ingress: Option<NetworkKey>,
    networks: &mut Networks,
) -> Result<(Arc<[Attachment]>, Vec<Attachment>), ()> {
    let had = &service.endpoint.vips;
    let mut wanted: Vec<NetworkKey> = Vec::new();
    if service.needs_ingress() {
        wanted.push(ingress.ok_or(())?);
    }
    wanted.extend(&service.spec.task.uses.networks);
    if service.is_dnsrr() {
        wanted.clear();
    }
    let (kept, given_back): (Vec<_>, Vec<_>) = had.iter().cloned().partition(|vip| wanted.contains(&vip.network.key));
    let missing: Vec<NetworkKey> =
        wanted.into_iter().filter(|key| !kept.iter().any(|vip| vip.network.key == *key)).collect();
    let new = networks.attach_all(&missing).map_err(|_| ())?;
    Ok((kept.into_iter().chain(new).collect(), given_back))
}
