//! What a command's body runs in: the answers received so far, and the output made so far.
//!
//! A body is straight-line code that is run again from the start whenever an answer arrives. Asking returns the
//! recorded answer, or [`Stop::Pending`] through `?` where there is none yet. Since a body is a function of the words
//! and the answers, what it prints again is what it printed before, and is counted rather than printed twice. Time is
//! that of the last answer, so it does not change between runs either.
//!
//! The texts for a daemon that does not answer: cli.md §3.1, §3.4.

use super::Environment;
use super::flags::Parsed;
use super::invocation::Invocation;
use super::table::Command;
use crate::swarm::api::{
    Answer, Attached, ContainerInspect, ContainerSummary, Events, EventsRequest, ExecRequest, Executed, Failure, File,
    FileKind, Filters, ImageInspect, ImageSummary, Info, LogLine, LogPart, Network, NoAnswer, Node, Pruned, Request,
    Response, Service, Swarm, Task, Top, Version, Volume, VolumeCreate,
};
use std::collections::VecDeque;
use std::sync::Arc;

/// A piece of output.
#[derive(Clone, Debug)]
pub enum Output {
    /// To stdout.
    Out(String),
    /// To stderr.
    Err(String),
}

/// Something that a body was told, and when.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Virtual time.
    pub at: i64,
    /// What.
    pub fact: Fact,
}

/// What a body may be told.
#[derive(Clone, Debug)]
pub enum Fact {
    /// The daemon's answer.
    Answer(Answer),
    /// A file.
    File(Result<Arc<[u8]>, String>),
}

/// What a body waits for.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// An answer.
    Request(Request),
    /// A file.
    File(String),
}

/// Why a body stopped early.
#[derive(Clone, Debug)]
pub enum Stop {
    /// It needs what [`Context`] noted.
    Pending,
    /// An error for stderr; status 1.
    Failed(String),
    /// Everything is said; the status.
    Status(i32),
}

/// How a body ended.
#[derive(Clone, Debug, Default)]
pub struct Finish {
    /// For stderr, one a line; any makes the status 1.
    pub errors: Vec<String>,
    /// What is waited for, in this order.
    pub waits: VecDeque<Wait>,
}

impl Finish {
    /// Nothing to wait for; these errors.
    pub fn with(errors: Vec<String>) -> Result<Finish, Stop> {
        Ok(Finish { errors, waits: VecDeque::new() })
    }
}

/// Something to wait for.
#[derive(Clone, Debug)]
pub enum Wait {
    /// A service that converges.
    Service {
        /// As it was addressed.
        service: String,
        /// Without a word.
        quiet: bool,
        /// Errors begin with the service's name (`service scale`).
        named: bool,
    },
    /// A removed stack whose tasks end.
    Stack {
        /// Its name.
        name: String,
    },
    /// A new root certificate that reaches all nodes.
    Rotation {
        /// Without a word.
        quiet: bool,
    },
}

/// The file that stands for a line typed at the terminal.
pub const TERMINAL: &str = "/dev/tty";

/// A request that was refused, or that nobody answered.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// What Docker prints.
    pub text: String,
    /// The HTTP status; 0 when there was no answer.
    pub status: u16,
}

impl Refusal {
    /// The daemon knows no such object.
    pub fn is_not_found(&self) -> bool {
        self.status == 404
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Stop::Failed(refusal.text)
    }
}

impl From<String> for Stop {
    fn from(error: String) -> Self {
        Stop::Failed(error)
    }
}

/// An answer that may be missing (outside) or a refusal (inside).
pub type Asked<T> = Result<Result<T, Refusal>, Stop>;

/// What a body sees.
pub struct Context<'a> {
    /// Where the process runs.
    pub environment: &'a Environment,
    /// The command, for its usage texts.
    pub command: &'static Command,
    /// Flags and arguments.
    pub flags: &'a Parsed,
    history: &'a [Recorded],
    next: usize,
    now: i64,
    output: Vec<Output>,
    wanted: Option<Wanted>,
    interrupt: Option<OnInterrupt>,
}

/// What Ctrl-C asks the daemon for while an answer is waited for.
#[derive(Clone, Debug)]
pub enum OnInterrupt {
    /// The client goes on waiting: the answer will tell.
    Stay(Request),
    /// The client ends.
    Leave(Request),
}

