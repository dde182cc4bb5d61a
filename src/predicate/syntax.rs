//! The tree of a condition, checked: names are resolved, macros are nodes of their own, each node knows its text.
//!
//! It is not the tree of the `cel` crate, from which `check` makes it, and it does not evaluate itself.

use std::collections::BTreeSet;

use regex::Regex;

use super::value::Value;
use crate::observe::{Root, Text};

/// A range of bytes in the condition.
pub(super) type Range = (usize, usize);

/// An expression and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) span: Range,
}

/// The kinds of expression.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Literal(Value),
    Root(Root),
    /// A variable of a macro: its place on the stack.
    Local(usize),
    Field(Box<Node>, Text),
    /// `has(x.field)`
    Has(Box<Node>, Text),
    Index(Box<Node>, Box<Node>),
    Not(Box<Node>),
    Negate(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    /// `condition ? then : otherwise`
    Choice(Box<Node>, Box<Node>, Box<Node>),
    Binary(Operator, Box<Node>, Box<Node>),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
    Macro {
        which: Macro,
        over: Box<Node>,
        /// For `map` with three arguments: which elements are taken.
        filter: Option<Box<Node>>,
        body: Box<Node>,
    },
    /// `text.matches(pattern)`, the pattern known beforehand.
    Matches(Box<Node>, Regex),
    Call(Function, Vec<Node>),
}

/// Operators of two values that need both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

/// CEL's macros over lists and maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Macro {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
}

/// The functions that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Size,
    Contains,
    StartsWith,
    EndsWith,
    Int,
    Uint,
    Double,
    String,
    Spread,
    Answer,
    Resolve,
}

/// What the reference says of a function or macro.
#[derive(Clone, Copy, Debug)]
pub struct FunctionDoc {
    /// Its name.
    pub name: &'static str,
    /// How it is written.
    pub form: &'static str,
    /// What it gives.
    pub about: &'static str,
}

const fn doc(name: &'static str, form: &'static str, about: &'static str) -> FunctionDoc {
    FunctionDoc { name, form, about }
}

/// Every function and macro, in the order of the documentation.
pub const FUNCTIONS: &[FunctionDoc] = &[
    doc("size", "x.size() or size(x)", "how many elements or characters"),
    doc("exists", "list.exists(x, CONDITION)", "whether the condition holds for one element at least"),
    doc("all", "list.all(x, CONDITION)", "whether it holds for every element"),
    doc("exists_one", "list.exists_one(x, CONDITION)", "whether it holds for exactly one element"),
    doc("filter", "list.filter(x, CONDITION)", "the elements for which it holds"),
    doc("map", "list.map(x, VALUE) or list.map(x, CONDITION, VALUE)", "a value for each element"),
    doc("has", "has(x.field)", "whether a field or a label is there"),
    doc("contains", "text.contains(text)", "whether a text stands in another"),
    doc("startsWith", "text.startsWith(text)", "whether it begins with another"),
    doc("endsWith", "text.endsWith(text)", "whether it ends with another"),
    doc("matches", "text.matches(pattern)", "whether a regular expression is found in it"),
    doc("int", "int(x)", "as a whole number"),
    doc("uint", "uint(x)", "as a whole number that is not negative"),
    doc("double", "double(x)", "as a number with a fraction"),
    doc("string", "string(x)", "as a text"),
    doc(
        "spread",
        "spread(SERVICE)",
        "the most less the fewest running tasks of a service on a node that is ready and active, as the leader believes",
    ),
    doc("answer", "answer(HOST, PORT)", "what a client at that address would be told (not modelled yet: unknown)"),
    doc("resolve", "resolve(CLIENT, NAME)", "the address of a name as that task sees it (not modelled yet: unknown)"),
];

/// Collects what a tree reads.
pub(super) fn roots(node: &Node, out: &mut BTreeSet<Root>) {
    if let Kind::Root(root) = node.kind {
        out.insert(root);
    }
    if let Kind::Call(Function::Spread, _) = node.kind {
        out.extend([Root::Services, Root::Nodes, Root::Tasks]);
    }
    children(node, &mut |child| roots(child, out));
}

/// Visits the parts of a node from left to right.
pub(super) fn children<'a>(node: &'a Node, visit: &mut dyn FnMut(&'a Node)) {
    match &node.kind {
        Kind::Literal(_) | Kind::Root(_) | Kind::Local(_) => {}
        Kind::Field(a, _) | Kind::Has(a, _) | Kind::Not(a) | Kind::Negate(a) | Kind::Matches(a, _) => visit(a),
        Kind::Index(a, b) | Kind::And(a, b) | Kind::Or(a, b) | Kind::Binary(_, a, b) => {
            visit(a);
            visit(b);
        }
        Kind::Choice(a, b, c) => {
            visit(a);
            visit(b);
            visit(c);
        }
        Kind::List(list) | Kind::Call(_, list) => list.iter().for_each(visit),
        Kind::Map(entries) => entries.iter().for_each(|(key, value)| {
            visit(key);
            visit(value);
        }),
        Kind::Macro { over, filter, body, .. } => {
            visit(over);
            if let Some(filter) = filter {
                visit(filter);
            }
            visit(body);
        }
    }
}
