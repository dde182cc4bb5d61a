//! What real engines did with containers, replayed: hands on a task's container, health checks, kills, commands, images that
//! cannot be had, limits out of range.
//!
//! The commands that change something are run at the recorded moments; their output, their status and about how long they
//! take must be as recorded. Tables were polled: each recorded one must be seen here, too, within a good half second of its
//! moment (machines differ by that much), after ids and ages have been replaced by what they stand for.

use crate::lab::{Lab, Ran, cells};
use regex::Regex;
use std::collections::BTreeMap;
use swarmlab::engine::{Duration, Time};
use swarmlab::swarm::object::Role;
use swarmlab::swarm::world::{DataCentre, HostSpec};

/// How far off a table may be, and how much longer or shorter a command may take, in seconds.
const TOLERANCE: f64 = 0.75;

/// A command of a recording and what it did.
#[derive(Clone, Debug)]
struct Row {
    at: f64,
    took: f64,
    status: i32,
    command: String,
    out: Vec<String>,
    err: Vec<String>,
}

fn rows(text: &str) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with("# ")) {
        if let Some(rest) = line.strip_prefix("@ ") {
            let mut words = rest.splitn(4, ' ');
            let mut next = || words.next().expect("a moment, a length, a status and a command");
            rows.push(Row {
                at: next().parse().expect("seconds"),
                took: next().parse::<f64>().expect("milliseconds") / 1000.0,
                status: next().trim_start_matches("rc=").parse().expect("a status"),
                command: next().to_owned(),
                out: Vec::new(),
                err: Vec::new(),
            });
        } else if let Some(row) = rows.last_mut() {
            match line.strip_prefix("2> ") {
                Some(line) => row.err.push(line.to_owned()),
                None => row.out.push(line.to_owned()),
            }
        }
    }
    for row in &mut rows {
        row.out.truncate(row.out.iter().rposition(|line| !line.trim().is_empty()).map_or(0, |last| last + 1));
    }
    rows
}

impl Row {
    /// It only looks, and what it shows changes by itself.
    fn looks(&self) -> bool {
        ["docker service ps", "docker service ls", "docker ps"].iter().any(|look| self.command.starts_with(look))
    }

    fn meaning(&self) -> Vec<String> {
        meaning(&self.command, &self.out, &self.err)
    }
}

/// Ids and ages replaced by what they stand for.
fn plain(text: &str) -> String {
    let patterns = [
        (r"\b[0-9a-f]{64}\b", "ID"),
        (r"\b[0-9a-z]{25}\b", "ID"),
        (r"\b[0-9a-f]{12}\b", "ID"),
        (r"\b(\d+|Less than a|About a|less than a|about a) (second|minute)s?\b", "AGE"),
    ];
    patterns.iter().fold(text.to_owned(), |text, (pattern, word)| {
        Regex::new(pattern).expect("a pattern").replace_all(&text, *word).into_owned()
    })
}

/// What an output says: a table's rows without ids, ages, slots and places, in an order that does not depend on them; other
/// text with ids and ages replaced.
fn meaning(command: &str, out: &[String], err: &[String]) -> Vec<String> {
    let mut said: Vec<String> = err.iter().map(|line| plain(line.trim_end())).filter(|line| !line.is_empty()).collect();
    let is_table = out.first().is_some_and(|line| line.starts_with("ID ") || line.starts_with("CONTAINER ID "));
    if !is_table {
        // Names of containers begin with their task's.
        let names = Regex::new(r"\b(\w+)\.\d\.ID").expect("a pattern");
        said.extend(out.iter().map(|line| names.replace_all(&plain(line.trim_end()), "$1.N").into_owned()));
        return said;
    }
    let rows = cells(out);
    let header = rows[0].clone();
    let mut lines: Vec<String> = rows[1..]
        .iter()
        .map(|row| {
            let cells = header.iter().zip(row).filter_map(|(name, cell)| {
                let service = |cell: &str| cell.split('.').next().unwrap_or_default().to_owned();
                Some(match name.as_str() {
                    "ID" | "CONTAINER ID" | "CREATED" => return None,
                    "NAME" if command.contains("service ps") => match cell.strip_prefix("\\_ ") {
                        Some(cell) => format!("{} before", service(cell)),
                        None => service(cell),
                    },
                    "NAMES" => service(cell),
                    "NODE" => (if cell.is_empty() { "nowhere" } else { "somewhere" }).into(),
                    "CURRENT STATE" => service(cell).split(' ').next().unwrap_or_default().to_owned(),
                    _ => plain(cell),
                })
            });
            cells.collect::<Vec<_>>().join(" | ")
        })
        .collect();
    lines.sort();
    said.push(header.join(" | "));
    said.extend(lines);
    said
}

struct Replay {
    lab: Lab,
    seed: u64,
    /// When the recording's clock showed zero.
    origin: f64,
}

fn seconds(lab: &Lab) -> f64 {
    (lab.session.world().now() - Time::ZERO).as_millis() as f64 / 1000.0
}

fn pass_until(lab: &mut Lab, moment: f64) {
    let left = moment - seconds(lab);
    if left > 0.0 {
        lab.pass(Duration::from_millis((left * 1000.0) as i64));
    }
}

fn said(ran: &Ran) -> (Vec<String>, Vec<String>) {
    let lines = |text: &str| text.trim_end().lines().map(str::to_owned).collect();
    (lines(&ran.out), lines(&ran.err))
}

