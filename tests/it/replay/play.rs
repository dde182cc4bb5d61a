//! A recording played on a simulated data centre of the same machines: the same lines at the same moments, the same things
//! done to the machines.

use super::plain::{Names, but_for_chance, plain};
use super::recording::{Item, Row, began, read};
use super::tally::{Tally, Verdict};
use std::collections::BTreeMap;
use std::num::NonZero;
use swarmlab::engine::{Duration, Time};
use swarmlab::scenario::run::built_in_images;
use swarmlab::session::{Session, Stop, TerminalId};
use swarmlab::swarm::daemon::image::{Catalogue, Hosts, ImageBehaviour, ImageExit};
use swarmlab::swarm::object::Role;
use swarmlab::swarm::world::{DataCentre, HostSpec};

/// Of the machine on which all of them were recorded.
const MEMORY: i64 = 25_276_502_016;
/// How long a machine takes to come up where the recording does not say.
const START: i64 = 11_500;
/// How much later than recorded a look may be to see what it saw, and how often it is tried, in milliseconds.
const LATER: i64 = 3_000;
const AGAIN: i64 = 100;
const SOON: i64 = 20;

/// One recording and the machines on which it was made.
pub struct Topic {
    /// Its file's name.
    pub name: &'static str,
    /// Its text.
    pub recording: &'static str,
    /// Name, last byte of the address, and role in a swarm that is there from the first.
    pub hosts: &'static [(&'static str, u8, Option<Role>)],
    /// Seeds: by the first of them elections go as they went there, the others are what chance might have drawn as well.
    pub seeds: &'static [u64],
    /// What was done before the recording began, on the first host.
    pub before: &'static str,
}

/// Only looks at what may change by itself.
fn looks(line: &str) -> bool {
    const LOOKS: [&str; 9] = [
        "docker service ps",
        "docker service ls",
        "docker service inspect",
        "docker service logs",
        "docker node ls",
        "docker node ps",
        "docker node inspect",
        "docker ps",
        "docker info",
    ];
    LOOKS.iter().any(|look| line.starts_with(look))
}

/// Why a line is not asked here.
fn out_of_scope(row: &Row) -> Option<&'static str> {
    if row.line.contains("/usr/local/bin/docker") || row.line.contains("/usr/bin/docker") {
        return Some("another version of the client");
    }
    if row.line.contains("nsenter") || row.line.contains("script -qec") {
        return Some("a tool of the recorder's");
    }
    if row.status == Some(139) {
        return Some("the recorder's own program crashed");
    }
    row.status.is_none().then_some("the recorder gave up waiting")
}

/// What a line printed.
const LAST_WORDS: [&str; 2] = ["Operation continuing in background.", "Use `docker service ps "];

#[derive(Clone, Debug, Default)]
struct Said {
    status: Option<i32>,
    out: String,
    err: String,
    /// Ctrl-C ended it.
    interrupted: bool,
}

impl Said {
    fn of(row: &Row) -> Self {
        Said { status: row.status, out: row.out.clone(), err: row.err.clone(), interrupted: row.interrupted.is_some() }
    }

    /// On a terminal: what stands on its screen in the end.
    fn shown(mut self, columns: Option<u16>) -> Self {
        let size = NonZero::new(30).zip(columns.and_then(NonZero::new));
        if let Some((rows, columns)) = size {
            let mut screen = vt100::Parser::new(rows, columns, 0);
            // A terminal begins each line at its start.
            screen.process(self.out.replace("\r\n", "\n").replace('\n', "\r\n").as_bytes());
            // What the terminal itself echoes.
            self.out = screen.screen().contents().replace("^C", "");
        }
        self
    }

    fn key(&self) -> (Option<i32>, Vec<String>, Vec<String>) {
        let mut out = but_for_chance(&self.out);
        if self.interrupted {
            // What a client says last when it is interrupted gets through to the terminal or does not.
            out.retain(|line| !LAST_WORDS.iter().any(|words| line.starts_with(words)));
        }
        (self.status, out, but_for_chance(&self.err))
    }

