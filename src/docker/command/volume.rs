//! `docker volume`: the volumes of this host. cli.md §13; docker's own list formats.

use super::inspect;
use super::network::asks;
use crate::docker::rows::{self, Listing, row};
use crate::docker::script::{Context, Finish, Stop};
use crate::swarm::api::{Request, VolumeCreate};

const LISTING: Listing = Listing {
    kind: "*formatter.VolumeContext",
    headers: &[
        ("Driver", "DRIVER"),
        ("Name", "VOLUME NAME"),
        ("Scope", "SCOPE"),
        ("Mountpoint", "MOUNTPOINT"),
        ("Labels", "LABELS"),
        ("Label", "LABEL"),
        ("Size", "SIZE"),
        ("Links", "LINKS"),
        ("Status", "STATUS"),
        ("Availability", "AVAILABILITY"),
        ("Group", "GROUP"),
    ],
    table: "{{.Driver}}\t{{.Name}}",
    quiet: "{{.Name}}",
    raw: &[("name", "Name"), ("driver", "Driver")],
};

/// Lists volumes.
pub fn ls(context: &mut Context) -> Result<Finish, Stop> {
    let volumes = context.volumes(context.flags.filters())??;
    let rows: Vec<_> = volumes
        .iter()
        .map(|volume| {
            let labels = volume.labels.iter().flatten().map(|(key, value)| format!("{key}={value}"));
            row([
                ("Driver", volume.driver.as_str().into()),
                ("Name", volume.name.as_str().into()),
                ("Scope", volume.scope.as_str().into()),
                ("Mountpoint", volume.mountpoint.as_str().into()),
                ("Labels", labels.collect::<Vec<_>>().join(",").into()),
                ("Size", "N/A".into()),
                ("Links", "N/A".into()),
                ("Status", "N/A".into()),
                ("Availability", "N/A".into()),
                ("Group", "N/A".into()),
            ])
        })
        .collect();
    rows::print(context, &LISTING, &rows, context.flags.is_set("quiet"))?;
    Ok(Finish::default())
}

/// Makes a volume; prints its name.
pub fn create(context: &mut Context) -> Result<Finish, Stop> {
    let named = context.flags.text("name").unwrap_or_default();
    let name = match context.arguments().first() {
        Some(_) if !named.is_empty() => {
            return Err(Stop::Failed(
                "conflicting options: cannot specify a volume-name through both --name and as a positional arg".into(),
            ));
        }
        Some(name) => name.clone(),
        None => named.to_owned(),
    };
    let wanted = VolumeCreate {
        name,
        driver: context.flags.text("driver").unwrap_or("local").to_owned(),
        labels: context.flags.labels("label"),
        options: context.flags.labels("opt"),
    };
    let volume = context.volume_made(wanted)??;
    context.out(format!("{}\n", volume.name));
    Ok(Finish::default())
}

/// Shows volumes in detail.
pub fn inspect(context: &mut Context) -> Result<Finish, Stop> {
    inspect::print(context, |context, reference| {
        Ok(match context.volume(reference)? {
            Ok(volume) => Ok(serde_json::to_value(&*volume).map_err(|error| Stop::Failed(error.to_string()))?),
            Err(refusal) => Err(refusal.text),
        })
    })
}

/// Removes volumes.
pub fn rm(context: &mut Context) -> Result<Finish, Stop> {
    let force = context.flags.is_set("force");
    let mut errors = Vec::new();
    for name in context.arguments() {
        match context.order(&Request::VolumeRemove { name: name.clone(), force })? {
            Ok(()) => context.out(format!("{name}\n")),
            Err(refusal) => errors.push(refusal.text),
        }
    }
    Finish::with(errors)
}

/// Removes volumes that nobody uses.
pub fn prune(context: &mut Context) -> Result<Finish, Stop> {
    let all = context.flags.is_set("all");
    let warning = match all {
        true => "WARNING! This will remove all local volumes not used by at least one container.",
        false => "WARNING! This will remove anonymous local volumes not used by at least one container.",
    };
    if !context.flags.is_set("force")
        && !asks(context, &format!("{warning}\nAre you sure you want to continue? [y/N] "))?
    {
        return Err(Stop::Failed("volume prune has been cancelled".into()));
    }
    let mut filters = context.flags.filters();
    if all {
        filters.add("all", "1");
    }
    let pruned = context.cleared(Request::VolumePrune(filters))??;
    if !pruned.names.is_empty() {
        context.out(format!("Deleted Volumes:\n{}\n\n", pruned.names.join("\n")));
    }
    context.out(format!("Total reclaimed space: {}\n", crate::docker::format::decimal_size(pruned.reclaimed)));
    Ok(Finish::default())
}
