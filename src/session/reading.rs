//! Which lines only look and which change something: whether a line may be run aside in the past, and what `undo` takes
//! back.
//!
//! It judges words, not what a command then does, and where it cannot tell it says that the line changes something.
//! Letting time pass changes nothing by itself.

use super::shell::expand::substitutions;
use super::shell::filter::FILTERS;
use super::shell::{Command, List, RedirectKind, SimpleCommand, Verb};

/// Built-in commands of the shell that touch no world.
const BUILTINS: &[&str] = &["true", "false", ":", "clear", "hostname", "date", "pwd", "ls", "sleep", "exit"];

/// Commands of docker that read whatever follows them.
const TOP: &[&str] = &[
    "ps", "logs", "info", "version", "inspect", "images", "search", "top", "port", "stats", "events", "history",
    "diff", "exec", "wait",
];

/// Management commands of docker, and those of their commands that read.
const GROUPS: &[&str] =
    &["service", "node", "stack", "container", "network", "volume", "config", "secret", "image", "context", "system"];
const READERS: &[&str] = &[
    "ls", "list", "ps", "inspect", "logs", "services", "config", "top", "stats", "port", "history", "df", "info",
    "events", "exec", "wait",
];

/// Whether nothing in these lines changes a world, but for letting its time pass.
pub fn is_reading(list: &List) -> bool {
    let pipelines = list
        .items
        .iter()
        .flat_map(|chain| std::iter::once(&chain.first).chain(chain.rest.iter().map(|(_, pipeline)| pipeline)));
    pipelines.flat_map(|pipeline| &pipeline.commands).all(|command| match command {
        Command::Simple(command) => simple(command),
        Command::Verb(command) => verb(&command.verb),
    })
}

fn verb(verb: &Verb) -> bool {
    matches!(
        verb,
        Verb::On { .. }
            | Verb::Wait(_)
            | Verb::WaitUntil { .. }
            | Verb::Hosts
            | Verb::Look { .. }
            | Verb::Why { .. }
            | Verb::Mark { .. }
            | Verb::Note { .. }
            | Verb::Save { .. }
            | Verb::Help { .. }
            | Verb::Undo
            | Verb::Fork
            | Verb::Seek { .. }
    )
}

fn simple(command: &SimpleCommand) -> bool {
    let writes = command
        .redirects
        .iter()
        .any(|redirect| matches!(redirect.kind, RedirectKind::Out(_) | RedirectKind::Append(_) | RedirectKind::Err(_)));
    if writes || !substitutions(command).iter().all(|list| is_reading(list)) {
        return false;
    }
    if command.words.is_empty() {
        return true;
    }
    let words: Vec<Option<&str>> = command.words.iter().map(|word| word.literal()).collect();
    match words[0] {
        Some("docker") => docker(&words[1..]),
        Some(name) => FILTERS.contains(&name) || BUILTINS.contains(&name),
        None => false,
    }
}

fn docker(words: &[Option<&str>]) -> bool {
    if words.iter().any(|word| matches!(word, Some("--help"))) {
        return true;
    }
    match words {
        [] | [Some("--version" | "-v" | "help"), ..] => true,
        [Some("swarm"), Some("join-token" | "unlock-key"), rest @ ..] => {
            rest.iter().all(|word| matches!(word, Some("manager" | "worker" | "-q" | "--quiet")))
        }
        [Some("swarm"), Some("ca"), rest @ ..] => rest.is_empty(),
        [Some(group), Some(command), ..] if GROUPS.contains(group) => READERS.contains(command),
        [Some(top), ..] => TOP.contains(top) || (words.len() == 1 && GROUPS.contains(top)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::shell::{Dialect, parse};
    use super::*;

    fn reading(line: &str) -> bool {
        is_reading(&parse(line, Dialect::Lab).expect("the line parses"))
    }

    #[test]
    fn looking_and_waiting_read() {
        for line in [
            "docker service ls",
            "docker service ps web | grep -c Running",
            "docker ps -q && docker node inspect $(docker node ls -q)",
            "wait 30s; docker node ls; why web.1",
            "on w1; look raft",
            "docker swarm join-token worker",
            "docker service create --help",
            "X=$(docker service ps -q web); echo $X",
        ] {
            assert!(reading(line), "{line}");
        }
    }

    #[test]
    fn faults_orders_and_files_change() {
        for line in [
            "docker service create nginx",
            "docker rm -f $(docker ps -q)",
            "docker ps > f",
            "echo $(docker service rm web)",
            "kill m1",
            "docker swarm join-token --rotate worker",
            "docker $X ls",
            "docker service ls; put a as b",
            "nonsense",
        ] {
            assert!(!reading(line), "{line}");
        }
    }
}
