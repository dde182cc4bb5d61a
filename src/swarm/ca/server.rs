//! The certificate authority on the leader: who gets a certificate, in which role, and what it says
//! (raft-and-security.md §6.2).

use super::authorize::{Blacklist, NODES, authorize};
use super::certificate::{BACKDATE, Certificate, DEFAULT_EXPIRY, MIN_EXPIRY};
use super::root::{RootCa, RootId};
use super::token::token;
use crate::engine::{Duration, Time};
use crate::swarm::api::{ApiError, Code};
use crate::swarm::object::{Id, Role};

/// A certificate that could not be signed is tried again after this long.
pub const RETRY: Duration = Duration::from_secs(10);

/// How far a node's certificate is, as its node object says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IssuanceState {
    /// A new node waits for its first.
    Pending,
    /// It has what it should have.
    #[default]
    Issued,
    /// A node waits for another.
    Renew,
    /// The node is told to ask for another: the root is being replaced.
    Rotate,
    /// It could not be signed, for good.
    Failed,
}

impl IssuanceState {
    /// The signer has something to do.
    pub fn is_waiting(self) -> bool {
        matches!(self, IssuanceState::Pending | IssuanceState::Renew)
    }

    /// The signer is done with it.
    pub fn is_final(self) -> bool {
        !self.is_waiting()
    }
}

/// Whether the leader's authority is at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Authority {
    /// This manager does not lead (any more).
    Stopped,
    /// The leader has not read the cluster object yet.
    Starting,
    /// It signs.
    Running,
}

/// What the authority knows of its cluster.
#[derive(Clone, Copy, Debug)]
pub struct Realm<'a> {
    /// Id of the cluster.
    pub organization: Id,
    /// The root that everybody trusts now.
    pub root: &'a RootCa,
    /// Secret of the worker token.
    pub worker_secret: Id,
    /// Secret of the manager token.
    pub manager_secret: Id,
    /// Removed nodes.
    pub blacklist: &'a Blacklist,
}

/// A request for a certificate.
#[derive(Clone, Copy, Debug)]
pub struct IssueRequest<'a> {
    /// There is a request to sign in it.
    pub has_csr: bool,
    /// It came by the manager's own socket, from this node.
    pub local: Option<Id>,
    /// The certificate that was shown in the handshake.
    pub shown: Option<&'a Certificate>,
    /// The join token.
    pub token: &'a str,
}

/// What comes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// This node gets another certificate, in the role that it has now.
    Renew {
        /// Which.
        node: Id,
        /// Its role.
        role: Role,
    },
    /// A new node.
    Admit {
        /// By the token.
        role: Role,
    },
}

/// Decides about a request, in the order of the real one. A certificate that is expired, foreign, or of a removed node is
/// as good as none: the token decides. `role_of` finds a node's present role.
pub fn decide(
    authority: Authority,
    request: &IssueRequest<'_>,
    realm: &Realm<'_>,
    wall: Time,
    role_of: impl Fn(Id) -> Option<Role>,
) -> Result<Decision, ApiError> {
    if !request.has_csr {
        return Err(ApiError::grpc(Code::InvalidArgument, "InvalidArgument"));
    }
    match authority {
        Authority::Stopped => return Err(ApiError::grpc(Code::Aborted, "CA signer is stopped")),
        Authority::Starting => return Err(ApiError::grpc(Code::Aborted, "CA signer is still starting")),
        Authority::Running => {}
    }
    let known = request.local.or_else(|| {
        let shown = request.shown.filter(|shown| shown.verify(realm.root.id, wall).is_ok())?;
        authorize(Some(shown), NODES, realm.organization, realm.blacklist).ok()
    });
    if let Some(node) = known {
        let role = role_of(node).ok_or_else(|| {
            ApiError::grpc(Code::NotFound, format!("node {node} not found when attempting to renew certificate"))
        })?;
        return Ok(Decision::Renew { node, role });
    }
    if request.token == token(realm.root, realm.manager_secret) {
        Ok(Decision::Admit { role: Role::Manager })
    } else if request.token == token(realm.root, realm.worker_secret) {
        Ok(Decision::Admit { role: Role::Worker })
    } else {
        Err(ApiError::grpc(Code::InvalidArgument, "A valid join token is necessary to join this cluster"))
    }
}

/// Signs certificates: with the root's key, or, while the root is being replaced, with the next one's, for which the old
/// one vouches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signer {
    /// Id of the cluster.
    pub organization: Id,
    /// Whose key signs.
    pub issuer: RootId,
    /// Who vouches for it.
    pub cross_signed_by: Option<RootId>,
    /// How long certificates are valid.
    pub expiry: Duration,
}

