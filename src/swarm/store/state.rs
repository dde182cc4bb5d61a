//! The store's contents at one Raft index, with the two indexes that the loops need, and how changes are applied.

use super::table::Table;
use crate::raft::{ConfChangeKind, MemberId};
use crate::swarm::object::{
    Cluster, FileKey, FileKind, Id, Member, Network, NetworkKey, Node, NodeKey, Service, ServiceKey, StoredFile, Task,
    TaskKey,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The objects, as of one applied index.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// The last Raft index that was applied.
    pub index: u64,
    /// Made by the first leader.
    pub cluster: Option<Arc<Cluster>>,
    /// By key, which is the order of joining.
    pub nodes: Table<NodeKey, Arc<Node>>,
    /// By key, which is the order of creation.
    pub services: Table<ServiceKey, Arc<Service>>,
    /// By key, which is the order of creation.
    pub tasks: Table<TaskKey, Arc<Task>>,
    /// By key, which is the order of creation.
    pub networks: Table<NetworkKey, Arc<Network>>,
    /// Secrets and configs, by key, which is the order of creation.
    pub files: Table<FileKey, Arc<StoredFile>>,
    /// Raft members, by Raft id.
    pub members: Arc<Vec<Member>>,
    /// Raft ids that were members once: they never are again.
    pub removed_members: Arc<BTreeSet<MemberId>>,
    /// Ids of nodes that were removed: rows of their tasks still show them.
    pub gone_nodes: Arc<Vec<(NodeKey, Id)>>,
    tasks_of_service: Table<ServiceKey, Arc<Vec<TaskKey>>>,
    tasks_of_node: Table<NodeKey, Arc<Vec<TaskKey>>>,
}

/// One change of one object. New objects carry the key that [`Table::next_key`] gave.
#[derive(Clone, Debug)]
pub enum Change {
    /// Creates or replaces the cluster object.
    Cluster(Arc<Cluster>),
    /// Creates or replaces a node.
    Node(Arc<Node>),
    /// Deletes a node.
    RemoveNode(NodeKey),
    /// Creates or replaces a service.
    Service(Arc<Service>),
    /// Deletes a service.
    RemoveService(ServiceKey),
    /// Creates or replaces a task.
    Task(Arc<Task>),
    /// Deletes a task.
    RemoveTask(TaskKey),
    /// Creates or replaces a network.
    Network(Arc<Network>),
    /// Deletes a network.
    RemoveNetwork(NetworkKey),
    /// Creates or replaces a secret or a config.
    File(Arc<StoredFile>),
    /// Deletes a secret or a config.
    RemoveFile(FileKey),
}

/// What a watcher is told after a commit: the old object and the new one.
#[derive(Clone, Debug)]
pub enum Event {
    /// The cluster object was written.
    Cluster(Arc<Cluster>),
    /// A node was created (no old), updated, or deleted (no new).
    Node {
        /// Before.
        old: Option<Arc<Node>>,
        /// After.
        new: Option<Arc<Node>>,
    },
    /// A service was created (no old), updated, or deleted (no new).
    Service {
        /// Before.
        old: Option<Arc<Service>>,
        /// After.
        new: Option<Arc<Service>>,
    },
    /// A task was created (no old), updated, or deleted (no new).
    Task {
        /// Before.
        old: Option<Arc<Task>>,
        /// After.
        new: Option<Arc<Task>>,
    },
    /// A network was created (no old), updated, or deleted (no new).
    Network {
        /// Before.
        old: Option<Arc<Network>>,
        /// After.
        new: Option<Arc<Network>>,
    },
    /// A secret or a config was created (no old), updated, or deleted (no new).
    File {
        /// Before.
        old: Option<Arc<StoredFile>>,
        /// After.
        new: Option<Arc<StoredFile>>,
    },
    /// All events of one transaction have been told.
    Commit,
}

impl State {
    /// Tasks of a service, oldest first.
    pub fn tasks_of_service(&self, service: ServiceKey) -> impl Iterator<Item = &Arc<Task>> {
        self.tasks_of_service
            .get(service)
            .into_iter()
            .flat_map(|keys| keys.iter())
            .filter_map(|&key| self.tasks.get(key))
    }

    /// Tasks of a node, oldest first.
    pub fn tasks_of_node(&self, node: NodeKey) -> impl Iterator<Item = &Arc<Task>> {
        self.tasks_of_node.get(node).into_iter().flat_map(|keys| keys.iter()).filter_map(|&key| self.tasks.get(key))
    }

    /// A node's id, also when the node is gone.
    pub fn node_id(&self, node: NodeKey) -> Option<Id> {
        let there = self.nodes.get(node).map(|node| node.id);
        there.or_else(|| self.gone_nodes.iter().find(|(key, _)| *key == node).map(|(_, id)| *id))
    }

