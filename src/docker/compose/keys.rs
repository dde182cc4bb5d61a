//! The keys of a compose file: since which version of the format each is there, what may stand behind it, and which form
//! its value takes once it is read. The order is that in which `stack config` prints them.
//!
//! Source: cli.md §10.2; the compose file reference, versions 3.0 to 3.13. Keys that `stack deploy` refuses outright
//! (`extends`, `mem_limit`, ..) are not here: `load` tells them before anything is checked.

use super::schema::{Names, Shape, Type};
use Shape::{Dict, Duration, Is, List, Natural, OneOf, Table, TableOr, Word};
use Type::{Flag, Integer, Mapping, Null, Number, Text};

/// Keys that belong together.
#[derive(Debug)]
pub struct Keys {
    /// In the order of Docker's own output.
    pub keys: &'static [Key],
    /// What is said of others.
    pub extra: Extra,
    /// Those that have to be there.
    pub required: &'static [&'static str],
}

/// What is said of keys that nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extra {
    /// They are refused.
    Refused,
    /// They may begin with `x-`, from version 3.4 on.
    Extensions,
    /// They are passed over.
    Open,
}

/// A key.
#[derive(Debug)]
pub struct Key {
    /// As it is written.
    pub name: &'static str,
    /// The minor version of the format that brought it.
    pub since: u32,
    /// What may stand behind it.
    shape: &'static Shape,
    /// Before this minor version, another shape.
    older: Option<(u32, &'static Shape)>,
    /// What becomes of it.
    pub form: Form,
}

impl Key {
    /// What may stand behind it in a version of the format.
    pub fn shape(&self, version: u32) -> &'static Shape {
        match self.older {
            Some((before, shape)) if version < before => shape,
            _ => self.shape,
        }
    }

    const fn since(self, since: u32) -> Key {
        Key { since, ..self }
    }

    const fn before(self, version: u32, shape: &'static Shape) -> Key {
        Key { older: Some((version, shape)), ..self }
    }
}

