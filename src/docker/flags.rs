//! Flags as Go's pflag reads them: long and short forms, grouped booleans, and the errors for what is wrong.
//!
//! cli.md §2 (last paragraph), §3.2, §14. The kinds of values are here; which flags a command has stands in `table`.

use super::{format, mount, port, value};
use crate::swarm::api::{Filters, Labels, Mount, PlacementPreference, PortConfig};
use std::collections::BTreeMap;

/// What a flag takes. The name that help shows and the reader of values hang on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the type of the values")]
pub enum Kind {
    Bool,
    Text,
    Uint,
    Uint32,
    Int,
    Float,
    Duration,
    /// A duration that may not be negative.
    Health,
    Cpus,
    Bytes,
    Swap,
    List,
    EnvList,
    LabelList,
    DnsList,
    DomainList,
    HostList,
    Filter,
    Port,
    Mount,
    Network,
    Secret,
    Config,
    Preference,
    Words,
    /// A list of which one value may hold several, with commas between them.
    Strings,
    Ulimit,
    GenericResource,
    CredentialSpec,
    Networks,
    NodeAddress,
    ExternalCa,
    PemFile,
}

impl Kind {
    /// The word that help shows behind the flag.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Bool => "",
            Kind::Text => "string",
            Kind::Uint => "uint",
            Kind::Uint32 => "uint32",
            Kind::Int => "int",
            Kind::Float => "float",
            Kind::Duration | Kind::Health => "duration",
            Kind::Cpus => "decimal",
            Kind::Bytes | Kind::Swap => "bytes",
            Kind::List
            | Kind::GenericResource
            | Kind::EnvList
            | Kind::LabelList
            | Kind::DnsList
            | Kind::DomainList
            | Kind::HostList => "list",
            Kind::Filter => "filter",
            Kind::Port => "port",
            Kind::Mount => "mount",
            Kind::Network => "network",
            Kind::Secret => "secret",
            Kind::Config => "config",
            Kind::Preference => "pref",
            Kind::Words => "command",
            Kind::Strings => "strings",
            Kind::Ulimit => "ulimit",
            Kind::CredentialSpec => "credential-spec",
            Kind::Networks => "ipNetSlice",
            Kind::NodeAddress => "node-addr",
            Kind::ExternalCa => "external-ca",
            Kind::PemFile => "pem-file",
        }
    }

    /// Whether a value can be used; the error is what Docker says of it.
    fn check(self, text: &str) -> Result<(), String> {
        match self {
            Kind::Bool => value::boolean(text).map(drop),
            Kind::Text | Kind::List | Kind::Strings | Kind::PemFile => Ok(()),
            Kind::NodeAddress => value::node_address(text).map(drop),
            Kind::ExternalCa => value::external_ca(text).map(drop),
            Kind::Uint => value::unsigned(text, 64).map(drop),
            Kind::Uint32 => value::unsigned(text, 32).map(drop),
            Kind::Int => value::signed(text).map(drop),
            Kind::Float => value::float(text).map(drop),
            Kind::Duration => value::duration(text).map(drop),
            Kind::Health => match value::duration(text)? {
                nanos if nanos < 0 => Err("duration cannot be negative".into()),
                _ => Ok(()),
            },
            Kind::Cpus => value::cpus(text).map(drop),
            Kind::Bytes => value::bytes(text).map(drop),
            Kind::Swap if text == "-1" => Ok(()),
            Kind::Swap => value::bytes(text).map(drop),
            Kind::EnvList => value::environment(text),
            Kind::LabelList => value::label(text),
            Kind::DnsList => value::ip_address(text),
            Kind::DomainList => value::domain(text),
            Kind::HostList => value::extra_host(text),
            Kind::Filter if text.is_empty() => Ok(()),
            Kind::Filter => value::filter(text).map(drop),
            Kind::Port => port::publish(text).map(drop),
            Kind::Mount => mount::parse(text, "").map(drop),
            Kind::Network => value::network(text),
            Kind::Secret => value::file_reference(text, "secret"),
            Kind::Config => value::file_reference(text, "config"),
            Kind::Preference => value::preference(text).map(drop),
            Kind::Words => value::shell_words(text).map(drop),
            Kind::Ulimit => value::ulimit(text).map(drop),
            Kind::GenericResource if text.contains('=') => Ok(()),
            Kind::GenericResource => Err(format!("invalid generic-resource format `{text}` expected `name=value`")),
            Kind::CredentialSpec
                if text.is_empty() || ["config://", "file://", "registry://"].iter().any(|p| text.starts_with(p)) =>
            {
                Ok(())
            }
            Kind::CredentialSpec => {
                Err(r#"invalid credential spec: value must be prefixed with "config://", "file://", or "registry://""#
                    .into())
            }
            Kind::Networks => text.split(',').try_for_each(|net| {
                let ok = net.split_once('/').is_some_and(|(address, length)| {
                    address.parse::<std::net::IpAddr>().is_ok()
                        && length.parse::<u8>().is_ok_and(|length| length <= 128)
                });
                if ok { Ok(()) } else { Err(format!("invalid string being converted to CIDR: {net}")) }
            }),
        }
    }
}

