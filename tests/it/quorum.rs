//! Recording 03 of Docker 29, replayed: the same story is played here, and every command of it is compared: its exit
//! status, what it printed, and the kind of its delay.
//!
//! Elections are drawn from the seed, so the story is played with many seeds, and those runs are compared in which chance
//! falls to the end as it fell in the recording. The format is told at the head of the recording.

use crate::lab::{Lab, Ran, cells};
use std::collections::BTreeMap;
use swarmlab::engine::Duration;
use swarmlab::observe::{Observed, View};
use swarmlab::swarm::object::Role;
use swarmlab::swarm::world::{DataCentre, HostSpec};

const RECORDING: &str = include_str!("../recordings/docker-29-03-quorum.txt");

/// The kind of a command's delay.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Delay {
    /// From so many milliseconds to so many.
    Within(i64, i64),
    /// The client was killed after 15 s; the call had not ended.
    GivenUp,
    /// The call is under way when the fault of the line before strikes; what then follows is at once.
    UnderWay,
    /// The lab says that it has no such command.
    NotModelled,
}

impl Delay {
    fn read(text: &str) -> Self {
        match text {
            "at once" => Self::Within(0, 999),
            "hangs" => Self::Within(20_000, 20_100),
            "given up" => Self::GivenUp,
            "under way" => Self::UnderWay,
            "not modelled" => Self::NotModelled,
            range => {
                let seconds = |text: &str| (text.parse::<f64>().expect("a number") * 1000.0) as i64;
                let (from, to) = range.strip_suffix(" s").and_then(|range| range.split_once(" to ")).expect("A to B s");
                Self::Within(seconds(from), seconds(to))
            }
        }
    }

    fn bounds(self) -> (i64, i64) {
        match self {
            Self::Within(from, to) => (from, to),
            Self::GivenUp => (15_000, 15_100),
            Self::UnderWay | Self::NotModelled => (0, 999),
        }
    }
}

/// A command of the recording.
#[derive(Debug)]
struct Command {
    /// Seconds since its start, as written there.
    at: &'static str,
    /// How long it took there.
    millis: i64,
    status: Option<i32>,
    delay: Delay,
    host: &'static str,
    line: &'static str,
    text: Vec<&'static str>,
}

