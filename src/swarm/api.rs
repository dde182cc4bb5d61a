//! The Engine API: what a docker client may ask of the daemon of its host, and what comes back.
//!
//! The shapes are moby's own (names, nesting, order of the fields), so that `inspect` prints what Docker prints and a
//! real HTTP face can be put here later. This is not the store's view: the daemon converts (`swarm::daemon`).
//!
//! Our own types rather than a crate's: the generated ones keep labels in maps with a random order and their fields in
//! the order of the API's documentation, which is not the order that `docker inspect` shows.
//!
//! Source: moby `api/types`, version 1.55 (engine 29.7.2); cli.md §3.4, §5, control-plane.md §1.

mod cluster;
mod container;
mod container_spec;
mod file;
mod generic;
mod health;
mod human;
mod info;
mod log;
mod mount;
mod network;
mod node;
mod run;
mod service;
mod task;
pub mod time;

pub use cluster::*;
pub use container::*;
pub use container_spec::*;
pub use file::*;
pub use generic::*;
pub use health::*;
pub use human::human_duration;
pub use info::*;
pub use log::*;
pub use mount::*;
pub use network::*;
pub use node::*;
pub use run::*;
pub use service::*;
pub use task::*;

use std::collections::BTreeMap;
use std::sync::Arc;

/// Labels and the like: fixed order.
pub type Labels = BTreeMap<String, String>;

/// `filters` of a list request: key to accepted values (values of one key are OR-ed, keys are AND-ed).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Filters(pub BTreeMap<String, Vec<String>>);

impl Filters {
    /// Adds one accepted value for a key.
    pub fn add(&mut self, key: &str, value: &str) {
        self.0.entry(key.to_owned()).or_default().push(value.to_owned());
    }

    /// The accepted values of a key; empty when the key is not filtered by.
    pub fn get(&self, key: &str) -> &[String] {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }
}

