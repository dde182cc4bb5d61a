//! Secrets and configs as the Engine API shows them (moby `api/types/swarm/secret.go`, `config.go`), and how services
//! name them.

use super::{Labels, ObjectVersion};
pub use crate::swarm::object::FileKind;
use serde::{Serialize, Serializer};

/// A secret or a config.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct File {
    /// 25 characters.
    #[serde(rename = "ID")]
    pub id: String,
    /// Quoted by updates.
    #[serde(rename = "Version")]
    pub version: ObjectVersion,
    /// RFC 3339 with nanoseconds.
    #[serde(rename = "CreatedAt")]
    pub created_at: String,
    /// RFC 3339 with nanoseconds.
    #[serde(rename = "UpdatedAt")]
    pub updated_at: String,
    /// What the user gave; of a secret without its content.
    #[serde(rename = "Spec")]
    pub spec: FileSpec,
}

/// What a user gives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct FileSpec {
    /// The name.
    pub name: String,
    /// Labels.
    pub labels: Labels,
    /// The content; base 64 in JSON.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "base64")]
    pub data: Vec<u8>,
    /// The content is a template.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub templating: Option<Driver>,
}

fn base64<S: Serializer>(data: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(data.len().div_ceil(3) * 4);
    for group in data.chunks(3) {
        let bits = group.iter().enumerate().fold(0, |bits, (place, byte)| bits | u32::from(*byte) << (16 - 8 * place));
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= group.len() { digit.into() } else { '=' });
        }
    }
    serializer.serialize_str(&text)
}

/// A driver and its options.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Driver {
    /// Its name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its options.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub options: Labels,
}

/// Where a task finds a secret or a config.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct FileTarget {
    /// Of a secret relative to `/run/secrets`, of a config to `/`.
    #[serde(rename = "Name")]
    pub name: String,
    /// Owner.
    #[serde(rename = "UID")]
    pub uid: String,
    /// Group.
    #[serde(rename = "GID")]
    pub gid: String,
    /// Permissions: 292 is 0444.
    #[serde(rename = "Mode")]
    pub mode: u32,
}

/// A secret that a service is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct SecretReference {
    /// Where.
    #[serde(rename = "File")]
    pub file: FileTarget,
    /// Its id.
    #[serde(rename = "SecretID")]
    pub id: String,
    /// Its name.
    #[serde(rename = "SecretName")]
    pub name: String,
}

/// A config that a service is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct ConfigReference {
    /// Where.
    #[serde(rename = "File")]
    pub file: FileTarget,
    /// Its id.
    #[serde(rename = "ConfigID")]
    pub id: String,
    /// Its name.
    #[serde(rename = "ConfigName")]
    pub name: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_shown_in_base_64() {
        for (data, text) in [("{\"k\":1}\n", "eyJrIjoxfQo="), ("a", "YQ=="), ("ab", "YWI="), ("abc", "YWJj")] {
            let spec = FileSpec { data: data.into(), ..FileSpec::default() };
            let shown = serde_json::to_value(&spec).expect("plain data");
            assert_eq!(shown["Data"], text);
        }
    }
}
