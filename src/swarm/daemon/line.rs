//! The line before a daemon's swarm part: a leave, and a force-new-cluster, want it for themselves alone.
//!
//! Calls for the leader share it, each until it has its answer, also one whose client has gone away. Whoever wants it alone
//! waits until the last of them has ended, and whatever comes meanwhile waits behind.
//!
//! Source: raft-and-security.md §3.6.

use super::call::{CallAlarm, CallKind};
use crate::engine::Duration;
use crate::swarm::api::Request;
use crate::swarm::world::event::{ClientId, Event};
use crate::swarm::world::{Env, Host};
use std::sync::Arc;

impl Host {
    /// Puts a swarm request into the line if it has to wait; says whether it has.
    pub(super) fn waits_in_line(&mut self, client: ClientId, number: u64, request: &Arc<Request>) -> bool {
        let waits = !self.line.is_empty() || (self.wants_alone(request) && self.has_calls_in_flight());
        if waits {
            self.line.push_back((client, number, request.clone()));
        }
        waits
    }

    fn wants_alone(&self, request: &Request) -> bool {
        match request {
            Request::SwarmLeave { .. } => true,
            Request::SwarmInit(init) => init.force_new_cluster && self.disk.node.is_some(),
            _ => false,
        }
    }

    fn has_calls_in_flight(&self) -> bool {
        self.role.holds_calls() || self.calls.values().any(|call| matches!(call.kind, CallKind::Control { .. }))
    }

    /// A call has ended. Those who wait for that are let in by an event of their own: this may be the middle of a step.
    pub(super) fn line_may_move(&self, env: &mut Env) {
        if !self.line.is_empty() {
            env.kernel.schedule_in(Duration::ZERO, Event::Call(self.id, self.boot, 0, CallAlarm::Line));
        }
    }

    /// Lets in whoever need not wait any more, in order.
    pub(super) fn line_moves(&mut self, env: &mut Env) {
        while let Some((client, number, request)) = self.line.pop_front() {
            if self.wants_alone(&request) && self.has_calls_in_flight() {
                return self.line.push_front((client, number, request));
            }
            // A leave ends what is under way; those behind it have not begun.
            let behind = std::mem::take(&mut self.line);
            self.api_swarm_now(client, number, &request, env);
            self.line = behind;
        }
    }
}
