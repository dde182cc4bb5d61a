//! `docker info` and `docker version`. cli.md §5.7.
//!
//! What the model does not have (storage driver, kernel, runtimes) is constant: a Debian host with cgroup v2, so that
//! it warns of nothing by itself.

use super::info_json::whole;
use super::inspect::template;
use crate::docker::format::{bytes_size, human_duration};
use crate::docker::json;
use crate::docker::script::{Context, Finish, Stop};
use crate::docker::template::Missing;
use crate::swarm::api::{ExternalCa, Info, SwarmInfo, Version};
use serde_json::json;

const CLIENT: &str = "Client:\n Version:    29.7.2\n Context:    default\n Debug Mode: false\n\nServer:\n";

const STORAGE: &str = " Storage Driver: overlayfs
  driver-type: io.containerd.snapshotter.v1
 Logging Driver: json-file
 Cgroup Driver: systemd
 Cgroup Version: 2
 Plugins:
  Volume: local
  Network: bridge host ipvlan macvlan null overlay
  Log: awslogs fluentd gcplogs gelf journald json-file local splunk syslog
 CDI spec directories:
  /etc/cdi
  /var/run/cdi
";

const RUNTIMES: &str = " Runtimes: io.containerd.runc.v2 runc
 Default Runtime: runc
 Init Binary: docker-init
 containerd version: 
 runc version: v1.4.3
 init version: 
 Security Options:
  seccomp
   Profile: builtin
  cgroupns
 Kernel Version: 6.12.48
 Operating System: Debian GNU/Linux 12 (bookworm)
";

const REST: &str = " Experimental: false
 Insecure Registries:
  127.0.0.0/8
  ::1/128
 Live Restore Enabled: false
 Firewall Backend: iptables
  EnableUserlandProxy: true
  UserlandProxyPath: /usr/bin/docker-proxy

";

/// Describes the engine of this host and its part in a swarm.
pub fn info(context: &mut Context) -> Result<Finish, Stop> {
    let format = context.flags.text("format").unwrap_or("").to_owned();
    if format.is_empty() {
        context.out(CLIENT);
        let info = context.info()??;
        context.out(describe(&info));
        for warning in &info.warnings {
            context.err(format!("{warning}\n"));
        }
        return Ok(Finish::default());
    }
    if format == "json" {
        let info = context.info()??;
        let whole = whole(&info, context.clock());
        context.out(json::compact(&whole, false) + "\n");
        return Ok(Finish::default());
    }
    let template = template(context, &format)?;
    let info = context.info()??;
    let text = template.execute(&whole(&info, context.clock()), Missing::Object);
    context.out(text.map_err(|error| format!("template parsing error: {error}"))? + "\n");
    Ok(Finish::default())
}

fn describe(info: &Info) -> String {
    let mut text = format!(
        " Containers: {}\n  Running: {}\n  Paused: {}\n  Stopped: {}\n Images: {}\n Server Version: {}\n",
        info.containers,
        info.containers_running,
        info.containers_paused,
        info.containers_stopped,
        info.images,
        info.server_version
    );
    text += STORAGE;
    text += &swarm(&info.swarm);
    text += RUNTIMES;
    text += &format!(
        " OSType: {}\n Architecture: {}\n CPUs: {}\n Total Memory: {}\n Name: {}\n ID: {}\n",
        info.os_type,
        info.architecture,
        info.ncpu,
        bytes_size(info.mem_total),
        info.name,
        info.id
    );
    text += " Docker Root Dir: /var/lib/docker\n Debug Mode: false\n";
    if !info.labels.is_empty() {
        text += " Labels:\n";
        for label in &info.labels {
            text += &format!("  {label}\n");
        }
    }
    text + REST
}

