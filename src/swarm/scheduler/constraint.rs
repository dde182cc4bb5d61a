//! The constraint language: `node.labels.zone == a`, and which nodes satisfy it.
//!
//! No globbing and no regular expressions: whole strings are compared, case ignored. Constraints are parsed once, when a
//! request comes in; the scheduler and the constraint enforcer only match.
//!
//! Source: control-plane.md §3.6.

use crate::swarm::object::Node;
use std::net::{IpAddr, Ipv4Addr};

const NODE_LABEL: &str = "node.labels.";
const ENGINE_LABEL: &str = "engine.labels.";

/// One parsed constraint: `key == value` or `key != value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint {
    /// As typed, trimmed.
    pub key: String,
    /// `==` rather than `!=`.
    pub equal: bool,
    /// As typed, trimmed.
    pub value: String,
}

impl Constraint {
    /// Reads one constraint.
    ///
    /// # Errors
    /// SwarmKit's own sentences, which reach the user behind `rpc error: code = InvalidArgument desc = `.
    pub fn parse(text: &str) -> Result<Constraint, String> {
        // The first `==` anywhere wins over a `!=` before it.
        let split = |operator| text.split_once(operator);
        let (key, equal, value) = match (split("=="), split("!=")) {
            (Some((key, value)), _) => (key.trim(), true, value.trim()),
            (None, Some((key, value))) => (key.trim(), false, value.trim()),
            (None, None) => return Err("constraint expected one operator from ==, !=".to_owned()),
        };
        if !is_key(key) {
            return Err(format!("key '{key}' is invalid"));
        }
        if !is_value(value) {
            return Err(format!("value '{value}' is invalid"));
        }
        Ok(Constraint { key: key.to_owned(), equal, value: value.to_owned() })
    }

    /// Whether a node satisfies it. A key that is not in the language is satisfied by no node, with either operator.
    pub fn matches(&self, node: &Node) -> bool {
        let key = self.key.as_str();
        let is = |name: &str| key.eq_ignore_ascii_case(name);
        if let Some(label) = strip_prefix_ignore_case(key, NODE_LABEL) {
            self.compare(node.spec.labels.get(label).map_or("", String::as_str))
        } else if let Some(label) = strip_prefix_ignore_case(key, ENGINE_LABEL) {
            self.compare(node.description.engine_labels.get(label).map_or("", String::as_str))
        } else if is("node.id") {
            self.compare(&node.id.text())
        } else if is("node.hostname") {
            self.compare(&node.description.hostname)
        } else if is("node.ip") {
            self.contains(node.status.addr).is_some_and(|within| within == self.equal)
        } else if is("node.role") {
            self.compare(node.role.as_str())
        } else if is("node.platform.os") {
            self.compare(&node.description.os)
        } else if is("node.platform.arch") {
            // As reported: here x86_64 is not amd64.
            self.compare(&node.description.architecture)
        } else {
            false
        }
    }

    /// What the node has in place of the value that is asked for; `None` for a key that is not in the language.
    pub(super) fn actual(&self, node: &Node) -> Option<String> {
        let key = self.key.as_str();
        let label =
            |labels: &std::collections::BTreeMap<String, String>, name| labels.get(name).cloned().unwrap_or_default();
        if let Some(name) = strip_prefix_ignore_case(key, NODE_LABEL) {
            return Some(label(&node.spec.labels, name));
        }
        if let Some(name) = strip_prefix_ignore_case(key, ENGINE_LABEL) {
            return Some(label(&node.description.engine_labels, name));
        }
        Some(match key.to_ascii_lowercase().as_str() {
            "node.id" => node.id.text(),
            "node.hostname" => node.description.hostname.to_string(),
            "node.ip" => node.status.addr.to_string(),
            "node.role" => node.role.as_str().to_owned(),
            "node.platform.os" => node.description.os.to_string(),
            "node.platform.arch" => node.description.architecture.to_string(),
            _ => return None,
        })
    }

    fn compare(&self, actual: &str) -> bool {
        self.value.eq_ignore_ascii_case(actual) == self.equal
    }

    /// Whether the value, an address or a subnet, has the address in it; `None` if it is neither.
    fn contains(&self, address: Ipv4Addr) -> Option<bool> {
        if let Ok(value) = self.value.parse::<IpAddr>() {
            return Some(value.to_canonical() == IpAddr::V4(address));
        }
        let (network, length) = self.value.split_once('/')?;
        // Go reads a plain decimal number: no sign.
        let length: u32 = length.bytes().all(|b| b.is_ascii_digit()).then(|| length.parse().ok())??;
        match network.parse().ok()? {
            IpAddr::V4(network) if length <= 32 => {
                let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
                Some(network.to_bits() & mask == address.to_bits() & mask)
            }
            IpAddr::V6(_) if length <= 128 => Some(false),
            _ => None,
        }
    }
}

/// A node's value of the label that a spread descriptor names, empty if it lacks it; `None` if the descriptor names no label.
pub(super) fn label_of<'a>(descriptor: &str, node: &'a Node) -> Option<&'a str> {
    let value = if let Some(label) = strip_prefix_ignore_case(descriptor, NODE_LABEL) {
        node.spec.labels.get(label)
    } else {
        node.description.engine_labels.get(strip_prefix_ignore_case(descriptor, ENGINE_LABEL)?)
    };
    Some(value.map_or("", String::as_str))
}

