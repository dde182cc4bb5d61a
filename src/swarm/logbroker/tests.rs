//! The log broker alone: who is asked, what is passed on, and how a log ends. The texts are those that users report.

use super::*;
use crate::swarm::object::testing::{plain_node, plain_service, plain_task, plain_task_spec};
use crate::swarm::object::{Service, ServiceKey};
use crate::swarm::store::Change;

const WEB: ServiceKey = ServiceKey(0);
const ASKER: Subscriber = Subscriber { host: HostId(9), stream: 5 };

/// A service with a task on each of three nodes, and one that waits for a node.
struct Bench {
    state: State,
    broker: LogBroker,
    out: Outbox,
}

fn service() -> Service {
    plain_service(WEB, "web", plain_task_spec())
}

fn task(key: u32, node: Option<u32>, state: TaskState) -> Task {
    let mut task = plain_task(TaskKey(key), &service(), key + 1);
    task.node = node.map(NodeKey);
    task.status.state = state;
    task
}

fn route(node: u32) -> Route {
    Route { host: HostId(u16::try_from(node).expect("few")), via: None }
}

fn lines(text: &str) -> Arc<Vec<LogLine>> {
    Arc::new(vec![LogLine { text: text.into(), ..LogLine::default() }])
}

impl Bench {
    fn new() -> Self {
        let mut state = State::default();
        for node in 0..3 {
            state.apply(&Change::Node(Arc::new(plain_node(NodeKey(node), "n"))));
        }
        state.apply(&Change::Service(Arc::new(service())));
        for node in 0..3 {
            state.apply(&Change::Task(Arc::new(task(node, Some(node), TaskState::Running))));
        }
        state.apply(&Change::Task(Arc::new(task(3, None, TaskState::Pending))));
        let mut bench = Self { state, broker: LogBroker::default(), out: Outbox::default() };
        (0..3).for_each(|node| bench.broker.connect(NodeKey(node), u64::from(node) + 1, route(node)));
        bench
    }

    fn ask(&mut self, id: Id, task: bool, follow: bool) -> Result<(), ApiError> {
        let options = LogOptions { follow, ..LogOptions::default() };
        let request = Request::ServiceLogs { id: id.text(), task, options };
        self.broker.subscribe(&request, ASKER, &self.state, Time::ZERO, &mut self.out)
    }

    fn ask_web(&mut self, follow: bool) {
        self.ask(service().id, false, follow).expect("the service is there");
    }

    /// Hosts that were told something since the last look, and what kind of thing.
    fn told(&mut self) -> Vec<(u16, &'static str)> {
        let kind = |message: ToAgent| match message {
            ToAgent::Logs { order: LogOrder::Subscribe(_), .. } => "subscribe",
            ToAgent::Logs { order: LogOrder::Close(_), .. } => "close",
            _ => "else",
        };
        self.broker.outgoing.drain(..).map(|(route, message)| (route.host.0, kind(message))).collect()
    }

    fn done(&mut self, node: u32, text: &str) {
        self.broker.publish(NodeKey(node), u64::from(node) + 1, 1, &lines(text), true);
    }

    /// What the asker got: lines, and `Some` at the end.
    fn got(&mut self) -> Vec<(String, Option<Result<(), String>>)> {
        let text = |part: &LogPart| part.lines.iter().map(|line| line.text.clone()).collect::<Vec<_>>().join(",");
        self.broker.parts.drain(..).map(|(_, part)| (text(&part), part.ended)).collect()
    }
}

fn incomplete(reasons: &str) -> Option<Result<(), String>> {
    let text = "rpc error: code = Unknown desc = warning: incomplete log stream. some logs could not be retrieved for \
                the following reasons: ";
    Some(Err(format!("{text}{reasons}")))
}

