//! From what the API sends to what the store keeps: checks in SwarmKit's order, with its texts.
//!
//! Source: control-plane.md §1.3, §1.5; cli.md §3.5.

use crate::engine::Duration;
use crate::swarm::api::{self, ApiError, Code};
use crate::swarm::object::{
    FailureAction, GenericRequest, Mode, Platform, Plugin, PluginKind, PortConfig, Protocol, Resources,
    RestartCondition, RestartPolicy, ServiceSpec, TaskSpec, UpdateConfig, UpdateOrder,
};
use crate::swarm::scheduler::Constraint;
use std::sync::Arc;

const MIN_CPU: i64 = 1_000_000;
const MIN_MEMORY: i64 = 4 << 20;
const MAX_REPLICAS: u64 = crate::engine::limits::MAX_REPLICAS;

/// An argument that SwarmKit does not take.
pub(super) fn invalid(text: impl AsRef<str>) -> ApiError {
    ApiError::grpc(Code::InvalidArgument, text)
}

/// Reads and checks a service spec.
///
/// # Errors
/// The first check that fails, in the order of the real one, as Docker words it.
pub fn service(spec: &api::ServiceSpec) -> Result<ServiceSpec, ApiError> {
    // The engine converts first, and its refusals come without a gRPC prefix.
    let update = update_config(spec.update_config.as_ref())?;
    let rollback = update_config(spec.rollback_config.as_ref())?;
    let template = &spec.task_template;
    let restart = restart_policy(template.restart_policy.as_ref())?;
    if let Some(endpoint) = &spec.endpoint_spec
        && !matches!(endpoint.mode.as_str(), "" | "vip" | "dnsrr")
    {
        return Err(ApiError::new(400, format!("invalid resolution mode: \"{}\"", endpoint.mode)));
    }
    swap(template)?;
    mount_kinds(&template.container_spec.mounts)?;
    name(&spec.name)?;
    let reserved = resources(template)?;
    if restart.delay.is_negative() {
        return Err(invalid("TaskSpec: restart-delay cannot be negative"));
    }
    if restart.window.is_negative() {
        return Err(invalid("TaskSpec: restart-window cannot be negative"));
    }
    let placement = template.placement.clone().unwrap_or_default();
    let constraints = placement
        .constraints
        .iter()
        .map(|text| Constraint::parse(text))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|text| ApiError::grpc(Code::Unknown, text))?;
    super::references::check_targets(&template.container_spec)?;
    image(&template.container_spec.image)?;
    mounts(&template.container_spec.mounts)?;
    healthcheck(template.container_spec.healthcheck.as_ref())?;
    let mode = mode(&spec.mode)?;
    if spec.update_config.is_some() {
        if mode.is_job() {
            return Err(invalid("Jobs may not have an update config"));
        }
        check_update(&update)?;
    }
    let ports = ports(spec.endpoint_spec.as_ref())?;
    let grace = template.container_spec.stop_grace_period.map_or(Duration::from_secs(10), Duration::from_nanos);
    let task = TaskSpec {
        api: Arc::new(template.clone()),
        image: template.container_spec.image.as_str().into(),
        constraints,
        preferences: placement.preferences.iter().map(|p| p.spread.spread_descriptor.as_str().into()).collect(),
        max_replicas: u32::try_from(placement.max_replicas).unwrap_or(u32::MAX),
        reserved,
        generic: generic(template),
        platforms: placement.platforms.iter().map(platform).collect(),
        plugins: plugins(template),
        restart,
        stop_grace_period: grace,
        ports: ports.into(),
        dnsrr: spec.endpoint_spec.as_ref().is_some_and(|endpoint| endpoint.mode == "dnsrr"),
        uses: Arc::default(),
    };
    Ok(ServiceSpec {
        api: Arc::new(api::ServiceSpec { mode: filled(&spec.mode), ..spec.clone() }),
        name: spec.name.as_str().into(),
        task: Arc::new(task),
        mode,
        update,
        rollback,
    })
}

/// The name rule of services and networks: a DNS label that may also hold `_`.
pub(super) fn name(name: &str) -> Result<(), ApiError> {
    if name.is_empty() {
        return Err(invalid("meta: name must be provided"));
    }
    let parts = name.split(['-', '_']);
    let well_formed = parts.clone().all(|part| part.bytes().all(|b| b.is_ascii_alphanumeric()))
        && parts.clone().next().is_some_and(|part| !part.is_empty())
        && parts.clone().next_back().is_some_and(|part| !part.is_empty());
    if !well_formed {
        return Err(invalid("name must be valid as a DNS name component"));
    }
    if name.len() > 63 {
        return Err(invalid("name must be 63 characters or fewer"));
    }
    Ok(())
}

