//! Making a cluster, and letting hosts in (control-plane.md §0, §8.5; raft-and-security.md §5, §7).

use super::{networks, nodes};
use crate::engine::Time;
use crate::net::HostId;
use crate::swarm::api::{ApiError, Code, SwarmInitRequest};
use crate::swarm::ca::{Credentials, RootCa, RootId};
use crate::swarm::component::Ids;
use crate::swarm::object::{
    Availability, Cluster, Id, Labels, Node, NodeDescription, NodeKey, NodeSpec, NodeState, NodeStatus, Role,
    token_digest,
};
use crate::swarm::store::{LineageId, Transaction, Why};
use crate::swarm::world::Env;
use crate::swarm::world::event::{JoinGrant, JoinRequest};
use std::net::Ipv4Addr;
use std::sync::Arc;

/// What the first leader of a new cluster puts into the store: kept by the host until it is done.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The cluster object.
    pub cluster: Cluster,
    /// The nodes that are there from the first, by key.
    pub nodes: Vec<Node>,
}

/// Secrets and ids of a new cluster begun on a host at this time of its clock.
pub fn new_cluster(ids: &mut Ids, host: &str, env_settings: &crate::swarm::world::Settings, wall: Time) -> Cluster {
    Cluster {
        id: ids.secret("id.cluster", host),
        task_history_limit: env_settings.task_history_limit,
        task_log_driver: env_settings.task_log_driver.clone().map(Arc::new),
        heartbeat_period: env_settings.heartbeat_period,
        node_cert_expiry: env_settings.node_cert_expiry,
        root: RootCa::new(RootId(ids.secret("secret.root", host).0), wall),
        worker_secret: ids.secret("secret.worker", host),
        manager_secret: ids.secret("secret.manager", host),
        ..Cluster::default()
    }
}

/// A node object as it is before the node has registered.
#[allow(clippy::too_many_arguments, reason = "all of them are facts of the node")]
pub fn new_node(
    key: NodeKey,
    id: Id,
    host: HostId,
    role: Role,
    availability: Availability,
    labels: Labels,
    addr: Ipv4Addr,
    description: Arc<NodeDescription>,
) -> Node {
    Node {
        key,
        id,
        meta: Default::default(),
        spec: NodeSpec { name: "".into(), labels: Arc::new(labels), role, availability },
        role,
        description,
        status: NodeStatus { state: NodeState::Unknown, message: "", addr },
        certificate: Default::default(),
        attachments: Arc::default(),
        host,
    }
}

/// A new leader's first transaction: what is missing of the cluster is made. After a force-new-cluster the cluster is there,
/// and the settings that its request names are merged into it.
pub fn setup(tx: &mut Transaction, setup: Option<&Setup>, recovery: Option<&SwarmInitRequest>, ids: &mut Ids) {
    match (tx.state().cluster.clone(), setup) {
        (None, Some(setup)) => {
            tx.put_cluster(setup.cluster.clone(), Why::Setup);
            for node in &setup.nodes {
                tx.put_node(node.clone(), Why::Setup);
            }
            networks::first_networks(tx, ids);
        }
        (Some(cluster), _) if !cluster.leadership_changed || recovery.is_some() => {
            // The first change of leadership completes what the init left out: the default address pool.
            let mut cluster = Cluster { leadership_changed: true, ..(*cluster).clone() };
            if let Some(init) = recovery {
                super::cluster::at_init(&mut cluster, init, ids);
            }
            tx.put_cluster(cluster, Why::Setup);
        }
        _ => {}
    }
}

/// Lets a host in as a node, if its token says so.
pub fn join(request: &JoinRequest, host: HostId, tx: &mut Transaction, env: &mut Env) -> Result<JoinGrant, ApiError> {
    let Some(cluster) = tx.state().cluster.clone() else {
        return Err(ApiError::grpc(Code::Unavailable, "the cluster is not ready"));
    };
    let refused = || ApiError::grpc(Code::InvalidArgument, "A valid join token is necessary to join this cluster");
    if let Some(expected) = token_digest(&request.token)
        && expected != cluster.root.digest_hex()
    {
        // The joiner finds this out itself in the real one: the manager shows another certificate than the token says.
        return Err(ApiError::new(500, format!("remote CA does not match fingerprint. Expected: {expected}")));
    }
    let role = if request.token == cluster.token(true) {
        Role::Manager
    } else if request.token == cluster.token(false) {
        Role::Worker
    } else {
        return Err(refused());
    };
    let key = tx.state().nodes.next_key();
    let id = env.ids.node(&request.hostname);
    let availability = nodes::availability(&request.availability)?;
    let node =
        new_node(key, id, host, role, availability, Labels::new(), request.addr, Arc::new(NodeDescription::default()));
    env.check_token(&request.token, role, &cluster);
    let credentials = Credentials::issue(&cluster, id, role, tx.wall(), tx.version());
    tx.put_node(node, Why::Joined);
    let managers = tx.state().members.iter().map(|member| (member.node, member.host)).collect();
    Ok(JoinGrant { node: key, id, role, managers, lineage: LineageId(0), credentials })
}
