//! An oracle for clusters at rest: what must have been reached, and what a task that waits must say, worked out from the
//! specs, the nodes and the tasks alone, without a line of the scheduler's or the orchestrators' code.
//!
//! What it knows: which nodes a task could go to and which filter is in the way on each other (control-plane.md §3.4, §3.7);
//! how many slots each mode wants (§4.1-§4.3); which slots their policy gave up (§5); which updates stand still and why
//! (§6.2, §6.4). Where the real Swarm leaves a cluster short of its spec, the rule that does so is written at its place here.

use super::World;
use super::bench::{Line, Written};
use crate::swarm::object::{
    Availability, Generic, Mode, Node, NodeKey, NodeState, RestartCondition, Service, Task, TaskKey, TaskState,
    UpdateOrder, UpdateState,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// An image that nobody has.
pub const MISSING: &str = "app:nopull";
/// What is said of it.
pub const NO_SUCH_IMAGE: &str = "No such image: app:nopull";
/// What the constraint enforcer says.
const ENFORCED: &str = "assigned node no longer meets constraints";

/// What the oracle must be told of the past.
#[derive(Clone, Copy, Debug, Default)]
pub struct Past {
    /// Nodes came, went or changed since the service was last written.
    pub nodes_changed: bool,
}

/// What is wrong, in words.
pub type Verdict = Result<(), String>;

/// So long is looked back: longer than any delay that the tests use, but for the minute that an old task has.
const LOOK_BACK: i64 = 20_000;

/// What has been written of late, at a time when nothing need be any more.
///
/// Two things never come to rest: tasks whose image is missing are tried again and again; and on a node of which more is asked
/// than it has, by those that run there and those that belong there and wait, the enforcer rejects whom it comes to last
/// whenever the node is written, be it for an attachment of the task that replaces the rejected one (§4.4, §9). Both may
/// move the tasks of other services, as room comes and goes.
pub struct Rest<'a> {
    world: &'a World,
    moved: BTreeSet<String>,
}

impl<'a> Rest<'a> {
    fn of(world: &'a World) -> Result<Self, String> {
        let since = world.millis() - LOOK_BACK;
        let (mut moved, mut cause) = (BTreeSet::new(), false);
        for line in world.log.iter().rev().take_while(|line| line.at >= since) {
            if let Written::Task { task, .. } = &line.what {
                moved.insert(task.service_name.to_string());
                let rejected = task.status.err.as_deref() == Some(ENFORCED);
                cause |= rejected || &*task.spec.image == MISSING;
            } else {
                moved.insert(line.name.clone());
            }
        }
        match moved.is_empty() || cause {
            true => Ok(Self { world, moved }),
            false => Err(format!("no rest, and no reason for it: {moved:?}")),
        }
    }

    /// Nothing moves.
    fn is_quiet(&self) -> bool {
        self.moved.is_empty()
    }

    fn moves(&self, service: &Service) -> bool {
        self.moved.contains(&**service.name())
    }
}

/// A filter's words, with a count; the last has none.
const WORDS: [(&str, &str); 6] = [
    ("1 node not available for new tasks", "# nodes not available for new tasks"),
    ("insufficient resources on 1 node", "insufficient resources on # nodes"),
    ("scheduling constraints not satisfied on 1 node", "scheduling constraints not satisfied on # nodes"),
    ("unsupported platform on 1 node", "unsupported platform on # nodes"),
    ("host-mode port already in use on 1 node", "host-mode port already in use on # nodes"),
    ("max replicas per node limit exceed", "max replicas per node limit exceed"),
];

fn is_live(task: &Task) -> bool {
    task.desired <= TaskState::Running
}

fn is_available(node: &Node) -> bool {
    node.status.state == NodeState::Ready && node.spec.availability == Availability::Active
}

/// `key==value` or `key!=value`, over what the tests use.
fn satisfies(node: &Node, text: &str) -> bool {
    let (key, value, wanted) = match text.split_once("==") {
        Some((key, value)) => (key, value, true),
        None => text.split_once("!=").map(|(key, value)| (key, value, false)).expect("an operator"),
    };
    let label = key.strip_prefix("node.labels.").map(|name| node.spec.labels.get(name).map_or("", |text| text));
    let actual = match (label, key) {
        (Some(value), _) => value,
        (None, "node.platform.arch") => &*node.description.architecture,
        (None, other) => panic!("the tests use no {other}"),
    };
    (actual == value) == wanted
}

