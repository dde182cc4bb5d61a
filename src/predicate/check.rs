//! Checks the tree of a condition and makes our own of it: roots, fields, functions, kinds of values.
//!
//! Names of objects are data and are not checked. It holds the names against the table of `observe`. It evaluates nothing.

use std::collections::BTreeMap;

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators};
use regex::RegexBuilder;

use super::syntax::{FUNCTIONS, Function, Kind, Macro, Node, Operator, Range};
use super::value::Value;
use super::{ConditionError, parse};
use crate::observe::{self, Object, nearest, roots};

/// What is known of a value before it is there.
#[derive(Clone, Debug)]
enum Type {
    Any,
    Null,
    Bool,
    Number,
    Text,
    List(Box<Type>),
    Map(Box<Type>),
    Thing(&'static Object),
    Things(&'static Object, bool),
}

impl Type {
    fn of(kind: observe::Kind) -> Self {
        match kind {
            observe::Kind::Bool => Self::Bool,
            observe::Kind::Int | observe::Kind::Double => Self::Number,
            observe::Kind::Text => Self::Text,
            observe::Kind::IntOrNull => Self::Any,
            observe::Kind::Labels => Self::Map(Box::new(Self::Text)),
            observe::Kind::Object(object) => Self::Thing(object),
            observe::Kind::List(object) => Self::Things(object, false),
            observe::Kind::Named(object) => Self::Things(object, true),
        }
    }

    /// What it is called, with its article.
    fn noun(&self) -> String {
        match self {
            Self::Any => "a value".into(),
            Self::Null => "null".into(),
            Self::Bool => "a bool".into(),
            Self::Number => "a number".into(),
            Self::Text => "a string".into(),
            Self::List(_) => "a list".into(),
            Self::Map(_) => "a map".into(),
            Self::Thing(object) => with_article(object.name),
            Self::Things(object, _) => format!("a list of {}s", object.name),
        }
    }

    /// Whether a value of one may equal a value of the other.
    fn comparable(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) | (Self::Null, _) | (_, Self::Null) => true,
            (Self::List(_) | Self::Things(..), Self::List(_) | Self::Things(..)) => true,
            (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
        }
    }
}

fn with_article(name: &str) -> String {
    // There is only one.
    if name == "consensus" {
        return "the consensus".into();
    }
    let article = if name.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {name}")
}

type Checked = Result<(Node, Type), ConditionError>;

struct Checker<'a> {
    ranges: &'a BTreeMap<u64, Range>,
    source: &'a str,
    /// The variables of the macros around, innermost last.
    locals: Vec<(String, Type)>,
}

/// The tree of a text, checked; its value is a bool or cannot be told beforehand.
pub(super) fn checked(source: &str) -> Result<Node, ConditionError> {
    let (tree, ranges) = parse::parsed(source)?;
    let mut checker = Checker { ranges: &ranges, source, locals: Vec::new() };
    let (node, kind) = checker.expression(&tree)?;
    match kind {
        Type::Bool | Type::Any => Ok(node),
        kind => Err(fault(
            node.span,
            format!("the condition is {}, neither true nor false", kind.noun()),
            Some("compare it with something: ... == ...".into()),
        )),
    }
}

fn fault(span: Range, message: String, help: Option<String>) -> ConditionError {
    ConditionError { span, message, help }
}

fn did_you_mean<'b>(name: &str, names: impl IntoIterator<Item = &'b str> + Clone) -> Option<String> {
    match nearest(name, names.clone()) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None => Some(format!("known here: {}", names.into_iter().collect::<Vec<_>>().join(", "))),
    }
}

