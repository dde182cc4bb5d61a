//! How the client finds out what is meant: `self`, names of nodes and services for ids, filters by node.
//!
//! cli.md §5.2, §9. Answers are kept for the length of a command, as the real client does.

use super::script::{Asked, Context, Refusal, Stop};
use crate::swarm::api::Filters;
use std::collections::BTreeMap;

/// A node as typed, `self` turned into an id.
pub fn node_reference(context: &mut Context, reference: &str) -> Asked<String> {
    if reference != "self" {
        return Ok(Ok(reference.to_owned()));
    }
    let info = match context.info()? {
        Ok(info) => info,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if !info.swarm.node_id.is_empty() {
        return Ok(Ok(info.swarm.node_id.clone()));
    }
    // Outside of a swarm: the list of nodes has the better error.
    if let Err(refusal) = context.nodes(Filters::default())? {
        return Ok(Err(refusal));
    }
    Ok(Err(Refusal { text: "node ID not found in /info".into(), status: 0 }))
}

/// `--filter`, with `node=self` turned into an id.
pub fn task_filters(context: &mut Context) -> Result<Filters, Stop> {
    let mut filters = context.flags.filters();
    if let Some(nodes) = filters.0.remove("node") {
        for node in nodes {
            let id = node_reference(context, &node)??;
            filters.add("node", &id);
        }
    }
    Ok(filters)
}

/// Names for ids.
pub struct Names {
    off: bool,
    nodes: BTreeMap<String, String>,
    services: BTreeMap<String, String>,
}

impl Names {
    /// With `--no-resolve`, ids stay ids.
    pub fn new(off: bool) -> Names {
        Names { off, nodes: BTreeMap::new(), services: BTreeMap::new() }
    }

    /// A node's name, else its hostname, else the id.
    pub fn node(&mut self, context: &mut Context, id: &str) -> Result<String, Stop> {
        if self.off || id.is_empty() {
            return Ok(id.to_owned());
        }
        if let Some(name) = self.nodes.get(id) {
            return Ok(name.clone());
        }
        let name = match context.node(id)? {
            Ok(node) => {
                let names = [&node.spec.name, &node.description.hostname];
                names.into_iter().find(|name| !name.is_empty()).cloned().unwrap_or_else(|| id.to_owned())
            }
            Err(_) => id.to_owned(),
        };
        self.nodes.insert(id.to_owned(), name.clone());
        Ok(name)
    }

    /// A service's name, or the id when it is gone.
    pub fn service(&mut self, context: &mut Context, id: &str) -> Result<String, Stop> {
        if self.off || id.is_empty() {
            return Ok(id.to_owned());
        }
        if let Some(name) = self.services.get(id) {
            return Ok(name.clone());
        }
        let name = match context.service(id, false)? {
            Ok(service) => service.spec.name.clone(),
            Err(_) => id.to_owned(),
        };
        self.services.insert(id.to_owned(), name.clone());
        Ok(name)
    }
}
