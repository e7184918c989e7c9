//! Lists the fields of a schema with their attributes, for those who read schemas.

use crate::language::model::{Field, Object, Schema, Type, Value};

/// One field of a schema, or of an object inside of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldInfo {
    /// The names from the top, joined by `.`; `[]` stands for an array's elements.
    pub path: String,
    /// The name of the field in a line.
    pub column: String,
    /// The type's name in the schema language.
    pub kind: String,
    /// The type of an array's elements; `None` for any other field.
    pub element: Option<String>,
    /// Panther rejects an event that does not have the field.
    pub is_required: bool,
    /// The time formats that the schema file names for the field, in the order in which they are tried.
    pub time_formats: Vec<String>,
    /// `p_event_time` may come from the field.
    pub is_event_time: bool,
    /// The indicators that Panther's schema declares for the field or, in an array, for its elements.
    pub indicators: Vec<String>,
    /// The indicators that only this project's schema declares for the field or its elements.
    pub extension_indicators: Vec<String>,
    /// The description of the field.
    pub description: String,
    /// Panther's schema does not have the field.
    pub is_extension: bool,
}

impl Schema {
    /// Returns all fields in schema order. The members of an object follow the object.
    pub fn fields(&self) -> Vec<FieldInfo> {
        let mut fields = Vec::new();
        describe(&self.root, "", &mut fields);
        fields
    }

    /// The description of the log type.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The address of the vendor's documentation.
    pub fn reference_url(&self) -> &str {
        &self.reference_url
    }

    /// The schema's revision, which is `p_schema_version`.
    pub fn version(&self) -> u32 {
        self.version
    }
}

/// Appends the fields of an object, and the fields inside of each.
fn describe(object: &Object, parent: &str, fields: &mut Vec<FieldInfo>) {
    for field in &object.fields {
        let path = if parent.is_empty() { field.name.to_string() } else { format!("{parent}.{}", field.name) };
        fields.push(field_info(field, path.clone()));
        members(&field.value, &path, fields);
    }
}

/// Appends the fields of a value that is an object, or an array of objects.
fn members(value: &Value, path: &str, fields: &mut Vec<FieldInfo>) {
    match &value.kind {
        Type::Object(object) => describe(object, path, fields),
        Type::Array(element) => members(element, &format!("{path}[]"), fields),
        _ => {}
    }
}

fn field_info(field: &Field, path: String) -> FieldInfo {
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
        is_required: field.is_required,
        time_formats: field.value.declaration.time_formats.clone(),
        is_event_time: field.value.is_event_time,
        indicators: written.indicators.clone(),
        extension_indicators: written.extension_indicators.clone(),
        description: field.description.to_string(),
        is_extension: field.is_extension,
    }
}