/// One flag of a command.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    /// After the two dashes.
    pub long: &'static str,
    /// After one dash.
    pub short: Option<char>,
    /// What it takes.
    pub kind: Kind,
    /// The default as help shows it.
    pub default: &'static str,
    /// One sentence, ours.
    pub help: &'static str,
    /// False: the flag is known, its effect is not in the model.
    pub modelled: bool,
}

impl Flag {
    /// A flag without short form and default.
    pub const fn new(long: &'static str, kind: Kind, help: &'static str) -> Flag {
        Flag { long, short: None, kind, default: "", help, modelled: true }
    }

    /// With a short form.
    pub const fn short(self, short: char) -> Flag {
        Flag { short: Some(short), ..self }
    }

    /// With a default for help to show.
    pub const fn default(self, default: &'static str) -> Flag {
        Flag { default, ..self }
    }

    /// Known, but without effect in the model: using it is an error.
    pub const fn unmodelled(self) -> Flag {
        Flag { modelled: false, ..self }
    }

    /// As errors name it: `-p, --publish`.
    fn names(&self) -> String {
        match self.short {
            Some(short) => format!("-{short}, --{}", self.long),
            None => format!("--{}", self.long),
        }
    }
}

/// The flags that were given, in their order, and the positional arguments.
#[derive(Clone, Debug, Default)]
pub struct Parsed {
    given: Vec<(&'static str, String)>,
    /// The positional arguments.
    pub arguments: Vec<String>,
    /// `-h` was used rather than `--help`.
    pub short_help: bool,
}

/// Reads the words behind a command.
pub fn parse(flags: &[Flag], interspersed: bool, words: &[String]) -> Result<Parsed, String> {
    let mut parsed = Parsed::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == "--" {
            parsed.arguments.extend(words.cloned());
            break;
        }
        if let Some(body) = word.strip_prefix("--") {
            let (name, value) = body.split_once('=').map_or((body, None), |(name, value)| (name, Some(value)));
            if name.is_empty() || name.starts_with('-') {
                return Err(format!("bad flag syntax: {word}"));
            }
            let flag = flags.iter().find(|flag| flag.long == name).ok_or(format!("unknown flag: --{name}"))?;
            let value = match value {
                Some(value) => value.to_owned(),
                None if flag.kind == Kind::Bool => "true".into(),
                None => words.next().cloned().ok_or(format!("flag needs an argument: --{name}"))?,
            };
            parsed.set(flag, value)?;
        } else if word.len() > 1 && word.starts_with('-') {
            let mut group = &word[1..];
            while let Some(letter) = group.chars().next() {
                let rest = &group[letter.len_utf8()..];
                let flag = match flags.iter().find(|flag| flag.short == Some(letter)) {
                    Some(flag) => flag,
                    None if letter == 'h' => {
                        parsed.short_help = true;
                        flags
                            .iter()
                            .find(|flag| flag.long == "help")
                            .ok_or(format!("unknown shorthand flag: 'h' in -{group}"))?
                    }
                    None => return Err(format!("unknown shorthand flag: '{letter}' in -{group}")),
                };
                let (value, next) = match rest.strip_prefix('=') {
                    Some(value) => (value.to_owned(), ""),
                    None if flag.kind == Kind::Bool => ("true".into(), rest),
                    None if !rest.is_empty() => (rest.to_owned(), ""),
                    None => {
                        let value = words.next().cloned();
                        (value.ok_or(format!("flag needs an argument: '{letter}' in -{group}"))?, "")
                    }
                };
                parsed.set(flag, value)?;
                group = next;
            }
        } else {
            parsed.arguments.push(word.clone());
            if !interspersed {
                parsed.arguments.extend(words.cloned());
                break;
            }
        }
    }
    Ok(parsed)
}

