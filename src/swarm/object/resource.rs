//! What tasks need of a node beyond CPU and memory: generic resources that users name themselves, plugins of the
//! engine, and the platform that an image is built for.
//!
//! Source: control-plane.md §3.4 (filters 2, 3 and 5), §4.4; SwarmKit's `api/genericresource`.

use crate::swarm::api;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A share of a generic resource: what a node has, or what a task was given of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Generic {
    /// So many that are all alike.
    Discrete {
        /// The user's word: `SSD`.
        kind: Arc<str>,
        /// How many.
        amount: i64,
    },
    /// One with a name of its own.
    Named {
        /// The user's word: `GPU`.
        kind: Arc<str>,
        /// Which.
        name: Arc<str>,
    },
}

/// So many of a kind, whichever: what a task reserves.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GenericRequest {
    /// The user's word.
    pub kind: Arc<str>,
    /// How many.
    pub amount: i64,
}

impl Generic {
    /// Reads what a daemon is told of its node: terms as [`api::GenericResource::parse`] takes them.
    ///
    /// # Errors
    /// In SwarmKit's words.
    pub fn parse<'a>(terms: impl IntoIterator<Item = &'a str>) -> Result<Vec<Generic>, String> {
        let read =
            |resource: api::GenericResource| match (resource.discrete_resource_spec, resource.named_resource_spec) {
                (Some(of), _) => Some(Generic::Discrete { kind: of.kind.into(), amount: of.value }),
                (None, Some(of)) => Some(Generic::Named { kind: of.kind.into(), name: of.value.into() }),
                (None, None) => None,
            };
        Ok(api::GenericResource::parse(terms)?.into_iter().filter_map(read).collect())
    }

    /// The term that [`Self::parse`] reads it from.
    pub fn term(&self) -> String {
        match self {
            Generic::Discrete { kind, amount } => format!("{kind}={amount}"),
            Generic::Named { kind, name } => format!("{kind}={name}"),
        }
    }

    /// As a container is told of what its task was given: `DOCKER_RESOURCE_GPU=a,b`.
    pub fn environment(given: &[Generic]) -> Vec<String> {
        let mut kinds: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for generic in given {
            let (kind, value) = match generic {
                Generic::Discrete { kind, amount } => (kind, amount.to_string()),
                Generic::Named { kind, name } => (kind, name.to_string()),
            };
            kinds.entry(format!("DOCKER_RESOURCE_{}", kind.to_uppercase())).or_default().push(value);
        }
        kinds.into_iter().map(|(name, values)| format!("{name}={}", values.join(","))).collect()
    }

    /// As the API shows them.
    pub fn shown(all: &[Generic]) -> Vec<api::GenericResource> {
        let show = |generic: &Generic| match generic {
            Generic::Discrete { kind, amount } => api::GenericResource::discrete(kind, *amount),
            Generic::Named { kind, name } => api::GenericResource::named(kind, name),
        };
        all.iter().map(show).collect()
    }

    /// Its kind.
    pub fn kind(&self) -> &Arc<str> {
        match self {
            Generic::Discrete { kind, .. } | Generic::Named { kind, .. } => kind,
        }
    }

    /// Whether it is among these, or as many of it are.
    pub fn is_in(&self, there: &[Generic]) -> bool {
        there.iter().any(|other| match (self, other) {
            (Generic::Discrete { kind, amount }, Generic::Discrete { kind: of, amount: has }) => {
                kind == of && has >= amount
            }
            _ => self == other,
        })
    }

    /// Takes it away from these. What is not there is not missed.
    pub fn take_from(&self, there: &mut Vec<Generic>) {
        there.retain_mut(|other| match (self, other) {
            (Generic::Discrete { kind, amount }, Generic::Discrete { kind: of, amount: has }) if kind == of => {
                *has -= amount;
                *has > 0
            }
            (_, other) => *self != *other,
        });
    }
}

impl GenericRequest {
    /// What of `free` would be given for it; `None` if there is not enough. Named ones are given in their order.
    pub fn claim(&self, free: &[Generic]) -> Option<Vec<Generic>> {
        let mut of_kind = free.iter().filter(|generic| *generic.kind() == self.kind).peekable();
        match of_kind.peek()? {
            Generic::Discrete { amount, .. } => (self.amount <= *amount)
                .then(|| vec![Generic::Discrete { kind: self.kind.clone(), amount: self.amount }]),
            Generic::Named { .. } => {
                let count = usize::try_from(self.amount).ok()?;
                let claimed: Vec<_> = of_kind.take(count).cloned().collect();
                (claimed.len() == count).then_some(claimed)
            }
        }
    }
}

/// A plugin of an engine, or one that a task needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Plugin {
    /// What it is for.
    pub kind: PluginKind,
    /// `overlay`, `rexray/ebs:latest`
    pub name: Arc<str>,
}

/// What a plugin is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PluginKind {
    /// Containers' output.
    Log,
    /// Networks.
    Network,
    /// Volumes.
    Volume,
}

impl PluginKind {
    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            PluginKind::Log => "Log",
            PluginKind::Network => "Network",
            PluginKind::Volume => "Volume",
        }
    }
}

