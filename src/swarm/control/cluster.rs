//! The cluster object: what users may change of it, and how it is shown (raft-and-security.md §5.5, §5.6).
//!
//! Asking for a new root begins here; carrying the replacement out is the leader's authority's (`swarm::ca`).

use crate::engine::{Duration, Seed, Time};
use crate::swarm::api::{self, ApiError, ClusterSpec, Code, Response, RotateFlags, SwarmInitRequest};
use crate::swarm::ca::rotation::{Plan, Present, ProvidedCert, RotationRequest, plan};
use crate::swarm::ca::{RootCa, RootId, RootRotation, UnlockKey};
use crate::swarm::component::Ids;
use crate::swarm::object::{Cluster, Id};
use crate::swarm::store::{State, Transaction, Why};
use crate::swarm::world::{Env, Settings};
use std::sync::Arc;

/// No certificate may be valid for less than this.
const SHORTEST_CERT: i64 = 3_600_000_000_000;

fn invalid(text: &str) -> ApiError {
    ApiError::grpc(Code::InvalidArgument, text)
}

/// The settings as users see them. A root that a user gave is never shown, so that writing back what was read does not
/// ask for it again.
pub fn spec(cluster: &Cluster, settings: &Settings) -> ClusterSpec {
    ClusterSpec {
        name: "default".into(),
        labels: api::Labels::new(),
        task_history_retention_limit: cluster.task_history_limit,
        snapshot_interval: cluster.snapshot_interval,
        keep_old_snapshots: cluster.keep_old_snapshots,
        heartbeat_tick: settings.heartbeat_tick,
        election_tick: settings.election_tick,
        heartbeat_period: cluster.heartbeat_period.as_nanos(),
        node_cert_expiry: cluster.node_cert_expiry.as_nanos(),
        external_cas: cluster.external_cas.to_vec(),
        signing_ca_cert: String::new(),
        signing_ca_key: String::new(),
        force_rotate: cluster.force_rotate,
        auto_lock_managers: cluster.autolock,
    }
}

/// The address pool as users see it: the built-in one only once leadership has changed, as in Docker, where the first
/// leader holds an empty list and later ones hold none at all.
pub fn pool(cluster: &Cluster) -> Option<Vec<String>> {
    match cluster.default_addr_pool.is_empty() {
        false => Some(cluster.default_addr_pool.to_vec()),
        true => cluster.leadership_changed.then(|| vec!["10.0.0.0/8".to_owned()]),
    }
}

/// The key that unlocks managers; empty when they do not lock.
pub fn unlock_key(state: &State) -> String {
    state.cluster.as_ref().and_then(|cluster| cluster.unlock_keys).map(|key| key.to_string()).unwrap_or_default()
}

/// What is wrong with settings by themselves.
fn check(cert_expiry: i64, heartbeat_period: i64) -> Result<(), ApiError> {
    // Zero stands for the default in both.
    if cert_expiry != 0 && cert_expiry < SHORTEST_CERT {
        return Err(invalid("minimum certificate expiry time is: 1h0m0s"));
    }
    if heartbeat_period < 0 {
        return Err(invalid("heartbeat time period cannot be a negative duration"));
    }
    Ok(())
}

fn or(nanos: i64, default: Duration) -> Duration {
    if nanos == 0 { default } else { Duration::from_nanos(nanos) }
}

/// Takes over the settings of a request; the lock follows its switch: switched on it makes a key if there is none,
/// switched off it forgets the key.
fn lock(cluster: &mut Cluster, on: bool, renew: bool, ids: &mut Ids) {
    cluster.autolock = on;
    cluster.unlock_keys = match cluster.unlock_keys.filter(|_| !renew) {
        _ if !on => None,
        Some(key) => Some(key),
        None => Some(UnlockKey::from_words(ids.unlock_key(cluster.id))),
    };
}

/// `POST /swarm/update`
pub fn update(
    version: u64,
    spec: &ClusterSpec,
    rotate: RotateFlags,
    tx: &mut Transaction,
    env: &mut Env,
) -> Result<Response, ApiError> {
    if !matches!(spec.name.as_str(), "" | "default") {
        return Err(ApiError::new(400, "swarm spec must be named \"default\""));
    }
    check(spec.node_cert_expiry, spec.heartbeat_period)?;
    let Some(old) = tx.state().cluster.clone() else {
        return Err(ApiError::grpc(Code::Unavailable, "the cluster is not ready"));
    };
    if old.meta.version != version {
        return Err(ApiError::grpc(Code::Unknown, "update out of sequence"));
    }
    let rotation = rotation(&old, spec, tx.wall(), &mut env.ids)?;
    let defaults = Cluster::default();
    let mut cluster = (*old).clone();
    cluster.root_rotation = rotation;
    cluster.task_history_limit = spec.task_history_retention_limit;
    cluster.snapshot_interval = spec.snapshot_interval;
    cluster.keep_old_snapshots = spec.keep_old_snapshots;
    cluster.heartbeat_period = or(spec.heartbeat_period, defaults.heartbeat_period);
    cluster.node_cert_expiry = or(spec.node_cert_expiry, defaults.node_cert_expiry);
    cluster.external_cas = spec.external_cas.as_slice().into();
    cluster.force_rotate = spec.force_rotate;
    cluster.signing_ca = (!spec.signing_ca_cert.is_empty())
        .then(|| Arc::new((spec.signing_ca_cert.clone(), spec.signing_ca_key.clone())));
    let owner = cluster.id.text();
    if rotate.worker_token {
        cluster.worker_secret = env.ids.secret("secret.worker", &owner);
    }
    if rotate.manager_token {
        cluster.manager_secret = env.ids.secret("secret.manager", &owner);
    }
    lock(&mut cluster, spec.auto_lock_managers, rotate.unlock_key, &mut env.ids);
    tx.put_cluster(cluster, Why::Request);
    Ok(Response::Done)
}

