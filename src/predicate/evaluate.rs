//! Evaluates a checked condition over a view: a value, or the reason why there is none.
//!
//! Each part of the picture is built at most once, when it is first read. Order is fixed, steps are counted. It follows the
//! house plan §5 and CEL's own rules for `&&`, `||`, `all` and `exists`: a part that decides makes an unknown one harmless.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::syntax::{Function, Kind, Macro, Node, Operator};
use super::value::{Key, Value, arithmetic, double};
use super::{MAX_CONDITION_STEPS, Verdict};
use crate::observe::{Root, Thing, Things, View};

/// Why there is no value.
pub(super) type Unknown = String;

pub(super) type Result<T> = std::result::Result<T, Unknown>;

/// What a condition is now.
pub(super) fn verdict(tree: &Node, view: &dyn View) -> Verdict {
    match Machine::new(view).bool(tree) {
        Ok(true) => Verdict::True,
        Ok(false) => Verdict::False,
        Err(reason) => Verdict::Unknown { reason },
    }
}

/// One evaluation.
pub(super) struct Machine<'a> {
    view: &'a dyn View,
    read: BTreeMap<Root, Result<Value>>,
    locals: Vec<Value>,
    steps: u64,
}

impl<'a> Machine<'a> {
    pub(super) fn new(view: &'a dyn View) -> Self {
        Self { view, read: BTreeMap::new(), locals: Vec::new(), steps: 0 }
    }

    fn step(&mut self, count: u64) -> Result<()> {
        self.steps = self.steps.saturating_add(count);
        if self.steps > MAX_CONDITION_STEPS {
            return Err(format!("judging it takes more than {MAX_CONDITION_STEPS} steps"));
        }
        Ok(())
    }

    fn root(&mut self, root: Root) -> Result<Value> {
        if let Some(value) = self.read.get(&root) {
            return value.clone();
        }
        let known = |things: Option<Things>| things.map(Value::Things).ok_or_else(|| "there is no leader".to_string());
        let value = match root {
            Root::Services => known(self.view.services().map(Things::Services)),
            Root::Nodes => known(self.view.nodes().map(Things::Nodes)),
            Root::Tasks => known(self.view.tasks().map(Things::Tasks)),
            Root::Networks => known(self.view.networks().map(Things::Networks)),
            Root::Raft => Ok(Value::Thing(Thing::Raft(self.view.raft()))),
            Root::Hosts => known(Some(Things::Hosts(self.view.hosts()))),
            Root::Containers => known(Some(Things::Containers(self.view.containers()))),
            Root::Time => Ok(Value::Double(self.view.now().nanos() as f64 / 1e9)),
        };
        self.read.insert(root, value.clone());
        value
    }

    pub(super) fn bool(&mut self, node: &Node) -> Result<bool> {
        match self.value(node)? {
            Value::Bool(b) => Ok(b),
            other => Err(format!("{} is neither true nor false", other.noun())),
        }
    }

