//! The rules of the house that a program can hold: arrows point down, every file says what it is, nothing dead, nothing
//! nondeterministic where determinism is made.
//!
//! Follows the house plan §2 and §8.

use crate::common::root;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The floors. A room uses rooms of lower floors only, but for those named in [`ALLOWED`].
const FLOORS: &[(&str, u32)] = &[
    ("raft", 0),
    ("net", 0),
    ("engine", 0),
    ("swarm", 1),
    ("docker", 2),
    ("observe", 2),
    ("predicate", 2),
    ("session", 3),
    ("scenario", 4),
    ("lesson", 5),
    ("report", 5),
    ("tui", 6),
    ("main", 7),
    ("args", 7),
    ("command", 7),
    ("lib", 7),
];

/// Arrows between rooms of one floor.
const ALLOWED: &[(&str, &str)] =
    &[("net", "engine"), ("predicate", "observe"), ("command", "args"), ("main", "args"), ("main", "command")];

/// Files longer than [`LONG`] lines, each with its reason.
const LONG_FILES: &[(&str, &str)] = &[];
const LONG: usize = 600;

/// Where the real machine may be touched: the front door, and later the session's paths and the screens' terminal.
const EDGES: &[&str] = &["main.rs", "args.rs", "command.rs", "command/", "session/path.rs", "tui/terminal.rs"];

struct Source {
    /// From `src/`.
    path: String,
    /// The whole text.
    text: String,
}

impl Source {
    fn room(&self) -> &str {
        self.path.split(['/', '.']).next().expect("a path has a first part")
    }

    /// Compiled only with the tests of its room.
    fn is_test(&self) -> bool {
        self.path.split(['/', '.']).any(|part| matches!(part, "tests" | "testing"))
    }

    /// Lines with their numbers, without comments and text in quotes, and without the tests at the file's end.
    fn code(&self) -> impl Iterator<Item = (usize, String)> {
        let end = self.text.find("\n#[cfg(test)]\nmod ").filter(|at| self.text[*at..].contains(" {\n"));
        let code = &self.text[..end.unwrap_or(self.text.len())];
        code.lines().enumerate().map(|(number, line)| (number + 1, bare(line)))
    }
}

/// A line without its comment and without what stands between quotes.
fn bare(line: &str) -> String {
    let (mut out, mut quoted, mut escaped) = (String::new(), false, false);
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '/' if !quoted && chars.peek() == Some(&'/') => break,
            _ if !quoted => out.push(c),
            _ => {}
        }
    }
    out
}

fn collect(folder: &Path, from: &Path, sources: &mut Vec<Source>) {
    for entry in std::fs::read_dir(folder).expect("readable") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            collect(&path, from, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("readable");
            let path = path.strip_prefix(from).expect("it is in there").display().to_string();
            sources.push(Source { path, text });
        }
    }
}

fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    let src = root().join("src");
    collect(&src, &src, &mut sources);
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(sources.len() > 100, "the house has rooms");
    sources
}

fn hold(rule: &str, faults: Vec<String>) {
    assert!(faults.is_empty(), "{rule}\n{}\n", faults.join("\n"));
}

#[test]
fn every_file_says_what_it_is() {
    let mut faults: Vec<String> =
        sources().iter().filter(|s| !s.text.starts_with("//!")).map(|s| format!("src/{}", s.path)).collect();
    for folder in ["tests", "benches"] {
        let mut more = Vec::new();
        collect(&root().join(folder), root(), &mut more);
        faults.extend(more.iter().filter(|s| !s.text.starts_with("//!")).map(|s| s.path.clone()));
    }
    hold("every file begins with a `//!` head", faults);
}

#[test]
fn files_fit_the_mind() {
    let mut faults: Vec<String> = Vec::new();
    for source in sources() {
        let lines = source.text.lines().count();
        let excepted = LONG_FILES.iter().any(|(path, _)| *path == source.path);
        if lines > LONG && !excepted {
            faults.push(format!("src/{} has {lines} lines", source.path));
        }
        if lines <= LONG && excepted {
            faults.push(format!("src/{} needs no exception any more", source.path));
        }
    }
    hold("a file has 600 lines at most", faults);
}

