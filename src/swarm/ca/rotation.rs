//! Replacing a cluster's root: what may be asked for, how nodes are brought along, and when it is done
//! (raft-and-security.md §6.5).
//!
//! While it lasts everybody still trusts the old root; new certificates are signed by the new one, for which the old one
//! vouches. Each few seconds some of the nodes that still have old certificates are told to renew. Only when the last
//! node has done so does the new root take the old one's place. A node that is down holds it up.

use super::root::{RootCa, RootId};
use super::server::IssuanceState;
use crate::engine::{Duration, Time};
use crate::swarm::object::NodeKey;

/// Between two looks at the nodes.
pub const PERIOD: Duration = Duration::from_secs(3);
/// Nodes told at once.
pub const BATCH: usize = 30;
/// A root must be good for at least a year of 365 days.
const LEAST_VALIDITY: Duration = Duration::from_hours(365 * 24);

/// A replacement under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RootRotation {
    /// The root to come.
    pub next: RootCa,
}

/// What one look at the nodes comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reconciliation {
    /// Every node has a certificate of the new root: it takes the old one's place, with two new tokens.
    Complete,
    /// These are told to renew; nobody where all that are left have been told.
    Tell(Vec<NodeKey>),
}

/// A node as the reconciler sees it: the issuer that it last reported, and how far its certificate is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Which.
    pub node: NodeKey,
    /// The issuer of its certificate; none where it has never reported.
    pub issuer: Option<RootId>,
    /// Its certificate.
    pub state: IssuanceState,
}

/// One look at all nodes, in order.
pub fn reconcile(next: RootId, nodes: impl Iterator<Item = Progress>) -> Reconciliation {
    let mut unconverged = nodes.filter(|node| node.issuer != Some(next)).peekable();
    if unconverged.peek().is_none() {
        return Reconciliation::Complete;
    }
    let told = |state| matches!(state, IssuanceState::Renew | IssuanceState::Pending | IssuanceState::Rotate);
    Reconciliation::Tell(unconverged.filter(|node| !told(node.state)).map(|node| node.node).take(BATCH).collect())
}

/// A certificate that a user hands in for the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProvidedCert {
    /// No certificate at all.
    Unreadable,
    /// More than one.
    Several,
    /// One.
    One {
        /// Its key pair.
        id: RootId,
        /// Valid from.
        not_before: Time,
        /// Valid until.
        not_after: Time,
    },
}

/// What `swarm ca --rotate`, or the cluster's spec, asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RotationRequest {
    /// `--ca-cert`
    pub cert: Option<ProvidedCert>,
    /// `--ca-key`: the key pair that it is of.
    pub key: Option<RootId>,
    /// `--external-ca`: the roots that reachable external authorities sign for.
    pub external: Vec<RootId>,
    /// The cluster's counter of ordered rotations was raised.
    pub force: bool,
}

/// What the cluster has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Present {
    /// Trusted now.
    pub root: RootCa,
    /// The managers hold its key; otherwise an external authority does.
    pub has_key: bool,
    /// Under way.
    pub rotation: Option<RootRotation>,
}

