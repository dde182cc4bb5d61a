//! Published ports: which are taken, which a service gets. Source: control-plane.md §9;
//! `manager/allocator/cnmallocator/portallocator.go`.

use crate::swarm::object::{PortConfig, Protocol, Service};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Ports that are chosen for users who do not choose.
const DYNAMIC: RangeInclusive<u16> = 30000..=32767;

/// Why ports could not be had. The real code only logs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PortError {
    /// Another service has it.
    #[error("requested bit is already allocated")]
    Taken,
    /// All of the range are given.
    #[error("no bit available")]
    Exhausted,
}

/// The ports of the routing mesh, each protocol for itself. Host-mode ports are never reserved.
#[derive(Clone, Debug, Default)]
pub(super) struct Ports {
    taken: BTreeMap<Protocol, BTreeSet<u16>>,
    /// The port after the one that was chosen last. A new leader begins anew.
    next: BTreeMap<Protocol, u16>,
}

impl Ports {
    /// Takes a port that was given before.
    pub(super) fn take(&mut self, port: &PortConfig) {
        if port.ingress && port.published != 0 {
            self.taken.entry(port.protocol).or_default().insert(port.published);
        }
    }

    /// Gives a port back; whether it was taken.
    pub(super) fn free(&mut self, port: &PortConfig) -> bool {
        port.ingress && self.taken.get_mut(&port.protocol).is_some_and(|taken| taken.remove(&port.published))
    }

    /// Takes all of them, or none.
    pub(super) fn take_all(&mut self, wanted: Vec<PortConfig>) -> Result<Arc<[PortConfig]>, PortError> {
        let mut given: Vec<PortConfig> = Vec::new();
        for mut port in wanted {
            if port.ingress {
                match self.choose(&port) {
                    Ok(published) => port.published = published,
                    Err(error) => {
                        for port in &given {
                            self.free(port);
                        }
                        return Err(error);
                    }
                }
                self.take(&port);
            }
            given.push(port);
        }
        Ok(given.into())
    }

    fn choose(&mut self, port: &PortConfig) -> Result<u16, PortError> {
        let taken = self.taken.entry(port.protocol).or_default();
        if port.published != 0 {
            return if taken.contains(&port.published) { Err(PortError::Taken) } else { Ok(port.published) };
        }
        let from = self.next.get(&port.protocol).copied().unwrap_or(*DYNAMIC.start());
        let found = (from..=*DYNAMIC.end()).chain(*DYNAMIC.start()..from).find(|number| !taken.contains(number));
        let found = found.ok_or(PortError::Exhausted)?;
        self.next.insert(port.protocol, if found == *DYNAMIC.end() { *DYNAMIC.start() } else { found + 1 });
        Ok(found)
    }
}

/// Takes out of `given` a port for the same protocol and target: the one asked for, or any if it may be chosen.
fn take_match(given: &mut Vec<PortConfig>, wanted: &PortConfig) -> Option<PortConfig> {
    let place = given.iter().position(|port| {
        port.ingress
            && (port.protocol, port.target) == (wanted.protocol, wanted.target)
            && (wanted.published == 0 || wanted.published == port.published)
    })?;
    Some(given.remove(place))
}

/// Whether what the service was given is what its spec asks for.
pub(super) fn is_allocated(service: &Service) -> bool {
    let wanted = &service.spec.task.ports;
    let Some(given) = &service.endpoint.ports else { return wanted.is_empty() };
    if wanted.len() != given.len() {
        return false;
    }
    let mut left = given.to_vec();
    let host = |port: &&PortConfig| !port.ingress;
    // Those with a number first: one that may be chosen must not take theirs.
    let ingress = |chosen: bool| wanted.iter().filter(move |port| port.ingress && (port.published == 0) == chosen);
    wanted.iter().filter(host).all(|port| given.contains(port))
        && ingress(false).chain(ingress(true)).all(|port| take_match(&mut left, port).is_some())
}

/// The ports to take for a service: as the spec says, but a number that was chosen before is kept. That holds only as
/// long as the number of ports is the same.
pub(super) fn reconcile(service: &Service) -> Vec<PortConfig> {
    let wanted = &service.spec.task.ports;
    let mut given = match &service.endpoint.ports {
        Some(given) if given.len() == wanted.len() => given.to_vec(),
        _ => return wanted.to_vec(),
    };
    let mut ports = Vec::new();
    for port in wanted.iter().filter(|port| !port.ingress || port.published != 0) {
        if port.ingress {
            take_match(&mut given, port);
        }
        ports.push(port.clone());
    }
    for port in wanted.iter().filter(|port| port.ingress && port.published == 0) {
        ports.push(take_match(&mut given, port).unwrap_or_else(|| port.clone()));
    }
    ports
}