fn constraints(service: &Service) -> &[String] {
    service.spec.api.task_template.placement.as_ref().map_or(&[], |placement| &placement.constraints)
}

fn is_eligible(node: &Node, service: &Service) -> bool {
    constraints(service).iter().all(|text| satisfies(node, text))
}

/// Which filter is in a task's way on a node: the first of those that are.
fn in_the_way(world: &World, task: &Task, node: &Node, without: &BTreeSet<TaskKey>) -> Option<usize> {
    let there: Vec<&Arc<Task>> = world
        .state
        .tasks
        .values()
        .filter(|other| other.node == Some(node.key) && other.key != task.key && !without.contains(&other.key))
        .filter(|other| (TaskState::Assigned..=TaskState::Running).contains(&other.status.state))
        .collect();
    let spec = &task.spec;
    let cpus: i64 = there.iter().map(|other| other.spec.reserved.nano_cpus).sum();
    let memory: i64 = there.iter().map(|other| other.spec.reserved.memory_bytes).sum();
    let held = |gpu: &Generic| there.iter().any(|other| other.assigned_generic.contains(gpu));
    let gpus = node.description.generic.iter().filter(|gpu| !held(gpu)).count();
    let asked: i64 = spec.generic.iter().map(|request| request.amount).sum();
    let reserves = spec.reserved.nano_cpus > 0 || spec.reserved.memory_bytes > 0 || asked > 0;
    let fits = node.description.nano_cpus - cpus >= spec.reserved.nano_cpus
        && node.description.memory_bytes - memory >= spec.reserved.memory_bytes
        && (asked == 0 || gpus as i64 >= asked);
    let texts = spec.api.placement.as_ref().map_or(&[][..], |placement| &placement.constraints);
    let built_for = spec.platforms.iter().any(|platform| {
        let word = |text: &str| text.replace("x86_64", "amd64").replace("aarch64", "arm64");
        word(&platform.architecture) == word(&node.description.architecture)
    });
    let ports = |task: &Task| -> Vec<u16> {
        // As the allocator gave them, which is of the service as it was then.
        task.ports.iter().filter(|port| !port.ingress).map(|port| port.published).collect()
    };
    let taken = there.iter().any(|other| ports(other).iter().any(|port| ports(task).contains(port)));
    let siblings =
        there.iter().filter(|other| other.service == task.service && other.desired <= TaskState::Complete).count();
    let stops = [
        !is_available(node),
        reserves && !fits,
        !texts.iter().all(|text| satisfies(node, text)),
        !spec.platforms.is_empty() && !built_for,
        taken,
        spec.max_replicas > 0 && siblings >= spec.max_replicas as usize,
    ];
    stops.iter().position(|&stops| stops)
}

/// The words for so many nodes stopped by each filter, the most effective first.
fn words(counts: [u32; 6]) -> String {
    let mut order: Vec<usize> = (0..6).filter(|&filter| counts[filter] > 0).collect();
    order.sort_by_key(|&filter| (u32::MAX - counts[filter], filter));
    let say = |&filter: &usize| match counts[filter] {
        1 => WORDS[filter].0.to_owned(),
        count => WORDS[filter].1.replace('#', &count.to_string()),
    };
    order.iter().map(say).collect::<Vec<_>>().join("; ")
}

