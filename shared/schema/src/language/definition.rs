//! The structure of a schema file, as it is written in YAML.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The file's top level.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SchemaFile {
    pub(crate) schema: String,
    #[serde(default)]
    pub(crate) version: u32,
    #[serde(default)]
    pub(crate) description: String,
    #[serde(default, rename = "referenceURL")]
    pub(crate) reference_url: String,
    #[serde(default)]
    pub(crate) parser: Option<BTreeMap<String, serde::de::IgnoredAny>>,
    #[serde(default)]
    pub(crate) definitions: BTreeMap<String, Definition>,
    pub(crate) fields: Vec<Definition>,
    /// Tells Panther's hosted engine to add fields that it meets. This crate accepts the key and ignores it.
    #[serde(default, rename = "fieldDiscoveryEnabled")]
    pub(crate) _field_discovery_enabled: Option<bool>,
}

/// A field, an array's element or a named definition.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Definition {
    pub(crate) name: Option<String>,
    pub(crate) required: bool,
    pub(crate) description: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) element: Option<Box<Definition>>,
    pub(crate) fields: Option<Vec<Definition>>,
    pub(crate) target: Option<String>,
    pub(crate) time_format: Option<String>,
    pub(crate) time_formats: Option<Vec<String>>,
    pub(crate) is_event_time: bool,
    pub(crate) is_expiration: bool,
    #[serde(rename = "isEmbeddedJSON")]
    pub(crate) is_embedded_json: bool,
    pub(crate) indicators: Vec<String>,
    /// Indicators that Panther's schema does not declare for the field. Strict mode ignores them.
    pub(crate) extension_indicators: Vec<String>,
    pub(crate) validate: Option<Validation>,
    pub(crate) rename: Option<Rename>,
    pub(crate) copy: Option<Copy>,
    pub(crate) concat: Option<Concat>,
    pub(crate) split: Option<Split>,
    pub(crate) mask: Option<Mask>,
    /// Panther's schema does not have the field. Strict mode ignores it.
    pub(crate) extension: bool,
}

/// The conditions that a string must fulfil.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Validation {
    pub(crate) allow: Option<Vec<String>>,
    pub(crate) deny: Option<Vec<String>>,
    pub(crate) ip: Option<String>,
    pub(crate) cidr: Option<String>,
}

/// Takes the value of another member of the same object.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rename {
    pub(crate) from: String,
}

/// Copies the value at a path.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Copy {
    pub(crate) from: String,
}

/// Joins the texts at some paths.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Concat {
    #[serde(default)]
    pub(crate) separator: String,
    pub(crate) paths: Vec<String>,
}

/// Takes one part of the text at a path.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Split {
    pub(crate) from: String,
    pub(crate) separator: String,
    pub(crate) index: usize,
}

/// Replaces a value by a fixed text or by its hash.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mask {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) to: Option<String>,
    #[serde(default)]
    pub(crate) salt: Option<String>,
}