    /// The member that a node is.
    pub fn member_of_node(&self, node: NodeKey) -> Option<&Member> {
        self.members.iter().find(|member| member.node == node)
    }

    /// The node of this id.
    pub fn node_by_id(&self, id: Id) -> Option<&Arc<Node>> {
        self.nodes.values().find(|node| node.id == id)
    }

    /// The network that carries the routing mesh.
    pub fn ingress(&self) -> Option<&Arc<Network>> {
        self.networks.values().find(|network| network.spec.ingress)
    }

    /// The network of this id.
    pub fn network_by_id(&self, id: &str) -> Option<&Arc<Network>> {
        self.networks.values().find(|network| network.id.text() == id)
    }

    /// Secrets or configs.
    pub fn files_of(&self, kind: FileKind) -> impl Iterator<Item = &Arc<StoredFile>> {
        self.files.values().filter(move |file| file.kind == kind)
    }

    /// Applies a committed change of the set of Raft members.
    pub fn apply_member(&mut self, kind: ConfChangeKind, member: Member) {
        let members = Arc::make_mut(&mut self.members);
        members.retain(|known| known.raft != member.raft);
        if kind == ConfChangeKind::RemoveMember {
            Arc::make_mut(&mut self.removed_members).insert(member.raft);
        } else {
            members.push(member);
            members.sort_by_key(|member| member.raft);
        }
    }

    /// Applies one change and says what happened.
    pub fn apply(&mut self, change: &Change) -> Event {
        match change {
            Change::Cluster(cluster) => {
                self.cluster = Some(cluster.clone());
                Event::Cluster(cluster.clone())
            }
            Change::Node(node) => {
                let old = self.nodes.get(node.key).cloned();
                self.nodes.put(node.key, node.clone());
                Event::Node { old, new: Some(node.clone()) }
            }
            Change::RemoveNode(key) => {
                let old = self.nodes.remove(*key);
                if let Some(node) = &old {
                    Arc::make_mut(&mut self.gone_nodes).push((*key, node.id));
                }
                Event::Node { old, new: None }
            }
            Change::Service(service) => {
                let old = self.services.get(service.key).cloned();
                self.services.put(service.key, service.clone());
                Event::Service { old, new: Some(service.clone()) }
            }
            Change::RemoveService(key) => Event::Service { old: self.services.remove(*key), new: None },
            Change::Task(task) => {
                let old = self.tasks.get(task.key).cloned();
                if old.is_none() {
                    index_insert(&mut self.tasks_of_service, task.service, task.key);
                }
                if let Some(node) = task.node
                    && old.as_ref().is_none_or(|old| old.node != task.node)
                {
                    index_insert(&mut self.tasks_of_node, node, task.key);
                }
                self.tasks.put(task.key, task.clone());
                Event::Task { old, new: Some(task.clone()) }
            }
            Change::RemoveTask(key) => {
                let old = self.tasks.remove(*key);
                if let Some(task) = &old {
                    index_remove(&mut self.tasks_of_service, task.service, *key);
                    if let Some(node) = task.node {
                        index_remove(&mut self.tasks_of_node, node, *key);
                    }
                }
                Event::Task { old, new: None }
            }
            Change::Network(network) => {
                let old = self.networks.get(network.key).cloned();
                self.networks.put(network.key, network.clone());
                Event::Network { old, new: Some(network.clone()) }
            }
            Change::RemoveNetwork(key) => Event::Network { old: self.networks.remove(*key), new: None },
            Change::File(file) => {
                let old = self.files.get(file.key).cloned();
                self.files.put(file.key, file.clone());
                Event::File { old, new: Some(file.clone()) }
            }
            Change::RemoveFile(key) => Event::File { old: self.files.remove(*key), new: None },
        }
    }
}

fn index_insert<K: super::Key>(index: &mut Table<K, Arc<Vec<TaskKey>>>, owner: K, task: TaskKey) {
    let inserted = index.update(owner, |keys| {
        let keys = Arc::make_mut(keys);
        // Almost always the newest: at the end.
        let place = keys.partition_point(|&key| key < task);
        keys.insert(place, task);
    });
    if inserted.is_none() {
        index.put(owner, Arc::new(vec![task]));
    }
}

fn index_remove<K: super::Key>(index: &mut Table<K, Arc<Vec<TaskKey>>>, owner: K, task: TaskKey) {
    let empty = index.update(owner, |keys| {
        let keys = Arc::make_mut(keys);
        if let Ok(place) = keys.binary_search(&task) {
            keys.remove(place);
        }
        keys.is_empty()
    });
    if empty == Some(true) {
        index.remove(owner);
    }
}
