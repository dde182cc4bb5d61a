//! Random faults, `[chaos]`: how often, of which kinds, against which hosts, and how long each lasts.
//!
//! It reads and checks the section. What is drawn from it ([`plan`]) is a list of lines of the lab with their times, the
//! same for the same seed whatever the cluster does meanwhile: they are typed as those of a step are, so the story tells
//! them, a recording holds them, and a replay needs no chance. A new kind is a row of [`KINDS`]. It follows the house plan §7.

mod kinds;
mod plan;

use super::limits::MAX_FAULTS;
use super::problem::Problem;
use super::read::{File, Table};
use super::{Cluster, HostRole, expect};
use crate::engine::Duration;
use crate::observe::nearest;

pub use kinds::{KINDS, Kind};
pub use plan::{Typed, plan};

/// The section, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Chaos {
    /// No fault before this.
    pub from: Duration,
    /// At this moment whatever is still broken is mended.
    pub until: Duration,
    /// Between two faults: half of it to one and a half times it, evenly.
    pub every: Duration,
    /// Until a fault is mended: half of it to one and a half times it, evenly.
    pub lasts: Duration,
    /// Which kinds, by their words in [`KINDS`].
    pub faults: Vec<&'static str>,
    /// Which hosts may be hurt, by name, in the cluster's order.
    pub targets: Vec<String>,
    /// How many hosts may be hurt at once.
    pub at_most: usize,
}

/// Reads `[chaos]`.
pub(super) fn read(file: &File, top: &Table, cluster: Option<&Cluster>, duration: Duration) -> Option<Chaos> {
    let table = top.table("chaos")?;
    let from = expect::moment(file, &table, "from", duration).map_or(Duration::ZERO, |(from, _)| from);
    let until = expect::moment(file, &table, "until", duration);
    if let Some((until, span)) = until
        && until <= from
    {
        let message = format!("`until` is {until}, and faults begin at {from}");
        file.problem(Problem::new(span, message).label("too early"));
    }
    let until = until.map_or(duration, |(until, _)| until);
    let positive = |key: &'static str, default: Duration| match table.duration(key) {
        Some((Duration::ZERO, span)) => {
            let problem = Problem::new(span, format!("`{key}` is no time at all")).label("expected a duration");
            file.problem(problem.help(format!("write {key} = \"30s\"")));
            default
        }
        given => given.map_or(default, |(given, _)| given),
    };
    let every = positive("every", Duration::from_secs(30));
    let lasts = positive("lasts", Duration::from_secs(30));
    let most = (until - from).as_nanos() / (every / 2).as_nanos().max(1);
    if duration < Duration::MAX && most > MAX_FAULTS {
        let message = format!("up to {most} faults between {from} and {until}; at most {MAX_FAULTS} are brought");
        file.problem(Problem::new(table.span_of("every"), message).label("too often").help("make `every` longer"));
    }
    let targets = targets(file, &table, cluster);
    let at_most = table.number("at_most", 1, 1_000).and_then(|most| usize::try_from(most).ok()).unwrap_or(1);
    // Without targets there is something else to say.
    if at_most > targets.len() && !targets.is_empty() {
        let hosts = if targets.len() == 1 { "only 1 host" } else { &format!("{} hosts", targets.len()) };
        let message = format!("`at_most` is {at_most}, and `targets` has {hosts} to be hurt");
        let problem = Problem::new(table.span_of("at_most"), message).label("more than there are");
        let expected = if targets.len() == 1 { "1" } else { &format!("a number from 1 to {}", targets.len()) };
        file.problem(problem.help(format!("write {expected}, or name more targets")));
    }
    let faults = faults(file, &table);
    table.done();
    Some(Chaos { from, until, every, lasts, faults, targets, at_most })
}

fn faults(file: &File, table: &Table) -> Vec<&'static str> {
    let written = table.list_of_texts("faults");
    if !table.has("faults") {
        return KINDS.iter().map(|kind| kind.word).collect();
    }
    if written.is_empty() {
        let problem = Problem::new(table.span_of("faults"), "no kind of fault").label("empty");
        file.problem(problem.help("leave `faults` out for every kind, or the whole of [chaos] for none"));
    }
    let mut faults = Vec::new();
    for text in written {
        match KINDS.iter().find(|kind| kind.word == text.text) {
            Some(kind) => faults.push(kind.word),
            None => {
                let words = KINDS.iter().map(|kind| kind.word);
                let problem = Problem::new(text.span, format!("{:?} is no kind of fault", text.text));
                file.problem(problem.label("not known").help(match nearest(&text.text, words.clone()) {
                    Some(near) => format!("did you mean {near:?}?"),
                    None => format!("the kinds are {}", words.collect::<Vec<_>>().join(", ")),
                }));
            }
        }
    }
    faults
}

fn targets(file: &File, table: &Table, cluster: Option<&Cluster>) -> Vec<String> {
    let hosts = cluster.map_or(&[][..], |cluster| &cluster.hosts);
    let of = |wanted: &dyn Fn(HostRole) -> bool| -> Vec<String> {
        hosts.iter().filter(|host| wanted(host.role)).map(|host| host.name.clone()).collect()
    };
    let written = table.list_of_texts("targets");
    let mut targets: Vec<String> = Vec::new();
    if written.is_empty() && table.has("targets") {
        let problem = Problem::new(table.span_of("targets"), "`targets` names nobody to be hurt").label("empty");
        file.problem(problem.help("write \"managers\", \"workers\", \"all\", or a list of hosts"));
    }
    for text in &written {
        let more = match text.text.as_str() {
            "all" => of(&|_| true),
            "managers" => of(&|role| role == HostRole::Manager),
            "workers" => of(&|role| role == HostRole::Worker),
            name if cluster.is_none() || hosts.iter().any(|host| host.name == name) => vec![name.to_owned()],
            name => {
                let words = hosts.iter().map(|host| host.name.as_str()).chain(["all", "managers", "workers"]);
                let problem = Problem::new(text.span, format!("there is no host `{name}`")).label("not known");
                file.problem(match nearest(name, words) {
                    Some(near) => problem.help(format!("did you mean `{near}`?")),
                    None => problem.help("write \"managers\", \"workers\", \"all\", or a list of hosts"),
                });
                continue;
            }
        };
        if more.is_empty() {
            let problem = Problem::new(text.span, format!("the cluster has no {}", text.text)).label("nobody to hurt");
            file.problem(problem);
        }
        targets.extend(more);
    }
    if !table.has("targets") {
        targets = of(&|_| true);
    }
    // In the cluster's order, each once: what is written in another order is the same chaos.
    hosts.iter().map(|host| host.name.clone()).filter(|name| targets.contains(name)).collect()
}

#[cfg(test)]
mod tests;
