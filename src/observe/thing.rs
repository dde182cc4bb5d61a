//! Reading the picture by name: an object of it, its fields, lists of objects.
//!
//! Nothing is copied but counters of references. The names are those of the table in `fields`, which a test holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Container, Host, Member, Network, Node, Port, Raft, Service, Task, Text};

/// What a field holds.
#[derive(Clone, Debug)]
pub enum Datum {
    /// true or false
    Bool(bool),
    /// a whole number
    Int(i64),
    /// a text
    Text(Text),
    /// nothing
    Null,
    /// texts by text
    Labels(Arc<BTreeMap<Text, Text>>),
    /// an object
    Thing(Thing),
    /// objects
    Things(Things),
}

/// One object: the list that holds it, and its place in it.
#[derive(Clone, Debug)]
pub enum Thing {
    /// A service.
    Service(Arc<Vec<Service>>, usize),
    /// The update of a service.
    Update(Arc<Vec<Service>>, usize),
    /// A port of a service.
    Port(Arc<Vec<Service>>, usize, usize),
    /// A node.
    Node(Arc<Vec<Node>>, usize),
    /// A task.
    Task(Arc<Vec<Task>>, usize),
    /// A network.
    Network(Arc<Vec<Network>>, usize),
    /// The consensus.
    Raft(Arc<Raft>),
    /// A member of the consensus.
    Member(Arc<Raft>, usize),
    /// A host.
    Host(Arc<Vec<Host>>, usize),
    /// A container.
    Container(Arc<Vec<Container>>, usize),
}

/// A list of objects.
#[derive(Clone, Debug)]
pub enum Things {
    /// Services.
    Services(Arc<Vec<Service>>),
    /// The ports of a service.
    Ports(Arc<Vec<Service>>, usize),
    /// Nodes.
    Nodes(Arc<Vec<Node>>),
    /// Tasks.
    Tasks(Arc<Vec<Task>>),
    /// Networks.
    Networks(Arc<Vec<Network>>),
    /// The members of the consensus.
    Members(Arc<Raft>),
    /// Hosts.
    Hosts(Arc<Vec<Host>>),
    /// Containers.
    Containers(Arc<Vec<Container>>),
}

