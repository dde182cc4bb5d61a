//! `docker service ls` and `service rm`. cli.md §5.3.

use crate::docker::format;
use crate::docker::rows::{self, Listing, row};
use crate::docker::script::{Context, Finish, Stop};
use crate::swarm::api::{PortConfig, Request, Service, ServiceMode};

const LISTING: Listing = Listing {
    kind: "*service.serviceContext",
    headers: &[
        ("ID", "ID"),
        ("Name", "NAME"),
        ("Mode", "MODE"),
        ("Replicas", "REPLICAS"),
        ("Image", "IMAGE"),
        ("Ports", "PORTS"),
    ],
    table: "{{.ID}}\t{{.Name}}\t{{.Mode}}\t{{.Replicas}}\t{{.Image}}\t{{.Ports}}",
    quiet: "{{.ID}}",
    raw: &[
        ("id", "ID"),
        ("name", "Name"),
        ("mode", "Mode"),
        ("replicas", "Replicas"),
        ("image", "Image"),
        ("ports", "Ports"),
    ],
};

/// Lists services by name.
pub fn ls(context: &mut Context) -> Result<Finish, Stop> {
    let services = context.services(context.flags.filters(), true)??.to_vec();
    print(context, services)
}

/// Prints services by name.
pub fn print(context: &mut Context, mut services: Vec<Service>) -> Result<Finish, Stop> {
    services.sort_by(|a, b| format::natural(&a.spec.name, &b.spec.name));
    let rows: Vec<_> = services
        .iter()
        .map(|service| {
            row([
                ("ID", format::truncate_id(&service.id).into()),
                ("Name", service.spec.name.as_str().into()),
                ("Mode", mode(&service.spec.mode).into()),
                ("Replicas", replicas(service).into()),
                ("Image", format::image_cell(&service.spec.task_template.container_spec.image).into()),
                ("Ports", ports(&service.endpoint.ports).into()),
            ])
        })
        .collect();
    rows::print(context, &LISTING, &rows, context.flags.is_set("quiet"))?;
    Ok(Finish::default())
}

fn mode(mode: &ServiceMode) -> &'static str {
    match mode {
        ServiceMode::Replicated { .. } => "replicated",
        ServiceMode::Global {} => "global",
        ServiceMode::ReplicatedJob { .. } => "replicated job",
        ServiceMode::GlobalJob {} => "global job",
    }
}

fn replicas(service: &Service) -> String {
    let status = service.service_status.unwrap_or_default();
    let (running, desired, completed) = (status.running_tasks, status.desired_tasks, status.completed_tasks);
    let most = service.spec.task_template.placement.as_ref().map_or(0, |placement| placement.max_replicas);
    match &service.spec.mode {
        ServiceMode::Replicated { .. } | ServiceMode::Global {} if most == 0 => format!("{running}/{desired}"),
        ServiceMode::Replicated { .. } | ServiceMode::Global {} => {
            format!("{running}/{desired} (max {most} per node)")
        }
        ServiceMode::ReplicatedJob { total_completions, .. } => {
            format!("{running}/{desired} ({completed}/{} completed)", total_completions.unwrap_or_default())
        }
        ServiceMode::GlobalJob {} => {
            format!("{running}/{desired} ({completed}/{} completed)", desired.saturating_add(completed))
        }
    }
}

/// The PORTS cell: ingress ports, those that follow each other as ranges.
fn ports(ports: &[PortConfig]) -> String {
    struct Range<'a> {
        published: (u32, u32),
        target: (u32, u32),
        protocol: &'a str,
    }
    let mut sorted: Vec<&PortConfig> = ports.iter().filter(|port| port.publish_mode == "ingress").collect();
    sorted.sort_by(|a, b| a.protocol.cmp(&b.protocol).then(a.published_port.cmp(&b.published_port)));
    let mut ranges: Vec<Range> = Vec::new();
    for port in sorted {
        let (published, target) = (port.published_port, port.target_port);
        match ranges.last_mut() {
            Some(range)
                if range.protocol == port.protocol
                    && published <= range.published.1.saturating_add(1)
                    && target <= range.target.1.saturating_add(1)
                    && !(range.target.1 > range.target.0 && target <= range.target.1) =>
            {
                range.published.1 = published;
                range.target.1 = target;
            }
            _ => ranges.push(Range {
                published: (published, published),
                target: (target, target),
                protocol: &port.protocol,
            }),
        }
    }
    let span = |(from, to): (u32, u32)| if from == to { from.to_string() } else { format!("{from}-{to}") };
    let cells = ranges.iter().map(|r| format!("*:{}->{}/{}", span(r.published), span(r.target), r.protocol));
    cells.collect::<Vec<_>>().join(", ")
}

/// Removes services.
pub fn rm(context: &mut Context) -> Result<Finish, Stop> {
    let mut errors = Vec::new();
    for name in context.arguments() {
        match context.order(&Request::ServiceRemove(name.clone()))? {
            Ok(()) => context.out(format!("{name}\n")),
            Err(refusal) => errors.push(refusal.text),
        }
    }
    Finish::with(errors)
}
