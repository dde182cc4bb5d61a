//! The command table: every command of the client with its usage line, arguments and flags. Parsing, usage errors,
//! help and completion all read it. It holds no behaviour but the name of the function that carries a command out.
//!
//! cli.md §3.3 (usage lines, aliases, arguments), §5 and §7.1 (flags). Descriptions are in our own words.

mod containers;
mod local;
mod other;
mod run_flags;
mod service;
mod stack;

use super::command as run;
use super::flags::{Flag, Kind};
use super::script::{Context, Finish, Stop};

/// How many positional arguments a command takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arguments {
    /// Exactly so many.
    Exactly(usize),
    /// At least the first, at most the second.
    Between(usize, usize),
    /// So many or more.
    AtLeast(usize),
}

/// One command.
pub struct Command {
    /// The words behind `docker`.
    pub path: &'static str,
    /// Other last words of the same command.
    pub aliases: &'static [&'static str],
    /// Commands elsewhere that do the same, as help lists them.
    pub elsewhere: &'static [&'static str],
    /// What stands behind the path in the usage line.
    pub usage: &'static str,
    /// How many arguments.
    pub arguments: Arguments,
    /// Flags may follow the first argument.
    pub interspersed: bool,
    /// One sentence.
    pub summary: &'static str,
    /// Its flags, in groups.
    pub flags: &'static [&'static [Flag]],
    /// What it does.
    pub body: fn(&mut Context) -> Result<Finish, Stop>,
}

impl Command {
    /// The line behind `Usage:  `.
    pub fn usage_line(&self) -> String {
        format!("docker {}{}{}", self.path, if self.usage.is_empty() { "" } else { " " }, self.usage)
    }

    /// All flags, `--help` among them.
    pub fn flags(&self) -> Vec<Flag> {
        let own = self.flags.iter().flat_map(|group| group.iter().copied());
        own.chain([Flag::new("help", Kind::Bool, "")]).collect()
    }
}

/// A word that only groups commands: its description in help.
pub struct Group {
    /// The word.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
}

/// The groups.
pub const GROUPS: &[Group] = &[
    Group { name: "config", summary: "Manage Swarm configs" },
    Group { name: "container", summary: "Manage containers" },
    Group { name: "image", summary: "Manage images" },
    Group { name: "network", summary: "Manage networks" },
    Group { name: "node", summary: "Manage Swarm nodes" },
    Group { name: "secret", summary: "Manage Swarm secrets" },
    Group { name: "service", summary: "Manage Swarm services" },
    Group { name: "stack", summary: "Manage Swarm stacks" },
    Group { name: "swarm", summary: "Manage Swarm" },
    Group { name: "system", summary: "Manage Docker" },
    Group { name: "volume", summary: "Manage volumes" },
];

/// Commands that Docker has and this client does not carry out yet: the one list of them.
pub const UNMODELLED: &[&str] = &[
    "bake",
    "build",
    "builder",
    "buildx",
    "checkpoint",
    "commit",
    "compose",
    "context",
    "cp",
    "diff",
    "export",
    "history",
    "import",
    "load",
    "login",
    "logout",
    "manifest",
    "plugin",
    "push",
    "save",
    "search",
    "stats",
    "tag",
    "trust",
    "update",
    "container commit",
    "container cp",
    "container diff",
    "container export",
    "container stats",
    "container update",
    "image build",
    "image history",
    "image import",
    "image load",
    "image prune",
    "image push",
    "image save",
    "image tag",
    "system df",
    "system dial-stdio",
    "system prune",
];

use Arguments::{AtLeast, Between, Exactly};

const fn command(
    path: &'static str,
    usage: &'static str,
    arguments: Arguments,
    flags: &'static [&'static [Flag]],
    body: fn(&mut Context) -> Result<Finish, Stop>,
    summary: &'static str,
) -> Command {
    Command { path, aliases: &[], elsewhere: &[], usage, arguments, interspersed: true, summary, flags, body }
}

