//! `docker swarm init`, `join`, `join-token`, `leave`, `update`. cli.md §5.1.

use super::{swarm_ca, swarm_lock};
use crate::docker::help;
use crate::docker::script::{Context, Finish, Stop};
use crate::docker::value::node_address;
use crate::swarm::api::{Request, RotateFlags, SwarmInitRequest, SwarmJoinRequest};

const LISTEN: &str = "0.0.0.0:2377";

fn availability(context: &Context) -> Result<String, Stop> {
    let text = context.flags.text("availability").unwrap_or("active");
    let lower = text.to_lowercase();
    match lower.as_str() {
        "active" | "pause" | "drain" => Ok(lower),
        _ => Err(Stop::Failed(format!("invalid availability \"{text}\", only active, pause and drain are supported"))),
    }
}

fn listen_addr(context: &Context) -> String {
    context.flags.text("listen-addr").and_then(|text| node_address(text).ok()).unwrap_or_else(|| LISTEN.to_owned())
}

/// Makes a swarm of this node, and says how others join.
pub fn init(context: &mut Context) -> Result<Finish, Stop> {
    let flags = context.flags;
    let listen_addr = listen_addr(context);
    let text = |flag: &str| flags.text(flag).unwrap_or_default().to_owned();
    let number = |flag: &str| flags.unsigned(flag).and_then(|number| u32::try_from(number).ok());
    let pool = flags.all("default-addr-pool").flat_map(|nets| nets.split(',')).map(str::to_owned).collect();
    let availability = availability(context)?;
    let autolock = flags.is_set("autolock");
    let request = Request::SwarmInit(Box::new(SwarmInitRequest {
        listen_addr,
        advertise_addr: text("advertise-addr"),
        data_path_addr: text("data-path-addr"),
        data_path_port: number("data-path-port").unwrap_or(0),
        default_addr_pool: pool,
        subnet_size: number("default-addr-pool-mask-length").unwrap_or(24),
        force_new_cluster: flags.is_set("force-new-cluster"),
        autolock,
        availability,
        cert_expiry: flags.duration("cert-expiry"),
        task_history_limit: flags.signed("task-history-limit"),
        heartbeat_period: flags.duration("dispatcher-heartbeat"),
        snapshot_interval: flags.unsigned("snapshot-interval"),
        max_snapshots: flags.unsigned("max-snapshots"),
        external_cas: swarm_ca::external_cas(context, "")?,
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
    if autolock {
        let key = swarm_lock::fetch(context)?;
        context.out(swarm_lock::instructions(&key));
    }
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
    let text = |flag: &str| flags.text(flag).unwrap_or_default().to_owned();
    let request = Request::SwarmJoin(SwarmJoinRequest {
        remote_addr: context.arguments()[0].clone(),
        listen_addr: listen_addr(context),
        advertise_addr: text("advertise-addr"),
        data_path_addr: text("data-path-addr"),
        token: text("token"),
        availability: availability(context)?,
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

/// Changes the settings of the swarm; without a flag it explains itself.
pub fn update(context: &mut Context) -> Result<Finish, Stop> {
    let flags = context.flags;
    if flags.given().next().is_none() {
        context.out(help::command(context.command));
        return Ok(Finish::default());
    }
    let swarm = context.swarm()??;
    let mut spec = Box::new(swarm.cluster.spec.clone());
    let locked = spec.auto_lock_managers;
    if let Some(limit) = flags.signed("task-history-limit") {
        spec.task_history_retention_limit = limit;
    }
    if let Some(period) = flags.duration("dispatcher-heartbeat") {
        spec.heartbeat_period = period;
    }
    if let Some(interval) = flags.unsigned("snapshot-interval") {
        spec.snapshot_interval = interval;
    }
    if let Some(kept) = flags.unsigned("max-snapshots") {
        spec.keep_old_snapshots = kept;
    }
    if let Some(autolock) = flags.boolean("autolock") {
        spec.auto_lock_managers = autolock;
    }
    swarm_ca::merge(context, &mut spec, &swarm.cluster.tls_info.trust_root)?;
    let lock = spec.auto_lock_managers && !locked;
    let version = swarm.cluster.version.index;
    context.order(&Request::SwarmUpdate { version, spec, rotate: RotateFlags::default() })??;
    context.out("Swarm updated.\n");
    if lock {
        let key = swarm_lock::fetch(context)?;
        context.out(swarm_lock::instructions(&key));
    }
    Ok(Finish::default())
}
