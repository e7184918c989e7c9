//! A schema for those who read it: every field with what is said of it.

use crate::language::model::{Field, Object, Schema, Type, Value};

/// One field of a schema, or the elements of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldInfo {
    /// The names from the top, joined by `.`; `[]` stands for an array's elements.
    pub path: String,
    /// The field's column.
    pub column: String,
    /// The type's name in the schema language.
    pub kind: String,
    /// Of an array: its elements' type.
    pub element: Option<String>,
    /// Whether the reference refuses an event without it.
    pub required: bool,
    /// Time formats, in the order they are tried.
    pub time_formats: Vec<String>,
    /// Whether `p_event_time` may come from it.
    pub is_event_time: bool,
    /// Indicators, of an array of strings those of its elements.
    pub indicators: Vec<String>,
    /// Indicators beyond those of the reference.
    pub extension_indicators: Vec<String>,
    /// What the field is.
    pub description: String,
    /// Ours: beyond the reference schema.
    pub is_extension: bool,
}

impl Schema {
    /// Every field, in schema order, an object before its members.
    pub fn fields(&self) -> Vec<FieldInfo> {
        let mut fields = Vec::new();
        describe(&self.root, "", &mut fields);
        fields
    }

    /// What the log type is.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Where the vendor documents it.
    pub fn reference_url(&self) -> &str {
        &self.reference_url
    }

    /// The schema's revision: `p_schema_version`.
    pub fn version(&self) -> u32 {
        self.version
    }
}

fn describe(object: &Object, parent: &str, fields: &mut Vec<FieldInfo>) {
    for field in &object.fields {
        let path = if parent.is_empty() { field.name.to_string() } else { format!("{parent}.{}", field.name) };
        fields.push(info(field, path.clone()));
        members(&field.value, &path, fields);
    }
}

fn members(value: &Value, path: &str, fields: &mut Vec<FieldInfo>) {
    match &value.kind {
        Type::Object(object) => describe(object, path, fields),
        Type::Array(element) => members(element, &format!("{path}[]"), fields),
        _ => {}
    }
}

fn info(field: &Field, path: String) -> FieldInfo {
    let element = match &field.value.kind {
        Type::Array(element) => Some(element),
        _ => None,
    };
    let written = &element.map_or(&field.value, |element| element).declaration;
    FieldInfo {
        path,
        column: field.column.to_string(),
        kind: field.value.declaration.kind.clone(),
        element: element.map(|element| element.declaration.kind.clone()),
        required: field.is_required,
        time_formats: field.value.declaration.time_formats.clone(),
        is_event_time: field.value.is_event_time,
        indicators: written.indicators.clone(),
        extension_indicators: written.extension_indicators.clone(),
        description: field.description.to_string(),
        is_extension: field.is_extension,
    }
}
