//! What a manager's daemon asks the registry for before it hands a spec on: the image's digest.

use super::image::{canonical, without_digest};
use crate::swarm::api::Request;
use crate::swarm::world::Env;

/// The request with its image pinned, or with the warning that it could not be.
pub fn resolve(request: &Request, env: &Env) -> (Request, Vec<String>) {
    let mut request = request.clone();
    let (spec, asked) = match &mut request {
        Request::ServiceCreate { spec, query_registry } | Request::ServiceUpdate { spec, query_registry, .. } => {
            (spec, *query_registry)
        }
        _ => return (request, Vec::new()),
    };
    let image = &mut spec.task_template.container_spec.image;
    if !asked || image.is_empty() || image.contains('@') {
        return (request, Vec::new());
    }
    if !env.registry || env.catalogue.behaviour(image).missing {
        let warning = format!(
            "image {image} could not be accessed on a registry to record\nits digest. Each node will access {image} independently,\npossibly leading to different nodes running different\nversions of the image.\n"
        );
        return (request, vec![warning]);
    }
    *image = format!("{image}@sha256:{}", digest(image));
    (request, Vec::new())
}

/// The digest that the registry gives for a reference: the same for the same reference in every world.
fn digest(image: &str) -> String {
    let key = crate::engine::Seed(0).key("registry.digest", &canonical(without_digest(image)));
    format!("{:032x}{:032x}", key.at_u128(0), key.at_u128(1))
}
