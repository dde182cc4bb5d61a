//! The leader's certificate authority as one of its loops: renewals, and the replacement of the root
//! (raft-and-security.md §6.2, §6.5).
//!
//! A renewal is granted in one exchange and one transaction; the real one marks the node RENEW first, signs a moment
//! later, and lets the node ask for the outcome. What waits in here is lost with the leadership.

use super::certificate::Certificate;
use super::key::Kek;
use super::rotation::{PERIOD, Progress, Reconciliation, reconcile};
use super::server::{Authority as Stage, Decision, IssuanceState, IssueRequest, Realm, decide};
use crate::engine::Time;
use crate::net::HostId;
use crate::swarm::api::{ApiError, Code};
use crate::swarm::component::{Alarm, Ids, Outbox, Writer};
use crate::swarm::object::Id;
use crate::swarm::store::{Event, State, Transaction, Why};
use std::sync::Arc;

/// A node that asks for another certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RenewCall {
    /// Its host.
    pub host: HostId,
    /// The request's number there.
    pub number: u32,
    /// The certificate that it showed.
    pub shown: Certificate,
    /// The manager that relays.
    pub via: Option<HostId>,
    /// It is the leader itself, by its own socket.
    pub local: bool,
}

/// What comes of it: a certificate, and the unlock key for a manager's disk; or a text.
pub type Renewed = Result<(Certificate, Kek), String>;

/// The authority of one leader.
#[derive(Clone, Debug, Default)]
pub struct CaServer {
    waiting: Vec<RenewCall>,
    written: Vec<(RenewCall, Renewed)>,
    armed: bool,
    /// Nodes are to be told, or the root is to take over.
    due: bool,
    /// Answers to send.
    pub outgoing: Vec<(RenewCall, Renewed)>,
    /// Certificates that were signed, for the checks: each with the host that asked.
    pub signed: Vec<(HostId, Certificate)>,
}

impl CaServer {
    /// Starts on a new leader: a rotation that is under way goes on.
    pub fn start(state: &State, now: Time, out: &mut Outbox) -> Self {
        let mut server = Self::default();
        if state.cluster.as_ref().is_some_and(|cluster| cluster.root_rotation.is_some()) {
            server.arm(now, out);
        }
        server
    }

    fn arm(&mut self, at: Time, out: &mut Outbox) {
        if !self.armed {
            self.armed = true;
            out.alarm(at, Alarm::RootRotation);
        }
    }

    /// A node asks.
    pub fn receive(&mut self, call: RenewCall, out: &mut Outbox) {
        self.waiting.push(call);
        out.turn(Writer::Authority);
    }

    /// It is time to look how far a rotation is.
    pub fn alarm(&mut self, state: &State, now: Time, out: &mut Outbox) {
        self.armed = false;
        let Some(rotation) = state.cluster.as_ref().and_then(|cluster| cluster.root_rotation) else { return };
        if reconcile(rotation.next.id, progress(state)) != Reconciliation::Tell(Vec::new()) {
            self.due = true;
            out.turn(Writer::Authority);
        }
        self.arm(now + PERIOD, out);
    }

    /// The store has changed.
    pub fn watch(&mut self, event: &Event, now: Time, out: &mut Outbox) {
        if let Event::Cluster(cluster) = event
            && cluster.root_rotation.is_some()
        {
            self.arm(now, out);
        }
    }

    /// It is the authority's turn to write.
    pub fn write(&mut self, tx: &mut Transaction, ids: &mut Ids) {
        if std::mem::take(&mut self.due) {
            self.rotate(tx, ids);
        }
        for call in std::mem::take(&mut self.waiting) {
            let renewed = renew(&call, tx).map_err(|error| error.message);
            if let Ok((certificate, _)) = &renewed {
                self.signed.push((call.host, *certificate));
            }
            self.written.push((call, renewed));
        }
    }

    fn rotate(&mut self, tx: &mut Transaction, ids: &mut Ids) {
        let Some(cluster) = tx.state().cluster.clone() else { return };
        let Some(rotation) = cluster.root_rotation else { return };
        match reconcile(rotation.next.id, progress(tx.state())) {
            Reconciliation::Tell(nodes) => {
                for key in nodes {
                    let Some(node) = tx.state().nodes.get(key) else { continue };
                    let mut node = (**node).clone();
                    node.certificate.state = IssuanceState::Rotate;
                    tx.put_node(node, Why::RootRotation);
                }
            }
            Reconciliation::Complete => {
                let owner = cluster.id.text();
                let mut cluster = (*cluster).clone();
                cluster.root = rotation.next;
                cluster.root_rotation = None;
                cluster.worker_secret = ids.secret("secret.worker", &owner);
                cluster.manager_secret = ids.secret("secret.manager", &owner);
                tx.put_cluster(cluster, Why::RootRotation);
            }
        }
    }

    /// What it wrote is committed.
    pub fn written(&mut self) {
        self.outgoing.append(&mut self.written);
    }
}

fn progress(state: &State) -> impl Iterator<Item = Progress> + '_ {
    state.nodes.values().map(|node| Progress {
        node: node.key,
        issuer: node.certificate.issuer,
        state: node.certificate.state,
    })
}

fn renew(call: &RenewCall, tx: &mut Transaction) -> Result<(Certificate, Kek), ApiError> {
    let stage = if tx.state().cluster.is_some() { Stage::Running } else { Stage::Starting };
    let cluster = tx.state().cluster.clone().unwrap_or_default();
    let realm = Realm {
        organization: cluster.id,
        root: &cluster.root,
        worker_secret: cluster.worker_secret,
        manager_secret: cluster.manager_secret,
        blacklist: &cluster.blacklist,
    };
    let request = IssueRequest {
        has_csr: true,
        local: call.local.then_some(call.shown.node),
        shown: Some(&call.shown),
        token: "",
    };
    let find = |id: Id, tx: &Transaction| tx.state().nodes.values().find(|node| node.id == id).cloned();
    let decision = decide(stage, &request, &realm, tx.wall(), |id| find(id, tx).map(|node| node.role))?;
    let Decision::Renew { node, role } = decision else {
        return Err(ApiError::grpc(Code::InvalidArgument, "A valid join token is necessary to join this cluster"));
    };
    let certificate = cluster.signer().sign(node, role, tx.wall(), tx.version());
    if let Some(node) = find(node, tx)
        && node.certificate.state != IssuanceState::Issued
    {
        let mut node = Arc::unwrap_or_clone(node);
        node.certificate.state = IssuanceState::Issued;
        tx.put_node(node, Why::Renewed);
    }
    Ok((certificate, cluster.kek()))
}