impl Parsed {
    fn set(&mut self, flag: &Flag, value: String) -> Result<(), String> {
        flag.kind.check(&value).map_err(|error| {
            format!("invalid argument {} for {} flag: {error}", format::quote(&value), format::quote(&flag.names()))
        })?;
        self.given.push((flag.long, value));
        if flag.kind == Kind::Port && self.all(flag.long).map(port::count).sum::<usize>() > port::MOST {
            return Err(format!("swarmlab: {} asks for more than {} ports", format::quote(&flag.names()), port::MOST));
        }
        Ok(())
    }

    /// The names of the flags that were given, in their order.
    pub fn given(&self) -> impl Iterator<Item = &'static str> {
        self.given.iter().map(|(name, _)| *name)
    }

    /// Whether a flag was given (pflag's `Changed`).
    pub fn changed(&self, name: &str) -> bool {
        self.given.iter().any(|(given, _)| *given == name)
    }

    /// Whether any flag with one of these names was given.
    pub fn any_changed(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.changed(name))
    }

    /// All values of a flag, in their order.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.given.iter().filter(move |(given, _)| *given == name).map(|(_, value)| value.as_str())
    }

    /// The last value of a flag.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.all(name).last()
    }

    /// A boolean; false when it was not given.
    pub fn is_set(&self, name: &str) -> bool {
        self.text(name).is_some_and(|text| value::boolean(text).unwrap_or(false))
    }

    /// A boolean, if given.
    pub fn boolean(&self, name: &str) -> Option<bool> {
        self.text(name).and_then(|text| value::boolean(text).ok())
    }

    /// A natural number, if given.
    pub fn unsigned(&self, name: &str) -> Option<u64> {
        self.text(name).and_then(|text| value::unsigned(text, 64).ok())
    }

    /// An integer, if given.
    pub fn signed(&self, name: &str) -> Option<i64> {
        self.text(name).and_then(|text| value::signed(text).ok())
    }

    /// A ratio, if given.
    pub fn float(&self, name: &str) -> Option<f32> {
        self.text(name).and_then(|text| value::float(text).ok())
    }

    /// Nanoseconds, if given.
    pub fn duration(&self, name: &str) -> Option<i64> {
        self.text(name).and_then(|text| value::duration(text).ok())
    }

    /// Billionths of a CPU, if given.
    pub fn cpus(&self, name: &str) -> Option<i64> {
        self.text(name).and_then(|text| value::cpus(text).ok())
    }

    /// Bytes, if given.
    pub fn bytes(&self, name: &str) -> Option<i64> {
        self.text(name).and_then(|text| value::bytes(text).ok())
    }

    /// Bytes or -1, if given.
    pub fn swap(&self, name: &str) -> Option<i64> {
        self.text(name).and_then(|text| if text == "-1" { Some(-1) } else { value::bytes(text).ok() })
    }

    /// Words of a command line, if given.
    pub fn words(&self, name: &str) -> Option<Vec<String>> {
        self.text(name).and_then(|text| value::shell_words(text).ok())
    }

    /// All ports of a `--publish`.
    pub fn ports(&self, name: &str) -> Vec<PortConfig> {
        self.all(name).filter_map(|text| port::publish(text).ok()).flatten().collect()
    }

    /// All placement preferences.
    pub fn preferences(&self, name: &str) -> Vec<PlacementPreference> {
        self.all(name).filter_map(|text| value::preference(text).ok()).collect()
    }

    /// `KEY=VALUE` and `KEY` as a map; later ones win.
    pub fn labels(&self, name: &str) -> Labels {
        self.all(name)
            .map(|text| text.split_once('=').unwrap_or((text, "")))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }

    /// All mounts; a relative path is taken from the folder `directory`.
    pub fn mounts(&self, name: &str, directory: &str) -> Vec<Mount> {
        self.all(name).filter_map(|text| mount::parse(text, directory).ok()).collect()
    }

    /// All values of a list of which one value may hold several.
    pub fn strings(&self, name: &str) -> Vec<String> {
        self.all(name).flat_map(value::csv).collect()
    }

    /// All filters.
    pub fn filters(&self) -> Filters {
        let mut filters: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (key, value) in self.all("filter").filter_map(|text| value::filter(text).ok()) {
            let values = filters.entry(key).or_default();
            if !values.contains(&value) {
                values.push(value);
            }
        }
        Filters(filters)
    }
}
