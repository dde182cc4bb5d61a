//! `docker exec`: a command inside a container, or a shell whose lines are typed. cli.md §3.1, §5.8.

use super::run;
use crate::docker::script::{Context, Finish, Stop};
use crate::swarm::api::ExecRequest;

/// Carries out a command inside a container; the command's status is the client's.
pub fn exec(context: &mut Context) -> Result<Finish, Stop> {
    let flags = context.flags;
    let (tty, interactive, detach) = (flags.is_set("tty"), flags.is_set("interactive"), flags.is_set("detach"));
    if tty && interactive && !detach && !context.environment.terminal_input {
        context.err("the input device is not a TTY\n");
        return Err(Stop::Status(1));
    }
    let (id, command) = match context.arguments().split_first() {
        Some((id, command)) => (id.clone(), command.to_vec()),
        None => return Ok(Finish::default()),
    };
    let mut request = ExecRequest {
        id: id.clone(),
        env: flags.all("env").map(str::to_owned).collect(),
        user: flags.text("user").unwrap_or_default().to_owned(),
        dir: flags.text("workdir").unwrap_or_default().to_owned(),
        tty,
        detach,
        ..ExecRequest::default()
    };
    let shell = |name: &String| matches!(name.rsplit('/').next(), Some("sh" | "bash" | "ash"));
    if tty && interactive && !detach && command.len() == 1 && shell(&command[0]) {
        let status = run::typed(context, &id, false, request)?;
        return if status == 0 { Ok(Finish::default()) } else { Err(Stop::Status(status)) };
    }
    if interactive && !tty && !detach && !context.environment.terminal_input {
        let input = context.file("-")?.unwrap_or_default();
        request.stdin = String::from_utf8_lossy(&input).into_owned();
    }
    let result = context.executed(ExecRequest { command, ..request })??;
    context.out(result.stdout.clone());
    context.err(result.stderr.clone());
    if result.status == 0 { Ok(Finish::default()) } else { Err(Stop::Status(result.status)) }
}
