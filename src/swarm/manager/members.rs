//! The leader's part in changing the set of Raft members: letting managers in, taking them out, one at a time, and whether
//! that is safe.
//!
//! Not who should be a manager: that is for `roles` and for the users who ask (`swarm::control`).
//!
//! Source: raft-and-security.md §3.2, §3.3.

use super::{Input, member_context};
use crate::engine::Duration;
use crate::net::HostId;
use crate::raft::{ConfChange, ConfChangeKind, MemberId};
use crate::swarm::component::Alarm;
use crate::swarm::object::{Id, NodeKey};
use crate::swarm::world::event::{Body, Event, MemberGrant};
use crate::swarm::world::{Env, Host};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// A prospective member must answer a health check within so long.
const HEALTH_CHECK: Duration = Duration::from_secs(5);

const NOT_YET: &str = "rpc error: code = FailedPrecondition desc = raft: node is not yet part of a raft cluster";
const LOST: &str =
    "rpc error: code = FailedPrecondition desc = raft: failed to process the request: node lost leader status";

/// The members as the leader sees them at one moment: who they are and whom it reaches.
#[derive(Clone, Debug, Default)]
pub struct MembersView {
    /// Node, name in Raft, and whether the leader reaches it (itself it does).
    pub members: Vec<(NodeKey, MemberId, bool)>,
}

impl MembersView {
    /// The member that a node is.
    pub fn of_node(&self, node: NodeKey) -> Option<MemberId> {
        self.members.iter().find(|(known, ..)| *known == node).map(|(_, member, _)| *member)
    }

    /// Whether those that are reached without this one are a majority of what then remains (`CanRemoveMember`).
    pub fn can_remove(&self, member: MemberId) -> bool {
        let reached = self.members.iter().filter(|(_, known, active)| *known != member && *active).count();
        reached > (self.members.len().max(1) - 1) / 2
    }
}

/// Where the answer to a manager that wants to be let in goes.
#[derive(Clone, Copy, Debug)]
struct Asker {
    host: HostId,
    number: u64,
    via: Option<HostId>,
}

/// A change of the set of members that waits for its turn or its commit.
#[derive(Clone, Copy, Debug)]
enum Change {
    Add { asker: Asker, node: NodeKey },
    Remove { member: MemberId },
}

/// What a leader has under way with the set of members.
#[derive(Clone, Debug, Default)]
pub(super) struct Members {
    /// Managers that are being checked, by the number of the check.
    checking: BTreeMap<u64, (Asker, NodeKey)>,
    waiting: VecDeque<Change>,
    /// The change that is being committed.
    running: Option<(Change, MemberId)>,
    checks: u64,
}

impl Host {
    /// The members as this leader sees them.
    pub(super) fn members_view(&self) -> MembersView {
        let Some(manager) = &self.manager else { return MembersView::default() };
        let active =
            |member: MemberId| member == manager.member || manager.peers.get(member).is_some_and(|peer| peer.active);
        let members = manager.state.members.iter().map(|m| (m.node, m.raft, active(m.raft))).collect();
        MembersView { members }
    }

    /// A node that is certified as a manager wants to be a member: a follower hands that on to the leader.
    pub fn member_asked(&mut self, number: u64, host: HostId, node: (NodeKey, Id), via: Option<HostId>, env: &mut Env) {
        let asker = Asker { host, number, via };
        let Some(manager) = &mut self.manager else { return self.member_answer(asker, Err(NOT_YET.into()), env) };
        if !manager.leads() {
            return match manager.leader_host(self.id).filter(|leader| *leader != self.id) {
                Some(leader) if via.is_none() && manager.is_active(leader) => {
                    let (node, id) = node;
                    let body = Body::MemberJoin { number, host, node, id, via: Some(self.id) };
                    env.send(self.id, self.boot, leader, None, body);
                }
                _ => self.member_answer(asker, Err(LOST.into()), env),
            };
        }
        let (node, id) = node;
        // Only a node of this cluster that is to be a manager has the certificate that the call needs.
        if manager.state.nodes.get(node).is_none_or(|known| known.id != id) {
            let text = "rpc error: code = PermissionDenied desc = Permission denied: unauthorized peer role: rpc error: code = PermissionDenied desc = Permission denied: remote certificate not part of OUs: [swarm-manager]";
            return self.member_answer(asker, Err(text.into()), env);
        }
        if let Some(known) = manager.state.member_of_node(node).copied()
            && known.host == host
        {
            let grant = self.member_grant(known.raft);
            return self.member_answer(asker, grant, env);
        }
        let Some(leader) = &mut manager.leader else { return };
        leader.members.checks += 1;
        // Apart from the numbers of the vote checks of the same manager.
        let check = leader.members.checks | 1 << 63;
        leader.members.checking.insert(check, (asker, node));
        let term = leader.term;
        env.send(self.id, self.boot, host, None, Body::HealthCheck { number: check });
        let now = env.kernel.now();
        let at = self.clock.monotonic(now) + HEALTH_CHECK;
        env.kernel.schedule(self.clock.real(at, now), Event::Leader(self.id, term, Alarm::MemberCheck(check), at));
    }

    /// The prospective member answers at the address that it gave.
    pub(super) fn member_healthy(&mut self, number: u64, env: &mut Env) {
        let Some(leader) = self.manager.as_mut().and_then(|manager| manager.leader.as_mut()) else { return };
        if let Some((asker, node)) = leader.members.checking.remove(&number) {
            leader.members.waiting.push_back(Change::Add { asker, node });
            self.members_next(env);
        }
    }

