//! `docker secret` and `docker config`: `create`, `ls`, `inspect`, `rm`. cli.md §5.6.

use super::inspect;
use crate::docker::format::{self, human_duration, pretty};
use crate::docker::rows::{self, Listing, row};
use crate::docker::script::{Context, Finish, Stop};
use crate::swarm::api::time::{go_string, parse_rfc3339};
use crate::swarm::api::{Driver, File, FileKind, FileSpec, Request};

const SECRETS: Listing = Listing {
    kind: "*secret.secretContext",
    headers: &[
        ("ID", "ID"),
        ("Name", "NAME"),
        ("Driver", "DRIVER"),
        ("CreatedAt", "CREATED"),
        ("UpdatedAt", "UPDATED"),
        ("Labels", "LABELS"),
    ],
    table: "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.CreatedAt}}\t{{.UpdatedAt}}",
    quiet: "{{.ID}}",
    raw: &[
        ("id", "ID"),
        ("name", "Name"),
        ("driver", "Driver"),
        ("created_at", "CreatedAt"),
        ("updated_at", "UpdatedAt"),
    ],
};

const CONFIGS: Listing = Listing {
    kind: "*config.configContext",
    headers: &[
        ("ID", "ID"),
        ("Name", "NAME"),
        ("CreatedAt", "CREATED"),
        ("UpdatedAt", "UPDATED"),
        ("Labels", "LABELS"),
    ],
    table: "{{.ID}}\t{{.Name}}\t{{.CreatedAt}}\t{{.UpdatedAt}}",
    quiet: "{{.ID}}",
    raw: &[("id", "ID"), ("name", "Name"), ("created_at", "CreatedAt"), ("updated_at", "UpdatedAt")],
};

/// `docker secret create`
pub fn create_secret(context: &mut Context) -> Result<Finish, Stop> {
    let data = match context.arguments().get(1) {
        Some(path) => content(context, path)?,
        None => return Err(Stop::Failed("secret file is required".into())),
    };
    create(context, FileKind::Secret, data?)
}

/// `docker config create`
pub fn create_config(context: &mut Context) -> Result<Finish, Stop> {
    let path = context.arguments()[1].as_str();
    let data = content(context, path)?;
    let data = data.map_err(|error| format!("error reading content from {}: {error}", format::quote(path)))?;
    create(context, FileKind::Config, data)
}

/// What a file, or the input, says.
fn content(context: &mut Context, path: &str) -> Result<Result<Vec<u8>, String>, Stop> {
    let place = if path == "-" { "STDIN" } else { path };
    Ok(match context.file(path)? {
        Ok(data) if !data.is_empty() => Ok(data.to_vec()),
        // Where nobody types, the input is at its end.
        Err(_) if path == "-" => Err("error reading from STDIN: data is empty".into()),
        Ok(_) => Err(format!("error reading from {place}: data is empty")),
        Err(error) => Err(format!("error reading from {path}: open {path}: {error}")),
    })
}

fn create(context: &mut Context, kind: FileKind, data: Vec<u8>) -> Result<Finish, Stop> {
    let flags = context.flags;
    let templating = flags.text("template-driver").filter(|name| !name.is_empty());
    let spec = FileSpec {
        name: context.arguments()[0].clone(),
        labels: flags.labels("label"),
        data,
        templating: templating.map(|name| Driver { name: name.to_owned(), ..Driver::default() }),
    };
    let id = context.created(Request::FileCreate { kind, spec })??;
    context.out(format!("{id}\n"));
    Ok(Finish::default())
}

/// `docker secret ls`
pub fn ls_secrets(context: &mut Context) -> Result<Finish, Stop> {
    ls(context, FileKind::Secret, &SECRETS)
}

/// `docker config ls`
pub fn ls_configs(context: &mut Context) -> Result<Finish, Stop> {
    ls(context, FileKind::Config, &CONFIGS)
}

