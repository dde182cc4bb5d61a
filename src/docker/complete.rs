//! Completion of a docker command line from the table: commands, flags, and the values of flags that have a few.
//!
//! Names of services and nodes are the daemon's to tell; completion asks nobody, so it does not offer them.

use super::invocation::find;
use super::table::{COMMANDS, GROUPS};

/// One way to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The whole word that would stand there.
    pub word: String,
    /// One sentence on it.
    pub description: String,
}

/// What the last of the words (behind `docker`; it may be empty) may become, in order.
pub fn complete(words: &[String]) -> Vec<Completion> {
    let (last, before) = match words.split_last() {
        Some((last, before)) => (last.as_str(), before),
        None => ("", words),
    };
    let mut found: Vec<Completion> = candidates(before, last)
        .into_iter()
        .filter(|(word, _)| word.starts_with(last))
        .map(|(word, description)| Completion { word, description: description.to_owned() })
        .collect();
    found.sort_by(|a, b| a.word.cmp(&b.word));
    found.dedup();
    found
}

fn candidates(before: &[String], last: &str) -> Vec<(String, &'static str)> {
    let Some(first) = before.first() else {
        let groups = GROUPS.iter().map(|group| (group.name.to_owned(), group.summary));
        let single = COMMANDS.iter().filter(|command| !command.path.contains(' '));
        return groups.chain(single.map(|command| (command.path.to_owned(), command.summary))).collect();
    };
    let is_group = GROUPS.iter().any(|group| group.name == first);
    if is_group && before.len() == 1 {
        return COMMANDS
            .iter()
            .filter_map(|command| {
                let (group, word) = command.path.split_once(' ')?;
                (group == first).then(|| (word.to_owned(), command.summary))
            })
            .collect();
    }
    let path = if is_group { format!("{first} {}", before[1]) } else { first.clone() };
    let Some(command) = find(&path) else { return Vec::new() };
    let previous = before.last().map_or("", String::as_str);
    if let Some(values) = previous.strip_prefix("--").and_then(values) {
        return values.iter().map(|value| ((*value).to_owned(), "")).collect();
    }
    if command.path == "swarm join-token" && !last.starts_with('-') {
        return vec![("manager".into(), "The token for managers"), ("worker".into(), "The token for workers")];
    }
    command.flags().iter().map(|flag| (format!("--{}", flag.long), flag.help)).collect()
}

/// The values of a flag that has only a few.
fn values(flag: &str) -> Option<&'static [&'static str]> {
    Some(match flag {
        "availability" => &["active", "drain", "pause"],
        "role" => &["manager", "worker"],
        "mode" => &["global", "global-job", "replicated", "replicated-job"],
        "endpoint-mode" => &["dnsrr", "vip"],
        "restart-condition" => &["any", "none", "on-failure"],
        "update-failure-action" => &["continue", "pause", "rollback"],
        "rollback-failure-action" => &["continue", "pause"],
        "update-order" | "rollback-order" => &["start-first", "stop-first"],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        let line: Vec<String> = line.split(' ').map(str::to_owned).collect();
        complete(&line).into_iter().map(|completion| completion.word).collect()
    }

    #[test]
    fn commands_flags_and_values() {
        assert_eq!(words("se"), ["secret", "service"]);
        assert_eq!(words("service c"), ["create"]);
        assert_eq!(words("service create --repl"), ["--replicas", "--replicas-max-per-node"]);
        assert_eq!(words("service create --mode g"), ["global", "global-job"]);
        assert_eq!(words("swarm join-token "), ["manager", "worker"]);
        assert!(words("nosuch ").is_empty());
    }
}
