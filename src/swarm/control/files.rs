//! Secrets and configs: made, listed, shown, relabelled, removed (control-plane.md §1.5).

use super::list::{any, check_keys, labels};
use super::present::{moment, version};
use super::spec::invalid;
use crate::swarm::api::{self, ApiError, Code, FileKind, Filters, Response};
use crate::swarm::object::{FileSpec, Service, StoredFile};
use crate::swarm::store::{State, Transaction, Why};
use crate::swarm::world::Env;
use std::sync::Arc;

const BAD_NAME: &str =
    "invalid name, only 64 [a-zA-Z0-9-_.] characters allowed, and the start and end character must be [a-zA-Z0-9]";

/// Finds one as the engine does: by id, by name, by unique prefix of an id.
///
/// # Errors
/// Not found, or ambiguous, in the engine's words.
pub fn find(kind: FileKind, state: &State, name: &str) -> Result<Arc<StoredFile>, ApiError> {
    let noun = kind.noun();
    let by_id = state.files_of(kind).find(|file| file.id.text() == name);
    if let Some(file) = by_id.or_else(|| state.files_of(kind).find(|file| **file.name() == *name)) {
        return Ok(file.clone());
    }
    let mut matches = state.files_of(kind).filter(|file| !name.is_empty() && file.id.text().starts_with(name));
    match (matches.next(), matches.count()) {
        (Some(file), 0) => Ok(file.clone()),
        (Some(_), more) => Err(ApiError::new(400, format!("{noun} {name} is ambiguous ({} matches found)", more + 1))),
        (None, _) => Err(ApiError::new(404, format!("{noun} {name} not found"))),
    }
}

fn check_name(name: &str) -> Result<(), ApiError> {
    let end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let inside = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    match name {
        "" => Err(invalid("name must be provided")),
        _ if inside && name.len() <= 64 && end(name.chars().next()) && end(name.chars().next_back()) => Ok(()),
        _ => Err(invalid(BAD_NAME)),
    }
}

/// Makes a secret or a config.
pub fn create(kind: FileKind, spec: &api::FileSpec, tx: &mut Transaction, env: &mut Env) -> Result<Response, ApiError> {
    check_name(&spec.name)?;
    let (noun, limit) = (kind.noun(), kind.limit());
    if spec.data.is_empty() || spec.data.len() >= limit {
        return Err(invalid(format!("{noun} data must be larger than 0 and less than {limit} bytes")));
    }
    if tx.state().files_of(kind).any(|file| file.name().eq_ignore_ascii_case(&spec.name)) {
        return Err(ApiError::grpc(Code::AlreadyExists, format!("{noun} {} already exists", spec.name)));
    }
    let id = env.ids.file(kind, &spec.name);
    let stored = FileSpec {
        name: spec.name.as_str().into(),
        labels: spec.labels.clone(),
        data: spec.data.as_slice().into(),
        templating: spec.templating.as_ref().map(|driver| driver.name.as_str()).unwrap_or_default().into(),
    };
    let key = tx.state().files.next_key();
    tx.put_file(StoredFile { key, id, meta: Default::default(), kind, spec: Arc::new(stored) }, Why::Request);
    Ok(Response::Created(id.text()))
}

/// Changes the labels; nothing else may change.
pub fn update(
    kind: FileKind,
    id: &str,
    version: u64,
    spec: &api::FileSpec,
    tx: &mut Transaction,
) -> Result<Response, ApiError> {
    let file = find(kind, tx.state(), id)?;
    // Who read a secret has no content to send back.
    if *spec.name != *file.spec.name || !(spec.data.is_empty() || *spec.data == *file.spec.data) {
        return Err(invalid("only updates to Labels are allowed"));
    }
    if file.meta.version != version {
        return Err(ApiError::grpc(Code::Unknown, "update out of sequence"));
    }
    let mut changed = StoredFile::clone(&file);
    changed.spec = Arc::new(FileSpec { labels: spec.labels.clone(), ..FileSpec::clone(&file.spec) });
    tx.put_file(changed, Why::Request);
    Ok(Response::Done)
}

/// Removes one that no service names.
pub fn remove(kind: FileKind, name: &str, tx: &mut Transaction) -> Result<Response, ApiError> {
    let file = find(kind, tx.state(), name)?;
    let named = |service: &&Arc<Service>| service.spec.task.uses.files.contains(&file.key);
    let mut services: Vec<_> = tx.state().services.values().filter(named).collect();
    if !services.is_empty() {
        services.sort_by_key(|service| service.id.text());
        let names: Vec<&str> = services.iter().map(|service| &**service.name()).collect();
        let which = if names.len() == 1 { "service" } else { "services" };
        return Err(invalid(format!(
            "{} '{}' is in use by the following {which}: {}",
            kind.noun(),
            file.name(),
            names.join(", ")
        )));
    }
    tx.remove_file(file.key, Why::Request);
    Ok(Response::Done)
}

/// Secrets or configs.
pub fn list(kind: FileKind, filters: &Filters, state: &State) -> Result<Vec<api::File>, ApiError> {
    check_keys(filters, &["name", "id", "label"])?;
    let wanted = |file: &&Arc<StoredFile>| {
        any(filters, "id", |id| file.id.text().starts_with(id))
            && any(filters, "name", |name| file.name().starts_with(name))
            && labels(filters, "label", &file.spec.labels)
    };
    Ok(state.files_of(kind).filter(wanted).map(|file| present(file)).collect())
}

/// As the API shows it: the content of a secret is not shown.
pub fn present(file: &StoredFile) -> api::File {
    let templating = &file.spec.templating;
    api::File {
        id: file.id.text(),
        version: version(&file.meta),
        created_at: moment(file.meta.created_at),
        updated_at: moment(file.meta.updated_at),
        spec: api::FileSpec {
            name: file.spec.name.to_string(),
            labels: file.spec.labels.clone(),
            data: match file.kind {
                FileKind::Secret => Vec::new(),
                FileKind::Config => file.spec.data.to_vec(),
            },
            templating: (!templating.is_empty())
                .then(|| api::Driver { name: templating.to_string(), ..api::Driver::default() }),
        },
    }
}
