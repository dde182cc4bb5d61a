//! What the engine tells those who watch it (`docker events`): kept small, and put into words only when somebody asks.
//!
//! Source: cli.md §5.9; recording docker-29/03.

use super::{Container, EngineOutbox, Owner, Surroundings};
use crate::engine::{Duration, Time};
use crate::swarm::object::{ContainerId, Id, Network};
use std::borrow::Cow;
use std::sync::Arc;

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Occurrence {
    /// What the host's clock showed.
    pub at: Time,
    /// What, to what.
    pub subject: Subject,
}

/// What happened, to what.
#[derive(Clone, Debug)]
pub enum Subject {
    /// To a container.
    Container {
        /// `create`, `start`, `die`.
        action: Cow<'static, str>,
        /// Which.
        id: ContainerId,
        /// Its name then.
        name: Arc<str>,
        /// Its image.
        image: Arc<str>,
        /// Its labels come from there.
        owner: Owner,
        /// And from there.
        node_id: Id,
        /// What is told beside.
        more: Vec<(&'static str, String)>,
    },
    /// A container came onto a network of this host's own or of the swarm, or left it; or a network was made or removed.
    Network {
        /// `connect`, `disconnect`, `create`, `destroy`.
        action: &'static str,
        /// Which.
        network: Wire,
        /// Whose place.
        container: Option<ContainerId>,
    },
    /// To an image.
    Image {
        /// `pull`, `tag`, `untag`, `delete`.
        action: &'static str,
        /// Its reference or its id.
        id: String,
        /// Its name.
        name: String,
    },
    /// To a volume.
    Volume {
        /// `create`, `mount`, `unmount`, `destroy`.
        action: &'static str,
        /// Which.
        name: String,
        /// Whose.
        container: Option<ContainerId>,
    },
    /// To an object of the swarm: only managers tell.
    Swarm {
        /// `service`, `node`, `secret`, `config`, `network`.
        kind: &'static str,
        /// `create`, `update`, `remove`.
        action: &'static str,
        /// Which.
        id: Id,
        /// What is told of it.
        attributes: Vec<(&'static str, Arc<str>)>,
    },
}

/// A network, as the engine knows it.
#[derive(Clone, Debug)]
pub enum Wire {
    /// Of this host's own.
    Local {
        /// Its name.
        name: Arc<str>,
        /// Its id, if it is known to differ from what the name says.
        id: Option<String>,
        /// `bridge`, `host`, `null`.
        driver: &'static str,
    },
    /// Of the swarm.
    Swarm(Arc<Network>),
}

/// Tells of a container.
pub fn container(
    container: &Container,
    action: impl Into<Cow<'static, str>>,
    more: &[(&'static str, &str)],
    ahead: Duration,
    around: &Surroundings<'_>,
    out: &mut EngineOutbox,
) {
    let subject = Subject::Container {
        action: action.into(),
        id: container.id,
        name: container.name.clone(),
        image: container.image.clone(),
        owner: container.owner.clone(),
        node_id: container.node_id,
        more: more.iter().map(|(key, value)| (*key, (*value).to_owned())).collect(),
    };
    out.events.push(Occurrence { at: around.now + ahead, subject });
}