    pub(super) fn value(&mut self, node: &Node) -> Result<Value> {
        self.step(1)?;
        match &node.kind {
            Kind::Literal(value) => Ok(value.clone()),
            Kind::Root(root) => self.root(*root),
            Kind::Local(place) => self.locals.get(*place).cloned().ok_or_else(|| "a name without a value".to_string()),
            Kind::Field(of, field) => {
                let of = self.value(of)?;
                field_of(&of, field)
            }
            Kind::Has(of, field) => Ok(Value::Bool(match self.value(of)? {
                Value::Thing(thing) => thing.get(field).is_some(),
                Value::Labels(labels) => labels.contains_key(&**field),
                Value::Map(map) => map.contains_key(&Key::Text(Arc::clone(field))),
                other => return Err(format!("{} has no fields", other.noun())),
            })),
            Kind::Index(of, index) => {
                let (of, index) = (self.value(of)?, self.value(index)?);
                if let Value::Things(things) = &of {
                    self.step(things.len() as u64)?;
                }
                element_of(&of, &index)
            }
            Kind::Not(a) => Ok(Value::Bool(!self.bool(a)?)),
            Kind::Negate(a) => match self.value(a)? {
                Value::Int(n) => n.checked_neg().map(Value::Int).ok_or_else(|| "a number too large".to_string()),
                Value::Double(n) => Ok(Value::Double(-n)),
                other => Err(format!("{} cannot be negative", other.noun())),
            },
            Kind::And(a, b) => self.either(a, b, false),
            Kind::Or(a, b) => self.either(a, b, true),
            Kind::Choice(condition, then, otherwise) => {
                let chosen = if self.bool(condition)? { then } else { otherwise };
                self.value(chosen)
            }
            Kind::Binary(operator, a, b) => {
                let (a, b) = (self.value(a)?, self.value(b)?);
                self.binary(*operator, &a, &b)
            }
            Kind::List(nodes) => {
                let list: Result<Vec<Value>> = nodes.iter().map(|node| self.value(node)).collect();
                Ok(Value::List(Arc::new(list?)))
            }
            Kind::Map(entries) => {
                let mut map = BTreeMap::new();
                for (key, value) in entries {
                    let key = self.value(key)?;
                    let key = Key::of(&key).ok_or_else(|| format!("{} is no key of a map", key.noun()))?;
                    let value = self.value(value)?;
                    map.insert(key, value);
                }
                Ok(Value::Map(Arc::new(map)))
            }
            Kind::Macro { which, over, filter, body } => self.comprehension(*which, over, filter.as_deref(), body),
            Kind::Matches(text, regex) => match self.value(text)? {
                Value::Text(text) => {
                    self.step(text.len() as u64)?;
                    Ok(Value::Bool(regex.is_match(&text)))
                }
                other => Err(format!("{} matches nothing", other.noun())),
            },
            Kind::Call(function, args) => {
                let args: Result<Vec<Value>> = args.iter().map(|arg| self.value(arg)).collect();
                self.call(*function, &args?)
            }
        }
    }

    /// `&&` (decided by false) or `||` (decided by true).
    fn either(&mut self, a: &Node, b: &Node, decides: bool) -> Result<Value> {
        let left = self.bool(a);
        if left == Ok(decides) {
            return Ok(Value::Bool(decides));
        }
        let right = self.bool(b);
        if right == Ok(decides) {
            return Ok(Value::Bool(decides));
        }
        left?;
        right.map(Value::Bool)
    }

    fn binary(&mut self, operator: Operator, a: &Value, b: &Value) -> Result<Value> {
        if let (Value::List(list), _) | (_, Value::List(list)) = (a, b) {
            self.step(list.len() as u64)?;
        }
        let ordered = |fits: fn(std::cmp::Ordering) -> bool| match a.order(b) {
            Some(order) => Ok(Value::Bool(fits(order))),
            None => Err(format!("{} is never compared with {}", a.noun(), b.noun())),
        };
        match operator {
            Operator::Equal => Ok(Value::Bool(a.equals(b))),
            Operator::NotEqual => Ok(Value::Bool(!a.equals(b))),
            Operator::Less => ordered(std::cmp::Ordering::is_lt),
            Operator::LessOrEqual => ordered(std::cmp::Ordering::is_le),
            Operator::Greater => ordered(std::cmp::Ordering::is_gt),
            Operator::GreaterOrEqual => ordered(std::cmp::Ordering::is_ge),
            Operator::In => Ok(Value::Bool(match (a, b) {
                (_, Value::List(list)) => list.iter().any(|element| element.equals(a)),
                (Value::Text(name), Value::Things(things)) => {
                    self.step(things.len() as u64)?;
                    things.named(name).is_some()
                }
                (Value::Text(name), Value::Labels(labels)) => labels.contains_key(name),
                (_, Value::Map(map)) => Key::of(a).is_some_and(|key| map.contains_key(&key)),
                (_, Value::Things(_) | Value::Labels(_)) => false,
                (_, other) => return Err(format!("nothing can be in {}", other.noun())),
            })),
            _ => arithmetic(operator, a, b),
        }
    }