/// A task that waits for a node says exactly why, and no node would do. While others come and go for ever, and take room for a
/// moment each time, only that it says something.
fn check_waiting(rest: &Rest<'_>, service: &Service, task: &Task) -> Verdict {
    let world = rest.world;
    let err = task.status.err.as_deref().unwrap_or("");
    // §3.7: a task without a node that finds none while there is a newer spec is not looked at again, nor told anything; not
    // even when a rollback makes its own spec the newest again.
    if task.node.is_none() && world.versions[&service.key].iter().any(|&version| version > task.spec_version) {
        return Ok(());
    }
    if !rest.is_quiet() {
        let silent = err.is_empty() && !rest.moves(service);
        return if silent { Err(format!("{} waits and says nothing", world.names[&task.key])) } else { Ok(()) };
    }
    let node = match task.node {
        Some(node) => match world.state.nodes.get(node) {
            Some(node) => Some(node),
            None => return Ok(()),
        },
        None => None,
    };
    // A node that goes asks for no look (§3.1): where none is left, the words are still of those that were.
    if node.is_none() && world.state.nodes.values().next().is_none() && err.starts_with("no suitable node") {
        return Ok(());
    }
    let right = |without: &BTreeSet<TaskKey>| -> Result<String, String> {
        let mut counts = [0; 6];
        let all = world.state.nodes.values().filter(|one| node.is_none_or(|node| node.key == one.key));
        for node in all {
            match in_the_way(world, task, node, without) {
                Some(filter) => counts[filter] += 1,
                None => return Err(node.description.hostname.to_string()),
            }
        }
        Ok(match (node, words(counts)) {
            (Some(_), words) => words,
            (None, none) if none.is_empty() => "no suitable node".to_owned(),
            (None, some) => format!("no suitable node ({some})"),
        })
    };
    let name = &world.names[&task.key];
    let now = match right(&BTreeSet::new()) {
        Ok(now) => now,
        Err(host) => return Err(format!("{name} waits, though {host} would do: it says {err:?}")),
    };
    // A task that belongs to a node and is confirmed there asks for no look at those that wait (§3.1): the words may be of the
    // time before it came.
    if err == now || right(&confirmed_since(world, task)).is_ok_and(|then| err == then) {
        return Ok(());
    }
    Err(format!("{name} waits: it says {err:?}, the oracle {now:?}"))
}

/// Tasks that have found their place since something was last said of this one.
fn confirmed_since(world: &World, waiting: &Task) -> BTreeSet<TaskKey> {
    let of = |line: &Line| match &line.what {
        Written::Task { task, .. } => Some((task.key, task.status.state >= TaskState::Assigned)),
        _ => None,
    };
    let said = world.log.iter().rposition(|line| of(line).is_some_and(|(key, _)| key == waiting.key)).unwrap_or(0);
    let placed = |lines: &[Line]| -> BTreeSet<TaskKey> {
        lines.iter().filter_map(of).filter(|(_, placed)| *placed).map(|(key, _)| key).collect()
    };
    let (before, since) = (placed(&world.log[..said]), placed(&world.log[said..]));
    since.difference(&before).copied().collect()
}

/// The image is missing: an end in the slot says so, or the enforcer was faster; and its next task waits out its delay or is
/// being tried.
fn check_missing(world: &World, tasks: &[&Arc<Task>], name: &str) -> Verdict {
    let told = |task: &&&Arc<Task>| {
        task.status.state == TaskState::Rejected
            && task.status.err.as_deref().is_some_and(|err| err == NO_SUCH_IMAGE || err == ENFORCED)
    };
    if tasks.iter().any(|task| told(&task)) {
        return Ok(());
    }
    Err(format!("{name}: the image is missing and no task says so: {:?}", world.slots(name)))
}

/// A live task runs, or waits and says why, or cannot be heard, or has no image. `slot`: all tasks of its slot.
fn check_live(rest: &Rest<'_>, service: &Service, task: &Arc<Task>, slot: &[&Arc<Task>]) -> Verdict {
    let world = rest.world;
    let node = task.node.and_then(|node| world.state.nodes.get(node));
    match task.status.state {
        TaskState::Running => Ok(()),
        // A job's task that ended well.
        TaskState::Complete if task.desired == TaskState::Complete => Ok(()),
        // Its agent cannot be heard; the managers do not know what became of it.
        TaskState::Assigned | TaskState::Accepted | TaskState::Preparing | TaskState::Ready | TaskState::Starting
            if node.is_none_or(|node| node.status.state != NodeState::Ready) =>
        {
            Ok(())
        }
        _ if &*task.spec.image == MISSING && task.status.state != TaskState::Pending => {
            check_missing(world, slot, service.name())
        }
        TaskState::Pending if rest.moves(service) => Ok(()),
        TaskState::Pending => check_waiting(rest, service, task),
        _ if rest.moves(service) => Ok(()),
        _ => Err(format!("{} does not run: {:?}", world.names[&task.key], world.slots(service.name()))),
    }
}

