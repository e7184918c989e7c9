//! Irregular numbers and booleans: numbers as text, numbers with a fraction, and booleans as text.

use serde_json::{Value, json};

use super::value::value;
use crate::dice::Dice;
use crate::fields::Fields;

pub(super) fn as_text(fields: &mut Fields<'_>, dice: &mut Dice) {
    let name = dice.pick(&[
        "RecordType",
        "UserType",
        "Version",
        "LogonType",
        "InternalLogonType",
        "AzureActiveDirectoryEventType",
        "ErrorNumber",
        "ExternalAccess",
    ]);
    let odd = match (name, value(fields, name)) {
        ("UserType", Some(_)) if dice.chance(0.3) => json!("x"),
        ("ErrorNumber", Some(_)) => json!(50_126),
        (_, Some(Value::Bool(_))) => json!(dice.pick(&["True", "False"])),
        (_, Some(Value::Number(number))) => json!(number.to_string()),
        _ => return,
    };
    fields.replace(name, odd);
}

pub(super) fn sizes(fields: &mut Fields<'_>, dice: &mut Dice) {
    let odd = match dice.below(4) {
        0 => json!("75096"),
        1 => json!(1_156_492.0),
        2 => json!("1e9"),
        _ => json!("1000.0"),
    };
    fields.replace("FileSizeBytes", odd.clone());
    if let Some(mut item) = value(fields, "Item") {
        item["SizeInBytes"] = odd;
        fields.replace("Item", item);
    }
}
