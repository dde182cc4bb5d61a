//! What every leader is held to in every world (`world/check/leader`, `rest`, and the agents' part) bites: each promise is
//! broken by hand once, and noticed by its name. The reaper's is broken by a mutant (`reaper`).

use super::{Image, World, spec};
use crate::net::HostId;
use crate::swarm::object::{Availability, Id, Network, NetworkSpec, Task, TaskState};
use crate::swarm::store::{Change, State, Why};
use crate::swarm::world::check::broken_at_rest;
use crate::swarm::world::{DataCentre, World as WholeWorld};
use std::sync::Arc;

fn task(world: &World, name: &str) -> Task {
    Task::clone(world.task(name).expect("it was made"))
}

/// Writes a task as nobody may, and says what that breaks.
fn breaks(mut world: World, task: Task, why: Why) -> Option<&'static str> {
    assert_eq!(world.broken, None, "before");
    world.write_now(|tx| tx.put_task(task, why));
    world.broken.map(|broken| broken.0)
}

/// The task as if it were another one, new.
fn another(world: &World, task: &Task, slot: u32, desired: TaskState) -> Task {
    let key = world.state.tasks.next_key();
    let mut new = Task { key, id: Id(4711), slot, desired, node: None, node_id: None, ..task.clone() };
    new.status.state = TaskState::New;
    new
}

#[test]
fn a_release_before_its_time_is_noticed() {
    let mut world = World::new(1).forgiving();
    world.create(&spec("web", 1, "app:v1").restart_delay(5000));
    world.until(1000);
    assert!(world.exit("web", 1, 1));
    world.until(3000);
    let early = task(&world, "web.1#2").with_desired(TaskState::Running);
    assert_eq!(breaks(world, early, Why::DelayOver), Some("a replacement waits out its delay"));

    let mut world = World::new(2).forgiving().image("app:v1", Image::default().stop(30_000));
    world.create(&spec("web", 1, "app:v1"));
    world.until(1000);
    let node = world.task("web.1#1").and_then(|task| task.node).expect("placed");
    world.availability(node, Availability::Drain);
    world.until(3000);
    let early = task(&world, "web.1#2").with_desired(TaskState::Running);
    assert_eq!(breaks(world, early, Why::DelayOver), Some("a replacement waits for its predecessor"));
}

#[test]
fn an_update_out_of_order_is_noticed() {
    let mut world = World::new(2).forgiving().image("app:v1", Image::default().stop(30_000));
    let service = spec("web", 1, "app:v1");
    world.create(&service);
    world.until(1000);
    world.update(&service.image("app:v2"));
    world.until(3000);
    let early = task(&world, "web.1#2").with_desired(TaskState::Running);
    assert_eq!(breaks(world, early, Why::DelayOver), Some("stop-first: the new task waits for the old one"));

    let mut world = World::new(2).forgiving().image("app:v2", Image::default().start(30_000));
    let service = spec("web", 1, "app:v1").start_first();
    world.create(&service);
    world.until(1000);
    world.update(&service.image("app:v2"));
    world.until(3000);
    let early = task(&world, "web.1#1").with_desired(TaskState::Shutdown);
    assert_eq!(breaks(world, early, Why::Update), Some("start-first: the old task runs until the new one does"));
}

#[test]
fn an_update_that_is_too_wide_is_noticed() {
    let mut world = World::new(2).forgiving().image("app:v2", Image::default().start(30_000));
    let service = spec("web", 3, "app:v1");
    world.create(&service);
    world.until(1000);
    world.update(&service.image("app:v2"));
    world.until(5000);
    let second = another(&world, &task(&world, "web.1#2"), 2, TaskState::Running);
    assert_eq!(breaks(world, second, Why::Update), Some("an update keeps its parallelism"));
}

#[test]
fn a_restart_too_many_is_noticed() {
    for (window, noticed) in [(0, true), (60_000, true), (200, false)] {
        let mut world = World::new(1).forgiving();
        world.create(&spec("web", 1, "app:v1").attempts(1, window).restart_delay(300));
        world.until(1000);
        assert!(world.exit("web", 1, 1));
        world.until(2500);
        let first = task(&world, "web.1#2");
        if noticed {
            assert!(world.exit("web", 1, 1));
            assert_eq!(world.running("web"), 0, "it has given up");
        }
        let third = another(&world, &first, 1, TaskState::Running);
        let promise = "a slot is restarted no more often than its policy allows";
        world.until(6000);
        assert_eq!(breaks(world, third, Why::Restart(first.key)), noticed.then_some(promise), "window {window}");
    }
}