/// Whether the policy may have ended a slot for good (§5). It is the newest task's that counts when the orchestrator looks
/// (§2.5); an older one which stops after that look is the newest from then on, and nobody looks again.
fn is_given_up(world: &World, slot: &[&Arc<Task>]) -> bool {
    slot.iter().any(|task| match task.spec.restart.condition {
        // Not even what was lost with its node.
        RestartCondition::None => true,
        RestartCondition::OnFailure if task.status.state == TaskState::Complete => true,
        // Its attempts were made, and be it that the last one was scaled away: the slot counts as given up then (§2.5).
        _ => {
            let node =
                task.node.filter(|_| world.state.services.get(task.service).is_some_and(|s| s.spec.mode.is_by_node()));
            let made = world.made.get(&(task.service, task.slot, node)).copied().unwrap_or(0);
            task.spec.restart.max_attempts > 0 && made as u64 > task.spec.restart.max_attempts
        }
    })
}

/// The service's tasks by slot, or by node where it has one a node.
fn by_slot<'a>(world: &'a World, service: &Service) -> BTreeMap<(u32, Option<NodeKey>), Vec<&'a Arc<Task>>> {
    let mut slots: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for task in world.state.tasks_of_service(service.key) {
        let node = task.node.filter(|_| service.spec.mode.is_by_node());
        slots.entry((task.slot, node)).or_default().push(task);
    }
    slots
}

/// Everything that must hold of a cluster at rest.
pub fn check(world: &World, past: impl Fn(&Service) -> Past) -> Verdict {
    let rest = &Rest::of(world)?;
    for task in world.state.tasks.values() {
        let node = task.node.and_then(|node| world.state.nodes.get(node));
        let stops = task.desired >= TaskState::Shutdown
            && (TaskState::Assigned..=TaskState::Running).contains(&task.status.state);
        if stops && node.is_some_and(|node| node.status.state == NodeState::Ready) {
            return Err(format!("{} never stops: {task:?}", world.names[&task.key]));
        }
        if world.state.services.get(task.service).is_none()
            && !(task.desired == TaskState::Remove && node.is_some_and(|node| node.status.state != NodeState::Ready))
        {
            return Err(format!("{} has no service: {task:?}", world.names[&task.key]));
        }
    }
    for service in world.state.services.values() {
        let slots = by_slot(world, service);
        match service.spec.mode {
            Mode::Replicated { replicas } => replicated(rest, service, &slots, replicas as usize)?,
            Mode::Global => global(rest, service, &slots)?,
            Mode::ReplicatedJob { max_concurrent, total } => {
                replicated_job(rest, service, &slots, max_concurrent as usize, total as usize)?;
            }
            Mode::GlobalJob => global_job(rest, service, &slots, past(service))?,
        }
        if !service.spec.mode.is_job() {
            check_update(world, service, &slots)?;
        }
    }
    Ok(())
}

type Slots<'a> = BTreeMap<(u32, Option<NodeKey>), Vec<&'a Arc<Task>>>;

fn live<'a>(slot: &[&'a Arc<Task>]) -> Vec<&'a Arc<Task>> {
    slot.iter().copied().filter(|task| is_live(task)).collect()
}

/// Two live tasks in a slot are a start-first update's that stands still (§6.2), or what it has left: where the request was
/// sent again meanwhile its status is gone, so that its end writes nothing and no second pass comes (§6.1, §6.2).
fn may_be_double(world: &World, service: &Service) -> bool {
    let state = service.update_status.as_ref().map(|status| status.state);
    world.loops.orchestrators.is_updating(service.key)
        || matches!(state, Some(UpdateState::Paused | UpdateState::RollbackPaused))
        || (state.is_none() && service.spec.update.order == UpdateOrder::StartFirst)
}

/// How many slots went in a scale-down whose policy might have ended them.
fn scaled_away(world: &World, service: &Service) -> usize {
    let ends = |task: &Task| {
        let policy = &task.spec.restart;
        policy.condition != RestartCondition::Any || policy.max_attempts > 0
    };
    let slot = |line: &Line| match &line.what {
        Written::Task { task, .. } if task.service == service.key && task.desired == TaskState::Remove => {
            ends(task).then_some(task.slot)
        }
        _ => None,
    };
    world.log.iter().filter_map(slot).collect::<BTreeSet<_>>().len()
}

