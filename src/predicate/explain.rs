//! Says what each part of a condition is, with the values it saw.
//!
//! It descends through `&&`, `||`, `!` and `?:` and shows what they join, each by its own text. It judges nothing.

use super::evaluate::Machine;
use super::syntax::{Kind, Macro, Node};
use super::value::{Value, clipped};
use crate::observe::View;

/// One part after another: `raft.quorum: true; services["web"].running == 6: false (5)`.
pub(super) fn explain(tree: &Node, source: &str, view: &dyn View) -> String {
    let mut parts = Vec::new();
    walk(tree, source, view, &mut parts);
    parts.join("; ")
}

fn walk(node: &Node, source: &str, view: &dyn View, out: &mut Vec<String>) {
    match &node.kind {
        Kind::And(a, b) | Kind::Or(a, b) => {
            walk(a, source, view, out);
            walk(b, source, view, out);
        }
        Kind::Not(a) => walk(a, source, view, out),
        Kind::Choice(condition, then, otherwise) => {
            walk(condition, source, view, out);
            match Machine::new(view).bool(condition) {
                Ok(true) => walk(then, source, view, out),
                Ok(false) => walk(otherwise, source, view, out),
                Err(_) => {}
            }
        }
        _ => out.push(leaf(node, source, view)),
    }
}

/// The text of a node on one line.
fn text(node: &Node, source: &str) -> String {
    let text = source.get(node.span.0..node.span.1).unwrap_or("");
    clipped(&text.split_whitespace().collect::<Vec<_>>().join(" "), 160)
}

fn leaf(node: &Node, source: &str, view: &dyn View) -> String {
    let shown = text(node, source);
    let value = match Machine::new(view).value(node) {
        Ok(value) => value,
        Err(reason) => return format!("{shown}: unknown ({reason})"),
    };
    let mut seen: Vec<String> = Vec::new();
    match &node.kind {
        Kind::Binary(_, a, b) => {
            for side in [a, b] {
                if !constant(side) {
                    seen.extend(Machine::new(view).value(side).ok().map(|value| value.shown()));
                }
            }
        }
        Kind::Macro { which, over, body, .. } => seen.extend(elements(*which, over, body, view)),
        Kind::Call(_, args) => {
            for arg in args.iter().filter(|arg| !constant(arg)) {
                seen.extend(Machine::new(view).value(arg).ok().map(|value| value.shown()));
            }
        }
        Kind::Matches(of, _) => seen.extend(Machine::new(view).value(of).ok().map(|value| value.shown())),
        _ => {}
    }
    if seen.is_empty() {
        format!("{shown}: {}", value.shown())
    } else {
        format!("{shown}: {} ({})", value.shown(), seen.join(", "))
    }
}

/// Whether a node is written out, so that its text says its value.
fn constant(node: &Node) -> bool {
    match &node.kind {
        Kind::Literal(_) => true,
        Kind::Negate(a) => constant(a),
        Kind::List(nodes) => nodes.iter().all(constant),
        _ => false,
    }
}

/// The elements that decided a macro: those that broke an `all`, those that fulfilled an `exists`.
fn elements(which: Macro, over: &Node, body: &Node, view: &dyn View) -> Option<String> {
    let wanted = match which {
        Macro::All => false,
        Macro::Exists | Macro::ExistsOne => true,
        Macro::Filter | Macro::Map => return None,
    };
    let all = Machine::new(view).value(over).ok()?;
    let filter = Node {
        kind: Kind::Macro {
            which: Macro::Filter,
            over: Box::new(over.clone()),
            filter: None,
            body: Box::new(if wanted {
                body.clone()
            } else {
                Node { kind: Kind::Not(Box::new(body.clone())), span: body.span }
            }),
        },
        span: body.span,
    };
    let total = match &all {
        Value::Things(things) => format!("{} {}s", things.len(), things.noun()),
        Value::List(list) => format!("{} elements", list.len()),
        other => other.shown(),
    };
    match Machine::new(view).value(&filter).ok()? {
        Value::List(list) if list.is_empty() && wanted => Some(format!("none of {total}")),
        Value::List(list) if list.is_empty() => Some(format!("all of {total}")),
        hits if wanted => Some(format!("so for {}", hits.shown())),
        hits => Some(format!("not so for {}", hits.shown())),
    }
}