impl Signer {
    /// A certificate, signed at this time of the leader's clock.
    pub fn sign(&self, node: Id, role: Role, wall: Time, serial: u64) -> Certificate {
        let expiry = if self.expiry < MIN_EXPIRY { DEFAULT_EXPIRY } else { self.expiry };
        Certificate {
            node,
            role,
            organization: self.organization,
            issuer: self.issuer,
            cross_signed_by: self.cross_signed_by,
            not_before: wall - BACKDATE,
            not_after: wall + expiry,
            serial,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NODE: Id = Id(5);

    struct Lab {
        root: RootCa,
        blacklist: Blacklist,
        signer: Signer,
    }

    fn lab() -> Lab {
        let root = RootCa::new(RootId(1), Time::ZERO);
        let signer =
            Signer { organization: Id(9), issuer: root.id, cross_signed_by: None, expiry: Duration::from_hours(10) };
        Lab { root, blacklist: Blacklist::default(), signer }
    }

    impl Lab {
        fn realm(&self) -> Realm<'_> {
            Realm {
                organization: Id(9),
                root: &self.root,
                worker_secret: Id(1),
                manager_secret: Id(2),
                blacklist: &self.blacklist,
            }
        }

        fn ask(&self, shown: Option<&Certificate>, token: &str, hours: i64) -> Result<Decision, String> {
            let request = IssueRequest { has_csr: true, local: None, shown, token };
            let wall = Time::ZERO + Duration::from_hours(hours);
            decide(Authority::Running, &request, &self.realm(), wall, |id| (id == NODE).then_some(Role::Manager))
                .map_err(|error| error.message)
        }

        fn token(&self, secret: u128) -> String {
            token(&self.root, Id(secret))
        }
    }

    const REFUSED: &str =
        "rpc error: code = InvalidArgument desc = A valid join token is necessary to join this cluster";

    #[test]
    fn a_valid_certificate_needs_no_token_and_gets_the_present_role() {
        let lab = lab();
        // The certificate says worker, the node object manager.
        let shown = lab.signer.sign(NODE, Role::Worker, Time::ZERO, 1);
        let renewed = Ok(Decision::Renew { node: NODE, role: Role::Manager });
        assert_eq!(lab.ask(Some(&shown), "", 1), renewed);
        assert_eq!(lab.ask(Some(&shown), "nonsense", 1), renewed);
        let gone = lab.signer.sign(Id(6), Role::Worker, Time::ZERO, 1);
        assert_eq!(
            lab.ask(Some(&gone), &lab.token(1), 1),
            Err(format!(
                "rpc error: code = NotFound desc = node {} not found when attempting to renew certificate",
                Id(6)
            ))
        );
    }

    #[test]
    fn without_a_good_certificate_the_token_decides() {
        let mut lab = lab();
        let shown = lab.signer.sign(NODE, Role::Worker, Time::ZERO, 1);
        let foreign = Certificate { organization: Id(8), ..shown };
        let (worker, manager) = (lab.token(1), lab.token(2));
        let admitted = |role| Ok(Decision::Admit { role });
        assert_eq!(lab.ask(None, &worker, 0), admitted(Role::Worker));
        assert_eq!(lab.ask(None, &manager, 0), admitted(Role::Manager));
        assert_eq!(lab.ask(Some(&foreign), &worker, 0), admitted(Role::Worker));
        // Expired, or from before the clock.
        assert_eq!(lab.ask(Some(&shown), &worker, 11), admitted(Role::Worker));
        for (shown, hours) in [(None, 0), (Some(&foreign), 0), (Some(&shown), 11), (Some(&shown), -2)] {
            for token in ["", "foobaz", &lab.token(3)] {
                assert_eq!(lab.ask(shown, token, hours), Err(REFUSED.to_owned()), "{token}");
            }
        }
        lab.blacklist.add(NODE, Duration::from_hours(10), Time::ZERO);
        assert_eq!(lab.ask(Some(&shown), "", 1), Err(REFUSED.to_owned()));
    }

    #[test]
    fn an_authority_that_does_not_run_says_so_first() {
        let lab = lab();
        let text = |authority, has_csr| {
            let request = IssueRequest { has_csr, local: Some(NODE), shown: None, token: "" };
            decide(authority, &request, &lab.realm(), Time::ZERO, |_| Some(Role::Worker)).map_err(|error| error.message)
        };
        assert_eq!(text(Authority::Stopped, true), Err("rpc error: code = Aborted desc = CA signer is stopped".into()));
        assert_eq!(
            text(Authority::Starting, true),
            Err("rpc error: code = Aborted desc = CA signer is still starting".into())
        );
        assert!(text(Authority::Stopped, false).unwrap_err().starts_with("rpc error: code = InvalidArgument"));
        assert_eq!(text(Authority::Running, true), Ok(Decision::Renew { node: NODE, role: Role::Worker }));
    }

    #[test]
    fn a_signer_that_is_given_too_little_falls_back() {
        let short = Signer { expiry: Duration::from_minutes(5), ..lab().signer };
        assert_eq!(short.sign(NODE, Role::Worker, Time::ZERO, 1).validity(), DEFAULT_EXPIRY + BACKDATE);
        assert_eq!(lab().signer.sign(NODE, Role::Worker, Time::ZERO, 1).validity(), Duration::from_hours(11));
    }

    proptest! {
        /// Whatever is shown and typed: who is let in had one of the two tokens, and who renews had a good certificate.
        #[test]
        fn nobody_comes_in_by_another_door(
            organization in 8u128..10, issuer in 0u128..3, node in 4u128..7, hours in -3i64..15, secret in 0u128..4,
        ) {
            let lab = lab();
            let shown = Certificate {
                organization: Id(organization),
                issuer: RootId(issuer),
                ..lab.signer.sign(Id(node), Role::Worker, Time::ZERO, 1)
            };
            let good = organization == 9 && issuer == 1 && (-1..=10).contains(&hours);
            match lab.ask(Some(&shown), &lab.token(secret), hours) {
                Ok(Decision::Renew { node, .. }) => prop_assert!(good && node == NODE),
                Ok(Decision::Admit { role }) => {
                    prop_assert!(!good);
                    prop_assert_eq!(role, if secret == 1 { Role::Worker } else { Role::Manager });
                    prop_assert!(secret == 1 || secret == 2);
                }
                Err(text) if good => prop_assert!(text.contains("not found when attempting"), "{}", text),
                Err(text) => {
                    prop_assert_eq!(text, REFUSED);
                    prop_assert!(secret != 1 && secret != 2);
                }
            }
        }
    }
}
