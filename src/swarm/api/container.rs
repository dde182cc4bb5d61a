//! Containers of one host as the Engine API shows them (moby `api/types/container`).

use super::{ContainerHealth, Labels, Ulimit, is_zero};
use serde::Serialize;

/// A row of `docker ps`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContainerSummary {
    /// 64 hex digits.
    #[serde(rename = "ID")]
    pub id: String,
    /// Without the leading slash of the real API.
    pub names: Vec<String>,
    /// As stored.
    pub image: String,
    /// What runs in it, as one line.
    pub command: String,
    /// Nanoseconds of virtual time.
    pub created: i64,
    /// `created`, `running`, `paused`, `exited`, `dead`.
    pub state: String,
    /// `Up 5 seconds`, `Exited (137) 3 seconds ago`, `Created`: the daemon writes it.
    pub status: String,
    /// `none`, `starting`, `healthy`, `unhealthy`.
    pub health: String,
    /// `80/tcp`, `0.0.0.0:8080->80/tcp`: as the client shows them, joined with `, `.
    pub ports: String,
    /// Labels, those of the swarm included.
    pub labels: Labels,
}

/// `docker inspect` of a container.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContainerInspect {
    /// 64 hex digits.
    pub id: String,
    /// RFC 3339 with nanoseconds.
    pub created: String,
    /// Its program.
    pub path: String,
    /// The program's arguments.
    pub args: Vec<String>,
    /// How it is.
    pub state: ContainerState,
    /// The reference's digest.
    pub image: String,
    /// A file of its host.
    pub resolv_conf_path: String,
    /// A file of its host.
    pub hostname_path: String,
    /// A file of its host.
    pub hosts_path: String,
    /// A file of its host.
    pub log_path: String,
    /// With the leading slash.
    pub name: String,
    /// How often its restart policy has started it again.
    pub restart_count: u32,
    /// `overlayfs`
    pub driver: String,
    /// `linux`
    pub platform: String,
    /// Labels of security modules.
    pub mount_label: String,
    /// Labels of security modules.
    pub process_label: String,
    /// Labels of security modules.
    pub app_armor_profile: String,
    /// Commands that run in it beside its own.
    #[serde(rename = "ExecIDs")]
    pub exec_ids: Option<Vec<String>>,
    /// What its host grants it.
    pub host_config: ContainerHostConfig,
    /// What is mounted into it.
    pub mounts: Vec<MountPoint>,
    /// What it was made from.
    pub config: ContainerConfig,
    /// Its ports and networks.
    pub network_settings: NetworkSettings,
}

/// Something mounted into a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MountPoint {
    /// `bind`, `volume` or `tmpfs`.
    #[serde(rename = "Type")]
    pub kind: String,
    /// Of a volume.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// On the host.
    pub source: String,
    /// In the container.
    pub destination: String,
    /// Of a volume.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub driver: String,
    /// `z` with volumes.
    pub mode: String,
    /// It can be written to.
    #[serde(rename = "RW")]
    pub rw: bool,
    /// `rprivate` with folders.
    pub propagation: String,
}

/// A container's ports and networks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NetworkSettings {
    /// Of its network namespace, 64 hex digits; empty where it does not run.
    #[serde(rename = "SandboxID")]
    pub sandbox_id: String,
    /// A file of its host.
    #[serde(rename = "SandboxKey")]
    pub sandbox_key: String,
    /// `80/tcp`, and where it is published.
    #[serde(rename = "Ports")]
    pub ports: std::collections::BTreeMap<String, Option<Vec<HostPort>>>,
    /// By name.
    #[serde(rename = "Networks")]
    pub networks: std::collections::BTreeMap<String, EndpointSettings>,
}

/// Where a port is published.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct HostPort {
    /// `0.0.0.0`
    pub host_ip: String,
    /// As text.
    pub host_port: String,
}

/// A container's place on a network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EndpointSettings {
    /// What the network gives addresses by.
    #[serde(rename = "IPAMConfig")]
    pub ipam_config: Option<Labels>,
    /// Of older times.
    #[serde(rename = "Links")]
    pub links: Option<Vec<String>>,
    /// Other names there.
    #[serde(rename = "Aliases")]
    pub aliases: Option<Vec<String>>,
    /// Options of the driver.
    #[serde(rename = "DriverOpts")]
    pub driver_opts: Option<Labels>,
    /// Which of several gateways.
    #[serde(rename = "GwPriority")]
    pub gw_priority: i64,
    /// The network.
    #[serde(rename = "NetworkID")]
    pub network_id: String,
    /// 64 hex digits; empty where it does not run.
    #[serde(rename = "EndpointID")]
    pub endpoint_id: String,
    /// Of the network.
    #[serde(rename = "Gateway")]
    pub gateway: String,
    /// Its address.
    #[serde(rename = "IPAddress")]
    pub ip_address: String,
    /// `02:42:0a:00:01:03`
    #[serde(rename = "MacAddress")]
    pub mac_address: String,
    /// Of its address.
    #[serde(rename = "IPPrefixLen")]
    pub ip_prefix_len: u8,
    /// Never here.
    #[serde(rename = "IPv6Gateway")]
    pub ipv6_gateway: String,
    /// Never here.
    #[serde(rename = "GlobalIPv6Address")]
    pub global_ipv6_address: String,
    /// Never here.
    #[serde(rename = "GlobalIPv6PrefixLen")]
    pub global_ipv6_prefix_len: u8,
    /// The names by which others on the network find it.
    #[serde(rename = "DNSNames")]
    pub dns_names: Option<Vec<String>>,
}

