//! Recorded updates that fail: when they pause, roll back or go on, in which words.

use super::{Image, World, spec};
use crate::swarm::object::{FailureAction, NodeKey, RestartCondition};
use crate::swarm::orchestrator::Mutant;

const FAILED: &str = "task: non-zero exit (1)";
const COMPLETED: &str = "completed (update completed)";
const UPDATING: &str = "updating (update in progress)";

fn crash() -> Image {
    Image::exits(200, 1)
}

/// Within what was measured, less the cost of steps there.
fn close(found: i64, low: i64, high: i64) {
    assert!((low - 60..=high).contains(&found), "{found}, measured {low} to {high}");
}

fn paused(task: &str) -> String {
    format!("paused (update paused due to failure or early termination of task {task})")
}

#[test]
fn recording_28_a_crashing_image_pauses_with_two_slots_on_it() {
    let mut world = World::new(3).image("app:crash", crash());
    let service = spec("web", 4, "app:v1");
    world.create(&service);
    world.until(2000);
    world.update(&service.clone().image("app:crash"));
    world.until(9000);
    let story = world.story("web");
    assert_eq!(story[1..], [(2000, UPDATING.to_owned()), (story[2].0, paused("web.1#2"))]);
    close(story[2].0, 3443, 3449);
    assert_eq!(world.slots_with("web", "app:crash"), [1, 2], "the second began when the first ran");
    assert_eq!(
        world.counts("web"),
        [
            "2 x ready/ready app:crash v2".to_owned(),
            "2 x running/running app:v1 v1".to_owned(),
            format!("8 x shutdown/failed app:crash v2 {FAILED}"),
        ],
        "they go on being restarted"
    );
    world.until(9100);
    world.update(&service.image("app:v3"));
    world.until(20_000);
    assert_eq!(world.status("web"), "completed");
    assert_eq!(world.slots_with("web", "app:v3"), [1, 2, 3, 4]);
    let completed = world.when("web", COMPLETED).expect("it ends");
    close(completed, 12_587, 13_940);
}

#[test]
fn an_updater_that_ignores_failures_is_noticed() {
    let mut world = World::new(3).image("app:crash", crash()).mutant(Mutant::UpdaterIgnoresFailures);
    let service = spec("web", 4, "app:v1");
    world.create(&service);
    world.until(2000);
    world.update(&service.image("app:crash"));
    world.until(20_000);
    assert_eq!(world.status("web"), "completed");
}

#[test]
fn recording_29_an_image_that_cannot_be_had_pauses_with_one_slot_on_it() {
    let error = "No such image: app:nopull";
    let mut world = World::new(3).image("app:nopull", Image::rejected(error));
    let service = spec("web", 4, "app:v1");
    world.create(&service);
    world.until(2000);
    world.update(&service.image("app:nopull"));
    world.until(6000);
    let story = world.story("web");
    assert_eq!(story[2].1, paused("web.1#2"));
    close(story[2].0, 2173, 2176);
    assert_eq!(
        world.counts("web"),
        [
            format!("1 x ready/rejected app:nopull v2 {error}"),
            "3 x running/running app:v1 v1".to_owned(),
            format!("3 x shutdown/rejected app:nopull v2 {error}"),
            "1 x shutdown/shutdown app:v1 v1".to_owned(),
        ]
    );
    world.until(6100);
    assert!(world.rollback("web"));
    world.until(13_000);
    assert_eq!(
        world.counts("web"),
        [
            "4 x running/running app:v1 v1".to_owned(),
            format!("3 x shutdown/rejected app:nopull v2 {error}"),
            "1 x shutdown/shutdown app:v1 v1".to_owned(),
        ]
    );
    let story = world.story("web");
    assert_eq!(story[3], (6100, "rollback_started (manually requested rollback)".to_owned()));
    assert_eq!(story[4].1, "rollback_completed (rollback completed)");
    close(story[4].0, 7374, 7379);
}

#[test]
fn recording_30_a_failure_rolls_back_what_was_touched_and_clears_the_previous_spec() {
    let mut world = World::new(3).image("app:crash", crash());
    let service = spec("web", 4, "app:v1").action(FailureAction::Rollback);
    world.create(&service);
    world.until(2000);
    world.update(&service.image("app:crash"));
    world.until(12_000);
    let story = world.story("web");
    let rolled_back = "rollback_started (update rolled back due to failure or early termination of task web.1#2)";
    assert_eq!(story[2].1, rolled_back);
    close(story[2].0, 3444, 3454);
    assert_eq!(story[3].1, "rollback_completed (rollback completed)");
    close(story[3].0, 5788, 6086);
    assert_eq!(world.slots_with("web", "app:v1"), [1, 2, 3, 4]);
    assert_eq!(
        [3, 4].map(|slot| world.slots("web")[slot - 1].clone()),
        [3, 4].map(|slot| format!("{slot}: running/running app:v1 v1"))
    );
    // The restart comes before the rollback: its replacement is a bad one once more, which the rollback replaces.
    assert_eq!(world.when("web", rolled_back), world.when("web.1#2", "shutdown failed"));
    assert!(world.slots("web")[0].ends_with("shutdown/shutdown app:crash v2, running/running app:v1 v1"));
    assert!(world.service("web").previous_spec.is_none());
    assert!(!world.rollback("web"));
    assert_eq!(world.made("web"), 9);
}

