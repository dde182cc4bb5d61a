//! `docker info` of one host (cli.md §5.7).

use super::NotStarted;
use super::engine::ContainerState;
use crate::swarm::api::{Answer, Info, Peer, Response, SwarmInfo};
use crate::swarm::object::{Generic, NodeKey};
use crate::swarm::world::{Env, Host};

const TWO_MANAGERS: &str = "WARNING: Running Swarm in a two-manager configuration. This configuration provides
         no fault tolerance, and poses a high risk to lose control over the cluster.
         Refer to https://docs.docker.com/engine/swarm/admin_guide/ to configure the
         Swarm for fault-tolerance.";

impl Host {
    /// The answer to `GET /info`; `cluster` is what the leader said, on a manager.
    pub(super) fn info(&self, cluster: Option<Answer>, env: &Env) -> Info {
        let containers = self.engine.containers.len() as u64;
        let running = self.engine.containers.values().filter(|container| container.runs()).count() as u64;
        let paused = self.engine.containers.values().filter(|container| container.paused.is_some()).count() as u64;
        let running = running - paused;
        let stopped = self
            .engine
            .containers
            .values()
            .filter(|c| matches!(c.state, ContainerState::Exited { .. } | ContainerState::Created))
            .count() as u64;
        let swarm = self.swarm_info(cluster, env);
        let uuid = env.seed.key("engine.uuid", &*self.name).at_u128(0);
        let uuid = format!("{uuid:032x}");
        Info {
            id: format!("{}-{}-4{}-a{}-{}", &uuid[..8], &uuid[8..12], &uuid[13..16], &uuid[17..20], &uuid[20..]),
            containers,
            containers_running: running,
            containers_paused: paused,
            containers_stopped: stopped,
            images: self.engine.images.len() as u64,
            ncpu: (self.description.nano_cpus / 1_000_000_000).max(1) as u64,
            mem_total: self.description.memory_bytes,
            generic_resources: Some(Generic::shown(&self.description.generic)).filter(|all| !all.is_empty()),
            name: self.name.to_string(),
            architecture: self.description.architecture.to_string(),
            os_type: self.description.os.to_string(),
            server_version: self.description.engine_version.to_string(),
            labels: self.description.engine_labels.iter().map(|(key, value)| format!("{key}={value}")).collect(),
            warnings: swarm.warnings.clone(),
            swarm,
        }
    }

    fn swarm_info(&self, cluster: Option<Answer>, env: &Env) -> SwarmInfo {
        let Some(node) = &self.disk.node else {
            if let Some(remote) = self.pending_join() {
                return SwarmInfo {
                    node_addr: self.addr.to_string(),
                    local_node_state: "pending".into(),
                    remote_managers: Some(vec![Peer { node_id: String::new(), addr: remote }]),
                    ..SwarmInfo::default()
                };
            }
            return SwarmInfo { local_node_state: "inactive".into(), ..SwarmInfo::default() };
        };
        match &self.not_started {
            Some(NotStarted::Locked) => {
                return SwarmInfo { local_node_state: "locked".into(), ..SwarmInfo::default() };
            }
            Some(NotStarted::Failed(text)) => {
                return SwarmInfo {
                    node_addr: self.addr.to_string(),
                    local_node_state: "error".into(),
                    error: text.to_string(),
                    ..SwarmInfo::default()
                };
            }
            None => {}
        }
        let mut remotes: Vec<_> = node
            .managers
            .iter()
            .map(|(key, host)| Peer {
                node_id: self.manager_id(*key),
                addr: format!("{}:2377", env.net.address(*host)),
            })
            .collect();
        remotes.sort_by(|a, b| a.addr.cmp(&b.addr));
        let mut info = SwarmInfo {
            node_id: node.id.text(),
            node_addr: self.addr.to_string(),
            // A worker is ready with its first session, and only a new start of it asks again. A manager is taken to be
            // ready when it runs.
            local_node_state: match self.agent.as_ref() {
                Some(agent) if self.manager.is_none() && !agent.has_registered() => "pending".into(),
                _ => "active".into(),
            },
            control_available: self.manager.is_some(),
            error: String::new(),
            remote_managers: Some(remotes),
            nodes: 0,
            managers: 0,
            cluster: None,
            warnings: Vec::new(),
        };
        if let Some(broken) = self.broken.as_ref().filter(|broken| broken.waits) {
            (info.local_node_state, info.error) = ("error".into(), broken.error.to_string());
            (info.control_available, info.remote_managers) = (false, None);
        }
        match cluster {
            Some(Ok(Response::Swarm(swarm))) => {
                let state = self.manager.as_ref().map(|manager| &manager.state);
                info.nodes = state.map_or(0, |state| state.nodes.len() as u64);
                info.managers = state.map_or(0, |state| state.members.len() as u64);
                info.cluster = Some(swarm.cluster.clone());
                if info.managers == 2 {
                    info.warnings.push(TWO_MANAGERS.into());
                }
            }
            Some(answer) => info.error = Self::error_text(&answer),
            None => {}
        }
        info
    }

    /// The id of a manager's node, as far as this host knows it: from its own store, and its own.
    fn manager_id(&self, key: NodeKey) -> String {
        let own = self.disk.node.as_ref().filter(|node| node.node == key).map(|node| node.id);
        let known = self.manager.as_ref().and_then(|manager| manager.state.node_id(key));
        own.or(known).map(|id| id.text()).unwrap_or_default()
    }
}
