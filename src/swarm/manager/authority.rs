//! A manager as one to ask for certificates: it hands what nodes ask for to the leader, and the leader decides whom it
//! lets in (raft-and-security.md §6.2, §6.6).

use crate::net::HostId;
use crate::swarm::ca::authorize::{NODES, authorize};
use crate::swarm::ca::{Certificate, RenewCall};
use crate::swarm::dispatcher::{Refusal, Route, ToAgent, ToDispatcher};
use crate::swarm::world::event::Body;
use crate::swarm::world::record::What;
use crate::swarm::world::{Env, Host};
use std::sync::Arc;

const NO_LEADER: &str = "rpc error: code = Unknown desc = The swarm does not have a leader. It's possible that too few managers are online. Make sure more than half of the managers are online.";

impl Host {
    /// A node asks for another certificate.
    pub fn renew_asked(
        &mut self,
        number: u32,
        host: HostId,
        shown: Certificate,
        via: Option<HostId>,
        from: HostId,
        env: &mut Env,
    ) {
        let own = self.id;
        let refuse = |this: &Self, text: String, env: &mut Env| {
            let body = Body::RenewDone { number, host, result: Arc::new(Err(text)) };
            env.send(this.id, this.boot, from, None, body);
        };
        let Some(manager) = &self.manager else {
            let text = format!(
                "rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing: dial tcp {}:2377: connect: connection refused\"",
                self.addr
            );
            return refuse(self, text, env);
        };
        if manager.leads() {
            let local = host == own && via.is_none();
            return self.leader_renew(RenewCall { host, number, shown, via, local }, env);
        }
        match manager.leader_host(own).filter(|leader| *leader != own && manager.is_active(*leader)) {
            Some(leader) if via.is_none() => {
                env.send(own, self.boot, leader, None, Body::Renew { number, host, shown, via: Some(own) });
            }
            _ => refuse(self, NO_LEADER.to_owned(), env),
        }
    }

    /// Whether an agent's message may pass to the dispatcher; one that may not is refused, and told of.
    pub(super) fn admit(&mut self, route: Route, message: &ToDispatcher, env: &mut Env) -> bool {
        let ToDispatcher::Register { node, shown: Some(shown), .. } = message else { return true };
        let Some(manager) = &self.manager else { return true };
        let Some(cluster) = &manager.state.cluster else { return true };
        match authorize(Some(shown), NODES, cluster.id, &cluster.blacklist) {
            Ok(id) => {
                let node = manager.state.nodes.get(*node).map(|node| (node.id, node.host));
                env.check_registration(shown, id, node, route.host, cluster);
                true
            }
            Err(denied) => {
                let text = denied.error().message.as_str().into();
                if self.denied.insert(route.host, shown.serial) != Some(shown.serial) {
                    env.record(What::Refused { host: self.id, peer: route.host, text });
                }
                let message = ToAgent::Refused { session: 0, refusal: Refusal::Denied };
                let next = route.via.unwrap_or(route.host);
                env.send(self.id, self.boot, next, None, Body::ToAgent { route, message });
                false
            }
        }
    }
}