impl Checker<'_> {
    fn span(&self, node: &IdedExpr) -> Range {
        self.ranges.get(&node.id).copied().unwrap_or((0, self.source.len()))
    }

    /// The range of the last name in a node: the field that is wrong, not all that is before it.
    fn name_span(&self, node: &IdedExpr, name: &str) -> Range {
        let (start, end) = self.span(node);
        match self.source.get(start..end).and_then(|text| text.rfind(name)) {
            Some(at) => (start + at, start + at + name.len()),
            None => (start, end),
        }
    }

    fn expression(&mut self, node: &IdedExpr) -> Checked {
        let span = self.span(node);
        let (kind, known) = match &node.expr {
            Expr::Literal(literal) => self.literal(span, literal)?,
            Expr::Ident(name) => self.name(span, name)?,
            Expr::Select(select) => {
                if let Expr::Ident(name) = &select.operand.expr
                    && name == "truth"
                    && !self.locals.iter().any(|(local, _)| local == "truth")
                {
                    let full = format!("truth.{}", select.field);
                    return match roots().iter().find(|root| root.name == full) {
                        Some(root) => Ok((Node { kind: Kind::Root(root.root), span }, Type::of(root.kind))),
                        None => {
                            let names = roots().iter().filter_map(|root| root.name.strip_prefix("truth."));
                            let message = format!("the truth has no part `{}`", select.field);
                            let help = did_you_mean(&select.field, names);
                            Err(fault(self.name_span(node, &select.field), message, help))
                        }
                    };
                }
                let (operand, of) = self.expression(&select.operand)?;
                let known = self.field(node, &select.field, &of)?;
                (Kind::Field(Box::new(operand), select.field.as_str().into()), known)
            }
            Expr::List(list) => {
                let mut nodes = Vec::new();
                let mut element: Option<Type> = None;
                for part in &list.elements {
                    let (node, of) = self.expression(part)?;
                    element = Some(match element {
                        None => of,
                        Some(other) if std::mem::discriminant(&other) == std::mem::discriminant(&of) => other,
                        Some(_) => Type::Any,
                    });
                    nodes.push(node);
                }
                (Kind::List(nodes), Type::List(Box::new(element.unwrap_or(Type::Any))))
            }
            Expr::Map(map) => {
                let mut entries = Vec::new();
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        entries.push((self.expression(&entry.key)?.0, self.expression(&entry.value)?.0));
                    }
                }
                (Kind::Map(entries), Type::Map(Box::new(Type::Any)))
            }
            Expr::Call(call) => return self.call(node, span, call),
            Expr::Struct(message) => {
                return Err(fault(span, format!("there is no message type `{}`", message.type_name), None));
            }
            Expr::Comprehension(_) | Expr::Unspecified => {
                return Err(fault(span, "this is not a condition in CEL".into(), None));
            }
        };
        Ok((Node { kind, span }, known))
    }

    fn literal(&self, span: Range, literal: &LiteralValue) -> Result<(Kind, Type), ConditionError> {
        let (value, known) = match literal {
            LiteralValue::Boolean(b) => (Value::Bool(*b.inner()), Type::Bool),
            LiteralValue::Int(n) => (Value::Int(*n.inner()), Type::Number),
            LiteralValue::UInt(n) => (Value::Uint(*n.inner()), Type::Number),
            LiteralValue::Double(n) => (Value::Double(*n.inner()), Type::Number),
            LiteralValue::String(text) => (Value::Text(text.inner().into()), Type::Text),
            LiteralValue::Null => (Value::Null, Type::Null),
            LiteralValue::Bytes(_) => {
                return Err(fault(span, "nothing here holds bytes".into(), Some("write a string: \"...\"".into())));
            }
        };
        Ok((Kind::Literal(value), known))
    }

    fn name(&self, span: Range, name: &str) -> Result<(Kind, Type), ConditionError> {
        if let Some(place) = self.locals.iter().rposition(|(local, _)| local == name) {
            return Ok((Kind::Local(place), self.locals[place].1.clone()));
        }
        if let Some(root) = roots().iter().find(|root| root.name == name) {
            return Ok((Kind::Root(root.root), Type::of(root.kind)));
        }
        if name == "truth" {
            let help = "write truth.hosts or truth.containers".to_string();
            return Err(fault(span, "`truth` alone is too much to look at".into(), Some(help)));
        }
        let truths = ["truth"];
        let names = roots().iter().map(|root| root.name).filter(|name| !name.contains('.')).chain(truths);
        let locals = self.locals.iter().map(|(local, _)| local.as_str());
        let known: Vec<&str> = locals.chain(names).collect();
        Err(fault(span, format!("nothing is called `{name}`"), did_you_mean(name, known.iter().copied())))
    }

    /// The type of a field; an error if what it is read from is known to lack it.
    fn field(&self, node: &IdedExpr, field: &str, of: &Type) -> Result<Type, ConditionError> {
        match of {
            Type::Any => Ok(Type::Any),
            Type::Map(element) => Ok((**element).clone()),
            Type::Thing(object) => match object.field(field) {
                Some(field) => Ok(Type::of(field.kind)),
                None => {
                    let message = format!("{} has no field `{field}`", with_article(object.name));
                    let help = did_you_mean(field, object.fields.iter().map(|field| field.name));
                    Err(fault(self.name_span(node, field), message, help))
                }
            },
            Type::Things(object, named) => {
                let message = format!("a list of {}s has no field `{field}`", object.name);
                let help = match (named, object.field(field)) {
                    (true, Some(_)) => {
                        format!("name one of them: [\"NAME\"].{field}; or use .exists(x, x.{field} ...)")
                    }
                    (false, Some(_)) => format!("use .exists(x, x.{field} ...) or .filter(x, ...)"),
                    (true, None) => format!("name one of them: [\"{field}\"]"),
                    (false, None) => "a function needs brackets: .size()".into(),
                };
                Err(fault(self.name_span(node, field), message, Some(help)))
            }
            other => {
                let message = format!("{} has no fields, so no `{field}`", other.noun());
                Err(fault(self.name_span(node, field), message, None))
            }
        }
    }

    fn call(&mut self, node: &IdedExpr, span: Range, call: &CallExpr) -> Checked {
        let name = call.func_name.as_str();
        let args = &call.args;
        match (name, args.as_slice()) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR, [a, b]) => {
                let (a, b) = (Box::new(self.boolean(a)?), Box::new(self.boolean(b)?));
                let kind = if name == operators::LOGICAL_AND { Kind::And(a, b) } else { Kind::Or(a, b) };
                return Ok((Node { kind, span }, Type::Bool));
            }
            (operators::LOGICAL_NOT, [a]) => {
                return Ok((Node { kind: Kind::Not(Box::new(self.boolean(a)?)), span }, Type::Bool));
            }
            (operators::NEGATE, [a]) => {
                let (a, of) = self.expression(a)?;
                if !of.comparable(&Type::Number) {
                    return Err(fault(a.span, format!("{} cannot be negative", of.noun()), None));
                }
                return Ok((Node { kind: Kind::Negate(Box::new(a)), span }, Type::Number));
            }
            (operators::CONDITIONAL, [condition, then, otherwise]) => {
                let condition = Box::new(self.boolean(condition)?);
                let ((then, a), (otherwise, b)) = (self.expression(then)?, self.expression(otherwise)?);
                let known = if std::mem::discriminant(&a) == std::mem::discriminant(&b) { a } else { Type::Any };
                let kind = Kind::Choice(condition, Box::new(then), Box::new(otherwise));
                return Ok((Node { kind, span }, known));
            }
            (operators::INDEX, [of, index]) => return self.index(span, of, index),
            _ => {}
        }
        if let (Some(operator), [a, b]) = (operator(name), args.as_slice()) {
            return self.binary(span, operator, a, b);
        }
        if let Some(which) = macro_named(name)
            && let Some(over) = &call.target
        {
            return self.comprehension(span, which, name, over, args);
        }
        if name == "has" && call.target.is_none() {
            return match args.as_slice() {
                [IdedExpr { expr: Expr::Select(select), .. }] => {
                    let (operand, of) = self.expression(&select.operand)?;
                    self.field(&args[0], &select.field, &of)?;
                    let kind = Kind::Has(Box::new(operand), select.field.as_str().into());
                    Ok((Node { kind, span }, Type::Bool))
                }
                _ => Err(fault(span, "`has` needs one field".into(), Some("write has(x.field)".into()))),
            };
        }
        self.function(node, span, call)
    }

    fn boolean(&mut self, node: &IdedExpr) -> Result<Node, ConditionError> {
        let (node, known) = self.expression(node)?;
        match known {
            Type::Bool | Type::Any => Ok(node),
            other => {
                let message = format!("{} is neither true nor false", other.noun());
                Err(fault(node.span, message, Some("compare it with something: ... == ...".into())))
            }
        }
    }

    fn index(&mut self, span: Range, of: &IdedExpr, index: &IdedExpr) -> Checked {
        let ((of, list), (index, by)) = (self.expression(of)?, self.expression(index)?);
        let (known, names) = match &list {
            Type::Things(object, named) => (Type::Thing(object), *named),
            Type::List(element) => ((**element).clone(), false),
            Type::Map(element) => ((**element).clone(), true),
            Type::Any => (Type::Any, true),
            other => {
                let message = format!("{} has no elements", other.noun());
                return Err(fault(of.span, message, None));
            }
        };
        let wrong = match by {
            Type::Any | Type::Number => false,
            Type::Text => !names,
            _ => true,
        };
        if wrong {
            let message = format!("{} is not indexed by {}", list.noun(), by.noun());
            let help = if names { "write [\"NAME\"]" } else { "write [0], or use .filter(x, ...)" };
            return Err(fault(index.span, message, Some(help.into())));
        }
        Ok((Node { kind: Kind::Index(Box::new(of), Box::new(index)), span }, known))
    }

    fn binary(&mut self, span: Range, operator: Operator, a: &IdedExpr, b: &IdedExpr) -> Checked {
        let ((a, left), (b, right)) = (self.expression(a)?, self.expression(b)?);
        use Operator::{Add, Equal, Greater, GreaterOrEqual, In, Less, LessOrEqual, NotEqual};
        let known = match operator {
            Equal | NotEqual | Less | LessOrEqual | Greater | GreaterOrEqual => {
                let ordered = !matches!(operator, Equal | NotEqual);
                let null = ordered && matches!((&left, &right), (Type::Null, _) | (_, Type::Null));
                if !left.comparable(&right) || null {
                    let message = format!("{} is never compared with {}", left.noun(), right.noun());
                    let help = match (&left, &right) {
                        (Type::Number, Type::Text) => Some("a number has no quotes".into()),
                        (Type::Text, Type::Number) => Some("a string has quotes".into()),
                        (Type::Things(..) | Type::List(_), Type::Number) => Some("write .size()".into()),
                        _ => None,
                    };
                    return Err(fault(span, message, help));
                }
                Type::Bool
            }
            In => match right {
                Type::Any | Type::List(_) | Type::Map(_) | Type::Things(..) => Type::Bool,
                other => {
                    let message = format!("nothing can be in {}", other.noun());
                    return Err(fault(b.span, message, Some("write \"web\" in services, or x in [..]".into())));
                }
            },
            _ => match (left, right) {
                (Type::Any, other) | (other, Type::Any) if matches!(other, Type::Any | Type::Number) => other,
                (Type::Number, Type::Number) => Type::Number,
                (Type::Text | Type::Any, Type::Text | Type::Any) if operator == Add => Type::Text,
                (Type::List(_) | Type::Any, Type::List(_) | Type::Any) if operator == Add => {
                    Type::List(Box::new(Type::Any))
                }
                (left, right) => {
                    let message = format!("{} and {} cannot be reckoned with each other", left.noun(), right.noun());
                    return Err(fault(span, message, None));
                }
            },
        };
        Ok((Node { kind: Kind::Binary(operator, Box::new(a), Box::new(b)), span }, known))
    }

    fn comprehension(&mut self, span: Range, which: Macro, name: &str, over: &IdedExpr, args: &[IdedExpr]) -> Checked {
        let (over, list) = self.expression(over)?;
        let element = match &list {
            Type::Things(object, _) => Type::Thing(object),
            Type::List(element) => (**element).clone(),
            Type::Map(_) => Type::Text,
            Type::Any => Type::Any,
            other => {
                let message = format!("{} has no elements", other.noun());
                return Err(fault(over.span, message, None));
            }
        };
        let form = FUNCTIONS.iter().find(|doc| doc.name == name).map(|doc| format!("write {}", doc.form));
        let (variable, filter, body) = match args {
            [variable, body] => (variable, None, body),
            [variable, filter, body] if which == Macro::Map => (variable, Some(filter), body),
            _ => return Err(fault(span, format!("`{name}` needs a name and a condition"), form)),
        };
        let Expr::Ident(variable_name) = &variable.expr else {
            return Err(fault(self.span(variable), format!("`{name}` needs a plain name first"), form));
        };
        if self.locals.len() >= 8 {
            return Err(fault(span, "more than 8 macros inside each other".into(), None));
        }
        self.locals.push((variable_name.clone(), element));
        let filter = filter.map(|filter| self.boolean(filter)).transpose();
        let body =
            if which == Macro::Map { self.expression(body) } else { self.boolean(body).map(|node| (node, Type::Bool)) };
        self.locals.pop();
        let (filter, (body, of)) = (filter?.map(Box::new), body?);
        let known = match (which, list) {
            (Macro::Map, _) => Type::List(Box::new(of)),
            (Macro::Filter, Type::Things(object, _)) => Type::List(Box::new(Type::Thing(object))),
            (Macro::Filter, Type::Map(_)) => Type::List(Box::new(Type::Text)),
            (Macro::Filter, list) => list,
            _ => Type::Bool,
        };
        Ok((Node { kind: Kind::Macro { which, over: Box::new(over), filter, body: Box::new(body) }, span }, known))
    }

    fn function(&mut self, node: &IdedExpr, span: Range, call: &CallExpr) -> Checked {
        let name = call.func_name.as_str();
        let Some(doc) = FUNCTIONS.iter().find(|doc| doc.name == name) else {
            let message = format!("there is no function `{name}`");
            let mut at = self.name_span(node, name);
            if let Some(target) = &call.target {
                // The name stands behind its target; an argument may repeat it.
                let from = self.span(target).1;
                if let Some(found) = self.source.get(from..span.1).and_then(|text| text.find(name)) {
                    at = (from + found, from + found + name.len());
                }
            } else if self.source[span.0..].starts_with(name) {
                at = (span.0, span.0 + name.len());
            }
            return Err(fault(at, message, did_you_mean(name, FUNCTIONS.iter().map(|doc| doc.name))));
        };
        let form = || Some(format!("write {}", doc.form));
        let mut args = Vec::new();
        let mut types = Vec::new();
        for arg in call.target.as_deref().into_iter().chain(&call.args) {
            let (node, of) = self.expression(arg)?;
            args.push(node);
            types.push(of);
        }
        let method = call.target.is_some();
        let text = |of: &Type| matches!(of, Type::Text | Type::Any);
        let all_text = |types: &[Type]| types.iter().all(text);
        let (function, fits, known) = match name {
            "size" => {
                let sized = |of: &Type| !matches!(of, Type::Bool | Type::Number | Type::Null | Type::Thing(_));
                (Function::Size, types.len() == 1 && types.iter().all(sized), Type::Number)
            }
            "contains" => (Function::Contains, method && types.len() == 2 && all_text(&types), Type::Bool),
            "startsWith" => (Function::StartsWith, method && types.len() == 2 && all_text(&types), Type::Bool),
            "endsWith" => (Function::EndsWith, method && types.len() == 2 && all_text(&types), Type::Bool),
            "matches" => {
                if types.len() != 2 || !all_text(&types) {
                    return Err(fault(span, "these arguments do not fit `matches`".into(), form()));
                }
                return self.matches(span, args);
            }
            "int" | "uint" | "double" | "string" => {
                let scalar = |of: &Type| matches!(of, Type::Any | Type::Number | Type::Text | Type::Bool);
                let (function, known) = match name {
                    "int" => (Function::Int, Type::Number),
                    "uint" => (Function::Uint, Type::Number),
                    "double" => (Function::Double, Type::Number),
                    _ => (Function::String, Type::Text),
                };
                (function, !method && types.len() == 1 && types.iter().all(scalar), known)
            }
            "spread" => (Function::Spread, !method && types.len() == 1 && all_text(&types), Type::Number),
            "answer" => {
                let port = types.get(1).is_some_and(|of| matches!(of, Type::Number | Type::Any));
                (Function::Answer, !method && types.len() == 2 && text(&types[0]) && port, Type::Text)
            }
            "resolve" => (Function::Resolve, !method && types.len() == 2 && all_text(&types), Type::Text),
            _ => return Err(fault(span, format!("`{name}` belongs behind a list and a dot"), form())),
        };
        if !fits {
            return Err(fault(span, format!("these arguments do not fit `{name}`"), form()));
        }
        Ok((Node { kind: Kind::Call(function, args), span }, known))
    }

    fn matches(&self, span: Range, mut args: Vec<Node>) -> Checked {
        let (Some(pattern), Some(text)) = (args.pop(), args.pop()) else {
            return Err(fault(span, "`matches` needs a text and a pattern".into(), None));
        };
        let Kind::Literal(Value::Text(written)) = &pattern.kind else {
            let help = Some("write text.matches(\"pattern\")".to_string());
            return Err(fault(pattern.span, "the pattern of `matches` must be written out".into(), help));
        };
        match RegexBuilder::new(written).size_limit(1 << 20).dfa_size_limit(1 << 20).build() {
            Ok(regex) => Ok((Node { kind: Kind::Matches(Box::new(text), regex), span }, Type::Bool)),
            Err(_) => Err(fault(pattern.span, "this is not a regular expression".into(), None)),
        }
    }
}

fn operator(name: &str) -> Option<Operator> {
    Some(match name {
        operators::EQUALS => Operator::Equal,
        operators::NOT_EQUALS => Operator::NotEqual,
        operators::LESS => Operator::Less,
        operators::LESS_EQUALS => Operator::LessOrEqual,
        operators::GREATER => Operator::Greater,
        operators::GREATER_EQUALS => Operator::GreaterOrEqual,
        operators::IN => Operator::In,
        operators::ADD => Operator::Add,
        operators::SUBSTRACT => Operator::Subtract,
        operators::MULTIPLY => Operator::Multiply,
        operators::DIVIDE => Operator::Divide,
        operators::MODULO => Operator::Modulo,
        _ => return None,
    })
}

fn macro_named(name: &str) -> Option<Macro> {
    Some(match name {
        "all" => Macro::All,
        "exists" => Macro::Exists,
        "exists_one" | "existsOne" => Macro::ExistsOne,
        "filter" => Macro::Filter,
        "map" => Macro::Map,
        _ => return None,
    })
}
