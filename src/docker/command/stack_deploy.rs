//! `docker stack deploy`: networks, secrets and configs that are missing are made, then the services are made or replaced.
//!
//! cli.md §10.3, §10.5. Within each kind the order is the alphabet's.

use super::{service_create, stack, stack_file};
use crate::docker::compose::Project;
use crate::docker::compose::convert::{self, IMAGE};
use crate::docker::format;
use crate::docker::script::{Context, Finish, Stop, Wait};
use crate::swarm::api::{
    ConfigReference, FileKind, FileTarget, Filters, Request, Response, SecretReference, ServiceSpec,
};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// When the registry is asked for an image's digest.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Resolve {
    Always,
    Changed,
    Never,
}

/// Deploys a stack, or updates one.
pub fn deploy(context: &mut Context) -> Result<Finish, Stop> {
    let name = context.arguments()[0].as_str();
    stack::check_name(name)?;
    let project = stack_file::project(context)?;
    let resolve = match context.flags.text("resolve-image").unwrap_or("always") {
        "always" => Resolve::Always,
        "changed" => Resolve::Changed,
        "never" => Resolve::Never,
        other => return Err(Stop::Failed(format!("invalid option {other} for flag --resolve-image"))),
    };
    let detach = context.flags.boolean("detach");
    if detach.is_none() {
        context.err(
            "Since --detach=false was not specified, tasks will be created in the background.\n\
             In a future release, --detach=false will become the default.\n",
        );
    }
    if !context.info()??.swarm.control_available {
        let text = "this node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this \
                    node to swarm and try again";
        return Err(Stop::Failed(text.into()));
    }
    if context.flags.is_set("prune") {
        prune(context, name, &project)?;
    }
    networks(context, name, &project)?;
    files(context, FileKind::Secret, name, &project)?;
    files(context, FileKind::Config, name, &project)?;
    let specs = specs(context, name, &project)?;
    let ids = services(context, name, specs, resolve)?;
    let mut waits = VecDeque::new();
    if detach == Some(false) {
        let quiet = context.flags.is_set("quiet");
        waits.extend(ids.into_iter().map(|service| Wait::Service { service, quiet, named: true }));
    }
    Ok(Finish { errors: Vec::new(), waits })
}

/// Removes the services that the files no longer have.
fn prune(context: &mut Context, name: &str, project: &Project) -> Result<(), Stop> {
    let services = match stack::services_of(context, name)? {
        Ok(services) => services,
        Err(refusal) => {
            context.err(format!("Failed to list services: {}\n", refusal.text));
            return Ok(());
        }
    };
    let kept: BTreeSet<String> = project.services.keys().map(|key| convert::scoped(name, key)).collect();
    stack::remove_services(context, services.iter().filter(|service| !kept.contains(&service.spec.name)))?;
    Ok(())
}

fn networks(context: &mut Context, name: &str, project: &Project) -> Result<(), Stop> {
    let (made, external) = convert::networks(name, project);
    for network in external.iter().filter(|network| convert::is_user_defined(network)) {
        match context.network(network, "")? {
            Ok(found) if found.scope == "swarm" => {}
            Ok(found) => {
                let scope = &found.scope;
                return Err(Stop::Failed(format!(
                    "network \"{network}\" is declared as external, but it is not in the right scope: \"{scope}\" instead \
                     of \"swarm\""
                )));
            }
            Err(refusal) if refusal.is_not_found() => {
                return Err(Stop::Failed(format!(
                    "network \"{network}\" is declared as external, but could not be found. You need to create a \
                     swarm-scoped network before the stack is deployed"
                )));
            }
            Err(refusal) => return Err(refusal.into()),
        }
    }
    let known = stack::networks_of(context, name)??;
    for (network, request) in made {
        if known.iter().any(|known| known.name == network) {
            continue;
        }
        context.out(format!("Creating network {network}\n"));
        context
            .created(Request::NetworkCreate(Box::new(request)))?
            .map_err(|refusal| format!("failed to create network {network}: {}", refusal.text))?;
    }
    Ok(())
}

/// Makes secrets or configs, or updates them; all are read before the first is made.
fn files(context: &mut Context, kind: FileKind, name: &str, project: &Project) -> Result<(), Stop> {
    let noun = kind.noun();
    let mut specs = Vec::new();
    for mut made in convert::files(kind, name, project) {
        if let Some(path) = made.path {
            let content = context.file(&path)?.map_err(|error| format!("open {path}: {error}"))?;
            made.spec.data = content.to_vec();
        }
        specs.push(made.spec);
    }
    specs.sort_by(|a, b| a.name.cmp(&b.name));
    for spec in specs {
        let name = spec.name.clone();
        match context.file_object(kind, &name)? {
            Ok(file) => {
                let request = Request::FileUpdate { kind, id: file.id.clone(), version: file.version.index, spec };
                context
                    .order(&request)?
                    .map_err(|refusal| format!("failed to update {noun} {name}: {}", refusal.text))?;
            }
            Err(refusal) if refusal.is_not_found() => {
                context.out(format!("Creating {noun} {name}\n"));
                context
                    .created(Request::FileCreate { kind, spec })?
                    .map_err(|refusal| format!("failed to create {noun} {name}: {}", refusal.text))?;
            }
            Err(refusal) => return Err(refusal.into()),
        }
    }
    Ok(())
}

