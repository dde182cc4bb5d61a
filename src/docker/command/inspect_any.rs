//! `docker inspect`: whatever has that name or id. Containers come first, then what else this host has, then what a
//! manager knows. cli.md §5.8.

use super::inspect;
use crate::docker::script::{Context, Finish, Stop};
use crate::swarm::api::FileKind;
use serde_json::Value;

/// Shows objects of any kind in detail.
pub fn inspect(context: &mut Context) -> Result<Finish, Stop> {
    let kind = context.flags.text("type").unwrap_or("").to_owned();
    inspect::print(context, |context, reference| find(context, &kind, reference))
}

/// Shows containers in detail.
pub fn container(context: &mut Context) -> Result<Finish, Stop> {
    inspect::print(context, |context, reference| {
        Ok(match context.container(reference)? {
            Ok(container) => Ok(value(&*container)?),
            Err(refusal) => Err(refusal.text),
        })
    })
}

fn value(object: &impl serde::Serialize) -> Result<Value, Stop> {
    serde_json::to_value(object).map_err(|error| Stop::Failed(error.to_string()))
}

fn find(context: &mut Context, kind: &str, reference: &str) -> Result<Result<Value, String>, Stop> {
    let wanted = |own: &str| kind.is_empty() || kind == own;
    let kinds = ["", "container", "image", "network", "volume", "service", "task", "node", "secret", "config"];
    if !kinds.contains(&kind) {
        return Err(Stop::Failed(format!("swarmlab: docker inspect --type {kind} is not modelled yet")));
    }
    if wanted("container") {
        match context.container(reference)? {
            Ok(container) => return Ok(Ok(value(&*container)?)),
            Err(refusal) if !refusal.is_not_found() => return Ok(Err(refusal.text)),
            Err(_) => {}
        }
    }
    if wanted("image")
        && let Ok(image) = context.image(reference)?
    {
        return Ok(Ok(value(&*image)?));
    }
    if wanted("network")
        && let Ok(network) = context.network(reference, "")?
    {
        return Ok(Ok(value(&*network)?));
    }
    if wanted("volume")
        && let Ok(volume) = context.volume(reference)?
    {
        return Ok(Ok(value(&*volume)?));
    }
    // What only a manager knows is passed over elsewhere.
    if wanted("service")
        && let Ok(service) = context.service(reference, false)?
    {
        return Ok(Ok(value(&*service)?));
    }
    if wanted("task")
        && let Ok(task) = context.task(reference)?
    {
        return Ok(Ok(value(&*task)?));
    }
    if wanted("node")
        && let Ok(node) = context.node(reference)?
    {
        return Ok(Ok(value(&*node)?));
    }
    if wanted("secret")
        && let Ok(secret) = context.file_object(FileKind::Secret, reference)?
    {
        return Ok(Ok(value(&*secret)?));
    }
    if wanted("config")
        && let Ok(config) = context.file_object(FileKind::Config, reference)?
    {
        return Ok(Ok(value(&*config)?));
    }
    let kind = if kind.is_empty() { "object" } else { kind };
    Ok(Err(format!("error: no such {kind}: {reference}")))
}