/// A request to the daemon of one host. One variant an endpoint.
#[derive(Clone, Debug, PartialEq, Hash)]
pub enum Request {
    /// `GET /info`
    Info,
    /// `GET /version`
    Version,
    /// `POST /swarm/init`
    SwarmInit(Box<SwarmInitRequest>),
    /// `POST /swarm/join`
    SwarmJoin(SwarmJoinRequest),
    /// `POST /swarm/leave`
    SwarmLeave {
        /// Leave even where that costs the quorum or the state.
        force: bool,
    },
    /// `GET /swarm`
    SwarmInspect,
    /// `POST /swarm/update`
    SwarmUpdate {
        /// The version that was read.
        version: u64,
        /// The whole new spec.
        spec: Box<ClusterSpec>,
        /// Secrets to replace.
        rotate: RotateFlags,
    },
    /// `GET /swarm/unlockkey`
    SwarmUnlockKey,
    /// `POST /swarm/unlock`
    SwarmUnlock {
        /// As typed.
        key: String,
    },
    /// `GET /nodes`
    NodeList(Filters),
    /// `GET /nodes/{id}`: by id, name or unique prefix of an id.
    NodeInspect(String),
    /// `POST /nodes/{id}/update`
    NodeUpdate {
        /// The node's id.
        id: String,
        /// The version that was read.
        version: u64,
        /// The whole new spec.
        spec: NodeSpec,
    },
    /// `DELETE /nodes/{id}`
    NodeRemove {
        /// Id, name or prefix, as typed.
        id: String,
        /// Remove a worker that is not down, too.
        force: bool,
    },
    /// `GET /services`: `status` asks for the numbers of running and desired tasks, too.
    ServiceList {
        /// What to list.
        filters: Filters,
        /// Fill [`Service::service_status`].
        status: bool,
    },
    /// `GET /services/{id}`
    ServiceInspect {
        /// Id, name or unique prefix of an id.
        id: String,
        /// Fill in what the spec leaves to SwarmKit's defaults.
        insert_defaults: bool,
    },
    /// `POST /services/create`
    ServiceCreate {
        /// What to run.
        spec: Box<ServiceSpec>,
        /// Ask the registry for the image's digest and pin it.
        query_registry: bool,
    },
    /// `POST /services/{id}/update`
    ServiceUpdate {
        /// The service's id.
        id: String,
        /// The version that was read.
        version: u64,
        /// The whole new spec (ignored for a rollback but for its presence, as in the real API).
        spec: Box<ServiceSpec>,
        /// Swap with the previous spec on the manager instead.
        rollback: bool,
        /// Ask the registry for the image's digest and pin it.
        query_registry: bool,
    },
    /// `DELETE /services/{id}`
    ServiceRemove(String),
    /// `GET /services/{id}/logs` or `GET /tasks/{id}/logs`
    ServiceLogs {
        /// A service's or a task's id.
        id: String,
        /// The id is a task's.
        task: bool,
        /// Which part.
        options: LogOptions,
    },
    /// `GET /tasks`
    TaskList(Filters),
    /// `GET /tasks/{id}`
    TaskInspect(String),
    /// `GET /containers/json`
    ContainerList {
        /// Those that do not run, too.
        all: bool,
        /// Only the newest so many, of any state.
        limit: Option<usize>,
        /// What to list.
        filters: Filters,
    },
    /// `GET /containers/{id}/json`
    ContainerInspect(String),
    /// `DELETE /containers/{id}`
    ContainerRemove {
        /// Id, name or unique prefix of an id.
        id: String,
        /// Kill it first if it runs.
        force: bool,
    },
    /// `POST /containers/{id}/stop`
    ContainerStop {
        /// Id, name or unique prefix of an id.
        id: String,
        /// Seconds between the stop signal and SIGKILL.
        timeout: Option<i64>,
        /// Another stop signal than its own.
        signal: Option<String>,
    },
    /// `POST /containers/{id}/restart`
    ContainerRestart {
        /// Id, name or unique prefix of an id.
        id: String,
        /// Seconds between the stop signal and SIGKILL.
        timeout: Option<i64>,
        /// Another stop signal than its own.
        signal: Option<String>,
    },
    /// `POST /containers/{id}/start`
    ContainerStart(String),
    /// `POST /containers/{id}/pause`
    ContainerPause(String),
    /// `POST /containers/{id}/unpause`
    ContainerUnpause(String),
    /// `POST /containers/{id}/rename`
    ContainerRename {
        /// Id, name or unique prefix of an id.
        id: String,
        /// Its name from now on.
        name: String,
    },
    /// `POST /containers/{id}/kill`
    ContainerKill {
        /// Id, name or unique prefix of an id.
        id: String,
        /// The signal's name or number; `KILL` when absent.
        signal: Option<String>,
    },
    /// `GET /containers/{id}/logs`
    ContainerLogs {
        /// Id, name or unique prefix of an id.
        id: String,
        /// Which part.
        options: LogOptions,
    },
    /// `GET /images/json`
    ImageList,
    /// `POST /images/create`
    ImagePull(String),
    /// `DELETE /images/{name}`
    ImageRemove {
        /// As typed.
        name: String,
        /// Remove it from under containers, too.
        force: bool,
    },
    /// `GET /networks`
    NetworkList(Filters),
    /// `GET /networks/{id}`
    NetworkInspect {
        /// Id, name or unique prefix of an id.
        id: String,
        /// Only networks of this scope; empty: of both.
        scope: String,
        /// With what is known of the services on it.
        verbose: bool,
    },
    /// `POST /networks/create`
    NetworkCreate(Box<NetworkCreateRequest>),
    /// `DELETE /networks/{id}`
    NetworkRemove(String),
    /// `POST /networks/prune`
    NetworkPrune(Filters),
    /// `POST /secrets/create`, `POST /configs/create`
    FileCreate {
        /// Which of the two.
        kind: FileKind,
        /// What.
        spec: FileSpec,
    },
    /// `GET /secrets`, `GET /configs`
    FileList {
        /// Which of the two.
        kind: FileKind,
        /// What to list.
        filters: Filters,
    },
    /// `GET /secrets/{id}`, `GET /configs/{id}`
    FileInspect {
        /// Which of the two.
        kind: FileKind,
        /// Id, name or unique prefix of an id.
        id: String,
    },
    /// `POST /secrets/{id}/update`, `POST /configs/{id}/update`
    FileUpdate {
        /// Which of the two.
        kind: FileKind,
        /// Id, name or unique prefix of an id.
        id: String,
        /// The version that was read.
        version: u64,
        /// The whole new spec.
        spec: FileSpec,
    },
    /// `DELETE /secrets/{id}`, `DELETE /configs/{id}`
    FileRemove {
        /// Which of the two.
        kind: FileKind,
        /// Id, name or unique prefix of an id.
        id: String,
    },
    /// `POST /containers/create`
    ContainerCreate(Box<ContainerCreate>),
    /// `POST /containers/{id}/wait`
    ContainerWait {
        /// Id, name or unique prefix of an id.
        id: String,
        /// Until it is gone, rather than until it has ended.
        removed: bool,
    },
    /// `POST /containers/{id}/attach`: what it writes, when there is something, or when it has ended.
    ContainerAttach {
        /// Id, name or unique prefix of an id.
        id: String,
        /// So many lines are known already.
        seen: u64,
        /// It is started for it.
        start: bool,
    },
    /// `GET /containers/{id}/top`
    ContainerTop {
        /// Id, name or unique prefix of an id.
        id: String,
        /// Options of `ps`.
        options: Vec<String>,
    },
    /// `POST /containers/{id}/exec`
    ContainerExec(Box<ExecRequest>),
    /// `POST /containers/prune`
    ContainerPrune(Filters),
    /// `GET /images/{name}/json`
    ImageInspect(String),
    /// `POST /networks/{id}/connect`
    NetworkConnect {
        /// The container.
        container: String,
        /// The network, and the place there.
        endpoint: EndpointRequest,
    },
    /// `POST /networks/{id}/disconnect`
    NetworkDisconnect {
        /// Id, name or unique prefix of an id.
        network: String,
        /// The container.
        container: String,
        /// Even if it is not known any more.
        force: bool,
    },
    /// `POST /volumes/create`
    VolumeCreate(VolumeCreate),
    /// `GET /volumes`
    VolumeList(Filters),
    /// `GET /volumes/{name}`
    VolumeInspect(String),
    /// `DELETE /volumes/{name}`
    VolumeRemove {
        /// As typed.
        name: String,
        /// What is not there is no error.
        force: bool,
    },
    /// `POST /volumes/prune`
    VolumePrune(Filters),
    /// `GET /events`
    Events(EventsRequest),
    /// The next part of a service's log, as a client reads on.
    ServiceLogsNext(u64),
    /// The client of that reads on no more.
    ServiceLogsLeave(u64),
}