/// The engine's own check, before SwarmKit sees the mounts.
fn mount_kinds(mounts: &[api::Mount]) -> Result<(), ApiError> {
    let known = ["", "bind", "volume", "tmpfs", "npipe", "cluster", "image"];
    match mounts.iter().find(|mount| !known.contains(&mount.kind.as_str())) {
        Some(mount) => Err(ApiError::new(400, format!("invalid MountType: \"{}\"", mount.kind))),
        None => Ok(()),
    }
}

fn mounts(mounts: &[api::Mount]) -> Result<(), ApiError> {
    for (place, mount) in mounts.iter().enumerate() {
        if mounts[..place].iter().any(|other| other.target == mount.target) {
            return Err(invalid(format!("ContainerSpec: duplicate mount point: {}", mount.target)));
        }
    }
    Ok(())
}

fn image(image: &str) -> Result<(), ApiError> {
    if image.is_empty() {
        return Err(invalid("ContainerSpec: image reference must be provided"));
    }
    let bare = crate::swarm::daemon::image::without_digest(image);
    let (path, tag) = match bare.rfind(':') {
        Some(colon) if !bare[colon..].contains('/') => (&bare[..colon], Some(&bare[colon + 1..])),
        _ => (bare, None),
    };
    let mut components = path.split('/').peekable();
    let first_is_domain = path.contains('/')
        && components.peek().is_some_and(|first| first.contains(['.', ':']) || *first == "localhost");
    let well_formed = components.enumerate().all(|(place, part)| {
        let extra = if place == 0 && first_is_domain { ".:-" } else { "._-" };
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || extra.as_bytes().contains(&b))
            && part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.ends_with(|c: char| c.is_ascii_alphanumeric())
    }) && tag.is_none_or(|tag| {
        !tag.is_empty()
            && tag.len() <= 128
            && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
            && !tag.starts_with(['.', '-'])
    });
    if well_formed { Ok(()) } else { Err(invalid(format!("ContainerSpec: \"{image}\" is not a valid repository/tag"))) }
}

fn resources(template: &api::TaskSpec) -> Result<Resources, ApiError> {
    let requirements = template.resources.clone().unwrap_or_default();
    for amount in [&requirements.limits, &requirements.reservations].into_iter().flatten() {
        if amount.nano_cpus != 0 && amount.nano_cpus < MIN_CPU {
            return Err(invalid(format!("invalid cpu value {}: Must be at least 0.001", cpus(amount.nano_cpus))));
        }
        if amount.memory_bytes != 0 && amount.memory_bytes < MIN_MEMORY {
            return Err(invalid(format!("invalid memory value {}: Must be at least 4MiB", amount.memory_bytes)));
        }
    }
    let reserved = requirements.reservations.unwrap_or_default();
    Ok(Resources { nano_cpus: reserved.nano_cpus, memory_bytes: reserved.memory_bytes })
}

/// Generic resources; what is wrong with them goes unnoticed [quirk]: what does not ask for a number of a kind is left out.
fn generic(template: &api::TaskSpec) -> Vec<GenericRequest> {
    let reservations = template.resources.as_ref().and_then(|requirements| requirements.reservations.as_ref());
    let wanted = reservations.iter().flat_map(|reservations| &reservations.generic_resources);
    wanted
        .filter_map(|wanted| wanted.discrete_resource_spec.as_ref())
        .map(|wanted| GenericRequest { kind: wanted.kind.as_str().into(), amount: wanted.value })
        .collect()
}

fn platform(platform: &api::Platform) -> Platform {
    Platform { os: platform.os.as_str().into(), architecture: platform.architecture.as_str().into() }
}

/// What the engine of the task's node must have. (Networks and volumes join the log driver when they exist.)
fn plugins(template: &api::TaskSpec) -> Vec<Plugin> {
    let driver = template.log_driver.as_ref().map(|driver| driver.name.as_str());
    let named = driver.filter(|name| !matches!(*name, "" | "none"));
    named.map(|name| Plugin { kind: PluginKind::Log, name: name.into() }).into_iter().collect()
}

/// The engine's own check: no gRPC prefix.
fn swap(template: &api::TaskSpec) -> Result<(), ApiError> {
    let Some(resources) = &template.resources else { return Ok(()) };
    let limited = resources.limits.as_ref().is_some_and(|limits| limits.memory_bytes != 0);
    match resources.swap_bytes {
        Some(_) if !limited => Err(ApiError::new(400, "memory swap provided, but no memory-limit was set")),
        _ => Ok(()),
    }
}

