//! Flags of `service create` and `service update`, all of them; those without effect in the model say so.
//!
//! cli.md §7.1, §8.

use crate::docker::flags::{Flag, Kind};

const DETACHED: Flag = Flag::new("detach", Kind::Bool, "Return at once, without waiting for the tasks").short('d');
const QUIET: Flag = Flag::new("quiet", Kind::Bool, "Wait, but print no progress").short('q');

/// Of `service scale`.
pub const DETACH: &[Flag] = &[DETACHED];
/// Of `service rollback`.
pub const WAIT: &[Flag] = &[DETACHED, QUIET];

/// Of create and update alike.
pub const COMMON: &[Flag] = &[
    DETACHED,
    QUIET,
    Flag::new("cap-add", Kind::List, "Give the container a capability"),
    Flag::new("cap-drop", Kind::List, "Take a capability from the container"),
    Flag::new("credential-spec", Kind::CredentialSpec, "Credentials of a managed account (Windows)"),
    Flag::new("entrypoint", Kind::Words, "Run this in the place of the image's entrypoint"),
    Flag::new("health-cmd", Kind::Text, "Command that tests the container's health"),
    Flag::new("health-interval", Kind::Health, "Time from one health test to the next"),
    Flag::new("health-retries", Kind::Int, "Failed tests in a row that mean unhealthy"),
    Flag::new("health-start-interval", Kind::Health, "Time between tests in the start period"),
    Flag::new("health-start-period", Kind::Health, "Time in which failed tests do not count"),
    Flag::new("health-timeout", Kind::Health, "Time that one test may take"),
    Flag::new("no-healthcheck", Kind::Bool, "Switch the image's health test off"),
    Flag::new("hostname", Kind::Text, "The container's hostname"),
    Flag::new("init", Kind::Bool, "Run an init process that passes signals on and reaps"),
    Flag::new("isolation", Kind::Text, "The container's isolation mode"),
    Flag::new("limit-cpu", Kind::Cpus, "CPUs that a task may use at most"),
    Flag::new("limit-memory", Kind::Bytes, "Memory that a task may use at most"),
    Flag::new("limit-pids", Kind::Int, "Processes that a task may have at most (0: without limit)"),
    Flag::new("log-driver", Kind::Text, "The logging driver"),
    Flag::new("log-opt", Kind::EnvList, "An option of the logging driver"),
    Flag::new("max-concurrent", Kind::Uint, "Tasks of a job that may run at once (as many as --replicas)"),
    Flag::new("memory-swap", Kind::Swap, "Memory and swap together (-1: without limit)"),
    Flag::new("memory-swappiness", Kind::Int, "Inclination to swap (0-100; -1: the host's)").default("-1"),
    Flag::new("no-resolve-image", Kind::Bool, "Do not ask the registry for the image's digest"),
    Flag::new("oom-score-adj", Kind::Int, "How readily the host kills it for memory (-1000 to 1000)"),
    Flag::new("read-only", Kind::Bool, "Mount the container's root file system read-only"),
    Flag::new("replicas", Kind::Uint, "How many tasks"),
    Flag::new("replicas-max-per-node", Kind::Uint, "Tasks that one node may have at most (0: without limit)"),
    Flag::new("reserve-cpu", Kind::Cpus, "CPUs that a node must have free"),
    Flag::new("reserve-memory", Kind::Bytes, "Memory that a node must have free"),
    Flag::new("stop-signal", Kind::Text, "The signal that asks the container to stop"),
    Flag::new("tty", Kind::Bool, "Give the container a terminal").short('t'),
    Flag::new("user", Kind::Text, "User of the process: <name|uid>[:<group|gid>]").short('u'),
    Flag::new("with-registry-auth", Kind::Bool, "Pass registry credentials on to the nodes"),
    Flag::new("workdir", Kind::Text, "Working directory in the container").short('w'),
];

