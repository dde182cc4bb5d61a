//! Which host has which address. Nothing of subnets or of names.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use super::HostId;

/// Both ways between hosts and addresses. Behind `Arc`, since it hardly ever changes.
#[derive(Clone, Default, Debug)]
pub(super) struct Addresses {
    of: Arc<Vec<Ipv4Addr>>,
    at: Arc<BTreeMap<Ipv4Addr, HostId>>,
}

impl Addresses {
    pub(super) fn add(&mut self) {
        Arc::make_mut(&mut self.of).push(Ipv4Addr::UNSPECIFIED);
    }

    pub(super) fn set(&mut self, host: HostId, address: Ipv4Addr) {
        let old = std::mem::replace(&mut Arc::make_mut(&mut self.of)[host.index()], address);
        let at = Arc::make_mut(&mut self.at);
        if at.get(&old) == Some(&host) {
            at.remove(&old);
        }
        if !address.is_unspecified() {
            at.insert(address, host);
        }
    }

    pub(super) fn of(&self, host: HostId) -> Ipv4Addr {
        self.of[host.index()]
    }

    pub(super) fn find(&self, address: Ipv4Addr) -> Option<HostId> {
        self.at.get(&address).copied()
    }
}