/// What follows a prefix, if something does.
fn strip_prefix_ignore_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    (head.eq_ignore_ascii_case(prefix) && !rest.is_empty()).then_some(rest)
}

fn is_key(key: &str) -> bool {
    let mut bytes = key.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && key.len() >= 2
        && bytes.all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

fn is_value(value: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b":-_.*()?+[]\\^$|/ \t\n\r\x0c".contains(&b);
    !value.is_empty() && value.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::Constraint;
    use crate::swarm::object::*;
    use crate::swarm::scheduler::tests::{label, plain_node};
    use std::sync::Arc;

    fn node() -> Node {
        let mut node = plain_node(NodeKey(0), "host-1");
        label(&mut node, "zone", "A");
        label(&mut node, "Rack", "r 1");
        Arc::make_mut(&mut node.description).engine_labels.insert("disk".to_owned(), "ssd".to_owned());
        node
    }

    fn matches(text: &str, node: &Node) -> bool {
        Constraint::parse(text).unwrap().matches(node)
    }

    /// Case 24 of control-plane.md §13.
    #[test]
    fn test_parse() {
        for text in
            ["", " ", "nodeabc", "node ~ abc", "1node==a2", "no de== n", "no*de==n", "==n", "node==", "node== ", "a==b"]
        {
            assert!(Constraint::parse(text).is_err(), "{text}");
        }
        for text in [" node == node1", "NoDe==x", "no.de==x", "_node==_x", "node==node 1", "node==[a-b]+c*(n|b)/"] {
            assert!(Constraint::parse(text).is_ok(), "{text}");
        }
        let parsed = Constraint::parse(" node.labels.x  !=  a b ").unwrap();
        assert_eq!(parsed, Constraint { key: "node.labels.x".to_owned(), equal: false, value: "a b".to_owned() });
        // The first `==` wins, wherever a `!=` stands.
        assert_eq!(Constraint::parse("a!=b==c").unwrap_err(), "key 'a!=b' is invalid");
    }

    /// The sentences of recording 11.
    #[test]
    fn errors_are_swarmkits() {
        let error = |text| Constraint::parse(text).unwrap_err();
        assert_eq!(error("node.labels.zone=a"), "constraint expected one operator from ==, !=");
        assert_eq!(error("node.labels.zone~=a"), "constraint expected one operator from ==, !=");
        assert_eq!(error("node.labels.zone=="), "value '' is invalid");
        assert_eq!(error("no de==a"), "key 'no de' is invalid");
        assert_eq!(error("node==a,b"), "value 'a,b' is invalid");
    }

    /// Case 25.
    #[test]
    fn test_node_ip() {
        let node = node();
        for (text, expected) in [
            ("node.ip==10.0.0.1", true),
            ("node.ip==10.0.0.2", false),
            ("node.ip!=10.0.0.2", true),
            ("node.ip!=10.0.0.1", false),
            ("node.ip==10.0.0.0/8", true),
            ("node.ip==10.1.2.3/8", true),
            ("node.ip!=10.0.0.0/8", false),
            ("node.ip==11.0.0.0/8", false),
            ("node.ip!=11.0.0.0/8", true),
            ("node.ip==0.0.0.0/0", true),
            ("node.ip==::ffff:10.0.0.1", true),
            ("node.ip!=2001:db8::/32", true),
            // Neither an address nor a subnet: no node, with either operator.
            ("node.ip==10.0.0", false),
            ("node.ip!=10.0.0", false),
            ("node.ip!=10.0.0.0/33", false),
            ("node.ip!=10.0.0.0/+8", false),
            ("node.ip!=10.0.0.0/", false),
        ] {
            assert_eq!(matches(text, &node), expected, "{text}");
        }
    }

    /// Case 26.
    #[test]
    fn test_node_label() {
        let node = node();
        for labels in ["node.labels", "engine.labels"] {
            assert!(!matches(&format!("{labels}.x==a"), &node));
            assert!(matches(&format!("{labels}.x!=a"), &node));
        }
        assert!(matches("engine.labels.disk==SSD", &node));
        assert!(!matches("engine.labels.disk!=ssd", &node));
    }

    /// The matrix of recording 11.
    #[test]
    fn case_matters_in_label_names_only() {
        let node = node();
        for (text, expected) in [
            ("node.labels.zone==a", true),
            ("NODE.LABELS.zone==a", true),
            ("node.labels.Zone==a", false),
            ("node.labels.rack!=r 1", true),
            ("node.labels.Rack==R 1", true),
            ("node.hostname==HOST-1", true),
            ("node.role==WORKER", true),
            ("node.role!=manager", true),
            ("node.platform.os==Linux", true),
            ("node.platform.arch==x86_64", true),
            ("node.platform.arch==amd64", false),
            ("node.id==1000000000000000000000000", true),
            // Keys that are not in the language.
            ("node.foo==a", false),
            ("node.foo!=a", false),
            ("zone==a", false),
            ("zone!=a", false),
            ("node.labels.!=a", false),
        ] {
            assert_eq!(matches(text, &node), expected, "{text}");
        }
    }
}
