//! Acceptance cases 69 to 71 of control-plane.md §13, each named after its source, and what of §7 they leave out.

use super::*;
use crate::swarm::object::testing::{plain_node, plain_service, plain_task, plain_task_spec};
use crate::swarm::object::{Id, NodeStatus, Service, ServiceKey};
use crate::swarm::store::Change;

/// A store with so many nodes and a task on the first, and a leader's dispatcher.
struct Bench {
    state: State,
    dispatcher: Dispatcher,
    now: Time,
    out: Outbox,
}

const NODE: NodeKey = NodeKey(0);
const TASK: TaskKey = TaskKey(0);

fn node(key: NodeKey) -> Node {
    let mut node = plain_node(key, "");
    node.description = Arc::default();
    node.status = NodeStatus { state: NodeState::Down, message: "", addr: Ipv4Addr::LOCALHOST };
    node
}

fn task(state: TaskState) -> Task {
    let service = Service { id: Id(50), ..plain_service(ServiceKey(0), "web", plain_task_spec()) };
    let mut task = Task { id: Id(100), node: Some(NODE), node_id: Some(Id(1)), ..plain_task(TASK, &service, 1) };
    (task.status.state, task.status.message) = (state, "");
    task
}

fn route(node: NodeKey) -> Route {
    Route { host: HostId(u16::try_from(node.0).expect("few")), via: None }
}

impl Bench {
    fn new() -> Self {
        let mut state = State::default();
        for key in [NodeKey(0), NodeKey(1)] {
            state.apply(&Change::Node(Arc::new(node(key))));
        }
        state.apply(&Change::Task(Arc::new(task(TaskState::Running))));
        let mut out = Outbox::default();
        let dispatcher = Dispatcher::start(Seed(1), 1, &state, Time::ZERO, &mut out);
        Self { state, dispatcher, now: Time::ZERO, out }
    }

    fn say(&mut self, from: NodeKey, message: &ToDispatcher) -> Vec<ToAgent> {
        self.dispatcher.receive(message, route(from), &self.state, self.now, &mut self.out);
        self.heard()
    }

    fn heard(&mut self) -> Vec<ToAgent> {
        self.dispatcher.outgoing.drain(..).map(|(_, message)| message).collect()
    }

    fn register(&mut self, from: NodeKey) -> Vec<ToAgent> {
        let id = self.state.nodes.get(from).expect("it is there").id;
        let register = ToDispatcher::Register {
            node: from,
            id,
            addr: Ipv4Addr::LOCALHOST,
            description: Arc::default(),
            shown: None,
        };
        self.say(from, &register)
    }

    /// Lets time pass: alarms ring, turns are granted.
    fn wait(&mut self, time: Duration) -> Vec<ToAgent> {
        let end = self.now + time;
        let mut heard = Vec::new();
        loop {
            for _ in std::mem::take(&mut self.out.turns) {
                let mut tx = Transaction::new(&self.state, self.now);
                self.dispatcher.write(&mut tx);
                let changes = tx.into_changes();
                self.state.index += 1;
                let events: Vec<_> = changes.iter().map(|(change, _)| self.state.apply(change)).collect();
                for event in events.iter().chain([&Event::Commit]) {
                    self.dispatcher.watch(event, self.now, &mut self.out);
                }
                self.dispatcher.written(&self.state, self.now, &mut self.out);
            }
            heard.append(&mut self.heard());
            let Some(next) = (0..self.out.alarms.len()).min_by_key(|&at| self.out.alarms[at].0) else { break };
            if self.out.alarms[next].0 > end {
                break;
            }
            let (at, alarm) = self.out.alarms.remove(next);
            self.now = self.now.max(at);
            self.dispatcher.alarm(alarm, &self.state, self.now, &mut self.out);
        }
        self.now = end;
        heard
    }

    /// Registers and gives the session's number.
    fn session(&mut self, from: NodeKey) -> u64 {
        self.register(from);
        let heard = self.wait(Duration::from_millis(150));
        let session = heard.iter().find_map(|message| match message {
            ToAgent::Registered { session, .. } => Some(*session),
            _ => None,
        });
        session.expect("it is registered with the next batch")
    }

    fn node_state(&self, node: NodeKey) -> (NodeState, &'static str) {
        let status = &self.state.nodes.get(node).expect("it is there").status;
        (status.state, status.message)
    }

    fn report(&mut self, from: NodeKey, session: u64, state: TaskState) -> Vec<ToAgent> {
        let report =
            Report { id: Id(100), state, message: "x", err: None, timestamp: self.now, container: None, exit_code: 0 };
        let mut heard =
            self.say(from, &ToDispatcher::Reports { node: from, session, number: 1, reports: vec![(TASK, report)] });
        heard.append(&mut self.wait(Duration::from_millis(150)));
        heard
    }

    fn stored(&self) -> TaskState {
        self.state.tasks.get(TASK).expect("it is there").status.state
    }
}

fn refused(heard: &[ToAgent]) -> Option<Refusal> {
    heard.iter().find_map(|message| match message {
        ToAgent::Refused { refusal, .. } => Some(*refusal),
        _ => None,
    })
}

/// Case 69: TestRegisterExceedRateLimit. A node that is in the table may register three times; then it must pause for 8 s.
#[test]
fn test_register_exceed_rate_limit() {
    let mut bench = Bench::new();
    // The first puts it into the table and is not counted.
    assert_eq!(refused(&bench.register(NODE)), None);
    for _ in 0..3 {
        assert_eq!(refused(&bench.register(NODE)), None);
    }
    assert_eq!(refused(&bench.register(NODE)), Some(Refusal::RateLimit));
    assert_eq!(refused(&bench.register(NodeKey(1))), None, "another node is not concerned");
    bench.wait(Duration::from_millis(8001));
    assert_eq!(refused(&bench.register(NODE)), None);
}

