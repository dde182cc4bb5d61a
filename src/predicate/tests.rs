//! Conditions by example: their values, their explanations, their errors, what is unknown.

use std::sync::Arc;

use super::*;
use crate::observe::Task;
use crate::observe::tests::settings;
use crate::observe::tests::{Picture, picture};

fn judge(source: &str, view: &Picture) -> Verdict {
    Condition::parse(source).unwrap_or_else(|error| panic!("{source}: {error} at {:?}", error.span)).judge(view)
}

#[test]
fn what_holds_in_the_picture() {
    let picture = picture();
    for source in [
        r#"services["web"].running == 2 && nodes["w2"].status == "down""#,
        r#"raft.leader != "m2" && raft.term > 1 && raft.quorum"#,
        r#"tasks.exists(t, t.service == "web" && t.node == "w2" && t.state == "running")"#,
        r#"!tasks.exists(t, t.node == "w3")"#,
        r#"tasks.all(t, t.desired == "running")"#,
        r#"tasks.exists_one(t, t.slot == 3)"#,
        r#"truth.containers.filter(c, c.service == "web" && c.running).size() == 1"#,
        r#"truth.containers.map(c, c.exit_code) == [null, 137]"#,
        r#"truth.containers.exists(c, c.exit_code != null && c.exit_code > 128)"#,
        r#"size(nodes.filter(n, n.labels.zone == "a")) == 2"#,
        r#"nodes["w1"].labels["zone"] in ["a", "c"]"#,
        r#"has(nodes["w1"].labels.zone) && !has(nodes["w1"].labels.rack)"#,
        r#""web" in services && !("db" in services)"#,
        r#"truth.hosts["w1"].up && !truth.hosts["w2"].daemon"#,
        r#"raft.members["m1"].role == "leader" && raft.members.size() == 2"#,
        r#"spread("web") == 2"#,
        "time > 90 && time < 91 && time == 90.5",
        "time + 5 > 95",
        r#"services["web"].ports[0].published == 8080"#,
        r#"services["web"].update.state == "paused""#,
        r#"services["web"].image.startsWith("nginx") && services["web"].image.matches("^nginx:1\\.2[0-9]$")"#,
        r#"tasks.map(t, t.slot > 1, t.node) == ["w1", "w2"]"#,
        r#"tasks.map(t, t.node) + ["x"] == ["w1", "w1", "w2", "x"]"#,
        r#"nodes.all(n, tasks.filter(t, t.node == n.name).size() <= 2)"#,
        "7 / 2 == 3 && 7 % 2 == 1 && -7 / 2 == -3 && 1.0 == 1 && 2u == 2",
        r#"{"a": 1}["a"] == 1 && {"a": 1, "b": 2}.all(k, k.size() == 1)"#,
        "raft.quorum ? raft.term == 2 : false",
        r#"string(raft.term) + "" == "2" && int("5") == 5 && double(1) == 1.0"#,
        "1 < 2 || nosuch.size() > 1 == false ? true : true".split(" || ").next().unwrap(),
    ] {
        assert_eq!(judge(source, &picture), Verdict::True, "{source}");
        let negated = format!("!({source})");
        assert_eq!(judge(&negated, &picture), Verdict::False, "{negated}");
    }
}