    fn comprehension(&mut self, which: Macro, over: &Node, filter: Option<&Node>, body: &Node) -> Result<Value> {
        let over = self.value(over)?;
        let mut taken = Vec::new();
        let mut count = 0;
        let mut unknown: Option<Unknown> = None;
        let length = length(&over).ok_or_else(|| format!("{} has no elements", over.noun()))?;
        let keys: Vec<Value> = match &over {
            Value::Map(map) => map.keys().map(Key::value).collect(),
            Value::Labels(labels) => labels.keys().cloned().map(Value::Text).collect(),
            _ => Vec::new(),
        };
        for place in 0..length {
            self.step(1)?;
            let element = match &over {
                Value::List(list) => list[place].clone(),
                Value::Things(things) => match things.at(place) {
                    Some(thing) => Value::Thing(thing),
                    None => break,
                },
                _ => keys[place].clone(),
            };
            self.locals.push(element);
            let result = self.one(which, filter, body);
            let element = self.locals.pop();
            match (which, result) {
                (Macro::All, Ok(One::Bool(false))) => return Ok(Value::Bool(false)),
                (Macro::Exists, Ok(One::Bool(true))) => return Ok(Value::Bool(true)),
                (Macro::All | Macro::Exists, Err(reason)) => {
                    // Too many steps end it at once; any other unknown may yet be made harmless.
                    self.step(0)?;
                    unknown.get_or_insert(reason);
                }
                (_, Err(reason)) => return Err(reason),
                (Macro::Filter, Ok(One::Bool(true))) => taken.extend(element),
                (_, Ok(One::Bool(hit))) => count += usize::from(hit),
                (_, Ok(One::Value(value))) => taken.push(value),
                (_, Ok(One::Skipped)) => {}
            }
        }
        if let Some(reason) = unknown {
            return Err(reason);
        }
        Ok(match which {
            Macro::All => Value::Bool(true),
            Macro::Exists => Value::Bool(false),
            Macro::ExistsOne => Value::Bool(count == 1),
            Macro::Filter | Macro::Map => Value::List(Arc::new(taken)),
        })
    }

    fn one(&mut self, which: Macro, filter: Option<&Node>, body: &Node) -> Result<One> {
        if which != Macro::Map {
            return self.bool(body).map(One::Bool);
        }
        if let Some(filter) = filter
            && !self.bool(filter)?
        {
            return Ok(One::Skipped);
        }
        self.value(body).map(One::Value)
    }

    fn call(&mut self, function: Function, args: &[Value]) -> Result<Value> {
        let text = |place: usize| match args.get(place) {
            Some(Value::Text(text)) => Ok(text),
            Some(other) => Err(format!("{} where a string is needed", other.noun())),
            None => Err("an argument is missing".to_string()),
        };
        let first = args.first().unwrap_or(&Value::Null);
        Ok(match function {
            Function::Size => {
                let length = match first {
                    Value::Text(text) => Some(text.chars().count()),
                    other => length(other),
                };
                let length = length.ok_or_else(|| format!("{} has no size", first.noun()))?;
                Value::Int(i64::try_from(length).unwrap_or(i64::MAX))
            }
            Function::Contains => Value::Bool(text(0)?.contains(&**text(1)?)),
            Function::StartsWith => Value::Bool(text(0)?.starts_with(&**text(1)?)),
            Function::EndsWith => Value::Bool(text(0)?.ends_with(&**text(1)?)),
            Function::Int => match first {
                Value::Int(n) => Value::Int(*n),
                Value::Uint(n) => Value::Int(i64::try_from(*n).map_err(|_| format!("{n} is too large"))?),
                Value::Double(n) if n.abs() < 9.2e18 => Value::Int(*n as i64),
                Value::Text(text) => Value::Int(text.parse().map_err(|_| format!("{text:?} is not a number"))?),
                other => return Err(format!("{} is not a whole number", other.shown())),
            },
            Function::Uint => match first {
                Value::Uint(n) => Value::Uint(*n),
                Value::Int(n) => Value::Uint(u64::try_from(*n).map_err(|_| format!("{n} is negative"))?),
                Value::Double(n) if (0.0..1.8e19).contains(n) => Value::Uint(*n as u64),
                Value::Text(text) => Value::Uint(text.parse().map_err(|_| format!("{text:?} is not a number"))?),
                other => return Err(format!("{} is not a whole number", other.shown())),
            },
            Function::Double => match first {
                Value::Text(text) => Value::Double(text.parse().map_err(|_| format!("{text:?} is not a number"))?),
                Value::Int(_) | Value::Uint(_) | Value::Double(_) => Value::Double(double(first)),
                other => return Err(format!("{} is not a number", other.noun())),
            },
            Function::String => match first {
                Value::Text(text) => Value::Text(Arc::clone(text)),
                Value::Uint(n) => Value::Text(n.to_string().into()),
                Value::Bool(_) | Value::Int(_) | Value::Double(_) => Value::Text(first.shown().into()),
                other => return Err(format!("{} is not written as a string", other.noun())),
            },
            Function::Spread => self.spread(text(0)?)?,
            Function::Answer => return Err("answer() is not modelled yet".into()),
            Function::Resolve => return Err("resolve() is not modelled yet".into()),
        })
    }

