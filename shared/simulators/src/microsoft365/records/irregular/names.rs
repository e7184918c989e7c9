//! Irregular ids, operations, users and results.

use serde_json::{Value, json};

use super::value::value;
use crate::fields::Fields;
use crate::seeded_rng::SeededRng;

pub(super) fn make_irregular(fields: &mut Fields<'_>, rng: &mut SeededRng) {
    match rng.below(5) {
        0 => identifier(fields, rng),
        1 => operation(fields),
        2 => fields.replace("UserId", user_id(rng)),
        3 => fields.replace("UserKey", user_key(rng)),
        _ => fields.replace("ResultStatus", result(rng)),
    }
}

/// Writes the `Id` in upper case, or appends `_1`, so that it is no longer a GUID. It remains unique.
fn identifier(fields: &mut Fields<'_>, rng: &mut SeededRng) {
    if let Some(Value::String(id)) = value(fields, "Id") {
        fields.replace("Id", if rng.chance(0.5) { id.to_uppercase() } else { format!("{id}_1") });
    }
}

fn operation(fields: &mut Fields<'_>) {
    if let Some(Value::String(operation)) = value(fields, "Operation") {
        fields.replace("Operation", operation.to_lowercase());
    }
}

fn user_id(rng: &mut SeededRng) -> Value {
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

fn user_key(rng: &mut SeededRng) -> Value {
    json!(rng.pick(&[
        "",
        "Not Available",
        "i:0h.f|membership|10033fff@live.com",
        "10033FFF80D6F0A1@example.com",
        "5d1f0c7e-9b22-4b0e-8a35-1f6d0e2c4b9a",
    ]))
}

fn result(rng: &mut SeededRng) -> Value {
    json!(rng.pick(&["success", "TRUE", "failed", "PartiallySucceeded", "InProgress"]))
}
