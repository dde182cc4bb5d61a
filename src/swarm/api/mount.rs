//! Mounts of a service's containers as the Engine API shows them (moby `api/types/mount`).

use super::{Driver, Labels, is_zero};
use serde::Serialize;

/// Something that stands in a container's file system without being of its image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Mount {
    /// `bind`, `volume`, `tmpfs`, `npipe`, `cluster` or `image`.
    #[serde(rename = "Type", skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// A path of the host, or the name of a volume; empty: a volume without a name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// The place in the container.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub target: String,
    /// It cannot be written to.
    #[serde(skip_serializing_if = "is_zero")]
    pub read_only: bool,
    /// Of no meaning on Linux.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub consistency: String,
    /// Of a bind mount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bind_options: Option<BindOptions>,
    /// Of a volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_options: Option<VolumeOptions>,
    /// Of an image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_options: Option<ImageOptions>,
    /// Of memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tmpfs_options: Option<TmpfsOptions>,
    /// Of a cluster volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_options: Option<ClusterOptions>,
}

/// How a path of the host is mounted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct BindOptions {
    /// `rprivate` and the like.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub propagation: String,
    /// Without the mounts below it.
    #[serde(skip_serializing_if = "is_zero")]
    pub non_recursive: bool,
    /// The path is made where it is missing.
    #[serde(skip_serializing_if = "is_zero")]
    pub create_mountpoint: bool,
    /// The mounts below it can be written to.
    #[serde(skip_serializing_if = "is_zero")]
    pub read_only_non_recursive: bool,
    /// It is an error where the mounts below it could be written to.
    #[serde(skip_serializing_if = "is_zero")]
    pub read_only_force_recursive: bool,
}

/// How a volume is made and mounted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct VolumeOptions {
    /// What the image has there is not copied into it.
    #[serde(skip_serializing_if = "is_zero")]
    pub no_copy: bool,
    /// Labels of the volume.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// A folder in it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subpath: String,
    /// What keeps it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver_config: Option<Driver>,
}

/// Which part of an image is mounted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ImageOptions {
    /// A folder in it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subpath: String,
}

/// How much memory a mount may take.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TmpfsOptions {
    /// Bytes; 0: without limit.
    #[serde(skip_serializing_if = "is_zero")]
    pub size_bytes: i64,
    /// Permissions.
    #[serde(skip_serializing_if = "is_zero")]
    pub mode: u32,
}

/// Of a cluster volume: nothing to say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct ClusterOptions {}
