//! The role manager: a loop of the leader that brings each node's certified role to the one that the user wants.
//!
//! A promotion is written at once. A demotion takes two passes: first the node leaves the set of Raft members, if that is
//! safe; only a later pass, which finds it gone, writes the role. A leader that is to go hands its leadership on and leaves
//! the rest to the next one. Whatever could not be done is tried again every 5 s, and whenever a node is written.
//!
//! Source: raft-and-security.md §1.7, §3.4.

use super::{Input, MembersView};
use crate::engine::{Duration, Time};
use crate::raft::MemberId;
use crate::swarm::component::{Alarm, Outbox, Writer};
use crate::swarm::object::{NodeKey, Role};
use crate::swarm::store::{Event, State, Transaction, Why};
use crate::swarm::world::{Env, Host};
use std::collections::BTreeSet;

/// How often what is left undone is tried again.
const TICK: Duration = Duration::from_secs(5);
/// How long a leader that is to go waits for another to take over, before it takes itself out.
const TRANSFER: Duration = Duration::from_secs(25);
/// Whoever has held the turn to write for longer is wedged: the leadership is handed on...
const WEDGED: Duration = Duration::from_secs(30);
/// ... at most so often.
const WEDGED_PAUSE: Duration = Duration::from_secs(60);

/// What is to be done for a node whose role is not as wanted, other than writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Take this member out.
    Remove(MemberId),
    /// Hand the leadership on.
    HandOn,
}

/// The role manager.
#[derive(Clone, Debug, Default)]
pub(super) struct Roles {
    pending: BTreeSet<NodeKey>,
    armed: bool,
    /// Leadership is being handed on; until then nothing else is done.
    handing_on: Option<Time>,
    /// Members whose node is gone.
    homeless: BTreeSet<MemberId>,
}

impl Roles {
    /// Looks at all nodes; members without a node object are to go.
    pub fn start(state: &State, now: Time, out: &mut Outbox) -> Self {
        let mut roles = Self::default();
        for node in state.nodes.values() {
            if node.spec.role != node.role {
                roles.pending.insert(node.key);
            }
        }
        let homeless = state.members.iter().filter(|member| state.nodes.get(member.node).is_none());
        roles.homeless = homeless.map(|member| member.raft).collect();
        roles.arm(now, out);
        roles
    }

    fn arm(&mut self, now: Time, out: &mut Outbox) {
        let idle = self.pending.is_empty() && self.homeless.is_empty();
        if !idle && !self.armed {
            self.armed = true;
            out.alarm(now + TICK, Alarm::Roles);
        }
    }

    /// The store has changed; says whether a pass is due.
    pub fn watch(&mut self, event: &Event, now: Time, out: &mut Outbox) -> bool {
        let Event::Node { new, old } = event else { return false };
        match (new, old) {
            (Some(node), _) if node.spec.role != node.role => {
                self.pending.insert(node.key);
            }
            (Some(node), _) => {
                self.pending.remove(&node.key);
            }
            (None, Some(node)) => {
                self.pending.remove(&node.key);
            }
            (None, None) => {}
        }
        self.arm(now, out);
        !self.pending.is_empty()
    }

    /// The ticker.
    pub fn alarm(&mut self) {
        self.armed = false;
    }

    /// One pass over what is pending: asks for the turn where a role can be written, and says what else is to be done.
    fn pass(&mut self, state: &State, own: NodeKey, view: &MembersView, now: Time, out: &mut Outbox) -> Vec<Step> {
        self.arm(now, out);
        self.homeless.retain(|member| state.members.iter().any(|known| known.raft == *member));
        let mut steps: Vec<_> = self.homeless.iter().map(|member| Step::Remove(*member)).collect();
        for &key in &self.pending {
            let Some(node) = state.nodes.get(key) else { continue };
            match (node.spec.role, view.of_node(key)) {
                (Role::Worker, Some(_)) if key == own => steps.push(Step::HandOn),
                (Role::Worker, Some(member)) => steps.push(Step::Remove(member)),
                (Role::Worker, None) | (Role::Manager, _) => out.turn(Writer::Roles),
            }
        }
        steps
    }

    /// It is the role manager's turn to write.
    pub fn write(&mut self, tx: &mut Transaction) {
        for &key in &self.pending {
            let Some(node) = tx.state().nodes.get(key).cloned() else { continue };
            let gone = tx.state().member_of_node(key).is_none();
            if node.spec.role == node.role || (node.spec.role == Role::Worker && !gone) {
                continue;
            }
            let mut node = (*node).clone();
            node.role = node.spec.role;
            tx.put_node(node, Why::Role);
        }
    }
}

impl Host {
    /// A pass of the role manager.
    pub(super) fn leader_roles(&mut self, env: &mut Env) {
        let view = self.members_view();
        let now = self.clock.monotonic(env.kernel.now());
        let Some(manager) = &mut self.manager else { return };
        let Some(own) = manager.state.members.iter().find(|known| known.raft == manager.member) else { return };
        let (own, member, state) = (own.node, manager.member, manager.state.clone());
        let Some(roles) = manager.leader.as_mut().and_then(|leader| leader.roles_mut()) else { return };
        let mut out = std::mem::take(&mut env.outbox);
        if roles.handing_on.is_some_and(|until| now < until) {
            roles.arm(now, &mut out);
            return self.leader_drain(out, env);
        }
        let gave_up = roles.handing_on.take().is_some();
        let steps = roles.pass(&state, own, &view, now, &mut out);
        self.leader_drain(out, env);
        for step in steps {
            match step {
                Step::Remove(member) => self.member_remove(member, env),
                Step::HandOn if gave_up => self.member_remove(member, env),
                Step::HandOn => {
                    let roles = self.manager.as_mut().and_then(|manager| manager.leader.as_mut()?.roles_mut());
                    if let Some(roles) = roles {
                        roles.handing_on = Some(now + TRANSFER);
                    }
                    return self.leader_hand_on(env);
                }
            }
        }
    }

    /// Hands the leadership to one of the members that are reached. (Which one depends on the order of a map in the real
    /// code; here it is drawn.)
    fn leader_hand_on(&mut self, env: &mut Env) {
        let Some(manager) = &self.manager else { return };
        let active: Vec<_> = manager.peers.iter().filter(|(_, peer)| peer.active).map(|(member, _)| member).collect();
        if active.is_empty() {
            return;
        }
        let key = env.seed.key("raft.transfer", &(self.id.0, self.boot));
        let chosen = active[usize::try_from(key.below(manager.raft.term(), active.len() as u64)).expect("few")];
        self.manager_input(Input::Transfer(chosen), env);
    }

    /// A leader whose writer has waited too long for its commit hands its leadership on.
    pub(super) fn leader_unwedge(&mut self, env: &mut Env) {
        let now = env.kernel.now();
        let Some(leader) = self.manager.as_mut().and_then(|manager| manager.leader.as_mut()) else { return };
        if leader.turn_since().is_some_and(|since| now - since > WEDGED)
            && leader.unwedged.is_none_or(|last| now - last > WEDGED_PAUSE)
        {
            leader.unwedged = Some(now);
            self.leader_hand_on(env);
        }
    }
}
