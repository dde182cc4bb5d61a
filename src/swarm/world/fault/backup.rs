//! Copies of a host's swarm directory, taken and brought back while its daemon does not run.
//!
//! A copy holds the host's identity, its certificate and keys, its Raft state and its tasks; not its containers. It comes
//! back on the host that it was taken from. Another machine that takes over a node's identity is not modelled.
//!
//! Source: raft-and-security.md §4.5.

use super::FaultError;
use crate::net::HostId;
use crate::swarm::store::LineageId;
use crate::swarm::world::{DaemonState, Disk, World};
use std::sync::Arc;

/// A copy of what a host keeps on its disk for its swarm.
#[derive(Clone, Debug)]
pub struct Backup {
    host: HostId,
    disk: Arc<Disk>,
}

impl World {
    fn check_stopped(&self, host: HostId) -> Result<(), FaultError> {
        let host = self.host(host);
        if matches!(host.daemon, DaemonState::Running | DaemonState::Starting) {
            return Err(FaultError::DaemonRuns { host: host.name.to_string() });
        }
        Ok(())
    }

    pub(super) fn check_backup(&self, host: HostId) -> Result<(), FaultError> {
        self.check_stopped(host)?;
        let host = self.host(host);
        if host.disk.node.is_none() {
            return Err(FaultError::NothingThere { host: host.name.to_string() });
        }
        Ok(())
    }

    pub(super) fn check_restore(&self, host: HostId, name: &str) -> Result<(), FaultError> {
        self.check_stopped(host)?;
        match self.env.backups.get(name) {
            Some(backup) if backup.host == host => Ok(()),
            Some(backup) => {
                let from = self.env.name(backup.host).to_string();
                Err(FaultError::OtherHost { name: name.to_owned(), from })
            }
            None => {
                let names: Vec<&str> = self.env.backups.keys().map(String::as_str).collect();
                let hint = if names.is_empty() { String::new() } else { format!("; there is {}", names.join(", ")) };
                Err(FaultError::NoBackup { name: name.to_owned(), hint })
            }
        }
    }

    pub(super) fn backup(&mut self, host: HostId, name: String) {
        let disk = Arc::new(self.host(host).disk.clone());
        self.env.backups.insert(name, Backup { host, disk });
    }

    pub(super) fn restore(&mut self, host: HostId, name: &str) {
        let Some(backup) = self.env.backups.get(name).cloned() else { return };
        let (restored, env) = self.host_mut(host);
        let disk = &mut restored.disk;
        // The machine is the same: how fast and how full its disk is stays.
        *disk = Disk { latency: disk.latency, full: disk.full, ..(*backup.disk).clone() };
        env.net.forget_handshakes(host);
        let (Some(raft), Some(node)) = (&mut disk.raft, &mut disk.node) else { return };
        env.disk_replaced(host, raft.member);
        if raft.stored.voters_at_commit() == [raft.member] {
            // It need not ask anybody: it goes on by itself from there, and what was decided since then never was.
            let lineage = LineageId(u32::try_from(env.lineages.len()).expect("clusters are few"));
            let fork = env.lineages[raft.lineage.0 as usize].fork(raft.stored.hard_state.commit);
            env.lineages.push(fork);
            (raft.lineage, node.lineage) = (lineage, lineage);
        }
    }
}
