//! From what the store keeps to what the API shows.

use super::{View, cluster, networks};
use crate::engine::Time;
use crate::swarm::api::{self, time::rfc3339};
use crate::swarm::ca::RootId;
use crate::swarm::object::{
    Cluster, Generic, Meta, Node, PortConfig, Service, ServiceSpec, Task, UpdateConfig, UpdateState,
};
use crate::swarm::store::State;

/// The version that an update quotes.
pub(super) fn version(meta: &Meta) -> api::ObjectVersion {
    api::ObjectVersion { index: meta.version }
}

/// A moment as the API writes it.
pub fn moment(time: Time) -> String {
    rfc3339(time.nanos())
}

/// A node.
pub fn node(node: &Node, view: &View<'_>) -> api::Node {
    let description = &node.description;
    let reported = !description.hostname.is_empty();
    let plugins = description.plugins.iter().flat_map(|plugins| plugins.iter());
    let plugins = plugins
        .map(|plugin| api::Plugin { kind: plugin.kind.as_str().into(), name: plugin.name.to_string() })
        .collect();
    let state = view.state();
    let manager_status = state.member_of_node(node.key).map(|member| {
        let leader = member.raft == view.manager.member;
        let active = leader || view.manager.peers.get(member.raft).is_some_and(|peer| peer.active);
        api::ManagerStatus {
            leader,
            reachability: if active { "reachable" } else { "unreachable" }.into(),
            addr: format!("{}:2377", view.env.net.address(member.host)),
        }
    });
    api::Node {
        id: node.id.text(),
        version: version(&node.meta),
        created_at: moment(node.meta.created_at),
        updated_at: moment(node.meta.updated_at),
        spec: api::NodeSpec {
            name: node.spec.name.to_string(),
            labels: (*node.spec.labels).clone(),
            role: node.spec.role.as_str().into(),
            availability: node.spec.availability.as_str().into(),
        },
        description: api::NodeDescription {
            hostname: description.hostname.to_string(),
            platform: api::Platform {
                architecture: description.architecture.to_string(),
                os: description.os.to_string(),
            },
            resources: api::NodeResources {
                nano_cpus: description.nano_cpus,
                memory_bytes: description.memory_bytes,
                generic_resources: Generic::shown(&description.generic),
            },
            engine: api::EngineDescription {
                engine_version: description.engine_version.to_string(),
                labels: description.engine_labels.clone(),
                plugins,
            },
            tls_info: match node.certificate.issuer {
                Some(issuer) if reported => tls_info(state.cluster.as_deref(), Some(issuer)),
                _ => api::TlsInfo::default(),
            },
        },
        status: api::NodeStatus {
            state: node.status.state.as_str().into(),
            message: node.status.message.into(),
            addr: node.status.addr.to_string(),
        },
        manager_status,
    }
}

/// What the cluster's nodes trust, and who issued the certificates that they should have (`None`: that a certain node
/// has).
fn tls_info(cluster: Option<&Cluster>, issuer: Option<RootId>) -> api::TlsInfo {
    let Some(cluster) = cluster else { return api::TlsInfo::default() };
    api::TlsInfo {
        trust_root: cluster.root.pem(),
        cert_issuer_subject: RootId::subject(),
        cert_issuer_public_key: issuer.unwrap_or(cluster.signer().issuer).public_key(),
    }
}

/// A service; `insert_defaults` shows what SwarmKit makes of what was left out.
pub fn service(service: &Service, insert_defaults: bool) -> api::Service {
    // Of the previous spec only what every conversion shows is filled in.
    let present = |spec: &ServiceSpec| if insert_defaults { with_defaults(spec) } else { (*spec.api).clone() };
    let previous = |spec: &ServiceSpec| if insert_defaults { converted(spec) } else { (*spec.api).clone() };
    let ports = |ports: &[PortConfig]| ports.iter().map(port).collect::<Vec<_>>();
    let allocated = service.endpoint.ports.as_deref().unwrap_or_default();
    api::Service {
        id: service.id.text(),
        version: version(&service.meta),
        created_at: moment(service.meta.created_at),
        updated_at: moment(service.meta.updated_at),
        spec: present(&service.spec),
        previous_spec: service.previous_spec.as_deref().map(previous),
        endpoint: api::Endpoint {
            spec: if allocated.is_empty() && service.endpoint.vips.is_empty() {
                api::EndpointSpec::default()
            } else {
                let mode = if service.is_dnsrr() { "dnsrr" } else { "vip" };
                api::EndpointSpec { mode: mode.into(), ports: ports(&service.spec.task.ports) }
            },
            ports: ports(allocated),
            virtual_ips: service
                .endpoint
                .vips
                .iter()
                .map(|vip| api::VirtualIp { network_id: vip.network.id.text(), addr: vip.cidr().unwrap_or_default() })
                .collect(),
        },
        update_status: service.update_status.as_ref().map(|status| api::UpdateStatus {
            state: status.state.as_str().into(),
            started_at: Some(moment(status.started_at)),
            completed_at: status
                .completed_at
                .filter(|_| matches!(status.state, UpdateState::Completed | UpdateState::RollbackCompleted))
                .map(moment),
            message: status.message.to_string(),
        }),
        service_status: None,
        job_status: service.job_status.map(|status| api::JobStatus {
            job_iteration: api::ObjectVersion { index: status.iteration },
            last_execution: moment(status.last_execution),
        }),
    }
}