fn swarm(swarm: &SwarmInfo) -> String {
    let mut text = format!(" Swarm: {}\n", swarm.local_node_state);
    if matches!(swarm.local_node_state.as_str(), "inactive" | "locked") {
        return text;
    }
    text += &format!("  NodeID: {}\n", swarm.node_id);
    if !swarm.error.is_empty() {
        text += &format!("  Error: {}\n", swarm.error);
    }
    text += &format!("  Is Manager: {}\n", swarm.control_available);
    let shown = swarm.control_available && swarm.error.is_empty() && swarm.local_node_state != "error";
    if let Some(cluster) = swarm.cluster.as_ref().filter(|_| shown) {
        text += &format!("  ClusterID: {}\n  Managers: {}\n  Nodes: {}\n", cluster.id, swarm.managers, swarm.nodes);
        let pools = cluster.default_addr_pool.iter().flatten();
        let pools: String = pools.map(|pool| format!("{pool}  ")).collect();
        if !pools.is_empty() {
            text += &format!("  Default Address Pool: {pools}\n  SubnetSize: {}\n", cluster.subnet_size);
        }
        let spec = &cluster.spec;
        text += &format!("  Data Path Port: {}\n", cluster.data_path_port);
        text += &format!("  Orchestration:\n   Task History Retention Limit: {}\n", spec.task_history_retention_limit);
        text += &format!("  Raft:\n   Snapshot Interval: {}\n", spec.snapshot_interval);
        text += &format!("   Number of Old Snapshots to Retain: {}\n", spec.keep_old_snapshots);
        text += &format!("   Heartbeat Tick: {}\n   Election Tick: {}\n", spec.heartbeat_tick, spec.election_tick);
        text += &format!("  Dispatcher:\n   Heartbeat Period: {}\n", human_duration(spec.heartbeat_period));
        text += &format!("  CA Configuration:\n   Expiry Duration: {}\n", human_duration(spec.node_cert_expiry));
        text += &format!("   Force Rotate: {}\n", spec.force_rotate);
        if !spec.signing_ca_cert.trim().is_empty() {
            text += &format!("   Signing CA Certificate: \n{}\n\n", spec.signing_ca_cert.trim());
        }
        if !spec.external_cas.is_empty() {
            text += "   External CAs:\n";
            let line = |ca: &ExternalCa| format!("     {}: {}\n", ca.protocol, ca.url);
            text.extend(spec.external_cas.iter().map(line));
        }
        text += &format!("  Autolock Managers: {}\n", spec.auto_lock_managers);
        text += &format!("  Root Rotation In Progress: {}\n", cluster.root_rotation_in_progress);
    }
    text += &format!("  Node Address: {}\n", swarm.node_addr);
    let mut managers: Vec<&str> = swarm.remote_managers.iter().flatten().map(|peer| peer.addr.as_str()).collect();
    managers.sort_unstable();
    if !managers.is_empty() {
        text += "  Manager Addresses:\n";
        for manager in managers {
            text += &format!("   {manager}\n");
        }
    }
    text
}

const VERSION_CLIENT: &str = "Client:
 Version:           29.7.2
 API version:       1.55
 Go version:        go1.26.6
 Git commit:        a7dcaa6
 Built:             Wed Aug  5 17:34:15 2026
 OS/Arch:           linux/amd64
 Context:           default
";

/// Shows the versions of client and engine.
pub fn version(context: &mut Context) -> Result<Finish, Stop> {
    let format = context.flags.text("format").unwrap_or("").to_owned();
    if format.is_empty() {
        context.out(VERSION_CLIENT);
        let version = context.version()??;
        context.out(engine(&version));
        return Ok(Finish::default());
    }
    let template = if format == "json" { None } else { Some(template(context, &format)?) };
    let version = context.version()??;
    // A template names the field, JSON has its other name.
    let api = if format.contains("json") { "ApiVersion" } else { "APIVersion" };
    let value = json!({
        "Client": {
            "Version": super::super::VERSION,
            api: "1.55",
            "DefaultAPIVersion": "1.55",
            "GitCommit": "a7dcaa6",
            "GoVersion": "go1.26.6",
            "Os": "linux",
            "Arch": "amd64",
            "BuildTime": "Wed Aug  5 17:34:15 2026",
            "Context": "default",
        },
        "Server": {
            "Version": version.version,
            api: version.api_version,
            "MinAPIVersion": version.min_api_version,
            "GitCommit": "6a43e3d",
            "GoVersion": "go1.26.6",
            "Os": "linux",
            "Arch": "amd64",
            "BuildTime": "Wed Aug  5 18:24:27 2026",
        },
    });
    let text = match template {
        None => json::compact(&value, false),
        Some(template) => template
            .execute(&value, Missing::Object)
            .map_err(|error| Stop::Failed(format!("template parsing error: {error}")))?,
    };
    context.out(text + "\n");
    Ok(Finish::default())
}

fn engine(version: &Version) -> String {
    let Version { version, api_version, min_api_version } = version;
    format!(
        "\nServer:\n Engine:\n  Version:          {version}\n  API version:      {api_version} (minimum version \
         {min_api_version})\n  Go version:       go1.26.6\n  Git commit:       6a43e3d\n  Built:            Wed Aug  5 \
         18:24:27 2026\n  OS/Arch:          linux/amd64\n  Experimental:     false\n containerd:\n  Version:          \
         v2.3.3\n  GitCommit:        \n runc:\n  Version:          1.4.3\n  GitCommit:        v1.4.3\n docker-init:\n  \
         Version:          0.19.0\n  GitCommit:        \n"
    )
}
