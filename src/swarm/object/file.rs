//! Secrets and configs: files that the swarm keeps and gives to the tasks that name them (control-plane.md §1.2, §1.5).
//!
//! The two differ in their limits, in where a task finds them, and in that a secret's content is never shown. All the
//! rest is the same, so both are one kind of object here.

use super::{FileKey, Id, Labels, Meta};
use std::sync::Arc;

/// A secret or a config.
#[derive(Clone, Debug)]
pub struct StoredFile {
    /// Row.
    pub key: FileKey,
    /// Id.
    pub id: Id,
    /// Version and times.
    pub meta: Meta,
    /// Which of the two.
    pub kind: FileKind,
    /// What the user gave.
    pub spec: Arc<FileSpec>,
}

/// Secret or config.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileKind {
    /// Its content is shown to nobody but its tasks.
    Secret,
    /// Its content may be shown.
    Config,
}

impl FileKind {
    /// `secret` or `config`
    pub fn noun(self) -> &'static str {
        match self {
            FileKind::Secret => "secret",
            FileKind::Config => "config",
        }
    }

    /// A content must have fewer bytes than this.
    pub fn limit(self) -> usize {
        match self {
            FileKind::Secret => 500 << 10,
            FileKind::Config => 1000 << 10,
        }
    }
}

/// What a user gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileSpec {
    /// Unique among its kind, case ignored.
    pub name: Arc<str>,
    /// Labels: the only part that may change.
    pub labels: Labels,
    /// The content.
    pub data: Arc<[u8]>,
    /// The content is a template, filled in where it is used (`golang`); empty: it is not.
    pub templating: Arc<str>,
}

impl StoredFile {
    /// Its name.
    pub fn name(&self) -> &Arc<str> {
        &self.spec.name
    }
}
