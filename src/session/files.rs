//! The files of the hosts' simulated disks: what was put there or written, and the few that every machine has.

use super::{Session, absolute};
use crate::net::HostId;
use std::sync::Arc;

impl Session {
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
