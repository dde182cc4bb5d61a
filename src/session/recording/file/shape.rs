//! The tables and keys of a recording's file, and how they become the model's own types.
//!
//! Only shapes: which keys there are, which may be left out, and in which words a value is written.

use super::image::FileImage;
use crate::engine::{Duration, limits};
use crate::net::LinkSpec;
use crate::swarm::api::Driver;
use crate::swarm::object::{Availability, Generic, Role};
use crate::swarm::scheduler::Policy;
use crate::swarm::world::{DataCentre, HostSpec, Settings};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileRecording {
    pub format: i64,
    pub model: String,
    pub seed: Number,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    pub end: FileMoment,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosts: Option<Hosts>,
    pub network: FileLink,
    pub daemon: FileSettings,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub host: Vec<FileHost>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub image: Vec<FileImage>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mark: Vec<FileMark>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub input: Vec<FileInput>,
}

/// A whole number of 64 bits: TOML's own have a sign, so the upper half stands in quotes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Number {
    Small(i64),
    Text(String),
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        i64::try_from(value).map_or_else(|_| Self::Text(value.to_string()), Self::Small)
    }
}

impl Number {
    pub fn value(&self) -> Option<u64> {
        match self {
            Self::Small(value) => u64::try_from(*value).ok(),
            Self::Text(text) => text.parse().ok(),
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileMoment {
    pub at: String,
    pub event: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileMark {
    pub name: String,
    pub at: String,
    pub event: u64,
    pub position: u64,
}

/// Hosts by number, where they are as usual: managers and workers of one swarm, or machines with none.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hosts {
    #[serde(default, skip_serializing_if = "is_zero")]
    managers: usize,
    #[serde(default, skip_serializing_if = "is_zero")]
    workers: usize,
    #[serde(default, skip_serializing_if = "is_zero")]
    machines: usize,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Hosts {
    pub fn of(centre: &DataCentre) -> Option<Self> {
        let count = |role: Option<Role>| centre.hosts.iter().filter(|host| host.role == role).count();
        let hosts =
            Self { managers: count(Some(Role::Manager)), workers: count(Some(Role::Worker)), machines: count(None) };
        let usual: Vec<FileHost> = hosts.specs().ok()?.iter().map(Into::into).collect();
        let own: Vec<FileHost> = centre.hosts.iter().map(Into::into).collect();
        (usual == own).then_some(hosts)
    }

    pub fn specs(&self) -> Result<Vec<HostSpec>, String> {
        let total = self.managers.saturating_add(self.workers).saturating_add(self.machines);
        if total > limits::HOSTS {
            return Err(format!("a lab has 1 to {} hosts, not {total}", limits::HOSTS));
        }
        match self.machines {
            0 => Ok(DataCentre::swarm(0, self.managers, self.workers).hosts),
            machines if self.managers + self.workers == 0 => Ok(DataCentre::machines(0, machines).hosts),
            _ => Err("expected either `managers` and `workers`, or `machines`".into()),
        }
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileHost {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<std::net::Ipv4Addr>,
    availability: String,
    nano_cpus: i64,
    memory: i64,
    os: String,
    arch: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    engine_labels: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    generic_resources: Vec<String>,
}

impl From<&HostSpec> for FileHost {
    fn from(spec: &HostSpec) -> Self {
        Self {
            name: spec.name.clone(),
            role: spec.role.map(|role| role.as_str().to_owned()),
            address: spec.address,
            availability: spec.availability.as_str().to_owned(),
            nano_cpus: spec.nano_cpus,
            memory: spec.memory_bytes,
            os: spec.os.clone(),
            arch: spec.arch.clone(),
            labels: spec.labels.clone(),
            engine_labels: spec.engine_labels.clone(),
            generic_resources: spec.generic.iter().map(Generic::term).collect(),
        }
    }
}

impl TryFrom<&FileHost> for HostSpec {
    type Error = String;

    fn try_from(file: &FileHost) -> Result<Self, String> {
        let role = match file.role.as_deref() {
            None => None,
            Some("manager") => Some(Role::Manager),
            Some("worker") => Some(Role::Worker),
            Some(other) => return Err(format!("expected `manager` or `worker` as role of {}, not {other}", file.name)),
        };
        let availability = match file.availability.as_str() {
            "active" => Availability::Active,
            "pause" => Availability::Pause,
            "drain" => Availability::Drain,
            other => return Err(format!("expected `active`, `pause` or `drain` for {}, not {other}", file.name)),
        };
        Ok(Self {
            labels: file.labels.clone(),
            engine_labels: file.engine_labels.clone(),
            generic: Generic::parse(file.generic_resources.iter().map(String::as_str))?,
            nano_cpus: file.nano_cpus,
            memory_bytes: file.memory,
            os: file.os.clone(),
            arch: file.arch.clone(),
            address: file.address,
            availability,
            ..Self::new(&file.name, role)
        })
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileLink {
    latency: String,
    jitter: String,
    #[serde(default, skip_serializing_if = "no_share")]
    loss_per_million: u32,
    #[serde(default, skip_serializing_if = "no_share")]
    duplicate_per_million: u32,
}

fn no_share(share: &u32) -> bool {
    *share == 0
}

impl From<&LinkSpec> for FileLink {
    fn from(spec: &LinkSpec) -> Self {
        Self {
            latency: spec.latency.to_string(),
            jitter: spec.jitter.to_string(),
            loss_per_million: spec.loss_per_million,
            duplicate_per_million: spec.duplicate_per_million,
        }
    }
}

impl FileLink {
    pub fn read(&self) -> Result<LinkSpec, String> {
        Ok(LinkSpec {
            latency: span(&self.latency, Duration::ZERO)?,
            jitter: span(&self.jitter, Duration::ZERO)?,
            loss_per_million: self.loss_per_million,
            duplicate_per_million: self.duplicate_per_million,
        })
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSettings {
    heartbeat_period: String,
    heartbeat_tick: u32,
    election_tick: u32,
    tick: String,
    task_history_limit: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    task_log_driver: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    node_cert_expiry: Option<String>,
    disk_latency: String,
    api_latency: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    shuffle_ties: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
}

impl From<&Settings> for FileSettings {
    fn from(settings: &Settings) -> Self {
        Self {
            heartbeat_period: settings.heartbeat_period.to_string(),
            heartbeat_tick: settings.heartbeat_tick,
            election_tick: settings.election_tick,
            tick: settings.tick.to_string(),
            task_history_limit: settings.task_history_limit,
            task_log_driver: settings.task_log_driver.as_ref().map(|driver| driver.name.clone()),
            node_cert_expiry: (settings.node_cert_expiry != Settings::default().node_cert_expiry)
                .then(|| settings.node_cert_expiry.to_string()),
            disk_latency: settings.disk_latency.to_string(),
            api_latency: settings.api_latency.to_string(),
            shuffle_ties: settings.shuffle_ties,
            policy: (settings.policy != Policy::default()).then(|| settings.policy.name().to_owned()),
        }
    }
}

impl FileSettings {
    pub fn read(&self, mut settings: Settings) -> Result<Settings, String> {
        if self.heartbeat_tick == 0 || self.election_tick <= self.heartbeat_tick {
            return Err("expected `election_tick` to be above `heartbeat_tick`, and that above 0".into());
        }
        // Without a least period an hour of virtual time would never end.
        let least = Duration::from_millis(1);
        settings.heartbeat_period = span(&self.heartbeat_period, least)?;
        settings.tick = span(&self.tick, least)?;
        settings.disk_latency = span(&self.disk_latency, Duration::from_nanos(1))?;
        settings.api_latency = span(&self.api_latency, Duration::ZERO)?;
        settings.heartbeat_tick = self.heartbeat_tick;
        settings.election_tick = self.election_tick;
        settings.task_history_limit = self.task_history_limit;
        let named = |name: &String| Driver { name: name.clone(), ..Driver::default() };
        settings.task_log_driver = self.task_log_driver.as_ref().map(named);
        if let Some(expiry) = &self.node_cert_expiry {
            settings.node_cert_expiry = span(expiry, Duration::from_hours(1))?;
        }
        settings.shuffle_ties = self.shuffle_ties;
        if let Some(name) = &self.policy {
            settings.policy =
                Policy::named(name).ok_or_else(|| format!("expected a placement policy, not {name:?}"))?;
        }
        Ok(settings)
    }
}

/// One input: `open`, `typed`, `interrupt`, `put` or `handed_in`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FileInput {
    pub at: String,
    pub event: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminal: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub typed: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u16>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub interrupt: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub put: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub handed_in: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<FileContent>,
}

/// A file's content: text, or hexadecimal digits where it is not text.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileContent {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hex: Option<String>,
}

impl FileContent {
    pub fn of(content: &[u8]) -> Option<Self> {
        Some(match std::str::from_utf8(content) {
            Ok(text) => Self { text: Some(text.to_owned()), hex: None },
            Err(_) => Self { text: None, hex: Some(content.iter().map(|byte| format!("{byte:02x}")).collect()) },
        })
    }
}

pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

pub fn span(text: &str, least: Duration) -> Result<Duration, String> {
    let span = Duration::parse(text).map_err(|error| error.to_string())?;
    if span < least || span > limits::MAX_DURATION {
        return Err(format!("expected a duration from {least} to {}, not {text}", limits::MAX_DURATION));
    }
    Ok(span)
}
