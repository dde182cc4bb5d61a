//! `swarmlab sweep`: scenarios over many seeds, one world per thread.
//!
//! The threads are its own; what they bring is merged by seed, so that what is printed does not depend on how many there
//! are. Ctrl-C takes no further seed and tells what there is.

use crate::args::SweepArgs;
use crate::command::load;
use std::cell::RefCell;
use std::io::{IsTerminal, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use swarmlab::report::{Report, sweep as told, trace_lines};
use swarmlab::scenario::Scenario;
use swarmlab::scenario::run::{Options, run};
use swarmlab::scenario::sweep::{SeedResult, Sweep};

/// What a thread may put on its stack: as much as the main one has.
const STACK: usize = 8 << 20;
/// The status of a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

/// Sweeps the files one after the other; the worst outcome is the exit status.
pub fn sweep(args: &SweepArgs) -> u8 {
    let mut scenarios: Vec<Scenario> = Vec::new();
    for file in &args.files {
        match load(file) {
            Some(scenario) => scenarios.push(scenario),
            None => return 2,
        }
    }
    if let Some(folder) = &args.out {
        if let Some(name) = twice(&scenarios) {
            complain_line!("two of the scenarios are called {name}: their files in --out would be the same");
            return 2;
        }
        if let Err(error) = std::fs::create_dir_all(folder) {
            complain_line!("{}: cannot be made: {error}", folder.display());
            return 2;
        }
    }
    let stop = Arc::new(AtomicBool::new(false));
    on_interrupt(stop.clone());
    remember_panics();
    let json_to_stdout = args.json.as_deref() == Some(Path::new("-"));
    let (mut worst, mut json) = (0, Vec::new());
    for (number, scenario) in scenarios.iter().enumerate() {
        let asked = told::Asked { seeds: args.seeds, shard: args.shard };
        let outcome = match all(scenario, args, &stop) {
            Ok(outcome) => outcome,
            Err(complaint) => {
                complain_line!("{complaint}");
                return 2;
            }
        };
        if !json_to_stdout {
            let gap = if number > 0 { "\n" } else { "" };
            say!("{gap}{}", told::text(scenario, asked, &outcome));
        }
        json.push(told::json(scenario, asked, &outcome).to_string());
        worst = super::run::worse(worst, outcome.exit_status());
        if stop.load(Ordering::Relaxed) {
            complain_line!("interrupted: these are the seeds that had been run");
            worst = INTERRUPTED;
            break;
        }
    }
    if let Some(path) = &args.json {
        let text = match json.as_slice() {
            [one] => format!("{one}\n"),
            several => format!("[{}]\n", several.join(",\n")),
        };
        if json_to_stdout {
            say!("{text}");
        } else if !super::write(path, &text) {
            return 2;
        }
    }
    worst
}

/// A name that two scenarios share.
fn twice(scenarios: &[Scenario]) -> Option<&str> {
    let mut names: Vec<&str> = scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
    names.sort_unstable();
    names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

/// Runs every seed of a scenario, or those that there is time for; the error is a sentence.
fn all(scenario: &Scenario, args: &SweepArgs, stop: &AtomicBool) -> Result<Sweep, String> {
    let seeds: Vec<u64> = match args.shard {
        Some(shard) => shard.seeds(args.seeds),
        None => (args.seeds.first..=args.seeds.last).collect(),
    };
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = args.jobs.map_or_else(cores, |jobs| usize::from(jobs.get())).min(seeds.len().max(1));
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    let work = |sender: mpsc::Sender<Result<SeedResult, String>>| {
        while !stop.load(Ordering::Relaxed) {
            let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
            // Whoever collects may have given up.
            if sender.send(one(scenario, *seed, args.out.as_deref())).is_err() {
                break;
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            let (sender, work) = (sender.clone(), &work);
            let thread = std::thread::Builder::new().stack_size(STACK);
            thread.spawn_scoped(scope, move || work(sender)).map_err(|error| format!("no thread: {error}"))?;
        }
        drop(sender);
        let mut sweep = Sweep::default();
        let mut progress = Progress::new(&scenario.name, seeds.len());
        for result in receiver {
            progress.count(result.as_ref().is_ok_and(|result| result.ending.is_failure()));
            sweep.add(result?);
        }
        Ok(sweep)
    })
}

/// Runs one seed; a failing one leaves its report and its trace in the folder.
fn one(scenario: &Scenario, seed: u64, out: Option<&Path>) -> Result<SeedResult, String> {
    let result = guarded(seed, || SeedResult::of(scenario, seed));
    let Some(folder) = out.filter(|_| result.ending.is_failure()) else { return Ok(result) };
    let stem = format!("{}-seed-{seed}", scenario.name);
    let whole = |ending: &str, text: &str| {
        let path: PathBuf = folder.join(format!("{stem}{ending}"));
        // Never half a file, whenever Ctrl-C comes.
        let part = folder.join(format!(".{stem}{ending}.part"));
        let written = std::fs::write(&part, text).and_then(|()| std::fs::rename(&part, &path));
        written.map_err(|error| format!("{}: cannot be written: {error}", path.display()))
    };
    // Again, and this time everything is kept.
    let again = || {
        let run = run(scenario, &Options { seed: Some(seed), ..Options::default() });
        (Report::of(scenario, &run).to_json(), trace_lines(&run))
    };
    match catch_unwind(AssertUnwindSafe(again)) {
        Ok((report, trace)) => {
            whole(".json", &report)?;
            whole(".trace.jsonl", &trace)?;
        }
        Err(_) => whole(".panic.txt", &format!("{}\n{}\n", last_panic(), told::replay(scenario, seed)))?,
    }
    Ok(result)
}

/// A run, or what it said when the model panicked in it.
fn guarded(seed: u64, make: impl Fn() -> SeedResult) -> SeedResult {
    catch_unwind(AssertUnwindSafe(make)).unwrap_or_else(|_| SeedResult::panicked(seed, last_panic()))
}

thread_local! {
    /// What the last panic of this thread said, and where it was.
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

fn last_panic() -> String {
    PANIC.with(|panic| panic.take())
}

/// Keeps what a panic says instead of printing it in the middle of everything.
fn remember_panics() {
    std::panic::set_hook(Box::new(|info| {
        let payload = info.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let words = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a word");
        let place = info.location().map_or_else(String::new, |at| format!(", at {}:{}", at.file(), at.line()));
        PANIC.with(|panic| *panic.borrow_mut() = format!("{words}{place}"));
    }));
}

/// The first Ctrl-C lets the worlds in hand end; the second one ends the program.
fn on_interrupt(stop: Arc<AtomicBool>) {
    // Where it cannot be asked for, Ctrl-C ends the program at once, as it does everywhere.
    let _ = ctrlc::set_handler(move || {
        if stop.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(INTERRUPTED));
        }
    });
}

/// A line on stderr that says how far it is, where someone looks at it.
struct Progress<'a> {
    name: &'a str,
    all: usize,
    done: usize,
    failed: usize,
    shown: bool,
}

