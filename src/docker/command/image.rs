//! `docker images`, `pull`, `rmi`: the images of this host. cli.md §5.8.

use crate::docker::format;
use crate::docker::rows::{self, Listing, row};
use crate::docker::script::{Context, Finish, Refusal, Stop};
use crate::swarm::api::{ImageSummary, Request, Response};

/// Recorded of 29.7.2 (topic 14).
const LISTING: Listing = Listing {
    kind: "*formatter.ImageContext",
    headers: &[
        ("Reference", "IMAGE"),
        ("Repository", "REPOSITORY"),
        ("Tag", "TAG"),
        ("ID", "ID"),
        ("Size", "DISK USAGE"),
        ("ContentSize", "CONTENT SIZE"),
        ("Extra", "EXTRA"),
    ],
    table: "{{.Reference}}\t{{.ID}}\t{{.Size}}\t{{.ContentSize}}\t{{.Extra}}",
    quiet: "{{.ID}}",
    raw: &[("repository", "Repository"), ("tag", "Tag"), ("image_id", "ID"), ("virtual_size", "Size")],
};

/// Lists images.
pub fn ls(context: &mut Context) -> Result<Finish, Stop> {
    let images = context.images()??;
    let wanted = context.arguments().first();
    let matches = |image: &&ImageSummary| {
        wanted.is_none_or(|wanted| {
            image.reference == *wanted || image.reference.rsplit_once(':').is_some_and(|(name, _)| name == wanted)
        })
    };
    let whole = context.flags.is_set("no-trunc");
    let rows: Vec<_> = images.iter().filter(matches).map(|image| line(image, whole)).collect();
    let plain = matches!(context.flags.text("format").unwrap_or(""), "" | "table");
    if context.flags.is_set("tree") {
        let asked = ["quiet", "no-trunc", "digests", "format"].into_iter().find(|flag| context.flags.changed(flag));
        if let Some(flag) = asked {
            return Err(Stop::Failed(format!("--{flag} is not yet supported with --tree")));
        }
        context.out(table(&rows, true));
        return Ok(Finish::default());
    }
    if plain && !context.flags.is_set("quiet") {
        context.out(table(&rows, false));
        return Ok(Finish::default());
    }
    rows::print(context, &LISTING, &rows, context.flags.is_set("quiet"))?;
    Ok(Finish::default())
}

/// The table of 29.7.2: sizes stand to the right, and the last column is filled up.
fn table(rows: &[serde_json::Value], tree: bool) -> String {
    let cell = |row: &serde_json::Value, field: &str| row[field].as_str().unwrap_or_default().to_owned();
    let width = |field: &str, header: &str| {
        rows.iter().map(|row| cell(row, field).chars().count()).chain([header.len()]).max().unwrap_or(0)
    };
    let (image, id) = (width("Reference", "IMAGE"), width("ID", "ID"));
    let mut text = format!("{:image$}   {:id$}   DISK USAGE   CONTENT SIZE   EXTRA\n", "IMAGE", "ID");
    for row in rows {
        let [reference, own, size, content, extra] =
            ["Reference", "ID", "Size", "ContentSize", "Extra"].map(|field| cell(row, field));
        text += &format!("{reference:image$}   {own:id$}   {size:>10}   {content:>12}   {extra:5}\n");
        if tree {
            // All that is here is for the host's own platform.
            text += &format!("{:image$}   {own:id$}   {size:>10}   {content:>12}   {extra:5}\n\n", "└─ linux/amd64");
        }
    }
    text
}

fn line(image: &ImageSummary, whole: bool) -> serde_json::Value {
    let (repository, tag) = image.reference.rsplit_once(':').unwrap_or((&image.reference, "latest"));
    let id = image.id.strip_prefix("sha256:").unwrap_or(&image.id);
    row([
        ("Reference", image.reference.as_str().into()),
        ("Repository", repository.into()),
        ("Tag", tag.into()),
        ("ID", (if whole { image.id.as_str() } else { format::truncate_id(id) }).into()),
        ("Size", format::decimal_size(image.size).into()),
        ("ContentSize", format::decimal_size(image.content_size).into()),
        ("Extra", (if image.containers > 0 { "U" } else { "" }).into()),
    ])
}

/// Shows images in detail.
pub fn inspect(context: &mut Context) -> Result<Finish, Stop> {
    super::inspect::print(context, |context, reference| {
        Ok(match context.image(reference)? {
            Ok(image) => Ok(serde_json::to_value(&*image).map_err(|error| Stop::Failed(error.to_string()))?),
            Err(refusal) => Err(refusal.text),
        })
    })
}

/// Fetches an image that `docker run` misses: what is said of it goes to stderr.
pub fn fetch(context: &mut Context, name: &str, quiet: bool) -> Result<Result<(), Refusal>, Stop> {
    match context.ask(&Request::ImagePull(name.to_owned()))? {
        Err(refusal) => Ok(Err(refusal)),
        Ok(Response::ImagePulled { digest, fetched, reference }) => {
            if !quiet {
                let text = told(name, &digest, fetched, &reference);
                context.err(text);
            }
            Ok(Ok(()))
        }
        Ok(_) => Err(Stop::Failed("swarmlab: the daemon gave an answer of another kind".into())),
    }
}

/// What is said of a pull.
fn told(tagged: &str, digest: &str, fetched: bool, reference: &str) -> String {
    let (repository, tag) = tagged.rsplit_once(':').unwrap_or((tagged, "latest"));
    let path = reference.split_once('/').map_or(repository, |(_, path)| path);
    let path = path.rsplit_once(':').map_or(path, |(path, _)| path);
    let status = if fetched { "Downloaded newer image for" } else { "Image is up to date for" };
    format!("{tag}: Pulling from {path}\nDigest: {digest}\nStatus: {status} {tagged}\n")
}

/// Fetches an image from its registry.
pub fn pull(context: &mut Context) -> Result<Finish, Stop> {
    let name = context.arguments()[0].clone();
    let quiet = context.flags.is_set("quiet");
    if format::reference(&name).is_none() {
        return Err(Stop::Failed("invalid reference format".into()));
    }
    let tagged = format::with_default_tag(&name);
    if tagged != name && !quiet {
        context.out("Using default tag: latest\n");
    }
    let Response::ImagePulled { digest, fetched, reference } = context.ask(&Request::ImagePull(tagged.clone()))??
    else {
        return Err(Stop::Failed("swarmlab: the daemon gave an answer of another kind".into()));
    };
    if !quiet {
        context.out(told(&tagged, &digest, fetched, &reference));
    }
    context.out(format!("{reference}\n"));
    Ok(Finish::default())
}

/// Removes images from this host.
pub fn rm(context: &mut Context) -> Result<Finish, Stop> {
    let force = context.flags.is_set("force");
    let mut errors = Vec::new();
    for name in context.arguments() {
        match context.ask(&Request::ImageRemove { name: name.clone(), force })? {
            Ok(Response::ImageRemoved(lines)) => context.out(lines.join("\n") + "\n"),
            Ok(_) => return Err(Stop::Failed("swarmlab: the daemon gave an answer of another kind".into())),
            Err(refusal) => errors.push(refusal.text),
        }
    }
    Finish::with(errors)
}
