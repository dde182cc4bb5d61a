//! Generic resources as the Engine API shows them (moby `api/types/swarm/task.go`), and the terms in which command lines
//! speak of them (SwarmKit's `api/genericresource`).

use serde::Serialize;
use std::collections::BTreeMap;

/// A generic resource; a reservation asks for a number of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GenericResource {
    /// One with a name of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub named_resource_spec: Option<NamedResource>,
    /// So many that are all alike.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discrete_resource_spec: Option<DiscreteResource>,
}

/// A generic resource with a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NamedResource {
    /// The user's word.
    pub kind: String,
    /// Its name.
    pub value: String,
}

/// A number of a generic resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DiscreteResource {
    /// The user's word.
    pub kind: String,
    /// How many.
    pub value: i64,
}

impl GenericResource {
    /// Reads `KIND=VALUE` terms as `docker service create --generic-resource` and the daemon's
    /// `--node-generic-resource` do: one number of a kind is an amount, other values are names. Kinds come in the order
    /// of their names; Docker's own order is that of a Go map.
    ///
    /// # Errors
    /// In SwarmKit's words.
    pub fn parse<'a>(terms: impl IntoIterator<Item = &'a str>) -> Result<Vec<Self>, String> {
        let failed = |text: String| Err(format!("could not parse GenericResource: {text}"));
        let mut kinds: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for term in terms {
            match term.split('=').collect::<Vec<_>>()[..] {
                [kind, value] => kinds.entry(kind.trim()).or_default().push(value.trim()),
                _ => return failed(format!("incorrect term {term}, missing '=' or malformed expression")),
            }
        }
        let mut all = Vec::new();
        for (kind, values) in kinds {
            match (&values[..], values.iter().any(|value| value.parse::<i64>().is_ok())) {
                ([value], true) => match value.parse() {
                    Ok(amount) if amount >= 0 => all.push(Self::discrete(kind, amount)),
                    _ => return failed(format!("cannot ask for negative resource {kind}")),
                },
                (_, false) => all.extend(values.iter().map(|name| Self::named(kind, name))),
                _ => {
                    let values = values.join(" ");
                    return failed(format!("mixed discrete and named resources in expression '{kind}=[{values}]'"));
                }
            }
        }
        Ok(all)
    }

    /// So many of a kind.
    pub fn discrete(kind: &str, value: i64) -> Self {
        let discrete_resource_spec = Some(DiscreteResource { kind: kind.to_owned(), value });
        Self { named_resource_spec: None, discrete_resource_spec }
    }

    /// One with a name.
    pub fn named(kind: &str, value: &str) -> Self {
        let named_resource_spec = Some(NamedResource { kind: kind.to_owned(), value: value.to_owned() });
        Self { named_resource_spec, discrete_resource_spec: None }
    }
}

#[cfg(test)]
mod tests {
    use super::GenericResource;

    #[test]
    fn terms_are_amounts_or_names() {
        let read = |terms: &[&str]| GenericResource::parse(terms.iter().copied());
        let (gpu, ssd) = (|name| GenericResource::named("GPU", name), GenericResource::discrete("SSD", 3));
        assert_eq!(read(&["SSD=3", "GPU = b", "GPU=a"]), Ok(vec![gpu("b"), gpu("a"), ssd]));
        assert_eq!(read(&["GPU=a,b"]), Ok(vec![gpu("a,b")]), "commas are nothing to the daemon");
        let refused = |terms: &[&str], text: &str| {
            assert_eq!(read(terms).unwrap_err(), format!("could not parse GenericResource: {text}"));
        };
        refused(&["GPU"], "incorrect term GPU, missing '=' or malformed expression");
        refused(&["GPU=a=b"], "incorrect term GPU=a=b, missing '=' or malformed expression");
        refused(&["GPU=-1"], "cannot ask for negative resource GPU");
        refused(&["GPU=a", "GPU=1"], "mixed discrete and named resources in expression 'GPU=[a 1]'");
        refused(&["GPU=1", "GPU=2"], "mixed discrete and named resources in expression 'GPU=[1 2]'");
    }
}