/// Log drivers of every engine.
pub const LOG_PLUGINS: [&str; 9] =
    ["awslogs", "fluentd", "gcplogs", "gelf", "journald", "json-file", "local", "splunk", "syslog"];
/// Network drivers of every engine.
const NETWORK_PLUGINS: [&str; 6] = ["bridge", "host", "ipvlan", "macvlan", "null", "overlay"];

impl Plugin {
    /// Those of an engine to which nothing was added, in the order in which it reports them.
    pub fn of_every_engine() -> Arc<[Plugin]> {
        let plugin = |kind, name: &&str| Plugin { kind, name: (*name).into() };
        let logs = LOG_PLUGINS.iter().map(|name| plugin(PluginKind::Log, name));
        let networks = NETWORK_PLUGINS.iter().map(|name| plugin(PluginKind::Network, name));
        logs.chain(networks).chain([plugin(PluginKind::Volume, &"local")]).collect()
    }

    /// Whether an engine with these plugins satisfies this need: by name, or by name with the tag `latest`. Log drivers
    /// do not matter where the engine tells of none.
    pub fn is_met_by(&self, there: &[Plugin]) -> bool {
        let mut of_kind = there.iter().filter(|plugin| plugin.kind == self.kind).peekable();
        if self.kind == PluginKind::Log && of_kind.peek().is_none() {
            return true;
        }
        of_kind.any(|plugin| {
            plugin.name == self.name || plugin.name.strip_suffix(":latest").is_some_and(|bare| *bare == *self.name)
        })
    }
}

/// An operating system and an architecture, either of them empty for any.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    /// `linux`
    pub os: Arc<str>,
    /// `amd64`, or as the kernel says it, `x86_64`.
    pub architecture: Arc<str>,
}

impl Platform {
    /// Whether an image for this platform runs on that one.
    pub fn runs_on(&self, os: &str, architecture: &str) -> bool {
        (self.os.is_empty() || *self.os == *os)
            && (self.architecture.is_empty() || normal(&self.architecture) == normal(architecture))
    }
}

/// One word for each architecture that has two.
fn normal(architecture: &str) -> &str {
    match architecture {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Generic {
        Generic::Named { kind: "GPU".into(), name: name.into() }
    }

    fn discrete(amount: i64) -> Generic {
        Generic::Discrete { kind: "SSD".into(), amount }
    }

    #[test]
    fn generic_resources_are_claimed_and_taken() {
        let mut free = vec![discrete(3), named("a"), named("b")];
        let want = |kind: &str, amount| GenericRequest { kind: kind.into(), amount };
        assert_eq!(want("GPU", 2).claim(&free), Some(vec![named("a"), named("b")]));
        assert_eq!(want("GPU", 3).claim(&free), None);
        assert_eq!(want("SSD", 4).claim(&free), None);
        assert_eq!(want("TPU", 1).claim(&free), None);
        for claimed in want("SSD", 3).claim(&free).expect("there are three") {
            assert!(claimed.is_in(&free));
            claimed.take_from(&mut free);
        }
        named("a").take_from(&mut free);
        assert_eq!(free, [named("b")]);
        assert!(!named("a").is_in(&free) && !discrete(1).is_in(&free));
    }

    #[test]
    fn a_nodes_resources_survive_being_written_down() {
        let all = Generic::parse(["SSD=3", "GPU=b", "GPU=a"]).expect("they are right");
        assert_eq!(all, [named("b"), named("a"), discrete(3)]);
        let terms: Vec<String> = all.iter().map(Generic::term).collect();
        assert_eq!(Generic::parse(terms.iter().map(String::as_str)), Ok(all));
    }

    #[test]
    fn containers_are_told_what_they_were_given() {
        assert_eq!(
            Generic::environment(&[discrete(2), named("a"), named("b")]),
            ["DOCKER_RESOURCE_GPU=a,b", "DOCKER_RESOURCE_SSD=2"]
        );
    }

    #[test]
    fn plugins_match_by_name_or_its_latest() {
        let need = |kind, name: &str| Plugin { kind, name: name.into() };
        let engine = [need(PluginKind::Volume, "local"), need(PluginKind::Volume, "ebs:latest")];
        assert!(need(PluginKind::Volume, "ebs").is_met_by(&engine));
        assert!(need(PluginKind::Volume, "ebs:latest").is_met_by(&engine));
        assert!(!need(PluginKind::Volume, "nfs").is_met_by(&engine));
        assert!(!need(PluginKind::Network, "overlay").is_met_by(&engine));
        assert!(need(PluginKind::Log, "any").is_met_by(&engine), "an engine that tells of no log drivers");
        assert!(!need(PluginKind::Log, "any").is_met_by(&Plugin::of_every_engine()));
    }

    #[test]
    fn platforms_have_wildcards_and_two_words_for_one_thing() {
        let platform = |os: &str, architecture: &str| Platform { os: os.into(), architecture: architecture.into() };
        assert!(platform("linux", "amd64").runs_on("linux", "x86_64"));
        assert!(platform("", "arm64").runs_on("linux", "aarch64"));
        assert!(platform("linux", "").runs_on("linux", "riscv64"));
        assert!(!platform("windows", "amd64").runs_on("linux", "x86_64"));
        assert!(!platform("linux", "arm64").runs_on("linux", "x86_64"));
    }
}
