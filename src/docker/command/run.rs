//! `docker run` and `docker create`: words into what the engine is to make; then pulling, starting, looking on.
//!
//! The order of requests is docker's own: create, pull where the image is not here and create again, start with somebody
//! looking on, the exit status. Texts and statuses: cli.md §3.1, §5.8; recordings docker-29/03, 05 and 14.

use super::service_create::{environment, name_of};
use super::{health, image};
use crate::docker::flags::Parsed;
use crate::docker::script::{Context, Finish, Refusal, Stop};
use crate::docker::{format, port, value};
use crate::swarm::api::{
    ContainerCreate, ContainerSpec, EndpointRequest, ExecRequest, MountRequest, PortRequest, Request, Resources,
    Response, ShellState,
};

/// What `docker run` says of an error of the daemon's, with the status of the client itself.
fn fails(context: &mut Context, text: &str, status: i32) -> Stop {
    let command = context.command.path.rsplit(' ').next().unwrap_or_default().to_owned();
    context.err(format!("docker: {text}\n\nRun 'docker {command} --help' for more information\n"));
    Stop::Status(status)
}

/// The status of a container that could not be started: 127 where its program is not there, 126 where it may not run.
fn start_status(text: &str) -> i32 {
    let missing = ["executable file not found", "no such file or directory", "system cannot find the file"];
    match () {
        () if missing.iter().any(|words| text.contains(words)) => 127,
        () if text.contains("permission denied") || text.contains("not a directory") => 126,
        () => 125,
    }
}

/// Makes a container: `quiet` says nothing of a pull. Refused where the daemon refuses.
fn make(context: &mut Context, order: &ContainerCreate) -> Result<Result<String, Refusal>, Stop> {
    let policy = context.flags.text("pull").unwrap_or("missing").to_owned();
    if !matches!(policy.as_str(), "always" | "missing" | "never") {
        let text = format!("invalid pull option: '{policy}': must be one of \"always\", \"missing\" or \"never\"");
        return Ok(Err(Refusal { text, status: 0 }));
    }
    let quiet = context.flags.is_set("quiet");
    let tagged = format::with_default_tag(&order.spec.image);
    if policy == "always"
        && let Err(refusal) = image::fetch(context, &tagged, quiet)?
    {
        return Ok(Err(refusal));
    }
    let request = Request::ContainerCreate(Box::new(order.clone()));
    let mut answer = context.ask(&request)?;
    if let Err(refusal) = &answer
        && refusal.is_not_found()
        && refusal.text.contains("No such image")
        && policy == "missing"
    {
        if !quiet {
            context.err(format!("Unable to find image '{tagged}' locally\n"));
        }
        if let Err(refusal) = image::fetch(context, &tagged, quiet)? {
            return Ok(Err(refusal));
        }
        answer = context.ask(&request)?;
    }
    match answer {
        Err(refusal) => Ok(Err(refusal)),
        Ok(Response::ContainerCreated { id, warnings }) => {
            for warning in warnings {
                context.err(format!("WARNING: {warning}\n"));
            }
            Ok(Ok(id))
        }
        Ok(_) => Err(Stop::Failed("swarmlab: the daemon gave an answer of another kind".into())),
    }
}

/// `docker create`
pub fn create(context: &mut Context) -> Result<Finish, Stop> {
    let order = match order(context, false)? {
        Ok(order) => order,
        Err(text) => return Err(fails(context, &text, 125)),
    };
    let id = make(context, &order)??;
    context.out(format!("{id}\n"));
    Ok(Finish::default())
}

