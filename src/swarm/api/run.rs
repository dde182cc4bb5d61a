//! Containers that people make themselves, and what is done inside of containers (moby `api/types/container`: create, exec,
//! wait, top).

use super::{ContainerSpec, Labels, LogLine, Resources};
use serde::Serialize;
use std::sync::Arc;

/// `POST /containers/create`
#[derive(Clone, Debug, Default, PartialEq, Hash)]
pub struct ContainerCreate {
    /// Empty: the engine makes one up.
    pub name: String,
    /// What runs in it, as for a service's container.
    pub spec: ContainerSpec,
    /// What it may not exceed.
    pub limits: Resources,
    /// Published ports.
    pub ports: Vec<PortRequest>,
    /// Every port of the image is published, too.
    pub publish_all: bool,
    /// Ports that are made known beside the image's.
    pub expose: Vec<(u16, String)>,
    /// `default`, `bridge`, `host`, `none`, or a network by name or id.
    pub network: String,
    /// Its place on that network, and on further ones.
    pub endpoints: Vec<EndpointRequest>,
    /// `no`, `always`, `unless-stopped`, `on-failure`.
    pub restart: String,
    /// Restarts at most, of `on-failure`; 0: without limit.
    pub restart_limit: u32,
    /// Gone when it has ended.
    pub auto_remove: bool,
    /// It has a terminal.
    pub tty: bool,
    /// Its stdin stays open.
    pub open_stdin: bool,
    /// Somebody sees what it writes from the start.
    pub attached: bool,
    /// Volumes, folders of the host and memory in it.
    pub mounts: Vec<MountRequest>,
    /// Further lines of its `/etc/hosts`: name and address.
    pub hosts: Vec<(String, String)>,
    /// Nameservers.
    pub dns: Vec<String>,
    /// Its domain for short names.
    pub dns_search: Vec<String>,
    /// It may do everything.
    pub privileged: bool,
    /// It cannot write.
    pub read_only: bool,
}

/// A port that is to be published.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PortRequest {
    /// In the container.
    pub target: u16,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
    /// On the host; 0: a free one.
    pub published: u16,
    /// The host's address; empty: all.
    pub address: String,
}

/// A place on a network as asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct EndpointRequest {
    /// By name or id.
    pub network: String,
    /// Other names there.
    pub aliases: Vec<String>,
    /// The address; empty: a free one.
    pub address: String,
}

/// Something mounted into a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct MountRequest {
    /// `bind`, `volume` or `tmpfs`.
    pub kind: String,
    /// A volume's name or a folder; empty: a volume without a name.
    pub source: String,
    /// Where.
    pub target: String,
    /// It cannot be written to.
    pub read_only: bool,
}

/// `POST /containers/{id}/exec`, and its start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ExecRequest {
    /// Id, name or unique prefix of an id.
    pub id: String,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Variables, `KEY=VALUE`.
    pub env: Vec<String>,
    /// User; empty: the container's.
    pub user: String,
    /// Folder; empty: the container's.
    pub dir: String,
    /// It has a terminal.
    pub tty: bool,
    /// What it reads.
    pub stdin: String,
    /// Nobody waits for its end.
    pub detach: bool,
    /// A line typed at a shell that was started before: how that shell stands. What it leaves is answered.
    pub shell: Option<ShellState>,
    /// That shell is the container's own program: its end is the container's.
    pub main: bool,
}

/// How a shell inside a container stands between two lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ShellState {
    /// Where it is.
    pub dir: String,
    /// Its variables.
    pub variables: Labels,
    /// Status of the last command.
    pub status: i32,
}

/// What came of an [`ExecRequest`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Executed {
    /// What it wrote.
    pub stdout: String,
    /// What it wrote to the errors.
    pub stderr: String,
    /// Its exit status.
    pub status: i32,
    /// How the shell stands now; none: it has ended, or there was none.
    pub shell: Option<ShellState>,
}

/// A part of what a container writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attached {
    /// Lines.
    pub lines: Arc<Vec<LogLine>>,
    /// How many there have been in all: quoted for the next part.
    pub seen: u64,
    /// It has ended with this status.
    pub ended: Option<i32>,
}

/// `GET /containers/{id}/top`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Top {
    /// Headers.
    pub titles: Vec<String>,
    /// Rows.
    pub processes: Vec<Vec<String>>,
}

/// What was cleared away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Ids or names.
    pub names: Vec<String>,
    /// Bytes that are free now.
    pub reclaimed: i64,
}

/// A volume of one host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Volume {
    /// RFC 3339, whole seconds.
    pub created_at: String,
    /// `local`
    pub driver: String,
    /// Labels; null where there are none.
    pub labels: Option<Labels>,
    /// Its folder on the host.
    pub mountpoint: String,
    /// Its name.
    pub name: String,
    /// Of the driver; null where there are none.
    pub options: Option<Labels>,
    /// `local`
    pub scope: String,
}

/// `POST /volumes/create`
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct VolumeCreate {
    /// Empty: 64 hex digits.
    pub name: String,
    /// `local`
    pub driver: String,
    /// Labels.
    pub labels: Labels,
    /// Of the driver.
    pub options: Labels,
}

/// Which events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct EventsRequest {
    /// Only those since this moment (nanoseconds of virtual time, by the host's clock); none: those from now on.
    pub since: Option<i64>,
    /// Only those until then; none: without end.
    pub until: Option<i64>,
    /// Only those behind the one of this number: quoted from the last part.
    pub after: Option<u64>,
    /// Conditions.
    pub filters: super::Filters,
}

/// A part of what happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// In their order.
    pub events: Vec<EventMessage>,
    /// Quoted for the next part.
    pub last: u64,
    /// There will be no more.
    pub over: bool,
}

/// Something that happened at a daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventMessage {
    /// `container`, `network`, `image`, `volume`, `node`, `service`, `secret`, `config`, `daemon`.
    pub kind: &'static str,
    /// `create`, `exec_start: sh`.
    pub action: String,
    /// Of the object.
    pub id: String,
    /// What is told of it.
    pub attributes: Labels,
    /// `local` or `swarm`.
    pub scope: &'static str,
    /// Nanoseconds of virtual time, by the host's clock.
    pub at: i64,
}