    /// It has not answered.
    pub(super) fn member_check_over(&mut self, number: u64, env: &mut Env) {
        let Some(leader) = self.manager.as_mut().and_then(|manager| manager.leader.as_mut()) else { return };
        if let Some((asker, _)) = leader.members.checking.remove(&number) {
            let text = "rpc error: code = Unknown desc = could not connect to prospective new cluster member using its advertised address: rpc error: code = DeadlineExceeded desc = context deadline exceeded";
            self.member_answer(asker, Err(text.into()), env);
        }
    }

    /// Takes a member out, when its turn comes and while that is safe.
    pub(super) fn member_remove(&mut self, member: MemberId, env: &mut Env) {
        let Some(leader) = self.manager.as_mut().and_then(|manager| manager.leader.as_mut()) else { return };
        let same = |change: &Change| matches!(change, Change::Remove { member: other } if *other == member);
        let running = leader.members.running.as_ref().is_some_and(|(change, _)| same(change));
        if !running && !leader.members.waiting.iter().any(same) {
            leader.members.waiting.push_back(Change::Remove { member });
            self.members_next(env);
        }
    }

    /// Proposes the next change if none is under way.
    fn members_next(&mut self, env: &mut Env) {
        loop {
            let view = self.members_view();
            let Some(manager) = &mut self.manager else { return };
            let Some(leader) = &mut manager.leader else { return };
            if leader.members.running.is_some() {
                return;
            }
            let Some(change) = leader.members.waiting.pop_front() else { return };
            let conf = match change {
                Change::Add { asker, node } => {
                    // A node that moved keeps its name in Raft and changes its address.
                    let known = manager.state.member_of_node(node).map(|member| member.raft);
                    let kind = if known.is_some() { ConfChangeKind::UpdateMember } else { ConfChangeKind::AddMember };
                    let member = known.unwrap_or_else(|| env.ids.member(&env.names[asker.host.index()]));
                    ConfChange { kind, member, context: member_context(node, asker.host) }
                }
                Change::Remove { member } => {
                    let Some(known) = manager.state.members.iter().find(|known| known.raft == member) else { continue };
                    if !view.can_remove(member) {
                        continue;
                    }
                    let context = member_context(known.node, known.host);
                    ConfChange { kind: ConfChangeKind::RemoveMember, member, context }
                }
            };
            leader.members.running = Some((change, conf.member));
            return self.manager_input(Input::ProposeMember(conf), env);
        }
    }

    /// A change of the set of members is committed and applied here, on the leader.
    pub(super) fn member_changed(&mut self, conf: &ConfChange, env: &mut Env) {
        let Some(manager) = &mut self.manager else { return };
        let state = manager.state.clone();
        let Some(leader) = &mut manager.leader else { return };
        let done = leader.members.running.take_if(|(_, member)| *member == conf.member);
        leader.dispatcher.members_changed(&state);
        if let Some((Change::Add { asker, .. }, member)) = done {
            let grant = self.member_grant(member);
            self.member_answer(asker, grant, env);
        }
        self.leader_flush(env);
        self.members_next(env);
    }

    /// Raft did not even take the change.
    pub(super) fn member_change_lost(&mut self, env: &mut Env) {
        let Some(leader) = self.manager.as_mut().and_then(|manager| manager.leader.as_mut()) else { return };
        if let Some((Change::Add { asker, .. }, _)) = leader.members.running.take() {
            self.member_answer(asker, Err(LOST.into()), env);
        }
    }

    /// Leadership is lost: whoever waits is told so.
    pub(super) fn members_stop(&mut self, members: Members, env: &mut Env) {
        let checking = members.checking.into_values().map(|(asker, _)| asker);
        let changes = members.running.map(|(change, _)| change).into_iter().chain(members.waiting);
        let waiting = changes.filter_map(|change| match change {
            Change::Add { asker, .. } => Some(asker),
            Change::Remove { .. } => None,
        });
        for asker in checking.chain(waiting) {
            self.member_answer(asker, Err(LOST.into()), env);
        }
    }

    fn member_grant(&self, member: MemberId) -> Result<MemberGrant, String> {
        let manager = self.manager.as_ref().ok_or_else(|| LOST.to_owned())?;
        Ok(MemberGrant { member, members: manager.state.members.to_vec(), lineage: manager.lineage })
    }

    fn member_answer(&mut self, asker: Asker, result: Result<MemberGrant, String>, env: &mut Env) {
        let Asker { host, number, via } = asker;
        let body = Body::MemberJoined { number, host, result: Arc::new(result), via };
        env.send(self.id, self.boot, via.unwrap_or(host), None, body);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of raft-and-security.md §3.3: members, which of them are down, whom to take out, allowed or not.
    #[test]
    fn a_member_may_go_while_those_that_are_reached_without_it_are_a_majority_of_the_rest() {
        let table = [
            (1u32, vec![], 0u32, false),
            (2, vec![], 1, true),
            (3, vec![], 0, true),
            (3, vec![2], 2, true),
            (3, vec![2], 1, false),
            (4, vec![3], 1, true),
            (5, vec![3, 4], 4, true),
            (5, vec![3, 4], 1, false),
            (3, vec![1, 2], 1, false),
            (2, vec![1], 1, true),
        ];
        for (count, down, out, allowed) in table {
            let members = (0..count).map(|n| (NodeKey(n), u64::from(n) + 1, !down.contains(&n))).collect();
            let view = MembersView { members };
            assert_eq!(view.can_remove(u64::from(out) + 1), allowed, "{count} members, down {down:?}, out {out}");
        }
    }
}
