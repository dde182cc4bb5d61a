//! The cluster object as the Engine API shows it, and the requests that make and change it
//! (moby `api/types/swarm/swarm.go`).

use super::{Labels, ObjectVersion, TlsInfo, is_zero};
use serde::{Serialize, Serializer};

/// The cluster object.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClusterInfo {
    /// 25 characters.
    #[serde(rename = "ID")]
    pub id: String,
    /// Of the object.
    #[serde(rename = "Version")]
    pub version: ObjectVersion,
    /// RFC 3339 with nanoseconds.
    #[serde(rename = "CreatedAt")]
    pub created_at: String,
    /// RFC 3339 with nanoseconds.
    #[serde(rename = "UpdatedAt")]
    pub updated_at: String,
    /// Its settings.
    #[serde(rename = "Spec")]
    pub spec: ClusterSpec,
    /// The root that nodes shall trust, and who shall have issued their certificates: during a rotation the new ones.
    #[serde(rename = "TLSInfo")]
    pub tls_info: TlsInfo,
    /// A root rotation is under way.
    #[serde(rename = "RootRotationInProgress")]
    pub root_rotation_in_progress: bool,
    /// Empty until leadership has changed once, as in Docker.
    #[serde(rename = "DefaultAddrPool")]
    pub default_addr_pool: Option<Vec<String>>,
    /// Prefix length of a network from the pool.
    #[serde(rename = "SubnetSize")]
    pub subnet_size: u32,
    /// VXLAN's port.
    #[serde(rename = "DataPathPort")]
    pub data_path_port: u32,
}

/// The cluster's settings. Flat here; the JSON is nested as moby's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ClusterSpec {
    /// `default`
    pub name: String,
    /// Labels.
    pub labels: Labels,
    /// Tasks kept a slot, the live one included; negative: all.
    pub task_history_retention_limit: i64,
    /// Raft: entries between snapshots.
    pub snapshot_interval: u64,
    /// Raft: old snapshots kept.
    pub keep_old_snapshots: u64,
    /// Raft: ticks.
    pub heartbeat_tick: u32,
    /// Raft: ticks.
    pub election_tick: u32,
    /// Nanoseconds.
    pub heartbeat_period: i64,
    /// Nanoseconds that a node certificate is valid.
    pub node_cert_expiry: i64,
    /// Where else certificates are signed.
    pub external_cas: Vec<ExternalCa>,
    /// A root certificate that the user gives (PEM); empty: the cluster's own.
    pub signing_ca_cert: String,
    /// Its key (PEM). The daemon takes it and never shows it.
    pub signing_ca_key: String,
    /// Counted up by one to ask for a new root.
    pub force_rotate: u64,
    /// Managers start locked.
    pub auto_lock_managers: bool,
}

/// A place outside of the swarm that signs certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct ExternalCa {
    /// `cfssl`
    #[serde(rename = "Protocol", skip_serializing_if = "String::is_empty")]
    pub protocol: String,
    /// Where it listens.
    #[serde(rename = "URL", skip_serializing_if = "String::is_empty")]
    pub url: String,
    /// More words of its protocol.
    #[serde(rename = "Options", skip_serializing_if = "Labels::is_empty")]
    pub options: Labels,
    /// The root certificate that it signs for (PEM); empty: the cluster's.
    #[serde(rename = "CACert", skip_serializing_if = "String::is_empty")]
    pub ca_cert: String,
}

