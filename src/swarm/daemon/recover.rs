//! `swarm init --force-new-cluster`: a manager begins a new cluster of one from what its own Raft log holds.
//!
//! What is kept: everything committed that this manager knows (nodes, services, tasks, tokens, the CA). What is lost:
//! entries that were not committed, and the other managers' places in Raft: they are forgotten, and whoever of them speaks to
//! this manager again is told so and wipes its own Raft state. A majority of the old managers that is alive elsewhere is not
//! asked: it goes on as the old cluster, and there are two.
//!
//! Source: raft-and-security.md §4.4, §4.5.

use super::call::CallKind;
use super::role::{RoleAlarm, RoleChange, SERVE_LIMIT};
use crate::engine::Duration;
use crate::swarm::api::{ApiError, SwarmInitRequest};
use crate::swarm::manager::{Input, member_context};
use crate::swarm::object::Role;
use crate::swarm::store::LineageId;
use crate::swarm::world::event::{ClientId, Event};
use crate::swarm::world::record::What;
use crate::swarm::world::{Env, Host};
use std::sync::Arc;

/// What stopping the old node and starting the new one takes.
const RESTART: Duration = Duration::from_millis(700);
/// What it takes more when the node has tasks of its own: their grace period.
const WITH_TASKS: Duration = Duration::from_secs(10);

/// A force-new-cluster under way.
#[derive(Clone, Debug)]
pub(super) struct RecoverCall {
    init: Arc<SwarmInitRequest>,
    /// The new node is being started.
    started: bool,
}

impl RecoverCall {
    pub(super) fn is_started(&self) -> bool {
        self.started
    }
}

impl Host {
    /// Begins: the node stops.
    pub(super) fn recover(&mut self, client: ClientId, number: u64, init: &SwarmInitRequest, env: &mut Env) {
        if self.manager.is_none() {
            let text = if self.role.is_joining() { super::PREPARED } else { super::NOT_A_MANAGER };
            return env.answer(client, number, Err(ApiError::new(503, text).into()));
        }
        let busy = self.engine.containers.values().any(|container| container.runs());
        // The old node's process parts are gone; the daemon itself lives on.
        self.boot = env.next_boot(self.id);
        for (client, number) in self.take_clients() {
            env.answer(client, number, Err(ApiError::new(503, "context canceled").into()));
        }
        self.leader_stop(env);
        self.close_relayed(None, env);
        self.manager = None;
        self.role = RoleChange::default();
        self.renewer = None;
        if let Some(agent) = self.agent.take() {
            self.disk.tasks = agent.tasks;
        }
        let call = RecoverCall { init: Arc::new(init.clone()), started: false };
        let call = self.call_open(client, number, CallKind::Recover(call), env);
        let takes = RESTART + if busy { WITH_TASKS } else { Duration::ZERO };
        env.kernel.schedule_in(self.clock.timer(takes), Event::Role(self.id, self.boot, RoleAlarm::Recover(call)));
    }

    /// Goes on: the log is rewritten, and the node starts as the only member.
    pub(super) fn recover_restart(&mut self, number: u64, env: &mut Env) {
        let Some(call) = self.calls.get_mut(&number) else { return };
        let CallKind::Recover(recover) = &mut call.kind else { return };
        recover.started = true;
        let Some(node) = &mut self.disk.node else { return };
        let Some(disk) = &mut self.disk.raft else { return };
        let lineage = LineageId(u32::try_from(env.lineages.len()).expect("clusters are few"));
        let fork = env.lineages[disk.lineage.0 as usize].fork(disk.stored.hard_state.commit);
        env.lineages.push(fork);
        disk.stored.force_new_cluster(disk.member, member_context(node.node, self.id));
        disk.lineage = lineage;
        node.lineage = lineage;
        node.managers = vec![(node.node, self.id)];
        debug_assert_eq!(node.role, Role::Manager, "only a manager comes here");
        env.record(What::NewCluster { host: self.id });
        // It was unlocked before; an expired certificate is let pass and renewed at once.
        if self.may_start(true, true, env) {
            self.start_swarm_unlocked(env);
            self.manager_input(Input::Campaign, env);
        }
    }

    /// The settings that the request names are merged into the cluster object, which is there already.
    pub fn recover_settings(&self) -> Option<Arc<SwarmInitRequest>> {
        self.calls.values().find_map(|call| match &call.kind {
            CallKind::Recover(recover) if recover.started => Some(recover.init.clone()),
            _ => None,
        })
    }

    /// A daemon that has started serves its API when its node is in, but does not wait for that for ever.
    pub fn serve_when_in(&mut self, env: &mut Env) {
        if self.disk.node.is_none() {
            return self.serve(env);
        }
        env.kernel.schedule_in(self.clock.timer(SERVE_LIMIT), Event::Role(self.id, self.boot, RoleAlarm::Serve));
    }

    /// The API is served from now on: those who have waited come first.
    pub(super) fn serve(&mut self, env: &mut Env) {
        if std::mem::replace(&mut self.serves, true) {
            return;
        }
        env.changes.hosts += 1;
        for (client, number, request) in std::mem::take(&mut self.early) {
            self.api_request(client, number, &request, env);
        }
    }
}
