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
    /// Nodes that were deleted: if one of them is a member still, it is homeless.
    deleted: BTreeSet<NodeKey>,
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
                self.deleted.insert(node.key);
            }
            (None, None) => {}
        }
        self.arm(now, out);
        !self.pending.is_empty() || !self.deleted.is_empty()
    }

    /// The ticker.
    pub fn alarm(&mut self) {
        self.armed = false;
    }

    /// One pass over what is pending: asks for the turn where a role can be written, and says what else is to be done.
    fn pass(&mut self, state: &State, own: NodeKey, view: &MembersView, now: Time, out: &mut Outbox) -> Vec<Step> {
        let deleted = std::mem::take(&mut self.deleted);
        self.homeless.extend(deleted.iter().filter_map(|node| Some(state.member_of_node(*node)?.raft)));
        self.homeless.retain(|member| state.members.iter().any(|known| known.raft == *member));
        self.arm(now, out);
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

#[cfg(test)]
mod tests {
    //! SwarmKit's own cases (control-plane.md §13, case 73), named after their source.

    use super::*;
    use crate::net::HostId;
    use crate::swarm::control::new_node;
    use crate::swarm::object::{Availability, Id, Member};
    use crate::swarm::store::Change;
    use std::net::Ipv4Addr;
    use std::sync::Arc;

    /// Three managers and their members; the first leads.
    struct Bench {
        state: State,
        roles: Roles,
        now: Time,
    }

    /// What a pass came to: members to be taken out, and whether a role can be written.
    type Passed = (Vec<Step>, bool);

    const DEMOTED: NodeKey = NodeKey(2);

    fn member(node: NodeKey) -> MemberId {
        u64::from(node.0) + 101
    }

    fn cluster() -> State {
        let mut state = State::default();
        for number in 0..3u16 {
            let (key, host) = (NodeKey(u32::from(number)), HostId(number));
            let (role, availability) = (Role::Manager, Availability::Active);
            let (labels, description) = (Default::default(), Arc::default());
            let id = Id(u128::from(number) + 1);
            let node = new_node(key, id, host, role, availability, labels, Ipv4Addr::LOCALHOST, description);
            state.apply(&Change::Node(Arc::new(node)));
            Arc::make_mut(&mut state.members).push(Member { raft: member(key), node: key, host });
        }
        state
    }

    impl Bench {
        fn start(state: State) -> Self {
            let roles = Roles::start(&state, Time::ZERO, &mut Outbox::default());
            Self { state, roles, now: Time::ZERO }
        }

        /// The store changes; says whether a pass is due.
        fn change(&mut self, change: &Change) -> bool {
            let event = self.state.apply(change);
            self.roles.watch(&event, self.now, &mut Outbox::default())
        }

        fn wants(&mut self, role: Role) -> bool {
            let mut node = (**self.state.nodes.get(DEMOTED).expect("it is there")).clone();
            node.spec.role = role;
            self.change(&Change::Node(Arc::new(node)))
        }

        fn pass(&mut self) -> Passed {
            let members = self.state.members.iter().map(|known| (known.node, known.raft, true)).collect();
            let mut out = Outbox::default();
            let steps = self.roles.pass(&self.state, NodeKey(0), &MembersView { members }, self.now, &mut out);
            (steps, out.turns.contains(&Writer::Roles))
        }

        /// Raft has taken a member out.
        fn taken_out(&mut self, node: NodeKey) {
            Arc::make_mut(&mut self.state.members).retain(|known| known.node != node);
        }

        fn write(&mut self) {
            let mut tx = Transaction::new(&self.state, self.now);
            self.roles.write(&mut tx);
            for (change, _) in tx.into_changes() {
                self.change(&change);
            }
        }

        fn role(&self) -> Role {
            self.state.nodes.get(DEMOTED).expect("it is there").role
        }
    }

    #[test]
    fn test_role_manager_removes_demoted_nodes_and_adds_promoted_nodes() {
        let mut bench = Bench::start(cluster());
        assert_eq!(bench.pass(), (vec![], false));
        assert!(bench.wants(Role::Worker), "a pass is due at once");
        assert_eq!(bench.pass(), (vec![Step::Remove(member(DEMOTED))], false), "first out of the members");
        bench.write();
        assert_eq!(bench.role(), Role::Manager, "while it is a member it keeps its role");
        bench.taken_out(DEMOTED);
        assert_eq!(bench.pass(), (vec![], true), "a later pass finds it gone");
        bench.write();
        assert_eq!((bench.role(), bench.pass()), (Role::Worker, (vec![], false)));
        assert!(bench.wants(Role::Manager));
        assert_eq!(bench.pass(), (vec![], true), "a promotion is written at once");
        bench.write();
        assert_eq!((bench.role(), bench.state.members.len()), (Role::Manager, 2), "and makes it no member");
    }

    #[test]
    fn test_role_manager_removes_demoted_nodes_on_startup() {
        let mut bench = Bench::start(cluster());
        bench.wants(Role::Worker);
        let mut bench = Bench::start(bench.state);
        assert_eq!(bench.pass(), (vec![Step::Remove(member(DEMOTED))], false));
        bench.taken_out(DEMOTED);
        assert_eq!(bench.pass(), (vec![], true));
        bench.write();
        assert_eq!(bench.role(), Role::Worker);
    }

    #[test]
    fn test_role_manager_removes_deleted_nodes() {
        let mut bench = Bench::start(cluster());
        assert!(bench.change(&Change::RemoveNode(DEMOTED)), "a pass is due at once");
        let evicted = (vec![Step::Remove(member(DEMOTED))], false);
        assert_eq!(bench.pass(), evicted);
        assert_eq!(bench.pass(), evicted, "again, until Raft has done it");
        bench.taken_out(DEMOTED);
        assert_eq!(bench.pass(), (vec![], false));
    }

    #[test]
    fn test_role_manager_removes_deleted_nodes_on_startup() {
        let mut state = cluster();
        state.apply(&Change::RemoveNode(DEMOTED));
        let mut bench = Bench::start(state);
        assert_eq!(bench.pass(), (vec![Step::Remove(member(DEMOTED))], false));
    }
}