/// `docker run`
pub fn run(context: &mut Context) -> Result<Finish, Stop> {
    let detach = context.flags.is_set("detach");
    let (tty, interactive) = (context.flags.is_set("tty"), context.flags.is_set("interactive"));
    if detach && context.flags.changed("attach") {
        return Err(fails(context, "conflicting options: cannot specify both --attach and --detach", 125));
    }
    if tty && interactive && !detach && !context.environment.terminal_input {
        context.err("the input device is not a TTY\n");
        return Err(Stop::Status(1));
    }
    let order = match order(context, !detach)? {
        Ok(order) => order,
        Err(text) => return Err(fails(context, &text, 125)),
    };
    let id = match make(context, &order)? {
        Ok(id) => id,
        Err(refusal) => return Err(fails(context, &refusal.text, 125)),
    };
    if detach {
        context.out(format!("{id}\n"));
        if let Err(refusal) = context.order(&Request::ContainerStart(id))? {
            return Err(fails(context, &refusal.text, start_status(&refusal.text)));
        }
        return Ok(Finish::default());
    }
    let shell = tty && interactive && is_shell(&order);
    if shell {
        if let Err(refusal) = context.order(&Request::ContainerStart(id.clone()))? {
            return Err(fails(context, &refusal.text, start_status(&refusal.text)));
        }
        let status = typed(context, &id, true, ExecRequest { tty, ..ExecRequest::default() })?;
        return Err(Stop::Status(status));
    }
    let status = look_on(context, &id, Some(order.auto_remove))?;
    if order.auto_remove {
        let _gone = context.ended(&id, true)?;
    }
    if status == 0 { Ok(Finish::default()) } else { Err(Stop::Status(status)) }
}

/// The container's program is a shell that takes what is typed.
fn is_shell(order: &ContainerCreate) -> bool {
    let words: Vec<&String> = order.spec.command.iter().chain(&order.spec.args).collect();
    match words.as_slice() {
        [] => true,
        [name] => matches!(name.rsplit('/').next(), Some("sh" | "bash" | "ash")),
        _ => false,
    }
}

/// Shows what a container writes until it ends; its status. Ctrl-C goes to the container. It may be started for that, and then
/// be gone when that fails.
pub fn look_on(context: &mut Context, id: &str, start: Option<bool>) -> Result<i32, Stop> {
    context.on_interrupt(Request::ContainerKill { id: id.to_owned(), signal: Some("INT".into()) });
    let mut seen = 0;
    let mut first = start.is_some();
    loop {
        let part = match context.attached(id, seen, first)? {
            Ok(part) => part,
            // It is gone already: what it left has been shown.
            Err(refusal) if refusal.is_not_found() && !first => return Ok(0),
            Err(refusal) => {
                if start == Some(true) {
                    let _gone = context.ended(id, true)?;
                }
                return Err(fails(context, &refusal.text, start_status(&refusal.text)));
            }
        };
        first = false;
        seen = part.seen;
        for line in part.lines.iter() {
            let text = format!("{}\n", line.text);
            if line.stderr { context.err(text) } else { context.out(text) }
        }
        if let Some(status) = part.ended {
            return Ok(status);
        }
    }
}

/// A shell inside a container whose lines are typed at the terminal; its status.
pub fn typed(context: &mut Context, id: &str, main: bool, begin: ExecRequest) -> Result<i32, Stop> {
    let first = ExecRequest { id: id.to_owned(), command: vec!["sh".into()], tty: true, ..begin.clone() };
    let mut state: ShellState = match context.executed(first)?? {
        result if result.shell.is_none() => {
            context.out(result.stdout.clone());
            return Ok(result.status);
        }
        result => result.shell.clone().unwrap_or_default(),
    };
    loop {
        context.out(format!("{} # ", state.dir));
        let line = match context.file(crate::docker::TERMINAL)? {
            Ok(line) => String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned(),
            // The end of what can be typed: as Ctrl-D.
            Err(_) => {
                context.out("\n");
                "exit".to_owned()
            }
        };
        let request = ExecRequest {
            id: id.to_owned(),
            command: vec!["sh".into(), "-c".into(), line],
            tty: true,
            shell: Some(state.clone()),
            main,
            ..begin.clone()
        };
        let result = match context.executed(request)? {
            Ok(result) => result,
            Err(refusal) if refusal.status == 409 || refusal.is_not_found() => return Ok(137),
            Err(refusal) => return Err(refusal.into()),
        };
        context.out(result.stdout.clone());
        context.err(result.stderr.clone());
        match &result.shell {
            Some(next) => state = next.clone(),
            None => return Ok(result.status),
        }
    }
}

