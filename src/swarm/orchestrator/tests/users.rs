//! What users and fate do to the bench.

use super::agents::Agent;
use super::bench::World;
use super::specs::Spec;
use crate::net::HostId;
use crate::swarm::component::Writer;
use crate::swarm::object::testing::{plain_node, service_of};
use crate::swarm::object::{
    Availability, JobStatus, Mode, Node, NodeKey, NodeState, Service, ServiceKey, Task, TaskState, UpdateState,
    UpdateStatus,
};
use crate::swarm::store::{Transaction, Why};
use std::net::Ipv4Addr;
use std::sync::Arc;

impl World {
    /// A write from outside, committed at once.
    pub fn write_now<R>(&mut self, write: impl FnOnce(&mut Transaction) -> R) -> R {
        self.wait_for_turn();
        let mut tx = Transaction::new(&self.state, self.now);
        let result = write(&mut tx);
        let found = self.checks.look(&self.state, &tx, Writer::Api(0), &self.loops.orchestrators);
        let changes = tx.into_changes();
        self.found(found);
        if !changes.is_empty() {
            self.commit(Writer::Api(0), changes);
        }
        self.grant();
        result
    }

    /// A write of which the loops do not hear, for what the next leader must find by itself.
    pub fn while_no_leader_looks(&mut self, write: impl FnOnce(&mut Transaction)) {
        let mut tx = Transaction::new(&self.state, self.now);
        write(&mut tx);
        for (change, _) in tx.into_changes() {
            let event = self.state.apply(&change);
            self.note(&event);
        }
        self.state.index += 1;
    }

    pub fn add_node(&mut self) -> NodeKey {
        self.add_node_as(|_| {})
    }

    /// A node that differs from the others.
    pub fn add_node_as(&mut self, differs: impl FnOnce(&mut Node)) -> NodeKey {
        let key = self.state.nodes.next_key();
        let number = key.0 + 1;
        self.agents.insert(key, Agent { connected: true, ..Agent::default() });
        let mut node = plain_node(key, &format!("host-{number}"));
        node.host = HostId(u16::try_from(number).expect("few nodes"));
        node.status.addr = Ipv4Addr::LOCALHOST;
        differs(&mut node);
        self.write_now(|tx| tx.put_node(node, Why::Joined));
        key
    }

    pub fn change_node(&mut self, key: NodeKey, change: impl FnOnce(&mut Node)) {
        let mut node = Node::clone(self.state.nodes.get(key).expect("a node of the test"));
        change(&mut node);
        self.write_now(|tx| tx.put_node(node, Why::Request));
    }

    pub fn availability(&mut self, key: NodeKey, availability: Availability) {
        self.change_node(key, |node| node.spec.availability = availability);
    }

    /// The managers lose a node; its containers go on.
    pub fn node_down(&mut self, key: NodeKey) {
        self.agents.get_mut(&key).expect("a node of the test").connected = false;
        self.change_node(key, |node| node.status.state = NodeState::Down);
    }

    pub fn node_up(&mut self, key: NodeKey) {
        let agent = self.agents.get_mut(&key).expect("a node of the test");
        agent.connected = true;
        let unsent: Vec<_> = std::mem::take(&mut agent.unsent).into_values().collect();
        self.change_node(key, |node| node.status.state = NodeState::Ready);
        self.agent_outputs(key, unsent);
        self.arm_assign(key);
    }

    /// What the API does when a node is removed.
    pub fn remove_node(&mut self, key: NodeKey) {
        self.agents.remove(&key);
        self.write_now(|tx| {
            let tasks: Vec<_> = tx.state().tasks_of_node(key).cloned().collect();
            for task in tasks.iter().filter(|task| task.status.state < TaskState::Complete) {
                let message = "Task belonged to a node that has been deleted";
                tx.put_task(task.with_state(TaskState::Orphaned, message, tx.now()), Why::Orphaned);
            }
            tx.remove_node(key, Why::Request);
        });
    }

    pub fn create(&mut self, spec: &Spec) -> ServiceKey {
        let key = self.state.services.next_key();
        let id = self.ids.service(spec.name);
        let mut service = Service { id, ..service_of(key, Arc::new(spec.build())) };
        if spec.mode.is_some_and(Mode::is_job) {
            service.job_status = Some(JobStatus { iteration: 0, last_execution: self.now });
        }
        self.write_now(|tx| tx.put_service(service, Why::Request));
        key
    }

    pub fn service(&self, name: &str) -> &Arc<Service> {
        self.state.services.values().find(|service| &**service.name() == name).expect("a service of the test")
    }

    pub fn update(&mut self, spec: &Spec) {
        let mut service = Service::clone(self.service(spec.name));
        service.previous_spec = Some(std::mem::replace(&mut service.spec, Arc::new(spec.build())));
        service.previous_spec_version = std::mem::replace(&mut service.spec_version, service.meta.version);
        service.update_status = None;
        if let Some(status) = &mut service.job_status {
            status.iteration += 1;
        }
        self.write_now(|tx| tx.put_service(service, Why::Request));
    }

    /// False: there is no previous spec.
    pub fn rollback(&mut self, name: &str) -> bool {
        let mut service = Service::clone(self.service(name));
        let Some(previous) = service.previous_spec.take() else { return false };
        service.previous_spec = Some(std::mem::replace(&mut service.spec, previous));
        if let Some(status) = &mut service.job_status {
            status.iteration += 1;
        }
        std::mem::swap(&mut service.spec_version, &mut service.previous_spec_version);
        service.update_status = Some(UpdateStatus {
            state: UpdateState::RollbackStarted,
            started_at: self.now,
            completed_at: None,
            message: "manually requested rollback".into(),
        });
        self.write_now(|tx| tx.put_service(service, Why::Request));
        true
    }

    pub fn remove(&mut self, name: &str) {
        let key = self.service(name).key;
        self.write_now(|tx| tx.remove_service(key, Why::Request));
    }

    /// Ends the container of a slot's running task.
    pub fn exit(&mut self, name: &str, slot: u32, code: i32) -> bool {
        self.exit_where(name, code, |task| task.slot == slot)
    }

    /// Ends the container of a running task.
    pub fn exit_where(&mut self, name: &str, code: i32, which: impl Fn(&Task) -> bool) -> bool {
        let service = self.service(name).key;
        let runs = |task: &Task| task.status.state == TaskState::Running && task.desired <= TaskState::Complete;
        let found = self.state.tasks_of_service(service).find(|task| runs(task) && which(task)).cloned();
        let Some(task) = found else { return false };
        let node = task.node.expect("a running task has a node");
        let mut outputs = Vec::new();
        self.agents.get_mut(&node).expect("its agent").exit(task.key, code, self.now, &mut outputs);
        self.agent_outputs(node, outputs);
        true
    }
}
