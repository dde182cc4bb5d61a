//! Promises about certificates, tokens and locks (raft-and-security.md §10, 20 to 25).
//!
//! 20 is looked at where a session is admitted (the handshake itself is `world::tls`), 21 where a certificate is signed,
//! 22 where a node is let in, 23 where the cluster object changes, 24 where a packet arrives, 25 at admission again.

use super::Env;
use crate::net::HostId;
use crate::swarm::ca::Certificate;
use crate::swarm::object::{Cluster, Id, Role};
use crate::swarm::store::State;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What must be remembered to check.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Who holds the key of a node: the host that its first certificate went to.
    holders: BTreeMap<Id, HostId>,
    /// The cluster object of each cluster as it was last.
    clusters: BTreeMap<Id, Arc<Cluster>>,
}

impl Env {
    /// A session is admitted only with this cluster's certificate, of a node that is there, from the host that is it.
    pub fn check_registration(
        &mut self,
        shown: &Certificate,
        id: Id,
        node: Option<(Id, HostId)>,
        from: HostId,
        cluster: &Cluster,
    ) {
        if shown.organization != cluster.id || cluster.blacklist.holds(id) {
            let detail = format!("{} was let in with the certificate of {id}", self.name(from));
            self.violate("Only valid certificates are let in", detail);
        }
        if let Some((known, host)) = node
            && (known != id || host != from)
        {
            let detail = format!("{} registers as {known}, which is another host's node", self.name(from));
            self.violate("One session a node", detail);
        }
    }

    /// A certificate says the node's role, and goes to the host that has always had the node's key.
    pub fn check_signed(&mut self, certificate: &Certificate, role: Option<Role>, host: HostId) {
        if role.is_some_and(|role| role != certificate.role) {
            let detail = format!("{} got a certificate as {:?}", certificate.node, certificate.role);
            self.violate("A certificate says the node's role", detail);
        }
        let checks = Arc::make_mut(&mut self.checks);
        let holder = *checks.security.holders.entry(certificate.node).or_insert(host);
        if holder != host {
            let detail = format!("{} of {} was reissued to {}", certificate.node, self.name(holder), self.name(host));
            self.violate("A node has one holder of its key", detail);
        }
    }

    /// Whoever is let in named one of the two tokens in force.
    pub fn check_token(&mut self, token: &str, role: Role, cluster: &Cluster) {
        if token != cluster.token(role == Role::Manager) {
            self.violate("Only tokens in force let in", format!("a {} came in with {token}", role.as_str()));
        }
    }

    /// No root takes over while a node has another issuer, and both tokens change with it.
    pub fn check_root(&mut self, cluster: &Arc<Cluster>, state: &State) {
        let checks = Arc::make_mut(&mut self.checks);
        let Some(before) = checks.security.clusters.insert(cluster.id, cluster.clone()) else { return };
        let root = cluster.root;
        // An object from before a force-new-cluster may show an older root again; that is no completion.
        if before.root == root || before.root_rotation.is_none_or(|rotation| rotation.next != root) {
            return;
        }
        if before.worker_secret == cluster.worker_secret || before.manager_secret == cluster.manager_secret {
            self.violate("A new root brings new tokens", format!("cluster {}", cluster.id));
        }
        if let Some(node) = state.nodes.values().find(|node| node.certificate.issuer != Some(root.id)) {
            let detail = format!("{} still has another issuer", node.display_name());
            self.violate("A root waits for every node", detail);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::swarm::world::{DataCentre, World};

    /// What the checks say about a world in which something is done that must not be.
    fn seen(break_it: impl FnOnce(&mut World, Cluster)) -> &'static str {
        let mut world = World::new(&DataCentre::swarm(1, 1, 1));
        world.run_until(crate::engine::Time::ZERO);
        let manager = world.hosts()[0].manager.as_ref().expect("it is a manager");
        let cluster = manager.state.cluster.as_deref().expect("it is made").clone();
        assert_eq!(world.violation(), None);
        break_it(&mut world, cluster);
        world.violation().expect("something is broken").invariant
    }

    fn certificate(world: &World, host: usize) -> Certificate {
        world.hosts()[host].disk.credentials.expect("it has one").certificate
    }

    #[test]
    fn each_check_bites() {
        let token = seen(|world, cluster| world.env.check_token("SWMTKN-1-x-y", Role::Worker, &cluster));
        assert_eq!(token, "Only tokens in force let in");
        let role = seen(|world, _| {
            let shown = certificate(world, 1);
            world.env.check_signed(&shown, Some(Role::Manager), HostId(1));
        });
        assert_eq!(role, "A certificate says the node's role");
        let holder = seen(|world, _| {
            let shown = certificate(world, 1);
            world.env.check_signed(&shown, Some(Role::Worker), HostId(1));
            world.env.check_signed(&shown, Some(Role::Worker), HostId(0));
        });
        assert_eq!(holder, "A node has one holder of its key");
        let removed = seen(|world, mut cluster| {
            let shown = certificate(world, 1);
            let wall = world.now();
            Arc::make_mut(&mut cluster.blacklist).add(shown.node, cluster.node_cert_expiry, wall);
            world.env.check_registration(&shown, shown.node, None, HostId(1), &cluster);
        });
        assert_eq!(removed, "Only valid certificates are let in");
        let twice = seen(|world, cluster| {
            let shown = certificate(world, 1);
            world.env.check_registration(&shown, shown.node, Some((shown.node, HostId(1))), HostId(0), &cluster);
        });
        assert_eq!(twice, "One session a node");
    }

    #[test]
    fn a_root_that_comes_too_early_is_seen() {
        let early = seen(|world, cluster| {
            let state = world.hosts()[0].manager.as_ref().expect("it is a manager").state.clone();
            let next = crate::swarm::ca::RootCa { id: crate::swarm::ca::RootId(7), ..cluster.root };
            let mut rotating = cluster.clone();
            rotating.root_rotation = Some(crate::swarm::ca::RootRotation { next });
            let secrets = (Id(1), Id(2));
            let done = Cluster { root: next, worker_secret: secrets.0, manager_secret: secrets.1, ..cluster.clone() };
            world.env.check_root(&Arc::new(rotating), &state);
            world.env.check_root(&Arc::new(done), &state);
        });
        assert_eq!(early, "A root waits for every node");
    }
}
