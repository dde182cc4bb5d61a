//! `docker service inspect`. cli.md §4.3, §5.3.

use super::inspect;
use crate::docker::format::{self, bytes_size, cpus, go_duration, human_duration};
use crate::docker::script::{Context, Finish, Stop};
use crate::swarm::api::time::parse_rfc3339;
use crate::swarm::api::{
    ContainerSpec, Driver, EndpointSpec, HealthConfig, Mount, Placement, ResourceRequirements, Resources, Service,
    ServiceMode, UpdateConfig, UpdateStatus,
};

/// Shows services in detail.
pub fn inspect(context: &mut Context) -> Result<Finish, Stop> {
    if !inspect::is_pretty(context)? {
        return inspect::print(context, |context, reference| {
            Ok(match find(context, reference)? {
                Ok(service) => Ok(serde_json::to_value(&service).map_err(|error| error.to_string())?),
                Err(error) => Err(error),
            })
        });
    }
    let mut errors = Vec::new();
    let mut text = String::new();
    for reference in context.arguments() {
        match find(context, reference)? {
            Ok(service) => text.push_str(&(describe(&service, context.clock()) + "\n")),
            Err(error) => errors.push(error),
        }
    }
    context.out(text);
    Finish::with(errors)
}

fn find(context: &mut Context, reference: &str) -> Result<Result<Service, String>, Stop> {
    Ok(match context.service(reference, true)? {
        Ok(service) => Ok((*service).clone()),
        Err(refusal) if refusal.is_not_found() => Err(format!("no such service: {reference}")),
        Err(refusal) => Err(refusal.text),
    })
}

/// `service inspect --pretty`, without the newline behind it.
fn describe(service: &Service, now: i64) -> String {
    let spec = &service.spec;
    let mut text = format!("\nID:\t\t{}\nName:\t\t{}\n", service.id, spec.name);
    if !spec.labels.is_empty() {
        text += "Labels:\n";
        for (key, value) in &spec.labels {
            text += &if value.is_empty() { format!(" {key}\n") } else { format!(" {key}={value}\n") };
        }
    }
    text += &match &spec.mode {
        ServiceMode::Replicated { replicas } => {
            format!("Service Mode:\tReplicated\n Replicas:\t{}\n", replicas.unwrap_or(1))
        }
        ServiceMode::Global {} => "Service Mode:\tGlobal\n".into(),
        ServiceMode::ReplicatedJob { .. } | ServiceMode::GlobalJob {} => "Service Mode:\n".into(),
    };
    text += &service.update_status.as_ref().map(|status| update_status(status, now)).unwrap_or_default();
    text += &placement(spec.task_template.placement.as_ref());
    text += &update_config("Update", "Update order:      ", spec.update_config.as_ref());
    text += &update_config("Rollback", "Rollback order:    ", spec.rollback_config.as_ref());
    text += &container(service);
    text += &limits_of_the_process(&spec.task_template.container_spec);
    text += &mounts(&spec.task_template.container_spec.mounts);
    text += &files(service);
    text += &log_driver(spec.task_template.log_driver.as_ref());
    text += &resources(spec.task_template.resources.as_ref());
    text += &networks(service);
    text += &endpoint(service, spec.endpoint_spec.as_ref());
    text += &healthcheck(spec.task_template.container_spec.healthcheck.as_ref());
    text
}

fn healthcheck(check: Option<&HealthConfig>) -> String {
    let Some(check) = check else { return String::new() };
    let mut text = format!(
        " Healthcheck:\n  Interval = {}\n  Retries = {}\n  StartPeriod =\t{}\n  Timeout =\t{}\n",
        go_duration(check.interval),
        check.retries,
        go_duration(check.start_period),
        go_duration(check.timeout)
    );
    if !check.test.is_empty() {
        let tests: Vec<String> = check.test.iter().map(|word| format!("\t Test = {word}")).collect();
        text += &format!("  Tests:\n{} \n", tests.join("\n"));
    }
    text
}

