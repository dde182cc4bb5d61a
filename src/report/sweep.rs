//! A sweep, told: how the runs ended, how long things took, and how to see the first failure again.
//!
//! It is the same text whatever order the runs were made in. Durations are to three digits but for the shortest and the
//! longest; JSON has every value.

use super::text::{escaped, rounded, under};
use crate::engine::Duration;
use crate::scenario::Scenario;
use crate::scenario::sweep::{Distribution, Ending, Fault, SeedResult, Seeds, Shard, Sweep};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The version of the JSON.
const FORMAT: u32 = 1;
/// Failing seeds that the text names.
const NAMED: usize = 20;
/// Lines of an explanation that the text shows.
const EXPLAINED: usize = 12;
/// Of the quantiles: their name and their hundredths.
const QUANTILES: [(&str, u32); 5] = [("p5", 5), ("p25", 25), ("median", 50), ("p95", 95), ("p99", 99)];

/// What a sweep was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// The seeds.
    pub seeds: Seeds,
    /// The share of them that is run here.
    pub shard: Option<Shard>,
}

/// The command that replays one seed.
pub fn replay(scenario: &Scenario, seed: u64) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./+,:@%=".contains(c);
    let quoted = !scenario.path.chars().all(plain) || scenario.path.is_empty();
    let path = if quoted { format!("'{}'", scenario.path.replace('\'', "'\\''")) } else { scenario.path.clone() };
    format!("swarmlab run {path} --seed {seed}")
}

/// The sweep for people.
pub fn text(scenario: &Scenario, asked: Asked, sweep: &Sweep) -> String {
    let Seeds { first, last } = asked.seeds;
    let share = asked.shard.map_or_else(String::new, |shard| format!(", share {}/{}", shard.index, shard.count));
    let mut out = format!("{}, seeds {first}..{last}{share}\n", escaped(&scenario.name));
    let counts: Vec<String> = Ending::ALL
        .into_iter()
        .map(|ending| (ending, sweep.count(ending)))
        .filter(|(ending, count)| *count > 0 || matches!(ending, Ending::Held | Ending::Failed))
        .map(|(ending, count)| format!("{} {count}", ending.words()))
        .collect();
    out += &format!("  {} seeds: {}\n", sweep.results().len(), counts.join(", "));
    out += &table(scenario, sweep);
    if let Some(worst) = sweep.failing().next() {
        out += &seed(scenario, "first failing seed", worst);
        out += &others("failing", sweep.failing());
        out += &by_name(sweep);
    } else if let Some(undecided) = sweep.unknown().next() {
        out += &seed(scenario, "first seed that could not be decided", undecided);
        out += &others("undecided", sweep.unknown());
    }
    out
}

fn table(scenario: &Scenario, sweep: &Sweep) -> String {
    if scenario.measures.is_empty() {
        return String::new();
    }
    let heads = ["n", "never", "min", "p5", "median", "p95", "p99", "max"];
    let shown = |duration: Option<Duration>| duration.map_or_else(|| "-".into(), rounded);
    let row = |measure: usize| -> Vec<String> {
        let of = sweep.distribution(measure);
        let range = of.range();
        let mut row = vec![of.count().to_string(), (of.not_reached + of.not_begun).to_string()];
        row.push(shown(range.map(|range| range.0)));
        row.extend([5, 50, 95, 99].map(|hundredths| shown(of.percentile(hundredths))));
        row.push(shown(range.map(|range| range.1)));
        row
    };
    let rows: Vec<(String, Vec<String>)> = scenario
        .measures
        .iter()
        .enumerate()
        .map(|(number, measure)| (escaped(&measure.name).replace('\n', " "), row(number)))
        .collect();
    let names = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).max("measure".len());
    let width = |column: usize| {
        let cells = rows.iter().map(|(_, row)| row[column].chars().count());
        cells.max().unwrap_or(0).max(heads[column].len())
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let line = |name: &str, cells: &[String]| {
        let cells = cells.iter().zip(&widths).map(|(cell, width)| format!("  {cell:>width$}")).collect::<String>();
        format!("  {name:<names$}{cells}\n")
    };
    let mut out = String::from("\n");
    out += &line("measure", &heads.map(str::to_owned));
    rows.iter().for_each(|(name, row)| out += &line(name, row));
    out
}

