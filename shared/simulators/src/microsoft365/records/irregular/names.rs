//! Irregular ids, operations, users and results.

use serde_json::{Value, json};

use super::value::field_value;
use crate::fields::Fields;
use crate::seeded_rng::SeededRng;

pub(super) fn make_irregular(fields: &mut Fields<'_>, rng: &mut SeededRng) {
    match rng.below(5) {
        0 => make_id_irregular(fields, rng),
        1 => lower_case_operation(fields),
        2 => fields.replace("UserId", irregular_user_id(rng)),
        3 => fields.replace("UserKey", irregular_user_key(rng)),
        _ => fields.replace("ResultStatus", irregular_result(rng)),
    }
}

/// Writes the `Id` in upper case, or appends `_1`, so that it is no longer a GUID. It remains unique.
fn make_id_irregular(fields: &mut Fields<'_>, rng: &mut SeededRng) {
    if let Some(Value::String(id)) = field_value(fields, "Id") {
        fields.replace("Id", if rng.chance(0.5) { id.to_uppercase() } else { format!("{id}_1") });
    }
}

fn lower_case_operation(fields: &mut Fields<'_>) {
    if let Some(Value::String(operation)) = field_value(fields, "Operation") {
        fields.replace("Operation", operation.to_lowercase());
    }
}

fn irregular_user_id(rng: &mut SeededRng) -> Value {
    json!(rng.pick(&[
        "",
        "Not Available",
        "Application",
        "S-1-5-18",
        "S-1-5-21-1004336348-1177238915-682003330-512",
        "NT AUTHORITY\\SYSTEM (Microsoft.Exchange)",
        "5d1f0c7e-9b22-4b0e-8a35-1f6d0e2c4b9a",
    ]))
}

fn irregular_user_key(rng: &mut SeededRng) -> Value {
    json!(rng.pick(&[
        "",
        "Not Available",
        "i:0h.f|membership|10033fff@live.com",
        "10033FFF80D6F0A1@example.com",
        "5d1f0c7e-9b22-4b0e-8a35-1f6d0e2c4b9a",
    ]))
}

fn irregular_result(rng: &mut SeededRng) -> Value {
    json!(rng.pick(&["success", "TRUE", "failed", "PartiallySucceeded", "InProgress"]))
}
