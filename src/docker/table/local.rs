//! The commands that act on what else a host has: its images, volumes, networks of its own, events; as the table has them.
//!
//! cli.md §3.3, §5.8, §5.9.

use super::Arguments::{AtLeast, Between, Exactly};
use super::{Command, OPTIONS, aliased, command, other, run_flags};
use crate::docker::command as run;

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

/// `docker events`
pub const EVENTS: Command = aliased(
    command(
        "events",
        OPTIONS,
        Exactly(0),
        &[run_flags::EVENTS],
        run::events::events,
        "Show what happens at this host's engine",
    ),
    &[],
    &["docker system events"],
);

/// `docker system events`
pub const SYSTEM_EVENTS: Command = aliased(
    command(
        "system events",
        OPTIONS,
        Exactly(0),
        &[run_flags::EVENTS],
        run::events::events,
        "Show what happens at this host's engine",
    ),
    &[],
    &["docker events"],
);

/// `docker image inspect`
pub const IMAGE_INSPECT: Command = aliased(
    command(
        "image inspect",
        "[OPTIONS] IMAGE [IMAGE...]",
        AtLeast(1),
        &[other::FORMAT],
        run::image::inspect,
        "Show images in detail",
    ),
    &[],
    &[],
);

/// `docker network connect`
pub const NETWORK_CONNECT: Command = aliased(
    command(
        "network connect",
        "[OPTIONS] NETWORK CONTAINER",
        Exactly(2),
        &[run_flags::NETWORK_CONNECT],
        run::network::connect,
        "Put a container onto a network",
    ),
    &[],
    &[],
);

/// `docker network disconnect`
pub const NETWORK_DISCONNECT: Command = aliased(
    command(
        "network disconnect",
        "[OPTIONS] NETWORK CONTAINER",
        Exactly(2),
        &[run_flags::NETWORK_DISCONNECT],
        run::network::disconnect,
        "Take a container off a network",
    ),
    &[],
    &[],
);

/// `docker volume create`
pub const VOLUME_CREATE: Command = aliased(
    command(
        "volume create",
        "[OPTIONS] [VOLUME]",
        Between(0, 1),
        &[run_flags::VOLUME_CREATE],
        run::volume::create,
        "Make a volume",
    ),
    &[],
    &[],
);

/// `docker volume inspect`
pub const VOLUME_INSPECT: Command = aliased(
    command(
        "volume inspect",
        "[OPTIONS] VOLUME [VOLUME...]",
        AtLeast(1),
        &[other::FORMAT],
        run::volume::inspect,
        "Show volumes in detail",
    ),
    &[],
    &[],
);

/// `docker volume ls`
pub const VOLUME_LS: Command = aliased(
    command("volume ls", OPTIONS, Exactly(0), &[other::LIST], run::volume::ls, "List the volumes of this host"),
    &["list"],
    &[],
);

/// `docker volume prune`
pub const VOLUME_PRUNE: Command = aliased(
    command(
        "volume prune",
        OPTIONS,
        Exactly(0),
        &[run_flags::VOLUME_PRUNE],
        run::volume::prune,
        "Remove volumes that no container uses",
    ),
    &[],
    &[],
);

/// `docker volume rm`
pub const VOLUME_RM: Command = aliased(
    command(
        "volume rm",
        "[OPTIONS] VOLUME [VOLUME...]",
        AtLeast(1),
        &[run_flags::VOLUME_RM],
        run::volume::rm,
        "Remove volumes",
    ),
    &["remove"],
    &[],
);