/// How a container is.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContainerState {
    /// `created`, `running`, `paused`, `exited`, `dead`.
    pub status: String,
    /// It runs.
    pub running: bool,
    /// It stands still.
    pub paused: bool,
    /// It is being started again.
    pub restarting: bool,
    /// The kernel killed it for its memory.
    #[serde(rename = "OOMKilled")]
    pub oom_killed: bool,
    /// It could not be removed.
    pub dead: bool,
    /// Process id on its host, 0 when it does not run.
    pub pid: i64,
    /// Once it ended.
    pub exit_code: i64,
    /// Why it could not be started.
    pub error: String,
    /// RFC 3339 with nanoseconds.
    pub started_at: String,
    /// RFC 3339 with nanoseconds.
    pub finished_at: String,
    /// How well it is, if that is checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<ContainerHealth>,
}

/// What its host grants a container, as far as a service can ask for it; in moby's order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContainerHostConfig {
    /// Where its output goes.
    pub log_config: LogConfig,
    /// Its first network.
    pub network_mode: String,
    /// When it is started again.
    pub restart_policy: HostRestartPolicy,
    /// Gone when it has ended.
    pub auto_remove: bool,
    /// Capabilities given; null for none.
    pub cap_add: Option<Vec<String>>,
    /// Capabilities taken; null for none.
    pub cap_drop: Option<Vec<String>>,
    /// Name servers; null for the network's.
    pub dns: Option<Vec<String>>,
    /// Options of the resolver; null for none.
    pub dns_options: Option<Vec<String>>,
    /// Domains in which bare names are looked up; null for none.
    pub dns_search: Option<Vec<String>>,
    /// Further lines of `/etc/hosts`, `NAME:ADDRESS`; null for none.
    pub extra_hosts: Option<Vec<String>>,
    /// Further groups; null for none.
    pub group_add: Option<Vec<String>>,
    /// How readily the host kills it for memory.
    pub oom_score_adj: i64,
    /// It may do everything.
    pub privileged: bool,
    /// Its root file system cannot be written to.
    pub readonly_rootfs: bool,
    /// Kernel settings.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub sysctls: Labels,
    /// Bytes; 0: without limit.
    pub memory: i64,
    /// Billionths of a CPU; 0: without limit.
    pub nano_cpus: i64,
    /// Limits of its process; null for the daemon's.
    pub ulimits: Option<Vec<Ulimit>>,
    /// Run an init process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<bool>,
}

/// Where a container's output goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct LogConfig {
    /// The driver.
    #[serde(rename = "Type")]
    pub driver: String,
    /// Its options.
    pub config: Labels,
}

/// When a container is started again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct HostRestartPolicy {
    /// `no`, `always`, `unless-stopped`, `on-failure`.
    pub name: String,
    /// So often at most; 0: without limit.
    pub maximum_retry_count: u32,
}

/// What a container was made from.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContainerConfig {
    /// Its hostname.
    pub hostname: String,
    /// Never here.
    pub domainname: String,
    /// Who its program runs as.
    pub user: String,
    /// Somebody reads what it writes.
    pub attach_stdin: bool,
    /// Somebody reads what it writes.
    pub attach_stdout: bool,
    /// Somebody reads what it writes.
    pub attach_stderr: bool,
    /// Ports that it makes known.
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub exposed_ports: std::collections::BTreeMap<String, Labels>,
    /// It has a terminal.
    pub tty: bool,
    /// Its stdin stays open.
    pub open_stdin: bool,
    /// Its stdin ends with the first reader.
    pub stdin_once: bool,
    /// `KEY=VALUE`
    pub env: Vec<String>,
    /// Arguments.
    pub cmd: Option<Vec<String>>,
    /// The reference.
    pub image: String,
    /// Where its program begins.
    pub working_dir: String,
    /// Program.
    pub entrypoint: Option<Vec<String>>,
    /// How its health is checked, if the image or the service says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<super::HealthConfig>,
    /// Labels, those of the swarm included.
    pub labels: Labels,
    /// The signal that asks it to stop, where it is not SIGTERM.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stop_signal: String,
}

/// `docker image inspect`, as far as the model has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ImageInspect {
    /// `sha256:` and 64 hex digits.
    pub id: String,
    /// `nginx:1.25`
    pub repo_tags: Vec<String>,
    /// `nginx@sha256:...`
    pub repo_digests: Vec<String>,
    /// RFC 3339.
    pub created: String,
    /// How containers are made from it.
    pub config: ImageConfig,
    /// `amd64`
    pub architecture: String,
    /// `linux`
    pub os: String,
    /// In bytes, as the registry gives it.
    pub size: i64,
}

/// How containers are made from an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ImageConfig {
    /// Ports that it makes known.
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub exposed_ports: std::collections::BTreeMap<String, Labels>,
    /// Variables.
    pub env: Vec<String>,
    /// Program and arguments.
    pub cmd: Vec<String>,
    /// Where its program begins.
    pub working_dir: String,
}

/// A row of `docker images`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ImageSummary {
    /// `nginx:1.25`, as people write it.
    pub reference: String,
    /// `sha256:` and 64 hex digits.
    pub id: String,
    /// Unpacked, in bytes.
    pub size: i64,
    /// As the registry gives it, in bytes.
    pub content_size: i64,
    /// Containers here that were made from it.
    #[serde(skip_serializing_if = "is_zero")]
    pub containers: i64,
}