/// What an accepted request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Nothing.
    Keep,
    /// What is under way is given up.
    Abort,
    /// This root takes the old one's place; it replaces what is under way.
    Begin {
        /// The root to come; none: one that the leader makes itself.
        next: Option<RootCa>,
    },
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum RotationError {
    /// A key alone.
    #[error("if a signing CA key is provided, the signing CA cert must also be provided")]
    KeyWithoutCert,
    /// From one to another.
    #[error("rotating from one external CA to a different external CA is not supported")]
    ExternalToExternal,
    /// Nobody could vouch.
    #[error("must provide an external CA for the current external root CA to generate a cross-signed certificate")]
    NobodyVouches,
    /// A certificate without key and without an authority.
    #[error("there must be at least one valid, reachable external CA corresponding to the {0} CA certificate")]
    NoExternal(&'static str),
    /// More than one.
    #[error("the desired CA certificate cannot contain multiple certificates")]
    Several,
    /// None.
    #[error("could not parse the desired CA certificate")]
    Unreadable,
    /// Not good for a year.
    #[error("CA certificate expires too soon")]
    TooSoon,
    /// The same key in another certificate.
    #[error("Cannot update to a cert with an identical key")]
    SameKey,
}

/// Checks a request and says what it comes to.
pub fn plan(present: &Present, request: &RotationRequest, wall: Time) -> Result<Plan, RotationError> {
    if request.key.is_some() && request.cert.is_none() {
        return Err(RotationError::KeyWithoutCert);
    }
    let has_external = |root: RootId| request.external.contains(&root);
    let Some(cert) = request.cert else {
        if request.force {
            if !present.has_key && !has_external(present.root.id) {
                return Err(RotationError::NobodyVouches);
            }
            return Ok(Plan::Begin { next: None });
        }
        if !present.has_key && !has_external(present.root.id) {
            return Err(RotationError::NoExternal("current"));
        }
        return Ok(Plan::Keep);
    };
    let (id, not_before, not_after) = match cert {
        ProvidedCert::Unreadable => return Err(RotationError::Unreadable),
        ProvidedCert::Several => return Err(RotationError::Several),
        ProvidedCert::One { id, not_before, not_after } => (id, not_before, not_after),
    };
    if wall + LEAST_VALIDITY > not_after {
        return Err(RotationError::TooSoon);
    }
    let next = RootCa { id, not_before };
    let same = next == present.root;
    let under_way = present.rotation.is_some_and(|rotation| rotation.next == next);
    if request.key.is_none() && !has_external(id) {
        return Err(RotationError::NoExternal(match () {
            _ if same => "current",
            _ if under_way => "next",
            _ => "desired",
        }));
    }
    if same {
        return Ok(if present.rotation.is_some() { Plan::Abort } else { Plan::Keep });
    }
    if under_way {
        return Ok(Plan::Keep);
    }
    if id == present.root.id {
        return Err(RotationError::SameKey);
    }
    if !present.has_key {
        if request.key.is_none() {
            return Err(RotationError::ExternalToExternal);
        }
        if !has_external(present.root.id) {
            return Err(RotationError::NobodyVouches);
        }
    }
    Ok(Plan::Begin { next: Some(next) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OLD: RootId = RootId(1);
    const NEW: RootId = RootId(2);

    fn progress(number: u32, issuer: Option<RootId>, state: IssuanceState) -> Progress {
        Progress { node: NodeKey(number), issuer, state }
    }

    #[test]
    fn thirty_nodes_are_told_at_once() {
        let nodes = (0..60).map(|number| progress(number, Some(OLD), IssuanceState::Issued));
        let Reconciliation::Tell(told) = reconcile(NEW, nodes) else { panic!("not complete") };
        assert_eq!(told, (0..30).map(NodeKey).collect::<Vec<_>>());
    }

    proptest! {
        /// Whatever the nodes' states: it is complete exactly when all have the new issuer; nobody is told twice, nobody
        /// who is done is told; and with everybody obeying it comes to an end.
        #[test]
        fn it_ends_with_everybody(states in prop::collection::vec((0u8..3, 0u8..5), 0..100)) {
            let mut nodes: Vec<Progress> = states
                .iter()
                .enumerate()
                .map(|(number, &(issuer, state))| {
                    let issuer = [None, Some(OLD), Some(NEW)][issuer as usize];
                    let state = [
                        IssuanceState::Pending,
                        IssuanceState::Issued,
                        IssuanceState::Renew,
                        IssuanceState::Rotate,
                        IssuanceState::Failed,
                    ][state as usize];
                    progress(number as u32, issuer, state)
                })
                .collect();
            for _ in 0..nodes.len() + 2 {
                let done = nodes.iter().all(|node| node.issuer == Some(NEW));
                match reconcile(NEW, nodes.iter().copied()) {
                    Reconciliation::Complete => {
                        prop_assert!(done);
                        return Ok(());
                    }
                    Reconciliation::Tell(told) => {
                        prop_assert!(!done && told.len() <= BATCH);
                        for key in &told {
                            let node = &mut nodes[key.0 as usize];
                            prop_assert!(node.issuer != Some(NEW) && node.state.is_final());
                            prop_assert!(node.state != IssuanceState::Rotate);
                            node.state = IssuanceState::Rotate;
                        }
                    }
                }
                for node in &mut nodes {
                    if node.state != IssuanceState::Issued && node.state != IssuanceState::Failed {
                        *node = progress(node.node.0, Some(NEW), IssuanceState::Issued);
                    }
                }
            }
            prop_assert!(nodes.is_empty(), "it must have ended");
        }
    }

    fn year() -> Time {
        Time::ZERO + LEAST_VALIDITY
    }

    fn one(id: RootId, not_after: Time) -> Option<ProvidedCert> {
        Some(ProvidedCert::One { id, not_before: Time::ZERO, not_after })
    }

    fn text(present: &Present, request: RotationRequest) -> String {
        match plan(present, &request, Time::ZERO) {
            Ok(plan) => format!("{plan:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_may_be_asked_for() {
        let root = RootCa { id: OLD, not_before: Time::ZERO };
        let present = Present { root, has_key: true, rotation: None };
        let outside = Present { has_key: false, ..present };
        let rotating =
            Present { rotation: Some(RootRotation { next: RootCa { id: NEW, not_before: Time::ZERO } }), ..present };
        let ask = |cert, key: Option<RootId>, external: &[RootId], force| RotationRequest {
            cert,
            key,
            external: external.to_vec(),
            force,
        };
        let good = one(NEW, year());
        let cases = [
            (&present, ask(None, None, &[], false), "Keep"),
            (&present, ask(None, None, &[], true), "Begin { next: None }"),
            (
                &present,
                ask(None, Some(NEW), &[], true),
                "if a signing CA key is provided, the signing CA cert must also be provided",
            ),
            (
                &present,
                ask(Some(ProvidedCert::Several), Some(NEW), &[], false),
                "the desired CA certificate cannot contain multiple certificates",
            ),
            (
                &present,
                ask(Some(ProvidedCert::Unreadable), Some(NEW), &[], false),
                "could not parse the desired CA certificate",
            ),
            (
                &present,
                ask(one(NEW, year() - Duration::from_nanos(1)), Some(NEW), &[], false),
                "CA certificate expires too soon",
            ),
            (
                &present,
                ask(good, None, &[], false),
                "there must be at least one valid, reachable external CA corresponding to the desired CA certificate",
            ),
            (
                &rotating,
                ask(good, None, &[], false),
                "there must be at least one valid, reachable external CA corresponding to the next CA certificate",
            ),
            (&rotating, ask(good, Some(NEW), &[], false), "Keep"),
            (&rotating, ask(one(OLD, year()), Some(OLD), &[], false), "Abort"),
            (&present, ask(one(OLD, year()), Some(OLD), &[], false), "Keep"),
            (
                &present,
                ask(
                    Some(ProvidedCert::One { id: OLD, not_before: year(), not_after: Time::MAX }),
                    Some(OLD),
                    &[],
                    false,
                ),
                "Cannot update to a cert with an identical key",
            ),
            (
                &outside,
                ask(good, None, &[NEW], false),
                "rotating from one external CA to a different external CA is not supported",
            ),
            (
                &outside,
                ask(good, Some(NEW), &[], false),
                "must provide an external CA for the current external root CA to generate a cross-signed certificate",
            ),
            (
                &outside,
                ask(None, None, &[], false),
                "there must be at least one valid, reachable external CA corresponding to the current CA certificate",
            ),
        ];
        for (present, request, expected) in cases {
            assert_eq!(text(present, request.clone()), expected, "{request:?}");
        }
        assert!(text(&outside, ask(good, Some(NEW), &[OLD], false)).starts_with("Begin { next: Some"));
        assert!(text(&rotating, ask(one(RootId(3), year()), Some(RootId(3)), &[], false)).starts_with("Begin"));
    }
}