    fn is(&self, other: &Said) -> Option<Verdict> {
        if self.status == other.status && plain(&self.out) == plain(&other.out) && plain(&self.err) == plain(&other.err)
        {
            return Some(Verdict::Equal);
        }
        (self.key() == other.key()).then_some(Verdict::ButForChance)
    }

    fn text(&self) -> String {
        let mut lines: Vec<String> = but_for_chance(&self.out);
        lines.extend(but_for_chance(&self.err).into_iter().map(|line| format!("2> {line}")));
        format!("rc={}\n{}", self.status.map_or("-".into(), |status| status.to_string()), lines.join("\n"))
    }
}

/// The recordings' images, on every machine: small programs stood in for what is in the book's.
fn images() -> Catalogue {
    let mut catalogue = built_in_images();
    let mut put = |name: &str, command: &str, change: fn(&mut ImageBehaviour)| {
        let reference = format!("diamol/{name}");
        let mut behaviour = ImageBehaviour::clone(&catalogue.behaviour(&reference));
        behaviour.preloaded = Hosts::All;
        behaviour.command = command.into();
        change(&mut behaviour);
        catalogue.add(&reference, behaviour);
    };
    put("ch12-timecheck:1.0", "/tick", |_| {});
    put("ch12-timecheck:2.0", "/tick", |_| {});
    put("ch12-timecheck:3.0-bad", "/bad", |image| {
        image.exit = Some(ImageExit { after: Duration::from_secs(1), code: 1 });
        image.log = vec!["starting 3.0".into()];
        image.log_errors = vec!["Unhandled exception. fatal: bad config".into()];
        image.listen.clear();
    });
    for name in ["ch09-image-of-the-day", "ch09-access-log", "ch09-image-gallery"] {
        // As process 1 it does not heed SIGTERM.
        put(name, "/httpd", |image| image.stop = None);
    }
    put("base", "/bin/sh", |image| image.listen.clear());
    catalogue
}

#[derive(Clone)]
struct Stage {
    session: Session,
    terminals: BTreeMap<(String, Option<u16>), TerminalId>,
}

impl Stage {
    fn new(topic: &Topic, seed: u64) -> Self {
        let host = |&(name, last, role): &(&str, u8, Option<Role>)| HostSpec {
            address: Some([10, 90, 0, last].into()),
            nano_cpus: 2_000_000_000,
            memory_bytes: MEMORY,
            ..HostSpec::new(name, role)
        };
        let mut centre = DataCentre::of(seed, topic.hosts.iter().map(host).collect());
        centre.catalogue = images();
        let mut stage = Stage { session: Session::new(&centre), terminals: BTreeMap::new() };
        let first = topic.hosts[0].0;
        stage.direct("registry down");
        if !topic.before.is_empty() {
            stage.run(first, None, topic.before, 600_000);
        }
        stage
    }

    fn now(&self) -> i64 {
        (self.session.world().now() - Time::ZERO).as_millis()
    }

    fn pass_until(&mut self, moment: i64) {
        if moment > self.now() {
            self.session.run(Time::ZERO + Duration::from_millis(moment), |_| true);
        }
    }

    fn terminal(&mut self, host: &str, columns: Option<u16>) -> Option<TerminalId> {
        if let Some(&terminal) = self.terminals.get(&(host.to_owned(), columns)) {
            return Some(terminal);
        }
        let id = self.session.world().host_named(host)?;
        let terminal = self.session.open(id, columns);
        self.terminals.insert((host.to_owned(), columns), terminal);
        Some(terminal)
    }

    /// Something done to the machines.
    fn direct(&mut self, line: &str) {
        let host = self.session.world().hosts()[0].name.to_string();
        let terminal = self.terminal(&host, Some(1)).expect("the first host");
        let said = self.finish(terminal, line, 60_000);
        assert_eq!((said.err.as_str(), said.status), ("", Some(0)), "{line}");
    }

