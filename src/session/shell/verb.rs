//! The lab's own verbs: what a person at the controls does to a simulated data centre, beside docker's commands.
//!
//! One table ([`table`]) names them all: from it come the help, the errors and the completions. Nothing here acts. It
//! follows the house plan §4.

mod help;
mod image;
mod read;
mod words;

use super::amount::{Rate, Share};
use super::{ShellError, Span};
use crate::engine::Duration;
use crate::swarm::scheduler::Policy;

pub use help::{VerbDoc, help, table};
pub use image::ImageChange;

/// A line that starts with a verb of the lab, understood.
#[derive(Clone, Debug, PartialEq)]
pub enum Verb {
    /// The commands that follow run on this host.
    On {
        /// The host's name.
        host: String,
    },
    /// Let this much time pass.
    Wait(Duration),
    /// Let time pass until a condition holds.
    WaitUntil {
        /// The condition, in CEL.
        condition: String,
        /// Where the condition stands in the text that was parsed.
        at: Span,
        /// How long at most.
        limit: Option<Duration>,
    },
    /// A power cut, a killed daemon, or a killed container.
    Kill {
        /// Whom it hits.
        target: KillTarget,
    },
    /// Power on, or a daemon that is started again.
    Boot {
        /// The host's name.
        host: String,
        /// Only the daemon: the host has its power.
        daemon: bool,
    },
    /// A clean stop of a host, or of its daemon alone.
    Stop {
        /// The host's name.
        host: String,
        /// Only the daemon: the host stays up.
        daemon: bool,
    },
    /// Freeze the daemon's process.
    Pause {
        /// The host's name.
        host: String,
    },
    /// Let a frozen daemon go on.
    Resume {
        /// The host's name.
        host: String,
    },
    /// A task's program ends by itself.
    Crash {
        /// The task's name, id or its container's.
        task: String,
        /// Its exit status; without one, the image decides.
        exit: Option<u8>,
    },
    /// A task's health check begins to fail.
    Unhealthy {
        /// The task's name, id or its container's.
        task: String,
    },
    /// Hosts of different groups no longer hear each other.
    Partition {
        /// At least two groups, no host in two of them.
        groups: Vec<Vec<String>>,
    },
    /// Mend the wires: all of them, or those of the hosts named.
    Heal {
        /// The hosts; empty for all.
        hosts: Vec<String>,
    },
    /// Nothing reaches `to` from `from`; the other way stays open.
    Cut {
        /// Who is no longer heard.
        from: String,
        /// Who no longer hears.
        to: String,
    },
    /// A firewall: no packets in to this port of the host.
    Block {
        /// The host's name.
        host: String,
        /// The port.
        port: u16,
    },
    /// Take firewall rules away: all, a host's, or one.
    Unblock {
        /// The host; none for every host.
        host: Option<String>,
        /// The port; none for every port.
        port: Option<u16>,
    },
    /// Set how the wire between two hosts behaves; what is not named stays.
    Link {
        /// One end.
        a: String,
        /// The other end.
        b: String,
        /// How long a packet travels.
        latency: Option<Duration>,
        /// How much that varies.
        jitter: Option<Duration>,
        /// The share of packets lost.
        loss: Option<Share>,
        /// The share of packets that arrive twice.
        duplicate: Option<Share>,
    },
    /// Take the wire between two hosts down, or up, or let it do both by itself.
    LinkState {
        /// One end.
        a: String,
        /// The other end.
        b: String,
        /// How it is from now on.
        state: LinkState,
    },
    /// Set a host's clock.
    Clock {
        /// The host's name.
        host: String,
        /// What is done to it.
        change: ClockChange,
    },
    /// Change how a host's disk behaves.
    Disk {
        /// The host's name.
        host: String,
        /// How it behaves from now on.
        state: DiskState,
    },
    /// Copy the swarm directory of a host whose daemon is stopped.
    Backup {
        /// The host's name.
        host: String,
        /// What the copy is called.
        name: String,
    },
    /// Put such a copy in its place.
    Restore {
        /// The host's name.
        host: String,
        /// Which copy.
        name: String,
    },
    /// Ranks nodes by another rule, or tells by which.
    Policy(Option<Policy>),
    /// Change how the image registry behaves.
    Registry {
        /// How it behaves from now on.
        state: RegistryState,
        /// For these hosts; empty for all.
        hosts: Vec<String>,
    },
    /// Change how containers of an image behave that are made from now on.
    Image {
        /// The image's name.
        image: String,
        /// In which ways, in the order of the line.
        changes: Vec<ImageChange>,
    },
    /// Put a file of the real machine on the current host's disk (its contents go into the recording).
    Put {
        /// The real file.
        local: String,
        /// Its path on the host.
        path: String,
    },
    /// Open an address in a browser outside the cluster.
    Open {
        /// The address as written.
        url: String,
        /// The host's name or address.
        host: String,
        /// The port (80 if none is written).
        port: u16,
        /// What is behind the port; begins with a slash.
        path: String,
        /// How often, one after another.
        times: u32,
    },
    /// Clients that keep coming at a rate, whatever the answers.
    Load {
        /// The address as written.
        url: String,
        /// The host's name or address.
        host: String,
        /// The port.
        port: u16,
        /// What is behind the port.
        path: String,
        /// How many come in which time.
        rate: Rate,
        /// For how long.
        length: Duration,
    },
    /// List the hosts.
    Hosts,
    /// Show the world from outside.
    Look {
        /// Which part; none for all of it in short.
        what: Option<Aspect>,
    },
    /// Explain why something is as it is.
    Why {
        /// A task, a node, a service, an event.
        subject: String,
    },
    /// Name this moment.
    Mark {
        /// The name.
        name: String,
    },
    /// Write a remark into the story.
    Note {
        /// The remark.
        text: String,
    },
    /// Save the recording of this session.
    Save {
        /// The real file.
        file: String,
    },
    /// Take back the last input.
    Undo,
    /// Go on in a second world from here.
    Fork,
    /// Go to another time of this world.
    Seek {
        /// Since the start; or a mark's name.
        to: SeekTarget,
    },
    /// List the verbs, or explain one.
    Help {
        /// The verb; none for the list.
        topic: Option<String>,
    },
}