impl Replay {
    /// A swarm whose hosts have the recordings' images and reach no registry, as there.
    fn new(seed: u64, workers: &[&str]) -> Self {
        let mut hosts = vec![HostSpec::new("solo", Some(Role::Manager))];
        hosts.extend(workers.iter().map(|name| HostSpec::new(*name, Some(Role::Worker))));
        let names = hosts.iter().map(|host| host.name.clone()).collect::<Vec<_>>().join(",");
        let mut lab = Lab::of(DataCentre::of(seed, hosts));
        lab.direct("registry down");
        for tag in ["1.0", "2.0"] {
            let ran = lab.direct(&format!("image diamol/ch12-timecheck:{tag} preloaded={names}"));
            assert_eq!((ran.err.as_str(), ran.status), ("", 0));
        }
        Self { lab, seed, origin: 0.0 }
    }

    fn run(&mut self, text: &str) {
        let rows = rows(text);
        self.origin = seconds(&self.lab) - rows[0].at;
        let mut at = 0;
        while at < rows.len() {
            let looks = rows[at..].iter().take_while(|row| row.looks()).count();
            if looks == 0 {
                self.act(&rows[at]);
                at += 1;
            } else {
                self.look(&rows[at..at + looks]);
                at += looks;
            }
        }
    }

    fn act(&mut self, row: &Row) {
        pass_until(&mut self.lab, self.origin + row.at);
        let ran = self.lab.run("solo", &row.command);
        let (out, err) = said(&ran);
        let seed = self.seed;
        assert_eq!(meaning(&row.command, &out, &err), row.meaning(), "seed {seed}: {}", row.command);
        assert_eq!(ran.status, row.status, "seed {seed}: {}", row.command);
        let took = ran.took.as_millis() as f64 / 1000.0;
        assert!((took - row.took).abs() <= TOLERANCE, "seed {seed}: {} took {took} s, not {} s", row.command, row.took);
    }

    /// Polls a copy of the lab for each command, and looks for each recorded table near its moment.
    fn look(&self, rows: &[Row]) {
        let mut seen: BTreeMap<&str, Vec<(f64, Vec<String>)>> =
            rows.iter().map(|row| (row.command.as_str(), Vec::new())).collect();
        for (command, seen) in &mut seen {
            let mut lab = self.lab.clone();
            for row in rows.iter().filter(|row| row.command == **command) {
                pass_until(&mut lab, self.origin + row.at - TOLERANCE);
                while seconds(&lab) <= self.origin + row.at + TOLERANCE {
                    let moment = seconds(&lab) - self.origin;
                    let (out, err) = said(&lab.run("solo", command));
                    seen.push((moment, meaning(command, &out, &err)));
                    lab.pass(Duration::from_millis(5));
                }
            }
        }
        for row in rows {
            let wanted = row.meaning();
            let near: Vec<_> =
                seen[row.command.as_str()].iter().filter(|(at, _)| (at - row.at).abs() <= TOLERANCE).collect();
            assert!(
                near.iter().any(|(_, table)| *table == wanted),
                "seed {}: at {} s: {}\nrecorded: {wanted:#?}\nhere: {near:#?}",
                self.seed,
                row.at,
                row.command
            );
        }
    }
}

/// docker-29, topic 12: stop, pause, kill, rename, restart; what the swarm makes of each; `rmi` of a used image.
#[test]
fn hands_on_a_tasks_container_have_the_recorded_effects() {
    for seed in 0..4 {
        Replay::new(seed, &["spare"]).run(include_str!("../recordings/docker-29-12-container-actions.txt"));
    }
}

/// docker-29, topic 12: a removed service's container is there for its grace period, unless it heeds SIGTERM.
#[test]
fn the_grace_period_is_as_long_as_recorded() {
    for seed in 0..4 {
        Replay::new(seed, &["spare"]).run(include_str!("../recordings/docker-29-12-grace.txt"));
    }
}

/// docker-29, topic 04: starting, unhealthy, killed, failed, replaced, and again.
#[test]
fn a_failing_health_check_goes_its_recorded_way() {
    for seed in 0..4 {
        Replay::new(seed, &[]).run(include_str!("../recordings/docker-29-04-health.txt"));
    }
}

/// docker-29, topic 04: `sh -c "exit 3"` and `/no/such`.
#[test]
fn commands_that_fail_fail_with_the_recorded_words() {
    for seed in 0..4 {
        Replay::new(seed, &[]).run(include_str!("../recordings/docker-29-04-commands.txt"));
    }
}

/// Quirk 18 (control-plane.md §14); docker-29, topic 04: one slot goes down, its task prepares for good, nothing pauses.
#[test]
fn an_update_without_a_registry_hangs_as_recorded() {
    for seed in 0..4 {
        Replay::new(seed, &[]).run(include_str!("../recordings/docker-29-04-missing-image.txt"));
    }
}

/// docker-29, topic 14: flags of memory and health, what `inspect` makes of them, and what is refused where.
#[test]
fn limits_are_shown_and_refused_as_recorded() {
    for seed in 0..4 {
        Replay::new(seed, &["spare"]).run(include_str!("../recordings/docker-29-14-limits.txt"));
    }
}

/// Probes cost no events: an hour of five containers that are probed each second is as long as an hour of five that are not.
#[test]
fn healthy_containers_cost_no_events() {
    let events = |check: &str| {
        let mut lab = Lab::swarm(1, 1, 0);
        lab.run("m1", &format!("docker service create -d --name web --replicas 5 {check} nginx; wait 1m"));
        let before = lab.session.world().env.kernel.handled();
        lab.pass(Duration::from_hours(1));
        lab.session.world().env.kernel.handled() - before
    };
    let (without, with) = (events(""), events("--health-cmd true --health-interval 1s"));
    assert!(with.abs_diff(without) < 20, "{without} events without probes, {with} with them");
}
