//! All fields of `docker info`, in docker's order: what `--format` works on. What the model does not have is constant, as in the
//! text of `docker info` (a Debian host with cgroup v2). cli.md §5.7; recording docker-29/14.

use crate::swarm::api::Info;
use crate::swarm::api::time::rfc3339;
use serde_json::{Map, Value, json};

/// What the runtime says of itself: the same for both names under which the engine knows it.
const RUNC: &str = include_str!("runc-features.json");

/// The whole object; `now` is what the host's clock shows.
pub fn whole(info: &Info, now: i64) -> Value {
    let known = serde_json::to_value(info).unwrap_or(Value::Null);
    let own = |key: &str| known.get(key).cloned().unwrap_or(Value::Null);
    let runtime = || json!({ "path": "runc", "status": { "org.opencontainers.runtime-spec.features": RUNC } });
    let nothing = || Value::from("");
    let warnings = known.get("Warnings").cloned().unwrap_or(Value::Null);
    let fields: Vec<(&str, Value)> = vec![
        ("ID", own("ID")),
        ("Containers", own("Containers")),
        ("ContainersRunning", own("ContainersRunning")),
        ("ContainersPaused", own("ContainersPaused")),
        ("ContainersStopped", own("ContainersStopped")),
        ("Images", own("Images")),
        ("Driver", "overlayfs".into()),
        ("DriverStatus", json!([["driver-type", "io.containerd.snapshotter.v1"]])),
        (
            "Plugins",
            json!({
                "Volume": ["local"],
                "Network": ["bridge", "host", "ipvlan", "macvlan", "null", "overlay"],
                "Authorization": null,
                "Log": ["awslogs", "fluentd", "gcplogs", "gelf", "journald", "json-file", "local", "splunk", "syslog"],
            }),
        ),
        ("MemoryLimit", true.into()),
        ("SwapLimit", true.into()),
        ("CpuCfsPeriod", true.into()),
        ("CpuCfsQuota", true.into()),
        ("CPUShares", true.into()),
        ("CPUSet", true.into()),
        ("PidsLimit", true.into()),
        ("IPv4Forwarding", true.into()),
        ("Debug", false.into()),
        ("NFd", 50.into()),
        ("OomKillDisable", false.into()),
        ("NGoroutines", 208.into()),
        ("SystemTime", rfc3339(now).into()),
        ("LoggingDriver", "json-file".into()),
        ("CgroupDriver", "systemd".into()),
        ("CgroupVersion", "2".into()),
        ("NEventsListener", 0.into()),
        ("KernelVersion", "6.12.48".into()),
        ("OperatingSystem", "Debian GNU/Linux 12 (bookworm)".into()),
        ("OSVersion", "12".into()),
        ("OSType", own("OSType")),
        ("Architecture", own("Architecture")),
        ("IndexServerAddress", "https://index.docker.io/v1/".into()),
        (
            "RegistryConfig",
            json!({
                "InsecureRegistryCIDRs": ["127.0.0.0/8", "::1/128"],
                "IndexConfigs": {
                    "docker.io": { "Name": "docker.io", "Mirrors": [], "Secure": true, "Official": true },
                },
                "Mirrors": [],
            }),
        ),
        ("NCPU", own("NCPU")),
        ("MemTotal", own("MemTotal")),
        ("GenericResources", Value::Null),
        ("DockerRootDir", "/var/lib/docker".into()),
        ("HttpProxy", nothing()),
        ("HttpsProxy", nothing()),
        ("NoProxy", nothing()),
        ("Name", own("Name")),
        ("Labels", own("Labels")),
        ("ExperimentalBuild", false.into()),
        ("ServerVersion", own("ServerVersion")),
        ("Runtimes", json!({ "io.containerd.runc.v2": runtime(), "runc": runtime() })),
        ("DefaultRuntime", "runc".into()),
        ("Swarm", own("Swarm")),
        ("LiveRestoreEnabled", false.into()),
        ("Isolation", nothing()),
        ("InitBinary", "docker-init".into()),
        ("ContainerdCommit", json!({ "ID": "" })),
        ("RuncCommit", json!({ "ID": "v1.4.3" })),
        ("InitCommit", json!({ "ID": "" })),
        ("SecurityOptions", json!(["name=seccomp,profile=builtin", "name=cgroupns"])),
        (
            "FirewallBackend",
            json!({
                "Driver": "iptables",
                "Info": [["EnableUserlandProxy", "true"], ["UserlandProxyPath", "/usr/bin/docker-proxy"]],
            }),
        ),
        ("CDISpecDirs", json!(["/etc/cdi", "/var/run/cdi"])),
        (
            "Containerd",
            json!({
                "Address": "/run/containerd/containerd.sock",
                "Namespaces": { "Containers": "moby", "Plugins": "plugins.moby" },
            }),
        ),
        ("Warnings", warnings),
        (
            "ClientInfo",
            json!({
                "Debug": false,
                "Version": crate::docker::VERSION,
                "DefaultAPIVersion": "1.55",
                "GitCommit": "a7dcaa6",
                "GoVersion": "go1.26.6",
                "Os": "linux",
                "Arch": "amd64",
                "BuildTime": "Wed Aug  5 17:34:15 2026",
                "Context": "default",
                "Plugins": [],
                "Warnings": null,
            }),
        ),
    ];
    Value::Object(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>())
}
