//! The compose files of `stack deploy` and `stack config`: which, from where, and what the user is told of them.
//!
//! cli.md §10.1, §10.2.

use crate::docker::compose::{self, Document, Loaded, Place, Project, Trouble};
use crate::docker::format::{self, quote};
use crate::docker::script::{Context, Stop};
use crate::swarm::api::time::rfc3339;
use std::collections::BTreeMap;

/// Reads the files that `--compose-file` names; and the folder that relative paths are taken from.
pub fn documents(context: &mut Context) -> Result<(Vec<Document>, String), Stop> {
    let paths = context.flags.strings("compose-file");
    let Some(first) = paths.first() else {
        return Err(Stop::Failed("specify a Compose file (with --compose-file)".into()));
    };
    let here = &context.environment.directory;
    let directory = match paths.as_slice() {
        [only] if only == "-" => compose::absolute(here, ""),
        _ => compose::absolute(&compose::absolute(here, first), ".."),
    };
    let mut documents = Vec::new();
    for path in &paths {
        let content = match context.file(path)? {
            Ok(content) => content,
            // Where nobody types, the input is at its end.
            Err(_) if path == "-" => Default::default(),
            Err(error) => return Err(Stop::Failed(format!("open {path}: {error}"))),
        };
        documents.push(compose::parse(if path == "-" { "stdin" } else { path }, &content)?);
    }
    Ok((documents, directory))
}

/// Loads them, and passes warnings on.
pub fn load(
    context: &mut Context,
    documents: &[Document],
    directory: &str,
    skip_interpolation: bool,
) -> Result<Loaded, Trouble> {
    let variables = context.environment.variables.clone();
    let mut place =
        Place { directory, variables: &variables, skip_interpolation, read: &mut |path| context.file(path) };
    let loaded = compose::load(documents, &mut place)?;
    let moment = rfc3339(context.clock());
    let second = moment.split(['.', 'Z']).next().unwrap_or_default().to_owned();
    for warning in &loaded.warnings {
        context.err(format!("time=\"{second}Z\" level=warning msg={}\n", quote(warning)));
    }
    Ok(loaded)
}

/// The project to deploy: what has no effect is told, what cannot be is refused.
pub fn project(context: &mut Context) -> Result<Project, Stop> {
    let (documents, directory) = documents(context)?;
    let loaded = load(context, &documents, &directory, false).map_err(|trouble| match trouble {
        Trouble::Stop(stop) => stop,
        Trouble::Forbidden(keys) => {
            Stop::Failed(format!("compose file contains unsupported options:\n\n{}\n", reasons(&keys)))
        }
        Trouble::Text(text) => Stop::Failed(text),
    })?;
    let unsupported = compose::unsupported(&documents);
    if !unsupported.is_empty() {
        context.err(format!("Ignoring unsupported options: {}\n\n", unsupported.join(", ")));
    }
    let deprecated = compose::deprecated(&documents);
    if !deprecated.is_empty() {
        context.err(format!("Ignoring deprecated options:\n\n{}\n\n", reasons(&deprecated)));
    }
    for (name, service) in &loaded.project.services {
        let image = service.get("image").and_then(|image| image.as_str()).unwrap_or_default();
        if let Some(why) = bad_image(image) {
            return Err(Stop::Failed(format!("invalid image reference for service {name}: {why}")));
        }
    }
    Ok(loaded.project)
}

fn reasons(keys: &BTreeMap<&str, &str>) -> String {
    keys.iter().map(|(key, why)| format!("{key}: {why}")).collect::<Vec<_>>().join("\n\n")
}

/// Why a text names no image.
fn bad_image(image: &str) -> Option<String> {
    let lower = image.to_lowercase();
    match (image, format::reference(image), format::reference(&lower)) {
        ("", ..) => Some("no image specified".into()),
        (_, Some(_), _) => None,
        (_, None, Some(_)) => {
            let name = image.split('@').next().unwrap_or_default();
            let name = match name.rsplit_once(':') {
                Some((name, tag)) if !tag.contains('/') => name,
                _ => name,
            };
            let name = if name.contains('/') { name.to_owned() } else { format!("library/{name}") };
            Some(format!("invalid reference format: repository name ({name}) must be lowercase"))
        }
        _ => Some("invalid reference format".into()),
    }
}
