//! How containers of an image behave. The catalogue is data: a scenario adds to it.

use crate::engine::Duration;
use crate::swarm::api::HealthConfig;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How containers of an image behave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageBehaviour {
    /// From the registry to a node that does not have it.
    pub pull: Duration,
    /// From the start order to "running".
    pub start: Duration,
    /// From the stop signal to the end; `None`: it ignores the signal and is killed after the grace period.
    pub stop: Option<Duration>,
    /// Its exit code then.
    pub stop_code: i32,
    /// It ends by itself.
    pub exit: Option<ImageExit>,
    /// The registry does not know it.
    pub missing: bool,
    /// The registry gives it to nobody who has not logged in.
    pub needs_login: bool,
    /// Hosts that have it from the start.
    pub preloaded: Hosts,
    /// Hosts that reach a registry with it.
    pub reachable_from: Hosts,
    /// It has a health check that never succeeds and never gives up: its tasks stay "starting".
    pub never_ready: bool,
    /// The health check that it brings.
    pub healthcheck: Option<HealthConfig>,
    /// Health checks succeed so long after the start.
    pub healthy_after: Duration,
    /// They fail again so long after the start.
    pub unhealthy_after: Option<Duration>,
    /// They never succeed.
    pub never_healthy: bool,
    /// A health check takes so long.
    pub probe: Duration,
    /// Memory that it uses when it has started, in bytes.
    pub memory: i64,
    /// Memory that it uses more each second, in bytes.
    pub memory_growth: i64,
    /// Programs that it does not have: a container that is to run one cannot be started.
    pub lacks: Vec<Arc<str>>,
    /// Ports that it listens on.
    pub listen: Vec<u16>,
    /// What runs in it, as `docker ps` shows it.
    pub command: Arc<str>,
    /// Lines that it writes when it starts.
    pub log: Vec<Arc<str>>,
    /// Lines that it writes to stderr then.
    pub log_errors: Vec<Arc<str>>,
    /// A line that it writes again and again, `{time}` replaced by the time of day, and how often.
    pub log_every: Option<(Duration, Arc<str>)>,
}

impl ImageBehaviour {
    /// Its program is a shell, which ends where nobody types.
    pub fn is_shell(&self) -> bool {
        matches!(self.command.rsplit('/').next(), Some("sh" | "bash" | "ash"))
    }
}

/// Some of a data centre's hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Hosts {
    /// None of them.
    #[default]
    None,
    /// All.
    All,
    /// Those of these names.
    Named(Vec<Arc<str>>),
}

impl Hosts {
    /// Whether a host is one of them.
    pub fn contain(&self, host: &str) -> bool {
        match self {
            Hosts::None => false,
            Hosts::All => true,
            Hosts::Named(names) => names.iter().any(|name| &**name == host),
        }
    }

    /// The names, where they are named.
    pub fn names(&self) -> &[Arc<str>] {
        match self {
            Hosts::Named(names) => names,
            _ => &[],
        }
    }
}

/// A container that ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageExit {
    /// So long after its start.
    pub after: Duration,
    /// With this code.
    pub code: i32,
}

impl Default for ImageBehaviour {
    /// A well-made web server.
    fn default() -> Self {
        Self {
            pull: Duration::from_secs(2),
            start: Duration::from_millis(300),
            stop: Some(Duration::from_millis(200)),
            stop_code: 0,
            exit: None,
            missing: false,
            needs_login: false,
            preloaded: Hosts::None,
            reachable_from: Hosts::All,
            never_ready: false,
            healthcheck: None,
            healthy_after: Duration::ZERO,
            unhealthy_after: None,
            never_healthy: false,
            probe: Duration::from_millis(60),
            memory: 0,
            memory_growth: 0,
            lacks: Vec::new(),
            listen: vec![80],
            command: "/entrypoint.sh".into(),
            log: Vec::new(),
            log_errors: Vec::new(),
            log_every: None,
        }
    }
}

/// All images whose behaviour is known, by reference (`nginx:1.25`, or `nginx` for every tag).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalogue {
    images: BTreeMap<String, Arc<ImageBehaviour>>,
    other: Arc<ImageBehaviour>,
}