/// What the daemon answers to a [`Request`] that it could carry out. Shared, since clients keep what they were told.
#[derive(Clone, Debug, PartialEq)]
pub enum Response {
    /// Done, nothing to say (204 or an empty 200).
    Done,
    /// Of `Info`.
    Info(Arc<Info>),
    /// Of `SwarmInit`: the new node's id. Of `SwarmJoin`: nothing.
    SwarmInit(String),
    /// Of `SwarmInspect`.
    Swarm(Arc<Swarm>),
    /// Of `SwarmUnlockKey`: empty when managers do not lock.
    UnlockKey(String),
    /// Of `NodeList`.
    Nodes(Arc<Vec<Node>>),
    /// Of `NodeInspect`.
    Node(Arc<Node>),
    /// Of `ServiceList`.
    Services(Arc<Vec<Service>>),
    /// Of `ServiceInspect`.
    Service(Arc<Service>),
    /// Of `ServiceCreate`.
    ServiceCreated {
        /// The new service's id.
        id: String,
        /// To be shown to the user.
        warnings: Vec<String>,
    },
    /// Of `ServiceUpdate`.
    ServiceUpdated {
        /// To be shown to the user.
        warnings: Vec<String>,
    },
    /// Of `TaskList`.
    Tasks(Arc<Vec<Task>>),
    /// Of `TaskInspect`.
    Task(Arc<Task>),
    /// Of `ContainerList`.
    Containers(Arc<Vec<ContainerSummary>>),
    /// Of `ContainerInspect`.
    Container(Arc<ContainerInspect>),
    /// Of `ContainerCreate`.
    ContainerCreated {
        /// The new container's id.
        id: String,
        /// To be shown to the user.
        warnings: Vec<String>,
    },
    /// Of `ContainerWait`: the exit status.
    ContainerEnded(i32),
    /// Of `ContainerAttach`.
    Attached(Attached),
    /// Of `ContainerTop`.
    Top(Arc<Top>),
    /// Of `ContainerExec`.
    Executed(Arc<Executed>),
    /// Of the other `prune`s.
    Pruned(Pruned),
    /// Of `ImageInspect`.
    Image(Arc<ImageInspect>),
    /// Of `VolumeCreate` and `VolumeInspect`.
    Volume(Arc<Volume>),
    /// Of `VolumeList`.
    Volumes(Arc<Vec<Volume>>),
    /// Of `Events`.
    Events(Arc<Events>),
    /// Of `ImageList`.
    Images(Arc<Vec<ImageSummary>>),
    /// Of `ImagePull`: the digest, and whether anything had to be fetched.
    ImagePulled {
        /// `sha256:` and 64 hex digits.
        digest: String,
        /// It was not here before.
        fetched: bool,
        /// In full: `docker.io/library/nginx:1.25`.
        reference: String,
    },
    /// Of `ImageRemove`: lines as the client prints them.
    ImageRemoved(Vec<String>),
    /// Of `ContainerLogs`.
    Logs(Arc<Vec<LogLine>>),
    /// Of `ServiceLogs` and `ServiceLogsNext`.
    LogPart(LogPart),
    /// Of `NetworkList`.
    Networks(Arc<Vec<Network>>),
    /// Of `NetworkInspect`.
    Network(Arc<Network>),
    /// Of `NetworkCreate` and `FileCreate`: the new object's id.
    Created(String),
    /// Of `NetworkPrune`: names.
    Deleted(Vec<String>),
    /// Of `FileList`.
    Files(Arc<Vec<File>>),
    /// Of `FileInspect`.
    File(Arc<File>),
    /// Of `Version`: the engine's version.
    Version(Arc<Version>),
}

