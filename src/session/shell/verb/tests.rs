//! Every verb's example, and every way to write one wrong.

use super::*;
use crate::session::shell::{Dialect, ShellError, parse as parse_line};

fn read(line: &str) -> Verb {
    parse(line).unwrap_or_else(|error| panic!("{}", error.render(line)))
}

#[test]
fn every_example_of_the_table_parses() {
    for doc in table() {
        let list =
            parse_line(doc.example, Dialect::Lab).unwrap_or_else(|error| panic!("{}", error.render(doc.example)));
        assert!(matches!(list.items[0].first.commands[0], crate::session::shell::Command::Verb(_)), "{}", doc.name);
        assert!(help(Some(doc.name)).is_ok_and(|text| text.contains(doc.example)));
    }
    assert_eq!(help(Some("partiton")), Err("no verb is called `partiton`; did you mean `partition`?".into()));
}

#[test]
fn the_forms_of_the_house_plan() {
    let name = |name: &str| name.to_string();
    assert_eq!(read("ssh w1"), Verb::On { host: name("w1") });
    assert_eq!(read("docker-machine ssh w1"), Verb::On { host: name("w1") });
    assert_eq!(read("wait 1m30s"), Verb::Wait(Duration::from_secs(90)));
    let Verb::WaitUntil { condition, at, limit } = read("wait until raft.leader != \"\" for up to 2m") else {
        panic!()
    };
    assert_eq!(
        (condition.as_str(), at, limit),
        ("raft.leader != \"\"", Span::new(11, 28), Some(Duration::from_minutes(2)))
    );
    let Verb::WaitUntil { condition, limit, .. } = read("wait until 'time > 5'") else { panic!() };
    assert_eq!((condition.as_str(), limit), ("time > 5", None));
    assert_eq!(read("kill w1"), Verb::Kill { target: KillTarget::Named(name("w1")) });
    assert_eq!(read("kill w1 daemon"), Verb::Kill { target: KillTarget::Daemon(name("w1")) });
    assert_eq!(read("crash web.1 exit 137"), Verb::Crash { task: name("web.1"), exit: Some(137) });
    let groups = vec![vec![name("m1"), name("m2")], vec![name("m3")], vec![name("w1")]];
    assert_eq!(read("partition m1 m2|m3 | w1"), Verb::Partition { groups });
    assert_eq!(read("cut m1->m2"), read("cut m1 -> m2"));
    let (a, b) = (name("m1"), name("m2"));
    assert_eq!(read("link m1 m2 down"), Verb::LinkState { a: a.clone(), b: b.clone(), state: LinkState::Down });
    assert_eq!(
        read("link m1 m2 flap=off"),
        Verb::LinkState { a: a.clone(), b: b.clone(), state: LinkState::Flaps(None) }
    );
    let every = Some(Duration::from_secs(2));
    assert_eq!(read("link m1 m2 flap=2s"), Verb::LinkState { a, b, state: LinkState::Flaps(every) });
    assert_eq!(read("clock w1 drift=-12.5ppm"), Verb::Clock { host: name("w1"), change: ClockChange::Drift(-12_500) });
    assert_eq!(
        read("clock w1 -1h"),
        Verb::Clock { host: name("w1"), change: ClockChange::Jump(Duration::from_hours(-1)) }
    );
    assert_eq!(read("boot w1"), Verb::Boot { host: name("w1"), daemon: false });
    assert_eq!(read("boot w1 daemon"), Verb::Boot { host: name("w1"), daemon: true });
    let open = Verb::Open { url: name("http://w1"), host: name("w1"), port: 80, path: name("/"), times: 1 };
    assert_eq!(read("open http://w1"), open);
    assert_eq!(read("note it's \"done\""), Verb::Note { text: name("it's \"done\"") });
    assert_eq!(read("note \"a; b\""), Verb::Note { text: name("a; b") });
    assert_eq!(read("seek before-update"), Verb::Seek { to: SeekTarget::Mark(name("before-update")) });
    assert_eq!(read("unblock"), Verb::Unblock { host: None, port: None });
}

