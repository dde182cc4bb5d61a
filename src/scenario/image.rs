//! How containers of an image behave: the catalogue that is built in, and the images of a scenario.
//!
//! An image that nobody describes behaves like a well-made web server. No real image is ever looked at. It follows the house
//! plan §7.

use std::collections::BTreeMap;

use super::MAX_IMAGES;
use super::problem::{Problem, ScenarioErrors};
use super::read::{File, Table};
use crate::engine::Duration;

/// How containers of one image behave.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageBehaviour {
    /// How long a pull takes on a host that lacks it.
    pub pull: Duration,
    /// How long a container takes from its start to its first answer.
    pub start: Duration,
    /// How long it takes to end when asked to.
    pub stop: Duration,
    /// The ports it listens on.
    pub listen: Vec<u16>,
    /// It ends by itself.
    pub exits: Option<ImageExit>,
    /// The registry does not have it.
    pub missing: bool,
    /// It runs but never answers.
    pub never_ready: bool,
    /// It does not end when asked to; the daemon kills it after its patience.
    pub ignores_sigterm: bool,
    /// What it writes to its log when it starts. `{time}` is the host's time of day, `{hostname}` its own name.
    pub log: Vec<String>,
    /// It writes the same again each so often.
    pub log_every: Option<Duration>,
}

/// How a container ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageExit {
    /// Its exit status.
    pub code: u8,
    /// How long after its start.
    pub after: Duration,
}

impl Default for ImageBehaviour {
    /// A well-made web server.
    fn default() -> Self {
        Self {
            pull: Duration::from_secs(2),
            start: Duration::from_millis(300),
            stop: Duration::from_millis(200),
            listen: vec![80],
            exits: None,
            missing: false,
            never_ready: false,
            ignores_sigterm: false,
            log: Vec::new(),
            log_every: None,
        }
    }
}

/// Images by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalogue {
    images: BTreeMap<String, ImageBehaviour>,
    unknown: ImageBehaviour,
}

impl Catalogue {
    /// The catalogue that is built in.
    pub fn builtin() -> Self {
        let text = include_str!("../swarm/daemon/catalogue.toml");
        // A test reads it, so that it cannot be wrong here.
        Self::parse("catalogue.toml", text).unwrap_or_default()
    }

    /// Reads a catalogue: a file of `[images."NAME"]` tables.
    pub fn parse(path: &str, text: &str) -> Result<Self, ScenarioErrors> {
        let file = File::new(text);
        let table = file.table();
        let top = Table::new(&file, table.get_ref(), (0, 0), "the file");
        let images = read(&file, &top);
        top.done();
        match file.into_problems() {
            problems if problems.is_empty() => Ok(Self { images, unknown: ImageBehaviour::default() }),
            problems => Err(ScenarioErrors::new(path, text, problems)),
        }
    }

    /// Adds images; those of the same name are replaced.
    pub fn extend(&mut self, images: &BTreeMap<String, ImageBehaviour>) {
        self.images.extend(images.iter().map(|(name, behaviour)| (name.clone(), behaviour.clone())));
    }

    /// The names it describes, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.images.keys().map(String::as_str)
    }

    /// How an image behaves: by its name with its tag, else by its name alone, else as a well-made web server.
    ///
    /// ```
    /// use swarmlab::scenario::Catalogue;
    ///
    /// let catalogue = Catalogue::builtin();
    /// assert!(catalogue.behaviour("diamol/ch12-timecheck:1.0").ignores_sigterm);
    /// assert_eq!(catalogue.behaviour("docker.io/library/redis:7").listen, [6379]);
    /// assert_eq!(catalogue.behaviour("my/own:3"), &Default::default());
    /// ```
    pub fn behaviour(&self, image: &str) -> &ImageBehaviour {
        let image = image.split('@').next().unwrap_or(image);
        let image = image.strip_prefix("docker.io/").unwrap_or(image);
        let image = image.strip_prefix("library/").unwrap_or(image);
        let name = match image.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => name,
            _ => image,
        };
        let tagged = if name == image { format!("{name}:latest") } else { image.to_string() };
        self.images.get(&tagged).or_else(|| self.images.get(name)).unwrap_or(&self.unknown)
    }
}

/// Reads the `[images."NAME"]` tables of a file.
pub(super) fn read(file: &File, top: &Table) -> BTreeMap<String, ImageBehaviour> {
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
                images.insert(name, behaviour(file, table));
            }
            None => file.problem(Problem::new(at, format!("`{name}` is written [images.{name:?}]")).label("a table")),
        }
    }
    images
}

fn behaviour(file: &File, table: Table) -> ImageBehaviour {
    let mut image = ImageBehaviour::default();
    let set = |key, field: &mut Duration| {
        if let Some((duration, _)) = table.duration(key) {
            *field = duration;
        }
    };
    set("pull", &mut image.pull);
    set("start", &mut image.start);
    set("stop", &mut image.stop);
    if let Some(ports) = table.list_of_numbers("listen", 1, 65_535) {
        image.listen = ports.into_iter().filter_map(|port| u16::try_from(port).ok()).collect();
    }
    let (mut code, mut after) = (None, None);
    if let Some(exits) = table.table("exits") {
        code = exits.number("code", 0, 255);
        after = exits.duration("after");
        if code.is_none() && !exits.has("code") {
            exits.missing("code", "exits = { code = 1, after = \"3s\" }");
        }
        exits.done();
    }
    // The same as two keys of their own.
    code = code.or(table.number("exit_code", 0, 255));
    after = after.or(table.duration("crash_after"));
    if code.is_some() || after.is_some() {
        image.exits = Some(ImageExit {
            code: code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1),
            after: after.map_or(Duration::ZERO, |(after, _)| after),
        });
    }
    image.missing = table.bool("missing").unwrap_or(false);
    image.never_ready = table.bool("never_ready").unwrap_or(false);
    image.ignores_sigterm = table.bool("ignores_sigterm").unwrap_or(false);
    image.log = table.list_of_texts("log").into_iter().map(|line| line.text).collect();
    if let Some((every, at)) = table.duration("log_every") {
        if every < Duration::from_millis(100) {
            let message = format!("`log_every` is {every}; at most ten lines a second are kept");
            file.problem(Problem::new(at, message).label("too often").help("write \"100ms\" or more"));
        }
        image.log_every = Some(every);
    }
    table.done();
    image
}
