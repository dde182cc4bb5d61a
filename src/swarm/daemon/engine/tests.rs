//! One host's engine alone: an agent's orders and people's hands in, outcomes and moments out.

mod bench;
mod property;

use super::*;
use crate::swarm::agent::Outcome;
use crate::swarm::api::{ContainerSpec, HealthConfig, ResourceRequirements, Resources, TaskSpec};
use crate::swarm::daemon::image::{Hosts, ImageBehaviour, ImageExit};
use crate::swarm::daemon::registry::RegistryChange;
use bench::Bench;

fn plain() -> ImageBehaviour {
    ImageBehaviour { pull: Duration::from_secs(2), start: Duration::from_millis(100), ..ImageBehaviour::default() }
}

fn stubborn() -> ImageBehaviour {
    ImageBehaviour { stop: None, ..plain() }
}

fn with(container_spec: ContainerSpec) -> TaskSpec {
    TaskSpec { container_spec, ..TaskSpec::default() }
}

fn args(words: &[&str]) -> TaskSpec {
    let args = words.iter().map(|word| (*word).to_owned()).collect();
    with(ContainerSpec { args, ..ContainerSpec::default() })
}

fn checked(command: &str) -> TaskSpec {
    with(ContainerSpec {
        healthcheck: Some(HealthConfig {
            test: vec!["CMD-SHELL".into(), command.into()],
            interval: 1_000_000_000,
            timeout: 1_000_000_000,
            retries: 2,
            ..HealthConfig::default()
        }),
        stop_grace_period: Some(1_000_000_000),
        ..ContainerSpec::default()
    })
}

fn exited(code: i32) -> Outcome {
    Outcome::Exited { code, detail: "" }
}

#[test]
fn a_container_is_pulled_made_started_and_stopped() {
    let mut bench = Bench::new(plain());
    bench.prepare(TaskSpec::default());
    let (at, outcome) = bench.next_outcome();
    assert!(matches!(outcome, Outcome::Prepared(_)));
    assert!((2060..=2120).contains(&at), "pull and creation took {at} ms");
    assert_eq!(bench.start().1, Outcome::Started);
    bench.wait();
    let (took, outcome) = bench.stop();
    assert_eq!((took, outcome), (200, Outcome::Stopped { code: 0 }));
    // A second task of the image needs no pull.
    bench.another_task();
    bench.prepare(TaskSpec::default());
    assert!((60..=120).contains(&bench.next_outcome().0));
}

#[test]
fn one_that_ignores_the_signal_is_killed_after_its_grace_period() {
    let mut bench = Bench::running(stubborn(), TaskSpec::default());
    let (took, outcome) = bench.stop();
    assert_eq!((took, outcome), (10_150, Outcome::Stopped { code: 137 }));
    let spec = with(ContainerSpec { stop_grace_period: Some(1_000_000_000), ..ContainerSpec::default() });
    assert_eq!(Bench::running(stubborn(), spec).stop().0, 1150);
}

#[test]
fn the_stop_signal_is_the_services() {
    let signal = |name: &str| with(ContainerSpec { stop_signal: name.into(), ..ContainerSpec::default() });
    assert_eq!(Bench::running(plain(), signal("SIGQUIT")).stop(), (200, Outcome::Stopped { code: 0 }));
    assert_eq!(Bench::running(plain(), signal("SIGUSR1")).stop(), (10_150, Outcome::Stopped { code: 137 }));
    assert_eq!(Bench::running(plain(), signal("KILL")).stop(), (0, Outcome::Stopped { code: 137 }));
    let coded = ImageBehaviour { stop_code: 143, ..plain() };
    assert_eq!(Bench::running(coded, TaskSpec::default()).stop().1, Outcome::Stopped { code: 143 });
}

#[test]
fn one_that_ends_while_it_is_being_stopped_is_not_killed() {
    let mut bench = Bench::running(stubborn(), args(&["sh", "-c", "sleep 3; exit 4"]));
    assert_eq!(bench.stop(), (3000, Outcome::Stopped { code: 4 }));
}

#[test]
fn ends_by_itself_with_its_code() {
    let mut bench = Bench::running(
        ImageBehaviour { exit: Some(ImageExit { after: Duration::from_secs(7), code: 3 }), ..plain() },
        TaskSpec::default(),
    );
    assert_eq!(bench.next_outcome(), (7000, exited(3)));
}

/// docker-29, topic 04.
#[test]
fn a_missing_program_fails_at_the_start_with_the_recorded_words() {
    let mut bench = Bench::new(plain());
    bench.prepare(args(&["/no/such"]));
    bench.next_outcome();
    let expected = "starting container failed: failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: exec: \"/no/such\": stat /no/such: no such file or directory";
    assert_eq!(bench.start().1, Outcome::StartFailed(expected.into()));
    assert_eq!(bench.container().state, ContainerState::Created);
}