/// Rooms that a line of code names by `crate::`.
fn rooms_named(line: &str) -> Vec<String> {
    let mut rooms: Vec<String> = Vec::new();
    for (at, _) in line.match_indices("crate::") {
        if line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &line[at + "crate::".len()..];
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 0;
            for part in list.split_inclusive([',', '{', '}']) {
                if depth == 0 {
                    rooms.push(
                        part.trim().split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("").into(),
                    );
                }
                depth += i32::from(part.ends_with('{')) - i32::from(part.ends_with('}'));
            }
        } else {
            rooms.push(rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("").into());
        }
    }
    rooms.retain(|room| !room.is_empty());
    rooms
}

#[test]
fn rooms_named_in_every_form() {
    assert_eq!(rooms_named("use crate::engine::Time;"), ["engine"]);
    assert_eq!(rooms_named("pub(in crate::swarm) fn x(a: crate::raft::Term)"), ["swarm", "raft"]);
    assert_eq!(rooms_named("use crate::{engine::{Time, Seed}, net};"), ["engine", "net"]);
    assert!(rooms_named("use subcrate::engine;").is_empty());
}

#[test]
fn arrows_point_down() {
    let floors: BTreeMap<&str, u32> = FLOORS.iter().copied().collect();
    let mut faults = Vec::new();
    for source in sources() {
        let room = source.room().to_owned();
        let Some(&floor) = floors.get(room.as_str()) else {
            faults.push(format!("src/{}: the room {room} is on no floor", source.path));
            continue;
        };
        for (number, line) in source.code() {
            // The front door is a crate of its own and uses the library by name.
            let line = line.replace("swarmlab::", "crate::");
            for used in rooms_named(&line) {
                let Some(&below) = floors.get(used.as_str()) else { continue };
                let same = used == room;
                let allowed = ALLOWED.contains(&(room.as_str(), used.as_str()));
                if !same && !allowed && below >= floor {
                    faults.push(format!("src/{}:{number}: {room} uses {used}", source.path));
                }
                if room == "raft" && !same {
                    faults.push(format!("src/{}:{number}: raft uses nothing, not even {used}", source.path));
                }
                if room == "docker" && used == "swarm" && !source.is_test() && !line.contains("swarm::api") {
                    faults.push(format!(
                        "src/{}:{number}: of swarm, docker uses the API only: {}",
                        source.path,
                        line.trim()
                    ));
                }
            }
        }
    }
    hold("arrows point down", faults);
}

