//! What all `inspect` commands share: JSON of several objects, or a template for each.
//!
//! cli.md §4.3.

use crate::docker::json;
use crate::docker::script::{Context, Finish, Stop};
use crate::docker::template::{Missing, Template};
use serde_json::Value;

/// Whether the output is for people: `--pretty`, or `--format pretty`.
pub fn is_pretty(context: &Context) -> Result<bool, Stop> {
    let format = context.flags.text("format").unwrap_or("");
    if context.flags.is_set("pretty") {
        if !format.is_empty() {
            return Err(Stop::Failed("--format is incompatible with human friendly format".into()));
        }
        return Ok(true);
    }
    match format.strip_prefix("pretty") {
        Some("") => Ok(true),
        Some(rest) if rest.starts_with(' ') => {
            Err(Stop::Failed("cannot supply extra formatting options to the pretty template".into()))
        }
        _ => Ok(false),
    }
}

/// A template that Go could not read ends the command with status 64.
pub fn template(context: &mut Context, text: &str) -> Result<Template, Stop> {
    Template::parse(text).map_err(|error| {
        context.err(format!("template parsing error: {error}\n"));
        Stop::Status(64)
    })
}

/// Prints the objects that were found; then the errors.
pub fn print(
    context: &mut Context,
    mut find: impl FnMut(&mut Context, &str) -> Result<Result<Value, String>, Stop>,
) -> Result<Finish, Stop> {
    let format = context.flags.text("format").unwrap_or("").to_owned();
    let template = match format.as_str() {
        "" | "json" => None,
        text => Some(template(context, text)?),
    };
    let mut errors = Vec::new();
    let mut objects = Vec::new();
    let mut lines = String::new();
    for reference in context.arguments() {
        match find(context, reference)? {
            Err(error) => errors.push(error),
            Ok(object) => match &template {
                None => objects.push(object),
                Some(template) => match template.execute(&object, Missing::Object) {
                    Ok(text) => lines.push_str(&(text + "\n")),
                    Err(error) => errors.push(format!("template parsing error: {error}")),
                },
            },
        }
    }
    let objects = Value::Array(objects);
    context.out(match (format.as_str(), lines.as_str()) {
        ("", _) => json::indented(&objects) + "\n",
        ("json", _) => json::compact(&objects, true) + "\n",
        (_, "") => "\n".into(),
        _ => lines,
    });
    Finish::with(errors)
}