impl Serialize for ClusterSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Orchestration {
            task_history_retention_limit: i64,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Raft {
            #[serde(skip_serializing_if = "is_zero")]
            snapshot_interval: u64,
            keep_old_snapshots: u64,
            log_entries_for_slow_followers: u64,
            election_tick: u32,
            heartbeat_tick: u32,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Dispatcher {
            #[serde(skip_serializing_if = "is_zero")]
            heartbeat_period: i64,
        }
        #[derive(Serialize)]
        struct CaConfig<'a> {
            #[serde(rename = "NodeCertExpiry", skip_serializing_if = "is_zero")]
            node_cert_expiry: i64,
            #[serde(rename = "ExternalCAs", skip_serializing_if = "<[_]>::is_empty")]
            external_cas: &'a [ExternalCa],
            #[serde(rename = "SigningCACert", skip_serializing_if = "str::is_empty")]
            signing_ca_cert: &'a str,
            #[serde(rename = "SigningCAKey", skip_serializing_if = "str::is_empty")]
            signing_ca_key: &'a str,
            #[serde(rename = "ForceRotate", skip_serializing_if = "is_zero")]
            force_rotate: u64,
        }
        #[derive(Serialize)]
        struct TaskDefaults {}
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct EncryptionConfig {
            auto_lock_managers: bool,
        }
        #[derive(Serialize)]
        struct Nested<'a> {
            #[serde(rename = "Name")]
            name: &'a str,
            #[serde(rename = "Labels")]
            labels: &'a Labels,
            #[serde(rename = "Orchestration")]
            orchestration: Orchestration,
            #[serde(rename = "Raft")]
            raft: Raft,
            #[serde(rename = "Dispatcher")]
            dispatcher: Dispatcher,
            #[serde(rename = "CAConfig")]
            ca_config: CaConfig<'a>,
            #[serde(rename = "TaskDefaults")]
            task_defaults: TaskDefaults,
            #[serde(rename = "EncryptionConfig")]
            encryption_config: EncryptionConfig,
        }
        Nested {
            name: &self.name,
            labels: &self.labels,
            orchestration: Orchestration { task_history_retention_limit: self.task_history_retention_limit },
            raft: Raft {
                snapshot_interval: self.snapshot_interval,
                keep_old_snapshots: self.keep_old_snapshots,
                log_entries_for_slow_followers: 500,
                election_tick: self.election_tick,
                heartbeat_tick: self.heartbeat_tick,
            },
            dispatcher: Dispatcher { heartbeat_period: self.heartbeat_period },
            ca_config: CaConfig {
                node_cert_expiry: self.node_cert_expiry,
                external_cas: &self.external_cas,
                signing_ca_cert: &self.signing_ca_cert,
                signing_ca_key: &self.signing_ca_key,
                force_rotate: self.force_rotate,
            },
            task_defaults: TaskDefaults {},
            encryption_config: EncryptionConfig { auto_lock_managers: self.auto_lock_managers },
        }
        .serialize(serializer)
    }
}

/// `GET /swarm`: the cluster and its tokens.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Swarm {
    /// The cluster object.
    #[serde(flatten)]
    pub cluster: ClusterInfo,
    /// The secrets that let nodes join.
    #[serde(rename = "JoinTokens")]
    pub join_tokens: JoinTokens,
}

/// The two join tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct JoinTokens {
    /// `SWMTKN-1-...`
    pub worker: String,
    /// `SWMTKN-1-...`
    pub manager: String,
}

/// `POST /swarm/init`. What is absent or zero is the daemon's own default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SwarmInitRequest {
    /// `<ip|interface>[:port]`; the client sends `0.0.0.0:2377` unless told otherwise.
    pub listen_addr: String,
    /// As typed; empty: the host's own address.
    pub advertise_addr: String,
    /// As typed; empty: the advertised address.
    pub data_path_addr: String,
    /// 0: 4789.
    pub data_path_port: u32,
    /// Networks in CIDR notation.
    pub default_addr_pool: Vec<String>,
    /// Prefix length of a network from the pool; the client sends 24 unless told otherwise.
    pub subnet_size: u32,
    /// Start a new cluster of one from this manager's state.
    pub force_new_cluster: bool,
    /// Managers shall lock.
    pub autolock: bool,
    /// Of this node: `active`, `pause`, `drain`.
    pub availability: String,
    /// Nanoseconds; absent: 90 days.
    pub cert_expiry: Option<i64>,
    /// Absent: 5.
    pub task_history_limit: Option<i64>,
    /// Nanoseconds; absent: 5 s.
    pub heartbeat_period: Option<i64>,
    /// Absent: 10,000.
    pub snapshot_interval: Option<u64>,
    /// Absent: 0.
    pub max_snapshots: Option<u64>,
    /// Where else certificates are signed.
    pub external_cas: Vec<ExternalCa>,
}

/// `POST /swarm/join`
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SwarmJoinRequest {
    /// `HOST[:PORT]` of a manager.
    pub remote_addr: String,
    /// `<ip|interface>[:port]`; the client sends `0.0.0.0:2377` unless told otherwise.
    pub listen_addr: String,
    /// As typed; empty: the address that the manager sees.
    pub advertise_addr: String,
    /// As typed; empty: the advertised address.
    pub data_path_addr: String,
    /// As typed.
    pub token: String,
    /// Of this node: `active`, `pause`, `drain`.
    pub availability: String,
}

/// Which secrets an update of the cluster replaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RotateFlags {
    /// The workers' join token.
    pub worker_token: bool,
    /// The managers' join token.
    pub manager_token: bool,
    /// The managers' unlock key.
    pub unlock_key: bool,
}