    fn spread(&mut self, name: &str) -> Result<Value> {
        let (services, nodes, tasks) =
            match (self.root(Root::Services)?, self.root(Root::Nodes)?, self.root(Root::Tasks)?) {
                (
                    Value::Things(Things::Services(services)),
                    Value::Things(Things::Nodes(nodes)),
                    Value::Things(Things::Tasks(tasks)),
                ) => (services, nodes, tasks),
                _ => return Err("there is no leader".into()),
            };
        self.step((services.len() + nodes.len() + tasks.len()) as u64)?;
        if !services.iter().any(|service| &*service.name == name) {
            return Err(format!("there is no service {name:?}"));
        }
        let eligible = nodes.iter().filter(|node| &*node.status == "ready" && &*node.availability == "active");
        let mut counts: BTreeMap<&str, i64> = eligible.map(|node| (&*node.name, 0)).collect();
        for task in tasks.iter() {
            let runs = &*task.service == name && &*task.state == "running" && &*task.desired == "running";
            if let Some(count) = counts.get_mut(&*task.node).filter(|_| runs) {
                *count += 1;
            }
        }
        match (counts.values().max(), counts.values().min()) {
            (Some(most), Some(fewest)) => Ok(Value::Int(most - fewest)),
            _ => Err("no node is ready and active".into()),
        }
    }
}

/// What a macro's body gave for one element.
enum One {
    Bool(bool),
    Value(Value),
    Skipped,
}

fn length(value: &Value) -> Option<usize> {
    match value {
        Value::List(list) => Some(list.len()),
        Value::Map(map) => Some(map.len()),
        Value::Labels(labels) => Some(labels.len()),
        Value::Things(things) => Some(things.len()),
        _ => None,
    }
}

fn field_of(of: &Value, field: &Arc<str>) -> Result<Value> {
    match of {
        Value::Thing(thing) => {
            thing.get(field).map(Value::from).ok_or_else(|| format!("{} has no field `{field}`", thing.title()))
        }
        Value::Labels(labels) => {
            let label = labels.get(field).cloned().map(Value::Text);
            label.ok_or_else(|| format!("there is no label {field:?}"))
        }
        Value::Map(map) => {
            map.get(&Key::Text(Arc::clone(field))).cloned().ok_or_else(|| format!("there is no key {field:?}"))
        }
        other => Err(format!("{} has no fields", other.noun())),
    }
}

fn element_of(of: &Value, index: &Value) -> Result<Value> {
    let place = match index {
        Value::Int(n) => usize::try_from(*n).ok(),
        Value::Uint(n) => usize::try_from(*n).ok(),
        _ => None,
    };
    let found = match (of, index) {
        (Value::Things(things), Value::Text(name)) => {
            return things
                .named(name)
                .map(Value::Thing)
                .ok_or_else(|| format!("there is no {} {name:?}", things.noun()));
        }
        (Value::Things(things), _) => place.and_then(|place| things.at(place)).map(Value::Thing),
        (Value::List(list), _) => place.and_then(|place| list.get(place).cloned()),
        (Value::Labels(labels), Value::Text(name)) => return field_of(&Value::Labels(Arc::clone(labels)), name),
        (Value::Map(map), _) => Key::of(index).and_then(|key| map.get(&key).cloned()),
        (other, _) => return Err(format!("{} has no elements", other.noun())),
    };
    found.ok_or_else(|| format!("there is no element {}", index.shown()))
}
