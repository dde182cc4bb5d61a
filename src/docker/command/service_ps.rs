//! `docker service ps`, and the table of tasks that `node ps` shares. cli.md §9.

use crate::docker::format::{self, pretty};
use crate::docker::lookup::{Names, task_filters};
use crate::docker::rows::{self, Listing, is_table, row};
use crate::docker::script::{Context, Finish, Stop};
use crate::swarm::api::time::parse_rfc3339;
use crate::swarm::api::{Filters, Task};
use std::collections::BTreeMap;

const LISTING: Listing = Listing {
    kind: "*task.taskContext",
    headers: &[
        ("ID", "ID"),
        ("Name", "NAME"),
        ("Image", "IMAGE"),
        ("Node", "NODE"),
        ("DesiredState", "DESIRED STATE"),
        ("CurrentState", "CURRENT STATE"),
        ("Error", "ERROR"),
        ("Ports", "PORTS"),
    ],
    table: "{{.ID}}\t{{.Name}}\t{{.Image}}\t{{.Node}}\t{{.DesiredState}}\t{{.CurrentState}}\t{{.Error}}\t{{.Ports}}",
    quiet: "{{.ID}}",
    raw: &[
        ("id", "ID"),
        ("name", "Name"),
        ("image", "Image"),
        ("node", "Node"),
        ("desired_state", "DesiredState"),
        ("current_state", "CurrentState"),
        ("error", "Error"),
        ("ports", "Ports"),
    ],
};

/// Lists the tasks of services.
pub fn ps(context: &mut Context) -> Result<Finish, Stop> {
    let (services, errors) = find(context)?;
    if services.is_empty() {
        return Finish::with(errors);
    }
    let mut filters = task_filters(context)?;
    for id in services {
        filters.add("service", &id);
    }
    let tasks = context.tasks(filters)??;
    let whole = context.flags.is_set("no-trunc") || context.flags.is_set("quiet");
    print(context, tasks.iter(), whole)?;
    Finish::with(errors)
}

/// The ids of the services that were named, and an error for each that is not there.
fn find(context: &mut Context) -> Result<(Vec<String>, Vec<String>), Stop> {
    let (mut by_id, mut by_name) = (Filters::default(), Filters::default());
    for name in context.arguments() {
        by_id.add("id", name);
        by_name.add("name", name);
    }
    let by_id = context.services(by_id, false)??;
    let by_name = context.services(by_name, false)??;
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    for name in context.arguments() {
        let exact = by_id.iter().find(|service| service.id == *name);
        let exact = exact.or_else(|| by_name.iter().find(|service| service.spec.name == *name));
        let mut prefixed = by_id.iter().filter(|service| service.id.starts_with(name.as_str()));
        match (exact, prefixed.next(), prefixed.next()) {
            (Some(service), _, _) | (None, Some(service), None) => found.push(service.id.clone()),
            (None, Some(_), Some(_)) => {
                return Err(Stop::Failed(format!("multiple services found with provided prefix: {name}")));
            }
            (None, None, _) => errors.push(format!("no such service: {name}")),
        }
    }
    Ok((found, errors))
}

/// Prints tasks, those of one slot together with the newest first.
///
/// Names are asked for first, in one pass that is cheap to run again for each answer.
pub fn print<'a>(context: &mut Context, tasks: impl IntoIterator<Item = &'a Task>, whole: bool) -> Result<(), Stop> {
    let mut names = Names::new(context.flags.is_set("no-resolve"));
    let mut named: Vec<Named> = Vec::new();
    for task in tasks {
        let service = names.service(context, &task.service_id)?;
        let node = names.node(context, &task.node_id)?;
        named.push(Named { task, name: service, node, created: 0 });
    }
    for row in &mut named {
        let task = row.task;
        let place = if task.slot == 0 { task.node_id.clone() } else { task.slot.to_string() };
        row.name = format!("{}.{place}", row.name);
        row.created = parse_rfc3339(&task.created_at).unwrap_or(i64::MIN);
    }
    named.sort_by(|a, b| format::natural(&a.name, &b.name).then(b.created.cmp(&a.created)));
    let indent = if is_table(context.flags.text("format").unwrap_or("")) { " \\_ " } else { "" };
    // Kept per task id, as in the real client: a task that is listed twice shows its last name both times.
    let mut shown: BTreeMap<&str, String> = BTreeMap::new();
    let mut previous = "";
    for Named { task, name, .. } in &named {
        let same = *name == previous;
        shown.insert(&task.id, if same { format!("{indent}{name}") } else { name.clone() });
        previous = name;
    }
    let rows: Vec<_> = named
        .iter()
        .map(|Named { task, node, .. }| {
            row([
                ("ID", (if whole { task.id.as_str() } else { format::truncate_id(&task.id) }).into()),
                ("Name", shown.get(task.id.as_str()).cloned().unwrap_or_default().into()),
                ("Image", image(task, whole).into()),
                ("Node", node.as_str().into()),
                ("DesiredState", pretty(&task.desired_state).into()),
                ("CurrentState", state(context, task).into()),
                ("Error", error(task, whole).into()),
                ("Ports", ports(task).into()),
            ])
        })
        .collect();
    rows::print(context, &LISTING, &rows, context.flags.is_set("quiet"))
}

struct Named<'a> {
    task: &'a Task,
    name: String,
    node: String,
    created: i64,
}

fn image(task: &Task, whole: bool) -> String {
    let image = &task.spec.container_spec.image;
    if whole { image.clone() } else { format::image_cell(image) }
}

fn state(context: &Context, task: &Task) -> String {
    let age = context.clock().saturating_sub(task.status.timestamp_nanos);
    format!("{} {} ago", pretty(&task.status.state), format::human_duration(age).to_lowercase())
}

fn error(task: &Task, whole: bool) -> String {
    match task.status.err.as_str() {
        "" => String::new(),
        text if whole => format!("\"{text}\""),
        text => format!("\"{}\"", format::ellipsis(text, 30)),
    }
}

fn ports(task: &Task) -> String {
    let ports = task.status.port_status.ports.iter();
    ports.map(|p| format!("*:{}->{}/{}", p.published_port, p.target_port, p.protocol)).collect::<Vec<_>>().join(",")
}