fn update_status(status: &UpdateStatus, now: i64) -> String {
    if status.state.is_empty() {
        return String::new();
    }
    let age = |time: &Option<String>| {
        let time = time.as_deref().and_then(parse_rfc3339)?;
        Some(human_duration(now.saturating_sub(time)))
    };
    let mut text = format!("UpdateStatus:\n State:\t\t{}\n", status.state);
    if let Some(age) = age(&status.started_at) {
        text += &format!(" Started:\t{age} ago\n");
    }
    if status.state == "completed"
        && let Some(age) = age(&status.completed_at)
    {
        text += &format!(" Completed:\t{age} ago\n");
    }
    text + &format!(" Message:\t{}\n", status.message)
}

fn placement(placement: Option<&Placement>) -> String {
    let mut text = String::from("Placement:\n");
    let Some(placement) = placement else { return text };
    if !placement.constraints.is_empty() {
        text += &format!(" Constraints:\t[{}]\n", placement.constraints.join(" "));
    }
    if !placement.preferences.is_empty() {
        let spread =
            placement.preferences.iter().map(|preference| format!("spread={}", preference.spread.spread_descriptor));
        text += &format!(" Preferences:   [{}]\n", spread.collect::<Vec<_>>().join(" "));
    }
    if placement.max_replicas > 0 {
        text += &format!(" Max Replicas Per Node:   {}\n", placement.max_replicas);
    }
    text
}

fn update_config(which: &str, order: &str, config: Option<&UpdateConfig>) -> String {
    let Some(config) = config else { return String::new() };
    let mut text = format!("{which}Config:\n Parallelism:\t{}\n", config.parallelism);
    if config.delay > 0 {
        text += &format!(" Delay:\t\t{}\n", go_duration(config.delay));
    }
    text += &format!(" On failure:\t{}\n", config.failure_action);
    if config.monitor > 0 {
        text += &format!(" Monitoring Period: {}\n", go_duration(config.monitor));
    }
    let ratio = config.max_failure_ratio.to_string().parse().unwrap_or_default();
    text + &format!(" Max failure ratio: {}\n {order}{}\n", format::go_float(ratio), config.order)
}

fn container(service: &Service) -> String {
    let container = &service.spec.task_template.container_spec;
    let list = |items: &[String]| items.iter().map(|item| format!("{item} ")).collect::<String>();
    let mut text = format!("ContainerSpec:\n Image:\t\t{}\n", container.image);
    if !container.args.is_empty() {
        text += &format!(" Args:\t\t{}\n", list(&container.args));
    }
    if !container.env.is_empty() {
        text += &format!(" Env:\t\t{}\n", list(&container.env));
    }
    if !container.dir.is_empty() {
        text += &format!(" Dir:\t\t{}\n", container.dir);
    }
    if let Some(init) = container.init {
        text += &format!(" Init:\t\t{init}\n");
    }
    if !container.user.is_empty() {
        text += &format!(" User: {}\n", container.user);
    }
    text
}

/// Capabilities, kernel settings and limits.
fn limits_of_the_process(container: &ContainerSpec) -> String {
    let mut text = String::new();
    let (add, drop) = (&container.capability_add, &container.capability_drop);
    if !add.is_empty() || !drop.is_empty() {
        text += "Capabilities:\n";
    }
    for (title, capabilities) in [("Add", add), ("Drop", drop)] {
        if !capabilities.is_empty() {
            text += &format!(" {title}: {}\n", capabilities.join(", "));
        }
    }
    if !container.sysctls.is_empty() {
        text += "SysCtls:\n";
        for (key, value) in &container.sysctls {
            text += &if value.is_empty() { format!(" {key}\n") } else { format!(" {key}: {value}\n") };
        }
    }
    if !container.ulimits.is_empty() {
        text += "Ulimits:\n";
        for limit in &container.ulimits {
            text += &format!(" {}: {}:{}\n", limit.name, limit.soft, limit.hard);
        }
    }
    text
}

