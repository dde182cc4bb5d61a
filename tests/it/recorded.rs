//! Recordings 01, 05 and 07 of Docker 29, as far as they are about networks, secrets and configs: the same commands are run
//! here, one after the other, and each one's exit status and what it printed are compared.

use crate::lab::{Lab, Ran};
use serde_json::Value;
use swarmlab::engine::Duration;
use swarmlab::swarm::object::Role;
use swarmlab::swarm::world::{DataCentre, HostSpec};

const SECRETS_AND_CONFIGS: &str = include_str!("../recordings/docker-29-07-secrets-configs.txt");
const ERRORS: &str = include_str!("../recordings/docker-29-05-networks.txt");
const APPLICATION: &str = include_str!("../recordings/docker-29-01-networks.txt");

/// A command of a recording.
struct Command<'a> {
    at: &'a str,
    status: i32,
    host: &'a str,
    line: &'a str,
    text: Vec<&'a str>,
}

enum Item<'a> {
    Direction(&'a str),
    Command(Command<'a>),
}

/// `[T rc=R] HOST$ COMMAND`
fn command(line: &str) -> Option<Command<'_>> {
    let (head, rest) = line.strip_prefix('[')?.split_once("] ")?;
    let (at, status) = head.split_once(" rc=")?;
    let (host, line) = rest.split_once("$ ")?;
    Some(Command { at, status: status.parse().ok()?, host, line, text: Vec::new() })
}

fn items(recording: &str) -> Vec<Item<'_>> {
    let mut items = Vec::new();
    for line in recording.lines().filter(|line| !line.starts_with('#')) {
        if let Some(direction) = line.strip_prefix("* ") {
            items.push(Item::Direction(direction));
        } else if let Some(command) = command(line) {
            items.push(Item::Command(command));
        } else if let Some(Item::Command(command)) = items.last_mut() {
            command.text.push(line);
        }
    }
    items
}

/// A word that differs from run to run, as what it stands for.
fn word(word: &str) -> Option<&'static str> {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let small = word.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase());
    match word.len() {
        64 if small => Some("<hex>"),
        25 if small => Some("<id>"),
        12 if small && digits > 0 => Some("<id>"),
        _ => None,
    }
}

/// A line without what differs from run to run: ids, times, ages, versions, and how wide a column is by them.
fn plain(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        if length == 0 {
            text.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            text += word(&rest[..length]).unwrap_or(&rest[..length]);
            rest = &rest[length..];
        }
    }
    let columns = text.split("  ").map(str::trim).filter(|column| !column.is_empty());
    let columns: Vec<&str> = columns
        .map(|column| match column {
            age if age.ends_with(" ago") => "<age>",
            time if time.starts_with("20") && time.ends_with(" utc") => "<time>",
            // Which slot is on which node is drawn.
            "solo" | "spare" => "<node>",
            other => other,
        })
        .collect();
    columns.join("  ")
}

/// The same of JSON; containers are told apart by their names, since their ids stand in no order.
fn plain_json(value: &Value) -> Value {
    match value {
        Value::String(text) if text.len() > 19 && text.starts_with("20") && text.contains('T') => "<time>".into(),
        Value::String(text) => plain(text).into(),
        Value::Array(all) => all.iter().map(plain_json).collect(),
        Value::Object(all) => {
            let entry = |(key, value): (&String, &Value)| {
                let name = value.get("EndpointID").and(value.get("Name")).and_then(Value::as_str);
                let key = name.map_or_else(|| key.clone(), plain);
                let value = if key == "Index" { "<version>".into() } else { plain_json(value) };
                (key, value)
            };
            Value::Object(all.iter().map(entry).collect())
        }
        other => other.clone(),
    }
}

/// What was said: lines, and the JSON among them.
fn said(lines: &[&str]) -> (Vec<String>, Option<Value>) {
    let end = lines.iter().position(|line| *line == "]").filter(|_| lines.first() == Some(&"["));
    let Some(end) = end else { return (kept(lines), None) };
    let json: Value = serde_json::from_str(&lines[..=end].join("\n")).expect("JSON");
    // The order of the object's own keys is compared as well.
    let keys = lines[..end].iter().filter(|line| line.starts_with("        \""));
    let mut all: Vec<String> = keys.map(|line| line.split(':').next().unwrap_or_default().to_owned()).collect();
    all.extend(kept(&lines[end + 1..]));
    (all, Some(plain_json(&json)))
}

fn kept(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| plain(line)).filter(|line| !line.is_empty()).collect()
}

/// Plays a recording; how the lab differs from it.
fn play(recording: &str) -> Vec<String> {
    let host = |name: &str, last: u8, role| HostSpec {
        address: Some([10, 90, 0, last].into()),
        ..HostSpec::new(name, Some(role))
    };
    let hosts = if recording.contains("spare") {
        vec![host("solo", 31, Role::Manager), host("spare", 32, Role::Worker)]
    } else {
        vec![host("solo", 31, Role::Manager)]
    };
    let mut lab = Lab::of(DataCentre::of(0, hosts));
    lab.session.put_file("/600000", &[b'x'; 600_000]);
    let mut differences = Vec::new();
    for item in items(recording) {
        match item {
            Item::Direction(line) => {
                let ran = lab.direct(line);
                assert_eq!(ran.status, 0, "{line}: {}", ran.err);
            }
            Item::Command(command) => {
                lab.begin(command.host, command.line);
                let Some(ran) = lab.end(command.host, Duration::from_secs(60)) else {
                    lab.interrupt(command.host);
                    differences.push(format!("[{}] {}: it does not end", command.at, command.line));
                    continue;
                };
                differences.extend(compare(&command, &ran));
            }
        }
    }
    differences
}

fn compare(command: &Command, ran: &Ran) -> Option<String> {
    let errors: Vec<String> = ran.err.lines().map(|line| format!("2> {line}")).collect();
    let ours: Vec<&str> = ran.out.lines().chain(errors.iter().map(String::as_str)).collect();
    let (theirs, ours) = (said(&command.text), said(&ours));
    if theirs == ours && command.status == ran.status {
        return None;
    }
    let show = |(lines, json): &(Vec<String>, Option<Value>)| match json {
        Some(json) => format!("{}\n{json:#}", lines.join("\n")),
        None => lines.join("\n"),
    };
    Some(format!(
        "[{}] {}$ {}\n--- recorded, status {}\n{}\n--- here, status {}\n{}\n",
        command.at,
        command.host,
        command.line,
        command.status,
        show(&theirs),
        ran.status,
        show(&ours)
    ))
}

fn holds(recording: &str, commands: usize) {
    let count = items(recording).iter().filter(|item| matches!(item, Item::Command(_))).count();
    assert_eq!(count, commands, "the recording is read whole");
    let differences = play(recording);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn secrets_and_configs_are_told_as_they_were_recorded() {
    holds(SECRETS_AND_CONFIGS, 46);
}

#[test]
fn errors_of_networks_are_told_as_they_were_recorded() {
    holds(ERRORS, 27);
}

#[test]
fn an_application_on_a_network_is_told_as_it_was_recorded() {
    holds(APPLICATION, 17);
}
