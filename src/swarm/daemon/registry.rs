//! The image registries, as the hosts find them: whether they answer, how fast, and what they say of an image.
//!
//! All registries are one here: what people call "the registry is down" is that the network does not lead there, for all
//! hosts or for some. A manager's daemon asks it, too, for the digest of a new service's image.
//!
//! Source: control-plane.md §2.1 (table of images that cannot be pulled); recordings docker-29/01, 04 and 11.

use super::image::{ImageBehaviour, canonical, familiar, repository, without_digest};
use crate::engine::Duration;
use crate::net::HostId;
use crate::swarm::api::Request;
use crate::swarm::world::Env;
use std::collections::{BTreeMap, BTreeSet};

/// The registries.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    down: bool,
    delay: Duration,
    /// Hosts that do not reach them.
    lost: BTreeSet<HostId>,
    /// How often they have been lost, by all and by single hosts.
    outages: (u64, BTreeMap<HostId, u64>),
}

/// How registries are from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistryChange {
    /// Nobody reaches them.
    Down,
    /// Everybody reaches them, and they are as fast as ever.
    Up,
    /// Everybody reaches them, and each answer takes so much longer.
    Slow(Duration),
}

/// Why an image cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullError {
    /// No registry can be reached.
    Unreachable,
    /// It was reached, and then no more.
    Broken,
    /// The registry does not have it.
    Missing,
    /// The registry does not give it to strangers.
    Denied,
}

impl Registry {
    /// Changes how registries are: for these hosts, or for all if there are none.
    pub fn change(&mut self, change: RegistryChange, hosts: &[HostId]) {
        match (change, hosts.is_empty()) {
            (RegistryChange::Down, true) => {
                self.down = true;
                self.outages.0 += 1;
            }
            (RegistryChange::Down, false) => {
                self.lost.extend(hosts);
                for host in hosts {
                    *self.outages.1.entry(*host).or_default() += 1;
                }
            }
            (RegistryChange::Up | RegistryChange::Slow(_), false) => self.lost.retain(|host| !hosts.contains(host)),
            (RegistryChange::Up, true) => (self.down, self.delay, self.lost) = (false, Duration::ZERO, BTreeSet::new()),
            (RegistryChange::Slow(by), true) => (self.down, self.delay) = (false, by),
        }
    }

    /// Whether a host reaches them.
    pub fn reaches(&self, host: HostId) -> bool {
        !self.down && !self.lost.contains(&host)
    }

    /// Nobody reaches them.
    pub fn is_down(&self) -> bool {
        self.down
    }

    /// Hosts that do not reach them while others may.
    pub fn lost(&self) -> impl Iterator<Item = HostId> {
        self.lost.iter().copied()
    }

    /// So much longer takes every answer.
    pub fn delay(&self) -> Duration {
        self.delay
    }

    /// How often a host has lost them.
    pub fn outages(&self, host: HostId) -> u64 {
        self.outages.0 + self.outages.1.get(&host).copied().unwrap_or(0)
    }

    /// Who resolves names for the hosts.
    pub fn resolver(&self) -> &'static str {
        "10.0.0.1:53"
    }

    /// Whether a host gets an image from them.
    ///
    /// # Errors
    /// Why not.
    pub fn gives(&self, image: &ImageBehaviour, host: HostId, name: &str) -> Result<(), PullError> {
        match () {
            () if !self.reaches(host) || !image.reachable_from.contain(name) => Err(PullError::Unreachable),
            () if image.missing => Err(PullError::Missing),
            () if image.needs_login => Err(PullError::Denied),
            () => Ok(()),
        }
    }
}

impl PullError {
    /// The engine takes it for a passing trouble of the network.
    pub fn is_temporary(self) -> bool {
        matches!(self, PullError::Unreachable | PullError::Broken)
    }

    /// The engine's words, for a canonical reference.
    pub fn text(self, reference: &str, resolver: &str) -> String {
        let (domain, rest) = reference.split_once('/').unwrap_or(("docker.io", reference));
        let host = if domain == "docker.io" { "registry-1.docker.io" } else { domain };
        let name = repository(rest);
        let tag = rest.strip_prefix(name).and_then(|tag| tag.strip_prefix(':')).unwrap_or("latest");
        // An address needs nobody who resolves it.
        let address = domain.split(':').next().unwrap_or(domain).parse::<std::net::Ipv4Addr>().is_ok();
        let dial = if address {
            format!("dial tcp {host}: connect: network is unreachable")
        } else {
            let bare = host.split(':').next().unwrap_or(host);
            format!("dial tcp: lookup {bare} on {resolver}: dial udp {resolver}: connect: network is unreachable")
        };
        match self {
            PullError::Unreachable => format!(
                "failed to resolve reference \"{reference}\": failed to do request: Head \"https://{host}/v2/{name}/manifests/{tag}\": {dial}"
            ),
            PullError::Broken => format!(
                "failed to copy: httpReadSeeker: failed open: failed to do request: Get \"https://{host}/v2/{name}/blobs/sha256:{}\": {dial}",
                digest(reference)
            ),
            PullError::Missing => format!("failed to resolve reference \"{reference}\": {reference}: not found"),
            PullError::Denied => format!(
                "pull access denied for {}, repository does not exist or may require 'docker login'",
                repository(familiar(reference))
            ),
        }
    }
}