/// Of create only.
pub const CREATE: &[Flag] = &[
    Flag::new("config", Kind::Config, "A config to give to the tasks"),
    Flag::new("constraint", Kind::List, "A condition that nodes must meet"),
    Flag::new("container-label", Kind::LabelList, "A label of the containers"),
    Flag::new("dns", Kind::DnsList, "A DNS server"),
    Flag::new("dns-option", Kind::List, "A DNS option"),
    Flag::new("dns-search", Kind::DomainList, "A DNS search domain"),
    Flag::new("env", Kind::EnvList, "An environment variable").short('e'),
    Flag::new("env-file", Kind::List, "A file of environment variables"),
    Flag::new("generic-resource", Kind::GenericResource, "A resource of your own kind"),
    Flag::new("group", Kind::List, "A further group of the process"),
    Flag::new("host", Kind::HostList, "A line of /etc/hosts (host:ip)"),
    Flag::new("label", Kind::LabelList, "A label of the service").short('l'),
    Flag::new("mode", Kind::Text, r#"Kind of service: "replicated", "global", "replicated-job" or "global-job""#)
        .default(r#""replicated""#),
    Flag::new("mount", Kind::Mount, "A mount"),
    Flag::new("name", Kind::Text, "The service's name"),
    Flag::new("network", Kind::Network, "A network to attach the tasks to"),
    Flag::new("placement-pref", Kind::Preference, "How to spread the tasks (spread=LABEL)"),
    Flag::new("publish", Kind::Port, "A port to open on the nodes").short('p'),
    Flag::new("secret", Kind::Secret, "A secret to give to the tasks"),
    Flag::new("sysctl", Kind::List, "A kernel setting of the container"),
    Flag::new("ulimit", Kind::Ulimit, "A limit of the process").default("[]"),
];

/// Of create: what update has without a default.
pub const CREATE_DEFAULTS: &[Flag] = &[
    ENDPOINT_MODE.default(r#""vip""#),
    STOP_GRACE.default("10s"),
    RESTART_CONDITION.default(r#""any""#),
    RESTART_DELAY.default("5s"),
    RESTART_ATTEMPTS,
    RESTART_WINDOW,
    ROLLBACK_DELAY.default("0s"),
    ROLLBACK_ACTION.default(r#""pause""#),
    ROLLBACK_RATIO.default("0"),
    ROLLBACK_MONITOR.default("5s"),
    ROLLBACK_ORDER.default(r#""stop-first""#),
    ROLLBACK_PARALLELISM.default("1"),
    UPDATE_DELAY.default("0s"),
    UPDATE_ACTION.default(r#""pause""#),
    UPDATE_RATIO.default("0"),
    UPDATE_MONITOR.default("5s"),
    UPDATE_ORDER.default(r#""stop-first""#),
    UPDATE_PARALLELISM.default("1"),
];

/// Of update: the same without defaults.
pub const UPDATE_DEFAULTS: &[Flag] = &[
    ENDPOINT_MODE,
    STOP_GRACE,
    RESTART_CONDITION,
    RESTART_DELAY,
    RESTART_ATTEMPTS,
    RESTART_WINDOW,
    ROLLBACK_DELAY,
    ROLLBACK_ACTION,
    ROLLBACK_RATIO,
    ROLLBACK_MONITOR,
    ROLLBACK_ORDER,
    ROLLBACK_PARALLELISM,
    UPDATE_DELAY,
    UPDATE_ACTION,
    UPDATE_RATIO,
    UPDATE_MONITOR,
    UPDATE_ORDER,
    UPDATE_PARALLELISM,
];

const ENDPOINT_MODE: Flag = Flag::new("endpoint-mode", Kind::Text, "How the service's name resolves: vip or dnsrr");
const STOP_GRACE: Flag = Flag::new("stop-grace-period", Kind::Duration, "Time from the stop signal to SIGKILL");
const RESTART_CONDITION: Flag =
    Flag::new("restart-condition", Kind::Text, r#"When an ended task is replaced: "none", "on-failure" or "any""#);
const RESTART_DELAY: Flag = Flag::new("restart-delay", Kind::Duration, "Time before a replacement starts");
const RESTART_ATTEMPTS: Flag =
    Flag::new("restart-max-attempts", Kind::Uint, "Replacements after which a slot is given up");
const RESTART_WINDOW: Flag = Flag::new("restart-window", Kind::Duration, "Time in which those are counted");
const ROLLBACK_DELAY: Flag = Flag::new("rollback-delay", Kind::Duration, "Time between batches of a rollback");
const ROLLBACK_ACTION: Flag =
    Flag::new("rollback-failure-action", Kind::Text, r#"What a failed rollback does: "pause" or "continue""#);
const ROLLBACK_RATIO: Flag =
    Flag::new("rollback-max-failure-ratio", Kind::Float, "Share of failures that a rollback tolerates");
const ROLLBACK_MONITOR: Flag =
    Flag::new("rollback-monitor", Kind::Duration, "Time in which a task rolled back is watched for failure");
const ROLLBACK_ORDER: Flag =
    Flag::new("rollback-order", Kind::Text, r#"Order within a slot: "start-first" or "stop-first""#);
const ROLLBACK_PARALLELISM: Flag = Flag::new("rollback-parallelism", Kind::Uint, "Slots rolled back at once (0: all)");
const UPDATE_DELAY: Flag = Flag::new("update-delay", Kind::Duration, "Time between batches of an update");
const UPDATE_ACTION: Flag =
    Flag::new("update-failure-action", Kind::Text, r#"What a failed update does: "pause", "continue" or "rollback""#);
const UPDATE_RATIO: Flag =
    Flag::new("update-max-failure-ratio", Kind::Float, "Share of failures that an update tolerates");
const UPDATE_MONITOR: Flag =
    Flag::new("update-monitor", Kind::Duration, "Time in which an updated task is watched for failure");
const UPDATE_ORDER: Flag =
    Flag::new("update-order", Kind::Text, r#"Order within a slot: "start-first" or "stop-first""#);
const UPDATE_PARALLELISM: Flag = Flag::new("update-parallelism", Kind::Uint, "Slots updated at once (0: all)");

/// Of update only.
pub const UPDATE: &[Flag] = &[
    Flag::new("args", Kind::Words, "Arguments of the container's command"),
    Flag::new("config-add", Kind::Config, "Give the tasks a config"),
    Flag::new("config-rm", Kind::List, "Take a config away"),
    Flag::new("constraint-add", Kind::List, "Set a condition that nodes must meet"),
    Flag::new("constraint-rm", Kind::List, "Drop a condition"),
    Flag::new("container-label-add", Kind::LabelList, "Set a label of the containers"),
    Flag::new("container-label-rm", Kind::List, "Drop a label of the containers"),
    Flag::new("dns-add", Kind::DnsList, "Add a DNS server"),
    Flag::new("dns-option-add", Kind::List, "Add a DNS option"),
    Flag::new("dns-option-rm", Kind::List, "Drop a DNS option"),
    Flag::new("dns-rm", Kind::List, "Drop a DNS server"),
    Flag::new("dns-search-add", Kind::DomainList, "Add a DNS search domain"),
    Flag::new("dns-search-rm", Kind::List, "Drop a DNS search domain"),
    Flag::new("env-add", Kind::EnvList, "Set an environment variable"),
    Flag::new("env-rm", Kind::List, "Drop an environment variable"),
    Flag::new("force", Kind::Bool, "Replace all tasks even if nothing changes"),
    Flag::new("generic-resource-add", Kind::GenericResource, "Add a resource of your own kind"),
    Flag::new("generic-resource-rm", Kind::List, "Drop a resource of your own kind"),
    Flag::new("group-add", Kind::List, "Add a further group of the process"),
    Flag::new("group-rm", Kind::List, "Drop a further group"),
    Flag::new("host-add", Kind::HostList, "Add a line of /etc/hosts (host:ip)"),
    Flag::new("host-rm", Kind::List, "Drop a line of /etc/hosts"),
    Flag::new("image", Kind::Text, "The image to run"),
    Flag::new("label-add", Kind::LabelList, "Set a label of the service"),
    Flag::new("label-rm", Kind::List, "Drop a label of the service"),
    Flag::new("mount-add", Kind::Mount, "Add or replace a mount"),
    Flag::new("mount-rm", Kind::List, "Drop a mount, by its target"),
    Flag::new("network-add", Kind::Network, "Attach a network"),
    Flag::new("network-rm", Kind::List, "Detach a network"),
    Flag::new("placement-pref-add", Kind::Preference, "Add a way to spread the tasks"),
    Flag::new("placement-pref-rm", Kind::Preference, "Drop a way to spread the tasks"),
    Flag::new("publish-add", Kind::Port, "Open a port on the nodes"),
    Flag::new("publish-rm", Kind::Port, "Close a port, by its target"),
    Flag::new("rollback", Kind::Bool, "Go back to the previous specification"),
    Flag::new("secret-add", Kind::Secret, "Give the tasks a secret"),
    Flag::new("secret-rm", Kind::List, "Take a secret away"),
    Flag::new("sysctl-add", Kind::List, "Set a kernel setting of the container"),
    Flag::new("sysctl-rm", Kind::List, "Drop a kernel setting"),
    Flag::new("ulimit-add", Kind::Ulimit, "Set a limit of the process").default("[]"),
    Flag::new("ulimit-rm", Kind::List, "Drop a limit of the process"),
];
