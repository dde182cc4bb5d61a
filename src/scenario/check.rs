//! Reads a scenario file and checks all that can be checked before anything runs.
//!
//! It stops at nothing: every problem is collected. It follows the house plan §7 and §8, rule 8.

use crate::swarm::scheduler::Policy;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::problem::{Problem, ScenarioErrors};
use super::read::{File, Table};
use super::text::Placed;
use super::{Cluster, FORMAT, HostSpec, MAX_FILES, MAX_REPEATS, Repeat, Scenario, Step, Ties};
use super::{chaos, cluster, expect, image, measure};
use crate::docker;
use crate::engine::Duration;
use crate::engine::limits::{MAX_DURATION, MAX_REPLICAS, SCENARIO_FILE_BYTES, STEPS};
use crate::observe::nearest;
use crate::predicate::Condition;
use crate::session::shell::verb::KillTarget;
use crate::session::shell::{self, BUILTINS, Command, Dialect, List, PieceKind, SimpleCommand, Span, Verb, filter};

/// Reads and checks a scenario.
pub(super) fn scenario(path: &str, text: &str) -> Result<Scenario, ScenarioErrors> {
    if text.len() as u64 > SCENARIO_FILE_BYTES {
        let message = format!("the file has {} bytes; at most {SCENARIO_FILE_BYTES} are read", text.len());
        return Err(ScenarioErrors::new(path, "", vec![Problem::new((0, 0), message)]));
    }
    let file = File::new(text);
    let parsed = file.table();
    let top = Table::new(&file, parsed.get_ref(), (0, text.find('\n').unwrap_or(text.len())), "the file");
    let scenario = whole(path, &file, &top);
    top.done();
    match file.into_problems() {
        problems if problems.is_empty() => Ok(scenario),
        problems => Err(ScenarioErrors::new(path, text, problems)),
    }
}

fn whole(path: &str, file: &File, top: &Table) -> Scenario {
    match top.number("format", i64::MIN, i64::MAX) {
        Some(format) if format != FORMAT => {
            let problem = Problem::new(top.span_of("format"), format!("format {format} is not known"));
            file.problem(problem.label("not known").help(format!("this program reads format = {FORMAT}")));
        }
        None if !top.has("format") => top.missing("format", "format = 1"),
        _ => {}
    }
    let name = top.text("name");
    if name.is_none() && !top.has("name") {
        top.missing("name", "name = \"what-happens\"");
    }
    let name = name.map(|name| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name.text.is_empty() || name.text.len() > 100 || !name.text.chars().all(plain) {
            let problem = Problem::new(name.span, format!("{:?} is not a scenario's name", name.text));
            file.problem(problem.label("expected a name").help("use letters, digits, `-`, `_` and `.`; at most 100"));
        }
        name.text
    });
    let seed = top.number("seed", 0, i64::MAX).and_then(|seed| u64::try_from(seed).ok()).unwrap_or(0);
    let duration = match top.duration("duration") {
        Some((duration, span)) => {
            if duration > MAX_DURATION || duration == Duration::ZERO {
                let message = format!("`duration` is {duration}; a scenario lasts from 1ns to {MAX_DURATION}");
                file.problem(Problem::new(span, message).label("out of its limits"));
            }
            duration
        }
        None => {
            if !top.has("duration") {
                top.missing("duration", "duration = \"5m\"");
            }
            // So that nothing else is called too late.
            Duration::MAX
        }
    };
    let ties = match top.text("ties") {
        None => Ties::Natural,
        Some(ties) => match ties.text.as_str() {
            "natural" => Ties::Natural,
            "shuffled" => Ties::Shuffled,
            other => {
                let problem = Problem::new(ties.span, format!("ties are not broken {other:?}"));
                file.problem(problem.label("not known").help("write \"natural\" or \"shuffled\""));
                Ties::Natural
            }
        },
    };
    let policy = policy(file, top);
    let cluster = match top.table("cluster") {
        Some(table) => Some(cluster::read(file, table)),
        None => {
            if !top.has("cluster") {
                top.missing("cluster", "[cluster] with managers = 3 and workers = 3");
            }
            None
        }
    };
    let images = image::read(file, top, cluster.as_ref());
    let files = files(file, top);
    let steps = steps(file, top, cluster.as_ref(), duration);
    let expectations = expect::expectations(file, top, duration);
    Scenario {
        path: path.to_string(),
        about: top.text("about").map(|about| about.text).unwrap_or_default(),
        name: name.unwrap_or_default(),
        seed,
        duration,
        ties,
        policy,
        images,
        files,
        outputs: expect::outputs(file, top, &steps),
        measures: measure::measures(file, top, duration, &steps, &expectations),
        chaos: chaos::read(file, top, cluster.as_ref(), duration),
        expectations,
        steps,
        cluster: cluster.unwrap_or_default(),
    }
}