/// Whom `kill` hits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KillTarget {
    /// A host (power cut) or a task: the world knows which of them bears the name.
    Named(String),
    /// The docker daemon of a host; its containers live on.
    Daemon(String),
}

/// Whether a wire carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// Everything.
    Up,
    /// Nothing.
    Down,
    /// So long nothing, then so long everything; without a time: no more of that.
    Flaps(Option<Duration>),
}

/// What is done to a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockChange {
    /// It jumps by this much.
    Jump(Duration),
    /// From now on it is fast by this many parts in 10⁹ (slow if negative).
    Drift(i64),
}

/// How a disk behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskState {
    /// Nothing more can be written.
    Full,
    /// Each write to stable storage takes this long.
    Slow(Duration),
    /// As new.
    Ok,
}

/// How the registry behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistryState {
    /// It does not answer.
    Down,
    /// It answers.
    Up,
    /// Every pull takes this much longer.
    Slow(Duration),
}

/// What `look` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aspect {
    /// The members of the consensus.
    Raft,
    /// Wires and packets.
    Net,
    /// Clocks and timers.
    Time,
}

/// Where `seek` goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SeekTarget {
    /// This long after the start.
    Time(Duration),
    /// Where a mark was set.
    Mark(String),
}

impl Verb {
    /// Whether a scenario may contain it: travelling in time belongs to people.
    pub fn in_scenarios(&self) -> bool {
        !matches!(self, Self::Undo | Self::Fork | Self::Seek { .. })
    }

    /// The hosts that it must find. (A `kill` may mean a task instead, see [`KillTarget::Named`].)
    pub fn hosts(&self) -> Vec<&str> {
        match self {
            Self::On { host }
            | Self::Boot { host, .. }
            | Self::Stop { host, .. }
            | Self::Pause { host }
            | Self::Resume { host }
            | Self::Block { host, .. }
            | Self::Clock { host, .. }
            | Self::Disk { host, .. }
            | Self::Backup { host, .. }
            | Self::Restore { host, .. }
            | Self::Kill { target: KillTarget::Daemon(host) } => vec![host],
            Self::Unblock { host, .. } => host.iter().map(String::as_str).collect(),
            Self::Partition { groups } => groups.iter().flatten().map(String::as_str).collect(),
            Self::Registry { hosts, .. } => hosts.iter().map(String::as_str).collect(),
            Self::Image { changes, .. } => changes.iter().flat_map(ImageChange::hosts).map(String::as_str).collect(),
            Self::Heal { hosts } => hosts.iter().map(String::as_str).collect(),
            Self::Cut { from, to } => vec![from, to],
            Self::Link { a, b, .. } | Self::LinkState { a, b, .. } => vec![a, b],
            _ => Vec::new(),
        }
    }

    pub(super) fn shifted(mut self, by: usize) -> Self {
        if let Self::WaitUntil { at, .. } = &mut self {
            *at = at.shifted(by);
        }
        self
    }
}

/// Whether a line that begins with `word` is a verb's. `cut` is also a filter: as a verb it has hosts behind it.
pub(super) fn begins(line: &str, word: &str) -> bool {
    match word {
        "cut" => !line[3..].trim_start().starts_with(['-', '\'', '"']) && !line[3..].trim_start().is_empty(),
        "docker-machine" => line[14..].split_whitespace().next() == Some("ssh"),
        "ssh" => true,
        word => table().iter().any(|doc| doc.name == word),
    }
}

/// Reads a raw line that starts with a verb.
pub fn parse(line: &str) -> Result<Verb, ShellError> {
    read::Reader::new(line).verb()
}

/// How many bytes stand before the closing `quote` in `text`, which begins behind the opening one.
pub(super) fn quoted_length(text: &str, quote: u8) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            byte if byte == quote => return Some(at),
            b'\\' if quote == b'"' => at += 2,
            _ => at += 1,
        }
    }
    None
}

#[cfg(test)]
mod tests;
