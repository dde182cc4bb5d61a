//! The commands that act on containers of this host, as the table has them.
//!
//! cli.md §3.3, §5.8.

use super::Arguments::{AtLeast, Between, Exactly};
use super::{Command, MANY_CONTAINERS, OPTIONS, aliased, command, other, run_flags};
use crate::docker::command as run;

/// `docker container inspect`
pub const CONTAINER_INSPECT: Command = aliased(
    command(
        "container inspect",
        "[OPTIONS] CONTAINER [CONTAINER...]",
        AtLeast(1),
        &[other::FORMAT],
        run::inspect_any::container,
        "Show containers in detail",
    ),
    &[],
    &[],
);

/// `docker container pause`
pub const CONTAINER_PAUSE: Command = aliased(
    command(
        "container pause",
        "CONTAINER [CONTAINER...]",
        AtLeast(1),
        &[],
        run::container::pause,
        "Let the processes of containers stand still",
    ),
    &[],
    &["docker pause"],
);

/// `docker pause`
pub const PAUSE: Command = aliased(
    command(
        "pause",
        "CONTAINER [CONTAINER...]",
        AtLeast(1),
        &[],
        run::container::pause,
        "Let the processes of containers stand still",
    ),
    &[],
    &["docker container pause"],
);

/// `docker container unpause`
pub const CONTAINER_UNPAUSE: Command = aliased(
    command(
        "container unpause",
        "CONTAINER [CONTAINER...]",
        AtLeast(1),
        &[],
        run::container::unpause,
        "Let the processes of paused containers go on",
    ),
    &[],
    &["docker unpause"],
);

/// `docker unpause`
pub const UNPAUSE: Command = aliased(
    command(
        "unpause",
        "CONTAINER [CONTAINER...]",
        AtLeast(1),
        &[],
        run::container::unpause,
        "Let the processes of paused containers go on",
    ),
    &[],
    &["docker container unpause"],
);

/// `docker container rename`
pub const CONTAINER_RENAME: Command = aliased(
    command(
        "container rename",
        "CONTAINER NEW_NAME",
        Exactly(2),
        &[],
        run::container::rename,
        "Give a container another name",
    ),
    &[],
    &["docker rename"],
);

/// `docker rename`
pub const RENAME: Command = aliased(
    command("rename", "CONTAINER NEW_NAME", Exactly(2), &[], run::container::rename, "Give a container another name"),
    &[],
    &["docker container rename"],
);

/// `docker container restart`
pub const CONTAINER_RESTART: Command = aliased(
    command(
        "container restart",
        MANY_CONTAINERS,
        AtLeast(1),
        &[other::STOP],
        run::container::restart,
        "Stop containers and start them again",
    ),
    &[],
    &["docker restart"],
);

/// `docker restart`
pub const RESTART: Command = aliased(
    command(
        "restart",
        MANY_CONTAINERS,
        AtLeast(1),
        &[other::STOP],
        run::container::restart,
        "Stop containers and start them again",
    ),
    &[],
    &["docker container restart"],
);

/// `docker container start`
pub const CONTAINER_START: Command = aliased(
    command(
        "container start",
        MANY_CONTAINERS,
        AtLeast(1),
        &[other::START],
        run::container::start,
        "Start containers that have ended",
    ),
    &[],
    &["docker start"],
);

/// `docker start`
pub const START: Command = aliased(
    command(
        "start",
        MANY_CONTAINERS,
        AtLeast(1),
        &[other::START],
        run::container::start,
        "Start containers that have ended",
    ),
    &[],
    &["docker container start"],
);

/// `docker inspect`
pub const INSPECT: Command = command(
    "inspect",
    "[OPTIONS] NAME|ID [NAME|ID...]",
    AtLeast(1),
    &[other::INSPECT_ANY],
    run::inspect_any::inspect,
    "Show containers, services, tasks or nodes in detail",
);

/// `docker container attach`
pub const CONTAINER_ATTACH: Command = aliased(
    command(
        "container attach",
        "[OPTIONS] CONTAINER",
        Exactly(1),
        &[run_flags::ATTACH],
        run::container::attach,
        "Show what a container writes, from now on",
    ),
    &[],
    &["docker attach"],
);

/// `docker attach`
pub const ATTACH: Command = aliased(
    command(
        "attach",
        "[OPTIONS] CONTAINER",
        Exactly(1),
        &[run_flags::ATTACH],
        run::container::attach,
        "Show what a container writes, from now on",
    ),
    &[],
    &["docker container attach"],
);