impl<'a> Context<'a> {
    /// Before the first line of the body.
    pub fn new(
        environment: &'a Environment,
        invocation: &'a Invocation,
        history: &'a [Recorded],
        started: i64,
    ) -> Context<'a> {
        let Invocation { command, flags } = invocation;
        Context {
            environment,
            command,
            flags,
            history,
            next: 0,
            now: started,
            output: vec![],
            wanted: None,
            interrupt: None,
        }
    }

    /// What was printed, what is waited for, and what Ctrl-C asks for meanwhile.
    pub fn close(self) -> (Vec<Output>, Option<Wanted>, Option<OnInterrupt>) {
        (self.output, self.wanted, self.interrupt)
    }

    /// From now on Ctrl-C sends this to the daemon, rather than end the client.
    pub fn on_interrupt(&mut self, request: Request) {
        self.interrupt = Some(OnInterrupt::Stay(request));
    }

    /// From now on Ctrl-C sends this to the daemon, too, before it ends the client.
    pub fn on_leave(&mut self, request: Request) {
        self.interrupt = Some(OnInterrupt::Leave(request));
    }

    /// The positional arguments.
    pub fn arguments(&self) -> &'a [String] {
        &self.flags.arguments
    }

    /// Virtual time.
    pub fn now(&self) -> i64 {
        self.now
    }

    /// What the host's clock shows, in nanoseconds of virtual time.
    pub fn clock(&self) -> i64 {
        self.now.saturating_add(self.environment.clock_offset)
    }

    /// Prints to stdout.
    pub fn out(&mut self, text: impl Into<String>) {
        self.output.push(Output::Out(text.into()));
    }

    /// Prints to stderr.
    pub fn err(&mut self, text: impl Into<String>) {
        self.output.push(Output::Err(text.into()));
    }

    fn told(&mut self, wanted: impl FnOnce() -> Wanted) -> Result<&'a Fact, Stop> {
        match self.history.get(self.next) {
            Some(recorded) => {
                self.next += 1;
                self.now = recorded.at;
                Ok(&recorded.fact)
            }
            None => {
                self.wanted = Some(wanted());
                Err(Stop::Pending)
            }
        }
    }

    /// A file of the host.
    pub fn file(&mut self, path: &str) -> Result<Result<Arc<[u8]>, String>, Stop> {
        match self.told(|| Wanted::File(path.to_owned()))? {
            Fact::File(content) => Ok(content.clone()),
            Fact::Answer(_) => Err(Stop::Failed("swarmlab: an answer came in the place of a file".into())),
        }
    }

    /// Asks the daemon.
    pub fn ask(&mut self, request: &Request) -> Asked<Response> {
        match self.told(|| Wanted::Request(request.clone()))? {
            Fact::Answer(Ok(response)) => Ok(Ok(response.clone())),
            Fact::Answer(Err(failure)) => Ok(Err(refusal(failure, request))),
            Fact::File(_) => Err(Stop::Failed("swarmlab: a file came in the place of an answer".into())),
        }
    }

    fn expect<T>(&mut self, request: &Request, pick: impl FnOnce(Response) -> Option<T>) -> Asked<T> {
        match self.ask(request)? {
            Err(refusal) => Ok(Err(refusal)),
            Ok(response) => match pick(response) {
                Some(value) => Ok(Ok(value)),
                None => Err(Stop::Failed("swarmlab: the daemon gave an answer of another kind".into())),
            },
        }
    }

    /// Asks for something that answers with nothing of interest.
    pub fn order(&mut self, request: &Request) -> Asked<()> {
        self.expect(request, |_| Some(()))
    }
}

macro_rules! requests {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*) -> $answer:ty { $request:expr => $pattern:pat => $value:expr })*) => {
        impl Context<'_> {
            $($(#[$doc])* pub fn $name(&mut self, $($argument: $type),*) -> Asked<$answer> {
                self.expect(&$request, |response| match response { $pattern => Some($value), _ => None })
            })*
        }
    };
}

