//! The front door: parses the arguments and chooses a room.

mod args;
mod command;

use args::{Cli, Command};
use clap::{CommandFactory, Parser};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let status = match cli.command {
        Some(Command::Run(args)) => command::run::run(&args),
        Some(Command::Sweep(args)) => command::sweep::sweep(&args),
        Some(Command::Why(args)) => command::why::why(&args),
        Some(Command::Shell(args)) => command::shell::shell(&args),
        Some(Command::Check { paths }) => command::check::check(&paths),
        None => {
            // The lab's screens will open here; until then the help.
            let _ = Cli::command().print_help();
            2
        }
    };
    ExitCode::from(status)
}
