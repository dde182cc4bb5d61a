//! What two outputs have in common when what differs from run to run is taken away: ids, times, ages, addresses, keys.

use crate::lab::cells;
use regex::Regex;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::LazyLock;

static PATTERNS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (r"SWMTKN-1-[0-9a-z]{49,50}-[0-9a-z]{24,25}", "<token>"),
        (r"SWMKEY-1-[0-9A-Za-z+/]+", "<key>"),
        (r"(?s)-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", "<certificate>"),
        (r"\b[0-9A-Za-z+/]{60,}={0,2}", "<base64>"),
        (r"\b[0-9a-f]{64}\b", "<hex>"),
        (r"\b[0-9a-z]{25}\b", "<id>"),
        (r"\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b", "<mac>"),
        (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)", "<time>"),
        (r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? \+0000 (?i:utc)", "<time>"),
        (r"\b(?:[Aa]bout an?|[Ll]ess than a|\d+) (?:second|minute|hour|day|week|month|year)s?(?: ago)?", "<age>"),
        (r"\b(?:10|172|192|127)\.\d+\.\d+\.\d+(?:/\d+)?(?::\d+)?\b", "<address>"),
        (r"\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d \d\d:\d\d\b", "<date>"),
        (r"\b\d\d:\d\d:\d\d\b", "<clock>"),
        // A kernel numbers its interfaces as they come.
        (r"(?m)^\d+: (\w+)@if\d+:", "<number>: $1@if<number>:"),
        // Where the recorder's machines had their sockets.
        (r"/var/lib/lab/\w+/docker\.sock", "/var/run/docker.sock"),
        (r#""Index": ?\d+"#, "\"Index\": <version>"),
        (r" {2,}", "  "),
        (r"(?m) +$", ""),
    ]
    .into_iter()
    .map(|(pattern, word)| (Regex::new(pattern).expect("a pattern"), word))
    .collect()
});

/// A name that nobody gave: two words that the engine has drawn.
static RANDOM: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b[a-z]{3,}_[a-z]{3,}\b").expect("a pattern"));

/// Words of Docker's, of Linux and of the recordings that look like such names.
const NOT_RANDOM: [&str; 9] = [
    "docker_gwbridge",
    "graceful_stop",
    "preferred_lft",
    "rollback_completed",
    "rollback_paused",
    "rollback_started",
    "under_score",
    "valid_lft",
    "vxlanid_list",
];

static ID: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\b(?:[0-9a-f]{64}|[0-9a-z]{50}|[0-9a-z]{49}|[0-9a-z]{25}|[0-9a-f]{12}|[0-9a-z]{12})\b")
        .expect("a pattern")
});

/// Twelve digits of an id, or a word that has as many letters?
fn is_id(word: &str) -> bool {
    word.len() != 12 || word.bytes().any(|byte| byte.is_ascii_digit())
}

/// The ids in a text, in their order.
pub fn ids(text: &str) -> Vec<&str> {
    ID.find_iter(text).map(|found| found.as_str()).filter(|word| is_id(word)).collect()
}

/// A text with all that is drawn or depends on the moment replaced by what it stands for.
pub fn plain(text: &str) -> String {
    let mut plain = text.replace('\r', "");
    for (pattern, word) in PATTERNS.iter() {
        plain = pattern.replace_all(&plain, *word).into_owned();
    }
    let drawn = |found: &regex::Captures| {
        if NOT_RANDOM.contains(&&found[0]) { found[0].to_owned() } else { "<name>".to_owned() }
    };
    plain = RANDOM.replace_all(&plain, drawn).into_owned();
    let short = |found: &regex::Captures| if is_id(&found[0]) { "<id>".to_owned() } else { found[0].to_owned() };
    ID.replace_all(&plain, short).trim_end().to_owned()
}

fn plain_json(value: &Value) -> Value {
    match value {
        Value::String(text) => plain(text).into(),
        Value::Array(all) => all.iter().map(plain_json).collect(),
        Value::Object(all) => {
            let mut entries: Vec<_> = all.iter().map(|(key, value)| (plain(key), plain_json(value))).collect();
            // Objects whose keys are ids stand in the order of these.
            entries.sort_by(|a, b| (&a.0, a.1.to_string()).cmp(&(&b.0, b.1.to_string())));
            entries.into_iter().map(|(key, value)| Value::Array(vec![key.into(), value])).collect()
        }
        other => other.clone(),
    }
}

