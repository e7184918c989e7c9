//! The odd forms that fields of real records have.

use serde_json::{Value, json};

use crate::dice::Dice;
use crate::fields::Fields;

/// Gives one or two fields another form.
pub(super) fn make(fields: &mut Fields<'_>, dice: &mut Dice) {
    for _ in 0..1 + dice.below(2) {
        match dice.below(5) {
            0 => numbers(fields, dice),
            1 => addresses(fields, dice),
            2 => times(fields, dice),
            3 => properties(fields, dice),
            _ => unheard_of(fields, dice),
        }
    }
}

fn value(fields: &Fields<'_>, name: &str) -> Option<Value> {
    fields.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
}

/// Numbers as strings, or of no known meaning.
fn numbers(fields: &mut Fields<'_>, dice: &mut Dice) {
    let name = dice.pick(&["RecordType", "UserType", "Version", "LogonType", "AzureActiveDirectoryEventType"]);
    if let Some(number) = value(fields, name).and_then(|number| number.as_i64()) {
        let odd = match dice.below(3) {
            0 if name == "RecordType" => json!(-1),
            1 if name == "RecordType" => json!(9_999),
            2 if name == "UserType" => json!("x"),
            _ => json!(number.to_string()),
        };
        fields.replace(name, odd);
    }
}

fn addresses(fields: &mut Fields<'_>, dice: &mut Dice) {
    let name = dice.pick(&["ClientIP", "ClientIPAddress", "ActorIpAddress"]);
    let odd = dice.pick(&[
        "",
        "[203.0.113.7]",
        "[203.0.113.7]:4711",
        "[2001:db8::7]",
        "::ffff:203.0.113.7",
        "[::ffff:203.0.113.7]:4711",
        "localhost:25",
        "mail.example.com",
        "HOST01 (10.9000.0.1)",
    ]);
    fields.replace(name, odd);
}

fn times(fields: &mut Fields<'_>, dice: &mut Dice) {
    if let Some(Value::String(time)) = value(fields, "CreationTime") {
        let ending = dice.pick(&["Z", ".1234567", ".0000000Z"]);
        fields.replace("CreationTime", format!("{time}{ending}"));
    }
}

/// Lists as text, lists of text, nothing at all.
fn properties(fields: &mut Fields<'_>, dice: &mut Dice) {
    let name = dice.pick(&["ModifiedProperties", "ExtendedProperties", "Parameters", "OperationProperties"]);
    let Some(list) = value(fields, name) else { return };
    let odd = match dice.below(3) {
        0 => json!(list.to_string()),
        1 => json!(["DisplayName", "IsRead"]),
        _ => Value::Null,
    };
    fields.replace(name, odd);
}

/// Fields that are new, and fields that are gone.
fn unheard_of(fields: &mut Fields<'_>, dice: &mut Dice) {
    if dice.chance(0.5) {
        fields.remove(dice.pick(&["ResultStatus", "ExternalAccess", "UserKey", "Workload"]));
    } else {
        fields.0.push(("NewSince2027", json!({"a": [1, {"b.c": null}], "Platform": dice.pick(&["1", "Mac"])})));
    }
}
