//! `docker node ls`, `ps`, `inspect`, `update`, `promote`, `demote`, `rm`. cli.md §5.2.

use super::{inspect, service_ps};
use crate::docker::format::{self, pretty};
use crate::docker::lookup::{node_reference, task_filters};
use crate::docker::rows::{self, Listing, row};
use crate::docker::script::{Context, Finish, Stop};
use crate::swarm::api::time::{go_string, parse_rfc3339};
use crate::swarm::api::{Labels, Node, NodeSpec, Request, TlsInfo};

const LISTING: Listing = Listing {
    kind: "*node.nodeContext",
    headers: &[
        ("ID", "ID"),
        ("Hostname", "HOSTNAME"),
        ("Status", "STATUS"),
        ("Availability", "AVAILABILITY"),
        ("ManagerStatus", "MANAGER STATUS"),
        ("TLSStatus", "TLS STATUS"),
        ("EngineVersion", "ENGINE VERSION"),
    ],
    table: "{{.ID}} {{if .Self}}*{{else}} {{ end }}\t{{.Hostname}}\t{{.Status}}\t{{.Availability}}\t\
            {{.ManagerStatus}}\t{{.EngineVersion}}",
    quiet: "{{.ID}}",
    raw: &[
        ("node_id", "ID"),
        ("hostname", "Hostname"),
        ("status", "Status"),
        ("availability", "Availability"),
        ("manager_status", "ManagerStatus"),
    ],
};

/// Lists nodes by hostname.
pub fn ls(context: &mut Context) -> Result<Finish, Stop> {
    let mut nodes = context.nodes(context.flags.filters())??.to_vec();
    let quiet = context.flags.is_set("quiet");
    let (mut own, mut wanted) = (String::new(), TlsInfo::default());
    if !nodes.is_empty() && !quiet {
        let info = context.info()??;
        own = info.swarm.node_id.clone();
        wanted = info.swarm.cluster.as_ref().map(|cluster| cluster.tls_info.clone()).unwrap_or_default();
    }
    nodes.sort_by(|a, b| format::natural(&a.description.hostname, &b.description.hostname));
    let rows: Vec<_> = nodes
        .iter()
        .map(|node| {
            let manager = match &node.manager_status {
                None => String::new(),
                Some(status) if status.leader => "Leader".into(),
                Some(status) => pretty(&status.reachability),
            };
            let shown = &node.description.tls_info;
            let tls = match () {
                () if *shown == TlsInfo::default() || wanted == TlsInfo::default() => "Unknown",
                () if *shown == wanted => "Ready",
                () => "Needs Rotation",
            };
            row([
                ("ID", node.id.as_str().into()),
                ("Self", (node.id == own).into()),
                ("Hostname", node.description.hostname.as_str().into()),
                ("Status", pretty(&node.status.state).into()),
                ("Availability", pretty(&node.spec.availability).into()),
                ("ManagerStatus", manager.into()),
                ("TLSStatus", tls.into()),
                ("EngineVersion", node.description.engine.engine_version.as_str().into()),
            ])
        })
        .collect();
    rows::print(context, &LISTING, &rows, quiet)?;
    Ok(Finish::default())
}

/// Lists the tasks of nodes. With several nodes the filter grows from node to node, as in the real client, so that
/// the tasks of the first stand there again (a bug of Docker's that is kept: `service_ps::print` shows its mark).
pub fn ps(context: &mut Context) -> Result<Finish, Stop> {
    let own = ["self".to_owned()];
    let references = if context.arguments().is_empty() { &own[..] } else { context.arguments() };
    let mut filters = task_filters(context)?;
    let mut errors = Vec::new();
    let mut tasks = Vec::new();
    for reference in references {
        let node = match node_reference(context, reference)? {
            Ok(id) => context.node(&id)?,
            Err(refusal) => Err(refusal),
        };
        let node = match node {
            Ok(node) => node,
            Err(refusal) => {
                errors.push(refusal.text);
                continue;
            }
        };
        filters.add("node", &node.id);
        match context.tasks(filters.clone())? {
            Ok(found) => tasks.push(found),
            Err(refusal) => errors.push(refusal.text),
        }
    }
    if errors.is_empty() || tasks.iter().any(|found| !found.is_empty()) {
        let whole = context.flags.is_set("no-trunc");
        service_ps::print(context, tasks.iter().flat_map(|found| found.iter()), whole)?;
    }
    Finish::with(errors)
}

/// Shows nodes in detail.
pub fn inspect(context: &mut Context) -> Result<Finish, Stop> {
    if !inspect::is_pretty(context)? {
        return inspect::print(context, |context, reference| {
            Ok(match find(context, reference)? {
                Ok(node) => Ok(serde_json::to_value(&node).map_err(|error| error.to_string())?),
                Err(error) => Err(error),
            })
        });
    }
    let mut errors = Vec::new();
    let mut text = String::new();
    for reference in context.arguments() {
        match find(context, reference)? {
            Ok(node) => text.push_str(&(describe(&node) + "\n")),
            Err(error) => errors.push(error),
        }
    }
    context.out(text);
    Finish::with(errors)
}

fn find(context: &mut Context, reference: &str) -> Result<Result<Node, String>, Stop> {
    let id = match node_reference(context, reference)? {
        Ok(id) => id,
        Err(refusal) => return Ok(Err(refusal.text)),
    };
    Ok(match context.node(&id)? {
        Ok(node) => Ok((*node).clone()),
        Err(refusal) => Err(refusal.text),
    })
}

