//! The values of conditions, how they compare and how they are written.
//!
//! Numbers of different kinds compare by their value, as CEL has it; overflow and division by zero give no value. Maps are
//! ordered by their keys.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::syntax::Operator;
use crate::observe::{Datum, Text, Thing, Things};

/// A value while a condition is evaluated.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Text),
    List(Arc<Vec<Value>>),
    Map(Arc<BTreeMap<Key, Value>>),
    Labels(Arc<BTreeMap<Text, Text>>),
    Thing(Thing),
    Things(Things),
}

/// A key of a map.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Bool(bool),
    Number(i128),
    Text(Text),
}

impl Key {
    pub(super) fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Bool(b) => Self::Bool(*b),
            Value::Int(n) => Self::Number((*n).into()),
            Value::Uint(n) => Self::Number((*n).into()),
            Value::Text(text) => Self::Text(Arc::clone(text)),
            _ => return None,
        })
    }

    pub(super) fn value(&self) -> Value {
        match self {
            Self::Bool(b) => Value::Bool(*b),
            Self::Number(n) => match i64::try_from(*n) {
                Ok(n) => Value::Int(n),
                Err(_) => Value::Uint(u64::try_from(*n).unwrap_or(u64::MAX)),
            },
            Self::Text(text) => Value::Text(Arc::clone(text)),
        }
    }
}

impl From<Datum> for Value {
    fn from(datum: Datum) -> Self {
        match datum {
            Datum::Bool(b) => Self::Bool(b),
            Datum::Int(n) => Self::Int(n),
            Datum::Text(text) => Self::Text(text),
            Datum::Null => Self::Null,
            Datum::Labels(labels) => Self::Labels(labels),
            Datum::Thing(thing) => Self::Thing(thing),
            Datum::Things(things) => Self::Things(things),
        }
    }
}

impl Value {
    /// What kind of value it is, with its article.
    pub(super) fn noun(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a bool",
            Self::Int(_) | Self::Uint(_) => "a whole number",
            Self::Double(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) | Self::Things(_) => "a list",
            Self::Map(_) | Self::Labels(_) => "a map",
            Self::Thing(_) => "an object",
        }
    }

    /// How it is written in an explanation.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Null => "null".into(),
            Self::Bool(b) => b.to_string(),
            Self::Int(n) => n.to_string(),
            Self::Uint(n) => format!("{n}u"),
            Self::Double(n) => n.to_string(),
            Self::Text(text) => format!("{:?}", clipped(text, 80)),
            Self::List(list) => {
                let mut parts: Vec<String> = list.iter().take(5).map(Self::shown).collect();
                if list.len() > 5 {
                    parts.push(format!("and {} more", list.len() - 5));
                }
                format!("[{}]", parts.join(", "))
            }
            Self::Map(map) => format!("a map of {}", map.len()),
            Self::Labels(labels) => {
                let parts: Vec<String> = labels.iter().take(5).map(|(key, value)| format!("{key}={value}")).collect();
                format!("{{{}}}", parts.join(", "))
            }
            Self::Thing(thing) => thing.title(),
            Self::Things(things) => format!("{} {}s", things.len(), things.noun()),
        }
    }

    /// Whether it equals another. Values of different kinds never do.
    pub(super) fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::List(a), Self::List(b)) => a.len() == b.len() && a.iter().zip(&**b).all(|(a, b)| a.equals(b)),
            (Self::Map(a), Self::Map(b)) => {
                a.len() == b.len() && a.iter().zip(&**b).all(|((ka, a), (kb, b))| ka == kb && a.equals(b))
            }
            (Self::Labels(a), Self::Labels(b)) => a == b,
            (Self::Labels(labels), Self::Map(map)) | (Self::Map(map), Self::Labels(labels)) => {
                labels.len() == map.len()
                    && labels.iter().zip(&**map).all(|((key, value), (other, of))| {
                        matches!((other, of), (Key::Text(other), Self::Text(of)) if key == other && value == of)
                    })
            }
            (Self::Thing(a), Self::Thing(b)) => a.title() == b.title(),
            _ => self.order(other) == Some(Ordering::Equal),
        }
    }

    /// How it compares to another; none if they do not.
    pub(super) fn order(&self, other: &Self) -> Option<Ordering> {
        Some(match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Double(a), Self::Double(b)) => return a.partial_cmp(b),
            (Self::Double(a), b) => return b.whole().and_then(|b| of_double(*a, b)),
            (a, Self::Double(b)) => return a.whole().and_then(|a| of_double(*b, a)).map(Ordering::reverse),
            (a, b) => a.whole()?.cmp(&b.whole()?),
        })
    }

    fn whole(&self) -> Option<i128> {
        match self {
            Self::Int(n) => Some((*n).into()),
            Self::Uint(n) => Some((*n).into()),
            _ => None,
        }
    }
}

