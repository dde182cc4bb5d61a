//! Why something is as it is: the chain of causes from the newest record about it back to a typed line or a fault.
//!
//! It walks the trace. Where an event's own cause says less than the record does (a replacement names its predecessor, a
//! node that is believed down fell silent because of something that was done to it), it follows the record. A node is two
//! things, and a manager may be ready and unreachable at once: what it is in the consensus has a chain of its own.

use super::words::{mention, sentence};
use super::{Observed, View, nearest};
use crate::engine::Record;
use crate::swarm::object::{Id, NodeState, RestartCondition, Role, TaskKey, TaskState, UpdateState};
use crate::swarm::store::Why;
use crate::swarm::world::World;
use crate::swarm::world::record::What;

/// The longest chain that is followed; of its restarts only the newest and the first round are told.
const LONGEST: usize = 10_000;

/// Tells why a task (`web.3`, or its id), a service, a node or `leader` is as it is.
///
/// # Errors
/// When nothing bears the name, or the trace knows nothing of it.
pub fn explain(world: &World, subject: &str) -> Result<String, String> {
    let records: Vec<&Record<What>> = world.env.trace.iter().collect();
    let subject = Subject::find(world, &records, subject)?;
    let mut out = subject.state(world);
    let newest =
        subject.halted(&records).or_else(|| records.iter().rposition(|record| subject.concerns(world, &record.what)));
    let role = records.iter().rposition(|record| subject.concerns_role(world, &record.what));
    if newest.is_none() && role.is_none() {
        return Err(format!("{}: the trace tells nothing of it", subject.name()));
    }
    let mut told = Vec::new();
    if let Some(newest) = newest {
        told = chain(world, &records, newest);
        tell(world, &records, &told, &mut out);
    }
    if let Some(role) = role.filter(|role| !told.contains(role)) {
        out += &format!("the role of {}:\n", subject.name());
        tell(world, &records, &chain(world, &records, role), &mut out);
    }
    Ok(out)
}

/// The records from one back to what began it, by their places.
fn chain(world: &World, records: &[&Record<What>], newest: usize) -> Vec<usize> {
    std::iter::successors(Some(newest), |&at| cause(world, records, at)).take(LONGEST).collect()
}

/// Of a chain of restarts the middle is left out: the newest round and the first say it all. Gives what is told before,
/// how many rounds are not, and what is told after.
fn rounds<'c>(records: &[&Record<What>], chain: &'c [usize]) -> (&'c [usize], usize, &'c [usize]) {
    let begins = |&place: &usize| {
        matches!(&records[chain[place]].what, What::Task { from: None, why: Why::Restart(_) | Why::NodeInvalid(_), .. })
    };
    let replacements: Vec<usize> = (0..chain.len()).filter(begins).collect();
    match replacements[..] {
        [newest, .., oldest] if replacements.len() > 2 => {
            (&chain[..=newest], replacements.len() - 1, &chain[oldest + 1..])
        }
        _ => (chain, 0, &[]),
    }
}

fn tell(world: &World, records: &[&Record<What>], chain: &[usize], out: &mut String) {
    let (before, left_out, after) = rounds(records, chain);
    let mut last = String::new();
    for (link, &at) in before.iter().chain(after).enumerate() {
        if left_out > 0 && link == before.len() {
            let since = records[after[0]].at.to_string();
            *out += &format!("  {since:>12}  and so on, {left_out} more times; the first time:\n");
        }
        let record = records[at];
        let (text, reason) = sentence(world, record);
        // Several records of one step may say the same.
        if text != last {
            let because = if link == 0 { "" } else { "because " };
            let reason = reason.map_or_else(String::new, |reason| format!(" ({reason})"));
            *out += &format!("  {:>12}  {because}{text}{reason}\n", record.at.to_string());
            last = text;
        }
    }
}

/// The service and the slot of the task that is meant; none for another subject.
pub fn task_named(world: &World, subject: &str) -> Option<(String, u32)> {
    let records: Vec<&Record<What>> = world.env.trace.iter().collect();
    match Subject::find(world, &records, subject) {
        // One that came with its node was not chosen by the scheduler.
        Ok(Subject::Task { service, slot, node: None }) => Some((service, slot)),
        _ => None,
    }
}