fn replicated(rest: &Rest<'_>, service: &Service, slots: &Slots<'_>, replicas: usize) -> Verdict {
    let world = rest.world;
    let mut occupied = 0;
    let mut given_up = 0;
    for slot in slots.values() {
        let live = live(slot);
        if live.len() > 1 && !may_be_double(world, service) {
            return Err(format!("two live tasks in a slot: {:?}", world.slots(service.name())));
        }
        for task in &live {
            let node = task.node.map(|node| world.state.nodes.get(node));
            let invalid =
                |node: &Node| node.status.state == NodeState::Down || node.spec.availability == Availability::Drain;
            // An update's or a restart's task which still waits for its turn is not moved yet (§4.1 knows D <= RUNNING only).
            if node.is_some_and(|node| node.is_none_or(|node| invalid(node))) {
                return Err(format!("{} stays on a node that is lost or drained", world.names[&task.key]));
            }
            check_live(rest, service, task, slot)?;
        }
        occupied += usize::from(!live.is_empty());
        given_up += usize::from(live.is_empty() && is_given_up(world, slot));
    }
    // A slot that its policy gave up is occupied (§2.5), but for the time of a rollback. One that was scaled away counts so
    // too until its tasks are gone: a look meanwhile may take another slot away for it, and none comes after that (§4.1).
    if occupied > replicas || occupied + given_up + scaled_away(world, service) < replicas {
        return Err(format!(
            "{}: {replicas} wanted, {occupied} slots are live and {given_up} given up: {:?}",
            service.name(),
            world.slots(service.name())
        ));
    }
    Ok(())
}

fn global(rest: &Rest<'_>, service: &Service, slots: &Slots<'_>) -> Verdict {
    let world = rest.world;
    for node in world.state.nodes.values() {
        let slot = slots.get(&(0, Some(node.key))).map_or(&[][..], |slot| slot);
        let live = live(slot);
        let lost = node.status.state == NodeState::Down || node.spec.availability == Availability::Drain;
        let place = format!("{} on {}", service.name(), node.description.hostname);
        if lost && !live.is_empty() {
            return Err(format!("{place}: a task where none may be"));
        }
        for task in &live {
            check_live(rest, service, task, slot)?;
        }
        // A paused node keeps what it has (§4.2).
        if lost || node.spec.availability == Availability::Pause {
            continue;
        }
        if !is_eligible(node, service) && !live.is_empty() {
            // The enforcer rejects whatever has not ended, and the attempt to restart it finds the node unfit (§4.2).
            return Err(format!("{place}: a task against the constraints: {:?}", world.counts(service.name())));
        }
        if is_eligible(node, service) && live.is_empty() && !is_given_up(world, slot) {
            return Err(format!("{place}: no task: {:?}", world.counts(service.name())));
        }
        if live.len() > 1 && !may_be_double(world, service) {
            return Err(format!("{place}: two live tasks"));
        }
    }
    Ok(())
}

fn replicated_job(
    rest: &Rest<'_>,
    service: &Service,
    slots: &Slots<'_>,
    max_concurrent: usize,
    total: usize,
) -> Verdict {
    let world = rest.world;
    let iteration = service.job_status.map(|status| status.iteration);
    let current = |task: &&&Arc<Task>| task.job_iteration == iteration;
    let all: Vec<&Arc<Task>> = slots.values().flatten().filter(current).copied().collect();
    let complete = all.iter().filter(|task| task.status.state == TaskState::Complete).count();
    let running: Vec<_> = all
        .iter()
        .filter(|task| task.status.state != TaskState::Complete && task.desired <= TaskState::Complete)
        .collect();
    for task in &running {
        // §4.3: a lost node's tasks are not replaced; nobody hears how they are.
        let slot = &slots[&(task.slot, None)];
        check_live(rest, service, task, slot)?;
    }
    // A task that may not be restarted frees its place, but nobody looks until another one ends (§4.3 [R 48]).
    let mut stalled = false;
    for slot in slots.values() {
        let of_now: Vec<_> = slot.iter().filter(current).copied().collect();
        let lives_or_is_done =
            |task: &&Arc<Task>| task.desired <= TaskState::Complete || task.status.state == TaskState::Complete;
        if of_now.is_empty() || of_now.iter().any(lives_or_is_done) {
            continue;
        }
        if !is_given_up(world, &of_now) {
            return Err(format!("a slot of a job is left: {:?}", world.slots(service.name())));
        }
        stalled = true;
    }
    if complete > total || running.len() > max_concurrent {
        return Err(format!("{}: {complete} complete, {} run of {total}", service.name(), running.len()));
    }
    if !stalled && running.len() != max_concurrent.min(total - complete) {
        return Err(format!(
            "{}: {complete} complete, {} run of {total}, at once {max_concurrent}",
            service.name(),
            running.len()
        ));
    }
    Ok(())
}