fn label_lines(title: &str, labels: &Labels) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let lines = labels.iter().map(|(key, value)| match value.as_str() {
        "" => format!(" - {key}\n"),
        value => format!(" - {key}={value}\n"),
    });
    format!("{title}\n{}", lines.collect::<String>())
}

/// `node inspect --pretty`, without the newline behind it.
fn describe(node: &Node) -> String {
    let description = &node.description;
    let joined = parse_rfc3339(&node.created_at).map_or_else(|| node.created_at.clone(), go_string);
    let mut text = format!("ID:\t\t\t{}\n", node.id);
    if !node.spec.name.is_empty() {
        text += &format!("Name:\t\t\t{}\n", node.spec.name);
    }
    text += &label_lines("Labels:", &node.spec.labels);
    text += &format!("Hostname:              \t{}\n", description.hostname);
    text += &format!("Joined at:             \t{}\n", pretty(&joined));
    text += &format!("Status:\n State:\t\t\t{}\n", pretty(&node.status.state));
    if !node.status.message.is_empty() {
        text += &format!(" Message:              \t{}\n", pretty(&node.status.message));
    }
    text += &format!(" Availability:         \t{}\n", pretty(&node.spec.availability));
    if !node.status.addr.is_empty() {
        text += &format!(" Address:\t\t{}\n", node.status.addr);
    }
    if let Some(manager) = &node.manager_status {
        let leader = if manager.leader { "Yes" } else { "No" };
        let raft = pretty(&manager.reachability);
        text +=
            &format!("Manager Status:\n Address:\t\t{}\n Raft Status:\t\t{raft}\n Leader:\t\t{leader}\n", manager.addr);
    }
    let platform = &description.platform;
    text += &format!("Platform:\n Operating System:\t{}\n Architecture:\t\t{}\n", platform.os, platform.architecture);
    text += &format!(
        "Resources:\n CPUs:\t\t\t{}\n Memory:\t\t{}\n",
        description.resources.nano_cpus / 1_000_000_000,
        format::bytes_size(description.resources.memory_bytes)
    );
    let mut plugins: std::collections::BTreeMap<&str, Vec<&str>> = std::collections::BTreeMap::new();
    for plugin in &description.engine.plugins {
        plugins.entry(&plugin.kind).or_default().push(&plugin.name);
    }
    if !plugins.is_empty() {
        text += "Plugins:\n";
        for (kind, names) in plugins {
            text += &format!(" {kind}:\t\t{}\n", names.join(", "));
        }
    }
    text += &format!("Engine Version:\t\t{}\n", description.engine.engine_version);
    text += &label_lines("Engine Labels:", &description.engine.labels);
    let tls = &description.tls_info;
    if !tls.trust_root.is_empty() {
        let (root, subject, key) = (&tls.trust_root, &tls.cert_issuer_subject, &tls.cert_issuer_public_key);
        text += &format!("TLS Info:\n TrustRoot:\n{root}\n Issuer Subject:\t{subject}\n Issuer Public Key:\t{key}");
    }
    text
}

/// Changes a node: role, availability, labels to add, labels to take away, in this order.
pub fn update(context: &mut Context) -> Result<Finish, Stop> {
    let flags = context.flags;
    let name = context.arguments()[0].as_str();
    let node = context.node(name)??;
    let mut spec = node.spec.clone();
    if let Some(role) = flags.text("role") {
        spec.role = role.to_owned();
    }
    if let Some(availability) = flags.text("availability") {
        spec.availability = availability.to_owned();
    }
    spec.labels.extend(flags.labels("label-add"));
    for key in flags.all("label-rm") {
        if spec.labels.remove(key).is_none() {
            return Err(Stop::Failed(format!("key {key} doesn't exist in node's labels")));
        }
    }
    context.order(&Request::NodeUpdate { id: node.id.clone(), version: node.version.index, spec })??;
    context.out(format!("{name}\n"));
    Ok(Finish::default())
}

/// Makes managers of workers.
pub fn promote(context: &mut Context) -> Result<Finish, Stop> {
    change_role(context, "manager", |name| format!("Node {name} promoted to a manager in the swarm.\n"))
}

/// Makes workers of managers.
pub fn demote(context: &mut Context) -> Result<Finish, Stop> {
    change_role(context, "worker", |name| format!("Manager {name} demoted in the swarm.\n"))
}

/// One node after the other; the first error ends it. Success is told of the name as typed, "already" of the id.
fn change_role(context: &mut Context, role: &str, done: impl Fn(&str) -> String) -> Result<Finish, Stop> {
    for name in context.arguments() {
        let node = context.node(name)??;
        if node.spec.role == role {
            context.out(format!("Node {} is already a {role}.\n", node.id));
            continue;
        }
        let spec = NodeSpec { role: role.to_owned(), ..node.spec.clone() };
        context.order(&Request::NodeUpdate { id: node.id.clone(), version: node.version.index, spec })??;
        context.out(done(name));
    }
    Ok(Finish::default())
}

/// Removes nodes.
pub fn rm(context: &mut Context) -> Result<Finish, Stop> {
    let force = context.flags.is_set("force");
    let mut errors = Vec::new();
    for name in context.arguments() {
        match context.order(&Request::NodeRemove { id: name.clone(), force })? {
            Ok(()) => context.out(format!("{name}\n")),
            Err(refusal) => errors.push(refusal.text),
        }
    }
    Finish::with(errors)
}
