//! How far chance reaches: of each varying form, which of the recorded values our seeds come to, which of ours was never
//! recorded, and whether ten runs and so many seeds may differ so by chance alone.

use super::read::{Recording, entries};
use super::replay::Seen;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Values by how often they came.
type Counts = BTreeMap<String, u64>;

/// What came of the seeds so far, by checkpoint and form.
#[derive(Debug, Default)]
pub struct Reach {
    seeds: u64,
    forms: BTreeMap<(String, &'static str), Counts>,
}

/// The two sides of one form: a varying one, or an invariant that is none here.
struct Form<'a> {
    invariant: bool,
    label: &'a str,
    form: &'a str,
    recorded: Counts,
    ours: &'a Counts,
}

impl Reach {
    /// Another replay.
    pub fn hear(&mut self, seen: &Seen) {
        self.seeds += 1;
        for (label, forms) in &seen.checkpoints {
            for (form, value) in forms {
                let counts = self.forms.entry((label.clone(), form)).or_default();
                *counts.entry(canonical(value)).or_default() += 1;
            }
        }
    }

    fn forms<'a>(&'a self, recording: &Recording) -> Vec<Form<'a>> {
        let varies = |label: &str, form: &str| -> Option<Counts> {
            let list = recording.varying[label].get(form)?.as_array()?;
            let counted = |entry: &Value| (canonical(&entry["value"]), entry["runs"].as_u64().unwrap_or_default());
            Some(list.iter().map(counted).collect())
        };
        let always = |label: &str, form: &str, ours: &Counts| -> Option<Counts> {
            let value = canonical(recording.invariants[label].get(form)?);
            (ours.len() > 1 || !ours.contains_key(&value)).then(|| [(value, 10)].into())
        };
        let both = |((label, form), ours): (&'a (String, &'static str), &'a Counts)| {
            let varying = varies(label, form);
            let invariant = varying.is_none();
            let recorded = varying.or_else(|| always(label, form, ours))?;
            Some(Form { invariant, label, form, recorded, ours })
        };
        self.forms.iter().filter_map(both).collect()
    }

    /// A line for each varying form, and below it what chance does not explain.
    pub fn tell(&self, recording: &Recording, out: &mut String) {
        let forms = self.forms(recording);
        if forms.is_empty() {
            return;
        }
        writeln!(out, "{}", recording.name).expect("a string takes all");
        for form in forms {
            let reached = form.recorded.keys().filter(|value| form.ours.contains_key(*value)).count();
            let new: u64 =
                form.ours.iter().filter(|(value, _)| !form.recorded.contains_key(*value)).map(|(_, n)| n).sum();
            let once = form.ours.values().filter(|&&count| count == 1).count() as u64;
            writeln!(
                out,
                "  {}: {}{}: reached {reached} of {} recorded; ours {}, never recorded in {} %, new with every {}",
                form.label,
                form.form,
                if form.invariant { " (the same in all ten runs)" } else { "" },
                form.recorded.len(),
                form.ours.len(),
                new * 100 / self.seeds,
                if once == 0 { "- seed".to_owned() } else { format!("{}. seed", self.seeds.div_ceil(once)) },
            )
            .expect("a string takes all");
            self.beyond_chance(&form, out);
        }
    }

    /// Values that came so much more often on one side that chance would do it less than once in five hundred forms.
    fn beyond_chance(&self, form: &Form<'_>, out: &mut String) {
        const RARE: f64 = 0.002;
        let values: std::collections::BTreeSet<_> = form.recorded.keys().chain(form.ours.keys()).collect();
        for value in values {
            let runs = form.recorded.get(value).copied().unwrap_or_default();
            let times = form.ours.get(value).copied().unwrap_or_default();
            let share = (times as f64 + 0.5) / (self.seeds as f64 + 1.0);
            if at_least(runs, share) < RARE || 1.0 - at_least(runs + 1, share) < RARE {
                writeln!(out, "    recorded {runs} of 10, ours {times} of {}: {value}", self.seeds)
                    .expect("a string takes all");
            }
        }
    }
}

/// The same text for the same value: keys in their order.
fn canonical(value: &Value) -> String {
    let mut value = value.clone();
    value.sort_all_objects();
    value.to_string()
}

/// How likely something that comes in this share of all runs comes at least so often in ten.
fn at_least(runs: u64, share: f64) -> f64 {
    let chance = |k: u64| -> f64 {
        let ways: f64 = (0..k).map(|i| (10 - i) as f64 / (i + 1) as f64).product();
        ways * share.powi(k as i32) * (1.0 - share).powi(10 - k as i32)
    };
    (runs..=10).map(chance).sum()
}

/// Recorded and reached values of all recordings.
pub fn totals(recordings: &[Recording], reaches: &[Reach]) -> (usize, usize) {
    let listed = recordings.iter().flat_map(|recording| entries(&recording.varying));
    let listed =
        listed.flat_map(|(_, forms)| entries(forms)).map(|(_, list)| list.as_array().map_or(0, Vec::len)).sum();
    let forms = recordings.iter().zip(reaches).flat_map(|(recording, reach)| reach.forms(recording));
    let forms = forms.filter(|form| !form.invariant);
    let reached = forms.map(|form| form.recorded.keys().filter(|value| form.ours.contains_key(*value)).count()).sum();
    (listed, reached)
}

#[test]
fn ten_runs_of_a_fair_coin() {
    let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-9, "{found} {expected}");
    close(at_least(0, 0.5), 1.0);
    close(at_least(10, 0.5), 1.0 / 1024.0);
    close(at_least(9, 0.5), 11.0 / 1024.0);
    close(at_least(11, 0.5), 0.0);
}