/// The form of a value once it is read. "Kept": also where it is zero, for it was said.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// A text.
    Text,
    /// True, or nothing.
    Flag,
    /// True or false; kept.
    Switch,
    /// A whole number.
    Number,
    /// A natural number of so many bits; kept.
    Count(u32),
    /// A ratio.
    Ratio,
    /// A duration, as Go writes it.
    Span,
    /// The same; kept.
    SpanKept,
    /// Bytes, in digits.
    Size,
    /// Words of a command line.
    Words,
    /// The test of a health check.
    Test,
    /// Texts; those of a later file are added.
    Texts,
    /// The same; a single text is a list of one.
    OneOrMore,
    /// Names and values.
    Pairs,
    /// The same; a name without a value is kept as such.
    Variables,
    /// `NAME:ADDRESS`.
    Hosts,
    /// Keys below it.
    Table(&'static Keys),
    /// The same; kept.
    TableKept(&'static Keys),
    /// A list of such.
    Rows(&'static Keys),
    /// What an image is built from: a folder, or keys.
    Build,
    /// Published ports.
    Ports,
    /// Mounts.
    Volumes,
    /// Secrets or configs of a service.
    Files,
    /// Networks of a service, by name.
    Networks,
    /// Limits of the process, by name.
    Ulimits,
    /// Whether something is there already, outside of the file.
    External,
}

const fn key(name: &'static str, shape: &'static Shape, form: Form) -> Key {
    Key { name, since: 0, shape, older: None, form }
}

const fn text(name: &'static str) -> Key {
    key(name, &TEXT, Form::Text)
}

const TEXT: Shape = Is(&[Text]);
const FLAG: Shape = Is(&[Flag]);
const INTEGER: Shape = Is(&[Integer]);
const NUMBER: Shape = Is(&[Number]);
const PLAIN_LIST: Shape = List { of: &TEXT, unique: false };
const TEXTS: Shape = List { of: &TEXT, unique: true };
const TEXT_OR_TEXTS: Shape = OneOf(&[Is(&[Text]), List { of: &TEXT, unique: true }]);
const COMMAND: Shape = OneOf(&[Is(&[Text]), List { of: &TEXT, unique: false }]);
const PAIRS: Shape = OneOf(&[
    Dict { names: Names::Any, of: &Is(&[Text, Number, Null]), closed: true },
    List { of: &TEXT, unique: true },
]);
const OPTIONS: Shape = Dict { names: Names::Any, of: &Is(&[Text, Number]), closed: false };
const EXTERNAL: Shape =
    TableOr(&[Flag, Mapping], &Keys { keys: &[text("name")], extra: Extra::Refused, required: &[] });
const OPEN_EXTERNAL: Shape =
    TableOr(&[Flag, Mapping], &Keys { keys: &[text("name")], extra: Extra::Open, required: &[] });

const fn closed(keys: &'static [Key]) -> Keys {
    Keys { keys, extra: Extra::Refused, required: &[] }
}

const fn open(keys: &'static [Key]) -> Keys {
    Keys { keys, extra: Extra::Open, required: &[] }
}

const fn extensible(keys: &'static [Key]) -> Keys {
    Keys { keys, extra: Extra::Extensions, required: &[] }
}

/// The whole file.
pub static TOP: Keys = extensible(&[
    text("version"),
    key("services", &Dict { names: Names::Object, of: &Table(&SERVICE), closed: true }, Form::Text),
    key(
        "networks",
        &Dict { names: Names::Object, of: &TableOr(&[Mapping, Null], &NETWORK), closed: false },
        Form::Text,
    ),
    key("volumes", &Dict { names: Names::Object, of: &TableOr(&[Mapping, Null], &VOLUME), closed: true }, Form::Text),
    key("secrets", &Dict { names: Names::Object, of: &Table(&SECRET), closed: true }, Form::Text).since(1),
    key("configs", &Dict { names: Names::Object, of: &Table(&CONFIG), closed: true }, Form::Text).since(3),
]);

/// A service.
pub static SERVICE: Keys = extensible(&[
    key("build", &OneOf(&[Is(&[Text]), Table(&BUILD)]), Form::Build),
    key("cap_add", &TEXTS, Form::Texts),
    key("cap_drop", &TEXTS, Form::Texts),
    text("cgroupns_mode").since(9),
    text("cgroup_parent"),
    key("command", &COMMAND, Form::Words),
    key("configs", &FILES, Form::Files).since(3),
    text("container_name"),
    key("credential_spec", &Table(&CREDENTIALS), Form::Table(&CREDENTIALS)).since(3),
    key("depends_on", &TEXTS, Form::Texts),
    key("deploy", &TableOr(&[Mapping, Null], &DEPLOY), Form::Table(&DEPLOY)),
    key("devices", &TEXTS, Form::Texts),
    key("dns", &TEXT_OR_TEXTS, Form::OneOrMore),
    key("dns_search", &TEXT_OR_TEXTS, Form::OneOrMore),
    text("domainname"),
    key("entrypoint", &COMMAND, Form::Words),
    key("environment", &PAIRS, Form::Variables),
    key("env_file", &TEXT_OR_TEXTS, Form::OneOrMore),
    key("expose", &List { of: &Is(&[Text, Number]), unique: true }, Form::Texts),
    key("external_links", &TEXTS, Form::Texts),
    key("extra_hosts", &PAIRS, Form::Hosts),
    text("hostname"),
    key("healthcheck", &Table(&HEALTHCHECK), Form::TableKept(&HEALTHCHECK)),
    text("image"),
    key("init", &FLAG, Form::Switch).since(7),
    text("ipc"),
    text("isolation").since(5),
    key("labels", &PAIRS, Form::Pairs),
    key("links", &TEXTS, Form::Texts),
    key("logging", &Table(&LOGGING), Form::TableKept(&LOGGING)),
    text("mac_address"),
    text("network_mode"),
    key("networks", &NETWORKS, Form::Networks),
    key("oom_score_adj", &INTEGER, Form::Number).since(13),
    key("pid", &Is(&[Text, Null]), Form::Text),
    key("ports", &PORTS, Form::Ports).before(2, &List { of: &Is(&[Text, Number]), unique: true }),
    key("privileged", &FLAG, Form::Flag),
    key("read_only", &FLAG, Form::Flag),
    text("restart"),
    key("secrets", &FILES, Form::Files).since(1),
    key("security_opt", &TEXTS, Form::Texts),
    key("shm_size", &Is(&[Number, Text]), Form::Text),
    key("stdin_open", &FLAG, Form::Flag),
    key("stop_grace_period", &Duration, Form::SpanKept),
    text("stop_signal"),
    key("sysctls", &PAIRS, Form::Pairs),
    key("tmpfs", &TEXT_OR_TEXTS, Form::OneOrMore),
    key("tty", &FLAG, Form::Flag),
    key("ulimits", &ULIMITS, Form::Ulimits),
    text("user"),
    text("userns_mode"),
    key("volumes", &VOLUMES, Form::Volumes).before(2, &List { of: &TEXT, unique: true }),
    text("working_dir"),
]);

/// What an image is built from; nothing is built here.
pub static BUILD: Keys = open(&[
    text("context"),
    text("dockerfile"),
    key("args", &PAIRS, Form::Variables),
    key("labels", &PAIRS, Form::Pairs),
    key("cache_from", &TEXTS, Form::OneOrMore),
    key("extra_hosts", &PAIRS, Form::Hosts),
    text("network"),
    text("target"),
]);

/// Where a managed account's credentials are.
pub static CREDENTIALS: Keys = closed(&[text("config").since(8), text("file"), text("registry")]);

/// A secret or a config of a service, in the long form.
pub static FILE: Keys =
    open(&[text("source"), text("target"), text("uid"), text("gid"), key("mode", &NUMBER, Form::Count(32))]);
const FILES: Shape = List { of: &OneOf(&[Is(&[Text]), Table(&FILE)]), unique: false };

/// How a service is run in a swarm.
pub static DEPLOY: Keys = closed(&[
    text("mode"),
    key("replicas", &INTEGER, Form::Count(64)),
    key("labels", &PAIRS, Form::Pairs),
    key("update_config", &Table(&UPDATE), Form::TableKept(&UPDATE)),
    key("rollback_config", &Table(&UPDATE), Form::TableKept(&UPDATE)).since(7),
    key("resources", &Table(&RESOURCES), Form::Table(&RESOURCES)),
    key("restart_policy", &Table(&RESTART), Form::TableKept(&RESTART)),
    key("placement", &Table(&PLACEMENT), Form::Table(&PLACEMENT)),
    text("endpoint_mode").since(2),
]);

/// How an update or a rollback goes.
pub static UPDATE: Keys = closed(&[
    key("parallelism", &INTEGER, Form::Count(64)),
    key("delay", &Duration, Form::Span),
    text("failure_action"),
    key("monitor", &Duration, Form::Span),
    key("max_failure_ratio", &NUMBER, Form::Ratio),
    key("order", &Word(&["start-first", "stop-first"]), Form::Text).since(4),
]);

/// Limits and reservations.
pub static RESOURCES: Keys = closed(&[
    key("limits", &Table(&LIMITS), Form::TableKept(&LIMITS)),
    key("reservations", &Table(&RESERVATIONS), Form::TableKept(&RESERVATIONS)),
]);
/// What a task may not exceed.
pub static LIMITS: Keys =
    closed(&[text("cpus"), key("memory", &TEXT, Form::Size), key("pids", &INTEGER, Form::Number).since(9)]);
/// What its node must have free.
pub static RESERVATIONS: Keys = closed(&[
    text("cpus"),
    key("memory", &TEXT, Form::Size),
    key("generic_resources", &List { of: &Table(&GENERIC), unique: false }, Form::Rows(&GENERIC)).since(5),
]);
/// A resource of the user's own kind.
pub static GENERIC: Keys = closed(&[key("discrete_resource_spec", &Table(&DISCRETE), Form::TableKept(&DISCRETE))]);
/// So many of a kind.
pub static DISCRETE: Keys = closed(&[text("kind"), key("value", &NUMBER, Form::Number)]);

/// Whether and when an ended task is replaced.
pub static RESTART: Keys = closed(&[
    text("condition"),
    key("delay", &Duration, Form::SpanKept),
    key("max_attempts", &INTEGER, Form::Count(64)),
    key("window", &Duration, Form::SpanKept),
]);

/// Where tasks may run.
pub static PLACEMENT: Keys = closed(&[
    key("constraints", &PLAIN_LIST, Form::Texts),
    key("preferences", &List { of: &Table(&PREFERENCE), unique: false }, Form::Rows(&PREFERENCE)).since(3),
    key("max_replicas_per_node", &INTEGER, Form::Number).since(8),
]);
/// A label to spread over.
pub static PREFERENCE: Keys = closed(&[text("spread")]);

/// How a container's health is checked.
pub static HEALTHCHECK: Keys = closed(&[
    key("test", &COMMAND, Form::Test),
    key("timeout", &Duration, Form::SpanKept).before(4, &TEXT),
    key("interval", &Duration, Form::SpanKept).before(4, &TEXT),
    key("retries", &NUMBER, Form::Count(64)),
    key("start_period", &Duration, Form::SpanKept).since(4),
    key("start_interval", &Duration, Form::SpanKept).since(12),
    key("disable", &FLAG, Form::Flag),
]);

/// Where a container's output goes.
pub static LOGGING: Keys = closed(&[
    text("driver"),
    key("options", &Dict { names: Names::Any, of: &Is(&[Text, Number, Null]), closed: false }, Form::Pairs),
]);

/// A network of a service.
pub static SERVICE_NETWORK: Keys = closed(&[
    key("aliases", &TEXTS, Form::Texts),
    key("driver_opts", &OPTIONS, Form::Pairs).since(13),
    text("ipv4_address"),
    text("ipv6_address"),
]);
const NETWORKS: Shape = OneOf(&[
    List { of: &TEXT, unique: true },
    Dict { names: Names::Object, of: &OneOf(&[Table(&SERVICE_NETWORK), Is(&[Null])]), closed: true },
]);

/// A published port, in the long form.
pub static PORT: Keys = closed(&[
    text("mode"),
    key("target", &INTEGER, Form::Number),
    key("published", &INTEGER, Form::Number),
    text("protocol"),
]);
const PORTS: Shape = List { of: &OneOf(&[Is(&[Number]), Is(&[Text]), Table(&PORT)]), unique: true };

/// A limit of the process, in the long form.
pub static ULIMIT: Keys = Keys {
    keys: &[key("soft", &INTEGER, Form::Number), key("hard", &INTEGER, Form::Number)],
    extra: Extra::Refused,
    required: &["soft", "hard"],
};
const ULIMITS: Shape = Dict { names: Names::Small, of: &OneOf(&[Is(&[Integer]), Table(&ULIMIT)]), closed: false };

/// A mount, in the long form.
pub static MOUNT: Keys = Keys {
    keys: &[
        text("type"),
        text("source"),
        text("target"),
        key("read_only", &FLAG, Form::Flag),
        text("consistency"),
        key("bind", &Table(&BIND), Form::TableKept(&BIND)),
        key("volume", &Table(&NAMED), Form::TableKept(&NAMED)),
        key("tmpfs", &Table(&TMPFS), Form::TableKept(&TMPFS)).since(6),
    ],
    extra: Extra::Refused,
    required: &["type"],
};
/// Of a path of the host.
pub static BIND: Keys = open(&[text("propagation")]);
/// Of a volume.
pub static NAMED: Keys = open(&[key("nocopy", &FLAG, Form::Flag)]);
/// Of memory.
pub static TMPFS: Keys = open(&[key("size", &Natural, Form::Number)]);
const VOLUMES: Shape = List { of: &OneOf(&[Is(&[Text]), Table(&MOUNT)]), unique: false };

/// A network.
pub static NETWORK: Keys = extensible(&[
    text("name").since(5),
    text("driver"),
    key("driver_opts", &OPTIONS, Form::Pairs),
    key("ipam", &Table(&IPAM), Form::Table(&IPAM)),
    key("external", &EXTERNAL, Form::External),
    key("internal", &FLAG, Form::Flag),
    key("attachable", &FLAG, Form::Flag).since(2),
    key("labels", &PAIRS, Form::Pairs),
]);
/// Its addresses.
pub static IPAM: Keys =
    closed(&[text("driver"), key("config", &List { of: &Table(&POOL), unique: false }, Form::Rows(&POOL))]);
/// A subnet.
pub static POOL: Keys = closed(&[text("subnet")]);

/// A volume.
pub static VOLUME: Keys = extensible(&[
    text("name").since(4),
    text("driver"),
    key("driver_opts", &OPTIONS, Form::Pairs),
    key("external", &EXTERNAL, Form::External),
    key("labels", &PAIRS, Form::Pairs),
]);

/// A secret.
pub static SECRET: Keys = extensible(&[
    text("name").since(5),
    text("file"),
    key("external", &OPEN_EXTERNAL, Form::External),
    key("labels", &PAIRS, Form::Pairs),
    text("driver").since(8),
    key("driver_opts", &OPTIONS, Form::Pairs).since(8),
    text("template_driver").since(8),
]);

/// A config.
pub static CONFIG: Keys = extensible(&[
    text("name").since(5),
    text("file"),
    key("external", &OPEN_EXTERNAL, Form::External),
    key("labels", &PAIRS, Form::Pairs),
    text("template_driver").since(8),
]);
