//! `docker service scale`. cli.md §3.2, §5.3.

use crate::docker::script::{Context, Finish, Stop, Wait};
use crate::docker::value;
use crate::swarm::api::{Request, ServiceMode};
use std::collections::VecDeque;

/// Sets the replicas of each service named, then waits for each in turn.
pub fn scale(context: &mut Context) -> Result<Finish, Stop> {
    let mut orders = Vec::new();
    for argument in context.arguments() {
        match argument.split_once('=') {
            Some((name, number)) if !name.is_empty() && !number.is_empty() => orders.push((name, number)),
            _ => {
                return Err(Stop::Failed(format!(
                    "invalid scale specifier '{argument}'.\nSee 'docker service scale --help'.\n\nUsage:  {}\n\n{SUMMARY}",
                    context.command.usage_line()
                )));
            }
        }
    }
    let mut errors = Vec::new();
    let mut scaled = VecDeque::new();
    for (name, number) in orders {
        match one(context, name, number)? {
            Ok(()) => scaled.push_back(Wait::Service { service: name.to_owned(), quiet: false, named: true }),
            Err(error) => errors.push(format!("{name}: {error}")),
        }
    }
    let waits = if context.flags.is_set("detach") { VecDeque::new() } else { scaled };
    Ok(Finish { errors, waits })
}

/// Part of the error's text, hence Docker's words.
const SUMMARY: &str = "Scale one or multiple replicated services";

fn one(context: &mut Context, name: &str, number: &str) -> Result<Result<(), String>, Stop> {
    let wanted = match value::unsigned(number, 64) {
        Ok(wanted) => wanted,
        Err(error) => return Ok(Err(format!("invalid replicas value {number}: {error}"))),
    };
    let service = match context.service(name, false)? {
        Ok(service) => service,
        Err(refusal) => return Ok(Err(refusal.text)),
    };
    let mut spec = service.spec.clone();
    match &mut spec.mode {
        ServiceMode::Replicated { replicas } => *replicas = Some(wanted),
        ServiceMode::ReplicatedJob { total_completions, .. } => *total_completions = Some(wanted),
        _ => return Ok(Err("scale can only be used with replicated or replicated-job mode".into())),
    }
    let request = Request::ServiceUpdate {
        id: service.id.clone(),
        version: service.version.index,
        spec: Box::new(spec),
        rollback: false,
        query_registry: false,
    };
    match super::service_update::send(context, &request) {
        Ok(()) => {}
        Err(Stop::Failed(error)) => return Ok(Err(error)),
        Err(stop) => return Err(stop),
    }
    context.out(format!("{name} scaled to {wanted}\n"));
    Ok(Ok(()))
}
