//! The picture of a [`World`]: what its leader believes, and what is.
//!
//! Belief is the store of the leader of the highest term, wherever that leader is; truth looks into every host. The
//! picture is made when it is asked for, list by list.

use super::{Container, Host, Member, Network, Node, Port, Raft, Root, Service, Task, Text, Update, View};
use crate::engine::Time;
use crate::net::HostId;
use crate::raft::Role;
use crate::swarm::control;
use crate::swarm::daemon::ContainerState;
use crate::swarm::manager::Manager;
use crate::swarm::object::{Attachment, Mode};
use crate::swarm::store::State;
use crate::swarm::world::{DaemonState, World};
use std::sync::Arc;

/// A world, to be looked at.
#[derive(Clone, Copy)]
pub struct Observed<'a>(pub &'a World);

impl<'a> Observed<'a> {
    fn managers(self) -> impl Iterator<Item = (HostId, &'a Manager)> {
        self.0.hosts().iter().filter_map(|host| Some((host.id, host.manager.as_ref()?)))
    }

    /// The leader of the highest term, if there is one that has announced itself.
    pub fn leader(self) -> Option<(HostId, &'a Manager)> {
        self.managers().filter(|(_, manager)| manager.leads()).max_by_key(|(_, manager)| manager.raft.term())
    }

    fn state(self) -> Option<&'a State> {
        self.leader().map(|(_, manager)| &*manager.state)
    }

    fn name(self, host: HostId) -> Text {
        self.0.env.name(host).clone()
    }

    /// How many hosts are or were members of the swarm's consensus, and which.
    fn members(self) -> Vec<HostId> {
        let known = self.managers().max_by_key(|(_, manager)| manager.state.index);
        let from_disk =
            || self.0.hosts().iter().filter(|host| host.disk.raft.is_some()).map(|host| host.id).collect::<Vec<_>>();
        match known {
            Some((_, manager)) if !manager.state.members.is_empty() => {
                manager.state.members.iter().map(|member| member.host).collect()
            }
            _ => from_disk(),
        }
    }
}

fn text(value: impl Into<Text>) -> Text {
    value.into()
}

/// Addresses by network; most have none, and share that.
fn addresses(places: &[Attachment]) -> Arc<std::collections::BTreeMap<Text, Text>> {
    if places.is_empty() {
        return Arc::default();
    }
    let given =
        places.iter().filter_map(|place| Some((place.network.name().clone(), text(place.address?.to_string()))));
    Arc::new(given.collect())
}