    fn run(&mut self, host: &str, columns: Option<u16>, line: &str, limit: i64) -> Said {
        match self.terminal(host, columns) {
            Some(terminal) => self.finish(terminal, line, limit),
            None => Said { err: format!("there is no host {host}"), ..Said::default() },
        }
    }

    /// Types a line and waits for its end; one that does not come to it is interrupted.
    fn finish(&mut self, terminal: TerminalId, line: &str, limit: i64) -> Said {
        let shown =
            self.terminals.iter().any(|((_, columns), of)| *of == terminal && columns.is_some_and(|all| all > 1));
        if let Err(error) = self.session.type_lines(terminal, line) {
            return Said { status: Some(2), err: error.render(line), ..Said::default() };
        }
        let until = self.session.world().now() + Duration::from_millis(limit);
        loop {
            match self.session.run_terminal(terminal, until) {
                Stop::Wants => self.session.refuse_wants("nobody types here"),
                Stop::Reached => self.session.interrupt(terminal),
                _ => break,
            }
        }
        let mut said = Said { status: Some(self.session.terminal(terminal).status), ..Said::default() };
        for chunk in self.session.take_output(terminal) {
            // On a terminal both are one.
            *if chunk.stderr && !shown { &mut said.err } else { &mut said.out } += &chunk.text;
        }
        said
    }
}

/// What has to be done here for what was done there, and how much earlier it began.
fn direction(text: &str, topic: &Topic) -> Option<String> {
    let told = text.split(';').next().unwrap_or_default();
    let named: Vec<&str> = topic.hosts.iter().map(|host| host.0).filter(|name| told.contains(name)).collect();
    let each = |verb: &str, what: &str| {
        let lines: Vec<String> = named.iter().map(|name| format!("{verb} {name}{what}")).collect();
        Some(lines.join("; "))
    };
    let others = || {
        let others: Vec<&str> = topic.hosts.iter().map(|host| host.0).filter(|name| !named.contains(name)).collect();
        Some(format!("partition {} | {}", named.join(" "), others.join(" ")))
    };
    match text {
        _ if text.starts_with("poll ") => None,
        _ if text.contains("SIGKILL") => each("kill", " daemon"),
        _ if text.contains("SIGTERM") => each("stop", " daemon"),
        _ if text.contains("restarted") => each("boot", ""),
        _ if text.contains("link down") => others(),
        _ if text.contains("link up") => Some("heal".into()),
        _ => None,
    }
}

/// Plays a recording and judges each command: with each of the topic's seeds, of whose verdicts the best one stands.
pub fn play(topic: &Topic) -> Tally {
    let mut seeds = topic.seeds.iter();
    let first = *seeds.next().expect("a topic has a seed");
    let best = play_with(topic, first, Tally::new(topic.name));
    seeds.fold(best, |best, &seed| {
        let other = play_with(topic, seed, Tally::after(&best));
        best.or(other)
    })
}

