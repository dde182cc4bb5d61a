//! `docker events`: what a daemon tells of what happens at it. cli.md §5.9.

use super::inspect::template;
use super::service_logs::moment;
use crate::docker::json;
use crate::docker::script::{Context, Finish, Stop};
use crate::docker::template::Missing;
use crate::swarm::api::time::{EPOCH_UNIX_SECONDS, rfc3339_fixed};
use crate::swarm::api::{EventMessage, EventsRequest};
use serde_json::json;

fn bound(context: &Context, name: &str) -> Result<Option<i64>, Stop> {
    let Some(text) = context.flags.text(name).filter(|text| !text.is_empty()) else { return Ok(None) };
    moment(context, text).map(Some)
}

/// Prints events as they happen, until the time that was given, or Ctrl-C.
pub fn events(context: &mut Context) -> Result<Finish, Stop> {
    let format = context.flags.text("format").unwrap_or("").to_owned();
    let template = match format.as_str() {
        "" | "json" => None,
        text => Some(template(context, text)?),
    };
    let mut wanted = EventsRequest {
        since: bound(context, "since")?,
        until: bound(context, "until")?,
        after: None,
        filters: context.flags.filters(),
    };
    loop {
        let part = context.events(wanted.clone())??;
        for event in &part.events {
            let text = match (&template, format.as_str()) {
                (Some(template), _) => template
                    .execute(&value(event), Missing::Object)
                    .map_err(|error| Stop::Failed(format!("template parsing error: {error}")))?,
                (None, "json") => json::compact(&value(event), true),
                (None, _) => line(event),
            };
            context.out(text + "\n");
        }
        if part.over {
            return Ok(Finish::default());
        }
        wanted.after = Some(part.last);
    }
}

/// `2026-01-05T09:10:00.223456789Z service update ID (name=web, ...)`
fn line(event: &EventMessage) -> String {
    let pairs: Vec<String> = event.attributes.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let attributes = if pairs.is_empty() { String::new() } else { format!(" ({})", pairs.join(", ")) };
    format!("{} {} {} {}{attributes}", rfc3339_fixed(event.at), event.kind, event.action, event.id)
}

fn value(event: &EventMessage) -> serde_json::Value {
    let seconds = EPOCH_UNIX_SECONDS + event.at.div_euclid(1_000_000_000);
    let nanos = i128::from(EPOCH_UNIX_SECONDS) * 1_000_000_000 + i128::from(event.at);
    let nanos = i64::try_from(nanos).unwrap_or(i64::MAX);
    let mut object = json!({});
    if event.kind == "container" {
        object["status"] = event.action.as_str().into();
        object["id"] = event.id.as_str().into();
        object["from"] = event.attributes.get("image").cloned().unwrap_or_default().into();
    }
    object["Type"] = event.kind.into();
    object["Action"] = event.action.as_str().into();
    object["Actor"] = json!({ "ID": event.id, "Attributes": event.attributes });
    object["scope"] = event.scope.into();
    object["time"] = seconds.into();
    object["timeNano"] = nanos.into();
    object
}
