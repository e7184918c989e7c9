//! Irregular lists and people: JSON lists as text, lists of text, missing values, and people as text or as objects.

use serde_json::{Value, json};

use super::value::field_value;
use crate::fields::Fields;
use crate::seeded_rng::SeededRng;

pub(super) fn make_properties_irregular(fields: &mut Fields<'_>, rng: &mut SeededRng) {
    let name = rng.pick(&[
        "ModifiedProperties",
        "ExtendedProperties",
        "Parameters",
        "OperationProperties",
        "AdditionalInfo",
        "Actions",
        "DeviceProperties",
    ]);
    let Some(list) = field_value(fields, name) else { return };
    let irregular = match rng.below(5) {
        0 => json!(list.to_string()),
        1 => json!(["DisplayName", "IsRead"]),
        2 => json!("-Identity \"mina\" -DeliverToMailboxAndForward \"False\""),
        3 => json!([]),
        _ => Value::Null,
    };
    fields.replace(name, irregular);
}

pub(super) fn make_people_irregular(fields: &mut Fields<'_>, rng: &mut SeededRng) {
    let name = rng.pick(&["Actor", "Target", "Sender"]);
    let Some(value) = field_value(fields, name) else { return };
    let Value::Array(mut people) = value else {
        return fields.replace(name, json!({"DisplayName": "Mina Okafor", "UPN": "mina.okafor@example.com"}));
    };
    let is_unknown = rng.chance(0.3);
    for person in &mut people {
        if is_unknown {
            person["ID"] = json!("Unknown");
        } else if let Some(number) = person["Type"].as_i64() {
            person["Type"] = json!(number.to_string());
        }
    }
    fields.replace(name, people);
}