fn play_with(topic: &Topic, seed: u64, mut tally: Tally) -> Tally {
    let mut stage = Stage::new(topic, seed);
    let mut items = read(topic.recording);
    for item in &mut items {
        // Two machines are called solo, each in recordings of its own.
        let hosts: Vec<&mut String> = match item {
            Item::Row(row) => vec![&mut row.host],
            Item::Event { polled, .. } => polled.iter_mut().map(|(host, _)| host).collect(),
        };
        hosts.into_iter().filter(|host| *host == "solo4").for_each(|host| *host = "solo".into());
    }
    let mut names = Names::default();
    // A token that was read before the recording began.
    let typed = items.iter().find_map(|item| match item {
        Item::Row(row) if row.line.contains("swarm join --token SWMTKN-1-") => Some(row.line.clone()),
        _ => None,
    });
    if let Some(line) = typed.filter(|_| topic.hosts[0].2.is_some()) {
        let token = stage.run(topic.hosts[0].0, None, "docker swarm join-token --quiet worker", 10_000);
        names.learn(&line, &token.out);
    }
    // What stands at zero there stands here, at the same part of a second.
    let early = (began(topic.recording) - stage.now()).rem_euclid(1_000);
    stage.pass_until(stage.now() + early);
    let mut origin = stage.now();
    let mut at = 0;
    while at < items.len() {
        match &items[at] {
            Item::Event { at: moment, polled, .. } if !polled.is_empty() => {
                let end = items[at + 1..].iter().position(|item| matches!(item, Item::Event { .. }));
                let end = end.map_or(items.len(), |end| at + 1 + end);
                let until = match items.get(end) {
                    Some(Item::Event { at, .. }) => *at,
                    _ => *moment,
                };
                let rows: Vec<&Row> = items[at + 1..end]
                    .iter()
                    .filter_map(|item| if let Item::Row(row) = item { Some(row) } else { None })
                    .collect();
                // Whoever looks at once after a command looks here, too, when that has ended.
                let at_once = |item: &Item| matches!(item, Item::Row(row) if row.at + row.took + 5 >= *moment);
                if at.checked_sub(1).is_none_or(|before| !at_once(&items[before])) {
                    stage.pass_until(origin + moment);
                }
                watch(&mut stage, polled, &rows, (*moment, until), &mut names, &mut tally);
                origin = stage.now() - until;
                at = end;
                continue;
            }
            Item::Event { at: moment, text, start, .. } => {
                if let Some(line) = direction(text, topic) {
                    let start = if line.starts_with("boot") { start.unwrap_or(START) } else { 0 };
                    stage.pass_until(origin + moment - start);
                    stage.direct(&line);
                    stage.pass_until(origin + moment);
                }
            }
            Item::Row(row) => {
                stage.pass_until(origin + row.at);
                act(&mut stage, row, &mut names, &mut tally);
                origin = origin.max(stage.now() - row.at - row.took);
            }
        }
        at += 1;
    }
    tally
}

/// What the recorder ran through script(1), interrupted after three seconds.
fn inner(line: &str) -> Option<(&str, i64)> {
    let (_, rest) = line.split_once("(sleep 3; printf \"\\003\"; sleep 2) | script -qec \"")?;
    Some((rest.split('"').next()?, 3_000))
}

/// One command, judged.
fn act(stage: &mut Stage, row: &Row, names: &mut Names, tally: &mut Tally) {
    if let Some(why) = out_of_scope(row) {
        tally.skip(row, why);
        if let Some((line, limit)) = inner(&row.line) {
            stage.run(&row.host, Some(80), &names.translate(line), limit);
        }
        return;
    }
    let line = names.translate(&row.line);
    let settled = tally.is_settled();
    let before = (!settled && looks(&row.line)).then(|| stage.clone());
    let limit = row.interrupted.unwrap_or(row.took * 2 + 30_000);
    let mut ours = stage.run(&row.host, row.columns, &line, limit).shown(row.columns);
    ours.interrupted = row.interrupted.is_some();
    let theirs = Said::of(row).shown(row.columns);
    names.learn(&theirs.out, &ours.out);
    if settled {
        return tally.judge(row, Verdict::ButForChance, "", "");
    }
    if let Some(verdict) = theirs.is(&ours) {
        tally.judge(row, verdict, "", "");
        return;
    }
    if let Some(mut later) = before {
        for _ in 0..LATER / AGAIN {
            later.pass_until(later.now() + AGAIN);
            let again = later.run(&row.host, row.columns, &line, limit).shown(row.columns);
            if theirs.is(&again).is_some() {
                names.learn(&theirs.out, &again.out);
                tally.judge(row, Verdict::Later, "", "");
                return;
            }
        }
    }
    tally.judge(row, Verdict::Differs, &theirs.text(), &ours.text());
}

