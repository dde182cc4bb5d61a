//! What agents are told between registrations. Of their tasks: changes are collected for a moment, and with each task goes
//! what it needs of secrets and configs. At once: of certificates, and of who the managers are.
//!
//! Source: control-plane.md §7.5, §7.7.

use super::protocol::{CertificateNews, ToAgent};
use super::{ASSIGNMENT_WAIT, Dispatcher, managers};
use crate::engine::Time;
use crate::swarm::ca::IssuanceState;
use crate::swarm::component::{Alarm, Outbox};
use crate::swarm::object::{Node, NodeKey, Task, TaskKey, TaskState};
use crate::swarm::store::State;
use std::sync::Arc;

impl Dispatcher {
    /// The wait for more changes of a node's tasks is over.
    pub(super) fn assignments_due(&mut self, node: NodeKey, state: &State, now: Time, out: &mut Outbox) {
        let Some(session) = self.sessions.get_mut(&node) else { return };
        session.armed = false;
        if session.pending.is_empty() && session.gone.is_empty() {
            return;
        }
        if session.due > now {
            session.armed = true;
            out.alarm(session.due, Alarm::Assignments(node));
            return;
        }
        let mut tasks = Vec::new();
        let mut removed = Vec::new();
        let mut files = Vec::new();
        for (key, task) in std::mem::take(&mut session.pending) {
            match task {
                Some(task) => {
                    session.dependencies.add(&task, state, &mut files);
                    tasks.push(task);
                }
                None => removed.push(key),
            }
        }
        let mut gone = std::mem::take(&mut session.gone);
        // What one task needs no more another may need anew.
        gone.retain(|key| !files.iter().any(|file| file.key == *key));
        session.sequence += 1;
        let (route, id, sequence) = (session.route, session.id, session.sequence);
        let message = ToAgent::Assignments { session: id, sequence, complete: false, tasks, removed, files, gone };
        self.outgoing.push((route, message));
    }

    /// A node's task has changed, or is none of its any more.
    pub(super) fn assign(&mut self, node: NodeKey, key: TaskKey, task: Option<Arc<Task>>, now: Time, out: &mut Outbox) {
        let Some(session) = self.sessions.get_mut(&node) else { return };
        if session.id == 0 || self.registering.contains(&node) || self.registered.contains(&node) {
            // The complete set that follows the registration will have it.
            return;
        }
        session.pending.insert(key, task);
        session.due = now + ASSIGNMENT_WAIT;
        if !session.armed {
            session.armed = true;
            out.alarm(session.due, Alarm::Assignments(node));
        }
    }

    /// A task that has ended or is gone needs no secrets and configs any more.
    pub(super) fn release(&mut self, old: Option<&Task>, new: Option<&Task>, now: Time, out: &mut Outbox) {
        let live = |task: Option<&Task>| task.is_some_and(|task| task.status.state <= TaskState::Running);
        let Some(old) = old.filter(|old| !old.spec.uses.files.is_empty()) else { return };
        if !live(Some(old)) || live(new) {
            return;
        }
        let Some(node) = old.node else { return };
        let Some(session) = self.sessions.get_mut(&node) else { return };
        session.gone.extend(session.dependencies.release(old.key));
        if !session.gone.is_empty() && !session.armed {
            session.armed = true;
            session.due = now + ASSIGNMENT_WAIT;
            out.alarm(session.due, Alarm::Assignments(node));
        }
    }

    /// Tells a node with a session that something is to be done about its certificate.
    pub(super) fn tell_news(&mut self, node: &Node) {
        let news = self.news(node);
        if self.registering.contains(&node.key) || self.registered.contains(&node.key) {
            // The answer to its registration will say so.
            return;
        }
        if let Some(session) = self.sessions.get(&node.key).filter(|session| session.id != 0) {
            self.outgoing.push((session.route, ToAgent::Certificate { session: session.id, news }));
        }
    }

    pub(super) fn news(&self, node: &Node) -> CertificateNews {
        CertificateNews { rotate: node.certificate.state == IssuanceState::Rotate, root: self.root }
    }

    /// Whose session it is.
    pub fn node_of(&self, session: u64) -> Option<NodeKey> {
        self.sessions.iter().find(|(_, known)| known.id == session).map(|(node, _)| *node)
    }

    /// A node has a session.
    pub fn hears_from(&self, node: NodeKey) -> bool {
        self.sessions.get(&node).is_some_and(|session| session.id != 0)
    }

    /// The set of Raft members has changed: every agent is told who the managers are now.
    pub fn members_changed(&mut self, state: &State) {
        for session in self.sessions.values().filter(|session| session.id != 0) {
            self.outgoing.push((session.route, ToAgent::Managers { session: session.id, managers: managers(state) }));
        }
    }
}