fn ls(context: &mut Context, kind: FileKind, listing: &Listing) -> Result<Finish, Stop> {
    let mut files = context.files(kind, context.flags.filters())??.to_vec();
    files.sort_by(|a, b| format::natural(&a.spec.name, &b.spec.name));
    let now = context.clock();
    let age = |time: &str| {
        let age = parse_rfc3339(time).map_or(0, |time| now.saturating_sub(time));
        format!("{} ago", human_duration(age))
    };
    let rows: Vec<_> = files
        .iter()
        .map(|file| {
            let labels = file.spec.labels.iter().map(|(key, value)| format!("{key}={value}"));
            let mut fields = vec![
                ("ID", file.id.as_str().into()),
                ("Name", file.spec.name.as_str().into()),
                ("CreatedAt", age(&file.created_at).into()),
                ("UpdatedAt", age(&file.updated_at).into()),
                ("Labels", labels.collect::<Vec<_>>().join(",").into()),
            ];
            if kind == FileKind::Secret {
                fields.push(("Driver", "".into()));
            }
            row(fields)
        })
        .collect();
    rows::print(context, listing, &rows, context.flags.is_set("quiet"))?;
    Ok(Finish::default())
}

/// `docker secret inspect`
pub fn inspect_secrets(context: &mut Context) -> Result<Finish, Stop> {
    show(context, FileKind::Secret)
}

/// `docker config inspect`
pub fn inspect_configs(context: &mut Context) -> Result<Finish, Stop> {
    show(context, FileKind::Config)
}

fn show(context: &mut Context, kind: FileKind) -> Result<Finish, Stop> {
    if !inspect::is_pretty(context)? {
        return inspect::print(context, |context, reference| {
            Ok(match context.file_object(kind, reference)? {
                Ok(file) => Ok(serde_json::to_value(&*file).map_err(|error| error.to_string())?),
                Err(refusal) => Err(refusal.text),
            })
        });
    }
    let mut errors = Vec::new();
    let mut text = String::new();
    for reference in context.arguments() {
        match context.file_object(kind, reference)? {
            Ok(file) => text.push_str(&(describe(kind, &file) + "\n")),
            Err(refusal) => errors.push(refusal.text),
        }
    }
    context.out(text);
    Finish::with(errors)
}

/// `inspect --pretty`, without the newline behind it.
fn describe(kind: FileKind, file: &File) -> String {
    let moment = |time: &str| pretty(&parse_rfc3339(time).map_or_else(|| time.to_owned(), go_string));
    let (id, name) = (&file.id, &file.spec.name);
    let mut text = match kind {
        FileKind::Secret => format!("ID:              {id}\nName:              {name}\n"),
        FileKind::Config => format!("ID:\t\t\t{id}\nName:\t\t\t{name}\n"),
    };
    if !file.spec.labels.is_empty() {
        text += "Labels:\n";
        for (key, value) in &file.spec.labels {
            text += &if value.is_empty() { format!(" - {key}\n") } else { format!(" - {key}={value}\n") };
        }
    }
    let (created, updated) = (moment(&file.created_at), moment(&file.updated_at));
    match kind {
        FileKind::Secret => {
            text + &format!("Driver:            \nCreated at:        {created}\nUpdated at:        {updated}")
        }
        FileKind::Config => {
            let data = String::from_utf8_lossy(&file.spec.data);
            text + &format!("Created at:            \t{created}\nUpdated at:            \t{updated}\nData:\n{data}")
        }
    }
}

/// `docker secret rm`
pub fn rm_secrets(context: &mut Context) -> Result<Finish, Stop> {
    rm(context, FileKind::Secret)
}

/// `docker config rm`
pub fn rm_configs(context: &mut Context) -> Result<Finish, Stop> {
    rm(context, FileKind::Config)
}

fn rm(context: &mut Context, kind: FileKind) -> Result<Finish, Stop> {
    let mut errors = Vec::new();
    for name in context.arguments() {
        match context.order(&Request::FileRemove { kind, id: name.clone() })? {
            Ok(()) => context.out(format!("{name}\n")),
            Err(refusal) => errors.push(refusal.text),
        }
    }
    Finish::with(errors)
}