/// Who is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Subject {
    /// A slot: a number, or a node's name.
    Task {
        service: String,
        slot: u32,
        node: Option<String>,
    },
    Service(String),
    Node(String),
    Leader,
}

impl Subject {
    fn find(world: &World, records: &[&Record<What>], name: &str) -> Result<Self, String> {
        if name == "leader" {
            return Ok(Self::Leader);
        }
        let tasks: Vec<Self> = records.iter().filter_map(|record| Self::of_task(&record.what)).collect();
        let has_id =
            |what: &What| matches!(what, What::Task { id, .. } if name.len() >= 4 && id.text().starts_with(name));
        if let Some(task) = records.iter().rev().find(|record| has_id(&record.what)) {
            return Self::of_task(&task.what).ok_or_else(String::new);
        }
        if world.host_named(name).is_some() {
            return Ok(Self::Node(name.to_owned()));
        }
        if let Some(task) = tasks.iter().find(|task| task.name() == name) {
            return Ok(task.clone());
        }
        let mut names: Vec<String> = records
            .iter()
            .filter_map(|record| match &record.what {
                What::Service { name, .. } | What::ServiceRemoved { name } => Some(name.to_string()),
                _ => None,
            })
            .collect();
        if names.iter().any(|service| service == name) {
            return Ok(Self::Service(name.to_owned()));
        }
        names.extend(tasks.iter().map(Self::name));
        names.extend(world.hosts().iter().map(|host| host.name.to_string()));
        let hint = nearest(name, names.iter().map(String::as_str)).map_or_else(
            || "; name a task as in web.1, a service, a node, or leader".into(),
            |near| format!("; did you mean {near}?"),
        );
        Err(format!("nothing is called {name}{hint}"))
    }

    fn of_task(what: &What) -> Option<Self> {
        let What::Task { service, slot, by_node, node, .. } = what else { return None };
        let node = node.as_deref().filter(|_| *by_node).map(str::to_owned);
        Some(Self::Task { service: service.to_string(), slot: *slot, node })
    }

    fn name(&self) -> String {
        match self {
            Self::Task { service, slot, node } => mention(service, *slot, node.is_some(), node.as_deref()),
            Self::Service(name) | Self::Node(name) => name.clone(),
            Self::Leader => "leader".into(),
        }
    }

    /// Of a service whose update has halted: the record of that, which matters more than what goes on beside it.
    fn halted(&self, records: &[&Record<What>]) -> Option<usize> {
        let Self::Service(service) = self else { return None };
        let told = |record: &&Record<What>| {
            matches!(&record.what, What::Service { name, update, spec_changed, .. }
                if **name == **service && (update.is_some() || *spec_changed))
        };
        let newest = records.iter().rposition(told)?;
        let What::Service { update: Some((state, _)), .. } = &records[newest].what else { return None };
        let halted = matches!(state, UpdateState::Paused | UpdateState::RollbackPaused | UpdateState::RollbackStarted);
        halted.then_some(newest)
    }

    /// Why a slot whose task has ended stays empty, as far as its restart policy says so.
    fn not_replaced(world: &World, id: &str) -> Option<String> {
        let (_, manager) = Observed(world).leader()?;
        let task = manager.state.tasks.values().find(|task| task.id.text() == id)?;
        let ended = task.status.state.is_terminal() && task.desired == TaskState::Shutdown;
        manager.state.services.get(task.service).filter(|_| ended)?;
        let policy = &task.spec.restart;
        let reason = match policy.condition {
            RestartCondition::None => "its restart condition is none".to_owned(),
            RestartCondition::OnFailure if task.status.state == TaskState::Complete => {
                "its restart condition is on-failure, and it did not fail".to_owned()
            }
            _ if policy.max_attempts > 0 => {
                format!("its restart policy allows {} attempts, and they are used up", policy.max_attempts)
            }
            _ => return None,
        };
        Some(format!("it is not replaced: {reason}\n"))
    }

