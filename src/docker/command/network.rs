//! `docker network ls`. cli.md §5.5.

use crate::docker::format;
use crate::docker::rows::{self, Listing, row};
use crate::docker::script::{Context, Finish, Stop};

const LISTING: Listing = Listing {
    kind: "*network.networkContext",
    headers: &[("ID", "NETWORK ID"), ("Name", "NAME"), ("Driver", "DRIVER"), ("Scope", "SCOPE")],
    table: "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}",
    quiet: "{{.ID}}",
    raw: &[("network_id", "ID"), ("name", "Name"), ("driver", "Driver"), ("scope", "Scope")],
};

/// Lists networks by name.
pub fn ls(context: &mut Context) -> Result<Finish, Stop> {
    let mut networks = context.networks(context.flags.filters())??.to_vec();
    networks.sort_by(|a, b| format::natural(&a.name, &b.name));
    let whole = context.flags.is_set("no-trunc");
    let rows: Vec<_> = networks
        .iter()
        .map(|network| {
            let id = if whole { &network.id } else { format::truncate_id(&network.id) };
            row([
                ("ID", id.into()),
                ("Name", network.name.as_str().into()),
                ("Driver", network.driver.as_str().into()),
                ("Scope", network.scope.as_str().into()),
            ])
        })
        .collect();
    rows::print(context, &LISTING, &rows, context.flags.is_set("quiet"))?;
    Ok(Finish::default())
}