fn seed(scenario: &Scenario, head: &str, result: &SeedResult) -> String {
    let mut out = format!("\n  {head}: {}\n", result.seed);
    let word = if result.ending == Ending::Unknown { "unknown" } else { "FAILED" };
    for Fault { name, at, explanation } in &result.faults {
        let when = at.map_or_else(String::new, |at| format!(" (at {at})"));
        out += &under(&format!("    {word:<9}"), &format!("{name}{when}"));
        let lines: Vec<&str> = explanation.trim_end().lines().collect();
        let mut short = lines[..lines.len().min(EXPLAINED)].join("\n");
        if lines.len() > EXPLAINED {
            short += &format!("\n.. and {} lines more", lines.len() - EXPLAINED);
        }
        if !short.is_empty() {
            out += &under("             ", &short);
        }
    }
    out += &format!("    replay:  {}\n", escaped(&replay(scenario, result.seed)));
    out
}

fn others<'a>(word: &str, results: impl Iterator<Item = &'a SeedResult>) -> String {
    let seeds: Vec<String> = results.map(|result| result.seed.to_string()).skip(1).collect();
    match seeds.len() {
        0 => String::new(),
        n if n > NAMED => format!("  {word} too: {} and {} more\n", seeds[..NAMED].join(", "), n - NAMED),
        _ => format!("  {word} too: {}\n", seeds.join(", ")),
    }
}

/// How many seeds each expectation failed in; nothing where there is one only.
fn by_name(sweep: &Sweep) -> String {
    let counts = fault_counts(sweep);
    if counts.values().map(|(count, _)| count).sum::<u64>() <= 1 {
        return String::new();
    }
    let mut out = String::new();
    for (name, (count, first)) in counts {
        out += &under("  ", &format!("{count} seeds, {first} the first: {name}"));
    }
    out
}

/// By name: in how many seeds, and in which first.
fn fault_counts(sweep: &Sweep) -> BTreeMap<&str, (u64, u64)> {
    let mut counts: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for result in sweep.failing() {
        for fault in &result.faults {
            counts.entry(&fault.name).or_insert((0, result.seed)).0 += 1;
        }
    }
    counts
}

/// The sweep for machines: one object on one line.
pub fn json(scenario: &Scenario, asked: Asked, sweep: &Sweep) -> Value {
    let verdicts: Map<String, Value> =
        Ending::ALL.into_iter().map(|ending| (ending.words().to_owned(), json!(sweep.count(ending)))).collect();
    let told = |result: &SeedResult| {
        let fault = |fault: &Fault| {
            json!({
                "name": fault.name, "at": fault.at.map(|at| at.nanos()), "explanation": fault.explanation,
            })
        };
        json!({
            "seed": result.seed,
            "verdict": result.ending.words(),
            "faults": result.faults.iter().map(fault).collect::<Vec<_>>(),
            "replay": replay(scenario, result.seed),
        })
    };
    let failures: Vec<Value> = fault_counts(sweep)
        .into_iter()
        .map(|(name, (count, first))| json!({"name": name, "seeds": count, "first": first}))
        .collect();
    let measures: Vec<Value> =
        scenario.measures.iter().enumerate().map(|(number, measure)| measured(&measure.name, number, sweep)).collect();
    let seeds: Vec<Value> =
        sweep.results().iter().map(|result| json!([result.seed, result.ending.words(), result.fingerprint])).collect();
    json!({
        "format": FORMAT,
        "scenario": scenario.name,
        "file": scenario.path,
        "first_seed": asked.seeds.first,
        "last_seed": asked.seeds.last,
        "shard": asked.shard.map(|shard| format!("{}/{}", shard.index, shard.count)),
        "runs": sweep.results().len(),
        "verdicts": verdicts,
        "first_failing": sweep.failing().next().map(told),
        "failing": sweep.failing().map(|result| result.seed).collect::<Vec<_>>(),
        "first_unknown": sweep.unknown().next().map(told),
        "unknown": sweep.unknown().map(|result| result.seed).collect::<Vec<_>>(),
        "failures": failures,
        "measures": measures,
        "seeds": seeds,
    })
}

fn measured(name: &str, number: usize, sweep: &Sweep) -> Value {
    let of: Distribution = sweep.distribution(number);
    let nanos = |duration: Option<Duration>| duration.map(Duration::as_nanos);
    let mut quantiles = Map::new();
    quantiles.insert("min".into(), json!(nanos(of.range().map(|range| range.0))));
    for (name, hundredths) in QUANTILES {
        quantiles.insert(name.into(), json!(nanos(of.percentile(hundredths))));
    }
    quantiles.insert("max".into(), json!(nanos(of.range().map(|range| range.1))));
    let value = |result: &SeedResult| {
        let measured = result.measured.get(number)?;
        Some(json!([result.seed, nanos(measured.took())]))
    };
    json!({
        "name": name,
        "n": of.count(),
        "not_reached": of.not_reached,
        "not_begun": of.not_begun,
        "quantiles": quantiles,
        "values": sweep.results().iter().filter_map(value).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests;
