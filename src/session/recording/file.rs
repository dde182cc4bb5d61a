//! A recording as a text file: TOML, `format = 1`.
//!
//! What is as usual is left out, so that a small lab's file is a few kilobytes. Times and durations are written as Docker
//! writes durations; the contents of files stand there as text, or as hexadecimal digits where they are not text. It
//! decides nothing about a replay.

mod image;
mod shape;

use super::{Entry, Input, Mark, Moment, Recording};
use crate::engine::{Duration, Seed, Time, limits};
use crate::net::HostId;
use crate::session::TerminalId;
use crate::swarm::world::{DataCentre, HostSpec};
use shape::{FileContent, FileInput, FileMark, FileRecording, Hosts};
use std::sync::Arc;

/// The largest recording that is read, in bytes.
pub const MAX_BYTES: usize = 64 << 20;

/// The format that is written, and the only one that is read.
const FORMAT: i64 = 1;

/// A text that is no recording, or a damaged one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordingError {
    /// It is too large.
    #[error("the recording has {0} bytes; at most {MAX_BYTES} are read")]
    TooLarge(usize),
    /// It is not TOML of this shape; the text says where and why.
    #[error("this is not a recording of swarmlab, or a damaged one:\n{0}")]
    Shape(String),
    /// It has another format.
    #[error("the recording has format {0}; this swarmlab reads format {FORMAT}")]
    Format(i64),
    /// Something in it cannot be.
    #[error("the recording is damaged: {place}: {problem}")]
    Content {
        /// Where: a key, or which input.
        place: String,
        /// What is wrong, and what was expected.
        problem: String,
    },
}

fn wrong(place: impl Into<String>, problem: impl Into<String>) -> RecordingError {
    RecordingError::Content { place: place.into(), problem: problem.into() }
}

pub(super) fn write(recording: &Recording) -> String {
    let start = &recording.start;
    let name = |host: HostId| start.hosts.get(host.index()).map_or_else(String::new, |host| host.name.clone());
    let input = |entry: &Entry| {
        let mut out = FileInput { at: time(entry.at.at), event: entry.at.event, ..FileInput::default() };
        match &entry.input {
            Input::Open { host, width } => (out.open, out.width) = (Some(name(*host)), *width),
            Input::Typed { terminal, text } => (out.terminal, out.typed) = (Some(terminal.0), Some(text.clone())),
            Input::Interrupt { terminal } => (out.terminal, out.interrupt) = (Some(terminal.0), true),
            Input::Put { path, content } => (out.put, out.content) = (Some(path.clone()), FileContent::of(content)),
            Input::HandIn { terminal, content } => {
                (out.terminal, out.handed_in) = (Some(terminal.0), true);
                match content {
                    Ok(content) => out.content = FileContent::of(content),
                    Err(why) => out.refused = Some(why.clone()),
                }
            }
        }
        out
    };
    let Seed(seed) = start.seed;
    let file = FileRecording {
        format: FORMAT,
        model: recording.model.clone(),
        seed: seed.into(),
        fingerprint: recording.fingerprint.map(|fingerprint| fingerprint.to_string()),
        end: shape::FileMoment { at: time(recording.end.at), event: recording.end.event },
        hosts: Hosts::of(start),
        network: (&start.link).into(),
        daemon: (&start.settings).into(),
        host: if Hosts::of(start).is_some() { Vec::new() } else { start.hosts.iter().map(Into::into).collect() },
        image: start.catalogue.entries().map(|(name, behaviour)| image::FileImage::of(name, behaviour)).collect(),
        mark: recording
            .marks
            .iter()
            .map(|mark| FileMark {
                name: mark.name.clone(),
                at: time(mark.at.at),
                event: mark.at.event,
                position: mark.position,
            })
            .collect(),
        input: recording.inputs.iter().map(input).collect(),
    };
    let text = toml::to_string_pretty(&file).expect("strings, numbers and tables are always TOML");
    format!("# A recording of swarmlab. It rebuilds every event of a session.\n{text}")
}

pub(super) fn read(text: &str) -> Result<Recording, RecordingError> {
    if text.len() > MAX_BYTES {
        return Err(RecordingError::TooLarge(text.len()));
    }
    // A later format may have other keys: its number is looked at first.
    let whole: toml::Table = text.parse().map_err(|error: toml::de::Error| RecordingError::Shape(error.to_string()))?;
    match whole.get("format").and_then(toml::Value::as_integer) {
        Some(FORMAT) => {}
        Some(other) => return Err(RecordingError::Format(other)),
        None => return Err(wrong("format", format!("expected `format = {FORMAT}`"))),
    }
    let file: FileRecording = toml::from_str(text).map_err(|error| RecordingError::Shape(error.to_string()))?;
    let start = start(&file)?;
    let mut reader = Reader { start: &start, last: Moment { at: Time::ZERO, event: 0 }, terminals: 0 };
    let mut inputs = Vec::new();
    for (number, input) in file.input.into_iter().enumerate() {
        inputs.push(reader.entry(input, &format!("input {}", number + 1))?);
    }
    let end = reader.moment(&file.end.at, file.end.event, "end")?;
    let mut marks = Vec::new();
    for mark in file.mark {
        let place = format!("mark {:?}", mark.name);
        let at = Moment { at: moment(&mark.at, &place)?, event: mark.event };
        marks.push(Mark { name: mark.name, at, position: mark.position });
    }
    let fingerprint = file.fingerprint.map(|text| text.parse()).transpose();
    let fingerprint = fingerprint.map_err(|error| wrong("fingerprint", format!("{error}")))?;
    let (start, inputs, marks) = (Arc::new(start), Arc::new(inputs), Arc::new(marks));
    Ok(Recording { model: file.model, start, inputs, marks, end, fingerprint })
}

