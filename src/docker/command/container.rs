//! `docker ps`, `rm`, `stop`, `restart`, `kill`, `pause`, `rename`, `logs`: the containers of this host. cli.md §5.8.

use super::{network, run, service_logs};
use crate::docker::rows::{self, Listing, row};
use crate::docker::script::{Context, Finish, Refusal, Stop};
use crate::docker::{format, tabwriter};
use crate::swarm::api::{ContainerSummary, HostPort, LogLine, Request};

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

/// Starts containers that have ended; with `--attach` one is looked at until it ends.
pub fn start(context: &mut Context) -> Result<Finish, Stop> {
    let flags = context.flags;
    if flags.is_set("attach") || flags.is_set("interactive") {
        let [name] = context.arguments() else {
            return Err(Stop::Failed("you cannot start and attach multiple containers at once".into()));
        };
        let id = context.container(name)??.id.clone();
        let status = run::look_on(context, &id, Some(false))?;
        return if status == 0 { Ok(Finish::default()) } else { Err(Stop::Status(status)) };
    }
    let mut failed = Vec::new();
    for name in context.arguments() {
        match context.order(&Request::ContainerStart(name.clone()))? {
            Ok(()) => context.out(format!("{name}\n")),
            Err(refusal) => {
                context.err(format!("{}\n", refusal.text));
                failed.push(name.as_str());
            }
        }
    }
    if failed.is_empty() {
        return Ok(Finish::default());
    }
    Err(Stop::Failed(format!("failed to start containers: {}", failed.join(", "))))
}

/// Waits until containers have ended; prints the status of each.
pub fn wait(context: &mut Context) -> Result<Finish, Stop> {
    let mut errors = Vec::new();
    for name in context.arguments() {
        match context.ended(name, false)? {
            Ok(status) => context.out(format!("{status}\n")),
            Err(refusal) => errors.push(refusal.text),
        }
    }
    Finish::with(errors)
}

/// Shows the processes of a container.
pub fn top(context: &mut Context) -> Result<Finish, Stop> {
    let (name, options) = (context.arguments()[0].clone(), context.arguments()[1..].to_vec());
    let top = context.top(&name, options)??;
    let line = |cells: &[String]| cells.join("\t") + "\n";
    let rows: String = top.processes.iter().map(|process| line(process)).collect();
    // The widths of this table are its own.
    context.out(tabwriter::spread(&(line(&top.titles) + &rows), 20, 3));
    Ok(Finish::default())
}

/// Shows where the ports of a container are published.
pub fn port(context: &mut Context) -> Result<Finish, Stop> {
    let name = context.arguments()[0].clone();
    let container = context.container(&name)??;
    let published = |at: &HostPort| {
        let host = if at.host_ip.contains(':') { format!("[{}]", at.host_ip) } else { at.host_ip.clone() };
        format!("{host}:{}", at.host_port)
    };
    let ports = &container.network_settings.ports;
    if let Some(wanted) = context.arguments().get(1) {
        let wanted = if wanted.contains('/') { wanted.clone() } else { format!("{wanted}/tcp") };
        let Some(Some(at)) = ports.get(&wanted).filter(|at| at.as_ref().is_some_and(|at| !at.is_empty())) else {
            return Err(Stop::Failed(format!("no public port '{wanted}' published for {name}")));
        };
        let lines: String = at.iter().map(|at| published(at) + "\n").collect();
        context.out(lines);
        return Ok(Finish::default());
    }
    let mut lines: Vec<String> = Vec::new();
    for (port, at) in ports {
        lines.extend(at.iter().flatten().map(|at| format!("{port} -> {}", published(at))));
    }
    lines.sort_by(|a, b| format::natural(a, b));
    context.out(lines.iter().map(|line| format!("{line}\n")).collect::<String>());
    Ok(Finish::default())
}

/// Shows what a container writes, from now on.
pub fn attach(context: &mut Context) -> Result<Finish, Stop> {
    let name = context.arguments()[0].clone();
    let container = context.container(&name)??;
    if container.state.paused {
        return Err(Stop::Failed("cannot attach to a paused container, unpause it first".into()));
    }
    if !container.state.running {
        return Err(Stop::Failed("cannot attach to a stopped container, start it first".into()));
    }
    let status = run::look_on(context, &container.id, None)?;
    if status == 0 { Ok(Finish::default()) } else { Err(Stop::Status(status)) }
}

/// Removes all containers that do not run.
pub fn prune(context: &mut Context) -> Result<Finish, Stop> {
    let warning = "WARNING! This will remove all stopped containers.\nAre you sure you want to continue? [y/N] ";
    if !context.flags.is_set("force") && !network::asks(context, warning)? {
        return Err(Stop::Failed("container prune has been cancelled".into()));
    }
    let pruned = context.cleared(Request::ContainerPrune(context.flags.filters()))??;
    if !pruned.names.is_empty() {
        context.out(format!("Deleted Containers:\n{}\n\n", pruned.names.join("\n")));
    }
    context.out(format!("Total reclaimed space: {}\n", format::decimal_size(pruned.reclaimed)));
    Ok(Finish::default())
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
    let lines = context.lines(Request::ContainerLogs { id: id.clone(), options })??;
    let follow = context.flags.is_set("follow");
    let mut lines = lines;
    // A moment of this host's log as the one who follows it quotes it.
    let mut seen = lines
        .iter()
        .map(|line| u64::try_from(line.at).unwrap_or(0) + 1)
        .max()
        .unwrap_or_else(|| u64::try_from(context.now()).unwrap_or(0));
    loop {
        show(context, &lines);
        if !follow {
            return Ok(Finish::default());
        }
        let part = match context.attached(&id, seen, false)? {
            Ok(part) => part,
            Err(refusal) if refusal.is_not_found() => return Ok(Finish::default()),
            Err(refusal) => return Err(refusal.into()),
        };
        (lines, seen) = (part.lines.clone(), part.seen);
        if part.ended.is_some() {
            show(context, &lines);
            return Ok(Finish::default());
        }
    }
}

fn show(context: &mut Context, lines: &[LogLine]) {
    for line in lines {
        let details = if context.flags.is_set("details") { line.attributes() + " " } else { String::new() };
        let text = format!("{}{details}{}\n", service_logs::stamp(context, line), line.text);
        if line.stderr { context.err(text) } else { context.out(text) }
    }
}