#[test]
fn a_task_that_nothing_lets_start_is_noticed() {
    let mut world = World::new(1).forgiving();
    world.create(&spec("web", 1, "app:v1"));
    world.until(1000);
    let stuck = another(&world, &task(&world, "web.1#1"), 2, TaskState::Ready);
    assert_eq!(breaks(world, stuck, Why::FillSlot), Some("what may not start yet will be let"));
}

#[test]
fn addresses_given_twice_are_noticed() {
    let networked = || {
        let mut world = World::new(2).forgiving();
        let key = world.state.networks.next_key();
        let overlay = NetworkSpec { name: "net".into(), driver: "overlay".into(), ..NetworkSpec::default() };
        let (id, meta) = (Id(77), Default::default());
        world.write_now(|tx| {
            let network = Network { key, id, meta, spec: Arc::new(overlay), allocated: None };
            tx.put_network(network, Why::Request);
        });
        let mut service = spec("web", 2, "app:v1");
        service.networks = vec![key];
        world.create(&service);
        world.until(1000);
        assert_eq!((world.running("web"), task(&world, "web.1#1").networks.len()), (2, 1));
        world
    };
    let world = networked();
    let twin = Task { networks: task(&world, "web.2#1").networks, ..task(&world, "web.1#1") };
    assert_eq!(breaks(world.clone(), twin.clone(), Why::Allocated), Some("an address has one holder"));
    let mut state = world.state.clone();
    state.apply(&Change::Task(Arc::new(twin)));
    let whole = crate::swarm::world::check::broken_whole(&state).expect("the look at the whole sees it too");
    assert!(whole.starts_with("an address has one holder: "), "{whole}");
    let mut odd = task(&world, "web.1#1");
    let mut place = odd.networks[0].clone();
    place.address = place.network.allocated.as_ref().map(|allocated| allocated.pools[0].gateway);
    odd.networks = [place].into();
    assert_eq!(breaks(world, odd, Why::Allocated), Some("addresses lie in their network and are not its gateway's"));
}

#[test]
fn an_agent_that_starts_what_it_may_not_is_noticed() {
    let mut world = World::new(1);
    world.create(&spec("web", 1, "app:v1"));
    world.until(1000);
    for (desired, noticed) in [
        (TaskState::Ready, true),
        (TaskState::Running, false),
        (TaskState::Complete, false),
        (TaskState::Shutdown, true),
        (TaskState::Remove, true),
    ] {
        let mut whole = WholeWorld::new(&DataCentre::swarm(1, 1, 0));
        whole.env.check_start(HostId(0), &task(&world, "web.1#1").with_desired(desired));
        assert_eq!(whole.violation().is_some(), noticed, "{desired:?}");
    }
}

#[test]
fn a_rest_without_peace_is_noticed() {
    let mut world = World::new(2);
    let service = spec("web", 3, "app:v1");
    world.create(&service);
    world.until(60_000);
    let look = |world: &World, state: &State| {
        let changed = world.checks.changed();
        broken_at_rest(state, &world.loops.orchestrators, &world.ids, changed, world.now).map(|broken| broken.0)
    };
    let first = task(&world, "web.1#1");
    let mut without = world.state.clone();
    without.apply(&Change::RemoveTask(first.key));
    assert_eq!(look(&world, &without), None, "it is not quiet for long enough");
    world.until(600_000);
    assert_eq!(look(&world, &world.state), None);
    assert_eq!(look(&world, &without), Some("at rest a service has the slots that it wants"));
    let mut silent = world.state.clone();
    let mut waits = Task { node: None, ..first };
    waits.status.state = TaskState::Pending;
    silent.apply(&Change::Task(Arc::new(waits)));
    assert_eq!(look(&world, &silent), Some("at rest a task runs or says why not"));
    let mut outdated = world.state.clone();
    let mut service = crate::swarm::object::Service::clone(world.service("web"));
    service.spec = Arc::new(spec("web", 3, "app:v2").build());
    service.spec_version += 1;
    outdated.apply(&Change::Service(Arc::new(service)));
    assert_eq!(look(&world, &outdated), Some("at rest looking again writes nothing"));
}