#[test]
fn recording_32_continue_ends_completed_with_nothing_that_lasts() {
    let mut world = World::new(3).image("app:crash", crash());
    let service = spec("web", 4, "app:v1").action(FailureAction::Continue);
    world.create(&service);
    world.until(2000);
    world.update(&service.image("app:crash"));
    world.until(13_000);
    close(world.when("web", COMPLETED).expect("it ends"), 7973, 7997);
    assert_eq!(
        world.counts("web"),
        ["4 x ready/ready app:crash v2".to_owned(), format!("16 x shutdown/failed app:crash v2 {FAILED}")]
    );
}

#[test]
fn recording_33_the_share_of_failures_must_exceed_the_ratio() {
    let mut world = World::new(3)
        .image("app:f1", crash().slots(&[1]).after(1).first(1))
        .image("app:f2", crash().slots(&[1, 2]).after(1).first(1))
        .image("app:f1always", crash().slots(&[1]));
    let cases = [
        ("a", 0.25, "app:f1", "completed"),
        ("b", 0.25, "app:f2", "paused"),
        ("c", 0.5, "app:f2", "completed"),
        ("d", 0.0, "app:f1", "paused"),
        ("e", 0.24, "app:f1", "paused"),
        ("f", 0.25, "app:f1always", "completed"),
    ];
    let services = cases.map(|(name, ratio, _, _)| spec(name, 4, "app:v1").monitor(5000).ratio(ratio));
    for service in &services {
        world.create(service);
    }
    world.until(2000);
    for (service, (_, _, image, _)) in services.into_iter().zip(cases) {
        world.update(&service.image(image));
    }
    world.until(18_000);
    for (name, _, _, status) in cases {
        assert_eq!(world.status(name), status, "{name}");
    }
    close(world.when("a", COMPLETED).expect("it ends"), 11_960, 11_995);
    assert_eq!(world.made("a"), 9);
}

#[test]
fn recording_34_a_late_failure_counts_only_in_the_longer_monitoring_that_a_delay_brings() {
    let mut world = World::new(3).image("app:late", Image::exits(1500, 1));
    let services = [spec("d0", 2, "app:v1"), spec("d2", 2, "app:v1").delay(2000)];
    for service in &services {
        world.create(service);
    }
    world.until(2000);
    for service in services {
        world.update(&service.image("app:late"));
    }
    world.until(14_000);
    assert_eq!((world.status("d0"), world.status("d2")), ("completed".to_owned(), "paused".to_owned()));
    close(world.when("d0", COMPLETED).expect("it ends"), 5488, 5496);
    let story = world.story("d2");
    // Judged when the final phase begins: 3 s after the second task ran.
    close(story[2].0, 8489, 8497);
}

#[test]
fn recording_35_a_manual_rollback_toggles() {
    let mut world = World::new(3);
    let service = spec("web", 2, "app:v1");
    world.create(&service);
    world.until(1000);
    assert!(!world.rollback("web"));
    world.until(2000);
    world.update(&service.image("app:v2"));
    world.until(8100);
    assert!(world.rollback("web"));
    world.until(14_000);
    let one = |slot: u32| {
        format!("{slot}: shutdown/shutdown app:v1 v1, shutdown/shutdown app:v2 v2, running/running app:v1 v1")
    };
    assert_eq!(world.slots("web"), [one(1), one(2)]);
    assert_eq!(world.status("web"), "rollback_completed");
    world.until(14_100);
    assert!(world.rollback("web"));
    world.until(20_000);
    assert_eq!(
        world.counts("web"),
        ["2 x running/running app:v2 v2", "4 x shutdown/shutdown app:v1 v1", "2 x shutdown/shutdown app:v2 v2"]
    );
    assert_eq!(world.status("web"), "rollback_completed");
}

#[test]
fn recording_37_a_rollback_that_fails_is_paused_in_the_words_of_an_update() {
    let once = Image::exits(200, 3).after(1);
    let mut world = World::new(3).image("app:crash", crash()).image("app:once", once);
    let service = spec("web", 4, "app:once").action(FailureAction::Rollback);
    world.create(&service);
    world.until(2000);
    world.update(&service.image("app:crash"));
    world.until(12_000);
    let story = world.story("web");
    let states: Vec<_> = story.iter().map(|(_, text)| text.split(' ').next().unwrap_or_default()).collect();
    assert_eq!(states, ["none", "updating", "rollback_started", "rollback_paused"]);
    assert!(story[3].1.contains("(update paused due to failure or early termination of task web."), "{story:?}");
    close(story[2].0, 3445, 3465);
    close(story[3].0, 4991, 5297);
}

