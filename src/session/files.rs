//! The files of the hosts' simulated disks: what was put there or written, and the few that every machine has.

use super::{Session, absolute};
use crate::net::HostId;
use std::sync::Arc;

/// The most bytes on the disks of all hosts, as far as lines typed at terminals fill them: files can be doubled.
const MOST_BYTES: usize = 64 << 20;

impl Session {
    /// Writes a file of a host's disk: adds to it, or begins it anew.
    ///
    /// # Errors
    /// When the disks are full, in bash's words.
    pub(super) fn write_file(&mut self, host: HostId, path: &str, append: bool, text: &str) -> Result<(), String> {
        let used: usize = if text.is_empty() { 0 } else { self.files.values().map(|file| file.len()).sum() };
        if used + text.len() > MOST_BYTES {
            return Err(format!(
                "bash: {path}: write error: No space left on device ({MOST_BYTES} bytes are kept here)\n"
            ));
        }
        let files = Arc::make_mut(&mut self.files);
        let file = files.entry((host, absolute(path))).or_default();
        if append && !text.is_empty() {
            *file = [&**file, text.as_bytes()].concat().into();
        } else if !append {
            *file = text.as_bytes().into();
        }
        Ok(())
    }

    /// What a file of a host says; a relative path is in the home folder.
    pub(super) fn file_of(&self, host: HostId, path: &str) -> Option<Arc<[u8]>> {
        let path = absolute(path);
        match path.as_str() {
            "/dev/null" => Some(Arc::default()),
            "/etc/hostname" if !self.files.contains_key(&(host, path.clone())) => {
                Some(format!("{}\n", self.world.host(host).name).into_bytes().into())
            }
            _ => self.files.get(&(host, path)).cloned(),
        }
    }
}
