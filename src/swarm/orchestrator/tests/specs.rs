//! Services and images as the tests speak of them.

use crate::engine::Duration;
use crate::swarm::api;
use crate::swarm::object::{
    FailureAction, GenericRequest, Mode, NetworkKey, Platform, PortConfig, Protocol, Resources, RestartCondition,
    RestartPolicy, ServiceSpec, TaskSpec, UpdateConfig, UpdateOrder, Uses,
};
use crate::swarm::scheduler::Constraint;
use std::sync::Arc;

/// A spec under construction.
#[derive(Clone, Debug)]
pub struct Spec {
    pub name: &'static str,
    pub replicas: u32,
    /// Another mode than replicated.
    pub mode: Option<Mode>,
    pub image: &'static str,
    pub restart: RestartPolicy,
    pub update: UpdateConfig,
    pub rollback: UpdateConfig,
    pub constraints: Vec<&'static str>,
    pub preferences: Vec<&'static str>,
    pub max_replicas: u32,
    pub nano_cpus: i64,
    pub memory_bytes: i64,
    /// Of the kind `GPU`.
    pub gpus: i64,
    /// An architecture that the image is built for, if not for all.
    pub built_for: Option<&'static str>,
    pub networks: Vec<NetworkKey>,
    pub label: &'static str,
    pub env: &'static str,
    /// Empty: the service names none.
    pub log_driver: &'static str,
    pub force: u64,
    /// (published, ingress)
    pub ports: Vec<(u16, bool)>,
}

/// A service with the timings of the recordings: restart delay and monitor 1 s.
pub fn spec(name: &'static str, replicas: u32, image: &'static str) -> Spec {
    let monitor = Duration::from_secs(1);
    let config = UpdateConfig { monitor, ..UpdateConfig::default() };
    Spec {
        name,
        replicas,
        mode: None,
        image,
        restart: RestartPolicy { delay: Duration::from_secs(1), ..RestartPolicy::default() },
        update: config,
        rollback: config,
        constraints: Vec::new(),
        preferences: Vec::new(),
        max_replicas: 0,
        nano_cpus: 0,
        memory_bytes: 0,
        gpus: 0,
        built_for: None,
        networks: Vec::new(),
        label: "",
        env: "",
        log_driver: "",
        force: 0,
        ports: Vec::new(),
    }
}

/// A service with one task on each node.
pub fn global(name: &'static str, image: &'static str) -> Spec {
    spec(name, 0, image).mode(Mode::Global)
}

impl Spec {
    pub fn mode(self, mode: Mode) -> Self {
        Self { mode: Some(mode), ..self }
    }
    pub fn constraint(mut self, text: &'static str) -> Self {
        self.constraints.push(text);
        self
    }
    pub fn replicas(self, replicas: u32) -> Self {
        Self { replicas, ..self }
    }
    pub fn image(self, image: &'static str) -> Self {
        Self { image, ..self }
    }
    pub fn condition(mut self, condition: RestartCondition) -> Self {
        self.restart.condition = condition;
        self
    }
    pub fn restart_delay(mut self, millis: i64) -> Self {
        self.restart.delay = Duration::from_millis(millis);
        self
    }
    pub fn attempts(mut self, attempts: u64, window_millis: i64) -> Self {
        self.restart.max_attempts = attempts;
        self.restart.window = Duration::from_millis(window_millis);
        self
    }
    pub fn parallelism(mut self, parallelism: u64) -> Self {
        self.update.parallelism = parallelism;
        self
    }
    pub fn delay(mut self, millis: i64) -> Self {
        self.update.delay = Duration::from_millis(millis);
        self
    }
    pub fn monitor(mut self, millis: i64) -> Self {
        self.update.monitor = Duration::from_millis(millis);
        self
    }
    pub fn action(mut self, action: FailureAction) -> Self {
        self.update.failure_action = action;
        self
    }
    pub fn rollback_action(mut self, action: FailureAction) -> Self {
        self.rollback.failure_action = action;
        self
    }
    pub fn ratio(mut self, ratio: f32) -> Self {
        self.update.max_failure_ratio_bits = ratio.to_bits();
        self
    }
    pub fn start_first(mut self) -> Self {
        self.update.order = UpdateOrder::StartFirst;
        self
    }