fn order(context: &mut Context, attached: bool) -> Result<Result<ContainerCreate, String>, Stop> {
    let flags = context.flags;
    let (image, args) = match context.arguments().split_first() {
        Some((image, args)) => (image.as_str(), args.to_vec()),
        None => ("", Vec::new()),
    };
    if format::reference(image).is_none() {
        return Ok(Err("invalid reference format".into()));
    }
    let env = environment(context)?;
    let text = |name: &str| flags.text(name).unwrap_or_default().to_owned();
    let mut spec = ContainerSpec {
        image: image.to_owned(),
        labels: flags.labels("label"),
        command: flags.text("entrypoint").filter(|text| !text.is_empty()).map(str::to_owned).into_iter().collect(),
        args,
        hostname: text("hostname"),
        env: env.into_iter().filter(|variable| variable.contains('=') || name_of(variable).is_empty()).collect(),
        dir: text("workdir"),
        user: text("user"),
        init: flags.boolean("init"),
        stop_signal: text("stop-signal"),
        stop_grace_period: flags.signed("stop-timeout").map(|seconds| seconds.saturating_mul(1_000_000_000)),
        ..ContainerSpec::default()
    };
    health::set_container(flags, &mut spec);
    let restart = flags.text("restart").unwrap_or("no");
    let (policy, limit) = restart.split_once(':').unwrap_or((restart, ""));
    let restart_limit = match (policy, limit) {
        (_, "") => 0,
        ("on-failure", limit) => match limit.parse() {
            Ok(limit) => limit,
            Err(_) => return Ok(Err("maximum retry count must be an integer".into())),
        },
        _ => 0,
    };
    let policy = if policy.is_empty() { "no" } else { policy };
    if flags.is_set("rm") && policy != "no" {
        return Ok(Err("conflicting options: cannot specify both --restart and --rm".into()));
    }
    let known = ["no", "always", "unless-stopped", "on-failure"];
    if !known.contains(&policy) {
        let text = format!(
            "Error response from daemon: invalid restart policy: unknown policy '{policy}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'"
        );
        return Ok(Err(text));
    }
    let ports = match published(flags) {
        Ok(ports) => ports,
        Err(text) => return Ok(Err(text)),
    };
    let mounts = match mounts(flags) {
        Ok(mounts) => mounts,
        Err(text) => return Ok(Err(text)),
    };
    let endpoints = endpoints(flags);
    Ok(Ok(ContainerCreate {
        name: text("name"),
        spec,
        limits: Resources {
            nano_cpus: flags.cpus("cpus").unwrap_or(0),
            memory_bytes: flags.bytes("memory").unwrap_or(0),
            ..Resources::default()
        },
        ports,
        publish_all: flags.is_set("publish-all"),
        expose: flags
            .all("expose")
            .filter_map(|text| {
                let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
                Some((number.parse().ok()?, protocol.to_owned()))
            })
            .collect(),
        network: endpoints.first().map_or_else(|| "default".to_owned(), |endpoint| endpoint.network.clone()),
        endpoints,
        restart: policy.to_owned(),
        restart_limit,
        auto_remove: flags.is_set("rm"),
        tty: flags.is_set("tty"),
        open_stdin: flags.is_set("interactive"),
        attached,
        mounts,
        hosts: flags
            .all("add-host")
            .filter_map(|text| text.split_once('=').or_else(|| text.split_once(':')))
            .map(|(name, address)| (name.to_owned(), address.to_owned()))
            .collect(),
        dns: flags.all("dns").map(str::to_owned).collect(),
        dns_search: flags.all("dns-search").map(str::to_owned).collect(),
        privileged: flags.is_set("privileged"),
        read_only: flags.is_set("read-only"),
    }))
}

