//! Reads one raw line that starts with a verb.
//!
//! Words are split at blanks; quotes keep blanks together; nothing is expanded. Each error points at the word that is
//! wrong and repeats the verb's own usage. It follows the house plan §4.

mod clock;

use super::super::amount::{Rate, Share};
use super::help::table;
use super::words::{Arg, split, unquoted};
use super::{Aspect, DiskState, KillTarget, LinkState, RegistryState, SeekTarget, ShellError, Span, Verb};
use crate::engine::Duration;
use crate::observe::nearest;
use crate::swarm::scheduler::Policy;

/// The line and how much of it has been read.
pub(super) struct Reader<'a> {
    line: &'a str,
    args: Vec<Arg>,
    /// The argument that is read next.
    pub(super) next: usize,
    verb: &'static str,
}

pub(super) type Read<T> = Result<T, ShellError>;

impl<'a> Reader<'a> {
    pub(super) fn new(line: &'a str) -> Self {
        Self { line, args: split(line), next: 0, verb: "" }
    }

    pub(super) fn error(&self, span: Span, message: impl Into<String>) -> ShellError {
        let error = ShellError::new(span, message);
        match table().iter().find(|doc| doc.name == self.verb) {
            Some(doc) => error.help(doc.expected()),
            None => error,
        }
    }

    /// The range of the verb itself, for what is missing altogether.
    pub(super) fn head(&self) -> Span {
        self.args.first().map_or(Span::new(0, self.line.len()), |arg| arg.span)
    }

    fn take(&mut self) -> Option<Arg> {
        let arg = self.args.get(self.next).cloned();
        self.next += usize::from(arg.is_some());
        arg
    }

    pub(super) fn need(&mut self, what: &str) -> Read<Arg> {
        let missing = if self.next <= 1 {
            self.error(self.head(), format!("`{}` needs {what}", self.verb))
        } else {
            let last = self.args.last().map_or(self.head(), |arg| arg.span);
            self.error(Span::new(last.end, last.end), format!("{what} is missing here"))
        };
        self.take().ok_or(missing)
    }

    fn host(&mut self) -> Read<String> {
        let arg = self.need("a host")?;
        self.host_name(&arg)
    }

    pub(super) fn host_name(&self, arg: &Arg) -> Read<String> {
        self.host_word(&arg.text, arg.span)
    }