/// The services' specs, by name in the swarm.
fn specs(context: &mut Context, name: &str, project: &Project) -> Result<BTreeMap<String, ServiceSpec>, Stop> {
    let mut specs = BTreeMap::new();
    for (key, service) in &project.services {
        let of_service = |error: String| Stop::Failed(format!("service {key}: {error}"));
        let secrets = found(context, FileKind::Secret, name, (key, service), project)?;
        let secrets = secrets.into_iter().map(|(id, name, file)| SecretReference { file, id, name }).collect();
        let configs = found(context, FileKind::Config, name, (key, service), project)?;
        let configs = configs.into_iter().map(|(id, name, file)| ConfigReference { file, id, name }).collect();
        let spec = convert::service(name, key, service, project, secrets, configs).map_err(of_service)?;
        specs.insert(spec.name.clone(), spec);
    }
    Ok(specs)
}

/// The secrets or the configs of a service in the swarm: id, name and place, by name.
fn found(
    context: &mut Context,
    kind: FileKind,
    name: &str,
    (key, service): (&str, &Map<String, Value>),
    project: &Project,
) -> Result<Vec<(String, String, FileTarget)>, Stop> {
    let of_service = |error: String| Stop::Failed(format!("service {key}: {error}"));
    let uses = convert::uses(kind, name, service, project).map_err(of_service)?;
    if uses.is_empty() {
        return Ok(Vec::new());
    }
    let mut filters = Filters::default();
    uses.iter().for_each(|(name, _)| filters.add("name", name));
    let files = context.files(kind, filters)?.map_err(|refusal| of_service(refusal.text))?;
    let mut found = Vec::new();
    for (name, target) in uses {
        match files.iter().find(|file| file.spec.name == name) {
            Some(file) => found.push((file.id.clone(), name, target)),
            None => return Err(of_service(format!("{} not found: {name}", kind.noun()))),
        }
    }
    found.sort_by(|a, b| a.1.cmp(&b.1));
    Ok(found)
}

/// Makes or replaces the services; their ids.
fn services(
    context: &mut Context,
    name: &str,
    specs: BTreeMap<String, ServiceSpec>,
    resolve: Resolve,
) -> Result<Vec<String>, Stop> {
    let known = stack::services_of(context, name)??;
    let mut ids = Vec::new();
    for (name, mut spec) in specs {
        let image = spec.task_template.container_spec.image.clone();
        let Some(service) = known.iter().find(|service| service.spec.name == name) else {
            context.out(format!("Creating service {name}\n"));
            spec.task_template.container_spec.image = format::with_default_tag(&image);
            let request = Request::ServiceCreate { spec: Box::new(spec), query_registry: resolve != Resolve::Never };
            let created = context.ask(&request)?;
            match created.map_err(|refusal| format!("failed to create service {name}: {}", refusal.text))? {
                // What the daemon warns of is not passed on here, only for updates: so the real client does it.
                Response::ServiceCreated { id, .. } => ids.push(id),
                _ => return Err(Stop::Failed("swarmlab: the daemon gave an answer of another kind".into())),
            }
            continue;
        };
        context.out(format!("Updating service {name} (id: {})\n", service.id));
        let same = service.spec.labels.get(IMAGE) == Some(&image);
        let stored = &service.spec.task_template;
        let container = &mut spec.task_template.container_spec;
        container.image = match resolve != Resolve::Always && same {
            true => stored.container_spec.image.clone(),
            false => format::with_default_tag(&image),
        };
        spec.task_template.force_update = stored.force_update;
        let request = Request::ServiceUpdate {
            id: service.id.clone(),
            version: service.version.index,
            spec: Box::new(spec),
            rollback: false,
            query_registry: resolve == Resolve::Always || (resolve == Resolve::Changed && !same),
        };
        let answer = context.ask(&request)?;
        let answer = answer.map_err(|refusal| format!("failed to update service {name}: {}", refusal.text))?;
        if let Response::ServiceUpdated { warnings } = answer {
            service_create::warn(context, &warnings);
        }
        ids.push(service.id.clone());
    }
    Ok(ids)
}