#[test]
fn recording_62_start_first_with_images_that_crash_or_cannot_be_had() {
    let error = "No such image: app:nopull";
    let mut world = World::new(3).image("app:crash", crash()).image("app:nopull", Image::rejected(error));
    let (crashing, pull) = (spec("crash", 2, "app:v1").start_first(), spec("pull", 2, "app:v1").start_first());
    let back = spec("crashrb", 2, "app:v1").start_first().rollback_start_first().action(FailureAction::Rollback);
    for service in [&crashing, &pull, &back] {
        world.create(service);
    }
    world.until(2000);
    world.update(&crashing.image("app:crash"));
    world.update(&pull.image("app:nopull"));
    world.update(&back.image("app:crash"));
    world.until(9000);
    assert_eq!(["crash", "crashrb", "pull"].map(|name| world.status(name)), ["paused", "completed", "paused"]);
    close(world.story("crash")[2].0, 2553, 2578);
    close(world.story("pull")[2].0, 2174, 2363);
    assert_eq!(world.slots_with("pull", "app:v1"), [1, 2], "the old ones are left running");
    // The rollback leaves two tasks in a slot, so its last write brings a second pass, which ends in the other words.
    let story = world.story("crashrb");
    let texts: Vec<_> = story.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts[1], UPDATING);
    assert!(texts[2].starts_with("rollback_started (update rolled back due to failure"));
    assert_eq!(texts[3..], ["rollback_completed (rollback completed)", COMPLETED]);
    close(story[2].0, 2553, 2578);
    close(story[3].0, 4107, 4133);
    close(story[4].0, 5108, 5134);
    assert_eq!(world.slots_with("crashrb", "app:v1"), [1, 2]);
    assert_eq!(world.made("crashrb"), 8);
}

#[test]
fn recording_64_old_tasks_do_not_count_and_an_early_success_does() {
    let mut world = World::new(3).image("app:exit0", Image::exits(300, 0));
    let old = spec("old", 4, "app:v1").delay(1000);
    let zero = spec("zero", 2, "app:v1");
    let none = spec("zeronone", 2, "app:v1").condition(RestartCondition::None).restart_delay(0);
    for service in [&old, &zero, &none] {
        world.create(service);
    }
    world.until(2000);
    world.update(&old.image("app:v2"));
    world.update(&zero.image("app:exit0"));
    world.update(&none.image("app:exit0"));
    world.until(2500);
    // The slot that is next.
    assert!(world.exit("old", 2, 1));
    world.until(5000);
    assert_eq!(
        world.counts("old"),
        [
            "2 x running/running app:v1 v1".to_owned(),
            "2 x running/running app:v2 v2".to_owned(),
            format!("1 x shutdown/failed app:v1 v1 {FAILED}"),
            "1 x shutdown/shutdown app:v1 v1".to_owned(),
        ],
        "its replacement already has the new spec"
    );
    assert_eq!(world.counts("zeronone"), ["2 x shutdown/complete app:exit0 v2", "2 x shutdown/shutdown app:v1 v1"]);
    world.until(18_000);
    assert_eq!(["old", "zero", "zeronone"].map(|name| world.status(name)), ["completed", "paused", "paused"]);
    assert_eq!(world.made("old"), 8, "the slot that was restarted is done: no second task is made in it");
    close(world.when("old", COMPLETED).expect("it ends"), 11_735, 11_749);
    // A failure while the last slot is worked on is judged when that is done: here the first task's end comes 300 ms after
    // the second slot began, and is handled as the second task runs.
    close(world.story("zero")[2].0, 4788, 4810);
    assert_eq!(world.made("zeronone"), 4);
}

#[test]
fn recording_66_an_update_hangs_when_a_node_dies_with_the_new_task() {
    let mut world = World::new(1);
    let service = spec("web", 1, "app:v1");
    world.create(&service);
    world.until(2000);
    world.update(&service.image("app:v2"));
    world.until(2600);
    world.node_down(NodeKey(0));
    world.until(2700);
    world.add_node();
    world.until(15_000);
    let lost = "1: shutdown/running app:v1 v1, shutdown/ready app:v2 v2, running/running app:v2 v2";
    assert_eq!((world.slots("web"), world.status("web")), (vec![lost.to_owned()], "updating".to_owned()));
    world.until(15_100);
    world.node_up(NodeKey(0));
    world.until(19_000);
    let back = "1: shutdown/shutdown app:v1 v1, shutdown/shutdown app:v2 v2, running/running app:v2 v2";
    assert_eq!(world.slots("web"), [back]);
    let story = world.story("web");
    assert_eq!(story[2].1, paused("web.1#2"), "the task that was lost is blamed");
    close(story[2].0, 15_222, 15_234);
}
