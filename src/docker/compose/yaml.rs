//! YAML into values, with the refusals of Go's yaml.v3 in its words, and limits that keep a hostile file harmless.
//!
//! The parser is a port of libyaml, as yaml.v3's is: both read the same grammar and fail at the same places with the same
//! words. What yaml.v3 adds is here: merge keys (`<<`), keys that stand twice, aliases that grow without end, and which
//! line an error is said to be on. Keys come in alphabetical order, for Docker's own order is that of a Go map.

use super::scalar;
use libyaml_safer::{ErrorKind, EventData, Parser, ScalarStyle};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A file larger than this is refused unread, in bytes.
pub const LARGEST: usize = 1 << 20;
/// How deep values may be nested. Docker's own limit is 10,000, which no compose file comes near.
const DEEPEST: usize = 100;
/// How many values a file may come to, with all its aliases written out.
const MOST: usize = 200_000;
/// How many bytes of text a file may come to, with all its aliases written out: one long text may stand behind many of them.
pub const LONGEST: usize = 16 << 20;
/// As many keys that stand twice are told.
const TOLD: usize = 20;

/// What a file says.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The top-level mapping.
    pub config: Map<String, Value>,
    /// Somewhere below stands a key that is no text: Docker trips over it when it checks the file.
    pub odd_key: bool,
}

/// Reads a file.
///
/// # Errors
/// As Docker words them, or, where the limits are swarmlab's own, with `swarmlab: `.
pub fn parse(name: &str, bytes: &[u8]) -> Result<Document, String> {
    if bytes.len() > LARGEST {
        return Err(format!("swarmlab: {name} has {} bytes; a compose file may have at most {LARGEST}", bytes.len()));
    }
    let text = octets(bytes).map_err(|problem| format!("yaml: {problem}"))?;
    let nodes = Nodes::compose(name, text)?;
    let mut decoder = Decoder {
        nodes: &nodes,
        name,
        inside: Vec::new(),
        decoded: 0,
        aliased: 0,
        bytes: 0,
        doubles: vec![],
        odd: false,
    };
    let value = match nodes.root {
        Some(root) => decoder.value(root, 0)?,
        None => Value::Null,
    };
    if !decoder.doubles.is_empty() {
        let lines: String = decoder.doubles.iter().map(|line| format!("\n  {line}")).collect();
        return Err(format!("yaml: unmarshal errors:{lines}"));
    }
    match value {
        Value::Object(config) if !nodes.root.is_some_and(|root| nodes.has_odd_key(root)) => {
            Ok(Document { config, odd_key: decoder.odd })
        }
        _ => Err("top-level object must be a mapping".into()),
    }
}

/// The text of a file; what is wrong with its bytes, as libyaml says it.
fn octets(bytes: &[u8]) -> Result<&str, &'static str> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let rest = &bytes[error.valid_up_to()..];
        let wanted = match rest.first() {
            Some(0xc0..=0xdf) => 2,
            Some(0xe0..=0xef) => 3,
            Some(0xf0..=0xf7) => 4,
            _ => return "invalid leading UTF-8 octet",
        };
        match error.error_len() {
            None => "incomplete UTF-8 octet sequence",
            Some(_) if rest.iter().take(wanted).skip(1).any(|byte| byte & 0xc0 != 0x80) => {
                "invalid trailing UTF-8 octet"
            }
            Some(_) => "invalid Unicode character",
        }
    })?;
    let control = |c: char| !matches!(c, '\t' | '\n' | '\r' | '\u{85}' | ' '..='~' | '\u{a0}'..);
    if text.contains(control) { Err("control characters are not allowed") } else { Ok(text) }
}

struct Node {
    /// From 1.
    line: u64,
    content: Content,
}

enum Content {
    Scalar { text: String, value: Value, merge: bool },
    List(Vec<usize>),
    Mapping(Vec<(usize, usize)>),
    Alias { name: String, node: usize },
}

/// The first document of a file as a graph: aliases point back.
struct Nodes {
    all: Vec<Node>,
    root: Option<usize>,
}