requests! {
    /// The daemon and its swarm.
    info() -> Arc<Info> { Request::Info => Response::Info(info) => info }
    /// The engine's version.
    version() -> Arc<Version> { Request::Version => Response::Version(version) => version }
    /// The cluster and its tokens.
    swarm() -> Arc<Swarm> { Request::SwarmInspect => Response::Swarm(swarm) => swarm }
    /// The key that unlocks managers.
    unlock_key() -> String { Request::SwarmUnlockKey => Response::UnlockKey(key) => key }
    /// Nodes.
    nodes(filters: Filters) -> Arc<Vec<Node>> { Request::NodeList(filters) => Response::Nodes(nodes) => nodes }
    /// A node.
    node(id: &str) -> Arc<Node> { Request::NodeInspect(id.to_owned()) => Response::Node(node) => node }
    /// Services.
    services(filters: Filters, status: bool) -> Arc<Vec<Service>> {
        Request::ServiceList { filters, status } => Response::Services(services) => services
    }
    /// A service.
    service(id: &str, insert_defaults: bool) -> Arc<Service> {
        Request::ServiceInspect { id: id.to_owned(), insert_defaults } => Response::Service(service) => service
    }
    /// Tasks.
    tasks(filters: Filters) -> Arc<Vec<Task>> { Request::TaskList(filters) => Response::Tasks(tasks) => tasks }
    /// A task.
    task(id: &str) -> Arc<Task> { Request::TaskInspect(id.to_owned()) => Response::Task(task) => task }
    /// Containers of this host.
    containers(all: bool, limit: Option<usize>, filters: Filters) -> Arc<Vec<ContainerSummary>> {
        Request::ContainerList { all, limit, filters } => Response::Containers(containers) => containers
    }
    /// A container of this host.
    container(id: &str) -> Arc<ContainerInspect> {
        Request::ContainerInspect(id.to_owned()) => Response::Container(container) => container
    }
    /// A part of what a container writes; it may be started for that.
    attached(id: &str, seen: u64, start: bool) -> Attached {
        Request::ContainerAttach { id: id.to_owned(), seen, start } => Response::Attached(part) => part
    }
    /// The exit status of a container that has ended, or is gone.
    ended(id: &str, removed: bool) -> i32 {
        Request::ContainerWait { id: id.to_owned(), removed } => Response::ContainerEnded(status) => status
    }
    /// What a command inside a container left.
    executed(request: ExecRequest) -> Arc<Executed> {
        Request::ContainerExec(Box::new(request)) => Response::Executed(result) => result
    }
    /// The processes of a container.
    top(id: &str, options: Vec<String>) -> Arc<Top> {
        Request::ContainerTop { id: id.to_owned(), options } => Response::Top(top) => top
    }
    /// An image of this host.
    image(name: &str) -> Arc<ImageInspect> {
        Request::ImageInspect(name.to_owned()) => Response::Image(image) => image
    }
    /// Volumes of this host.
    volumes(filters: Filters) -> Arc<Vec<Volume>> { Request::VolumeList(filters) => Response::Volumes(volumes) => volumes }
    /// A volume of this host.
    volume(name: &str) -> Arc<Volume> {
        Request::VolumeInspect(name.to_owned()) => Response::Volume(volume) => volume
    }
    /// A volume that is made.
    volume_made(wanted: VolumeCreate) -> Arc<Volume> {
        Request::VolumeCreate(wanted) => Response::Volume(volume) => volume
    }
    /// Something that is cleared away: what, and how many bytes are free now.
    cleared(request: Request) -> Pruned { request => Response::Pruned(pruned) => pruned }
    /// A part of what happens at the daemon.
    events(wanted: EventsRequest) -> Arc<Events> { Request::Events(wanted) => Response::Events(events) => events }
    /// Images of this host.
    images() -> Arc<Vec<ImageSummary>> { Request::ImageList => Response::Images(images) => images }
    /// Networks.
    networks(filters: Filters) -> Arc<Vec<Network>> {
        Request::NetworkList(filters) => Response::Networks(networks) => networks
    }
    /// A network; with a scope only one of that.
    network(id: &str, scope: &str) -> Arc<Network> {
        Request::NetworkInspect { id: id.to_owned(), scope: scope.to_owned(), verbose: false } =>
            Response::Network(network) => network
    }
    /// Secrets or configs.
    files(kind: FileKind, filters: Filters) -> Arc<Vec<File>> {
        Request::FileList { kind, filters } => Response::Files(files) => files
    }
    /// A secret or a config.
    file_object(kind: FileKind, id: &str) -> Arc<File> {
        Request::FileInspect { kind, id: id.to_owned() } => Response::File(file) => file
    }
    /// Something that is made: its id.
    created(request: Request) -> String { request => Response::Created(id) => id }
    /// Something that is cleared away: names.
    pruned(request: Request) -> Vec<String> { request => Response::Deleted(names) => names }
    /// Lines of a log.
    lines(request: Request) -> Arc<Vec<LogLine>> { request => Response::Logs(lines) => lines }
    /// A part of a service's log.
    log_part(request: Request) -> LogPart { request => Response::LogPart(part) => part }
}