fn int(number: u64) -> Datum {
    Datum::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

fn text(text: &Text) -> Datum {
    Datum::Text(Arc::clone(text))
}

impl Thing {
    /// What a field holds; none if it has no such field.
    pub fn get(&self, field: &str) -> Option<Datum> {
        match self {
            Self::Service(list, at) => {
                let service = list.get(*at)?;
                Some(match field {
                    "name" => text(&service.name),
                    "id" => text(&service.id),
                    "image" => text(&service.image),
                    "mode" => text(&service.mode),
                    "replicas" => int(service.replicas),
                    "running" => int(service.running),
                    "desired" => int(service.desired),
                    "update" => Datum::Thing(Self::Update(Arc::clone(list), *at)),
                    "ports" => Datum::Things(Things::Ports(Arc::clone(list), *at)),
                    "vip" => text(&service.vip),
                    "vips" => Datum::Labels(Arc::clone(&service.vips)),
                    _ => return None,
                })
            }
            Self::Update(list, at) => match (field, &list.get(*at)?.update) {
                ("state", update) => Some(text(&update.state)),
                ("message", update) => Some(text(&update.message)),
                _ => None,
            },
            Self::Port(list, at, port) => port_field(list.get(*at)?.ports.get(*port)?, field),
            Self::Node(list, at) => node_field(list.get(*at)?, field),
            Self::Task(list, at) => task_field(list.get(*at)?, field),
            Self::Network(list, at) => network_field(list.get(*at)?, field),
            Self::Raft(raft) => Some(match field {
                "leader" => text(&raft.leader),
                "term" => int(raft.term),
                "quorum" => Datum::Bool(raft.quorum),
                "commit" => int(raft.commit),
                "members" => Datum::Things(Things::Members(Arc::clone(raft))),
                _ => return None,
            }),
            Self::Member(raft, at) => member_field(raft.members.get(*at)?, field),
            Self::Host(list, at) => host_field(list.get(*at)?, field),
            Self::Container(list, at) => container_field(list.get(*at)?, field),
        }
    }

    /// What it is called in an explanation: `service web`, `task web.1`.
    pub fn title(&self) -> String {
        let (kind, field) = match self {
            Self::Service(..) => ("service", "name"),
            Self::Update(..) => ("update", "state"),
            Self::Port(..) => ("port", "published"),
            Self::Node(..) => ("node", "name"),
            Self::Task(..) => ("task", "name"),
            Self::Network(..) => ("network", "name"),
            Self::Raft(..) => ("consensus of term", "term"),
            Self::Member(..) => ("member", "name"),
            Self::Host(..) => ("host", "name"),
            Self::Container(..) => ("container of", "task"),
        };
        match self.get(field) {
            Some(Datum::Text(name)) => format!("{kind} {name}"),
            Some(Datum::Int(number)) => format!("{kind} {number}"),
            _ => kind.to_string(),
        }
    }
}

fn port_field(port: &Port, field: &str) -> Option<Datum> {
    Some(match field {
        "published" => int(port.published.into()),
        "target" => int(port.target.into()),
        "protocol" => text(&port.protocol),
        _ => return None,
    })
}

fn node_field(node: &Node, field: &str) -> Option<Datum> {
    Some(match field {
        "name" => text(&node.name),
        "id" => text(&node.id),
        "role" => text(&node.role),
        "status" => text(&node.status),
        "availability" => text(&node.availability),
        "leader" => Datum::Bool(node.leader),
        "reachability" => text(&node.reachability),
        "labels" => Datum::Labels(Arc::clone(&node.labels)),
        "address" => text(&node.address),
        _ => return None,
    })
}

fn task_field(task: &Task, field: &str) -> Option<Datum> {
    Some(match field {
        "id" => text(&task.id),
        "service" => text(&task.service),
        "slot" => int(task.slot),
        "name" => text(&task.name),
        "node" => text(&task.node),
        "desired" => text(&task.desired),
        "state" => text(&task.state),
        "message" => text(&task.message),
        "error" => text(&task.error),
        "image" => text(&task.image),
        "version" => int(task.version),
        "addresses" => Datum::Labels(Arc::clone(&task.addresses)),
        _ => return None,
    })
}

fn network_field(network: &Network, field: &str) -> Option<Datum> {
    Some(match field {
        "name" => text(&network.name),
        "id" => text(&network.id),
        "driver" => text(&network.driver),
        "subnet" => text(&network.subnet),
        "gateway" => text(&network.gateway),
        "vxlan" => int(network.vxlan),
        "ingress" => Datum::Bool(network.ingress),
        "balancers" => Datum::Labels(Arc::clone(&network.balancers)),
        _ => return None,
    })
}

fn member_field(member: &Member, field: &str) -> Option<Datum> {
    Some(match field {
        "name" => text(&member.name),
        "role" => text(&member.role),
        "term" => int(member.term),
        "commit" => int(member.commit),
        "applied" => int(member.applied),
        "up" => Datum::Bool(member.up),
        _ => return None,
    })
}

fn host_field(host: &Host, field: &str) -> Option<Datum> {
    Some(match field {
        "name" => text(&host.name),
        "up" => Datum::Bool(host.up),
        "daemon" => Datum::Bool(host.daemon),
        "paused" => Datum::Bool(host.paused),
        "manager" => Datum::Bool(host.manager),
        _ => return None,
    })
}

fn container_field(container: &Container, field: &str) -> Option<Datum> {
    Some(match field {
        "id" => text(&container.id),
        "service" => text(&container.service),
        "task" => text(&container.task),
        "node" => text(&container.node),
        "image" => text(&container.image),
        "running" => Datum::Bool(container.running),
        "exit_code" => container.exit_code.map_or(Datum::Null, Datum::Int),
        "state" => text(&container.state),
        "health" => text(&container.health),
        "oom_killed" => Datum::Bool(container.oom_killed),
        _ => return None,
    })
}

impl Things {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Services(list) => list.len(),
            Self::Ports(list, at) => list.get(*at).map_or(0, |service| service.ports.len()),
            Self::Nodes(list) => list.len(),
            Self::Tasks(list) => list.len(),
            Self::Networks(list) => list.len(),
            Self::Members(raft) => raft.members.len(),
            Self::Hosts(list) => list.len(),
            Self::Containers(list) => list.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The object at a place (from 0).
    pub fn at(&self, place: usize) -> Option<Thing> {
        if place >= self.len() {
            return None;
        }
        Some(match self {
            Self::Services(list) => Thing::Service(Arc::clone(list), place),
            Self::Ports(list, at) => Thing::Port(Arc::clone(list), *at, place),
            Self::Nodes(list) => Thing::Node(Arc::clone(list), place),
            Self::Tasks(list) => Thing::Task(Arc::clone(list), place),
            Self::Networks(list) => Thing::Network(Arc::clone(list), place),
            Self::Members(raft) => Thing::Member(Arc::clone(raft), place),
            Self::Hosts(list) => Thing::Host(Arc::clone(list), place),
            Self::Containers(list) => Thing::Container(Arc::clone(list), place),
        })
    }

    /// The object of that name; none in a list whose objects have none of their own.
    pub fn named(&self, name: &str) -> Option<Thing> {
        let place = match self {
            Self::Services(list) => list.iter().position(|service| &*service.name == name),
            Self::Nodes(list) => list.iter().position(|node| &*node.name == name),
            Self::Networks(list) => list.iter().position(|network| &*network.name == name),
            Self::Members(raft) => raft.members.iter().position(|member| &*member.name == name),
            Self::Hosts(list) => list.iter().position(|host| &*host.name == name),
            Self::Ports(..) | Self::Tasks(_) | Self::Containers(_) => None,
        };
        self.at(place?)
    }

    /// What one of them is called: `service`.
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Services(_) => "service",
            Self::Ports(..) => "port",
            Self::Nodes(_) => "node",
            Self::Tasks(_) => "task",
            Self::Networks(_) => "network",
            Self::Members(_) => "Raft member",
            Self::Hosts(_) => "host",
            Self::Containers(_) => "container",
        }
    }
}
