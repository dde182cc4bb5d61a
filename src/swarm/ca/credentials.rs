//! What a node has on its disk to be known by: its certificate, whom it trusts, and how its keys lie there.

use super::certificate::Certificate;
use super::key::DiskKeys;
use super::root::RootCa;
use crate::engine::Time;
use crate::swarm::object::{Cluster, Id, Role};

/// A node's credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Who it is.
    pub certificate: Certificate,
    /// Whom it trusts.
    pub trust: RootCa,
    /// Its keys.
    pub keys: DiskKeys,
}

impl Credentials {
    /// The first ones of a node, as its cluster issues them at this time of the leader's clock.
    pub fn issue(cluster: &Cluster, node: Id, role: Role, wall: Time, serial: u64) -> Self {
        Self {
            certificate: cluster.signer().sign(node, role, wall, serial),
            trust: cluster.root,
            keys: DiskKeys::new(role == Role::Manager, cluster.kek()),
        }
    }

    /// A renewed certificate takes the place of the old one. With another role the keys are written anew: a manager gets
    /// the cluster's unlock key along with it, a worker's lie open.
    pub fn install(&mut self, certificate: Certificate, kek: super::Kek) {
        match (self.certificate.role, certificate.role) {
            (Role::Worker, Role::Manager) => self.keys = DiskKeys::new(true, kek),
            (Role::Manager, Role::Worker) => self.keys.demoted(),
            _ => {}
        }
        self.certificate = certificate;
    }
}
