//! The volumes of one host: `docker volume`, and what containers mount.
//!
//! Source: moby `volume/service`; cli.md §13.

use super::engine::{Occurrence, Subject};
use crate::engine::Time;
use crate::swarm::api::{Answer, ApiError, Filters, Labels, Pruned, Response, Volume, VolumeCreate, time::rfc3339};
use crate::swarm::world::{Env, Host};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The volumes of a host, by name.
#[derive(Clone, Debug, Default)]
pub struct Volumes(BTreeMap<String, Kept>);

/// A volume.
#[derive(Clone, Debug)]
struct Kept {
    created_at: Time,
    labels: Option<Labels>,
    options: Option<Labels>,
    /// It has 64 hex digits for a name, and goes with `prune`.
    anonymous: bool,
}

impl Volumes {
    /// There is one of this name from now on; says whether it is new.
    pub fn add(&mut self, name: &str, now: Time) -> bool {
        if self.0.contains_key(name) {
            return false;
        }
        let anonymous = name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit());
        self.0.insert(name.to_owned(), Kept { created_at: now, labels: None, options: None, anonymous });
        true
    }

    fn show(&self, name: &str) -> Option<Volume> {
        let kept = self.0.get(name)?;
        let whole = kept.created_at.nanos() - kept.created_at.nanos().rem_euclid(1_000_000_000);
        Some(Volume {
            created_at: rfc3339(whole),
            driver: "local".into(),
            labels: kept.labels.clone(),
            mountpoint: format!("/var/lib/docker/volumes/{name}/_data"),
            name: name.to_owned(),
            options: kept.options.clone(),
            scope: "local".into(),
        })
    }
}

fn no_such(name: &str) -> ApiError {
    ApiError::new(404, format!("get {name}: no such volume"))
}

impl Host {
    fn volume_event(&self, action: &'static str, name: &str, env: &mut Env) -> Occurrence {
        let at = self.wall(env.kernel.now());
        Occurrence { at, subject: Subject::Volume { action, name: name.to_owned(), container: None } }
    }

    /// The containers that mount a volume.
    fn volume_users(&self, name: &str) -> Vec<String> {
        let mounts = |container: &&super::Container| {
            container.own().is_some_and(|own| own.mounts.iter().any(|m| m.kind == "volume" && m.source == name))
        };
        self.engine.containers.values().filter(mounts).map(|container| container.id.text()).collect()
    }

    pub(super) fn volume_create(&mut self, wanted: &VolumeCreate, env: &mut Env) -> Answer {
        if !matches!(wanted.driver.as_str(), "" | "local") {
            let text = format!(
                "create {}: error looking up volume plugin {}: plugin \"{}\" not found",
                wanted.name, wanted.driver, wanted.driver
            );
            return Err(ApiError::new(404, text).into());
        }
        let first = |c: char| c.is_ascii_alphanumeric();
        let rest = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        let name = match wanted.name.as_str() {
            "" => env.ids.local_network(&self.name, "volume"),
            name if name.len() < 2 || !name.starts_with(first) || !name.chars().all(rest) => {
                let text = format!(
                    "create {name}: \"{name}\" includes invalid characters for a local volume name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, use absolute path"
                );
                return Err(ApiError::new(400, text).into());
            }
            name => name.to_owned(),
        };
        let now = self.wall(env.kernel.now());
        if self.engine.volumes.add(&name, now) {
            if let Some(kept) = self.engine.volumes.0.get_mut(&name) {
                kept.labels = Some(wanted.labels.clone()).filter(|labels| !labels.is_empty());
                kept.options = Some(wanted.options.clone()).filter(|options| !options.is_empty());
                if kept.anonymous {
                    kept.labels.get_or_insert_default().insert("com.docker.volume.anonymous".into(), String::new());
                }
            }
            let event = self.volume_event("create", &name, env);
            self.events_happened(vec![event], env);
        }
        self.volume_inspect(&name)
    }

    pub(super) fn volume_inspect(&self, name: &str) -> Answer {
        let volume = self.engine.volumes.show(name).ok_or_else(|| no_such(name))?;
        Ok(Response::Volume(Arc::new(volume)))
    }

    pub(super) fn volume_list(&self, filters: &Filters) -> Answer {
        let known = ["dangling", "driver", "label", "name"];
        if let Some(key) = filters.0.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(ApiError::new(400, format!("invalid filter '{key}'")).into());
        }
        let any = |key: &str, test: &dyn Fn(&str) -> bool| {
            filters.get(key).is_empty() || filters.get(key).iter().any(|value| test(value))
        };
        let shown = self.engine.volumes.0.keys().filter_map(|name| self.engine.volumes.show(name)).filter(|volume| {
            let labels = volume.labels.as_ref();
            any("name", &|name| volume.name.contains(name))
                && any("driver", &|driver| volume.driver == driver)
                && any("dangling", &|value| matches!(value, "true" | "1") == self.volume_users(&volume.name).is_empty())
                && filters.get("label").iter().all(|wanted| match wanted.split_once('=') {
                    Some((key, value)) => labels.and_then(|own| own.get(key)).is_some_and(|own| own == value),
                    None => labels.is_some_and(|own| own.contains_key(wanted)),
                })
        });
        Ok(Response::Volumes(Arc::new(shown.collect())))
    }

    pub(super) fn volume_remove(&mut self, name: &str, force: bool, env: &mut Env) -> Answer {
        if self.engine.volumes.show(name).is_none() {
            return if force { Ok(Response::Done) } else { Err(no_such(name).into()) };
        }
        let users = self.volume_users(name);
        if !users.is_empty() {
            let text = format!("remove {name}: volume is in use - [{}]", users.join(", "));
            return Err(ApiError::new(409, text).into());
        }
        self.engine.volumes.0.remove(name);
        let event = self.volume_event("destroy", name, env);
        self.events_happened(vec![event], env);
        Ok(Response::Done)
    }

    pub(super) fn volume_prune(&mut self, filters: &Filters, env: &mut Env) -> Answer {
        let all = filters.get("all").iter().any(|value| matches!(value.as_str(), "1" | "true"));
        let unused: Vec<String> = self
            .engine
            .volumes
            .0
            .iter()
            .filter(|(name, kept)| (all || kept.anonymous) && self.volume_users(name).is_empty())
            .map(|(name, _)| name.clone())
            .collect();
        for name in &unused {
            self.engine.volumes.0.remove(name);
            let event = self.volume_event("destroy", name, env);
            self.events_happened(vec![event], env);
        }
        Ok(Response::Pruned(Pruned { names: unused, reclaimed: 0 }))
    }
}
