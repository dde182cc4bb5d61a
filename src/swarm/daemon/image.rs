//! How containers of an image behave. The catalogue is data: a scenario adds to it.

use crate::engine::Duration;
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
    /// It ends by itself.
    pub exit: Option<ImageExit>,
    /// The registry does not know it.
    pub missing: bool,
    /// It has a health check that never succeeds: its tasks stay "starting".
    pub never_ready: bool,
    /// Ports that it listens on.
    pub listen: Vec<u16>,
    /// What runs in it, as `docker ps` shows it.
    pub command: Arc<str>,
    /// Lines that it writes when it starts.
    pub log: Vec<Arc<str>>,
    /// A line that it writes again and again, `{time}` replaced by the time of day, and how often.
    pub log_every: Option<(Duration, Arc<str>)>,
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
            exit: None,
            missing: false,
            never_ready: false,
            listen: vec![80],
            command: "/entrypoint.sh".into(),
            log: Vec::new(),
            log_every: None,
        }
    }
}

/// All images whose behaviour is known, by reference (`nginx:1.25`, or `nginx` for every tag).
#[derive(Clone, Debug, Default)]
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
        let name = without_digest(reference);
        let repository = repository(name);
        let tagged = if repository.len() == name.len() { format!("{name}:latest") } else { name.to_owned() };
        self.images.get(&tagged).or_else(|| self.images.get(repository)).unwrap_or(&self.other).clone()
    }

    /// Every entry, by reference.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Arc<ImageBehaviour>)> {
        self.images.iter().map(|(reference, behaviour)| (reference.as_str(), behaviour))
    }

    /// The behaviour of exactly this entry, for a scenario that changes part of it.
    pub fn entry(&self, reference: &str) -> Option<&Arc<ImageBehaviour>> {
        self.images.get(reference)
    }
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
