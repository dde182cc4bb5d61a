//! Networks, secrets and configs: each refusal in its words (networking.md §1.8, control-plane.md §1.5).

use super::{files, networks, services};
use crate::engine::Time;
use crate::swarm::api::{self, ApiError, FileKind, NetworkCreateRequest, Response};
use crate::swarm::store::{State, Transaction};
use crate::swarm::world::{DataCentre, World};

/// A store, and the world that ids are drawn from.
struct Desk {
    state: State,
    world: World,
}

impl Desk {
    fn new() -> Self {
        let mut desk = Self { state: State::default(), world: World::new(&DataCentre::machines(0, 1)) };
        desk.write(|tx, env| {
            networks::first_networks(tx, &mut env.ids);
            Ok(Response::Done)
        })
        .expect("a new cluster has its networks");
        desk
    }

    fn write(
        &mut self,
        act: impl FnOnce(&mut Transaction, &mut crate::swarm::world::Env) -> Result<Response, ApiError>,
    ) -> Result<String, String> {
        let mut tx = Transaction::new(&self.state, Time::ZERO);
        let answer = act(&mut tx, &mut self.world.env);
        let changes = tx.into_changes();
        assert!(answer.is_ok() || changes.is_empty(), "what is refused changes nothing");
        for (change, _) in changes {
            self.state.apply(&change);
        }
        self.state.index += 1;
        match answer {
            Ok(Response::Created(id)) => Ok(id),
            Ok(Response::ServiceCreated { id, .. }) => Ok(id),
            Ok(other) => Ok(format!("{other:?}")),
            Err(error) => Err(error.message),
        }
    }

    fn network(&mut self, request: NetworkCreateRequest) -> Result<String, String> {
        self.write(|tx, env| networks::create(&request, tx, env))
    }

    fn service(&mut self, name: &str, change: impl FnOnce(&mut api::ServiceSpec)) -> Result<String, String> {
        let mut spec = api::ServiceSpec { name: name.into(), ..api::ServiceSpec::default() };
        spec.task_template.container_spec.image = "app:v1".into();
        change(&mut spec);
        self.write(|tx, env| services::create(&spec, tx, &mut env.ids, env.seed))
    }

    fn file(&mut self, kind: FileKind, name: &str, size: usize) -> Result<String, String> {
        let spec = api::FileSpec { name: name.into(), data: vec![7; size], ..api::FileSpec::default() };
        self.write(|tx, env| files::create(kind, &spec, tx, env))
    }
}

fn overlay(name: &str) -> NetworkCreateRequest {
    NetworkCreateRequest { name: name.into(), driver: "overlay".into(), ..NetworkCreateRequest::default() }
}

fn refused<T: std::fmt::Debug>(code: &str, text: &str) -> Result<T, String> {
    Err(format!("rpc error: code = {code} desc = {text}"))
}

fn on(target: &str) -> impl FnOnce(&mut api::ServiceSpec) {
    let network = api::NetworkAttachmentConfig { target: target.into(), ..Default::default() };
    |spec| spec.task_template.networks = vec![network]
}

#[test]
fn names_of_networks_are_checked() {
    let mut desk = Desk::new();
    assert!(desk.network(overlay("net1")).is_ok());
    assert_eq!(desk.network(overlay("net1")), Err("network with name net1 already exists".into()));
    assert_eq!(desk.network(overlay("NET1")), refused("Unknown", "name conflicts with an existing object"));
    // The swarm has networks of these names, too.
    assert_eq!(desk.network(overlay("host")), Err("network with name host already exists".into()));
    assert_eq!(desk.network(overlay("ingress")), Err("network with name ingress already exists".into()));
    assert_eq!(desk.network(overlay("none")), Err("operation is not permitted on predefined none network ".into()));
    let dns = "name must be valid as a DNS name component";
    assert_eq!(desk.network(overlay("bad name")), refused("InvalidArgument", dns));
    assert_eq!(desk.network(overlay("")), refused("InvalidArgument", "meta: name must be provided"));
}