fn healthcheck(check: Option<&api::HealthConfig>) -> Result<(), ApiError> {
    let Some(check) = check else { return Ok(()) };
    let spans = [
        ("Interval", check.interval),
        ("Timeout", check.timeout),
        ("StartPeriod", check.start_period),
        ("StartInterval", check.start_interval),
    ];
    for (name, span) in spans {
        if span != 0 && span < 1_000_000 {
            return Err(invalid(format!("ContainerSpec: {name} in HealthConfig cannot be less than 1ms")));
        }
    }
    if check.retries < 0 {
        return Err(invalid("ContainerSpec: Retries in HealthConfig cannot be negative"));
    }
    Ok(())
}

/// CPUs as Go's `%g` writes them: an exponent below a ten-thousandth.
fn cpus(nano: i64) -> String {
    let value = nano as f64 / 1e9;
    if value != 0.0 && value.abs() < 1e-4 {
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        format!("{digits}e-{:02}", exponent.abs())
    } else {
        format!("{value}")
    }
}

fn restart_policy(policy: Option<&api::RestartPolicy>) -> Result<RestartPolicy, ApiError> {
    let Some(policy) = policy else { return Ok(RestartPolicy::default()) };
    let condition = match policy.condition.as_str() {
        "none" => RestartCondition::None,
        "on-failure" => RestartCondition::OnFailure,
        "any" | "" => RestartCondition::Any,
        other => return Err(ApiError::new(400, format!("invalid RestartCondition: \"{other}\""))),
    };
    Ok(RestartPolicy {
        condition,
        delay: policy.delay.map_or(Duration::from_secs(5), Duration::from_nanos),
        max_attempts: policy.max_attempts.unwrap_or(0),
        window: policy.window.map_or(Duration::ZERO, Duration::from_nanos),
    })
}

fn update_config(config: Option<&api::UpdateConfig>) -> Result<UpdateConfig, ApiError> {
    let Some(config) = config else { return Ok(UpdateConfig::default()) };
    let failure_action = match config.failure_action.as_str() {
        "" | "pause" => FailureAction::Pause,
        "continue" => FailureAction::Continue,
        "rollback" => FailureAction::Rollback,
        other => return Err(ApiError::new(400, format!("unrecognized update failure action {other}"))),
    };
    let order = match config.order.as_str() {
        "" | "stop-first" => UpdateOrder::StopFirst,
        "start-first" => UpdateOrder::StartFirst,
        other => return Err(ApiError::new(400, format!("unrecognized update order {other}"))),
    };
    Ok(UpdateConfig {
        parallelism: config.parallelism,
        delay: Duration::from_nanos(config.delay),
        failure_action,
        monitor: if config.monitor == 0 { Duration::from_secs(5) } else { Duration::from_nanos(config.monitor) },
        max_failure_ratio_bits: config.max_failure_ratio.to_bits(),
        order,
    })
}

fn check_update(config: &UpdateConfig) -> Result<(), ApiError> {
    if config.delay.is_negative() {
        return Err(invalid("TaskSpec: update-delay cannot be negative"));
    }
    if config.monitor.is_negative() {
        return Err(invalid("TaskSpec: update-monitor cannot be negative"));
    }
    let ratio = f32::from_bits(config.max_failure_ratio_bits);
    if !(0.0..=1.0).contains(&ratio) {
        return Err(invalid("TaskSpec: update-maxfailureratio cannot be less than 0 or bigger than 1"));
    }
    Ok(())
}

fn mode(mode: &api::ServiceMode) -> Result<Mode, ApiError> {
    match mode {
        api::ServiceMode::Replicated { replicas } => {
            let replicas = replicas.unwrap_or(1);
            if replicas > i64::MAX as u64 {
                return Err(invalid("Number of replicas must be non-negative"));
            }
            if replicas > MAX_REPLICAS {
                return Err(ApiError::new(
                    400,
                    format!("swarmlab: {replicas} replicas are more than this simulator takes ({MAX_REPLICAS})"),
                ));
            }
            Ok(Mode::Replicated { replicas: u32::try_from(replicas).expect("below the limit") })
        }
        api::ServiceMode::Global {} => Ok(Mode::Global),
        api::ServiceMode::ReplicatedJob { max_concurrent, total_completions } => {
            let max_concurrent = max_concurrent.unwrap_or(1);
            let total = total_completions.unwrap_or(max_concurrent);
            if max_concurrent > i64::MAX as u64 {
                return Err(invalid("Maximum concurrent jobs must not be negative"));
            }
            if total > i64::MAX as u64 {
                return Err(invalid("Total completed jobs must not be negative"));
            }
            let most = max_concurrent.max(total);
            if most > MAX_REPLICAS {
                return Err(ApiError::new(
                    400,
                    format!("swarmlab: a job of {most} tasks is more than this simulator takes ({MAX_REPLICAS})"),
                ));
            }
            let small = |number| u32::try_from(number).expect("below the limit");
            Ok(Mode::ReplicatedJob { max_concurrent: small(max_concurrent), total: small(total) })
        }
        api::ServiceMode::GlobalJob {} => Ok(Mode::GlobalJob),
    }
}

