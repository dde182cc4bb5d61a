//! Flags of `run`, `create`, `exec`, `events` and of the volumes.
//!
//! cli.md §5.8, §5.9.

use crate::docker::flags::{Flag, Kind};

/// Of `run` and `create`.
pub const CONTAINER: &[Flag] = &[
    Flag::new("add-host", Kind::HostList, "A further line of its hosts file (host:ip)"),
    Flag::new("attach", Kind::List, "Show this stream (STDIN, STDOUT, STDERR)").short('a'),
    Flag::new("cap-add", Kind::List, "Grant a capability").unmodelled(),
    Flag::new("cap-drop", Kind::List, "Take a capability away").unmodelled(),
    Flag::new("cpus", Kind::Cpus, "How many CPUs it may use"),
    Flag::new("dns", Kind::DnsList, "A nameserver"),
    Flag::new("dns-search", Kind::DomainList, "A domain for short names"),
    Flag::new("entrypoint", Kind::Text, "The program, in the place of the image's"),
    Flag::new("env", Kind::EnvList, "Set a variable").short('e'),
    Flag::new("env-file", Kind::List, "Set the variables of a file"),
    Flag::new("expose", Kind::List, "Make a port known"),
    Flag::new("health-cmd", Kind::Text, "The command that checks its health"),
    Flag::new("health-interval", Kind::Health, "From one check to the next"),
    Flag::new("health-retries", Kind::Int, "Failures until it is unhealthy"),
    Flag::new("health-start-interval", Kind::Health, "From one check to the next while it starts"),
    Flag::new("health-start-period", Kind::Health, "So long failures do not count"),
    Flag::new("health-timeout", Kind::Health, "A check may take so long"),
    Flag::new("hostname", Kind::Text, "Its hostname").short('h'),
    Flag::new("init", Kind::Bool, "Run an init process as process 1"),
    Flag::new("interactive", Kind::Bool, "Keep its stdin open").short('i'),
    Flag::new("ip", Kind::Text, "Its address on its first network"),
    Flag::new("label", Kind::LabelList, "A label of the container").short('l'),
    Flag::new("link", Kind::List, "Link it to another container").unmodelled(),
    Flag::new("log-driver", Kind::Text, "What keeps its log").unmodelled(),
    Flag::new("memory", Kind::Bytes, "How much memory it may use").short('m'),
    Flag::new("mount", Kind::Mount, "Mount something into it"),
    Flag::new("name", Kind::Text, "Its name"),
    Flag::new("network", Kind::Network, "A network to be on"),
    Flag::new("network-alias", Kind::List, "Another name on its network"),
    Flag::new("no-healthcheck", Kind::Bool, "Do without the image's health check"),
    Flag::new("oom-score-adj", Kind::Int, "How readily the host kills it for memory (-1000 to 1000)"),
    Flag::new("platform", Kind::Text, "The platform of the image").unmodelled(),
    Flag::new("privileged", Kind::Bool, "Let it do everything"),
    Flag::new("publish", Kind::List, "Publish a port on the host").short('p'),
    Flag::new("publish-all", Kind::Bool, "Publish all ports of the image").short('P'),
    Flag::new("pull", Kind::Text, "Fetch the image first: always, missing, never").default(r#""missing""#),
    Flag::new("quiet", Kind::Bool, "Say nothing of a pull").short('q'),
    Flag::new("read-only", Kind::Bool, "Let it write nothing"),
    Flag::new("restart", Kind::Text, "When it is started again").default(r#""no""#),
    Flag::new("rm", Kind::Bool, "Remove it when it has ended"),
    Flag::new("stop-signal", Kind::Text, "The signal that asks it to stop"),
    Flag::new("stop-timeout", Kind::Int, "Seconds until it is killed"),
    Flag::new("tmpfs", Kind::List, "Mount memory into it"),
    Flag::new("tty", Kind::Bool, "Give it a terminal").short('t'),
    Flag::new("user", Kind::Text, "Who its program runs as").short('u'),
    Flag::new("volume", Kind::List, "Mount a volume or a folder into it").short('v'),
    Flag::new("workdir", Kind::Text, "Where its program begins").short('w'),
];
/// Of `run` alone.
pub const RUN: &[Flag] = &[
    Flag::new("detach", Kind::Bool, "Do not look on; print its ID").short('d'),
    Flag::new("detach-keys", Kind::Text, "The keys that end the looking on").unmodelled(),
    Flag::new("sig-proxy", Kind::Bool, "Hand signals on to it").default("true"),
];
/// Of `exec`.
pub const EXEC: &[Flag] = &[
    Flag::new("detach", Kind::Bool, "Do not wait for its end").short('d'),
    Flag::new("detach-keys", Kind::Text, "The keys that end the looking on").unmodelled(),
    Flag::new("env", Kind::EnvList, "Set a variable").short('e'),
    Flag::new("env-file", Kind::List, "Set the variables of a file").unmodelled(),
    Flag::new("interactive", Kind::Bool, "Keep its stdin open").short('i'),
    Flag::new("privileged", Kind::Bool, "Let it do everything"),
    Flag::new("tty", Kind::Bool, "Give it a terminal").short('t'),
    Flag::new("user", Kind::Text, "Who it runs as").short('u'),
    Flag::new("workdir", Kind::Text, "Where it begins").short('w'),
];
/// Of `attach`.
pub const ATTACH: &[Flag] = &[
    Flag::new("detach-keys", Kind::Text, "The keys that end the looking on").unmodelled(),
    Flag::new("no-stdin", Kind::Bool, "Do not let it read from here"),
    Flag::new("sig-proxy", Kind::Bool, "Hand signals on to it").default("true"),
];
/// Of `container prune`.
pub const PRUNE: &[Flag] = &[
    Flag::new("filter", Kind::Filter, "Remove only what matches these conditions"),
    Flag::new("force", Kind::Bool, "Do not ask").short('f'),
];
/// Of `events`.
pub const EVENTS: &[Flag] = &[
    Flag::new("filter", Kind::Filter, "Show only what matches these conditions").short('f'),
    Flag::new("format", Kind::Text, "Form of the output: 'json', or a Go template"),
    Flag::new("since", Kind::Text, "Show what happened since a time or age, too"),
    Flag::new("until", Kind::Text, "Show only what happens until a time or age"),
];
/// Of `network connect`.
pub const NETWORK_CONNECT: &[Flag] = &[
    Flag::new("alias", Kind::List, "Another name there"),
    Flag::new("driver-opt", Kind::List, "An option of the driver").unmodelled(),
    Flag::new("gw-priority", Kind::Int, "Which of several ways out is taken").unmodelled(),
    Flag::new("ip", Kind::Text, "Its address there"),
    Flag::new("ip6", Kind::Text, "Its address of version 6 there").unmodelled(),
    Flag::new("link", Kind::List, "Link it to another container").unmodelled(),
    Flag::new("link-local-ip", Kind::List, "A link-local address").unmodelled(),
];
/// Of `network disconnect`.
pub const NETWORK_DISCONNECT: &[Flag] =
    &[Flag::new("force", Kind::Bool, "Even if the container is not known any more").short('f')];
/// Of `volume create`.
pub const VOLUME_CREATE: &[Flag] = &[
    Flag::new("driver", Kind::Text, "What keeps it").short('d').default(r#""local""#),
    Flag::new("label", Kind::LabelList, "A label of the volume"),
    Flag::new("name", Kind::Text, "Its name"),
    Flag::new("opt", Kind::List, "An option of the driver").short('o').default("map[]"),
];
/// Of `volume rm`.
pub const VOLUME_RM: &[Flag] = &[Flag::new("force", Kind::Bool, "What is not there is no error").short('f')];
/// Of `volume prune`.
pub const VOLUME_PRUNE: &[Flag] = &[
    Flag::new("all", Kind::Bool, "Volumes with names, too").short('a'),
    Flag::new("filter", Kind::Filter, "Remove only what matches these conditions"),
    Flag::new("force", Kind::Bool, "Do not ask").short('f'),
];
