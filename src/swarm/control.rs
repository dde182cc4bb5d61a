//! The control API: what the leader does for users. Reads are answered from its store at once, without asking a quorum;
//! writes wait for their turn.
//!
//! Source: control-plane.md §1.3-§1.5, §8; SwarmKit's `manager/controlapi`, the engine's `daemon/cluster`.

mod cluster;
mod files;
pub mod ipam;
mod join;
mod list;
pub mod networks;
pub(crate) mod nodes;
mod present;
mod references;
pub(crate) mod services;
mod spec;

#[cfg(test)]
mod tests;

pub use cluster::{at_init, check_at_init};
pub use join::{Setup, join, new_cluster, new_node, setup};
pub use list::{counts, find_task};
pub use services::find as find_service;
#[cfg(test)]
pub(crate) use spec::service as service_spec;

use crate::net::HostId;
use crate::swarm::api::{Answer, ApiError, Request, Response};
use crate::swarm::manager::{Manager, MembersView};
use crate::swarm::store::{State, Transaction};
use crate::swarm::world::Env;
use crate::swarm::world::event::ControlRequest;
use std::sync::Arc;

/// What a read sees: the leader's store and what it knows of the other managers.
pub struct View<'a> {
    /// The leader.
    pub manager: &'a Manager,
    /// Its host.
    pub own: HostId,
    /// Addresses.
    pub env: &'a Env,
}

impl View<'_> {
    fn state(&self) -> &State {
        &self.manager.state
    }
}

/// Answers a read; `None` for a request that writes.
pub fn read(request: &ControlRequest, view: &View<'_>) -> Option<Answer> {
    let request = match request {
        ControlRequest::Api(request) => request,
        ControlRequest::Info => return Some(Ok(Response::Swarm(Arc::new(present::swarm(view)?)))),
        ControlRequest::ManagerStats => {
            return Some(Ok(Response::Nodes(Arc::new(list::nodes(&Default::default(), view)))));
        }
    };
    let state = view.state();
    Some(match request {
        Request::SwarmInspect => match present::swarm(view) {
            Some(swarm) => Ok(Response::Swarm(Arc::new(swarm))),
            None => Err(ApiError::new(500, "the cluster object is not there yet").into()),
        },
        Request::SwarmUnlockKey => Ok(Response::UnlockKey(cluster::unlock_key(state))),
        Request::NodeList(filters) => match list::check_node_filters(filters) {
            Ok(()) => Ok(Response::Nodes(Arc::new(list::nodes(filters, view)))),
            Err(error) => Err(error.into()),
        },
        Request::NodeInspect(name) => match nodes::find(state, name) {
            Ok(node) => Ok(Response::Node(Arc::new(present::node(&node, view)))),
            Err(error) => Err(error.into()),
        },
        Request::ServiceList { filters, status } => match list::check_service_filters(filters) {
            Ok(()) => Ok(Response::Services(Arc::new(list::services(filters, *status, state)))),
            Err(error) => Err(error.into()),
        },
        Request::ServiceInspect { id, insert_defaults } => match services::find(state, id) {
            Ok(service) => Ok(Response::Service(Arc::new(present::service(&service, *insert_defaults)))),
            Err(error) => Err(error.into()),
        },
        Request::TaskList(filters) => match list::tasks(filters, state) {
            Ok(tasks) => Ok(Response::Tasks(Arc::new(tasks))),
            Err(error) => Err(error.into()),
        },
        Request::TaskInspect(id) => match find_task(state, id) {
            Ok(task) => Ok(Response::Task(Arc::new(present::task(&task, state)))),
            Err(error) => Err(error.into()),
        },
        Request::NetworkList(_) => Ok(Response::Networks(Arc::new(networks::list(state)))),
        Request::NetworkInspect { id, .. } => match networks::inspect(id, state) {
            Ok(network) => Ok(Response::Network(Arc::new(network))),
            Err(error) => Err(error.into()),
        },
        Request::FileList { kind, filters } => match files::list(*kind, filters, state) {
            Ok(files) => Ok(Response::Files(Arc::new(files))),
            Err(error) => Err(error.into()),
        },
        Request::FileInspect { kind, id } => match files::find(*kind, state, id) {
            Ok(file) => Ok(Response::File(Arc::new(files::present(&file)))),
            Err(error) => Err(error.into()),
        },
        _ => return None,
    })
}

/// Carries out a write in its transaction; the answer is given once that is committed.
pub fn write(request: &ControlRequest, tx: &mut Transaction, members: &MembersView, env: &mut Env) -> Answer {
    let ControlRequest::Api(request) = request else {
        return Err(ApiError::new(500, "not a request that writes").into());
    };
    let done = match request {
        Request::ServiceCreate { spec, .. } => services::create(spec, tx, &mut env.ids, env.seed),
        Request::ServiceUpdate { id, version, spec, rollback, .. } => {
            services::update(id, *version, spec, *rollback, tx)
        }
        Request::NetworkCreate(request) => networks::create(request, tx, env),
        Request::NetworkRemove(id) => networks::remove(id, tx),
        Request::NetworkPrune(filters) => networks::prune(filters, tx),
        Request::FileCreate { kind, spec } => files::create(*kind, spec, tx, env),
        Request::FileUpdate { kind, id, version, spec } => files::update(*kind, id, *version, spec, tx),
        Request::FileRemove { kind, id } => files::remove(*kind, id, tx),
        Request::ServiceRemove(id) => services::remove(id, tx),
        Request::NodeUpdate { id, version, spec } => nodes::update(id, *version, spec, members, tx),
        Request::NodeRemove { id, force } => nodes::remove(id, *force, tx),
        Request::SwarmUpdate { version, spec, rotate } => cluster::update(*version, spec, *rotate, tx, env),
        _ => Err(ApiError::new(501, "swarmlab: this request is not modelled yet")),
    };
    done.map_err(Into::into)
}