/// What is known while inputs are read: each must come after the last.
struct Reader<'a> {
    start: &'a DataCentre,
    last: Moment,
    terminals: usize,
}

impl Reader<'_> {
    fn moment(&mut self, at: &str, event: u64, place: &str) -> Result<Moment, RecordingError> {
        let moment = Moment { at: moment(at, place)?, event };
        if moment.at < self.last.at || moment.event < self.last.event {
            return Err(wrong(place, "it stands before the input above it: inputs are in the order of time and event"));
        }
        self.last = moment;
        Ok(moment)
    }

    fn entry(&mut self, file: FileInput, place: &str) -> Result<Entry, RecordingError> {
        let at = self.moment(&file.at, file.event, place)?;
        let terminal = |number: Option<usize>| match number {
            Some(number) if number < self.terminals => Ok(TerminalId(number)),
            Some(number) => Err(wrong(place, format!("terminal {number} is not open: {} are", self.terminals))),
            None => Err(wrong(place, "expected `terminal`, the number of an open terminal")),
        };
        let input = match (file.open, file.typed, file.interrupt, file.put, file.handed_in) {
            (Some(host), None, false, None, false) => {
                let found = self.start.hosts.iter().position(|spec| spec.name == host);
                let number = found.ok_or_else(|| wrong(place, format!("there is no host {host}")))?;
                self.terminals += 1;
                Input::Open { host: HostId(number as u16), width: file.width }
            }
            (None, Some(text), false, None, false) => Input::Typed { terminal: terminal(file.terminal)?, text },
            (None, None, true, None, false) => Input::Interrupt { terminal: terminal(file.terminal)? },
            (None, None, false, Some(path), false) => Input::Put { path, content: content(file.content, place)? },
            (None, None, false, None, true) => {
                let content = match file.refused {
                    Some(why) => Err(why),
                    None => Ok(content(file.content, place)?),
                };
                Input::HandIn { terminal: terminal(file.terminal)?, content }
            }
            _ => return Err(wrong(place, "expected one of `open`, `typed`, `interrupt`, `put`, `handed_in`")),
        };
        Ok(Entry { at, input })
    }
}

fn content(content: Option<FileContent>, place: &str) -> Result<Arc<[u8]>, RecordingError> {
    match content {
        Some(FileContent { text: Some(text), hex: None }) => Ok(text.into_bytes().into()),
        Some(FileContent { text: None, hex: Some(hex) }) => shape::unhex(&hex)
            .map(Into::into)
            .ok_or_else(|| wrong(place, "`content.hex` is not made of pairs of hexadecimal digits")),
        _ => Err(wrong(place, "expected `content` with either `text` or `hex`")),
    }
}

fn start(file: &FileRecording) -> Result<DataCentre, RecordingError> {
    let seed = file.seed.value().ok_or_else(|| wrong("seed", "expected a number from 0 to 2^64 - 1"))?;
    let hosts = match &file.hosts {
        Some(hosts) => hosts.specs().map_err(|problem| wrong("hosts", problem))?,
        None => {
            let hosts: Result<Vec<HostSpec>, String> = file.host.iter().map(TryInto::try_into).collect();
            hosts.map_err(|problem| wrong("host", problem))?
        }
    };
    if hosts.is_empty() || hosts.len() > limits::HOSTS {
        return Err(wrong("hosts", format!("a lab has 1 to {} hosts, not {}", limits::HOSTS, hosts.len())));
    }
    let mut names: Vec<&str> = hosts.iter().map(|host| host.name.as_str()).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(wrong("host", format!("two hosts are called {}", twice[0])));
    }
    let mut centre = DataCentre::of(seed, hosts);
    centre.link = file.network.read().map_err(|problem| wrong("network", problem))?;
    centre.settings = file.daemon.read(centre.settings).map_err(|problem| wrong("daemon", problem))?;
    for image in &file.image {
        let behaviour = image.behaviour().map_err(|problem| wrong(format!("image {:?}", image.name), problem))?;
        centre.catalogue.add(&image.name, behaviour);
    }
    Ok(centre)
}

/// Time since the beginning, to the nanosecond.
fn time(at: Time) -> String {
    at.since(Time::ZERO).to_string()
}

fn moment(text: &str, place: &str) -> Result<Time, RecordingError> {
    let since = Duration::parse(text).map_err(|error| wrong(place, error.to_string()))?;
    if since.is_negative() || since > limits::MAX_DURATION {
        let longest = limits::MAX_DURATION;
        return Err(wrong(place, format!("expected a time from 0s to {longest}, not {text}")));
    }
    Ok(Time::ZERO + since)
}
