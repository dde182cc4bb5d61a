//! `docker service logs`. cli.md §5.3.

use crate::docker::format::truncate_id;
use crate::docker::lookup::Names;
use crate::docker::script::{Context, Finish, Stop};
use crate::docker::value;
use crate::swarm::api::time::{from_unix, parse_rfc3339, rfc3339_fixed};
use crate::swarm::api::{LogLine, LogOptions, Request, ServiceMode};
use std::collections::BTreeMap;

/// Prints what the tasks of a service, or one task, wrote.
pub fn logs(context: &mut Context) -> Result<Finish, Stop> {
    let name = context.arguments()[0].as_str();
    let options = options(context)?;
    let (id, task, digits) = match context.service(name, false)? {
        Ok(service) => {
            let digits = match &service.spec.mode {
                ServiceMode::Replicated { replicas } => replicas.map_or(0, digits),
                _ => 0,
            };
            (service.id.clone(), false, digits)
        }
        Err(refusal) if !refusal.is_not_found() => return Err(refusal.into()),
        Err(_) => match context.task(name)? {
            Ok(task) => (task.id.clone(), true, digits(task.slot)),
            Err(refusal) if refusal.is_not_found() => {
                return Err(Stop::Failed(format!("no such task or service: {name}")));
            }
            Err(refusal) => return Err(refusal.into()),
        },
    };
    let lines = context.lines(Request::ServiceLogs { id, task, options })??;
    let mut heads = Heads { names: Names::new(context.flags.is_set("no-resolve")), known: BTreeMap::new(), digits };
    for line in lines.iter() {
        let text = if context.flags.is_set("raw") {
            format!("{}{}\n", stamp(context, line), line.text)
        } else {
            let head = heads.of(context, line)?;
            let details = if context.flags.is_set("details") { " " } else { "" };
            format!("{}{head}    | {details}{}\n", stamp(context, line), line.text)
        };
        if line.stderr { context.err(text) } else { context.out(text) }
    }
    Ok(Finish::default())
}

/// The time in front of a line, with `--timestamps`.
pub fn stamp(context: &Context, line: &LogLine) -> String {
    if context.flags.is_set("timestamps") { format!("{} ", rfc3339_fixed(line.at)) } else { String::new() }
}

/// `--tail` and `--since`.
pub fn options(context: &Context) -> Result<LogOptions, Stop> {
    let service = context.command.path == "service logs";
    let tail = match context.flags.text("tail") {
        None | Some("" | "all") => None,
        Some(text) => match text.parse::<i64>() {
            Ok(number) if number >= 0 => u64::try_from(number).ok(),
            Ok(_) if service => {
                return Err(Stop::Failed("Error response from daemon: negative tail values not supported".into()));
            }
            Err(_) if service => {
                let text = r#"Error response from daemon: tail value must be a positive integer or "all""#;
                return Err(Stop::Failed(text.into()));
            }
            // `docker logs` takes what it cannot read for all.
            _ => None,
        },
    };
    let since = match context.flags.text("since") {
        None | Some("") => None,
        Some(text) => Some(moment(context, text)?),
    };
    Ok(LogOptions { tail, since })
}

/// A time as `--since` takes it: an age, RFC 3339, or seconds since 1970.
pub fn moment(context: &Context, text: &str) -> Result<i64, Stop> {
    if let Ok(age) = value::duration(text) {
        return Ok(context.clock().saturating_sub(age));
    }
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    if let Ok(seconds) = seconds.parse::<i64>() {
        let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
        if let (Ok(nanos), Some(moment)) = (digits.parse(), from_unix(seconds, 0)) {
            return Ok(moment.saturating_add(nanos));
        }
    }
    let forms = [text.to_owned(), format!("{text}Z"), format!("{text}:00Z"), format!("{text}T00:00:00Z")];
    forms.iter().find_map(|form| parse_rfc3339(form)).ok_or_else(|| {
        let text = crate::docker::format::quote(text);
        Stop::Failed(format!(r#"invalid value for "since": failed to parse value as time or duration: {text}"#))
    })
}

fn digits(number: u64) -> usize {
    number.to_string().len()
}

/// `NAME.SLOT.TASK@NODE` of each task, padded so that the bars stand under each other.
struct Heads {
    names: Names,
    known: BTreeMap<String, String>,
    digits: usize,
}

impl Heads {
    fn of(&mut self, context: &mut Context, line: &LogLine) -> Result<String, Stop> {
        let id = line.task.as_deref().unwrap_or_default();
        if let Some(head) = self.known.get(id) {
            return Ok(head.clone());
        }
        let node = self.names.node(context, line.node.as_deref().unwrap_or_default())?;
        let task = context.task(id)??;
        let service = self.names.service(context, &task.service_id)?;
        let shown = if context.flags.is_set("no-trunc") { id } else { truncate_id(id) };
        let shown = if context.flags.is_set("no-task-ids") { String::new() } else { format!(".{shown}") };
        let padding = " ".repeat(self.digits.saturating_sub(digits(task.slot)));
        let head = format!("{service}.{}{shown}@{node}{padding}", task.slot);
        self.known.insert(id.to_owned(), head.clone());
        Ok(head)
    }
}
