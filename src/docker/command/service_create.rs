//! `docker service create`: flags into a service's spec.
//!
//! cli.md §5.3, §7. Blocks of which no flag was given stay out of the spec; a block of which one was given is filled
//! from the defaults first.

use super::{health, service_carried, service_generic, service_references};
use crate::docker::flags::Parsed;
use crate::docker::format;
use crate::docker::script::{Context, Finish, Stop, Wait};
use crate::swarm::api::{
    ContainerSpec, EndpointSpec, Placement, Request, ResourceRequirements, Resources, Response, RestartPolicy,
    ServiceMode, ServiceSpec, TaskSpec, UpdateConfig,
};
use std::collections::VecDeque;

/// Creates a service.
pub fn create(context: &mut Context) -> Result<Finish, Stop> {
    let mut spec = Box::new(specification(context)?);
    let container = &mut spec.task_template.container_spec;
    service_references::add_files(context, container, ["secret", "config"])?;
    let query_registry = !context.flags.is_set("no-resolve-image");
    let (id, warnings) = match context.ask(&Request::ServiceCreate { spec, query_registry })?? {
        Response::ServiceCreated { id, warnings } => (id, warnings),
        _ => return Err(Stop::Failed("swarmlab: the daemon gave an answer of another kind".into())),
    };
    warn(context, &warnings);
    context.out(format!("{id}\n"));
    finish(context, &id)
}

/// Warnings of the daemon: each ends with an empty line.
pub fn warn(context: &mut Context, warnings: &[String]) {
    for warning in warnings {
        context.err(format!("{}\n\n", warning.trim_end_matches('\n')));
    }
}

/// Ends a command that changed one service: waits for it unless detached.
pub fn finish(context: &Context, service: &str) -> Result<Finish, Stop> {
    let mut waits = VecDeque::new();
    if !context.flags.is_set("detach") {
        let quiet = context.flags.is_set("quiet");
        waits.push_back(Wait::Service { service: service.to_owned(), quiet, named: false });
    }
    Ok(Finish { errors: Vec::new(), waits })
}

fn specification(context: &mut Context) -> Result<ServiceSpec, Stop> {
    let flags = context.flags;
    let (image, args) = match context.arguments().split_first() {
        Some((image, args)) => (image.as_str(), args.to_vec()),
        None => ("", Vec::new()),
    };
    let mode = mode(flags)?;
    let (update, rollback) = (update_config(flags, UPDATE, None), update_config(flags, ROLLBACK, None));
    let job = matches!(mode, ServiceMode::ReplicatedJob { .. } | ServiceMode::GlobalJob {});
    if job && (update.is_some() || rollback.is_some()) {
        return Err(Stop::Failed("update and rollback configuration is not supported for jobs".into()));
    }
    let env = environment(context)?;
    let text = |name: &str| flags.text(name).unwrap_or_default().to_owned();
    let mut container_spec = ContainerSpec {
        image: format::with_default_tag(image),
        labels: flags.labels("container-label"),
        command: flags.words("entrypoint").unwrap_or_default(),
        args,
        hostname: text("hostname"),
        env,
        dir: text("workdir"),
        user: text("user"),
        init: flags.boolean("init"),
        mounts: flags.mounts("mount", &context.environment.directory),
        stop_signal: text("stop-signal"),
        stop_grace_period: flags.duration("stop-grace-period"),
        isolation: text("isolation"),
        ..ContainerSpec::default()
    };
    health::set_container(flags, &mut container_spec);
    service_carried::create(flags, &mut container_spec)?;
    let networks = service_references::create_networks(context)?;
    let mut resources = ResourceRequirements {
        limits: Some(Resources::default()),
        reservations: Some(Resources::default()),
        ..Default::default()
    };
    set_resources(flags, &mut resources);
    health::set_swap(flags, &mut resources);
    if let Some(reservations) = &mut resources.reservations {
        reservations.generic_resources = service_generic::requested(flags, "generic-resource")?;
    }
    let task_template = TaskSpec {
        container_spec,
        resources: Some(resources),
        restart_policy: restart_policy(flags, None),
        placement: Some(Placement {
            constraints: flags.all("constraint").map(str::to_owned).collect(),
            preferences: flags.preferences("placement-pref"),
            max_replicas: flags.unsigned("replicas-max-per-node").unwrap_or(0),
            platforms: Vec::new(),
        }),
        networks,
        log_driver: service_carried::log_driver(flags),
        ..TaskSpec::default()
    };
    Ok(ServiceSpec {
        name: text("name"),
        labels: flags.labels("label"),
        task_template,
        mode,
        update_config: update,
        rollback_config: rollback,
        endpoint_spec: Some(EndpointSpec {
            mode: flags.text("endpoint-mode").unwrap_or("vip").to_lowercase(),
            ports: flags.ports("publish"),
        }),
    })
}

fn mode(flags: &Parsed) -> Result<ServiceMode, Stop> {
    let mode = flags.text("mode").unwrap_or("replicated");
    let replicas = flags.unsigned("replicas");
    let max_concurrent = flags.unsigned("max-concurrent");
    let fail = |text: &str| Err(Stop::Failed(text.to_owned()));
    if matches!(mode, "global" | "global-job") {
        if flags.unsigned("replicas-max-per-node").is_some_and(|most| most > 0) {
            return fail("replicas-max-per-node can only be used with replicated or replicated-job mode");
        }
        if replicas.is_some() {
            return fail("replicas can only be used with replicated or replicated-job mode");
        }
    }
    if mode != "replicated-job" && max_concurrent.is_some() {
        return fail("max-concurrent can only be used with replicated-job mode");
    }
    match mode {
        "replicated" => Ok(ServiceMode::Replicated { replicas }),
        "global" => Ok(ServiceMode::Global {}),
        "replicated-job" => {
            Ok(ServiceMode::ReplicatedJob { max_concurrent: max_concurrent.or(replicas), total_completions: replicas })
        }
        "global-job" => Ok(ServiceMode::GlobalJob {}),
        _ => fail(&format!("unknown mode: {mode}, only replicated and global supported")),
    }
}