/// What Docker prints when a request was not carried out.
pub fn refusal(failure: &Failure, request: &Request) -> Refusal {
    match failure {
        Failure::Api(error) => {
            Refusal { text: format!("Error response from daemon: {}", error.message.trim()), status: error.status }
        }
        Failure::NoAnswer(NoAnswer::NoSocket) => Refusal {
            text:
                "failed to connect to the docker API at unix:///var/run/docker.sock; check if the path is correct and \
                   if the daemon is running: dial unix /var/run/docker.sock: connect: no such file or directory"
                    .into(),
            status: 0,
        },
        Failure::NoAnswer(NoAnswer::Refused) => Refusal {
            text: "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
                .into(),
            status: 0,
        },
        // Not recorded: Go's words for a connection that is closed in the middle of the answer...
        Failure::NoAnswer(NoAnswer::Died) if matches!(request, Request::ServiceLogsNext(_)) => {
            Refusal { text: "unexpected EOF".into(), status: 0 }
        }
        // ... and before it.
        Failure::NoAnswer(NoAnswer::Died) => {
            let (method, path) = endpoint(request);
            let text =
                format!(r#"error during connect: {method} "http://%2Fvar%2Frun%2Fdocker.sock/v1.55{path}": EOF"#);
            Refusal { text, status: 0 }
        }
    }
}

/// Method (as Go's URL errors write it) and path of a request.
fn endpoint(request: &Request) -> (&'static str, String) {
    match request {
        Request::Info => ("Get", "/info".into()),
        Request::Version => ("Get", "/version".into()),
        Request::SwarmInit(_) => ("Post", "/swarm/init".into()),
        Request::SwarmJoin(_) => ("Post", "/swarm/join".into()),
        Request::SwarmLeave { force } => ("Post", if *force { "/swarm/leave?force=1" } else { "/swarm/leave" }.into()),
        Request::SwarmInspect => ("Get", "/swarm".into()),
        Request::SwarmUpdate { version, rotate, .. } => {
            let (unlock, manager, worker) = (rotate.unlock_key, rotate.manager_token, rotate.worker_token);
            let rotate = format!(
                "rotateManagerToken={manager}&rotateManagerUnlockKey={unlock}&rotateWorkerToken={worker}&version={version}"
            );
            ("Post", format!("/swarm/update?{rotate}"))
        }
        Request::SwarmUnlockKey => ("Get", "/swarm/unlockkey".into()),
        Request::SwarmUnlock { .. } => ("Post", "/swarm/unlock".into()),
        Request::NodeList(_) => ("Get", "/nodes".into()),
        Request::NodeInspect(id) => ("Get", format!("/nodes/{id}")),
        Request::NodeUpdate { id, version, .. } => ("Post", format!("/nodes/{id}/update?version={version}")),
        Request::NodeRemove { id, force } => ("Delete", format!("/nodes/{id}{}", if *force { "?force=1" } else { "" })),
        Request::ServiceList { .. } => ("Get", "/services".into()),
        Request::ServiceInspect { id, insert_defaults } => {
            ("Get", format!("/services/{id}?insertDefaults={insert_defaults}"))
        }
        Request::ServiceCreate { .. } => ("Post", "/services/create".into()),
        Request::ServiceUpdate { id, version, .. } => ("Post", format!("/services/{id}/update?version={version}")),
        Request::ServiceRemove(id) => ("Delete", format!("/services/{id}")),
        Request::ServiceLogs { id, task, .. } => {
            ("Get", format!("/{}/{id}/logs", if *task { "tasks" } else { "services" }))
        }
        Request::ServiceLogsNext(stream) | Request::ServiceLogsLeave(stream) => {
            ("Get", format!("/services/logs/{stream}"))
        }
        Request::TaskList(_) => ("Get", "/tasks".into()),
        Request::TaskInspect(id) => ("Get", format!("/tasks/{id}")),
        Request::ContainerList { .. } => ("Get", "/containers/json".into()),
        Request::ContainerInspect(id) => ("Get", format!("/containers/{id}/json")),
        Request::ContainerRemove { id, force } => {
            ("Delete", format!("/containers/{id}{}", if *force { "?force=1" } else { "" }))
        }
        Request::ContainerStop { id, .. } => ("Post", format!("/containers/{id}/stop")),
        Request::ContainerRestart { id, .. } => ("Post", format!("/containers/{id}/restart")),
        Request::ContainerStart(id) => ("Post", format!("/containers/{id}/start")),
        Request::ContainerPause(id) => ("Post", format!("/containers/{id}/pause")),
        Request::ContainerUnpause(id) => ("Post", format!("/containers/{id}/unpause")),
        Request::ContainerRename { id, name } => ("Post", format!("/containers/{id}/rename?name={name}")),
        Request::ContainerKill { id, signal } => {
            ("Post", format!("/containers/{id}/kill?signal={}", signal.as_deref().unwrap_or("KILL")))
        }
        Request::ContainerLogs { id, .. } => ("Get", format!("/containers/{id}/logs")),
        Request::ContainerCreate(order) => (
            "Post",
            match order.name.as_str() {
                "" => "/containers/create".into(),
                name => format!("/containers/create?name={name}"),
            },
        ),
        Request::ContainerWait { id, .. } => ("Post", format!("/containers/{id}/wait")),
        Request::ContainerAttach { id, .. } => ("Post", format!("/containers/{id}/attach")),
        Request::ContainerTop { id, .. } => ("Get", format!("/containers/{id}/top")),
        Request::ContainerExec(request) => ("Post", format!("/containers/{}/exec", request.id)),
        Request::ContainerPrune(_) => ("Post", "/containers/prune".into()),
        Request::ImageInspect(name) => ("Get", format!("/images/{name}/json")),
        Request::NetworkConnect { endpoint, .. } => ("Post", format!("/networks/{}/connect", endpoint.network)),
        Request::NetworkDisconnect { network, .. } => ("Post", format!("/networks/{network}/disconnect")),
        Request::VolumeCreate(_) => ("Post", "/volumes/create".into()),
        Request::VolumeList(_) => ("Get", "/volumes".into()),
        Request::VolumeInspect(name) => ("Get", format!("/volumes/{name}")),
        Request::VolumeRemove { name, .. } => ("Delete", format!("/volumes/{name}")),
        Request::VolumePrune(_) => ("Post", "/volumes/prune".into()),
        Request::Events(_) => ("Get", "/events".into()),
        Request::ImageList => ("Get", "/images/json".into()),
        Request::ImagePull(name) => ("Post", format!("/images/create?fromImage={name}")),
        Request::ImageRemove { name, force } => {
            ("Delete", format!("/images/{name}{}", if *force { "?force=1" } else { "" }))
        }
        Request::NetworkList(_) => ("Get", "/networks".into()),
        Request::NetworkInspect { id, scope, .. } => (
            "Get",
            format!("/networks/{id}{}", if scope.is_empty() { String::new() } else { format!("?scope={scope}") }),
        ),
        Request::NetworkCreate(_) => ("Post", "/networks/create".into()),
        Request::NetworkRemove(id) => ("Delete", format!("/networks/{id}")),
        Request::NetworkPrune(_) => ("Post", "/networks/prune".into()),
        Request::FileCreate { kind, .. } => ("Post", format!("/{}s/create", kind.noun())),
        Request::FileList { kind, .. } => ("Get", format!("/{}s", kind.noun())),
        Request::FileInspect { kind, id } => ("Get", format!("/{}s/{id}", kind.noun())),
        Request::FileUpdate { kind, id, version, .. } => {
            ("Post", format!("/{}s/{id}/update?version={version}", kind.noun()))
        }
        Request::FileRemove { kind, id } => ("Delete", format!("/{}s/{id}", kind.noun())),
    }
}
