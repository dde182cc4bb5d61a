//! Plain objects for tests: each test says only in what its own differ.

use super::*;
use crate::engine::Duration;
use crate::net::HostId;
use crate::swarm::api;
use std::net::Ipv4Addr;
use std::sync::Arc;

/// A ready worker of 4 CPUs and 8 GiB.
pub fn plain_node(key: NodeKey, hostname: &str) -> Node {
    Node {
        key,
        id: Id(u128::from(key.0) + 1),
        meta: Meta::default(),
        spec: NodeSpec {
            name: "".into(),
            labels: Arc::default(),
            role: Role::Worker,
            availability: Availability::Active,
        },
        role: Role::Worker,
        attachments: Arc::default(),
        description: Arc::new(NodeDescription {
            hostname: hostname.into(),
            os: "linux".into(),
            architecture: "x86_64".into(),
            nano_cpus: 4_000_000_000,
            memory_bytes: 8 << 30,
            ..NodeDescription::default()
        }),
        certificate: Default::default(),
        status: NodeStatus {
            state: NodeState::Ready,
            message: "",
            addr: Ipv4Addr::new(10, 0, 0, 1 + u8::try_from(key.0 % 200).expect("below 200")),
        },
        host: HostId(u16::try_from(key.0 % 60_000).expect("below 60,000")),
    }
}

/// What asks for nothing.
pub fn plain_task_spec() -> TaskSpec {
    TaskSpec {
        api: Arc::new(api::TaskSpec::default()),
        image: "app:v1".into(),
        constraints: Vec::new(),
        preferences: Vec::new(),
        max_replicas: 0,
        reserved: Resources::default(),
        generic: Vec::new(),
        platforms: Vec::new(),
        plugins: Vec::new(),
        restart: RestartPolicy::default(),
        stop_grace_period: Duration::from_secs(10),
        ports: Arc::default(),
        dnsrr: false,
        uses: Arc::default(),
    }
}

/// A service of one replica.
pub fn plain_service(key: ServiceKey, name: &str, task: TaskSpec) -> Service {
    let spec = ServiceSpec {
        api: Arc::new(api::ServiceSpec::default()),
        name: name.into(),
        task: Arc::new(task),
        mode: Mode::Replicated { replicas: 1 },
        update: UpdateConfig::default(),
        rollback: UpdateConfig::default(),
    };
    service_of(key, Arc::new(spec))
}

/// A service as it is when it was just created.
pub fn service_of(key: ServiceKey, spec: Arc<ServiceSpec>) -> Service {
    Service {
        key,
        id: Id(u128::from(key.0) + 1000),
        meta: Meta::default(),
        spec,
        spec_version: 0,
        previous_spec: None,
        previous_spec_version: 0,
        endpoint: Endpoint::default(),
        update_status: None,
        job_status: None,
    }
}

/// A task that waits for a node.
pub fn plain_task(key: TaskKey, service: &Service, slot: u32) -> Task {
    Task {
        key,
        id: Id(u128::from(key.0) + 1_000_000),
        meta: Meta::default(),
        service: service.key,
        service_id: service.id,
        service_name: service.spec.name.clone(),
        slot,
        node: None,
        node_id: None,
        job_iteration: None,
        spec: service.spec.task.clone(),
        spec_version: service.spec_version,
        ports: service.spec.task.ports.clone(),
        networks: Arc::default(),
        assigned_generic: Arc::default(),
        log_driver: None,
        status: TaskStatus {
            state: TaskState::Pending,
            timestamp: Time::ZERO,
            applied_at: Time::ZERO,
            message: "pending task scheduling",
            err: None,
            container: None,
            exit_code: 0,
        },
        desired: TaskState::Running,
    }
}
