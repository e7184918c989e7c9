//! Irregular numbers and booleans: numbers and booleans as text, and numbers with a fraction.

use serde_json::{Value, json};

use super::value::field_value;
use crate::fields::Fields;
use crate::seeded_rng::SeededRng;

pub(super) fn write_number_as_text(fields: &mut Fields<'_>, rng: &mut SeededRng) {
    let name = rng.pick(&[
        "RecordType",
        "UserType",
        "Version",
        "LogonType",
        "InternalLogonType",
        "AzureActiveDirectoryEventType",
        "ErrorNumber",
        "ExternalAccess",
    ]);
    let irregular = match (name, field_value(fields, name)) {
        ("UserType", Some(_)) if rng.chance(0.3) => json!("x"),
        ("ErrorNumber", Some(_)) => json!(50_126),
        (_, Some(Value::Bool(_))) => json!(rng.pick(&["True", "False"])),
        (_, Some(Value::Number(number))) => json!(number.to_string()),
        _ => return,
    };
    fields.replace(name, irregular);
}

pub(super) fn make_sizes_irregular(fields: &mut Fields<'_>, rng: &mut SeededRng) {
    let irregular = match rng.below(4) {
        0 => json!("75096"),
        1 => json!(1_156_492.0),
        2 => json!("1e9"),
        _ => json!("1000.0"),
    };
    fields.replace("FileSizeBytes", irregular.clone());
    if let Some(mut item) = field_value(fields, "Item") {
        item["SizeInBytes"] = irregular;
        fields.replace("Item", item);
    }
}
