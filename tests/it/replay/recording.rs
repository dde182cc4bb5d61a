//! The recordings' own format: a JSON object a line.

use serde_json::Value;

/// What stands in a recording, in its order.
#[derive(Clone, Debug)]
pub enum Item {
    /// A command that somebody ran.
    Row(Row),
    /// Something done to the machines.
    Event {
        /// Milliseconds since the recording began.
        at: i64,
        /// In the recorder's words.
        text: String,
        /// How long the machine took to come up, in milliseconds: it was started that long before.
        start: Option<i64>,
        /// What was asked again and again from here on: hosts and lines.
        polled: Vec<(String, String)>,
    },
}

/// A command and what it did.
#[derive(Clone, Debug)]
pub struct Row {
    /// Milliseconds since the recording began.
    pub at: i64,
    /// Milliseconds that it ran.
    pub took: i64,
    /// The machine.
    pub host: String,
    /// As it was typed.
    pub line: String,
    /// Its exit status; `None`: the recorder gave up waiting.
    pub status: Option<i32>,
    /// What it printed.
    pub out: String,
    /// What it complained.
    pub err: String,
    /// It ran on a terminal of so many columns.
    pub columns: Option<u16>,
    /// Milliseconds after its start at which somebody pressed Ctrl-C.
    pub interrupted: Option<i64>,
}

fn millis(value: &Value, key: &str) -> i64 {
    value[key].as_i64().unwrap_or_default()
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

/// When a recording began, in milliseconds since 1970.
pub fn began(recording: &str) -> i64 {
    let first = recording.lines().next().and_then(|line| serde_json::from_str::<Value>(line).ok());
    first.and_then(|value| value["wall_start_unix"].as_f64()).map_or(0, |seconds| (seconds * 1000.0) as i64)
}

/// Reads a recording.
pub fn read(recording: &str) -> Vec<Item> {
    let values = recording.lines().map(|line| serde_json::from_str::<Value>(line).expect("a JSON object a line"));
    values
        .filter_map(|value| match value["type"].as_str()? {
            "cmd" => Some(Item::Row(Row {
                at: millis(&value, "t_ms"),
                took: millis(&value, "dur_ms"),
                host: text(&value, "node"),
                line: text(&value, "cmd"),
                status: value["rc"].as_i64().and_then(|status| i32::try_from(status).ok()),
                out: text(&value, "stdout"),
                err: text(&value, "stderr"),
                columns: value["cols"].as_u64().and_then(|columns| u16::try_from(columns).ok()),
                interrupted: value["ctrl_c_at_s"].as_f64().map(|seconds| (seconds * 1000.0) as i64),
            })),
            "event" => Some(Item::Event {
                at: millis(&value, "t_ms"),
                text: text(&value, "text"),
                start: value["start_ms"].as_i64(),
                polled: value["cmds"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|pair| {
                        let of = |place: usize| pair[place].as_str().unwrap_or_default().to_owned();
                        (of(0), of(1))
                    })
                    .collect(),
            }),
            _ => None,
        })
        .collect()
}
