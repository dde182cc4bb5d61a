//! The table holds what the objects give; and a small picture that other tests look at too, and where snapshots go.

use super::*;

/// Snapshots go to the top of the project.
pub(crate) fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}

/// A picture that a test writes down.
#[derive(Clone, Debug, Default)]
pub(crate) struct Picture {
    pub now: Time,
    pub services: Option<Arc<Vec<Service>>>,
    pub nodes: Option<Arc<Vec<Node>>>,
    pub tasks: Option<Arc<Vec<Task>>>,
    pub networks: Option<Arc<Vec<Network>>>,
    pub raft: Arc<Raft>,
    pub hosts: Arc<Vec<Host>>,
    pub containers: Arc<Vec<Container>>,
    pub stamp: u64,
}

impl View for Picture {
    fn now(&self) -> Time {
        self.now
    }
    fn services(&self) -> Option<Arc<Vec<Service>>> {
        self.services.clone()
    }
    fn nodes(&self) -> Option<Arc<Vec<Node>>> {
        self.nodes.clone()
    }
    fn tasks(&self) -> Option<Arc<Vec<Task>>> {
        self.tasks.clone()
    }
    fn networks(&self) -> Option<Arc<Vec<Network>>> {
        self.networks.clone()
    }
    fn raft(&self) -> Arc<Raft> {
        Arc::clone(&self.raft)
    }
    fn hosts(&self) -> Arc<Vec<Host>> {
        Arc::clone(&self.hosts)
    }
    fn containers(&self) -> Arc<Vec<Container>> {
        Arc::clone(&self.containers)
    }
    fn stamp(&self, _root: Root) -> u64 {
        self.stamp
    }
}

/// Two nodes, one of them down with a container that lives on; a service of three, two of them believed to run.
pub(crate) fn picture() -> Picture {
    let port = Port { published: 8080, target: 80, protocol: "tcp".into() };
    let web = Service {
        name: "web".into(),
        id: "s1".into(),
        image: "nginx:1.25".into(),
        mode: "replicated".into(),
        replicas: 3,
        running: 2,
        desired: 3,
        update: Update { state: "paused".into(), message: "update paused".into() },
        ports: vec![port],
        vip: "10.0.1.2".into(),
        vips: Arc::new(BTreeMap::from([("net".into(), "10.0.1.2".into())])),
    };
    let net = Network { name: "net".into(), subnet: "10.0.1.0/24".into(), ..Network::default() };
    let node = |name: &str, status: &str, zone: &str| Node {
        name: name.into(),
        status: status.into(),
        availability: "active".into(),
        role: "worker".into(),
        labels: Arc::new(BTreeMap::from([("zone".into(), zone.into())])),
        ..Node::default()
    };
    let task = |slot: u64, node: &str, state: &str| Task {
        service: "web".into(),
        slot,
        name: format!("web.{slot}").into(),
        node: node.into(),
        desired: "running".into(),
        state: state.into(),
        ..Task::default()
    };
    let container = |task: &str, node: &str, exit_code: Option<i64>| Container {
        service: "web".into(),
        task: task.into(),
        node: node.into(),
        running: exit_code.is_none(),
        exit_code,
        ..Container::default()
    };
    let member =
        |name: &str, role: &str| Member { name: name.into(), role: role.into(), up: true, ..Member::default() };
    let host = |name: &str, up: bool| Host { name: name.into(), up, daemon: up, paused: false, manager: up };
    Picture {
        now: Time::from_nanos(90_500_000_000),
        services: Some(Arc::new(vec![web])),
        nodes: Some(Arc::new(vec![node("w1", "ready", "a"), node("w2", "down", "b"), node("w3", "ready", "a")])),
        tasks: Some(Arc::new(vec![task(1, "w1", "running"), task(2, "w1", "running"), task(3, "w2", "running")])),
        networks: Some(Arc::new(vec![net])),
        raft: Arc::new(Raft {
            leader: "m1".into(),
            term: 2,
            quorum: true,
            commit: 40,
            members: vec![member("m1", "leader"), member("m2", "follower")],
        }),
        hosts: Arc::new(vec![host("m1", true), host("w1", true), host("w2", false)]),
        containers: Arc::new(vec![container("web.1", "w1", None), container("web.3", "w2", Some(137))]),
        stamp: 1,
    }
}

#[test]
fn every_field_of_the_table_is_there() {
    let picture = picture();
    for root in roots() {
        let things = match root.root {
            Root::Services => Things::Services(picture.services().unwrap()),
            Root::Nodes => Things::Nodes(picture.nodes().unwrap()),
            Root::Tasks => Things::Tasks(picture.tasks().unwrap()),
            Root::Networks => Things::Networks(picture.networks().unwrap()),
            Root::Hosts => Things::Hosts(picture.hosts()),
            Root::Containers => Things::Containers(picture.containers()),
            Root::Raft => {
                check(root.kind, Datum::Thing(Thing::Raft(picture.raft())));
                continue;
            }
            Root::Time => continue,
        };
        check(root.kind, Datum::Things(things));
    }
}

/// What is given has the kind that the table says, all the way down.
fn check(kind: Kind, datum: Datum) {
    match (kind, datum) {
        (Kind::Bool, Datum::Bool(_))
        | (Kind::Int, Datum::Int(_))
        | (Kind::Text, Datum::Text(_))
        | (Kind::IntOrNull, Datum::Int(_) | Datum::Null)
        | (Kind::Labels, Datum::Labels(_)) => {}
        (Kind::Object(object), Datum::Thing(thing)) => fields(object, &thing),
        (Kind::List(object), Datum::Things(things)) => fields(object, &things.at(0).expect("one is there")),
        (Kind::Named(object), Datum::Things(things)) => {
            let thing = things.at(0).expect("one is there");
            let Some(Datum::Text(name)) = thing.get("name") else { panic!("a {} has a name", object.name) };
            assert!(things.named(&name).is_some());
            fields(object, &thing);
        }
        (kind, datum) => panic!("{kind:?} was promised, {datum:?} given"),
    }
}

fn fields(object: &Object, thing: &Thing) {
    for field in object.fields {
        check(field.kind, thing.get(field.name).unwrap_or_else(|| panic!("{}.{}", object.name, field.name)));
    }
    assert!(thing.get("nothing").is_none());
}

#[test]
fn the_reference_names_every_field() {
    let text = documentation();
    assert!(text.contains("| `services[NAME].update.state` | string |"));
    assert!(text.contains("| `truth.containers[I].exit_code` | int or null |"));
}