/// A text without what chance decides in a swarm of several machines as well: which slot is on which node, and so the order
/// of the rows; of progress lines, how often each was seen.
pub fn but_for_chance(text: &str) -> Vec<String> {
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        return vec![plain_json(&value).to_string()];
    }
    let lines: Vec<&str> = text.lines().collect();
    if text.starts_with("Usage:  docker")
        || lines.iter().any(|line| line.starts_with("Usage:  docker")) && text.contains("Options:")
        || text.contains("Commands:")
    {
        return lines.iter().filter_map(|line| named_by(line)).collect();
    }
    let mut said: Vec<String> = if text.starts_with("ID ") || text.starts_with("CONTAINER ID ") {
        let table: Vec<&str> = lines.iter().take_while(|line| !line.is_empty()).copied().collect();
        let rest = lines[table.len()..].iter().map(|line| plain(line));
        let rows = cells(&table);
        let header = rows[0].clone();
        // Who leads, and who is back first after an election, is drawn.
        let nodes = header.iter().any(|name| name == "MANAGER STATUS");
        let row = |row: &Vec<String>| {
            let cells = header.iter().zip(row).map(|(name, cell)| match name.as_str() {
                "ID" | "CONTAINER ID" if cell.ends_with('*') => "<id> *".to_owned(),
                "HOSTNAME" if nodes => cell.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned(),
                "ID" | "CONTAINER ID" => "<id>".to_owned(),
                "NODE" if !cell.is_empty() => "<node>".to_owned(),
                "NAME" | "NAMES" => slot(cell),
                _ => plain(cell),
            });
            cells.collect::<Vec<_>>().join(" | ")
        };
        let mut all: Vec<String> = rows.iter().map(row).collect();
        if nodes {
            // Which of the managers was asked is told by the line.
            all.iter_mut().for_each(|line| *line = line.replace("<id> *", "<id>"));
        }
        all[1..].sort();
        all.into_iter().chain(rest).collect()
    } else {
        let mut all: Vec<String> = plain(text).lines().filter(|line| !of_the_machine(line)).map(placed).collect();
        // A list of tasks or containers, and of runtimes, which stand in no order.
        if all.iter().all(|line| line.contains(".<slot>")) {
            all.sort();
        }
        for line in all.iter_mut().filter(|line| line.trim_start().starts_with("Runtimes:")) {
            let mut words: Vec<&str> = line.split_whitespace().collect();
            words.sort_unstable();
            *line = words.join(" ");
        }
        all
    };
    if said.iter().any(|line| line.starts_with("overall progress:") || line.starts_with("verify:")) {
        said = said.iter().map(|line| progressed(line)).collect();
        // What was on the way to the end was seen or not.
        let under_way = |line: &String| {
            let counts = line.strip_prefix("overall progress: ").and_then(|rest| rest.split_once(" out of "));
            counts.is_some_and(|(done, all)| done != "0" && !all.starts_with(&format!("{done} ")))
        };
        if said.iter().any(|line| line.ends_with(" converged")) {
            said.retain(|line| !under_way(line));
        }
        said.sort();
        said.dedup();
    }
    said
}

/// A line of progress without its slot, which is drawn to a node.
fn progressed(line: &str) -> String {
    static SLOT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\d+/(\d+): +").expect("a pattern"));
    SLOT.replace(line, "<slot>/$1: ").into_owned()
}

/// Help is in words of our own: of a line only what it names, a flag with its type, a command, or how a command is used.
fn named_by(line: &str) -> Option<String> {
    static NAMES: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^(?:Usage:.*|[A-Z][A-Za-z ]+:|  [a-z][a-z-]+ | {2,6}(?:-\w, )?--[a-z-]+(?: [a-z-]+)?)")
            .expect("a pattern")
    });
    NAMES.find(line).map(|found| found.as_str().trim().to_owned())
}

/// What `docker info` says of the computer and not of Docker.
fn of_the_machine(line: &str) -> bool {
    const OF_THE_MACHINE: [&str; 10] = [
        "Cgroup Driver:",
        "Cgroup Version:",
        "cgroupns",
        "Kernel Version:",
        "Operating System:",
        "ID:",
        "Docker Root Dir:",
        "UserlandProxyPath:",
        "WARNING: Support for cgroup v1",
        "Images:",
    ];
    OF_THE_MACHINE.iter().any(|start| line.trim_start().starts_with(start))
}

/// A line about a task without its slot and the node that it was drawn to.
fn placed(line: &str) -> String {
    static NODE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b(?:manager|worker)\d\b").expect("a pattern"));
    static TASK: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"^(<name>|[a-z][a-z0-9_-]*)\.\d+ ").expect("a pattern"));
    if TASK.is_match(line) {
        let line = TASK.replace(line, "$1.<slot> ");
        return NODE.replace_all(&line, "<node>").into_owned();
    }
    slot(line)
}

/// A task's name without its slot, which is drawn to a node.
fn slot(text: &str) -> String {
    static SLOT: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(<name>|\b[a-z][a-z0-9_-]*)\.\d+(\.<id>|$)").expect("a pattern"));
    SLOT.replace_all(&plain(text), "$1.<slot>$2").into_owned()
}

/// Which id here stands for which id there, as outputs of the same commands have shown.
#[derive(Debug, Default)]
pub struct Names {
    ours: BTreeMap<String, String>,
}

impl Names {
    /// Learns from two outputs of the same command.
    pub fn learn(&mut self, theirs: &str, ours: &str) {
        let (theirs, ours) = (ids(theirs), ids(ours));
        if theirs.len() == ours.len() {
            for (theirs, ours) in theirs.into_iter().zip(ours) {
                if theirs.len() == ours.len() || theirs.len() >= 49 {
                    self.ours.entry(theirs.to_owned()).or_insert_with(|| ours.to_owned());
                }
            }
        }
    }

    /// A recorded line with our ids in place of theirs; one that was mistyped on purpose is mistyped in the same places.
    pub fn translate(&self, line: &str) -> String {
        let ours = |found: &regex::Captures| {
            let word = &found[0];
            let known = self.ours.get(word).cloned();
            let cut = || {
                let (_, ours) = self.ours.range(word.to_owned()..).next().filter(|(id, _)| id.starts_with(word))?;
                ours.get(..word.len()).map(str::to_owned)
            };
            let mistyped = || {
                self.ours.iter().find_map(|(theirs, ours)| {
                    let differ = |(a, b): (char, char)| a != b;
                    let near = theirs.len() == word.len()
                        && theirs.chars().zip(word.chars()).filter(|&p| differ(p)).count() <= 2;
                    near.then(|| {
                        let pairs = theirs.chars().zip(word.chars()).zip(ours.chars());
                        pairs
                            .map(|((theirs, typed), ours)| {
                                if theirs == typed {
                                    ours
                                } else if ours == 'a' {
                                    'b'
                                } else {
                                    'a'
                                }
                            })
                            .collect()
                    })
                })
            };
            known.or_else(cut).or_else(mistyped).unwrap_or_else(|| word.to_owned())
        };
        ID.replace_all(line, ours).into_owned()
    }
}
