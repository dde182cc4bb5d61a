//! Connections between processes of hosts, one for each ordered pair (client, server): who is still there on either
//! end.
//!
//! It is bookkeeping only: it sends nothing and finds nothing out by itself.

use std::collections::{BTreeMap, BTreeSet};

use super::HostId;

/// Which start of a process holds an end: it differs after every restart, so that an old connection is never taken for
/// a new one.
pub type Boot = u32;

/// Both ends of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Ends {
    /// The client's boot; `None` when it is gone and the server does not know.
    pub client: Option<Boot>,
    /// The server's boot; `None` when it is gone and the client does not know.
    pub server: Option<Boot>,
}

/// All connections.
#[derive(Clone, Default, Debug)]
pub(super) struct Connections {
    ends: BTreeMap<(HostId, HostId), Ends>,
    /// The same pairs the other way round, to find a server's clients without looking at all.
    by_server: BTreeSet<(HostId, HostId)>,
}

impl Connections {
    pub(super) fn open(&mut self, client: (HostId, Boot), server: (HostId, Boot)) {
        self.ends.insert((client.0, server.0), Ends { client: Some(client.1), server: Some(server.1) });
        self.by_server.insert((server.0, client.0));
    }

    pub(super) fn get(&self, client: HostId, server: HostId) -> Option<Ends> {
        self.ends.get(&(client, server)).copied()
    }

    pub(super) fn close(&mut self, client: HostId, server: HostId) {
        self.ends.remove(&(client, server));
        self.by_server.remove(&(server, client));
    }

    /// Takes away the end that `host` holds; the connection is forgotten when the other is gone too.
    pub(super) fn leave(&mut self, client: HostId, server: HostId, host: HostId) {
        let Some(ends) = self.ends.get_mut(&(client, server)) else { return };
        if client == host {
            ends.client = None;
        }
        if server == host {
            ends.server = None;
        }
        if *ends == (Ends { client: None, server: None }) {
            self.close(client, server);
        }
    }

    /// The connections, as (client, server), of which `host` holds a living end: first as a client, then as a server.
    pub(super) fn of(&self, host: HostId) -> Vec<(HostId, HostId)> {
        let all = (host, HostId(0))..=(host, HostId(u16::MAX));
        let outgoing = self.ends.range(all.clone()).filter(|(_, ends)| ends.client.is_some()).map(|(pair, _)| *pair);
        let incoming = self.by_server.range(all).map(|(server, client)| (*client, *server));
        let incoming =
            incoming.filter(|(client, server)| client != server && self.ends[&(*client, *server)].server.is_some());
        outgoing.chain(incoming).collect()
    }

    pub(super) fn weight(&self) -> usize {
        self.ends.len() * 32
    }
}