    fn api(&self) -> api::ServiceSpec {
        let config = |config: &UpdateConfig| api::UpdateConfig {
            parallelism: config.parallelism,
            delay: config.delay.as_nanos(),
            failure_action: format!("{:?}", config.failure_action),
            monitor: config.monitor.as_nanos(),
            max_failure_ratio: f32::from_bits(config.max_failure_ratio_bits),
            order: format!("{:?}", config.order),
        };
        let text = |text: &&str| (*text).to_owned();
        let placement = api::Placement {
            constraints: self.constraints.iter().map(text).collect(),
            preferences: self
                .preferences
                .iter()
                .map(|over| api::PlacementPreference {
                    spread: api::SpreadOver { spread_descriptor: (*over).to_owned() },
                })
                .collect(),
            max_replicas: u64::from(self.max_replicas),
            platforms: self
                .built_for
                .iter()
                .map(|&architecture| api::Platform { architecture: architecture.to_owned(), os: "linux".to_owned() })
                .collect(),
        };
        let reservations = api::Resources {
            nano_cpus: self.nano_cpus,
            memory_bytes: self.memory_bytes,
            // Stands for the generic resources too: only whether two specs are equal matters here.
            pids: self.gpus,
            ..api::Resources::default()
        };
        let mut spec = api::ServiceSpec {
            name: self.name.to_owned(),
            mode: match self.mode {
                None | Some(Mode::Replicated { .. }) => {
                    api::ServiceMode::Replicated { replicas: Some(u64::from(self.replicas)) }
                }
                Some(Mode::Global) => api::ServiceMode::Global {},
                Some(Mode::ReplicatedJob { max_concurrent, total }) => api::ServiceMode::ReplicatedJob {
                    max_concurrent: Some(u64::from(max_concurrent)),
                    total_completions: Some(u64::from(total)),
                },
                Some(Mode::GlobalJob) => api::ServiceMode::GlobalJob {},
            },
            update_config: Some(config(&self.update)),
            rollback_config: Some(config(&self.rollback)),
            task_template: api::TaskSpec {
                container_spec: api::ContainerSpec {
                    image: self.image.to_owned(),
                    env: if self.env.is_empty() { Vec::new() } else { vec![self.env.to_owned()] },
                    ..api::ContainerSpec::default()
                },
                resources: Some(api::ResourceRequirements { reservations: Some(reservations), ..Default::default() }),
                restart_policy: Some(api::RestartPolicy {
                    condition: format!("{:?}", self.restart.condition),
                    delay: Some(self.restart.delay.as_nanos()),
                    max_attempts: Some(self.restart.max_attempts),
                    window: Some(self.restart.window.as_nanos()),
                }),
                placement: Some(placement),
                force_update: self.force,
                log_driver: (!self.log_driver.is_empty())
                    .then(|| api::Driver { name: self.log_driver.to_owned(), ..api::Driver::default() }),
                networks: self
                    .networks
                    .iter()
                    .map(|key| api::NetworkAttachmentConfig { target: key.0.to_string(), ..Default::default() })
                    .collect(),
                ..api::TaskSpec::default()
            },
            ..api::ServiceSpec::default()
        };
        if !self.label.is_empty() {
            spec.labels.insert("a".to_owned(), self.label.to_owned());
        }
        spec
    }

    /// As the store keeps it.
    pub fn build(&self) -> ServiceSpec {
        let api = self.api();
        let port = |&(published, ingress): &(u16, bool)| PortConfig {
            protocol: Protocol::Tcp,
            target: 80,
            published,
            ingress,
        };
        ServiceSpec {
            name: self.name.into(),
            task: Arc::new(TaskSpec {
                dnsrr: false,
                api: Arc::new(api.task_template.clone()),
                image: self.image.into(),
                constraints: self
                    .constraints
                    .iter()
                    .map(|text| Constraint::parse(text).expect("a test writes constraints well"))
                    .collect(),
                preferences: self.preferences.iter().map(|&over| over.into()).collect(),
                max_replicas: self.max_replicas,
                generic: (self.gpus > 0)
                    .then(|| GenericRequest { kind: "GPU".into(), amount: self.gpus })
                    .into_iter()
                    .collect(),
                platforms: self
                    .built_for
                    .iter()
                    .map(|&architecture| Platform { os: "linux".into(), architecture: architecture.into() })
                    .collect(),
                plugins: Vec::new(),
                reserved: Resources { nano_cpus: self.nano_cpus, memory_bytes: self.memory_bytes },
                restart: self.restart,
                stop_grace_period: Duration::from_secs(10),
                ports: self.ports.iter().map(port).collect(),
                uses: Arc::new(Uses { networks: self.networks.clone(), files: Vec::new() }),
            }),
            mode: self.mode.unwrap_or(Mode::Replicated { replicas: self.replicas }),
            update: self.update,
            rollback: self.rollback,
            api: Arc::new(api),
        }
    }
}

/// How a container of an image behaves.
#[derive(Clone, Debug)]
pub struct Image {
    /// Only in these slots; others behave well.
    pub slots: Option<Vec<u32>>,
    /// Only the first so many tasks of a slot...
    pub first: usize,
    /// ... after so many that behave well.
    pub after: usize,
    /// Only tasks of this image are counted, not all of the slot.
    pub of_image: bool,
    pub prepare: Duration,
    pub start: Duration,
    pub stop: Duration,
    /// Preparing fails for good.
    pub rejected: Option<Arc<str>>,
    /// Ends by itself so long after its start.
    pub exit: Option<(Duration, i32)>,
}

impl Default for Image {
    fn default() -> Self {
        let step = Duration::from_millis(100);
        Self {
            slots: None,
            first: usize::MAX,
            after: 0,
            of_image: false,
            prepare: step,
            start: step,
            stop: step,
            rejected: None,
            exit: None,
        }
    }
}

impl Image {
    /// Ends after so long with this code.
    pub fn exits(millis: i64, code: i32) -> Self {
        Self { exit: Some((Duration::from_millis(millis), code)), ..Self::default() }
    }
    /// Cannot be prepared.
    pub fn rejected(error: &str) -> Self {
        Self { rejected: Some(error.into()), ..Self::default() }
    }
    pub fn first(self, first: usize) -> Self {
        Self { first, ..self }
    }
    /// Only tasks of this image are counted.
    pub fn of_image(self) -> Self {
        Self { of_image: true, ..self }
    }
    pub fn after(self, after: usize) -> Self {
        Self { after, ..self }
    }
    pub fn slots(self, slots: &[u32]) -> Self {
        Self { slots: Some(slots.to_vec()), ..self }
    }
    pub fn stop(self, millis: i64) -> Self {
        Self { stop: Duration::from_millis(millis), ..self }
    }
    pub fn start(self, millis: i64) -> Self {
        Self { start: Duration::from_millis(millis), ..self }
    }
}
