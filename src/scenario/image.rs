//! How containers of an image behave: the catalogue that is built in, and the images of a scenario.
//!
//! An image that nobody describes behaves like a well-made web server. No real image is ever looked at. It follows the house
//! plan §7.

use super::cluster::{Cluster, bytes};
use super::problem::{Problem, ScenarioErrors};
use super::read::{File, Table};
use super::text::Placed;
use super::{MAX_IMAGES, check};
use crate::engine::Duration;
use crate::swarm::api::HealthConfig;
use crate::swarm::daemon::image::{Catalogue, Hosts, ImageBehaviour, ImageExit};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The catalogue that is built in.
///
/// ```
/// use swarmlab::scenario::built_in_images;
///
/// let catalogue = built_in_images();
/// assert_eq!(catalogue.behaviour("diamol/ch12-timecheck:1.0").stop, None);
/// assert_eq!(catalogue.behaviour("docker.io/library/redis:7").listen, [6379]);
/// assert_eq!(*catalogue.behaviour("my/own:3"), Default::default());
/// ```
pub fn built_in_images() -> Catalogue {
    let text = include_str!("../swarm/daemon/catalogue.toml");
    // A test reads it, so that it cannot be wrong here.
    parse_images("catalogue.toml", text).unwrap_or_default()
}

/// Reads a catalogue: a file of `[images."NAME"]` tables.
pub fn parse_images(path: &str, text: &str) -> Result<Catalogue, ScenarioErrors> {
    let file = File::new(text);
    let table = file.table();
    let top = Table::new(&file, table.get_ref(), (0, 0), "the file");
    let images = read(&file, &top, None);
    top.done();
    match file.into_problems() {
        problems if problems.is_empty() => {
            let mut catalogue = Catalogue::default();
            for (name, behaviour) in images {
                catalogue.add(&name, behaviour);
            }
            Ok(catalogue)
        }
        problems => Err(ScenarioErrors::new(path, text, problems)),
    }
}