#[test]
fn the_registrys_refusals_end_a_task_and_its_absence_does_not() {
    let refusal = |image: ImageBehaviour| {
        let mut bench = Bench::new(image);
        bench.prepare(TaskSpec::default());
        bench.next_outcome()
    };
    let (at, outcome) = refusal(ImageBehaviour { missing: true, ..plain() });
    let text = "failed to resolve reference \"docker.io/library/app:1\": docker.io/library/app:1: not found";
    assert_eq!((at, outcome), (0, Outcome::Refused(text.into())));
    let (_, outcome) = refusal(ImageBehaviour { needs_login: true, ..plain() });
    let text = "pull access denied for app, repository does not exist or may require 'docker login'";
    assert_eq!(outcome, Outcome::Refused(text.into()));
    let (_, outcome) = refusal(ImageBehaviour { reachable_from: Hosts::Named(vec!["other".into()]), ..plain() });
    assert!(matches!(outcome, Outcome::Temporary(_)), "{outcome:?}");
}

/// docker-29's README, difference 1: one fetch, then the remembered error, also when the network is back.
#[test]
fn a_registry_that_was_down_once_is_remembered_by_the_task_and_not_by_the_next() {
    let mut bench = Bench::new(plain());
    bench.registry(RegistryChange::Down);
    bench.prepare(TaskSpec::default());
    let (_, first) = bench.next_outcome();
    bench.registry(RegistryChange::Up);
    bench.prepare(TaskSpec::default());
    assert_eq!(bench.next_outcome().1, first);
    bench.another_task();
    bench.prepare(TaskSpec::default());
    assert!(matches!(bench.next_outcome().1, Outcome::Prepared(_)));
    // By whatever way the image has come: the first task takes it.
    bench.first_task();
    bench.prepare(TaskSpec::default());
    assert!(matches!(bench.next_outcome().1, Outcome::Prepared(_)));
}

#[test]
fn a_pull_under_way_breaks_with_the_registry_and_is_shared() {
    let mut bench = Bench::new(plain());
    bench.prepare(TaskSpec::default());
    bench.pass(1000);
    bench.registry(RegistryChange::Down);
    bench.registry(RegistryChange::Up);
    let (at, outcome) = bench.next_outcome();
    assert!(matches!(&outcome, Outcome::Temporary(err) if err.starts_with("failed to copy: ")), "{outcome:?}");
    assert_eq!(at, 1000);
    let mut bench = Bench::new(plain());
    bench.prepare(TaskSpec::default());
    bench.pass(1500);
    bench.another_task();
    bench.prepare(TaskSpec::default());
    for _ in 0..2 {
        let (at, outcome) = bench.next_outcome();
        assert!(matches!(outcome, Outcome::Prepared(_)) && at <= 620, "{outcome:?} after {at} ms");
    }
}

#[test]
fn an_image_that_is_here_needs_no_registry() {
    let mut bench = Bench::new(ImageBehaviour { preloaded: Hosts::Named(vec!["h1".into()]), missing: true, ..plain() });
    bench.registry(RegistryChange::Down);
    bench.prepare(TaskSpec::default());
    assert!(matches!(bench.next_outcome().1, Outcome::Prepared(_)));
    // A slow registry is asked about a tag all the same.
    let mut bench = Bench::new(ImageBehaviour { preloaded: Hosts::All, ..plain() });
    bench.registry(RegistryChange::Slow(Duration::from_secs(5)));
    bench.prepare(TaskSpec::default());
    assert!(bench.next_outcome().0 >= 5060);
}

/// docker-29, topic 04: the task starts and starts, then it is unhealthy, then it is killed after its grace period.
#[test]
fn an_unhealthy_container_is_stopped_and_its_task_never_ran() {
    let mut bench = Bench::new(stubborn());
    bench.prepare(checked("false"));
    bench.next_outcome();
    let (at, outcome) = bench.start();
    let detail = ": dockerexec: unhealthy container";
    assert_eq!(outcome, Outcome::Exited { code: 137, detail });
    let up = bench.ran_for();
    assert_eq!(up, 1060 + 1060 + 1150, "two probes, then the grace period");
    assert!(at >= up);
}

/// An unhealthy container that heeds its stop signal ends with 0: the agent takes its start for done and the task for
/// complete [quirk].
#[test]
fn one_that_is_too_slow_to_get_well_and_ends_well_counts_as_complete() {
    let mut bench = Bench::new(ImageBehaviour { healthy_after: Duration::from_secs(5), ..plain() });
    bench.prepare(checked("curl -f http://localhost/"));
    bench.next_outcome();
    assert_eq!(bench.start().1, Outcome::Started);
    assert_eq!(bench.ran_for(), 1060 + 1060 + 200);
    bench.wait();
    assert_eq!(bench.next_outcome(), (0, exited(0)));
}