const fn aliased(command: Command, aliases: &'static [&'static str], elsewhere: &'static [&'static str]) -> Command {
    Command { aliases, elsewhere, ..command }
}

const OPTIONS: &str = "[OPTIONS]";
const MANY_CONTAINERS: &str = "[OPTIONS] CONTAINER [CONTAINER...]";

/// The table.
pub const COMMANDS: &[Command] = &[
    command(
        "config create",
        "[OPTIONS] CONFIG file|-",
        Exactly(2),
        &[other::CONFIG_CREATE],
        run::file::create_config,
        "Create a config from a file or STDIN",
    ),
    command(
        "config inspect",
        "[OPTIONS] CONFIG [CONFIG...]",
        AtLeast(1),
        &[other::INSPECT],
        run::file::inspect_configs,
        "Show configs in detail",
    ),
    aliased(
        command("config ls", OPTIONS, Exactly(0), &[other::LIST], run::file::ls_configs, "List configs"),
        &["list"],
        &[],
    ),
    aliased(
        command("config rm", "CONFIG [CONFIG...]", AtLeast(1), &[], run::file::rm_configs, "Remove configs"),
        &["remove"],
        &[],
    ),
    containers::CONTAINER_ATTACH,
    containers::ATTACH,
    containers::CONTAINER_CREATE,
    containers::CREATE,
    containers::CONTAINER_EXEC,
    containers::EXEC,
    containers::CONTAINER_INSPECT,
    containers::CONTAINER_PORT,
    containers::PORT,
    containers::CONTAINER_PRUNE,
    containers::CONTAINER_RUN,
    containers::RUN,
    containers::CONTAINER_TOP,
    containers::TOP,
    containers::CONTAINER_WAIT,
    containers::WAIT,
    local::EVENTS,
    local::SYSTEM_EVENTS,
    local::IMAGE_INSPECT,
    local::NETWORK_CONNECT,
    local::NETWORK_DISCONNECT,
    local::VOLUME_CREATE,
    local::VOLUME_INSPECT,
    local::VOLUME_LS,
    local::VOLUME_PRUNE,
    local::VOLUME_RM,
    containers::CONTAINER_PAUSE,
    containers::PAUSE,
    containers::CONTAINER_UNPAUSE,
    containers::UNPAUSE,
    containers::CONTAINER_RENAME,
    containers::RENAME,
    containers::CONTAINER_RESTART,
    containers::RESTART,
    containers::CONTAINER_START,
    containers::START,
    local::IMAGE_LS,
    local::IMAGES,
    local::IMAGE_PULL,
    local::PULL,
    local::IMAGE_RM,
    local::RMI,
    containers::INSPECT,
    aliased(
        command(
            "container kill",
            MANY_CONTAINERS,
            AtLeast(1),
            &[other::KILL],
            run::container::kill,
            "Kill running containers",
        ),
        &[],
        &["docker kill"],
    ),
    aliased(
        command(
            "container logs",
            "[OPTIONS] CONTAINER",
            Exactly(1),
            &[other::LOGS],
            run::container::logs,
            "Show what a container wrote",
        ),
        &[],
        &["docker logs"],
    ),
    aliased(
        command("container ls", OPTIONS, Exactly(0), &[other::PS], run::container::ls, "List containers"),
        &["list", "ps"],
        &["docker ps"],
    ),
    aliased(
        command("container rm", MANY_CONTAINERS, AtLeast(1), &[other::RM], run::container::rm, "Remove containers"),
        &["remove"],
        &["docker rm"],
    ),
    aliased(
        command("container stop", MANY_CONTAINERS, AtLeast(1), &[other::STOP], run::container::stop, "Stop containers"),
        &[],
        &["docker stop"],
    ),
    aliased(
        command("info", OPTIONS, Exactly(0), &[other::FORMAT], run::info::info, "Describe this host's engine"),
        &[],
        &["docker system info"],
    ),
    aliased(
        command("kill", MANY_CONTAINERS, AtLeast(1), &[other::KILL], run::container::kill, "Kill running containers"),
        &[],
        &["docker container kill"],
    ),
    aliased(
        command(
            "logs",
            "[OPTIONS] CONTAINER",
            Exactly(1),
            &[other::LOGS],
            run::container::logs,
            "Show what a container wrote",
        ),
        &[],
        &["docker container logs"],
    ),
    command(
        "network create",
        "[OPTIONS] NETWORK",
        Exactly(1),
        &[other::NETWORK_CREATE],
        run::network_create::create,
        "Create a network",
    ),
    command(
        "network inspect",
        "[OPTIONS] NETWORK [NETWORK...]",
        AtLeast(1),
        &[other::NETWORK_INSPECT],
        run::network::inspect,
        "Show networks in detail",
    ),
    aliased(
        command("network ls", OPTIONS, Exactly(0), &[other::LIST, other::NO_TRUNC], run::network::ls, "List networks"),
        &["list"],
        &[],
    ),
    command(
        "network prune",
        OPTIONS,
        Exactly(0),
        &[other::NETWORK_PRUNE],
        run::network::prune,
        "Remove all networks that nobody uses",
    ),
    aliased(
        command(
            "network rm",
            "NETWORK [NETWORK...]",
            AtLeast(1),
            &[other::NETWORK_RM],
            run::network::rm,
            "Remove networks",
        ),
        &["remove"],
        &[],
    ),
    command("node demote", "NODE [NODE...]", AtLeast(1), &[], run::node::demote, "Make workers of managers"),
    command(
        "node inspect",
        "[OPTIONS] self|NODE [NODE...]",
        AtLeast(1),
        &[other::INSPECT],
        run::node::inspect,
        "Show nodes in detail",
    ),
    aliased(
        command("node ls", OPTIONS, Exactly(0), &[other::LIST], run::node::ls, "List the nodes of the swarm"),
        &["list"],
        &[],
    ),
    command("node promote", "NODE [NODE...]", AtLeast(1), &[], run::node::promote, "Make managers of workers"),
    command(
        "node ps",
        "[OPTIONS] [NODE...]",
        AtLeast(0),
        &[other::TASKS],
        run::node::ps,
        "List the tasks on nodes (this node unless others are named)",
    ),
    aliased(
        command(
            "node rm",
            "[OPTIONS] NODE [NODE...]",
            AtLeast(1),
            &[other::NODE_RM],
            run::node::rm,
            "Remove nodes from the swarm",
        ),
        &["remove"],
        &[],
    ),
    command("node update", "[OPTIONS] NODE", Exactly(1), &[other::NODE_UPDATE], run::node::update, "Change a node"),
    aliased(
        command("ps", OPTIONS, Exactly(0), &[other::PS], run::container::ls, "List containers"),
        &[],
        &["docker container ls", "docker container list", "docker container ps"],
    ),
    aliased(
        command("rm", MANY_CONTAINERS, AtLeast(1), &[other::RM], run::container::rm, "Remove containers"),
        &[],
        &["docker container rm", "docker container remove"],
    ),
    command(
        "secret create",
        "[OPTIONS] SECRET [file|-]",
        Between(1, 2),
        &[other::SECRET_CREATE],
        run::file::create_secret,
        "Create a secret from a file or STDIN",
    ),
    command(
        "secret inspect",
        "[OPTIONS] SECRET [SECRET...]",
        AtLeast(1),
        &[other::INSPECT],
        run::file::inspect_secrets,
        "Show secrets in detail",
    ),
    aliased(
        command("secret ls", OPTIONS, Exactly(0), &[other::LIST], run::file::ls_secrets, "List secrets"),
        &["list"],
        &[],
    ),
    aliased(
        command("secret rm", "SECRET [SECRET...]", AtLeast(1), &[], run::file::rm_secrets, "Remove secrets"),
        &["remove"],
        &[],
    ),
    Command {
        interspersed: false,
        ..command(
            "service create",
            "[OPTIONS] IMAGE [COMMAND] [ARG...]",
            AtLeast(1),
            &[service::COMMON, service::CREATE, service::CREATE_DEFAULTS],
            run::service_create::create,
            "Create a service",
        )
    },
    command(
        "service inspect",
        "[OPTIONS] SERVICE [SERVICE...]",
        AtLeast(1),
        &[other::INSPECT],
        run::service_inspect::inspect,
        "Show services in detail",
    ),
    command(
        "service logs",
        "[OPTIONS] SERVICE|TASK",
        Exactly(1),
        &[other::SERVICE_LOGS],
        run::service_logs::logs,
        "Show what the tasks of a service, or one task, wrote",
    ),
    aliased(
        command("service ls", OPTIONS, Exactly(0), &[other::LIST], run::service_list::ls, "List services"),
        &["list"],
        &[],
    ),
    command(
        "service ps",
        "[OPTIONS] SERVICE [SERVICE...]",
        AtLeast(1),
        &[other::TASKS],
        run::service_ps::ps,
        "List the tasks of services",
    ),
    aliased(
        command("service rm", "SERVICE [SERVICE...]", AtLeast(1), &[], run::service_list::rm, "Remove services"),
        &["remove"],
        &[],
    ),
    command(
        "service rollback",
        "[OPTIONS] SERVICE",
        Exactly(1),
        &[service::WAIT],
        run::rollback::rollback,
        "Go back to a service's previous specification",
    ),
    command(
        "service scale",
        "SERVICE=REPLICAS [SERVICE=REPLICAS...]",
        AtLeast(1),
        &[service::DETACH],
        run::scale::scale,
        "Set the number of replicas of services",
    ),
    command(
        "service update",
        "[OPTIONS] SERVICE",
        Exactly(1),
        &[service::COMMON, service::UPDATE, service::UPDATE_DEFAULTS],
        run::service_update::update,
        "Change a service",
    ),
    stack::CONFIG,
    stack::DEPLOY,
    stack::LS,
    stack::PS,
    stack::RM,
    stack::SERVICES,
    aliased(
        command("stop", MANY_CONTAINERS, AtLeast(1), &[other::STOP], run::container::stop, "Stop containers"),
        &[],
        &["docker container stop"],
    ),
    command(
        "swarm ca",
        OPTIONS,
        Exactly(0),
        &[other::SWARM_CA],
        run::swarm_ca::ca,
        "Show the root certificate of the swarm, or have it replaced",
    ),
    command(
        "swarm init",
        OPTIONS,
        Exactly(0),
        &[other::SWARM_INIT, other::SWARM_SETTINGS],
        run::swarm::init,
        "Make a swarm of this node",
    ),
    command(
        "swarm join",
        "[OPTIONS] HOST:PORT",
        Exactly(1),
        &[other::SWARM_JOIN],
        run::swarm::join,
        "Join a swarm as worker or manager, as the token says",
    ),
    command(
        "swarm join-token",
        "[OPTIONS] (worker|manager)",
        Exactly(1),
        &[other::JOIN_TOKEN],
        run::swarm::join_token,
        "Show or replace the join tokens",
    ),
    command("swarm leave", OPTIONS, Exactly(0), &[other::LEAVE], run::swarm::leave, "Leave the swarm"),
    command("swarm unlock", "", Exactly(0), &[], run::swarm_lock::unlock, "Unlock this manager"),
    command(
        "swarm unlock-key",
        OPTIONS,
        Exactly(0),
        &[other::UNLOCK_KEY],
        run::swarm_lock::unlock_key,
        "Show or replace the key that unlocks managers",
    ),
    command(
        "swarm update",
        OPTIONS,
        Exactly(0),
        &[other::SWARM_SETTINGS, other::AUTOLOCK],
        run::swarm::update,
        "Change the settings of the swarm",
    ),
    aliased(
        command("system info", OPTIONS, Exactly(0), &[other::FORMAT], run::info::info, "Describe this host's engine"),
        &[],
        &["docker info"],
    ),
    command(
        "version",
        OPTIONS,
        Exactly(0),
        &[other::FORMAT],
        run::info::version,
        "Show the versions of client and engine",
    ),
];