impl Nodes {
    fn compose(file: &str, text: &str) -> Result<Nodes, String> {
        let mut input = text.as_bytes();
        let mut parser = Parser::new();
        parser.set_input_string(&mut input);
        let mut nodes = Nodes { all: Vec::new(), root: None };
        let mut anchors: BTreeMap<String, usize> = BTreeMap::new();
        // What is open: a node, and the key that waits for its value.
        let mut open: Vec<(usize, Option<usize>)> = Vec::new();
        loop {
            let event = parser.parse().map_err(|error| failure(&error))?;
            let line = event.start_mark.line + 1;
            let (content, anchor) = match event.data {
                EventData::StreamEnd | EventData::DocumentEnd { .. } => return Ok(nodes),
                EventData::StreamStart { .. } | EventData::DocumentStart { .. } => continue,
                EventData::SequenceEnd | EventData::MappingEnd => {
                    open.pop();
                    continue;
                }
                EventData::Alias { anchor } => match anchors.get(&anchor) {
                    Some(node) => (Content::Alias { name: anchor, node: *node }, None),
                    None => return Err(format!("yaml: unknown anchor '{anchor}' referenced")),
                },
                EventData::Scalar { anchor, tag, value, style, .. } => {
                    (scalar_content(value, style == ScalarStyle::Plain, tag.as_deref()), anchor)
                }
                EventData::SequenceStart { anchor, .. } => (Content::List(Vec::new()), anchor),
                EventData::MappingStart { anchor, .. } => (Content::Mapping(Vec::new()), anchor),
            };
            let opens = matches!(content, Content::List(_) | Content::Mapping(_));
            let node = nodes.all.len();
            nodes.all.push(Node { line, content });
            anchors.extend(anchor.map(|anchor| (anchor, node)));
            nodes.place(node, &mut open);
            if opens {
                open.push((node, None));
            }
            if open.len() > DEEPEST {
                return Err(too_deep(file));
            }
        }
    }

    /// Puts a node into what is open.
    fn place(&mut self, node: usize, open: &mut [(usize, Option<usize>)]) {
        let Some((parent, key)) = open.last_mut() else {
            self.root = Some(node);
            return;
        };
        match (&mut self.all[*parent].content, key.take()) {
            (Content::List(items), _) => items.push(node),
            (Content::Mapping(pairs), Some(key)) => pairs.push((key, node)),
            (_, None) => *key = Some(node),
            (_, Some(_)) => {}
        }
    }

    /// Whether a mapping has a key that is no text.
    fn has_odd_key(&self, node: usize) -> bool {
        let Content::Mapping(pairs) = &self.all[node].content else { return false };
        pairs.iter().any(|(key, _)| match &self.all[*key].content {
            Content::Scalar { value, merge, .. } => !merge && !value.is_string(),
            _ => true,
        })
    }
}

fn scalar_content(text: String, plain: bool, tag: Option<&str>) -> Content {
    let merge = plain && text == "<<";
    let value = match tag {
        None | Some("!") if plain && tag.is_none() => scalar::resolve(&text),
        Some(
            "tag:yaml.org,2002:int" | "tag:yaml.org,2002:float" | "tag:yaml.org,2002:bool" | "tag:yaml.org,2002:null",
        ) => scalar::resolve(&text),
        _ => Value::String(text.clone()),
    };
    Content::Scalar { text, value, merge }
}

/// That a file comes to more than [`LONGEST`].
pub fn too_long(file: &str) -> String {
    format!("swarmlab: {file} comes to more than {LONGEST} bytes of text with its aliases and variables written out")
}

fn too_deep(file: &str) -> String {
    format!("swarmlab: {file} is nested too deeply; a compose file may be {DEEPEST} levels deep at most")
}

/// The words of yaml.v3: the line is that of the construct, if it does not begin on the first, and the scanner counts
/// from one, the parser from zero.
fn failure(error: &libyaml_safer::Error) -> String {
    let lines = [error.context_mark(), error.problem_mark()];
    let line = lines.into_iter().flatten().map(|mark| mark.line).find(|line| *line != 0);
    let line = line.map(|line| line + u64::from(error.kind() == ErrorKind::Scanner));
    let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
    format!("yaml: {place}{}", error.problem())
}

/// Turns nodes into values, aliases written out.
struct Decoder<'a> {
    nodes: &'a Nodes,
    name: &'a str,
    /// The anchors whose aliases are being written out.
    inside: Vec<usize>,
    decoded: usize,
    aliased: usize,
    /// Of text.
    bytes: usize,
    /// Keys that stand twice.
    doubles: Vec<String>,
    odd: bool,
}

