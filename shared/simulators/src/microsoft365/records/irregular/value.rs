//! Reads a field of a record.

use serde_json::Value;

use crate::fields::Fields;

/// Returns the value of the field `name`; `None` if the record has no such field.
pub(super) fn field_value(fields: &Fields<'_>, name: &str) -> Option<Value> {
    fields.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
}