/// `[policy] placement = "binpack"`.
fn policy(file: &File, top: &Table) -> Policy {
    let Some(table) = top.table("policy") else { return Policy::default() };
    let policy = match table.text("placement") {
        None => {
            table.missing("placement", "placement = \"spread\"");
            Policy::default()
        }
        Some(name) => Policy::named(&name.text).unwrap_or_else(|| {
            let problem = Problem::new(name.span, format!("there is no placement policy {:?}", name.text));
            let known = Policy::ALL.map(Policy::name).join(", ");
            file.problem(
                problem.label("not known").help(format!("write one of {known}; only \"swarm\" is what Swarm does")),
            );
            Policy::default()
        }),
    };
    table.done();
    policy
}

fn files(file: &File, top: &Table) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for (name, local) in top.texts("files") {
        let outside = local.text.starts_with('/') || local.text.split(['/', '\\']).any(|part| part == "..");
        if local.text.is_empty() || outside {
            let problem = Problem::new(local.span, format!("{:?} is not a file beside the scenario", local.text));
            file.problem(problem.label("outside").help("write a path below the scenario's own folder, without `..`"));
        }
        if files.len() >= MAX_FILES {
            file.problem(Problem::new(local.span, format!("more than {MAX_FILES} files")).label("one too many"));
            break;
        }
        files.insert(name, local.text);
    }
    files
}

fn steps(file: &File, top: &Table, cluster: Option<&Cluster>, duration: Duration) -> Vec<Step> {
    let tables = top.tables("step");
    if tables.len() > STEPS {
        let message = format!("the scenario has {} steps; at most {STEPS} are run", tables.len());
        file.problem(Problem::new(tables[STEPS].span, message).label("one too many"));
    }
    let mut steps: Vec<Step> = Vec::new();
    for table in tables.into_iter().take(STEPS) {
        let name = table.text("name");
        if let Some(name) = &name
            && steps.iter().any(|step| step.name.as_deref() == Some(name.text.as_str()))
        {
            let problem = Problem::new(name.span, format!("two steps are called {:?}", name.text));
            file.problem(problem.label("the second"));
        }
        let at = expect::moment(file, &table, "at", duration);
        if at.is_none() && !table.has("at") {
            table.missing("at", "at = \"10s\"");
        }
        let on = table.text("on");
        let hosts = Hosts { file, cluster };
        if let Some(on) = &on {
            hosts.known(&on.text, on.span);
        }
        let run = table.text("run");
        if run.is_none() && !table.has("run") {
            table.missing("run", "run = \"docker node ls\"");
        }
        let first = || cluster.and_then(|cluster| cluster.hosts.first()).map(|host| host.name.clone());
        let list = run.as_ref().and_then(|run| hosts.lines(run));
        let jitter = jitter(file, &table, at.map_or(Duration::ZERO, |(at, _)| at), duration);
        let repeat = repeat(file, &table, at.map_or(Duration::ZERO, |(at, _)| at), duration);
        table.done();
        // A step that is wrong still holds its place, so that `step = 3` means the third.
        steps.push(Step {
            name: name.map(|name| name.text),
            at: at.map_or(Duration::ZERO, |(at, _)| at),
            jitter,
            on: on.map(|on| on.text).or_else(first).unwrap_or_default(),
            run: run.map_or_else(|| "".into(), |run| run.text.into()),
            list: Arc::new(list.unwrap_or_default()),
            repeat,
        });
    }
    steps
}

