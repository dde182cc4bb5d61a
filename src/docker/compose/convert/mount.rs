//! Mounts of a service: volumes of the stack, paths of the host, memory. cli.md §10.4; the texts are the client's.

use super::{labelled, scoped};
use crate::docker::compose::{Project, read};
use crate::swarm::api::{BindOptions, ClusterOptions, Driver, Labels, Mount, TmpfsOptions, VolumeOptions};
use serde::Deserialize;

/// A mount as the file has it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    #[serde(rename = "type")]
    kind: String,
    source: String,
    target: String,
    read_only: bool,
    consistency: String,
    bind: Option<Bind>,
    volume: Option<Named>,
    tmpfs: Option<Tmpfs>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Bind {
    propagation: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Named {
    nocopy: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Tmpfs {
    size: i64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Volume {
    name: String,
    driver: String,
    driver_opts: Labels,
    external: bool,
    labels: Labels,
}

/// A mount as the API takes it.
///
/// # Errors
/// It does not fit its kind, or the volume is not in the file.
pub fn mount(wanted: &Wanted, stack: &str, project: &Project) -> Result<Mount, String> {
    let mut mount = Mount {
        kind: wanted.kind.clone(),
        source: wanted.source.clone(),
        target: wanted.target.clone(),
        read_only: wanted.read_only,
        consistency: wanted.consistency.clone(),
        ..Mount::default()
    };
    let kind = if wanted.kind.is_empty() { "volume" } else { wanted.kind.as_str() };
    let refuse = |given: bool, options: &str| match given {
        true => Err(format!("{options} options are incompatible with type {kind}")),
        false => Ok(()),
    };
    let empty = |kind: &str| match wanted.source.is_empty() {
        true => Err(format!("invalid {kind} source, source cannot be empty")),
        false => Ok(()),
    };
    let options =
        || BindOptions { propagation: wanted.bind.clone().unwrap_or_default().propagation, ..BindOptions::default() };
    match kind {
        "volume" => {
            refuse(wanted.tmpfs.is_some(), "tmpfs")?;
            refuse(wanted.bind.is_some(), "bind")?;
            if !wanted.source.is_empty() {
                named(&mut mount, wanted, stack, project)?;
            }
        }
        "bind" => {
            empty("bind")?;
            refuse(wanted.volume.is_some(), "volume")?;
            refuse(wanted.tmpfs.is_some(), "tmpfs")?;
            mount.bind_options = wanted.bind.as_ref().map(|_| options());
        }
        "tmpfs" => {
            if !wanted.source.is_empty() {
                return Err("invalid tmpfs source, source must be empty".into());
            }
            refuse(wanted.bind.is_some(), "bind")?;
            refuse(wanted.volume.is_some(), "volume")?;
            let size = |tmpfs: &Tmpfs| TmpfsOptions { size_bytes: tmpfs.size, mode: 0 };
            mount.tmpfs_options = wanted.tmpfs.as_ref().map(size);
        }
        "npipe" => {
            empty("npipe")?;
            refuse(wanted.volume.is_some(), "volume")?;
            refuse(wanted.tmpfs.is_some(), "tmpfs")?;
            mount.bind_options = wanted.bind.as_ref().map(|_| options());
        }
        "cluster" => {
            empty("cluster")?;
            refuse(wanted.tmpfs.is_some(), "tmpfs")?;
            refuse(wanted.bind.is_some(), "bind")?;
            refuse(wanted.volume.is_some(), "volume")?;
            mount.cluster_options = Some(ClusterOptions {});
            if !wanted.source.starts_with("group:") {
                mount.source = volume(&wanted.source, stack, project)?.0;
            }
        }
        _ => return Err("volume type must be volume, bind, tmpfs, npipe, or cluster".into()),
    }
    Ok(mount)
}

/// The volume's name in the swarm, and what the file says of it.
fn volume(key: &str, stack: &str, project: &Project) -> Result<(String, Volume), String> {
    let volume: Volume = project.volumes.get(key).map(read).ok_or_else(|| format!("undefined volume \"{key}\""))?;
    Ok((if volume.name.is_empty() { scoped(stack, key) } else { volume.name.clone() }, volume))
}

fn named(mount: &mut Mount, wanted: &Wanted, stack: &str, project: &Project) -> Result<(), String> {
    let (name, volume) = volume(&wanted.source, stack, project)?;
    mount.source = name;
    let mut options =
        VolumeOptions { no_copy: wanted.volume.clone().unwrap_or_default().nocopy, ..VolumeOptions::default() };
    if !volume.external {
        options.labels = labelled(stack, volume.labels);
        options.driver_config = (!volume.driver.is_empty() || !volume.driver_opts.is_empty())
            .then_some(Driver { name: volume.driver, options: volume.driver_opts });
    }
    mount.volume_options = Some(options);
    Ok(())
}