impl Decoder<'_> {
    fn value(&mut self, node: usize, depth: usize) -> Result<Value, String> {
        self.count()?;
        if depth > DEEPEST {
            return Err(too_deep(self.name));
        }
        match &self.nodes.all[node].content {
            Content::Scalar { text, value, .. } => {
                self.length(text)?;
                Ok(value.clone())
            }
            Content::List(items) => {
                items.iter().map(|item| self.value(*item, depth + 1)).collect::<Result<_, _>>().map(Value::Array)
            }
            Content::Mapping(pairs) => self.mapping(node, pairs, depth),
            Content::Alias { name, node } => {
                if self.inside.contains(node) {
                    return Err(format!("yaml: anchor '{name}' value contains itself"));
                }
                self.inside.push(*node);
                let value = self.value(*node, depth + 1);
                self.inside.pop();
                value
            }
        }
    }

    /// Counts a value. yaml.v3 lets 99 of 100 come from aliases in a small file, and ever fewer in a large one.
    fn count(&mut self) -> Result<(), String> {
        self.decoded += 1;
        self.aliased += usize::from(!self.inside.is_empty());
        let excessive = self.aliased > 100 && self.decoded > 1000 && self.aliased * 100 > self.decoded * 99;
        if excessive || (self.decoded > MOST && self.aliased > 0) {
            return Err("yaml: document contains excessive aliasing".into());
        }
        if self.decoded > MOST {
            return Err(format!("swarmlab: {} has more than {MOST} values", self.name));
        }
        Ok(())
    }

    /// Counts a text.
    fn length(&mut self, text: &str) -> Result<(), String> {
        self.bytes += text.len();
        if self.bytes > LONGEST { Err(too_long(self.name)) } else { Ok(()) }
    }

    fn mapping(&mut self, node: usize, pairs: &[(usize, usize)], depth: usize) -> Result<Value, String> {
        if self.stands_twice(pairs) {
            return Ok(Value::Null);
        }
        self.odd |= self.nodes.has_odd_key(node);
        let mut map: BTreeMap<String, Value> = BTreeMap::new();
        let mut merged = None;
        for (key, value) in pairs {
            match &self.nodes.all[*key].content {
                Content::Scalar { merge: true, .. } => merged = Some(*value),
                Content::Scalar { text, .. } => {
                    self.length(text)?;
                    let text = text.clone();
                    let value = self.value(*value, depth + 1)?;
                    map.insert(text, value);
                }
                // A key that is a list or a mapping: told when the file is checked.
                _ => self.odd = true,
            }
        }
        if let Some(merged) = merged {
            for source in self.merge_sources(merged)? {
                let Value::Object(source) = self.value(source, depth + 1)? else { return Err(BAD_MERGE.into()) };
                for (key, value) in source {
                    map.entry(key).or_insert(value);
                }
            }
        }
        Ok(Value::Object(map.into_iter().collect()))
    }

    /// Tells the keys that stand more than once; whether there are any.
    fn stands_twice(&mut self, pairs: &[(usize, usize)]) -> bool {
        let before = self.doubles.len();
        let mut first: BTreeMap<&str, u64> = BTreeMap::new();
        for (key, _) in pairs {
            let node = &self.nodes.all[*key];
            let Content::Scalar { text, .. } = &node.content else { continue };
            match first.get(text.as_str()) {
                Some(line) if self.doubles.len() < TOLD => {
                    let key = crate::docker::format::quote(text);
                    self.doubles.push(format!("line {}: mapping key {key} already defined at line {line}", node.line));
                }
                Some(_) => {}
                None => drop(first.insert(text, node.line)),
            }
        }
        self.doubles.len() > before
    }

    /// The mappings of a merge key, the weightiest first.
    fn merge_sources(&self, node: usize) -> Result<Vec<usize>, String> {
        let is_mapping = |node: usize| match &self.nodes.all[node].content {
            Content::Mapping(_) => true,
            Content::Alias { node, .. } => matches!(self.nodes.all[*node].content, Content::Mapping(_)),
            _ => false,
        };
        match &self.nodes.all[node].content {
            Content::List(items) if items.iter().all(|item| is_mapping(*item)) => Ok(items.clone()),
            _ if is_mapping(node) => Ok(vec![node]),
            _ => Err(BAD_MERGE.into()),
        }
    }
}