/// How much later a step may be typed.
fn jitter(file: &File, table: &Table, at: Duration, duration: Duration) -> Duration {
    let Some((jitter, span)) = table.duration("jitter") else { return Duration::ZERO };
    if at + jitter > duration {
        let message = format!("`jitter` goes on until {}, but the scenario lasts {duration}", at + jitter);
        let problem = Problem::new(span, message).label("after the end");
        file.problem(problem.help("make it shorter, or `duration` longer"));
    }
    jitter
}

/// How often a step is typed again, if it is.
fn repeat(file: &File, table: &Table, at: Duration, duration: Duration) -> Option<Repeat> {
    let until = expect::moment(file, table, "until", duration);
    let every = table.duration("every");
    let Some((every, span)) = every else {
        if let Some((_, span)) = until
            && !table.has("every")
        {
            let problem = Problem::new(span, "`until` belongs to a step that is typed again and again");
            file.problem(problem.label("not here").help("write every = \"1s\" with it"));
        }
        return None;
    };
    if let Some((until, span)) = until
        && until < at
    {
        let problem = Problem::new(span, format!("`until` is {until}, before `at`, which is {at}"));
        file.problem(problem.label("too early"));
    }
    let until = until.map_or(duration, |(until, _)| until);
    let times = (until - at).as_nanos() / every.as_nanos().max(1);
    if every == Duration::ZERO || (duration < Duration::MAX && times > MAX_REPEATS) {
        let message = format!("`every` is {every}: more than {MAX_REPEATS} times until {until}");
        file.problem(Problem::new(span, message).label("too often").help("make it longer, or `until` earlier"));
        return None;
    }
    Some(Repeat { every, until })
}

/// The hosts that lines may name.
struct Hosts<'f, 'a> {
    file: &'f File<'a>,
    cluster: Option<&'f Cluster>,
}

impl Hosts<'_, '_> {
    fn is_host(&self, name: &str) -> bool {
        // Without a cluster, that is what is reported.
        self.cluster.is_none_or(|cluster| cluster.host(name).is_some())
    }

    fn unknown(&self, name: &str, span: (usize, usize)) -> Problem {
        unknown_host(self.cluster.map_or(&[][..], |cluster| &cluster.hosts), name, span)
    }

    fn known(&self, name: &str, span: (usize, usize)) {
        if !self.is_host(name) {
            self.file.problem(self.unknown(name, span));
        }
    }

    /// The lines of a step, understood and checked.
    fn lines(&self, run: &Placed) -> Option<List> {
        match shell::parse(&run.text, Dialect::Lab) {
            Ok(list) => {
                self.list(run, &list);
                if list.items.is_empty() {
                    let problem = Problem::new(run.span, "this step does nothing").label("no command");
                    self.file.problem(problem.help("write at least one command"));
                }
                Some(list)
            }
            Err(error) => {
                let problem = Problem::new(run.range(error.span.start, error.span.end), error.message);
                self.file.problem(match error.help {
                    Some(help) => problem.label("in this line").help(help),
                    None => problem.label("in this line"),
                });
                None
            }
        }
    }

    fn list(&self, run: &Placed, list: &List) {
        for item in &list.items {
            for pipeline in std::iter::once(&item.first).chain(item.rest.iter().map(|(_, next)| next)) {
                for command in &pipeline.commands {
                    match command {
                        Command::Verb(command) => self.verb(run, &command.verb, &command.text, command.span),
                        Command::Simple(command) => self.simple(run, command),
                    }
                }
            }
        }
    }

    fn verb(&self, run: &Placed, verb: &Verb, text: &str, span: Span) {
        let whole = run.range(span.start, span.end);
        if !verb.in_scenarios() {
            let word = text.split_whitespace().next().unwrap_or("");
            let problem = Problem::new(whole, format!("`{word}` travels in time, which a scenario cannot"));
            self.file.problem(problem.label("only at a prompt"));
        }
        // The bytes of a name in its line; the line itself if it cannot be found.
        let place = |name: &str| {
            let edge = |c: Option<char>| c.is_none_or(|c| !c.is_ascii_alphanumeric() && !"-_.".contains(c));
            let at = text.match_indices(name).find(|(at, _)| {
                *at > 0 && edge(text[..*at].chars().next_back()) && edge(text[at + name.len()..].chars().next())
            });
            match at {
                Some((at, _)) => run.range(span.start + at, span.start + at + name.len()),
                None => whole,
            }
        };
        for host in verb.hosts() {
            self.known(host, place(host));
        }
        match verb {
            Verb::Kill { target: KillTarget::Named(name) } if !self.is_host(name) && !is_task(name) => {
                self.file.problem(self.unknown(name, place(name)));
            }
            Verb::Open { host, .. } | Verb::Load { host, .. } if host.parse::<std::net::IpAddr>().is_err() => {
                self.known(host, place(host));
            }
            Verb::WaitUntil { condition, at, .. } => {
                if let Err(error) = Condition::parse(condition) {
                    let span = run.range(at.start + error.span.0, at.start + error.span.1);
                    let problem = Problem::new(span, error.message).label("in this condition");
                    self.file.problem(match error.help {
                        Some(help) => problem.help(help),
                        None => problem,
                    });
                }
            }
            _ => {}
        }
    }

