//! `docker swarm unlock` and `unlock-key`. cli.md §5.1, raft-and-security.md §5.6.

use crate::docker::script::{Context, Finish, Stop, TERMINAL};
use crate::swarm::api::{Request, RotateFlags};

/// Shows the key that unlocks managers, or replaces it first.
pub fn unlock_key(context: &mut Context) -> Result<Finish, Stop> {
    let quiet = context.flags.is_set("quiet");
    if context.flags.is_set("rotate") {
        let cluster = context.swarm()??.cluster.clone();
        if !cluster.spec.auto_lock_managers {
            return Err(Stop::Failed("cannot rotate because autolock is not turned on".into()));
        }
        let rotate = RotateFlags { unlock_key: true, ..RotateFlags::default() };
        let spec = Box::new(cluster.spec);
        context.order(&Request::SwarmUpdate { version: cluster.version.index, spec, rotate })??;
        if !quiet {
            context.out("Successfully rotated manager unlock key.\n");
        }
    }
    let key = fetch(context)?;
    match (key.is_empty(), quiet) {
        (true, _) => return Err(Stop::Failed("no unlock key is set".into())),
        (false, true) => context.out(key + "\n"),
        (false, false) => context.out(instructions(&key)),
    }
    Ok(Finish::default())
}

/// The key that unlocks managers; empty when they do not lock.
pub fn fetch(context: &mut Context) -> Result<String, Stop> {
    context.unlock_key()?.map_err(|refusal| Stop::Failed(format!("could not fetch unlock key: {}", refusal.text)))
}

/// How to unlock a manager; nothing without a key.
pub fn instructions(key: &str) -> String {
    if key.is_empty() {
        return String::new();
    }
    format!(
        "To unlock a swarm manager after it restarts, run the `docker swarm unlock`\n\
         command and provide the following key:\n\n    {key}\n\n\
         Remember to store this key in a password manager, since without it you\n\
         will not be able to restart the manager.\n"
    )
}

/// Asks for the key and hands it to the daemon.
pub fn unlock(context: &mut Context) -> Result<Finish, Stop> {
    match context.info()??.swarm.local_node_state.as_str() {
        "inactive" => return Err(Stop::Failed("error: this node is not part of a swarm".into())),
        "locked" => {}
        _ => return Err(Stop::Failed("error: swarm is not locked".into())),
    }
    // A pipe is read without a word; a terminal is asked, and what is typed there is not shown.
    let asked = context.environment.terminal_input;
    if asked {
        context.out("Enter unlock key: ");
    }
    let line = context.file(if asked { TERMINAL } else { "-" })?;
    if asked {
        context.out("\n");
    }
    // Where nobody types, the input is at its end.
    let line = line.unwrap_or_default();
    let text = String::from_utf8_lossy(&line);
    let key = text.lines().next().unwrap_or_default().trim().to_owned();
    context.order(&Request::SwarmUnlock { key })??;
    Ok(Finish::default())
}