#[test]
fn what_a_network_cannot_be() {
    let mut desk = Desk::new();
    let ingress = desk.state.ingress().expect("there is one").id;
    let second = NetworkCreateRequest { ingress: true, ..overlay("ing2") };
    let present = format!("ingress network ({ingress}) is already present");
    assert_eq!(desk.network(second.clone()), refused("AlreadyExists", &present));
    let both = NetworkCreateRequest { attachable: true, ..second };
    assert_eq!(desk.network(both), refused("InvalidArgument", "ingress network cannot be attachable"));
    let without = NetworkCreateRequest { enable_ipv4: Some(false), ..overlay("x") };
    assert_eq!(desk.network(without), Err("IPv4 cannot be disabled in a Swarm scoped network".into()));
    let label = [("com.docker.swarm.predefined".to_owned(), "true".to_owned())].into();
    let text = "label com.docker.swarm.predefined is for internally created predefined networks and cannot be applied by users";
    assert_eq!(desk.network(NetworkCreateRequest { labels: label, ..overlay("x") }), refused("PermissionDenied", text));
}

#[test]
fn a_network_in_use_stays() {
    let mut desk = Desk::new();
    let net = desk.network(overlay("net1")).expect("made");
    let ids: Vec<String> = ["b", "a"].map(|name| desk.service(name, on("net1")).expect("made")).into();
    let first = ids.iter().min().expect("two");
    let text = format!("network {net} is in use by service {first}");
    assert_eq!(desk.write(|tx, _| networks::remove("net1", tx)), refused("FailedPrecondition", &text));
    assert_eq!(desk.write(|tx, _| networks::remove("nosuch", tx)), Err("network nosuch not found".into()));
    let host = networks::find(&desk.state, "host").expect("there is one").id;
    let text = format!("network {host} (host) is a swarm predefined network and cannot be removed");
    assert_eq!(desk.write(|tx, _| networks::remove("host", tx)), refused("FailedPrecondition", &text));
    for name in ["a", "b"] {
        assert!(desk.write(|tx, _| services::remove(name, tx)).is_ok());
    }
    assert!(desk.write(|tx, _| networks::remove(&net, tx)).is_ok());
}

#[test]
fn the_routing_mesh_needs_its_network() {
    let mut desk = Desk::new();
    let publish = |spec: &mut api::ServiceSpec| {
        let port = api::PortConfig { target_port: 80, ..api::PortConfig::default() };
        spec.endpoint_spec = Some(api::EndpointSpec { mode: "vip".into(), ports: vec![port] });
    };
    let id = desk.service("web", publish).expect("made");
    let text = format!("ingress network cannot be removed because service {id} depends on it");
    assert_eq!(desk.write(|tx, _| networks::remove("ingress", tx)), refused("FailedPrecondition", &text));
    assert!(desk.write(|tx, _| services::remove("web", tx)).is_ok());
    assert!(desk.write(|tx, _| networks::remove("ingress", tx)).is_ok());
    let text = "service needs ingress network, but no ingress network is present";
    assert_eq!(desk.service("web", publish), refused("FailedPrecondition", text));
    assert!(desk.service("quiet", |_| {}).is_ok(), "one without ports needs none");
}

#[test]
fn services_name_networks() {
    let mut desk = Desk::new();
    let text = "Service cannot be explicitly attached to the ingress network \"ingress\"";
    assert_eq!(desk.service("x", on("ingress")), refused("InvalidArgument", text));
    assert_eq!(desk.service("x", on("nosuch")), Err("network nosuch not found".into()));
    assert!(desk.service("x", on("host")).is_ok(), "the hosts' own networks are taken");
}

#[test]
fn unused_networks_are_pruned_in_the_order_of_their_ids() {
    let mut desk = Desk::new();
    for name in ["a", "b", "used"] {
        assert!(desk.network(overlay(name)).is_ok());
    }
    assert!(desk.service("x", on("used")).is_ok());
    let mut unused: Vec<_> =
        ["a", "b"].map(|name| (networks::find(&desk.state, name).expect("made").id.text(), name)).into();
    unused.sort();
    let names: Vec<String> = unused.into_iter().map(|(_, name)| name.to_owned()).collect();
    let pruned = desk.write(|tx, _| networks::prune(&api::Filters::default(), tx));
    assert_eq!(pruned, Ok(format!("{:?}", Response::Deleted(names))));
    assert_eq!(networks::list(&desk.state).len(), 2, "ingress, and the one in use");
}

