//! What an engine refuses of a container before it makes it: values that SwarmKit lets pass and the engine does not. The task
//! is rejected with these words.
//!
//! Source: recording docker-29/14 (swappiness, oom score); the engine's own checks for the others.

use super::program::signal;
use crate::swarm::api::{ContainerSpec, Resources, TaskSpec};
use crate::swarm::object::NodeDescription;

/// The least memory that a container may be limited to.
const LEAST_MEMORY: i64 = 6 << 20;

/// Why this engine does not make such a container, if it does not.
pub fn refused(spec: &TaskSpec, host: &NodeDescription) -> Option<String> {
    let container = &spec.container_spec;
    if !container.stop_signal.is_empty() && signal(&container.stop_signal).is_none() {
        return Some(format!("invalid signal: {}", container.stop_signal));
    }
    if !(-1000..=1000).contains(&container.oom_score_adj) {
        let score = container.oom_score_adj;
        return Some(format!("Invalid value {score}, range for oom score adj is [-1000, 1000]"));
    }
    if let Some(text) = unknown_capability(container)
        .or_else(|| windows_only(container))
        .or_else(|| super::mounts::refused(&container.mounts))
    {
        return Some(text);
    }
    let resources = spec.resources.as_ref()?;
    let limits = resources.limits.as_ref();
    // -1 is the host's own.
    if let Some(swappiness) = resources.memory_swappiness.filter(|value| !(-1..=100).contains(value)) {
        return Some(format!("Invalid value: {swappiness}, valid memory swappiness range is 0-100"));
    }
    limits.and_then(|limits| beyond(limits, host))
}

/// What the engine says of limits that the host cannot keep.
pub fn beyond(limits: &Resources, host: &NodeDescription) -> Option<String> {
    if limits.memory_bytes != 0 && limits.memory_bytes < LEAST_MEMORY {
        return Some("Minimum memory limit allowed is 6MB".into());
    }
    let cpus = host.nano_cpus / 1_000_000_000;
    (limits.nano_cpus > cpus * 1_000_000_000)
        .then(|| format!("range of CPUs is from 0.01 to {cpus}.00, as there are only {cpus} CPUs available"))
}

/// Linux's capabilities, without `CAP_`.
const CAPABILITIES: [&str; 41] = [
    "AUDIT_CONTROL",
    "AUDIT_READ",
    "AUDIT_WRITE",
    "BLOCK_SUSPEND",
    "BPF",
    "CHECKPOINT_RESTORE",
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "IPC_OWNER",
    "KILL",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "MKNOD",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_RAW",
    "PERFMON",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYSLOG",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_CHROOT",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "WAKE_ALARM",
];

fn unknown_capability(container: &ContainerSpec) -> Option<String> {
    let known =
        |name: &str| name == "ALL" || name.strip_prefix("CAP_").is_some_and(|name| CAPABILITIES.contains(&name));
    [("CapAdd", &container.capability_add), ("CapDrop", &container.capability_drop)].into_iter().find_map(
        |(list, names)| {
            let name = names.iter().find(|name| !known(name))?;
            Some(format!("invalid {list}: unknown capability: \"{name}\""))
        },
    )
}

/// The hosts run Linux, which has no managed accounts.
fn windows_only(container: &ContainerSpec) -> Option<String> {
    let spec = container.privileges.as_ref()?.credential_spec.as_ref()?;
    let source =
        if spec.file.is_empty() { format!("registry://{}", spec.registry) } else { format!("file://{}", spec.file) };
    Some(format!("invalid --security-opt 2: \"credentialspec={source}\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::swarm::api::{CredentialSpec, ResourceRequirements, Resources};

    fn host() -> NodeDescription {
        NodeDescription { nano_cpus: 4_000_000_000, memory_bytes: 8 << 30, ..NodeDescription::default() }
    }

    fn with(resources: ResourceRequirements) -> Option<String> {
        refused(&TaskSpec { resources: Some(resources), ..TaskSpec::default() }, &host())
    }

    fn limits(limits: Resources) -> Option<String> {
        with(ResourceRequirements { limits: Some(limits), ..ResourceRequirements::default() })
    }

    #[test]
    fn values_out_of_range_are_refused_with_the_engines_words() {
        let swappiness = |value| ResourceRequirements { memory_swappiness: Some(value), ..Default::default() };
        assert_eq!(
            with(swappiness(200)).as_deref(),
            Some("Invalid value: 200, valid memory swappiness range is 0-100")
        );
        assert_eq!((with(swappiness(100)), with(swappiness(-1))), (None, None));
        let oom = |oom_score_adj| TaskSpec {
            container_spec: ContainerSpec { oom_score_adj, ..ContainerSpec::default() },
            ..TaskSpec::default()
        };
        assert_eq!(
            refused(&oom(2000), &host()).as_deref(),
            Some("Invalid value 2000, range for oom score adj is [-1000, 1000]")
        );
        assert_eq!(refused(&oom(-1000), &host()), None);
        assert!(limits(Resources { memory_bytes: 5 << 20, ..Resources::default() }).is_some());
        assert_eq!(limits(Resources { memory_bytes: 6 << 20, nano_cpus: 4_000_000_000, ..Resources::default() }), None);
        assert_eq!(
            limits(Resources { nano_cpus: 4_500_000_000, ..Resources::default() }).as_deref(),
            Some("range of CPUs is from 0.01 to 4.00, as there are only 4 CPUs available")
        );
    }

    #[test]
    fn rights_have_to_be_linuxs() {
        let with = |container_spec| refused(&TaskSpec { container_spec, ..TaskSpec::default() }, &host());
        let names = |name: &str| vec![name.to_owned()];
        let add = |name: &str| with(ContainerSpec { capability_add: names(name), ..ContainerSpec::default() });
        assert_eq!((add("CAP_NET_ADMIN"), add("ALL")), (None, None));
        assert_eq!(add("CAP_FOO").as_deref(), Some(r#"invalid CapAdd: unknown capability: "CAP_FOO""#));
        let drop = with(ContainerSpec { capability_drop: names("CAP_FOO"), ..ContainerSpec::default() });
        assert_eq!(drop.as_deref(), Some(r#"invalid CapDrop: unknown capability: "CAP_FOO""#));
        let mut account = ContainerSpec::default();
        account.privileges.get_or_insert_default().credential_spec =
            Some(CredentialSpec { file: "a.json".into(), ..CredentialSpec::default() });
        assert_eq!(with(account).as_deref(), Some(r#"invalid --security-opt 2: "credentialspec=file://a.json""#));
    }

    #[test]
    fn a_signal_has_to_be_one() {
        let spec = |stop_signal: &str| TaskSpec {
            container_spec: ContainerSpec { stop_signal: stop_signal.into(), ..ContainerSpec::default() },
            ..TaskSpec::default()
        };
        assert_eq!(refused(&spec("SIGSOON"), &host()).as_deref(), Some("invalid signal: SIGSOON"));
        assert_eq!((refused(&spec("SIGINT"), &host()), refused(&spec(""), &host())), (None, None));
    }
}