/// `--env-file`, then `--env`; of one name the last wins and moves to the end.
pub fn environment(context: &mut Context) -> Result<Vec<String>, Stop> {
    let flags = context.flags;
    let mut given = Vec::new();
    for path in flags.all("env-file") {
        let content = context.file(path)?.map_err(|error| Stop::Failed(format!("open {path}: {error}")))?;
        given.extend(environment_file(path, &content)?);
    }
    given.extend(flags.all("env").map(str::to_owned));
    let mut env: Vec<String> = Vec::new();
    for variable in given {
        if env.contains(&variable) {
            continue;
        }
        let name = name_of(&variable).to_owned() + "=";
        env.retain(|known| !known.starts_with(&name));
        env.push(variable);
    }
    Ok(env)
}

/// Variables of a file, `NAME=VALUE` or `NAME`.
pub fn environment_file(path: &str, content: &[u8]) -> Result<Vec<String>, Stop> {
    let text = std::str::from_utf8(content)
        .map_err(|_| Stop::Failed(format!("invalid env file ({path}): the file is not valid UTF-8")))?;
    let mut variables = Vec::new();
    for line in text.strip_prefix('\u{feff}').unwrap_or(text).lines() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let name = name_of(line);
        if name.is_empty() {
            return Err(Stop::Failed(format!("invalid env file ({path}): no variable name on line '{line}'")));
        }
        if name.contains(char::is_whitespace) {
            return Err(Stop::Failed(format!("invalid env file ({path}): variable '{name}' contains whitespaces")));
        }
        variables.push(line.to_owned());
    }
    Ok(variables)
}

/// The name of `NAME=VALUE`.
pub fn name_of(variable: &str) -> &str {
    variable.split_once('=').map_or(variable, |(name, _)| name)
}

/// Sets what was given of limits and reservations.
pub fn set_resources(flags: &Parsed, resources: &mut ResourceRequirements) {
    let set = |field: &mut i64, value: Option<i64>| *field = value.unwrap_or(*field);
    if flags.any_changed(&["limit-cpu", "limit-memory", "limit-pids"]) {
        let limits = resources.limits.get_or_insert_default();
        set(&mut limits.nano_cpus, flags.cpus("limit-cpu"));
        set(&mut limits.memory_bytes, flags.bytes("limit-memory"));
        set(&mut limits.pids, flags.signed("limit-pids"));
    }
    if flags.any_changed(&["reserve-cpu", "reserve-memory"]) {
        let reservations = resources.reservations.get_or_insert_default();
        set(&mut reservations.nano_cpus, flags.cpus("reserve-cpu"));
        set(&mut reservations.memory_bytes, flags.bytes("reserve-memory"));
    }
}

/// The restart policy with what was given; unchanged when nothing was.
pub fn restart_policy(flags: &Parsed, policy: Option<RestartPolicy>) -> Option<RestartPolicy> {
    if !flags.any_changed(&["restart-condition", "restart-delay", "restart-max-attempts", "restart-window"]) {
        return policy;
    }
    let mut policy = policy.unwrap_or(RestartPolicy {
        condition: "any".into(),
        delay: Some(5_000_000_000),
        max_attempts: Some(0),
        window: None,
    });
    if let Some(condition) = flags.text("restart-condition") {
        policy.condition = condition.to_owned();
    }
    policy.delay = flags.duration("restart-delay").or(policy.delay);
    policy.max_attempts = flags.unsigned("restart-max-attempts").or(policy.max_attempts);
    policy.window = flags.duration("restart-window").or(policy.window);
    Some(policy)
}

/// The flags of an update configuration: parallelism, delay, failure action, monitor, ratio, order.
pub const UPDATE: [&str; 6] = [
    "update-parallelism",
    "update-delay",
    "update-failure-action",
    "update-monitor",
    "update-max-failure-ratio",
    "update-order",
];

/// Those of a rollback configuration.
pub const ROLLBACK: [&str; 6] = [
    "rollback-parallelism",
    "rollback-delay",
    "rollback-failure-action",
    "rollback-monitor",
    "rollback-max-failure-ratio",
    "rollback-order",
];

/// An update or rollback configuration with what was given; unchanged when nothing was.
pub fn update_config(flags: &Parsed, names: [&str; 6], config: Option<UpdateConfig>) -> Option<UpdateConfig> {
    if !flags.any_changed(&names) {
        return config;
    }
    let [parallelism, delay, action, monitor, ratio, order] = names;
    let mut config = config.unwrap_or(UpdateConfig {
        parallelism: 1,
        delay: 0,
        failure_action: "pause".into(),
        monitor: 5_000_000_000,
        max_failure_ratio: 0.0,
        order: "stop-first".into(),
    });
    config.parallelism = flags.unsigned(parallelism).unwrap_or(config.parallelism);
    config.delay = flags.duration(delay).unwrap_or(config.delay);
    config.monitor = flags.duration(monitor).unwrap_or(config.monitor);
    config.max_failure_ratio = flags.float(ratio).unwrap_or(config.max_failure_ratio);
    if let Some(action) = flags.text(action) {
        config.failure_action = action.to_owned();
    }
    if let Some(order) = flags.text(order) {
        config.order = order.to_owned();
    }
    Some(config)
}