/// `-p [ADDRESS:][PUBLISHED:]TARGET[/PROTOCOL]`
fn published(flags: &Parsed) -> Result<Vec<PortRequest>, String> {
    let mut ports = Vec::new();
    for text in flags.all("publish") {
        // What `service create` refuses is meant here: an address in front.
        let (address, rest) = match text.rsplitn(3, ':').collect::<Vec<_>>().as_slice() {
            [target, published, address] => ((*address).to_owned(), format!("{published}:{target}")),
            _ => (String::new(), text.to_owned()),
        };
        let bare = address.trim_start_matches('[').trim_end_matches(']').to_owned();
        if !bare.is_empty() && bare.parse::<std::net::IpAddr>().is_err() {
            return Err(format!("invalid IP address: {bare}"));
        }
        let rest = rest.strip_prefix(':').unwrap_or(&rest).to_owned();
        for wanted in port::publish(&rest)? {
            ports.push(PortRequest {
                target: u16::try_from(wanted.target_port).unwrap_or(0),
                protocol: wanted.protocol,
                published: u16::try_from(wanted.published_port).unwrap_or(0),
                address: bare.clone(),
            });
        }
    }
    Ok(ports)
}

/// `-v [SOURCE:]TARGET[:ro]` and `--mount`.
fn mounts(flags: &Parsed) -> Result<Vec<MountRequest>, String> {
    let mut mounts = Vec::new();
    for text in flags.all("volume") {
        let parts: Vec<&str> = text.split(':').collect();
        let (source, target, mode) = match parts.as_slice() {
            [target] => ("", *target, ""),
            [source, target] => (*source, *target, ""),
            [source, target, mode] => (*source, *target, *mode),
            _ => return Err(format!("invalid volume specification: '{text}'")),
        };
        if !target.starts_with('/') {
            let text = format!(
                "Error response from daemon: invalid volume specification: '{text}': invalid mount config for type \"volume\": invalid mount path: '{target}' mount path must be absolute"
            );
            return Err(text);
        }
        let kind = if source.starts_with(['/', '.', '~']) { "bind" } else { "volume" };
        mounts.push(MountRequest {
            kind: kind.into(),
            source: source.to_owned(),
            target: target.to_owned(),
            read_only: mode.split(',').any(|option| option == "ro"),
        });
    }
    for text in flags.all("mount") {
        let mut mount = MountRequest { kind: "volume".into(), ..MountRequest::default() };
        for field in value::csv(text) {
            match field.split_once('=').unwrap_or((field.as_str(), "true")) {
                ("type", kind) => mount.kind = kind.to_owned(),
                ("source" | "src", source) => mount.source = source.to_owned(),
                ("target" | "dst" | "destination", target) => mount.target = target.to_owned(),
                ("readonly" | "ro", text) => mount.read_only = value::boolean(text).unwrap_or(true),
                _ => {}
            }
        }
        if mount.target.is_empty() {
            return Err("invalid argument \"".to_owned() + text + "\" for \"--mount\" flag: target is required");
        }
        mounts.push(mount);
    }
    mounts.extend(flags.all("tmpfs").map(|text| MountRequest {
        kind: "tmpfs".into(),
        target: text.split(':').next().unwrap_or(text).to_owned(),
        ..MountRequest::default()
    }));
    Ok(mounts)
}

/// `--network NAME` or `name=NAME,alias=..,ip=..`, with `--network-alias` and `--ip` for the first.
fn endpoints(flags: &Parsed) -> Vec<EndpointRequest> {
    let mut endpoints: Vec<EndpointRequest> = Vec::new();
    for text in flags.all("network") {
        let mut endpoint = EndpointRequest::default();
        if text.contains('=') {
            for (key, value) in value::key_values(text).unwrap_or_default() {
                match key.as_str() {
                    "name" => endpoint.network = value,
                    "alias" => endpoint.aliases.push(value),
                    "ip" => endpoint.address = value,
                    _ => {}
                }
            }
        } else {
            endpoint.network = text.to_owned();
        }
        endpoints.push(endpoint);
    }
    if let Some(first) = endpoints.first_mut() {
        first.aliases.extend(flags.all("network-alias").map(str::to_owned));
        if let Some(address) = flags.text("ip") {
            first.address = address.to_owned();
        }
    }
    endpoints
}