fn mounts(mounts: &[Mount]) -> String {
    let mut text = String::new();
    if !mounts.is_empty() {
        text += "Mounts:\n";
        for mount in mounts {
            text += &format!(
                " Target:\t{}\n  Source:\t{}\n  ReadOnly:\t{}\n  Type:\t\t{}\n",
                mount.target, mount.source, mount.read_only, mount.kind
            );
        }
    }
    text
}

/// The block ends with an empty line.
fn log_driver(driver: Option<&Driver>) -> String {
    let Some(driver) = driver else { return String::new() };
    let mut text = String::from("Log Driver:\n");
    if !driver.name.is_empty() {
        text += &format!(" Name:\t\t{}\n", driver.name);
    }
    if !driver.options.is_empty() {
        text += " LogOpts:\n";
        for (key, value) in &driver.options {
            text += &if value.is_empty() { format!("  {key}\n") } else { format!("  {key}:       {value}\n") };
        }
    }
    text + "\n"
}

fn files(service: &Service) -> String {
    let container = &service.spec.task_template.container_spec;
    let mut text = String::new();
    if !container.configs.is_empty() {
        text += "Configs:\n";
        for config in &container.configs {
            text += &format!(" Target:\t{}\n  Source:\t{}\n", config.file.name, config.name);
        }
    }
    if !container.secrets.is_empty() {
        text += "Secrets:\n";
        for secret in &container.secrets {
            text += &format!(" Target:\t{}\n  Source:\t{}\n", secret.file.name, secret.name);
        }
    }
    text
}

/// The networks by their ids, as version 29 of the client shows them.
fn networks(service: &Service) -> String {
    let networks = &service.spec.task_template.networks;
    if networks.is_empty() {
        return String::new();
    }
    let ids: String = networks.iter().map(|network| format!("{} ", network.target)).collect();
    format!("Networks: {ids}\n")
}

fn resources(resources: Option<&ResourceRequirements>) -> String {
    let Some(resources) = resources else { return String::new() };
    let part = |title: &str, amounts: Option<&Resources>| {
        // Generic resources are not shown, and alone they do not make a block.
        let counts = |amounts: &&Resources| (amounts.nano_cpus, amounts.memory_bytes, amounts.pids) != (0, 0, 0);
        let Some(amounts) = amounts.filter(counts) else {
            return String::new();
        };
        let mut text = format!(" {title}:\n");
        if amounts.nano_cpus != 0 {
            text += &format!("  CPU:\t\t{}\n", cpus(amounts.nano_cpus));
        }
        if amounts.memory_bytes != 0 {
            text += &format!("  Memory:\t{}\n", bytes_size(amounts.memory_bytes));
        }
        if amounts.pids != 0 {
            text += &format!("  PIDs:\t\t{}\n", amounts.pids);
        }
        text
    };
    let reservations = part("Reservations", resources.reservations.as_ref());
    format!("Resources:\n{reservations}{}", part("Limits", resources.limits.as_ref()))
}

fn endpoint(service: &Service, spec: Option<&EndpointSpec>) -> String {
    let mode = spec.map_or("", |spec| spec.mode.as_str());
    let mut text = if mode.is_empty() { String::new() } else { format!("Endpoint Mode:\t{mode}\n") };
    let ports = &service.endpoint.ports;
    if ports.is_empty() {
        return text;
    }
    let ports = ports.iter().map(|port| {
        format!(
            " PublishedPort = {}\n  Protocol = {}\n  TargetPort = {}\n  PublishMode = {}",
            port.published_port, port.protocol, port.target_port, port.publish_mode
        )
    });
    text += &format!("Ports:\n{} \n", ports.collect::<Vec<_>>().join("\n"));
    text
}