    /// How it stands, as the leader believes.
    fn state(&self, world: &World) -> String {
        let view = Observed(world);
        let name = self.name();
        let unknown = || format!("{name}: nobody leads, so nobody knows how it is now\n");
        match self {
            Self::Task { service, slot, node } => {
                let Some(tasks) = view.tasks() else { return unknown() };
                let live = |desired: &str| matches!(desired, "running" | "ready" | "complete");
                let newest = tasks.iter().rev().filter(|task| {
                    *task.service == **service
                        && task.slot == u64::from(*slot)
                        && node.as_deref().is_none_or(|node| *task.node == *node)
                });
                let Some(task) = newest.clone().find(|task| live(&task.desired)).or_else(|| newest.clone().next())
                else {
                    return format!("{name} is no more\n");
                };
                let on = if task.node.is_empty() { String::new() } else { format!(" on {}", task.node) };
                let error = if task.error.is_empty() { String::new() } else { format!(": {}", task.error) };
                let mut text = format!("{name} is {}{on}, should be {}{error}\n", task.state, task.desired);
                text.extend(Self::not_replaced(world, &task.id));
                text
            }
            Self::Service(_) => {
                let Some(services) = view.services() else { return unknown() };
                match services.iter().find(|service| *service.name == *name) {
                    Some(service) if service.mode.ends_with("job") => {
                        format!("{name} is a job: {} of its tasks run now\n", service.running)
                    }
                    Some(service) => format!("{name} runs {} of {} tasks\n", service.running, service.desired),
                    None => format!("{name} is no more\n"),
                }
            }
            Self::Node(_) => {
                let Some(nodes) = view.nodes() else { return unknown() };
                match nodes.iter().find(|node| *node.name == *name) {
                    Some(node) => {
                        let role = match &*node.reachability {
                            "" => node.role.to_string(),
                            reachability => format!("{} ({reachability})", node.role),
                        };
                        format!("{name} is believed {} and {}, a {role}\n", node.status, node.availability)
                    }
                    None => format!("{name} is no node of the swarm\n"),
                }
            }
            Self::Leader => {
                let raft = view.raft();
                if raft.leader.is_empty() { "nobody leads\n".into() } else { format!("{} leads\n", raft.leader) }
            }
        }
    }

    /// Whether a record tells what a node is in the consensus.
    fn concerns_role(&self, world: &World, what: &What) -> bool {
        let Self::Node(node) = self else { return false };
        match what {
            What::Certified { host, .. } | What::LeftRaft { host } => **world.env.name(*host) == **node,
            What::MemberAdded { peer, .. } | What::MemberRemoved { peer, .. } | What::Reachable { peer, .. } => {
                **world.env.name(*peer) == **node
            }
            _ => false,
        }
    }

    fn concerns(&self, world: &World, what: &What) -> bool {
        match (self, what) {
            (Self::Task { .. }, What::Task { .. }) => Self::of_task(what).as_ref() == Some(self),
            (Self::Service(service), What::Service { name, .. } | What::ServiceRemoved { name }) => **name == **service,
            (Self::Service(service), What::Task { service: other, state, err, .. }) => {
                **other == **service && (state.is_terminal() || err.is_some())
            }
            (Self::Node(node), What::Node { name, .. } | What::NodeRemoved { name }) => **name == **node,
            (Self::Node(node), What::DaemonUp { host } | What::SwarmStopped { host, .. }) => {
                **world.env.name(*host) == **node
            }
            (Self::Node(node), What::Fault { text }) => mentions(text, node),
            // Who led before may step down after the new one leads.
            (Self::Leader, What::Leads { host, .. }) => {
                Observed(world).leader().is_none_or(|(leader, _)| leader == *host)
            }
            (Self::Leader, What::SteppedDown { .. }) => Observed(world).leader().is_none(),
            _ => false,
        }
    }
}

/// Whether a line asks for another role of this node.
fn changes_role(line: &str, node: &str, id: Option<&str>) -> bool {
    let mut words = line.split_whitespace();
    let asks =
        words.any(|word| matches!(word, "promote" | "demote" | "--role" | "join") || word.starts_with("--role="));
    asks && words.any(|word| word == node || id.is_some_and(|id| word.len() >= 4 && id.starts_with(word)))
}

/// Whether a fault's line is the end of one.
fn mends(text: &str) -> bool {
    let verb = text.split_whitespace().next().unwrap_or_default();
    matches!(verb, "heal" | "boot" | "resume" | "unblock") || (verb == "link" && text.ends_with(" up"))
}

