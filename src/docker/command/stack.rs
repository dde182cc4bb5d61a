//! `docker stack ls`, `services`, `ps`, `rm` and `config`. cli.md §10.5.

use super::{service_list, service_ps, stack_file};
use crate::docker::compose::Trouble;
use crate::docker::compose::convert::NAMESPACE;
use crate::docker::format;
use crate::docker::rows::{self, Listing, row};
use crate::docker::script::{Asked, Context, Finish, Stop, Wait};
use crate::swarm::api::{FileKind, Filters, Network, Request, Service};
use std::collections::{BTreeMap, VecDeque};

const LISTING: Listing = Listing {
    kind: "*stack.stackContext",
    headers: &[("Name", "NAME"), ("Services", "SERVICES")],
    table: "{{.Name}}\t{{.Services}}",
    quiet: "{{.Name}}",
    raw: &[("name", "Name"), ("services", "Services")],
};

/// Refuses a name of nothing but blanks and quotes.
pub fn check_name(name: &str) -> Result<(), Stop> {
    match name.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'')) {
        "" => Err(Stop::Failed(format!("invalid stack name: {}", format::quote(name)))),
        _ => Ok(()),
    }
}

fn of_stack(mut filters: Filters, name: &str) -> Filters {
    filters.add("label", &format!("{NAMESPACE}={name}"));
    filters
}

/// The services of a stack.
pub fn services_of(context: &mut Context, name: &str) -> Asked<Vec<Service>> {
    let services = context.services(of_stack(Filters::default(), name), false)?;
    Ok(services.map(|services| {
        let mut services = services.to_vec();
        services.sort_by(|a, b| a.spec.name.cmp(&b.spec.name));
        services
    }))
}

/// The networks of a stack.
pub fn networks_of(context: &mut Context, name: &str) -> Asked<Vec<Network>> {
    let networks = context.networks(of_stack(Filters::default(), name))?;
    Ok(networks.map(|networks| {
        let mut networks = networks.to_vec();
        networks.sort_by(|a, b| a.name.cmp(&b.name));
        networks
    }))
}

/// Lists stacks: names that services have as their label.
pub fn ls(context: &mut Context) -> Result<Finish, Stop> {
    let mut filters = Filters::default();
    filters.add("label", NAMESPACE);
    let services = context.services(filters, false)??;
    let mut stacks: BTreeMap<&str, u64> = BTreeMap::new();
    for name in services.iter().filter_map(|service| service.spec.labels.get(NAMESPACE)) {
        *stacks.entry(name).or_default() += 1;
    }
    let mut stacks: Vec<(&str, u64)> = stacks.into_iter().collect();
    stacks.sort_by(|a, b| format::natural(a.0, b.0));
    let rows: Vec<_> = stacks
        .into_iter()
        .map(|(name, services)| row([("Name", name.into()), ("Services", services.to_string().into())]))
        .collect();
    rows::print(context, &LISTING, &rows, false)?;
    Ok(Finish::default())
}

/// Lists the services of a stack.
pub fn services(context: &mut Context) -> Result<Finish, Stop> {
    let name = context.arguments()[0].as_str();
    check_name(name)?;
    let services = context.services(of_stack(context.flags.filters(), name), true)??;
    if services.is_empty() {
        context.err(format!("Nothing found in stack: {name}\n"));
        return Ok(Finish::default());
    }
    service_list::print(context, services.to_vec())
}

/// Lists the tasks of a stack.
pub fn ps(context: &mut Context) -> Result<Finish, Stop> {
    let name = context.arguments()[0].as_str();
    check_name(name)?;
    let tasks = context.tasks(of_stack(context.flags.filters(), name))??;
    if tasks.is_empty() {
        return Err(Stop::Failed(format!("nothing found in stack: {name}")));
    }
    let whole = context.flags.is_set("no-trunc");
    service_ps::print(context, tasks.iter(), whole)?;
    Ok(Finish::default())
}

/// Removes stacks: services first, networks last.
pub fn rm(context: &mut Context) -> Result<Finish, Stop> {
    let (mut errors, mut waits) = (Vec::new(), VecDeque::new());
    for name in context.arguments() {
        check_name(name)?;
    }
    let detach = context.flags.boolean("detach").unwrap_or(true);
    for name in context.arguments() {
        let services = services_of(context, name)??;
        let networks = networks_of(context, name)??;
        let mut files = Vec::new();
        for kind in [FileKind::Secret, FileKind::Config] {
            let mut found = context.files(kind, of_stack(Filters::default(), name))??.to_vec();
            found.sort_by(|a, b| a.spec.name.cmp(&b.spec.name));
            files.extend(found.into_iter().map(|file| (kind, file)));
        }
        if services.is_empty() && networks.is_empty() && files.is_empty() {
            context.err(format!("Nothing found in stack: {name}\n"));
            continue;
        }
        let mut failed = remove_services(context, services.iter())?;
        for (kind, file) in &files {
            let request = Request::FileRemove { kind: *kind, id: file.id.clone() };
            failed |= remove(context, kind.noun(), &file.spec.name, &file.id, &request)?;
        }
        for network in &networks {
            failed |=
                remove(context, "network", &network.name, &network.id, &Request::NetworkRemove(network.id.clone()))?;
        }
        if failed {
            errors.push(format!("failed to remove some resources from stack: {name}"));
        } else if !detach {
            waits.push_back(Wait::Stack { name: name.clone() });
        }
    }
    Ok(Finish { errors, waits })
}

/// Removes services, in their order; whether one could not be.
pub fn remove_services<'a>(context: &mut Context, services: impl Iterator<Item = &'a Service>) -> Result<bool, Stop> {
    let mut failed = false;
    for service in services {
        let request = Request::ServiceRemove(service.id.clone());
        failed |= remove(context, "service", &service.spec.name, &service.id, &request)?;
    }
    Ok(failed)
}

/// Removes something; whether that failed. The real client ends the line of a failure no more than this does.
fn remove(context: &mut Context, noun: &str, name: &str, id: &str, request: &Request) -> Result<bool, Stop> {
    context.out(format!("Removing {noun} {name}\n"));
    match context.order(request)? {
        Ok(()) => Ok(false),
        Err(refusal) => {
            context.err(format!("Failed to remove {noun} {id}: {}", refusal.text));
            Ok(true)
        }
    }
}

/// The filter that finds everything of a stack.
pub fn filters(name: &str) -> Filters {
    of_stack(Filters::default(), name)
}

/// Prints what compose files say, put together.
pub fn config(context: &mut Context) -> Result<Finish, Stop> {
    let skip = context.flags.is_set("skip-interpolation");
    let (documents, directory) = stack_file::documents(context)?;
    let loaded = stack_file::load(context, &documents, &directory, skip).map_err(|trouble| match trouble {
        Trouble::Stop(stop) => stop,
        Trouble::Forbidden(_) => Stop::Failed("Configuration contains forbidden properties".into()),
        Trouble::Text(text) => Stop::Failed(text),
    })?;
    context.out(loaded.project.print());
    Ok(Finish::default())
}
