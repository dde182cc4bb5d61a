//! `docker swarm init`, `join`, `join-token`, `leave`. cli.md §5.1.

use crate::docker::script::{Context, Finish, Stop};
use crate::swarm::api::{Request, RotateFlags, SwarmInitRequest, SwarmJoinRequest};

fn availability(context: &Context) -> Result<String, Stop> {
    let text = context.flags.text("availability").unwrap_or("active");
    let lower = text.to_lowercase();
    match lower.as_str() {
        "active" | "pause" | "drain" => Ok(lower),
        _ => Err(Stop::Failed(format!("invalid availability \"{text}\", only active, pause and drain are supported"))),
    }
}

/// Makes a swarm of this node, and says how others join.
pub fn init(context: &mut Context) -> Result<Finish, Stop> {
    let flags = context.flags;
    let request = Request::SwarmInit(Box::new(SwarmInitRequest {
        advertise_addr: flags.text("advertise-addr").unwrap_or_default().to_owned(),
        force_new_cluster: flags.is_set("force-new-cluster"),
        availability: availability(context)?,
        task_history_limit: flags.signed("task-history-limit"),
        heartbeat_period: flags.duration("dispatcher-heartbeat"),
        snapshot_interval: flags.unsigned("snapshot-interval"),
        listen_addr: "0.0.0.0:2377".into(),
        subnet_size: 24,
        ..SwarmInitRequest::default()
    }));
    let id = match context.ask(&request)? {
        Ok(crate::swarm::api::Response::SwarmInit(id)) => id,
        Ok(_) => return Err(Stop::Failed("swarmlab: the daemon gave an answer of another kind".into())),
        Err(refusal) => {
            let vague = ["could not choose an IP address to advertise", "could not find the system's IP address"];
            let unsaid = !refusal.text.contains(" - specify one with --advertise-addr");
            let hint = unsaid && vague.iter().any(|text| refusal.text.contains(text));
            let hint = if hint { " - specify one with --advertise-addr" } else { "" };
            return Err(Stop::Failed(refusal.text + hint));
        }
    };
    context.out(format!("Swarm initialized: current node ({id}) is now a manager.\n\n"));
    join_command(context, &id, false)?;
    context.out("To add a manager to this swarm, run 'docker swarm join-token manager' and follow the instructions.\n");
    Ok(Finish::default())
}

/// `To add a worker to this swarm, ...`; nothing if the node is no Raft member.
fn join_command(context: &mut Context, node: &str, manager: bool) -> Result<(), Stop> {
    let node = context.node(node)??;
    let tokens = context.swarm()??.join_tokens.clone();
    if let Some(status) = &node.manager_status {
        let (role, token) = if manager { ("manager", tokens.manager) } else { ("worker", tokens.worker) };
        context.out(format!(
            "To add a {role} to this swarm, run the following command:\n\n    docker swarm join --token {token} {}\n\n",
            status.addr
        ));
    }
    Ok(())
}

/// Joins a swarm; the token decides as what.
pub fn join(context: &mut Context) -> Result<Finish, Stop> {
    let flags = context.flags;
    let request = Request::SwarmJoin(SwarmJoinRequest {
        remote_addr: context.arguments()[0].clone(),
        advertise_addr: flags.text("advertise-addr").unwrap_or_default().to_owned(),
        token: flags.text("token").unwrap_or_default().to_owned(),
        availability: availability(context)?,
        listen_addr: "0.0.0.0:2377".into(),
        ..SwarmJoinRequest::default()
    });
    context.order(&request)??;
    let role = if context.info()??.swarm.control_available { "manager" } else { "worker" };
    context.out(format!("This node joined a swarm as a {role}.\n"));
    Ok(Finish::default())
}

/// Shows or replaces a join token.
pub fn join_token(context: &mut Context) -> Result<Finish, Stop> {
    let role = context.arguments()[0].as_str();
    let manager = match role {
        "worker" => false,
        "manager" => true,
        _ => return Err(Stop::Failed(format!("unknown role {role}"))),
    };
    let quiet = context.flags.is_set("quiet");
    if context.flags.is_set("rotate") {
        let cluster = context.swarm()??.cluster.clone();
        let rotate = RotateFlags { worker_token: !manager, manager_token: manager, unlock_key: false };
        let spec = Box::new(cluster.spec);
        context.order(&Request::SwarmUpdate { version: cluster.version.index, spec, rotate })??;
        if !quiet {
            context.out(format!("Successfully rotated {role} join token.\n\n"));
        }
    }
    if quiet {
        let tokens = context.swarm()??.join_tokens.clone();
        context.out(format!("{}\n", if manager { tokens.manager } else { tokens.worker }));
        return Ok(Finish::default());
    }
    // The swarm is asked for before the node, so that the better error comes first.
    context.swarm()??;
    let node = context.info()??.swarm.node_id.clone();
    join_command(context, &node, manager)?;
    Ok(Finish::default())
}

/// Leaves the swarm.
pub fn leave(context: &mut Context) -> Result<Finish, Stop> {
    context.order(&Request::SwarmLeave { force: context.flags.is_set("force") })??;
    context.out("Node left the swarm.\n");
    Ok(Finish::default())
}

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
    let key = fetch_unlock_key(context)?;
    match (key.is_empty(), quiet) {
        (true, _) => return Err(Stop::Failed("no unlock key is set".into())),
        (false, true) => context.out(key + "\n"),
        (false, false) => context.out(unlock_block(&key)),
    }
    Ok(Finish::default())
}

fn fetch_unlock_key(context: &mut Context) -> Result<String, Stop> {
    context.unlock_key()?.map_err(|refusal| Stop::Failed(format!("could not fetch unlock key: {}", refusal.text)))
}

/// How to unlock a manager; nothing without a key.
fn unlock_block(key: &str) -> String {
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
