//! A node's certificate: who it is, in which role, of which cluster, signed by whom, and valid when
//! (raft-and-security.md §6.1, §6.4, §6.6).

use super::root::{RootCa, RootId};
use crate::engine::{Duration, Time};
use crate::swarm::api::time::{rfc1123, rfc3339};
use crate::swarm::object::{Id, Role};
use std::fmt;

/// A new certificate is valid from this long before it was signed.
pub const BACKDATE: Duration = Duration::from_hours(1);
/// How long a certificate is valid where the cluster does not say otherwise: ninety days.
pub const DEFAULT_EXPIRY: Duration = Duration::from_hours(2160);
/// A cluster may not ask for less.
pub const MIN_EXPIRY: Duration = Duration::from_hours(1);
/// Where every node keeps its certificate.
pub const PATH: &str = "/var/lib/docker/swarm/certificates/swarm-node.crt";

/// The organizational unit of a role.
pub fn unit(role: Role) -> &'static str {
    match role {
        Role::Manager => "swarm-manager",
        Role::Worker => "swarm-worker",
    }
}

/// A node's certificate and key. A record, not cryptography.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Certificate {
    /// Common name: the node.
    pub node: Id,
    /// Organizational unit: the role.
    pub role: Role,
    /// Organization: the cluster.
    pub organization: Id,
    /// The root whose key signed it.
    pub issuer: RootId,
    /// While a root is being replaced, an intermediate certificate goes along in which this older root vouches for the
    /// issuer: who trusts either accepts it.
    pub cross_signed_by: Option<RootId>,
    /// Valid from.
    pub not_before: Time,
    /// Valid until.
    pub not_after: Time,
    /// Tells certificates of one node apart.
    pub serial: u64,
}

/// How a certificate stands to a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertStatus {
    /// The clock is before it.
    NotYetValid,
    /// It is valid.
    Valid,
    /// The clock is past it.
    Expired,
}

/// Why a handshake fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TlsError {
    /// The other end's certificate is out of its time, by the clock of whoever looks at it.
    OutOfTime {
        /// By that clock.
        wall: Time,
        /// The end of validity that was missed.
        bound: Time,
        /// The clock is past it, rather than before.
        after: bool,
    },
    /// Signed by nobody who is trusted.
    UnknownAuthority,
}

/// Why a daemon does not start with the certificate on its disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadError {
    node: Id,
    wall: Time,
    bound: Time,
    after: bool,
}

impl Certificate {
    /// How it stands to a clock. Valid at both ends, as Go has it.
    pub fn status(&self, wall: Time) -> CertStatus {
        if wall < self.not_before {
            CertStatus::NotYetValid
        } else if wall > self.not_after {
            CertStatus::Expired
        } else {
            CertStatus::Valid
        }
    }

    /// Whether somebody who trusts this root accepts its signature.
    pub fn is_signed_for(&self, trust: RootId) -> bool {
        self.issuer == trust || self.cross_signed_by == Some(trust)
    }

    /// What the other end of a new connection, which trusts `trust`, makes of it at its own time. Go looks at the time
    /// of the leaf first, then for a chain.
    pub fn verify(&self, trust: RootId, wall: Time) -> Result<(), TlsError> {
        match self.status(wall) {
            CertStatus::NotYetValid => Err(TlsError::OutOfTime { wall, bound: self.not_before, after: false }),
            CertStatus::Expired => Err(TlsError::OutOfTime { wall, bound: self.not_after, after: true }),
            CertStatus::Valid if !self.is_signed_for(trust) => Err(TlsError::UnknownAuthority),
            CertStatus::Valid => Ok(()),
        }
    }

    /// Whether a daemon starts with it. One that is expired is let pass by force-new-cluster (it is renewed at once);
    /// one that is not yet valid never is.
    pub fn load(&self, wall: Time, force_new_cluster: bool) -> Result<(), LoadError> {
        match self.status(wall) {
            CertStatus::NotYetValid => Err(LoadError { node: self.node, wall, bound: self.not_before, after: false }),
            CertStatus::Expired if !force_new_cluster => {
                Err(LoadError { node: self.node, wall, bound: self.not_after, after: true })
            }
            _ => Ok(()),
        }
    }

    /// From the first to the last moment.
    pub fn validity(&self) -> Duration {
        self.not_after - self.not_before
    }