#[test]
fn secrets_and_configs_are_checked() {
    let mut desk = Desk::new();
    let name =
        "invalid name, only 64 [a-zA-Z0-9-_.] characters allowed, and the start and end character must be [a-zA-Z0-9]";
    for kind in [FileKind::Secret, FileKind::Config] {
        let noun = kind.noun();
        let limit = kind.limit();
        for bad in ["bad name", "-x", "x.", &"y".repeat(65)] {
            assert_eq!(desk.file(kind, bad, 1), refused("InvalidArgument", name), "{bad}");
        }
        assert_eq!(desk.file(kind, "", 1), refused("InvalidArgument", "name must be provided"));
        let size = format!("{noun} data must be larger than 0 and less than {limit} bytes");
        assert_eq!(desk.file(kind, "a", 0), refused("InvalidArgument", &size));
        assert_eq!(desk.file(kind, "a", limit), refused("InvalidArgument", &size));
        assert!(desk.file(kind, "a", limit - 1).is_ok());
        assert_eq!(desk.file(kind, "a", 1), refused("AlreadyExists", &format!("{noun} a already exists")));
        assert!(desk.file(kind, &format!("x{}y", "-_.".repeat(20)), 1).is_ok());
    }
    assert_eq!((FileKind::Secret.limit(), FileKind::Config.limit()), (512_000, 1_024_000));
}

#[test]
fn only_labels_change() {
    let mut desk = Desk::new();
    let id = desk.file(FileKind::Config, "c", 3).expect("made");
    let version = files::find(FileKind::Config, &desk.state, "c").expect("made").meta.version;
    let labels: api::Labels = [("a".to_owned(), "1".to_owned())].into();
    let spec = |data: Vec<u8>| api::FileSpec { name: "c".into(), labels: labels.clone(), data, templating: None };
    let other = spec(vec![8; 3]);
    let text = "only updates to Labels are allowed";
    let update = |desk: &mut Desk, spec: &api::FileSpec, version: u64| {
        desk.write(|tx, _| files::update(FileKind::Config, &id, version, spec, tx))
    };
    assert_eq!(update(&mut desk, &other, version), refused("InvalidArgument", text));
    assert_eq!(update(&mut desk, &spec(vec![7; 3]), version + 1), refused("Unknown", "update out of sequence"));
    assert!(update(&mut desk, &spec(vec![7; 3]), version).is_ok());
    assert_eq!(files::find(FileKind::Config, &desk.state, "c").expect("made").spec.labels, labels);
}

fn given(secrets: &[(&str, &str, &str)]) -> impl FnOnce(&mut api::ServiceSpec) + use<> {
    let reference = |(id, name, target): &(&str, &str, &str)| api::SecretReference {
        file: api::FileTarget { name: (*target).into(), uid: "0".into(), gid: "0".into(), mode: 0o444 },
        id: (*id).into(),
        name: (*name).into(),
    };
    let secrets: Vec<_> = secrets.iter().map(reference).collect();
    |spec| spec.task_template.container_spec.secrets = secrets
}

#[test]
fn services_name_secrets() {
    let mut desk = Desk::new();
    let a = desk.file(FileKind::Secret, "a", 1).expect("made");
    let one = desk.service("x", given(&[("nosuch", "a", "a")]));
    assert_eq!(one, refused("InvalidArgument", "secret not found: a"), "the id counts");
    let two = desk.service("x", given(&[("1", "b", "b"), (&a, "a", "a"), ("2", "c", "c")]));
    assert_eq!(two, refused("InvalidArgument", "secrets not found: b, c"));
    let text = "secret references 'a' and 'b' have a conflicting target: 'pw'";
    assert_eq!(desk.service("x", given(&[(&a, "a", "pw"), ("1", "b", "pw")])), refused("InvalidArgument", text));
    assert!(desk.service("x", given(&[(&a, "a", "pw")])).is_ok());
    let remove = |desk: &mut Desk| desk.write(|tx, _| files::remove(FileKind::Secret, "a", tx));
    let text = "secret 'a' is in use by the following service: x";
    assert_eq!(remove(&mut desk), refused("InvalidArgument", text));
    assert!(desk.service("y", given(&[(&a, "a", "a")])).is_ok());
    let message = remove(&mut desk).expect_err("in use");
    assert!(message.contains("in use by the following services: "), "{message}");
    for name in ["x", "y"] {
        assert!(desk.write(|tx, _| services::remove(name, tx)).is_ok());
    }
    assert!(remove(&mut desk).is_ok());
    assert_eq!(remove(&mut desk), Err("secret a not found".into()));
}