/// An error of the daemon: what the client prints after `Error response from daemon: `.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// The text, with its gRPC wrapping where Docker shows one.
    pub message: String,
}

impl ApiError {
    /// An error of the engine itself (no gRPC wrapping).
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    /// An error that came from SwarmKit over gRPC: `rpc error: code = CODE desc = TEXT`.
    pub fn grpc(code: Code, description: impl AsRef<str>) -> Self {
        Self {
            status: code.http_status(),
            message: format!("rpc error: code = {code:?} desc = {}", description.as_ref()),
        }
    }
}

/// The gRPC codes that Swarm uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "gRPC's own names")]
pub enum Code {
    Unknown,
    InvalidArgument,
    DeadlineExceeded,
    NotFound,
    AlreadyExists,
    PermissionDenied,
    FailedPrecondition,
    ResourceExhausted,
    Aborted,
    Unimplemented,
    Unavailable,
    Unauthenticated,
}

impl Code {
    /// How the daemon maps the code to HTTP (raft-and-security.md §4.2).
    pub fn http_status(self) -> u16 {
        match self {
            Code::InvalidArgument | Code::FailedPrecondition => 400,
            Code::Unauthenticated => 401,
            Code::PermissionDenied => 403,
            Code::NotFound => 404,
            Code::AlreadyExists => 409,
            Code::Unimplemented => 501,
            Code::Unavailable => 503,
            _ => 500,
        }
    }
}

/// Why a request got no answer at all.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NoAnswer {
    /// No daemon, and no socket file: the host is up, dockerd was stopped in order.
    NoSocket,
    /// The socket file is there, nobody listens: dockerd was killed.
    Refused,
    /// The daemon died while the request was under way.
    Died,
}

/// What a client gets for a request.
pub type Answer = Result<Response, Failure>;

/// Why there is no [`Response`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// The daemon refused or failed.
    Api(ApiError),
    /// There was no daemon to ask.
    NoAnswer(NoAnswer),
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Failure::Api(error)
    }
}

fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