impl View for Observed<'_> {
    fn now(&self) -> Time {
        self.0.now()
    }

    fn services(&self) -> Option<Arc<Vec<Service>>> {
        let state = self.state()?;
        let mut services: Vec<_> = state
            .services
            .values()
            .map(|service| {
                let counts = control::counts(service, state);
                Service {
                    name: service.name().clone(),
                    id: text(service.id.text()),
                    image: service.spec.task.image.clone(),
                    mode: text(service.spec.mode.as_str()),
                    replicas: match service.spec.mode {
                        Mode::Replicated { replicas } => u64::from(replicas),
                        Mode::ReplicatedJob { total, .. } => u64::from(total),
                        Mode::Global | Mode::GlobalJob => counts.desired_tasks,
                    },
                    running: counts.running_tasks,
                    desired: counts.desired_tasks,
                    update: service.update_status.as_ref().map_or_else(Update::default, |status| Update {
                        state: text(status.state.as_str()),
                        message: status.message.clone(),
                    }),
                    ports: service
                        .endpoint
                        .ports
                        .iter()
                        .flat_map(|ports| ports.iter())
                        .map(|port| Port {
                            published: port.published,
                            target: port.target,
                            protocol: text(port.protocol.as_str()),
                        })
                        .collect(),
                    vip: service
                        .endpoint
                        .vips
                        .iter()
                        .find(|vip| !vip.network.spec.ingress)
                        .and_then(|vip| vip.address)
                        .map_or_else(|| text(""), |address| text(address.to_string())),
                    vips: addresses(&service.endpoint.vips),
                }
            })
            .collect();
        services.sort_by(|a, b| a.name.cmp(&b.name));
        Some(Arc::new(services))
    }

    fn nodes(&self) -> Option<Arc<Vec<Node>>> {
        let (_, manager) = self.leader()?;
        let mut nodes: Vec<_> = manager
            .state
            .nodes
            .values()
            .map(|node| {
                let member = manager.state.member_of_node(node.key);
                let leader = member.is_some_and(|member| member.raft == manager.member);
                let active =
                    leader || member.is_some_and(|m| manager.peers.get(m.raft).is_some_and(|peer| peer.active));
                Node {
                    name: self.name(node.host),
                    id: text(node.id.text()),
                    role: text(node.role.as_str()),
                    status: text(node.status.state.as_str()),
                    availability: text(node.spec.availability.as_str()),
                    leader,
                    reachability: text(match member {
                        None => "",
                        Some(_) if active => "reachable",
                        Some(_) => "unreachable",
                    }),
                    labels: Arc::new(
                        node.spec.labels.iter().map(|(k, v)| (text(k.as_str()), text(v.as_str()))).collect(),
                    ),
                    address: text(node.status.addr.to_string()),
                }
            })
            .collect();
        nodes.sort_by(|a, b| a.name.cmp(&b.name));
        Some(Arc::new(nodes))
    }

    fn tasks(&self) -> Option<Arc<Vec<Task>>> {
        let state = self.state()?;
        let mut tasks: Vec<_> = state.tasks.values().collect();
        tasks.sort_by(|a, b| (&a.service_name, a.slot, a.key).cmp(&(&b.service_name, b.slot, b.key)));
        let tasks = tasks
            .into_iter()
            .map(|task| Task {
                id: text(task.id.text()),
                service: task.service_name.clone(),
                slot: u64::from(task.slot),
                name: text(task.name()),
                node: task
                    .node
                    .and_then(|node| state.nodes.get(node))
                    .map_or_else(|| text(""), |node| self.name(node.host)),
                desired: text(task.desired.as_str()),
                state: text(task.status.state.as_str()),
                message: text(task.status.message),
                error: task.status.err.clone().unwrap_or_else(|| text("")),
                image: task.spec.image.clone(),
                version: task.spec_version,
                addresses: addresses(&task.networks),
            })
            .collect();
        Some(Arc::new(tasks))
    }

    fn networks(&self) -> Option<Arc<Vec<Network>>> {
        let state = self.state()?;
        let mut networks: Vec<_> = state
            .networks
            .values()
            .filter(|network| !network.is_predefined())
            .map(|network| {
                let given = network.allocated.as_deref();
                let pool = given.and_then(|given| given.pools.first());
                let balancers = state.nodes.values().filter_map(|node| {
                    let place = node.attachments.iter().find(|place| place.network.key == network.key)?;
                    Some((self.name(node.host), text(place.address?.to_string())))
                });
                Network {
                    name: network.name().clone(),
                    id: text(network.id.text()),
                    driver: given.map_or_else(|| text(""), |given| given.driver.clone()),
                    subnet: pool.map_or_else(|| text(""), |pool| text(pool.subnet.to_string())),
                    gateway: pool.map_or_else(|| text(""), |pool| text(pool.gateway.to_string())),
                    vxlan: given.and_then(|given| given.vxlan_ids.first()).map_or(0, |id| u64::from(*id)),
                    ingress: network.spec.ingress,
                    balancers: Arc::new(balancers.collect()),
                }
            })
            .collect();
        networks.sort_by(|a, b| a.name.cmp(&b.name));
        Some(Arc::new(networks))
    }

    fn raft(&self) -> Arc<Raft> {
        let hosts = self.members();
        let mut members = Vec::new();
        for &id in &hosts {
            let host = self.0.host(id);
            let member = host.manager.as_ref();
            members.push(Member {
                name: host.name.clone(),
                role: text(match member.map(|member| member.raft.role()) {
                    None => "down",
                    Some(Role::Leader) => "leader",
                    Some(Role::Candidate) => "candidate",
                    Some(_) => "follower",
                }),
                term: member.map_or(0, |member| member.raft.term()),
                commit: member.map_or(0, |member| member.raft.commit()),
                applied: member.map_or(0, |member| member.raft.applied()),
                up: member.is_some() && !host.is_paused(),
            });
        }
        members.sort_by(|a, b| a.name.cmp(&b.name));
        let up = |id: HostId| self.0.host(id).manager.is_some() && !self.0.host(id).is_paused();
        let port = crate::swarm::world::SWARM_PORT;
        let net = &self.0.env.net;
        let reach = |a: HostId, b: HostId| a == b || (net.passable(a, b, port) && net.passable(b, a, port));
        // A majority around some member that all reach, and that reaches all.
        let majority = hosts.len() / 2 + 1;
        let quorum = !hosts.is_empty()
            && hosts.iter().any(|&centre| {
                up(centre) && hosts.iter().filter(|&&other| up(other) && reach(centre, other)).count() >= majority
            });
        Arc::new(Raft {
            leader: self.leader().map_or_else(|| text(""), |(host, _)| self.name(host)),
            term: members.iter().map(|member| member.term).max().unwrap_or(0),
            quorum,
            commit: members.iter().map(|member| member.commit).max().unwrap_or(0),
            members,
        })
    }

    fn hosts(&self) -> Arc<Vec<Host>> {
        let mut hosts: Vec<_> = self
            .0
            .hosts()
            .iter()
            .map(|host| Host {
                name: host.name.clone(),
                up: host.daemon != DaemonState::Off,
                daemon: host.daemon == DaemonState::Running,
                paused: host.is_paused(),
                manager: host.manager.is_some(),
            })
            .collect();
        hosts.sort_by(|a, b| a.name.cmp(&b.name));
        Arc::new(hosts)
    }

    fn containers(&self) -> Arc<Vec<Container>> {
        let mut hosts: Vec<_> = self.0.hosts().iter().collect();
        hosts.sort_by(|a, b| a.name.cmp(&b.name));
        let mut containers = Vec::new();
        for host in hosts {
            let mut own: Vec<_> = host.engine.containers.values().collect();
            own.sort_by(|a, b| (a.created_at, &a.name).cmp(&(b.created_at, &b.name)));
            containers.extend(own.into_iter().map(|container| Container {
                id: text(container.id.text()),
                service: container.task().map_or_else(|| "".into(), |task| task.service_name.clone()),
                task: text(container.task().map_or_else(|| container.name.to_string(), |task| task.name())),
                node: host.name.clone(),
                image: container.image.clone(),
                running: container.runs(),
                exit_code: match container.state {
                    ContainerState::Exited { code, .. } => Some(i64::from(code)),
                    _ => None,
                },
                state: text(match container.state {
                    ContainerState::Created | ContainerState::Starting => "created",
                    ContainerState::Running { .. } if container.paused.is_some() => "paused",
                    ContainerState::Running { .. } => "running",
                    ContainerState::Exited { .. } => "exited",
                }),
                health: text(container.health.as_ref().map_or("", |health| health.status().as_str())),
                oom_killed: container.oom_killed,
            }));
        }
        Arc::new(containers)
    }

    fn stamp(&self, root: Root) -> u64 {
        let changes = &self.0.env.changes;
        match root {
            Root::Services | Root::Nodes | Root::Tasks | Root::Networks => changes.belief,
            Root::Raft => changes.raft,
            Root::Hosts => changes.hosts,
            Root::Containers => changes.containers,
            Root::Time => self.0.now().nanos() as u64,
        }
    }
}