fn global_job(rest: &Rest<'_>, service: &Service, slots: &Slots<'_>, past: Past) -> Verdict {
    let world = rest.world;
    let iteration = service.job_status.map(|status| status.iteration);
    for node in world.state.nodes.values() {
        let slot = slots.get(&(0, Some(node.key))).map_or(&[][..], |slot| slot);
        let current: Vec<&Arc<Task>> = slot.iter().filter(|task| task.job_iteration == iteration).copied().collect();
        for task in current.iter().filter(|task| task.desired <= TaskState::Complete) {
            check_live(rest, service, task, slot)?;
        }
        // §4.3 [R 47]: what becomes of nodes later is not this loop's business.
        if !past.nodes_changed && is_available(node) && is_eligible(node, service) && current.is_empty() {
            return Err(format!("{} has no task on {}", service.name(), node.description.hostname));
        }
    }
    Ok(())
}

/// The request came while the update to the same spec, just paused, had not ended: it counts as one that works towards this
/// goal (§6.1), and nobody writes an end.
fn is_disregarded(world: &World, service: &Service) -> bool {
    let status = |line: &Line| match &line.what {
        Written::Service { state, .. } if line.name == **service.name() => Some((line.at, *state)),
        _ => None,
    };
    let mut of_service = world.log.iter().rev().filter_map(status);
    let begun = of_service.by_ref().take_while(|(_, state)| !state.ends_with("paused")).last();
    let paused = world.log.iter().rev().filter_map(status).find(|(_, state)| state.ends_with("paused"));
    begun.zip(paused).is_some_and(|((begun, _), (paused, _))| begun - paused <= 5000)
}

/// An update that is under way at rest waits for a task that cannot run, or that was lost before it ran (§6.2).
fn check_update(world: &World, service: &Service, slots: &Slots<'_>) -> Verdict {
    if !world.loops.orchestrators.is_updating(service.key) {
        let state = service.update_status.as_ref().map(|status| status.state);
        let under_way = matches!(state, Some(UpdateState::Updating | UpdateState::RollbackStarted));
        // A global service's updater is not called while no node has a task of it (§4.2), and nobody comes back to it.
        return if under_way && service.spec.mode != Mode::Global && !is_disregarded(world, service) {
            Err(format!("{}: nobody goes on with its update: {:?}", service.name(), world.slots(service.name())))
        } else {
            Ok(())
        };
    }
    let blocks = |task: &&Arc<Task>| {
        let lost = task
            .node
            .is_some_and(|node| world.state.nodes.get(node).is_none_or(|node| node.status.state != NodeState::Ready));
        let unheard = lost && task.status.state < TaskState::Running && task.status.state >= TaskState::Assigned;
        let paused = task.node.is_some_and(|node| {
            world.state.nodes.get(node).is_some_and(|node| node.spec.availability == Availability::Pause)
        });
        task.status.state == TaskState::Pending || unheard || paused
    };
    // With "continue" an update whose tasks all fail begins again at its end, for ever: its last write makes one more look
    // (§6.2), which finds the old tasks as outdated as before. And the task of a node that was removed comes no more.
    let again = &*service.spec.task.image == MISSING;
    let removed = service.spec.mode == Mode::Global && !world.state.gone_nodes.is_empty();
    // Nor does a task that a scale-down took away while its slot was worked on; then only the status hangs (§12, 27).
    let done = slots
        .values()
        .flatten()
        .filter(|task| is_live(task))
        .all(|task| task.status.state == TaskState::Running && task.spec.image == service.spec.task.image);
    if again || removed || done || slots.values().flatten().any(blocks) {
        return Ok(());
    }
    Err(format!("{}: its update waits for nothing: {:?}", service.name(), world.slots(service.name())))
}