/// Looks again and again, as there; what was seen there must be seen here in the same order.
fn watch(
    stage: &mut Stage,
    polled: &[(String, String)],
    rows: &[&Row],
    (from, until): (i64, i64),
    names: &mut Names,
    tally: &mut Tally,
) {
    let begun = stage.now();
    // Somebody looked until he saw what he waited for, or for a fixed time.
    let last = rows.iter().map(|row| row.at + row.took).max().unwrap_or_default();
    let until_seen = last >= until - 1_000;
    let length = until - from;
    let mut seen: Vec<Vec<Said>> = vec![Vec::new(); polled.len()];
    let theirs: Vec<Vec<&Row>> = polled
        .iter()
        .map(|(host, line)| rows.iter().copied().filter(|row| (&row.host, &row.line) == (host, line)).collect())
        .collect();
    loop {
        for (place, (host, line)) in polled.iter().enumerate() {
            let said = stage.run(host, None, &names.translate(line), 40_000);
            if seen[place].last().is_none_or(|last| last.key() != said.key()) {
                seen[place].push(said);
            }
        }
        let passed = stage.now() - begun;
        let arrived = theirs.iter().zip(&seen).all(|(theirs, seen)| {
            theirs.last().is_none_or(|last| seen.last().is_some_and(|seen| seen.key() == Said::of(last).key()))
        });
        let over = if until_seen { arrived } else { arrived && passed >= length };
        if over || passed > length * 3 / 2 + 15_000 {
            break;
        }
        // What is over in a moment is seen, too: nothing can be new before the next event.
        let (position, late) = (stage.session.position(), stage.now() + LATER);
        while stage.session.position() == position && stage.now() < late {
            stage.pass_until(stage.now() + SOON);
        }
    }
    for (theirs, ours) in theirs.iter().zip(&seen) {
        let (gone, theirs): (Vec<&Row>, Vec<&Row>) = theirs.iter().partition(|row| row.status.is_none());
        gone.into_iter().for_each(|row| tally.skip(row, out_of_scope(row).unwrap_or_default()));
        let common = common(&theirs, ours);
        for (place, row) in theirs.iter().enumerate() {
            match common[place] {
                Some(ours) => {
                    names.learn(&row.out, &ours.out);
                    tally.judge(row, Said::of(row).is(ours).unwrap_or(Verdict::ButForChance), "", "");
                }
                None => {
                    let nearest = ours.get(place.min(ours.len().saturating_sub(1)));
                    tally.judge(
                        row,
                        Verdict::Differs,
                        &Said::of(row).text(),
                        &nearest.map(Said::text).unwrap_or_default(),
                    );
                }
            }
        }
    }
}

/// The longest sequence that both have in common: for each of theirs the one of ours. What was seen there twice in a row (ages
/// had grown wider) is one.
fn common<'a>(rows: &[&Row], ours: &'a [Said]) -> Vec<Option<&'a Said>> {
    let all: Vec<_> = rows.iter().map(|row| Said::of(row).key()).collect();
    let mut theirs = all.clone();
    theirs.dedup();
    let keys: Vec<_> = ours.iter().map(Said::key).collect();
    let mut longest = vec![vec![0_usize; keys.len() + 1]; theirs.len() + 1];
    for i in (0..theirs.len()).rev() {
        for j in (0..keys.len()).rev() {
            longest[i][j] =
                if theirs[i] == keys[j] { longest[i + 1][j + 1] + 1 } else { longest[i + 1][j].max(longest[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut pairs) = (0, 0, vec![None; theirs.len()]);
    while i < theirs.len() && j < keys.len() {
        if theirs[i] == keys[j] {
            pairs[i] = Some(&ours[j]);
            (i, j) = (i + 1, j + 1);
        } else if longest[i + 1][j] >= longest[i][j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    let mut at = 0;
    all.iter()
        .map(|key| {
            at += usize::from(*key != theirs[at]);
            pairs[at]
        })
        .collect()
}