    pub(super) fn host_word(&self, word: &str, span: Span) -> Read<String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if !word.is_empty() && word.chars().all(plain) && !word.starts_with('-') {
            return Ok(word.to_owned());
        }
        Err(self.error(span, format!("`{word}` is not a host's name")))
    }

    /// The other end of a wire.
    fn other_host(&self, one: &str, arg: &Arg) -> Read<String> {
        let other = self.host_name(arg)?;
        if other == one {
            return Err(self.error(arg.span, format!("`{one}` is named twice: a wire joins two hosts")));
        }
        Ok(other)
    }

    /// The word that is read next.
    pub(super) fn peek(&self) -> Option<&str> {
        self.args.get(self.next).map(|arg| arg.text.as_str())
    }

    pub(super) fn task(&mut self, what: &str) -> Read<String> {
        let arg = self.need(what)?;
        if arg.text.is_empty() || arg.text.starts_with('-') {
            return Err(self.error(arg.span, format!("`{}` is not a name", arg.text)));
        }
        Ok(arg.text)
    }

    /// `as NAME`, or whatever the word is.
    fn named(&mut self, word: &str) -> Read<String> {
        let arg = self.need(&format!("`{word} NAME`"))?;
        if arg.text != word {
            return Err(self.error(arg.span, format!("`{word}` was expected instead of `{}`", arg.text)));
        }
        self.task("the name of the copy")
    }

    pub(super) fn duration(&self, text: &str, span: Span, positive: bool) -> Read<Duration> {
        match Duration::parse(text) {
            Ok(duration) if !positive || !duration.is_negative() => Ok(duration),
            Ok(_) => Err(self.error(span, format!("the duration `{text}` is negative"))),
            Err(_) if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() => {
                Err(ShellError::new(span, format!("the duration `{text}` has no unit"))
                    .help(format!("write `{text}s`")))
            }
            Err(_) => Err(self
                .error(span, format!("`{text}` is not a duration"))
                .help("write a number and a unit: 300ms, 30s, 1m30s, 2h")),
        }
    }

    pub(super) fn status(&self, text: &str, span: Span) -> Read<u8> {
        text.parse().map_err(|_| self.error(span, format!("`{text}` is not an exit status from 0 to 255")))
    }

    fn port(&self, arg: &Arg) -> Read<u16> {
        match arg.text.parse() {
            Ok(port) if port > 0 => Ok(port),
            _ => Err(self.error(arg.span, format!("`{}` is not a port from 1 to 65535", arg.text))),
        }
    }

    /// What joins commands elsewhere has no meaning behind most verbs.
    fn no_operators(&self) -> Read<()> {
        match self.args.iter().find(|arg| matches!(arg.text.as_str(), "|" | "||" | "&" | "&&" | ">" | ">>")) {
            None => Ok(()),
            Some(arg) => {
                let message = format!("`{}` cannot follow a verb of the lab: it takes the whole line", arg.text);
                let help = "put the next command on a line of its own, or behind `;`";
                Err(ShellError::new(arg.span, message).help(help))
            }
        }
    }

    /// Nothing may follow.
    fn done(&self, verb: Verb) -> Read<Verb> {
        match self.args.get(self.next) {
            None => Ok(verb),
            Some(arg) => {
                let last = self.args.last().unwrap_or(arg);
                Err(self.error(arg.span.to(last.span), format!("`{}` is too much here", arg.text)))
            }
        }
    }

    /// The rest of the line as it is, without the quotes around the whole of it.
    fn rest(&mut self) -> Option<Arg> {
        let start = self.args.get(self.next)?.span.start;
        self.next = self.args.len();
        Some(unquoted(self.line, start, self.line.len()))
    }

    pub(super) fn verb(&mut self) -> Read<Verb> {
        let Some(head) = self.take() else {
            return Err(ShellError::new(Span::default(), "a verb of the lab was expected here"));
        };
        let name = match head.text.as_str() {
            "ssh" => return self.ssh("ssh HOST"),
            "docker-machine" => {
                self.take();
                return self.ssh("docker-machine ssh HOST");
            }
            name => name,
        };
        let Some(doc) = table().iter().find(|doc| doc.name == name) else {
            let error = ShellError::new(head.span, format!("`{name}` is not a verb of the lab"));
            return Err(match nearest(name, table().iter().map(|doc| doc.name)) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error.help("`help` lists them"),
            });
        };
        self.verb = doc.name;
        if !matches!(doc.name, "wait" | "partition" | "note" | "mark" | "why") {
            self.no_operators()?;
        }
        let verb = self.body()?;
        self.done(verb)
    }

    fn ssh(&mut self, form: &str) -> Read<Verb> {
        let missing = ShellError::new(self.head(), "the host is missing").help(format!("write `{form}`"));
        let arg = self.take().ok_or(missing)?;
        let host = self.host_name(&arg).map_err(|error| error.help(format!("write `{form}`")))?;
        match self.args.get(self.next) {
            None => Ok(Verb::On { host }),
            Some(extra) => Err(ShellError::new(extra.span, "a command behind the host is not part of this shell")
                .help(format!("write `{form}`; the lines that follow run there"))),
        }
    }

    fn body(&mut self) -> Read<Verb> {
        Ok(match self.verb {
            "on" => Verb::On { host: self.host()? },
            "wait" => self.wait()?,
            "kill" => {
                let name = self.task("a host or a task")?;
                let target = if self.daemon()? { KillTarget::Daemon(name) } else { KillTarget::Named(name) };
                Verb::Kill { target }
            }
            "boot" => Verb::Boot { host: self.host()?, daemon: self.daemon()? },
            "stop" => Verb::Stop { host: self.host()?, daemon: self.daemon()? },
            "pause" => Verb::Pause { host: self.host()? },
            "resume" => Verb::Resume { host: self.host()? },
            "crash" => {
                let task = self.task("a task")?;
                let exit = match self.take() {
                    None => None,
                    Some(arg) if arg.text == "exit" => {
                        let arg = self.need("an exit status")?;
                        Some(self.status(&arg.text, arg.span)?)
                    }
                    Some(arg) => match arg.text.strip_prefix("exit=") {
                        Some(status) => Some(self.status(status, arg.span)?),
                        None => return Err(self.error(arg.span, format!("`{}` is not `exit STATUS`", arg.text))),
                    },
                };
                Verb::Crash { task, exit }
            }
            "unhealthy" => Verb::Unhealthy { task: self.task("a task")? },
            "partition" => self.partition()?,
            "heal" => {
                let mut hosts = Vec::new();
                while let Some(arg) = self.take() {
                    hosts.push(self.host_name(&arg)?);
                }
                Verb::Heal { hosts }
            }
            "cut" => self.cut()?,
            "block" => {
                let host = self.host()?;
                let arg = self.need("a port")?;
                Verb::Block { host, port: self.port(&arg)? }
            }
            "unblock" => {
                let host = self.take().map(|arg| self.host_name(&arg)).transpose()?;
                let port = self.take().map(|arg| self.port(&arg)).transpose()?;
                Verb::Unblock { host, port }
            }
            "link" => self.link()?,
            "clock" => self.clock()?,
            "disk" => {
                let host = self.host()?;
                let arg = self.need("`full`, `slow=DURATION` or `ok`")?;
                let state = match (arg.text.as_str(), arg.text.strip_prefix("slow=")) {
                    ("full", _) => DiskState::Full,
                    ("ok", _) => DiskState::Ok,
                    (_, Some(text)) => DiskState::Slow(self.duration(text, arg.span, true)?),
                    _ => return Err(self.error(arg.span, format!("`{}` is not a state of a disk", arg.text))),
                };
                Verb::Disk { host, state }
            }
            "backup" => Verb::Backup { host: self.host()?, name: self.named("as")? },
            "restore" => Verb::Restore { host: self.host()?, name: self.named("from")? },
            "registry" => {
                let arg = self.need("`down`, `up` or `slow=DURATION`")?;
                let state = match (arg.text.as_str(), arg.text.strip_prefix("slow=")) {
                    ("down", _) => RegistryState::Down,
                    ("up", _) => RegistryState::Up,
                    (_, Some(text)) => RegistryState::Slow(self.duration(text, arg.span, true)?),
                    _ => return Err(self.error(arg.span, format!("`{}` is not a state of the registry", arg.text))),
                };
                Verb::Registry { state, hosts: self.for_hosts(state)? }
            }
            "policy" => Verb::Policy(self.policy()?),
            "image" => self.image()?,
            "put" => {
                let local = self.task("a file of the real machine")?;
                let arg = self.need("`as PATH`")?;
                if arg.text != "as" {
                    return Err(self.error(arg.span, format!("`as` was expected instead of `{}`", arg.text)));
                }
                Verb::Put { local, path: self.task("a path on the host")? }
            }
            "open" => {
                let url = self.url()?;
                let mut times = 1;
                if let Some(arg) = self.take() {
                    let value = match arg.text.strip_prefix("--times") {
                        Some("") => self.need("a number")?,
                        Some(text) if text.starts_with('=') => Arg { text: text[1..].to_string(), span: arg.span },
                        _ => return Err(self.error(arg.span, format!("`{}` is too much here", arg.text))),
                    };
                    times = match value.text.parse() {
                        Ok(times @ 1..=1_000_000) => times,
                        _ => {
                            let message = format!("`{}` is not a number from 1 to 1000000", value.text);
                            return Err(self.error(value.span, message));
                        }
                    };
                }
                Verb::Open { url: url.text, host: url.host, port: url.port, path: url.path, times }
            }
            "load" => self.load()?,
            "hosts" => Verb::Hosts,
            "look" => Verb::Look {
                what: match self.take() {
                    None => None,
                    Some(arg) => Some(match arg.text.as_str() {
                        "raft" => Aspect::Raft,
                        "net" => Aspect::Net,
                        "time" => Aspect::Time,
                        _ => return Err(self.error(arg.span, format!("`{}` cannot be looked at", arg.text))),
                    }),
                },
            },
            "why" => Verb::Why { subject: self.rest_or("a subject: a task, a node, a service")?.text },
            "mark" => Verb::Mark { name: self.rest_or("a name")?.text },
            "note" => Verb::Note { text: self.rest_or("a text")?.text },
            "save" => Verb::Save { file: self.task("a file")? },
            "undo" => Verb::Undo,
            "fork" => Verb::Fork,
            "seek" => {
                let arg = self.need("a time since the start, or a mark")?;
                let numeric = arg.text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
                let to = match Duration::parse(&arg.text) {
                    Err(_) if !numeric => SeekTarget::Mark(arg.text),
                    _ => SeekTarget::Time(self.duration(&arg.text, arg.span, true)?),
                };
                Verb::Seek { to }
            }
            _ => Verb::Help { topic: self.take().map(|arg| arg.text) },
        })
    }

    /// `for HOST..` behind `registry down` and `registry up`.
    fn for_hosts(&mut self, state: RegistryState) -> Read<Vec<String>> {
        let Some(arg) = self.take() else { return Ok(Vec::new()) };
        if arg.text != "for" || matches!(state, RegistryState::Slow(_)) {
            return Err(self.error(arg.span, format!("`{}` is too much here", arg.text)));
        }
        let mut hosts = vec![self.host()?];
        while let Some(arg) = self.take() {
            hosts.push(self.host_name(&arg)?);
        }
        Ok(hosts)
    }

    fn rest_or(&mut self, what: &str) -> Read<Arg> {
        let missing = self.error(self.head(), format!("`{}` needs {what}", self.verb));
        self.rest().filter(|arg| !arg.text.is_empty()).ok_or(missing)
    }

    fn daemon(&mut self) -> Read<bool> {
        match self.take() {
            None => Ok(false),
            Some(arg) if arg.text == "daemon" => Ok(true),
            Some(arg) => Err(self.error(arg.span, format!("`{}` is too much here: one target at a time", arg.text))),
        }
    }

    fn wait(&mut self) -> Read<Verb> {
        let arg = self.need("a duration or a condition")?;
        if arg.text != "until" {
            return Ok(Verb::Wait(self.duration(&arg.text, arg.span, true)?));
        }
        // `for up to DURATION` is looked for from the end, outside quotes.
        let words: Vec<&str> = self.args.iter().map(|arg| arg.text.as_str()).collect();
        let count = words.len();
        let (mut stop, mut limit) = (self.line.len(), None);
        if let Some(at) = words.windows(3).rposition(|three| three == ["for", "up", "to"])
            && at >= 2
        {
            if at + 3 == count {
                let span = self.args[at].span.to(self.args[at + 2].span);
                return Err(self.error(span, "a duration is missing behind `for up to`"));
            }
            if at + 4 == count {
                let arg = &self.args[at + 3];
                limit = Some(self.duration(&arg.text, arg.span, true)?);
                stop = self.args[at].span.start;
            }
        }
        let start = self.args.get(self.next).map_or(stop, |arg| arg.span.start);
        if start >= stop {
            return Err(self.error(arg.span, "a condition is missing behind `until`"));
        }
        let condition = unquoted(self.line, start, stop);
        self.next = count;
        Ok(Verb::WaitUntil { condition: condition.text, at: condition.span, limit })
    }

    fn partition(&mut self) -> Read<Verb> {
        let mut groups: Vec<Vec<String>> = vec![Vec::new()];
        let mut last = self.head();
        while let Some(arg) = self.take() {
            last = arg.span;
            for (index, part) in arg.text.split('|').enumerate() {
                if index > 0 {
                    if groups.last().is_some_and(Vec::is_empty) {
                        return Err(self.error(arg.span, "hosts are missing before this `|`"));
                    }
                    groups.push(Vec::new());
                }
                let part = part.trim_matches(',');
                if part.is_empty() {
                    continue;
                }
                let host = self.host_name(&Arg { text: part.to_string(), span: arg.span })?;
                if groups.iter().flatten().any(|other| *other == host) {
                    return Err(self.error(arg.span, format!("`{host}` is named twice")));
                }
                if let Some(group) = groups.last_mut() {
                    group.push(host);
                }
            }
        }
        if groups.last().is_some_and(Vec::is_empty) {
            return Err(if groups.len() == 1 {
                self.error(last, "`partition` needs hosts")
            } else {
                self.error(last, "hosts are missing behind this `|`")
            });
        }
        if groups.len() < 2 {
            return Err(self.error(last, "a partition has at least two parts"));
        }
        Ok(Verb::Partition { groups })
    }

    fn cut(&mut self) -> Read<Verb> {
        // `m1->m2` and `m1 -> m2` are the same.
        let mut parts = Vec::new();
        while let Some(arg) = self.take() {
            for (index, part) in arg.text.split("->").enumerate() {
                if index > 0 {
                    parts.push(Arg { text: "->".to_string(), span: arg.span });
                }
                if !part.is_empty() {
                    parts.push(Arg { text: part.to_string(), span: arg.span });
                }
            }
        }
        match parts.as_slice() {
            [from, arrow, to] if arrow.text == "->" => {
                let from = self.host_name(from)?;
                Ok(Verb::Cut { to: self.other_host(&from, to)?, from })
            }
            [from, arrow] if arrow.text == "->" && from.text != "->" => {
                Err(self.error(arrow.span, "a host is missing behind `->`"))
            }
            [_, other, ..] if other.text != "->" => {
                Err(self.error(other.span, format!("`->` was expected instead of `{}`", other.text)))
            }
            [_, _, _, extra, ..] => Err(self.error(extra.span, format!("`{}` is too much here", extra.text))),
            [first, ..] => Err(self.error(first.span, "`->` and a second host are missing")),
            [] => Err(self.error(self.head(), "`cut` needs two hosts")),
        }
    }

    /// The next argument as `key=value`.
    pub(super) fn setting(&mut self, keys: &[&str]) -> Read<Option<(String, String, Span)>> {
        let Some(arg) = self.take() else { return Ok(None) };
        let (key, value) = arg.text.split_once('=').unwrap_or((arg.text.as_str(), ""));
        if !keys.contains(&key) {
            let near = nearest(key, keys.iter().copied()).map(|near| format!("; did you mean `{near}`?"));
            let message = format!("`{key}` is not known here{}", near.unwrap_or_default());
            return Err(self.error(arg.span, message));
        }
        if value.is_empty() {
            return Err(self.error(arg.span, format!("a value is missing: `{key}=...`")));
        }
        Ok(Some((key.to_string(), value.to_string(), arg.span)))
    }

    /// `up`, `down`, `flap=2s` or `flap=off`, if one of them comes next.
    fn link_state(&mut self) -> Read<Option<LinkState>> {
        let Some(arg) = self.args.get(self.next).cloned() else { return Ok(None) };
        let state = match (arg.text.as_str(), arg.text.strip_prefix("flap=")) {
            ("up", _) => LinkState::Up,
            ("down", _) => LinkState::Down,
            (_, Some("off")) => LinkState::Flaps(None),
            (_, Some(text)) => {
                let every = self.duration(text, arg.span, true)?;
                if every < Duration::from_millis(1) {
                    return Err(self.error(arg.span, "a link needs at least 1ms to go down or up"));
                }
                LinkState::Flaps(Some(every))
            }
            _ => return Ok(None),
        };
        self.next += 1;
        Ok(Some(state))
    }

    fn link(&mut self) -> Read<Verb> {
        let a = self.host()?;
        let b = self.need("a host")?;
        let b = self.other_host(&a, &b)?;
        if let Some(state) = self.link_state()? {
            return Ok(Verb::LinkState { a, b, state });
        }
        let (mut latency, mut jitter, mut loss, mut duplicate) = (None, None, None, None);
        let from = self.next;
        while let Some((key, value, span)) = self.setting(&["latency", "jitter", "loss", "duplicate"])? {
            let share = || {
                Share::parse(&value)
                    .ok_or_else(|| self.error(span, format!("`{value}` is not a share from 0% to 100%")))
            };
            match key.as_str() {
                "latency" => latency = Some(self.duration(&value, span, true)?),
                "jitter" => jitter = Some(self.duration(&value, span, true)?),
                "loss" => loss = Some(share()?),
                _ => duplicate = Some(share()?),
            }
        }
        if self.next == from {
            self.need("what to change (latency, jitter, loss, duplicate, `down`, `up` or `flap=DURATION`)")?;
        }
        Ok(Verb::Link { a, b, latency, jitter, loss, duplicate })
    }

    fn policy(&mut self) -> Read<Option<Policy>> {
        let Some(arg) = self.args.get(self.next).cloned() else { return Ok(None) };
        self.next += 1;
        let known = Policy::ALL.map(Policy::name);
        let policy = Policy::named(&arg.text);
        policy.map(Some).ok_or_else(|| {
            self.error(arg.span, format!("`{}` is no policy; one of {} was expected", arg.text, known.join(", ")))
        })
    }

    fn load(&mut self) -> Read<Verb> {
        let url = self.url()?;
        let (mut rate, mut length) = (None, None);
        while let Some((key, value, span)) = self.setting(&["rate", "for"])? {
            if key == "rate" {
                let wrong = || self.error(span, format!("`{value}` is not a rate such as 200/s"));
                rate = Some(Rate::parse(&value).ok_or_else(wrong)?);
            } else {
                length = Some(self.duration(&value, span, true)?);
            }
        }
        let end = Span::new(self.line.trim_end().len(), self.line.trim_end().len());
        let Some(rate) = rate else { return Err(self.error(end, "`rate=N/s` is missing")) };
        let Some(length) = length else { return Err(self.error(end, "`for=DURATION` is missing")) };
        Ok(Verb::Load { url: url.text, host: url.host, port: url.port, path: url.path, rate, length })
    }

    fn url(&mut self) -> Read<Url> {
        let arg = self.need("an address such as http://w1:8080/")?;
        let rest = arg.text.strip_prefix("http://");
        let Some(rest) = rest else {
            return Err(self.error(arg.span, format!("`{}` does not begin with http://", arg.text)));
        };
        let (authority, path) = match rest.find('/') {
            Some(at) => (&rest[..at], &rest[at..]),
            None => (rest, "/"),
        };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) => (host, self.port(&Arg { text: port.to_string(), span: arg.span })?),
            None => (authority, 80),
        };
        let host = self.host_name(&Arg { text: host.to_string(), span: arg.span })?;
        Ok(Url { text: arg.text.clone(), host, port, path: path.to_string() })
    }
}

struct Url {
    text: String,
    host: String,
    port: u16,
    path: String,
}