#[test]
fn what_cannot_be_known_is_unknown() {
    let full = picture();
    let leaderless = Picture { services: None, nodes: None, tasks: None, ..full.clone() };
    let unknown = |source: &str, view: &Picture| match judge(source, view) {
        Verdict::Unknown { reason } => reason,
        verdict => panic!("{source} is {verdict}"),
    };
    assert_eq!(unknown(r#"services["nope"].running == 6"#, &full), r#"there is no service "nope""#);
    assert_eq!(unknown(r#"nodes["w1"].labels.rack == "1""#, &full), r#"there is no label "rack""#);
    assert_eq!(unknown("tasks[9].slot == 1", &full), "there is no element 9");
    assert_eq!(unknown("raft.term / 0 == 1", &full), "division by zero");
    assert_eq!(unknown(r#"spread("nope") <= 1"#, &full), r#"there is no service "nope""#);
    assert_eq!(unknown(r#"answer("w3", 8010) == "ok""#, &full), "answer() is not modelled yet");
    assert_eq!(unknown(r#"resolve("client.1", "web") == services["web"].vip"#, &full), "resolve() is not modelled yet");
    assert_eq!(unknown("tasks.size() > 0", &leaderless), "there is no leader");
    assert_eq!(unknown("!(tasks.size() > 0)", &leaderless), "there is no leader");
    assert_eq!(unknown("tasks.size() > 0 && raft.quorum", &leaderless), "there is no leader");
    assert_eq!(unknown("tasks.size() > 0 || !raft.quorum", &leaderless), "there is no leader");
    assert_eq!(unknown(r#"[1, 2].all(x, x > 0 && nodes["zz"].leader)"#, &full), r#"there is no node "zz""#);
    // A part that decides makes an unknown one harmless, on either side.
    for (source, verdict) in [
        ("tasks.size() > 0 && !raft.quorum", Verdict::False),
        ("!raft.quorum && tasks.size() > 0", Verdict::False),
        ("tasks.size() > 0 || raft.quorum", Verdict::True),
        ("raft.quorum || tasks.size() > 0", Verdict::True),
        ("raft.leader == \"m1\"", Verdict::True),
        ("truth.containers.size() == 2", Verdict::True),
        (r#"["zz", "m1"].exists(x, raft.members[x].role == "leader")"#, Verdict::True),
        (r#"["zz", "m2"].all(x, raft.members[x].role == "leader")"#, Verdict::False),
    ] {
        assert_eq!(judge(source, &leaderless), verdict, "{source}");
    }
}

#[test]
fn an_explanation_shows_what_it_saw() {
    let picture = picture();
    let mut shown = String::new();
    for source in [
        r#"services["web"].running == 6 && nodes["w1"].status == "down" || !raft.quorum"#,
        r#"truth.containers.filter(c, c.service == "web" && c.running).size() >= 2"#,
        r#"tasks.all(t, t.node == "w1")"#,
        r#"tasks.exists(t, t.node == "w9")"#,
        r#"nodes.exists(n, n.status == "down")"#,
        r#"(services["nope"].running) == 6 && (1 + raft.term) > services["web"].running"#,
        "spread(\"web\") <= 1 &&\n  raft.leader.startsWith(\"w\")",
        "raft.quorum ? raft.term == 3 : raft.term == 4",
        r#"raft.leader in ["m2", "m3"]"#,
        r#"nodes["w1"].labels == {"zone": "b"}"#,
        r#"raft.leader == "é" && time > 100"#,
    ] {
        let condition = Condition::parse(source).unwrap_or_else(|error| panic!("{source}: {error}"));
        shown += &format!("{source}\n  {}: {}\n", condition.judge(&picture), condition.explain(&picture));
    }
    settings().bind(|| insta::assert_snapshot!("condition_explanations", shown));
}

#[test]
fn a_wrong_condition_says_where_and_what() {
    let mut shown = String::new();
    for source in [
        "",
        "service[\"web\"].running == 6",
        "services[\"web\"].runing == 6",
        "services.web.running == 6",
        "services.running == 6",
        "tasks[\"web.1\"].state == \"running\"",
        "tasks.exists(t, t.nod == \"w1\")",
        "tasks.filter(t, t.service == \"é\").map(t, t.slott) == []",
        "raft.members.all(m, m.upp)",
        "truth.container.size() == 1",
        "truth",
        "raft.leader == 1",
        "services[\"web\"].running == \"6\"",
        "tasks.size == 3",
        "tasks > 3",
        "raft.term",
        "raft.term && raft.quorum",
        "raft.quorum == true &&",
        "raft.quorum = true",
        "raft.quorum and true",
        "(raft.quorum",
        "raft.quorum)",
        "sizee(tasks) == 1",
        "tasks.exist(t, true)",
        "tasks.exists(t)",
        "tasks.exists(t.x, true)",
        "has(tasks)",
        "raft.leader.startsWith(1)",
        "raft.leader.matches(\"(\")",
        "raft.leader.matches(raft.leader)",
        "spread(1) == 1",
        "\"web\" in 5",
        "raft.term + \"a\" == \"\"",
        "nodes[true].leader",
        "if raft.quorum",
        "Foo{a: 1} == 1",
        "b\"x\" == b\"x\"",
        "raft.leader == \"m1",
        "raft.quorum; true",
        "raft.term == 99999999999999999999",
    ] {
        let error = Condition::parse(source).expect_err(source);
        let text = source.get(error.span.0..error.span.1).expect("a span in the text");
        let help = error.help.map(|help| format!("\n    help: {help}")).unwrap_or_default();
        shown += &format!("{source}\n  at {} {text:?}: {}{help}\n", error.span.0 + 1, error.message);
    }
    settings().bind(|| insta::assert_snapshot!("condition_errors", shown));
}

#[test]
fn limits_end_it() {
    let long = format!("raft.leader == \"{}\"", "x".repeat(MAX_CONDITION_BYTES));
    assert!(Condition::parse(&long).unwrap_err().message.contains("at most 4096"));
    for deep in ["(".repeat(5_000), format!("raft{}", ".a".repeat(1_000)), "!(".repeat(390), "[".repeat(200)] {
        assert!(Condition::parse(&deep).is_err());
    }
    for wide in [vec!["1"; 390].join("+") + " == 390", vec!["raft.quorum"; 130].join(" && ")] {
        assert_eq!(judge(&wide, &picture()), Verdict::True);
    }
    let tasks = Some(Arc::new(vec![Task::default(); 1_000]));
    let large = Picture { tasks, ..picture() };
    let nested = "tasks.all(a, tasks.all(b, tasks.all(c, a.slot == b.slot && b.slot == c.slot)))";
    assert_eq!(judge(nested, &large), Verdict::Unknown { reason: "judging it takes more than 2000000 steps".into() });
}

#[test]
fn a_watcher_judges_only_what_changed() {
    let mut picture = picture();
    let mut watcher = Watcher::new(Condition::parse("raft.quorum && tasks.size() == 3").unwrap());
    assert_eq!(watcher.condition().roots().iter().copied().collect::<Vec<_>>(), [Root::Tasks, Root::Raft]);
    assert_eq!(watcher.judge(&picture), (&Verdict::True, true));
    picture.tasks = Some(Arc::default());
    assert_eq!(watcher.judge(&picture), (&Verdict::True, false));
    picture.stamp += 1;
    assert_eq!(watcher.judge(&picture), (&Verdict::False, true));
}

proptest::proptest! {
    #[test]
    fn arbitrary_text_never_panics(source in "(?s).{0,40}") {
        if let Ok(condition) = Condition::parse(&source) {
            condition.explain(&picture());
        }
    }

    #[test]
    fn texts_of_cel_words_never_panic(words in proptest::collection::vec(0usize..40, 0..14)) {
        let known = [
            "raft", ".", "term", "tasks", "services", "[", "]", "\"web\"", "(", ")", "exists", "all", "t", ",", "==", "&&", "||",
            "!", "-", "1", "0x7fffffffffffffff", "+", "*", "/", "%", "size", "filter", "map", "?", ":", "in", "{", "}", "null", "true", "é",
            "has", "time", "'a'", ".running",
        ];
        let source: String = words.iter().map(|&word| known[word]).collect();
        match Condition::parse(&source) {
            Ok(condition) => { condition.explain(&picture()); }
            Err(error) => assert!(source.get(error.span.0..error.span.1).is_some()),
        }
    }
}
