//! Irregular names of users, operations and results.

use serde_json::{Value, json};

use super::value::value;
use crate::dice::Dice;
use crate::fields::Fields;

pub(super) fn make(fields: &mut Fields<'_>, dice: &mut Dice) {
    match dice.below(5) {
        0 => identifier(fields, dice),
        1 => operation(fields),
        2 => fields.replace("UserId", user_id(dice)),
        3 => fields.replace("UserKey", user_key(dice)),
        _ => fields.replace("ResultStatus", result(dice)),
    }
}

/// Replaces the `Id` by a text that is no GUID, or by another spelling of it. It stays unique.
fn identifier(fields: &mut Fields<'_>, dice: &mut Dice) {
    if let Some(Value::String(id)) = value(fields, "Id") {
        fields.replace("Id", if dice.chance(0.5) { id.to_uppercase() } else { format!("{id}_1") });
    }
}

fn operation(fields: &mut Fields<'_>) {
    if let Some(Value::String(operation)) = value(fields, "Operation") {
        fields.replace("Operation", operation.to_lowercase());
    }
}

fn user_id(dice: &mut Dice) -> Value {
    json!(dice.pick(&[
        "",
        "Not Available",
        "Application",
        "S-1-5-18",
        "S-1-5-21-1004336348-1177238915-682003330-512",
        "NT AUTHORITY\\SYSTEM (Microsoft.Exchange)",
        "5d1f0c7e-9b22-4b0e-8a35-1f6d0e2c4b9a",
    ]))
}

fn user_key(dice: &mut Dice) -> Value {
    json!(dice.pick(&[
        "",
        "Not Available",
        "i:0h.f|membership|10033fff@live.com",
        "10033FFF80D6F0A1@example.com",
        "5d1f0c7e-9b22-4b0e-8a35-1f6d0e2c4b9a",
    ]))
}

fn result(dice: &mut Dice) -> Value {
    json!(dice.pick(&["success", "TRUE", "failed", "PartiallySucceeded", "InProgress"]))
}