impl Catalogue {
    /// Adds or replaces an image.
    pub fn add(&mut self, reference: &str, behaviour: ImageBehaviour) {
        self.images.insert(reference.to_owned(), Arc::new(behaviour));
    }

    /// The behaviour of an image: of the very tag, else of the repository, else a well-made web server's.
    pub fn behaviour(&self, reference: &str) -> Arc<ImageBehaviour> {
        let name = familiar(without_digest(reference));
        let repository = repository(name);
        let tagged = if repository.len() == name.len() { format!("{name}:latest") } else { name.to_owned() };
        self.images.get(&tagged).or_else(|| self.images.get(repository)).unwrap_or(&self.other).clone()
    }

    /// Every entry, by reference.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Arc<ImageBehaviour>)> {
        self.images.iter().map(|(reference, behaviour)| (reference.as_str(), behaviour))
    }

    /// Images that a host has from the start, as canonical references.
    pub fn preloaded<'a>(&'a self, host: &'a str) -> impl Iterator<Item = String> + 'a {
        self.images
            .iter()
            .filter(|(_, behaviour)| behaviour.preloaded.contain(host))
            .map(|(reference, _)| canonical(reference))
    }

    /// The behaviour of exactly this entry, for a scenario that changes part of it.
    pub fn entry(&self, reference: &str) -> Option<&Arc<ImageBehaviour>> {
        self.images.get(reference)
    }
}

/// The reference as people write it: without Docker Hub's domain and the folder of its own images.
pub fn familiar(reference: &str) -> &str {
    let rest = reference.strip_prefix("docker.io/").unwrap_or(reference);
    rest.strip_prefix("library/").unwrap_or(rest)
}

/// The reference without `@sha256:...`.
pub fn without_digest(reference: &str) -> &str {
    reference.split_once('@').map_or(reference, |(name, _)| name)
}

/// The reference without digest and tag.
pub fn repository(reference: &str) -> &str {
    let name = without_digest(reference);
    match name.rfind(':') {
        Some(colon) if !name[colon..].contains('/') => &name[..colon],
        _ => name,
    }
}

/// The reference as the registry knows it: `docker.io/library/nginx:1.25`.
pub fn canonical(reference: &str) -> String {
    let name = without_digest(reference);
    let first = name.split('/').next().unwrap_or_default();
    let with_domain = if !name.contains('/') {
        format!("docker.io/library/{name}")
    } else if first.contains('.') || first.contains(':') || first == "localhost" {
        name.to_owned()
    } else {
        format!("docker.io/{name}")
    };
    if repository(&with_domain).len() == with_domain.len() { format!("{with_domain}:latest") } else { with_domain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_as_docker_reads_them() {
        assert_eq!(canonical("nginx"), "docker.io/library/nginx:latest");
        assert_eq!(canonical("diamol/x:1.0@sha256:aa"), "docker.io/diamol/x:1.0");
        assert_eq!(canonical("10.0.0.1:5000/a/b"), "10.0.0.1:5000/a/b:latest");
        assert_eq!(repository("10.0.0.1:5000/a/b"), "10.0.0.1:5000/a/b");
        assert_eq!(repository("nginx:1.25@sha256:00"), "nginx");
        assert_eq!((familiar("docker.io/library/nginx:1"), familiar("docker.io/a/b")), ("nginx:1", "a/b"));
    }

    #[test]
    fn the_very_tag_wins_over_the_repository() {
        let mut catalogue = Catalogue::default();
        catalogue.add("app", ImageBehaviour { pull: Duration::from_secs(9), ..ImageBehaviour::default() });
        catalogue.add("app:bad", ImageBehaviour { missing: true, ..ImageBehaviour::default() });
        assert!(catalogue.behaviour("app:bad").missing);
        assert_eq!(catalogue.behaviour("app:1").pull, Duration::from_secs(9));
        assert_eq!(catalogue.behaviour("other:1"), Arc::new(ImageBehaviour::default()));
    }
}
