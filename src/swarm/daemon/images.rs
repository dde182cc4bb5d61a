//! `docker images` and `docker rmi`: the images of this host (cli.md §5.8).
//!
//! Sizes are not those of real images: one that takes a second to pull has 12.5 MB, a second's worth of a line of 100
//! Mbit/s, and fills twice as much when it is unpacked.

use super::engine::{Occurrence, Subject};
use super::image::{canonical, familiar, repository};
use super::registry::digest;
use crate::swarm::api::{Answer, ApiError, ImageConfig, ImageInspect, ImageSummary, Response, time::rfc3339};
use crate::swarm::world::{Env, Host};
use std::sync::Arc;

/// Of a line of 100 Mbit/s in a millisecond.
const BYTES_PER_MILLISECOND: i64 = 12_500;

impl Host {
    pub(super) fn image_list(&self, env: &Env) -> Answer {
        let images = self.engine.images.iter().map(|reference| {
            let content = env.catalogue.behaviour(reference).pull.as_millis() * BYTES_PER_MILLISECOND;
            let users = self.engine.containers.values().filter(|container| canonical(&container.image) == *reference);
            ImageSummary {
                reference: familiar(reference).to_owned(),
                id: format!("sha256:{}", digest(reference)),
                size: content * 3,
                content_size: content,
                containers: i64::try_from(users.count()).unwrap_or(i64::MAX),
            }
        });
        Ok(Response::Images(Arc::new(images.collect())))
    }

    /// The reference of an image that is here, by name, by digest or by the beginning of its id.
    pub(super) fn image_named(&self, name: &str) -> Option<String> {
        let reference = canonical(name);
        if self.engine.images.contains(&reference) && !name.is_empty() {
            return Some(reference);
        }
        let wanted = name.strip_prefix("sha256:").unwrap_or(name);
        let known = |reference: &&String| wanted.len() >= 4 && digest(reference).starts_with(wanted);
        self.engine.images.iter().find(known).cloned()
    }

    pub(super) fn image_inspect(&self, name: &str, env: &Env) -> Answer {
        let Some(reference) = self.image_named(name) else {
            return Err(ApiError::new(404, format!("No such image: {}", with_tag(name))).into());
        };
        let behaviour = env.catalogue.behaviour(&reference);
        let id = format!("sha256:{}", digest(&reference));
        Ok(Response::Image(Arc::new(ImageInspect {
            repo_tags: vec![familiar(&reference).to_owned()],
            repo_digests: vec![format!("{}@{id}", repository(familiar(&reference)))],
            id,
            created: rfc3339(-86_400_000_000_000),
            config: ImageConfig {
                exposed_ports: behaviour
                    .listen
                    .iter()
                    .map(|port| (format!("{port}/tcp"), Default::default()))
                    .collect(),
                env: vec!["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into()],
                cmd: behaviour.command.split(' ').map(str::to_owned).collect(),
                working_dir: "/".into(),
            },
            architecture: "amd64".into(),
            os: "linux".into(),
            size: behaviour.pull.as_millis() * BYTES_PER_MILLISECOND,
        })))
    }

    pub(super) fn image_remove(&mut self, name: &str, force: bool, env: &mut Env) -> Answer {
        let found = self.image_named(name);
        let Some(reference) = found else {
            return Err(ApiError::new(404, format!("No such image: {}", with_tag(name))).into());
        };
        if let (Some(container), false) = (self.engine.user_of(&reference), force) {
            let (image, id) = (digest(&reference), container.id.text());
            let text = format!(
                "conflict: unable to delete {name} (must be forced) - container {} is using its referenced image {}",
                &id[..12],
                &image[..12]
            );
            return Err(ApiError::new(409, text).into());
        }
        self.engine.images.remove(&reference);
        env.changes.containers += 1;
        let at = self.wall(env.kernel.now());
        let id = format!("sha256:{}", digest(&reference));
        let event = |action| {
            let subject = Subject::Image { action, id: id.clone(), name: familiar(&reference).to_owned() };
            Occurrence { at, subject }
        };
        self.events_happened(vec![event("untag"), event("delete")], env);
        let lines =
            vec![format!("Untagged: {}", familiar(&reference)), format!("Deleted: sha256:{}", digest(&reference))];
        Ok(Response::ImageRemoved(lines))
    }
}

/// The reference with the tag that it is taken to have.
fn with_tag(name: &str) -> String {
    familiar(&canonical(name)).to_owned()
}
