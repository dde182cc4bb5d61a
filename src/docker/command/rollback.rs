//! `docker service rollback`. cli.md §5.3, §8.

use super::service_create::finish;
use crate::docker::script::{Context, Finish, Stop};
use crate::swarm::api::Request;

/// Goes back to the previous specification of a service.
pub fn rollback(context: &mut Context) -> Result<Finish, Stop> {
    let name = context.arguments()[0].as_str();
    let service = context.service(name, false)??;
    let request = Request::ServiceUpdate {
        id: service.id.clone(),
        version: service.version.index,
        spec: Box::new(service.spec.clone()),
        rollback: true,
        query_registry: false,
    };
    super::service_update::send(context, &request)?;
    context.out(format!("{name}\n"));
    finish(context, name)
}