    /// A program that no host has can never do what the author meant.
    fn program(&self, run: &Placed, name: &str, span: Span) {
        let known = || filter::FILTERS.iter().chain(BUILTINS).copied().chain(["docker"]);
        if known().any(|other| other == name) {
            return;
        }
        let verbs = shell::verb::table().iter().map(|doc| doc.name);
        let problem = Problem::new(run.range(span.start, span.end), format!("`{name}` is no command of this lab"));
        let problem = problem.label("not known");
        self.file.problem(match nearest(name, known().chain(verbs)) {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None => problem.help("docker, the lab's own verbs (`help` lists them) and a few filters are there"),
        });
    }

    /// What the client would refuse before it asks a daemon, where every word is known beforehand.
    fn docker(&self, run: &Placed, command: &SimpleCommand) {
        let words: Option<Vec<String>> = command.words[1..].iter().map(|w| w.literal().map(str::to_owned)).collect();
        if let Some(complaint) = words.and_then(|words| docker::refusal(&words)) {
            let problem = Problem::new(run.range(command.span.start, command.span.end), complaint);
            let help = "see `docker COMMAND --help`; to show the error on purpose, put a word of it into a variable";
            self.file.problem(problem.label("docker refuses this").help(help));
        }
    }

    fn simple(&self, run: &Placed, command: &SimpleCommand) {
        let pieces = command.words.iter().flat_map(|word| &word.pieces);
        let values = command.assignments.iter().flat_map(|assignment| &assignment.value.pieces);
        for piece in pieces.chain(values) {
            if let PieceKind::Substitution(list) = &piece.kind {
                self.list(run, list);
            }
        }
        match command.name() {
            Some("docker") => self.docker(run, command),
            Some(name) => return self.program(run, name, command.words[0].span),
            None => return,
        }
        let scale = command.words.iter().any(|word| word.literal() == Some("scale"));
        let mut flag = false;
        for word in &command.words {
            let Some(text) = word.literal() else {
                flag = false;
                continue;
            };
            let value = match text.split_once('=') {
                Some(("--replicas", value)) => Some(value),
                Some((_, value)) if scale && !text.starts_with('-') => Some(value),
                _ if flag => Some(text),
                _ => None,
            };
            flag = text == "--replicas";
            let digits = value.filter(|value| !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()));
            if let Some(digits) = digits
                && digits.parse::<u64>().map_or(true, |count| count > MAX_REPLICAS)
            {
                let message = format!("{digits} replicas; at most {MAX_REPLICAS} of one service are simulated");
                let problem = Problem::new(run.range(word.span.start, word.span.end), message);
                self.file.problem(problem.label("out of its limits"));
            }
        }
    }
}

/// What is said of a host that is none of these.
pub(super) fn unknown_host(hosts: &[HostSpec], name: &str, span: (usize, usize)) -> Problem {
    let names = hosts.iter().map(|host| host.name.as_str());
    let problem = Problem::new(span, format!("there is no host `{name}`")).label("not known");
    match nearest(name, names.clone()) {
        _ if hosts.len() <= 12 => problem.help(format!("the hosts are {}", names.collect::<Vec<_>>().join(", "))),
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None => problem.help(format!("the cluster has {} hosts, described in [cluster]", hosts.len())),
    }
}

/// Whether a name can be a task's or a container's: `web.1`, `web.1.ID`, or the beginning of an id.
fn is_task(name: &str) -> bool {
    name.contains('.') || (name.len() >= 8 && name.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}