#[test]
fn the_consensus_needs_no_other_crate_but_errors() {
    let allowed = ["std", "core", "super", "self", "crate", "thiserror", "Self"];
    let mut faults = Vec::new();
    for source in sources().iter().filter(|source| source.room() == "raft" && !source.is_test()) {
        for (number, line) in source.code() {
            let Some(used) = line.trim_start().strip_prefix("use ") else { continue };
            let first = used.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("");
            let local =
                first.chars().next().is_some_and(char::is_uppercase) || source.text.contains(&format!("mod {first};"));
            if !allowed.contains(&first) && !local {
                faults.push(format!("src/{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    hold("raft can be read alone", faults);
}

#[test]
fn only_the_edges_touch_the_machine() {
    let words = [
        "std::fs",
        "std::env::",
        "std::net::Tcp",
        "std::net::Udp",
        "std::process::Command",
        "stdin()",
        "stdout()",
        "stderr()",
    ];
    let words = words.into_iter().chain(["println!", "print!(", "std::thread", "Instant::now", "SystemTime"]);
    let words: Vec<&str> = words.collect();
    let mut faults = Vec::new();
    for source in sources().iter().filter(|source| !source.is_test()) {
        if EDGES.iter().any(|edge| source.path == *edge || edge.ends_with('/') && source.path.starts_with(edge)) {
            continue;
        }
        for (number, line) in source.code() {
            // `eprintln!` contains `println!`, and must not be used either.
            for word in words.iter().filter(|word| line.contains(*word)) {
                faults.push(format!("src/{}:{number}: {word}", source.path));
            }
        }
    }
    hold("only the edges touch files, the environment, the clock or the terminal", faults);
}

#[test]
fn nothing_random_in_the_model() {
    let words = ["HashMap", "HashSet", "RandomState", "DefaultHasher", "Instant", "SystemTime", "thread_rng", "OsRng"];
    let mut faults = Vec::new();
    for source in sources().iter().filter(|source| !source.is_test()) {
        if !matches!(source.room(), "engine" | "raft" | "net" | "swarm") {
            continue;
        }
        for (number, line) in source.code() {
            let named = line.split(|c: char| !c.is_alphanumeric() && c != '_');
            for word in named.filter(|word| words.contains(word)) {
                faults.push(format!("src/{}:{number}: {word}", source.path));
            }
        }
    }
    hold("no order by chance and no real time in the model", faults);
}

#[test]
fn every_file_is_reached() {
    let sources = sources();
    let by_path: BTreeMap<&str, &Source> = sources.iter().map(|source| (source.path.as_str(), source)).collect();
    let mut reached = BTreeSet::new();
    let mut waiting = vec!["lib.rs".to_owned(), "main.rs".to_owned()];
    while let Some(path) = waiting.pop() {
        let Some(source) = by_path.get(path.as_str()) else { continue };
        if !reached.insert(path.clone()) {
            continue;
        }
        let folder = match path.as_str() {
            "lib.rs" | "main.rs" => String::new(),
            _ => format!("{}/", path.trim_end_matches(".rs").trim_end_matches("/mod")),
        };
        for line in source.text.lines().map(str::trim) {
            let line = line.strip_prefix("pub ").or_else(|| line.strip_prefix("pub(crate) ")).unwrap_or(line);
            let line = line.strip_prefix("pub(super) ").unwrap_or(line);
            if let Some(module) = line.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')) {
                waiting.push(format!("{folder}{module}.rs"));
                waiting.push(format!("{folder}{module}/mod.rs"));
            }
        }
    }
    let dead = sources.iter().filter(|source| !reached.contains(&source.path)).map(|s| format!("src/{}", s.path));
    hold("a `mod` line reaches every file", dead.collect());
}

/// Quirks that a line names: by a test's name (`fn quirk_07_..`) or in its comment (`Quirk 7 (control-plane.md §14)`).
fn quirks_named(line: &str) -> Vec<usize> {
    let line = line.trim();
    let number = |text: &str| {
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    };
    if let Some(name) = line.strip_prefix("fn quirk_") {
        return number(name).into_iter().collect();
    }
    let Some(comment) = line.strip_prefix("///").filter(|line| line.contains("(control-plane.md §14)")) else {
        return Vec::new();
    };
    let comment = comment.to_lowercase();
    comment.match_indices("quirk ").filter_map(|(at, word)| number(&comment[at + word.len()..])).collect()
}

#[test]
fn every_quirk_has_a_test_that_names_it() {
    assert_eq!(quirks_named("    fn quirk_07_paused() {"), [7]);
    assert_eq!(quirks_named("/// Quirk 18 (control-plane.md §14): it hangs"), [18]);
    assert!(quirks_named("/// | 18 | a table |").is_empty() && quirks_named("/// Quirk 18").is_empty());
    let mut all = sources();
    collect(&root().join("tests"), root(), &mut all);
    let named: BTreeSet<usize> =
        all.iter().flat_map(|source| source.text.lines().flat_map(quirks_named).collect::<Vec<_>>()).collect();
    let without = (1..=24).filter(|quirk| !named.contains(quirk)).map(|quirk| format!("quirk {quirk}"));
    hold("each fact of control-plane.md §14 has a test that names it", without.collect());
}

/// The rule bites: each reader sees a breach that is put before it.
#[test]
fn the_readers_see() {
    assert_eq!(bare("let a = \"std::fs\"; // std::env"), "let a = ; ");
    assert_eq!(bare(r#"let a = "a\"b"; std::fs"#), "let a = ; std::fs");
    let source = Source {
        path: "engine/x.rs".into(),
        text: "//! X\nuse std::fs;\n\n#[cfg(test)]\nmod tests {\n    use std::env;\n}\n".into(),
    };
    assert_eq!(source.room(), "engine");
    assert_eq!(source.code().filter(|(_, line)| line.contains("std::")).count(), 1);
}