impl<'a> Progress<'a> {
    fn new(name: &'a str, all: usize) -> Self {
        Self { name, all, done: 0, failed: 0, shown: std::io::stderr().is_terminal() }
    }

    fn count(&mut self, failed: bool) {
        self.done += 1;
        self.failed += usize::from(failed);
        // A thousand times at most: the terminal is slower than the worlds.
        if self.shown && (self.done.is_multiple_of(self.all / 1_000 + 1) || self.done == self.all) {
            complain!("\r{}: {} of {} seeds, {} failed", self.name, self.done, self.all, self.failed);
            let _ = std::io::stderr().flush();
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if self.shown {
            // The line is taken back: what stays is the report.
            complain!("\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use swarmlab::scenario::sweep::Ending;

    /// A seed in which the model panics is a failure like others, with the place, and the next seed runs.
    #[test]
    fn a_panic_is_a_failure_with_its_seed() {
        remember_panics();
        let text = "format = 1\nname = \"x\"\nduration = \"1s\"\n[cluster]\nmanagers = 1\n";
        let scenario = Scenario::parse("x.toml", text).expect("it is right");
        let mut sweep = Sweep::default();
        sweep.add(guarded(2, || panic!("slot {} is empty", 3)));
        sweep.add(guarded(1, || SeedResult::of(&scenario, 1)));
        let (first, second) = (&sweep.results()[0], &sweep.results()[1]);
        assert_eq!((first.ending, second.ending, second.seed), (Ending::Held, Ending::Panicked, 2));
        let words = &second.faults[0].explanation;
        assert!(words.starts_with("slot 3 is empty, at src/command/sweep.rs:"), "{words}");
        let asked = told::Asked { seeds: swarmlab::scenario::sweep::Seeds { first: 1, last: 2 }, shard: None };
        let shown = told::text(&scenario, asked, &sweep);
        assert!(shown.contains("held 1, failed 0, panicked 1"), "{shown}");
        assert!(shown.contains("replay:  swarmlab run x.toml --seed 2"), "{shown}");
    }
}