/// The engine fills in a job's numbers before it stores them.
fn filled(mode: &api::ServiceMode) -> api::ServiceMode {
    match mode {
        api::ServiceMode::ReplicatedJob { max_concurrent, total_completions } => {
            let max_concurrent = max_concurrent.unwrap_or(1);
            api::ServiceMode::ReplicatedJob {
                max_concurrent: Some(max_concurrent),
                total_completions: Some(total_completions.unwrap_or(max_concurrent)),
            }
        }
        other => other.clone(),
    }
}

fn ports(endpoint: Option<&api::EndpointSpec>) -> Result<Vec<PortConfig>, ApiError> {
    let Some(endpoint) = endpoint else { return Ok(Vec::new()) };
    let mut ports: Vec<PortConfig> = Vec::new();
    for port in &endpoint.ports {
        let protocol = match port.protocol.as_str() {
            "udp" => Protocol::Udp,
            "sctp" => Protocol::Sctp,
            _ => Protocol::Tcp,
        };
        let port = PortConfig {
            protocol,
            target: u16::try_from(port.target_port).unwrap_or(0),
            published: u16::try_from(port.published_port).unwrap_or(0),
            ingress: port.publish_mode != "host",
        };
        if endpoint.mode == "dnsrr" && port.ingress {
            return Err(invalid("EndpointSpec: port published with ingress mode can't be used with dnsrr mode"));
        }
        if port.published != 0
            && ports.iter().any(|other| other.published == port.published && other.protocol == port.protocol)
        {
            return Err(invalid("EndpointSpec: duplicate published ports provided"));
        }
        ports.push(port);
    }
    Ok(ports)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rule_of_dns_labels_with_underscores() {
        for good in ["web", "a", "web_1", "web-front-2", "A1", &"x".repeat(63)] {
            assert_eq!(name(good), Ok(()), "{good}");
        }
        for bad in ["-web", "web-", "web.front", "we b", "_x"] {
            assert_eq!(
                name(bad).unwrap_err().message,
                "rpc error: code = InvalidArgument desc = name must be valid as a DNS name component",
                "{bad}"
            );
        }
        assert!(name(&"x".repeat(64)).unwrap_err().message.ends_with("name must be 63 characters or fewer"));
    }

    #[test]
    fn images_are_references() {
        for good in ["nginx", "nginx:1.25", "diamol/ch12-timecheck:1.0", "localhost:5000/a/b:x", "a.b/c@sha256:00"] {
            assert_eq!(image(good), Ok(()), "{good}");
        }
        for bad in ["Nginx", "nginx:", "a//b", "-x", "a b"] {
            assert!(image(bad).unwrap_err().message.ends_with("is not a valid repository/tag"), "{bad}");
        }
    }

    #[test]
    fn health_checks_and_swap_are_refused_as_recorded() {
        let check = |interval, retries| api::HealthConfig { interval, retries, ..Default::default() };
        let text = |check: api::HealthConfig| healthcheck(Some(&check)).map_err(|error| error.message);
        assert_eq!((text(check(0, 0)), text(check(1_000_000, 3))), (Ok(()), Ok(())));
        assert_eq!(
            text(check(999_999, 0)).unwrap_err(),
            "rpc error: code = InvalidArgument desc = ContainerSpec: Interval in HealthConfig cannot be less than 1ms"
        );
        assert!(text(check(0, -1)).unwrap_err().ends_with("Retries in HealthConfig cannot be negative"));
        let mut template = api::TaskSpec { resources: Some(Default::default()), ..Default::default() };
        template.resources.as_mut().expect("just set").swap_bytes = Some(128 << 20);
        assert_eq!(swap(&template).unwrap_err().message, "memory swap provided, but no memory-limit was set");
        template.resources.as_mut().expect("just set").limits =
            Some(api::Resources { memory_bytes: 64 << 20, ..Default::default() });
        assert_eq!(swap(&template), Ok(()));
    }

    #[test]
    fn small_cpu_values_are_written_as_go_writes_them() {
        assert_eq!((cpus(100_000), cpus(10_000), cpus(-1_000_000_000)), ("0.0001".into(), "1e-05".into(), "-1".into()));
    }
}