/// `docker container create`
pub const CONTAINER_CREATE: Command = aliased(
    Command {
        interspersed: false,
        ..command(
            "container create",
            "[OPTIONS] IMAGE [COMMAND] [ARG...]",
            AtLeast(1),
            &[run_flags::CONTAINER],
            run::run::create,
            "Make a container of an image",
        )
    },
    &[],
    &["docker create"],
);

/// `docker create`
pub const CREATE: Command = aliased(
    Command {
        interspersed: false,
        ..command(
            "create",
            "[OPTIONS] IMAGE [COMMAND] [ARG...]",
            AtLeast(1),
            &[run_flags::CONTAINER],
            run::run::create,
            "Make a container of an image",
        )
    },
    &[],
    &["docker container create"],
);

/// `docker container run`
pub const CONTAINER_RUN: Command = aliased(
    Command {
        interspersed: false,
        ..command(
            "container run",
            "[OPTIONS] IMAGE [COMMAND] [ARG...]",
            AtLeast(1),
            &[run_flags::CONTAINER, run_flags::RUN],
            run::run::run,
            "Make a container of an image and start it",
        )
    },
    &[],
    &["docker run"],
);

/// `docker run`
pub const RUN: Command = aliased(
    Command {
        interspersed: false,
        ..command(
            "run",
            "[OPTIONS] IMAGE [COMMAND] [ARG...]",
            AtLeast(1),
            &[run_flags::CONTAINER, run_flags::RUN],
            run::run::run,
            "Make a container of an image and start it",
        )
    },
    &[],
    &["docker container run"],
);

/// `docker container exec`
pub const CONTAINER_EXEC: Command = aliased(
    Command {
        interspersed: false,
        ..command(
            "container exec",
            "[OPTIONS] CONTAINER COMMAND [ARG...]",
            AtLeast(2),
            &[run_flags::EXEC],
            run::exec::exec,
            "Carry out a command inside a running container",
        )
    },
    &[],
    &["docker exec"],
);

/// `docker exec`
pub const EXEC: Command = aliased(
    Command {
        interspersed: false,
        ..command(
            "exec",
            "[OPTIONS] CONTAINER COMMAND [ARG...]",
            AtLeast(2),
            &[run_flags::EXEC],
            run::exec::exec,
            "Carry out a command inside a running container",
        )
    },
    &[],
    &["docker container exec"],
);

/// `docker container port`
pub const CONTAINER_PORT: Command = aliased(
    command(
        "container port",
        "CONTAINER [PRIVATE_PORT[/PROTO]]",
        Between(1, 2),
        &[],
        run::container::port,
        "Show where the ports of a container are published",
    ),
    &[],
    &["docker port"],
);

/// `docker port`
pub const PORT: Command = aliased(
    command(
        "port",
        "CONTAINER [PRIVATE_PORT[/PROTO]]",
        Between(1, 2),
        &[],
        run::container::port,
        "Show where the ports of a container are published",
    ),
    &[],
    &["docker container port"],
);

/// `docker container top`
pub const CONTAINER_TOP: Command = aliased(
    Command {
        interspersed: false,
        ..command(
            "container top",
            "CONTAINER [ps OPTIONS]",
            AtLeast(1),
            &[],
            run::container::top,
            "Show the processes of a container",
        )
    },
    &[],
    &["docker top"],
);

/// `docker top`
pub const TOP: Command = aliased(
    Command {
        interspersed: false,
        ..command(
            "top",
            "CONTAINER [ps OPTIONS]",
            AtLeast(1),
            &[],
            run::container::top,
            "Show the processes of a container",
        )
    },
    &[],
    &["docker container top"],
);

/// `docker container wait`
pub const CONTAINER_WAIT: Command = aliased(
    command(
        "container wait",
        "CONTAINER [CONTAINER...]",
        AtLeast(1),
        &[],
        run::container::wait,
        "Wait until containers have ended, and print their statuses",
    ),
    &[],
    &["docker wait"],
);

/// `docker wait`
pub const WAIT: Command = aliased(
    command(
        "wait",
        "CONTAINER [CONTAINER...]",
        AtLeast(1),
        &[],
        run::container::wait,
        "Wait until containers have ended, and print their statuses",
    ),
    &[],
    &["docker container wait"],
);

/// `docker container prune`
pub const CONTAINER_PRUNE: Command = aliased(
    command(
        "container prune",
        OPTIONS,
        Exactly(0),
        &[run_flags::PRUNE],
        run::container::prune,
        "Remove all containers that do not run",
    ),
    &[],
    &[],
);
