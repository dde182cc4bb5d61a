//! `swarmlab run`: replays scenarios.

use crate::args::RunArgs;
use crate::command::{load, write};
use std::io::Write;
use std::path::Path;
use swarmlab::report::Report;
use swarmlab::scenario::run::{Options, run as replay};

/// Runs the files one after the other; the worst outcome is the exit status.
pub fn run(args: &RunArgs) -> u8 {
    let mut scenarios = Vec::new();
    for file in &args.files {
        match load(file) {
            Some(scenario) => scenarios.push(scenario),
            None => return 2,
        }
    }
    let mut worst = 0;
    let mut json = Vec::new();
    let json_to_stdout = args.json.as_deref() == Some(Path::new("-"));
    for (number, scenario) in scenarios.iter().enumerate() {
        let options = Options { seed: args.seed, ..Options::default() };
        let result = replay(scenario, &options);
        let report = Report::of(scenario, &result);
        if !json_to_stdout {
            if number > 0 {
                say_line!();
            }
            // A reader that goes away early (`| head`) is no failure of the run.
            let _ = write!(std::io::stdout(), "{}", report.to_text());
        }
        if let Some(path) = &args.trace
            && !write(path, &swarmlab::report::trace_lines(&result))
        {
            return 2;
        }
        json.push(report.to_json().trim_end().to_owned());
        worst = worse(worst, report.outcome().exit_status() as u8);
    }
    if let Some(path) = &args.json {
        let text = match json.as_slice() {
            [one] => format!("{one}\n"),
            several => format!("[{}]\n", several.join(",")),
        };
        if json_to_stdout {
            let _ = write!(std::io::stdout(), "{text}");
        } else if !write(path, &text) {
            return 2;
        }
    }
    worst
}

/// 1 (failed) is worse than 3 (unknown), which is worse than 0.
pub fn worse(a: u8, b: u8) -> u8 {
    let rank = |status: u8| match status {
        0 => 0,
        3 => 1,
        _ => 2,
    };
    if rank(b) > rank(a) { b } else { a }
}