#[derive(Debug)]
enum Item {
    Situation(&'static str),
    Direction(&'static str),
    Chance(&'static str),
    Command(Command),
}

fn items() -> Vec<Item> {
    let mut items = Vec::new();
    for line in RECORDING.lines().filter(|line| !line.starts_with('#')) {
        if let Some(title) = line.strip_prefix("== ") {
            items.push(Item::Situation(title));
        } else if let Some(direction) = line.strip_prefix("* ").filter(|rest| !rest.starts_with('|')) {
            items.push(Item::Direction(direction));
        } else if let Some(condition) = line.strip_prefix("? ") {
            items.push(Item::Chance(condition));
        } else if let Some((head, rest)) = line.strip_prefix('[').and_then(|line| line.split_once("] ")) {
            let (facts, kind) = head.split_once(" | ").expect("facts | kind");
            let mut facts = facts.split(' ');
            let at = facts.next().expect("a time");
            let millis = facts.next().and_then(|text| text.strip_prefix('+')?.strip_suffix("ms")).expect("+Dms");
            let status = facts.next().and_then(|text| text.strip_prefix("rc=")).expect("rc=R");
            let (host, line) = rest.split_once("$ ").expect("host$ command");
            items.push(Item::Command(Command {
                at,
                millis: millis.parse().expect("milliseconds"),
                status: status.parse().ok(),
                delay: Delay::read(kind),
                host,
                line,
                text: Vec::new(),
            }));
        } else if let Some(Item::Command(command)) = items.last_mut() {
            command.text.push(line);
        }
    }
    for item in &mut items {
        if let Item::Command(command) = item {
            let kept = command.text.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
            command.text.truncate(kept);
        }
    }
    items
}

/// The hosts of the recording, at their addresses.
fn centre(seed: u64) -> DataCentre {
    let host = |(name, last, role): (&str, u8, Option<Role>)| HostSpec {
        address: Some([10, 90, 0, last].into()),
        ..HostSpec::new(name, role)
    };
    let hosts = [
        ("manager1", 11, Some(Role::Manager)),
        ("manager2", 12, Some(Role::Manager)),
        ("manager3", 13, Some(Role::Manager)),
        ("worker1", 21, Some(Role::Worker)),
        ("worker2", 22, Some(Role::Worker)),
        ("extra", 31, None),
    ];
    DataCentre::of(seed, hosts.into_iter().map(host).collect())
}

/// A run of the story.
struct Story {
    lab: Lab,
    /// The hosts' names by the ids of their nodes, those of former ones included.
    nodes: BTreeMap<String, String>,
    tokens: [String; 2],
    /// How many containers a host had when it was asked last: in the recording, and here.
    containers: BTreeMap<&'static str, (usize, usize)>,
    disagreements: Vec<String>,
}

impl Story {
    fn new(seed: u64) -> Self {
        let mut lab = Lab::of(centre(seed));
        // The recording's machines had all images.
        lab.run("manager3", "docker pull -q diamol/base");
        let tokens = ["worker", "manager"]
            .map(|role| lab.direct(&format!("docker swarm join-token -q {role}")).out.trim().into());
        Self { lab, nodes: BTreeMap::new(), tokens, containers: BTreeMap::new(), disagreements: Vec::new() }
    }

    /// Plays it. If a situation does not come about, or chance falls otherwise than in the recording, the story ends there:
    /// gives the situation's title then.
    fn play(&mut self, items: &[Item]) -> Option<&'static str> {
        let mut items = items.iter().peekable();
        let mut situation = ("", 0);
        while let Some(item) = items.next() {
            match item {
                Item::Situation(title) => situation = (title, self.disagreements.len()),
                Item::Direction(line) => match items.peek() {
                    Some(Item::Command(command)) if command.delay == Delay::UnderWay => {
                        let line = *line;
                        self.under_way(command, line);
                        items.next();
                    }
                    _ => {
                        let ran = self.lab.direct(line);
                        if ran.status != 0 && line.starts_with("wait until ") {
                            return Some(situation.0);
                        }
                        assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{line}");
                    }
                },
                Item::Chance(condition) => {
                    if !self.holds(condition) {
                        self.disagreements.truncate(situation.1);
                        return Some(situation.0);
                    }
                }
                Item::Command(command) => self.command(command),
            }
            let nodes = Observed(self.lab.session.world()).nodes();
            self.nodes.extend(nodes.iter().flat_map(|n| n.iter()).map(|n| (n.id.to_string(), n.name.to_string())));
        }
        None
    }

    fn holds(&mut self, condition: &str) -> bool {
        let timed = if condition.contains(" for up to ") { "" } else { " for up to 100ms" };
        self.lab.direct(&format!("wait until {condition}{timed}")).status == 0
    }

    /// A call that a fault overtakes: the client has started, the daemon has passed its call on, and the answer is not yet
    /// there.
    fn under_way(&mut self, command: &Command, fault: &str) {
        self.lab.begin(command.host, command.line);
        self.lab.pass(Duration::from_micros(13_500));
        assert_eq!(self.lab.direct(fault).status, 0);
        let ran = self.lab.end(command.host, Duration::from_secs(30));
        self.compare(command, &ran.expect("it ends"));
    }

    fn command(&mut self, command: &Command) {
        let line = command.line.replace("$WORKER", &self.tokens[0]).replace("$MANAGER", &self.tokens[1]);
        self.lab.begin(command.host, &line);
        let limit = if command.delay == Delay::GivenUp { 15 } else { 60 };
        match self.lab.end(command.host, Duration::from_secs(limit)) {
            None => {
                self.lab.interrupt(command.host);
                if command.delay != Delay::GivenUp {
                    self.differs(command, "it does not end");
                }
            }
            Some(ran) if command.delay == Delay::GivenUp => {
                self.differs(command, &format!("it ends after {}: {}{}", ran.took, ran.out, ran.err));
            }
            Some(ran) => self.compare(command, &ran),
        }
    }

    fn differs(&mut self, command: &Command, how: &str) {
        self.disagreements.push(format!("[{}] {}$ {}: {how}", command.at, command.host, command.line));
    }

    fn compare(&mut self, command: &Command, ran: &Ran) {
        if command.delay == Delay::NotModelled {
            let said = ran.err.starts_with("swarmlab: docker ") && ran.err.ends_with(" is not modelled yet\n");
            if !said {
                self.differs(command, &format!("it is modelled: {}{}", ran.out, ran.err));
            }
            return;
        }
        let (from, to) = command.delay.bounds();
        if !(from..=to).contains(&ran.took.as_millis()) {
            self.differs(command, &format!("it takes {}, not {from} to {to} ms", ran.took));
        }
        if Some(ran.status) != command.status {
            self.differs(command, &format!("status {}, not {:?}", ran.status, command.status));
        }
        let (mut theirs, mut ours) = (command.text.clone(), self.text(command.line, ran));
        if command.line.starts_with("docker events") {
            // The client cuts at the whole second, wherever that falls.
            let least = theirs.len().min(ours.len());
            theirs.truncate(least);
            ours.truncate(least);
        }
        if command.line.starts_with("docker ps ") && !command.line.contains("wc -l") {
            let before = self.containers.insert(command.host, (theirs.len(), ours.len()));
            if let Some((their_last, our_last)) = before
                && theirs.len() as i64 - their_last as i64 != ours.len() as i64 - our_last as i64
            {
                self.differs(command, &format!("{our_last} containers have become {}", ours.len()));
            }
            theirs.dedup();
            ours.dedup();
        }
        if ours != theirs {
            self.differs(command, &format!("\n--- recorded\n{}\n--- here\n{}\n", theirs.join("\n"), ours.join("\n")));
        }
    }

    /// What was printed, as the recording has it.
    fn text(&self, line: &str, ran: &Ran) -> Vec<String> {
        if line.starts_with("docker events") {
            let known = [(r"^\S+ ", ""), (r"\b[0-9a-f]{64}\b", "ID"), (r"name=[a-z]+_[a-z]+", "name=NAME")];
            let plain = |line: &str| {
                known.iter().fold(line.to_owned(), |line, (pattern, word)| {
                    regex::Regex::new(pattern).expect("a pattern").replace_all(&line, *word).into_owned()
                })
            };
            return ran.out.lines().map(plain).collect();
        }
        let mut lines: Vec<&str> = ran.out.lines().collect();
        if line.starts_with("docker node inspect --pretty") {
            lines.truncate(lines.iter().position(|line| line.starts_with("Platform")).unwrap_or(lines.len()));
        }
        let kept = match line {
            "docker node ls" => ["HOSTNAME", "STATUS", "AVAILABILITY", "MANAGER STATUS"],
            "docker service ls" => ["NAME", "MODE", "REPLICAS", "IMAGE"],
            _ => [""; 4],
        };
        let mut said: Vec<String> = if lines.first().is_some_and(|first| first.contains(kept[0])) && !kept[0].is_empty()
        {
            table(&lines, kept)
        } else {
            lines.iter().map(|line| self.named(line)).collect()
        };
        said.extend(ran.err.lines().map(|line| format!("2> {}", self.named(line))));
        said
    }

    /// A line with names for what differs from run to run.
    fn named(&self, line: &str) -> String {
        if line.starts_with("Joined at:") {
            return "Joined at: <time>".to_owned();
        }
        let mut text = String::new();
        let mut rest = line.trim_end();
        while let Some(first) = rest.chars().next() {
            let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            if let Some(token) = rest.strip_prefix("SWMTKN-1-") {
                text += "<token>";
                rest = token.trim_start_matches(|c: char| c != ' ');
            } else if let Some(socket) = rest.strip_prefix("unix://") {
                text += "unix://<socket>";
                rest = socket.split_once("docker.sock").map_or("", |(_, rest)| rest);
            } else if length == 0 {
                text.push(first);
                rest = &rest[first.len_utf8()..];
            } else {
                let (word, after) = rest.split_at(length);
                let digits = word.bytes().all(|byte| byte.is_ascii_digit());
                match (self.nodes.get(word), length) {
                    (Some(name), _) => text += &format!("<id of {name}>"),
                    (None, 25) => text += "<id>",
                    (None, 12) if text.is_empty() || word.bytes().any(|byte| byte.is_ascii_digit()) => text += "<id>",
                    _ if digits && text.ends_with(':') && after.starts_with("->") => text += "<port>",
                    _ if digits && text.ends_with("timecheck.") && after.starts_with('.') => text.push('N'),
                    _ => text += word,
                }
                rest = after;
            }
        }
        if let Some(up) = text.find(" Up ") {
            text.truncate(up + 3);
        }
        text
    }
}

/// The columns that the recording keeps, and the star of the node that was asked.
fn table(lines: &[&str], kept: [&str; 4]) -> Vec<String> {
    let rows = cells(lines);
    let header = &rows[0];
    rows.iter()
        .map(|row| {
            let starred = header.iter().zip(row).any(|(name, cell)| name == "ID" && cell.ends_with('*'));
            let cells = header.iter().zip(row).filter(|(name, _)| kept.contains(&name.as_str()));
            let said: Vec<&str> =
                starred.then_some("*").into_iter().chain(cells.map(|(_, cell)| cell.as_str())).collect();
            said.join(" | ").trim_end().to_owned()
        })
        .collect()
}

/// The file itself is sound: every recorded delay is of the kind that stands beside it.
#[test]
fn the_recorded_delays_are_of_their_kinds() {
    let items = items();
    let commands: Vec<_> =
        items.iter().filter_map(|item| if let Item::Command(c) = item { Some(c) } else { None }).collect();
    assert!(commands.len() >= 140, "{}", commands.len());
    for command in commands {
        let (from, to) = command.delay.bounds();
        assert!((from..=to).contains(&command.millis), "{command:?}");
        assert_eq!(command.status.is_none(), command.delay == Delay::GivenUp, "{command:?}");
    }
}

/// Where the model is known to differ, by the moment in the recording, and why. Whoever mends one takes it off this list.
const KNOWN: &[(&str, &str)] = &[
    ("[312.025]", "force-new-cluster never takes the 10 s more that the recordings of 29.7.2 show"),
    ("[480.138]", "a leader that demoted itself and is promoted 8 s later is a manager at once; there it stalled"),
];

/// Commands of the recording that the lab does not have yet. Whoever adds one puts its output into the recording.
const NOT_MODELLED: &[&str] = &[];

/// "Done when 3": for every command of recording 03, the same situation gives the same text and the same kind of delay.
#[test]
fn the_quorum_is_lost_and_regained_as_it_was_recorded() {
    let items = items();
    let mut skipped: Vec<_> = items
        .iter()
        .filter_map(|item| match item {
            Item::Command(command) if command.delay == Delay::NotModelled => Some(command.line),
            _ => None,
        })
        .collect();
    skipped.sort_unstable();
    assert_eq!(skipped, NOT_MODELLED);
    let mut ends: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in 0.. {
        let mut story = Story::new(seed);
        let end = story.play(&items).unwrap_or("whole");
        *ends.entry(end).or_default() += 1;
        assert!(seed < 1000, "chance hardly ever falls as in the recording; where the runs ended: {ends:?}");
        if end != "whole" {
            continue;
        }
        let known = |text: &str| KNOWN.iter().find(|(at, _)| text.starts_with(at));
        let (old, new): (Vec<_>, Vec<_>) = story.disagreements.iter().partition(|text| known(text).is_some());
        assert!(new.is_empty(), "seed {seed}: {}", new.iter().map(|text| text.as_str()).collect::<Vec<_>>().join("\n"));
        let mended = KNOWN.iter().find(|(at, _)| !old.iter().any(|text| text.starts_with(at)));
        assert_eq!(mended, None, "seed {seed}: this is so no more: take it off the list");
        if ends["whole"] == 3 {
            break;
        }
    }
}