#[test]
fn every_node_with_tasks_is_asked_and_the_log_ends_when_all_are_done() {
    let mut bench = Bench::new();
    bench.ask_web(false);
    assert_eq!(bench.told(), [(0, "subscribe"), (1, "subscribe"), (2, "subscribe")]);
    bench.done(1, "one");
    bench.done(0, "zero");
    assert_eq!(bench.got(), [("one".into(), None), ("zero".into(), None)]);
    bench.done(2, "two");
    // A task that waits for a node is not missed in a service's log.
    assert_eq!(bench.got(), [("two".into(), None), (String::new(), Some(Ok(())))]);
    bench.done(2, "too late");
    assert_eq!((bench.got(), bench.told()), (vec![], vec![]));
}

#[test]
fn nodes_that_do_not_listen_are_told_of_at_the_end() {
    let mut bench = Bench::new();
    bench.broker.reset(HostId(1));
    bench.ask_web(false);
    assert_eq!(bench.told(), [(0, "subscribe"), (2, "subscribe")]);
    bench.done(0, "zero");
    bench.broker.given_up(NodeKey(2));
    let (one, two) = (bench.state.node_id(NodeKey(1)).unwrap(), bench.state.node_id(NodeKey(2)).unwrap());
    let reasons = format!("node {} is not available, node {} disconnected unexpectedly", one.text(), two.text());
    assert_eq!(bench.got(), [("zero".into(), None), (String::new(), incomplete(&reasons))]);
}

#[test]
fn a_task_that_waits_for_a_node_has_no_log_of_its_own() {
    let mut bench = Bench::new();
    let waiting = task(3, None, TaskState::Pending).id;
    bench.ask(waiting, true, false).expect("the task is there");
    assert_eq!(bench.got(), [(String::new(), incomplete(&format!("task {} has not been scheduled", waiting.text())))]);
    assert_eq!(bench.ask(Id(5), true, false).map_err(|error| error.status), Err(404));
}

#[test]
fn what_is_followed_finds_new_tasks_and_ends_with_its_reader() {
    let mut bench = Bench::new();
    bench.broker.reset(HostId(2));
    bench.ask_web(true);
    assert_eq!(bench.told(), [(0, "subscribe"), (1, "subscribe")]);
    bench.done(0, "zero");
    bench.done(1, "one");
    assert_eq!(bench.got(), [("zero".into(), None), ("one".into(), None)]);
    // A node that comes back is asked, and so is one that gets its first task.
    bench.broker.connect(NodeKey(2), 7, route(2));
    assert_eq!(bench.told(), [(2, "subscribe")]);
    bench.state.apply(&Change::Node(Arc::new(plain_node(NodeKey(3), "n"))));
    bench.broker.connect(NodeKey(3), 8, route(3));
    let placed = Event::Task { old: None, new: Some(Arc::new(task(3, Some(3), TaskState::Assigned))) };
    bench.broker.watch(&placed, &bench.state);
    bench.broker.watch(&placed, &bench.state);
    assert_eq!(bench.told(), [(3, "subscribe")]);
    bench.broker.leave(ASKER);
    assert_eq!(bench.told(), [(0, "close"), (1, "close"), (2, "close"), (3, "close")]);
    bench.done(0, "nobody reads");
    assert_eq!(bench.got(), []);
}

#[test]
fn the_end_of_leadership_ends_every_log() {
    let mut bench = Bench::new();
    bench.ask_web(true);
    bench.broker.stop();
    let canceled = "rpc error: code = Canceled desc = context canceled".to_owned();
    assert_eq!(bench.got(), [(String::new(), Some(Err(canceled)))]);
}

#[test]
fn lines_of_another_session_are_not_passed_on() {
    let mut bench = Bench::new();
    bench.ask_web(false);
    bench.broker.publish(NodeKey(0), 99, 1, &lines("old"), true);
    assert_eq!(bench.got(), []);
    // Doubt belongs to a session, too.
    assert_eq!(bench.broker.doubted(NodeKey(0), 1), Some(HostId(0)));
    bench.broker.connect(NodeKey(0), 9, route(0));
    assert_eq!(bench.broker.doubted(NodeKey(0), 1), None);
    assert_eq!(bench.out.alarms.len(), 3);
}
