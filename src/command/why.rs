//! `swarmlab why`: plays a scenario or a recording, and tells why something is as it is at its end, or at another moment.

use crate::args::WhyArgs;
use crate::command::load;
use std::path::Path;
use swarmlab::engine::Time;
use swarmlab::scenario::run::{Options, run};
use swarmlab::session::{MAX_RECORDING_BYTES, Recording, Timeline};

/// 0 when it was told, 1 when nothing is known of it, 2 when the file cannot be used.
pub fn why(args: &WhyArgs) -> u8 {
    let recording = if args.file.extension().is_some_and(|extension| extension == "toml") {
        let Some(scenario) = load(&args.file) else { return 2 };
        let session = run(&scenario, &Options { seed: args.seed, ..Options::default() }).session;
        if args.at.is_none() {
            return told(&session.why(&args.subject));
        }
        session.recording()
    } else {
        match recording(&args.file) {
            Ok(recording) if args.seed.is_none() => recording,
            Ok(_) => {
                complain_line!("--seed is for scenarios: a recording is of one seed");
                return 2;
            }
            Err(problem) => {
                complain_line!("{}: {problem}", args.file.display());
                return 2;
            }
        }
    };
    let mut timeline = match Timeline::replay(&recording) {
        Ok((timeline, warning)) => {
            if let Some(warning) = warning {
                complain_line!("swarmlab: {warning}");
            }
            timeline
        }
        Err(error) => {
            complain_line!("{}: {error}", args.file.display());
            return 2;
        }
    };
    if let Some(at) = args.at {
        let (at, end) = (Time::ZERO + at, timeline.now());
        if at > end {
            complain_line!("--at {at}: nothing is known of that moment; the end is at {end}");
            return 2;
        }
        if let Err(error) = timeline.seek(at) {
            complain_line!("swarmlab: {error}");
            return 2;
        }
    }
    told(&timeline.session().why(&args.subject))
}

/// Prints what was found.
fn told(found: &Result<String, String>) -> u8 {
    match found {
        Ok(text) => {
            say!("{text}");
            0
        }
        Err(problem) => {
            complain_line!("swarmlab: {problem}");
            1
        }
    }
}

fn recording(path: &Path) -> Result<Recording, String> {
    let bytes = std::fs::metadata(path).map_err(|error| format!("cannot be read: {error}"))?.len();
    if bytes > MAX_RECORDING_BYTES as u64 {
        return Err(format!("has {bytes} bytes; a recording has {MAX_RECORDING_BYTES} at most"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))?;
    let about = "a scenario (a file ending in .toml) or a recording (`swarmlab shell --record F`) was expected";
    Recording::parse(&text).map_err(|error| format!("{error}; {about}"))
}
