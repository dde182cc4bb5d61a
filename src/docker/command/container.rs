//! `docker ps`, `rm`, `stop`, `restart`, `kill`, `pause`, `rename`, `logs`: the containers of this host. cli.md §5.8.

use super::service_logs;
use crate::docker::format;
use crate::docker::rows::{self, Listing, row};
use crate::docker::script::{Context, Finish, Refusal, Stop};
use crate::swarm::api::{ContainerSummary, Request};

const LISTING: Listing = Listing {
    kind: "*formatter.ContainerContext",
    headers: &[
        ("ID", "CONTAINER ID"),
        ("Image", "IMAGE"),
        ("Command", "COMMAND"),
        ("RunningFor", "CREATED"),
        ("CreatedAt", "CREATED AT"),
        ("Status", "STATUS"),
        ("State", "STATE"),
        ("Ports", "PORTS"),
        ("Names", "NAMES"),
        ("Labels", "LABELS"),
        ("Label", "LABEL"),
    ],
    table: "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}",
    quiet: "{{.ID}}",
    raw: &[
        ("container_id", "ID"),
        ("image", "Image"),
        ("command", "Command"),
        ("created_at", "CreatedAt"),
        ("state", "State"),
        ("status", "Status"),
        ("names", "Names"),
        ("labels", "Labels"),
        ("ports", "Ports"),
    ],
};

/// Lists containers, in the daemon's order (the newest first).
pub fn ls(context: &mut Context) -> Result<Finish, Stop> {
    let flags = context.flags;
    let last = flags.signed("last").unwrap_or(-1);
    let limit = if flags.is_set("latest") && last < 0 { Some(1) } else { usize::try_from(last).ok() };
    let limit = limit.filter(|limit| *limit > 0);
    let containers = context.containers(flags.is_set("all"), limit, flags.filters())??;
    let whole = flags.is_set("no-trunc");
    let rows: Vec<_> = containers.iter().map(|container| line(context, container, whole)).collect();
    rows::print(context, &LISTING, &rows, flags.is_set("quiet"))?;
    Ok(Finish::default())
}

fn line(context: &Context, container: &ContainerSummary, whole: bool) -> serde_json::Value {
    let age = format::human_duration(context.clock().saturating_sub(container.created));
    let command = if whole { container.command.clone() } else { format::ellipsis(&container.command, 20) };
    let labels: Vec<String> = container.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let created = crate::swarm::api::time::go_string(container.created - container.created.rem_euclid(1_000_000_000));
    row([
        ("ID", (if whole { container.id.as_str() } else { format::truncate_id(&container.id) }).into()),
        ("Image", image(&container.image, whole).into()),
        ("Command", format::quote(&command).into()),
        ("RunningFor", format!("{age} ago").into()),
        ("CreatedAt", created.into()),
        ("Status", container.status.as_str().into()),
        ("State", container.state.as_str().into()),
        ("Ports", container.ports.as_str().into()),
        ("Names", container.names.join(",").into()),
        ("Labels", labels.join(",").into()),
    ])
}

fn image(image: &str, whole: bool) -> String {
    match format::reference(image) {
        _ if image.is_empty() => "<no image>".into(),
        Some(reference) if !whole => match reference.tag {
            Some(tag) => format!("{}:{tag}", reference.name),
            None => reference.name,
        },
        _ => image.to_owned(),
    }
}

/// One request a container; prints the argument of each that went well, then the errors.
fn each(
    context: &mut Context,
    request: impl Fn(String) -> Request,
    forgiven: impl Fn(&Refusal) -> bool,
) -> Result<Finish, Stop> {
    let mut errors = Vec::new();
    for name in context.arguments() {
        match context.order(&request(name.clone()))? {
            Ok(()) => context.out(format!("{name}\n")),
            Err(refusal) if forgiven(&refusal) => {}
            Err(refusal) => errors.push(refusal.text),
        }
    }
    Finish::with(errors)
}

/// Removes containers; with `--force` one that is not there is no error.
pub fn rm(context: &mut Context) -> Result<Finish, Stop> {
    let force = context.flags.is_set("force");
    let request = |id: String| Request::ContainerRemove { id: id.trim_start_matches('/').to_owned(), force };
    each(context, request, |refusal| force && refusal.is_not_found())
}

/// Stops containers.
pub fn stop(context: &mut Context) -> Result<Finish, Stop> {
    let timeout = context.flags.signed("timeout");
    let signal = context.flags.text("signal").map(str::to_owned);
    each(context, |id| Request::ContainerStop { id, timeout, signal: signal.clone() }, |_| false)
}

/// Stops containers and starts them again.
pub fn restart(context: &mut Context) -> Result<Finish, Stop> {
    let timeout = context.flags.signed("timeout");
    let signal = context.flags.text("signal").map(str::to_owned);
    each(context, |id| Request::ContainerRestart { id, timeout, signal: signal.clone() }, |_| false)
}

/// Starts containers that have ended.
pub fn start(context: &mut Context) -> Result<Finish, Stop> {
    each(context, Request::ContainerStart, |_| false)
}

/// Lets the processes of containers stand still.
pub fn pause(context: &mut Context) -> Result<Finish, Stop> {
    each(context, Request::ContainerPause, |_| false)
}

/// Lets them go on.
pub fn unpause(context: &mut Context) -> Result<Finish, Stop> {
    each(context, Request::ContainerUnpause, |_| false)
}

/// Gives a container another name; prints nothing.
pub fn rename(context: &mut Context) -> Result<Finish, Stop> {
    let (id, name) = (context.arguments()[0].clone(), context.arguments()[1].clone());
    match context.order(&Request::ContainerRename { id, name })? {
        Ok(()) => Ok(Finish::default()),
        Err(refusal) => Err(Stop::Failed(refusal.text)),
    }
}

/// Sends a signal to containers.
pub fn kill(context: &mut Context) -> Result<Finish, Stop> {
    let signal = context.flags.text("signal").map(str::to_owned);
    each(context, |id| Request::ContainerKill { id, signal: signal.clone() }, |_| false)
}

/// Prints what a container wrote.
pub fn logs(context: &mut Context) -> Result<Finish, Stop> {
    let options = service_logs::options(context)?;
    let id = context.container(&context.arguments()[0])??.id.clone();
    let lines = context.lines(Request::ContainerLogs { id, options })??;
    for line in lines.iter() {
        let details = if context.flags.is_set("details") { " " } else { "" };
        let text = format!("{}{details}{}\n", service_logs::stamp(context, line), line.text);
        if line.stderr { context.err(text) } else { context.out(text) }
    }
    Ok(Finish::default())
}
