//! A recording as it is read from its file.

use crate::swarm::api;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// One file.
#[derive(Clone, Debug)]
pub struct Recording {
    /// `28-update-fails-pause`
    pub name: String,
    pub nodes: Vec<Value>,
    pub images: Vec<Value>,
    pub steps: Vec<Value>,
    pub history_limit: i64,
    /// What the first run did.
    pub first_run: Value,
    pub invariants: Value,
    pub varying: Value,
    pub metrics: Value,
    pub times: BTreeMap<String, (i64, i64)>,
}

pub fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

pub fn int(value: &Value, key: &str) -> i64 {
    value[key].as_i64().unwrap_or_default()
}

pub fn texts(value: &Value, key: &str) -> Vec<String> {
    let items = value[key].as_array().into_iter().flatten();
    items.map(|item| item.as_str().expect("a text").to_owned()).collect()
}

/// The entries of an object.
pub fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

impl Recording {
    pub fn read(path: &Path) -> Self {
        let json: Value =
            serde_json::from_str(&std::fs::read_to_string(path).expect("readable")).expect("a recording is JSON");
        let list = |key: &str| json[key].as_array().cloned().unwrap_or_default();
        let times = entries(&json["time_ranges_ms_across_runs"]).map(|(name, range)| {
            let bound = |at: usize| range[at].as_i64().expect("milliseconds");
            (name.clone(), (bound(0), bound(1)))
        });
        Self {
            name: path.file_stem().expect("a file").to_string_lossy().into_owned(),
            nodes: list("nodes"),
            images: list("images"),
            steps: list("steps"),
            history_limit: int(&json, "task_history_limit"),
            first_run: json["observations_run1"].clone(),
            invariants: json["invariants"].clone(),
            varying: json["varying"].clone(),
            metrics: json["metrics_across_runs"].clone(),
            times: times.collect(),
        }
    }
}

/// A service's spec as the API takes it. `id_of` gives the id of a node that a constraint names.
pub fn service_spec(spec: &Value, id_of: &dyn Fn(&str) -> Option<String>) -> api::ServiceSpec {
    let nanos = |millis: i64| millis * 1_000_000;
    let number = |key: &str| spec[key].as_u64();
    let config = |key: &str| {
        let config = spec.get(key)?;
        Some(api::UpdateConfig {
            parallelism: config["parallelism"].as_u64().unwrap_or_default(),
            delay: nanos(int(config, "delay_ms")),
            failure_action: text(config, "failure_action").to_owned(),
            monitor: nanos(int(config, "monitor_ms")),
            max_failure_ratio: config["max_failure_ratio"].as_f64().unwrap_or_default() as f32,
            order: text(config, "order").to_owned(),
        })
    };
    let constraint = |text: String| {
        let named = text.split("==").nth(1).filter(|_| text.starts_with("node.id"));
        match named.and_then(|name| id_of(name.trim())) {
            Some(id) => format!("node.id=={id}"),
            None => text,
        }
    };
    let mode = match text(spec, "mode") {
        "global" => api::ServiceMode::Global {},
        "replicated-job" => api::ServiceMode::ReplicatedJob {
            max_concurrent: number("max_concurrent"),
            total_completions: number("total_completions"),
        },
        "global-job" => api::ServiceMode::GlobalJob {},
        _ => api::ServiceMode::Replicated { replicas: number("replicas") },
    };
    let port = |port: &Value| api::PortConfig {
        protocol: "tcp".to_owned(),
        target_port: int(port, "target") as u32,
        published_port: int(port, "published") as u32,
        publish_mode: text(port, "mode").to_owned(),
        ..api::PortConfig::default()
    };
    let platform = |text: String| {
        let (os, architecture) = text.split_once('/').expect("os/architecture");
        api::Platform { os: os.to_owned(), architecture: architecture.to_owned() }
    };
    let over = |text: String| api::PlacementPreference { spread: api::SpreadOver { spread_descriptor: text } };
    let reserved = api::Resources {
        nano_cpus: int(spec, "reserve_nano_cpus"),
        memory_bytes: int(spec, "reserve_memory"),
        ..api::Resources::default()
    };
    api::ServiceSpec {
        name: text(spec, "name").to_owned(),
        labels: entries(&spec["service_labels"]).map(|(k, v)| (k.clone(), v.as_str().unwrap_or("").into())).collect(),
        mode,
        update_config: config("update"),
        rollback_config: config("rollback"),
        endpoint_spec: spec["ports"]
            .as_array()
            .map(|ports| api::EndpointSpec { mode: String::new(), ports: ports.iter().map(port).collect() }),
        task_template: api::TaskSpec {
            container_spec: api::ContainerSpec {
                image: text(spec, "image").to_owned(),
                ..api::ContainerSpec::default()
            },
            resources: Some(api::ResourceRequirements {
                reservations: Some(reserved),
                ..api::ResourceRequirements::default()
            }),
            restart_policy: spec.get("restart").map(|policy| api::RestartPolicy {
                condition: text(policy, "condition").to_owned(),
                delay: Some(nanos(int(policy, "delay_ms"))),
                max_attempts: policy["max_attempts"].as_u64(),
                window: Some(nanos(int(policy, "window_ms"))),
            }),
            placement: Some(api::Placement {
                constraints: texts(spec, "constraints").into_iter().map(constraint).collect(),
                preferences: texts(spec, "spread_over").into_iter().map(over).collect(),
                max_replicas: number("max_replicas_per_node").unwrap_or_default(),
                platforms: texts(spec, "platforms").into_iter().map(platform).collect(),
            }),
            force_update: number("force_update").unwrap_or_default(),
            ..api::TaskSpec::default()
        },
    }
}
