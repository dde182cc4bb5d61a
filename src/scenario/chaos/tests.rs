//! What chaos draws: within its bounds, mended in the end, and the same for the same seed.

use super::*;
use crate::engine::Seed;
use crate::net::LinkSpec;
use crate::scenario::Scenario;
use crate::session::shell::{Dialect, parse};
use std::collections::BTreeMap;

const HOSTS: [&str; 5] = ["m1", "m2", "m3", "w1", "w2"];

fn link() -> LinkSpec {
    LinkSpec { latency: Duration::from_micros(500), jitter: Duration::from_micros(200), ..LinkSpec::default() }
}

fn chaos() -> Chaos {
    Chaos {
        from: Duration::from_secs(30),
        until: Duration::from_minutes(20),
        every: Duration::from_secs(10),
        lasts: Duration::from_secs(30),
        faults: KINDS.iter().map(|kind| kind.word).collect(),
        targets: ["m1", "m2", "m3"].map(str::to_owned).to_vec(),
        at_most: 2,
    }
}

fn lines(chaos: &Chaos, seed: u64) -> Vec<Typed> {
    plan(chaos, Seed(seed), &HOSTS, link())
}

/// A fault and its mending, by the beginning of the lines.
const MENDS: &[(&str, &str)] = &[
    ("kill", "boot"),
    ("stop daemon", "boot"),
    ("pause", "resume"),
    ("partition", "heal"),
    ("cut", "heal"),
    ("link", "link"),
    ("disk", "disk"),
];

#[test]
fn every_line_is_of_the_lab_and_every_kind_comes() {
    let mut seen = BTreeMap::new();
    for seed in 0..20 {
        for typed in lines(&chaos(), seed) {
            assert!(parse(&typed.line, Dialect::Lab).is_ok(), "{}", typed.line);
            let verb = typed.line.split(' ').next().unwrap_or_default().to_owned();
            // Kinds whose lines begin with the same verb are told apart by how they end or what they set.
            let kind = match (typed.line.rsplit(' ').next().unwrap_or_default(), verb.as_str()) {
                ("daemon" | "full", _) => format!("{verb} {}", typed.line.rsplit(' ').next().unwrap_or_default()),
                (last, _) if last.starts_with("flap=") => "flap".to_owned(),
                _ => verb,
            };
            *seen.entry(kind).or_insert(0) += 1;
            assert!(typed.at > chaos().from && typed.at <= chaos().until, "{typed:?}");
        }
    }
    for kind in KINDS {
        assert!(seen.get(kind.word).is_some_and(|count| *count > 20), "{}: {seen:?}", kind.word);
    }
    for (fault, mend) in MENDS {
        assert!(seen.contains_key(*fault) && seen.contains_key(*mend), "{fault}, {mend}: {seen:?}");
    }
}

#[test]
fn no_more_hosts_are_hurt_than_allowed_and_all_are_mended() {
    for (seed, most) in (0..20).flat_map(|seed| [(seed, 1), (seed, 2)]) {
        let only = vec!["kill", "kill daemon", "stop daemon", "pause"];
        let chaos = Chaos { faults: only, at_most: most, ..chaos() };
        let mut hurt: Vec<String> = Vec::new();
        for typed in lines(&chaos, seed) {
            let mut words = typed.line.split(' ');
            let (verb, host) = (words.next().unwrap_or_default(), words.next().unwrap_or_default().to_owned());
            if matches!(verb, "boot" | "resume") {
                assert!(hurt.contains(&host), "{typed:?}");
                hurt.retain(|other| *other != host);
            } else {
                assert!(!hurt.contains(&host), "nobody is hurt twice: {typed:?}");
                hurt.push(host);
            }
            assert!(hurt.len() <= most);
        }
        assert_eq!(hurt, Vec::<String>::new());
    }
}

#[test]
fn the_times_are_about_what_was_asked_for() {
    let chaos = Chaos { faults: vec!["disk"], at_most: 3, lasts: Duration::from_secs(4), ..chaos() };
    let lines = lines(&chaos, 3);
    let faults: Vec<&Typed> = lines.iter().filter(|typed| typed.line.contains("slow=")).collect();
    assert!((90..150).contains(&faults.len()), "{}", faults.len());
    for pair in faults.windows(2) {
        let gap = pair[1].at - pair[0].at;
        assert!(gap >= Duration::from_millis(4_999) && gap <= Duration::from_millis(15_001), "{gap}");
    }
}

#[test]
fn the_same_seed_draws_the_same_and_a_row_more_moves_no_time() {
    assert_eq!(lines(&chaos(), 7), lines(&chaos(), 7));
    assert_ne!(lines(&chaos(), 7), lines(&chaos(), 8));
    // With every host free at every fault, the kinds decide what is typed, and never when.
    let brief = |faults: &[&'static str]| {
        let chaos = Chaos { faults: faults.to_vec(), lasts: Duration::from_secs(1), ..chaos() };
        lines(&chaos, 7).into_iter().map(|typed| typed.at).collect::<Vec<_>>()
    };
    assert_eq!(brief(&["kill", "pause"]), brief(&["disk", "partition", "cut"]));
}

#[test]
fn read_from_a_file() {
    let text = |section: &str| {
        format!("format = 1\nname = \"x\"\nduration = \"5m\"\n[cluster]\nmanagers = 3\nworkers = 2\n[chaos]\n{section}")
    };
    let read = |section: &str| {
        let scenario = Scenario::parse("x.toml", &text(section)).unwrap_or_else(|errors| panic!("{}", errors.render()));
        scenario.chaos.expect("it is there")
    };
    let plain = read("");
    assert_eq!((plain.from, plain.until), (Duration::ZERO, Duration::from_minutes(5)));
    assert_eq!((plain.targets.len(), plain.faults.len(), plain.at_most), (5, KINDS.len(), 1));
    assert_eq!(read("targets = \"managers\"").targets, ["m1", "m2", "m3"]);
    assert_eq!(read("targets = [\"w2\", \"m1\"]").targets, ["m1", "w2"]);
    assert_eq!(read("faults = [\"cut\", \"kill daemon\"]\nevery = \"5s\"").faults, ["cut", "kill daemon"]);
}