#[test]
fn in_the_start_period_there_is_time_to_get_well() {
    let mut spec = checked("curl -f http://localhost/");
    let check = spec.container_spec.healthcheck.as_mut().expect("it has one");
    (check.start_period, check.start_interval) = (30_000_000_000, 500_000_000);
    let image = ImageBehaviour {
        healthy_after: Duration::from_secs(5),
        unhealthy_after: Some(Duration::from_secs(20)),
        stop_code: 143,
        ..plain()
    };
    let mut bench = Bench::new(image);
    bench.prepare(spec);
    bench.next_outcome();
    let (_, outcome) = bench.start();
    assert_eq!(outcome, Outcome::Started);
    assert!((5000..=5700).contains(&bench.up_for()), "healthy after {} ms", bench.up_for());
    bench.wait();
    let (_, outcome) = bench.next_outcome();
    let detail = ": dockerexec: unhealthy container";
    assert_eq!(outcome, Outcome::Exited { code: 143, detail });
    assert!((21_000..=23_500).contains(&bench.ran_for()), "ended after {} ms", bench.ran_for());
}

#[test]
fn nobody_stops_an_unhealthy_container_that_no_task_waits_for() {
    let mut bench = Bench::running(plain(), checked("true"));
    bench.cancel();
    bench.make_unhealthy();
    bench.pass(60_000);
    assert!(bench.container().runs());
    assert_eq!(
        bench.container().health_now(bench.now()).map(|health| health.status()),
        Some(crate::swarm::daemon::health::HealthStatus::Unhealthy)
    );
}

/// The price of health: one alarm for the first success, none for the thousands of probes that follow.
#[test]
fn a_healthy_container_costs_one_alarm_and_no_more() {
    let mut bench = Bench::running(plain(), checked("true"));
    bench.pass(24 * 3600 * 1000);
    assert_eq!(bench.health_alarms(), 1);
    let health = bench.container().health_now(bench.now()).expect("it is checked");
    assert_eq!(health.log().count(), 5);
    let last = health.log().last().expect("probes were run").end;
    assert!(bench.now() - last < Duration::from_millis(1061), "the last probe was a moment ago");
}

#[test]
fn memory_grows_to_its_limit_and_the_kernel_kills() {
    let limited = TaskSpec {
        resources: Some(ResourceRequirements {
            limits: Some(Resources { memory_bytes: 64 << 20, ..Resources::default() }),
            ..ResourceRequirements::default()
        }),
        ..TaskSpec::default()
    };
    let image = ImageBehaviour { memory: 32 << 20, memory_growth: 4 << 20, ..plain() };
    let mut bench = Bench::running(image.clone(), limited.clone());
    assert_eq!(bench.next_outcome(), (8100, exited(137)));
    assert!(bench.container().oom_killed);
    // Without a limit it has what the host has.
    let mut bench = Bench::running(image, TaskSpec::default());
    bench.pass(60_000);
    assert!(bench.container().runs());
    // One that needs more from the start does not live long.
    let mut bench = Bench::running(ImageBehaviour { memory: 65 << 20, ..plain() }, limited);
    assert_eq!(bench.next_outcome(), (100, exited(137)));
}

#[test]
fn the_engine_refuses_what_swarmkit_let_pass() {
    let mut bench = Bench::new(plain());
    bench.prepare(TaskSpec {
        resources: Some(ResourceRequirements { memory_swappiness: Some(200), ..ResourceRequirements::default() }),
        ..TaskSpec::default()
    });
    let (_, outcome) = bench.next_outcome();
    assert_eq!(outcome, Outcome::Refused("Invalid value: 200, valid memory swappiness range is 0-100".into()));
}

/// docker-29, topic 12.
#[test]
fn hands_on_a_tasks_container_do_as_recorded() {
    let mut bench = Bench::running(stubborn(), TaskSpec::default());
    bench.freeze();
    bench.pass(2000);
    assert!(bench.no_outcome(), "a pause is not noticed");
    bench.unfreeze();
    bench.kill(9);
    assert_eq!(bench.next_outcome(), (0, exited(137)));
    let mut bench = Bench::running(stubborn(), TaskSpec::default());
    bench.restart(1000);
    assert_eq!(bench.next_outcome(), (1150, exited(137)));
    bench.pass(1000);
    assert!(bench.container().runs(), "the container goes on beside its task's successor");
    assert_eq!(bench.answers(), 1);
    let mut bench = Bench::running(stubborn(), TaskSpec::default());
    bench.rename("foo");
    bench.remove_task();
    bench.pass(60_000);
    assert!(bench.only_container().runs(), "it survives the service");
}

#[test]
fn what_stands_still_ends_later() {
    let exit = Some(ImageExit { after: Duration::from_secs(7), code: 3 });
    let mut bench = Bench::running(ImageBehaviour { exit, ..plain() }, TaskSpec::default());
    bench.freeze();
    bench.pass(10_000);
    bench.unfreeze();
    assert_eq!(bench.next_outcome(), (7000, exited(3)));
    // A stop lets it go on first.
    let mut bench = Bench::running(plain(), TaskSpec::default());
    bench.freeze();
    bench.pass(1000);
    assert_eq!(bench.stop(), (200, Outcome::Stopped { code: 0 }));
}

#[test]
fn a_daemon_that_dies_kills_nobody() {
    let mut bench = Bench::running(stubborn(), TaskSpec::default());
    bench.begin_stop();
    bench.pass(3000);
    bench.daemon_dies();
    bench.pass(60_000);
    assert!(bench.container().runs());
}
