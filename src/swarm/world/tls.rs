//! The handshake of a new connection between two daemons: each looks at the other's certificate with its own clock, and
//! at whether somebody whom it trusts has signed it (raft-and-security.md §6.6).
//!
//! Looked at where a connection opens, and never again: one that stands outlives its certificates, as in the real one.
//! Sessions and renewals open their own each time. What a call needs beyond the handshake (the right role, not being
//! removed) is looked at where the call arrives.

use super::World;
use super::event::{Body, Event, Packet, TlsFailure};
use crate::net::{HostId, Transit};
use crate::swarm::ca::authorize::{MANAGERS, authorize};
use crate::swarm::ca::{Credentials, TlsError};
use crate::swarm::dispatcher::ToDispatcher;
use std::sync::Arc;

impl Body {
    /// It comes by a connection of its own.
    fn dials(&self) -> bool {
        match self {
            Body::ToDispatcher { route, message } => {
                route.via.is_none() && matches!(message, ToDispatcher::Register { .. })
            }
            Body::Renew { via, .. } => via.is_none(),
            _ => false,
        }
    }

    /// Only a manager may say it.
    fn is_managers(&self) -> bool {
        match self {
            Body::Raft(_) | Body::Call { .. } | Body::MemberJoin { .. } => true,
            Body::ToDispatcher { route, .. } => route.via.is_some(),
            _ => false,
        }
    }
}

impl World {
    /// Whether a packet may pass: its connection has been opened in order, or is now. Otherwise its sender hears of it.
    pub(super) fn handshake(&mut self, packet: &Packet) -> bool {
        let (from, to) = (packet.from, packet.to);
        // Who asks to be let in has nothing to show yet.
        if from == to || matches!(packet.body, Body::Join { .. }) {
            return true;
        }
        let known = self.env.net.connection(from, to).is_some_and(|ends| ends.secured);
        if known && !packet.body.dials() {
            return true;
        }
        match self.tls_failure(from, to, &packet.body) {
            None => {
                self.env.net.secure(from, to);
                if self.hosts[from.index()].refused_by.contains_key(&to) {
                    let (host, _) = self.host_mut(from);
                    host.refused_by.remove(&to);
                }
                true
            }
            Some(failure) => {
                // A connection that stands, beside the one that was to be opened, goes on.
                if !known {
                    self.env.net.close(from, to);
                }
                if let Transit::Arrives(at) =
                    self.env.net.stream(self.env.kernel.now(), to, from, crate::net::EPHEMERAL)
                {
                    let failed =
                        Event::TlsFailed { host: from, boot: packet.from_boot, peer: to, failure: Arc::new(failure) };
                    self.env.kernel.schedule(at, failed);
                }
                false
            }
        }
    }

    fn tls_failure(&self, from: HostId, to: HostId, body: &Body) -> Option<TlsFailure> {
        let (client, server) = (&self.hosts[from.index()], &self.hosts[to.index()]);
        let now = self.env.kernel.now();
        let (Some(mine), Some(theirs)) = (&client.disk.credentials, &server.disk.credentials) else { return None };
        let seen = |who: &Credentials, by: &Credentials, wall| who.certificate.verify(by.trust.id, wall);
        // The client looks first; both ends' complaints are reported in the same words.
        if let Err(error) = seen(theirs, mine, client.wall(now)) {
            let stranger = (error == TlsError::UnknownAuthority).then_some(theirs.trust);
            return Some(TlsFailure { text: unavailable(&error), stranger });
        }
        if let Err(error) = seen(mine, theirs, server.wall(now)) {
            return Some(TlsFailure { text: unavailable(&error), stranger: None });
        }
        if body.is_managers()
            && let Some(cluster) = server.manager.as_ref().and_then(|manager| manager.state.cluster.as_ref())
            && let Err(denied) = authorize(Some(&mine.certificate), MANAGERS, cluster.id, &cluster.blacklist)
        {
            return Some(TlsFailure { text: denied.error().message, stranger: None });
        }
        None
    }

    /// A locked manager says nothing to anybody (a promise of the model).
    pub(super) fn check_silence(&mut self, packet: &Packet) {
        let sender = &self.hosts[packet.from.index()];
        if sender.not_started.is_some() && packet.from_boot == sender.boot && matches!(packet.body, Body::Raft(_)) {
            let detail = format!("{} sends to {} while its swarm is not started", sender.name, packet.to.index());
            self.env.violate("A locked manager is silent", detail);
        }
    }
}

fn unavailable(error: &TlsError) -> String {
    format!("rpc error: code = Unavailable desc = connection error: desc = \"{error}\"")
}
