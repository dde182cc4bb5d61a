//! Which call a certificate allows: the check that every protected call of a manager begins with
//! (raft-and-security.md §6.6).

use super::certificate::{Certificate, unit};
use crate::engine::{Duration, Time};
use crate::swarm::api::{ApiError, Code};
use crate::swarm::object::{Id, Role};
use std::collections::BTreeMap;
use std::fmt;

/// A removed node's certificate is remembered for as long as it could be valid, and a week.
const RETENTION: Duration = Duration::from_hours(7 * 24);

/// Certificates of removed nodes, each with the time until which it must be remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blacklist(BTreeMap<Id, Time>);

impl Blacklist {
    /// A node was removed; those that nobody needs to remember any more are forgotten on the way.
    pub fn add(&mut self, node: Id, expiry: Duration, wall: Time) {
        self.0.retain(|_, until| *until >= wall);
        self.0.insert(node, wall + expiry + RETENTION);
    }

    /// Whether the node was removed.
    pub fn holds(&self, node: Id) -> bool {
        self.0.contains_key(&node)
    }

    /// The removed nodes.
    pub fn nodes(&self) -> impl Iterator<Item = Id> + '_ {
        self.0.keys().copied()
    }
}

/// Why a call is refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Denied {
    /// The connection has no TLS.
    NoTls,
    /// The other end showed no certificate.
    NoCertificate,
    /// It showed one that was not verified.
    NotVerified,
    /// The wrong role.
    Role {
        /// Those that are allowed.
        allowed: Vec<Role>,
    },
    /// A certificate of another cluster.
    Organization {
        /// This cluster.
        ours: Id,
    },
    /// A node that was removed.
    Removed {
        /// Which.
        node: Id,
    },
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wrapped = |f: &mut fmt::Formatter<'_>, text: &dyn fmt::Display| {
            write!(
                f,
                "Permission denied: unauthorized peer role: rpc error: code = PermissionDenied desc = Permission denied: {text}"
            )
        };
        match self {
            Denied::NoTls => f.write_str("request is not using TLS"),
            Denied::NoCertificate => f.write_str("no client certificates in request"),
            Denied::NotVerified => f.write_str("no verified chains for remote certificate"),
            Denied::Role { allowed } => {
                let units: Vec<_> = allowed.iter().map(|role| unit(*role)).collect();
                wrapped(f, &format_args!("remote certificate not part of OUs: [{}]", units.join(" ")))
            }
            Denied::Organization { ours } => {
                wrapped(f, &format_args!("remote certificate not part of organization: {ours}"))
            }
            Denied::Removed { node } => wrapped(f, &format_args!("node {node} was removed from swarm")),
        }
    }
}

impl Denied {
    /// As the caller gets it.
    pub fn error(&self) -> ApiError {
        ApiError::grpc(Code::PermissionDenied, self.to_string())
    }
}

/// Roles that may call what only managers may.
pub const MANAGERS: &[Role] = &[Role::Manager];
/// Roles that may call what every node may, as SwarmKit lists them.
pub const NODES: &[Role] = &[Role::Worker, Role::Manager];

/// Whether the holder of a certificate may make a call; says who it is. The role is looked at first, then the cluster,
/// then the blacklist.
pub fn authorize(
    certificate: Option<&Certificate>,
    allowed: &[Role],
    organization: Id,
    blacklist: &Blacklist,
) -> Result<Id, Denied> {
    let certificate = certificate.ok_or(Denied::NoCertificate)?;
    if !allowed.contains(&certificate.role) {
        return Err(Denied::Role { allowed: allowed.to_vec() });
    }
    if certificate.organization != organization {
        return Err(Denied::Organization { ours: organization });
    }
    if blacklist.holds(certificate.node) {
        return Err(Denied::Removed { node: certificate.node });
    }
    Ok(certificate.node)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::swarm::ca::RootId;

    fn certificate(role: Role) -> Certificate {
        Certificate {
            node: Id(5),
            role,
            organization: Id(9),
            issuer: RootId(1),
            cross_signed_by: None,
            not_before: Time::MIN,
            not_after: Time::MAX,
            serial: 1,
        }
    }

    fn text(certificate: Option<Certificate>, allowed: &[Role], organization: u128, blacklist: &Blacklist) -> String {
        match authorize(certificate.as_ref(), allowed, Id(organization), blacklist) {
            Ok(node) => format!("ok {}", node.0),
            Err(denied) => denied.to_string(),
        }
    }

    #[test]
    fn the_texts_are_swarms() {
        let none = Blacklist::default();
        let mut removed = Blacklist::default();
        removed.add(Id(5), Duration::from_hours(2160), Time::ZERO);
        let (worker, manager) = (Some(certificate(Role::Worker)), Some(certificate(Role::Manager)));
        let wrap =
            "Permission denied: unauthorized peer role: rpc error: code = PermissionDenied desc = Permission denied: ";
        assert_eq!(text(worker, NODES, 9, &none), "ok 5");
        assert_eq!(text(manager, MANAGERS, 9, &none), "ok 5");
        assert_eq!(text(None, NODES, 9, &none), "no client certificates in request");
        assert_eq!(
            text(worker, MANAGERS, 9, &none),
            format!("{wrap}remote certificate not part of OUs: [swarm-manager]")
        );
        assert_eq!(
            text(worker, NODES, 8, &none),
            format!("{wrap}remote certificate not part of organization: {}", Id(8))
        );
        assert_eq!(text(manager, NODES, 9, &removed), format!("{wrap}node {} was removed from swarm", Id(5)));
        let error = Denied::NoTls.error();
        assert_eq!(error.message, "rpc error: code = PermissionDenied desc = request is not using TLS");
    }

    #[test]
    fn a_removed_node_is_forgotten_when_its_certificate_cannot_be_valid_any_more() {
        let mut list = Blacklist::default();
        let hour = Duration::from_hours(1);
        list.add(Id(1), hour, Time::ZERO);
        list.add(Id(2), hour, Time::ZERO + hour + RETENTION);
        assert!(list.holds(Id(1)) && list.holds(Id(2)));
        list.add(Id(3), hour, Time::ZERO + hour + RETENTION + hour);
        assert_eq!(list.nodes().collect::<Vec<_>>(), [Id(2), Id(3)]);
    }
}
