//! `swarmlab check`: reads scenarios and says what is wrong with them, without running them.

use crate::command::load;
use std::path::{Path, PathBuf};

/// Checks files and folders; 2 when any of them cannot be used.
pub fn check(paths: &[PathBuf]) -> u8 {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() { collect(path, &mut files) } else { files.push(path.clone()) }
    }
    if files.is_empty() {
        complain_line!("no scenario (a file ending in .toml) was found there");
        return 2;
    }
    let mut status = 0;
    for file in &files {
        match load(file) {
            Some(scenario) => say_line!(
                "{}: ok ({} hosts, {} steps, {} expectations, {} measures{})",
                file.display(),
                scenario.cluster.hosts.len(),
                scenario.steps.len(),
                scenario.expectations.len(),
                scenario.measures.len(),
                if scenario.chaos.is_some() { ", chaos" } else { "" }
            ),
            None => status = 2,
        }
    }
    status
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut entries: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            collect(&entry, files);
        } else if entry.extension().is_some_and(|extension| extension == "toml") {
            files.push(entry);
        }
    }
}
