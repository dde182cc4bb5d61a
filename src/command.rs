//! One file a subcommand: reads files, calls the library, prints, and says with which status to exit.

/// Prints, and lets be what cannot be printed: a reader that goes away early (`| head`) is no failure of ours, and the
/// standard macros would panic.
macro_rules! say {
    ($($text:tt)*) => {{ use std::io::Write as _; let _ = write!(std::io::stdout(), $($text)*); }};
}
/// The same with a line end.
macro_rules! say_line {
    ($($text:tt)*) => {{ use std::io::Write as _; let _ = writeln!(std::io::stdout(), $($text)*); }};
}
/// The same to stderr.
macro_rules! complain {
    ($($text:tt)*) => {{ use std::io::Write as _; let _ = write!(std::io::stderr(), $($text)*); }};
}
/// The same to stderr with a line end.
macro_rules! complain_line {
    ($($text:tt)*) => {{ use std::io::Write as _; let _ = writeln!(std::io::stderr(), $($text)*); }};
}

pub mod check;
pub mod run;
pub mod shell;
pub mod sweep;
pub mod why;

use std::path::Path;
use swarmlab::scenario::Scenario;

/// Reads and checks a scenario; prints what is wrong with it.
pub fn load(path: &Path) -> Option<Scenario> {
    let shown = path.display().to_string();
    let limit = swarmlab::engine::limits::SCENARIO_FILE_BYTES;
    match std::fs::metadata(path) {
        Ok(meta) if meta.len() > limit => {
            complain_line!("{shown}: a scenario file may have {limit} bytes at most, and this one has {}", meta.len());
            return None;
        }
        Ok(meta) if meta.is_dir() => {
            complain_line!("{shown}: this is a folder; name a scenario file in it");
            return None;
        }
        _ => {}
    }
    let text = match std::fs::read(path).map(String::from_utf8) {
        Ok(Ok(text)) => text,
        Ok(Err(error)) => {
            let at = error.utf8_error().valid_up_to();
            complain_line!("{shown}: not a text in UTF-8 (byte {at} is the first that is not)");
            return None;
        }
        Err(error) => {
            complain_line!("{shown}: cannot be read: {error}");
            return None;
        }
    };
    match Scenario::parse(&shown, &text) {
        Ok(mut scenario) => {
            let folder = path.parent().unwrap_or(Path::new("."));
            for (on_host, local) in &mut scenario.files {
                match std::fs::read_to_string(folder.join(&*local)) {
                    Ok(content) => *local = content,
                    Err(error) => {
                        complain_line!("{shown}: [files] {on_host:?}: {local} cannot be read: {error}");
                        return None;
                    }
                }
            }
            Some(scenario)
        }
        Err(errors) => {
            complain!("{}", errors.render());
            None
        }
    }
}

/// Writes a file, or says why not.
pub fn write(path: &Path, text: &str) -> bool {
    match std::fs::write(path, text) {
        Ok(()) => true,
        Err(error) => {
            complain_line!("{}: cannot be written: {error}", path.display());
            false
        }
    }
}