/// What is refused of an init's settings. The real daemon finds out only when the swarm is already made, and leaves it
/// there.
///
/// # Errors
/// In the daemon's words.
pub fn check_at_init(init: &SwarmInitRequest) -> Result<(), ApiError> {
    let checked = check(init.cert_expiry.unwrap_or(0), init.heartbeat_period.unwrap_or(0));
    checked
        .map_err(|error| ApiError { message: format!("error updating cluster settings: {}", error.message), ..error })
}

/// Puts an init's settings into a cluster object: of a new cluster, or of one that begins anew from what a manager has.
/// Settings that [`check_at_init`] refuses are left out, all of them.
pub fn at_init(cluster: &mut Cluster, init: &SwarmInitRequest, ids: &mut Ids) {
    if !init.default_addr_pool.is_empty() {
        cluster.default_addr_pool = init.default_addr_pool.as_slice().into();
    }
    if init.subnet_size != 0 {
        cluster.subnet_size = init.subnet_size;
    }
    if init.data_path_port != 0 {
        cluster.data_path_port = init.data_path_port;
    }
    if init.autolock {
        lock(cluster, true, false, ids);
    }
    if check_at_init(init).is_err() {
        return;
    }
    if let Some(limit) = init.task_history_limit {
        cluster.task_history_limit = limit;
    }
    if let Some(period) = init.heartbeat_period {
        cluster.heartbeat_period = or(period, cluster.heartbeat_period);
    }
    if let Some(interval) = init.snapshot_interval.filter(|interval| *interval != 0) {
        cluster.snapshot_interval = interval;
    }
    if let Some(kept) = init.max_snapshots {
        cluster.keep_old_snapshots = kept;
    }
    if let Some(expiry) = init.cert_expiry {
        cluster.node_cert_expiry = or(expiry, cluster.node_cert_expiry);
    }
    if !init.external_cas.is_empty() {
        cluster.external_cas = init.external_cas.as_slice().into();
    }
}

/// A removed node's certificate is good for nothing from now on.
pub fn blacklist(node: Id, tx: &mut Transaction) {
    let Some(cluster) = tx.state().cluster.clone() else { return };
    let mut cluster = (*cluster).clone();
    Arc::make_mut(&mut cluster.blacklist).add(node, cluster.node_cert_expiry, tx.wall());
    tx.put_cluster(cluster, Why::Request);
}

/// What an update says about the root: nothing, a new one that the leader makes, or one that the user gives. The text of
/// a given certificate stands for its key pair; it is taken to be valid for as long as one made here.
fn rotation(old: &Cluster, spec: &ClusterSpec, now: Time, ids: &mut Ids) -> Result<Option<RootRotation>, ApiError> {
    let present = Present { root: old.root, has_key: true, rotation: old.root_rotation };
    let given = (!spec.signing_ca_cert.is_empty()).then(|| {
        let normal = |text: &str| text.trim().to_owned();
        let same = [Some(old.root), old.root_rotation.map(|rotation| rotation.next)]
            .into_iter()
            .flatten()
            .find(|root| normal(&root.pem()) == normal(&spec.signing_ca_cert));
        same.unwrap_or_else(|| {
            let key = Seed(0).key("ca.given", spec.signing_ca_cert.trim());
            RootCa::new(RootId(key.at_u128(0)), Time::ZERO)
        })
    });
    let request = RotationRequest {
        cert: match spec.signing_ca_cert.matches("-----BEGIN CERTIFICATE-----").count() {
            0 if spec.signing_ca_cert.is_empty() => None,
            0 => Some(ProvidedCert::Unreadable),
            1 => given.map(|root| ProvidedCert::One {
                id: root.id,
                not_before: root.not_before,
                not_after: root.not_after(),
            }),
            _ => Some(ProvidedCert::Several),
        },
        key: (!spec.signing_ca_key.is_empty()).then(|| given.unwrap_or_default().id),
        external: given.filter(|_| !spec.external_cas.is_empty()).map(|root| root.id).into_iter().collect(),
        force: spec.force_rotate != old.force_rotate,
    };
    Ok(match plan(&present, &request, now).map_err(|error| invalid(&error.to_string()))? {
        Plan::Keep => old.root_rotation,
        Plan::Abort => None,
        Plan::Begin { next: Some(next) } => Some(RootRotation { next }),
        Plan::Begin { next: None } => {
            let id = RootId(ids.secret("secret.root", &old.id.text()).0);
            Some(RootRotation { next: RootCa::new(id, now) })
        }
    })
}
