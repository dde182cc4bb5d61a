//! The commands of `docker stack`, and their flags. cli.md §3.3, §10.

use super::{
    Arguments::{AtLeast, Exactly},
    Command, OPTIONS, aliased, command, other, run,
};
use crate::docker::flags::{Flag, Kind};

const FILES: Flag = Flag::new("compose-file", Kind::Strings, "A compose file, or '-' for stdin").short('c');

const CONFIG_FLAGS: &[Flag] =
    &[FILES, Flag::new("skip-interpolation", Kind::Bool, "Leave variables as they stand in the files")];

const DEPLOY_FLAGS: &[Flag] = &[
    FILES,
    Flag::new("detach", Kind::Bool, "Return at once, without waiting for the services").short('d').default("true"),
    Flag::new("prune", Kind::Bool, "Remove services that the files no longer have"),
    Flag::new("quiet", Kind::Bool, "Wait, but print no progress").short('q'),
    Flag::new(
        "resolve-image",
        Kind::Text,
        r#"When to ask the registry for an image's digest ("always", "changed", "never")"#,
    )
    .default(r#""always""#),
    Flag::new("with-registry-auth", Kind::Bool, "Pass registry credentials on to the nodes"),
];

const LS_FLAGS: &[Flag] = &[other::TEMPLATE];

const RM_FLAGS: &[Flag] =
    &[Flag::new("detach", Kind::Bool, "Return at once, without waiting for the tasks").short('d').default("true")];

/// What the files say, put together.
pub const CONFIG: Command = command(
    "stack config",
    OPTIONS,
    Exactly(0),
    &[CONFIG_FLAGS],
    run::stack::config,
    "Print compose files as one, merged and with their variables replaced",
);

/// Makes or updates a stack.
pub const DEPLOY: Command = aliased(
    command(
        "stack deploy",
        "[OPTIONS] STACK",
        Exactly(1),
        &[DEPLOY_FLAGS],
        run::stack_deploy::deploy,
        "Deploy a stack, or update one",
    ),
    &["up"],
    &[],
);

/// Lists stacks.
pub const LS: Command =
    aliased(command("stack ls", OPTIONS, Exactly(0), &[LS_FLAGS], run::stack::ls, "List stacks"), &["list"], &[]);

/// Lists the tasks of a stack.
pub const PS: Command =
    command("stack ps", "[OPTIONS] STACK", Exactly(1), &[other::TASKS], run::stack::ps, "List the tasks of a stack");

/// Removes stacks.
pub const RM: Command = aliased(
    command("stack rm", "[OPTIONS] STACK [STACK...]", AtLeast(1), &[RM_FLAGS], run::stack::rm, "Remove stacks"),
    &["remove", "down"],
    &[],
);

/// Lists the services of a stack.
pub const SERVICES: Command = command(
    "stack services",
    "[OPTIONS] STACK",
    Exactly(1),
    &[other::LIST],
    run::stack::services,
    "List the services of a stack",
);