/// A port.
pub fn port(port: &PortConfig) -> api::PortConfig {
    api::PortConfig {
        name: String::new(),
        protocol: port.protocol.as_str().into(),
        target_port: u32::from(port.target),
        published_port: u32::from(port.published),
        publish_mode: if port.ingress { "ingress" } else { "host" }.into(),
    }
}

/// The spec as `service inspect` shows it (cli.md, example 12.50).
fn with_defaults(spec: &ServiceSpec) -> api::ServiceSpec {
    let mut shown = converted(spec);
    let template = &mut shown.task_template;
    template.container_spec.stop_grace_period.get_or_insert(spec.task.stop_grace_period.as_nanos());
    let restart = template.restart_policy.get_or_insert_default();
    if restart.condition.is_empty() {
        restart.condition = "any".into();
    }
    restart.delay.get_or_insert(5_000_000_000);
    restart.max_attempts.get_or_insert(0);
    // SwarmKit fills these in whatever the mode.
    shown.update_config.get_or_insert_with(|| update_config(&UpdateConfig::default()));
    shown.rollback_config.get_or_insert_with(|| update_config(&UpdateConfig::default()));
    shown
}

/// A spec as it comes out of the store: some of what was left out is there on the way back.
fn converted(spec: &ServiceSpec) -> api::ServiceSpec {
    let mut shown = (*spec.api).clone();
    let template = &mut shown.task_template;
    let container = &mut template.container_spec;
    container.init.get_or_insert(false);
    container.dns_config.get_or_insert_default();
    if container.isolation.is_empty() {
        container.isolation = "default".into();
    }
    let resources = template.resources.get_or_insert_default();
    resources.limits.get_or_insert_default();
    resources.reservations.get_or_insert_default();
    template.placement.get_or_insert_default();
    if template.runtime.is_empty() {
        template.runtime = "container".into();
    }
    if let api::ServiceMode::Replicated { replicas } = &mut shown.mode {
        replicas.get_or_insert(1);
    }
    let endpoint = shown.endpoint_spec.get_or_insert_default();
    if endpoint.mode.is_empty() {
        endpoint.mode = "vip".into();
    }
    shown
}

fn update_config(config: &UpdateConfig) -> api::UpdateConfig {
    use crate::swarm::object::{FailureAction, UpdateOrder};
    api::UpdateConfig {
        parallelism: config.parallelism,
        delay: config.delay.as_nanos(),
        failure_action: match config.failure_action {
            FailureAction::Pause => "pause",
            FailureAction::Continue => "continue",
            FailureAction::Rollback => "rollback",
        }
        .into(),
        monitor: config.monitor.as_nanos(),
        max_failure_ratio: f32::from_bits(config.max_failure_ratio_bits),
        order: match config.order {
            UpdateOrder::StopFirst => "stop-first",
            UpdateOrder::StartFirst => "start-first",
        }
        .into(),
    }
}

/// A task.
pub fn task(task: &Task, state: &State) -> api::Task {
    let status = &task.status;
    let runs = status.state == crate::swarm::object::TaskState::Running;
    api::Task {
        id: task.id.text(),
        version: version(&task.meta),
        created_at: moment(task.meta.created_at),
        updated_at: moment(task.meta.updated_at),
        labels: api::Labels::new(),
        spec: (*task.spec.api).clone(),
        service_id: task.service_id.text(),
        slot: u64::from(task.slot),
        node_id: task.node.and_then(|node| state.node_id(node)).map(|id| id.text()).unwrap_or_default(),
        status: api::TaskStatus {
            timestamp: moment(status.timestamp),
            timestamp_nanos: status.timestamp.nanos(),
            state: status.state.as_str().into(),
            message: status.message.into(),
            err: status.err.as_deref().unwrap_or_default().into(),
            container_status: status.container.map(|container| api::ContainerStatus {
                container_id: container.text(),
                pid: if runs { i64::from(1000 + task.key.0) } else { 0 },
                exit_code: i64::from(status.exit_code),
            }),
            port_status: api::PortStatus {
                // The engine tells of its bindings, and there are two of each port: IPv4's and IPv6's (recorded, docker-29/05).
                ports: if runs {
                    task.ports
                        .iter()
                        .filter(|port| !port.ingress)
                        .flat_map(|config| [port(config), port(config)])
                        .collect()
                } else {
                    Vec::new()
                },
            },
        },
        desired_state: task.desired.as_str().into(),
        networks_attachments: task.networks.iter().map(networks::attachment).collect(),
        generic_resources: Generic::shown(&task.assigned_generic),
        job_iteration: task.job_iteration.map(|index| api::ObjectVersion { index }),
    }
}

/// The cluster and its tokens; `None` before the first leader has made it.
pub fn swarm(view: &View<'_>) -> Option<api::Swarm> {
    let cluster = view.state().cluster.as_deref()?;
    Some(api::Swarm {
        cluster: api::ClusterInfo {
            id: cluster.id.text(),
            version: version(&cluster.meta),
            created_at: moment(cluster.meta.created_at),
            updated_at: moment(cluster.meta.updated_at),
            spec: cluster::spec(cluster, &view.env.settings),
            tls_info: tls_info(Some(cluster), None),
            root_rotation_in_progress: cluster.root_rotation.is_some(),
            default_addr_pool: cluster::pool(cluster),
            subnet_size: cluster.subnet_size,
            data_path_port: cluster.data_path_port,
        },
        join_tokens: api::JoinTokens { worker: cluster.token(false), manager: cluster.token(true) },
    })
}