/// A double against a whole number, exactly.
fn of_double(a: f64, b: i128) -> Option<Ordering> {
    if a.is_nan() {
        return None;
    }
    // The whole part of any double beyond i128 saturates, which keeps the order.
    let whole = a.trunc() as i128;
    Some(whole.cmp(&b).then_with(|| a.partial_cmp(&a.trunc()).unwrap_or(Ordering::Equal)))
}

/// The beginning of a long text.
pub(super) fn clipped(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_string(),
    }
}

/// `a operator b` for arithmetic; the error says why there is no value.
pub(super) fn arithmetic(operator: Operator, a: &Value, b: &Value) -> Result<Value, String> {
    use Operator::{Add, Divide, Modulo, Multiply, Subtract};
    let overflow = || format!("{} and {} give a number that is too large", a.shown(), b.shown());
    let zero = || "division by zero".to_string();
    Ok(match (operator, a, b) {
        (Divide | Modulo, Value::Int(_), Value::Int(0)) | (Divide | Modulo, Value::Uint(_), Value::Uint(0)) => {
            return Err(zero());
        }
        (_, Value::Int(x), Value::Int(y)) => Value::Int(
            match operator {
                Add => x.checked_add(*y),
                Subtract => x.checked_sub(*y),
                Multiply => x.checked_mul(*y),
                Divide => x.checked_div(*y),
                _ => x.checked_rem(*y),
            }
            .ok_or_else(overflow)?,
        ),
        (_, Value::Uint(x), Value::Uint(y)) => Value::Uint(
            match operator {
                Add => x.checked_add(*y),
                Subtract => x.checked_sub(*y),
                Multiply => x.checked_mul(*y),
                Divide => x.checked_div(*y),
                _ => x.checked_rem(*y),
            }
            .ok_or_else(overflow)?,
        ),
        // Kinder than CEL, which wants int(time) or 5.0 here.
        (Add | Subtract | Multiply | Divide, Value::Double(_), Value::Double(_) | Value::Int(_) | Value::Uint(_))
        | (Add | Subtract | Multiply | Divide, Value::Int(_) | Value::Uint(_), Value::Double(_)) => {
            let (x, y) = (double(a), double(b));
            Value::Double(match operator {
                Add => x + y,
                Subtract => x - y,
                Multiply => x * y,
                _ => x / y,
            })
        }
        (Add, Value::Text(x), Value::Text(y)) => {
            if x.len() + y.len() > 1 << 20 {
                return Err("a text longer than a million characters".into());
            }
            Value::Text(format!("{x}{y}").into())
        }
        (Add, Value::List(x), Value::List(y)) => {
            let mut list = Vec::with_capacity(x.len() + y.len());
            list.extend(x.iter().cloned());
            list.extend(y.iter().cloned());
            Value::List(Arc::new(list))
        }
        _ => return Err(format!("{} and {} cannot be reckoned with each other", a.noun(), b.noun())),
    })
}

/// A number as a double.
pub(super) fn double(value: &Value) -> f64 {
    match value {
        Value::Int(n) => *n as f64,
        Value::Uint(n) => *n as f64,
        Value::Double(n) => *n,
        _ => f64::NAN,
    }
}
