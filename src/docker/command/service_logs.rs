//! `docker service logs`. cli.md §5.3.

use crate::docker::format::truncate_id;
use crate::docker::lookup::Names;
use crate::docker::script::{Context, Finish, Stop};
use crate::docker::value;
use crate::swarm::api::time::{from_unix, parse_rfc3339, rfc3339_fixed};
use crate::swarm::api::{LogLine, LogOptions, Request, ServiceMode};
use std::collections::BTreeMap;

/// Prints what the tasks of a service, or one task, wrote; with `--follow` also what they write from now on.
pub fn logs(context: &mut Context) -> Result<Finish, Stop> {
    let name = context.arguments()[0].as_str();
    let (id, task, digits, tty) = match context.service(name, false)? {
        Ok(service) => {
            let digits = match &service.spec.mode {
                ServiceMode::Replicated { replicas } => replicas.map_or(0, digits),
                _ => 0,
            };
            (service.id.clone(), false, digits, service.spec.task_template.container_spec.tty)
        }
        Err(refusal) if !refusal.is_not_found() => return Err(refusal.into()),
        Err(_) => match context.task(name)? {
            Ok(task) => (task.id.clone(), true, digits(task.slot), task.spec.container_spec.tty),
            Err(refusal) if refusal.is_not_found() => {
                return Err(Stop::Failed(format!("no such task or service: {name}")));
            }
            Err(refusal) => return Err(refusal.into()),
        },
    };
    if tty && !context.flags.is_set("raw") {
        return Err(Stop::Failed("tty service logs only supported with --raw".into()));
    }
    let options = LogOptions { follow: context.flags.is_set("follow"), ..options(context)? };
    let mut heads = Heads { names: Names::new(context.flags.is_set("no-resolve")), known: BTreeMap::new(), digits };
    let mut part = context.log_part(Request::ServiceLogs { id, task, options })??;
    loop {
        context.on_leave(Request::ServiceLogsLeave(part.stream));
        for line in part.lines.iter() {
            let text = shown(context, &mut heads, line, tty)?;
            if line.stderr && !tty { context.err(text) } else { context.out(text) }
        }
        match part.ended {
            Some(Ok(())) => return Ok(Finish::default()),
            // The text comes with the end of its line.
            Some(Err(error)) => {
                return Err(Stop::Failed(format!("error from daemon in stream: Error grabbing logs: {error}\n")));
            }
            None => part = context.log_part(Request::ServiceLogsNext(part.stream))??,
        }
    }
}

/// A line of the log as it is printed.
fn shown(context: &mut Context, heads: &mut Heads, line: &LogLine, tty: bool) -> Result<String, Stop> {
    let stamp = stamp(context, line);
    let details = context.flags.is_set("details");
    if context.flags.is_set("raw") {
        let details = if details { line.attributes_in_swarm() + " " } else { String::new() };
        let end = if tty { "\r\n" } else { "\n" };
        return Ok(format!("{stamp}{details}{}{end}", line.text));
    }
    let head = heads.of(context, line)?;
    let pairs: Vec<String> = line.details.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let details = if details { pairs.join(",") + " " } else { String::new() };
    Ok(format!("{stamp}{head}    | {details}{}\n", line.text))
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
    Ok(LogOptions { tail, since, follow: false })
}

/// A time as `--since` takes it: an age, RFC 3339, or seconds since 1970.
pub fn moment(context: &Context, text: &str) -> Result<i64, Stop> {
    if let Ok(age) = value::duration(text) {
        // Docker's client sends whole seconds.
        let at = context.clock().saturating_sub(age);
        return Ok(at - at.rem_euclid(1_000_000_000));
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
