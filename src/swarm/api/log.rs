//! Logs: which lines are wanted, and the lines as they come.
//!
//! Source: moby `api/types/container` (logs options), `daemon/cluster/services.go`; cli.md §5.3, §5.8.

use super::Labels;
use std::sync::Arc;

/// Which lines of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LogOptions {
    /// Only the last so many of each task or container.
    pub tail: Option<u64>,
    /// Only those since this moment (nanoseconds of virtual time).
    pub since: Option<i64>,
    /// And those that are yet to be written. (Of a service's log: a container's is followed by attaching to it.)
    pub follow: bool,
}

/// One line that a container wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LogLine {
    /// When, in nanoseconds of virtual time.
    pub at: i64,
    /// It went to stderr.
    pub stderr: bool,
    /// The task that wrote it (its full id), when a task's container did.
    pub task: Option<String>,
    /// Its service's id.
    pub service: Option<String>,
    /// Its node's id.
    pub node: Option<String>,
    /// What the log driver was told to keep with every line.
    pub details: Labels,
    /// The line without its end.
    pub text: String,
}

impl LogLine {
    /// The details as the API sends them in front of a line: escaped, in the order of their keys.
    pub fn attributes(&self) -> String {
        pairs(&self.details)
    }

    /// The same with who wrote the line, which comes with every line of a service's log.
    pub fn attributes_in_swarm(&self) -> String {
        let mut all = self.details.clone();
        for (key, value) in [("node", &self.node), ("service", &self.service), ("task", &self.task)] {
            all.insert(format!("com.docker.swarm.{key}.id"), value.clone().unwrap_or_default());
        }
        pairs(&all)
    }
}

fn pairs(all: &Labels) -> String {
    let pairs: Vec<String> = all.iter().map(|(key, value)| format!("{}={}", escaped(key), escaped(value))).collect();
    pairs.join(",")
}

/// As a query of a URL writes it.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        match byte {
            b' ' => escaped.push('+'),
            b'-' | b'_' | b'.' | b'~' => escaped.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => escaped.push(char::from(byte)),
            _ => escaped += &format!("%{byte:02X}"),
        }
    }
    escaped
}

/// A part of a service's or a task's log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogPart {
    /// To be quoted by whoever wants the next part.
    pub stream: u64,
    /// What has come since the last part.
    pub lines: Arc<Vec<LogLine>>,
    /// Nothing follows; or nothing could follow, and why.
    pub ended: Option<Result<(), String>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_escaped_and_stand_in_the_order_of_their_keys() {
        let mut line = LogLine { task: Some("t1".into()), node: Some("n1".into()), ..LogLine::default() };
        assert_eq!(line.attributes(), "");
        line.details.insert("team".into(), "a b/c".into());
        line.details.insert("X".into(), "1".into());
        assert_eq!(line.attributes(), "X=1,team=a+b%2Fc");
        assert_eq!(
            line.attributes_in_swarm(),
            "X=1,com.docker.swarm.node.id=n1,com.docker.swarm.service.id=,com.docker.swarm.task.id=t1,team=a+b%2Fc"
        );
    }
}