/// Case 70: TestHeartbeatTimeout.
#[test]
fn test_heartbeat_timeout() {
    let mut bench = Bench::new();
    let session = bench.session(NODE);
    assert_eq!(bench.node_state(NODE), (NodeState::Ready, ""));
    for _ in 0..4 {
        bench.wait(Duration::from_secs(5));
        assert_eq!(refused(&bench.say(NODE, &ToDispatcher::Heartbeat { node: NODE, session })), None);
    }
    // Three periods, each drawn from 4.5 s to 5.5 s.
    bench.wait(Duration::from_millis(13_400));
    assert_eq!(bench.node_state(NODE).0, NodeState::Ready);
    bench.wait(Duration::from_millis(3_300));
    assert_eq!(bench.node_state(NODE), (NodeState::Down, "heartbeat failure"));
    let answer = bench.say(NODE, &ToDispatcher::Heartbeat { node: NODE, session });
    assert_eq!(refused(&answer), Some(Refusal::NotRegistered));
    bench.session(NODE);
    assert_eq!(bench.node_state(NODE).0, NodeState::Ready, "it registers anew");
}

/// Case 71: TestTaskUpdate. Who reports on another node's task is refused and nothing of the report is stored; nor is a
/// lower state.
#[test]
fn test_task_update() {
    let mut bench = Bench::new();
    let mut theirs = task(TaskState::Running);
    (theirs.key, theirs.id, theirs.node) = (TaskKey(1), Id(101), Some(NodeKey(1)));
    bench.state.apply(&Change::Task(Arc::new(theirs)));
    let (own, other) = (bench.session(NODE), bench.session(NodeKey(1)));
    assert_eq!(refused(&bench.report(NodeKey(1), other, TaskState::Failed)), Some(Refusal::OtherNodesTask));
    assert_eq!(bench.stored(), TaskState::Running);
    // One report on another node's task spoils the others that came with it.
    let report = Report {
        id: Id(100),
        state: TaskState::Failed,
        message: "x",
        err: None,
        timestamp: bench.now,
        container: None,
        exit_code: 0,
    };
    let own_task = Report { id: Id(101), ..report.clone() };
    let reports = vec![(TaskKey(1), own_task.clone()), (TASK, report.clone())];
    let message = ToDispatcher::Reports { node: NodeKey(1), session: other, number: 2, reports };
    assert_eq!(refused(&bench.say(NodeKey(1), &message)), Some(Refusal::OtherNodesTask));
    bench.wait(Duration::from_millis(150));
    let state = |bench: &Bench, key| bench.state.tasks.get(key).expect("it is there").status.state;
    assert_eq!([TASK, TaskKey(1)].map(|key| state(&bench, key)), [TaskState::Running; 2]);
    // A task that is gone is no reason, nor is one whose row another node's task has now: the rest is taken.
    let gone = Report { id: Id(7), ..report };
    let reports = vec![(TaskKey(7), gone.clone()), (TASK, gone), (TaskKey(1), own_task)];
    let message = ToDispatcher::Reports { node: NodeKey(1), session: other, number: 3, reports };
    assert_eq!(refused(&bench.say(NodeKey(1), &message)), None);
    bench.wait(Duration::from_millis(150));
    assert_eq!(state(&bench, TaskKey(1)), TaskState::Failed);
    assert_eq!(refused(&bench.report(NODE, own, TaskState::Starting)), None);
    assert_eq!(bench.stored(), TaskState::Running, "states only go forward");
    bench.report(NODE, own, TaskState::Failed);
    assert_eq!(bench.stored(), TaskState::Failed);
    let applied = bench.state.tasks.get(TASK).expect("it is there").status.applied_at;
    assert!(applied > Time::ZERO, "with the leader's time");
}

/// §7.4: a day after a node went down its tasks are orphans, unless it has come back.
#[test]
fn after_a_day_the_tasks_of_a_node_are_orphans() {
    let mut bench = Bench::new();
    let session = bench.session(NODE);
    assert_eq!(refused(&bench.say(NODE, &ToDispatcher::Heartbeat { node: NODE, session })), None);
    bench.wait(Duration::from_minutes(24 * 60));
    assert_eq!((bench.node_state(NODE).0, bench.stored()), (NodeState::Down, TaskState::Running));
    bench.wait(Duration::from_minutes(1));
    assert_eq!(bench.stored(), TaskState::Orphaned);
}

/// Quirk 14 (control-plane.md §14): of what an agent reports within 100 ms only the last is stored; nobody who looks at the
/// store sees the states between.
#[test]
fn quirk_14_states_between_are_often_absent_from_the_store() {
    let mut bench = Bench::new();
    bench.state.apply(&Change::Task(Arc::new(task(TaskState::Assigned))));
    let session = bench.session(NODE);
    // Just after a flush, so that a whole window lies ahead.
    bench.wait(Duration::from_millis(100));
    let before = bench.state.index;
    use TaskState::{Accepted, Preparing, Ready, Running, Starting};
    for state in [Accepted, Preparing, Ready, Starting, Running] {
        let (id, timestamp) = (Id(100), bench.now);
        let report = Report { id, state, message: "x", err: None, timestamp, container: None, exit_code: 0 };
        bench.say(NODE, &ToDispatcher::Reports { node: NODE, session, number: 1, reports: vec![(TASK, report)] });
        assert_eq!(bench.stored(), TaskState::Assigned, "it waits for the batch");
        bench.wait(Duration::from_millis(5));
    }
    bench.wait(Duration::from_millis(150));
    assert_eq!((bench.stored(), bench.state.index - before), (Running, 1), "one write for five reports");
}