    /// The trust root must be valid, too; twenty years are long, but a clock may be set to anything.
    pub fn root_error(root: &RootCa, wall: Time) -> Option<TlsError> {
        if wall < root.not_before {
            Some(TlsError::OutOfTime { wall, bound: root.not_before, after: false })
        } else if wall > root.not_after() {
            Some(TlsError::OutOfTime { wall, bound: root.not_after(), after: true })
        } else {
            None
        }
    }
}

impl fmt::Display for TlsError {
    /// What the dialling side reports after `rpc error: code = Unavailable desc = `.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("transport: authentication handshake failed: x509: ")?;
        match self {
            TlsError::OutOfTime { wall, bound, after } => write!(
                f,
                "certificate has expired or is not yet valid: current time {} is {} {}",
                seconds(*wall),
                if *after { "after" } else { "before" },
                seconds(*bound)
            ),
            TlsError::UnknownAuthority => f.write_str("certificate signed by unknown authority"),
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "error while loading TLS certificate in {PATH}: certificate (1 - {}) not valid {} {}, and it is currently {}: x509: certificate has expired or is not yet valid: ",
            self.node,
            if self.after { "after" } else { "before" },
            rfc1123(self.bound.nanos()),
            rfc1123(self.wall.nanos())
        )
    }
}

/// RFC 3339 without a fraction.
fn seconds(time: Time) -> String {
    let second = Duration::from_secs(1).as_nanos();
    rfc3339(time.nanos().div_euclid(second) * second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(hours: i64) -> Time {
        Time::ZERO + Duration::from_hours(hours)
    }

    fn certificate() -> Certificate {
        Certificate {
            node: Id(5),
            role: Role::Worker,
            organization: Id(9),
            issuer: RootId(1),
            cross_signed_by: None,
            not_before: at(-1),
            not_after: at(24),
            serial: 1,
        }
    }

    #[test]
    fn out_of_time_is_said_with_both_times() {
        let late = certificate().verify(RootId(1), at(25) + Duration::from_millis(1)).unwrap_err();
        assert_eq!(
            late.to_string(),
            "transport: authentication handshake failed: x509: certificate has expired or is not yet valid: current time 2026-01-06T10:00:00Z is after 2026-01-06T09:00:00Z"
        );
        let early = certificate().verify(RootId(1), at(-2)).unwrap_err();
        assert!(early.to_string().ends_with("current time 2026-01-05T07:00:00Z is before 2026-01-05T08:00:00Z"));
    }

    #[test]
    fn a_daemon_says_why_it_does_not_start() {
        let text = certificate().load(at(25), false).unwrap_err().to_string();
        assert_eq!(
            text,
            format!(
                "error while loading TLS certificate in /var/lib/docker/swarm/certificates/swarm-node.crt: certificate (1 - {}) not valid after Tue, 06 Jan 2026 09:00:00 UTC, and it is currently Tue, 06 Jan 2026 10:00:00 UTC: x509: certificate has expired or is not yet valid: ",
                Id(5)
            )
        );
        assert_eq!(certificate().load(at(25), true), Ok(()));
        let early = certificate().load(at(-2), true).unwrap_err().to_string();
        assert!(early.contains("not valid before Mon, 05 Jan 2026 08:00:00 UTC, and it is currently Mon, 05 Jan"));
    }

    #[test]
    fn while_a_root_is_replaced_old_and_new_trust_accept() {
        let crossed = Certificate { issuer: RootId(2), cross_signed_by: Some(RootId(1)), ..certificate() };
        for trust in [RootId(1), RootId(2)] {
            assert_eq!(crossed.verify(trust, at(0)), Ok(()));
        }
        let foreign = crossed.verify(RootId(3), at(0)).unwrap_err();
        assert_eq!(
            foreign.to_string(),
            "transport: authentication handshake failed: x509: certificate signed by unknown authority"
        );
        assert_eq!(certificate().verify(RootId(2), at(0)), Err(TlsError::UnknownAuthority));
    }

    proptest! {
        /// Loading and verifying agree about time; force-new-cluster forgives the past only.
        #[test]
        fn one_clock_one_verdict(hours in -50i64..100) {
            let certificate = certificate();
            let (verified, loaded) = (certificate.verify(RootId(1), at(hours)), certificate.load(at(hours), false));
            prop_assert_eq!(verified.is_ok(), loaded.is_ok());
            prop_assert_eq!(verified.is_ok(), (-1..=24).contains(&hours));
            prop_assert_eq!(certificate.load(at(hours), true).is_ok(), hours >= -1);
        }
    }
}
