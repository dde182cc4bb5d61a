//! `docker network ls`, `inspect`, `rm`, `prune`. cli.md §5.5.

use super::inspect;
use crate::docker::format;
use crate::docker::rows::{self, Listing, row};
use crate::docker::script::{Context, Finish, Stop, TERMINAL};
use crate::swarm::api::time::{go_string, parse_rfc3339};
use crate::swarm::api::{EndpointRequest, Request};

const LISTING: Listing = Listing {
    kind: "*network.networkContext",
    headers: &[
        ("ID", "NETWORK ID"),
        ("Name", "NAME"),
        ("Driver", "DRIVER"),
        ("Scope", "SCOPE"),
        ("IPv4", "IPV4"),
        ("IPv6", "IPV6"),
        ("Internal", "INTERNAL"),
        ("Labels", "LABELS"),
        ("CreatedAt", "CREATED AT"),
    ],
    table: "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}",
    quiet: "{{.ID}}",
    raw: &[("network_id", "ID"), ("name", "Name"), ("driver", "Driver"), ("scope", "Scope")],
};

const INGRESS_WARNING: &str = "WARNING! Before removing the routing-mesh network, make sure all the nodes in your swarm run the same docker engine version. Otherwise, removal may not be effective and functionality of newly create ingress networks will be impaired.";
const PRUNE_WARNING: &str = "WARNING! This will remove all custom networks not used by at least one container.";

/// Lists networks by name.
pub fn ls(context: &mut Context) -> Result<Finish, Stop> {
    let mut networks = context.networks(context.flags.filters())??.to_vec();
    networks.sort_by(|a, b| format::natural(&a.name, &b.name));
    let whole = context.flags.is_set("no-trunc");
    let rows: Vec<_> = networks
        .iter()
        .map(|network| {
            let id = if whole { &network.id } else { format::truncate_id(&network.id) };
            let labels = network.labels.iter().flatten().map(|(key, value)| format!("{key}={value}"));
            let created = parse_rfc3339(&network.created).map_or_else(|| network.created.clone(), go_string);
            row([
                ("ID", id.into()),
                ("Name", network.name.as_str().into()),
                ("Driver", network.driver.as_str().into()),
                ("Scope", network.scope.as_str().into()),
                ("IPv4", network.enable_ipv4.to_string().into()),
                ("IPv6", network.enable_ipv6.to_string().into()),
                ("Internal", network.internal.to_string().into()),
                ("Labels", labels.collect::<Vec<_>>().join(",").into()),
                ("CreatedAt", created.into()),
            ])
        })
        .collect();
    rows::print(context, &LISTING, &rows, context.flags.is_set("quiet"))?;
    Ok(Finish::default())
}

/// Shows networks in detail.
pub fn inspect(context: &mut Context) -> Result<Finish, Stop> {
    inspect::print(context, |context, reference| {
        Ok(match context.network(reference, "")? {
            Ok(network) => Ok(serde_json::to_value(&*network).map_err(|error| error.to_string())?),
            Err(refusal) => Err(refusal.text),
        })
    })
}

fn confirm(context: &mut Context, warning: &str) -> Result<bool, Stop> {
    asks(context, &format!("{warning}\nAre you sure you want to continue? [y/N] "))
}

/// Asks whether to go on. The end of the input means no.
pub fn asks(context: &mut Context, question: &str) -> Result<bool, Stop> {
    context.out(question);
    let path = if context.environment.terminal_input { TERMINAL } else { "-" };
    let answer = context.file(path)?.unwrap_or_default();
    let answer = String::from_utf8_lossy(&answer);
    Ok(matches!(answer.lines().next().unwrap_or_default().trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Removes networks one by one; errors are told as they happen.
pub fn rm(context: &mut Context) -> Result<Finish, Stop> {
    let force = context.flags.is_set("force");
    let mut failed = false;
    for name in context.arguments() {
        let ingress = context.network(name, "")?.is_ok_and(|network| network.ingress);
        if ingress && !confirm(context, INGRESS_WARNING)? {
            continue;
        }
        match context.order(&Request::NetworkRemove(name.clone()))? {
            Ok(()) => context.out(format!("{name}\n")),
            Err(refusal) if force && refusal.is_not_found() => {}
            Err(refusal) => {
                failed = true;
                context.err(format!("{}\n", refusal.text));
            }
        }
    }
    // The client's own error has no words but these.
    if failed { Err(Stop::Failed("exit status 1".into())) } else { Ok(Finish::default()) }
}

/// Puts a container onto a network; prints nothing.
pub fn connect(context: &mut Context) -> Result<Finish, Stop> {
    let (network, container) = (context.arguments()[0].clone(), context.arguments()[1].clone());
    let aliases = context.flags.all("alias").map(str::to_owned).collect();
    let address = context.flags.text("ip").unwrap_or_default().to_owned();
    let endpoint = EndpointRequest { network, aliases, address };
    context.order(&Request::NetworkConnect { container, endpoint })??;
    Ok(Finish::default())
}

/// Takes a container off a network; prints nothing.
pub fn disconnect(context: &mut Context) -> Result<Finish, Stop> {
    let (network, container) = (context.arguments()[0].clone(), context.arguments()[1].clone());
    let force = context.flags.is_set("force");
    context.order(&Request::NetworkDisconnect { network, container, force })??;
    Ok(Finish::default())
}

/// Removes what nobody uses.
pub fn prune(context: &mut Context) -> Result<Finish, Stop> {
    if !context.flags.is_set("force") && !confirm(context, PRUNE_WARNING)? {
        return Ok(Finish::default());
    }
    let names = context.pruned(Request::NetworkPrune(context.flags.filters()))??;
    if !names.is_empty() {
        let names: String = names.iter().map(|name| format!("{name}\n")).collect();
        context.out(format!("Deleted Networks:\n{names}\n"));
    }
    Ok(Finish::default())
}
