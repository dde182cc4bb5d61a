//! Connections between processes of hosts, one for each ordered pair (client, server): who is still there on either
//! end.
//!
//! It is bookkeeping only: it sends nothing and finds nothing out by itself.

use std::collections::BTreeSet;

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
    /// Both ends have made sure of each other ([`super::Net::secure`]).
    pub secured: bool,
}

/// All connections.
#[derive(Clone, Default, Debug)]
pub(super) struct Connections {
    /// By client; those of one by server. A client speaks to a handful of servers.
    ends: Vec<Vec<(HostId, Ends)>>,
    /// (server, client): the same pairs the other way round, to find a server's clients without looking at all.
    by_server: BTreeSet<(HostId, HostId)>,
}

impl Connections {
    pub(super) fn open(&mut self, client: (HostId, Boot), server: (HostId, Boot)) {
        let ends = Ends { client: Some(client.1), server: Some(server.1), secured: false };
        if self.ends.len() <= client.0.index() {
            self.ends.resize(client.0.index() + 1, Vec::new());
        }
        let servers = &mut self.ends[client.0.index()];
        match servers.binary_search_by_key(&server.0, |(server, _)| *server) {
            Ok(at) => servers[at].1 = ends,
            Err(at) => servers.insert(at, (server.0, ends)),
        }
        self.by_server.insert((server.0, client.0));
    }

    #[inline]
    pub(super) fn get(&self, client: HostId, server: HostId) -> Option<Ends> {
        let servers = self.ends.get(client.index())?;
        servers.iter().find(|(known, _)| *known == server).map(|(_, ends)| *ends)
    }

    fn get_mut(&mut self, client: HostId, server: HostId) -> Option<&mut Ends> {
        let servers = self.ends.get_mut(client.index())?;
        servers.iter_mut().find(|(known, _)| *known == server).map(|(_, ends)| ends)
    }

    pub(super) fn close(&mut self, client: HostId, server: HostId) {
        if let Some(servers) = self.ends.get_mut(client.index()) {
            servers.retain(|(known, _)| *known != server);
        }
        self.by_server.remove(&(server, client));
    }

    pub(super) fn secure(&mut self, client: HostId, server: HostId, secured: bool) {
        if let Some(ends) = self.get_mut(client, server) {
            ends.secured = secured;
        }
    }

    /// Takes away the end that `host` holds; the connection is forgotten when the other is gone too.
    pub(super) fn leave(&mut self, client: HostId, server: HostId, host: HostId) {
        let Some(ends) = self.get_mut(client, server) else { return };
        if client == host {
            ends.client = None;
        }
        if server == host {
            ends.server = None;
        }
        if ends.client.is_none() && ends.server.is_none() {
            self.close(client, server);
        }
    }

    /// The connections, as (client, server), of which `host` holds a living end: first as a client, then as a server.
    pub(super) fn of(&self, host: HostId) -> Vec<(HostId, HostId)> {
        let all = (host, HostId(0))..=(host, HostId(u16::MAX));
        let outgoing = self.ends.get(host.index()).into_iter().flatten();
        let outgoing = outgoing.filter(|(_, ends)| ends.client.is_some()).map(|(server, _)| (host, *server));
        let incoming = self.by_server.range(all).map(|(server, client)| (*client, *server));
        let incoming = incoming.filter(|(client, server)| {
            client != server && self.get(*client, *server).is_some_and(|ends| ends.server.is_some())
        });
        outgoing.chain(incoming).collect()
    }

    pub(super) fn weight(&self) -> usize {
        self.ends.len() * size_of::<Vec<(HostId, Ends)>>() + self.by_server.len() * 32
    }
}
