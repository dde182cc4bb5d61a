//! The flags for generic resources of `service create` and `service update`: what tasks ask of kinds that users name.
//!
//! A task may ask for a number of a kind, never for one by its name. cli.md §7.5, §8; the client's own checks.

use crate::docker::flags::Parsed;
use crate::docker::script::Stop;
use crate::swarm::api::{GenericResource, TaskSpec};
use std::collections::BTreeMap;

/// What a flag asks for.
///
/// # Errors
/// What is no request, in the client's words.
pub fn requested(flags: &Parsed, flag: &str) -> Result<Vec<GenericResource>, Stop> {
    let resources = GenericResource::parse(flags.all(flag))
        .map_err(|text| Stop::Failed(format!("invalid generic resource specification: {text}")))?;
    match resources.iter().find_map(|resource| resource.named_resource_spec.as_ref()) {
        Some(named) => Err(Stop::Failed(format!(
            "invalid generic-resource request `{}={}`, Named Generic Resources is not supported for service create or update",
            named.kind, named.value
        ))),
        None => Ok(resources),
    }
}

/// Additions by kind, then removals. The real client shuffles the list; here it follows the kinds' names.
pub fn update(flags: &Parsed, task: &mut TaskSpec) -> Result<(), Stop> {
    if !flags.any_changed(&["generic-resource-add", "generic-resource-rm"]) {
        return Ok(());
    }
    let resources = task.resources.get_or_insert_default();
    let wanted = &mut resources.reservations.get_or_insert_default().generic_resources;
    let added = requested(flags, "generic-resource-add")?;
    let mut kinds: BTreeMap<String, i64> = wanted
        .drain(..)
        .chain(added)
        .filter_map(|resource| resource.discrete_resource_spec)
        .map(|resource| (resource.kind, resource.value))
        .collect();
    for kind in flags.all("generic-resource-rm") {
        if kinds.remove(kind).is_none() {
            return Err(Stop::Failed(format!("could not find generic-resource `{kind}` to remove it")));
        }
    }
    *wanted = kinds.into_iter().map(|(kind, value)| GenericResource::discrete(&kind, value)).collect();
    Ok(())
}