/// Whether a line creates or changes this service.
fn is_about(line: &str, service: &str) -> bool {
    let mut words = line.split(|c: char| c.is_whitespace() || c == ';' || c == '=');
    words.any(|word| word == "service")
        && words.any(|word| matches!(word, "create" | "update" | "scale" | "rollback"))
        && words.any(|word| word == service)
}

/// Whether a fault's line names this host.
fn mentions(text: &str, host: &str) -> bool {
    text.split(|c: char| c.is_whitespace() || c == '|' || c == ',').any(|word| word == host)
}

/// The record that led to the one at `at`.
fn cause(world: &World, records: &[&Record<What>], at: usize) -> Option<usize> {
    let before = &records[..at];
    let record = records[at];
    let newest = |wanted: &dyn Fn(&What) -> bool| before.iter().rposition(|record| wanted(&record.what));
    let mended = |lost: &dyn Fn(&What) -> bool| {
        let lost = newest(lost)?;
        newest(&|what| matches!(what, What::Fault { text } if mends(text))).filter(|&place| place > lost)
    };
    let told = match &record.what {
        What::Typed { .. } | What::Fault { .. } => return None,
        What::Service { update: Some((_, message)), .. } => {
            // "update paused due to failure or early termination of task ID"
            message.rsplit_once(" task ").and_then(|(_, id)| {
                newest(&|what| matches!(what, What::Task { id: own, state, .. } if state.is_terminal() && own.text() == id))
            })
        }
        // What a user asked for waits its turn behind other writers, whose doing it is not.
        What::Service { name, created, spec_changed, .. } if *created || *spec_changed => {
            newest(&|what| matches!(what, What::Typed { line, .. } if is_about(line, name)))
        }
        What::Task { from: None, why: Why::Restart(task), .. } => newest(&|what| ended(what, *task)),
        What::Task { why: Why::NodeInvalid(task), .. } => node_of(before, *task).and_then(|node| {
            newest(&|what| match what {
                What::Node { name, state, availability, .. } => {
                    **name == *node && (*state != NodeState::Ready || availability.is_some())
                }
                What::NodeRemoved { name } => **name == *node,
                _ => false,
            })
        }),
        What::Task { id, state: TaskState::Running, from: Some((before, _)), .. } if *before != TaskState::Running => {
            newest(&|what| matches!(what, What::ContainerStarted { name, .. } if is_of(name, *id)))
        }
        What::Task { id, state, from: Some((before, _)), .. } if state.is_terminal() && state != before => {
            newest(&|what| matches!(what, What::ContainerEnded { name, .. } if is_of(name, *id)))
        }
        What::Task { task: own, state: TaskState::Assigned, .. } => {
            let own = newest(&|what| matches!(what, What::Task { task, .. } if task == own));
            // One that had to wait was placed because of what changed since.
            own.filter(|&place| !waits(&before[place].what) || known_since(before, record, place).is_none())
        }
        // What began the allocator's or the scheduler's turn says nothing of why the task is there at all.
        what @ What::Task { state: TaskState::Pending, .. } => newest(&|earlier| same_task(earlier, what)),
        What::ContainerStarted { name: container, .. } => {
            newest(&|what| matches!(what, What::Task { id, state: TaskState::Assigned, .. } if is_of(container, *id)))
        }
        What::ContainerHealth { name: container, .. } => {
            let fault = before
                .iter()
                .rposition(|other| matches!(&other.what, What::Fault { text } if text.starts_with("unhealthy")));
            fault.or_else(|| newest(&|what| matches!(what, What::ContainerStarted { name, .. } if name == container)))
        }
        // An unhealthy container was stopped for that.
        What::ContainerEnded { name: container, code, oom: false, .. }
            if *code != 0 && unhealthy(before, container).is_some() =>
        {
            unhealthy(before, container)
        }
        What::ContainerEnded { name: container, .. } => {
            let fault = before.iter().rposition(|other| other.event == record.event || other.event == record.cause);
            fault.filter(|&place| matches!(before[place].what, What::Fault { .. })).or_else(|| {
                newest(&|what| match what {
                    What::Task { id, desired, .. } => *desired > TaskState::Complete && is_of(container, *id),
                    _ => false,
                })
            })
        }
        What::Node { name, state: NodeState::Down | NodeState::Unknown, availability: None, .. } => {
            newest(&|what| matches!(what, What::Fault { text } if mentions(text, name)))
        }
        What::Reachable { host, peer, active } => {
            let (own, peer) = (world.env.name(*host), world.env.name(*peer));
            let of_peer = |what: &What| match what {
                What::Fault { text } => mentions(text, peer),
                What::MemberAdded { peer: added, .. } => *active && world.env.name(*added) == peer,
                _ => false,
            };
            newest(&of_peer).or_else(|| newest(&|what| matches!(what, What::Fault { text } if mentions(text, own))))
        }
        What::LeftRaft { host } => newest(&|what| matches!(what, What::MemberRemoved { peer, .. } if peer == host)),
        What::Certified { host, role: Role::Worker } => {
            newest(&|what| matches!(what, What::LeftRaft { host: other } if other == host))
        }
        What::MemberAdded { peer, .. } => {
            newest(&|what| matches!(what, What::Certified { host, role: Role::Manager } if host == peer))
        }
        What::Certified { host, role: Role::Manager } | What::MemberRemoved { peer: host, .. } => {
            let id = world.host(*host).disk.node.as_ref().map(|node| node.id.text());
            let name = world.env.name(*host);
            newest(&|what| matches!(what, What::Typed { line, .. } if changes_role(line, name, id.as_deref())))
        }
        What::Leads { host: own, term: led } => {
            newest(&|what| matches!(what, What::Elected { host, term } if host == own && term == led))
        }
        What::Elected { host: own, term: won } => {
            newest(&|what| matches!(what, What::Candidate { host, term } if host == own && term == won))
        }
        // What ended the fault, if that came after the loss was noticed.
        What::Node { name: own, state: NodeState::Ready, joined: false, availability: None, .. } => mended(
            &|what| matches!(what, What::Node { name, state: NodeState::Down | NodeState::Unknown, .. } if name == own),
        ),
        What::Candidate { .. } | What::SteppedDown { no_quorum: true, .. } => {
            newest(&|what| matches!(what, What::Fault { .. }))
        }
        _ => None,
    };
    // Of several records of one event, one of the same task or service says more than the first.
    let known = |event| {
        let of_event = || before.iter().enumerate().filter(|(_, other)| other.event == event).map(|(place, _)| place);
        of_event()
            .find(|&place| same_task(&before[place].what, &record.what))
            .or_else(|| of_event().find(|&place| service_of(&before[place].what) == service_of(&record.what)))
            .or_else(|| of_event().next())
    };
    told.or_else(|| known(record.cause)).or_else(|| known(record.landmark))
}

