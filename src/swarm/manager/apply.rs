//! What a manager does with committed entries: its store, its snapshots, and the set of members.
//!
//! Managers that have applied the same history share one state (`store::Lineage`); the first to come to an index computes it.
//!
//! Source: raft-and-security.md §1.3, §1.8, §3.

use super::{Role, member_of};
use crate::raft::{ConfChange, ConfChangeKind, Entry, EntryKind, Snapshot};
use crate::swarm::daemon::events;
use crate::swarm::store::{Event as StoreEvent, Proposal, ProposalKind};
use crate::swarm::world::record::What;
use crate::swarm::world::{Env, Host};
use std::sync::Arc;

impl Host {
    pub(super) fn manager_apply(&mut self, entry: &Entry<Arc<Proposal>>, env: &mut Env) {
        let Some(manager) = &mut self.manager else { return };
        let proposal = match &entry.kind {
            EntryKind::Normal(proposal) => proposal.id,
            _ => 0,
        };
        env.check_applied(self.id, manager.lineage, entry.index, entry.term, proposal);
        if let EntryKind::ConfChange(change) = &entry.kind {
            manager.raft.apply_conf_change(change);
            if change.kind != ConfChangeKind::RemoveMember {
                manager.meet(&[member_of(change)]);
            } else {
                manager.peers.remove(change.member);
                manager.removed |= change.member == manager.member;
                if change.member == manager.raft.leader() && change.member != manager.member {
                    // Nobody waits for a time-out when the leader was taken out.
                    manager.raft.campaign();
                }
            }
        }
        if let EntryKind::Normal(proposal) = &entry.kind {
            let shown = self.clock.wall(env.kernel.now());
            let told = events::of_proposal(&manager.state, &proposal.kind, shown);
            self.events_happened(told, env);
        }
        let Some(manager) = &mut self.manager else { return };
        let shared = env.lineages[manager.lineage.0 as usize].state_at(entry.index).cloned();
        let leads = manager.leader.is_some();
        if let (Some(state), false) = (&shared, leads) {
            manager.state = state.clone();
            return;
        }
        let mut state = (*manager.state).clone();
        state.index = entry.index;
        let mut events: Vec<StoreEvent> = Vec::new();
        match &entry.kind {
            EntryKind::Empty => {}
            EntryKind::ConfChange(change) => state.apply_member(change.kind, member_of(change)),
            EntryKind::Normal(proposal) => match &proposal.kind {
                ProposalKind::Changes(changes) => {
                    if leads {
                        env.check_size(changes);
                    }
                    env.asked_by = manager.leader.as_ref().and_then(|leader| leader.asked_by(proposal.id));
                    for (change, why) in changes {
                        let event = state.apply(change);
                        env.check_change(self.id, &event, *why);
                        if leads {
                            env.record_change(&event, *why, &state);
                            events.push(event);
                        }
                    }
                    env.asked_by = None;
                }
            },
        }
        manager.state = match shared {
            Some(state) => state,
            None => {
                let state = Arc::new(state);
                env.lineages[manager.lineage.0 as usize].keep(state.clone());
                state
            }
        };
        if let EntryKind::ConfChange(change) = &entry.kind {
            self.record_member(change, env);
            // The first members of a cluster count from the start, before the entries that name them are applied.
            if let Some(manager) = self.manager.as_ref().filter(|_| entry.term > 1) {
                env.check_members(self.id, manager);
            }
            if leads {
                self.member_changed(change, env);
            }
        }
        if leads && !events.is_empty() {
            self.leader_committed(proposal, &events, env);
        }
    }

    /// One trace record a change, by whoever applies it first: the leader that proposed it.
    fn record_member(&mut self, change: &ConfChange, env: &mut Env) {
        let Some(manager) = &self.manager else { return };
        if manager.raft.role() != Role::Leader {
            return;
        }
        let member = member_of(change);
        let (peer, members) = (member.host, manager.state.members.len());
        match change.kind {
            ConfChangeKind::RemoveMember => env.record(What::MemberRemoved { host: self.id, peer, members }),
            ConfChangeKind::AddMember | ConfChangeKind::UpdateMember => {
                env.record(What::MemberAdded { host: self.id, peer, members });
            }
        }
    }

    /// A snapshot from the leader takes the place of all that this manager had applied. Members that it does not name are
    /// forgotten.
    pub(super) fn manager_restore(&mut self, snapshot: &Snapshot<Arc<Proposal>>, env: &mut Env) {
        let Some(manager) = &mut self.manager else { return };
        manager.state = snapshot.data.clone();
        let members = manager.state.members.clone();
        manager.peers.retain(|known| members.iter().any(|member| member.raft == known));
        manager.meet(&members);
        env.record(What::SnapshotRestored { host: self.id, index: snapshot.index });
    }

    /// Takes a snapshot when enough entries have been applied since the last one, and drops the entries that no slow follower
    /// needs any more.
    pub(super) fn manager_snapshot(&mut self, env: &mut Env) {
        let Some(manager) = &mut self.manager else { return };
        let Some(disk) = &mut self.disk.raft else { return };
        let interval = manager.state.cluster.as_ref().map_or(0, |cluster| cluster.snapshot_interval);
        let last = disk.stored.snapshot.as_ref().map_or(0, |snapshot| snapshot.index);
        let applied = manager.raft.applied();
        let due = interval != 0 && applied >= last + interval;
        // A manager that has just been locked must not leave its log readable with the key that lay open beside it.
        let keys = self.disk.credentials.as_mut().map(|credentials| &mut credentials.keys);
        let forced = keys.is_some_and(|keys| keys.wants_snapshot(applied, last));
        // The state may be ahead while a pass is under way.
        if !(due || forced) || manager.state.index != applied {
            return;
        }
        let voters = manager.state.members.iter().map(|member| member.raft).collect();
        let Some(snapshot) = manager.raft.create_snapshot(applied, voters, manager.state.clone()) else { return };
        disk.stored.put_snapshot(snapshot);
        if let Some(credentials) = &mut self.disk.credentials {
            credentials.keys.snapshot_taken(applied);
        }
        let keep = env.settings.log_entries_for_slow_followers;
        if applied > keep {
            let through = applied - keep;
            manager.raft.compact(through);
            disk.stored.compact(through);
        }
        env.record(What::SnapshotTaken { host: self.id, index: applied });
    }
}