/// Reads the `[images."NAME"]` tables of a file. The hosts that they name must be the cluster's, where there is one.
pub(super) fn read(file: &File, top: &Table, cluster: Option<&Cluster>) -> BTreeMap<String, ImageBehaviour> {
    let mut images = BTreeMap::new();
    for (name, at, value) in top.entries("images") {
        if images.len() >= MAX_IMAGES {
            file.problem(
                Problem::new(at, format!("more than {MAX_IMAGES} images are described")).label("one too many"),
            );
            break;
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
        if name.is_empty() || !name.chars().all(plain) {
            file.problem(
                Problem::new(at, format!("{name:?} is not an image's name")).label("expected NAME or NAME:TAG"),
            );
        }
        match value.get_ref().as_table() {
            Some(table) => {
                let table = Table::new(file, table, at, format!("[images.{name:?}]"));
                images.insert(name, behaviour(file, table, cluster));
            }
            None => file.problem(Problem::new(at, format!("`{name}` is written [images.{name:?}]")).label("a table")),
        }
    }
    images
}

fn behaviour(file: &File, table: Table, cluster: Option<&Cluster>) -> ImageBehaviour {
    let mut image = ImageBehaviour::default();
    let set = |key, field: &mut Duration| {
        if let Some((duration, _)) = table.duration(key) {
            *field = duration;
        }
    };
    set("pull", &mut image.pull);
    set("start", &mut image.start);
    let mut stop = image.stop.unwrap_or_default();
    set("stop", &mut stop);
    image.stop = (!table.bool("ignores_sigterm").unwrap_or(false)).then_some(stop);
    image.stop_code = code(table.number("stop_code", 0, 255)).unwrap_or(0);
    if let Some(ports) = table.list_of_numbers("listen", 1, 65_535) {
        image.listen = ports.into_iter().filter_map(|port| u16::try_from(port).ok()).collect();
    }
    image.exit = exit(&table);
    image.missing = table.bool("missing").unwrap_or(false);
    image.needs_login = table.bool("needs_login").unwrap_or(false);
    if table.has("preloaded") {
        image.preloaded = named_hosts(file, table.list_of_texts("preloaded"), cluster);
    }
    if table.has("reachable_from") {
        image.reachable_from = named_hosts(file, table.list_of_texts("reachable_from"), cluster);
    }
    image.never_ready = table.bool("never_ready").unwrap_or(false);
    image.healthcheck = table.table("healthcheck").map(|table| healthcheck(file, table));
    set("healthy_after", &mut image.healthy_after);
    image.unhealthy_after = table.duration("unhealthy_after").map(|(after, _)| after);
    image.never_healthy = table.bool("never_healthy").unwrap_or(false);
    set("probe", &mut image.probe);
    image.memory = size(file, &table, "memory");
    image.memory_growth = size(file, &table, "memory_growth");
    image.lacks = table.list_of_texts("lacks").into_iter().map(|program| program.text.into()).collect();
    if let Some(command) = table.text("command") {
        image.command = command.text.into();
    }
    image.log = table.list_of_texts("log").into_iter().map(|line| line.text.into()).collect();
    image.log_errors = table.list_of_texts("log_errors").into_iter().map(|line| line.text.into()).collect();
    if let Some((every, at)) = table.duration("log_every") {
        if every < Duration::from_millis(100) {
            let message = format!("`log_every` is {every}; at most ten lines a second are kept");
            file.problem(Problem::new(at, message).label("too often").help("write \"100ms\" or more"));
        }
        image.log_every = image.log.last().map(|line: &Arc<str>| (every, line.clone()));
    }
    table.done();
    image
}

fn code(number: Option<i64>) -> Option<i32> {
    number.and_then(|number| i32::try_from(number).ok())
}

/// `exits = { code = 1, after = "3s" }`, or the same as two keys of their own.
fn exit(table: &Table) -> Option<ImageExit> {
    let (mut status, mut after) = (None, None);
    if let Some(exits) = table.table("exits") {
        status = exits.number("code", 0, 255);
        after = exits.duration("after");
        if status.is_none() && !exits.has("code") {
            exits.missing("code", "exits = { code = 1, after = \"3s\" }");
        }
        exits.done();
    }
    status = status.or(table.number("exit_code", 0, 255));
    after = after.or(table.duration("crash_after"));
    (status.is_some() || after.is_some())
        .then(|| ImageExit { code: code(status).unwrap_or(1), after: after.map_or(Duration::ZERO, |(after, _)| after) })
}

/// `healthcheck = { test = "curl -f http://localhost/", interval = "10s", .. }`: what is left out is the engine's default.
fn healthcheck(file: &File, table: Table) -> HealthConfig {
    let span = |key| {
        let Some((span, at)) = table.duration(key) else { return 0 };
        if span < Duration::from_millis(1) {
            let message = format!("`{key}` is {span}; the engine takes no less than 1ms");
            file.problem(Problem::new(at, message).label("too short").help("leave it out for the engine's default"));
        }
        span.as_nanos()
    };
    let config = HealthConfig {
        test: vec![
            "CMD-SHELL".into(),
            table.text("test").map_or_else(|| "curl -f http://localhost/ || exit 1".into(), |test| test.text),
        ],
        interval: span("interval"),
        timeout: span("timeout"),
        start_period: span("start_period"),
        start_interval: span("start_interval"),
        retries: table.number("retries", 1, 1_000).unwrap_or(0),
    };
    table.done();
    config
}

/// `"64MiB"`
fn size(file: &File, table: &Table, key: &'static str) -> i64 {
    let Some(text) = table.text(key) else { return 0 };
    bytes(&text.text).unwrap_or_else(|| {
        let problem = Problem::new(text.span, format!("`{key}` is {:?}, which is not a size", text.text));
        file.problem(problem.label("expected a size").help(format!("write {key} = \"64MiB\"")));
        0
    })
}

/// `["m1", "w1"]`, `"all"` or `"none"`.
fn named_hosts(file: &File, names: Vec<Placed>, cluster: Option<&Cluster>) -> Hosts {
    match names.as_slice() {
        [one] if one.text == "all" => return Hosts::All,
        [one] if one.text == "none" => return Hosts::None,
        _ => {}
    }
    for name in &names {
        if let Some(cluster) = cluster.filter(|cluster| cluster.host(&name.text).is_none()) {
            file.problem(check::unknown_host(&cluster.hosts, &name.text, name.span));
        }
    }
    Hosts::Named(names.into_iter().map(|name| name.text.into()).collect())
}