#[test]
fn a_wrong_line_says_what_was_expected() {
    let mut shown = String::new();
    for line in [
        "kill",
        "kill w1 w2",
        "on w1 w2",
        "on -w",
        "wait",
        "wait 30",
        "wait soon",
        "wait -5s",
        "wait until",
        "wait until raft.quorum for up to",
        "wait until raft.quorum for up to soon",
        "crash web.1 exit 300",
        "crash web.1 137",
        "partition",
        "partition m1 m2",
        "partition m1 | m1",
        "partition m1 | | m2",
        "partition m1 |",
        "cut m1 m2",
        "cut m1 ->",
        "block w1",
        "block w1 70000",
        "link m1 m2",
        "link m1 m2 latncy=2s",
        "link m1 m2 flap=0s",
        "link m1 m2 down latency=2s",
        "link m1 m2 loss=5",
        "clock w1 30s",
        "clock w1 drift=fast",
        "clock w1 +99999999h",
        "clock w1 -876001h",
        "clock w1 +5x",
        "boot w1 containers",
        "link m1 m1 down",
        "cut m1 -> m1",
        "disk m1 empty",
        "registry maybe",
        "registry down for",
        "registry down w1",
        "registry slow=3s for w1",
        "image nginx",
        "image nginx healthy=3s",
        "image nginx memory=lots",
        "image nginx missing=1",
        "image nginx preloaded=-x",
        "image nginx exits=256",
        "image nginx after=2s",
        "put a.yml b.yml",
        "backup m1 monday",
        "restore m1 as monday",
        "open w1:8080",
        "open http://w1:0/",
        "open http://w1/ --times 0",
        "load http://w1/ rate=200",
        "load http://w1/ rate=200/s",
        "look up",
        "seek 5",
        "hosts now",
        "look raft | grep m1",
        "kill w1 && docker node ls",
        "hosts > file",
        "ssh w1 docker ps",
        "docker-machine ssh",
    ] {
        let error: ShellError = parse_line(line, Dialect::Lab).expect_err(line);
        shown += &error.render(line);
    }
    crate::observe::tests::settings().bind(|| insta::assert_snapshot!("shell_wrong_verbs", shown));
}

#[test]
fn verbs_take_the_line_raw_up_to_a_semicolon() {
    let list = parse_line("wait until a && b || c; kill w1 # now\nnote don't; hosts", Dialect::Lab).unwrap();
    assert_eq!(list.items.len(), 4);
    let list = parse_line("docker ps && cut m1 -> m2", Dialect::Lab).unwrap();
    assert_eq!(list.items[0].rest.len(), 1);
    let list = parse_line("cut -d: -f1 x | cut -c1", Dialect::Lab).unwrap();
    assert_eq!(list.items[0].first.commands.len(), 2);
    let list = parse_line("kill 1", Dialect::Container).unwrap();
    assert!(matches!(list.items[0].first.commands[0], crate::session::shell::Command::Simple(_)));
    let line = "docker ps; wait until raft.quorum";
    let list = parse_line(line, Dialect::Lab).unwrap();
    let crate::session::shell::Command::Verb(command) = &list.items[1].first.commands[0] else { panic!() };
    let Verb::WaitUntil { at, .. } = &command.verb else { panic!() };
    assert_eq!(&line[at.start..at.end], "raft.quorum");
}

proptest::proptest! {
    #[test]
    fn no_line_panics(line in "(?s).{0,60}") {
        let _ = parse(&line);
    }

    #[test]
    fn no_arguments_panic(which in 0..table().len(), rest in "[ a-z0-9|=>'\"%/:+.-]{0,30}") {
        let _ = parse_line(&format!("{} {rest}", table()[which].name), Dialect::Lab);
    }
}