const BAD_MERGE: &str = "yaml: map merge requires map or sequence of maps as the value";

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(text: &str) -> Value {
        Value::Object(parse("x.yml", text.as_bytes()).expect("it can be read").config)
    }

    fn refused(text: &[u8]) -> String {
        parse("x.yml", text).expect_err("it cannot be read")
    }

    #[test]
    fn anchors_and_merge_keys_are_written_out() {
        let text = "base: &base {a: 1, b: 2}\nother: &other {b: 3, c: 4}\nx:\n  <<: *base\n  b: 9\ny:\n  <<: [*base, *other]\n";
        let value = read(text);
        assert_eq!(value["x"], json!({"a": 1, "b": 9}));
        assert_eq!(value["y"], json!({"a": 1, "b": 2, "c": 4}));
        assert_eq!(refused(b"a: 1\nb:\n  <<: 3\n"), BAD_MERGE);
    }

    #[test]
    fn errors_are_those_of_yaml_v3() {
        for (text, error) in [
            ("version: \"3.7\"\nservices:\n  a:\n    image: [\n", "yaml: line 4: did not find expected node content"),
            ("a:\n\tb: 1\n", "yaml: line 2: found character that cannot start any token"),
            ("a: b: c\n", "yaml: mapping values are not allowed in this context"),
            ("a: 1\n b: 2\n", "yaml: line 2: mapping values are not allowed in this context"),
            ("a: *x\n", "yaml: unknown anchor 'x' referenced"),
            ("a: &a\n  b: *a\n", "yaml: anchor 'a' value contains itself"),
            (
                "a: 1\nb:\n  c: 1\n  c: 2\n",
                "yaml: unmarshal errors:\n  line 4: mapping key \"c\" already defined at line 3",
            ),
            ("", "top-level object must be a mapping"),
            ("- a\n", "top-level object must be a mapping"),
            ("1: a\n", "top-level object must be a mapping"),
            ("a: \u{1}\n", "yaml: control characters are not allowed"),
        ] {
            assert_eq!(refused(text.as_bytes()), error, "{text}");
        }
        assert_eq!(refused(b"a: \xff\n"), "yaml: invalid leading UTF-8 octet");
        assert_eq!(refused(b"a: \xc3\n"), "yaml: invalid trailing UTF-8 octet");
        assert_eq!(refused(b"a: \xe2\x82"), "yaml: incomplete UTF-8 octet sequence");
    }

    #[test]
    fn keys_that_are_no_texts_are_noted() {
        assert!(parse("x.yml", b"a:\n  1: b\n").unwrap().odd_key);
        assert!(!parse("x.yml", b"a:\n  on: b\n").unwrap().odd_key);
    }

    #[test]
    fn a_bomb_of_aliases_is_refused() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for level in 1..30 {
            let alias = format!("*a{}", level - 1);
            text += &format!("a{level}: &a{level} [{}]\n", [alias.as_str(); 9].join(", "));
        }
        assert_eq!(refused(text.as_bytes()), "yaml: document contains excessive aliasing");
    }

    #[test]
    fn a_bomb_of_long_texts_is_refused() {
        let text = format!("a: &a {}\nb: [{}x]\n", "x".repeat(500_000), "*a, ".repeat(50_000));
        assert_eq!(refused(text.as_bytes()), too_long("x.yml"));
        let keys = format!("a: &a {{{}: 1}}\nb: [{}x]\n", "x".repeat(1_000), "*a, ".repeat(50_000));
        assert_eq!(refused(keys.as_bytes()), too_long("x.yml"));
    }

    #[test]
    fn a_file_that_is_too_large_or_too_deep_is_refused() {
        let large = vec![b'a'; 50_000_000];
        assert_eq!(refused(&large), "swarmlab: x.yml has 50000000 bytes; a compose file may have at most 1048576");
        let deep = "swarmlab: x.yml is nested too deeply; a compose file may be 100 levels deep at most";
        for unit in ["[", "{a: ", "- ", "? "] {
            assert_eq!(refused(unit.repeat(LARGEST / unit.len()).as_bytes()), deep, "{unit}");
        }
        let chain: String = (1..90).map(|n| format!("a{n}: &a{n} [[[[*a{}]]]]\n", n - 1)).collect();
        assert_eq!(refused(format!("a0: &a0 x\n{chain}").as_bytes()), deep);
        let wide = format!("a: [{}]", "1,".repeat(LARGEST / 2 - 10));
        assert_eq!(refused(wide.as_bytes()), "swarmlab: x.yml has more than 200000 values");
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(text in "[-\\[\\]{}:,&*?!|>%@`'\"#a \t\r\n\u{1}\u{85}\u{2028}é~<0.]{0,60}") {
            let _ = parse("x.yml", text.as_bytes());
        }
    }
}
