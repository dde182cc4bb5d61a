//! Flags of all commands but `service create` and `service update`.
//!
//! cli.md §5.

use crate::docker::flags::{Flag, Kind};

const FILTER: Flag = Flag::new("filter", Kind::Filter, "Show only what matches these conditions").short('f');
/// The form of a list.
pub const TEMPLATE: Flag = Flag::new(
    "format",
    Kind::Text,
    "Form of the output: 'table', 'table TEMPLATE', 'json', or a Go template for each row",
);
const QUIET_IDS: Flag = Flag::new("quiet", Kind::Bool, "Print only the IDs").short('q');
const WHOLE: Flag = Flag::new("no-trunc", Kind::Bool, "Print everything in full length");
const UNRESOLVED: Flag = Flag::new("no-resolve", Kind::Bool, "Print IDs in the place of names");

/// Of lists.
pub const LIST: &[Flag] = &[FILTER, TEMPLATE, QUIET_IDS];
/// Of lists that truncate.
pub const NO_TRUNC: &[Flag] = &[WHOLE];
/// Of lists of tasks.
pub const TASKS: &[Flag] = &[FILTER, TEMPLATE, QUIET_IDS, WHOLE, UNRESOLVED];
/// Of `network create`.
pub const NETWORK_CREATE: &[Flag] = &[
    Flag::new("attachable", Kind::Bool, "Containers that no service owns may join it"),
    Flag::new("aux-address", Kind::List, "Addresses that the driver itself uses").default("map[]").unmodelled(),
    Flag::new("config-from", Kind::Text, "The network to take the settings from").unmodelled(),
    Flag::new("config-only", Kind::Bool, "Make settings only, for other networks to take").unmodelled(),
    Flag::new("driver", Kind::Text, "What makes it").short('d').default(r#""bridge""#),
    Flag::new("gateway", Kind::List, "Address of the gateway of a subnet"),
    Flag::new("ingress", Kind::Bool, "Make it the network of the routing mesh"),
    Flag::new("internal", Kind::Bool, "Leave no way out of it"),
    Flag::new("ip-range", Kind::List, "Part of a subnet that addresses are taken from"),
    Flag::new("ipam-driver", Kind::Text, "What gives addresses").default("default").unmodelled(),
    Flag::new("ipam-opt", Kind::List, "Options of what gives addresses").default("map[]").unmodelled(),
    Flag::new("ipv4", Kind::Bool, "Give addresses of IP version 4").default("true"),
    Flag::new("ipv6", Kind::Bool, "Give addresses of IP version 6").unmodelled(),
    Flag::new("label", Kind::LabelList, "A label of the network"),
    Flag::new("opt", Kind::List, "An option of the driver").short('o').default("map[]"),
    Flag::new("scope", Kind::Text, "Where it is known").unmodelled(),
    Flag::new("subnet", Kind::List, "A subnet in CIDR notation"),
];
/// Of `network inspect`.
pub const NETWORK_INSPECT: &[Flag] = &[
    Flag::new("format", Kind::Text, "Form of the output: 'json', or a Go template").short('f'),
    Flag::new("verbose", Kind::Bool, "Show the services on it, too").short('v').unmodelled(),
];
/// Of `network rm`.
pub const NETWORK_RM: &[Flag] = &[Flag::new("force", Kind::Bool, "What is not there is no error").short('f')];
/// Of `network prune`.
pub const NETWORK_PRUNE: &[Flag] = &[
    Flag::new("filter", Kind::Filter, "Remove only what matches these conditions"),
    Flag::new("force", Kind::Bool, "Do not ask").short('f'),
];
/// Of `secret create`.
pub const SECRET_CREATE: &[Flag] = &[
    Flag::new("driver", Kind::Text, "What keeps its content").short('d').unmodelled(),
    Flag::new("label", Kind::LabelList, "A label of the secret").short('l'),
    Flag::new("template-driver", Kind::Text, "What fills in its content where it is used"),
];
/// Of `config create`.
pub const CONFIG_CREATE: &[Flag] = &[
    Flag::new("label", Kind::LabelList, "A label of the config").short('l'),
    Flag::new("template-driver", Kind::Text, "What fills in its content where it is used"),
];
/// Of info and version.
pub const FORMAT: &[Flag] =
    &[Flag::new("format", Kind::Text, "Form of the output: 'json', or a Go template").short('f')];
/// Of inspect.
pub const INSPECT: &[Flag] = &[
    Flag::new("format", Kind::Text, "Form of the output: 'json', or a Go template").short('f'),
    Flag::new("pretty", Kind::Bool, "Print it for people to read"),
];

/// Of `node update`.
pub const NODE_UPDATE: &[Flag] = &[
    Flag::new("availability", Kind::Text, r#"Whether tasks may run there: "active", "pause" or "drain""#),
    Flag::new("label-add", Kind::List, "Set a label of the node (key=value)"),
    Flag::new("label-rm", Kind::List, "Take a label of the node away"),
    Flag::new("role", Kind::Text, r#"What the node is: "worker" or "manager""#),
];
/// Of `node rm`.
pub const NODE_RM: &[Flag] = &[Flag::new("force", Kind::Bool, "Remove a node that is not down, too").short('f')];

const AVAILABILITY: Flag =
    Flag::new("availability", Kind::Text, r#"Whether tasks may run here: "active", "pause" or "drain""#)
        .default(r#""active""#);
const ADVERTISE: Flag =
    Flag::new("advertise-addr", Kind::Text, "Address that the others use for this node: <ip|interface>[:port]");
const LISTEN: Flag =
    Flag::new("listen-addr", Kind::NodeAddress, "Address to listen on: <ip|interface>[:port]").default("0.0.0.0:2377");
const DATA_PATH: Flag =
    Flag::new("data-path-addr", Kind::Text, "Address for the traffic of containers: <ip|interface>");
const CERT_EXPIRY: Flag =
    Flag::new("cert-expiry", Kind::Duration, "How long node certificates are valid (ns|us|ms|s|m|h)")
        .default("2160h0m0s");
const EXTERNAL_CA: Flag = Flag::new("external-ca", Kind::ExternalCa, "Where else certificates are signed");

/// Of `swarm init`.
pub const SWARM_INIT: &[Flag] = &[
    ADVERTISE,
    AVAILABILITY,
    LISTEN,
    DATA_PATH,
    Flag::new("autolock", Kind::Bool, "Lock managers: each restart asks for the unlock key"),
    Flag::new("data-path-port", Kind::Uint32, "Port for the traffic of containers (1024 - 49151; 0: 4789)"),
    Flag::new("default-addr-pool", Kind::Networks, "Address pool of overlay networks (CIDR)").default("[]"),
    Flag::new("default-addr-pool-mask-length", Kind::Uint32, "Prefix length of networks from the pool").default("24"),
    Flag::new("force-new-cluster", Kind::Bool, "Begin a new cluster of one from this manager's state"),
];
/// Of `swarm init` and `swarm update`.
pub const SWARM_SETTINGS: &[Flag] = &[
    CERT_EXPIRY,
    EXTERNAL_CA,
    Flag::new("dispatcher-heartbeat", Kind::Duration, "How often nodes report (ns|us|ms|s|m|h)").default("5s"),
    Flag::new("max-snapshots", Kind::Uint, "How many older Raft snapshots are kept"),
    Flag::new("snapshot-interval", Kind::Uint, "Raft entries from one snapshot to the next").default("10000"),
    Flag::new("task-history-limit", Kind::Int, "Tasks that are kept for each slot").default("5"),
];
/// Of `swarm update`.
pub const AUTOLOCK: &[Flag] = &[Flag::new("autolock", Kind::Bool, "Whether managers lock (true|false)")];
/// Of `swarm ca`.
pub const SWARM_CA: &[Flag] = &[
    CERT_EXPIRY,
    EXTERNAL_CA,
    Flag::new("ca-cert", Kind::PemFile, "File with the root certificate to use from now on (PEM)"),
    Flag::new("ca-key", Kind::PemFile, "File with the key of that certificate (PEM)"),
    Flag::new("detach", Kind::Bool, "Do not wait until all nodes have the new root").short('d'),
    Flag::new("quiet", Kind::Bool, "Do not show the progress").short('q'),
    Flag::new("rotate", Kind::Bool, "Replace the root: by the one given, or else by a new one"),
];
/// Of `swarm join`.
pub const SWARM_JOIN: &[Flag] =
    &[ADVERTISE, AVAILABILITY, LISTEN, DATA_PATH, Flag::new("token", Kind::Text, "The token that admits to the swarm")];
/// Of `swarm join-token`.
pub const JOIN_TOKEN: &[Flag] = &[
    Flag::new("quiet", Kind::Bool, "Print only the token").short('q'),
    Flag::new("rotate", Kind::Bool, "Replace the token first"),
];
/// Of `swarm unlock-key`.
pub const UNLOCK_KEY: &[Flag] = &[
    Flag::new("quiet", Kind::Bool, "Print only the key").short('q'),
    Flag::new("rotate", Kind::Bool, "Replace the key first"),
];
/// Of `swarm leave`.
pub const LEAVE: &[Flag] = &[Flag::new("force", Kind::Bool, "Leave without regard to what the swarm loses").short('f')];

const TIMESTAMPS: Flag = Flag::new("timestamps", Kind::Bool, "Begin each line with its time").short('t');
const SINCE: Flag =
    Flag::new("since", Kind::Text, r#"Only what was written since a time ("2026-01-05T09:00:00Z") or age ("42m")"#);
const TAIL: Flag = Flag::new("tail", Kind::Text, "Only the last so many lines of each").short('n').default(r#""all""#);
const FOLLOW: Flag = Flag::new("follow", Kind::Bool, "Wait for more").short('f');
const DETAILS: Flag = Flag::new("details", Kind::Bool, "Print the details that the log has, too");

/// Of `service logs`.
pub const SERVICE_LOGS: &[Flag] = &[
    DETAILS,
    FOLLOW,
    UNRESOLVED,
    Flag::new("no-task-ids", Kind::Bool, "Leave the IDs of tasks out"),
    WHOLE,
    Flag::new("raw", Kind::Bool, "Print only what was written"),
    SINCE,
    TAIL,
    TIMESTAMPS,
];
/// Of `logs`.
pub const LOGS: &[Flag] = &[
    DETAILS,
    FOLLOW,
    SINCE,
    TAIL,
    TIMESTAMPS,
    Flag::new("until", Kind::Text, "Only what was written before a time or age").unmodelled(),
];

/// Of `ps`.
pub const PS: &[Flag] = &[
    Flag::new("all", Kind::Bool, "List those that do not run, too").short('a'),
    FILTER,
    TEMPLATE,
    Flag::new("last", Kind::Int, "List the newest so many, running or not").short('n').default("-1"),
    Flag::new("latest", Kind::Bool, "List the newest one, running or not").short('l'),
    WHOLE,
    QUIET_IDS,
    Flag::new("size", Kind::Bool, "Show sizes").short('s').unmodelled(),
];
/// Of `rm`.
pub const RM: &[Flag] = &[
    Flag::new("force", Kind::Bool, "Kill it first if it runs").short('f'),
    Flag::new("link", Kind::Bool, "Remove a link").short('l').unmodelled(),
    Flag::new("volumes", Kind::Bool, "Remove its anonymous volumes, too").short('v'),
];
/// Of `stop`.
pub const STOP: &[Flag] = &[
    Flag::new("signal", Kind::Text, "The signal that asks it to stop").short('s'),
    Flag::new("timeout", Kind::Int, "Seconds until it is killed").short('t'),
];
/// Of `start`.
pub const START: &[Flag] = &[
    Flag::new("attach", Kind::Bool, "Show what it writes").short('a'),
    Flag::new("interactive", Kind::Bool, "Let it read from here").short('i'),
];
/// Of `images`.
pub const IMAGES: &[Flag] = &[
    Flag::new("all", Kind::Bool, "Show all").short('a'),
    FILTER_UNMODELLED,
    TEMPLATE,
    WHOLE,
    QUIET_IDS,
    Flag::new("digests", Kind::Bool, "Show digests").unmodelled(),
    Flag::new("tree", Kind::Bool, "Show the platforms of each"),
];
const FILTER_UNMODELLED: Flag = FILTER.unmodelled();
/// Of `pull`.
pub const PULL: &[Flag] = &[
    Flag::new("quiet", Kind::Bool, "Print only the name").short('q'),
    Flag::new("all-tags", Kind::Bool, "Pull every tag").short('a').unmodelled(),
    Flag::new("platform", Kind::Text, "Pull for another platform").unmodelled(),
];
/// Of `rmi`.
pub const RMI: &[Flag] = &[
    Flag::new("force", Kind::Bool, "Remove it from under containers, too").short('f'),
    Flag::new("no-prune", Kind::Bool, "Keep what it was made from").unmodelled(),
];
/// Of `inspect`.
pub const INSPECT_ANY: &[Flag] = &[
    Flag::new("format", Kind::Text, "Form of the output: 'json', or a Go template").short('f'),
    Flag::new("size", Kind::Bool, "Show sizes").short('s').unmodelled(),
    Flag::new("type", Kind::Text, "Only objects of this kind"),
];
/// Of `kill`.
pub const KILL: &[Flag] = &[Flag::new("signal", Kind::Text, "The signal to send").short('s')];