/// The request with its image pinned, or with the warning that it could not be.
pub fn resolve(request: &Request, host: HostId, env: &Env) -> (Request, Vec<String>) {
    let mut request = request.clone();
    let (spec, asked) = match &mut request {
        Request::ServiceCreate { spec, query_registry } | Request::ServiceUpdate { spec, query_registry, .. } => {
            (spec, *query_registry)
        }
        _ => return (request, Vec::new()),
    };
    let image = &mut spec.task_template.container_spec.image;
    if !asked || image.is_empty() || image.contains('@') {
        return (request, Vec::new());
    }
    if env.registry.gives(&env.catalogue.behaviour(image), host, env.name(host)).is_err() {
        let warning = format!(
            "image {image} could not be accessed on a registry to record\nits digest. Each node will access {image} independently,\npossibly leading to different nodes running different\nversions of the image.\n"
        );
        return (request, vec![warning]);
    }
    *image = format!("{image}@sha256:{}", digest(image));
    (request, Vec::new())
}

/// The digest that the registry gives for a reference: the same for the same reference in every world.
pub fn digest(image: &str) -> String {
    let key = crate::engine::Seed(0).key("registry.digest", &canonical(without_digest(image)));
    format!("{:032x}{:032x}", key.at_u128(0), key.at_u128(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::swarm::daemon::image::Hosts;

    const RESOLVER: &str = "10.255.255.53:53";

    /// docker-29, topics 01, 04 and 11.
    #[test]
    fn the_texts_are_as_recorded() {
        assert_eq!(
            PullError::Unreachable.text("docker.io/diamol/nope:1.0", RESOLVER),
            "failed to resolve reference \"docker.io/diamol/nope:1.0\": failed to do request: Head \"https://registry-1.docker.io/v2/diamol/nope/manifests/1.0\": dial tcp: lookup registry-1.docker.io on 10.255.255.53:53: dial udp 10.255.255.53:53: connect: network is unreachable"
        );
        assert_eq!(
            PullError::Missing.text("docker.io/diamol/ch12-timecheck:9.9", RESOLVER),
            "failed to resolve reference \"docker.io/diamol/ch12-timecheck:9.9\": docker.io/diamol/ch12-timecheck:9.9: not found"
        );
        assert_eq!(
            PullError::Denied.text("10.90.0.1:5001/nouser/nosuch:1", RESOLVER),
            "pull access denied for 10.90.0.1:5001/nouser/nosuch, repository does not exist or may require 'docker login'"
        );
        assert!(
            PullError::Denied.text("docker.io/library/nope:1", RESOLVER).starts_with("pull access denied for nope, ")
        );
        assert!(
            PullError::Unreachable
                .text("10.90.0.1:5000/a/b:1", RESOLVER)
                .ends_with("/v2/a/b/manifests/1\": dial tcp 10.90.0.1:5000: connect: network is unreachable")
        );
    }

    #[test]
    fn it_is_lost_by_all_or_by_some_and_found_again() {
        let (one, two) = (HostId(0), HostId(1));
        let mut registry = Registry::default();
        registry.change(RegistryChange::Down, &[one]);
        assert_eq!((registry.reaches(one), registry.reaches(two)), (false, true));
        assert_eq!((registry.outages(one), registry.outages(two)), (1, 0));
        registry.change(RegistryChange::Up, &[one]);
        assert!(registry.reaches(one));
        registry.change(RegistryChange::Down, &[]);
        assert_eq!((registry.reaches(two), registry.outages(one), registry.outages(two)), (false, 2, 1));
        registry.change(RegistryChange::Slow(Duration::from_secs(5)), &[]);
        assert_eq!((registry.reaches(two), registry.delay()), (true, Duration::from_secs(5)));
        registry.change(RegistryChange::Up, &[]);
        assert_eq!(registry.delay(), Duration::ZERO);
    }

    #[test]
    fn what_it_says_of_an_image_depends_on_the_host_first() {
        let image = ImageBehaviour {
            missing: true,
            reachable_from: Hosts::Named(vec!["w1".into()]),
            ..ImageBehaviour::default()
        };
        let registry = Registry::default();
        assert_eq!(registry.gives(&image, HostId(0), "w1"), Err(PullError::Missing));
        assert_eq!(registry.gives(&image, HostId(1), "w2"), Err(PullError::Unreachable));
    }
}
