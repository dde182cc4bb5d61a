//! The commands that act on containers and images of this host, as the table has them.
//!
//! cli.md §3.3, §5.8.

use super::Arguments::{AtLeast, Exactly};
use super::{Command, MANY_CONTAINERS, aliased, command, other};
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

/// `docker image ls`
pub const IMAGE_LS: Command = aliased(
    command(
        "image ls",
        "[OPTIONS] [REPOSITORY[:TAG]]",
        AtLeast(0),
        &[other::IMAGES],
        run::image::ls,
        "List the images of this host",
    ),
    &["list"],
    &["docker images"],
);

/// `docker images`
pub const IMAGES: Command = aliased(
    command(
        "images",
        "[OPTIONS] [REPOSITORY[:TAG]]",
        AtLeast(0),
        &[other::IMAGES],
        run::image::ls,
        "List the images of this host",
    ),
    &[],
    &["docker image ls", "docker image list"],
);

/// `docker image pull`
pub const IMAGE_PULL: Command = aliased(
    command(
        "image pull",
        "[OPTIONS] NAME[:TAG|@DIGEST]",
        Exactly(1),
        &[other::PULL],
        run::image::pull,
        "Fetch an image from its registry",
    ),
    &[],
    &["docker pull"],
);

/// `docker pull`
pub const PULL: Command = aliased(
    command(
        "pull",
        "[OPTIONS] NAME[:TAG|@DIGEST]",
        Exactly(1),
        &[other::PULL],
        run::image::pull,
        "Fetch an image from its registry",
    ),
    &[],
    &["docker image pull"],
);

/// `docker image rm`
pub const IMAGE_RM: Command = aliased(
    command(
        "image rm",
        "[OPTIONS] IMAGE [IMAGE...]",
        AtLeast(1),
        &[other::RMI],
        run::image::rm,
        "Remove images from this host",
    ),
    &["remove"],
    &["docker rmi"],
);

/// `docker rmi`
pub const RMI: Command = aliased(
    command(
        "rmi",
        "[OPTIONS] IMAGE [IMAGE...]",
        AtLeast(1),
        &[other::RMI],
        run::image::rm,
        "Remove images from this host",
    ),
    &[],
    &["docker image rm", "docker image remove"],
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
