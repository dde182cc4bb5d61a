//! What brought about who leads, and who is counted among the managers: faults to a leader or to the wires between managers,
//! and commands that ask for another role of a node.

use super::cause::silences;
use super::{History, mends, mentions};
use crate::net::HostId;
use crate::swarm::object::Role;
use crate::swarm::world::record::What;

impl History<'_> {
    pub(super) fn of_election(&self, at: usize) -> Option<usize> {
        match self.what(at) {
            What::Leads { host: own, term: led } => {
                self.before(at, |what| matches!(what, What::Elected { host, term } if host == own && term == led))
            }
            What::Elected { host: own, term: won } => {
                self.before(at, |what| matches!(what, What::Candidate { host, term } if host == own && term == won))
            }
            What::Candidate { host: own, .. } => self.leader_lost(at, *own),
            What::SteppedDown { host: own, term: newer, no_quorum: false } => {
                let other = |wanted: Option<u64>| {
                    self.before(at, |what| {
                        matches!(what, What::Candidate { host, term }
                            if host != own && wanted.is_none_or(|wanted| *term == wanted))
                    })
                };
                other(Some(*newer)).or_else(|| other(None))
            }
            What::SteppedDown { host, no_quorum: true, .. } => {
                let name = self.world.env.name(*host);
                let managers: std::collections::BTreeSet<&str> = self.managers().collect();
                let newest = |whom: &dyn Fn(&str) -> bool| {
                    self.before(at, |what| matches!(what, What::Fault { text } if silences(text) && whom(text)))
                };
                newest(&|text| mentions(text, name) || managers.iter().any(|manager| mentions(text, manager)))
                    .or_else(|| newest(&|text| text.starts_with("partition")))
            }
            _ => None,
        }
    }

    /// Hosts that are or were among the managers, as far as they or the trace tell.
    fn managers(&self) -> impl Iterator<Item = &str> {
        let own =
            |host: &&std::sync::Arc<crate::swarm::world::Host>| host.manager.is_some() || host.disk.raft.is_some();
        let told = self.records.iter().filter_map(|record| match &record.what {
            What::MemberAdded { peer: host, .. }
            | What::MemberRemoved { peer: host, .. }
            | What::Leads { host, .. } => Some(&**self.world.env.name(*host)),
            _ => None,
        });
        self.world.hosts().iter().filter(own).map(|host| &*host.name).chain(told)
    }

    /// Why somebody asks for votes: what was done to the leader before, or to the wires between the two.
    fn leader_lost(&self, at: usize, own: HostId) -> Option<usize> {
        let led = self.before(at, |what| matches!(what, What::Leads { .. }))?;
        let What::Leads { host: leader, .. } = self.what(led) else { return None };
        let (leader, name, own) = (*leader, self.world.env.name(*leader), self.world.env.name(own));
        let newest = self.before(at, |what| match what {
            What::Fault { text } => silences(text) && mentions(text, name),
            What::MemberRemoved { peer, .. } => *peer == leader,
            What::LeftRaft { host } | What::Left { host } | What::SteppedDown { host, .. } => *host == leader,
            _ => false,
        });
        let fault = |whom: &dyn Fn(&str) -> bool| {
            self.before(at, |what| matches!(what, What::Fault { text } if silences(text) && whom(text)))
        };
        let managers: std::collections::BTreeSet<&str> = self.managers().collect();
        newest
            .filter(|place| *place > led)
            .or_else(|| fault(&|text| mentions(text, own)))
            .or_else(|| fault(&|text| managers.iter().any(|manager| mentions(text, manager))))
            .or(newest)
    }

    pub(super) fn of_member(&self, at: usize) -> Option<usize> {
        let name = |host: &HostId| self.world.env.name(*host);
        match self.what(at) {
            What::Reachable { host, peer, active } => {
                let (own, peer) = (name(host), name(peer));
                let everybody = |text: &str| !text.trim().contains(' ');
                let fits = |text: &str| if *active { mends(text) } else { silences(text) };
                let of_peer = |what: &What| match what {
                    What::Fault { text } => fits(text) && (mentions(text, peer) || (*active && everybody(text))),
                    What::MemberAdded { peer: added, .. } => *active && name(added) == peer,
                    What::Left { host } => !active && name(host) == peer,
                    _ => false,
                };
                let of_own = |what: &What| matches!(what, What::Fault { text } if fits(text) && mentions(text, own));
                let leads = |what: &What| matches!(what, What::Leads { host: leader, .. } if *active && leader == host);
                self.before(at, of_peer).or_else(|| self.before(at, of_own)).or_else(|| self.before(at, leads))
            }
            What::LeftRaft { host } => {
                self.before(at, |what| matches!(what, What::MemberRemoved { peer, .. } if peer == host))
            }
            What::Certified { host, role: Role::Worker } => {
                self.before(at, |what| matches!(what, What::LeftRaft { host: other } if other == host))
            }
            What::MemberAdded { peer, .. } => {
                let certified = self
                    .before(at, |what| matches!(what, What::Certified { host, role: Role::Manager } if host == peer));
                certified.or_else(|| self.role_asked(at, *peer))
            }
            What::Certified { host: peer, role: Role::Manager } | What::MemberRemoved { peer, .. } => {
                self.role_asked(at, *peer)
            }
            _ => None,
        }
    }

    /// The line that asked for another role of a node, or took it out.
    fn role_asked(&self, at: usize, host: HostId) -> Option<usize> {
        let name = self.world.env.name(host);
        let wanted = self.before(at, |what| match what {
            What::NodeWanted { name: node, change } => node == name && change.contains("role "),
            What::NodeRemoved { name: node } => node == name,
            _ => false,
        });
        let id = self.world.host(host).disk.node.as_ref().map(|node| node.id.text());
        let textual = || {
            self.before(
                at,
                |what| matches!(what, What::Command { line, .. } if changes_role(line, name, id.as_deref())),
            )
        };
        // Who joins is asked for where it is.
        let joins = || {
            self.before(
                at,
                |what| matches!(what, What::Command { host: on, line } if *on == host && line.contains("swarm join")),
            )
        };
        wanted.and_then(|wanted| self.asked(wanted)).or_else(textual).or_else(joins)
    }
}

/// Whether a line asks for another role of this node.
fn changes_role(line: &str, node: &str, id: Option<&str>) -> bool {
    let mut words = line.split_whitespace();
    let asks =
        words.any(|word| matches!(word, "promote" | "demote" | "--role" | "join") || word.starts_with("--role="));
    asks && words.any(|word| word == node || id.is_some_and(|id| word.len() >= 4 && id.starts_with(word)))
}