/// The record that says that a container is unhealthy, if that was the last word on its health.
fn unhealthy(before: &[&Record<What>], container: &str) -> Option<usize> {
    let place = before
        .iter()
        .rposition(|other| matches!(&other.what, What::ContainerHealth { name, .. } if **name == *container))?;
    matches!(before[place].what, What::ContainerHealth { healthy: false, .. }).then_some(place)
}

/// Whether a container is this task's: `web.1.ID`.
fn is_of(container: &str, task: Id) -> bool {
    container.rsplit_once('.').is_some_and(|(_, id)| id == task.text())
}

/// Whether it says that a task finds no node.
fn waits(what: &What) -> bool {
    matches!(what, What::Task { state: TaskState::Pending, err: Some(_), .. })
}

/// The notable cause of a record, if it came after the one at `place`.
fn known_since(before: &[&Record<What>], record: &Record<What>, place: usize) -> Option<usize> {
    before.iter().rposition(|other| other.event == record.landmark).filter(|&at| at > place)
}

fn same_task(a: &What, b: &What) -> bool {
    matches!((a, b), (What::Task { task: a, .. }, What::Task { task: b, .. }) if a == b)
}

fn service_of(what: &What) -> Option<&str> {
    match what {
        What::Task { service, .. } | What::TaskRemoved { service, .. } => Some(service),
        What::Service { name, .. } => Some(name),
        _ => None,
    }
}

fn ended(what: &What, wanted: TaskKey) -> bool {
    matches!(what, What::Task { task, state, .. } if *task == wanted && state.is_terminal())
}

fn node_of<'a>(records: &[&'a Record<What>], wanted: TaskKey) -> Option<&'a str> {
    records.iter().rev().find_map(|record| match &record.what {
        What::Task { task, node: Some(node), .. } if *task == wanted => Some(&**node),
        _ => None,
    })
}
